package reread

import (
	"strconv"
	"strings"
	"time"
)

// A clock brings times to the case's zone.
type clock interface {
	Local(t time.Time) time.Time
	ZoneName(t time.Time) string
}

// digits reads a run of ASCII digits.
func (t *tape) digits() string {
	var b strings.Builder
	for t.at < len(t.atoms) && t.atoms[t.at].r >= '0' && t.atoms[t.at].r <= '9' {
		b.WriteRune(t.atoms[t.at].r)
		t.at++
	}
	return b.String()
}

// integer reads a number in its one form: groups of three digits with commas between.
func (t *tape) integer() (n int64, ok bool) {
	sign := ""
	if t.try("-") {
		sign = "-"
	}
	all := t.digits()
	first := len(all)
	groups := 0
	for t.at+1 < len(t.atoms) && t.atoms[t.at].r == ',' && t.atoms[t.at+1].r >= '0' && t.atoms[t.at+1].r <= '9' {
		t.at++
		g := t.digits()
		if len(g) != 3 {
			return 0, t.no("a number is grouped in other than threes")
		}
		all += g
		groups++
	}
	n, err := strconv.ParseInt(sign+all, 10, 64)
	switch {
	case err != nil:
		return 0, t.no("a number was expected where it says %q", head(t.rest()))
	case first > 3 || groups > 0 && first == 0 || len(all) > 1 && all[0] == '0' || sign != "" && n == 0:
		return 0, t.no("a number is not in its form")
	}
	return n, true
}

// plainInteger reads a number without groups: a code, or a day of a date.
func (t *tape) plainInteger() (int64, bool) {
	sign := ""
	if t.try("-") {
		sign = "-"
	}
	s := t.digits()
	n, err := strconv.ParseInt(sign+s, 10, 64)
	if err != nil || len(s) > 1 && s[0] == '0' {
		return 0, t.no("a number was expected where it says %q", head(t.rest()))
	}
	return n, true
}

// same reads a number and holds it against what it should be.
func (t *tape) same(want int64) bool {
	got, ok := t.integer()
	if ok && got != want {
		return t.no("it says %d; the evidence says %d", got, want)
	}
	return ok
}

// tenths reads a number with one decimal.
func (t *tape) tenths(want int64) bool {
	negative := t.try("-")
	whole, ok := t.integer()
	if !ok || !t.literal(".") {
		return false
	}
	d := t.digits()
	if len(d) != 1 || whole < 0 {
		return t.no("a number with one decimal was expected")
	}
	got := whole*10 + int64(d[0]-'0')
	if negative {
		got = -got
	}
	if got != want || negative && got == 0 {
		return t.no("it says %d tenths; the evidence says %d", got, want)
	}
	return true
}

// padded reads a number of exactly so many digits.
func (t *tape) padded(width int) (int, bool) {
	s := t.digits()
	if len(s) != width {
		return 0, t.no("%d digits were expected", width)
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// instant reads a date, its weekday, a time and its zone: 2025-09-09（火）13:20:05 JST. The
// weekday is computed from the date that was read, not from what was expected.
func (t *tape) instant(want time.Time) bool {
	var date, clock [3]int
	negative := t.try("-")
	year := t.digits()
	if len(year) < 4 || len(year) > 4 && year[0] == '0' {
		return t.no("a date was expected where it says %q", head(t.rest()))
	}
	date[0], _ = strconv.Atoi(year)
	if negative {
		date[0] = -date[0]
	}
	for i := 1; i < 3; i++ {
		var ok bool
		if !t.literal("-") {
			return false
		} else if date[i], ok = t.padded(2); !ok {
			return false
		}
	}
	before, after := " (", ") "
	if t.ja() {
		before, after = "（", "）"
	}
	day := t.word(weekdays[weekdayOf(date[0], date[1], date[2])])
	if !t.ja() {
		day = day[:3]
	}
	if !t.literal(before) || !t.literal(day) || !t.literal(after) {
		return false
	}
	for i := range 3 {
		var ok bool
		if i > 0 && !t.literal(":") {
			return false
		} else if clock[i], ok = t.padded(2); !ok {
			return false
		}
	}
	nanos := 0
	if t.try(".") {
		s := t.digits()
		if s == "" || len(s) > 6 || s[len(s)-1] == '0' {
			return t.no("a fraction of a second is not in its form")
		}
		nanos, _ = strconv.Atoi((s + "00000000")[:9])
	}
	local := t.clock.Local(want)
	if date != [3]int{local.Year(), int(local.Month()), local.Day()} || clock != [3]int{local.Hour(), local.Minute(), local.Second()} ||
		nanos != local.Nanosecond()/1000*1000 {
		return t.no("it says %v %v; the evidence says %s", date, clock, local.Format(time.RFC3339Nano))
	}
	return t.literal(" ") && t.literal(t.clock.ZoneName(want))
}

var weekdays = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// weekdayOf is the day of the week of a date, by Zeller's congruence; 0 is Sunday.
func weekdayOf(y, m, d int) int {
	if m < 3 {
		y, m = y-1, m+12
	}
	century, year := floorDiv(y, 100), y-100*floorDiv(y, 100)
	h := d + 13*(m+1)/5 + year + year/4 + floorDiv(century, 4) - 2*century
	return (((h - 1) % 7) + 7) % 7
}

func floorDiv(a, b int) int {
	if q := a / b; a%b >= 0 {
		return q
	}
	return a/b - 1
}
