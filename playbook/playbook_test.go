package playbook

import (
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

// Every type of the catalogue is taken by a playbook; what no other takes is generic.
func TestEveryTypeHasAPlaybook(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range finding.Catalogue() {
		b := set.For(finding.Finding{Type: info.Type})
		if b.ID == "" {
			t.Errorf("%s has no playbook", info.Type)
		}
		if (info.Family == "iam" || info.Family == "s3") && b.ID != info.Family {
			t.Errorf("%s of family %s goes to %s", info.Type, info.Family, b.ID)
		}
	}
	// Families with a playbook of their own, and what the types of credentials' rules go to.
	for family, book := range map[string]string{"attack_sequence": "attack_sequence", "eks_audit": "eks_audit", "ai": "ai", "cdr": "cdr", "s3": "s3"} {
		n := 0
		for _, info := range finding.Catalogue() {
			if info.Family != family {
				continue
			}
			n++
			if b := set.For(finding.Finding{Type: info.Type}); b.ID != book {
				t.Errorf("%s of family %s goes to %s; want %s", info.Type, family, b.ID, book)
			}
		}
		if n == 0 {
			t.Errorf("no type is of family %s", family)
		}
	}
	// A type that is not known goes by its resource, then by its action.
	for book, f := range map[string]finding.Finding{
		"eks_audit":       {Type: "New:Thing/X", Resource: finding.Resource{Type: "EKSCluster"}},
		"s3":              {Type: "New:Thing/X", Resource: finding.Resource{Type: "S3Bucket"}},
		"iam":             {Type: "New:Thing/X", Action: finding.Action{Type: "AWS_API_CALL"}},
		"attack_sequence": {Type: "AttackSequence:New/Thing"},
	} {
		if b := set.For(f); b.ID != book {
			t.Errorf("an unknown type of %s goes to %s", book, b.ID)
		}
	}
	if b := set.For(finding.Finding{Type: "Brand:New/Thing"}); b.ID != Generic {
		t.Errorf("an unknown type goes to %q", b.ID)
	}
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
