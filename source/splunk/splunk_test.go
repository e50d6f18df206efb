package splunk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/call"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

// "stats by" drops rows whose key is null; our groups hold every event.
func TestMissingKeyIsAGroup(t *testing.T) {
	d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	rows, err := d.Search(`search index=aws | stats count by errorCode`, sourcetest.Began, sourcetest.Ended)
	if err != nil {
		t.Fatal(err)
	}
	trap := 0
	for _, r := range rows {
		var n int
		if _, err := fmt.Sscan(r["count"].(string), &n); err != nil {
			t.Fatal(err)
		}
		trap += n
	}
	a, err := s.Ask(t.Context(), query.Query{
		Dataset: query.CloudTrail, Window: window, Limit: 100, GroupBy: []query.Key{{Field: "error_code"}}, Compute: []query.Aggregate{{Func: query.Count, As: "n"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, r := range a.Rows {
		sum += r[1].Int()
	}
	if all := int64(len(trailEvents())); sum != all || int64(trap) >= all {
		t.Errorf("%d events: our groups hold %d, a plain stats by holds %d", all, sum, trap)
	}
	if last := a.Rows[len(a.Rows)-1]; !last[0].Missing() || last[1].Int() != sum-int64(trap) {
		t.Errorf("the group without a code is %v", last)
	}
	if !slices.ContainsFunc(d.Searches(), func(q string) bool { return strings.Contains(q, "stats count as u_n") }) {
		t.Error("the groups were not formed by Splunk")
	}
}

// What is in Native can be pasted into Splunk and brings the same events.
func TestNativeCanBeRun(t *testing.T) {
	d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	for name, q := range faultQuestions() {
		a, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := d.Search(a.Native, time.Unix(0, 0), time.Unix(4e9, 0))
		if err != nil || len(rows) != len(a.Rows) {
			t.Errorf("%s: %d rows, %v; the answer has %d\n%s", name, len(rows), err, len(a.Rows), a.Native)
		}
		if strings.Contains(a.Native, "test-token") || splunk.CheckSPL(a.Native) != nil {
			t.Errorf("%s: native is %s", name, a.Native)
		}
	}
}

func TestLimitsAndOrder(t *testing.T) {
	_, s := splunkd(t, splunktest.Options{Events: trailEvents(), Caps: splunktest.Caps{Sort: 50, Count: 60, Page: 25}}, trailPlaces(), func(o *splunk.Options) { o.MaxRows = 100 })
	q := query.Query{Dataset: query.CloudTrail, Window: window, Select: []query.Field{query.EventTime, query.EventID}, Limit: 40}
	a, err := s.Ask(t.Context(), q)
	if err != nil || a.Outcome != evidence.Truncated || len(a.Rows) != 40 {
		t.Fatalf("%s with %d rows, %v; want 40 of 180", a.Outcome, len(a.Rows), err)
	}
	want, err := sourcetest.Reference(t, sourcetest.Records()).Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if d := sourcetest.Differ(a, want); d != "" {
		t.Errorf("the first rows are not the first by time: %s", d)
	}
	q.Limit = 1000 // more than are ever fetched
	a, err = s.Ask(t.Context(), q)
	if err != nil || a.Outcome != evidence.Truncated || len(a.Rows) != 100 || !strings.Contains(a.Reason, "100") {
		t.Errorf("%s with %d rows (%s), %v; want the 100 that were fetched, and that there are more", a.Outcome, len(a.Rows), a.Reason, err)
	}
	if a.Pages < 4 {
		t.Errorf("%d pages of 25 rows for 101", a.Pages)
	}
	q = query.Query{Dataset: query.CloudTrail, Window: window, Limit: 1000, GroupBy: []query.Key{{Field: query.EventTime}}, Compute: []query.Aggregate{{Func: query.Count, As: "n"}}}
	a, err = s.Ask(t.Context(), q)
	if err != nil || a.Outcome != evidence.Truncated || len(a.Rows) != 100 {
		t.Errorf("%s with %d rows, %v; want 100 groups, and that there are more", a.Outcome, len(a.Rows), err)
	}
}

// An event that was indexed twice counts once; of two events of one id the smaller hash counts.
func TestDuplicates(t *testing.T) {
	events := trail(sourcetest.Account, 3, 1, 2)
	events = append(events, events...)
	changed := events[0]
	changed.Raw = strings.Replace(changed.Raw, "ap-northeast-1", "us-east-1", 1)
	events = append(events, changed)
	raws := [][]byte{}
	for _, e := range events {
		raws = append(raws, []byte(e.Raw))
	}
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: raws})
	_, s := splunkd(t, splunktest.Options{Events: events}, trailPlaces(), nil)
	for _, q := range []query.Query{
		{Dataset: query.CloudTrail, Window: window, Limit: 100, GroupBy: []query.Key{{Field: "region"}}, Compute: []query.Aggregate{{Func: query.Count, As: "n"}}},
		{Dataset: query.CloudTrail, Window: window, Limit: 100, Select: []query.Field{query.EventID, "region"}},
	} {
		want, err := truth.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if d := sourcetest.Differ(got, want); d != "" {
			t.Errorf("%s: %s", q, d)
		}
	}
}

// Records that a search could misread, because their values are no texts or their times are written
// otherwise, are read here.
func TestOddEventsAreReadHere(t *testing.T) {
	base := `"eventVersion":"1.11","eventName":"GetObject","eventSource":"s3.amazonaws.com","awsRegion":"ap-northeast-1","recipientAccountId":"111122223333"`
	raws := [][]byte{
		[]byte(`{"eventID":"1","eventTime":"2025-09-08T01:00:00Z","userAgent":1.50,` + base + `}`),
		[]byte(`{"eventID":"2","eventTime":"2025-09-08T01:00:00Z","userAgent":"1.50",` + base + `}`),
		[]byte(`{"eventID":"3","eventTime":"2025-09-08T01:00:00Z","userAgent":{"a":1},` + base + `}`),
		[]byte(`{"eventID":"4","eventTime":"2025-09-08T01:00:00Z","userAgent":"{\"a\":1}",` + base + `}`),
		[]byte(`{"eventID":"5","eventTime":"2025-09-08T01:00:00Z","userAgent":["a","b"],` + base + `}`),
		[]byte(`{"eventID":"6","eventTime":"2025-09-08T01:00:00Z","userAgent":null,` + base + `}`),
		[]byte(`{"eventID":"7","eventTime":"2025-09-08T01:00:00Z","userAgent":"null",` + base + `}`),
		[]byte(`{"eventID":"8","eventTime":"2025-09-08T10:00:00+09:00","userAgent":"zone",` + base + `}`),
		[]byte(`{"eventID":"9","eventTime":"2025-09-08T01:00:00.123456789Z","userAgent":true,` + base + `}`),
		[]byte(`{"eventID":"10","eventTime":"2025-09-08T01:00:00Z","userAgent":"",` + base + `}`),
		[]byte(`{"eventID":"11","eventTime":"2025-09-08T01:00:00Z","userAgent":12345678901234567890,` + base + `}`),
	}
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: raws})
	_, s := splunkd(t, splunktest.Options{Events: splunktest.Events("aws", splunk.AWSCloudTrail, raws)}, trailPlaces(), nil)
	questions := []query.Query{
		{Dataset: query.CloudTrail, Window: window, Limit: 100, GroupBy: []query.Key{{Field: "user_agent"}}, Compute: []query.Aggregate{
			{Func: query.Count, As: "n"}, {Func: query.Min, Field: query.EventTime, As: "first"},
		}},
		{Dataset: query.CloudTrail, Window: window, Limit: 3, Select: []query.Field{query.EventTime, query.EventID}},
		{Dataset: query.CloudTrail, Window: window, Limit: 100, Select: []query.Field{query.EventID}, Where: query.Not{X: query.Exists{Field: "user_agent"}}},
	}
	for _, v := range []string{"1.5", "1.50", `{"a":1}`, "null", "true", "1.2345678901235e+19", "12345678901234567890"} {
		for _, op := range []query.Op{query.Equal, query.NotEqual} {
			questions = append(questions, query.Query{
				Dataset: query.CloudTrail, Window: window, Limit: 100, Select: []query.Field{query.EventID},
				Where: query.Compare{Field: "user_agent", Op: op, Value: query.TextOf(v)},
			})
		}
	}
	for _, q := range questions {
		want, err := truth.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if d := sourcetest.Differ(got, want); d != "" {
			t.Errorf("%s: %s", q, d)
		}
	}
}

func TestProbe(t *testing.T) {
	q := faultQuestions()["groups"]
	wrongZone := trailEvents()
	for i := range wrongZone {
		wrongZone[i].Time = wrongZone[i].Time.Add(-9 * time.Hour)
	}
	for _, c := range []struct {
		name   string
		events []splunktest.Event
		want   string
	}{
		{"another log", splunktest.Events("aws", splunk.AWSCloudTrail, [][]byte{[]byte(`{"eventTime":"2025-09-08T01:00:00Z","a":1}`)}), "no records of this dataset"},
		{"no JSON", []splunktest.Event{{Index: "aws", Sourcetype: splunk.AWSCloudTrail, Raw: "Sep 8 01:00:00 host sshd[1]: x", Time: sourcetest.Began.Add(time.Hour)}}, "no records of this dataset"},
		{"dated in a wrong zone", wrongZone, "dated otherwise"},
	} {
		_, s := splunkd(t, splunktest.Options{Events: c.events}, trailPlaces(), nil)
		a, err := s.Ask(t.Context(), q)
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v; want %q", c.name, a.Outcome, err, c.want)
		}
		cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Window: window})
		if err != nil || len(cov) != 1 || cov[0].State != evidence.Unknown || !strings.Contains(cov[0].Detail, c.want) {
			t.Errorf("%s: coverage %+v, %v", c.name, cov, err)
		}
	}
	// It costs one call, once.
	d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	for range 3 {
		if _, err := s.Ask(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, r := range d.Requests() {
		if r.Call == splunktest.Oneshot {
			n++
		}
	}
	if n != 1 || d.Jobs() != 0 {
		t.Errorf("%d probes for three questions, %d jobs left", n, d.Jobs())
	}
}

func TestCredentials(t *testing.T) {
	const password = "correct horse"
	server := splunktest.Options{Events: trailEvents(), User: "uratori", Password: password, Polls: 1}
	login := func(pass string) func(*splunk.Options) {
		return func(o *splunk.Options) {
			o.Token, o.Login = nil, func(context.Context) (string, string, error) { return "uratori", pass, nil }
		}
	}
	count := func(d *splunktest.Server, c splunktest.Call) (n int) {
		for _, r := range d.Requests() {
			if r.Call == c {
				n++
			}
		}
		return n
	}
	q := faultQuestions()["events"]
	d, s := splunkd(t, server, trailPlaces(), login(password))
	for range 2 {
		if a, err := s.Ask(t.Context(), q); err != nil || a.Outcome != evidence.Found {
			t.Fatalf("%s, %v", a.Outcome, err)
		}
	}
	if n := count(d, splunktest.Login); n != 1 || d.Requests()[len(d.Requests())-1].Auth != "Splunk" {
		t.Errorf("%d logins for two questions", n)
	}
	d.Logout() // the session expires
	if a, err := s.Ask(t.Context(), q); err != nil || a.Outcome != evidence.Found || count(d, splunktest.Login) != 2 {
		t.Errorf("after the session expired: %s, %v, %d logins", a.Outcome, err, count(d, splunktest.Login))
	}
	d, s = splunkd(t, server, trailPlaces(), login("wrong "+password))
	_, err := s.Ask(t.Context(), q)
	if !errors.Is(err, source.ErrDenied) || strings.Contains(err.Error(), password) || len(d.Requests()) != 1 {
		t.Errorf("a wrong password: %v, %d calls; want a refusal after one, without the password in it", err, len(d.Requests()))
	}
	_, s = splunkd(t, server, trailPlaces(), func(o *splunk.Options) {
		o.Token = func(context.Context) (string, error) { return "stolen-token", nil }
	})
	if _, err := s.Ask(t.Context(), q); !errors.Is(err, source.ErrDenied) || strings.Contains(err.Error(), "stolen-token") {
		t.Errorf("a wrong token: %v", err)
	}
	_, s = splunkd(t, server, trailPlaces(), func(o *splunk.Options) {
		o.Token = func(context.Context) (string, error) { return "", errors.New("no such secret") }
	})
	if _, err := s.Ask(t.Context(), q); !errors.Is(err, source.ErrDenied) {
		t.Errorf("no token: %v", err)
	}
}

func TestOnlyItsOwnAuthorityIsTrusted(t *testing.T) {
	d := splunktest.New(splunktest.Options{Events: trailEvents(), TLS: true})
	defer d.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw})
	for _, own := range []bool{true, false} {
		opt := splunk.Options{
			Name: "splunk-prod", Endpoint: d.URL, Places: trailPlaces(), Caller: call.New(call.Options{Sleep: awake}), Sleep: awake,
			Token: func(context.Context) (string, error) { return "test-token", nil },
		}
		if own {
			opt.CA = ca
		}
		s, err := splunk.New(opt)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Ask(t.Context(), faultQuestions()["groups"])
		s.Close()
		if own && (err != nil || a.Outcome != evidence.Found) || !own && !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("with its own authority %t: %s, %v", own, a.Outcome, err)
		}
		if !own && len(d.Requests()) > 0 && d.Requests()[len(d.Requests())-1].Auth == "" {
			t.Error("a request went to a server that is not trusted")
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := func() splunk.Options {
		return splunk.Options{
			Name: "splunk-prod", Endpoint: "https://splunk.example.co.jp:8089", Caller: call.New(call.Options{}), Places: trailPlaces(),
			Token: func(context.Context) (string, error) { return "x", nil },
		}
	}
	if _, err := splunk.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*splunk.Options){
		"plain http":      func(o *splunk.Options) { o.Endpoint = "http://splunk.example.co.jp:8089" },
		"user in address": func(o *splunk.Options) { o.Endpoint = "https://a:b@splunk.example.co.jp:8089" },
		"no address":      func(o *splunk.Options) { o.Endpoint = "splunk" },
		"no name":         func(o *splunk.Options) { o.Name = "" },
		"no credentials":  func(o *splunk.Options) { o.Token = nil },
		"two credentials": func(o *splunk.Options) {
			o.Login = func(context.Context) (string, string, error) { return "", "", nil }
		},
		"no caller":         func(o *splunk.Options) { o.Caller = nil },
		"broken authority":  func(o *splunk.Options) { o.CA = []byte("x") },
		"index with a star": func(o *splunk.Options) { o.Places[0].Index = "*" },
		"index with a pipe": func(o *splunk.Options) { o.Places[0].Index = `aws" | delete` },
		"unknown dataset":   func(o *splunk.Options) { o.Places[0].Dataset = "dns" },
		"unknown field": func(o *splunk.Options) {
			o.Places[0].Map = &splunk.Map{Paths: map[query.Field][]query.Path{"x": {"y"}}}
		},
		"broken path":    func(o *splunk.Options) { o.Places[0].Map = &splunk.Map{Record: `a".b`} },
		"broken account": func(o *splunk.Options) { o.Places[0].Account = "a b" },
	} {
		o := good()
		spoil(&o)
		if _, err := splunk.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Several investigations ask one source at once.
func TestConcurrentQuestions(t *testing.T) {
	d, s := splunkd(t, splunktest.Options{Events: trailEvents(), User: "u", Password: "p"}, trailPlaces(), func(o *splunk.Options) {
		o.Token, o.Login = nil, func(context.Context) (string, string, error) { return "u", "p", nil }
	})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for name, q := range faultQuestions() {
				if i == 0 {
					d.Logout()
				}
				if a, err := s.Ask(t.Context(), q); err != nil && !errors.Is(err, source.ErrDenied) || err == nil && a.Outcome != evidence.Found && a.Outcome != evidence.Empty {
					t.Errorf("%s: %s, %v", name, a.Outcome, err)
				}
			}
			if _, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Account: sourcetest.Account, Window: window}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.Jobs(); n > 3 { // those whose session ended before they were taken away
		t.Errorf("%d jobs were left", n)
	}
}

// A server from before search/v2 is asked in the first version.
func TestOldServer(t *testing.T) {
	d, s := splunkd(t, splunktest.Options{Events: trailEvents(), Old: true}, trailPlaces(), nil)
	for range 2 {
		if a, err := s.Ask(t.Context(), faultQuestions()["groups"]); err != nil || a.Outcome != evidence.Found {
			t.Fatalf("%s, %v", a.Outcome, err)
		}
	}
	missed := 0
	for _, r := range d.Requests() {
		if r.Call == splunktest.Any {
			missed++
		}
	}
	if missed != 1 {
		t.Errorf("%d calls went to endpoints that are not there, want 1", missed)
	}
}

func TestCheck(t *testing.T) {
	token := func(exp int64) string {
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":"admin","aud":"uratori","exp":%d}`, exp))
		return "eyJhbGciOiJIUzUxMiJ9." + claims + ".c2lnbmF0dXJl"
	}
	now := sourcetest.Ended
	for _, c := range []struct {
		name   string
		server splunktest.Options
		exp    int64
		want   splunk.Health
	}{
		{
			"as it should be",
			splunktest.Options{Indexes: []string{"aws"}, Now: now.Add(90 * time.Second)},
			now.Add(time.Hour).Unix(),
			splunk.Health{Skew: 90 * time.Second},
		},
		{"index not allowed", splunktest.Options{Indexes: []string{"main", "a_*"}, Now: now}, now.Add(time.Hour).Unix(), splunk.Health{Missing: []string{"index aws"}}},
		{"index by pattern", splunktest.Options{Indexes: []string{"a*s"}, Now: now}, now.Add(time.Hour).Unix(), splunk.Health{Wider: []string{"a*s"}}},
		{"too much", splunktest.Options{Capabilities: []string{"search", "edit_user", "delete_by_keyword"}, Now: now}, now.Add(time.Hour).Unix(), splunk.Health{Excess: []string{"delete_by_keyword", "edit_user"}}},
		{"no search", splunktest.Options{Capabilities: []string{"get_metadata"}, Now: now}, now.Add(time.Hour).Unix(), splunk.Health{Missing: []string{"capability search"}}},
		{"token expired", splunktest.Options{Now: now}, now.Add(-time.Hour).Unix(), splunk.Health{Missing: []string{"a token that has not expired"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.Token = token(c.exp)
			_, s := splunkd(t, c.server, trailPlaces(), func(o *splunk.Options) {
				o.Now, o.Token = func() time.Time { return now }, func(context.Context) (string, error) { return c.server.Token, nil }
			})
			h, err := s.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(h.Missing, c.want.Missing) || !slices.Equal(h.Excess, c.want.Excess) || c.server.Indexes != nil && c.want.Missing == nil && !slices.Equal(h.Wider, c.want.Wider) || h.Skew != c.want.Skew || h.OK() != (c.want.Missing == nil) {
				t.Errorf("got %+v", h)
			}
			if h.User != "uratori" || h.Version != "10.0.1" || h.Expires.Unix() != c.exp || h.Calls == 0 {
				t.Errorf("got %+v", h)
			}
		})
	}
	d, s := splunkd(t, splunktest.Options{}, trailPlaces(), nil)
	d.Script(splunktest.Fault{On: splunktest.Role, Kind: splunktest.Forbidden})
	if h, err := s.Check(t.Context()); err != nil || len(h.Unseen) < 2 || len(h.Missing) > 0 {
		t.Errorf("what may not be seen is said: %+v, %v", h, err)
	}
	d.Script(splunktest.Fault{Kind: splunktest.Expired})
	if _, err := s.Check(t.Context()); !errors.Is(err, source.ErrDenied) {
		t.Errorf("credentials that do not work: %v", err)
	}
}

// The token goes to the endpoint and nowhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var hosts []string
	d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), func(o *splunk.Options) {
		o.HTTP = roundTripper(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	d.Script(splunktest.Fault{Kind: splunktest.Redirect})
	_, err := s.Ask(t.Context(), faultQuestions()["groups"])
	if !errors.Is(err, source.ErrInvalid) || len(hosts) != 1 || "http://"+hosts[0] != d.URL {
		t.Errorf("%v; asked %v", err, hosts)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The same question is the same search, byte for byte.
func TestSearchesAreDeterministic(t *testing.T) {
	var first []string
	for range 3 {
		d, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
		for _, name := range []string{"events", "groups", "nothing"} {
			if _, err := s.Ask(t.Context(), faultQuestions()[name]); err != nil {
				t.Fatal(err)
			}
		}
		if first == nil {
			first = d.Searches()
		}
		if !slices.Equal(first, d.Searches()) {
			t.Errorf("searches differ:\n%s\n%s", strings.Join(first, "\n"), strings.Join(d.Searches(), "\n"))
		}
	}
}

// A real Splunk answers as the double does, where one is named: URATORI_SPLUNK_URL, _TOKEN, _INDEX,
// _SOURCETYPE (aws:cloudtrail), and _CA with a file in PEM. Only searches are run.
func TestRealSplunk(t *testing.T) {
	url, token := os.Getenv("URATORI_SPLUNK_URL"), os.Getenv("URATORI_SPLUNK_TOKEN")
	if url == "" || token == "" {
		t.Skip("URATORI_SPLUNK_URL and URATORI_SPLUNK_TOKEN name no Splunk")
	}
	place := splunk.Place{Dataset: query.CloudTrail, Index: os.Getenv("URATORI_SPLUNK_INDEX"), Sourcetype: os.Getenv("URATORI_SPLUNK_SOURCETYPE")}
	if place.Sourcetype == "" {
		place.Sourcetype = splunk.AWSCloudTrail
	}
	var ca []byte
	if name := os.Getenv("URATORI_SPLUNK_CA"); name != "" {
		var err error
		if ca, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	s, err := splunk.New(splunk.Options{
		Name: "splunk-real", Endpoint: url, CA: bytes.TrimSpace(ca), Places: []splunk.Place{place}, Caller: call.New(call.Options{}),
		Token: func(context.Context) (string, error) { return token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.Check(t.Context())
	t.Logf("health %+v, %v", h, err)
	w := query.Window{From: time.Now().Add(-25 * time.Hour).UTC(), To: time.Now().Add(-time.Hour).UTC()}
	groups, err := s.Ask(t.Context(), query.Query{
		Dataset: query.CloudTrail, Window: w, Limit: 10_000, GroupBy: []query.Key{{Field: "error_code"}}, Compute: []query.Aggregate{{Func: query.Count, As: "n"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Ask(t.Context(), query.Query{Dataset: query.CloudTrail, Window: w, Limit: 10_000, Select: []query.Field{query.EventTime, query.EventID}})
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, r := range groups.Rows {
		sum += r[1].Int()
	}
	if events.Outcome == evidence.Found && sum != int64(len(events.Rows)) {
		t.Errorf("the groups hold %d events, and %d came", sum, len(events.Rows))
	}
}
