package calendar

import "time"

// A Quarter is a number of events in a quarter of an hour of UTC.
type Quarter struct {
	Start time.Time
	Count int
}

// FoldQuarters sums quarters by weekday (Sunday is 0) and hour in the calendar's zone.
//
// Sources count by quarters of an hour of UTC because every offset of today's
// zones is a multiple of 15 minutes: an hour of India (+05:30) or Nepal (+05:45)
// is a union of such quarters, an hour of UTC is not. Each quarter is placed by
// its own start, so summer time needs no special case: the hour that a clock
// shows twice is counted twice, the one it skips stays empty.
func (c Calendar) FoldQuarters(quarters []Quarter) [7][24]int {
	var grid [7][24]int
	for _, q := range quarters {
		l := c.Local(q.Start)
		grid[l.Weekday()][l.Hour()] += q.Count
	}
	return grid
}
