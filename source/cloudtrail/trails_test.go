package cloudtrail_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awstest"
)

func basic(data ...any) map[string]any {
	if data == nil {
		data = []any{}
	}
	return map[string]any{"EventSelectors": []any{map[string]any{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": data}}}
}

func resources(kind string, values ...string) any {
	return map[string]any{"Type": kind, "Values": values}
}

func advanced(fields ...map[string]any) map[string]any {
	list := []any{}
	for _, f := range fields {
		list = append(list, f)
	}
	return map[string]any{"AdvancedEventSelectors": []any{map[string]any{"Name": "x", "FieldSelectors": list}}}
}

func equals(field string, values ...string) map[string]any {
	return map[string]any{"Field": field, "Equals": values}
}

// dataTrail records all objects of S3 since a moment.
func dataTrail(name string, since time.Time) awstest.Trail {
	return awstest.Trail{
		Account: account, Name: name, HomeRegion: tokyo, MultiRegion: true, Logging: true, Started: since,
		Selectors: basic(resources("AWS::S3::Object", "arn:aws:s3")),
	}
}

// call is a management call about a trail.
func trailCall(id int, at time.Time, name, params string) []byte {
	return record(id, at, tokyo, "cloudtrail.amazonaws.com", name, "ASIAEXAMPLE9", "admin", `,"requestParameters":`+params)
}

func TestTrailsTellWhatIsRecorded(t *testing.T) {
	long := noon.Add(-200 * 24 * time.Hour)
	from, to := noon.Add(-48*time.Hour), noon.Add(-24*time.Hour)
	mid := from.Add(12 * time.Hour)
	with := func(tr awstest.Trail, change func(*awstest.Trail)) awstest.Trail {
		change(&tr)
		return tr
	}
	for _, tt := range []struct {
		name    string
		trails  []awstest.Trail
		stores  []awstest.EventDataStore
		records [][]byte
		kind    string
		region  string
		want    string // of the pieces of the window
	}{
		{"no trail", nil, nil, nil, query.KindS3Data, "", "NotCollected no_trail"},
		{"a trail of management events", []awstest.Trail{with(dataTrail("audit", long), func(t *awstest.Trail) { t.Selectors = basic() })}, nil, nil, query.KindS3Data, "", "NotCollected selectors"},
		{"and what it records", []awstest.Trail{with(dataTrail("audit", long), func(t *awstest.Trail) { t.Selectors = basic() })}, nil, nil, query.KindManagement, "", "Collected selectors audit"},
		{"all objects", []awstest.Trail{dataTrail("data", long)}, nil, nil, query.KindS3Data, "", "Collected selectors data"},
		{"functions are no objects", []awstest.Trail{dataTrail("data", long)}, nil, nil, query.KindLambdaData, "", "NotCollected selectors"},
		{"all functions", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.Selectors = basic(resources("AWS::Lambda::Function", "arn:aws:lambda")) })}, nil, nil, query.KindLambdaData, "", "Collected selectors data"},
		{"all models", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) {
			t.Selectors = advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::Bedrock::Model"))
		})}, nil, nil, query.KindBedrockData, "", "Collected selectors data"},
		{"agents, not models", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) {
			t.Selectors = advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::Bedrock::AgentAlias"))
		})}, nil, nil, query.KindBedrockData, "", "Unknown selectors limited to some resources: data"},
		{"objects are no models", []awstest.Trail{dataTrail("data", long)}, nil, nil, query.KindBedrockData, "", "NotCollected selectors"},
		{"one bucket", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.Selectors = basic(resources("AWS::S3::Object", "arn:aws:s3:::b/")) })}, nil, nil, query.KindS3Data, "", "Unknown selectors limited to some resources: data"},
		{"advanced", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) {
			t.Selectors = advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object"))
		})}, nil, nil, query.KindS3Data, "", "Collected selectors data"},
		{"advanced, writes only", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) {
			t.Selectors = advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object"), equals("readOnly", "false"))
		})}, nil, nil, query.KindS3Data, "", "Unknown selectors limited to some resources: data"},
		{"advanced, of another type", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) {
			t.Selectors = advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::DynamoDB::Table"))
		})}, nil, nil, query.KindS3Data, "", "NotCollected selectors"},
		{"in another Region", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.MultiRegion, t.HomeRegion = false, "us-east-1" })}, nil, nil, query.KindS3Data, tokyo, "NotCollected no_trail"},
		{"in this Region", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.MultiRegion = false })}, nil, nil, query.KindS3Data, tokyo, "Collected selectors data"},
		{"in one Region of all", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.MultiRegion = false })}, nil, nil, query.KindS3Data, "", "Unknown selectors limited to some resources: data"},
		{"stopped long ago", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.Logging, t.Stopped = false, long.Add(time.Hour) })}, nil, nil, query.KindS3Data, "", "NotCollected stopped data"},
		{"stopped in the window", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.Logging, t.Stopped = false, mid })}, nil, nil, query.KindS3Data, "", "Collected selectors data | NotCollected stopped data"},
		{"stopped, another goes on", []awstest.Trail{with(dataTrail("data", long), func(t *awstest.Trail) { t.Logging, t.Stopped = false, mid }), dataTrail("second", long)}, nil, nil, query.KindS3Data, "", "Collected selectors data, second | Collected selectors second"},
		{
			"stopped and started again",
			[]awstest.Trail{dataTrail("data", mid.Add(time.Hour))},
			nil,
			[][]byte{trailCall(1, mid, "StopLogging", `{"name":"data"}`), trailCall(2, mid.Add(time.Hour), "StartLogging", `{"name":"data"}`)},
			query.KindS3Data, "", "Collected selectors data | NotCollected stopped data | Collected selectors data",
		},
		{"started in the window, nobody knows after what", []awstest.Trail{dataTrail("data", mid)}, nil, nil, query.KindS3Data, "", "Unknown no_response what was set before is not known: data | Collected selectors data"},
		{
			"never before",
			[]awstest.Trail{dataTrail("data", mid)},
			nil,
			[][]byte{trailCall(1, mid, "StartLogging", `{"name":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/data"}`)},
			query.KindS3Data, "", "NotCollected selectors | Collected selectors data",
		},
		{
			"deleted", nil, nil,
			[][]byte{trailCall(1, mid, "DeleteTrail", `{"name":"data"}`)},
			query.KindS3Data, "", "Unknown no_response what was set before is not known: data | NotCollected stopped data",
		},
		{
			"selectors changed",
			[]awstest.Trail{dataTrail("data", long)},
			nil,
			[][]byte{
				trailCall(1, from.Add(-time.Hour), "PutEventSelectors", `{"trailName":"data","eventSelectors":[{"readWriteType":"All","includeManagementEvents":true}]}`),
				trailCall(2, mid, "PutEventSelectors", `{"trailName":"data","eventSelectors":[{"readWriteType":"All","includeManagementEvents":true,"dataResources":[{"type":"AWS::S3::Object","values":["arn:aws:s3"]}]}]}`),
			},
			query.KindS3Data, "", "NotCollected selectors | Collected selectors data",
		},
		{
			"selectors changed from nobody knows what",
			[]awstest.Trail{dataTrail("data", long)},
			nil,
			[][]byte{trailCall(2, mid, "PutEventSelectors", `{"trailName":"data","eventSelectors":[{"readWriteType":"All","includeManagementEvents":true,"dataResources":[{"type":"AWS::S3::Object","values":["arn:aws:s3"]}]}]}`)},
			query.KindS3Data, "", "Unknown no_response what was set before is not known: data | Collected selectors data",
		},
		{
			"an attempt that failed changes nothing",
			[]awstest.Trail{dataTrail("data", long)},
			nil,
			[][]byte{record(1, mid, tokyo, "cloudtrail.amazonaws.com", "PutEventSelectors", "ASIAEXAMPLE9", "admin", `,"errorCode":"AccessDenied","requestParameters":{"trailName":"data"}`)},
			query.KindS3Data, "", "Collected selectors data",
		},
		{"a trail of the organisation, whose account cannot be asked", []awstest.Trail{with(dataTrail("org", long), func(t *awstest.Trail) { t.Account, t.Members = "444455556666", []string{account} })}, nil, nil, query.KindS3Data, "", "Unknown no_response what was set before is not known: org"},
		{"an event data store", nil, []awstest.EventDataStore{{
			Account: account, Region: tokyo, Name: "lake", Enabled: true, MultiRegion: true, Created: long, Updated: long,
			Advanced: advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object"))["AdvancedEventSelectors"].([]any),
		}}, nil, query.KindS3Data, "", "Collected selectors event data store lake"},
		{"an event data store, changed since", nil, []awstest.EventDataStore{{
			Account: account, Region: tokyo, Name: "lake", Enabled: true, MultiRegion: true, Created: long, Updated: mid,
			Advanced: advanced(equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object"))["AdvancedEventSelectors"].([]any),
		}}, nil, query.KindS3Data, "", "Unknown no_response what was set before is not known: event data store lake | Collected selectors event data store lake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, noon, nil)
			for _, tr := range tt.trails {
				r.history.AddTrail(tr)
			}
			for _, e := range tt.stores {
				r.history.AddStore(e)
			}
			r.history.Add(tt.records...)
			scope := query.Scope{Kind: tt.kind, Account: account, Region: tt.region, Window: query.Window{From: from, To: to}}
			cov, err := r.Trails(t.Context(), scope)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, c := range cov {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.State, c.Why, c.Detail)))
				if i > 0 && !c.Window.From.Equal(cov[i-1].Window.To) {
					t.Errorf("the pieces do not join: %v", cov)
				}
			}
			if s := strings.Join(got, " | "); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
			if !cov[0].Window.From.Equal(from) || !cov[len(cov)-1].Window.To.Equal(to) {
				t.Errorf("the pieces do not fill the window: %v", cov)
			}
			if tt.kind == query.KindManagement {
				return
			}
			held, err := r.Covers(t.Context(), scope)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range held {
				if c.State == evidence.Collected {
					t.Errorf("event history claims to hold data events: %+v", c)
				}
			}
		})
	}
}

// Each response that the coverage rests on is evidence, every time; it is fetched once.
func TestSettingsAreEvidence(t *testing.T) {
	r := newRig(t, noon, nil)
	r.history.AddTrail(dataTrail("data-trail", noon.Add(-200*24*time.Hour)))
	scope := query.Scope{Kind: query.KindS3Data, Account: account, Region: tokyo, Window: query.Window{From: noon.Add(-48 * time.Hour), To: noon.Add(-24 * time.Hour)}}
	gathered := func() []source.Document {
		var mu sync.Mutex
		var docs []source.Document
		ctx := source.WithWitness(t.Context(), func(d source.Document) {
			mu.Lock()
			defer mu.Unlock()
			docs = append(docs, d)
		})
		cov, err := r.Covers(ctx, scope)
		if err != nil || len(cov) != 1 || cov[0].State != evidence.NotCollectedState || cov[0].Why != evidence.WhyNotHeld || cov[0].Detail != "data-trail" || !slices.Equal(cov[0].Trails, []string{"data-trail"}) {
			t.Errorf("coverage %+v, %v", cov, err)
		}
		return docs
	}
	first := gathered()
	calls := len(r.server.Calls())
	second := gathered()
	if len(r.server.Calls()) != calls {
		t.Errorf("the second time cost %d calls", len(r.server.Calls())-calls)
	}
	if len(first) != 6 || len(second) != 6 { // two Regions' trails and stores, one trail's status and selectors
		t.Fatalf("%d and %d documents", len(first), len(second))
	}
	for i, d := range first {
		if d.Name != second[i].Name || string(d.Body) != string(second[i].Body) || d.Source != "cloudtrail-api" || !json.Valid(d.Body) {
			t.Errorf("document %+v", d)
		}
	}
	arn := "arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/data-trail"
	for _, name := range []string{"cloudtrail:DescribeTrails 111122223333 " + tokyo, "cloudtrail:GetTrailStatus " + arn, "cloudtrail:GetEventSelectors " + arn} {
		if !slices.ContainsFunc(first, func(d source.Document) bool { return d.Name == name }) {
			t.Errorf("no document %q", name)
		}
	}
}
