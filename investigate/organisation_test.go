package investigate_test

import (
	"fmt"
	"testing"

	"uratori/fact"
	"uratori/investigate/truthtest"
	"uratori/phrase"
	"uratori/scenario"
)

// A folder may hold the logs of a whole organisation: what is done in another account, from the
// same address and with the same API, is no fact about the account of the finding.
func TestOtherAccountsAreNotThisOne(t *testing.T) {
	s, err := scenario.Generate("b", 1)
	if err != nil {
		t.Fatal(err)
	}
	clean := enterAll(t, s, phrase.EN).run(t).Assessment.Facts()
	other := ""
	for i, call := range []struct{ source, name, params string }{
		{"cloudtrail.amazonaws.com", "StopLogging", `{"name": "org-data-trail"}`},
		{"s3.amazonaws.com", "GetObject", `{"bucketName": "elsewhere", "key": "x"}`},
	} {
		if i > 0 {
			other += ","
		}
		other += fmt.Sprintf(`{"eventVersion": "1.11", "eventTime": "2025-09-09T04:25:0%dZ", "eventSource": %q, "eventName": %q, "awsRegion": "ap-northeast-1",
			"sourceIPAddress": %q, "userAgent": "x", "requestParameters": %s, "eventID": "00000000-0000-4000-a000-00000000000%d", "readOnly": false,
			"recipientAccountId": "999988887777", "userIdentity": {"type": "AssumedRole", "principalId": "AROAOTHER:x", "arn": "arn:aws:sts::999988887777:assumed-role/other/x", "accountId": "999988887777", "accessKeyId": "ASIAOTHER0000000001"}}`,
			i, call.source, call.name, s.Truth.Facts["event.source_ip"], call.params, i)
	}
	s.Files["logs/trail-archive/other.json"] = []byte(`{"Records": [` + other + `]}`)
	s.Files["logs/cloudtrail-api/other.json"] = s.Files["logs/trail-archive/other.json"]
	facts := enterAll(t, s, phrase.EN).run(t).Assessment.Facts()
	for _, key := range []fact.Key{
		"activity.own_logging_changes", "activity.other_logging_changes", "related.other_principals_from_ip", "baseline.peers_same_api", "impact.trails_stopped",
	} {
		if got, want := facts.Get(key, ""), clean.Get(key, ""); truthtest.Plain(got) != truthtest.Plain(want) || got.State != want.State {
			t.Errorf("%s = %s with another account's calls, %s without", key, truthtest.Plain(got), truthtest.Plain(want))
		}
	}
}
