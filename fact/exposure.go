package fact

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
)

// Since when a bucket lies open, and by whom: the changes that management events show, from the
// time from which they are seen without a hole.
var exposureDefs = []Def{
	{Key: "exposure.permission", Families: bucketFamily, Rule: exposurePermission, Type: Name, Kind: External, JA: "検出時のバケットの公開（GuardDutyの判定）", EN: "public at the finding, by GuardDuty", Says: "publicAccess.effectivePermission of the finding", Choices: []string{"public", "not_public", "unknown"}},
	{Key: "exposure.seen_from", Families: bucketFamily, Rule: exposureSeenFrom, Type: Time, Kind: Covering, JA: "公開設定の変更を確認できる期間の始まり", EN: "changes of exposure are seen from", Says: "start of the time up to the event in which management events are collected without a hole"},
	{Key: "exposure.since", Families: bucketFamily, Rule: ofPeriod(func(p period) result { return p.at(p.open, TimeOf(p.open.at)) }), Type: Time, Kind: Computed, JA: "公開または保護解除の時期", EN: "opened, or its block lifted, at", Says: "the first change that opened the bucket or lifted its block and that no later change took back; else the latest such that was taken back"},
	{Key: "exposure.since_api", Families: bucketFamily, Rule: ofPeriod(func(p period) result { return p.at(p.open, TextOf(p.open.api)) }), Type: Text, Kind: Observed, JA: "公開または保護解除の操作", EN: "opened by the call", Says: "that change"},
	{Key: "exposure.since_by", Families: bucketFamily, Rule: ofPeriod(func(p period) result { return p.at(p.open, TextOf(p.open.actor)) }), Type: Text, Kind: Observed, JA: "公開または保護解除の実行者", EN: "opened by", Says: "who made that change"},
	{Key: "exposure.own", Families: bucketFamily, Rule: ofPeriod(func(p period) result { return p.at(p.open, BoolOf(p.open.own)) }), Type: Bool, Kind: Computed, JA: "公開または保護解除と検出結果の実行者の一致", EN: "opened by the actor of the finding", Says: "the same principal, key or address made that change"},
	{Key: "exposure.before", Families: bucketFamily, Rule: exposureBefore, Type: Time, Kind: Computed, JA: "公開の開始はこの日時より前", EN: "open since before", Says: "the bucket is public by the finding or a look-up, and no change that opened it or lifted a block is seen: it was open before management events are seen from"},
	{Key: "exposure.reverted", Families: bucketFamily, Rule: exposureReverted, Type: Bool, Kind: Computed, JA: "公開または保護解除の取り消し", EN: "taken back since", Says: "a later change of policy, ACL or block closed the bucket again"},
	{Key: "exposure.closed", Families: bucketFamily, Rule: ofPeriod(func(p period) result { return p.at(p.shut, TimeOf(p.shut.at)) }), Type: Time, Kind: Computed, JA: "取り消しの時期", EN: "taken back at", Says: "the change that closed it"},
	{Key: "exposure.closed_by", Families: bucketFamily, Rule: ofPeriod(func(p period) result { return p.at(p.shut, TextOf(p.shut.actor)) }), Type: Text, Kind: Observed, JA: "取り消しの実行者", EN: "taken back by", Says: "who made the change that closed it"},
	{Key: "exposure.changes", Families: bucketFamily, Rule: exposureTable, Type: Table, Kind: Observed, JA: "公開設定の変更の履歴", EN: "history of the bucket's exposure", Says: "changes of who may reach the bucket that succeeded, in time order, at most 20; those of the account's own block stand apart", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "effect", Type: Name, JA: "効果", EN: "effect", Enum: []string{opens, unblocks, closes, unclear}},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
		{Name: "source", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "exposure.account_lifts", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result {
		return p.t.counted(count(p.changes, unblocks))
	}), Type: Int, Kind: Computed, JA: "アカウントの公開ブロックを解除する変更", EN: "changes that lifted the account's public access block", Says: "successful PutAccountPublicAccessBlock that leaves a member off, and DeleteAccountPublicAccessBlock, in any Region that is asked, 30 days before to a day after"},
	{Key: "exposure.account_since", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result { return p.at(p.open, TimeOf(p.open.at)) }), Type: Time, Kind: Computed, JA: "アカウントの公開ブロックの解除の時期", EN: "the account's block was lifted at", Says: "the first change that lifted the account's block and that no later change took back; else the latest such that was taken back"},
	{Key: "exposure.account_api", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result { return p.at(p.open, TextOf(p.open.api)) }), Type: Text, Kind: Observed, JA: "アカウントの公開ブロックの解除の操作", EN: "the account's block was lifted by the call", Says: "that change"},
	{Key: "exposure.account_by", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result { return p.at(p.open, TextOf(p.open.actor)) }), Type: Text, Kind: Observed, JA: "アカウントの公開ブロックの解除の実行者", EN: "the account's block was lifted by", Says: "who made that change"},
	{Key: "exposure.account_restored", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result { return p.at(p.shut, TimeOf(p.shut.at)) }), Type: Time, Kind: Computed, JA: "アカウントの公開ブロックの再設定の時期", EN: "the account's block was put back at", Says: "the change that set all four members again"},
	{Key: "exposure.account_restored_by", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result { return p.at(p.shut, TextOf(p.shut.actor)) }), Type: Text, Kind: Observed, JA: "アカウントの公開ブロックの再設定の実行者", EN: "the account's block was put back by", Says: "who made the change that set all four members again"},
	{Key: "exposure.account_changes", Families: bucketFamily, Asked: true, Rule: ofAccount(func(p period) result { return tableOf(p.t, p.changes) }), Type: Table, Kind: Observed, JA: "アカウントの公開ブロックの変更の履歴", EN: "history of the account's public access block", Says: "changes of the account's own block that succeeded, in time order, at most 20", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "effect", Type: Name, JA: "効果", EN: "effect", Enum: []string{unblocks, closes, unclear}},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
		{Name: "source", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "exposure.anonymous", Families: bucketFamily, Rule: anonymousUse, Type: Int, Kind: Computed, JA: "匿名の要求（成功）", EN: "anonymous requests", Says: "requests on the bucket without authentication, 30 days before to a day after"},
	{Key: "exposure.anonymous_addresses", Families: bucketFamily, Rule: ofTable("exposure.anonymous_addresses", func(_ *view, t table) result { return t.texts("source_ip") }), Type: Texts, Kind: Computed, JA: "匿名の要求の送信元", EN: "addresses of anonymous requests", Says: "different addresses, at most 20"},
	{Key: "exposure.anonymous_first", Families: bucketFamily, Rule: ofTable("exposure.anonymous_first", func(_ *view, t table) result { return t.edge("first", true) }), Type: Time, Kind: Computed, JA: "最初の匿名の要求", EN: "first anonymous request", Says: "earliest"},
	{Key: "exposure.anonymous_last", Families: bucketFamily, Rule: ofTable("exposure.anonymous_last", func(_ *view, t table) result { return t.edge("last", false) }), Type: Time, Kind: Computed, JA: "最後の匿名の要求", EN: "last anonymous request", Says: "latest"},
}

// What a change does to who may reach a bucket.
const (
	opens    = "opens"    // everyone is let in
	unblocks = "unblocks" // the public access block is lifted: not public by that alone
	closes   = "closes"
	unclear  = "unclear" // the record does not tell, or it depends on a condition
)

// A change is one record of a setting that changed.
type change struct {
	at     time.Time
	api    string
	effect string
	actor  string
	source string
	own    bool
	ref    Ref
}

// changesOf are the changes of an answer that succeeded, in time order.
func (v *view) changesOf(t table, effect func(api string, params map[string]any) string) []change {
	var out []change
	for i := range t.len() {
		if t.text(i, "error_code") != "" {
			continue
		}
		out = append(out, change{
			at: t.time(i, "event_time"), api: t.text(i, "api"), effect: effect(t.text(i, "api"), paramsOf(t, i)),
			actor:  firstText(t.text(i, "user_arn"), t.text(i, "session_issuer_arn"), t.text(i, "source_service")),
			source: firstText(t.text(i, "source_ip"), t.text(i, "source_service")), own: v.loggingRow(t, i), ref: t.row(i),
		})
	}
	slices.SortStableFunc(out, func(a, b change) int { return a.at.Compare(b.at) })
	return out
}

// requestParameters is the column that holds a record's requestParameters as JSON.
const requestParameters = "raw:requestParameters"

const responseElements = "raw:responseElements"

// paramsOf are a record's request parameters; nil where it has none, or they are no object.
func paramsOf(t table, i int) map[string]any { return jsonOf(t.text(i, requestParameters)) }

func jsonOf(text string) map[string]any {
	var out map[string]any
	if json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

// exposureEffect reads what a change does. The names are those of CloudTrail's records of S3.
func exposureEffect(api string, params map[string]any) string {
	switch api {
	case "DeleteBucketPolicy":
		return closes
	case "DeleteBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock":
		return unblocks
	case "PutBucketPublicAccessBlock", "PutAccountPublicAccessBlock":
		return blockEffect(member(params, "PublicAccessBlockConfiguration"))
	case "PutBucketPolicy":
		return policyEffect(member(params, "bucketPolicy"))
	case "PutBucketAcl":
		return aclEffect(params)
	}
	return unclear
}

// member is the value of a key at any depth of an object, whatever the case of its letters; a text
// that holds JSON is read. Of several, that of the key which comes first in order.
func member(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if e := v[k]; strings.EqualFold(k, name) {
				if s, ok := e.(string); ok && strings.HasPrefix(strings.TrimSpace(s), "{") {
					var o any
					if json.Unmarshal([]byte(s), &o) == nil {
						return o
					}
				}
				return e
			}
		}
		for _, k := range sortedKeys(v) {
			if found := member(v[k], name); found != nil {
				return found
			}
		}
	case []any:
		for _, e := range v {
			if found := member(e, name); found != nil {
				return found
			}
		}
	}
	return nil
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// blockEffect: a public access block protects only with all four of its members.
func blockEffect(block any) string {
	if _, ok := block.(map[string]any); !ok {
		return unclear
	}
	for _, name := range []string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
		switch on := member(block, name).(type) {
		case bool:
			if !on {
				return unblocks
			}
		case string:
			if !strings.EqualFold(on, "true") {
				return unblocks
			}
		default:
			return unblocks // a member that is not set is off
		}
	}
	return closes
}

// policyEffect: a statement that allows everyone something opens, if no condition narrows it.
func policyEffect(policy any) string {
	doc, ok := policy.(map[string]any)
	if !ok {
		return unclear
	}
	effect := closes
	for _, s := range listOf(member(doc, "Statement")) {
		stmt, ok := s.(map[string]any)
		if !ok {
			return unclear
		}
		if allow, _ := member(stmt, "Effect").(string); !strings.EqualFold(allow, "Allow") {
			continue
		}
		if !everybody(stmt["Principal"]) && stmt["NotPrincipal"] == nil {
			continue
		}
		if stmt["Condition"] == nil {
			return opens
		}
		effect = unclear
	}
	return effect
}

// everybody tells whether a policy's principal is everyone.
func everybody(principal any) bool {
	switch p := principal.(type) {
	case string:
		return p == "*"
	case map[string]any:
		for _, e := range listOf(p["AWS"]) {
			if s, _ := e.(string); s == "*" {
				return true
			}
		}
	}
	return false
}

// listOf is a JSON list; a single value is a list of one.
func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// aclEffect: a canned ACL by its name, a written one by the groups it names.
func aclEffect(params map[string]any) string {
	for _, canned := range listOf(member(params, "x-amz-acl")) {
		switch s, _ := canned.(string); s {
		case "public-read", "public-read-write", "authenticated-read":
			return opens
		case "private", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write", "aws-exec-read":
			return closes
		}
	}
	acl := member(params, "AccessControlPolicy")
	if acl == nil {
		return unclear
	}
	if holds(acl, "groups/global/AllUsers") || holds(acl, "groups/global/AuthenticatedUsers") {
		return opens
	}
	return closes
}

// holds tells whether a text ends so anywhere in a value.
func holds(v any, end string) bool {
	switch v := v.(type) {
	case string:
		return strings.HasSuffix(v, end)
	case map[string]any:
		for _, e := range v {
			if holds(e, end) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, end) })
	}
	return false
}

// A period is since when the bucket lies open by its changes, and the change that ended it.
type period struct {
	t          table
	open, shut change // zero where there was none
	changes    []change
}

// at is a value of one of the period's changes, where it has that change.
func (p period) at(c change, val Value) result {
	if c.at.IsZero() {
		return p.t.empty()
	}
	if val.Type == Text && val.Str == "" {
		return unknown("finding", c.ref)
	}
	return result{state: Known, value: val, window: p.t.window(), from: []Ref{c.ref}}
}

// period is that of the bucket's own settings, and accountPeriod that of its account's block.
func (v *view) period() (period, result, bool) { return v.periodOf("exposure.changes") }

func (v *view) accountPeriod() (period, result, bool) { return v.periodOf("exposure.account_changes") }

func (v *view) periodOf(key Key) (period, result, bool) {
	type read struct {
		p   period
		why result
		ok  bool
	}
	got := memo(v, string(key), func() read {
		t, why, ok := v.history(key)
		if !ok {
			return read{why: why}
		}
		p := period{t: t, changes: v.changesOf(t, exposureEffect)}
		for _, c := range p.changes {
			switch c.effect {
			case opens, unblocks:
				if p.open.at.IsZero() || !p.shut.at.IsZero() {
					p.open, p.shut = c, change{}
				}
			case closes:
				if !p.open.at.IsZero() && p.shut.at.IsZero() {
					p.shut = c
				}
			}
		}
		return read{p: p, ok: true}
	})
	return got.p, got.why, got.ok
}

// ofAccount is a rule over the changes of the account's block, which a case may have without a bucket.
func ofAccount(get func(period) result) func(*view, string) result {
	return func(v *view, _ string) result {
		p, why, ok := v.accountPeriod()
		if !ok {
			return why
		}
		return get(p)
	}
}

// count is how many changes have an effect.
func count(list []change, effect string) (n int64) {
	for _, c := range list {
		if c.effect == effect {
			n++
		}
	}
	return n
}

// exposureAccount is the account whose public access block matters: where the finding is about who may
// reach a bucket, the bucket is public, or a change let everyone in. Else nobody was let in by it.
func (v *view) exposureAccount(fs Facts) string {
	_, api, _ := v.primary()
	public, _ := v.public()
	opened := fs.Get("exposure.since", "")
	if slices.Contains(exposureAPIs, api) || public || opened.State == Known || opened.State == AtLeast {
		return string(v.f.Account)
	}
	return ""
}

func ofPeriod(get func(period) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if r := bucketOnly(v); r.state == NotApplicable {
			return r
		}
		p, why, ok := v.period()
		if !ok {
			return why
		}
		return get(p)
	}
}

func exposurePermission(v *view, _ string) result {
	if len(v.f.Resource.Buckets) == 0 {
		return unknown("finding", findingRef)
	}
	return choice(v.f.Resource.Buckets[0].Permission, "unknown", "public", "not_public", "unknown")
}

// seenFrom is the start of the time up to the event in which a question's whole scope was collected.
func (v *view) seenFrom(it evidence.Item, w query.Window) (time.Time, bool) {
	at, ok := v.at()
	if !ok || len(it.Coverage) == 0 {
		return time.Time{}, false
	}
	from := w.From
	for _, c := range it.Coverage {
		if c.State == evidence.Collected || !c.Window.From.Before(at) {
			continue
		}
		if c.Window.To.After(at) {
			return time.Time{}, false
		}
		if c.Window.To.After(from) {
			from = c.Window.To
		}
	}
	return from, true
}

// history is the answer to a question that reaches back as far as a log may go. Where the log begins
// later, the answer is of the time from there on: what is said of it has that window.
func (v *view) history(key Key) (table, result, bool) {
	a, asked := v.set.AnswerFor(string(key), "")
	if out := a.Item.Answer.Outcome; !asked || a.Exact || out != evidence.Found && out != evidence.Empty {
		return v.ask(key, "")
	}
	from, ok := v.seenFrom(a.Item, a.Item.Ask.Window)
	if !ok {
		return v.ask(key, "")
	}
	t := table{Answered: a, cols: map[string]int{}}
	for i, c := range a.Item.Answer.Columns {
		t.cols[c] = i
	}
	t.Exact = t.coveredBetween(from, a.Item.Ask.Window.To)
	if !t.Exact && t.len() == 0 {
		return v.ask(key, "")
	}
	t.Item.Ask.Window.From = from
	return t, result{}, true
}

func exposureSeenFrom(v *view, _ string) result {
	return ofPeriod(func(p period) result {
		from, ok := v.seenFrom(p.t.Item, p.t.window())
		if !ok {
			return result{state: Unknown, gap: gapOf(p.t.Answered), window: p.t.window(), from: []Ref{p.t.ref()}}
		}
		return result{state: Known, value: TimeOf(from), window: p.t.window(), from: []Ref{p.t.ref(), findingRef}}
	})(v, "")
}

// public tells whether GuardDuty or a look-up says that the bucket is public.
func (v *view) public() (bool, []Ref) {
	if exposurePermission(v, "").value.Str == "public" {
		return true, []Ref{findingRef}
	}
	if d, _ := DefOf("impact.bucket_public_now"); v.looks(d) {
		if r := d.Rule(v, ""); r.state == Known && r.value.Num == 1 {
			return true, r.from
		}
	}
	return false, nil
}

func exposureBefore(v *view, _ string) result {
	public, refs := v.public()
	if !public {
		return notApplicable(findingRef)
	}
	return ofPeriod(func(p period) result {
		if !p.open.at.IsZero() {
			return notApplicable(p.t.ref())
		}
		from, ok := v.seenFrom(p.t.Item, p.t.window())
		if !ok {
			return result{state: Unknown, gap: gapOf(p.t.Answered), window: p.t.window(), from: []Ref{p.t.ref()}}
		}
		refs = append(slices.Clone(refs), p.t.ref())
		if _, asked := v.set.AnswerFor("exposure.account_changes", ""); asked {
			// What the account's block held back until it was lifted has been open since then only.
			a, why, ok := v.accountPeriod()
			switch {
			case !ok:
				return why
			case !a.open.at.IsZero():
				return notApplicable(a.t.ref())
			}
			since, ok := v.seenFrom(a.t.Item, a.t.window())
			if !ok {
				return result{state: Unknown, gap: gapOf(a.t.Answered), window: a.t.window(), from: []Ref{a.t.ref()}}
			}
			if since.After(from) {
				from = since
			}
			refs = append(refs, a.t.ref())
		}
		return result{state: Known, value: TimeOf(from), window: p.t.window(), from: refs}
	})(v, "")
}

func exposureReverted(v *view, _ string) result {
	return ofPeriod(func(p period) result {
		switch {
		case p.open.at.IsZero():
			return p.t.empty()
		case p.shut.at.IsZero():
			return p.t.has(false, p.open.ref)
		}
		return p.t.has(true, p.open.ref, p.shut.ref)
	})(v, "")
}

func exposureTable(v *view, _ string) result {
	return ofPeriod(func(p period) result { return tableOf(p.t, p.changes) })(v, "")
}

// tableOf lists changes, at most 20: the latest, in time order.
func tableOf(t table, list []change) result {
	val := Value{Type: Table, More: len(list) > maxListed}
	for _, c := range list[max(0, len(list)-maxListed):] {
		val.Rows = append(val.Rows, Row{TimeOf(c.at), TextOf(c.api), NameOf(c.effect), TextOf(orDash(c.actor)), TextOf(orDash(c.source))})
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}

func anonymousUse(v *view, _ string) result {
	t, why, ok := v.ask("exposure.anonymous", "")
	if !ok {
		return why
	}
	n, _ := t.sum("n", func(int) bool { return true })
	return t.counted(n)
}
