package phrase

import (
	"slices"
	"strings"
)

// A Lang is a language of the report.
type Lang string

// The languages. Every phrase, title and name exists in each.
const (
	JA Lang = "ja"
	EN Lang = "en"
)

// Langs are all languages.
func Langs() []Lang { return []Lang{JA, EN} }

// A Kind says what sort of statement a phrase makes, and so how it is checked.
type Kind string

// The kinds of statement. There are no others: free prose has no kind.
const (
	Plain          Kind = "S1" // a statement of facts
	Table          Kind = "S2" // a table, list or timeline of one fact or of the assessment
	Comparison     Kind = "S3" // two facts of one unit and window; code picks the word
	Absence        Kind = "S4" // nothing was found, where everything was looked at
	Hypothesis     Kind = "S5" // what could be, with what speaks for and against it
	Assessment     Kind = "S6" // what policy says
	Recommendation Kind = "S7" // an action of the catalogue
	Quotation      Kind = "S8" // the text of a log or of the finding, word for word
	Connective     Kind = "S9" // headings, and the lines that say what cannot be said
)

// A Phrase is one sentence with slots.
type Phrase struct {
	ID       string   // such as "signin.counts"; a phrase made of parts is "summary.event(root,bucket)"
	Base     string   // the id without parts, such as "summary.event"
	Kind     Kind     // how it is checked
	Sections []string // where it may stand; empty means anywhere
	Slots    []Slot   // in the order of the anchors
	ja, en   Text
}

// Text is the sentence in one language.
func (p Phrase) Text(l Lang) Text {
	if l == EN {
		return p.en
	}
	return p.ja
}

// Slot is the slot of that name.
func (p Phrase) Slot(name string) (Slot, bool) {
	for _, s := range p.Slots {
		if s.Name == name {
			return s, true
		}
	}
	return Slot{}, false
}

// A Text is a sentence in one language: literals and slots in turn.
type Text []Token

// A Token is a literal, or a slot with the words that count what is in it.
type Token struct {
	Literal string
	Slot    string
	Units   []string // Japanese: one counter, such as 件; English: singular and plural
}

// A From says where the value of a slot comes from.
type From string

// Where values come from. The first group is bound to facts.
const (
	Fact     From = "fact"   // a declared fact: "signin.total", "activity.total@session"
	AnyFact  From = "any"    // a fact that the statement names: "any", "any(Int, Bytes)", "any(chain.*)"
	AllFacts From = "all"    // one fact or more that the statement names, printed by their labels: unknown ones, or with a guard those for which it holds
	Label    From = "label"  // the label of another slot's fact: "label(x)"
	Subject  From = "who"    // the subject of another slot's fact: "who(x)"
	Begin    From = "from"   // the beginning of another slot's window: "from(x)"
	End      From = "to"     // its end
	Days     From = "days"   // its length in days
	Source   From = "source" // the kinds of record that the other slot's fact was counted in
	Scope    From = "scope"  // the accounts and Regions that were covered for it
	Each     From = "each"   // the value that all facts of another slot share: "each(x)"
	Relation From = "relation"
	Ratio    From = "ratio"

	// Of the assessment and its catalogues; the statement names the entry.
	Assessed From = "assessed" // "verdict", "risk.score", ...
	OfGap    From = "gap"      // "gap" is its id; "gap.what", "gap.why", ...
	OfAction From = "action"   // "action.title", "action.owner", ...
	OfHypo   From = "hypothesis"
	OfStep   From = "step" // a step of a known attack pattern
	OfCase   From = "case" // what the run says of itself: "case.version", ...
)

// A Slot is a place for a value.
type Slot struct {
	Name  string
	From  From
	Key   string   // Fact: its key; Assessed, OfGap, OfAction, OfHypo, OfCase: the member
	Whose string   // Fact: the subject; "*" means any
	Types []string // AnyFact: the types it takes; empty means every type
	Keys  []string // AnyFact: the facts it takes, such as "baseline.new_*"; empty means every fact
	Of    string   // Label, Subject, Begin, End, Days, Source, Scope, Each, Relation, Ratio: the slot it is about
	And   string   // Relation, Ratio: the second slot
	Guard Guard    // what must be true of the value
}

// Bound tells whether the slot is filled by a fact of its own, which the statement lists and anchors.
func (s Slot) Bound() bool { return s.From == Fact || s.From == AnyFact || s.From == AllFacts }

// A Guard is a condition on a slot's value. The zero Guard asks nothing.
type Guard struct {
	Op    string // =, !=, >, >=
	Value string // a number, true, false or the name of a choice
}

// Takes tells whether an AnyFact slot may be filled by a fact of that key and type, the
// type by its name in the fact package, such as "Int".
func (s Slot) Takes(key, typ string) bool {
	if len(s.Types) > 0 && !slices.Contains(s.Types, typ) {
		return false
	}
	return len(s.Keys) == 0 || slices.ContainsFunc(s.Keys, func(pattern string) bool {
		group, all := strings.CutSuffix(pattern, "*")
		return pattern == key || all && strings.HasPrefix(key, group)
	})
}
