package athena

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/athenatest"
	"uratori/source/sourcetest"
)

// hostileValues try to leave their quotes, or to be taken for something that they are not.
var hostileValues = []string{
	"", "'", "''", `\'`, `'; DROP TABLE t; --`, "' OR '1'='1", `"`, "`x`", "U&'\\0041'", `\0041`, `\`, `\\`, "%", "_", "a%", "--", "/*", "*/", "?", "$1", "${x}",
	"| stats count", "[search]", "a\nb", "a\r\nb", "a\tb", "\x1b[31m", "\u202eevil", "ａｂｃ", "名前", "\U0001F600", "\u00e9", "e\u0301", "NULL", "null", "TRUE", "\ufeff", "\ufffd", "\u2028",
	" ", " a ", "A", "a", strings.Repeat("x'", 32<<10),
}

func literally(t testing.TB, values []string) double {
	var rs [][]byte
	for i, v := range values {
		data, err := json.Marshal(map[string]any{
			"eventVersion": "1.11", "eventID": fmt.Sprint("id-", i), "eventTime": sourcetest.Began.Add(time.Minute).Format(time.RFC3339), "eventName": "GetObject",
			"eventSource": "s3.amazonaws.com", "awsRegion": sourcetest.Region, "recipientAccountId": sourcetest.Account, "userAgent": v,
			"requestParameters": map[string]any{"bucketName": v},
		})
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, data)
	}
	return against(t, rs, athenatest.Options{})
}

func one(e query.Expr) query.Query {
	q := all("")
	q.Where = e
	return q
}

func TestHostileValuesAreValues(t *testing.T) {
	d := literally(t, hostileValues)
	for i, v := range hostileValues {
		for _, f := range []query.Field{"user_agent", "raw:requestParameters.bucketName"} {
			a := ask(t, d, one(query.Compare{Field: f, Op: query.Equal, Value: query.TextOf(v)}))
			want := 1
			if v == "" && f == "user_agent" {
				want = 0 // an empty text is a missing one
			}
			if len(a.Rows) != want || want == 1 && a.Rows[0][1].Text() != fmt.Sprint("id-", i) {
				t.Errorf("%s = %.40q finds %d rows %.200v, want the one that has it", f, v, len(a.Rows), a.Rows)
			}
		}
	}
	for _, v := range []string{"\x00", "a\x00b", "\xff", strings.Repeat("x", 300_000)} {
		_, err := d.Ask(t.Context(), one(query.Compare{Field: "user_agent", Op: query.Equal, Value: query.TextOf(v)}))
		if !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%.10q of %d bytes: %v, want it refused as invalid", v, len(v), err)
		}
	}
}

// A value that stands in the partition's bound is quoted there, too.
func TestHostileAccounts(t *testing.T) {
	d := against(t, records(), athenatest.Options{})
	for _, v := range hostileValues[1:] {
		if a := ask(t, d, one(query.Compare{Field: "account", Op: query.Equal, Value: query.TextOf(v)})); a.Outcome != evidence.Empty {
			t.Errorf("account %.40q: %s with %d rows", v, a.Outcome, len(a.Rows))
		}
	}
}

func FuzzLiteral(f *testing.F) {
	for _, v := range hostileValues {
		if len(v) < 1000 {
			f.Add(v, v)
		}
	}
	f.Fuzz(func(t *testing.T, v, other string) {
		if len(v) > 70<<10 || len(other) > 70<<10 || !utf8.ValidString(other) || strings.ContainsRune(other, 0) {
			t.Skip()
		}
		q := one(query.In{Field: "user_agent", Values: []query.Value{query.TextOf(v)}})
		d := literally(t, []string{v, other, v + "x", "x"})
		a, err := d.Ask(t.Context(), q)
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			if !errors.Is(err, source.ErrInvalid) {
				t.Fatalf("%q: %v, want it refused", v, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		want := 0
		for _, w := range []string{v, other, v + "x", "x"} {
			if w == v && v != "" {
				want++
			}
		}
		if len(a.Rows) != want {
			t.Fatalf("%q finds %d rows, want %d\n%s", v, len(a.Rows), want, a.Native)
		}
	})
}

func FuzzParseType(f *testing.F) {
	f.Add("struct<a:string,b:struct<c:map<string,string>>>")
	f.Add("array<decimal(10,2)>")
	f.Add("struct<<")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := parseType(s); err == nil && h.name == "" {
			t.Fatalf("%q has no name", s)
		}
	})
}
