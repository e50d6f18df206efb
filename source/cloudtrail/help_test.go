package cloudtrail_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/cloudtrail"
	"uratori/source/local"
	"uratori/source/sourcetest"
)

const (
	account    = sourcetest.Account
	tokyo      = "ap-northeast-1"
	externalID = "external-id-of-uratori"
)

// A rig is a source in front of a double.
type rig struct {
	*cloudtrail.Source
	server  *awstest.Server
	history *awstest.History
	store   *local.Store
	opt     cloudtrail.Options
	aws     awsconn.Options // of the connection

	mu  sync.Mutex
	now time.Time
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) set(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = t
}

// unlimited makes calls without pace or pauses.
func unlimited() *call.Caller {
	return call.New(call.Options{Unlimited: true, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
}

// newRig makes a source that asks an account by its role, at a moment. change may change its options
// and those of its connection.
func newRig(t testing.TB, now time.Time, change func(*rig)) *rig {
	t.Helper()
	r := &rig{server: awstest.New(t, "cloudtrail"), now: now}
	r.history = awstest.NewHistory(r.server, r.clock)
	r.server.Limit("cloudtrail:LookupEvents", 1_000_000) // see the test of paces
	store, err := local.Open(context.Background(), local.Options{Name: "fetched"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	r.store = store
	base := r.server.Base()
	r.server.Role(account, "uratori-read", externalID)
	r.opt = cloudtrail.Options{Name: "cloudtrail-api", Accounts: []string{account}, Regions: []string{tokyo}, Store: store, Now: r.clock}
	r.aws = awsconn.Options{
		Name: "cloudtrail-api", Region: tokyo, Caller: unlimited(), Role: awsconn.RoleNamed("aws", "uratori-read", externalID),
		Keys: func(context.Context) (awsconn.Keys, error) {
			return awsconn.Keys{AccessKeyID: base.AccessKeyID, SecretAccessKey: base.SecretAccessKey}, nil
		},
		Endpoint: func(string, string) string { return "https://aws.test" }, Transport: r.server.Transport(),
	}
	if change != nil {
		change(r)
	}
	r.again(t)
	return r
}

// again makes a new source over the same store, as a restarted program would.
func (r *rig) again(t testing.TB) {
	t.Helper()
	var err error
	if r.opt.Conn, err = awsconn.New(r.aws); err != nil {
		t.Fatal(err)
	}
	src, err := cloudtrail.New(r.opt)
	if err != nil {
		t.Fatal(err)
	}
	r.Source = src
}

// onNetwork makes the source reach its double by HTTP.
func (r *rig) onNetwork(t testing.TB) {
	t.Helper()
	tr := awsconn.Transport()
	t.Cleanup(tr.CloseIdleConnections)
	r.aws.Endpoint, r.aws.Transport = func(string, string) string { return r.server.URL() }, tr
	r.again(t)
}

func (r *rig) lookups() int { return len(r.server.Calls("cloudtrail:LookupEvents")) }

func (r *rig) ask(ctx context.Context, t testing.TB, q query.Query) evidence.Answer {
	t.Helper()
	a, err := r.Ask(ctx, q)
	if err != nil {
		t.Fatalf("%s\n%v", q, err)
	}
	return a
}

// inAccount is a context in which an account's management events are asked for.
func inAccount(ctx context.Context, id string) context.Context {
	return source.WithScope(ctx, query.Scope{Kind: query.KindManagement, Account: id})
}

// record is a management event.
func record(id int, at time.Time, region, service, name, key, session string, more string) []byte {
	return fmt.Appendf(nil, `{"eventVersion":"1.11","eventID":"00000000-0000-4000-b000-%012d","eventTime":%q,"eventName":%q,"eventSource":%q,"awsRegion":%q,`+
		`"recipientAccountId":%q,"sourceIPAddress":"192.0.2.7","eventCategory":"Management","managementEvent":true,"readOnly":true,`+
		`"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:%s","accessKeyId":%q,"accountId":%q,"arn":"arn:aws:sts::%s:assumed-role/Dev/%s"}%s}`,
		id, at.UTC().Format(time.RFC3339), name, service, region, account, session, key, account, account, session, more)
}

func parsed(t testing.TB, text string) query.Query {
	t.Helper()
	q, err := query.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// counted is a question for the number of events that a condition meets.
func counted(t testing.TB, from, to time.Time, where string) query.Query {
	t.Helper()
	q := parsed(t, fmt.Sprintf("cloudtrail from %s to %s where %s compute count() as n limit 10", query.Stamp(from), query.Stamp(to), where))
	return q
}
