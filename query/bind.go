package query

import (
	"fmt"
	"maps"
	"slices"
)

// Params are the names of the parameters that stand in the query's condition, sorted.
func Params(q Query) []string {
	if q.Where == nil {
		return nil
	}
	return ParamsOf(q.Where)
}

// ParamsOf are the names of the parameters that stand in a condition, sorted.
func ParamsOf(e Expr) []string {
	names := map[string]bool{}
	note := func(values ...Value) {
		for _, v := range values {
			if v.typ == Param {
				names[v.text] = true
			}
		}
	}
	walk(e, func(e Expr) {
		switch e := e.(type) {
		case Compare:
			note(e.Value)
		case In:
			note(e.Values...)
		case Prefix:
			note(e.Value)
		case Contains:
			note(e.Value)
		case And, Or, Not, CIDR, Exists:
		}
	})
	return slices.Sorted(maps.Keys(names))
}

func walk(e Expr, visit func(Expr)) {
	visit(e)
	switch e := e.(type) {
	case And:
		for _, t := range e.Terms {
			walk(t, visit)
		}
	case Or:
		for _, t := range e.Terms {
			walk(t, visit)
		}
	case Not:
		walk(e.X, visit)
	case Compare, In, Prefix, Contains, CIDR, Exists:
	}
}

// Bind puts whole values in the place of parameters. A Set may stand only in a list, where its
// members spread; a parameter that is not in values is an error.
func Bind(q Query, values map[string]Value) (Query, error) {
	if q.Where == nil {
		return q, nil
	}
	e, err := BindExpr(q.Where, values)
	if err != nil {
		return Query{}, err
	}
	q.Where = e
	return q, nil
}

// BindExpr does for a condition what [Bind] does for a query.
func BindExpr(e Expr, values map[string]Value) (Expr, error) {
	one := func(f Field, v Value) (Value, error) {
		if v.typ != Param {
			return v, nil
		}
		got, ok := values[v.text]
		switch {
		case !ok:
			return v, fmt.Errorf("parameter $%s is not bound", v.text)
		case got.typ == Set:
			return v, fmt.Errorf("parameter $%s is a set; write %s in $%s", v.text, f, v.text)
		case got.typ == Null || got.typ == Param:
			return v, fmt.Errorf("parameter $%s is bound to no value", v.text)
		}
		return got, nil
	}
	all := func(terms []Expr) ([]Expr, error) {
		out := make([]Expr, len(terms))
		for i, t := range terms {
			b, err := BindExpr(t, values)
			if err != nil {
				return nil, err
			}
			out[i] = b
		}
		return out, nil
	}
	var err error
	switch e := e.(type) {
	case And:
		e.Terms, err = all(e.Terms)
		return e, err
	case Or:
		e.Terms, err = all(e.Terms)
		return e, err
	case Not:
		e.X, err = BindExpr(e.X, values)
		return e, err
	case Compare:
		e.Value, err = one(e.Field, e.Value)
		return e, err
	case Prefix:
		e.Value, err = one(e.Field, e.Value)
		return e, err
	case Contains:
		e.Value, err = one(e.Field, e.Value)
		return e, err
	case In:
		var list []Value
		for _, v := range e.Values {
			if set, ok := values[v.text]; ok && v.typ == Param && set.typ == Set {
				list = append(list, set.set...)
				continue
			}
			b, err := one(e.Field, v)
			if err != nil {
				return nil, err
			}
			list = append(list, b)
		}
		e.Values = list
		return e, nil
	case CIDR, Exists:
		return e, nil
	}
	return nil, fmt.Errorf("a condition is empty")
}
