package coverage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/coverage"
)

// hours are counts for the hours from 0 on.
func hours(counts ...int64) map[int64]int64 {
	out := map[int64]int64{}
	for h, n := range counts {
		if n > 0 {
			out[int64(h)] = n
		}
	}
	return out
}

func told(marks []coverage.Mark) []string {
	var out []string
	for _, m := range marks {
		out = append(out, fmt.Sprintf("%g-%g %s %s", float64(m.From)/float64(coverage.Hour), float64(m.To)/float64(coverage.Hour), m.State, m.Why))
	}
	return out
}

func TestByHour(t *testing.T) {
	busy := map[int64]int64{}
	for h := range int64(24 * 5) {
		if h < 50 || h >= 54 {
			busy[h] = 9
		}
	}
	for name, c := range map[string]struct {
		from, to float64 // hours
		counts   map[int64]int64
		want     []string
	}{
		"no records":             {0, 3, nil, []string{"0-3 Unknown no_records"}},
		"a quiet hour between":   {0, 3, hours(1, 0, 1), []string{"0-3 Collected records"}},
		"two quiet hours":        {0, 4, hours(1, 0, 0, 1), []string{"0-1 Collected records", "1-3 Unknown hole", "3-4 Collected records"}},
		"parts of hours":         {0.5, 1.25, hours(1), []string{"0.5-1 Collected records", "1-1.25 Unknown hole"}},
		"before 1970":            {-1.5, 1, hours(1), []string{"-1.5-0 Unknown hole", "0-1 Collected records"}},
		"a hole in busy hours":   {49, 55, busy, []string{"49-50 Collected records", "50-54 NotCollected hole", "54-55 Collected records"}},
		"after the last record":  {119, 130, busy, []string{"119-120 Collected records", "120-130 Unknown hole"}},
		"a window inside a hole": {51, 52, busy, []string{"51-52 NotCollected hole"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := float64(coverage.Hour)
			if got := told(coverage.ByHour(int64(c.from*h), int64(c.to*h), c.counts)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// What is asserted wins, for its scope and time alone; equal neighbours become one.
func TestAssertAndIntervals(t *testing.T) {
	at := func(h int) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(h) * time.Hour) }
	scope := query.Scope{Kind: query.KindManagement, Account: "111122223333", Window: query.Window{From: at(0), To: at(4)}}
	marks := coverage.ByHour(0, 4*coverage.Hour, hours(1, 0, 0, 1))
	for name, c := range map[string]struct {
		assert coverage.Assertion
		want   string
	}{
		"all of it":       {coverage.Assertion{Kind: query.KindManagement, State: evidence.Collected}, "[0-4 Collected asserted]"},
		"a part":          {coverage.Assertion{Kind: query.KindManagement, From: at(1), To: at(2), State: evidence.Collected, Why: evidence.WhyRecords}, "[0-2 Collected records 2-3 Unknown hole 3-4 Collected records]"},
		"another kind":    {coverage.Assertion{Kind: query.KindS3Data, State: evidence.Collected}, "[0-1 Collected records 1-3 Unknown hole 3-4 Collected records]"},
		"another account": {coverage.Assertion{Kind: query.KindManagement, Account: "444455556666", State: evidence.Collected}, "[0-1 Collected records 1-3 Unknown hole 3-4 Collected records]"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, i := range coverage.Intervals("s", scope, coverage.Assert(marks, scope, []coverage.Assertion{c.assert})) {
				got = append(got, fmt.Sprintf("%d-%d %s %s", i.Window.From.Hour(), i.Window.To.Hour(), i.State, i.Why))
			}
			if s := fmt.Sprint(got); s != c.want {
				t.Errorf("%s, want %s", s, c.want)
			}
		})
	}
}
