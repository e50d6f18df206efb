package policy

import (
	"maps"
	"slices"

	"uratori/fact"
)

// recommend chooses from the catalogue of actions, the most urgent first and otherwise in
// the catalogue's order: it is the order in which they should be done.
func (j *judge) recommend() {
	in := maps.Clone(j.in)
	in["verdict"] = input{state: fact.Known, value: j.a.verdict.String()}
	in["explained"] = input{state: fact.Known, value: j.a.explained}
	var unrecorded, expired []string
	for _, g := range j.a.gaps {
		if g.unrecorded() && !g.accepted() {
			unrecorded = append(unrecorded, g.Key)
		}
		if g.Accepted != nil && g.Accepted.Expired {
			expired = append(expired, g.Key)
		}
	}
	in["unrecorded"] = input{state: fact.Known, value: unrecorded}
	in["expired"] = input{state: fact.Known, value: expired}
	for _, a := range j.actions {
		if len(a.Verdicts) > 0 && !slices.Contains(a.Verdicts, j.a.verdict.String()) {
			continue
		}
		if r, ok := j.action(a, in); ok {
			j.a.actions = append(j.a.actions, r)
		}
	}
	slices.SortStableFunc(j.a.actions, func(a, b Action) int {
		return slices.Index(priorities, a.Priority) - slices.Index(priorities, b.Priority)
	})
}

func (j *judge) action(a action, in map[string]input) (Action, bool) {
	if len(a.assume) > 0 {
		in = maps.Clone(in)
		for name, value := range a.assume {
			if s := in[name].state; s == fact.Unknown || s == fact.NotApplicable {
				in[name] = value
			}
		}
	}
	if holds, _ := a.when.ask(in); holds != yes {
		return Action{}, false
	}
	out := Action{
		ID: a.ID, Priority: a.Priority, Title: a.Title, How: a.How, SideEffect: a.SideEffect, Undo: a.Undo,
		Owner: a.owner, Due: j.a.due,
	}
	if a.Due != nil {
		out.Due = *a.Due
	}
	var facts []fact.Fact
	for _, v := range a.when.vars {
		facts = append(facts, in[v].facts...)
	}
	for _, p := range a.values {
		f := j.a.facts.Get(p.fact.key, p.fact.subject)
		out.Values = append(out.Values, PlaceValue{Place: p.name, Fact: f.ID})
		facts = append(facts, f)
	}
	out.Facts = ids(facts)
	return out, true
}
