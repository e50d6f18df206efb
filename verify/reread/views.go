package reread

import (
	"slices"
	"sort"
	"time"

	"uratori/fact"
)

// The tables of coverage and of sources asked are folded on a page. They are unfolded here by
// folding the rows of the fact again, in another way than the renderer does.

// named is a row of a table by the names of its columns.
func named(f fact.Fact, row fact.Row) map[string]fact.Value {
	d, _ := fact.DefOf(f.Key)
	out := map[string]fact.Value{}
	for i, v := range row {
		if i < len(d.Columns) {
			out[d.Columns[i].Name] = v
		}
	}
	return out
}

// A scope is what a row of coverage is about.
type scope struct{ kind, account, region string }

// A holder is what one source says of a scope.
type holder struct{ source, state, why string }

// heading is the title of a column.
func (l layout) heading(f fact.Fact, name string) string {
	d, _ := fact.DefOf(f.Key)
	i := slices.IndexFunc(d.Columns, func(c fact.Column) bool { return c.Name == name })
	if l.lang == "en" {
		return d.Columns[i].EN
	}
	return d.Columns[i].JA
}

// covered is the table of coverage: for each scope the longest windows throughout which a source
// says one thing, and all that the sources say of the same window in one row.
func (l layout) covered(f fact.Fact) grid {
	type said struct {
		scope  scope
		holder holder
	}
	var order []said
	windows := map[said][][2]time.Time{}
	for _, row := range f.Value.Rows {
		c := named(f, row)
		s := said{scope{c["kind"].Str, c["account"].Str, c["region"].Str}, holder{c["source"].Str, c["state"].Str, c["why"].Str}}
		if _, ok := windows[s]; !ok {
			order = append(order, s)
		}
		windows[s] = append(windows[s], [2]time.Time{c["from"].At, c["to"].At})
	}
	type place struct {
		scope    scope
		from, to int64
	}
	var rows []place
	holders := map[place][]holder{}
	for _, s := range order {
		for _, w := range union(windows[s]) {
			p := place{s.scope, w[0].UnixMicro(), w[1].UnixMicro()}
			if holders[p] == nil {
				rows = append(rows, p)
			}
			holders[p] = append(holders[p], s.holder)
		}
	}
	g := grid{name: string(f.Key), head: append([]string{l.heading(f, "kind"), l.heading(f, "account"), l.heading(f, "region")}, l.heads("window", "told")...)}
	for _, p := range rows {
		g.rows = append(g.rows, gridRow{"", []cell{
			func(t *tape) bool { return t.value(fact.NameOf(p.scope.kind), "coverage.table.kind", nil) },
			codeOrMissing(p.scope.account), codeOrMissing(p.scope.region), windowCell(time.UnixMicro(p.from), time.UnixMicro(p.to)),
			func(t *tape) bool { return t.holders(holders[p]) },
		}})
	}
	return g.dense()
}

// union is the set of instants that some window holds, as windows in order.
func union(list [][2]time.Time) [][2]time.Time {
	var edges []time.Time
	for _, w := range list {
		edges = append(edges, w[0], w[1])
	}
	sort.Slice(edges, func(i, j int) bool { return edges[i].Before(edges[j]) })
	inside := func(a, b time.Time) bool {
		return slices.ContainsFunc(list, func(w [2]time.Time) bool { return !w[0].After(a) && !w[1].Before(b) })
	}
	var out [][2]time.Time
	for i := 0; i+1 < len(edges); i++ {
		a, b := edges[i], edges[i+1]
		switch n := len(out); {
		case a.Equal(b) || !inside(a, b):
		case n > 0 && out[n-1][1].Equal(a):
			out[n-1][1] = b
		default:
			out = append(out, [2]time.Time{a, b})
		}
	}
	return out
}

func (t *tape) holders(list []holder) bool {
	for i, h := range list {
		if i > 0 && !t.literal(t.separator()) {
			return false
		}
		if !codeOrMissing(h.source).read(t) || !t.literal(": ") || !t.value(fact.NameOf(h.state), "coverage.table.state", nil) ||
			!t.bracketed(func(t *tape) bool { return t.value(fact.NameOf(h.why), "coverage.table.why", nil) }) {
			return false
		}
	}
	return true
}

func (t *tape) bracketed(inner cell) bool {
	before, after := " (", ")"
	if t.ja() {
		before, after = "（", "）"
	}
	return t.literal(before) && inner(t) && t.literal(after)
}

// asked is the table of sources asked: a row for each way in which sources answered, with the
// questions that they answered so.
func (l layout) asked(f fact.Fact) grid {
	var names []string
	answers := map[string][]map[string]fact.Value{}
	for _, row := range f.Value.Rows {
		c := named(f, row)
		q := c["question"].Str
		if answers[q] == nil {
			names = append(names, q)
		}
		answers[q] = append(answers[q], c)
	}
	alike := func(a, b string) bool {
		return slices.EqualFunc(answers[a], answers[b], func(x, y map[string]fact.Value) bool {
			return x["source"].Str == y["source"].Str && x["outcome"].Str == y["outcome"].Str && x["reason"].Str == y["reason"].Str
		})
	}
	g := grid{name: string(f.Key), head: l.heads("answers", "questions")}
	for i, q := range names {
		if slices.ContainsFunc(names[:i], func(before string) bool { return alike(before, q) }) {
			continue
		}
		var same []string
		for _, other := range names[i:] {
			if alike(q, other) {
				same = append(same, other)
			}
		}
		g.rows = append(g.rows, gridRow{"", []cell{
			func(t *tape) bool { return t.answers(answers[q]) },
			func(t *tape) bool {
				for n, name := range same {
					if n > 0 && !t.literal(t.separator()) || !t.code(name, textLimit) || !t.rowCounts(answers[name]) {
						return false
					}
				}
				return true
			},
		}})
	}
	return g
}

func (t *tape) answers(list []map[string]fact.Value) bool {
	for i, c := range list {
		if i > 0 && !t.literal(" → ") {
			return false
		}
		if !codeOrMissing(c["source"].Str).read(t) || !t.literal(": ") || !t.value(c["outcome"], "coverage.asked.outcome", nil) {
			return false
		}
		if why := c["reason"].Str; why != "" && !t.bracketed(codeCell(why)) {
			return false
		}
	}
	return true
}

// rowCounts reads the rows of each answer; where none had any, nothing is said.
func (t *tape) rowCounts(list []map[string]fact.Value) bool {
	if !slices.ContainsFunc(list, func(c map[string]fact.Value) bool { return c["rows"].Num > 0 }) {
		return true
	}
	for i, c := range list {
		before := " → "
		if i == 0 {
			before = " "
		}
		if !t.literal(before) || !t.same(c["rows"].Num) {
			return false
		}
	}
	return true
}
