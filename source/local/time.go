package local

import (
	"strings"
	"time"
)

// layouts are the forms of time that logs use, after the fast path for CloudTrail's own.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 Z07:00",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	"1/2/2006, 3:04:05.999999999 PM",
	"1/2/2006 3:04:05 PM",
	"1/2/2006, 15:04:05",
	"02/Jan/2006:15:04:05 -0700", // server access logs of Amazon S3
	"20060102 15:04:05",          // audit plugin of MariaDB
}

// micros reads a time as microseconds since 1970 UTC; a form without zone is UTC.
func micros(s string) (int64, bool) {
	if len(s) == 20 && s[19] == 'Z' && s[10] == 'T' {
		if us, ok := fast(s); ok {
			return us, true
		}
	}
	s = strings.TrimSpace(s)
	if len(s) < 8 || len(s) > 40 {
		return 0, false
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			if y := t.Year(); y < 1 || y > 9999 {
				return 0, false
			}
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

// fast reads "2006-01-02T15:04:05Z".
func fast(s string) (int64, bool) {
	num := func(i, n int) int {
		v := 0
		for _, c := range []byte(s[i : i+n]) {
			if c < '0' || c > '9' {
				return -1 << 20
			}
			v = v*10 + int(c-'0')
		}
		return v
	}
	y, mo, d, h, mi, sec := num(0, 4), num(5, 2), num(8, 2), num(11, 2), num(14, 2), num(17, 2)
	if y < 1 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 || sec > 59 ||
		s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	t := time.Date(y, time.Month(mo), d, h, mi, sec, 0, time.UTC)
	if t.Day() != d {
		return 0, false
	}
	return t.UnixMicro(), true
}
