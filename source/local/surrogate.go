package local

import (
	"bytes"
	"strconv"

	"github.com/buger/jsonparser"
)

// A text of a record may hold half of a UTF-16 pair as an escape ("\ud800"): JSON allows it, Unicode
// does not, and a caller can put one into a user agent. The record is kept as it came; what is read out
// of it has U+FFFD in its place.

// parsed is a JSON string without its quotes as text.
func parsed(val []byte) string {
	if s, err := jsonparser.ParseString(val); err == nil {
		return s
	}
	if s, err := jsonparser.ParseString(paired(val)); err == nil {
		return s
	}
	return string(val)
}

// paired replaces escapes of unpaired surrogates.
func paired(val []byte) []byte {
	var out []byte
	for i := 0; i < len(val); {
		if val[i] != '\\' {
			out = append(out, val[i])
			i++
			continue
		}
		unit, ok := escaped16(val[i:])
		switch {
		case !ok:
			out = append(out, val[i:min(i+2, len(val))]...)
			i += 2
		case unit < 0xD800 || unit > 0xDFFF:
			out = append(out, val[i:i+6]...)
			i += 6
		default:
			if low, ok := escaped16(val[i+6:]); ok && unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF {
				out = append(out, val[i:i+12]...)
				i += 12
				continue
			}
			out = append(out, `\ufffd`...)
			i += 6
		}
	}
	return out
}

// escaped16 is the UTF-16 unit of an escape that b begins with.
func escaped16(b []byte) (uint64, bool) {
	if len(b) < 6 || !bytes.HasPrefix(b, []byte(`\u`)) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return n, err == nil
}

// extracted is SQL for a value of the raw record as text, at a path that is SQL itself. A record that
// DuckDB cannot read all the same has no value there and stops no question.
func extracted(path string) string {
	const half = `'\\u[dD][89a-fA-F][0-9a-fA-F]{2}'`
	const pair = `'\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})'`
	clean := `regexp_replace(regexp_replace(replace(raw, '\\', chr(2)), ` + pair + `, chr(1) || '\1' || chr(1) || '\2', 'g'), ` + half + `, '\\ufffd', 'g')`
	clean = `replace(replace(` + clean + `, chr(1), '\u'), chr(2), '\\')`
	return `TRY(json_extract_string(CASE WHEN contains(raw, '\ud') OR contains(raw, '\uD') THEN ` + clean + ` ELSE raw END, ` + path + `))`
}
