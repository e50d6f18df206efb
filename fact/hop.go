package fact

import (
	"slices"
	"strings"
	"time"

	"uratori/query"
)

// credentialFamilies are the families of findings about what a credential did.
var credentialFamilies = []string{"iam", "cdr", "attack_sequence", "ai"}

// The role-chaining graph: which sessions the credential made, which sessions those made, and
// what was done with them, in the finding's account and in others.
var hopDefs = []Def{
	{Key: "hop.count", Families: credentialFamilies, Rule: ofGraph(func(g graph) result { return g.counted(g.made()) }), Type: Int, Kind: Computed, JA: "ロールの連鎖で作られたセッション", EN: "sessions made by chaining roles", Says: "successful AssumeRole*, GetSessionToken and GetFederationToken of the credential, and of the sessions it made, three steps deep"},
	{Key: "hop.refused", Families: credentialFamilies, Rule: ofGraph(func(g graph) result { return g.counted(int64(len(g.hops)) - g.made()) }), Type: Int, Kind: Computed, JA: "失敗したロール引き受け", EN: "role assumptions that failed", Says: "the same calls with an error code"},
	{Key: "hop.deepest", Families: credentialFamilies, Rule: ofGraph(func(g graph) result {
		var n int64
		for _, h := range g.hops {
			if h.state != "refused" {
				n = max(n, int64(h.depth))
			}
		}
		return g.counted(n)
	}), Type: Int, Kind: Computed, JA: "連鎖の深さ", EN: "steps of the longest chain", Says: "most steps from the credential to a session"},
	{Key: "hop.accounts", Families: credentialFamilies, Rule: ofGraph(func(g graph) result {
		return g.texts(func(h hop) string {
			if h.state == "refused" || h.account == g.home {
				return ""
			}
			return h.account
		})
	}), Type: Texts, Kind: Computed, JA: "連鎖で到達した他アカウント", EN: "other accounts reached by the chain", Says: "accounts of the roles of those sessions"},
	{Key: "hop.unseen", Families: credentialFamilies, Rule: hopUnseen, Type: Texts, Kind: Computed, JA: "ログを確認できない到達先アカウント", EN: "accounts reached whose log is not seen", Says: "accounts of sessions whose calls no log shows in full"},
	{Key: "hop.calls", Families: credentialFamilies, Rule: ofGraph(func(g graph) result { return g.counted(int64(len(g.calls))) }), Type: Int, Kind: Computed, JA: "連鎖したセッションの操作", EN: "calls of the chained sessions", Says: "calls with the keys that were issued"},
	{Key: "hop.access_calls", Families: credentialFamilies, Rule: ofGraph(func(g graph) result { return g.classed("persistence", "privilege") }), Type: Int, Kind: Computed, JA: "連鎖したセッションの権限変更・永続化", EN: "calls of the chained sessions that keep or widen access", Says: "their successful calls of the persistence and privilege lists"},
	{Key: "hop.logging_calls", Families: credentialFamilies, Rule: ofGraph(func(g graph) result { return g.classed("logging") }), Type: Int, Kind: Computed, JA: "連鎖したセッションのログ停止", EN: "calls of the chained sessions that stop logging", Says: "their successful calls that stop or narrow logging"},
	{Key: "hop.data_reads", Families: credentialFamilies, Rule: ofGraph(func(g graph) result { return g.classed("data_read") }), Type: Int, Kind: Computed, JA: "連鎖したセッションのデータ読み取り", EN: "reads of data by the chained sessions", Says: "their successful calls that read data or secrets"},
	{Key: "hop.table", Families: credentialFamilies, Rule: hopTable, Type: Table, Kind: Computed, JA: "ロールの連鎖", EN: "chain of roles", Says: "role assumptions in time order, at most 60", Columns: []Column{
		{Name: "step", Type: Int, JA: "段", EN: "step"},
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "from", Type: Text, JA: "元", EN: "from"},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "role", Type: Text, JA: "ロール", EN: "role"},
		{Name: "account", Type: Text, JA: "アカウント", EN: "account"},
		{Name: "key", Type: Masked, JA: "発行されたキー", EN: "key issued"},
		{Name: "calls", Type: Int, JA: "操作", EN: "calls"},
		{Name: "last", Type: Time, JA: "最後の操作", EN: "last call"},
		{Name: "state", Type: Name, JA: "追跡", EN: "followed", Enum: []string{"used", "used_at_least", "unused", "unseen", "not_followed", "no_key", "refused"}},
	}},
	{Key: "hop.notable", Families: credentialFamilies, Rule: hopNotable, Type: Table, Kind: Observed, JA: "連鎖したセッションの重要な操作", EN: "notable calls of the chained sessions", Says: "their calls that keep or widen access, touch logging or read data, in time order, at most 40", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "account", Type: Text, JA: "アカウント", EN: "account"},
		{Name: "class", Type: Name, JA: "分類", EN: "class", Enum: accessClasses},
		{Name: "api", Type: Text, JA: "API", EN: "API"},
		{Name: "target", Type: Text, JA: "対象", EN: "target"},
		{Name: "result", Type: Text, JA: "結果", EN: "result"},
		{Name: "source_ip", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "hop.first_calls", Asked: true, Each: hopPlaces, Rule: hopAnswer("hop.first_calls"), Type: Int, Kind: Observed, JA: "引き受けたロールの操作", EN: "calls of the roles assumed", Says: "count rows", Reads: hopReads},
	{Key: "hop.second_calls", Asked: true, Each: hopPlaces, Rule: hopAnswer("hop.second_calls"), Type: Int, Kind: Observed, JA: "二段目のロールの操作", EN: "calls of the roles assumed from there", Says: "count rows", Reads: hopReads},
}

// What a record of a chained session must tell.
var hopReads = []string{"event_time", "event_id", "api", "account", "access_key", "error_code", "role_arn", "new_access_key", "user_arn"}

// sessionAPIs issue temporary credentials (AWS STS API Reference).
var sessionAPIs = append([]string{"GetSessionToken", "GetFederationToken"}, assumeRoleAPIs...)

// Bounds of the graph. A case asks in at most five rounds, of which two find the credential.
const (
	maxHopKeys = 50 // issued keys whose calls are asked for in one question
	maxHops    = 60 // rows of the table
)

// hopPlaces are where the calls of issued keys are asked for: in the finding's account, and in
// the first two others that roles were assumed in.
func hopPlaces(*view) []string { return []string{"home", "other", "another"} }

// A hop is one call that makes a session.
type hop struct {
	depth   int
	at      time.Time
	from    string // ARN of who called
	api     string
	role    string
	account string // of the role; "" when the record does not tell one
	key     string // that was issued
	calls   int64
	last    time.Time
	state   string // see the column of hop.table
	ref     Ref
}

// A graphCall is one call with an issued key.
type graphCall struct {
	t   table
	row int
	at  time.Time
}

// A graph is the hops of a case in time order.
type graph struct {
	home  string
	hops  []hop
	calls []graphCall
	exact bool
	gap   Gap // when not exact
	from  []Ref
	t     table // of the credential's own calls
}

// roleAccount is the account of a role's ARN, "" if there is none in it.
func roleAccount(arn string) string {
	if p := strings.SplitN(arn, ":", 6); len(p) == 6 && accountID(p[4]) {
		return p[4]
	}
	return ""
}

// hopsOf reads the calls of some rows that make sessions. The record of a call stands in both
// accounts where the role is another account's; it is one hop.
func hopsOf(depth int, tables []table, seen map[string]bool) []hop {
	var out []hop
	for _, t := range tables {
		for i := range t.len() {
			api := t.text(i, "api")
			if !slices.Contains(sessionAPIs, api) {
				continue
			}
			h := hop{
				depth: depth, at: t.time(i, "event_time"), from: t.text(i, "user_arn"), api: api,
				role: t.text(i, "role_arn"), key: t.text(i, "new_access_key"), ref: t.row(i),
			}
			h.account = roleAccount(h.role)
			if h.role == "" && !slices.Contains(assumeRoleAPIs, api) {
				h.account = t.text(i, "account") // a token for the caller itself
			}
			if t.text(i, "error_code") != "" {
				h.state = "refused"
			}
			// A refusal stands in the caller's account alone.
			id := firstText(h.key, t.text(i, "event_id"))
			if id == "" || !seen[id] {
				seen[id] = true
				out = append(out, h)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b hop) int { return a.at.Compare(b.at) })
	return out
}

// ownHops are the sessions that the finding's credential and session made.
func (v *view) ownHops(seen map[string]bool) (t table, list []hop, why result, ok bool) {
	var tables []table
	for _, subject := range v.actorSubjects() {
		c, no, found := v.calls(subject)
		if !found {
			if len(tables) == 0 && why.state == Unknown && why.gap.Key == "" {
				why = no
			}
			continue
		}
		tables = append(tables, c.t)
	}
	if len(tables) == 0 {
		return table{}, nil, why, false
	}
	return tables[0], hopsOf(1, tables, seen), result{}, true
}

// actorSubjects are whose calls are the actor's own: of the credential and of its session; of the
// root user and where there is no credential, also the principal's.
func (v *view) actorSubjects() []string {
	if key, _ := v.accessKey(); key == "" || v.isRoot() {
		return []string{"credential", "session", "principal"}
	}
	return []string{"credential", "session"}
}

// isRoot tells whether the account's root user acted: all that it did is one person's.
func (v *view) isRoot() bool { return actorKind(v, "").value.Str == "root" }

// keysOf are the keys that hops issued, and the accounts other than the finding's that they lead to, in order.
func (v *view) keysOf(hops []hop) (keys, others []string) {
	for _, h := range hops {
		if h.state == "refused" {
			continue
		}
		if h.key != "" && !slices.Contains(keys, h.key) {
			keys = append(keys, h.key)
		}
		if h.account != "" && h.account != string(v.f.Account) && !slices.Contains(others, h.account) {
			others = append(others, h.account)
		}
	}
	slices.Sort(keys)
	return keys, others
}

// hopTables are the answers about the calls of issued keys, by place.
func (v *view) hopTables(key Key) map[string]table {
	out := map[string]table{}
	for _, place := range hopPlaces(v) {
		if t, _, ok := v.ask(key, place); ok {
			out[place] = t
		}
	}
	return out
}

// follow says what became of the sessions that some hops made.
func (v *view) follow(g *graph, hops []hop, key Key) (tables []table) {
	byPlace := v.hopTables(key)
	for _, place := range hopPlaces(v) {
		if t, ok := byPlace[place]; ok {
			tables = append(tables, t)
			g.from = append(g.from, t.ref())
		}
	}
	_, others := v.keysOf(hops)
	ids := map[string]bool{}
	for n := range hops {
		h := &hops[n]
		switch {
		case h.state == "refused":
			continue
		case h.key == "":
			h.state = "no_key"
			g.hide(Gap{Key: "session"})
			continue
		}
		for _, t := range tables {
			for i := range t.len() {
				if t.text(i, "access_key") != h.key || ids[t.text(i, "event_id")] && t.text(i, "event_id") != "" {
					continue
				}
				ids[t.text(i, "event_id")] = true
				at := t.time(i, "event_time")
				h.calls++
				if at.After(h.last) {
					h.last = at
				}
				g.calls = append(g.calls, graphCall{t, i, at})
			}
		}
		place := ""
		switch at := slices.Index(others, h.account); {
		case h.account == g.home:
			place = "home"
		case at == 0:
			place = "other"
		case at == 1:
			place = "another"
		}
		t, seen := byPlace[place]
		if seen && !t.askedFor(h.key) {
			seen, place = false, "" // found by a later answer than the question was made of
		}
		switch {
		case seen && t.Exact && h.calls > 0:
			h.state = "used"
		case seen && t.Exact:
			h.state = "unused"
		case h.calls > 0:
			h.state = "used_at_least"
		case place == "":
			h.state = "not_followed"
		default:
			h.state = "unseen"
		}
		if h.state != "used" && h.state != "unused" {
			g.hide(v.hopGap(key, place))
		}
	}
	return tables
}

// askedFor tells whether the question was about an issued key.
func (t table) askedFor(key string) bool {
	return strings.Contains(t.Item.Ask.String(), query.Quote(key))
}

// hopGap is why the calls of a session cannot be seen in full.
func (v *view) hopGap(key Key, place string) Gap {
	if t, why, ok := v.ask(key, place); ok {
		return t.gap()
	} else if place != "" && why.gap.Key != "question" {
		return why.gap
	}
	return Gap{Key: query.KindManagement}
}

func (g *graph) hide(gap Gap) {
	if g.exact {
		g.exact, g.gap = false, gap
	}
}

func (v *view) graph() (graph, result, bool) {
	type read struct {
		g   graph
		why result
		ok  bool
	}
	got := memo(v, "graph", func() read {
		seen := map[string]bool{}
		t, first, why, ok := v.ownHops(seen)
		if !ok {
			return read{why: why}
		}
		g := graph{home: string(v.f.Account), exact: t.Exact, t: t, from: []Ref{t.ref()}}
		if !t.Exact {
			g.gap = t.gap()
		}
		second := hopsOf(2, v.follow(&g, first, "hop.first_calls"), seen)
		third := hopsOf(3, v.follow(&g, second, "hop.second_calls"), seen)
		for i := range third {
			if third[i].state != "refused" {
				third[i].state = "not_followed"
				g.hide(Gap{Key: query.KindManagement})
			}
		}
		g.hops = append(append(first, second...), third...)
		slices.SortStableFunc(g.hops, func(a, b hop) int { return a.at.Compare(b.at) })
		slices.SortStableFunc(g.calls, func(a, b graphCall) int { return a.at.Compare(b.at) })
		return read{g: g, ok: true}
	})
	return got.g, got.why, got.ok
}

func ofGraph(get func(graph) result) func(*view, string) result {
	return func(v *view, _ string) result {
		g, why, ok := v.graph()
		if !ok {
			return why
		}
		return get(g)
	}
}

// made is how many sessions were made.
func (g graph) made() (n int64) {
	for _, h := range g.hops {
		if h.state != "refused" {
			n++
		}
	}
	return n
}

func (g graph) counted(n int64) result { return g.measured(IntOf(n), n > 0) }

// measured is a value over the whole graph, as [table.measured] is over one answer.
func (g graph) measured(val Value, seen bool) result {
	r := result{state: Known, value: val, window: g.t.window(), from: compactRefs(append(slices.Clone(g.from), g.t.dark...))}
	if seen {
		for _, h := range g.hops[:min(20, len(g.hops))] {
			r.from = append(r.from, h.ref)
		}
	}
	if g.exact {
		return r
	}
	r.gap = g.gap
	if seen {
		r.state = AtLeast
		return r
	}
	r.state, r.value = Unknown, Value{}
	return r
}

// none is a fact about the graph where there is nothing of the sort.
func (g graph) none() result {
	if g.exact {
		return result{state: NotApplicable, window: g.t.window(), from: g.from}
	}
	return g.measured(Value{}, false)
}

func (g graph) texts(get func(hop) string) result {
	var list []string
	for _, h := range g.hops {
		if s := get(h); s != "" {
			list = append(list, s)
		}
	}
	if list = sortedCopy(list); len(list) == 0 {
		return g.none()
	}
	return g.measured(TextsOf(list[:min(20, len(list))], len(list) > 20), true)
}

// classed counts the successful calls of some classes.
func (g graph) classed(classes ...string) result {
	var n int64
	for _, c := range g.calls {
		if classed(c.t, c.row, classes...) {
			n++
		}
	}
	return g.counted(n)
}

// hopUnseen is exact whatever is hidden: it tells what is.
func hopUnseen(v *view, _ string) result {
	g, why, ok := v.graph()
	if !ok {
		return why
	}
	var list []string
	var refs []Ref
	for _, h := range g.hops {
		switch h.state {
		case "unseen", "used_at_least", "not_followed", "no_key":
			if h.account != "" {
				list, refs = append(list, h.account), append(refs, h.ref)
			}
		}
	}
	if list = sortedCopy(list); len(list) == 0 {
		if !g.t.Exact {
			return g.t.measured(Value{}, false)
		}
		return notApplicable(g.from...)
	}
	return known(TextsOf(list[:min(20, len(list))], len(list) > 20), compactRefs(append(slices.Clone(g.from), refs...))...)
}

func hopTable(v *view, _ string) result {
	g, why, ok := v.graph()
	if !ok {
		return why
	}
	val := Value{Type: Table, More: len(g.hops) > maxHops}
	for _, h := range g.hops[:min(maxHops, len(g.hops))] {
		row := Row{IntOf(int64(h.depth)), TimeOf(h.at), TextOf(h.from), TextOf(h.api), TextOf(h.role), TextOf(h.account), {}, {}, {}, NameOf(h.state)}
		if h.key != "" {
			row[6] = Mask(h.key)
		}
		if h.state == "used" || h.state == "used_at_least" || h.state == "unused" {
			row[7] = IntOf(h.calls)
		}
		if !h.last.IsZero() {
			row[8] = TimeOf(h.last)
		}
		val.Rows = append(val.Rows, row)
	}
	if len(val.Rows) == 0 {
		return g.none()
	}
	return g.measured(val, true)
}

func hopNotable(v *view, _ string) result {
	g, why, ok := v.graph()
	if !ok {
		return why
	}
	val := Value{Type: Table}
	for _, c := range g.calls {
		for _, class := range classOf(c.t.text(c.row, "api")) {
			if len(val.Rows) == 40 {
				val.More = true
				break
			}
			val.Rows = append(val.Rows, Row{
				TimeOf(c.at), TextOf(c.t.text(c.row, "account")), NameOf(class), TextOf(c.t.text(c.row, "api")), TextOf(targetOf(c.t, c.row)),
				TextOf(outcomeOf(c.t, c.row)), TextOf(firstText(c.t.text(c.row, "source_ip"), c.t.text(c.row, "source_service"))),
			})
		}
	}
	if len(val.Rows) == 0 {
		return g.none()
	}
	return g.measured(val, true)
}

// hopAnswer counts the calls that one question about issued keys found. Where no key leads there
// the question does not arise.
func hopAnswer(key Key) func(*view, string) result {
	return func(v *view, place string) result {
		t, why, ok := v.ask(key, place)
		switch {
		case !ok && why.gap.Key == "question":
			return notApplicable()
		case !ok:
			return why
		}
		return t.counted(int64(t.len()))
	}
}

// hopParameters are what the questions about chained sessions are asked by: the keys that were
// issued, and the accounts that they lead to.
func (v *view) hopParameters(out map[string]query.Value) {
	seen := map[string]bool{}
	_, first, _, ok := v.ownHops(seen)
	if !ok {
		return
	}
	var tables []table
	byPlace := v.hopTables("hop.first_calls")
	for _, place := range hopPlaces(v) {
		if t, ok := byPlace[place]; ok {
			tables = append(tables, t)
		}
	}
	for name, hops := range map[string][]hop{"first": first, "second": hopsOf(2, tables, seen)} {
		keys, others := v.keysOf(hops)
		if len(keys) == 0 {
			continue
		}
		set := make([]query.Value, 0, len(keys))
		for _, k := range keys[:min(maxHopKeys, len(keys))] {
			set = append(set, query.TextOf(k))
		}
		out["hop."+name+"_keys"] = query.SetOf(set, len(keys) > maxHopKeys)
		for i, place := range []string{"other", "another"} {
			if i < len(others) {
				out["hop."+name+"_"+place] = query.TextOf(others[i])
			}
		}
	}
}

// hopTypes are the parameters of chained sessions.
var hopTypes = map[string]query.Type{
	"hop.first_keys": query.Set, "hop.first_other": query.Text, "hop.first_another": query.Text,
	"hop.second_keys": query.Set, "hop.second_other": query.Text, "hop.second_another": query.Text,
}
