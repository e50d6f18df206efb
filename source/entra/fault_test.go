package entra_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/entra"
	"uratori/source/graphtest"
	"uratori/source/sourcetest"
)

// Whatever Graph does, rows are right or the outcome says that they are not all, no more calls are
// made than the budget allows, and no secret stands in an error.
func TestFaults(t *testing.T) {
	const budget = 40
	type want struct {
		is       error // nil: an answer
		outcome  evidence.Outcome
		coverage evidence.State
		why      evidence.Reason
	}
	collected := func(o evidence.Outcome) want {
		return want{nil, o, evidence.Collected, evidence.WhyHistory}
	}
	unknown := func(is error) want { return want{is, 0, evidence.Unknown, evidence.WhyNoResponse} }
	whole := collected(evidence.Found)
	part := collected(evidence.Truncated)
	all := ask(t, sourcetest.Reference(t, sourcetest.Records()), signIns(nil))
	for _, c := range []struct {
		name  string
		fault graphtest.Fault
		want  want
	}{
		{"throttled once", graphtest.Fault{Path: "signIns", To: 1, Do: graphtest.Throttle}, whole},
		{"throttled for good", graphtest.Fault{Path: "signIns", Do: graphtest.Throttle, After: 3 * time.Second}, unknown(source.ErrThrottled)},
		{"throttled without Retry-After", graphtest.Fault{Path: "signIns", Do: graphtest.ThrottleBare}, unknown(source.ErrThrottled)},
		{"server error once", graphtest.Fault{Path: "signIns", To: 1, Do: graphtest.ServerError}, whole},
		{"server errors", graphtest.Fault{Path: "signIns", Do: graphtest.ServerError}, unknown(source.ErrUnavailable)},
		{"gateway timeouts", graphtest.Fault{Path: "signIns", Do: graphtest.GatewayTime}, unknown(source.ErrUnavailable)},
		{"refused as invalid", graphtest.Fault{Path: "signIns", Do: graphtest.BadRequest}, unknown(source.ErrInvalid)},
		{"token refused once", graphtest.Fault{Path: "signIns", To: 1, Do: graphtest.Unauthorized}, whole},
		{"token refused for good", graphtest.Fault{Path: "signIns", Do: graphtest.Unauthorized}, unknown(source.ErrDenied)},
		{"permission missing", graphtest.Fault{Path: "signIns", Do: graphtest.Forbidden}, unknown(source.ErrDenied)},
		{"no licence", graphtest.Fault{Path: "signIns", Do: graphtest.Unlicensed}, want{source.ErrDenied, 0, evidence.Unknown, evidence.WhyNotHeld}},
		{"redirect", graphtest.Fault{Path: "signIns", Do: graphtest.Redirect}, unknown(source.ErrUnavailable)},
		{"no answer", graphtest.Fault{Path: "signIns", Do: graphtest.Hang}, unknown(source.ErrUnavailable)},
		{"connection cut", graphtest.Fault{Path: "signIns", Do: graphtest.Cut}, unknown(source.ErrUnavailable)},
		{"body cut", graphtest.Fault{Path: "signIns", Do: graphtest.TruncatedBody}, unknown(source.ErrUnavailable)},
		{"body cut once", graphtest.Fault{Path: "signIns", To: 1, Do: graphtest.TruncatedBody}, whole},
		{"empty body", graphtest.Fault{Path: "signIns", Do: graphtest.EmptyBody}, unknown(source.ErrUnavailable)},
		{"broken JSON", graphtest.Fault{Path: "signIns", Do: graphtest.NotJSON}, unknown(source.ErrUnavailable)},
		{"a proxy's page", graphtest.Fault{Path: "signIns", Do: graphtest.WrongType}, unknown(source.ErrUnavailable)},
		{"null for a list", graphtest.Fault{Path: "signIns", Do: graphtest.NullList}, unknown(source.ErrUnavailable)},
		{"no list", graphtest.Fault{Path: "signIns", Do: graphtest.NoList}, unknown(source.ErrUnavailable)},
		{"two lists", graphtest.Fault{Path: "signIns", Do: graphtest.TwoLists}, unknown(source.ErrUnavailable)},
		{"secrets in the refusal", graphtest.Fault{Path: "signIns", Do: graphtest.EchoSecrets}, unknown(source.ErrInvalid)},
		{"slow", graphtest.Fault{Path: "signIns", Do: graphtest.Slow, After: 50 * time.Millisecond}, whole},
		{"clock ahead", graphtest.Fault{Path: "signIns", Do: graphtest.SkewedClock}, whole},
		{"a page leads to itself", graphtest.Fault{Path: "signIns", From: 3, Do: graphtest.SameLink}, part},
		{"endless pages", graphtest.Fault{Path: "signIns", From: 3, Do: graphtest.EndlessLinks}, part},
		{"endless empty pages", graphtest.Fault{Path: "signIns", From: 3, Do: graphtest.EmptyPages}, part},
		{"a link elsewhere", graphtest.Fault{Path: "signIns", From: 3, Do: graphtest.ForeignLink}, part},
		{"a giant record", graphtest.Fault{Path: "signIns", From: 2, To: 2, Do: graphtest.GiantRow}, part},
		{"a record without a time", graphtest.Fault{Path: "signIns", From: 2, To: 2, Do: graphtest.BrokenRow}, part},
		{"a member twice", graphtest.Fault{Path: "signIns", From: 2, To: 2, Do: graphtest.TwinMembers}, part},
		{"wrong types", graphtest.Fault{Path: "signIns", From: 2, To: 2, Do: graphtest.WrongTypes}, part},
		{"the second page fails", graphtest.Fault{Path: "signIns", From: 3, Do: graphtest.ServerError}, part},
		{"the second page is throttled", graphtest.Fault{Path: "signIns", From: 3, Do: graphtest.Throttle}, part},
		{"token throttled once", graphtest.Fault{Path: "token", To: 1, Do: graphtest.Throttle}, whole},
		{"no token", graphtest.Fault{Path: "token", Do: graphtest.ServerError}, unknown(source.ErrUnavailable)},
		{"token endpoint hangs", graphtest.Fault{Path: "token", Do: graphtest.Hang}, unknown(source.ErrUnavailable)},
		{"token endpoint cut", graphtest.Fault{Path: "token", Do: graphtest.Cut}, unknown(source.ErrUnavailable)},
		{"token is a proxy's page", graphtest.Fault{Path: "token", Do: graphtest.WrongType}, unknown(source.ErrUnavailable)},
		{"token is empty", graphtest.Fault{Path: "token", Do: graphtest.EmptyBody}, unknown(source.ErrUnavailable)},
		{"token endpoint redirects", graphtest.Fault{Path: "token", Do: graphtest.Redirect}, unknown(source.ErrUnavailable)},
		{"token endpoint repeats the secret", graphtest.Fault{Path: "token", Do: graphtest.EchoSecrets}, unknown(source.ErrInvalid)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := double(t, graphtest.Options{Unlimited: true, PageSize: 60})
			s := open(t, d, func(o *entra.Options) {
				if o.MaxPages = 8; c.fault.Do == graphtest.Hang {
					o.Timeout = 50 * time.Millisecond
				}
			})
			m := sourcetest.NewMeter(budget, -1)
			var odd []source.Odd
			ctx := source.WithOdds(source.WithMeter(t.Context(), m), func(o source.Odd) { odd = append(odd, o) })
			d.Script(c.fault)

			cov, err := s.Covers(ctx, query.Scope{Kind: query.KindSignIn, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}})
			if err != nil {
				t.Fatalf("coverage: %v", err)
			}
			if len(cov) != 1 || cov[0].State != c.want.coverage || cov[0].Why != c.want.why {
				t.Errorf("coverage %+v, want %s because of %s", cov, c.want.coverage, c.want.why)
			}
			q := signIns(nil)
			a, err := s.Ask(ctx, q)
			switch {
			case c.want.is != nil:
				if !errors.Is(err, c.want.is) {
					t.Errorf("error %v, want %v", err, c.want.is)
				}
				if a.Outcome != 0 || len(a.Rows) > 0 || a.Native == "" {
					t.Errorf("%s with %d rows beside the error; native question %q", a.Outcome, len(a.Rows), a.Native)
				}
			case err != nil:
				t.Errorf("error %v, want %s", err, c.want.outcome)
			case a.Outcome != c.want.outcome:
				t.Errorf("%s (%s), want %s", a.Outcome, a.Reason, c.want.outcome)
			}
			// What cannot be read is told, and nothing else is.
			unread := slices.Contains([]graphtest.Way{graphtest.GiantRow, graphtest.BrokenRow, graphtest.TwinMembers, graphtest.WrongTypes}, c.fault.Do)
			if unread != (len(odd) > 0) {
				t.Errorf("records that cannot be read: %+v", odd)
			}
			for _, o := range odd {
				if o.Source != s.Name() || o.Reason == "" || o.Position == "" && o.N == 0 {
					t.Errorf("a record that cannot be read is told as %+v", o)
				}
			}
			sourcetest.Held(t, "disturbed", a, err, all)
			lost := c.fault.Do == graphtest.Hang // one that is given up may not arrive
			if n, made := len(d.Requests()), len(m.Made()); n > budget || n > made || n < made && !lost {
				t.Errorf("%d requests, %d metered, %d allowed", n, made, budget)
			}
			for _, text := range []string{a.Reason, a.Native, errText(err), cov[0].Detail} {
				if strings.Contains(text, d.Secret()) || strings.Contains(text, "eyJ") { // as a token begins
					t.Errorf("a secret stands in %q", text)
				}
			}

			if c.fault.Do == graphtest.Hang {
				return // so short a time may not do for the answer on a busy machine
			}
			// What stopped it leaves nothing wrong behind; what was refused as invalid is not sent again.
			d.Script()
			if errors.Is(err, source.ErrInvalid) && c.fault.Path == "signIns" {
				n := d.Asked("signIns")
				if _, err := s.Ask(t.Context(), q); !errors.Is(err, source.ErrInvalid) || d.Asked("signIns") != n {
					t.Errorf("refused as invalid, then asked again: %v", err)
				}
				return
			}
			if a, err = s.Ask(t.Context(), q); err != nil || sourcetest.Differ(a, all) != "" {
				t.Errorf("afterwards: %v, %s", err, sourcetest.Differ(a, all))
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// hosts notes where requests go.
type hosts struct {
	http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.seen = append(h.seen, r.URL.Host)
	h.mu.Unlock()
	return h.RoundTripper.RoundTrip(r)
}

// A link or a redirect that leads elsewhere is not followed: the token would go with it.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	for _, f := range []graphtest.Fault{
		{Path: "signIns", Do: graphtest.ForeignLink}, {Path: "signIns", Do: graphtest.Redirect}, {Path: "token", Do: graphtest.Redirect},
	} {
		d := double(t, graphtest.Options{Unlimited: true})
		h := &hosts{RoundTripper: &http.Transport{}}
		s := open(t, d, func(o *entra.Options) { o.Transport = h })
		d.Script(f)
		a, err := s.Ask(t.Context(), signIns(nil))
		if a.Outcome == evidence.Found || err == nil && a.Outcome != evidence.Truncated {
			t.Errorf("%+v: %s, %v", f, a.Outcome, err)
		}
		for _, host := range h.seen {
			if "http://"+host != d.URL() {
				t.Errorf("%+v: a request went to %s", f, host)
			}
		}
	}
}

// endless answers whatever is asked with a list that never ends.
type endless struct {
	http.RoundTripper
	read int64
}

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/token") {
		return e.RoundTripper.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"value":["`), e)),
	}, nil
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestAnEndlessAnswerIsLeftUnread(t *testing.T) {
	d := double(t, graphtest.Options{})
	e := &endless{RoundTripper: d.Transport()}
	s := open(t, d, func(o *entra.Options) { o.Transport = e })
	m := sourcetest.NewMeter(100, -1)
	if _, err := s.Ask(source.WithMeter(t.Context(), m), signIns(nil)); !errors.Is(err, source.ErrUnavailable) || !strings.Contains(errText(err), "larger than 64 MiB") {
		t.Errorf("error %v", err)
	}
	if n := int64(len(m.Made())-1) * (65 << 20); e.read > n {
		t.Errorf("%d bytes read in %d calls", e.read, len(m.Made())-1)
	}
}

func TestTheErrorNamesGraphsCodeAndRequest(t *testing.T) {
	d := double(t, graphtest.Options{Roles: []string{"Directory.Read.All"}})
	_, err := open(t, d, nil).Ask(t.Context(), signIns(nil))
	for _, part := range []string{"ask entra: graph:auditLogs/signIns: 403 Authentication_MSGraphPermissionMissing", "AuditLog.Read.All", "(request-id 90000000-0000-4000-a000-000000000001)"} {
		if !strings.Contains(errText(err), part) {
			t.Errorf("error %v lacks %q", err, part)
		}
	}
	_, err = open(t, d, func(o *entra.Options) {
		o.Secret = func(context.Context) (string, error) { return "guessed", nil }
	}).Ask(t.Context(), signIns(nil))
	if !errors.Is(err, source.ErrDenied) || !strings.Contains(errText(err), "401 invalid_client AADSTS7000215") || strings.Contains(errText(err), "guessed") {
		t.Errorf("with a wrong secret: %v", err)
	}
}

func TestTheBudgetEndsBeforeTheCall(t *testing.T) {
	d := double(t, graphtest.Options{Unlimited: true, PageSize: 10})
	s := open(t, d, nil)
	a, err := s.Ask(source.WithMeter(t.Context(), sourcetest.NewMeter(4, -1)), signIns(nil))
	if err != nil || a.Outcome != evidence.Truncated || len(a.Rows) != 30 || len(d.Requests()) != 4 || !strings.Contains(a.Reason, "budget") {
		t.Errorf("%s with %d rows (%s), error %v, %d requests; want Truncated with the 30 of 3 pages", a.Outcome, len(a.Rows), a.Reason, err, len(d.Requests()))
	}
	_, err = open(t, d, nil).Ask(source.WithMeter(t.Context(), sourcetest.NewMeter(1, -1)), signIns(nil))
	if !errors.Is(err, source.ErrBudget) {
		t.Errorf("without a page: %v, want the budget", err)
	}
}

// patient lets all but the first n questions for sign-ins take whatever time they need, so that on
// a busy machine no other call is given up.
type patient struct {
	http.RoundTripper
	mu sync.Mutex
	n  int
}

func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	bounded := p.n > 0 && strings.HasSuffix(r.URL.Path, "signIns")
	if bounded {
		p.n--
	}
	p.mu.Unlock()
	if !bounded {
		r = r.WithContext(context.WithoutCancel(r.Context()))
	}
	return p.RoundTripper.RoundTrip(r)
}

func (p *patient) CloseIdleConnections() { p.RoundTripper.(*http.Transport).CloseIdleConnections() }

// A window that is too much for Graph is asked for in halves.
func TestAWindowIsHalvedWhereItIsThrottled(t *testing.T) {
	for _, way := range []graphtest.Way{graphtest.Throttle, graphtest.GatewayTime, graphtest.Hang} {
		d := double(t, graphtest.Options{Unlimited: true})
		s := open(t, d, func(o *entra.Options) {
			if way == graphtest.Hang {
				o.Timeout, o.Transport = 700*time.Millisecond, &patient{RoundTripper: &http.Transport{}, n: 3}
			}
		})
		d.Script(graphtest.Fault{Path: "signIns", To: 3, Do: way})
		a := ask(t, s, signIns(nil))
		if want := ask(t, sourcetest.Reference(t, sourcetest.Records()), signIns(nil)); sourcetest.Differ(a, want) != "" {
			t.Error(sourcetest.Differ(a, want))
		}
		var filters []string
		for _, r := range d.Requests() {
			if f := r.Query.Get("$filter"); f != "" {
				filters = append(filters, f)
			}
		}
		if n := len(filters); n != 5 || !strings.Contains(filters[3], "ge 2025-09-09T00:00:00Z and createdDateTime le 2025-09-10T00:00:00Z") ||
			!strings.Contains(filters[4], "ge 2025-09-08T00:00:00Z and createdDateTime le 2025-09-09T00:00:00Z") {
			t.Errorf("way %d: asked %q; want the whole three times, then both halves", way, filters)
		}
	}
}

func TestAStopIsQuick(t *testing.T) {
	d := double(t, graphtest.Options{})
	d.Script(graphtest.Fault{Path: "signIns", Do: graphtest.Hang})
	s := open(t, d, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := s.Ask(ctx, signIns(nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ask: %v", err)
	}
	if _, err := s.Covers(ctx, query.Scope{Kind: query.KindSignIn, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("coverage: %v", err)
	}
	if d := time.Since(began); d > 20*time.Second { // of a minute that one request may take
		t.Errorf("it took %s", d)
	}
	// One who waits for another's turn can leave, too.
	d.Script(graphtest.Fault{Path: "signIns", Do: graphtest.Hang})
	long, stop := context.WithCancel(t.Context())
	asked := d.Asked("signIns")
	done := make(chan error)
	go func() {
		_, err := s.Ask(long, signIns(nil))
		done <- err
	}()
	for d.Asked("signIns") == asked {
		time.Sleep(5 * time.Millisecond)
	}
	brief, cancel2 := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel2()
	if _, err := s.Ask(brief, signIns(nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func TestATokenIsRenewed(t *testing.T) {
	clock := now()
	tick := func() time.Time { return clock }
	d := double(t, graphtest.Options{Unlimited: true, Now: tick, TokenLife: 10 * time.Minute})
	s := open(t, d, func(o *entra.Options) { o.Now = tick })
	at := func(u string) query.Query { return signIns(equals("user_principal_name", u)) }
	ask(t, s, at("u1@example.co.jp"))
	ask(t, s, at("u2@example.co.jp"))
	if n := d.Asked("token"); n != 1 {
		t.Errorf("%d tokens for two questions", n)
	}
	clock = clock.Add(9*time.Minute + 30*time.Second)
	ask(t, s, at("u3@example.co.jp"))
	if n := d.Asked("token"); n != 2 {
		t.Errorf("%d tokens after the first was nearly over, want 2", n)
	}
	d.RevokeTokens()
	ask(t, s, at("u4@example.co.jp"))
	if n := d.Asked("token"); n != 3 {
		t.Errorf("%d tokens after they were revoked, want 3", n)
	}
	_, err := open(t, d, func(o *entra.Options) {
		o.Secret = func(context.Context) (string, error) { return "", errors.New("vault is closed") }
	}).Ask(t.Context(), at("u1@example.co.jp"))
	if !errors.Is(err, source.ErrDenied) || !strings.Contains(errText(err), "vault is closed") {
		t.Errorf("without a secret: %v", err)
	}
}
