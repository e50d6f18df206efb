package query

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxQuery and maxDepth bound what a query may cost to read.
const (
	maxQuery = 1 << 20
	maxDepth = 100
)

// Parse reads a query in the form that [Query.String] prints. It checks the form only; see [Check].
func Parse(text string) (Query, error) {
	p, err := newParser(text)
	if err != nil {
		return Query{}, err
	}
	q, err := p.query()
	if err != nil {
		return Query{}, err
	}
	return q, nil
}

// ParseExpr reads a condition on the events of a dataset. Fields must be known, "$name" stands
// for a value that is bound later.
func ParseExpr(d Dataset, text string) (Expr, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	schema, ok := SchemaOf(d)
	if !ok {
		return nil, unknownDataset(d)
	}
	p.schema = &schema
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.wrong("expected \"and\", \"or\" or the end")
	}
	return e, nil
}

func unknownDataset(d Dataset) error {
	var names []string
	for _, s := range schemas {
		names = append(names, string(s.Dataset))
	}
	return fmt.Errorf("unknown dataset %q%s; datasets are %s", d, didYouMean(string(d), names), strings.Join(names, ", "))
}

type tokenKind uint8

const (
	word tokenKind = iota + 1 // letters, digits, and _ . : - / + inside
	str                       // a quoted text, unquoted
	sign                      // ( ) , and the operators
	param
)

type token struct {
	kind tokenKind
	text string
	pos  int // in bytes
	len  int // as written, in bytes
}

type parser struct {
	text   string
	tokens []token
	i      int
	schema *Schema
}

func newParser(text string) (*parser, error) {
	p := &parser{text: text}
	if len(text) > maxQuery {
		return nil, fmt.Errorf("a query of %d bytes is too long; at most %d", len(text), maxQuery)
	}
	if !utf8.ValidString(text) {
		return nil, p.at(token{len: 1}, "the text is not UTF-8; write other bytes as \"\\xff\"")
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"':
			s, n, err := unquote(text[i:])
			if err != nil {
				return nil, p.at(token{pos: i, len: 1}, err.Error())
			}
			p.tokens = append(p.tokens, token{str, s, i, n})
			i += n
		case strings.IndexByte("(),=", c) >= 0:
			p.tokens = append(p.tokens, token{sign, string(c), i, 1})
			i++
		case c == '!' || c == '<' || c == '>':
			n := 1
			if i+1 < len(text) && text[i+1] == '=' {
				n = 2
			}
			p.tokens = append(p.tokens, token{sign, text[i : i+n], i, n})
			i += n
		case c == '$' || wordByte(c):
			j := i + 1
			for j < len(text) && wordByte(text[j]) {
				j++
			}
			if c == '$' {
				if j == i+1 {
					return nil, p.at(token{pos: i, len: 1}, "expected a name after $")
				}
				p.tokens = append(p.tokens, token{param, text[i+1 : j], i, j - i})
			} else {
				p.tokens = append(p.tokens, token{word, text[i:j], i, j - i})
			}
			i = j
		default:
			return nil, p.at(token{pos: i, len: 1}, "unexpected character; texts stand between double quotes")
		}
	}
	return p, nil
}

func wordByte(c byte) bool {
	return c == '_' || c == '.' || c == ':' || c == '-' || c == '/' || c == '+' ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// unquote reads a quoted text as [Quote] prints it and tells how long it was.
func unquote(s string) (text string, n int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); {
		switch c := s[i]; {
		case c == '"':
			return b.String(), i + 1, nil
		case c == '\n':
			return "", 0, fmt.Errorf("the text has no closing quote")
		case c != '\\':
			b.WriteByte(c)
			i++
		default:
			if i+1 >= len(s) {
				return "", 0, fmt.Errorf("the text has no closing quote")
			}
			width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i+1]]
			switch e := s[i+1]; {
			case e == '"' || e == '\\':
				b.WriteByte(e)
			case e == 'n':
				b.WriteByte('\n')
			case e == 't':
				b.WriteByte('\t')
			case width == 0 || i+2+width > len(s):
				return "", 0, fmt.Errorf("unknown escape; use \\\" \\\\ \\n \\t \\xff \\u202e \\U000e0001")
			default:
				v, err := strconv.ParseUint(s[i+2:i+2+width], 16, 32)
				if err != nil || (e != 'x' && !utf8.ValidRune(rune(v))) {
					return "", 0, fmt.Errorf("\\%c needs %d hexadecimal digits of a character", e, width)
				}
				if e == 'x' {
					b.WriteByte(byte(v))
				} else {
					b.WriteRune(rune(v))
				}
				i += width
			}
			i += 2
		}
	}
	return "", 0, fmt.Errorf("the text has no closing quote")
}

func (p *parser) end() bool { return p.i >= len(p.tokens) }

func (p *parser) peek() token {
	if p.end() {
		return token{pos: len(p.text)}
	}
	return p.tokens[p.i]
}

func (p *parser) next() token {
	t := p.peek()
	p.i++
	return t
}

// is tells whether the next token is that word or sign, and takes it if so.
func (p *parser) is(kind tokenKind, text string) bool {
	if t := p.peek(); t.kind == kind && t.text == text {
		p.i++
		return true
	}
	return false
}

func (p *parser) wrong(msg string) error { return p.at(p.peek(), msg) }

// at is a mistake in the token t.
func (p *parser) at(t token, msg string) error {
	pos := min(t.pos, len(p.text))
	start := strings.LastIndexByte(p.text[:pos], '\n') + 1
	line, _, _ := strings.Cut(p.text[start:], "\n")
	end := min(pos+t.len, start+len(line))
	return &SyntaxError{
		Line: strings.Count(p.text[:pos], "\n") + 1, Col: utf8.RuneCountInString(p.text[start:pos]) + 1,
		Width: utf8.RuneCountInString(p.text[pos:max(pos, end)]), Text: strings.ToValidUTF8(line, "\uFFFD"), Msg: msg,
	}
}

func (p *parser) expect(words ...string) error {
	for _, w := range words {
		if !p.is(word, w) {
			got := p.peek()
			msg := fmt.Sprintf("expected %q", w)
			if got.kind == word {
				msg += fmt.Sprintf(", not %q", got.text)
			}
			return p.wrong(msg)
		}
	}
	return nil
}

func (p *parser) query() (Query, error) {
	t := p.next()
	if t.kind != word {
		return Query{}, p.at(t, "a query begins with its dataset")
	}
	q := Query{Dataset: Dataset(t.text)}
	schema, ok := SchemaOf(q.Dataset)
	if !ok {
		return Query{}, p.at(t, unknownDataset(q.Dataset).Error())
	}
	p.schema = &schema
	var err error
	if err = p.expect("from"); err != nil {
		return q, err
	}
	if q.Window.From, err = p.time(); err != nil {
		return q, err
	}
	if err = p.expect("to"); err != nil {
		return q, err
	}
	if q.Window.To, err = p.time(); err != nil {
		return q, err
	}
	if p.is(word, "where") {
		if q.Where, err = p.or(0); err != nil {
			return q, err
		}
	}
	if p.is(word, "select") {
		err = p.list(func() error {
			f, err := p.field()
			q.Select = append(q.Select, f)
			return err
		})
	}
	if err == nil && p.is(word, "group") {
		if err = p.expect("by"); err == nil {
			err = p.list(func() error {
				k, err := p.key()
				q.GroupBy = append(q.GroupBy, k)
				return err
			})
		}
	}
	if err == nil && p.is(word, "compute") {
		err = p.list(func() error {
			a, err := p.aggregate()
			q.Compute = append(q.Compute, a)
			return err
		})
	}
	if err == nil && p.is(word, "order") {
		if err = p.expect("by"); err == nil {
			err = p.list(func() error {
				t := p.next()
				if t.kind != word {
					return p.at(t, "expected a column of the answer")
				}
				q.Order = append(q.Order, Order{By: t.text, Desc: p.is(word, "desc")})
				return nil
			})
		}
	}
	if err != nil {
		return q, err
	}
	if err = p.expect("limit"); err != nil {
		return q, err
	}
	t = p.next()
	if q.Limit, err = strconv.Atoi(t.text); err != nil || t.kind != word {
		return q, p.at(t, "limit needs a whole number")
	}
	if !p.end() {
		return q, p.wrong("expected the end after the limit")
	}
	return q, nil
}

func (p *parser) list(one func() error) error {
	for {
		if err := one(); err != nil {
			return err
		}
		if !p.is(sign, ",") {
			return nil
		}
	}
}

func (p *parser) time() (time.Time, error) {
	t := p.next()
	at, ok := stamp(t.text)
	if !ok || t.kind != word {
		return time.Time{}, p.at(t, "expected a time such as 2025-09-09T04:20:05Z")
	}
	return at, nil
}

func (p *parser) field() (Field, error) {
	t := p.next()
	if t.kind != word {
		return "", p.at(t, "expected a field")
	}
	if _, err := p.schema.Field(Field(t.text)); err != nil {
		return "", p.at(t, err.Error())
	}
	return Field(t.text), nil
}

func (p *parser) key() (Key, error) {
	if t := p.peek(); t.kind == word && t.text == "quarter" {
		p.i++
		if !p.is(sign, "(") {
			return Key{}, p.wrong("expected ( after quarter")
		}
		f, err := p.field()
		if err == nil && !p.is(sign, ")") {
			err = p.wrong("expected )")
		}
		return Key{Field: f, Quarter: true}, err
	}
	f, err := p.field()
	return Key{Field: f}, err
}

var funcs = []string{string(Count), string(CountDistinct), string(Min), string(Max), string(Sum), string(Values)}

func (p *parser) aggregate() (Aggregate, error) {
	t := p.next()
	a := Aggregate{Func: Func(t.text)}
	known := false
	for _, f := range funcs {
		known = known || f == t.text
	}
	if t.kind != word || !known {
		return a, p.at(t, fmt.Sprintf("unknown function %q%s; functions are %s", t.text, didYouMean(t.text, funcs), strings.Join(funcs, ", ")))
	}
	if !p.is(sign, "(") {
		return a, p.wrong("expected (")
	}
	var err error
	if !p.is(sign, ")") {
		if a.Field, err = p.field(); err != nil {
			return a, err
		}
		if p.is(sign, ",") {
			n := p.next()
			if a.Limit, err = strconv.Atoi(n.text); err != nil || n.kind != word {
				return a, p.at(n, "expected how many values at most")
			}
		}
		if !p.is(sign, ")") {
			return a, p.wrong("expected )")
		}
	}
	if err := p.expect("as"); err != nil {
		return a, err
	}
	name := p.next()
	if name.kind != word {
		return a, p.at(name, "expected the column's name after \"as\"")
	}
	a.As = name.text
	return a, nil
}

func (p *parser) or(depth int) (Expr, error) {
	return p.chain(depth, "or", p.and, func(t []Expr) Expr { return Or{t} })
}

func (p *parser) and(depth int) (Expr, error) {
	return p.chain(depth, "and", p.unary, func(t []Expr) Expr { return And{t} })
}

func (p *parser) chain(depth int, by string, inner func(int) (Expr, error), build func([]Expr) Expr) (Expr, error) {
	if depth > maxDepth {
		return nil, p.wrong("the condition is nested too deeply")
	}
	e, err := inner(depth)
	if err != nil {
		return nil, err
	}
	terms := []Expr{e}
	for p.is(word, by) {
		if e, err = inner(depth); err != nil {
			return nil, err
		}
		terms = append(terms, e)
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return build(terms), nil
}

func (p *parser) unary(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, p.wrong("the condition is nested too deeply")
	}
	switch t := p.peek(); {
	case p.is(word, "not"):
		x, err := p.unary(depth + 1)
		return Not{x}, err
	case p.is(sign, "("):
		return p.inParens(depth)
	case t.kind == word && (t.text == "and" || t.text == "or"):
		p.i++
		if !p.is(sign, "(") {
			return nil, p.at(t, fmt.Sprintf("%q stands between two conditions", t.text))
		}
		x, err := p.inParens(depth)
		if t.text == "or" {
			return Or{[]Expr{x}}, err
		}
		return And{[]Expr{x}}, err
	case p.is(word, "all"):
		return And{}, nil
	case p.is(word, "none"):
		return Or{}, nil
	}
	return p.comparison()
}

func (p *parser) inParens(depth int) (Expr, error) {
	x, err := p.or(depth + 1)
	if err == nil && !p.is(sign, ")") {
		err = p.wrong("expected )")
	}
	return x, err
}

var operators = []string{"exists", "in", "prefix", "contains"}

func (p *parser) comparison() (Expr, error) {
	f, err := p.field()
	if err != nil {
		return nil, err
	}
	t := p.next()
	switch {
	case t.kind == sign && (t.text == "=" || t.text == "!=" || t.text == "<" || t.text == "<=" || t.text == ">" || t.text == ">="):
		v, err := p.value()
		return Compare{f, Op(t.text), v}, err
	case t.kind == word && t.text == "exists":
		return Exists{f}, nil
	case t.kind == word && t.text == "prefix":
		v, err := p.value()
		return Prefix{f, v}, err
	case t.kind == word && t.text == "contains":
		v, err := p.value()
		return Contains{f, v}, err
	case t.kind == word && t.text == "in":
		return p.in(f)
	case t.kind == word:
		return nil, p.at(t, fmt.Sprintf("unknown operator %q%s; operators are = != < <= > >= in, prefix, contains, exists", t.text, didYouMean(t.text, operators)))
	}
	return nil, p.at(t, fmt.Sprintf("expected an operator after %q: = != < <= > >= in, prefix, contains, exists", f))
}

func (p *parser) in(f Field) (Expr, error) {
	switch t := p.peek(); {
	case t.kind == param:
		p.i++
		return In{f, []Value{ParamOf(t.text)}}, nil
	case p.is(word, "cidr"):
		t := p.next()
		prefix, ok := network(t.text)
		if !ok || t.kind != word {
			return nil, p.at(t, "expected a network such as 203.0.113.0/24")
		}
		return CIDR{f, prefix}, nil
	case p.is(sign, "("):
	default:
		return nil, p.wrong("expected a list in parentheses, a $parameter or cidr")
	}
	in := In{Field: f}
	if p.is(sign, ")") {
		return in, nil
	}
	err := p.list(func() error {
		v, err := p.value()
		in.Values = append(in.Values, v)
		return err
	})
	if err == nil && !p.is(sign, ")") {
		err = p.wrong("expected )")
	}
	return in, err
}

// network reads a network in its one form: no bits beyond its length, IPv4 never inside IPv6.
func network(s string) (netip.Prefix, bool) {
	n, err := netip.ParsePrefix(s)
	if err != nil {
		return n, false
	}
	if n.Addr().Is4In6() {
		if n.Bits() < 96 {
			return n, false
		}
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	return n.Masked(), true
}

func (p *parser) value() (Value, error) {
	t := p.next()
	switch {
	case t.kind == str:
		return TextOf(t.text), nil
	case t.kind == param:
		return ParamOf(t.text), nil
	case t.kind == word && t.text == "ip":
		a := p.next()
		v := IPOf(a.text)
		if a.kind != word || v.Type() != IP {
			return Value{}, p.at(a, "expected an address after ip")
		}
		return v, nil
	case t.kind == word && (t.text == "true" || t.text == "false"):
		return BoolOf(t.text == "true"), nil
	case t.kind == word:
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return IntOf(n), nil
		}
		if at, ok := stamp(t.text); ok {
			return TimeOf(at), nil
		}
	}
	return Value{}, p.at(t, "expected a value: a text in double quotes, a number, a time, true, false, ip and an address, or a $parameter")
}
