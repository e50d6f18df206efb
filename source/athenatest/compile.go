package athenatest

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A value is computed from a row; nil is NULL.
type eval func(row []any) (any, error)

type col struct {
	name string
	typ  typ
}

// A scope is what names mean.
type scope struct {
	cols []col
	// grouped is asked first: in a query with groups, group keys and aggregates have values of
	// their own, and other columns have none.
	grouped func(e expr) (typ, eval, bool, error)
	windows *[]windowCall // nil where none may stand
}

type windowCall struct {
	partition, order []eval
	keys             []sortKey
	at               int // place of its value, behind the row's own
}

func (s *scope) column(steps []string) (typ, eval, error) {
	at := -1
	for i, c := range s.cols {
		if c.name == steps[0] {
			if at >= 0 {
				return typ{}, nil, fmt.Errorf("COLUMN_NOT_FOUND: column '%s' is ambiguous", steps[0])
			}
			at = i
		}
	}
	if at < 0 {
		return typ{}, nil, fmt.Errorf("COLUMN_NOT_FOUND: column '%s' cannot be resolved", strings.Join(steps, "."))
	}
	t := s.cols[at].typ
	var path []int
	for _, step := range steps[1:] {
		i := slices.IndexFunc(t.members, func(m member) bool { return m.name == step })
		if t.name != "row" || i < 0 {
			return typ{}, nil, fmt.Errorf("COLUMN_NOT_FOUND: column '%s' cannot be resolved", strings.Join(steps, "."))
		}
		path, t = append(path, i), t.members[i].typ
	}
	return t, func(row []any) (any, error) {
		v := row[at]
		for _, i := range path {
			if v == nil {
				return nil, nil
			}
			v = v.([]any)[i]
		}
		return v, nil
	}, nil
}

func mismatch(format string, args ...any) error {
	return fmt.Errorf("TYPE_MISMATCH: "+format, args...)
}

// compile checks the types of an expression and makes it ready to run.
func (s *scope) compile(e expr) (typ, eval, error) {
	if s.grouped != nil {
		if t, f, ok, err := s.grouped(e); ok || err != nil {
			return t, f, err
		}
	}
	constant := func(t typ, v any) (typ, eval, error) {
		return t, func([]any) (any, error) { return v, nil }, nil
	}
	switch e := e.(type) {
	case nameExpr:
		if s.grouped != nil {
			return typ{}, nil, fmt.Errorf("EXPRESSION_NOT_AGGREGATE: '%s' must be an aggregate expression or appear in GROUP BY clause", e)
		}
		return s.column(e.steps)
	case textLit:
		return constant(varcharT, string(e))
	case intLit:
		return constant(bigintT, int64(e))
	case floatLit:
		return constant(doubleT, float64(e))
	case boolLit:
		return constant(booleanT, bool(e))
	case nullLit:
		return constant(unknownT, nil)
	case stampLit:
		return stamp(e)
	case unaryExpr:
		return s.unary(e)
	case binaryExpr:
		return s.binary(e)
	case isNullExpr:
		_, x, err := s.compile(e.x)
		return booleanT, func(row []any) (any, error) {
			v, err := x(row)
			return (v == nil) != e.not, err
		}, err
	case inExpr:
		var or expr
		for _, v := range e.list {
			eq := expr(binaryExpr{"=", e.x, v})
			if or == nil {
				or = eq
			} else {
				or = binaryExpr{"or", or, eq}
			}
		}
		if len(e.list) > 50 {
			return s.longIn(e)
		}
		if e.not {
			or = unaryExpr{"not", or}
		}
		return s.compile(or)
	case betweenExpr:
		both := expr(binaryExpr{"and", binaryExpr{">=", e.x, e.lo}, binaryExpr{"<=", e.x, e.hi}})
		if e.not {
			both = unaryExpr{"not", both}
		}
		return s.compile(both)
	case likeExpr:
		return s.like(e)
	case caseExpr:
		return s.cases(e)
	case castExpr:
		t, x, err := s.compile(e.x)
		if err != nil {
			return t, nil, err
		}
		return cast(t, x, e)
	case tryExpr:
		t, x, err := s.compile(e.x)
		return t, func(row []any) (any, error) {
			v, err := x(row)
			if err != nil {
				return nil, nil //nolint:nilerr // what TRY is for
			}
			return v, nil
		}, err
	case callExpr:
		return s.call(e)
	}
	return typ{}, nil, fmt.Errorf("NOT_SUPPORTED: %s", e)
}

func stamp(e stampLit) (typ, eval, error) {
	layouts := map[string]typ{"2006-01-02 15:04:05.999999": timestampT, "2006-01-02 15:04": timestampT, "2006-01-02": timestampT, "2006-01-02 15:04:05.999999 UTC": zonedT}
	if e.typ == "date" {
		layouts = map[string]typ{"2006-01-02": dateT}
	}
	for l, t := range layouts {
		if at, err := time.Parse(l, e.text); err == nil {
			return t, func([]any) (any, error) { return at.UnixMicro(), nil }, nil
		}
	}
	return typ{}, nil, fmt.Errorf("INVALID_LITERAL: '%s' is not a valid %s literal", e.text, e.typ)
}

func (s *scope) unary(e unaryExpr) (typ, eval, error) {
	t, x, err := s.compile(e.x)
	if err != nil {
		return t, nil, err
	}
	if e.op == "not" {
		if !t.is(booleanT) && !t.is(unknownT) {
			return t, nil, mismatch("value of logical NOT expression must evaluate to a boolean (actual: %s)", t)
		}
		return booleanT, func(row []any) (any, error) {
			v, err := x(row)
			if b, ok := v.(bool); ok {
				return !b, err
			}
			return nil, err
		}, nil
	}
	if !t.is(bigintT) && !t.is(doubleT) {
		return t, nil, mismatch("cannot negate %s", t)
	}
	return t, func(row []any) (any, error) {
		v, err := x(row)
		switch v := v.(type) {
		case int64:
			return -v, err
		case float64:
			return -v, err
		}
		return nil, err
	}, nil
}

func (s *scope) binary(e binaryExpr) (typ, eval, error) {
	tx, x, err := s.compile(e.x)
	if err != nil {
		return tx, nil, err
	}
	ty, y, err := s.compile(e.y)
	if err != nil {
		return ty, nil, err
	}
	switch e.op {
	case "and", "or":
		for _, t := range []typ{tx, ty} {
			if !t.is(booleanT) && !t.is(unknownT) {
				return t, nil, mismatch("logical expression term must evaluate to a boolean (actual: %s)", t)
			}
		}
		decides := e.op == "or" // the value that decides without the other side
		return booleanT, func(row []any) (any, error) {
			a, err := x(row)
			if err != nil || a == decides {
				return a, err
			}
			b, err := y(row)
			if err != nil || b == decides {
				return b, err
			}
			if a == nil || b == nil {
				return nil, nil
			}
			return !decides, nil
		}, nil
	}
	t, ok := common(tx, ty)
	if !ok {
		return t, nil, mismatch("cannot apply operator: %s %s %s", tx, e.op, ty)
	}
	both := func(f func(a, b any) (any, error)) eval {
		return func(row []any) (any, error) {
			a, err := x(row)
			if err != nil || a == nil {
				return nil, err
			}
			b, err := y(row)
			if err != nil || b == nil {
				return nil, err
			}
			return f(a, b)
		}
	}
	switch e.op {
	case "=", "<>", "<", "<=", ">", ">=":
		if !t.orderable() && !(t.is(jsonT) && (e.op == "=" || e.op == "<>")) {
			return t, nil, mismatch("cannot apply operator: %s %s %s", tx, e.op, ty)
		}
		if t.is(booleanT) && e.op != "=" && e.op != "<>" {
			return t, nil, mismatch("cannot apply operator: boolean %s boolean", e.op)
		}
		return booleanT, both(func(a, b any) (any, error) {
			c := compare(a, b)
			switch e.op {
			case "=":
				return c == 0, nil
			case "<>":
				return c != 0, nil
			case "<":
				return c < 0, nil
			case "<=":
				return c <= 0, nil
			case ">":
				return c > 0, nil
			}
			return c >= 0, nil
		}), nil
	case "||":
		if !t.is(varcharT) {
			return t, nil, mismatch("cannot apply operator: %s || %s", tx, ty)
		}
		return t, both(func(a, b any) (any, error) { return a.(string) + b.(string), nil }), nil
	}
	if !t.is(bigintT) && !t.is(doubleT) {
		return t, nil, mismatch("cannot apply operator: %s %s %s", tx, e.op, ty)
	}
	return t, both(func(a, b any) (any, error) { return arithmetic(e.op, a, b) }), nil
}

func arithmetic(op string, a, b any) (any, error) {
	m, ok1 := a.(int64)
	n, ok2 := b.(int64)
	if ok1 && ok2 {
		over := errors.New("NUMERIC_VALUE_OUT_OF_RANGE: bigint overflow")
		switch op {
		case "+":
			if r := m + n; (r > m) == (n > 0) || n == 0 {
				return r, nil
			}
			return nil, over
		case "-":
			if r := m - n; (r < m) == (n > 0) || n == 0 {
				return r, nil
			}
			return nil, over
		case "*":
			if m == 0 || n == 0 {
				return int64(0), nil
			}
			if r := m * n; r/n == m && !(m == -1 && n == math.MinInt64) && !(n == -1 && m == math.MinInt64) {
				return r, nil
			}
			return nil, over
		}
		if n == 0 {
			return nil, errors.New("DIVISION_BY_ZERO: Division by zero")
		}
		if op == "/" {
			return m / n, nil
		}
		return m % n, nil
	}
	f := func(v any) float64 {
		if i, ok := v.(int64); ok {
			return float64(i)
		}
		return v.(float64)
	}
	x, y := f(a), f(b)
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	}
	return math.Mod(x, y), nil
}

// longIn is IN with many literals.
func (s *scope) longIn(e inExpr) (typ, eval, error) {
	t, x, err := s.compile(e.x)
	if err != nil {
		return t, nil, err
	}
	set := map[any]bool{}
	for _, v := range e.list {
		lt, l, err := s.compile(v)
		if err != nil {
			return t, nil, err
		}
		if !lt.is(t) {
			return t, nil, mismatch("value of IN is %s, not %s", lt, t)
		}
		c, err := l(nil)
		if err != nil {
			return t, nil, err
		}
		set[c] = true
	}
	return booleanT, func(row []any) (any, error) {
		v, err := x(row)
		if v == nil || err != nil {
			return nil, err
		}
		return set[v] != e.not, nil
	}, nil
}

func (s *scope) like(e likeExpr) (typ, eval, error) {
	t, x, err := s.compile(e.x)
	if err != nil {
		return t, nil, err
	}
	pattern, ok := e.pattern.(textLit)
	if !ok || !t.is(varcharT) {
		return t, nil, mismatch("LIKE wants a varchar and a literal")
	}
	escape := rune(-1)
	if e.escape != nil {
		text, ok := e.escape.(textLit)
		if !ok || len([]rune(string(text))) != 1 {
			return t, nil, errors.New("INVALID_FUNCTION_ARGUMENT: Escape string must be a single character")
		}
		escape = []rune(string(text))[0]
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	escaped := false
	for _, r := range string(pattern) {
		switch {
		case escaped || r != '%' && r != '_' && r != escape:
			if escaped && r != '%' && r != '_' && r != escape {
				return t, nil, errors.New("INVALID_FUNCTION_ARGUMENT: Escape character must be followed by '%', '_' or the escape character itself")
			}
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == escape:
			escaped = true
		case r == '%':
			b.WriteString(".*")
		default:
			b.WriteString(".")
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	return booleanT, func(row []any) (any, error) {
		v, err := x(row)
		if v == nil || err != nil {
			return nil, err
		}
		return re.MatchString(v.(string)) != e.not, nil
	}, err
}

func (s *scope) cases(e caseExpr) (typ, eval, error) {
	out := unknownT
	type branch struct{ when, then eval }
	var branches []branch
	take := func(x expr) (eval, error) {
		t, f, err := s.compile(x)
		if err != nil {
			return nil, err
		}
		u, ok := common(out, t)
		if !ok {
			return nil, mismatch("all CASE results must be the same type: %s, %s", out, t)
		}
		out = u
		return f, nil
	}
	for _, w := range e.whens {
		when := w[0]
		if e.of != nil {
			when = binaryExpr{"=", e.of, when}
		}
		t, f, err := s.compile(when)
		if err != nil {
			return t, nil, err
		}
		if !t.is(booleanT) {
			return t, nil, mismatch("CASE WHEN clause must evaluate to a boolean (actual: %s)", t)
		}
		then, err := take(w[1])
		if err != nil {
			return out, nil, err
		}
		branches = append(branches, branch{f, then})
	}
	other := eval(func([]any) (any, error) { return nil, nil })
	if e.other != nil {
		var err error
		if other, err = take(e.other); err != nil {
			return out, nil, err
		}
	}
	return out, func(row []any) (any, error) {
		for _, b := range branches {
			v, err := b.when(row)
			if err != nil {
				return nil, err
			}
			if v == true {
				return b.then(row)
			}
		}
		return other(row)
	}, nil
}

func (s *scope) call(e callExpr) (typ, eval, error) {
	if e.over != nil {
		return s.window(e)
	}
	if slices.Contains(aggregates, e.name) {
		return typ{}, nil, fmt.Errorf("FUNCTION_NOT_WINDOW: %s stands where no aggregate may", e.name)
	}
	if e.star || e.distinct || e.filter != nil {
		return typ{}, nil, fmt.Errorf("FUNCTION_NOT_AGGREGATE: %s is no aggregate", e.name)
	}
	args := make([]eval, len(e.args))
	types := make([]typ, len(e.args))
	for i, a := range e.args {
		var err error
		if types[i], args[i], err = s.compile(a); err != nil {
			return types[i], nil, err
		}
	}
	return function(e, types, args)
}

func (s *scope) window(e callExpr) (typ, eval, error) {
	if e.name != "row_number" || len(e.args) > 0 || e.star || e.filter != nil {
		return typ{}, nil, fmt.Errorf("NOT_SUPPORTED: window function %s", e.name)
	}
	if s.windows == nil {
		return typ{}, nil, errors.New("EXPRESSION_NOT_SCALAR: a window function may not stand here")
	}
	w := windowCall{keys: e.over.order}
	for _, p := range e.over.partition {
		t, f, err := s.compile(p)
		if err != nil {
			return t, nil, err
		}
		w.partition = append(w.partition, f)
	}
	for _, k := range e.over.order {
		t, f, err := s.compile(k.by)
		if err != nil {
			return t, nil, err
		}
		if !t.orderable() {
			return t, nil, mismatch("type %s is not orderable", t)
		}
		w.order = append(w.order, f)
	}
	w.at = len(s.cols) + len(*s.windows)
	*s.windows = append(*s.windows, w)
	return bigintT, func(row []any) (any, error) { return row[w.at], nil }, nil
}

func parseBigint(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("INVALID_CAST_ARGUMENT: Cannot cast '%s' to BIGINT", s)
	}
	return n, nil
}
