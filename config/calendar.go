package config

import (
	"fmt"
	"strings"
	"time"

	"uratori/calendar"
	"uratori/strictyaml"
)

var (
	weekdays = map[string]time.Weekday{
		"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
	}
	weekdayNames = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

	// zones are names to suggest for a mistyped one; every zone of the IANA database may be used.
	zones = []string{
		"UTC", "Asia/Tokyo", "Asia/Seoul", "Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Manila", "Asia/Jakarta",
		"Asia/Bangkok", "Asia/Ho_Chi_Minh", "Asia/Kolkata", "Asia/Dubai", "Australia/Sydney", "Pacific/Auckland", "Pacific/Honolulu",
		"Europe/London", "Europe/Dublin", "Europe/Paris", "Europe/Berlin", "Europe/Madrid", "Europe/Rome", "Europe/Amsterdam", "Europe/Zurich",
		"Europe/Stockholm", "Europe/Warsaw", "Europe/Helsinki", "Africa/Johannesburg", "America/New_York", "America/Toronto", "America/Chicago",
		"America/Denver", "America/Los_Angeles", "America/Vancouver", "America/Sao_Paulo", "America/Mexico_City",
	}
)

// calendar reads zone, hours and holidays. Each part is tried alone, so that a mistake is shown
// where it stands; what is right is decided by package calendar.
func (k *checker) calendar(f file) calendar.Config {
	return k.calendarAt("$", f.Zone, f.Hours, f.Holidays)
}

// calendarAt reads a calendar whose members stand at a YAML path.
func (k *checker) calendarAt(base, zone string, h hours, off holidays) calendar.Config {
	c := calendar.Config{Zone: zone, Country: off.Country}
	c.Hours.From, c.Hours.To = h.From, h.To
	k.try(base+".zone", calendar.Config{Zone: c.Zone}, zone, zones)
	k.try(base+".hours.from", calendar.Config{Hours: calendar.Hours{From: c.Hours.From, To: "24:00"}}, "", nil)
	k.try(base+".hours.to", calendar.Config{Hours: calendar.Hours{From: "00:00", To: c.Hours.To}}, "", nil)
	k.try(base+".hours", calendar.Config{Hours: c.Hours}, "", nil)
	if h.Days != nil && len(h.Days) == 0 {
		k.fail(base+".hours.days", "a week without working days; leave days out for Monday to Friday")
	}
	days := map[string]bool{}
	for i, d := range h.Days {
		path := index(base+".hours.days", i, "")
		k.among(path, "day", d, weekdayNames...)
		k.once(days, path, "day", d)
		c.Workdays = append(c.Workdays, weekdays[d])
	}
	k.try(base+".holidays.country", calendar.Config{Country: c.Country}, "", nil)
	dates := map[string]bool{}
	for i, h := range off.Extra {
		at := func(member string) string { return index(base+".holidays.extra", i, member) }
		if _, err := time.Parse(time.DateOnly, h.Date); err != nil {
			k.fail(at("date"), "%q is no date such as \"2025-12-29\"", h.Date)
		}
		k.once(dates, at("date"), "date", h.Date)
		if h.JA == "" || h.EN == "" {
			k.fail(at(""), "the holiday %s needs its name in both languages: ja and en", h.Date)
		}
		c.Extra = append(c.Extra, calendar.Holiday{Date: h.Date, NameJA: h.JA, NameEN: h.EN})
	}
	return c
}

// try makes a calendar of one part of the file. word, if it resembles one of known, gets a hint.
func (k *checker) try(path string, part calendar.Config, word string, known []string) {
	_, err := calendar.New(part)
	if err == nil || k.err != nil {
		return
	}
	e := k.at(path, strings.TrimPrefix(err.Error(), "calendar: "))
	if n, ok := strictyaml.Nearest(word, known); ok {
		e.Hint = fmt.Sprintf("did you mean %q?", n)
	}
	k.err = e
}
