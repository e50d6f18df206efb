package finding

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The shared data is a folder beside the project: real and sample findings of the public,
// the service model, and the table of types. It is not copied into the project.
const sharedData = "../../shared/data/guardduty"

// shared reads a file of the shared data. Without the data the test is skipped, but not
// in continuous integration.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(sharedData, name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared data is missing: %v", err)
		}
		t.Skipf("the shared data is missing: %v", err)
	}
	return data
}

// A document is one file of the collection and what its index says of it.
type document struct {
	file, shape, family string
	typ                 Type
	data                []byte
}

func documents(t testing.TB) []document {
	t.Helper()
	var docs []document
	lines := strings.Split(strings.TrimSpace(string(shared(t, "findings_index.tsv"))), "\n")
	for _, line := range lines[1:] {
		c := strings.Split(line, "\t")
		if c[7] == "" {
			continue // known, but not to be passed on
		}
		docs = append(docs, document{file: filepath.Base(c[7]), typ: Type(c[0]), family: c[1], shape: c[2], data: shared(t, c[7])})
	}
	if len(docs) != 53 {
		t.Fatalf("the index names %d documents, not 53", len(docs))
	}
	return docs
}

func parseOne(t testing.TB, data []byte) Finding {
	t.Helper()
	fs, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(fs) != 1 {
		t.Fatalf("%d findings, not 1", len(fs))
	}
	return fs[0]
}

func TestEveryDocumentIsRead(t *testing.T) {
	shapes := map[string]Shape{"api-lower": Export, "api-upper": GetFindings, "asff": ASFF, "eventbridge": EventBridge}
	for _, d := range documents(t) {
		t.Run(d.file, func(t *testing.T) {
			f := parseOne(t, d.data)
			if f.Type != d.typ {
				t.Errorf("Type = %q, want %q", f.Type, d.typ)
			}
			if want := shapes[d.shape]; f.Shape != want {
				t.Errorf("Shape = %v, want %v", f.Shape, want)
			}
			family := d.family
			if family == "?" {
				family = "ec2" // the one type that is not in the catalogue is about an instance
			}
			if got := FamilyOf(f); got != family {
				t.Errorf("FamilyOf = %q, want %q", got, family)
			}
			if got, want := string(f.Raw()), strings.TrimSpace(string(d.data)); got != want {
				t.Errorf("Raw is not what was received (%d bytes, want %d)", len(got), len(want))
			}
		})
	}
}

func TestPrintingAndReadingAgainChangesNothing(t *testing.T) {
	for _, d := range documents(t) {
		t.Run(d.file, func(t *testing.T) {
			f := parseOne(t, d.data)
			printed, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			g := parseOne(t, printed)
			if diff := cmp.Diff(f, g); diff != "" {
				t.Errorf("read again:\n%s", diff)
			}
			again, err := json.Marshal(g)
			if err != nil {
				t.Fatal(err)
			}
			if string(again) != string(printed) {
				t.Errorf("printed again it is different:\n%s\n%s", printed, again)
			}
		})
	}
}

// said is what a document says, as text.
type said map[string]string

// What the typed members say is what a second reader finds in the JSON: one that knows
// no structs and no canonical form, only names, and those without regard to case.
func TestMembersAgreeWithTheDocument(t *testing.T) {
	for _, d := range documents(t) {
		t.Run(d.file, func(t *testing.T) {
			var v any
			dec := json.NewDecoder(strings.NewReader(string(d.data)))
			dec.UseNumber()
			if err := dec.Decode(&v); err != nil {
				t.Fatal(err)
			}
			var want said
			switch d.shape {
			case "asff":
				want = saidByASFF(v)
			case "eventbridge":
				want = saidByAPI(look(v, "detail"))
			default:
				want = saidByAPI(v)
			}
			f := parseOne(t, d.data)
			if diff := cmp.Diff(saidBy(f), want); diff != "" {
				t.Errorf("the finding and the document (-got +want):\n%s", diff)
			}
		})
	}
}

func saidBy(f Finding) said {
	s := said{
		"id": f.ID, "type": string(f.Type), "severity": strconv.FormatFloat(f.Severity, 'g', -1, 64),
		"account": string(f.Account), "region": f.Region, "title": f.Title,
		"created": stamp(f.Created), "updated": stamp(f.Updated), "first": stamp(f.FirstSeen), "last": stamp(f.LastSeen),
		"count": strconv.Itoa(f.Count), "role": f.ResourceRole, "action": f.Action.Type,
		"api": f.Action.API, "service": f.Action.Service, "error": f.Action.ErrorCode, "caller": f.Action.CallerType,
		"country": f.Action.Remote.Country, "asn": f.Action.Remote.ASN, "city": f.Action.Remote.City, "isp": f.Action.Remote.ISP,
		"key": f.Resource.AccessKey.ID, "user": f.Resource.AccessKey.UserName, "principal": f.Resource.AccessKey.PrincipalID, "usertype": f.Resource.AccessKey.UserType,
		"instance": f.Resource.Instance.ID, "domain": f.Action.Domain, "localport": strconv.Itoa(f.Action.LocalPort), "remoteport": strconv.Itoa(f.Action.RemotePort),
		"agent": f.UserAgent, "sample": strconv.FormatBool(f.Sample),
	}
	if f.Action.Remote.IP.IsValid() {
		s["ip"] = f.Action.Remote.IP.String()
	}
	var buckets []string
	for _, b := range f.Resource.Buckets {
		buckets = append(buckets, b.Name)
	}
	s["buckets"] = strings.Join(buckets, " ")
	for k, v := range s {
		if v == "" {
			delete(s, k)
		}
	}
	return s
}

func saidByAPI(v any) said {
	s := said{}
	put := func(name string, path ...string) string {
		if got := look(v, path...); got != nil {
			s[name] = fmt.Sprint(got)
		}
		return s[name]
	}
	put("id", "id")
	put("type", "type")
	s["severity"] = "0"
	put("severity", "severity")
	put("account", "accountid")
	put("region", "region")
	put("title", "title")
	s["created"], s["updated"] = utc(look(v, "createdat")), utc(look(v, "updatedat"))
	s["first"], s["last"] = utc(look(v, "service", "eventfirstseen")), utc(look(v, "service", "eventlastseen"))
	s["count"] = "0"
	put("count", "service", "count")
	put("role", "service", "resourcerole")
	put("action", "service", "action", "actiontype")
	put("api", "service", "action", "awsapicallaction", "api")
	put("service", "service", "action", "awsapicallaction", "servicename")
	put("error", "service", "action", "awsapicallaction", "errorcode")
	put("caller", "service", "action", "awsapicallaction", "callertype")
	put("domain", "service", "action", "dnsrequestaction", "domain")
	s["localport"], s["remoteport"] = "0", "0"
	put("localport", "service", "action", "networkconnectionaction", "localportdetails", "port")
	put("remoteport", "service", "action", "networkconnectionaction", "remoteportdetails", "port")
	remote := []any{
		look(v, "service", "action", "awsapicallaction", "remoteipdetails"),
		look(v, "service", "action", "networkconnectionaction", "remoteipdetails"),
		look(v, "service", "action", "rdsloginattemptaction", "remoteipdetails"),
	}
	if probes, ok := look(v, "service", "action", "portprobeaction", "portprobedetails").([]any); ok {
		remote = append(remote, look(probes[0], "remoteipdetails"))
		s["localport"] = fmt.Sprint(look(probes[0], "localportdetails", "port"))
	}
	for _, r := range remote {
		for name, path := range map[string][]string{"ip": {"ipaddressv4"}, "country": {"country", "countryname"}, "city": {"city", "cityname"}, "asn": {"organization", "asn"}, "isp": {"organization", "isp"}} {
			if got := look(r, path...); got != nil {
				s[name] = fmt.Sprint(got)
			}
		}
	}
	put("key", "resource", "accesskeydetails", "accesskeyid")
	put("user", "resource", "accesskeydetails", "username")
	put("principal", "resource", "accesskeydetails", "principalid")
	put("usertype", "resource", "accesskeydetails", "usertype")
	put("instance", "resource", "instancedetails", "instanceid")
	put("agent", "service", "additionalinfo", "useragent", "fulluseragent")
	s["sample"] = fmt.Sprint(look(v, "service", "additionalinfo", "sample") == true)
	if text, ok := look(v, "service", "additionalinfo", "value").(string); ok {
		var inner any
		if json.Unmarshal([]byte(text), &inner) == nil {
			if look(inner, "sample") == true {
				s["sample"] = "true"
			}
			if a := look(inner, "useragent", "fulluseragent"); a != nil {
				s["agent"] = fmt.Sprint(a)
			}
		}
	}
	var buckets []string
	if list, ok := look(v, "resource", "s3bucketdetails").([]any); ok {
		for _, b := range list {
			buckets = append(buckets, fmt.Sprint(look(b, "name")))
		}
	}
	s["buckets"] = strings.Join(buckets, " ")
	return withoutEmpty(s)
}

func saidByASFF(v any) said {
	field := func(path string) string {
		for _, prefix := range []string{"aws/guardduty/service/", ""} {
			if got, ok := look(v, "productfields", prefix+path).(string); ok {
				return got
			}
		}
		return ""
	}
	id := fmt.Sprint(look(v, "id"))
	types := look(v, "types").([]any)
	s := said{
		"id": id[strings.LastIndex(id, "/")+1:], "title": fmt.Sprint(look(v, "title")),
		"account": fmt.Sprint(look(v, "awsaccountid")), "region": strings.Split(id, ":")[3],
		"severity": fmt.Sprint(look(v, "severity", "product")), "created": utc(look(v, "createdat")), "updated": utc(look(v, "updatedat")),
		"count": field("count"), "role": field("resourceRole"), "action": field("action/actionType"),
		"api": field("action/awsApiCallAction/api"), "service": field("action/awsApiCallAction/serviceName"),
		"error": field("action/awsApiCallAction/errorCode"), "caller": field("action/awsApiCallAction/callerType"),
		"domain": field("action/dnsRequestAction/domain"), "agent": field("additionalInfo/userAgent/fullUserAgent"), "sample": "false",
		"localport": field("action/networkConnectionAction/localPortDetails/port"), "remoteport": field("action/networkConnectionAction/remotePortDetails/port"),
	}
	s["first"], s["last"] = utc(field("eventFirstSeen")), utc(field("eventLastSeen"))
	if field("eventFirstSeen") == "" { // older findings have only Security Hub's own members
		s["first"], s["last"] = utc(look(v, "firstobservedat")), utc(look(v, "lastobservedat"))
	}
	// "TTPs/Discovery/Recon:EC2-Portscan", and the two of the collection that are written otherwise.
	written := fmt.Sprint(types[0])
	switch {
	case strings.HasSuffix(written, "Discovery/IAMUser-AnomalousBehavior"):
		s["type"] = "Discovery:IAMUser/AnomalousBehavior"
	case strings.HasSuffix(written, "Exfiltration:S3.ObjectRead.Unusual"):
		s["type"] = "Exfiltration:S3/ObjectRead.Unusual"
	default:
		s["type"] = strings.Replace(written[strings.LastIndex(written, "/")+1:], "-", "/", 1)
	}
	for name := range map[string]bool{"count": true, "localport": true, "remoteport": true} {
		if s[name] == "" {
			s[name] = "0"
		}
	}
	if field("additionalInfo/sample") == "true" {
		s["sample"] = "true"
	}
	for _, kind := range []string{"awsApiCallAction", "networkConnectionAction"} {
		for name, path := range map[string]string{"ip": "ipAddressV4", "country": "country/countryName", "city": "city/cityName", "asn": "organization/asn", "isp": "organization/isp"} {
			if got := field("action/" + kind + "/remoteIpDetails/" + path); got != "" {
				s[name] = got
			}
		}
	}
	var buckets []string
	for _, r := range look(v, "resources").([]any) {
		id := fmt.Sprint(look(r, "id"))
		switch look(r, "type") {
		case "AwsIamAccessKey":
			if key := strings.TrimPrefix(id, "AWS::IAM::AccessKey:"); key != "null" {
				s["key"] = key
			}
			for _, name := range []string{"username", "principalname"} {
				if got := look(r, "details", "awsiamaccesskey", name); got != nil {
					s["user"] = fmt.Sprint(got)
				}
			}
			if got := look(r, "details", "awsiamaccesskey", "principalid"); got != nil {
				s["principal"] = fmt.Sprint(got)
			}
			if got := look(r, "details", "awsiamaccesskey", "principaltype"); got != nil {
				s["usertype"] = fmt.Sprint(got)
			}
		case "AwsEc2Instance":
			s["instance"] = id[strings.LastIndex(id, "/")+1:]
		case "AwsS3Bucket":
			buckets = append(buckets, strings.TrimPrefix(id, "arn:aws:s3:::"))
		}
	}
	s["buckets"] = strings.Join(buckets, " ")
	return withoutEmpty(s)
}

func withoutEmpty(s said) said {
	for k, v := range s {
		if v == "" {
			delete(s, k)
		}
	}
	return s
}

// look goes down by names in lower case, whatever the case in the document.
func look(v any, path ...string) any {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = nil
		for k, e := range m {
			if strings.EqualFold(k, name) {
				v = e
			}
		}
	}
	return v
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.000000")
}

// utc writes a document's time like stamp, by cutting text only.
func utc(v any) string {
	s, ok := v.(string)
	if !ok {
		return ""
	}
	s = strings.TrimSuffix(strings.Replace(s, " ", "T", 1), "Z")
	whole, fraction, _ := strings.Cut(s, ".")
	return whole + "." + (fraction + "000000")[:6]
}

func TestWhatSomeDocumentsSay(t *testing.T) {
	docs := documents(t)
	read := func(part string) Finding {
		i := slices.IndexFunc(docs, func(d document) bool { return strings.Contains(d.file, part) })
		if i < 0 {
			t.Fatalf("no document %s", part)
		}
		return parseOne(t, docs[i].data)
	}
	tests := []struct {
		name      string
		got, want any
	}{
		{"the APIs of an anomaly", read("Discovery-IAMUser-AnomalousBehavior__DefectDojo").Anomaly.APIs[:3], []AnomalousAPI{{"ssm.amazonaws.com", "DescribeInstanceInformation", "success"}, {"ssm.amazonaws.com", "GetConnectionStatus", "success"}, {"ec2.amazonaws.com", "DescribeLaunchTemplates", "success"}}},
		{"an unusual behaviour", read("Discovery-IAMUser-AnomalousBehavior__DefectDojo").Anomaly.Unusual["unusualAPIsAccountProfiling"], "DescribeInstanceConnectEndpoints , ListAnomalies , ListLogAnomalyDetectors , GetConnectionStatus"},
		{"addresses of an ASFF instance", read("DefenseEvasion-EC2-UnusualDNSResolver").Resource.Instance.PrivateIPs, []netip.Addr{netip.MustParseAddr("127.0.0.1")}},
		{"tags of an ASFF instance", read("DefenseEvasion-EC2-UnusualDNSResolver").Resource.Instance.Tags["ManagedBy"], "Terraform"},
		{"a port of an ASFF connection", read("DefenseEvasion-EC2-UnusualDNSResolver").Action.RemotePort, 53},
		{"a truth value of an ASFF connection", *read("DefenseEvasion-EC2-UnusualDNSResolver").Action.Blocked, false},
		{"the profile of an ASFF instance", read("DefenseEvasion-EC2-UnusualDNSResolver").Resource.Instance.ProfileARN, "arn:aws:iam::123456789012:instance-profile/asdf-iamrole-asdf-new"},
		{"what an ASFF call affected", read("Exfiltration-S3-ObjectRead-Unusual").Action.Affected, map[string]string{"AWS::S3::Bucket": "GeneratedFindingS3Bucket"}},
		{"the type decides which resource it is", read("Exfiltration-S3-ObjectRead-Unusual").Resource.Type, "S3Bucket"},
		{"an attack sequence without its sequence", read("AttackSequence-IAM").Sequence, (*Sequence)(nil)},
		{"interfaces", read("Recon-EC2-PortProbeUnprotectedPort").Resource.Instance.PublicIPs[0], netip.MustParseAddr("198.51.100.1")},
		{"security groups", read("Recon-EC2-PortProbeUnprotectedPort").Resource.Instance.SecurityGroups[1], "GeneratedFindingSecurityId2"},
		{"launch time", read("Recon-EC2-PortProbeUnprotectedPort").Resource.Instance.Launched, time.Date(2016, 8, 2, 2, 5, 6, 0, time.UTC)},
		{"threat lists", read("Discovery-RDS-TorIPCaller").ThreatLists[3], "GeneratedFindingThreatListName4"},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.got, tt.want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, d)
		}
	}
}
