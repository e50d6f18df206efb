package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// String is the query in canonical form; [Parse] gives it back.
func (q Query) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s from %s to %s", q.Dataset, Stamp(q.Window.From), Stamp(q.Window.To))
	if q.Where != nil {
		b.WriteString(" where " + q.Where.String())
	}
	if len(q.Select) > 0 {
		b.WriteString(" select ")
		for i, f := range q.Select {
			comma(&b, i)
			b.WriteString(string(f))
		}
	}
	if len(q.GroupBy) > 0 {
		b.WriteString(" group by ")
		for i, k := range q.GroupBy {
			comma(&b, i)
			b.WriteString(k.String())
		}
	}
	if len(q.Compute) > 0 {
		b.WriteString(" compute ")
		for i, a := range q.Compute {
			comma(&b, i)
			b.WriteString(a.String())
		}
	}
	if len(q.Order) > 0 {
		b.WriteString(" order by ")
		for i, o := range q.Order {
			comma(&b, i)
			b.WriteString(o.By)
			if o.Desc {
				b.WriteString(" desc")
			}
		}
	}
	fmt.Fprintf(&b, " limit %d", q.Limit)
	return b.String()
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

// String is the key as written: "event_name" or "quarter(event_time)".
func (k Key) String() string {
	if k.Quarter {
		return "quarter(" + string(k.Field) + ")"
	}
	return string(k.Field)
}

// String is the aggregate as written: "values(source_ip, 20) as ips".
func (a Aggregate) String() string {
	arg := string(a.Field)
	if a.Func == Values {
		arg += ", " + strconv.Itoa(a.Limit)
	}
	return fmt.Sprintf("%s(%s) as %s", a.Func, arg, a.As)
}

// Stamp prints a time as RFC 3339 in UTC, to the microsecond, without trailing zeros.
func Stamp(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

// stamp reads what Stamp prints, with any offset. A time outside the years 0 to 9999 of UTC has
// no such form.
func stamp(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	t = t.UTC().Truncate(time.Microsecond)
	return t, err == nil && printable(t)
}

func printable(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

// String of an And joins its terms with "and"; an empty one is "all".
func (e And) String() string { return join(e.Terms, " and ", "all", 2) }

// String of an Or joins its terms with "or"; an empty one is "none".
func (e Or) String() string { return join(e.Terms, " or ", "none", 1) }

func join(terms []Expr, word, empty string, level int) string {
	switch len(terms) {
	case 0:
		return empty
	case 1: // needs its kind to be seen
		return strings.TrimSpace(word) + "(" + terms[0].String() + ")"
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = t.String()
		if binds(t) <= level {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

// binds is how tightly an expression holds together: or 1, and 2, not 3, the rest 4.
func binds(e Expr) int {
	switch e := e.(type) {
	case Or:
		if len(e.Terms) > 1 {
			return 1
		}
	case And:
		if len(e.Terms) > 1 {
			return 2
		}
	case Not:
		return 3
	case Compare, In, Prefix, Contains, CIDR, Exists:
	}
	return 4
}

// String of a Not is "not" before its condition, in parentheses where "and" and "or" need them.
func (e Not) String() string {
	if binds(e.X) < 3 {
		return "not (" + e.X.String() + ")"
	}
	return "not " + e.X.String()
}

func (e Compare) String() string  { return fmt.Sprintf("%s %s %s", e.Field, e.Op, e.Value.literal()) }
func (e Prefix) String() string   { return fmt.Sprintf("%s prefix %s", e.Field, e.Value.literal()) }
func (e Contains) String() string { return fmt.Sprintf("%s contains %s", e.Field, e.Value.literal()) }
func (e CIDR) String() string     { return fmt.Sprintf("%s in cidr %s", e.Field, e.Prefix) }
func (e Exists) String() string   { return string(e.Field) + " exists" }

func (e In) String() string {
	if len(e.Values) == 1 && e.Values[0].typ == Param {
		return fmt.Sprintf("%s in %s", e.Field, e.Values[0].literal())
	}
	parts := make([]string, len(e.Values))
	for i, v := range e.Values {
		parts[i] = v.literal()
	}
	return fmt.Sprintf("%s in (%s)", e.Field, strings.Join(parts, ", "))
}

// literal is a value as it stands in a query.
func (v Value) literal() string {
	switch v.typ {
	case Bool:
		return strconv.FormatBool(v.num == 1)
	case Int:
		return strconv.FormatInt(v.num, 10)
	case Time:
		return Stamp(v.Time())
	case IP:
		return "ip " + v.text
	case Param:
		return "$" + v.text
	case Text, JSON:
		return Quote(v.text)
	case Null:
		return "missing"
	case Set:
		parts := make([]string, len(v.set))
		for i, x := range v.set {
			parts[i] = x.literal()
		}
		return "(" + strings.Join(parts, ", ") + ")"
	default:
		return "missing"
	}
}

// String is the value for people: text as it is, sets in brackets.
func (v Value) String() string {
	switch v.typ {
	case Text, IP, JSON:
		return v.text
	case Null:
		return ""
	case Set:
		parts := make([]string, len(v.set))
		for i, x := range v.set {
			parts[i] = x.String()
		}
		return "[" + strings.Join(parts, " ") + "]"
	case Bool, Int, Time, Param:
		return v.literal()
	default:
		return v.literal()
	}
}

// Quote prints text between double quotes. Every character that does not show itself
// (controls, bidirectional and other invisible ones) is escaped, so that what is read is
// what is asked.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case shows(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[n:]
	}
	b.WriteByte('"')
	return b.String()
}

func shows(r rune) bool { return unicode.IsPrint(r) }
