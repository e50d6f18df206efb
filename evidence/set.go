package evidence

import (
	"strings"
	"time"
)

// A Set is all the evidence of one case, in the order of its numbers. It is never changed; [Set.Add] returns a new one.
type Set struct {
	items []Item
}

// NewSet returns a set of items that are already numbered.
func NewSet(items []Item) Set { return Set{items: items} }

// Items are the items by number.
func (s Set) Items() []Item { return s.items }

// Item is the item with that number.
func (s Set) Item(id ID) (Item, bool) {
	for _, it := range s.items {
		if it.ID == id {
			return it, true
		}
	}
	return Item{}, false
}

// Asked are the items of one question about one subject, in the order the sources were asked.
func (s Set) Asked(question, subject string) []Item {
	var out []Item
	for _, it := range s.items {
		if it.Kind == AnswerItem && it.Question == question && it.Subject == subject {
			out = append(out, it)
		}
	}
	return out
}

// AnswerFor is the answer that the fact of that name and subject may rest on: the
// questions that declare to answer it, in order, the first that has rows or proves
// their absence; else the first that says why not. ok is false when no question
// of the case answers it.
func (s Set) AnswerFor(name, subject string) (a Answered, ok bool) {
	seen := map[string]bool{}
	for _, it := range s.items {
		if it.Kind != AnswerItem || it.Subject != subject || seen[it.Question] || !answers(it.Answers, name) {
			continue
		}
		seen[it.Question] = true
		b := Choose(s.Asked(it.Question, subject))
		if b.Usable() {
			return b, true
		}
		if !ok {
			a, ok = b, true
		}
	}
	return a, ok
}

func answers(patterns []string, name string) bool {
	for _, p := range patterns {
		if p == name {
			return true
		}
		if group, all := strings.CutSuffix(p, "*"); all && strings.HasPrefix(name, group) {
			return true
		}
	}
	return false
}

// An Answered is what a question came to after its sources were walked.
type Answered struct {
	Item  Item // the item chosen
	Exact bool // the answer is whole: rows untruncated, and the scope covered throughout
}

// Usable tells whether something can be computed from it: rows, or their proven absence.
func (a Answered) Usable() bool {
	switch a.Item.Answer.Outcome {
	case Found, Truncated:
		return true
	case Empty:
		return a.Exact
	default:
		return false
	}
}

// Choose walks the items of one question in the order its sources were asked and
// returns what counts: the first Found or Empty whose scope was Collected throughout;
// else the first with rows, whose counts then mean "at least"; else the item that
// explains best why there is none.
func Choose(items []Item) Answered {
	var rows, why *Item
	for i := range items {
		it := &items[i]
		switch it.Answer.Outcome {
		case Found, Empty:
			if it.Complete() {
				return Answered{Item: *it, Exact: true}
			}
			if it.Answer.Outcome == Found && rows == nil {
				rows = it
			}
		case Truncated:
			if rows == nil {
				rows = it
			}
		case NotCollected, NotYet, NotAsked, Denied, Throttled, Failed:
		}
		if why == nil || explains(*it) > explains(*why) {
			why = it
		}
	}
	switch {
	case rows != nil:
		return Answered{Item: *rows}
	case why != nil:
		return Answered{Item: *why}
	default:
		return Answered{}
	}
}

// explains ranks how well an unusable item says why nothing is known: a refusal
// weighs more than silence, because asking again may help.
func explains(it Item) int {
	switch it.Answer.Outcome {
	case Failed, Throttled, Denied:
		return 4
	case NotYet:
		return 3
	case NotCollected:
		return 2
	case Empty:
		return 1
	case NotAsked, Found, Truncated:
		return 0
	default:
		return 0
	}
}

// AskAgain is when the logs may be asked again for what is still on its way: deliveryDelay after
// the latest end of a stretch that a question was left open by. ok is false when nothing is.
func (s Set) AskAgain() (at time.Time, ok bool) {
	type question struct{ id, subject string }
	seen := map[question]bool{}
	for _, it := range s.items {
		q := question{it.Question, it.Subject}
		if it.Kind != AnswerItem || seen[q] {
			continue
		}
		seen[q] = true
		asked := s.Asked(it.Question, it.Subject)
		if Choose(asked).Exact {
			continue
		}
		for _, a := range asked {
			for _, c := range a.Coverage {
				if c.State == Unknown && c.Why == WhyDelay && (!ok || c.Window.To.After(at)) {
					at, ok = c.Window.To, true
				}
			}
		}
	}
	if ok {
		at = at.Add(deliveryDelay)
	}
	return at, ok
}

// deliveryDelay is how long records are waited for: CloudTrail delivers "on average about 5
// minutes" after the call, which is "not guaranteed" (AWS CloudTrail User Guide, "Getting and
// viewing your CloudTrail log files").
const deliveryDelay = 15 * time.Minute
