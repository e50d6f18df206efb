package fact

import (
	"math"
	"slices"
	"strings"
	"time"

	"uratori/finding"
)

var findingDefs = []Def{
	{Key: "finding.id", Rule: findingText(func(f finding.Finding) string { return f.ID }), Type: Text, Kind: External, JA: "検出結果ID", EN: "finding id", Says: "as received"},
	{Key: "finding.type", Rule: findingText(func(f finding.Finding) string { return string(f.Type) }), Type: Text, Kind: External, JA: "検出タイプ", EN: "finding type", Says: "as received"},
	{Key: "finding.family", Rule: findingFamily, Type: Name, Kind: Computed, JA: "検出結果の種類", EN: "family", Says: "the catalogue of finding types", Choices: []string{"iam", "s3", "ec2", "eks_audit", "runtime", "malware_ebs", "malware_s3", "malware_backup", "rds", "lambda", "ai", "cdr", "attack_sequence", "generic"}},
	{Key: "finding.severity", Rule: findingSeverity, Type: Decimal, Kind: External, JA: "重要度", EN: "severity", Says: "as received"},
	{Key: "finding.band", Rule: findingBand, Type: Name, Kind: Computed, JA: "重要度の区分", EN: "severity band", Says: "GuardDuty bands: 1.0-3.9, 4.0-6.9, 7.0-8.9, 9.0-10.0", Choices: []string{"low", "medium", "high", "critical"}},
	{Key: "finding.account", Rule: findingText(func(f finding.Finding) string { return string(f.Account) }), Type: Text, Kind: External, JA: "アカウントID", EN: "account id", Says: "as received"},
	{Key: "finding.account_name", Rule: accountName, Type: Text, Kind: Context, JA: "アカウント名", EN: "account name", Says: "configuration: accounts"},
	{Key: "finding.environment", Rule: accountEnvironment, Type: Name, Kind: Context, JA: "環境", EN: "environment", Says: "configuration: accounts and environments; else the account's tags and organisational units, where they are looked up", Choices: []string{"production", "staging", "development", "sandbox", "management", "other"}},
	{Key: "finding.account_owner", Rule: accountOwner, Type: Text, Kind: Context, JA: "アカウントの管理部門", EN: "account owner", Says: "configuration: accounts"},
	{Key: "finding.region", Rule: findingText(func(f finding.Finding) string { return f.Region }), Type: Text, Kind: External, JA: "リージョン", EN: "Region", Says: "as received"},
	{Key: "finding.created", Rule: findingTime(func(f finding.Finding) time.Time { return f.Created }), Type: Time, Kind: External, JA: "検出日時", EN: "created", Says: "as received"},
	{Key: "finding.updated", Rule: findingTime(func(f finding.Finding) time.Time { return f.Updated }), Type: Time, Kind: External, JA: "更新日時", EN: "updated", Says: "as received"},
	{Key: "finding.count", Rule: findingCount, Type: Int, Kind: External, JA: "検出回数", EN: "occurrences", Says: "as received"},
	{Key: "finding.versions", Rule: findingVersions, Type: Int, Kind: Computed, JA: "受信した版の数", EN: "versions received", Says: "count versions with different updatedAt"},
	{Key: "finding.sample", Rule: func(v *view, _ string) result { return known(BoolOf(v.f.Sample), findingRef) }, Type: Bool, Kind: External, JA: "サンプル", EN: "sample", Says: "additionalInfo.sample or generated placeholder names"},
	{Key: "finding.archived", Rule: func(v *view, _ string) result { return known(BoolOf(v.f.Archived), findingRef) }, Type: Bool, Kind: External, JA: "アーカイブ済み", EN: "archived", Says: "as received"},
	{Key: "finding.first_seen", Rule: findingTime(func(f finding.Finding) time.Time { return f.FirstSeen }), Type: Time, Kind: External, JA: "最初の観測", EN: "first seen", Says: "as received"},
	{Key: "finding.last_seen", Rule: findingTime(func(f finding.Finding) time.Time { return f.LastSeen }), Type: Time, Kind: External, JA: "最後の観測", EN: "last seen", Says: "as received"},
	{Key: "finding.resource_kind", Rule: findingText(func(f finding.Finding) string { return f.Resource.Type }), Type: Text, Kind: External, JA: "リソースの種類", EN: "resource kind", Says: "as received"},
	{Key: "finding.resource_name", Rule: findingText(func(f finding.Finding) string { return f.Resource.Name }), Type: Text, Kind: External, JA: "リソース", EN: "resource", Says: "as received"},
	{Key: "finding.title", Rule: findingText(func(f finding.Finding) string { return f.Title }), Type: Text, Kind: External, JA: "GuardDutyの見出し", EN: "GuardDuty's title", Says: "as received"},
	{Key: "finding.description", Rule: findingText(func(f finding.Finding) string { return f.Description }), Type: Text, Kind: External, JA: "GuardDutyの説明", EN: "GuardDuty's description", Says: "as received"},
	{Key: "finding.tactic", Rule: findingTactic, Type: Text, Kind: Computed, JA: "MITRE ATT&CKの戦術", EN: "MITRE ATT&CK tactic", Says: "the tactic in the type's name"},
	{Key: "finding.unusual", Rule: func(v *view, _ string) result { return toldTexts(pairs(v.f.Anomaly.Unusual)) }, Type: Texts, Kind: External, JA: "GuardDutyが通常と異なるとした点", EN: "what GuardDuty calls unusual", Says: "unusualBehavior, verbatim"},
	{Key: "finding.profiled", Rule: func(v *view, _ string) result { return toldTexts(pairs(v.f.Anomaly.Profiled)) }, Type: Texts, Kind: External, JA: "GuardDutyの学習内容", EN: "what GuardDuty profiled", Says: "profiledBehavior, verbatim"},
	{Key: "finding.anomalous_apis", Rule: findingAPIs, Type: Texts, Kind: External, JA: "異常とされたAPI", EN: "anomalous APIs", Says: "anomalies.anomalousAPIs"},
	{Key: "finding.threat_lists", Rule: func(v *view, _ string) result { return toldTexts(sortedCopy(v.f.ThreatLists)) }, Type: Texts, Kind: External, JA: "脅威リスト", EN: "threat lists", Says: "as received"},
}

func findingText(get func(finding.Finding) string) func(*view, string) result {
	return func(v *view, _ string) result { return told(get(v.f)) }
}

func findingTime(get func(finding.Finding) time.Time) func(*view, string) result {
	return func(v *view, _ string) result { return toldTime(get(v.f)) }
}

func findingFamily(v *view, _ string) result {
	family := finding.FamilyOf(v.f)
	if !slices.Contains(choices("finding.family"), family) {
		family = "generic"
	}
	return known(NameOf(family), findingRef)
}

func findingSeverity(v *view, _ string) result {
	if v.f.Severity <= 0 {
		return unknown("finding", findingRef)
	}
	return known(Value{Type: Decimal, Num: int64(math.Round(v.f.Severity * 10))}, findingRef)
}

func findingBand(v *view, _ string) result {
	if v.f.Severity <= 0 {
		return unknown("finding", findingRef)
	}
	return known(NameOf(strings.ToLower(v.f.Band())), findingRef)
}

// account is what the configuration says of the finding's account.
func (v *view) account() (Account, bool) {
	for _, a := range v.st.Accounts {
		if a.ID == string(v.f.Account) {
			return a, true
		}
	}
	return Account{}, false
}

func findingEnvironment(v *view, _ string) result {
	a, _ := v.account()
	for _, r := range v.st.Environments {
		if a.Environment == "" && r.Account != "" && r.Account == string(v.f.Account) {
			a.Environment = r.Environment
		}
	}
	switch {
	case a.Environment == "":
		return unknown("configuration", settingsRef)
	case !slices.Contains(choices("finding.environment"), a.Environment):
		return known(NameOf("other"), settingsRef)
	}
	return known(NameOf(a.Environment), settingsRef)
}

func findingCount(v *view, _ string) result {
	if v.f.Count <= 0 {
		return unknown("finding", findingRef)
	}
	return known(IntOf(int64(v.f.Count)), findingRef)
}

func findingVersions(v *view, _ string) result {
	versions := map[string]bool{v.f.Updated.String(): true}
	for _, o := range v.others {
		if o.ID == v.f.ID && o.Account == v.f.Account && o.Region == v.f.Region {
			versions[o.Updated.String()] = true
		}
	}
	return known(IntOf(int64(len(versions))), findingRef, settingsRef)
}

func findingTactic(v *view, _ string) result {
	id := v.f.Type.MITRE()
	if id == "" {
		return notApplicable(findingRef)
	}
	return known(TextOf(id+" "+v.f.Type.Tactic()), findingRef)
}

func findingAPIs(v *view, _ string) result {
	var list []string
	for _, a := range v.f.Anomaly.APIs {
		list = append(list, strings.TrimSpace(a.Service+" "+a.API+" "+a.Result))
	}
	return toldTexts(sortedCopy(list))
}

// pairs prints a block of the finding as sorted "name: text" lines, leaving out what is empty.
func pairs(m map[string]string) []string {
	var list []string
	for k, s := range m {
		if s != "" {
			list = append(list, k+": "+s)
		}
	}
	slices.Sort(list)
	return list
}

func sortedCopy(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

func choices(key Key) []string {
	d, _ := DefOf(key)
	return d.Choices
}
