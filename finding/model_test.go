package finding

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The service model of botocore: what GuardDuty may send, by name.
type model struct {
	Shapes map[string]struct {
		Type    string
		Members map[string]struct {
			Shape        string
			LocationName string
		}
		Member, Value struct{ Shape string }
		Enum          []string
	}
}

func serviceModel(t testing.TB) model {
	t.Helper()
	var m model
	if err := json.Unmarshal(shared(t, "api-models/guardduty.nodoc.json"), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// wire is a member's name on the wire.
func wire(name, location string) string {
	if location == "" {
		location = name
	}
	return location
}

// walk visits every member below a shape: its path on the wire, its SDK name and its type.
func (m model) walk(shape string, path []string, visit func(path []string, sdk, typ string)) {
	if len(path) > 25 {
		return
	}
	s := m.Shapes[shape]
	switch s.Type {
	case "list":
		m.walk(s.Member.Shape, path, visit)
	case "map":
		m.walk(s.Value.Shape, append(slices.Clone(path), "*"), visit)
	case "structure":
		for _, name := range slices.Sorted(maps.Keys(s.Members)) {
			member := s.Members[name]
			at := append(slices.Clone(path), wire(name, member.LocationName))
			leaf := m.Shapes[member.Shape]
			for leaf.Type == "list" {
				leaf = m.Shapes[leaf.Member.Shape]
			}
			visit(at, name, leaf.Type)
			m.walk(member.Shape, at, visit)
		}
	}
}

// A document in UpperCamel with every member of the model becomes the wire's document, name by name.
func TestNamesFollowTheModel(t *testing.T) {
	m := serviceModel(t)
	members := 0
	m.walk("Finding", nil, func(path []string, sdk, _ string) {
		members++
		want := path[len(path)-1]
		if want == "LoginAttributes" || want == "IamInstanceProfile" { // the model forgot their names on the wire
			want = lowerFirst(want)
		}
		parent := slices.DeleteFunc(slices.Clone(path[:len(path)-1]), func(s string) bool { return s == "*" })
		if i := slices.Index(path, "*"); i >= 0 {
			parent = path[:len(path)-1]
		}
		if verbatim(parent) {
			return
		}
		got, err := renameMembers(map[string]any{sdk: true}, parent)
		if err != nil || got[want] != true {
			t.Errorf("%s: %s becomes %v, want %s", strings.Join(parent, "."), sdk, got, want)
		}
	})
	if members < 700 {
		t.Errorf("only %d members below Finding; the model is not read whole", members)
	}
}

func TestLeavesFollowTheModel(t *testing.T) {
	m := serviceModel(t)
	kinds := map[string]map[string]bool{} // leaf name -> types it has below service
	m.walk("Service", nil, func(path []string, _, typ string) {
		name := path[len(path)-1]
		if kinds[name] == nil {
			kinds[name] = map[string]bool{}
		}
		kinds[name][typ] = true
	})
	for name, types := range kinds {
		number := types["integer"] || types["long"] || types["double"]
		truth := types["boolean"]
		text := types["string"] || types["timestamp"] || types["structure"] || types["map"]
		switch {
		case (number || truth) && text:
			if numberLeaves[name] || truthLeaves[name] {
				t.Errorf("%s is text too; it cannot be converted by its name", name)
			}
		case number && !numberLeaves[name], truth && !truthLeaves[name]:
			t.Errorf("%s is %v and not converted", name, types)
		case text && (numberLeaves[name] || truthLeaves[name] && name != "sample"):
			t.Errorf("%s is text and converted", name)
		}
	}
	for name := range serviceMembers {
		if kinds[name] == nil {
			t.Errorf("service has no member %s", name)
		}
	}
	for name := range m.Shapes["Service"].Members {
		if n := lowerFirst(name); !serviceMembers[n] {
			t.Errorf("serviceMembers lacks %s", n)
		}
	}
}

// conforms reports what in a document the model does not have.
func (m model) conforms(shape string, v any, path string) []string {
	s := m.Shapes[shape]
	wrong := func(format string, args ...any) []string {
		return []string{path + ": " + fmt.Sprintf(format, args...)}
	}
	var out []string
	switch v := v.(type) {
	case map[string]any:
		switch s.Type {
		case "structure":
			byWire := map[string]string{}
			for name, member := range s.Members {
				byWire[wire(name, member.LocationName)] = member.Shape
			}
			for k, e := range v {
				inner, ok := byWire[k]
				if !ok {
					out = append(out, path+"."+k+": no such member")
					continue
				}
				out = append(out, m.conforms(inner, e, path+"."+k)...)
			}
		case "map":
			for k, e := range v {
				out = append(out, m.conforms(s.Value.Shape, e, path+"."+k)...)
			}
		default:
			return wrong("an object, want %s", s.Type)
		}
	case []any:
		if s.Type != "list" {
			return wrong("a list, want %s", s.Type)
		}
		for _, e := range v {
			out = append(out, m.conforms(s.Member.Shape, e, path+"[]")...)
		}
	case string:
		if s.Type != "string" && s.Type != "timestamp" {
			return wrong("text, want %s", s.Type)
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			return wrong("%q is none of %v", v, s.Enum)
		}
	case json.Number:
		if !slices.Contains([]string{"integer", "long", "double", "timestamp"}, s.Type) {
			return wrong("a number, want %s", s.Type)
		}
	case bool:
		if s.Type != "boolean" {
			return wrong("a truth value, want %s", s.Type)
		}
	}
	return out
}
