package phrase

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	slotCall  = regexp.MustCompile(`^(label|who|from|to|days|source|scope|each)\(([a-z0-9_]+)\)$`)
	slotPair  = regexp.MustCompile(`^(relation|ratio)\(([a-z0-9_]+), ([a-z0-9_]+)\)$`)
	slotAny   = regexp.MustCompile(`^any(?:\(([A-Za-z_.*, ]+)\))?$`)
	slotFact  = regexp.MustCompile(`^([a-z]+\.[a-z0-9_]+)(?:@([a-z0-9_*]+))?$`)
	slotName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	guardForm = regexp.MustCompile(`^(.*?)\s*(!=|>=|=|>)\s*([a-z0-9_]+)$`)
)

// assessed are the values of the assessment that have a slot.
var assessed = []string{
	"verdict", "risk.score", "risk.ceiling", "risk.band", "risk.ceiling_band", "risk.worse",
	"confidence", "confidence.capped_by", "urgency", "due", "false_positive", "explained", "as_of",
}

// AssessedNames are the values of the assessment that a phrase can print, in the order of their anchors A1, A2, ...
func AssessedNames() []string { return slices.Clone(assessed) }

// ReadSlot reads a condition on a fact, such as "activity.persistence_calls@session > 0": the
// form in which slots are written.
func ReadSlot(spec string) (Slot, error) { return readSlot("x", spec) }

// readSlot reads "signin.total = 0" and the other forms of a slot.
func readSlot(name, spec string) (Slot, error) {
	s := Slot{Name: name}
	if !slotName.MatchString(name) {
		return s, fmt.Errorf("slot %q: a name is lower-case letters", name)
	}
	if m := guardForm.FindStringSubmatch(spec); m != nil {
		spec, s.Guard = m[1], Guard{Op: m[2], Value: m[3]}
	}
	switch {
	case slices.Contains(assessed, spec):
		s.From, s.Key = Assessed, spec
	case spec == "all":
		s.From = AllFacts
	case slotAny.MatchString(spec):
		s.From = AnyFact
		if list := slotAny.FindStringSubmatch(spec)[1]; list != "" {
			for _, word := range strings.Split(list, ", ") {
				if strings.Contains(word, ".") {
					s.Keys = append(s.Keys, word)
				} else {
					s.Types = append(s.Types, word)
				}
			}
		}
	case slotCall.MatchString(spec):
		m := slotCall.FindStringSubmatch(spec)
		s.From, s.Of = From(m[1]), m[2]
	case slotPair.MatchString(spec):
		m := slotPair.FindStringSubmatch(spec)
		s.From, s.Of, s.And = From(m[1]), m[2], m[3]
	case spec == "gap" || spec == "step" || spec == "hypothesis":
		s.From = From(spec)
	default:
		m := slotFact.FindStringSubmatch(spec)
		if m == nil {
			return s, fmt.Errorf("slot %q: %q is no fact, no value of the assessment and no function", name, spec)
		}
		group, member, _ := strings.Cut(m[1], ".")
		switch From(group) {
		case OfGap, OfAction, OfHypo, OfCase:
			s.From, s.Key = From(group), member
		default:
			s.From, s.Key, s.Whose = Fact, m[1], m[2]
		}
	}
	return s, nil
}

// readText cuts "サインインは{n:件}であった。" into tokens.
func readText(text string, l Lang) (Text, error) {
	var out Text
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			out, text = append(out, Token{Literal: text}), ""
			break
		}
		if open > 0 {
			out = append(out, Token{Literal: text[:open]})
		}
		end := strings.IndexByte(text, '}')
		if end < open {
			return nil, fmt.Errorf("text %q: a brace is not closed", text)
		}
		name, units, counted := strings.Cut(text[open+1:end], ":")
		t := Token{Slot: name}
		if counted {
			t.Units = strings.Split(units, "|")
			if want := map[Lang]int{JA: 1, EN: 2}[l]; len(t.Units) != want {
				return nil, fmt.Errorf("text: {%s:%s}: want %d counting words", name, units, want)
			}
		}
		out, text = append(out, t), text[end+1:]
	}
	return out, nil
}

// check holds a phrase against the rules that make it readable back.
func (p Phrase) check() error {
	for _, s := range p.Slots {
		for _, of := range []string{s.Of, s.And} {
			if _, ok := p.Slot(of); of != "" && !ok {
				return fmt.Errorf("slot %q is about %q, which is no slot", s.Name, of)
			}
		}
	}
	var printed [2][]string
	for i, l := range Langs() {
		last := true
		text := p.Text(l)
		if len(text) == 0 || text[0].Literal == "" && text[0].Slot == "" {
			return fmt.Errorf("%s: the text is missing", l)
		}
		for n, t := range text {
			if t.Slot == "" {
				if err := checkLiteral(t.Literal); err != nil {
					return fmt.Errorf("%s: %w", l, err)
				}
				last = true
				continue
			}
			if _, ok := p.Slot(t.Slot); !ok {
				return fmt.Errorf("%s: {%s} is not among the slots", l, t.Slot)
			}
			if !last && n > 0 {
				return fmt.Errorf("%s: {%s} touches the slot before it; put a word between them", l, t.Slot)
			}
			last = false
			printed[i] = append(printed[i], t.Slot)
		}
		slices.Sort(printed[i])
	}
	if !slices.Equal(printed[0], printed[1]) {
		return fmt.Errorf("the languages print different slots: ja %v, en %v", printed[0], printed[1])
	}
	for _, s := range p.Slots {
		if s.Guard.Op == "" && !slices.Contains(printed[0], s.Name) && !p.mentioned(s.Name) {
			return fmt.Errorf("slot %q is neither printed nor guarded", s.Name)
		}
	}
	return nil
}

func (p Phrase) mentioned(name string) bool {
	return slices.ContainsFunc(p.Slots, func(s Slot) bool { return s.Of == name || s.And == name })
}

// checkLiteral refuses numbers and markup in a literal. A digit right after a letter is part of a name, such as S3 or IPv4.
func checkLiteral(s string) error {
	before := rune(0)
	for _, r := range s {
		if unicode.IsDigit(r) && (before < 'A' || before > 'z') {
			return fmt.Errorf("literal %q holds a number; numbers are values", s)
		}
		if strings.ContainsRune("`*_<>[]|\\#", r) || unicode.IsControl(r) {
			return fmt.Errorf("literal %q holds markup %q", s, r)
		}
		before = r
	}
	return nil
}
