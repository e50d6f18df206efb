package narrative

import (
	"strconv"
	"strings"
	"time"

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

// GapMember is what a phrase may print of a gap. ok is false when the gap has no such text.
func GapMember(g policy.Gap, member string) (v fact.Value, ok bool) {
	switch member {
	case "":
		return fact.Value{Type: fact.Label, JA: g.ID, Str: g.ID}, g.ID != ""
	case "what":
		return label(g.What), true
	case "why":
		return label(g.Why), true
	case "settle":
		var list []policy.Text
		for _, s := range g.SettleNow {
			list = append(list, s.Text)
		}
		return joined(list)
	case "prevent":
		return joined(g.PreventNext)
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

// joined are whole sentences one after the other.
func joined(list []policy.Text) (v fact.Value, ok bool) {
	var ja, en []string
	for _, t := range list {
		ja, en = append(ja, t.JA), append(en, t.EN)
	}
	return fact.Value{Type: fact.Label, JA: strings.Join(ja, ""), Str: strings.Join(en, " ")}, len(list) > 0
}

// placeValues are what belongs in the places of an action's command, such as
// "<ACCOUNT_ID> = 111122223333": texts beside the command, which may be anybody's.
func placeValues(a policy.Assessment, act policy.Action) (v fact.Value, ok bool) {
	var list []string
	for _, p := range act.Values {
		f, found := a.Facts().ByID(p.Fact)
		if !found || f.State != fact.Known && f.State != fact.AtLeast {
			continue
		}
		switch f.Value.Type {
		case fact.Text, fact.Name, fact.IP, fact.Masked:
			list = append(list, p.Place+" = "+f.Value.Str)
		case fact.Time: // as commands and consoles take it
			list = append(list, p.Place+" = "+f.Value.At.UTC().Format(time.RFC3339))
		case fact.Int:
			list = append(list, p.Place+" = "+strconv.FormatInt(f.Value.Num, 10))
		case fact.Texts:
			list = append(list, p.Place+" = "+strings.Join(f.Value.List, ", "))
		default:
		}
	}
	return fact.TextsOf(list, false), len(list) > 0
}

// ActionMember is what a phrase may print of an action. ok is false when the action has no such text.
func ActionMember(a policy.Assessment, act policy.Action, member string) (v fact.Value, ok bool) {
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
	case "values":
		return placeValues(a, act)
	}
	return fact.Value{}, false
}
