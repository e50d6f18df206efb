package reread

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"uratori/phrase"
	"uratori/verify"
)

// Markdown reads report.md and tells whether it says what the checked draft and the run say,
// all of it and nothing else. The error is a [*Refusal].
func Markdown(data []byte, want verify.Checked, run Run, lang phrase.Lang) error {
	p, why := pageOf(want, run, lang)
	if why != "" {
		return refuse(1, "", "%s", why)
	}
	if !utf8.Valid(data) {
		return refuse(1, "", "the report is no UTF-8")
	}
	m := &markdown{page: p, lines: strings.Split(string(data), "\n"), targets: map[string]bool{}}
	if r := m.all(); r != nil {
		return r
	}
	return nil
}

// A markdown is a Markdown report being read line by line.
type markdown struct {
	*page
	lines   []string
	at      int
	used    []string // links in the order of their first use
	targets map[string]bool
}

func (m *markdown) next() string {
	if m.at < len(m.lines) {
		return m.lines[m.at]
	}
	return ""
}

func (m *markdown) refuse(why string, args ...any) *Refusal {
	return refuse(m.at+1, m.next(), why, args...)
}

// exactly reads one line that has no values.
func (m *markdown) exactly(s string) *Refusal {
	if m.at >= len(m.lines) || m.lines[m.at] != s {
		return m.refuse("%q was expected", s)
	}
	m.at++
	return nil
}

// blank reads the empty lines between blocks: at least one, since Markdown would join the
// blocks without, and at most two.
func (m *markdown) blank() *Refusal {
	n := 0
	for m.at+1 < len(m.lines) && m.lines[m.at] == "" && n < 2 {
		m.at++
		n++
	}
	if n == 0 {
		return m.refuse("an empty line was expected")
	}
	return nil
}

func first(steps ...func() *Refusal) *Refusal {
	for _, s := range steps {
		if r := s(); r != nil {
			return r
		}
	}
	return nil
}

func (m *markdown) heading(marks, title string) *Refusal {
	t, r := m.plain(marks + " ")
	switch {
	case r != nil:
		return r
	case !t.literal(title) || !t.end():
		return m.refuse("the heading %q was expected: %s", title, t.why)
	}
	m.at++
	return nil
}

// plain opens the next line, which must begin with these marks.
func (m *markdown) plain(marks string) (*tape, *Refusal) {
	text, ok := strings.CutPrefix(m.next(), marks)
	if !ok {
		return nil, m.refuse("a line that begins with %q was expected", marks)
	}
	return m.open(text, false)
}

// open undoes the container of a line or cell.
func (m *markdown) open(text string, inCell bool) (*tape, *Refusal) {
	atoms, why := inline(text, inCell)
	if why != "" {
		return nil, m.refuse("%s", why)
	}
	return &tape{lang: m.lang, book: m.book, clock: m.clock, limit: textLimit, atoms: atoms}, nil
}

func (m *markdown) all() *Refusal {
	if r := first(
		func() *Refusal { return m.heading("#", m.title) }, m.blank,
		func() *Refusal { return m.blocks(m.header) },
	); r != nil {
		return r
	}
	for _, ch := range m.chapters {
		title := ch.title
		if ch.number > 0 {
			title = strconv.Itoa(ch.number) + ". " + title
		}
		if r := first(m.blank, func() *Refusal { return m.heading("##", title) }); r != nil {
			return r
		}
		for _, s := range ch.sections {
			if r := m.section(s); r != nil {
				return r
			}
		}
	}
	return m.definitions()
}

func (m *markdown) section(s section) *Refusal {
	if s.title != "" {
		if r := first(m.blank, func() *Refusal { return m.heading("###", s.title) }); r != nil {
			return r
		}
	}
	if r := m.blank(); r != nil {
		return r
	}
	if s.id != "summary" {
		return m.blocks(s.blocks)
	}
	start, links := m.at, len(m.used)
	return oneLimit(func(limit int) *Refusal {
		m.at, m.used, m.limit = start, m.used[:links], limit
		return m.blocks(s.blocks)
	})
}

func (m *markdown) blocks(list []block) *Refusal {
	for i, b := range list {
		ln, isLine := b.(line)
		if i > 0 {
			if _, after := list[i-1].(line); !isLine || !after {
				if r := m.blank(); r != nil {
					return r
				}
			}
		}
		var r *Refusal
		switch b := b.(type) {
		case line:
			r = m.line(ln)
		case grid:
			r = m.grid(b)
		case heat:
			r = m.heat(b)
		case fence:
			r = m.fence(b)
		}
		if r != nil {
			return r
		}
	}
	return nil
}

func (m *markdown) line(l line) *Refusal {
	t, r := m.plain("- ")
	if r != nil {
		return r
	}
	if l.summary {
		t.limit = m.limit
	}
	if !l.reads(t) {
		return m.refuse("%s", t.why)
	}
	for _, id := range l.anchors {
		if !t.literal(" ") || !t.link(id) {
			return m.refuse("it must point to %s: %s", strings.Join(l.anchors, " "), t.why)
		}
	}
	if !t.end() {
		return m.refuse("%s", t.why)
	}
	m.use(t)
	m.at++
	return nil
}

// use notes the links of a line that was read.
func (m *markdown) use(t *tape) {
	for _, a := range t.atoms {
		if a.link != "" && !slices.Contains(m.used, a.link) {
			m.used = append(m.used, a.link)
		}
	}
}

// row reads one row of a table cell by cell.
func (m *markdown) row(cells []cell, target string) *Refusal {
	texts, ok := cut(m.next())
	if !ok || len(texts) != len(cells) {
		return m.refuse("a table row of %d cells was expected", len(cells))
	}
	for i, c := range cells {
		text := texts[i]
		if i == 0 && target != "" {
			mark := `<a id="` + strings.ToLower(target) + `"></a>`
			if text, ok = strings.CutPrefix(text, mark); !ok {
				return m.refuse("the target %s was expected", mark)
			}
			m.targets[target] = true
		}
		t, r := m.open(text, true)
		if r != nil {
			return r
		}
		if !c.read(t) || !t.end() {
			return m.refuse("column %d: %s", i+1, t.why)
		}
		m.use(t)
	}
	m.at++
	return nil
}

func (m *markdown) grid(g grid) *Refusal {
	var head []cell
	for _, h := range g.head {
		head = append(head, exactCell(h))
	}
	if r := m.row(head, ""); r != nil {
		return r
	}
	if r := m.exactly("|" + strings.Repeat(" --- |", len(head))); r != nil {
		return r
	}
	for _, row := range g.rows {
		if r := m.row(row.cells, row.target); r != nil {
			return r
		}
	}
	return nil
}

func (m *markdown) heat(h heat) *Refusal {
	head := []cell{wordCell("weekday_hour")}
	for hour := range 24 {
		head = append(head, func(t *tape) bool {
			n, ok := t.plainInteger()
			return ok && (n == int64(hour) || t.no("the hour %d was expected", hour))
		})
	}
	if r := m.row(head, ""); r != nil {
		return r
	}
	if r := m.exactly("| --- |" + strings.Repeat(" --: |", 24)); r != nil {
		return r
	}
	for d := range 7 {
		cells := []cell{dayCell(d)}
		for _, n := range h.counts[d] {
			cells = append(cells, func(t *tape) bool { return t.same(n) })
		}
		if r := m.row(cells, ""); r != nil {
			return r
		}
	}
	return nil
}

// dayCell reads a day of the week, in English by its first three letters.
func dayCell(d int) cell {
	return func(t *tape) bool {
		day := t.word(weekdays[d])
		if !t.ja() {
			day = day[:3]
		}
		return t.literal(day)
	}
}

// fence reads a label and the text under it.
func (m *markdown) fence(f fence) *Refusal {
	t, r := m.plain("")
	if r != nil {
		return r
	}
	if !t.link(f.id) || !t.literal(" ") || !t.literal(t.word("native")) || !t.end() {
		return m.refuse("the query of %s was expected: %s", f.id, t.why)
	}
	m.use(t)
	m.at++
	if r := m.blank(); r != nil {
		return r
	}
	open := m.next()
	info := strings.TrimLeft(open, "`")
	marks := open[:len(open)-len(info)]
	if len(marks) < 3 || info != "text" && info != "text escaped" {
		return m.refuse("a fenced text was expected")
	}
	m.at++
	start := m.at
	for m.at < len(m.lines) && m.lines[m.at] != marks {
		if strings.Contains(m.lines[m.at], marks) {
			return m.refuse("the text would end its own fence")
		}
		m.at++
	}
	if m.at >= len(m.lines) {
		return m.refuse("a fenced text has no end")
	}
	text := strings.Join(m.lines[start:m.at], "\n")
	if why := sameQuery(text, info == "text escaped", f.text); why != "" {
		m.at = start
		return m.refuse("the query of %s: %s", f.id, why)
	}
	m.at++
	return nil
}

// sameQuery holds a printed query against the one that was run.
func sameQuery(got string, escaped bool, want string) string {
	if escaped {
		if n, ok := scanValue(got, want, len(want)+1); !ok || n != len(got) {
			return "it is not what was run"
		}
		return ""
	}
	if got != want {
		return "it is not what was run"
	}
	for _, r := range got {
		if r != '\n' && hidden(r) {
			return "it holds a character that does not show itself"
		}
	}
	return ""
}

// definitions read where the links lead: each link once, in the order of use, to a target
// that stands in a table.
func (m *markdown) definitions() *Refusal {
	if r := m.blank(); r != nil {
		return r
	}
	for _, id := range m.used {
		if !m.targets[id] {
			return m.refuse("a link leads to %s, which no table holds", id)
		}
		if r := m.exactly("[" + id + "]: #" + strings.ToLower(id)); r != nil {
			return r
		}
	}
	if m.at != len(m.lines)-1 || m.next() != "" {
		return m.refuse("nothing was expected here")
	}
	return nil
}

// summaryLimits are the lengths after which texts of the summary are cut: one for all of it.
var summaryLimits = []int{60, 40, 24, 16, 12, 8}

// oneLimit reads the summary under each limit until it fits; else the refusal is that of the
// reading that came furthest.
func oneLimit(read func(limit int) *Refusal) *Refusal {
	var worst *Refusal
	for _, limit := range summaryLimits {
		r := read(limit)
		if r == nil {
			return nil
		}
		if worst == nil || r.Line > worst.Line {
			worst = r
		}
	}
	return worst
}
