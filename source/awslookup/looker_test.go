package awslookup

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"uratori/evidence"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
)

const (
	member = "111122223333"
	store  = "d-1234567890"
	userID = "906747f1-3a0c-4f0e-9a51-1d1c2b3a4d5e"
	keyID  = "AKIAEXAMPLE000000009"
	bucket = "example-ledger"
	inst   = "i-0123456789abcdef0"
	group  = "906747f1-3a0c-4f0e-9a51-2d1c2b3a4d5e"
)

var at = time.Date(2025, 3, 1, 9, 30, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func world() awstest.World {
	return awstest.World{
		Accounts: map[string]awstest.OrgAccount{
			member:         {Name: "example-dev", State: "ACTIVE", Parent: "ou-ab12-22222222", Joined: at, Tags: [][2]string{{"owner", "team-a"}, {"environment", "dev"}, {"cost", "1"}}},
			"222233334444": {Name: "example-root", State: "SUSPENDED", Parent: "r-ab12", Joined: at},
		},
		Units: map[string]awstest.OrgUnit{"ou-ab12-22222222": {Name: "Dev", Parent: "ou-ab12-11111111"}, "ou-ab12-11111111": {Name: "Workloads", Parent: "r-ab12"}},
		Store: store,
		Users: map[string]awstest.StoreUser{userID: {
			UserName: "sato.kaede@example.co.jp", DisplayName: "佐藤 楓", Email: "sato@example.co.jp", Title: "Engineer", Status: "ENABLED",
			Issuer: "https://sts.windows.net/00000000-0000-4000-8000-000000000001/", ExternalID: "00000000-0000-4000-8000-000000000002",
		}},
		PermissionSets: []awstest.PermissionSet{
			{ID: "ps-0000000000000001", Name: "Billing", Duration: "PT1H", Provisioned: []string{member}, Managed: []string{"arn:aws:iam::aws:policy/job-function/Billing"}},
			{ID: "ps-0000000000000002", Name: "dataUser", Duration: "PT2H", Provisioned: []string{member}}, // another, by its letters
			{ID: "ps-0000000000000003", Name: "DataUser", Duration: "PT12H", Provisioned: []string{"222233334444"}},
			{
				ID: "ps-0000000000000004", Name: setName, Description: "x`|</script>\u00ff", Duration: "PT8H30M", Provisioned: []string{"222233334444", member},
				Managed:  []string{"arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/job-function/Billing"},
				Customer: [][2]string{{"/team/a/", "limit"}, {"", "own"}, {"/", "third"}}, Inline: `{"Version":"2012-10-17","Statement":[]}`, Limit: [2]string{"/guard/", "rail"},
				Assigned: []awstest.Assignment{
					{Account: member, Type: "GROUP", ID: group},
					{Account: member, Type: "USER", ID: userID},
					{Account: "222233334444", Type: "USER", ID: "906747f1-3a0c-4f0e-9a51-000000000009"},
					{Account: member, Type: "USER", ID: "1234567890-906747f1-3a0c-4f0e-9a51-000000000001"},
				},
			},
		},
		IAM: map[string]awstest.IAM{member: {
			Users: map[string]awstest.IAMUser{"batch": {
				Policies: awstest.Policies{Attached: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Inline: []string{"own"}},
				Path:     "/service/", Created: at, Groups: []string{"ops", "all", "third"}, Tags: [][2]string{{"team", "a"}},
				Keys: []awstest.AccessKey{
					{ID: "AKIAEXAMPLE000000007", Status: "Inactive", Created: at},
					{ID: "AKIAEXAMPLE000000008", Status: "Active", Created: at},
					{ID: keyID, Status: "Active", Created: at, Used: at.Add(48 * time.Hour), Service: "s3", Region: "ap-northeast-1"},
				},
				Boundary: "arn:aws:iam::111122223333:policy/limit",
			}},
			Roles: map[string]awstest.IAMRole{"AWSReservedSSO_Dev_0123456789abcdef": {
				Policies: awstest.Policies{Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/job-function/Billing", "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
				Path:     "/aws-reserved/sso.amazonaws.com/", Created: at, Used: at.Add(time.Hour),
			}},
			Groups: map[string]awstest.Policies{"ops": {Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}, Inline: []string{"extra"}}, "all": {}, "third": {}},
		}},
		Buckets: map[string]awstest.Bucket{
			bucket: {
				Account: member, Region: "us-east-1", Versioning: "Enabled", Tags: [][2]string{{"data", "ledger & <b>"}}, Block: &[4]bool{true, false, true, false},
				PolicyPublic: ptr(true), Grants: [][2]string{{"http://acs.amazonaws.com/groups/global/AllUsers", "READ"}, {"http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE"}},
				LogBucket: "example-logs", LogPrefix: "ledger/",
			},
			"example-plain":  {Account: member, Region: "ap-northeast-1"},
			"example-shared": {Account: "222233334444", Region: "ap-northeast-1", Shared: true},
		},
		AccountBlocks: map[string][4]bool{member: {false, true, false, true}},
		Instances: map[string]awstest.Instance{
			inst: {
				Account: member, Region: "ap-northeast-1", State: "running", Type: "t3.micro", Image: "ami-0123456789abcdef0", Profile: "arn:aws:iam::111122223333:instance-profile/web",
				HTTPTokens: "optional", PrivateIP: "10.0.0.5", PublicIP: "192.0.2.10", VPC: "vpc-0123456789abcdef0", Subnet: "subnet-0123456789abcdef0", Launched: at,
				Tags: [][2]string{{"Name", "web"}},
				Groups: []awstest.SecurityGroup{{ID: "sg-0123456789abcdef0", Name: "web", Rules: []awstest.Rule{
					{Protocol: "tcp", From: 22, To: 22, Source: "0.0.0.0/0"}, {Protocol: "tcp", From: 443, To: 443, Source: "2001:db8::/32"}, {Protocol: "-1", From: 0, To: 0, Source: "sg-0123456789abcdef1"}, {Protocol: "udp", From: 0, To: 65535, Source: "pl-0123456789abcdef0"},
				}}},
			},
			"i-0123456789abcdef1": {Account: member, Region: "ap-northeast-1", State: "terminated", Launched: at},
		},
	}
}

// open returns a looker before a double, and the double.
func open(t testing.TB, change ...func(*awsconn.Options)) (*Looker, *awstest.Server) {
	t.Helper()
	s := awstest.New(t, "organizations", "identitystore", "iam", "sso-admin")
	s.Serve(world())
	s.Role(member, "uratori", "invented-external-id")
	opt := awsconn.Options{
		Name: "aws", Account: awstest.Home, Region: awstest.Region, Transport: s.Transport(),
		Role: awsconn.RoleNamed("aws", "uratori", "invented-external-id"),
		Keys: func(context.Context) (awsconn.Keys, error) {
			b := s.Base()
			return awsconn.Keys{AccessKeyID: b.AccessKeyID, SecretAccessKey: b.SecretAccessKey}, nil
		},
		Caller: call.New(call.Options{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}),
	}
	for _, c := range change {
		c(&opt)
	}
	conn, err := awsconn.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(Options{Name: "aws", Conn: conn, IdentityStore: IdentityStore{ID: store}})
	if err != nil {
		t.Fatal(err)
	}
	return l, s
}

// things are one of each kind that exists.
var things = []evidence.Lookup{
	{Kind: evidence.LookAccount, Key: member},
	{Kind: evidence.LookUser, Key: userID},
	{Kind: evidence.LookUser, Key: "sato.kaede@example.co.jp"},
	{Kind: evidence.LookKey, Key: keyID, Account: member},
	{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::111122223333:user/service/batch", Account: member},
	{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef", Account: member},
	{Kind: evidence.LookBucket, Key: bucket, Account: member, Region: "ap-northeast-1"}, // it lies elsewhere
	{Kind: evidence.LookInstance, Key: inst, Account: member, Region: "ap-northeast-1"},
	{Kind: evidence.LookPermissionSet, Key: setName, Account: member},
}

// setName has the 32 characters that a name may have, and every sign.
const setName = "Data.User_of+the=team,32@letter-"

func TestEachKindIsLookedUp(t *testing.T) {
	l, s := open(t)
	user := &evidence.LookedUser{
		ID: userID, UserName: "sato.kaede@example.co.jp", DisplayName: "佐藤 楓", Email: "sato@example.co.jp", Title: "Engineer", Status: "ENABLED",
		ExternalIDs: []evidence.ExternalID{{ID: "00000000-0000-4000-8000-000000000002", Issuer: "https://sts.windows.net/00000000-0000-4000-8000-000000000001/"}},
	}
	want := []evidence.Body{
		{Account: &evidence.LookedAccount{
			ID: member, Name: "example-dev", Joined: &at, Status: "ACTIVE", OUs: []string{"Workloads", "Dev"},
			Tags: []evidence.Tag{{Key: "cost", Value: "1"}, {Key: "environment", Value: "dev"}, {Key: "owner", Value: "team-a"}},
		}},
		{User: user},
		{User: user},
		{AccessKey: &evidence.LookedKey{UserName: "batch", Status: "Active", Created: &at, LastUsed: ptr(at.Add(48 * time.Hour)), LastUsedService: "s3", LastUsedRegion: "ap-northeast-1", OtherKeys: 2}},
		{Principal: &evidence.LookedPrincipal{
			ARN: "arn:aws:iam::111122223333:user/service/batch", Type: "user", Name: "batch", Created: &at, Groups: []string{"all", "ops", "third"},
			Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"}, Inline: []string{"ops/extra", "own"},
			Boundary: "arn:aws:iam::111122223333:policy/limit", Tags: []evidence.Tag{{Key: "team", Value: "a"}},
		}},
		{Principal: &evidence.LookedPrincipal{
			ARN: things[5].Key, Type: "role", Name: "AWSReservedSSO_Dev_0123456789abcdef", Created: &at, LastUsed: ptr(at.Add(time.Hour)), MaxSession: 43200,
			Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/job-function/Billing"},
		}},
		{Bucket: &evidence.LookedBucket{
			Name: bucket, Region: "us-east-1", Versioning: "Enabled", Tags: []evidence.Tag{{Key: "data", Value: "ledger & <b>"}},
			Block: &evidence.BlockPublic{BlockACLs: true, BlockPolicy: true}, AccountBlock: &evidence.BlockPublic{IgnoreACLs: true, RestrictBuckets: true}, PolicyPublic: ptr(true), PublicGrants: []string{"AllUsers READ"},
			LogBucket: "example-logs", LogPrefix: "ledger/",
		}},
		{Instance: &evidence.LookedInstance{
			ID: inst, State: "running", Type: "t3.micro", Image: "ami-0123456789abcdef0", Launched: &at, PrivateIP: "10.0.0.5", PublicIP: "192.0.2.10",
			VPC: "vpc-0123456789abcdef0", Subnet: "subnet-0123456789abcdef0", Profile: "arn:aws:iam::111122223333:instance-profile/web", Metadata: "optional",
			Tags: []evidence.Tag{{Key: "Name", Value: "web"}},
			Groups: []evidence.Group{{ID: "sg-0123456789abcdef0", Name: "web", Ingress: []evidence.Ingress{
				{Protocol: "-1", From: 0, To: 65535, Source: "sg-0123456789abcdef1"},
				{Protocol: "tcp", From: 22, To: 22, Source: "0.0.0.0/0"},
				{Protocol: "tcp", From: 443, To: 443, Source: "2001:db8::/32"},
				{Protocol: "udp", From: 0, To: 65535, Source: "pl-0123456789abcdef0"},
			}}},
		}},
		{PermissionSet: &evidence.LookedPermissionSet{
			ARN: "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0000000000000004", Name: setName, Description: "x`|</script>\u00ff", Duration: "PT8H30M",
			Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/job-function/Billing"},
			Customer: []string{"/own", "/team/a/limit", "/third"}, Inline: true, Boundary: "/guard/rail",
			Users: []string{"1234567890-906747f1-3a0c-4f0e-9a51-000000000001", userID}, Groups: []string{group},
		}},
	}
	for i, what := range things {
		got, err := l.Look(t.Context(), what)
		if err != nil || got.Outcome != evidence.Found {
			t.Errorf("%s %s: %v, %v", what.Kind, what.Key, got.Outcome, err)
			continue
		}
		want := want[i]
		want.Kind, want.Key, want.Parts = what.Kind, what.Key, got.Body.Parts
		if diff := cmp.Diff(want, got.Body); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", what.Kind, what.Key, diff)
		}
		if !got.Body.Whole() || len(got.Body.Parts) == 0 || got.Calls == 0 || got.Bytes == 0 || got.Native == "" {
			t.Errorf("%s %s: parts %v, %d calls, %d bytes, native %q", what.Kind, what.Key, got.Body.Parts, got.Calls, got.Bytes, got.Native)
		}
		if strings.Contains(got.Native, keyID) {
			t.Errorf("the native calls print an access key whole: %s", got.Native)
		}
		if back, err := evidence.DecodeBody(got.Body.Encode()); err != nil || !cmp.Equal(back.Encode(), got.Body.Encode()) {
			t.Errorf("%s %s does not read back: %v", what.Kind, what.Key, err)
		}
	}
	// What was called is what the tables of actions say, all of it and nothing else.
	actions := map[string]bool{}
	for _, c := range s.Calls() {
		name := strings.TrimSuffix(c.Service, "-admin") + ":" + c.Operation // IAM's name of SSO Admin is sso
		if name == "s3:GetPublicAccessBlock" {
			name = "s3:GetBucketPublicAccessBlock" // IAM's name of it
		}
		actions[name] = true
	}
	actions["sts:GetCallerIdentity"] = true // see TestWhoami
	declared := slices.Sorted(slices.Values(slices.Concat(Actions, awsconn.Actions)))
	if diff := cmp.Diff(declared, slices.Sorted(maps.Keys(actions))); diff != "" {
		t.Errorf("actions (-declared +called):\n%s", diff)
	}
}

func TestWhoami(t *testing.T) {
	l, _ := open(t)
	for account, arn := range map[string]string{"": "arn:aws:iam::444455556666:user/uratori", member: "arn:aws:sts::111122223333:assumed-role/uratori/uratori"} {
		who, err := l.opt.Conn.Whoami(t.Context(), account)
		if err != nil || who.ARN != arn {
			t.Errorf("in account %q: %+v, %v", account, who, err)
		}
	}
}

// A thing that does not exist is Empty, and what has nothing in it is Found and whole.
func TestAbsence(t *testing.T) {
	l, _ := open(t)
	for _, what := range []evidence.Lookup{
		{Kind: evidence.LookAccount, Key: "999988887777"},
		{Kind: evidence.LookUser, Key: "906747f1-3a0c-4f0e-9a51-000000000000"},
		{Kind: evidence.LookUser, Key: "nobody@example.co.jp"},
		{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::111122223333:user/nobody", Account: member},
		{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::111122223333:role/nobody", Account: member},
		{Kind: evidence.LookBucket, Key: "example-nothing", Account: member, Region: "ap-northeast-1"},
		{Kind: evidence.LookInstance, Key: "i-0fffffffffffffff0", Account: member, Region: "ap-northeast-1"},
		{Kind: evidence.LookPermissionSet, Key: "DataUser", Account: member}, // of another account
		{Kind: evidence.LookPermissionSet, Key: "BILLING", Account: member},
	} {
		got, err := l.Look(t.Context(), what)
		if err != nil || got.Outcome != evidence.Empty {
			t.Errorf("%s %s: %v, %v; want Empty", what.Kind, what.Key, got.Outcome, err)
		}
	}
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookBucket, Key: "example-plain", Account: member, Region: "ap-northeast-1"})
	if err != nil || !got.Body.Whole() || got.Body.Bucket.Block != nil || got.Body.Bucket.PolicyPublic != nil || got.Body.Bucket.LogBucket != "" {
		t.Errorf("a plain bucket: %+v, %v", got.Body, err)
	}
	got, err = l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookAccount, Key: "222233334444"})
	if err != nil || !got.Body.Whole() || got.Body.Account.OUs != nil || got.Body.Account.Status != "SUSPENDED" {
		t.Errorf("an account below the root: %+v, %v", got.Body, err)
	}
	got, err = l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookInstance, Key: "i-0123456789abcdef1", Account: member, Region: "ap-northeast-1"})
	if err != nil || !got.Body.Whole() || got.Body.Instance.State != "terminated" {
		t.Errorf("a terminated instance: %+v, %v", got.Body, err)
	}
	// IAM does not tell whether a key that is not ours exists.
	if _, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookKey, Key: "AKIAEXAMPLE000000404", Account: member}); !errors.Is(err, source.ErrDenied) {
		t.Errorf("a key of nobody: %v; want a refusal", err)
	}
}

// The block of an account is told for its own buckets, and is none where the account has none.
func TestBlocksOfAccounts(t *testing.T) {
	const api = "s3:GetAccountPublicAccessBlock"
	l, s := open(t)
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookBucket, Key: "example-shared", Account: member, Region: "ap-northeast-1"})
	if p, _ := got.Body.Part(api); err != nil || p.Outcome != evidence.Denied || got.Body.Bucket.AccountBlock != nil {
		t.Errorf("a bucket of another account: %+v, %v", got.Body, err)
	}
	if slices.ContainsFunc(s.Calls(), func(c awstest.Call) bool { return c.Operation == "GetAccountPublicAccessBlock" }) {
		t.Error("the block of an account that does not own the bucket was asked for")
	}
	none := world()
	none.AccountBlocks = nil
	s.Serve(none)
	got, err = l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookBucket, Key: bucket, Account: member, Region: "us-east-1"})
	if p, _ := got.Body.Part(api); err != nil || p.Outcome != evidence.Empty || got.Body.Bucket.AccountBlock != nil || !got.Body.Whole() {
		t.Errorf("an account without a block: %+v, %v", got.Body, err)
	}
}

// What AWS cannot know is not asked for.
func TestKeysOfAnotherFormMakeNoCall(t *testing.T) {
	l, s := open(t)
	for kind, keys := range map[evidence.LookupKind][]string{
		evidence.LookAccount:       {"", "11112222333", "111122223333\n", "１１１１２２２２３３３３"},
		evidence.LookUser:          {"", "sato", "a b@example.co.jp", "a\x00@example.co.jp", strings.Repeat("a", 65536) + "@example.co.jp", "$(id)"},
		evidence.LookKey:           {"", "ASIAEXAMPLE000000009", "AKIA", "AKIAEXAMPLE000000009;id"},
		evidence.LookPrincipal:     {"", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/a b", "arn:aws:sts::111122223333:federated-user/x", "arn:aws:iam::111122223333:role/x'`id`"},
		evidence.LookBucket:        {"", "..", "a/../b", "example.evil/x", "b?acl", "x@198.51.100.7", "バケット"},
		evidence.LookInstance:      {"", "i-", "i-0123456789ABCDEF0", "mi-0123456789abcdef0"},
		evidence.LookPerson:        {"sato.kaede@example.co.jp"},
		evidence.LookPermissionSet: {"", "a b", "x'`id`", "\u202E", "データ", strings.Repeat("a", 33), "a\n"},
	} {
		for _, k := range keys {
			got, err := l.Look(t.Context(), evidence.Lookup{Kind: kind, Key: k, Account: member, Region: "ap-northeast-1"})
			if err != nil || got.Outcome != evidence.NotCollected || got.Reason == "" {
				t.Errorf("%s %.40q: %v, %v; want NotCollected and why", kind, k, got.Outcome, err)
			}
		}
	}
	if calls := s.Calls(); len(calls) != 0 {
		t.Errorf("%d calls were made: %v", len(calls), calls)
	}
	for _, l2 := range []evidence.Lookup{{Kind: evidence.LookBucket, Key: bucket, Account: member, Region: "x.evil.example/"}, {Kind: evidence.LookInstance, Key: inst, Account: "x", Region: "ap-northeast-1"}} {
		if _, err := l.Look(t.Context(), l2); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%+v: %v; want a refusal as invalid", l2, err)
		}
	}
}

// A meter counts calls and lets only so many through.
type meter struct {
	mu    sync.Mutex
	left  int
	taken map[string]int
}

func (m *meter) Take(api string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return source.ErrBudget
	}
	m.left--
	m.taken[api]++
	return nil
}

func (*meter) Note(source.Call) {}

// Every fault at every call of every kind: what is said is so, or is said not to be known.
func TestFaults(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	truth := map[string]evidence.Body{}
	l, s := open(t)
	for _, what := range things {
		got, err := l.Look(t.Context(), what)
		if err != nil {
			t.Fatal(err)
		}
		truth[string(what.Kind)+what.Key] = got.Body
	}
	apis := map[string]bool{}
	for _, c := range s.Calls() {
		apis[c.Service+":"+c.Operation] = true
	}
	want := map[awstest.Trouble]error{
		awstest.Throttle: source.ErrThrottled, awstest.Unavailable: source.ErrUnavailable, awstest.Broken: source.ErrUnavailable,
		awstest.Refuse: source.ErrInvalid, awstest.Deny: source.ErrDenied, awstest.ExpireToken: source.ErrDenied, awstest.Timeout: source.ErrUnavailable,
		awstest.Cut: source.ErrUnavailable, awstest.Truncate: source.ErrUnavailable, awstest.WrongType: source.ErrUnavailable, awstest.NoBody: source.ErrUnavailable,
		awstest.Skew: nil, awstest.SameToken: source.ErrUnavailable, awstest.EndlessToken: source.ErrUnavailable, awstest.Slow: nil,
	}
	for trouble, sentinel := range want {
		for _, api := range slices.Sorted(maps.Keys(apis)) {
			service, op, _ := strings.Cut(api, ":")
			if service == "sts" && trouble != awstest.Deny || trouble == awstest.Skew && op != "GetRole" {
				continue
			}
			synctest.Test(t, func(t *testing.T) { // where no call is late on a busy machine
				l, s := open(t, func(o *awsconn.Options) {
					o.Timeout = 50 * time.Millisecond
					o.Caller = call.New(call.Options{Attempts: 2, Failures: 1000, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
				})
				by := 10 * time.Minute
				if trouble == awstest.Slow {
					by = time.Millisecond
				}
				s.Script(awstest.Fault{Service: service, Operation: op, Do: trouble, By: by})
				harmless := trouble == awstest.Slow || trouble == awstest.Skew || trouble == awstest.SameToken || trouble == awstest.EndlessToken // where a list has no token
				for _, what := range things {
					m := &meter{left: 100, taken: map[string]int{}}
					got, err := l.Look(source.WithMeter(t.Context(), m), what)
					where := trouble.String() + " at " + api + ", " + string(what.Kind) + " " + what.Key
					if calls := 100 - m.left; calls > 60 || calls != got.Calls {
						t.Errorf("%s: %d calls, %d told", where, calls, got.Calls)
					}
					if err != nil || !got.Body.Whole() {
						harmless = true
					}
					if err != nil {
						if sentinel == nil || !errors.Is(err, sentinel) {
							t.Errorf("%s: %v; want %v", where, err, sentinel)
						}
						continue
					}
					if got.Outcome != evidence.Found {
						t.Errorf("%s: %v", where, got.Outcome)
						continue
					}
					holds(t, where, truth[string(what.Kind)+what.Key], got.Body)
				}
				if !harmless {
					t.Errorf("%s at %s was not noticed", trouble, api)
				}
			})
		}
	}
}

// holds tells whether a body says nothing that is not so: every part that answered agrees with the
// truth, and only what belongs to another part is missing.
func holds(t *testing.T, where string, truth, got evidence.Body) {
	t.Helper()
	if got.Whole() {
		if diff := cmp.Diff(truth, got); diff != "" {
			t.Errorf("%s: whole, and wrong (-truth +got):\n%s", where, diff)
		}
		return
	}
	ok := func(name string) bool {
		p, made := got.Part(name)
		return made && (p.Outcome == evidence.Found || p.Outcome == evidence.Empty)
	}
	check := func(parts []string, truth, got any) {
		for _, p := range parts {
			if !ok(p) {
				return
			}
		}
		if diff := cmp.Diff(truth, got); diff != "" {
			t.Errorf("%s: parts %v answered, and say (-truth +got):\n%s", where, parts, diff)
		}
	}
	switch {
	case got.Account != nil:
		check([]string{"organizations:ListTagsForResource"}, truth.Account.Tags, got.Account.Tags)
		check([]string{"organizations:ListParents", "organizations:DescribeOrganizationalUnit"}, truth.Account.OUs, got.Account.OUs)
		check(nil, truth.Account.Name, got.Account.Name)
	case got.AccessKey != nil:
		check([]string{"iam:ListAccessKeys"}, truth.AccessKey, got.AccessKey)
		check(nil, truth.AccessKey.LastUsed, got.AccessKey.LastUsed)
	case got.Principal != nil && got.Principal.Type == "role":
		check([]string{"iam:ListAttachedRolePolicies"}, truth.Principal.Attached, got.Principal.Attached)
		check([]string{"iam:ListRolePolicies"}, truth.Principal.Inline, got.Principal.Inline)
	case got.Principal != nil:
		check([]string{"iam:ListAttachedUserPolicies", "iam:ListGroupsForUser", "iam:ListAttachedGroupPolicies"}, truth.Principal.Attached, got.Principal.Attached)
		check([]string{"iam:ListUserPolicies", "iam:ListGroupsForUser", "iam:ListGroupPolicies"}, truth.Principal.Inline, got.Principal.Inline)
		check([]string{"iam:ListGroupsForUser"}, truth.Principal.Groups, got.Principal.Groups)
	case got.Bucket != nil:
		check([]string{"s3:GetBucketPublicAccessBlock"}, truth.Bucket.Block, got.Bucket.Block)
		check([]string{"s3:GetBucketPolicyStatus"}, truth.Bucket.PolicyPublic, got.Bucket.PolicyPublic)
		check([]string{"s3:GetBucketAcl"}, truth.Bucket.PublicGrants, got.Bucket.PublicGrants)
		check([]string{"s3:GetBucketTagging"}, truth.Bucket.Tags, got.Bucket.Tags)
		check([]string{"s3:GetBucketVersioning"}, truth.Bucket.Versioning, got.Bucket.Versioning)
		check([]string{"s3:GetBucketLogging"}, truth.Bucket.LogBucket, got.Bucket.LogBucket)
	case got.PermissionSet != nil:
		g, w := got.PermissionSet, truth.PermissionSet
		check([]string{"sso:ListManagedPoliciesInPermissionSet"}, w.Attached, g.Attached)
		check([]string{"sso:ListCustomerManagedPolicyReferencesInPermissionSet"}, w.Customer, g.Customer)
		check([]string{"sso:GetInlinePolicyForPermissionSet"}, w.Inline, g.Inline)
		check([]string{"sso:GetPermissionsBoundaryForPermissionSet"}, w.Boundary, g.Boundary)
		check([]string{"sso:ListAccountAssignments"}, [][]string{w.Users, w.Groups}, [][]string{g.Users, g.Groups})
		check(nil, w.Duration, g.Duration)
	case got.Instance != nil:
		check([]string{"ec2:DescribeSecurityGroups"}, truth.Instance.Groups, got.Instance.Groups)
		check(nil, truth.Instance.State, got.Instance.State)
	default:
		t.Errorf("%s: no record", where)
	}
}

// A response that never ends is left after its bound.
func TestAFloodIsLeft(t *testing.T) {
	l, s := open(t, func(o *awsconn.Options) {
		o.Caller = call.New(call.Options{Attempts: 1})
	})
	s.Script(awstest.Fault{Service: "organizations", Operation: "DescribeAccount", Do: awstest.Flood})
	got, err := l.Look(t.Context(), things[0])
	if !errors.Is(err, source.ErrUnavailable) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheBudgetIsNotOverspent(t *testing.T) {
	for left := range 12 {
		l, s := open(t)
		for _, what := range things {
			s.Forget()
			m := &meter{left: left, taken: map[string]int{}}
			got, err := l.Look(source.WithMeter(t.Context(), m), what)
			if made := len(s.Calls()); made > left {
				t.Errorf("%s with %d calls left made %d", what.Kind, left, made)
			}
			if err != nil && !errors.Is(err, source.ErrBudget) {
				t.Errorf("%s with %d calls left: %v", what.Kind, left, err)
			}
			if err == nil && left == 0 {
				t.Errorf("%s with no call left: %+v", what.Kind, got)
			}
		}
	}
}

func TestALookUpEndsWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, what := range things {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t)
			s.Script(awstest.Fault{Calls: "2-", Do: awstest.Timeout})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			began := time.Now()
			got, err := l.Look(ctx, what)
			cancel()
			if took := time.Since(began); took > 30*time.Millisecond {
				t.Errorf("%s took %v", what.Kind, took)
			}
			if err == nil && !(got.Outcome == evidence.Found && got.Body.Whole()) {
				t.Errorf("%s: %+v without an error", what.Kind, got)
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v; want the context's end", what.Kind, err)
			}
		})
	}
}

func TestRolesOfMemberAccounts(t *testing.T) {
	key := evidence.Lookup{Kind: evidence.LookKey, Key: keyID, Account: member}
	l, s := open(t)
	for range 3 {
		if _, err := l.Look(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Calls("sts:AssumeRole")); n != 1 {
		t.Errorf("the role was assumed %d times; want once", n)
	}
	s.Expire(member)
	if _, err := l.Look(t.Context(), key); err != nil {
		t.Errorf("after the credentials expired: %v", err)
	}
	if n := len(s.Calls("sts:AssumeRole")); n != 2 {
		t.Errorf("the role was assumed %d times; want once more", n)
	}
	l, _ = open(t, func(o *awsconn.Options) { o.Role = awsconn.RoleNamed("aws", "uratori", "wrong", awstest.Home) })
	if _, err := l.Look(t.Context(), key); !errors.Is(err, source.ErrDenied) || !strings.Contains(err.Error(), "AssumeRole") {
		t.Errorf("with a wrong external id: %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	l, s := open(t)
	s.Script(awstest.Fault{Do: awstest.Deny})
	_, err := l.Look(t.Context(), things[0])
	secret := s.Base().SecretAccessKey
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
	keys := awsconn.Keys{SecretAccessKey: secret, SessionToken: secret}
	if strings.Contains(keys.String()+keys.GoString(), secret) {
		t.Error("credentials print themselves")
	}
}

func FuzzKeys(f *testing.F) {
	for i, what := range things {
		f.Add(uint8(i), what.Key, what.Account, what.Region)
	}
	f.Add(uint8(6), "a/../b?acl", "111122223333", "us-east-1")
	f.Add(uint8(4), "arn:aws:iam::111122223333:user/*'`|", "", "")
	f.Fuzz(func(t *testing.T, kind uint8, key, account, region string) {
		l, s := open(t) // the double refuses, and fails the test, if a request is not well formed
		kinds := l.Looks()
		what := evidence.Lookup{Kind: kinds[int(kind)%len(kinds)], Key: key, Account: account, Region: region}
		got, err := l.Look(t.Context(), what)
		if err == nil && got.Outcome == evidence.Found && got.Body.Key != key {
			t.Errorf("asked of %q, told of %q", key, got.Body.Key)
		}
		for _, c := range s.Calls() {
			if c.Status == 404 && c.Service != "s3" && c.Service != "iam" {
				t.Errorf("a request went to nowhere: %+v", c)
			}
		}
	})
}
