package fact

import (
	"slices"
	"strings"

	"uratori/evidence"
)

var lookedPrincipalDefs = []Def{
	{Key: "actor.principal_exists", Looks: evidence.LookPrincipal, Rule: existed(evidence.LookPrincipal, "actor.principal_exists"), Type: Bool, Kind: External, JA: "プリンシパルの存在", EN: "the principal exists", Says: "look-up: IAM knows the user or role now"},
	{Key: "actor.principal_created", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.principal_created", nil, func(p evidence.LookedPrincipal, ref Ref) result {
		if p.Created == nil {
			return unknown(lookGap(evidence.LookPrincipal), ref)
		}
		return known(TimeOf(*p.Created), ref)
	}), Type: Time, Kind: External, JA: "プリンシパルの作成日時", EN: "principal created", Says: "look-up: as IAM says it"},
	{Key: "actor.attached_policies", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.attached_policies", attachedParts, func(p evidence.LookedPrincipal, ref Ref) result {
		return listed(p.Attached, ref)
	}), Type: Texts, Kind: External, JA: "アタッチされたポリシー", EN: "attached policies", Says: "look-up: attached to the user or role, and to the user's groups, now"},
	{Key: "actor.inline_policies", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.inline_policies", inlineParts, func(p evidence.LookedPrincipal, ref Ref) result {
		return listed(p.Inline, ref)
	}), Type: Texts, Kind: External, JA: "インラインポリシー", EN: "inline policies", Says: "look-up: of the user or role, and of the user's groups, now"},
	{Key: "actor.administrator", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.administrator", attachedParts, func(p evidence.LookedPrincipal, ref Ref) result {
		return known(BoolOf(slices.ContainsFunc(p.Attached, func(arn string) bool { return strings.HasSuffix(arn, "::aws:policy/AdministratorAccess") })), ref)
	}), Type: Bool, Kind: Computed, JA: "AdministratorAccessの付与", EN: "AdministratorAccess is attached", Says: "look-up: AWS's policy AdministratorAccess is among the attached ones; what a permissions boundary or a service control policy takes away is not seen"},
	{Key: "actor.wide_policies", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.wide_policies", attachedParts, func(p evidence.LookedPrincipal, ref Ref) result {
		return listed(wide(p.Attached), ref)
	}), Type: Texts, Kind: Computed, JA: "管理者相当の権限を与える管理ポリシー", EN: "policies that amount to an administrator's", Says: "look-up: attached policies of AWS that permit everything, or to permit it to oneself; policies of one's own and inline ones are not read, and what a permissions boundary or a service control policy takes away is not seen"},
	{Key: "actor.groups", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.groups", byType{"user": {groupsPart}}, func(p evidence.LookedPrincipal, ref Ref) result {
		return listed(p.Groups, ref)
	}), Type: Texts, Kind: External, JA: "IAMグループ", EN: "IAM groups", Says: "look-up: groups of the user now"},
	{Key: "actor.boundary", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.boundary", nil, func(p evidence.LookedPrincipal, ref Ref) result {
		return toldLooked(p.Boundary, ref)
	}), Type: Text, Kind: External, JA: "アクセス許可の境界", EN: "permissions boundary", Says: "look-up: ARN of the boundary now"},
	{Key: "actor.tags", Looks: evidence.LookPrincipal, Rule: ofPrincipal("actor.tags", nil, func(p evidence.LookedPrincipal, ref Ref) result {
		return listed(tagged(p.Tags), ref)
	}), Type: Texts, Kind: External, JA: "プリンシパルのタグ", EN: "tags of the principal", Says: "look-up: tags of the user or role now"},
}

// widePolicies are AWS's own policies that permit everything (AdministratorAccess), everything but
// users and the organisation (PowerUserAccess), or to permit oneself anything (IAMFullAccess: AWS
// Managed Policy Reference Guide).
var widePolicies = []string{"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"}

// wide are the attached policies that are among them, by name.
func wide(attached []string) (out []string) {
	for _, arn := range attached {
		if i := strings.Index(arn, "::aws:policy/"); i > 0 && slices.Contains(widePolicies, arn[i+len("::aws:policy/"):]) {
			out = append(out, arn[i+len("::aws:policy/"):])
		}
	}
	return out
}

// The parts of a look-up of a principal. A look-up of a role makes the calls about roles, one of
// a user those about users and groups.
const groupsPart = "iam:ListGroupsForUser"

var (
	attachedParts = byType{
		"role": {"iam:ListAttachedRolePolicies"},
		"user": {"iam:ListAttachedUserPolicies", groupsPart, "iam:ListAttachedGroupPolicies"},
	}
	inlineParts = byType{
		"role": {"iam:ListRolePolicies"},
		"user": {"iam:ListUserPolicies", groupsPart, "iam:ListGroupPolicies"},
	}
)

// byType are the calls that must have answered, for a role and for a user.
type byType map[string][]string

func ofPrincipal(key Key, parts byType, get func(p evidence.LookedPrincipal, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookPrincipal, key, nil, func(_ *view, b evidence.Body, ref Ref) result {
		if why, ok := answered(b, ref, parts[b.Principal.Type]...); !ok {
			return why
		}
		return get(*b.Principal, ref)
	})
}
