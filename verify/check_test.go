package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
	"uratori/query"
)

var (
	at     = time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	window = query.Window{From: at.AddDate(0, 0, -30), To: at.Add(time.Hour)}
)

// world is a small case: E3 was covered throughout, E4 was not, E5 was truncated.
func world() evidence.Set {
	answer := func(id evidence.ID, out evidence.Outcome, state evidence.State) evidence.Item {
		return evidence.Item{
			ID: id, Kind: evidence.AnswerItem, Question: "q" + string(id), Scope: query.Scope{Kind: "cloudtrail_management", Account: "111122223333", Window: window},
			Coverage: []evidence.Coverage{{Kind: "cloudtrail_management", Window: window, State: state}}, Answer: evidence.Answer{Outcome: out},
		}
	}
	elsewhere := answer("E6", evidence.Empty, evidence.Collected)
	elsewhere.Scope.Account = "444455556666"
	return evidence.NewSet([]evidence.Item{
		{ID: "E1", Kind: evidence.FindingItem},
		{ID: "E2", Kind: evidence.SettingsItem},
		answer("E3", evidence.Found, evidence.Collected), answer("E4", evidence.Empty, evidence.Unknown), answer("E5", evidence.Truncated, evidence.Collected), elsewhere,
	})
}

func known(key fact.Key, subject string, v fact.Value, from ...fact.Ref) fact.Fact {
	return fact.Fact{Key: key, Subject: subject, Value: v, State: fact.Known, Window: window, From: from}
}

func assess(t *testing.T, extra ...fact.Fact) policy.Assessment {
	t.Helper()
	list := []fact.Fact{
		known("finding.severity", "", fact.Value{Type: fact.Decimal, Num: 80}, "E1"),
		known("finding.type", "", fact.TextOf("Exfiltration:S3/AnomalousBehavior"), "E1"),
		known("finding.band", "", fact.NameOf("high"), "E1"),
		known("finding.account", "", fact.TextOf("111122223333"), "E1"),
		known("finding.environment", "", fact.NameOf("sandbox"), "E2"),
		known("event.time", "", fact.TimeOf(at), "E1"),
		known("event.api", "", fact.TextOf("GetObject"), "E1"),
		known("event.succeeded", "", fact.BoolOf(true), "E1"),
		known("activity.privilege_calls", "session", fact.IntOf(0), "E3"),
		known("activity.persistence_calls", "session", fact.IntOf(0), "E4"),
		known("activity.denied", "session", fact.IntOf(0), "E5"),
		known("activity.assumed_roles", "session", fact.IntOf(0), "E3"),
		known("activity.new_keys", "session", fact.IntOf(0), "E6"),
		{Key: "activity.total", Subject: "session", Value: fact.IntOf(12), State: fact.AtLeast, Gap: fact.Gap{Key: "cloudtrail_management"}, Window: window, From: []fact.Ref{"E5"}},
		known("signin.total", "", fact.IntOf(59), "E3"),
		known("baseline.daily_average", "", fact.Value{Type: fact.Decimal, Num: 20}, "E3"),
		known("baseline.event_day", "", fact.IntOf(6), "E3"),
		{Key: "impact.objects_read", Gap: fact.Gap{Key: "s3_data", Outcome: evidence.NotCollected}},
		{Key: "impact.bytes_out", Gap: fact.Gap{Key: "s3_data", Outcome: evidence.NotCollected}},
		known("related.findings_same_ip", "", fact.IntOf(0), "E2"),
		known("finding.sample", "", fact.BoolOf(false), "E1"),
	}
	for _, e := range extra {
		list = slices.DeleteFunc(list, func(f fact.Fact) bool { return f.Key == e.Key && f.Subject == e.Subject })
	}
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p.Assess(fact.ForTest(append(list, extra...), fact.TestWorld{Evidence: world(), AsOf: at}))
}

func id(t *testing.T, a policy.Assessment, key fact.Key, subject string) fact.ID {
	t.Helper()
	f := a.Facts().Get(key, subject)
	if f.ID == "" {
		t.Fatalf("there is no fact %s@%s", key, subject)
	}
	return f.ID
}

func gapOf(t *testing.T, a policy.Assessment, key fact.Key) string {
	t.Helper()
	g, ok := a.GapOf(a.Facts().Get(key, ""))
	if !ok {
		t.Fatalf("fact %s has no gap", key)
	}
	return g.ID
}

// Absences that were looked for in the same places may stand in one line, which says their one count.
func TestAbsencesOfOnePlaceAreOneLine(t *testing.T) {
	a := assess(t)
	st := narrative.Statement{Phrase: "absence.all", Kind: phrase.Absence, Facts: []fact.ID{
		id(t, a, "activity.privilege_calls", "session"), id(t, a, "activity.assumed_roles", "session"),
	}}
	c, err := Check(narrative.New(a, map[string][]narrative.Statement{"impact": {st}}))
	if err != nil {
		t.Fatal(err)
	}
	lines := c.Section("impact")
	if len(lines) == 0 || lines[0].Phrase.ID != "absence.all" || len(lines[0].Facts) != 2 {
		t.Fatalf("got %+v, struck %+v", lines, strikesIn(c, "impact"))
	}
	if n, _ := lines[0].Value("n"); n.Value.Type != fact.Int || n.Value.Num != 0 {
		t.Errorf("the shared count is %+v, want 0", n.Value)
	}
	if x, _ := lines[0].Value("x"); x.Value.JA != "権限変更、ロール引き受け" {
		t.Errorf("got labels %q", x.Value.JA)
	}
}

func TestEachWrongStatementIsRefused(t *testing.T) {
	a := assess(t)
	f := func(key fact.Key, subject string) []fact.ID { return []fact.ID{id(t, a, key, subject)} }
	for _, tc := range []struct {
		name    string
		section string
		st      narrative.Statement
		want    Reason
	}{
		{"a phrase of its own", "who", narrative.Statement{Phrase: "the attacker got admin", Kind: "S1"}, NoSuchPhrase},
		{"an assessment passed off as a statement", "summary", narrative.Statement{Phrase: "risk.benign", Kind: "S1"}, WrongKind},
		{"a phrase out of place", "who", narrative.Statement{Phrase: "risk.inconclusive", Kind: phrase.Assessment}, WrongSection},
		{"another verdict than policy's", "overall", narrative.Statement{Phrase: "risk.benign", Kind: phrase.Assessment}, GuardFails},
		{"too few facts", "finding", narrative.Statement{Phrase: "finding.severity", Kind: "S1", Facts: f("finding.severity", "")}, WrongFacts},
		{"too many facts", "finding", narrative.Statement{Phrase: "fact", Kind: "S1", Facts: append(f("finding.type", ""), f("finding.account", "")...)}, WrongFacts},
		{"a fact in another's place", "finding", narrative.Statement{Phrase: "finding.severity", Kind: "S1", Facts: append(f("finding.band", ""), f("finding.severity", "")...)}, WrongFacts},
		{"a fact that does not exist", "finding", narrative.Statement{Phrase: "fact", Kind: "S1", Facts: []fact.ID{"F9999"}}, WrongFacts},
		{"the wrong subject", "other_activity", narrative.Statement{Phrase: "other.counts", Kind: "S1", Facts: f("activity.total", "session")}, WrongFacts},
		{"an unknown fact", "impact", narrative.Statement{Phrase: "fact", Kind: "S1", Facts: f("impact.objects_read", "")}, NotKnown},
		{"a guard that fails", "finding", narrative.Statement{Phrase: "finding.sample", Kind: "S1", Facts: f("finding.sample", "")}, GuardFails},
		{"nothing found, of a lower bound", "timeline", narrative.Statement{Phrase: "absence", Kind: phrase.Absence, Facts: f("activity.total", "session")}, NotKnown},
		{"nothing found, without coverage", "impact", narrative.Statement{Phrase: "absence", Kind: phrase.Absence, Facts: f("activity.persistence_calls", "session")}, NotCovered},
		{"nothing found, in a part", "impact", narrative.Statement{Phrase: "absence", Kind: phrase.Absence, Facts: f("activity.denied", "session")}, NotCovered},
		{"nothing found, where nobody was asked", "similar", narrative.Statement{Phrase: "absence", Kind: phrase.Absence, Facts: f("related.findings_same_ip", "")}, NotCovered},
		{"nothing found, of what was found", "signin", narrative.Statement{Phrase: "absence", Kind: phrase.Absence, Facts: f("signin.total", "")}, GuardFails},
		{"absences of different answers in one line", "pattern", narrative.Statement{Phrase: "pattern.not_seen", Kind: phrase.Absence, Facts: append(f("activity.privilege_calls", "session"), f("activity.persistence_calls", "session")...)}, NotCovered},
		{"absences of two accounts in one line", "impact", narrative.Statement{Phrase: "absence.all", Kind: phrase.Absence, Facts: append(f("activity.privilege_calls", "session"), f("activity.new_keys", "session")...)}, NotComparable},
		{"an absence and a presence in one line", "impact", narrative.Statement{Phrase: "absence.all", Kind: phrase.Absence, Facts: append(f("activity.privilege_calls", "session"), f("signin.total", "")...)}, GuardFails},
		{"a gap that does not exist", "gaps", narrative.Statement{Phrase: "gap.explain", Kind: phrase.Assessment, Gap: "G99"}, WrongGap},
		{"a known fact called unknown", "impact", narrative.Statement{Phrase: "unknown", Kind: phrase.Connective, Facts: f("signin.total", ""), Gap: gapOf(t, a, "impact.objects_read")}, NotKnown},
		{"an action of nobody's", "immediate", narrative.Statement{Phrase: "action", Kind: phrase.Recommendation, Action: "delete_everything"}, WrongAction},
		{"a hypothesis of its own", "grounds", narrative.Statement{Phrase: "hypothesis", Kind: phrase.Hypothesis, Hypothesis: "aliens"}, WrongEntry},
		{"a hypothesis that nothing supports", "grounds", narrative.Statement{Phrase: "hypothesis", Kind: phrase.Hypothesis, Hypothesis: "hiding"}, NoSupport},
		{"a step that is not the fact's", "pattern", narrative.Statement{Phrase: "pattern.seen", Kind: "S1", Step: "movement", Facts: f("signin.total", "")}, WrongFacts},
		{"words of the run itself", "header", narrative.Statement{Phrase: "header.version", Kind: phrase.Connective}, WrongEntry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := narrative.New(a, map[string][]narrative.Statement{tc.section: {tc.st}})
			c, err := Check(d)
			if err != nil {
				t.Fatal(err)
			}
			struck := strikesIn(c, tc.section)
			if len(struck) != 1 || struck[0].Reason != tc.want {
				t.Fatalf("got struck %+v, want one %q", struck, tc.want)
			}
			if strings.Contains(struck[0].Phrase, " ") {
				t.Errorf("the strike keeps the statement's own text %q", struck[0].Phrase)
			}
			if len(c.Section(tc.section)) == 0 {
				t.Errorf("section %s is empty; the default plan should stand in", tc.section)
			}
		})
	}
}

func TestDifferentWindowsAreNotCompared(t *testing.T) {
	a := known("signin.total", "", fact.IntOf(59))
	b := known("signin.success", "", fact.IntOf(28))
	b.Window.From = at.AddDate(0, 0, -7)
	if v, ok := compare(phrase.Relation, a, b); ok {
		t.Errorf("got %v, want no comparison of counts over different windows", v)
	}
	b.Window = a.Window
	if v, ok := compare(phrase.Relation, a, b); !ok || v.Str != "more" {
		t.Errorf("got %v, %v, want more", v, ok)
	}
	c := known("impact.bytes_out", "", fact.Value{Type: fact.Bytes, Num: 5})
	if v, ok := compare(phrase.Relation, a, c); ok {
		t.Errorf("got %v, want no comparison of counts and bytes", v)
	}
}

func TestARatioIsComputed(t *testing.T) {
	day := known("baseline.event_day", "", fact.IntOf(6))
	for tenths, want := range map[int64]int64{20: 30, 19: 32, 70: 9, 600: 1} {
		average := known("baseline.daily_average", "", fact.Value{Type: fact.Decimal, Num: tenths})
		if v, ok := compare(phrase.Ratio, day, average); !ok || v.Num != want {
			t.Errorf("6 against %d tenths: got %v, %v, want %d tenths", tenths, v.Num, ok, want)
		}
	}
	if _, ok := compare(phrase.Ratio, day, known("baseline.daily_average", "", fact.Value{Type: fact.Decimal})); ok {
		t.Error("got a ratio to nothing")
	}
}

func TestTheDefaultPlanStandsWhole(t *testing.T) {
	a := assess(t, known("activity.persistence_calls", "session", fact.IntOf(0), "E3"), known("activity.denied", "session", fact.IntOf(2), "E3"))
	c, err := Check(narrative.DefaultPlan().Write(a))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Struck()) > 0 {
		t.Errorf("got struck %+v, want none", c.Struck())
	}
	for _, s := range phrase.Default().SectionIDs() {
		if len(c.Section(s)) == 0 {
			t.Errorf("section %s is empty", s)
		}
	}
}

func TestOmittedAssessmentComesBack(t *testing.T) {
	a := assess(t)
	c, err := Check(narrative.New(a, nil))
	if err != nil {
		t.Fatal(err)
	}
	for section, lists := range required {
		for _, alternatives := range lists {
			if !slices.ContainsFunc(c.Section(section), func(l Line) bool { return slices.Contains(alternatives, l.Phrase.Base) }) {
				t.Errorf("section %s: got none of %q", section, alternatives)
			}
		}
	}
	for _, g := range a.Gaps() {
		if !slices.ContainsFunc(c.Section("gaps"), func(l Line) bool { return slices.Contains(l.Anchors, g.ID) }) {
			t.Errorf("gap %s is not explained", g.ID)
		}
	}
}

func TestAnEmptyDraftIsAnError(t *testing.T) {
	if _, err := Check(narrative.Draft{}); err == nil {
		t.Error("got no error for a draft that nobody made")
	}
}

func TestAStatementIsSaidOnce(t *testing.T) {
	a := assess(t)
	st := narrative.Statement{Phrase: "fact", Kind: "S1", Facts: []fact.ID{id(t, a, "finding.type", "")}}
	c, err := Check(narrative.New(a, map[string][]narrative.Statement{"finding": {st, st}}))
	if err != nil {
		t.Fatal(err)
	}
	if struck := strikesIn(c, "finding"); len(struck) != 1 || struck[0].Reason != Repeated {
		t.Errorf("got struck %+v, want one repeated", struck)
	}
}

// strikesIn are the strikes of one section: the facts of this case claim absences that the
// evidence does not bear out, so that other sections have some of their own.
func strikesIn(c Checked, section string) []Strike {
	return slices.DeleteFunc(slices.Clone(c.Struck()), func(s Strike) bool { return s.Section != section })
}
