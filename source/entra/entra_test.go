package entra_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/call"
	"uratori/source/entra"
	"uratori/source/graphtest"
	"uratori/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the moment of all tests: two days after the last record.
func now() time.Time { return sourcetest.Ended.Add(48 * time.Hour) }

// double starts a double with the suite's records.
func double(t testing.TB, opt graphtest.Options) *graphtest.Server {
	t.Helper()
	if opt.SignIns == nil {
		opt.SignIns = sourcetest.Records()[query.SignIn]
	}
	if opt.Now == nil {
		opt.Now = now
	}
	return graphtest.Start(t, opt)
}

// quick makes calls without waiting.
func quick() *call.Caller {
	return call.New(call.Options{Unlimited: true, Failures: 100, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
}

// open returns a source that asks the double, changed by change.
func open(t testing.TB, d *graphtest.Server, change func(*entra.Options)) *entra.Source {
	t.Helper()
	opt := entra.Options{
		Name: "entra", TenantID: d.Tenant(), ClientID: d.ClientID(), Endpoint: d.URL(), TokenURL: d.TokenURL(),
		Secret: secretOf(d), Caller: quick(), Now: now,
	}
	if change != nil {
		change(&opt)
	}
	s, err := entra.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t testing.TB, s *entra.Source) {
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func secretOf(d *graphtest.Server) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return d.Secret(), nil }
}

// signIns asks for the sign-ins of the records' window that hold where.
func signIns(where query.Expr) query.Query {
	return query.Query{
		Dataset: query.SignIn, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}, Where: where,
		Select: []query.Field{query.EventTime, query.EventID, "user_principal_name"}, Limit: 10_000,
	}
}

func equals(f query.Field, text string) query.Expr {
	return query.Compare{Field: f, Op: query.Equal, Value: query.TextOf(text)}
}

func ask(t testing.TB, s source.Source, q query.Query) evidence.Answer {
	t.Helper()
	a, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnswersAreThoseOfTheEmbeddedStore(t *testing.T) {
	t.Run("all at once", func(t *testing.T) {
		sourcetest.Run(t, open(t, double(t, graphtest.Options{Unlimited: true}), nil), query.SignIn)
	})
	t.Run("by small pages", func(t *testing.T) {
		sourcetest.Run(t, open(t, double(t, graphtest.Options{Unlimited: true, PageSize: 7}), nil), query.SignIn)
	})
	t.Run("beta", func(t *testing.T) {
		s := open(t, double(t, graphtest.Options{Unlimited: true}), func(o *entra.Options) { o.NonInteractive = true })
		sourcetest.Run(t, s, query.SignIn)
	})
}

// The suite answers most questions from what was fetched before; here each is fetched for itself.
func TestEveryQuestionAloneIsAnsweredAlike(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true, PageSize: 50})
	truth := sourcetest.Reference(t, sourcetest.Records())
	for i := range 25 {
		q := sourcetest.Questions(query.SignIn).Example(i)
		s := open(t, d, nil)
		if diff := sourcetest.Differ(ask(t, s, q), ask(t, truth, q)); diff != "" {
			t.Errorf("%s\n%s", q, diff)
		}
		shut(t, s)
	}
}

func TestGraphIsAskedForNoMoreThanItCanFilter(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true})
	s := open(t, d, nil)
	a := ask(t, s, signIns(query.And{Terms: []query.Expr{
		equals("user_principal_name", "u1@example.co.jp"), query.Contains{Field: "device_name", Value: query.TextOf("x")},
	}}))
	got := d.Requests()[len(d.Requests())-1].Query
	want := "createdDateTime ge 2025-09-08T00:00:00Z and createdDateTime le 2025-09-10T00:00:00Z and userPrincipalName eq 'u1@example.co.jp'"
	if got.Get("$filter") != want || got.Get("$top") != "1000" || got.Get("$orderby") != "createdDateTime desc" {
		t.Errorf("asked %v, want the filter %s", got, want)
	}
	for _, part := range []string{"GET " + d.URL() + "/v1.0/auditLogs/signIns?$filter=createdDateTime%20ge%202025-09-08T00%3A00%3A00Z%20and", "device_name contains \"x\""} {
		if !strings.Contains(a.Native, part) {
			t.Errorf("the native question lacks %q:\n%s", part, a.Native)
		}
	}
	if strings.Contains(a.Native, d.Secret()) {
		t.Error("the native question holds the secret")
	}
}

func TestWhatWasFetchedIsNotFetchedAgain(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true})
	s := open(t, d, nil)
	one := signIns(equals("user_principal_name", "u1@example.co.jp"))
	first := ask(t, s, one)
	if n := d.Asked("signIns"); n != 1 || first.Calls != 2 || first.Pages != 1 || len(first.Rows) == 0 {
		t.Fatalf("%d requests, %d calls, %d pages, %d rows; want 1, 2 (one for the token), 1 and some", n, first.Calls, first.Pages, len(first.Rows))
	}
	again := ask(t, s, one)
	if n := d.Asked("signIns"); n != 1 || again.Calls != 0 {
		t.Errorf("asked again: %d requests, %d calls", n, again.Calls)
	}
	if diff := sourcetest.Differ(again, first); diff != "" {
		t.Error(diff)
	}
	wider := one
	wider.Window.From = wider.Window.From.Add(-time.Hour)
	ask(t, s, wider)
	last := d.Requests()[len(d.Requests())-1]
	if n := d.Asked("signIns"); n != 2 || !strings.HasPrefix(last.Query.Get("$filter"), "createdDateTime ge 2025-09-07T23:00:00Z and createdDateTime le 2025-09-08T00:00:00Z and") {
		t.Errorf("the wider window asked %d times, last %s; want only the hour before", n, last.Query.Get("$filter"))
	}
	// All sign-ins of the window hold those of every filter.
	ask(t, s, signIns(nil))
	n := d.Asked("signIns")
	if ask(t, s, signIns(equals("user_principal_name", "u2@example.co.jp"))); d.Asked("signIns") != n {
		t.Error("another user was fetched although the whole window was")
	}
}

// Sign-ins that are still on their way are not taken for absent for good.
func TestTheLastMinutesAreFetchedAgain(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true})
	clock := sourcetest.Ended.Add(5 * time.Minute)
	s := open(t, d, func(o *entra.Options) { o.Now = func() time.Time { return clock } })
	ask(t, s, signIns(nil))
	ask(t, s, signIns(nil))
	last := d.Requests()[len(d.Requests())-1].Query.Get("$filter")
	if want := "createdDateTime ge 2025-09-09T23:50:00Z and createdDateTime le 2025-09-10T00:00:00Z"; d.Asked("signIns") != 2 || last != want {
		t.Errorf("asked %d times, last %s; want the last ten minutes: %s", d.Asked("signIns"), last, want)
	}
}

func TestAPageBudgetCutsTheAnswer(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true, PageSize: 10})
	s := open(t, d, func(o *entra.Options) { o.MaxPages = 3 })
	a := ask(t, s, signIns(nil))
	if a.Outcome != evidence.Truncated || len(a.Rows) != 30 || a.Pages != 3 || !strings.Contains(a.Reason, "limit of 3 pages") {
		t.Errorf("%s with %d rows of %d pages (%s); want Truncated with 30 of 3", a.Outcome, len(a.Rows), a.Pages, a.Reason)
	}
	// The newest came first.
	if got := a.Rows[0][0].Time(); got.Before(sourcetest.Began.Add(24 * time.Hour)) {
		t.Errorf("the first row is of %s: the oldest were fetched", got)
	}
	// Nothing found in a part is no absence.
	if a := ask(t, s, signIns(equals("device_name", "no such device"))); a.Outcome != evidence.Truncated {
		t.Errorf("nothing found in a part of the sign-ins is told as %s", a.Outcome)
	}
}

// Graph is asked in whole seconds; the answer ends where the question does.
func TestAWindowEndsWithinASecond(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true, SignIns: [][]byte{
		[]byte(`{"id":"in","createdDateTime":"2025-09-08T01:00:00.7000000Z","userPrincipalName":"u@example.co.jp","appDisplayName":"x","status":{"errorCode":0}}`),
		[]byte(`{"id":"out","createdDateTime":"2025-09-08T01:00:00.9000000Z","userPrincipalName":"u@example.co.jp","appDisplayName":"x","status":{"errorCode":0}}`),
	}})
	q := signIns(nil)
	q.Window.To = sourcetest.Began.Add(time.Hour + 900*time.Millisecond)
	if a := ask(t, open(t, d, nil), q); len(a.Rows) != 1 || a.Rows[0][1].Text() != "in" {
		t.Errorf("%s with %v", a.Outcome, a.Rows)
	}
}

func TestOtherDatasetsAreNotHeld(t *testing.T) {
	d := double(t, graphtest.Options{})
	s := open(t, d, nil)
	q := query.Query{Dataset: query.CloudTrail, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}, Select: []query.Field{query.EventID}, Limit: 1}
	if a := ask(t, s, q); a.Outcome != evidence.NotCollected || len(d.Requests()) != 0 {
		t.Errorf("%s after %d requests", a.Outcome, len(d.Requests()))
	}
	q.Dataset, q.Limit = query.SignIn, 0
	if _, err := s.Ask(t.Context(), q); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("a question without a limit: %v", err)
	}
}
