package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

// The reference case as facts: an SSO session of a contractor reads from a bucket of a
// sandbox account; sign-ins and management events are at hand, S3 data events are not.
// "?kind" is unknown for want of that kind of record, "-" does not apply, ">=n" is a lower bound.
const referenceCase = `
finding.id                    0a1b2c3d4e5f60718293a4b5c6d7e8f9
finding.type                  Exfiltration:S3/AnomalousBehavior
finding.family                s3
finding.severity              80
finding.band                  high
finding.account               111122223333
finding.account_name          analytics-sandbox
finding.environment           sandbox
finding.account_owner         ?configuration
finding.region                ap-northeast-1
finding.created               2025-09-09T04:29:43Z
finding.updated               2025-09-09T04:29:43Z
finding.count                 1
finding.versions              1
finding.sample                false
finding.archived              false
finding.first_seen            2025-09-09T04:20:05Z
finding.last_seen             2025-09-09T04:20:05Z
finding.resource_kind         AccessKey
finding.resource_name         example-sandbox-data
finding.title                 An IAM entity invoked an S3 API in a suspicious way.
finding.description           The APIs commonly used in Exfiltration tactics were invoked by AWSReservedSSO_DataUser_0123456789abcdef under unusual circumstances.
finding.tactic                TA0010 Exfiltration
finding.unusual               -
finding.profiled              -
finding.anomalous_apis        s3.amazonaws.com GetObject success
finding.threat_lists          -
finding.techniques            T1530 Data from Cloud Storage
finding.techniques_said       -
event.recorded                ?s3_data
event.api                     GetObject
event.service                 s3.amazonaws.com
event.log                     s3_data
event.time                    2025-09-09T04:20:05Z
event.weekday                 2
event.hour_local              13
event.business_day            true
event.business_hours          true
event.holiday_name            -
event.error_code              -
event.succeeded               true
event.user_agent              aws-sdk-rust/1.3.8 os/linux lang/rust/1.75.0
event.user_agent_family       aws-sdk-rust
event.user_agent_version      1.3.8
event.source_ip               192.0.2.10
event.source_country          Japan
event.source_city             Tokyo
event.source_asn              64500
event.source_asn_org          Example ISP
event.known_network           -
event.target_bucket           example-sandbox-data
event.target_resource         example-sandbox-data
actor.kind                    sso_role
actor.arn                     arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_DataUser_0123456789abcdef/ext-sato@example.co.jp
actor.name                    ext-sato@example.co.jp
actor.access_key              ASIA…WXYZ
actor.key_kind                temporary
actor.session_name            ext-sato@example.co.jp
actor.session_issuer          arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataUser_0123456789abcdef
actor.role                    AWSReservedSSO_DataUser_0123456789abcdef
actor.permission_set          DataUser
actor.on_behalf_of            ?configuration
actor.identity_center_account ?configuration
actor.session_created         2025-09-09T04:02:11Z
actor.mfa_in_session          -
actor.is_service              false
actor.is_sso                  true
actor.automation              -
person.known                  true
person.upn                    ext-sato@example.co.jp
person.display_name           佐藤 一郎
person.department             ?configuration
person.link_method            exact_name
person.link_confidence        medium
person.contractor             true
person.sponsor                鈴木 花子
person.enabled                ?configuration
person.object_id              ?configuration
identity.match                2/4
identity.level                medium
chain.signin                  confirmed
chain.identity_center         not_collected
chain.assume_role             confirmed
chain.call                    not_collected
chain.complete                false
chain.missing                 call|identity_center
signin.total                  59
signin.success                28
signin.interrupted            31
signin.failed                 0
signin.completed_success      28/28
signin.ips                    2001:db8:1::5|2001:db8:1::9
signin.ip_count               2
signin.countries              JP
signin.cities                 Tokyo
signin.apps                   AWS IAM Identity Center
signin.browsers               Edge 139.0.0
signin.devices                -
signin.peak_hour              16
signin.at_event_hour          0
signin.first                  2025-08-10T07:02:00Z
signin.last                   2025-09-09T04:01:30Z
signin.nearest_before_event   2025-09-09T04:01:30Z
signin.nearest_after_event    -
signin.nearest_ip             2001:db8:1::5
signin.nearest_country        JP
signin.nearest_app            AWS IAM Identity Center
signin.minutes_to_nearest     18
signin.same_ip_as_event       false
signin.same_country_as_event  true
signin.nearest_ipv6           true
signin.ipv6_only              true
signin.mfa_satisfied          28
signin.risk_levels            -
signin.mfa_failed_then_success false
activity.total@session        7
activity.reads@session        7
activity.writes@session       0
activity.errors@session       0
activity.denied@session       0
activity.first@session        2025-09-09T04:02:40Z
activity.last@session         2025-09-09T04:31:02Z
activity.persistence_calls@session 0
activity.privilege_calls@session   0
activity.logging_changes@session   0
activity.assumed_roles@session     0
activity.new_keys@session          0
activity.own_keys@session          0
activity.foreign_keys@session      0
activity.burst_per_second@session  2
activity.total@credential     7
activity.reads@credential     7
activity.writes@credential    0
activity.errors@credential    0
activity.denied@credential    0
activity.regions@credential   ap-northeast-1
activity.ips@credential       192.0.2.10
activity.user_agents@credential aws-sdk-rust/1.3.8 os/linux lang/rust/1.75.0
activity.persistence_calls@credential 0
activity.privilege_calls@credential   0
activity.logging_changes@credential   0
activity.assumed_roles@credential     0
activity.new_keys@credential          0
activity.own_keys@credential          0
activity.foreign_keys@credential      0
activity.data_reads@credential        0
activity.own_logging_changes   0
activity.other_logging_changes 0
activity.logging_change_list  -
baseline.days                 30
baseline.days_observed        14
baseline.events               212
baseline.sufficient           true
baseline.new_ip               false
baseline.new_asn              false
baseline.new_country          false
baseline.new_user_agent       false
baseline.new_region           false
baseline.seen_user_agent      96
baseline.new_api              ?baseline
baseline.tool_days            14
baseline.usual_hours          0|16
baseline.hour_is_usual        false
baseline.midnight             6
baseline.daily_average        71
baseline.event_day            9
baseline.peers_on_resource    ?s3_data
baseline.peers_same_api       ?s3_data
impact.objects_read           ?s3_data
impact.object_keys            ?s3_data
impact.bytes_out              ?s3_data
impact.read_minutes           ?s3_data
impact.objects_deleted        ?s3_data
impact.public_exposure        0
impact.accounts_reached       -
impact.secrets_read           0
impact.still_active           true
impact.trails_recording       org-trail
impact.trails_stopped         -
related.findings_same_principal 0
related.findings_same_ip      0
related.findings_same_resource 0
related.other_principals_from_ip 0
related.principals_from_ip    -
related.candidate_persons     -
related.candidate_count       0
related.peer_sessions         ?s3_data
coverage.state@cloudtrail_management collected
coverage.state@s3_data        not_collected
coverage.state@signin         collected
coverage.failures             0
quality.duplicates_removed    0
quality.conflicts             0
quality.quarantined           0
quality.quarantine_list       -
quality.not_logs              0
quality.future_events         0
quality.invalid_ips           0
quality.contradictions        -
interview.asked               false
interview.answered            false
interview.answer              ?interview
interview.step_up             ?interview
interview.quote               ?interview
interview.time                ?interview
`

var (
	caseAt     = time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	caseWindow = query.Window{From: caseAt.AddDate(0, 0, -30), To: caseAt.Add(time.Hour)}
)

// referenceFacts are the facts of the reference case; change sets others, in the same notation.
func referenceFacts(t *testing.T, change ...string) fact.Facts {
	t.Helper()
	spec := map[string]string{}
	var order []string
	for _, line := range slices.Concat(strings.Split(referenceCase, "\n"), change) {
		key, val, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key == "" {
			continue
		}
		if _, ok := spec[key]; !ok {
			order = append(order, key)
		}
		spec[key] = strings.TrimSpace(val)
	}
	list := referenceTables()
	for _, key := range order {
		f := readFact(t, key, spec[key])
		list = slices.DeleteFunc(list, func(have fact.Fact) bool { return have.Key == f.Key && have.Subject == f.Subject })
		list = append(list, f)
	}
	return fact.ForTest(list, fact.TestWorld{
		Finding:  finding.Finding{ID: spec["finding.id"], Type: finding.Type(spec["finding.type"]), Account: "111122223333", Region: "ap-northeast-1", Severity: 8},
		Evidence: referenceEvidence(), AsOf: caseAt.Add(11 * time.Minute),
	})
}

func readFact(t *testing.T, ref, val string) fact.Fact {
	t.Helper()
	key, subject, _ := strings.Cut(ref, "@")
	d, ok := fact.DefOf(fact.Key(key))
	if !ok {
		t.Fatalf("there is no fact %q", key)
	}
	f := fact.Fact{Key: d.Key, Subject: subject, State: fact.Known, Rule: d.Says, From: []fact.Ref{"E1"}}
	switch group, _, _ := strings.Cut(key, "."); group {
	case "signin", "chain", "identity":
		f.From, f.Window = []fact.Ref{"E4", "E4#0"}, caseWindow
	case "activity", "baseline", "impact", "related", "event":
		f.From, f.Window = []fact.Ref{"E3"}, caseWindow
	case "person", "actor":
		f.From = []fact.Ref{"E3#0", "E2"}
	}
	if gap, unknown := strings.CutPrefix(val, "?"); unknown {
		f.State, f.Gap = fact.Unknown, fact.Gap{Key: gap}
		if gap == "s3_data" {
			f.Gap.Outcome, f.From = evidence.NotCollected, []fact.Ref{"E5"}
		}
		return f
	}
	if val == "-" {
		f.State = fact.NotApplicable
		return f
	}
	if n, bound := strings.CutPrefix(val, ">="); bound {
		f.State, f.Gap, val = fact.AtLeast, fact.Gap{Key: "cloudtrail_management", Outcome: evidence.Truncated}, n
	}
	f.Value = readValue(t, ref, d, val)
	return f
}

func readValue(t *testing.T, ref string, d fact.Def, val string) fact.Value {
	t.Helper()
	v := fact.Value{Type: d.Type}
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		return n
	}
	switch d.Type {
	case fact.Bool:
		return fact.BoolOf(val == "true")
	case fact.Text, fact.Name, fact.IP, fact.Masked:
		v.Str = val
	case fact.Label:
		v.JA, v.Str, _ = strings.Cut(val, "|")
	case fact.Texts:
		v.List = strings.Split(val, "|")
	case fact.Hours:
		for _, s := range strings.Split(val, "|") {
			v.Hours = append(v.Hours, int(number(s)))
		}
	case fact.Percent:
		n, of, _ := strings.Cut(val, "/")
		v.Num, v.Den = number(n), number(of)
	case fact.Time:
		at, err := time.Parse(time.RFC3339, val)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		v.At = at
	default:
		v.Num = number(val)
	}
	return v
}

func referenceTables() []fact.Fact {
	table := func(key fact.Key, subject string, from fact.Ref, rows ...fact.Row) fact.Fact {
		return fact.Fact{Key: key, Subject: subject, State: fact.Known, Window: caseWindow, From: []fact.Ref{from}, Value: fact.Value{Type: fact.Table, Rows: rows}}
	}
	text, name, count, at := fact.TextOf, fact.NameOf, fact.IntOf, func(minutes int) fact.Value {
		return fact.TimeOf(caseAt.Add(time.Duration(minutes) * time.Minute))
	}
	cell := func(day, hour, n int64) fact.Row {
		return fact.Row{{Type: fact.Weekday, Num: day}, {Type: fact.Hour, Num: hour}, count(n)}
	}
	return []fact.Fact{
		table("identity.dimensions", "", "E4",
			fact.Row{name("address"), text("192.0.2.10"), count(0), count(59), name("differs")},
			fact.Row{name("country"), text("Japan"), count(59), count(59), name("fits")},
			fact.Row{name("hour"), text("13"), count(0), count(59), name("differs")},
			fact.Row{name("user_agent"), text("aws-sdk-rust"), count(96), count(212), name("fits")}),
		table("chain.links", "", "E3",
			fact.Row{name("signin"), name("confirmed"), at(-19), text("2001:db8:1::5"), text("AWS IAM Identity Center")},
			fact.Row{name("identity_center"), name("not_collected"), {}, text(""), text("")},
			fact.Row{name("assume_role"), name("confirmed"), at(-18), text("sso.amazonaws.com"), text("AssumeRoleWithSAML")},
			fact.Row{name("call"), name("not_collected"), {}, text(""), text("")}),
		table("signin.by_code", "", "E4",
			fact.Row{count(0), {Type: fact.Label, JA: "成功", Str: "success"}, name("success"), count(28)},
			fact.Row{count(50140), {Type: fact.Label, JA: "サインインの維持の確認", Str: "keep me signed in"}, name("interrupt"), count(31)}),
		table("signin.by_weekday_hour", "", "E4", cell(1, 16, 24), cell(2, 0, 2), cell(3, 0, 2), cell(3, 16, 15), cell(4, 0, 1), cell(4, 16, 14), cell(5, 0, 1)),
		table("activity.session_timeline", "session", "E3",
			fact.Row{at(-18), name("before"), text("GetCallerIdentity"), text(""), text("OK"), text("192.0.2.10")},
			fact.Row{at(-2), name("before"), text("ListBuckets"), text(""), text("OK"), text("192.0.2.10")},
			fact.Row{at(11), name("after"), text("ListBuckets"), text("x|y`z\n"), text("OK"), text("192.0.2.10")}),
		table("activity.apis", "credential", "E3",
			fact.Row{text("ListBuckets"), text("s3.amazonaws.com"), count(6), count(0), at(-2), at(11)},
			fact.Row{text("GetCallerIdentity"), text("sts.amazonaws.com"), count(1), count(0), at(-18), at(-18)}),
		table("baseline.comparison", "", "E3",
			fact.Row{name("address"), text("192.0.2.10"), count(41), count(212), count(14), at(-20000), name("seen")},
			fact.Row{name("api"), text("GetObject"), {}, {}, {}, {}, name("undetermined")}),
		table("coverage.table", "", "E3",
			fact.Row{name("cloudtrail_management"), text("111122223333"), text("ap-northeast-1"), fact.TimeOf(caseWindow.From), fact.TimeOf(caseWindow.To), text("splunk-prod"), name("not_collected"), name("not_held")},
			fact.Row{name("cloudtrail_management"), text("111122223333"), text("ap-northeast-1"), fact.TimeOf(caseWindow.From), fact.TimeOf(caseWindow.To), text("cloudtrail-api"), name("collected"), name("records")},
			fact.Row{name("s3_data"), text("111122223333"), text("ap-northeast-1"), fact.TimeOf(caseWindow.From), fact.TimeOf(caseWindow.To), text("cloudtrail-api"), name("not_collected"), name("no_trail")}),
		table("coverage.asked", "", "E3",
			fact.Row{text("session (session)"), text("cloudtrail-api"), name("found"), count(7), text("")},
			fact.Row{text("sign-ins"), text("splunk-prod"), name("found"), count(59), text("")},
			fact.Row{text("objects"), text("cloudtrail-api"), name("not_collected"), count(0), text("no trail records S3 data events")}),
	}
}

func referenceEvidence() evidence.Set {
	item := func(id, question, subject, source, kind string, out evidence.Outcome, state evidence.State, rows int, native string) evidence.Item {
		scope := query.Scope{Kind: kind, Account: "111122223333", Region: "ap-northeast-1", Window: caseWindow}
		if kind == "signin" {
			scope.Account, scope.Region = "", ""
		}
		return evidence.Item{
			ID: evidence.ID(id), Kind: evidence.AnswerItem, Round: 1, Question: question, Subject: subject, Source: source, Scope: scope,
			Ask:      query.Query{Dataset: query.CloudTrail, Window: caseWindow, Select: []query.Field{"event_time"}, Limit: 1000},
			Coverage: []evidence.Coverage{{Source: source, Kind: kind, Account: scope.Account, Region: scope.Region, Window: caseWindow, State: state, Why: evidence.WhyRecords}},
			Answer:   evidence.Answer{Outcome: out, Native: native, Rows: make([]evidence.Row, rows)}, SHA256: strings.Repeat(fmt.Sprintf("%02x", len(question)), 32),
		}
	}
	hash := strings.Repeat("ab", 32)
	return evidence.NewSet([]evidence.Item{
		{ID: "E1", Kind: evidence.FindingItem, SHA256: hash},
		{ID: "E2", Kind: evidence.SettingsItem, SHA256: hash},
		item("E3", "session", "session", "cloudtrail-api", "cloudtrail_management", evidence.Found, evidence.Collected, 7, `aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue=ASIAEXAMPLE`),
		item("E4", "sign-ins", "", "splunk-prod", "signin", evidence.Found, evidence.Collected, 59, "search index=entra sourcetype=azure:aad:signin\n| where userPrincipalName=\"ext-sato@example.co.jp\""),
		item("E5", "objects", "", "cloudtrail-api", "s3_data", evidence.NotCollected, evidence.NotCollectedState, 0, ""),
	})
}
