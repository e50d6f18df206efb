package cloudtrail_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/config"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/gather"
	"uratori/investigate"
	"uratori/ledger"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/playbook"
	"uratori/policy"
	"uratori/query"
	"uratori/scenario"
	"uratori/source"
	"uratori/source/awstest"
	"uratori/source/local"
)

// A reference is a scenario whose CloudTrail is behind the API, and whose sign-ins are in a store.
type reference struct {
	*rig
	scenario scenario.Scenario
	tools    investigate.Tools
	finding  finding.Finding
}

// unpacked are the records of a scenario's CloudTrail files.
func unpacked(t testing.TB, s scenario.Scenario, dir string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		if !strings.HasPrefix(name, dir) || !strings.HasSuffix(name, ".json.gz") {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(s.Files[name]))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Records []json.RawMessage }
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		for _, r := range file.Records {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no records in %s", dir)
	}
	return out
}

// enter sets the reference scenario up, asked a week after its event.
func enter(t testing.TB) *reference {
	t.Helper()
	s, err := scenario.Generate("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, "uratori.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fs, err := finding.Parse(s.Files["finding.json"])
	if err != nil {
		t.Fatal(err)
	}
	ref := &reference{scenario: s, finding: fs[0]}
	ref.rig = newRig(t, fs[0].Updated.Add(7*24*time.Hour), nil)
	ref.opt.Accounts = nil
	for _, a := range c.Accounts {
		ref.server.Role(a.ID, "uratori-read", externalID)
		ref.opt.Accounts = append(ref.opt.Accounts, a.ID)
	}
	ref.again(t)
	ref.history.Add(unpacked(t, s, "logs/cloudtrail-api/")...)
	ref.history.AddTrail(awstest.Trail{
		Account: string(fs[0].Account), Name: "audit-trail", HomeRegion: tokyo, MultiRegion: true, Logging: true, Started: ref.clock().Add(-300 * 24 * time.Hour),
		Selectors: map[string]any{"EventSelectors": []any{map[string]any{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []any{}}}},
	})
	signins, err := local.Open(context.Background(), local.Options{Name: "splunk-prod"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = signins.Close() })
	if _, err := signins.Ingest(context.Background(), []string{filepath.Join(dir, "logs", "splunk-prod")}, nil); err != nil {
		t.Fatal(err)
	}
	books, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	st := fact.Settings{Calendar: c.Calendar, ContractorPrefixes: c.People.ContractorPrefixes, IdentityCenter: fact.IdentityCenter(c.IdentityCenter)}
	for _, a := range c.Accounts {
		st.Accounts = append(st.Accounts, fact.Account(a))
	}
	for _, p := range c.People.Known {
		st.People = append(st.People, fact.Person(p))
	}
	ref.tools = investigate.Tools{
		Sources: []source.Source{signins, ref}, Order: map[query.Dataset][]string{query.CloudTrail: {"cloudtrail-api"}, query.SignIn: {"splunk-prod"}},
		Playbooks: books, Policy: pol, Narrator: narrative.Default{}, Settings: st, Language: phrase.JA,
		Budget: ledger.NoLimit(), Version: "test", Now: time.Now,
	}
	return ref
}

func (ref *reference) investigate(t testing.TB, f finding.Finding) investigate.Case {
	t.Helper()
	c, err := ref.tools.Run(context.Background(), f, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// later is the scenario's finding with its event moved.
func (ref *reference) later(t testing.TB, d time.Duration) finding.Finding {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(ref.scenario.Files["finding.json"], &event); err != nil {
		t.Fatal(err)
	}
	detail, _ := event["detail"].(map[string]any)
	service, _ := detail["service"].(map[string]any)
	for _, m := range []struct {
		in   map[string]any
		name string
	}{{service, "eventFirstSeen"}, {service, "eventLastSeen"}, {detail, "createdAt"}, {detail, "updatedAt"}} {
		text, _ := m.in[m.name].(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		m.in[m.name] = at.Add(d).Format("2006-01-02T15:04:05.000Z")
	}
	detail["id"] = fmt.Sprintf("%032x", int64(d))
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := finding.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return fs[0]
}

// The reference investigation costs at most 25 lookups and comes to the truth; asked again within
// the hour, also by a restarted program, it costs none.
func TestReferenceInvestigation(t *testing.T) {
	ref := enter(t)
	c := ref.investigate(t, ref.finding)
	n := ref.lookups()
	t.Logf("%d calls of LookupEvents, %d calls in all", n, len(ref.server.Calls()))
	if n > 25 || n == 0 {
		for _, it := range c.Evidence.Items() {
			t.Logf("%s %s %s: %d calls\n%s", it.Question, it.Source, it.Answer.Outcome, it.Answer.Calls, it.Answer.Native)
		}
		t.Errorf("%d calls of LookupEvents; at most 25 were promised", n)
	}
	truth, a := ref.scenario.Truth, c.Assessment
	if got, want := fmt.Sprintf("%s %d %s", a.Verdict(), a.Score(), a.Confidence()), fmt.Sprintf("%s %d %s", truth.Verdict, truth.Score, truth.Confidence); got != want {
		t.Errorf("judged %s; want %s", got, want)
	}
	for _, name := range truth.Unknown {
		if f := a.Facts().Get(fact.Key(name), ""); f.State != fact.Unknown {
			t.Errorf("%s is known; it cannot be", name)
		}
	}
	for _, it := range c.Evidence.Items() {
		if it.Kind != evidence.AnswerItem || it.Source != "cloudtrail-api" || it.Answer.Outcome == evidence.NotAsked {
			continue
		}
		switch {
		case it.Scope.Kind != query.KindManagement && it.Answer.Outcome != evidence.NotCollected:
			t.Errorf("%s: data events: %s", it.Question, it.Answer.Outcome)
		case it.Scope.Kind == query.KindManagement && !it.Complete():
			t.Errorf("%s: not covered: %+v", it.Question, it.Coverage)
		}
	}

	ref.server.Forget()
	ref.set(ref.clock().Add(50 * time.Minute))
	again := ref.investigate(t, ref.finding)
	if n := ref.lookups(); n != 0 {
		t.Errorf("the repeat costs %d calls of LookupEvents", n)
	}
	ref.again(t)
	ref.investigate(t, ref.finding)
	if n := ref.lookups(); n != 0 {
		t.Errorf("after a restart the repeat costs %d calls of LookupEvents", n)
	}
	for i, it := range c.Evidence.Items() {
		if other := again.Evidence.Items()[i]; it.SHA256 != other.SHA256 {
			t.Errorf("%s %s: other evidence the second time:\n%s\n%s", it.ID, it.Question, evidence.Encode(it), evidence.Encode(other))
		}
	}
}

// A hundred investigations of one account, Region and principal cost fewer than three times the
// lookups of one.
func TestHundredInvestigations(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred investigations")
	}
	ref := enter(t)
	ref.investigate(t, ref.finding)
	one := ref.lookups()
	settings, err := fact.EncodeSettings(ref.tools.Settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gather.New(ref.tools.Sources, ref.tools.Order, ledger.New(time.Now), ledger.NoLimit(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 99 {
		f := ref.later(t, time.Duration(i+1)*6*time.Minute) // ten hours in all
		if _, err := g.Gather(context.Background(), gather.Plan{Finding: f, Playbook: ref.tools.Playbooks.For(f), Settings: settings}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("one: %d calls, a hundred: %d", one, ref.lookups())
	if n := ref.lookups(); n >= 3*one {
		t.Errorf("one costs %d calls, a hundred %d", one, n)
	}
}
