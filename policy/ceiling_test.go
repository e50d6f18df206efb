package policy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"uratori/fact"
)

// completed draws one way in which a case may really have been: what is unknown gets a value,
// and what is a lower bound grows.
func completed(t *rapid.T, refs []factRef, facts map[factRef]fact.Fact) map[factRef]fact.Fact {
	out := map[factRef]fact.Fact{}
	for _, r := range refs {
		f := facts[r]
		d, _ := fact.DefOf(r.key)
		switch f.State {
		case fact.Unknown:
			if !neverArose([]fact.Fact{f}) {
				f = fact.Fact{Key: r.key, Subject: r.subject, State: fact.Known, Value: drawValue(t, d, r)}
			}
		case fact.AtLeast:
			f.State, f.Gap = fact.Known, fact.Gap{}
			f.Value.Num += rapid.Int64Range(0, 2000).Draw(t, r.String()+" more")
		case fact.Known, fact.NotApplicable:
		}
		f.Value.More = false
		out[r] = f
	}
	return out
}

// The ceiling is the worst case: whatever the unseen turns out to be, no score lies above it,
// no rule fires that was said to be silent, and no rule that fired goes away.
func TestTheCeilingHoldsWhateverTurnsUp(t *testing.T) {
	p := loaded(t)
	refs := referenced(p)
	rapid.Check(t, func(t *rapid.T) {
		facts := drawCase(t, refs)
		for r, f := range facts {
			if f.State == fact.AtLeast {
				f.Value.Num = max(f.Value.Num, 1) // a bound of zero would be no bound: such facts are Unknown
				facts[r] = f
			}
		}
		before, after := assess(p, facts, false), assess(p, completed(t, refs, facts), false)
		if after.Score() > before.Ceiling() {
			t.Fatalf("the score became %d, above the ceiling %d", after.Score(), before.Ceiling())
		}
		var fired, open, now []string
		for _, s := range before.Signals() {
			fired = append(fired, s.Rule)
		}
		for _, n := range before.NotJudged() {
			open = append(open, n.Rule)
		}
		for _, s := range after.Signals() {
			now = append(now, s.Rule)
			if s.Side != SideInformation && !slices.Contains(fired, s.Rule) && !slices.Contains(open, s.Rule) {
				t.Fatalf("rule %s was silent, and fires", s.Rule)
			}
		}
		for _, rule := range fired {
			if !slices.Contains(now, rule) {
				t.Fatalf("rule %s fired, and does not any more", rule)
			}
		}
	})
}

// A lower bound counts also where another fact of the feature is exact and no smaller.
func TestALowerBoundBesideAnExactCountLeavesTheRuleOpen(t *testing.T) {
	p := loaded(t)
	exact := fact.Fact{State: fact.Known, Value: fact.IntOf(5)}
	bound := fact.Fact{State: fact.AtLeast, Value: fact.IntOf(3)}
	if !readGap(&bound.Gap, "cloudtrail_management/truncated") {
		t.Fatal("the gap cannot be read")
	}
	for _, pair := range [][2]fact.Fact{{exact, bound}, {bound, exact}} {
		var list []fact.Fact
		for i, subject := range []string{"session", "credential"} {
			f := pair[i]
			f.Key, f.Subject = "activity.denied", subject
			list = append(list, f)
		}
		a := p.Assess(fact.ForTest(list))
		if !slices.ContainsFunc(a.NotJudged(), func(n NotJudged) bool { return n.Rule == "probing" && len(n.Gaps) > 0 }) {
			t.Errorf("session %d, credential %d: rule probing is judged", pair[0].Value.Num, pair[1].Value.Num)
		}
	}
}
