// Package gather asks a playbook's questions, round by round, of the sources that can
// answer them, and keeps every answer.
//
// It is the only stage that waits on the world. A question is asked as soon as the facts
// it takes are known; its sources are walked in order until one answers with its scope
// covered. Whatever happened on the way is evidence.
package gather

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
)

// maxRounds bounds how often answers may lead to further questions.
const maxRounds = 5

// A Plan is what is to be found out about one finding.
type Plan struct {
	Finding   finding.Finding
	Playbook  playbook.Playbook
	Settings  []byte // body of the settings item, see fact.EncodeSettings
	Testimony []byte // body of a testimony item; nil when nobody answered
}

// A Qualifier is a source that can tell about its own records: what it removed, refused or
// could not read. The body is a fact.Quality as JSON.
type Qualifier interface {
	Quality(ctx context.Context) (fact.Quality, error)
}

// A Gatherer asks questions of configured sources.
type Gatherer struct {
	sources map[string]source.Source
	order   map[query.Dataset][]string
	ledger  *ledger.Ledger
	budget  ledger.Budget
	now     func() time.Time
}

// New returns a gatherer over sources. order names, for each dataset, the sources to ask, first
// first; a dataset without an order is asked of every source in the order given.
func New(sources []source.Source, order map[query.Dataset][]string, lg *ledger.Ledger, budget ledger.Budget, now func() time.Time) (*Gatherer, error) {
	g := &Gatherer{sources: map[string]source.Source{}, order: map[query.Dataset][]string{}, ledger: lg, budget: budget, now: now}
	var all []string
	for _, s := range sources {
		if _, twice := g.sources[s.Name()]; twice {
			return nil, fmt.Errorf("source %q is configured twice", s.Name())
		}
		g.sources[s.Name()] = s
		all = append(all, s.Name())
	}
	for _, schema := range query.Schemas() {
		names, ok := order[schema.Dataset]
		if !ok {
			names = all
		}
		for _, n := range names {
			if g.sources[n] == nil {
				return nil, fmt.Errorf("order of %s names source %q, which is not configured", schema.Dataset, n)
			}
		}
		g.order[schema.Dataset] = names
	}
	return g, nil
}

// A gathering is one run of a plan.
type gathering struct {
	*Gatherer
	plan     Plan
	items    []evidence.Item
	asked    map[string]bool // question and subject
	answered map[string]kept // what a source said to the same question before
}

type kept struct {
	coverage []evidence.Coverage
	answer   evidence.Answer
}

// Gather asks every question of the plan whose parameters become known. The error is for a
// context that ended or a question that could not be formed; a source that does not answer
// is evidence.
func (g *Gatherer) Gather(ctx context.Context, plan Plan) (set evidence.Set, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("gather for finding %s: %w", plan.Finding.ID, err)
		}
	}()
	r := &gathering{Gatherer: g, plan: plan, asked: map[string]bool{}, answered: map[string]kept{}}
	r.keep(evidence.Item{Kind: evidence.FindingItem, Body: plan.Finding.Raw()})
	r.keep(evidence.Item{Kind: evidence.SettingsItem, Body: plan.Settings})
	if plan.Testimony != nil {
		r.keep(evidence.Item{Kind: evidence.TestimonyItem, Body: plan.Testimony})
	}
	if err := r.qualities(ctx); err != nil {
		return evidence.Set{}, err
	}
	for round := 1; round <= maxRounds; round++ {
		more, err := r.round(ctx, round)
		if err != nil {
			return evidence.Set{}, err
		}
		if !more {
			break
		}
	}
	if err := r.notAsked(); err != nil {
		return evidence.Set{}, err
	}
	return evidence.NewSet(r.items), nil
}

// keep numbers an item and adds it.
func (r *gathering) keep(it evidence.Item) {
	it.ID = evidence.ID("E" + strconv.Itoa(len(r.items)+1))
	it.SHA256 = evidence.Hash(it)
	r.items = append(r.items, it)
}

// qualities keeps what each source says of its own records, in the order of their names in the orders.
func (r *gathering) qualities(ctx context.Context) error {
	done := map[string]bool{}
	for _, schema := range query.Schemas() {
		for _, name := range r.order[schema.Dataset] {
			q, ok := r.sources[name].(Qualifier)
			if !ok || done[name] {
				continue
			}
			done[name] = true
			said, err := q.Quality(ctx)
			if err != nil {
				return fmt.Errorf("ask %s about its records: %w", name, err)
			}
			body, err := json.Marshal(said)
			if err != nil {
				return fmt.Errorf("keep what %s says of its records: %w", name, err)
			}
			r.keep(evidence.Item{Kind: evidence.QualityItem, Source: name, Body: body})
		}
	}
	return nil
}

// round asks every question whose parameters are known and tells whether it asked any.
func (r *gathering) round(ctx context.Context, round int) (more bool, err error) {
	facts, err := fact.Derive(r.plan.Finding, evidence.NewSet(r.items))
	if err != nil {
		return false, err
	}
	values := fact.Parameters(facts)
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
		r.asked[key(q)], more = true, true
		if err := r.ask(ctx, round, q, bound, scope, q.Cut(values)); err != nil {
			return false, err
		}
	}
	return more, nil
}

func key(q playbook.Question) string { return q.ID + "|" + q.Subject }

// notAsked keeps every question whose parameters never came, and what it lacked.
func (r *gathering) notAsked() error {
	facts, err := fact.Derive(r.plan.Finding, evidence.NewSet(r.items))
	if err != nil {
		return err
	}
	values := fact.Parameters(facts)
	for _, q := range r.plan.Playbook.Questions {
		if r.asked[key(q)] {
			continue
		}
		_, scope, missing, err := q.Bind(values)
		if err != nil {
			return err
		}
		r.keep(evidence.Item{
			Kind: evidence.AnswerItem, Question: q.ID, Subject: q.Subject, Answers: q.Answers,
			Scope: scope, Missing: missing, Answer: evidence.Answer{Outcome: evidence.NotAsked},
		})
	}
	return nil
}

// ask walks the sources of the question's dataset until one answers with its scope covered. cut
// names the parameters that were a part of their values; with one, every answer is a part too.
func (r *gathering) ask(ctx context.Context, round int, q playbook.Question, bound query.Query, scope query.Scope, cut []string) error {
	var walked []evidence.Item
	for _, name := range r.order[bound.Dataset] {
		it := evidence.Item{
			Kind: evidence.AnswerItem, Round: round, Question: q.ID, Subject: q.Subject, Answers: q.Answers,
			Scope: scope, Ask: bound, Source: name, Asked: r.now().UTC(),
		}
		said, err := r.put(ctx, r.sources[name], bound, scope)
		if err != nil {
			return err
		}
		it.Coverage, it.Answer = said.coverage, partial(said.answer, cut)
		r.keep(it)
		walked = append(walked, r.items[len(r.items)-1])
		if evidence.Choose(walked).Exact {
			return nil
		}
	}
	if len(walked) == 0 {
		r.keep(evidence.Item{
			Kind: evidence.AnswerItem, Round: round, Question: q.ID, Subject: q.Subject, Answers: q.Answers,
			Scope: scope, Ask: bound, Answer: evidence.Answer{Outcome: evidence.NotCollected, Reason: "no source is configured for " + string(bound.Dataset)},
		})
	}
	return nil
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

// put asks one source, once: the same question about the same scope is answered from what was
// kept. What the source says nobody records is not asked for.
func (r *gathering) put(ctx context.Context, s source.Source, q query.Query, scope query.Scope) (kept, error) {
	id := fmt.Sprintf("%s|%s|%+v", s.Name(), q, scope)
	if k, ok := r.answered[id]; ok {
		return k, nil
	}
	var k kept
	switch left, exceeded := r.budget.Exceeded(r.ledger); {
	case exceeded:
		k.answer = evidence.Answer{Outcome: evidence.Throttled, Reason: "the investigation's budget is used up: " + left}
		r.record(s, "budget", q, k.answer)
		return k, nil
	default:
	}
	cov, err := s.Covers(ctx, scope)
	if ctx.Err() != nil {
		return k, context.Cause(ctx)
	}
	if err != nil {
		k.answer = evidence.Answer{Outcome: evidence.Failed, Reason: err.Error()}
		r.record(s, "covers", q, k.answer)
		return k, nil
	}
	k.coverage = cov
	if nobody(cov) {
		k.answer = evidence.Answer{Outcome: evidence.NotCollected}
	} else {
		k.answer, err = s.Ask(ctx, q)
		if ctx.Err() != nil {
			return k, context.Cause(ctx)
		}
		if err != nil {
			k.answer = evidence.Answer{Outcome: failure(err), Reason: err.Error(), Native: k.answer.Native}
		}
	}
	r.record(s, "ask", q, k.answer)
	r.answered[id] = k
	return k, nil
}

// failure is the outcome of an answer that never came.
func failure(err error) evidence.Outcome {
	switch {
	case errors.Is(err, source.ErrDenied):
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

// record writes the operation to the ledger. The question stands there in its canonical form.
func (r *gathering) record(s source.Source, op string, q query.Query, a evidence.Answer) {
	r.ledger.Append(op, map[string]string{
		"source": s.Name(), "question": q.String(), "outcome": a.Outcome.String(),
	}, ledger.Cost{Calls: int64(a.Calls), Rows: int64(len(a.Rows))})
}
