package splunktest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A node is an expression of eval and where.
type node struct {
	op   string // "lit", "field", "call", or an operator
	v    val
	name string
	args []*node
}

// A syntaxError is what the server answers with status 400.
type syntaxError struct{ msg string }

func (e *syntaxError) Error() string { return e.msg }

func bad(format string, args ...any) error { return &syntaxError{fmt.Sprintf(format, args...)} }

// An evalLexer reads an expression.
type evalLexer struct {
	s string
	i int
}

type lexeme struct {
	kind byte // 's' string, 'n' number, 'w' word, 'q' single-quoted field, 'o' operator, 0 end
	s    string
}

func (l *evalLexer) next() (lexeme, error) {
	for l.i < len(l.s) && strings.IndexByte(" \t\n\r", l.s[l.i]) >= 0 {
		l.i++
	}
	if l.i >= len(l.s) {
		return lexeme{}, nil
	}
	start := l.i
	switch c := l.s[l.i]; {
	case c == '"' || c == '\'':
		text, n, err := unquote(l.s[l.i:], c)
		if err != nil {
			return lexeme{}, err
		}
		l.i += n
		if c == '\'' {
			return lexeme{'q', text}, nil
		}
		return lexeme{'s', text}, nil
	case c >= '0' && c <= '9':
		for l.i < len(l.s) && (l.s[l.i] >= '0' && l.s[l.i] <= '9' || l.s[l.i] == '.') {
			l.i++
		}
		return lexeme{'n', l.s[start:l.i]}, nil
	case wordByte(c):
		for l.i < len(l.s) && (wordByte(l.s[l.i]) || l.s[l.i] >= '0' && l.s[l.i] <= '9') {
			l.i++
		}
		return lexeme{'w', l.s[start:l.i]}, nil
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", "+", "-", "*", "/", "%"} {
		if strings.HasPrefix(l.s[l.i:], op) {
			l.i += len(op)
			return lexeme{'o', op}, nil
		}
	}
	return lexeme{}, bad("Error in 'eval' command: The expression is malformed at %q.", l.s[l.i:])
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// unquote reads a quoted text at the beginning of s and tells how long it was. A backslash escapes
// a quote and a backslash; before anything else it stands for itself.
func unquote(s string, q byte) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == q || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case s[i] == q:
			return b.String(), i + 1, nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, bad("Unbalanced quotes.")
}

// An evalParser reads expressions by precedence.
type evalParser struct {
	lex  evalLexer
	peek lexeme
	deep int
}

func newEvalParser(s string) (*evalParser, error) {
	p := &evalParser{lex: evalLexer{s: s}}
	return p, p.advance()
}

func (p *evalParser) advance() (err error) {
	p.peek, err = p.lex.next()
	return err
}

var levels = [][]string{{"OR"}, {"XOR"}, {"AND"}, nil, {"=", "==", "!=", "<", ">", "<=", ">="}, {".", "+", "-"}, {"*", "/", "%"}}

const notLevel = 3

func (p *evalParser) expr(level int) (*node, error) {
	if p.deep++; p.deep > 5000 {
		return nil, bad("The expression is too deep.")
	}
	if level == len(levels) {
		return p.primary()
	}
	if level == notLevel {
		if p.peek.kind == 'w' && strings.EqualFold(p.peek.s, "NOT") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			x, err := p.expr(notLevel)
			return &node{op: "NOT", args: []*node{x}}, err
		}
		return p.expr(level + 1)
	}
	left, err := p.expr(level + 1)
	if err != nil {
		return nil, err
	}
	for {
		op := ""
		for _, o := range levels[level] {
			if p.peek.kind == 'o' && p.peek.s == o || p.peek.kind == 'w' && level < notLevel && strings.EqualFold(p.peek.s, o) {
				op = o
			}
		}
		if op == "" {
			return left, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.expr(level + 1)
		if err != nil {
			return nil, err
		}
		left = &node{op: op, args: []*node{left, right}}
	}
}

func (p *evalParser) primary() (*node, error) {
	t := p.peek
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch t.kind {
	case 's':
		return &node{op: "lit", v: text(t.s)}, nil
	case 'n':
		n, err := strconv.ParseFloat(t.s, 64)
		if err != nil {
			return nil, bad("Error in 'eval' command: %q is no number.", t.s)
		}
		return &node{op: "lit", v: float(n)}, nil
	case 'q':
		return &node{op: "field", name: t.s}, nil
	case 'w':
		if p.peek.kind != 'o' || p.peek.s != "(" {
			return &node{op: "field", name: t.s}, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		n := &node{op: "call", name: strings.ToLower(t.s)}
		for p.peek.kind != 'o' || p.peek.s != ")" {
			x, err := p.expr(0)
			if err != nil {
				return nil, err
			}
			n.args = append(n.args, x)
			if p.peek.kind == 'o' && p.peek.s == "," {
				if err := p.advance(); err != nil {
					return nil, err
				}
			} else if p.peek.kind != 'o' || p.peek.s != ")" {
				return nil, bad("Error in 'eval' command: The expression is malformed. Expected ).")
			}
		}
		if _, known := functions[n.name]; !known {
			return nil, bad("Error in 'eval' command: The '%s' function is unsupported or undefined.", n.name)
		}
		return n, p.advance()
	case 'o':
		if t.s == "(" {
			x, err := p.expr(0)
			if err != nil {
				return nil, err
			}
			if p.peek.kind != 'o' || p.peek.s != ")" {
				return nil, bad("Error in 'eval' command: The expression is malformed. Expected ).")
			}
			return x, p.advance()
		}
		if t.s == "-" {
			x, err := p.primary()
			return &node{op: "neg", args: []*node{x}}, err
		}
	}
	return nil, bad("Error in 'eval' command: The expression is malformed.")
}

// parseWhere reads one whole expression.
func parseWhere(s string) (*node, error) {
	p, err := newEvalParser(s)
	if err != nil {
		return nil, err
	}
	n, err := p.expr(0)
	if err != nil {
		return nil, err
	}
	if p.peek.kind != 0 {
		return nil, bad("Error in 'where' command: The expression is malformed.")
	}
	return n, nil
}

type evalAssignment struct {
	to string
	x  *node
}

// parseEval reads "a=..., b=...".
func parseEval(s string) ([]evalAssignment, error) {
	p, err := newEvalParser(s)
	if err != nil {
		return nil, err
	}
	var out []evalAssignment
	for {
		name := p.peek
		if name.kind != 'w' && name.kind != 'q' && name.kind != 's' {
			return nil, bad("Error in 'eval' command: a field name is missing.")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.peek.kind != 'o' || p.peek.s != "=" {
			return nil, bad("Error in 'eval' command: = is missing.")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.expr(0)
		if err != nil {
			return nil, err
		}
		out = append(out, evalAssignment{name.s, x})
		if p.peek.kind == 0 {
			return out, nil
		}
		if p.peek.kind != 'o' || p.peek.s != "," {
			return nil, bad("Error in 'eval' command: The expression is malformed.")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// An evaluator computes expressions for one event.
type evaluator struct {
	get  func(string) val
	zone *time.Location // of the user
	now  time.Time
	json map[string]any // parsed texts, by text
	res  map[string]*regexp.Regexp
}

func (e *evaluator) eval(n *node) val {
	switch n.op {
	case "lit":
		return n.v
	case "field":
		return e.get(n.name)
	case "call":
		return e.call(n)
	case "neg":
		if x, ok := e.eval(n.args[0]).numeric(); ok {
			return float(-x)
		}
		return val{}
	case "NOT":
		if v := e.eval(n.args[0]); v.kind == truth {
			return boolean(!v.b)
		}
		return val{} // NOT of what is neither true nor false is neither
	case "AND", "OR":
		a, b := e.eval(n.args[0]), e.eval(n.args[1])
		stop := n.op == "OR"
		if a.kind == truth && a.b == stop || b.kind == truth && b.b == stop {
			return boolean(stop)
		}
		if a.kind != truth || b.kind != truth {
			return val{}
		}
		return boolean(!stop)
	case "XOR":
		a, b := e.eval(n.args[0]), e.eval(n.args[1])
		if a.kind != truth || b.kind != truth {
			return val{}
		}
		return boolean(a.b != b.b)
	}
	a, b := e.eval(n.args[0]), e.eval(n.args[1])
	if a.kind == null || b.kind == null {
		return val{}
	}
	switch n.op {
	case "=", "==":
		return boolean(same(a, b))
	case "!=":
		return boolean(!same(a, b))
	case "<":
		return boolean(compare(a, b) < 0)
	case ">":
		return boolean(compare(a, b) > 0)
	case "<=":
		return boolean(compare(a, b) <= 0)
	case ">=":
		return boolean(compare(a, b) >= 0)
	case ".":
		return text(a.String() + b.String())
	}
	x, ok1 := a.numeric()
	y, ok2 := b.numeric()
	if !ok1 || !ok2 {
		if n.op == "+" {
			return text(a.String() + b.String())
		}
		return val{}
	}
	switch n.op {
	case "+":
		return float(x + y)
	case "-":
		return float(x - y)
	case "*":
		return float(x * y)
	case "/":
		if y != 0 {
			return float(x / y)
		}
	case "%":
		if y != 0 {
			return float(math.Mod(x, y))
		}
	}
	return val{}
}

func (e *evaluator) regex(pattern string) *regexp.Regexp {
	if e.res == nil {
		e.res = map[string]*regexp.Regexp{}
	}
	re, ok := e.res[pattern]
	if !ok {
		re, _ = regexp.Compile(pattern)
		e.res[pattern] = re
	}
	return re
}

func (e *evaluator) yes(n *node) bool {
	v := e.eval(n)
	return v.kind == truth && v.b
}

// functions are those that the server knows, with their fewest and most arguments.
var functions = map[string][2]int{
	"json_extract": {2, 2}, "spath": {2, 2}, "coalesce": {1, 99}, "if": {3, 3}, "case": {2, 99}, "isnull": {1, 1}, "isnotnull": {1, 1},
	"len": {1, 1}, "lower": {1, 1}, "upper": {1, 1}, "substr": {2, 3}, "replace": {3, 3}, "match": {2, 2}, "split": {2, 2}, "mvcount": {1, 1},
	"mvindex": {2, 2}, "tostring": {1, 1}, "tonumber": {1, 1}, "sha256": {1, 1}, "strftime": {2, 2}, "strptime": {2, 2}, "null": {0, 0}, "true": {0, 0},
	"false": {0, 0}, "like": {2, 2}, "in": {2, 999}, "cidrmatch": {2, 2}, "floor": {1, 1}, "now": {0, 0}, "nullif": {2, 2}, "round": {1, 1},
}

func (e *evaluator) call(n *node) val {
	if len(n.args) < functions[n.name][0] || len(n.args) > functions[n.name][1] {
		return val{}
	}
	switch n.name {
	case "if":
		if e.yes(n.args[0]) {
			return e.eval(n.args[1])
		}
		return e.eval(n.args[2])
	case "case":
		for i := 0; i+1 < len(n.args); i += 2 {
			if e.yes(n.args[i]) {
				return e.eval(n.args[i+1])
			}
		}
		return val{}
	case "null":
		return val{}
	case "true", "false":
		return boolean(n.name == "true")
	case "now":
		return float(float64(e.now.Unix()))
	}
	args := make([]val, len(n.args))
	for i, a := range n.args {
		args[i] = e.eval(a)
	}
	switch n.name {
	case "coalesce":
		for _, a := range args {
			if a.kind != null {
				return a
			}
		}
		return val{}
	case "isnull":
		return boolean(args[0].kind == null)
	case "isnotnull":
		return boolean(args[0].kind != null)
	}
	for _, a := range args {
		if a.kind == null {
			return val{} // every other function of a null is null
		}
	}
	s := args[0].String()
	switch n.name {
	case "json_extract":
		return e.extract(s, args[1].String())
	case "spath":
		return e.extract(s, args[1].String())
	case "len":
		return float(float64(utf8.RuneCountInString(s)))
	case "lower":
		return text(strings.ToLower(s))
	case "upper":
		return text(strings.ToUpper(s))
	case "substr":
		return substr([]rune(s), args)
	case "replace":
		if re := e.regex(args[1].String()); re != nil {
			return text(re.ReplaceAllString(s, regexp.MustCompile(`\\([0-9])`).ReplaceAllString(strings.ReplaceAll(args[2].String(), "$", "$$"), "$${$1}")))
		}
	case "match":
		if re := e.regex(args[1].String()); re != nil {
			return boolean(re.MatchString(s))
		}
	case "split":
		if args[1].String() == "" {
			return several([]string{s})
		}
		return several(strings.Split(s, args[1].String()))
	case "mvcount":
		return float(float64(len(args[0].texts())))
	case "mvindex":
		l := args[0].texts()
		i, _ := args[1].numeric()
		if i < 0 {
			i += float64(len(l))
		}
		if i >= 0 && int(i) < len(l) {
			return text(l[int(i)])
		}
	case "tostring":
		if args[0].kind == num && args[0].n != math.Trunc(args[0].n) {
			return text(strconv.FormatFloat(args[0].n, 'f', 6, 64))
		}
		return text(s)
	case "tonumber":
		if x, ok := args[0].numeric(); ok {
			return float(x)
		}
	case "sha256":
		sum := sha256.Sum256([]byte(s))
		return text(hex.EncodeToString(sum[:]))
	case "strftime":
		if x, ok := args[0].numeric(); ok {
			return text(time.Unix(int64(x), 0).In(e.zone).Format(layout(args[1].String())))
		}
	case "strptime":
		// A form without a zone is read in the user's, whatever letter stands at its end.
		if t, err := time.ParseInLocation(layout(args[1].String()), s, e.zone); err == nil {
			return float(float64(t.Unix()))
		}
	case "like":
		pattern := regexp.QuoteMeta(args[1].String())
		pattern = strings.NewReplacer("%", "(?s:.*)", "_", "(?s:.)").Replace(pattern)
		if re := e.regex("^" + pattern + "$"); re != nil {
			return boolean(re.MatchString(s))
		}
	case "in":
		for _, a := range args[1:] {
			if same(args[0], a) {
				return boolean(true)
			}
		}
		return boolean(false)
	case "cidrmatch":
		p, err1 := netip.ParsePrefix(s)
		a, err2 := netip.ParseAddr(args[1].String())
		return boolean(err1 == nil && err2 == nil && p.Contains(a))
	case "floor":
		if x, ok := args[0].numeric(); ok {
			return float(math.Floor(x))
		}
	case "round":
		if x, ok := args[0].numeric(); ok {
			return float(math.Round(x))
		}
	case "nullif":
		if !same(args[0], args[1]) {
			return args[0]
		}
	}
	return val{}
}

func substr(r []rune, args []val) val {
	at, ok := args[1].numeric()
	if !ok {
		return val{}
	}
	i := int(at) - 1
	if at < 0 {
		i = max(0, len(r)+int(at))
	}
	if at == 0 {
		i = 0
	}
	n := len(r)
	if len(args) == 3 {
		x, ok := args[2].numeric()
		if !ok {
			return val{}
		}
		n = int(x)
	}
	if i >= len(r) || n <= 0 {
		return text("")
	}
	return text(string(r[i:min(len(r), i+n)]))
}

func layout(f string) string {
	return strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05", "%z", "-0700", "%A", "Monday").Replace(f)
}

// extract is json_extract: a text as it is, a number as a number of double precision, a truth value
// as a word, an object or list as JSON.
func (e *evaluator) extract(s, path string) val {
	doc, ok := e.json[s]
	if !ok {
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		if dec.Decode(&doc) != nil {
			doc = nil
		}
		if e.json == nil || len(e.json) > 4 {
			e.json = map[string]any{}
		}
		e.json[s] = doc
	}
	for _, step := range strings.Split(path, ".") {
		members, ok := doc.(map[string]any)
		if !ok {
			return val{}
		}
		if doc, ok = members[step]; !ok {
			return val{}
		}
	}
	switch x := doc.(type) {
	case nil:
		return val{}
	case string:
		return text(x)
	case bool:
		return text(strconv.FormatBool(x))
	case json.Number:
		n, _ := x.Float64()
		return float(n)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return val{}
	}
	return text(string(out))
}
