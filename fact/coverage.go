package fact

import (
	"fmt"

	"uratori/evidence"
	"uratori/query"
)

var coverageDefs = []Def{
	{Key: "coverage.table", Rule: coverageTable, Type: Table, Kind: Covering, JA: "ログ収集状況", EN: "coverage", Says: "what each source told of each scope before it was asked", Columns: []Column{
		{Name: "kind", Type: Name, JA: "ログ", EN: "log", Enum: kindNames()},
		{Name: "account", Type: Text, JA: "アカウント", EN: "account"},
		{Name: "region", Type: Text, JA: "リージョン", EN: "Region"},
		{Name: "from", Type: Time, JA: "開始", EN: "from"},
		{Name: "to", Type: Time, JA: "終了", EN: "to"},
		{Name: "source", Type: Text, JA: "照会先", EN: "source"},
		{Name: "state", Type: Name, JA: "状況", EN: "state", Enum: []string{"collected", "not_collected", "unknown"}},
		{Name: "why", Type: Name, JA: "根拠", EN: "how known", Enum: []string{"records", "hole", "no_records", "selectors", "no_trail", "setting", "stopped", "retention", "delay", "history", "asserted", "not_held", "no_response"}},
	}},
	{Key: "coverage.state", Rule: coverageState, Type: Name, Kind: Covering, JA: "収集状況", EN: "coverage", Says: "best state of the kind over the window of its questions", Choices: []string{"collected", "not_collected", "unknown", "partial"}, Each: coverageSubjects},
	{Key: "coverage.asked", Rule: coverageAsked, Type: Table, Kind: Covering, JA: "照会先と結果", EN: "sources asked", Says: "sources in the order asked and what each said", Columns: []Column{
		{Name: "question", Type: Text, JA: "質問", EN: "question"},
		{Name: "source", Type: Text, JA: "照会先", EN: "source"},
		{Name: "outcome", Type: Name, JA: "結果", EN: "outcome", Enum: outcomeWords()},
		{Name: "rows", Type: Int, JA: "行数", EN: "rows"},
		{Name: "reason", Type: Text, JA: "理由", EN: "reason"},
	}},
	{Key: "coverage.failures", Rule: coverageFailures, Type: Int, Kind: Covering, JA: "応答しなかった照会", EN: "questions without an answer", Says: "outcomes denied, throttled, failed"},
}

// kindNames are the kinds of record.
func kindNames() []string {
	var out []string
	for _, k := range query.Kinds() {
		out = append(out, k.Kind)
	}
	return out
}

var coverageStates = map[evidence.State]string{
	evidence.Collected: "collected", evidence.NotCollectedState: "not_collected", evidence.Unknown: "unknown",
}

// coverageTable lists what each source told of each scope, once, in the order of the evidence.
func coverageTable(v *view, _ string) result {
	val := Value{Type: Table}
	var refs []Ref
	seen := map[string]bool{}
	for _, it := range v.set.Items() {
		for _, c := range it.Coverage {
			row := Row{
				NameOf(c.Kind), TextOf(c.Account), TextOf(c.Region), TimeOf(c.Window.From), TimeOf(c.Window.To),
				TextOf(c.Source), NameOf(coverageStates[c.State]), NameOf(string(c.Why)),
			}
			if key := fmt.Sprint(row); !seen[key] {
				seen[key] = true
				val.Rows, refs = append(val.Rows, row), append(refs, Ref(it.ID))
			}
		}
	}
	if len(val.Rows) == 0 {
		return unknown("question")
	}
	return known(val, compactRefs(refs)...)
}

// coverageSubjects are the kinds of record that the case's questions are about.
func coverageSubjects(v *view) []string {
	var kinds []string
	for _, it := range v.set.Items() {
		if it.Kind == evidence.AnswerItem && it.Scope.Kind != "" {
			kinds = append(kinds, it.Scope.Kind)
		}
	}
	return sortedCopy(kinds)
}

// coverageState is what the case's questions met: collected when each found a source that
// covered its whole scope, not_collected when none did and someone says nobody records it. What is
// past its retention may have been recorded: it is unknown, and an answer about what is left of a
// window covers a part of it.
func coverageState(v *view, kind string) result {
	type question struct{ id, subject string }
	var whole, some, denied, all int
	var refs []Ref
	seen := map[question]bool{}
	for _, it := range v.set.Items() {
		q := question{it.Question, it.Subject}
		if it.Kind != evidence.AnswerItem || it.Scope.Kind != kind || seen[q] || it.Answer.Outcome == evidence.NotAsked {
			continue
		}
		seen[q] = true
		all++
		best, no := false, false
		for _, asked := range v.set.Asked(it.Question, it.Subject) {
			refs = append(refs, Ref(asked.ID))
			best = best || asked.Complete() && asked.Scope.Window == it.Scope.Window
			for _, c := range asked.Coverage {
				if c.State == evidence.Collected {
					some++
				}
				if c.State == evidence.NotCollectedState && c.Why != evidence.WhyNotHeld && c.Why != evidence.WhyRetention {
					no = true
				}
			}
		}
		if best {
			whole++
		} else if no {
			denied++
		}
	}
	switch {
	case all == 0:
		return unknown("question")
	case whole == all:
		return known(NameOf("collected"), compactRefs(refs)...)
	case whole > 0 || some > 0:
		return known(NameOf("partial"), compactRefs(refs)...)
	case denied > 0:
		return known(NameOf("not_collected"), compactRefs(refs)...)
	}
	return known(NameOf("unknown"), compactRefs(refs)...)
}

var outcomeNames = map[evidence.Outcome]string{
	evidence.Found: "found", evidence.Empty: "empty", evidence.Truncated: "truncated",
	evidence.NotCollected: "not_collected", evidence.NotYet: "not_yet", evidence.NotAsked: "not_asked",
	evidence.Denied: "denied", evidence.Throttled: "throttled", evidence.Failed: "failed",
}

func coverageAsked(v *view, _ string) result {
	val := Value{Type: Table}
	var refs []Ref
	for _, it := range v.set.Items() {
		if it.Kind != evidence.AnswerItem {
			continue
		}
		name := it.Question
		if it.Subject != "" {
			name += " (" + it.Subject + ")"
		}
		val.Rows = append(val.Rows, Row{
			TextOf(name), TextOf(it.Source), NameOf(outcomeNames[it.Answer.Outcome]),
			IntOf(int64(len(it.Answer.Rows))), TextOf(it.Answer.Reason),
		})
		refs = append(refs, Ref(it.ID))
	}
	if len(refs) == 0 {
		return unknown("question")
	}
	return known(val, refs...)
}

func coverageFailures(v *view, _ string) result {
	var n int64
	var refs []Ref
	for _, it := range v.set.Items() {
		if it.Kind == evidence.SearchItem { // no fact rests on it; searches.asked tells of it
			continue
		}
		switch it.Answer.Outcome {
		case evidence.Denied, evidence.Throttled, evidence.Failed:
			n++
			refs = append(refs, Ref(it.ID))
		case evidence.Found, evidence.Empty, evidence.Truncated, evidence.NotCollected, evidence.NotYet, evidence.NotAsked:
		}
	}
	return known(IntOf(n), refs...)
}
