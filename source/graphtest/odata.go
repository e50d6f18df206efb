package graphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// properties are what signIns can be filtered by, and the operators each takes ("signIn resource
// type", v1.0, and the attributes of "List signIns", beta).
var properties = map[string][]string{
	"id": {"eq"}, "userId": {"eq"}, "appId": {"eq"}, "createdDateTime": {"eq", "le", "ge"},
	"userDisplayName": {"eq", "startswith"}, "userPrincipalName": {"eq", "startswith"}, "appDisplayName": {"eq", "startswith"},
	"ipAddress": {"eq", "startswith"}, "location/city": {"eq", "startswith"}, "location/state": {"eq", "startswith"},
	"location/countryOrRegion": {"eq", "startswith"}, "status/errorCode": {"eq"}, "clientAppUsed": {"eq"},
	"conditionalAccessStatus": {"eq"}, "deviceDetail/browser": {"eq", "startswith"}, "deviceDetail/operatingSystem": {"eq", "startswith"},
	"correlationId": {"eq"}, "resourceDisplayName": {"eq"}, "resourceId": {"eq"},
	"riskLevelDuringSignIn": {"eq"}, "riskLevelAggregated": {"eq"}, "riskState": {"eq"}, "riskDetail": {"eq"},
}

// maxNodes is how many comparisons a filter may hold.
const maxNodes = 15

// A filter is a condition on a record.
type filter struct {
	holds func(record) bool
	types bool // it names signInEventTypes
}

// A lexer cuts a filter into words, strings and marks.
type lexer struct {
	rest  string
	word  string // current token; strings with their quotes taken off
	text  bool   // it is a string
	nodes int
	beta  bool
	types bool
	err   error
}

func parseFilter(s string, beta bool) (filter, error) {
	if strings.TrimSpace(s) == "" {
		return filter{holds: func(record) bool { return true }}, nil
	}
	if !utf8.ValidString(s) || len(s) > 8000 {
		return filter{}, errors.New("the filter cannot be read")
	}
	l := &lexer{rest: s, beta: beta}
	l.next()
	f := l.or(0)
	if l.err == nil && (l.word != "" || l.text) {
		l.fail("unexpected %q", l.word)
	}
	return filter{f, l.types}, l.err
}

func (l *lexer) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
	l.rest, l.word, l.text = "", "", false
}

func (l *lexer) next() {
	l.rest = strings.TrimLeft(l.rest, " \t")
	l.word, l.text = "", false
	if l.rest == "" {
		return
	}
	switch c := l.rest[0]; {
	case c == '\'':
		var b strings.Builder
		for i := 1; i < len(l.rest); i++ {
			if l.rest[i] != '\'' {
				b.WriteByte(l.rest[i])
				continue
			}
			if i+1 < len(l.rest) && l.rest[i+1] == '\'' {
				b.WriteByte('\'')
				i++
				continue
			}
			if strings.ContainsFunc(b.String(), func(r rune) bool { return unicode.IsControl(r) }) {
				l.fail("a string holds a control character")
				return
			}
			l.word, l.text, l.rest = b.String(), true, l.rest[i+1:]
			return
		}
		l.fail("unterminated string")
	case strings.IndexByte("(),", c) >= 0:
		l.word, l.rest = l.rest[:1], l.rest[1:]
	default:
		end := strings.IndexFunc(l.rest, func(r rune) bool { return strings.ContainsRune(" \t(),'", r) })
		if end < 0 {
			end = len(l.rest)
		}
		l.word, l.rest = l.rest[:end], l.rest[end:]
	}
}

func (l *lexer) is(word string) bool { return !l.text && strings.EqualFold(l.word, word) }

func (l *lexer) expect(word string) {
	if !l.is(word) {
		l.fail("%q expected, not %q", word, l.word)
		return
	}
	l.next()
}

type holds = func(record) bool

func (l *lexer) or(depth int) holds {
	f := l.and(depth)
	for l.is("or") {
		l.next()
		a, b := f, l.and(depth)
		f = func(r record) bool { return a(r) || b(r) }
	}
	return f
}

func (l *lexer) and(depth int) holds {
	f := l.unary(depth)
	for l.is("and") {
		l.next()
		a, b := f, l.unary(depth)
		f = func(r record) bool { return a(r) && b(r) }
	}
	return f
}

func (l *lexer) unary(depth int) holds {
	no := func(record) bool { return false }
	if l.nodes++; l.nodes > maxNodes+4 || depth > 10 {
		l.fail("the filter is too complex")
	}
	switch {
	case l.err != nil:
		return no
	case l.is("("):
		l.next()
		f := l.or(depth + 1)
		l.expect(")")
		return f
	case l.is("startswith"):
		l.next()
		l.expect("(")
		name := l.property("startswith")
		l.expect(",")
		want := l.literal()
		l.expect(")")
		s, ok := want.(string)
		if !ok {
			l.fail("startsWith takes a string")
		}
		return func(r record) bool {
			have, ok := at(r, name).(string)
			return ok && strings.HasPrefix(have, s)
		}
	case strings.EqualFold(l.word, "signInEventTypes/any") && !l.text:
		return l.any()
	}
	name, op := l.word, ""
	if l.text {
		l.fail("a property is expected, not %q", l.word)
		return no
	}
	l.next()
	op = strings.ToLower(l.word)
	if l.text {
		l.fail("an operator is expected")
	}
	l.word, l.rest = name, op+" "+l.rest
	name = l.property(op)
	l.next()
	want := l.literal()
	return func(r record) bool { return compare(at(r, name), op, want) }
}

// property reads a property that takes the operator.
func (l *lexer) property(op string) string {
	for name, ops := range properties {
		if strings.EqualFold(name, l.word) {
			if !slices.Contains(ops, op) {
				l.fail("%s does not take %q", name, op)
				return ""
			}
			l.next()
			return name
		}
	}
	l.fail("could not find a property named %q on type 'microsoft.graph.signIn'", l.word)
	return ""
}

// any reads signInEventTypes/any(t: t eq 'a' or t eq 'b').
func (l *lexer) any() holds {
	if !l.beta {
		l.fail("could not find a property named 'signInEventTypes' on type 'microsoft.graph.signIn'")
	}
	l.types = true
	l.next()
	l.expect("(")
	variable := strings.TrimSuffix(l.word, ":")
	if variable == l.word || variable == "" {
		l.fail("a variable and a colon are expected")
	}
	l.next()
	type term struct {
		equal bool
		want  any
	}
	var terms []term
	for l.err == nil {
		l.expect(variable)
		equal := l.is("eq")
		if !equal && !l.is("ne") {
			l.fail("eq or ne is expected")
		}
		l.next()
		terms = append(terms, term{equal, l.literal()})
		if !l.is("or") {
			break
		}
		l.next()
	}
	l.expect(")")
	return func(r record) bool {
		list, _ := r.fields["signInEventTypes"].([]any)
		return slices.ContainsFunc(list, func(have any) bool {
			return slices.ContainsFunc(terms, func(t term) bool { return (have == t.want) == t.equal })
		})
	}
}

// literal is a string, a time, a number or a truth value.
func (l *lexer) literal() any {
	word, text := l.word, l.text
	if l.err != nil {
		return nil
	}
	l.next()
	if text {
		return word
	}
	if t, err := time.Parse(time.RFC3339Nano, word); err == nil {
		return t
	}
	if n := json.Number(word); n != "" {
		if _, err := n.Int64(); err == nil {
			return n
		}
	}
	switch word {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	l.fail("unexpected %q", word)
	return nil
}

// at is the value of a property.
func at(r record, name string) any {
	if name == "createdDateTime" {
		return r.at
	}
	var v any = r.fields
	for _, step := range strings.Split(name, "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[step]
	}
	return v
}

// compare compares as the reports do: text by its bytes.
func compare(have any, op string, want any) bool {
	if t, ok := have.(time.Time); ok {
		w, ok := want.(time.Time)
		if !ok {
			return false
		}
		c := t.Compare(w)
		return op == "eq" && c == 0 || op == "ge" && c >= 0 || op == "le" && c <= 0
	}
	return op == "eq" && have == want
}
