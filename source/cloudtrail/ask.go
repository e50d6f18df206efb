package cloudtrail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// Ask fetches what may match q and was not fetched before, and answers q from the store. The
// accounts and the Region are those of the context's scope (see [source.WithScope]), else those
// that q names, else all that are configured. An answer that rests on a part of the events is
// Truncated, or Throttled where that part has no row.
func (s *Source) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	began := time.Now()
	a, err := s.ask(ctx, q)
	if err != nil {
		return a, fmt.Errorf("ask %s: %w", s.Name(), err)
	}
	a.Taken, a.Elapsed = time.Now().UTC(), time.Since(began)
	return a, nil
}

func (s *Source) ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	if err := query.Check(q); err != nil {
		return evidence.Answer{}, fmt.Errorf("%w: %w", err, source.ErrInvalid)
	}
	scope := source.ScopeOf(ctx)
	no := func(reason string) (evidence.Answer, error) {
		return evidence.Answer{Outcome: evidence.NotCollected, Native: "# not asked: " + reason, Reason: reason}, nil
	}
	switch {
	case q.Dataset != query.CloudTrail:
		return no("the CloudTrail API holds no " + string(q.Dataset) + " records")
	case scope.Kind != "" && scope.Kind != query.KindManagement, onlyData(q.Where):
		return no("event history holds management events only")
	}
	asOf, _ := s.moment()
	w := clip(q.Window, query.Window{From: s.oldest(), To: asOf})
	if empty(w) {
		if !q.Window.From.Before(asOf) {
			return evidence.Answer{Outcome: evidence.NotYet, Native: "# not asked: the window has not begun", Reason: "the window has not begun"}, nil
		}
		// What aged out may have been recorded: nothing is found, and the coverage says that it proves nothing.
		reason := "event history keeps 90 days"
		return evidence.Answer{Outcome: evidence.Empty, Native: "# not asked: " + reason, Reason: reason}, nil
	}
	accounts, named, err := s.accounts(q, scope)
	if err != nil {
		return evidence.Answer{}, err
	}
	regions := s.regions(scope.Region)
	plan := choices(q)
	t := &tally{left: s.opt.Pages}
	a := evidence.Answer{}
	var lines []string
	for _, account := range accounts {
		for _, region := range regions {
			p := place{account, region}
			used, err := s.fill(ctx, p, named, plan, w, t)
			for _, u := range used {
				lines = append(lines, u.native(p, w))
			}
			a.Native, a.Calls, a.Pages, a.Bytes = s.native(lines, q), t.calls, t.pages, t.bytes
			if err != nil {
				return a, err
			}
		}
	}
	answer, err := s.opt.Store.Ask(ctx, confined(q, accounts, regions, scope.Region))
	if err != nil {
		return a, err
	}
	answer.Native, answer.Calls, answer.Pages, answer.Bytes = a.Native, t.calls, t.pages, t.bytes
	t.judge(&answer)
	return answer, nil
}

// judge marks an answer that rests on a part of the events.
func (t *tally) judge(a *evidence.Answer) {
	slices.Sort(t.amends)
	why := slices.Compact(t.amends)
	if t.cut != "" {
		why = append(why, t.cut)
	}
	if len(why) == 0 {
		return
	}
	reason := strings.Join(why, "; ")
	switch {
	case a.Outcome == evidence.Empty && t.cut != "":
		a.Outcome, a.Reason = evidence.Throttled, "nothing was found in the part that was read: "+reason
	case a.Outcome == evidence.Empty:
		a.Outcome, a.Reason = evidence.Failed, "nothing was found in what could be read: "+reason
	default:
		a.Outcome, a.Reason = evidence.Truncated, "counts mean at least: "+reason
	}
}

// accounts are those that a question is about; named tells that it says so itself.
func (s *Source) accounts(q query.Query, scope query.Scope) (ids []string, named bool, err error) {
	ids, named = restricted(q.Where, "account")
	switch {
	case scope.Account != "":
		ids = []string{scope.Account}
	case !named:
		ids = slices.Clone(s.opt.Accounts)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		if !slices.Contains(s.opt.Accounts, id) {
			return nil, named, fmt.Errorf("account %q is not configured: %w", id, source.ErrDenied)
		}
	}
	return ids, named, nil
}

// confined is q about the places that were asked, whatever else the store holds.
func confined(q query.Query, accounts, regions []string, scoped string) query.Query {
	texts := func(list []string) []query.Value {
		out := make([]query.Value, len(list))
		for i, s := range list {
			out[i] = query.TextOf(s)
		}
		return out
	}
	var where query.Expr = query.In{Field: "region", Values: texts(regions)}
	if scoped != "" && scoped != global {
		// Elsewhere only what the global services recorded belongs to a Region's story.
		where = query.Or{Terms: []query.Expr{
			query.Compare{Field: "region", Op: query.Equal, Value: query.TextOf(scoped)},
			query.And{Terms: []query.Expr{
				query.Compare{Field: "region", Op: query.Equal, Value: query.TextOf(global)},
				query.In{Field: "event_source", Values: texts(globals)},
			}},
		}}
	}
	terms := []query.Expr{query.In{Field: "account", Values: texts(accounts)}, where}
	if q.Where != nil {
		terms = append(terms, q.Where)
	}
	q.Where = query.And{Terms: terms}
	return q
}

// native is the question as anyone could ask it: the lookups, and what is made of them.
func (s *Source) native(lines []string, q query.Query) string {
	return strings.Join(lines, "\n") + "\n# then, of these events: " + q.String()
}

// choices are all ways to fetch what q needs, the dearest being everything.
func choices(q query.Query) []candidate {
	return append(candidates(q.Where), everything)
}

// fill fetches what is missing of a place for one of the candidates, the one that is thought to
// bring least, and says which it was. One at a time fills a place: whoever waits finds what the
// other fetched.
func (s *Source) fill(ctx context.Context, p place, named bool, plan []candidate, w query.Window, t *tally) (candidate, error) {
	lane := s.lane(p.account + " " + p.region)
	if err := lane.take(ctx); err != nil {
		return nil, err
	}
	defer lane.leave()
	best, gaps, err := s.choose(ctx, p, plan, w)
	if err != nil {
		return best, err
	}
	// Where another question of the round needs everything of this window anyway, it goes first,
	// within half of the budget: if it comes through, there is nothing left to look up.
	if coming := s.ahead(p.account, named, attribute{}); missing(gaps) && !best.all() {
		i := slices.IndexFunc(coming, func(c query.Window) bool { return within(w, c) })
		if i >= 0 && t.left > 1 {
			part := &tally{left: t.left / 2}
			spare := t.left - part.left
			err := s.gap(ctx, p, named, attribute{}, w, part)
			t.calls, t.pages, t.bytes = t.calls+part.calls, t.pages+part.pages, t.bytes+part.bytes
			t.left = spare + max(0, part.left)
			if err != nil {
				return best, err
			}
			if best, gaps, err = s.choose(ctx, p, plan, w); err != nil {
				return best, err
			}
		}
	}
	for i, a := range best {
		if len(gaps[i]) == 0 {
			continue
		}
		if err := s.gap(ctx, p, named, a, w, t); err != nil {
			return best, err
		}
	}
	return best, s.amend(ctx, p, best, w, t)
}

// all tells whether the candidate fetches everything.
func (c candidate) all() bool { return len(c) == 1 && c[0].key == "" }

// missing tells whether any of the lookups has a gap.
func missing(gaps [][]query.Window) bool {
	return slices.ContainsFunc(gaps, func(g []query.Window) bool { return len(g) > 0 })
}

// choose is the candidate that costs least, for what is missing of it, with its gaps.
func (s *Source) choose(ctx context.Context, p place, plan []candidate, w query.Window) (best candidate, gaps [][]query.Window, err error) {
	least := -1
	for _, c := range plan {
		var of [][]query.Window
		price := 0
		for _, a := range c {
			windows, _, err := s.have(ctx, p, a)
			if err != nil {
				return nil, nil, err
			}
			left := without(w, windows)
			of = append(of, left)
			if len(left) > 0 {
				price += candidate{a}.cost(w)
			}
		}
		if least < 0 || price < least {
			best, gaps, least = c, of, price
		}
	}
	return best, gaps, nil
}

// gap fetches what is missing of a window for one attribute, widened so that the windows of
// other questions are served, too.
func (s *Source) gap(ctx context.Context, p place, named bool, a attribute, w query.Window, t *tally) error {
	asOf, _ := s.moment()
	same := s.ahead(p.account, named, a)
	wide := rounded(w)
	for again := true; again; {
		again = false
		for _, o := range same {
			if overlap(o, wide) && !within(o, wide) {
				wide, again = rounded(together(o, wide)), true
			}
		}
	}
	wide = clip(wide, query.Window{From: s.oldest(), To: asOf})
	have, _, err := s.have(ctx, p, a)
	if err != nil {
		return err
	}
	budget, why := t.left, ""
	for _, l := range slices.Backward(without(wide, have)) { // the newest first, as they come
		rest := without(l, s.given(p, a, budget))
		if !slices.Equal(rest, []query.Window{l}) {
			why = s.tooFew() + " within the last hour"
		}
		for _, r := range slices.Backward(rest) {
			if done, err := s.catchUp(ctx, p, a, r, wide, asOf, t); done || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			part, err := s.fetch(ctx, p, a, r, t)
			if err != nil {
				return err
			}
			if part.why != "" {
				why = part.why
			}
			if part.pages > 0 {
				if err := s.giveUp(ctx, p, a, r, budget); err != nil {
					return err
				}
			}
		}
	}
	if why == "" {
		return nil
	}
	// What is cut outside of the question's own window is no matter of this question.
	if have, _, err = s.have(ctx, p, a); err != nil {
		return err
	}
	if len(without(w, have)) > 0 {
		t.cut = why
	}
	return nil
}

// What is read whole to catch up with a window that was fetched before: at most so long, and so many
// pages of everything.
const (
	catchUpFor   = 30 * time.Minute
	catchUpPages = 2
)

// catchUp fetches everything of what has been added to a window since it was fetched, where that is
// little: it then serves all other lookups, which would each have to catch up by themselves. done
// tells whether all of it came; where it does not fit its pages, it is not tried again for a while.
func (s *Source) catchUp(ctx context.Context, p place, a attribute, r, wide query.Window, asOf time.Time, t *tally) (done bool, err error) {
	if a.key == "" || !r.To.Equal(asOf) || !wide.From.Before(r.From) || r.To.Sub(r.From) > catchUpFor ||
		t.left <= catchUpPages || len(s.given(p, attribute{}, catchUpPages)) > 0 {
		return false, nil
	}
	part := &tally{left: catchUpPages}
	before := part.left
	why, err := s.fetch(ctx, p, attribute{}, r, part)
	t.calls, t.pages, t.bytes, t.amends = t.calls+part.calls, t.pages+part.pages, t.bytes+part.bytes, append(t.amends, part.amends...)
	t.left -= before - part.left
	switch {
	case err != nil:
		return false, err
	case why.pages > 0:
		return false, s.giveUp(ctx, p, attribute{}, r, catchUpPages)
	}
	return why.why == "", nil
}

// giveUp remembers what of a window did not fit the budget.
func (s *Source) giveUp(ctx context.Context, p place, a attribute, w query.Window, budget int) error {
	have, _, err := s.have(ctx, p, a)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	key := p.memory(a)
	kept := slices.DeleteFunc(s.cuts[key], func(c cut) bool { return now.Sub(c.at) >= cutFor })
	for _, left := range without(w, have) {
		kept = append(kept, cut{left, now, budget})
	}
	s.cuts[key] = kept
	return nil
}

// amend tells what is wrong with the windows that the answer rests on.
func (s *Source) amend(ctx context.Context, p place, c candidate, w query.Window, t *tally) error {
	for _, a := range c {
		_, notes, err := s.have(ctx, p, a)
		if err != nil {
			return err
		}
		for _, n := range notes {
			if overlap(n.Window, w) {
				t.amends = append(t.amends, p.amended(n.Note))
			}
		}
	}
	return nil
}
