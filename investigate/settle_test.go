package investigate_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
	"uratori/scenario"
)

// Every inconclusive variant, with the logs that were on at that time and with each answer of the
// person, comes to what its story says. What is added is the world's own, not this test's.
func TestSettlingComesToTheTruth(t *testing.T) {
	tried := 0
	for _, v := range scenario.Variants() {
		s, err := scenario.Generate(v.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		if (s.Truth.Verdict == "inconclusive") != (len(s.Truth.Settlings) > 0) {
			t.Errorf("(%s) is %s and has %d settlings", v.ID, s.Truth.Verdict, len(s.Truth.Settlings))
		}
		if len(s.Truth.Settlings) == 0 {
			continue
		}
		tried++
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			worlds := map[bool]world{false: enterAll(t, s, phrase.EN), true: settled(t, s)}
			for _, want := range s.Truth.Settlings {
				w := worlds[want.Logs]
				c, err := w.tools.Run(t.Context(), w.finding, nil, testimony(s, want.Answer))
				if err != nil {
					t.Fatal(err)
				}
				a := c.Assessment
				got := fmt.Sprintf("%s %d %s %v", a.Verdict(), a.Score(), a.Confidence(), gapKeys(a, a.HeldBy()))
				if expected := fmt.Sprintf("%s %d %s %v", want.Verdict, want.Score, want.Confidence, slices.Clone(want.HeldBy)); got != expected {
					t.Errorf("with logs %v and answer %q: %s; want %s", want.Logs, want.Answer, got, expected)
				}
				tells(t, a, want)
			}
		})
	}
	if tried < 4 {
		t.Errorf("only %d variants are inconclusive", tried)
	}
}

// tells checks that an inconclusive case says what to do next: something that would settle it, or
// an action.
func tells(t *testing.T, a policy.Assessment, at scenario.Settling) {
	t.Helper()
	if a.Verdict() != policy.Inconclusive {
		return
	}
	for _, id := range a.HeldBy() {
		g := gapOf(a, id)
		if len(g.SettleNow) == 0 {
			t.Errorf("with logs %v and answer %q, %s holds the verdict and nothing would settle it", at.Logs, at.Answer, g.Key)
		}
	}
	if len(a.HeldBy()) == 0 && !slices.ContainsFunc(a.Actions(), func(x policy.Action) bool { return x.ID == "escalate_unclear" }) {
		t.Errorf("with logs %v and answer %q nothing says what is to be done", at.Logs, at.Answer)
	}
	if at.Answer != "" && slices.ContainsFunc(a.Actions(), func(x policy.Action) bool { return strings.HasPrefix(x.ID, "ask_") && x.ID != "ask_sources_again" }) {
		t.Errorf("with answer %q the person is to be asked again", at.Answer)
	}
}

// Adding, again and again, exactly what settle_now names for the gaps that hold the verdict makes
// it leave inconclusive, whatever the person answers but "not sure". And a case whose required
// evidence is complete is inconclusive only for want of the person's word.
func TestSettlingEndsInconclusive(t *testing.T) {
	for _, v := range scenario.Variants() {
		s, err := scenario.Generate(v.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		if s.Truth.Verdict != "inconclusive" {
			continue
		}
		for _, answer := range []string{"mine", "not_mine"} {
			t.Run(v.ID+" "+answer, func(t *testing.T) {
				t.Parallel()
				w, said := enterAll(t, s, phrase.EN), ""
				added := map[string]bool{}
				for step := 0; ; step++ {
					c, err := w.tools.Run(t.Context(), w.finding, nil, testimony(s, said))
					if err != nil {
						t.Fatal(err)
					}
					a := c.Assessment
					if a.Verdict() != policy.Inconclusive {
						if step == 0 {
							t.Error("it was not inconclusive")
						}
						return
					}
					if !slices.ContainsFunc(a.Gaps(), func(g policy.Gap) bool {
						return slices.Contains(s.Truth.Missing, g.Key) && slices.Contains(a.HeldBy(), g.ID)
					}) && said != "" {
						t.Fatalf("the evidence is complete, the person answered, and it is inconclusive: held by %v", gapKeys(a, a.HeldBy()))
					}
					more := false
					for _, settle := range toSettle(a) {
						if added[settle] {
							continue
						}
						added[settle], more = true, true
						switch kind, dataset, _ := strings.Cut(settle, " "); {
						case kind == "interview":
							said = answer
						case kind == "logs" && dataset == "s3_data":
							w = settled(t, s)
						case kind == "logs" && dataset == "s3_access":
							// No variant's bucket has server access logging: the world holds nothing to add.
							more = false
						default:
							t.Errorf("settle_now names %s, which no world of an inconclusive variant lacks", settle)
						}
					}
					if !more && step > 0 {
						t.Fatalf("everything that settle_now named was added, %v, and it is still inconclusive: held by %v", slices.Sorted(maps.Keys(added)), gapKeys(a, a.HeldBy()))
					}
				}
			})
		}
	}
}

// settled is a scenario with the logs of another trail that was on at that time.
func settled(t *testing.T, s scenario.Scenario) world {
	t.Helper()
	more, err := scenario.Settle(s.Variant, s.Seed)
	if err != nil {
		t.Fatal(err)
	}
	files := maps.Clone(s.Files)
	maps.Copy(files, more)
	s.Files = files
	return enterAll(t, s, phrase.EN)
}

// testimony is the person's answer after a fresh sign-in, nil without one.
func testimony(s scenario.Scenario, answer string) *fact.Testimony {
	if answer == "" {
		return nil
	}
	at, _ := time.Parse(time.RFC3339, "2025-09-16T01:00:00Z")
	return &fact.Testimony{Answer: answer, StepUp: true, Quote: "checked labels of " + s.Variant, Time: at}
}

// toSettle are the entries of settle_now for the gaps that hold the verdict, such as "logs s3_data".
func toSettle(a policy.Assessment) (out []string) {
	for _, id := range a.HeldBy() {
		for _, s := range gapOf(a, id).SettleNow {
			out = append(out, strings.TrimSpace(s.Kind+" "+s.Dataset))
		}
	}
	return out
}

func gapOf(a policy.Assessment, id string) policy.Gap {
	for _, g := range a.Gaps() {
		if g.ID == id {
			return g
		}
	}
	return policy.Gap{}
}

func gapKeys(a policy.Assessment, list []string) []string {
	var out []string
	for _, id := range list {
		out = append(out, gapOf(a, id).Key)
	}
	return out
}
