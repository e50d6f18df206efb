package gather

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/source"
)

// A teller is a looker that tells the same of everything.
type teller struct {
	name  string
	kinds []evidence.LookupKind
	out   evidence.Outcome
	err   error
	body  evidence.Body

	mu    sync.Mutex
	asked []evidence.Lookup
}

func (l *teller) Name() string                 { return l.name }
func (l *teller) Looks() []evidence.LookupKind { return l.kinds }

func (l *teller) Look(ctx context.Context, what evidence.Lookup) (evidence.Looked, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, what)
	if err := source.MeterOf(ctx).Take("test:Look"); err != nil {
		return evidence.Looked{}, err
	}
	source.MeterOf(ctx).Note(source.Call{API: "test:Look", Source: l.name})
	return evidence.Looked{Outcome: l.out, Native: "look " + what.Key, Body: l.body, Calls: 1}, l.err
}

func lookRun(t *testing.T, user string, budget ledger.Budget, lookers ...source.Looker) (evidence.Set, *ledger.Ledger) {
	t.Helper()
	fs, err := finding.Parse([]byte(`{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"0123456789abcdef0123456789abcdef",
		"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f","type":"Discovery:IAMUser/AnomalousBehavior","severity":2,"title":"t","description":"d",
		"createdAt":"2025-09-09T04:29:43Z","updatedAt":"2025-09-09T04:29:43Z",
		"resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"` + user + `","principalId":"P","userType":"IAMUser","userName":"u"}},
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
	lg := ledger.New(time.Now)
	g, err := New([]source.Source{&fake{name: "a", out: evidence.Empty}}, nil, lg, budget, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.LookWith(lookers...); err != nil {
		t.Fatal(err)
	}
	set, err := g.Gather(t.Context(), Plan{Finding: fs[0], Playbook: books.For(fs[0]), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return set, lg
}

// lookedUp are the outcomes of the look-ups of a kind.
func lookedUp(set evidence.Set, kind evidence.LookupKind) string {
	var out []string
	for _, it := range set.Items() {
		if it.Kind == evidence.LookupItem && it.Scope.Kind == string(kind) {
			out = append(out, strings.TrimSpace(it.Source+" "+it.Answer.Outcome.String()))
		}
	}
	return strings.Join(out, ", ")
}

var (
	dev   = evidence.Body{Account: &evidence.LookedAccount{ID: "111122223333", Name: "dev"}}
	kinds = []evidence.LookupKind{evidence.LookAccount}
)

func TestLookersAreAskedInTurn(t *testing.T) {
	for name, tt := range map[string]struct {
		lookers []source.Looker
		want    string
	}{
		"nobody":                         {nil, ""},
		"nobody who looks up the kind":   {[]source.Looker{&teller{name: "x", kinds: []evidence.LookupKind{evidence.LookBucket}}}, ""},
		"the first that finds it":        {[]source.Looker{&teller{name: "x", kinds: kinds, out: evidence.Found, body: dev}, &teller{name: "y", kinds: kinds}}, "x Found"},
		"a refusal goes on":              {[]source.Looker{&teller{name: "x", kinds: kinds, err: fmt.Errorf("no: %w", source.ErrDenied)}, &teller{name: "y", kinds: kinds, out: evidence.Found, body: dev}}, "x Denied, y Found"},
		"who does not know it goes on":   {[]source.Looker{&teller{name: "x", kinds: kinds, out: evidence.Empty}, &teller{name: "y", kinds: kinds, out: evidence.Found, body: dev}}, "x Empty, y Found"},
		"throttled, then broken":         {[]source.Looker{&teller{name: "x", kinds: kinds, err: source.ErrThrottled}, &teller{name: "y", kinds: kinds, err: errors.New("down")}}, "x Throttled, y Failed"},
		"found without a record is none": {[]source.Looker{&teller{name: "x", kinds: kinds, out: evidence.Found}}, "x Failed"},
		"found with a record of another": {[]source.Looker{&teller{name: "x", kinds: kinds, out: evidence.Found, body: evidence.Body{Bucket: &evidence.LookedBucket{}}}}, "x Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			set, _ := lookRun(t, "ASIAEXAMPLE", ledger.NoLimit(), tt.lookers...)
			if got := lookedUp(set, evidence.LookAccount); got != tt.want {
				t.Errorf("looked up %q; want %q", got, tt.want)
			}
		})
	}
}

func TestLookUpsAreEvidenceLikeAnswers(t *testing.T) {
	x := &teller{name: "x", kinds: kinds, out: evidence.Found, body: dev}
	set, lg := lookRun(t, "ASIAEXAMPLE", ledger.NoLimit(), x)
	again, _ := lookRun(t, "ASIAEXAMPLE", ledger.NoLimit(), &teller{name: "x", kinds: kinds, out: evidence.Found, body: dev})
	items := set.Items()
	i := slices.IndexFunc(items, func(it evidence.Item) bool { return it.Kind == evidence.LookupItem })
	it := items[i]
	if it.Round != 1 || it.Question != "account" || it.Answer.Native != "look 111122223333" || !slices.Contains(it.Answers, "finding.account_name") {
		t.Errorf("kept %+v", it)
	}
	if it.SHA256 != again.Items()[i].SHA256 {
		t.Error("the same look-up has another hash")
	}
	back, err := evidence.Decode(evidence.Encode(it))
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := back.Looked(); !ok || b.Account.Name != "dev" {
		t.Errorf("read back %+v, %v", b, ok)
	}
	if spent, _ := lg.Spent(); spent.Calls < 1 {
		t.Error("the call is not in the ledger")
	}
	if len(x.asked) != 1 {
		t.Errorf("looked up %d times", len(x.asked))
	}
}

// What the case does not have is not looked up, and not said to be missing.
func TestWhatDoesNotAriseIsSilent(t *testing.T) {
	all := evidence.LookupKinds()
	temporary, _ := lookRun(t, "ASIAEXAMPLE", ledger.NoLimit(), &teller{name: "x", kinds: all, out: evidence.Empty})
	if got := lookedUp(temporary, evidence.LookKey) + lookedUp(temporary, evidence.LookBucket) + lookedUp(temporary, evidence.LookInstance); got != "" {
		t.Errorf("a session without a bucket: %s", got)
	}
	if got := lookedUp(temporary, evidence.LookPerson); got != "NotAsked" {
		t.Errorf("a person who is not known: %s; want NotAsked", got)
	}
	long, lg := lookRun(t, "AKIAEXAMPLE000000009", ledger.NoLimit(), &teller{name: "x", kinds: all, out: evidence.Empty})
	if got := lookedUp(long, evidence.LookKey); got != "x Empty" {
		t.Errorf("a long-term key: %s", got)
	}
	if strings.Contains(string(lg.Bytes()), `"key":"AKIAEXAMPLE000000009"`) {
		t.Error("the ledger holds an access key whole")
	}
}

func TestLookUpsStayWithinTheBudget(t *testing.T) {
	x := &teller{name: "x", kinds: kinds, out: evidence.Found, body: dev}
	none := ledger.Budget{Wall: time.Hour}
	set, _ := lookRun(t, "ASIAEXAMPLE", none, x)
	if got := lookedUp(set, evidence.LookAccount); got != "x Throttled" || len(x.asked) != 0 {
		t.Errorf("without a budget: %s, asked %d times", got, len(x.asked))
	}
}

func TestLookersAreChecked(t *testing.T) {
	g, err := New(nil, nil, ledger.New(time.Now), ledger.NoLimit(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.LookWith(&teller{name: "x", kinds: kinds}, &teller{name: "x"}); err == nil {
		t.Error("two lookers of one name were taken")
	}
	if err := g.LookWith(&teller{name: "x", kinds: []evidence.LookupKind{"horoscope"}}); err == nil {
		t.Error("a kind that does not exist was taken")
	}
}
