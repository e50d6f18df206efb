package policy

import (
	"strings"
	"time"

	"uratori/evidence"
	"uratori/fact"
)

// A Verdict is what policy makes of the facts.
type Verdict uint8

// The verdicts, in the order of --fail-on. The zero Verdict is Inconclusive's neighbour below:
// no assessment at all is never benign.
const (
	Unjudged Verdict = iota
	Benign
	Inconclusive
	Suspicious
	Malicious
)

var verdictNames = [...]string{"unjudged", "benign", "inconclusive", "suspicious", "malicious"}

// String is the verdict's name, such as "inconclusive".
func (v Verdict) String() string { return verdictNames[v] }

// VerdictNamed is the verdict of that name.
func VerdictNamed(name string) (Verdict, bool) {
	for v, n := range verdictNames {
		if n == strings.ToLower(name) && v != int(Unjudged) {
			return Verdict(v), true
		}
	}
	return Unjudged, false
}

// A Level is Low, Medium, High or Critical: of a band, an urgency, a confidence.
type Level uint8

// The levels. Confidence has no Critical.
const (
	Low Level = iota
	Medium
	High
	Critical
)

// String is the level's name, such as "Medium".
func (l Level) String() string { return [...]string{"Low", "Medium", "High", "Critical"}[l] }

// Likelihood is how likely the detection was a false positive.
type Likelihood uint8

// The likelihoods. Undetermined is what an inconclusive case has.
const (
	Undetermined Likelihood = iota
	Unlikely
	Likely
)

// String is the likelihood as a level: Undetermined, Low or High.
func (l Likelihood) String() string { return [...]string{"Undetermined", "Low", "High"}[l] }

// BandOf is the band of a score: 0-29 Low, 30-59 Medium, 60-79 High, 80-100 Critical.
func BandOf(score int) Level {
	switch {
	case score >= 80:
		return Critical
	case score >= 60:
		return High
	case score >= 30:
		return Medium
	}
	return Low
}

// A Side is what a signal speaks for.
type Side string

// The sides.
const (
	SideSuspicious Side = "suspicious"
	SideNormal     Side = "normal"
)

// A Signal is a rule that fired.
type Signal struct {
	Rule      string
	Side      Side
	Points    int // after its group's maximum
	Floor     int // 0 for none
	FloorKind string
	Facts     []fact.ID
	Why       Text
}

// A NotJudged is a rule that could not be judged because facts are missing.
type NotJudged struct {
	Rule    string
	Points  int
	Floor   int
	Missing []fact.ID
	Gaps    []string
	Why     Text
}

// A BalanceEntry is one line of what speaks for what.
type BalanceEntry struct {
	Why   Text
	Facts []fact.ID
}

// Balance is what supports a normal reading, what a suspicious one, and what is unconfirmed.
type Balance struct {
	Normal      []BalanceEntry
	Suspicious  []BalanceEntry
	Unconfirmed []BalanceEntry
}

// A Settle is something that would settle a gap now.
type Settle struct {
	Kind    string // logs, interview, configuration
	Dataset string // logs: the kind of record
	Text    Text
}

// An Acceptance is a decision not to collect something.
type Acceptance struct {
	Reason   string
	Approver string
	Until    time.Time // it ends at this instant, UTC
	Expired  bool
}

// A Gap is something that could not be seen.
type Gap struct {
	ID          string // G1, G2, ... in the order of the catalogue
	Key         string
	Outcome     evidence.Outcome
	What        Text
	Why         Text
	SettleNow   []Settle
	PreventNext []Text
	Accepted    *Acceptance
	Facts       []fact.ID // that it hides
}

// A Priority says when an action is due.
type Priority string

// The priorities.
const (
	Immediate Priority = "immediate"
	Week      Priority = "week"
	Month     Priority = "month"
	NoAction  Priority = "no_action" // what may be done though nothing has to
)

// An Action is one recommendation of the catalogue. It is never executed by this program.
type Action struct {
	ID         string
	Priority   Priority
	Title      Text
	Owner      Text
	Due        Text
	How        Text
	SideEffect Text
	Undo       Text
	Facts      []fact.ID // what it rests on
}

// An Assessment is the facts and what policy makes of them. Only [Policy.Assess] makes one.
type Assessment struct {
	facts      fact.Facts
	verdict    Verdict
	score      int
	ceiling    int
	confidence Level
	cappedBy   []string
	urgency    Level
	due        Text
	likelihood Likelihood
	explained  bool
	signals    []Signal
	notJudged  []NotJudged
	balance    Balance
	gaps       []Gap
	actions    []Action
	hash       string
}

// Facts are the facts that were judged.
func (a Assessment) Facts() fact.Facts { return a.facts }

// Verdict is the verdict.
func (a Assessment) Verdict() Verdict { return a.verdict }

// Score is the risk from 0 to 100.
func (a Assessment) Score() int { return a.score }

// Ceiling is the score if every rule that could not be judged had fired.
func (a Assessment) Ceiling() int { return a.ceiling }

// Band is the band of the score.
func (a Assessment) Band() Level { return BandOf(a.score) }

// CeilingBand is the band of the ceiling.
func (a Assessment) CeilingBand() Level { return BandOf(a.ceiling) }

// Confidence is how sure the verdict is; CappedBy names the gaps that keep it from High.
func (a Assessment) Confidence() Level { return a.confidence }

// CappedBy are the gaps that cap the confidence.
func (a Assessment) CappedBy() []string { return a.cappedBy }

// FalsePositive is how likely the detection was a false positive.
func (a Assessment) FalsePositive() Likelihood { return a.likelihood }

// Urgency is how soon somebody must act: Critical 15 minutes, High 1 hour, Medium the same
// business day, Low the rest.
func (a Assessment) Urgency() Level { return a.urgency }

// Due is the urgency's time in words.
func (a Assessment) Due() Text { return a.due }

// Signals are the rules that fired, in the order of the policy.
func (a Assessment) Signals() []Signal { return a.signals }

// NotJudged are the rules that could not be judged, in the order of the policy.
func (a Assessment) NotJudged() []NotJudged { return a.notJudged }

// Balance is what speaks for what.
func (a Assessment) Balance() Balance { return a.balance }

// Gaps are what could not be seen, in the order of the catalogue.
func (a Assessment) Gaps() []Gap { return a.gaps }

// Actions are the recommendations, in the order of the catalogue.
func (a Assessment) Actions() []Action { return a.actions }

// ExplainedByPerson tells whether the person explained the event, unconfirmed by logs.
func (a Assessment) ExplainedByPerson() bool { return a.explained }

// PolicyHash is the sha256 of the policy, in hex.
func (a Assessment) PolicyHash() string { return a.hash }

// GapOf is the gap that hides a fact; ok is false for a fact that is known.
func (a Assessment) GapOf(f fact.Fact) (Gap, bool) {
	if f.State != fact.Unknown && f.State != fact.AtLeast {
		return Gap{}, false
	}
	for _, g := range a.gaps {
		for _, id := range g.Facts {
			if id == f.ID {
				return g, true
			}
		}
	}
	return Gap{}, false
}
