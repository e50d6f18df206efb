package fact

// What the root user did, with any credential: root has no access key as a rule, and every
// credential of root is one person's. For other principals the facts do not arise: a user's
// other keys may be someone else's hands.
var rootDefs = []Def{
	{Key: "root.calls", Families: credentialFamilies, Rule: ofRoot(activityCount(func(call) bool { return true })), Type: Int, Kind: Computed, JA: "rootユーザーの操作", EN: "calls of the root user", Says: "activity.total of the principal, if it is the root user"},
	{Key: "root.denied", Families: credentialFamilies, Rule: ofRoot(activityCount(func(c call) bool { return c.denied })), Type: Int, Kind: Computed, JA: "rootユーザーの拒否された操作", EN: "denied calls of the root user", Says: "activity.denied of the principal, if it is the root user"},
	{Key: "root.new_keys", Families: credentialFamilies, Rule: ofRoot(activityListed(keyAPIs)), Type: Int, Kind: Computed, JA: "rootユーザーのアクセスキー作成", EN: "keys created by the root user", Says: "activity.new_keys of the principal, if it is the root user"},
	{Key: "root.foreign_keys", Families: credentialFamilies, Rule: ofRoot(activityKeys(false)), Type: Int, Kind: Computed, JA: "rootユーザーによるアクセスキー作成（全て）", EN: "keys created by the root user, for whomever", Says: "activity.foreign_keys of the principal, if it is the root user"},
	{Key: "root.privilege_calls", Families: credentialFamilies, Rule: ofRoot(activityListed(privilegeAPIs)), Type: Int, Kind: Computed, JA: "rootユーザーの権限変更", EN: "privilege calls of the root user", Says: "activity.privilege_calls of the principal, if it is the root user"},
	{Key: "root.persistence_calls", Families: credentialFamilies, Rule: ofRoot(activityListed(persistenceAPIs)), Type: Int, Kind: Computed, JA: "rootユーザーの永続化", EN: "persistence calls of the root user", Says: "activity.persistence_calls of the principal, if it is the root user"},
	{Key: "root.data_reads", Families: credentialFamilies, Rule: ofRoot(activityListed(dataReadAPIs)), Type: Int, Kind: Computed, JA: "rootユーザーのデータ読み取り", EN: "data reads of the root user", Says: "activity.data_reads of the principal, if it is the root user"},
}

func ofRoot(rule func(*view, string) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if r := actorKind(v, ""); r.state != Known || r.value.Str != "root" {
			return notApplicable(r.from...)
		}
		return rule(v, "principal")
	}
}
