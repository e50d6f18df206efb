package fact

import (
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
)

// A fact over an answer whose beginning has aged out is one over the rest, at a whole hour; no other
// kind of hole moves the window.
func TestWindowLeavesOutWhatAgedOut(t *testing.T) {
	at := func(day, hour, minute int) time.Time { return time.Date(2025, 9, day, hour, minute, 0, 0, time.UTC) }
	asked := query.Window{From: at(1, 4, 20), To: at(9, 0, 0)}
	for name, tt := range map[string]struct {
		state evidence.State
		why   evidence.Reason
		from  time.Time
		to    time.Time
		want  time.Time
	}{
		"aged out":                {evidence.Unknown, evidence.WhyRetention, asked.From, at(2, 5, 30), at(2, 6, 0)},
		"aged out to the hour":    {evidence.Unknown, evidence.WhyRetention, asked.From, at(2, 5, 0), at(2, 5, 0)},
		"a hole at the beginning": {evidence.Unknown, evidence.WhyHole, asked.From, at(2, 5, 30), asked.From},
		"a hole in the middle":    {evidence.Unknown, evidence.WhyRetention, at(3, 0, 0), at(4, 0, 0), asked.From},
		"all of it":               {evidence.Unknown, evidence.WhyRetention, asked.From, asked.To, asked.From},
		"seen":                    {evidence.Collected, evidence.WhyRecords, asked.From, at(2, 5, 30), asked.From},
	} {
		tab := newTable(evidence.Answered{Item: evidence.Item{Ask: query.Query{Window: asked}, Coverage: []evidence.Coverage{
			{State: tt.state, Why: tt.why, Window: query.Window{From: tt.from, To: tt.to}},
		}}})
		if w := tab.window(); !w.From.Equal(tt.want) || !w.To.Equal(asked.To) {
			t.Errorf("%s: the window is %s to %s; want it from %s", name, w.From, w.To, tt.want)
		}
	}
}
