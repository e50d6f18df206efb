package policy

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/calendar"
	"uratori/fact"
)

// given assesses what the default cases begin with, with some of it changed.
func given(t *testing.T, p Policy, changes string) Assessment {
	t.Helper()
	base, _, _ := strings.Cut(string(defaultCases), "\ncases:")
	results, err := RunCases(p, "case.yaml", []byte(base+"\ncases:\n  - name: case\n    given: {"+changes+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Assessment
}

const noData = `event_recorded: {unknown: s3_data/not_collected}, chain_call: not_collected, chain_complete: false,
objects_read: {unknown: s3_data/not_collected}, objects_deleted: {unknown: s3_data/not_collected}, s3_data: not_collected`

// Adding exactly what a gap names under settle now makes an inconclusive verdict leave it.
func TestWhatSettlesAGapSettlesTheVerdict(t *testing.T) {
	p := loaded(t)
	for name, rest := range map[string]string{"a business day": "", "a holiday": "business_day: false, business_hours: false, ", "off hours": "business_hours: false, "} {
		a := given(t, p, rest+strings.ReplaceAll(noData, "\n", " "))
		if a.Verdict() != Inconclusive {
			t.Fatalf("%s: got %s, want inconclusive", name, a.Verdict())
		}
		settled, logs := strings.TrimSuffix(rest, ", "), map[string]bool{}
		for _, g := range a.Gaps() {
			if !slices.Contains(a.HeldBy(), g.ID) {
				continue
			}
			for _, s := range g.SettleNow {
				logs[s.Dataset] = true
				if s.Kind == settleInterview {
					settled = strings.TrimPrefix(rest+"interview_answered: true, interview_answer: mine, step_up: true", ", ")
				}
			}
		}
		if !logs["s3_data"] {
			t.Errorf("%s: %v does not name the S3 data events", name, a.HeldBy())
		}
		// With those logs, the facts are those that the cases begin with.
		if v := given(t, p, settled).Verdict(); v == Inconclusive {
			t.Errorf("%s: with logs and testimony the verdict is still %s", name, v)
		}
		denied := strings.Replace(settled, "mine, step_up: true", "not_mine, step_up: false", 1)
		if v := given(t, p, denied).Verdict(); v == Inconclusive {
			t.Errorf("%s: with logs and a denial the verdict is still %s", name, v)
		}
	}
}

func TestUrgencyIsTodayOnlyWhileThereIsWorkLeft(t *testing.T) {
	p := loaded(t)
	list := []fact.Fact{{Key: "finding.severity", State: fact.Known, Value: fact.Value{Type: fact.Decimal, Num: 80}}}
	tokyo := fact.Settings{Calendar: calendar.Config{Zone: "Asia/Tokyo"}}
	for at, want := range map[string]string{
		"2025-09-09T04:20:05Z": "today",                        // Tuesday, 13:20 JST
		"2025-09-08T20:00:00Z": "today",                        // Tuesday, 05:00 JST: before the day begins
		"2025-09-09T12:00:00Z": "by the next business morning", // 21:00 JST
		"2025-09-15T04:20:05Z": "by the next business morning", // a holiday
		"2025-09-13T04:20:05Z": "by the next business morning", // Saturday
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		a := p.Assess(fact.ForTest(list, fact.TestWorld{AsOf: when, Settings: tokyo}))
		if a.Urgency() != UrgencyMedium || a.Due().EN != want {
			t.Errorf("%s: urgency %s is due %q, want Medium and %q", at, a.Urgency(), a.Due().EN, want)
		}
	}
}

// A case of which nothing is known is the worst that could be, and nobody is accused by it.
func TestNothingKnown(t *testing.T) {
	a := loaded(t).Assess(noFacts())
	if a.Verdict() != Inconclusive || a.Score() != 0 || a.Ceiling() < 80 || a.Confidence() != Low {
		t.Errorf("got %s, score %d, ceiling %d, confidence %s; want inconclusive, 0, at least 80, Low", a.Verdict(), a.Score(), a.Ceiling(), a.Confidence())
	}
	// Whether the person answered is not known either, so that a denial counts in the ceiling.
	if !slices.ContainsFunc(a.NotJudged(), func(n NotJudged) bool { return n.Rule == "denied_by_person" && len(n.Missing) > 0 }) {
		t.Error("a denial is not among what could not be judged")
	}
	if len(a.HeldBy()) == 0 || len(a.CappedBy()) == 0 {
		t.Errorf("held by %v and capped by %v, want gaps", a.HeldBy(), a.CappedBy())
	}
}

func TestTheZeroPolicyIsSafe(t *testing.T) {
	a := Policy{}.Assess(noFacts())
	if a.Verdict() != Inconclusive || a.Ceiling() != 100 || a.Confidence() != Low {
		t.Errorf("got %s, ceiling %d, confidence %s; want inconclusive, 100, Low", a.Verdict(), a.Ceiling(), a.Confidence())
	}
	if _, err := RunCases(Policy{}, "c.yaml", []byte("schema: uratori.policy-cases/1\ncases: []")); err == nil {
		t.Error("got no error for cases of no policy")
	}
	if len(Policy{}.Rules())+len(Policy{}.Features())+len(Policy{}.Requires("s3")) > 0 {
		t.Error("the zero policy describes something")
	}
}

func TestSignalsAndGapsPointAtTheirFacts(t *testing.T) {
	p := loaded(t)
	a := given(t, p, "logging_changes: 1, signin_total: {at_least: 3, hidden_by: signin/not_collected}, mfa_failed_then_success: {unknown: signin/not_collected}")
	id := func(key fact.Key) fact.ID { return a.Facts().Get(key, "").ID }
	i := slices.IndexFunc(a.Signals(), func(s Signal) bool { return s.Rule == "logging_stopped" })
	if got, want := a.Signals()[i].Facts, []fact.ID{id("activity.own_logging_changes")}; !cmp.Equal(got, want) {
		t.Errorf("the signal rests on %v, want %v", got, want)
	}
	g, ok := a.GapOf(a.Facts().Get("signin.total", ""))
	if !ok || g.Key != "signin" || g.Outcome != "not_collected" || !cmp.Equal(g.Facts, []fact.ID{id("signin.total"), id("signin.mfa_failed_then_success")}) {
		t.Errorf("got gap %+v, want the sign-ins that were not collected, hiding both facts", g)
	}
	n := a.NotJudged()[0]
	if n.Rule != "mfa_failed_then_success" || !cmp.Equal(n.Missing, []fact.ID{id("signin.mfa_failed_then_success")}) || !cmp.Equal(n.Gaps, []string{g.ID}) {
		t.Errorf("got %+v, want the rule on failed multifactor authentication, hidden by %s", n, g.ID)
	}
}

// Benign on an accepted gap needs every missing requirement accepted, not only the last.
func TestEachMissingRequirementMustBeAccepted(t *testing.T) {
	const two = `[{id: read, what: {ja: あ, en: a}, any: [{known: [objects_read], confidence: high}]}, {id: event, what: {ja: あ, en: a}, any: [{known: [event_recorded], confidence: high}]}]`
	text := strings.Replace(small, "[{id: event, what: {ja: あ, en: a}, any: [{known: [event_recorded], confidence: high}]}]", two, 1)
	text = strings.NewReplacer("actor: [{known: [event_recorded]}]", "actor: [{known: [new_ip]}]", "chain: {known: [event_recorded]}", "chain: {known: [new_ip]}", "testimony: {known: [event_recorded]}", "testimony: {known: [new_ip]}").Replace(text)
	p, err := Load("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		read, event string
		want        Verdict
	}{{"s3_data", "s3_data", Benign}, {"signin", "s3_data", Inconclusive}, {"s3_data", "signin", Inconclusive}} {
		hidden := func(key fact.Key, by string) fact.Fact {
			f := fact.Fact{Key: key}
			if !readGap(&f.Gap, by+"/not_collected") {
				t.Fatal(by)
			}
			return f
		}
		a := p.Assess(fact.ForTest([]fact.Fact{
			{Key: "finding.severity", State: fact.Known, Value: fact.Value{Type: fact.Decimal, Num: 10}},
			{Key: "baseline.new_ip", State: fact.Known, Value: fact.BoolOf(false)},
			hidden("impact.objects_read", tt.read), hidden("event.recorded", tt.event),
		}, fact.TestWorld{Settings: fact.Settings{Accepted: []fact.AcceptedGap{{Kind: "s3_data", Until: time.Unix(0, 0)}}}}))
		if a.Verdict() != tt.want {
			t.Errorf("objects hidden by %s and the event by %s: got %s, want %s", tt.read, tt.event, a.Verdict(), tt.want)
		}
	}
}

func TestAnAcceptedGapIsNoLongerRecommended(t *testing.T) {
	f := fact.Fact{Key: "impact.objects_read"}
	if !readGap(&f.Gap, "s3_data/not_collected") {
		t.Fatal("no such gap")
	}
	at := time.Date(2025, 9, 9, 5, 0, 0, 0, time.UTC)
	for until, accepted := range map[time.Time]bool{at.Add(time.Second): true, at: false, at.Add(-time.Hour): false} {
		a := loaded(t).Assess(fact.ForTest([]fact.Fact{f}, fact.TestWorld{AsOf: at, Settings: fact.Settings{Accepted: []fact.AcceptedGap{
			{Kind: "s3_data", Until: at.Add(-24 * time.Hour)}, {Kind: "s3_data", Approver: "ciso", Reason: "cost", Until: until},
		}}}))
		g := a.Gaps()[0]
		if g.ID != "G1" || g.Key != "s3_data" || g.Accepted == nil || g.Accepted.Approver != "ciso" || g.Accepted.Expired == accepted || (len(g.PreventNext) == 0) != accepted {
			t.Errorf("accepted until %s: got %+v with %+v, want an acceptance in force: %v", until, g, g.Accepted, accepted)
		}
	}
}

func TestTheMostUrgentActionsComeFirst(t *testing.T) {
	text := strings.Replace(small, "actions:\n", `actions:
  - {id: later, priority: month, title: *t, how: *t, side_effect: *t, undo: *t, owner: analyst}
  - {id: first, priority: immediate, title: *t, how: *t, side_effect: *t, undo: *t, owner: analyst, due: {ja: い, en: i}}
  - {id: second, priority: immediate, verdicts: [inconclusive], title: *t, how: *t, side_effect: *t, undo: *t, owner: analyst}
  - {id: never, priority: immediate, verdicts: [malicious], title: *t, how: *t, side_effect: *t, undo: *t, owner: analyst}
`, 1)
	p, err := Load("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range p.Assess(noFacts()).Actions() {
		got = append(got, a.ID+" "+a.Due.EN)
	}
	if want := []string{"first i", "second a", "later a"}; !cmp.Equal(got, want) {
		t.Errorf("actions are %q, want %q", got, want)
	}
}

// Text of an attacker stays out of every command: places stand in it, and values beside it.
func TestCommandsHoldPlacesNotValues(t *testing.T) {
	evil := "x; rm -rf / #`$(id)` <REGION>"
	a := given(t, loaded(t), `logging_changes: 1, new_keys: 1, actor.name: "`+evil+`", impact.trails_stopped: ["`+evil+`"]`)
	values := 0
	for _, act := range a.Actions() {
		for _, text := range []string{act.How.JA, act.How.EN, act.Undo.JA, act.Undo.EN, act.Title.JA} {
			if strings.Contains(text, "rm -rf") {
				t.Errorf("action %s pastes a value into %q", act.ID, text)
			}
		}
		for _, v := range act.Values {
			if !strings.Contains(act.How.EN+act.Undo.EN, v.Place) || !slices.Contains(act.Facts, v.Fact) {
				t.Errorf("action %s: place %s is not in its text, or %s not among its facts", act.ID, v.Place, v.Fact)
			}
			values++
		}
	}
	if values == 0 {
		t.Error("no action has a place")
	}
}

// The default catalogues as data: what they must never say, and what they must all say.
func TestTheDefaultCatalogues(t *testing.T) {
	p := loaded(t)
	switchOn := regexp.MustCompile(`有効にする|有効化|switch on|turn on|enable`)
	for _, g := range p.c.gaps {
		for _, s := range g.SettleNow {
			if switchOn.MatchString(s.Text.JA + s.Text.EN) {
				t.Errorf("gap %s: switching something on settles nothing: %s / %s", g.Key, s.Text.JA, s.Text.EN)
			}
		}
	}
	for _, a := range p.c.actions {
		all := a.Title.JA + a.Title.EN + a.How.JA + a.How.EN
		if regexp.MustCompile(`(?i)baseline|ベースライン|機械学習`).MatchString(all) {
			t.Errorf("action %s: no customer can adjust GuardDuty's baseline", a.ID)
		}
		if strings.Contains(all, "AWSReservedSSO") && !strings.Contains(all, "is not edited") {
			t.Errorf("action %s: a role of Identity Center is not edited in the member account", a.ID)
		}
	}
	for _, r := range p.c.rules {
		if strings.Contains(r.Because.JA, "攻撃者") || strings.HasSuffix(r.Because.JA, "。") || strings.HasSuffix(r.Because.EN, ".") {
			t.Errorf("rule %s: its reason stands in a table and accuses nobody: %s / %s", r.ID, r.Because.JA, r.Because.EN)
		}
	}
	// Every key that facts give to their gaps has an entry of its own.
	for _, key := range []string{"s3_data", "lambda_data", "cloudtrail_management", "signin", "signin_noninteractive", "session", "person", "baseline", "interview", "finding", "configuration", "question"} {
		if p.c.gaps[p.c.entry(key)].Key != key {
			t.Errorf("gap %s has no entry", key)
		}
	}
}

func TestDescriptions(t *testing.T) {
	p := loaded(t)
	if len(p.Rules()) != len(p.c.rules) || len(p.Features()) != len(p.c.features) {
		t.Errorf("%d rules and %d features are described, want %d and %d", len(p.Rules()), len(p.Features()), len(p.c.rules), len(p.c.features))
	}
	req := p.Requires("s3")
	want := []Level{High, Medium, High}
	var got []Level
	for _, alt := range req[0].Alternatives {
		got = append(got, alt.Confidence)
	}
	if !cmp.Equal(got, want) {
		t.Errorf("the alternatives for s3 allow %v, want %v", got, want)
	}
	if other := p.Requires("a family of next year"); len(other) != 1 || other[0].ID != "event" {
		t.Errorf("an unknown family requires %+v, want its event", other)
	}
}

func TestHashIsOfTheBytes(t *testing.T) {
	p := loaded(t)
	q, err := Load("again.yaml", p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if p.Hash() != q.Hash() || len(p.Hash()) != 64 {
		t.Errorf("hashes are %s and %s, want one of 64 digits", p.Hash(), q.Hash())
	}
	if a := p.Assess(noFacts()); a.PolicyHash() != p.Hash() {
		t.Errorf("the assessment names the policy %s, want %s", a.PolicyHash(), p.Hash())
	}
	r, err := Load("other.yaml", append(p.Bytes(), "# a comment\n"...))
	if err != nil || r.Hash() == p.Hash() {
		t.Errorf("a comment leaves the hash as it was (%v)", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range Verdicts() {
		if v, ok := VerdictNamed(name); !ok || v.String() != name {
			t.Errorf("verdict %q reads back as %s, %v", name, v, ok)
		}
	}
	for _, name := range []string{"", "unjudged", "fine"} {
		if v, ok := VerdictNamed(name); ok {
			t.Errorf("%q names the verdict %s", name, v)
		}
	}
	if !(Unjudged < Benign && Benign < Inconclusive && Inconclusive < Suspicious && Suspicious < Malicious) {
		t.Error("verdicts are out of order")
	}
	if Verdict(9).String()+Band(9).String()+Level(9).String()+Urgency(9).String()+Likelihood(9).String() != "" {
		t.Error("a value outside its type has a name")
	}
}
