package cases

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
	"uratori/strictyaml"
)

// Answers is a source that says what a case says.
type answers struct {
	questions    []playbook.Question
	rows         map[string]evidence.Answer // by question
	notCollected []string                   // kinds of record
	denied       []string                   // questions
}

func (*answers) Name() string { return "cases" }

// Covers says that everything is collected but what the case says is not.
func (a *answers) Covers(_ context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	c := evidence.Coverage{Source: a.Name(), Kind: scope.Kind, Account: scope.Account, Region: scope.Region, Window: scope.Window, State: evidence.Collected, Why: evidence.WhyAsserted}
	if slices.Contains(a.notCollected, scope.Kind) {
		c.State, c.Why = evidence.NotCollectedState, evidence.WhyNoTrail
	}
	return []evidence.Coverage{c}, nil
}

// Ask answers with the rows of the question that q was made of.
func (a *answers) Ask(_ context.Context, q query.Query) (evidence.Answer, error) {
	for _, from := range a.questions {
		if !madeOf(q, from.Query) {
			continue
		}
		if slices.Contains(a.denied, from.ID) {
			return evidence.Answer{}, fmt.Errorf("question %s: %w", from.ID, source.ErrDenied)
		}
		if ans, ok := a.rows[from.ID]; ok && len(ans.Rows) > 0 {
			return ans, nil
		}
	}
	return evidence.Answer{Outcome: evidence.Empty, Columns: playbook.Columns(q)}, nil
}

var parameter = regexp.MustCompile(`\\\$[a-z_]+(?:\\\.[a-z_]+)*`)

// madeOf tells whether a question became q when its parameters were filled in.
func madeOf(q, from query.Query) bool {
	if q.Dataset != from.Dataset || q.Limit != from.Limit || !slices.Equal(q.Select, from.Select) ||
		!slices.Equal(q.GroupBy, from.GroupBy) || !reflect.DeepEqual(q.Compute, from.Compute) || !slices.Equal(q.Order, from.Order) ||
		(q.Where == nil) != (from.Where == nil) {
		return false
	}
	if q.Where == nil {
		return true
	}
	form := parameter.ReplaceAllString(regexp.QuoteMeta(from.Where.String()), ".*")
	ok, err := regexp.MatchString("^(?s:"+form+")$", q.Where.String())
	return err == nil && ok
}

// answerOf makes an answer of rows that were written by name.
func answerOf(q query.Query, rows []map[string]any) (evidence.Answer, error) {
	columns := playbook.Columns(q)
	types, err := columnTypes(q)
	if err != nil {
		return evidence.Answer{}, err
	}
	ans := evidence.Answer{Outcome: evidence.Found, Columns: columns}
	for i, row := range rows {
		cells := make(evidence.Row, len(columns))
		for name, val := range row {
			at := slices.Index(columns, name)
			if at < 0 {
				hint := ""
				if n, ok := strictyaml.Nearest(name, columns); ok {
					hint = fmt.Sprintf("; did you mean %q?", n)
				}
				return ans, fmt.Errorf("row %d: the answer has no column %q%s", i+1, name, hint)
			}
			v, err := cell(types[at], val)
			if err != nil {
				return ans, fmt.Errorf("row %d, column %s: %w", i+1, name, err)
			}
			cells[at] = v
		}
		ans.Rows = append(ans.Rows, cells)
	}
	if len(ans.Rows) == 0 {
		ans.Outcome = evidence.Empty
	}
	return ans, nil
}

// columnTypes are the types of an answer's columns, in their order.
func columnTypes(q query.Query) ([]query.Type, error) {
	schema, ok := query.SchemaOf(q.Dataset)
	if !ok {
		return nil, fmt.Errorf("there is no dataset %q", q.Dataset)
	}
	of := func(name query.Field) (query.Type, error) {
		spec, err := schema.Field(name)
		return spec.Type, err
	}
	var out []query.Type
	add := func(t query.Type, err error) error {
		out = append(out, t)
		return err
	}
	for _, f := range q.Select {
		if err := add(of(f)); err != nil {
			return nil, err
		}
	}
	for _, k := range q.GroupBy {
		t, err := of(k.Field)
		if k.Quarter {
			t = query.Time
		}
		if err := add(t, err); err != nil {
			return nil, err
		}
	}
	for _, c := range q.Compute {
		var err error
		switch c.Func {
		case query.Count, query.CountDistinct, query.Sum:
			err = add(query.Int, nil)
		case query.Values:
			err = add(query.Set, nil)
		case query.Min, query.Max:
			err = add(of(c.Field))
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// cell is a value as a column has it.
func cell(t query.Type, val any) (query.Value, error) {
	wrong := func(what string) (query.Value, error) { return query.Value{}, fmt.Errorf("%v is no %s", val, what) }
	text := strings.TrimSpace(fmt.Sprint(val))
	switch t {
	case query.Time:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return wrong("time; write such as 2025-09-09T04:20:05Z")
		}
		return query.TimeOf(at), nil
	case query.Int:
		switch n := val.(type) {
		case uint64:
			return query.IntOf(int64(n)), nil
		case int64:
			return query.IntOf(n), nil
		}
		return wrong("whole number")
	case query.Bool:
		if b, ok := val.(bool); ok {
			return query.BoolOf(b), nil
		}
		return wrong("truth; write true or false")
	case query.IP:
		return query.IPOf(text), nil
	case query.Set:
		members, ok := val.([]any)
		if !ok {
			return wrong("list")
		}
		set := make([]query.Value, 0, len(members))
		for _, m := range members {
			set = append(set, query.TextOf(fmt.Sprint(m)))
		}
		return query.SetOf(set, false), nil
	case query.JSON:
		return query.JSONOf(text), nil
	case query.Text, query.Null, query.Param:
	}
	return query.TextOf(fmt.Sprint(val)), nil
}
