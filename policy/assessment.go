package policy

import (
	"time"

	"uratori/fact"
)

// An Assessment is what policy makes of the facts of a case. Only [Policy.Assess] makes one.
type Assessment struct {
	facts      fact.Facts
	hash       string
	verdict    Verdict
	score      int
	ceiling    int
	band       Band
	worst      Band
	confidence Level
	cappedBy   []string
	heldBy     []string
	falsePos   Likelihood
	urgency    Urgency
	due        Text
	signals    []Signal
	notJudged  []NotJudged
	balance    Balance
	gaps       []Gap
	gapIndex   map[fact.Gap]int
	actions    []Action
	explained  bool
}

// Facts are what was assessed.
func (a Assessment) Facts() fact.Facts { return a.facts }

// PolicyHash is the hash of the policy that judged.
func (a Assessment) PolicyHash() string { return a.hash }

// Verdict is what the case is judged to be.
func (a Assessment) Verdict() Verdict { return a.verdict }

// Score is the risk, 0 to 100.
func (a Assessment) Score() int { return a.score }

// Ceiling is the score if every rule that could not be judged had fired, floors included.
func (a Assessment) Ceiling() int { return a.ceiling }

// Band is the band of the score.
func (a Assessment) Band() Band { return a.band }

// CeilingBand is the band of the ceiling.
func (a Assessment) CeilingBand() Band { return a.worst }

// Confidence is how sure the verdict is.
func (a Assessment) Confidence() Level { return a.confidence }

// CappedBy are the ids of the gaps that cap the confidence, in their order.
func (a Assessment) CappedBy() []string { return a.cappedBy }

// HeldBy are the ids of the gaps that hold an inconclusive verdict: what they name under
// settle now would make it leave inconclusive. It is empty for every other verdict.
func (a Assessment) HeldBy() []string { return a.heldBy }

// FalsePositive is how likely the finding is a false positive.
func (a Assessment) FalsePositive() Likelihood { return a.falsePos }

// Urgency is how soon somebody must act.
func (a Assessment) Urgency() Urgency { return a.urgency }

// Due is the urgency in words, such as "today".
func (a Assessment) Due() Text { return a.due }

// Signals are the rules that fired, in the order of the policy. Their points add up to the
// score, but for its bounds, caps and floors.
func (a Assessment) Signals() []Signal { return a.signals }

// NotJudged are the rules whose facts are not known.
func (a Assessment) NotJudged() []NotJudged { return a.notJudged }

// Balance is what speaks for what.
func (a Assessment) Balance() Balance { return a.balance }

// Gaps are what could not be seen, in the order of the policy's catalogue, G1 first.
func (a Assessment) Gaps() []Gap { return a.gaps }

// GapOf is the gap that hides a fact, or the rest of it. Every fact that is Unknown or
// AtLeast has one; ok is false for the others.
func (a Assessment) GapOf(f fact.Fact) (Gap, bool) {
	if f.State != fact.Unknown && f.State != fact.AtLeast {
		return Gap{}, false
	}
	i, ok := a.gapIndex[f.Gap]
	if !ok {
		return Gap{}, false
	}
	return a.gaps[i], true
}

// Actions are what is recommended, the most urgent first.
func (a Assessment) Actions() []Action { return a.actions }

// ExplainedByPerson tells that the person said it was theirs, and that the logs do not
// confirm it: an analyst concludes such a case.
func (a Assessment) ExplainedByPerson() bool { return a.explained }

// A Signal is a rule that fired.
type Signal struct {
	Rule      string // id in the policy
	Side      Side
	Points    int    // as counted: a group never adds more than its maximum
	Floor     int    // the score is at least this; 0 when the rule has none
	FloorKind string // floors of different kinds are independent
	Facts     []fact.ID
	Why       Text
}

// NotJudged is a rule that could not be evaluated.
type NotJudged struct {
	Rule      string
	Points    int // what it would have added
	Floor     int
	FloorKind string
	Missing   []fact.ID // the facts that are not known
	Gaps      []string  // the gaps that hide them
	Why       Text      // what it would have meant
}

// A Balance is what speaks for normal, for suspicious, and what is unconfirmed.
type Balance struct {
	Normal, Suspicious, Unconfirmed []BalanceEntry
}

// A BalanceEntry is one of them.
type BalanceEntry struct {
	Why   Text
	Facts []fact.ID
}

// A Gap is something that could not be seen.
type Gap struct {
	ID          string // such as "G1"
	Key         string // what is missing: a kind of record, or "person", "baseline", ...
	Outcome     string // how: "not_collected", "denied", ...; "none" when no question was involved
	Inline      bool   // named beside what it hides, and not worth a paragraph of its own
	What, Why   Text
	SettleNow   []Settle
	PreventNext []Text      // empty for a gap that was accepted
	Accepted    *Acceptance // set when the organisation accepts it, or did
	Facts       []fact.ID   // the facts it hides
}

// A Settle is what would settle a gap now. Switching on a log never does.
type Settle struct {
	Kind    string // logs, interview, configuration, forensics or findings
	Dataset string // of logs: the kind of record
	Text    Text
}

// An Acceptance is the organisation's decision not to collect something.
type Acceptance struct {
	Reason   string // as configured
	Approver string
	Until    time.Time // the acceptance ends at this instant, UTC
	Expired  bool      // it ended before the newest evidence
}

// An Action is something that is recommended. Nothing is ever executed.
type Action struct {
	ID         string
	Priority   Priority
	Title      Text
	How        Text // a command or a path in a console; <PLACES> stand for values
	Values     []PlaceValue
	SideEffect Text
	Undo       Text
	Owner      Text
	Due        Text
	Facts      []fact.ID // why it is recommended, and what its places hold
}

// A PlaceValue is the value that belongs in a place of a command. It is listed beside the
// command and never pasted into it: it may be an attacker's text.
type PlaceValue struct {
	Place string // "<ACCOUNT_ID>"
	Fact  fact.ID
}
