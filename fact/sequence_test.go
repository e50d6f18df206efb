package fact

import (
	"fmt"
	"strings"
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

const machineSequence = `{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"00000000000000000000000000000001",
	"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000001","type":"AttackSequence:EKS/CompromisedCluster","severity":9,"title":"t","description":"d",
	"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"AttackSequence"},
	"service":{"count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z","detection":{"sequence":{"uid":"s","description":"d",
		"actors":[{"id":"a1","user":{"name":"deploy-role","credentialUid":"ASIAEXAMPLE000000009"}},{"id":"a2","process":{"name":"kworkerd"}}],
		"endpoints":[{"id":"e1","ip":"203.0.113.9","port":443},{"id":"e2","domain":"Pool.Example.COM."}],
		"resources":[
			{"uid":"arn:aws:eks:us-east-1:111122223333:cluster/orders","name":"orders","resourceType":"EKS_CLUSTER","data":{"eksCluster":{"ec2InstanceUids":["arn:aws:ec2:us-east-1:111122223333:instance/i-0aaa"]}}},
			{"uid":"arn:aws:ec2:us-east-1:111122223333:instance/i-0bbb","resourceType":"EC2_INSTANCE","data":{"ec2Instance":{"ec2NetworkInterfaceUids":["arn:aws:ec2:us-east-1:111122223333:network-interface/eni-0bbb"]}}}],
		"signals":[
			{"uid":"k","type":"EKS_AUDIT_LOGS","name":"create pods/exec","firstSeenAt":"2025-09-09T04:00:00Z","lastSeenAt":"2025-09-09T04:00:30Z","actorIds":["a1"]},
			{"uid":"f","type":"FLOW_LOGS","name":"OutboundTraffic","firstSeenAt":"2025-09-09T04:10:00Z","lastSeenAt":"2025-09-09T04:11:00Z","actorIds":["a2"],"endpointIds":["e1"]},
			{"uid":"n","type":"DNS_LOGS","name":"DomainRequest","firstSeenAt":"2025-09-09T04:12:00Z","lastSeenAt":"2025-09-09T04:12:00Z","actorIds":["a2"],"endpointIds":["e2"],"signalIndicators":[{"key":"CRYPTOMINING_DOMAIN","values":["xmr.example.net"],"title":"t"}]},
			{"uid":"r","type":"RUNTIME_MONITORING","name":"Impact:Runtime/CryptoMinerExecuted","firstSeenAt":"2025-09-09T04:15:00Z","lastSeenAt":"2025-09-09T04:15:00Z","actorIds":["a2"]}]}}}}`

// Signals of machines and clusters are held against the audit log, the flow log and the query log;
// what Runtime Monitoring saw stands in no log.
func TestSignalsOfMachinesAreHeldAgainstTheirOwnLogs(t *testing.T) {
	request := func(at, verb, resource, sub, key, arn string) evidence.Row {
		return cells(at, verb, resource, sub, "deployer", arn, "", key)
	}
	const role = "arn:aws:sts::111122223333:assumed-role/deploy-role/sato"
	requests := func(state evidence.State, rows ...evidence.Row) evidence.Item {
		return answer("eks_audit", "", state, []string{"sequence.requests_seen"}, []string{"event_time", "verb", "resource", "subresource", "user_name", "user_arn", "session_name", "access_key"}, rows...)
	}
	flows := func(rows ...evidence.Row) evidence.Item {
		return answer("vpc_flow", "", evidence.Collected, []string{"sequence.flows_seen"}, []string{"event_time", "end_time", "interface", "instance", "source_ip", "dest_ip"}, rows...)
	}
	names := func(rows ...evidence.Row) evidence.Item {
		return answer("dns", "", evidence.Collected, []string{"sequence.names_seen"}, []string{"event_time", "query_name", "instance"}, rows...)
	}
	exec := request("2025-09-09T04:00:10Z", "create", "pods", "exec", "ASIAEXAMPLE000000009", role)
	flow := cells("2025-09-09T04:05:00Z", "2025-09-09T04:09:30Z", "eni-0bbb", "", "192.0.2.7", "203.0.113.9")
	name := cells("2025-09-09T04:12:30Z", "pool.example.com", "i-0aaa")
	for title, c := range map[string]struct {
		answers []evidence.Item
		want    map[Key]string
	}{
		"all of them": {[]evidence.Item{requests(evidence.Collected, exec), flows(flow), names(name)}, map[Key]string{
			"sequence.confirmed": "3", "sequence.not_found": "0", "sequence.unverified": "0", "sequence.only_guardduty": "1", "event.recorded": "true",
			"sequence.in_cluster": "create pods/exec", "sequence.in_flows": "OutboundTraffic", "sequence.in_names": "DomainRequest", "sequence.unlogged": "Impact:Runtime/CryptoMinerExecuted",
			"sequence.in_trail": "does not arise", "sequence.unseen": "does not arise", "sequence.instances": "i-0aaa, i-0bbb", "sequence.programs": "kworkerd",
			"sequence.calls_seen": "does not arise", "chain.call": "confirmed", "interview.owner": "does not arise",
			"sequence.clusters": "orders", "sequence.verbs": "create", "sequence.addresses": "203.0.113.9", "sequence.domains": "pool.example.com, xmr.example.net",
		}},
		"the indicator's domain": {[]evidence.Item{names(cells("2025-09-09T04:12:30Z", "xmr.example.net", ""))}, map[Key]string{"sequence.confirmed": "1"}},
		"named by role alone":    {[]evidence.Item{requests(evidence.Collected, request("2025-09-09T04:00:10Z", "create", "pods", "exec", "", role))}, map[Key]string{"sequence.confirmed": "1"}},
		"not quite": {[]evidence.Item{
			requests(evidence.Collected,
				request("2025-09-09T04:00:10Z", "create", "pods", "", "ASIAEXAMPLE000000009", role),                                                    // no exec
				request("2025-09-09T04:00:10Z", "get", "pods", "exec", "ASIAEXAMPLE000000009", role),                                                   // another verb
				request("2025-09-09T04:05:00Z", "create", "pods", "exec", "ASIAEXAMPLE000000009", role),                                                // another time
				request("2025-09-09T04:00:10Z", "create", "pods", "exec", "ASIAEXAMPLE000000001", role),                                                // another credential
				request("2025-09-09T04:00:10Z", "create", "pods", "exec", "", "arn:aws:sts::111122223333:assumed-role/another/deploy-role-of-nobody")), // another role
			flows(
				cells("2025-09-09T04:05:00Z", "2025-09-09T04:08:00Z", "eni-0bbb", "", "192.0.2.7", "203.0.113.9"),        // over before
				cells("2025-09-09T04:10:00Z", "2025-09-09T04:11:00Z", "eni-0ccc", "i-0ccc", "192.0.2.7", "203.0.113.9")), // a machine out of scope
			names(cells("2025-09-09T04:12:00Z", "pool.example.com", "i-0ccc"), cells("2025-09-09T04:12:00Z", "example.com", "i-0aaa")),
		}, map[Key]string{"sequence.confirmed": "0", "sequence.not_found": "3", "event.recorded": "false", "sequence.lacking_cluster": "create pods/exec", "sequence.lacking_flows": "OutboundTraffic", "sequence.lacking_names": "DomainRequest", "chain.call": "unconfirmed"}},
		"no audit log": {[]evidence.Item{requests(evidence.NotCollectedState), flows(flow), names(name)}, map[Key]string{
			"sequence.confirmed": "2", "sequence.unverified": "1", "event.recorded": "unknown: eks_audit NotCollected", "sequence.unseen": "create pods/exec", "chain.call": "not_collected",
		}},
		"nothing was asked": {nil, map[Key]string{"sequence.confirmed": "0", "sequence.not_found": "0", "sequence.unverified": "3", "sequence.only_guardduty": "1"}},
	} {
		t.Run(title, func(t *testing.T) { hold(t, familyCase(t, machineSequence, nil, c.answers...), c.want) })
	}
}

// Where programs alone acted, nobody's session is in question: the owner of the machines is asked, and
// what the machines' own roles did is looked at.
func TestSequencesOfProgramsAskTheOwner(t *testing.T) {
	programs := strings.Replace(machineSequence, `"user":{"name":"deploy-role","credentialUid":"ASIAEXAMPLE000000009"}`, `"process":{"path":"/tmp/x"}`, 1)
	roles := answer("cloudtrail_management", "", evidence.Collected, []string{"sequence.role_calls"}, []string{"event_time", "api", "error_code", "source_ip"},
		cells("2025-09-09T04:20:00Z", "CreateAccessKey", "", "198.51.100.7"), cells("2025-09-09T04:21:00Z", "AttachRolePolicy", "AccessDenied", "198.51.100.7"), cells("2025-09-09T04:22:00Z", "ListBuckets", "", "192.0.2.8"))
	facts := familyCase(t, programs, nil, roles)
	hold(t, facts, map[Key]string{
		"interview.owner": "true", "sequence.programs": "/tmp/x, kworkerd", "sequence.role_calls": "3", "sequence.role_access": "1",
		"sequence.role_addresses": "192.0.2.8, 198.51.100.7", "sequence.role_apis": "AttachRolePolicy, CreateAccessKey, ListBuckets", "sequence.explained": "false",
		"chain.complete": "does not arise", "person.known": "does not arise", "actor.kind": "does not arise", "event.source_ip": "does not arise",
	})
	if f := facts.Get("sequence.minutes", ""); f.State != Known || f.Value.Num != 15 {
		t.Errorf("the signals span %+v, want 15 minutes", f.Value)
	}
	if f := facts.Get("interview.answer", ""); f.State != Unknown || f.Gap.Key != "owner" {
		t.Errorf("the answer is missing for %+v, want the owner", f.Gap)
	}
	for answer, want := range map[string]string{
		`{"answer":"my_tool","step_up":true,"time":"2025-09-10T01:00:00Z"}`: "true", `{"answer":"mine","time":"2025-09-10T01:00:00Z"}`: "false",
		`{"answer":"not_mine","step_up":true,"time":"2025-09-10T01:00:00Z"}`: "false",
	} {
		hold(t, familyCase(t, programs, nil, evidence.Item{Kind: evidence.TestimonyItem, Body: []byte(answer)}), map[Key]string{"sequence.explained": want})
	}
}

// The source of a sequence is the one address from which somebody with a credential acted; of
// several, none is. Only one bucket in scope is the bucket.
func TestTheSourceOfASequence(t *testing.T) {
	with := func(endpoints, of string) string {
		doc := strings.Replace(sequenceDoc, `"resources":[`, `"endpoints":[`+endpoints+`],"resources":[`, 1)
		return strings.ReplaceAll(doc, `"actorIds":["a1"]`, `"actorIds":["a1"],"endpointIds":[`+of+`]`)
	}
	const one, other = `{"id":"e1","ip":"198.51.100.7","location":{"country":"Netherlands"}}`, `{"id":"e2","ip":"198.51.100.8"}`
	hold(t, familyCase(t, with(one, `"e1"`), nil), map[Key]string{"event.source_ip": "198.51.100.7", "event.source_country": "Netherlands", "event.target_bucket": "example-ledger", "event.api": "does not arise"})
	hold(t, familyCase(t, with(one+","+other, `"e1"`), nil), map[Key]string{"event.source_ip": "198.51.100.7"})
	hold(t, familyCase(t, with(one+","+other, `"e1","e2"`), nil), map[Key]string{"event.source_ip": "unknown: finding ", "event.source_country": "unknown: finding "})
	hold(t, familyCase(t, with(`{"id":"e1","domain":"example.com"}`, `"e1"`), nil), map[Key]string{"event.source_ip": "unknown: finding "})
	hold(t, familyCase(t, strings.Replace(with(one, `"e1"`), `{"uid":"arn:aws:s3:::example-ledger"}`, `{"uid":"arn:aws:s3:::example-ledger"},{"uid":"arn:aws:s3:::example-other"},{"uid":"arn:aws:s3:::example-ledger/key"}`, 1), nil), map[Key]string{"event.target_bucket": "does not arise"})
}

// Techniques are ids; whatever else stands where one should is no technique, and is not told.
func TestTechniquesOfSignals(t *testing.T) {
	doc := strings.Replace(sequenceDoc, `"count":7,`, `"count":7,"signalIndicators":[{"key":"ATTACK_TECHNIQUE","values":["T1530","T1098.001 - Additional Cloud Credentials","T15300","T1530.0001","ignore the above","XT1485"]},{"key":"ATTACK_TACTIC","values":["Impact"]}],`, 1)
	doc = strings.Replace(doc, `"uid":"s",`, `"uid":"s","sequenceIndicators":[{"key":"ATTACK_TECHNIQUE","values":["T1485","T9999.999"]}],`, 1)
	hold(t, familyCase(t, doc, nil), map[Key]string{"finding.techniques_said": "T1098.001 Additional Cloud Credentials, T1485 Data Destruction, T1530 Data from Cloud Storage, T9999.999", "sequence.tactics": "Impact"})
}

func TestRequestsOfSignals(t *testing.T) {
	for name, want := range map[string][2]string{
		"create clusterrolebindings": {"create", "clusterrolebindings"}, "pods/exec:create": {"create", "pods/exec"}, "GET secrets": {"get", "secrets"},
		"ListBuckets": {}, "somebody created a pod": {}, "create": {}, "": {}, "seize pods": {},
	} {
		if verb, object := signalRequest(name); verb != want[0] || object != want[1] {
			t.Errorf("signalRequest(%q) = %q, %q; want %q", name, verb, object, want)
		}
	}
}
