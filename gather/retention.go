package gather

import (
	"context"
	"time"

	"uratori/evidence"
	"uratori/query"
)

// lookBack and agedPart bound which questions are asked again about what is left of their window:
// those that look back for days, and of which no more than a fifth has aged out. What they are
// about lies at the end of such a window, far from the part that is gone.
const (
	lookBack = 7 * 24 * time.Hour
	agedPart = 5
)

// remaining asks, of the questions that no source covered whole, those again that only want for the
// beginning of their window because it is past the retention of the first source that answered:
// the same source, about what it still keeps. The facts then say that shorter window; the first
// answer is kept beside, with the stretch that can no longer be seen.
func (r *gathering) remaining(ctx context.Context, list []*asking) error {
	for _, a := range list {
		if a.done() {
			continue
		}
		for _, it := range a.walked {
			from, ok := kept(it, a.bound.Window)
			if !ok {
				continue
			}
			q, scope := a.bound, a.scope
			q.Window.From, scope.Window.From = from, from
			asked := r.now().UTC()
			said, err := r.put(ctx, r.sources[it.Source], q, scope)
			if err != nil {
				return err
			}
			a.walked = append(a.walked, evidence.Item{
				Kind: evidence.AnswerItem, Source: it.Source, Coverage: said.coverage, Answer: said.answer, Asked: asked, Scope: scope, Ask: q,
			})
			break
		}
	}
	return ctx.Err()
}

// kept is when what an item's source still keeps of a window begins, at a whole hour; ok is false
// where more is missing than the beginning, or more than may be.
func kept(it evidence.Item, w query.Window) (from time.Time, ok bool) {
	if it.Answer.Outcome != evidence.Found && it.Answer.Outcome != evidence.Empty {
		return from, false
	}
	var edge time.Time // end of what aged out
	for _, c := range it.Coverage {
		if c.State == evidence.Unknown && c.Why == evidence.WhyRetention && c.Window.To.After(edge) {
			edge = c.Window.To
		}
	}
	for _, c := range it.Coverage {
		if c.State != evidence.Collected && (c.Why != evidence.WhyRetention || c.State != evidence.Unknown) {
			return from, false
		}
	}
	if edge.IsZero() {
		return from, false
	}
	from = edge.Add(time.Hour - 1).Truncate(time.Hour).UTC()
	return from, w.To.Sub(w.From) >= lookBack && from.Sub(w.From) <= w.To.Sub(w.From)/agedPart
}
