package policy

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"uratori/fact"
)

// referenced are the facts that the policy's features name, in a fixed order.
func referenced(p Policy) []factRef {
	var out []factRef
	for _, name := range slices.Sorted(maps.Keys(p.c.features)) {
		for _, r := range p.c.features[name].facts {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return append(out, refOf("finding.severity"), refOf("finding.family"), refOf("finding.band"))
}

// drawFact is any state and value that a fact may have.
func drawFact(t *rapid.T, r factRef) fact.Fact {
	d, _ := fact.DefOf(r.key)
	f := fact.Fact{Key: r.key, Subject: r.subject}
	f.State = rapid.SampledFrom([]fact.State{fact.Known, fact.Known, fact.Known, fact.Unknown, fact.AtLeast, fact.NotApplicable}).Draw(t, r.String()+" state")
	if f.State == fact.AtLeast && d.Type != fact.Int {
		f.State = fact.Known
	}
	if f.State == fact.Unknown || f.State == fact.AtLeast {
		f.Gap = drawGap(t, r)
	}
	if f.State == fact.Known || f.State == fact.AtLeast {
		f.Value = drawValue(t, d, r)
	}
	return f
}

func drawGap(t *rapid.T, r factRef) (g fact.Gap) {
	text := rapid.SampledFrom([]string{"s3_data/not_collected", "signin/failed", "cloudtrail_management/denied", "session/not_asked", "baseline/none", "new kind/empty"}).Draw(t, r.String()+" gap")
	if !readGap(&g, text) {
		t.Fatalf("no gap %s", text)
	}
	return g
}

func drawValue(t *rapid.T, d fact.Def, r factRef) fact.Value {
	name := r.String()
	switch d.Type {
	case fact.Bool:
		return fact.BoolOf(rapid.Bool().Draw(t, name))
	case fact.Name:
		if len(d.Choices) == 0 {
			return fact.NameOf("collected")
		}
		return fact.NameOf(rapid.SampledFrom(d.Choices).Draw(t, name))
	case fact.Texts:
		return fact.TextsOf(rapid.SliceOfN(rapid.SampledFrom([]string{"high", "low", "x"}), 0, 2).Draw(t, name), rapid.Bool().Draw(t, name+" more"))
	case fact.Text:
		return fact.TextOf(rapid.SampledFrom([]string{"", "Exfiltration:S3/AnomalousBehavior", "Discovery:S3/TorIPCaller", "\xff"}).Draw(t, name))
	case fact.Decimal:
		return fact.Value{Type: fact.Decimal, Num: rapid.Int64Range(0, 100).Draw(t, name)}
	default:
		return fact.Value{Type: d.Type, Num: rapid.SampledFrom([]int64{0, 0, 0, 1, 50, 999, 1000, 100_000}).Draw(t, name)}
	}
}

func drawCase(t *rapid.T, refs []factRef) map[factRef]fact.Fact {
	out := map[factRef]fact.Fact{}
	for _, r := range refs {
		out[r] = drawFact(t, r)
	}
	return out
}

func assess(p Policy, facts map[factRef]fact.Fact, accepted bool) Assessment {
	w := fact.TestWorld{AsOf: time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)}
	if accepted {
		w.Settings.Accepted = []fact.AcceptedGap{{Kind: "s3_data", Until: w.AsOf.Add(time.Hour)}}
	}
	return p.Assess(fact.ForTest(slices.Collect(maps.Values(facts)), w))
}

// floors are the kinds of floor that fired.
func floors(a Assessment) map[string]bool {
	out := map[string]bool{}
	for _, s := range a.Signals() {
		if s.Floor > 0 {
			out[s.FloorKind] = true
		}
	}
	return out
}

func TestTheRulesOfDecisionHold(t *testing.T) {
	p := loaded(t)
	refs := referenced(p)
	rapid.Check(t, func(t *rapid.T) {
		a := assess(p, drawCase(t, refs), rapid.Bool().Draw(t, "accepted"))
		kinds := len(floors(a))
		switch v := a.Verdict(); {
		case (kinds >= 2) != (v == Malicious):
			t.Fatalf("%d kinds of floor give %s", kinds, v)
		case kinds == 1 && v != Suspicious, kinds == 0 && (a.Score() >= 60) != (v == Suspicious):
			t.Fatalf("%d kinds of floor and score %d give %s", kinds, a.Score(), v)
		case v == Benign && a.Score() >= 30:
			t.Fatalf("score %d gives benign", a.Score())
		}
		if a.Score() < 0 || a.Ceiling() > 100 || a.Ceiling() < a.Score() {
			t.Fatalf("score %d, ceiling %d", a.Score(), a.Ceiling())
		}
		if (a.Verdict() == Inconclusive) != (a.FalsePositive() == Undetermined) {
			t.Fatalf("%s has likelihood %s", a.Verdict(), a.FalsePositive())
		}
		if a.Verdict() != Inconclusive && len(a.HeldBy()) > 0 {
			t.Fatalf("%s is held by %v", a.Verdict(), a.HeldBy())
		}
		if len(a.Actions()) == 0 {
			t.Fatalf("%s has no action", a.Verdict())
		}
		for _, f := range a.Facts().All() {
			if _, ok := a.GapOf(f); ok != (f.State == fact.Unknown || f.State == fact.AtLeast) {
				t.Fatalf("fact %s of state %d has a gap: %v", f.Key, f.State, ok)
			}
		}
	})
}

// The sum of what is shown is the score, so that a reader can add it up.
func TestTheSignalsAddUpToTheScore(t *testing.T) {
	p := loaded(t)
	refs := referenced(p)
	rapid.Check(t, func(t *rapid.T) {
		a := assess(p, drawCase(t, refs), false)
		sum, floor, limit := 0, 0, 100
		for _, s := range a.Signals() {
			sum, floor = sum+s.Points, max(floor, s.Floor)
			if s.Rule == "sample" {
				limit = 10
			}
		}
		if want := max(0, min(sum, limit), floor); a.Score() != want {
			t.Fatalf("score is %d, want %d", a.Score(), want)
		}
	})
}

// Who adds knowledge never takes away a floor: only what is unknown, or a lower bound, is replaced.
func TestKnowledgeNeverLowersAFloor(t *testing.T) {
	p := loaded(t)
	refs := referenced(p)
	rapid.Check(t, func(t *rapid.T) {
		facts := drawCase(t, refs)
		before := assess(p, facts, false)
		for _, r := range refs {
			f := facts[r]
			d, _ := fact.DefOf(r.key)
			switch {
			case rapid.Bool().Draw(t, r.String()+" stays"):
				continue
			case f.State == fact.Unknown:
				f = fact.Fact{Key: r.key, Subject: r.subject, State: fact.Known, Value: drawValue(t, d, r)}
			case f.State == fact.AtLeast:
				f.State = fact.Known
				f.Value.Num += rapid.Int64Range(0, 2000).Draw(t, r.String()+" more")
			}
			facts[r] = f
		}
		after := assess(p, facts, false)
		now := floors(after)
		for kind := range floors(before) {
			if !now[kind] {
				t.Fatalf("the floor %s went away", kind)
			}
		}
		if len(floors(before)) > 0 && after.Verdict() < before.Verdict() {
			t.Fatalf("%s became %s", before.Verdict(), after.Verdict())
		}
	})
}

// doesWithout tells whether what a family requires has an alternative without the record of the event.
func doesWithout(p Policy, family string) bool {
	for _, r := range p.c.requires(family) {
		if !slices.ContainsFunc(r.any, func(alt proof) bool { return !slices.Contains(alt.Known, "event_recorded") }) {
			return false
		}
	}
	return true
}

// What the evidence requires never decides upward: without it nothing is benign, and what
// does not rest on it stays as it was.
func TestMissingEvidenceForbidsBenignAndLowersNothing(t *testing.T) {
	p := loaded(t)
	refs := referenced(p)
	rapid.Check(t, func(t *rapid.T) {
		facts := drawCase(t, refs)
		before := assess(p, facts, false)
		r := refOf("event.recorded")
		gap := drawGap(t, r)
		facts[r] = fact.Fact{Key: r.key, State: fact.Unknown, Gap: gap}
		after := assess(p, facts, false)
		switch {
		case after.Verdict() == Benign:
			t.Fatal("benign without the record of the event")
		case before.Verdict() >= Suspicious && after.Verdict() != before.Verdict():
			t.Fatalf("%s became %s", before.Verdict(), after.Verdict())
		case after.Confidence() > Medium, after.Confidence() == Medium && !doesWithout(p, after.Facts().Get("finding.family", "").Value.Str):
			t.Fatalf("confidence is %s without the record of the event", after.Confidence())
		}
		r = refOf("impact.objects_read")
		facts[r] = fact.Fact{Key: r.key, State: fact.Unknown, Gap: gap}
		facts[refOf("finding.family")] = fact.Fact{Key: "finding.family", State: fact.Known, Value: fact.NameOf("s3")}
		if v := assess(p, facts, false).Verdict(); v == Benign {
			t.Fatal("benign without what was read")
		}
	})
}

func TestTheSameFactsGiveTheSameAssessment(t *testing.T) {
	p := loaded(t)
	refs := referenced(p)
	rapid.Check(t, func(t *rapid.T) {
		facts := drawCase(t, refs)
		a, b := assess(p, facts, true), assess(p, facts, true)
		if a.Score() != b.Score() || a.Verdict() != b.Verdict() || len(a.Gaps()) != len(b.Gaps()) || len(a.Actions()) != len(b.Actions()) {
			t.Fatal("two assessments of the same facts differ")
		}
		for i, g := range a.Gaps() {
			if g.ID != b.Gaps()[i].ID || g.Key != b.Gaps()[i].Key || g.Outcome != b.Gaps()[i].Outcome {
				t.Fatalf("gap %d is %s, then %s", i, g.Key, b.Gaps()[i].Key)
			}
		}
	})
}
