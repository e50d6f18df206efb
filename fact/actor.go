package fact

import (
	"strings"

	"uratori/finding"
)

var actorDefs = []Def{
	{Key: "actor.kind", Rule: actorKind, Type: Name, Kind: Observed, JA: "プリンシパルの種別", EN: "kind", Says: "userIdentity.type of its records, else the finding", Choices: []string{"iam_user", "assumed_role", "sso_role", "identity_center_user", "root", "service", "federated_user", "anonymous", "account", "service_account", "cluster_component", "cluster_user", "unknown"}},
	{Key: "actor.arn", Rule: actorText("user_arn"), Type: Text, Kind: Observed, JA: "ARN", EN: "ARN", Says: "userIdentity.arn of its records"},
	{Key: "actor.name", Rule: actorName, Type: Text, Kind: Observed, JA: "プリンシパル名", EN: "name", Says: "the finding, else its records"},
	{Key: "actor.access_key", Rule: actorKey, Type: Masked, Kind: Observed, JA: "アクセスキーID", EN: "access key id", Says: "the finding, else its records"},
	{Key: "actor.principal_id", Rule: actorPrincipalID, Type: Text, Kind: Observed, JA: "プリンシパルID", EN: "principal id", Says: "the finding, else its records"},
	{Key: "actor.key_kind", Rule: actorKeyKind, Type: Name, Kind: Computed, JA: "認証情報の種別", EN: "credential", Says: "prefix of the access key id: AKIA long-term, ASIA temporary", Choices: []string{"long_term", "temporary", "none"}},
	{Key: "actor.session_name", Rule: actorSessionName, Type: Text, Kind: Observed, JA: "セッション名", EN: "session name", Says: "last part of the assumed-role ARN"},
	{Key: "actor.session_issuer", Rule: actorText("session_issuer_arn"), Type: Text, Kind: Observed, JA: "セッション発行元", EN: "session issuer", Says: "sessionContext.sessionIssuer.arn"},
	{Key: "actor.role", Rule: actorRole, Type: Text, Kind: Computed, JA: "ロール", EN: "role", Says: "name of the session issuer's role, else of the finding"},
	{Key: "actor.permission_set", Rule: actorPermissionSet, Type: Text, Kind: Computed, JA: "許可セット", EN: "permission set", Says: "the name in AWSReservedSSO_<permission set>_<16 hex>"},
	{Key: "actor.on_behalf_of", Rule: actorText("on_behalf_of"), Type: Text, Kind: Observed, JA: "Identity Centerのユーザー", EN: "Identity Center user", Says: "userIdentity.onBehalfOf.userId"},
	{Key: "actor.identity_center_account", Rule: func(v *view, _ string) result { return configured(v.st.IdentityCenter.Account) }, Type: Text, Kind: Context, JA: "Identity Centerのアカウント", EN: "account of Identity Center", Says: "configuration: identity_center"},
	{Key: "actor.session_created", Rule: actorSessionCreated, Type: Time, Kind: Observed, JA: "セッション作成日時", EN: "session created", Says: "sessionContext.attributes.creationDate"},
	{Key: "actor.mfa_in_session", Rule: actorMFA, Type: Bool, Kind: Observed, JA: "セッションのMFA", EN: "MFA in the session", Says: "sessionContext.attributes.mfaAuthenticated; says nothing of an identity provider's MFA"},
	{Key: "actor.is_service", Rule: actorIsService, Type: Bool, Kind: Observed, JA: "AWSサービスによる呼び出し", EN: "called by an AWS service", Says: "invokedBy or userIdentity.type"},
	{Key: "actor.is_sso", Rule: actorIsSSO, Type: Bool, Kind: Computed, JA: "IAM Identity Centerのセッション", EN: "IAM Identity Center session", Says: "session issuer begins with AWSReservedSSO_"},
	{Key: "actor.automation", Rule: actorAutomation, Type: Text, Kind: Context, JA: "登録された自動処理", EN: "known automation", Says: "configuration: automation"},
}

// actorRow is the record that shows best who acted: of the event itself, else the
// nearest by the same credential.
func (v *view) actorRow() (t table, row int, why result, ok bool) {
	if t, _, ok := v.eventRows(); ok && t.len() > 0 && !bestEffort(t.Answered) && !v.ofCluster() { // an access log knows no session
		return t, 0, result{}, true
	}
	t, why, ok = v.ask("activity.total", "credential")
	if v.ofCluster() && (!ok || t.len() == 0) { // the audit log knows the principal, and CloudTrail its session
		if e, _, recorded := v.eventRows(); recorded && e.len() > 0 {
			return e, 0, result{}, true
		}
	}
	if !ok || t.len() == 0 {
		if p, _, also := v.ask("activity.total", "principal"); also && p.len() > 0 {
			t, ok = p, true
		}
	}
	if v.machine() {
		if finding.FamilyOf(v.f) == "rds" { // a user of a database is no principal of AWS
			return table{}, 0, notApplicable(findingRef), false
		}
		t, why, ok = v.ask("activity.total", "session") // of the instance's or the function's role
	}
	if !ok {
		return table{}, 0, why, false
	}
	switch {
	case t.len() == 0 && v.machine():
		return table{}, 0, t.empty(), false // nobody acted with its role
	case t.len() == 0:
		return table{}, 0, unknown("session", t.ref()), false
	}
	at, _ := v.at()
	best := 0
	for i := range t.len() {
		if t.time(i, "event_time").Sub(at).Abs() < t.time(best, "event_time").Sub(at).Abs() {
			best = i
		}
	}
	return t, best, result{}, true
}

// actorText is a column of the actor's record. A record without the value says that the
// question does not arise, such as a session name of an IAM user.
func actorText(col string) func(*view, string) result {
	return func(v *view, _ string) result {
		t, i, why, ok := v.actorRow()
		if !ok {
			return why
		}
		if s := t.text(i, col); s != "" {
			return known(TextOf(s), t.row(i))
		}
		return notApplicable(t.row(i))
	}
}

// actorSessionName is the session's name; a finding about a cluster tells it where no record does.
func actorSessionName(v *view, subject string) result {
	r := actorText("session_name")(v, subject)
	if name := v.f.Kubernetes().Session; r.state == Unknown && v.ofCluster() && name != "" {
		return told(name)
	}
	return r
}

// column reads one column of the actor's record for the rules of other facts.
func (v *view) actorColumn(col string) string {
	t, i, _, ok := v.actorRow()
	if !ok {
		if col == "session_name" && v.ofCluster() {
			return v.f.Kubernetes().Session
		}
		return ""
	}
	return t.text(i, col)
}

const ssoRole = "AWSReservedSSO_" // prefix of the roles that IAM Identity Center creates (IAM Identity Center User Guide, "Referencing permission sets")

func actorKind(v *view, _ string) result {
	if v.ofCluster() {
		return v.clusterActor()
	}
	userType, ref := v.f.Resource.AccessKey.UserType, findingRef
	if t, i, _, ok := v.actorRow(); ok && t.text(i, "user_type") != "" {
		userType, ref = t.text(i, "user_type"), t.row(i)
	}
	kind := "unknown"
	switch userType {
	case "IAMUser":
		kind = "iam_user"
	case "AssumedRole", "Role":
		kind = "assumed_role"
		if v.isSSO() {
			kind = "sso_role"
		}
	case "IdentityCenterUser":
		kind = "identity_center_user"
	case "Root":
		kind = "root"
	case "AWSService", "Service":
		kind = "service"
	case "FederatedUser", "SAMLUser", "WebIdentityUser":
		kind = "federated_user"
	case "AWSAccount":
		kind = "account"
		if v.f.Resource.AccessKey.UserName == "ANONYMOUS_PRINCIPAL" { // a public bucket was read: GuardDuty User Guide, remediation of S3 findings
			kind = "anonymous"
		}
	case "":
		if _, _, why, ok := v.actorRow(); !ok && v.machine() {
			return why
		}
		return unknown("finding", ref)
	}
	return known(NameOf(kind), ref)
}

// clusterActor is the kind of a cluster's user: that of the IAM principal it was mapped from, else of
// the user itself.
func (v *view) clusterActor() result {
	kind := k8sUserKind(v, "")
	if kind.state != Known {
		return kind
	}
	arn := v.mappedARN()
	switch {
	case kind.value.Str == "anonymous", kind.value.Str == "service_account":
	case kind.value.Str == "node", kind.value.Str == "system":
		kind.value = NameOf("cluster_component")
	case strings.Contains(arn, ":assumed-role/"+ssoRole):
		kind.value = NameOf("sso_role")
	case strings.Contains(arn, ":assumed-role/"):
		kind.value = NameOf("assumed_role")
	case strings.Contains(arn, ":user/"):
		kind.value = NameOf("iam_user")
	case strings.HasSuffix(arn, ":root"):
		kind.value = NameOf("root")
	case kind.value.Str == "iam_mapped": // from whom, only the record tells
		if t, why, ok := v.eventRows(); !ok {
			return why
		} else if t.len() == 0 {
			return t.empty()
		}
		return unknown("finding", kind.from...)
	default:
		kind.value = NameOf("cluster_user")
	}
	return kind
}

// isSSO tells whether the acting role was made by IAM Identity Center.
func (v *view) isSSO() bool {
	return strings.HasPrefix(v.role(), ssoRole)
}

// role is the name of the role that acted, "" when no role did.
func (v *view) role() string {
	if name := v.actorColumn("session_issuer_name"); name != "" {
		return name
	}
	if _, rest, ok := strings.Cut(v.mappedARN(), ":assumed-role/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	if k := v.f.Resource.AccessKey; k.UserType == "AssumedRole" || k.UserType == "Role" {
		return k.UserName
	}
	return ""
}

// actorAccount is the account in which the role lies that acted, by its ARN; else the finding's.
func (v *view) actorAccount() string {
	if id := roleAccount(v.actorColumn("session_issuer_arn")); id != "" {
		return id
	}
	return string(v.f.Account)
}

func actorRole(v *view, _ string) result {
	role := v.role()
	if role == "" {
		return notApplicable(findingRef)
	}
	if t, i, _, ok := v.actorRow(); ok {
		return known(TextOf(role), t.row(i))
	}
	return known(TextOf(role), findingRef)
}

func actorPermissionSet(v *view, subject string) result {
	r := actorRole(v, subject)
	rest, sso := strings.CutPrefix(v.role(), ssoRole)
	i := strings.LastIndexByte(rest, '_')
	if !sso || i < 0 {
		return notApplicable(r.from...)
	}
	return known(TextOf(rest[:i]), r.from...)
}

func actorIsSSO(v *view, subject string) result {
	if role := actorRole(v, subject); role.state == Known {
		return known(BoolOf(v.isSSO()), role.from...)
	}
	return known(BoolOf(false), findingRef)
}

func actorName(v *view, _ string) result {
	if v.faceless() {
		return told(v.f.Kubernetes().User)
	}
	if s := v.actorColumn("session_name"); s != "" {
		if t, i, _, ok := v.actorRow(); ok {
			return known(TextOf(s), t.row(i))
		}
		return told(s)
	}
	// A role session's principal id is the role's id and the session's name (IAM User Guide, "IAM
	// identifiers"); the finding's user name is that of the role.
	if k := v.f.Resource.AccessKey; k.UserType == "AssumedRole" {
		if _, name, ok := strings.Cut(k.PrincipalID, ":"); ok && name != "" {
			return known(TextOf(name), findingRef)
		}
	}
	if s := v.f.Resource.AccessKey.UserName; s != "" {
		return known(TextOf(s), findingRef)
	}
	return actorText("user_name")(v, "")
}

// accessKey is the whole access key id: of the finding, else of the event's record.
// It is a parameter of questions and is never printed.
func (v *view) accessKey() (string, Ref) {
	if id := firstText(v.f.Resource.AccessKey.ID, v.sequenceKey()); id != "" {
		return id, findingRef
	}
	if t, _, ok := v.eventRows(); ok && t.len() > 0 {
		return t.text(0, "access_key"), t.row(0)
	}
	return "", findingRef
}

func actorKey(v *view, _ string) result {
	id, ref := v.accessKey()
	if id == "" && ref == findingRef {
		return v.untold()
	}
	if id == "" {
		return unknown("finding", ref)
	}
	return known(Mask(id), ref)
}

// actorKeyKind reads the prefix of the id: IAM User Guide, "Understanding unique ID prefixes".
func actorKeyKind(v *view, _ string) result {
	id, ref := v.accessKey()
	switch {
	case strings.HasPrefix(id, "AKIA"):
		return known(NameOf("long_term"), ref)
	case strings.HasPrefix(id, "ASIA"):
		return known(NameOf("temporary"), ref)
	case id == "" && ref == findingRef:
		return v.untold()
	case id == "":
		return unknown("finding", ref)
	}
	return known(NameOf("none"), ref)
}

func actorSessionCreated(v *view, _ string) result {
	t, i, why, ok := v.actorRow()
	if !ok {
		return why
	}
	if at := t.time(i, "session_created"); !at.IsZero() {
		return known(TimeOf(at), t.row(i))
	}
	return notApplicable(t.row(i))
}

func actorMFA(v *view, _ string) result {
	t, i, why, ok := v.actorRow()
	if !ok {
		return why
	}
	switch t.text(i, "mfa") {
	case "true":
		return known(BoolOf(true), t.row(i))
	case "false":
		// An Identity Center session always says false, whatever the identity provider asked for.
		if v.isSSO() {
			return notApplicable(t.row(i))
		}
		return known(BoolOf(false), t.row(i))
	}
	return notApplicable(t.row(i))
}

func actorIsService(v *view, _ string) result {
	t, i, why, ok := v.actorRow()
	if !ok {
		return why
	}
	return known(BoolOf(t.text(i, "invoked_by") != "" || t.text(i, "user_type") == "AWSService"), t.row(i))
}

func actorAutomation(v *view, _ string) result {
	arn, issuer := v.actorColumn("user_arn"), v.actorColumn("session_issuer_arn")
	for _, a := range v.st.Automation {
		if a.ARN != "" && (a.ARN == arn || a.ARN == issuer) {
			t, i, _, _ := v.actorRow()
			return known(TextOf(a.Name), t.row(i), settingsRef)
		}
	}
	if _, _, why, ok := v.actorRow(); !ok {
		return why
	}
	return notApplicable(settingsRef)
}

func actorPrincipalID(v *view, _ string) result {
	if id := v.f.Resource.AccessKey.PrincipalID; id != "" {
		return known(TextOf(id), findingRef)
	}
	if t, _, ok := v.eventRows(); ok && t.len() > 0 && t.text(0, "principal_id") != "" {
		return known(TextOf(t.text(0, "principal_id")), t.row(0))
	}
	return v.untold()
}
