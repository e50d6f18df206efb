package fact_test

import (
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

// A link is contradicted by a record that says otherwise, never by a missing one.
func TestContradictedLinks(t *testing.T) {
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	window := query.Window{From: at.Add(-24 * time.Hour), To: at.Add(24 * time.Hour)}
	const (
		role  = "AWSReservedSSO_Admin_0123456789abcdef"
		mine  = "6f2c1d3e-0000-4000-a000-000000000001"
		other = "6f2c1d3e-0000-4000-a000-000000000002"
	)
	for name, c := range map[string]struct {
		principal, session, store, assumeError string
		call, center, assume                   string
	}{
		"everything agrees":                    {"AROAEXAMPLE:sato@example.co.jp", "sato@example.co.jp", mine, "", "confirmed", "unconfirmed", "confirmed"},
		"another principal used the key":       {"AROAOTHER:sato@example.co.jp", "sato@example.co.jp", mine, "", "contradicted", "unconfirmed", "confirmed"},
		"the session names another known user": {"AROAEXAMPLE:sato@example.co.jp", "sato@example.co.jp", other, "", "confirmed", "contradicted", "confirmed"},
		"a name of nobody known is an alias":   {"AROAEXAMPLE:sato@example.co.jp", "s.sato@corp.example", mine, "", "confirmed", "unconfirmed", "confirmed"},
		"the role was refused":                 {"AROAEXAMPLE:sato@example.co.jp", "sato@example.co.jp", mine, "AccessDenied", "confirmed", "unconfirmed", "contradicted"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := fact.EncodeSettings(fact.Settings{People: []fact.Person{
				{UPN: "sato@example.co.jp", IdentityStoreUser: mine}, {UPN: "kato@example.co.jp", IdentityStoreUser: other},
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := func(s string) query.Value {
				if s == "" {
					return query.Value{}
				}
				return query.TextOf(s)
			}
			item := func(id evidence.ID, question, answers string, columns []string, rows ...evidence.Row) evidence.Item {
				outcome := evidence.Found
				if len(rows) == 0 {
					outcome = evidence.Empty
				}
				return evidence.Item{
					ID: id, Kind: evidence.AnswerItem, Question: question, Answers: []string{answers},
					Scope: query.Scope{Kind: "cloudtrail_management", Window: window}, Ask: query.Query{Dataset: query.CloudTrail, Window: window},
					Coverage: []evidence.Coverage{{Window: window, State: evidence.Collected, Why: evidence.WhyHistory}},
					Answer:   evidence.Answer{Outcome: outcome, Columns: columns, Rows: rows},
				}
			}
			created := at.Add(-time.Minute)
			set := evidence.NewSet([]evidence.Item{
				{ID: "E1", Kind: evidence.FindingItem},
				{ID: "E2", Kind: evidence.SettingsItem, Body: settings},
				item("E3", "event", "event.recorded", []string{"event_time", "api", "principal_id", "user_arn", "session_issuer_name", "session_name", "session_created", "on_behalf_of"},
					evidence.Row{query.TimeOf(at), text("ListUsers"), text(c.principal), text("arn"), text(role), text(c.session), query.TimeOf(created), text(c.store)}),
				item("E4", "assume-role", "chain.assume_role", []string{"event_time", "api", "role_arn", "error_code"},
					evidence.Row{query.TimeOf(created), text("AssumeRoleWithSAML"), text("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/" + role), text(c.assumeError)}),
				item("E5", "identity-center", "chain.identity_center", []string{"event_time", "api"}),
			})
			f := finding.Finding{Account: "111122223333", FirstSeen: at, Type: "Discovery:IAMUser/AnomalousBehavior"}
			f.Resource.AccessKey = finding.AccessKey{ID: "ASIAEXAMPLE00000001", PrincipalID: "AROAEXAMPLE:sato@example.co.jp", UserType: "AssumedRole", UserName: role}
			facts, err := fact.Derive(f, set)
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range map[fact.Key]string{"chain.call": c.call, "chain.identity_center": c.center, "chain.assume_role": c.assume} {
				got := facts.Get(key, "")
				if got.Value.Str != want || len(got.From) == 0 {
					t.Errorf("%s = %s from %v; want %s", key, got.Value.Str, got.From, want)
				}
			}
		})
	}
}

// The application that obtained a token for the same user shortly before the session is told;
// anybody else's, an older one and a refused one are not.
func TestApplicationsThatActForThePerson(t *testing.T) {
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	window := query.Window{From: at.Add(-24 * time.Hour), To: at.Add(24 * time.Hour)}
	const user = "6f2c1d3e-0000-4000-a000-000000000001"
	for name, c := range map[string]struct {
		lead        time.Duration
		user, fails string
		scope, want string
	}{
		"a function":         {time.Second, user, "", `{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:ap-northeast-1:444455556666:function:app"}`, "arn:aws:lambda:ap-northeast-1:444455556666:function:app"},
		"a role":             {time.Second, user, "", "", "arn:aws:sts::444455556666:assumed-role/app/app"},
		"for somebody else":  {time.Second, "another", "", "", ""},
		"long before":        {13 * time.Hour, user, "", "", ""},
		"after the session":  {-time.Minute, user, "", "", ""},
		"refused":            {time.Second, user, "AccessDenied", "", ""},
		"a scope of no form": {time.Second, user, "", `[1]`, "arn:aws:sts::444455556666:assumed-role/app/app"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := fact.EncodeSettings(fact.Settings{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := func(s string) query.Value {
				if s == "" {
					return query.Value{}
				}
				return query.TextOf(s)
			}
			item := func(id evidence.ID, question, answers string, columns []string, row evidence.Row) evidence.Item {
				return evidence.Item{
					ID: id, Kind: evidence.AnswerItem, Question: question, Answers: []string{answers},
					Scope: query.Scope{Kind: "cloudtrail_management", Window: window}, Ask: query.Query{Dataset: query.CloudTrail, Window: window},
					Coverage: []evidence.Coverage{{Window: window, State: evidence.Collected, Why: evidence.WhyHistory}},
					Answer:   evidence.Answer{Outcome: evidence.Found, Columns: columns, Rows: []evidence.Row{row}},
				}
			}
			set := evidence.NewSet([]evidence.Item{
				{ID: "E1", Kind: evidence.FindingItem},
				{ID: "E2", Kind: evidence.SettingsItem, Body: settings},
				item("E3", "event", "event.recorded", []string{"event_time", "api", "session_created", "on_behalf_of"}, evidence.Row{query.TimeOf(at), text("ListUsers"), query.TimeOf(at), text(user)}),
				item("E4", "application-tokens", "chain.application", []string{"event_time", "error_code", "user_arn", "in_scope_of", "raw:additionalEventData"},
					evidence.Row{query.TimeOf(at.Add(-c.lead)), text(c.fails), text("arn:aws:sts::444455556666:assumed-role/app/app"), text(c.scope), text(`{"identitystore:UserId":"` + c.user + `"}`)}),
			})
			facts, err := fact.Derive(finding.Finding{Account: "111122223333", FirstSeen: at, Type: "Discovery:IAMUser/AnomalousBehavior"}, set)
			if err != nil {
				t.Fatal(err)
			}
			got := facts.Get("chain.application", "")
			if want := map[bool]fact.State{true: fact.Known, false: fact.NotApplicable}[c.want != ""]; got.State != want || got.Value.Str != c.want {
				t.Errorf("chain.application = %v %q; want %q", got.State, got.Value.Str, c.want)
			}
		})
	}
}
