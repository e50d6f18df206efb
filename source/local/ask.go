package local

import (
	"context"
	"fmt"
	"time"

	"uratori/evidence"
	"uratori/query"
)

// Ask answers q from the store. The rows are all there are, or the answer says that it was cut.
func (s *Store) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	asked := q
	if err := query.Check(q); err == nil { // else the compiler says what is wrong
		if asked, err = s.spell(ctx, q); err != nil {
			return evidence.Answer{}, fmt.Errorf("ask %s: %w", s.Name(), err)
		}
	}
	st, err := compile(asked)
	if err != nil {
		return evidence.Answer{}, fmt.Errorf("ask %s: %w", s.Name(), err)
	}
	began := time.Now()
	a := evidence.Answer{Native: st.native(), Calls: 1}
	for _, c := range st.columns {
		a.Columns = append(a.Columns, c.name)
	}
	rows, err := s.db.QueryContext(ctx, st.sql, st.args...)
	if err != nil {
		return a, fmt.Errorf("ask %s: %w", s.Name(), err)
	}
	defer rows.Close()
	cells := make([]any, len(st.columns))
	into := make([]any, len(st.columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if len(a.Rows) == q.Limit {
			a.Outcome = evidence.Truncated
			break
		}
		if err := rows.Scan(into...); err != nil {
			return a, fmt.Errorf("ask %s: %w", s.Name(), err)
		}
		row := make(evidence.Row, len(cells))
		for i, c := range st.columns {
			if row[i], err = c.value(cells[i]); err != nil {
				return a, fmt.Errorf("ask %s: column %s: %w", s.Name(), c.name, err)
			}
		}
		a.Rows = append(a.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return a, fmt.Errorf("ask %s: %w", s.Name(), err)
	}
	switch {
	case a.Outcome == evidence.Truncated:
	case len(a.Rows) == 0:
		a.Outcome = evidence.Empty
	default:
		a.Outcome = evidence.Found
	}
	a.Taken, a.Elapsed = time.Now().UTC(), time.Since(began)
	return a, nil
}

// value reads a cell of the answer as the type that the question gives it.
func (c columnOut) value(cell any) (query.Value, error) {
	if !c.set {
		return scalar(c.typ, cell)
	}
	if cell == nil {
		return query.SetOf(nil, false), nil
	}
	list, ok := cell.([]any)
	if !ok {
		return query.Value{}, fmt.Errorf("a list was expected, not %T", cell)
	}
	cut := len(list) > c.max
	if cut {
		list = list[:c.max]
	}
	var set []query.Value
	for _, x := range list {
		v, err := scalar(c.typ, x)
		if err != nil {
			return query.Value{}, err
		}
		set = append(set, v)
	}
	return query.SetOf(set, cut), nil
}

func scalar(t query.Type, cell any) (query.Value, error) {
	switch x := cell.(type) {
	case nil:
		return query.Value{}, nil
	case bool:
		return query.BoolOf(x), nil
	case int64:
		if t == query.Time {
			return query.TimeOf(time.UnixMicro(x)), nil
		}
		return query.IntOf(x), nil
	case []byte:
		if a, ok := unsortable(x); ok && t == query.IP {
			return query.IPOf(a.String()), nil
		}
	case string:
		switch t {
		case query.JSON:
			return query.JSONOf(x), nil
		case query.Text, query.Null, query.Bool, query.Int, query.Time, query.Set, query.Param, query.IP:
			return query.TextOf(x), nil
		default:
			return query.TextOf(x), nil
		}
	}
	return query.Value{}, fmt.Errorf("unexpected %T", cell)
}
