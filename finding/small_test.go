package finding

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseTime(t *testing.T) {
	at := func(ns int) time.Time { return time.Date(2025, 2, 25, 20, 40, 6, ns, time.UTC) }
	tests := []struct {
		in   any
		want time.Time
	}{
		{"2025-02-25T20:40:06Z", at(0)},
		{"2025-02-25T20:40:06.721Z", at(721e6)},
		{"2025-02-25T20:40:06.721123456Z", at(721123e3)}, // microseconds are kept
		{"2025-02-26T05:40:06+09:00", at(0)},
		{"2025-02-25T12:40:06.5-0800", at(5e8)},
		{"2025-02-25T20:40:06", at(0)},
		{"2025-02-25 20:40:06.721", at(721e6)},
		{"2025-02-25 20:40:06.000000000", at(0)},
		{"2025-02-25 20:40:06", at(0)},
		{" 2025-02-25T20:40:06Z ", at(0)},
		{json.Number("1740516006"), at(0)},
		{json.Number("1740516006.721"), at(721e6)},
		{json.Number("1.740516006721E9"), at(721e6)},
		{json.Number("1740516006721"), at(721e6)},
		{"1740516006721", at(721e6)},
		{"1740516006", at(0)},
		{json.Number("1636625755.218"), time.Date(2021, 11, 11, 10, 15, 55, 218e6, time.UTC)},
		{"2999-12-31T23:59:59Z", time.Date(2999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"3000-01-01T00:00:00Z", time.Time{}},
		{json.Number("32503680000"), time.Time{}}, // the same
		{json.Number("99999999999999"), time.Time{}},
		{json.Number("0"), time.Time{}},
		{json.Number("-5"), time.Time{}},
		{json.Number("1e999"), time.Time{}},
		{json.Number("1e300"), time.Time{}},
		{"NaN", time.Time{}},
		{"Inf", time.Time{}},
		{"", time.Time{}},
		{"yesterday", time.Time{}},
		{"0001-01-01T00:00:00Z", time.Time{}},
		{"2025-02-30T00:00:00Z", time.Time{}},
		{true, time.Time{}},
		{nil, time.Time{}},
	}
	for _, tt := range tests {
		if got := parseTime(tt.in); !got.Equal(tt.want) || got.Location() != time.UTC {
			t.Errorf("parseTime(%#v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestParseAddr(t *testing.T) {
	for in, want := range map[string]string{
		"198.51.100.23":         "198.51.100.23",
		" 198.51.100.23 ":       "198.51.100.23",
		"198.51.100.23:443":     "198.51.100.23",
		"::ffff:198.51.100.23":  "198.51.100.23",
		"2001:DB8::1":           "2001:db8::1",
		"[2001:db8::1]":         "2001:db8::1",
		"[2001:db8::1]:443":     "2001:db8::1",
		"fe80::1%eth0":          "fe80::1",
		"198.51.100":            "invalid IP",
		"198.51.100.023":        "invalid IP",
		"cloudtrail.example":    "invalid IP",
		"":                      "invalid IP",
		"198.51.100.23, 10.0.0": "invalid IP",
	} {
		if got := parseAddr(in); got.String() != want {
			t.Errorf("parseAddr(%q) = %v, want %s", in, got, want)
		}
	}
}

func TestAnomalousAPIs(t *testing.T) {
	tests := []struct {
		in   string
		want []AnomalousAPI
	}{
		{"", nil},
		{"svc.example:[A:AccessDenied , B:success] , other.example:[C:success]", []AnomalousAPI{{"svc.example", "A", "AccessDenied"}, {"svc.example", "B", "success"}, {"other.example", "C", "success"}}},
		{"svc.example:[A:success]", []AnomalousAPI{{"svc.example", "A", "success"}}},
		{"svc.example:[A,B:success]", []AnomalousAPI{{"svc.example", "A", ""}, {"svc.example", "B", "success"}}},
		{"svc.example:[]", nil},
		{"svc.example:[A:success", nil},
		{"GeneratedFindingAPIName", nil},
		{"]:[ , ,[:[", nil},
	}
	for _, tt := range tests {
		if d := cmp.Diff(anomalousAPIs(tt.in), tt.want); d != "" {
			t.Errorf("anomalousAPIs(%q) (-got +want):\n%s", tt.in, d)
		}
	}
}

func TestBand(t *testing.T) {
	for severity, want := range map[float64]string{
		0: "", 0.9: "", 1: "Low", 2: "Low", 3.9: "Low", 3.95: "Medium", 4: "Medium", 6.9: "Medium", 7: "High", 8.9: "High", 9: "Critical", 10: "Critical", 10.1: "", -3: "", 1e300: "",
	} {
		if got := (Finding{Severity: severity}).Band(); got != want {
			t.Errorf("Band of %v = %q, want %q", severity, got, want)
		}
	}
}

// The case id is the first 12 hex digits of `printf '111122223333|ap-northeast-1|0123456789abcdef0123456789abcdef' | sha256sum`.
func TestCaseID(t *testing.T) {
	f := Finding{Account: "111122223333", Region: "ap-northeast-1", ID: "0123456789abcdef0123456789abcdef"}
	if got, want := f.CaseID(), "fbb66ef71e87"; got != want {
		t.Errorf("CaseID = %s, want %s", got, want)
	}
	later := f
	later.Updated, later.Count, later.Severity = time.Unix(1, 0), 9, 8
	if later.CaseID() != f.CaseID() {
		t.Error("another version of the finding is another case")
	}
}

func TestResourceNames(t *testing.T) {
	tests := []struct{ name, resource, want string }{
		{"a bucket", `{"resourceType": "S3Bucket", "accessKeyDetails": {"userName": "u"}, "s3BucketDetails": [{"name": "example-ledger"}, {"name": "second"}]}`, "example-ledger"},
		{"a bucket by ARN", `{"resourceType": "S3Bucket", "s3BucketDetails": [{"arn": "arn:aws:s3:::example-ledger"}]}`, "example-ledger"},
		{"an object", `{"resourceType": "S3Object", "s3BucketDetails": [{"name": "b", "s3ObjectDetails": [{"objectArn": "arn:aws:s3:::example-ledger/a/b.csv"}]}]}`, "example-ledger/a/b.csv"},
		{"a user", `{"resourceType": "AccessKey", "accessKeyDetails": {"userName": "hanako", "principalId": "AIDA"}}`, "hanako"},
		{"a principal", `{"resourceType": "AccessKey", "accessKeyDetails": {"principalId": "AIDA"}}`, "AIDA"},
		{"an instance", `{"resourceType": "Instance", "instanceDetails": {"instanceId": "i-1"}}`, "i-1"},
		{"a cluster", `{"resourceType": "EKSCluster", "eksClusterDetails": {"name": "prod", "arn": "arn:aws:eks:ap-northeast-1:111122223333:cluster/prod"}}`, "prod"},
		{"an ECS cluster by ARN", `{"resourceType": "ECSCluster", "ecsClusterDetails": {"arn": "arn:aws:ecs:ap-northeast-1:111122223333:cluster/batch"}}`, "batch"},
		{"a function", `{"resourceType": "Lambda", "lambdaDetails": {"functionArn": "arn:aws:lambda:ap-northeast-1:111122223333:function:resize"}}`, "resize"},
		{"a database", `{"resourceType": "RDSDBInstance", "rdsDbInstanceDetails": {"dbInstanceIdentifier": "orders"}}`, "orders"},
		{"a snapshot", `{"resourceType": "EBSSnapshot", "ebsSnapshotDetails": {"snapshotArn": "arn:aws:ec2:ap-northeast-1::snapshot/snap-1"}}`, "snap-1"},
		{"a container", `{"resourceType": "Container", "containerDetails": {"name": "web"}}`, "web"},
		{"a type that is new", `{"resourceType": "QuantumComputer", "instanceDetails": {"instanceId": "i-1"}}`, "i-1"},
		{"nothing", `{"resourceType": "S3Bucket", "s3BucketDetails": []}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := parseOne(t, []byte(`{"id": "a", "type": "A:B/C", "resource": `+tt.resource+`}`))
			if f.Resource.Name != tt.want {
				t.Errorf("Name = %q, want %q", f.Resource.Name, tt.want)
			}
		})
	}
}

func TestInstanceAddresses(t *testing.T) {
	f := parseOne(t, []byte(`{"id": "a", "type": "A:B/C", "resource": {"instanceDetails": {"networkInterfaces": [
	  {"privateIpAddress": "10.0.0.1", "privateIpAddresses": [{"privateIpAddress": "10.0.0.1"}, {"privateIpAddress": "10.0.0.2"}], "publicIp": "198.51.100.9", "ipv6Addresses": ["2001:db8::5", "fd00::5"], "vpcId": "vpc-1", "securityGroups": [{"groupId": "sg-1"}, {"groupId": "sg-1"}]},
	  {"privateIpAddress": "not an address", "subnetId": "subnet-2", "vpcId": "vpc-2", "securityGroups": [{"groupId": "sg-2"}]}]}}}`))
	addr := netip.MustParseAddr
	want := Instance{
		PrivateIPs: []netip.Addr{addr("10.0.0.1"), addr("10.0.0.2"), addr("fd00::5")}, PublicIPs: []netip.Addr{addr("198.51.100.9"), addr("2001:db8::5")},
		SecurityGroups: []string{"sg-1", "sg-2"}, VPC: "vpc-1", Subnet: "subnet-2",
	}
	if d := cmp.Diff(f.Resource.Instance, want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("instance (-got +want):\n%s", d)
	}
}

func TestOtherActions(t *testing.T) {
	read := func(action string) Action {
		return parseOne(t, []byte(`{"id": "a", "type": "A:B/C", "service": {"action": `+action+`}}`)).Action
	}
	yes := true
	addr := netip.MustParseAddr("198.51.100.23")
	remoteIP := `"remoteIpDetails": {"ipAddressV4": "198.51.100.23"}`
	remote := Remote{IP: addr, Text: "198.51.100.23"}
	tests := []struct {
		name string
		got  Action
		want Action
	}{
		{"a runtime finding has none", read(`{}`), Action{}},
		{
			"a connection", read(`{"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {"blocked": true, "connectionDirection": "INBOUND", "protocol": "TCP", "localPortDetails": {"port": 22, "portName": "SSH"}, "remotePortDetails": {"port": 50123, "portName": "Unknown"}, ` + remoteIP + `}}`),
			Action{Type: "NETWORK_CONNECTION", Blocked: &yes, Direction: "INBOUND", Protocol: "TCP", LocalPort: 22, LocalPortName: "SSH", RemotePort: 50123, RemotePortName: "Unknown", Remote: remote},
		},
		{
			"a DNS request", read(`{"actionType": "DNS_REQUEST", "dnsRequestAction": {"domain": "c2.example", "protocol": "UDP", "blocked": true}}`),
			Action{Type: "DNS_REQUEST", Domain: "c2.example", Protocol: "UDP", Blocked: &yes},
		},
		{
			"a port probe", read(`{"actionType": "PORT_PROBE", "portProbeAction": {"blocked": true, "portProbeDetails": [{"localPortDetails": {"port": 9200}, ` + remoteIP + `}, {"localPortDetails": {"port": 22}, "remoteIpDetails": {"ipAddressV6": "2001:db8::7"}}]}}`),
			Action{Type: "PORT_PROBE", Blocked: &yes, LocalPort: 9200, Remote: remote, Remotes: []Remote{remote, {IP: netip.MustParseAddr("2001:db8::7"), Text: "2001:db8::7"}}},
		},
		{
			"a Kubernetes call", read(`{"actionType": "KUBERNETES_API_CALL", "kubernetesApiCallAction": {"verb": "create", "requestUri": "/api/v1/pods", "namespace": "kube-system", ` + remoteIP + `}}`),
			Action{Type: "KUBERNETES_API_CALL", Verb: "create", RequestURI: "/api/v1/pods", Namespace: "kube-system", Remote: remote},
		},
		{
			"a login to a database", read(`{"actionType": "RDS_LOGIN_ATTEMPT", "rdsLoginAttemptAction": {` + remoteIP + `}}`),
			Action{Type: "RDS_LOGIN_ATTEMPT", Remote: remote},
		},
		{
			"a call by a service", read(`{"actionType": "AWS_API_CALL", "awsApiCallAction": {"api": "Decrypt", "callerType": "Domain", "domainDetails": {"domain": "athena.amazonaws.com"}, "errorCode": "AccessDenied"}}`),
			Action{Type: "AWS_API_CALL", API: "Decrypt", CallerType: "Domain", CallerDomain: "athena.amazonaws.com", ErrorCode: "AccessDenied"},
		},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.got, tt.want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, d)
		}
	}
}

func TestContradictions(t *testing.T) {
	at := time.Date(2025, 9, 9, 2, 30, 0, 0, time.UTC)
	arn := "arn:aws:guardduty:ap-northeast-1:111122223333:detector/0123456789abcdef0123456789abcdef/finding/fedcba9876543210fedcba9876543210"
	for name, tt := range map[string]struct {
		f    Finding
		want []string
	}{
		"nothing is said":     {Finding{}, nil},
		"all is alike":        {Finding{ARN: arn, Region: "ap-northeast-1", FirstSeen: at, LastSeen: at, Created: at, Updated: at.Add(time.Hour)}, nil},
		"an ARN of something": {Finding{ARN: "arn:aws:s3:::example-ledger", Region: "ap-northeast-1"}, nil},
		"another Region":      {Finding{ARN: arn, Region: "us-east-1"}, []string{"the finding's Region is not its ARN's"}},
		"a hundred years":     {Finding{FirstSeen: at, LastSeen: at.AddDate(100, 0, 0)}, []string{"the finding's occurrences lie more than a year apart"}},
		"times run backwards": {
			Finding{FirstSeen: at, LastSeen: at.Add(-time.Second), Created: at, Updated: at.Add(-time.Hour)},
			[]string{"the finding was last seen before it was first seen", "the finding was updated before it was created"},
		},
	} {
		if got := tt.f.Contradictions(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
