package reread

import (
	"slices"
	"strings"
	"unicode/utf8"

	"uratori/evidence"
	"uratori/fact"
)

// blocks reads the blocks of a section; lines of one sort that follow each other are one list.
func (h *hypertext) blocks(section string, list []block) *Refusal {
	sort := func(i int) string {
		if i < 0 || i >= len(list) {
			return ""
		}
		return sortOf(section, list[i])
	}
	for i, b := range list {
		var r *Refusal
		switch b := b.(type) {
		case line:
			if sort(i-1) != sort(i) {
				r = h.markup(`<ul class="`, sort(i), "\">\n")
			}
			if r == nil {
				r = h.line(b)
			}
			if r == nil && sort(i+1) != sort(i) {
				r = h.markup("</ul>\n")
			}
		case grid:
			if r = h.timeline(b.line); r == nil {
				r = h.grid(b)
			}
		case heat:
			r = h.heat(b)
		case fence:
			r = h.fence(b)
		}
		if r != nil {
			return r
		}
	}
	return nil
}

// sortOf is the sort of list that a line stands in: pairs of label and value have columns in
// some sections. It is empty for what is no line.
func sortOf(section string, b block) string {
	l, ok := b.(line)
	if !ok {
		return ""
	}
	switch section {
	case "overall", "impact_kinds":
		return "pairs"
	case "header", "finding", "principal", "person", "coverage", "signin", "other_activity":
		for _, group := range []string{"fact", "quote", "principal.", "coverage.", "header."} {
			if l.phrase == group || strings.HasSuffix(group, ".") && strings.HasPrefix(l.phrase, group) {
				return "pairs"
			}
		}
	}
	return "lines"
}

func isLine(b block) bool {
	_, ok := b.(line)
	return ok
}

func (h *hypertext) line(l line) *Refusal {
	limit := textLimit
	if l.summary {
		limit = h.limit
	}
	if r := first(
		func() *Refusal {
			return h.markup(`<li class="k`, strings.ToLower(string(l.kind)), `" data-fact="`, strings.Join(l.anchors, " "), `">`)
		},
		func() *Refusal { return h.says(l.reads, limit) },
	); r != nil {
		return r
	}
	if len(l.anchors) > 0 {
		if r := h.markup(`<span class="anchors"> `); r != nil {
			return r
		}
		if r := first(
			func() *Refusal { return h.says(linksCell(l.anchors), limit) },
			func() *Refusal { return h.markup("</span>") },
		); r != nil {
			return r
		}
	}
	if !h.quiet {
		if r := h.grounds(l.facts); r != nil {
			return r
		}
	}
	return h.markup("</li>\n")
}

// groundsLimit is how many references of a fact are folded under a line; of more, as many and an ellipsis.
const groundsLimit = 5

// grounds reads what the values of a line came from, and the queries that were run for them.
func (h *hypertext) grounds(ids []fact.ID) *Refusal {
	open := false
	var asked []fence
	for _, id := range ids {
		f, ok := h.layout.facts.ByID(id)
		if !ok || len(f.From) == 0 {
			continue
		}
		if !open {
			open = true
			if r := h.markup(`<details class="why"><summary>`); r != nil {
				return r
			}
			if r := first(func() *Refusal { return h.exact(h.book.Word("evidence_of", h.lang)) }, func() *Refusal { return h.markup("</summary><ul>") }); r != nil {
				return r
			}
		}
		if r := h.ground(f); r != nil {
			return r
		}
		for _, ref := range f.From[:min(len(f.From), groundsLimit)] {
			it, _ := h.layout.facts.Evidence().Item(evidence.ID(itemOf(ref)))
			have := func(q fence) bool { return q.id == string(it.ID) }
			if it.Answer.Native != "" && !slices.ContainsFunc(asked, have) {
				asked = append(asked, fence{string(it.ID), it.Answer.Native})
			}
		}
	}
	if !open {
		return nil
	}
	if r := h.markup("</ul>\n"); r != nil {
		return r
	}
	for _, q := range asked {
		if r := h.fence(q); r != nil {
			return r
		}
	}
	return h.markup("</details>")
}

// ground reads a fact, its name, and the items that it came from with their sources.
func (h *hypertext) ground(f fact.Fact) *Refusal {
	reads := func(t *tape) bool {
		if !t.link(string(f.ID)) || !t.literal(" ") || !t.code(string(f.Key), textLimit) || !t.literal(" ") {
			return false
		}
		for i, ref := range f.From {
			if i > 0 && !t.literal(", ") {
				return false
			}
			if i == groundsLimit {
				return t.literal("…")
			}
			id, row, _ := strings.Cut(string(ref), "#")
			if !t.link(id) || row != "" && !t.literal("#"+row) {
				return false
			}
			it, _ := h.layout.facts.Evidence().Item(evidence.ID(id))
			if it.Source != "" && (!t.literal(" ") || !t.visible(it.Source, len(it.Source)+1)) {
				return false
			}
		}
		return true
	}
	h.small = true
	defer func() { h.small = false }()
	return first(
		func() *Refusal { return h.markup("<li>") },
		func() *Refusal { return h.says(reads, textLimit) },
		func() *Refusal { return h.markup("</li>") },
	)
}

func (h *hypertext) grid(g grid) *Refusal {
	if r := h.markup(`<div class="scroll"><table class="`, strings.ReplaceAll(g.name, ".", "-"), "\">\n<thead><tr>"); r != nil {
		return r
	}
	for _, s := range g.head {
		if r := first(
			func() *Refusal { return h.markup(`<th scope="col">`) },
			func() *Refusal { return h.exact(s) },
			func() *Refusal { return h.markup("</th>") },
		); r != nil {
			return r
		}
	}
	if r := h.markup("</tr></thead>\n<tbody>\n"); r != nil {
		return r
	}
	for _, row := range g.rows {
		if r := h.gridRow(row); r != nil {
			return r
		}
	}
	return h.markup("</tbody></table></div>\n")
}

func (h *hypertext) gridRow(row gridRow) *Refusal {
	open := "<tr>"
	if row.target != "" {
		open = `<tr id="` + strings.ToLower(row.target) + `">`
		if h.targets[row.target] {
			return h.refuse("the target %s stands twice", row.target)
		}
		h.targets[row.target] = true
	}
	if r := h.markup(open); r != nil {
		return r
	}
	for _, c := range row.cells {
		if r := first(
			h.cellStart,
			func() *Refusal { return h.says(c, textLimit) },
			func() *Refusal { return h.markup("</td>") },
		); r != nil {
			return r
		}
	}
	return h.markup("</tr>\n")
}

// cellStart reads the beginning of a cell: its class says only whether its text may be broken.
func (h *hypertext) cellStart() *Refusal {
	for _, s := range []string{"<td>", `<td class="n">`, `<td class="c">`} {
		if h.sees(s) {
			return h.markup(s)
		}
	}
	return h.refuse("a cell was expected")
}

// fence reads a query that folds open. A line of it stands as it came unless something in it
// does not show itself: then it is in the value layer.
func (h *hypertext) fence(f fence) *Refusal {
	label := func(t *tape) bool { return t.link(f.id) && t.literal(" ") && t.literal(t.word("native")) }
	if r := first(
		func() *Refusal { return h.markup(`<details class="query"><summary>`) },
		func() *Refusal { return h.says(label, textLimit) },
		func() *Refusal { return h.markup("</summary>\n<pre><code>") },
	); r != nil {
		return r
	}
	for i, want := range strings.Split(f.text, "\n") {
		if i > 0 {
			if r := h.markup("\n"); r != nil {
				return r
			}
		}
		start := h.at
		got := h.words()
		ok := got == want
		if !shows(want) {
			n, fits := scanValue(got, want, len(want)+1)
			ok = fits && n == len(got)
		}
		if !ok {
			h.at = start
			return h.refuse("the query of %s is not what was run", f.id)
		}
	}
	return h.markup("</code></pre></details>\n")
}

// shows tells whether every character of s shows itself.
func shows(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, hidden)
}
