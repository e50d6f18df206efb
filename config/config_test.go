package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"uratori/calendar"
)

// uncommented is the example with every key in use.
func uncommented() []byte {
	return regexp.MustCompile(`(?m)^#([^ \n]|  - |  [a-z_]+:|    |      )`).ReplaceAll(Example(), []byte("$1"))
}

func TestExampleIsRight(t *testing.T) {
	if _, err := Parse("example.yaml", Example()); err != nil {
		t.Fatal(err)
	}
	text := uncommented()
	c, err := Parse("example.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 7 || len(c.Sources[0].Script) != 2 || len(c.Sources[1].Coverage) != 3 || c.Policy == "" || c.Playbooks == "" {
		t.Errorf("the keys behind # are not all in use: %+v", c)
	}
}

// Every key that the configuration takes is shown in the example, in the place where it is taken.
func TestEveryKeyIsShown(t *testing.T) {
	var shown any
	if err := yaml.Unmarshal(uncommented(), &shown); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	pathsShown("", shown, got)
	keys := pathsTaken("", reflect.TypeFor[file]())
	if len(keys) < 150 {
		t.Errorf("only %d keys are taken: %v", len(keys), keys)
	}
	for _, key := range keys {
		if !got[key] {
			t.Errorf("the example does not show %s", key)
		}
	}
}

// Every section of the configuration, and every block of a source, is told of in docs/sources.md.
func TestEverySectionIsExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range pathsTaken("", reflect.TypeFor[file]()) {
		parent, name := "", key
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			parent, name = key[:i], key[i+1:]
		}
		switch parent {
		case "", "sources", "aws", "knowledge", "past_cases", "budget", "environments", "calendars":
		default:
			continue
		}
		if !regexp.MustCompile("`" + name + "[`:]|\\b" + name + ":").Match(text) {
			t.Errorf("docs/sources.md does not tell of %s", key)
		}
	}
}

// pathsTaken are the keys of a form, each behind those that hold it.
func pathsTaken(at string, t reflect.Type) (out []string) {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return pathsTaken(at, t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			out = append(out, at+name)
			out = append(out, pathsTaken(at+name+".", t.Field(i).Type)...)
		}
	}
	return out
}

// pathsShown are the keys of a document, likewise.
func pathsShown(at string, v any, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			out[at+name] = true
			pathsShown(at+name+".", e, out)
		}
	case []any:
		for _, e := range v {
			pathsShown(at, e, out)
		}
	}
}

func TestParseReadsEverything(t *testing.T) {
	yes := true
	got, err := Parse("u.yaml", []byte(`
language: en
zone: Europe/Berlin
hours: {from: "08:30", to: "17:00", days: [mon, sun]}
holidays: {country: none, extra: [{date: 2025-12-29, ja: 休業, en: closed}]}
accounts: [{id: "111122223333", name: a, environment: sandbox, owner: o}]
environments: [{account: "222233334444", environment: other}, {tag: stage, value: live, environment: production}, {ou: Playground, environment: sandbox}]
people: {contractor_prefixes: [ext-], known: [{upn: a@example.co.jp, enabled: true}]}
identity_center: {account: "444455556666", region: us-gov-west-1}
networks: [{name: office, cidr: "2001:db8::/32", kind: vpn}]
automation: [{arn: "arn:aws:iam::111122223333:role/x", name: batch}]
sources: [{name: s, type: local, logs: [l], coverage: [{kind: signin, state: unknown}], script: [{dataset: signin, calls: 1-3, outcome: denied, reason: r}]}]
order: {signin: [s]}
accepted_gaps: [{dataset: s3_data, reason: r, approver: p, until: 2026-03-28}]
changes: [{id: CHG-1, approver: p, apis: [PutBucketLogging], from: "2026-03-28T09:00:00+09:00", until: "2026-03-28T01:00:00Z"}]
regions: [ap-northeast-1, us-east-1]
budget: {calls: 3, wall: 90s, apis: {"cloudtrail:LookupEvents": 7}, per_day: {bytes: 9, apis: {"graph:auditLogs/signIns": 2}, dir: d}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Language: "en",
		Calendar: calendar.Config{
			Zone: "Europe/Berlin", Hours: calendar.Hours{From: "08:30", To: "17:00"}, Workdays: []time.Weekday{time.Monday, time.Sunday},
			Country: "none", Extra: []calendar.Holiday{{Date: "2025-12-29", NameJA: "休業", NameEN: "closed"}},
		},
		Accounts:       []Account{{ID: "111122223333", Name: "a", Environment: "sandbox", Owner: "o"}},
		Environments:   []Environment{{Account: "222233334444", Environment: "other"}, {Tag: "stage", Value: "live", Environment: "production"}, {OU: "Playground", Environment: "sandbox"}},
		People:         People{ContractorPrefixes: []string{"ext-"}, Known: []Person{{UPN: "a@example.co.jp", Enabled: &yes}}},
		IdentityCenter: IdentityCenter{Account: "444455556666", Region: "us-gov-west-1"},
		Networks:       []Network{{Name: "office", CIDR: "2001:db8::/32", Kind: "vpn"}},
		Automation:     []Automation{{ARN: "arn:aws:iam::111122223333:role/x", Name: "batch"}},
		Sources: []Source{{
			Name: "s", Type: "local", Logs: []string{"l"}, Coverage: []Coverage{{Kind: "signin", State: "unknown"}},
			Script: []Step{{Dataset: "signin", Calls: "1-3", Outcome: "denied", Reason: "r"}},
		}},
		Order: map[string][]string{"signin": {"s"}},
		Accepted: []AcceptedGap{{
			Dataset: "s3_data", Reason: "r", Approver: "p", Until: "2026-03-28",
			// The day after begins at 00:00+01:00; clocks in Berlin change on that very day, later.
			End: time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC),
		}},
		Changes: []Change{{
			ID: "CHG-1", Approver: "p", APIs: []string{"PutBucketLogging"}, From: "2026-03-28T09:00:00+09:00", Until: "2026-03-28T01:00:00Z",
			Begin: time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 28, 1, 0, 0, 0, time.UTC),
		}},
		Regions: []string{"ap-northeast-1", "us-east-1"},
		Budget: Budget{
			Calls: 3, Wall: "90s", APIs: map[string]int64{"cloudtrail:LookupEvents": 7},
			PerDay: &DayBudget{Bytes: 9, APIs: map[string]int64{"graph:auditLogs/signIns": 2}, Dir: "d"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
}

func TestNothingIsEnough(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}", "sources:\n", "order: {}"} {
		c, err := Parse("u.yaml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := calendar.New(c.Calendar); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := calendar.New(Default().Calendar); err != nil {
		t.Error(err)
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "uratori.yaml")
	if err := os.WriteFile(name, []byte("policy: my/policy.yaml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{c.Policy: filepath.Join(dir, "my", "policy.yaml"), "/abs": "/abs", "": ""} {
		if got := c.Path(in); got != want {
			t.Errorf("Path(%q) = %q, want %q", in, got, want)
		}
	}
	if _, err := Load(filepath.Join(dir, "other.yaml")); err == nil || !strings.Contains(err.Error(), "read configuration: ") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestReportLanguage(t *testing.T) {
	for _, tt := range []struct {
		flag, file, env, want string
	}{
		{"en", "ja", "LANG=ja_JP.UTF-8", "en"},
		{"", "ja", "LANG=en_US.UTF-8", "ja"},
		{"", "", "LANG=ja_JP.UTF-8", "ja"},
		{"", "", "LANG=ja", "ja"},
		{"", "", "LANG=jam", "en"}, // Jamaican Creole
		{"", "", "LANG=ja_JP.UTF-8 LC_ALL=C", "en"},
		{"", "", "LANG=C LC_MESSAGES=ja_JP.eucJP", "ja"},
		{"", "", "", "en"},
		{"fr", "ja", "", ""},
	} {
		getenv := func(name string) string {
			for _, kv := range strings.Fields(tt.env) {
				if v, ok := strings.CutPrefix(kv, name+"="); ok {
					return v
				}
			}
			return ""
		}
		got, err := Config{Language: tt.file}.ReportLanguage(tt.flag, getenv)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%+v: got %q, %v", tt, got, err)
		}
	}
}
