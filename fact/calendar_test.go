package fact

import (
	"testing"

	"uratori/calendar"
	"uratori/evidence"
)

// The event lies on Tuesday 2025-09-09 at 13:20 in Tokyo, which is 04:20 in UTC and 21:20 on Monday in Los Angeles.
func TestWhoseCalendarIsUsed(t *testing.T) {
	soc := GroupCalendar{Name: "soc", For: Group{Departments: []string{"SOC"}}, Calendar: calendar.Config{Zone: "Asia/Tokyo", Hours: calendar.Hours{From: "00:00", To: "24:00"}}}
	west := GroupCalendar{Name: "west", For: Group{Companies: []string{"Example West"}, Accounts: []string{"111122223333"}}, Calendar: calendar.Config{Zone: "America/Los_Angeles", Country: "none"}}
	person := func(p evidence.LookedPerson) evidence.Item {
		return lookup(evidence.Found, evidence.Body{Kind: evidence.LookPerson, Person: &p})
	}
	const upn = "sato.kaede@example.co.jp"
	for name, tt := range map[string]struct {
		calendars      []GroupCalendar
		looked         []evidence.Item
		name, why      string
		hours, unknown string
	}{
		"none":        {nil, nil, "", "", "true", ""},
		"of another":  {[]GroupCalendar{west}, []evidence.Item{person(evidence.LookedPerson{UPN: upn, Company: "Example"})}, "", "", "true", ""},
		"offshore":    {[]GroupCalendar{soc, west}, []evidence.Item{person(evidence.LookedPerson{UPN: upn, Department: "Data", Company: "example west"})}, "west", "account=111122223333", "false", ""},
		"not known":   {[]GroupCalendar{soc}, nil, "", "", "true", "soc"},
		"the account": {[]GroupCalendar{{Name: "night", For: Group{Accounts: []string{"111122223333"}}, Calendar: calendar.Config{Zone: "UTC"}}}, nil, "night", "account=111122223333", "false", ""},
	} {
		facts := lookedCase(t, Settings{Calendars: tt.calendars}, upn, tt.looked...)
		if got := facts.Get("event.business_hours", ""); map[int64]string{0: "false", 1: "true"}[got.Value.Num] != tt.hours {
			t.Errorf("%s: business hours %v; want %s", name, got.Value, tt.hours)
		}
		if got := facts.Get("calendar.name", ""); (got.State == Known) != (tt.name != "") || got.Value.Str != tt.name {
			t.Errorf("%s: calendar %v %q; want %q", name, got.State, got.Value.Str, tt.name)
		}
		if list := facts.Get("calendar.because", "").Value.List; tt.why != "" && (len(list) == 0 || list[0] != tt.why) {
			t.Errorf("%s: because %v; want %s", name, list, tt.why)
		}
		if list := facts.Get("calendar.undecided", "").Value.List; (tt.unknown != "") != (len(list) == 1) {
			t.Errorf("%s: undecided %v; want %s", name, list, tt.unknown)
		}
		if got := facts.Get("event.hour_local", ""); got.Value.Num != 13 {
			t.Errorf("%s: the reader's hour is %d", name, got.Value.Num)
		}
	}
}
