package evidence

import (
	"time"

	"uratori/query"
)

// An ItemKind says what an Item keeps.
type ItemKind uint8

// The kinds of item. Every input of the facts is one of them.
const (
	FindingItem   ItemKind = iota + 1 // the finding as received, in Body
	SettingsItem                      // the settings that facts use, as canonical JSON in Body
	AnswerItem                        // what one source said to one question
	QualityItem                       // what a source says of its own records: duplicates, quarantine; JSON in Body
	LookupItem                        // an external look-up, or what a service says of its own settings, JSON in Body
	TestimonyItem                     // what a person answered, JSON in Body
	SearchItem                        // what a search in a source's own language answered; no fact but its own rows rests on it
)

// An ID numbers an item within its case: "E3". Numbers follow (round, question, source order), never arrival.
type ID string

// An Item is one thing that was seen, kept whole.
type Item struct {
	ID       ID
	Kind     ItemKind
	Round    int         // 1-based round of gathering; 0 for what was there before
	Question string      // id of the question in its playbook, such as "sign-ins"
	Subject  string      // whom the question is about, such as "credential"; may be empty
	Answers  []string    // names (or "group.*") of the facts that may rest on it
	Scope    query.Scope // what had to be covered for the answer to prove absence
	Ask      query.Query // the bound question; zero for other kinds
	Missing  []string    // NotAsked: the facts whose values never came
	Source   string      // name of the source asked
	Coverage []Coverage  // what the source told of Scope before it was asked
	Answer   Answer      // AnswerItem, SearchItem; of a LookupItem the outcome, and in Native the call that Body answers
	Body     []byte      // FindingItem, SettingsItem, QualityItem, LookupItem, TestimonyItem
	Asked    time.Time   // when we asked, UTC; not part of the hash
	SHA256   string      // content address, see Encode
}

// Answered tells whether the item keeps an answer with an outcome.
func (it Item) Answered() bool {
	switch it.Kind {
	case AnswerItem, SearchItem:
		return true
	case LookupItem:
		return it.Answer.Outcome != 0
	case FindingItem, SettingsItem, QualityItem, TestimonyItem:
	}
	return false
}

// Listed tells whether the item's answer is rows.
func (it Item) Listed() bool { return it.Kind == AnswerItem || it.Kind == SearchItem }

// Complete tells whether the item's source covered the whole scope: every interval Collected and none missing.
func (it Item) Complete() bool {
	if len(it.Coverage) == 0 {
		return false
	}
	for _, c := range it.Coverage {
		if c.State != Collected {
			return false
		}
	}
	return true
}
