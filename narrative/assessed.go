package narrative

import (
	"strings"

	"uratori/fact"
	"uratori/policy"
)

// Assessed is a value of the assessment by the name that phrases use for it. ok is false
// when the assessment has none, such as what caps a confidence that nothing caps.
func Assessed(a policy.Assessment, name string) (v fact.Value, ok bool) {
	switch name {
	case "verdict":
		return choice(a.Verdict().String()), true
	case "risk.score":
		return fact.IntOf(int64(a.Score())), true
	case "risk.ceiling":
		return fact.IntOf(int64(a.Ceiling())), true
	case "risk.band":
		return choice(a.Band().String()), true
	case "risk.ceiling_band":
		return choice(a.CeilingBand().String()), true
	case "risk.worse":
		return fact.BoolOf(a.Ceiling() > a.Score()), true
	case "confidence":
		return choice(a.Confidence().String()), true
	case "confidence.capped_by":
		by := a.CappedBy()
		return fact.Value{Type: fact.Label, JA: strings.Join(by, "、"), Str: strings.Join(by, ", ")}, len(by) > 0
	case "urgency":
		return choice(a.Urgency().String()), true
	case "due":
		return label(a.Due()), true
	case "false_positive":
		return choice(a.FalsePositive().String()), true
	case "explained":
		return fact.BoolOf(a.ExplainedByPerson()), true
	case "as_of":
		return fact.TimeOf(a.Facts().AsOf()), !a.Facts().AsOf().IsZero()
	}
	return fact.Value{}, false
}

// choice is the name of a closed choice as the phrase book keys it.
func choice(s string) fact.Value { return fact.NameOf(strings.ToLower(s)) }

func label(t policy.Text) fact.Value {
	return fact.Value{Type: fact.Label, JA: t.JA, Str: t.EN}
}

// Accepted tells whether someone decided, and still stands by it, that the gap may be.
func Accepted(g policy.Gap) bool { return g.Accepted != nil && !g.Accepted.Expired }

// GapMember is what a phrase may print of a gap; item chooses among its remedies.
func GapMember(g policy.Gap, member string, item int) (v fact.Value, ok bool) {
	switch member {
	case "":
		return fact.Value{Type: fact.Label, JA: g.ID, Str: g.ID}, g.ID != ""
	case "what":
		return label(g.What), true
	case "why":
		return label(g.Why), true
	case "settle":
		if item < 0 || item >= len(g.SettleNow) {
			return fact.Value{}, false
		}
		return label(g.SettleNow[item].Text), true
	case "prevent":
		if item < 0 || item >= len(g.PreventNext) {
			return fact.Value{}, false
		}
		return label(g.PreventNext[item]), true
	}
	if !Accepted(g) {
		return fact.Value{}, false
	}
	switch member {
	case "approver":
		return fact.TextOf(g.Accepted.Approver), true
	case "reason":
		return fact.TextOf(g.Accepted.Reason), true
	case "until":
		return fact.TimeOf(g.Accepted.Until), true
	}
	return fact.Value{}, false
}

// ActionMember is what a phrase may print of an action. ok is false when the action has no such text.
func ActionMember(act policy.Action, member string) (v fact.Value, ok bool) {
	some := func(t policy.Text) (fact.Value, bool) { return label(t), t.JA != "" }
	switch member {
	case "id":
		return fact.TextOf(act.ID), true
	case "title":
		return some(act.Title)
	case "owner":
		return some(act.Owner)
	case "due":
		return some(act.Due)
	case "how":
		return some(act.How)
	case "side_effect":
		return some(act.SideEffect)
	case "undo":
		return some(act.Undo)
	}
	return fact.Value{}, false
}
