package report

import (
	"fmt"
	"strconv"
	"strings"

	"uratori/phrase"
)

// Terminal is a document as Markdown that a program lays out on a terminal of so many columns:
// the chapters without anchors, and tables that would not fit as lists. What the chapters point
// to stands in the files of the report alone.
func Terminal(doc Document, columns int) []byte {
	t := terminal{markdown: markdown{used: map[string]bool{}}, columns: columns}
	t.f("# %s\n\n", terminalText(doc.Title))
	t.blocks(doc.Header)
	for _, ch := range doc.Chapters {
		t.f("\n## %d. %s\n", ch.Number, terminalText(ch.Title))
		for _, s := range ch.Sections {
			if s.Title != "" {
				t.f("\n### %s\n", terminalText(s.Title))
			}
			t.f("\n")
			t.blocks(s.Blocks)
		}
	}
	t.f("\n---\n\n%s\n", plainText(phrase.Default().Word("terminal_rest", doc.Lang)))
	return []byte(t.b.String())
}

// A terminal is a document being printed for one.
type terminal struct {
	markdown
	columns int
}

func (t *terminal) blocks(list []Block) {
	for i, b := range list {
		switch b := b.(type) {
		case Line:
			t.f("- %s\n", t.plain(b.Runs))
			continue
		case Table:
			t.table(b)
		case Heat:
			t.heat(b)
		case Fence:
			t.fence(b)
		}
		if i+1 < len(list) {
			t.f("\n")
		}
	}
}

func (t *terminal) plain(runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		if r.Kind == Code {
			b.WriteString(codeSpan(r.Text))
		} else {
			b.WriteString(terminalText(r.Text))
		}
	}
	return b.String()
}

// terminalText is plain text; an ampersand that begins no entity has no backslash, which programs that
// lay Markdown out on a terminal would print.
func terminalText(s string) string {
	if strings.Contains(s, ";") {
		return plainText(s)
	}
	return strings.ReplaceAll(plainText(s), `\&`, "&")
}

// words are runs whose anchors are words: nothing can be followed on a terminal.
func words(runs []Run) []Run {
	var out []Run
	for _, r := range runs {
		if r.Kind == Anchor {
			r.Kind = Literal
		}
		out = append(out, r)
	}
	return out
}

// terminalMargin is what a table has around it and between two columns.
const terminalMargin, terminalGap = 6, 3

// table prints a table that fits, and another as a list: the headings, then a line for each row.
func (t *terminal) table(b Table) {
	width := terminalMargin
	for i, h := range b.Head {
		most := columnsOf(h)
		for _, r := range b.Rows {
			most = max(most, columnsOf(text(r.Cells[i])))
		}
		width += most + terminalGap
	}
	if width <= t.columns {
		bare := Table{Head: b.Head}
		for _, r := range b.Rows {
			var cells [][]Run
			for _, c := range r.Cells {
				cells = append(cells, words(c))
			}
			bare.Rows = append(bare.Rows, TableRow{Cells: cells})
		}
		t.f("\n")
		t.markdown.table(bare)
		return
	}
	var head []string
	for _, h := range b.Head {
		head = append(head, terminalText(h))
	}
	t.f("  - **%s**\n", strings.Join(head, " / "))
	for _, r := range b.Rows {
		var cells []string
		for _, c := range r.Cells {
			cells = append(cells, t.plain(c))
		}
		t.f("  - %s\n", strings.Join(cells, " / "))
	}
}

// columnsOf is how many columns a text takes; a Japanese character takes two.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && r != '…' {
			n++
		}
	}
	return n
}

// heat prints the counts by weekday and hour as text in columns, the event's with a star.
func (t *terminal) heat(h Heat) {
	wide := 3
	if t.columns < 4+24*wide+terminalMargin+2 {
		wide = 2
	}
	t.f("\n```text\n%4s", "")
	for hour := range 24 {
		s := ""
		if hour%3 == 0 {
			s = strconv.Itoa(hour)
		}
		t.f("%-*s", wide, fmt.Sprintf("%*s", wide-1, s))
	}
	t.f("\n")
	for d, counts := range h.Counts {
		t.f("%s%s", h.Days[d], strings.Repeat(" ", 4-columnsOf(h.Days[d])))
		for hour, n := range counts {
			s, star := strconv.Itoa(n), " "
			switch {
			case n == 0:
				s = "·"
			case n > 9 && wide == 2:
				s = "+"
			case n > 99:
				s = "++"
			}
			if h.Event != nil && *h.Event == [2]int{d, hour} {
				star = "*"
			}
			t.f("%s%s%s", strings.Repeat(" ", wide-1-len([]rune(s))), s, star)
		}
		t.f("\n")
	}
	t.f("```\n\n")
	if h.Event != nil {
		t.f("\\* %s\n", plainText(h.Note))
	}
}
