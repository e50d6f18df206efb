package policy

import (
	"strings"
	"testing"
)

// A policy that loads, for tests that break it in one place.
const small = `schema: uratori.policy/1
features:
  new_ip: {fact: baseline.new_ip, doc: d}
  objects_read: {fact: impact.objects_read, doc: d}
  environment: {fact: finding.environment, doc: d}
  event_recorded: {fact: event.recorded, doc: d}
  calls: {most: [activity.total@session, activity.total@credential], doc: d}
base: {times: 4}
bands: {medium: 30, high: 60, critical: 80}
groups: {novelty: 24}
rules:
  - id: new_ip
    when: new_ip && objects_read > 3
    needs: [new_ip, objects_read]
    points: 8
    group: novelty
    side: suspicious
    because: {ja: あ, en: a}
evidence:
  - families: ["*"]
    required: [{id: event, what: {ja: あ, en: a}, any: [{known: [event_recorded], confidence: high}]}]
confidence:
  event: {known: [event_recorded]}
benign:
  actor: [{known: [event_recorded]}]
  accepted:
    chain: {known: [event_recorded]}
    testimony: {known: [event_recorded]}
explained: {known: [event_recorded]}
due: {critical: &t {ja: あ, en: a}, high: *t, medium: *t, next_morning: *t, low: *t}
outcomes: {found: *t, empty: *t, truncated: *t, not_collected: *t, not_yet: *t, not_asked: *t, denied: *t, throttled: *t, failed: *t, none: *t}
gaps: [{key: "*", what: *t}]
owners: {analyst: *t}
actions:
  - id: ask
    priority: immediate
    when: environment == "sandbox" && verdict == "benign"
    needs: [environment]
    title: *t
    how: {ja: "see <BUCKET>", en: "see <BUCKET>"}
    values: {BUCKET: event.target_bucket}
    side_effect: *t
    undo: *t
    owner: analyst
`

func TestTheSmallPolicyLoads(t *testing.T) {
	if _, err := Load("p.yaml", []byte(small)); err != nil {
		t.Fatal(err)
	}
}

func TestLoadShowsTheSpot(t *testing.T) {
	tests := []struct {
		name     string
		old, new string
		want     []string
	}{
		{"an unknown feature", "when: new_ip && objects_read > 3", "when: new_pi && objects_read > 3", []string{`p.yaml:13:11: unknown feature "new_pi"; did you mean "new_ip"?`, "\n              ~~~~~~"}},
		{"an unknown feature further on", "when: new_ip && objects_read > 3", "when: new_ip && object_read > 3", []string{`p.yaml:13:21: unknown feature "object_read"; did you mean "objects_read"?`, "~~~~~~~~~~~"}},
		{"a need that is missing", "needs: [new_ip, objects_read]", "needs: [new_ip]", []string{`p.yaml:13:21: the condition uses objects_read, which needs: does not name; add it there`}},
		{"a need that is not used", "needs: [new_ip, objects_read]", "needs: [new_ip, objects_read, environment]", []string{`p.yaml:14:35: the condition does not use environment; take it out of needs`}},
		{"a need that is unknown", "needs: [new_ip, objects_read]", "needs: [new_ip, objects_read, new_asn]", []string{`unknown feature "new_asn"`}},
		{"a need twice", "needs: [new_ip, objects_read]", "needs: [new_ip, objects_read, new_ip]", []string{"new_ip stands twice in needs"}},
		{"a comparison of types", "objects_read > 3", `objects_read > "3"`, []string{"p.yaml:13:", "no matching overload"}},
		{"no truth", "when: new_ip && objects_read > 3", "when: objects_read", []string{"a condition must be true or false, not int"}},
		{"a syntax error", "objects_read > 3", "objects_read >", []string{"p.yaml:13:", "Syntax error"}},
		{"arithmetic", "objects_read > 3", "objects_read + 1 > 3", []string{`"+" may not be used in a condition`}},
		{"a loop", "new_ip && objects_read > 3", `"[1].exists(x, x == 1)"`, []string{`"exists" may not be used`}},
		{"a choice", "new_ip && objects_read > 3", `"new_ip ? true : false"`, []string{"may not be used in a condition"}},
		{"a field", "objects_read > 3", "objects_read.x > 3", []string{"features, literals and comparisons"}},
		{"a value that the fact never has", `environment == "sandbox"`, `environment == "sandbx"`, []string{`environment is never "sandbx"; did you mean "sandbox"?`, "~~~~~~~~"}},
		{"a verdict that is none", `verdict == "benign"`, `verdict == "fine"`, []string{`verdict is never "fine"`}},
		{"an unknown fact", "fact: baseline.new_ip", "fact: baseline.new_pi", []string{`p.yaml:3:18: unknown fact "baseline.new_pi"; did you mean "baseline.new_ip"?`}},
		{"an unknown subject", "activity.total@session", "activity.total@sesion", []string{`fact activity.total has no subject "sesion"; its subjects are credential, session, principal`}},
		{"a fact that no condition can use", "fact: baseline.new_ip", "fact: activity.session_timeline", []string{"is no value that a condition can use"}},
		{"a claim", "fact: baseline.new_ip", "fact: claims.contradicted", []string{"fact claims.contradicted is what an investigation that is not ours claims"}},
		{"facts of two types", "activity.total@credential", "baseline.new_ip", []string{"the facts of one feature are of one type"}},
		{"a feature name", "  new_ip: {fact", "  New-IP: {fact", []string{"small letters"}},
		{"a name of CEL", "  new_ip: {fact", "  in: {fact", []string{"p.yaml:"}},
		{"an undeclared group", "group: novelty", "group: novel", []string{`group "novel", which groups: does not declare`}},
		{"a floor without a kind", "    points: 8\n", "    floor: 70\n", []string{"a floor has a floor_kind"}},
		{"points of the wrong side", "    points: 8\n", "    points: -8\n", []string{"its points are 0 or more"}},
		{"too many points", "    points: 8\n", "    points: 800\n", []string{"a score goes from 0 to 100"}},
		{"an unknown key", "    points: 8\n", "    pionts: 8\n", []string{`unknown key "pionts"; did you mean "points"?`}},
		{"no reason", "because: {ja: あ, en: a}", "because: {ja: あ}", []string{"rule new_ip needs a text in ja and in en"}},
		{"bands that fall", "high: 60", "high: 20", []string{"they must rise"}},
		{"no entry for other families", `families: ["*"]`, `families: [s3]`, []string{`no entry is for family "*"`}},
		{"an unknown family", `families: ["*"]`, `families: ["*", ec3]`, []string{`unknown family "ec3"; did you mean "ec2"?`}},
		{"evidence that asks for nothing", "any: [{known: [event_recorded], confidence: high}]", "any: [{confidence: high}]", []string{"asks for nothing"}},
		{"an alternative without a weight", "any: [{known: [event_recorded], confidence: high}]", "any: [{known: [event_recorded]}]", []string{"write high or medium"}},
		{"no gap for the rest", `key: "*"`, `key: s3_data`, []string{`no gap has the key "*"`}},
		{"an outcome without a text", "found: *t, ", "", []string{"outcome found has no text"}},
		{"an unknown outcome", "found: *t, ", "found: *t, lost: *t, ", []string{`unknown outcome "lost"`}},
		{"an unknown owner", "owner: analyst", "owner: analist", []string{`unknown owner "analist"; did you mean "analyst"?`}},
		{"a place without a value", "values: {BUCKET: event.target_bucket}", "values: {}", []string{"<BUCKET> has no value"}},
		{"a place in one language", `en: "see <BUCKET>"`, `en: "see"`, []string{"both name the same places"}},
		{"a place of an unknown fact", "BUCKET: event.target_bucket", "BUCKET: event.bucket", []string{`unknown fact "event.bucket"`}},
		{"an unknown priority", "priority: immediate", "priority: soon", []string{`its priority is "soon"`}},
		{"another form", "uratori.policy/1", "uratori.policy/9", []string{"write \"uratori.policy/1\""}},
		{"an assumption of another type", "    title: *t\n", "    assume: {environment: 3}\n    title: *t\n", []string{"which is of another type"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(small, tt.old, tt.new, 1)
			if text == small {
				t.Fatalf("%q does not stand in the policy", tt.old)
			}
			_, err := Load("p.yaml", []byte(text))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is\n%v\nwant in it\n%s", err, want)
				}
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	text := strings.NewReplacer("points: 8", "points: 800", "owner: analyst", "owner: x", "priority: immediate", "priority: x").Replace(small)
	_, err := Load("p.yaml", []byte(text))
	if n := strings.Count(err.Error(), "p.yaml:"); n != 3 {
		t.Errorf("%d mistakes are told, want 3:\n%v", n, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(small)
	f.Add(strings.Replace(small, "new_ip && objects_read > 3", "(((((((((((", 1))
	f.Add(strings.Replace(small, "new_ip && objects_read > 3", `"\u202e" in [`, 1))
	f.Add("schema: uratori.policy/1\nfeatures: {a: {}}")
	f.Add("features: [")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Load("p.yaml", []byte(text))
		if err == nil {
			p.Assess(noFacts())
		}
	})
}

func FuzzRunCases(f *testing.F) {
	f.Add("schema: uratori.policy-cases/1\ncases: [{name: a, given: {finding.severity: 8.0, new_ip: {unknown: a/denied}}}]")
	f.Add("schema: uratori.policy-cases/1\ngiven: {objects_read: {at_least: 99999999999999999999}}\ncases: [{name: a}]")
	f.Add("schema: uratori.policy-cases/1\ncases: [{name: a, as_of: x, accepted: [{kind: s3_data, until: 2025-01-01T00:00:00Z}]}]")
	p := loaded(f)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = RunCases(p, "cases.yaml", []byte(text))
	})
}
