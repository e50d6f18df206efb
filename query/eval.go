package query

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Eval tells whether e holds for an event whose fields get gives: the meaning that every
// compiler must keep.
func Eval(e Expr, get func(Field) Value) bool {
	switch e := e.(type) {
	case And:
		for _, t := range e.Terms {
			if !Eval(t, get) {
				return false
			}
		}
		return true
	case Or:
		for _, t := range e.Terms {
			if Eval(t, get) {
				return true
			}
		}
		return false
	case Not:
		return !Eval(e.X, get)
	case Compare:
		return compare(get(e.Field), e.Op, e.Value)
	case In:
		return slices.ContainsFunc(e.Values, func(v Value) bool { return compare(get(e.Field), Equal, v) })
	case Prefix:
		v := get(e.Field)
		return !v.Missing() && strings.HasPrefix(v.text, e.Value.text)
	case Contains:
		v := get(e.Field)
		return !v.Missing() && strings.Contains(v.text, e.Value.text)
	case CIDR:
		a, err := netip.ParseAddr(get(e.Field).text)
		return err == nil && e.Prefix.Masked().Contains(a)
	case Exists:
		return !get(e.Field).Missing()
	}
	return false
}

func compare(v Value, op Op, w Value) bool {
	if v.Missing() || w.Missing() {
		return false
	}
	c := v.Compare(w)
	switch op {
	case Equal:
		return c == 0
	case NotEqual:
		return c != 0
	case Less:
		return c < 0
	case LessOrEqual:
		return c <= 0
	case Greater:
		return c > 0
	case GreaterOrEqual:
		return c >= 0
	}
	return false
}

// Compare orders values: missing ones last, numbers and times by size, addresses by their
// bits (IPv4 before IPv6), texts bytewise, sets member by member. Values of different types are
// ordered by type.
func (v Value) Compare(w Value) int {
	if v.Missing() || w.Missing() {
		return cmp.Compare(boolInt(v.Missing()), boolInt(w.Missing()))
	}
	if a, b := v.typ.rank(), w.typ.rank(); a != b {
		return cmp.Compare(a, b)
	}
	switch v.typ {
	case Bool, Int, Time:
		return cmp.Compare(v.num, w.num)
	case IP:
		a, errA := netip.ParseAddr(v.text)
		b, errB := netip.ParseAddr(w.text)
		if errA == nil && errB == nil {
			return a.Compare(b)
		}
		return strings.Compare(v.text, w.text)
	case Set:
		return slices.CompareFunc(v.set, w.set, Value.Compare)
	case Text, JSON, Param, Null:
		return strings.Compare(v.text, w.text)
	default:
		return strings.Compare(v.text, w.text)
	}
}

// rank orders values of different types, so that any values together have one order. JSON is
// compared as the text it is.
func (t Type) rank() Type {
	if t == JSON {
		return Text
	}
	return t
}

// Equal tells whether two values are the same value of the same type.
func (v Value) Equal(w Value) bool {
	return v.typ == w.typ && v.num == w.num && v.text == w.text && v.cut == w.cut && slices.EqualFunc(v.set, w.set, Value.Equal)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
