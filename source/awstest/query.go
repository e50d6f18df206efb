package awstest

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// formInput reads the members of a request in the query protocol: "A.member.1.B=x".
func (m *model) formInput(op *operation, form url.Values) (map[string]any, []string) {
	rest := map[string]string{}
	var bad []string
	for k, v := range form {
		if k == "Action" || k == "Version" {
			continue
		}
		if len(v) != 1 {
			bad = append(bad, k+": is given more than once")
		}
		rest[k] = v[0]
	}
	in := map[string]any{}
	if op.Input != nil {
		if x, ok := m.fromForm(*op.Input, "", rest).(map[string]any); ok {
			in = x
		}
	}
	for _, k := range slices.Sorted(maps.Keys(rest)) {
		bad = append(bad, k+": the model has no such member")
	}
	return in, bad
}

// fromForm takes the value at a prefix out of the form; nil when there is none.
func (m *model) fromForm(r ref, prefix string, form map[string]string) any {
	s := m.Shapes[r.Shape]
	dot := prefix + "."
	if prefix == "" {
		dot = ""
	}
	some := func(p string) bool {
		for k := range form {
			if k == p || strings.HasPrefix(k, p+".") {
				return true
			}
		}
		return false
	}
	switch s.Type {
	case "structure":
		out := map[string]any{}
		for name, member := range s.Members {
			wire := name
			if member.LocationName != "" {
				wire = member.LocationName
			}
			if some(dot + wire) {
				out[name] = m.fromForm(member, dot+wire, form)
			}
		}
		return out
	case "list":
		step := ".member."
		if s.Member.LocationName != "" {
			step = "." + s.Member.LocationName + "."
		}
		if s.Flattened || r.Flattened {
			step = "."
		}
		if v, ok := form[prefix]; ok && v == "" { // an empty list
			delete(form, prefix)
			return []any{}
		}
		out := []any{}
		for i := 1; some(prefix + step + strconv.Itoa(i)); i++ {
			out = append(out, m.fromForm(*s.Member, prefix+step+strconv.Itoa(i), form))
		}
		return out
	case "map":
		key, value := "key", "value"
		if s.Key.LocationName != "" {
			key = s.Key.LocationName
		}
		if s.Value.LocationName != "" {
			value = s.Value.LocationName
		}
		step := ".entry."
		if s.Flattened || r.Flattened {
			step = "."
		}
		out := map[string]any{}
		for i := 1; some(prefix + step + strconv.Itoa(i)); i++ {
			at := prefix + step + strconv.Itoa(i) + "."
			k, _ := m.fromForm(*s.Key, at+key, form).(string)
			out[k] = m.fromForm(*s.Value, at+value, form)
		}
		return out
	}
	text, ok := form[prefix]
	if !ok {
		return nil
	}
	delete(form, prefix)
	return m.fromText(r, text)
}

// queryBody is a response of the query protocol.
func (m *model) queryBody(op *operation, out map[string]any, requestID string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, op.Name, m.namespace())
	if op.Output != nil {
		wrapper := op.Output.ResultWrapper
		if wrapper != "" {
			b.WriteString("<" + wrapper + ">")
		}
		m.members(&b, m.Shapes[op.Output.Shape], out)
		if wrapper != "" {
			b.WriteString("</" + wrapper + ">")
		}
	}
	fmt.Fprintf(&b, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", requestID, op.Name)
	return b.Bytes()
}

func (m *model) members(b *bytes.Buffer, s *shape, out map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(out)) {
		r := s.Members[name]
		wire := name
		if r.LocationName != "" {
			wire = r.LocationName
		}
		if out[name] != nil {
			m.element(b, wire, r, out[name])
		}
	}
}

func (m *model) element(b *bytes.Buffer, name string, r ref, v any) {
	s := m.Shapes[r.Shape]
	flat := s.Flattened || r.Flattened
	open, end := "<"+name+">", "</"+name+">"
	switch x := v.(type) {
	case map[string]any:
		if s.Type == "structure" {
			b.WriteString(open)
			m.members(b, s, x)
			b.WriteString(end)
			return
		}
		if !flat {
			b.WriteString(open)
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			entry := "entry"
			if flat {
				entry = name
			}
			b.WriteString("<" + entry + ">")
			m.element(b, either(s.Key.LocationName, "key"), *s.Key, k)
			m.element(b, either(s.Value.LocationName, "value"), *s.Value, x[k])
			b.WriteString("</" + entry + ">")
		}
		if !flat {
			b.WriteString(end)
		}
	case []any:
		if flat {
			for _, e := range x {
				m.element(b, name, *s.Member, e)
			}
			return
		}
		b.WriteString(open)
		for _, e := range x {
			m.element(b, either(s.Member.LocationName, "member"), *s.Member, e)
		}
		b.WriteString(end)
	default:
		b.WriteString(open)
		_ = xml.EscapeText(b, []byte(xmlText(v))) // a buffer takes everything
		b.WriteString(end)
	}
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func xmlText(v any) string {
	switch x := v.(type) {
	case time.Time:
		return x.UTC().Format("2006-01-02T15:04:05.999Z")
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	}
	return fmt.Sprint(v)
}
