// Package calendar knows when people work: zones, weekdays, business hours and holidays.
//
// It promises that the same moment has the same answer everywhere: there is no clock
// in it, the zone comes by name and never from the machine's setting, and the Japanese
// holidays are computed from the law's own rules. Zone data is the machine's where it has
// some, which may know a rule that is younger than the program, and else the linked-in one.
package calendar

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a container without /usr/share/zoneinfo still knows Asia/Tokyo
)

// A Config says which calendar is meant. The zero Config is Asia/Tokyo,
// Monday to Friday, 09:00 to 18:00, with the national holidays of Japan.
type Config struct {
	Zone     string         // name in the IANA database, such as "Asia/Tokyo"
	Hours    Hours          // business hours
	Workdays []time.Weekday // Monday to Friday when empty
	Country  string         // "JP", or "none" for no national holidays; when empty JP in Asia/Tokyo and none elsewhere
	Extra    []Holiday      // the company's own days off; their names win over the national ones
}

// Hours are business hours, half-open: From belongs to them, To does not.
type Hours struct {
	From string // "09:00" when empty
	To   string // "18:00" when empty; up to "24:00"
}

// A Holiday is a named day off.
type Holiday struct {
	Date   string // such as "2026-01-01", in the calendar's zone
	NameJA string
	NameEN string
}

// A Calendar answers questions about moments in its zone. Only [New] makes one
// that has business days; the zero Calendar is UTC without any.
type Calendar struct {
	loc      *time.Location
	workdays [7]bool
	from, to int // minutes after local midnight
	japan    bool
	extra    map[civil]Holiday
}

// New checks c and makes the calendar it describes.
func New(c Config) (Calendar, error) {
	cal := Calendar{from: 9 * 60, to: 18 * 60}
	zone := c.Zone
	if zone == "" {
		zone = "Asia/Tokyo"
	}
	if zone == "Local" {
		return Calendar{}, fmt.Errorf(`calendar: zone "Local" depends on the machine; name the zone, such as "Asia/Tokyo"`)
	}
	var err error
	if cal.loc, err = time.LoadLocation(zone); err != nil {
		return Calendar{}, fmt.Errorf(`calendar: unknown zone %q; use a name of the IANA database, such as "Asia/Tokyo" or "UTC"`, zone)
	}
	if c.Hours.From != "" {
		if cal.from, err = minutes(c.Hours.From); err != nil {
			return Calendar{}, fmt.Errorf("calendar: hours from: %w", err)
		}
	}
	if c.Hours.To != "" {
		if cal.to, err = minutes(c.Hours.To); err != nil {
			return Calendar{}, fmt.Errorf("calendar: hours to: %w", err)
		}
	}
	if cal.from >= cal.to {
		return Calendar{}, fmt.Errorf(`calendar: business hours %s to %s are empty; the end must be later on the same day, for a day without pause use "00:00" to "24:00"`, clock(cal.from), clock(cal.to))
	}
	days := c.Workdays
	if len(days) == 0 {
		days = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	}
	for _, d := range days {
		if d < time.Sunday || d > time.Saturday {
			return Calendar{}, fmt.Errorf("calendar: %d is no weekday; use 0 (Sunday) to 6 (Saturday)", int(d))
		}
		cal.workdays[d] = true
	}
	switch strings.ToUpper(c.Country) {
	case "JP":
		cal.japan = true
	case "":
		cal.japan = zone == "Asia/Tokyo"
	case "NONE":
	default:
		return Calendar{}, fmt.Errorf(`calendar: the holidays of %q are not known; use "JP" or "none", and list other days as extra holidays`, c.Country)
	}
	cal.extra = make(map[civil]Holiday, len(c.Extra))
	for i, h := range c.Extra {
		day, err := time.Parse(time.DateOnly, h.Date)
		if err != nil {
			return Calendar{}, fmt.Errorf(`calendar: extra holiday %d: %q is no date; write it as "2026-12-29"`, i+1, h.Date)
		}
		cal.extra[civilOf(day)] = h
	}
	return cal, nil
}

// Zone is the name of the calendar's zone, such as "Asia/Tokyo".
func (c Calendar) Zone() string { return c.location().String() }

// Local is t in the calendar's zone.
func (c Calendar) Local(t time.Time) time.Time { return t.In(c.location()) }

// Weekday is the day of the week of t in the zone.
func (c Calendar) Weekday(t time.Time) time.Weekday { return c.Local(t).Weekday() }

// Hour is the hour of t in the zone, 0 to 23.
func (c Calendar) Hour(t time.Time) int { return c.Local(t).Hour() }

// ZoneName is what a clock in the zone would call its time at t, such as "JST".
// Where that is only an offset such as "+0330", it is the zone's own name.
func (c Calendar) ZoneName(t time.Time) string {
	name, _ := c.Local(t).Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		return c.Zone()
	}
	return name
}

// Holiday tells whether t falls on a holiday, and on which.
func (c Calendar) Holiday(t time.Time) (Holiday, bool) {
	return c.holiday(civilOf(c.Local(t)))
}

func (c Calendar) holiday(d civil) (Holiday, bool) {
	if h, ok := c.extra[d]; ok {
		return h, true
	}
	if c.japan {
		return japanese(d)
	}
	return Holiday{}, false
}

// Holidays lists the holidays of a year in order of date.
func (c Calendar) Holidays(year int) []Holiday {
	var hs []Holiday
	for d := (civil{year, time.January, 1}); d.year == year; d = d.plus(1) {
		if h, ok := c.holiday(d); ok {
			hs = append(hs, h)
		}
	}
	return hs
}

// BusinessDay tells whether people work on the day of t: a workday that is no holiday.
func (c Calendar) BusinessDay(t time.Time) bool {
	return c.businessDay(civilOf(c.Local(t)))
}

func (c Calendar) businessDay(d civil) bool {
	if !c.workdays[d.weekday()] {
		return false
	}
	_, off := c.holiday(d)
	return !off
}

// BusinessHours tells whether t lies in the business hours of a business day.
// The clock on the wall decides, also on a day when it was moved.
func (c Calendar) BusinessHours(t time.Time) bool {
	l := c.Local(t)
	at := l.Hour()*60 + l.Minute()
	return c.from <= at && at < c.to && c.BusinessDay(t)
}

// NextBusinessDay is the beginning of the first business day after the day of t.
// It is the zero time for a calendar without workdays.
func (c Calendar) NextBusinessDay(t time.Time) time.Time {
	if c.workdays == [7]bool{} {
		return time.Time{}
	}
	d := civilOf(c.Local(t)).plus(1)
	for !c.businessDay(d) { // ends: extra holidays are finitely many, and no law makes a whole week free
		d = d.plus(1)
	}
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, c.location())
}

func (c Calendar) location() *time.Location {
	if c.loc == nil {
		return time.UTC
	}
	return c.loc
}

// minutes reads "09:00" as minutes after midnight.
func minutes(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf(`%q is no time of day; write it as "09:00"`, s)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// clock prints minutes after midnight as "09:00".
func clock(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
