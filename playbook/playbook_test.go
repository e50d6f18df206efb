package playbook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uratori/finding"
	"uratori/query"
)

func TestDefaultPlaybooksAreWellFormed(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"iam", "s3", Generic} {
		b, ok := set.Get(id)
		if !ok || len(b.Questions) < 10 {
			t.Errorf("playbook %s has %d questions", id, len(b.Questions))
		}
		for _, q := range b.Questions {
			if q.Title.JA == "" || q.Title.EN == "" {
				t.Errorf("%s: question %s has no title in both languages", id, q.ID)
			}
		}
	}
}

// bookOf is the playbook of each family of finding types.
var bookOf = map[string]string{
	"iam": "iam", "cdr": "cdr", "s3": "s3", "ec2": "ec2", "eks_audit": "eks_audit", "runtime": "runtime", "malware_ebs": "malware_ebs",
	"malware_s3": "malware_s3", "malware_backup": "malware_backup", "rds": "rds", "lambda": "lambda", "ai": "ai", "attack_sequence": "attack_sequence",
}

// Each active type goes to its family's playbook, and so does each retired one and each older
// spelling: findings are kept for months after a type has gone.
func TestEveryTypeHasItsFamilysPlaybook(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	hold := func(of finding.Type, family, status string) {
		t.Helper()
		rows++
		want, ok := bookOf[family]
		if !ok {
			t.Errorf("%s is of family %q, which has no playbook", of, family)
		}
		if b := set.For(finding.Finding{Type: of}); b.ID != want {
			t.Errorf("%s (%s, %s) goes to %q, want %q", of, family, status, b.ID, want)
		}
	}
	statuses := map[string]int{}
	for _, info := range finding.Catalogue() {
		statuses[info.Status]++
		hold(info.Type, info.Family, info.Status)
	}
	if statuses["active"] < 220 || statuses["retired"] < 21 || statuses["alias"] < 2 {
		t.Errorf("the catalogue has %v", statuses)
	}
	t.Run("as published", func(t *testing.T) {
		data, err := os.ReadFile(filepath.FromSlash("../../shared/data/guardduty/finding_types.tsv"))
		if err != nil && os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		if err != nil {
			t.Skip("the table of finding types that the catalogue was made of is not here")
		}
		was := rows
		for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			if cols := strings.Split(line, "\t"); i > 0 && len(cols) > 6 {
				hold(finding.Type(cols[0]), cols[1], cols[6])
			}
		}
		if rows-was != len(finding.Catalogue()) {
			t.Errorf("the table has %d types, the catalogue %d", rows-was, len(finding.Catalogue()))
		}
	})
}

// A type that nobody knows yet goes by its text, then by its resource, then by its action; what
// none of them tells is asked the general questions.
func TestUnknownTypesGoToAFittingPlaybook(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	hold := func(f finding.Finding, want string) {
		t.Helper()
		if _, known := finding.Lookup(f.Type); known {
			t.Errorf("%s is known", f.Type)
		}
		if b := set.For(f); b.ID != want {
			t.Errorf("%s, resource %q, action %q: goes to %q, want %q", f.Type, f.Resource.Type, f.Action.Type, b.ID, want)
		}
	}
	for of, want := range map[finding.Type]string{
		"Impact:IAMUser/NewThing": "iam", "Exfiltration:S3/NewThing": "s3", "Behavior:EC2/NewThing": "ec2", "Execution:Kubernetes/NewThing": "eks_audit",
		"Execution:Runtime/NewThing": "runtime", "CredentialAccess:RDS/NewThing": "rds", "Backdoor:Lambda/NewThing": "lambda", "AttackSequence:Thing/New": "attack_sequence",
		"Execution:ECS/MaliciousFile.New": "malware_ebs", "Object:S3/MaliciousFile.New": "malware_s3", "Execution:EC2/MaliciousFile!NewCopy": "malware_backup", "Execution:Runtime/MaliciousFileNew": "runtime",
	} {
		hold(finding.Finding{Type: of}, want)
	}
	for kind, want := range map[string]string{
		"AccessKey": "iam", "S3Bucket": "s3", "S3Object": "malware_s3", "Instance": "ec2", "EKSCluster": "eks_audit", "KubernetesCluster": "eks_audit", "ECSCluster": "runtime",
		"Container": "runtime", "Lambda": "lambda", "RDSDBInstance": "rds", "RDSLimitlessDB": "rds", "EBSSnapshot": "malware_backup", "EC2Image": "malware_backup",
		"RecoveryPoint": "malware_backup", "AttackSequence": "attack_sequence", "NewKind": Generic, "": Generic,
	} {
		hold(finding.Finding{Type: "Brand:New/Thing", Resource: finding.Resource{Type: kind}}, want)
	}
	for action, want := range map[string]string{
		"AWS_API_CALL": "iam", "NETWORK_CONNECTION": "ec2", "DNS_REQUEST": "ec2", "PORT_PROBE": "ec2", "KUBERNETES_API_CALL": "eks_audit", "RDS_LOGIN_ATTEMPT": "rds", "NEW_ACTION": Generic,
	} {
		hold(finding.Finding{Type: "Brand:New/Thing", Action: finding.Action{Type: action}}, want)
	}
	// The resource comes before the action: a call about a bucket is asked about as one of a bucket.
	hold(finding.Finding{Type: "Brand:New/Thing", Resource: finding.Resource{Type: "S3Bucket"}, Action: finding.Action{Type: "AWS_API_CALL"}}, "s3")
}

func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	good := `questions:
  - id: q
    title: {ja: あ, en: a}
    dataset: cloudtrail
    scope: {kind: s3_data}
    window: {around: $event.time, before: 1h}
    where: access_key = $actor.access_key
    select: [event_time, event_id]
    limit: 10
    answers: [event.recorded]
`
	book := "id: generic\nfamilies: [generic]\nask: [q]\n"
	if _, err := FromFiles(map[string][]byte{"questions.yaml": []byte(good), "generic.yaml": []byte(book)}); err != nil {
		t.Fatalf("the good one is refused: %v", err)
	}
	tests := []struct{ name, old, new, want string }{
		{"unknown key", "limit: 10", "limits: 10", `did you mean "limit"`},
		{"unknown field", "access_key =", "acess_key =", `did you mean "access_key"`},
		{"unknown parameter", "$actor.access_key", "$actor.acces_key", `did you mean "actor.access_key"`},
		{"parameter of another type", "access_key = $actor.access_key", "event_time = $actor.access_key", "a time"},
		{"unknown dataset", "dataset: cloudtrail", "dataset: cloudtrial", `did you mean "cloudtrail"`},
		{"unknown fact", "event.recorded", "event.recorder", `did you mean "event.recorded"`},
		{"window without a time", "around: $event.time", "around: $event.api", "is no time"},
		{"no window", "window: {around: $event.time, before: 1h}", "window: {before: 1h}", "around"},
		{"unknown unit", "before: 1h", "before: 1w", "unit"},
		{"no limit", "limit: 10", "limit: 0", "limit"},
		{"no columns", "select: [event_time, event_id]", "select: []", "nothing is asked for"},
		{"a value inside a text", `access_key = $actor.access_key`, `access_key = "x-$actor.access_key" or`, "expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.old, tt.new, 1)
			if bad == good {
				t.Fatal("the mutation changed nothing")
			}
			_, err := FromFiles(map[string][]byte{"questions.yaml": []byte(bad), "generic.yaml": []byte(book)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "questions.yaml:") {
				t.Errorf("got %v\nwant a place in questions.yaml and %q", err, tt.want)
			}
		})
	}
	_, err := FromFiles(map[string][]byte{"questions.yaml": []byte(good), "generic.yaml": []byte("id: generic\nask: [p]\n")})
	if err == nil || !strings.Contains(err.Error(), "generic.yaml:2") {
		t.Errorf("an unknown question: got %v", err)
	}
}

// A playbook brings questions of its own; each has one place, and so has each family.
func TestPlaybooksHaveQuestionsOfTheirOwn(t *testing.T) {
	const own = `  - id: mine
    title: {ja: あ, en: a}
    dataset: cloudtrail
    scope: {kind: s3_data}
    window: {around: $event.time, before: 90d}
    where: access_key = $actor.access_key
    select: [event_time, event_id]
    limit: 10
    answers: [event.recorded]
`
	files := func(book string) map[string][]byte {
		all := map[string][]byte{"iam.yaml": []byte(book)}
		for _, name := range []string{"questions.yaml", "generic.yaml", "s3.yaml"} {
			data, err := defaults.ReadFile("default/" + name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = data
		}
		return all
	}
	set, err := FromFiles(files("id: iam\nfamilies: [iam]\nask: [event, mine]\nquestions:\n" + own))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := set.Get("iam")
	if len(b.Questions) != 2 || b.Questions[1].ID != "mine" || b.Questions[1].Window.Before != 90*24*time.Hour {
		t.Errorf("iam asks %+v", b.Questions)
	}
	if name, data, ok := set.File("s3"); !ok || name != "s3.yaml" || !strings.Contains(string(data), "id: s3\n") {
		t.Errorf("playbook s3 stands in %q (%t):\n%s", name, ok, data)
	}
	tests := []struct{ name, book, want string }{
		{"never asked", "id: iam\nfamilies: [iam]\nask: [event]\nquestions:\n" + own, `iam.yaml:5:9: question "mine" would never be asked`},
		{"a common question's id", "id: iam\nfamilies: [iam]\nask: [event]\nquestions:\n" + strings.Replace(own, "mine", "event", 1), `question "event" stands twice`},
		{"a look-up's id", "id: iam\nfamilies: [iam]\nask: [person]\nquestions:\n" + strings.Replace(own, "mine", "person", 1), `question "person" stands twice, or is a look-up's id`},
		{"another's question", "id: iam\nfamilies: [iam]\nask: [mind]\nquestions:\n" + own, `iam.yaml:3:7: unknown question "mind"; did you mean "mine"?`},
		{"a family taken twice", "id: iam\nfamilies: [iam, generic]\nask: [event]\n", `iam.yaml:2:17: family "generic" is taken by playbook "generic" of generic.yaml`},
		{"a family of no finding", "id: iam\nfamilies: [iam, rdss]\nask: [event]\n", `no finding is of family "rdss"; did you mean "rds"?`},
		{"an id that stands twice", "id: generic\nask: [event]\n", `playbook "generic" stands in generic.yaml too`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := FromFiles(files(tt.book)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestBindTakesWholeValues(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := set.Get("s3")
	for _, q := range b.Questions {
		if q.ID != "sign-ins" {
			continue
		}
		_, _, missing, err := q.Bind(map[string]query.Value{})
		if err != nil || len(missing) != 2 {
			t.Errorf("missing = %v, %v; want event.time and person.upn", missing, err)
		}
		hostile := `x" or user_principal_name exists or user_principal_name = "`
		bound, scope, missing, err := q.Bind(map[string]query.Value{
			"event.time": query.TimeOf(mustTime(t, "2025-09-09T04:20:05Z")), "person.upn": query.TextOf(hostile),
		})
		if err != nil || missing != nil {
			t.Fatal(missing, err)
		}
		if e, ok := bound.Where.(query.Compare); !ok || e.Value.Text() != hostile {
			t.Errorf("where = %v; want one comparison with the whole text", bound.Where)
		}
		if got := query.Stamp(scope.Window.From) + " " + query.Stamp(scope.Window.To); got != "2025-08-10T04:20:05Z 2025-09-09T05:20:05Z" {
			t.Errorf("window = %s", got)
		}
	}
}

func mustTime(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
