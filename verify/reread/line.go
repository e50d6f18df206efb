package reread

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/phrase"
	"uratori/query"
	"uratori/verify"
)

// says reads a whole line as a phrase filled with these values.
func (t *tape) says(l verify.Line) bool {
	for _, tok := range l.Phrase.Text(t.lang) {
		from := t.at
		if tok.Slot == "" {
			if !t.literal(tok.Literal) || !t.weight(from, false) {
				return false
			}
			continue
		}
		f, ok := l.Value(tok.Slot)
		if !ok {
			return t.no("slot %q of %s has no value", tok.Slot, l.Phrase.ID)
		}
		if !t.filled(f, tok.Units) {
			return t.no("slot %q of %s differs", tok.Slot, l.Phrase.ID)
		}
		if !t.weight(from, true) {
			return false
		}
	}
	return true
}

// weight tells whether what was read since from is bold throughout, or nowhere: on a page that
// sets values in bold, no other words may look like one.
func (t *tape) weight(from int, bold bool) bool {
	for _, a := range t.atoms[from:t.at] {
		if t.bolds && a.r != 0 && a.bold != bold {
			return t.no("values and no other words are bold")
		}
	}
	return true
}

// sound holds a line against the facts it names: its values are theirs, and an absence is
// covered. why is empty where it is.
func sound(l verify.Line, facts fact.Facts) (why string) {
	for _, v := range l.Filled {
		if v.Fact == "" {
			continue
		}
		f, ok := facts.ByID(v.Fact)
		switch {
		case !ok:
			return "it rests on " + string(v.Fact) + ", which is no fact of the case"
		case f.State != v.State || !reflect.DeepEqual(f.Value, v.Value):
			return "its value is not that of " + string(v.Fact)
		}
		if l.Phrase.Kind != phrase.Absence || f.Key == "event.log" {
			continue
		}
		if f.State != fact.Known || !covered(facts.Evidence(), f) {
			return "it claims an absence that the coverage does not prove"
		}
	}
	return ""
}

// covered tells whether everything that a fact was looked for in was there to be seen: each
// answer whole, and collected throughout what it had to cover.
func covered(set evidence.Set, f fact.Fact) bool {
	answers := 0
	for _, ref := range f.From {
		id, _, _ := strings.Cut(string(ref), "#")
		it, ok := set.Item(evidence.ID(id))
		if !ok {
			return false
		}
		if it.Kind != evidence.AnswerItem {
			continue
		}
		answers++
		if out := it.Answer.Outcome; out != evidence.Found && out != evidence.Empty {
			return false
		}
		if !spans(it.Coverage, it.Scope.Window) {
			return false
		}
	}
	return answers > 0
}

// spans tells whether collected intervals fill the window with no hole and nothing else.
func spans(list []evidence.Coverage, w query.Window) bool {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b evidence.Coverage) int { return a.Window.From.Compare(b.Window.From) })
	var reached time.Time
	for i, c := range list {
		if c.State != evidence.Collected || i == 0 && c.Window.From.After(w.From) || i > 0 && c.Window.From.After(reached) {
			return false
		}
		if c.Window.To.After(reached) {
			reached = c.Window.To
		}
	}
	return len(list) > 0 && !reached.Before(w.To)
}
