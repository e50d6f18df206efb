package investigate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/calendar"
	"uratori/config"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/phrase"
	"uratori/query"
	"uratori/source"
)

// A record is one event by field.
type record map[query.Field]query.Value

// memory is a source that holds records of every dataset and answers by the meaning of queries.
type memory struct {
	records map[query.Dataset][]record
	lacks   []string // kinds of record that nobody collects
}

func (memory) Name() string { return "memory" }

func (m memory) Covers(_ context.Context, s query.Scope) ([]evidence.Coverage, error) {
	c := evidence.Coverage{Source: "memory", Kind: s.Kind, Account: s.Account, Region: s.Region, Window: s.Window, State: evidence.Collected, Why: "records"}
	if slices.Contains(m.lacks, s.Kind) {
		c.State, c.Why = evidence.NotCollectedState, "no_records"
	}
	return []evidence.Coverage{c}, nil
}

func (m memory) Ask(_ context.Context, q query.Query) (evidence.Answer, error) {
	a := evidence.Answer{Outcome: evidence.Empty, Native: "memory"}
	for _, f := range q.Select {
		a.Columns = append(a.Columns, string(f))
	}
	for _, k := range q.GroupBy {
		a.Columns = append(a.Columns, k.Name())
	}
	for _, c := range q.Compute {
		a.Columns = append(a.Columns, c.As)
	}
	groups := map[string]int{}
	for _, r := range m.records[q.Dataset] {
		at := r[query.EventTime].Time()
		if at.Before(q.Window.From) || !at.Before(q.Window.To) || q.Where != nil && !query.Eval(q.Where, func(f query.Field) query.Value { return r[f] }) {
			continue
		}
		if len(q.Compute) == 0 {
			var row evidence.Row
			for _, f := range q.Select {
				row = append(row, r[f])
			}
			a.Rows = append(a.Rows, row)
			continue
		}
		var row evidence.Row
		for _, k := range q.GroupBy {
			row = append(row, r[k.Field])
		}
		key := fmt.Sprint(row)
		i, ok := groups[key]
		if !ok {
			i = len(a.Rows)
			groups[key] = i
			a.Rows = append(a.Rows, append(row, make(evidence.Row, len(q.Compute))...))
		}
		for j, c := range q.Compute {
			cell, v := &a.Rows[i][len(q.GroupBy)+j], r[c.Field]
			switch c.Func {
			case "count":
				*cell = query.IntOf(cell.Int() + 1)
			case "sum":
				*cell = query.IntOf(cell.Int() + v.Int())
			case "min":
				if cell.Missing() || v.Compare(*cell) < 0 {
					*cell = v
				}
			case "max":
				if cell.Missing() || v.Compare(*cell) > 0 {
					*cell = v
				}
			}
		}
	}
	if len(a.Rows) > 0 {
		a.Outcome = evidence.Found
	}
	return a, nil
}

var tried = time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)

const bruteForced = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","partition":"aws","id":"0123456789abcdef0123456789abcdef","arn":"arn:aws:guardduty:ap-northeast-1:111122223333:detector/d/finding/f",
"type":"UnauthorizedAccess:EC2/SSHBruteForce","severity":2,"title":"t","description":"d","createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z",
"resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0123456789abcdef0","networkInterfaces":[{"networkInterfaceId":"eni-0123456789abcdef0","privateIpAddress":"10.0.0.5","publicIp":"203.0.113.5","securityGroups":[{"groupId":"sg-0123456789abcdef0"}]}]}},
"service":{"resourceRole":"TARGET","count":40,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z","action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"INBOUND","protocol":"TCP","blocked":false,"localPortDetails":{"port":22,"portName":"SSH"},"remoteIpDetails":{"ipAddressV4":"198.51.100.7","country":{"countryName":"Japan"}}}}}}`

func flowRecord(minute int, action string, bytes int64) record {
	at := tried.Add(time.Duration(minute) * time.Minute)
	return record{
		"event_time": query.TimeOf(at), "end_time": query.TimeOf(at.Add(time.Minute)), "account": query.TextOf("111122223333"), "interface": query.TextOf("eni-0123456789abcdef0"),
		"source_ip": query.IPOf("198.51.100.7"), "dest_ip": query.IPOf("10.0.0.5"), "action": query.TextOf(action), "bytes": query.IntOf(bytes),
	}
}

func roleRecord(minute int, api, ip string) record {
	return record{
		"event_time": query.TimeOf(tried.Add(time.Duration(minute) * time.Minute)), "api": query.TextOf(api), "event_name": query.TextOf(api), "account": query.TextOf("111122223333"),
		"event_category": query.TextOf("Management"), "read_only": query.BoolOf(api != "StopLogging"), "source_ip": query.IPOf(ip), "session_name": query.TextOf("i-0123456789abcdef0"), "user_type": query.TextOf("AssumedRole"),
		"user_arn": query.TextOf("arn:aws:sts::111122223333:assumed-role/web/i-0123456789abcdef0"), "session_issuer_name": query.TextOf("web"),
	}
}

// The truth of each story was reasoned before any run. An own scanner that is refused 40 times, and
// a role that stays at home: benign. A stranger who gets in, after which the role's key is used at
// 192.0.2.66: suspicious, for that is one floor; who then stops the trail adds a second, whatever
// logs are missing. Without a flow log nothing says that the scanner got nowhere.
func TestBruteForceComesToTheTruth(t *testing.T) {
	scanner := []fact.Network{{Name: "scanner", CIDR: "198.51.100.0/28", Kind: "scanner"}}
	var refused []record
	for i := range 40 {
		refused = append(refused, flowRecord(i/2, "REJECT", 60))
	}
	let := append(slices.Clone(refused), flowRecord(25, "ACCEPT", 400000))
	home := []record{roleRecord(-60, "ListBuckets", "203.0.113.5"), roleRecord(5, "ListBuckets", "203.0.113.5")}
	away := append(slices.Clone(home), roleRecord(90, "ListBuckets", "192.0.2.66"))
	for name, c := range map[string]struct {
		networks []fact.Network
		flows    []record
		calls    []record
		lacks    []string
		verdict  string
	}{
		"own scanner":                  {scanner, refused, home, nil, "benign"},
		"own scanner, no flow log":     {scanner, nil, home, []string{"vpc_flow"}, "inconclusive"},
		"taken":                        {nil, let, away, nil, "suspicious"},
		"taken, trail stopped":         {nil, let, append(slices.Clone(away), roleRecord(95, "StopLogging", "192.0.2.66")), nil, "malicious"},
		"trail stopped, no flow log":   {nil, nil, append(slices.Clone(away), roleRecord(95, "StopLogging", "192.0.2.66")), []string{"vpc_flow"}, "suspicious"},
		"a stranger, refused, at home": {nil, refused, home, nil, "inconclusive"},
	} {
		t.Run(name, func(t *testing.T) {
			tools := toolsOf(t, config.Config{Calendar: calendar.Config{}}, phrase.JA)
			tools.Settings.Networks = c.networks
			tools.Sources = []source.Source{memory{records: map[query.Dataset][]record{query.VPCFlow: c.flows, query.CloudTrail: c.calls}, lacks: c.lacks}}
			tools.Order = map[query.Dataset][]string{}
			for _, k := range query.Kinds() {
				tools.Order[k.Dataset] = []string{"memory"}
			}
			fs, err := finding.Parse([]byte(bruteForced))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tools.Run(t.Context(), fs[0], nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if v := got.Assessment.Verdict().String(); !strings.EqualFold(v, c.verdict) {
				t.Errorf("judged %s (score %d, held by %v); want %s", v, got.Assessment.Score(), got.Assessment.HeldBy(), c.verdict)
			}
		})
	}
}

// Databases, functions, scans and processes, each with the truth reasoned before: a known client
// logs in at once, which its owner has to confirm; a stranger does after twelve failures; only automation changed the function;
// somebody changed it by hand; the scan found the test file; a reverse shell's instance has its
// role used elsewhere.
func TestOtherMachinesComeToTheTruth(t *testing.T) {
	doc := func(kind, resource, service string) string {
		head, _, _ := strings.Cut(bruteForced, `"resource":`)
		return strings.Replace(head, "UnauthorizedAccess:EC2/SSHBruteForce", kind, 1) + `"resource":` + resource + `,"service":{"resourceRole":"TARGET","count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z",` + service + `}}`
	}
	peer := `"remoteIpDetails":{"ipAddressV4":"198.51.100.7"}`
	login := func(failed int) string {
		return doc("CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin", `{"resourceType":"RDSDBInstance","rdsDbInstanceDetails":{"dbInstanceIdentifier":"orders"},"rdsDbUserDetails":{"user":"app"}}`,
			fmt.Sprintf(`"action":{"actionType":"RDS_LOGIN_ATTEMPT","rdsLoginAttemptAction":{%s,"loginAttributes":[{"user":"app","failedLoginAttempts":%d,"successfulLoginAttempts":1}]}}`, peer, failed))
	}
	function := doc("Backdoor:Lambda/C&CActivity.B", `{"resourceType":"Lambda","lambdaDetails":{"functionName":"resize","functionArn":"arn:aws:lambda:ap-northeast-1:111122223333:function:resize","vpcConfig":{"vpcId":"vpc-0123456789abcdef0"}}}`,
		`"action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"OUTBOUND",`+peer+`}}`)
	instance := `{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0123456789abcdef0","networkInterfaces":[{"networkInterfaceId":"eni-0123456789abcdef0","privateIpAddress":"10.0.0.5","publicIp":"203.0.113.5"}]}}`
	scan := doc("Execution:EC2/MaliciousFile", instance, `"ebsVolumeScanDetails":{"scanDetections":{"threatDetectedByName":{"threatNames":[{"name":"EICAR-Test-File (not a virus)","itemCount":1,"filePaths":[{"filePath":"/tmp/eicar.com","hash":"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}]}]}}}`)
	shell := doc("Execution:Runtime/ReverseShell", instance, `"action":{},"runtimeDetails":{"process":{"name":"sh","executablePath":"/tmp/`+"`|<b>"+`","lineage":[{"executablePath":"/usr/bin/java"}]}}`)
	audit := func(failed int) (out []record) {
		for i := range failed + 1 {
			op, code := "FAILED_CONNECT", int64(1045)
			if i == failed {
				op, code = "CONNECT", 0
			}
			out = append(out, record{
				"event_time": query.TimeOf(tried.Add(time.Duration(i) * time.Minute)), "user_name": query.TextOf("app"), "source_ip": query.IPOf("198.51.100.7"),
				"database_instance": query.TextOf("orders"), "operation": query.TextOf(op), "return_code": query.IntOf(code),
			})
		}
		return out
	}
	changed := roleRecord(-600, "UpdateFunctionCode", "203.0.113.9")
	changed["session_name"], changed["user_arn"] = query.TextOf("deploy"), query.TextOf("arn:aws:iam::111122223333:user/deploy")
	changed["raw:requestParameters.functionName"] = query.TextOf("resize")
	out := flowRecord(1, "ACCEPT", 900)
	out["vpc"] = query.TextOf("vpc-0123456789abcdef0")
	office := []fact.Network{{Name: "office", CIDR: "198.51.100.0/28", Kind: "office"}}
	deploy := []fact.Automation{{ARN: "arn:aws:iam::111122223333:user/deploy", Name: "deploy"}}
	for name, c := range map[string]struct {
		doc      string
		settings fact.Settings
		records  map[query.Dataset][]record
		verdict  string
	}{
		"known client":          {login(0), fact.Settings{Networks: office}, map[query.Dataset][]record{query.RDSAudit: audit(0)}, "inconclusive"},
		"stranger gets in":      {login(12), fact.Settings{}, map[query.Dataset][]record{query.RDSAudit: audit(12)}, "suspicious"},
		"automation changed it": {function, fact.Settings{Automation: deploy}, map[query.Dataset][]record{query.CloudTrail: {changed}, query.VPCFlow: {out}}, "benign"},
		"changed by hand":       {function, fact.Settings{}, map[query.Dataset][]record{query.CloudTrail: {changed}, query.VPCFlow: {out}}, "inconclusive"},
		"test file":             {scan, fact.Settings{}, nil, "benign"},
		"shell, role elsewhere": {shell, fact.Settings{}, map[query.Dataset][]record{query.CloudTrail: {roleRecord(5, "ListBuckets", "203.0.113.5"), roleRecord(60, "ListBuckets", "192.0.2.66")}}, "suspicious"},
	} {
		t.Run(name, func(t *testing.T) {
			tools := toolsOf(t, config.Config{}, phrase.EN)
			tools.Settings = c.settings
			tools.Sources = []source.Source{memory{records: c.records}}
			tools.Order = map[query.Dataset][]string{}
			for _, k := range query.Kinds() {
				tools.Order[k.Dataset] = []string{"memory"}
			}
			fs, err := finding.Parse([]byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tools.Run(t.Context(), fs[0], nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if v := got.Assessment.Verdict().String(); !strings.EqualFold(v, c.verdict) {
				t.Errorf("judged %s (score %d, held by %v); want %s", v, got.Assessment.Score(), got.Assessment.HeldBy(), c.verdict)
			}
		})
	}
}
