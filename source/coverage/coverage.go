// Package coverage judges, from how many records stand in each hour, whether they were collected.
//
// The rules are the same for every source that holds delivered records: an hour is Collected if a
// record stands in it or in both hours beside it; a hole of two hours or more is Unknown, and
// NotCollected where the same hours of other days are busy; what the configuration asserts wins.
package coverage

import (
	"slices"
	"time"

	"uratori/evidence"
	"uratori/query"
)

// minBusy is how many records the same hours of other days hold on average where a hole means
// that something was not collected, not merely quiet.
const minBusy = 5

// Hour is an hour in microseconds: counts are kept by microseconds since 1970 UTC divided by it.
const Hour = int64(time.Hour / time.Microsecond)

// A Mark is what is known of one stretch of a window.
type Mark struct {
	From, To int64 // microseconds since 1970 UTC, half-open
	State    evidence.State
	Why      evidence.Reason
	Detail   string
	Trails   []string // that were logging then
}

// An Assertion says what is, or is not, collected. It wins over what records show.
type Assertion struct {
	Kind    string // such as "cloudtrail_management"
	Account string // "" for any
	Region  string // "" for any
	From    time.Time
	To      time.Time // zero for no end
	State   evidence.State
	Why     evidence.Reason // WhyAsserted if empty
}

// ByHour judges each hour of the window [from, to), in microseconds, by the counts of records in
// it and around it: Collected if a record stands in it or in both hours beside it; else it is part
// of a hole, which is Unknown, or NotCollected where the same hours of the other days are busy.
func ByHour(from, to int64, counts map[int64]int64) []Mark {
	if len(counts) == 0 {
		return []Mark{{From: from, To: to, State: evidence.Unknown, Why: evidence.WhyNoRecords}}
	}
	first, last := int64(1<<62), int64(-1<<62)
	for h := range counts {
		first, last = min(first, h), max(last, h)
	}
	collected := func(h int64) bool { return counts[h] > 0 || counts[h-1] > 0 && counts[h+1] > 0 }
	var out []Mark
	for h := FloorDiv(from, Hour); h*Hour < to; {
		m := Mark{From: max(from, h*Hour), State: evidence.Collected, Why: evidence.WhyRecords}
		start := h
		for ; h*Hour < to && collected(h) == collected(start); h++ {
		}
		m.To = min(to, h*Hour)
		if !collected(start) {
			m.State, m.Why = evidence.Unknown, evidence.WhyHole
			if busy(counts, holeAround(start, first, last, collected), first, last) {
				m.State = evidence.NotCollectedState
			}
		}
		out = append(out, m)
	}
	return out
}

// holeAround is the whole hole that an hour is part of, inside the time that records span.
func holeAround(h, first, last int64, collected func(int64) bool) [2]int64 {
	lo, hi := h, h+1
	for lo-1 >= first && h-lo < 24*7 && !collected(lo-1) {
		lo--
	}
	for hi <= last && hi-h < 24*7 && !collected(hi) {
		hi++
	}
	return [2]int64{lo, hi}
}

// busy tells whether the same hours of the other days hold enough records on average. A hole
// outside the time that records span is no hole among them: it is only unknown.
func busy(counts map[int64]int64, hole [2]int64, first, last int64) bool {
	if hole[0] < first || hole[1] > last+1 {
		return false
	}
	var sum, n int64
	for h := hole[0]; h < hole[1] && h < hole[0]+24; h++ {
		for d := h - (h-first)/24*24; d <= last; d += 24 {
			if d < hole[0] || d >= hole[1] {
				sum += counts[d]
				n++
			}
		}
	}
	return n > 0 && sum >= minBusy*n
}

// FloorDiv divides and rounds down, also before 1970.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Assert lays the assertions that hold for a scope over the marks, in their order.
func Assert(marks []Mark, scope query.Scope, assertions []Assertion) []Mark {
	for _, a := range assertions {
		if a.Kind != scope.Kind || a.Account != "" && a.Account != scope.Account || a.Region != "" && a.Region != scope.Region {
			continue
		}
		from, to := int64(-1<<62), int64(1<<62)
		if !a.From.IsZero() {
			from = a.From.UnixMicro()
		}
		if !a.To.IsZero() {
			to = a.To.UnixMicro()
		}
		why := a.Why
		if why == "" {
			why = evidence.WhyAsserted
		}
		marks = Overlay(marks, from, to, func(m Mark) Mark {
			m.State, m.Why, m.Detail = a.State, why, ""
			return m
		})
	}
	return marks
}

// Overlay changes the parts of the marks that lie in [from, to).
func Overlay(marks []Mark, from, to int64, change func(Mark) Mark) []Mark {
	var out []Mark
	for _, m := range marks {
		lo, hi := max(m.From, from), min(m.To, to)
		if lo >= hi {
			out = append(out, m)
			continue
		}
		if m.From < lo {
			before := m
			before.To = lo
			out = append(out, before)
		}
		in := m
		in.From, in.To = lo, hi
		out = append(out, change(in))
		if hi < m.To {
			after := m
			after.From = hi
			out = append(out, after)
		}
	}
	return out
}

// Intervals joins equal neighbours and names the source and the scope.
func Intervals(source string, scope query.Scope, marks []Mark) []evidence.Coverage {
	var out []evidence.Coverage
	for _, m := range marks {
		c := evidence.Coverage{
			Source: source, Kind: scope.Kind, Account: scope.Account, Region: scope.Region,
			Window: query.Window{From: time.UnixMicro(m.From).UTC(), To: time.UnixMicro(m.To).UTC()},
			State:  m.State, Why: m.Why, Detail: m.Detail, Trails: m.Trails,
		}
		if n := len(out); n > 0 && out[n-1].State == c.State && out[n-1].Why == c.Why && out[n-1].Detail == c.Detail && slices.Equal(out[n-1].Trails, c.Trails) {
			out[n-1].Window.To = c.Window.To
			continue
		}
		out = append(out, c)
	}
	return out
}
