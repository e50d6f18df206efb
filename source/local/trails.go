package local

import (
	"context"
	"encoding/json"
	"fmt"
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
	selectors *selectors // nil when not known
	changes   []change   // by time
	stopped   bool       // at the time the settings were saved
}

type change struct {
	at        int64
	logging   *bool
	selectors *selectors
	deleted   bool
}

// selectors say which kinds of record a trail writes.
type selectors struct {
	management bool
	s3, lambda bool
	partly     string // the resources that data events are limited to, for the reader
}

func (s *selectors) records(kind string) bool {
	switch kind {
	case query.KindManagement:
		return s.management
	case query.KindS3Data:
		return s.s3
	case query.KindLambdaData:
		return s.lambda
	}
	return false
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
		TrailARN               string
		EventSelectors         []eventSelector
		AdvancedEventSelectors []advancedSelector
	}
	eventSelector struct {
		ReadWriteType           string
		IncludeManagementEvents *bool
		DataResources           []struct {
			Type   string
			Values []string
		}
	}
	advancedSelector struct {
		Name           string
		FieldSelectors []struct {
			Field      string
			Equals     []string
			StartsWith []string
		}
	}
)

func trailName(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func accountOf(arn string) string {
	if p := strings.Split(arn, ":"); len(p) > 5 {
		return p[4]
	}
	return ""
}

// trailsOf reads the saved settings and the changes in the log for the scope's account.
func (s *Store) trailsOf(ctx context.Context, scope query.Scope) (*trails, error) {
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
			t.trail(trailName(e.TrailARN)).selectors = e.parse()
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

// parse reads basic or advanced selectors: a trail has one kind.
func (e eventSelectors) parse() *selectors {
	out := &selectors{}
	var only []string
	for _, s := range e.EventSelectors {
		all := s.ReadWriteType == "" || s.ReadWriteType == "All"
		if (s.IncludeManagementEvents == nil || *s.IncludeManagementEvents) && all {
			out.management = true
		}
		for _, r := range s.DataResources {
			switch {
			case r.Type == "AWS::S3::Object" && all:
				out.s3 = true
			case r.Type == "AWS::Lambda::Function" && all:
				out.lambda = true
			}
			for _, v := range r.Values {
				if v != "arn:aws:s3" && v != "arn:aws:s3:::" && v != "arn:aws:lambda" {
					only = append(only, v)
				}
			}
		}
	}
	for _, s := range e.AdvancedEventSelectors {
		category, resource, readOnly := "", "", ""
		for _, f := range s.FieldSelectors {
			switch f.Field {
			case "eventCategory":
				category = strings.Join(f.Equals, ",")
			case "resources.type":
				resource = strings.Join(f.Equals, ",")
			case "readOnly":
				readOnly = strings.Join(f.Equals, ",")
			case "resources.ARN":
				only = append(append(only, f.Equals...), f.StartsWith...)
			}
		}
		switch {
		case readOnly != "":
		case category == "Management":
			out.management = true
		case category == "Data" && strings.Contains(resource, "AWS::S3::Object"):
			out.s3 = true
		case category == "Data" && strings.Contains(resource, "AWS::Lambda::Function"):
			out.lambda = true
		}
	}
	slices.Sort(only)
	out.partly = strings.Join(slices.Compact(only), " ")
	return out
}

// trailChanges reads the calls that changed the trails, successful ones only.
func (s *Store) trailChanges(ctx context.Context, scope query.Scope, t *trails) error {
	q := `SELECT event_time, event_name, trail_name, json_extract_string(raw, '$.requestParameters') FROM cloudtrail
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
		case "CreateTrail":
			c.logging = &no // a new trail does not log before StartLogging
		}
		tr := t.trail(name)
		tr.changes = append(tr.changes, c)
	}
	return rows.Err()
}

// selectorsOfCall reads the request of PutEventSelectors, whose members begin in lower case.
func selectorsOfCall(params *string) *selectors {
	var e eventSelectors
	if params == nil || json.Unmarshal([]byte(*params), &e) != nil { // Go matches members in any case
		return &selectors{}
	}
	return e.parse()
}

// A trailState is what a trail did at one moment.
type trailState struct {
	recording bool
	stopped   bool // it would record but was stopped or deleted
	unknown   bool
}

// at tells what the trail did with a kind of record at a moment.
func (tr *trail) at(kind string, when int64) trailState {
	// Before its first change a trail was the other way round; saved settings tell of now.
	logging, sel, deleted := !tr.stopped, tr.selectors, false
	for _, c := range tr.changes {
		if c.logging != nil {
			logging = !*c.logging
			break
		}
		if c.deleted {
			logging = true
			break
		}
	}
	for _, c := range tr.changes {
		if c.at > when {
			break
		}
		if c.logging != nil {
			logging = *c.logging
		}
		if c.selectors != nil {
			sel = c.selectors
		}
		deleted = deleted || c.deleted
	}
	switch {
	case sel == nil:
		// A trail whose selectors are not known records management events by default.
		if kind == query.KindManagement {
			return trailState{recording: logging && !deleted, stopped: !logging || deleted}
		}
		return trailState{unknown: logging && !deleted, stopped: !logging || deleted}
	case !sel.records(kind):
		return trailState{}
	}
	return trailState{recording: logging && !deleted, stopped: !logging || deleted}
}

// logs tells whether the trail was logging anything at a moment.
func (tr *trail) logs(when int64) bool {
	return tr.at(query.KindManagement, when).recording || tr.at(query.KindS3Data, when).recording || tr.at(query.KindLambdaData, when).recording
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
	var cuts []int64
	names := make([]string, 0, len(t.list))
	for name, tr := range t.list {
		names = append(names, name)
		for _, c := range tr.changes {
			cuts = append(cuts, c.at)
		}
	}
	slices.Sort(names)
	slices.Sort(cuts)
	cuts = append([]int64{-1 << 62}, append(cuts, 1<<62)...)
	for i := range len(cuts) - 1 {
		recording, stopped, logging := []string{}, []string{}, []string{}
		unknown := false
		for _, name := range names {
			if t.list[name].logs(cuts[i]) && t.known {
				logging = append(logging, name)
			}
			st := t.list[name].at(kind, cuts[i])
			switch {
			case st.recording:
				recording = append(recording, name)
				if sel := t.list[name].selectors; sel != nil && sel.partly != "" && kind != query.KindManagement {
					recording[len(recording)-1] = fmt.Sprintf("%s (%s)", name, sel.partly)
				}
			case st.stopped:
				stopped = append(stopped, name)
			}
			unknown = unknown || st.unknown
		}
		marks = coverage.Overlay(marks, cuts[i], cuts[i+1], func(m mark) mark {
			m = t.one(m, recording, stopped, unknown)
			m.Trails = logging
			return m
		})
	}
	return marks
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
