package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
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
	return b.Bytes(), nil
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
