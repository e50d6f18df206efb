package fact_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

var seen = time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)

// machineFinding is an instance that was tried from 198.51.100.7.
func machineFinding(t *testing.T, doc string) finding.Finding {
	t.Helper()
	fs, err := finding.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return fs[0]
}

const bruteForce = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"UnauthorizedAccess:EC2/SSHBruteForce","severity":2,
"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0123456789abcdef0","networkInterfaces":[{"networkInterfaceId":"eni-0123456789abcdef0","privateIpAddress":"10.0.0.5","publicIp":"203.0.113.5"}]}},
"service":{"resourceRole":"TARGET","count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z","action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"INBOUND","remoteIpDetails":{"ipAddressV4":"198.51.100.7"}}}}}`

// answered is an answer to a question whose log was collected, or was not.
func answered(id, question, subject, answers string, whole bool, columns []string, rows ...evidence.Row) evidence.Item {
	w := query.Window{From: seen.Add(-time.Hour), To: seen.Add(24 * time.Hour)}
	it := evidence.Item{
		ID: evidence.ID(id), Kind: evidence.AnswerItem, Question: question, Subject: subject, Answers: []string{answers},
		Scope: query.Scope{Kind: "vpc_flow", Window: w}, Ask: query.Query{Dataset: query.VPCFlow, Window: w},
		Coverage: []evidence.Coverage{{Window: w, State: evidence.Unknown}}, Answer: evidence.Answer{Outcome: evidence.Empty, Columns: columns, Rows: rows},
	}
	if whole {
		it.Coverage[0].State = evidence.Collected
	}
	if len(rows) > 0 {
		it.Answer.Outcome = evidence.Found
	}
	return it
}

func derived(t *testing.T, f finding.Finding, st fact.Settings, items ...evidence.Item) fact.Facts {
	t.Helper()
	body, err := fact.EncodeSettings(st, nil)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := fact.Derive(f, evidence.NewSet(append([]evidence.Item{{ID: "E1", Kind: evidence.FindingItem}, {ID: "E2", Kind: evidence.SettingsItem, Body: body}}, items...)))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func flow(from, to, action string, n, bytes int64, first, last time.Duration) evidence.Row {
	return evidence.Row{query.IPOf(from), query.IPOf(to), query.TextOf(action), query.IntOf(n), query.IntOf(bytes), query.IntOf(bytes), query.TimeOf(seen.Add(first)), query.TimeOf(seen.Add(last))}
}

var flowColumns = []string{"source_ip", "dest_ip", "action", "n", "bytes", "largest", "first", "last"}

// Flows are told apart by action and direction; that none was accepted is said of a whole log only.
func TestFlowsWithThePeer(t *testing.T) {
	f := machineFinding(t, bruteForce)
	refused := flow("198.51.100.7", "10.0.0.5", "REJECT", 40, 2400, 0, time.Minute)
	let := flow("198.51.100.7", "10.0.0.5", "ACCEPT", 3, 250000, 2*time.Minute, 9*time.Minute)
	back := flow("10.0.0.5", "198.51.100.7", "ACCEPT", 3, 900000, 2*time.Minute, 9*time.Minute)
	for name, c := range map[string]struct {
		whole bool
		rows  []evidence.Row
		want  map[fact.Key]string
	}{
		"all refused":               {true, []evidence.Row{refused}, map[fact.Key]string{"network.refused": "1", "network.flows_accepted": "0", "network.flows_rejected": "40", "event.recorded": "1"}},
		"refused, in a partial log": {false, []evidence.Row{refused}, map[fact.Key]string{"network.refused": "?", "network.flows_accepted": "?", "event.recorded": "1"}},
		"let in":                    {true, []evidence.Row{refused, let, back}, map[fact.Key]string{"network.refused": "0", "network.accepted_after_refusals": "1", "network.bytes_in": "250000", "network.bytes_out": "900000", "network.largest_flow": "900000"}},
		"nothing in a whole log":    {true, nil, map[fact.Key]string{"network.flows": "0", "event.recorded": "0", "network.refused": "-"}},
		"nothing, and no log":       {false, nil, map[fact.Key]string{"network.flows": "?", "event.recorded": "?"}},
	} {
		facts := derived(t, f, fact.Settings{}, answered("E3", "flows", "", "network.*", c.whole, flowColumns, c.rows...))
		holds(t, name, facts, c.want)
	}
}

// holds compares facts: a number, "?" for what cannot be known, "-" for what does not arise.
func holds(t *testing.T, name string, facts fact.Facts, want map[fact.Key]string) {
	t.Helper()
	for key, w := range want {
		f := facts.Get(key, "")
		got := map[fact.State]string{fact.Unknown: "?", fact.NotApplicable: "-"}[f.State]
		if got == "" {
			got = query.IntOf(f.Value.Num).String()
		}
		if got != w {
			t.Errorf("%s: %s = %s; want %s (%v)", name, key, got, w, f.Gap)
		}
	}
}

// The role is used from elsewhere where the address is not the instance's, no NAT and not earlier
// seen; a refused call is no use.
func TestRoleUseFromElsewhere(t *testing.T) {
	f := machineFinding(t, bruteForce)
	columns := []string{"event_time", "api", "source_ip", "error_code"}
	call := func(ip, code string) evidence.Row {
		r := evidence.Row{query.TimeOf(seen.Add(time.Minute)), query.TextOf("ListBuckets"), query.IPOf(ip), {}}
		if code != "" {
			r[3] = query.TextOf(code)
		}
		return r
	}
	st := fact.Settings{Networks: []fact.Network{{Name: "nat", CIDR: "203.0.113.64/26", Kind: "nat"}}}
	use := answered("E3", "role-use", "session", "activity.*", true, columns,
		call("203.0.113.5", ""), call("203.0.113.70", ""), call("192.0.2.9", ""), call("198.51.100.20", ""), call("198.51.100.7", "AccessDenied"))
	before := answered("E4", "role-earlier-addresses", "", "role.earlier_addresses", true, []string{"source_ip"}, evidence.Row{query.IPOf("192.0.2.9")})
	holds(t, "one stranger", derived(t, f, st, use, before), map[fact.Key]string{"role.calls_elsewhere": "1"})
	f.Resource.Instance.PublicIPs = nil
	holds(t, "nothing says where it lives", derived(t, f, st, use), map[fact.Key]string{"role.calls_elsewhere": "?"})
	f.Type, f.Resource.Type = "Discovery:S3/AnomalousBehavior", "S3Bucket"
	holds(t, "another family", derived(t, f, st, use), map[fact.Key]string{"role.calls_elsewhere": "-"})
}

// A login after ten failures is one after failures; a login without a code is neither.
func TestLoginAfterFailures(t *testing.T) {
	f := machineFinding(t, `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"CredentialAccess:RDS/AnomalousBehavior.SuccessfulBruteForce","severity":8,
"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"RDSDBInstance","rdsDbInstanceDetails":{"dbInstanceIdentifier":"orders"},"rdsDbUserDetails":{"user":"app"}},
"service":{"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z","action":{"actionType":"RDS_LOGIN_ATTEMPT","rdsLoginAttemptAction":{"remoteIpDetails":{"ipAddressV4":"198.51.100.7"},"loginAttributes":[{"user":"app","failedLoginAttempts":12,"successfulLoginAttempts":1}]}}}}`)
	columns := []string{"event_time", "operation", "return_code"}
	row := func(minute int, op string, code query.Value) evidence.Row {
		return evidence.Row{query.TimeOf(seen.Add(time.Duration(minute) * time.Minute)), query.TextOf(op), code}
	}
	var failed []evidence.Row
	for i := range 10 {
		failed = append(failed, row(i, "FAILED_CONNECT", query.IntOf(1045)))
	}
	audit := func(whole bool, rows ...evidence.Row) evidence.Item {
		return answered("E3", "database-logins", "", "rds.*", whole, columns, rows...)
	}
	in, untold := row(30, "CONNECT", query.IntOf(0)), row(30, "CONNECT", query.Value{})
	holds(t, "in at last", derived(t, f, fact.Settings{}, audit(true, append(failed, in)...)), map[fact.Key]string{"rds.success_after_failures": "1", "rds.audit_failed": "10", "rds.audit_connects": "1", "rds.failed_logins": "12"})
	holds(t, "never", derived(t, f, fact.Settings{}, audit(true, append(failed[:10:10], untold)...)), map[fact.Key]string{"rds.success_after_failures": "0", "rds.audit_connects": "0"})
	holds(t, "never, in a partial log", derived(t, f, fact.Settings{}, audit(false, failed...)), map[fact.Key]string{"rds.success_after_failures": "?", "event.recorded": "1"})
}

// Only the published hash makes a threat the test file; its name alone does not.
func TestOnlyTheTestFile(t *testing.T) {
	f := finding.Finding{Type: "Execution:EC2/MaliciousFile"}
	file := finding.ThreatFile{Path: "/tmp/eicar.com", Hash: "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}
	for want, threats := range map[string][]finding.Threat{
		"1": {{Name: "EICAR-Test-File (not a virus)", Files: []finding.ThreatFile{file}}},
		"0": {{Name: "EICAR-Test-File (not a virus)", Files: []finding.ThreatFile{file, {Path: "/tmp/x", Hash: "00"}}}},
		"?": nil,
	} {
		f.Scan.Threats = threats
		holds(t, "threats", derived(t, f, fact.Settings{}), map[fact.Key]string{"malware.test_file_only": want, "event.recorded": "1"})
	}
}

// A port that Security Hub calls high-risk counts where it is reached from a public address.
func TestHighRiskPorts(t *testing.T) {
	for doc, want := range map[string]string{
		strings.Replace(bruteForce, `"INBOUND",`, `"INBOUND","localPortDetails":{"port":22},`, 1):                                                   "true",
		strings.Replace(bruteForce, `"INBOUND",`, `"INBOUND","localPortDetails":{"port":443},`, 1):                                                  "false",
		strings.Replace(strings.Replace(bruteForce, `"INBOUND",`, `"INBOUND","localPortDetails":{"port":22},`, 1), "198.51.100.7", "10.9.0.7", 1):   "false",
		strings.Replace(strings.Replace(bruteForce, `"INBOUND",`, `"INBOUND","localPortDetails":{"port":22},`, 1), "198.51.100.7", "100.64.0.7", 1): "false",
		strings.Replace(bruteForce, `"INBOUND",`, `"OUTBOUND","localPortDetails":{"port":22},`, 1):                                                  "does not arise",
	} {
		f := derived(t, machineFinding(t, doc), fact.Settings{}).Get("network.high_risk_port", "")
		got := "does not arise"
		if f.State == fact.Known {
			got = strconv.FormatBool(f.Value.Num == 1)
		}
		if got != want {
			t.Errorf("%s is %s, want %s", doc, got, want)
		}
	}
}
