package fact

import (
	"fmt"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

// The event came from 203.0.113.7 (AS64500) at 2025-09-09 04:20:05 in UTC.
func pastCase(t *testing.T, addresses map[string]int64, networks []evidence.Network) Facts {
	t.Helper()
	fs, err := finding.Parse([]byte(`{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"0123456789abcdef0123456789abcdef",
		"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f","type":"Discovery:S3/AnomalousBehavior","severity":2,"title":"t","description":"d",
		"createdAt":"2025-09-09T04:29:43Z","updatedAt":"2025-09-09T04:29:43Z",
		"resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"AKIAEXAMPLE000000009","principalId":"P","userType":"IAMUser","userName":"batch"}},
		"service":{"count":1,"eventFirstSeen":"2025-09-09T04:20:05Z","eventLastSeen":"2025-09-09T04:20:05Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"ListObjects","serviceName":"s3.amazonaws.com",
		"remoteIpDetails":{"ipAddressV4":"203.0.113.7","organization":{"asn":"64500"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	settings, err := EncodeSettings(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := query.TimeOf(time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC))
	past := evidence.Item{
		Kind: evidence.AnswerItem, Question: "earlier-addresses", Answers: []string{"baseline.seen_ip"}, Scope: query.Scope{Kind: "cloudtrail_management"},
		Coverage: []evidence.Coverage{{State: evidence.Collected}},
		Answer:   evidence.Answer{Outcome: evidence.Found, Columns: []string{"source_ip", "n", "first", "last"}},
	}
	for ip, n := range addresses {
		past.Answer.Rows = append(past.Answer.Rows, evidence.Row{query.IPOf(ip), query.IntOf(n), at, at})
	}
	items := []evidence.Item{{Kind: evidence.FindingItem, Body: fs[0].Raw()}, {Kind: evidence.SettingsItem, Body: settings}, past}
	if networks != nil {
		b := evidence.Body{Kind: evidence.LookNetworks, Networks: networks, Parts: []evidence.Part{{Name: "database:asn", Outcome: evidence.Found}}}
		items = append(items, evidence.Item{
			Kind: evidence.LookupItem, Answers: []string{"baseline.seen_asn"}, Scope: query.Scope{Kind: string(b.Kind)}, Answer: evidence.Answer{Outcome: evidence.Found}, Body: b.Encode(),
		})
	}
	for i := range items {
		items[i].ID = evidence.ID(fmt.Sprintf("E%d", i+1))
	}
	facts, err := Derive(fs[0], evidence.NewSet(items))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestTheNetworkGoesBeforeTheAddress(t *testing.T) {
	home := evidence.Network{IP: "203.0.113.7", ASN: "64500"}
	for name, tt := range map[string]struct {
		addresses     map[string]int64
		networks      []evidence.Network
		ip, asn, both string // new, seen, unknown
	}{
		"an address seen before":             {map[string]int64{"203.0.113.7": 12}, nil, "seen", "unknown", "seen"},
		"no database":                        {map[string]int64{"203.0.113.8": 12}, nil, "new", "unknown", "new"},
		"another address of the same net":    {map[string]int64{"203.0.113.8": 12}, []evidence.Network{home, {IP: "203.0.113.8", ASN: "64500"}}, "new", "seen", "seen"},
		"another network":                    {map[string]int64{"198.51.100.8": 12}, []evidence.Network{home, {IP: "198.51.100.8", ASN: "64501"}}, "new", "new", "seen"},
		"another network, too few to say":    {map[string]int64{"198.51.100.8": 9}, []evidence.Network{home, {IP: "198.51.100.8", ASN: "64501"}}, "unknown", "unknown", "unknown"},
		"two addresses of one /64":           {map[string]int64{"2001:db8::1": 6, "2001:db8::2": 6}, []evidence.Network{home, {IP: "2001:db8::", ASN: "64500"}}, "new", "seen", "seen"},
		"an address the database leaves out": {map[string]int64{"198.51.100.8": 12}, []evidence.Network{{IP: "203.0.113.7"}}, "new", "unknown", "new"},
	} {
		facts := pastCase(t, tt.addresses, tt.networks)
		for key, want := range map[Key]string{"baseline.new_ip": tt.ip, "baseline.new_asn": tt.asn, "baseline.new_address": tt.both} {
			got := "unknown"
			if f := facts.Get(key, ""); f.State == Known {
				got = map[int64]string{0: "seen", 1: "new"}[f.Value.Num]
			}
			if got != want {
				t.Errorf("%s: %s is %s; want %s", name, key, got, want)
			}
		}
	}
}
