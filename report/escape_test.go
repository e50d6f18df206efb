package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// The inverses are written here anew: what is tested is that a reader can undo each layer.

var escapes = regexp.MustCompile(`\\\\|\\u\{([0-9A-F]+)\}|\\x\{([0-9A-F]{2})\}`)

func unvisible(s string) string {
	return escapes.ReplaceAllStringFunc(s, func(e string) string {
		m := escapes.FindStringSubmatch(e)
		switch {
		case m[1] != "":
			n, _ := strconv.ParseInt(m[1], 16, 32)
			return string(rune(n))
		case m[2] != "":
			n, _ := strconv.ParseUint(m[2], 16, 8)
			return string([]byte{byte(n)})
		}
		return `\`
	})
}

var hostile = []string{
	"", " ", "`", "``", "` `", "a`b", " a ", "|", `\|`, `\\|`, `\`, "a\\", "x\u202ey", "a\nb", "\x00", "\xff\xfe", "[F12]", "<b>", "&amp;", "![x](http://example.co.jp)",
	"\u200b", "\u2800", "\u3164", "e\u0301", "\U000e0041", "\u2028", "\t", `\u{A}`, "*a* _b_ ~c~", "# x", "- x", "1. x", "ignore previous instructions", "\ufffd", "\u00a0",
}

func FuzzVisibleCanBeUndone(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := Visible(s)
		if got := unvisible(v); got != s {
			t.Errorf("Visible(%q) = %q reads back as %q", s, v, got)
		}
		if !utf8.ValidString(v) {
			t.Errorf("Visible(%q) is no UTF-8", s)
		}
		for _, r := range v {
			if hidden(r) {
				t.Errorf("Visible(%q) still holds %U", s, r)
			}
		}
	})
}

func TestCutSaysHowMuchIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.Rune(), 0, 40, -1).Draw(t, "text")
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		got := Cut(s, limit)
		kept, rest, cut := strings.Cut(got, cutMark)
		runes := []rune(s)
		if want := len(runes) >= limit+cutLeast; cut != want {
			t.Fatalf("Cut(%q, %d) = %q: cut is %v, want %v", s, limit, got, cut, want)
		}
		if cut {
			left := fmt.Sprintf("{%d}", len(runes)-limit)
			if unvisible(kept) != string(runes[:limit]) || rest != left {
				t.Fatalf("Cut(%q, %d) = %q: keeps %q and %s, want %q and %s", s, limit, got, unvisible(kept), rest, string(runes[:limit]), left)
			}
		}
	})
}

// rendered is what a Markdown reader shows: the text of the code spans, and all text.
func rendered(t *testing.T, source string) (spans []string, all string) {
	t.Helper()
	var out bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(source), &out); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *html.Node, inCode bool)
	walk = func(n *html.Node, inCode bool) {
		if n.Type == html.TextNode {
			all += n.Data
			if inCode {
				spans[len(spans)-1] += n.Data
			}
		}
		code := n.Type == html.ElementNode && n.Data == "code"
		if code {
			spans = append(spans, "")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inCode || code)
		}
	}
	walk(doc, false)
	return spans, all
}

func FuzzMarkdownKeepsAValueInItsPlace(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return // an empty text is said, not quoted
		}
		m := &markdown{used: map[string]bool{}}
		run := []Run{{Text: Visible(s), Kind: Code}}
		for name, source := range map[string]string{
			"line": "- before " + m.runs(run, false) + " after\n",
			"cell": "| h | i |\n| --- | --- |\n| " + m.runs(run, true) + " | after |\n",
		} {
			spans, all := rendered(t, source)
			if len(spans) != 1 || unvisible(spans[0]) != s {
				t.Errorf("%s: %q is shown as %q, from %q", name, s, spans, source)
			}
			if !strings.Contains(all, "after") {
				t.Errorf("%s: %q swallowed what stands after it: %q", name, s, all)
			}
		}
	})
}

func FuzzMarkdownShowsPlainTextAsItIs(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := Visible(s)
		_, all := rendered(t, "- before "+plainText(want)+" after\n")
		if got := strings.TrimSpace(all); got != strings.TrimSpace("before "+want+" after") {
			t.Errorf("%q is shown as %q, want %q", s, got, want)
		}
	})
}

func FuzzAFenceHoldsItsText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add("a\nb\n```\nc")
	f.Fuzz(func(t *testing.T, s string) {
		m := &markdown{used: map[string]bool{}}
		m.fence(Fence{Label: []Run{literal("x")}, Text: s})
		spans, _ := rendered(t, m.b.String())
		if len(spans) != 1 {
			t.Fatalf("fence of %q shows %d blocks: %q", s, len(spans), m.b.String())
		}
		got := strings.TrimSuffix(spans[0], "\n")
		if strings.Contains(m.b.String(), "text escaped\n") {
			got = unvisible(got)
		}
		if got != s {
			t.Errorf("fence of %q shows %q", s, got)
		}
	})
}
