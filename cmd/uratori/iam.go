package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uratori/access"
	"uratori/config"
	"uratori/source/entra"
)

// iam prints what the program needs to be permitted.
func (a *app) iam() *cobra.Command {
	var features []string
	var file string
	cmd := &cobra.Command{
		Use:   "iam [reader|member|trust|splunk|entra|slack|jira|mcp]",
		Short: "Print the least-privilege policies, roles and manifests",
		Long: `Iam prints what each part of the program must be permitted, and nothing more: policies for the
reader role and for the role in member accounts with its trust policy, a Splunk role, the
permissions of the Entra ID application, a Slack manifest, the JIRA permissions, and what MCP
servers need. With one of the words it prints that alone, ready to be used. Words in capitals are
to be filled in. --config fills in what the configuration knows, and leaves out the features that
it does not use; --feature names them instead.`,
		Example: `  uratori iam
  uratori iam reader --feature history,coverage,findings > reader.json
  uratori iam splunk --config uratori.yaml`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.MaximumNArgs(1)(cmd, args)) },
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			list, err := access.Named(features)
			if err != nil {
				return usage(err)
			}
			if len(features) == 0 && usesAWS(c) {
				list = inUse(c)
			}
			parts := permissions(list, c)
			if len(args) == 0 {
				for _, p := range parts {
					fmt.Fprintf(a.out, "# %s: %s\n%s\n", p.name, p.title, p.text)
				}
				return nil
			}
			var names []string
			for _, p := range parts {
				if p.name == args[0] {
					if strings.HasSuffix(p.title, unused) {
						a.hint(p.title)
					}
					_, err := fmt.Fprint(a.out, p.text)
					return err
				}
				names = append(names, p.name)
			}
			return usage(fmt.Errorf("%q is none of %s", args[0], strings.Join(names, ", ")))
		},
	}
	var known []string
	for _, f := range access.Features() {
		known = append(known, f.Name)
	}
	cmd.Flags().StringSliceVar(&features, "feature", nil, "only for these: "+strings.Join(known, ", "))
	cmd.Flags().StringVar(&file, "config", "", "configuration file (uratori.yaml)")
	return cmd
}

// unused is said of what is printed for a delivery that is still to come.
const unused = "; this version of the program does not use it yet"

type permission struct{ name, title, text string }

// inUse are the features that a configuration uses, with those of fetching findings and of looking
// after itself.
func inUse(c config.Config) []access.Feature {
	on := map[string]bool{"findings": true, "doctor": true}
	for _, s := range c.Sources {
		if s.CloudTrail != nil {
			on["history"], on["coverage"] = true, true
		}
		on["athena"] = on["athena"] || s.Athena != nil
	}
	for _, kind := range c.AWS.LookUp {
		on[lookedUpBy[kind]] = true
	}
	if len(c.AWS.Logs) > 0 {
		on["logs"] = true
	}
	for _, ref := range c.Secrets() {
		switch scheme, _, _ := strings.Cut(ref, ":"); scheme {
		case "ssm":
			on["parameters"] = true
		case "awssm":
			on["secrets"] = true
		}
	}
	return slices.DeleteFunc(access.Features(), func(f access.Feature) bool { return !on[f.Name] })
}

// lookedUpBy are the features by what is looked up.
var lookedUpBy = map[string]string{
	"account": "accounts", "identity_store_user": "people", "access_key": "principals", "iam_principal": "principals", "permission_set": "permission-sets", "bucket": "buckets", "instance": "instances", "guardduty_investigation": "claims",
}

// params are what the configuration knows of the resources in policies.
func params(c config.Config) access.Params {
	p := access.Params{Region: c.AWS.Region, MemberRole: c.AWS.MemberRole, ReaderRole: c.AWS.Role}
	if parts := strings.Split(c.AWS.Role, ":"); len(parts) > 4 {
		p.Partition, p.Account = parts[1], parts[4]
	}
	for _, s := range c.Sources {
		if t := s.Athena; t != nil {
			p.Workgroup, p.Database, p.Table = t.Workgroup, t.Database, t.Table
			if t.Region != "" {
				p.Region = t.Region
			}
			p.ResultBucket, _, _ = strings.Cut(strings.TrimPrefix(t.Output, "s3://"), "/")
		}
	}
	for _, ref := range c.Secrets() {
		scheme, rest, _ := strings.Cut(ref, ":")
		switch scheme {
		case "ssm":
			p.Parameters = append(p.Parameters, rest)
		case "awssm":
			id, _, _ := strings.Cut(rest, "#")
			p.Secrets = append(p.Secrets, id)
		}
	}
	return p
}

// permissions are all that is printed, with what the configuration knows filled in.
func permissions(features []access.Feature, c config.Config) []permission {
	p := params(c)
	var indexes []string
	for _, s := range c.Sources {
		if s.Splunk != nil {
			for _, place := range s.Splunk.Places {
				indexes = append(indexes, place.Index)
			}
		}
	}
	slices.Sort(indexes)
	var graph, servers strings.Builder
	for _, g := range entra.Permissions() {
		need := "required"
		if !g.Required {
			need = "may be left out"
		}
		fmt.Fprintf(&graph, "%s (application permission, %s): %s\n", g.Name, need, g.For)
	}
	for _, m := range access.MCPServers() {
		needs := strings.Join(m.Needs, ", ")
		if needs == "" {
			needs = "nothing"
		}
		fmt.Fprintf(&servers, "%s needs %s; %s\n", m.Name, needs, m.Note)
	}
	return []permission{
		{"reader", "policy of the role that runs the program", string(access.ReaderPolicy(features, p))},
		{"member", "policy of the role in each account that is investigated", string(access.MemberPolicy(features, p))},
		{"trust", "trust policy of that role", string(access.TrustPolicy(p))},
		{"splunk", "role behind the token", access.SplunkRole(slices.Compact(indexes))},
		{"entra", "permissions of the application in Entra ID, with an administrator's consent", graph.String()},
		{"slack", "manifest of the Slack app" + unused, access.SlackManifest()},
		{"jira", "permissions of the account in the project" + unused, strings.Join(access.JIRAPermissions(), "\n") + "\n"},
		{"mcp", "what MCP servers need, which whoever runs them grants" + unused, servers.String()},
	}
}
