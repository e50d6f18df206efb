package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// compose is the JSON object of a record that came in another form: its members sorted by name, so
// that the same record is the same object whatever the order of its columns was.
func compose(members map[string]any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(members)
	return bytes.TrimSpace(b.Bytes()), err
}

// given is a value of a text line; "-" stands for none and becomes null.
func given(s string) any {
	if s == "-" {
		return nil
	}
	return s
}

// identity is the id of a record that has none: the hash of the record before its place was added,
// so that a record is the same wherever a copy of it lies.
func identity(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// with adds members to a JSON object, where it has no such member of its own.
func with(raw []byte, members ...[2]string) []byte {
	out := raw
	for _, m := range members {
		if m[1] == "" || topLevel(raw, m[0]) {
			continue
		}
		name, val := jsonQuote(m[0]), jsonQuote(m[1])
		end := bytes.LastIndexByte(out, '}')
		if end < 0 {
			return raw
		}
		sep := ","
		if prior(out, end) == '{' {
			sep = ""
		}
		out = append(append(append([]byte{}, out[:end]...), sep+name+":"+val...), '}')
	}
	return out
}

func jsonQuote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSpace(b.String())
}
