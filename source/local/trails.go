package local

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/coverage"
)

// trails are the trails of an account as saved settings and the log itself tell of them.
type trails struct {
	known bool // settings were saved: what no trail records is NotCollected, not Unknown
	list  map[string]*trail
}

// A trail is one trail's settings over time.
type trail struct {
	name      string
	selectors coverage.Selectors // nil when not known
	changes   []change           // by time
	stopped   bool               // at the time the settings were saved
}

type change struct {
	at        int64
	logging   *bool
	selectors coverage.Selectors
	deleted   bool
	unread    bool // it set selectors that cannot be read
}

// The forms of the saved output (AWS CloudTrail API Reference: DescribeTrails,
// GetTrailStatus, GetEventSelectors).
type (
	describeTrails struct {
		TrailList []struct {
			Name     string
			TrailARN string
		} `json:"trailList"`
	}
	trailStatus struct {
		IsLogging *bool
	}
	eventSelectors struct {
		TrailARN string
	}
)

func trailName(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func accountOf(arn string) string {
	if p := strings.Split(arn, ":"); len(p) > 5 {
		return p[4]
	}
	return ""
}

// trailsOf are the trails of the scope's account. They are read once and kept until more is
// ingested: every question's coverage asks for them.
func (s *Store) trailsOf(ctx context.Context, scope query.Scope) (*trails, error) {
	s.trailsMu.Lock()
	defer s.trailsMu.Unlock()
	if t := s.trails[scope.Account]; t != nil {
		return t, nil
	}
	t, err := s.readTrails(ctx, scope)
	if err != nil {
		return nil, err
	}
	if s.trails == nil {
		s.trails = map[string]*trails{}
	}
	s.trails[scope.Account] = t
	return t, nil
}

// forgetTrails is called when the store has changed.
func (s *Store) forgetTrails() {
	s.trailsMu.Lock()
	defer s.trailsMu.Unlock()
	s.trails = nil
}

// readTrails reads the saved settings and the changes in the log.
func (s *Store) readTrails(ctx context.Context, scope query.Scope) (*trails, error) {
	t := &trails{list: map[string]*trail{}}
	docs, err := s.db.QueryContext(ctx, "SELECT name, body FROM documents ORDER BY name, sha256")
	if err != nil {
		return nil, err
	}
	defer docs.Close()
	statuses := map[string]bool{} // by file name
	for docs.Next() {
		var name, body string
		if err := docs.Scan(&name, &body); err != nil {
			return nil, err
		}
		t.read(name, []byte(body), scope.Account, statuses)
	}
	if err := docs.Err(); err != nil {
		return nil, err
	}
	for file, logging := range statuses {
		for _, tr := range t.list { // get-trail-status does not name its trail: the file does, or there is one only
			if strings.Contains(file, tr.name) || len(t.list) == 1 {
				tr.stopped = !logging
			}
		}
	}
	return t, s.trailChanges(ctx, scope, t)
}

func (t *trails) read(name string, body []byte, account string, statuses map[string]bool) {
	var d describeTrails
	if json.Unmarshal(body, &d) == nil && strings.Contains(string(body), `"trailList"`) {
		for _, x := range d.TrailList {
			if a := accountOf(x.TrailARN); account == "" || a == "" || a == account {
				t.trail(firstOf(x.Name, trailName(x.TrailARN)))
				t.known = true
			}
		}
		if len(d.TrailList) == 0 {
			t.known = true
		}
		return
	}
	var e eventSelectors
	if json.Unmarshal(body, &e) == nil && e.TrailARN != "" {
		if a := accountOf(e.TrailARN); account == "" || a == account {
			t.known = true
			if sel, err := coverage.ReadSelectors(body); err == nil {
				t.trail(trailName(e.TrailARN)).selectors = sel
			}
		}
		return
	}
	var st trailStatus
	if json.Unmarshal(body, &st) == nil && st.IsLogging != nil {
		statuses[name] = *st.IsLogging
	}
}

func (t *trails) trail(name string) *trail {
	if t.list[name] == nil {
		t.list[name] = &trail{name: name}
	}
	return t.list[name]
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// trailChanges reads the calls that changed the trails, successful ones only.
func (s *Store) trailChanges(ctx context.Context, scope query.Scope, t *trails) error {
	q := `SELECT event_time, event_name, trail_name, CASE event_name WHEN 'PutEventSelectors' THEN ` + extracted("'$.requestParameters'") + ` END FROM cloudtrail
		WHERE event_source = 'cloudtrail.amazonaws.com' AND error_code IS NULL AND trail_name IS NOT NULL
		AND event_name IN ('StopLogging', 'StartLogging', 'DeleteTrail', 'PutEventSelectors', 'CreateTrail')`
	var args []any
	if scope.Account != "" {
		q, args = q+" AND account = ?", append(args, scope.Account)
	}
	rows, err := s.db.QueryContext(ctx, q+" ORDER BY event_time, event_id", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	yes, no := true, false
	for rows.Next() {
		var at int64
		var api, name string
		var params *string
		if err := rows.Scan(&at, &api, &name, &params); err != nil {
			return err
		}
		c := change{at: at}
		switch api {
		case "StopLogging":
			c.logging = &no
		case "StartLogging":
			c.logging = &yes
		case "DeleteTrail":
			c.deleted = true
		case "PutEventSelectors":
			c.selectors = selectorsOfCall(params)
			c.unread = c.selectors == nil
		case "CreateTrail":
			c.logging = &no // a new trail does not log before StartLogging
		}
		tr := t.trail(name)
		tr.changes = append(tr.changes, c)
	}
	return rows.Err()
}

// selectorsOfCall reads the request of PutEventSelectors; nil when it cannot be read.
func selectorsOfCall(params *string) coverage.Selectors {
	if params == nil {
		return nil
	}
	sel, err := coverage.ReadSelectors([]byte(*params))
	if err != nil {
		return nil
	}
	return sel
}

// A trailState is what a trail did at one moment.
type trailState struct {
	recording bool
	stopped   bool // it would record but was stopped or deleted
	unknown   bool
}

// A cursor follows a trail through time.
type cursor struct {
	tr               *trail
	next             int // of the changes
	logging, deleted bool
	sel              coverage.Selectors
}

// follow begins before the trail's first change. Then a trail was the other way round than that
// change made it; saved settings tell of now.
func (tr *trail) follow() *cursor {
	c := &cursor{tr: tr, logging: !tr.stopped, sel: tr.selectors}
	for _, ch := range tr.changes {
		if ch.logging != nil {
			c.logging = !*ch.logging
			break
		}
		if ch.deleted {
			c.logging = true
			break
		}
	}
	return c
}

// to moves to a moment that is not before the last one.
func (c *cursor) to(when int64) {
	for ; c.next < len(c.tr.changes) && c.tr.changes[c.next].at <= when; c.next++ {
		ch := c.tr.changes[c.next]
		if ch.logging != nil {
			c.logging = *ch.logging
		}
		if ch.selectors != nil || ch.unread {
			c.sel = ch.selectors
		}
		c.deleted = c.deleted || ch.deleted
	}
}

// state tells what the trail does with a kind of record.
func (c *cursor) state(kind string) trailState {
	on := c.logging && !c.deleted
	switch {
	case c.sel == nil:
		// A trail whose selectors are not known records management events by default.
		if kind == query.KindManagement {
			return trailState{recording: on, stopped: !on}
		}
		return trailState{unknown: on, stopped: !on}
	case c.sel.Records(kind) == coverage.Nothing:
		return trailState{}
	case c.sel.Records(kind) == coverage.Partly: // whether what is asked for is in the part is not known
		return trailState{unknown: on, stopped: !on}
	}
	return trailState{recording: on, stopped: !on}
}

// logs tells whether the trail logs anything.
func (c *cursor) logs() bool {
	if c.sel == nil { // a trail whose selectors are not known records management events by default
		return c.logging && !c.deleted
	}
	return c.logging && !c.deleted && slices.ContainsFunc(slices.Collect(maps.Values(c.sel)), func(e coverage.Extent) bool { return e != coverage.Nothing })
}

// over lays what the trails say over the marks. Records that stand there are stronger than any
// setting; a busy hole stays what it is.
func (t *trails) over(kind string, marks []mark) []mark {
	if len(t.list) == 0 {
		if !t.known {
			return marks
		}
		return t.each(marks, func(m mark) mark {
			m.State, m.Why = evidence.NotCollectedState, evidence.WhyNoTrail
			return m
		})
	}
	names := slices.Sorted(maps.Keys(t.list))
	var cuts []int64
	cursors := make([]*cursor, len(names))
	for i, name := range names {
		cursors[i] = t.list[name].follow()
		for _, c := range t.list[name].changes {
			cuts = append(cuts, c.at)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []mark
	for _, m := range marks { // one after the other in time, as the cuts are
		for at := m.From; at < m.To; {
			for len(cuts) > 0 && cuts[0] <= at {
				cuts = cuts[1:]
			}
			part := m
			part.From = at
			if len(cuts) > 0 && cuts[0] < m.To {
				part.To = cuts[0]
			}
			out = append(out, t.during(kind, part, names, cursors))
			at = part.To
		}
	}
	return out
}

// during lays what the trails did at the beginning of a mark over it.
func (t *trails) during(kind string, m mark, names []string, cursors []*cursor) mark {
	recording, stopped, logging := []string{}, []string{}, []string{}
	unknown := false
	for i, c := range cursors {
		c.to(m.From)
		if c.logs() && t.known {
			logging = append(logging, names[i])
		}
		st := c.state(kind)
		switch {
		case st.recording:
			recording = append(recording, names[i])
		case st.stopped:
			stopped = append(stopped, names[i])
		}
		unknown = unknown || st.unknown
	}
	m = t.one(m, recording, stopped, unknown)
	m.Trails = logging
	return m
}

func (t *trails) each(marks []mark, change func(mark) mark) []mark {
	return coverage.Overlay(marks, -1<<62, 1<<62, func(m mark) mark {
		if m.Why == evidence.WhyRecords {
			return m
		}
		return change(m)
	})
}

func (t *trails) one(m mark, recording, stopped []string, unknown bool) mark {
	if m.Why == evidence.WhyHole && m.State == evidence.NotCollectedState && len(stopped) == 0 {
		return m
	}
	switch {
	case len(recording) > 0 && t.known:
		m.State, m.Why, m.Detail = evidence.Collected, evidence.WhySelectors, strings.Join(recording, ", ")
	case len(recording) > 0:
		if len(stopped) > 0 && m.Why != evidence.WhyRecords {
			m.Detail = strings.Join(recording, ", ")
		}
	case len(stopped) > 0 && !unknown:
		m.State, m.Why, m.Detail = evidence.NotCollectedState, evidence.WhyStopped, strings.Join(stopped, ", ")
	case m.Why == evidence.WhyRecords || unknown:
	case t.known:
		m.State, m.Why, m.Detail = evidence.NotCollectedState, evidence.WhySelectors, ""
	}
	return m
}
