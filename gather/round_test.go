package gather

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
)

// A remote is a source that calls an API: metered, several questions at once, with documents.
type remote struct {
	name  string
	state evidence.State
	why   evidence.Reason
	err   func(q query.Query) error // nil: answers Empty
	slow  func(q query.Query) time.Duration

	mu       sync.Mutex
	asked    []string
	prepared []int
	at, most int // questions at this moment, and the most there ever were
}

func (s *remote) Name() string     { return s.name }
func (s *remote) Concurrency() int { return 4 }
func (s *remote) Prepare(qs []query.Query) {
	s.prepared = append(s.prepared, len(qs))
}

func (s *remote) Covers(ctx context.Context, sc query.Scope) ([]evidence.Coverage, error) {
	source.Witness(ctx, source.Document{Source: s.name, Name: "cloudtrail:DescribeTrails", Body: []byte(`{"trailList":[]}`)})
	return []evidence.Coverage{{Source: s.name, Kind: sc.Kind, Window: sc.Window, State: s.state, Why: s.why}}, nil
}

func (s *remote) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	m := source.MeterOf(ctx)
	if err := m.Take("cloudtrail:LookupEvents"); err != nil {
		return evidence.Answer{}, err
	}
	defer m.Note(source.Call{API: "cloudtrail:LookupEvents", Source: s.name, Outcome: "ok", Pages: 1})
	s.mu.Lock()
	s.asked = append(s.asked, q.String())
	s.at++
	s.most = max(s.most, s.at)
	s.mu.Unlock()
	if s.slow != nil {
		time.Sleep(s.slow(q))
	}
	s.mu.Lock()
	s.at--
	s.mu.Unlock()
	if s.err != nil {
		if err := s.err(q); err != nil {
			return evidence.Answer{Native: "native"}, err
		}
	}
	return evidence.Answer{Outcome: evidence.Empty, Native: "native", Columns: playbook.Columns(q), Calls: 1}, nil
}

func gathered(t *testing.T, budget ledger.Budget, cache *Cache, now time.Time, sources ...source.Source) (evidence.Set, *ledger.Ledger) {
	t.Helper()
	lg := ledger.New(time.Now)
	g, err := New(sources, nil, lg, budget, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	g.Remember(cache)
	set, err := g.Gather(t.Context(), planned(t))
	if err != nil {
		t.Fatal(err)
	}
	return set, lg
}

// Questions that go out together are kept as if they had not: the same bytes in the same order,
// whichever comes back first.
func TestTogetherIsAsInOrder(t *testing.T) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) { // where four sleep at once, however busy the machine
		var first []string
		for try := range 4 {
			a := &remote{name: "a"}
			a.slow = func(q query.Query) time.Duration {
				return time.Duration((len(q.String())*(try+1))%7) * time.Millisecond
			}
			b := &remote{name: "b", state: evidence.Collected}
			set, _ := gathered(t, ledger.NoLimit(), nil, now, a, b)
			var hashes []string
			for _, it := range set.Items() {
				hashes = append(hashes, string(it.ID)+" "+it.SHA256)
			}
			if first == nil {
				first = hashes
			}
			if !slices.Equal(hashes, first) {
				t.Fatalf("try %d keeps other evidence", try)
			}
			if a.most < 2 {
				t.Errorf("at most %d question at once; the source takes 4", a.most)
			}
			if len(a.prepared) == 0 || a.prepared[0] < 2 {
				t.Errorf("the source was told of %v questions before it was asked", a.prepared)
			}
		}
	})
}

func TestADocumentIsKeptOnce(t *testing.T) {
	set, _ := gathered(t, ledger.NoLimit(), nil, time.Now(), &remote{name: "a", state: evidence.Collected})
	var found []evidence.Item
	for _, it := range set.Items() {
		if it.Kind == evidence.LookupItem {
			found = append(found, it)
		}
	}
	if len(found) != 1 || found[0].Answer.Native != "cloudtrail:DescribeTrails" || string(found[0].Body) != `{"trailList":[]}` || found[0].Source != "a" {
		t.Fatalf("documents %+v; want the one response, once", found)
	}
	back, err := evidence.Decode(evidence.Encode(found[0]))
	if err != nil || back.SHA256 != found[0].SHA256 || back.Answer.Native != found[0].Answer.Native {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

// However many questions go out at once, no call is made beyond the budget, and each question that
// it cost is told.
func TestNoCallBeyondTheBudget(t *testing.T) {
	for name, limit := range map[string]func(*ledger.Budget){
		"calls":                            func(b *ledger.Budget) { b.Calls = 3 },
		"calls of cloudtrail:LookupEvents": func(b *ledger.Budget) { b.APIs = map[string]int64{"cloudtrail:LookupEvents": 3} },
	} {
		b := ledger.NoLimit()
		limit(&b)
		a := &remote{name: "a", state: evidence.Collected, slow: func(query.Query) time.Duration { return time.Millisecond }}
		set, lg := gathered(t, b, nil, time.Now(), a)
		if len(a.asked) != 3 || lg.Calls("cloudtrail:LookupEvents") != 3 {
			t.Errorf("%s: %d calls made, %d recorded; want 3", name, len(a.asked), lg.Calls("cloudtrail:LookupEvents"))
		}
		spent, _ := lg.Spent()
		if spent.Calls != 3 || spent.Pages != 3 {
			t.Errorf("%s: spent %+v; a metered call is counted once", name, spent)
		}
		told := 0
		for _, it := range set.Items() {
			if it.Answer.Outcome == evidence.Throttled && it.Answer.Reason == "the investigation's budget is used up: "+name {
				told++
			}
		}
		if told < 3 {
			t.Errorf("%s: %d questions tell of the budget", name, told)
		}
	}
}

// What other investigations used up today cannot be used again, and the report says so.
func TestTheDayIsShared(t *testing.T) {
	b := ledger.NoLimit()
	b.Calls = 3
	day, err := ledger.OpenDay(t.TempDir(), b, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a := &remote{name: "a", state: evidence.Collected}
	var last evidence.Set
	for range 2 {
		g, err := New([]source.Source{a}, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		g.Share(day)
		if last, err = g.Gather(t.Context(), planned(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, it := range last.Asked("logging-changes", "") {
		if it.Answer.Outcome != evidence.Throttled || it.Answer.Reason != "the day's budget is used up: calls" {
			t.Errorf("the second investigation was told %s: %s", it.Answer.Outcome, it.Answer.Reason)
		}
	}
	if len(a.asked) != 3 {
		t.Errorf("%d calls in two investigations, want 3", len(a.asked))
	}
}

func TestSilenceBeforeDeliveryIsNotYet(t *testing.T) {
	set, _ := gathered(t, ledger.NoLimit(), nil, time.Now(), &remote{name: "a", why: evidence.WhyDelay})
	if got := outcomes(set, "credential", "credential"); got != "a NotYet" {
		t.Errorf("asked %s; want NotYet", got)
	}
}

// A whole answer serves other investigations for an hour; one that may still change does not.
func TestAnswersServeOtherInvestigations(t *testing.T) {
	began := time.Date(2025, 9, 9, 5, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		state evidence.State
		why   evidence.Reason
		after time.Duration
		again bool
	}{
		{"whole", evidence.Collected, evidence.WhyRecords, 59 * time.Minute, false},
		{"whole, later", evidence.Collected, evidence.WhyRecords, time.Hour, true},
		{"may still come", evidence.Unknown, evidence.WhyDelay, time.Minute, true},
	} {
		cache := NewCache()
		a := &remote{name: "a", state: tt.state, why: tt.why}
		one, _ := gathered(t, ledger.NoLimit(), cache, began, a)
		n := len(a.asked)
		two, lg := gathered(t, ledger.NoLimit(), cache, began.Add(tt.after), a)
		if again := len(a.asked) > n; again != tt.again {
			t.Errorf("%s: asked again %v, want %v", tt.name, again, tt.again)
		}
		if calls := lg.Calls("cloudtrail:LookupEvents"); (calls > 0) != tt.again {
			t.Errorf("%s: %d calls for the second", tt.name, calls)
		}
		for i, it := range one.Items() {
			if it.Kind == evidence.AnswerItem && it.SHA256 != two.Items()[i].SHA256 {
				t.Errorf("%s: %s is other evidence the second time", tt.name, it.ID)
			}
		}
	}
}

// What a source refused as invalid is never sent again, in no later investigation either.
func TestARefusalIsNeverSentAgain(t *testing.T) {
	cache := NewCache()
	a := &remote{name: "a", state: evidence.Collected, err: func(q query.Query) error {
		if strings.Contains(q.String(), "logging") || strings.Contains(q.String(), "StopLogging") {
			return fmt.Errorf("InvalidLookupAttributesException: %w", source.ErrInvalid)
		}
		return errors.New("connection reset")
	}}
	count := func() (refused map[string]int, failed int) {
		refused = map[string]int{}
		for _, q := range a.asked {
			if strings.Contains(q, "StopLogging") {
				refused[q]++
			} else {
				failed++
			}
		}
		return refused, failed
	}
	now := time.Date(2025, 9, 9, 5, 0, 0, 0, time.UTC)
	for i := range 3 {
		set, _ := gathered(t, ledger.NoLimit(), cache, now.Add(time.Duration(i)*24*time.Hour), a)
		if got := outcomes(set, "logging-changes", ""); got != "a Denied" {
			t.Errorf("investigation %d: %s; want Denied", i+1, got)
		}
	}
	refused, failed := count()
	if len(refused) == 0 {
		t.Error("no refused question was sent at all")
	}
	for q, n := range refused {
		if n != 1 {
			t.Errorf("the refused question was sent %d times: %s", n, q)
		}
	}
	if failed < 3 {
		t.Errorf("a failure was asked again only %d times in three investigations", failed)
	}
}

// A sample of the answered questions is asked of a second source that covers them, and what the two
// do not agree on is a fact; a source that covers less is not asked for it.
func TestTwoSourcesAreHeldAgainstEachOther(t *testing.T) {
	for _, tt := range []struct {
		name    string
		compare int
		state   evidence.State // of the second source
		want    int            // questions of cloudtrail that it was asked
		differ  bool
	}{
		{"not wanted", 0, evidence.Collected, 0, false},
		{"a sample", 2, evidence.Collected, 2, true},
		{"it covers less", 2, evidence.Unknown, 0, false},
	} {
		a := &fake{name: "a", state: evidence.Collected, out: evidence.Found}
		b := &fake{name: "b", state: tt.state, out: evidence.Empty}
		g, err := New([]source.Source{a, b}, map[query.Dataset][]string{query.CloudTrail: {"a", "b"}, query.SignIn: {"a"}}, ledger.New(time.Now), ledger.NoLimit(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		g.Compare(tt.compare)
		plan := planned(t)
		set, err := g.Gather(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		if b.asked != tt.want {
			t.Errorf("%s: the second source was asked %d times, want %d", tt.name, b.asked, tt.want)
		}
		facts, err := fact.Derive(plan.Finding, set)
		if err != nil {
			t.Fatal(err)
		}
		got := facts.Get("quality.contradictions", "")
		if found := strings.Contains(strings.Join(got.Value.List, "; "), "answers of a are not those of b"); found != tt.differ {
			t.Errorf("%s: contradictions %v", tt.name, got.Value.List)
		}
		// What counts is still what the first said.
		for _, it := range set.Items() {
			if it.Source == "b" && evidence.Choose(set.Asked(it.Question, it.Subject)).Item.Source != "a" {
				t.Errorf("%s: %s is answered by the second source", tt.name, it.Question)
			}
		}
	}
}

// silence is a source that answers nothing until the asker leaves.
type silence struct{ remote }

func (s *silence) Ask(ctx context.Context, _ query.Query) (evidence.Answer, error) {
	<-ctx.Done()
	return evidence.Answer{}, fmt.Errorf("ask %s: %w: %w", s.name, source.ErrUnavailable, ctx.Err())
}

// The time that an investigation may take ends a call that is under way, too, and is named.
func TestWallTimeEndsACall(t *testing.T) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		b := ledger.NoLimit()
		b.Wall = 200 * time.Millisecond
		began := time.Now()
		set, _ := gathered(t, b, nil, now, &silence{remote{name: "a", state: evidence.Collected}})
		if took := time.Since(began); took != b.Wall {
			t.Errorf("it took %s of %s", took, b.Wall)
		}
		told := 0
		for _, it := range set.Items() {
			if it.Source != "a" || it.Kind != evidence.AnswerItem {
				continue
			}
			told++
			if it.Answer.Outcome != evidence.Throttled || it.Answer.Reason != "the investigation's budget is used up: wall time" {
				t.Errorf("%s: %s (%s)", it.Question, it.Answer.Outcome, it.Answer.Reason)
			}
		}
		if told < 2 {
			t.Errorf("%d questions tell of it", told)
		}
		// The end of whoever asks is no budget.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		g, err := New([]source.Source{&silence{remote{name: "a", state: evidence.Collected}}}, nil, ledger.New(time.Now), ledger.NoLimit(), func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Gather(ctx, planned(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v; want the asker's end", err)
		}
	})
}

// However many investigations run, a source is asked no more at once than it takes.
func TestTurnsAreShared(t *testing.T) {
	a := &remote{name: "a", slow: func(query.Query) time.Duration { return 2 * time.Millisecond }}
	turns := NewTurns()
	var all sync.WaitGroup
	for range 4 {
		g, err := New([]source.Source{a}, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		g.TakeTurns(turns)
		plan := planned(t)
		all.Go(func() {
			if _, err := g.Gather(t.Context(), plan); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if a.most > a.Concurrency() {
		t.Errorf("%d questions at once; the source takes %d", a.most, a.Concurrency())
	}
}
