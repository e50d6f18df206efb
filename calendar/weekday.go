package calendar

import "time"

// WeekdayJA is the one-character name of a weekday, such as "火".
func WeekdayJA(d time.Weekday) string {
	if d < time.Sunday || d > time.Saturday {
		return ""
	}
	return [...]string{"日", "月", "火", "水", "木", "金", "土"}[d]
}

// WeekdayEN is the three-letter name of a weekday, such as "Tue".
func WeekdayEN(d time.Weekday) string {
	if d < time.Sunday || d > time.Saturday {
		return ""
	}
	return [...]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}[d]
}
