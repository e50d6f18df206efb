package kinds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A member of a structure of the service model.
type member struct {
	Shape        string
	LocationName string
}

// A shape of the service model.
type shape struct {
	Type          string
	Members       map[string]member
	Member, Value member
	Required      []string
	Enum          []string
	Pattern       string
	Min, Max      *float64
}

// A model says what GuardDuty may send. names tells what a member is called: on the wire, or in the SDKs.
type model struct {
	Shapes map[string]shape
	sdk    bool
}

// serviceModel is the official model, or the test is skipped.
func serviceModel(t testing.TB) model {
	t.Helper()
	file := filepath.Join("..", "..", "..", "shared", "data", "guardduty", "api-models", "guardduty.service-2.json")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("GuardDuty's service model is not at %s", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	var m model
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Shapes["Finding"].Members) == 0 {
		t.Fatalf("%s has no Finding", file)
	}
	return m
}

func (m model) name(sdk string, e member) string {
	switch {
	case m.sdk:
		return sdk
	case e.LocationName == "":
		return sdk
	default:
		return e.LocationName
	}
}

// check is what in a value the model does not allow.
func (m model) check(name string, v any, path string) []string {
	s := m.Shapes[name]
	wrong := func(format string, args ...any) []string { return []string{path + ": " + fmt.Sprintf(format, args...)} }
	var out []string
	switch v := v.(type) {
	case map[string]any:
		if s.Type == "map" {
			for k, e := range v {
				out = append(out, m.check(s.Value.Shape, e, path+"."+k)...)
			}
			return out
		}
		if s.Type != "structure" {
			return wrong("an object, want %s", s.Type)
		}
		known := map[string]string{}
		for sdk, e := range s.Members {
			known[m.name(sdk, e)] = e.Shape
		}
		for k, e := range v {
			inner, ok := known[k]
			if !ok {
				out = append(out, path+"."+k+": the model has no such member")
				continue
			}
			out = append(out, m.check(inner, e, path+"."+k)...)
		}
		for _, sdk := range s.Required {
			if _, ok := v[m.name(sdk, s.Members[sdk])]; !ok {
				out = append(out, path+": lacks "+sdk)
			}
		}
	case []any:
		if s.Type != "list" {
			return wrong("a list, want %s", s.Type)
		}
		if s.Max != nil && float64(len(v)) > *s.Max || s.Min != nil && float64(len(v)) < *s.Min {
			out = append(out, wrong("%d elements", len(v))...)
		}
		for _, e := range v {
			out = append(out, m.check(s.Member.Shape, e, path+"[]")...)
		}
	case string:
		if s.Type != "string" && s.Type != "timestamp" {
			return wrong("text, want %s", s.Type)
		}
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			out = append(out, wrong("%q is none of %v", v, s.Enum)...)
		}
		n := float64(utf8.RuneCountInString(v))
		if s.Max != nil && n > *s.Max || s.Min != nil && n < *s.Min {
			out = append(out, wrong("%q has %v characters", v, n)...)
		}
		if s.Pattern != "" && !regexp.MustCompile("^(?:"+s.Pattern+")$").MatchString(v) {
			out = append(out, wrong("%q does not match %s", v, s.Pattern)...)
		}
	case json.Number:
		whole := !strings.ContainsAny(v.String(), ".eE")
		switch s.Type {
		case "integer", "long":
			if !whole {
				out = append(out, wrong("%s is not whole", v)...)
			}
		case "double", "timestamp":
		default:
			return wrong("a number, want %s", s.Type)
		}
		n, err := v.Float64()
		if err != nil || s.Max != nil && n > *s.Max || s.Min != nil && n < *s.Min {
			out = append(out, wrong("%s is out of bounds", v)...)
		}
	case bool:
		if s.Type != "boolean" {
			return wrong("a truth value, want %s", s.Type)
		}
	case nil:
		return wrong("null")
	}
	return out
}

func decode(t testing.TB, data []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// infoMembers are what additionalInfo is known to hold when a channel spreads it out: the
// EventBridge registry's, and agentDetails, recentCredentials and the rest as findings were seen with.
var infoMembers = []string{
	"anomalies", "profiledBehavior", "unusualBehavior", "userAgent", "domain", "threatListName", "portsScannedSample", "unusual", "outBytes", "inBytes", "localPort",
	"unusualProtocol", "recentCredentials", "agentDetails", "sample", "value", "type",
}

// Every type in every form is what the official model says, with several seeds, so that every kind
// of resource comes up.
func TestFindingsFollowTheModel(t *testing.T) {
	wire := serviceModel(t)
	sdk := wire
	sdk.sdk = true
	n := 0
	for _, kind := range Types() {
		for _, o := range []Options{{}, {Seed: 2, Benign: true}, {Seed: 3, Sample: true}, {Seed: 4}} {
			d, err := Generate(kind, o)
			if err != nil {
				t.Fatal(err)
			}
			n++
			data, err := d.JSON(GetFindings)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range sdk.check("GetFindingsResponse", decode(t, data), "") {
				t.Errorf("%s, seed %d: %s", kind, o.Seed, problem)
			}
			if data, err = d.JSON(EventBridge); err != nil {
				t.Fatal(err)
			}
			detail := decode(t, data)["detail"].(map[string]any)
			service := detail["service"].(map[string]any)
			for k := range service["additionalInfo"].(map[string]any) {
				if !slices.Contains(infoMembers, k) {
					t.Errorf("%s: nobody knows additionalInfo.%s", kind, k)
				}
			}
			delete(service, "additionalInfo") // the model has its text alone; the other form is checked with it
			for _, problem := range wire.check("Finding", detail, "") {
				t.Errorf("%s, seed %d, as an event: %s", kind, o.Seed, problem)
			}
		}
	}
	if n != 4*252 {
		t.Errorf("%d findings were checked", n)
	}
}

// The check above would be green on any document if it saw nothing.
func TestTheModelRefuses(t *testing.T) {
	m := serviceModel(t)
	m.sdk = true
	d, err := Generate("AttackSequence:S3/CompromisedData", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(f map[string]any){
		"no such member": func(f map[string]any) { f["Severety"] = json.Number("8") },
		"lacks Id":       func(f map[string]any) { delete(f, "Id") },
		"want double":    func(f map[string]any) { f["Severity"] = "8" },
		"is none of": func(f map[string]any) {
			at(f, "Service", "Detection", "Sequence")["Signals"].([]any)[0].(map[string]any)["Type"] = "GUESS"
		},
		"is not whole": func(f map[string]any) { at(f, "Service")["Count"] = json.Number("1.5") },
		"characters":   func(f map[string]any) { f["Type"] = strings.Repeat("x", 101) },
		"want string":  func(f map[string]any) { f["Region"] = true },
	} {
		data, err := d.JSON(GetFindings)
		if err != nil {
			t.Fatal(err)
		}
		doc := decode(t, data)
		spoil(doc["Findings"].([]any)[0].(map[string]any))
		if got := m.check("GetFindingsResponse", doc, ""); len(got) != 1 || !strings.Contains(got[0], name) {
			t.Errorf("%s: the model says %q", name, got)
		}
	}
}

func at(v map[string]any, steps ...string) map[string]any {
	for _, s := range steps {
		v = v[s].(map[string]any)
	}
	return v
}
