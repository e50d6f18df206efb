package playbook

import (
	"slices"
	"strings"
	"testing"

	"uratori/evidence"
	"uratori/fact"
	"uratori/query"
)

func TestEveryLookedFactHasALookUp(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range set.All() {
		for _, d := range fact.Defs() {
			if d.Looks == "" {
				continue
			}
			if !slices.ContainsFunc(b.LookUps, func(l LookUp) bool {
				return l.Kind == d.Looks && slices.ContainsFunc(l.Answers, func(a string) bool {
					return a == string(d.Key) || strings.HasSuffix(a, "*") && strings.HasPrefix(string(d.Key), strings.TrimSuffix(a, "*"))
				})
			}) {
				t.Errorf("playbook %s looks nothing up for fact %s", b.ID, d.Key)
			}
		}
	}
}

func TestLookUpsAreBoundByTheFirstKeyKnown(t *testing.T) {
	l := LookUp{Kind: evidence.LookPrincipal, Keys: []string{"$actor.session_issuer", "$actor.arn"}, Account: "$finding.account"}
	values := map[string]query.Value{"finding.account": query.TextOf("111122223333")}
	if _, missing := l.Bind(values); !slices.Equal(missing, []string{"actor.session_issuer", "actor.arn"}) {
		t.Errorf("missing %q", missing)
	}
	values["actor.arn"] = query.TextOf("arn:aws:iam::111122223333:user/x")
	want := evidence.Lookup{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::111122223333:user/x", Account: "111122223333"}
	if got, missing := l.Bind(values); got != want || missing != nil {
		t.Errorf("Bind = %+v, %q; want %+v", got, missing, want)
	}
	values["actor.session_issuer"] = query.TextOf("arn:aws:iam::111122223333:role/y")
	if got, _ := l.Bind(values); got.Key != "arn:aws:iam::111122223333:role/y" {
		t.Errorf("bound to %q, which is not the first key", got.Key)
	}
	delete(values, "finding.account")
	if _, missing := l.Bind(values); !slices.Equal(missing, []string{"finding.account"}) {
		t.Errorf("missing %q; want the account", missing)
	}
}

func TestWrongLookUpsAreShown(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ was, is, want string }{
		{"kind: person\n", "kind: persn\n", `unknown kind "persn"; did you mean "person"?`},
		{"key: $person.upn\n", "key: $person.up\n", `unknown parameter $person.up; did you mean "person.upn"?`},
		{"key: $person.upn\n", "key: sato\n", `"sato" is no parameter`},
		{"key: $person.upn\n", "key: $event.time\n", `$event.time is no text`},
		{"answers: [person.*]\n", "answers: [persons.*]\n", `no fact is named "persons.*"`},
		{"answers: [person.*]\n", "answers: []\n", `names no fact that may rest on it`},
		{"    key: $person.upn\n", "", `needs a key`},
		{"  - id: person\n", "  - id: account\n", `look-up "account" stands twice`},
		{"  - id: person\n", "  - id: sign-ins\n", `is a question's id`},
	} {
		files := set.Files()
		text := string(files[QuestionsName])
		if !strings.Contains(text, tt.was) {
			t.Fatalf("questions.yaml holds no %q", tt.was)
		}
		i := strings.LastIndex(text, tt.was)
		files[QuestionsName] = []byte(text[:i] + tt.is + text[i+len(tt.was):])
		if _, err := FromFiles(files); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q instead of %q: %v; want %q", tt.is, tt.was, err, tt.want)
		}
	}
	files := set.Files()
	files["iam.yaml"] = []byte(strings.Replace(string(files["iam.yaml"]), "look_up: [account", "look_up: [acount", 1))
	if _, err := FromFiles(files); err == nil || !strings.Contains(err.Error(), `unknown look-up "acount"; did you mean "account"?`) {
		t.Errorf("a look-up that does not exist: %v", err)
	}
}
