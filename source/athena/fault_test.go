package athena

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/athenatest"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/sourcetest"
)

// quiet fails a test that leaves a goroutine behind.
func quiet(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
}

var operations = []string{"GetTableMetadata", "StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"}

// Each fault of each operation, for both things that a source does: never a wrong answer, never a
// call over the budget, and the error says what it is.
func TestFaults(t *testing.T) {
	quiet(t)
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: records()})
	q := all("", "user_agent", query.RawSHA256) // computed here, over fetched records
	q.Select = q.Select[:3]
	want := ask(t, truth, q)
	recs, scope := records(), query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: q.Window}
	for trouble := awstest.Throttle; trouble <= awstest.EndlessToken; trouble++ {
		for _, op := range operations[:4] {
			for _, calls := range []string{"", "1", "2-"} {
				if trouble == awstest.Flood && calls != "1" || trouble == awstest.Timeout && calls == "2-" {
					continue // the same again, and slow
				}
				name := fmt.Sprintf("%s %s %s", trouble, op, calls)
				synctest.Test(t, func(t *testing.T) { // where only what is waited for takes time
					d := against(t, recs, athenatest.Options{})
					by := time.Millisecond
					if trouble == awstest.Skew {
						by = time.Hour
					}
					d.aws.Tolerate()
					end := d.aws.Script(awstest.Fault{Service: "athena", Operation: op, Calls: calls, Do: trouble, By: by})
					m := sourcetest.NewMeter(12, -1)
					ctx, cancel := context.WithTimeout(source.WithMeter(t.Context(), m), 300*time.Millisecond)
					if trouble != awstest.Timeout {
						cancel()
						ctx, cancel = context.WithTimeout(source.WithMeter(t.Context(), m), 20*time.Second)
					}
					began := time.Now()
					a, err := d.Ask(ctx, q)
					sourcetest.Held(t, name, a, err, want)
					if calls == "" && (trouble == awstest.Deny || trouble == awstest.ExpireToken) && a.Outcome != evidence.Denied {
						t.Errorf("%s: outcome %s (%v), want Denied", name, a.Outcome, err)
					}
					if calls == "" && trouble == awstest.Throttle && a.Outcome != evidence.Throttled {
						t.Errorf("%s: outcome %s (%v), want Throttled", name, a.Outcome, err)
					}
					if calls == "1" && (trouble == awstest.Throttle || trouble == awstest.Unavailable || trouble == awstest.Broken || trouble == awstest.Cut) && a.Outcome != evidence.Found {
						t.Errorf("%s: outcome %s (%v), want another try to mend it", name, a.Outcome, err)
					}
					if n := len(d.aws.Calls()); n > 12 {
						t.Errorf("%s: %d calls with a budget of 12", name, n)
					}
					m2 := sourcetest.NewMeter(12, -1)
					cov, err := d.Covers(source.WithMeter(ctx, m2), scope)
					if err == nil {
						partition(t, name, cov, scope)
						for _, c := range cov {
							if c.State == evidence.NotCollectedState {
								t.Errorf("%s: %+v, which nobody can know", name, c)
							}
						}
					} else if ctx.Err() == nil {
						t.Errorf("%s: coverage: %v", name, err)
					}
					if took := time.Since(began); took > 8*time.Second {
						t.Errorf("%s took %v", name, took)
					}
					cancel()
					end()
				})
			}
		}
	}
}

// A call that is never answered ends by itself, whoever waits for it.
func TestSilenceEnds(t *testing.T) {
	quiet(t)
	for _, op := range operations[:4] {
		synctest.Test(t, func(t *testing.T) {
			d := connected(t, records(), athenatest.Options{}, func(o *awsconn.Options) { o.Timeout = 50 * time.Millisecond })
			d.aws.Tolerate()
			d.aws.Script(awstest.Fault{Service: "athena", Operation: op, Do: awstest.Timeout})
			began := time.Now()
			a, err := d.Ask(t.Context(), all(""))
			if err == nil && a.Outcome != evidence.Failed || err != nil && !errors.Is(err, source.ErrUnavailable) {
				t.Errorf("%s: %s (%s), %v", op, a.Outcome, a.Reason, err)
			}
			if took := time.Since(began); took < 50*time.Millisecond || took > time.Second {
				t.Errorf("%s: it took %s", op, took)
			}
		})
	}
}

// partition checks that intervals are the window, whole and in order.
func partition(t *testing.T, what string, cov []evidence.Coverage, scope query.Scope) {
	t.Helper()
	at := scope.Window.From
	for _, c := range cov {
		if !c.Window.From.Equal(at) || !c.Window.From.Before(c.Window.To) {
			t.Errorf("%s: an interval begins at %v, the one before ended at %v", what, c.Window.From, at)
		}
		at = c.Window.To
	}
	if !at.Equal(scope.Window.To) {
		t.Errorf("%s: the intervals end at %v, the window at %v", what, at, scope.Window.To)
	}
}

func TestOddities(t *testing.T) {
	quiet(t)
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: records()})
	direct, fetched := all("", "user_agent"), all("", query.RawSHA256)
	for odd, want := range map[athenatest.Oddity]evidence.Outcome{
		athenatest.Normal: evidence.Found, athenatest.Stuck: evidence.Throttled, athenatest.FailOnce: evidence.Found, athenatest.FailAlways: evidence.Failed,
		athenatest.FailDenied: evidence.Denied, athenatest.FailUser: evidence.Failed, athenatest.Cancelled: evidence.Failed,
		athenatest.ShortRow: 0, athenatest.LongRow: 0, athenatest.SameColumn: 0, athenatest.NoHeader: 0, athenatest.WordForNumber: 0, athenatest.MoreRows: 0,
	} {
		for _, q := range []query.Query{direct, fetched} {
			truthful := ask(t, truth, q)
			synctest.Test(t, func(t *testing.T) {
				d := against(t, records(), athenatest.Options{}, func(o *Options) { o.Timeout = time.Minute })
				d.athena.Do(odd)
				var unread []source.Odd
				a, err := d.Ask(source.WithOdds(t.Context(), func(o source.Odd) { unread = append(unread, o) }), q)
				if told := len(unread) > 0; told != (odd == athenatest.WordForNumber || odd == athenatest.MoreRows && q.Select[2] == query.RawSHA256) {
					t.Errorf("oddity %d: rows that cannot be read: %+v", odd, unread)
				}
				if q.Select[2] == query.RawSHA256 {
					truthful = a // the hash of a rebuilt record is its own
				}
				if odd == athenatest.WordForNumber && q.Select[2] == query.RawSHA256 && err == nil {
					t.Errorf("words for everything: %s with %d rows", a.Outcome, len(a.Rows))
				}
				sourcetest.Held(t, fmt.Sprint("oddity ", odd), a, err, truthful)
				if want == 0 && !errors.Is(err, source.ErrUnavailable) || want != 0 && a.Outcome != want {
					t.Errorf("oddity %d: outcome %s, reason %q, error %v; want %s", odd, a.Outcome, a.Reason, err, want)
				}
				if n := d.athena.Running(); n > 0 {
					t.Errorf("oddity %d: %d queries were left running", odd, n)
				}
			})
		}
	}
}

// A gigantic answer is not read to its end.
func TestGiantRow(t *testing.T) {
	quiet(t)
	d := against(t, records(), athenatest.Options{})
	d.athena.Do(athenatest.GiantRow)
	d.aws.URL() // over the network: the double itself holds the answer whole
	_, err := d.Ask(t.Context(), all("", "user_agent"))
	if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v, want it refused as too large", err)
	}
	if n := len(d.aws.Calls("athena:GetQueryResults")); n != 1 {
		t.Errorf("%d calls for what another call does not mend", n)
	}
}

// A retry after a lost answer does not start a second query.
func TestTokenHoldsRetriesTogether(t *testing.T) {
	d := against(t, records(), athenatest.Options{})
	d.aws.Script(awstest.Fault{Operation: "StartQueryExecution", Calls: "1-2", Do: awstest.Truncate})
	a := ask(t, d, all("", "user_agent"))
	if n := len(d.athena.Queries()); n != 1 || a.Outcome != evidence.Found {
		t.Errorf("%d queries were started, want 1; outcome %s", n, a.Outcome)
	}
	if n := len(d.aws.Calls("athena:StartQueryExecution")); n != 3 || a.Calls < 6 {
		t.Errorf("%d calls to start, %d in all, want 3 and those that follow", n, a.Calls)
	}
	// The same question within the quarter hour is the same query; another is another.
	ask(t, d, all("", "user_agent"))
	ask(t, d, all("", "event_name"))
	if n := len(d.athena.Queries()); n != 2 {
		t.Errorf("%d queries were started, want 2", n)
	}
	now := d.opt.Now()
	d.opt.Now = func() time.Time { return now.Add(time.Hour) }
	ask(t, d, all("", "event_name"))
	if n := len(d.athena.Queries()); n != 3 {
		t.Errorf("%d queries were started, want what is old to be asked anew", n)
	}
}

// Whoever stops waiting stops the query.
func TestCancelStopsTheQuery(t *testing.T) {
	quiet(t)
	d := against(t, records(), athenatest.Options{})
	d.athena.Do(athenatest.Stuck)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the shift is over")
	go func() {
		for d.athena.Running() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	a, err := d.Ask(ctx, all("", "user_agent"))
	if !errors.Is(err, why) {
		t.Errorf("%s, %v; want the cause", a.Outcome, err)
	}
	if d.athena.Running() != 0 || len(d.aws.Calls("athena:StopQueryExecution")) != 1 {
		t.Errorf("%d queries are running after %d calls to stop", d.athena.Running(), len(d.aws.Calls("athena:StopQueryExecution")))
	}
}

func TestLimits(t *testing.T) {
	t.Run("workgroup", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{})
		d.athena.Cutoff = 1000
		a := ask(t, d, all("", "user_agent"))
		if a.Outcome != evidence.Throttled || !strings.Contains(a.Reason, "Bytes scanned limit") {
			t.Errorf("%s %q", a.Outcome, a.Reason)
		}
	})
	t.Run("own", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{}, func(o *Options) { o.MaxBytes = 1000 })
		d.athena.Looks = 4
		a := ask(t, d, all("", "user_agent"))
		if a.Outcome != evidence.Throttled || !strings.Contains(a.Reason, "limit of 1000") || d.athena.Running() != 0 {
			t.Errorf("%s %q, %d running", a.Outcome, a.Reason, d.athena.Running())
		}
	})
	t.Run("budget of bytes", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{})
		d.athena.Looks = 4
		m := sourcetest.NewMeter(-1, 1000)
		a, err := d.Ask(source.WithMeter(t.Context(), m), all("", "user_agent"))
		if err != nil || a.Outcome != evidence.Throttled || len(a.Rows) > 0 {
			t.Errorf("%s %q %v", a.Outcome, a.Reason, err)
		}
	})
	t.Run("metered", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{})
		d.athena.Looks = 6
		m := sourcetest.NewMeter(-1, -1)
		a, err := d.Ask(source.WithMeter(t.Context(), m), all("", "user_agent"))
		if err != nil || a.Bytes == 0 || a.Bytes != d.athena.Scanned() || scanned(m) != a.Bytes {
			t.Errorf("the answer says %d bytes, the meter %d, Athena %d (%v)", a.Bytes, scanned(m), d.athena.Scanned(), err)
		}
		if len(m.Made()) != a.Calls || len(d.aws.Calls()) != a.Calls {
			t.Errorf("the answer says %d calls, the meter %d, Athena %d", a.Calls, len(m.Made()), len(d.aws.Calls()))
		}
	})
	t.Run("active queries", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := against(t, records(), athenatest.Options{})
			d.athena.Active = 1
			d.athena.Do(athenatest.Stuck)
			d.opt.Timeout = 200 * time.Millisecond
			done := make(chan evidence.Answer)
			go func() {
				a, _ := d.Ask(context.Background(), all("", "user_agent"))
				done <- a
			}()
			synctest.Wait()
			if n := d.athena.Running(); n != 1 {
				t.Fatalf("%d queries are running", n)
			}
			a := ask(t, d, all("", "event_name"))
			if first := <-done; a.Outcome != evidence.Throttled || first.Outcome != evidence.Throttled {
				t.Errorf("%s %q and %s, want both Throttled", a.Outcome, a.Reason, first.Outcome)
			}
		})
	})
	t.Run("length", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{})
		var vs []query.Value
		for i := range 20_000 {
			vs = append(vs, query.TextOf(fmt.Sprintf("AKIAEXAMPLE%09d", i)))
		}
		_, err := d.Ask(t.Context(), one(query.In{Field: "access_key", Values: vs}))
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "split") {
			t.Errorf("%v, want it refused with the mend", err)
		}
		a := ask(t, d, one(query.In{Field: "access_key", Values: vs[:5000]}))
		if a.Outcome != evidence.Empty {
			t.Errorf("what fits: %s %s", a.Outcome, a.Reason)
		}
	})
	t.Run("rows fetched", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{}, func(o *Options) { o.MaxRows = 50 })
		q := all("", query.RawSHA256)
		if a := ask(t, d, q); a.Outcome != evidence.Truncated || len(a.Rows) != 50 {
			t.Errorf("%s with %d rows, want Truncated with 50", a.Outcome, len(a.Rows))
		}
		q.Select, q.Compute = nil, []query.Aggregate{{Func: query.CountDistinct, Field: query.RawSHA256, As: "n"}}
		if a := ask(t, d, q); a.Outcome != evidence.Truncated || a.Rows[0][0].Int() != 50 || a.Reason == "" {
			t.Errorf("%s %q %v, want Truncated: at least 50", a.Outcome, a.Reason, a.Rows)
		}
	})
	t.Run("attempts", func(t *testing.T) {
		d := connected(t, records(), athenatest.Options{}, func(o *awsconn.Options) { o.Caller = call.New(call.Options{Attempts: 2, Backoff: time.Millisecond}) })
		d.aws.Script(awstest.Fault{Operation: "GetTableMetadata", Do: awstest.Broken})
		if _, err := d.Ask(t.Context(), all("")); !errors.Is(err, source.ErrUnavailable) || len(d.aws.Calls()) != 2 {
			t.Errorf("%v after %d calls, want unavailable after 2", err, len(d.aws.Calls()))
		}
	})
}

// Results of more rows than a page come whole and in order.
func TestPages(t *testing.T) {
	recs := months()
	for range 2 {
		d := against(t, recs, athenatest.Options{})
		q := all("")
		q.Window = query.Window{From: time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
		q.Limit = 10_000
		a := ask(t, d, q)
		if len(a.Rows) != len(recs) || a.Pages != 2 || !slices.IsSortedFunc(a.Rows, func(x, y evidence.Row) int { return x[0].Compare(y[0]) }) {
			t.Fatalf("%d rows in %d pages, want %d in 2, sorted", len(a.Rows), a.Pages, len(recs))
		}
		q.Limit = 1200
		if a = ask(t, d, q); a.Outcome != evidence.Truncated || len(a.Rows) != 1200 {
			t.Errorf("%s with %d rows, want Truncated with 1200", a.Outcome, len(a.Rows))
		}
	}
}
