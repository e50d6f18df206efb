package reread

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"uratori/phrase"
	"uratori/verify"
)

// HTML reads report.html and tells whether it says what the checked draft and the run say, all
// of it and nothing else. The error is a [*Refusal].
func HTML(data []byte, want verify.Checked, run Run, lang phrase.Lang) error {
	p, why := pageOf(want, run, lang)
	if why != "" {
		return refuse(1, "", "%s", why)
	}
	if !utf8.Valid(data) {
		return refuse(1, "", "the report is no UTF-8")
	}
	h := &hypertext{page: p, layout: layout{page: p, a: want.Assessment(), facts: want.Assessment().Facts()}, text: string(data), targets: map[string]bool{}}
	if r := h.all(); r != nil {
		return r
	}
	return nil
}

// reviewedStyles is the sha256 of the one style sheet that a report may have. Styles can hide
// words, move them and add new ones, so whoever changes the sheet looks at that and then here.
const reviewedStyles = "0a7201b12e010ca2634188d022ff2cc2e1d0dff6c4e04dbcfa9407ad8ce59063"

// A hypertext is an HTML report being read from its beginning. Only the elements and attributes
// that are named here may stand in it.
type hypertext struct {
	*page
	layout  layout
	text    string
	at      int
	quiet   bool // in the appendix, whose lines fold nothing
	small   bool // sources in small print may stand in a text
	used    []string
	targets map[string]bool
}

func (h *hypertext) refuse(why string, args ...any) *Refusal {
	at := min(h.at, len(h.text))
	from := strings.LastIndexByte(h.text[:at], '\n') + 1
	to := strings.IndexByte(h.text[at:], '\n')
	if to < 0 {
		to = len(h.text) - at
	}
	if at-from > shownLimit/2 {
		from = at - shownLimit/2
		for !utf8.RuneStart(h.text[from]) {
			from++
		}
	}
	return refuse(1+strings.Count(h.text[:at], "\n"), h.text[from:at+to], why, args...)
}

// markup reads these pieces of markup, one after the other.
func (h *hypertext) markup(pieces ...string) *Refusal {
	for _, s := range pieces {
		if !strings.HasPrefix(h.text[h.at:], s) {
			return h.refuse("%q was expected", s)
		}
		h.at += len(s)
	}
	return nil
}

func (h *hypertext) sees(s string) bool { return strings.HasPrefix(h.text[h.at:], s) }

// entities are the characters that text has no other way to hold.
var entities = []struct {
	name string
	r    rune
}{{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&#34;", '"'}, {"&#39;", '\''}}

// char reads one character of text; ok is false at markup and at what may not stand in text.
func (h *hypertext) char() (r rune, ok bool) {
	for _, e := range entities {
		if h.sees("&") && h.sees(e.name) {
			h.at += len(e.name)
			return e.r, true
		}
	}
	r, size := utf8.DecodeRuneInString(h.text[h.at:])
	if size == 0 || strings.ContainsRune(`<>&"'`, r) || hidden(r) {
		return 0, false
	}
	h.at += size
	return r, true
}

// runs reads text with its code spans, links and values in bold, up to other markup.
func (h *hypertext) runs() (*tape, *Refusal) {
	t := &tape{lang: h.lang, book: h.book, clock: h.clock, limit: textLimit, bolds: true}
	bold, small := false, false
	for {
		if r, ok := h.char(); ok {
			t.atoms = append(t.atoms, atom{r: r, bold: bold})
			continue
		}
		switch {
		case !bold && h.sees("<b>"):
			h.at, bold = h.at+len("<b>"), true
		case bold && h.sees("</b>"):
			h.at, bold = h.at+len("</b>"), false
		case h.small && !small && h.sees("<small>"):
			h.at, small = h.at+len("<small>"), true
		case small && h.sees("</small>"):
			h.at, small = h.at+len("</small>"), false
		case bold || small:
			return nil, h.refuse("a value is not closed")
		case h.sees("<code>"):
			h.at += len("<code>")
			code := h.words()
			if r := h.markup("</code>"); r != nil {
				return nil, r
			}
			t.atoms = append(t.atoms, atom{code: code, span: true})
		case h.sees(`<a href="#`):
			id, r := h.link()
			if r != nil {
				return nil, r
			}
			t.atoms = append(t.atoms, atom{link: id})
		default:
			return t, nil
		}
	}
}

// words reads text up to any markup.
func (h *hypertext) words() string {
	var b strings.Builder
	for {
		r, ok := h.char()
		if !ok {
			return b.String()
		}
		b.WriteRune(r)
	}
}

// link reads a link to a target, which is named by what it shows.
func (h *hypertext) link() (string, *Refusal) {
	if r := h.markup(`<a href="#`); r != nil {
		return "", r
	}
	to := h.words()
	if r := h.markup(`">`); r != nil {
		return "", r
	}
	id := h.words()
	if !isTarget(id) || strings.ToLower(id) != to {
		return "", h.refuse("a link that shows %q leads to %q", id, to)
	}
	h.used = append(h.used, id)
	return id, h.markup("</a>")
}

// says reads runs and holds them against what they should say.
func (h *hypertext) says(c cell, limit int) *Refusal {
	start := h.at
	t, r := h.runs()
	if r != nil {
		return r
	}
	t.limit = limit
	if !c.read(t) || !t.end() {
		h.at = start
		return h.refuse("%s", t.why)
	}
	return nil
}

// plainly reads text without any markup in it, such as a heading or an attribute.
func (h *hypertext) plainly(c cell) *Refusal {
	start := h.at
	t := &tape{lang: h.lang, book: h.book, clock: h.clock, limit: textLimit}
	for _, r := range h.words() {
		t.atoms = append(t.atoms, atom{r: r})
	}
	if !c(t) || !t.end() {
		h.at = start
		return h.refuse("%s", t.why)
	}
	return nil
}

func (h *hypertext) exact(s string) *Refusal { return h.plainly(exactCell(s)) }

func (h *hypertext) all() *Refusal {
	word := h.book.Word("contents", h.lang)
	if r := first(
		func() *Refusal {
			return h.markup("<!DOCTYPE html>\n", `<html lang="`, string(h.lang), "\">\n<head>\n", "<meta charset=\"utf-8\">\n",
				"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
				"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n", "<title>")
		},
		func() *Refusal { return h.exact(h.title) },
		func() *Refusal { return h.markup("</title>\n<style>") }, h.styles,
		func() *Refusal { return h.markup("</head>\n<body>\n<main>\n<h1>") },
		func() *Refusal { return h.exact(h.title) },
		func() *Refusal { return h.markup("</h1>\n<header class=\"", h.verdict, "\">\n") },
		func() *Refusal { return h.blocks("header", h.header) },
		func() *Refusal { return h.markup("</header>\n<nav aria-label=\"") },
		func() *Refusal { return h.exact(word) },
		func() *Refusal { return h.markup("\"><ol>\n") },
	); r != nil {
		return r
	}
	for _, ch := range h.chapters {
		if r := first(
			func() *Refusal { return h.markup(`<li><a href="#`, ch.id, `">`) },
			func() *Refusal { return h.exact(ch.title) },
			func() *Refusal { return h.markup("</a></li>\n") },
		); r != nil {
			return r
		}
	}
	if r := h.markup("</ol></nav>\n"); r != nil {
		return r
	}
	for _, ch := range h.chapters {
		if r := h.chapter(ch); r != nil {
			return r
		}
	}
	if r := h.markup("</main>\n</body>\n</html>\n"); r != nil {
		return r
	}
	if h.at != len(h.text) {
		return h.refuse("nothing was expected here")
	}
	for _, id := range h.used {
		if !h.targets[id] {
			return h.refuse("a link leads to %s, which no table holds", id)
		}
	}
	return nil
}

func (h *hypertext) styles() *Refusal {
	end := strings.Index(h.text[h.at:], "</style>\n")
	if end < 0 {
		return h.refuse("the styles have no end")
	}
	sum := sha256.Sum256([]byte(h.text[h.at : h.at+end]))
	if got := hex.EncodeToString(sum[:]); got != reviewedStyles {
		return h.refuse("the style sheet (sha256 %s) is not the one that was reviewed", got)
	}
	h.at += end + len("</style>\n")
	return nil
}

func (h *hypertext) chapter(ch chapter) *Refusal {
	title := ch.title
	if ch.number > 0 {
		title = strconv.Itoa(ch.number) + ". " + title
	}
	h.quiet = ch.number == 0
	if r := first(
		func() *Refusal { return h.markup(`<section class="chapter" id="`, ch.id, "\">\n<h2>") },
		func() *Refusal { return h.exact(title) },
		func() *Refusal { return h.markup("</h2>\n") },
	); r != nil {
		return r
	}
	for _, s := range ch.sections {
		class := "part"
		if len(s.blocks) == 1 && isLine(s.blocks[0]) {
			class = "part one"
		}
		if r := h.markup(`<section class="`, class, "\">\n"); r != nil {
			return r
		}
		if s.title != "" {
			if r := first(
				func() *Refusal { return h.markup("<h3>") },
				func() *Refusal { return h.exact(s.title) },
				func() *Refusal { return h.markup("</h3>\n") },
			); r != nil {
				return r
			}
		}
		if r := first(func() *Refusal { return h.section(s) }, func() *Refusal { return h.markup("</section>\n") }); r != nil {
			return r
		}
	}
	return h.markup("</section>\n")
}

func (h *hypertext) section(s section) *Refusal {
	if s.id != "summary" {
		return h.blocks(s.id, s.blocks)
	}
	start := h.at
	return oneLimit(func(limit int) *Refusal {
		h.at, h.limit = start, limit
		return h.blocks(s.id, s.blocks)
	})
}
