package sourcetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
	"uratori/source/sourcetest"
)

func TestQuestionsCanBeAsked(t *testing.T) {
	for _, d := range []query.Dataset{query.CloudTrail, query.SignIn} {
		rapid.Check(t, func(rt *rapid.T) {
			q := sourcetest.Questions(d).Draw(rt, "q")
			if err := query.Check(q); err != nil {
				rt.Fatalf("%s\n%v", q, err)
			}
		})
	}
}

// The suite would be green for anything if it saw no difference: one that drops a row, renames a
// value or forgets that it cut is seen.
func TestDifferencesAreSeen(t *testing.T) {
	s := sourcetest.Reference(t, sourcetest.Records())
	q := query.Query{
		Dataset: query.CloudTrail, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended},
		GroupBy: []query.Key{{Field: "user_agent"}}, Compute: []query.Aggregate{{Func: query.Count, As: "n"}}, Limit: 1000,
	}
	want := ask(t, s, q)
	if len(want.Rows) < 20 {
		t.Fatalf("%d rows; the records are too few to tell sources apart", len(want.Rows))
	}
	if d := sourcetest.Differ(want, ask(t, s, q)); d != "" {
		t.Errorf("equal answers differ: %s", d)
	}
	for name, spoil := range map[string]func(*evidence.Answer){
		"row dropped":   func(a *evidence.Answer) { a.Rows = a.Rows[1:] },
		"value changed": func(a *evidence.Answer) { a.Rows[0] = evidence.Row{a.Rows[0][0], query.IntOf(a.Rows[0][1].Int() + 1)} },
		"cut unsaid":    func(a *evidence.Answer) { a.Outcome = evidence.Truncated },
		"column":        func(a *evidence.Answer) { a.Columns = []string{"user_agent", "m"} },
	} {
		got := ask(t, s, q)
		spoil(&got)
		if sourcetest.Differ(got, want) == "" {
			t.Errorf("%s: not seen", name)
		}
	}
}

// A failing test counts its failures.
type failing struct {
	testing.TB
	n int
}

func (*failing) Helper() {}

func (f *failing) Errorf(string, ...any) { f.n++ }

// Whatever a source says of a disturbed service that is not so is seen, and nothing else.
func TestUntruthIsSeen(t *testing.T) {
	row := func(n int64) evidence.Row { return evidence.Row{query.IntOf(n)} }
	truth := evidence.Answer{Outcome: evidence.Found, Columns: []string{"n"}, Rows: []evidence.Row{row(1), row(2)}}
	answer := func(o evidence.Outcome, reason string, rows ...evidence.Row) evidence.Answer {
		return evidence.Answer{Outcome: o, Reason: reason, Columns: truth.Columns, Rows: rows}
	}
	for name, c := range map[string]struct {
		got evidence.Answer
		err error
		ok  bool
	}{
		"the truth":                {truth, nil, true},
		"a row is missing":         {answer(evidence.Found, "", row(1)), nil, false},
		"nothing":                  {answer(evidence.Empty, ""), nil, false},
		"a part":                   {answer(evidence.Truncated, "two pages", row(2)), nil, true},
		"a part, why is not told":  {answer(evidence.Truncated, "", row(2)), nil, false},
		"a part without a row":     {answer(evidence.Truncated, "two pages"), nil, false},
		"a part of something else": {answer(evidence.Truncated, "two pages", row(3)), nil, false},
		"failed":                   {answer(evidence.Failed, "down"), nil, true},
		"failed, with a row":       {answer(evidence.Failed, "down", row(1)), nil, false},
		"denied, nobody knows why": {answer(evidence.Denied, ""), nil, false},
		"not collected":            {answer(evidence.NotCollected, "no such log"), nil, false},
		"no outcome":               {evidence.Answer{}, nil, false},
		"unavailable":              {evidence.Answer{}, fmt.Errorf("ask: %w", source.ErrUnavailable), true},
		"a row beside the error":   {truth, source.ErrUnavailable, false},
		"an error of no kind":      {evidence.Answer{}, errors.New("ask: oops"), false},
	} {
		f := &failing{TB: t}
		sourcetest.Held(f, name, c.got, c.err, truth)
		if (f.n == 0) != c.ok {
			t.Errorf("%s: %d failures", name, f.n)
		}
	}
}

func TestMeter(t *testing.T) {
	m := sourcetest.NewMeter(2, 10)
	for i, brings := range []int64{4, 4} {
		if err := m.Take("api"); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
		m.Note(source.Call{API: "api", Bytes: brings})
	}
	if err := m.Take("api"); !errors.Is(err, source.ErrBudget) || len(m.Made()) != 2 {
		t.Errorf("the third call: %v, %d made", err, len(m.Made()))
	}
	m = sourcetest.NewMeter(-1, 10)
	for range 3 {
		m.Note(source.Call{Bytes: 4})
	}
	if err := m.Take("api"); !errors.Is(err, source.ErrBudget) {
		t.Errorf("after 12 bytes of 10: %v", err)
	}
}

func ask(t *testing.T, s *local.Store, q query.Query) evidence.Answer {
	t.Helper()
	a, err := s.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
