package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"uratori/query"
)

// printed are the rows of a batch, a line a value.
func printed(b *batch) string {
	sh := shapes[b.dataset]
	var out strings.Builder
	for i, m := range b.rows {
		fmt.Fprintf(&out, "%d %x %v\n", m.micros, m.sha, m.key)
		for j, v := range b.vals[i*len(sh.columns):][:len(sh.columns)] {
			switch v.size {
			case isNull:
			case isNumber:
				fmt.Fprintf(&out, "%s %d\n", sh.columns[j].name, v.n)
			default:
				fmt.Fprintf(&out, "%s %q\n", sh.columns[j].name, b.string(v))
			}
		}
	}
	return out.String()
}

// agree fails the test unless the quick way refuses the record or means what the thorough way says.
func agree(t *testing.T, raw []byte) bool {
	t.Helper()
	keys := newKeyer()
	quick := &batch{dataset: query.CloudTrail}
	n := newReader(keys).quick(raw, 0, quick)
	if n == 0 {
		if len(quick.rows)+len(quick.vals)+len(quick.texts) > 0 {
			t.Fatalf("a record was refused and yet stored: %q", raw)
		}
		return false
	}
	// The thorough way finds the same end and the same kind of record.
	whole, err := newScanner(bytes.NewReader(raw)).value()
	if err != nil || len(whole) != n {
		t.Fatalf("the record ends at %d, or at %d (%v): %q", n, len(whole), err, raw)
	}
	if k := classify(whole); k != cloudtrailKind {
		t.Fatalf("the record is of kind %d: %q", k, whole)
	}
	thorough := &batch{dataset: query.CloudTrail}
	if err := newReader(keys).read(query.CloudTrail, whole, thorough); err != nil {
		t.Fatalf("the thorough way refuses the record: %v: %q", err, whole)
	}
	if diff := cmp.Diff(printed(thorough), printed(quick)); diff != "" {
		t.Fatalf("the quick way (+) reads other than the thorough (-): %s\n%s", diff, whole)
	}
	return true
}

// oddRecords are records as an attacker, or a careless exporter, may write them.
func oddRecords() []string {
	r := ct(1, when, "")
	with := func(more string) string { return ct(1, when, ","+more) }
	return []string{
		r, " " + r, r + ",", r[:len(r)-1], r[:50], "{}", "{ }", "{", `{"a":1,}`,
		strings.ReplaceAll(strings.ReplaceAll(r, ":{", " : {\n"), ",", " ,\r\n\t"),
		with(`"requestParameters":{"bucketName":"a","key":"b\\c \"d\" \u3042","roleArn":null}`),
		with(`"requestParameters":{"key":"a\\"}`), with(`"requestParameters":{"key":"\\\\\""}`),
		with(`"requestParameters":{"key":"\u0000"}`), with(`"requestParameters":{"key":"\ud800"}`),
		with("\"requestParameters\":{\"key\":\"\x00\"}"), with("\"requestParameters\":{\"key\":\"\xff\"}"),
		with("\"requestParameters\":{\"key\":\"a\nb\x01\"}"),
		with(`"responseElements":{"credentials":{"sessionToken":"EXAMPLE"}}`), with(`"responseElements":{"sessionToken":{}}`),
		with(`"event\u004eame":"Other"`), with(`"eventName":"Second"`), with(`"eventID":null`), with(`"errorCode":""`), with(`"errorCode":5`),
		with(`"readOnly":"false"`), with(`"additionalEventData":{"bytesTransferredOut":1e3,"bytesTransferredIn":"7"}`),
		with(`"additionalEventData":"{\"bytesTransferredOut\":3}"`), with(`"x":[1,"a",{"password":"p"},[],[{}],true,null]`),
		with(`"x":[1,]`), with(`"x":nul`), with(`"x":undefined`), with(`"x":-`), with(`"x":1.2.3`), with(`"x":+1`), with(`"x":{"y":}`),
		with(`"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70)),
		strings.Replace(r, "00000000-0000-4000-a000-000000000001", "", 1), with(`"recipientAccountId":"2"`), with(`"userIdentity":{"accountId":"3"}`), with(`"userIdentity":[]`),
		strings.Replace(r, "203.0.113.1", "AWS Internal", 1), strings.Replace(r, "203.0.113.1", "::ffff:203.0.113.9", 1),
		strings.Replace(r, when, "2025-02-30T00:00:00Z", 1), strings.Replace(r, when, "2025-09-09T24:00:00Z", 1),
		strings.Replace(r, when, "2025-09-09T04:20:05.123456789+09:00", 1), strings.Replace(r, when, "yesterday", 1),
		strings.Replace(r, "eventSource", "source", 1), strings.Replace(r, "s3.amazonaws.com", "cloudtrail.amazonaws.com", 1),
		strings.Replace(with(`"requestParameters":{"name":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/t"}`), "s3.amazonaws.com", "cloudtrail.amazonaws.com", 1),
		strings.Replace(r, "arn:aws:iam::111122223333:user/u1", "arn:aws:sts::111122223333:assumed-role/r/s", 1),
		strings.Replace(r, "ListBuckets", "GetFunction20150331v2", 1), strings.Replace(r, "00000000-0000-4000", "00000000-0000-4G00", 1),
	}
}

func TestQuickMeansWhatTheThoroughWaySays(t *testing.T) {
	taken := 0
	for _, r := range oddRecords() {
		if agree(t, []byte(r)) {
			taken++
		}
	}
	if taken < 20 {
		t.Errorf("the quick way took %d of %d records; the test tests little", taken, len(oddRecords()))
	}
	files, err := filepath.Glob(filepath.Join(real(t, "cloudtrail/invictus"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all, taken := 0, 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Records []json.RawMessage }
		if json.Unmarshal(data, &file) != nil {
			continue
		}
		for _, r := range file.Records {
			all++
			if agree(t, r) {
				taken++
			}
		}
	}
	if all < 1000 || taken < all*9/10 {
		t.Errorf("the quick way took %d of %d real records", taken, all)
	}
}

// Records are taken where they lie in the stream: what is remembered of backslashes further on
// must not mislead the next.
func TestBackslashesAlongTheStream(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		more := ""
		if i%3 == 0 {
			more = `,"requestParameters":{"key":"a\"b\\"}`
		}
		b.WriteString(ct(i, when, more) + "\n")
	}
	s := ingested(t, put(t, map[string]string{"log": b.String()}))
	got := groups(t, s, query.CloudTrail, "object_key")
	if diff := cmp.Diff([]string{` 200`, `a"b\ 100`}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzQuick(f *testing.F) {
	for _, r := range oddRecords() {
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 0 && raw[0] == '{' {
			agree(t, raw)
		}
	})
}
