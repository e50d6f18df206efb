package fact

import (
	"slices"
	"strings"
	"time"
)

var impactDefs = []Def{
	{Key: "impact.objects_read", Rule: impactRead, Type: Int, Kind: Computed, JA: "読み取られたオブジェクト", EN: "objects read", Says: "different keys of successful GetObject; without data events, of REST.GET.OBJECT in the server access log"},
	{Key: "impact.object_keys", Rule: impactKeys, Type: Texts, Kind: Observed, JA: "読み取られたオブジェクトのキー", EN: "object keys", Says: "different keys of successful GetObject or REST.GET.OBJECT, at most 20"},
	{Key: "impact.bytes_out", Rule: impactBytes, Type: Bytes, Kind: Computed, JA: "オブジェクトの転送量", EN: "bytes out", Says: "sum of bytesTransferredOut of successful GetObject, or of Bytes Sent of REST.GET.OBJECT"},
	{Key: "impact.read_minutes", Rule: impactMinutes, Type: Minutes, Kind: Computed, JA: "読み取りの継続時間", EN: "minutes of reading", Says: "first to last successful GetObject or REST.GET.OBJECT"},
	{Key: "impact.objects_deleted", Rule: impactDeleted, Type: Int, Kind: Computed, JA: "削除されたオブジェクト", EN: "objects deleted", Says: "different keys of successful DeleteObject(s); without data events, of REST.DELETE.OBJECT and BATCH.DELETE.OBJECT in the server access log"},
	{Key: "impact.public_exposure", Rule: impactExposure, Type: Int, Kind: Computed, JA: "バケットの公開設定の変更", EN: "changes of exposure", Says: "successful PutBucketPolicy, PutBucketAcl, DeletePublicAccessBlock and the like on the bucket"},
	{Key: "impact.accounts_reached", Rule: impactAccounts, Type: Texts, Kind: Computed, JA: "到達した他アカウント", EN: "accounts reached", Says: "accounts of roles assumed by the session"},
	{Key: "impact.secrets_read", Rule: impactSecrets, Type: Int, Kind: Computed, JA: "読み取られた秘密情報", EN: "secrets read", Says: "successful GetSecretValue, GetParameter* with decryption"},
	{Key: "impact.still_active", Rule: impactStillActive, Type: Bool, Kind: Computed, JA: "検出後の認証情報の使用", EN: "still active", Says: "the credential has events after the finding's last seen"},
	{Key: "impact.trails_recording", Rule: impactTrailsRecording, Type: Texts, Kind: Computed, JA: "記録を続けている証跡", EN: "trails still recording", Says: "trails whose logging is on after the event"},
	{Key: "impact.trails_stopped", Rule: impactTrailsStopped, Type: Texts, Kind: Computed, JA: "停止された証跡", EN: "trails stopped", Says: "trails named by successful StopLogging or DeleteTrail"},
}

// readAPIs give out an object's content.
var readAPIs = []string{"GetObject", "SelectObjectContent", "CopyObject"}

// deleteAPIs remove objects.
var deleteAPIs = []string{"DeleteObject", "DeleteObjects"}

// objects sums what the actor did to the bucket's objects, by API: the answer groups the
// successful data events of the credential.
func ofObjects(v *view, apis []string, get func(t table, rows []int) result) result {
	if r := bucketOnly(v); r.state == NotApplicable {
		return r
	}
	t, why, ok := v.ask("impact.objects_read", "")
	if !ok {
		return why
	}
	var rows []int
	for i := range t.len() {
		if slices.Contains(apis, firstText(t.text(i, "api"), operationAPI(t.text(i, "operation")))) {
			rows = append(rows, i)
		}
	}
	return get(t, rows)
}

func bucketOnly(v *view) result {
	if v.bucket() == "" {
		return notApplicable(findingRef)
	}
	return result{}
}

func sumColumn(t table, rows []int, col string) (n int64) {
	for _, i := range rows {
		n += t.int(i, col)
	}
	return n
}

func impactRead(v *view, _ string) result {
	return ofObjects(v, readAPIs, func(t table, rows []int) result { return t.counted(sumColumn(t, rows, "keys")) })
}

func impactKeys(v *view, _ string) result {
	return ofObjects(v, readAPIs, func(t table, rows []int) result {
		var list []string
		more := false
		for _, i := range rows {
			set, cut := t.cell(i, "key_list").Set()
			for _, k := range set {
				list = append(list, k.Text())
			}
			more = more || cut
		}
		list = sortedCopy(list)
		if len(list) == 0 {
			return t.empty()
		}
		return t.measured(TextsOf(list, more), true)
	})
}

func impactBytes(v *view, _ string) result {
	return ofObjects(v, readAPIs, func(t table, rows []int) result {
		n := sumColumn(t, rows, "bytes")
		r := t.measured(Value{Type: Bytes, Num: n}, n > 0)
		return r
	})
}

func impactMinutes(v *view, _ string) result {
	return ofObjects(v, readAPIs, func(t table, rows []int) result {
		if len(rows) == 0 {
			return t.empty()
		}
		first, last := t.time(rows[0], "first"), t.time(rows[0], "last")
		for _, i := range rows[1:] {
			if f := t.time(i, "first"); f.Before(first) {
				first = f
			}
			if l := t.time(i, "last"); l.After(last) {
				last = l
			}
		}
		return t.measured(Value{Type: Minutes, Num: int64(last.Sub(first) / time.Minute)}, true)
	})
}

func impactDeleted(v *view, _ string) result {
	return ofObjects(v, deleteAPIs, func(t table, rows []int) result { return t.counted(sumColumn(t, rows, "keys")) })
}

func impactExposure(v *view, _ string) result {
	if r := bucketOnly(v); r.state == NotApplicable {
		return r
	}
	t, why, ok := v.ask("impact.public_exposure", "")
	if !ok {
		return why
	}
	var n int64
	for i := range t.len() {
		if t.text(i, "error_code") == "" {
			n++
		}
	}
	return t.counted(n)
}

func impactAccounts(v *view, _ string) result {
	return ofCalls(v, v.acting(), func(c calls) result {
		var list []string
		for _, k := range c.rows {
			if !slices.Contains(assumeRoleAPIs, k.api) || k.errorCode != "" {
				continue
			}
			if parts := strings.Split(c.t.text(k.row, "role_arn"), ":"); len(parts) > 5 && parts[4] != string(v.f.Account) {
				list = append(list, parts[4])
			}
		}
		if len(list) == 0 {
			return c.t.empty()
		}
		return c.t.measured(TextsOf(sortedCopy(list), false), true)
	})
}

func impactSecrets(v *view, subject string) result {
	return activityListed(secretAPIs)(v, v.acting())
}

// impactStillActive looks for calls of the credential after the newest occurrence the finding
// speaks of. Silence does not prove an end unless the log is whole.
func impactStillActive(v *view, _ string) result {
	return ofCalls(v, v.acting(), func(c calls) result {
		last := v.f.LastSeen
		if last.IsZero() {
			last, _ = v.at()
		}
		for _, k := range c.rows {
			if k.at.After(last) {
				return c.t.has(true, c.t.row(k.row))
			}
		}
		return c.t.has(false)
	})
}

func impactTrailsStopped(v *view, _ string) result {
	t, why, ok := v.ask("activity.logging_change_list", "")
	if !ok {
		return why
	}
	var list []string
	for i := range t.len() {
		api := t.text(i, "api")
		if (api == "StopLogging" || api == "DeleteTrail") && t.text(i, "error_code") == "" && t.text(i, "trail_name") != "" {
			list = append(list, t.text(i, "trail_name"))
		}
	}
	if len(list) == 0 {
		return t.empty()
	}
	return t.measured(TextsOf(sortedCopy(list), false), true)
}

// impactTrailsRecording are the trails that some source knows to be logging at the latest time
// that the case looks at.
func impactTrailsRecording(v *view, _ string) result {
	var latest time.Time
	var list []string
	var refs []Ref
	for _, it := range v.set.Items() {
		for _, c := range it.Coverage {
			if len(c.Trails) == 0 || c.Window.To.Before(latest) {
				continue
			}
			if c.Window.To.After(latest) {
				latest, list, refs = c.Window.To, nil, nil
			}
			list, refs = append(list, c.Trails...), append(refs, Ref(it.ID))
		}
	}
	if len(list) == 0 {
		return unknown("configuration")
	}
	return known(TextsOf(sortedCopy(list), false), compactRefs(refs)...)
}
