package fact

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/finding"
)

var (
	ruleFamily     = []string{"cdr"}
	recordFamilies = []string{"s3", "cdr"}
)

// What a finding about one change asks: is it the change that the rule looks for, on what, whom
// does it let in, was it announced, was it taken back. Custom detection rules are such findings, and
// those about the settings of a bucket.
var changeDefs = []Def{
	{Key: "change.apis", Families: ruleFamily, Rule: func(v *view, _ string) result { return toldTexts(apisOf(v.rules())) }, Type: Texts, Kind: Computed, JA: "ルールが対象とするAPI", EN: "APIs that the rule looks for", Says: "by the finding's type (GuardDuty User Guide, Custom Detection Rules), with the API that the finding names"},
	{Key: "change.services", Families: ruleFamily, Rule: func(v *view, _ string) result { return toldTexts(servicesOf(v.rules())) }, Type: Texts, Kind: Computed, JA: "ルールが対象とするサービス", EN: "services that the rule looks at", Says: "of those APIs"},
	{Key: "change.inverses", Families: ruleFamily, Rule: changeInverses, Type: Texts, Kind: Computed, JA: "取り消す操作", EN: "calls that take it back", Says: "by the API of the event: a table of calls and those that undo them"},
	{Key: "change.matches", Families: ruleFamily, Rule: changeMatches(func(ruleRow) bool { return true }), Type: Int, Kind: Computed, JA: "ルールの条件に合う記録", EN: "records that meet the rule's condition", Says: "calls of those APIs in the finding's time, 15 minutes before to 15 after, whose parameters the rule looks for"},
	{Key: "change.by_others", Families: ruleFamily, Rule: changeMatches(func(r ruleRow) bool { return !r.own }), Type: Int, Kind: Computed, JA: "うち他のプリンシパルによるもの", EN: "of these by others", Says: "by another principal, key and address than the finding's"},
	{Key: "change.actor", Families: ruleFamily, Rule: changeActor, Type: Text, Kind: Observed, JA: "変更の実行者", EN: "who made the change", Says: "of the record that meets the rule's condition: the finding's own actor's, else the first"},
	{Key: "change.target", Families: ruleFamily, Rule: changeTarget, Type: Text, Kind: Observed, JA: "変更の対象", EN: "what was changed", Says: "the request's own parameter that names it"},
	{Key: "change.lets_in", Families: ruleFamily, Rule: changeLetsIn, Type: Texts, Kind: Observed, JA: "変更によって許可された相手", EN: "whom the change lets in", Says: "other accounts, everyone, and open address ranges that the request names"},
	{Key: "change.reverted", Families: ruleFamily, Rule: changeReverted, Type: Bool, Kind: Computed, JA: "変更の取り消し", EN: "taken back", Says: "a later call that undoes it, on the same target, that succeeded, until a day after the finding was last seen"},
	{Key: "change.reverted_at", Families: ruleFamily, Rule: ofReversal(func(c change) Value { return TimeOf(c.at) }), Type: Time, Kind: Computed, JA: "取り消しの時期", EN: "taken back at", Says: "the first such call"},
	{Key: "change.reverted_by", Families: ruleFamily, Rule: ofReversal(func(c change) Value { return TextOf(orDash(c.actor)) }), Type: Text, Kind: Observed, JA: "取り消しの実行者", EN: "taken back by", Says: "who made that call"},
	{Key: "change.reverted_own", Families: ruleFamily, Rule: ofReversal(func(c change) Value { return BoolOf(c.own) }), Type: Bool, Kind: Computed, JA: "変更と取り消しの実行者の一致", EN: "taken back by the same actor", Says: "the same principal, key or address as the finding's made that call"},
	{Key: "change.risky", Families: recordFamilies, Rule: changeRisky, Type: Bool, Kind: Computed, JA: "予告なく行うべきでない変更", EN: "a change that nobody should make unannounced", Says: "a custom detection rule matched, or the finding tells of a bucket's exposure or logging"},
	{Key: "change.recorded", Families: recordFamilies, Rule: changeRecorded, Type: Bool, Kind: Context, JA: "変更記録の登録", EN: "announced", Says: "configuration: a change that covers the event's time, account, call, actor and target"},
	{Key: "change.record", Families: recordFamilies, Rule: ofRecord(func(c Change) string { return c.ID }), Type: Text, Kind: Context, JA: "変更記録", EN: "change record", Says: "configuration: id of that change"},
	{Key: "change.approver", Families: recordFamilies, Rule: ofRecord(func(c Change) string { return c.Approver }), Type: Text, Kind: Context, JA: "変更の承認者", EN: "approver of the change", Says: "configuration: approver of that change"},
	{Key: "change.confirmed", Families: recordFamilies, Rule: changeConfirmed, Type: Bool, Kind: Computed, JA: "変更の本人確認", EN: "the change is confirmed", Says: "it was announced, or the person says after a fresh sign-in that it was theirs"},
}

// A rule is one call that a custom detection rule looks for.
type rule struct {
	service, api string
	target       []string                  // members of the request that name what was changed, the first that is there
	back         []string                  // calls that undo it
	fits         func(map[string]any) bool // what else the rule wants of the request; nil for nothing
	undone       func(map[string]any) bool // for a call that undoes itself with other parameters: whether it does
	opens        bool                      // the rule wants that the request lets somebody in; the same call that lets in nobody undoes it
}

// has tells whether a member of a request has a value, as text.
func has(name string, vals ...string) func(map[string]any) bool {
	return func(p map[string]any) bool {
		switch v := member(p, name).(type) {
		case bool:
			return slices.Contains(vals, map[bool]string{true: "true", false: "false"}[v])
		case string:
			return slices.ContainsFunc(vals, func(s string) bool { return strings.EqualFold(s, v) })
		case map[string]any: // {"value": true}
			s, _ := v["value"].(bool)
			return slices.Contains(vals, map[bool]string{true: "true", false: "false"}[s])
		}
		return false
	}
}

func with(name string) func(map[string]any) bool {
	return func(p map[string]any) bool { return member(p, name) != nil }
}

// rulesOf are the calls by the finding's type: the signals that the GuardDuty User Guide lists for
// each type of Custom Detection Rules ("Custom detection rule finding types"), and how AWS's API
// references undo them.
var rulesOf = map[finding.Type][]rule{
	"CredentialAccess:EC2/UnsecuredCredentials": {{service: "ec2", api: "GetPasswordData", target: []string{"instanceId"}}},
	"CredentialAccess:RDS/ModifyAuthenticationProcess": {
		{service: "rds", api: "ModifyDBInstance", target: []string{"dBInstanceIdentifier"}, fits: with("masterUserPassword")},
		{service: "rds", api: "ModifyDBCluster", target: []string{"dBClusterIdentifier"}, fits: with("masterUserPassword")},
	},
	"DefenseImpairment:EC2/DisableOrModifyTools": {
		{service: "ec2", api: "DeleteFlowLogs", back: []string{"CreateFlowLogs"}},
		{service: "ec2", api: "ModifyInstanceAttribute", target: []string{"instanceId"}, fits: has("disableApiTermination", "true"), back: []string{"ModifyInstanceAttribute"}, undone: has("disableApiTermination", "false")},
	},
	"DefenseImpairment:Organizations/DisableOrModifyTools":         {{service: "organizations", api: "DisablePolicyType", target: []string{"policyType"}, back: []string{"EnablePolicyType"}}},
	"DefenseImpairment:Organizations/ModifyCloudResourceHierarchy": {{service: "organizations", api: "LeaveOrganization", back: []string{"AcceptHandshake"}}},
	"DefenseImpairment:RDS/ModifyAuthenticationProcess": {
		{service: "rds", api: "ModifyDBInstance", target: []string{"dBInstanceIdentifier"}, fits: has("enableIAMDatabaseAuthentication", "false"), back: []string{"ModifyDBInstance"}, undone: has("enableIAMDatabaseAuthentication", "true")},
		{service: "rds", api: "ModifyDBCluster", target: []string{"dBClusterIdentifier"}, fits: has("enableIAMDatabaseAuthentication", "false"), back: []string{"ModifyDBCluster"}, undone: has("enableIAMDatabaseAuthentication", "true")},
	},
	"DefenseImpairment:Route53Resolver/DisableOrModifyTools": {{service: "route53resolver", api: "DeleteResolverQueryLogConfig", back: []string{"CreateResolverQueryLogConfig"}}},
	"DefenseImpairment:S3/DisableOrModifyTools":              {{service: "s3", api: "PutBucketEncryption", target: []string{"bucketName"}, fits: allowsCustomerKeys, back: []string{"PutBucketEncryption"}, undone: func(p map[string]any) bool { return !allowsCustomerKeys(p) }}},
	"Execution:SageMaker/CommandAndScriptingInterpreter": {
		{service: "sagemaker", api: "CreateNotebookInstanceLifecycleConfig", target: []string{"notebookInstanceLifecycleConfigName"}, back: []string{"DeleteNotebookInstanceLifecycleConfig"}},
		{service: "sagemaker", api: "UpdateNotebookInstanceLifecycleConfig", target: []string{"notebookInstanceLifecycleConfigName"}, back: []string{"DeleteNotebookInstanceLifecycleConfig"}},
	},
	"Exfiltration:EC2/TransferDataToCloudAccount": {
		{service: "ec2", api: "ModifySnapshotAttribute", target: []string{"snapshotId"}, fits: with("add"), back: []string{"ModifySnapshotAttribute", "ResetSnapshotAttribute", "DeleteSnapshot"}, undone: with("remove")},
		{service: "ec2", api: "ModifyImageAttribute", target: []string{"imageId"}, fits: with("add"), back: []string{"ModifyImageAttribute", "ResetImageAttribute", "DeregisterImage"}, undone: with("remove")},
	},
	"Exfiltration:RDS/TransferDataToCloudAccount": {
		{service: "rds", api: "ModifyDBSnapshotAttribute", target: []string{"dBSnapshotIdentifier"}, fits: with("valuesToAdd"), back: []string{"ModifyDBSnapshotAttribute", "DeleteDBSnapshot"}, undone: with("valuesToRemove")},
		{service: "rds", api: "ModifyDBClusterSnapshotAttribute", target: []string{"dBClusterSnapshotIdentifier"}, fits: with("valuesToAdd"), back: []string{"ModifyDBClusterSnapshotAttribute", "DeleteDBClusterSnapshot"}, undone: with("valuesToRemove")},
	},
	"Exfiltration:S3/TransferDataToCloudAccount": {{service: "s3", api: "PutBucketPolicy", target: []string{"bucketName"}, opens: true, back: []string{"PutBucketPolicy", "DeleteBucketPolicy"}}},
	"Impact:S3/DataDestruction": {
		{service: "s3", api: "PutBucketLifecycle", target: []string{"bucketName"}, fits: soon, back: []string{"PutBucketLifecycle", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"}, undone: notSoon},
		{service: "s3", api: "PutBucketLifecycleConfiguration", target: []string{"bucketName"}, fits: soon, back: []string{"PutBucketLifecycle", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"}, undone: notSoon},
	},
	"Impact:SES/ResourceHijacking": {
		{service: "ses", api: "UpdateAccountSendingEnabled", fits: has("enabled", "true"), back: []string{"UpdateAccountSendingEnabled"}, undone: has("enabled", "false")},
		{service: "ses", api: "PutAccountSendingAttributes", fits: has("sendingEnabled", "true"), back: []string{"PutAccountSendingAttributes"}, undone: has("sendingEnabled", "false")},
		{service: "ses", api: "PutAccountDetails"},
	},
	"InitialAccess:IAM/ValidAccounts": {{service: "signin", api: "ConsoleLogin"}},
	"InitialAccess:RDS/ExploitPublicFacingApplication": {
		{service: "rds", api: "ModifyDBInstance", target: []string{"dBInstanceIdentifier"}, fits: has("publiclyAccessible", "true"), back: []string{"ModifyDBInstance", "DeleteDBInstance"}, undone: has("publiclyAccessible", "false")},
		{service: "rds", api: "CreateDBInstance", target: []string{"dBInstanceIdentifier"}, fits: has("publiclyAccessible", "true"), back: []string{"ModifyDBInstance", "DeleteDBInstance"}, undone: has("publiclyAccessible", "false")},
	},
	"LateralMovement:EC2/RemoteServices":               {{service: "ec2-instance-connect", api: "SendSSHPublicKey", target: []string{"instanceId"}}},
	"Persistence:EC2/BootOrLogonInitializationScripts": {{service: "ec2", api: "ModifyInstanceAttribute", target: []string{"instanceId"}, fits: with("userData")}},
	"Persistence:EC2/ExternalRemoteServices": {
		{service: "ec2", api: "AuthorizeSecurityGroupIngress", target: []string{"groupId", "groupName"}, opens: true, back: []string{"RevokeSecurityGroupIngress", "DeleteSecurityGroup"}},
		{service: "ec2", api: "ModifySecurityGroupRules", target: []string{"groupId"}, opens: true, back: []string{"RevokeSecurityGroupIngress", "ModifySecurityGroupRules", "DeleteSecurityGroup"}},
	},
	"Persistence:IAM/AccountManipulation": {
		{service: "iam", api: "CreateAccessKey", target: []string{"userName"}, back: []string{"DeleteAccessKey", "UpdateAccessKey", "DeleteUser"}},
		{service: "iam", api: "UpdateAssumeRolePolicy", target: []string{"roleName"}, back: []string{"DeleteRole"}},
		{service: "iam", api: "CreateLoginProfile", target: []string{"userName"}, back: []string{"DeleteLoginProfile", "DeleteUser"}},
		{service: "iam", api: "UpdateLoginProfile", target: []string{"userName"}, back: []string{"DeleteLoginProfile", "DeleteUser"}},
	},
	"Persistence:Lambda/AccountManipulation": {{service: "lambda", api: "AddPermission", target: []string{"functionName"}, back: []string{"RemovePermission", "DeleteFunction"}}},
	"Persistence:Lambda/ModifyAuthenticationProcess": {
		{service: "lambda", api: "CreateFunctionUrlConfig", target: []string{"functionName"}, fits: has("authType", "NONE"), back: []string{"UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig", "DeleteFunction"}, undone: has("authType", "AWS_IAM")},
		{service: "lambda", api: "UpdateFunctionUrlConfig", target: []string{"functionName"}, fits: has("authType", "NONE"), back: []string{"UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig", "DeleteFunction"}, undone: has("authType", "AWS_IAM")},
	},
	"Persistence:RolesAnywhere/AccountManipulation": {{service: "rolesanywhere", api: "CreateTrustAnchor", target: []string{"name"}, back: []string{"DeleteTrustAnchor", "DisableTrustAnchor"}}},
	"PrivilegeEscalation:IAM/AccountManipulation": {
		{service: "iam", api: "AttachUserPolicy", target: []string{"userName"}, back: []string{"DetachUserPolicy", "DeleteUser"}},
		{service: "iam", api: "AttachRolePolicy", target: []string{"roleName"}, back: []string{"DetachRolePolicy", "DeleteRole"}},
		{service: "iam", api: "CreateServiceSpecificCredential", target: []string{"userName"}, back: []string{"DeleteServiceSpecificCredential", "UpdateServiceSpecificCredential", "DeleteUser"}},
	},
	"ResourceDevelopment:SES/CompromiseAccounts": {
		{service: "ses", api: "VerifyDomainIdentity", target: []string{"domain"}, back: []string{"DeleteIdentity"}},
		{service: "ses", api: "CreateEmailIdentity", target: []string{"emailIdentity"}, back: []string{"DeleteEmailIdentity"}},
	},
}

func soon(p map[string]any) bool {
	d, ok := expiry(p)
	return ok && d <= soonDays
}

func notSoon(p map[string]any) bool { return !soon(p) }

// sameThing are the members by which a call that undoes another may name the same thing.
var sameThing = map[string][]string{"domain": {"identity"}}

// rules are the calls that the finding's rule looks for. A type that is not in the table, and a
// call that its table does not have, are taken by the API that the finding itself names.
func (v *view) rules() []rule {
	list := slices.Clone(rulesOf[v.f.Type])
	service, api, _ := v.primary()
	service = strings.TrimSuffix(service, ".amazonaws.com")
	api = plainAPI(api)
	if api != "" && !slices.ContainsFunc(list, func(r rule) bool { return r.api == api }) {
		list = append(list, rule{service: service, api: api})
	}
	return list
}

// plainAPI is an API's name without the version that AWS Lambda writes behind it.
func plainAPI(api string) string {
	name, version, ok := strings.Cut(api, "20")
	if ok && name != "" && len(version) >= 4 && strings.Trim(version, "0123456789v_") == "" {
		return name
	}
	return api
}

func apisOf(list []rule) (out []string) {
	for _, r := range list {
		out = append(out, r.api)
	}
	return sortedCopy(out)
}

func servicesOf(list []rule) (out []string) {
	for _, r := range list {
		out = append(out, r.service+".amazonaws.com")
	}
	return sortedCopy(out)
}

// A ruleRow is a record that meets the rule's condition.
type ruleRow struct {
	rule
	at     time.Time
	params map[string]any
	made   map[string]any // what the call returned
	own    bool
	row    int
}

// undoes tells whether a later call takes this one back: another call for the same thing, or the same
// call that says the contrary.
func (r ruleRow) undoes(c change, p map[string]any, account string) bool {
	api := plainAPI(c.api)
	if !c.at.After(r.at) || !slices.Contains(r.back, api) {
		return false
	}
	names := slices.Clone(r.target)
	for _, n := range r.target {
		names = append(names, sameThing[n]...)
	}
	before, after := letsIn(r.params, account), letsIn(p, account)
	switch {
	case r.undone != nil && api == r.api && !r.undone(p), r.opens && api == r.api && len(after) > 0:
		return false
	case disagree(r.thing(), thingIn(p, names)):
		return false
	case len(before) > 0 && len(after) > 0 && !slices.ContainsFunc(after, func(s string) bool { return slices.Contains(before, s) }):
		return false
	case statusAPIs[api] && !has("status", "Inactive")(p):
		return false
	}
	for _, name := range []string{"policyArn", "fromPort"} {
		if disagree(textOf(member(r.params, name)), textOf(member(p, name))) {
			return false
		}
	}
	for _, name := range []string{"accessKeyId", "serviceSpecificCredentialId", "trustAnchorId", "securityGroupRuleId"} {
		if disagree(textOf(member(r.made, name)), textOf(member(p, name))) {
			return false
		}
	}
	return true
}

// statusAPIs switch a credential on or off.
var statusAPIs = map[string]bool{"UpdateAccessKey": true, "UpdateServiceSpecificCredential": true}

// disagree tells whether two names are there and differ.
func disagree(a, b string) bool { return a != "" && b != "" && a != b }

// textOf is a value of a request as text; "" for an object, a list and none.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// ruleRows are the records that the rule looks for, in time order.
func (v *view) ruleRows() (t table, rows []ruleRow, why result, ok bool) {
	t, why, ok = v.ask("change.matches", "")
	if !ok {
		return t, nil, why, false
	}
	rules := v.rules()
	for i := range t.len() {
		api, params := plainAPI(t.text(i, "api")), paramsOf(t, i)
		for _, r := range rules {
			if r.api != api || r.fits != nil && !r.fits(params) || r.opens && len(letsIn(params, string(v.f.Account))) == 0 {
				continue
			}
			rows = append(rows, ruleRow{
				rule: r, at: t.time(i, "event_time"), params: params, made: jsonOf(t.text(i, responseElements)), own: v.loggingRow(t, i), row: i,
			})
			break
		}
	}
	slices.SortStableFunc(rows, func(a, b ruleRow) int { return a.at.Compare(b.at) })
	return t, rows, result{}, true
}

// ruleEvent is the record that the finding is about: the first of its own actor, else the first.
func (v *view) ruleEvent() (t table, r ruleRow, why result, ok bool) {
	t, rows, why, ok := v.ruleRows()
	if !ok {
		return t, r, why, false
	}
	if len(rows) == 0 {
		return t, r, t.empty(), false
	}
	i := max(0, slices.IndexFunc(rows, func(r ruleRow) bool { return r.own }))
	return t, rows[i], result{}, true
}

func changeMatches(fits func(ruleRow) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		t, rows, why, ok := v.ruleRows()
		if !ok {
			return why
		}
		var n int64
		for _, r := range rows {
			if fits(r) {
				n++
			}
		}
		return t.counted(n)
	}
}

func (r ruleRow) thing() string { return thingIn(r.params, r.target) }

// thingIn is the first of the members that a request has as text.
func thingIn(params map[string]any, names []string) string {
	for _, name := range names {
		if s, ok := member(params, name).(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// matched tells whether a record meets the condition of the finding's rule; Unknown for findings of other families.
func (v *view) matched() result {
	if finding.FamilyOf(v.f) != "cdr" {
		return unknown("question")
	}
	t, rows, why, ok := v.ruleRows()
	if !ok {
		return why
	}
	return t.has(len(rows) > 0)
}

func changeActor(v *view, _ string) result {
	t, r, why, ok := v.ruleEvent()
	if !ok {
		return why
	}
	return known(TextOf(orDash(firstText(t.text(r.row, "user_arn"), t.text(r.row, "session_issuer_arn"), t.text(r.row, "source_service")))), t.row(r.row))
}

func changeTarget(v *view, _ string) result {
	t, r, why, ok := v.ruleEvent()
	if !ok {
		return why
	}
	if s := r.thing(); s != "" {
		return known(TextOf(s), t.row(r.row))
	}
	return notApplicable(t.row(r.row))
}

func changeLetsIn(v *view, _ string) result {
	t, r, why, ok := v.ruleEvent()
	if !ok {
		return why
	}
	list := letsIn(r.params, string(v.f.Account))
	if len(list) == 0 {
		return notApplicable(t.row(r.row))
	}
	return known(TextsOf(list[:min(len(list), maxListed)], len(list) > maxListed), t.row(r.row))
}

// letsIn are those outside whom a request names: account ids, alone or in an ARN, other than ours;
// "*" and "all" for everyone; address ranges that hold every address.
func letsIn(v any, account string) []string {
	var out []string
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range sortedKeys(v) {
				walk(k, v[k])
			}
		case []any:
			for _, e := range v {
				walk(key, e)
			}
		case string:
			parts := strings.Split(v, ":")
			switch {
			case v == "0.0.0.0/0", v == "::/0":
				out = append(out, v)
			case v == "*" && (key == "Principal" || key == "AWS" || key == "principal"), v == "all" && key != "ipProtocol":
				out = append(out, "everyone")
			case accountID(v) && v != account:
				out = append(out, v)
			case len(parts) > 5 && parts[0] == "arn" && accountID(parts[4]) && parts[4] != account && (key == "AWS" || key == "Principal" || key == "principal"):
				out = append(out, parts[4])
			}
		}
	}
	walk("", v)
	return sortedCopy(out)
}

func accountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// changeInverses are what the finding's own call, or where it names none every call of the rule, is undone by.
func changeInverses(v *view, _ string) result {
	_, api, _ := v.primary()
	api = plainAPI(api)
	var out []string
	for _, r := range v.rules() {
		if api == "" || r.api == api {
			out = append(out, r.back...)
		}
	}
	return toldTexts(sortedCopy(out))
}

// reversal is the first later call that undoes the change on the same thing.
func (v *view) reversal() (t table, c change, why result, ok bool) {
	_, event, why, ok := v.ruleEvent()
	switch {
	case !ok:
		return t, c, why, false
	case len(event.back) == 0:
		return t, c, notApplicable(findingRef), false
	}
	t, why, ok = v.ask("change.reverted", "")
	if !ok {
		return t, c, why, false
	}
	params := map[Ref]map[string]any{}
	for i := range t.len() {
		params[t.row(i)] = paramsOf(t, i)
	}
	for _, k := range v.changesOf(t, func(string, map[string]any) string { return "" }) {
		if event.undoes(k, params[k.ref], string(v.f.Account)) {
			return t, k, result{}, true
		}
	}
	return t, change{}, result{}, true
}

func changeReverted(v *view, _ string) result {
	t, c, why, ok := v.reversal()
	switch {
	case !ok:
		return why
	case c.at.IsZero():
		return t.has(false)
	}
	return t.has(true, c.ref)
}

func ofReversal(get func(change) Value) func(*view, string) result {
	return func(v *view, _ string) result {
		t, c, why, ok := v.reversal()
		switch {
		case !ok:
			return why
		case c.at.IsZero():
			return t.empty()
		}
		return result{state: Known, value: get(c), window: t.window(), from: []Ref{c.ref}}
	}
}

// changeRisky: a rule of that kind is one that somebody switched on so as to be told; of a bucket,
// GuardDuty's Policy and Stealth types are about settings, all others about its use.
func changeRisky(v *view, _ string) result {
	risky := finding.FamilyOf(v.f) == "cdr"
	for _, tactic := range []string{"Policy:", "Stealth:"} {
		risky = risky || strings.HasPrefix(string(v.f.Type), tactic)
	}
	return known(BoolOf(risky), findingRef)
}

// recordOf is the first announced change that covers the event.
func (v *view) recordOf() (Change, bool) {
	at, ok := v.at()
	if !ok {
		return Change{}, false
	}
	last := at
	if v.f.LastSeen.After(at) {
		last = v.f.LastSeen
	}
	service, api, _ := v.primary()
	service, api = strings.TrimSuffix(service, ".amazonaws.com"), plainAPI(api)
	actors := []string{v.f.Resource.AccessKey.UserName, v.actorColumn("user_arn"), v.actorColumn("session_issuer_arn"), v.actorColumn("session_name")}
	things := []string{v.bucket(), v.f.Resource.Name}
	if finding.FamilyOf(v.f) == "cdr" {
		things = append(things, changeTarget(v, "").value.Str)
	}
	for _, a := range v.f.Action.Affected {
		things = append(things, a)
	}
	among := func(want []string, have ...string) bool {
		return len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return w != "" && slices.Contains(have, w) })
	}
	for _, c := range v.st.Changes {
		if at.Before(c.From) || !last.Before(c.Until) || !among(c.Accounts, string(v.f.Account)) || !among(c.APIs, api, service+":"+api) ||
			!among(c.Actors, actors...) || !among(c.Resources, things...) {
			continue
		}
		return c, true
	}
	return Change{}, false
}

func changeRecorded(v *view, _ string) result {
	_, ok := v.recordOf()
	return known(BoolOf(ok), findingRef, settingsRef)
}

func ofRecord(get func(Change) string) func(*view, string) result {
	return func(v *view, _ string) result {
		c, ok := v.recordOf()
		if !ok || get(c) == "" {
			return notApplicable(findingRef, settingsRef)
		}
		return known(TextOf(get(c)), findingRef, settingsRef)
	}
}

func changeConfirmed(v *view, _ string) result {
	if _, ok := v.recordOf(); ok {
		return known(BoolOf(true), findingRef, settingsRef)
	}
	r := ofAnswer(v, func(said Testimony, ref Ref) result {
		return known(BoolOf(said.confirms()), ref)
	})
	if r.state == Known {
		return r
	}
	return known(BoolOf(false), findingRef, settingsRef)
}
