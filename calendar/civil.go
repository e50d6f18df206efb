package calendar

import (
	"fmt"
	"time"
)

// A civil is a date without a zone.
type civil struct {
	year  int
	month time.Month
	day   int
}

func civilOf(t time.Time) civil {
	y, m, d := t.Date()
	return civil{y, m, d}
}

// noon keeps date arithmetic away from midnight, where zones have their surprises.
func (d civil) noon() time.Time { return time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC) }

func (d civil) plus(days int) civil { return civilOf(d.noon().AddDate(0, 0, days)) }

func (d civil) weekday() time.Weekday { return d.noon().Weekday() }

func (d civil) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, int(d.month), d.day) }

// nthMonday is the nth Monday of the month, as the Happy Monday Act counts them.
func nthMonday(year int, month time.Month, n int) civil {
	first := civil{year, month, 1}
	return first.plus((int(time.Monday-first.weekday())+7)%7 + 7*(n-1))
}
