package finding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Parse reads every finding in data. What it is given it knows by its content:
// one finding in any [Shape], an array of findings, findings one after the other
// (JSON lines), or {"Findings": [...]} as GetFindings and Security Hub answer, in either casing.
//
// It is all or nothing: the error names the document, the line and the byte, and
// what to do. An empty list is no error.
func Parse(data []byte) ([]Finding, error) {
	body := bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return nil, errors.New("parse finding: the data is compressed with gzip; unpack it first")
	}
	p := parser{data: data}
	dec := json.NewDecoder(bytes.NewReader(body))
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return nil, errors.New("parse finding: there is nothing but white space; give the JSON of a finding")
			}
			return p.found, nil
		}
		bom := len(data) - len(body)
		start := bom + int(dec.InputOffset()) - len(raw)
		if err != nil {
			return nil, fmt.Errorf("parse finding: document %d: %w", n, syntax(data, bom, err))
		}
		if err := p.document(raw, start); err != nil {
			return nil, fmt.Errorf("parse finding: document %d%w", n, err)
		}
	}
}

// A parser collects findings. Its errors begin with the rest of a place, such as
// `, finding 3 (line 7, byte 812): ...`.
type parser struct {
	data  []byte
	found []Finding
}

// document reads one top-level value: a finding, a list, or an answer that holds a list.
func (p *parser) document(raw []byte, start int) error {
	if raw[0] == '[' {
		return p.list(raw, start)
	}
	if raw[0] != '{' {
		return p.at(start, errNotObject)
	}
	top, err := members(raw, start)
	if err != nil {
		return p.at(start, err)
	}
	_, hasID := top["id"]
	_, hasType := top["type"]
	if hasID && hasType {
		return p.finding(raw, start)
	}
	for _, name := range []string{"Findings", "findings"} {
		if m, ok := top[name]; ok && m.raw[0] == '[' {
			return p.list(m.raw, m.start)
		}
	}
	if detail, ok := top["detail"]; ok && detail.raw[0] == '{' {
		inner, err := members(detail.raw, detail.start)
		if err != nil {
			return p.at(detail.start, err)
		}
		if m, ok := inner["findings"]; ok && m.raw[0] == '[' { // Security Hub's event
			return p.list(m.raw, m.start)
		}
	}
	return p.finding(raw, start)
}

// A member is one value of an object and where it begins.
type member struct {
	raw   json.RawMessage
	start int
}

// members takes an object apart without reading its values.
func members(raw []byte, start int) (map[string]member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	out := map[string]member{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := tok.(string)
		if !ok {
			return nil, errNotObject
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("member %s is given twice, again %d bytes into the document; keep one", place([]string{key}), dec.InputOffset())
		}
		var m member
		if err := dec.Decode(&m.raw); err != nil {
			return nil, err
		}
		m.start = start + int(dec.InputOffset()) - len(m.raw)
		out[key] = m
	}
	return out, nil
}

func (p *parser) list(raw []byte, start int) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return p.at(start, err)
	}
	for n := 1; dec.More(); n++ {
		var one json.RawMessage
		if err := dec.Decode(&one); err != nil {
			return p.at(start, err)
		}
		if err := p.finding(one, start+int(dec.InputOffset())-len(one)); err != nil {
			return fmt.Errorf(", finding %d%w", n, err)
		}
	}
	return nil
}

func (p *parser) finding(raw []byte, start int) error {
	v, err := decode(raw)
	if err != nil {
		return p.at(start, err)
	}
	f, err := read(v)
	if err != nil {
		return p.at(start, err)
	}
	f.raw = bytes.Clone(raw)
	p.found = append(p.found, f)
	return nil
}

func (p *parser) at(start int, err error) error {
	return fmt.Errorf(" (line %d, byte %d): %w", lineOf(p.data, start), start, err)
}

var errNotObject = errors.New("this is JSON but no GuardDuty finding: a finding is an object {...}")
