package fact

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// What the actor did to keep access, to widen it, to logging and with data, and from where: the
// questions of AWS's credential-compromise playbook (IRP-CredCompromise), call by call.
var accessDefs = []Def{
	{Key: "access.calls", Families: credentialFamilies, Rule: accessCalls, Type: Table, Kind: Observed, JA: "永続化・権限変更・ログ停止の操作", EN: "calls that keep or widen access or stop logging", Says: "calls of the actor on the persistence, privilege, logging and password policy lists, in time order, at most 40", Reads: accessReads, Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "class", Type: Name, JA: "分類", EN: "class", Enum: accessClasses},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "target", Type: Text, JA: "対象", EN: "target"},
		{Name: "result", Type: Text, JA: "結果", EN: "result"},
		{Name: "source_ip", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "access.succeeded", Families: credentialFamilies, Rule: accessCount(true), Type: Int, Kind: Computed, JA: "成功した永続化・権限変更・ログ停止", EN: "of them successful", Says: "those calls without an error code; a call on two lists counts once"},
	{Key: "access.failed", Families: credentialFamilies, Rule: accessCount(false), Type: Int, Kind: Computed, JA: "失敗した永続化・権限変更・ログ停止", EN: "of them failed", Says: "those calls with an error code"},
	{Key: "access.password_policy", Families: credentialFamilies, Rule: ofNotable(func(v *view, t table) result {
		var n int64
		for i := range t.len() {
			if t.text(i, "error_code") == "" && slices.Contains(passwordAPIs, t.text(i, "api")) {
				n++
			}
		}
		return t.counted(n)
	}), Type: Int, Kind: Computed, JA: "パスワードポリシーの変更", EN: "changes of the password policy", Says: "successful UpdateAccountPasswordPolicy and DeleteAccountPasswordPolicy of the actor"},
	{Key: "access.reads", Families: credentialFamilies, Rule: accessDataReads, Type: Table, Kind: Computed, JA: "リソース別のデータ読み取り", EN: "reads of data by resource", Says: "calls of the actor on the data_read list by API and resource, most first, at most 40", Columns: []Column{
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "resource", Type: Text, JA: "リソース", EN: "resource"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "errors", Type: Int, JA: "エラー", EN: "errors"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
	{Key: "access.resources_read", Families: credentialFamilies, Rule: ofNotable(func(v *view, t table) result {
		seen := map[string]bool{}
		for i := range t.len() {
			if t.text(i, "error_code") == "" && slices.Contains(dataReadAPIs, t.text(i, "api")) {
				seen[targetOf(t, i)] = true
			}
		}
		return t.counted(int64(len(seen)))
	}), Type: Int, Kind: Computed, JA: "データを読み取られたリソース", EN: "resources whose data was read", Says: "different resources of successful calls on the data_read list"},
	{Key: "access.sources", Families: credentialFamilies, Rule: accessSources, Type: Table, Kind: Computed, JA: "送信元とユーザーエージェント", EN: "addresses and user agents", Says: "calls of the actor by source and user agent, most first, at most 20", Columns: []Column{
		{Name: "source_ip", Type: Text, JA: "送信元", EN: "source"},
		{Name: "user_agent", Type: Text, JA: "ユーザーエージェント", EN: "user agent"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "errors", Type: Int, JA: "エラー", EN: "errors"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
}

// What a record of a notable call must tell.
var accessReads = append([]string{"event_time", "event_id", "api", "error_code", "source_ip"}, targetColumns...)

// targetColumns tell what a call was about, most telling first.
var targetColumns = []string{
	"target_user", "raw:requestParameters.roleName", "raw:requestParameters.groupName", "raw:requestParameters.functionName",
	"raw:requestParameters.secretId", "raw:requestParameters.names", "raw:requestParameters.name", "raw:requestParameters.instanceId",
	"raw:requestParameters.snapshotId", "raw:requestParameters.dBSnapshotIdentifier", "raw:requestParameters.policyArn", "trail_name",
}

// targetOf is what a call was about, in one text.
func targetOf(t table, i int) string {
	for _, col := range targetColumns {
		if s := t.text(i, col); s != "" {
			return s
		}
	}
	return target(t, i)
}

func outcomeOf(t table, i int) string {
	if code := t.text(i, "error_code"); code != "" {
		return code
	}
	return "OK"
}

// accessClasses are the classes of notable calls, in the order in which they are told.
var accessClasses = []string{"persistence", "privilege", "logging", "password_policy", "data_read"}

// classed tells whether a call succeeded and is of one of the classes.
func classed(t table, i int, classes ...string) bool {
	return t.text(i, "error_code") == "" && slices.ContainsFunc(classOf(t.text(i, "api")), func(s string) bool { return slices.Contains(classes, s) })
}

// classOf are the classes of an API: one may stand on two lists.
func classOf(api string) []string {
	var out []string
	for _, class := range accessClasses {
		if slices.Contains(ListsOfAPIs()[class], api) {
			out = append(out, class)
		}
	}
	return out
}

// ofNotable is a rule over the actor's notable calls.
func ofNotable(get func(*view, table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		t, why, ok := v.ask("access.calls", "")
		if !ok {
			return why
		}
		return get(v, t)
	}
}

func accessCalls(v *view, _ string) result {
	return ofNotable(func(v *view, t table) result {
		val := Value{Type: Table}
		for i := range t.len() {
			for _, class := range classOf(t.text(i, "api")) {
				if class == "data_read" {
					continue
				}
				if len(val.Rows) == 40 {
					val.More = true
					break
				}
				val.Rows = append(val.Rows, Row{
					TimeOf(t.time(i, "event_time")), NameOf(class), TextOf(t.text(i, "api")), TextOf(targetOf(t, i)),
					TextOf(outcomeOf(t, i)), TextOf(firstText(t.text(i, "source_ip"), t.text(i, "source_service"))),
				})
			}
		}
		if len(val.Rows) == 0 {
			return t.empty()
		}
		return t.measured(val, true)
	})(v, "")
}

func accessCount(succeeded bool) func(*view, string) result {
	return ofNotable(func(_ *view, t table) result {
		var n int64
		for i := range t.len() {
			classes := classOf(t.text(i, "api"))
			if len(classes) > 0 && classes[0] != "data_read" && (t.text(i, "error_code") == "") == succeeded {
				n++
			}
		}
		return t.counted(n)
	})
}

// A tally counts calls that are alike.
type tally struct {
	key           [2]string
	count, errors int64
	first, last   time.Time
}

// tallies groups calls, most first.
func tallies(groups map[[2]string]*tally, key [2]string, at time.Time, failed bool) {
	g := groups[key]
	if g == nil {
		g = &tally{key: key, first: at, last: at}
		groups[key] = g
	}
	g.count++
	if failed {
		g.errors++
	}
	if at.Before(g.first) {
		g.first = at
	}
	if at.After(g.last) {
		g.last = at
	}
}

func tallyRows(groups map[[2]string]*tally, limit int) Value {
	list := slices.SortedFunc(maps.Values(groups), func(a, b *tally) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.key[0], b.key[0]), cmp.Compare(a.key[1], b.key[1]))
	})
	val := Value{Type: Table, More: len(list) > limit}
	for _, g := range list[:min(limit, len(list))] {
		val.Rows = append(val.Rows, Row{TextOf(g.key[0]), TextOf(g.key[1]), IntOf(g.count), IntOf(g.errors), TimeOf(g.first), TimeOf(g.last)})
	}
	return val
}

func accessDataReads(v *view, _ string) result {
	return ofNotable(func(v *view, t table) result {
		groups := map[[2]string]*tally{}
		for i := range t.len() {
			if api := t.text(i, "api"); slices.Contains(dataReadAPIs, api) {
				tallies(groups, [2]string{api, targetOf(t, i)}, t.time(i, "event_time"), t.text(i, "error_code") != "")
			}
		}
		if len(groups) == 0 {
			return t.empty()
		}
		return t.measured(tallyRows(groups, 40), true)
	})(v, "")
}

// accessSources is over the calls of the credential, of its session where no key is known, and
// of the root user.
func accessSources(v *view, _ string) result {
	var why result
	for n, subject := range v.actorSubjects() {
		c, no, ok := v.calls(subject)
		if !ok {
			if n == 0 {
				why = no
			}
			continue
		}
		groups := map[[2]string]*tally{}
		for _, k := range c.rows {
			tallies(groups, [2]string{k.sourceIP, c.t.text(k.row, "user_agent")}, k.at, k.errorCode != "")
		}
		if len(groups) == 0 {
			return c.t.empty()
		}
		return c.t.measured(tallyRows(groups, 20), true)
	}
	return why
}
