package fact

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/finding"
)

// The event is at 04:20 UTC, from AS64511 in NL, by a session of 04:08. The person has always signed in
// from AS64500 in JP, a dozen times, at 01:00 UTC. What else there was makes nothing of the event known.
func TestAnAttackersSignInIsNoPast(t *testing.T) {
	type other struct {
		at, ip, country, asn, result string
	}
	here := func(at, result string) other { return other{at, "203.0.113.9", "NL", "64511", result} }
	for name, tt := range map[string]struct {
		others  []other
		asn     string // baseline.new_asn
		match   string // identity.match, of 4
		country int64  // baseline.seen_country
	}{
		"nothing else":                       {nil, "new", "0/4", 0},
		"the sign-in of the session itself":  {[]other{here("2025-09-09T04:07:00Z", "success")}, "new", "0/4", 0},
		"another of the same morning":        {[]other{here("2025-09-08T20:00:00Z", "success")}, "new", "0/4", 0},
		"guesses of a week":                  {[]other{here("2025-09-02T04:20:00Z", "failure"), here("2025-09-03T04:20:00Z", "interrupt")}, "new", "0/4", 0},
		"a journey the week before":          {[]other{here("2025-09-02T04:20:00Z", "success")}, "seen", "4/4", 1},
		"afterwards":                         {[]other{here("2025-09-09T06:00:00Z", "success")}, "new", "0/4", 0},
		"a guess at home, at the same hour":  {[]other{{"2025-09-03T04:20:00Z", "192.0.2.7", "JP", "64500", "failure"}}, "new", "0/4", 0},
		"at home a week ago, the same hour":  {[]other{{"2025-09-03T04:20:00Z", "192.0.2.7", "JP", "64500", "success"}}, "new", "1/4", 0},
		"from the address, of another's ASN": {[]other{{"2025-09-03T01:20:00Z", "203.0.113.9", "JP", "64500", "success"}}, "new", "1/4", 0},
	} {
		t.Run(name, func(t *testing.T) {
			columns := []string{"event_time", "ip", "country", "asn", "app_display_name", "error_code", "result", "auth_requirement"}
			var rows []evidence.Row
			for i := range 12 {
				rows = append(rows, cells(time.Date(2025, 8, 12+i, 1, 0, 0, 0, time.UTC).Format(time.RFC3339), "192.0.2.7", "JP", "64500", "AWS", 0, "success", "multiFactorAuthentication"))
			}
			for _, o := range tt.others {
				code := map[string]int{"success": 0, "failure": 50126, "interrupt": 50076}[o.result]
				rows = append(rows, cells(o.at, o.ip, o.country, o.asn, "AWS", code, o.result, "multiFactorAuthentication"))
			}
			f := finding.Finding{Account: "111122223333", Type: "Discovery:IAMUser/AnomalousBehavior", FirstSeen: time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)}
			f.Resource.AccessKey = finding.AccessKey{ID: "ASIAEXAMPLE00000001", PrincipalID: "AROAEXAMPLE:sato@example.co.jp", UserType: "AssumedRole", UserName: "AWSReservedSSO_Analyst_0123456789abcdef"}
			f.Action.Remote = finding.Remote{IP: netip.MustParseAddr("203.0.113.9"), ASN: "64511", Country: "NL", CountryCode: "NL"}
			settings, err := EncodeSettings(Settings{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			items := []evidence.Item{
				{Kind: evidence.FindingItem},
				{Kind: evidence.SettingsItem, Body: settings},
				answer("cloudtrail_management", "", evidence.Collected, []string{"event.recorded"}, []string{"event_time", "api", "session_name", "session_created"},
					cells("2025-09-09T04:20:05Z", "ListUsers", "sato@example.co.jp", "2025-09-09T04:08:05Z")),
				answer("signin", "", evidence.Collected, []string{"signin.total"}, columns, rows...),
			}
			for i := range items {
				items[i].ID = evidence.ID(fmt.Sprintf("E%d", i+1))
			}
			facts, err := Derive(f, evidence.NewSet(items))
			if err != nil {
				t.Fatal(err)
			}
			got := "unknown"
			if n := facts.Get("baseline.new_asn", ""); n.State == Known {
				got = map[int64]string{0: "seen", 1: "new"}[n.Value.Num]
			}
			if got != tt.asn {
				t.Errorf("the ASN is %s, want %s", got, tt.asn)
			}
			m := facts.Get("identity.match", "").Value
			if s := fmt.Sprintf("%d/%d", m.Num, m.Den); s != tt.match {
				t.Errorf("identity matches in %s, want %s", s, tt.match)
			}
			if n := facts.Get("baseline.seen_country", "").Value.Num; n != tt.country {
				t.Errorf("the country was seen %d times, want %d", n, tt.country)
			}
			if n := facts.Get("signin.total", "").Value.Num; n != int64(len(rows)) {
				t.Errorf("%d sign-ins are told, want all %d", n, len(rows))
			}
		})
	}
}
