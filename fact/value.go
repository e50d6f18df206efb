package fact

import (
	"time"

	"uratori/query"
)

// A Type is the type of a fact's value: it decides how the value is printed, and how a printed value is read back.
type Type uint8

// The types of values.
const (
	Bool    Type = iota + 1
	Int          // a count
	Bytes        // a number of bytes
	Minutes      // a duration in whole minutes
	Decimal      // a number with one decimal, kept as tenths, such as a severity of 8.0
	Percent      // Num of Den; the percentage is never printed without both
	Text         // text from a log, a finding or the configuration: hostile, printed as quoted code
	Texts        // sorted different texts
	Name         // one of the fact's declared choices; printed by its name in the reader's language
	Label        // a text given in both languages by our own tables or the configuration
	Time         // an instant, printed in the case's zone with its weekday
	Weekday      // a day of the week
	Hour         // an hour of the day, 0-23, in the case's zone
	Hours        // sorted hours of the day
	IP           // an address in canonical form
	Masked       // an access key id: the first four and last four characters are printed, never the whole
	Table        // rows of typed cells, see Column
)

// A Value is the value of a fact. The zero Value is none.
type Value struct {
	Type  Type
	Num   int64     // Bool 0/1, Int, Bytes, Minutes, Decimal (tenths), Percent numerator, Weekday (Sunday = 0), Hour
	Den   int64     // Percent: the base
	Str   string    // Text, Name, IP, Masked (the masked form), Label (English)
	JA    string    // Label (Japanese)
	At    time.Time // Time, UTC, microseconds
	List  []string  // Texts
	Hours []int     // Hours
	Rows  []Row     // Table
	More  bool      // Texts, Table: there were more than are kept
}

// A Row is one row of a Table; cells stand in the order of the fact's Columns. A missing cell is a zero Value.
type Row []Value

// A Column is one column of a Table fact.
type Column struct {
	Name string // such as "time"
	Type Type
	Enum []string // for Name cells
	JA   string   // heading
	EN   string
}

// IntOf returns a count.
func IntOf(n int64) Value { return Value{Type: Int, Num: n} }

// BoolOf returns a truth value.
func BoolOf(b bool) Value {
	v := Value{Type: Bool}
	if b {
		v.Num = 1
	}
	return v
}

// TextOf returns hostile text.
func TextOf(s string) Value { return Value{Type: Text, Str: s} }

// NameOf returns one of the choices that a fact declares.
func NameOf(s string) Value { return Value{Type: Name, Str: s} }

// TimeOf returns an instant.
func TimeOf(t time.Time) Value { return Value{Type: Time, At: t.UTC().Truncate(time.Microsecond)} }

// TextsOf returns sorted different texts; more says there were others.
func TextsOf(list []string, more bool) Value { return Value{Type: Texts, List: list, More: more} }

// Mask prints an access key id as its first and last four characters.
func Mask(key string) Value {
	if len(key) <= 8 {
		return Value{Type: Masked, Str: "****"}
	}
	return Value{Type: Masked, Str: key[:4] + "…" + key[len(key)-4:]}
}

// IPOf returns an address in canonical form; other text stays a Text.
func IPOf(s string) Value {
	if a, ok := query.Addr(s); ok {
		return Value{Type: IP, Str: a.String()}
	}
	return TextOf(s)
}
