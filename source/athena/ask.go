package athena

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/call"
)

// describe reads the table's description, once.
func (s *Source) describe(ctx context.Context, t *tally) (*table, error) {
	s.mu.Lock()
	known := s.known
	s.mu.Unlock()
	if known == nil {
		var d description
		if err := s.do(ctx, t, "GetTableMetadata", func(ctx context.Context, client *athena.Client) (call.Cost, error) {
			out, err := client.GetTableMetadata(ctx, &athena.GetTableMetadataInput{
				CatalogName: &s.opt.Catalog, DatabaseName: &s.opt.Database, TableName: &s.opt.Table, WorkGroup: &s.opt.Workgroup,
			})
			if err != nil {
				return call.Cost{}, err
			}
			m := out.TableMetadata
			if m == nil || len(m.Columns) == 0 {
				return call.Cost{}, errNonsense
			}
			d = description{Name: aws.ToString(m.Name), Columns: columnsOf(m.Columns), Partitions: columnsOf(m.PartitionKeys), Parameters: m.Parameters}
			return call.Cost{Rows: int64(len(d.Columns))}, nil
		}); err != nil {
			return nil, err
		}
		var err error
		if known, err = newTable(s.opt, d); err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.known = known
		s.mu.Unlock()
	}
	source.Witness(ctx, source.Document{
		Source: s.Name(), Name: fmt.Sprintf("athena:GetTableMetadata %s.%s", s.opt.Database, s.opt.Table), Body: known.doc,
	})
	return known, nil
}

func columnsOf(in []types.Column) []column {
	var out []column
	for _, c := range in {
		out = append(out, column{aws.ToString(c.Name), aws.ToString(c.Type)})
	}
	return out
}

// Ask puts a question as SQL, or fetches the records that it may be about and computes it here.
func (s *Source) Ask(ctx context.Context, q query.Query) (a evidence.Answer, err error) {
	began := time.Now()
	var t tally
	defer func() {
		a.Calls, a.Pages, a.Bytes = t.calls, t.pages, t.bytes
		a.Taken, a.Elapsed = time.Now().UTC(), time.Since(began)
		var no *refusal
		switch {
		case err != nil && ctx.Err() != nil:
			err = context.Cause(ctx)
		case errors.As(err, &no):
			a.Outcome, a.Reason, err = no.outcome, no.reason, nil
		case errors.Is(err, source.ErrDenied):
			a.Outcome, a.Reason, err = evidence.Denied, err.Error(), nil
		case errors.Is(err, source.ErrThrottled), errors.Is(err, source.ErrBudget):
			a.Outcome, a.Reason, err = evidence.Throttled, err.Error(), nil
		}
		if err != nil {
			err = fmt.Errorf("ask %s: %w", s.Name(), err)
		}
		if err != nil || a.Outcome == evidence.Denied || a.Outcome == evidence.Throttled || a.Outcome == evidence.Failed {
			a.Rows, a.Columns = nil, nil
		}
	}()
	table, err := s.describe(ctx, &t)
	if err != nil {
		return a, err
	}
	if kind := source.ScopeOf(ctx).Kind; kind != "" && !slices.Contains(table.kinds(s.opt), kind) {
		a.Outcome, a.Reason = evidence.NotCollected, fmt.Sprintf("table %s.%s does not hold %s", table.database, table.name, kind)
		return a, nil
	}
	st, err := compile(table, s.opt.of(ctx), q)
	if errors.Is(err, errHere) {
		return s.here(ctx, &t, table, q)
	}
	if err != nil {
		return a, err
	}
	a.Native = st.sql
	rows, err := s.run(ctx, &t, st.sql, len(st.columns), q.Limit+1)
	if err != nil {
		return a, err
	}
	for _, c := range st.columns {
		a.Columns = append(a.Columns, c.name)
	}
	if len(rows) > q.Limit {
		rows, a.Outcome = rows[:q.Limit], evidence.Truncated
	}
	for _, r := range rows {
		row := make(evidence.Row, len(r))
		for i, c := range st.columns {
			if row[i], err = c.value(r[i]); err != nil {
				s.odd(ctx, r, "a cell of column "+c.name+" is not of its type")
				return a, fmt.Errorf("column %s: %w: %w", c.name, err, source.ErrUnavailable)
			}
		}
		a.Rows = append(a.Rows, row)
	}
	switch {
	case a.Outcome == evidence.Truncated:
	case len(rows) == 0:
		a.Outcome = evidence.Empty
	default:
		a.Outcome = evidence.Found
	}
	return a, nil
}

// odd tells of a row that cannot be read.
func (s *Source) odd(ctx context.Context, row []*string, reason string) {
	cells, _ := json.Marshal(row) // texts always encode
	source.TellOdd(ctx, source.Odd{Source: s.Name(), Position: source.PositionOf(cells), Reason: reason})
}

// here fetches the records that a question may be about and computes the answer.
func (s *Source) here(ctx context.Context, t *tally, table *table, q query.Query) (a evidence.Answer, err error) {
	st, parts, err := fetching(table, s.opt.of(ctx), q)
	if err != nil {
		return a, err
	}
	a.Native = st.sql + "\n-- then, over these records: " + q.String()
	rows, err := s.run(ctx, t, st.sql, len(st.columns), s.opt.MaxRows+1)
	if err != nil {
		return a, err
	}
	cut := len(rows) > s.opt.MaxRows
	rows = rows[:min(len(rows), s.opt.MaxRows)]
	records := make([][]byte, len(rows))
	for i, r := range rows {
		if records[i], err = rebuilt(parts, r); err != nil {
			s.odd(ctx, r, "a row that makes no record")
			return a, fmt.Errorf("a record: %w: %w", err, source.ErrUnavailable)
		}
	}
	computed, err := evaluate(ctx, q, records)
	if lost := new(unread); errors.As(err, &lost) {
		source.TellOdd(ctx, source.Odd{Source: s.Name(), Reason: "a row that is no record by its members, or that stands twice", N: lost.fetched - lost.read})
	}
	if err != nil {
		return a, err
	}
	a.Outcome, a.Columns, a.Rows = computed.Outcome, computed.Columns, computed.Rows
	if cut {
		a.Outcome = evidence.Truncated
		a.Reason = fmt.Sprintf("more than %d records match; those first in time were read", s.opt.MaxRows)
	}
	return a, nil
}

// value reads a cell of a result as the type that the question gives it.
func (c columnOut) value(cell *string) (query.Value, error) {
	if cell == nil {
		if c.set {
			return query.SetOf(nil, false), nil
		}
		return query.Value{}, nil
	}
	if !c.set {
		return c.scalar(*cell)
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(*cell), &list); err != nil {
		return query.Value{}, errors.New("a list was expected")
	}
	cut := len(list) > c.max
	var set []query.Value
	for _, raw := range list[:min(len(list), c.max)] {
		s := string(raw)
		if len(raw) > 0 && raw[0] == '"' {
			if err := json.Unmarshal(raw, &s); err != nil {
				return query.Value{}, err
			}
		}
		v, err := c.scalar(s)
		if err != nil {
			return query.Value{}, err
		}
		set = append(set, v)
	}
	return query.SetOf(set, cut), nil
}

func (c columnOut) scalar(s string) (query.Value, error) {
	switch c.typ {
	case query.Bool:
		if s != "true" && s != "false" {
			return query.Value{}, fmt.Errorf("%.40q is neither true nor false", s)
		}
		return query.BoolOf(s == "true"), nil
	case query.Int, query.Time:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return query.Value{}, fmt.Errorf("%.40q is no whole number", s)
		}
		if c.typ == query.Time {
			return query.TimeOf(time.UnixMicro(n)), nil
		}
		return query.IntOf(n), nil
	case query.IP:
		if c.address {
			a, err := unsorted(s)
			if err != nil {
				return query.Value{}, err
			}
			s = a.String()
		}
		v := query.IPOf(s)
		if v.Type() != query.IP {
			return query.Value{}, fmt.Errorf("%.60q is no address", s)
		}
		return v, nil
	case query.JSON:
		return query.JSONOf(s), nil
	case query.Text, query.Null, query.Set, query.Param:
		return query.TextOf(s), nil
	default:
		return query.TextOf(s), nil
	}
}
