package local

import (
	"context"
	"fmt"
	"strings"

	"uratori/query"
)

// The store keeps addresses in a form that sorts, not as text. A condition on the text of an address
// (prefix, contains) is therefore decided here, over the different addresses of the window, and asked
// as the list of those that it holds for.

// spell replaces conditions on the text of addresses.
func (s *Store) spell(ctx context.Context, q query.Query) (query.Query, error) {
	schema, _ := query.SchemaOf(q.Dataset)
	var err error
	q.Where, err = s.spelled(ctx, q, schema, q.Where)
	return q, err
}

func (s *Store) spelled(ctx context.Context, q query.Query, schema query.Schema, e query.Expr) (query.Expr, error) {
	switch e := e.(type) {
	case query.And:
		terms, err := s.spelledAll(ctx, q, schema, e.Terms)
		return query.And{Terms: terms}, err
	case query.Or:
		terms, err := s.spelledAll(ctx, q, schema, e.Terms)
		return query.Or{Terms: terms}, err
	case query.Not:
		x, err := s.spelled(ctx, q, schema, e.X)
		return query.Not{X: x}, err
	case query.Prefix:
		return s.listed(ctx, q, schema, e, e.Field, func(text string) bool { return strings.HasPrefix(text, e.Value.Text()) })
	case query.Contains:
		return s.listed(ctx, q, schema, e, e.Field, func(text string) bool { return strings.Contains(text, e.Value.Text()) })
	case nil, query.Compare, query.In, query.CIDR, query.Exists:
		return e, nil
	default:
		return e, nil
	}
}

func (s *Store) spelledAll(ctx context.Context, q query.Query, schema query.Schema, terms []query.Expr) ([]query.Expr, error) {
	out := make([]query.Expr, len(terms))
	for i, t := range terms {
		var err error
		if out[i], err = s.spelled(ctx, q, schema, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// listed is the condition as a list of addresses, where the field is one.
func (s *Store) listed(ctx context.Context, q query.Query, schema query.Schema, e query.Expr, f query.Field, holds func(text string) bool) (query.Expr, error) {
	if spec, err := schema.Field(f); err != nil || spec.Type != query.IP {
		return e, nil //nolint:nilerr // what is no field is refused by whoever compiles the question
	}
	text := fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s >= ? AND %s < ? AND %s IS NOT NULL", ident(string(f)), q.Dataset, schema.TimeField, schema.TimeField, ident(string(f)))
	rows, err := s.db.QueryContext(ctx, text, q.Window.From.UnixMicro(), q.Window.To.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	in := query.In{Field: f}
	for rows.Next() {
		var form []byte
		if err := rows.Scan(&form); err != nil {
			return nil, err
		}
		if a, ok := unsortable(form); ok && holds(a.String()) {
			in.Values = append(in.Values, query.IPOf(a.String()))
		}
	}
	return in, rows.Err()
}
