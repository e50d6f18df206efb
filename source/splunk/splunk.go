// Package splunk asks Splunk by its REST API.
//
// A typed question becomes a search that is printed from a syntax tree and that lets through every
// event the question is about. What a search cannot say exactly is decided here, by the embedded
// store, over the events or groups that came back: so the same question means the same everywhere.
// An answer is whole, or says that it is not: provisional rows, warnings, cut pages and searches
// that were never run are not taken for "no records".
//
// Reads only. Every search, also one that a person wrote, passes a list of commands that read; see
// [Template]. What Splunk's REST API promises is cited from the Splunk Enterprise REST API
// Reference, "Search endpoint descriptions" and "Access endpoint descriptions".
package splunk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/call"
)

// A Way is how searches are run.
type Way uint8

// The ways. A job is created, polled and read in pages; the others answer in one response, which
// spares calls and suits small answers.
const (
	ByJob     Way = iota
	ByOneshot     // search/v2/jobs with exec_mode=oneshot
	ByExport      // search/v2/jobs/export, one object a line
)

// An Assertion says what is, or is not, collected, whatever the records show.
type Assertion struct {
	Kind    string // such as "cloudtrail_management"
	Account string // "" for any
	Region  string // "" for any
	From    time.Time
	To      time.Time // zero for no end
	State   evidence.State
}

// Options say what is asked, and how.
type Options struct {
	Name     string // of the source, such as "splunk-prod"
	Endpoint string // such as "https://splunk.example.co.jp:8089"
	// Token gives an authentication token, sent as Bearer; or Login a user and password, exchanged
	// for a session key. Exactly one of them is set. They are asked for when they are needed.
	Token  func(context.Context) (string, error)
	Login  func(context.Context) (user, password string, err error)
	CA     []byte            // PEM of the authority that signed the server's certificate; empty for the system's
	HTTP   http.RoundTripper // instead of a transport of our own
	Caller *call.Caller      // shared by everything in the process
	Places []Place
	Assert []Assertion
	Way    Way
	// Accept are beginnings of warnings that an operator judged harmless, such as
	// "Eventtype 'x' does not exist". Any other warning makes an answer incomplete.
	Accept   []string
	Skew     time.Duration // how far an event's index time may lie from its own; 0 means one hour
	Delay    time.Duration // within which records arrive, at least; 0 means 15 minutes. A longer one is measured
	MaxRows  int           // events or groups fetched for one question; 0 means 10,000
	MaxBytes int64         // of one response; 0 means 64 MiB
	PageRows int           // asked for at once; 0 means 1,000
	Timeout  time.Duration // of one request; 0 means one minute
	MaxTime  time.Duration // of one search; 0 means two minutes
	Now      func() time.Time
	Sleep    func(context.Context, time.Duration) error // between polls
}

// A Source asks one Splunk. It is safe for concurrent use.
type Source struct {
	opt    Options
	base   *url.URL
	client *http.Client

	mu      sync.Mutex
	session string // session key, with Login
	v1      bool   // the server knows no search/v2
	probed  map[string]bool
	counted map[string]counted
}

// New checks the options and makes no call.
func New(opt Options) (_ *Source, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("splunk %q: %w", opt.Name, err)
		}
	}()
	s := &Source{opt: opt, probed: map[string]bool{}, counted: map[string]counted{}}
	if opt.Name == "" {
		return nil, errors.New("a name is needed")
	}
	if s.base, err = url.Parse(opt.Endpoint); err != nil || s.base.Host == "" || s.base.User != nil || s.base.RawQuery != "" || s.base.Fragment != "" {
		return nil, errors.New("the endpoint is no address such as https://splunk.example.co.jp:8089")
	}
	switch s.base.Scheme {
	case "https":
	case "http":
		if a, err := netip.ParseAddr(s.base.Hostname()); err != nil || !a.IsLoopback() {
			return nil, errors.New("the endpoint must be https: credentials are sent to it")
		}
	default:
		return nil, fmt.Errorf("the endpoint's scheme %q is not https", s.base.Scheme)
	}
	if (opt.Token == nil) == (opt.Login == nil) {
		return nil, errors.New("either a token or a login is needed")
	}
	if opt.Caller == nil {
		return nil, errors.New("a caller is needed")
	}
	for i := range s.opt.Places {
		if s.opt.Places[i], err = checked(s.opt.Places[i]); err != nil {
			return nil, err
		}
	}
	s.opt.Places = append([]Place(nil), s.opt.Places...)
	defaults(&s.opt)
	s.client = &http.Client{
		Transport: opt.HTTP,
		// A redirect would carry the credentials to whoever is named there.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if opt.HTTP == nil {
		t := &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: s.opt.Timeout,
		}
		if len(opt.CA) > 0 {
			t.TLSClientConfig.RootCAs = x509.NewCertPool()
			if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(opt.CA) {
				return nil, errors.New("the authority's certificate is no PEM")
			}
		}
		s.client.Transport = t
	}
	return s, nil
}

func checked(p Place) (Place, error) {
	if p.Dataset != query.CloudTrail && p.Dataset != query.SignIn {
		return p, fmt.Errorf("dataset %q cannot be asked of Splunk; %s and %s can", p.Dataset, query.CloudTrail, query.SignIn)
	}
	if err := checkName("index", p.Index); err != nil {
		return p, err
	}
	if err := checkName("sourcetype", p.Sourcetype); err != nil {
		return p, err
	}
	if p.Account != "" && !plainName(p.Account) {
		return p, fmt.Errorf("indexed field %q: a name of letters, digits and _ is needed", p.Account)
	}
	if p.Map == nil {
		m := MapOf(p.Dataset, p.Sourcetype)
		p.Map = &m
	}
	if err := p.Map.check(p.Dataset); err != nil {
		return p, fmt.Errorf("map of %s: %w", p.Sourcetype, err)
	}
	return p, nil
}

func defaults(o *Options) {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.Skew, time.Hour)
	set(&o.Delay, 15*time.Minute)
	set(&o.Timeout, time.Minute)
	set(&o.MaxTime, 2*time.Minute)
	if o.MaxRows == 0 {
		o.MaxRows = 10_000
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.PageRows == 0 {
		o.PageRows = 1_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, d time.Duration) error {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// Name is the source's name in the configuration.
func (s *Source) Name() string { return s.opt.Name }

// Concurrency is how many questions may be asked at once: a user's role allows few searches.
func (s *Source) Concurrency() int { return 2 }

// Close lets go of idle connections.
func (s *Source) Close() { s.client.CloseIdleConnections() }

// reading is how a dataset's events are read; ok is false where no place holds the dataset.
func (s *Source) reading(d query.Dataset) (r reading, ok bool) {
	r.dataset = d
	r.schema, _ = query.SchemaOf(d)
	for _, p := range s.opt.Places {
		if p.Dataset == d {
			r.places = append(r.places, p)
		}
	}
	return r, len(r.places) > 0
}

// String names the places of a reading.
func (r reading) String() string {
	parts := make([]string, len(r.places))
	for i, p := range r.places {
		parts[i] = p.Index + "/" + p.Sourcetype
	}
	return strings.Join(parts, ", ")
}
