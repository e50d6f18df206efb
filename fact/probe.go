package fact

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Probing: many different APIs tried or looked at within a short time, as somebody does who
// finds out what a credential may do (ATT&CK T1580, T1526). Counted by UTC quarter hours, as the
// past is, so that both counts are over the same stretch of time.
var probeDefs = []Def{
	{Key: "probe.most_apis", Families: credentialFamilies, Rule: ofProbes(func(c calls, list []probe) result {
		var most int64
		for _, p := range list {
			most = max(most, int64(len(p.apis)))
		}
		return c.t.counted(most)
	}), Type: Int, Kind: Computed, JA: "15分間に試されたAPIの最大種類数", EN: "most different APIs tried in a quarter hour", Says: "different APIs of denied calls and of Get, List and Describe calls of the credential, by UTC quarter hour, the most"},
	{Key: "probe.bursts", Families: credentialFamilies, Rule: ofProbes(func(c calls, list []probe) result {
		var n int64
		for _, p := range list {
			if p.burst() {
				n++
			}
		}
		return c.t.counted(n)
	}), Type: Int, Kind: Computed, JA: "権限を探る動きのあった時間帯", EN: "bursts of probing", Says: "UTC quarter hours with 10 such APIs or more, or 10 denied calls or more"},
	{Key: "probe.table", Families: credentialFamilies, Rule: probeTable, Type: Table, Kind: Computed, JA: "権限を探る動き", EN: "probing by quarter hour", Says: "those quarter hours in time order, at most 20", Columns: []Column{
		{Name: "from", Type: Time, JA: "開始（15分間）", EN: "quarter hour from"},
		{Name: "apis", Type: Int, JA: "API種類数", EN: "different APIs"},
		{Name: "denied_apis", Type: Int, JA: "うち拒否された種類数", EN: "of them denied"},
		{Name: "calls", Type: Int, JA: "件数", EN: "calls"},
		{Name: "denied", Type: Int, JA: "拒否", EN: "denied"},
	}},
	{Key: "probe.usual_most", Families: credentialFamilies, Rule: probeUsual, Type: Int, Kind: Computed, JA: "過去の15分間の最大種類数", EN: "most in a quarter hour before", Says: "the same over the principal's calls of the 29 days that end a day before the event", Reads: []string{"quarter", "apis"}},
	{Key: "probe.above_usual", Families: credentialFamilies, Rule: probeAbove, Type: Bool, Kind: Computed, JA: "過去の最大を超える権限探索", EN: "more than ever before", Says: "probe.most_apis is more than probe.usual_most, which rests on 10 quarter hours or more"},
}

const (
	quarter   = 15 * time.Minute
	burstAPIs = 10 // different APIs, or denied calls, that make a quarter hour a burst
)

// A probe is what was tried in one UTC quarter hour.
type probe struct {
	from          time.Time
	apis, refused map[string]bool // by service and API
	calls, denied int64
	rows          []int
}

func (p probe) burst() bool { return len(p.apis) >= burstAPIs || p.denied >= burstAPIs }

// looks tells whether a call only looks, by its name.
func looksOnly(api string) bool {
	return strings.HasPrefix(api, "Get") || strings.HasPrefix(api, "List") || strings.HasPrefix(api, "Describe")
}

func (v *view) probes() (calls, []probe, result, bool) {
	subject := "credential"
	if key, _ := v.accessKey(); key == "" && v.isRoot() {
		subject = "principal"
	}
	c, why, ok := v.calls(subject)
	if !ok {
		return calls{}, nil, why, false
	}
	by := map[time.Time]*probe{}
	for _, k := range c.rows {
		if !k.denied && !looksOnly(k.api) {
			continue
		}
		at := k.at.UTC().Truncate(quarter)
		if by[at] == nil {
			by[at] = &probe{from: at, apis: map[string]bool{}, refused: map[string]bool{}}
		}
		p, api := by[at], k.service+" "+k.api
		p.apis[api], p.rows = true, append(p.rows, k.row)
		p.calls++
		if k.denied {
			p.refused[api] = true
			p.denied++
		}
	}
	var list []probe
	for _, p := range by {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b probe) int { return a.from.Compare(b.from) })
	return c, list, result{}, true
}

func ofProbes(get func(calls, []probe) result) func(*view, string) result {
	return func(v *view, _ string) result {
		c, list, why, ok := v.probes()
		if !ok {
			return why
		}
		return get(c, list)
	}
}

func probeTable(v *view, _ string) result {
	c, list, why, ok := v.probes()
	if !ok {
		return why
	}
	list = slices.DeleteFunc(list, func(p probe) bool { return !p.burst() })
	val := Value{Type: Table, More: len(list) > 20}
	if val.More { // the densest, told in time order
		slices.SortStableFunc(list, func(a, b probe) int { return cmp.Compare(len(b.apis), len(a.apis)) })
		list = list[:20]
		slices.SortFunc(list, func(a, b probe) int { return a.from.Compare(b.from) })
	}
	if len(list) == 0 {
		return c.t.empty()
	}
	var refs []Ref
	for _, p := range list {
		val.Rows = append(val.Rows, Row{TimeOf(p.from), IntOf(int64(len(p.apis))), IntOf(int64(len(p.refused))), IntOf(p.calls), IntOf(p.denied)})
		for _, i := range p.rows[:min(5, len(p.rows))] {
			refs = append(refs, c.t.row(i))
		}
	}
	r := c.t.measured(val, true)
	r.from = append(r.from, refs...)
	return r
}

func probeUsual(v *view, _ string) result {
	t, why, ok := v.ask("probe.usual_most", "")
	if !ok {
		return why
	}
	most, _ := v.probedBefore(t)
	return t.counted(most)
}

// probedBefore is the most that was tried in one of the earlier quarter hours, and how many there
// are. The day before the event may be part of what is investigated and is no past.
func (v *view) probedBefore(t table) (most int64, quarters int) {
	at, _ := v.at()
	for i := range t.len() {
		if t.time(i, "quarter").Before(at.Add(-24 * time.Hour)) {
			most, quarters = max(most, t.int(i, "apis")), quarters+1
		}
	}
	return most, quarters
}

// probeAbove holds the burst against the past. A past of a few quarter hours tells nothing, and
// one that is not whole cannot prove that there never was as much.
func probeAbove(v *view, _ string) result {
	c, list, why, ok := v.probes()
	if !ok {
		return why
	}
	t, why, ok := v.ask("probe.usual_most", "")
	if !ok {
		return why
	}
	before, quarters := v.probedBefore(t)
	var now int64
	for _, p := range list {
		now = max(now, int64(len(p.apis)))
	}
	refs := []Ref{t.ref(), c.t.ref()}
	switch {
	case quarters < minBase:
		return unknown("baseline", refs...)
	case now <= before && c.t.Exact:
		return known(BoolOf(false), refs...)
	case now <= before:
		return result{state: Unknown, gap: c.t.gap(), from: refs}
	case !t.Exact:
		return result{state: Unknown, gap: t.gap(), from: refs}
	}
	return known(BoolOf(true), refs...)
}
