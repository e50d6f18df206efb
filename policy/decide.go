package policy

import (
	"slices"
	"time"

	"uratori/fact"
)

// decide finds the verdict, and all that follows from it.
func (j *judge) decide() {
	family := j.a.facts.Get("finding.family", "").Value.Str
	ev := j.weighEvidence(j.requires(family))
	j.a.verdict = j.verdict(ev)
	j.confidence(ev)
	j.a.explained = j.a.verdict == Inconclusive && j.proves(j.explained).ok
	if j.a.verdict == Inconclusive {
		j.a.heldBy = j.holding(ev)
	}
	j.a.falsePos = j.falsePositive()
	j.a.urgency, j.a.due = j.urgency()
}

// required is how the evidence that a family requires stands.
type required struct {
	complete bool
	accepted bool        // whatever is missing is hidden by gaps that are accepted
	level    Level       // the most that the evidence at hand allows
	missing  []fact.Fact // what is not known of what is required
	better   []fact.Fact // what a better alternative lacks, where a lesser one is met
}

// weighEvidence takes for each requirement the best alternative that is met.
func (j *judge) weighEvidence(list []requirement) required {
	ev := required{complete: true, accepted: true, level: High}
	for _, r := range list {
		var best Level
		for _, alt := range r.any {
			if j.proves(alt).ok {
				best = max(best, alt.confidence)
			}
		}
		if best > 0 {
			ev.level = min(ev.level, best)
			ev.better = append(ev.better, j.leastMissing(above(r.any, best))...)
			continue
		}
		missing := j.leastMissing(r.any)
		ev.complete, ev.missing = false, append(ev.missing, missing...)
		ev.accepted = ev.accepted && j.allAccepted(missing)
		j.a.balance.add(SideUnconfirmed, BalanceEntry{r.what, ids(missing)})
	}
	return ev
}

// above are the alternatives that allow more than a level.
func above(list []proof, level Level) (out []proof) {
	for _, p := range list {
		if p.confidence > level {
			out = append(out, p)
		}
	}
	return out
}

// leastMissing is what the alternative lacks that lacks the fewest facts: the first of equals.
func (j *judge) leastMissing(alternatives []proof) []fact.Fact {
	var out []fact.Fact
	for _, alt := range alternatives {
		m := j.proves(alt).missing
		if len(m) > 0 && (len(out) == 0 || len(m) < len(out)) {
			out = m
		}
	}
	return out
}

// allAccepted tells whether some facts are missing, and all of them by accepted gaps.
func (j *judge) allAccepted(missing []fact.Fact) bool {
	for _, f := range missing {
		if g, ok := j.a.GapOf(f); !ok || !g.accepted() {
			return false
		}
	}
	return len(missing) > 0
}

// A proved is what a proof comes to.
type proved struct {
	ok      bool
	moot    bool        // the proof does not arise
	missing []fact.Fact // what is not known of it
}

// proves tells whether everything that a proof names is known, and its condition holds.
func (j *judge) proves(p proof) proved {
	if on := j.in[p.Arises]; p.Arises != "" && on.absent() {
		return proved{moot: true}
	}
	var out proved
	for _, name := range p.Known {
		if in := j.in[name]; in.state == fact.Unknown || in.state == fact.AtLeast {
			out.missing = append(out.missing, in.missing...)
		}
	}
	if len(out.missing) > 0 {
		return out
	}
	a, _ := p.when.ask(j.in)
	out.ok = a == yes
	return out
}

// verdict applies the rules of decision. Floors come last and stand above everything else;
// missing evidence forbids benign and touches nothing above it. Nothing is benign whose own event
// stands in no record, whatever a lesser alternative does without.
func (j *judge) verdict(ev required) Verdict {
	kinds := map[string]bool{}
	for _, s := range j.a.signals {
		if s.Floor > 0 {
			kinds[s.FloorKind] = true
		}
	}
	switch {
	case len(kinds) >= 2:
		return Malicious
	case len(kinds) == 1 || j.a.band >= BandHigh:
		return Suspicious
	case j.a.band > BandLow || j.contradicted:
		return Inconclusive
	case ev.complete && j.proves(j.event).ok && slices.ContainsFunc(j.actor, func(p proof) bool { return j.proves(p).ok }):
		return Benign
	case !ev.complete && ev.accepted && j.proves(j.acceptedChain).ok && j.proves(j.testimony).ok:
		j.acceptedOnly = true
		return Benign
	}
	return Inconclusive
}

// confidence is the least of its caps; the gaps behind that cap are named.
func (j *judge) confidence(ev required) {
	level := ev.level
	var by []string
	limit := func(to Level, gaps []string) {
		switch {
		case to < level:
			level, by = to, gaps
		case to == level:
			by = append(by, gaps...)
		}
	}
	if !ev.complete {
		limit(Medium, j.gapIDs(ev.missing))
	}
	limit(ev.level, j.gapIDs(ev.better))
	for _, p := range j.supporting {
		if got := j.proves(p); !got.ok && !got.moot && !j.foreign(p) {
			limit(Medium, j.gapsOf(p, got))
		}
	}
	// A lesser alternative that does without the record of the event says itself how sure it is.
	if got := j.proves(j.event); !got.ok && !(ev.complete && len(got.missing) > 0) {
		limit(Low, j.gapsOf(j.event, got))
	}
	if j.acceptedOnly {
		limit(Low, j.gapIDs(ev.missing))
	}
	j.a.confidence, j.a.cappedBy = level, j.inOrder(by)
}

// foreign tells whether nothing that a proof names applies to cases of this kind.
func (j *judge) foreign(p proof) bool {
	return len(p.Known) > 0 && !slices.ContainsFunc(p.Known, func(name string) bool { return j.in[name].state != fact.NotApplicable })
}

// gapsOf are the gaps behind a proof that failed: of what is missing, else the one it names.
func (j *judge) gapsOf(p proof, got proved) []string {
	if len(got.missing) > 0 {
		return j.gapIDs(got.missing)
	}
	var out []string
	for _, g := range j.a.gaps {
		if p.Gap != "" && g.Key == p.Gap {
			out = append(out, g.ID)
		}
	}
	return out
}

// holding are the gaps that keep the verdict inconclusive: missing required evidence, a
// chain that is not whole, and where neither is the reason, the person who was not asked.
func (j *judge) holding(ev required) []string {
	out := append(j.gapIDs(ev.missing), j.gapIDs(ev.better)...)
	if !slices.ContainsFunc(j.actor, func(p proof) bool { return j.proves(p).ok }) {
		for _, p := range j.actor {
			out = append(out, j.gapsOf(p, j.proves(p))...)
		}
	}
	if len(out) == 0 {
		out = j.gapsOf(j.testimony, j.proves(j.testimony))
	}
	return j.inOrder(out)
}

func (j *judge) falsePositive() Likelihood {
	switch j.a.verdict {
	case Benign:
		if j.a.confidence == High {
			return LikelihoodHigh
		}
		return LikelihoodMedium
	case Suspicious, Malicious:
		return LikelihoodLow
	case Inconclusive:
		return Undetermined
	default:
		return Undetermined
	}
}

func (j *judge) urgency() (Urgency, Text) {
	critical := j.a.facts.Get("finding.band", "").Value.Str == "critical"
	switch {
	case j.a.verdict == Malicious:
		return UrgencyCritical, j.due.Critical
	case j.a.verdict == Suspicious, j.a.verdict == Inconclusive && critical:
		return UrgencyHigh, j.due.High
	case j.a.verdict == Inconclusive && j.a.worst >= BandHigh:
		if j.workLeftToday() {
			return UrgencyMedium, j.due.Medium
		}
		return UrgencyMedium, j.due.Morning
	}
	return UrgencyLow, j.due.Low
}

// workLeftToday tells whether the case's own time lies before the end of a business day.
func (j *judge) workLeftToday() bool {
	const step = 15 * time.Minute
	cal, at := j.a.facts.Calendar(), j.a.facts.AsOf()
	if at.IsZero() {
		return true
	}
	day := cal.Local(at).YearDay()
	for t := at; cal.Local(t).YearDay() == day; t = t.Add(step) {
		if cal.BusinessHours(t) {
			return true
		}
	}
	return false
}
