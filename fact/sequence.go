package fact

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/finding"
	"uratori/query"
)

var sequenceFamily = []string{"attack_sequence"}

// What an attack sequence consists of, and which of its signals the logs confirm.
var sequenceDefs = []Def{
	{Key: "sequence.signals", Families: sequenceFamily, Rule: sequenceSignals, Type: Int, Kind: External, JA: "シグナル数", EN: "signals", Says: "count of service.detection.sequence.signals"},
	{Key: "sequence.actors", Families: sequenceFamily, Rule: sequenceActors, Type: Texts, Kind: External, JA: "攻撃シーケンスの主体", EN: "actors of the sequence", Says: "user names of the actors, as received"},
	{Key: "sequence.common_actor", Families: sequenceFamily, Rule: sequenceCommonActor, Type: Bool, Kind: Computed, JA: "全シグナルに共通の主体がある", EN: "one actor is in every signal", Says: "an actor id that every signal names"},
	{Key: "sequence.common_session", Families: sequenceFamily, Rule: sequenceCommonSession, Type: Bool, Kind: Computed, JA: "全シグナルが同じセッション", EN: "one session is in every signal", Says: "the actors of all signals have one session uid"},
	{Key: "sequence.first", Families: sequenceFamily, Rule: sequenceEdge(true), Type: Time, Kind: External, JA: "最初のシグナル", EN: "first signal", Says: "earliest firstSeenAt"},
	{Key: "sequence.last", Families: sequenceFamily, Rule: sequenceEdge(false), Type: Time, Kind: External, JA: "最後のシグナル", EN: "last signal", Says: "latest lastSeenAt"},
	{Key: "sequence.entry", Families: sequenceFamily, Rule: sequenceStep(true), Type: Text, Kind: Computed, JA: "起点のシグナル", EN: "signal of entry", Says: "name of the signal seen first"},
	{Key: "sequence.end", Families: sequenceFamily, Rule: sequenceStep(false), Type: Text, Kind: Computed, JA: "最後に現れたシグナル", EN: "signal seen last", Says: "name of the signal that began last"},
	{Key: "sequence.resources", Families: sequenceFamily, Rule: sequenceResources, Type: Texts, Kind: External, JA: "対象範囲のリソース", EN: "resources in scope", Says: "resource uids, as received"},
	{Key: "sequence.apis", Families: sequenceFamily, Rule: sequenceAPIs("CLOUD_TRAIL"), Type: Texts, Kind: Computed, JA: "シグナルの管理API", EN: "management APIs of the signals", Says: "API names of the CLOUD_TRAIL signals"},
	{Key: "sequence.data_apis", Families: sequenceFamily, Rule: sequenceAPIs("S3_DATA_EVENTS"), Type: Texts, Kind: Computed, JA: "シグナルのデータAPI", EN: "data APIs of the signals", Says: "API names of the S3_DATA_EVENTS signals"},
	{Key: "sequence.instances", Families: sequenceFamily, Rule: sequenceTexts(func(s *finding.Sequence) []string { return s.Instances }), Type: Texts, Kind: External, JA: "対象範囲のEC2インスタンス", EN: "EC2 instances in scope", Says: "ids of the instances that the resources are or consist of"},
	{Key: "sequence.clusters", Families: sequenceFamily, Rule: sequenceTexts(func(s *finding.Sequence) []string { return s.Clusters }), Type: Texts, Kind: External, JA: "対象範囲のEKSクラスター", EN: "EKS clusters in scope", Says: "resources of type EKS_CLUSTER"},
	{Key: "sequence.verbs", Families: sequenceFamily, Rule: sequenceTexts(sequenceVerbs), Type: Texts, Kind: Computed, JA: "シグナルのKubernetesの動詞", EN: "Kubernetes verbs of the signals", Says: "verbs that the EKS_AUDIT_LOGS signals name"},
	{Key: "sequence.addresses", Families: sequenceFamily, Rule: sequenceTexts(sequenceAddresses), Type: Texts, Kind: External, JA: "シグナルの通信先アドレス", EN: "addresses of the signals", Says: "addresses of the endpoints of FLOW_LOGS signals"},
	{Key: "sequence.domains", Families: sequenceFamily, Rule: sequenceTexts(sequenceDomains), Type: Texts, Kind: External, JA: "シグナルのドメイン", EN: "domains of the signals", Says: "domains of the endpoints and indicators of DNS_LOGS signals, in lower case"},
	{Key: "sequence.role_calls", Families: sequenceFamily, Rule: sequenceRows("sequence.role_calls", "sequence.instances"), Type: Int, Kind: Observed, JA: "対象範囲のインスタンスのロールの操作", EN: "calls of the roles of the instances in scope", Says: "count calls of role sessions that are named by an instance in scope, from the first signal until a day after the last", Reads: []string{"api", "source_ip"}},
	{Key: "sequence.role_access", Families: sequenceFamily, Rule: ofSequenceRoles(sequenceRoleAccess), Type: Int, Kind: Computed, JA: "対象範囲のインスタンスのロールの権限変更・永続化・ログ停止", EN: "calls of those roles that keep or widen access or stop logging", Says: "their successful calls of the persistence, privilege and logging lists"},
	{Key: "sequence.role_addresses", Families: sequenceFamily, Rule: ofSequenceRoles(func(t table) result { return t.texts("source_ip") }), Type: Texts, Kind: Observed, JA: "対象範囲のインスタンスのロールの送信元", EN: "sources of the calls of those roles", Says: "different source addresses of those calls"},
	{Key: "sequence.role_apis", Families: sequenceFamily, Rule: ofSequenceRoles(func(t table) result { return t.texts("api") }), Type: Texts, Kind: Observed, JA: "対象範囲のインスタンスのロールのAPI", EN: "APIs that those roles called", Says: "different APIs of those calls"},
	{Key: "sequence.requests_seen", Families: sequenceFamily, Rule: sequenceRows("sequence.requests_seen", "sequence.clusters"), Type: Int, Kind: Observed, JA: "クラスターのリクエストの記録", EN: "records of requests to the clusters", Says: "count rows", Reads: []string{"event_time", "verb", "resource", "subresource", "user_name", "user_arn", "session_name", "access_key"}},
	{Key: "sequence.flows_seen", Families: sequenceFamily, Rule: sequenceRows("sequence.flows_seen", "sequence.addresses"), Type: Int, Kind: Observed, JA: "シグナルの通信先とのフロー記録", EN: "flow records with the signals' addresses", Says: "count rows", Reads: []string{"event_time", "end_time", "interface", "instance", "source_ip", "dest_ip"}},
	{Key: "sequence.names_seen", Families: sequenceFamily, Rule: sequenceRows("sequence.names_seen", "sequence.domains"), Type: Int, Kind: Observed, JA: "シグナルのドメインの名前解決の記録", EN: "records of queries for the signals' domains", Says: "count rows", Reads: []string{"event_time", "query_name", "instance"}},
	{Key: "sequence.calls_seen", Families: sequenceFamily, Rule: sequenceRows("sequence.calls_seen", "sequence.apis"), Type: Int, Kind: Observed, JA: "シグナルのAPIの記録", EN: "records of the signals' APIs", Says: "count rows", Reads: sequenceReads},
	{Key: "sequence.data_calls_seen", Families: sequenceFamily, Rule: sequenceRows("sequence.data_calls_seen", "sequence.data_apis"), Type: Int, Kind: Observed, JA: "シグナルのデータAPIの記録", EN: "records of the signals' data APIs", Says: "count rows", Reads: sequenceReads},
	{Key: "sequence.confirmed", Families: sequenceFamily, Rule: sequenceCount("confirmed"), Type: Int, Kind: Computed, JA: "ログで確認したシグナル", EN: "signals that logs confirm", Says: "signals whose own record was found: API, time and credential or user"},
	{Key: "sequence.not_found", Families: sequenceFamily, Rule: sequenceCount("not_found"), Type: Int, Kind: Computed, JA: "ログに記録のないシグナル", EN: "signals that the logs do not show", Says: "signals without a record, in a log collected for the whole window"},
	{Key: "sequence.findings_given", Families: sequenceFamily, Rule: sequenceCount("given"), Type: Int, Kind: Computed, JA: "照合できた構成検出結果", EN: "member findings joined", Says: "FINDING signals whose finding was given to this run, by ARN or id"},
	{Key: "sequence.only_guardduty", Families: sequenceFamily, Rule: sequenceCount("no_log"), Type: Int, Kind: Computed, JA: "GuardDutyだけが記録するシグナル", EN: "signals that only GuardDuty records", Says: "RUNTIME_MONITORING signals: no log of them exists outside GuardDuty"},
	{Key: "sequence.unverified", Families: sequenceFamily, Rule: sequenceCount("hidden", "not_given", "not_checked"), Type: Int, Kind: Computed, JA: "裏付けのないシグナル", EN: "signals not verified", Says: "signals whose log does not answer, whose finding was not given, or that no question verifies"},
	{Key: "sequence.checked", Families: sequenceFamily, Rule: sequenceChecked, Type: Bool, Kind: Computed, JA: "全シグナルを照合できた", EN: "every signal could be checked", Says: "each signal's log answers for the whole window, or its finding was given, or GuardDuty alone records it"},
	{Key: "sequence.in_trail", Families: sequenceFamily, Rule: sequenceIn("CLOUD_TRAIL", "confirmed"), Type: Texts, Kind: Computed, JA: "CloudTrail管理イベントのシグナル", EN: "signals of CloudTrail management events", Says: "names of the CLOUD_TRAIL signals whose own record was found"},
	{Key: "sequence.in_objects", Families: sequenceFamily, Rule: sequenceIn("S3_DATA_EVENTS", "confirmed"), Type: Texts, Kind: Computed, JA: "S3データイベントのシグナル", EN: "signals of S3 data events", Says: "names of the S3_DATA_EVENTS signals whose own record was found"},
	{Key: "sequence.in_cluster", Families: sequenceFamily, Rule: sequenceIn("EKS_AUDIT_LOGS", "confirmed"), Type: Texts, Kind: Computed, JA: "EKS監査ログのシグナル", EN: "signals of EKS audit logs", Says: "names of the EKS_AUDIT_LOGS signals whose own record was found"},
	{Key: "sequence.in_flows", Families: sequenceFamily, Rule: sequenceIn("FLOW_LOGS", "confirmed"), Type: Texts, Kind: Computed, JA: "VPCフローログのシグナル", EN: "signals of VPC flow logs", Says: "names of the FLOW_LOGS signals whose own record was found"},
	{Key: "sequence.in_names", Families: sequenceFamily, Rule: sequenceIn("DNS_LOGS", "confirmed"), Type: Texts, Kind: Computed, JA: "Route 53 Resolverクエリログのシグナル", EN: "signals of Route 53 Resolver query logs", Says: "names of the DNS_LOGS signals whose own record was found"},
	{Key: "sequence.lacking_trail", Families: sequenceFamily, Rule: sequenceIn("CLOUD_TRAIL", "not_found"), Type: Texts, Kind: Computed, JA: "CloudTrail管理イベントに記録のないシグナル", EN: "signals without a record in CloudTrail management events", Says: "names of the CLOUD_TRAIL signals that the log, collected for the whole window, does not show"},
	{Key: "sequence.lacking_objects", Families: sequenceFamily, Rule: sequenceIn("S3_DATA_EVENTS", "not_found"), Type: Texts, Kind: Computed, JA: "S3データイベントに記録のないシグナル", EN: "signals without a record in S3 data events", Says: "names of the S3_DATA_EVENTS signals that the log, collected for the whole window, does not show"},
	{Key: "sequence.lacking_cluster", Families: sequenceFamily, Rule: sequenceIn("EKS_AUDIT_LOGS", "not_found"), Type: Texts, Kind: Computed, JA: "EKS監査ログに記録のないシグナル", EN: "signals without a record in EKS audit logs", Says: "names of the EKS_AUDIT_LOGS signals that the log, collected for the whole window, does not show"},
	{Key: "sequence.lacking_flows", Families: sequenceFamily, Rule: sequenceIn("FLOW_LOGS", "not_found"), Type: Texts, Kind: Computed, JA: "VPCフローログに記録のないシグナル", EN: "signals without a record in VPC flow logs", Says: "names of the FLOW_LOGS signals that the log, collected for the whole window, does not show"},
	{Key: "sequence.lacking_names", Families: sequenceFamily, Rule: sequenceIn("DNS_LOGS", "not_found"), Type: Texts, Kind: Computed, JA: "Route 53 Resolverクエリログに記録のないシグナル", EN: "signals without a record in Route 53 Resolver query logs", Says: "names of the DNS_LOGS signals that the log, collected for the whole window, does not show"},
	{Key: "sequence.unseen", Families: sequenceFamily, Rule: sequenceNamed("hidden"), Type: Texts, Kind: Computed, JA: "ログで判断できないシグナル", EN: "signals that their logs do not tell of", Says: "names of the signals whose log does not answer for their time"},
	{Key: "sequence.not_given", Families: sequenceFamily, Rule: sequenceNamed("not_given"), Type: Texts, Kind: Computed, JA: "検出結果が渡されていないシグナル", EN: "signals whose finding was not given", Says: "names of the FINDING signals whose finding was not given to this run"},
	{Key: "sequence.unclear", Families: sequenceFamily, Rule: sequenceNamed("not_checked"), Type: Texts, Kind: Computed, JA: "照合できる内容のないシグナル", EN: "signals that tell too little to look for them", Says: "names of the signals that name no API, request, address or domain to look for"},
	{Key: "sequence.unlogged", Families: sequenceFamily, Rule: sequenceNamed("no_log"), Type: Texts, Kind: Computed, JA: "照合できるログのないシグナル", EN: "signals of which no log exists", Says: "names of the RUNTIME_MONITORING signals"},
	{Key: "sequence.joined", Families: sequenceFamily, Rule: sequenceNamed("given"), Type: Texts, Kind: Computed, JA: "照合した構成検出結果", EN: "member findings that were joined", Says: "names of the FINDING signals whose finding was given to this run"},
	{Key: "sequence.sources", Families: sequenceFamily, Rule: sequenceSources, Type: Texts, Kind: Observed, JA: "裏付けた記録の送信元", EN: "sources of the confirming records", Says: "source addresses of the records of API calls and Kubernetes requests that confirm signals"},
	{Key: "sequence.programs", Families: sequenceFamily, Rule: sequenceTexts(sequencePrograms), Type: Texts, Kind: External, JA: "攻撃シーケンスの主体のプログラム", EN: "programs that acted in the sequence", Says: "path or name of the processes of the actors, as received"},
	{Key: "sequence.minutes", Families: sequenceFamily, Rule: sequenceMinutes, Type: Minutes, Kind: Computed, JA: "最初から最後までの時間", EN: "first to last signal", Says: "earliest firstSeenAt to latest lastSeenAt"},
	{Key: "sequence.tactics", Families: sequenceFamily, Rule: sequenceTexts(sequenceTactics), Type: Texts, Kind: External, JA: "ATT&CK戦術（GuardDutyの記載）", EN: "ATT&CK tactics (GuardDuty says)", Says: "indicators ATTACK_TACTIC of the signals, as received"},
	{Key: "sequence.explained", Families: sequenceFamily, Rule: sequenceExplained, Type: Bool, Kind: Computed, JA: "攻撃シーケンスの説明", EN: "the sequence is explained", Says: "the person, or the owner, says after a fresh sign-in that it was theirs"},
	{Key: "sequence.regions", Families: sequenceFamily, Rule: sequenceRegions, Type: Texts, Kind: Computed, JA: "シーケンスと異なるリージョン", EN: "Regions other than the sequence's", Says: "Regions of member findings and resources that differ from the finding's Region"},
	{Key: "sequence.table", Families: sequenceFamily, Rule: sequenceTable, Type: Table, Kind: Computed, JA: "シグナルと裏付け", EN: "signals and what confirms them", Says: "signals by the time first seen, at most 100", Columns: []Column{
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
		{Name: "type", Type: Text, JA: "種類", EN: "kind"},
		{Name: "name", Type: Text, JA: "シグナル", EN: "signal"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "actor", Type: Text, JA: "主体", EN: "actor"},
		{Name: "technique", Type: Text, JA: "ATT&CK技法", EN: "ATT&CK technique"},
		{Name: "verified", Type: Name, JA: "裏付け", EN: "verified", Enum: signalStates},
	}},
	{Key: "sequence.members", Families: sequenceFamily, Rule: sequenceMembers, Type: Table, Kind: External, JA: "構成検出結果の内容", EN: "what the member findings say", Says: "the findings given to this run that FINDING signals refer to, by the time first seen, at most 100", Columns: []Column{
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
		{Name: "type", Type: Text, JA: "検出結果の種類", EN: "finding type"},
		{Name: "severity", Type: Decimal, JA: "重要度", EN: "severity"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "resource", Type: Text, JA: "リソース", EN: "resource"},
		{Name: "detail", Type: Text, JA: "操作・相手・プログラム", EN: "call, peer or program"},
	}},
}

// What a record of a signal's API must tell.
var sequenceReads = []string{"event_time", "api", "access_key", "user_name", "session_issuer_name"}

// The states of a signal: its record was found; its finding was given; a whole log does not
// show it; its log does not answer; its finding was not given; GuardDuty alone records its kind;
// it does not tell enough to look for it.
var signalStates = []string{"confirmed", "given", "not_found", "hidden", "not_given", "no_log", "not_checked"}

const signalSlack = time.Minute // records and signals are stamped by different clocks

// aSignal is a signal with what became of it.
type aSignal struct {
	finding.Signal
	actor string
	state string
	from  []Ref
	gap   Gap // of a hidden signal

	window query.Window
	key    Key       // the fact that its own log answers, "" where no log holds it
	at     time.Time // of its record
	source string    // whom the record came from, as text; "" where it does not say
}

// ofSequence is a rule over the sequence, Unknown where the finding carries none: deliveries
// in OCSF and ASFF may cut it away.
func ofSequence(v *view, get func(*finding.Sequence) result) result {
	if s := v.f.Sequence; s != nil && len(s.Signals) > 0 {
		return get(s)
	}
	return unknown("finding", findingRef)
}

// signals are the signals in the order in which they were first seen.
func (v *view) signals() []aSignal {
	return memo(v, "signals", func() []aSignal {
		if v.f.Sequence == nil {
			return nil
		}
		var list []aSignal
		for _, g := range v.f.Sequence.Signals {
			list = append(list, v.verify(g))
		}
		slices.SortStableFunc(list, func(a, b aSignal) int {
			return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), a.LastSeen.Compare(b.LastSeen), cmp.Compare(a.UID, b.UID))
		})
		return list
	})
}

// sourced is a finding with the source and the bucket of its sequence in the places where other findings
// tell theirs: the only bucket in scope, and the only address of the endpoints from which somebody with a
// credential acted. Of several, none is the source.
func sourced(f finding.Finding) finding.Finding {
	s := f.Sequence
	if s == nil || f.Action.Remote.IP.IsValid() {
		return f
	}
	if b := bucketsIn(s.Resources); len(b) == 1 && len(f.Resource.Buckets) == 0 {
		f.Resource.Buckets = []finding.Bucket{{Name: b[0]}}
	}
	held := map[string]bool{}
	for _, a := range s.Actors {
		held[a.ID] = a.CredentialID != ""
	}
	var only finding.Remote
	for _, g := range s.Signals {
		if g.Type == "FLOW_LOGS" || g.Type == "DNS_LOGS" || g.Type == "RUNTIME_MONITORING" || !slices.ContainsFunc(g.ActorIDs, func(id string) bool { return held[id] }) {
			continue
		}
		for _, e := range s.Endpoints {
			switch {
			case !e.IP.IsValid() || !slices.Contains(g.EndpointIDs, e.ID):
			case only.IP.IsValid() && only.IP != e.IP:
				return f
			default:
				only = e.Remote
			}
		}
	}
	f.Action.Remote = only
	return f
}

// bucketsIn are the names of the buckets among the uids of resources.
func bucketsIn(uids []string) []string {
	var out []string
	for _, uid := range uids {
		if name, ok := strings.CutPrefix(uid, "arn:aws:s3:::"); ok && name != "" && !strings.Contains(name, "/") {
			out = append(out, name)
		}
	}
	return sortedCopy(out)
}

// nobody tells whether a sequence names no user and no credential: programs acted, and it is the owner of the
// machines who can say whether they were meant to.
func nobody(f finding.Finding) bool {
	return f.Sequence != nil && !slices.ContainsFunc(f.Sequence.Actors, func(a finding.SequenceActor) bool {
		return a.CredentialID != "" || a.UserName != "" || a.UserUID != ""
	})
}

// verify holds a signal against the log it was seen in.
func (v *view) verify(g finding.Signal) aSignal {
	s := aSignal{Signal: g, state: "not_checked", from: []Ref{findingRef}}
	actors := v.actorsOf(g)
	var names []string
	for _, a := range actors {
		names = append(names, firstText(a.UserName, a.UserUID, a.Process, a.ID))
	}
	s.actor = strings.Join(sortedCopy(names), ", ")
	last := g.LastSeen
	if last.Before(g.FirstSeen) {
		last = g.FirstSeen
	}
	from, to := g.FirstSeen.Add(-signalSlack), last.Add(signalSlack)
	during := func(t table, i int) bool {
		at := t.time(i, "event_time")
		return !at.Before(from) && !at.After(to)
	}
	var key Key
	var is func(t table, i int) bool // a record of the signal; nil: it does not tell enough to look for one
	switch g.Type {
	case "FINDING":
		s.state = "not_given"
		if _, ok := v.member(g); ok {
			s.state = "given"
		}
		s.from = append(s.from, settingsRef)
		return s
	case "RUNTIME_MONITORING":
		s.state = "no_log"
		return s
	case "CLOUD_TRAIL", "S3_DATA_EVENTS":
		key = "sequence.calls_seen"
		if g.Type == "S3_DATA_EVENTS" {
			key = "sequence.data_calls_seen"
		}
		if api := signalAPI(g.Name); api != "" {
			is = func(t table, i int) bool { return t.text(i, "api") == api && during(t, i) && actedIn(t, i, actors) }
		}
	case "EKS_AUDIT_LOGS":
		key = "sequence.requests_seen"
		if verb, object := signalRequest(g.Name); verb != "" && len(v.f.Sequence.Clusters) > 0 {
			is = func(t table, i int) bool {
				return t.text(i, "verb") == verb && requested(t, i) == object && during(t, i) && requestedBy(t, i, actors)
			}
		}
	case "FLOW_LOGS":
		key = "sequence.flows_seen"
		if peers := v.endpointAddresses(g); len(peers) > 0 {
			// A flow record spans its aggregation interval.
			is = func(t table, i int) bool {
				peer := slices.Contains(peers, t.text(i, "source_ip")) || slices.Contains(peers, t.text(i, "dest_ip"))
				return peer && !t.time(i, "event_time").After(to) && !t.time(i, "end_time").Before(from) && v.inSequence(t, i)
			}
		}
	case "DNS_LOGS":
		key = "sequence.names_seen"
		if names := v.signalDomains(g); len(names) > 0 {
			is = func(t table, i int) bool {
				return slices.Contains(names, lowerName(t.text(i, "query_name"))) && during(t, i) && v.inSequence(t, i)
			}
		}
	}
	s.key = key
	if is == nil || g.FirstSeen.IsZero() {
		return s
	}
	t, why, ok := v.ask(key, "")
	if !ok {
		s.state, s.gap, s.from = "hidden", why.gap, append(s.from, why.from...)
		return s
	}
	s.window = t.window()
	for i := range t.len() {
		if is(t, i) {
			s.state, s.from = "confirmed", append(s.from, t.row(i))
			s.at, s.source = t.time(i, "event_time"), t.cell(i, "source_ip").String()
			return s
		}
	}
	s.state, s.from = "not_found", append(s.from, t.ref())
	if !t.Exact {
		s.state, s.gap = "hidden", t.gap()
	}
	return s
}

// actedIn tells whether one of the actors made the call: by credential where the actor has one,
// else by name. A signal that names no actor is held against API and time alone.
func actedIn(t table, i int, actors []finding.SequenceActor) bool {
	if len(actors) == 0 {
		return true
	}
	return slices.ContainsFunc(actors, func(a finding.SequenceActor) bool {
		if a.CredentialID != "" {
			return t.text(i, "access_key") == a.CredentialID
		}
		return a.UserName != "" && (t.text(i, "user_name") == a.UserName || t.text(i, "session_issuer_name") == a.UserName)
	})
}

// requested is the kind of object of a request, such as pods or pods/exec.
func requested(t table, i int) string {
	if sub := t.text(i, "subresource"); sub != "" {
		return t.text(i, "resource") + "/" + sub
	}
	return t.text(i, "resource")
}

// requestedBy tells whether one of the actors made the request: by the credential it was mapped
// from, else by name. Actors without a name, such as processes, are held against time and request alone.
func requestedBy(t table, i int, actors []finding.SequenceActor) bool {
	named := false
	for _, a := range actors {
		switch {
		case a.CredentialID != "" && t.text(i, "access_key") != "":
			if t.text(i, "access_key") == a.CredentialID {
				return true
			}
		case a.UserName != "":
			arn := t.text(i, "user_arn")
			if t.text(i, "user_name") == a.UserName || t.text(i, "session_name") == a.UserName || arnNames(arn, a.UserName) {
				return true
			}
		default:
			continue
		}
		named = true
	}
	return !named
}

// arnNames tells whether a whole part of an ARN's resource is the name.
func arnNames(arn, name string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && slices.Contains(strings.Split(parts[5], "/"), name)
}

// inSequence tells whether a record is of a machine in the sequence's scope; of a sequence that
// names none, and of a record that names none, nothing speaks against it.
func (v *view) inSequence(t table, i int) bool {
	s := v.f.Sequence
	instance, eni := t.text(i, "instance"), t.text(i, "interface")
	if instance == "" && eni == "" || len(s.Instances) == 0 && len(s.Interfaces) == 0 {
		return true
	}
	return slices.Contains(s.Instances, instance) || slices.Contains(s.Interfaces, eni)
}

// endpoints are the endpoints of a signal; of one that names none, those of the sequence.
func (v *view) endpoints(g finding.Signal) (out []finding.Endpoint) {
	for _, e := range v.f.Sequence.Endpoints {
		if len(g.EndpointIDs) == 0 || slices.Contains(g.EndpointIDs, e.ID) {
			out = append(out, e)
		}
	}
	return out
}

func (v *view) endpointAddresses(g finding.Signal) (out []string) {
	for _, e := range v.endpoints(g) {
		if e.IP.IsValid() {
			out = append(out, e.IP.String())
		}
	}
	return out
}

func (v *view) signalDomains(g finding.Signal) (out []string) {
	for _, e := range v.endpoints(g) {
		if e.Domain != "" {
			out = append(out, lowerName(e.Domain))
		}
	}
	for _, d := range g.Domains {
		out = append(out, lowerName(d))
	}
	return out
}

// ofSignals collects what signals of a kind tell, each once.
func ofSignals(s *finding.Sequence, kind string, tell func(*view, finding.Signal) []string) []string {
	v := &view{f: finding.Finding{Sequence: s}}
	var out []string
	for _, g := range s.Signals {
		if g.Type == kind {
			out = append(out, tell(v, g)...)
		}
	}
	return sortedCopy(out)
}

func sequenceAddresses(s *finding.Sequence) []string {
	return ofSignals(s, "FLOW_LOGS", (*view).endpointAddresses)
}

func sequenceDomains(s *finding.Sequence) []string {
	return ofSignals(s, "DNS_LOGS", (*view).signalDomains)
}

func sequenceVerbs(s *finding.Sequence) []string {
	return ofSignals(s, "EKS_AUDIT_LOGS", func(_ *view, g finding.Signal) []string {
		verb, _ := signalRequest(g.Name)
		if verb == "" {
			return nil
		}
		return []string{verb}
	})
}

func sequenceTexts(get func(*finding.Sequence) []string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(s *finding.Sequence) result { return toldTexts(get(s)) })
	}
}

// verbs are those of Kubernetes' API (API Concepts, "Resource verbs", and the audit verbs of
// proxied requests).
var verbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// signalRequest is the verb and the kind of object that an audit log signal names, such as
// "create clusterrolebindings" or "create:pods/exec"; "" when it names none.
func signalRequest(name string) (verb, object string) {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == ':' || r == ',' })
	if len(parts) != 2 {
		return "", ""
	}
	for i, p := range parts {
		if slices.Contains(verbs, strings.ToLower(p)) {
			return strings.ToLower(p), strings.ToLower(parts[1-i])
		}
	}
	return "", ""
}

func (v *view) actorsOf(g finding.Signal) (out []finding.SequenceActor) {
	for _, a := range v.f.Sequence.Actors {
		if slices.Contains(g.ActorIDs, a.ID) {
			out = append(out, a)
		}
	}
	return out
}

// member is the finding that a FINDING signal refers to, among those given to this run: by
// its ARN, or by the id at the ARN's end.
func (v *view) member(g finding.Signal) (finding.Finding, bool) {
	id := g.UID[strings.LastIndex(g.UID, "/")+1:]
	for _, o := range v.others {
		switch {
		case g.UID == "":
		case strings.HasPrefix(g.UID, "arn:") && o.ARN != "":
			if o.ARN == g.UID {
				return o, true
			}
		case o.ID == id:
			return o, true
		}
	}
	return finding.Finding{}, false
}

var apiName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{2,79}$`)

// signalAPI is the API that a signal names, alone or after its service ("s3:GetObject"); "" when it names none.
func signalAPI(name string) string {
	api := name[strings.LastIndexAny(name, ":.")+1:]
	if !apiName.MatchString(api) {
		return ""
	}
	return api
}

// sequenceKey is the credential of a sequence, if all its actors with a credential have the same.
func (v *view) sequenceKey() string {
	if v.f.Sequence == nil {
		return ""
	}
	key := ""
	for _, a := range v.f.Sequence.Actors {
		switch {
		case a.CredentialID == "":
		case key != "" && key != a.CredentialID:
			return ""
		default:
			key = a.CredentialID
		}
	}
	return key
}

func sequenceSignals(v *view, _ string) result {
	return ofSequence(v, func(s *finding.Sequence) result { return known(IntOf(int64(len(s.Signals))), findingRef) })
}

func sequenceActors(v *view, _ string) result {
	return ofSequence(v, func(s *finding.Sequence) result {
		var names []string
		for _, a := range s.Actors {
			if n := firstText(a.UserName, a.UserUID); n != "" {
				names = append(names, n)
			}
		}
		return toldTexts(sortedCopy(names))
	})
}

// sequenceCommonActor is about what GuardDuty put together: whether one actor is in each signal
// that names its actors. Where one names none, it is not known.
func sequenceCommonActor(v *view, _ string) result {
	return ofSequence(v, func(s *finding.Sequence) result {
		common := map[string]int{}
		for _, g := range s.Signals {
			if len(g.ActorIDs) == 0 {
				return unknown("finding", findingRef)
			}
			for _, id := range sortedCopy(g.ActorIDs) {
				common[id]++
			}
		}
		for _, n := range common {
			if n == len(s.Signals) {
				return known(BoolOf(true), findingRef)
			}
		}
		return known(BoolOf(false), findingRef)
	})
}

func sequenceCommonSession(v *view, _ string) result {
	return ofSequence(v, func(s *finding.Sequence) result {
		sessions := map[string]bool{}
		for _, g := range s.Signals {
			actors := v.actorsOf(g)
			if len(actors) == 0 {
				return unknown("finding", findingRef)
			}
			for _, a := range actors {
				if a.SessionUID == "" {
					return unknown("finding", findingRef)
				}
				sessions[a.SessionUID] = true
			}
		}
		return known(BoolOf(len(sessions) == 1), findingRef)
	})
}

func sequenceEdge(first bool) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(s *finding.Sequence) result {
			var at time.Time
			for _, g := range s.Signals {
				switch {
				case first && !g.FirstSeen.IsZero() && (at.IsZero() || g.FirstSeen.Before(at)):
					at = g.FirstSeen
				case !first && g.LastSeen.After(at):
					at = g.LastSeen
				}
			}
			return toldTime(at)
		})
	}
}

// sequenceStep names the first or the last signal. Where several began at the same moment
// the order is not known, and none is named.
func sequenceStep(first bool) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(*finding.Sequence) result {
			list := v.signals()
			if !first {
				list = slices.Clone(list)
				slices.Reverse(list)
			}
			if list[0].FirstSeen.IsZero() || list[len(list)-1].FirstSeen.IsZero() || len(list) > 1 && list[0].FirstSeen.Equal(list[1].FirstSeen) {
				return unknown("finding", findingRef)
			}
			return told(list[0].Name)
		})
	}
}

func sequenceResources(v *view, _ string) result {
	return ofSequence(v, func(s *finding.Sequence) result { return toldTexts(sortedCopy(s.Resources)) })
}

func sequenceAPIs(kind string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(s *finding.Sequence) result {
			var list []string
			for _, g := range s.Signals {
				if api := signalAPI(g.Name); g.Type == kind && api != "" {
					list = append(list, api)
				}
			}
			return toldTexts(sortedCopy(list))
		})
	}
}

// sequenceRows counts the rows of an answer; where the sequence names nothing of what is asked for, the question
// does not arise.
func sequenceRows(key, asks Key) func(*view, string) result {
	return func(v *view, _ string) result {
		if d, _ := DefOf(asks); d.Rule(v, "").state == NotApplicable {
			return notApplicable(findingRef)
		}
		t, why, ok := v.ask(key, "")
		if !ok {
			return why
		}
		return t.counted(int64(t.len()))
	}
}

// ofSequenceRoles is a rule over the calls of the instances' roles.
func ofSequenceRoles(get func(table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if len(sequenceInstances(v.f)) == 0 {
			return notApplicable(findingRef)
		}
		t, why, ok := v.ask("sequence.role_calls", "")
		if !ok {
			return why
		}
		return get(t)
	}
}

// sequenceRoleAccess counts what of the calls of the instances' roles keeps or widens access or stops logging.
func sequenceRoleAccess(t table) result {
	var n int64
	for i := range t.len() {
		if classed(t, i, "persistence", "privilege", "logging") {
			n++
		}
	}
	return t.counted(n)
}

func sequenceInstances(f finding.Finding) []string {
	if f.Sequence == nil {
		return nil
	}
	return f.Sequence.Instances
}

// sequenceCount counts the signals of some states. It is exact: a signal whose log does not
// answer has a state of its own.
func sequenceCount(states ...string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(*finding.Sequence) result {
			var n int64
			var refs []Ref
			for _, s := range v.signals() {
				if slices.Contains(states, s.state) {
					n++
					refs = append(refs, s.from...)
				}
			}
			if n == 0 {
				refs = []Ref{findingRef}
			}
			return known(IntOf(n), eachRef(refs)...)
		})
	}
}

// sequenceRecorded tells whether every signal of a sequence was found where it was seen. As long
// as a log does not answer, it is not known, even if another shows that one is missing: what is
// wanted is the log.
func sequenceRecorded(v *view) result {
	return ofSequence(v, func(*finding.Sequence) result {
		found, hidden, refs := v.signalsChecked()
		switch {
		case hidden != Gap{} && (found || hidden.Key != membersGap):
			return result{state: Unknown, gap: hidden, from: refs}
		case !found:
			return known(BoolOf(false), refs...)
		}
		return known(BoolOf(true), refs...)
	})
}

// sequenceExplained is true when whoever is asked says after a fresh sign-in that it was theirs.
func sequenceExplained(v *view, _ string) result {
	r := ofAnswer(v, func(said Testimony, ref Ref) result { return known(BoolOf(said.confirms()), ref) })
	if r.state == Known {
		return r
	}
	return known(BoolOf(false), findingRef)
}

// membersGap is the gap of signals whose finding was not given, or that tell too little.
const membersGap = "sequence_members"

// sequenceChecked is true when every signal could be held against what it rests on, whatever came
// of it; otherwise it is not known.
func sequenceChecked(v *view, _ string) result {
	return ofSequence(v, func(*finding.Sequence) result {
		if _, hidden, refs := v.signalsChecked(); hidden != (Gap{}) {
			return result{state: Unknown, gap: hidden, from: refs}
		}
		return known(BoolOf(true), findingRef)
	})
}

// signalsChecked tells whether no signal is missing in the log it should stand in, and why not every one
// could be checked: a log that does not answer goes before a finding that was not given.
func (v *view) signalsChecked() (found bool, hidden Gap, refs []Ref) {
	found = true
	var members Gap
	for _, s := range v.signals() {
		refs = append(refs, s.from...)
		switch s.state {
		case "not_found":
			found = false
		case "hidden":
			hidden = cmp.Or(hidden, s.gap)
		case "not_given", "not_checked":
			members = Gap{Key: membersGap}
		}
	}
	return found, cmp.Or(hidden, members), eachRef(refs)
}

// sequenceIn names the signals of a kind that are in a state, with what their log answered.
func sequenceIn(kind, state string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(*finding.Sequence) result {
			var names []string
			r := result{state: Known}
			for _, s := range v.signals() {
				if s.Type == kind && s.state == state {
					names, r.from, r.window = append(names, s.Name), append(r.from, s.from...), s.window
				}
			}
			if names == nil {
				return notApplicable(findingRef)
			}
			r.value, r.from = TextsOf(sortedCopy(names), false), eachRef(r.from)
			return r
		})
	}
}

// sequenceNamed names the signals in a state.
func sequenceNamed(state string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofSequence(v, func(*finding.Sequence) result {
			var names []string
			var refs []Ref
			for _, s := range v.signals() {
				if s.state == state {
					names, refs = append(names, s.Name), append(refs, s.from...)
				}
			}
			if names == nil {
				return notApplicable(findingRef)
			}
			return known(TextsOf(sortedCopy(names), false), eachRef(refs)...)
		})
	}
}

func sequenceSources(v *view, _ string) result {
	return ofSequence(v, func(*finding.Sequence) result {
		var list []string
		var refs []Ref
		for _, s := range v.signals() {
			if s.source != "" && s.state == "confirmed" && s.Type != "FLOW_LOGS" && s.Type != "DNS_LOGS" {
				list, refs = append(list, s.source), append(refs, s.from...)
			}
		}
		if list == nil {
			return notApplicable(findingRef)
		}
		return known(TextsOf(sortedCopy(list), false), eachRef(refs)...)
	})
}

func sequencePrograms(s *finding.Sequence) []string {
	var out []string
	for _, a := range s.Actors {
		if a.Process != "" {
			out = append(out, a.Process)
		}
	}
	return sortedCopy(out)
}

func sequenceTactics(s *finding.Sequence) []string {
	var out []string
	for _, g := range s.Signals {
		out = append(out, g.Tactics...)
	}
	return sortedCopy(out)
}

func sequenceMinutes(v *view, _ string) result {
	first, last := sequenceEdge(true)(v, ""), sequenceEdge(false)(v, "")
	if first.state != Known || last.state != Known {
		return unknown("finding", findingRef)
	}
	return known(Value{Type: Minutes, Num: int64(last.value.At.Sub(first.value.At) / time.Minute)}, findingRef)
}

// sequenceMembers is what the findings that were joined tell themselves.
func sequenceMembers(v *view, _ string) result {
	return ofSequence(v, func(*finding.Sequence) result {
		val := Value{Type: Table}
		for _, s := range v.signals() {
			o, ok := v.member(s.Signal)
			if s.Type != "FINDING" || !ok {
				continue
			}
			if len(val.Rows) == 100 {
				val.More = true
				break
			}
			row := Row{{}, {}, TextOf(string(o.Type)), {Type: Decimal, Num: int64(math.Round(o.Severity * 10))}, IntOf(int64(o.Count)), TextOf(o.Resource.Name), TextOf(memberDetail(o))}
			for c, at := range []time.Time{o.FirstSeen, o.LastSeen} {
				if !at.IsZero() {
					row[c] = TimeOf(at)
				}
			}
			val.Rows = append(val.Rows, withoutEmpty(row))
		}
		if val.Rows == nil {
			return notApplicable(findingRef, settingsRef)
		}
		return known(val, findingRef, settingsRef)
	})
}

// memberDetail is what a finding is about in one word: its call, request, name, peer or program.
func memberDetail(o finding.Finding) string {
	a := o.Action
	return firstText(a.API, strings.TrimSpace(a.Verb+" "+a.RequestURI), a.Domain, a.Remote.Text, o.Process.Path)
}

// withoutEmpty is a row whose empty texts are missing.
func withoutEmpty(row Row) Row {
	for c := range row {
		if row[c].Type == Text && row[c].Str == "" {
			row[c] = Value{}
		}
	}
	return row
}

func sequenceRegions(v *view, _ string) result {
	return ofSequence(v, func(s *finding.Sequence) result {
		var list []string
		add := func(region string) {
			if region != "" && region != v.f.Region {
				list = append(list, region)
			}
		}
		for _, g := range s.Signals {
			if o, ok := v.member(g); ok {
				add(o.Region)
			}
		}
		for _, uid := range s.Resources {
			if parts := strings.SplitN(uid, ":", 6); len(parts) == 6 && parts[0] == "arn" {
				add(parts[3])
			}
		}
		if len(list) == 0 {
			return notApplicable(findingRef, settingsRef)
		}
		return known(TextsOf(sortedCopy(list), false), findingRef, settingsRef)
	})
}

func sequenceTable(v *view, _ string) result {
	return ofSequence(v, func(*finding.Sequence) result {
		val := Value{Type: Table}
		var refs []Ref
		for i, s := range v.signals() {
			if i == 100 {
				val.More = true
				break
			}
			row := Row{{}, {}, TextOf(s.Type), TextOf(s.Name), IntOf(int64(s.Count)), TextOf(s.actor), TextOf(strings.Join(s.Techniques, ", ")), NameOf(s.state)}
			if !s.FirstSeen.IsZero() {
				row[0] = TimeOf(s.FirstSeen)
			}
			if !s.LastSeen.IsZero() {
				row[1] = TimeOf(s.LastSeen)
			}
			val.Rows = append(val.Rows, withoutEmpty(row))
			refs = append(refs, s.from...)
		}
		return known(val, eachRef(refs)...)
	})
}

// eachRef is different references, each once, in the order in which they came.
func eachRef(refs []Ref) []Ref {
	seen := map[Ref]bool{}
	var out []Ref
	for _, r := range refs {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}
