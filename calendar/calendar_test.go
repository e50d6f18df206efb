package calendar

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustNew(t testing.TB, c Config) Calendar {
	t.Helper()
	cal, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	tm, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func TestBusinessTime(t *testing.T) {
	newYork := Config{Zone: "America/New_York", Hours: Hours{From: "08:30", To: "17:00"}}
	gulf := Config{Zone: "Asia/Riyadh", Workdays: []time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday}}
	company := Config{Extra: []Holiday{{Date: "2025-12-29", NameJA: "年末休業", NameEN: "Year-end closing"}}}
	whole := Config{Zone: "UTC", Hours: Hours{From: "00:00", To: "24:00"}, Workdays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}}
	tests := []struct {
		name       string
		config     Config
		at         string
		weekday    time.Weekday
		hour       int
		day, hours bool
	}{
		{"a Tuesday that a report once called a Monday", Config{}, "2025-09-09T03:00:00Z", time.Tuesday, 12, true, true},
		{"the first moment", Config{}, "2025-09-09T00:00:00Z", time.Tuesday, 9, true, true},
		{"just before the first moment", Config{}, "2025-09-08T23:59:59.999999999Z", time.Tuesday, 8, true, false},
		{"just before the end", Config{}, "2025-09-09T08:59:59.999999Z", time.Tuesday, 17, true, true},
		{"the end belongs to the evening", Config{}, "2025-09-09T09:00:00Z", time.Tuesday, 18, true, false},
		{"Friday in UTC, Saturday in Tokyo", Config{}, "2025-09-12T15:00:00Z", time.Saturday, 0, false, false},
		{"Sunday in UTC, Monday in Tokyo", Config{}, "2025-09-14T15:30:00Z", time.Monday, 0, false, false}, // 敬老の日
		{"a substitute holiday", Config{}, "2025-02-24T03:00:00Z", time.Monday, 12, false, false},
		{"the company is closed", company, "2025-12-29T03:00:00Z", time.Monday, 12, false, false},
		{"elsewhere it is an ordinary day", newYork, "2025-02-11T15:00:00Z", time.Tuesday, 10, true, true},
		{"half past eight in winter", newYork, "2025-02-12T13:30:00Z", time.Wednesday, 8, true, true},
		{"a minute before, in summer", newYork, "2025-07-02T12:29:00Z", time.Wednesday, 8, true, false},
		{"the working Sunday of the Gulf", gulf, "2025-09-14T07:00:00Z", time.Sunday, 10, true, true},
		{"its Friday", gulf, "2025-09-12T07:00:00Z", time.Friday, 10, false, false},
		{"round the clock", whole, "2025-09-13T23:59:59Z", time.Saturday, 23, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, when := mustNew(t, tt.config), at(t, tt.at)
			if got := c.Weekday(when); got != tt.weekday {
				t.Errorf("Weekday = %v, want %v", got, tt.weekday)
			}
			if got := c.Hour(when); got != tt.hour {
				t.Errorf("Hour = %d, want %d", got, tt.hour)
			}
			if got := c.BusinessDay(when); got != tt.day {
				t.Errorf("BusinessDay = %t, want %t", got, tt.day)
			}
			if got := c.BusinessHours(when); got != tt.hours {
				t.Errorf("BusinessHours = %t, want %t", got, tt.hours)
			}
		})
	}
}

func TestExtraHolidays(t *testing.T) {
	c := mustNew(t, Config{Extra: []Holiday{
		{Date: "2025-12-29", NameJA: "年末休業", NameEN: "Year-end closing"},
		{Date: "2026-01-01", NameJA: "創業記念日", NameEN: "Foundation day"},
	}})
	for date, want := range map[string]string{"2025-12-29": "Year-end closing", "2026-01-01": "Foundation day", "2026-01-12": "Coming of Age Day"} {
		got, ok := c.Holiday(at(t, date+"T12:00:00+09:00"))
		if !ok || got.NameEN != want || got.Date != date {
			t.Errorf("Holiday(%s) = %+v, %t, want %q", date, got, ok, want)
		}
	}
}

func TestZoneName(t *testing.T) {
	tests := []struct{ zone, at, want string }{
		{"", "2025-09-09T00:00:00Z", "JST"},
		{"UTC", "2025-09-09T00:00:00Z", "UTC"},
		{"America/New_York", "2025-07-01T00:00:00Z", "EDT"},
		{"America/New_York", "2025-01-01T00:00:00Z", "EST"},
		{"Asia/Tehran", "2025-09-09T00:00:00Z", "Asia/Tehran"},
		{"America/Sao_Paulo", "2025-09-09T00:00:00Z", "America/Sao_Paulo"},
		{"Asia/Kolkata", "2025-09-09T00:00:00Z", "IST"},
	}
	for _, tt := range tests {
		if got := mustNew(t, Config{Zone: tt.zone}).ZoneName(at(t, tt.at)); got != tt.want {
			t.Errorf("ZoneName in %q = %q, want %q", tt.zone, got, tt.want)
		}
	}
}

func TestNextBusinessDay(t *testing.T) {
	tests := []struct{ at, want string }{
		{"2025-09-09T12:00:00+09:00", "2025-09-10T00:00:00+09:00"},
		{"2025-09-12T23:59:59+09:00", "2025-09-16T00:00:00+09:00"}, // weekend and 敬老の日
		{"2026-05-01T09:00:00+09:00", "2026-05-07T00:00:00+09:00"}, // with a substitute holiday
		{"2026-09-18T09:00:00+09:00", "2026-09-24T00:00:00+09:00"}, // with a day between two holidays
		{"2019-04-26T09:00:00+09:00", "2019-05-07T00:00:00+09:00"}, // ten days
	}
	c := mustNew(t, Config{})
	for _, tt := range tests {
		if got := c.NextBusinessDay(at(t, tt.at)); !got.Equal(at(t, tt.want)) {
			t.Errorf("NextBusinessDay(%s) = %s, want %s", tt.at, got, tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"an unknown zone", Config{Zone: "Asia/Tokio"}, `unknown zone "Asia/Tokio"`},
		{"a path", Config{Zone: "../../etc/passwd"}, `unknown zone`},
		{"the machine's zone", Config{Zone: "Local"}, `depends on the machine`},
		{"hours that are no hours", Config{Hours: Hours{From: "9am"}}, `hours from: "9am" is no time of day`},
		{"a single digit", Config{Hours: Hours{From: "9:00"}}, `hours from: "9:00" is no time of day`},
		{"hours past midnight", Config{Hours: Hours{To: "25:00"}}, `hours to: "25:00"`},
		{"an empty day", Config{Hours: Hours{From: "18:00"}}, `18:00 to 18:00 are empty`},
		{"an eighth weekday", Config{Workdays: []time.Weekday{7}}, `7 is no weekday`},
		{"an unknown country", Config{Country: "FR"}, `"FR" are not known`},
		{"a date that is none", Config{Extra: []Holiday{{Date: "2026-02-30"}}}, `extra holiday 1: "2026-02-30" is no date`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.config)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestZeroCalendarIsSafe(t *testing.T) {
	var c Calendar
	when := at(t, "2025-09-09T03:00:00Z")
	if c.BusinessDay(when) || c.BusinessHours(when) || !c.NextBusinessDay(when).IsZero() || c.ZoneName(when) != "UTC" {
		t.Errorf("the zero Calendar claims business time")
	}
}

func TestWeekdayNames(t *testing.T) {
	var got []string
	for d := time.Sunday; d <= time.Saturday+1; d++ {
		got = append(got, WeekdayJA(d)+WeekdayEN(d))
	}
	want := []string{"日Sun", "月Mon", "火Tue", "水Wed", "木Thu", "金Fri", "土Sat", ""}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("names (-got +want):\n%s", d)
	}
}

// The weekday of any date against Zeller's congruence.
func TestWeekdayAgreesWithZeller(t *testing.T) {
	c := mustNew(t, Config{Zone: "UTC"})
	check := func(t interface {
		Errorf(string, ...any)
	}, y, m, d int,
	) {
		zy, zm := y, m
		if zm < 3 {
			zy, zm = zy-1, zm+12
		}
		h := (d + 13*(zm+1)/5 + zy%100 + zy%100/4 + zy/100/4 + 5*(zy/100)) % 7 // 0 is Saturday
		want := time.Weekday((h + 6) % 7)
		if got := c.Weekday(time.Date(y, time.Month(m), d, 13, 0, 0, 0, time.UTC)); got != want {
			t.Errorf("Weekday(%d-%d-%d) = %v, want %v", y, m, d, got, want)
		}
	}
	for _, y := range []int{1900, 1996, 2000, 2024, 2028, 2096, 2100} { // leap years and the centuries that are none
		for d := 26; d <= 28; d++ {
			check(t, y, 2, d)
			check(t, y, 3, d-25)
		}
		for d := 1; d <= 7; d++ {
			check(t, y, 2, d)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		check(rt, rapid.IntRange(1900, 2199).Draw(rt, "y"), rapid.IntRange(1, 12).Draw(rt, "m"), rapid.IntRange(1, 28).Draw(rt, "d"))
	})
}

func TestFoldQuarters(t *testing.T) {
	tests := []struct {
		name, zone string
		starts     []string
		weekday    time.Weekday
		hour, want int
	}{
		{"Tokyo", "Asia/Tokyo", []string{"2025-09-08T23:45:00Z", "2025-09-09T00:00:00Z", "2025-09-09T00:45:00Z", "2025-09-09T01:00:00Z"}, time.Tuesday, 9, 2},
		{"half past in India", "Asia/Kolkata", []string{"2025-09-09T03:15:00Z", "2025-09-09T03:30:00Z", "2025-09-09T04:15:00Z", "2025-09-09T04:30:00Z"}, time.Tuesday, 9, 2},
		{"three quarters in Nepal", "Asia/Kathmandu", []string{"2025-09-09T03:00:00Z", "2025-09-09T03:15:00Z", "2025-09-09T04:00:00Z", "2025-09-09T04:15:00Z"}, time.Tuesday, 9, 2},
		{"the hour that comes twice", "America/New_York", []string{"2025-11-02T05:00:00Z", "2025-11-02T06:45:00Z", "2025-11-02T07:00:00Z"}, time.Sunday, 1, 2},
		{"the hour that is skipped", "America/New_York", []string{"2025-03-09T06:45:00Z", "2025-03-09T07:00:00Z"}, time.Sunday, 2, 0},
		{"half an hour of summer time", "Australia/Lord_Howe", []string{"2025-04-05T14:30:00Z", "2025-04-05T15:00:00Z", "2025-04-05T15:15:00Z", "2025-04-05T15:30:00Z"}, time.Sunday, 1, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var qs []Quarter
			for _, s := range tt.starts {
				qs = append(qs, Quarter{Start: at(t, s), Count: 1})
			}
			if got := mustNew(t, Config{Zone: tt.zone}).FoldQuarters(qs)[tt.weekday][tt.hour]; got != tt.want {
				t.Errorf("%v %d:00 = %d, want %d", tt.weekday, tt.hour, got, tt.want)
			}
		})
	}
}

// Folding loses nothing, and a quarter lands where any moment inside it would.
func TestFoldingConserves(t *testing.T) {
	zones := []string{"Asia/Tokyo", "UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Eucla", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham", "America/New_York", "Pacific/Kiritimati"}
	rapid.Check(t, func(rt *rapid.T) {
		c, err := New(Config{Zone: rapid.SampledFrom(zones).Draw(rt, "zone")})
		if err != nil {
			rt.Fatal(err)
		}
		var sum int
		var want [7][24]int
		qs := make([]Quarter, rapid.IntRange(0, 50).Draw(rt, "n"))
		for i := range qs {
			start := time.Unix(900*rapid.Int64Range(946684800/900, 4102444800/900).Draw(rt, "quarter"), 0)
			qs[i] = Quarter{Start: start, Count: rapid.IntRange(0, 1_000_000).Draw(rt, "count")}
			sum += qs[i].Count
			inside := start.Add(time.Duration(rapid.Int64Range(0, int64(15*time.Minute)-1).Draw(rt, "inside")))
			want[c.Weekday(inside)][c.Hour(inside)] += qs[i].Count
		}
		got := c.FoldQuarters(qs)
		if d := cmp.Diff(got, want); d != "" {
			rt.Errorf("fold (-got +want):\n%s", d)
		}
		for _, day := range got {
			for _, n := range day {
				sum -= n
			}
		}
		if sum != 0 {
			rt.Errorf("folding lost %d", sum)
		}
	})
}

// Business hours are a part of business days, and the next business day is one, with none between.
func TestBusinessDaysAreConsistent(t *testing.T) {
	c := mustNew(t, Config{})
	rapid.Check(t, func(rt *rapid.T) {
		when := time.Unix(rapid.Int64Range(-400000000, 4000000000).Draw(rt, "t"), 0)
		if c.BusinessHours(when) && !c.BusinessDay(when) {
			rt.Errorf("%s: business hours outside a business day", when)
		}
		next := c.NextBusinessDay(when)
		if !c.BusinessDay(next) || !next.After(when) {
			rt.Errorf("NextBusinessDay(%s) = %s", when, next)
		}
		for d := c.Local(when).AddDate(0, 0, 1); d.Before(next); d = d.AddDate(0, 0, 1) {
			if c.BusinessDay(d) {
				rt.Errorf("NextBusinessDay(%s) = %s skips %s", when, next, d)
			}
		}
	})
}
