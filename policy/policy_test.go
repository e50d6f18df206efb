package policy

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"uratori/evidence"
	"uratori/fact"
)

func load(t testing.TB) Policy {
	t.Helper()
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDefaultCasesHold(t *testing.T) {
	results, err := RunCases(load(t), "cases.yaml", DefaultCases())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if len(r.Wrong) > 0 {
			t.Errorf("%s: %s", r.Name, strings.Join(r.Wrong, "; "))
		}
	}
}

// A case that is wrong is told, so that the table can fail.
func TestAWrongCaseIsTold(t *testing.T) {
	for old, bad := range map[string]string{
		"score: 17":                      "score: 18",
		"verdict: malicious\n      urg":  "verdict: benign\n      urg",
		"signals: [off_hours]":           "signals: [root]",
		"no_action: [ask_person]":        "no_action: [give_feedback]",
		"[preserve_evidence, disable_ne": "[declare_incident, disable_ne",
	} {
		data := strings.Replace(string(DefaultCases()), old, bad, 1)
		if data == string(DefaultCases()) {
			t.Fatalf("%q changed nothing", old)
		}
		results, err := RunCases(load(t), "cases.yaml", []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, r := range results {
			wrong += len(r.Wrong)
		}
		if wrong == 0 {
			t.Errorf("%q for %q is not told", bad, old)
		}
	}
}

func TestMistakesNameThePlace(t *testing.T) {
	good := string(defaultPolicy)
	for _, tt := range []struct{ old, bad, want string }{
		{"when: own_logging >= 1", "when: own_loging >= 1", `did you mean "own_logging"?`},
		{"needs: [own_logging]", "needs: []", `uses "own_logging", which is missing under needs`},
		{"needs: [own_logging]", "needs: [own_logging, severity]", `needs names "severity"`},
		{"when: own_logging >= 1", `when: own_logging == "x"`, "no matching overload"},
		{"when: own_logging >= 1", "when: own_logging", "not a truth value"},
		{"when: own_logging >= 1", "when: own_logging >=", "Syntax error"},
		{"when: own_logging >= 1", "when: '[1].all(x, x > 0) && own_logging >= 1'", "unknown feature"},
		{"    floor_kind: logging\n", "", "floor_kind"},
		{"side: suspicious", "side: odd", "suspicious or normal"},
		{"{fact: finding.severity}", "{fact: finding.severty}", `did you mean "finding.severity"?`},
		{"{fact: finding.severity}", "{fact: chain.links}", "cannot be judged"},
		{"  - id: new_key\n", "  - id: mass_read\n", "stands twice"},
		{"points: 20", "point: 20", `did you mean "points"?`},
		{"owner: analyst", "owner: analist", `did you mean "analyst"?`},
		{"priority: week", "priority: someday", "immediate, week, month"},
		{"group: novelty", "group: noveltie", "has no maximum"},
		{"  - key: other\n", "  - key: others\n", `gaps lack "other"`},
	} {
		bad := strings.Replace(good, tt.old, tt.bad, 1)
		if bad == good {
			t.Fatalf("%q changed nothing", tt.old)
		}
		_, err := Load("policy.yaml", []byte(bad))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "policy.yaml") {
			t.Errorf("%q for %q: got %v, want %q", tt.bad, tt.old, err, tt.want)
		}
	}
}

// anyFacts draws facts of the default policy's features: known, unknown, lower bounds, or none.
func anyFacts(p Policy) *rapid.Generator[[]fact.Fact] {
	return rapid.Custom(func(t *rapid.T) []fact.Fact {
		var list []fact.Fact
		seen := map[string]bool{}
		for _, name := range featureNames(p) {
			f := p.file.Features[name]
			if seen[f.Fact+"@"+f.Subject] {
				continue
			}
			seen[f.Fact+"@"+f.Subject] = true
			d, _ := fact.DefOf(fact.Key(f.Fact))
			made := fact.Fact{Key: d.Key, Subject: f.Subject, State: rapid.SampledFrom([]fact.State{fact.Known, fact.Known, fact.Unknown, fact.NotApplicable}).Draw(t, name)}
			switch d.Type {
			case fact.Bool:
				made.Value = fact.BoolOf(rapid.Bool().Draw(t, name+" value"))
			case fact.Int, fact.Decimal, fact.Bytes, fact.Minutes, fact.Hour:
				made.Value = fact.Value{Type: d.Type, Num: rapid.Int64Range(0, 2000).Draw(t, name+" value")}
				if made.State == fact.Known && d.Type == fact.Int && rapid.Bool().Draw(t, name+" bound") {
					made.State = fact.AtLeast
				}
			case fact.Name:
				made.Value = fact.NameOf(rapid.SampledFrom(d.Choices).Draw(t, name+" value"))
			default:
				made.Value = fact.Value{Type: d.Type, Str: "x"}
			}
			if made.State != fact.Known {
				made.Gap = fact.Gap{Key: "s3_data", Outcome: evidence.NotCollected}
			}
			list = append(list, made)
		}
		return list
	})
}

func featureNames(p Policy) []string {
	var names []string
	for n := range p.file.Features {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Without required evidence nothing is benign, unless it was accepted; and hiding a fact never
// makes a case look better than its worst case.
func TestHidingNeverHelps(t *testing.T) {
	p := load(t)
	rapid.Check(t, func(t *rapid.T) {
		list := anyFacts(p).Draw(t, "facts")
		full := p.Assess(fact.ForTest(list))
		hidden := append([]fact.Fact(nil), list...)
		i := rapid.IntRange(0, len(hidden)-1).Draw(t, "hide")
		hidden[i].State, hidden[i].Gap = fact.Unknown, fact.Gap{Key: "s3_data", Outcome: evidence.NotCollected}
		less := p.Assess(fact.ForTest(hidden))
		if rec := less.Facts().Get("event.recorded", ""); rec.State != fact.Known && less.Verdict() == Benign {
			t.Fatalf("benign without the event's record")
		}
		if list[i].State == fact.Known && less.Ceiling() < less.Score() {
			t.Fatalf("the ceiling %d lies below the score %d", less.Ceiling(), less.Score())
		}
		if full.Ceiling() < full.Score() || full.Score() < 0 || full.Ceiling() > 100 {
			t.Fatalf("score %d, ceiling %d", full.Score(), full.Ceiling())
		}
		for _, f := range less.Facts().All() {
			if f.State == fact.Unknown || f.State == fact.AtLeast {
				if _, ok := less.GapOf(f); !ok {
					t.Fatalf("%s is unknown without a gap", f.Key)
				}
			}
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(string(defaultPolicy[:2000]))
	f.Add("rules: [{id: x, when: a, needs: [a]}]")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Load("p.yaml", []byte(text)) })
}
