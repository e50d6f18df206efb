package strictyaml

import (
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

type shape struct {
	Name  string `yaml:"name"`
	Count int    `yaml:"count"`
	Rules []struct {
		When string `yaml:"when"`
	} `yaml:"rules"`
}

func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	for text, want := range map[string][]string{
		"name: x\ncuont: 3\n":                {"f.yaml:2:1", `unknown key "cuont"`, `did you mean "count"?`, "\n    cuont: 3\n    ~~~~~"},
		"rules:\n  - wen: x\n":               {"f.yaml:2:5", `did you mean "when"?`},
		"name: x\ncount: many\n":             {"f.yaml:2:8"},
		"name: x\nname: y\n":                 {"f.yaml:2:1", "name"},
		"name: x\n---\nname: y\n":            {"second document"},
		"name: [x\n":                         {"f.yaml:"},
		"name: &a {b: *a}\n":                 {"alias"},
		"name: x\n\tcount: 3\n":              {"f.yaml:"},
		strings.Repeat("# ", MaxSize) + "\n": {"bytes"},
	} {
		var s shape
		err := Decode("f.yaml", []byte(text), &s)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%.40q: got %v; want %q", text, err, w)
			}
		}
		var p *PosError
		if err != nil && !errors.As(err, &p) {
			t.Errorf("%.40q: %T has no place", text, err)
		}
	}
}

func TestGoodFiles(t *testing.T) {
	var s shape
	if err := Decode("f", nil, &s); err != nil || s.Name != "" {
		t.Errorf("an empty file: %v", err)
	}
	if err := Decode("f", []byte("# a comment\nname: あ\ncount: 3\nrules:\n  - {when: a}\n  - {when: b}\n"), &s); err != nil || s.Name != "あ" || len(s.Rules) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestPlacesOfValues(t *testing.T) {
	data := []byte("rules:\n  - when: a\n  - when: bad\n")
	if l, c := Locate(data, "$.rules[1].when"); l != 3 || c != 11 {
		t.Errorf("found at %d:%d", l, c)
	}
	if l, c := Locate(data, "$.rules[7].when"); l != 0 || c != 0 {
		t.Errorf("something that is not there was found at %d:%d", l, c)
	}
	if got := ErrorAt("f.yaml", data, "$.rules[1].when", "is bad").Error(); got != "f.yaml:3:11: is bad\n      - when: bad\n              ~~~" {
		t.Errorf("%q", got)
	}
}

// What was read and is written out by the library and read again is the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"name: x\ncount: 3\n", "rules: [{when: &a x}, {when: *a}]", "a: &a {name: x}\n<<: *a\n", "? name\n: x\n", "name: |\n  x\n", "<<: {name: y}", "- - -\n", "!!str x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, again shape
		if Decode("f", []byte(text), &s) != nil {
			return
		}
		data, err := yaml.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		// The library writes some texts in ways that it does not read back, such as lone spaces.
		if err := Decode("f", data, &again); err == nil && again.Count != s.Count {
			t.Errorf("%q: %+v, then %+v", text, s, again)
		}
	})
}
