package fact

import (
	"encoding/json"
	"fmt"
	"slices"

	"uratori/evidence"
	"uratori/query"
)

var qualityDefs = []Def{
	{Key: "quality.duplicates_removed", Rule: qualityCount(func(q Quality) int64 { return q.DuplicatesRemoved }), Type: Int, Kind: Computed, JA: "重複として除いた記録", EN: "duplicates removed", Says: "as told by the sources"},
	{Key: "quality.conflicts", Rule: qualityCount(func(q Quality) int64 { return q.Conflicts }), Type: Int, Kind: Computed, JA: "同一IDで内容の異なる記録", EN: "records of one id that differ", Says: "as told by the sources"},
	{Key: "quality.quarantined", Rule: qualityQuarantined, Type: Int, Kind: Computed, JA: "読めずに隔離した記録", EN: "records quarantined", Says: "as told by the sources"},
	{Key: "quality.quarantine_list", Rule: qualityQuarantine, Type: Table, Kind: Observed, JA: "隔離した記録", EN: "quarantined records", Says: "as told by the sources, at most 20", Columns: []Column{
		{Name: "source", Type: Text, JA: "照会先", EN: "source"},
		{Name: "file", Type: Text, JA: "ファイル", EN: "file"},
		{Name: "position", Type: Text, JA: "位置", EN: "position"},
		{Name: "reason", Type: Text, JA: "理由", EN: "reason"},
	}},
	{Key: "quality.not_logs", Rule: qualityCount(func(q Quality) int64 { return q.NotLogs }), Type: Int, Kind: Computed, JA: "ログではないファイル", EN: "files that are no logs", Says: "as told by the sources"},
	{Key: "quality.future_events", Rule: qualityCount(func(q Quality) int64 { return q.FutureEvents }), Type: Int, Kind: Computed, JA: "未来の日時を持つ記録", EN: "records in the future", Says: "as told by the sources"},
	{Key: "quality.invalid_ips", Rule: qualityInvalidIPs, Type: Int, Kind: Computed, JA: "IPアドレスとして読めない値", EN: "values that are no address", Says: "rows whose address is no address and no service name"},
	{Key: "quality.contradictions", Rule: qualityContradictions, Type: Texts, Kind: Computed, JA: "食い違い", EN: "contradictions", Says: "sums and sources that do not agree"},
}

// Quality is what a source says of its own records: the body of a QualityItem.
type Quality struct {
	Files             int64         `json:"files"`
	NotLogs           int64         `json:"not_logs"`
	DuplicatesRemoved int64         `json:"duplicates_removed"`
	Conflicts         int64         `json:"conflicts"`
	Quarantined       int64         `json:"quarantined"`
	FutureEvents      int64         `json:"future_events"`
	InvalidIPs        int64         `json:"invalid_ips"`
	QuarantinedOnly   bool          `json:"quarantined_only,omitempty"` // the source tells of what it could not read, and of nothing else
	List              []Quarantined `json:"quarantine,omitempty"`       // the first of them, in order of file and position
}

// Quarantined is one record that could not be read.
type Quarantined struct {
	File     string `json:"file"`
	Position string `json:"position"`
	Reason   string `json:"reason"`
}

type sourceQuality struct {
	source string
	ref    Ref
	q      Quality
}

func (v *view) qualities() []sourceQuality {
	return memo(v, "qualities", func() []sourceQuality {
		var list []sourceQuality
		for _, it := range v.set.Items() {
			if it.Kind != evidence.QualityItem {
				continue
			}
			var q Quality
			if json.Unmarshal(it.Body, &q) == nil {
				list = append(list, sourceQuality{it.Source, Ref(it.ID), q})
			}
		}
		return list
	})
}

func qualityCount(get func(Quality) int64) func(*view, string) result {
	return func(v *view, _ string) result {
		var n int64
		var refs []Ref
		for _, s := range v.qualities() {
			if s.q.QuarantinedOnly {
				continue
			}
			n += get(s.q)
			refs = append(refs, s.ref)
		}
		if len(refs) == 0 {
			return unknown("question")
		}
		return known(IntOf(n), refs...)
	}
}

// qualityQuarantined counts what files and services held that could not be read.
func qualityQuarantined(v *view, _ string) result {
	var n int64
	var refs []Ref
	for _, s := range v.qualities() {
		n += s.q.Quarantined
		refs = append(refs, s.ref)
	}
	if len(refs) == 0 {
		return unknown("question")
	}
	return known(IntOf(n), refs...)
}

func qualityInvalidIPs(v *view, subject string) result {
	return qualityCount(func(q Quality) int64 { return q.InvalidIPs })(v, subject)
}

func qualityQuarantine(v *view, _ string) result {
	val := Value{Type: Table}
	var refs []Ref
	for _, s := range v.qualities() {
		for _, q := range s.q.List {
			if len(val.Rows) == 20 {
				val.More = true
				break
			}
			val.Rows = append(val.Rows, Row{TextOf(s.source), TextOf(q.File), TextOf(q.Position), TextOf(q.Reason)})
		}
		refs = append(refs, s.ref)
	}
	switch {
	case len(refs) == 0:
		return unknown("question")
	case len(val.Rows) == 0:
		return notApplicable(refs...)
	}
	return known(val, refs...)
}

// qualityContradictions holds the counts against each other: sums that must agree, and the
// record against the finding. A contradiction is told, never smoothed.
func qualityContradictions(v *view, _ string) result {
	var list []string
	var refs []Ref
	say := func(text string, from ...Ref) {
		list, refs = append(list, text), append(refs, from...)
	}
	for _, text := range v.f.Contradictions() {
		say(text, findingRef)
	}
	if ins, ok := v.signIns(); ok {
		for _, s := range ins.rows {
			if s.result != "success" && s.result != "interrupt" && s.result != "failure" {
				say("sign-in without a result", s.ref)
				break
			}
		}
	}
	var total *past
	var totalOf string
	for _, aspect := range []string{"hour", "ip", "user_agent", "region"} {
		p, ok := v.past(aspect)
		if !ok || !p.t.Exact {
			continue
		}
		if total == nil {
			total, totalOf = &p, aspect
		} else if p.total != total.total {
			say(fmt.Sprintf("baseline by %s holds %d events, by %s %d", totalOf, total.total, aspect, p.total), total.t.ref(), p.t.ref())
		}
	}
	if t, _, ok := v.eventRows(); ok && t.len() > 0 {
		if ip := v.f.Action.Remote.IP; ip.IsValid() && t.cell(0, "source_ip").Type() == query.IP && t.text(0, "source_ip") != ip.Unmap().String() {
			say("the record's source address is not the finding's", findingRef, t.row(0))
		}
		if a := t.text(0, "account"); a != "" && a != string(v.f.Account) {
			say("the record's account is not the finding's", findingRef, t.row(0))
		}
	}
	v.accountContradictions(say)
	v.personContradictions(say)
	v.keyContradictions(say)
	v.disagreements(say)
	if len(list) == 0 {
		return notApplicable()
	}
	return known(TextsOf(sortedCopy(list), false), compactRefs(refs)...)
}

// disagreements holds the answers of two sources to one question against each other, where both say
// that they hold the whole scope.
func (v *view) disagreements(say func(text string, from ...Ref)) {
	type question struct{ id, subject string }
	first := map[question]evidence.Item{}
	for _, it := range v.set.Items() {
		if it.Kind != evidence.AnswerItem || !it.Complete() || it.Answer.Outcome != evidence.Found && it.Answer.Outcome != evidence.Empty {
			continue
		}
		q := question{it.Question, it.Subject}
		one, twice := first[q]
		if !twice {
			first[q] = it
			continue
		}
		here, there := rowsBy(one.Answer), rowsBy(it.Answer)
		for _, d := range []struct {
			from, lacks string
			n           int
		}{{one.Source, it.Source, lacking(here, there)}, {it.Source, one.Source, lacking(there, here)}} {
			if d.n > 0 {
				say(fmt.Sprintf("%s: %d answers of %s are not those of %s", it.Question, d.n, d.from, d.lacks), Ref(one.ID), Ref(it.ID))
			}
		}
	}
}

// rowsBy are the rows of an answer by what makes them the same: the event's id, else the whole row.
func rowsBy(a evidence.Answer) map[string]bool {
	id := slices.Index(a.Columns, string(query.EventID))
	out := map[string]bool{}
	for _, row := range a.Rows {
		if id >= 0 && id < len(row) {
			out[row[id].String()] = true
			continue
		}
		out[fmt.Sprint(row)] = true
	}
	return out
}

// lacking is how many of a are not in b.
func lacking(a, b map[string]bool) int {
	n := 0
	for k := range a {
		if !b[k] {
			n++
		}
	}
	return n
}
