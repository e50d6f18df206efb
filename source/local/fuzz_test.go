package local

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"uratori/query"
)

// A text reader takes any line: it gives an object whose JSON is valid and is read again as the same
// record, or says what is wrong; it never gives half of one.
func fuzzLine(f *testing.F, parse func(line string) (map[string]any, error), d query.Dataset, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
		f.Add(s[:len(s)/2])
		f.Add(strings.ReplaceAll(s, " ", "  "))
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n\x00") {
			return
		}
		obj, err := parse(line)
		if err != nil || obj == nil {
			return
		}
		raw, err := compose(obj)
		if err != nil || !json.Valid(raw) {
			t.Fatalf("%q gives %q (%v)", line, raw, err)
		}
		again, err := compose(obj)
		if err != nil || string(again) != string(raw) {
			t.Fatalf("%q gives two objects: %s and %s", line, raw, again)
		}
		b := &batch{dataset: d}
		if err := newReader(newKeyer()).readAs(d, raw, identity(raw), b); err == nil && len(b.rows) != 1 {
			t.Fatalf("%q gives %d rows", line, len(b.rows))
		}
		added := with(raw, [2]string{"account", "111122223333"}, [2]string{"region", "ap-northeast-1"})
		if !json.Valid(added) {
			t.Fatalf("with its place %q becomes %s", line, added)
		}
	})
}

func FuzzFlowLine(f *testing.F) {
	fuzzLine(f, func(line string) (map[string]any, error) {
		if h := flowHeader(line); h != nil {
			return flowLine(h, strings.Join(h, " "))
		}
		return flowLine(flowDefault, line)
	}, query.VPCFlow, flow2, flow2Top)
}

func FuzzAccessLine(f *testing.F) { fuzzLine(f, s3Line, query.S3Access, accessLine) }

func FuzzAuditLine(f *testing.F) {
	fuzzLine(f, func(line string) (map[string]any, error) {
		obj, _, err := rdsLine(line)
		return obj, err
	}, query.RDSAudit, "1757391605000001,db-1,app,203.0.113.9,35,698024,QUERY,orders,'SELECT 1, 2',0",
		`2025-09-09 04:20:08 UTC:203.0.113.9(41234):app@orders:[77]:LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,"SELECT ""b""",<not logged>`)
}

// Objects of CloudWatch Logs, Kubernetes, Route 53 and Security Lake are read or set aside: each
// message has one end.
func FuzzObjects(f *testing.F) {
	for _, s := range []string{envelopeOf("/aws/eks/web/cluster", "kube-apiserver-audit-1", kube, resolver, flow2), kube, resolver, `{"class_uid":4003,"metadata":{"version":"1.1.0","product":{"name":"Route 53"}},"time":1757391605000,"query":{"hostname":"x."},"unmapped":[["a","b"]]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) || !strings.HasPrefix(raw, "{") {
			return
		}
		rows := make(chan *batch, 100)
		res := &fileResult{}
		in := &ingest{free: make(chan *batch, 1)}
		v := &fileVisit{ctx: context.Background(), in: in, file: "f", rows: rows, reader: newReader(newKeyer()), res: res}
		if err := v.record([]byte(raw), 0); err != nil {
			t.Fatal(err)
		}
		if err := v.send(true); err != nil {
			t.Fatal(err)
		}
		close(rows)
		var n int64
		for b := range rows {
			n += int64(len(b.rows))
			for i := range b.rows {
				sh := shapes[b.dataset]
				if kept := b.string(b.vals[i*len(sh.columns)+sh.column[query.Raw]]); !json.Valid([]byte(kept)) {
					t.Fatalf("%s is kept as %s", raw, kept)
				}
			}
		}
		if n != res.records {
			t.Fatalf("%d rows, %d counted", n, res.records)
		}
	})
}

func FuzzSurrogates(f *testing.F) {
	for _, s := range []string{`\ud800`, `\ud83d\ude00`, `\\ud800`, `\udc00\ud800\udc00`, `\u`, `a\"b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := `"` + s + `"`
		if !json.Valid([]byte(quoted)) {
			return
		}
		var want string
		if err := json.Unmarshal([]byte(quoted), &want); err != nil {
			t.Fatal(err)
		}
		if got := parsed([]byte(s)); got != strings.ToValidUTF8(want, "\ufffd") && strings.ToValidUTF8(s, "") == s {
			t.Fatalf("%s is %q, want %q", s, got, want)
		}
	})
}
