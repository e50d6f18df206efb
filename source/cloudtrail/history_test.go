package cloudtrail_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/call"
	"uratori/source/cloudtrail"
	"uratori/source/local"
)

// noon is when the tests of this file ask.
var noon = time.Date(2025, 9, 20, 12, 3, 0, 0, time.UTC)

const where = `access_key = "ASIAEXAMPLE1"`

// A month of a busy principal does not fit the page budget: the newest part was read, counts mean
// "at least", and asking again spends nothing in vain.
func TestBusyPrincipalIsALowerBound(t *testing.T) {
	r := newRig(t, noon, func(r *rig) { r.opt.Pages = 10 })
	var records [][]byte
	for i := range 3000 {
		records = append(records, record(i, noon.Add(-time.Hour-time.Duration(i)*14*time.Minute), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	}
	r.history.Add(records...)
	q := counted(t, noon.Add(-30*24*time.Hour), noon.Add(-time.Hour+time.Second), where)
	a := r.ask(inAccount(t.Context(), account), t, q)
	if a.Outcome != evidence.Truncated || !strings.Contains(a.Reason, "at least") || len(a.Rows) != 1 {
		t.Fatalf("%s (%s), %d rows; want Truncated", a.Outcome, a.Reason, len(a.Rows))
	}
	// One of the ten pages was for us-east-1, or none was left for it.
	if n := a.Rows[0][0].Int(); n < 450 || n > 500 {
		t.Errorf("%d events of 10 pages of 50", n)
	}
	if a.Calls != 10 || r.lookups() != 10 {
		t.Errorf("%d calls, %d at the double; the budget is 10", a.Calls, r.lookups())
	}
	// The part that was read is whole: a question within it is exact.
	r.server.Forget()
	part := counted(t, noon.Add(-3*24*time.Hour), noon.Add(-time.Hour+time.Second), where)
	if a := r.ask(source.WithScope(t.Context(), query.Scope{Kind: query.KindManagement, Account: account}), t, part); a.Outcome != evidence.Found || a.Rows[0][0].Int() != 305 {
		t.Errorf("the newest three days: %s (%s) %v; want 305 events", a.Outcome, a.Reason, a.Rows)
	}
	if n := r.lookups(); n > 1 { // us-east-1 had no turn
		t.Errorf("%d calls for what was read already", n)
	}
	r.server.Forget()
	for range 5 {
		if a := r.ask(inAccount(t.Context(), account), t, q); a.Outcome != evidence.Truncated {
			t.Errorf("asked again: %s", a.Outcome)
		}
	}
	if n := r.lookups(); n > 10 {
		t.Errorf("%d calls for five repeats", n)
	}
	// After an hour it goes on where it stopped.
	r.set(noon.Add(2 * time.Hour))
	if a := r.ask(inAccount(t.Context(), account), t, q); a.Rows[0][0].Int() < 900 {
		t.Errorf("%d events after a second budget", a.Rows[0][0].Int())
	}
}

// A part without a row is no silence.
func TestNothingInAPartIsNoAnswer(t *testing.T) {
	r := newRig(t, noon, func(r *rig) { r.opt.Pages = 2 })
	var records [][]byte
	for i := range 300 {
		records = append(records, record(i, noon.Add(-2*time.Hour-time.Duration(i)*time.Minute), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	}
	r.history.Add(records...)
	a := r.ask(inAccount(t.Context(), account), t, counted(t, noon.Add(-24*time.Hour), noon.Add(-time.Hour), `source_ip = ip 203.0.113.9`))
	if a.Outcome != evidence.Throttled || !strings.Contains(a.Reason, "budget") {
		t.Errorf("%s (%s); want Throttled by the budget", a.Outcome, a.Reason)
	}
}

// The newest events arrive late: they are shown, not settled, and not remembered.
func TestNewestEventsAreNotSettled(t *testing.T) {
	r := newRig(t, noon, nil)
	r.history.Late(10 * time.Minute)
	event := noon.Add(-9 * time.Minute) // not there yet
	r.history.Add(
		record(1, noon.Add(-12*time.Minute), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""),
		record(2, event, tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	ctx := inAccount(t.Context(), account)
	q := counted(t, noon.Add(-24*time.Hour), noon.Add(24*time.Hour), where)
	scope := query.Scope{Kind: query.KindManagement, Account: account, Window: q.Window}
	check := func(n int64) {
		t.Helper()
		cov, err := r.Covers(ctx, scope)
		if err != nil {
			t.Fatal(err)
		}
		if len(cov) != 2 || cov[0].State != evidence.Collected || cov[0].Why != evidence.WhyHistory || cov[1].State != evidence.Unknown || cov[1].Why != evidence.WhyDelay ||
			!cov[0].Window.From.Equal(q.Window.From) || !cov[0].Window.To.Equal(cov[1].Window.From) || !cov[1].Window.To.Equal(q.Window.To) {
			t.Errorf("coverage %+v", cov)
		}
		if late := r.clock().Sub(cov[0].Window.To); late < 15*time.Minute || late > 20*time.Minute {
			t.Errorf("settled until %s before now", late)
		}
		a := r.ask(ctx, t, q)
		if got := int64(0); len(a.Rows) > 0 {
			if got = a.Rows[0][0].Int(); got != n {
				t.Errorf("%d events; want %d", got, n)
			}
		} else if n != 0 {
			t.Errorf("no events; want %d", n)
		}
	}
	check(1)
	calls := r.lookups()
	r.set(noon.Add(time.Minute))
	check(1)
	if r.lookups() != calls {
		t.Error("within five minutes it was fetched again")
	}
	r.set(noon.Add(7 * time.Minute))
	check(2)
	if r.lookups() == calls {
		t.Error("what was not settled was remembered")
	}
	future := counted(t, noon.Add(time.Hour), noon.Add(2*time.Hour), where)
	calls = r.lookups()
	if a := r.ask(ctx, t, future); a.Outcome != evidence.NotYet || r.lookups() != calls {
		t.Errorf("the future: %s, %d calls", a.Outcome, r.lookups()-calls)
	}
}

func TestHistoryEndsAfter90Days(t *testing.T) {
	r := newRig(t, noon, nil)
	ctx := inAccount(t.Context(), account)
	q := counted(t, noon.Add(-120*24*time.Hour), noon.Add(-60*24*time.Hour), where)
	cov, err := r.Covers(ctx, query.Scope{Kind: query.KindManagement, Account: account, Window: q.Window})
	if err != nil {
		t.Fatal(err)
	}
	if len(cov) != 2 || cov[0].State != evidence.Unknown || cov[0].Why != evidence.WhyRetention || cov[1].State != evidence.Collected {
		t.Errorf("coverage %+v", cov)
	}
	if a := r.ask(ctx, t, q); a.Outcome != evidence.Empty {
		t.Errorf("%s (%s); want Empty", a.Outcome, a.Reason)
	}
	n := r.lookups()
	old := counted(t, noon.Add(-120*24*time.Hour), noon.Add(-100*24*time.Hour), where)
	if a := r.ask(ctx, t, old); a.Outcome != evidence.Empty || r.lookups() != n {
		t.Errorf("before 90 days: %s, %d calls", a.Outcome, r.lookups()-n)
	}
}

// IAM and other global services record in us-east-1: it is asked besides, for them alone where a
// Region is named.
func TestGlobalServicesAreAskedInUSEast1(t *testing.T) {
	r := newRig(t, noon, nil)
	at := noon.Add(-24 * time.Hour)
	r.history.Add(
		record(1, at, tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""),
		record(2, at, "us-east-1", "iam.amazonaws.com", "CreateAccessKey", "ASIAEXAMPLE1", "u", ""),
		record(3, at, "us-east-1", "ec2.amazonaws.com", "RunInstances", "ASIAEXAMPLE1", "u", ""),
		record(4, at, "us-east-1", "signin.amazonaws.com", "ConsoleLogin", "ASIAEXAMPLE1", "u", ""))
	q := counted(t, at.Add(-time.Hour), at.Add(time.Hour), where)
	for region, want := range map[string]int64{"": 4, tokyo: 3, "us-east-1": 3} {
		ctx := source.WithScope(t.Context(), query.Scope{Kind: query.KindManagement, Account: account, Region: region})
		if a := r.ask(ctx, t, q); a.Outcome != evidence.Found || a.Rows[0][0].Int() != want {
			t.Errorf("Region %q: %s %v; want %d events", region, a.Outcome, a.Rows, want)
		}
	}
	for _, c := range r.server.Calls("cloudtrail:LookupEvents") {
		if c.Account != account {
			t.Errorf("asked in account %s", c.Account)
		}
	}
}

// What was fetched for one account is no answer for another, whatever the store holds.
func TestAccountsAreKeptApart(t *testing.T) {
	const other = "222233334444"
	r := newRig(t, noon, nil)
	r.server.Role(other, "uratori-read", "") // which asks for no external id
	r.opt.Accounts = append(r.opt.Accounts, other)
	r.aws.Role = func(id string) (awsconn.Role, bool) {
		if id == other {
			return awsconn.RoleNamed("aws", "uratori-read", "")(id)
		}
		return awsconn.RoleNamed("aws", "uratori-read", externalID)(id)
	}
	r.again(t)
	at := noon.Add(-24 * time.Hour)
	r.history.Add(record(1, at, tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	r.history.Add([]byte(strings.ReplaceAll(string(record(2, at, tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", "")), account, other)))
	q := counted(t, at.Add(-time.Hour), at.Add(time.Hour), where)
	for _, tt := range []struct {
		account string
		where   string
		want    int64
	}{{account, where, 1}, {other, where, 1}, {"", where, 2}, {"", where + ` and account = "222233334444"`, 1}, {account, where, 1}} {
		q := counted(t, q.Window.From, q.Window.To, tt.where)
		a := r.ask(inAccount(t.Context(), tt.account), t, q)
		if a.Outcome != evidence.Found || a.Rows[0][0].Int() != tt.want {
			t.Errorf("account %q where %s: %s %v; want %d", tt.account, tt.where, a.Outcome, a.Rows, tt.want)
		}
	}
	if _, err := r.Ask(inAccount(t.Context(), "999999999999"), q); !errors.Is(err, source.ErrDenied) {
		t.Errorf("an account that is not configured: %v", err)
	}
}

// Data events are none of event history's, and cost nothing to say so.
func TestDataEventsAreNotHeld(t *testing.T) {
	r := newRig(t, noon, nil)
	q := counted(t, noon.Add(-24*time.Hour), noon.Add(-time.Hour), where)
	data := counted(t, noon.Add(-24*time.Hour), noon.Add(-time.Hour), where+` and event_category = "Data"`)
	a := r.ask(source.WithScope(t.Context(), query.Scope{Kind: query.KindS3Data, Account: account}), t, q)
	b := r.ask(inAccount(t.Context(), account), t, data)
	if a.Outcome != evidence.NotCollected || b.Outcome != evidence.NotCollected || len(r.server.Calls()) != 0 {
		t.Errorf("%s, %s after %d calls", a.Outcome, b.Outcome, len(r.server.Calls()))
	}
	cov, err := r.Covers(t.Context(), query.Scope{Kind: query.KindSignIn, Window: q.Window})
	if err != nil || len(cov) != 1 || cov[0].State != evidence.NotCollectedState || cov[0].Why != evidence.WhyNotHeld {
		t.Errorf("sign-ins: %+v, %v", cov, err)
	}
}

// The store outlives the program: what was fetched is not fetched by the next one.
func TestFetchedWindowsOutliveTheProgram(t *testing.T) {
	r := newRig(t, noon, nil)
	path := filepath.Join(t.TempDir(), "fetched.duckdb")
	open := func() {
		s, err := local.Open(context.Background(), local.Options{Name: "fetched", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		r.store, r.opt.Store = s, s
		r.again(t)
	}
	r.history.Add(record(1, noon.Add(-24*time.Hour), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	q := counted(t, noon.Add(-48*time.Hour), noon.Add(-time.Hour), where)
	open()
	first := r.ask(inAccount(t.Context(), account), t, q)
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	n := len(r.server.Calls())
	open()
	defer func() { _ = r.store.Close() }()
	second := r.ask(inAccount(t.Context(), account), t, q)
	if first.Outcome != evidence.Found || second.Outcome != evidence.Found || first.Native != second.Native {
		t.Errorf("%s, then %s", first.Outcome, second.Outcome)
	}
	if len(r.server.Calls()) != n {
		t.Errorf("%d more calls", len(r.server.Calls())-n)
	}
}

// Questions of a round are fetched together; many that ask at once fetch once.
func TestRoundsAreFetchedTogether(t *testing.T) {
	r := newRig(t, noon, nil)
	for i := range 40 {
		r.history.Add(record(i, noon.Add(-time.Duration(i+1)*12*time.Hour), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	}
	ctx := inAccount(t.Context(), account)
	narrow := counted(t, noon.Add(-48*time.Hour), noon.Add(-24*time.Hour), `session_name = "u"`)
	wide := counted(t, noon.Add(-30*24*time.Hour), noon.Add(-36*time.Hour), `user_arn = "arn:aws:sts::111122223333:assumed-role/Dev/u"`)
	r.Prepare([]query.Query{narrow, wide})
	r.ask(ctx, t, narrow)
	if n := r.lookups(); n != 2 { // one in each Region
		t.Errorf("%d calls for the first question", n)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if a, err := r.Ask(ctx, wide); err != nil || a.Outcome != evidence.Found {
				t.Errorf("%s, %v", a.Outcome, err)
			}
		})
	}
	wg.Wait()
	if n := r.lookups(); n != 2 {
		t.Errorf("%d calls for both", n)
	}
	// Where one question needs everything, the others need nothing more.
	r2 := newRig(t, noon, nil)
	all := counted(t, noon.Add(-48*time.Hour), noon.Add(-24*time.Hour), `source_ip = ip 192.0.2.7`)
	qs := []query.Query{all}
	for i := range 20 {
		qs = append(qs, counted(t, noon.Add(-47*time.Hour), noon.Add(-25*time.Hour), fmt.Sprintf(`event_name = "Call%d"`, i)))
	}
	r2.Prepare(qs)
	for _, q := range qs[1:] {
		r2.ask(ctx, t, q)
	}
	r2.ask(ctx, t, all)
	if n := r2.lookups(); n != 2 {
		t.Errorf("%d calls; everything was read once in each Region", n)
	}
}

// Eight users at once never make the third call of a second: nobody is throttled.
func TestPaceUnderEightUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Now().Add(-time.Minute), func(r *rig) {
			r.aws.Caller = call.New(call.Options{Paces: cloudtrail.Paces})
			r.opt.Now = time.Now
		})
		r.server.Limit("cloudtrail:LookupEvents", 2)
		base := time.Now()
		var wg sync.WaitGroup
		for user := range 8 {
			wg.Go(func() {
				for i := range 5 {
					q := counted(t, base.Add(-48*time.Hour), base.Add(-24*time.Hour), fmt.Sprintf(`access_key = "ASIAEXAMPLE%d%d"`, user, i))
					if a, err := r.Ask(inAccount(t.Context(), account), q); err != nil || a.Outcome != evidence.Empty {
						t.Errorf("%s, %v", a.Outcome, err)
					}
				}
			})
		}
		wg.Wait()
		if n := r.lookups(); n != 80 {
			t.Errorf("%d calls; want one for each question and Region", n)
		}
		if n := r.server.MaxPerSecond("cloudtrail:LookupEvents"); n > 2 {
			t.Errorf("%d calls within a second", n)
		}
		for _, c := range r.server.Calls("cloudtrail:LookupEvents") {
			if c.Status != 200 {
				t.Errorf("HTTP %d", c.Status)
			}
		}
	})
}
