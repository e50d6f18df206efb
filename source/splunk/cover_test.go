package splunk_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

const other = "444455556666"

// trail makes CloudTrail events of an account: n in each of the hours.
func trail(account string, n int, hours ...int) []splunktest.Event {
	var raws [][]byte
	for _, h := range hours {
		for i := range n {
			at := sourcetest.Began.Add(time.Duration(h)*time.Hour + time.Duration(i)*time.Minute)
			raws = append(raws, fmt.Appendf(nil, `{"eventVersion":"1.11","eventID":"%s-%d-%d","eventTime":%q,"eventName":"GetObject","eventSource":"s3.amazonaws.com",`+
				`"awsRegion":"ap-northeast-1","recipientAccountId":%q,"eventCategory":"Management","managementEvent":true}`, account, h, i, at.Format(time.RFC3339), account))
		}
	}
	return splunktest.Events("aws", splunk.AWSCloudTrail, raws)
}

func span(from, to int) (out []int) {
	for h := from; h < to; h++ {
		out = append(out, h)
	}
	return out
}

// tell writes coverage in a line: "0-20 Collected records, 20-24 ...", in hours since Began.
func tell(cov []evidence.Coverage) string {
	var parts []string
	for _, c := range cov {
		parts = append(parts, fmt.Sprintf("%g-%g %s %s", c.Window.From.Sub(sourcetest.Began).Hours(), c.Window.To.Sub(sourcetest.Began).Hours(), c.State, c.Why))
	}
	return strings.Join(parts, ", ")
}

func hours(from, to float64) query.Window {
	at := func(h float64) time.Time { return sourcetest.Began.Add(time.Duration(h * float64(time.Hour))) }
	return query.Window{From: at(from), To: at(to)}
}

func TestCoverage(t *testing.T) {
	week := func(n int, without ...int) []splunktest.Event {
		hs := slices.DeleteFunc(span(-120, 48), func(h int) bool { return slices.Contains(without, h) })
		return trail(sourcetest.Account, n, hs...)
	}
	for _, c := range []struct {
		name   string
		events []splunktest.Event
		kind   string
		window query.Window
		now    float64 // hours after Began; 0 for long after
		frozen int64
		assert []splunk.Assertion
		want   string
	}{
		{name: "records in every hour", events: week(2), window: hours(0, 24), want: "0-24 Collected records"},
		{name: "a window inside hours", events: week(2), window: hours(0.5, 2.25), want: "0.5-2.25 Collected records"},
		{name: "one hour between two with records", events: week(2, 5), window: hours(0, 24), want: "0-24 Collected records"},
		{name: "a hole of two hours", events: week(2, 5, 6), window: hours(0, 24), want: "0-5 Collected records, 5-7 Unknown hole, 7-24 Collected records"},
		{name: "a hole where other days are busy", events: week(6, 5, 6), window: hours(0, 24), want: "0-5 Collected records, 5-7 NotCollected hole, 7-24 Collected records"},
		{name: "after the last record", events: trail(sourcetest.Account, 9, span(-24, 20)...), window: hours(0, 24), want: "0-20 Collected records, 20-24 Unknown hole"},
		{name: "before the first", events: trail(sourcetest.Account, 9, span(10, 48)...), window: hours(0, 24), want: "0-10 Unknown hole, 10-24 Collected records"},
		{name: "the neighbours of the window count", events: trail(sourcetest.Account, 1, -1, 1, 3, 5), window: hours(0, 5), want: "0-5 Collected records"},
		{name: "no record of the account", events: trail(other, 9, span(0, 48)...), window: hours(0, 24), want: "0-24 Unknown no_records"},
		{name: "no record at all", window: hours(0, 24), want: "0-24 Unknown no_records"},
		{name: "another kind of record", events: week(9), kind: query.KindS3Data, window: hours(0, 24), want: "0-24 Unknown no_records"},
		{name: "a dataset without a place", events: week(9), kind: query.KindSignIn, window: hours(0, 24), want: "0-24 NotCollected not_held"},
		{name: "a kind that Splunk is not asked for", events: week(9), kind: query.KindVPCFlow, window: hours(0, 24), want: "0-24 NotCollected not_held"},
		{name: "younger than the delivery delay", events: week(2), window: hours(0, 10), now: 9.5, want: "0-9.25 Collected records, 9.25-10 Unknown delay"},
		{name: "in the future", events: week(2), window: hours(20, 24), now: 10, want: "20-24 Unknown delay"},
		{
			name: "older than the index keeps", events: trail(sourcetest.Account, 2, span(10, 48)...), window: hours(0, 24), now: 48, frozen: 40 * 3600,
			want: "0-8 Unknown retention, 8-10 Unknown hole, 10-24 Collected records",
		},
		{
			name: "asserted", events: week(2, 5, 6), window: hours(0, 24),
			assert: []splunk.Assertion{{Kind: query.KindManagement, From: hours(5, 7).From, To: hours(5, 7).To, State: evidence.Collected}},
			want:   "0-5 Collected records, 5-7 Collected asserted, 7-24 Collected records",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := splunktest.Options{Events: c.events}
			if c.frozen > 0 {
				server.Frozen = map[string]int64{"aws": c.frozen}
			}
			_, s := splunkd(t, server, trailPlaces(), func(o *splunk.Options) {
				o.Assert = c.assert
				if c.now != 0 {
					o.Now = func() time.Time { return hours(c.now, 99).From }
				}
			})
			kind := c.kind
			if kind == "" {
				kind = query.KindManagement
			}
			cov, err := s.Covers(t.Context(), query.Scope{Kind: kind, Account: sourcetest.Account, Region: sourcetest.Region, Window: c.window})
			if err != nil {
				t.Fatal(err)
			}
			if got := tell(cov); got != c.want {
				t.Errorf("coverage\n  %s\nwant\n  %s", got, c.want)
			}
			for i, x := range cov { // they partition the window
				if i > 0 && !x.Window.From.Equal(cov[i-1].Window.To) || x.Source != "splunk-prod" || x.Account != sourcetest.Account {
					t.Errorf("interval %d is %+v", i, x)
				}
			}
			if !cov[0].Window.From.Equal(c.window.From) || !cov[len(cov)-1].Window.To.Equal(c.window.To) {
				t.Errorf("the intervals do not span the window: %s", tell(cov))
			}
		})
	}
}

// Hours are UTC hours, whatever the zone of the Splunk user; also where that is no whole hour off.
func TestCoverageKnowsNoZone(t *testing.T) {
	events := trail(sourcetest.Account, 3, slices.DeleteFunc(span(0, 48), func(h int) bool { return h == 20 || h == 21 })...)
	var first string
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 9*3600), time.FixedZone("", -(3*3600 + 1800)), time.FixedZone("", 5*3600+2700)} {
		_, s := splunkd(t, splunktest.Options{Events: events, Zone: zone}, trailPlaces(), nil)
		cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: hours(0, 48)})
		if err != nil {
			t.Fatal(err)
		}
		q := query.Query{
			Dataset: query.CloudTrail, Window: hours(0, 48), Limit: 1000, GroupBy: []query.Key{{Field: query.EventTime, Quarter: true}},
			Compute: []query.Aggregate{{Func: query.Count, As: "n"}},
		}
		a, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		said := tell(cov) + fmt.Sprint(a.Rows)
		if first == "" {
			first = said
			if !strings.HasPrefix(said, "0-20 Collected records, 20-22 Unknown hole, 22-48 Collected records") || len(a.Rows) != 46 {
				t.Errorf("%s, %d rows", tell(cov), len(a.Rows))
			}
		}
		if said != first {
			t.Errorf("in zone %s:\n%s\nin UTC:\n%s", zone, said, first)
		}
	}
}

// The records come eight hours late: what is younger may still come.
func TestDelayIsMeasured(t *testing.T) {
	events := trail(sourcetest.Account, 2, span(0, 30)...)
	for i := range events {
		events[i].Indexed = events[i].Time.Add(7 * time.Hour)
	}
	_, s := splunkd(t, splunktest.Options{Events: events}, trailPlaces(), func(o *splunk.Options) { o.Now = func() time.Time { return hours(30, 99).From } })
	cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: hours(10, 30)})
	if got, want := tell(cov), "10-22 Collected records, 22-30 Unknown delay"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

// An account that is an indexed field is looked up without reading an event.
func TestIndexedAccount(t *testing.T) {
	events := trail(other, 9, span(0, 48)...)
	for i := range events {
		events[i].Fields = map[string]string{"aws_account_id": other}
	}
	places := trailPlaces()
	places[0].Account = "aws_account_id"
	d, s := splunkd(t, splunktest.Options{Events: events}, places, nil)
	for account, want := range map[string]string{sourcetest.Account: "0-24 Unknown no_records", other: "0-24 Collected records"} {
		d.Forget()
		cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Account: account, Window: hours(0, 24)})
		if got := tell(cov); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", account, got, err, want)
		}
		read := slices.ContainsFunc(d.Searches(), func(q string) bool { return strings.Contains(q, "stats count as u_n by u_kind") })
		if read != (account == other) {
			t.Errorf("%s: events read: %t\n%s", account, read, strings.Join(d.Searches(), "\n"))
		}
	}
}

// Splunk has sign-ins, and CloudTrail of other accounts only. Coverage says
// so, an empty answer proves nothing, and whoever walks the sources goes on.
func TestSignInsButNoCloudTrail(t *testing.T) {
	signins := splunktest.Events("azure", splunk.AzureAADSignIn, sourcetest.Records()[query.SignIn])
	d, s := splunkd(t, splunktest.Options{Events: append(trail(other, 9, span(0, 48)...), signins...)}, append(trailPlaces(),
		splunk.Place{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.AzureAADSignIn}), nil)
	var docs []source.Document
	ctx := source.WithWitness(t.Context(), func(d source.Document) { docs = append(docs, d) })
	q := query.Query{
		Dataset: query.CloudTrail, Window: window, Limit: 10, Select: []query.Field{query.EventTime},
		Where: query.Compare{Field: "account", Op: query.Equal, Value: query.TextOf(sourcetest.Account)},
	}
	scope := query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Region: sourcetest.Region, Window: window}
	cov, err := s.Covers(ctx, scope)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	chosen := evidence.Choose([]evidence.Item{{Source: "splunk-prod", Coverage: cov, Answer: a}})
	if chosen.Exact || chosen.Usable() || cov[0].Why != evidence.WhyNoRecords {
		t.Errorf("an empty answer of an account without records counts: %+v, coverage %s", a, tell(cov))
	}
	cov, err = s.Covers(ctx, query.Scope{Kind: query.KindSignIn, Account: sourcetest.Account, Window: window})
	if err != nil || !slices.ContainsFunc(cov, func(c evidence.Coverage) bool { return c.State == evidence.Collected }) {
		t.Errorf("sign-ins: %s, %v", tell(cov), err)
	}
	if len(docs) < 3 || slices.ContainsFunc(docs, func(d source.Document) bool { return !json.Valid(d.Body) || d.Source != "splunk-prod" }) {
		t.Errorf("%d documents were handed over: %+v", len(docs), docs)
	}
	// What was counted is not counted again.
	n := len(d.Requests())
	if _, err := s.Covers(ctx, scope); err != nil || len(d.Requests()) != n {
		t.Errorf("the same scope cost %d calls more, %v", len(d.Requests())-n, err)
	}
}

// Not to be allowed to see the index's settings is no statement about retention.
func TestRetentionDenied(t *testing.T) {
	_, s := splunkd(t, splunktest.Options{Events: trail(sourcetest.Account, 2, span(10, 48)...)}, trailPlaces(), nil)
	cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: hours(0, 24)})
	if got, want := tell(cov), "0-10 Unknown hole, 10-24 Collected records"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

// The kinds of record are told apart as the embedded store does, hour by hour.
func TestKindsAreThoseOfTheEmbeddedStore(t *testing.T) {
	var trailRaws, signinRaws [][]byte
	for i := range 600 {
		at := sourcetest.Began.Add(time.Duration(i*i%2880) * time.Minute).Format(time.RFC3339)
		service := []string{"s3", "lambda", "dynamodb", "iam"}[i%4]
		category := []string{`"eventCategory":"Data",`, `"eventCategory":"Management",`, `"managementEvent":false,`, `"eventCategory":"Insight",`, ``, `"eventCategory":null,"managementEvent":true,`}[i%6]
		if i/100 == 3 && category != "" {
			continue
		}
		trailRaws = append(trailRaws, fmt.Appendf(nil, `{"eventID":"k%d","eventTime":%q,"eventName":"X","eventSource":"%s.amazonaws.com",%s"awsRegion":"ap-northeast-1","recipientAccountId":%q}`,
			i, at, service, category, []string{sourcetest.Account, other}[i%2]))
		interactive := []string{`"isInteractive":true,`, `"isInteractive":false,`, ``, `"category":"NonInteractiveUserSignInLogs",`}[i%4]
		signinRaws = append(signinRaws, fmt.Appendf(nil, `{"id":"s%d","createdDateTime":%q,%s"userPrincipalName":"u@example.co.jp","appDisplayName":"x"}`, i, at, interactive))
	}
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: trailRaws, query.SignIn: signinRaws})
	_, s := splunkd(t, splunktest.Options{Events: append(splunktest.Events("aws", splunk.AWSCloudTrail, trailRaws), splunktest.Events("azure", splunk.AzureAADSignIn, signinRaws)...)},
		append(trailPlaces(), splunk.Place{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.AzureAADSignIn}), nil)
	for _, kind := range []string{query.KindManagement, query.KindS3Data, query.KindLambdaData, query.KindSignIn, query.KindNonInteractive} {
		for _, account := range []string{sourcetest.Account, other, ""} {
			scope := query.Scope{Kind: kind, Account: account, Window: hours(0.5, 47)}
			if spec, _ := query.KindOf(kind); !spec.Placed {
				scope.Account = ""
			}
			want, err := truth.Covers(t.Context(), scope)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Covers(t.Context(), scope)
			if err != nil || tell(got) != tell(want) {
				t.Errorf("%s of %q:\n%s, %v\nwant\n%s", kind, account, tell(got), err, tell(want))
			}
		}
	}
}
