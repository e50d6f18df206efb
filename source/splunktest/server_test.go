package splunktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"uratori/source/splunktest"
)

var began = time.Date(2025, 9, 8, 0, 0, 0, 0, time.UTC)

// events are a dozen events with what is hard about them.
func events(raws ...string) []splunktest.Event {
	var out []splunktest.Event
	for i, r := range raws {
		at := began.Add(time.Duration(i) * time.Minute)
		out = append(out, splunktest.Event{Index: "main", Sourcetype: "json", Raw: r, Time: at, Indexed: at.Add(time.Minute), Fields: map[string]string{"acct": fmt.Sprint(i % 2)}})
	}
	return out
}

// tell prints rows in a line each: the columns a search was asked for, joined by a bar.
func tell(rows []map[string]any, columns ...string) string {
	var lines []string
	for _, r := range rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, fmt.Sprint(r[c]))
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, " ")
}

// What is hard about the search language, as its manuals describe it.
func TestSearchLanguage(t *testing.T) {
	d := splunktest.New(splunktest.Options{Caps: splunktest.Caps{Sort: 3, Values: 2}, Events: events(
		`{"id":"1","user":"Bob","n":"10","tag":["x","y"],"nested":{"a.b":1,"list":[{"k":"p"},{"k":"q"}]}}`,
		`{"id":"2","user":"bob","n":"9","code":"AccessDenied"}`,
		`{"id":"3","user":"bob*","n":"1.0","ip":"192.0.2.7"}`,
		`{"id":"4","n":"x","flag":true,"nothing":null}`,
		`{"id":"5","user":"bobby-jones@example.co.jp","n":"-","code":"AccessDenied"}`,
	)})
	defer d.Close()
	for _, c := range []struct{ name, spl, columns, want string }{
		{"a value in any case of letters", `search user="BOB" | sort 0 id | table id`, "id", "1 2"},
		{"a star is a wildcard and cannot be escaped", `search user="bob\*" | table id`, "id", ""},
		{"a star", `search user="bob*" | sort 0 id | table id`, "id", "1 2 3 5"},
		{"where is exact", `search * | where user="bob" | table id`, "id", "2"},
		{"where knows no wildcard", `search * | where user="bob*" | table id`, "id", "3"},
		{"texts that look like numbers are numbers", `search * | where n="1" | table id`, "id", "3"},
		{"a null is neither equal nor different", `search * | where user!="bob" | sort 0 id | table id`, "id", "1 3 5"},
		{"nor is its opposite", `search * | where NOT user="bob" | sort 0 id | table id`, "id", "1 3 5"},
		{"but NOT in search is", `search NOT user="bob" | sort 0 id | table id`, "id", "3 4 5"},
		{"!= in search needs the field", `search user!="bob" | sort 0 id | table id`, "id", "3 5"},
		{"stats by drops nulls", `search * | stats count by code`, "code|count", "AccessDenied|2"},
		{"a multivalue field is in several groups", `search * | stats count by "tag{}"`, "tag{}|count", "x|1 y|1"},
		{"lists of objects", `search "nested.list{}.k"=q | table id "nested.list{}.k"`, "id|nested.list{}.k", "1|[p q]"},
		{"a null is the word null when it is extracted", `search nothing=null | table id`, "id", "4"},
		{"and nothing to json_extract", `search * | eval v=coalesce(json_extract(_raw,"nothing"),"gone") | sort 0 id | table v`, "v", "gone gone gone gone gone"},
		{"sort keeps its default of rows", `search * | sort id | table id`, "id", "1 2 3"},
		{"sort 0 keeps all, numbers as numbers", `search * | where match(n,"^[0-9]+$") | sort 0 n | table id`, "id", "2 1"},
		{"sort by text", `search * | where match(n,"^[0-9]+$") | sort 0 +str(n) | table id`, "id", "1 2"},
		{"head", `search * | sort 0 -id | head 2 | table id`, "id", "5 4"},
		{"values are capped and sorted", `search * | stats values(id) as v dc(id) as d`, "v|d", "[1 2]|5"},
		{"min compares texts where one is none", `search * | stats min(n) as a max(n) as b`, "a|b", "-|x"},
		{"dedup drops nulls", `search * | sort 0 id | dedup code | table id`, "id", "2"},
		{"a bare dot joins", `search * | where id="1" | eval v=user.n | table v`, "v", "Bob10"},
		{"single quotes name a field", `search * | where 'nested.a.b'=1 | table id`, "id", "1"},
		{"phrases are words", `search "bobby-jones@example.co.jp" | table id`, "id", "5"},
		{"parts of words are not found", `search "bobby-jone" | table id`, "id", ""},
		{"unless a star says so", `search "bobby-jon*" | table id`, "id", "5"},
		{"OR binds closer than AND", `search id=1 OR id=2 user=bob n=9 | table id`, "id", "2"},
		{"IN", `search id IN (1, "3") | sort 0 id | table id`, "id", "1 3"},
		{"everything is a text", `search id=1 | eval v=2+3 | table v`, "v", "5"},
		{"split is literal", `search id=5 | eval v=mvcount(split(user,".")) | table v`, "v", "3"},
		{"substr from the end", `search id=5 | eval v=substr(user,-5) | table v`, "v", "co.jp"},
		{"strftime follows the user", `search id=1 | eval v=strftime(_time,"%H:%M") | table v`, "v", "05:45"},
		{"strptime too, whatever letter ends it", `search id=1 | eval v=strptime("2025-09-08T00:00:00Z","%Y-%m-%dT%H:%M:%SZ") | table v`, "v", "1757268900"},
		{"buckets of an hour follow the user", `search id=1 | bin _time span=1h | eval v=tostring(_time) | table v`, "v", "1757286900"},
		{"tstats sees indexed fields only", `| tstats count as n where index=main user=bob by index`, "n", ""},
		{"tstats", `| tstats count as n where index="main" by acct`, "acct|n", "0|3 1|2"},
		{"no row is a row of stats", `search id=99 | stats count as n`, "n", "0"},
		{"and none by a field", `search id=99 | stats count as n by id`, "n", ""},
		{"quotes hold everything", `search * | where user="a|b [c] \"d\" \\" | table id`, "id", ""},
	} {
		rows, err := d.Search(c.spl, began, began.Add(time.Hour))
		if got := tell(rows, strings.Split(c.columns, "|")...); err != nil || got != c.want {
			t.Errorf("%s: %s\ngot  %q, %v\nwant %q", c.name, c.spl, got, err, c.want)
		}
	}
	for _, broken := range []string{
		`search a | delete`, `search a | nonsense`, "search a `m`", `search a [search b]`, `search a | where b=`, `search a | where b="c`, `search (a`, `search a=`,
		`search a | eval b`, `search a | eval b=nonsense(c)`, `search a | stats nonsense(b)`, `search a | head x`, `search a | sort`, `| where a=b`,
	} {
		if rows, err := d.Search(broken, began, began.Add(time.Hour)); err == nil {
			t.Errorf("%s: ran, %d rows", broken, len(rows))
		}
	}
	if _, err := d.Search(`search id=1 | eval b=(id="1")`, began, began.Add(time.Hour)); err == nil {
		t.Error("a truth value was assigned to a field")
	}
}

// The window is half-open, and a search's own times go before those of the request.
func TestTimes(t *testing.T) {
	d := splunktest.New(splunktest.Options{Events: events(`{"id":"1"}`, `{"id":"2"}`, `{"id":"3"}`)})
	defer d.Close()
	rows, err := d.Search(`search * | sort 0 id | table id _time`, began, began.Add(2*time.Minute))
	if got, want := tell(rows, "id", "_time"), "1|2025-09-08T05:45:00.000+05:45 2|2025-09-08T05:46:00.000+05:45"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	rows, err = d.Search(fmt.Sprintf(`search earliest=%d latest=%d * | table id`, began.Unix()+60, began.Unix()+120), began.Add(-time.Hour), began)
	if got := tell(rows, "id"); err != nil || got != "2" {
		t.Errorf("%s, %v; want 2", got, err)
	}
}

// The API as a client meets it: what is not said costs rows.
func TestREST(t *testing.T) {
	var raws []string
	for i := range 250 {
		raws = append(raws, fmt.Sprintf(`{"id":"%03d"}`, i))
	}
	d := splunktest.New(splunktest.Options{Events: events(raws...), Caps: splunktest.Caps{Count: 200}, Polls: 1})
	defer d.Close()
	do := func(method, path string, form url.Values, token string) (int, map[string]any) {
		t.Helper()
		form.Set("output_mode", "json")
		req, err := http.NewRequestWithContext(t.Context(), method, d.URL+"/services/"+path+"?"+form.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]any{}
		_ = json.Unmarshal(body, &out) // a body that is no object stays empty
		return resp.StatusCode, out
	}
	window := func(spl string) url.Values {
		return url.Values{"search": {spl}, "earliest_time": {fmt.Sprint(began.Unix())}, "latest_time": {fmt.Sprint(began.Add(24 * time.Hour).Unix())}}
	}
	if code, _ := do("POST", "search/v2/jobs", window("search *"), "wrong"); code != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", code)
	}
	if code, body := do("POST", "search/v2/jobs", window("search * | nonsense"), "test-token"); code != http.StatusBadRequest || len(body["messages"].([]any)) != 1 {
		t.Errorf("a broken search: %d, %v", code, body)
	}
	if code, _ := do("POST", "search/v2/jobs", window("index=main"), "test-token"); code != http.StatusBadRequest {
		t.Errorf("a search without a command: %d", code)
	}
	code, body := do("POST", "search/v2/jobs", window("search * | sort 0 id | table id"), "test-token")
	sid, _ := body["sid"].(string)
	if code != http.StatusCreated || sid == "" {
		t.Fatalf("%d, %v", code, body)
	}
	state := func() map[string]any {
		_, body := do("GET", "search/v2/jobs/"+sid, url.Values{}, "test-token")
		return body["entry"].([]any)[0].(map[string]any)["content"].(map[string]any)
	}
	if s := state(); s["isDone"] != false || s["dispatchState"] != "RUNNING" {
		t.Errorf("first poll %v", s)
	}
	if s := state(); s["isDone"] != true || s["resultCount"] != 200.0 {
		t.Errorf("second poll %v; without max_count the job keeps 200 rows here", s)
	}
	if _, body := do("POST", "search/v2/jobs/"+sid+"/results", url.Values{}, "test-token"); len(body["results"].([]any)) != 100 {
		t.Errorf("%d rows without a count, want 100", len(body["results"].([]any)))
	}
	if _, body := do("POST", "search/v2/jobs/"+sid+"/results", url.Values{"count": {"150"}, "offset": {"190"}}, "test-token"); len(body["results"].([]any)) != 10 {
		t.Errorf("%d rows at the end, want 10", len(body["results"].([]any)))
	}
	if code, _ := do("DELETE", "search/v2/jobs/"+sid, url.Values{}, "test-token"); code != http.StatusOK || d.Jobs() != 0 {
		t.Errorf("taken away: %d, %d left", code, d.Jobs())
	}
	if code, _ := do("GET", "search/v2/jobs/"+sid, url.Values{}, "test-token"); code != http.StatusNotFound {
		t.Errorf("a job that is gone: %d", code)
	}
	if n := len(d.Requests()); n != 10 {
		t.Errorf("%d calls counted, want 10", n)
	}
	http.DefaultClient.CloseIdleConnections()
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{`search a="b" OR NOT c | where x=1`, `| tstats count where a=b by c span=1h`, `search * | eval a=substr("x",-1), b=split(c,"") | stats count by a`, `search * | eval a=json_extract(_raw,"a.b")`} {
		f.Add(s)
	}
	d := splunktest.New(splunktest.Options{Events: events(`{"a":{"b":[1,null,"x"]},"c":"d"}`)})
	f.Cleanup(d.Close)
	f.Fuzz(func(_ *testing.T, s string) {
		_, _ = d.Search(s, began, began.Add(time.Hour)) // whatever is asked, the server lives on
	})
}
