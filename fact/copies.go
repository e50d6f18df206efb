package fact

import (
	"slices"
	"strings"

	"uratori/finding"
)

var copyFamily = []string{"malware_backup"}

// A snapshot, image or recovery point with malware: of which volume and instance it was made, and
// what was made of it since.
var copyDefs = []Def{
	{Key: "copy.id", Families: copyFamily, Rule: copyID, Type: Text, Kind: Computed, JA: "スナップショットまたはイメージのID", EN: "id of the snapshot or image", Says: "last part of the ARN in the finding"},
	{Key: "copy.made_at", Families: copyFamily, Rule: ofTable("copy.made_at", ofMaking(func(t table, i int) result { return known(TimeOf(t.time(i, "event_time")), t.row(i)) })), Type: Time, Kind: Observed, JA: "コピーの作成日時", EN: "made at", Says: "the call that returned its id", Reads: []string{"event_time"}},
	{Key: "copy.made_by", Families: copyFamily, Rule: ofTable("copy.made_at", ofMaking(columnOf("user_arn"))), Type: Text, Kind: Observed, JA: "コピーの作成者", EN: "made by", Says: "userIdentity.arn of that call", Reads: []string{"user_arn"}},
	{Key: "copy.volume", Families: copyFamily, Rule: ofTable("copy.made_at", ofMaking(columnOf("raw:requestParameters.volumeId"))), Type: Text, Kind: Observed, JA: "コピー元のボリューム", EN: "volume it was made of", Says: "volumeId of that call", Reads: []string{"raw:requestParameters.volumeId"}},
	{Key: "copy.instance", Families: copyFamily, Rule: copyInstance, Type: Text, Kind: Observed, JA: "コピー元のインスタンス", EN: "instance it was made of", Says: "instanceId of that call, else of the latest call before it that attached the volume"},
	{Key: "copy.uses", Families: copyFamily, Rule: ofTable("copy.uses", func(_ *view, t table) result { return t.counted(int64(len(t.succeeded()))) }), Type: Int, Kind: Computed, JA: "コピーの復元・共有・複製", EN: "restored, shared or copied", Says: "successful calls that made something of it or shared it, in the 30 days before the scan and a day after", Reads: []string{"error_code"}},
	{Key: "copy.use_table", Families: copyFamily, Rule: ofTable("copy.uses", changeTable), Type: Table, Kind: Observed, JA: "コピーの復元・共有・複製の記録", EN: "what was made of it", Says: "those calls", Columns: changeColumns},
}

func copyID(v *view, _ string) result {
	if len(v.f.Scan.Copies) == 0 {
		return unknown("finding", findingRef)
	}
	arn := v.f.Scan.Copies[0]
	return known(TextOf(arn[strings.LastIndexAny(arn, "/:")+1:]), findingRef)
}

// ofMaking is a rule over the call that made the copy: the first that succeeded.
func ofMaking(get func(t table, i int) result) func(*view, table) result {
	return func(_ *view, t table) result {
		rows := t.succeeded()
		if len(rows) == 0 {
			return t.empty()
		}
		return get(t, slices.MinFunc(rows, func(a, b int) int { return t.time(a, "event_time").Compare(t.time(b, "event_time")) }))
	}
}

func columnOf(col string) func(t table, i int) result {
	return func(t table, i int) result {
		if s := t.text(i, col); s != "" {
			return known(TextOf(s), t.row(i))
		}
		return notApplicable(t.row(i))
	}
}

func copyInstance(v *view, _ string) result {
	direct := ofTable("copy.made_at", ofMaking(columnOf("raw:requestParameters.instanceId")))(v, "")
	if direct.state == Known {
		return direct
	}
	t, why, ok := v.ask("copy.instance", "")
	switch {
	case !ok && direct.state == Unknown:
		return direct
	case !ok && why.gap.Key == "question": // of no volume that could be asked for
		return unknown("copy_source", direct.from...)
	case !ok:
		return why
	}
	rows := t.succeeded()
	if len(rows) == 0 {
		return unknown("copy_source", t.ref())
	}
	last := slices.MaxFunc(rows, func(a, b int) int { return t.time(a, "event_time").Compare(t.time(b, "event_time")) })
	return columnOf("raw:requestParameters.instanceId")(t, last)
}

// copied is the instance that a copy was made of, where the finding is about a copy.
func (v *view) copied() (result, bool) {
	if finding.FamilyOf(v.f) != "malware_backup" {
		return result{}, false
	}
	r := copyInstance(v, "")
	if r.state == NotApplicable {
		r = unknown("copy_source", r.from...) // the log is whole and tells of no instance
	}
	return r, true
}
