package cloudtrail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/sourcetest"
)

// troubles are all ways to misbehave, with the sentinel of the error that they end in; nil where
// the answer comes all the same.
var troubles = []struct {
	do    awstest.Trouble
	code  string
	is    error
	again bool // it is worth another try
}{
	{awstest.Throttle, "", source.ErrThrottled, true},
	{awstest.Unavailable, "", source.ErrUnavailable, true},
	{awstest.Broken, "", source.ErrUnavailable, true},
	{awstest.Refuse, "ValidationException", source.ErrInvalid, false},
	{awstest.Refuse, "InvalidLookupAttributesException", source.ErrInvalid, false},
	{awstest.Refuse, "InvalidTimeRangeException", source.ErrInvalid, false},
	{awstest.Refuse, "InvalidMaxResultsException", source.ErrInvalid, false},
	{awstest.Refuse, "InvalidNextTokenException", source.ErrInvalid, false},
	{awstest.Refuse, "InvalidEventCategoryException", source.ErrInvalid, false},
	{awstest.Refuse, "OperationNotPermittedException", source.ErrInvalid, false},
	{awstest.Refuse, "UnsupportedOperationException", source.ErrInvalid, false},
	{awstest.Deny, "", source.ErrDenied, false},
	{awstest.ExpireToken, "", source.ErrDenied, false},
	{awstest.Timeout, "", source.ErrUnavailable, true},
	{awstest.Cut, "", source.ErrUnavailable, true},
	{awstest.Truncate, "", source.ErrUnavailable, true},
	{awstest.WrongType, "", source.ErrUnavailable, true},
	{awstest.Flood, "", source.ErrUnavailable, true},
	{awstest.SameToken, "", source.ErrUnavailable, true},
	{awstest.EndlessToken, "", nil, false},
	{awstest.Slow, "", nil, false},
	{awstest.NoBody, "", source.ErrUnavailable, true},
}

// patience is how long a call may take: long, but where nothing answers, and its end is awaited.
func patience(do awstest.Trouble) time.Duration {
	if do == awstest.Timeout {
		return 150 * time.Millisecond
	}
	return 5 * time.Minute
}

// Whatever the service does, no fact is wrong: the rows are right, or the outcome says otherwise;
// no more calls are made than the budget has, and every call ends.
func TestFaultsOfLookups(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, tt := range troubles {
		for _, calls := range []string{"", "2-"} {
			if tt.do == awstest.Flood && calls != "" {
				continue // the same again, and slow
			}
			t.Run(fmt.Sprint(tt.do, tt.code, calls), func(t *testing.T) {
				r := newRig(t, noon, func(r *rig) { r.opt.Pages, r.aws.Timeout = 8, patience(tt.do) })
				r.server.Tolerate() // an endless token is none of the service's
				var records [][]byte
				for i := range 120 { // three pages
					records = append(records, record(i, noon.Add(-2*time.Hour-time.Duration(i)*time.Minute), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
				}
				r.history.Add(records...)
				if tt.do == awstest.Flood { // 32 MiB need no network, and once will do
					r.aws.Caller = call.New(call.Options{Unlimited: true, Attempts: 1})
					r.again(t)
				} else {
					r.onNetwork(t)
				}
				end := r.server.Script(awstest.Fault{Operation: "LookupEvents", Calls: calls, Do: tt.do, Code: tt.code, By: 20 * time.Millisecond})
				p := sourcetest.NewMeter(12, -1)
				ctx := source.WithMeter(inAccount(t.Context(), account), p)
				q := parsed(t, fmt.Sprintf("cloudtrail from %s to %s where %s select event_time, event_id limit 500", query.Stamp(noon.Add(-24*time.Hour)), query.Stamp(noon.Add(-time.Hour)), where))
				truth, err := stored(t, records).Ask(ctx, q)
				if err != nil || len(truth.Rows) != 120 {
					t.Fatalf("%d rows, %v", len(truth.Rows), err)
				}
				a, err := r.Ask(ctx, q)
				sourcetest.Held(t, "disturbed", a, err, truth)
				switch {
				case tt.is != nil && !errors.Is(err, tt.is):
					t.Errorf("error %v; want %v", err, tt.is)
				case err != nil && strings.Contains(err.Error(), "invented"):
					t.Errorf("the error tells a secret: %v", err)
				}
				if n := r.lookups(); n > 12 || !tt.again && tt.is != nil && n > 3 {
					t.Errorf("%d calls of LookupEvents", n)
				}
				if got := len(r.server.Calls()); got > len(p.Made()) { // one that is cut off may not arrive
					t.Errorf("%d calls reached the service, %d were metered", got, len(p.Made()))
				}
				for _, c := range p.Made() {
					if c.Bytes > 32<<20+1 { // one more, to tell that there is more
						t.Errorf("%d bytes were read of one response", c.Bytes)
					}
				}
				// When it is over, the same source is as good as new; what it kept is right. Its
				// breaker, the service's tokens and the clock of a budget may ask for patience.
				end()
				r.set(noon.Add(2 * time.Hour))
				r.aws.Caller, r.aws.Timeout = unlimited(), time.Minute
				r.again(t)
				sourcetest.Held(t, "afterwards", r.ask(inAccount(t.Context(), account), t, q), nil, truth)
			})
		}
	}
}

// The same for what the coverage rests on: it is never better than what was seen.
func TestFaultsOfCoverage(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, op := range []string{"sts:AssumeRole", "cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors", "cloudtrail:ListEventDataStores", "cloudtrail:LookupEvents"} {
		for _, tt := range troubles {
			if tt.do == awstest.Refuse && (tt.code != "ValidationException") || tt.do == awstest.Slow || tt.do == awstest.EndlessToken || tt.do == awstest.Flood {
				continue
			}
			service, operation, _ := strings.Cut(op, ":")
			if tt.do == awstest.SameToken && operation != "ListEventDataStores" && operation != "LookupEvents" {
				continue // they have no pages
			}
			t.Run(op+" "+tt.do.String(), func(t *testing.T) {
				r := newRig(t, noon, func(r *rig) { r.aws.Timeout = patience(tt.do) })
				r.server.Tolerate()
				r.history.AddTrail(dataTrail("data-trail", noon.Add(-200*24*time.Hour)))
				r.onNetwork(t)
				r.server.Script(awstest.Fault{Service: service, Operation: operation, Do: tt.do, Code: tt.code})
				p := sourcetest.NewMeter(40, -1)
				ctx := source.WithMeter(t.Context(), p)
				w := query.Window{From: noon.Add(-24 * time.Hour), To: noon.Add(-time.Hour)}
				cov, err := r.Trails(ctx, query.Scope{Kind: query.KindS3Data, Account: account, Region: tokyo, Window: w})
				if err != nil {
					t.Fatal(err)
				}
				if len(cov) != 1 || cov[0].State != evidence.Unknown || cov[0].Why != evidence.WhyNoResponse || cov[0].Detail == "" || cov[0].Window != w {
					t.Errorf("coverage %+v; want Unknown, for there was no response", cov)
				}
				if len(r.server.Calls()) > len(p.Made()) { // one that is cut off may not arrive
					t.Errorf("%d calls reached the service, %d were metered", len(r.server.Calls()), len(p.Made()))
				}
				if op == "sts:AssumeRole" {
					cov, err := r.Covers(ctx, query.Scope{Kind: query.KindManagement, Account: account, Window: w})
					if err != nil || len(cov) != 1 || cov[0].State != evidence.Unknown || cov[0].Why != evidence.WhyNoResponse {
						t.Errorf("management events: %+v, %v", cov, err)
					}
				}
			})
		}
	}
}

// A meter that is empty ends the question, not the program; nothing is claimed.
func TestMeterIsKept(t *testing.T) {
	r := newRig(t, noon, nil)
	var records [][]byte
	for i := range 120 {
		records = append(records, record(i, noon.Add(-2*time.Hour-time.Duration(i)*time.Minute), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	}
	r.history.Add(records...)
	q := counted(t, noon.Add(-24*time.Hour), noon.Add(-time.Hour), where)
	for left, want := range map[int]evidence.Outcome{2: evidence.Truncated, 3: evidence.Truncated, 0: evidence.Throttled} {
		r := newRig(t, noon, nil)
		r.history.Add(records...)
		p := sourcetest.NewMeter(left, -1)
		a, err := r.Ask(source.WithMeter(inAccount(t.Context(), account), p), q)
		if left == 0 && errors.Is(err, source.ErrBudget) { // not even credentials
			continue
		}
		if err != nil || a.Outcome != want || !strings.Contains(a.Reason, "no calls are left") {
			t.Errorf("%d calls: %s (%s), %v; want %s", left, a.Outcome, a.Reason, err, want)
		}
		if n := len(r.server.Calls()); n > left {
			t.Errorf("%d calls of %d", n, left)
		}
	}
	ctx, cancel := context.WithCancel(inAccount(t.Context(), account))
	cancel()
	if _, err := r.Ask(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A clock that is an hour off is corrected by the service's own answer.
func TestWrongClockIsCorrected(t *testing.T) {
	r := newRig(t, noon, nil)
	r.history.Add(record(1, noon.Add(-2*time.Hour), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	r.server.Script(awstest.Fault{Do: awstest.Skew, By: time.Hour})
	if a := r.ask(inAccount(t.Context(), account), t, counted(t, noon.Add(-24*time.Hour), noon.Add(-time.Hour), where)); a.Outcome != evidence.Found {
		t.Errorf("%s (%s)", a.Outcome, a.Reason)
	}
}
