package policy

import (
	"slices"

	"uratori/fact"
)

// Bounds of the score, and the id under which the severity stands among the signals.
const (
	maxScore    = 100
	maxSeverity = 10
	baseRule    = "severity"
)

// Assess judges the facts of one case. It is pure.
func (p Policy) Assess(facts fact.Facts) Assessment {
	if p.c == nil {
		return Assessment{
			facts: facts, hash: p.Hash(), verdict: Inconclusive, ceiling: maxScore,
			band: BandLow, worst: BandCritical, confidence: Low, falsePos: Undetermined, urgency: UrgencyMedium,
		}
	}
	j := &judge{compiled: p.c, in: inputs(p.c.features, facts), a: Assessment{facts: facts, hash: p.Hash()}}
	j.findGaps()
	j.weigh()
	j.decide()
	j.recommend()
	return j.a
}

// A judge is one assessment in the making.
type judge struct {
	*compiled
	in           map[string]input
	a            Assessment
	contradicted bool
	acceptedOnly bool // benign rests on an accepted gap and the person's word
}

// weigh evaluates every rule, and adds up the score and its ceiling.
func (j *judge) weigh() {
	least, worst := newTally(j.compiled), newTally(j.compiled)
	j.severity(least, worst)
	for _, r := range j.rules {
		a, missing := j.ask(r.when, r.arises)
		switch a {
		case yes:
			worst.add(r)
			j.a.signals = append(j.a.signals, Signal{
				Rule: r.ID, Side: r.Side, Points: least.add(r), Floor: r.Floor, FloorKind: r.FloorKind,
				Facts: j.factsOf(r.when), Why: r.Because,
			})
		case unsure:
			if r.Side == SideInformation {
				continue // nothing hangs on it
			}
			if r.Side == SideSuspicious {
				worst.add(r)
			}
			j.a.notJudged = append(j.a.notJudged, NotJudged{
				Rule: r.ID, Points: r.Points, Floor: r.Floor, FloorKind: r.FloorKind,
				Missing: ids(missing), Gaps: j.gapIDs(missing), Why: r.Because,
			})
		case no, moot:
		}
	}
	j.a.score, j.a.ceiling = least.total(), worst.total()
	j.a.band, j.a.worst = j.band(j.a.score), j.band(j.a.ceiling)
	j.weighStatements()
}

var severityWhy = Text{JA: "GuardDutyの重要度による基礎点", EN: "base points for GuardDuty's severity"}

// severity is what every score begins with: the finding's severity times a number. Without
// a severity the ceiling takes the highest there is.
func (j *judge) severity(least, worst *tally) {
	f := j.a.facts.Get("finding.severity", "")
	if f.State != fact.Known || f.Value.Num < 0 || f.Value.Num > maxSeverity*10 {
		worst.points += j.times * maxSeverity
		missing := []fact.Fact{f}
		j.a.notJudged = append(j.a.notJudged, NotJudged{
			Rule: baseRule, Points: j.times * maxSeverity, Missing: ids(missing), Gaps: j.gapIDs(missing), Why: severityWhy,
		})
		return
	}
	base := int((int64(j.times)*f.Value.Num + 5) / 10) // of tenths, rounded half up
	least.points, worst.points = base, base
	j.a.signals = append(j.a.signals, Signal{Rule: baseRule, Side: SideSuspicious, Points: base, Facts: []fact.ID{f.ID}, Why: severityWhy})
}

// A tally adds up points, group by group, with caps before floors.
type tally struct {
	limits map[string]int
	groups map[string]int
	points int
	cap    int
	floor  int
}

func newTally(c *compiled) *tally {
	return &tally{limits: c.groups, groups: map[string]int{}, cap: maxScore}
}

// add counts a rule, and returns the points it really added.
func (t *tally) add(r rule) int {
	points := r.Points
	if limit, grouped := t.limits[r.Group]; grouped {
		points = min(points, limit-t.groups[r.Group])
		t.groups[r.Group] += points
	}
	t.points += points
	if r.Cap != nil {
		t.cap = min(t.cap, *r.Cap)
	}
	t.floor = max(t.floor, r.Floor)
	return points
}

func (t *tally) total() int {
	return min(maxScore, max(0, min(t.points, t.cap), t.floor))
}

// ask evaluates a condition that arises only where a feature is true, or a count above zero.
func (j *judge) ask(c condition, arises string) (answer, []fact.Fact) {
	if arises != "" {
		switch on := j.in[arises]; {
		case on.absent():
			return moot, nil
		case on.state == fact.Unknown, on.state == fact.AtLeast && size(on.value) == 0: // none is seen, and there may be some
			return unsure, on.missing
		}
	}
	return c.ask(j.in)
}

// factsOf are the facts that a condition rests on, each once.
func (j *judge) factsOf(c condition) []fact.ID {
	var list []fact.Fact
	for _, v := range c.vars {
		list = append(list, j.in[v].facts...)
	}
	return ids(list)
}

// ids are the numbers of facts, each once, in the order of the facts.
func ids(list []fact.Fact) []fact.ID {
	var out []fact.ID
	for _, f := range list {
		if f.ID != "" && !slices.Contains(out, f.ID) {
			out = append(out, f.ID)
		}
	}
	return out
}

// weighStatements fills the balance: the signals on their sides, then what the policy says
// beside its rules.
func (j *judge) weighStatements() {
	b := &j.a.balance
	for _, s := range j.a.signals {
		b.add(s.Side, BalanceEntry{s.Why, s.Facts})
	}
	for _, n := range j.a.notJudged {
		b.add(SideUnconfirmed, BalanceEntry{n.Why, n.Missing})
	}
	for _, s := range j.contradictions {
		if a, _ := j.ask(s.when, ""); a == yes {
			j.contradicted = true
			b.add(s.side, BalanceEntry{s.because, j.factsOf(s.when)})
		}
	}
	for _, s := range j.compiled.balance {
		if a, _ := j.ask(s.when, ""); a == yes {
			b.add(s.side, BalanceEntry{s.because, j.factsOf(s.when)})
		}
	}
}

// add puts an entry on its side; one that says the same is not repeated.
func (b *Balance) add(side Side, e BalanceEntry) {
	list := map[Side]*[]BalanceEntry{SideNormal: &b.Normal, SideSuspicious: &b.Suspicious, SideUnconfirmed: &b.Unconfirmed}[side]
	if list == nil {
		return
	}
	if !slices.ContainsFunc(*list, func(have BalanceEntry) bool { return have.Why == e.Why }) {
		*list = append(*list, e)
	}
}
