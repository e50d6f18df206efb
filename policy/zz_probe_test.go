package policy

import ("testing";"time";"uratori/fact";"uratori/evidence";"strings")

func TestProbe(t *testing.T) {
	p := load(t)
	g := fact.Gap{Key: "signin", Outcome: evidence.Truncated}
	a := p.Assess(fact.ForTest([]fact.Fact{{Key: "signin.risk_levels", State: fact.AtLeast, Value: fact.TextsOf([]string{"low"}, false), Gap: g}}))
	found := false
	for _, n := range a.NotJudged() { found = found || n.Rule == "risky_sign_in" }
	t.Log("risk_levels at least [low]: listed open =", found)
	k := func(key, sub string, v fact.Value) fact.Fact { return fact.Fact{Key: fact.Key(key), Subject: sub, State: fact.Known, Value: v} }
	a = p.Assess(fact.ForTest([]fact.Fact{k("activity.new_keys","credential",fact.IntOf(1)),k("activity.persistence_calls","credential",fact.IntOf(1)),k("activity.privilege_calls","credential",fact.IntOf(1))}))
	t.Log("create key + attach policy:", a.Verdict())
	a = p.Assess(fact.ForTest([]fact.Fact{k("finding.type","",fact.TextOf("UnauthorizedAccess:IAMUser/TorIPCaller")),k("finding.threat_lists","",fact.TextsOf([]string{"x"}, false))}))
	t.Log("tor + list:", a.Verdict())
	a = p.Assess(fact.ForTest([]fact.Fact{k("finding.type","",fact.TextOf("UnauthorizedAccess:IAMUser/MaliciousIPCaller"))}))
	t.Log("MaliciousIPCaller:", a.Verdict())
	w := fact.TestWorld{AsOf: caseTime}
	w.Settings.Accepted = []fact.AcceptedGap{{Kind:"s3_data",Until:time.Date(2025,1,1,0,0,0,0,time.UTC)},{Kind:"s3_data",Until:time.Date(2027,1,1,0,0,0,0,time.UTC)}}
	a = p.Assess(fact.ForTest([]fact.Fact{{Key:"event.recorded",Gap:fact.Gap{Key:"s3_data",Outcome:evidence.Found}}}, w))
	for _, g := range a.Gaps() { if g.Key=="s3_data" { t.Logf("accepted %+v why %q outcome %v", *g.Accepted, g.Why.EN, g.Outcome) } }
	for _, r := range [][2]string{{"side: normal\n    because: {ja: \"サインインから","side: normall\n    because: {ja: \"サインインから"},{"subject: credential}\n  persistence","subject: credentail}\n  persistence"},{"  - id: disable_key\n","  - id: disable_new_key\n"},{"    gap: s3_data\n","    gap: s3_dat\n"},{"is: collected","is: colected"},{"      - kind: interview\n","      - kind: intervieww\n"},{"base: {times: 4}","base: {times: -4}"},{"  iam:\n    required","  iamm:\n    required"},{"  not_given:","  not_givven:"}} {
		bad := strings.Replace(string(defaultPolicy), r[0], r[1], 1)
		if bad == string(defaultPolicy) { t.Log("unchanged", r[0]); continue }
		_, err := Load("p.yaml", []byte(bad))
		t.Logf("%q -> %v", r[1], err)
	}
	_, err := Load("p.yaml", []byte(strings.Replace(string(defaultPolicy), "confidence: medium}", "confidence: mediun}", 1)))
	t.Log(err)
	_, err = Load("p.yaml", []byte(strings.Replace(string(defaultPolicy), "when: own_logging >= 1", "when: own_loging >= 1", 1)))
	t.Log(err)
}
