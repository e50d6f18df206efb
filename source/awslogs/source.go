package awslogs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/coverage"
)

// Actions are the IAM actions that this package needs, beside those of package awsconn.
var Actions = []string{
	"ec2:DescribeFlowLogs", "ec2:DescribeVpcs", "eks:DescribeCluster", "eks:ListClusters", "logs:DescribeLogGroups", "rds:DescribeDBClusters", "rds:DescribeDBInstances",
	"route53resolver:ListResolverQueryLogConfigAssociations", "route53resolver:ListResolverQueryLogConfigs", "s3:GetBucketLogging",
}

// goodFor is how long an answer is good before it is asked again, a refusal too.
const goodFor = 10 * time.Minute

// maxClusters bounds how many clusters of a Region are described when a question names none.
const maxClusters = 25

// Options say what is asked, and where. Name and Conn are needed.
type Options struct {
	Name  string           // of the source in the configuration and in evidence
	Conn  *awsconn.Conn    // how AWS is reached
	Kinds []string         // kinds of record, such as "vpc_flow"; nil means every kind that can be told
	Now   func() time.Time // nil for the clock
}

// A Source tells which logs are on. It is safe for concurrent use.
type Source struct {
	opt Options

	mu    sync.Mutex
	known map[string]*known // by what was asked
}

// known is what one question to AWS came to. Its lock is held while it is asked, so that it is
// asked once.
type known struct {
	lane      chan struct{}
	at        time.Time // zero: not asked yet
	documents []source.Document
	settings  []coverage.Setting
	err       error
}

// tellers are the kinds that can be told, with the way to do it.
var tellers = map[string]func(*Source, context.Context, query.Scope) (told, error){
	query.KindVPCFlow:  (*Source).flows,
	query.KindDNS:      (*Source).resolver,
	query.KindEKSAudit: (*Source).clusters,
	query.KindRDSAudit: (*Source).databases,
	query.KindS3Access: (*Source).bucket,
}

// Kinds are the kinds of record whose log can be told, sorted.
func Kinds() []string {
	return []string{query.KindDNS, query.KindEKSAudit, query.KindRDSAudit, query.KindS3Access, query.KindVPCFlow}
}

// New returns a source. It makes no call.
func New(opt Options) (*Source, error) {
	if opt.Name == "" || opt.Conn == nil {
		return nil, errors.New("read which logs of AWS are on: the options lack a name or a connection")
	}
	if opt.Kinds == nil {
		opt.Kinds = Kinds()
	}
	for _, k := range opt.Kinds {
		if tellers[k] == nil {
			return nil, fmt.Errorf("read which logs of AWS are on as %s: %q is not a kind of log that can be told", opt.Name, k)
		}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Source{opt: opt, known: map[string]*known{}}, nil
}

// Name is the source's name in evidence.
func (s *Source) Name() string { return s.opt.Name }

// Concurrency is how many questions may be put at once.
func (s *Source) Concurrency() int { return 4 }

// Gainsays tells whether the source can say that the log of a kind is off.
func (s *Source) Gainsays(kind string) bool { return slices.Contains(s.opt.Kinds, kind) }

// Ask answers that nothing is held here: what is told of a question is its coverage.
func (s *Source) Ask(ctx context.Context, _ query.Query) (evidence.Answer, error) {
	return evidence.Answer{Outcome: evidence.NotCollected, Reason: "holds no records; it tells which logs are on"}, ctx.Err()
}

// told is what the settings say of a scope.
type told struct {
	settings  []coverage.Setting
	resources []string // whose log counts; empty for all of the Region
	none      string   // what there is none of, such as "flow log"
	keeps     keeping  // where it is on
}

// Covers tells whether the log of a kind is on: NotCollected by its setting where an answer that is
// whole says that it is off, for what the subject of the context names or else for all of the
// account and Region; NotCollected because nothing is held here where it is on; else Unknown. Where a
// log is on and goes to a log group, what is older than the group keeps is Unknown, past the retention.
func (s *Source) Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	if !scope.Window.From.Before(scope.Window.To) {
		return nil, fmt.Errorf("coverage of %s in %s: the window is empty: %w", scope.Kind, s.Name(), source.ErrInvalid)
	}
	whole := func(state evidence.State, why evidence.Reason, detail string) []evidence.Coverage {
		return []evidence.Coverage{s.coverage(scope, scope.Window, state, why, detail)}
	}
	if !slices.Contains(s.opt.Kinds, scope.Kind) {
		return whole(evidence.NotCollectedState, evidence.WhyNotHeld, ""), nil
	}
	if scope.Account == "" {
		return whole(evidence.Unknown, evidence.WhyNoResponse, "settings of an account can be told, not those of any"), nil
	}
	t, err := tellers[scope.Kind](s, ctx, scope)
	if err == nil {
		t.keeps, err = s.kept(ctx, scope, t)
	}
	var cannot *cannotTell
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, source.ErrBudget):
		return nil, err
	case errors.As(err, &cannot):
		return whole(cannot.state, cannot.why, cannot.reason), nil
	case err != nil:
		return whole(evidence.Unknown, evidence.WhyNoResponse, err.Error()), nil
	}
	return s.judge(scope, t), nil
}

// judge is the coverage by settings that were read.
func (s *Source) judge(scope query.Scope, t told) []evidence.Coverage {
	of := "account " + scope.Account
	if len(t.resources) > 0 {
		of = strings.Join(t.resources, ", ")
	}
	sw, since, known := coverage.Switched(t.settings, t.resources...)
	tell := func(w query.Window, state evidence.State, why evidence.Reason, detail string) evidence.Coverage {
		return s.coverage(scope, w, state, why, detail)
	}
	switch {
	case !known && len(t.resources) == 0:
		return []evidence.Coverage{tell(scope.Window, evidence.NotCollectedState, evidence.WhyNotHeld, of+": there is nothing now that could be logged")}
	case !known:
		return []evidence.Coverage{tell(scope.Window, evidence.Unknown, evidence.WhyNoResponse, of+": AWS does not tell of it")}
	case sw == coverage.Off:
		return []evidence.Coverage{tell(scope.Window, evidence.NotCollectedState, evidence.WhySetting, of+": no "+t.none+" is on now")}
	case sw == coverage.Perhaps:
		return []evidence.Coverage{tell(scope.Window, evidence.Unknown, evidence.WhySetting, of+": "+t.none+" is not fully on")}
	}
	on := of + ": " + t.none + " is on" + t.keeps.says()
	if since.IsZero() {
		since = t.keeps.created
	}
	var out []evidence.Coverage
	from := scope.Window.From
	until := func(end time.Time, state evidence.State, why evidence.Reason, detail string) {
		if end.After(scope.Window.To) {
			end = scope.Window.To
		}
		if end.After(from) {
			out = append(out, tell(query.Window{From: from, To: end}, state, why, detail))
			from = end
		}
	}
	until(since, evidence.Unknown, evidence.WhySetting, of+": the oldest "+t.none+" that is on was made at "+query.Stamp(since))
	until(t.keeps.from, evidence.Unknown, evidence.WhyRetention, on)
	until(scope.Window.To, evidence.NotCollectedState, evidence.WhyNotHeld, on)
	return out
}

func (s *Source) coverage(scope query.Scope, w query.Window, state evidence.State, why evidence.Reason, detail string) evidence.Coverage {
	return evidence.Coverage{
		Source: s.Name(), Kind: scope.Kind, Account: scope.Account, Region: scope.Region, Window: w, State: state, Why: why, Detail: detail,
	}
}

// cannotTell is the end of a question that needs no call, or has none.
type cannotTell struct {
	state  evidence.State
	why    evidence.Reason
	reason string
}

func (c *cannotTell) Error() string { return c.reason }

func unclear(format string, args ...any) error {
	return &cannotTell{evidence.Unknown, evidence.WhyNoResponse, fmt.Sprintf(format, args...)}
}

// once asks AWS, or remembers what it said. A refusal is remembered, too; what may come another
// time is asked again. The documents are handed over as evidence each time.
func (s *Source) once(ctx context.Context, what string, ask func(k *known) error) (*known, error) {
	s.mu.Lock()
	k := s.known[what]
	if k == nil {
		k = &known{lane: make(chan struct{}, 1)}
		s.known[what] = k
	}
	s.mu.Unlock()
	select {
	case k.lane <- struct{}{}:
		defer func() { <-k.lane }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if k.at.IsZero() || s.opt.Now().Sub(k.at) >= goodFor {
		k.documents, k.settings, k.at = nil, nil, time.Time{}
		if k.err = ask(k); k.err == nil || errors.Is(k.err, source.ErrDenied) || errors.Is(k.err, source.ErrInvalid) {
			k.at = s.opt.Now()
		}
	}
	for _, d := range k.documents {
		source.Witness(ctx, d)
	}
	return &known{documents: k.documents, settings: k.settings, err: k.err}, k.err
}

// restricted are the values to which a condition confines a text field, if it does.
func restricted(e query.Expr, f query.Field) []string {
	switch e := e.(type) {
	case query.And:
		for _, t := range e.Terms {
			if v := restricted(t, f); len(v) > 0 {
				return v
			}
		}
	case query.Compare:
		if e.Field == f && e.Op == query.Equal && e.Value.Type() == query.Text {
			return []string{e.Value.Text()}
		}
	case query.In:
		var out []string
		for _, v := range e.Values {
			if e.Field != f || v.Type() != query.Text {
				return nil
			}
			out = append(out, v.Text())
		}
		return out
	case query.Or, query.Not, query.Prefix, query.Contains, query.CIDR, query.Exists:
	}
	return nil
}
