package policy

import (
	"fmt"
	"slices"
	"strings"

	"uratori/fact"
)

// noOutcome is the name of the outcome when no question was involved.
const noOutcome = "none"

// outcomeKeys are the outcomes that can hide a fact, by the names that policies use, in the
// order in which gaps of one key are told.
func outcomeKeys() []string {
	list := []string{noOutcome}
	var g fact.Gap
	for g.Outcome = 1; g.Outcome.String() != ""; g.Outcome++ {
		list = append(list, outcomeKey(g))
	}
	return list
}

// outcomeKey is a gap's outcome as policies write it: NotCollected is "not_collected".
func outcomeKey(g fact.Gap) string {
	var b strings.Builder
	for i, r := range g.Outcome.String() {
		if 'A' <= r && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return noOutcome
	}
	return b.String()
}

// findGaps makes one gap of each reason why facts are not known, and numbers them in the
// order of the catalogue.
func (j *judge) findGaps() {
	hidden := map[fact.Gap][]fact.ID{}
	var reasons []fact.Gap
	for _, f := range j.a.facts.All() {
		if f.State != fact.Unknown && f.State != fact.AtLeast {
			continue
		}
		if hidden[f.Gap] == nil {
			reasons = append(reasons, f.Gap)
		}
		hidden[f.Gap] = append(hidden[f.Gap], f.ID)
	}
	slices.SortStableFunc(reasons, func(a, b fact.Gap) int {
		x, y := j.entry(a.Key), j.entry(b.Key)
		switch {
		case x != y:
			return x - y
		case a.Key != b.Key:
			return strings.Compare(a.Key, b.Key)
		}
		return int(a.Outcome) - int(b.Outcome)
	})
	j.a.gapIndex = map[fact.Gap]int{}
	for i, why := range reasons {
		j.a.gapIndex[why] = i
		j.a.gaps = append(j.a.gaps, j.gap(fmt.Sprintf("G%d", i+1), why, hidden[why]))
	}
}

// entry is the catalogue's entry for a key, the catch-all if it has none of its own.
func (c *compiled) entry(key string) int {
	all := 0
	for i, g := range c.gaps {
		switch g.Key {
		case key:
			return i
		case catchAll:
			all = i
		}
	}
	return all
}

func (j *judge) gap(id string, why fact.Gap, hidden []fact.ID) Gap {
	e := j.gaps[j.entry(why.Key)]
	g := Gap{
		ID: id, Key: why.Key, Outcome: outcomeKey(why), Inline: e.List != nil && !*e.List,
		What: e.What, Facts: hidden, PreventNext: e.PreventNext,
	}
	g.Why = e.why[g.Outcome]
	for _, s := range e.SettleNow {
		g.SettleNow = append(g.SettleNow, Settle(s))
	}
	if g.unrecorded() {
		g.Accepted = j.acceptance(why.Key)
	}
	if g.accepted() {
		g.PreventNext = nil // it was decided not to
	}
	return g
}

// unrecorded tells whether nobody seems to record what is missing. Only that can be
// accepted: a source that refused or failed may be asked again.
func (g Gap) unrecorded() bool { return g.Outcome == "not_collected" || g.Outcome == "empty" }

// accepted tells whether the organisation accepts the gap now.
func (g Gap) accepted() bool { return g.Accepted != nil && !g.Accepted.Expired }

// acceptance finds the decision not to collect a kind of record in the finding's account:
// the one that lasts longest.
func (j *judge) acceptance(kind string) *Acceptance {
	account := string(j.a.facts.Finding().Account)
	if f := j.a.facts.Get("finding.account", ""); f.State == fact.Known {
		account = f.Value.Str
	}
	var last *Acceptance
	for _, g := range j.a.facts.Settings().Accepted {
		if g.Kind != kind || len(g.Accounts) > 0 && !slices.Contains(g.Accounts, account) {
			continue
		}
		if last == nil || g.Until.After(last.Until) {
			last = &Acceptance{Reason: g.Reason, Approver: g.Approver, Until: g.Until, Expired: !g.Until.After(j.a.facts.AsOf())}
		}
	}
	return last
}

// gapIDs are the gaps that hide facts, each once.
func (j *judge) gapIDs(list []fact.Fact) []string {
	var out []string
	for _, f := range list {
		if g, ok := j.a.GapOf(f); ok {
			out = append(out, g.ID)
		}
	}
	return j.inOrder(out)
}

// inOrder puts ids of gaps into the order of the gaps, each once.
func (j *judge) inOrder(list []string) []string {
	var out []string
	for _, g := range j.a.gaps {
		if slices.Contains(list, g.ID) {
			out = append(out, g.ID)
		}
	}
	return out
}
