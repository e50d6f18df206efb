package query

import (
	"time"
)

// A Type is the type of a field or value.
type Type uint8

// The types. Null is the type of a missing value, Param of a value not known yet.
const (
	Null Type = iota
	Bool
	Int
	Text
	Time
	IP   // an address in canonical text form, see [Addr]
	Set  // sorted different values
	JSON // an object or array, as compact text
	Param
)

// A Value is one typed value. The zero Value is a missing one.
type Value struct {
	typ  Type
	num  int64  // Int; Bool as 0 or 1; Time as microseconds since 1970 UTC
	text string // Text, IP, JSON; the name of a Param
	set  []Value
	cut  bool // a Set that holds only the first of its values
}

// IntOf returns an integer value.
func IntOf(n int64) Value { return Value{typ: Int, num: n} }

// TextOf returns a text value.
func TextOf(s string) Value { return Value{typ: Text, text: s} }

// JSONOf returns a value that is itself JSON text.
func JSONOf(s string) Value { return Value{typ: JSON, text: s} }

// BoolOf returns a truth value.
func BoolOf(b bool) Value {
	if b {
		return Value{typ: Bool, num: 1}
	}
	return Value{typ: Bool}
}

// TimeOf returns a time value, cut to microseconds, in UTC.
func TimeOf(t time.Time) Value { return Value{typ: Time, num: t.UnixMicro()} }

// IPOf returns an address value from text that [Addr] accepts; other text stays a Text.
func IPOf(s string) Value {
	if a, ok := Addr(s); ok {
		return Value{typ: IP, text: a.String()}
	}
	return TextOf(s)
}

// ParamOf returns the placeholder $name.
func ParamOf(name string) Value { return Value{typ: Param, text: name} }

// SetOf returns a set of values, which must be sorted and different; cut says there were more.
func SetOf(values []Value, cut bool) Value { return Value{typ: Set, set: values, cut: cut} }

// Type tells what v is.
func (v Value) Type() Type { return v.typ }

// Missing tells whether v is no value at all.
func (v Value) Missing() bool { return v.typ == Null }

// Int is the integer in v, 0 if v is none.
func (v Value) Int() int64 {
	if v.typ != Int {
		return 0
	}
	return v.num
}

// Bool is the truth value in v, false if v is none.
func (v Value) Bool() bool { return v.typ == Bool && v.num == 1 }

// Text is the text of a Text, IP, JSON or Param value, "" for others.
func (v Value) Text() string { return v.text }

// Time is the time in v in UTC, the zero time if v is none.
func (v Value) Time() time.Time {
	if v.typ != Time {
		return time.Time{}
	}
	return time.UnixMicro(v.num).UTC()
}

// Set is the values in v and whether there were more of them.
func (v Value) Set() (values []Value, cut bool) { return v.set, v.cut }
