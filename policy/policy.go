// Package policy says how much the facts matter, and why.
//
// Rules, bands, required evidence, gaps and actions are data; the order in which they become
// a verdict is code. What cannot be known never lowers a verdict: a rule whose facts are
// missing is not judged, counts in the worst case, and is listed.
package policy

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"

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

// Default is the policy that comes with the program.
func Default() (Policy, error) { return Load("policy.yaml", defaultPolicy) }

// Load reads a policy file, compiles its conditions and checks all of it.
func Load(name string, data []byte) (Policy, error) {
	p := Policy{bytes: bytes.Clone(data), conditions: map[string]condition{}}
	if err := strictyaml.Decode(name, data, &p.file); err != nil {
		return Policy{}, err
	}
	if path, err := p.build(); err != nil {
		return Policy{}, strictyaml.ErrorAt(name, data, path, err.Error())
	}
	return p, nil
}

// build compiles and checks the file; path is the place of the mistake.
func (p *Policy) build() (path string, err error) {
	if path, err := p.checkFeatures(); err != nil {
		return path, err
	}
	env, err := p.env()
	if err != nil {
		return "$.features", err
	}
	for i, r := range p.file.Rules {
		at := fmt.Sprintf("$.rules[%d]", i)
		c, err := p.compile(env, r.When, r.Needs)
		if err != nil {
			return at + ".when", fmt.Errorf("rule %q: %w", r.ID, err)
		}
		if err := p.checkRule(i); err != nil {
			return at + ".id", fmt.Errorf("rule %q: %w", r.ID, err)
		}
		p.rules = append(p.rules, rule{r, c})
	}
	for i, b := range p.file.Balance {
		c, err := p.compile(env, b.When, b.Needs)
		if err == nil {
			err = checkBalance(b)
		}
		if err != nil {
			return fmt.Sprintf("$.balance[%d].when", i), err
		}
		p.conditions[fmt.Sprint("balance:", i)] = c
	}
	for i, a := range p.file.Actions {
		at := fmt.Sprintf("$.actions[%d]", i)
		if a.When != "" || len(a.Needs) > 0 {
			c, err := p.compile(env, a.When, a.Needs)
			if err != nil {
				return at + ".when", fmt.Errorf("action %q: %w", a.ID, err)
			}
			p.conditions["action:"+a.ID] = c
		}
		if err := p.checkAction(i); err != nil {
			return at + ".id", fmt.Errorf("action %q: %w", a.ID, err)
		}
	}
	for _, check := range []func() (string, error){p.checkPoints, p.checkEvidence, p.checkGaps, p.checkTexts} {
		if path, err := check(); err != nil {
			return path, err
		}
	}
	return "", nil
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
