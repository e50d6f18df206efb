package policy

import "slices"

// A Verdict is what policy makes of a case. Verdicts are ordered: benign is the least.
type Verdict uint8

// The verdicts. No assessment at all is never benign.
const (
	Unjudged     Verdict = iota
	Benign               // every reason to believe it, with the required evidence at hand
	Inconclusive         // the records allow neither benign nor suspicious
	Suspicious           // one floor, or a high score
	Malicious            // two independent floors by the same actor
)

var verdictNames = [...]string{Unjudged: "unjudged", Benign: "benign", Inconclusive: "inconclusive", Suspicious: "suspicious", Malicious: "malicious"}

// String is the verdict's name in report.json, such as "benign".
func (v Verdict) String() string { return nameIn(verdictNames[:], int(v)) }

// VerdictNamed is the verdict of that name.
func VerdictNamed(name string) (Verdict, bool) {
	i, ok := indexIn(verdictNames[:], name)
	return Verdict(i), ok
}

// Verdicts are the names of all verdicts, the least first.
func Verdicts() []string { return slices.Clone(verdictNames[1:]) }

// A Band is a range of the score.
type Band uint8

// The bands.
const (
	BandLow Band = iota + 1
	BandMedium
	BandHigh
	BandCritical
)

var bandNames = [...]string{BandLow: "Low", BandMedium: "Medium", BandHigh: "High", BandCritical: "Critical"}

// String is the band's name, such as "Low"; "" for none.
func (b Band) String() string { return nameIn(bandNames[:], int(b)) }

// A Level is how sure a verdict is.
type Level uint8

// The levels of confidence.
const (
	Low    Level = iota + 1 // evidence of the finding's own event is missing
	Medium                  // supporting evidence is missing
	High
)

var levelNames = [...]string{Low: "Low", Medium: "Medium", High: "High"}

// String is the level's name, such as "High"; "" for none.
func (l Level) String() string { return nameIn(levelNames[:], int(l)) }

// An Urgency is how soon somebody must act.
type Urgency uint8

// The urgencies.
const (
	UrgencyLow      Urgency = iota + 1 // in the normal course of work
	UrgencyMedium                      // the same business day, else the next morning
	UrgencyHigh                        // within an hour
	UrgencyCritical                    // within 15 minutes
)

var urgencyNames = [...]string{UrgencyLow: "Low", UrgencyMedium: "Medium", UrgencyHigh: "High", UrgencyCritical: "Critical"}

// String is the urgency's name, such as "Medium"; "" for none.
func (u Urgency) String() string { return nameIn(urgencyNames[:], int(u)) }

// A Likelihood is how likely the finding is a false positive.
type Likelihood uint8

// The likelihoods.
const (
	Undetermined Likelihood = iota + 1 // always, when the verdict is inconclusive
	LikelihoodLow
	LikelihoodMedium
	LikelihoodHigh
)

var likelihoodNames = [...]string{Undetermined: "Undetermined", LikelihoodLow: "Low", LikelihoodMedium: "Medium", LikelihoodHigh: "High"}

// String is the likelihood's name, such as "Undetermined"; "" for none.
func (l Likelihood) String() string { return nameIn(likelihoodNames[:], int(l)) }

// A Side says what a rule or a statement speaks for.
type Side string

// The sides.
const (
	SideNormal      Side = "normal"
	SideSuspicious  Side = "suspicious"
	SideUnconfirmed Side = "unconfirmed" // of statements in the balance only
	SideInformation Side = "information" // worth knowing, without points
)

// A Priority says when an action is due. Its value is also the report section it stands in.
type Priority string

// The priorities in their order.
const (
	Immediate Priority = "immediate"
	Week      Priority = "week"
	Month     Priority = "month"
	NoAction  Priority = "no_action" // what may be done although nothing has to be
)

var priorities = []Priority{Immediate, Week, Month, NoAction}

func nameIn(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return ""
}

func indexIn(names []string, name string) (int, bool) {
	i := slices.Index(names, name)
	return i, i > 0 && name != ""
}
