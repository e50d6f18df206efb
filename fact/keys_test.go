package fact_test

import (
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

// A key that an IAM user makes for itself is told from one that it makes for anybody else; what
// the record does not say counts as somebody else's.
func TestWhoseKeyItWas(t *testing.T) {
	for name, c := range map[string]struct {
		userType, user, target, errorCode string
		own, foreign                      int64
	}{
		"for oneself, without a name":    {"IAMUser", "batch-operator", "", "", 1, 0},
		"for oneself, by name":           {"IAMUser", "batch-operator", "batch-operator", "", 1, 0},
		"for oneself, in another case":   {"IAMUser", "batch-operator", "Batch-Operator", "", 1, 0},
		"for another user":               {"IAMUser", "batch-operator", "backup-operator", "", 0, 1},
		"a name that only looks alike":   {"IAMUser", "batch-operator", "batch\u2010operator", "", 0, 1},
		"by a role, without a name":      {"AssumedRole", "", "", "", 0, 1},
		"by a role, for a user":          {"AssumedRole", "", "batch-operator", "", 0, 1},
		"by a role that names itself so": {"AssumedRole", "batch-operator", "batch-operator", "", 0, 1},
		"of the root user":               {"Root", "", "", "", 0, 1},
		"by one whose kind is not known": {"", "batch-operator", "batch-operator", "", 0, 1},
		"refused":                        {"IAMUser", "batch-operator", "backup-operator", "AccessDenied", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
			window := query.Window{From: at.Add(-24 * time.Hour), To: at.Add(24 * time.Hour)}
			text := func(s string) query.Value {
				if s == "" {
					return query.Value{}
				}
				return query.TextOf(s)
			}
			settings, err := fact.EncodeSettings(fact.Settings{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			set := evidence.NewSet([]evidence.Item{
				{ID: "E1", Kind: evidence.FindingItem},
				{ID: "E2", Kind: evidence.SettingsItem, Body: settings},
				{
					ID: "E3", Kind: evidence.AnswerItem, Question: "credential", Subject: "credential", Answers: []string{"activity.*"},
					Scope: query.Scope{Kind: "cloudtrail_management", Window: window}, Ask: query.Query{Dataset: query.CloudTrail, Window: window},
					Coverage: []evidence.Coverage{{Window: window, State: evidence.Collected}},
					Answer: evidence.Answer{
						Outcome: evidence.Found, Columns: []string{"event_time", "api", "user_type", "user_name", "target_user", "error_code"},
						Rows: []evidence.Row{{query.TimeOf(at), query.TextOf("CreateAccessKey"), text(c.userType), text(c.user), text(c.target), text(c.errorCode)}},
					},
				},
			})
			facts, err := fact.Derive(finding.Finding{}, set)
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range map[fact.Key]int64{"activity.own_keys": c.own, "activity.foreign_keys": c.foreign, "activity.new_keys": c.own + c.foreign} {
				if f := facts.Get(key, "credential"); f.State != fact.Known || f.Value.Num != want {
					t.Errorf("%s = %v %d; want %d", key, f.State, f.Value.Num, want)
				}
			}
		})
	}
}
