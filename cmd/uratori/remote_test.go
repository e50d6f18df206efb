package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/bundle"
	"uratori/evidence"
	"uratori/fact"
	"uratori/investigate"
	"uratori/policy"
	"uratori/query"
	"uratori/report"
	"uratori/scenario"
	"uratori/source/athenatest"
	"uratori/source/awstest"
	"uratori/source/graphtest"
	"uratori/source/splunktest"
)

// A remote is a scenario whose logs lie behind doubles of the services instead of in files.
type remote struct {
	scenario scenario.Scenario
	dir      string // with uratori.yaml and finding.json
	now      time.Time
	splunk   *splunktest.Server
	aws      *awstest.Server
	athena   *athenatest.Athena
	graph    *graphtest.Server
}

// The secrets of the doubles, as the environment hands them over.
const (
	splunkToken = "token-of-the-scenario"
	externalID  = "external-id-of-the-scenario"
)

// records are the records of a source's files, as their logs write them.
func records(t testing.TB, s scenario.Scenario, name string) [][]byte {
	t.Helper()
	var out [][]byte
	for file, data := range s.Files {
		if !strings.HasPrefix(file, "logs/"+name+"/") || !strings.HasSuffix(file, ".gz") {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		var whole struct{ Records []json.RawMessage }
		if json.Unmarshal(text, &whole) == nil && whole.Records != nil {
			for _, r := range whole.Records {
				out = append(out, r)
			}
			continue
		}
		for line := range bytes.Lines(text) {
			out = append(out, bytes.TrimSpace(line))
		}
	}
	return out
}

// saved are the settings of a scenario's trail, as get-event-selectors and get-trail-status saved them.
func saved(t testing.TB, s scenario.Scenario) []awstest.Trail {
	t.Helper()
	var out []awstest.Trail
	for file, data := range s.Files {
		_, name, ok := strings.Cut(file, "get-event-selectors-")
		if !ok {
			continue
		}
		name = strings.TrimSuffix(name, ".json")
		trail := awstest.Trail{Name: name, Account: s.Truth.Facts["finding.account"].(string), HomeRegion: awstest.Region, MultiRegion: true, Started: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
		var selectors struct{ EventSelectors []any }
		var status struct{ IsLogging bool }
		for what, into := range map[string]any{file: &selectors, strings.Replace(file, "get-event-selectors-", "get-trail-status-", 1): &status} {
			if len(data) == 0 || json.Unmarshal(s.Files[what], into) != nil {
				t.Fatalf("%s cannot be read", what)
			}
		}
		trail.Logging, trail.Selectors = status.IsLogging, map[string]any{"EventSelectors": selectors.EventSelectors}
		out = append(out, trail)
	}
	return out
}

// behind puts a scenario behind doubles and writes the configuration that reaches them. Sign-ins lie
// in Splunk, in (h) in Entra ID, of which the first day of the look-back has aged out.
func behind(t *testing.T, variant string) *remote {
	t.Helper()
	s, err := scenario.Generate(variant, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{scenario: s, dir: t.TempDir(), now: time.Date(2025, 9, 10, 5, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return r.now }

	r.aws = awstest.New(t, "cloudtrail", "athena", "guardduty")
	history := awstest.NewHistory(r.aws, clock)
	history.Add(records(t, s, "cloudtrail-api")...)
	for _, trail := range saved(t, s) {
		history.AddTrail(trail)
	}
	r.aws.Role(s.Truth.Facts["finding.account"].(string), "uratori-member", externalID)
	r.aws.Role(awstest.Home, "uratori-member", externalID)
	base := r.aws.Base()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": base.AccessKeyID, "AWS_SECRET_ACCESS_KEY": base.SecretAccessKey, "AWS_SESSION_TOKEN": base.SessionToken,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "HTTP_PROXY": "", "http_proxy": "",
		"TEST_SPLUNK_TOKEN": splunkToken, "TEST_EXTERNAL_ID": externalID,
	} {
		t.Setenv(name, value)
	}

	signIns := records(t, s, "splunk-prod")
	var monitored [][]byte
	for _, raw := range signIns {
		monitored = append(monitored, splunktest.Monitor(raw))
	}
	var events []splunktest.Event
	signInSource := "splunk-prod"
	if variant == "h" {
		signInSource = "entra"
		r.athena = athenatest.New(t, r.aws)
		r.athena.Table("security", "cloudtrail_logs", records(t, s, "trail-archive"), athenatest.Options{})
		r.graph = graphtest.Start(t, graphtest.Options{SignIns: signIns, Now: clock, Users: []graphtest.User{{Properties: map[string]any{
			"id": s.Truth.Facts["person.object_id"], "userPrincipalName": s.Truth.Facts["person.upn"], "displayName": s.Truth.Facts["person.display_name"],
			"department": s.Truth.Facts["person.department"], "accountEnabled": true, "userType": "Member",
		}}}})
		t.Setenv("TEST_ENTRA_SECRET", r.graph.Secret())
	} else {
		events = splunktest.Events("azure", "azure:monitor:aad", monitored)
	}
	const kept = 400 * 24 * 60 * 60
	r.splunk = splunktest.New(splunktest.Options{Events: events, Token: splunkToken, Now: r.now, Frozen: map[string]int64{"azure": kept, "aws": kept}})
	t.Cleanup(r.splunk.Close)
	// In (f) CloudTrail records lie in a Splunk of their own, which is busy and then refuses every search.
	second, name := "", "splunk-prod"
	if variant == "f" {
		refusing := splunktest.New(splunktest.Options{Token: splunkToken, Now: r.now, Frozen: map[string]int64{"aws": kept}})
		t.Cleanup(refusing.Close)
		refusing.Script(splunktest.Fault{On: splunktest.Create, Kind: splunktest.Busy, Times: 2}, splunktest.Fault{On: splunktest.Create, Kind: splunktest.Forbidden})
		second, name = fmt.Sprintf("  - name: splunk-aws\n    type: splunk\n    splunk: {url: %q, token: \"env:TEST_SPLUNK_TOKEN\", places: [{dataset: cloudtrail, index: aws, sourcetype: \"aws:cloudtrail\"}]}\n", refusing.URL), "splunk-aws"
	}

	text, _, _ := strings.Cut(string(s.Files["uratori.yaml"]), "sources:\n")
	order := fmt.Sprintf("[%s, cloudtrail-api]", name)
	var b strings.Builder
	fmt.Fprintf(&b, "%sregions: [%s, us-east-1]\naws: {region: %s, member_role: uratori-member, external_id: \"env:TEST_EXTERNAL_ID\", endpoint: %q}\nsources:\n", text, awstest.Region, awstest.Region, r.aws.URL())
	fmt.Fprintf(&b, "  - name: splunk-prod\n    type: splunk\n    splunk:\n      url: %q\n      token: env:TEST_SPLUNK_TOKEN\n      places:\n        - {dataset: signin, index: azure, sourcetype: \"azure:monitor:aad\"}\n        - {dataset: cloudtrail, index: aws, sourcetype: \"aws:cloudtrail\"}\n", r.splunk.URL)
	b.WriteString(second)
	fmt.Fprintf(&b, "  - name: cloudtrail-api\n    type: cloudtrail\n    cloudtrail: {store: fetched.duckdb}\n")
	if variant == "h" {
		order = "[splunk-prod, cloudtrail-api, athena]"
		fmt.Fprintf(&b, "  - name: athena\n    type: athena\n    athena: {database: security, table: cloudtrail_logs, workgroup: primary, kinds: [cloudtrail_management, s3_data]}\n")
		fmt.Fprintf(&b, "  - name: entra\n    type: entra\n    entra: {tenant: %q, client_id: %q, client_secret: \"env:TEST_ENTRA_SECRET\", endpoint: %q, token_url: %q}\n", r.graph.Tenant(), r.graph.ClientID(), r.graph.URL(), r.graph.TokenURL())
	}
	fmt.Fprintf(&b, "order: {cloudtrail: %s, signin: [%s]}\n", order, signInSource)
	for name, data := range map[string][]byte{"uratori.yaml": []byte(b.String()), "finding.json": s.Files["finding.json"]} {
		if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// command runs the program at the scenario's time.
func (r *remote) command(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: os.Getenv, now: func() time.Time { return r.now }}
	status = a.command(context.Background(), args)
	return status, stdout.String(), stderr.String()
}

// investigate runs the command and reads back what it kept.
func (r *remote) investigate(t *testing.T, name string) investigate.Case {
	t.Helper()
	dir := filepath.Join(r.dir, name)
	status, out, errs := r.command("investigate", filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"), "-o", dir)
	if status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, out, errs)
	}
	for _, secret := range []string{splunkToken, externalID, r.aws.Base().SecretAccessKey} {
		err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(file)
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds a secret", file)
			}
			return err
		})
		if err != nil || strings.Contains(errs, secret) {
			t.Errorf("a secret is told: %v", err)
		}
	}
	b, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := investigate.Replay(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"replay", dir}, {"verify", dir}} {
		if status, out, errs := r.command(command...); status != exitOK {
			t.Errorf("%s: exit status %d\n%s%s", command[0], status, out, errs)
		}
	}
	return c
}

// holds compares a case with the truth, but for facts whose names begin so.
func (r *remote) holds(t *testing.T, c investigate.Case, but ...string) {
	t.Helper()
	truth, a := r.scenario.Truth, c.Assessment
	got := fmt.Sprintf("%s %d %s %s %s", a.Verdict(), a.Score(), a.Band(), a.Confidence(), a.Urgency())
	if want := fmt.Sprintf("%s %d %s %s %s", truth.Verdict, truth.Score, truth.Band, truth.Confidence, truth.Urgency); got != want {
		t.Errorf("judged %s; want %s", got, want)
	}
	if truth.Ceiling != 0 && a.Ceiling() != truth.Ceiling {
		t.Errorf("ceiling %d; want %d", a.Ceiling(), truth.Ceiling)
	}
	for _, kind := range truth.Missing {
		if !slices.ContainsFunc(a.Gaps(), func(g policy.Gap) bool { return g.Key == kind && slices.Contains(a.CappedBy(), g.ID) }) {
			t.Errorf("confidence is capped by %v, which names no gap of %s", a.CappedBy(), kind)
		}
	}
	for name, want := range truth.Facts {
		key, subject, _ := strings.Cut(name, "@")
		if slices.ContainsFunc(but, func(b string) bool { return strings.HasPrefix(name, b) }) {
			continue
		}
		f := a.Facts().Get(fact.Key(key), subject)
		if got := plain(f); got != fmt.Sprint(want) {
			t.Errorf("%s = %s; want %v (%s, gap %v, from %v)", name, got, want, f.Rule, f.Gap, f.From)
		}
	}
	for _, name := range truth.Unknown {
		if f := a.Facts().Get(fact.Key(name), ""); f.State != fact.Unknown {
			t.Errorf("%s = %s; it cannot be known", name, plain(f))
		}
	}
}

// plain is a fact's value as the truth writes it.
func plain(f fact.Fact) string {
	switch f.State {
	case fact.Unknown:
		return "unknown"
	case fact.NotApplicable:
		return "not applicable"
	case fact.Known, fact.AtLeast:
	}
	v := f.Value
	switch v.Type {
	case fact.Bool:
		return fmt.Sprint(v.Num == 1)
	case fact.Int, fact.Bytes, fact.Minutes, fact.Hour:
		return fmt.Sprint(v.Num)
	case fact.Decimal:
		return strings.TrimSuffix(fmt.Sprintf("%d.%d", v.Num/10, v.Num%10), ".0")
	case fact.Weekday:
		return time.Weekday(v.Num).String()
	case fact.Label:
		return v.JA
	case fact.Texts:
		return strings.Join(v.List, " ")
	default:
		return v.Str
	}
}

// files investigates the same scenario from its files.
func (r *remote) files(t *testing.T) (summary string) {
	t.Helper()
	dir := t.TempDir()
	if err := r.scenario.Write(dir); err != nil {
		t.Fatal(err)
	}
	c := &remote{scenario: r.scenario, dir: dir, now: r.now, aws: r.aws}
	return report.Summary(c.investigate(t, "case").Document)
}

// answers counts the outcomes of a source's answers about a dataset.
func answers(c investigate.Case, name string, d query.Dataset) map[evidence.Outcome]int {
	out := map[evidence.Outcome]int{}
	for _, it := range c.Evidence.Items() {
		if it.Kind == evidence.AnswerItem && it.Source == name && it.Ask.Dataset == d {
			out[it.Answer.Outcome]++
		}
	}
	return out
}

// chapter is a chapter of the report in Markdown, by its number.
func chapter(t *testing.T, c investigate.Case, n int) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(c.Reports[investigate.MarkdownName]), fmt.Sprintf("\n## %d. ", n))
	if !ok {
		t.Fatalf("the report has no chapter %d", n)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// agedOut checks that the stretch of sign-ins that Entra ID keeps no longer is said to be unseen, and
// that the rest counts: the sign-ins are those of the 30 days less that stretch.
func (r *remote) agedOut(t *testing.T, c investigate.Case) {
	t.Helper()
	if f := c.Assessment.Facts().Get("coverage.state", query.KindSignIn); plain(f) != "partial" {
		t.Errorf("coverage.state@signin = %s; want partial", plain(f))
	}
	edge := r.now.AddDate(0, 0, -30)
	if f := c.Assessment.Facts().Get("signin.total", ""); f.State != fact.Known || !f.Window.From.Equal(edge) {
		t.Errorf("signin.total is %v over %v; want it known from %v on", f.State, f.Window, edge)
	}
	var told bool
	for _, it := range c.Evidence.Items() {
		for _, cov := range it.Coverage {
			told = told || cov.Kind == query.KindSignIn && cov.State == evidence.Unknown && cov.Why == evidence.WhyRetention && cov.Window.To.Equal(edge)
		}
	}
	if walk := chapter(t, c, 7); !told || !strings.Contains(walk, "保存期間を過ぎている") {
		t.Errorf("that the sign-ins before %v aged out is not told:\n%s", edge, walk)
	}
}

// ceiling is what a summary says of what the score could become.
var ceiling = regexp.MustCompile(`（未確認部分が最悪の場合 [^）]*）`)

// By configuration alone, the services are asked what files were asked, and the report says what
// the truth says. No remote source tells how its records were delivered, so nothing is known of
// duplicates and the like.
func TestVariantsBehindServices(t *testing.T) {
	for _, variant := range []string{"a", "f", "h"} {
		t.Run(variant, func(t *testing.T) {
			r := behind(t, variant)
			c := r.investigate(t, "case")
			if variant == "h" {
				r.holds(t, c, "quality.", "coverage.state@signin")
				r.agedOut(t, c)
			} else {
				r.holds(t, c, "quality.")
			}
			// In (f) the gap gives another reason: refused, where the script of the files does not answer.
			// In (h) the directory is asked about the person and does not tell all, so the score has a
			// ceiling that the files' has not.
			summary := report.Summary(c.Document)
			if variant == "h" {
				summary = strings.Replace(ceiling.ReplaceAllString(summary, ""), "29日間のサインイン", "30日間のサインイン", 1)
			}
			if want := r.files(t); variant != "f" && summary != want {
				t.Errorf("the summary is\n%s\nof the files it is\n%s", summary, want)
			}
			if n := len(r.aws.Calls("cloudtrail:LookupEvents")); n == 0 || n > 25 {
				t.Errorf("%d calls of LookupEvents; want 1 to 25", n)
			}
			if n := r.aws.MaxPerSecond("cloudtrail:LookupEvents"); n > 2 {
				t.Errorf("%d calls of LookupEvents in a second", n)
			}

			// What came from where.
			first := "splunk-prod"
			if variant == "f" {
				first = "splunk-aws"
			}
			asked := map[string]query.Dataset{first: query.CloudTrail, "cloudtrail-api": query.CloudTrail}
			signIns := "splunk-prod"
			if variant == "h" {
				asked["athena"], asked["entra"], signIns = query.CloudTrail, query.SignIn, "entra"
			}
			walk := chapter(t, c, 7)
			for name, d := range asked {
				if len(answers(c, name, d)) == 0 || !strings.Contains(walk, name) {
					t.Errorf("%s was not asked for %s, or chapter 7 does not say so:\n%s", name, d, walk)
				}
			}
			if answers(c, signIns, query.SignIn)[evidence.Found] == 0 {
				t.Errorf("%s found no sign-in", signIns)
			}
			said := answers(c, first, query.CloudTrail)
			if said[evidence.Found] > 0 {
				t.Errorf("%s found CloudTrail records, which it does not hold: %v", first, said)
			}
			if variant == "f" && said[evidence.Denied] == 0 {
				t.Errorf("the outcomes of %s are %v; want refusals", first, said)
			}

			// Within the hour, event history is asked nothing again: its store holds what was fetched.
			if variant == "a" {
				r.aws.Forget()
				r.holds(t, r.investigate(t, "again"), "quality.")
				if n := len(r.aws.Calls("cloudtrail:LookupEvents")); n != 0 {
					t.Errorf("%d calls of LookupEvents for the same investigation again; want none", n)
				}
			}
		})
	}
}
