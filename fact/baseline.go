package fact

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

var baselineDefs = []Def{
	{Key: "baseline.days", Rule: baselineDays, Type: Int, Kind: Computed, JA: "基準期間", EN: "baseline days", Says: "days of the window before the event"},
	{Key: "baseline.days_observed", Rule: baselineDaysObserved, Type: Int, Kind: Computed, JA: "基準期間のうち記録のある日数", EN: "days observed", Says: "days with an event"},
	{Key: "baseline.events", Rule: baselineEvents, Type: Int, Kind: Computed, JA: "基準期間の操作", EN: "baseline events", Says: "count of the principal's events before the session"},
	{Key: "baseline.sufficient", Rule: baselineSufficient, Type: Bool, Kind: Computed, JA: "比較に足りる過去の記録", EN: "enough for a baseline", Says: "at least 10 events"},
	{Key: "baseline.new_ip", Rule: baselineNew("ip"), Type: Bool, Kind: Computed, JA: "初めて見るIPアドレス", EN: "new address", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_ip", Rule: baselineSeen("ip"), Type: Int, Kind: Computed, JA: "同じIPアドレスの過去の操作", EN: "earlier events with this address", Says: "count in the window"},
	{Key: "baseline.first_seen_ip", Rule: baselineFirst("ip"), Type: Time, Kind: Computed, JA: "IPアドレスの初出", EN: "first seen address", Says: "earliest in the window"},
	{Key: "baseline.new_asn", Rule: baselineNew("asn"), Type: Bool, Kind: Computed, JA: "初めて見るASN", EN: "new ASN", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_asn", Rule: baselineSeen("asn"), Type: Int, Kind: Computed, JA: "同じASNの過去の記録", EN: "earlier events with this ASN", Says: "count in the window"},
	{Key: "baseline.first_seen_asn", Rule: baselineFirst("asn"), Type: Time, Kind: Computed, JA: "ASNの初出", EN: "first seen ASN", Says: "earliest in the window"},
	{Key: "baseline.new_country", Rule: baselineNew("country"), Type: Bool, Kind: Computed, JA: "初めて見る国", EN: "new country", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_country", Rule: baselineSeen("country"), Type: Int, Kind: Computed, JA: "同じ国の過去の記録", EN: "earlier events with this country", Says: "count in the window"},
	{Key: "baseline.first_seen_country", Rule: baselineFirst("country"), Type: Time, Kind: Computed, JA: "国の初出", EN: "first seen country", Says: "earliest in the window"},
	{Key: "baseline.new_user_agent", Rule: baselineNew("user_agent"), Type: Bool, Kind: Computed, JA: "初めて見るツール", EN: "new tool", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_user_agent", Rule: baselineSeen("user_agent"), Type: Int, Kind: Computed, JA: "同じツールの過去の操作", EN: "earlier events with this tool", Says: "count in the window"},
	{Key: "baseline.first_seen_user_agent", Rule: baselineFirst("user_agent"), Type: Time, Kind: Computed, JA: "ツールの初出", EN: "first seen tool", Says: "earliest in the window"},
	{Key: "baseline.new_api", Rule: baselineNew("api"), Type: Bool, Kind: Computed, JA: "初めて見るAPI", EN: "new API", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_api", Rule: baselineSeen("api"), Type: Int, Kind: Computed, JA: "同じAPIの過去の操作", EN: "earlier events with this API", Says: "count in the window"},
	{Key: "baseline.first_seen_api", Rule: baselineFirst("api"), Type: Time, Kind: Computed, JA: "APIの初出", EN: "first seen API", Says: "earliest in the window"},
	{Key: "baseline.new_region", Rule: baselineNew("region"), Type: Bool, Kind: Computed, JA: "初めて見るリージョン", EN: "new Region", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_region", Rule: baselineSeen("region"), Type: Int, Kind: Computed, JA: "同じリージョンの過去の操作", EN: "earlier events with this Region", Says: "count in the window"},
	{Key: "baseline.first_seen_region", Rule: baselineFirst("region"), Type: Time, Kind: Computed, JA: "リージョンの初出", EN: "first seen Region", Says: "earliest in the window"},
	{Key: "baseline.new_hour", Rule: baselineNew("hour"), Type: Bool, Kind: Computed, JA: "初めて見る時刻帯", EN: "new hour", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_hour", Rule: baselineSeen("hour"), Type: Int, Kind: Computed, JA: "同じ時刻帯の過去の操作", EN: "earlier events with this hour", Says: "count in the window"},
	{Key: "baseline.first_seen_hour", Rule: baselineFirst("hour"), Type: Time, Kind: Computed, JA: "時刻帯の初出", EN: "first seen hour", Says: "earliest in the window"},
	{Key: "baseline.new_resource", Families: resourceFamilies, Rule: baselineNew("resource"), Type: Bool, Kind: Computed, JA: "初めて使うリソース", EN: "new resource", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_resource", Families: resourceFamilies, Rule: baselineSeen("resource"), Type: Int, Kind: Computed, JA: "同じリソースへの過去の操作", EN: "earlier events with this resource", Says: "count in the window"},
	{Key: "baseline.first_seen_resource", Families: resourceFamilies, Rule: baselineFirst("resource"), Type: Time, Kind: Computed, JA: "リソースの初出", EN: "first seen resource", Says: "earliest in the window"},
	{Key: "baseline.new_address", Rule: baselineNewAddress, Type: Bool, Kind: Computed, JA: "ネットワークとしても初めて見るIPアドレス", EN: "new address, and no network that is known", Says: "the address was never seen and its ASN cannot be compared; where the ASN can be, the ASN alone says whether the source is new"},
	{Key: "baseline.tool_days", Rule: baselineToolDays, Type: Int, Kind: Computed, JA: "同じツールの過去の使用日数", EN: "days the tool was used", Says: "different local days with the same tool before the event"},
	{Key: "baseline.usual_hours", Rule: baselineUsualHours, Type: Hours, Kind: Computed, JA: "本人の普段の時刻帯", EN: "usual hours", Says: "local hours that hold at least 5 % of the person's sign-ins and calls, without sign-ins that may have led to the session"},
	{Key: "baseline.hour_is_usual", Rule: baselineHourIsUsual, Type: Bool, Kind: Computed, JA: "普段の時刻帯への該当", EN: "usual hour", Says: "event.hour_local is a usual hour; at least 10 events"},
	{Key: "baseline.midnight", Rule: baselineMidnight, Type: Int, Kind: Computed, JA: "深夜のサインイン", EN: "events at night", Says: "sign-ins from 0 to 5 h local"},
	{Key: "baseline.comparison", Rule: baselineComparison, Type: Table, Kind: Computed, JA: "過去の記録との比較", EN: "comparison with the baseline", Says: "each dimension of the event against the window before", Columns: []Column{
		{Name: "dimension", Type: Name, JA: "観点", EN: "dimension", Enum: []string{"address", "asn", "country", "user_agent", "api", "region", "resource", "hour"}},
		{Name: "observed", Type: Text, JA: "今回", EN: "this time"},
		{Name: "before", Type: Int, JA: "過去の件数", EN: "times before"},
		{Name: "base", Type: Int, JA: "母数", EN: "out of"},
		{Name: "days", Type: Int, JA: "記録のある日数", EN: "days observed"},
		{Name: "first", Type: Time, JA: "初出", EN: "first seen"},
		{Name: "verdict", Type: Name, JA: "判定", EN: "novelty", Enum: []string{"new", "seen", "too_few", "undetermined"}},
	}},
	{Key: "baseline.peers_on_resource", Rule: peers("baseline.peers_on_resource"), Type: Int, Kind: Computed, JA: "同じリソースを使う他のプリンシパル", EN: "other principals on the resource", Says: "different principals on the same bucket or object of a cluster"},
	{Key: "baseline.peers_same_api", Rule: peers("baseline.peers_same_api"), Type: Int, Kind: Computed, JA: "同じAPIを使う他のプリンシパル", EN: "other principals with the API", Says: "different principals that called the same API"},
	{Key: "baseline.peers_same_role", Rule: rolePeers("baseline.peers_same_role"), Type: Int, Kind: Computed, JA: "同じロールを使う他のプリンシパル", EN: "other principals with the role", Says: "different sessions of the role that the principal's session is of"},
	{Key: "baseline.peers_role_api", Rule: rolePeers("baseline.peers_role_api"), Type: Int, Kind: Computed, JA: "同じロールで同じAPIを使う他のプリンシパル", EN: "other principals with the role and the API", Says: "different sessions of the same role that called the same API"},
	{Key: "baseline.peers_alike", Families: bucketFamilies, Rule: rolePeers("baseline.peers_alike"), Type: Int, Kind: Computed, JA: "同じリソース・API・ロールの他のプリンシパル", EN: "other principals with resource, API and role", Says: "different sessions of the same role that called the same API on the same bucket"},
	{Key: "baseline.daily_average", Rule: baselineAverage, Type: Decimal, Kind: Computed, JA: "1日平均の操作", EN: "daily average", Says: "events of the window by its days"},
	{Key: "baseline.event_day", Rule: baselineEventDay, Type: Int, Kind: Computed, JA: "当日の操作", EN: "events on the day", Says: "events of the principal on the local day of the event"},
}

// bucketFamilies are the families of findings about a bucket, which is the resource that is compared.
var bucketFamilies = []string{"s3"}

// A past is what the principal's earlier calls say of one aspect: how often each value
// stood, and when first. Values that do not stand in the log (ASN, country) come from the
// person's sign-ins.
type past struct {
	t     table
	seen  map[string]int64
	first map[string]time.Time
	total int64
}

func (p past) same(val string) int64 {
	if val == "" {
		return 0
	}
	return p.seen[val]
}

// pastColumns are the columns that the question for each aspect groups by.
var pastColumns = map[string]string{"ip": "source_ip", "user_agent": "user_agent", "api": "api", "region": "region", "resource": "bucket", "hour": "quarter"}

// early tells whether what was first seen at a time belongs to the past. CloudTrail is asked for the past
// without the credential in question. The audit log of a cluster shows none for many users: there, what
// began within the longest life of a role session before the event is a part of it.
func (v *view) early(t table, first time.Time) bool {
	at, ok := v.at()
	return t.Item.Ask.Dataset != query.EKSAudit || !ok || first.Before(at.Add(-signInLead))
}

// past reads the groups of one aspect of the principal's earlier calls.
func (v *view) past(aspect string) (past, bool) {
	type read struct {
		p  past
		ok bool
	}
	got := memo(v, "past "+aspect, func() read {
		if aspect == "asn" || aspect == "country" {
			return read{}
		}
		t, _, ok := v.ask(Key("baseline.seen_"+aspect), "")
		if !ok {
			return read{}
		}
		p := past{t: t, seen: map[string]int64{}, first: map[string]time.Time{}}
		for i := range t.len() {
			n, first := t.int(i, "n"), t.time(i, "first")
			if !v.early(t, first) {
				continue
			}
			val := v.fold(aspect, t, i)
			p.total += n
			p.seen[val] += n
			if f, ok := p.first[val]; !ok || first.Before(f) {
				p.first[val] = first
			}
		}
		return read{p: p, ok: true}
	})
	return got.p, got.ok
}

// fold brings a group's key to what is compared: addresses by /64 for IPv6, user agents by
// tool, quarter hours by local hour.
func (v *view) fold(aspect string, t table, i int) string {
	if t.Item.Ask.Dataset == query.EKSAudit && (aspect == "api" || aspect == "resource") {
		c := k8sCall{verb: t.text(i, "verb"), resource: t.text(i, "resource"), subresource: t.text(i, "subresource"), namespace: t.text(i, "namespace"), name: t.text(i, "name")}
		if aspect == "api" {
			return c.api()
		}
		return c.object()
	}
	c := t.cell(i, pastColumns[aspect])
	switch aspect {
	case "ip":
		return foldAddress(c.Text())
	case "user_agent":
		name, _ := Tool(c.Text())
		return name
	case "hour":
		return fmt.Sprintf("%02d", v.cal.Hour(c.Time()))
	}
	return c.Text()
}

// foldAddress keeps an IPv4 address and the /64 of an IPv6 one: privacy addresses make every
// IPv6 address new.
func foldAddress(s string) string {
	ip, ok := query.Addr(s)
	if !ok {
		return s
	}
	if ip.Is6() {
		p, _ := ip.Prefix(64)
		return p.String()
	}
	return ip.String()
}

// novelty is one aspect of the event against the window before it.
type novelty struct {
	aspect   string
	observed string
	before   int64
	base     int64
	days     int64 // local days on which the base holds an event; 0 when that was not looked at
	first    time.Time
	exact    bool // absence before is proven
	part     Gap  // set where only a part of the log was read, see table.part
	why      result
	ok       bool // could be looked at
	from     []Ref
	window   query.Window
}

// aspects in the order they are told.
var aspects = []string{"ip", "asn", "country", "user_agent", "api", "region", "resource", "hour"}

func (v *view) novelty(aspect string) novelty {
	return memo(v, "novelty "+aspect, func() novelty {
		n := novelty{aspect: aspect, observed: v.observed(aspect)}
		if aspect == "asn" || aspect == "country" {
			return v.noveltyOfNetwork(n)
		}
		if n.observed == "" {
			n.why = v.unnamed(aspect)
			return n
		}
		if aspect == "resource" && v.byParameters() {
			return v.noveltyOfNamed(n)
		}
		p, ok := v.past(aspect)
		if !ok {
			_, n.why, _ = v.ask(Key("baseline.seen_"+aspect), "")
			return n
		}
		key := n.observed
		if aspect == "ip" {
			key = foldAddress(key)
		}
		n.ok, n.before, n.base, n.first = true, p.same(key), p.total, p.first[key]
		n.exact, n.window, n.from = p.t.Exact, p.t.window(), []Ref{findingRef, p.t.ref()}
		if hours, ok := v.past("hour"); ok && hours.t.Item.Scope == p.t.Item.Scope {
			n.days = hours.days(v)
		}
		if p.t.part() {
			n.part = gapOf(p.t.Answered)
		}
		return n
	})
}

// noveltyOfNetwork takes the sign-ins and, where a database told the networks of the earlier calls'
// addresses, these calls, too: who signs in from a network or calls from it knows it.
func (v *view) noveltyOfNetwork(n novelty) novelty {
	calls := v.noveltyOfCalls(n)
	if n.observed == "" {
		if calls.ok {
			return calls
		}
		n.why = unknown("finding", findingRef)
		return n
	}
	ins := v.noveltyOfSignIns(n)
	switch {
	case !calls.ok && v.faceless(): // nobody signs in for such a user, and only a database knows networks
		n.why = unknown("configuration", settingsRef)
		return n
	case !calls.ok:
		return ins
	case !ins.ok:
		return calls
	}
	both := calls
	both.observed, both.before, both.base = n.observed, calls.before+ins.before, calls.base+ins.base
	both.days, both.exact = max(calls.days, ins.days), calls.exact && ins.exact
	if ins.before > 0 && (calls.before == 0 || ins.first.Before(calls.first)) {
		both.first = ins.first
	}
	both.from = compactRefs(append(slices.Clone(calls.from), ins.from...))
	return both
}

// noveltyOfCalls compares the network of the event's address with those of the earlier calls', all by
// the same databases: another one's name for a country or network is never compared with theirs.
func (v *view) noveltyOfCalls(n novelty) novelty {
	n.ok = false
	b, ref, _, looked := v.looked(evidence.LookNetworks, "baseline.seen_asn")
	p, ok := v.past("ip")
	own := v.observed("ip")
	if !looked || !ok || own == "" {
		return n
	}
	get := func(w evidence.Network) string { return w.ASN }
	if n.aspect == "country" {
		get = func(w evidence.Network) string { return w.Country }
	}
	of := map[string]string{}
	for _, w := range b.Networks {
		of[foldAddress(w.IP)] = get(w)
	}
	observed := of[foldAddress(own)]
	if observed == "" {
		return n
	}
	if n.observed == "" {
		n.observed = observed
	}
	for addr, times := range p.seen {
		network := of[addr]
		if network == "" {
			continue
		}
		n.base += times
		if network != observed {
			continue
		}
		if f := p.first[addr]; n.before == 0 || f.Before(n.first) {
			n.first = f
		}
		n.before += times
	}
	n.ok, n.exact, n.window = true, p.t.Exact && b.Whole(), p.t.window()
	n.from = []Ref{findingRef, p.t.ref(), ref}
	if hours, ok := v.past("hour"); ok && hours.t.Item.Scope == p.t.Item.Scope {
		n.days = hours.days(v)
	}
	return n
}

// networkAddresses are the event's address and those of the earlier calls, for looking their networks up:
// of an IPv6 network of 64 bits the first. ok is false when there are too many, or none to compare.
func (v *view) networkAddresses() (list []string, ok bool) {
	own := v.observed("ip")
	p, asked := v.past("ip")
	if own == "" || !asked || len(p.seen) == 0 || len(p.seen) >= maxAddresses {
		return nil, false
	}
	list = []string{own}
	for addr := range p.seen {
		if prefix, err := netip.ParsePrefix(addr); err == nil {
			addr = prefix.Addr().String()
		}
		if _, err := netip.ParseAddr(addr); err == nil {
			list = append(list, addr)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), true
}

// maxAddresses bounds what is looked up at once; no principal of a month's records had more than a few hundred.
const maxAddresses = 500

// noveltyOfSignIns looks at the networks and countries of the person's earlier sign-ins,
// since CloudTrail records neither.
func (v *view) noveltyOfSignIns(n novelty) novelty {
	ins, ok := v.signIns()
	if !ok {
		_, n.why, _ = v.ask("signin.total", "")
		return n
	}
	days := map[string]bool{}
	for _, s := range v.proven(ins) {
		val, same := s.asn, s.asn == n.observed
		if n.aspect == "country" {
			val, same = s.country, sameCountry(s.country, v.f.Action.Remote)
		}
		if val == "" {
			continue
		}
		n.base++
		days[v.cal.Local(s.at).Format(time.DateOnly)] = true
		if same {
			if n.before == 0 {
				n.first = s.at
			}
			n.before++
		}
	}
	n.days = int64(len(days))
	n.ok, n.exact, n.window = true, ins.t.Exact, ins.t.window()
	n.from = []Ref{findingRef, ins.t.ref()}
	if ins.t.part() {
		n.part = gapOf(ins.t.Answered)
	}
	return n
}

// observed is the event's own value of an aspect.
func (v *view) observed(aspect string) string {
	remote := v.f.Action.Remote
	switch aspect {
	case "ip":
		if remote.IP.IsValid() {
			return remote.IP.Unmap().String()
		}
	case "asn":
		return remote.ASN
	case "country":
		return remote.Country
	case "user_agent":
		ua, _ := v.userAgent()
		name, _ := Tool(ua)
		return name
	case "api":
		if v.ofCluster() {
			return v.request().api()
		}
		_, api, _ := v.primary()
		return api
	case "region":
		if !v.ofCluster() { // a cluster lies in one Region
			return v.f.Region
		}
	case "resource":
		if slices.Contains(resourceFamilies, finding.FamilyOf(v.f)) {
			return v.namedResource().value.Str
		}
	case "hour":
		if at, ok := v.at(); ok {
			return fmt.Sprintf("%02d", v.cal.Hour(at))
		}
	}
	return ""
}

// result of "is it new": seen once is enough to say no; to say yes, the window must be whole
// and hold enough events.
func (n novelty) verdict() result {
	switch {
	case !n.ok:
		return n.why
	case n.before > 0:
		return result{state: Known, value: BoolOf(false), window: n.window, from: n.from}
	case !n.exact:
		return result{state: Unknown, gap: Gap{Key: "baseline", Outcome: evidence.NotCollected}, window: n.window, from: n.from}
	case n.base < minBase:
		return result{state: Unknown, gap: Gap{Key: "baseline"}, window: n.window, from: n.from}
	}
	return result{state: Known, value: BoolOf(true), window: n.window, from: n.from}
}

func baselineNew(aspect string) func(*view, string) result {
	return func(v *view, _ string) result { return v.novelty(aspect).verdict() }
}

func baselineSeen(aspect string) func(*view, string) result {
	return func(v *view, _ string) result {
		n := v.novelty(aspect)
		switch {
		case !n.ok:
			return n.why
		case n.exact:
			return result{state: Known, value: IntOf(n.before), window: n.window, from: n.from}
		case n.before > 0:
			return result{state: AtLeast, value: IntOf(n.before), gap: Gap{Key: "baseline", Outcome: evidence.NotCollected}, window: n.window, from: n.from}
		}
		return n.verdict()
	}
}

func baselineFirst(aspect string) func(*view, string) result {
	return func(v *view, _ string) result {
		n := v.novelty(aspect)
		switch {
		case !n.ok:
			return n.why
		case n.part.Key != "":
			return result{state: Unknown, gap: n.part, window: n.window, from: n.from}
		case n.before > 0:
			return result{state: Known, value: TimeOf(n.first), window: n.window, from: n.from}
		case n.exact:
			return result{state: NotApplicable, window: n.window, from: n.from}
		}
		return n.verdict()
	}
}

// baselineNewAddress counts an address as new only where its ASN cannot be compared: mobile networks
// and privacy addresses give a well-known person an address never seen before every day. An address
// of an ASN that is known is not new, and one of a new ASN is told by the ASN.
func baselineNewAddress(v *view, _ string) result {
	ip, asn := v.novelty("ip"), v.novelty("asn")
	r := ip.verdict()
	if r.state != Known || r.value.Num == 0 {
		return r
	}
	if net := asn.verdict(); net.state == Known {
		r.value = BoolOf(false)
		r.from = compactRefs(append(slices.Clone(r.from), asn.from...))
	}
	return r
}

func baselineComparison(v *view, _ string) result {
	var rows []Row
	var refs []Ref
	for _, a := range aspects {
		n := v.novelty(a)
		if n.observed == "" {
			continue
		}
		name := a
		if a == "ip" {
			name = "address"
		}
		row := Row{NameOf(name), TextOf(n.observed), {}, {}, {}, {}, NameOf("undetermined")}
		if n.ok && n.part.Key == "" {
			row[2], row[3] = IntOf(n.before), IntOf(n.base)
			if n.days > 0 {
				row[4] = IntOf(n.days)
			}
			if n.before > 0 {
				row[5] = TimeOf(n.first)
			}
			switch r := n.verdict(); {
			case r.state == Known && r.value.Num == 1:
				row[6] = NameOf("new")
			case r.state == Known:
				row[6] = NameOf("seen")
			case n.exact:
				row[6] = NameOf("too_few")
			}
		}
		rows, refs = append(rows, row), append(refs, n.from...)
	}
	if len(refs) == 0 {
		return v.noBaseline()
	}
	return known(Value{Type: Table, Rows: rows}, compactRefs(refs)...)
}

// noBaseline says why the principal's past cannot be looked at.
func (v *view) noBaseline() result {
	_, why, ok := v.ask("baseline.events", "")
	if ok {
		return unknown("baseline")
	}
	return why
}

// earlier is the principal's earlier activity by quarter hour: the base of the counts.
func ofEarlier(v *view, get func(past) result) result {
	p, ok := v.past("hour")
	if !ok {
		_, why, _ := v.ask("baseline.seen_hour", "")
		return why
	}
	return get(p)
}

func baselineDays(v *view, _ string) result {
	return ofEarlier(v, func(p past) result {
		w := p.t.window()
		return result{state: Known, value: IntOf(int64(w.To.Sub(w.From) / (24 * time.Hour))), window: w, from: []Ref{p.t.ref()}}
	})
}

// days counts the local days of quarter hours.
func (p past) days(v *view) int64 {
	days := map[string]bool{}
	for i := range p.t.len() {
		if at := p.t.time(i, "quarter"); v.early(p.t, at) {
			days[v.cal.Local(at).Format(time.DateOnly)] = true
		}
	}
	return int64(len(days))
}

func baselineDaysObserved(v *view, _ string) result {
	return ofEarlier(v, func(p past) result { return p.t.counted(p.days(v)) })
}

func baselineEvents(v *view, _ string) result {
	return ofEarlier(v, func(p past) result { return p.t.counted(p.total) })
}

func baselineSufficient(v *view, _ string) result {
	return ofEarlier(v, func(p past) result { return p.t.has(p.total >= minBase) })
}

func baselineToolDays(v *view, _ string) result {
	t, why, ok := v.ask("baseline.tool_days", "")
	if !ok {
		return why
	}
	tool := v.observed("user_agent")
	if tool == "" {
		return unknown("finding", findingRef)
	}
	days := map[string]bool{}
	for i := range t.len() {
		if name, _ := Tool(t.text(i, "user_agent")); name == tool && v.early(t, t.time(i, "quarter")) {
			days[v.cal.Local(t.time(i, "quarter")).Format(time.DateOnly)] = true
		}
	}
	return t.counted(int64(len(days)))
}

// usualShare is the least share of the person's events that makes an hour usual.
const usualShare = 0.05

// personHours counts the person's sign-ins and earlier calls by local hour. missing is the log of the
// two that could not be read, or not to its end, so that what is usual would be that of the other
// alone; the sign-ins of a principal that no person signs in for are none.
func (v *view) personHours() (hours [24]int64, total int64, refs []Ref, missing result) {
	lacks := func(key Key, matters bool) {
		t, why, ok := v.ask(key, "")
		switch {
		case ok && t.Item.Answer.Outcome == evidence.Truncated:
			missing = result{state: Unknown, gap: gapOf(t.Answered), from: []Ref{t.ref()}}
		case !ok && matters && why.gap.Key != "question":
			missing = why
		}
	}
	lacks("baseline.seen_hour", true)
	lacks("signin.total", v.isSSO())
	if ins, ok := v.signIns(); ok {
		for _, s := range v.before(ins) {
			hours[v.cal.Hour(s.at)]++
			total++
		}
		refs = append(refs, ins.t.ref())
	}
	if p, ok := v.past("hour"); ok {
		for i := range p.t.len() {
			n := p.t.int(i, "n")
			if !v.early(p.t, p.t.time(i, "quarter")) {
				continue
			}
			hours[v.cal.Hour(p.t.time(i, "quarter"))] += n
			total += n
		}
		refs = append(refs, p.t.ref())
	}
	return hours, total, refs, missing
}

func baselineUsualHours(v *view, _ string) result {
	hours, total, refs, missing := v.personHours()
	if missing.gap.Key != "" {
		return result{state: Unknown, gap: missing.gap, from: missing.from}
	}
	if total < minBase {
		if len(refs) == 0 {
			return v.noBaseline()
		}
		return unknown("baseline", refs...)
	}
	val := Value{Type: Hours}
	for h, n := range hours {
		if float64(n) >= usualShare*float64(total) {
			val.Hours = append(val.Hours, h)
		}
	}
	return known(val, refs...)
}

func baselineHourIsUsual(v *view, subject string) result {
	r := baselineUsualHours(v, subject)
	at, ok := v.at()
	if r.state != Known || !ok {
		return r
	}
	r.value = BoolOf(slices.Contains(r.value.Hours, v.cal.Hour(at)))
	return r
}

func baselineMidnight(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		var n int64
		for h, k := range ins.hours(v) {
			if h < 5 {
				n += k
			}
		}
		return ins.t.counted(n)
	})
}

func baselineAverage(v *view, _ string) result {
	return ofEarlier(v, func(p past) result {
		w := p.t.window()
		days := int64(w.To.Sub(w.From) / (24 * time.Hour))
		if days == 0 {
			return unknown("baseline", p.t.ref())
		}
		return p.t.measured(Value{Type: Decimal, Num: int64(math.Round(float64(p.total) * 10 / float64(days)))}, p.total > 0)
	})
}

func baselineEventDay(v *view, _ string) result {
	if v.ofCluster() {
		t, list, why, ok := v.k8sCalls("kubernetes.requests")
		if !ok {
			return why
		}
		at, _ := v.at()
		var n int64
		for _, c := range list {
			if v.cal.Local(c.at).Format(time.DateOnly) == v.cal.Local(at).Format(time.DateOnly) {
				n++
			}
		}
		return t.counted(n)
	}
	return ofCalls(v, "credential", func(c calls) result {
		at, _ := v.at()
		day := v.cal.Local(at).Format(time.DateOnly)
		var n int64
		for _, k := range c.rows {
			if v.cal.Local(k.at).Format(time.DateOnly) == day {
				n++
			}
		}
		return c.t.counted(n)
	})
}

// peers counts the other principals of a grouped answer.
func peers(key Key) func(*view, string) result {
	return func(v *view, _ string) result {
		t, why, ok := v.ask(key, "")
		if !ok {
			return why
		}
		col, own := "user_arn", v.actorColumn("user_arn")
		switch {
		case bestEffort(t.Answered):
			col, own = "requester", v.requester()
		case t.Item.Ask.Dataset == query.EKSAudit:
			col, own = "user_name", v.f.Kubernetes().User
		}
		_, spaced := t.cols["namespace"]
		var n int64
		for i := range t.len() {
			if spaced && t.text(i, "namespace") != v.request().namespace { // an object of the same name elsewhere
				continue
			}
			if arn := t.text(i, col); arn != "" && arn != own {
				n++
			}
		}
		return t.counted(n)
	}
}

// rolePeers counts the other sessions of the role; a principal without a role has none to compare with.
func rolePeers(key Key) func(*view, string) result {
	return func(v *view, subject string) result {
		if issuer := v.actorColumn("session_issuer_arn"); issuer == "" {
			if t, i, _, ok := v.actorRow(); ok {
				return notApplicable(t.row(i))
			}
		}
		return peers(key)(v, subject)
	}
}
