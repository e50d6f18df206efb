package fact_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
)

var at = time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)

func known(key fact.Key, v fact.Value, subject ...string) fact.Fact {
	return fact.Fact{Key: key, Value: v, State: fact.Known, Subject: strings.Join(subject, "")}
}

func facts() fact.Facts {
	return fact.ForTest([]fact.Fact{
		known("event.source_ip", fact.IPOf("192.0.2.7")),
		known("event.api", fact.TextOf("GetObject")),
		known("event.time", fact.TimeOf(at)),
		known("finding.first_seen", fact.TimeOf(at)),
		known("finding.last_seen", fact.TimeOf(at.Add(time.Minute))),
		known("actor.arn", fact.TextOf("arn:aws:sts::111122223333:assumed-role/Dev/sato.kaede@example.co.jp")),
		known("person.upn", fact.TextOf("sato.kaede@example.co.jp")),
		known("person.link_confidence", fact.NameOf("high")),
		known("activity.ips", fact.TextsOf([]string{"192.0.2.7", "2001:db8::7"}, false), "credential"),
		known("activity.total", fact.IntOf(12), "credential"),
		{Key: "impact.objects_read", Value: fact.IntOf(1912), State: fact.AtLeast, Gap: fact.Gap{Key: "s3_data"}},
		// What a person or the configuration says is no witness.
		known("interview.quote", fact.TextOf("203.0.113.99")),
		known("finding.account_owner", fact.TextOf("203.0.113.98")),
	})
}

func told(i evidence.LookedInvestigation) string {
	var out []string
	for _, h := range fact.Hold(fact.Claims(i), facts()) {
		out = append(out, h.String())
		if h.Standing != fact.Unverifiable && len(h.Facts) == 0 {
			out = append(out, "WITHOUT A FACT: "+h.String())
		}
	}
	return strings.Join(out, "\n")
}

func TestClaimsOfAText(t *testing.T) {
	got := told(evidence.LookedInvestigation{
		RiskLevel: "High", Confidence: "Medium", Risk: "Data left.",
		Summary: "At 2025-09-09T04:20:05Z and 2025-09-10 01:02:03 UTC, arn:aws:sts::111122223333:assumed-role/Dev/sato.kaede@example.co.jp called s3:GetObject " +
			"and PutBucketPolicy from 192.0.2.7, 2001:DB8:0:0::7 and 203.0.113.99 (or 203.0.113.98). 1,912 objects, 12 API calls, 3 of the objects. Sato.Kaede@example.co.jp. version 1.2.3",
	})
	want := `risk_level "High" at riskLevel: unverifiable
confidence "Medium" at confidence: unverifiable
time "2025-09-09T04:20:05Z" at summary: confirmed
time "2025-09-10T01:02:03Z" at summary: unverifiable
principal "arn:aws:sts::111122223333:assumed-role/Dev/sato.kaede@example.co.jp" at summary: confirmed
principal "sato.kaede@example.co.jp" at summary: confirmed
ip "192.0.2.7" at summary: confirmed
ip "2001:db8::7" at summary: confirmed
ip "203.0.113.99" at summary: unverifiable
ip "203.0.113.98" at summary: unverifiable
api "GetObject" at summary: confirmed
api "PutBucketPolicy" at summary: unverifiable
count "1912" objects at summary: unverifiable
count "12" calls at summary: confirmed
count "3" objects at summary: unverifiable`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestClaimsOfJSON(t *testing.T) {
	got := told(evidence.LookedInvestigation{Summary: `{
		"actor": {"principalArn": "arn:aws:iam::111122223333:user/other", "user": "someone@example.co.jp"},
		"evidence": [{"sourceIp": "198.51.100.9", "eventName": "GetObject", "firstSeen": "2025-09-09T04:20:05.900Z", "last_seen": "2025-09-09T09:00:00Z"}],
		"objectsRead": 5, "eventCount": 12, "severity": 8, "threat": "198.51.100.9 is on a list", "recommendation": "aws iam delete-access-key; DeleteAccessKey"
	}`})
	want := `principal "arn:aws:iam::111122223333:user/other" as actor at summary/actor/principalArn: contradicted
principal "someone@example.co.jp" as actor at summary/actor/user: contradicted
count "12" calls at summary/eventCount: confirmed
api "GetObject" at summary/evidence/0/eventName: confirmed
time "2025-09-09T04:20:05.9Z" as first at summary/evidence/0/firstSeen: confirmed
time "2025-09-09T09:00:00Z" as last at summary/evidence/0/last_seen: contradicted
ip "198.51.100.9" as source at summary/evidence/0/sourceIp: contradicted
count "5" objects at summary/objectsRead: contradicted
api "DeleteAccessKey" at summary/recommendation: unverifiable
ip "198.51.100.9" at summary/threat: unverifiable`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Without facts nothing is confirmed and nothing contradicted.
func TestNothingIsHeldAgainstNothing(t *testing.T) {
	i := evidence.LookedInvestigation{RiskLevel: "Low", Summary: `{"sourceIp":"192.0.2.7","principalArn":"arn:aws:iam::111122223333:user/x","objectsRead":1,"firstSeen":"2025-09-09T04:20:05Z","text":"GetObject"}`}
	claims := fact.Claims(i)
	if len(claims) != 6 {
		t.Errorf("%d claims: %+v", len(claims), claims)
	}
	for _, h := range fact.Hold(claims, fact.ForTest(nil)) {
		if h.Standing != fact.Unverifiable || h.Facts != nil {
			t.Errorf("%s without facts", h)
		}
	}
}

// An address is contradicted only where all addresses of the actor are known.
func TestAnotherAddressMayBeTheActorsToo(t *testing.T) {
	claim := fact.Claims(evidence.LookedInvestigation{Summary: `{"sourceIp":"198.51.100.9"}`})
	for name, tt := range map[string]struct {
		ips  fact.Fact
		want fact.Standing
	}{
		"all of them":  {known("activity.ips", fact.TextsOf([]string{"192.0.2.7"}, false), "credential"), fact.Contradicted},
		"some of them": {known("activity.ips", fact.TextsOf([]string{"192.0.2.7"}, true), "credential"), fact.Unverifiable},
		"at least":     {fact.Fact{Key: "activity.ips", Subject: "credential", State: fact.AtLeast, Value: fact.TextsOf([]string{"192.0.2.7"}, false)}, fact.Unverifiable},
	} {
		held := fact.Hold(claim, fact.ForTest([]fact.Fact{known("event.source_ip", fact.IPOf("192.0.2.7")), tt.ips}))
		if held[0].Standing != tt.want {
			t.Errorf("%s: %s", name, held[0])
		}
	}
}

func FuzzClaims(f *testing.F) {
	f.Add(`{"sourceIp":["192.0.2.7",{"a":1}],"eventCount":99999999999999999999}`)
	f.Add("At 2025-13-45T99:00:00Z 999.1.1.1 ::: 1..2 arn:aws:iam::111122223333:\u202e GetObject" + strings.Repeat("[", 100))
	f.Add(strings.Repeat("192.0.2.7 GetObject ", 2000))
	f.Fuzz(func(t *testing.T, summary string) {
		i := evidence.LookedInvestigation{Summary: summary, RiskLevel: summary}
		claims := fact.Claims(i)
		if len(claims) > 500 {
			t.Fatalf("%d claims", len(claims))
		}
		if !slices.Equal(claims, fact.Claims(i)) {
			t.Error("the same summary has other claims")
		}
		for _, h := range fact.Hold(claims, fact.ForTest(nil)) {
			if h.Standing != fact.Unverifiable {
				t.Errorf("%s without facts", h)
			}
		}
	})
}
