package investigate_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uratori/config"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/phrase"
	"uratori/query"
	"uratori/source"
	"uratori/source/knowledge"
	"uratori/source/local"
)

// A meaning is what our facts say of a labelled record of another log than CloudTrail's: the record
// stands in a folder as its service writes it, the finding is the one that GuardDuty would raise about
// it, and the whole investigation answers.
type meaning struct {
	file  func(e labelledEvent) (name, text string)
	about func(e labelledEvent) string     // the finding
	means func(fs fact.Facts) (bool, bool) // whether it is what the rule looks for; false where the fact is not known
}

// labelledAt is the time of every labelled record: their own are missing, or of years ago.
var labelledAt = time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)

// aroundIt are hours in which the log was on, by records of somebody else: what a log lacks counts only
// where it was on.
func aroundIt() (list []time.Time) {
	for h := -27; h <= 27; h++ {
		list = append(list, labelledAt.Add(time.Duration(h)*time.Hour+30*time.Minute))
	}
	return list
}

// text is a member of the record at a path.
func (e labelledEvent) text(path ...string) string {
	var here any = e.Log
	for _, p := range path {
		m, _ := here.(map[string]any)
		here = m[p]
	}
	if here == nil || here == "null" {
		return ""
	}
	return fmt.Sprint(here)
}

// auditRecord is the record in the export of CloudWatch Logs, which names account and cluster.
func auditRecord(e labelledEvent) (string, string) {
	e.Log["requestReceivedTimestamp"] = "2025-09-09T04:00:00.000000Z"
	for name, value := range map[string]any{"auditID": "a", "verb": "get"} { // the tests leave out what their rules do not read
		if e.Log[name] == nil {
			e.Log[name] = value
		}
	}
	record, _ := json.Marshal(e.Log)
	events := []any{map[string]any{"id": "1", "timestamp": labelledAt.UnixMilli(), "message": string(record)}}
	for _, at := range aroundIt() {
		events = append(events, map[string]any{"id": fmt.Sprint(at.Unix()), "timestamp": at.UnixMilli(), "message": fmt.Sprintf(
			`{"kind":"Event","auditID":"b-%d","stage":"ResponseComplete","verb":"get","requestURI":"/healthz","user":{"username":"eks:node-manager"},"sourceIPs":["10.0.0.9"],"responseStatus":{"code":200},"requestReceivedTimestamp":%q}`, at.Unix(), query.Stamp(at))})
	}
	out, _ := json.Marshal(map[string]any{"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "/aws/eks/prod-1/cluster", "logStream": "kube-apiserver-audit-0", "logEvents": events})
	return "audit.json", string(out)
}

func auditFinding(e labelledEvent) string {
	ip := ""
	if list, ok := e.Log["sourceIPs"].([]any); ok && len(list) > 0 {
		ip = fmt.Sprint(list[0])
	}
	return labelledFinding("Discovery:Kubernetes/AnomalousBehavior.PermissionChecked",
		map[string]any{"resourceType": "EKSCluster", "eksClusterDetails": map[string]any{"name": "prod-1"}, "kubernetesDetails": map[string]any{"kubernetesUserDetails": map[string]any{"username": e.text("user", "username")}}},
		map[string]any{"actionType": "KUBERNETES_API_CALL", "kubernetesApiCallAction": map[string]any{"requestUri": e.text("requestURI"), "verb": e.text("verb"), "remoteIpDetails": map[string]any{"ipAddressV4": ip}}})
}

func labelledFinding(typ string, resource, action map[string]any) string {
	at := query.Stamp(labelledAt)
	doc, _ := json.Marshal(map[string]any{
		"schemaVersion": "2.0", "accountId": "111122223333", "region": "us-east-1", "partition": "aws", "id": "00000000000000000000000000000007",
		"arn": "arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000007", "type": typ, "severity": 5, "title": "t", "description": "d",
		"createdAt": at, "updatedAt": at, "resource": resource,
		"service": map[string]any{"count": 1, "eventFirstSeen": at, "eventLastSeen": at, "action": action},
	})
	return string(doc)
}

// flowRecordOf is the record as a line of a custom format, or as Security Lake has it.
func flowRecordOf(e labelledEvent) (string, string) {
	start := labelledAt.Unix()
	if e.text("p_log_type") == "OCSF.NetworkActivity" {
		for name, value := range map[string]any{
			"class_uid": 4001, "metadata": map[string]any{"version": "1.1.0", "product": map[string]any{"name": "Amazon VPC", "version": "5"}},
			"cloud": map[string]any{"account": map[string]any{"uid": "111122223333"}, "region": "us-east-1"}, "time": start * 1000, "start_time": start * 1000, "end_time": start*1000 + 60_000,
			"src_endpoint": map[string]any{"ip": "203.0.113.7"}, "dst_endpoint": map[string]any{"ip": "10.0.0.1", "port": 443},
			"disposition": "Allowed", "action": "Allowed", "connection_info": map[string]any{"protocol_num": 6, "direction": "Inbound"}, "traffic": map[string]any{"packets": 1, "bytes": 40}, "status_code": "OK",
		} {
			if e.Log[name] == nil {
				e.Log[name] = value
			}
		}
		if dst, ok := e.Log["dst_endpoint"].(map[string]any); ok {
			dst["interface_uid"] = "eni-00000000000000001"
		}
		return "lake.json", inLake(e.Log)
	}
	cell := func(name, otherwise string) string {
		if s := e.text(name); s != "" {
			return s
		}
		return otherwise
	}
	line := []string{
		"5", "111122223333", "eni-00000000000000001", cell("srcAddr", "203.0.113.7"), cell("dstAddr", "10.0.0.1"), cell("srcPort", "50000"), cell("dstPort", "443"), "6", "1", "40",
		fmt.Sprint(start), fmt.Sprint(start + 60), cell("action", "ACCEPT"), cell("status", "OK"), cell("instanceId", "-"), cell("flowDirection", "-"),
	}
	lines := []string{"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status instance-id flow-direction", strings.Join(line, " ")}
	for _, at := range aroundIt() {
		lines = append(lines, fmt.Sprintf("5 111122223333 eni-00000000000000002 10.0.0.8 10.0.0.9 50000 443 6 1 40 %d %d ACCEPT OK - -", at.Unix(), at.Unix()+60))
	}
	return "flow.log", strings.Join(lines, "\n") + "\n"
}

// inLake is a record of Security Lake among others of other hours.
func inLake(record map[string]any) string {
	out, _ := json.Marshal(record)
	lines := []string{string(out)}
	for _, at := range aroundIt() {
		other := maps.Clone(record)
		other["time"], other["start_time"], other["end_time"], other["status_code"] = at.UnixMilli(), at.UnixMilli(), at.UnixMilli()+60_000, "OK"
		other["src_endpoint"] = map[string]any{"ip": "10.0.0.8", "port": 50000, "instance_uid": "i-00000000000000002", "interface_uid": "eni-00000000000000002"}
		if other["dst_endpoint"] != nil {
			other["dst_endpoint"] = map[string]any{"ip": "10.0.0.9", "port": 443}
		}
		out, _ := json.Marshal(other)
		lines = append(lines, string(out))
	}
	return strings.Join(lines, "\n") + "\n"
}

func flowFinding(e labelledEvent) string {
	source, port := cmp.Or(e.text("srcAddr"), e.text("src_endpoint", "ip"), "203.0.113.7"), cmp.Or(e.text("dstPort"), e.text("dst_endpoint", "port"), "443")
	var number int
	_, _ = fmt.Sscan(port, &number)
	return labelledFinding("UnauthorizedAccess:EC2/SSHBruteForce",
		map[string]any{"resourceType": "Instance", "instanceDetails": map[string]any{"instanceId": "i-00000000000000001", "networkInterfaces": []any{map[string]any{"networkInterfaceId": "eni-00000000000000001"}}}},
		map[string]any{"actionType": "NETWORK_CONNECTION", "networkConnectionAction": map[string]any{
			"connectionDirection": "INBOUND", "protocol": "TCP", "blocked": false, "localPortDetails": map[string]any{"port": number}, "remotePortDetails": map[string]any{"port": 50000},
			"remoteIpDetails": map[string]any{"ipAddressV4": source},
		}})
}

// queryRecord is the record as Route 53 writes it, or as Security Lake has it.
func queryRecord(e labelledEvent) (string, string) {
	for name, value := range map[string]any{"account_id": "111122223333", "query_timestamp": query.Stamp(labelledAt), "time": labelledAt.UnixMilli()} {
		if e.Log[name] != nil {
			e.Log[name] = value
		}
	}
	if meta, ok := e.Log["metadata"].(map[string]any); ok { // the tests give the version of the log as that of the schema
		meta["version"] = "1.1.0"
	}
	if cloud, ok := e.Log["cloud"].(map[string]any); ok {
		cloud["account"], cloud["region"] = map[string]any{"uid": "111122223333"}, "us-east-1"
		return "lake.json", inLake(e.Log)
	}
	e.Log["region"] = "us-east-1"
	out, _ := json.Marshal(e.Log)
	lines := []string{string(out)}
	for _, at := range aroundIt() {
		other := maps.Clone(e.Log)
		other["query_timestamp"], other["query_name"], other["srcids"] = query.Stamp(at), "example.co.jp.", map[string]any{"instance": "i-00000000000000002"}
		out, _ := json.Marshal(other)
		lines = append(lines, string(out))
	}
	return "queries.json", strings.Join(lines, "\n") + "\n"
}

func queryFinding(e labelledEvent) string {
	name := e.text("query_name")
	if name == "" {
		name = e.text("query", "hostname")
	}
	return labelledFinding("Trojan:EC2/DNSDataExfiltration",
		map[string]any{"resourceType": "Instance", "instanceDetails": map[string]any{"instanceId": "i-0abc234"}},
		map[string]any{"actionType": "DNS_REQUEST", "dnsRequestAction": map[string]any{"domain": name, "protocol": "UDP"}})
}

// accessRecord is the record as a line of a server access log.
func accessRecord(e labelledEvent) (string, string) {
	cell := func(name, otherwise string) string {
		if s := e.text(name); s != "" {
			return s
		}
		return otherwise
	}
	return "access.log", strings.Join([]string{
		"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", "example-bucket", labelledAt.Format("[02/Jan/2006:15:04:05 -0700]"), "203.0.113.7", cell("requester", "-"), "3E57427F33A59F07",
		"REST.GET.OBJECT", "a.txt", `"GET /a.txt HTTP/1.1"`, "200", "-", "10", "10", "5", "4", `"-"`, `"curl/8.5.0"`, "-",
	}, " ") + "\n"
}

func accessFinding(labelledEvent) string {
	return labelledFinding("Policy:S3/BucketAnonymousAccessGranted",
		map[string]any{"resourceType": "S3Bucket", "s3BucketDetails": []any{map[string]any{"name": "example-bucket", "type": "Destination"}}},
		map[string]any{"actionType": "AWS_API_CALL", "awsApiCallAction": map[string]any{"api": "PutBucketPolicy", "serviceName": "s3.amazonaws.com", "remoteIpDetails": map[string]any{"ipAddressV4": "203.0.113.7"}}})
}

// counted is whether a count is known, or known to be at least something, and above zero.
func counted(key fact.Key) func(fact.Facts) (bool, bool) {
	return func(fs fact.Facts) (bool, bool) {
		f := fs.Get(key, "")
		return f.Value.Num > 0, f.State == fact.Known || f.State == fact.AtLeast
	}
}

// meansOf are the rules whose meaning our facts cover, by the fact that covers it.
var meansOf = map[string]meaning{
	"Amazon.EKS.AnonymousAPIAccess": {auditRecord, auditFinding, func(fs fact.Facts) (bool, bool) {
		own, ofOthers := fs.Get("kubernetes.anonymous_successes", ""), fs.Get("kubernetes.anonymous_use", "") // one of the two arises
		return own.Value.Num > 0 || ofOthers.Value.Num > 0, own.State == fact.Known || ofOthers.State == fact.Known
	}},
	"Amazon.EKS.Audit.Multiple403":                 {auditRecord, auditFinding, counted("kubernetes.denied")},
	"Amazon.EKS.Audit.SystemNamespaceFromPublicIP": {auditRecord, auditFinding, counted("kubernetes.from_outside")},
	"AWS.DNS.Crypto.Domain": {queryRecord, queryFinding, func(fs fact.Facts) (bool, bool) {
		queries, lists := fs.Get("dns.queries", ""), fs.Get("knowledge.domain_threat_lists", "")
		return lists.State == fact.Known, queries.State == fact.Known && queries.Value.Num > 0 && lists.State != fact.Unknown
	}},
	"AWS.VPC.HealthyLogStatus": {flowRecordOf, flowFinding, func(fs fact.Facts) (bool, bool) {
		return fs.Get("network.flows", "").State == fact.Unknown, true // absence is not proven where records were skipped
	}},
	"AWS.VPC.InboundPortBlacklist": {flowRecordOf, flowFinding, func(fs fact.Facts) (bool, bool) {
		risky, flows := fs.Get("network.high_risk_port", ""), fs.Get("network.flows_accepted", "")
		return risky.Value.Num == 1 && flows.Value.Num > 0, risky.State == fact.Known && flows.Value.Num > 0
	}},
	"AWS.VPC.SSHAllowedSignal": {flowRecordOf, flowFinding, func(fs fact.Facts) (bool, bool) {
		risky, port, flows := fs.Get("network.high_risk_port", ""), fs.Get("network.local_port", ""), fs.Get("network.flows_accepted", "")
		return risky.Value.Num == 1 && strings.HasPrefix(port.Value.Str, "22") && flows.Value.Num > 0, risky.State == fact.Known && fs.Get("network.flows", "").Value.Num > 0
	}},
	"AWS.S3.ServerAccess.Unauthenticated": {accessRecord, accessFinding, func(fs fact.Facts) (bool, bool) {
		f := fs.Get("exposure.anonymous", "")
		return f.Value.Num > 0, f.State != fact.Unknown || f.Gap.Outcome == evidence.Empty // asked, and none seen: that there was none, no access log proves
	}},
}

// notOurs are the rules that no fact of ours covers, and why.
var notOurs = map[string]string{
	"AWS.VPC.PortScanning":                 "one flow to an unusual port is no scan: what a scan is, GuardDuty says by its finding, and our facts count flows with the peer, refused and accepted",
	"AWS.VPC.UnapprovedOutboundDNS":        "which resolvers are approved is a list of the rule's author; a finding about DNS rests on Amazon's own resolver, and a foreign one leaves it none",
	"AWS.S3.ServerAccess.Insecure":         "that a request came without TLS is a matter of policy for buckets, and part of no finding",
	"AWS.S3.ServerAccess.UnknownRequester": "which requesters are expected is a list of the rule's author; who else uses the bucket is told, and not who may",
}

// Why we differ from a label of these logs.
const (
	openToAll  = "the path is open to everyone by Kubernetes' own default: a probe or a health check, by which nothing is learnt of the cluster's content; it is counted among the requests"
	refusedAll = "the request was refused, which the rule counts as an attempt; it is counted among the denied requests, and nothing was given"
	fromInside = "the rule excuses private addresses; a refusal is one wherever it came from, and the source is another fact"
	streaming  = "the rule waits for a request's end; a watch that was answered and still runs has succeeded"
	whoseIs    = "the rule knows the address as one of AWS by data beside the record; the record does not tell, and whose network it is the finding and the operator's databases say"
)

var differencesOfLogs = map[string]string{
	"Amazon.EKS.AnonymousAPIAccess: Anonymous API Access Web Scanner Allowed":                          openToAll,
	"Amazon.EKS.AnonymousAPIAccess: ELB Health Check from Public IP":                                   openToAll,
	"Amazon.EKS.AnonymousAPIAccess: Anonymous API Access Web Scanner Denied":                           refusedAll,
	"Amazon.EKS.Audit.Multiple403: 403 and Private IP":                                                 fromInside,
	"Amazon.EKS.Audit.SystemNamespaceFromPublicIP: system username - public ip - not ResponseComplete": streaming,
	"Amazon.EKS.Audit.SystemNamespaceFromPublicIP: legitimate EKS node from AWS IP - should not alert": whoseIs,
}

// The labelled records of EKS audit, VPC flow, resolver query and S3 access logs: each is held against
// its label by the facts of an investigation over a folder that holds nothing else.
func TestLabelledRecordsMeanWhatTheirLabelsSay(t *testing.T) {
	threats := filepath.Join(t.TempDir(), "mining.txt") // the names that the rule's own list holds
	if err := os.WriteFile(threats, []byte("moneropool.ru\nwebservicepag.webhop.net\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, _ := knowledge.Open("files", nil, []knowledge.List{{Name: "mining", Kind: "threat", Path: threats}})
	left, labels := 0, reading{explained: differencesOfLogs}
	for _, file := range []string{"panther-eks-audit.jsonl", "panther-vpcflow.jsonl", "panther-s3-access.jsonl"} {
		for _, e := range labelled(t, file) {
			name := e.name()
			m, covered := meansOf[e.Rule]
			if !covered {
				if notOurs[e.Rule] == "" {
					t.Errorf("%q is neither judged nor said not to be ours", e.Rule)
				}
				left++
				continue
			}
			folder := t.TempDir()
			place, text := m.file(e)
			if err := os.WriteFile(filepath.Join(folder, place), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			fs, err := finding.Parse([]byte(m.about(e)))
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			tools := toolsOf(t, config.Default(), phrase.EN)
			st := store(t, local.Options{Name: "local"}, folder)
			tools.Sources, tools.Lookers = []source.Source{told{st, st}}, []source.Looker{files}
			c, err := tools.Run(t.Context(), fs[0], nil, nil)
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			ours, tells := m.means(c.Assessment.Facts())
			if !tells {
				t.Errorf("%q: the facts do not tell", name)
				continue
			}
			labels.hold(e, ours)
		}
	}
	labels.end(t)
	t.Logf("%d records of %d rules are about what no fact of ours is about", left, len(notOurs))
}
