package fact

import (
	"cmp"
	"time"
)

// How much is read from the bucket as a rule, by this principal and by everyone, day by day.
var volumeDefs = []Def{
	{Key: "volume.reads", Families: bucketFamily, Rule: volumeReads, Type: Int, Kind: Computed, JA: "今回の読み取り要求", EN: "requests that read objects, this time", Says: "successful requests of the actor that read objects, an hour before and after"},
	{Key: "volume.own_days", Families: bucketFamily, Rule: ofDays("volume.own_most", func(d days) result { return d.counted(d.n) }), Type: Int, Kind: Computed, JA: "本人の読み取りがある過去の日数", EN: "earlier days on which the principal read", Says: "different local days of the 30 before with a read by the principal"},
	{Key: "volume.own_most", Families: bucketFamily, Rule: ofDays("volume.own_most", func(d days) result { return d.counted(d.most) }), Type: Int, Kind: Computed, JA: "本人の読み取りが最も多い日の要求", EN: "the principal's reads on its busiest earlier day", Says: "most requests on one of those days"},
	{Key: "volume.own_most_bytes", Families: bucketFamily, Rule: ofDays("volume.own_most", mostBytes), Type: Bytes, Kind: Computed, JA: "本人の転送量が最も多い日の量", EN: "the principal's bytes on its busiest earlier day", Says: "most bytes on one of those days"},
	{Key: "volume.bucket_days", Families: bucketFamily, Rule: ofDays("volume.bucket_most", func(d days) result { return d.counted(d.n) }), Type: Int, Kind: Computed, JA: "バケットの読み取りがある過去の日数", EN: "earlier days on which the bucket was read", Says: "different local days of the 30 before with a read by anyone"},
	{Key: "volume.bucket_most", Families: bucketFamily, Rule: ofDays("volume.bucket_most", func(d days) result { return d.counted(d.most) }), Type: Int, Kind: Computed, JA: "バケットの読み取りが最も多い日の要求", EN: "the bucket's reads on its busiest earlier day", Says: "most requests on one of those days, by anyone"},
	{Key: "volume.bucket_most_bytes", Families: bucketFamily, Rule: ofDays("volume.bucket_most", mostBytes), Type: Bytes, Kind: Computed, JA: "バケットの転送量が最も多い日の量", EN: "the bucket's bytes on its busiest earlier day", Says: "most bytes on one of those days, by anyone"},
	{Key: "volume.own_enough", Families: bucketFamily, Rule: ofDays("volume.own_most", func(d days) result { return d.has(d.n >= minDays) }), Type: Bool, Kind: Computed, JA: "比較に足りる本人の過去の日数", EN: "the principal's days are enough to compare", Says: "at least 5 days with reads"},
	{Key: "volume.bucket_enough", Families: bucketFamily, Rule: ofDays("volume.bucket_most", func(d days) result { return d.has(d.n >= minDays) }), Type: Bool, Kind: Computed, JA: "比較に足りるバケットの過去の日数", EN: "the bucket's days are enough to compare", Says: "at least 5 days with reads"},
	{Key: "volume.above_own", Families: bucketFamily, Rule: volumeAbove("volume.own_most"), Type: Bool, Kind: Computed, JA: "本人の過去の最多日を超える読み取り", EN: "above every earlier day of the principal", Says: "this time's requests or bytes exceed the busiest day; never with fewer than 5 days"},
	{Key: "volume.above_bucket", Families: bucketFamily, Rule: volumeAbove("volume.bucket_most"), Type: Bool, Kind: Computed, JA: "バケットの過去の最多日を超える読み取り", EN: "above every earlier day of the bucket", Says: "this time's requests or bytes exceed the busiest day; never with fewer than 5 days"},
}

const dayLong = 24 * time.Hour

// minDays are the fewest days that make a normal volume.
const minDays = 5

// A days is an answer by quarter hour, folded to local days.
type days struct {
	table
	n           int64 // days observed
	most, bytes int64 // most requests, and most bytes, on one day
}

func (v *view) days(key Key) (days, result, bool) {
	type read struct {
		d   days
		why result
		ok  bool
	}
	got := memo(v, "days "+string(key), func() read {
		t, why, ok := v.ask(key, "")
		if !ok {
			return read{why: why}
		}
		d := days{table: t}
		requests, bytes := map[string]int64{}, map[string]int64{}
		for i := range t.len() {
			day := v.cal.Local(t.time(i, "quarter")).Format(time.DateOnly)
			requests[day] += t.int(i, "n")
			bytes[day] += t.int(i, "bytes")
			d.most, d.bytes = max(d.most, requests[day]), max(d.bytes, bytes[day])
		}
		d.n = int64(len(requests))
		return read{d: d, ok: true}
	})
	return got.d, got.why, got.ok
}

func ofDays(key Key, get func(days) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if r := bucketOnly(v); r.state == NotApplicable {
			return r
		}
		d, why, ok := v.days(key)
		if !ok {
			return why
		}
		return get(d)
	}
}

// mostBytes are the bytes of the busiest day; records that carry none say nothing of how much it was.
func mostBytes(d days) result {
	if d.bytes == 0 && d.most > 0 {
		return notApplicable(d.ref())
	}
	return d.measured(Value{Type: Bytes, Num: d.bytes}, d.bytes > 0)
}

func volumeReads(v *view, _ string) result {
	return ofObjects(v, readAPIs, func(t table, rows []int) result { return t.counted(sumColumn(t, rows, "n")) })
}

// volumeAbove compares this time with the busiest of the days before. What was seen this time may be
// more than is known: that only makes "more" surer.
func volumeAbove(key Key) func(*view, string) result {
	return func(v *view, _ string) result {
		if b := bucketOnly(v); b.state == NotApplicable {
			return b
		}
		d, why, ok := v.days(key)
		if !ok {
			return why
		}
		reads, bytes := volumeReads(v, ""), impactBytes(v, "")
		switch {
		case reads.state == Unknown:
			return reads
		case reads.state == Known && reads.value.Num == 0:
			return notApplicable(reads.from...) // nothing was read
		}
		refs := compactRefs(append([]Ref{d.ref()}, reads.from...))
		if d.n < minDays {
			return result{state: Unknown, gap: Gap{Key: "volume"}, window: d.window(), from: refs}
		}
		over := reads.value.Num > d.most || d.bytes > 0 && bytes.value.Num > d.bytes
		switch {
		case over && !d.Exact, !over && reads.state == AtLeast:
			// Unseen days may have been busier; unseen requests may be more.
			gap := gapOf(d.Answered)
			if d.Exact {
				gap = reads.gap
			}
			return result{state: Unknown, gap: Gap{Key: cmp.Or(gap.Key, "volume"), Outcome: gap.Outcome}, window: d.window(), from: refs}
		}
		return result{state: Known, value: BoolOf(over), window: d.window(), from: refs}
	}
}
