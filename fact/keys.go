package fact

import (
	"slices"
	"strings"
)

// Whose access keys were made. They are told last, so that the numbers before them stay.
var keyDefs = []Def{
	{Key: "activity.own_keys", Rule: activityKeys(true), Type: Int, Kind: Computed, JA: "自分自身のアクセスキー作成", EN: "keys created for oneself", Says: "successful CreateAccessKey by an IAM user for that same user", Each: activitySubjects},
	{Key: "activity.foreign_keys", Rule: activityKeys(false), Type: Int, Kind: Computed, JA: "他のユーザーのアクセスキー作成", EN: "keys created for another user", Says: "successful CreateAccessKey for another user, by a role, or by the root user", Each: activitySubjects},
}

// activityKeys counts the access keys that were made for the caller itself, or for anyone else.
func activityKeys(own bool) func(*view, string) result {
	return func(v *view, subject string) result {
		return ofCalls(v, subject, func(c calls) result {
			return c.count(func(k call) bool {
				return k.errorCode == "" && slices.Contains(keyAPIs, k.api) && c.t.forItself(k.row) == own
			})
		})
	}
}

// forItself tells whether an IAM user made a call about itself. Without a user name the call is
// about the caller (IAM API Reference, CreateAccessKey), and names of IAM users differ by more
// than case (IAM User Guide, "IAM and AWS STS quotas"). A new key of the root user is never
// routine, and a role has no keys of its own.
func (t table) forItself(i int) bool {
	target := t.text(i, "target_user")
	return t.text(i, "user_type") == "IAMUser" && (target == "" || strings.EqualFold(target, t.text(i, "user_name")))
}
