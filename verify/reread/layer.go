package reread

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A text that may be anybody's stands on the page in the value layer: what does not show
// itself is \u{202E} or \x{FF}, a backslash is doubled, and a long text ends in \…{137}, the
// number of characters left out.

// cutLeast is the least number of characters that a cut leaves out.
const cutLeast = 8

// scanValue reads want from the start of s, where it stands in the value layer and was cut
// after limit characters if it is longer. It tells how many bytes of s that took; ok is
// false where s says anything else, or says it in another form than the layer's.
func scanValue(s, want string, limit int) (n int, ok bool) {
	total := utf8.RuneCountInString(want)
	for done := 0; want != ""; done++ {
		if left := total - done; done == limit && left >= cutLeast {
			mark := `\…{` + strconv.Itoa(left) + "}"
			return n + len(mark), strings.HasPrefix(s[n:], mark)
		}
		r, size := utf8.DecodeRuneInString(want)
		unit := want[:size]
		got, used := scanUnit(s[n:])
		if used == 0 || got != unit || r == utf8.RuneError && size == 1 && s[n] != '\\' {
			return n, false
		}
		n, want = n+used, want[size:]
	}
	return n, true
}

// scanUnit reads one character of the value layer, or one byte that is no UTF-8; used is 0
// where none stands.
func scanUnit(s string) (unit string, used int) {
	if s == "" {
		return "", 0
	}
	if s[0] != '\\' {
		r, size := utf8.DecodeRuneInString(s)
		if hidden(r) || r == utf8.RuneError && size == 1 {
			return "", 0
		}
		return s[:size], size
	}
	if strings.HasPrefix(s, `\\`) {
		return `\`, 2
	}
	end := strings.IndexByte(s, '}')
	if len(s) < 4 || s[2] != '{' || end < 4 || end > 9 || strings.ToUpper(s[3:end]) != s[3:end] {
		return "", 0
	}
	code, err := strconv.ParseUint(s[3:end], 16, 32)
	switch {
	case err != nil:
		return "", 0
	case s[1] == 'u' && s[3] != '0' && hidden(rune(code)) && utf8.ValidRune(rune(code)):
		return string(rune(code)), end + 1
	case s[1] == 'u' && s[3:end] == "0":
		return "\x00", end + 1
	case s[1] == 'x' && end == 5 && code >= utf8.RuneSelf:
		return string([]byte{byte(code)}), end + 1
	}
	return "", 0
}

// hidden tells whether a reader could not see r, or not for what it is: such a character may
// not stand on a page as it came.
func hidden(r rune) bool {
	if r >= ' ' && r <= '~' {
		return false
	}
	return r == 0x2800 || unicode.IsControl(r) || unicode.IsSpace(r) ||
		unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
}
