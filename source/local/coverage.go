package local

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"uratori/evidence"
	"uratori/query"
)

// minBusy is how many records the same hours of other days hold on average where a hole means
// that something was not collected, not merely quiet.
const minBusy = 5

const hour = int64(time.Hour / time.Microsecond)

// kindSQL tells the kind of record of a CloudTrail row. A Lambda or S3 event is a data event
// when the record says so; other services' data events have a kind of their own.
const kindSQL = `CASE WHEN coalesce(event_category, '') = 'Data' OR (event_category IS NULL AND management_event = FALSE)
	THEN CASE event_source WHEN 's3.amazonaws.com' THEN 's3_data' WHEN 'lambda.amazonaws.com' THEN 'lambda_data' ELSE 'other_data' END
	WHEN coalesce(event_category, 'Management') = 'Management' THEN 'cloudtrail_management' ELSE 'other' END`

// countHours counts the records of each kind by hour: what coverage is derived from.
func countHours(ctx context.Context, conn *sql.Conn) error {
	for _, st := range []string{
		"DELETE FROM hours",
		fmt.Sprintf("INSERT INTO hours SELECT %s, coalesce(account, ''), coalesce(region, ''), event_time // %d, count(*) FROM cloudtrail GROUP BY ALL", kindSQL, hour),
		fmt.Sprintf("INSERT INTO hours SELECT CASE WHEN interactive = FALSE OR category = 'NonInteractiveUserSignInLogs' THEN 'signin_noninteractive' ELSE 'signin' END, '', '', event_time // %d, count(*) FROM signin GROUP BY ALL", hour),
	} {
		if _, err := conn.ExecContext(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// A mark is what is known of one stretch of the window.
type mark struct {
	from, to int64 // microseconds, half-open
	state    evidence.State
	why      evidence.Reason
	detail   string
	trails   []string // that were logging then
}

// Covers tells what the store holds of a scope, interval by interval: by the configuration's
// assertions first, then by records, by holes between them, and by the trails' settings.
func (s *Store) Covers(ctx context.Context, scope query.Scope) (_ []evidence.Coverage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("coverage of %s in %s: %w", scope.Kind, s.Name(), err)
		}
	}()
	from, to := scope.Window.From.UnixMicro(), scope.Window.To.UnixMicro()
	if from >= to {
		return nil, fmt.Errorf("the window from %s to %s is empty", query.Stamp(scope.Window.From), query.Stamp(scope.Window.To))
	}
	counts, err := s.hourCounts(ctx, scope)
	if err != nil {
		return nil, err
	}
	trails, err := s.trailsOf(ctx, scope)
	if err != nil {
		return nil, err
	}
	marks := byHour(from, to, counts)
	if spec, ok := query.KindOf(scope.Kind); ok && spec.Dataset == query.CloudTrail {
		marks = trails.over(scope.Kind, marks)
	}
	for _, a := range s.opt.Assert {
		if a.Kind == scope.Kind && (a.Account == "" || a.Account == scope.Account) && (a.Region == "" || a.Region == scope.Region) {
			marks = assert(marks, a)
		}
	}
	return s.intervals(scope, marks), nil
}

func (s *Store) hourCounts(ctx context.Context, scope query.Scope) (map[int64]int64, error) {
	q, args := "SELECT hour, sum(n)::BIGINT FROM hours WHERE kind = ?", []any{scope.Kind}
	if scope.Account != "" {
		q, args = q+" AND account = ?", append(args, scope.Account)
	}
	if scope.Region != "" {
		q, args = q+" AND region = ?", append(args, scope.Region)
	}
	rows, err := s.db.QueryContext(ctx, q+" GROUP BY hour", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[int64]int64{}
	for rows.Next() {
		var h, n int64
		if err := rows.Scan(&h, &n); err != nil {
			return nil, err
		}
		counts[h] = n
	}
	return counts, rows.Err()
}

// byHour judges each hour of the window: Collected if a record stands in it or in both hours
// beside it; else it is part of a hole, which is Unknown, or NotCollected where the same hours
// of the other days are busy.
func byHour(from, to int64, counts map[int64]int64) []mark {
	if len(counts) == 0 {
		return []mark{{from: from, to: to, state: evidence.Unknown, why: evidence.WhyNoRecords}}
	}
	first, last := int64(1<<62), int64(-1<<62)
	for h := range counts {
		first, last = min(first, h), max(last, h)
	}
	collected := func(h int64) bool { return counts[h] > 0 || counts[h-1] > 0 && counts[h+1] > 0 }
	var out []mark
	for h := floorDiv(from, hour); h*hour < to; {
		m := mark{from: max(from, h*hour), state: evidence.Collected, why: evidence.WhyRecords}
		start := h
		for ; h*hour < to && collected(h) == collected(start); h++ {
		}
		m.to = min(to, h*hour)
		if !collected(start) {
			m.state, m.why = evidence.Unknown, evidence.WhyHole
			if busy(counts, holeAround(start, first, last, collected), first, last) {
				m.state = evidence.NotCollectedState
			}
		}
		out = append(out, m)
	}
	return out
}

// holeAround is the whole hole that an hour is part of, inside the time that records span.
func holeAround(h, first, last int64, collected func(int64) bool) [2]int64 {
	lo, hi := h, h+1
	for lo-1 >= first && h-lo < 24*7 && !collected(lo-1) {
		lo--
	}
	for hi <= last && hi-h < 24*7 && !collected(hi) {
		hi++
	}
	return [2]int64{lo, hi}
}

// busy tells whether the same hours of the other days hold enough records on average. A hole
// outside the time that records span is no hole among them: it is only unknown.
func busy(counts map[int64]int64, hole [2]int64, first, last int64) bool {
	if hole[0] < first || hole[1] > last+1 {
		return false
	}
	var sum, n int64
	for h := hole[0]; h < hole[1] && h < hole[0]+24; h++ {
		for d := h - (h-first)/24*24; d <= last; d += 24 {
			if d < hole[0] || d >= hole[1] {
				sum += counts[d]
				n++
			}
		}
	}
	return n > 0 && sum >= minBusy*n
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// assert lays an assertion over the marks.
func assert(marks []mark, a Assertion) []mark {
	from, to := int64(-1<<62), int64(1<<62)
	if !a.From.IsZero() {
		from = a.From.UnixMicro()
	}
	if !a.To.IsZero() {
		to = a.To.UnixMicro()
	}
	why := a.Why
	if why == "" {
		why = evidence.WhyAsserted
	}
	return overlay(marks, from, to, func(m mark) mark {
		m.state, m.why, m.detail = a.State, why, ""
		return m
	})
}

// overlay changes the parts of the marks that lie in [from, to).
func overlay(marks []mark, from, to int64, change func(mark) mark) []mark {
	var out []mark
	for _, m := range marks {
		lo, hi := max(m.from, from), min(m.to, to)
		if lo >= hi {
			out = append(out, m)
			continue
		}
		if m.from < lo {
			before := m
			before.to = lo
			out = append(out, before)
		}
		in := m
		in.from, in.to = lo, hi
		out = append(out, change(in))
		if hi < m.to {
			after := m
			after.from = hi
			out = append(out, after)
		}
	}
	return out
}

// intervals joins equal neighbours and names the scope.
func (s *Store) intervals(scope query.Scope, marks []mark) []evidence.Coverage {
	var out []evidence.Coverage
	for _, m := range marks {
		c := evidence.Coverage{
			Source: s.Name(), Kind: scope.Kind, Account: scope.Account, Region: scope.Region,
			Window: query.Window{From: time.UnixMicro(m.from).UTC(), To: time.UnixMicro(m.to).UTC()},
			State:  m.state, Why: m.why, Detail: m.detail, Trails: m.trails,
		}
		if n := len(out); n > 0 && out[n-1].State == c.State && out[n-1].Why == c.Why && out[n-1].Detail == c.Detail && slices.Equal(out[n-1].Trails, c.Trails) {
			out[n-1].Window.To = c.Window.To
			continue
		}
		out = append(out, c)
	}
	return out
}
