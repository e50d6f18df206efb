package gather

import (
	"context"
	"slices"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/scenario"
	"uratori/source"
)

// A planner is a source that wants to know a round, and keeps for which scope it is asked.
type planner struct {
	fake
	told  []string
	put   []string
	scope []query.Scope
}

func (p *planner) Prepare(qs []query.Query) {
	for _, q := range qs {
		p.told = append(p.told, q.String())
	}
}

func (p *planner) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	p.put = append(p.put, q.String())
	p.scope = append(p.scope, source.ScopeOf(ctx))
	return p.fake.Ask(ctx, q)
}

// A source hears of every question before it is asked, and with each for which scope.
func TestSourcesHearOfTheRound(t *testing.T) {
	p := &planner{fake: fake{name: "a", state: evidence.Collected, out: evidence.Empty}}
	story, err := scenario.Generate("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := finding.Parse(story.Files["finding.json"])
	if err != nil {
		t.Fatal(err)
	}
	books, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := fact.EncodeSettings(fact.Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New([]source.Source{p}, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	set, err := g.Gather(t.Context(), Plan{Finding: fs[0], Playbook: books.For(fs[0]), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.put) == 0 {
		t.Fatal("nothing was asked")
	}
	for _, q := range p.put {
		if !slices.Contains(p.told, q) {
			t.Errorf("was not told of %s", q)
		}
	}
	var scopes []query.Scope
	for _, it := range set.Items() {
		if it.Kind == evidence.AnswerItem && it.Answer.Outcome != evidence.NotAsked {
			scopes = append(scopes, it.Scope)
		}
	}
	for _, s := range p.scope {
		if s.Kind == "" || !slices.Contains(scopes, s) {
			t.Errorf("asked for the scope %+v, which no question has", s)
		}
	}
}
