package verify

import (
	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
)

// Checked is a draft whose every statement was held against the facts. Only [Check] makes
// one; a zero Checked is none, see [Checked.Made].
type Checked struct {
	assessment policy.Assessment
	sections   map[string][]Line
	struck     []Strike
	ok         bool
}

// Made tells whether c came from [Check].
func (c Checked) Made() bool { return c.ok }

// Assessment is what the lines are about.
func (c Checked) Assessment() policy.Assessment { return c.assessment }

// Section are the lines of a section in order.
func (c Checked) Section(id string) []Line { return c.sections[id] }

// Struck are the statements that were refused.
func (c Checked) Struck() []Strike { return c.struck }

// A Line is one admitted statement: a phrase and the value of each of its slots.
type Line struct {
	Phrase  phrase.Phrase
	Filled  []Filled  // one for each slot, in the phrase's order
	Facts   []fact.ID // what it rests on, each once, in the order of the slots
	Anchors []string  // what it points to: F1, A2, G1, R1; in the order of the slots, each once
}

// Filled is the value of one slot.
type Filled struct {
	Slot  string
	Value fact.Value
	Key   string     // under which the phrase book keeps the names of its choices
	State fact.State // Known, or AtLeast
	Gap   string     // AtLeast: the gap behind it, such as "G1"
	Fact  fact.ID    // the fact it is the value of; empty for what was derived from one
}

// Value is the filling of that slot.
func (l Line) Value(slot string) (Filled, bool) {
	for _, f := range l.Filled {
		if f.Slot == slot {
			return f, true
		}
	}
	return Filled{}, false
}

// A Strike is a refused statement: where, of which phrase, and why. Its text is not kept.
type Strike struct {
	Section string
	Phrase  string
	Reason  Reason
}

// A Reason says why a statement was refused.
type Reason uint8

// The reasons.
const (
	NoSuchPhrase  Reason = iota + 1 // the phrase book does not hold it
	WrongKind                       // it claims another kind than its phrase's
	WrongSection                    // the phrase may not stand there
	WrongFacts                      // too few or too many facts, or others than the slots ask for
	NotKnown                        // a fact is unknown, or only a lower bound where an exact value is needed
	GuardFails                      // a condition of the phrase does not hold
	NoWindow                        // the phrase prints a window that the fact does not have
	NotComparable                   // two facts of different unit or window
	NotCovered                      // an absence without full coverage
	WrongGap                        // no such gap, or not the one behind the facts
	WrongAction                     // the action is not among the assessment's
	WrongEntry                      // no such hypothesis, step or list entry
	NoSupport                       // a hypothesis that nothing supports, or whose requirements fail
	NotAssessed                     // the assessment has no such value
	Repeated                        // it was already said in this section
)

var reasonNames = map[Reason]string{
	NoSuchPhrase: "no such phrase", WrongKind: "wrong kind", WrongSection: "wrong section", WrongFacts: "wrong facts",
	NotKnown: "not known", GuardFails: "guard fails", NoWindow: "no window", NotComparable: "not comparable",
	NotCovered: "not covered", WrongGap: "wrong gap", WrongAction: "wrong action", WrongEntry: "wrong entry",
	NoSupport: "no support", NotAssessed: "not assessed", Repeated: "repeated",
}

func (r Reason) String() string { return reasonNames[r] }
