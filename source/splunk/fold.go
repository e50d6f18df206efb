package splunk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
)

// inMemory is the size of records up to which a store needs no file: far below the store's own
// limit of memory, beyond which it would write to disk.
const inMemory = 16 << 20

// answer puts q to a store that holds these records and nothing else.
func (s *Source) answer(ctx context.Context, q query.Query, raws [][]byte) (a evidence.Answer, err error) {
	dir, err := os.MkdirTemp("", "uratori-splunk-*")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// One object that holds a list of records: the first of the forms that the store reads.
	body := append([]byte(`{"Records":[`), bytes.Join(raws, []byte(",\n"))...)
	if err := os.WriteFile(filepath.Join(dir, "events.json"), append(body, "]}"...), 0o600); err != nil {
		return a, err
	}
	// A few records are kept in memory, which spares a file that is thrown away again.
	opt := local.Options{Name: s.Name()}
	if len(body) < inMemory {
		opt.Path = ":memory:"
	}
	st, err := local.Open(ctx, opt)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if len(raws) > 0 {
		if _, err := st.Ingest(ctx, []string{dir}, nil); err != nil {
			return a, err
		}
	}
	return st.Ask(ctx, q)
}

// A weight is what a search counted of the events that look alike to the question.
type weight struct {
	n           int64
	first, last time.Time
}

// askGroups lets Splunk count the events that look alike to the question, and answers from one
// record for each kind of them. odd tells that some events could not be read by a search: then the
// answer is none.
func (s *Source) askGroups(ctx context.Context, t *tally, p plan) (a evidence.Answer, odd bool, err error) {
	from, to := bounds(p.q.Window, s.opt.Skew)
	spl := p.groupsOf(s.opt.MaxRows)
	a = evidence.Answer{Native: native(spl, from, to), Columns: columnsOf(p.q)}
	res, err := s.search(ctx, t, run{spl: spl.String(), from: from, to: to, max: s.opt.MaxRows, way: s.opt.Way})
	if err != nil {
		return a, false, err
	}
	cut := len(res.rows) > s.opt.MaxRows
	if cut {
		res.rows = res.rows[:s.opt.MaxRows]
	}
	var raws [][]byte
	var weights []weight
	for _, r := range res.rows {
		w, strange, err := weigh(r)
		switch {
		case err != nil:
			return a, false, err
		case strange:
			return a, true, nil
		case w.n == 0:
			continue // no event at all
		}
		raw, err := p.example(r, len(weights))
		if err != nil {
			return a, false, err
		}
		raws, weights = append(raws, raw), append(weights, w)
	}
	if len(raws) > 0 {
		if a.Rows, err = s.fold(ctx, p, raws, weights); err != nil {
			return a, false, err
		}
	}
	a.Outcome = evidence.Found
	switch {
	case cut:
		a.Outcome, a.Reason = evidence.Truncated, fmt.Sprintf("more than %d groups", s.opt.MaxRows)
	case len(a.Rows) == 0:
		a.Outcome = evidence.Empty
	}
	if len(a.Rows) > p.q.Limit {
		a.Outcome, a.Rows = evidence.Truncated, a.Rows[:p.q.Limit]
	}
	return incomplete(a, res.partial), false, nil
}

func weigh(r row) (w weight, odd bool, err error) {
	bad := func(name string) (weight, bool, error) {
		return weight{}, false, fmt.Errorf("%w: a group has no %s that can be read", source.ErrUnavailable, name)
	}
	said, _ := r.one("u_n")
	if w.n, err = strconv.ParseInt(said, 10, 64); err != nil || w.n < 0 {
		return bad("count")
	}
	if w.n == 0 {
		return w, false, nil
	}
	switch said, _ := r.one("u_odd"); said {
	case "0":
	case "1":
		return w, true, nil
	default:
		return bad("mark")
	}
	for name, into := range map[string]*time.Time{"u_first": &w.first, "u_last": &w.last} {
		said, _ := r.one(name)
		if *into, err = time.Parse("t"+momentForm, said); err != nil {
			return bad("time")
		}
	}
	return w, false, nil
}

// example is a record that looks to the question as the events of a group do. Its id is its number.
func (p plan) example(r row, i int) ([]byte, error) {
	record := map[string]any{}
	at := "2000-01-01T00:00:00Z"
	for _, name := range p.by {
		v, ok := r.one(name)
		if !ok {
			return nil, fmt.Errorf("%w: a group has no single %s", source.ErrUnavailable, name)
		}
		switch name {
		case "u_t":
			at = v + "Z"
		case "u_q":
			if at == "2000-01-01T00:00:00Z" {
				at = v + ":00Z"
			}
		}
	}
	if p.reading.dataset == query.CloudTrail {
		record["eventName"], record["eventSource"] = nil, nil
	} else {
		record["userPrincipalName"], record["appDisplayName"] = nil, nil
	}
	set(record, p.reading.schema, query.EventTime, at)
	set(record, p.reading.schema, query.EventID, strconv.Itoa(i))
	for _, c := range p.cols {
		v, ok := r.one(c.name)
		if !ok || !slices.Contains(p.by, c.name) {
			continue
		}
		switch {
		case v == "-":
		case strings.HasPrefix(v, "t"):
			set(record, p.reading.schema, c.field, v[1:])
		default:
			return nil, fmt.Errorf("%w: a group's %s is neither a text nor missing", source.ErrUnavailable, c.field)
		}
	}
	return json.Marshal(record)
}

// set puts a value where the schema looks for a field first.
func set(record map[string]any, schema query.Schema, f query.Field, v any) {
	spec, _ := schema.Field(f)
	steps := strings.Split(string(spec.Paths[0]), ".")
	for _, step := range steps[:len(steps)-1] {
		inner, ok := record[step].(map[string]any)
		if !ok {
			inner = map[string]any{}
			record[step] = inner
		}
		record = inner
	}
	record[steps[len(steps)-1]] = v
}

// fold reads the examples by the embedded store, which knows what each field of them is and which
// of them the condition lets through, and computes the answer's rows from their weights.
func (s *Source) fold(ctx context.Context, p plan, raws [][]byte, weights []weight) ([]evidence.Row, error) {
	q := p.q
	fields := []query.Field{query.EventID}
	at := func(f query.Field) int {
		i := slices.Index(fields, f)
		if i < 0 {
			i = len(fields)
			fields = append(fields, f)
		}
		return i
	}
	for _, k := range q.GroupBy {
		at(k.Field)
	}
	for _, c := range q.Compute {
		if c.Field != "" {
			at(c.Field)
		}
	}
	cond := q.Where
	if p.exact {
		cond = nil
	}
	read, err := s.answer(ctx, query.Query{Dataset: q.Dataset, Window: anytime, Where: cond, Select: fields, Limit: len(raws)}, raws)
	if err != nil {
		return nil, err
	}
	type group struct {
		key   evidence.Row
		cells []cell
	}
	var groups []*group
	index := map[string]*group{}
	for _, r := range read.Rows {
		i, err := strconv.Atoi(r[0].Text())
		if err != nil || i < 0 || i >= len(weights) {
			return nil, fmt.Errorf("group %q was not asked for", r[0].Text())
		}
		var key evidence.Row
		for _, k := range q.GroupBy {
			v := r[at(k.Field)]
			if k.Quarter && !v.Missing() {
				v = query.TimeOf(v.Time().Truncate(15 * time.Minute))
			}
			key = append(key, v)
		}
		id, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		g := index[string(id)]
		if g == nil {
			g = &group{key: key, cells: make([]cell, len(q.Compute))}
			index[string(id)], groups = g, append(groups, g)
		}
		for n, c := range q.Compute {
			v := query.BoolOf(true) // count() counts every event
			if c.Field != "" {
				v = r[at(c.Field)]
			}
			g.cells[n].add(c, v, weights[i])
		}
	}
	var rows []evidence.Row
	for _, g := range groups {
		row := g.key
		for n, c := range q.Compute {
			row = append(row, g.cells[n].value(c))
		}
		rows = append(rows, row)
	}
	order(q, rows)
	return rows, nil
}

// A cell is an aggregate in the making.
type cell struct {
	n       int64
	best    query.Value
	members []query.Value // sorted, different
}

func (c *cell) add(a query.Aggregate, v query.Value, w weight) {
	if v.Missing() {
		return
	}
	switch a.Func {
	case query.Count:
		c.n += w.n
	case query.Sum:
		c.n += w.n * v.Int()
	case query.CountDistinct, query.Values:
		if i, there := slices.BinarySearchFunc(c.members, v, query.Value.Compare); !there {
			c.members = slices.Insert(c.members, i, v)
		}
	case query.Min, query.Max:
		first, last := v, v
		if a.Field == query.EventTime {
			first, last = query.TimeOf(w.first), query.TimeOf(w.last)
		}
		if a.Func == query.Min && (c.best.Missing() || first.Compare(c.best) < 0) {
			c.best = first
		}
		if a.Func == query.Max && (c.best.Missing() || last.Compare(c.best) > 0) {
			c.best = last
		}
	}
}

func (c *cell) value(a query.Aggregate) query.Value {
	switch a.Func {
	case query.Count, query.Sum:
		return query.IntOf(c.n)
	case query.CountDistinct:
		return query.IntOf(int64(len(c.members)))
	case query.Min, query.Max:
		return c.best
	case query.Values:
		if len(c.members) > a.Limit {
			return query.SetOf(c.members[:a.Limit], true)
		}
		return query.SetOf(c.members, false)
	}
	return query.Value{}
}

// order sorts rows of groups as the embedded store does: by the question's order, then by the keys,
// missing ones last in either direction.
func order(q query.Query, rows []evidence.Row) {
	names := columnsOf(q)
	compare := func(x, y query.Value, desc bool) int {
		if x.Missing() || y.Missing() {
			return x.Compare(y)
		}
		c := x.Compare(y)
		if desc {
			return -c
		}
		return c
	}
	slices.SortFunc(rows, func(x, y evidence.Row) int {
		for _, o := range q.Order {
			i := slices.Index(names, o.By)
			if c := compare(x[i], y[i], o.Desc); c != 0 {
				return c
			}
		}
		for i := range q.GroupBy {
			if c := compare(x[i], y[i], false); c != 0 {
				return c
			}
		}
		return 0
	})
}
