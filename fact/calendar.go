package fact

import (
	"slices"
	"strings"
	"time"

	"uratori/calendar"
)

// A GroupCalendar says when a group works that does not keep the calendar of the configuration.
type GroupCalendar struct {
	Name     string
	For      Group
	Calendar calendar.Config
}

// A Group is whom a calendar is for: every attribute that is given must hold, with one of its values.
// Names are compared without regard to case.
type Group struct {
	Accounts      []string `json:",omitempty"` // 12 digits
	Principals    []string `json:",omitempty"` // ARNs of principals, or of the roles whose sessions they are
	Roles         []string `json:",omitempty"` // names of roles or of permission sets
	People        []string `json:",omitempty"` // user principal names
	Departments   []string `json:",omitempty"`
	EmployeeTypes []string `json:",omitempty"`
	Companies     []string `json:",omitempty"`
	Contractor    *bool    `json:",omitempty"`
}

// Facts of whose calendar is used. Times are printed in the zone of the configuration, which is that
// of the reader; whether somebody was at work is judged by their own.
var calendarDefs = []Def{
	{Key: "calendar.name", If: grouped, Rule: calendarName, Type: Text, Kind: Context, JA: "適用した暦", EN: "calendar", Says: "configuration: the first of calendars whose group the actor is of"},
	{Key: "calendar.because", If: grouped, Rule: calendarBecause, Type: Texts, Kind: Context, JA: "暦を適用した理由", EN: "why this calendar", Says: "the attributes by which the actor is of the group"},
	{Key: "calendar.zone", If: grouped, Rule: onGroup(func(_ time.Time, c calendar.Calendar) Value { return TextOf(c.Zone()) }), Type: Text, Kind: Context, JA: "暦のタイムゾーン", EN: "zone of the calendar", Says: "configuration: zone of the calendar"},
	{Key: "calendar.weekday", If: grouped, Rule: onGroup(func(t time.Time, c calendar.Calendar) Value {
		return Value{Type: Weekday, Num: int64(c.Weekday(t))}
	}), Type: Weekday, Kind: Computed, JA: "暦での曜日", EN: "weekday there", Says: "weekday of event.time in the zone of the calendar"},
	{Key: "calendar.hour", If: grouped, Rule: onGroup(func(t time.Time, c calendar.Calendar) Value {
		return Value{Type: Hour, Num: int64(c.Hour(t))}
	}), Type: Hour, Kind: Computed, JA: "暦での時刻帯", EN: "hour there", Says: "hour of event.time in the zone of the calendar"},
	{Key: "calendar.undecided", If: grouped, Rule: calendarUndecided, Type: Texts, Kind: Computed, JA: "該当を判断できない暦", EN: "calendars whose group is unknown", Says: "calendars before the one that is used whose attributes are unknown of the actor"},
}

// grouped tells whether the configuration has calendars of groups.
func grouped(v *view) bool { return len(v.st.Calendars) > 0 }

// A working is the calendar by which somebody works.
type working struct {
	calendar.Calendar
	name      string   // "" for that of the configuration
	because   []string // "department=SOC"
	undecided []string // names of calendars whose group the actor may be of
	from      []Ref
}

// working is the calendar of the first group that the actor is of, else that of the configuration.
func (v *view) working() working {
	return memo(v, "working", func() working {
		w := working{Calendar: v.cal, from: []Ref{settingsRef}}
		for _, g := range v.st.Calendars {
			because, state, refs := v.within(g.For)
			switch state {
			case Unknown:
				w.undecided = append(w.undecided, g.Name)
				w.from = compactRefs(append(w.from, refs...))
			case Known:
				if c, err := calendar.New(g.Calendar); err == nil {
					w.Calendar, w.name, w.because = c, g.Name, because
					w.from = compactRefs(append(w.from, refs...))
					return w
				}
			case AtLeast, NotApplicable:
			}
		}
		return w
	})
}

// within tells whether the actor is of a group: Known when every attribute holds, NotApplicable when one
// does not, Unknown when none fails and one cannot be told.
func (v *view) within(g Group) (because []string, state State, refs []Ref) {
	state = Known
	check := func(name string, want []string, facts ...Key) {
		if len(want) == 0 {
			return
		}
		seen := false
		for _, key := range facts {
			d, _ := DefOf(key)
			r := d.Rule(v, "")
			refs = append(refs, r.from...)
			switch r.state {
			case Known, AtLeast:
				seen = true
				if slices.ContainsFunc(want, func(s string) bool { return strings.EqualFold(s, r.value.Str) }) {
					because = append(because, name+"="+r.value.Str)
					return
				}
			case NotApplicable:
				seen = true
			case Unknown:
			}
		}
		switch {
		case seen:
			state = NotApplicable
		case state == Known:
			state = Unknown
		}
	}
	check("account", g.Accounts, "finding.account")
	check("principal", g.Principals, "actor.arn", "actor.session_issuer")
	check("role", g.Roles, "actor.role", "actor.permission_set")
	check("person", g.People, "person.upn")
	check("department", g.Departments, "person.department")
	check("employee_type", g.EmployeeTypes, "person.employee_type")
	check("company", g.Companies, "person.company")
	if g.Contractor != nil {
		r := personContractor(v, "")
		refs = append(refs, r.from...)
		switch {
		case r.state != Known && state == Known:
			state = Unknown
		case r.state == Known && (r.value.Num == 1) != *g.Contractor:
			state = NotApplicable
		case r.state == Known:
			because = append(because, "contractor="+map[bool]string{true: "yes", false: "no"}[*g.Contractor])
		}
	}
	return because, state, refs
}

func calendarName(v *view, _ string) result {
	w := v.working()
	if w.name == "" {
		return notApplicable(w.from...)
	}
	return known(TextOf(w.name), w.from...)
}

func calendarBecause(v *view, _ string) result {
	w := v.working()
	if w.name == "" {
		return notApplicable(w.from...)
	}
	return known(TextsOf(w.because, false), w.from...)
}

func calendarUndecided(v *view, _ string) result {
	w := v.working()
	if len(w.undecided) == 0 {
		return notApplicable(w.from...)
	}
	return known(TextsOf(w.undecided, false), w.from...)
}

// onGroup is a rule over the time of the event in a group's calendar.
func onGroup(get func(time.Time, calendar.Calendar) Value) func(*view, string) result {
	return func(v *view, _ string) result {
		w := v.working()
		at, ok := v.at()
		switch {
		case w.name == "":
			return notApplicable(w.from...)
		case !ok:
			return unknown("finding", findingRef)
		}
		return known(get(at, w.Calendar), append([]Ref{findingRef}, w.from...)...)
	}
}
