package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"uratori/fact"
	"uratori/strictyaml"
)

// The file of cases as people write it. default/cases.yaml is its example.
type (
	casesForm struct {
		Schema string         `yaml:"schema"`
		Given  map[string]any `yaml:"given"` // what every case begins with
		Cases  []caseForm     `yaml:"cases"`
	}
	caseForm struct {
		Name     string             `yaml:"name"`
		Given    map[string]any     `yaml:"given"` // feature, or key@subject of a fact -> value
		AsOf     string             `yaml:"as_of"`
		Accepted []caseAcceptedForm `yaml:"accepted"`
		Want     wantForm           `yaml:"want"`
	}
	caseAcceptedForm struct {
		Kind     string   `yaml:"kind"`
		Accounts []string `yaml:"accounts"`
		Until    string   `yaml:"until"`
	}
	wantForm struct {
		Verdict    string   `yaml:"verdict"`
		Score      *int     `yaml:"score"`
		Ceiling    *int     `yaml:"ceiling"`
		Band       string   `yaml:"band"`
		Confidence string   `yaml:"confidence"`
		Urgency    string   `yaml:"urgency"`
		CappedBy   []string `yaml:"capped_by"` // keys of gaps
		HeldBy     []string `yaml:"held_by"`   // keys of gaps
		Explained  *bool    `yaml:"explained"`
		Signals    []string `yaml:"signals"` // rules among those that fired
		Silent     []string `yaml:"silent"`  // rules that did not fire
		NotJudged  []string `yaml:"not_judged"`
		Actions    []string `yaml:"actions"`    // among the actions, in this order
		NoActions  []string `yaml:"no_actions"` // not among them
	}
)

const casesSchema = "uratori.policy-cases/1"

// A CaseResult is what came of one case.
type CaseResult struct {
	Name       string
	Wrong      []string // "verdict is benign, want inconclusive"; empty when the case holds
	Assessment Assessment
}

// RunCases assesses the cases of a file and holds each against what it wants. The error is
// for a file that cannot be read; a case that does not hold says what is wrong.
func RunCases(p Policy, name string, data []byte) ([]CaseResult, error) {
	var f casesForm
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return nil, err
	}
	r := &caseReader{policy: p, name: name, data: data}
	if f.Schema != casesSchema {
		r.wrong("$.schema", "schema is %q; write %q, the form that this version reads", f.Schema, casesSchema)
	}
	if p.c == nil {
		r.wrong("$", "the policy is not loaded")
	}
	var out []CaseResult
	if len(r.mistakes) == 0 {
		for i, c := range f.Cases {
			facts, ok := r.facts(fmt.Sprintf("$.cases[%d]", i), f.Given, c)
			if !ok {
				continue
			}
			a := p.Assess(facts)
			out = append(out, CaseResult{Name: c.Name, Wrong: c.Want.wrong(a), Assessment: a})
		}
	}
	if err := errors.Join(r.mistakes...); err != nil {
		return nil, err
	}
	return out, nil
}

type caseReader struct {
	policy   Policy
	name     string
	data     []byte
	mistakes []error
}

func (r *caseReader) wrong(path, format string, args ...any) {
	if len(r.mistakes) < maxMistakes {
		r.mistakes = append(r.mistakes, strictyaml.ErrorAt(r.name, r.data, path, fmt.Sprintf(format, args...)))
	}
}

// facts are the facts of a case: what all begin with, then its own.
func (r *caseReader) facts(path string, given map[string]any, c caseForm) (fact.Facts, bool) {
	before := len(r.mistakes)
	if c.Name == "" {
		r.wrong(path, "a case has a name")
	}
	set := map[factRef]fact.Fact{}
	for _, from := range []struct {
		path  string
		given map[string]any
	}{{"$.given", given}, {path + ".given", c.Given}} {
		for _, name := range slices.Sorted(maps.Keys(from.given)) {
			r.give(from.path, name, from.given[name], set)
		}
	}
	w := fact.TestWorld{AsOf: r.time(path+".as_of", c.AsOf)}
	for i, a := range c.Accepted {
		w.Settings.Accepted = append(w.Settings.Accepted, fact.AcceptedGap{
			Kind: a.Kind, Accounts: a.Accounts, Reason: "case", Approver: "case",
			Until: r.time(fmt.Sprintf("%s.accepted[%d].until", path, i), a.Until),
		})
	}
	if len(r.mistakes) > before {
		return fact.Facts{}, false
	}
	var list []fact.Fact
	for _, d := range fact.Defs() { // in a fixed order
		for _, ref := range slices.SortedFunc(maps.Keys(set), func(a, b factRef) int { return strings.Compare(a.subject, b.subject) }) {
			if ref.key == d.Key {
				list = append(list, set[ref])
			}
		}
	}
	return fact.ForTest(list, w), true
}

func (r *caseReader) time(path, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, ok := instant(s)
	if !ok {
		r.wrong(path, "%q is no instant; write it as 2025-09-09T04:20:05Z", s)
	}
	return t
}

// give sets the facts of one entry.
func (r *caseReader) give(path, name string, v any, set map[factRef]fact.Fact) {
	at := path + "." + quotedPath(name)
	refs := []factRef{refOf(name)}
	if f, ok := r.policy.c.features[name]; ok {
		refs = f.facts
	}
	for _, ref := range refs {
		def, ok := fact.DefOf(ref.key)
		switch {
		case !ok:
			r.wrong(at, "there is neither a feature nor a fact %q%s", name, spaced(didYouMean(name, slices.Sorted(maps.Keys(r.policy.c.features)))))
			return
		case !known(def, ref.subject):
			r.wrong(at, "fact %s has no subject %q; its subjects are %s", ref.key, ref.subject, strings.Join(subjects(def), ", "))
			return
		}
		f, ok := givenFact(def, v)
		if !ok {
			r.wrong(at, "%v is no value of %s; write a value, {unknown: key/outcome}, {at_least: n} or {not_applicable: true}", v, ref)
			return
		}
		f.Subject = ref.subject
		set[ref] = f
	}
}

// quotedPath makes any name safe to stand in a YAML path.
func quotedPath(name string) string {
	if featureName.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", "") + "'"
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return "; " + s
}

// givenFact reads a value, or why there is none.
func givenFact(def fact.Def, v any) (fact.Fact, bool) {
	f := fact.Fact{Key: def.Key, State: fact.Known, Rule: def.Says}
	how, special := v.(map[string]any)
	if !special {
		var ok bool
		f.Value, ok = literal(v, def.Type)
		return f, ok && (len(def.Choices) == 0 || slices.Contains(def.Choices, f.Value.Str))
	}
	if len(how) == 0 || len(how) > 2 || len(how) == 2 && (how["at_least"] == nil || how["hidden_by"] == nil) {
		return f, false
	}
	switch {
	case how["unknown"] != nil:
		f.State = fact.Unknown
		return f, readGap(&f.Gap, how["unknown"])
	case how["not_applicable"] == true:
		f.State = fact.NotApplicable
		return f, true
	case how["at_least"] != nil:
		var ok bool
		f.State = fact.AtLeast
		f.Value, ok = literal(how["at_least"], def.Type)
		by := how["hidden_by"]
		if by == nil {
			by = "cloudtrail_management/truncated"
		}
		return f, ok && readGap(&f.Gap, by)
	}
	return f, false
}

// readGap reads "s3_data/not_collected".
func readGap(g *fact.Gap, v any) bool {
	s, ok := v.(string)
	key, outcome, _ := strings.Cut(s, "/")
	if g.Key = key; !ok || key == "" {
		return false
	}
	if outcome == "" {
		outcome = noOutcome
	}
	for outcomeKey(*g) != outcome {
		if g.Outcome++; g.Outcome.String() == "" {
			return false
		}
	}
	return true
}

// wrong is where an assessment is not what a case wants.
func (w wantForm) wrong(a Assessment) []string {
	var out []string
	say := func(what string, got, want any) {
		out = append(out, fmt.Sprintf("%s is %v, want %v", what, got, want))
	}
	name := func(what, got, want string) {
		if want != "" && !strings.EqualFold(got, want) {
			say(what, got, want)
		}
	}
	number := func(what string, got int, want *int) {
		if want != nil && got != *want {
			say(what, got, *want)
		}
	}
	name("verdict", a.verdict.String(), w.Verdict)
	number("score", a.score, w.Score)
	number("ceiling", a.ceiling, w.Ceiling)
	name("band", a.band.String(), w.Band)
	name("confidence", a.confidence.String(), w.Confidence)
	name("urgency", a.urgency.String(), w.Urgency)
	if w.Explained != nil && a.explained != *w.Explained {
		say("explained", a.explained, *w.Explained)
	}
	for _, g := range []struct {
		what      string
		got, want []string
	}{{"capped_by", a.cappedBy, w.CappedBy}, {"held_by", a.heldBy, w.HeldBy}} {
		if keys := a.keysOf(g.got); g.want != nil && !slices.Equal(keys, g.want) {
			say(g.what, keys, g.want)
		}
	}
	return append(out, w.lists(a)...)
}

// lists are the failures of what must, or must not, be among several.
func (w wantForm) lists(a Assessment) []string {
	var out, fired, open, acts []string
	for _, s := range a.signals {
		fired = append(fired, s.Rule)
	}
	for _, n := range a.notJudged {
		open = append(open, n.Rule)
	}
	for _, act := range a.actions {
		acts = append(acts, act.ID)
	}
	for _, l := range []struct {
		what      string
		got, want []string
		among     bool
	}{
		{"signals", fired, w.Signals, true},
		{"signals", fired, w.Silent, false},
		{"not_judged", open, w.NotJudged, true},
		{"actions", acts, w.Actions, true},
		{"actions", acts, w.NoActions, false},
	} {
		for _, id := range l.want {
			if slices.Contains(l.got, id) != l.among {
				out = append(out, fmt.Sprintf("%s are %v, want %s among them: %v", l.what, l.got, id, l.among))
			}
		}
	}
	last := -1
	for _, id := range w.Actions {
		at := slices.Index(acts, id)
		if at < last {
			out = append(out, fmt.Sprintf("actions are %v, want the order %v", acts, w.Actions))
			break
		}
		last = at
	}
	return out
}

// keysOf are what the gaps of those ids miss, each once, in their order.
func (a Assessment) keysOf(ids []string) []string {
	out := []string{}
	for _, g := range a.gaps {
		if slices.Contains(ids, g.ID) && !slices.Contains(out, g.Key) {
			out = append(out, g.Key)
		}
	}
	return out
}
