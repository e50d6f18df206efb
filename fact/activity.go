package fact

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

var activityDefs = []Def{
	{Key: "activity.total", Rule: activityCount(func(call) bool { return true }), Type: Int, Kind: Computed, JA: "操作", EN: "calls", Says: "count rows", Each: activitySubjects},
	{Key: "activity.distinct_apis", Rule: activityDistinct, Type: Int, Kind: Computed, JA: "APIの種類数", EN: "different APIs", Says: "count different", Each: activitySubjects},
	{Key: "activity.apis", Rule: activityAPIs, Type: Table, Kind: Computed, JA: "API別の操作", EN: "by API", Says: "count by API, most first", Each: activitySubjects, Columns: []Column{
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "service", Type: Text, JA: "サービス", EN: "service"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "errors", Type: Int, JA: "エラー", EN: "errors"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
	{Key: "activity.reads", Rule: activityCount(func(c call) bool { return c.readOnly }), Type: Int, Kind: Computed, JA: "読み取り操作", EN: "reads", Says: "readOnly true", Each: activitySubjects},
	{Key: "activity.writes", Rule: activityCount(func(c call) bool { return !c.readOnly }), Type: Int, Kind: Computed, JA: "書き込み操作", EN: "writes", Says: "readOnly not true", Each: activitySubjects},
	{Key: "activity.errors", Rule: activityCount(func(c call) bool { return c.errorCode != "" }), Type: Int, Kind: Computed, JA: "エラーになった操作", EN: "errors", Says: "an error code", Each: activitySubjects},
	{Key: "activity.denied", Rule: activityCount(func(c call) bool { return c.denied }), Type: Int, Kind: Computed, JA: "拒否された操作", EN: "denied", Says: "an error code that means denial", Each: activitySubjects},
	{Key: "activity.regions", Rule: activityTexts("region"), Type: Texts, Kind: Computed, JA: "操作のリージョン", EN: "Regions", Says: "different values", Each: activitySubjects},
	{Key: "activity.ips", Rule: activityTexts("source_ip"), Type: Texts, Kind: Computed, JA: "操作の送信元IPアドレス", EN: "addresses", Says: "different values", Each: activitySubjects},
	{Key: "activity.user_agents", Rule: activityTexts("user_agent"), Type: Texts, Kind: Computed, JA: "操作のユーザーエージェント", EN: "user agents", Says: "different values", Each: activitySubjects},
	{Key: "activity.first", Rule: activityEdge(true), Type: Time, Kind: Computed, JA: "最初の操作", EN: "first", Says: "earliest", Each: activitySubjects},
	{Key: "activity.last", Rule: activityEdge(false), Type: Time, Kind: Computed, JA: "最後の操作", EN: "last", Says: "latest", Each: activitySubjects},
	{Key: "activity.session_timeline", Rule: activityTimeline, Type: Table, Kind: Observed, JA: "操作の時系列", EN: "timeline", Says: "rows in time order, at most 40: nearest to the event", Each: activitySubjects, Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "phase", Type: Name, JA: "前後", EN: "phase", Enum: []string{"before", "event", "after"}},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "resource", Type: Text, JA: "対象", EN: "target"},
		{Name: "result", Type: Text, JA: "結果", EN: "result"},
		{Name: "source_ip", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "activity.persistence_calls", Rule: activityListed(persistenceAPIs), Type: Int, Kind: Computed, JA: "永続化", EN: "persistence", Says: "successful calls that keep access: the persistence list", Each: activitySubjects},
	{Key: "activity.privilege_calls", Rule: activityListed(privilegeAPIs), Type: Int, Kind: Computed, JA: "権限変更", EN: "privilege", Says: "successful calls that widen permissions: the privilege list", Each: activitySubjects},
	{Key: "activity.logging_changes", Rule: activityListed(loggingAPIs), Type: Int, Kind: Computed, JA: "ログの停止・縮小", EN: "logging changes", Says: "successful calls that stop or narrow logging", Each: activitySubjects},
	{Key: "activity.data_reads", Rule: activityListed(dataReadAPIs), Type: Int, Kind: Computed, JA: "データ読み取り", EN: "data reads", Says: "successful calls that read data or secrets", Each: activitySubjects},
	{Key: "activity.assumed_roles", Rule: activityListed(assumeRoleAPIs), Type: Int, Kind: Computed, JA: "ロール引き受け", EN: "roles assumed", Says: "successful AssumeRole*", Each: activitySubjects},
	{Key: "activity.new_keys", Rule: activityListed(keyAPIs), Type: Int, Kind: Computed, JA: "アクセスキー作成", EN: "keys created", Says: "successful CreateAccessKey", Each: activitySubjects},
	{Key: "activity.burst_per_second", Rule: activityBurst, Type: Int, Kind: Computed, JA: "1秒あたりの最多操作", EN: "most in one second", Says: "largest count in one second", Each: activitySubjects},
	{Key: "activity.logging_change_list", Rule: activityLoggingList, Type: Table, Kind: Observed, JA: "ログ設定の変更", EN: "changes of logging", Says: "successful calls that stop or narrow logging, by anyone in the account", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "trail", Type: Text, JA: "証跡", EN: "trail"},
		{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
		{Name: "same_actor", Type: Name, JA: "同一主体", EN: "same actor", Enum: []string{"yes", "no"}},
	}},
	{Key: "activity.own_logging_changes", Rule: activityOwnLogging, Type: Int, Kind: Computed, JA: "同一主体によるログの停止・縮小", EN: "changes of logging by the same actor", Says: "successful calls that stop or narrow logging by the same principal, session, key or address"},
	{Key: "activity.other_logging_changes", Rule: activityOtherLogging, Type: Int, Kind: Computed, JA: "他の主体によるログ設定の変更", EN: "changes of logging by others", Says: "successful calls that stop or narrow logging by another principal, session, key and address"},
}

// A call is one CloudTrail event, read out of its row.
type call struct {
	at                  time.Time
	api, service        string
	readOnly, denied    bool
	errorCode, resource string
	sourceIP            string
	row                 int
}

// activitySubjects are whose activity is told of: the credential of the finding, its session,
// and the principal with any credential.
func activitySubjects(*view) []string { return []string{"credential", "session", "principal"} }

// A calls is the activity of one subject in time order.
type calls struct {
	t    table
	rows []call
}

func (v *view) calls(subject string) (calls, result, bool) {
	type read struct {
		c   calls
		why result
		ok  bool
	}
	got := memo(v, "calls "+subject, func() read {
		t, why, ok := v.ask("activity.total", subject)
		if !ok {
			if v.credentialless(subject, why) {
				why = notApplicable(findingRef)
			}
			return read{why: why}
		}
		c := calls{t: t}
		for i := range t.len() {
			c.rows = append(c.rows, call{
				at: t.time(i, "event_time"), api: t.text(i, "api"), service: t.text(i, "event_source"),
				readOnly: t.cell(i, "read_only").Bool(), denied: t.cell(i, "denied").Bool(),
				errorCode: t.text(i, "error_code"), resource: target(t, i),
				sourceIP: firstText(t.text(i, "source_ip"), t.text(i, "source_service")), row: i,
			})
		}
		slices.SortStableFunc(c.rows, func(a, b call) int { return a.at.Compare(b.at) })
		return read{c: c, ok: true}
	})
	return got.c, got.why, got.ok
}

// credentialless tells whether the question after a credential's or a principal's calls does not arise: no
// playbook asks it, and the finding is of a machine and names neither.
func (v *view) credentialless(subject string, why result) bool {
	key := v.f.Resource.AccessKey
	return subject != "session" && why.gap.Key == "question" && v.machine() && key.ID == "" && key.PrincipalID == ""
}

// target is what a call was about, in one text.
func target(t table, i int) string {
	if b := t.text(i, "bucket"); b != "" {
		if k := t.text(i, "object_key"); k != "" {
			return b + "/" + k
		}
		return b
	}
	return firstText(t.text(i, "role_arn"), t.text(i, "trail_name"), t.text(i, "target_user"))
}

func firstText(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func ofCalls(v *view, subject string, get func(calls) result) result {
	c, why, ok := v.calls(subject)
	if !ok {
		return why
	}
	return get(c)
}

func (c calls) count(fits func(call) bool) result {
	var n int64
	var refs []Ref
	for _, k := range c.rows {
		if fits(k) {
			n++
			if len(refs) < 20 {
				refs = append(refs, c.t.row(k.row))
			}
		}
	}
	r := c.t.counted(n)
	if n > 0 && n < int64(len(c.rows)) {
		r.from = append(r.from, refs...)
	}
	return r
}

func activityCount(fits func(call) bool) func(*view, string) result {
	return func(v *view, subject string) result {
		return ofCalls(v, subject, func(c calls) result {
			var n int64
			for _, k := range c.rows {
				if fits(k) {
					n++
				}
			}
			return c.t.counted(n)
		})
	}
}

// activityListed counts successful calls of a list.
func activityListed(list []string) func(*view, string) result {
	return func(v *view, subject string) result {
		return ofCalls(v, subject, func(c calls) result {
			return c.count(func(k call) bool { return k.errorCode == "" && slices.Contains(list, k.api) })
		})
	}
}

func activityDistinct(v *view, subject string) result {
	return ofCalls(v, subject, func(c calls) result {
		list, _ := c.t.distinct("api", 0)
		return c.t.counted(int64(len(list)))
	})
}

func activityTexts(col string) func(*view, string) result {
	return func(v *view, subject string) result {
		return ofCalls(v, subject, func(c calls) result { return c.t.texts(col) })
	}
}

func activityEdge(first bool) func(*view, string) result {
	return func(v *view, subject string) result {
		return ofCalls(v, subject, func(c calls) result {
			if len(c.rows) == 0 {
				return c.t.empty()
			}
			k := c.rows[len(c.rows)-1]
			if first {
				k = c.rows[0]
			}
			return c.t.measured(TimeOf(k.at), true)
		})
	}
}

// empty is a fact about rows where there are none: the question does not arise, or is hidden.
func (t table) empty() result {
	if t.Exact {
		return result{state: NotApplicable, window: t.window(), from: []Ref{t.ref()}}
	}
	return t.measured(Value{}, false)
}

func activityAPIs(v *view, subject string) result {
	return ofCalls(v, subject, func(c calls) result {
		type group struct {
			api, service  string
			count, errors int64
			first, last   time.Time
		}
		groups := map[string]*group{}
		for _, k := range c.rows {
			g := groups[k.service+" "+k.api]
			if g == nil {
				g = &group{api: k.api, service: k.service, first: k.at}
				groups[k.service+" "+k.api] = g
			}
			g.count++
			g.last = k.at
			if k.errorCode != "" {
				g.errors++
			}
		}
		list := slices.SortedFunc(maps.Values(groups), func(a, b *group) int {
			return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.service, b.service), cmp.Compare(a.api, b.api))
		})
		val := Value{Type: Table}
		for i, g := range list {
			if i == 20 {
				val.More = true
				break
			}
			val.Rows = append(val.Rows, Row{TextOf(g.api), TextOf(g.service), IntOf(g.count), IntOf(g.errors), TimeOf(g.first), TimeOf(g.last)})
		}
		return c.t.measured(val, len(list) > 0)
	})
}

// timelineRows is how many calls a timeline shows.
const timelineRows = 40

func activityTimeline(v *view, subject string) result {
	return ofCalls(v, subject, func(c calls) result {
		at, _ := v.at()
		rows := slices.Clone(c.rows)
		if len(rows) > timelineRows {
			slices.SortStableFunc(rows, func(a, b call) int { return cmp.Compare(a.at.Sub(at).Abs(), b.at.Sub(at).Abs()) })
			rows = rows[:timelineRows]
			slices.SortStableFunc(rows, func(a, b call) int { return a.at.Compare(b.at) })
		}
		val := Value{Type: Table, More: len(c.rows) > timelineRows}
		for _, k := range rows {
			phase := "after"
			if k.at.Before(at) {
				phase = "before"
			} else if k.at.Equal(at) {
				phase = "event"
			}
			outcome := "OK"
			if k.errorCode != "" {
				outcome = k.errorCode
			}
			val.Rows = append(val.Rows, Row{TimeOf(k.at), NameOf(phase), TextOf(k.api), TextOf(k.resource), TextOf(outcome), TextOf(k.sourceIP)})
		}
		return c.t.measured(val, len(rows) > 0)
	})
}

func activityBurst(v *view, subject string) result {
	return ofCalls(v, subject, func(c calls) result {
		var most int64
		bySecond := map[int64]int64{}
		for _, k := range c.rows {
			s := k.at.Unix()
			bySecond[s]++
			most = max(most, bySecond[s])
		}
		return c.t.counted(most)
	})
}

// loggingRow tells one change of logging and whether it came from the finding's own actor:
// the same principal, session, key or address.
func (v *view) loggingRow(t table, i int) (same bool) {
	key, _ := v.accessKey()
	ip := v.f.Action.Remote.IP
	arn := v.actorColumn("user_arn")
	switch {
	case key != "" && t.text(i, "access_key") == key, arn != "" && t.text(i, "user_arn") == arn:
		return true
	}
	return ip.IsValid() && t.text(i, "source_ip") == ip.String()
}

func activityLoggingList(v *view, _ string) result {
	t, why, ok := v.ask("activity.logging_change_list", "")
	if !ok {
		return why
	}
	val := Value{Type: Table}
	for i := range t.len() {
		if t.text(i, "error_code") != "" {
			continue
		}
		same := "no"
		if v.loggingRow(t, i) {
			same = "yes"
		}
		val.Rows = append(val.Rows, Row{
			TimeOf(t.time(i, "event_time")), TextOf(t.text(i, "api")), TextOf(t.text(i, "trail_name")),
			TextOf(t.text(i, "user_arn")), NameOf(same),
		})
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}

func activityOwnLogging(v *view, _ string) result { return loggingChanges(v, true) }

func activityOtherLogging(v *view, _ string) result { return loggingChanges(v, false) }

func loggingChanges(v *view, own bool) result {
	t, why, ok := v.ask("activity.logging_change_list", "")
	if !ok {
		return why
	}
	var n int64
	for i := range t.len() {
		if t.text(i, "error_code") == "" && v.loggingRow(t, i) == own {
			n++
		}
	}
	return t.counted(n)
}
