package narrative

import (
	"strconv"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
)

// bind fills the fact slots of a phrase that names its facts. ok is false when one of them
// is not known, or its guard does not hold.
func bind(a policy.Assessment, p phrase.Phrase) (Statement, bool) {
	st := Statement{Phrase: p.ID, Kind: p.Kind}
	for _, s := range p.Slots {
		switch s.From {
		case phrase.Fact:
			f := a.Facts().Get(fact.Key(s.Key), s.Whose)
			if !sayable(p, s, f) {
				return Statement{}, false
			}
			st.Facts = append(st.Facts, f.ID)
		case phrase.Assessed:
			if v, ok := Assessed(a, s.Key); !ok || s.Guard.Op != "" && !holds(s.Guard, v) {
				return Statement{}, false
			}
		case phrase.Begin, phrase.End, phrase.Days:
			of, _ := p.Slot(s.Of)
			if of.From == phrase.Fact && a.Facts().Get(fact.Key(of.Key), of.Whose).Window.From.IsZero() {
				return Statement{}, false
			}
		case phrase.AnyFact, phrase.AllFacts, phrase.Label, phrase.Subject, phrase.Source, phrase.Scope,
			phrase.Each, phrase.Relation, phrase.Ratio, phrase.OfGap, phrase.OfAction, phrase.OfHypo, phrase.OfStep, phrase.OfCase:
		}
	}
	return st, true
}

// sayable tells whether a slot may be filled by f: its value is known, or is a lower bound
// that the phrase may print as one, and its guard holds.
func sayable(p phrase.Phrase, s phrase.Slot, f fact.Fact) bool {
	switch f.State {
	case fact.Known:
		return s.Guard.Op == "" || holds(s.Guard, f.Value)
	case fact.AtLeast:
		exact := p.Kind == phrase.Comparison || p.Kind == phrase.Absence
		switch s.Guard.Op {
		case "":
			return !exact
		case ">", ">=":
			return !exact && holds(s.Guard, f.Value)
		}
		return false
	case fact.Unknown, fact.NotApplicable:
		return false
	default:
		return false
	}
}

// holds evaluates a guard on a value: numbers by number, truth by word, names by name.
func holds(g phrase.Guard, v fact.Value) bool {
	if n, err := strconv.ParseInt(g.Value, 10, 64); err == nil {
		switch g.Op {
		case "=":
			return v.Num == n
		case "!=":
			return v.Num != n
		case ">":
			return v.Num > n
		case ">=":
			return v.Num >= n
		}
		return false
	}
	is := v.Str
	if v.Type == fact.Bool {
		is = strconv.FormatBool(v.Num == 1)
	}
	switch g.Op {
	case "=":
		return is == g.Value
	case "!=":
		return is != g.Value
	}
	return false
}

// TypeName is the name of a type as phrases write it.
func TypeName(t fact.Type) string {
	return typeNames[t]
}

var typeNames = map[fact.Type]string{
	fact.Bool: "Bool", fact.Int: "Int", fact.Bytes: "Bytes", fact.Minutes: "Minutes", fact.Decimal: "Decimal",
	fact.Percent: "Percent", fact.Text: "Text", fact.Texts: "Texts", fact.Name: "Name", fact.Label: "Label",
	fact.Time: "Time", fact.Weekday: "Weekday", fact.Hour: "Hour", fact.Hours: "Hours", fact.IP: "IP",
	fact.Masked: "Masked", fact.Table: "Table",
}

// About is a statement of a phrase that takes any fact, about f. ok is false when the
// phrase does not take it.
func About(p phrase.Phrase, f fact.Fact) (Statement, bool) {
	d, _ := fact.DefOf(f.Key)
	for _, s := range p.Slots {
		switch s.From {
		case phrase.AnyFact:
			if !s.Takes(string(f.Key), TypeName(d.Type)) || !sayable(p, s, f) {
				return Statement{}, false
			}
		case phrase.Begin, phrase.End, phrase.Days:
			if f.Window.From.IsZero() {
				return Statement{}, false
			}
		case phrase.Subject:
			if f.Subject == "" {
				return Statement{}, false
			}
		case phrase.Fact, phrase.AllFacts, phrase.Label, phrase.Source, phrase.Scope, phrase.Each, phrase.Relation, phrase.Ratio,
			phrase.Assessed, phrase.OfGap, phrase.OfAction, phrase.OfHypo, phrase.OfStep, phrase.OfCase:
		}
	}
	return Statement{Phrase: p.ID, Kind: p.Kind, Facts: []fact.ID{f.ID}}, true
}
