package policy

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/strictyaml"
)

// The form of a file of cases: what is given by fact ("finding.severity", or with a subject
// "activity.new_keys@credential"), and what policy must make of it. Every fact that is not
// given is unknown.
type (
	casesYAML struct {
		Common map[string]any `yaml:"common"` // given in every case that does not say otherwise
		Cases  []caseYAML     `yaml:"cases"`
	}
	caseYAML struct {
		Name     string         `yaml:"name"`
		Given    map[string]any `yaml:"given"`
		Accepted []acceptedYAML `yaml:"accepted"`
		Want     wantYAML       `yaml:"want"`
	}
	acceptedYAML struct {
		Kind  string `yaml:"kind"`
		Until string `yaml:"until"`
	}
	wantYAML struct {
		Verdict       string   `yaml:"verdict"`
		Score         *int     `yaml:"score"`
		Ceiling       *int     `yaml:"ceiling"`
		Band          string   `yaml:"band"`
		Confidence    string   `yaml:"confidence"`
		Urgency       string   `yaml:"urgency"`
		FalsePositive string   `yaml:"false_positive"`
		Signals       []string `yaml:"signals"`    // rules that fire
		NotJudged     []string `yaml:"not_judged"` // rules that cannot be judged
		Actions       []string `yaml:"actions"`    // in this order, among others
		NoAction      []string `yaml:"no_action"`  // actions that must not be recommended
		Explained     bool     `yaml:"explained"`
	}
)

// caseTime is the as-of time of every case.
var caseTime = time.Date(2025, 9, 9, 5, 0, 0, 0, time.UTC)

// A CaseResult is how one case of a table went.
type CaseResult struct {
	Name  string
	Wrong []string // what differs; empty when the case holds
}

// RunCases judges every case of a file. The error is for a file that cannot be read; it names
// the place.
func RunCases(p Policy, name string, data []byte) ([]CaseResult, error) {
	var file casesYAML
	if err := strictyaml.Decode(name, data, &file); err != nil {
		return nil, err
	}
	if len(file.Cases) == 0 {
		return nil, &strictyaml.PosError{File: name, Msg: "the file holds no cases"}
	}
	var out []CaseResult
	for i, c := range file.Cases {
		given := map[string]any{}
		for k, v := range file.Common {
			given[k] = v
		}
		for k, v := range c.Given {
			given[k] = v
		}
		facts, err := c.facts(given)
		if err != nil {
			return nil, strictyaml.ErrorAt(name, data, fmt.Sprintf("$.cases[%d].name", i), err.Error())
		}
		out = append(out, CaseResult{c.Name, c.Want.compare(p.Assess(facts))})
	}
	return out, nil
}

// facts makes the facts of a case.
func (c caseYAML) facts(given map[string]any) (fact.Facts, error) {
	var list []fact.Fact
	for name, v := range given {
		key, subject, _ := strings.Cut(name, "@")
		d, ok := fact.DefOf(fact.Key(key))
		if !ok {
			return fact.Facts{}, fmt.Errorf("case %q: no fact is named %q%s", c.Name, key, didYouMean(key, factKeys()))
		}
		f := fact.Fact{Key: d.Key, Subject: subject, State: fact.Known, Rule: d.Says}
		if m, ok := v.(map[string]any); ok {
			switch {
			case m["unknown"] != nil:
				f.State, f.Gap = fact.Unknown, fact.Gap{Key: fmt.Sprint(m["unknown"]), Outcome: evidence.NotCollected}
				list = append(list, f)
				continue
			case m["at_least"] != nil:
				f.State, f.Gap, v = fact.AtLeast, fact.Gap{Key: "s3_data", Outcome: evidence.NotCollected}, m["at_least"]
			default:
				return fact.Facts{}, fmt.Errorf("case %q: %s is a value, {unknown: <gap>} or {at_least: <number>}", c.Name, name)
			}
		}
		if v == "n/a" {
			f.State = fact.NotApplicable
			list = append(list, f)
			continue
		}
		val, err := caseValue(d, v)
		if err != nil {
			return fact.Facts{}, fmt.Errorf("case %q: %s: %w", c.Name, name, err)
		}
		f.Value = val
		list = append(list, f)
	}
	world := fact.TestWorld{AsOf: caseTime}
	for _, a := range c.Accepted {
		until, err := time.Parse(time.DateOnly, a.Until)
		if err != nil {
			return fact.Facts{}, fmt.Errorf("case %q: until %q is no date such as 2026-03-31", c.Name, a.Until)
		}
		world.Settings.Accepted = append(world.Settings.Accepted, fact.AcceptedGap{Kind: a.Kind, Until: until, Reason: "r", Approver: "a"})
	}
	return fact.ForTest(list, world), nil
}

// caseValue reads a value as the fact's type asks.
func caseValue(d fact.Def, v any) (fact.Value, error) {
	num := func() (float64, bool) {
		switch n := v.(type) {
		case int:
			return float64(n), true
		case int64:
			return float64(n), true
		case uint64:
			return float64(n), true
		case float64:
			return n, true
		}
		return 0, false
	}
	wrong := errors.New("the value is not of the fact's type")
	switch d.Type {
	case fact.Bool:
		b, ok := v.(bool)
		if !ok {
			return fact.Value{}, wrong
		}
		return fact.BoolOf(b), nil
	case fact.Int, fact.Bytes, fact.Minutes, fact.Hour, fact.Weekday:
		n, ok := num()
		if !ok {
			return fact.Value{}, wrong
		}
		return fact.Value{Type: d.Type, Num: int64(n)}, nil
	case fact.Decimal:
		n, ok := num()
		if !ok {
			return fact.Value{}, wrong
		}
		return fact.Value{Type: d.Type, Num: int64(math.Round(n * 10))}, nil
	case fact.Texts:
		list, ok := v.([]any)
		if !ok {
			return fact.Value{}, wrong
		}
		var texts []string
		for _, x := range list {
			texts = append(texts, fmt.Sprint(x))
		}
		return fact.TextsOf(texts, false), nil
	case fact.Text, fact.Name, fact.IP, fact.Masked, fact.Label:
		s, ok := v.(string)
		if !ok {
			return fact.Value{}, wrong
		}
		return fact.Value{Type: d.Type, Str: s, JA: s}, nil
	case fact.Percent, fact.Time, fact.Hours, fact.Table:
		return fact.Value{}, errors.New("a fact of this type cannot be given in a case")
	default:
		return fact.Value{}, wrong
	}
}

// compare lists what differs from an assessment.
func (w wantYAML) compare(a Assessment) []string {
	var wrong []string
	text := func(what, want, got string) {
		if want != "" && !strings.EqualFold(want, got) {
			wrong = append(wrong, fmt.Sprintf("%s is %s, want %s", what, got, want))
		}
	}
	number := func(what string, want *int, got int) {
		if want != nil && *want != got {
			wrong = append(wrong, fmt.Sprintf("%s is %d, want %d", what, got, *want))
		}
	}
	text("verdict", w.Verdict, a.Verdict().String())
	number("score", w.Score, a.Score())
	number("ceiling", w.Ceiling, a.Ceiling())
	text("band", w.Band, a.Band().String())
	text("confidence", w.Confidence, a.Confidence().String())
	text("urgency", w.Urgency, a.Urgency().String())
	text("false-positive likelihood", w.FalsePositive, a.FalsePositive().String())
	if w.Explained != a.ExplainedByPerson() {
		wrong = append(wrong, fmt.Sprintf("explained by the person is %v, want %v", a.ExplainedByPerson(), w.Explained))
	}
	fired, open, acts := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, s := range a.Signals() {
		fired[s.Rule] = true
	}
	for _, n := range a.NotJudged() {
		open[n.Rule] = true
	}
	for i, act := range a.Actions() {
		acts[act.ID] = i + 1
	}
	for _, r := range w.Signals {
		if !fired[r] {
			wrong = append(wrong, fmt.Sprintf("rule %s does not fire", r))
		}
	}
	for _, r := range w.NotJudged {
		if !open[r] {
			wrong = append(wrong, fmt.Sprintf("rule %s is judged", r))
		}
	}
	last := 0
	for _, id := range w.Actions {
		if acts[id] == 0 {
			wrong = append(wrong, fmt.Sprintf("action %s is not recommended", id))
		} else if acts[id] < last {
			wrong = append(wrong, fmt.Sprintf("action %s comes too early", id))
		}
		last = max(last, acts[id])
	}
	for _, id := range w.NoAction {
		if acts[id] != 0 {
			wrong = append(wrong, fmt.Sprintf("action %s is recommended", id))
		}
	}
	return wrong
}
