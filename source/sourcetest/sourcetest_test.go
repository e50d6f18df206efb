package sourcetest_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"uratori/evidence"
	"uratori/query"
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

func ask(t *testing.T, s *local.Store, q query.Query) evidence.Answer {
	t.Helper()
	a, err := s.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
