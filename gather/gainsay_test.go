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

// A setting is a source that tells whether logs are on, and of which question it was told.
type setting struct {
	fake
	why     evidence.Reason
	detail  string
	asked   int
	subject source.Subject
}

func (s *setting) Gainsays(kind string) bool { return kind == query.KindManagement }

func (s *setting) Covers(ctx context.Context, sc query.Scope) ([]evidence.Coverage, error) {
	s.asked++
	s.subject = source.SubjectOf(ctx)
	return []evidence.Coverage{{Source: s.name, Kind: sc.Kind, Window: sc.Window, State: s.state, Why: s.why, Detail: s.detail}}, nil
}

// held covers everything by records that it holds, or by what the configuration asserts.
type held struct {
	fake
	why evidence.Reason
}

func (h *held) Covers(_ context.Context, sc query.Scope) ([]evidence.Coverage, error) {
	return []evidence.Coverage{{Source: h.name, Kind: sc.Kind, Window: sc.Window, State: evidence.Collected, Why: h.why}}, nil
}

// An absence that rests on records of other things is none where the log of the thing itself is off.
func TestAnAbsenceIsGainsaid(t *testing.T) {
	for name, c := range map[string]struct {
		out   evidence.Outcome
		why   evidence.Reason
		state evidence.State
		says  evidence.Reason
		exact bool
		asked bool
	}{
		"the log is off":           {evidence.Empty, evidence.WhyRecords, evidence.NotCollectedState, evidence.WhySetting, false, true},
		"the log is on":            {evidence.Empty, evidence.WhyRecords, evidence.NotCollectedState, evidence.WhyNotHeld, true, true},
		"nobody can tell":          {evidence.Empty, evidence.WhyRecords, evidence.Unknown, evidence.WhyNoResponse, true, true},
		"the operator asserts it":  {evidence.Empty, evidence.WhyAsserted, evidence.NotCollectedState, evidence.WhySetting, true, true},
		"what was found is not it": {evidence.Found, evidence.WhyRecords, evidence.NotCollectedState, evidence.WhySetting, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			logs := &held{fake{name: "logs", out: c.out}, c.why}
			settings := &setting{fake: fake{name: "settings", state: c.state, out: evidence.NotCollected}, why: c.says, detail: "no log is on now"}
			g, err := New([]source.Source{logs, settings}, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			g.Remember(NewCache())
			for range 2 { // the second time from what was remembered: it is not spoilt
				settings.asked = 0
				set, err := g.Gather(t.Context(), planned(t))
				if err != nil {
					t.Fatal(err)
				}
				items := set.Asked("credential", "credential")
				chosen := evidence.Choose(items)
				if chosen.Exact != c.exact || (len(items) > 1) != c.asked || (settings.asked > 0) != c.asked {
					t.Errorf("exact %v, %d items, settings asked %d times; want %v, asked %v", chosen.Exact, len(items), settings.asked, c.exact, c.asked)
				}
				if c.says == evidence.WhySetting && c.asked {
					if got := items[1].Answer.Reason; got != "no log is on now" {
						t.Errorf("the reason is %q", got)
					}
					if settings.subject.Where == nil || settings.subject.Region != "us-east-1" {
						t.Errorf("the settings were asked for the sake of %+v", settings.subject)
					}
				}
				if !c.exact && chosen.Usable() {
					t.Errorf("an absence that is none is usable: %+v", chosen.Item)
				}
			}
		})
	}
}
