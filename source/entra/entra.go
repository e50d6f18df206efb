// Package entra asks Microsoft Entra ID, by Microsoft Graph, who signed in and who people are.
//
// A [Source] answers questions about sign-ins from auditLogs/signIns. It asks Graph for what
// Graph can filter, keeps the records for as long as it lives, and lets the embedded store answer
// from them: so a question means the same here as in every other source. [Source.Person] reads one
// person, and [Source.Check] tells whether the application may do all that and no more.
//
// Nothing is ever changed in the tenant: every request is a GET, save the one for a token.
package entra

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/call"
)

// The APIs, as they stand in budgets, paces and the ledger.
const (
	APIToken        = "graph:token"             // client credentials for a token
	APISignIns      = "graph:auditLogs/signIns" // a page of sign-ins
	APIUsers        = "graph:users"             // a user, a manager or the sponsors
	APIApplications = "graph:applications"      // the application's own secrets
	defaultEndpoint = "https://graph.microsoft.com"
	defaultLogin    = "https://login.microsoftonline.com"
)

// Paces are how fast the APIs may be called. Graph allows 5 requests in 10 seconds for an
// application and tenant to the activity reports (Microsoft Graph, "Microsoft Graph
// service-specific throttling limits", identity and access reports); one every 2.5 seconds keeps
// that whatever way the ten seconds are laid.
func Paces() map[string]call.Pace {
	return map[string]call.Pace{APISignIns: {PerSecond: 0.4, Burst: 1}}
}

// Options say which tenant is asked and how.
type Options struct {
	Name     string                                // of the source in the configuration, such as "entra"
	TenantID string                                // GUID or a domain of the tenant
	ClientID string                                // GUID of the application
	Secret   func(context.Context) (string, error) // reads the application's secret each time a token is needed

	Endpoint string // of Graph; "" for https://graph.microsoft.com; national clouds have their own
	TokenURL string // "" for the tenant's endpoint at https://login.microsoftonline.com

	Caller    *call.Caller      // shared by all sources; see [Paces]
	Transport http.RoundTripper // nil for one of its own
	Now       func() time.Time  // nil for the system's clock

	// NonInteractive asks the beta endpoint, for sign-ins that no human made as well: refreshed
	// tokens, sessions that go on. v1.0 does not return them.
	NonInteractive bool

	Retention time.Duration // how long Entra ID keeps sign-ins; 0 means 30 days, as with P1 or P2; without a licence it is 7
	Delay     time.Duration // until a sign-in can be read; 0 means 15 minutes
	MaxPages  int           // of 1000 sign-ins, for one question; 0 means 50
	Timeout   time.Duration // of one request; 0 means a minute
}

// Limits and defaults.
const (
	// Entra ID keeps sign-ins for 30 days with P1 or P2 (Microsoft Entra, "Microsoft Entra data
	// retention", activity reports).
	defaultRetention = 30 * 24 * time.Hour
	// Microsoft has one wait five minutes until a sign-in can be found (Microsoft Entra,
	// "Quickstart: Analyze sign-ins with the Microsoft Entra sign-in log"); this is thrice that.
	defaultDelay   = 15 * time.Minute
	defaultPages   = 50
	defaultTimeout = time.Minute
	pageSize       = 1000     // largest page ("List signIns")
	maxBody        = 64 << 20 // bytes of one response
	maxHalvings    = 4        // of a window, for one question
	maxEmptyPages  = 10       // in a row that still lead on
)

// A Source answers questions about sign-ins of one tenant. It is safe for concurrent use.
type Source struct {
	opt    Options
	graph  *graph
	kept   *kept
	prober prober
}

// New returns a source. It makes no call.
func New(opt Options) (*Source, error) {
	opt, err := opt.checked()
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", opt.Name, err)
	}
	return &Source{opt: opt, graph: newGraph(opt), kept: newKept(opt.Name)}, nil
}

func (opt Options) checked() (Options, error) {
	if opt.Name == "" {
		opt.Name = "entra"
	}
	if opt.Endpoint == "" {
		opt.Endpoint = defaultEndpoint
	}
	if opt.TokenURL == "" {
		opt.TokenURL = defaultLogin + "/" + url.PathEscape(opt.TenantID) + "/oauth2/v2.0/token"
	}
	opt.Endpoint = strings.TrimRight(opt.Endpoint, "/")
	if opt.Now == nil {
		opt.Now = time.Now
	}
	for _, d := range []struct {
		of      *time.Duration
		unless0 time.Duration
	}{{&opt.Retention, defaultRetention}, {&opt.Delay, defaultDelay}, {&opt.Timeout, defaultTimeout}} {
		if *d.of == 0 {
			*d.of = d.unless0
		}
		if *d.of < 0 {
			return opt, fmt.Errorf("a duration of %s is negative", *d.of)
		}
	}
	if opt.MaxPages == 0 {
		opt.MaxPages = defaultPages
	}
	switch {
	case opt.TenantID == "":
		return opt, errors.New("the tenant is missing")
	case opt.ClientID == "":
		return opt, errors.New("the application's client id is missing")
	case opt.Secret == nil:
		return opt, errors.New("the application's secret is missing")
	case opt.Caller == nil:
		return opt, errors.New("the caller is missing")
	case opt.MaxPages < 0:
		return opt, fmt.Errorf("%d pages are no limit", opt.MaxPages)
	}
	for _, u := range []string{opt.Endpoint, opt.TokenURL} {
		if err := safeURL(u); err != nil {
			return opt, err
		}
	}
	return opt, nil
}

// safeURL refuses addresses that a secret must not be sent to.
func safeURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
		return errors.New("an endpoint is no address such as https://graph.microsoft.com")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("endpoint %s://%s is not https", u.Scheme, u.Host)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Name is the source's name in the configuration.
func (s *Source) Name() string { return s.opt.Name }

// Close forgets what was fetched and ends idle connections.
func (s *Source) Close() error {
	s.graph.close()
	return s.kept.close()
}

// Covers tells what Graph holds of a scope: nothing but sign-ins, those of the retention, and
// those that had time to arrive. Within these bounds what Graph answers for was collected: Entra
// ID itself records every sign-in, so a quiet hour is no hole. Where Graph cannot be asked, or the
// tenant has no licence for the report, nothing is known. It makes a call now and then.
func (s *Source) Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	w := scope.Window
	if !w.From.Before(w.To) {
		return nil, fmt.Errorf("coverage of %s in %s: the window from %s to %s is empty", scope.Kind, s.Name(), query.Stamp(w.From), query.Stamp(w.To))
	}
	say := func(from, to time.Time, state evidence.State, why evidence.Reason, detail string) evidence.Coverage {
		return evidence.Coverage{
			Source: s.Name(), Kind: scope.Kind, Account: scope.Account, Region: scope.Region,
			Window: query.Window{From: from, To: to}, State: state, Why: why, Detail: detail,
		}
	}
	switch {
	case scope.Kind == query.KindNonInteractive && !s.opt.NonInteractive:
		return []evidence.Coverage{say(w.From, w.To, evidence.NotCollectedState, evidence.WhyNotHeld, "v1.0 of auditLogs/signIns returns interactive sign-ins only")}, nil
	case scope.Kind != query.KindSignIn && scope.Kind != query.KindNonInteractive:
		return []evidence.Coverage{say(w.From, w.To, evidence.NotCollectedState, evidence.WhyNotHeld, "")}, nil
	}
	now := s.opt.Now().UTC().Truncate(time.Second)
	oldest, youngest := now.Add(-s.opt.Retention), now.Add(-s.opt.Delay)
	var out []evidence.Coverage
	if err := s.probe(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		why := evidence.WhyNoResponse
		if r := refusalIn(err); r != nil && r.unlicensed() {
			why = evidence.WhyNotHeld
		}
		// What has aged out is known by the clock, whatever the service answers.
		from := later(w.From, earlier(oldest, w.To))
		if w.From.Before(from) {
			out = append(out, say(w.From, from, evidence.Unknown, evidence.WhyRetention, ""))
		}
		if from.Before(w.To) {
			out = append(out, say(from, w.To, evidence.Unknown, why, err.Error()))
		}
		return out, nil
	}
	for _, p := range []struct {
		from, to time.Time
		state    evidence.State
		why      evidence.Reason
		detail   string
	}{
		{w.From, oldest, evidence.Unknown, evidence.WhyRetention, ""},
		{oldest, youngest, evidence.Collected, evidence.WhyHistory, "auditLogs/signIns answers"},
		{youngest, w.To, evidence.Unknown, evidence.WhyDelay, ""},
	} {
		from, to := later(p.from, w.From), earlier(p.to, w.To)
		if from.Before(to) {
			out = append(out, say(from, to, p.state, p.why, p.detail))
		}
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
