package fact

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/finding"
)

// Logins to a database: what the finding counts, then what the audit log holds.
var databaseDefs = []Def{
	{Key: "rds.instance", Families: rdsFamily, Rule: findingText(func(f finding.Finding) string { return f.Login.Instance }), Type: Text, Kind: External, JA: "データベースインスタンス", EN: "database instance", Says: "the finding"},
	{Key: "rds.cluster", Families: rdsFamily, Rule: toldOr(func(f finding.Finding) string { return f.Login.Cluster }), Type: Text, Kind: External, JA: "データベースクラスター", EN: "database cluster", Says: "the finding"},
	{Key: "rds.log_names", Families: rdsFamily, Rule: toldList(func(f finding.Finding) (out []string) {
		for _, name := range []string{f.Login.Instance, f.Login.Cluster} {
			if name != "" {
				out = append(out, name)
			}
		}
		return out
	}), Type: Texts, Kind: External, JA: "ログの名前", EN: "names of its logs", Says: "instance and cluster: the log group of a cluster bears the cluster's name"},
	{Key: "rds.engine", Families: rdsFamily, Rule: toldOr(func(f finding.Finding) string { return f.Login.Engine }), Type: Text, Kind: External, JA: "エンジン", EN: "engine", Says: "the finding"},
	{Key: "rds.database", Families: rdsFamily, Rule: toldOr(func(f finding.Finding) string { return f.Login.Database }), Type: Text, Kind: External, JA: "データベース", EN: "database", Says: "the finding"},
	{Key: "rds.user", Families: rdsFamily, Rule: findingText(func(f finding.Finding) string { return f.Login.User }), Type: Text, Kind: External, JA: "データベースユーザー", EN: "database user", Says: "the finding"},
	{Key: "rds.application", Families: rdsFamily, Rule: toldOr(func(f finding.Finding) string { return f.Login.Application }), Type: Text, Kind: External, JA: "接続アプリケーション", EN: "application", Says: "as the client names itself"},
	{Key: "rds.failed_logins", Families: rdsFamily, Rule: logins(func(l finding.Login) int { return l.Failed }), Type: Int, Kind: External, JA: "GuardDutyが数えたログイン失敗", EN: "failed logins, by GuardDuty", Says: "sum of failedLoginAttempts"},
	{Key: "rds.successful_logins", Families: rdsFamily, Rule: logins(func(l finding.Login) int { return l.Successful }), Type: Int, Kind: External, JA: "GuardDutyが数えたログイン成功", EN: "successful logins, by GuardDuty", Says: "sum of successfulLoginAttempts"},
	{Key: "rds.known_client", Families: rdsFamily, Rule: func(v *view, _ string) result {
		ip := v.f.Action.Remote.IP
		if !ip.IsValid() {
			return unknown("finding", findingRef)
		}
		return known(BoolOf(v.networkKind(ip) != ""), findingRef, settingsRef)
	}, Type: Bool, Kind: Context, JA: "既知のネットワークのクライアント", EN: "client in a known network", Says: "configuration: networks"},
	{Key: "rds.audit_failed", Families: rdsFamily, Rule: ofTable("rds.audit_connects", func(_ *view, t table) result { return t.counted(int64(len(t.logins(false)))) }), Type: Int, Kind: Computed, JA: "監査ログのログイン失敗", EN: "failed logins in the audit log", Says: "FAILED_CONNECT, or CONNECT with an error, from the address", Reads: loginColumns},
	{Key: "rds.audit_connects", Families: rdsFamily, Rule: ofTable("rds.audit_connects", func(_ *view, t table) result { return t.counted(int64(len(t.logins(true)))) }), Type: Int, Kind: Computed, JA: "監査ログのログイン成功", EN: "logins in the audit log", Says: "CONNECT with code 0, from the address", Reads: loginColumns},
	{Key: "rds.success_after_failures", Families: rdsFamily, Rule: ofTable("rds.audit_connects", successAfter), Type: Bool, Kind: Computed, JA: "失敗に続くログイン成功", EN: "success after failures", Says: "10 failed logins or more in the audit log, then a login", Reads: loginColumns},
	{Key: "rds.statements", Families: rdsFamily, Rule: ofTable("rds.audit_connects", func(_ *view, t table) result {
		var n int64
		for i := range t.len() {
			if !slices.Contains(loginOperations, t.text(i, "operation")) {
				n++
			}
		}
		return t.counted(n)
	}), Type: Int, Kind: Computed, JA: "監査ログの操作", EN: "audited statements", Says: "records from the address that are no login", Reads: loginColumns},
	{Key: "rds.operations", Families: rdsFamily, Rule: ofTable("rds.audit_connects", func(_ *view, t table) result { return t.texts("operation") }), Type: Texts, Kind: Observed, JA: "監査ログの操作の種類", EN: "kinds of audited operations", Says: "different values", Reads: loginColumns},
	{Key: "rds.audit_users", Families: rdsFamily, Rule: ofTable("rds.audit_connects", func(_ *view, t table) result { return t.texts("user_name") }), Type: Texts, Kind: Observed, JA: "監査ログのデータベースユーザー", EN: "database users in the audit log", Says: "different users of records from the address", Reads: []string{"user_name"}},
	{Key: "rds.tables", Families: rdsFamily, Rule: ofTable("rds.audit_connects", func(_ *view, t table) result { return t.texts("object") }), Type: Texts, Kind: Observed, JA: "監査ログの操作の内容", EN: "what was asked of the database", Says: "different objects or statements as the log has them, at most 20", Reads: []string{"object"}},
	{Key: "rds.opened_to_all", Families: rdsFamily, Rule: ofTable("rds.opened_to_all", databaseOpened), Type: Int, Kind: Computed, JA: "すべてのアドレスへのデータベースポートの開放", EN: "rules that opened the database's port to everyone", Says: "successful changes of security groups in the account and Region that name 0.0.0.0/0 or ::/0 and the engine's port; the finding does not tell which groups the database has", Reads: []string{"error_code", "raw:requestParameters"}},
	{Key: "rds.group_changes", Families: rdsFamily, Rule: ofTable("rds.opened_to_all", changeTable), Type: Table, Kind: Observed, JA: "セキュリティグループの変更", EN: "changes of security groups", Says: "changes of security groups in the account and Region, and of which of them the database has", Columns: changeColumns},
	{Key: "rds.made_public", Families: rdsFamily, Rule: ofTable("rds.made_public", func(_ *view, t table) result { return t.counted(int64(len(t.succeeded()))) }), Type: Int, Kind: Computed, JA: "公開アクセスを有効にする変更", EN: "changes that made it publicly accessible", Says: "successful calls for the instance with publiclyAccessible true, in the 30 days before", Reads: []string{"error_code"}},
	{Key: "rds.made_public_from_client", Families: rdsFamily, Rule: ofTable("rds.made_public", fromFarEnd), Type: Int, Kind: Computed, JA: "接続元のIPアドレスからの公開の変更", EN: "of them, from the client's address", Says: "those of the changes whose source is the client of the finding", Reads: []string{"error_code", "source_ip"}},
	{Key: "rds.public_changer", Families: rdsFamily, Rule: ofTable("rds.made_public", lastChange(changer)), Type: Text, Kind: Computed, JA: "最後に公開した者", EN: "name of who made it public last", Says: "the end of userIdentity.arn of the latest: a user's, role's or session's name", Reads: []string{"user_arn"}},
	{Key: "rds.public_changes", Families: rdsFamily, Rule: ofTable("rds.made_public", changeTable), Type: Table, Kind: Observed, JA: "公開アクセスの変更", EN: "changes of public access", Says: "calls for the instance with publiclyAccessible true", Columns: changeColumns},
}

var (
	rdsFamily       = []string{"rds"}
	loginColumns    = []string{"event_time", "operation", "return_code"}
	loginOperations = []string{"CONNECT", "FAILED_CONNECT", "DISCONNECT"} // Aurora MySQL and MariaDB audit plugin
)

func logins(get func(finding.Login) int) func(*view, string) result {
	return func(v *view, _ string) result {
		if !v.f.Login.Counted {
			return unknown("finding", findingRef)
		}
		return known(IntOf(int64(get(v.f.Login))), findingRef)
	}
}

// logins are the rows of logins that succeeded, or that failed. A return code that is missing
// tells nothing: such a login is neither.
func (t table) logins(succeeded bool) (rows []int) {
	for i := range t.len() {
		code := t.cell(i, "return_code")
		switch op := t.text(i, "operation"); {
		case op == "FAILED_CONNECT" && !succeeded,
			op == "CONNECT" && !code.Missing() && (code.Int() == 0) == succeeded:
			rows = append(rows, i)
		}
	}
	return rows
}

// failuresBefore is how many failed logins make a login after them a success after failures.
const failuresBefore = 10

func successAfter(_ *view, t table) result {
	var failed []time.Time
	for _, i := range t.logins(false) {
		failed = append(failed, t.time(i, "event_time"))
	}
	slices.SortFunc(failed, time.Time.Compare)
	if len(failed) < failuresBefore {
		return t.has(false)
	}
	for _, i := range t.logins(true) {
		if t.time(i, "event_time").After(failed[failuresBefore-1]) {
			return t.has(true, t.row(i))
		}
	}
	return t.has(false)
}

// enginePorts are the ports that engines listen on unless told otherwise (Amazon RDS User Guide,
// settings of DB instances), by a word of the engine's name.
var enginePorts = []struct{ word, port string }{{"postgres", "5432"}, {"mysql", "3306"}, {"maria", "3306"}, {"oracle", "1521"}, {"sqlserver", "1433"}, {"db2", "50000"}}

// databaseOpened counts successful rules that let everyone in to the port of the finding's engine,
// or to all ports.
func databaseOpened(v *view, t table) result {
	var port string
	for _, e := range enginePorts {
		if strings.Contains(strings.ToLower(strings.ReplaceAll(v.f.Login.Engine, " ", "")), e.word) {
			port = e.port
		}
	}
	var n int64
	for _, i := range t.succeeded() {
		what := t.text(i, "raw:requestParameters")
		if !strings.Contains(what, `"0.0.0.0/0"`) && !strings.Contains(what, `"::/0"`) {
			continue
		}
		ports := openedPorts.FindAllStringSubmatch(what, -1)
		if len(ports) == 0 || slices.ContainsFunc(ports, func(m []string) bool { return port != "" && m[1] == port }) {
			n++ // a rule without ports is of all
		}
	}
	return t.counted(n)
}

// openedPorts finds the ports of a rule; a range counts by its ends alone.
var openedPorts = regexp.MustCompile(`(?i)"(?:from|to)port": ?"?(-?\d+)`)
