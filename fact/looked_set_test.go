package fact

import (
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
)

func TestDurationsOfSessions(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT1H": time.Hour, "PT12H": 12 * time.Hour, "PT8H30M": 8*time.Hour + 30*time.Minute, "PT90M": 90 * time.Minute, "PT3600S": time.Hour, "PT0.5S": time.Second,
		"P1D": 24 * time.Hour, "P1DT1H": 25 * time.Hour, "P1W": 168 * time.Hour,
		"": 0, "P": 0, "PT": 0, "PT0S": 0, "-PT1H": 0, "P1M": 0, "P1Y": 0, "8h": 0, "PT8H\n": 0, " PT8H": 0, "PT８H": 0, "PT99999999999H": 0, "P1.5D": 0, "PT1H ": 0,
	} {
		if got, ok := isoDuration(text); got != want || ok != (want > 0) {
			t.Errorf("%q is %v, %v; want %v", text, got, ok, want)
		}
	}
}

func FuzzDurations(f *testing.F) {
	for _, s := range []string{"PT8H", "P1DT1H", "PT0.5S", "P1W", "-P1D"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := isoDuration(s); ok != (d > 0) || d > 8000*24*time.Hour {
			t.Errorf("%q is %v, %v", s, d, ok)
		}
	})
}

// setOf is a look-up of a permission set in which every part answered but those named.
func setOf(p evidence.LookedPermissionSet, denied ...string) evidence.Item {
	b := evidence.Body{Kind: evidence.LookPermissionSet, PermissionSet: &p, Parts: parts(managedOfSet, customerOfSet, inlineOfSet, boundaryOfSet, assignedToSet)}
	for i := range b.Parts {
		for _, d := range denied {
			if b.Parts[i].Name == d {
				b.Parts[i].Outcome = evidence.Denied
			}
		}
	}
	it := lookup(evidence.Found, b)
	it.Answers = []string{"actor.set_*"}
	return it
}

func TestPermissionSetsThatWereLookedUp(t *testing.T) {
	whole := evidence.LookedPermissionSet{
		ARN: "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef", Name: "Admin", Description: "<b>\u202E", Duration: "PT8H",
		Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/job-function/Billing"}, Customer: []string{"/team/limit"}, Inline: true, Boundary: "/guard/rail",
		Users: []string{"user-1", "user-2"}, Groups: []string{"group-1"},
	}
	check(t, lookedCase(t, Settings{}, "x", setOf(whole)), map[Key]string{
		"actor.set_provisioned": "true", "actor.set_arn": whole.ARN, "actor.set_description": "<b>\u202E",
		"actor.set_managed_policies": "arn:aws:iam::aws:policy/AdministratorAccess, arn:aws:iam::aws:policy/job-function/Billing", "actor.set_customer_policies": "/team/limit",
		"actor.set_inline_policy": "true", "actor.set_boundary": "/guard/rail", "actor.set_administrator": "true", "actor.set_wide_policies": "AdministratorAccess",
		"actor.set_assigned_users": "2", "actor.set_assigned_groups": "1", "actor.set_person_assigned": "directly",
		"actor.set_session_until": "does not arise", // the record tells no session
	})
	// Nothing in it is told as nothing, not as unknown.
	check(t, lookedCase(t, Settings{}, "x", setOf(evidence.LookedPermissionSet{ARN: whole.ARN, Name: "Admin", Duration: "PT1H"})), map[Key]string{
		"actor.set_description": "does not arise", "actor.set_managed_policies": "does not arise", "actor.set_customer_policies": "does not arise", "actor.set_inline_policy": "false",
		"actor.set_boundary": "does not arise", "actor.set_administrator": "false", "actor.set_wide_policies": "does not arise",
		"actor.set_assigned_users": "0", "actor.set_assigned_groups": "0", "actor.set_person_assigned": "none",
	})
	// What was refused is unknown, part by part, and what was answered beside it is told.
	check(t, lookedCase(t, Settings{}, "x", setOf(whole, managedOfSet, assignedToSet)), map[Key]string{
		"actor.set_managed_policies": "unknown: look_permission_set Denied", "actor.set_administrator": "unknown: look_permission_set Denied", "actor.set_wide_policies": "unknown: look_permission_set Denied",
		"actor.set_assigned_users": "unknown: look_permission_set Denied", "actor.set_assigned_groups": "unknown: look_permission_set Denied", "actor.set_person_assigned": "unknown: look_permission_set Denied",
		"actor.set_inline_policy": "true", "actor.set_customer_policies": "/team/limit",
	})
	check(t, lookedCase(t, Settings{}, "x", setOf(whole, customerOfSet, inlineOfSet, boundaryOfSet)), map[Key]string{
		"actor.set_customer_policies": "unknown: look_permission_set Denied", "actor.set_inline_policy": "unknown: look_permission_set Denied", "actor.set_boundary": "unknown: look_permission_set Denied",
		"actor.set_administrator": "true",
	})
	// A duration in other words is not read for another.
	odd := whole
	odd.Duration = "P1M"
	check(t, lookedCase(t, Settings{}, "x", setOf(odd)), map[Key]string{
		"actor.set_session_minutes": "unknown: look_permission_set ", "actor.set_session_until": "unknown: look_permission_set ", "actor.set_session_open": "unknown: look_permission_set ",
	})
	// A set that is not there, and one that nobody may ask for.
	gone := evidence.Item{Kind: evidence.LookupItem, Answers: []string{"actor.set_*"}, Scope: query.Scope{Kind: string(evidence.LookPermissionSet)}, Answer: evidence.Answer{Outcome: evidence.Empty}}
	check(t, lookedCase(t, Settings{}, "x", gone), map[Key]string{"actor.set_provisioned": "false", "actor.set_administrator": "does not arise", "actor.set_assigned_users": "does not arise"})
	gone.Answer.Outcome = evidence.Denied
	check(t, lookedCase(t, Settings{}, "x", gone), map[Key]string{
		"actor.set_provisioned": "unknown: look_permission_set Denied", "actor.set_administrator": "unknown: look_permission_set Denied", "actor.set_session_until": "unknown: look_permission_set Denied",
		"actor.set_person_assigned": "unknown: look_permission_set Denied",
	})
	// AWS's name on a policy of one's own is no administrator's.
	own := whole
	own.Attached = nil
	own.Customer = []string{"/AdministratorAccess"}
	check(t, lookedCase(t, Settings{}, "x", setOf(own)), map[Key]string{"actor.set_administrator": "false", "actor.set_wide_policies": "does not arise"})
}

func TestWhoIsAssigned(t *testing.T) {
	for name, tt := range map[string]struct {
		users, groups []string
		want          string
	}{
		"by themselves":             {[]string{"user-1"}, nil, "directly"},
		"by themselves and a group": {[]string{"user-0", "user-1"}, []string{"g"}, "directly"},
		"at most by a group":        {[]string{"user-0"}, []string{"g"}, "group_only"},
		"others":                    {[]string{"user-0"}, nil, "none"},
		"nobody":                    {nil, nil, "none"},
	} {
		facts := lookedCase(t, Settings{}, "x", setOf(evidence.LookedPermissionSet{Name: "n", Users: tt.users, Groups: tt.groups}))
		if got := show(facts.Get("actor.set_person_assigned", "")); got != tt.want {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

// until are the facts of a session that was created an hour before the event, with a set of that duration.
func until(t *testing.T, duration string, newer ...evidence.Item) Facts {
	t.Helper()
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	row := evidence.Item{
		Kind: evidence.AnswerItem, Question: "event", Answers: []string{"event.*"}, Scope: query.Scope{Kind: "s3_data"}, Coverage: []evidence.Coverage{{State: evidence.Collected}},
		Answer: evidence.Answer{
			Outcome: evidence.Found, Columns: []string{"event_time", "api", "session_created", "on_behalf_of", "session_issuer_arn", "session_issuer_name"},
			Rows: []evidence.Row{{
				query.TimeOf(at), query.TextOf("ListObjects"), query.TimeOf(at.Add(-time.Hour)), query.TextOf("user-1"),
				query.TextOf("arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Data.User_of_0123456789abcdef"), query.TextOf("AWSReservedSSO_Data.User_of_0123456789abcdef"),
			}},
		},
	}
	return lookedCase(t, Settings{}, "x", append([]evidence.Item{row, setOf(evidence.LookedPermissionSet{Name: "Data.User_of", Duration: duration})}, newer...)...)
}

func TestWhenASessionEndsAtTheLatest(t *testing.T) {
	facts := until(t, "PT8H")
	check(t, facts, map[Key]string{"actor.set_session_minutes": "480", "actor.set_session_until": "2025-09-09T11:20:05Z", "actor.set_session_open": "true"})
	params := Parameters(facts)
	if set, account := params["actor.permission_set"].Text(), params["actor.role_account"].Text(); set != "Data.User_of" || account != "222233334444" {
		t.Errorf("looked up by set %q in account %q", set, account)
	}
	// The finding is of 04:29:43; what is newer than the end says that the session is over.
	check(t, until(t, "PT1H"), map[Key]string{"actor.set_session_minutes": "60", "actor.set_session_until": "2025-09-09T04:20:05Z", "actor.set_session_open": "false"})
	check(t, until(t, "PT70M", evidence.Item{
		Kind: evidence.AnswerItem, Question: "later", Answers: []string{"related.*"}, Scope: query.Scope{Kind: "s3_data"},
		Answer: evidence.Answer{Outcome: evidence.Found, Columns: []string{"event_time"}, Rows: []evidence.Row{{query.TimeOf(time.Date(2025, 9, 9, 4, 30, 5, 0, time.UTC))}}},
	}), map[Key]string{"actor.set_session_until": "2025-09-09T04:30:05Z", "actor.set_session_open": "false"})
	check(t, until(t, "PT70M"), map[Key]string{"actor.set_session_open": "true"})
	check(t, until(t, "soon"), map[Key]string{"actor.set_session_until": "unknown: look_permission_set ", "actor.set_session_open": "unknown: look_permission_set "})
}
