package fact

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Whether what was deleted or overwritten can be had back, and what was done to the bucket's
// protection: versioning, MFA delete, lifecycle, replication, encryption, access logging.
var recoveryDefs = []Def{
	{Key: "recovery.state", Families: bucketFamily, Rule: recoveryState, Type: Name, Kind: Computed, JA: "削除されたオブジェクトの復元", EN: "can the deleted objects be had back", Says: "from the objects deleted, the versions deleted by id, and versioning by a look-up or by the last change seen", Choices: []string{"versions_kept", "versions_deleted", "not_versioned", "not_known"}},
	{Key: "recovery.versions_deleted", Families: bucketFamily, Rule: recoveryVersions, Type: Int, Kind: Computed, JA: "バージョンを指定した削除", EN: "versions deleted by id", Says: "successful deletions by the actor that name a version: these cannot be had back from versioning"},
	{Key: "recovery.expiry_days", Families: bucketFamily, Asked: true, Rule: recoveryExpiry, Type: Int, Kind: Computed, JA: "設定された失効までの日数", EN: "days until objects expire, as set", Says: "the fewest days of an enabled expiration in lifecycle rules that were put on the bucket"},
	{Key: "recovery.weakened", Families: bucketFamily, Asked: true, Rule: recoveryWeakened(false), Type: Int, Kind: Computed, JA: "バケットの保護を弱める変更", EN: "changes that weaken the bucket's protection", Says: "versioning or MFA delete off, expiry within 7 days, replication removed or to another account, another account's key, SSE-C allowed, access logging off, bucket deleted; 30 days before to a day after"},
	{Key: "recovery.own_weakened", Families: bucketFamily, Asked: true, Rule: recoveryWeakened(true), Type: Int, Kind: Computed, JA: "同一主体による保護を弱める変更", EN: "such changes by the actor of the finding", Says: "those by the same principal, key or address, a day before to a day after"},
	{Key: "recovery.changes", Families: bucketFamily, Asked: true, Rule: recoveryTable, Type: Table, Kind: Observed, JA: "バケットの保護設定の変更", EN: "changes of the bucket's protection", Says: "those calls that succeeded, in time order, at most 20", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "effect", Type: Name, JA: "効果", EN: "effect", Enum: append(slices.Clone(weakening), "versioning_on", "lifecycle_changed", "replication_changed", "encryption_changed", "access_logging_on", unclear)},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
		{Name: "source", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "rewrite.objects", Families: bucketFamily, Rule: rewritten(func(table, int, *view) bool { return true }), Type: Int, Kind: Computed, JA: "書き込まれたオブジェクト", EN: "objects written", Says: "writes of objects by the actor that succeeded"},
	{Key: "rewrite.customer_key", Families: bucketFamily, Rule: rewritten(customerKey), Type: Int, Kind: Computed, JA: "書き込み側だけが持つ鍵（SSE-C）での書き込み", EN: "objects written with a customer-provided key (SSE-C)", Says: "those encrypted with a key that only the writer holds"},
	{Key: "rewrite.foreign_key", Families: bucketFamily, Rule: rewritten(foreignKey), Type: Int, Kind: Computed, JA: "他アカウントのKMSキーでの書き込み", EN: "objects written with another account's KMS key", Says: "those whose KMS key's ARN names another account"},
}

// protectionAPIs change what protects a bucket's content.
var protectionAPIs = []string{
	"PutBucketVersioning", "PutBucketLifecycle", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle",
	"PutBucketReplication", "DeleteBucketReplication", "PutBucketEncryption", "DeleteBucketEncryption",
	"PutBucketLogging", "PutBucketObjectLockConfiguration", "DeleteBucket",
}

// writeAPIs put content into a bucket.
var writeAPIs = []string{"PutObject", "CopyObject", "CompleteMultipartUpload", "UploadPart", "UploadPartCopy"}

// weakening are the effects that take protection away.
var weakening = []string{
	"versioning_off", "mfa_delete_off", "expiry_soon", "replication_removed", "replication_abroad",
	"foreign_key", "customer_keys_allowed", "access_logging_off", "bucket_deleted",
}

// soonDays is the most days until expiry that leave no time to notice.
const soonDays = 7

// protectionEffect reads what a change does to a bucket's protection. The names are those of
// CloudTrail's records of S3.
func (v *view) protectionEffect(api string, params map[string]any) string {
	text := func(name string) string { s, _ := member(params, name).(string); return s }
	switch api {
	case "DeleteBucket":
		return "bucket_deleted"
	case "DeleteBucketReplication":
		return "replication_removed"
	case "DeleteBucketLifecycle":
		return "lifecycle_changed"
	case "DeleteBucketEncryption":
		return "encryption_changed"
	case "PutBucketVersioning":
		switch {
		case strings.EqualFold(text("Status"), "Suspended"):
			return "versioning_off"
		case strings.EqualFold(text("MfaDelete"), "Disabled"):
			return "mfa_delete_off"
		case strings.EqualFold(text("Status"), "Enabled"):
			return "versioning_on"
		}
	case "PutBucketLifecycle", "PutBucketLifecycleConfiguration":
		if d, ok := expiry(params); ok && d <= soonDays {
			return "expiry_soon"
		}
		return "lifecycle_changed"
	case "PutBucketReplication":
		if a := text("Account"); a != "" && a != string(v.f.Account) {
			return "replication_abroad"
		}
		return "replication_changed"
	case "PutBucketEncryption":
		switch {
		case v.foreign(text("KMSMasterKeyID")):
			return "foreign_key"
		case allowsCustomerKeys(params):
			return "customer_keys_allowed"
		}
		return "encryption_changed"
	case "PutBucketLogging":
		status, ok := member(params, "BucketLoggingStatus").(map[string]any)
		switch {
		case ok && member(status, "LoggingEnabled") != nil:
			return "access_logging_on"
		case ok:
			return "access_logging_off"
		}
	}
	return unclear
}

// allowsCustomerKeys tells whether a bucket's encryption is put so that SSE-C is no longer blocked.
func allowsCustomerKeys(params map[string]any) bool {
	blocked := member(params, "BlockedEncryptionTypes")
	for _, e := range listOf(member(blocked, "EncryptionType")) {
		if s, _ := e.(string); strings.EqualFold(s, "NONE") {
			return true
		}
	}
	return false
}

// foreign tells whether a KMS key's ARN lies in another account.
func (v *view) foreign(arn string) bool {
	parts := strings.Split(arn, ":")
	return len(parts) > 5 && parts[0] == "arn" && parts[2] == "kms" && parts[4] != string(v.f.Account)
}

// expiry are the fewest days after which an enabled lifecycle rule lets objects expire.
func expiry(params map[string]any) (days int64, ok bool) {
	days = math.MaxInt64
	rules := member(params, "Rules")
	if rules == nil {
		rules = member(params, "Rule")
	}
	for _, r := range listOf(rules) {
		rule, is := r.(map[string]any)
		if on, _ := rule["Status"].(string); !is || !strings.EqualFold(on, "Enabled") {
			continue
		}
		for _, e := range []any{
			member(rule["Expiration"], "Days"), member(rule["NoncurrentVersionExpiration"], "NoncurrentDays"),
		} {
			switch n := e.(type) {
			case float64:
				days, ok = min(days, int64(n)), true
			case string:
				if d, err := strconv.ParseInt(n, 10, 32); err == nil {
					days, ok = min(days, d), true
				}
			}
		}
	}
	return days, ok
}

// protection are the changes of the bucket's protection.
func (v *view) protection() (t table, list []change, why result, ok bool) {
	if r := bucketOnly(v); r.state == NotApplicable {
		return t, nil, r, false
	}
	t, why, ok = v.history("recovery.changes")
	if !ok {
		return t, nil, why, false
	}
	return t, v.changesOf(t, v.protectionEffect), result{}, true
}

func recoveryTable(v *view, _ string) result {
	t, list, why, ok := v.protection()
	if !ok {
		return why
	}
	return tableOf(t, list)
}

func recoveryWeakened(own bool) func(*view, string) result {
	return func(v *view, _ string) result {
		t, list, why, ok := v.protection()
		if !ok {
			return why
		}
		at, _ := v.at()
		var n int64
		var refs []Ref
		for _, c := range list {
			if !slices.Contains(weakening, c.effect) || own && (!c.own || c.at.Sub(at).Abs() > dayLong) {
				continue
			}
			n, refs = n+1, append(refs, c.ref)
		}
		r := t.counted(n)
		r.from = append(r.from, refs...)
		return r
	}
}

func recoveryExpiry(v *view, _ string) result {
	t, why, ok := v.history("recovery.expiry_days")
	if !ok {
		return why
	}
	fewest, ref := int64(math.MaxInt64), Ref("")
	for i := range t.len() {
		if t.text(i, "error_code") != "" {
			continue
		}
		if d, has := expiry(paramsOf(t, i)); has && d < fewest {
			fewest, ref = d, t.row(i)
		}
	}
	if ref == "" {
		return t.empty()
	}
	return result{state: Known, value: IntOf(fewest), window: t.window(), from: []Ref{ref}}
}

func recoveryVersions(v *view, _ string) result {
	if r := bucketOnly(v); r.state == NotApplicable {
		return r
	}
	t, why, ok := v.ask("recovery.versions_deleted", "")
	if !ok {
		return why
	}
	col := "n"
	if bestEffort(t.Answered) {
		col = "versions"
	}
	n, _ := t.sum(col, func(i int) bool {
		return col == "n" || slices.Contains(deleteAPIs, operationAPI(t.text(i, "operation")))
	})
	return t.counted(n)
}

// versioned is whether old versions of objects are kept: by the last change before the event that
// is seen, else by a look-up, which tells of now.
func (v *view) versioned() (on, known bool, from []Ref) {
	at, _ := v.at()
	if _, list, _, ok := v.protection(); ok {
		for _, c := range list {
			if c.api == "PutBucketVersioning" && c.effect != unclear && c.at.Before(at) {
				on, known, from = c.effect != "versioning_off", true, []Ref{c.ref}
			}
		}
	}
	if known {
		return on, true, from
	}
	if d, _ := DefOf("impact.bucket_versioning"); v.looks(d) {
		if r := d.Rule(v, ""); r.state == Known {
			return r.value.Str == "enabled", true, r.from
		}
	}
	return false, false, nil
}

func recoveryState(v *view, _ string) result {
	deleted := impactDeleted(v, "")
	switch {
	case deleted.state == Known && deleted.value.Num == 0:
		return notApplicable(deleted.from...)
	case deleted.state != Known && deleted.state != AtLeast:
		return deleted
	}
	on, is, refs := v.versioned()
	refs = append(slices.Clone(deleted.from), refs...)
	if !is {
		return result{state: Unknown, gap: Gap{Key: "bucket_versioning"}, from: refs}
	}
	if !on {
		return known(NameOf("not_versioned"), refs...)
	}
	n := recoveryVersions(v, "")
	refs = compactRefs(append(refs, n.from...))
	switch {
	case (n.state == Known || n.state == AtLeast) && n.value.Num > 0:
		return known(NameOf("versions_deleted"), refs...)
	case n.state == Known:
		return known(NameOf("versions_kept"), refs...)
	}
	return known(NameOf("not_known"), refs...) // versions are kept, but some may be gone
}

// rewritten counts the objects that the actor wrote, of those that fit.
func rewritten(fits func(t table, i int, v *view) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		if r := bucketOnly(v); r.state == NotApplicable {
			return r
		}
		t, why, ok := v.ask("rewrite.objects", "")
		if !ok {
			return why
		}
		n, _ := t.sum("keys", func(i int) bool { return fits(t, i, v) })
		return t.counted(n)
	}
}

// Where a data event says how an object was encrypted (AWS CloudTrail records of S3: the request's
// headers, and SSEApplied of additionalEventData).
const (
	algorithmHeader = "raw:requestParameters.x-amz-server-side-encryption-customer-algorithm"
	keyHeader       = "raw:requestParameters.x-amz-server-side-encryption-aws-kms-key-id"
	appliedMember   = "raw:additionalEventData.SSEApplied"
)

func customerKey(t table, i int, _ *view) bool {
	return t.text(i, algorithmHeader) != "" || strings.EqualFold(t.text(i, appliedMember), "SSE_C")
}

func foreignKey(t table, i int, v *view) bool { return v.foreign(t.text(i, keyHeader)) }

// recoveryBucket is the bucket whose protection matters: where the finding is about a call that deletes,
// writes or protects, or something was deleted or written. Reading alone does not raise the question.
func (v *view) recoveryBucket(fs Facts) string {
	_, api, _ := v.primary()
	for _, list := range [][]string{deleteAPIs, writeAPIs, protectionAPIs} {
		if slices.Contains(list, api) {
			return v.bucket()
		}
	}
	for _, key := range []Key{"impact.objects_deleted", "rewrite.objects"} {
		if f := fs.Get(key, ""); (f.State == Known || f.State == AtLeast) && f.Value.Num > 0 {
			return v.bucket()
		}
	}
	return ""
}
