package splunk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

var window = query.Window{From: sourcetest.Began, To: sourcetest.Ended}

func trailPlaces() []splunk.Place {
	return []splunk.Place{{Dataset: query.CloudTrail, Index: "aws", Sourcetype: splunk.AWSCloudTrail}}
}

func trailEvents() []splunktest.Event {
	return splunktest.Events("aws", splunk.AWSCloudTrail, sourcetest.Records()[query.CloudTrail])
}

// Questions whose answers are formed in the two ways there are, and one that finds nothing.
func faultQuestions() map[string]query.Query {
	return map[string]query.Query{
		"events": {
			Dataset: query.CloudTrail, Window: window, Limit: 500, Select: []query.Field{query.EventTime, query.EventID, "api"},
			Where: query.Compare{Field: "access_key", Op: query.Equal, Value: query.TextOf("ASIAEXAMPLE00000001")},
		},
		"groups": {
			Dataset: query.CloudTrail, Window: window, Limit: 500, GroupBy: []query.Key{{Field: "api"}},
			Compute: []query.Aggregate{{Func: query.Count, As: "n"}},
		},
		"nothing": {
			Dataset: query.CloudTrail, Window: window, Limit: 500, Select: []query.Field{query.EventTime, query.EventID},
			Where: query.Compare{Field: "access_key", Op: query.Equal, Value: query.TextOf("ASIANOBODY0000000001")},
		},
	}
}

var faults = map[string]splunktest.Kind{
	"throttled": splunktest.Throttle, "busy": splunktest.Busy, "quota as a warning": splunktest.Quota, "role quota": splunktest.Role503,
	"down": splunktest.Down, "invalid": splunktest.Invalid, "expired": splunktest.Expired, "forbidden": splunktest.Forbidden, "gone": splunktest.Gone,
	"hang": splunktest.Hang, "slow": splunktest.Slow, "cut before": splunktest.CutHeaders, "cut body": splunktest.CutBody, "half of the JSON": splunktest.HalfJSON,
	"login page": splunktest.HTML, "empty body": splunktest.EmptyBody, "no content": splunktest.NoContent, "preview": splunktest.Preview,
	"warning": splunktest.Warning, "warning without rows": splunktest.WarningNoRow, "broken search": splunktest.Broken, "auto-finalized": splunktest.Informed,
	"columns twice": splunktest.Twice, "objects": splunktest.Objects, "giant": splunktest.Giant, "no rows": splunktest.NoRows, "more rows": splunktest.More,
	"failed job": splunktest.Failed, "redirect": splunktest.Redirect, "stream without end": splunktest.Unended,
}

// Whatever goes wrong, at whatever call, once or for good: no wrong row is told as a whole answer,
// absence is told only by an answer that came, the budget holds, and nothing hangs.
func TestFaultMatrix(t *testing.T) {
	healthy, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	truth := map[string]evidence.Answer{}
	for name, q := range faultQuestions() {
		a, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		truth[name] = a
	}
	if truth["nothing"].Outcome != evidence.Empty || truth["events"].Outcome != evidence.Found || len(healthy.Searches()) == 0 {
		t.Fatalf("the healthy server answers %s and %s", truth["nothing"].Outcome, truth["events"].Outcome)
	}
	scope := query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: window}
	want, err := s.Covers(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	const budget = 40
	wrong := 0
	for _, way := range []splunk.Way{splunk.ByJob, splunk.ByExport} {
		server := splunktest.Options{Events: trailEvents(), Polls: 1}
		dp, sp := splunkd(t, server, trailPlaces(), func(o *splunk.Options) { o.Way, o.MaxBytes = way, 2<<20 })
		// Only where nothing answers is the end of patience awaited.
		di, si := splunkd(t, server, trailPlaces(), func(o *splunk.Options) {
			o.Way, o.Timeout, o.MaxTime, o.MaxBytes = way, 2*time.Second, 20*time.Second, 2<<20
		})
		for name, kind := range faults {
			d, s := dp, sp
			if kind == splunktest.Hang {
				d, s = di, si
			}
			for _, times := range []int{0, 1} {
				calls := []splunktest.Call{splunktest.Create, splunktest.Poll, splunktest.Results, splunktest.Cancel}
				if way == splunk.ByExport {
					calls = []splunktest.Call{splunktest.Export}
				}
				if kind == splunktest.Hang && times == 0 {
					continue // see TestCancelled; a hang is a timeout, tried again
				}
				if kind == splunktest.Hang || kind == splunktest.Slow {
					calls = calls[:1]
				}
				for _, on := range calls {
					if on == splunktest.Cancel && (times == 1 || !slices.Contains([]splunktest.Kind{splunktest.Down, splunktest.Gone, splunktest.CutBody, splunktest.Throttle}, kind)) {
						continue // what comes of taking a job away changes no answer
					}
					script := []splunktest.Fault{{On: on, Kind: kind, Times: times}}
					for question, q := range faultQuestions() {
						if (kind == splunktest.Hang || times == 1) && question != "events" {
							continue
						}
						id := fmt.Sprintf("%s at %s, %d times, %s by %d", name, on, times, question, way)
						d.Script(script...)
						d.Forget()
						m := sourcetest.NewMeter(budget, -1)
						a, err := s.Ask(source.WithMeter(t.Context(), m), q)
						if n := len(d.Requests()); n > budget || n != len(m.Made()) || n != a.Calls {
							t.Errorf("%s: %d calls arrived, %d metered, %d told; the budget is %d", id, n, len(m.Made()), a.Calls, budget)
						}
						sourcetest.Held(t, id, a, err, truth[question])
						if err != nil && strings.Contains(err.Error(), "test-token") {
							t.Errorf("%s: the error tells the token", id)
						}
						if err != nil || a.Outcome != truth[question].Outcome {
							wrong++
						}
					}
					if times == 1 {
						continue
					}
					d.Script(script...)
					got, err := s.Covers(source.WithMeter(t.Context(), sourcetest.NewMeter(budget, -1)), scope)
					if err != nil {
						t.Errorf("%s at %s: coverage: %v", name, on, err)
					}
					checkCoverage(t, name+" at "+string(on), got, want)
				}
			}
		}
		if n := dp.Jobs() + di.Jobs(); way == splunk.ByJob && n > 400 {
			t.Errorf("%d jobs were left on the server", n)
		}
	}
	if wrong < 80 {
		t.Errorf("only %d answers were spoilt; the faults do not strike", wrong)
	}
}

// checkCoverage: what a spoilt server says is the truth or nothing.
func checkCoverage(t *testing.T, id string, got, want []evidence.Coverage) {
	t.Helper()
	if len(got) == 1 && got[0].State == evidence.Unknown && got[0].Why == evidence.WhyNoResponse && got[0].Window == window {
		return
	}
	same := slices.EqualFunc(got, want, func(a, b evidence.Coverage) bool {
		return a.State == b.State && a.Why == b.Why && a.Window == b.Window
	})
	if !same {
		t.Errorf("%s: coverage\n%+v\nwant\n%+v\nor unknown", id, got, want)
	}
}

func TestRefusalsAreTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  splunktest.Fault
		want   error
		covers evidence.Reason
	}{
		{"busy is throttled, not empty", splunktest.Fault{Kind: splunktest.Busy}, source.ErrThrottled, evidence.WhyNoResponse},
		{"a quota told as a warning is throttled, not empty", splunktest.Fault{Kind: splunktest.Quota}, source.ErrThrottled, evidence.WhyNoResponse},
		{"forbidden", splunktest.Fault{Kind: splunktest.Forbidden}, source.ErrDenied, evidence.WhyNoResponse},
		{"expired", splunktest.Fault{Kind: splunktest.Expired}, source.ErrDenied, evidence.WhyNoResponse},
		{"invalid", splunktest.Fault{Kind: splunktest.Invalid}, source.ErrInvalid, evidence.WhyNoResponse},
		{"down", splunktest.Fault{Kind: splunktest.Down}, source.ErrUnavailable, evidence.WhyNoResponse},
		{"failed", splunktest.Fault{On: splunktest.Poll, Kind: splunktest.Failed}, source.ErrUnavailable, evidence.WhyNoResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
			d.Script(c.fault)
			a, err := s.Ask(t.Context(), faultQuestions()["nothing"])
			if !errors.Is(err, c.want) {
				t.Errorf("answer %s, error %v; want %v", a.Outcome, err, c.want)
			}
			if errors.Is(c.want, source.ErrInvalid) {
				if n := len(d.Requests()); n != 1 {
					t.Errorf("an invalid search was sent %d times", n)
				}
			}
			cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Window: window})
			if err != nil || len(cov) != 1 || cov[0].State != evidence.Unknown || cov[0].Why != c.covers {
				t.Errorf("coverage %+v, %v; want unknown, %s", cov, err, c.covers)
			}
		})
	}
}

// A warning makes an answer incomplete, unless an operator knows it to be harmless.
func TestWarnings(t *testing.T) {
	for _, accept := range []bool{false, true} {
		d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), func(o *splunk.Options) {
			if accept {
				o.Accept = []string{"Search results might be incomplete"}
			}
		})
		if _, err := s.Ask(t.Context(), faultQuestions()["events"]); err != nil { // the probe is past
			t.Fatal(err)
		}
		for question, want := range map[string][2]evidence.Outcome{
			"events": {evidence.Truncated, evidence.Found}, "groups": {evidence.Truncated, evidence.Found}, "nothing": {evidence.Failed, evidence.Empty},
		} {
			d.Script(splunktest.Fault{On: splunktest.Poll, Kind: splunktest.Warning})
			a, err := s.Ask(t.Context(), faultQuestions()[question])
			i := 0
			if accept {
				i = 1
			}
			if err != nil || a.Outcome != want[i] {
				t.Errorf("accepted %t, %s: %s (%s), %v; want %s", accept, question, a.Outcome, a.Reason, err, want[i])
			}
			if !accept && !strings.Contains(a.Reason, "peer idx2") {
				t.Errorf("%s: reason %q does not say what the server said", question, a.Reason)
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	if _, err := s.Ask(t.Context(), faultQuestions()["events"]); err != nil {
		t.Fatal(err)
	}
	for _, on := range []splunktest.Call{splunktest.Create, splunktest.Poll, splunktest.Results} {
		d.Forget()
		d.Script(splunktest.Fault{On: on, Kind: splunktest.Hang})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for !slices.ContainsFunc(d.Requests(), func(r splunktest.Request) bool { return r.Call == on }) && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		began := time.Now()
		_, err := s.Ask(ctx, faultQuestions()["events"])
		cancel()
		if took := time.Since(began); !errors.Is(err, context.Canceled) || took > 50*time.Second { // of a minute that one request may take
			t.Errorf("%s: %v after %s", on, err, took)
		}
	}
	if n := d.Jobs(); n > 1 { // one whose id never arrived
		t.Errorf("%d jobs were left behind", n)
	}
}

func TestBudget(t *testing.T) {
	d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	for left := range 5 {
		d.Forget()
		m := sourcetest.NewMeter(left, -1)
		a, err := s.Ask(source.WithMeter(t.Context(), m), faultQuestions()["events"])
		if n := len(d.Requests()); n > left {
			t.Errorf("%d calls with a budget of %d", n, left)
		}
		if left < 3 && !errors.Is(err, source.ErrBudget) {
			t.Errorf("budget %d: %s, %v", left, a.Outcome, err)
		}
	}
}
