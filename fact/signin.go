package fact

import (
	"maps"
	"slices"
	"time"

	"uratori/query"
)

var signinDefs = []Def{
	{Key: "signin.total", Rule: signinCount(func(signIn) bool { return true }), Type: Int, Kind: Computed, JA: "サインイン", EN: "sign-ins", Says: "count rows after removing duplicate ids"},
	{Key: "signin.success", Rule: signinCount(func(s signIn) bool { return s.result == "success" }), Type: Int, Kind: Computed, JA: "成功したサインイン", EN: "success", Says: "error code 0"},
	{Key: "signin.interrupted", Rule: signinCount(func(s signIn) bool { return s.result == "interrupt" }), Type: Int, Kind: Computed, JA: "中断したサインイン", EN: "interrupted", Says: "codes whose published meaning is an interrupt"},
	{Key: "signin.failed", Rule: signinCount(func(s signIn) bool { return s.result == "failure" }), Type: Int, Kind: Computed, JA: "失敗したサインイン", EN: "failed", Says: "other codes"},
	{Key: "signin.completed_success", Rule: signinCompleted, Type: Percent, Kind: Computed, JA: "完了した試行に占める成功", EN: "successes among completed attempts", Says: "success of success + failed"},
	{Key: "signin.ips", Rule: signinTexts("ip"), Type: Texts, Kind: Computed, JA: "サインイン元のIPアドレス", EN: "addresses", Says: "different values"},
	{Key: "signin.ip_count", Rule: signinIPCount, Type: Int, Kind: Computed, JA: "サインイン元のIPアドレスの数", EN: "different addresses", Says: "count different values"},
	{Key: "signin.countries", Rule: signinTexts("country"), Type: Texts, Kind: Computed, JA: "サインイン元の国", EN: "countries", Says: "different values"},
	{Key: "signin.cities", Rule: signinTexts("city"), Type: Texts, Kind: Computed, JA: "サインイン元の都市", EN: "cities", Says: "different values"},
	{Key: "signin.apps", Rule: signinTexts("app_display_name"), Type: Texts, Kind: Computed, JA: "サインイン先のアプリ", EN: "applications", Says: "different values"},
	{Key: "signin.browsers", Rule: signinTexts("browser"), Type: Texts, Kind: Computed, JA: "サインインのブラウザー", EN: "browsers", Says: "different values"},
	{Key: "signin.devices", Rule: signinTexts("device_name"), Type: Texts, Kind: Computed, JA: "サインインの端末", EN: "devices", Says: "different values"},
	{Key: "signin.by_code", Rule: signinByCode, Type: Table, Kind: Computed, JA: "結果コード別のサインイン", EN: "by result code", Says: "count by error code", Columns: []Column{
		{Name: "code", Type: Int, JA: "コード", EN: "code"},
		{Name: "meaning", Type: Label, JA: "意味", EN: "meaning"},
		{Name: "result", Type: Name, JA: "区分", EN: "result", Enum: []string{"success", "interrupt", "failure"}},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
	}},
	{Key: "signin.by_weekday_hour", Rule: signinByWeekdayHour, Type: Table, Kind: Computed, JA: "曜日・時刻別のサインイン", EN: "by weekday and hour", Says: "count by weekday and hour in the configured zone", Columns: []Column{
		{Name: "weekday", Type: Weekday, JA: "曜日", EN: "weekday"},
		{Name: "hour", Type: Hour, JA: "時", EN: "hour"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
	}},
	{Key: "signin.peak_hour", Rule: signinPeak, Type: Hour, Kind: Computed, JA: "サインインが最も多い時刻帯", EN: "busiest hour", Says: "hour with the most sign-ins; the earliest of equals"},
	{Key: "signin.at_event_hour", Rule: signinAtEventHour, Type: Int, Kind: Computed, JA: "検出された操作と同じ時刻帯のサインイン", EN: "sign-ins in the hour of the event", Says: "count rows whose local hour equals event.hour_local"},
	{Key: "signin.first", Rule: signinFirst, Type: Time, Kind: Computed, JA: "最初のサインイン", EN: "first", Says: "earliest"},
	{Key: "signin.last", Rule: signinLast, Type: Time, Kind: Computed, JA: "最後のサインイン", EN: "last", Says: "latest"},
	{Key: "signin.nearest_before_event", Rule: signinBefore, Type: Time, Kind: Computed, JA: "直前のサインイン", EN: "nearest before the event", Says: "latest at or before event.time"},
	{Key: "signin.nearest_after_event", Rule: signinAfter, Type: Time, Kind: Computed, JA: "直後のサインイン", EN: "nearest after the event", Says: "earliest after event.time"},
	{Key: "signin.nearest_ip", Rule: signinNearestIP, Type: IP, Kind: Observed, JA: "最も近いサインインのIPアドレス", EN: "address of the nearest", Says: "address of the row nearest to event.time"},
	{Key: "signin.nearest_country", Rule: signinNearestText(func(s signIn) string { return s.country }), Type: Text, Kind: Observed, JA: "最も近いサインインの国", EN: "country of the nearest", Says: "country of the row nearest to event.time"},
	{Key: "signin.nearest_app", Rule: signinNearestText(func(s signIn) string { return s.app }), Type: Text, Kind: Observed, JA: "最も近いサインインのアプリ", EN: "application of the nearest", Says: "application of the row nearest to event.time"},
	{Key: "signin.minutes_to_nearest", Rule: signinMinutes, Type: Minutes, Kind: Computed, JA: "最も近いサインインとの差", EN: "minutes to the nearest", Says: "whole minutes between event.time and the nearest row"},
	{Key: "signin.same_ip_as_event", Rule: signinSameIP, Type: Bool, Kind: Computed, JA: "最も近いサインインとのIPアドレスの一致", EN: "same address as the event", Says: "equality of the nearest row's address and event.source_ip"},
	{Key: "signin.same_country_as_event", Rule: signinSameCountry, Type: Bool, Kind: Computed, JA: "最も近いサインインとの国の一致", EN: "same country as the event", Says: "equality of country codes of the nearest row and the finding"},
	{Key: "signin.nearest_ipv6", Rule: signinNearestIPv6, Type: Bool, Kind: Computed, JA: "最も近いサインインはIPv6", EN: "nearest is IPv6", Says: "address family of the nearest row"},
	{Key: "signin.ipv6_only", Rule: signinIPv6Only, Type: Bool, Kind: Computed, JA: "IPv6のみのサインイン", EN: "IPv6 only", Says: "every address is IPv6"},
	{Key: "signin.mfa_satisfied", Rule: signinCount(func(s signIn) bool { return s.result == "success" && s.requirement == "multiFactorAuthentication" }), Type: Int, Kind: Computed, JA: "MFAが要求されたサインイン", EN: "successes that required MFA", Says: "success with authenticationRequirement multiFactorAuthentication"},
	{Key: "signin.risk_levels", Rule: signinRisk, Type: Texts, Kind: Computed, JA: "サインインのリスクレベル", EN: "risk levels", Says: "different values other than none"},
	{Key: "signin.mfa_failed_then_success", Rule: signinMFAFailedThenSuccess, Type: Bool, Kind: Computed, JA: "MFAの失敗に続くサインインの成功", EN: "failed MFA, then success", Says: "a failure of MFA followed by a success within 30 minutes"},
}

// A signIn is one sign-in of the person, read out of its row.
type signIn struct {
	at          time.Time
	ip, country string
	asn, app    string
	code        int64
	result      string // success, interrupt, failure
	requirement string
	ref         Ref
}

// signIns are the person's sign-ins in time order.
type signIns struct {
	t    table
	rows []signIn
}

// before are the sign-ins that lie so far back that none of them can have led to the session of the
// event: that of an attacker would make its own address, network and hour known ones.
func (v *view) before(ins signIns) (list []signIn) {
	began, _ := v.at()
	if created := actorSessionCreated(v, ""); created.state == Known && created.value.At.Before(began) {
		began = created.value.At
	}
	for _, s := range ins.rows {
		if s.at.Before(began.Add(-signInLead)) {
			list = append(list, s)
		}
	}
	return list
}

// proven are those of them that succeeded, with which the event is compared: whoever fails, or is
// stopped half-way, may be anybody.
func (v *view) proven(ins signIns) []signIn {
	return slices.DeleteFunc(v.before(ins), func(s signIn) bool { return s.result != "success" })
}

func (v *view) signIns() (signIns, bool) {
	got := memo(v, "sign-ins", func() *signIns {
		t, _, ok := v.ask("signin.total", "")
		if !ok {
			return nil
		}
		s := &signIns{t: t}
		for i := range t.len() {
			s.rows = append(s.rows, signIn{
				at: t.time(i, "event_time"), ip: t.text(i, "ip"), country: t.text(i, "country"),
				asn: t.text(i, "asn"), app: t.text(i, "app_display_name"), code: t.int(i, "error_code"),
				result: t.text(i, "result"), requirement: t.text(i, "auth_requirement"), ref: t.row(i),
			})
		}
		slices.SortStableFunc(s.rows, func(a, b signIn) int { return a.at.Compare(b.at) })
		return s
	})
	if got == nil {
		return signIns{}, false
	}
	return *got, true
}

// ofSignIns is a fact about the person's sign-ins, Unknown when they cannot be looked at.
func ofSignIns(v *view, get func(signIns) result) result {
	ins, ok := v.signIns()
	if !ok {
		_, why, _ := v.ask("signin.total", "")
		return why
	}
	return get(ins)
}

func signinCount(fits func(signIn) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSignIns(v, func(ins signIns) result {
			var n int64
			for _, s := range ins.rows {
				if fits(s) {
					n++
				}
			}
			return ins.t.counted(n)
		})
	}
}

func signinCompleted(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		var good, bad int64
		for _, s := range ins.rows {
			switch s.result {
			case "success":
				good++
			case "failure":
				bad++
			}
		}
		if good+bad == 0 || !ins.t.Exact {
			r := ins.t.measured(Value{}, false)
			if ins.t.Exact {
				r = notApplicable(ins.t.ref())
			}
			return r
		}
		return ins.t.measured(Value{Type: Percent, Num: good, Den: good + bad}, true)
	})
}

func signinTexts(col string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSignIns(v, func(ins signIns) result { return ins.t.texts(col) })
	}
}

func signinIPCount(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		list, _ := ins.t.distinct("ip", 0)
		return ins.t.counted(int64(len(list)))
	})
}

func signinByCode(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		counts := map[int64]int64{}
		for _, s := range ins.rows {
			counts[s.code]++
		}
		var rows []Row
		for _, code := range slices.Sorted(maps.Keys(counts)) {
			res, meaning := query.SignInCode(int(code))
			rows = append(rows, Row{IntOf(code), {Type: Label, Str: meaning.EN, JA: meaning.JA}, NameOf(string(res)), IntOf(counts[code])})
		}
		return ins.t.measured(Value{Type: Table, Rows: rows}, len(rows) > 0)
	})
}

func signinByWeekdayHour(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		var grid [7][24]int64
		for _, s := range ins.rows {
			grid[v.cal.Weekday(s.at)][v.cal.Hour(s.at)]++
		}
		var rows []Row
		for d := range 7 {
			for h := range 24 {
				if n := grid[d][h]; n > 0 {
					rows = append(rows, Row{{Type: Weekday, Num: int64(d)}, {Type: Hour, Num: int64(h)}, IntOf(n)})
				}
			}
		}
		return ins.t.measured(Value{Type: Table, Rows: rows}, len(rows) > 0)
	})
}

// hours counts the sign-ins by local hour.
func (ins signIns) hours(v *view) [24]int64 {
	var hours [24]int64
	for _, s := range ins.rows {
		hours[v.cal.Hour(s.at)]++
	}
	return hours
}

func signinPeak(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		if len(ins.rows) == 0 {
			return ins.none()
		}
		hours, best := ins.hours(v), 0
		for h, n := range hours {
			if n > hours[best] {
				best = h
			}
		}
		return result{state: Known, value: Value{Type: Hour, Num: int64(best)}, window: ins.t.window(), from: []Ref{ins.t.ref()}}
	})
}

// none is a fact about sign-ins where there are none.
func (ins signIns) none() result {
	if ins.t.Exact {
		return result{state: NotApplicable, window: ins.t.window(), from: []Ref{ins.t.ref()}}
	}
	return ins.t.measured(Value{}, false)
}

func signinAtEventHour(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		at, ok := v.at()
		if !ok {
			return unknown("finding", findingRef)
		}
		return ins.t.counted(ins.hours(v)[v.cal.Hour(at)])
	})
}

func signinEdge(v *view, pick func([]signIn) signIn) result {
	return ofSignIns(v, func(ins signIns) result {
		if len(ins.rows) == 0 {
			return ins.none()
		}
		s := pick(ins.rows)
		r := ins.t.measured(TimeOf(s.at), true)
		r.from = append(r.from, s.ref)
		return r
	})
}

func signinFirst(v *view, _ string) result {
	return signinEdge(v, func(rows []signIn) signIn { return rows[0] })
}

func signinLast(v *view, _ string) result {
	return signinEdge(v, func(rows []signIn) signIn { return rows[len(rows)-1] })
}

// beside finds the sign-ins right before and right after the event. A hole in the log between
// one of them and the event leaves that side unknown: a nearer one may not have been recorded.
func (ins signIns) beside(v *view) (before, after *signIn, beforeSure, afterSure bool) {
	at, _ := v.at()
	for i := range ins.rows {
		s := &ins.rows[i]
		if !s.at.After(at) {
			before = s
		} else if after == nil {
			after = s
		}
	}
	from, to := ins.t.window().From, ins.t.window().To
	if before != nil {
		from = before.at
	}
	if after != nil {
		to = after.at
	}
	return before, after, ins.t.coveredBetween(from, at), ins.t.coveredBetween(at, to)
}

func signinBeside(v *view, pick func(ins signIns) (*signIn, bool)) result {
	return ofSignIns(v, func(ins signIns) result {
		s, sure := pick(ins)
		if !sure {
			return result{state: Unknown, gap: ins.t.gap(), window: ins.t.window(), from: []Ref{ins.t.ref()}}
		}
		if s == nil {
			return result{state: NotApplicable, window: ins.t.window(), from: []Ref{ins.t.ref()}}
		}
		return result{state: Known, value: TimeOf(s.at), window: ins.t.window(), from: []Ref{s.ref}}
	})
}

func signinBefore(v *view, _ string) result {
	return signinBeside(v, func(ins signIns) (*signIn, bool) {
		before, _, sure, _ := ins.beside(v)
		return before, sure
	})
}

func signinAfter(v *view, _ string) result {
	return signinBeside(v, func(ins signIns) (*signIn, bool) {
		_, after, _, sure := ins.beside(v)
		return after, sure
	})
}

// ofNearest is a fact about the sign-in nearest to the event, known only if neither side of
// the event has a hole in which a nearer one could hide.
func ofNearest(v *view, get func(signIn) result) result {
	return ofSignIns(v, func(ins signIns) result {
		at, _ := v.at()
		before, after, beforeSure, afterSure := ins.beside(v)
		if !beforeSure || !afterSure {
			return result{state: Unknown, gap: ins.t.gap(), window: ins.t.window(), from: []Ref{ins.t.ref()}}
		}
		near := before
		if near == nil || after != nil && after.at.Sub(at) < at.Sub(near.at) {
			near = after
		}
		if near == nil {
			return ins.none()
		}
		r := get(*near)
		r.window = ins.t.window()
		r.from = append([]Ref{near.ref}, r.from...)
		return r
	})
}

func signinNearestIP(v *view, _ string) result {
	return ofNearest(v, func(s signIn) result {
		if s.ip == "" {
			return notApplicable()
		}
		return known(IPOf(s.ip))
	})
}

func signinNearestText(get func(signIn) string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofNearest(v, func(s signIn) result {
			if get(s) == "" {
				return notApplicable()
			}
			return known(TextOf(get(s)))
		})
	}
}

func signinMinutes(v *view, _ string) result {
	return ofNearest(v, func(s signIn) result {
		at, _ := v.at()
		return known(Value{Type: Minutes, Num: int64(s.at.Sub(at).Abs() / time.Minute)}, findingRef)
	})
}

func signinSameIP(v *view, _ string) result {
	return ofNearest(v, func(s signIn) result {
		ip := v.f.Action.Remote.IP
		if !ip.IsValid() || s.ip == "" {
			return unknown("finding", findingRef)
		}
		return known(BoolOf(s.ip == ip.Unmap().String()), findingRef)
	})
}

func signinSameCountry(v *view, _ string) result {
	return ofNearest(v, func(s signIn) result {
		if s.country == "" || v.f.Action.Remote.Country == "" {
			return unknown("finding", findingRef)
		}
		return known(BoolOf(sameCountry(s.country, v.f.Action.Remote)), findingRef)
	})
}

func signinNearestIPv6(v *view, _ string) result {
	return ofNearest(v, func(s signIn) result {
		ip, ok := query.Addr(s.ip)
		if !ok {
			return notApplicable()
		}
		return known(BoolOf(ip.Is6()))
	})
}

func signinIPv6Only(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		if len(ins.rows) == 0 {
			return ins.none()
		}
		for _, s := range ins.rows {
			if ip, ok := query.Addr(s.ip); ok && ip.Is4() {
				return ins.t.measured(BoolOf(false), true)
			}
		}
		return ins.t.measured(BoolOf(true), ins.t.Exact)
	})
}

func signinRisk(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		var list []string
		for i := range ins.t.len() {
			if s := ins.t.text(i, "risk_level"); s != "" && s != "none" && s != "hidden" {
				list = append(list, s)
			}
		}
		if len(list) == 0 {
			return ins.none()
		}
		return ins.t.measured(TextsOf(sortedCopy(list), false), true)
	})
}

// mfaFailures are the codes of a failed or refused second factor: Microsoft Entra
// authentication and authorization error codes (500121 and 50088 limit, 50074/50076 ask for it).
var mfaFailures = []int64{500121, 50088}

func signinMFAFailedThenSuccess(v *view, _ string) result {
	return ofSignIns(v, func(ins signIns) result {
		for i, s := range ins.rows {
			if !slices.Contains(mfaFailures, s.code) {
				continue
			}
			for _, next := range ins.rows[i+1:] {
				if next.at.Sub(s.at) <= 30*time.Minute && next.result == "success" {
					return ins.t.has(true, s.ref, next.ref)
				}
			}
		}
		return ins.t.has(false)
	})
}
