package main

import (
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/charmbracelet/glamour"
	"golang.org/x/term"

	"uratori/report"
)

// lay lays a report out for a terminal of so many columns.
func lay(doc report.Document, columns int) (string, error) {
	r, err := glamour.NewTermRenderer(glamour.WithAutoStyle(), glamour.WithWordWrap(0))
	if err != nil {
		return "", err
	}
	text, err := r.RenderBytes(report.Terminal(doc, columns))
	if err != nil {
		return "", err
	}
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		out = append(out, wrapped(line, columns)...)
	}
	return strings.Join(out, "\n"), nil
}

// columns is how wide lines may be, on the terminal or as COLUMNS says: longer than 100 read badly.
func (a *app) columns() int {
	const least, most = 40, 100
	w, err := strconv.Atoi(a.getenv("COLUMNS"))
	if f, ok := a.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		w, _, err = term.GetSize(int(f.Fd()))
	}
	if err != nil || w <= 0 {
		return most
	}
	return min(max(w, least), most)
}

// A glyph is a character with the escape sequences before it.
type glyph struct {
	escape string
	r      rune
	wide   bool // takes two columns, and a line may end before or after it
}

func (g glyph) columns() int {
	switch {
	case g.r == 0:
		return 0
	case g.wide:
		return 2
	}
	return 1
}

// wrapped cuts a line at spaces and between Japanese characters, so that no piece is wider than
// columns; what follows the first is indented as the text of the first is. Escape sequences take
// no room.
func wrapped(line string, columns int) []string {
	glyphs := glyphsOf(line)
	for len(glyphs) > 0 && glyphs[len(glyphs)-1].r == ' ' {
		glyphs = glyphs[:len(glyphs)-1] // padding
	}
	indent := 0
	for indent < len(glyphs) && strings.ContainsRune(" •", glyphs[indent].r) {
		indent++
	}
	if indent > columns/2 {
		indent = 0
	}
	var out []string
	for room := columns; ; room = columns - indent {
		end, width := 0, 0
		for end < len(glyphs) && width+glyphs[end].columns() <= room {
			width += glyphs[end].columns()
			end++
		}
		if end < len(glyphs) {
			for cut := end; cut > indent; cut-- {
				if mayBreak(glyphs[cut-1], glyphs[cut]) {
					end = cut
					break
				}
			}
		}
		piece := strings.TrimRight(join(glyphs[:end]), " ")
		if len(out) > 0 {
			piece = strings.Repeat(" ", indent) + piece
		}
		out = append(out, piece)
		for end < len(glyphs) && glyphs[end].r == ' ' && glyphs[end].escape == "" {
			end++
		}
		if glyphs = glyphs[end:]; len(glyphs) == 0 {
			return out
		}
	}
}

// mayBreak tells whether a line may end between two characters. Japanese punctuation begins no line.
func mayBreak(before, after glyph) bool {
	if before.r == ' ' || after.r == ' ' {
		return true
	}
	if strings.ContainsRune("（「［『", before.r) || strings.ContainsRune("、。）」］』：ー～…", after.r) {
		return false
	}
	return before.wide || after.wide
}

func glyphsOf(line string) []glyph {
	var out []glyph
	escape := ""
	for line != "" {
		if strings.HasPrefix(line, "\x1b[") {
			end := strings.IndexFunc(line[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				break
			}
			escape, line = escape+line[:end+3], line[end+3:]
			continue
		}
		r := []rune(line[:min(4, len(line))])[0]
		out = append(out, glyph{escape, r, r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x3000 && r <= 0x30FF || r >= 0xFF01 && r <= 0xFF60})
		escape, line = "", line[len(string(r)):]
	}
	if escape != "" {
		out = append(out, glyph{escape: escape})
	}
	return out
}

func join(list []glyph) string {
	var b strings.Builder
	for _, g := range list {
		b.WriteString(g.escape)
		if g.r != 0 {
			b.WriteRune(g.r)
		}
	}
	return b.String()
}
