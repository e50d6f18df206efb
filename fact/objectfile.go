package fact

import (
	"slices"
	"strings"

	"uratori/finding"
)

var objectFamily = []string{"malware_s3"}

// The object in which a scan found malware: who put it there is the case's own event, and these
// tell who has taken it since.
var objectDefs = []Def{
	{Key: "object.bucket", Families: objectFamily, Rule: findingText(func(f finding.Finding) string { return f.Object.Bucket }), Type: Text, Kind: External, JA: "バケット", EN: "bucket", Says: "the finding"},
	{Key: "object.key", Families: objectFamily, Rule: findingText(func(f finding.Finding) string { return f.Object.Key }), Type: Text, Kind: External, JA: "オブジェクト", EN: "object", Says: "the finding"},
	{Key: "object.version", Families: objectFamily, Rule: toldOr(func(f finding.Finding) string { return f.Object.Version }), Type: Text, Kind: External, JA: "オブジェクトのバージョン", EN: "version of the object", Says: "the finding"},
	{Key: "object.uploads", Families: objectFamily, Rule: ofTable("event.recorded", func(_ *view, t table) result { return t.counted(int64(t.len())) }), Type: Int, Kind: Computed, JA: "オブジェクトの書き込み", EN: "writes of the object", Says: "count data events that put the object there, a day before the scan and after", Reads: []string{"api"}},
	{Key: "object.readers", Families: objectFamily, Rule: ofTable("object.readers", func(v *view, t table) result { return t.counted(int64(len(v.readers(t)))) }), Type: Int, Kind: Computed, JA: "オブジェクトを読み取った別のプリンシパル", EN: "other principals that read the object", Says: "different principals with a successful GetObject or CopyObject of the object, without the one that wrote it", Reads: []string{"user_arn"}},
	{Key: "object.reader_list", Families: objectFamily, Rule: ofTable("object.readers", func(v *view, t table) result {
		list := v.readers(t)
		if len(list) == 0 {
			return t.empty()
		}
		return t.measured(TextsOf(list[:min(20, len(list))], len(list) > 20), true)
	}), Type: Texts, Kind: Observed, JA: "読み取ったプリンシパル", EN: "who read it", Says: "those principals, at most 20", Reads: []string{"user_arn"}},
}

// readers are the principals that read the object, without the one that wrote it. A principal
// without a name in the record, an anonymous one, counts as one.
func (v *view) readers(t table) (list []string) {
	own := v.actorColumn("user_arn")
	for i := range t.len() {
		if arn := firstText(t.text(i, "user_arn"), "ANONYMOUS"); arn != own && !slices.Contains(list, arn) {
			list = append(list, arn)
		}
	}
	slices.SortFunc(list, strings.Compare)
	return list
}
