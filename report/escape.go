package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text from a log, a finding or the configuration may be anybody's. It passes two layers
// before it is printed, and each can be undone exactly: the value layer makes every
// character visible, the container layer keeps the text inside its cell or span.

// Visible is the value layer: control, bidirectional and invisible characters, and bytes
// that are no UTF-8, become \u{202E} and \x{FF}; a backslash is doubled.
func Visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x{%02X}`, s[i])
		case r == '\\':
			b.WriteString(`\\`)
		case hidden(r):
			fmt.Fprintf(&b, `\u{%X}`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// hidden tells whether a reader could not see r, or see it for what it is.
func hidden(r rune) bool {
	switch r {
	case ' ':
		return false
	case 0x2800: // a blank Braille cell
		return true
	}
	return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Zs) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
}

// cutMark ends a text that was cut. The value layer never leaves a single backslash before
// anything but u and x, so it cannot be part of a value.
const cutMark = `\…`

// cutLeast is how many characters a cut must leave out: fewer are printed, since the mark is as long.
const cutLeast = 8

// Cut is the value layer of a text of about limit characters; of a longer one, of its first
// limit characters, with a mark that says how many were left out: "abc\…{137}".
func Cut(s string, limit int) string {
	end, n := len(s), 0
	for i := range s {
		if n == limit {
			end = i
			break
		}
		n++
	}
	left := utf8.RuneCountInString(s[end:])
	if left < cutLeast {
		return Visible(s)
	}
	return fmt.Sprintf("%s%s{%d}", Visible(s[:end]), cutMark, left)
}

// codeSpan is the Markdown container of a value: one backtick more than its longest run of
// them, and a space inside where Markdown would strip or swallow one.
func codeSpan(s string) string {
	fence := strings.Repeat("`", longest(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") && strings.Trim(s, " ") != "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// longest is the length of the longest run of c.
func longest(s string, c rune) int {
	most, run := 0, 0
	for _, r := range s {
		if r != c {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return most
}

// markup are the characters that could begin Markdown in plain text.
const markup = "\\`*_[]<>|#&~!$"

// plainText is the Markdown container of text that is no code: a backslash before every
// character that Markdown could read as its own.
func plainText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(markup, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// inTable keeps a code span within its table cell.
func inTable(span string) string { return strings.ReplaceAll(span, "|", `\|`) }
