package config

import (
	"strings"
	"time"

	"uratori/calendar"
)

// A GroupCalendar says when a group works that does not keep the calendar of the file.
type GroupCalendar struct {
	Name     string
	For      Group
	Calendar calendar.Config
}

// A Group is whom a calendar is for: every attribute that is given must hold, one of its values each.
type Group struct {
	Accounts      []string `yaml:"accounts"`
	Principals    []string `yaml:"principals"` // ARNs of principals, or of the roles whose sessions they are
	Roles         []string `yaml:"roles"`      // names of roles or of permission sets
	People        []string `yaml:"people"`     // user principal names
	Departments   []string `yaml:"departments"`
	EmployeeTypes []string `yaml:"employee_types"`
	Companies     []string `yaml:"companies"`
	Contractor    *bool    `yaml:"contractor"`
}

// calendarOf is a group's calendar as the file says it.
type calendarOf struct {
	Name     string   `yaml:"name"`
	For      Group    `yaml:"for"`
	Always   bool     `yaml:"always"` // around the clock, every day: no hour is off
	Zone     string   `yaml:"zone"`
	Hours    hours    `yaml:"hours"`
	Holidays holidays `yaml:"holidays"`
}

// calendars are tried in their order; the first whose group fits is the one.
func (k *checker) calendars(list []calendarOf) (out []GroupCalendar) {
	names := map[string]bool{}
	for i, y := range list {
		at := func(member string) string { return index("$.calendars", i, member) }
		if strings.TrimSpace(y.Name) == "" {
			k.fail(at("name"), "a calendar needs a name; it is what a report calls it")
		}
		k.once(names, at("name"), "calendar", y.Name)
		g := y.For
		for j, id := range g.Accounts {
			k.account(index(at("for.accounts"), j, ""), id)
		}
		for j, a := range g.Principals {
			if !arn.MatchString(a) {
				k.fail(index(at("for.principals"), j, ""), "%q is no ARN such as \"arn:aws:iam::111122223333:role/etl-nightly\"", a)
			}
		}
		if len(g.Accounts)+len(g.Principals)+len(g.Roles)+len(g.People)+len(g.Departments)+len(g.EmployeeTypes)+len(g.Companies) == 0 && g.Contractor == nil {
			k.fail(at("for"), "calendar %q is for nobody; write such as for: {departments: [SOC]}", y.Name)
		}
		c := k.calendarAt(index("$.calendars", i, ""), y.Zone, y.Hours, y.Holidays)
		if y.Always {
			if y.Hours.From != "" || y.Hours.To != "" || len(y.Hours.Days) > 0 || y.Holidays.Country != "" || len(y.Holidays.Extra) > 0 {
				k.fail(at("always"), "always means every hour of every day; leave out hours and holidays")
			}
			c = Always(y.Zone)
		}
		out = append(out, GroupCalendar{Name: y.Name, For: g, Calendar: c})
	}
	return out
}

// Always is a calendar without an hour or a day off.
func Always(zone string) calendar.Config {
	return calendar.Config{
		Zone: zone, Hours: calendar.Hours{From: "00:00", To: "24:00"}, Country: "none",
		Workdays: []time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday},
	}
}
