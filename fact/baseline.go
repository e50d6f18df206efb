package fact

import (
	"fmt"
	"math"
	"slices"
	"time"

	"uratori/evidence"
	"uratori/query"
)

var baselineDefs = []Def{
	{Key: "baseline.days", Rule: baselineDays, Type: Int, Kind: Computed, JA: "基準期間", EN: "baseline days", Says: "days of the window before the event"},
	{Key: "baseline.days_observed", Rule: baselineDaysObserved, Type: Int, Kind: Computed, JA: "記録のある日数", EN: "days observed", Says: "days with an event"},
	{Key: "baseline.events", Rule: baselineEvents, Type: Int, Kind: Computed, JA: "基準期間の操作", EN: "baseline events", Says: "count of the principal's events before the session"},
	{Key: "baseline.sufficient", Rule: baselineSufficient, Type: Bool, Kind: Computed, JA: "基準として十分", EN: "enough for a baseline", Says: "at least 10 events"},
	{Key: "baseline.new_ip", Rule: baselineNew("ip"), Type: Bool, Kind: Computed, JA: "初めて見るIPアドレス", EN: "new address", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_ip", Rule: baselineSeen("ip"), Type: Int, Kind: Computed, JA: "IPアドレスの過去の件数", EN: "earlier events with this address", Says: "count in the window"},
	{Key: "baseline.first_seen_ip", Rule: baselineFirst("ip"), Type: Time, Kind: Computed, JA: "IPアドレスの初出", EN: "first seen address", Says: "earliest in the window"},
	{Key: "baseline.new_asn", Rule: baselineNew("asn"), Type: Bool, Kind: Computed, JA: "初めて見るASN", EN: "new ASN", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_asn", Rule: baselineSeen("asn"), Type: Int, Kind: Computed, JA: "ASNの過去の件数", EN: "earlier events with this ASN", Says: "count in the window"},
	{Key: "baseline.first_seen_asn", Rule: baselineFirst("asn"), Type: Time, Kind: Computed, JA: "ASNの初出", EN: "first seen ASN", Says: "earliest in the window"},
	{Key: "baseline.new_country", Rule: baselineNew("country"), Type: Bool, Kind: Computed, JA: "初めて見る国", EN: "new country", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_country", Rule: baselineSeen("country"), Type: Int, Kind: Computed, JA: "国の過去の件数", EN: "earlier events with this country", Says: "count in the window"},
	{Key: "baseline.first_seen_country", Rule: baselineFirst("country"), Type: Time, Kind: Computed, JA: "国の初出", EN: "first seen country", Says: "earliest in the window"},
	{Key: "baseline.new_user_agent", Rule: baselineNew("user_agent"), Type: Bool, Kind: Computed, JA: "初めて見るツール", EN: "new tool", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_user_agent", Rule: baselineSeen("user_agent"), Type: Int, Kind: Computed, JA: "ツールの過去の件数", EN: "earlier events with this tool", Says: "count in the window"},
	{Key: "baseline.first_seen_user_agent", Rule: baselineFirst("user_agent"), Type: Time, Kind: Computed, JA: "ツールの初出", EN: "first seen tool", Says: "earliest in the window"},
	{Key: "baseline.new_api", Rule: baselineNew("api"), Type: Bool, Kind: Computed, JA: "初めて見るAPI", EN: "new API", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_api", Rule: baselineSeen("api"), Type: Int, Kind: Computed, JA: "APIの過去の件数", EN: "earlier events with this API", Says: "count in the window"},
	{Key: "baseline.first_seen_api", Rule: baselineFirst("api"), Type: Time, Kind: Computed, JA: "APIの初出", EN: "first seen API", Says: "earliest in the window"},
	{Key: "baseline.new_region", Rule: baselineNew("region"), Type: Bool, Kind: Computed, JA: "初めて見るリージョン", EN: "new Region", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_region", Rule: baselineSeen("region"), Type: Int, Kind: Computed, JA: "リージョンの過去の件数", EN: "earlier events with this Region", Says: "count in the window"},
	{Key: "baseline.first_seen_region", Rule: baselineFirst("region"), Type: Time, Kind: Computed, JA: "リージョンの初出", EN: "first seen Region", Says: "earliest in the window"},
	{Key: "baseline.new_hour", Rule: baselineNew("hour"), Type: Bool, Kind: Computed, JA: "初めて見る時刻帯", EN: "new hour", Says: "not one event before in the window; never with fewer than 10 events"},
	{Key: "baseline.seen_hour", Rule: baselineSeen("hour"), Type: Int, Kind: Computed, JA: "時刻帯の過去の件数", EN: "earlier events with this hour", Says: "count in the window"},
	{Key: "baseline.tool_days", Rule: baselineToolDays, Type: Int, Kind: Computed, JA: "ツールの使用日数", EN: "days the tool was used", Says: "different local days with the same tool before the event"},
	{Key: "baseline.usual_hours", Rule: baselineUsualHours, Type: Hours, Kind: Computed, JA: "通常の時刻帯", EN: "usual hours", Says: "local hours that hold at least 5 % of the person's sign-ins and calls"},
	{Key: "baseline.hour_is_usual", Rule: baselineHourIsUsual, Type: Bool, Kind: Computed, JA: "通常の時刻帯か", EN: "usual hour", Says: "event.hour_local is a usual hour; at least 10 events"},
	{Key: "baseline.midnight", Rule: baselineMidnight, Type: Int, Kind: Computed, JA: "深夜の件数", EN: "events at night", Says: "sign-ins from 0 to 5 h local"},
	{Key: "baseline.comparison", Rule: baselineComparison, Type: Table, Kind: Computed, JA: "基準との比較", EN: "comparison with the baseline", Says: "each dimension of the event against the window before", Columns: []Column{
		{Name: "dimension", Type: Name, JA: "観点", EN: "dimension", Enum: []string{"address", "asn", "country", "user_agent", "api", "region", "hour"}},
		{Name: "observed", Type: Text, JA: "今回", EN: "this time"},
		{Name: "before", Type: Int, JA: "過去の件数", EN: "times before"},
		{Name: "base", Type: Int, JA: "母数", EN: "out of"},
		{Name: "first", Type: Time, JA: "初出", EN: "first seen"},
		{Name: "verdict", Type: Name, JA: "判定", EN: "novelty", Enum: []string{"new", "seen", "undetermined"}},
	}},
	{Key: "baseline.peers_on_resource", Rule: peers("baseline.peers_on_resource"), Type: Int, Kind: Computed, JA: "同じリソースを使う他の主体", EN: "other principals on the resource", Says: "different principals on the same bucket"},
	{Key: "baseline.peers_same_api", Rule: peers("baseline.peers_same_api"), Type: Int, Kind: Computed, JA: "同じAPIを使う他の主体", EN: "other principals with the API", Says: "different principals that called the same API"},
	{Key: "baseline.daily_average", Rule: baselineAverage, Type: Decimal, Kind: Computed, JA: "1日平均", EN: "daily average", Says: "events of the window by its days"},
	{Key: "baseline.event_day", Rule: baselineEventDay, Type: Int, Kind: Computed, JA: "当日の件数", EN: "events on the day", Says: "events of the principal on the local day of the event"},
}

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
var pastColumns = map[string]string{"ip": "source_ip", "user_agent": "user_agent", "api": "api", "region": "region", "hour": "quarter"}

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
	first    time.Time
	exact    bool // absence before is proven
	part     Gap  // set where only a part of the log was read, see table.part
	why      result
	ok       bool // could be looked at
	from     []Ref
	window   query.Window
}

// aspects in the order they are told.
var aspects = []string{"ip", "asn", "country", "user_agent", "api", "region", "hour"}

func (v *view) novelty(aspect string) novelty {
	return memo(v, "novelty "+aspect, func() novelty {
		n := novelty{aspect: aspect, observed: v.observed(aspect)}
		if n.observed == "" {
			n.why = unknown("finding", findingRef)
			return n
		}
		if aspect == "asn" || aspect == "country" {
			return v.noveltyOfSignIns(n)
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
		if p.t.part() {
			n.part = gapOf(p.t.Answered)
		}
		return n
	})
}

// noveltyOfSignIns looks at the networks and countries of the person's earlier sign-ins,
// since CloudTrail records neither.
func (v *view) noveltyOfSignIns(n novelty) novelty {
	ins, ok := v.signIns()
	if !ok {
		_, n.why, _ = v.ask("signin.total", "")
		return n
	}
	at, _ := v.at()
	for _, s := range ins.rows {
		val, same := s.asn, s.asn == n.observed
		if n.aspect == "country" {
			val, same = s.country, sameCountry(s.country, v.f.Action.Remote)
		}
		if val == "" || s.at.After(at) {
			continue
		}
		n.base++
		if same {
			if n.before == 0 {
				n.first = s.at
			}
			n.before++
		}
	}
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
		_, api, _ := v.primary()
		return api
	case "region":
		return v.f.Region
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
		row := Row{NameOf(name), TextOf(n.observed), {}, {}, {}, NameOf("undetermined")}
		if n.ok && n.part.Key == "" {
			row[2], row[3] = IntOf(n.before), IntOf(n.base)
			if n.before > 0 {
				row[4] = TimeOf(n.first)
			}
			if r := n.verdict(); r.state == Known {
				row[5] = NameOf("seen")
				if r.value.Num == 1 {
					row[5] = NameOf("new")
				}
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

func baselineDaysObserved(v *view, _ string) result {
	return ofEarlier(v, func(p past) result {
		days := map[string]bool{}
		for i := range p.t.len() {
			days[v.cal.Local(p.t.time(i, "quarter")).Format(time.DateOnly)] = true
		}
		return p.t.counted(int64(len(days)))
	})
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
		if name, _ := Tool(t.text(i, "user_agent")); name == tool {
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
		at, _ := v.at()
		for _, s := range ins.rows {
			if !s.at.After(at) {
				hours[v.cal.Hour(s.at)]++
				total++
			}
		}
		refs = append(refs, ins.t.ref())
	}
	if p, ok := v.past("hour"); ok {
		for i := range p.t.len() {
			n := p.t.int(i, "n")
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
		own := v.actorColumn("user_arn")
		var n int64
		for i := range t.len() {
			if arn := t.text(i, "user_arn"); arn != "" && arn != own {
				n++
			}
		}
		return t.counted(n)
	}
}
