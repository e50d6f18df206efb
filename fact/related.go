package fact

import (
	"uratori/finding"
)

var relatedDefs = []Def{
	{Key: "related.findings_same_principal", Rule: relatedFindings(samePrincipal), Type: Int, Kind: Computed, JA: "同じプリンシパルの検出結果", EN: "findings on the principal", Says: "other findings given to this run"},
	{Key: "related.findings_same_ip", Rule: relatedFindings(sameAddress), Type: Int, Kind: Computed, JA: "同じIPアドレスの検出結果", EN: "findings on the address", Says: "other findings given to this run"},
	{Key: "related.findings_same_resource", Rule: relatedFindings(sameResource), Type: Int, Kind: Computed, JA: "同じリソースの検出結果", EN: "findings on the resource", Says: "other findings given to this run"},
	{Key: "related.other_principals_from_ip", Rule: relatedPrincipalCount, Type: Int, Kind: Computed, JA: "同じIPアドレスの他のプリンシパル", EN: "other principals from the address", Says: "different principals with the same source address"},
	{Key: "related.principals_from_ip", Rule: relatedTable("related.principals_from_ip", "user_arn"), Type: Table, Kind: Observed, JA: "同じIPアドレスのプリンシパル", EN: "principals from the address", Says: "by principal", Columns: []Column{
		{Name: "principal", Type: Text, JA: "プリンシパル", EN: "principal"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
	{Key: "related.candidate_persons", Rule: relatedTable("related.candidate_persons", "user_principal_name"), Type: Table, Kind: Observed, JA: "候補ユーザー", EN: "candidate persons", Says: "users who signed in from the source address near the event: a list, never a link", Columns: []Column{
		{Name: "user", Type: Text, JA: "ユーザー", EN: "user"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
	{Key: "related.candidate_count", Rule: relatedCandidates, Type: Int, Kind: Computed, JA: "候補ユーザー", EN: "candidate persons", Says: "users who signed in from the source address near the event"},
	{Key: "related.peer_sessions", Rule: relatedTable("related.peer_sessions", "user_arn"), Type: Table, Kind: Observed, JA: "同じリソースを使うプリンシパル", EN: "principals on the resource", Says: "by principal", Columns: []Column{
		{Name: "principal", Type: Text, JA: "プリンシパル", EN: "principal"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
}

func samePrincipal(a, b finding.Finding) bool {
	x, y := a.Resource.AccessKey, b.Resource.AccessKey
	return x.PrincipalID != "" && x.PrincipalID == y.PrincipalID || x.PrincipalID == "" && x.UserName != "" && x.UserName == y.UserName
}

func sameAddress(a, b finding.Finding) bool {
	return a.Action.Remote.IP.IsValid() && a.Action.Remote.IP == b.Action.Remote.IP
}

func sameResource(a, b finding.Finding) bool {
	return a.Resource.Name != "" && a.Resource.Name == b.Resource.Name
}

// relatedFindings counts the other findings that were given to the same run. Nothing else is
// known of: it never says that there are no others.
func relatedFindings(same func(a, b finding.Finding) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		var n int64
		for _, o := range v.others {
			if o.ID != v.f.ID && o.Account == v.f.Account && same(v.f, o) {
				n++
			}
		}
		return known(IntOf(n), findingRef, settingsRef)
	}
}

func relatedPrincipalCount(v *view, subject string) result {
	r := peers("related.other_principals_from_ip")(v, subject)
	if r.state == Unknown {
		return v.sourceless(r)
	}
	return r
}

func relatedCandidates(v *view, _ string) result {
	t, why, ok := v.ask("related.candidate_count", "")
	if !ok {
		return v.sourceless(why)
	}
	list, _ := t.distinct("user_principal_name", 0)
	return t.counted(int64(len(list)))
}

// sourceless is why nothing is known of others with the same source: where a machine's finding has no
// source, the question does not arise.
func (v *view) sourceless(why result) result {
	if r := eventSourceIP(v, ""); v.machine() && r.state == NotApplicable {
		return notApplicable(findingRef)
	}
	return why
}

// relatedTable lists the groups of an answer by their key.
func relatedTable(key Key, col string) func(*view, string) result {
	return func(v *view, _ string) result {
		t, why, ok := v.ask(key, "")
		if !ok {
			return v.sourceless(why)
		}
		col := col
		if bestEffort(t.Answered) {
			col = "requester"
		}
		val := Value{Type: Table}
		for i := range t.len() {
			if len(val.Rows) == 20 {
				val.More = true
				break
			}
			if t.text(i, col) == "" {
				continue
			}
			val.Rows = append(val.Rows, Row{TextOf(t.text(i, col)), IntOf(t.int(i, "n")), TimeOf(t.time(i, "first")), TimeOf(t.time(i, "last"))})
		}
		if len(val.Rows) == 0 {
			return t.empty()
		}
		return t.measured(val, true)
	}
}
