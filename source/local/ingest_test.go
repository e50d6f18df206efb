package local

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"uratori/evidence"
	"uratori/query"
)

// ct is a CloudTrail record with invented values.
func ct(id int, at, more string) string {
	return fmt.Sprintf(`{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u%d","accessKeyId":"AKIAEXAMPLE%05d"},"eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"ap-northeast-1","sourceIPAddress":"203.0.113.%d","userAgent":"aws-cli/2.17","readOnly":true,"eventID":"00000000-0000-4000-a000-%012d","managementEvent":true,"eventCategory":"Management","recipientAccountId":"111122223333"%s}`,
		id%3, id%7, at, id%250, id, more)
}

func gz(parts ...string) string {
	var b bytes.Buffer
	for _, p := range parts { // a member each
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(p))
		_ = z.Close()
	}
	return b.String()
}

func zst(s string) string {
	z, _ := zstd.NewWriter(nil)
	return string(z.EncodeAll([]byte(s), nil))
}

// put writes files and returns their folder.
func put(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func stats(t testing.TB, s *Store) Quality {
	t.Helper()
	q, err := s.Stats(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const when = "2025-09-09T04:20:05Z"

func TestEveryFormIsReadByItsContent(t *testing.T) {
	r := func(i int) string { return ct(i, when, "") }
	lookup := `{"EventId":"x","EventName":"ListBuckets","ReadOnly":"true","EventTime":"2022-02-08 09:23:37+11:00","CloudTrailEvent":` + query.Quote(r(9)) + `}`
	graph := `{"id":"s1","createdDateTime":"2025-09-09T04:03:05.1234567Z","userPrincipalName":"Sato.Kaede@example.co.jp","appDisplayName":"AWS","ipAddress":"2001:db8::1","status":{"errorCode":50140,"failureReason":null},"location":{"city":"Tokyo","countryOrRegion":"JP"},"deviceDetail":{"browser":"Edge"}}`
	diagnostic := `{"time":"2025-09-09T04:03:05Z","category":"SignInLogs","resultType":"0","callerIpAddress":"203.0.113.9","location":"JP","properties":{"id":"s2","createdDateTime":"2025-09-09T13:03:05+09:00","userPrincipalName":"sato.kaede@example.co.jp","appDisplayName":"AWS","ipAddress":"203.0.113.9","status":{"errorCode":0},"location":{"city":"Osaka","countryOrRegion":"JP"}}}`
	analytics := `{"TimeGenerated":"2025-09-09T04:03:05Z","Id":"s3","UserPrincipalName":"sato.kaede@example.co.jp","AppDisplayName":"AWS","IPAddress":"203.0.113.9","ResultType":"50126","LocationDetails":"{\"city\":\"Nagoya\",\"countryOrRegion\":\"JP\"}","DeviceDetail":{"browser":"Chrome"}}`
	table := "\ufeff\"CreatedDateTime [UTC]\",Id,UserPrincipalName,AppDisplayName,IPAddress,ResultType,LocationDetails\n\"9/9/2025, 4:03:05.221 AM\",s4,sato.kaede@example.co.jp,AWS,203.0.113.9,0,\"{\"\"city\"\":\"\"Kyoto\"\"}\"\n"
	for name, tt := range map[string]struct {
		data           string
		events, people int64
		bad            int64
	}{
		"delivery file":         {`{"Records":[` + r(1) + "," + r(2) + `]}`, 2, 0, 0},
		"gzip of two members":   {gz(`{"Records":[`+r(1)+`,`, r(2)+`]}`), 2, 0, 0},
		"zstd":                  {zst(`{"Records":[` + r(1) + `]}`), 1, 0, 0},
		"array":                 {"[" + r(1) + ",\n" + r(2) + "]", 2, 0, 0},
		"lines":                 {r(1) + "\n" + r(2) + "\n\n" + r(3), 3, 0, 0},
		"one record":            {r(1), 1, 0, 0},
		"look-up response":      {`{"Events":[` + lookup + `],"NextToken":"t"}`, 1, 0, 0},
		"look-up lines":         {lookup + "\n" + lookup, 1, 0, 0},
		"search export":         {`{"preview":false,"result":{"_raw":` + query.Quote(r(4)) + `}}` + "\n", 1, 0, 0},
		"Graph page":            {`{"@odata.context":"x","value":[` + graph + `]}`, 0, 1, 0},
		"diagnostic lines":      {diagnostic + "\n", 0, 1, 0},
		"Log Analytics":         {"[" + analytics + "]", 0, 1, 0},
		"portal table":          {table, 0, 1, 0},
		"byte order mark":       {"\ufeff" + r(1), 1, 0, 0},
		"a broken line":         {r(1) + "\n{\"eventName\": oops\n" + r(2), 1, 0, 1},
		"a cut tail":            {`{"Records":[` + r(1) + `,{"eventName":"Get`, 1, 0, 2},
		"a record without time": {`{"Records":[` + r(1) + `,` + strings.Replace(r(2), when, "yesterday", 1) + `]}`, 1, 0, 1},
		"a number for a record": {`{"Records":[` + r(1) + `,7,"x",[1]]}`, 1, 0, 2},
		"no UTF-8":              {`{"Records":[` + r(1) + `,` + strings.Replace(r(2), "aws-cli", "\xff\xfe", 1) + `]}`, 1, 0, 1},
		"bare text":             {"hello\nworld\n", 0, 0, 0},
		"binary":                {"\x7fELF\x00\x01\x02", 0, 0, 0},
		"another JSON":          {`{"name":"x","version":1}`, 0, 0, 0},
		"nothing":               {"", 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := ingested(t, put(t, map[string]string{"f.bin": tt.data}))
			q := stats(t, s)
			if q.Events[query.CloudTrail] != tt.events || q.Events[query.SignIn] != tt.people {
				t.Errorf("read %d events and %d sign-ins; want %d and %d (bad: %+v)", q.Events[query.CloudTrail], q.Events[query.SignIn], tt.events, tt.people, q.Bad)
			}
			if tt.bad > 0 && q.Quarantined == 0 || tt.bad == 0 && q.Quarantined != 0 {
				t.Errorf("quarantined %d (%+v); want about %d", q.Quarantined, q.Bad, tt.bad)
			}
			for _, b := range q.Bad {
				if b.File == "" || b.Position == "" || b.Reason == "" {
					t.Errorf("a bad record is told without place or reason: %+v", b)
				}
			}
		})
	}
}

func TestABrokenGzipKeepsWhatCameBefore(t *testing.T) {
	var b strings.Builder
	rng := rand.New(rand.NewPCG(1, 1))
	b.WriteString(`{"Records":[`)
	for i := range 3000 {
		fmt.Fprintf(&b, "%s,", ct(i, when, fmt.Sprintf(`,"requestID":"%016x%016x"`, rng.Uint64(), rng.Uint64())))
	}
	b.WriteString(ct(3000, when, "") + `]}`)
	whole := gz(b.String())
	s := ingested(t, put(t, map[string]string{"half.json.gz": whole[:len(whole)/2], "head.json.gz": whole[:40]}))
	q := stats(t, s)
	if n := q.Events[query.CloudTrail]; n < 500 || n > 2500 {
		t.Errorf("read %d of 3001 records from half a file", n)
	}
	if q.Quarantined < 2 {
		t.Errorf("quarantined %d; want a word on both files: %+v", q.Quarantined, q.Bad)
	}
}

func row1(t *testing.T, s *Store, d query.Dataset, fields string) evidence.Row {
	t.Helper()
	q, err := query.Parse(fmt.Sprintf("%s from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z select %s limit 10", d, fields))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(context.Background(), q)
	if err != nil || len(a.Rows) == 0 {
		t.Fatalf("%d rows, %v", len(a.Rows), err)
	}
	return a.Rows[0]
}

func TestSecretsAreRedactedBeforeHashing(t *testing.T) {
	secret := "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
	rec := ct(1, when, `,"responseElements":{"credentials":{"accessKeyId":"ASIAEXAMPLE","sessionToken":"`+secret+`","note":"sessionToken stays here"}},"requestParameters":{"masterUserPassword":"hunter2","text":"password: \"x\""}`)
	s := ingested(t, put(t, map[string]string{"a.json": rec}))
	r := row1(t, s, query.CloudTrail, "raw, raw_sha256, new_access_key")
	raw := r[0].Text()
	if strings.Contains(raw, secret) || strings.Contains(raw, "hunter2") || strings.Count(raw, "redacted:sha256:") != 2 {
		t.Errorf("raw = %s", raw)
	}
	for _, kept := range []string{`"note":"sessionToken stays here"`, `"text":"password: \"x\""`, `"accessKeyId":"ASIAEXAMPLE"`} {
		if !strings.Contains(raw, kept) {
			t.Errorf("%s was changed", kept)
		}
	}
	again := ingested(t, put(t, map[string]string{"b.json": raw}))
	if got := row1(t, again, query.CloudTrail, "raw_sha256")[0].Text(); got != r[1].Text() {
		t.Error("redacting twice changes the record")
	}
}

func TestReadingTwiceChangesNothing(t *testing.T) {
	dir := put(t, map[string]string{"a.json": ct(1, when, "") + "\n" + ct(2, when, ""), "x/b.json": ct(2, when, "") + "\n" + ct(3, when, "")})
	path := filepath.Join(t.TempDir(), "s.duckdb")
	ctx := context.Background()
	var before Quality
	for i := range 3 {
		s, err := Open(ctx, Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		rep, err := s.Ingest(ctx, []string{dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		q := stats(t, s)
		if i == 0 {
			before = q
			if q.DuplicatesRemoved != 1 || q.Conflicts != 0 || q.Events[query.CloudTrail] != 3 {
				t.Errorf("first: %+v", q)
			}
		} else if diff := cmp.Diff(before, q); diff != "" || rep.Records != 0 || rep.Known != 2 {
			t.Errorf("reading again changed the store: %s, %+v", diff, rep)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path + ".wal"); err == nil {
		t.Error("a write-ahead log is left; a read-only disk could not open the store")
	}
}

// The store's content does not depend on how records are spread over files, nor on their order.
func TestOrderDoesNotMatter(t *testing.T) {
	var recs []string
	for i := range 40 {
		recs = append(recs, ct(i%25, fmt.Sprintf("2025-09-09T04:%02d:05Z", i%25), "")) // 15 duplicates
	}
	recs = append(recs, ct(3, "2025-09-09T04:03:05Z", `,"extra":1`), ct(3, "2025-09-09T04:03:05Z", `,"extra":2`)) // one id, three bytes
	var want string
	for round := range 6 {
		rng := rand.New(rand.NewPCG(uint64(round), 1))
		rng.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
		cut := 1 + rng.IntN(len(recs)-1)
		s := ingested(t, put(t, map[string]string{"a": strings.Join(recs[:cut], "\n"), "b": strings.Join(recs[cut:], "\n")}))
		q, _ := query.Parse("cloudtrail from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z select event_time, event_id, raw_sha256 limit 1000")
		a, err := s.Ask(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		st := stats(t, s)
		got := fmt.Sprint(a.Rows, st.DuplicatesRemoved, st.Conflicts)
		if round == 0 {
			want = got
			if st.Conflicts != 1 || st.Events[query.CloudTrail] != 25 || st.DuplicatesRemoved != 17 {
				t.Errorf("%+v; want 25 events, 17 removed, 1 conflict", st)
			}
		} else if got != want {
			t.Errorf("round %d: the store differs", round)
		}
	}
}

func TestAHugeRecordIsSetAside(t *testing.T) {
	huge := strings.Replace(ct(2, when, ""), "aws-cli", strings.Repeat("x", 6<<20), 1)
	s := ingested(t, put(t, map[string]string{
		"wrapped": `{"Records":[` + ct(1, when, "") + "," + huge + "," + ct(3, when, "") + `]}`,
		"lines":   huge + "\n" + ct(4, when, "") + "\n",
	}))
	q := stats(t, s)
	if q.Events[query.CloudTrail] != 3 || q.Quarantined != 2 {
		t.Errorf("read %d, quarantined %d (%+v); want 3 and 2", q.Events[query.CloudTrail], q.Quarantined, q.Bad)
	}
}

// One line of many records is read in bounded memory.
func TestOneLineOfManyRecordsIsStreamed(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"Records":[`)
	for i := range 60_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(ct(i, when, ""))
	}
	b.WriteString(`]}`)
	dir := put(t, map[string]string{"a": b.String()})
	b.Reset()
	runtime.GC()
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	s := ingested(t, dir)
	runtime.GC()
	runtime.ReadMemStats(&m1)
	if q := stats(t, s); q.Events[query.CloudTrail] != 60_000 {
		t.Errorf("read %d", q.Events[query.CloudTrail])
	}
	if grown := int64(m1.HeapAlloc) - int64(m0.HeapAlloc); grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

func TestAStopLeavesAConsistentStore(t *testing.T) {
	files := map[string]string{}
	for f := range 30 {
		var lines []string
		for i := range 2000 {
			lines = append(lines, ct(f*2000+i, when, ""))
		}
		files[fmt.Sprintf("%02d", f)] = strings.Join(lines, "\n")
	}
	dir := put(t, files)
	path := filepath.Join(t.TempDir(), "s.duckdb")
	ctx, cancel := context.WithCancelCause(context.Background())
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	_, err = s.Ingest(ctx, []string{dir}, func(p Progress) {
		if p.Files == 5 {
			cancel(stop)
		}
	})
	if !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v; want the cause of the stop", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(context.Background(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Ingest(context.Background(), []string{dir}, nil); err != nil {
		t.Fatal(err)
	}
	if q := stats(t, s); q.Events[query.CloudTrail] != 60_000 || q.DuplicatesRemoved != 0 {
		t.Errorf("after going on: %d events, %d duplicates", q.Events[query.CloudTrail], q.DuplicatesRemoved)
	}
}

func TestStoresThatCannotBeOpened(t *testing.T) {
	ctx := context.Background()
	for have, says := range map[int]string{99: "use the newer program", 1: "ingest the logs again"} {
		other := filepath.Join(t.TempDir(), "s.duckdb")
		s, err := Open(ctx, Options{Path: other})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.Exec("UPDATE meta SET value = ? WHERE key = 'version'", fmt.Sprint(have)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var v *VersionError
		if _, err := Open(ctx, Options{Path: other}); !errors.As(err, &v) || v.Have != have || !strings.Contains(err.Error(), says) {
			t.Errorf("a store of version %d: %v", have, err)
		}
	}
	text := filepath.Join(put(t, map[string]string{"s.duckdb": "this is text"}), "s.duckdb")
	if _, err := Open(ctx, Options{Path: text}); err == nil {
		t.Error("a text file was opened as a store")
	}
	if _, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "no", "such", "dir", "s.duckdb")}); err == nil {
		t.Error("a store in a folder that does not exist was opened")
	}
}

func TestCoverage(t *testing.T) {
	day := time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	var busy []string
	n := 0
	for h := range 24 * 6 {
		if h >= 24*5+3 && h < 24*5+9 { // a hole of six hours on the last day
			continue
		}
		for range 6 {
			n++
			busy = append(busy, ct(n, day.Add(time.Duration(h)*time.Hour+time.Duration(n%60)*time.Minute).Format(time.RFC3339), ""))
		}
	}
	scope := query.Scope{Kind: query.KindManagement, Account: "111122223333", Window: query.Window{From: day, To: day.AddDate(0, 0, 6)}}
	tell := func(s *Store, scope query.Scope) string {
		cov, err := s.Covers(context.Background(), scope)
		if err != nil {
			t.Fatal(err)
		}
		at := scope.Window.From
		var out []string
		for _, c := range cov {
			if !c.Window.From.Equal(at) {
				t.Errorf("the intervals leave a gap at %s", at)
			}
			at = c.Window.To
			out = append(out, fmt.Sprintf("%s/%s %dh", c.State, c.Why, int(c.Window.To.Sub(c.Window.From).Hours())))
		}
		if !at.Equal(scope.Window.To) {
			t.Errorf("the intervals end at %s", at)
		}
		return strings.Join(out, ", ")
	}
	log := strings.Join(busy, "\n")
	s := ingested(t, put(t, map[string]string{"log": log}))
	if got := tell(s, scope); got != "Collected/records 123h, NotCollected/hole 6h, Collected/records 15h" {
		t.Errorf("a busy log with a hole: %s", got)
	}
	data := scope
	data.Kind = query.KindS3Data
	if got := tell(s, data); got != "Unknown/no_records 144h" {
		t.Errorf("data events without settings: %s", got)
	}
	other := scope
	other.Account = "444455556666"
	if got := tell(s, other); got != "Unknown/no_records 144h" {
		t.Errorf("another account: %s", got)
	}
	trail := `{"trailList":[{"Name":"t","TrailARN":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/t"}]}`
	selectors := func(data bool) string {
		d := "[]"
		if data {
			d = `[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]`
		}
		return `{"TrailARN":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/t","EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true,"DataResources":` + d + `}]}`
	}
	s = ingested(t, put(t, map[string]string{"log": log, "trails.json": trail, "sel.json": selectors(false)}))
	if got := tell(s, data); got != "NotCollected/selectors 144h" {
		t.Errorf("no trail records data events: %s", got)
	}
	stop := strings.NewReplacer("s3.amazonaws.com", "cloudtrail.amazonaws.com", "ListBuckets", "StopLogging").Replace(ct(999999, "2025-09-03T00:00:00Z", `,"requestParameters":{"name":"t"}`))
	s = ingested(t, put(t, map[string]string{"log": log + "\n" + stop, "trails.json": trail, "sel.json": selectors(true), "status-t.json": `{"IsLogging":false}`}))
	if got := tell(s, data); got != "Collected/selectors 48h, NotCollected/stopped 96h" {
		t.Errorf("a stopped trail: %s", got)
	}
	failed := strings.Replace(stop, `"recipientAccountId"`, `"errorCode":"AccessDenied","recipientAccountId"`, 1)
	s = ingested(t, put(t, map[string]string{"log": log + "\n" + failed, "trails.json": trail, "sel.json": selectors(true)}))
	if got := tell(s, data); got != "Collected/selectors 144h" {
		t.Errorf("a StopLogging that was denied: %s", got)
	}
	put2 := strings.NewReplacer("s3.amazonaws.com", "cloudtrail.amazonaws.com", "ListBuckets", "PutEventSelectors").Replace(
		ct(999998, "2025-09-04T00:00:00Z", `,"requestParameters":{"trailName":"t","eventSelectors":[{"readWriteType":"All","includeManagementEvents":true,"dataResources":[{"type":"AWS::S3::Object","values":["arn:aws:s3"]}]}]}`))
	s = ingested(t, put(t, map[string]string{"log": log + "\n" + put2, "trails.json": trail, "sel.json": selectors(false)}))
	if got := tell(s, data); got != "NotCollected/selectors 72h, Collected/selectors 72h" {
		t.Errorf("selectors changed in the log: %s", got)
	}
	as, err := Open(context.Background(), Options{Assert: []Assertion{{Kind: query.KindS3Data, State: evidence.NotCollectedState, Why: "not_held", From: day.AddDate(0, 0, 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = as.Close() }()
	if got := tell(as, data); got != "Unknown/no_records 24h, NotCollected/not_held 120h" {
		t.Errorf("an assertion: %s", got)
	}
}
