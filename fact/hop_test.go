package fact_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

// Sessions are followed by the keys that were issued: through both accounts' records of one call,
// past refusals, and only as far as a question asked for the key in a log that is whole.
func TestRoleHops(t *testing.T) {
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	window := query.Window{From: at.Add(-24 * time.Hour), To: at.Add(24 * time.Hour)}
	const home, far = "111122223333", "222233334444"
	columns := []string{"event_time", "event_id", "api", "account", "access_key", "error_code", "role_arn", "new_access_key", "user_arn"}
	n := 0
	call := func(minute int, account, key, api, failed, role, issued string) evidence.Row {
		n++
		row := evidence.Row{query.TimeOf(at.Add(time.Duration(minute) * time.Minute))}
		for _, s := range []string{fmt.Sprint("event-", n), api, account, key, failed, role, issued, "arn:aws:iam::" + account + ":user/x"} {
			if s == "" {
				row = append(row, query.Value{})
				continue
			}
			row = append(row, query.TextOf(s))
		}
		return row
	}
	role := func(account, name string) string { return "arn:aws:iam::" + account + ":role/" + name }
	answer := func(question, subject, answers, account, keys string, whole bool, rows ...evidence.Row) evidence.Item {
		state := evidence.Collected
		if !whole {
			state = evidence.Unknown
		}
		where, err := query.ParseExpr(query.CloudTrail, keys)
		if err != nil {
			t.Fatal(err)
		}
		outcome := evidence.Found
		if len(rows) == 0 {
			outcome = evidence.Empty
		}
		return evidence.Item{
			Kind: evidence.AnswerItem, Question: question, Subject: subject, Answers: []string{answers},
			Scope: query.Scope{Kind: "cloudtrail_management", Account: account, Window: window}, Ask: query.Query{Dataset: query.CloudTrail, Window: window, Where: where},
			Coverage: []evidence.Coverage{{Kind: "cloudtrail_management", Account: account, Window: window, State: state, Why: evidence.WhyHistory}},
			Answer:   evidence.Answer{Outcome: outcome, Columns: columns, Rows: rows},
		}
	}
	const own = `access_key = "AKIAEXAMPLE00000001"`
	first := func(keys string) string { return "access_key in (" + keys + ")" }
	derive := func(items ...evidence.Item) fact.Facts {
		t.Helper()
		settings, err := fact.EncodeSettings(fact.Settings{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		list := append([]evidence.Item{{Kind: evidence.FindingItem}, {Kind: evidence.SettingsItem, Body: settings}}, items...)
		for i := range list {
			list[i].ID = evidence.ID(fmt.Sprintf("E%d", i+1))
		}
		f := finding.Finding{Account: home, FirstSeen: at, Type: "Discovery:IAMUser/AnomalousBehavior"}
		f.Resource.AccessKey.ID = "AKIAEXAMPLE00000001"
		facts, err := fact.Derive(f, evidence.NewSet(list))
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	column := func(facts fact.Facts, name string) string {
		d, _ := fact.DefOf("hop.table")
		var out []string
		for i, c := range d.Columns {
			if c.Name != name {
				continue
			}
			for _, row := range facts.Get("hop.table", "").Value.Rows {
				switch row[i].Type {
				case 0:
					out = append(out, "-")
				case fact.Int:
					out = append(out, fmt.Sprint(row[i].Num))
				default:
					out = append(out, row[i].Str)
				}
			}
		}
		return strings.Join(out, " ")
	}
	credential := func(whole bool, rows ...evidence.Row) evidence.Item {
		return answer("credential", "credential", "activity.*", home, own, whole, rows...)
	}
	const k1, k2, k3, k4 = "ASIAEXAMPLE00000001", "ASIAEXAMPLE00000002", "ASIAEXAMPLE00000003", "ASIAEXAMPLE00000004"
	toFar := call(1, home, "AKIAEXAMPLE00000001", "AssumeRole", "", role(far, "audit"), k1)
	toFarThere := call(1, far, "AKIAEXAMPLE00000001", "AssumeRole", "", role(far, "audit"), k1)
	refused := call(2, home, "AKIAEXAMPLE00000001", "AssumeRole", "AccessDenied", role(far, "admin"), "")
	onwards := call(3, far, k1, "AssumeRole", "", role(far, "deploy"), k2)
	changes := call(4, far, k2, "AttachRolePolicy", "", "", "")
	denied := call(5, far, k2, "CreateUser", "AccessDenied", "", "")
	further := call(6, far, k2, "AssumeRole", "", role("333344445555", "deep"), k3)
	token := call(7, home, "AKIAEXAMPLE00000001", "GetSessionToken", "", "", k4)
	both := fmt.Sprintf("%q, %q", k1, k4)

	t.Run("all is seen", func(t *testing.T) {
		facts := derive(
			credential(true, toFar, toFarThere, refused, token),
			answer("hop-home", "home", "hop.first_calls", home, first(both), true),
			answer("hop-other", "other", "hop.first_calls", far, first(both), true, onwards),
			answer("second-hop-home", "home", "hop.second_calls", home, first(`"`+k2+`"`), true),
			answer("second-hop-other", "other", "hop.second_calls", far, first(`"`+k2+`"`), true, changes, denied),
		)
		for name, want := range map[string]string{
			"step": "1 1 2 1", "account": far + " " + far + " " + far + " " + home, "calls": "1 - 2 0", "state": "used refused used unused", "api": "AssumeRole AssumeRole AssumeRole GetSessionToken",
			"key": "ASIA…0001 - ASIA…0002 ASIA…0004",
		} {
			if got := column(facts, name); got != want {
				t.Errorf("%s = %q; want %q", name, got, want)
			}
		}
		for key, want := range map[fact.Key]int64{"hop.count": 3, "hop.refused": 1, "hop.deepest": 2, "hop.calls": 3, "hop.access_calls": 1, "hop.logging_calls": 0} {
			if f := facts.Get(key, ""); f.State != fact.Known || f.Value.Num != want {
				t.Errorf("%s = %v %d; want %d", key, f.State, f.Value.Num, want)
			}
		}
		if f := facts.Get("hop.unseen", ""); f.State != fact.NotApplicable {
			t.Errorf("hop.unseen = %v %v", f.State, f.Value)
		}
	})
	for name, c := range map[string]struct {
		items  []evidence.Item
		states string
		gap    string
	}{
		"the other account's log is not whole": {[]evidence.Item{
			credential(true, toFar), answer("hop-home", "home", "hop.first_calls", home, first(`"`+k1+`"`), true), answer("hop-other", "other", "hop.first_calls", far, first(`"`+k1+`"`), false),
		}, "unseen", "cloudtrail_management"},
		"it shows a part": {[]evidence.Item{
			credential(true, toFar), answer("hop-other", "other", "hop.first_calls", far, first(`"`+k1+`"`), false, call(4, far, k1, "ListUsers", "", "", "")),
		}, "used_at_least", "cloudtrail_management"},
		"nobody asked for the key": {[]evidence.Item{
			credential(true, toFar), answer("hop-other", "other", "hop.first_calls", far, first(`"`+k4+`"`), true),
		}, "not_followed", "cloudtrail_management"},
		"no key was recorded": {[]evidence.Item{credential(true, call(1, home, "AKIAEXAMPLE00000001", "AssumeRole", "", role(far, "audit"), ""))}, "no_key", "session"},
		"a third step": {[]evidence.Item{
			credential(true, toFar), answer("hop-other", "other", "hop.first_calls", far, first(`"`+k1+`"`), true, onwards), answer("hop-home", "home", "hop.first_calls", home, first(`"`+k1+`"`), true),
			answer("second-hop-other", "other", "hop.second_calls", far, first(`"`+k2+`"`), true, further),
		}, "used used not_followed", "cloudtrail_management"},
		"an account that is none": {[]evidence.Item{credential(true, call(1, home, "AKIAEXAMPLE00000001", "AssumeRole", "", "arn:aws:iam::*:role/x", k1))}, "not_followed", "cloudtrail_management"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := derive(c.items...)
			if got := column(facts, "state"); got != c.states {
				t.Errorf("state = %q; want %q", got, c.states)
			}
			if f := facts.Get("hop.access_calls", ""); f.State != fact.Unknown || f.Gap.Key != c.gap {
				t.Errorf("hop.access_calls = %v behind %v; want unknown behind %s", f.State, f.Gap, c.gap)
			}
			if f := facts.Get("hop.count", ""); f.State != fact.AtLeast {
				t.Errorf("hop.count = %v", f.State)
			}
		})
	}
	t.Run("no hop", func(t *testing.T) {
		if f := derive(credential(true, call(1, home, "AKIAEXAMPLE00000001", "ListUsers", "", "", ""))).Get("hop.count", ""); f.State != fact.Known || f.Value.Num != 0 {
			t.Errorf("hop.count = %v %d", f.State, f.Value.Num)
		}
		if f := derive(credential(false, call(1, home, "AKIAEXAMPLE00000001", "ListUsers", "", "", ""))).Get("hop.count", ""); f.State != fact.Unknown {
			t.Errorf("hop.count = %v although the log is not whole", f.State)
		}
	})
}
