package gather

import (
	"context"
	"errors"
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

// A fake is a source that answers every question in the same way.
type fake struct {
	name  string
	state evidence.State
	out   evidence.Outcome
	err   error
	asked int
}

func (f *fake) Name() string { return f.name }

func (f *fake) Covers(_ context.Context, s query.Scope) ([]evidence.Coverage, error) {
	return []evidence.Coverage{{Source: f.name, Kind: s.Kind, Window: s.Window, State: f.state}}, nil
}

func (f *fake) Ask(_ context.Context, q query.Query) (evidence.Answer, error) {
	f.asked++
	if f.err != nil {
		return evidence.Answer{}, f.err
	}
	a := evidence.Answer{Outcome: f.out, Calls: 1}
	if f.out == evidence.Found {
		a.Columns = playbook.Columns(q)
		a.Rows = []evidence.Row{make(evidence.Row, len(a.Columns))}
	}
	return a, nil
}

func run(t *testing.T, budget ledger.Budget, sources ...*fake) (evidence.Set, *ledger.Ledger) {
	t.Helper()
	var list []source.Source
	for _, s := range sources {
		list = append(list, s)
	}
	return gathered(t, budget, nil, time.Now(), list...)
}

// planned is a plan for a finding about a credential.
func planned(t *testing.T) Plan {
	t.Helper()
	fs, err := finding.Parse([]byte(`{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"0123456789abcdef0123456789abcdef",
		"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f","type":"Discovery:IAMUser/AnomalousBehavior","severity":2,"title":"t","description":"d",
		"createdAt":"2025-09-09T04:29:43Z","updatedAt":"2025-09-09T04:29:43Z",
		"resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"ASIAEXAMPLE","principalId":"P","userType":"IAMUser","userName":"u"}},
		"service":{"count":1,"eventFirstSeen":"2025-09-09T04:20:05Z","eventLastSeen":"2025-09-09T04:20:05Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"ListBuckets","serviceName":"s3.amazonaws.com"}}}}`))
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
	return Plan{Finding: fs[0], Playbook: books.For(fs[0]), Settings: settings}
}

// outcomes are what the walk of one question met.
func outcomes(set evidence.Set, question, subject string) string {
	var out []string
	for _, it := range set.Asked(question, subject) {
		out = append(out, it.Source+" "+it.Answer.Outcome.String())
	}
	return strings.Join(out, ", ")
}

func TestTheWalk(t *testing.T) {
	for name, tt := range map[string]struct {
		sources []*fake
		want    string
	}{
		"the first that is covered ends it":     {[]*fake{{name: "a", state: evidence.Collected, out: evidence.Found}, {name: "b", state: evidence.Collected, out: evidence.Found}}, "a Found"},
		"rows without coverage go on":           {[]*fake{{name: "a", out: evidence.Found}, {name: "b", state: evidence.Collected, out: evidence.Empty}}, "a Found, b Empty"},
		"silence without coverage goes on":      {[]*fake{{name: "a", out: evidence.Empty}, {name: "b", out: evidence.Empty}}, "a Empty, b Empty"},
		"what nobody collects is not asked for": {[]*fake{{name: "a", state: evidence.NotCollectedState, out: evidence.Found}, {name: "b", state: evidence.Collected, out: evidence.Found}}, "a NotCollected, b Found"},
		"a source that is down":                 {[]*fake{{name: "a", state: evidence.Collected, err: errors.New("connection refused")}, {name: "b", state: evidence.Collected, out: evidence.Found}}, "a Failed, b Found"},
		"a source that refuses":                 {[]*fake{{name: "a", state: evidence.Collected, err: fmt.Errorf("ask: %w", source.ErrDenied)}, {name: "b", state: evidence.Collected, out: evidence.Found}}, "a Denied, b Found"},
		"a source that throttles":               {[]*fake{{name: "a", state: evidence.Collected, err: fmt.Errorf("ask: %w", source.ErrThrottled)}}, "a Throttled"},
		"a truncated answer goes on":            {[]*fake{{name: "a", state: evidence.Collected, out: evidence.Truncated}, {name: "b", state: evidence.Collected, out: evidence.Found}}, "a Truncated, b Found"},
	} {
		t.Run(name, func(t *testing.T) {
			set, _ := run(t, ledger.NoLimit(), tt.sources...)
			if got := outcomes(set, "credential", "credential"); got != tt.want {
				t.Errorf("asked %s; want %s", got, tt.want)
			}
			if tt.sources[0].state == evidence.NotCollectedState && tt.sources[0].asked != 0 {
				t.Errorf("a source that holds nothing was asked %d times", tt.sources[0].asked)
			}
		})
	}
}

func TestNumbersFollowTheOrderAndNothingIsLost(t *testing.T) {
	set, _ := run(t, ledger.NoLimit(), &fake{name: "a", out: evidence.Empty}, &fake{name: "b", out: evidence.Empty})
	asked := map[string]bool{}
	for i, it := range set.Items() {
		if it.ID != evidence.ID(fmt.Sprintf("E%d", i+1)) || it.SHA256 != evidence.Hash(it) {
			t.Errorf("item %d is %s with hash %s", i, it.ID, it.SHA256)
		}
		asked[it.Question] = true
	}
	for _, q := range []string{"sign-ins", "assume-role", "identity-center"} { // their person and session never became known
		items := set.Asked(q, "")
		if len(items) != 1 || items[0].Answer.Outcome != evidence.NotAsked || len(items[0].Missing) == 0 {
			t.Errorf("%s: %v; want one item that says what was missing", q, items)
		}
	}
}

// A budget that is used up is an outcome, not an error and not silence; it is in the ledger too.
func TestTheBudgetEndsTheAsking(t *testing.T) {
	b := ledger.NoLimit()
	b.Calls = 3
	a := &fake{name: "a", state: evidence.Collected, out: evidence.Empty}
	set, lg := run(t, b, a)
	if a.asked != 3 {
		t.Errorf("asked %d times with a budget of 3", a.asked)
	}
	throttled := 0
	for _, it := range set.Items() {
		if it.Answer.Outcome == evidence.Throttled && strings.Contains(it.Answer.Reason, "budget is used up: calls") {
			throttled++
		}
	}
	spent := 0
	for _, e := range lg.Entries() {
		if e.Op == "budget" {
			spent++
		}
	}
	if throttled == 0 || spent != throttled {
		t.Errorf("%d items and %d entries of the ledger tell of the budget", throttled, spent)
	}
}

func TestAStopIsNoAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g, err := New([]source.Source{&fake{name: "a", out: evidence.Found}}, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	settings, _ := fact.EncodeSettings(fact.Settings{}, nil)
	books, _ := playbook.Default()
	generic, _ := books.Get(playbook.Generic)
	f := finding.Finding{ID: "x", FirstSeen: time.Unix(1757391605, 0)}
	f.Resource.AccessKey.ID = "ASIAEXAMPLE"
	f.Account = "111122223333"
	if _, err := g.Gather(ctx, Plan{Finding: f, Playbook: generic, Settings: settings}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestWrongOrdersAreRefused(t *testing.T) {
	a := &fake{name: "a"}
	if _, err := New([]source.Source{a, a}, nil, nil, ledger.Budget{}, nil); err == nil {
		t.Error("a source was configured twice")
	}
	if _, err := New([]source.Source{a}, map[query.Dataset][]string{query.SignIn: {"b"}}, nil, ledger.Budget{}, nil); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("an order names a source that is not there: %v", err)
	}
}
