package athenatest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A relation is rows under columns.
type relation struct {
	cols []col
	rows [][]any
}

// A catalog finds tables. scan returns the rows of the partitions that a condition may be true
// for, and how many bytes they hold.
type catalog interface {
	scan(name []string, where expr) (relation, int64, error)
}

type runner struct {
	from    catalog
	scanned int64
}

// run executes a query. The types of all of it are checked before a row is read; a runtime error
// names itself as Trino does.
func (r *runner) run(sel *selection, known map[string]relation) (relation, error) {
	with := map[string]relation{}
	for n, rel := range known {
		with[n] = rel
	}
	for _, w := range sel.with {
		rel, err := r.run(w.sel, with)
		if err != nil {
			return rel, err
		}
		with[w.name] = rel
	}
	in, ok := with[sel.from[0]]
	if !ok || len(sel.from) > 1 {
		rel, bytes, err := r.from.scan(sel.from, sel.where)
		if err != nil {
			return rel, err
		}
		in = rel
		r.scanned += bytes
	}
	rows := slices.Clone(in.rows)
	slices.Reverse(rows) // no order is promised
	if sel.where != nil {
		s := &scope{cols: in.cols}
		t, cond, err := s.compile(sel.where)
		if err != nil {
			return relation{}, err
		}
		if !t.is(booleanT) {
			return relation{}, mismatch("WHERE clause must evaluate to a boolean: actual type %s", t)
		}
		kept := rows[:0]
		for _, row := range rows {
			v, err := cond(row)
			if err != nil {
				return relation{}, err
			}
			if v == true {
				kept = append(kept, row)
			}
		}
		rows = kept
	}
	return r.output(sel, relation{in.cols, rows})
}

// output computes the items of a SELECT, sorts and limits.
func (r *runner) output(sel *selection, in relation) (relation, error) {
	var windows []windowCall
	s := &scope{cols: in.cols, windows: &windows}
	groups := in.rows
	if len(sel.group) > 0 || sel.having != nil || slices.ContainsFunc(sel.items, func(it item) bool { return hasAggregate(it.x) }) {
		var err error
		if s, groups, err = grouping(sel, in); err != nil {
			return relation{}, err
		}
	}
	var out relation
	var evals []eval
	for i, it := range sel.items {
		if it.x == nil {
			if s.grouped != nil {
				return relation{}, errors.New("EXPRESSION_NOT_AGGREGATE: * in a query with groups")
			}
			for j, c := range in.cols {
				out.cols = append(out.cols, c)
				evals = append(evals, func(row []any) (any, error) { return row[j], nil })
			}
			continue
		}
		t, f, err := s.compile(it.x)
		if err != nil {
			return relation{}, err
		}
		name := it.alias
		if n, ok := it.x.(nameExpr); ok && name == "" {
			name = n.steps[len(n.steps)-1]
		}
		if name == "" {
			name = fmt.Sprintf("_col%d", i)
		}
		out.cols, evals = append(out.cols, col{name, t}), append(evals, f)
	}
	keys, err := r.sortKeys(sel, s, out.cols)
	if err != nil {
		return relation{}, err
	}
	if sel.having != nil {
		t, cond, err := s.compile(sel.having)
		if err != nil || !t.is(booleanT) {
			return relation{}, errors.Join(err, errors.New("TYPE_MISMATCH: HAVING"))
		}
		kept := [][]any{}
		for _, g := range groups {
			v, err := cond(g)
			if err != nil {
				return relation{}, err
			}
			if v == true {
				kept = append(kept, g)
			}
		}
		groups = kept
	}
	for _, w := range windows {
		if groups, err = numbered(groups, w); err != nil {
			return relation{}, err
		}
	}
	type sortable struct {
		row  []any
		keys []any
	}
	var sorted []sortable
	for _, g := range groups {
		row := make([]any, len(evals))
		for i, f := range evals {
			if row[i], err = f(g); err != nil {
				return relation{}, err
			}
		}
		k := make([]any, len(keys))
		for i, f := range keys {
			if k[i], err = f(g, row); err != nil {
				return relation{}, err
			}
		}
		sorted = append(sorted, sortable{row, k})
	}
	slices.SortStableFunc(sorted, func(a, b sortable) int { return before(a.keys, b.keys, sel.order) })
	for _, x := range sorted {
		if sel.limit >= 0 && int64(len(out.rows)) == sel.limit {
			break
		}
		out.rows = append(out.rows, x.row)
	}
	return out, nil
}

// sortKeys are the values to sort by: an output column by its alias or number, or an expression.
func (r *runner) sortKeys(sel *selection, s *scope, out []col) ([]func(in, out []any) (any, error), error) {
	var keys []func(in, out []any) (any, error)
	for _, k := range sel.order {
		at := -1
		switch by := k.by.(type) {
		case intLit:
			if at = int(by) - 1; at < 0 || at >= len(out) {
				return nil, fmt.Errorf("INVALID_COLUMN_REFERENCE: ORDER BY position %d is not in select list", by)
			}
		case nameExpr:
			if len(by.steps) == 1 {
				at = slices.IndexFunc(out, func(c col) bool { return c.name == by.steps[0] })
			}
		}
		if at >= 0 {
			if !out[at].typ.orderable() {
				return nil, mismatch("type %s is not orderable", out[at].typ)
			}
			keys = append(keys, func(_, row []any) (any, error) { return row[at], nil })
			continue
		}
		t, f, err := s.compile(k.by)
		if err != nil {
			return nil, err
		}
		if !t.orderable() {
			return nil, mismatch("type %s is not orderable", t)
		}
		keys = append(keys, func(in, _ []any) (any, error) { return f(in) })
	}
	return keys, nil
}

func before(a, b []any, order []sortKey) int {
	for i, k := range order {
		x, y := a[i], b[i]
		switch {
		case x == nil && y == nil:
			continue
		case x == nil || y == nil:
			if (x == nil) == k.nullsFirst {
				return -1
			}
			return 1
		}
		if c := compare(x, y); c != 0 {
			if k.desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// keyOf is a text that is equal for equal values, NULL among them.
func keyOf(values []any) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%T %q\x00", v, fmt.Sprint(v))
	}
	return b.String()
}

// numbered appends the number of each row within its partition.
func numbered(rows [][]any, w windowCall) ([][]any, error) {
	type entry struct {
		i    int
		keys []any
	}
	parts := map[string][]entry{}
	for i, row := range rows {
		var p, k []any
		for _, f := range w.partition {
			v, err := f(row)
			if err != nil {
				return nil, err
			}
			p = append(p, v)
		}
		for _, f := range w.order {
			v, err := f(row)
			if err != nil {
				return nil, err
			}
			k = append(k, v)
		}
		parts[keyOf(p)] = append(parts[keyOf(p)], entry{i, k})
	}
	out := make([][]any, len(rows))
	for _, es := range parts {
		slices.SortStableFunc(es, func(a, b entry) int { return before(a.keys, b.keys, w.keys) })
		for n, e := range es {
			out[e.i] = append(slices.Clone(rows[e.i]), int64(n+1))
		}
	}
	return out, nil
}

func hasAggregate(e expr) bool {
	switch e := e.(type) {
	case callExpr:
		return e.over == nil && (slices.Contains(aggregates, e.name) || slices.ContainsFunc(e.args, hasAggregate))
	case unaryExpr:
		return hasAggregate(e.x)
	case binaryExpr:
		return hasAggregate(e.x) || hasAggregate(e.y)
	case castExpr:
		return hasAggregate(e.x)
	case caseExpr:
		return slices.ContainsFunc(e.whens, func(w [2]expr) bool { return hasAggregate(w[0]) || hasAggregate(w[1]) }) || e.other != nil && hasAggregate(e.other)
	case isNullExpr:
		return hasAggregate(e.x)
	}
	return false
}

// grouping forms the groups of a query. A group is a row: its keys, then its aggregates.
func grouping(sel *selection, in relation) (*scope, [][]any, error) {
	inner := &scope{cols: in.cols}
	var keys []eval
	var types []typ
	var texts []string
	for _, g := range sel.group {
		if n, ok := g.(intLit); ok {
			if n < 1 || int(n) > len(sel.items) || sel.items[n-1].x == nil {
				return nil, nil, fmt.Errorf("INVALID_COLUMN_REFERENCE: GROUP BY position %d is not in select list", n)
			}
			g = sel.items[n-1].x
		}
		if hasAggregate(g) {
			return nil, nil, errors.New("EXPRESSION_NOT_SCALAR: GROUP BY clause cannot contain aggregations")
		}
		t, f, err := inner.compile(g)
		if err != nil {
			return nil, nil, err
		}
		if !t.orderable() {
			return nil, nil, mismatch("%s is not comparable, and therefore cannot be used in GROUP BY", t)
		}
		keys, types, texts = append(keys, f), append(types, t), append(texts, g.String())
	}
	type slot struct {
		text string
		f    func([][]any) (any, error)
	}
	var slots []slot
	outer := &scope{}
	outer.grouped = func(e expr) (typ, eval, bool, error) {
		text := e.String()
		if i := slices.Index(texts, text); i >= 0 {
			return types[i], func(row []any) (any, error) { return row[i], nil }, true, nil
		}
		c, ok := e.(callExpr)
		if !ok || c.over != nil || !slices.Contains(aggregates, c.name) {
			return typ{}, nil, false, nil
		}
		t, f, err := inner.aggregate(c)
		if err != nil {
			return t, nil, false, err
		}
		i := slices.IndexFunc(slots, func(s slot) bool { return s.text == text })
		if i < 0 {
			i = len(slots)
			slots = append(slots, slot{text, f})
		}
		at := len(keys) + i
		return t, func(row []any) (any, error) { return row[at], nil }, true, nil
	}
	// The aggregates are known only when everything was compiled: compile now, compute after.
	all := []expr{}
	for _, it := range sel.items {
		if it.x != nil {
			all = append(all, it.x)
		}
	}
	if sel.having != nil {
		all = append(all, sel.having)
	}
	for _, k := range sel.order {
		if hasAggregate(k.by) {
			all = append(all, k.by)
		}
	}
	for _, e := range all {
		if _, _, err := outer.compile(e); err != nil {
			return nil, nil, err
		}
	}
	groups := map[string][][]any{}
	values := map[string][]any{}
	var order []string
	for _, row := range in.rows {
		k := make([]any, len(keys))
		for i, f := range keys {
			var err error
			if k[i], err = f(row); err != nil {
				return nil, nil, err
			}
		}
		text := keyOf(k)
		if _, ok := values[text]; !ok {
			values[text] = k
			order = append(order, text)
		}
		groups[text] = append(groups[text], row)
	}
	if len(keys) == 0 && len(order) == 0 { // without GROUP BY there is always one group
		order, values[""] = []string{""}, nil
	}
	var out [][]any
	for _, text := range order {
		row := slices.Clone(values[text])
		for _, sl := range slots {
			v, err := sl.f(groups[text])
			if err != nil {
				return nil, nil, err
			}
			row = append(row, v)
		}
		out = append(out, row)
	}
	return outer, out, nil
}
