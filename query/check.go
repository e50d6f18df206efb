package query

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxLimit is the most rows a question may ask for.
const MaxLimit = 1_000_000

// Check tells whether q can be asked: known dataset, fields, functions and columns, matching
// types, a window, a limit, and no parameter left open. The error names what is wrong and the
// nearest right word.
func Check(q Query) error {
	schema, ok := SchemaOf(q.Dataset)
	if !ok {
		return unknownDataset(q.Dataset)
	}
	if !q.Window.From.Before(q.Window.To) {
		return fmt.Errorf("the window from %s to %s is empty; it is half-open and its end must lie after its beginning", Stamp(q.Window.From), Stamp(q.Window.To))
	}
	if y := q.Window.From.Year(); y < 1 || q.Window.To.Year() > 9999 {
		return fmt.Errorf("the window from %s to %s leaves the years 1 to 9999", Stamp(q.Window.From), Stamp(q.Window.To))
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		return fmt.Errorf("limit %d is not between 1 and %d; every question is bounded", q.Limit, MaxLimit)
	}
	if p := Params(q); len(p) > 0 {
		return fmt.Errorf("parameter $%s is not bound", p[0])
	}
	if q.Where != nil {
		if err := checkExpr(schema, q.Where, 0); err != nil {
			return err
		}
	}
	columns, err := checkShape(schema, q)
	if err != nil {
		return err
	}
	for _, o := range q.Order {
		if !slices.Contains(columns, o.By) {
			return fmt.Errorf("order by %q: the answer has no such column%s; columns are %s", o.By, didYouMean(o.By, columns), strings.Join(columns, ", "))
		}
	}
	return nil
}

var columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

func checkShape(schema Schema, q Query) (columns []string, err error) {
	grouped := len(q.GroupBy) > 0 || len(q.Compute) > 0
	switch {
	case grouped && len(q.Select) > 0:
		return nil, errors.New("a question asks for events (select) or for groups (group by, compute), not for both")
	case grouped && len(q.Compute) == 0:
		return nil, errors.New("group by needs compute: what is to be known of each group, such as count() as n")
	case !grouped && len(q.Select) == 0:
		return nil, errors.New("nothing is asked for: name fields under select, or functions under compute")
	}
	add := func(name string) error {
		if slices.Contains(columns, name) {
			return fmt.Errorf("column %q stands twice", name)
		}
		columns = append(columns, name)
		return nil
	}
	for _, f := range q.Select {
		if _, err := schema.Field(f); err != nil {
			return nil, err
		}
		if err := add(string(f)); err != nil {
			return nil, err
		}
	}
	for _, k := range q.GroupBy {
		spec, err := schema.Field(k.Field)
		if err != nil {
			return nil, err
		}
		if k.Quarter && spec.Type != Time {
			return nil, fmt.Errorf("quarter(%s): %s is %s, not a time; group by quarter(%s)", k.Field, k.Field, spec.Type, schema.TimeField)
		}
		if err := add(k.Name()); err != nil {
			return nil, err
		}
	}
	for _, a := range q.Compute {
		if err := checkAggregate(schema, a); err != nil {
			return nil, err
		}
		if err := add(a.As); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

func checkAggregate(schema Schema, a Aggregate) error {
	if !slices.Contains(funcs, string(a.Func)) {
		return fmt.Errorf("unknown function %q%s; functions are %s", a.Func, didYouMean(string(a.Func), funcs), strings.Join(funcs, ", "))
	}
	if !columnName.MatchString(a.As) {
		return fmt.Errorf("%s needs a column name of letters, digits and _ after \"as\", not %q", a.Func, a.As)
	}
	if (a.Limit > 0) != (a.Func == Values) || a.Limit > 10_000 || a.Limit < 0 {
		return fmt.Errorf("%s: only values takes a limit, from 1 to 10000", a.Func)
	}
	if a.Field == "" {
		if a.Func != Count {
			return fmt.Errorf("%s needs a field; only count() may go without", a.Func)
		}
		return nil
	}
	spec, err := schema.Field(a.Field)
	if err != nil {
		return err
	}
	if a.Func == Sum && spec.Type != Int {
		return fmt.Errorf("sum(%s): %s is %s; only whole numbers can be summed", a.Field, a.Field, spec.Type)
	}
	return nil
}

func checkExpr(schema Schema, e Expr, depth int) error {
	if depth > maxDepth {
		return errors.New("the condition is nested too deeply")
	}
	all := func(terms []Expr) error {
		for _, t := range terms {
			if err := checkExpr(schema, t, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	switch e := e.(type) {
	case And:
		return all(e.Terms)
	case Or:
		return all(e.Terms)
	case Not:
		return checkExpr(schema, e.X, depth+1)
	case Compare:
		spec, err := schema.Field(e.Field)
		if err != nil {
			return err
		}
		if spec.Type == Bool && e.Op != Equal && e.Op != NotEqual {
			return fmt.Errorf("%s %s: truth values are not ordered; use = or !=", e.Field, e.Op)
		}
		return matches(spec, e.Value)
	case In:
		spec, err := schema.Field(e.Field)
		if err != nil {
			return err
		}
		for _, v := range e.Values {
			if err := matches(spec, v); err != nil {
				return err
			}
		}
	case Prefix:
		return textual(schema, e.Field, "prefix", e.Value)
	case Contains:
		return textual(schema, e.Field, "contains", e.Value)
	case CIDR:
		spec, err := schema.Field(e.Field)
		if err != nil {
			return err
		}
		if spec.Type != IP {
			return fmt.Errorf("%s in cidr: %s is %s, not an address", e.Field, e.Field, spec.Type)
		}
		if !e.Prefix.IsValid() {
			return fmt.Errorf("%s in cidr: the network is not valid", e.Field)
		}
		if e.Prefix.Addr().Is4In6() {
			return fmt.Errorf("%s in cidr %s: write the IPv4 network itself; addresses are compared unmapped", e.Field, e.Prefix)
		}
	case Exists:
		_, err := schema.Field(e.Field)
		return err
	case nil:
		return errors.New("a condition is empty")
	}
	return nil
}

func textual(schema Schema, f Field, op string, v Value) error {
	spec, err := schema.Field(f)
	if err != nil {
		return err
	}
	if spec.Type != Text && spec.Type != JSON && spec.Type != IP {
		return fmt.Errorf("%s %s: %s is %s, not text", f, op, f, spec.Type)
	}
	if v.typ != Text {
		return fmt.Errorf("%s %s needs a text in double quotes, not %s", f, op, v.typ)
	}
	return nil
}

func matches(spec FieldSpec, v Value) error {
	want := spec.Type
	if want == JSON {
		want = Text
	}
	if v.typ == Time && !printable(v.Time()) {
		return fmt.Errorf("%s: a time lies outside the years 0 to 9999", spec.Name)
	}
	if v.typ == want {
		return nil
	}
	return fmt.Errorf("%s is %s, not %s; write it such as %s = %s", spec.Name, spec.Type, v.typ, spec.Name, example[spec.Type])
}

var example = map[Type]string{
	Bool: "true", Int: "3", Text: `"text"`, JSON: `"text"`, Time: "2025-09-09T04:20:05Z", IP: "ip 203.0.113.5",
}

// String is the type's name for people.
func (t Type) String() string {
	switch t {
	case Null:
		return "missing"
	case Bool:
		return "a truth value"
	case Int:
		return "a whole number"
	case Text:
		return "text"
	case Time:
		return "a time"
	case IP:
		return "an address"
	case Set:
		return "a set"
	case JSON:
		return "JSON"
	case Param:
		return "a parameter"
	default:
		return "unknown"
	}
}
