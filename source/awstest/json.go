package awstest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseJSON reads one JSON value; numbers keep their text.
func parseJSON(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the JSON value")
	}
	return v, nil
}

// fromJSON gives a JSON value the types of its shape. What has another type stays as it is, and
// is found by check.
func (m *model) fromJSON(r ref, v any) any {
	s := m.Shapes[r.Shape]
	if s == nil || v == nil {
		return v
	}
	switch s.Type {
	case "structure":
		x, ok := v.(map[string]any)
		if !ok || s.Document {
			return v
		}
		wire := m.byWireName(s)
		out := map[string]any{}
		for k, e := range x {
			name, known := wire[k]
			if !known {
				out[k] = e
				continue
			}
			if e != nil {
				out[name] = m.fromJSON(s.Members[name], e)
			}
		}
		return out
	case "list":
		x, ok := v.([]any)
		if !ok {
			return v
		}
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = m.fromJSON(*s.Member, e)
		}
		return out
	case "map":
		x, ok := v.(map[string]any)
		if !ok {
			return v
		}
		out := map[string]any{}
		for k, e := range x {
			out[k] = m.fromJSON(*s.Value, e)
		}
		return out
	case "integer", "long":
		if n, ok := v.(json.Number); ok {
			if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
				return i
			}
		}
	case "float", "double":
		if n, ok := v.(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				return f
			}
		}
	case "timestamp":
		switch x := v.(type) {
		case json.Number:
			if f, err := x.Float64(); err == nil && s.TimestampFormat != "iso8601" {
				return epoch(f)
			}
		case string:
			if t, err := time.Parse(time.RFC3339Nano, x); err == nil && s.TimestampFormat == "iso8601" {
				return t.UTC()
			}
		}
	case "blob":
		if x, ok := v.(string); ok {
			if b, err := base64.StdEncoding.DecodeString(x); err == nil {
				return b
			}
		}
	}
	return v
}

func epoch(f float64) time.Time {
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC()
}

// byWireName maps the names on the wire to those of the members that travel in the body.
func (m *model) byWireName(s *shape) map[string]string {
	out := map[string]string{}
	for name, r := range s.Members {
		if r.Location != "" {
			continue
		}
		if r.LocationName != "" && m.Metadata.Protocol != "json" {
			out[r.LocationName] = name
		} else {
			out[name] = name
		}
	}
	return out
}

// toJSON is the other way: a checked value as it travels.
func (m *model) toJSON(r ref, v any) any {
	s := m.Shapes[r.Shape]
	switch x := v.(type) {
	case nil:
		return nil
	case map[string]any:
		out := map[string]any{}
		if s.Type == "map" {
			for k, e := range x {
				out[k] = m.toJSON(*s.Value, e)
			}
			return out
		}
		if s.Document {
			return x
		}
		for wire, name := range m.byWireName(s) {
			if e, ok := x[name]; ok && e != nil {
				out[wire] = m.toJSON(s.Members[name], e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = m.toJSON(*s.Member, e)
		}
		return out
	case time.Time:
		if s.TimestampFormat == "iso8601" {
			return x.UTC().Format("2006-01-02T15:04:05.999Z")
		}
		// Milliseconds, as services send them.
		return json.Number(strconv.FormatFloat(float64(x.UnixMilli())/1000, 'f', -1, 64))
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	}
	return v
}

// route finds the operation of a rest-json request and the values in its path.
func (m *model) route(r *http.Request) (op *operation, path map[string]string) {
	got := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	best := -1
	for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
		o := m.Operations[name]
		template, _, _ := strings.Cut(o.HTTP.RequestURI, "?")
		if o.HTTP.Method != r.Method {
			continue
		}
		if values, literal, ok := along(strings.Split(strings.Trim(template, "/"), "/"), got); ok && literal > best {
			op, path, best = o, values, literal
		}
	}
	return op, path
}

// along lays a path over a template; literal counts the steps that are no labels.
func along(template, got []string) (values map[string]string, literal int, ok bool) {
	values = map[string]string{}
	for i, step := range template {
		label, isLabel := strings.CutPrefix(step, "{")
		label = strings.TrimSuffix(label, "}")
		if greedy, g := strings.CutSuffix(label, "+"); isLabel && g && i < len(got) {
			text, err := url.PathUnescape(strings.Join(got[i:], "/"))
			values[greedy] = text
			return values, literal, err == nil
		}
		switch {
		case i >= len(got):
			return nil, 0, false
		case isLabel:
			text, err := url.PathUnescape(got[i])
			if err != nil || text == "" {
				return nil, 0, false
			}
			values[label] = text
		case step != got[i]:
			return nil, 0, false
		default:
			literal++
		}
	}
	return values, literal, len(template) == len(got)
}

// restInput collects a request's members from path, query, headers and body.
func (m *model) restInput(op *operation, path map[string]string, r *http.Request, body []byte) (map[string]any, []string) {
	in := map[string]any{}
	var bad []string
	if op.Input == nil {
		return in, nil
	}
	s := m.Shapes[op.Input.Shape]
	asked := r.URL.Query()
	for name, member := range s.Members {
		wire := member.LocationName
		switch member.Location {
		case "uri":
			if v, ok := path[wire]; ok {
				in[name] = m.fromText(member, v)
			}
		case "querystring":
			if v, ok := asked[wire]; ok {
				if ls := m.Shapes[member.Shape]; ls.Type == "list" {
					var list []any
					for _, e := range v {
						list = append(list, m.fromText(*ls.Member, e))
					}
					in[name] = list
				} else {
					in[name] = m.fromText(member, v[0])
				}
				delete(asked, wire)
			}
		case "header":
			if v := r.Header.Get(wire); v != "" {
				in[name] = m.fromText(member, v)
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(asked)) {
		bad = append(bad, "query parameter "+strconv.Quote(k)+": the model has no such member")
	}
	if len(body) == 0 {
		return in, bad
	}
	v, err := parseJSON(body)
	if err != nil {
		return in, append(bad, "the body is no JSON: "+err.Error())
	}
	if s.Payload != "" {
		in[s.Payload] = m.fromJSON(s.Members[s.Payload], v)
		return in, bad
	}
	members, ok := m.fromJSON(*op.Input, v).(map[string]any)
	if !ok {
		return in, append(bad, "the body is no JSON object")
	}
	maps.Copy(in, members)
	return in, bad
}

// fromText reads a value from a path, a query or a header.
func (m *model) fromText(r ref, text string) any {
	s := m.Shapes[r.Shape]
	switch s.Type {
	case "integer", "long":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case "float", "double":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	case "boolean":
		if text == "true" || text == "false" {
			return text == "true"
		}
	case "timestamp":
		for _, layout := range []string{time.RFC3339Nano, http.TimeFormat} {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC()
			}
		}
	case "blob":
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			return b
		}
	}
	return text
}
