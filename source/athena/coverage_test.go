package athena

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/athenatest"
	"uratori/source/awstest"
	"uratori/source/coverage"
	"uratori/source/sourcetest"
)

// busy are six management events in every hour of ten days and one S3 data event each, without
// the hours of the fifth day from 10 to 14, and without the Lambda events of any.
func busyDays() [][]byte {
	var out [][]byte
	for h := range 240 {
		if h >= 4*24+10 && h < 4*24+14 {
			continue
		}
		for i := range 7 {
			category, from := "Management", "iam.amazonaws.com"
			if i == 6 {
				category, from = "Data", "s3.amazonaws.com"
			}
			out = append(out, fmt.Appendf(nil, `{"eventVersion":"1.11","eventID":"c-%d-%d","eventTime":%q,"eventName":"X","eventSource":%q,"awsRegion":"us-east-1","recipientAccountId":"111122223333","eventCategory":%q,"userIdentity":{"type":"Root"}}`,
				h, i, sourcetest.Began.Add(time.Duration(h)*time.Hour+time.Duration(i)*time.Minute).Format(time.RFC3339), from, category))
		}
	}
	return out
}

func covers(t *testing.T, s source.Source, scope query.Scope) []string {
	t.Helper()
	cov, err := s.Covers(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	partition(t, scope.Kind, cov, scope)
	var out []string
	for _, c := range cov {
		if c.Source != s.Name() || c.Kind != scope.Kind || c.Account != scope.Account || c.Region != scope.Region {
			t.Errorf("coverage of %+v is told for %+v", scope, c)
		}
		out = append(out, fmt.Sprintf("%s-%s %s %s", c.Window.From.Format("02T15"), c.Window.To.Format("02T15"), c.State, c.Why))
	}
	return out
}

func days(from, to int) query.Window {
	return query.Window{From: sourcetest.Began.AddDate(0, 0, from), To: sourcetest.Began.AddDate(0, 0, to)}
}

func TestCoverage(t *testing.T) {
	end := func(o *Options) { o.Now = func() time.Time { return sourcetest.Began.AddDate(0, 0, 10) } }
	scope := query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: days(4, 5)}
	for name, c := range map[string]struct {
		tab    athenatest.Options
		scope  func(*query.Scope)
		change func(*Options)
		want   []string
	}{
		"a busy hole": {want: []string{"12T00-12T10 Collected records", "12T10-12T14 NotCollected hole", "12T14-13T00 Collected records"}},
		"a hole of few records": {
			scope: func(s *query.Scope) { s.Kind = query.KindS3Data },
			want:  []string{"12T00-12T10 Collected records", "12T10-12T14 Unknown hole", "12T14-13T00 Collected records"},
		},
		"no record of a kind":    {scope: func(s *query.Scope) { s.Kind = query.KindLambdaData }, want: []string{"12T00-13T00 Unknown no_records"}},
		"another account":        {scope: func(s *query.Scope) { s.Account = "444455556666" }, want: []string{"12T00-13T00 Unknown no_records"}},
		"another Region":         {scope: func(s *query.Scope) { s.Region = "eu-west-1" }, want: []string{"12T00-13T00 Unknown no_records"}},
		"a kind that it has not": {scope: func(s *query.Scope) { s.Kind = query.KindSignIn }, want: []string{"12T00-13T00 NotCollected not_held"}},
		"what is on its way": {
			scope:  func(s *query.Scope) { s.Window = days(9, 11) },
			change: func(o *Options) { o.Delay = time.Hour },
			want:   []string{"17T00-17T23 Collected records", "17T23-19T00 Unknown delay"},
		},
		"all of it ahead": {scope: func(s *query.Scope) { s.Window = days(20, 21) }, want: []string{"28T00-29T00 Unknown delay"}},
		"what is not kept any more": {
			scope:  func(s *query.Scope) { s.Window = days(0, 2) },
			change: func(o *Options) { o.Retention = 9 * 24 * time.Hour },
			want:   []string{"08T00-09T00 Unknown retention", "09T00-10T00 Collected records"},
		},
		"an assertion": {
			change: func(o *Options) {
				o.Assert = []coverage.Assertion{{Kind: query.KindManagement, From: sourcetest.Began.AddDate(0, 0, 4), State: evidence.Collected}}
			},
			want: []string{"12T00-13T00 Collected asserted"},
		},
		"Security Lake": {
			tab:  athenatest.Options{Layout: athenatest.OCSF2},
			want: []string{"12T00-12T10 Collected records", "12T10-12T14 NotCollected hole", "12T14-13T00 Collected records"},
		},
		"Security Lake, data events": {
			tab: athenatest.Options{Layout: athenatest.OCSF1}, scope: func(s *query.Scope) { s.Kind = query.KindS3Data },
			want: []string{"12T00-13T00 NotCollected not_held"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := against(t, busyDays(), c.tab, end)
			if c.change != nil {
				c.change(&d.opt)
			}
			s := scope
			if c.scope != nil {
				c.scope(&s)
			}
			if got := covers(t, d, s); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
	}
}

// Where the table holds no record, the trails tell; a busy hole stays one unless a trail was stopped.
func TestQuietHours(t *testing.T) {
	mid := sourcetest.Began.AddDate(0, 0, 4).Add(12 * time.Hour)
	for name, c := range map[string]struct {
		kind  string
		state evidence.State
		why   evidence.Reason
		want  []string
	}{
		"recorded":           {query.KindS3Data, evidence.Collected, evidence.WhySelectors, []string{"12T00-12T10 Collected records", "12T10-12T12 Unknown hole", "12T12-12T14 Collected selectors", "12T14-13T00 Collected records"}},
		"left out":           {query.KindS3Data, evidence.NotCollectedState, evidence.WhySelectors, []string{"12T00-12T10 Collected records", "12T10-12T12 Unknown hole", "12T12-12T14 NotCollected selectors", "12T14-13T00 Collected records"}},
		"limited":            {query.KindS3Data, evidence.Unknown, evidence.WhySelectors, []string{"12T00-12T10 Collected records", "12T10-12T14 Unknown hole", "12T14-13T00 Collected records"}},
		"never a record":     {query.KindLambdaData, evidence.Collected, evidence.WhySelectors, []string{"12T00-12T12 Unknown no_records", "12T12-13T00 Collected selectors"}},
		"a busy hole":        {query.KindManagement, evidence.Collected, evidence.WhySelectors, []string{"12T00-12T10 Collected records", "12T10-12T14 NotCollected hole", "12T14-13T00 Collected records"}},
		"a trail is stopped": {query.KindManagement, evidence.NotCollectedState, evidence.WhyStopped, []string{"12T00-12T10 Collected records", "12T10-12T12 NotCollected hole", "12T12-12T14 NotCollected stopped", "12T14-13T00 Collected records"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := against(t, busyDays(), athenatest.Options{}, func(o *Options) {
				o.Now = func() time.Time { return sourcetest.Began.AddDate(0, 0, 10) }
				o.Trails = func(_ context.Context, s query.Scope) ([]evidence.Coverage, error) {
					return []evidence.Coverage{{Kind: s.Kind, Window: query.Window{From: mid, To: s.Window.To}, State: c.state, Why: c.why}}, nil
				}
			})
			if got := covers(t, d, query.Scope{Kind: c.kind, Account: sourcetest.Account, Window: days(4, 5)}); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
	}
}

// What may not be seen is unknown, never not collected.
func TestCoverageDenied(t *testing.T) {
	for _, op := range []string{"GetTableMetadata", "StartQueryExecution", "GetQueryResults"} {
		d := against(t, busyDays(), athenatest.Options{})
		d.aws.Script(awstest.Fault{Operation: op, Do: awstest.Deny})
		if got := covers(t, d, query.Scope{Kind: query.KindManagement, Window: days(4, 5)}); !slices.Equal(got, []string{"12T00-13T00 Unknown no_response"}) {
			t.Errorf("%s denied: %q", op, got)
		}
	}
}

// The responses that coverage was read from are kept; they are the same bytes each time.
func TestCoverageIsWitnessed(t *testing.T) {
	var runs [2][]source.Document
	for i := range runs {
		d := against(t, busyDays(), athenatest.Options{}, func(o *Options) { o.Now = func() time.Time { return sourcetest.Began.AddDate(0, 0, 10) } })
		ctx := source.WithWitness(t.Context(), func(doc source.Document) { runs[i] = append(runs[i], doc) })
		if _, err := d.Covers(ctx, query.Scope{Kind: query.KindManagement, Window: days(4, 5)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(runs[0]) != 2 {
		t.Fatalf("%d documents, want the table's description and the counts", len(runs[0]))
	}
	for i, doc := range runs[0] {
		if string(doc.Body) != string(runs[1][i].Body) || doc.Name != runs[1][i].Name || !json.Valid(doc.Body) {
			t.Errorf("%s differs from run to run, or is no JSON", doc.Name)
		}
	}
	var doc struct{ Rows [][]string }
	if err := json.Unmarshal(runs[0][1].Body, &doc); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(doc.Rows, func(r []string) bool {
		return slices.Equal(r, []string{"cloudtrail_management", "2025-09-12T09:00:00Z", "6"})
	}) {
		t.Errorf("the counts are not in %v", doc.Rows)
	}
}

// Several scopes of a round are counted once.
func TestCountsAreShared(t *testing.T) {
	d := against(t, busyDays(), athenatest.Options{}, func(o *Options) { o.Now = func() time.Time { return sourcetest.Began.AddDate(0, 0, 10) } })
	ask := func(from, to int) query.Scope {
		return query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: days(from, to)}
	}
	d.Prepare([]query.Query{{Dataset: query.CloudTrail, Window: days(2, 3)}, {Dataset: query.CloudTrail, Window: days(4, 8)}, {Dataset: query.SignIn, Window: days(-300, 8)}})
	for _, s := range []query.Scope{ask(2, 3), ask(4, 5), ask(6, 8)} {
		covers(t, d, s)
		s.Kind = query.KindS3Data
		covers(t, d, s)
	}
	if n := len(d.athena.Queries()); n != 1 {
		t.Errorf("%d queries counted, want 1", n)
	}
	now := d.opt.Now()
	d.opt.Now = func() time.Time { return now.Add(time.Hour) }
	covers(t, d, ask(4, 5))
	if n := len(d.athena.Queries()); n != 2 {
		t.Errorf("%d queries counted, want old counts to be counted anew", n)
	}
}
