package report

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/phrase"
)

// HTML prints a document as one self-contained page: no script, nothing from outside, light
// and dark, and laid out for A4 when printed. Every statement carries its anchors in data-fact,
// and under each the evidence folds open.
func HTML(doc Document) []byte {
	p := &page{lang: doc.Lang, facts: map[string]FactRecord{}, evidence: map[string]EvidenceRecord{}}
	for _, f := range doc.Record.Facts {
		p.facts[f.ID] = f
	}
	for _, e := range doc.Record.Evidence {
		p.evidence[e.ID] = e
	}
	p.f("<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", doc.Lang)
	p.f("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.f("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
	p.f("<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n", esc(doc.Title), styles, esc(doc.Title))
	p.f("<header class=\"%s\">\n", strings.ToLower(doc.Record.Verdict))
	p.blocks("header", doc.Header)
	p.f("</header>\n<nav aria-label=\"%s\"><ol>\n", esc(phrase.Default().Word("contents", doc.Lang)))
	for _, ch := range append(slices.Clone(doc.Chapters), doc.Appendix) {
		p.f("<li><a href=\"#%s\">%s</a></li>\n", esc(ch.ID), esc(ch.Title))
	}
	p.f("</ol></nav>\n")
	for _, ch := range append(slices.Clone(doc.Chapters), doc.Appendix) {
		p.chapter(ch)
	}
	p.f("</main>\n</body>\n</html>\n")
	return []byte(p.b.String())
}

// A page is a document being printed.
type page struct {
	b        strings.Builder
	lang     phrase.Lang
	facts    map[string]FactRecord
	evidence map[string]EvidenceRecord
	appendix bool
}

func (p *page) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func esc(s string) string { return html.EscapeString(s) }

func (p *page) chapter(ch Chapter) {
	title := esc(ch.Title)
	if ch.Number > 0 {
		title = strconv.Itoa(ch.Number) + ". " + title
	}
	p.appendix = ch.Number == 0
	p.f("<section class=\"chapter\" id=\"%s\">\n<h2>%s</h2>\n", esc(ch.ID), title)
	for _, s := range ch.Sections {
		class := "part"
		if _, line := s.Blocks[0].(Line); len(s.Blocks) == 1 && line {
			class = "part one" // its title may stand beside its line
		}
		p.f("<section class=\"%s\">\n", class)
		if s.Title != "" {
			p.f("<h3>%s</h3>\n", esc(s.Title))
		}
		p.blocks(s.ID, s.Blocks)
		p.f("</section>\n")
	}
	p.f("</section>\n")
}

// pairSections are those whose lines are mostly "label: value", short enough for two columns.
var pairSections = []string{"header", "finding", "principal", "person", "coverage", "signin", "other_activity"}

// listClass is the class of the list that a line stands in.
func listClass(section string, l Line) string {
	group, _, _ := strings.Cut(l.Phrase, ".")
	if section == "overall" || section == "impact_kinds" {
		return "pairs"
	}
	if slices.Contains(pairSections, section) && slices.Contains([]string{"fact", "quote", "principal", "coverage", "header"}, group) {
		return "pairs"
	}
	return "lines"
}

// blocks prints lines as lists, "label: value" in lists of their own, and everything else as it is.
func (p *page) blocks(section string, list []Block) {
	open := ""
	turn := func(to string) {
		if open == to {
			return
		}
		if open != "" {
			p.f("</ul>\n")
		}
		if to != "" {
			p.f("<ul class=\"%s\">\n", to)
		}
		open = to
	}
	for _, b := range list {
		line, ok := b.(Line)
		if !ok {
			turn("")
			p.block(b)
			continue
		}
		turn(listClass(section, line))
		p.line(line)
	}
	turn("")
}

func (p *page) block(b Block) {
	switch b := b.(type) {
	case Line:
		p.line(b)
	case Table:
		p.timeline(b.Line)
		p.table(b)
	case Heat:
		p.heat(b)
	case Fence:
		p.query(b)
	}
}

// query folds a query that anyone can copy and run.
func (p *page) query(f Fence) {
	p.f("<details class=\"query\"><summary>%s</summary>\n<pre><code>%s</code></pre></details>\n", p.runs(f.Label), esc(visibleLines(f.Text)))
}

// visibleLines is text to be copied; what does not show itself is escaped, line ends stay.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if plain := strings.ReplaceAll(l, `\`, ""); Visible(plain) != plain {
			lines[i] = Visible(l)
		}
	}
	return strings.Join(lines, "\n")
}

// line prints a statement with its anchors, and folds what its values came from under it.
func (p *page) line(l Line) {
	p.f("<li class=\"k%s\" data-fact=\"%s\">%s", strings.ToLower(string(l.Kind)), esc(strings.Join(l.Anchors, " ")), p.runs(l.Runs))
	if len(l.Anchors) > 0 {
		p.f("<span class=\"anchors\">")
		for _, a := range l.Anchors {
			p.f(" %s", link(a))
		}
		p.f("</span>")
	}
	if !p.appendix {
		p.grounds(l)
	}
	p.f("</li>\n")
}

func link(id string) string {
	return fmt.Sprintf("<a href=\"#%s\">%s</a>", esc(strings.ToLower(id)), esc(id))
}

// grounds folds under a statement what each of its facts came from, and the queries that were run.
func (p *page) grounds(l Line) {
	var items []string
	var asked []EvidenceRecord
	for _, id := range l.Facts {
		f, ok := p.facts[string(id)]
		if !ok || len(f.From) == 0 {
			continue
		}
		var from []string
		for _, ref := range f.From {
			item, row, _ := strings.Cut(ref, "#")
			e := p.evidence[item]
			name := link(item)
			if row != "" {
				name += "#" + esc(row)
			}
			if e.Native != "" && !slices.ContainsFunc(asked, func(have EvidenceRecord) bool { return have.ID == e.ID }) {
				asked = append(asked, e)
			}
			if e.Source != "" {
				name += " <small>" + esc(Visible(string(e.Source))) + "</small>"
			}
			from = append(from, name)
			if len(from) == 5 && len(f.From) > 5 {
				from = append(from, "…")
				break
			}
		}
		items = append(items, fmt.Sprintf("<li>%s <code>%s</code> %s</li>", link(f.ID), esc(f.Name), strings.Join(from, ", ")))
	}
	if len(items) == 0 {
		return
	}
	p.f("<details class=\"why\"><summary>%s</summary><ul>%s</ul>\n", esc(phrase.Default().Word("evidence_of", p.lang)), strings.Join(items, ""))
	for _, e := range asked {
		p.query(Fence{Label: []Run{{Text: e.ID, Kind: Anchor}, literal(" " + phrase.Default().Word("native", p.lang))}, Text: string(e.Native)})
	}
	p.f("</details>")
}

func (p *page) runs(list []Run) string {
	var b strings.Builder
	for _, r := range list {
		switch r.Kind {
		case Code:
			b.WriteString("<code>" + esc(r.Text) + "</code>")
		case Anchor:
			b.WriteString(link(r.Text))
		case Value:
			b.WriteString("<b>" + esc(r.Text) + "</b>")
		case Literal:
			b.WriteString(esc(r.Text))
		}
	}
	return b.String()
}

func (p *page) table(t Table) {
	p.f("<div class=\"scroll\"><table class=\"%s\">\n<thead><tr>", esc(strings.ReplaceAll(t.Name, ".", "-")))
	for _, h := range t.Head {
		p.f("<th scope=\"col\">%s</th>", esc(h))
	}
	p.f("</tr></thead>\n<tbody>\n")
	for _, r := range t.Rows {
		p.f("<tr")
		if r.Target != "" {
			p.f(" id=\"%s\"", esc(strings.ToLower(r.Target)))
		}
		p.f(">")
		for _, c := range r.Cells {
			p.f("<td%s>%s</td>", p.width(c), p.runs(c))
		}
		p.f("</tr>\n")
	}
	p.f("</tbody></table></div>\n")
}

// width is the class of a cell whose text should not be broken: n of a value, c of code.
func (p *page) width(cell []Run) string {
	if p.appendix || len(cell) != 1 {
		return ""
	}
	columns := 0
	for _, r := range cell[0].Text {
		columns++
		if r >= 0x1100 {
			columns++ // a Japanese character is twice as wide
		}
	}
	switch {
	case cell[0].Kind == Code && columns > 15 && columns <= 24:
		return ` class="c"`
	case columns <= 15, cell[0].Kind != Code && columns <= 30:
		return ` class="n"`
	}
	return ""
}

// The line of a timeline goes from timelineLeft over timelineWidth.
const timelineLeft, timelineWidth = 20, 680

// timeline draws the calls of a session on a line, to scale, and the event as a bar across it.
func (p *page) timeline(l *Timeline) {
	if l == nil {
		return
	}
	x := func(at time.Time) int {
		return timelineLeft + int(timelineWidth*(float64(at.Sub(l.First))/float64(l.Last.Sub(l.First))))
	}
	p.f("<figure class=\"timeline\"><svg viewBox=\"0 0 720 62\" role=\"img\" aria-label=\"%s\">\n", esc(l.FirstText+" – "+l.LastText))
	p.f("<line x1=\"%d\" y1=\"31\" x2=\"%d\" y2=\"31\"/>\n", timelineLeft, timelineLeft+timelineWidth)
	for _, m := range l.Marks {
		p.f("<circle class=\"%s\" cx=\"%d\" cy=\"31\" r=\"5\"><title>%s %s</title></circle>\n", esc(m.Phase), x(m.At), esc(m.At.UTC().Format(time.RFC3339)), esc(m.Text))
	}
	p.f("<rect class=\"event\" x=\"%d\" y=\"19\" width=\"3\" height=\"24\"/>\n", x(l.Event)-1)
	p.f("<text x=\"%d\" y=\"12\" text-anchor=\"middle\">%s</text>\n", min(max(x(l.Event), 100), 620), esc(l.EventText))
	p.f("<text x=\"%d\" y=\"58\" text-anchor=\"start\">%s</text>\n", 10, esc(l.FirstText))
	p.f("<text x=\"%d\" y=\"58\" text-anchor=\"end\">%s</text>\n", 710, esc(l.LastText))
	p.f("</svg><figcaption>%s</figcaption></figure>\n", esc(l.Note))
}

// heat draws the counts by weekday and hour, the event's cell framed, with the numbers in it.
func (p *page) heat(h Heat) {
	const cell, high, left, top = 26, 19, 50, 20
	most := 1
	for _, day := range h.Counts {
		most = max(most, slices.Max(day[:]))
	}
	p.f("<figure class=\"heat\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", left+24*cell+4, top+7*high+4, esc(h.Corner))
	for hour := range 24 {
		p.f("<text x=\"%d\" y=\"14\" text-anchor=\"middle\">%d</text>\n", left+hour*cell+cell/2, hour)
	}
	for d, counts := range h.Counts {
		p.f("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left-8, top+d*high+13, esc(h.Days[d]))
		for hour, n := range counts {
			level := 0
			if n > 0 {
				level = 1 + 4*(n-1)/most
			}
			p.f("<rect class=\"h%d\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", level, left+hour*cell, top+d*high, cell-2, high-2)
			if n > 0 {
				p.f("<text class=\"n%d\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>", level, left+hour*cell+cell/2-1, top+d*high+13, n)
			}
			p.f("\n")
		}
	}
	if h.Event != nil {
		p.f("<rect class=\"event\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>%s</title></rect>\n", left+h.Event[1]*cell-1, top+h.Event[0]*high-1, cell, high, esc(h.Note))
	}
	p.f("</svg>")
	if h.Event != nil {
		p.f("<figcaption><span class=\"key\"></span> %s</figcaption>", esc(h.Note))
	}
	p.f("</figure>\n")
}
