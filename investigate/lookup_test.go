package investigate_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/investigate"
	"uratori/investigate/truthtest"
	"uratori/phrase"
	"uratori/policy"
	"uratori/source"
)

// A knower looks up every kind from what it holds.
type knower struct {
	holds   map[evidence.LookupKind]evidence.Body
	refuses bool
}

func (knower) Name() string                 { return "aws" }
func (knower) Looks() []evidence.LookupKind { return evidence.LookupKinds() }

func (k knower) Look(_ context.Context, l evidence.Lookup) (evidence.Looked, error) {
	if k.refuses {
		return evidence.Looked{Native: "aws look-up"}, fmt.Errorf("look up %s: %w", l.Kind, source.ErrDenied)
	}
	b, ok := k.holds[l.Kind]
	if !ok {
		return evidence.Looked{Outcome: evidence.Empty, Native: "aws look-up"}, nil
	}
	return evidence.Looked{Outcome: evidence.Found, Native: "aws look-up `" + string(l.Kind) + "`", Body: b}, nil
}

// A case with look-ups is published through both doors, in both languages; hostile text that was
// looked up is harmless in it, policy weighs it, and it replays to the same bytes.
func TestLookUpsReachTheReport(t *testing.T) {
	public, gone := true, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	hostile := "x`|</script><b>\u202E\n| a | b |"
	var person []evidence.Part
	for _, a := range []string{"contract_end", "enabled"} {
		person = append(person, evidence.Part{Name: "people:" + a, Outcome: evidence.Found})
	}
	holds := map[evidence.LookupKind]evidence.Body{
		evidence.LookAccount: {Account: &evidence.LookedAccount{ID: "111122223333", Name: hostile, OUs: []string{hostile}, Tags: []evidence.Tag{{Key: hostile, Value: hostile}}}, Parts: []evidence.Part{
			{Name: "organizations:ListTagsForResource", Outcome: evidence.Found}, {Name: "organizations:ListParents", Outcome: evidence.Found}, {Name: "organizations:DescribeOrganizationalUnit", Outcome: evidence.Found},
		}},
		evidence.LookPerson: {Person: &evidence.LookedPerson{UPN: "x", Company: hostile, Gone: &gone, Enabled: &public}, Parts: person},
		evidence.LookBucket: {Bucket: &evidence.LookedBucket{Name: "b", PolicyPublic: &public, LogBucket: hostile}, Parts: []evidence.Part{
			{Name: "s3:GetBucketPublicAccessBlock", Outcome: evidence.Empty},
			{Name: "s3:GetAccountPublicAccessBlock", Outcome: evidence.Empty},
			{Name: "s3:GetBucketPolicyStatus", Outcome: evidence.Found},
			{Name: "s3:GetBucketAcl", Outcome: evidence.Found},
			{Name: "s3:GetBucketLogging", Outcome: evidence.Found},
			{Name: "s3:GetBucketTagging", Outcome: evidence.Denied, Reason: hostile},
			{Name: "s3:GetBucketVersioning", Outcome: evidence.Found},
		}},
		evidence.LookPrincipal: {Principal: &evidence.LookedPrincipal{Type: "role", Name: hostile, Created: &gone, Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}}, Parts: []evidence.Part{
			{Name: "iam:ListAttachedRolePolicies", Outcome: evidence.Found}, {Name: "iam:ListRolePolicies", Outcome: evidence.Found},
		}},
	}
	set := evidence.Body{PermissionSet: &evidence.LookedPermissionSet{
		ARN: "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef", Name: "DataUser", Description: hostile, Duration: "PT8H",
		Attached: []string{"arn:aws:iam::aws:policy/PowerUserAccess"}, Customer: []string{hostile}, Groups: []string{"906747f1-3a0c-4f0e-9a51-000000000009"},
	}}
	for _, api := range []string{
		"GetInlinePolicyForPermissionSet", "GetPermissionsBoundaryForPermissionSet", "ListAccountAssignments", "ListCustomerManagedPolicyReferencesInPermissionSet", "ListManagedPoliciesInPermissionSet",
	} {
		set.Parts = append(set.Parts, evidence.Part{Name: "sso:" + api, Outcome: evidence.Found})
	}
	set.Parts[1] = evidence.Part{Name: "sso:GetPermissionsBoundaryForPermissionSet", Outcome: evidence.Denied, Reason: hostile}
	holds[evidence.LookPermissionSet] = set
	for _, lang := range phrase.Langs() {
		w := enter(t, "a", 1, lang)
		w.tools.Lookers = []source.Looker{knower{holds: holds}}
		c := w.run(t)
		rules := map[string]bool{}
		for _, s := range c.Assessment.Signals() {
			rules[s.Rule] = true
		}
		for _, r := range []string{"person_gone", "bucket_public_now", "administrator"} {
			if !rules[r] {
				t.Errorf("%s: no signal %s among %v", lang, r, rules)
			}
		}
		if f := c.Assessment.Facts().Get("impact.bucket_public_now", ""); f.State != fact.Known || f.Value.Num != 1 {
			t.Errorf("%s: public now %s", lang, truthtest.Plain(f))
		}
		for key, what := range map[string]string{"look_bucket": "the tags", "look_permission_set": "the boundary"} {
			if !slices.ContainsFunc(c.Assessment.Gaps(), func(g policy.Gap) bool { return g.Key == key && g.Outcome == "denied" }) {
				t.Errorf("%s: %s that was refused is no gap", lang, what)
			}
		}
		created := c.Assessment.Facts().Get("actor.session_created", "").Value.At
		if f := c.Assessment.Facts().Get("actor.set_session_until", ""); f.State != fact.Known || !f.Value.At.Equal(created.Add(8*time.Hour)) {
			t.Errorf("%s: the session of %v lasts until %s", lang, created, truthtest.Plain(f))
		}
		md := string(c.Reports[investigate.MarkdownName])
		if strings.Contains(string(c.Reports[investigate.HTMLName]), "</script><b>") || strings.Contains(md, "\u202E") {
			t.Errorf("%s: hostile text stands in the report as it is", lang)
		}
		if !strings.Contains(md, "s3://") {
			t.Errorf("%s: the report does not tell where the access logs go", lang)
		}
		again, err := investigate.Replay(c.Bundle())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.Reports {
			if !bytes.Equal(again.Reports[name], want) {
				t.Errorf("%s: %s replays to other bytes", lang, name)
			}
		}
	}
}

// Refused look-ups are gaps, and what could have been is in the ceiling; nothing else changes.
func TestRefusedLookUpsAreGaps(t *testing.T) {
	plain := enter(t, "a", 1, phrase.EN).run(t).Assessment
	w := enter(t, "a", 1, phrase.EN)
	w.tools.Lookers = []source.Looker{knower{refuses: true}}
	a := w.run(t).Assessment
	if a.Score() != plain.Score() || a.Verdict() != plain.Verdict() {
		t.Errorf("score %d, %s; without look-ups %d, %s", a.Score(), a.Verdict(), plain.Score(), plain.Verdict())
	}
	if a.Ceiling() <= plain.Ceiling() {
		t.Errorf("ceiling %d; want more than %d", a.Ceiling(), plain.Ceiling())
	}
	for _, key := range []string{"look_account", "look_person", "look_bucket", "look_iam_principal", "look_permission_set"} {
		if !slices.ContainsFunc(a.Gaps(), func(g policy.Gap) bool { return g.Key == key }) {
			t.Errorf("no gap of %s", key)
		}
	}
}
