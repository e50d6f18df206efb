package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/finding"
	"uratori/guardduty"
	"uratori/query"
)

// findings fetches findings from GuardDuty.
func (a *app) findingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "findings",
		Short:   "List findings of GuardDuty",
		Example: "  uratori findings list --region ap-northeast-1 --severity 7",
		Args:    cobra.NoArgs,
		RunE:    group,
	}
	cmd.AddCommand(a.listFindings(), a.claims())
	return cmd
}

func (a *app) listFindings() *cobra.Command {
	var file, region, account, since string
	var f guardduty.Filter
	var archived, asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the findings of a Region, the last updated first",
		Long: `List fetches findings by the credentials of the configuration (aws:) or of the environment.
With --json it prints them as GetFindings does, one a line: uratori investigate takes that.`,
		Example: `  uratori findings list --region ap-northeast-1
  uratori findings list --config uratori.yaml --severity 7 --since 2025-09-01 --json | uratori investigate - --config uratori.yaml -o cases`,
		Args: given(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			if since != "" {
				if f.Since, err = moment(since); err != nil {
					return usage(err)
				}
			}
			if account != "" {
				f.Accounts = []string{account}
			}
			f.Archived = &archived
			if f.Severity < 0 || f.Severity > 10 {
				return usage(fmt.Errorf("--severity is 1.0 to 10.0, not %g", f.Severity))
			}
			client, where, err := a.detector(cmd.Context(), c, region)
			if err != nil {
				return err
			}
			found, more, err := client.List(cmd.Context(), where, f)
			if err != nil {
				return err
			}
			if more {
				a.hint(fmt.Sprintf("there are more than %d; narrow the list, or raise --limit", len(found)))
			}
			return a.listed(found, asJSON)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "config", "", "configuration file (uratori.yaml)")
	fl.StringVar(&region, "region", "", "AWS Region; without it that of the configuration")
	fl.StringVar(&account, "account", "", "only findings of this account")
	fl.Float64Var(&f.Severity, "severity", 0, "only findings of this severity or more")
	fl.StringSliceVar(&f.Types, "type", nil, "only findings of these types")
	fl.StringVar(&since, "since", "", "only findings updated since then: 2025-09-01, or a time in RFC 3339")
	fl.BoolVar(&archived, "archived", false, "archived findings instead of active ones")
	fl.IntVar(&f.Limit, "limit", 100, "at most so many")
	fl.BoolVar(&asJSON, "json", false, "print the findings as JSON, one a line")
	return cmd
}

// moment is a day in UTC or an instant.
func moment(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no day such as 2025-09-01 and no time such as 2025-09-01T00:00:00Z", text)
}

func (a *app) listed(found []finding.Finding, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		for _, f := range found {
			if err := enc.Encode(json.RawMessage(f.Raw())); err != nil {
				return err
			}
		}
		return nil
	}
	tw := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "UPDATED\tSEVERITY\tACCOUNT\tTYPE\tRESOURCE\tCOUNT\tID")
	for _, f := range found {
		sample := ""
		if f.Sample {
			sample = " (sample)"
		}
		fmt.Fprintln(tw, safe(strings.Join([]string{
			query.Stamp(f.Updated), fmt.Sprintf("%.1f", f.Severity), string(f.Account), string(f.Type) + sample, or(f.Resource.Name, "-"), fmt.Sprint(f.Count), f.ID,
		}, "\t")))
	}
	return tw.Flush()
}

// detector is the client that fetches findings, and where.
func (a *app) detector(ctx context.Context, c config.Config, region string) (*guardduty.Client, guardduty.Place, error) {
	if region != "" {
		c.AWS.Region = region
	}
	if c.AWS.Region == "" {
		return nil, guardduty.Place{}, usage(errors.New("no Region is named\nhint: give --region, or region: under aws: in the configuration"))
	}
	client, err := a.reach(c).guardduty(ctx)
	return client, guardduty.Place{Region: c.AWS.Region}, err
}

// named tells whether an argument names a finding in GuardDuty rather than a file.
func named(arg string) (guardduty.Ref, bool) {
	if arg == "-" || strings.ContainsAny(arg, "/\\") && !strings.HasPrefix(arg, "arn:") {
		return guardduty.Ref{}, false
	}
	if _, err := os.Stat(arg); err == nil {
		return guardduty.Ref{}, false
	}
	ref, err := guardduty.ParseRef(arg)
	return ref, err == nil && (strings.HasPrefix(arg, "arn:") || findingID(arg))
}

// findingID tells whether a text has the form of a finding's id: 32 hexadecimal digits.
func findingID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// fetch fetches one finding, as GuardDuty has it now.
func (a *app) fetch(ctx context.Context, c config.Config, ref guardduty.Ref, region string) ([]finding.Finding, error) {
	client, where, err := a.detector(ctx, c, or(ref.Region, region))
	if err != nil {
		return nil, err
	}
	if ref.Region == "" {
		ref.Region = where.Region
	}
	ref.Account = "" // findings of members are asked of the program's own account, the administrator's
	f, err := client.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	return []finding.Finding{f}, nil
}

// members fetches the findings that the signals of attack sequences refer to and that were not
// given, from where the sequence itself came. Those that cannot be had are told of; the report says
// which signals are not verified for it.
func (a *app) members(ctx context.Context, c config.Config, given []finding.Finding, region string) []finding.Finding {
	var found []finding.Finding
	wanted := map[guardduty.Ref][]string{} // by where they are
	for _, f := range given {
		if f.Sequence == nil {
			continue
		}
		for _, g := range f.Sequence.Signals {
			ref, err := guardduty.ParseRef(g.UID)
			if g.Type != "FINDING" || err != nil || ref.Detector == "" || slices.ContainsFunc(given, func(o finding.Finding) bool { return o.ID == ref.ID }) {
				continue
			}
			at := guardduty.Ref{Place: guardduty.Place{Region: or(ref.Region, region)}, Detector: ref.Detector}
			wanted[at] = append(wanted[at], ref.ID)
		}
	}
	order := func(x, y guardduty.Ref) int { return strings.Compare(x.Region+x.Detector, y.Region+y.Detector) }
	for _, at := range slices.SortedFunc(maps.Keys(wanted), order) {
		client, _, err := a.detector(ctx, c, at.Region)
		var list []finding.Finding
		var missing []string
		if err == nil {
			list, missing, err = client.Fetch(ctx, at.Place, at.Detector, wanted[at])
		}
		switch {
		case err != nil:
			a.hint(fmt.Sprintf("the findings of the sequence's signals cannot be had: %v", err))
		case len(missing) > 0:
			a.hint(fmt.Sprintf("GuardDuty does not hold %d of the findings that the sequence's signals refer to", len(missing)))
		}
		found = append(found, list...)
	}
	return found
}
