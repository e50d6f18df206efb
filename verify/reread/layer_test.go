package reread

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// shown is a text in the value layer, written here once more so that nothing is shared with
// what prints.
func shown(s string, limit int) string {
	var b strings.Builder
	n, total := 0, utf8.RuneCountInString(s)
	for i, r := range s {
		if n == limit && total-n >= 8 {
			fmt.Fprintf(&b, `\…{%d}`, total-n)
			return b.String()
		}
		n++
		_, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x{%02X}`, s[i])
		case r == '\\':
			b.WriteString(`\\`)
		case r != ' ' && (!unicode.IsGraphic(r) || unicode.IsSpace(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r) || r == 0x2800) && !unassigned(r):
			fmt.Fprintf(&b, `\u{%X}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unassigned tells whether r is of no category and no non-character: a reader sees a box.
func unassigned(r rune) bool {
	return !unicode.IsGraphic(r) && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Zs,
		unicode.Noncharacter_Code_Point, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// hostile draws texts of what attackers write: markup, escapes, invisible characters, no UTF-8.
func hostile(t *rapid.T) string {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{`\`, `\u{202E}`, `\x{FF}`, `\…{12}`, "`", "``", "|", " ", "\u202e", "\u200b", "\xff", "\xe3\x81", "</code>", "[F1]", "\n", "\u2800", "\ufe0f", "\u3000", "&amp;"}),
	)
	return strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
}

// What the layer shows of a text is read as that text, and as no other.
func TestLayerTellsTextsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := hostile(t), hostile(t)
		limit := rapid.SampledFrom([]int{8, 60, 200}).Draw(t, "limit")
		s := shown(a, limit)
		if n, ok := scanValue(s, a, limit); !ok || n != len(s) {
			t.Fatalf("%q, shown as %q, is not read as itself", a, s)
		}
		if n, ok := scanValue(s, b, limit); ok && n == len(s) && a != b && !strings.Contains(s, `\…{`) {
			t.Fatalf("%q, shown as %q, is read as %q", a, s, b)
		}
		if a != "" && strings.ToValidUTF8(a, "") == a && strings.ContainsFunc(a, hidden) && utf8.RuneCountInString(a) <= limit {
			if n, ok := scanValue(a, a, limit); ok && n == len(a) {
				t.Fatalf("%q may stand as it came", a)
			}
		}
	})
}

func TestCuts(t *testing.T) {
	long := strings.Repeat("a", 20)
	for _, tt := range []struct {
		shown, want string
		ok          bool
	}{
		{`aaaaaaaaaaaa\…{8}`, long, true},
		{`aaaaaaaaaaaa\…{9}`, long, false},
		{`aaaaaaaaaaa\…{9}`, long, false},
		{long, long, false},
		{`aaaaaaaaaaaa`, long, false},
		{long[:19], long[:19], true}, // seven too many are shown
		{`aaaaaaaaaaaa\…{7}`, long[:19], false},
		{`aaaaaaaaaaaa\\…{8}`, long, false},
		{`aaaaaaaaaaaa\\…{8}`, "aaaaaaaaaaaa" + `\…{8}`, true}, // a text that looks like a cut
	} {
		n, ok := scanValue(tt.shown, tt.want, 12)
		if ok = ok && n == len(tt.shown); ok != tt.ok {
			t.Errorf("%q read as %q: %v; want %v", tt.shown, tt.want, ok, tt.ok)
		}
	}
}

func TestInline(t *testing.T) {
	for _, tt := range []struct {
		text   string
		inCell bool
		want   string // the plain text, code in <>, links in ()
	}{
		{"a\\_b", false, "a_b"},
		{"`a` [F1]", false, "<a> (F1)"},
		{"`` a` ``", false, "<a`>"},
		{"`  `", false, "<  >"},
		{"`a\\|b`", true, "<a|b>"},
		{"`a\\|b`", false, "<a\\|b>"},
		{"[S1,000]", false, "(S1,000)"},
	} {
		atoms, why := inline(tt.text, tt.inCell)
		var b strings.Builder
		for _, a := range atoms {
			switch {
			case a.span:
				b.WriteString("<" + a.code + ">")
			case a.link != "":
				b.WriteString("(" + a.link + ")")
			default:
				b.WriteRune(a.r)
			}
		}
		if why != "" || b.String() != tt.want {
			t.Errorf("%q is %q (%s); want %q", tt.text, b.String(), why, tt.want)
		}
	}
	for _, bad := range []string{"a_b", "*a*", "<b>", "a|b", "`a", "``a`", "[x](y)", "[F]", "[F1", "!", "a\\b", "\\", "a\u200bb", "&amp;", "$a$", "~~a~~", "#"} {
		if atoms, why := inline(bad, false); why == "" {
			t.Errorf("%q is read as %v", bad, atoms)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		row  string
		want int
	}{{"| a | b |", 2}, {"|  |", 1}, {"| a\\|b |", 1}, {"| `\\\\\\|` | b |", 2}, {"a | b", 0}, {"| a |b |", 0}, {"|a|", 0}, {"||", 0}, {"|", 0}, {"", 0}} {
		cells, ok := cut(tt.row)
		if ok != (tt.want > 0) || ok && len(cells) != tt.want {
			t.Errorf("%q has the cells %q, %v; want %d", tt.row, cells, ok, tt.want)
		}
	}
}

func TestTreesThatAreNoReport(t *testing.T) {
	for _, bad := range []string{
		"", "{", "{} {}", `{"a":1,"a":2}`, `["\ud800"]`, `["\ud800x"]`, `["\udc00\ud800"]`, "[\"\u200b\"]", "[\"\xff\"]", "[\t]", strings.Repeat("[", 40) + strings.Repeat("]", 40), `{a:1}`, `["\u00"]`,
	} {
		if n, r := parseTree([]byte(bad)); r == nil {
			t.Errorf("%q is read as %v", bad, n)
		}
	}
	for _, good := range []string{`["\ud83d\ude00"]`, `["\\ud800"]`, `["\u200b", 1.0, null, true, {}]`} {
		if _, r := parseTree([]byte(good)); r != nil {
			t.Errorf("%q is refused: %v", good, r)
		}
	}
}
