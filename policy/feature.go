package policy

import (
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"uratori/fact"
)

// A feature is a variable of conditions: one fact, or the most that several facts show.
type feature struct {
	name  string
	facts []factRef
	typ   fact.Type
	doc   string
}

// A factRef names one fact: "activity.total@session".
type factRef struct {
	key     fact.Key
	subject string
}

func refOf(s string) factRef {
	key, subject, _ := strings.Cut(s, "@")
	return factRef{fact.Key(key), subject}
}

func (r factRef) String() string {
	if r.subject == "" {
		return string(r.key)
	}
	return string(r.key) + "@" + r.subject
}

// celType is the type of a feature in conditions; ok is false for facts that no condition can use.
func celType(t fact.Type) (_ *cel.Type, ok bool) {
	switch t {
	case fact.Bool:
		return cel.BoolType, true
	case fact.Int, fact.Bytes, fact.Minutes, fact.Weekday, fact.Hour:
		return cel.IntType, true
	case fact.Decimal:
		return cel.DoubleType, true
	case fact.Text, fact.Name, fact.IP, fact.Masked:
		return cel.StringType, true
	case fact.Texts:
		return cel.ListType(cel.StringType), true
	case fact.Time:
		return cel.TimestampType, true
	case fact.Percent, fact.Label, fact.Hours, fact.Table:
		return nil, false
	default:
		return nil, false
	}
}

// An input is what a feature is in one case.
type input struct {
	state   fact.State
	value   any         // for conditions, when Known or AtLeast
	most    any         // when AtLeast: the largest it may be; nil when there is no such value
	facts   []fact.Fact // what it rests on
	missing []fact.Fact // what hides it, when Unknown or AtLeast
}

// absent tells whether what the feature speaks of is known not to be there: false, none, or
// without application.
func (in input) absent() bool {
	return in.state == fact.NotApplicable || in.state == fact.Known && (in.value == false || in.value == int64(0))
}

// inputs reads all features out of the facts.
func inputs(features map[string]feature, facts fact.Facts) map[string]input {
	out := make(map[string]input, len(features))
	for name, f := range features {
		out[name] = f.read(facts)
	}
	return out
}

func (f feature) read(facts fact.Facts) input {
	if len(f.facts) == 1 {
		return readOne(facts.Get(f.facts[0].key, f.facts[0].subject), f.typ)
	}
	var all []input
	for _, r := range f.facts {
		all = append(all, readOne(facts.Get(r.key, r.subject), f.typ))
	}
	return mostOf(all)
}

func readOne(f fact.Fact, t fact.Type) input {
	if d, _ := fact.DefOf(f.Key); f.ID == "" && d.Sometimes() {
		return input{state: fact.NotApplicable} // nobody looks such things up, or there are none
	}
	in := input{state: f.State, facts: []fact.Fact{f}}
	if in.state == fact.Known && f.Value.Type == fact.Texts && f.Value.More {
		in.state = fact.AtLeast // a list that was cut short
	}
	switch in.state {
	case fact.Known, fact.AtLeast:
		var ok bool
		if in.value, ok = native(f.Value, t); !ok {
			return input{state: fact.Unknown, facts: in.facts, missing: in.facts}
		}
	case fact.Unknown:
		in.missing = in.facts
	case fact.NotApplicable:
	}
	if in.state == fact.AtLeast {
		in.missing = in.facts
		switch in.value.(type) {
		case int64:
			in.most = int64(math.MaxInt64)
		case float64:
			in.most = math.Inf(1)
		}
	}
	return in
}

// native is a fact's value as conditions see it; ok is false when it is not of the declared type.
func native(v fact.Value, t fact.Type) (_ any, ok bool) {
	want, _ := celType(t)
	got, usable := celType(v.Type)
	if !usable || want == nil || !want.IsExactType(got) {
		return nil, false
	}
	switch v.Type {
	case fact.Bool:
		return v.Num == 1, true
	case fact.Int, fact.Bytes, fact.Minutes, fact.Weekday, fact.Hour:
		return v.Num, true
	case fact.Decimal:
		return float64(v.Num) / 10, true
	case fact.Text, fact.Name, fact.IP, fact.Masked:
		return v.Str, true
	case fact.Texts:
		return v.List, true
	case fact.Time:
		return v.At, true
	case fact.Percent, fact.Label, fact.Hours, fact.Table:
		return nil, false
	default:
		return nil, false
	}
}

// mostOf is the most that any of several inputs shows. What is greater than zero in one of
// them is so; to say none, every one that could be asked must say so. A question that never
// arose, because the case lacks what it asks by or its playbook does not ask it, says nothing.
func mostOf(all []input) input {
	var best, hidden, first *input
	var bounds []fact.Fact // of which there may be more than was seen
	applies := false
	for i := range all {
		in := &all[i]
		switch in.state {
		case fact.Known, fact.AtLeast:
			if best == nil || size(in.value) > size(best.value) {
				best = in
			}
			if in.state == fact.AtLeast {
				bounds = append(bounds, in.missing...)
			}
			applies = true
		case fact.Unknown:
			if first == nil {
				first = in
			}
			if hidden == nil && !neverArose(in.missing) {
				hidden = in
			}
			applies = true
		case fact.NotApplicable:
		}
	}
	switch {
	case !applies:
		return input{state: fact.NotApplicable, facts: all[0].facts}
	case best == nil && hidden != nil:
		return *hidden
	case best == nil:
		return *first
	case hidden == nil && bounds == nil || best.value == true:
		return *best
	case hidden != nil && size(best.value) == 0:
		return *hidden
	case hidden != nil:
		bounds = append(bounds, hidden.missing...)
	}
	out := *best
	out.state, out.missing = fact.AtLeast, bounds
	if _, whole := out.value.(int64); whole {
		out.most = int64(math.MaxInt64)
	}
	return out
}

// size orders truths and counts.
func size(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case bool:
		if v {
			return 1
		}
	}
	return 0
}

func neverArose(facts []fact.Fact) bool {
	for _, f := range facts {
		if f.Gap.Key != "question" && f.Gap.Outcome.String() != "NotAsked" {
			return false
		}
	}
	return true
}

// instant is a value of a time feature written by hand.
func instant(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil
}
