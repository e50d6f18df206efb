package awslogs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/coverage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	member = "111122223333"
	owner  = "444455556666"
	region = "ap-northeast-1"
)

var (
	made   = time.Date(2025, 3, 1, 9, 30, 0, 0, time.UTC)
	window = query.Window{From: made.Add(24 * time.Hour), To: made.Add(48 * time.Hour)}
)

// world logs one VPC of two, one cluster of two, a cluster of databases, and one bucket.
func world() awstest.World {
	return awstest.World{
		VPCs: []awstest.VPC{{Account: member, Region: region, ID: "vpc-1", Owner: member}, {Account: member, Region: region, ID: "vpc-2", Owner: member}, {Account: member, Region: region, ID: "vpc-3", Owner: owner}, {Account: member, Region: "us-east-1", ID: "vpc-9", Owner: member}},
		FlowLogs: []awstest.FlowLog{
			{Account: member, Region: region, ID: "fl-1", Resource: "vpc-1", Status: "ACTIVE", Delivery: "SUCCESS", Created: made},
			{Account: member, Region: region, ID: "fl-2", Resource: "subnet-2b", Status: "ACTIVE", Delivery: "FAILED", Created: made},
			{Account: member, Region: region, ID: "fl-4", Resource: "eni-2d", Status: "ACTIVE", Created: made, Group: "flows/b"},
			{Account: member, Region: region, ID: "fl-5", Resource: "eni-2e", Status: "ACTIVE", Created: made.Add(30 * time.Hour), Group: "/aws/eks/prod/cluster"},
			{Account: member, Region: region, ID: "fl-3", Resource: "eni-2c", Status: "ACTIVE", Created: made.Add(36 * time.Hour)},
		},
		QueryLogs: []awstest.QueryLog{
			{Account: member, Region: region, ID: "rqlca-1", Config: "rqlc-1", VPC: "vpc-1", Status: "ACTIVE", Created: made},
			{Account: member, Region: region, ID: "rqlca-2", Config: "rqlc-1", VPC: "vpc-2", Status: "FAILED", Created: made},
			{Account: member, Region: region, ID: "rqlca-4", Config: "rqlc-1", VPC: "vpc-4", Status: "ACTION_NEEDED", Created: made},
		},
		Clusters: []awstest.Cluster{
			{Account: member, Region: region, Name: "quiet", Logs: []string{"api"}},
			{Account: member, Region: region, Name: "prod", Logs: []string{"api", "audit"}},
			{Account: member, Region: "eu-west-1", Name: "young", Logs: []string{"audit"}},
			{Account: member, Region: "eu-west-1", Name: "short", Logs: []string{"audit"}},
			{Account: member, Region: "eu-west-1", Name: "lost", Logs: []string{"audit"}},
			{Account: member, Region: "us-east-1", Name: "other"},
		},
		Databases: []awstest.Database{
			{Account: member, Region: region, ID: "orders-1", Engine: "aurora-mysql", Cluster: "orders"},
			{Account: member, Region: region, ID: "orders", Engine: "aurora-mysql", IsCluster: true, Exports: []string{"error", "audit"}},
			{Account: member, Region: region, ID: "plain", Engine: "mysql", Exports: []string{"slowquery"}},
			{Account: member, Region: region, ID: "ledger", Engine: "postgres", Exports: []string{"postgresql"}},
		},
		LogGroups: []awstest.LogGroup{
			{Account: member, Region: region, Name: "/aws/eks/prod/cluster", Days: 2, Created: made.AddDate(-1, 0, 0)},
			{Account: member, Region: region, Name: "/aws/eks/prod/cluster-other", Created: made.AddDate(-1, 0, 0)},
			{Account: member, Region: region, Name: "/aws/rds/cluster/orders/audit", Created: made.AddDate(-1, 0, 0)},
			{Account: member, Region: region, Name: "/aws/rds/instance/ledger/postgresql", Days: 1, Created: made.AddDate(-1, 0, 0)},
			{Account: member, Region: region, Name: "flows/b", Days: 3, Created: made},
			{Account: member, Region: "eu-west-1", Name: "/aws/eks/young/cluster", Days: 90, Created: made.Add(30 * time.Hour)},
			{Account: member, Region: "eu-west-1", Name: "/aws/eks/short/cluster", Days: 1, Created: made.Add(30 * time.Hour)},
		},
		Buckets: map[string]awstest.Bucket{
			"example-logged": {Account: member, Region: region, LogBucket: "example-logs"},
			"example-plain":  {Account: member, Region: region},
		},
	}
}

// open returns a source before a double, and the double.
func open(t testing.TB, w awstest.World) (*Source, *awstest.Server) {
	t.Helper()
	s := awstest.New(t, "logs")
	s.Regions(region, "us-east-1", "eu-west-1")
	s.Serve(w)
	s.Role(member, "uratori", "invented-external-id")
	conn, err := awsconn.New(awsconn.Options{
		Name: "aws", Account: awstest.Home, Region: awstest.Region, Transport: s.Transport(),
		Role: awsconn.RoleNamed("aws", "uratori", "invented-external-id"),
		Keys: func(context.Context) (awsconn.Keys, error) {
			b := s.Base()
			return awsconn.Keys{AccessKeyID: b.AccessKeyID, SecretAccessKey: b.SecretAccessKey}, nil
		},
		Caller: call.New(call.Options{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}),
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := New(Options{Name: "aws-logs", Conn: conn, Now: func() time.Time { return made.Add(72 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	return out, s
}

// where is a condition in our own notation.
func where(t testing.TB, d query.Dataset, text string) query.Expr {
	t.Helper()
	q, err := query.Parse(fmt.Sprintf("%s from 2025-03-01T00:00:00Z to 2025-03-02T00:00:00Z where %s select event_time limit 10", d, text))
	if err != nil {
		t.Fatal(err)
	}
	return q.Where
}

func tell(cov []evidence.Coverage) string {
	var out []string
	for _, c := range cov {
		out = append(out, fmt.Sprintf("%s/%s %s", c.State, c.Why, c.Detail))
	}
	return strings.Join(out, "; ")
}

// What is off is told for what the question is about; what is on is never told to be complete.
func TestLogsThatAreOnAndOff(t *testing.T) {
	machine := source.Subject{Region: region, VPC: "vpc-2", Subnet: "subnet-2a", Interfaces: []string{"eni-2a"}, Instance: "i-2"}
	in := func(vpc, subnet string, interfaces ...string) source.Subject {
		return source.Subject{Region: region, VPC: vpc, Subnet: subnet, Interfaces: interfaces}
	}
	for name, c := range map[string]struct {
		kind, region string
		dataset      query.Dataset
		where        string
		subject      source.Subject
		want         string
	}{
		"no flow log on VPC, subnet and interface": {query.KindVPCFlow, region, query.VPCFlow, `interface in ("eni-2a")`, machine, "NotCollected/setting vpc-2, subnet-2a, eni-2a: no flow log is on now"},
		"the instance's":                 {query.KindVPCFlow, region, query.VPCFlow, `instance = "i-2" and action = "ACCEPT"`, machine, "NotCollected/setting vpc-2, subnet-2a, eni-2a: no flow log is on now"},
		"a flow log that cannot deliver": {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-2b"`, in("vpc-2", "subnet-2b", "eni-2b"), "NotCollected/setting vpc-2, subnet-2b, eni-2b: no flow log is on now"},
		"a flow log on the VPC":          {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-1"`, in("vpc-1", "subnet-1", "eni-1"), "NotCollected/not_held vpc-1, subnet-1, eni-1: flow log is on"},
		"a flow log made in the window": {
			query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-2c"`, in("vpc-2", "subnet-2c", "eni-2c"),
			"Unknown/setting vpc-2, subnet-2c, eni-2c: the oldest flow log that is on was made at 2025-03-02T21:30:00Z; NotCollected/not_held vpc-2, subnet-2c, eni-2c: flow log is on",
		},
		"an interface that the finding does not name": {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-7"`, machine, "NotCollected/not_held account 111122223333: flow log is on"},
		"an interface among others":                   {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-7" or action = "ACCEPT"`, machine, "NotCollected/not_held account 111122223333: flow log is on"},
		"several interfaces, each in its own subnet":  {query.KindVPCFlow, region, query.VPCFlow, `interface in ("eni-2a", "eni-2b")`, in("vpc-2", "subnet-2a", "eni-2a", "eni-2b"), "NotCollected/not_held account 111122223333: flow log is on"},
		"a Region without flow logs":                  {query.KindVPCFlow, "us-east-1", query.VPCFlow, `action = "ACCEPT"`, source.Subject{}, "NotCollected/setting account 111122223333: no flow log is on now"},
		"another account's VPC":                       {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-3"`, in("vpc-3", "subnet-3", "eni-3"), "Unknown/no_response vpc-3 is shared by account 444455556666, whose logs are not told here"},
		"a VPC that is gone":                          {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-5"`, in("vpc-5", "subnet-5", "eni-5"), "Unknown/no_response vpc-5 is not there now: whose it was, and what was logged of it, is not told"},
		"no Region":                                   {query.KindVPCFlow, "", query.VPCFlow, `action = "ACCEPT"`, source.Subject{}, "Unknown/no_response settings of a Region can be told, not those of any"},

		"names, the VPC is logged":        {query.KindDNS, region, query.DNS, `query_name = "example.com"`, in("vpc-1", ""), "NotCollected/not_held vpc-1: Resolver query log is on"},
		"names, the VPC's log failed":     {query.KindDNS, region, query.DNS, `query_name = "example.com"`, machine, "NotCollected/setting vpc-2: no Resolver query log is on now"},
		"names, the log needs action":     {query.KindDNS, region, query.DNS, `query_name = "example.com"`, in("vpc-4", ""), "Unknown/setting vpc-4: Resolver query log is not fully on"},
		"names, another VPC of ours":      {query.KindDNS, region, query.DNS, `query_name = "example.com"`, in("vpc-3", ""), "Unknown/no_response vpc-3 is shared by account 444455556666, whose logs are not told here"},
		"names in a Region without a log": {query.KindDNS, "us-east-1", query.DNS, `query_name = "example.com"`, machine, "NotCollected/setting account 111122223333: no Resolver query log is on now"},

		"a cluster with its audit log": {query.KindEKSAudit, "", query.EKSAudit, `cluster = "prod" and verb = "get"`, machine, "Unknown/retention prod: audit log is on, and log group /aws/eks/prod/cluster keeps it for 2 days; NotCollected/not_held prod: audit log is on, and log group /aws/eks/prod/cluster keeps it for 2 days"},
		"a cluster whose log group is younger": {
			query.KindEKSAudit, "eu-west-1", query.EKSAudit, `cluster = "young"`, machine,
			"Unknown/setting young: the oldest audit log that is on was made at 2025-03-02T15:30:00Z; NotCollected/not_held young: audit log is on, and log group /aws/eks/young/cluster keeps it for 90 days",
		},
		"a cluster whose log group is younger, and keeps a day": {
			query.KindEKSAudit, "eu-west-1", query.EKSAudit, `cluster = "short"`, machine,
			"Unknown/setting short: the oldest audit log that is on was made at 2025-03-02T15:30:00Z; Unknown/retention short: audit log is on, and log group /aws/eks/short/cluster keeps it for 1 day",
		},
		"a cluster whose log group is gone": {
			query.KindEKSAudit, "eu-west-1", query.EKSAudit, `cluster = "lost"`, machine,
			"NotCollected/not_held lost: audit log is on; how long it is kept is not told: log group /aws/eks/lost/cluster is not there",
		},
		"a flow log to a log group": {query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-2d"`, in("vpc-2", "subnet-2d", "eni-2d"), "NotCollected/not_held vpc-2, subnet-2d, eni-2d: flow log is on, and log group flows/b keeps it for 3 days"},
		"a flow log made after what its log group no longer keeps": {
			query.KindVPCFlow, region, query.VPCFlow, `interface = "eni-2e"`, in("vpc-2", "subnet-2e", "eni-2e"),
			"Unknown/setting vpc-2, subnet-2e, eni-2e: the oldest flow log that is on was made at 2025-03-02T15:30:00Z; NotCollected/not_held vpc-2, subnet-2e, eni-2e: flow log is on, and log group /aws/eks/prod/cluster keeps it for 2 days",
		},
		"a cluster without":               {query.KindEKSAudit, "", query.EKSAudit, `cluster = "quiet"`, machine, "NotCollected/setting quiet: no audit log is on now"},
		"all clusters of a Region":        {query.KindEKSAudit, "us-east-1", query.EKSAudit, `verb = "get"`, source.Subject{}, "NotCollected/setting account 111122223333: no audit log is on now"},
		"one of the clusters of a Region": {query.KindEKSAudit, region, query.EKSAudit, `verb = "get"`, source.Subject{}, "Unknown/retention account 111122223333: audit log is on, and log group /aws/eks/prod/cluster keeps it for 2 days; NotCollected/not_held account 111122223333: audit log is on, and log group /aws/eks/prod/cluster keeps it for 2 days"},
		"a cluster that is gone":          {query.KindEKSAudit, region, query.EKSAudit, `cluster = "gone"`, machine, "Unknown/no_response eks:DescribeCluster: refused as invalid: ResourceNotFoundException: No cluster found for name: gone."},
		"a name that no cluster has":      {query.KindEKSAudit, region, query.EKSAudit, `cluster = "../nodegroups"`, machine, "Unknown/no_response this is no name of a cluster"},

		"a database's cluster exports":  {query.KindRDSAudit, region, query.RDSAudit, `database_instance = "orders-1"`, machine, "NotCollected/not_held orders-1, orders: audit log is on, and log group /aws/rds/cluster/orders/audit keeps it for ever"},
		"all databases of a Region":     {query.KindRDSAudit, region, query.RDSAudit, `operation = "CONNECT"`, source.Subject{}, "NotCollected/not_held account 111122223333: audit log is on, and log group /aws/rds/cluster/orders/audit keeps it for ever"},
		"a database that exports other": {query.KindRDSAudit, region, query.RDSAudit, `database_instance = "plain"`, machine, "NotCollected/setting plain: no audit log is on now"},
		"PostgreSQL's log":              {query.KindRDSAudit, region, query.RDSAudit, `database_instance = "ledger"`, machine, "Unknown/retention ledger: audit log is on, and log group /aws/rds/instance/ledger/postgresql keeps it for 1 day"},
		"a database that is gone":       {query.KindRDSAudit, region, query.RDSAudit, `database_instance = "gone"`, machine, "Unknown/no_response RDS does not know the database now"},
		"no database at all":            {query.KindRDSAudit, "us-east-1", query.RDSAudit, `operation = "CONNECT"`, machine, "NotCollected/not_held account 111122223333: there is nothing now that could be logged"},

		"a bucket with access logs": {query.KindS3Access, region, query.S3Access, `bucket = "example-logged"`, machine, "NotCollected/not_held example-logged: server access log is on"},
		"a bucket without":          {query.KindS3Access, region, query.S3Access, `bucket = "example-plain"`, machine, "NotCollected/setting example-plain: no server access log is on now"},
		"no bucket":                 {query.KindS3Access, region, query.S3Access, `status = 200`, machine, "NotCollected/not_held told bucket by bucket, and the question names none"},
		"a bucket that is not ours": {query.KindS3Access, region, query.S3Access, `bucket = "example-gone"`, machine, "Unknown/no_response s3:GetBucketLogging: refused as invalid: NoSuchBucket: The specified bucket does not exist"},

		"what is not told here": {query.KindManagement, region, query.CloudTrail, `event_name = "GetObject"`, machine, "NotCollected/not_held "},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t, world())
			c.subject.Where = where(t, c.dataset, c.where)
			got, err := s.Covers(source.WithSubject(t.Context(), c.subject), query.Scope{Kind: c.kind, Account: member, Region: c.region, Window: window})
			if err != nil {
				t.Fatal(err)
			}
			if tell(got) != c.want {
				t.Errorf("%s\nwant %s", tell(got), c.want)
			}
			at := window.From
			for _, i := range got { // intervals partition the window
				if !i.Window.From.Equal(at) {
					t.Errorf("an interval begins at %s, the last ended at %s", i.Window.From, at)
				}
				at = i.Window.To
			}
			if !at.Equal(window.To) {
				t.Errorf("the intervals end at %s", at)
			}
		})
	}
}

// What could not be asked of the log groups takes nothing back of what the settings say, and makes
// nothing up: neither that records are gone, nor that they are kept.
func TestFaultsOfLogGroups(t *testing.T) {
	for _, do := range []awstest.Trouble{
		awstest.Throttle, awstest.Unavailable, awstest.Broken, awstest.Refuse, awstest.Deny, awstest.ExpireToken, awstest.Timeout, awstest.Cut, awstest.Truncate,
		awstest.WrongType, awstest.NoBody, awstest.SameToken, awstest.EndlessToken,
	} {
		t.Run(do.String(), func(t *testing.T) {
			s, double := open(t, world())
			double.Tolerate()
			double.Script(awstest.Fault{Service: "logs", Do: do})
			m := &meter{left: 60}
			subject := source.Subject{Region: region, Where: where(t, query.EKSAudit, `cluster = "prod"`)}
			got, err := s.Covers(source.WithMeter(source.WithSubject(t.Context(), subject), m), query.Scope{Kind: query.KindEKSAudit, Account: member, Region: region, Window: window})
			if err != nil {
				t.Fatal(err)
			}
			if text := tell(got); !strings.HasPrefix(text, "NotCollected/not_held prod: audit log is on; how long it is kept is not told: ") || len(got) != 1 {
				t.Error(text)
			}
			if m.made > 40 {
				t.Errorf("%d calls", m.made)
			}
		})
	}
	s, _ := open(t, world())
	if _, err := s.Covers(source.WithMeter(t.Context(), &meter{left: 4}), query.Scope{Kind: query.KindEKSAudit, Account: member, Region: region, Window: window}); !errors.Is(err, source.ErrBudget) {
		t.Errorf("a budget that ends before the log groups: %v", err)
	}
}

func TestGroups(t *testing.T) {
	s, _ := open(t, world())
	for _, c := range []struct {
		kind, region string
		want         string
	}{
		{query.KindEKSAudit, region, "[{/aws/eks/prod/cluster 48h0m0s 2024-03-01 09:30:00 +0000 UTC}]"},
		{query.KindRDSAudit, region, "[{/aws/rds/cluster/orders/audit 0s 2024-03-01 09:30:00 +0000 UTC} {/aws/rds/instance/ledger/postgresql 24h0m0s 2024-03-01 09:30:00 +0000 UTC}]"},
		{query.KindVPCFlow, region, "[]"}, // one of them goes to a bucket
		{query.KindS3Access, region, "[]"},
		{query.KindEKSAudit, "us-east-1", "[]"},
		{query.KindManagement, region, "[]"},
	} {
		got, err := s.Groups(t.Context(), query.Scope{Kind: c.kind, Account: member, Region: c.region, Window: window})
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s in %s: %v, %v; want %s", c.kind, c.region, got, err, c.want)
		}
	}
	if got, err := s.Groups(t.Context(), query.Scope{Kind: query.KindEKSAudit, Account: member, Region: "eu-west-1", Window: window}); err == nil {
		t.Errorf("a log group that is not there was told as %v", got)
	}
}

// scopes are one scope of each kind that is told from lists, in a Region where all of it is off.
func scopes() []query.Scope {
	var out []query.Scope
	for _, k := range Kinds() {
		if k != query.KindS3Access {
			out = append(out, query.Scope{Kind: k, Account: member, Region: region, Window: window})
		}
	}
	return out
}

func offWorld() awstest.World {
	return awstest.World{
		VPCs:      []awstest.VPC{{Account: member, Region: region, ID: "vpc-1", Owner: member}},
		Clusters:  []awstest.Cluster{{Account: member, Region: region, Name: "quiet"}},
		Databases: []awstest.Database{{Account: member, Region: region, ID: "plain", Engine: "mysql"}},
	}
}

// Whatever goes wrong, a log is never told to be off.
func TestFaultsAreNeverOff(t *testing.T) {
	s, _ := open(t, offWorld())
	for _, scope := range scopes() {
		if got, err := s.Covers(t.Context(), scope); err != nil || !strings.HasPrefix(tell(got), "NotCollected/setting") {
			t.Fatalf("%s without a fault: %s, %v", scope.Kind, tell(got), err)
		}
	}
	for _, do := range []awstest.Trouble{
		awstest.Throttle, awstest.Unavailable, awstest.Broken, awstest.Refuse, awstest.Deny, awstest.ExpireToken, awstest.Timeout, awstest.Cut, awstest.Truncate,
		awstest.WrongType, awstest.NoBody, awstest.SameToken, awstest.EndlessToken,
	} {
		for _, scope := range scopes() {
			t.Run(do.String()+" "+scope.Kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // where silence costs no time
					s, double := open(t, offWorld())
					double.Tolerate()
					for _, service := range []string{"ec2", "route53resolver", "eks", "rds"} {
						double.Script(awstest.Fault{Service: service, Do: do})
					}
					m := &meter{left: 60}
					got, err := s.Covers(source.WithMeter(t.Context(), m), scope)
					if err != nil {
						t.Fatal(err)
					}
					if len(got) != 1 || got[0].State != evidence.Unknown || got[0].Why != evidence.WhyNoResponse || got[0].Detail == "" {
						t.Errorf("%s", tell(got))
					}
					if m.made > 40 {
						t.Errorf("%d calls", m.made)
					}
				})
			})
		}
	}
}

type meter struct {
	mu         sync.Mutex
	left, made int
}

func (m *meter) Take(api string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made >= m.left {
		return fmt.Errorf("%s: %w", api, source.ErrBudget)
	}
	m.made++
	return nil
}

func (m *meter) Note(source.Call) {}

// An answer serves every question for a while, a refusal too; it is evidence each time.
func TestAnswersAreRemembered(t *testing.T) {
	s, double := open(t, offWorld())
	for range 3 {
		for _, scope := range scopes() {
			var documents []source.Document
			var mu sync.Mutex
			ctx := source.WithWitness(t.Context(), func(d source.Document) {
				mu.Lock()
				defer mu.Unlock()
				documents = append(documents, d)
			})
			if _, err := s.Covers(ctx, scope); err != nil {
				t.Fatal(err)
			}
			var settings []coverage.Setting
			for _, d := range documents {
				settings = append(settings, coverage.ReadSettings(member, region, d.Body)...)
			}
			if !slices.ContainsFunc(settings, func(x coverage.Setting) bool { return x.Kind == scope.Kind && x.On == coverage.Off }) {
				t.Errorf("%s: the documents do not say that the log is off: %v", scope.Kind, documents)
			}
		}
	}
	count := map[string]int{}
	for _, c := range double.Calls() {
		count[c.Operation]++
	}
	for op, n := range count {
		if n != 1 {
			t.Errorf("%s was called %d times", op, n)
		}
	}
	if len(count) < 7 {
		t.Errorf("calls %v", count)
	}

	s, double = open(t, offWorld())
	double.Script(awstest.Fault{Service: "ec2", Do: awstest.Deny})
	for range 3 {
		got, err := s.Covers(t.Context(), query.Scope{Kind: query.KindVPCFlow, Account: member, Region: region, Window: window})
		if err != nil || !strings.Contains(tell(got), "Unknown/no_response ec2:DescribeFlowLogs: refused") {
			t.Errorf("%s, %v", tell(got), err)
		}
	}
	if n := len(slices.DeleteFunc(double.Calls(), func(c awstest.Call) bool { return c.Service != "ec2" })); n != 1 {
		t.Errorf("a refusal was asked for %d times", n)
	}
}

func TestBudgetsAndContexts(t *testing.T) {
	s, _ := open(t, offWorld())
	scope := query.Scope{Kind: query.KindVPCFlow, Account: member, Region: region, Window: window}
	if _, err := s.Covers(source.WithMeter(t.Context(), &meter{}), scope); !errors.Is(err, source.ErrBudget) {
		t.Errorf("without a budget: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Covers(ctx, scope); !errors.Is(err, context.Canceled) {
		t.Errorf("in a context that ended: %v", err)
	}
	if _, err := s.Covers(t.Context(), query.Scope{Kind: query.KindVPCFlow, Account: member}); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("an empty window: %v", err)
	}
	a, err := s.Ask(t.Context(), query.Query{Dataset: query.VPCFlow, Window: window})
	if err != nil || a.Outcome != evidence.NotCollected || len(a.Rows) > 0 {
		t.Errorf("asked for records: %+v, %v", a, err)
	}
	if got, err := s.Covers(t.Context(), query.Scope{Kind: query.KindVPCFlow, Region: region, Window: window}); err != nil || got[0].State != evidence.Unknown {
		t.Errorf("without an account: %s, %v", tell(got), err)
	}
}

// What no cluster, database or bucket can be called makes no call, whatever else it is.
func TestHostileNamesMakeNoCall(t *testing.T) {
	s, double := open(t, world())
	for _, name := range []string{"", "a b", "../../clusters", "a?x=1", "a#b", "a%2fb", "a\nb", "a\x00b", "ａ", "a;id", "$(id)", "evil.example/", strings.Repeat("a", 65536)} {
		for kind, field := range map[string]query.Field{query.KindEKSAudit: "cluster", query.KindRDSAudit: "database_instance", query.KindS3Access: "bucket"} {
			ctx := source.WithSubject(t.Context(), source.Subject{Region: region, Where: query.Compare{Field: field, Op: query.Equal, Value: query.TextOf(name)}})
			got, err := s.Covers(ctx, query.Scope{Kind: kind, Account: member, Region: region, Window: window})
			if err != nil || len(got) != 1 || got[0].State != evidence.Unknown {
				t.Errorf("%s %.40q: %s, %v", kind, name, tell(got), err)
			}
		}
	}
	for _, scope := range []query.Scope{{Account: "1/../2", Region: region}, {Account: member, Region: "x.evil.example/"}} {
		scope.Kind, scope.Window = query.KindVPCFlow, window
		if got, err := s.Covers(t.Context(), scope); err != nil || got[0].State != evidence.Unknown {
			t.Errorf("%+v: %s, %v", scope, tell(got), err)
		}
	}
	if calls := double.Calls(); len(calls) != 0 {
		t.Errorf("%d calls were made: %v", len(calls), calls)
	}
}
