package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Whatever a log or a user put into a value, the line is JSON that others read as we do, it stays
// one line, and the chain reads back.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\x1b[31m\r\n\t", "\xff\xfe half \xe3\x81", "\u202eevil\u2066\u200b\ufeff", "\u2028\u2029", `"\ </script>`, "\uFFFD", "😀佐藤", "ASIAIOSFODNN7EXAMPLE"} {
		f.Add("ask", "question", s)
		f.Add(s, s, "x")
	}
	f.Fuzz(func(t *testing.T, op, key, value string) {
		l := New(clock())
		l.Append(op, map[string]string{key: value, "n": "1"}, Cost{Calls: 1})
		e := l.Append("end", nil, Cost{})
		text := l.Bytes()
		if n := bytes.Count(text, []byte("\n")); n != 2 {
			t.Fatalf("%d lines: %q", n, text)
		}
		if i := strings.IndexFunc(strings.ReplaceAll(string(text), "\n", ""), sly); i >= 0 {
			t.Fatalf("a control character at %d: %q", i, text)
		}
		got, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if got[1].Hash != e.Hash || !reflect.DeepEqual(got[0].Attrs, l.Entries()[0].Attrs) {
			t.Fatalf("read %+v, wrote %+v", got, l.Entries())
		}
		var other any
		if err := json.Unmarshal(bytes.SplitAfter(text, []byte("\n"))[0], &other); err != nil {
			t.Fatal(err)
		}
	})
}

// Reading never crashes, and what it accepts is exactly what would be written.
func FuzzRead(f *testing.F) {
	f.Add(filled().Bytes())
	f.Add([]byte("{}\n"))
	f.Add([]byte("null\n"))
	f.Add([]byte(`{"seq":1,"time":"2025-09-09T04:00:00Z"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again []byte
		for _, e := range entries {
			again = append(again, encode(e)...)
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("accepted %q, which would be written %q", data, again)
		}
	})
}

// The bytes are fixed: a ledger kept for years must read back.
func TestEncodingIsFixed(t *testing.T) {
	l := New(clock())
	l.Append("ask", map[string]string{"z": "1", "a": "<&>\"\\\n佐藤\u202e"}, Cost{Calls: 1, Rows: 2})
	const want = `{"attrs":{"a":"<&>\"\\\u000a佐藤\u202e","z":"1"},"cost":{"bytes":0,"calls":1,"pages":0,"rows":2},` +
		`"hash":"HASH","op":"ask","prev":"","seq":1,"time":"2025-09-09T04:00:02Z"}` + "\n"
	if got := strings.Replace(string(l.Bytes()), l.Head(), "HASH", 1); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	sum := sha256.Sum256([]byte(strings.Replace(want, `"hash":"HASH",`, "", 1)))
	if got := l.Head(); got != hex.EncodeToString(sum[:]) {
		t.Errorf("head %s, want %x", got, sum)
	}
}
