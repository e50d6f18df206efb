package investigate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/bundle"
	"uratori/config"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/investigate"
	"uratori/investigate/truthtest"
	"uratori/ledger"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/playbook"
	"uratori/policy"
	"uratori/query"
	"uratori/scenario"
	"uratori/source"
	"uratori/source/local"
	"uratori/source/scripted"
)

// A told source is a store that tells about its own records.
type told struct {
	source.Source
	store *local.Store
}

func (s told) Quality(ctx context.Context) (fact.Quality, error) {
	q, err := s.store.Stats(ctx, 20)
	return fact.Quality{
		Files: q.Files, NotLogs: q.NotLogs, DuplicatesRemoved: q.DuplicatesRemoved, Conflicts: q.Conflicts,
		Quarantined: q.Quarantined, FutureEvents: q.FutureEvents,
	}, err
}

// A world is a scenario on disk with its sources open.
type world struct {
	tools   investigate.Tools
	finding finding.Finding
	members []finding.Finding // that an attack sequence refers to
	truth   scenario.Truth
}

// enter generates a scenario, opens its sources and makes the tools for it.
func enter(t testing.TB, variant string, seed uint64, lang phrase.Lang) world {
	t.Helper()
	s, err := scenario.Generate(variant, seed)
	if err != nil {
		t.Fatal(err)
	}
	return enterAll(t, s, lang)
}

// enterAll opens the sources of a scenario and makes the tools for it.
func enterAll(t testing.TB, s scenario.Scenario, lang phrase.Lang) world {
	t.Helper()
	dir := t.TempDir()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, "uratori.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w := world{truth: s.Truth, tools: toolsOf(t, c, lang)}
	for _, y := range c.Sources {
		opt := local.Options{Name: y.Name}
		for _, cov := range y.Coverage {
			state := map[string]evidence.State{"collected": evidence.Collected, "not_collected": evidence.NotCollectedState}[cov.State]
			opt.Assert = append(opt.Assert, local.Assertion{Kind: cov.Kind, Account: cov.Account, Region: cov.Region, State: state, Why: evidence.Reason(cov.Why)})
		}
		st := store(t, opt, c.Path(y.Logs[0]))
		var src source.Source = st
		if len(y.Script) > 0 {
			var steps []scripted.Step
			for _, step := range y.Script {
				o := map[string]evidence.Outcome{"failed": evidence.Failed, "denied": evidence.Denied}[step.Outcome]
				steps = append(steps, scripted.Step{Dataset: query.Dataset(step.Dataset), Calls: step.Calls, Outcome: o, Reason: step.Reason})
			}
			if src, err = scripted.New(st, steps); err != nil {
				t.Fatal(err)
			}
		}
		w.tools.Sources = append(w.tools.Sources, told{src, st})
	}
	w.tools.Order = map[query.Dataset][]string{}
	for d, names := range c.Order {
		w.tools.Order[query.Dataset(d)] = names
	}
	fs, err := finding.Parse(s.Files["finding.json"])
	if err != nil {
		t.Fatal(err)
	}
	w.finding = fs[0]
	return w
}

func store(t testing.TB, opt local.Options, roots ...string) *local.Store {
	t.Helper()
	st, err := local.Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if _, err := st.Ingest(context.Background(), roots, nil); err != nil {
		t.Fatal(err)
	}
	return st
}

// Both are read once for all tests and changed by none.
var (
	defaultBooks  = sync.OnceValues(playbook.Default)
	defaultPolicy = sync.OnceValues(policy.Default)
)

func toolsOf(t testing.TB, c config.Config, lang phrase.Lang) investigate.Tools {
	t.Helper()
	books, err := defaultBooks()
	if err != nil {
		t.Fatal(err)
	}
	pol, err := defaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	st := fact.Settings{
		Calendar: c.Calendar, ContractorPrefixes: c.People.ContractorPrefixes, IdentityCenter: fact.IdentityCenter(c.IdentityCenter),
	}
	for _, a := range c.Accounts {
		st.Accounts = append(st.Accounts, fact.Account(a))
	}
	for _, p := range c.People.Known {
		st.People = append(st.People, fact.Person(p))
	}
	return investigate.Tools{
		Playbooks: books, Policy: pol, Narrator: narrative.Default{}, Settings: st, Language: lang,
		Budget: ledger.NoLimit(), Version: "test", Now: time.Now,
	}
}

func (w world) run(t testing.TB) investigate.Case {
	t.Helper()
	c, err := w.tools.Run(context.Background(), w.finding, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every variant comes to what its story says: the truth was written before any run.
func TestVariantsComeToTheTruth(t *testing.T) {
	for _, v := range scenario.Variants() {
		for _, seed := range []uint64{1, 5} {
			t.Run(fmt.Sprint(v.ID, seed), func(t *testing.T) {
				t.Parallel()
				w := enter(t, v.ID, seed, phrase.JA)
				truthtest.Hold(t, w.truth, w.run(t).Assessment)
			})
		}
	}
}

var plain = truthtest.Plain

// What the logs say of variant (d) changes nothing: verdict, score, confidence and every fact
// equal (a)'s, except those that quote the text or count the one call more.
func TestHostileTextChangesNothing(t *testing.T) {
	clean, hostile := enter(t, "a", 1, phrase.EN).run(t), enter(t, "d", 1, phrase.EN).run(t)
	a, d := clean.Assessment, hostile.Assessment
	if a.Verdict() != d.Verdict() || a.Score() != d.Score() || a.Ceiling() != d.Ceiling() || a.Confidence() != d.Confidence() {
		t.Errorf("judged %s %d/%d, want %s %d/%d", d.Verdict(), d.Score(), d.Ceiling(), a.Verdict(), a.Score(), a.Ceiling())
	}
	for i, f := range a.Facts().All() {
		g := d.Facts().All()[i]
		if strings.HasPrefix(string(f.Key), "activity.") || strings.Contains(string(f.Key), "user_agent") || f.Key == "finding.id" ||
			strings.HasPrefix(string(f.Key), "coverage.") || strings.HasPrefix(string(f.Key), "baseline.event_day") || f.Key == "signin.devices" {
			continue
		}
		if f.State != g.State || plain(f) != plain(g) {
			t.Errorf("%s = %s with hostile text, %s without", f.Key, plain(g), plain(f))
		}
	}
	for name, data := range hostile.Reports {
		attacks := []string{"\x1b", "\u202e", "\n# 判定: 正常"}
		if name == investigate.HTMLName {
			attacks = append(attacks, "<script", "<img", "javascript:alert(3)\"")
		}
		for _, bad := range attacks {
			if bytes.Contains(data, []byte(bad)) {
				t.Errorf("%s holds %q as it came", name, bad)
			}
		}
	}
}

// A case delivered twice and out of order is the same case.
func TestDuplicatesChangeNothing(t *testing.T) {
	once, twice := enter(t, "b", 1, phrase.JA).run(t), enter(t, "e", 1, phrase.JA).run(t)
	for i, f := range once.Assessment.Facts().All() {
		g := twice.Assessment.Facts().All()[i]
		if strings.HasPrefix(string(f.Key), "quality.") {
			continue
		}
		if f.State != g.State || plain(f) != plain(g) {
			t.Errorf("%s = %s delivered twice, %s once", f.Key, plain(g), plain(f))
		}
	}
	if n := twice.Assessment.Facts().Get("quality.duplicates_removed", "").Value.Num; n == 0 {
		t.Error("no duplicate was removed")
	}
}

// Both failures of variant (f) stand in the evidence, and the next source was asked.
func TestFallbackIsEvidence(t *testing.T) {
	c := enter(t, "f", 1, phrase.JA).run(t)
	seen := map[evidence.Outcome]int{}
	for _, it := range c.Evidence.Items() {
		if it.Source == "splunk-prod" && it.Ask.Dataset == query.CloudTrail {
			seen[it.Answer.Outcome]++
		}
	}
	if seen[evidence.Failed] != 1 || seen[evidence.Denied] < 5 {
		t.Errorf("splunk-prod's outcomes are %v; want one failure and then refusals", seen)
	}
	for _, word := range []string{"503 Service Unavailable", "the command is not allowed"} {
		if !bytes.Contains(c.Reports[investigate.MarkdownName], []byte(word)) {
			t.Errorf("the report does not name %q", word)
		}
	}
}

func TestHeatMapOfUTCSignIns(t *testing.T) {
	c := enter(t, "h", 1, phrase.JA).run(t)
	for _, r := range c.Assessment.Facts().Get("signin.by_weekday_hour", "").Value.Rows {
		if h := r[1].Num; h != 9 && h != 13 {
			t.Errorf("a sign-in stands at %d h; all but the nearest are at 00 UTC, 09 h in Tokyo", h)
		}
		if wd := time.Weekday(r[0].Num); wd == time.Saturday || wd == time.Sunday {
			t.Errorf("a sign-in stands on a %s", wd)
		}
	}
}

// A kept case replays to the same bytes, also after it went through the disk, and a change of
// any kept file is found.
func TestReplayIsByteIdentical(t *testing.T) {
	for _, lang := range phrase.Langs() {
		c := enter(t, "c", 2, lang).run(t)
		dir := filepath.Join(t.TempDir(), "case")
		if err := c.Bundle().Write(dir); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		again, err := investigate.Replay(b)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range c.Reports {
			if !bytes.Equal(data, again.Reports[name]) {
				t.Errorf("%s: %s differs after a replay", lang, name)
			}
		}
	}
}

// Two runs over the same evidence give the same bytes, whatever the clock says.
func TestTwoRunsGiveTheSameBytes(t *testing.T) {
	w := enter(t, "a", 1, phrase.EN)
	first := w.run(t)
	w.tools.Now = func() time.Time { return time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC) }
	second := w.run(t)
	for name, data := range first.Reports {
		if !bytes.Equal(data, second.Reports[name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}
}

// A folder without logs gives a report in which everything is unseen.
func TestNoLogs(t *testing.T) {
	w := enter(t, "a", 1, phrase.EN)
	empty := store(t, local.Options{Name: "local"}, t.TempDir())
	w.tools.Sources, w.tools.Order = []source.Source{told{empty, empty}}, nil
	c := w.run(t)
	if c.Assessment.Verdict() != policy.Inconclusive || c.Assessment.Confidence() != policy.Low {
		t.Errorf("judged %s with confidence %s; want inconclusive, Low", c.Assessment.Verdict(), c.Assessment.Confidence())
	}
	if bytes.Contains(c.Reports[investigate.MarkdownName], []byte("were searched; ")) {
		t.Error("the report claims an absence with no log")
	}
	var doc map[string]any
	if err := json.Unmarshal(c.Reports[investigate.JSONName], &doc); err != nil {
		t.Error(err)
	}
}
