package policy

import (
	"errors"
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"uratori/fact"
	"uratori/strictyaml"
)

// Bounds on one condition. They are far above what a person writes.
const (
	maxCondition = 2000   // characters
	maxDepth     = 50     // nested parentheses
	maxCost      = 10_000 // steps of evaluation, as CEL counts them
)

// functions are what a condition may call: none of them can fail, loop or grow.
var functions = []string{
	operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
	operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	operators.In, "size", "contains", "startsWith", "endsWith",
}

// A condition is a compiled expression over features. The zero condition always holds.
type condition struct {
	source  string
	vars    []string        // the variables it names, sorted
	rising  map[string]bool // variables of which more can only make it truer
	offsets map[string]int  // where each stands first
	run     cel.Program
}

// A mistake is what is wrong with a condition, and where in its text.
type mistake struct {
	offset, width int
	msg, hint     string
}

func (m *mistake) Error() string { return m.msg }

// A scope is the variables that conditions of one place may name.
type scope struct {
	env     *cel.Env
	names   []string            // sorted
	choices map[string][]string // values of variables that are one of several names
}

// variable is one name of a scope.
type variable struct {
	typ     *cel.Type
	choices []string
}

func newScope(vars map[string]variable) (*scope, error) {
	s := &scope{choices: map[string][]string{}}
	opts := []cel.EnvOption{
		cel.ClearMacros(), cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxCondition), cel.ParserRecursionLimit(maxDepth),
	}
	for name, v := range vars {
		s.names = append(s.names, name)
		opts = append(opts, cel.Variable(name, v.typ))
		if len(v.choices) > 0 {
			s.choices[name] = v.choices
		}
	}
	slices.Sort(s.names)
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("declare the features: %w", err)
	}
	s.env = env
	return s, nil
}

// compile checks one expression, which must be a truth.
func (s *scope) compile(source string) (condition, error) {
	parsed, issues := s.env.Parse(source)
	if err := firstIssue(issues); err != nil {
		return condition{}, err
	}
	tree := parsed.NativeRep()
	if err := s.check(tree); err != nil {
		return condition{}, err
	}
	checked, issues := s.env.Check(parsed)
	if err := firstIssue(issues); err != nil {
		return condition{}, err
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) {
		return condition{}, &mistake{width: len([]rune(source)), msg: fmt.Sprintf("a condition must be true or false, not %s", t)}
	}
	run, err := s.env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return condition{}, &mistake{width: 1, msg: fmt.Sprintf("plan the condition: %v", err)}
	}
	c := condition{source: source, run: run, rising: map[string]bool{}, offsets: map[string]int{}}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if _, seen := c.offsets[e.AsIdent()]; e.Kind() != ast.IdentKind || seen {
			return
		}
		if r, ok := tree.SourceInfo().GetOffsetRange(e.ID()); ok {
			c.offsets[e.AsIdent()] = int(r.Start)
		}
	}))
	polarity(checked.NativeRep().Expr(), true, c.rising)
	for name := range c.rising {
		c.vars = append(c.vars, name)
	}
	slices.Sort(c.vars)
	return c, nil
}

// firstIssue is the first complaint of CEL, with its place.
func firstIssue(issues *cel.Issues) error {
	if issues.Err() == nil {
		return nil
	}
	list := issues.Errors()
	if len(list) == 0 {
		return &mistake{width: 1, msg: issues.Err().Error()}
	}
	m := &mistake{width: 1, msg: list[0].Message}
	if at := list[0].Location; at != nil && at.Line() == 1 {
		m.offset = at.Column()
	}
	return m
}

// check refuses unknown names, functions outside the list, and comparisons with a choice
// that the fact does not have: they would never hold.
func (s *scope) check(tree *ast.AST) error {
	var found *mistake
	say := func(e ast.Expr, word, msg, hint string) {
		if found != nil {
			return
		}
		found = &mistake{width: max(1, len([]rune(word))), msg: msg, hint: hint}
		if r, ok := tree.SourceInfo().GetOffsetRange(e.ID()); ok {
			found.offset = int(r.Start)
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			if name := e.AsIdent(); !slices.Contains(s.names, name) {
				say(e, name, fmt.Sprintf("unknown feature %q", name), didYouMean(name, s.names))
			}
		case ast.CallKind:
			call := e.AsCall()
			if !slices.Contains(functions, call.FunctionName()) {
				say(e, "", fmt.Sprintf("%q may not be used in a condition", functionName(call.FunctionName())), "write comparisons, in, contains, startsWith, endsWith, size, &&, || and !")
			}
			s.checkChoices(call, say)
		case ast.LiteralKind, ast.ListKind:
		case ast.SelectKind, ast.ComprehensionKind, ast.MapKind, ast.StructKind, ast.UnspecifiedExprKind:
			say(e, "", "a condition is made of features, literals and comparisons", "features have no dots in their names")
		}
	}))
	if found != nil {
		return found
	}
	return nil
}

func functionName(op string) string {
	if name, ok := operators.FindReverse(op); ok && name != "" {
		return name
	}
	return op
}

func (s *scope) checkChoices(call ast.CallExpr, say func(e ast.Expr, word, msg, hint string)) {
	args := call.Args()
	if len(args) != 2 || !slices.Contains([]string{operators.Equals, operators.NotEquals, operators.In}, call.FunctionName()) {
		return
	}
	for i, arg := range args {
		if arg.Kind() != ast.IdentKind {
			continue
		}
		known := s.choices[arg.AsIdent()]
		if known == nil {
			continue
		}
		literals := []ast.Expr{args[1-i]}
		if args[1-i].Kind() == ast.ListKind {
			literals = args[1-i].AsList().Elements()
		}
		for _, l := range literals {
			if l.Kind() != ast.LiteralKind {
				continue
			}
			if val, ok := l.AsLiteral().Value().(string); ok && !slices.Contains(known, val) {
				say(l, `"`+val+`"`, fmt.Sprintf("%s is never %q", arg.AsIdent(), val), didYouMean(val, known))
			}
		}
	}
}

func didYouMean(word string, known []string) string {
	if n, ok := strictyaml.Nearest(word, known); ok {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

// polarity finds for each variable whether more of it can only make the expression truer:
// such a comparison may be trusted when it holds for a lower bound.
func polarity(e ast.Expr, positive bool, rising map[string]bool) {
	mark := func(name string, up bool) {
		if was, seen := rising[name]; seen {
			up = up && was
		}
		rising[name] = up
	}
	if e.Kind() != ast.CallKind {
		ast.PreOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
			if x.Kind() == ast.IdentKind {
				mark(x.AsIdent(), false)
			}
		}))
		return
	}
	call := e.AsCall()
	operand := func(x ast.Expr, up bool) {
		if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == "size" {
			for _, arg := range append(slices.Clone(x.AsCall().Args()), target(x.AsCall())...) {
				if arg.Kind() == ast.IdentKind {
					mark(arg.AsIdent(), up)
				} else {
					polarity(arg, positive, rising)
				}
			}
			return
		}
		if x.Kind() == ast.IdentKind {
			mark(x.AsIdent(), up)
			return
		}
		polarity(x, positive, rising)
	}
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		for _, a := range args {
			polarity(a, positive, rising)
		}
	case operators.LogicalNot:
		polarity(args[0], !positive, rising)
	case operators.Greater, operators.GreaterEquals:
		operand(args[0], positive)
		operand(args[1], !positive)
	case operators.Less, operators.LessEquals:
		operand(args[0], !positive)
		operand(args[1], positive)
	case operators.In:
		operand(args[0], false)
		operand(args[1], positive)
	default:
		for _, a := range append(slices.Clone(args), target(call)...) {
			operand(a, false)
		}
	}
}

func target(call ast.CallExpr) []ast.Expr {
	if call.IsMemberFunction() {
		return []ast.Expr{call.Target()}
	}
	return nil
}

// An answer is what a condition comes to.
type answer uint8

const (
	no     answer = iota
	yes           // it holds, also for whatever more there may be
	unsure        // something it needs is not known
	moot          // something it needs does not apply: it cannot hold
)

// ask evaluates the condition. missing are the facts that make it unsure.
func (c condition) ask(in map[string]input) (a answer, missing []fact.Fact) {
	if c.run == nil {
		return yes, nil
	}
	least, most := map[string]any{}, map[string]any{}
	bounded, trusted := false, true
	for _, name := range c.vars {
		i := in[name]
		least[name], most[name] = i.value, i.value
		switch i.state {
		case fact.NotApplicable:
			return moot, nil // decides wherever it stands, also before what is not known
		case fact.Unknown:
			trusted, missing = false, append(missing, i.missing...)
		case fact.AtLeast:
			bounded, trusted, missing = true, trusted && c.rising[name], append(missing, i.missing...)
			most[name] = i.most
		case fact.Known:
		}
	}
	if !trusted {
		return unsure, missing
	}
	holds, err := c.holds(least)
	switch {
	case err != nil:
		return unsure, missing
	case holds:
		return yes, nil
	case !bounded:
		return no, nil
	}
	for _, v := range most {
		if v == nil {
			return unsure, missing // a list that was cut short may hold anything
		}
	}
	if could, err := c.holds(most); err == nil && !could {
		return no, nil // not even without bounds
	}
	return unsure, missing
}

var errNoTruth = errors.New("the condition came to no truth")

func (c condition) holds(vars map[string]any) (bool, error) {
	out, _, err := c.run.Eval(vars)
	if err != nil {
		return false, fmt.Errorf("evaluate %s: %w", c.source, err)
	}
	b, ok := out.(types.Bool)
	if !ok {
		return false, errNoTruth
	}
	return bool(b), nil
}
