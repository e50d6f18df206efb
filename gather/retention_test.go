package gather

import (
	"context"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/ledger"
	"uratori/query"
	"uratori/source"
)

// An aging source keeps what is younger than an edge.
type aging struct {
	*remote
	edge time.Time
}

func (s aging) Covers(ctx context.Context, sc query.Scope) ([]evidence.Coverage, error) {
	cov, err := s.remote.Covers(ctx, sc)
	if err != nil || !s.edge.After(sc.Window.From) {
		return cov, err
	}
	old, rest := cov[0], cov[0]
	old.State, old.Why = evidence.Unknown, evidence.WhyRetention
	if !s.edge.Before(sc.Window.To) {
		return []evidence.Coverage{old}, nil
	}
	old.Window.To, rest.Window.From = s.edge, s.edge
	return []evidence.Coverage{old, rest}, nil
}

// A look-back whose first days have aged out is asked again about the rest, which is then answered
// whole; the answer about all of it is kept beside, with what can no longer be seen.
func TestWhatIsLeftOfALookBack(t *testing.T) {
	whole, _ := gathered(t, ledger.NoLimit(), nil, time.Now(), &remote{name: "a", state: evidence.Collected})
	var first evidence.Item // the longest look-back
	for _, it := range whole.Items() {
		if it.Kind == evidence.AnswerItem && it.Source == "a" && it.Ask.Window.To.Sub(it.Ask.Window.From) > first.Ask.Window.To.Sub(first.Ask.Window.From) {
			first = it
		}
	}
	w := first.Ask.Window
	if w.To.Sub(w.From) < lookBack {
		t.Fatalf("no question looks back: the longest is about %v", w)
	}
	for name, c := range map[string]struct {
		edge  time.Time
		state evidence.State // of what is left
		again bool
	}{
		"a tenth is gone": {w.From.Add(w.To.Sub(w.From)/10 + time.Minute), evidence.Collected, true},
		"half is gone":    {w.From.Add(w.To.Sub(w.From) / 2), evidence.Collected, false},
		"all is gone":     {w.To.Add(time.Hour), evidence.Collected, false},
		"nothing is gone": {w.From, evidence.Collected, false},
		"and a hole":      {w.From.Add(w.To.Sub(w.From) / 10), evidence.Unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			set, _ := gathered(t, ledger.NoLimit(), nil, time.Now(), aging{&remote{name: "a", state: c.state, why: evidence.WhyHole}, c.edge})
			asked := set.Asked(first.Question, first.Subject)
			if !c.again {
				if len(asked) != 1 || asked[0].Ask.Window != w {
					t.Fatalf("%d answers, the first about %v; want the one about %v", len(asked), asked[0].Ask.Window, w)
				}
				return
			}
			if len(asked) != 2 || asked[0].Ask.Window != w || asked[0].Complete() {
				t.Fatalf("%d answers; want one about all of %v, not covered, and one about the rest", len(asked), w)
			}
			rest := asked[1].Ask.Window
			if from := c.edge.Add(time.Hour - 1).Truncate(time.Hour); !rest.From.Equal(from) || !rest.To.Equal(w.To) || asked[1].Scope.Window != rest {
				t.Errorf("asked again about %v in the scope %v; want from %v on", rest, asked[1].Scope.Window, from)
			}
			if got := evidence.Choose(asked); !got.Exact || got.Item.ID != asked[1].ID {
				t.Errorf("what counts is %s, exact %v; want the rest", got.Item.ID, got.Exact)
			}
		})
	}
}

// A source that holds no records and tells that the log's own place has forgotten them has found nothing:
// nobody may take that for a log that was never on.
func TestWhatIsForgottenElsewhereIsNotUncollected(t *testing.T) {
	settings := &setting{fake: fake{name: "settings", state: evidence.Unknown, out: evidence.NotCollected}, why: evidence.WhyRetention, detail: "kept for 7 days"}
	g, err := New([]source.Source{settings}, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	set, err := g.Gather(t.Context(), planned(t))
	if err != nil {
		t.Fatal(err)
	}
	items := set.Asked("credential", "credential")
	if len(items) == 0 || items[0].Answer.Outcome != evidence.Empty || items[0].Answer.Reason != "kept for 7 days" {
		t.Errorf("%+v; want nothing found, for what the source says", items)
	}
}
