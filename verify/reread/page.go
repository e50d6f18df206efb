package reread

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
	"uratori/verify"
)

// A page is what a report of a checked draft must say, in order. It holds values, and how
// each is read, never a text to compare with.
type page struct {
	lang     phrase.Lang
	book     *phrase.Book
	clock    clock
	verdict  string
	title    string
	header   []block
	chapters []chapter // the appendix is the last, with number 0
	limit    int       // of texts in the summary; found while it is read
}

type chapter struct {
	id       string
	number   int
	title    string
	sections []section
}

type section struct {
	id     string
	title  string
	blocks []block
}

// A block is what stands in a section: a line, or a table or text under one.
//
//sumtype:decl
type block interface {
	block() // only this package defines blocks
}

type (
	// line is one statement, or one of the report's own words.
	line struct {
		kind    phrase.Kind
		phrase  string // id in the phrase book
		reads   cell
		anchors []string
		facts   []fact.ID
		summary bool
	}
	// grid is a table.
	grid struct {
		name string
		head []string
		rows []gridRow
		line *timeline // the rows as points in time
	}
	// heat is the table of counts by weekday and hour.
	heat struct {
		counts [7][24]int64
		event  *[2]int
	}
	// fence is text to be copied, under a link.
	fence struct {
		id   string
		text string
	}
)

func (line) block()  {}
func (grid) block()  {}
func (heat) block()  {}
func (fence) block() {}

type gridRow struct {
	target string // "F12", or empty
	cells  []cell // nil where there is no value
}

// A cell reads what stands in one cell or line.
type cell func(t *tape) bool

// read reads the cell, or the mark of one that has no value.
func (c cell) read(t *tape) bool {
	if c == nil {
		return missing(t)
	}
	return c(t)
}

// dense leaves out the columns in which no row has a value, as a page's chapters do.
func (g grid) dense() grid {
	for i := len(g.head) - 1; i >= 0; i-- {
		if len(g.rows) == 0 || slices.ContainsFunc(g.rows, func(r gridRow) bool { return r.cells[i] != nil }) {
			continue
		}
		g.head = slices.Delete(g.head, i, i+1)
		for r := range g.rows {
			g.rows[r].cells = slices.Delete(g.rows[r].cells, i, i+1)
		}
	}
	return g
}

// A timeline is a drawing of calls between two instants, with the event's own.
type timeline struct {
	first, event, last time.Time
	marks              []mark
}

// A mark is a row of a timeline.
type mark struct {
	at    time.Time
	phase string
	text  string
}

// pageOf lays out what a report must say. why is not empty where no report can say it.
func pageOf(want verify.Checked, run Run, lang phrase.Lang) (p *page, why string) {
	if !want.Made() {
		return nil, "the draft it is held against was never checked"
	}
	if lang != phrase.JA && lang != phrase.EN {
		return nil, "its language is neither ja nor en"
	}
	a := want.Assessment()
	p = &page{lang: lang, book: phrase.Default(), clock: a.Facts().Calendar(), verdict: a.Verdict().String()}
	p.title = p.book.Header.In(lang)
	l := layout{page: p, a: a, facts: a.Facts()}
	if p.header, why = l.section(want, "header"); why != "" {
		return nil, why
	}
	p.header = append(p.header, l.ownLines(run)...)
	for i, c := range p.book.Chapters {
		ch := chapter{id: c.ID, number: i + 1, title: c.Title.In(lang)}
		for _, s := range c.Sections {
			sec := section{id: s.ID, title: s.Title.In(lang)}
			if sec.blocks, why = l.section(want, s.ID); why != "" {
				return nil, "section " + s.ID + ": " + why
			}
			ch.sections = append(ch.sections, sec)
		}
		p.chapters = append(p.chapters, ch)
	}
	p.chapters = append(p.chapters, l.appendix(want, run))
	return p, ""
}

// A layout knows what a page's parts come from.
type layout struct {
	*page
	a     policy.Assessment
	facts fact.Facts
}

// section is what the lines of a section say, each table under its caption.
func (l layout) section(want verify.Checked, id string) (out []block, why string) {
	for _, said := range want.Section(id) {
		if why := sound(said, l.facts); why != "" {
			return nil, said.Phrase.ID + ": " + why
		}
		out = append(out, line{
			kind: said.Phrase.Kind, phrase: said.Phrase.ID, reads: func(t *tape) bool { return t.says(said) },
			anchors: said.Anchors, facts: said.Facts, summary: id == "summary",
		})
		if said.Phrase.Kind == phrase.Table {
			out = append(out, l.tableOf(said))
		}
	}
	return out, ""
}

// ownLines are what the header says of the run.
func (l layout) ownLines(run Run) []block {
	state := "final"
	if run.Provisional {
		state = "provisional"
	}
	said := func(id string, values map[string]fact.Value) block {
		p, _ := l.book.Get(id)
		ln := verify.Line{Phrase: p}
		for _, s := range p.Slots {
			ln.Filled = append(ln.Filled, verify.Filled{Slot: s.Name, Value: values[s.Name], Key: "case." + s.Key, State: fact.Known})
		}
		return line{kind: p.Kind, phrase: p.ID, reads: func(t *tape) bool { return t.says(ln) }}
	}
	out := []block{said("header.version", map[string]fact.Value{"v": fact.IntOf(int64(max(run.Version, 1))), "s": fact.NameOf(state)})}
	changes, next := said("header.first", nil), said("header.last", nil)
	if run.Changes != "" {
		changes = said("header.changes", map[string]fact.Value{"c": fact.TextOf(run.Changes)})
	}
	if !run.Next.IsZero() {
		next = said("header.next", map[string]fact.Value{"t": fact.TimeOf(run.Next)})
	}
	return append(out, changes, next)
}

// tableOf is the table under a caption.
func (l layout) tableOf(said verify.Line) block {
	switch said.Phrase.ID {
	case "table.signals":
		return l.signals()
	case "table.balance":
		return l.balance()
	}
	for _, v := range said.Filled {
		if f, ok := l.facts.ByID(v.Fact); ok && v.Value.Type == fact.Table {
			switch f.Key {
			case "signin.by_weekday_hour":
				return l.heat(f)
			case "coverage.table":
				return l.covered(f)
			case "coverage.asked":
				return l.asked(f)
			}
			return l.factTable(f)
		}
	}
	return grid{}
}

func (l layout) factTable(f fact.Fact) grid {
	d, _ := fact.DefOf(f.Key)
	g := grid{name: string(f.Key)}
	for _, c := range d.Columns {
		g.head = append(g.head, phrase.Words{JA: c.JA, EN: c.EN}.In(l.lang))
	}
	for _, row := range f.Value.Rows {
		var r gridRow
		for i, c := range d.Columns {
			var v fact.Value
			if i < len(row) {
				v = row[i]
			}
			key := string(f.Key) + "." + c.Name
			switch {
			case key == "signin.by_code.code": // a code is a name made of digits
				r.cells = append(r.cells, func(t *tape) bool {
					n, ok := t.plainInteger()
					return ok && (n == v.Num || t.no("it says code %d; the evidence says %d", n, v.Num))
				})
			case v.Type == fact.Text && v.Str == "", v.Type == 0:
				r.cells = append(r.cells, nil)
			default:
				r.cells = append(r.cells, func(t *tape) bool { return t.value(v, key, nil) })
			}
		}
		g.rows = append(g.rows, r)
		if f.Key == "activity.session_timeline" {
			if g.line == nil {
				g.line = &timeline{}
			}
			g.line.marks = append(g.line.marks, mark{row[0].At, row[1].Str, row[2].Str})
		}
	}
	if g.line != nil {
		g.line = l.drawn(g.line.marks)
	}
	return g.dense()
}

// drawn is the drawing of a session's calls; nil where there is no line to draw them on.
func (l layout) drawn(marks []mark) *timeline {
	event := l.facts.Get("event.time", "")
	if event.State != fact.Known {
		return nil
	}
	d := timeline{first: marks[0].at, event: event.Value.At, last: marks[len(marks)-1].at, marks: marks}
	if d.event.Before(d.first) {
		d.first = d.event
	}
	if d.last.Before(d.event) {
		d.last = d.event
	}
	if d.last.After(d.first) {
		return &d
	}
	return nil
}

func (l layout) heat(f fact.Fact) heat {
	var h heat
	for _, row := range f.Value.Rows {
		if len(row) == 3 && row[0].Num >= 0 && row[0].Num < 7 && row[1].Num >= 0 && row[1].Num < 24 {
			h.counts[row[0].Num][row[1].Num] = row[2].Num
		}
	}
	day, hour := l.facts.Get("event.weekday", ""), l.facts.Get("event.hour_local", "")
	if day.State == fact.Known && hour.State == fact.Known {
		h.event = &[2]int{int(day.Value.Num), int(hour.Value.Num)}
	}
	return h
}

// missing reads the mark of a cell that has no value.
func missing(t *tape) bool { return t.literal(t.word("missing")) }

func codeCell(s string) cell { return func(t *tape) bool { return t.code(s, t.limit) } }

func codeOrMissing(s string) cell {
	if s == "" {
		return nil
	}
	return codeCell(s)
}

func wordCell(id string) cell { return func(t *tape) bool { return t.literal(t.word(id)) } }

func exactCell(s string) cell { return func(t *tape) bool { return t.literal(s) } }

func linksCell(ids []string) cell { return func(t *tape) bool { return t.links(ids) } }

func factLinks(ids []fact.ID) cell { return linksCell(names(ids)) }

func textCell(x policy.Text) cell {
	return func(t *tape) bool { return t.value(fact.Value{Type: fact.Label, JA: x.JA, Str: x.EN}, "", nil) }
}

// numberCell reads a number that is not there when it is zero.
func numberCell(n int) cell {
	if n == 0 {
		return nil
	}
	return func(t *tape) bool { return t.same(int64(n)) }
}

func names(ids []fact.ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

// numbered is an id such as R3; the number is grouped as every number is.
func numbered(letter string, i int) string {
	s := strconv.Itoa(i + 1)
	for n := len(s) - 3; n > 0; n -= 3 {
		s = s[:n] + "," + s[n:]
	}
	return letter + s
}

// itemOf is the item that a reference leads to, without its row.
func itemOf(r fact.Ref) string {
	id, _, _ := strings.Cut(string(r), "#")
	return id
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
