package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Markdown prints a document as GitHub-flavoured Markdown: one statement a line, its anchors
// last, their targets in the appendix.
func Markdown(doc Document) []byte {
	m := &markdown{used: map[string]bool{}}
	m.f("# %s\n\n", plainText(doc.Title))
	m.blocks(doc.Header)
	for _, ch := range append(slices.Clone(doc.Chapters), doc.Appendix) {
		title := plainText(ch.Title)
		if ch.Number > 0 {
			title = strconv.Itoa(ch.Number) + ". " + title
		}
		m.f("\n## %s\n", title)
		for _, s := range ch.Sections {
			if s.Title != "" {
				m.f("\n### %s\n", plainText(s.Title))
			}
			m.f("\n")
			m.blocks(s.Blocks)
		}
	}
	m.definitions()
	return []byte(m.b.String())
}

// markdown is a document being printed.
type markdown struct {
	b     strings.Builder
	used  map[string]bool
	order []string // anchors in the order of their first use
}

func (m *markdown) f(format string, args ...any) { fmt.Fprintf(&m.b, format, args...) }

func (m *markdown) blocks(list []Block) {
	for i, b := range list {
		switch b := b.(type) {
		case Line:
			m.f("- %s%s\n", m.runs(b.Runs, false), m.anchors(b.Anchors))
		case Table:
			if i > 0 {
				m.f("\n")
			}
			m.table(b)
		case Heat:
			m.f("\n")
			m.heat(b)
		case Fence:
			m.fence(b)
		}
		if i+1 < len(list) && isTable(b) {
			m.f("\n")
		}
	}
}

func isTable(b Block) bool {
	switch b.(type) {
	case Table, Heat, Fence:
		return true
	case Line:
		return false
	}
	return false
}

func (m *markdown) runs(list []Run, inCell bool) string {
	var b strings.Builder
	for _, r := range list {
		switch r.Kind {
		case Code:
			span := codeSpan(r.Text)
			if inCell {
				span = inTable(span)
			}
			b.WriteString(span)
		case Anchor:
			b.WriteString(m.link(r.Text))
		case Literal, Value:
			b.WriteString(plainText(r.Text))
		}
	}
	return b.String()
}

// link points to a target in the appendix.
func (m *markdown) link(id string) string {
	if !m.used[id] {
		m.used[id] = true
		m.order = append(m.order, id)
	}
	return "[" + id + "]"
}

func (m *markdown) anchors(ids []string) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(" " + m.link(id))
	}
	return b.String()
}

func (m *markdown) row(cells []string) { m.f("| %s |\n", strings.Join(cells, " | ")) }

func (m *markdown) table(t Table) {
	var head, rule []string
	for _, h := range t.Head {
		head, rule = append(head, plainText(h)), append(rule, "---")
	}
	m.row(head)
	m.row(rule)
	for _, r := range t.Rows {
		var cells []string
		for i, c := range r.Cells {
			s := m.runs(c, true)
			if i == 0 && r.Target != "" {
				s = fmt.Sprintf(`<a id="%s"></a>%s`, strings.ToLower(r.Target), s)
			}
			cells = append(cells, s)
		}
		m.row(cells)
	}
}

func (m *markdown) heat(h Heat) {
	head, rule := []string{plainText(h.Corner)}, []string{"---"}
	for hour := range 24 {
		head, rule = append(head, strconv.Itoa(hour)), append(rule, "--:")
	}
	m.row(head)
	m.row(rule)
	for d, counts := range h.Counts {
		cells := []string{h.Days[d]}
		for _, n := range counts {
			cells = append(cells, group(int64(n)))
		}
		m.row(cells)
	}
}

// fence prints text to be copied. Text in which something could hide is printed in the value
// layer, and says so.
func (m *markdown) fence(f Fence) {
	text, info := f.Text, "text"
	if lines := strings.ReplaceAll(text, "\n", ""); Visible(strings.ReplaceAll(lines, `\`, "")) != strings.ReplaceAll(lines, `\`, "") {
		text, info = Visible(text), "text escaped"
	}
	marks := strings.Repeat("`", max(3, longest(text, '`')+1))
	m.f("%s\n\n%s%s\n%s\n%s\n", m.runs(f.Label, false), marks, info, text, marks)
}

// definitions tell where each anchor leads.
func (m *markdown) definitions() {
	m.f("\n")
	for _, id := range m.order {
		m.f("[%s]: #%s\n", id, strings.ToLower(id))
	}
}
