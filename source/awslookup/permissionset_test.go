package awslookup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"uratori/evidence"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/awstest"
)

var theSet = evidence.Lookup{Kind: evidence.LookPermissionSet, Key: setName, Account: member}

// at asks the same double as l, of an Identity Store elsewhere.
func (l *Looker) at(t *testing.T, s IdentityStore) *Looker {
	t.Helper()
	other, err := New(Options{Name: "aws", Conn: l.opt.Conn, IdentityStore: s})
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// Identity Center is asked where the Identity Store is, and what it does not know is not told to be
// none.
func TestWhereIdentityCenterIs(t *testing.T) {
	l, s := open(t)
	w := world()
	w.CenterRegion = "us-east-1"
	s.Serve(w)
	for name, tt := range map[string]struct {
		store   IdentityStore
		account string
		want    evidence.Outcome
		reason  string
	}{
		"where it is":                  {IdentityStore{ID: store, Account: awstest.Home, Region: "us-east-1"}, member, evidence.Found, ""},
		"in another Region":            {IdentityStore{ID: store}, member, evidence.NotCollected, "no instance of IAM Identity Center"},
		"in another account":           {IdentityStore{ID: store, Account: member, Region: "us-east-1"}, member, evidence.NotCollected, "no instance of IAM Identity Center"},
		"with another store":           {IdentityStore{ID: "d-0123456789", Region: "us-east-1"}, member, evidence.NotCollected, "no instance of IAM Identity Center"},
		"of an account of nobody":      {IdentityStore{ID: store, Region: "us-east-1"}, "999988887777", evidence.NotCollected, "does not know the account"},
		"of no account":                {IdentityStore{ID: store, Region: "us-east-1"}, "", evidence.NotCollected, "12 digits"},
		"of an account in other signs": {IdentityStore{ID: store, Region: "us-east-1"}, "１１１１２２２２３３３３", evidence.NotCollected, "12 digits"},
	} {
		what := theSet
		what.Account = tt.account
		got, err := l.at(t, tt.store).Look(t.Context(), what)
		if err != nil || got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %v, %q, %v; want %v, %q", name, got.Outcome, got.Reason, err, tt.want, tt.reason)
		}
	}
	// The same is what the doctor asks.
	for at, want := range map[IdentityStore]error{{ID: store, Region: "us-east-1"}: nil, {ID: store}: ErrNoCenter} {
		if instance, err := l.at(t, at).Center(t.Context()); !errors.Is(err, want) || (want == nil) != (instance == awstest.CenterARN) {
			t.Errorf("at %+v: %q, %v; want %v", at, instance, err, want)
		}
	}
	s.Script(awstest.Fault{Operation: "ListInstances", Do: awstest.Deny})
	if _, err := l.at(t, IdentityStore{ID: store, Region: "us-east-1"}).Center(t.Context()); !errors.Is(err, source.ErrDenied) {
		t.Errorf("an instance that nobody may list: %v", err)
	}
	if _, err := New(Options{Name: "aws", Conn: l.opt.Conn, Kinds: []evidence.LookupKind{evidence.LookPermissionSet}}); err == nil {
		t.Error("permission sets are looked up without an Identity Store")
	}
}

// A set is not there only if all of the account's were told of.
func TestASetThatCannotBeReadHidesAnother(t *testing.T) {
	for name, tt := range map[string]struct {
		fault awstest.Fault
		key   string
		want  evidence.Outcome
		err   error
	}{
		"one before it is deleted meanwhile": {awstest.Fault{Calls: "1", Do: awstest.Refuse, Code: "ResourceNotFoundException"}, setName, evidence.Found, nil},
		"one before it may not be read":      {awstest.Fault{Calls: "1", Do: awstest.Deny}, setName, 0, source.ErrDenied},
		"it may be one that is not readable": {awstest.Fault{Calls: "2", Do: awstest.Deny}, "Nobody", 0, source.ErrDenied},
		"it may be one that is throttled":    {awstest.Fault{Calls: "2-", Do: awstest.Throttle}, "Nobody", 0, source.ErrThrottled},
		"all of them were deleted meanwhile": {awstest.Fault{Do: awstest.Refuse, Code: "ResourceNotFoundException"}, "Nobody", evidence.Empty, nil},
	} {
		l, s := open(t)
		tt.fault.Service, tt.fault.Operation = "sso-admin", "DescribePermissionSet"
		s.Script(tt.fault)
		got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPermissionSet, Key: tt.key, Account: member})
		if !errors.Is(err, tt.err) || tt.err == nil && got.Outcome != tt.want {
			t.Errorf("%s: %v, %v; want %v, %v", name, got.Outcome, err, tt.want, tt.err)
		}
	}
}

// Lists are read to their end, with as few calls as their pages allow, and a boundary may be AWS's own.
func TestAnAccountOfManySets(t *testing.T) {
	l, s := open(t)
	w := world()
	w.PageSize = 1000 // then MaxResults bounds a page
	w.PermissionSets = nil
	for i := range 150 {
		w.PermissionSets = append(w.PermissionSets, awstest.PermissionSet{ID: fmt.Sprintf("ps-%016d", i), Name: fmt.Sprintf("set-%d", i), Duration: "PT1H", Provisioned: []string{member}})
	}
	last := &w.PermissionSets[149]
	last.Boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	for i := range 250 {
		last.Assigned = append(last.Assigned, awstest.Assignment{Account: member, Type: "USER", ID: fmt.Sprintf("906747f1-3a0c-4f0e-9a51-%012d", i)})
	}
	s.Serve(w)
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPermissionSet, Key: "set-149", Account: member})
	if err != nil || got.Outcome != evidence.Found {
		t.Fatalf("%v, %v", got.Outcome, err)
	}
	if p := got.Body.PermissionSet; len(p.Users) != 250 || p.Groups != nil || p.Inline || p.Boundary != last.Boundary || p.Attached != nil || p.Description != "" {
		t.Errorf("%+v", p)
	}
	if n := len(s.Calls()); n != got.Calls {
		t.Errorf("%d calls are told of %d", got.Calls, n)
	}
	for op, want := range map[string]int{"ListInstances": 1, "ListPermissionSetsProvisionedToAccount": 2, "DescribePermissionSet": 150, "ListAccountAssignments": 3, "GetPermissionsBoundaryForPermissionSet": 1} {
		if n := len(s.Calls("sso-admin:" + op)); n != want {
			t.Errorf("%d calls of %s; want %d", n, op, want)
		}
	}
	// Names that are known are not asked after again, and what a set is is.
	s.Forget()
	if again, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPermissionSet, Key: "set-149", Account: member}); err != nil || !cmp.Equal(again.Body, got.Body) || len(s.Calls("sso-admin:DescribePermissionSet")) != 1 {
		t.Errorf("again: %v, %d calls, %v", again.Outcome, len(s.Calls("sso-admin:DescribePermissionSet")), err)
	}
	s.Forget()
	if none, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPermissionSet, Key: "set-150", Account: member}); err != nil || none.Outcome != evidence.Empty || len(s.Calls("sso-admin:DescribePermissionSet")) != 0 {
		t.Errorf("a set of nobody: %v, %d calls, %v", none.Outcome, len(s.Calls("sso-admin:DescribePermissionSet")), err)
	}
	if lines := strings.Count(got.Native, "\n") + 1; lines != 9 || !strings.Contains(got.Native, last.ID) {
		t.Errorf("%d native calls:\n%s", lines, got.Native)
	}
	if p := Paces["sso:DescribePermissionSet"]; p.PerSecond <= 0 || p.PerSecond > 20 {
		t.Errorf("sets are described at %v", p)
	}
}

// A rewriting transport changes what an operation answered.
type rewriting struct {
	next   http.RoundTripper
	target string // operation
	from   string
	to     string
}

func (r rewriting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.Header.Get("X-Amz-Target"), "."+r.target) {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(body, []byte(r.from)) {
		return nil, fmt.Errorf("%s answers no %s: %s", r.target, r.from, body)
	}
	body = bytes.ReplaceAll(body, []byte(r.from), []byte(r.to))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// What a service says outside of its own model, or of something else, is not told as an answer.
func TestAnswersThatAreNone(t *testing.T) {
	const arn = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0000000000000004"
	for name, tt := range map[string]struct {
		rewrite rewriting
		part    string // that is not answered; "" for the whole look-up
	}{
		"an instance that is no ARN":     {rewriting{target: "ListInstances", from: awstest.CenterARN, to: "arn:aws:sso:::instance/$(id)"}, ""},
		"a set that is no ARN":           {rewriting{target: "ListPermissionSetsProvisionedToAccount", from: arn, to: "arn:aws:sso:::permissionSet/x`id`"}, ""},
		"another set":                    {rewriting{target: "DescribePermissionSet", from: "/ps-000000000000000", to: "/ps-100000000000000"}, ""},
		"a policy without its ARN":       {rewriting{target: "ListManagedPoliciesInPermissionSet", from: `"Arn"`, to: `"arn"`}, "sso:ListManagedPoliciesInPermissionSet"},
		"a policy without its name":      {rewriting{target: "ListCustomerManagedPolicyReferencesInPermissionSet", from: `"Name"`, to: `"name"`}, "sso:ListCustomerManagedPolicyReferencesInPermissionSet"},
		"another account's assignments":  {rewriting{target: "ListAccountAssignments", from: member, to: "222233334444"}, "sso:ListAccountAssignments"},
		"an assignment of another kind":  {rewriting{target: "ListAccountAssignments", from: `"GROUP"`, to: `"ROBOT"`}, "sso:ListAccountAssignments"},
		"an assignment of no Store's id": {rewriting{target: "ListAccountAssignments", from: userID, to: "$(id)"}, "sso:ListAccountAssignments"},
	} {
		l, _ := open(t, func(o *awsconn.Options) {
			tt.rewrite.next = o.Transport
			o.Transport = tt.rewrite
		})
		got, err := l.Look(t.Context(), theSet)
		if tt.part == "" {
			if !errors.Is(err, source.ErrUnavailable) {
				t.Errorf("%s: %v, %v", name, got.Outcome, err)
			}
			continue
		}
		if p, _ := got.Body.Part(tt.part); err != nil || p.Outcome != evidence.Failed {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		set := got.Body.PermissionSet
		list := map[string][]string{
			"sso:ListManagedPoliciesInPermissionSet": set.Attached, "sso:ListCustomerManagedPolicyReferencesInPermissionSet": set.Customer,
			"sso:ListAccountAssignments": slices.Concat(set.Users, set.Groups),
		}[tt.part]
		if len(list) > 0 {
			t.Errorf("%s: a part that was not answered tells %v", name, list)
		}
	}
	// The service says of a set without an inline policy that it is empty, which its model has not.
	l, _ := open(t, func(o *awsconn.Options) {
		o.Transport = rewriting{next: o.Transport, target: "GetInlinePolicyForPermissionSet", from: `{}`, to: `{"InlinePolicy":""}`}
	})
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPermissionSet, Key: "Billing", Account: member})
	if err != nil || !got.Body.Whole() || got.Body.PermissionSet.Inline {
		t.Errorf("an empty inline policy: %+v, %v", got.Body, err)
	}
}
