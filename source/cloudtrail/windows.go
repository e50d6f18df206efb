package cloudtrail

import (
	"slices"
	"time"

	"uratori/query"
)

// without is what of w none of the others covers, in order of time.
func without(w query.Window, others []query.Window) []query.Window {
	left := []query.Window{w}
	for _, o := range others {
		var next []query.Window
		for _, l := range left {
			if !o.From.Before(l.To) || !l.From.Before(o.To) {
				next = append(next, l)
				continue
			}
			if l.From.Before(o.From) {
				next = append(next, query.Window{From: l.From, To: o.From})
			}
			if o.To.Before(l.To) {
				next = append(next, query.Window{From: o.To, To: l.To})
			}
		}
		left = next
	}
	slices.SortFunc(left, func(a, b query.Window) int { return a.From.Compare(b.From) })
	return left
}

func overlap(a, b query.Window) bool { return a.From.Before(b.To) && b.From.Before(a.To) }

func within(a, b query.Window) bool { return !a.From.Before(b.From) && !b.To.Before(a.To) }

// together is the least window that holds both.
func together(a, b query.Window) query.Window {
	if b.From.Before(a.From) {
		a.From = b.From
	}
	if a.To.Before(b.To) {
		a.To = b.To
	}
	return a
}

// rounded widens a window to whole hours, or parts of them, so that windows which differ a little
// are fetched once. The unit grows with the window: what is widened stays small beside it.
func rounded(w query.Window) query.Window {
	unit := time.Minute
	switch d := w.To.Sub(w.From); {
	case d >= 24*time.Hour:
		unit = 6 * time.Hour
	case d >= 6*time.Hour:
		unit = time.Hour
	case d >= time.Hour:
		unit = 15 * time.Minute
	}
	from, to := w.From.Truncate(unit), w.To.Truncate(unit)
	if to.Before(w.To) {
		to = to.Add(unit)
	}
	return query.Window{From: from, To: to}
}

func clip(w, to query.Window) query.Window {
	if w.From.Before(to.From) {
		w.From = to.From
	}
	if to.To.Before(w.To) {
		w.To = to.To
	}
	return w
}

func empty(w query.Window) bool { return !w.From.Before(w.To) }
