package strictyaml

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type scalars struct {
	Int   int            `yaml:"int"`
	Small uint8          `yaml:"small"`
	Float float64        `yaml:"float"`
	Text  string         `yaml:"text"`
	Bool  bool           `yaml:"bool"`
	Maybe *int           `yaml:"maybe"`
	List  []int          `yaml:"list"`
	Names []string       `yaml:"names"`
	Any   map[string]any `yaml:"any"`
	Inner struct {
		Text string `yaml:"text"`
		Int  int    `yaml:"int"`
	} `yaml:"inner"`
}

// Each of these was something else once it was read: a half was cut off, an octal number
// appeared, a zero was lost.
func TestNothingIsConvertedInSilence(t *testing.T) {
	for text, want := range map[string]string{
		"int: 1.5":                  `1:6: "1.5" is no whole number`,
		"int: 1.0":                  `"1.0" is no whole number`,
		"int: .5":                   "no whole number",
		"int: 01":                   `"01" is no whole number`,
		"int: 010":                  "no whole number",
		"int: 1e3":                  `"1e3" is no whole number`,
		"int: 1_000":                "no whole number",
		"int: 0x10":                 "no whole number",
		"int: 0o17":                 "no whole number",
		"int: +1":                   "no whole number",
		"int: '1'":                  `"1" in quotes is no whole number`,
		"int: true":                 "no whole number",
		"int:":                      "there is no value; write a number",
		"int: ~":                    "there is no value",
		"int: 99999999999999999999": "1:6",
		"small: 256":                "overflow",
		"small: -1":                 "overflow",
		"maybe: 1.5":                "no whole number",
		"list: [1, 2.5]":            `1:11: "2.5" is no whole number`,
		"inner: {int: 1.5}":         "no whole number",
		"float: .inf":               "no number",
		"float: .nan":               "no number",
		"float: 1e3":                "no number",
		"float: x":                  "no number",
		"bool: yes":                 "1:7",
		"bool: 1":                   "1:7",
		"bool:":                     "write true or false",
		"text: 012345670123":        `1:7: 012345670123 is read as a number and would lose its form; put it in quotes: "012345670123"`,
		"text: 1.50":                "would lose its form",
		"text: 0x1F":                "would lose its form",
		"names: [012345670123]":     "would lose its form",
		"inner: {text: 007}":        "would lose its form",
		"any: {a: {b: [01]}}":       "not a plain number",
		"text: !!binary aGk=":       "tags are not read",
		"int: !!str 1":              "tags are not read",
		"text: !own x":              "tags are not read",
		"int: 1\nint: 2":            `2:1`,
		"inner: {int: 1, int: 2}":   `int`,
		"text: *nosuch":             "nosuch",
		"text: &a &b x":             "",
	} {
		var got scalars
		if err := Decode("f.yaml", []byte(text), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, read as %+v; want %q", text, err, got, want)
		}
	}
}

func TestPlainScalarsAreRead(t *testing.T) {
	var got scalars
	text := "int: -7\nsmall: 255\nfloat: 1.5\ntext: 111122223333\nbool: true\nlist: [0, 1]\nnames: [a, '012', 12]\nany: {a: 1, b: 1.5, c: '01', d: [x]}\n"
	if err := Decode("f", []byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := scalars{
		Int: -7, Small: 255, Float: 1.5, Text: "111122223333", Bool: true, List: []int{0, 1}, Names: []string{"a", "012", "12"},
		Any: map[string]any{"a": uint64(1), "b": 1.5, "c": "01", "d": []any{"x"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A whole number is read as itself or not at all.
func TestWholeNumbersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[+-]?[0-9_.xobe]{1,22}`).Draw(t, "number")
		var got scalars
		if err := Decode("f", []byte("int: "+text), &got); err != nil {
			return
		}
		if want, err := strconv.Atoi(text); err != nil || got.Int != want || strconv.Itoa(want) != text {
			t.Fatalf("%q was read as %d", text, got.Int)
		}
	})
}

// Text is read as it was written, or not at all.
func TestTextsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9a-zA-Z_.+-]{1,14}`).Draw(t, "text")
		var got scalars
		if err := Decode("f", []byte("text: "+text), &got); err == nil && got.Text != text && got.Text != "" {
			t.Fatalf("%q was read as %q", text, got.Text)
		}
	})
}

func TestMerge(t *testing.T) {
	for text, want := range map[string]scalars{
		"any: &a {x: 1, y: 2}\ninner: {text: z}\n":                     {Any: map[string]any{"x": uint64(1), "y": uint64(2)}},
		"inner: {<<: {text: a, int: 1}, int: 2}\n":                     {},
		"any: {a: &a {text: a, int: 1}}\ninner:\n  <<: *a\n  int: 2\n": {Any: map[string]any{"a": map[string]any{"text": "a", "int": uint64(1)}}},
		"any: {a: &a {text: a}, b: &b {text: b, int: 2}}\ninner:\n  <<: [*a, *b]\n": {Any: map[string]any{
			"a": map[string]any{"text": "a"}, "b": map[string]any{"text": "b", "int": uint64(2)},
		}},
		"any: {a: &a {text: a, int: 2}}\ninner:\n  <<: *a\n": {Any: map[string]any{"a": map[string]any{"text": "a", "int": uint64(2)}}},
	} {
		var got scalars
		if err := Decode("f", []byte(text), &got); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if strings.Contains(text, "<<") {
			want.Inner.Text, want.Inner.Int = "a", 2
		} else {
			want.Inner.Text = "z"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"inner: {<<: 3}":                             "this is none",
		"inner: {<<: [3]}":                           "this is none",
		"any: {a: &a {x: 1}}\ninner: {<<: *a}":       `unknown key "x"`,
		"any: {a: &a {int: 1.5}}\ninner: {<<: *a}":   "no whole number",
		"inner: {<<: {int: 1}, <<: {text: a}}":       "",
		"any: {a: &a {x: &b 1}}":                     "an anchor may not hold an anchor",
		"any: {a: &a [1], b: &b [*a, *a, *a, *a]}\n": "an anchor may not hold an alias",
	} {
		var got scalars
		if err := Decode("f", []byte(text), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v; want %q", text, err, want)
		}
	}
}

// Whatever keeps the size is read or refused, and never by the library in a time that grows with
// its square: what is under the bound here took it most of a minute above. BenchmarkLargestMap tells
// how long the largest map takes.
func TestLargeFilesEndSoon(t *testing.T) {
	flat := func(line string) string {
		var b strings.Builder
		for i := 0; b.Len() < MaxSize-100; i++ {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	anchors := "any:\n  a: &a [" + strings.Repeat("x,", 9000) + "x]\n"
	for i := range 9000 {
		anchors += fmt.Sprintf("  k%d: *a\n", i)
	}
	random := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, MaxSize-1)
	for i := range noise {
		noise[i] = " \n-:,[]{}&*!|>'\"%#abc01"[random.IntN(23)]
	}
	var steps strings.Builder
	for i := 0; steps.Len() < MaxSize-3000; i++ {
		steps.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, text := range map[string]string{
		"flat map": flat("key%06d: value\n"), "flow map": "{" + flat("k%d: v, ") + "}", "list": flat("- value%06d\n"),
		"map under the bound": "any:\n" + strings.Join(strings.SplitAfter(flat("  key%06d: v\n"), "\n")[:maxTokens/12], ""),
		"open brackets":       strings.Repeat("[", MaxSize), "braces": strings.Repeat("{a: ", MaxSize/4), "dashes": strings.Repeat("- ", MaxSize/2),
		"steps": steps.String(), "aliases": anchors, "noise": string(noise), "one text": "text: " + strings.Repeat("x", MaxSize-10),
		"comments": strings.Repeat("# x\n", MaxSize/4), "quote": "text: \"" + strings.Repeat("\\n", MaxSize/2-10), "blank lines": strings.Repeat("\n", MaxSize),
		"block text": "text: |\n" + strings.Repeat("  x\n", MaxSize/4-10), "documents": strings.Repeat("---\n", MaxSize/4),
	} {
		t.Run(name, func(t *testing.T) {
			var got scalars
			err := Decode("f", []byte(text), &got)
			refused := name != "one text" && name != "block text" && name != "blank lines" && name != "map under the bound"
			if (err != nil) != refused {
				t.Errorf("got %.200v; refused should be %v", err, refused)
			}
		})
	}
}

func TestFormsOfText(t *testing.T) {
	for text, want := range map[string]string{
		"\uFEFFint: 1\n":          "",
		"int: 1\r\ntext: a\r\n":   "",
		"int:\t1\n":               "",
		"int: 1\r\ntxet: a\r\n":   "f:2:1: unknown key \"txet\"; did you mean \"text\"?\n    txet: a\n    ~~~~",
		"int: 1\rtxet: a\r":       "f:2:1: unknown key \"txet\"; did you mean \"text\"?\n    txet: a\n    ~~~~",
		"\uFEFFtxet: a\n":         "f:1:1: unknown key \"txet\"; did you mean \"text\"?\n    txet: a\n    ~~~~",
		"int: 1\n\ttext: a\n":     "f:2:",
		"text: a\x00b\n":          "f:1:8: control character U+0000",
		"int: 1\ntext: \x1b[2J\n": "f:2:7: control character U+001B",
		"text: \"\\u0000\"\n":     "",
		"text: \xff\n":            "f:1:7: byte FF is no UTF-8",
		"\xff\xfea\x00":           "f:1:1: byte FF is no UTF-8; save the file as UTF-8",
	} {
		var got scalars
		err := Decode("f", []byte(text), &got)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: got %v; want %q", text, err, want)
		}
	}
}

// The tildes stand below the word, also where what comes before is wide.
func TestUnderlineBelowWideText(t *testing.T) {
	for text, want := range map[string]struct{ columns, wide int }{
		"any: {説明: あいう, x: 01}":     {6 + 4 + 2 + 6 + 5, 2},
		"any: {x: 検索, 値: *ない}":      {9 + 4 + 2 + 2 + 2, 1},
		"日本語: x":                    {0, 6},
		"any: {ｶﾅ: か\u3099, x: 01}": {6 + 2 + 2 + 2 + 5, 2},
		"any: {é: e\u0301, x: 01}":  {6 + 1 + 2 + 1 + 5, 2},
	} {
		var got scalars
		below := "\n    " + text + "\n    " + strings.Repeat(" ", want.columns) + strings.Repeat("~", want.wide)
		if err := Decode("f", []byte(text), &got); err == nil || !strings.HasSuffix(err.Error(), below) {
			t.Errorf("got\n%v\nwant%s", err, below)
		}
	}
}

// BenchmarkLargestMap reads the largest flat map that is not refused.
func BenchmarkLargestMap(b *testing.B) {
	var text strings.Builder
	text.WriteString("any:\n")
	for i := range maxTokens/3 - 10 {
		fmt.Fprintf(&text, "  key%06d: v\n", i)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		var got scalars
		if err := Decode("f", []byte(text.String()), &got); err != nil {
			b.Fatal(err)
		}
	}
}
