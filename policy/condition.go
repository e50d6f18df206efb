package policy

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"uratori/fact"
	"uratori/strictyaml"
)

// A condition is a compiled CEL expression over features.
type condition struct {
	program cel.Program
	needs   []string
	rising  map[string]bool // features whose growth can only make the condition true
}

// maxCost bounds what a condition may cost to evaluate.
const maxCost = 10_000

var celTypes = map[fact.Type]*cel.Type{
	fact.Bool: cel.BoolType, fact.Int: cel.IntType, fact.Bytes: cel.IntType, fact.Minutes: cel.IntType,
	fact.Decimal: cel.DoubleType, fact.Text: cel.StringType, fact.Name: cel.StringType, fact.Hour: cel.IntType,
	fact.Weekday: cel.IntType, fact.IP: cel.StringType, fact.Masked: cel.StringType, fact.Percent: cel.DoubleType,
	fact.Label: cel.StringType, fact.Texts: cel.ListType(cel.StringType),
}

// env declares every feature with the type of its fact. There are no macros: a condition
// cannot loop.
func (p Policy) env() (*cel.Env, error) {
	opts := []cel.EnvOption{cel.ClearMacros()}
	for _, name := range slices.Sorted(maps.Keys(p.file.Features)) {
		d, _ := fact.DefOf(fact.Key(p.file.Features[name].Fact))
		opts = append(opts, cel.Variable(name, celTypes[d.Type]))
	}
	return cel.NewEnv(opts...)
}

// compile checks a condition and that needs names exactly the features it uses: CEL would pass
// over a missing one where it can decide without.
func (p Policy) compile(env *cel.Env, when string, needs []string) (condition, error) {
	parsed, iss := env.Parse(when)
	if iss.Err() != nil {
		return condition{}, errors.New(told(iss.Err().Error()))
	}
	root := parsed.NativeRep().Expr()
	used := identifiers(root)
	names := slices.Sorted(maps.Keys(p.file.Features))
	for _, u := range slices.Sorted(maps.Keys(used)) {
		if _, ok := p.file.Features[u]; !ok {
			return condition{}, fmt.Errorf("unknown feature %q%s", u, didYouMean(u, names))
		}
		if !slices.Contains(needs, u) {
			return condition{}, fmt.Errorf("the condition uses %q, which is missing under needs; needs names every feature of the condition", u)
		}
	}
	for i, n := range needs {
		switch {
		case !used[n]:
			return condition{}, fmt.Errorf("needs names %q, which the condition does not use%s", n, didYouMean(n, slices.Sorted(maps.Keys(used))))
		case slices.Contains(needs[:i], n):
			return condition{}, fmt.Errorf("needs names %q twice", n)
		}
	}
	checked, iss := env.Check(parsed)
	if iss.Err() != nil {
		return condition{}, errors.New(told(iss.Err().Error()))
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return condition{}, fmt.Errorf("the condition is %s, not a truth value; compare it with something", checked.OutputType())
	}
	prg, err := env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return condition{}, err
	}
	rising := maps.Clone(used)
	fixed(root, func(name string) { delete(rising, name) })
	return condition{prg, slices.Clone(needs), rising}, nil
}

// told is what CEL says of a mistake, in one line and without its made-up file name.
func told(s string) string {
	s = strings.TrimPrefix(s, "ERROR: <input>:")
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func didYouMean(word string, known []string) string {
	if n, ok := strictyaml.Nearest(word, known); ok {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// identifiers are the names that an expression uses.
func identifiers(e ast.Expr) map[string]bool {
	used := map[string]bool{}
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			used[e.AsIdent()] = true
		}
	}))
	return used
}

// fixed reports every feature that an expression uses otherwise than rising: a count that is
// compared by >= or > with a literal, or a set that is asked for a literal or its size, joined
// by && and || alone. For these, what is true of a part stays true of the whole.
func fixed(e ast.Expr, report func(string)) {
	if e.Kind() == ast.CallKind {
		call := e.AsCall()
		args := call.Args()
		switch call.FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr:
			for _, a := range args {
				fixed(a, report)
			}
			return
		case operators.Greater, operators.GreaterEquals:
			if amount(args[0]) && args[1].Kind() == ast.LiteralKind {
				return
			}
		case operators.Less, operators.LessEquals:
			if args[0].Kind() == ast.LiteralKind && amount(args[1]) {
				return
			}
		case operators.In:
			if args[0].Kind() == ast.LiteralKind && args[1].Kind() == ast.IdentKind {
				return
			}
		}
	}
	for name := range identifiers(e) {
		report(name)
	}
}

// amount tells whether an expression is a feature, or the size of one.
func amount(e ast.Expr) bool {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "size" {
		call := e.AsCall()
		return len(call.Args()) == 1 && call.Args()[0].Kind() == ast.IdentKind ||
			call.IsMemberFunction() && len(call.Args()) == 0 && call.Target().Kind() == ast.IdentKind
	}
	return e.Kind() == ast.IdentKind
}

type ruling uint8

const (
	silent ruling = iota // judged: it does not hold, or the question does not arise
	fires
	open // cannot be judged
)

// holds judges a condition. A lower bound judges it only where the rest, unseen, could not
// change the outcome: it fires if the part that was seen is enough, and is silent if no amount
// would be.
func (p Policy) holds(facts fact.Facts, c condition) (out ruling, missing, used []fact.ID) {
	low, high := map[string]any{}, map[string]any{}
	var bounds []fact.ID
	rising, bounded := true, true
	for _, need := range c.needs {
		spec := p.file.Features[need]
		f := facts.Get(fact.Key(spec.Fact), spec.Subject)
		switch f.State {
		case fact.NotApplicable:
			return silent, nil, nil
		case fact.Unknown:
			missing = append(missing, f.ID)
		case fact.AtLeast:
			bounds, used = append(bounds, f.ID), append(used, f.ID)
			most, ok := most(f.Value)
			low[need], high[need] = value(f.Value), most
			rising, bounded = rising && c.rising[need], bounded && ok
		case fact.Known:
			used = append(used, f.ID)
			low[need] = value(f.Value)
			high[need] = low[need]
		}
	}
	if len(missing) > 0 {
		return open, missing, nil
	}
	yes, ok := run(c, low)
	switch {
	case !ok, !rising:
		return open, bounds, nil
	case yes:
		return fires, nil, used
	case len(bounds) == 0:
		return silent, nil, nil
	case !bounded:
		return open, bounds, nil
	}
	if ever, ok := run(c, high); !ok || ever {
		return open, bounds, nil
	}
	return silent, nil, nil
}

func run(c condition, vars map[string]any) (yes, ok bool) {
	out, _, err := c.program.Eval(vars)
	if err != nil {
		return false, false
	}
	yes, ok = out.Value().(bool)
	return yes, ok
}

// value is a fact's value as CEL takes it.
func value(v fact.Value) any {
	switch v.Type {
	case fact.Bool:
		return v.Num == 1
	case fact.Int, fact.Bytes, fact.Minutes, fact.Hour, fact.Weekday:
		return v.Num
	case fact.Decimal:
		return float64(v.Num) / 10
	case fact.Percent:
		if v.Den == 0 {
			return 0.0
		}
		return float64(v.Num) / float64(v.Den)
	case fact.Texts:
		return v.List
	case fact.Text, fact.Name, fact.IP, fact.Masked, fact.Label:
		return v.Str
	case fact.Time, fact.Hours, fact.Table:
		return nil
	default:
		return nil
	}
}

// most is the largest value that a lower bound allows; ok is false where there is none, as of
// a set that may hold anything.
func most(v fact.Value) (largest any, ok bool) {
	switch v.Type {
	case fact.Int, fact.Bytes, fact.Minutes:
		return int64(math.MaxInt64), true
	case fact.Decimal:
		return math.MaxFloat64, true
	case fact.Bool, fact.Percent, fact.Hour, fact.Weekday, fact.Texts, fact.Text, fact.Name, fact.IP, fact.Masked, fact.Label, fact.Time, fact.Hours, fact.Table:
		return nil, false
	default:
		return nil, false
	}
}
