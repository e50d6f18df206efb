package verify

import (
	"slices"
	"strconv"
	"strings"

	"uratori/evidence"
	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
)

// A resolver finds the values of one statement's slots.
type resolver struct {
	*checker
	st    narrative.Statement
	line  Line
	facts map[string][]fact.Fact // slot -> its facts
}

// bind gives each slot that wants a fact the fact that the statement names for it.
func (r *resolver) bind() Reason {
	left := r.st.Facts
	for _, s := range r.line.Phrase.Slots {
		if !s.Bound() {
			continue
		}
		if len(left) == 0 {
			return WrongFacts
		}
		take := 1
		if s.From == phrase.AllFacts {
			take = len(left)
		}
		for _, id := range left[:take] {
			f, ok := r.a.Facts().ByID(id)
			if !ok || slices.ContainsFunc(r.facts[s.Name], func(have fact.Fact) bool { return have.ID == f.ID }) {
				return WrongFacts
			}
			if why := r.takes(s, f); why != 0 {
				return why
			}
			r.facts[s.Name] = append(r.facts[s.Name], f)
			r.rest(f.ID)
		}
		left = left[take:]
	}
	if len(left) > 0 {
		return WrongFacts
	}
	return 0
}

// rest notes that the line rests on a fact, and points to it.
func (r *resolver) rest(id fact.ID) {
	if !slices.Contains(r.line.Facts, id) {
		r.line.Facts = append(r.line.Facts, id)
	}
}

func (r *resolver) point(anchor string) {
	if anchor != "" && !slices.Contains(r.line.Anchors, anchor) {
		r.line.Anchors = append(r.line.Anchors, anchor)
	}
}

// takes holds a fact against what the slot asks for.
func (r *resolver) takes(s phrase.Slot, f fact.Fact) Reason {
	d, ok := fact.DefOf(f.Key)
	switch {
	case !ok:
		return WrongFacts
	case s.From == phrase.Fact && (string(f.Key) != s.Key || s.Whose != "*" && f.Subject != s.Whose):
		return WrongFacts
	case s.From == phrase.AnyFact && !s.Takes(string(f.Key), narrative.TypeName(d.Type)):
		return WrongFacts
	case s.From == phrase.AllFacts && s.Guard.Op == "":
		if f.State != fact.Unknown {
			return NotKnown
		}
		return 0
	case f.State == fact.Unknown, f.State == fact.NotApplicable:
		return NotKnown
	}
	exact := r.line.Phrase.Kind == phrase.Absence || r.line.Phrase.Kind == phrase.Comparison
	bound := s.Guard.Op == "" || s.Guard.Op == ">" || s.Guard.Op == ">="
	if f.State == fact.AtLeast && (exact || !bound) {
		return NotKnown
	}
	return guarded(s.Guard, f.Value)
}

// guarded evaluates a slot's condition on a value.
func guarded(g phrase.Guard, v fact.Value) Reason {
	if g.Op == "" {
		return 0
	}
	var holds bool
	switch n, err := strconv.ParseInt(g.Value, 10, 64); {
	case err == nil && (v.Type == fact.Name || v.Type == fact.Text):
		holds = false
	case err == nil:
		holds = g.Op == "=" && v.Num == n || g.Op == "!=" && v.Num != n || g.Op == ">" && v.Num > n || g.Op == ">=" && v.Num >= n
	case v.Type == fact.Bool:
		same := strconv.FormatBool(v.Num == 1) == g.Value
		holds = g.Op == "=" && same || g.Op == "!=" && !same
	case v.Type == fact.Name:
		holds = g.Op == "=" && v.Str == g.Value || g.Op == "!=" && v.Str != g.Value
	}
	if !holds {
		return GuardFails
	}
	return 0
}

// fill finds the value of one slot.
func (r *resolver) fill(s phrase.Slot) Reason {
	out := Filled{Slot: s.Name, Key: s.Key, State: fact.Known}
	var of fact.Fact
	if list := r.facts[s.Of]; len(list) > 0 {
		of = list[0]
	}
	switch s.From {
	case phrase.Fact, phrase.AnyFact:
		f := r.facts[s.Name][0]
		out.Value, out.State, out.Fact, out.Key = f.Value, f.State, f.ID, string(f.Key)
		r.point(string(f.ID))
		if f.State == fact.AtLeast {
			g, ok := r.a.GapOf(f)
			if !ok {
				return WrongGap
			}
			out.Gap = g.ID
			r.point(g.ID)
		}
	case phrase.AllFacts:
		out.Value = labels(r.facts[s.Name])
		for _, f := range r.facts[s.Name] {
			r.point(string(f.ID))
		}
	case phrase.Label:
		out.Value = labels([]fact.Fact{of})
	case phrase.Subject:
		if of.Subject == "" {
			return WrongFacts
		}
		out.Value, out.Key = fact.NameOf(of.Subject), "subject"
	case phrase.Begin, phrase.End, phrase.Days:
		if of.Window.From.IsZero() || of.Window.To.IsZero() {
			return NoWindow
		}
		switch s.From {
		case phrase.Begin:
			out.Value = fact.TimeOf(of.Window.From)
		case phrase.End:
			out.Value = fact.TimeOf(of.Window.To)
		default:
			out.Value = fact.IntOf(int64(of.Window.To.Sub(of.Window.From).Hours() / 24))
		}
	case phrase.Each:
		for _, f := range r.facts[s.Of] {
			if f.Value.Type != of.Value.Type || f.Value.Num != of.Value.Num || f.State != of.State {
				return NotComparable
			}
		}
		out.Value = of.Value
	case phrase.Source, phrase.Scope:
		items := answersOf(r.a.Facts().Evidence(), of)
		if len(items) == 0 {
			return NotCovered
		}
		out.Value = sources(items)
		if s.From == phrase.Scope {
			out.Value = scopes(r.book, items)
		}
	case phrase.Ratio, phrase.Relation:
		and := r.facts[s.And]
		if len(and) == 0 {
			return WrongFacts
		}
		v, ok := compare(s.From, of, and[0])
		if !ok {
			return NotComparable
		}
		out.Value, out.Key = v, string(s.From)
	case phrase.Assessed:
		v, ok := narrative.Assessed(r.a, s.Key)
		if !ok {
			return NotAssessed
		}
		if why := guarded(s.Guard, v); why != 0 {
			return why
		}
		out.Value = v
		r.point(AssessedAnchor(s.Key))
		if s.Key == "confidence.capped_by" {
			for _, id := range r.a.CappedBy() {
				r.point(id)
			}
		}
	case phrase.OfGap:
		g, ok := gapByID(r.a, r.st.Gap)
		if !ok {
			return WrongGap
		}
		v, ok := narrative.GapMember(g, s.Key)
		if !ok {
			return WrongEntry
		}
		out.Value, out.Key = v, ""
		r.point(g.ID)
	case phrase.OfAction:
		n := slices.IndexFunc(r.a.Actions(), func(act policy.Action) bool { return act.ID == r.st.Action })
		if n < 0 {
			return WrongAction
		}
		act := r.a.Actions()[n]
		if priority := string(act.Priority); r.section != "summary" && !strings.EqualFold(priority, r.section) {
			return WrongSection
		}
		v, ok := narrative.ActionMember(r.a, act, s.Key)
		if !ok {
			return WrongEntry
		}
		number := "R" + strconv.Itoa(n+1)
		if s.Key == "id" {
			v = fact.Value{Type: fact.Label, JA: number, Str: number}
		}
		out.Value, out.Key = v, ""
		r.point(number)
		for _, id := range act.Facts {
			r.rest(id)
		}
	case phrase.OfHypo:
		return r.hypothesis(s)
	case phrase.OfStep:
		step, ok := narrative.Catalogues().Step(r.st.Step)
		if !ok {
			return WrongEntry
		}
		out.Value = fact.Value{Type: fact.Label, JA: step.JA, Str: step.EN}
	case phrase.OfCase:
		return WrongEntry // what a run says of itself is written by the report alone
	}
	r.line.Filled = append(r.line.Filled, out)
	return 0
}

func (r *resolver) hypothesis(s phrase.Slot) Reason {
	h, ok := narrative.Catalogues().Hypothesis(r.st.Hypothesis)
	if !ok {
		return WrongEntry
	}
	w := h.Weigh(r.a)
	if !w.Sayable {
		return NoSupport
	}
	out := Filled{Slot: s.Name, State: fact.Known}
	switch s.Key {
	case "supports":
		out.Value = r.ids(w.Supports)
	case "contradicts":
		out.Value = r.ids(w.Contradicts)
	case "unconfirmed":
		for _, g := range w.Gaps {
			r.point(g)
		}
		out.Value = r.listed(w.Gaps)
	default:
		out.Value = fact.Value{Type: fact.Label, JA: h.JA, Str: h.EN}
	}
	r.line.Filled = append(r.line.Filled, out)
	return 0
}

// ids lists facts by their numbers.
func (r *resolver) ids(list []fact.ID) fact.Value {
	var texts []string
	for _, id := range list {
		r.rest(id)
		r.point(string(id))
		texts = append(texts, string(id))
	}
	return r.listed(texts)
}

func (r *resolver) listed(list []string) fact.Value {
	if len(list) == 0 {
		return fact.Value{Type: fact.Label, JA: r.book.Word("none", phrase.JA), Str: r.book.Word("none", phrase.EN)}
	}
	return fact.Value{Type: fact.Label, JA: strings.Join(list, "、"), Str: strings.Join(list, ", ")}
}

// judge applies the rules of the phrase's kind once all values are there.
func (r *resolver) judge() Reason {
	p := r.line.Phrase
	if p.Kind == phrase.Absence {
		for _, list := range r.facts {
			for _, f := range list {
				if f.Key != "event.log" && !whole(r.a.Facts().Evidence(), f) {
					return NotCovered
				}
			}
		}
	}
	for _, list := range r.facts {
		for _, f := range list {
			if p.Kind == phrase.Absence && len(list) > 1 && (f.Window != list[0].Window || !samePlaces(r.book, r.a.Facts().Evidence(), f, list[0])) {
				return NotComparable
			}
		}
	}
	if r.st.Step != "" {
		step, _ := narrative.Catalogues().Step(r.st.Step)
		for _, list := range r.facts {
			for _, f := range list {
				if string(f.Key) != step.Fact.Key || f.Subject != step.Fact.Whose {
					return WrongFacts
				}
			}
		}
	}
	for _, s := range p.Slots {
		if s.From != phrase.OfGap || len(r.facts) == 0 {
			continue
		}
		for _, list := range r.facts {
			for _, f := range list {
				if g, ok := r.a.GapOf(f); !ok || g.ID != r.st.Gap {
					return WrongGap
				}
			}
		}
	}
	return 0
}

// whole tells whether everything that an absence rests on was looked at: each answer
// complete, and its source collected throughout the scope.
func whole(set evidence.Set, f fact.Fact) bool {
	items := answersOf(set, f)
	for _, it := range items {
		out := it.Answer.Outcome
		if out != evidence.Found && out != evidence.Empty || !it.Complete() {
			return false
		}
	}
	return f.State == fact.Known && len(items) > 0
}

// samePlaces tells whether two facts were looked for in the same kinds of record of the same
// accounts and Regions, so that one line can say where both were looked for.
func samePlaces(book *phrase.Book, set evidence.Set, a, b fact.Fact) bool {
	x, y := answersOf(set, a), answersOf(set, b)
	return sources(x).Str == sources(y).Str && scopes(book, x).Str == scopes(book, y).Str
}

// answersOf are the answers that a fact came from.
func answersOf(set evidence.Set, f fact.Fact) []evidence.Item {
	var out []evidence.Item
	for _, ref := range f.From {
		id, _, _ := strings.Cut(string(ref), "#")
		it, ok := set.Item(evidence.ID(id))
		if !ok || it.Kind != evidence.AnswerItem || slices.ContainsFunc(out, func(have evidence.Item) bool { return have.ID == it.ID }) {
			continue
		}
		out = append(out, it)
	}
	return out
}

// rates are per-day averages and the count of one day that may be held against each.
var rates = map[fact.Key]fact.Key{"baseline.daily_average": "baseline.event_day"}

// compare says how a stands to b: two facts of one unit and window, or a day's count
// against the average of a day.
func compare(how phrase.From, a, b fact.Fact) (fact.Value, bool) {
	same := a.Value.Type == b.Value.Type && a.Window == b.Window
	if !same && rates[b.Key] != a.Key || a.Subject != b.Subject {
		return fact.Value{}, false
	}
	x, y := tenths(a.Value), tenths(b.Value)
	if how == phrase.Ratio {
		if y == 0 {
			return fact.Value{}, false
		}
		return fact.Value{Type: fact.Decimal, Num: (20*x + y) / (2 * y)}, true
	}
	switch {
	case x > y:
		return fact.NameOf("more"), true
	case x < y:
		return fact.NameOf("fewer"), true
	}
	return fact.NameOf("same"), true
}

// tenths brings counts and decimals to one scale.
func tenths(v fact.Value) int64 {
	if v.Type == fact.Decimal {
		return v.Num
	}
	return v.Num * 10
}

// labels are the names of facts, in both languages; where they are of several subjects, each
// with its own.
func labels(list []fact.Fact) fact.Value {
	var ja, en []string
	mixed := slices.ContainsFunc(list, func(f fact.Fact) bool { return f.Subject != list[0].Subject })
	for _, f := range list {
		d, _ := fact.DefOf(f.Key)
		nameJA, nameEN := d.JA, d.EN
		if who, ok := phrase.Default().Choice("subject", f.Subject, phrase.JA); ok && mixed {
			nameJA = who + "の" + nameJA
			who, _ = phrase.Default().Choice("subject", f.Subject, phrase.EN)
			nameEN += " (" + who + ")"
		}
		if f.Key == "coverage.state" {
			nameJA, nameEN = kindName(f.Subject, phrase.JA)+"の"+nameJA, nameEN+" of "+kindName(f.Subject, phrase.EN)
		}
		if !slices.Contains(ja, nameJA) {
			ja, en = append(ja, nameJA), append(en, nameEN)
		}
	}
	return fact.Value{Type: fact.Label, JA: strings.Join(ja, "、"), Str: strings.Join(en, ", ")}
}

// kindName is how a kind of record is called; a kind of the configuration's own by its key.
func kindName(kind string, l phrase.Lang) string {
	if s, ok := phrase.Default().Choice("*", kind, l); ok {
		return s
	}
	return kind
}

// sources names the kinds of record that were searched.
func sources(items []evidence.Item) fact.Value {
	return listed(items, func(it evidence.Item, l phrase.Lang) string {
		kind := it.Scope.Kind
		if kind == "" {
			kind = string(it.Ask.Dataset)
		}
		return kindName(kind, l)
	})
}

// scopes names the accounts and Regions that were covered.
func scopes(book *phrase.Book, items []evidence.Item) fact.Value {
	return listed(items, func(it evidence.Item, l phrase.Lang) string {
		if it.Scope.Account == "" && it.Scope.Region == "" {
			return book.Word("any_scope", l)
		}
		account, region := book.Word("any_account", l), book.Word("any_region", l)
		gap := " "
		if l == phrase.JA {
			gap = ""
		}
		if it.Scope.Account != "" {
			account = book.Word("account", l) + gap + it.Scope.Account
		}
		if it.Scope.Region != "" {
			region = book.Word("region", l) + gap + it.Scope.Region
		}
		if l == phrase.JA {
			return account + "・" + region
		}
		return account + ", " + region
	})
}

func listed(items []evidence.Item, say func(evidence.Item, phrase.Lang) string) fact.Value {
	join := func(l phrase.Lang, sep string) string {
		var out []string
		for _, it := range items {
			if s := say(it, l); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		return strings.Join(out, sep)
	}
	return fact.Value{Type: fact.Label, JA: join(phrase.JA, "、"), Str: join(phrase.EN, "; ")}
}

// AssessedAnchor is the anchor of a value of the assessment: A1, A2, ...
func AssessedAnchor(name string) string {
	return "A" + strconv.Itoa(slices.Index(phrase.AssessedNames(), name)+1)
}

func gapByID(a policy.Assessment, id string) (policy.Gap, bool) {
	for _, g := range a.Gaps() {
		if g.ID == id {
			return g, true
		}
	}
	return policy.Gap{}, false
}

// Assessed is a value of the assessment by the name that phrases use for it.
func Assessed(a policy.Assessment, name string) (fact.Value, bool) {
	return narrative.Assessed(a, name)
}
