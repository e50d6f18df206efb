package gather

import (
	"context"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/ledger"
	"uratori/query"
	"uratori/source"
)

// A dirty source returns, with every answer, the same record that nobody can read, and one that only
// the longest window holds.
type dirty struct{ *remote }

func (s dirty) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	source.TellOdd(ctx, source.Odd{Source: s.name, Position: "sha256:0123456789ab", Reason: "no id"})
	if q.Window.To.Sub(q.Window.From) >= lookBack {
		source.TellOdd(ctx, source.Odd{Source: s.name, Reason: "no time", N: 2})
	}
	return s.remote.Ask(ctx, q)
}

// Records that a service returned and nobody can read are counted once, however many questions met
// them, also by an investigation that is answered from what another was told. A source that says
// nothing of its records but that says nothing else.
func TestUnreadableRecordsAreCounted(t *testing.T) {
	cache := NewCache()
	now := time.Now()
	for run := range 2 {
		src := dirty{&remote{name: "a", state: evidence.Collected}}
		set, _ := gathered(t, ledger.NoLimit(), cache, now, src)
		if run == 1 && len(src.asked) > 0 {
			t.Fatalf("%d questions were asked again", len(src.asked))
		}
		facts, err := fact.Derive(planned(t).Finding, set)
		if err != nil {
			t.Fatal(err)
		}
		if f := facts.Get("quality.quarantined", ""); f.State != fact.Known || f.Value.Num != 3 {
			t.Errorf("run %d: quarantined %v %d; want 3", run, f.State, f.Value.Num)
		}
		if f := facts.Get("quality.quarantine_list", ""); f.State != fact.Known || len(f.Value.Rows) != 2 {
			t.Errorf("run %d: the list is %v %v; want two lines", run, f.State, f.Value.Rows)
		}
		if f := facts.Get("quality.duplicates_removed", ""); f.State != fact.Unknown {
			t.Errorf("run %d: duplicates removed are %v %d; the source does not say", run, f.State, f.Value.Num)
		}
	}
	set, _ := gathered(t, ledger.NoLimit(), nil, now, &remote{name: "a", state: evidence.Collected})
	for _, it := range set.Items() {
		if it.Kind == evidence.QualityItem {
			t.Errorf("a source that met no such record says %s", it.Body)
		}
	}
}
