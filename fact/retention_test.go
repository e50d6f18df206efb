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

// What has aged out was perhaps collected: that the source which says so holds no records of its own does
// not make it "not collected". A log that is known to have been off stays so.
func TestGapOfWhatAgedOut(t *testing.T) {
	at := time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	gone := evidence.Coverage{State: evidence.Unknown, Why: evidence.WhyRetention, Window: query.Window{From: at, To: at.AddDate(0, 0, 1)}}
	rest := evidence.Coverage{State: evidence.NotCollectedState, Why: evidence.WhyNotHeld, Window: query.Window{From: at.AddDate(0, 0, 1), To: at.AddDate(0, 0, 2)}}
	off := rest
	off.Why = evidence.WhySetting
	for name, tt := range map[string]struct {
		coverage []evidence.Coverage
		want     evidence.Outcome
	}{
		"aged out, and the rest lies elsewhere": {[]evidence.Coverage{gone, rest}, evidence.Empty},
		"aged out, and the rest was off":        {[]evidence.Coverage{gone, off}, evidence.NotCollected},
		"nothing aged out":                      {[]evidence.Coverage{rest}, evidence.NotCollected},
	} {
		item := evidence.Item{Scope: query.Scope{Kind: query.KindEKSAudit}, Coverage: tt.coverage, Answer: evidence.Answer{Outcome: evidence.Empty}}
		if got := gapOf(evidence.Answered{Item: item}); got.Outcome != tt.want || got.Key != query.KindEKSAudit {
			t.Errorf("%s: %+v; want %s", name, got, tt.want)
		}
	}
}
