package fact

import (
	"slices"

	"uratori/evidence"
	"uratori/finding"
)

// A Def declares a fact: what it is, what it is called, and the rule that computes it.
// The tables of definitions are the contract between playbooks, policy, phrases and tests.
type Def struct {
	Key      Key
	Type     Type
	Kind     Kind
	Choices  []string                             // the values of a Name
	Columns  []Column                             // the columns of a Table
	Reads    []string                             // columns that the question answering it must have
	JA       string                               // label, such as 曜日
	EN       string                               // label, such as "weekday"
	Families []string                             // of findings (see finding.FamilyOf) whose cases have it; empty for every case
	Each     func(*view) []string                 // the subjects; nil when there is only one, ""
	Rule     func(v *view, subject string) result // pure
	Says     string                               // the rule in a few words, printed in the appendix
	Asked    bool                                 // the fact exists only in cases of which a question answers it
	Looks    evidence.LookupKind                  // the kind of look-up it rests on; the fact exists only in cases that looked it up
	If       func(*view) bool                     // whether the case has the fact; nil for every case
}

// Sometimes tells whether cases of its families may be without the fact: then it is not in question.
func (d Def) Sometimes() bool { return d.Looks != "" || d.If != nil }

// arises tells whether the case of a finding has the fact: its family, and where programs alone
// acted, whether it is about a principal or a person.
func (d Def) arises(f finding.Finding) bool {
	family := finding.FamilyOf(f)
	if d.ofActor() && nobody(f) {
		return false
	}
	if len(d.Families) == 0 {
		return !d.unasked(family) && (!personal(d.Key) || !slices.Contains(machineFamilies, family))
	}
	return slices.Contains(d.Families, family)
}

// Defs are all declared facts in the order of their numbers.
func Defs() []Def { return defs }

// DefOf is the declaration of key.
func DefOf(key Key) (Def, bool) {
	i, ok := defIndex[key]
	if !ok {
		return Def{}, false
	}
	return defs[i], true
}

var (
	defs     []Def
	defIndex = map[Key]int{}
)

func init() {
	for _, group := range [][]Def{
		findingDefs, eventDefs, actorDefs, personDefs, chainDefs, signinDefs,
		activityDefs, baselineDefs, impactDefs, relatedDefs, coverageDefs, qualityDefs, interviewDefs, keyDefs,
		environmentDefs, lookedAccountDefs, lookedPersonDefs, lookedKeyDefs, lookedPrincipalDefs, lookedSetDefs, lookedBucketDefs, lookedInstanceDefs,
		sequenceDefs, kubernetesDefs, clusterDefs, namedDefs,
		modelDefs, searchDefs,
		knowledgeDefs, calendarDefs, similarDefs, attackDefs,
		networkDefs, peerDefs, roleDefs, workloadDefs, copyDefs, objectDefs, databaseDefs,
		accessLogDefs, exposureDefs, recoveryDefs, volumeDefs,
		changeDefs,
		loggingDefs, hopDefs, accessDefs, probeDefs, applicationDefs, rootDefs, loginDefs,
		claimDefs, // the last: claims are held against all the others
	} {
		for _, d := range group {
			if _, twice := defIndex[d.Key]; twice {
				panic("fact " + string(d.Key) + " is declared twice")
			}
			defIndex[d.Key] = len(defs)
			defs = append(defs, d)
		}
	}
}
