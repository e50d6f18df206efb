// Package config reads the one file of settings, uratori.yaml, and shows people where it is wrong.
//
// What it returns is plain values, checked: every zone exists, every network parses, every
// name that is referred to is defined. Without a file the defaults work.
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/calendar"
	"uratori/strictyaml"
)

//go:embed example.yaml
var example []byte

// Example is a commented file that shows every key; it passes [Parse] itself.
func Example() []byte { return example }

// A Config is the whole configuration.
type Config struct {
	Dir            string // of the file: what relative paths in it are relative to; "" without a file
	Language       string // ja, en or "" when the file does not say
	Calendar       calendar.Config
	Accounts       []Account
	People         People
	IdentityCenter IdentityCenter
	Networks       []Network
	Automation     []Automation
	Sources        []Source
	Order          map[string][]string // dataset -> names of sources, first asked first
	Accepted       []AcceptedGap
	Playbooks      string // folder laid over the default playbooks
	Policy         string // file instead of the default policy
	Budget         Budget
}

// The parts of the configuration, as they stand in the file.
type (
	// Account is an AWS account.
	Account struct {
		ID          string `yaml:"id"`
		Name        string `yaml:"name"`
		Environment string `yaml:"environment"`
		Owner       string `yaml:"owner"`
	}
	// People are the humans behind principals.
	People struct {
		ContractorPrefixes []string `yaml:"contractor_prefixes"`
		Known              []Person `yaml:"known"`
	}
	// Person is one of them.
	Person struct {
		UPN               string `yaml:"upn"`
		IdentityStoreUser string `yaml:"identity_store_user"`
		ObjectID          string `yaml:"object_id"`
		DisplayName       string `yaml:"display_name"`
		Department        string `yaml:"department"`
		Contractor        *bool  `yaml:"contractor"`
		Sponsor           string `yaml:"sponsor"`
		Enabled           *bool  `yaml:"enabled"`
	}
	// IdentityCenter says where IAM Identity Center's own events are recorded.
	IdentityCenter struct {
		Account string `yaml:"account"`
		Region  string `yaml:"region"`
	}
	// Network is a known address range.
	Network struct {
		Name string `yaml:"name"`
		CIDR string `yaml:"cidr"`
		Kind string `yaml:"kind"`
	}
	// Automation is a principal that acts without a human.
	Automation struct {
		ARN  string `yaml:"arn"`
		Name string `yaml:"name"`
	}
	// Source is a place that answers questions.
	Source struct {
		Name     string     `yaml:"name"`
		Type     string     `yaml:"type"` // local
		Logs     []string   `yaml:"logs"`
		Store    string     `yaml:"store"`
		Coverage []Coverage `yaml:"coverage"`
		Script   []Step     `yaml:"script"`
	}
	// Coverage asserts what a source collects, or does not.
	Coverage struct {
		Kind    string `yaml:"kind"`
		Account string `yaml:"account"`
		Region  string `yaml:"region"`
		State   string `yaml:"state"` // collected, not_collected, unknown
		Why     string `yaml:"why"`   // asserted, not_held, retention
		From    string `yaml:"from"`
		To      string `yaml:"to"`
	}
	// Step makes a source misbehave, for rehearsals.
	Step struct {
		Dataset string `yaml:"dataset"`
		Calls   string `yaml:"calls"`
		Outcome string `yaml:"outcome"` // failed, denied, throttled
		Reason  string `yaml:"reason"`
	}
	// AcceptedGap is a kind of record that was decided not to be collected.
	AcceptedGap struct {
		Dataset  string    `yaml:"dataset"`
		Accounts []string  `yaml:"accounts"`
		Reason   string    `yaml:"reason"`
		Approver string    `yaml:"approver"`
		Until    string    `yaml:"until"`
		End      time.Time `yaml:"-"` // Until as an instant, UTC: the beginning of the day after, in the configured zone
	}
	// Budget bounds one investigation; 0 means no bound.
	Budget struct {
		Calls int64  `yaml:"calls"`
		Pages int64  `yaml:"pages"`
		Rows  int64  `yaml:"rows"`
		Bytes int64  `yaml:"bytes"`
		Wall  string `yaml:"wall"`
	}
)

// file is the form of the file.
type file struct {
	Language string `yaml:"language"`
	Zone     string `yaml:"zone"`
	Hours    struct {
		From string   `yaml:"from"`
		To   string   `yaml:"to"`
		Days []string `yaml:"days"`
	} `yaml:"hours"`
	Holidays struct {
		Country string `yaml:"country"`
		Extra   []struct {
			Date string `yaml:"date"`
			JA   string `yaml:"ja"`
			EN   string `yaml:"en"`
		} `yaml:"extra"`
	} `yaml:"holidays"`
	Accounts       []Account           `yaml:"accounts"`
	People         People              `yaml:"people"`
	IdentityCenter IdentityCenter      `yaml:"identity_center"`
	Networks       []Network           `yaml:"networks"`
	Automation     []Automation        `yaml:"automation"`
	Sources        []Source            `yaml:"sources"`
	Order          map[string][]string `yaml:"order"`
	AcceptedGaps   []AcceptedGap       `yaml:"accepted_gaps"`
	Playbooks      string              `yaml:"playbooks"`
	Policy         string              `yaml:"policy"`
	Budget         Budget              `yaml:"budget"`
}

// Load reads a file. Relative paths in it are relative to its folder.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	c, err := Parse(path, data)
	c.Dir = filepath.Dir(path)
	return c, err
}

// Path is a path of the file made relative to where the program runs.
func (c Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// Default is the configuration without a file: nothing is known of accounts and people.
func Default() Config { return Config{} }

// Parse reads and checks a configuration. Errors name the place in the file.
func Parse(name string, data []byte) (Config, error) {
	var f file
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return Config{}, err
	}
	k := checker{name: name, data: data}
	c := Config{
		Language: f.Language, Accounts: f.Accounts, People: f.People, IdentityCenter: f.IdentityCenter, Networks: f.Networks,
		Automation: f.Automation, Sources: f.Sources, Order: f.Order, Accepted: f.AcceptedGaps, Playbooks: f.Playbooks,
		Policy: f.Policy, Budget: f.Budget,
	}
	k.language(f.Language)
	c.Calendar = k.calendar(f)
	k.accounts(c)
	k.sources(c)
	k.gaps(&c)
	if f.Budget.Wall != "" {
		if _, err := time.ParseDuration(f.Budget.Wall); err != nil {
			k.fail("$.budget.wall", "%q is no length of time; write such as \"90s\" or \"10m\"", f.Budget.Wall)
		}
	}
	if k.err != nil {
		return Config{}, k.err
	}
	return c, nil
}

// A checker collects the first mistake.
type checker struct {
	name string
	data []byte
	err  error
}

func (k *checker) fail(path, format string, args ...any) {
	if k.err == nil {
		k.err = strictyaml.ErrorAt(k.name, k.data, path, fmt.Sprintf(format, args...))
	}
}

// among checks a word of a closed list.
func (k *checker) among(path, what, word string, known ...string) {
	if slices.Contains(known, word) {
		return
	}
	hint := ""
	if n, ok := strictyaml.Nearest(word, known); ok {
		hint = fmt.Sprintf("; did you mean %q?", n)
	}
	k.fail(path, "%s %q is not known%s; it is one of %s", what, word, hint, strings.Join(known, ", "))
}

func (k *checker) language(l string) {
	if l != "" {
		k.among("$.language", "language", l, "ja", "en")
	}
}

var weekdays = map[string]time.Weekday{
	"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
}

func (k *checker) calendar(f file) calendar.Config {
	c := calendar.Config{Zone: f.Zone, Country: f.Holidays.Country}
	c.Hours.From, c.Hours.To = f.Hours.From, f.Hours.To
	for i, d := range f.Hours.Days {
		wd, ok := weekdays[d]
		if !ok {
			k.among(fmt.Sprintf("$.hours.days[%d]", i), "day", d, "mon", "tue", "wed", "thu", "fri", "sat", "sun")
		}
		c.Workdays = append(c.Workdays, wd)
	}
	for _, h := range f.Holidays.Extra {
		c.Extra = append(c.Extra, calendar.Holiday{Date: h.Date, NameJA: h.JA, NameEN: h.EN})
	}
	if _, err := calendar.New(c); err != nil {
		path := "$.zone"
		if f.Zone == "" || strings.Contains(err.Error(), "holiday") || strings.Contains(err.Error(), "hour") {
			path = "$.hours"
		}
		k.fail(path, "%v", err)
	}
	return c
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

func (k *checker) accounts(c Config) {
	seen := map[string]bool{}
	for i, a := range c.Accounts {
		path := fmt.Sprintf("$.accounts[%d].id", i)
		if !accountID.MatchString(a.ID) {
			k.fail(path, "account id %q is not 12 digits; write it in quotes, such as \"111122223333\"", a.ID)
		}
		if seen[a.ID] {
			k.fail(path, "account %s stands twice", a.ID)
		}
		seen[a.ID] = true
		if a.Environment != "" {
			k.among(fmt.Sprintf("$.accounts[%d].environment", i), "environment", a.Environment,
				"production", "staging", "development", "sandbox", "management", "other")
		}
	}
	if id := c.IdentityCenter.Account; id != "" && !accountID.MatchString(id) {
		k.fail("$.identity_center.account", "account id %q is not 12 digits", id)
	}
	for i, p := range c.People.Known {
		if !strings.Contains(p.UPN, "@") {
			k.fail(fmt.Sprintf("$.people.known[%d]", i), "upn %q is no user principal name such as sato.kaede@example.co.jp", p.UPN)
		}
	}
	for i, p := range c.People.ContractorPrefixes {
		if p == "" {
			k.fail(fmt.Sprintf("$.people.contractor_prefixes[%d]", i), "an empty prefix would make everybody a contractor")
		}
	}
	for i, n := range c.Networks {
		if _, err := netip.ParsePrefix(n.CIDR); err != nil {
			k.fail(fmt.Sprintf("$.networks[%d].cidr", i), "%q is no network such as 203.0.113.0/24", n.CIDR)
		}
		if n.Kind != "" {
			k.among(fmt.Sprintf("$.networks[%d].kind", i), "kind", n.Kind, "office", "vpn", "nat", "scanner")
		}
	}
	for i, a := range c.Automation {
		if !strings.HasPrefix(a.ARN, "arn:") {
			k.fail(fmt.Sprintf("$.automation[%d].arn", i), "%q is no ARN", a.ARN)
		}
	}
}

// Kinds of record that coverage can be asserted for, and datasets that can be asked.
var (
	kinds    = []string{"cloudtrail_management", "s3_data", "lambda_data", "signin", "signin_noninteractive"}
	datasets = []string{"cloudtrail", "signin"}
)

func (k *checker) sources(c Config) {
	var names []string
	for i, s := range c.Sources {
		at := func(member string) string { return fmt.Sprintf("$.sources[%d].%s", i, member) }
		switch {
		case s.Name == "":
			k.fail(fmt.Sprintf("$.sources[%d]", i), "a source needs a name")
		case slices.Contains(names, s.Name):
			k.fail(at("name"), "source %q stands twice", s.Name)
		case len(s.Logs) == 0 && s.Store == "":
			k.fail(at("name"), "source %q needs logs (folders or files) or a store", s.Name)
		}
		names = append(names, s.Name)
		k.among(at("type"), "type", s.Type, "local")
		for j, cov := range s.Coverage {
			in := func(member string) string { return fmt.Sprintf("$.sources[%d].coverage[%d].%s", i, j, member) }
			k.among(in("kind"), "kind", cov.Kind, kinds...)
			k.among(in("state"), "state", cov.State, "collected", "not_collected", "unknown")
			if cov.Why != "" {
				k.among(in("why"), "why", cov.Why, "asserted", "not_held", "retention")
			}
			for member, v := range map[string]string{"from": cov.From, "to": cov.To} {
				if _, err := time.Parse(time.RFC3339, v); v != "" && err != nil {
					k.fail(in(member), "%q is no time such as 2025-09-01T00:00:00Z", v)
				}
			}
		}
		for j, st := range s.Script {
			in := func(member string) string { return fmt.Sprintf("$.sources[%d].script[%d].%s", i, j, member) }
			k.among(in("dataset"), "dataset", st.Dataset, datasets...)
			k.among(in("outcome"), "outcome", st.Outcome, "failed", "denied", "throttled")
		}
	}
	for _, d := range slices.Sorted(mapKeys(c.Order)) {
		k.among("$.order", "dataset", d, datasets...)
		for i, n := range c.Order[d] {
			k.among(fmt.Sprintf("$.order.%s[%d]", d, i), "source", n, names...)
		}
	}
}

func mapKeys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (k *checker) gaps(c *Config) {
	zone := c.Calendar.Zone
	if zone == "" {
		zone = "Asia/Tokyo"
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC // the zone itself was complained about
	}
	for i := range c.Accepted {
		g := &c.Accepted[i]
		at := func(member string) string { return fmt.Sprintf("$.accepted_gaps[%d].%s", i, member) }
		k.among(at("dataset"), "dataset", g.Dataset, kinds...)
		if g.Reason == "" || g.Approver == "" {
			k.fail(at("dataset"), "an accepted gap needs a reason and an approver")
		}
		for j, id := range g.Accounts {
			if !accountID.MatchString(id) {
				k.fail(fmt.Sprintf("$.accepted_gaps[%d].accounts[%d]", i, j), "account id %q is not 12 digits", id)
			}
		}
		day, err := time.ParseInLocation(time.DateOnly, g.Until, loc)
		if err != nil {
			k.fail(at("until"), "%q is no date such as 2026-03-31", g.Until)
		}
		g.End = day.AddDate(0, 0, 1).UTC()
	}
}

// ReportLanguage chooses the language of reports: the flag, then the configuration, then LANG.
func (c Config) ReportLanguage(flag string, getenv func(string) string) (string, error) {
	switch flag {
	case "ja", "en":
		return flag, nil
	case "":
	default:
		return "", errors.New("--lang is ja or en, not " + flag)
	}
	if c.Language != "" {
		return c.Language, nil
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			if strings.HasPrefix(v, "ja") {
				return "ja", nil
			}
			return "en", nil
		}
	}
	return "en", nil
}
