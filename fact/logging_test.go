package fact_test

import (
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

// An answer that its source calls whole is not, over a time in which logging was off; unless the
// source knows better: it read the trails' settings, it is the event history, or another trail
// was logging.
func TestLoggingThatWasOff(t *testing.T) {
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	window := query.Window{From: at.Add(-24 * time.Hour), To: at.Add(24 * time.Hour)}
	stop, start := at.Add(10*time.Minute), at.Add(50*time.Minute)
	type change struct {
		at                  time.Time
		api, name, selector string
	}
	const everything = `[{"readWriteType":"All","includeManagementEvents":true,"dataResources":[{"type":"AWS::S3::Object","values":["arn:aws:s3"]},{"type":"AWS::Lambda::Function","values":["arn:aws:lambda"]}]}]`
	for name, c := range map[string]struct {
		changes []change
		why     evidence.Reason
		trails  []string
		kind    string
		bounds  bool
		off     int   // rows of the table
		minutes int64 // of the first, -1 when it has no end
	}{
		"nothing":                             {nil, evidence.WhyRecords, nil, "cloudtrail_management", false, 0, 0},
		"stopped and started":                 {[]change{{stop, "StopLogging", "main", ""}, {start, "StartLogging", "arn:aws:cloudtrail:x:111122223333:trail/main", ""}}, evidence.WhyRecords, nil, "cloudtrail_management", true, 1, 40},
		"another trail started":               {[]change{{stop, "StopLogging", "main", ""}, {start, "StartLogging", "second", ""}}, evidence.WhyRecords, nil, "cloudtrail_management", true, 1, -1},
		"stopped twice":                       {[]change{{stop, "StopLogging", "main", ""}, {stop.Add(time.Minute), "StopLogging", "main", ""}, {start, "StartLogging", "main", ""}}, evidence.WhyRecords, nil, "cloudtrail_management", true, 1, 40},
		"deleted":                             {[]change{{stop, "DeleteTrail", "main", ""}}, evidence.WhyAsserted, nil, "s3_data", true, 1, -1},
		"the history records on":              {[]change{{stop, "StopLogging", "main", ""}}, evidence.WhyHistory, nil, "cloudtrail_management", false, 1, -1},
		"the settings were read":              {[]change{{stop, "StopLogging", "main", ""}}, evidence.WhySelectors, nil, "cloudtrail_management", false, 1, -1},
		"another trail was logging":           {[]change{{stop, "StopLogging", "main", ""}}, evidence.WhyRecords, []string{"organisation"}, "cloudtrail_management", false, 1, -1},
		"only the stopped trail was":          {[]change{{stop, "StopLogging", "main", ""}}, evidence.WhyRecords, []string{"main"}, "cloudtrail_management", true, 1, -1},
		"selectors without management events": {[]change{{stop, "PutEventSelectors", "main", `[{"readWriteType":"ReadOnly","includeManagementEvents":true}]`}}, evidence.WhyRecords, nil, "cloudtrail_management", true, 1, -1},
		"selectors that cannot be read":       {[]change{{stop, "PutEventSelectors", "main", `{`}}, evidence.WhyRecords, nil, "cloudtrail_management", true, 1, -1},
		"a starting does not undo selectors":  {[]change{{stop, "PutEventSelectors", "main", `[]`}, {start, "StartLogging", "main", ""}}, evidence.WhyRecords, nil, "cloudtrail_management", true, 1, -1},
		"selectors for objects alone missing": {[]change{{stop, "PutEventSelectors", "main", `[{"readWriteType":"All","includeManagementEvents":true}]`}}, evidence.WhyRecords, nil, "cloudtrail_management", false, 1, -1},
		"of which objects are not recorded":   {[]change{{stop, "PutEventSelectors", "main", `[{"readWriteType":"All","includeManagementEvents":true}]`}}, evidence.WhyRecords, nil, "s3_data", true, 1, -1},
		"selectors and back":                  {[]change{{stop, "PutEventSelectors", "main", `[]`}, {start, "PutEventSelectors", "main", everything}}, evidence.WhyRecords, nil, "s3_data", true, 2, 40}, // Bedrock's are still out
		"flow logs are another log":           {[]change{{stop, "DeleteFlowLogs", "", ""}}, evidence.WhyRecords, nil, "cloudtrail_management", false, 1, -1},
		"before the window":                   {[]change{{window.From.Add(-2 * time.Hour), "StopLogging", "main", ""}, {window.From.Add(-time.Hour), "StartLogging", "main", ""}}, evidence.WhyRecords, nil, "cloudtrail_management", false, 1, 60},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := fact.EncodeSettings(fact.Settings{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := func(s string) query.Value {
				if s == "" {
					return query.Value{}
				}
				return query.TextOf(s)
			}
			var rows []evidence.Row
			for _, x := range c.changes {
				rows = append(rows, evidence.Row{query.TimeOf(x.at), query.TextOf(x.api), text(x.name), text(x.selector)})
			}
			outcome := evidence.Found
			if rows == nil {
				outcome = evidence.Empty
			}
			cov := func(kind string, why evidence.Reason, trails []string) []evidence.Coverage {
				return []evidence.Coverage{{Kind: kind, Account: "111122223333", Window: window, State: evidence.Collected, Why: why, Trails: trails}}
			}
			wide := query.Window{From: window.From.Add(-3 * time.Hour), To: window.To}
			set := evidence.NewSet([]evidence.Item{
				{ID: "E1", Kind: evidence.FindingItem},
				{ID: "E2", Kind: evidence.SettingsItem, Body: settings},
				{
					ID: "E3", Kind: evidence.AnswerItem, Question: "logging-off", Answers: []string{"logging.off", "logging.off_count", "logging.unexplained", "logging.bounded", "logging.off_from", "logging.off_to"},
					Scope: query.Scope{Kind: "cloudtrail_management", Account: "111122223333", Window: wide}, Ask: query.Query{Dataset: query.CloudTrail, Window: wide}, Coverage: cov("cloudtrail_management", evidence.WhyHistory, nil),
					Answer: evidence.Answer{Outcome: outcome, Columns: []string{"event_time", "api", "trail_name", "raw:requestParameters.eventSelectors"}, Rows: rows},
				},
				{
					ID: "E4", Kind: evidence.AnswerItem, Question: "credential", Subject: "credential", Answers: []string{"activity.*"},
					Scope: query.Scope{Kind: c.kind, Account: "111122223333", Window: window}, Ask: query.Query{Dataset: query.CloudTrail, Window: window}, Coverage: cov(c.kind, c.why, c.trails),
					Answer: evidence.Answer{Outcome: evidence.Found, Columns: []string{"event_time", "api"}, Rows: []evidence.Row{{query.TimeOf(at), query.TextOf("ListUsers")}}},
				},
			})
			facts, err := fact.Derive(finding.Finding{Account: "111122223333", FirstSeen: at}, set)
			if err != nil {
				t.Fatal(err)
			}
			total, keys := facts.Get("activity.total", "credential"), facts.Get("activity.new_keys", "credential")
			bounded := facts.Get("logging.bounded", "")
			want := []fact.State{fact.Known, fact.Known}
			n := int64(0)
			if c.bounds {
				want, n = []fact.State{fact.AtLeast, fact.Unknown}, 1
			}
			if total.State != want[0] || total.Value.Num != 1 || keys.State != want[1] {
				t.Errorf("total = %v %d, keys = %v; want %v", total.State, total.Value.Num, keys.State, want)
			}
			if c.bounds && (total.Gap.Key != "logging_off" || keys.Gap.Key != "logging_off" || len(keys.From) < 2) {
				t.Errorf("hidden by %v and %v, from %v", total.Gap, keys.Gap, keys.From)
			}
			if bounded.State != fact.Known || bounded.Value.Num != n {
				t.Errorf("logging.bounded = %v %d; want %d", bounded.State, bounded.Value.Num, n)
			}
			off := facts.Get("logging.off", "").Value.Rows
			if len(off) != c.off {
				t.Fatalf("%d stretches; want %d", len(off), c.off)
			}
			if c.off > 0 {
				minutes := int64(-1)
				if !off[0][4].At.IsZero() {
					minutes = int64(off[0][4].At.Sub(off[0][3].At) / time.Minute)
				}
				if minutes != c.minutes {
					t.Errorf("off for %d minutes; want %d", minutes, c.minutes)
				}
			}
		})
	}
}
