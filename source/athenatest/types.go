package athenatest

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A typ is a type of Trino.
type typ struct {
	name    string // varchar, bigint, double, boolean, timestamp, "timestamp with time zone", date, json, ipaddress, varbinary, array, map, row, unknown
	elem    *typ   // of an array, or of a map's values
	members []member
}

type member struct {
	name string
	typ  typ
}

var (
	varcharT   = typ{name: "varchar"}
	bigintT    = typ{name: "bigint"}
	doubleT    = typ{name: "double"}
	booleanT   = typ{name: "boolean"}
	timestampT = typ{name: "timestamp"}
	zonedT     = typ{name: "timestamp with time zone"}
	dateT      = typ{name: "date"}
	jsonT      = typ{name: "json"}
	ipT        = typ{name: "ipaddress"}
	binaryT    = typ{name: "varbinary"}
	unknownT   = typ{name: "unknown"}
)

func (t typ) String() string {
	switch t.name {
	case "array":
		return "array(" + t.elem.String() + ")"
	case "map":
		return "map(varchar, " + t.elem.String() + ")"
	case "row":
		parts := make([]string, len(t.members))
		for i, m := range t.members {
			parts[i] = m.name + " " + m.typ.String()
		}
		return "row(" + strings.Join(parts, ", ") + ")"
	}
	return t.name
}

func (t typ) is(u typ) bool { return t.String() == u.String() }

// common is the type that two can both be taken for.
func common(a, b typ) (typ, bool) {
	switch {
	case a.is(b), b.is(unknownT):
		return a, true
	case a.is(unknownT):
		return b, true
	case a.is(bigintT) && b.is(doubleT), a.is(doubleT) && b.is(bigintT):
		return doubleT, true
	}
	return typ{}, false
}

// orderable tells whether values of the type can be sorted.
func (t typ) orderable() bool {
	return slices.Contains([]string{"varchar", "bigint", "double", "boolean", "timestamp", "timestamp with time zone", "date", "ipaddress", "varbinary", "unknown"}, t.name)
}

// A jsonValue is a value of type json, as compact text.
type jsonValue string

// hive turns a type of a table's description into one of Trino.
func hive(s string) (typ, string, error) {
	end := strings.IndexAny(s, "<>,")
	if end < 0 {
		end = len(s)
	}
	name, rest := s[:end], s[end:]
	sub := func() (typ, error) {
		t, r, err := hive(rest[1:])
		rest = r
		return t, err
	}
	switch name {
	case "string":
		return varcharT, rest, nil
	case "bigint", "int":
		return bigintT, rest, nil
	case "boolean":
		return booleanT, rest, nil
	case "double":
		return doubleT, rest, nil
	case "timestamp":
		return timestampT, rest, nil
	case "array":
		t, err := sub()
		if err != nil || !strings.HasPrefix(rest, ">") {
			return t, rest, fmt.Errorf("array %q is no type that is known here", s)
		}
		return typ{name: "array", elem: &t}, rest[1:], nil
	case "map":
		if k, err := sub(); err != nil || !k.is(varcharT) {
			return k, rest, fmt.Errorf("map %q is no type that is known here", s)
		}
		t, err := sub()
		if err != nil || !strings.HasPrefix(rest, ">") {
			return t, rest, fmt.Errorf("map %q is no type that is known here", s)
		}
		return typ{name: "map", elem: &t}, rest[1:], nil
	case "struct":
		out := typ{name: "row"}
		for {
			n, r, ok := strings.Cut(rest[1:], ":")
			if !ok {
				return out, rest, fmt.Errorf("struct %q", s)
			}
			t, r, err := hive(r)
			if err != nil {
				return out, r, err
			}
			out.members = append(out.members, member{n, t})
			if rest = r; strings.HasPrefix(rest, ">") {
				return out, rest[1:], nil
			}
			if !strings.HasPrefix(rest, ",") {
				return out, rest, fmt.Errorf("struct %q is not closed", s)
			}
		}
	}
	return typ{}, "", fmt.Errorf("type %q is not known here", name)
}

// compare orders two values of one type, neither NULL.
func compare(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case int64:
		if f, ok := b.(float64); ok {
			return cmp.Compare(float64(a), f)
		}
		return cmp.Compare(a, b.(int64))
	case float64:
		if n, ok := b.(int64); ok {
			return cmp.Compare(a, float64(n))
		}
		return cmp.Compare(a, b.(float64))
	case bool:
		return cmp.Compare(boolInt(a), boolInt(b.(bool)))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	case netip.Addr:
		x, y := a.As16(), b.(netip.Addr).As16()
		return bytes.Compare(x[:], y[:])
	case jsonValue:
		return cmp.Compare(a, b.(jsonValue))
	}
	panic(fmt.Sprintf("athenatest: %T cannot be compared", a))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// shown is a value as GetQueryResults prints it; nil for NULL.
func shown(v any, t typ) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		s = v
	case jsonValue:
		s = string(v)
	case int64:
		s = strconv.FormatInt(v, 10)
		if t.is(timestampT) {
			s = time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.000")
		}
		if t.is(zonedT) {
			s = time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.000 UTC")
		}
	case float64:
		s = strconv.FormatFloat(v, 'E', -1, 64)
	case bool:
		s = strconv.FormatBool(v)
	case netip.Addr:
		s = v.String()
	case []byte:
		s = fmt.Sprintf("% x", v)
	case []any: // without quotes: it cannot be read back
		parts := make([]string, len(v))
		for i, e := range v {
			if p := shown(e, *t.elem); p != nil {
				parts[i] = *p
			} else {
				parts[i] = "null"
			}
		}
		s = "[" + strings.Join(parts, ", ") + "]"
	default:
		s = fmt.Sprint(v)
	}
	return &s
}
