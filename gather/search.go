package gather

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"uratori/evidence"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
)

// searchID tells a search from the questions among what was asked.
func searchID(s playbook.Search) string { return "search|" + s.ID }

// searchOwn makes every search that people wrote and whose parameters are known, one after the
// other, and tells whether it made any. They are numbered after the round's look-ups.
func (r *gathering) searchOwn(ctx context.Context, round int, values map[string]query.Value) (more bool, err error) {
	for _, s := range r.plan.Playbook.Searches {
		taker, ok := r.sources[s.Source].(source.Searcher)
		if r.asked[searchID(s)] || !ok {
			continue
		}
		bound, missing, err := s.Bind(values)
		if err != nil {
			return more, err
		}
		if len(missing) > 0 {
			continue
		}
		r.asked[searchID(s)], more = true, true
		if err := r.search(ctx, round, s, taker, bound); err != nil {
			return more, err
		}
	}
	return more, nil
}

func (r *gathering) search(ctx context.Context, round int, s playbook.Search, taker source.Searcher, bound source.Search) error {
	it := evidence.Item{
		Kind: evidence.SearchItem, Round: round, Question: s.ID, Source: s.Source, Scope: query.Scope{Window: bound.Window}, Asked: r.now().UTC(),
	}
	op, count := "search", &counting{meter: r.meter}
	if err := r.meter.exceeded(); err != nil {
		op, it.Answer = "budget", r.unanswered(err, "")
	} else {
		within, stop := r.meter.within(ctx)
		defer stop()
		it.Answer, err = taker.Search(source.WithMeter(within, count), bound)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = late(ctx, within, err); err != nil {
			calls := it.Answer.Calls
			it.Answer = r.unanswered(err, it.Answer.Native)
			it.Answer.Calls = calls
		}
		if errors.Is(err, source.ErrBudget) {
			op = "budget"
		}
	}
	r.ledger.Append(op, map[string]string{
		"source": s.Source, "search": s.ID, "outcome": it.Answer.Outcome.String(),
	}, ledger.Cost{Calls: int64(max(0, it.Answer.Calls-count.made())), Rows: int64(len(it.Answer.Rows))})
	r.keep(it)
	return nil
}

// notSearched keeps every search that was not made, and why.
func (r *gathering) notSearched(values map[string]query.Value) error {
	for _, s := range r.plan.Playbook.Searches {
		if r.asked[searchID(s)] {
			continue
		}
		it := evidence.Item{Kind: evidence.SearchItem, Question: s.ID, Source: s.Source, Answer: evidence.Answer{Outcome: evidence.NotAsked}}
		from, configured := r.sources[s.Source]
		switch _, takes := from.(source.Searcher); {
		case !configured:
			it.Answer.Reason = fmt.Sprintf("there is no source %q in this run", s.Source)
		case !takes:
			it.Answer.Reason = fmt.Sprintf("source %q has no language of its own", s.Source)
		default:
			_, missing, err := s.Bind(values)
			if err != nil {
				return err
			}
			it.Missing = missing
			it.Answer.Reason = "not known: " + strings.Join(missing, ", ")
		}
		r.keep(it)
	}
	return nil
}
