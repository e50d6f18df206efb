package report

import (
	"slices"
	"strings"
	"time"

	"uratori/fact"
	"uratori/phrase"
)

// Two tables would be long and say little on each row: what each source covers, and what each
// answered. They are folded here; every row of them stands in report.json and in the appendix.

// columns are the cells of a table's row by the names of its columns.
func columns(f fact.Fact, row fact.Row) map[string]fact.Value {
	d, _ := fact.DefOf(f.Key)
	out := map[string]fact.Value{}
	for i, c := range d.Columns {
		if i < len(row) {
			out[c.Name] = row[i]
		}
	}
	return out
}

// A span is a window that rows were folded into.
type span struct{ from, to time.Time }

// A holding is what one source says of one scope: whether it is collected, why, and when.
type holding struct {
	scope, told string // what the rows of it share
	first       map[string]fact.Value
	spans       []span
}

// covered folds the coverage table: windows that join are one, and what the sources say of the
// same window of a scope stands in one row, in the order in which they were asked.
func (w composer) covered(f fact.Fact) Table {
	var held []*holding
	for _, row := range f.Value.Rows {
		c := columns(f, row)
		scope := strings.Join([]string{c["kind"].Str, c["account"].Str, c["region"].Str}, "\x00")
		told := strings.Join([]string{c["source"].Str, c["state"].Str, c["why"].Str}, "\x00")
		i := slices.IndexFunc(held, func(h *holding) bool { return h.scope == scope && h.told == told })
		if i < 0 {
			i, held = len(held), append(held, &holding{scope: scope, told: told, first: c})
		}
		held[i].spans = append(held[i].spans, span{c["from"].At, c["to"].At})
	}
	type line struct {
		scope string
		span  span
		first map[string]fact.Value
		told  []Run
	}
	var lines []*line
	for _, h := range held {
		for _, s := range joined(h.spans) {
			i := slices.IndexFunc(lines, func(l *line) bool {
				return l.scope == h.scope && l.span.from.Equal(s.from) && l.span.to.Equal(s.to)
			})
			if i < 0 {
				i, lines = len(lines), append(lines, &line{scope: h.scope, span: s, first: h.first})
			} else {
				lines[i].told = append(lines[i].told, value(w.separator()))
			}
			lines[i].told = append(lines[i].told, w.holds(f, h.first)...)
		}
	}
	t := Table{Name: string(f.Key), Head: append(w.names(f, "kind", "account", "region"), w.heads("window", "told")...)}
	for _, l := range lines {
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{
			w.value(l.first["kind"], string(f.Key)+".kind", nil), w.orDash(l.first["account"].Str), w.orDash(l.first["region"].Str),
			w.window(l.span.from, l.span.to), l.told,
		}})
	}
	return w.dense(t)
}

// joined are spans in order, those that touch made one.
func joined(list []span) []span {
	slices.SortFunc(list, func(a, b span) int {
		if n := a.from.Compare(b.from); n != 0 {
			return n
		}
		return a.to.Compare(b.to)
	})
	var out []span
	for _, s := range list {
		if n := len(out); n > 0 && !s.from.After(out[n-1].to) {
			if s.to.After(out[n-1].to) {
				out[n-1].to = s.to
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// holds says what a source holds: splunk-prod: 収集済み（記録がある）.
func (w composer) holds(f fact.Fact, c map[string]fact.Value) []Run {
	out := append(w.orDash(c["source"].Str), literal(": "))
	out = append(out, w.value(c["state"], string(f.Key)+".state", nil)...)
	return append(out, w.inBrackets(w.value(c["why"], string(f.Key)+".why", nil))...)
}

func (w composer) inBrackets(inner []Run) []Run {
	before, after := " (", ")"
	if w.ja() {
		before, after = "（", "）"
	}
	return append(append([]Run{literal(before)}, inner...), literal(after))
}

// names are the headings of columns of a fact's table.
func (w composer) names(f fact.Fact, columns ...string) []string {
	d, _ := fact.DefOf(f.Key)
	var out []string
	for _, name := range columns {
		for _, c := range d.Columns {
			if c.Name == name {
				out = append(out, phrase.Words{JA: c.JA, EN: c.EN}.In(w.lang))
			}
		}
	}
	return out
}

// asked folds the table of sources asked: questions that the same sources answered alike stand
// in one row, each with the rows that each source had for it.
func (w composer) asked(f fact.Fact) Table {
	type question struct {
		name  string
		said  []map[string]fact.Value
		group string
	}
	var list []*question
	for _, row := range f.Value.Rows {
		c := columns(f, row)
		i := slices.IndexFunc(list, func(q *question) bool { return q.name == c["question"].Str })
		if i < 0 {
			i, list = len(list), append(list, &question{name: c["question"].Str})
		}
		list[i].said = append(list[i].said, c)
		list[i].group += strings.Join([]string{c["source"].Str, c["outcome"].Str, c["reason"].Str, ""}, "\x00")
	}
	t := Table{Name: string(f.Key), Head: w.heads("answers", "questions")}
	var groups []string
	for _, q := range list {
		i := slices.Index(groups, q.group)
		if i < 0 {
			i, groups = len(groups), append(groups, q.group)
			t.Rows = append(t.Rows, TableRow{Cells: [][]Run{w.answers(f, q.said), nil}})
		} else {
			t.Rows[i].Cells[1] = append(t.Rows[i].Cells[1], value(w.separator()))
		}
		t.Rows[i].Cells[1] = append(t.Rows[i].Cells[1], w.code(q.name))
		t.Rows[i].Cells[1] = append(t.Rows[i].Cells[1], w.rowCounts(q.said)...)
	}
	return t
}

// answers say who was asked and what each said: splunk-prod: 失敗（`503`）→ cloudtrail-api: 回答あり.
func (w composer) answers(f fact.Fact, said []map[string]fact.Value) []Run {
	var out []Run
	for i, c := range said {
		if i > 0 {
			out = append(out, literal(" → "))
		}
		out = append(out, w.orDash(c["source"].Str)...)
		out = append(out, literal(": "))
		out = append(out, w.value(c["outcome"], string(f.Key)+".outcome", nil)...)
		if reason := c["reason"].Str; reason != "" {
			out = append(out, w.inBrackets([]Run{w.code(reason)})...)
		}
	}
	return out
}

// rowCounts are the rows of each answer, when there were any.
func (w composer) rowCounts(said []map[string]fact.Value) []Run {
	var out []Run
	some := false
	for i, c := range said {
		if i > 0 {
			out = append(out, literal(" → "))
		}
		out = append(out, value(group(c["rows"].Num)))
		some = some || c["rows"].Num > 0
	}
	if !some {
		return nil
	}
	return append([]Run{literal(" ")}, out...)
}
