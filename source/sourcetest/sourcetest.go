// Package sourcetest is the suite that every source passes: the same questions over the same
// records have the same answers as in the embedded store.
package sourcetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
)

// The account and the window of the records.
const (
	Account = "111122223333"
	Region  = "ap-northeast-1"
)

// Began and Ended are the window that all records lie in, UTC.
var (
	Began = time.Date(2025, 9, 8, 0, 0, 0, 0, time.UTC)
	Ended = Began.Add(48 * time.Hour)
)

// hostile are values that break what is pasted instead of bound, and look-alikes that a careless
// comparison takes for equal.
var hostile = []string{
	"", "aws-cli/2.17.0", "AWS-CLI/2.17.0", "aws-cli/2", `a"b`, `a'b`, `a\b`, `\"`, "a|b", "a [search index=*]", "a`macro`b",
	"a*", "*", "a%", "a_", "$tok$", "--", "/* */", "; DROP TABLE cloudtrail; --", "a\nb", "a\tb", "ａｗｓ－ｃｌｉ", "名前", "\u202eevil", "{\"k\":1}",
	"NOT", "OR 1=1", "true", "null", "0", "#", "[F12]", strings.Repeat("x", 300),
}

// Records are records to be asked about, as their logs write them, by dataset.
func Records() map[query.Dataset][][]byte {
	addrs := []string{"192.0.2.7", "198.51.100.9", "2001:db8::1", "2001:db8:0:1::1", "AWS Internal"}
	apis := []string{"GetObject", "AssumeRole", "ListFunctions20150331", "CreateAccessKey"}
	codes := []int{0, 0, 0, 50058, 50126, 53003}
	out := map[query.Dataset][][]byte{}
	for i := range 180 {
		at := Began.Add(time.Duration(i*i%2879) * time.Minute).Add(time.Duration(i%3) * 500 * time.Millisecond)
		agent := hostile[i%len(hostile)]
		e := map[string]any{
			"eventVersion": "1.11", "eventID": fmt.Sprintf("00000000-0000-4000-a000-%012d", i), "eventTime": at.Truncate(time.Second).Format(time.RFC3339),
			"eventName": apis[i%len(apis)], "eventSource": []string{"s3.amazonaws.com", "sts.amazonaws.com", "lambda.amazonaws.com", "iam.amazonaws.com"}[i%4],
			"awsRegion": Region, "recipientAccountId": Account, "sourceIPAddress": addrs[i%len(addrs)], "userAgent": agent,
			"eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": true, "readOnly": i%2 == 0,
			"userIdentity": map[string]any{
				"type": "AssumedRole", "principalId": fmt.Sprintf("AROAEXAMPLE%d:u%d@example.co.jp", i%3, i%7), "accountId": Account, "accessKeyId": fmt.Sprintf("ASIAEXAMPLE%08d", i%5),
				"arn": fmt.Sprintf("arn:aws:sts::%s:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/u%d@example.co.jp", Account, i%7),
				"sessionContext": map[string]any{
					"sessionIssuer": map[string]any{"type": "Role", "userName": "AWSReservedSSO_Dev_0123456789abcdef", "arn": "arn:aws:iam::" + Account + ":role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"},
					"attributes":    map[string]any{"creationDate": Began.Add(time.Duration(i%5) * time.Hour).Format(time.RFC3339), "mfaAuthenticated": "false"},
				},
			},
			"requestParameters": map[string]any{"bucketName": hostile[(i*7)%len(hostile)], "nested": map[string]any{"value": i % 4}},
		}
		if i%6 == 0 {
			e["errorCode"] = []string{"AccessDenied", "Client.UnauthorizedOperation", "NoSuchBucketPolicy"}[i%3]
		}
		if i%11 == 0 {
			delete(e, "userAgent")
			delete(e, "readOnly")
		}
		out[query.CloudTrail] = append(out[query.CloudTrail], encoded(e))
		s := map[string]any{
			"id": fmt.Sprintf("10000000-0000-4000-a000-%012d", i), "createdDateTime": at.Format("2006-01-02T15:04:05.0000000Z"),
			"userPrincipalName": fmt.Sprintf("U%d@example.co.jp", i%7), "userId": fmt.Sprintf("20000000-0000-4000-a000-%012d", i%7),
			"userDisplayName": hostile[(i*5)%len(hostile)], "appDisplayName": agent, "appId": "30000000-0000-4000-a000-000000000001",
			"ipAddress": addrs[i%4], "clientAppUsed": "Browser", "isInteractive": true, "correlationId": fmt.Sprintf("40000000-0000-4000-a000-%012d", i/2),
			"status":       map[string]any{"errorCode": codes[i%len(codes)], "failureReason": "Other."},
			"location":     map[string]any{"city": "", "state": "Tokyo", "countryOrRegion": []string{"JP", "US"}[i%2]},
			"deviceDetail": map[string]any{"browser": "Chrome 140.0.0", "displayName": hostile[(i*3)%len(hostile)], "isManaged": i%2 == 0},
		}
		if i%9 == 0 {
			delete(s, "appDisplayName")
			s["location"] = map[string]any{}
		}
		out[query.SignIn] = append(out[query.SignIn], encoded(s))
	}
	return out
}

func encoded(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers always encode
	}
	return data
}

// Run holds a source that answers from [Records] against the embedded store, for random questions
// to the datasets. A source that cuts answers or cannot be asked fails the suite.
func Run(t *testing.T, src source.Source, datasets ...query.Dataset) {
	t.Helper()
	RunOver(t, src, Records(), datasets...)
}

// RunOver is [Run] for a source that answers from other records, such as those of [Records] in
// another shape of their log.
func RunOver(t *testing.T, src source.Source, records map[query.Dataset][][]byte, datasets ...query.Dataset) {
	t.Helper()
	ctx := t.Context()
	truth := Reference(t, records)
	rapid.Check(t, func(rt *rapid.T) {
		q := Questions(rapid.SampledFrom(datasets).Draw(rt, "dataset")).Draw(rt, "question")
		want, err := truth.Ask(ctx, q)
		if err != nil {
			rt.Fatalf("the reference cannot answer\n%s\n%v", q, err)
		}
		got, err := src.Ask(ctx, q)
		if err != nil {
			rt.Fatalf("%s\n%v", q, err)
		}
		if d := Differ(got, want); d != "" {
			rt.Fatalf("%s\nasked as\n%s\n%s", q, got.Native, d)
		}
	})
}

// Reference is an embedded store of the records.
func Reference(t testing.TB, records map[query.Dataset][][]byte) *local.Store {
	t.Helper()
	dir := t.TempDir()
	for d, rs := range records {
		var lines []byte
		for _, r := range rs {
			lines = append(append(lines, r...), '\n')
		}
		if err := os.WriteFile(filepath.Join(dir, string(d)+".jsonl"), lines, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := local.Open(context.Background(), local.Options{Name: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Ingest(context.Background(), []string{dir}, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// Differ says where two answers differ in what they say, "" when they do not.
func Differ(got, want evidence.Answer) string {
	switch {
	case got.Outcome != want.Outcome:
		return fmt.Sprintf("outcome %s (%s), want %s with %d rows", got.Outcome, got.Reason, want.Outcome, len(want.Rows))
	case !slices.Equal(got.Columns, want.Columns):
		return fmt.Sprintf("columns %v, want %v", got.Columns, want.Columns)
	case len(got.Rows) != len(want.Rows):
		return fmt.Sprintf("%d rows, want %d", len(got.Rows), len(want.Rows))
	}
	for i := range got.Rows {
		if !slices.EqualFunc(got.Rows[i], want.Rows[i], query.Value.Equal) {
			return fmt.Sprintf("row %d is %v, want %v", i, got.Rows[i], want.Rows[i])
		}
	}
	return ""
}

// Fields are fields of a dataset that the records fill, by what can be done with them.
func fields(d query.Dataset) (texts, groups, addrs []query.Field) {
	if d == query.SignIn {
		return []query.Field{"user_principal_name", "app_display_name", "user_display_name", "device_name", "result", "raw:status.failureReason"},
			[]query.Field{"user_principal_name", "ip", "country", "app_display_name", "error_code", "result"}, []query.Field{"ip"}
	}
	return []query.Field{"user_agent", "event_name", "api", "access_key", "bucket", "error_code", "user_arn", "session_name", "raw:requestParameters.bucketName"},
		[]query.Field{"user_agent", "api", "source_ip", "user_arn", "error_code", "region", "denied", "read_only"}, []query.Field{"source_ip"}
}

// Questions draws questions to a dataset that pass [query.Check].
func Questions(d query.Dataset) *rapid.Generator[query.Query] {
	texts, groups, _ := fields(d)
	return rapid.Custom(func(t *rapid.T) query.Query {
		from := Began.Add(time.Duration(rapid.IntRange(-60, 2000).Draw(t, "from")) * time.Minute)
		q := query.Query{
			Dataset: d, Window: query.Window{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 2900).Draw(t, "minutes")) * time.Minute)},
			Limit: rapid.SampledFrom([]int{1, 3, 50, 1000}).Draw(t, "limit"),
		}
		if rapid.IntRange(0, 5).Draw(t, "filtered") > 0 {
			q.Where = Conditions(d, 2).Draw(t, "where")
		}
		distinct := func(of []query.Field, least, most int) []query.Field {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(of), least, most, rapid.ID[query.Field]).Draw(t, "fields")
		}
		if rapid.Bool().Draw(t, "events") {
			q.Select = append([]query.Field{query.EventTime, query.EventID}, distinct(append(slices.Clone(texts), groups...), 0, 3)...)
			slices.Sort(q.Select[2:])
			q.Select = slices.Compact(q.Select)
			return q
		}
		for _, f := range distinct(groups, 0, 2) {
			q.GroupBy = append(q.GroupBy, query.Key{Field: f})
		}
		if rapid.Bool().Draw(t, "quarter") {
			q.GroupBy = append(q.GroupBy, query.Key{Field: query.EventTime, Quarter: true})
		}
		q.Compute = []query.Aggregate{{Func: query.Count, As: "n"}}
		for _, f := range distinct(groups, 0, 1) {
			q.Compute = append(q.Compute, query.Aggregate{Func: query.CountDistinct, Field: f, As: "different"},
				query.Aggregate{Func: query.Count, Field: f, As: "having"})
		}
		for _, f := range distinct(texts, 0, 1) {
			q.Compute = append(q.Compute, query.Aggregate{Func: query.Values, Field: f, As: "some", Limit: rapid.SampledFrom([]int{2, 100}).Draw(t, "values")})
		}
		q.Compute = append(q.Compute, query.Aggregate{Func: query.Min, Field: query.EventTime, As: "first"}, query.Aggregate{Func: query.Max, Field: query.EventTime, As: "last"})
		q.Order = rapid.SampledFrom([][]query.Order{nil, {{By: "n", Desc: true}}, {{By: "first"}}, {{By: "last", Desc: true}}}).Draw(t, "order")
		return q
	})
}

// Conditions draws conditions on events of a dataset, with hostile values.
func Conditions(d query.Dataset, depth int) *rapid.Generator[query.Expr] {
	texts, _, addrs := fields(d)
	return rapid.Custom(func(t *rapid.T) query.Expr {
		text := query.TextOf(rapid.SampledFrom(slices.Concat(hostile, []string{
			"u1@example.co.jp", "U1@example.co.jp", "GetObject", "AssumeRole", "ASIAEXAMPLE00000001", "AccessDenied", "success", "interrupt", "failure",
			"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/u2@example.co.jp",
		})).Draw(t, "text"))
		field := rapid.SampledFrom(texts).Draw(t, "field")
		last := 8
		if depth > 0 {
			last = 11
		}
		switch rapid.IntRange(0, last).Draw(t, "kind") {
		case 0, 1:
			return query.Compare{Field: field, Op: query.Equal, Value: text}
		case 2:
			return query.Compare{Field: field, Op: rapid.SampledFrom([]query.Op{query.NotEqual, query.Less, query.GreaterOrEqual}).Draw(t, "op"), Value: text}
		case 3:
			return query.In{Field: field, Values: []query.Value{text, query.TextOf(rapid.SampledFrom(hostile).Draw(t, "other"))}}
		case 4:
			return query.Prefix{Field: field, Value: text}
		case 5:
			return query.Contains{Field: field, Value: text}
		case 6:
			return query.Exists{Field: field}
		case 7:
			return query.Compare{Field: rapid.SampledFrom(addrs).Draw(t, "addr"), Op: query.Equal, Value: query.IPOf(rapid.SampledFrom([]string{"192.0.2.7", "2001:db8::1", "203.0.113.1"}).Draw(t, "ip"))}
		case 8:
			return query.CIDR{Field: rapid.SampledFrom(addrs).Draw(t, "addr"), Prefix: netip.MustParsePrefix(rapid.SampledFrom([]string{"192.0.2.0/24", "0.0.0.0/0", "2001:db8::/64", "::/0"}).Draw(t, "net"))}
		default:
			terms := rapid.SliceOfN(Conditions(d, depth-1), cmp.Or(depth, 1), 3).Draw(t, "terms")
			switch rapid.IntRange(0, 2).Draw(t, "join") {
			case 0:
				return query.And{Terms: terms}
			case 1:
				return query.Or{Terms: terms}
			}
			return query.Not{X: query.And{Terms: terms}}
		}
	})
}
