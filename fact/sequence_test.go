package fact

import (
	"fmt"
	"testing"
	"time"

	"uratori/calendar"
	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

// familyCase are the facts of a finding and the answers to questions about it.
func familyCase(t *testing.T, doc string, others []string, answers ...evidence.Item) Facts {
	t.Helper()
	read := func(doc string) finding.Finding {
		fs, err := finding.Parse([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		return fs[0]
	}
	var rest []finding.Finding
	for _, o := range others {
		rest = append(rest, read(o))
	}
	settings, err := EncodeSettings(Settings{Calendar: calendar.Config{Zone: "Asia/Tokyo"}}, rest)
	if err != nil {
		t.Fatal(err)
	}
	f := read(doc)
	items := append([]evidence.Item{{Kind: evidence.FindingItem, Body: f.Raw()}, {Kind: evidence.SettingsItem, Body: settings}}, answers...)
	for i := range items {
		items[i].ID = evidence.ID(fmt.Sprintf("E%d", i+1))
	}
	facts, err := Derive(f, evidence.NewSet(items))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// answer is what a question found in a log in that state of coverage.
func answer(kind, subject string, state evidence.State, answers, cols []string, rows ...evidence.Row) evidence.Item {
	out := evidence.Found
	if len(rows) == 0 {
		out = evidence.Empty
	}
	return evidence.Item{
		Kind: evidence.AnswerItem, Question: answers[0], Subject: subject, Answers: answers, Scope: query.Scope{Kind: kind},
		Coverage: []evidence.Coverage{{State: state}}, Answer: evidence.Answer{Outcome: out, Columns: cols, Rows: rows},
	}
}

// cells are a row: times as RFC 3339, numbers, and texts; an empty text is missing.
func cells(list ...any) (row evidence.Row) {
	for _, c := range list {
		switch c := c.(type) {
		case int:
			row = append(row, query.IntOf(int64(c)))
		case string:
			if at, err := time.Parse(time.RFC3339, c); err == nil {
				row = append(row, query.TimeOf(at))
			} else if c == "" {
				row = append(row, query.Value{})
			} else {
				row = append(row, query.TextOf(c))
			}
		}
	}
	return row
}

func hold(t *testing.T, facts Facts, want map[Key]string) {
	t.Helper()
	for key, w := range want {
		if got := show(facts.Get(key, "")); got != w {
			t.Errorf("%s = %s; want %s", key, got, w)
		}
	}
}

const sequenceDoc = `{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"00000000000000000000000000000001",
	"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000001","type":"AttackSequence:IAM/CompromisedCredentials","severity":9,"title":"t","description":"d",
	"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"AttackSequence"},
	"service":{"count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z","detection":{"sequence":{"uid":"s","description":"d",
		"actors":[{"id":"a1","user":{"name":"batch","credentialUid":"AKIAEXAMPLE000000009"},"session":{"uid":"x1"}}],
		"resources":[{"uid":"arn:aws:ec2:eu-west-1:111122223333:instance/i-1"},{"uid":"arn:aws:s3:::example-ledger"}],
		"signals":[
			{"uid":"c3","type":"S3_DATA_EVENTS","name":"s3:GetObject","firstSeenAt":"2025-09-09T04:20:00Z","lastSeenAt":"2025-09-09T04:30:00Z","count":7,"actorIds":["a1"]},
			{"uid":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000002","type":"FINDING","name":"Recon","firstSeenAt":"2025-09-09T04:05:00Z","lastSeenAt":"2025-09-09T04:05:00Z","count":1,"actorIds":["a1"]},
			{"uid":"c1","type":"CLOUD_TRAIL","name":"CreateAccessKey","firstSeenAt":"2025-09-09T04:00:00Z","lastSeenAt":"2025-09-09T04:00:00Z","count":1,"actorIds":["a1"]},
			{"uid":"c2","type":"CLOUD_TRAIL","name":"cloudtrail:StopLogging","firstSeenAt":"2025-09-09T04:10:00Z","lastSeenAt":"2025-09-09T04:10:00Z","count":1,"actorIds":["a1"]}]}}}}`

const memberDoc = `{"schemaVersion":"2.0","accountId":"111122223333","region":"%s","partition":"aws","id":"00000000000000000000000000000002",
	"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000002","type":"Recon:IAMUser/MaliciousIPCaller","severity":5,"title":"t","description":"d",
	"createdAt":"2025-09-09T04:06:00Z","updatedAt":"2025-09-09T04:06:00Z","resource":{"resourceType":"AccessKey"},"service":{"count":1}}`

var signalColumns = []string{"event_time", "api", "access_key", "user_name", "session_issuer_name"}

func signalCalls(state evidence.State, rows ...evidence.Row) evidence.Item {
	return answer("cloudtrail_management", "", state, []string{"sequence.calls_seen"}, signalColumns, rows...)
}

// Each signal is confirmed by its own log alone: the record of its API, at its time, by its credential.
func TestSignalsAreHeldAgainstTheirOwnLogs(t *testing.T) {
	key := cells("2025-09-09T04:00:20Z", "CreateAccessKey", "AKIAEXAMPLE000000009", "batch", "")
	stop := cells("2025-09-09T04:10:00Z", "StopLogging", "AKIAEXAMPLE000000009", "batch", "")
	read := answer("s3_data", "", evidence.Collected, []string{"sequence.data_calls_seen"}, signalColumns, cells("2025-09-09T04:25:00Z", "GetObject", "AKIAEXAMPLE000000009", "batch", ""))
	member := fmt.Sprintf(memberDoc, "us-east-1")
	for name, c := range map[string]struct {
		others  []string
		answers []evidence.Item
		want    map[Key]string
	}{
		"all of them": {[]string{member}, []evidence.Item{signalCalls(evidence.Collected, key, stop), read}, map[Key]string{
			"sequence.signals": "4", "sequence.confirmed": "3", "sequence.findings_given": "1", "sequence.not_found": "0", "sequence.unverified": "0",
			"event.recorded": "true", "sequence.entry": "CreateAccessKey", "sequence.end": "s3:GetObject", "sequence.common_actor": "true", "sequence.common_session": "true",
			"sequence.regions": "eu-west-1", "sequence.apis": "CreateAccessKey, StopLogging", "sequence.data_apis": "GetObject", "sequence.actors": "batch",
			"sequence.first": "2025-09-09T04:00:00Z", "sequence.last": "2025-09-09T04:30:00Z", "actor.key_kind": "long_term",
		}},
		"another credential, another time": {
			[]string{member},
			[]evidence.Item{signalCalls(evidence.Collected,
				cells("2025-09-09T04:00:00Z", "CreateAccessKey", "AKIAEXAMPLE000000001", "batch", ""), cells("2025-09-09T04:12:00Z", "StopLogging", "AKIAEXAMPLE000000009", "batch", "")), read},
			map[Key]string{"sequence.confirmed": "1", "sequence.not_found": "2", "event.recorded": "false"},
		},
		"nobody records data events": {
			[]string{member},
			[]evidence.Item{
				signalCalls(evidence.Collected, key, stop),
				answer("s3_data", "", evidence.NotCollectedState, []string{"sequence.data_calls_seen"}, signalColumns),
			},
			map[Key]string{"sequence.confirmed": "2", "sequence.not_found": "0", "sequence.unverified": "1", "event.recorded": "unknown: s3_data NotCollected"},
		},
		"the member finding was not given": {
			nil,
			[]evidence.Item{signalCalls(evidence.Collected, key, stop), read},
			map[Key]string{"sequence.confirmed": "3", "sequence.findings_given": "0", "sequence.unverified": "1"},
		},
		"a member finding of another Region": {
			[]string{fmt.Sprintf(memberDoc, "ap-northeast-1")},
			nil,
			map[Key]string{"sequence.regions": "ap-northeast-1, eu-west-1", "sequence.confirmed": "0", "sequence.unverified": "3"},
		},
	} {
		t.Run(name, func(t *testing.T) { hold(t, familyCase(t, sequenceDoc, c.others, c.answers...), c.want) })
	}
}

// A signal may name its API after the service; free text and finding types are no APIs.
func TestAPIsOfSignals(t *testing.T) {
	for name, want := range map[string]string{
		"GetObject": "GetObject", "s3:GetObject": "GetObject", "s3.amazonaws.com.GetObject": "GetObject",
		"a sentence about GetObject": "", "Recon:IAMUser/TorIPCaller": "", "": "",
	} {
		if got := signalAPI(name); got != want {
			t.Errorf("signalAPI(%q) = %q; want %q", name, got, want)
		}
	}
}
