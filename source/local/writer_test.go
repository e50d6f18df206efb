package local

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/query"
)

// byHours are the counts that coverage is derived from, and the same counted from the rows.
func byHours(t *testing.T, s *Store) (kept, counted []string) {
	t.Helper()
	read := func(q string) (out []string) {
		rows, err := s.db.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var kind, account, region string
			var hour, n int64
			if err := rows.Scan(&kind, &account, &region, &hour, &n); err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprint(kind, " ", account, " ", region, " ", hour, " ", n))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	kept = read("SELECT kind, account, region, hour, sum(n)::BIGINT FROM hours GROUP BY ALL HAVING sum(n) <> 0 ORDER BY ALL")
	counted = read(fmt.Sprintf(`SELECT kind, account, region, hour, count(*) AS n FROM (
		SELECT %s AS kind, coalesce(account, '') AS account, coalesce(region, '') AS region, event_time // %d AS hour FROM cloudtrail
		UNION ALL SELECT %s, '', '', event_time // %d FROM signin) GROUP BY ALL ORDER BY ALL`, kindSQL, hour, signinKindSQL, hour))
	return kept, counted
}

// The counts by hour follow the rows, whatever kind they are of, and when one takes another's place.
func TestHoursFollowTheRows(t *testing.T) {
	var first, second []string
	for i := range 4000 {
		at := time.Date(2025, 9, 9, i%24, i%60, 0, 0, time.UTC)
		r := ct(i, at.Format(time.RFC3339), "")
		switch i % 5 {
		case 1:
			r = strings.Replace(r, `"Management"`, `"Data"`, 1)
		case 2:
			r = strings.NewReplacer(`,"eventCategory":"Management"`, "", `"managementEvent":true`, `"managementEvent":false`, "s3.amazonaws.com", "lambda.amazonaws.com").Replace(r)
		case 3:
			r = strings.Replace(r, `"Management"`, `"Insight"`, 1)
		case 4:
			r = strings.Replace(r, "ap-northeast-1", "us-east-1", 1)
		}
		first = append(first, r)
		if i%2 == 0 { // the same id at another hour: the smaller hash stays
			second = append(second, strings.Replace(r, at.Format(time.RFC3339), at.Add(3*time.Hour).Format(time.RFC3339), 1))
		}
		if i%10 == 0 {
			first = append(first, fmt.Sprintf(`{"id":"s%d","createdDateTime":%q,"userPrincipalName":"sato.kaede@example.co.jp","appDisplayName":"AWS","isInteractive":%v,"status":{"errorCode":0}}`, i, at.Format(time.RFC3339), i%20 == 0))
		}
	}
	s := ingested(t, put(t, map[string]string{"a": strings.Join(first, "\n")}))
	if _, err := s.Ingest(context.Background(), []string{put(t, map[string]string{"b": strings.Join(second, "\n")})}, nil); err != nil {
		t.Fatal(err)
	}
	q := stats(t, s)
	if q.Events[query.CloudTrail] != 4000 || q.Events[query.SignIn] != 400 || q.Conflicts != 2000 {
		t.Errorf("%+v", q)
	}
	kept, counted := byHours(t, s)
	if diff := cmp.Diff(counted, kept); diff != "" || len(kept) < 100 {
		t.Errorf("the counts (+) and the rows (-) differ: %s", diff)
	}
}

// Texts of every length around what DuckDB keeps in place come back as they were.
func TestTextsOfEveryLength(t *testing.T) {
	var recs, want []string
	for n := range 40 {
		text := (strings.Repeat("あ", n/6) + strings.Repeat("0123456789", 4))[:n/6*3+n-n/6*3]
		recs = append(recs, ct(n, when, fmt.Sprintf(`,"requestParameters":{"key":%q}`, text)))
		want = append(want, text+" 1")
	}
	want[0] = " 1"
	s := ingested(t, put(t, map[string]string{"log": strings.Join(recs, "\n")}))
	got := groups(t, s, query.CloudTrail, "object_key")
	same := map[string]bool{}
	for _, g := range got {
		same[g] = true
	}
	for _, w := range want {
		if !same[w] {
			t.Errorf("%q is not there", w)
		}
	}
}

func TestTheConnectionOfAnotherDriver(t *testing.T) {
	if _, err := handle(struct{ conn int }{}); err == nil {
		t.Error("another driver's connection was taken")
	}
}

// An attacker may change trails as often as he likes: coverage is still told in time.
func TestManyChangesOfTrails(t *testing.T) {
	var recs []string
	day := time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	for i := range 20_000 {
		api := []string{"StopLogging", "StartLogging"}[i%2]
		r := ct(i, day.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), `,"requestParameters":{"name":"t"}`)
		recs = append(recs, strings.NewReplacer("s3.amazonaws.com", "cloudtrail.amazonaws.com", "ListBuckets", api).Replace(r))
	}
	s := ingested(t, put(t, map[string]string{
		"log": strings.Join(recs, "\n"), "trails.json": `{"trailList":[{"Name":"t","TrailARN":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/t"}]}`,
	}))
	scope := query.Scope{Kind: query.KindS3Data, Account: "111122223333", Window: query.Window{From: day, To: day.AddDate(0, 0, 14)}}
	before := used(t)
	within(t, "coverage", func() {
		for range 20 {
			cov, err := s.Covers(context.Background(), scope)
			if err != nil || len(cov) < 10_000 {
				t.Errorf("%d intervals, %v", len(cov), err)
			}
		}
	})
	if took := used(t) - before; took > 30*time.Second {
		t.Errorf("it took %s of the processor", took)
	}
}

// used is the time that this process has had of the processor, which a busy machine hardly changes.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
