// Package gather asks a playbook's questions, round by round, of the sources that can
// answer them, and keeps every answer.
//
// It is the only stage that waits on the world. A question is asked as soon as the facts
// it takes are known; its sources are walked in order until one answers with its scope
// covered. Whatever happened on the way is evidence. Questions go out together as far as
// their sources allow it, and are numbered as if they had not.
package gather

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
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
	lookers []source.Looker // see LookWith
	ledger  *ledger.Ledger
	budget  ledger.Budget
	cache   *Cache      // of other investigations; may be nil
	day     *ledger.Day // what all investigations share; may be nil
	turns   *Turns      // of all investigations; may be nil
	compare int         // questions of a dataset that are asked of a second source
	now     func() time.Time
}

// Remember lets the gatherer use, and add to, what other investigations were answered.
func (g *Gatherer) Remember(c *Cache) { g.cache = c }

// TakeTurns bounds what this and all other investigations ask of a source at once.
func (g *Gatherer) TakeTurns(t *Turns) { g.turns = t }

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

// Share bounds what this and all other investigations of a day use together.
func (g *Gatherer) Share(d *ledger.Day) { g.day = d }

// Compare has the first n answered questions about each dataset asked of one more source that
// covers them, so that where two places keep the same log their answers can be held against each other.
func (g *Gatherer) Compare(n int) { g.compare = n }

// A gathering is one run of a plan.
type gathering struct {
	*Gatherer
	plan  Plan
	meter *meter
	items []evidence.Item
	asked map[string]bool       // question and subject
	twice map[query.Dataset]int // questions that were asked of a second source

	mu        sync.Mutex
	answered  map[string]*saying         // by source, question and scope
	documents map[string]source.Document // of this round, by their own key
	kept      map[string]bool            // keys of documents of earlier rounds
	odds      map[source.Odd]int64       // records that could not be read, by what they are
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
	r := &gathering{
		Gatherer: g, plan: plan, meter: newMeter(g.ledger, g.budget, g.day), asked: map[string]bool{}, twice: map[query.Dataset]int{},
		answered: map[string]*saying{}, documents: map[string]source.Document{}, kept: map[string]bool{}, odds: map[source.Odd]int64{},
	}
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
	r.tell(0)
	if err := r.keepOdds(); err != nil {
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
		if fact.Moot(facts, missing) {
			continue
		}
		r.keep(evidence.Item{
			Kind: evidence.AnswerItem, Question: q.ID, Subject: q.Subject, Answers: q.Answers,
			Scope: scope, Missing: missing, Answer: evidence.Answer{Outcome: evidence.NotAsked},
		})
	}
	r.notLookedUp(facts, values)
	return r.notSearched(values)
}
