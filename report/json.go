package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

//go:embed schema/report.schema.json
var schemas embed.FS

// Schema is the published JSON Schema of what [JSON] prints.
func Schema() []byte {
	b, err := schemas.ReadFile("schema/report.schema.json")
	if err != nil {
		panic(err) // it is embedded: the build would have failed
	}
	return b
}

// JSON prints the report for programs.
func JSON(doc Document) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc.Record); err != nil {
		return nil, fmt.Errorf("print report as JSON: %w", err)
	}
	return shown(b.Bytes()), nil
}

// shown escapes every character that does not show itself. In JSON such characters stand only
// inside texts, so the escape means the same.
func shown(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r < utf8.RuneSelf && r != 0x7F || unicode.IsPrint(r): // the encoder escapes all control characters but DEL
			out = append(out, data[:n]...)
		case r > 0xFFFF:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		data = data[n:]
	}
	return out
}

// plainJSON is s as JSON without HTML escapes.
func plainJSON(s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
