package strictyaml

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/token"
	"golang.org/x/text/width"
)

// A PosError is a mistake at a place in a file.
type PosError struct {
	File       string
	Line, Col  int // 1-based; 0 when the place is not known
	Msg        string
	Hint       string // such as `did you mean "weekday"?`; may be empty
	SourceLine string
	Width      int // characters to underline, at least 1; a wide character takes two columns
}

// Error is "file:line:col: message; hint", the line and an underline.
func (e *PosError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Col)
	}
	b.WriteString(": " + e.Msg)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Line > 0 && e.SourceLine != "" && len(e.SourceLine) <= 400 {
		before, spot := underline(e.SourceLine, e.Col-1, max(1, e.Width))
		fmt.Fprintf(&b, "\n    %s\n    %s%s", e.SourceLine, before, spot)
	}
	return b.String()
}

// underline is what stands below a line: blanks as wide as what comes before the spot, and
// tildes as wide as the spot. skip and count are characters.
func underline(line string, skip, count int) (before, spot string) {
	var b, s strings.Builder
	n := 0
	for _, r := range line {
		switch {
		case n < skip && r == '\t':
			b.WriteRune(r)
		case n < skip:
			b.WriteString(strings.Repeat(" ", columns(r)))
		case n < skip+count:
			s.WriteString(strings.Repeat("~", columns(r)))
		}
		n++
	}
	if s.Len() == 0 { // past the end of the line, such as a value that is missing
		b.WriteString(strings.Repeat(" ", max(0, skip-n)))
		s.WriteByte('~')
	}
	return b.String(), s.String()
}

// columns is how many columns of a terminal a character takes: two for the wide characters of
// East Asia (Unicode Standard Annex 11), none for marks that are set over another.
func columns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	case width.Neutral, width.EastAsianAmbiguous, width.EastAsianNarrow, width.EastAsianHalfwidth:
		return 1
	}
	return 1
}

func at(name string, data []byte, tk *token.Token, msg, hint string) *PosError {
	e := &PosError{File: name, Msg: msg, Hint: hint}
	e.place(data, tk)
	return e
}

// place puts a mistake where a token begins.
func (e *PosError) place(data []byte, tk *token.Token) {
	if tk == nil || tk.Position == nil {
		return
	}
	e.Line, e.Col, e.Width = tk.Position.Line, tk.Position.Column, len([]rune(firstLine(tk.Value)))
	e.SourceLine = line(data, e.Line)
}

// lineEnds are the ways in which YAML ends a line, all written as one.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// line is the n-th line, from 1.
func line(data []byte, n int) string {
	for i, l := range strings.Split(lineEnds.Replace(string(data)), "\n") {
		if i == n-1 {
			return strings.ToValidUTF8(l, "\uFFFD")
		}
	}
	return ""
}
