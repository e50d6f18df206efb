package policy

import (
	"maps"
	"slices"
)

// A Description is a rule as a reader wants to see it.
type Description struct {
	ID        string
	Side      Side
	When      string
	Needs     []string // features; [Policy.Features] says which facts they are
	Arises    string
	Points    int
	Group     string
	Cap       *int
	Floor     int
	FloorKind string
	Because   Text
}

// Rules describe the rules in their order.
func (p Policy) Rules() []Description {
	if p.c == nil {
		return nil
	}
	var out []Description
	for _, r := range p.c.rules {
		out = append(out, Description{
			ID: r.ID, Side: r.Side, When: r.ruleForm.When, Needs: slices.Clone(r.Needs), Arises: r.arises, Points: r.Points,
			Group: r.Group, Cap: r.Cap, Floor: r.Floor, FloorKind: r.FloorKind, Because: r.Because,
		})
	}
	return out
}

// A FeatureDescription is a variable of conditions.
type FeatureDescription struct {
	Name  string
	Facts []string // key or key@subject; of several, the most counts
	Doc   string
}

// Features describe the variables of conditions, by name.
func (p Policy) Features() []FeatureDescription {
	if p.c == nil {
		return nil
	}
	var out []FeatureDescription
	for _, name := range slices.Sorted(maps.Keys(p.c.features)) {
		f := p.c.features[name]
		d := FeatureDescription{Name: name, Doc: f.doc}
		for _, r := range f.facts {
			d.Facts = append(d.Facts, r.String())
		}
		out = append(out, d)
	}
	return out
}

// A Requirement is evidence that a family of findings requires: one of its alternatives.
type Requirement struct {
	ID           string
	What         Text
	Alternatives []Alternative
}

// An Alternative is met when everything it names is known and its condition holds.
type Alternative struct {
	Known      []string // features
	When       string
	Confidence Level // the most that it allows
}

// Requires is the evidence that a family of findings requires.
func (p Policy) Requires(family string) []Requirement {
	if p.c == nil {
		return nil
	}
	var out []Requirement
	for _, r := range p.c.requires(family) {
		d := Requirement{ID: r.id, What: r.what}
		for _, alt := range r.any {
			d.Alternatives = append(d.Alternatives, Alternative{slices.Clone(alt.Known), alt.proofForm.When, alt.confidence})
		}
		out = append(out, d)
	}
	return out
}
