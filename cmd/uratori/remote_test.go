package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
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
	"uratori/investigate/truthtest"
	"uratori/query"
	"uratori/report"
	"uratori/scenario"
	"uratori/source/athenatest"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/cloudtrail"
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
	caller   *call.Caller // of every command; nil for one of its own each
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

// An arrangement is how the logs of a scenario are laid out and asked for. The zero value is that of
// the variant.
type arrangement struct {
	cloudtrail, signin []string                // orders of sources
	more               string                  // further lines of the configuration
	timeout            map[string]string       // of one request, by source
	quick              bool                    // calls are neither paced nor waited for, and nothing limits them
	ahead              time.Duration           // of Splunk's clock
	pages              int                     // of event history for one question; 0 for the source's own
	history            func([][]byte) [][]byte // what event history holds instead of its records; nil for these
}

// behind puts a scenario behind doubles and writes the configuration that reaches them. Sign-ins lie
// in Splunk, in (h) in Entra ID, of which the first day of the look-back has aged out.
func behind(t *testing.T, variant string) *remote {
	t.Helper()
	a := arrangement{cloudtrail: []string{"splunk-prod", "cloudtrail-api"}, signin: []string{"splunk-prod"}}
	if variant == "h" {
		a = arrangement{cloudtrail: []string{"splunk-prod", "cloudtrail-api", "athena"}, signin: []string{"entra"}}
	}
	r := a.behind(t, variant)
	if variant == "f" { // Splunk answers the first question of CloudTrail with 503, however often it is tried, and then refuses a command
		r.splunk.Script(
			splunktest.Fault{On: splunktest.Create, Kind: splunktest.Unavailable, Holding: `"GetObject" "s3.amazonaws.com" "ASIA`},
			splunktest.Fault{On: splunktest.Create, Kind: splunktest.Command, Holding: `sourcetype="aws:cloudtrail"`},
		)
	}
	return r
}

// behind lays the logs out.
func (a arrangement) behind(t testing.TB, variant string) *remote {
	t.Helper()
	s, err := scenario.Generate(variant, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{scenario: s, dir: t.TempDir(), now: time.Date(2025, 9, 10, 5, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return r.now }
	asked := func(name string) bool { return slices.Contains(slices.Concat(a.cloudtrail, a.signin), name) }

	r.aws = awstest.New(t, "cloudtrail", "athena", "guardduty", "sso-admin")
	history := awstest.NewHistory(r.aws, clock)
	r.aws.Limit("cloudtrail:LookupEvents", math.MaxInt) // see paced
	if a.quick {
		r.caller = call.New(call.Options{Unlimited: true, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	}
	events := records(t, s, "cloudtrail-api")
	if a.history != nil {
		events = a.history(events)
	}
	history.Add(events...)
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
	var indexed []splunktest.Event
	if asked("athena") {
		archive := records(t, s, "trail-archive")
		if len(archive) == 0 { // no trail of this variant records data events; its management events are those of event history
			archive = records(t, s, "cloudtrail-api")
		}
		r.athena = athenatest.New(t, r.aws)
		r.athena.Table("security", "cloudtrail_logs", archive, athenatest.Options{})
	}
	if asked("entra") {
		r.graph = graphtest.Start(t, graphtest.Options{SignIns: signIns, Now: clock, Unlimited: a.quick, Users: []graphtest.User{{Properties: map[string]any{
			"id": s.Truth.Facts["person.object_id"], "userPrincipalName": s.Truth.Facts["person.upn"], "displayName": s.Truth.Facts["person.display_name"],
			"department": s.Truth.Facts["person.department"], "accountEnabled": true, "userType": "Member",
		}}}})
		t.Setenv("TEST_ENTRA_SECRET", r.graph.Secret())
	}
	if slices.Contains(a.signin, "splunk-prod") {
		indexed = splunktest.Events("azure", "azure:monitor:aad", monitored)
	}
	const kept = 400 * 24 * 60 * 60
	r.splunk = splunktest.New(splunktest.Options{Events: indexed, Token: splunkToken, Now: r.now.Add(a.ahead), Frozen: map[string]int64{"azure": kept, "aws": kept}})
	t.Cleanup(r.splunk.Close)

	text, _, _ := strings.Cut(string(s.Files["uratori.yaml"]), "sources:\n")
	var b strings.Builder
	fmt.Fprintf(&b, "%sregions: [%s, us-east-1]\naws: {region: %s, member_role: uratori-member, external_id: \"env:TEST_EXTERNAL_ID\", endpoint: %q}\n%ssources:\n", text, awstest.Region, awstest.Region, r.aws.URL(), a.more)
	declare := func(name, kind, block string) {
		fmt.Fprintf(&b, "  - name: %s\n    type: %s\n    %s\n", name, kind, block)
		if d := a.timeout[name]; d != "" {
			fmt.Fprintf(&b, "    timeout: %s\n", d)
		}
	}
	declare("splunk-prod", "splunk", fmt.Sprintf("splunk: {url: %q, token: \"env:TEST_SPLUNK_TOKEN\", places: [{dataset: signin, index: azure, sourcetype: \"azure:monitor:aad\"}, {dataset: cloudtrail, index: aws, sourcetype: \"aws:cloudtrail\"}]}", r.splunk.URL))
	declare("cloudtrail-api", "cloudtrail", fmt.Sprintf("cloudtrail: {store: fetched.duckdb, pages: %d}", a.pages))
	if r.athena != nil {
		// What the trail records is known to whoever made it; a quiet hour leaves no file.
		kinds, known := "cloudtrail_management", "\n    coverage: [{kind: cloudtrail_management, state: collected, why: asserted}, {kind: s3_data, state: not_collected, why: not_held}]"
		if len(records(t, s, "trail-archive")) > 0 {
			kinds, known = "cloudtrail_management, s3_data", "" // the trail's selectors tell
		}
		declare("athena", "athena", fmt.Sprintf("athena: {database: security, table: cloudtrail_logs, workgroup: primary, kinds: [%s]}%s", kinds, known))
	}
	if r.graph != nil {
		declare("entra", "entra", fmt.Sprintf("entra: {tenant: %q, client_id: %q, client_secret: \"env:TEST_ENTRA_SECRET\", endpoint: %q, token_url: %q}", r.graph.Tenant(), r.graph.ClientID(), r.graph.URL(), r.graph.TokenURL()))
	}
	fmt.Fprintf(&b, "order: {cloudtrail: [%s], signin: [%s]}\n", strings.Join(a.cloudtrail, ", "), strings.Join(a.signin, ", "))
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
	a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: os.Getenv, now: func() time.Time { return r.now }, caller: r.caller}
	status = a.command(context.Background(), args)
	return status, stdout.String(), stderr.String()
}

// paced checks that the lookups of a command that began then kept their pace: the last of n comes
// after n-1 pauses, or later. How soon one follows another tells nothing, for a busy machine delays
// each as it likes, here as on its way to AWS.
func (r *remote) paced(t testing.TB, began time.Time) {
	t.Helper()
	type place struct{ account, region string }
	pace := cloudtrail.Paces["cloudtrail:LookupEvents"]
	n, last := map[place]int{}, map[place]time.Time{}
	for _, c := range r.aws.Calls("cloudtrail:LookupEvents") {
		p := place{c.Account, c.Region}
		if n[p]++; c.Time.After(last[p]) {
			last[p] = c.Time
		}
	}
	if len(n) == 0 {
		t.Error("no lookup was made")
	}
	for p, n := range n {
		least := time.Duration(float64(n-pace.Burst) / pace.PerSecond * float64(time.Second))
		if took := last[p].Sub(began); took < least-time.Millisecond {
			t.Errorf("%d lookups in %s within %s; want at least %s", n, p.region, took, least)
		}
	}
}

// edit changes the configuration.
func (r *remote) edit(t *testing.T, before, after string) {
	t.Helper()
	file := filepath.Join(r.dir, "uratori.yaml")
	data, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(data, []byte(before)) {
		t.Fatalf("%s holds no %q: %v", file, before, err)
	}
	if err := os.WriteFile(file, bytes.Replace(data, []byte(before), []byte(after), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// investigate runs the command and reads back what it kept.
func (r *remote) investigate(t *testing.T, name string) investigate.Case {
	t.Helper()
	return r.investigated(t, name, filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"))
}

// investigated is the same with arguments of its own.
func (r *remote) investigated(t *testing.T, name string, args ...string) investigate.Case {
	t.Helper()
	dir := filepath.Join(r.dir, name)
	status, out, errs := r.command(append([]string{"investigate", "-o", dir}, args...)...)
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
	if f := c.Assessment.Facts().Get("coverage.state", query.KindSignIn); truthtest.Plain(f) != "partial" {
		t.Errorf("coverage.state@signin = %s; want partial", truthtest.Plain(f))
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

// center puts IAM Identity Center beside the scenario: its permission set among others of the account,
// where the configuration says that it lies.
func (r *remote) center(t *testing.T) {
	t.Helper()
	told := func(name string) string { return r.scenario.Truth.Facts[name].(string) }
	account, user := told("finding.account"), told("actor.on_behalf_of")
	const group, store, region = "906747f1-3a0c-4f0e-9a51-2d1c2b3a4d5e", "d-1234567890", "us-east-1"
	r.aws.Serve(awstest.World{
		Accounts: map[string]awstest.OrgAccount{account: {Name: "ml-sandbox", State: "ACTIVE", Parent: "r-ab12"}},
		Store:    store, CenterRegion: region,
		PermissionSets: []awstest.PermissionSet{
			{ID: "ps-0000000000000001", Name: "ReadOnly", Duration: "PT1H", Provisioned: []string{account}, Managed: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}},
			{
				ID: "ps-0000000000000002", Name: told("actor.permission_set"), Description: "Data for analysts", Duration: "PT8H", Provisioned: []string{account}, Managed: []string{"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},
				Inline: `{"Version":"2012-10-17","Statement":[]}`,
				Assigned: []awstest.Assignment{
					{Account: account, Type: "USER", ID: user}, {Account: account, Type: "GROUP", ID: group}, {Account: awstest.Home, Type: "USER", ID: group},
				},
			},
		},
	})
	r.edit(t, "endpoint:", fmt.Sprintf("look_up: [permission_set], identity_store: {id: %s, account: %q, region: %s}, endpoint:", store, awstest.Home, region))
}

// sessionEnds holds what is told of the permission set against what Identity Center knows, and what
// follows from it against the session's own record.
func (r *remote) sessionEnds(t *testing.T, c investigate.Case) {
	t.Helper()
	created := c.Assessment.Facts().Get("actor.session_created", "").Value.At
	for key, want := range map[fact.Key]string{
		"actor.set_provisioned": "true", "actor.set_session_minutes": "480", "actor.set_session_open": "true",
		"actor.set_arn": "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0000000000000002", "actor.set_description": "Data for analysts",
		"actor.set_managed_policies": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "actor.set_inline_policy": "true", "actor.set_administrator": "false",
		"actor.set_assigned_users": "1", "actor.set_assigned_groups": "1", "actor.set_person_assigned": "directly",
	} {
		if got := truthtest.Plain(c.Assessment.Facts().Get(key, "")); got != want {
			t.Errorf("%s = %s; want %s", key, got, want)
		}
	}
	if f := c.Assessment.Facts().Get("actor.set_session_until", ""); f.State != fact.Known || created.IsZero() || !f.Value.At.Equal(created.Add(8*time.Hour)) {
		t.Errorf("a session of %v ends at %v (%v)", created, f.Value.At, f.State)
	}
	for _, call := range r.aws.Calls() {
		if call.Service == "sso-admin" && (call.Account != awstest.Home || call.Region != "us-east-1") {
			t.Errorf("%s is asked in account %s, Region %s; Identity Center is elsewhere", call.Operation, call.Account, call.Region)
		}
	}
	if who := chapter(t, c, 4); !strings.Contains(who, "480分であり、このセッションの認証情報は遅くとも") || !strings.Contains(who, "ユーザー1人とグループ1個に割り当てられている") {
		t.Errorf("chapter 4 does not tell how long the session lasts, and to whom its permission set is assigned:\n%s", who)
	}
}

// By configuration alone, the services are asked what files were asked, and the report says what
// the truth says. No remote source tells how its records were delivered, so nothing is known of
// duplicates and the like.
func TestVariantsBehindServices(t *testing.T) {
	for _, variant := range []string{"a", "f", "h"} {
		t.Run(variant, func(t *testing.T) {
			r := behind(t, variant)
			r.center(t)
			began := time.Now()
			c := r.investigate(t, "case")
			r.paced(t, began)
			r.sessionEnds(t, c)
			if variant == "h" {
				truthtest.Hold(t, r.scenario.Truth, c.Assessment, "quality.", "coverage.state@signin")
				r.agedOut(t, c)
			} else {
				truthtest.Hold(t, r.scenario.Truth, c.Assessment, "quality.")
			}
			// In (h) the directory is asked about the person and does not tell all, so the score has a
			// ceiling that the files' has not.
			summary := report.Summary(c.Document)
			if variant == "h" {
				summary = strings.Replace(ceiling.ReplaceAllString(summary, ""), "29日間のサインイン", "30日間のサインイン", 1)
			}
			if want := r.files(t); summary != want {
				t.Errorf("the summary is\n%s\nof the files it is\n%s", summary, want)
			}
			if n := len(r.aws.Calls("cloudtrail:LookupEvents")); n == 0 || n > 25 {
				t.Errorf("%d calls of LookupEvents; want 1 to 25", n)
			}

			// What came from where.
			const first = "splunk-prod"
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
			if variant == "f" {
				r.fallsBack(t, c, said, walk)
			}

			// Within the hour, event history is asked nothing again: its store holds what was fetched.
			if variant == "a" {
				r.aws.Forget()
				truthtest.Hold(t, r.scenario.Truth, r.investigate(t, "again").Assessment, "quality.")
				if n := len(r.aws.Calls("cloudtrail:LookupEvents")); n != 0 {
					t.Errorf("%d calls of LookupEvents for the same investigation again; want none", n)
				}
			}
		})
	}
}

// fallsBack holds (f) against its story: Splunk answers 503 and then refuses a command; both outcomes
// stand in chapter 7, and whatever CloudTrail has been asked for was answered by the next source.
func (r *remote) fallsBack(t *testing.T, c investigate.Case, said map[evidence.Outcome]int, walk string) {
	t.Helper()
	if said[evidence.Failed] != 1 || said[evidence.Denied] == 0 || len(said) != 2 {
		t.Errorf("splunk-prod said %v of CloudTrail; want one failure and then refusals", said)
	}
	for _, words := range []string{"503", "your role may not run the command"} {
		if !strings.Contains(walk, words) {
			t.Errorf("chapter 7 does not say %q:\n%s", words, walk)
		}
	}
	if n := answers(c, "splunk-prod", query.SignIn); n[evidence.Found] == 0 || n[evidence.Failed]+n[evidence.Denied] > 0 {
		t.Errorf("splunk-prod said %v of sign-ins, of which it is asked nothing wrong", n)
	}
	for _, it := range c.Evidence.Items() {
		if it.Kind != evidence.AnswerItem || it.Source != "splunk-prod" || it.Ask.Dataset != query.CloudTrail {
			continue
		}
		walked := c.Evidence.Asked(it.Question, it.Subject)
		if last := walked[len(walked)-1]; last.Source != "cloudtrail-api" || last.Answer.Outcome == evidence.Failed || last.Answer.Outcome == evidence.Denied {
			t.Errorf("%s: after splunk-prod, %s said %s (%s)", it.Question, last.Source, last.Answer.Outcome, last.Answer.Reason)
		}
	}
}
