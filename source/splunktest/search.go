package splunktest

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A filter is a condition of the search command.
type filter struct {
	op    string // "AND", "OR", "NOT", "phrase", "field"
	args  []*filter
	s     string // phrase
	field string
	cmp   string // =, !=, <, >, <=, >=
	value string
}

// searchLexemes splits the text of a search command.
func searchLexemes(s string) ([]lexeme, error) {
	var out []lexeme
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case strings.IndexByte(" \t\n\r", c) >= 0:
			i++
		case c == '"':
			t, n, err := unquote(s[i:], '"')
			if err != nil {
				return nil, err
			}
			out = append(out, lexeme{'s', t})
			i += n
		case strings.IndexByte("(),", c) >= 0:
			out = append(out, lexeme{'o', string(c)})
			i++
		case strings.IndexByte("=<>!", c) >= 0:
			n := 1
			if i+1 < len(s) && s[i+1] == '=' {
				n = 2
			}
			out = append(out, lexeme{'o', s[i : i+n]})
			i += n
		default:
			j := i
			for j < len(s) && strings.IndexByte(" \t\n\r\"(),=<>!", s[j]) < 0 {
				j++
			}
			out = append(out, lexeme{'w', s[i:j]})
			i = j
		}
	}
	return out, nil
}

type filterParser struct {
	in   []lexeme
	i    int
	deep int
}

// parseFilter reads the condition of a search command. OR binds closer than the AND between two
// terms (Splunk Search Manual, "Boolean expressions").
func parseFilter(s string) (*filter, error) {
	in, err := searchLexemes(s)
	if err != nil {
		return nil, err
	}
	p := &filterParser{in: in}
	f, err := p.and()
	if err == nil && p.i < len(p.in) {
		err = bad("Error in 'search' command: Unable to parse the search: unexpected %q.", p.in[p.i].s)
	}
	return f, err
}

func (p *filterParser) peek() lexeme {
	if p.i < len(p.in) {
		return p.in[p.i]
	}
	return lexeme{}
}

func (p *filterParser) and() (*filter, error) {
	if p.deep++; p.deep > 1000 {
		return nil, bad("Error in 'search' command: too deep.")
	}
	f := &filter{op: "AND"}
	for {
		t := p.peek()
		if t.kind == 0 || t.kind == 'o' && t.s == ")" {
			return f, nil
		}
		if t.kind == 'w' && t.s == "AND" {
			p.i++
			continue
		}
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		f.args = append(f.args, x)
	}
}

func (p *filterParser) or() (*filter, error) {
	x, err := p.not()
	if err != nil {
		return nil, err
	}
	f := &filter{op: "OR", args: []*filter{x}}
	for t := p.peek(); t.kind == 'w' && t.s == "OR"; t = p.peek() {
		p.i++
		if x, err = p.not(); err != nil {
			return nil, err
		}
		f.args = append(f.args, x)
	}
	if len(f.args) == 1 {
		return x, nil
	}
	return f, nil
}

func (p *filterParser) not() (*filter, error) {
	t := p.peek()
	p.i++
	switch {
	case t.kind == 'w' && t.s == "NOT":
		x, err := p.not()
		return &filter{op: "NOT", args: []*filter{x}}, err
	case t.kind == 'o' && t.s == "(":
		x, err := p.and()
		if err != nil {
			return nil, err
		}
		if p.peek().s != ")" || p.peek().kind != 'o' {
			return nil, bad("Error in 'search' command: Unable to parse the search: unbalanced parentheses.")
		}
		p.i++
		return x, nil
	case t.kind == 's':
		if n := p.peek(); n.kind == 'o' && strings.Contains("= != < > <= >=", n.s) {
			return p.comparison(t.s)
		}
		return &filter{op: "phrase", s: t.s}, nil
	case t.kind == 'w':
		switch n := p.peek(); {
		case n.kind == 'o' && strings.Contains("= != < > <= >=", n.s):
			return p.comparison(t.s)
		case n.kind == 'w' && n.s == "IN":
			p.i++
			return p.list(t.s)
		}
		return &filter{op: "phrase", s: t.s}, nil
	}
	return nil, bad("Error in 'search' command: Unable to parse the search: unexpected %q.", t.s)
}

func (p *filterParser) comparison(field string) (*filter, error) {
	cmp := p.peek().s
	p.i++
	v := p.peek()
	if v.kind != 's' && v.kind != 'w' {
		return nil, bad("Error in 'search' command: Unable to parse the search: Comparator '%s' is missing a term on the right hand side.", cmp)
	}
	p.i++
	return &filter{op: "field", field: field, cmp: cmp, value: v.s}, nil
}

func (p *filterParser) list(field string) (*filter, error) {
	if p.peek().s != "(" {
		return nil, bad("Error in 'search' command: IN needs a list.")
	}
	f := &filter{op: "OR"}
	for p.i++; ; {
		v := p.peek()
		p.i++
		switch {
		case v.kind == 's' || v.kind == 'w':
			f.args = append(f.args, &filter{op: "field", field: field, cmp: "=", value: v.s})
		case v.kind == 'o' && v.s == ",":
		case v.kind == 'o' && v.s == ")":
			return f, nil
		default:
			return nil, bad("Error in 'search' command: IN has a broken list.")
		}
	}
}

// holds tells whether an event fits, as the search command decides: in any case of letters, with
// stars as wildcards.
func (f *filter) holds(e *event) bool {
	switch f.op {
	case "AND":
		return !slices.ContainsFunc(f.args, func(x *filter) bool { return !x.holds(e) })
	case "OR":
		return slices.ContainsFunc(f.args, func(x *filter) bool { return x.holds(e) })
	case "NOT":
		return !f.args[0].holds(e)
	case "phrase":
		return f.s == "*" || phraseIn(strings.ToLower(e.get("_raw").String()), strings.ToLower(f.s))
	}
	if f.field == "earliest" || f.field == "latest" {
		return true // taken out before
	}
	vs := e.get(f.field).texts()
	if f.cmp == "!=" {
		return len(vs) > 0 && !slices.ContainsFunc(vs, func(v string) bool { return wild(f.value, v) })
	}
	return slices.ContainsFunc(vs, func(v string) bool {
		if f.cmp == "=" {
			return wild(f.value, v)
		}
		x, ok1 := text(v).numeric()
		y, ok2 := text(f.value).numeric()
		if !ok1 || !ok2 {
			return false
		}
		switch f.cmp {
		case "<":
			return x < y
		case ">":
			return x > y
		case "<=":
			return x <= y
		}
		return x >= y
	})
}

// times takes the time modifiers out of a search's own text.
func (f *filter) times(from, to *float64) {
	for _, x := range f.args {
		x.times(from, to)
	}
	if n, err := strconv.ParseFloat(f.value, 64); err == nil && f.op == "field" {
		switch f.field {
		case "earliest":
			*from = n
		case "latest":
			*to = n
		}
	}
}

// wild tells whether a text fits a pattern, in any case of letters. A star cannot be escaped.
func wild(pattern, s string) bool {
	if !strings.Contains(pattern, "*") {
		return strings.EqualFold(pattern, s)
	}
	parts := strings.Split(strings.ToLower(pattern), "*")
	s = strings.ToLower(s)
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// phraseIn looks for a phrase between breakers of the event: the index knows whole words only
// (segmenters.conf, MAJOR and MINOR). A star at its end lets the last word go on.
func phraseIn(raw, phrase string) bool {
	open := strings.HasSuffix(phrase, "*")
	phrase = strings.TrimSuffix(phrase, "*")
	if phrase == "" {
		return open
	}
	for i := 0; ; {
		n := strings.Index(raw[i:], phrase)
		if n < 0 {
			return false
		}
		at := i + n
		before, _ := utf8.DecodeLastRuneInString(raw[:at])
		after, _ := utf8.DecodeRuneInString(raw[at+len(phrase):])
		first, _ := utf8.DecodeRuneInString(phrase)
		last, _ := utf8.DecodeLastRuneInString(phrase)
		if (at == 0 || breaker(before) || breaker(first)) && (open || at+len(phrase) == len(raw) || breaker(after) || breaker(last)) {
			return true
		}
		i = at + 1
	}
}

func breaker(r rune) bool {
	if r >= utf8.RuneSelf || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return false
	}
	return r != '^' && r != '~' && r != '`'
}

// An event is one event, or one row of results.
type event struct {
	fields map[string]val
	lazy   func(string) val // fields that are extracted when a search asks for them; nil for rows
}

func (e *event) get(name string) val {
	if v, ok := e.fields[name]; ok {
		return v
	}
	if e.lazy != nil {
		return e.lazy(name)
	}
	return val{}
}

func (e *event) with(name string, v val) *event {
	out := &event{make(map[string]val, len(e.fields)+1), e.lazy}
	for k, x := range e.fields {
		out.fields[k] = x
	}
	out.fields[name] = v
	return out
}

// isoIn prints a time as results show _time: in the user's zone.
func isoIn(v val, zone *time.Location) string {
	n, ok := v.numeric()
	if !ok {
		return v.String()
	}
	return time.UnixMicro(int64(n * 1e6)).In(zone).Format("2006-01-02T15:04:05.000-07:00")
}
