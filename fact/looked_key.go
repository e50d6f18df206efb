package fact

import (
	"slices"
	"strings"
	"time"

	"uratori/evidence"
)

// keyCreatedBy is the call that tells when a key was made (IAM API Reference).
const keyCreatedBy = "iam:ListAccessKeys"

var lookedKeyDefs = []Def{
	{Key: "actor.key_exists", Looks: evidence.LookKey, Rule: existed(evidence.LookKey, "actor.key_exists"), Type: Bool, Kind: External, JA: "アクセスキーの存在", EN: "the access key exists", Says: "look-up: IAM knows the key now"},
	{Key: "actor.key_owner", Looks: evidence.LookKey, Rule: ofKey("actor.key_owner", nil, func(_ *view, k evidence.LookedKey, ref Ref) result {
		return toldLooked(k.UserName, ref)
	}), Type: Text, Kind: External, JA: "アクセスキーの所有者", EN: "owner of the access key", Says: "look-up: the IAM user of the key"},
	{Key: "actor.key_status", Looks: evidence.LookKey, Rule: ofKey("actor.key_status", []string{keyCreatedBy}, keyStatus), Type: Name, Kind: External, JA: "アクセスキーの状態", EN: "status of the access key", Says: "look-up: as IAM says it now", Choices: []string{"active", "inactive", "expired"}},
	{Key: "actor.key_created", Looks: evidence.LookKey, Rule: ofKey("actor.key_created", []string{keyCreatedBy}, keyCreated), Type: Time, Kind: External, JA: "アクセスキーの作成日時", EN: "access key created", Says: "look-up: as IAM says it"},
	{Key: "actor.key_age_days", Looks: evidence.LookKey, Rule: ofKey("actor.key_age_days", []string{keyCreatedBy}, keyAge), Type: Int, Kind: Computed, JA: "アクセスキーの経過日数", EN: "age of the access key in days", Says: "look-up: whole days from the key's creation to the event"},
	{Key: "actor.key_last_used", Looks: evidence.LookKey, Rule: ofKey("actor.key_last_used", nil, func(_ *view, k evidence.LookedKey, ref Ref) result {
		if k.LastUsed == nil {
			return notApplicable(ref)
		}
		return known(TimeOf(*k.LastUsed), ref)
	}), Type: Time, Kind: External, JA: "アクセスキーの最終使用", EN: "access key last used", Says: "look-up: as IAM says it now"},
	{Key: "actor.key_last_used_for", Looks: evidence.LookKey, Rule: ofKey("actor.key_last_used_for", nil, func(_ *view, k evidence.LookedKey, ref Ref) result {
		return toldLooked(strings.TrimSpace(k.LastUsedService+" "+k.LastUsedRegion), ref)
	}), Type: Text, Kind: External, JA: "最終使用のサービスとリージョン", EN: "last used for", Says: "look-up: service and Region of the last use"},
	{Key: "actor.other_keys", Looks: evidence.LookKey, Rule: ofKey("actor.other_keys", []string{keyCreatedBy}, func(_ *view, k evidence.LookedKey, ref Ref) result {
		return known(IntOf(int64(k.OtherKeys)), ref)
	}), Type: Int, Kind: External, JA: "同じユーザーの他のアクセスキー", EN: "other access keys of the user", Says: "look-up: further keys of the same IAM user now"},
}

func ofKey(key Key, parts []string, get func(v *view, k evidence.LookedKey, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookKey, key, parts, func(v *view, b evidence.Body, ref Ref) result { return get(v, *b.AccessKey, ref) })
}

func keyStatus(_ *view, k evidence.LookedKey, ref Ref) result {
	s := strings.ToLower(k.Status)
	if !slices.Contains(choices("actor.key_status"), s) {
		return unknown(lookGap(evidence.LookKey), ref)
	}
	return known(NameOf(s), ref)
}

func keyCreated(_ *view, k evidence.LookedKey, ref Ref) result {
	if k.Created == nil {
		return unknown(lookGap(evidence.LookKey), ref)
	}
	return known(TimeOf(*k.Created), ref)
}

func keyAge(v *view, k evidence.LookedKey, ref Ref) result {
	at, ok := v.at()
	switch {
	case !ok:
		return unknown("finding", findingRef, ref)
	case k.Created == nil:
		return unknown(lookGap(evidence.LookKey), ref)
	case at.Before(*k.Created):
		return notApplicable(findingRef, ref) // of another life: see the contradictions
	}
	return known(IntOf(int64(at.Sub(*k.Created)/(24*time.Hour))), findingRef, ref)
}

// keyContradictions are what IAM says of the key that cannot be so.
func (v *view) keyContradictions(say func(text string, from ...Ref)) {
	b, ref, _, ok := v.looked(evidence.LookKey, "actor.key_created")
	if !ok {
		return
	}
	if at, timed := v.at(); timed && b.AccessKey.Created != nil && at.Before(*b.AccessKey.Created) {
		say("the access key was created after the event", findingRef, ref)
	}
	if name := v.f.Resource.AccessKey.UserName; name != "" && b.AccessKey.UserName != "" && v.f.Resource.AccessKey.UserType == "IAMUser" && name != b.AccessKey.UserName {
		say("the access key's user is not the finding's", findingRef, ref)
	}
}
