package splunktest

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

type kind uint8

const (
	null kind = iota
	str
	num
	truth
	multi
)

// A val is a value of a field or an expression.
type val struct {
	kind kind
	s    string
	n    float64
	b    bool
	list []string
}

func text(s string) val      { return val{kind: str, s: s} }
func float(n float64) val    { return val{kind: num, n: n} }
func boolean(b bool) val     { return val{kind: truth, b: b} }
func several(l []string) val { return val{kind: multi, list: l} }

// number formats a number as splunkd does: whole ones without a point, others shortened.
func number(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return strconv.FormatFloat(n, 'g', 15, 64)
}

// String is the text that leaves the server: everything is a text there.
func (v val) String() string {
	switch v.kind {
	case str:
		return v.s
	case num:
		return number(v.n)
	case truth:
		if v.b {
			return "True"
		}
		return "False"
	case multi:
		return strings.Join(v.list, "\n")
	case null:
	}
	return ""
}

func (v val) texts() []string {
	switch v.kind {
	case null:
		return nil
	case multi:
		return v.list
	case str, num, truth:
	}
	return []string{v.String()}
}

// numeric reads a value as a number, also a text that looks like one.
func (v val) numeric() (float64, bool) {
	switch v.kind {
	case num:
		return v.n, true
	case str:
		n, err := strconv.ParseFloat(v.s, 64)
		return n, err == nil && v.s != "" && !math.IsNaN(n) && !math.IsInf(n, 0)
	case null, truth, multi:
	}
	return 0, false
}

// compare orders two values: as numbers where both look like numbers, else as texts.
func compare(a, b val) int {
	if x, ok := a.numeric(); ok {
		if y, ok := b.numeric(); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	return strings.Compare(a.String(), b.String())
}

// same tells whether a = b; a multivalue field equals a text if one of its values does.
func same(a, b val) bool {
	if a.kind == multi {
		return slices.ContainsFunc(a.list, func(s string) bool { return compare(text(s), b) == 0 })
	}
	if b.kind == multi {
		return same(b, a)
	}
	return compare(a, b) == 0
}
