package query

import (
	"fmt"
	"strings"
	"unicode"
)

// A SyntaxError says where a query or condition cannot be read.
type SyntaxError struct {
	Line, Col int    // 1-based, Col in characters
	Width     int    // characters to underline
	Text      string // the line
	Msg       string
}

// shown is how many characters of a long line are shown around the mistake.
const shown = 160

// Error is "line:column: message", the line, and the mistake underlined.
func (e *SyntaxError) Error() string {
	line, col := []rune(e.Text), e.Col
	if len(line) > shown {
		from := max(0, min(col-shown/2, len(line)-shown))
		line, col = line[from:from+shown], col-from
	}
	before := line[:min(max(0, col-1), len(line))]
	under := line[len(before):min(len(before)+max(0, e.Width), len(line))]
	return fmt.Sprintf("%d:%d: %s\n    %s\n    %s%s", e.Line, e.Col, e.Msg, plain(line),
		strings.Repeat(" ", cells(before)), strings.Repeat("~", max(1, cells(under))))
}

// plain is a line that moves no cursor and turns no text around, one character for each.
func plain(line []rune) string {
	out := make([]rune, len(line))
	for i, r := range line {
		switch {
		case r == '\t':
			out[i] = ' '
		case unicode.IsPrint(r):
			out[i] = r
		default:
			out[i] = unicode.ReplacementChar
		}
	}
	return string(out)
}

// cells is how wide a terminal shows the text: letters of East Asia take two cells.
func cells(text []rune) int {
	n := len(text)
	for _, r := range text {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x3000 && r <= 0x303F || r >= 0xFF01 && r <= 0xFF60 {
			n++
		}
	}
	return n
}
