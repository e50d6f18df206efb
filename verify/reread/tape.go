package reread

import (
	"fmt"
	"strings"

	"uratori/phrase"
)

// An atom is the smallest piece of a line once its container is undone: a character of plain
// text, a code span, or a link to a target in the appendix.
type atom struct {
	r    rune   // of plain text; 0 in a code span or link
	code string // of a code span, in the value layer
	link string // what a link names, such as "F12"
	span bool   // a code span, which may be empty
	bold bool   // of plain text in HTML: a value
}

// A tape is a line or cell being read, from the left.
type tape struct {
	lang  phrase.Lang
	book  *phrase.Book
	clock clock
	limit int  // characters after which a text is cut
	bare  bool // code has no span of its own, as in JSON
	bolds bool // values are bold, as in HTML
	atoms []atom
	at    int
	why   string // the first thing that did not fit
}

// no notes why the tape does not fit; the first reason stays.
func (t *tape) no(why string, args ...any) bool {
	if t.why == "" {
		t.why = fmt.Sprintf(why, args...)
	}
	return false
}

// rest is the plain text that comes next.
func (t *tape) rest() string {
	var b strings.Builder
	for _, a := range t.atoms[t.at:] {
		if a.r == 0 {
			break
		}
		b.WriteRune(a.r)
	}
	return b.String()
}

// literal reads exactly these words.
func (t *tape) literal(s string) bool {
	for i, r := range s {
		if t.at >= len(t.atoms) || t.atoms[t.at].r != r {
			return t.no("%q was expected where it says %q", s[i:], head(t.rest()))
		}
		t.at++
	}
	return true
}

// try reads the words if they come next.
func (t *tape) try(s string) bool {
	if s == "" || !strings.HasPrefix(t.rest(), s) {
		return false
	}
	t.at += len([]rune(s))
	return true
}

// code reads a text that may be anybody's.
func (t *tape) code(want string, limit int) bool {
	if want == "" {
		return t.literal(t.word("empty"))
	}
	if t.bare {
		return t.visible(want, limit)
	}
	if t.at >= len(t.atoms) || !t.atoms[t.at].span {
		return t.no("the text %q was expected as code where it says %q", head(want), head(t.rest()))
	}
	got := t.atoms[t.at].code
	if n, ok := scanValue(got, want, limit); !ok || n != len(got) {
		return t.no("it says `%s`; the evidence says %q", head(got), head(want))
	}
	t.at++
	return true
}

// visible reads a text in the value layer that stands in the plain text.
func (t *tape) visible(want string, limit int) bool {
	s := t.rest()
	n, ok := scanValue(s, want, limit)
	if !ok {
		return t.no("it says %q; the evidence says %q", head(s), head(want))
	}
	t.at += len([]rune(s[:n]))
	return true
}

// link reads a link to a target.
func (t *tape) link(id string) bool {
	if t.at >= len(t.atoms) || t.atoms[t.at].link != id {
		return t.no("a link to %s was expected", id)
	}
	t.at++
	return true
}

// links reads links with a space between, or the mark for none.
func (t *tape) links(ids []string) bool {
	if len(ids) == 0 {
		return t.literal(t.word("missing"))
	}
	for i, id := range ids {
		if i > 0 && !t.literal(" ") || !t.link(id) {
			return false
		}
	}
	return true
}

// end tells whether everything was read.
func (t *tape) end() bool {
	if t.at < len(t.atoms) {
		return t.no("nothing in the evidence says %q", head(t.rest()))
	}
	return true
}

func (t *tape) word(id string) string { return t.book.Word(id, t.lang) }
func (t *tape) ja() bool              { return t.lang == phrase.JA }

func head(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
