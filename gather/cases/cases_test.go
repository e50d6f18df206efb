package cases_test

import (
	"strings"
	"testing"

	"uratori/gather/cases"
	"uratori/playbook"
)

func TestDefaultCases(t *testing.T) {
	books, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	results, err := cases.Run(t.Context(), books, "cases.yaml", playbook.DefaultCases())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		for _, w := range r.Wrong {
			t.Errorf("%s: %s", r.Name, w)
		}
	}
	if len(results) < 7 {
		t.Errorf("%d cases", len(results))
	}
	if _, ok := books.Files()[playbook.CasesName]; ok {
		t.Error("the cases are taken for a playbook")
	}
}

// A change of a playbook that the cases speak of is shown as a difference.
func TestAChangedPlaybookIsNoticed(t *testing.T) {
	books, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, old, new, want string }{
		{"s3.yaml", "  - objects\n", "", "missing: objects"},
		{"s3.yaml", "families: [s3]", "families: [rds]", "the playbook is generic\n       want s3"},
		{"questions.yaml", "where: user_principal_name = $person.upn", "where: user_display_name = $person.upn", "where is user_display_name = \"ext-sato.kaede@example.co.jp\"\n  want user_principal_name ="},
		{"questions.yaml", "window: {around: $event.time, before: 30d, after: 1h}", "window: {around: $event.time, before: 29d, after: 1h}", "from is 2025-08-11T04:20:05Z\n  want 2025-08-10T04:20:05Z"},
		{"questions.yaml", "account: $actor.identity_center_account, region", "account: $finding.account, region", "identity-center: account is 111122223333\n  want 444455556666"},
		{"questions.yaml", "where: principal_id = $actor.principal_id and not event_category", "where: principal_id = $actor.principal_id and user_arn = $actor.arn and not event_category", "round 1 asks event, event-of-principal, credential, logging-changes, address-sign-ins, address-principals, api-peers, objects, exposure, bucket-peers, own-days, bucket-days, versions, writes, anonymous, exposures, access-event, access-objects, access-origin, access-peers, access-anonymous, access-own-days, access-days\n   missing: principal"},
		{"questions.yaml", "where: user_arn = $actor.arn and session_created = $actor.session_created", "where: user_arn = $actor.arn", "session is not asked, for want of actor.arn\n  want for want of actor.arn, actor.session_created"},
		{"questions.yaml", "where: user_arn = $actor.arn and session_created = $actor.session_created", "where: access_key = $actor.access_key", "session is asked in round 1\n  want it not asked, for want of actor.arn, actor.session_created"},
	} {
		files := books.Files()
		changed := strings.Replace(string(files[tt.file]), tt.old, tt.new, 1)
		if changed == string(files[tt.file]) {
			t.Fatalf("%q changed nothing", tt.old)
		}
		files[tt.file] = []byte(changed)
		other, err := playbook.FromFiles(files)
		if err != nil {
			t.Fatalf("%q: %v", tt.new, err)
		}
		got := ""
		results, err := cases.Run(t.Context(), other, "cases.yaml", playbook.DefaultCases())
		if err != nil {
			got = err.Error()
		}
		for _, r := range results {
			got += strings.Join(r.Wrong, "\n") + "\n"
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%q: the cases say\n%s\nwant\n%s", tt.new, got, tt.want)
		}
	}
}

func TestMistakesInCases(t *testing.T) {
	books, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	good := string(playbook.DefaultCases())
	for _, tt := range []struct{ old, new, want string }{
		{"schema: uratori.playbook-cases/1", "schema: x", `c.yaml:9:9: schema is "x"`},
		{"name: an SSO session", "nmae: an SSO session", `did you mean "name"`},
		{"      event: &record", "      evnt: &record", `did you mean "event"`},
		{"          access_key: ASIA", "          acess_key: ASIA", `has no column "acess_key"; did you mean "access_key"?`},
		{"event_time: 2025-09-09T04:20:05Z", "event_time: yesterday", "row 1, column event_time: yesterday is no time"},
		{"denied: [event, ", "denied: [evnt, ", `there is no question "evnt"; did you mean "event"?`},
		{"assume-role: {from: 2025", "assume-rule: {from: 2025", `did you mean "assume-role"`},
		{"assume-role: {from: 2025-09-09T04:07:05Z", "assume-role: {from: never", `"never" is no time`},
		{"{where: 'user_principal_name = ", "{where: 'user_principal = ", `did you mean`},
		{"  Type: Exfiltration", "  Typo: Exfiltration", "no GuardDuty finding"},
		{"  AccountId: \"111122223333\"", "  AccountId: 0111", "not a plain number"},
	} {
		bad := strings.Replace(good, tt.old, tt.new, 1)
		if bad == good {
			t.Fatalf("%q changed nothing", tt.old)
		}
		if _, err := cases.Run(t.Context(), books, "c.yaml", []byte(bad)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "c.yaml:") {
			t.Errorf("%q: got %v\nwant %q", tt.new, err, tt.want)
		}
	}
	if _, err := cases.Run(t.Context(), books, "c.yaml", []byte("schema: uratori.playbook-cases/1\n")); err == nil || !strings.Contains(err.Error(), "no cases") {
		t.Errorf("a file without cases: %v", err)
	}
}
