package athenatest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cast is CAST and TRY_CAST.
func cast(from typ, x eval, e castExpr) (typ, eval, error) {
	to := map[string]typ{"varchar": varcharT, "bigint": bigintT, "double": doubleT, "boolean": booleanT, "ipaddress": ipT, "varbinary": binaryT, "json": jsonT}[e.to]
	f := conversion(from, to)
	if f == nil {
		return to, nil, mismatch("Cannot cast %s to %s", from, e.to)
	}
	return to, func(row []any) (any, error) {
		v, err := x(row)
		if err != nil || v == nil {
			return nil, err
		}
		v, err = f(v)
		if err != nil && e.try {
			return nil, nil
		}
		return v, err
	}, nil
}

func conversion(from, to typ) func(any) (any, error) {
	same := func(v any) (any, error) { return v, nil }
	if from.is(to) || from.is(unknownT) && to.name != "" {
		return same
	}
	switch from.name + " " + to.name {
	case "varchar bigint":
		return func(v any) (any, error) { return parseBigint(v.(string)) }
	case "varchar double":
		return func(v any) (any, error) {
			f, err := strconv.ParseFloat(strings.TrimSpace(v.(string)), 64)
			if err != nil && !math.IsInf(f, 0) {
				return nil, fmt.Errorf("INVALID_CAST_ARGUMENT: Cannot cast '%s' to DOUBLE", v)
			}
			return f, nil
		}
	case "varchar ipaddress":
		return func(v any) (any, error) {
			a, err := netip.ParseAddr(v.(string))
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("INVALID_CAST_ARGUMENT: Cannot cast value to IPADDRESS: %s", v)
			}
			return a.Unmap(), nil // Java reads a mapped address as IPv4
		}
	case "bigint varchar", "boolean varchar":
		return func(v any) (any, error) { return fmt.Sprint(v), nil }
	case "bigint double":
		return func(v any) (any, error) { return float64(v.(int64)), nil }
	case "double bigint":
		return func(v any) (any, error) {
			f := math.RoundToEven(v.(float64))
			if math.IsNaN(f) || f >= 1<<63 || f < -1<<63 {
				return nil, fmt.Errorf("INVALID_CAST_ARGUMENT: Unable to cast %v to bigint", v)
			}
			return int64(f), nil
		}
	case "ipaddress varchar":
		return func(v any) (any, error) { return v.(netip.Addr).String(), nil }
	case "ipaddress varbinary":
		return func(v any) (any, error) {
			b := v.(netip.Addr).As16()
			return b[:], nil
		}
	case "array json":
		if from.elem.is(varcharT) || from.elem.is(bigintT) || from.elem.is(booleanT) {
			return toJSON
		}
	case "map json":
		if from.elem.is(varcharT) {
			return toJSON
		}
	}
	return nil
}

func toJSON(v any) (any, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return jsonValue(bytes.TrimSpace(b.Bytes())), err
}

// function is a call of a scalar function.
func function(e callExpr, types []typ, args []eval) (typ, eval, error) {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	unexpected := fmt.Errorf("FUNCTION_NOT_FOUND: Unexpected parameters (%s) for function %s", strings.Join(names, ", "), e.name)
	like := func(want ...typ) bool {
		return slices.EqualFunc(want, types, func(w, t typ) bool { return w.is(t) || t.is(unknownT) || w.is(doubleT) && t.is(bigintT) })
	}
	// strict calls f with values that are not NULL.
	strict := func(t typ, f func(v []any) (any, error)) (typ, eval, error) {
		return t, func(row []any) (any, error) {
			v := make([]any, len(args))
			for i, a := range args {
				var err error
				if v[i], err = a(row); err != nil || v[i] == nil {
					return nil, err
				}
			}
			return f(v)
		}, nil
	}
	regex := func(i int) (*regexp.Regexp, error) {
		lit, ok := e.args[i].(textLit)
		if !ok {
			return nil, errors.New("NOT_SUPPORTED: a pattern must be a literal")
		}
		re, err := regexp.Compile(string(lit))
		if err != nil {
			return nil, fmt.Errorf("INVALID_FUNCTION_ARGUMENT: %w", err)
		}
		return re, nil
	}
	switch e.name {
	case "coalesce":
		if len(args) < 2 {
			return typ{}, nil, errors.New("INVALID_FUNCTION_ARGUMENT: The 'coalesce' function must have at least two arguments")
		}
		t := types[0]
		for _, u := range types[1:] {
			var ok bool
			if t, ok = common(t, u); !ok {
				return t, nil, mismatch("All COALESCE operands must be the same type or coercible to a common type: %s", strings.Join(names, ", "))
			}
		}
		return t, func(row []any) (any, error) {
			for _, a := range args {
				if v, err := a(row); err != nil || v != nil {
					return v, err
				}
			}
			return nil, nil
		}, nil
	case "nullif":
		if len(types) != 2 {
			return typ{}, nil, unexpected
		}
		if _, ok := common(types[0], types[1]); !ok || !types[0].orderable() {
			return typ{}, nil, unexpected
		}
		return types[0], func(row []any) (any, error) {
			a, err := args[0](row)
			if err != nil || a == nil {
				return nil, err
			}
			b, err := args[1](row)
			if err != nil || b != nil && compare(a, b) == 0 {
				return nil, err
			}
			return a, nil
		}, nil
	case "lower":
		if like(varcharT) {
			return strict(varcharT, func(v []any) (any, error) { return strings.ToLower(v[0].(string)), nil })
		}
	case "starts_with":
		if like(varcharT, varcharT) {
			return strict(booleanT, func(v []any) (any, error) { return strings.HasPrefix(v[0].(string), v[1].(string)), nil })
		}
	case "strpos":
		if like(varcharT, varcharT) {
			return strict(bigintT, func(v []any) (any, error) {
				i := strings.Index(v[0].(string), v[1].(string))
				if i < 0 {
					return int64(0), nil
				}
				return int64(len([]rune(v[0].(string)[:i]))) + 1, nil
			})
		}
	case "to_hex":
		if like(binaryT) {
			return strict(varcharT, func(v []any) (any, error) { return strings.ToUpper(hex.EncodeToString(v[0].([]byte))), nil })
		}
	case "abs", "floor":
		if like(doubleT) {
			return strict(types[0], func(v []any) (any, error) {
				switch n := v[0].(type) {
				case int64:
					if n < 0 && e.name == "abs" {
						return -n, nil
					}
					return n, nil
				case float64:
					if e.name == "abs" {
						return math.Abs(n), nil
					}
					return math.Floor(n), nil
				}
				return nil, nil
			})
		}
	case "regexp_like":
		if like(varcharT, varcharT) {
			re, err := regex(1)
			if err != nil {
				return typ{}, nil, err
			}
			return strict(booleanT, func(v []any) (any, error) { return re.MatchString(v[0].(string)), nil })
		}
	case "regexp_replace":
		if like(varcharT, varcharT, varcharT) || like(varcharT, varcharT) {
			re, err := regex(1)
			if err != nil {
				return typ{}, nil, err
			}
			return strict(varcharT, func(v []any) (any, error) {
				with := ""
				if len(v) == 3 {
					with = groupName.ReplaceAllString(v[2].(string), "$${$1}")
				}
				return re.ReplaceAllString(v[0].(string), with), nil
			})
		}
	case "regexp_extract":
		if like(varcharT, varcharT) || like(varcharT, varcharT, bigintT) {
			re, err := regex(1)
			if err != nil {
				return typ{}, nil, err
			}
			return strict(varcharT, func(v []any) (any, error) {
				g := 0
				if len(v) == 3 {
					g = int(v[2].(int64))
				}
				if g > re.NumSubexp() {
					return nil, fmt.Errorf("INVALID_FUNCTION_ARGUMENT: Pattern has %d groups. Cannot access group %d", re.NumSubexp(), g)
				}
				s := v[0].(string)
				m := re.FindStringSubmatchIndex(s)
				if len(m) <= 2*g || m[2*g] < 0 {
					return nil, nil
				}
				return s[m[2*g]:m[2*g+1]], nil
			})
		}
	case "json_extract_scalar", "json_extract":
		if like(varcharT, varcharT) || len(types) == 2 && types[0].is(jsonT) && types[1].is(varcharT) {
			lit, ok := e.args[1].(textLit)
			if !ok {
				return typ{}, nil, errors.New("NOT_SUPPORTED: a path must be a literal")
			}
			path, err := readPath(string(lit))
			if err != nil {
				return typ{}, nil, err
			}
			out := jsonT
			if e.name == "json_extract_scalar" {
				out = varcharT
			}
			return strict(out, func(v []any) (any, error) {
				raw, ok := along([]byte(fmt.Sprint(v[0])), path)
				if !ok {
					return nil, nil
				}
				if out.is(jsonT) {
					return jsonValue(raw), nil
				}
				return scalarOf(raw), nil
			})
		}
	case "json_format":
		if like(jsonT) {
			return strict(varcharT, func(v []any) (any, error) { return string(v[0].(jsonValue)), nil })
		}
	case "json_array_length":
		if like(jsonT) || like(varcharT) {
			return strict(bigintT, func(v []any) (any, error) {
				var l []json.RawMessage
				text := strings.TrimSpace(fmt.Sprint(v[0]))
				if !strings.HasPrefix(text, "[") || json.Unmarshal([]byte(text), &l) != nil {
					return nil, nil
				}
				return int64(len(l)), nil
			})
		}
	case "from_iso8601_timestamp":
		if like(varcharT) {
			return strict(zonedT, func(v []any) (any, error) {
				for _, l := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02"} {
					if at, err := time.Parse(l, v[0].(string)); err == nil {
						return at.UnixMilli() * 1000, nil
					}
				}
				return nil, fmt.Errorf("INVALID_FUNCTION_ARGUMENT: Invalid format: %q", v[0])
			})
		}
	case "date_diff":
		if unit, ok := e.args[0].(textLit); ok && unit == "millisecond" && (like(varcharT, zonedT, zonedT) || like(varcharT, timestampT, timestampT)) {
			return strict(bigintT, func(v []any) (any, error) { return v[2].(int64)/1000 - v[1].(int64)/1000, nil })
		}
	case "element_at":
		if len(types) == 2 && types[0].name == "map" && types[1].is(varcharT) {
			return strict(*types[0].elem, func(v []any) (any, error) { return v[0].(map[string]any)[v[1].(string)], nil })
		}
	case "array_sort":
		if len(types) == 1 && types[0].name == "array" && types[0].elem.orderable() {
			return strict(types[0], func(v []any) (any, error) { return slices.SortedFunc(slices.Values(v[0].([]any)), compare), nil })
		}
	case "slice":
		if len(types) == 3 && types[0].name == "array" && types[1].is(bigintT) && types[2].is(bigintT) {
			return strict(types[0], func(v []any) (any, error) {
				a, from, n := v[0].([]any), v[1].(int64), v[2].(int64)
				if from < 1 || n < 0 {
					return nil, errors.New("INVALID_FUNCTION_ARGUMENT: slice")
				}
				lo := min(int(from-1), len(a))
				return a[lo:min(lo+int(n), len(a))], nil
			})
		}
	}
	return typ{}, nil, unexpected
}

var groupName = regexp.MustCompile(`\$([0-9]+)`)

var pathStep = regexp.MustCompile(`^(?:\.([A-Za-z0-9_]+)|\["((?:[^"\\]|\\["\\])*)"\])`)

// readPath reads a path such as $.a["b c"].
func readPath(s string) ([]string, error) {
	rest, ok := strings.CutPrefix(s, "$")
	var steps []string
	for ok && rest != "" {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil {
			ok = false
			break
		}
		step := m[1]
		if step == "" {
			step = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[2])
		}
		steps, rest = append(steps, step), rest[len(m[0]):]
	}
	if !ok {
		return nil, fmt.Errorf("INVALID_FUNCTION_ARGUMENT: Invalid JSON path: '%s'", s)
	}
	return steps, nil
}

// along is the value at a path, compact; the first of members with the same name counts.
func along(raw []byte, path []string) ([]byte, bool) {
	if !json.Valid(raw) {
		return nil, false
	}
	for _, step := range path {
		dec := json.NewDecoder(bytes.NewReader(raw))
		if t, err := dec.Token(); err != nil || t != json.Delim('{') {
			return nil, false
		}
		found := false
		for dec.More() && !found {
			k, err := dec.Token()
			if err != nil {
				return nil, false
			}
			var v json.RawMessage
			if err := dec.Decode(&v); err != nil {
				return nil, false
			}
			if k == step {
				raw, found = v, true
			}
		}
		if !found {
			return nil, false
		}
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, false
	}
	return b.Bytes(), true
}

func scalarOf(raw []byte) any {
	switch raw[0] {
	case '{', '[', 'n':
		return nil
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil
		}
		return s
	}
	return string(raw)
}

// aggregates are the functions over groups.
var aggregates = []string{"count", "sum", "min", "max", "array_agg"}

// aggregate checks a call and returns what it makes of the values of a group.
func (s *scope) aggregate(e callExpr) (typ, func(rows [][]any) (any, error), error) {
	keep := func([]any) (bool, error) { return true, nil }
	if e.filter != nil {
		t, f, err := s.compile(e.filter)
		if err != nil {
			return t, nil, err
		}
		if !t.is(booleanT) {
			return t, nil, mismatch("FILTER wants a boolean, not %s", t)
		}
		keep = func(row []any) (bool, error) {
			v, err := f(row)
			return v == true, err
		}
	}
	if e.star {
		if e.name != "count" || e.distinct {
			return typ{}, nil, fmt.Errorf("FUNCTION_NOT_FOUND: %s(*)", e.name)
		}
		return bigintT, func(rows [][]any) (any, error) {
			n := int64(0)
			for _, r := range rows {
				ok, err := keep(r)
				if err != nil {
					return nil, err
				}
				if ok {
					n++
				}
			}
			return n, nil
		}, nil
	}
	if len(e.args) != 1 {
		return typ{}, nil, fmt.Errorf("FUNCTION_NOT_FOUND: Unexpected parameters for function %s", e.name)
	}
	t, x, err := s.compile(e.args[0])
	if err != nil {
		return t, nil, err
	}
	out := t
	switch e.name {
	case "count":
		out = bigintT
	case "sum":
		if !t.is(bigintT) && !t.is(doubleT) {
			return t, nil, fmt.Errorf("FUNCTION_NOT_FOUND: Unexpected parameters (%s) for function sum", t)
		}
	case "min", "max":
		if !t.orderable() {
			return t, nil, fmt.Errorf("FUNCTION_NOT_FOUND: Unexpected parameters (%s) for function %s", t, e.name)
		}
	case "array_agg":
		out = typ{name: "array", elem: &t}
	}
	return out, func(rows [][]any) (any, error) {
		var values []any
		seen := map[string]any{}
		for i := range rows {
			r := rows[len(rows)-1-i] // no order is promised
			ok, err := keep(r)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			v, err := x(r)
			if err != nil {
				return nil, err
			}
			if v == nil && e.name != "array_agg" {
				continue
			}
			if e.distinct {
				seen[fmt.Sprintf("%T %v", v, v)] = v
				continue
			}
			values = append(values, v)
		}
		if e.distinct {
			for _, k := range slices.Sorted(maps.Keys(seen)) {
				values = append(values, seen[k])
			}
			slices.Reverse(values)
		}
		if e.name == "count" {
			return int64(len(values)), nil
		}
		if len(values) == 0 {
			return nil, nil
		}
		switch e.name {
		case "array_agg":
			return values, nil
		case "min":
			return slices.MinFunc(values, compare), nil
		case "max":
			return slices.MaxFunc(values, compare), nil
		}
		sum := values[0]
		for _, v := range values[1:] {
			if sum, err = arithmetic("+", sum, v); err != nil {
				return nil, err
			}
		}
		return sum, nil
	}, nil
}
