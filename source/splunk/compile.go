package splunk

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"uratori/query"
)

// A plan is a question made ready for Splunk. Its searches never leave out an event that the
// question is about; what they let through besides is taken out by us.
type plan struct {
	q       query.Query
	reading reading
	base    search // events of the question, with their fields: u_t, u_id, u_odd and one for each of cols
	exact   bool   // the base lets through nothing else, save for events marked u_odd
	cols    []col
	by      []string // columns that tell the groups apart; nil where groups cannot be formed by a search
	fetch   bool     // only the events themselves can answer
}

// A col is a field's text in the event, as the searches carry it.
type col struct {
	name  string
	key   string // paths joined
	field query.Field
	typ   query.Type
	paths []query.Path
}

type compiler struct {
	reading reading
	cols    []col
}

// compile makes a plan of a checked question.
func compile(q query.Query, r reading) plan {
	c := &compiler{reading: r}
	p := plan{q: q, reading: r, exact: true}
	cond := expr(always)
	if q.Where != nil {
		cond, p.exact = c.widen(q.Where)
	}
	whole := slices.ContainsFunc(r.places, func(p Place) bool { return p.Map.Whole })
	if p.fetch = whole; whole { // nothing can be said of the fields; the index still knows the words
		cond, p.exact, c.cols = always, false, nil
	}
	if len(q.Compute) > 0 && !p.fetch {
		p.by, p.fetch = c.groups(q, p.exact)
	}
	p.cols = c.cols
	p.base = c.base(q, cond, whole)
	return p
}

// base is the search for the events of the question.
func (c *compiler) base(q query.Query, cond expr, whole bool) search {
	r := c.reading
	pairs := []assignment{
		{"u_time", extracted(r.paths(query.EventTime))},
		{"u_id", extracted(r.paths(query.EventID))},
	}
	if r.dataset == query.CloudTrail {
		pairs = append(pairs, assignment{"u_name", extracted(r.paths("event_name"))}, assignment{"u_source", extracted(r.paths("event_source"))})
	} else {
		pairs = append(pairs, assignment{"u_category", r.category()})
	}
	for _, col := range c.cols {
		pairs = append(pairs, assignment{col.name, extracted(col.paths)})
	}
	regular := matches(column("u_time"), utcTime)
	strange := []expr{negation{regular}}
	for _, col := range c.cols {
		if col.typ == query.Text || col.typ == query.IP {
			strange = append(strange, odd(col.name, col.paths)...)
		}
	}
	if whole {
		strange = []expr{always}
	}
	in := all(
		infix{">=", []expr{column("u_t"), text(q.Window.From.UTC().Format(momentForm))}},
		infix{"<", []expr{column("u_t"), text(q.Window.To.UTC().Format(momentForm))}},
	)
	return search{
		{"search", terms(append(r.terms(), c.words(q.Where)...), " ")},
		{"fields", "_raw"},
		evals(pairs...),
		where(r.readable()),
		evals(
			assignment{"u_odd", fn("if", some(strange...), number(1), number(0))},
			assignment{"u_t", fn("if", regular, moment("u_time"), text("-"))},
		),
		where(some(equal(column("u_odd"), number(1)), all(in, cond))),
		evals(assignment{"u_h", fn("sha256", column("_raw"))}),
	}
}

func (r reading) category() expr {
	var paths []query.Path
	for _, p := range r.places {
		if p.Map.Category != "" {
			path := p.Map.Category
			if p.Map.Record != "" {
				path = p.Map.Record + "." + path
			}
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return extracted(paths)
}

// terms name the places.
func (r reading) terms() []term {
	var out either
	for _, p := range r.places {
		out = append(out, both{keyword{"index", p.Index}, keyword{"sourcetype", p.Sourcetype}})
	}
	return []term{out}
}

// events is the search for the events themselves, the first by time, n at most and one more.
func (p plan) events(n int) search {
	return append(slices.Clone(p.base),
		sorted("u_t", "u_id", "u_h"),
		command{"dedup", "u_id u_h"}, // the same bytes of one id are one event that was indexed twice
		head(n+1), table("_raw", "u_odd"))
}

// groupsOf is the search that counts the events of each group, n groups at most and one more. Of
// several events of one id the one with the smallest hash counts.
func (p plan) groupsOf(n int) search {
	out := append(slices.Clone(p.base),
		evals(
			assignment{"u_id", fn("if", fn("in", column("u_id"), text("-"), text("t")), concat(text("h"), column("u_h")), column("u_id"))},
			assignment{"u_q", concat(fn("substr", column("u_t"), number(1), number(14)),
				fn("case",
					infix{"<", []expr{fn("substr", column("u_t"), number(15), number(2)), text("15")}}, text("00"),
					infix{"<", []expr{fn("substr", column("u_t"), number(15), number(2)), text("30")}}, text("15"),
					infix{"<", []expr{fn("substr", column("u_t"), number(15), number(2)), text("45")}}, text("30"),
					infix{"=", []expr{number(1), number(1)}}, text("45")))},
		),
		table(append([]string{"u_id", "u_h", "u_t", "u_odd", "u_q"}, p.names()...)...),
		sorted("u_id", "u_h"),
		command{"dedup", "u_id"},
	)
	// The times get a letter before them: what looks like a number would be compared as one.
	out = append(out, evals(assignment{"u_m", concat(text("t"), column("u_t"))}))
	stats := "count as u_n min(u_m) as u_first max(u_m) as u_last max(u_odd) as u_odd"
	if len(p.by) > 0 {
		stats += " by " + strings.Join(p.by, " ")
	}
	return append(out, command{"stats", stats}, head(n+1))
}

func (p plan) names() []string {
	out := make([]string, len(p.cols))
	for i, c := range p.cols {
		out[i] = c.name
	}
	return out
}

// column is the column that carries a field.
func (c *compiler) column(f query.Field) column {
	spec, _ := c.reading.schema.Field(f)
	paths := c.reading.paths(f)
	parts := make([]string, len(paths))
	for i, p := range paths {
		parts[i] = string(p)
	}
	key := strings.Join(parts, ",")
	typ := spec.Type
	if spec.Derived != "" && f != "result" {
		typ = query.Text // what it is derived from
	}
	for i, have := range c.cols {
		if have.key == key {
			if typ == query.Text || typ == query.IP {
				c.cols[i].typ = typ
			}
			return column(have.name)
		}
	}
	name := fmt.Sprintf("f%d", len(c.cols)+1)
	c.cols = append(c.cols, col{name: name, key: key, field: f, typ: typ, paths: paths})
	return column(name)
}

// widen is a condition of a search that holds wherever e does. exact tells that it holds nowhere
// else, in events that are not odd.
func (c *compiler) widen(e query.Expr) (cond expr, exact bool) {
	switch e := e.(type) {
	case query.And:
		parts, exact := []expr{}, true
		for _, t := range e.Terms {
			x, ok := c.widen(t)
			exact = exact && ok
			if x != always {
				parts = append(parts, x)
			}
		}
		if len(parts) == 0 {
			return always, exact
		}
		return all(parts...), exact
	case query.Or:
		if len(e.Terms) == 0 {
			return never, true
		}
		parts, exact := []expr{}, true
		for _, t := range e.Terms {
			x, ok := c.widen(t)
			exact = exact && ok
			if x == always {
				return always, exact && len(e.Terms) == 1
			}
			parts = append(parts, x)
		}
		return some(parts...), exact
	case query.Not:
		if x, ok := c.widen(e.X); ok {
			return negation{x}, true
		}
		return always, false
	case query.Compare:
		return c.compare(e.Field, e.Op, e.Value)
	case query.In:
		parts, exact := []expr{}, true
		for _, v := range e.Values {
			x, ok := c.compare(e.Field, query.Equal, v)
			if x == always {
				return always, false
			}
			parts, exact = append(parts, x), exact && ok
		}
		if len(parts) == 0 {
			return never, true
		}
		return some(parts...), exact
	case query.Prefix:
		if v := e.Value.Text(); c.plain(e.Field) && sayable(v) && ascii(v) && v != "" {
			return equal(fn("substr", c.column(e.Field), number(1), number(int64(len(v)+1))), text("t"+v)), true
		}
	case query.Contains:
		if v := e.Value.Text(); c.plain(e.Field) && sayable(v) && v != "" {
			x := c.column(e.Field)
			parts := fn("mvcount", fn("split", fn("substr", x, number(2)), text(v)))
			// The mark of a missing value has no second character: there is nothing to split.
			return infix{">", []expr{fn("coalesce", parts, number(0)), number(1)}}, true
		}
	case query.CIDR:
		return differ(c.column(e.Field), text("-")), false
	case query.Exists:
		spec, err := c.reading.schema.Field(e.Field)
		if err == nil && c.plain(e.Field) && spec.Type == query.Text {
			x := c.column(e.Field)
			return all(differ(x, text("-")), differ(x, text("t"))), true
		}
	}
	return always, false
}

// plain tells whether a field is the text in the event as it stands there.
func (c *compiler) plain(f query.Field) bool {
	if f == query.EventID || f == query.Raw || f == query.RawSHA256 {
		return false
	}
	if _, raw := query.RawPath(f); raw {
		return false
	}
	spec, err := c.reading.schema.Field(f)
	return err == nil && spec.Type == query.Text && spec.Derived == "" && len(spec.Paths) > 0
}

func (c *compiler) compare(f query.Field, op query.Op, v query.Value) (expr, bool) {
	if op != query.Equal && op != query.NotEqual {
		return always, false // texts are ordered as the user's locale says; times and numbers are compared by us
	}
	spec, err := c.reading.schema.Field(f)
	if err != nil {
		return always, false
	}
	s := v.Text()
	switch {
	case c.plain(f) && s == "":
		if op == query.NotEqual {
			x := c.column(f)
			return all(differ(x, text("-")), differ(x, text("t"))), true
		}
		return never, true // an empty text is a missing one
	case c.plain(f) && sayable(s):
		x := c.column(f)
		if op == query.NotEqual {
			return all(differ(x, text("-")), differ(x, text("t")), differ(x, text("t"+s))), true
		}
		return equal(x, text("t"+s)), true
	case spec.Type == query.Bool && spec.Derived == "":
		return equal(fn("lower", c.column(f)), text("t"+fmt.Sprint(v.Bool() == (op == query.Equal)))), true
	case op == query.NotEqual:
		return always, false
	case f == "api" && s != "" && sayable(s) && ascii(s):
		return equal(fn("substr", c.column(f), number(1), number(int64(len(s)+1))), text("t"+s)), false
	case f == "session_name" && s != "" && sayable(s) && ascii(s):
		return equal(fn("substr", c.column(f), number(int64(-len(s)-1))), text("/"+s)), false
	case f == "source_service" && sayable(s):
		return equal(c.column(f), text("t"+s)), false
	case f == "user_principal_name" && sayable(s) && ascii(s):
		if s == "" || s != strings.ToLower(s) {
			return never, true
		}
		return equal(fn("lower", c.column(f)), text("t"+s)), false
	case v.Type() == query.IP:
		x := c.column(f)
		if strings.Contains(s, ":") {
			return matches(x, ":"), false
		}
		return some(equal(x, text("t"+s)), matches(x, `[^t0-9.]`)), false
	case v.Type() == query.Int && spec.Type == query.Int:
		x := c.column(f)
		return some(equal(x, text(fmt.Sprintf("t%d", v.Int()))), matches(x, `^t[-+]?0[0-9]|[^t0-9-]|-0`)), false
	}
	return always, false
}

// words are phrases that every event of the question holds.
func (c *compiler) words(e query.Expr) []term {
	switch e := e.(type) {
	case query.And:
		var out []term
		for _, t := range e.Terms {
			out = append(out, c.words(t)...)
		}
		return out
	case query.Or:
		var out either
		for _, t := range e.Terms {
			w := c.words(t)
			if len(w) == 0 {
				return nil
			}
			out = append(out, both(w))
		}
		if len(out) > 0 {
			return []term{out}
		}
	case query.Compare:
		if e.Op == query.Equal {
			return c.wordsOf(e.Field, e.Value)
		}
	case query.In:
		var out either
		for _, v := range e.Values {
			w := c.wordsOf(e.Field, v)
			if len(w) == 0 {
				return nil
			}
			out = append(out, both(w))
		}
		if len(out) > 0 {
			return []term{out}
		}
	}
	return nil
}

func (c *compiler) wordsOf(f query.Field, v query.Value) []term {
	s := v.Text()
	switch {
	case c.plain(f) || f == query.EventID && len(s) == 36 || f == "session_name" || f == "user_principal_name":
		return phrases(s)
	case f == "api":
		if len(s) >= 3 && len(s) <= 100 && plainName(s) && !strings.Contains(s, "_") {
			return []term{phrase(s + "*")}
		}
	case v.Type() == query.IP:
		if !strings.Contains(s, ":") {
			return []term{either{phrase(s), phrase("ffff")}} // as IPv4, or mapped into IPv6 in any spelling
		}
		if first, _, _ := strings.Cut(s, ":"); len(first) == 4 {
			return []term{phrase(first)}
		}
	}
	return nil
}

// groups finds the columns that tell the groups of a question apart, and the events that a
// condition tells apart. fetch means that no search can.
func (c *compiler) groups(q query.Query, exact bool) (by []string, fetch bool) {
	var used []query.Field
	for _, k := range q.GroupBy {
		switch {
		case k.Field != query.EventTime:
			used = append(used, k.Field)
		case k.Quarter:
			by = append(by, "u_q")
		default:
			by = append(by, "u_t")
		}
	}
	for _, a := range q.Compute {
		if a.Field == "" || a.Field == query.EventTime && (a.Func == query.Min || a.Func == query.Max) {
			continue
		}
		used = append(used, a.Field)
	}
	if q.Where != nil && !exact {
		used = append(used, fieldsOf(q.Where)...)
	}
	for _, f := range used {
		spec, err := c.reading.schema.Field(f)
		_, raw := query.RawPath(f)
		switch {
		case err != nil || raw || spec.Type == query.JSON || f == query.EventID || f == query.Raw || f == query.RawSHA256:
			return nil, true
		case f == query.EventTime:
			by = append(by, "u_t")
			continue
		case f == "trail_name":
			by = append(by, string(c.column("event_source")))
		}
		by = append(by, string(c.column(f)))
	}
	slices.Sort(by)
	return slices.Compact(by), false
}

// readableText tells whether every text of a condition is text: nothing else can stand in a record.
func readableText(e query.Expr) bool {
	ok := func(vs ...query.Value) bool {
		return !slices.ContainsFunc(vs, func(v query.Value) bool { return !utf8.ValidString(v.Text()) })
	}
	all := func(es []query.Expr) bool {
		return !slices.ContainsFunc(es, func(e query.Expr) bool { return !readableText(e) })
	}
	switch e := e.(type) {
	case query.And:
		return all(e.Terms)
	case query.Or:
		return all(e.Terms)
	case query.Not:
		return readableText(e.X)
	case query.Compare:
		return ok(e.Value)
	case query.In:
		return ok(e.Values...)
	case query.Prefix:
		return ok(e.Value)
	case query.Contains:
		return ok(e.Value)
	case query.CIDR, query.Exists:
	}
	return true
}

// fieldsOf are the fields of a condition.
func fieldsOf(e query.Expr) []query.Field {
	switch e := e.(type) {
	case query.And:
		return fieldsOfAll(e.Terms)
	case query.Or:
		return fieldsOfAll(e.Terms)
	case query.Not:
		return fieldsOf(e.X)
	case query.Compare:
		return []query.Field{e.Field}
	case query.In:
		return []query.Field{e.Field}
	case query.Prefix:
		return []query.Field{e.Field}
	case query.Contains:
		return []query.Field{e.Field}
	case query.CIDR:
		return []query.Field{e.Field}
	case query.Exists:
		return []query.Field{e.Field}
	}
	return nil
}

func fieldsOfAll(terms []query.Expr) []query.Field {
	var out []query.Field
	for _, t := range terms {
		out = append(out, fieldsOf(t)...)
	}
	return out
}

// bounds are the seconds between which an event's own index time may lie.
func bounds(w query.Window, skew time.Duration) (from, to int64) {
	from, to = w.From.Add(-skew).Unix(), w.To.Add(skew).Unix()+1
	return max(0, from), max(1, to)
}
