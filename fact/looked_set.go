package fact

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
)

// The permission set behind a session of IAM Identity Center, as it is now: what it permits, how long
// its sessions last, and who is assigned to it in the account of the role.
var lookedSetDefs = []Def{
	{Key: "actor.set_provisioned", Looks: evidence.LookPermissionSet, Rule: existed(evidence.LookPermissionSet, "actor.set_provisioned"), Type: Bool, Kind: External, JA: "アカウントへの許可セットのプロビジョニング", EN: "the permission set is provisioned to the account", Says: "look-up: a permission set of this name is provisioned to the account now"},
	{Key: "actor.set_arn", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_arn", nil, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return toldLooked(p.ARN, ref)
	}), Type: Text, Kind: External, JA: "許可セットのARN", EN: "ARN of the permission set", Says: "look-up: IAM Identity Center"},
	{Key: "actor.set_description", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_description", nil, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return toldLooked(p.Description, ref)
	}), Type: Text, Kind: External, JA: "許可セットの説明", EN: "description of the permission set", Says: "look-up: as whoever made the set wrote it"},
	{Key: "actor.set_session_minutes", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_session_minutes", nil, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		d, ok := isoDuration(p.Duration)
		if !ok {
			return unknown(lookGap(evidence.LookPermissionSet), ref)
		}
		return known(Value{Type: Minutes, Num: int64((d + time.Minute - 1) / time.Minute)}, ref)
	}), Type: Minutes, Kind: External, JA: "許可セットのセッション期間", EN: "session duration of the permission set", Says: "look-up: how long sessions of the set last, as it is set now"},
	{Key: "actor.set_session_until", Looks: evidence.LookPermissionSet, Rule: setSessionUntil, Type: Time, Kind: Computed, JA: "セッションの認証情報の期限（最長）", EN: "latest end of the session's credentials", Says: "creation of the session and the set's session duration as it is set now; a role assumed from the session has an end of its own"},
	{Key: "actor.set_session_open", Looks: evidence.LookPermissionSet, Rule: setSessionOpen, Type: Bool, Kind: Computed, JA: "最新の証拠の時点で認証情報が有効である可能性", EN: "credentials may still be valid at the newest evidence", Says: "the latest end of the session's credentials lies after the newest time of the evidence"},
	{Key: "actor.set_managed_policies", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_managed_policies", []string{managedOfSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return listed(p.Attached, ref)
	}), Type: Texts, Kind: External, JA: "許可セットのAWS管理ポリシー", EN: "AWS managed policies of the permission set", Says: "look-up: ARNs of AWS's managed policies that the set has now"},
	{Key: "actor.set_customer_policies", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_customer_policies", []string{customerOfSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return listed(p.Customer, ref)
	}), Type: Texts, Kind: External, JA: "許可セットのカスタマー管理ポリシー", EN: "customer managed policies of the permission set", Says: "look-up: paths and names of customer managed policies that the set refers to now"},
	{Key: "actor.set_inline_policy", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_inline_policy", []string{inlineOfSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return known(BoolOf(p.Inline), ref)
	}), Type: Bool, Kind: External, JA: "許可セットのインラインポリシー", EN: "inline policy of the permission set", Says: "look-up: the set has an inline policy now; what it permits is not read"},
	{Key: "actor.set_boundary", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_boundary", []string{boundaryOfSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return toldLooked(p.Boundary, ref)
	}), Type: Text, Kind: External, JA: "許可セットのアクセス許可の境界", EN: "permissions boundary of the permission set", Says: "look-up: the policy that bounds what the set permits now"},
	{Key: "actor.set_administrator", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_administrator", []string{managedOfSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return known(BoolOf(slices.Contains(wide(p.Attached), "AdministratorAccess")), ref)
	}), Type: Bool, Kind: Computed, JA: "許可セットのAdministratorAccess", EN: "the permission set has AdministratorAccess", Says: "look-up: AWS's policy AdministratorAccess is among those of the set; what a permissions boundary or a service control policy takes away is not seen"},
	{Key: "actor.set_wide_policies", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_wide_policies", []string{managedOfSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return listed(wide(p.Attached), ref)
	}), Type: Texts, Kind: Computed, JA: "管理者相当の権限を与える許可セットのポリシー", EN: "policies of the permission set that amount to an administrator's", Says: "look-up: AWS's policies of the set that permit everything, or to permit it to oneself; customer managed and inline ones are not read, and what a permissions boundary or a service control policy takes away is not seen"},
	{Key: "actor.set_assigned_users", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_assigned_users", []string{assignedToSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return known(IntOf(int64(len(p.Users))), ref)
	}), Type: Int, Kind: External, JA: "許可セットに割り当てられたユーザー", EN: "users assigned to the permission set", Says: "look-up: users assigned by themselves in this account now, without those of groups"},
	{Key: "actor.set_assigned_groups", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_assigned_groups", []string{assignedToSet}, func(_ *view, p evidence.LookedPermissionSet, ref Ref) result {
		return known(IntOf(int64(len(p.Groups))), ref)
	}), Type: Int, Kind: External, JA: "許可セットに割り当てられたグループ", EN: "groups assigned to the permission set", Says: "look-up: groups assigned in this account now; who is in them is not asked"},
	{Key: "actor.set_person_assigned", Looks: evidence.LookPermissionSet, Rule: ofSet("actor.set_person_assigned", []string{assignedToSet}, setPersonAssigned), Type: Name, Kind: Computed, JA: "本人への許可セットの割り当て", EN: "assignment of the person", Says: "look-up: whether the Identity Store user of the session is among the users assigned in this account now, else whether a group is", Choices: []string{"directly", "group_only", "none"}},
}

// The parts of a look-up of a permission set (SSO Admin API Reference, with IAM's names).
const (
	managedOfSet  = "sso:ListManagedPoliciesInPermissionSet"
	customerOfSet = "sso:ListCustomerManagedPolicyReferencesInPermissionSet"
	inlineOfSet   = "sso:GetInlinePolicyForPermissionSet"
	boundaryOfSet = "sso:GetPermissionsBoundaryForPermissionSet"
	assignedToSet = "sso:ListAccountAssignments"
)

func ofSet(key Key, parts []string, get func(v *view, p evidence.LookedPermissionSet, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookPermissionSet, key, parts, func(v *view, b evidence.Body, ref Ref) result { return get(v, *b.PermissionSet, ref) })
}

// isoForm are durations of weeks and less in ISO 8601 (SSO Admin API Reference, Duration): years and
// months are of no fixed length.
var isoForm = regexp.MustCompile(`^P(?:([0-9]{1,3})W)?(?:([0-9]{1,3})D)?(?:T(?:([0-9]{1,4})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})(?:\.[0-9]+)?S)?)?$`)

// isoDuration reads such as PT8H; a fraction of a second counts as a whole one. ok is false for
// what has another form, and for no time at all.
func isoDuration(s string) (d time.Duration, ok bool) {
	m := isoForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1]) // digits, or nothing
		d += time.Duration(n) * unit
	}
	if strings.ContainsRune(s, '.') {
		d += time.Second
	}
	return d, d > 0
}

// setSessionUntil is the moment at which the session's credentials have ended by the duration of the
// permission set: IAM Identity Center gives no longer ones, and a role of its own cannot be assumed
// otherwise (IAM Identity Center User Guide, "Set session duration for AWS accounts").
func setSessionUntil(v *view, _ string) result {
	b, ref, why, ok := v.looked(evidence.LookPermissionSet, "actor.set_session_until")
	if !ok {
		return why
	}
	d, ok := isoDuration(b.PermissionSet.Duration)
	if !ok {
		return unknown(lookGap(evidence.LookPermissionSet), ref)
	}
	created := actorSessionCreated(v, "")
	if created.state != Known {
		created.from = append(created.from, ref)
		return created
	}
	return known(TimeOf(created.value.At.Add(d)), append(created.from, ref)...)
}

// setSessionOpen compares with the newest time of the evidence: a session that had ended by then is
// over, whenever the report is read.
func setSessionOpen(v *view, _ string) result {
	until := setSessionUntil(v, "")
	if until.state != Known {
		return until
	}
	return known(BoolOf(newest(v.f, v.set).Before(until.value.At)), append(until.from, findingRef)...)
}

// setPersonAssigned compares with the user that the session names, else with the one that the
// configuration or the Identity Store knows the person by.
func setPersonAssigned(v *view, p evidence.LookedPermissionSet, ref Ref) result {
	user, from := v.actorColumn("on_behalf_of"), []Ref{ref}
	l := v.linked()
	if user == "" {
		user = l.person.IdentityStoreUser
	}
	switch {
	case user == "" && l.why.gap.Key != "":
		return result{state: Unknown, gap: l.why.gap, from: append(l.why.from, ref)}
	case user == "":
		return unknown("person", append(l.from, ref)...)
	}
	from = compactRefs(append(slices.Clone(l.from), from...))
	switch {
	case slices.Contains(p.Users, user):
		return known(NameOf("directly"), from...)
	case len(p.Groups) > 0:
		return known(NameOf("group_only"), from...)
	}
	return known(NameOf("none"), from...)
}
