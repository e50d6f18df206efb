package ledger

import (
	"maps"
	"slices"
	"time"
)

// Unlimited is a limit that is never reached.
const Unlimited = -1

// A Budget is how much an investigation may use. The zero Budget buys nothing; [Unlimited] is said
// for each part that has no limit.
type Budget struct {
	Calls int64
	Pages int64
	Rows  int64
	Bytes int64
	Wall  time.Duration
	APIs  map[string]int64 // calls by API, such as "cloudtrail:LookupEvents"; an API that is not named has no limit of its own
}

// NoLimit is the budget that never ends.
func NoLimit() Budget {
	return Budget{Calls: Unlimited, Pages: Unlimited, Rows: Unlimited, Bytes: Unlimited, Wall: Unlimited}
}

// Left is what remains of the budget after what the ledger records; a part without limit stays so.
func (b Budget) Left(l *Ledger) Budget {
	spent, wall := l.Spent()
	left := func(limit, used int64) int64 {
		if limit == Unlimited {
			return Unlimited
		}
		return max(0, limit-max(0, used))
	}
	apis := maps.Clone(b.APIs)
	for api, limit := range apis {
		apis[api] = left(limit, l.Calls(api))
	}
	return Budget{
		APIs:  apis,
		Calls: left(b.Calls, spent.Calls), Pages: left(b.Pages, spent.Pages), Rows: left(b.Rows, spent.Rows), Bytes: left(b.Bytes, spent.Bytes),
		Wall: time.Duration(left(int64(b.Wall), int64(wall))),
	}
}

// Exceeded tells whether what the ledger records has used the budget up, and the first part of it
// that has.
func (b Budget) Exceeded(l *Ledger) (part string, exceeded bool) {
	left := b.Left(l)
	for _, p := range []struct {
		name string
		left int64
	}{
		{"calls", left.Calls}, {"pages", left.Pages}, {"rows", left.Rows}, {"bytes", left.Bytes}, {"wall time", int64(left.Wall)},
	} {
		if p.left == 0 {
			return p.name, true
		}
	}
	return "", false
}

// Allows tells whether one more call of an API fits, beside calls that are under way (all, and of
// that API); where it does not, which part of the budget is used up.
func (b Budget) Allows(l *Ledger, api string, under, ofAPI int64) (part string, ok bool) {
	if part, exceeded := b.Exceeded(l); exceeded {
		return part, false
	}
	left := b.Left(l)
	if left.Calls != Unlimited && left.Calls <= under {
		return "calls", false
	}
	if left.Pages != Unlimited && left.Pages <= under { // each may bring a page
		return "pages", false
	}
	if n, limited := left.APIs[api]; limited && n != Unlimited && n <= ofAPI {
		return "calls of " + api, false
	}
	return "", true
}

// Limited are the APIs that have a limit of their own, sorted.
func (b Budget) Limited() []string { return slices.Sorted(maps.Keys(b.APIs)) }
