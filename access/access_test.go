package access

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type document struct {
	Version   string
	Statement []struct {
		Sid, Effect string
		Action      any
		Resource    any
		Principal   map[string]string
		Condition   map[string]map[string]string
	}
}

func parse(t *testing.T, data []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return d
}

func list(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var out []string
	for _, x := range v.([]any) {
		out = append(out, x.(string))
	}
	return out
}

// Reading verbs of the services. Whatever else is granted must be named here with its reason.
var reads = regexp.MustCompile(`^[a-z0-9]+:(Get|List|Describe|Lookup)[A-Za-z]+$`)

var mayWrite = map[string]string{
	"sts:AssumeRole":              "changes nothing",
	"athena:StartQueryExecution":  "a query is started; SELECT is all that is printed",
	"athena:StopQueryExecution":   "a query of ours is stopped",
	"s3:PutObject":                "Athena writes the result into its own bucket",
	"s3:AbortMultipartUpload":     "the same",
	"kms:Decrypt":                 "decrypts what is read",
	"kms:GenerateDataKey":         "encrypts the results; changes nothing",
	"iam:SimulatePrincipalPolicy": "changes nothing",
}

func TestEverythingReads(t *testing.T) {
	for _, f := range Features() {
		for _, g := range f.Grants {
			if f.Doc == "" || g.Why == "" || len(g.Resources) == 0 {
				t.Errorf("%s: a grant without reason or resource: %+v", f.Name, g)
			}
			for _, a := range g.Actions {
				if !reads.MatchString(a) && mayWrite[a] == "" {
					t.Errorf("%s grants %s, which does not read", f.Name, a)
				}
			}
		}
	}
}

func TestPolicies(t *testing.T) {
	all, err := Named(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := Params{Account: "444455556666", Region: "ap-northeast-1", MemberRole: "uratori-member", ReaderRole: "arn:aws:iam::444455556666:role/uratori-reader", Workgroup: "uratori"}
	granted := map[string]bool{}
	for name, data := range map[string][]byte{"reader": ReaderPolicy(all, p), "member": MemberPolicy(all, p)} {
		d := parse(t, data)
		sids := map[string]bool{}
		for _, s := range d.Statement {
			if s.Effect != "Allow" || sids[s.Sid] || !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(s.Sid) {
				t.Errorf("%s: statement %q with effect %s; each has an id of its own, of letters and digits", name, s.Sid, s.Effect)
			}
			sids[s.Sid] = true
			for _, a := range list(s.Action) {
				granted[a] = true
				if strings.Contains(a, "*") {
					t.Errorf("%s grants %s", name, a)
				}
			}
			for _, r := range list(s.Resource) {
				if strings.Contains(r, "{") {
					t.Errorf("%s: resource %s has a placeholder left", name, r)
				}
			}
		}
		// IAM's limit on a managed policy: 6,144 characters without white space.
		if n := len(strings.Join(strings.Fields(string(data)), "")); n > 6144 {
			t.Errorf("%s has %d characters, more than IAM takes", name, n)
		}
	}
	for _, a := range Actions(all) {
		if !granted[a] {
			t.Errorf("%s is in neither policy", a)
		}
	}
	trust := parse(t, TrustPolicy(p)).Statement[0]
	if trust.Principal["AWS"] != p.ReaderRole || trust.Condition["StringEquals"]["sts:ExternalId"] == "" {
		t.Errorf("trust %+v; want the reader role alone, with an external id", trust)
	}
}

func TestFeaturesCanBeLeftOut(t *testing.T) {
	one, err := Named([]string{"findings"})
	if err != nil {
		t.Fatal(err)
	}
	if d := parse(t, ReaderPolicy(one, Params{})); slices.ContainsFunc(d.Statement, func(s struct {
		Sid, Effect string
		Action      any
		Resource    any
		Principal   map[string]string
		Condition   map[string]map[string]string
	},
	) bool {
		return s.Sid == "AssumeMemberRoles"
	}) {
		t.Error("a feature that needs no member account may assume roles in them")
	}
	if _, err := Named([]string{"finding"}); err == nil || !strings.Contains(err.Error(), "findings") {
		t.Errorf("unknown feature: %v", err)
	}
}

func TestOthers(t *testing.T) {
	role := SplunkRole([]string{"aws", "azure"})
	for _, want := range []string{"srchIndexesAllowed = aws;azure", "importRoles =\n", "search = enabled"} {
		if !strings.Contains(role, want) {
			t.Errorf("the Splunk role lacks %q:\n%s", want, role)
		}
	}
	for _, never := range []string{"delete_by_keyword", "admin_all_objects", "edit_", "schedule"} {
		if strings.Contains(role, never) {
			t.Errorf("the Splunk role grants %s", never)
		}
	}
	for _, s := range SlackScopes() {
		if !strings.Contains(SlackManifest(), "- "+s+"\n") {
			t.Errorf("the manifest lacks %s", s)
		}
	}
}

// What a role needs lies within what its policy grants: an example of each resource that a
// statement names, with nothing left to be filled in.
func TestNeeds(t *testing.T) {
	all, err := Named(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := Params{
		Account: "444455556666", Region: "ap-northeast-1", MemberRole: "uratori-member", ReaderRole: "arn:aws:iam::444455556666:role/uratori-reader", Workgroup: "uratori",
		Database: "security", Table: "cloudtrail_logs", LogBucket: "logs.example.co.jp", ResultBucket: "results.example.co.jp", Key: "00000000-0000-4000-a000-000000000001",
		Parameters: []string{"/uratori/splunk", "arn:aws:ssm:us-east-1:444455556666:parameter/other"}, Secrets: []string{"uratori/entra", "arn:aws:secretsmanager:us-east-1:444455556666:secret:x-a1b2c3"},
	}
	needs := Needs(all, p, "444455556666", InReader, InMember, InManagement)
	told := map[string]bool{}
	for _, n := range needs {
		if n.Resource == "" || n.Resource != "*" && strings.ContainsAny(n.Resource, "*?{") {
			t.Errorf("%s needs %v on %q", n.Feature, n.Actions, n.Resource)
		}
		for _, a := range n.Actions {
			told[a+" "+n.Resource] = true
		}
	}
	for _, want := range []string{
		"athena:GetTableMetadata arn:aws:athena:ap-northeast-1:444455556666:datacatalog/AwsDataCatalog", "athena:StartQueryExecution arn:aws:athena:ap-northeast-1:444455556666:workgroup/uratori",
		"s3:GetObject arn:aws:s3:::logs.example.co.jp/example", "s3:ListBucket arn:aws:s3:::results.example.co.jp", "s3:PutObject arn:aws:s3:::results.example.co.jp/example",
		"iam:GetRole arn:aws:iam::444455556666:role/example", "iam:SimulatePrincipalPolicy arn:aws:iam::444455556666:role/uratori-member", "cloudtrail:GetTrailStatus arn:aws:cloudtrail:us-east-1:444455556666:trail/example",
	} {
		if !told[want] {
			t.Errorf("what is needed lacks %s; it is %v", want, needs)
		}
	}
	if n := Needs(all, Params{}, "444455556666", InReader); !slices.ContainsFunc(n, func(n Need) bool { return n.Feature == "athena" && n.Resource == "" }) {
		t.Error("a workgroup that nobody named is known")
	}
	reader := string(ReaderPolicy(all, p))
	for _, want := range []string{":parameter/uratori/splunk", ":parameter/other", ":secret:uratori/entra-??????", ":secret:x-a1b2c3", "AthenaKms1"} {
		if !strings.Contains(reader, want+"\"") {
			t.Errorf("the reader policy lacks %s:\n%s", want, reader)
		}
	}
}
