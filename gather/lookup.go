package gather

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"uratori/evidence"
	"uratori/fact"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
)

// LookWith gives the gatherer lookers. Of several that look up a kind, the first is asked first,
// and the others as long as none answers. A look-up of a kind that nobody looks up is not made,
// and nothing is said of it.
func (g *Gatherer) LookWith(lookers ...source.Looker) error {
	names := map[string]bool{}
	for _, l := range lookers {
		if names[l.Name()] {
			return fmt.Errorf("looker %q is configured twice", l.Name())
		}
		names[l.Name()] = true
		for _, k := range l.Looks() {
			if !slices.Contains(evidence.LookupKinds(), k) {
				return fmt.Errorf("looker %q looks up %q, which is no kind of look-up", l.Name(), k)
			}
		}
	}
	g.lookers = lookers
	return nil
}

// lookersOf are the lookers of a kind in their order.
func (g *Gatherer) lookersOf(kind evidence.LookupKind) (list []source.Looker) {
	for _, l := range g.lookers {
		if slices.Contains(l.Looks(), kind) {
			list = append(list, l)
		}
	}
	return list
}

// lookID tells a look-up from the questions among what was asked.
func lookID(l playbook.LookUp) string { return "look-up|" + l.ID }

// lookable are the look-ups of the plan that were not made yet and that somebody can make.
func (r *gathering) lookable() (list []playbook.LookUp) {
	for _, l := range r.plan.Playbook.LookUps {
		if !r.asked[lookID(l)] && len(r.lookersOf(l.Kind)) > 0 {
			list = append(list, l)
		}
	}
	return list
}

// A lookingUp is one look-up on its way along its lookers.
type lookingUp struct {
	l     playbook.LookUp
	what  evidence.Lookup
	items []evidence.Item // in the order of the lookers
}

// lookUp makes every look-up whose key is known, all at once, and tells whether it made any. They
// are numbered after the round's questions, in the order of the playbook.
func (r *gathering) lookUp(ctx context.Context, round int, values map[string]query.Value) (more bool, err error) {
	var list []*lookingUp
	for _, l := range r.lookable() {
		what, missing := l.Bind(values)
		if len(missing) > 0 {
			continue
		}
		if slices.Contains(evidence.CaseKinds(), l.Kind) {
			what.Case = r.plan.Finding.CaseID()
		}
		r.asked[lookID(l)] = true
		list = append(list, &lookingUp{l: l, what: what})
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range list {
		g.Go(func() error { return r.look(ctx, l) })
	}
	if err := g.Wait(); err != nil {
		return false, err
	}
	for _, l := range list {
		for _, it := range l.items {
			it.Round, it.Question, it.Answers = round, l.l.ID, l.l.Answers
			r.keep(it)
		}
	}
	return len(list) > 0, nil
}

// look asks the lookers in turn until one answers.
func (r *gathering) look(ctx context.Context, l *lookingUp) error {
	for _, looker := range r.lookersOf(l.what.Kind) {
		it := r.lookupItem(l.what)
		it.Source, it.Asked = looker.Name(), r.now().UTC()
		if err := r.meter.exceeded(); err != nil {
			it.Answer = r.unanswered(err, "")
			r.recordLook(looker, "budget", l.what, it.Answer, 0)
			l.items = append(l.items, it)
			return nil
		}
		count := &counting{meter: r.meter}
		within, stop := r.meter.within(ctx)
		said, err := looker.Look(source.WithWitness(source.WithMeter(within, count), r.witness), l.what)
		if ctx.Err() != nil {
			stop()
			return context.Cause(ctx)
		}
		err = late(ctx, within, err)
		stop()
		op := "look"
		it.Answer = evidence.Answer{Outcome: said.Outcome, Native: said.Native, Reason: said.Reason, Taken: said.Taken, Calls: said.Calls, Bytes: said.Bytes}
		if err != nil {
			it.Answer = r.unanswered(err, said.Native)
			it.Answer.Calls = said.Calls
			if errors.Is(err, source.ErrBudget) {
				op = "budget"
			}
		}
		if it.Answer.Outcome == evidence.Found {
			said.Body.Kind, said.Body.Key = l.what.Kind, l.what.Key
			it.Body = said.Body.Encode()
			if _, ok := it.Looked(); !ok {
				it.Answer = evidence.Answer{Outcome: evidence.Failed, Native: said.Native, Reason: "the answer holds no record of " + string(l.what.Kind)}
				it.Body = nil
			}
		}
		r.recordLook(looker, op, l.what, it.Answer, count.made())
		l.items = append(l.items, it)
		if it.Answer.Outcome == evidence.Found {
			return nil
		}
	}
	return nil
}

// lookupItem is the item of a look-up; its scope is the thing, and where it lies.
func (r *gathering) lookupItem(what evidence.Lookup) evidence.Item {
	return evidence.Item{
		Kind:  evidence.LookupItem,
		Scope: query.Scope{Kind: string(what.Kind), Account: what.Account, Region: what.Region},
	}
}

// recordLook writes the look-up to the ledger; an access key stands there masked.
func (r *gathering) recordLook(l source.Looker, op string, what evidence.Lookup, a evidence.Answer, metered int) {
	key := what.Key
	if what.Kind == evidence.LookKey {
		key = fact.Mask(key).Str
	}
	r.ledger.Append(op, map[string]string{
		"source": l.Name(), "kind": string(what.Kind), "key": key, "outcome": a.Outcome.String(),
	}, ledger.Cost{Calls: int64(max(0, a.Calls-metered))})
}

// notLookedUp keeps every look-up whose key never came, unless the case has no such thing.
func (r *gathering) notLookedUp(facts fact.Facts, values map[string]query.Value) {
	for _, l := range r.lookable() {
		what, missing := l.Bind(values)
		arises := false
		for _, m := range missing {
			arises = arises || fact.Arises(facts, m)
		}
		if !arises {
			continue
		}
		it := r.lookupItem(what)
		it.Question, it.Answers, it.Missing = l.ID, l.Answers, missing
		it.Answer = evidence.Answer{Outcome: evidence.NotAsked}
		r.keep(it)
	}
}
