// Package policy says how much the facts matter, and why.
//
// Rules, bands, required evidence, gaps and actions are data; the order in which they become
// a verdict is code. What cannot be known never lowers a verdict: a rule whose facts are
// missing is not judged, counts in the worst case, and is listed.
package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"uratori/evidence"
	"uratori/fact"
	"uratori/strictyaml"
)

//go:embed default/policy.yaml
var defaultPolicy []byte

//go:embed default/cases.yaml
var defaultCases []byte

// DefaultCases are the cases of the default policy, for [RunCases].
func DefaultCases() []byte { return defaultCases }

// Text is a sentence in both languages.
type Text struct {
	JA string `yaml:"ja"`
	EN string `yaml:"en"`
}

// The form of the file.
type (
	fileYAML struct {
		Base     baseYAML                `yaml:"base"`
		Features map[string]featureYAML  `yaml:"features"`
		Groups   map[string]int          `yaml:"groups"` // the most points that rules of one group give together
		Rules    []ruleYAML              `yaml:"rules"`
		Evidence map[string]evidenceYAML `yaml:"evidence"`
		Balance  []balanceYAML           `yaml:"balance"`
		Gaps     []gapYAML               `yaml:"gaps"`
		Whys     map[string]Text         `yaml:"whys"` // by outcome
		Owners   map[string]Text         `yaml:"owners"`
		Dues     map[string]Text         `yaml:"dues"`
		Actions  []actionYAML            `yaml:"actions"`
	}
	baseYAML struct {
		Times int `yaml:"times"` // points for each unit of severity
	}
	featureYAML struct {
		Fact    string `yaml:"fact"`
		Subject string `yaml:"subject"`
	}
	ruleYAML struct {
		ID        string   `yaml:"id"`
		When      string   `yaml:"when"`
		Needs     []string `yaml:"needs"`
		Points    int      `yaml:"points"`
		Group     string   `yaml:"group"`
		Floor     int      `yaml:"floor"`
		FloorKind string   `yaml:"floor_kind"` // floors of different kinds are independent
		Denial    bool     `yaml:"denial"`     // the person says it was someone else
		Unasked   bool     `yaml:"unasked"`    // rests on testimony: silence is no gap in the logs
		Side      string   `yaml:"side"`       // suspicious or normal
		Because   Text     `yaml:"because"`
	}
	evidenceYAML struct {
		Required   []alternativesYAML `yaml:"required"`
		Supporting []featureYAML      `yaml:"supporting"`
	}
	alternativesYAML struct {
		Any []alternativeYAML `yaml:"any"`
	}
	alternativeYAML struct {
		Fact       string `yaml:"fact"`
		Subject    string `yaml:"subject"`
		Is         string `yaml:"is"` // the value it must have: "true", or a choice
		Confidence string `yaml:"confidence"`
	}
	balanceYAML struct {
		When    string   `yaml:"when"`
		Needs   []string `yaml:"needs"`
		Side    string   `yaml:"side"`
		Because Text     `yaml:"because"`
	}
	gapYAML struct {
		Key     string       `yaml:"key"`
		What    Text         `yaml:"what"`
		Settle  []settleYAML `yaml:"settle_now"`
		Prevent []Text       `yaml:"prevent_next"`
	}
	settleYAML struct {
		Kind    string `yaml:"kind"` // logs, interview, configuration
		Dataset string `yaml:"dataset"`
		Text    Text   `yaml:"text"`
	}
	actionYAML struct {
		ID         string   `yaml:"id"`
		Priority   string   `yaml:"priority"`
		Verdicts   []string `yaml:"verdicts"` // empty means any
		Actors     []string `yaml:"actors"`   // kinds of actor; empty means any
		When       string   `yaml:"when"`
		Needs      []string `yaml:"needs"`
		Gap        string   `yaml:"gap"` // only if this gap stands
		Owner      string   `yaml:"owner"`
		Due        string   `yaml:"due"`
		Title      Text     `yaml:"title"`
		How        Text     `yaml:"how"`
		SideEffect Text     `yaml:"side_effect"`
		Undo       Text     `yaml:"undo"`
		Facts      []string `yaml:"facts"`
	}
)

// A Policy is a checked and compiled policy file.
type Policy struct {
	file       fileYAML
	bytes      []byte
	rules      []rule
	conditions map[string]condition // of actions and balance lines, by "action:<id>" or "balance:<n>"
}

type rule struct {
	ruleYAML
	condition
}

// A condition is a compiled CEL expression over features.
type condition struct {
	program cel.Program
	needs   []string
}

// Default is the policy that comes with the program.
func Default() (Policy, error) { return Load("policy.yaml", defaultPolicy) }

// Load reads a policy file, compiles its conditions and checks all of it.
func Load(name string, data []byte) (Policy, error) {
	p := Policy{bytes: data, conditions: map[string]condition{}}
	if err := strictyaml.Decode(name, data, &p.file); err != nil {
		return Policy{}, err
	}
	wrong := func(path string, err error) error { return strictyaml.ErrorAt(name, data, path, err.Error()) }
	env, err := p.env()
	if err != nil {
		return Policy{}, wrong("$.features", err)
	}
	for i, r := range p.file.Rules {
		path := fmt.Sprintf("$.rules[%d]", i)
		c, err := p.compile(env, r.When, r.Needs)
		if err != nil {
			return Policy{}, wrong(path+".when", fmt.Errorf("rule %q: %w", r.ID, err))
		}
		if err := p.checkRule(r); err != nil {
			return Policy{}, wrong(path+".id", fmt.Errorf("rule %q: %w", r.ID, err))
		}
		p.rules = append(p.rules, rule{r, c})
	}
	for i, b := range p.file.Balance {
		c, err := p.compile(env, b.When, b.Needs)
		if err == nil && !both(b.Because) {
			err = errors.New("because needs ja and en")
		}
		if err != nil {
			return Policy{}, wrong(fmt.Sprintf("$.balance[%d].when", i), err)
		}
		p.conditions[fmt.Sprint("balance:", i)] = c
	}
	for i, a := range p.file.Actions {
		path := fmt.Sprintf("$.actions[%d]", i)
		if a.When != "" || len(a.Needs) > 0 {
			c, err := p.compile(env, a.When, a.Needs)
			if err != nil {
				return Policy{}, wrong(path+".when", fmt.Errorf("action %q: %w", a.ID, err))
			}
			p.conditions["action:"+a.ID] = c
		}
		if err := p.checkAction(a); err != nil {
			return Policy{}, wrong(path+".id", fmt.Errorf("action %q: %w", a.ID, err))
		}
	}
	if err := p.checkRest(); err != nil {
		return Policy{}, &strictyaml.PosError{File: name, Msg: err.Error()}
	}
	return p, nil
}

// Bytes are the policy file as it was read.
func (p Policy) Bytes() []byte { return p.bytes }

// Hash is the sha256 of the policy file, in hex.
func (p Policy) Hash() string {
	sum := sha256.Sum256(p.bytes)
	return hex.EncodeToString(sum[:])
}

// Rules describe the rules for a reader.
func (p Policy) Rules() []Description {
	var out []Description
	for _, r := range p.rules {
		out = append(out, Description{ID: r.ID, When: r.When, Points: r.Points, Floor: r.Floor, Because: r.Because})
	}
	return out
}

// A Description is a rule as `policy show` prints it.
type Description struct {
	ID      string
	When    string
	Points  int
	Floor   int
	Because Text
}

func both(t Text) bool { return t.JA != "" && t.EN != "" }

// env declares every feature with the type of its fact.
func (p Policy) env() (*cel.Env, error) {
	opts := []cel.EnvOption{cel.ClearMacros()}
	for _, name := range slices.Sorted(maps.Keys(p.file.Features)) {
		f := p.file.Features[name]
		d, ok := fact.DefOf(fact.Key(f.Fact))
		if !ok {
			return nil, fmt.Errorf("feature %q names the fact %q, which is not declared%s", name, f.Fact, didYouMean(f.Fact, factKeys()))
		}
		t, ok := celTypes[d.Type]
		if !ok {
			return nil, fmt.Errorf("feature %q: the fact %q is a table or a set and cannot be judged; take a count", name, f.Fact)
		}
		opts = append(opts, cel.Variable(name, t))
	}
	return cel.NewEnv(opts...)
}

var celTypes = map[fact.Type]*cel.Type{
	fact.Bool: cel.BoolType, fact.Int: cel.IntType, fact.Bytes: cel.IntType, fact.Minutes: cel.IntType,
	fact.Decimal: cel.DoubleType, fact.Text: cel.StringType, fact.Name: cel.StringType, fact.Hour: cel.IntType,
	fact.Weekday: cel.IntType, fact.IP: cel.StringType, fact.Masked: cel.StringType, fact.Percent: cel.DoubleType,
	fact.Label: cel.StringType, fact.Texts: cel.ListType(cel.StringType),
}

func factKeys() []string {
	var keys []string
	for _, d := range fact.Defs() {
		keys = append(keys, string(d.Key))
	}
	return keys
}

func didYouMean(word string, known []string) string {
	if n, ok := strictyaml.Nearest(word, known); ok {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// maxCost bounds what a condition may cost to evaluate.
const maxCost = 10_000

// compile checks a condition and that needs names exactly the features it uses: CEL would pass
// over a missing one where it can decide without.
func (p Policy) compile(env *cel.Env, when string, needs []string) (condition, error) {
	parsed, iss := env.Parse(when)
	if iss.Err() != nil {
		return condition{}, errors.New(firstLine(iss.Err().Error()))
	}
	used := map[string]bool{}
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			used[e.AsIdent()] = true
		}
	}))
	names := slices.Sorted(maps.Keys(p.file.Features))
	for _, u := range slices.Sorted(maps.Keys(used)) {
		if _, ok := p.file.Features[u]; !ok {
			return condition{}, fmt.Errorf("unknown feature %q%s", u, didYouMean(u, names))
		}
		if !slices.Contains(needs, u) {
			return condition{}, fmt.Errorf("the condition uses %q, which is missing under needs", u)
		}
	}
	for _, n := range needs {
		if !used[n] {
			return condition{}, fmt.Errorf("needs names %q, which the condition does not use", n)
		}
	}
	checked, iss := env.Check(parsed)
	if iss.Err() != nil {
		return condition{}, errors.New(firstLine(iss.Err().Error()))
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return condition{}, fmt.Errorf("the condition is %s, not a truth value", checked.OutputType())
	}
	prg, err := env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return condition{}, err
	}
	return condition{prg, needs}, nil
}

func firstLine(s string) string {
	s = strings.TrimPrefix(s, "ERROR: <input>:")
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (p Policy) checkRule(r ruleYAML) error {
	switch {
	case r.ID == "":
		return errors.New("needs an id")
	case !both(r.Because):
		return errors.New("because needs ja and en")
	case r.Side != string(SideSuspicious) && r.Side != string(SideNormal):
		return fmt.Errorf("side is %q; it is suspicious or normal", r.Side)
	case r.Floor < 0 || r.Floor > 100 || r.Points < -100 || r.Points > 100:
		return errors.New("points lie between -100 and 100, a floor between 0 and 100")
	case r.Floor > 0 && r.FloorKind == "":
		return errors.New("a floor needs its floor_kind: floors of one kind are one reason")
	case r.Group != "" && p.file.Groups[r.Group] == 0:
		return fmt.Errorf("group %q has no maximum under groups%s", r.Group, didYouMean(r.Group, slices.Sorted(maps.Keys(p.file.Groups))))
	}
	n := 0
	for _, o := range p.file.Rules {
		if o.ID == r.ID {
			n++
		}
	}
	if n > 1 {
		return errors.New("stands twice")
	}
	return nil
}

func (p Policy) checkAction(a actionYAML) error {
	switch {
	case a.ID == "":
		return errors.New("needs an id")
	case !slices.Contains([]string{string(Immediate), string(Week), string(Month), string(NoAction)}, a.Priority):
		return fmt.Errorf("priority is %q; it is immediate, week, month or no_action", a.Priority)
	case !both(a.Title) || !both(a.How) || !both(a.SideEffect) || !both(a.Undo):
		return errors.New("title, how, side_effect and undo need ja and en")
	case !both(p.file.Owners[a.Owner]):
		return fmt.Errorf("unknown owner %q%s", a.Owner, didYouMean(a.Owner, slices.Sorted(maps.Keys(p.file.Owners))))
	case a.Due != "urgency" && !both(p.file.Dues[a.Due]):
		return fmt.Errorf("unknown due %q%s", a.Due, didYouMean(a.Due, slices.Sorted(maps.Keys(p.file.Dues))))
	}
	for _, v := range a.Verdicts {
		if !slices.Contains(verdictNames[:], v) {
			return fmt.Errorf("unknown verdict %q%s", v, didYouMean(v, verdictNames[:]))
		}
	}
	d, _ := fact.DefOf("actor.kind")
	for _, k := range a.Actors {
		if !slices.Contains(d.Choices, k) {
			return fmt.Errorf("unknown kind of actor %q%s", k, didYouMean(k, d.Choices))
		}
	}
	for _, k := range a.Facts {
		if _, ok := fact.DefOf(fact.Key(k)); !ok {
			return fmt.Errorf("no fact is named %q%s", k, didYouMean(k, factKeys()))
		}
	}
	return nil
}

// catchAll is the gap of every fact whose own gap the catalogue does not list.
const catchAll = "other"

func (p Policy) checkRest() error {
	seen := map[string]bool{}
	for _, g := range p.file.Gaps {
		if seen[g.Key] || !both(g.What) {
			return fmt.Errorf("gap %q stands twice or lacks its text in ja and en", g.Key)
		}
		seen[g.Key] = true
	}
	if !seen[catchAll] {
		return fmt.Errorf("gaps lack %q, the gap of everything that no other names", catchAll)
	}
	for o := evidence.Found; o <= evidence.Failed; o++ {
		if name := whyName(o); name != "" && !both(p.file.Whys[name]) {
			return fmt.Errorf("whys lack %q in ja and en", name)
		}
	}
	for _, due := range []string{"critical", "high", "medium", "low"} {
		if !both(p.file.Dues[due]) {
			return fmt.Errorf("dues lack the urgency %q in ja and en", due)
		}
	}
	if _, ok := p.file.Evidence["generic"]; !ok {
		return errors.New("evidence lacks \"generic\", for the families that it does not name")
	}
	for family, e := range p.file.Evidence {
		for _, r := range e.Required {
			for _, alt := range r.Any {
				if _, ok := fact.DefOf(fact.Key(alt.Fact)); !ok {
					return fmt.Errorf("evidence of %s: no fact is named %q%s", family, alt.Fact, didYouMean(alt.Fact, factKeys()))
				}
				if alt.Confidence != "high" && alt.Confidence != "medium" {
					return fmt.Errorf("evidence of %s: confidence %q is neither high nor medium", family, alt.Confidence)
				}
			}
		}
		for _, s := range e.Supporting {
			if _, ok := fact.DefOf(fact.Key(s.Fact)); !ok {
				return fmt.Errorf("evidence of %s: no fact is named %q%s", family, s.Fact, didYouMean(s.Fact, factKeys()))
			}
		}
	}
	return nil
}

// whyName is the name of an outcome under whys; outcomes with a whole answer have none.
func whyName(o evidence.Outcome) string {
	switch o {
	case evidence.NotCollected:
		return "not_collected"
	case evidence.Empty:
		return "empty"
	case evidence.Truncated:
		return "truncated"
	case evidence.NotYet:
		return "not_yet"
	case evidence.NotAsked:
		return "not_asked"
	case evidence.Denied:
		return "denied"
	case evidence.Throttled:
		return "throttled"
	case evidence.Failed:
		return "failed"
	case evidence.Found:
		return ""
	default:
		return ""
	}
}
