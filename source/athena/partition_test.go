package athena

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/athenatest"
	"uratori/source/sourcetest"
)

// months are events over two months, one an hour, in two accounts and Regions.
func months() [][]byte {
	var out [][]byte
	for i := range 24 * 60 {
		out = append(out, fmt.Appendf(nil, `{"eventVersion":"1.11","eventID":"m-%d","eventTime":%q,"eventName":"GetObject","eventSource":"s3.amazonaws.com","awsRegion":%q,"recipientAccountId":%q,"eventCategory":"Management","userIdentity":{"type":"Root"}}`,
			i, time.Date(2025, 12, 1, 0, 59, 0, 0, time.UTC).Add(time.Duration(i)*time.Hour).Format(time.RFC3339), []string{"ap-northeast-1", "us-east-1"}[i%2], []string{"111122223333", "444455556666"}[i/2%2]))
	}
	return out
}

// Questions read the partitions of their window and not the table, and miss no record for it,
// however late it was delivered within what was said.
func TestBounds(t *testing.T) {
	late := func(at time.Time) time.Time { return at.Add(23 * time.Hour) }
	for name, c := range map[string]struct {
		tab  athenatest.Options
		days int64 // partitions at most, in days' worth of records
	}{
		"projected": {athenatest.Options{Delivered: late}, 5}, "by hand": {athenatest.Options{Division: athenatest.ByHand, Delivered: late}, 5},
		"Security Lake 1": {athenatest.Options{Layout: athenatest.OCSF1}, 5}, "Security Lake 2": {athenatest.Options{Layout: athenatest.OCSF2}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			recs := months()
			d := against(t, recs, c.tab)
			q := all("")
			q.Window = query.Window{From: time.Date(2025, 12, 30, 6, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 2, 6, 0, 0, 0, time.UTC)}
			day := int64(24 * len(recs[0]))
			a := ask(t, d, q)
			if len(a.Rows) != 72 {
				t.Errorf("%d rows, want the 72 hours over the turn of the year", len(a.Rows))
			}
			if a.Bytes > (c.days+1)*day || a.Bytes < 3*day {
				t.Errorf("%d bytes were scanned; 3 to %d days hold %d to %d", a.Bytes, c.days, 3*day, c.days*day)
			}
			q.Where = query.And{Terms: []query.Expr{
				query.Compare{Field: "account", Op: query.Equal, Value: query.TextOf("111122223333")},
				query.In{Field: "region", Values: []query.Value{query.TextOf("us-east-1")}},
			}}
			b := ask(t, d, q)
			if len(b.Rows) != 18 || b.Bytes > a.Bytes*2/3 {
				t.Errorf("of one account and Region: %d rows of %d bytes scanned, want 18 of a part of %d", len(b.Rows), b.Bytes, a.Bytes)
			}
		})
	}
}

// A question that is asked for a scope reads the scope's partitions; its own account wins.
func TestScope(t *testing.T) {
	d := against(t, months(), athenatest.Options{Division: athenatest.Injected})
	q := all("")
	q.Window = query.Window{From: time.Date(2025, 12, 3, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 12, 4, 0, 0, 0, 0, time.UTC)}
	count := func(scope query.Scope, q query.Query) evidence.Answer {
		a, err := d.Ask(source.WithScope(t.Context(), scope), q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := count(query.Scope{Kind: query.KindManagement, Account: "111122223333"}, q); len(a.Rows) != 12 || !strings.Contains(a.Native, "\"account\" IN ('111122223333')") {
		t.Errorf("%d rows for one account of two, by\n%s", len(a.Rows), a.Native)
	}
	if a := count(query.Scope{Kind: query.KindManagement, Account: "111122223333", Region: "us-east-1"}, q); len(a.Rows) != 6 {
		t.Errorf("%d rows for one account and Region", len(a.Rows))
	}
	q.Where = query.Compare{Field: "account", Op: query.Equal, Value: query.TextOf("444455556666")}
	if a := count(query.Scope{Kind: query.KindManagement, Account: "111122223333"}, q); len(a.Rows) != 12 {
		t.Errorf("%d rows for the account that the question names", len(a.Rows))
	}
	if a := count(query.Scope{Kind: query.KindDNS, Account: "111122223333"}, q); a.Outcome != evidence.NotCollected || a.Reason == "" {
		t.Errorf("a kind that the table does not hold: %s %q", a.Outcome, a.Reason)
	}
}

// Questions of a round come at once.
func TestAtOnce(t *testing.T) {
	d := against(t, months(), athenatest.Options{}, func(o *Options) { o.Now = func() time.Time { return time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) } })
	window := query.Window{From: time.Date(2025, 12, 3, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 12, 4, 0, 0, 0, 0, time.UTC)}
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			q := all(fmt.Sprintf(`user_agent != "%d"`, i))
			q.Where, q.Window = query.Not{X: q.Where}, window
			a, err := d.Ask(t.Context(), q)
			if err == nil && len(a.Rows) != 24 {
				err = fmt.Errorf("%d rows", len(a.Rows))
			}
			_, err2 := d.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Window: window})
			return errors.Join(err, err2)
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(d.athena.Queries()); n != 9 {
		t.Errorf("%d queries, want one for each question and one for what all of them are covered by", n)
	}
}

func TestTablesWithoutBoundsAreRefused(t *testing.T) {
	d := against(t, records(), athenatest.Options{Division: athenatest.Undivided})
	_, err := d.Ask(t.Context(), all(""))
	if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "limit of bytes") {
		t.Errorf("a table without partitions: %v, want it refused with the way out", err)
	}
	if n := len(d.athena.Queries()); n > 0 {
		t.Errorf("%d queries were started", n)
	}
	d = against(t, records(), athenatest.Options{Division: athenatest.Injected})
	if _, err := d.Ask(t.Context(), all("")); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "list the table's accounts") {
		t.Errorf("an injected partition without values: %v, want it refused with the way out", err)
	}
	if a := ask(t, d, all(`account = "111122223333"`)); a.Outcome != evidence.Found {
		t.Errorf("an injected partition with its value: %s %s", a.Outcome, a.Reason)
	}
	opt := d.opt
	opt.ScanAll = true
	if _, err := New(opt); err == nil {
		t.Error("a scan of all without a limit of bytes was allowed")
	}
}

func TestPartitionsAreRead(t *testing.T) {
	day := query.Window{From: time.Date(2025, 9, 8, 0, 30, 0, 0, time.UTC), To: time.Date(2025, 9, 8, 6, 0, 0, 0, time.UTC)}
	trail := []column{{"eventtime", "string"}, {"eventid", "string"}, {"eventname", "string"}, {"eventsource", "string"}, {"useridentity", "struct<arn:string>"}}
	for name, c := range map[string]struct {
		keys       []column
		parameters map[string]string
		set        []Partition
		want       string
	}{
		"hours": {
			[]column{{"dt", "string"}},
			map[string]string{"projection.dt.type": "date", "projection.dt.format": "yyyy/MM/dd/HH"},
			nil,
			`"dt" >= '2025/09/07/23' AND "dt" <= '2025/09/09/06'`,
		},
		"numbers": {
			[]column{{"region", "string"}, {"year", "int"}, {"month", "int"}, {"day", "int"}},
			nil, nil,
			`(("year" = 2025 AND "month" = 9 AND "day" IN (7, 8, 9)))`,
		},
		"years of texts": {
			[]column{{"year", "string"}, {"month", "string"}, {"day", "string"}},
			nil, nil,
			`(("year" = '2025' AND "month" = '09' AND "day" IN ('07', '08', '09')))`,
		},
		"given": {
			[]column{{"d", "date"}},
			nil,
			[]Partition{{Columns: []string{"d"}, Means: ByDelivery, Formats: []string{"2006-01-02"}}},
			`"d" >= DATE '2025-09-07' AND "d" <= DATE '2025-09-09'`,
		},
		"a format that does not sort": {[]column{{"dt", "string"}}, map[string]string{"projection.dt.type": "date", "projection.dt.format": "dd-MM-yyyy"}, nil, ""},
		"an unknown name":             {[]column{{"batch", "string"}}, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Database: "d", Table: "t", Partitions: c.set, Late: 24 * time.Hour}
			tab, err := newTable(opt, description{Name: "t", Columns: trail, Partitions: c.keys, Parameters: c.parameters})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tab.bounds(opt, day, nil, nil)
			if c.want == "" && !errors.Is(err, source.ErrInvalid) || c.want != "" && got != c.want {
				t.Errorf("bounds are %s (%v), want %s", got, err, c.want)
			}
		})
	}
}

// Delivery repeats records; one id is one event.
func TestDuplicates(t *testing.T) {
	recs := records()
	d := against(t, append(append(recs[:len(recs):len(recs)], recs...), recs[:40]...), athenatest.Options{})
	sourcetest.Run(t, d, query.CloudTrail)
}

// Records with one id and different content: each is judged by itself, and one of them stands.
// Records without an id are events of their own.
func TestConflictsAndMissingIDs(t *testing.T) {
	event := func(id, agent string) []byte {
		return fmt.Appendf(nil, `{"eventVersion":"1.11",%s"eventTime":"2025-09-08T01:00:00Z","eventName":"GetObject","eventSource":"s3.amazonaws.com","awsRegion":"us-east-1","recipientAccountId":"111122223333","userAgent":%q,"userIdentity":{"type":"Root"}}`, id, agent)
	}
	d := against(t, [][]byte{event(`"eventID":"e1",`, "b"), event(`"eventID":"e1",`, "a"), event("", "c"), event("", "c")}, athenatest.Options{})
	for where, want := range map[string]int{``: 3, `user_agent = "a"`: 1, `user_agent = "b"`: 1, `user_agent = "c"`: 2} {
		q := all(where, "user_agent")
		q.Select, q.Compute = nil, []query.Aggregate{{Func: query.Count, As: "n"}}
		if a := ask(t, d, q); len(a.Rows) != 1 || a.Rows[0][0].Int() != int64(want) {
			t.Errorf("%q counts %v, want %d", where, a.Rows, want)
		}
	}
	if a := ask(t, d, all(`event_id = "e1"`, "user_agent")); len(a.Rows) != 1 || a.Rows[0][2].Text() != "a" {
		t.Errorf("of two records with one id %v stands, want the smaller", a.Rows)
	}
}
