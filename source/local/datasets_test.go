package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"uratori/evidence"
	"uratori/query"
)

// rowsOf asks for fields of every record and prints a line each.
func rowsOf(t testing.TB, s *Store, d query.Dataset, fields string) []string {
	t.Helper()
	q, err := query.Parse(fmt.Sprintf("%s from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z select %s limit 100000", d, fields))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range a.Rows {
		var cells []string
		for _, c := range r {
			text := c.String()
			if c.Missing() {
				text = "-"
			}
			cells = append(cells, text)
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

const (
	flow2    = "2 111122223333 eni-0a1 203.0.113.9 10.0.1.5 40000 22 6 10 840 1757392805 1757392865 ACCEPT OK"
	flow2Top = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)

func TestFlowLogs(t *testing.T) {
	const path = "AWSLogs/111122223333/vpcflowlogs/ap-northeast-1/2025/09/09/111122223333_vpcflowlogs_ap-northeast-1_fl-1.log.gz"
	custom := "interface-id start end srcaddr pkt-srcaddr dstaddr flow-direction region new-field\n" +
		"eni-0b2 1757392800 1757392860 2001:db8::1 2001:db8::2 - egress us-west-2 x\n" +
		"srcaddr start\n" + "192.0.2.1 1757392801\n" + // a header of three known fields is wanted: these two are lines of another width
		"srcaddr dstaddr start\n192.0.2.1 192.0.2.2 1757392802\n192.0.2.1 192.0"
	s := ingested(t, put(t, map[string]string{path: gz(flow2Top + "\n" + flow2 + "\n"), "copy/elsewhere.log": flow2 + "\n", "custom.log": custom}))
	expect(t, rowsOf(t, s, query.VPCFlow, "event_time, account, region, interface, source_ip, packet_source_ip, dest_ip, dest_port, bytes, action, direction, end_time"),
		"2025-09-09T04:40:00Z - us-west-2 eni-0b2 2001:db8::1 2001:db8::2 - - - - egress 2025-09-09T04:41:00Z",
		"2025-09-09T04:40:02Z - - - 192.0.2.1 - 192.0.2.2 - - - - -",
		rowsOf(t, s, query.VPCFlow, "event_time, account, region, interface, source_ip, packet_source_ip, dest_ip, dest_port, bytes, action, direction, end_time")[2])
	q := stats(t, s)
	if q.Events[query.VPCFlow] != 3 || q.Quarantined != 3 || q.DuplicatesRemoved != 1 {
		t.Errorf("%+v; want three records, one copy, three lines of another width", q)
	}
	if got := rowsOf(t, s, query.VPCFlow, "dest_port, bytes, action")[2]; got != "22 840 ACCEPT" {
		t.Errorf("the default format reads %s", got)
	}
}

// NODATA and SKIPDATA are no traffic: they say what the log did.
func TestStatusesOfFlowLogsAreCoverage(t *testing.T) {
	at := func(h int, status string) string {
		start := time.Date(2025, 9, 9, h, 10, 0, 0, time.UTC).Unix()
		if status == "OK" {
			return fmt.Sprintf("2 111122223333 eni-0a1 203.0.113.9 10.0.1.5 40000 22 6 10 840 %d %d ACCEPT OK", start, start+60)
		}
		return fmt.Sprintf("2 111122223333 eni-0a1 - - - - - - - %d %d - %s", start, start+60, status)
	}
	lines := []string{flow2Top, at(0, "OK"), at(1, "NODATA"), at(2, "NODATA"), at(3, "OK"), at(3, "SKIPDATA"), at(4, "OK"), at(8, "OK")}
	dir := "AWSLogs/111122223333/vpcflowlogs/ap-northeast-1/"
	s := ingested(t, put(t, map[string]string{dir + "a.log": strings.Join(lines, "\n"), dir + "b.log": strings.Join(append(lines, at(2, "NODATA")), "\n")}))
	if n := stats(t, s).Events[query.VPCFlow]; n != 4 {
		t.Errorf("%d records, want the 4 of traffic", n)
	}
	day := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	cov, err := s.Covers(context.Background(), query.Scope{Kind: query.KindVPCFlow, Account: "111122223333", Region: "ap-northeast-1", Window: query.Window{From: day, To: day.Add(9 * time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cov {
		got = append(got, fmt.Sprintf("%s %s %s %d", c.State, c.Why, c.Detail, int(c.Window.To.Sub(c.Window.From).Hours())))
	}
	expect(t, got, "Collected records  3", "Unknown hole SKIPDATA 1", "Collected records  1", "Unknown hole  3", "Collected records  1")
}

const resolver = `{"version":"1.100000","account_id":"111122223333","region":"ap-northeast-1","vpc_id":"vpc-1","query_timestamp":"2025-09-09T04:20:05Z","query_name":"Pool.Example.COM.","query_type":"A","query_class":"IN","rcode":"NXDOMAIN","answers":[],"srcaddr":"10.0.1.5","srcport":"4242","transport":"UDP","srcids":{"instance":"i-1"},"firewall_rule_action":"ALERT"}`

func envelopeOf(group, stream string, messages ...string) string {
	var events []map[string]any
	for i, m := range messages {
		events = append(events, map[string]any{"id": fmt.Sprint(i), "timestamp": 1757391605000, "message": m})
	}
	raw, err := json.Marshal(map[string]any{"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": group, "logStream": stream, "logEvents": events})
	if err != nil {
		panic(err) // maps of texts always encode
	}
	return string(raw)
}

func TestResolverQueryLogs(t *testing.T) {
	s := ingested(t, put(t, map[string]string{
		"a.log.gz": gz(resolver + "\n"), "b.json": envelopeOf("/dns", "x", resolver), "export.log": "2025-09-09T04:20:06.000Z " + resolver + "\n", "cut.log": resolver + "\n" + resolver[:80],
	}))
	expect(t, rowsOf(t, s, query.DNS, "event_time, account, region, vpc, query_name, response_code, source_ip, source_port, instance, firewall_action"),
		"2025-09-09T04:20:05Z 111122223333 ap-northeast-1 vpc-1 pool.example.com NXDOMAIN 10.0.1.5 4242 i-1 ALERT")
	if q := stats(t, s); q.Quarantined != 1 || q.DuplicatesRemoved != 3 {
		t.Errorf("%+v; want the cut one set aside and three copies", q)
	}
}

const accessLine = `79a59df9 example-bucket [09/Sep/2025:04:20:05 +0000] 203.0.113.9 arn:aws:sts::111122223333:assumed-role/Dev/u1 3E57427F3EXAMPLE REST.GET.OBJECT dir/%E5%90%8D+a%20b "GET /dir/x?X-Amz-Security-Token=SECRETSECRET&X-Amz-Signature=abc HTTP/1.1" 200 - 113 113 7 5 "-" "evil "quoted" 200 agent" - s9lz= SigV4 ECDHE AuthHeader example-bucket.s3.amazonaws.com TLSv1.3 - Yes us-west-2 later`

func TestServerAccessLogs(t *testing.T) {
	old := `79a59df9 example-bucket [09/Sep/2025:04:20:06 +0000] 2001:db8::1 - 4E57427F3EXAMPLE REST.GET.OBJECT k "GET /k HTTP/1.1" 403 AccessDenied 1 - 7 - "http://example.co.jp/" "curl" -`
	s := ingested(t, put(t, map[string]string{"logs/111122223333/ap-northeast-1/example-bucket/2025/09/09/x": accessLine + "\n" + old + "\n" + old[:90]}))
	expect(t, rowsOf(t, s, query.S3Access, "event_time, account, region, source_ip, requester, operation, object_key, status, error_code, bytes_out, object_size, user_agent, auth_type"),
		`2025-09-09T04:20:05Z 111122223333 ap-northeast-1 203.0.113.9 arn:aws:sts::111122223333:assumed-role/Dev/u1 REST.GET.OBJECT dir/名+a b 200 - 113 113 evil "quoted" 200 agent AuthHeader`,
		"2025-09-09T04:20:06Z 111122223333 ap-northeast-1 2001:db8::1 - REST.GET.OBJECT k 403 AccessDenied 1 - curl -")
	raw := strings.Join(rowsOf(t, s, query.S3Access, "raw"), "\n")
	if strings.Contains(raw, "SECRETSECRET") || !strings.Contains(raw, `"field_27":"later"`) {
		t.Errorf("the record kept is %s", raw)
	}
	if q := stats(t, s); q.Quarantined != 1 {
		t.Errorf("%+v; want the cut line set aside", q)
	}
}

const kube = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-1","stage":"ResponseComplete","requestURI":"/api/v1/secrets","verb":"create","user":{"username":"u","groups":["system:masters"],"extra":{"arn":["arn:aws:sts::111122223333:assumed-role/Dev/u1"],"sessionName":["u1"],"accessKeyId":["ASIAEXAMPLE"]}},"sourceIPs":["203.0.113.9","10.0.0.1"],"userAgent":"kubectl","objectRef":{"resource":"secrets","namespace":"default","name":"db"},"responseStatus":{"code":201},"requestReceivedTimestamp":"2025-09-09T04:20:05.123456Z","stageTimestamp":"2025-09-09T04:20:05.2Z","requestObject":{"data":{"k":"SECRETSECRET"}},"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: \"x\""}}`

func TestKubernetesAuditLogs(t *testing.T) {
	started := strings.Replace(kube, "ResponseComplete", "RequestReceived", 1)
	group := "/aws/eks/web/cluster"
	s := ingested(t, put(t, map[string]string{
		"cw/ap-northeast-1/a.gz": gz(envelopeOf(group, "kube-apiserver-audit-1", kube, started) + envelopeOf(group, "kube-apiserver-audit-1", kube) + envelopeOf(group, "kube-scheduler-1", "I0909 text")),
		"control":                `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`,
	}))
	expect(t, rowsOf(t, s, query.EKSAudit, "event_time, event_id, account, region, cluster, stage, verb, user_name, user_arn, session_name, access_key, source_ip, resource, status, decision, decision_reason"),
		`2025-09-09T04:20:05.123456Z a-1/RequestReceived 111122223333 ap-northeast-1 web RequestReceived create u arn:aws:sts::111122223333:assumed-role/Dev/u1 u1 ASIAEXAMPLE 203.0.113.9 secrets 201 allow RBAC: "x"`,
		`2025-09-09T04:20:05.123456Z a-1/ResponseComplete 111122223333 ap-northeast-1 web ResponseComplete create u arn:aws:sts::111122223333:assumed-role/Dev/u1 u1 ASIAEXAMPLE 203.0.113.9 secrets 201 allow RBAC: "x"`)
	if raw := strings.Join(rowsOf(t, s, query.EKSAudit, "raw"), "\n"); strings.Contains(raw, "SECRETSECRET") || !json.Valid([]byte(rowsOf(t, s, query.EKSAudit, "raw")[0])) {
		t.Errorf("the record kept is %s", raw)
	}
	if q := stats(t, s); q.Quarantined != 0 {
		t.Errorf("set aside: %+v", q.Bad)
	}
	s = ingested(t, put(t, map[string]string{"lines": kube + "\n" + started + "\n", "list.json": `{"kind":"EventList","items":[` + kube + `]}`, "look.json": `{"events":[{"logStreamName":"kube-apiserver-audit-1","timestamp":1,"message":` + jsonText(kube) + `}]}`}))
	if q := stats(t, s); q.Events[query.EKSAudit] != 2 || q.Quarantined != 0 {
		t.Errorf("plain lines, a list and a look-up: %+v", q)
	}
}

func TestDatabaseAudits(t *testing.T) {
	aurora := `1757391605000001,db-1,app,203.0.113.9,35,698024,QUERY,orders,'SET PASSWORD FOR \'x\'@\'%\' = \'SECRETSECRET\', 1',0`
	connect := "1757391606000000,db-1,app,client.example.co.jp,36,0,FAILED_CONNECT,,,1045"
	maria := "20250909 04:20:07,ip-10-0-1-9,app,203.0.113.9,37,0,CONNECT,orders,,0"
	pg := `2025-09-09 04:20:08 UTC:203.0.113.9(41234):app@orders:[77]:LOG:  AUDIT: SESSION,1,1,ROLE,CREATE ROLE,,,"CREATE ROLE a PASSWORD 'SECRETSECRET', ""b""",<not logged>`
	other := "2025-09-09 04:20:09 UTC:203.0.113.9(41234):app@orders:[77]:LOG:  duration: 1 ms"
	zone := strings.Replace(pg, "UTC", "JST", 1)
	refused := `2025-09-09 04:20:10 UTC:203.0.113.9(41235):app@orders:[78]:FATAL:  password authentication failed for user "app"`
	in := "2025-09-09 04:20:11 UTC:203.0.113.9(41236):app@orders:[79]:LOG:  connection authorized: user=app database=orders SSL enabled"
	s := ingested(t, put(t, map[string]string{
		"ap-northeast-1/a.gz": gz(envelopeOf("/aws/rds/cluster/orders/audit", "db-1.audit.log.0", aurora, connect)), "audit.log": maria + "\n" + maria[:30] + "\n", "pg.log": pg + "\n" + other + "\n" + zone + "\n" + refused + "\n" + in + "\n",
	}))
	got := rowsOf(t, s, query.RDSAudit, "event_time, account, region, database_instance, user_name, source_ip, connection, operation, database, return_code")
	expect(t, got,
		"2025-09-09T04:20:05.000001Z 111122223333 ap-northeast-1 orders app 203.0.113.9 35 QUERY orders 0",
		"2025-09-09T04:20:06Z 111122223333 ap-northeast-1 orders app - 36 FAILED_CONNECT - 1045",
		"2025-09-09T04:20:07Z - - - app 203.0.113.9 37 CONNECT orders 0",
		"2025-09-09T04:20:08Z - - - app 203.0.113.9 77 CREATE ROLE orders -",
		"2025-09-09T04:20:10Z - - - app 203.0.113.9 78 FAILED_CONNECT orders -",
		"2025-09-09T04:20:11Z - - - app 203.0.113.9 79 CONNECT orders 0")
	if raw := strings.Join(rowsOf(t, s, query.RDSAudit, "raw"), "\n"); strings.Contains(raw, "SECRETSECRET") {
		t.Errorf("a password was kept: %s", raw)
	}
	if q := stats(t, s); q.Quarantined != 2 {
		t.Errorf("%+v; want a cut line and a line of another zone set aside", q.Bad)
	}
}

// parquetOf writes the rows of a SELECT as a Parquet file.
func parquetOf(t testing.TB, file, rows string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("COPY (" + rows + ") TO " + sqlText(file) + " (FORMAT parquet)"); err != nil {
		t.Fatal(err)
	}
}

const (
	lakeFlow = `SELECT 4001 AS class_uid, {'version': '1.1.0', 'product': {'name': 'Amazon VPC', 'version': '5'}} AS metadata, {'account': {'uid': '111122223333'}, 'region': 'ap-northeast-1'} AS cloud,
		{'ip': '203.0.113.9', 'port': 40000, 'interface_uid': NULL, 'intermediate_ips': ['192.0.2.1']} AS src_endpoint, {'ip': '10.0.1.5', 'port': 22, 'interface_uid': 'eni-1'} AS dst_endpoint,
		{'protocol_num': 6, 'direction': 'Inbound', 'tcp_flags': 2} AS connection_info, {'bytes': 840, 'packets': 10} AS traffic, 1757391605000 AS start_time, 1757391665000 AS end_time, 1757391605000 AS time,
		'OK' AS status_code, 'Denied' AS action, MAP {'traffic_path': '8'} AS unmapped`
	lakeDNS = `SELECT 4003 AS class_uid, {'version': '1.1.0', 'product': {'name': 'Route 53', 'version': '1.1'}} AS metadata, {'account': {'uid': '111122223333'}, 'region': 'ap-northeast-1'} AS cloud,
		{'hostname': 'Pool.example.com.', 'type': 'A', 'class': 'IN'} AS query, 'NoError' AS rcode, [{'rdata': '192.0.2.9', 'type': 'A', 'class': 'IN'}] AS answers, {'ip': '10.0.1.5', 'port': 4242, 'vpc_uid': 'vpc-1', 'instance_uid': 'i-1'} AS src_endpoint,
		{'protocol_name': 'UDP'} AS connection_info, 1757391605000 AS time, MAP {'firewall_rule_action': 'ALERT'} AS unmapped`
	lakeTrail = `SELECT 6003 AS class_uid, {'version': '1.1.0', 'uid': '00000000-0000-4000-a000-000000000001', 'product': {'name': 'CloudTrail', 'version': '1.11', 'feature': {'name': 'Data'}}} AS metadata, 1757391605000 AS time,
		{'operation': 'GetObject', 'service': {'name': 's3.amazonaws.com'}, 'request': {'data': '{"bucketName":"example","key":"k"}', 'uid': 'r'}, 'response': {'error': 'AccessDenied'}} AS api,
		{'user': {'type': 'IAMUser', 'uid': 'arn:aws:iam::111122223333:user/u1', 'uid_alt': 'AIDA', 'credential_uid': 'AKIAEXAMPLE'}} AS actor, {'ip': '203.0.113.9'} AS src_endpoint,
		{'region': 'ap-northeast-1', 'account': {'uid': '111122223333'}} AS cloud, MAP {'readOnly': 'true', 'managementEvent': 'false', 'recipientAccountId': '111122223333'} AS unmapped`
)

func TestParquet(t *testing.T) {
	dir := t.TempDir()
	parquetOf(t, filepath.Join(dir, "aws-account-id=111122223333/aws-region=ap-northeast-1/f.log.parquet"), `SELECT 5::INT AS version, '111122223333' AS account_id, 'eni-1' AS interface_id, '2001:db8::1' AS srcaddr, '-' AS instance_id, 443 AS dstport, 99::BIGINT AS bytes,
		1757391605::BIGINT AS start, 1757391665::BIGINT AS "end", 'REJECT' AS action, 'OK' AS log_status, 'ingress' AS flow_direction`)
	parquetOf(t, filepath.Join(dir, "lake/flow.gz.parquet"), lakeFlow)
	parquetOf(t, filepath.Join(dir, "lake/dns.gz.parquet"), lakeDNS)
	parquetOf(t, filepath.Join(dir, "lake/trail.gz.parquet"), lakeTrail)
	parquetOf(t, filepath.Join(dir, "lake/new.parquet"), strings.Replace(lakeDNS, "1.1.0", "9.9.9", 1))
	whole, err := os.ReadFile(filepath.Join(dir, "lake/flow.gz.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half.parquet"), whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	s := ingested(t, dir)
	expect(t, rowsOf(t, s, query.VPCFlow, "event_time, account, region, interface, instance, source_ip, packet_source_ip, dest_port, bytes, action, direction, traffic_path"),
		"2025-09-09T04:20:05Z 111122223333 ap-northeast-1 eni-1 - 192.0.2.1 203.0.113.9 22 840 REJECT ingress 8",
		"2025-09-09T04:20:05Z 111122223333 ap-northeast-1 eni-1 - 2001:db8::1 - 443 99 REJECT ingress -")
	expect(t, rowsOf(t, s, query.DNS, "event_time, account, vpc, query_name, response_code, answers, source_ip, instance, firewall_action"),
		`2025-09-09T04:20:05Z 111122223333 vpc-1 pool.example.com NOERROR [{"Class":"IN","Rdata":"192.0.2.9","Type":"A"}] 10.0.1.5 i-1 ALERT`)
	expect(t, rowsOf(t, s, query.CloudTrail, "event_time, account, region, api, error_code, user_arn, access_key, bucket, source_ip, read_only, management_event, event_category"),
		"2025-09-09T04:20:05Z 111122223333 ap-northeast-1 GetObject AccessDenied arn:aws:iam::111122223333:user/u1 AKIAEXAMPLE example 203.0.113.9 true false Data")
	q := stats(t, s)
	if q.Quarantined != 2 {
		t.Errorf("%+v; want the other version and the half file set aside", q.Bad)
	}
	for _, b := range q.Bad {
		if strings.Contains(b.Reason, dir) || !strings.Contains(b.Reason, "9.9.9") && !strings.Contains(b.Reason, "Parquet") {
			t.Errorf("the reason is %s", b.Reason)
		}
	}
}

// A Parquet file is read where nothing else can be reached, whatever name it has.
func TestParquetReachesOneFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a*.parquet", "it's [x].parquet"} {
		parquetOf(t, filepath.Join(dir, "one", name), strings.Replace(lakeDNS, "Pool", fmt.Sprintf("n%d", len(name)), 1))
	}
	s := ingested(t, dir)
	if q := stats(t, s); q.Events[query.DNS] != 2 {
		t.Errorf("%+v; want the records of both files", q)
	}
}

// The order of the files, and the folders that they lie in, do not change the store.
func TestFoldersDoNotMatter(t *testing.T) {
	lines := map[string][]string{}
	for i := range 30 {
		n := i % 20 // with copies
		lines["flow"] = append(lines["flow"], fmt.Sprintf("2 111122223333 eni-0a1 203.0.113.%d 10.0.1.5 40000 22 6 10 840 17573928%02d 1757392865 ACCEPT OK", n, n))
		lines["dns"] = append(lines["dns"], strings.Replace(resolver, "04:20:05", fmt.Sprintf("04:20:%02d", n), 1))
		lines["eks"] = append(lines["eks"], strings.Replace(kube, "a-1", fmt.Sprintf("a-%d", n), 1))
		lines["s3"] = append(lines["s3"], strings.Replace(accessLine, "3E57427F3", fmt.Sprintf("3E57427F%d", n), 1))
		lines["rds"] = append(lines["rds"], fmt.Sprintf("17573916050000%02d,db-1,app,203.0.113.9,35,698024,QUERY,orders,'SELECT 1, 2',0", n))
	}
	var want string
	for round := range 5 {
		rng := rand.New(rand.NewPCG(uint64(round), 7))
		files := map[string]string{}
		for _, name := range []string{"flow", "dns", "eks", "s3", "rds"} {
			all := lines[name]
			rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			cut := 1 + rng.IntN(len(all)-1)
			files[fmt.Sprintf("d%d/%s", rng.IntN(9), name)] = strings.Join(all[:cut], "\n")
			files[fmt.Sprintf("e%d/%s", rng.IntN(9), name)] = strings.Join(all[cut:], "\n")
		}
		s := ingested(t, put(t, files))
		var got strings.Builder
		for _, d := range batchOrder[2:] {
			fmt.Fprintln(&got, d, rowsOf(t, s, d, "event_time, event_id, raw_sha256"))
		}
		q := stats(t, s)
		fmt.Fprint(&got, q.DuplicatesRemoved, q.Conflicts, q.Quarantined)
		if round == 0 {
			want = got.String()
			for _, d := range batchOrder[2:] {
				if q.Events[d] != 20 {
					t.Errorf("%d records of %s, want 20: %+v", q.Events[d], d, q.Bad)
				}
			}
		} else if got.String() != want {
			t.Errorf("round %d: the store differs", round)
		}
	}
}

func TestSavedLogSettings(t *testing.T) {
	day := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	tell := func(s *Store, kind string) string {
		cov, err := s.Covers(context.Background(), query.Scope{Kind: kind, Account: "111122223333", Region: "ap-northeast-1", Window: query.Window{From: day, To: day.Add(6 * time.Hour)}})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range cov {
			out = append(out, fmt.Sprintf("%s/%s", c.State, c.Why))
		}
		return strings.Join(out, " ")
	}
	arn := ":ap-northeast-1:111122223333:"
	off := ingested(t, put(t, map[string]string{
		"111122223333/ap-northeast-1/flow.json": `{"FlowLogs":[]}`, "444455556666/ap-northeast-1/flow.json": `{"FlowLogs": []}`,
		"111122223333/ap-northeast-1/dns.json": `{"ResolverQueryLogConfigs":[]}`,
		"eks.json":                             `{"cluster":{"name":"web","arn":"arn:aws:eks` + arn + `cluster/web","logging":{"clusterLogging":[{"types":["api","audit"],"enabled":false}]}}}`,
		"rds.json":                             `{"DBInstances":[{"DBInstanceArn":"arn:aws:rds` + arn + `db:orders"}]}`,
	}))
	on := ingested(t, put(t, map[string]string{
		"111122223333/ap-northeast-1/flow.json": `{"FlowLogs":[{"FlowLogId":"fl-1","FlowLogStatus":"ACTIVE","ResourceId":"vpc-1"}]}`,
		"eks.json":                              `{"cluster":{"name":"web","arn":"arn:aws:eks` + arn + `cluster/web","logging":{"clusterLogging":[{"types":["audit"],"enabled":true}]}}}`,
		"unplaced.json":                         `{"FlowLogs":[]}`,
	}))
	for _, kind := range []string{query.KindVPCFlow, query.KindDNS, query.KindEKSAudit, query.KindRDSAudit} {
		if got := tell(off, kind); got != "NotCollected/setting" {
			t.Errorf("%s that is off: %s", kind, got)
		}
		if got := tell(on, kind); got != "Unknown/no_records" {
			t.Errorf("%s that is on, without records: %s", kind, got)
		}
	}
	if got := tell(off, query.KindS3Access); got != "Unknown/no_records" {
		t.Errorf("a log of which nothing is saved: %s", got)
	}
	// Records are stronger than settings.
	s := ingested(t, put(t, map[string]string{"111122223333/ap-northeast-1/flow.json": `{"FlowLogs":[]}`, "111122223333/ap-northeast-1/flow.log": flow2}))
	if got := tell(s, query.KindVPCFlow); got != "NotCollected/setting Collected/records NotCollected/setting" {
		t.Errorf("records of a log that was switched off later: %s", got)
	}
}

func TestBedrockDataEvents(t *testing.T) {
	rec := strings.NewReplacer("s3.amazonaws.com", "bedrock-runtime.amazonaws.com", `"managementEvent":true,"eventCategory":"Management"`, `"managementEvent":false,"eventCategory":"Data"`).Replace(ct(1, when, ""))
	selectors := `{"TrailARN":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/t","AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::Bedrock::Model"]}]}]}`
	day := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	for name, files := range map[string]map[string]string{"records": {"r": rec}, "selectors": {"s": selectors}} {
		s := ingested(t, put(t, files))
		cov, err := s.Covers(context.Background(), query.Scope{Kind: query.KindBedrockData, Account: "111122223333", Region: "ap-northeast-1", Window: query.Window{From: day.Add(4 * time.Hour), To: day.Add(5 * time.Hour)}})
		if err != nil || len(cov) != 1 || cov[0].State != evidence.Collected || string(cov[0].Why) != name {
			t.Errorf("%s: %v, %v", name, cov, err)
		}
		kept, counted := byHours(t, s)
		if diff := cmp.Diff(counted, kept); diff != "" {
			t.Errorf("the counts by hour differ: %s", diff)
		}
	}
}

// A trail that records a part proves nothing of the rest, and does not leave it off either.
func TestSelectorsThatAreLimited(t *testing.T) {
	day := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	selectors := func(s string) string {
		return `{"TrailARN":"arn:aws:cloudtrail:ap-northeast-1:111122223333:trail/t",` + s + `}`
	}
	put1 := strings.NewReplacer("s3.amazonaws.com", "cloudtrail.amazonaws.com", "ListBuckets", "PutEventSelectors").Replace(ct(1, "2025-09-08T00:00:00Z", `,"requestParameters":{"trailName":"t"}`))
	unread := strings.Replace(put1, `{"trailName":"t"}`, `{"trailName":"t","eventSelectors":"too large"}`, 1)
	for name, c := range map[string]struct{ kind, selectors, log, want string }{
		"one bucket":                 {query.KindS3Data, `"EventSelectors":[{"ReadWriteType":"All","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::example-other/"]}]}]`, "", "Unknown/no_records"},
		"writes only":                {query.KindS3Data, `"EventSelectors":[{"ReadWriteType":"WriteOnly","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]`, "", "Unknown/no_records"},
		"every bucket":               {query.KindS3Data, `"EventSelectors":[{"ReadWriteType":"All","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]`, "", "Collected/selectors"},
		"agents, not models":         {query.KindBedrockData, `"AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::Bedrock::AgentAlias"]}]}]`, "", "Unknown/no_records"},
		"nothing of it":              {query.KindLambdaData, `"EventSelectors":[{"ReadWriteType":"All","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]`, "", "NotCollected/selectors"},
		"set to what cannot be read": {query.KindS3Data, `"EventSelectors":[{"ReadWriteType":"All","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]`, unread, "Unknown/no_records"},
	} {
		files := map[string]string{"s.json": selectors(c.selectors)}
		if c.log != "" {
			files["log"] = c.log
		}
		s := ingested(t, put(t, files))
		cov, err := s.Covers(context.Background(), query.Scope{Kind: c.kind, Account: "111122223333", Region: "ap-northeast-1", Window: query.Window{From: day.Add(4 * time.Hour), To: day.Add(5 * time.Hour)}})
		if err != nil || len(cov) != 1 {
			t.Fatal(cov, err)
		}
		if got := fmt.Sprintf("%s/%s", cov[0].State, cov[0].Why); got != c.want {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}

// Half of a surrogate pair in one record stops no question, and the record is kept as it came.
func TestHalfASurrogatePair(t *testing.T) {
	odd := strings.Replace(ct(1, when, `,"errorMessage":"m\ud83d\ude00\udc00 \\ud800","requestParameters":{"key":"\ud800x"}`), "aws-cli/2.17", `evil\ud800`, 1)
	for name, files := range map[string]string{"odd": odd, "with others": odd + "\n" + ct(2, "2025-09-09T04:20:06Z", `,"errorMessage":"plain"`)} {
		s := ingested(t, put(t, map[string]string{"log": files}))
		want := []string{"evil\ufffd m😀\ufffd \\ud800 \ufffdx \ufffdx"}
		if name != "odd" {
			want = append(want, "aws-cli/2.17 plain - -")
		}
		expect(t, rowsOf(t, s, query.CloudTrail, "user_agent, error_message, object_key, raw:requestParameters.key"), want...)
		if raw := rowsOf(t, s, query.CloudTrail, "raw")[0]; raw != odd {
			t.Errorf("the record became %s", raw)
		}
		if _, err := s.Covers(context.Background(), query.Scope{Kind: query.KindManagement, Account: "111122223333", Window: query.Window{From: time.Unix(0, 0), To: time.Unix(3600, 0)}}); err != nil {
			t.Error(err)
		}
	}
}

// Long records are written and committed by bytes: 2048 of them, which DuckDB takes together, are more
// than the memory that the store has.
func TestManyLongFields(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 150 MB")
	}
	const many = 2200
	dir := made(t, "long.jsonl", func(w io.Writer) {
		rng := rand.New(rand.NewPCG(3, 3))
		pool := make([]byte, 1<<20)
		for i := range pool {
			pool[i] = byte('a' + rng.IntN(26))
		}
		field := func() []byte {
			from := rng.IntN(len(pool) - 64<<10)
			return pool[from:][:64<<10]
		}
		for i := range many {
			fmt.Fprintln(w, ct(i, when, fmt.Sprintf(`,"requestParameters":{"key":"%05d%s"}`, i, field())))
		}
	})
	s := ingested(t, dir)
	if q := stats(t, s); q.Events[query.CloudTrail] != many || q.Quarantined != 0 {
		t.Errorf("%+v", q)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	recs := []string{ct(1, when, ""), strings.Replace(ct(2, when, ""), "203.0.113.2", "999.1.1.1", 1), strings.Replace(ct(3, when, ""), "203.0.113.3", "AWS Internal", 1), strings.Replace(ct(4, when, ""), "203.0.113.4", "ec2.amazonaws.com", 1)}
	s := ingested(t, put(t, map[string]string{"log": strings.Join(recs, "\n"), "flow.log": strings.Replace(flow2, "203.0.113.9", "300.0.0.1", 1)}))
	if q := stats(t, s); q.InvalidIPs != 2 || q.Events[query.CloudTrail] != 4 {
		t.Errorf("%d addresses are none, want 2", q.InvalidIPs)
	}
}

// Random questions about the records of the new datasets have the answers that query.Eval gives over
// the values that were written down with them.
func TestNewDatasetsMeanWhatEvalSays(t *testing.T) {
	day := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	type truth = map[query.Field]query.Value
	var flows, names, calls []string
	want := map[query.Dataset][]truth{}
	ips := []string{"203.0.113.9", "10.0.1.5", "2001:db8::1", "198.51.100.7"}
	agents := []string{"curl", "a b", `x'y"`, "%", "あ"}
	for i := range 60 {
		at := day.Add(time.Duration(i*i%600) * time.Minute).Add(time.Duration(i) * time.Second)
		src, dst := ips[i%4], ips[(i/4+1)%4]
		action := []string{"ACCEPT", "REJECT"}[i%2]
		flows = append(flows, fmt.Sprintf("2 111122223333 eni-%d %s %s %d %d 6 1 %d %d %d %s OK", i%5, src, dst, 1024+i, i%3*21, i*10, at.Unix(), at.Unix()+60, action))
		want[query.VPCFlow] = append(want[query.VPCFlow], truth{
			"event_time": query.TimeOf(at), "source_ip": query.IPOf(src), "dest_ip": query.IPOf(dst), "dest_port": query.IntOf(int64(i % 3 * 21)), "bytes": query.IntOf(int64(i * 10)),
			"action": query.TextOf(action), "interface": query.TextOf(fmt.Sprintf("eni-%d", i%5)), "raw:interface-id": query.TextOf(fmt.Sprintf("eni-%d", i%5)),
		})
		name := fmt.Sprintf("N%d.example.com", i%7)
		names = append(names, fmt.Sprintf(`{"query_timestamp":%q,"query_name":"%s.","query_type":"A","rcode":"NOERROR","srcaddr":%q,"srcport":"%d","account_id":"111122223333","vpc_id":"vpc-%d"}`, at.Format(time.RFC3339), name, src, 1024+i, i%5))
		want[query.DNS] = append(want[query.DNS], truth{
			"event_time": query.TimeOf(at), "source_ip": query.IPOf(src), "source_port": query.IntOf(int64(1024 + i)), "query_name": query.TextOf(strings.ToLower(name)), "vpc": query.TextOf(fmt.Sprintf("vpc-%d", i%5)),
			"raw:query_name": query.TextOf(name + "."),
		})
		agent := agents[i%len(agents)]
		calls = append(calls, fmt.Sprintf(`o b [%s] %s - R%d REST.GET.OBJECT k%%20%d "GET /k HTTP/1.1" %d - %d - 1 - "-" "%s" -`, at.Format("02/Jan/2006:15:04:05 -0700"), src, i, i%5, 200+i%2*203, i, agent))
		want[query.S3Access] = append(want[query.S3Access], truth{
			"event_time": query.TimeOf(at), "source_ip": query.IPOf(src), "status": query.IntOf(int64(200 + i%2*203)), "bytes_out": query.IntOf(int64(i)), "user_agent": query.TextOf(agent),
			"object_key": query.TextOf(fmt.Sprintf("k %d", i%5)), "raw:key": query.TextOf(fmt.Sprintf("k%%20%d", i%5)),
		})
	}
	s := ingested(t, put(t, map[string]string{"flow": strings.Join(flows, "\n"), "dns": strings.Join(names, "\n"), "s3": strings.Join(calls, "\n")}))
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.SampledFrom([]query.Dataset{query.VPCFlow, query.DNS, query.S3Access}).Draw(rt, "dataset")
		rows := want[d]
		fields := slices.Sorted(maps.Keys(rows[0]))
		var condition func(depth int) query.Expr
		condition = func(depth int) query.Expr {
			if depth > 0 && rapid.Bool().Draw(rt, "join") {
				a, b := condition(depth-1), condition(depth-1)
				return rapid.SampledFrom([]query.Expr{query.And{Terms: []query.Expr{a, b}}, query.Or{Terms: []query.Expr{a, b}}, query.Not{X: a}}).Draw(rt, "how")
			}
			f := rapid.SampledFrom(fields).Draw(rt, "field")
			v := rapid.SampledFrom(rows).Draw(rt, "row")[f]
			if v.Type() == query.IP && rapid.Bool().Draw(rt, "net") {
				return query.CIDR{Field: f, Prefix: netip.MustParsePrefix(rapid.SampledFrom([]string{"203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8"}).Draw(rt, "prefix"))}
			}
			ops := []query.Op{query.Equal, query.NotEqual, query.Less, query.GreaterOrEqual}
			return query.Compare{Field: f, Op: rapid.SampledFrom(ops).Draw(rt, "op"), Value: v}
		}
		from := day.Add(time.Duration(rapid.IntRange(0, 500).Draw(rt, "from")) * time.Minute)
		q := query.Query{
			Dataset: d, Window: query.Window{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "long")) * time.Minute)},
			Where: condition(2), Compute: []query.Aggregate{{Func: query.Count, As: "n"}, {Func: query.CountDistinct, Field: "source_ip", As: "addresses"}}, Limit: 10,
		}
		a, err := s.Ask(context.Background(), q)
		if err != nil {
			rt.Fatalf("%s: %v", q, err)
		}
		n, addresses := int64(0), map[string]bool{}
		for _, r := range rows {
			at := r["event_time"].Time()
			if !at.Before(q.Window.From) && at.Before(q.Window.To) && query.Eval(q.Where, func(f query.Field) query.Value { return r[f] }) {
				n++
				addresses[r["source_ip"].Text()] = true
			}
		}
		var got [2]int64
		if len(a.Rows) == 1 {
			got = [2]int64{a.Rows[0][0].Int(), a.Rows[0][1].Int()}
		}
		if got != [2]int64{n, int64(len(addresses))} {
			rt.Fatalf("%s\nis %v, want %d and %d\n%s", q, got, n, len(addresses), a.Native)
		}
	})
}

// The labelled records hold events of three logs: what is read agrees with the program jq.
func TestLabelledEventsAgreeWithJQ(t *testing.T) {
	dir := real(t, "labelled-events")
	inner := func(file, filter string) string {
		out, err := exec.Command("jq", "-c", filter, filepath.Join(dir, file)).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	access := inner("panther-s3-access.jsonl", `.log | select(.time != null and .httpstatus != null)`)
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(access), "\n") {
		var r map[string]any
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		at, ok := micros(fmt.Sprint(r["time"]))
		if !ok {
			t.Fatalf("no time: %v", r["time"])
		}
		var parts []string
		for _, name := range s3Names {
			v, ok := r[strings.ReplaceAll(strings.ReplaceAll(name, "request_uri", "requesturi"), "_", "")]
			text := fmt.Sprint(v)
			if name == "total_time" || name == "turnaround_time" || !ok {
				text = "-"
			}
			switch name {
			case "time":
				text = "[" + time.UnixMicro(at).UTC().Format("02/Jan/2006:15:04:05 -0700") + "]"
			case "request_uri", "referer", "user_agent":
				text = `"` + text + `"`
			}
			parts = append(parts, text)
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	s := ingested(t, put(t, map[string]string{
		"eks": inner("panther-eks-audit.jsonl", `.log | select(.requestReceivedTimestamp != null)`), "dns": inner("panther-vpcflow.jsonl", `.log | select(.query_timestamp != null)`), "s3": strings.Join(lines, "\n"),
	}))
	list := func(file, filter string) []string {
		out, err := exec.Command("jq", "-r", "-s", filter, filepath.Join(dir, file)).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	same2(t, "verbs of Kubernetes", groups(t, s, query.EKSAudit, "stage"), list("panther-eks-audit.jsonl",
		`[.[].log | select(.requestReceivedTimestamp != null)] | unique_by([.auditID, .stage]) | group_by(.stage)[] | "\(.[0].stage) \(length)"`))
	same2(t, "names asked for", groups(t, s, query.DNS, "query_name"), list("panther-vpcflow.jsonl",
		`[.[].log | select(.query_timestamp != null)] | unique | group_by(.query_name | rtrimstr(".") | ascii_downcase)[] | "\(.[0].query_name | rtrimstr(".") | ascii_downcase) \(length)"`))
	same2(t, "operations on buckets", groups(t, s, query.S3Access, "operation"), list("panther-s3-access.jsonl",
		`[.[].log | select(.time != null and .httpstatus != null)] | unique_by([.requestid, .operation, .key, .versionid]) | group_by(.operation)[] | "\(.[0].operation) \(length)"`))
}
