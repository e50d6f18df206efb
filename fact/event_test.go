package fact_test

import (
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/query"
)

// rootCall is a finding of the root user's call; it names no key and no target.
const rootCall = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"Policy:IAMUser/RootCredentialUsage","severity":2,
"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"","principalId":"111122223333","userType":"Root","userName":"Root"}},
"service":{"count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"DescribeInstances","serviceName":"ec2.amazonaws.com"}}}}`

// The same call was made before, refused and from elsewhere: the finding's own event is the record
// that is nearest to its time.
func TestTheEventIsTheRecordNearestToTheFinding(t *testing.T) {
	at := time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)
	call := func(after time.Duration, code, ip, agent string) evidence.Row {
		row := evidence.Row{query.TimeOf(at.Add(after)), text("DescribeInstances"), text(code), query.IPOf(ip), text(agent), text("111122223333")}
		if code == "" {
			row[2] = query.Value{}
		}
		return row
	}
	event := answered("E3", "event-of-principal", "", "event.recorded", true, []string{"event_time", "api", "error_code", "source_ip", "user_agent", "principal_id"},
		call(-10*time.Minute, "AccessDenied", "198.51.100.9", "curl/8.5.0"),
		call(time.Second, "", "203.0.113.7", "aws-cli/2.17.9"),
		call(10*time.Minute, "AccessDenied", "198.51.100.10", "Boto3/1.34.100"))
	facts := derived(t, parsed(t, rootCall), fact.Settings{}, event)
	holdAll(t, facts, map[fact.Key]string{
		"event.recorded": "1", "event.succeeded": "1", "event.error_code": "-", "event.user_agent": "aws-cli/2.17.9",
		"event.target_resource": "-", // the user is who acted, not on what
		"chain.call":            "confirmed", "chain.assume_role": "not_applicable", "chain.complete": "1",
	})
	if from := facts.Get("event.user_agent", "").From; len(from) != 1 || from[0] != "E3#1" {
		t.Errorf("the user agent is from %v, want row 1 of E3 as the source has it", from)
	}
	if ip := facts.Get("event.source_ip", ""); ip.Value.Str != "203.0.113.7" {
		t.Errorf("the source is %q", ip.Value.Str)
	}
	if links := facts.Get("chain.links", "").Value.Rows; len(links) != 1 || !links[0][2].At.Equal(at.Add(time.Second)) {
		t.Errorf("the chain's call is %v, want that of %s", links, at.Add(time.Second))
	}
}

const (
	askedName = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"Backdoor:EC2/C&CActivity.B!DNS","severity":8,
"resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0123456789abcdef0"}},"service":{"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"DNS_REQUEST","dnsRequestAction":{"domain":"updates.example.com"}}}}`
	changedCode = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"Backdoor:Lambda/C&CActivity.B","severity":8,
"resource":{"resourceType":"Lambda","lambdaDetails":{"functionName":"order-webhook"}},"service":{"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"OUTBOUND","remoteIpDetails":{"ipAddressV4":"198.51.100.12"}}}}}`
)

// A query for a name comes from nowhere and nobody: what is asked of sources and credentials does not arise.
func TestANameHasNoSource(t *testing.T) {
	facts := derived(t, parsed(t, askedName), fact.Settings{})
	holdAll(t, facts, map[fact.Key]string{
		"event.source_ip": "-", "event.source_country": "-", "event.source_asn": "-", "actor.principal_id": "-",
		"related.candidate_count": "-", "related.other_principals_from_ip": "-",
	})
	for subject, want := range map[string]string{"credential": "-", "principal": "-", "session": "?"} {
		if got := shown(facts.Get("activity.total", subject)); got != want {
			t.Errorf("calls of the %s: %s, want %s", subject, got, want)
		}
	}
}

// Who changed a function is named by the end of the ARN, and the address that they had is held against
// the far end of the finding.
func TestAChangeFromTheFarEndIsCounted(t *testing.T) {
	change := func(at time.Duration, ip, code, arn string) evidence.Row {
		row := evidence.Row{query.TimeOf(seen.Add(at)), text("UpdateFunctionCode"), text(arn), query.IPOf(ip), text(code)}
		if code == "" {
			row[4] = query.Value{}
		}
		return row
	}
	const role = "arn:aws:sts::111122223333:assumed-role/"
	columns := []string{"event_time", "api", "user_arn", "source_ip", "error_code"}
	changes := answered("E3", "function-changes", "", "lambda.*", true, columns,
		change(-time.Hour, "192.0.2.30", "", role+"deploy-pipeline/deploy-pipeline"),
		change(-time.Minute, "198.51.100.12", "", role+"Engineer/nakamura.aoi@example.co.jp"),
		change(-time.Second, "198.51.100.12", "AccessDenied", "arn:aws:iam::111122223333:user/backup"))
	holdAll(t, derived(t, parsed(t, changedCode), fact.Settings{}, changes), map[fact.Key]string{
		"lambda.changes": "2", "lambda.changed_from_peer": "1", "lambda.last_changer": "nakamura.aoi@example.co.jp",
	})
	none := answered("E3", "function-changes", "", "lambda.*", true, columns, change(-time.Hour, "192.0.2.30", "", "arn:aws:iam::111122223333:root"))
	holdAll(t, derived(t, parsed(t, changedCode), fact.Settings{}, none), map[fact.Key]string{"lambda.changed_from_peer": "0", "lambda.last_changer": "root"})
}
