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
	p.blocks(doc.Header)
	p.f("</header>\n<nav aria-label=\"%s\"><ol>\n", esc(phrase.Default().Word("contents", doc.Lang)))
	for _, ch := range doc.Chapters {
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
		if s.Title != "" {
			p.f("<h3>%s</h3>\n", esc(s.Title))
		}
		p.blocks(s.Blocks)
	}
	p.f("</section>\n")
}

// blocks prints lines as lists and everything else as it is.
func (p *page) blocks(list []Block) {
	open := false
	end := func() {
		if open {
			p.f("</ul>\n")
			open = false
		}
	}
	for _, b := range list {
		line, ok := b.(Line)
		if !ok {
			end()
			p.block(b)
			continue
		}
		if !open {
			p.f("<ul>\n")
			open = true
		}
		p.line(line)
	}
	end()
}

func (p *page) block(b Block) {
	switch b := b.(type) {
	case Line:
		p.line(b)
	case Table:
		p.timeline(b.Marks)
		p.table(b)
	case Heat:
		p.heat(b)
	case Fence:
		p.f("<details class=\"query\"><summary>%s</summary>\n<pre><code>%s</code></pre></details>\n", p.runs(b.Label), esc(visibleLines(b.Text)))
	}
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

// grounds folds the rule and the evidence of each fact under a statement.
func (p *page) grounds(l Line) {
	var items []string
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
	if len(items) > 0 {
		p.f("<details class=\"why\"><summary>%s</summary><ul>%s</ul></details>", esc(phrase.Default().Word("evidence_of", p.lang)), strings.Join(items, ""))
	}
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
			p.f("<td>%s</td>", p.runs(c))
		}
		p.f("</tr>\n")
	}
	p.f("</tbody></table></div>\n")
}

// timeline draws the points of a timeline on a line, to scale.
func (p *page) timeline(marks []Mark) {
	if len(marks) < 2 {
		return
	}
	first, last := marks[0].At, marks[len(marks)-1].At
	span := last.Sub(first)
	if span <= 0 {
		return
	}
	const left, width = 20, 680
	p.f("<svg class=\"timeline\" viewBox=\"0 0 720 60\" role=\"img\" aria-label=\"%s\">\n<line x1=\"%d\" y1=\"30\" x2=\"%d\" y2=\"30\"/>\n", esc(stamp(first)+" – "+stamp(last)), left, left+width)
	for _, m := range marks {
		x := left + int(float64(width)*float64(m.At.Sub(first))/float64(span))
		p.f("<circle class=\"%s\" cx=\"%d\" cy=\"30\" r=\"5\"><title>%s %s</title></circle>\n", esc(m.Phase), x, esc(m.At.UTC().Format(time.RFC3339)), esc(m.Text))
	}
	p.f("</svg>\n")
}

// heat draws the counts by weekday and hour, the event's cell framed, with the numbers in it.
func (p *page) heat(h Heat) {
	const cell, left, top = 26, 50, 22
	most := 1
	for _, day := range h.Counts {
		most = max(most, slices.Max(day[:]))
	}
	p.f("<figure class=\"heat\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", left+24*cell+4, top+7*cell+4, esc(h.Corner))
	for hour := range 24 {
		p.f("<text x=\"%d\" y=\"14\" text-anchor=\"middle\">%d</text>\n", left+hour*cell+cell/2, hour)
	}
	for d, counts := range h.Counts {
		p.f("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left-8, top+d*cell+17, esc(h.Days[d]))
		for hour, n := range counts {
			level := 0
			if n > 0 {
				level = 1 + 4*(n-1)/most
			}
			p.f("<rect class=\"h%d\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", level, left+hour*cell, top+d*cell, cell-2, cell-2)
			if n > 0 {
				p.f("<text class=\"n%d\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>", level, left+hour*cell+cell/2-1, top+d*cell+16, n)
			}
			p.f("\n")
		}
	}
	if h.Event != nil {
		p.f("<rect class=\"event\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>%s</title></rect>\n", left+h.Event[1]*cell-1, top+h.Event[0]*cell-1, cell, cell, esc(h.Note))
	}
	p.f("</svg>")
	if h.Event != nil {
		p.f("<figcaption><span class=\"key\"></span> %s</figcaption>", esc(h.Note))
	}
	p.f("</figure>\n")
}

// styles are the page's only looks. Colours carry no meaning of their own: every state is a word too.
const styles = `
:root{--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d1d9e0;--soft:#f6f8fa;--accent:#0a5fb4;--bad:#b42318;--warn:#9a6700;--good:#1a7f37;
--h1:#d8e9fb;--h2:#a9cff5;--h3:#6fb0ee;--h4:#3a8ddb;--h5:#0a5fb4}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--line:#3d444d;--soft:#151b23;--accent:#58a6ff;--bad:#ff7b72;--warn:#d29922;--good:#3fb950;
--h1:#12304f;--h2:#17466f;--h3:#1f6099;--h4:#3282c9;--h5:#58a6ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.65 system-ui,-apple-system,"Hiragino Sans","Noto Sans CJK JP","Yu Gothic UI",sans-serif;overflow-wrap:anywhere}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
h1{font-size:1.5rem;margin:.2em 0 .6em}
h2{font-size:1.2rem;margin:2.2em 0 .6em;padding-bottom:.25em;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.4em 0 .3em;color:var(--dim)}
header{border:1px solid var(--line);border-left:6px solid var(--warn);border-radius:6px;background:var(--soft);padding:.6rem 1rem}
header.benign{border-left-color:var(--good)}header.suspicious,header.malicious{border-left-color:var(--bad)}
nav ol{columns:2;font-size:.9rem;color:var(--dim)}
a{color:var(--accent);text-decoration:none}a:hover,a:focus{text-decoration:underline}
ul{margin:.3em 0;padding-left:1.2em}li{margin:.25em 0}
b{font-weight:600}
code{font:.88em ui-monospace,"SF Mono",Menlo,Consolas,monospace;background:var(--soft);border:1px solid var(--line);border-radius:4px;padding:0 .25em}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.7em;overflow:auto;white-space:pre-wrap}pre code{border:0;padding:0;background:none}
.anchors{font-size:.72rem;white-space:nowrap;margin-left:.3em}.anchors a{color:var(--dim)}
details{font-size:.85rem;color:var(--dim)}summary{cursor:pointer;width:fit-content}.why ul{margin:.2em 0}.why{display:inline-block;margin-left:.5em;vertical-align:top}
.scroll{overflow-x:auto;margin:.5em 0}
table{border-collapse:collapse;font-size:.85rem;width:100%}th,td{border:1px solid var(--line);padding:.25em .5em;text-align:left;vertical-align:top}th{background:var(--soft);white-space:nowrap}
tr:target,li:target{background:var(--h1)}
svg{max-width:100%;height:auto}svg text{font-size:11px;fill:var(--fg)}
.timeline line{stroke:var(--line);stroke-width:2}.timeline circle{fill:var(--dim)}.timeline circle.event{fill:var(--bad)}.timeline circle.before{fill:var(--accent)}
.heat{margin:.6em 0}.heat rect{fill:var(--soft);stroke:var(--line);stroke-width:.5}.heat .h1{fill:var(--h1)}.heat .h2{fill:var(--h2)}.heat .h3{fill:var(--h3)}.heat .h4{fill:var(--h4)}.heat .h5{fill:var(--h5)}
.heat text.n4,.heat text.n5{fill:var(--bg)}.heat rect.event{fill:none;stroke:var(--bad);stroke-width:2.5}
figcaption{font-size:.8rem;color:var(--dim)}.key{display:inline-block;width:.9em;height:.9em;border:2px solid var(--bad);vertical-align:-.1em}
@page{size:A4;margin:16mm 14mm}
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--soft:#f4f4f4}body{font-size:9.5pt;line-height:1.45}main{max-width:none;padding:0}nav,.why{display:none}h2{break-after:avoid}h3{break-after:avoid}tr,figure,li{break-inside:avoid}#appendix{break-before:page}}
`
