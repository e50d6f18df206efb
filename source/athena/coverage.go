package athena

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/coverage"
)

// around is how far before and after a window records are counted: whether a hole is one is told
// by the same hours of the days beside it.
const around = 3 * 24 * time.Hour

// fresh is how long counts are kept.
const fresh = 10 * time.Minute

// maxPlanned is the longest time that is counted because several questions are about it.
const maxPlanned = 45 * 24 * time.Hour

// maxHours bounds the hours of one count: ten years.
const maxHours = 10 * 366 * 24

// An hourList is the records of each kind by hour, as they were counted at a time.
type hourList struct {
	taken           time.Time
	account, region string
	window          query.Window
	kinds           map[string]map[int64]int64
	doc             source.Document
}

// Prepare remembers the time that the questions of a round are about, so that it is counted once
// for all of them.
func (s *Source) Prepare(qs []query.Query) {
	var all query.Window
	for _, q := range qs {
		if q.Dataset != query.CloudTrail || !q.Window.From.Before(q.Window.To) {
			continue
		}
		w := s.counts(q.Window)
		if all.From.IsZero() {
			all = w
		}
		if w.From.Before(all.From) {
			all.From = w.From
		}
		if w.To.After(all.To) {
			all.To = w.To
		}
	}
	if all.To.Sub(all.From) > maxPlanned {
		all = query.Window{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = all
}

// counts is the window that is counted to judge another.
func (s *Source) counts(w query.Window) query.Window {
	out := query.Window{From: w.From.UTC().Add(-around).Truncate(24 * time.Hour), To: w.To.UTC().Add(around).Truncate(24 * time.Hour)}
	if last := s.opt.Now().UTC().Add(time.Hour).Truncate(time.Hour); out.To.After(last) {
		out.To = last
	}
	return out
}

// counted is a count that is still fresh and tells of the scope and all of the window.
func (s *Source) counted(scope query.Scope, w query.Window, now time.Time) (hourList, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.hours {
		if l.account == scope.Account && l.region == scope.Region && !w.From.Before(l.window.From) && !w.To.After(l.window.To) &&
			now.Sub(l.taken) <= fresh && !now.Before(l.taken) {
			return l, true
		}
	}
	return hourList{}, false
}

// Covers tells what the table holds of a scope, interval by interval: by the records in each hour
// and by the holes between them, by what the trails record in quiet hours, by how long the table keeps records and how late they are
// delivered, and by the configuration's assertions, which win. What could not be counted is
// Unknown, and why stands in its Detail.
func (s *Source) Covers(ctx context.Context, scope query.Scope) (_ []evidence.Coverage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("coverage of %s in %s: %w", scope.Kind, s.Name(), err)
		}
	}()
	from, to := scope.Window.From.UnixMicro(), scope.Window.To.UnixMicro()
	if from >= to {
		return nil, fmt.Errorf("the window from %s to %s is empty: %w", query.Stamp(scope.Window.From), query.Stamp(scope.Window.To), source.ErrInvalid)
	}
	all := func(st evidence.State, why evidence.Reason, detail string) []coverage.Mark {
		return []coverage.Mark{{From: from, To: to, State: st, Why: why, Detail: detail}}
	}
	var t tally
	table, err := s.describe(ctx, &t)
	var marks []coverage.Mark
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		marks = all(evidence.Unknown, evidence.WhyNoResponse, err.Error())
	case !slices.Contains(table.kinds(s.opt), scope.Kind):
		marks = all(evidence.NotCollectedState, evidence.WhyNotHeld, "")
	default:
		list, err := s.count(ctx, &t, table, scope)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			marks = all(evidence.Unknown, evidence.WhyNoResponse, err.Error())
		default:
			marks = coverage.ByHour(from, to, list.kinds[scope.Kind])
			if marks, err = s.quiet(ctx, scope, marks); err != nil {
				return nil, err
			}
			marks = s.limits(marks)
		}
	}
	return coverage.Intervals(s.Name(), scope, coverage.Assert(marks, scope, s.opt.Assert)), nil
}

// quiet lays what the trails record over the hours in which the table holds no record. Records that
// stand there are stronger than any setting, and a hole where the same hours of other days are busy
// stays one, unless the trail was stopped then.
func (s *Source) quiet(ctx context.Context, scope query.Scope, marks []coverage.Mark) ([]coverage.Mark, error) {
	if s.opt.Trails == nil || !slices.ContainsFunc(marks, func(m coverage.Mark) bool { return m.State != evidence.Collected }) {
		return marks, nil
	}
	told, err := s.opt.Trails(ctx, scope)
	if err != nil {
		return nil, err
	}
	for _, c := range told {
		if c.State == evidence.Unknown {
			continue // limited to some resources, not known, or past what is known of it
		}
		marks = coverage.Overlay(marks, c.Window.From.UnixMicro(), c.Window.To.UnixMicro(), func(m coverage.Mark) coverage.Mark {
			busy := m.State == evidence.NotCollectedState && c.Why != evidence.WhyStopped
			if m.State == evidence.Collected || busy {
				return m
			}
			m.State, m.Why, m.Detail, m.Trails = c.State, c.Why, c.Detail, c.Trails
			return m
		})
	}
	return marks, nil
}

// limits lays over the marks what is older than the table keeps, and what may be on its way.
func (s *Source) limits(marks []coverage.Mark) []coverage.Mark {
	now := s.opt.Now()
	if s.opt.Retention > 0 {
		marks = coverage.Overlay(marks, -1<<62, now.Add(-s.opt.Retention).UnixMicro(), func(m coverage.Mark) coverage.Mark {
			m.State, m.Why, m.Detail, m.Trails = evidence.Unknown, evidence.WhyRetention, "", nil
			return m
		})
	}
	return coverage.Overlay(marks, now.Add(-s.opt.Delay).UnixMicro(), 1<<62, func(m coverage.Mark) coverage.Mark {
		m.State, m.Why = evidence.Unknown, evidence.WhyDelay
		return m
	})
}

// kindSQL tells the kind of an event, as package local does. An event that says nothing of its
// category is a management event where the table tells that; else it is of no kind.
const kindSQL = `CASE WHEN coalesce("event_category", '') = 'Data' OR ("event_category" IS NULL AND "management_event" = FALSE) THEN CASE "event_source" WHEN 's3.amazonaws.com' THEN 's3_data' WHEN 'lambda.amazonaws.com' THEN 'lambda_data' WHEN 'bedrock.amazonaws.com' THEN 'bedrock_data' ELSE 'other_data' END WHEN "event_category" = 'Management' OR ("event_category" IS NULL AND "management_event" = TRUE) THEN 'cloudtrail_management' ELSE 'other' END`

// count counts the records of a scope's account and Region by kind and hour, around its window.
func (s *Source) count(ctx context.Context, t *tally, table *table, scope query.Scope) (hourList, error) {
	now := s.opt.Now()
	w := s.counts(scope.Window)
	if !w.To.After(w.From) { // all of it lies ahead
		return hourList{}, nil
	}
	// One count at a time: what the first counts may serve the next.
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return hourList{}, context.Cause(ctx)
	}
	list, ok := s.counted(scope, w, now)
	if !ok {
		s.mu.Lock()
		p := s.planned
		s.mu.Unlock()
		if p.From.Before(p.To) && !w.From.Before(p.From) && !w.To.After(p.To) {
			w = p
		}
		st, err := counting(table, s.opt, w, scope)
		if err != nil {
			return hourList{}, err
		}
		rows, err := s.run(ctx, t, st.sql, len(st.columns), maxHours)
		if err != nil {
			return hourList{}, err
		}
		if list, err = s.read(st, rows); err != nil {
			return hourList{}, err
		}
		list.taken, list.account, list.region, list.window = now, scope.Account, scope.Region, w
		s.mu.Lock()
		s.hours = append(slices.DeleteFunc(s.hours, func(l hourList) bool { return now.Sub(l.taken) > fresh }), list)
		s.mu.Unlock()
	}
	source.Witness(ctx, list.doc)
	return list, nil
}

// counting prints the query that counts.
func counting(table *table, opt Options, w query.Window, scope query.Scope) (statement, error) {
	schema, _ := query.SchemaOf(query.CloudTrail)
	c := &compiler{table: table, schema: schema}
	q := query.Query{Dataset: query.CloudTrail, Window: w}
	var terms []query.Expr
	for _, f := range []struct {
		name  query.Field
		value string
	}{{"account", scope.Account}, {"region", scope.Region}} {
		if f.value != "" {
			terms = append(terms, query.Compare{Field: f.name, Op: query.Equal, Value: query.TextOf(f.value)})
		}
	}
	q.Where = query.And{Terms: terms}
	kind := kindSQL
	for _, f := range []query.Field{query.EventID, query.EventTime, "event_source", "event_category", "management_event"} {
		if err := table.holds(schema, f); err == nil {
			c.column(f)
			continue
		} else if f != "management_event" {
			return statement{}, err
		}
		kind = strings.ReplaceAll(kind, `"management_event"`, "CAST(NULL AS boolean)")
	}
	for _, f := range conditionFields(q.Where) {
		if err := table.holds(schema, f); err != nil {
			return statement{}, err
		}
	}
	from, _, err := c.from(opt, q)
	if err != nil {
		return statement{}, err
	}
	st := statement{
		sql: fmt.Sprintf("%s\nSELECT %s AS \"c1\", \"event_time\" / %d AS \"c2\", count(*) AS \"c3\"\nFROM \"found\"\nWHERE \"nth\" = 1 OR \"event_id\" IS NULL\nGROUP BY 1, 2\nORDER BY 1, 2",
			from, kind, coverage.Hour),
		columns: []columnOut{{name: "kind", typ: query.Text}, {name: "hour", typ: query.Int}, {name: "n", typ: query.Int}},
	}
	return st, st.check()
}

// read makes counts of a result, and the document that proves them.
func (s *Source) read(st statement, rows [][]*string) (hourList, error) {
	list := hourList{kinds: map[string]map[int64]int64{}}
	doc := struct {
		Query   string     `json:"query"`
		Columns []string   `json:"columns"`
		Rows    [][]string `json:"rows"`
	}{Query: st.sql, Columns: []string{"kind", "hour", "records"}, Rows: [][]string{}}
	for _, r := range rows {
		var cells [3]query.Value
		for i, c := range st.columns {
			v, err := c.value(r[i])
			if err == nil && v.Missing() {
				err = fmt.Errorf("a value is missing")
			}
			if err != nil {
				return list, fmt.Errorf("column %s: %w: %w", c.name, err, source.ErrUnavailable)
			}
			cells[i] = v
		}
		kind, hour := cells[0].Text(), cells[1].Int()
		if list.kinds[kind] == nil {
			list.kinds[kind] = map[int64]int64{}
		}
		list.kinds[kind][hour] += cells[2].Int()
		doc.Rows = append(doc.Rows, []string{kind, time.UnixMicro(hour * coverage.Hour).UTC().Format(time.RFC3339), fmt.Sprint(cells[2].Int())})
	}
	body, err := json.Marshal(doc)
	list.doc = source.Document{Source: s.Name(), Name: fmt.Sprintf("athena:GetQueryResults %s.%s records by hour", s.opt.Database, s.opt.Table), Body: body}
	return list, err
}
