package finding

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are the ways in which times were seen written. A fraction of any length
// is read after the seconds of each. Without a zone a time is UTC.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05", // as log pipelines rewrite it
}

// parseTime reads a time in UTC, in microseconds: text in one of the layouts, or seconds
// or milliseconds since 1970 as a number or as text. What is no time is the zero time.
func parseTime(v any) time.Time {
	var text string
	switch v := v.(type) {
	case string:
		text = strings.TrimSpace(v)
	case json.Number:
		text = v.String()
	default:
		return time.Time{}
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, text); err == nil {
			t = t.UTC().Truncate(time.Microsecond)
			return plausible(t)
		}
	}
	return epoch(text)
}

// epoch reads a number since 1970. From 100,000,000,000 on it is milliseconds, since as
// seconds that were the year 5138. A float64 is exact enough: GuardDuty sends milliseconds.
func epoch(text string) time.Time {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n <= 0 || n >= 1e16 {
		return time.Time{}
	}
	if n >= 1e11 {
		n /= 1000
	}
	return plausible(time.UnixMicro(int64(math.Round(n * 1e6))).UTC())
}

// plausible is the zero time for what is no time of a finding. The bounds are wide; they keep a
// window that is laid around a time within the years that questions know.
func plausible(t time.Time) time.Time {
	if y := t.Year(); y < 1970 || y > 2999 {
		return time.Time{}
	}
	return t
}
