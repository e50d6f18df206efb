package config

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// Kinds of record that coverage can be asserted for, and datasets that can be asked. They are words
// of the file as well as of package query, which this package does not know.
var (
	kinds = []string{
		"cloudtrail_management", "s3_data", "lambda_data", "bedrock_data", "signin", "signin_noninteractive",
		"vpc_flow", "dns", "s3_access", "eks_audit", "rds_audit",
	}
	datasets = []string{"cloudtrail", "signin", "vpc_flow", "dns", "s3_access", "eks_audit", "rds_audit"}
)

// sourceName is what can stand in a report, a log and a command line without quotes.
var sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (k *checker) sources(c Config) {
	names := map[string]bool{}
	for i, s := range c.Sources {
		at := func(member string) string { return index("$.sources", i, member) }
		if !sourceName.MatchString(s.Name) {
			k.fail(at("name"), "%q is no name of a source; write letters, digits, dots, dashes, such as splunk-prod", s.Name)
		}
		k.once(names, at("name"), "source", s.Name)
		k.among(at("type"), "type", s.Type, sourceTypes...)
		k.remote(index("$.sources", i, ""), s, c)
		if s.Type == "local" && len(s.Logs) == 0 && s.Store == "" {
			k.fail(at(""), "source %q needs logs (folders or files) or a store", s.Name)
		}
		for j, path := range s.Logs {
			if path == "" {
				k.fail(index(at("logs"), j, ""), "an empty path; write \".\" for the folder of this file")
			}
		}
		for j, cov := range s.Coverage {
			k.coverage(index(at("coverage"), j, ""), cov)
		}
		for j, st := range s.Script {
			path := index(at("script"), j, "")
			k.among(path+".dataset", "dataset", st.Dataset, datasets...)
			k.among(path+".outcome", "outcome", st.Outcome, "failed", "denied", "throttled")
			if err := callRange(st.Calls); err != nil {
				k.fail(path+".calls", "%q does not say which calls; %v", st.Calls, err)
			}
		}
	}
}

func (k *checker) coverage(path string, c Coverage) {
	k.among(path+".kind", "kind of record", c.Kind, kinds...)
	if c.Account != "" {
		k.account(path+".account", c.Account)
	}
	if c.Region != "" {
		k.region(path+".region", c.Region)
	}
	k.among(path+".state", "state", c.State, "collected", "not_collected", "unknown")
	if c.Why != "" {
		k.among(path+".why", "reason", c.Why, "asserted", "not_held", "retention")
	}
	from, to := k.instant(path+".from", c.From), k.instant(path+".to", c.To)
	if c.From != "" && c.To != "" && !from.Before(to) {
		k.fail(path+".to", "the end %s is not after the beginning %s", c.To, c.From)
	}
}

func (k *checker) instant(path, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if text != "" && err != nil {
		k.fail(path, "%q is no time such as \"2025-09-01T00:00:00Z\"", text)
	}
	return t
}

// order may name only what exists, and each source once.
func (k *checker) order(c Config) {
	var names []string
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	for _, d := range slices.Sorted(maps.Keys(c.Order)) {
		path := "$.order." + d
		k.among(path, "dataset", d, datasets...)
		if len(c.Order[d]) == 0 {
			k.fail(path, "no source is named for %s; leave the line out to ask all of them", d)
		}
		seen := map[string]bool{}
		for i, n := range c.Order[d] {
			k.among(index(path, i, ""), "source", n, names...)
			k.once(seen, index(path, i, ""), "source", n)
		}
	}
}
