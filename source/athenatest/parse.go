package athenatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An expr is a node of the tree of a query. Its text is the same for the same expression.
type expr interface{ String() string }

type (
	nameExpr  struct{ steps []string } // a column, or a member of one
	textLit   string
	intLit    int64
	floatLit  float64
	boolLit   bool
	nullLit   struct{}
	stampLit  struct{ text, typ string }
	unaryExpr struct {
		op string
		x  expr
	}
	binaryExpr struct {
		op   string
		x, y expr
	}
	isNullExpr struct {
		x   expr
		not bool
	}
	inExpr struct {
		x    expr
		list []expr
		not  bool
	}
	betweenExpr struct {
		x, lo, hi expr
		not       bool
	}
	likeExpr struct {
		x, pattern, escape expr
		not                bool
	}
	caseExpr struct {
		of    expr
		whens [][2]expr
		other expr
	}
	castExpr struct {
		x   expr
		to  string
		try bool
	}
	tryExpr  struct{ x expr }
	callExpr struct {
		name     string
		args     []expr
		star     bool
		distinct bool
		filter   expr
		over     *window
	}
)

type window struct {
	partition []expr
	order     []sortKey
}

type sortKey struct {
	by         expr
	desc       bool
	nullsFirst bool
}

func list(xs []expr) string {
	out := make([]string, len(xs))
	for i, x := range xs {
		out[i] = fmt.Sprint(x)
	}
	return strings.Join(out, ", ")
}

func (e nameExpr) String() string  { return strings.Join(e.steps, ".") }
func (e textLit) String() string   { return strconv.Quote(string(e)) }
func (e intLit) String() string    { return strconv.FormatInt(int64(e), 10) }
func (e floatLit) String() string  { return strconv.FormatFloat(float64(e), 'g', -1, 64) }
func (e boolLit) String() string   { return strconv.FormatBool(bool(e)) }
func (nullLit) String() string     { return "NULL" }
func (e stampLit) String() string  { return e.typ + strconv.Quote(e.text) }
func (e unaryExpr) String() string { return "(" + e.op + " " + e.x.String() + ")" }
func (e binaryExpr) String() string {
	return "(" + e.x.String() + " " + e.op + " " + e.y.String() + ")"
}
func (e isNullExpr) String() string { return fmt.Sprintf("(%s is null %v)", e.x, e.not) }
func (e inExpr) String() string     { return fmt.Sprintf("(%s in %v %s)", e.x, e.not, list(e.list)) }

func (e betweenExpr) String() string {
	return fmt.Sprintf("(%s between %v %s %s)", e.x, e.not, e.lo, e.hi)
}

func (e likeExpr) String() string {
	return fmt.Sprintf("(%s like %v %s %v)", e.x, e.not, e.pattern, e.escape)
}
func (e caseExpr) String() string { return fmt.Sprintf("case(%v %v %v)", e.of, e.whens, e.other) }
func (e castExpr) String() string { return fmt.Sprintf("cast(%s %s %v)", e.x, e.to, e.try) }
func (e tryExpr) String() string  { return fmt.Sprintf("try(%s)", e.x) }
func (e callExpr) String() string {
	return fmt.Sprintf("%s(%s %v %v %v %v)", e.name, list(e.args), e.star, e.distinct, e.filter, e.over)
}

// A selection is one SELECT.
type selection struct {
	with   []named
	items  []item
	from   []string // database and table, or the name of a WITH
	where  expr
	group  []expr
	having expr
	order  []sortKey
	limit  int64 // -1 for none
}

type named struct {
	name string
	sel  *selection
}

type item struct {
	x     expr // nil for *
	alias string
}

type parser struct {
	tokens []token
	at     int
	depth  int
}

// parse reads a query.
func parse(sql string) (sel *selection, err error) {
	tokens, err := lex(sql)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(syntaxError)
			if !ok {
				panic(r)
			}
			sel, err = nil, e
		}
	}()
	sel = p.query()
	if p.peek().kind != endToken {
		p.fail("nothing more")
	}
	return sel, nil
}

type syntaxError string

func (e syntaxError) Error() string { return string(e) }

func (p *parser) fail(want string) {
	t := p.peek()
	panic(syntaxError(fmt.Sprintf("mismatched input %q at %d; expecting %s", t.text, t.at, want)))
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) word(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) || p.tokens[p.at+i].kind != wordToken || p.tokens[p.at+i].text != w {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) mark(m string) bool {
	if t := p.peek(); t.kind == markToken && t.text == m {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(m string) {
	if !p.mark(m) {
		p.fail(m)
	}
}

func (p *parser) needWord(w string) {
	if !p.word(w) {
		p.fail(w)
	}
}

// reserved are words that are no names (Trino, "Keywords and identifiers"), of those known here.
var reserved = []string{
	"and", "as", "between", "by", "case", "cast", "distinct", "else", "end", "escape", "false", "from", "group", "having", "in", "is",
	"like", "not", "null", "on", "or", "order", "select", "then", "true", "union", "when", "where", "with",
}

func (p *parser) name() string {
	t := p.peek()
	if t.kind == nameToken || t.kind == wordToken && !slices.Contains(reserved, t.text) {
		p.at++
		return strings.ToLower(t.text)
	}
	p.fail("a name")
	return ""
}

func (p *parser) query() *selection {
	sel := &selection{limit: -1}
	if p.word("with") {
		for {
			n := p.name()
			p.needWord("as")
			p.need("(")
			sel.with = append(sel.with, named{n, p.query()})
			p.need(")")
			if !p.mark(",") {
				break
			}
		}
	}
	p.needWord("select")
	for {
		if p.mark("*") {
			sel.items = append(sel.items, item{})
		} else {
			it := item{x: p.expr()}
			if p.word("as") {
				it.alias = p.name()
			}
			sel.items = append(sel.items, it)
		}
		if !p.mark(",") {
			break
		}
	}
	p.needWord("from")
	sel.from = []string{p.name()}
	for p.mark(".") {
		sel.from = append(sel.from, p.name())
	}
	if p.word("where") {
		sel.where = p.expr()
	}
	if p.word("group", "by") {
		sel.group = p.exprs()
	}
	if p.word("having") {
		sel.having = p.expr()
	}
	sel.order = p.orderBy()
	if p.word("limit") {
		t := p.peek()
		n, err := strconv.ParseInt(t.text, 10, 64)
		if t.kind != numberToken || err != nil {
			p.fail("a number")
		}
		p.at++
		sel.limit = n
	}
	return sel
}

func (p *parser) orderBy() []sortKey {
	if !p.word("order", "by") {
		return nil
	}
	var out []sortKey
	for {
		k := sortKey{by: p.expr()}
		if p.word("desc") {
			k.desc = true
		} else {
			p.word("asc")
		}
		if p.word("nulls", "first") {
			k.nullsFirst = true
		} else {
			p.word("nulls", "last") // the default of Trino, also for DESC
		}
		out = append(out, k)
		if !p.mark(",") {
			return out
		}
	}
}

func (p *parser) exprs() []expr {
	out := []expr{p.expr()}
	for p.mark(",") {
		out = append(out, p.expr())
	}
	return out
}

func (p *parser) expr() expr {
	if p.depth++; p.depth > 2000 {
		p.fail("a shallower expression")
	}
	defer func() { p.depth-- }()
	x := p.and()
	for p.word("or") {
		x = binaryExpr{"or", x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for p.word("and") {
		x = binaryExpr{"and", x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	if p.word("not") {
		return unaryExpr{"not", p.not()}
	}
	return p.predicate()
}

func (p *parser) predicate() expr {
	x := p.sum()
	for {
		t := p.peek()
		if t.kind == markToken && slices.Contains([]string{"=", "<>", "!=", "<", "<=", ">", ">="}, t.text) {
			p.at++
			op := t.text
			if op == "!=" {
				op = "<>"
			}
			x = binaryExpr{op, x, p.sum()}
			continue
		}
		if p.word("is") {
			not := p.word("not")
			p.needWord("null")
			x = isNullExpr{x, not}
			continue
		}
		save := p.at
		not := p.word("not")
		switch {
		case p.word("in"):
			p.need("(")
			x = inExpr{x, p.exprs(), not}
			p.need(")")
		case p.word("between"):
			lo := p.sum()
			p.needWord("and")
			x = betweenExpr{x, lo, p.sum(), not}
		case p.word("like"):
			l := likeExpr{x: x, pattern: p.sum(), not: not}
			if p.word("escape") {
				l.escape = p.sum()
			}
			x = l
		default:
			p.at = save
			return x
		}
	}
}

func (p *parser) sum() expr {
	x := p.product()
	for {
		switch {
		case p.mark("+"):
			x = binaryExpr{"+", x, p.product()}
		case p.mark("-"):
			x = binaryExpr{"-", x, p.product()}
		case p.mark("||"):
			x = binaryExpr{"||", x, p.product()}
		default:
			return x
		}
	}
}

func (p *parser) product() expr {
	x := p.unary()
	for {
		switch {
		case p.mark("*"):
			x = binaryExpr{"*", x, p.unary()}
		case p.mark("/"):
			x = binaryExpr{"/", x, p.unary()}
		case p.mark("%"):
			x = binaryExpr{"%", x, p.unary()}
		default:
			return x
		}
	}
}

func (p *parser) unary() expr {
	if p.mark("-") {
		if t := p.peek(); t.kind == numberToken {
			if n, ok := p.primary().(intLit); ok {
				return -n
			}
			p.at--
		}
		return unaryExpr{"-", p.unary()}
	}
	return p.primary()
}

func (p *parser) primary() expr {
	t := p.peek()
	switch t.kind {
	case textToken:
		p.at++
		return textLit(t.text)
	case numberToken:
		p.at++
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return intLit(n)
		}
		if strings.ContainsAny(t.text, "eE") {
			if f, err := strconv.ParseFloat(t.text, 64); err == nil {
				return floatLit(f)
			}
		}
		p.at--
		p.fail("a number")
	case markToken:
		if p.mark("(") {
			x := p.expr()
			p.need(")")
			return x
		}
	case nameToken, wordToken:
		return p.named()
	case endToken:
	}
	p.fail("an expression")
	return nil
}

func (p *parser) named() expr {
	switch {
	case p.word("true"):
		return boolLit(true)
	case p.word("false"):
		return boolLit(false)
	case p.word("null"):
		return nullLit{}
	case p.word("case"):
		var c caseExpr
		if t := p.peek(); t.kind != wordToken || t.text != "when" {
			c.of = p.expr()
		}
		for p.word("when") {
			w := p.expr()
			p.needWord("then")
			c.whens = append(c.whens, [2]expr{w, p.expr()})
		}
		if len(c.whens) == 0 {
			p.fail("when")
		}
		if p.word("else") {
			c.other = p.expr()
		}
		p.needWord("end")
		return c
	}
	t, next := p.peek(), p.tokens[p.at+1]
	if t.kind == wordToken && next.kind == textToken && (t.text == "timestamp" || t.text == "date") {
		p.at += 2
		return stampLit{next.text, t.text}
	}
	if t.kind == wordToken && next.kind == markToken && next.text == "(" {
		return p.call()
	}
	e := nameExpr{[]string{p.name()}}
	for p.mark(".") {
		e.steps = append(e.steps, p.name())
	}
	return e
}

func (p *parser) call() expr {
	name := p.peek().text
	p.at += 2
	switch name {
	case "cast", "try_cast":
		x := p.expr()
		p.needWord("as")
		to := p.peek()
		if to.kind != wordToken {
			p.fail("a type")
		}
		p.at++
		p.need(")")
		return castExpr{x, to.text, name == "try_cast"}
	case "try":
		x := p.expr()
		p.need(")")
		return tryExpr{x}
	}
	c := callExpr{name: name}
	switch {
	case p.mark("*"):
		c.star = true
	case p.peek().kind == markToken && p.peek().text == ")":
	default:
		c.distinct = p.word("distinct")
		c.args = p.exprs()
	}
	p.need(")")
	if p.word("filter") {
		p.need("(")
		p.needWord("where")
		c.filter = p.expr()
		p.need(")")
	}
	if p.word("over") {
		p.need("(")
		c.over = &window{}
		if p.word("partition", "by") {
			c.over.partition = p.exprs()
		}
		c.over.order = p.orderBy()
		p.need(")")
	}
	return c
}
