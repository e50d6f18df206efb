package evidence

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"uratori/query"
)

var (
	t0     = time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)
	window = query.Window{From: t0, To: t0.Add(time.Hour)}
)

func item(source string, o Outcome, states ...State) Item {
	it := Item{Kind: AnswerItem, Question: "q", Answers: []string{"signin.*"}, Source: source, Answer: Answer{Outcome: o}}
	for _, s := range states {
		it.Coverage = append(it.Coverage, Coverage{State: s, Window: window})
	}
	return it
}

// The walk of design: stop at the first covered answer; rows without coverage are a lower
// bound; an empty answer without coverage says nothing.
func TestChoose(t *testing.T) {
	tests := []struct {
		name   string
		items  []Item
		source string
		exact  bool
		usable bool
	}{
		{"covered rows", []Item{item("a", Found, Collected)}, "a", true, true},
		{"covered silence is an answer", []Item{item("a", Empty, Collected)}, "a", true, true},
		{"silence without coverage is none", []Item{item("a", Empty, Unknown)}, "a", false, false},
		{"silence is passed over for rows", []Item{item("a", Empty, Unknown), item("b", Found, Unknown)}, "b", false, true},
		{"rows without coverage are passed over for coverage", []Item{item("a", Found, Unknown), item("b", Empty, Collected)}, "b", true, true},
		{"a hole makes it a lower bound", []Item{item("a", Found, Collected, Unknown)}, "a", false, true},
		{"a hole makes silence no answer", []Item{item("a", Empty, Collected, NotCollectedState)}, "a", false, false},
		{"first of two lower bounds", []Item{item("a", Found, Unknown), item("b", Found, Unknown)}, "a", false, true},
		{"truncated is a lower bound even if covered", []Item{item("a", Truncated, Collected)}, "a", false, true},
		{"an error explains more than silence", []Item{item("a", Empty, Unknown), item("b", Failed)}, "b", false, false},
		{"a refusal explains more than nobody collecting", []Item{item("a", Denied), item("b", NotCollected, NotCollectedState)}, "a", false, false},
		{"no coverage at all is not covered", []Item{item("a", Found)}, "a", false, true},
		{"fallback after an error", []Item{item("a", Failed), item("b", Found, Collected)}, "b", true, true},
		{"nothing asked", nil, "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Choose(tt.items)
			if got.Item.Source != tt.source || got.Exact != tt.exact || got.Usable() != tt.usable {
				t.Errorf("Choose = source %q, exact %v, usable %v; want %q, %v, %v",
					got.Item.Source, got.Exact, got.Usable(), tt.source, tt.exact, tt.usable)
			}
		})
	}
}

func TestAnswerForTakesTheFirstUsableQuestion(t *testing.T) {
	silent, good := item("a", Empty, Unknown), item("a", Found, Collected)
	good.Question = "other"
	set := NewSet([]Item{silent, good})
	if a, ok := set.AnswerFor("signin.total", ""); !ok || a.Item.Question != "other" {
		t.Errorf("AnswerFor = %q, %v; want the question that has rows", a.Item.Question, ok)
	}
	if _, ok := set.AnswerFor("activity.total", ""); ok {
		t.Error("a question answered a fact that it does not declare")
	}
	if _, ok := set.AnswerFor("signin.total", "session"); ok {
		t.Error("a question about another subject answered")
	}
}

func TestEncodeReadsBackAndKeepsItsHash(t *testing.T) {
	q, err := query.Parse(`cloudtrail from 2025-09-09T04:00:00Z to 2025-09-09T05:00:00Z where event_name = "Get\u202eObject" select event_time, event_name, source_ip limit 10`)
	if err != nil {
		t.Fatal(err)
	}
	it := Item{
		ID: "E3", Kind: AnswerItem, Round: 1, Question: "event", Subject: "session", Answers: []string{"event.recorded"},
		Scope: query.Scope{Kind: "s3_data", Account: "111122223333", Window: window}, Ask: q, Source: "local",
		Coverage: []Coverage{{Source: "local", Kind: "s3_data", Window: window, State: NotCollectedState, Why: WhySelectors, Detail: "trail\x00<b>"}},
		Answer: Answer{
			Outcome: Found, Native: "SELECT 1 -- '", Columns: []string{"event_time", "event_name", "source_ip"},
			Rows:   []Row{{query.TimeOf(t0.Add(time.Microsecond)), query.TextOf("=cmd|' /C calc'!A0\x1b[31m"), query.IPOf("2001:db8::1")}, {query.Value{}, query.Value{}, query.Value{}}},
			Reason: "", Taken: t0, Calls: 3,
		},
		Asked: t0,
	}
	for _, it := range []Item{it, {ID: "E1", Kind: FindingItem, Body: []byte("{\"a\":1}\n")}, {ID: "E2", Kind: SettingsItem, Body: []byte{0xff, 0xfe, 0}}} {
		it.SHA256 = Hash(it)
		got, err := Decode(Encode(it))
		if err != nil {
			t.Fatal(err)
		}
		ignore := cmpopts.IgnoreFields(Item{}, "Asked")
		timing := cmpopts.IgnoreFields(Answer{}, "Taken", "Elapsed", "Calls")
		byText := cmp.Comparer(func(a, b query.Query) bool { return (a.Dataset == "" && b.Dataset == "") || a.String() == b.String() })
		if diff := cmp.Diff(it, got, ignore, timing, byText, cmp.AllowUnexported(query.Value{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s changed on the way (-want +got):\n%s", it.ID, diff)
		}
	}
	later := it
	later.Asked, later.Answer.Taken, later.Answer.Calls = t0.Add(time.Hour), t0.Add(time.Hour), 9
	if Hash(later) != Hash(it) {
		t.Error("the hash depends on when it was asked")
	}
	other := it
	other.Answer.Rows = it.Answer.Rows[:1]
	if Hash(other) == Hash(it) {
		t.Error("the hash does not depend on the rows")
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"no JSON":         "x",
		"another schema":  `{"schema":"uratori.evidence/9","id":"E1","kind":1,"round":0}`,
		"unknown member":  `{"schema":"uratori.evidence/1","id":"E1","kind":1,"round":0,"extra":1}`,
		"unknown outcome": `{"schema":"uratori.evidence/1","id":"E1","kind":3,"round":0,"answer":{"outcome":"Maybe"}}`,
		"no outcome":      `{"schema":"uratori.evidence/1","id":"E1","kind":3,"round":0}`,
		"bad time":        `{"schema":"uratori.evidence/1","id":"E1","kind":1,"round":0,"scope":{"from":"yesterday"}}`,
	} {
		if _, err := Decode([]byte(data)); err == nil {
			t.Errorf("%s was decoded", name)
		}
	}
}

// What is still on its way is asked for again once it can have come, unless another source closed
// the question.
func TestAskAgainWhenRecordsCanHaveCome(t *testing.T) {
	at := time.Date(2025, 9, 9, 5, 0, 0, 0, time.UTC)
	item := func(question string, outcome Outcome, cov ...Coverage) Item {
		return Item{Kind: AnswerItem, Question: question, Answer: Answer{Outcome: outcome}, Coverage: cov}
	}
	until := func(minutes int, state State, why Reason) Coverage {
		return Coverage{Window: query.Window{From: at, To: at.Add(time.Duration(minutes) * time.Minute)}, State: state, Why: why}
	}
	for name, tt := range map[string]struct {
		items []Item
		want  time.Time
	}{
		"nothing asked":           {nil, time.Time{}},
		"everything came":         {[]Item{item("a", Found, until(10, Collected, WhyRecords))}, time.Time{}},
		"a hole is no delay":      {[]Item{item("a", Empty, until(10, Unknown, WhyHole))}, time.Time{}},
		"on its way":              {[]Item{item("a", NotYet, until(10, Unknown, WhyDelay)), item("b", NotYet, until(5, Unknown, WhyDelay))}, at.Add(25 * time.Minute)},
		"another source has it":   {[]Item{item("a", NotYet, until(10, Unknown, WhyDelay)), item("a", Found, until(10, Collected, WhyRecords))}, time.Time{}},
		"another question has it": {[]Item{item("a", NotYet, until(10, Unknown, WhyDelay)), item("b", Found, until(10, Collected, WhyRecords))}, at.Add(25 * time.Minute)},
	} {
		if got, ok := NewSet(tt.items).AskAgain(); !got.Equal(tt.want) || ok == tt.want.IsZero() {
			t.Errorf("%s: %s, %v; want %s", name, got, ok, tt.want)
		}
	}
}
