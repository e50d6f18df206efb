// Package fact computes what can be computed from a finding and the evidence, and nothing else.
//
// It promises that every fact names its rule and what it came from, that the
// same evidence gives the same facts, and that a fact which cannot be known is
// Unknown with the gap that hides it: zero is never guessed from silence.
package fact

import (
	"uratori/evidence"
	"uratori/query"
)

// A Key names a declared fact, such as "event.weekday".
type Key string

// An ID numbers a fact for display, in the order of declaration: "F12".
type ID string

// A State says how much is known.
type State uint8

// The states of a fact.
const (
	Unknown       State = iota // cannot be determined; Gap says why
	Known                      // the value is exact
	AtLeast                    // a count over what was seen, when more may have happened unseen; Gap says why
	NotApplicable              // the question does not arise, such as the name of a holiday on a working day
)

// A Kind says where a value comes from.
type Kind uint8

// The kinds of fact.
const (
	Observed  Kind = iota + 1 // stands in a record or in the finding
	Computed                  // count, first, set, ratio, weekday, ...
	Covering                  // what was collected
	Testified                 // a person said so
	Context                   // the configuration or a calendar says so
	External                  // GuardDuty or an outside database says so
	Claimed                   // an investigation that is not ours says so; no other fact, rule or question rests on it
)

// A Ref points to what a fact came from: an item, or one row of its answer ("E3", "E3#0").
type Ref string

// A Gap says why something cannot be known: what is missing, and how that came to be.
type Gap struct {
	Key     string           // what is missing: a kind of record ("s3_data"), or "person", "session", "baseline", "finding", "configuration", "interview"
	Outcome evidence.Outcome // how: NotCollected, Empty (nothing recorded there, coverage unknown), Denied, Failed, ...; 0 when no question was involved
}

// A Fact is one value about the case, or the honest lack of it.
type Fact struct {
	ID      ID
	Key     Key
	Subject string       // "credential", "session", "principal", an account, ...; "" when there is only one
	Window  query.Window // the window it was computed over; zero when it has none
	Value   Value        // set when Known or AtLeast
	State   State
	Gap     Gap    // set when Unknown or AtLeast
	Rule    string // name of the rule, such as "count rows where result = failure"
	From    []Ref
}
