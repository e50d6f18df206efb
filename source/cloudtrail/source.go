package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"uratori/query"
	"uratori/source/awsconn"
	"uratori/source/local"
)

// What event history is (AWS CloudTrail User Guide, "Working with CloudTrail event history"):
// the last 90 days, and events "typically within an average of about 5 minutes", which the
// service does not guarantee; 15 minutes are waited for.
const (
	retention = 90 * 24 * time.Hour
	delay     = 15 * time.Minute
)

// slot is how long what was fetched of the unsettled time is good for: within it, nothing is
// fetched twice.
const slot = 5 * time.Minute

// global is the Region in whose event history the events of global services stand.
const global = "us-east-1"

// globals are the services that record their events in us-east-1, wherever they are called from
// (AWS CloudTrail User Guide, "About global service events"; sign-in and STS partly so).
var globals = []string{
	"iam.amazonaws.com", "sts.amazonaws.com", "organizations.amazonaws.com", "route53.amazonaws.com", "cloudfront.amazonaws.com",
	"signin.amazonaws.com", "support.amazonaws.com", "account.amazonaws.com", "globalaccelerator.amazonaws.com",
	"waf.amazonaws.com", "shield.amazonaws.com", "networkmanager.amazonaws.com", "health.amazonaws.com", "route53domains.amazonaws.com",
}

// Options say which accounts and Regions are asked, and how. Name, Conn, Accounts, Regions and
// Store are needed.
type Options struct {
	Name     string
	Conn     *awsconn.Conn    // how AWS is reached; its caller must keep [Paces]
	Accounts []string         // whose event history is asked, 12 digits, such as 111122223333
	Regions  []string         // that the organisation uses; us-east-1 is asked besides, for global services
	Store    *local.Store     // where fetched events are kept; for nothing else
	Pages    int              // of LookupEvents for one question at most; 0 means 30
	Now      func() time.Time // nil for the clock
}

// A Source answers questions from event history. It is safe for concurrent use.
type Source struct {
	opt Options

	mu         sync.Mutex
	lanes      map[string]lane
	remembered map[string][]local.Fetch // by key; what the store says
	cuts       map[string][]cut         // by key
	pending    []prepared
	trails     map[string]settings // by account
}

// A cut is a window that did not fit a page budget.
type cut struct {
	window query.Window
	at     time.Time
	pages  int // of the budget
}

// cutFor is how long a window that did not fit the budget is not tried again.
const cutFor = time.Hour

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
)

// New returns a source.
func New(opt Options) (*Source, error) {
	switch {
	case opt.Name == "":
		return nil, errors.New("a cloudtrail source needs a name")
	case len(opt.Accounts) == 0 || len(opt.Regions) == 0:
		return nil, fmt.Errorf("source %q needs accounts and Regions", opt.Name)
	case opt.Conn == nil || opt.Store == nil:
		return nil, fmt.Errorf("source %q needs a connection and a store", opt.Name)
	}
	for _, a := range opt.Accounts {
		if !accountID.MatchString(a) {
			return nil, fmt.Errorf("source %q: account %q is not 12 digits", opt.Name, a)
		}
	}
	for _, r := range opt.Regions {
		if !regionName.MatchString(r) {
			return nil, fmt.Errorf("source %q: %q is no Region, such as ap-northeast-1", opt.Name, r)
		}
	}
	if opt.Pages == 0 {
		opt.Pages = 30
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Source{
		opt: opt, lanes: map[string]lane{}, remembered: map[string][]local.Fetch{}, cuts: map[string][]cut{}, trails: map[string]settings{},
	}, nil
}

// Name is the source's name in the configuration.
func (s *Source) Name() string { return s.opt.Name }

// A lane lets one at a time do what the others would do again.
type lane chan struct{}

func (s *Source) lane(name string) lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[name]
	if l == nil {
		l = make(lane, 1)
		s.lanes[name] = l
	}
	return l
}

func (l lane) take(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l lane) leave() { <-l }

// moment is the end of what is looked at, and of what is settled: within a slot they stay.
func (s *Source) moment() (asOf, settled time.Time) {
	asOf = s.opt.Now().UTC().Truncate(slot)
	return asOf, asOf.Add(-delay)
}

// oldest is the beginning of event history, with an hour to spare.
func (s *Source) oldest() time.Time {
	return s.opt.Now().UTC().Add(-retention + time.Hour).Truncate(time.Hour)
}

// regions are the Regions to ask for a scope's Region.
func (s *Source) regions(scoped string) []string {
	rs := slices.Clone(s.opt.Regions)
	if scoped != "" {
		rs = []string{scoped}
	}
	if !slices.Contains(rs, global) {
		rs = append(rs, global)
	}
	slices.Sort(rs)
	return slices.Compact(rs)
}

// maxPrepared bounds how many questions are remembered, preparedFor how long.
const (
	maxPrepared = 512
	preparedFor = 10 * time.Minute
)

// A prepared is a question that is about to be asked.
type prepared struct {
	at       time.Time
	window   query.Window
	keys     []candidate
	accounts []string // that the question itself names; nil when it names none
}

// Prepare remembers the questions of a round: what two of them need is then fetched once, over
// the window of both. It makes no call.
func (s *Source) Prepare(qs []query.Query) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	s.pending = slices.DeleteFunc(s.pending, func(p prepared) bool { return now.Sub(p.at) > preparedFor })
	for _, q := range qs {
		if q.Dataset != query.CloudTrail || query.Check(q) != nil || onlyData(q.Where) {
			continue
		}
		p := prepared{at: now, window: q.Window, keys: candidates(q.Where)}
		p.accounts, _ = restricted(q.Where, "account")
		s.pending = append(s.pending, p)
	}
	if n := len(s.pending) - maxPrepared; n > 0 {
		s.pending = slices.Delete(s.pending, 0, n)
	}
}

// onlyData tells whether a condition asks for data events alone, which event history does not hold.
func onlyData(e query.Expr) bool {
	v, ok := restricted(e, "event_category")
	return ok && !slices.ContainsFunc(v, func(c string) bool { return c != "Data" })
}

// ahead are the windows of the prepared questions of the account that will look up a, too: with
// the zero attribute, of those that need everything.
func (s *Source) ahead(account string, named bool, a attribute) []query.Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	var out []query.Window
	for _, p := range s.pending {
		if now.Sub(p.at) > preparedFor || (p.accounts != nil) != named || named && !slices.Contains(p.accounts, account) {
			continue
		}
		if len(p.keys) == 0 && a.key == "" || slices.ContainsFunc(p.keys, func(c candidate) bool { return slices.Contains(c, a) }) {
			out = append(out, p.window)
		}
	}
	return out
}
