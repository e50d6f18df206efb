package fact

import "slices"

// Sign-ins of the principal to the AWS Management Console, and whether MFA was used. AWS asks IAM
// users and root for it itself; of a federated sign-in it only knows what the identity provider
// tells, and MFAUsed says "No" whatever happened there (CloudTrail User Guide, "AWS Management
// Console sign-in events"): such a sign-in is not counted.
var loginDefs = []Def{
	{Key: "login.console", Asked: true, Rule: ofLogins(func(loginRow) bool { return true }), Type: Int, Kind: Computed, JA: "コンソールへのサインイン", EN: "console sign-ins", Says: "ConsoleLogin of the IAM user or the root user", Reads: loginReads},
	{Key: "login.failed", Asked: true, Rule: ofLogins(func(l loginRow) bool { return !l.ok }), Type: Int, Kind: Computed, JA: "失敗したコンソールへのサインイン", EN: "console sign-ins that failed", Says: "ConsoleLogin that is no success", Reads: loginReads},
	{Key: "login.without_mfa", Asked: true, Rule: ofLogins(func(l loginRow) bool { return l.ok && l.mfa == "No" }), Type: Int, Kind: Computed, JA: "MFAなしで成功したコンソールへのサインイン", EN: "console sign-ins that succeeded without MFA", Says: "successful ConsoleLogin with additionalEventData.MFAUsed No", Reads: loginReads},
	{Key: "login.table", Asked: true, Rule: loginTable, Type: Table, Kind: Observed, JA: "コンソールへのサインインの記録", EN: "console sign-ins, one by one", Says: "in time order, at most 20", Reads: loginReads, Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "result", Type: Text, JA: "結果", EN: "result"},
		{Name: "mfa", Type: Text, JA: "MFAUsed", EN: "MFAUsed"},
		{Name: "source_ip", Type: Text, JA: "送信元", EN: "source"},
	}},
}

var loginReads = []string{"event_time", "login_result", "user_type", "source_ip", "raw:additionalEventData.MFAUsed"}

type loginRow struct {
	row int
	ok  bool
	mfa string // Yes, No, or "" where the record does not tell
}

// logins are the sign-ins that AWS itself asked MFA for.
func (v *view) logins() (t table, list []loginRow, why result, ok bool) {
	t, why, ok = v.ask("login.console", "")
	if !ok {
		return t, nil, why, false
	}
	for i := range t.len() {
		if kind := t.text(i, "user_type"); kind == "IAMUser" || kind == "Root" {
			list = append(list, loginRow{i, t.text(i, "login_result") == "Success", t.text(i, "raw:additionalEventData.MFAUsed")})
		}
	}
	slices.SortStableFunc(list, func(a, b loginRow) int { return t.time(a.row, "event_time").Compare(t.time(b.row, "event_time")) })
	return t, list, result{}, true
}

func ofLogins(fits func(loginRow) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		t, list, why, ok := v.logins()
		if !ok {
			return why
		}
		var n int64
		var refs []Ref
		for _, l := range list {
			if fits(l) {
				n++
				if len(refs) < 20 {
					refs = append(refs, t.row(l.row))
				}
			}
		}
		r := t.counted(n)
		r.from = append(r.from, refs...)
		return r
	}
}

func loginTable(v *view, _ string) result {
	t, list, why, ok := v.logins()
	switch {
	case !ok:
		return why
	case len(list) == 0:
		return t.empty()
	}
	val := Value{Type: Table, More: len(list) > 20}
	for _, l := range list[:min(20, len(list))] {
		val.Rows = append(val.Rows, Row{TimeOf(t.time(l.row, "event_time")), TextOf(t.text(l.row, "login_result")), TextOf(l.mfa), TextOf(t.text(l.row, "source_ip"))})
	}
	return t.measured(val, true)
}
