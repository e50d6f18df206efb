package finding

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOneFindingInEveryShape(t *testing.T) {
	want := parseOne(t, []byte(lowerFinding))
	if want.Shape != Export {
		t.Fatalf("Shape = %v, want Export", want.Shape)
	}
	// bare is a finding without how it came.
	bare := func(f Finding) Finding {
		f.Shape = 0
		f.doc = nil
		return f
	}
	tests := []struct {
		name, text string
		shape      Shape
		whole      bool // the document is the same too, not only the typed members
		lacks      func(*Finding)
	}{
		{"UpperCamel", upperFinding, GetFindings, true, nil},
		{"an event", event(lowerFinding), EventBridge, true, nil},
		{"an event with a finding in UpperCamel", event(upperFinding), EventBridge, true, nil},
		{"Security Hub", asffFinding, ASFF, false, func(f *Finding) {
			f.SequenceARN, f.Resource.Instance = "", Instance{}
			f.Resource.Buckets[0].Type, f.Resource.Buckets[0].Permission = "", ""
		}},
		{"OCSF", ocsfFinding, OCSF, false, func(f *Finding) {
			f.SequenceARN, f.Resource.Instance = "", Instance{}
			f.Resource.Buckets[0].Type, f.Resource.Buckets[0].Permission = "", ""
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, want := parseOne(t, []byte(tt.text)), parseOne(t, []byte(lowerFinding))
			if got.Shape != tt.shape {
				t.Errorf("Shape = %v, want %v", got.Shape, tt.shape)
			}
			if tt.whole {
				delete(got.doc, receivedKey)
				delete(want.doc, receivedKey)
				if d := cmp.Diff(got.doc, want.doc); d != "" {
					t.Errorf("document (-got +want):\n%s", d)
				}
			}
			if tt.lacks != nil {
				tt.lacks(&want)
			}
			if d := cmp.Diff(bare(got), bare(want)); d != "" {
				t.Errorf("members (-got +want):\n%s", d)
			}
			if got.CaseID() != want.CaseID() {
				t.Errorf("CaseID = %s, want %s", got.CaseID(), want.CaseID())
			}
		})
	}
}

func TestMembersOfAFinding(t *testing.T) {
	f := parseOne(t, []byte(lowerFinding))
	no := false
	want := Finding{
		ID: "0123456789abcdef0123456789abcdef", ARN: "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/0123456789abcdef0123456789abcdef",
		Account: "111122223333", Region: "ap-northeast-1", Partition: "aws", Type: "Exfiltration:S3/AnomalousBehavior", Severity: 8,
		Title: "Unusual reads <of> a bucket", Description: "機密 & more",
		Created: time.Date(2025, 9, 9, 2, 31, 7, 218e6, time.UTC), Updated: time.Date(2025, 9, 9, 2, 31, 7, 218e6, time.UTC),
		Count: 3, FirstSeen: time.Date(2025, 9, 9, 2, 14, 0, 0, time.UTC), LastSeen: time.Date(2025, 9, 9, 2, 22, 41, 0, time.UTC),
		DetectorID: "fedcba9876543210fedcba9876543210", Feature: "S3DataEvents", ResourceRole: "TARGET", UserAgent: "aws-cli/2.15.30",
		SequenceARN: "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/ffffffffffffffffffffffffffffffff",
		Resource: Resource{
			Type: "S3Bucket", Name: "example-ledger",
			AccessKey: AccessKey{"ASIAEXAMPLEEXAMPLE00", "AROAEXAMPLEEXAMPLE000:hanako@example.co.jp", "DataAnalyst", "AssumedRole"},
			Buckets:   []Bucket{{"example-ledger", "arn:aws:s3:::example-ledger", "Destination", "NOT_PUBLIC", "", map[string]string{"Class": "secret"}}},
			Instance:  Instance{ID: "i-0aaaaaaaaaaaaaaaa"},
		},
		Action: Action{
			Type: "AWS_API_CALL", API: "GetObject", Service: "s3.amazonaws.com", CallerType: "Remote IP",
			Affected: map[string]string{"AWS::S3::Bucket": "example-ledger"}, RemoteAccount: "444455556666", Affiliated: &no,
			Remote: Remote{netip.MustParseAddr("198.51.100.23"), "198.51.100.23", "Japan", "JP", "Osaka", "64500", "EXAMPLE-NET", "Example ISP", "Example KK"},
		},
		Anomaly: Anomaly{
			APIs:     []AnomalousAPI{{"s3.amazonaws.com", "GetObject", "success"}, {"s3.amazonaws.com", "ListObjects", "AccessDenied"}},
			Profiled: map[string]string{"rareProfiledASNsUserIdentityProfiling": ""},
			Unusual:  map[string]string{"unusualASNsUserIdentityProfiling": "asnNumber: 64500 asnOrg: EXAMPLE-NET"},
		},
		Shape: Export, doc: f.doc,
	}
	if d := cmp.Diff(f, want, cmp.AllowUnexported(Finding{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("finding (-got +want):\n%s", d)
	}
}

func TestAnAttackSequenceIsReadWhole(t *testing.T) {
	f := parseOne(t, []byte(sequenceFinding))
	const actor, bucket = "AROAEXAMPLEEXAMPLE000:hanako@example.co.jp", "arn:aws:s3:::example-ledger"
	at := func(h, m, s, ms int) time.Time { return time.Date(2025, 9, 9, h, m, s, ms*1e6, time.UTC) }
	want := &Sequence{
		UID:         f.ARN,
		Description: "From discovery to exfiltration",
		Actors:      []SequenceActor{{actor, "hanako@example.co.jp", "AROAEXAMPLEEXAMPLE000", "AssumedRole", "111122223333", "ASIAEXAMPLEEXAMPLE00", "session-1", "DISABLED", "arn:aws:iam::111122223333:role/DataAnalyst", ""}},
		Endpoints: []Endpoint{
			{Remote: Remote{IP: netip.MustParseAddr("198.51.100.23"), Text: "198.51.100.23", Country: "Japan", City: "Osaka", ASN: "64500", ASNOrg: "EXAMPLE-NET"}, ID: "e-1", Port: 443},
			{ID: "e-2", Domain: "files.example.co.jp", Remote: Remote{Text: "files.example.co.jp"}},
		},
		Signals: []Signal{
			{"s-1", "CLOUD_TRAIL", "CREDENTIALS:ListBuckets", "ListBuckets was called", 4.5, at(2, 1, 0, 0), at(2, 1, 1, 218), at(2, 1, 2, 0), 2, []string{actor}, []string{bucket}, []string{"e-1"}, nil, nil, nil},
			{strings.Replace(f.ARN, f.ID, "0123456789abcdef0123456789abcdef", 1), "FINDING", "Exfiltration:S3/AnomalousBehavior", "", 8, at(2, 31, 7, 218), at(2, 14, 0, 0), at(2, 22, 41, 0), 3, []string{actor}, []string{bucket}, nil, nil, nil, nil},
		},
		Indicators: []Indicator{{"ATTACK_TACTIC", "MITRE tactics", []string{"Discovery", "Exfiltration"}}},
		Resources:  []string{bucket},
	}
	if d := cmp.Diff(f.Sequence, want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("sequence (-got +want):\n%s", d)
	}
	if f.Resource.Name != "hanako@example.co.jp" || f.Band() != "Critical" {
		t.Errorf("Name, Band = %q, %q", f.Resource.Name, f.Band())
	}
}

func TestTheInventedFindingsConformToTheModel(t *testing.T) {
	m := serviceModel(t)
	v, err := decode([]byte(sequenceFinding))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range m.conforms("Finding", v, "finding") {
		t.Error(wrong)
	}
}

func TestContainers(t *testing.T) {
	other := strings.ReplaceAll(lowerFinding, "0123456789abcdef0123456789abcdef", "22222222222222222222222222222222")
	line := func(s string) string {
		var v any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(v)
		return string(b)
	}
	const one, two = "0123456789abcdef0123456789abcdef", "22222222222222222222222222222222"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"one", lowerFinding, []string{one}},
		{"with a byte order mark", "\ufeff" + lowerFinding, []string{one}},
		{"an array", "[" + lowerFinding + ", " + upperFinding + "]", []string{one, one}},
		{"an array of every shape", "[" + lowerFinding + "," + event(other) + "," + asffFinding + "," + ocsfFinding + "]", []string{one, two, one, one}},
		{"JSON lines", line(lowerFinding) + "\n" + line(other) + "\n", []string{one, two}},
		{"JSON lines with empty ones", "\n" + line(lowerFinding) + "\r\n\r\n" + line(other), []string{one, two}},
		{"printed one after the other", lowerFinding + "\n" + other, []string{one, two}},
		{"the answer of GetFindings", `{"Findings": [` + upperFinding + "," + other + `]}`, []string{one, two}},
		{"the wire's answer of GetFindings", `{"findings": [` + other + `], "nextToken": ""}`, []string{two}},
		{"an answer without findings", `{"Findings": []}`, nil},
		{"an empty array", `[]`, nil},
		{"Security Hub's event", `{"version": "0", "detail-type": "Security Hub Findings - Imported", "source": "aws.securityhub", "detail": {"findings": [` + asffFinding + `]}}`, []string{one}},
		{"an array of events", "[" + event(upperFinding) + "]", []string{one}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fs, err := Parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range fs {
				got = append(got, f.ID)
				if !strings.Contains(tt.text, string(f.Raw())) {
					t.Errorf("Raw of %s is not in the text", f.ID)
				}
			}
			if d := cmp.Diff(got, tt.want); d != "" {
				t.Errorf("ids (-got +want):\n%s", d)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	tests := []struct{ name, text, want string }{
		{"nothing", "", "nothing but white space"},
		{"white space", " \n\t", "nothing but white space"},
		{"no JSON", "GuardDuty", "document 1: line 1, byte 0: no JSON"},
		{"no JSON on the third line", "{\"a\":\n1,\n}", "document 1: line 3, byte 9: no JSON"},
		{"half a document", lowerFinding[:500], "the JSON ends in the middle; is the file complete?"},
		{"text", `"finding"`, "a finding is an object"},
		{"null", `null`, "a finding is an object"},
		{"an empty object", `{}`, `no "type" and "id" (it is empty)`},
		{"something else", `{"eventName": "GetObject", "eventID": "x"}`, `no "type" and "id" (it has "eventID", "eventName")`},
		{"an id without a type", `{"id": "x"}`, `no "type" and "id" (it has "id")`},
		{"an empty id", `{"id": "", "type": "A:B/C"}`, `no "type" and "id"`},
		{"the second of an array", "[" + lowerFinding + ",\n{}]", fmt.Sprintf("document 1, finding 2 (line %d, byte %d): this is JSON but no GuardDuty finding", strings.Count(lowerFinding, "\n")+2, len(lowerFinding)+3)},
		{"an array in an array", "[[" + lowerFinding + "]]", "finding 1 (line 1, byte 1): this is JSON but no GuardDuty finding"},
		{"the second line", `{"id":"a","type":"A:B/C"}` + "\n" + `{"id":"b"}`, "document 2 (line 2, byte 26)"},
		{"the second line is no JSON", `{"id":"a","type":"A:B/C"}` + "\n" + `oops`, "document 2: line 2, byte 26: no JSON"},
		{"ids only", `{"FindingIds": ["a"]}`, "answer of ListFindings"},
		{"another event", `{"source": "aws.ec2", "detail": {"instance-id": "i-1"}}`, `this is an event, but its detail is no GuardDuty finding`},
		{"Inspector in Security Hub", strings.NewReplacer("product/aws/guardduty", "product/aws/inspector", `"ProductName": "GuardDuty"`, `"ProductName": "Inspector"`, ":guardduty:", ":inspector2:").Replace(asffFinding), `of the product "Inspector", no GuardDuty finding`},
		{"another OCSF class", `{"class_uid": 3002, "metadata": {}}`, `OCSF of class "3002"`},
		{"another OCSF product", `{"class_uid": 2004, "metadata": {"product": {"name": "Example EDR"}}}`, `OCSF finding of the product "Example EDR"`},
		{"gzip", "\x1f\x8b\x08\x00", "unpack it first"},
		{"a member twice", `{"id": "a", "type": "A:B/C", "id": "b"}`, `member "id" is given twice`},
		{"a member twice, deep", `{"id": "a", "type": "A:B/C", "service": {"count": 1, "count": 2}}`, `member "service.count" is given twice`},
		{"a member in two spellings", `{"id": "a", "Id": "b", "type": "A:B/C", "Type": "A:B/C"}`, `given twice under two spellings`},
		{"findings twice", `{"Findings": [], "Findings": []}`, `member "Findings" is given twice`},
		{"our own member", `{"id": "a", "type": "A:B/C", "received": 1}`, `a member "received", which is kept for ourselves`},
		{"brackets without end", deep, "no JSON"},
		{"brackets", deep + strings.Repeat("]", 100_000), "exceeded max depth"},
		{"deeper than any finding", `{"id": "a", "type": "A:B/C", "x": ` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, "nested deeper than 200 levels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fs, err := Parse([]byte(tt.text))
			if err == nil {
				t.Fatalf("Parse = %d findings, want an error with %q", len(fs), tt.want)
			}
			if !strings.HasPrefix(err.Error(), "parse finding: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v\nwant an error with %q", err, tt.want)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// Strange findings are findings: nobody may hide one by making it strange.
func TestWhatIsNotRefused(t *testing.T) {
	with := func(more string) string { return `{"id": "a", "type": "A:B/C", ` + more + `}` }
	tests := []struct {
		name, text string
		check      func(Finding) bool
	}{
		{"no resource, no service", `{"id": "a", "type": "A:B/C"}`, func(f Finding) bool { return f.Resource.Name == "" && f.Band() == "" && f.Created.IsZero() }},
		{"members of the wrong kind", with(`"resource": [], "service": "x", "severity": {}, "createdAt": false, "accountId": ["1"]`), func(f Finding) bool { return f.Severity == 0 && f.Account == "" }},
		{"nulls", with(`"resource": null, "service": {"action": null, "evidence": [null]}`), func(f Finding) bool { _, ok := f.At("resource"); return !ok }},
		{"a severity beyond all numbers", with(`"severity": 1e999`), func(f Finding) bool { v, _ := f.At("severity"); return f.Severity == 0 && v == json.Number("1e999") }},
		{"a severity out of range", with(`"severity": 12.5`), func(f Finding) bool { return f.Severity == 12.5 && f.Band() == "" }},
		{"a negative severity", with(`"severity": -1`), func(f Finding) bool { return f.Band() == "" }},
		{"a count beyond integers", with(`"service": {"count": 99999999999999999999}`), func(f Finding) bool { return f.Count == 0 }},
		{"a count as text", with(`"service": {"count": "7"}`), func(f Finding) bool { return f.Count == 7 }},
		{"a number of many digits", with(`"x": 0.1000000000000000055511151231257827`), func(f Finding) bool {
			v, _ := f.At("x")
			return v == json.Number("0.1000000000000000055511151231257827")
		}},
		{"a time in the future", with(`"createdAt": "2999-01-01T00:00:00Z"`), func(f Finding) bool { return f.Created.Year() == 2999 }},
		{"NUL and bidi controls", with(`"title": "a\u0000b\u202Ec\u2028d"`), func(f Finding) bool { return f.Title == "a\x00b\u202ec\u2028d" }},
		{"half a surrogate", with(`"title": "\ud800"`), func(f Finding) bool { return f.Title == "\ufffd" }},
		{"bytes that are no UTF-8", with("\"title\": \"\xff\""), func(f Finding) bool { return f.Title == "\ufffd" }},
		{"a name of a user that looks like a sample's", with(`"resource": {"accessKeyDetails": {"userName": "GeneratedFindingUserName"}}`), func(f Finding) bool { return !f.Sample && f.Resource.Name == "GeneratedFindingUserName" }},
		{"additionalInfo with both spellings", with(`"service": {"additionalInfo": {"value": "{\"A\":1,\"a\":2}", "Sample": true}}`), func(f Finding) bool {
			v, _ := f.At("service.additionalInfo.a")
			w, _ := f.At("service.additionalInfo.A")
			return f.Sample && v == json.Number("2") && w == json.Number("1")
		}},
		{"additionalInfo.value that is no JSON", with(`"service": {"additionalInfo": {"value": "{oops"}}`), func(f Finding) bool { v, _ := f.At("service.additionalInfo.value"); return v == "{oops" }},
		{"an address that is none", with(`"service": {"action": {"awsApiCallAction": {"remoteIpDetails": {"ipAddressV4": "AWS Internal"}}}}`), func(f Finding) bool {
			return !f.Action.Remote.IP.IsValid() && f.Action.Remote.Text == "AWS Internal"
		}},
		{"a port that is none", with(`"service": {"action": {"networkConnectionAction": {"localPortDetails": {"port": 70000}}}}`), func(f Finding) bool { return f.Action.LocalPort == 0 }},
		{"names with quotes", with(`"x\"y": {"": 1}`), func(f Finding) bool { v, ok := f.At(`x"y.`); return ok && v == json.Number("1") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := parseOne(t, []byte(tt.text))
			if !tt.check(f) {
				t.Errorf("read as %+v", f)
			}
			printed, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(parseOne(t, printed), f); d != "" {
				t.Errorf("read again:\n%s", d)
			}
		})
	}
}

func TestPrinting(t *testing.T) {
	f := parseOne(t, []byte(`{"Type": "A:B/C", "Id": "a", "Severity": 8.0, "Title": "<&>", "Resource": null}`))
	got, err := f.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"a","received":{"shape":"GetFindings"},"severity":8.0,"title":"<&>","type":"A:B/C"}`; string(got) != want {
		t.Errorf("printed %s\nwant    %s", got, want)
	}
	if _, err := json.Marshal(Finding{ID: "a"}); err == nil {
		t.Error("a finding that nobody read was printed")
	}
}

func TestNothingReceivedIsLost(t *testing.T) {
	f := parseOne(t, []byte(event(lowerFinding)))
	for path, want := range map[string]any{
		"received.envelope.account":                "999988887777", // where it was emitted
		"accountId":                                "111122223333", // what it is about
		"received.envelope.detail-type":            "GuardDuty Finding",
		"resource.s3BucketDetails.0.createdAt":     json.Number("1636625755.218"),
		"service.additionalInfo.type":              "default",
		"service.action.awsApiCallAction.api":      "GetObject",
		"resource.s3BucketDetails.0.tags.0.value":  "secret",
		"resource.s3BucketDetails.0.nothing":       nil,
		"resource.s3BucketDetails.1":               nil,
		"resource.s3BucketDetails.-1":              nil,
		"resource.s3BucketDetails.x":               nil,
		"resource.s3BucketDetails.0.tags.0.key.no": nil,
	} {
		if got, ok := f.At(path); got != want || ok != (want != nil) {
			t.Errorf("At(%s) = %v, %t, want %v", path, got, ok, want)
		}
	}
	f = parseOne(t, []byte(asffFinding))
	if got, _ := f.At("received.document.Workflow.Status"); got != "NEW" {
		t.Errorf("Security Hub's workflow status is lost: %v", got)
	}
}

// Lists and names of a size that no finding has take no time worth measuring: with an
// algorithm that compares each with each this test would not end.
func TestHugeFindingsAreReadInTime(t *testing.T) {
	many := func(format string) string {
		var b strings.Builder
		for i := range 50_000 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	f := parseOne(t, []byte(`{"id": "a", "type": "A:B/C", "service": {"evidence": {"threatIntelligenceDetails": [`+many(`{"threatListName": "%d"}`)+`]}},
	  "resource": {"instanceDetails": {"networkInterfaces": [{"securityGroups": [`+many(`{"groupId": "%d"}`)+`]}]}}}`))
	if len(f.ThreatLists) != 50_000 || len(f.Resource.Instance.SecurityGroups) != 50_000 {
		t.Errorf("%d lists and %d groups were read", len(f.ThreatLists), len(f.Resource.Instance.SecurityGroups))
	}
	slashes := strings.Repeat("/", 1_000_000)
	f = parseOne(t, []byte(strings.Replace(asffFinding, `["TTPs/`, `["`+slashes+`", "TTPs/`, 1)))
	if f.Type != "Exfiltration:S3/AnomalousBehavior" {
		t.Errorf("Type = %.80q", f.Type)
	}
	parseOne(t, []byte(strings.Replace(asffFinding, `service/count"`, slashes+`"`, 1)))
}
