package gather

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
)

// A taker is a source with a language of its own.
type taker struct {
	fake
	answer evidence.Answer
	err    error
	made   []source.Search
}

func (s *taker) Search(ctx context.Context, q source.Search) (evidence.Answer, error) {
	if err := source.MeterOf(ctx).Take("test:Search"); err != nil {
		return evidence.Answer{}, err
	}
	s.made = append(s.made, q)
	source.MeterOf(ctx).Note(source.Call{API: "test:Search", Source: s.name})
	s.answer.Calls = 1
	return s.answer, s.err
}

func TestSearchesOfPeopleEndInAnOutcome(t *testing.T) {
	row := evidence.Row{query.TextOf("192.0.2.7")}
	for _, tt := range []struct {
		name   string
		source source.Source
		param  string
		budget ledger.Budget
		want   evidence.Outcome
		reason string
		made   int
	}{
		{"found", &taker{fake: fake{name: "a"}, answer: evidence.Answer{Outcome: evidence.Found, Columns: []string{"src"}, Rows: []evidence.Row{row}}}, "finding.account", ledger.NoLimit(), evidence.Found, "", 1},
		{"refused", &taker{fake: fake{name: "a"}, err: fmt.Errorf("%w: role", source.ErrDenied)}, "finding.account", ledger.NoLimit(), evidence.Denied, "role", 1},
		{"invalid", &taker{fake: fake{name: "a"}, err: fmt.Errorf("%w: near by", source.ErrInvalid)}, "finding.account", ledger.NoLimit(), evidence.Denied, "near by", 1},
		{"throttled", &taker{fake: fake{name: "a"}, err: source.ErrThrottled}, "finding.account", ledger.NoLimit(), evidence.Throttled, "throttled", 1},
		{"down", &taker{fake: fake{name: "a"}, err: source.ErrUnavailable}, "finding.account", ledger.NoLimit(), evidence.Failed, "unavailable", 1},
		{"no budget", &taker{fake: fake{name: "a"}}, "finding.account", ledger.Budget{Calls: 0, Pages: -1, Rows: -1, Bytes: -1}, evidence.Throttled, "budget", 0},
		{"not known", &taker{fake: fake{name: "a"}}, "kubernetes.user", ledger.NoLimit(), evidence.NotAsked, "not known: kubernetes.user", 0},
		{"another source", &taker{fake: fake{name: "b"}}, "finding.account", ledger.NoLimit(), evidence.NotAsked, `no source "a"`, 0},
		{"no language", &fake{name: "a"}, "finding.account", ledger.NoLimit(), evidence.NotAsked, "no language of its own", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := searched(t, tt.source, tt.param, tt.budget)
			var got []evidence.Item
			for _, it := range set.Items() {
				if it.Kind == evidence.SearchItem {
					got = append(got, it)
				}
			}
			if len(got) != 1 || got[0].Question != "own" || got[0].Answer.Outcome != tt.want || !strings.Contains(got[0].Answer.Reason, tt.reason) {
				t.Fatalf("%+v; want %s (%s)", got, tt.want, tt.reason)
			}
			if s, ok := tt.source.(*taker); ok {
				if len(s.made) != tt.made {
					t.Errorf("%d searches were made; want %d", len(s.made), tt.made)
				}
				if tt.made == 1 && s.made[0].Values["finding.account"].Text() != "111122223333" {
					t.Errorf("made with %v", s.made[0].Values)
				}
			}
			// It is evidence as every other: what is kept is read back the same.
			again, err := evidence.Decode(evidence.Encode(got[0]))
			if err != nil || again.SHA256 != got[0].SHA256 || len(again.Answer.Rows) != len(got[0].Answer.Rows) {
				t.Errorf("read back as %+v, %v", again, err)
			}
		})
	}
}

// searched gathers with one search for a source that is named a.
func searched(t *testing.T, s source.Source, param string, budget ledger.Budget) evidence.Set {
	t.Helper()
	base, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	files := base.Files()
	files[playbook.SearchesName] = []byte("searches:\n  - {id: own, source: a, search: x, window: {around: $event.time, before: 1h}, columns: [src]}\n")
	books, err := playbook.FromFiles(files)
	if err == nil {
		books, err = books.Understand(func(playbook.Search) ([]string, error) { return []string{param}, nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	settings, err := fact.EncodeSettings(fact.Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	f := finding.Finding{ID: "0123456789abcdef0123456789abcdef", Account: "111122223333", Region: "us-east-1", Type: "Discovery:IAMUser/AnomalousBehavior", FirstSeen: at, LastSeen: at}
	g, err := New([]source.Source{s}, nil, ledger.New(time.Now), budget, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	set, err := g.Gather(t.Context(), Plan{Finding: f, Playbook: books.For(f), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return set
}
