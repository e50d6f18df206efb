package fact

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"uratori/finding"
	"uratori/query"
)

var processFamilies = []string{"runtime", "malware_ebs"}

// What ran, and what a scan found: the finding itself is the record of both.
var workloadDefs = []Def{
	{Key: "process.name", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Process.Name }), Type: Text, Kind: External, JA: "プロセス", EN: "process", Says: "runtimeDetails of the finding"},
	{Key: "process.path", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Process.Path }), Type: Text, Kind: External, JA: "実行ファイル", EN: "executable", Says: "runtimeDetails of the finding"},
	{Key: "process.sha256", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Process.SHA256 }), Type: Text, Kind: External, JA: "実行ファイルのSHA-256", EN: "SHA-256 of the executable", Says: "runtimeDetails of the finding"},
	{Key: "process.user", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Process.User }), Type: Text, Kind: External, JA: "実行ユーザー", EN: "user of the process", Says: "runtimeDetails of the finding"},
	{Key: "process.lineage", Families: processFamilies, Rule: processLineage, Type: Table, Kind: External, JA: "プロセスの系統", EN: "process lineage", Says: "lineage of the finding, in its order", Columns: []Column{{Name: "executable", Type: Text, JA: "実行ファイル", EN: "executable"}}},
	{Key: "container.id", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Container.ID }), Type: Text, Kind: External, JA: "コンテナID", EN: "container id", Says: "the finding"},
	{Key: "container.image", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Container.Image }), Type: Text, Kind: External, JA: "コンテナイメージ", EN: "container image", Says: "the finding"},
	{Key: "container.task", Families: processFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Container.Task }), Type: Text, Kind: External, JA: "ECSタスク", EN: "ECS task", Says: "the finding"},

	{Key: "malware.threats", Families: scanFamilies, Rule: toldList(func(f finding.Finding) (out []string) {
		for _, t := range f.Scan.Threats {
			out = append(out, t.Name)
		}
		return out
	}), Type: Texts, Kind: External, JA: "検出された脅威", EN: "threats found", Says: "names given by the scan"},
	{Key: "malware.files", Families: scanFamilies, Rule: malwareFiles, Type: Table, Kind: External, JA: "脅威が見つかったファイル", EN: "files with threats", Says: "the scan's details, at most 20", Columns: []Column{
		{Name: "threat", Type: Text, JA: "脅威", EN: "threat"},
		{Name: "file", Type: Text, JA: "ファイル", EN: "file"},
		{Name: "hash", Type: Text, JA: "ハッシュ", EN: "hash"},
	}},
	{Key: "malware.items", Families: scanFamilies, Rule: func(v *view, _ string) result {
		var n int64
		for _, t := range v.f.Scan.Threats {
			n += int64(max(t.Count, len(t.Files)))
		}
		if n == 0 {
			return unknown("finding", findingRef)
		}
		return known(IntOf(n), findingRef)
	}, Type: Int, Kind: External, JA: "脅威が見つかった項目", EN: "items with threats", Says: "counts of the scan"},
	{Key: "malware.test_file_only", Families: scanFamilies, Rule: testFileOnly, Type: Bool, Kind: Computed, JA: "試験用ファイルのみの検出", EN: "test file only", Says: "every threat is the EICAR test file by the scan's name and by the file's published SHA-256"},
	{Key: "malware.copies", Families: scanFamilies, Rule: toldList(func(f finding.Finding) []string { return f.Scan.Copies }), Type: Texts, Kind: External, JA: "該当する復旧ポイント・スナップショット・イメージ", EN: "recovery points, snapshots and images concerned", Says: "the finding"},
	{Key: "malware.trigger", Families: scanFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Scan.Trigger }), Type: Text, Kind: External, JA: "スキャンの契機となった検出結果", EN: "finding that started the scan", Says: "triggerFindingId"},

	{Key: "related.findings_same_hash", Families: fileFamilies, Rule: sameHash, Type: Int, Kind: Computed, JA: "同じハッシュの検出結果", EN: "findings with the same hash", Says: "other findings given to this run"},

	{Key: "lambda.function", Families: []string{"lambda"}, Rule: findingText(func(f finding.Finding) string { return f.Function.Name }), Type: Text, Kind: External, JA: "関数", EN: "function", Says: "the finding"},
	{Key: "lambda.function_arn", Families: []string{"lambda"}, Rule: findingText(func(f finding.Finding) string { return f.Function.ARN }), Type: Text, Kind: External, JA: "関数のARN", EN: "ARN of the function", Says: "the finding"},
	{Key: "lambda.version", Families: []string{"lambda"}, Rule: toldOr(func(f finding.Finding) string { return f.Function.Version }), Type: Text, Kind: External, JA: "関数のバージョン", EN: "version of the function", Says: "the finding"},
	{Key: "lambda.role", Families: []string{"lambda"}, Rule: toldOr(func(f finding.Finding) string { return f.Function.Role }), Type: Text, Kind: External, JA: "関数のロール", EN: "role of the function", Says: "the finding"},
	{Key: "lambda.vpc", Families: []string{"lambda"}, Rule: toldOr(func(f finding.Finding) string { return f.Function.VPC }), Type: Text, Kind: External, JA: "関数のVPC", EN: "VPC of the function", Says: "the finding"},
	{Key: "lambda.interface_prefix", Families: []string{"lambda"}, Rule: func(v *view, _ string) result {
		if v.f.Function.VPC == "" || v.f.Function.Name == "" {
			return notApplicable(findingRef)
		}
		return known(TextOf(interfacePrefix+v.f.Function.Name+"-"), findingRef)
	}, Type: Text, Kind: Computed, JA: "関数のインターフェイスの説明", EN: "description of the function's interfaces", Says: "as Lambda describes the interfaces that it creates for a function in a VPC"},
	{Key: "lambda.interfaces", Families: []string{"lambda"}, Rule: ofTable("lambda.interfaces", func(_ *view, t table) result { return t.texts(createdInterface) }), Type: Texts, Kind: Observed, JA: "関数のネットワークインターフェイス", EN: "network interfaces of the function", Says: "those that Lambda created under the function's name, by CloudTrail", Reads: []string{createdInterface}},
	{Key: "lambda.flow_scope", Families: []string{"lambda"}, Rule: flowScope, Type: Name, Kind: Computed, JA: "フローを調べた範囲", EN: "whose flows", Says: "of the function's interfaces where they are known, else of the whole VPC", Choices: []string{"interfaces", "vpc"}},
	{Key: "lambda.changes", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", func(_ *view, t table) result { return t.counted(int64(len(t.succeeded()))) }), Type: Int, Kind: Computed, JA: "検出前30日間の関数の変更", EN: "changes of the function in the 30 days before", Says: "successful calls that create or change the function", Reads: []string{"error_code"}},
	{Key: "lambda.last_change", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", lastChange(func(t table, i int) result { return known(TimeOf(t.time(i, "event_time")), t.row(i)) })), Type: Time, Kind: Observed, JA: "最後の変更日時", EN: "last changed", Says: "the latest of them", Reads: []string{"event_time"}},
	{Key: "lambda.last_changed_by", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", lastChange(func(t table, i int) result {
		if s := t.text(i, "user_arn"); s != "" {
			return known(TextOf(s), t.row(i))
		}
		return notApplicable(t.row(i))
	})), Type: Text, Kind: Observed, JA: "最後に変更した主体", EN: "last changed by", Says: "userIdentity.arn of the latest", Reads: []string{"user_arn"}},
	{Key: "lambda.last_changer", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", lastChange(changer)), Type: Text, Kind: Computed, JA: "最後に変更した者", EN: "name of who changed it last", Says: "the end of that ARN: a user's, role's or session's name", Reads: []string{"user_arn"}},
	{Key: "lambda.changed_from_peer", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", fromFarEnd), Type: Int, Kind: Computed, JA: "通信相手のIPアドレスからの変更", EN: "changes made from the peer's address", Says: "those of the changes whose source is the far end of the finding", Reads: []string{"error_code", "source_ip"}},
	{Key: "lambda.changed_by_automation", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", func(v *view, t table) result {
		for _, i := range t.succeeded() {
			if !v.automated(t, i) {
				return known(BoolOf(false), t.row(i), settingsRef)
			}
		}
		if len(t.succeeded()) == 0 {
			return t.empty()
		}
		return t.has(t.Exact)
	}), Type: Bool, Kind: Computed, JA: "既知の自動処理による変更のみ", EN: "changed by known automation only", Says: "every change was made by a configured automation"},
	{Key: "lambda.change_table", Families: []string{"lambda"}, Rule: ofTable("lambda.changes", changeTable), Type: Table, Kind: Observed, JA: "関数の変更", EN: "changes of the function", Says: "calls that create or change the function", Columns: changeColumns},
	{Key: "lambda.invocations", Families: []string{"lambda"}, Rule: ofTable("lambda.invocations", func(_ *view, t table) result { n, _ := t.sum("n", every); return t.counted(n) }), Type: Int, Kind: Computed, JA: "関数の呼び出し", EN: "invocations", Says: "count Lambda data events of the function", Reads: []string{"n"}},
}

// eicarSHA256 is the SHA-256 of the 68 bytes of the EICAR Anti-Malware Test File (eicar.org).
const eicarSHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"

// testFileOnly takes no name alone: whoever writes malware may try to have it named like a test.
func testFileOnly(v *view, _ string) result {
	if len(v.f.Scan.Threats) == 0 {
		return unknown("finding", findingRef)
	}
	for _, t := range v.f.Scan.Threats {
		if !strings.HasPrefix(t.Name, "EICAR") || len(t.Files) == 0 || t.Count > len(t.Files) {
			return known(BoolOf(false), findingRef)
		}
		for _, f := range t.Files {
			if !strings.EqualFold(f.Hash, eicarSHA256) {
				return known(BoolOf(false), findingRef)
			}
		}
	}
	return known(BoolOf(true), findingRef)
}

func processLineage(v *view, _ string) result {
	val := Value{Type: Table, More: len(v.f.Process.Lineage) > 20}
	for _, s := range v.f.Process.Lineage[:min(20, len(v.f.Process.Lineage))] {
		val.Rows = append(val.Rows, Row{TextOf(s)})
	}
	if len(val.Rows) == 0 {
		return notApplicable(findingRef)
	}
	return known(val, findingRef)
}

func malwareFiles(v *view, _ string) result {
	val := Value{Type: Table}
	for _, t := range v.f.Scan.Threats {
		for _, f := range t.Files {
			val.Rows = append(val.Rows, Row{TextOf(t.Name), TextOf(orDash(f.Path)), TextOf(orDash(f.Hash))})
		}
	}
	if len(val.Rows) == 0 {
		return notApplicable(findingRef)
	}
	slices.SortStableFunc(val.Rows, func(a, b Row) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	if len(val.Rows) > 20 {
		val.Rows, val.More = val.Rows[:20], true
	}
	return known(val, findingRef)
}

// hashes are those of a finding's process and files.
func hashes(f finding.Finding) (out []string) {
	if f.Process.SHA256 != "" {
		out = append(out, strings.ToLower(f.Process.SHA256))
	}
	for _, t := range f.Scan.Threats {
		for _, file := range t.Files {
			if file.Hash != "" {
				out = append(out, strings.ToLower(file.Hash))
			}
		}
	}
	return out
}

func sameHash(v *view, subject string) result {
	own := hashes(v.f)
	if len(own) == 0 {
		return notApplicable(findingRef)
	}
	return relatedFindings(func(_, b finding.Finding) bool {
		return slices.ContainsFunc(hashes(b), func(h string) bool { return slices.Contains(own, h) })
	})(v, subject)
}

// succeeded are the rows without an error.
func (t table) succeeded() (rows []int) {
	for i := range t.len() {
		if t.text(i, "error_code") == "" {
			rows = append(rows, i)
		}
	}
	return rows
}

// lastChange is a value of the latest successful change before the event.
func lastChange(get func(t table, i int) result) func(*view, table) result {
	return func(_ *view, t table) result {
		best := -1
		for _, i := range t.succeeded() {
			if best < 0 || t.time(i, "event_time").After(t.time(best, "event_time")) {
				best = i
			}
		}
		if best < 0 {
			return t.empty()
		}
		if !t.Exact {
			return t.measured(Value{}, false) // a later one may be hidden
		}
		return get(t, best)
	}
}

// changer is the name at the end of a row's userIdentity.arn.
func changer(t table, i int) result {
	arn := t.text(i, "user_arn")
	if name := arn[strings.LastIndexAny(arn, ":/")+1:]; name != "" {
		return known(TextOf(name), t.row(i))
	}
	return notApplicable(t.row(i))
}

// fromFarEnd counts the successful changes that came from the address of the finding's far end.
func fromFarEnd(v *view, t table) result {
	ip := v.f.Action.Remote.IP
	if !ip.IsValid() {
		return notApplicable(findingRef)
	}
	var n int64
	for _, i := range t.succeeded() {
		if c := t.cell(i, "source_ip"); c.Type() == query.IP && c.Text() == ip.String() {
			n++
		}
	}
	return t.counted(n)
}

// automated tells whether a row's principal is a configured automation.
func (v *view) automated(t table, i int) bool {
	return slices.ContainsFunc(v.st.Automation, func(a Automation) bool {
		return a.ARN != "" && (a.ARN == t.text(i, "user_arn") || a.ARN == t.text(i, "session_issuer_arn"))
	})
}

// interfacePrefix begins the description of an interface that Lambda creates for a function in a
// VPC, before the function's name (AWS re:Post, "How do I find which Lambda functions use an ENI").
const interfacePrefix = "AWS Lambda VPC ENI-"

const createdInterface = "raw:responseElements.networkInterface.networkInterfaceId"

// functionInterfaces are the interfaces of the finding's function, nil when they are not known.
func (v *view) functionInterfaces() []string {
	t, _, ok := v.ask("lambda.interfaces", "")
	if !ok {
		return nil
	}
	list, _ := t.distinct(createdInterface, 0)
	return list
}

func flowScope(v *view, _ string) result {
	if v.f.Function.VPC == "" {
		return notApplicable(findingRef)
	}
	if len(v.functionInterfaces()) > 0 {
		t, _, _ := v.ask("lambda.interfaces", "")
		return known(NameOf("interfaces"), findingRef, t.ref())
	}
	return known(NameOf("vpc"), findingRef)
}
