package gather

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"uratori/evidence"
	"uratori/fact"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
)

// An asking is one question on its walk along its sources.
type asking struct {
	q      playbook.Question
	bound  query.Query
	scope  query.Scope
	cut    []string        // parameters that are a part of their values
	walked []evidence.Item // in the order of the sources
}

// done tells whether a source answered with its scope covered.
func (a *asking) done() bool { return evidence.Choose(a.walked).Exact }

// left are the sources of an order that the question was not put to yet.
func (a *asking) left(order []string) (names []string) {
	for _, name := range order {
		if !slices.ContainsFunc(a.walked, func(it evidence.Item) bool { return it.Source == name }) {
			names = append(names, name)
		}
	}
	return names
}

// round asks every question whose parameters are known and tells whether it asked any.
func (r *gathering) round(ctx context.Context, round int) (more bool, err error) {
	facts, err := fact.Derive(r.plan.Finding, evidence.NewSet(r.items))
	if err != nil {
		return false, err
	}
	values := fact.Parameters(facts)
	var list []*asking
	for _, q := range r.plan.Playbook.Questions {
		if r.asked[key(q)] {
			continue
		}
		bound, scope, missing, err := q.Bind(values)
		if err != nil {
			return false, err
		}
		if len(missing) > 0 {
			continue
		}
		r.asked[key(q)] = true
		list = append(list, &asking{q: q, bound: bound, scope: scope, cut: q.Cut(values)})
	}
	if err := r.walk(ctx, list); err != nil {
		return false, err
	}
	for _, a := range list {
		r.file(round, a)
	}
	looked, err := r.lookUp(ctx, round, values)
	if err != nil {
		return false, err
	}
	searched, err := r.searchOwn(ctx, round, values)
	if err != nil {
		return false, err
	}
	r.keepDocuments(round)
	return looked || searched || len(list) > 0, nil
}

// walk takes the questions along their sources, all of them one source further at a time, until
// each is answered or has no source left.
func (r *gathering) walk(ctx context.Context, list []*asking) error {
	r.prepare(list)
	for step := 0; ; step++ {
		at := map[string][]*asking{} // by the source that is next
		for _, a := range list {
			if order := r.order[a.bound.Dataset]; step < len(order) && !a.done() {
				at[order[step]] = append(at[order[step]], a)
			}
		}
		if len(at) == 0 {
			if err := r.remaining(ctx, list); err != nil {
				return err
			}
			if err := r.second(ctx, list); err != nil {
				return err
			}
			return r.gainsay(ctx, list)
		}
		g, ctx := errgroup.WithContext(ctx)
		for _, name := range slices.Sorted(maps.Keys(at)) {
			g.Go(func() error { return r.askAll(ctx, r.sources[name], at[name]) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
}

// gainsay asks, where a source claims that there is nothing, whoever can tell that the log was off
// for what was asked: then the records that the claim rests on are others', and it is none.
func (r *gathering) gainsay(ctx context.Context, list []*asking) error {
	for _, a := range list {
		if chosen := evidence.Choose(a.walked); !chosen.Exact || chosen.Item.Answer.Outcome != evidence.Empty {
			continue
		}
		for _, name := range a.left(r.order[a.bound.Dataset]) {
			s := r.sources[name]
			if g, ok := s.(source.Gainsayer); !ok || !g.Gainsays(a.scope.Kind) {
				continue
			}
			before := len(a.walked)
			if err := r.askAll(ctx, s, []*asking{a}); err != nil {
				return err
			}
			if !off(a.walked[before].Coverage) {
				continue
			}
			for i := range a.walked[:before] {
				a.walked[i].Coverage = unproven(a.walked[i].Coverage)
			}
		}
	}
	return nil
}

// off tells whether settings leave the log of the whole scope off.
func off(cov []evidence.Coverage) bool {
	return nobody(cov) && !slices.ContainsFunc(cov, func(c evidence.Coverage) bool { return c.Why != evidence.WhySetting })
}

// unproven is coverage by records that are not those of what was asked for.
func unproven(cov []evidence.Coverage) []evidence.Coverage {
	cov = slices.Clone(cov)
	for i, c := range cov {
		if c.State == evidence.Collected && c.Why == evidence.WhyRecords {
			cov[i].State, cov[i].Why = evidence.Unknown, evidence.WhySetting
		}
	}
	return cov
}

// second asks a sample of the answered questions of the next source that covers them whole.
func (r *gathering) second(ctx context.Context, list []*asking) error {
	for _, a := range list {
		order := r.order[a.bound.Dataset]
		if r.twice[a.bound.Dataset] >= r.compare || !a.done() {
			continue
		}
		for _, name := range a.left(order) {
			s := r.sources[name]
			within, stop := r.meter.within(ctx)
			cov, err := s.Covers(source.WithMeter(within, r.meter), a.scope)
			stop()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil || !(evidence.Item{Coverage: cov}).Complete() {
				continue
			}
			r.twice[a.bound.Dataset]++
			if err := r.askAll(ctx, s, []*asking{a}); err != nil {
				return err
			}
			break
		}
	}
	return ctx.Err()
}

// prepare tells the sources what they may be asked this round.
func (r *gathering) prepare(list []*asking) {
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		p, ok := r.sources[name].(source.Preparer)
		if !ok {
			continue
		}
		var qs []query.Query
		for _, a := range list {
			if slices.Contains(r.order[a.bound.Dataset], name) {
				qs = append(qs, a.bound)
			}
		}
		if len(qs) > 0 {
			p.Prepare(qs)
		}
	}
}

// askAll puts the questions to one source, as many at once as it takes.
func (r *gathering) askAll(ctx context.Context, s source.Source, list []*asking) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce(s))
	for _, a := range list {
		g.Go(func() error {
			done, err := r.turns.take(ctx, s)
			if err != nil {
				return err
			}
			defer done()
			asked := r.now().UTC()
			said, err := r.put(ctx, s, a.bound, a.scope)
			if err != nil {
				return err
			}
			a.walked = append(a.walked, evidence.Item{
				Kind: evidence.AnswerItem, Source: s.Name(), Coverage: said.coverage, Answer: partial(said.answer, a.cut), Asked: asked,
			})
			return nil
		})
	}
	return g.Wait()
}

// partial marks an answer to a question that was asked with fewer values than there are: what it
// found is a part, and what it did not find may lie under the other values.
func partial(a evidence.Answer, cut []string) evidence.Answer {
	if len(cut) > 0 && (a.Outcome == evidence.Found || a.Outcome == evidence.Empty) {
		a.Outcome = evidence.Truncated
		a.Reason = "asked with a part of the values of " + strings.Join(cut, ", ") + "; there are more"
	}
	return a
}

// file keeps what the question met on its walk.
func (r *gathering) file(round int, a *asking) {
	if len(a.walked) == 0 {
		a.walked = []evidence.Item{{
			Kind:   evidence.AnswerItem,
			Answer: evidence.Answer{Outcome: evidence.NotCollected, Reason: "no source is configured for " + string(a.bound.Dataset)},
		}}
	}
	for _, it := range a.walked {
		if it.Ask.Dataset == "" { // asked as it stands in the playbook
			it.Scope, it.Ask = a.scope, a.bound
		}
		it.Round, it.Question, it.Subject, it.Answers = round, a.q.ID, a.q.Subject, a.q.Answers
		r.keep(it)
	}
}

// said is what a source said to one question.
type said struct {
	coverage  []evidence.Coverage
	answer    evidence.Answer
	documents []source.Document // what its coverage rests on
	odds      []source.Odd      // records that could not be read
}

// A saying is a question that is being put, or was: whoever comes with the same waits for it.
type saying struct {
	ready chan struct{}
	said
	again bool // it was not put: whoever comes next may
}

// put asks one source, once: the same question about the same scope is answered from what was
// said before.
func (r *gathering) put(ctx context.Context, s source.Source, q query.Query, scope query.Scope) (said, error) {
	id := fmt.Sprintf("%s|%s|%+v", s.Name(), q, scope)
	for {
		r.mu.Lock()
		k, found := r.answered[id]
		if !found {
			k = &saying{ready: make(chan struct{})}
			r.answered[id] = k
		}
		r.mu.Unlock()
		if !found {
			out, put, err := r.putNew(ctx, s, q, scope)
			k.said, k.again = out, !put || err != nil
			if k.again {
				r.mu.Lock()
				delete(r.answered, id)
				r.mu.Unlock()
			}
			close(k.ready)
			return out, err
		}
		select {
		case <-k.ready:
			if !k.again {
				return k.said, nil
			}
		case <-ctx.Done():
			return said{}, context.Cause(ctx)
		}
	}
}

// putNew asks a source for the coverage of the scope and then the question. What the source says
// nobody records is not asked for. put tells whether the source was asked at all.
func (r *gathering) putNew(ctx context.Context, s source.Source, q query.Query, scope query.Scope) (k said, put bool, err error) {
	if err := r.meter.exceeded(); err != nil {
		k.answer = r.unanswered(err, "")
		r.record(s, "budget", q, k.answer, 0)
		return k, false, nil
	}
	if known, ok := r.cache.get(s.Name(), q, scope, r.now()); ok {
		for _, d := range known.documents {
			r.witness(d)
		}
		for _, o := range known.odds {
			r.odd(o)
		}
		r.record(s, "remembered", q, known.answer, known.answer.Calls)
		return known, true, nil
	}
	count := &counting{meter: r.meter}
	var mu sync.Mutex
	ctx = source.WithWitness(source.WithMeter(ctx, count), func(d source.Document) {
		mu.Lock()
		defer mu.Unlock()
		k.documents = append(k.documents, d)
		r.witness(d)
	})
	ctx = source.WithOdds(ctx, func(o source.Odd) {
		mu.Lock()
		defer mu.Unlock()
		k.odds = append(k.odds, o)
		r.odd(o)
	})
	op := "ask"
	outer := ctx
	ctx, stop := r.meter.within(ctx)
	defer stop()
	k.coverage, err = s.Covers(source.WithSubject(ctx, r.subject(q)), scope)
	err = late(outer, ctx, err)
	switch {
	case outer.Err() != nil:
		return k, false, context.Cause(outer)
	case err != nil:
		op, k.coverage = "covers", nil
		k.answer = r.unanswered(err, "")
	case nobody(k.coverage):
		k.answer = evidence.Answer{Outcome: evidence.NotCollected, Reason: switchedOff(k.coverage)}
	default:
		k.answer, err = s.Ask(source.WithScope(ctx, scope), q)
		if outer.Err() != nil {
			return k, false, context.Cause(outer)
		}
		if err = late(outer, ctx, err); err != nil {
			k.answer = r.unanswered(err, k.answer.Native)
		}
		if k.answer.Outcome == evidence.Empty && delayed(k.coverage) {
			k.answer.Outcome = evidence.NotYet
		}
		if why, gone := agedOut(k.coverage); gone && k.answer.Outcome == evidence.NotCollected {
			// It may have been recorded: nothing is found, and the coverage says that it proves nothing.
			k.answer.Outcome, k.answer.Reason = evidence.Empty, why
		}
	}
	if errors.Is(err, source.ErrBudget) || count.refused.Load() {
		op = "budget"
	}
	r.record(s, op, q, k.answer, count.made())
	r.cache.put(s.Name(), q, scope, k, err, r.now())
	return k, true, nil
}

// unanswered is the answer of a source that gave none.
func (r *gathering) unanswered(err error, native string) evidence.Answer {
	if errors.Is(err, source.ErrBudget) {
		return evidence.Answer{Outcome: evidence.Throttled, Reason: err.Error(), Native: native}
	}
	return evidence.Answer{Outcome: failure(err), Reason: err.Error(), Native: native}
}

// late is the error of a source whose time was up by our own bound and not by the asker's end.
func late(outer, inner context.Context, err error) error {
	if err != nil && outer.Err() == nil && inner.Err() != nil {
		return context.Cause(inner)
	}
	return err
}

// failure is the outcome of an answer that never came.
func failure(err error) evidence.Outcome {
	switch {
	case errors.Is(err, source.ErrDenied), errors.Is(err, source.ErrInvalid):
		return evidence.Denied
	case errors.Is(err, source.ErrThrottled):
		return evidence.Throttled
	}
	return evidence.Failed
}

// nobody tells whether the whole scope is known not to be recorded or held there.
func nobody(cov []evidence.Coverage) bool {
	for _, c := range cov {
		if c.State != evidence.NotCollectedState {
			return false
		}
	}
	return len(cov) > 0
}

// switchedOff is what a source read of settings that leave a log off; "" where it read none.
func switchedOff(cov []evidence.Coverage) string {
	for _, c := range cov {
		if c.Why == evidence.WhySetting && c.Detail != "" {
			return c.Detail
		}
	}
	return ""
}

// subject is what a question is about beyond its scope: its conditions, and what the finding tells
// of the machine.
func (r *gathering) subject(q query.Query) source.Subject {
	f := r.plan.Finding
	i := f.Resource.Instance
	s := source.Subject{Where: q.Where, Region: f.Region, VPC: i.VPC, Subnet: i.Subnet, Interfaces: i.Interfaces, Instance: i.ID}
	if s.VPC == "" {
		s.VPC = f.Function.VPC
	}
	return s
}

// delayed tells whether records of the scope may still be on their way.
func delayed(cov []evidence.Coverage) bool {
	return slices.ContainsFunc(cov, func(c evidence.Coverage) bool {
		return c.State == evidence.Unknown && c.Why == evidence.WhyDelay
	})
}

// agedOut tells whether a part of the scope is past its retention, and what the source says of it.
func agedOut(cov []evidence.Coverage) (why string, gone bool) {
	for _, c := range cov {
		if c.State == evidence.Unknown && c.Why == evidence.WhyRetention {
			return c.Detail, true
		}
	}
	return "", false
}

// record writes the operation to the ledger. The question stands there in its canonical form.
// Calls that the meter saw stand there already.
func (r *gathering) record(s source.Source, op string, q query.Query, a evidence.Answer, metered int) {
	r.ledger.Append(op, map[string]string{
		"source": s.Name(), "question": q.String(), "outcome": a.Outcome.String(),
	}, ledger.Cost{Calls: int64(max(0, a.Calls-metered)), Rows: int64(len(a.Rows))})
	r.tell(len(a.Rows))
}

// tell lets the day know of rows and time; what it cannot be told stands in the ledger.
func (r *gathering) tell(rows int) {
	if err := r.meter.used(rows); err != nil {
		r.ledger.Append("day", map[string]string{"error": err.Error()}, ledger.Cost{})
	}
}

// witness takes a document that a source hands over; the same one is kept once.
func (r *gathering) witness(d source.Document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := strings.Join([]string{d.Source, d.Name, string(d.Body)}, "\x00")
	if !r.kept[id] {
		r.documents[id] = d
	}
}

// keepDocuments keeps the documents of a round, after its answers, by source and name.
func (r *gathering) keepDocuments(round int) {
	for _, id := range slices.Sorted(maps.Keys(r.documents)) {
		d := r.documents[id]
		r.kept[id] = true
		r.keep(evidence.Item{
			Kind: evidence.LookupItem, Round: round, Source: d.Source, Body: d.Body,
			Answer: evidence.Answer{Outcome: evidence.Found, Native: d.Name},
		})
	}
	clear(r.documents)
}
