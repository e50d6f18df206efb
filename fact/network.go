package fact

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/finding"
)

// What went over the network: what the finding says of it, then the flow log and the resolver query log.
var networkDefs = []Def{
	{Key: "network.role", Families: networkFamilies, Rule: func(v *view, _ string) result { return choice(v.f.ResourceRole, "target", "target", "actor") }, Type: Name, Kind: External, JA: "対象リソースの役割", EN: "part in the finding", Says: "resourceRole of the finding", Choices: []string{"target", "actor"}},
	{Key: "network.direction", Families: networkFamilies, Rule: ofNetwork(func(a finding.Action) result { return choice(a.Direction, "unknown", "inbound", "outbound") }), Type: Name, Kind: External, JA: "通信の向き", EN: "direction", Says: "connectionDirection of the finding; a probe comes in", Choices: []string{"inbound", "outbound", "unknown"}},
	{Key: "network.blocked", Families: networkFamilies, Rule: networkBlocked, Type: Bool, Kind: External, JA: "通信の遮断（検出結果の記載）", EN: "blocked, as the finding says", Says: "blocked of the finding: a network access control list or security group refused it"},
	{Key: "network.protocol", Families: networkFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Action.Protocol }), Type: Text, Kind: External, JA: "プロトコル", EN: "protocol", Says: "the finding"},
	{Key: "network.local_port", Families: networkFamilies, Rule: toldOr(func(f finding.Finding) string { return portText(f.Action.LocalPort, f.Action.LocalPortName) }), Type: Text, Kind: External, JA: "対象側のポート", EN: "local port", Says: "localPortDetails of the finding"},
	{Key: "network.high_risk_port", Families: instanceFamily, Rule: networkHighRisk, Type: Bool, Kind: Computed, JA: "高リスクとされるポートへの外部からの接続", EN: "a public address at a high-risk port", Says: "inbound, from a public address, to a port that Security Hub control EC2.19 names"},
	{Key: "network.remote_port", Families: networkFamilies, Rule: toldOr(func(f finding.Finding) string { return portText(f.Action.RemotePort, f.Action.RemotePortName) }), Type: Text, Kind: External, JA: "通信相手のポート", EN: "remote port", Says: "remotePortDetails of the finding"},
	{Key: "network.peer", Families: networkFamilies, Rule: networkPeer, Type: IP, Kind: External, JA: "通信相手", EN: "peer", Says: "remoteIpDetails of the finding"},
	{Key: "network.peer_country", Families: networkFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Action.Remote.Country }), Type: Text, Kind: External, JA: "通信相手の国", EN: "country of the peer", Says: "remoteIpDetails of the finding"},
	{Key: "network.peer_org", Families: networkFamilies, Rule: toldOr(func(f finding.Finding) string { return f.Action.Remote.ASNOrg }), Type: Text, Kind: External, JA: "通信相手の事業者", EN: "network of the peer", Says: "remoteIpDetails of the finding"},
	{Key: "network.peer_scanner", Families: networkFamilies, Rule: networkScanner, Type: Bool, Kind: Context, JA: "自社のスキャナーまたは踏み台", EN: "a scanner or bastion of ours", Says: "configuration: a network of kind scanner, bastion, vpn or office holds the peer"},
	{Key: "network.domain", Families: networkFamilies, Rule: toldOr(func(f finding.Finding) string { return lowerName(f.Action.Domain) }), Type: Text, Kind: External, JA: "名前解決されたドメイン名", EN: "name asked for", Says: "dnsRequestAction of the finding, in lower case"},
	{Key: "network.interfaces", Families: networkFamilies, Rule: toldList(func(f finding.Finding) []string { return f.Resource.Instance.Interfaces }), Type: Texts, Kind: External, JA: "ネットワークインターフェイス", EN: "network interfaces", Says: "the finding"},
	{Key: "network.security_groups", Families: networkFamilies, Rule: toldList(func(f finding.Finding) []string { return f.Resource.Instance.SecurityGroups }), Type: Texts, Kind: External, JA: "セキュリティグループ", EN: "security groups", Says: "the finding"},

	{Key: "network.flows", Families: networkFamilies, Rule: ofFlows(func(v *view, t table) result { n, _ := t.sum("n", every); return t.counted(n) }), Type: Int, Kind: Computed, JA: "通信相手とのフロー", EN: "flow records with the peer", Says: "count flow log records between the interfaces and the peer", Reads: []string{"n"}},
	{Key: "network.flows_accepted", Families: networkFamilies, Rule: flowsOf("n", "ACCEPT", ""), Type: Int, Kind: Computed, JA: "許可されたフロー", EN: "accepted flow records", Says: "count where action = ACCEPT", Reads: []string{"n", "action"}},
	{Key: "network.flows_rejected", Families: networkFamilies, Rule: flowsOf("n", "REJECT", ""), Type: Int, Kind: Computed, JA: "拒否されたフロー", EN: "rejected flow records", Says: "count where action = REJECT", Reads: []string{"n", "action"}},
	{Key: "network.bytes_in", Families: networkFamilies, Rule: flowsOf("bytes", "ACCEPT", "in"), Type: Bytes, Kind: Computed, JA: "通信相手からの受信量", EN: "bytes received", Says: "sum of bytes of accepted flows from the peer", Reads: []string{"bytes", "action", "source_ip"}},
	{Key: "network.bytes_out", Families: networkFamilies, Rule: flowsOf("bytes", "ACCEPT", "out"), Type: Bytes, Kind: Computed, JA: "通信相手への送信量", EN: "bytes sent", Says: "sum of bytes of accepted flows to the peer", Reads: []string{"bytes", "action", "dest_ip"}},
	{Key: "network.largest_flow", Families: networkFamilies, Rule: ofFlows(largestFlow), Type: Bytes, Kind: Computed, JA: "最大の許可フロー", EN: "largest accepted flow record", Says: "largest bytes of one accepted flow record", Reads: []string{"largest", "action"}},
	{Key: "network.first_flow", Families: networkFamilies, Rule: ofFlows(func(_ *view, t table) result { return t.edge("first", true) }), Type: Time, Kind: Computed, JA: "最初のフロー", EN: "first flow", Says: "earliest start", Reads: []string{"first"}},
	{Key: "network.last_flow", Families: networkFamilies, Rule: ofFlows(func(_ *view, t table) result { return t.edge("last", false) }), Type: Time, Kind: Computed, JA: "最後のフロー", EN: "last flow", Says: "latest end", Reads: []string{"last"}},
	{Key: "network.refused", Families: networkFamilies, Rule: ofFlows(flowsRefused), Type: Bool, Kind: Computed, JA: "全フローの拒否", EN: "all refused", Says: "there were flows with the peer and none was accepted", Reads: []string{"n", "action"}},
	{Key: "network.accepted_after_refusals", Families: networkFamilies, Rule: ofFlows(acceptedAfter), Type: Bool, Kind: Computed, JA: "拒否に続く許可", EN: "accepted after refusals", Says: "an accepted flow ends after the first rejected one began", Reads: []string{"first", "last", "action"}},
	{Key: "network.flow_table", Families: networkFamilies, Rule: ofFlows(flowTable), Type: Table, Kind: Observed, JA: "通信相手とのフロー", EN: "flows with the peer", Says: "by sender and action", Reads: []string{"source_ip", "dest_ip", "action", "n", "bytes", "first", "last"}, Columns: []Column{
		{Name: "source", Type: Text, JA: "送信元", EN: "source"},
		{Name: "destination", Type: Text, JA: "宛先", EN: "destination"},
		{Name: "action", Type: Text, JA: "許可・拒否", EN: "action"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "bytes", Type: Bytes, JA: "容量", EN: "bytes"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
	{Key: "network.other_interfaces", Families: networkFamilies, Rule: ofPeer("network.other_interfaces", otherInterfaces), Type: Int, Kind: Computed, JA: "同じ相手と通信した他のインターフェイス", EN: "other interfaces with the same peer", Says: "different interfaces of the account with accepted flows, without the finding's own", Reads: []string{"interface"}},
	{Key: "network.port_opened", Families: instanceFamily, Rule: ofTable("network.port_opened", func(_ *view, t table) result {
		return t.counted(int64(len(t.succeeded())))
	}), Type: Int, Kind: Computed, JA: "セキュリティグループの許可の追加", EN: "rules added to the security groups", Says: "successful changes of what the finding's security groups let in", Reads: []string{"error_code"}},
	{Key: "network.opened_to_all", Families: instanceFamily, Rule: ofTable("network.port_opened", openedToAll), Type: Int, Kind: Computed, JA: "すべてのアドレスへの許可の追加", EN: "rules that let everyone in", Says: "successful changes that name 0.0.0.0/0 or ::/0", Reads: []string{"error_code", "raw:requestParameters"}},
	{Key: "network.port_changes", Families: instanceFamily, Rule: ofTable("network.port_changes", changeTable), Type: Table, Kind: Observed, JA: "セキュリティグループの変更", EN: "changes of the security groups", Says: "calls that change what the finding's security groups let in", Columns: changeColumns},

	{Key: "dns.queries", Families: networkFamilies, Rule: ofNames(func(v *view, t table) result { n, _ := t.sum("n", t.own(v)); return t.counted(n) }), Type: Int, Kind: Computed, JA: "名前解決の回数", EN: "queries for the name", Says: "count resolver query log records of the instance", Reads: []string{"n", "instance", "source_ip"}},
	{Key: "dns.other_instances", Families: networkFamilies, Rule: ofNames(func(v *view, t table) result {
		var n int64
		own := t.own(v)
		for i := range t.len() {
			if !own(i) {
				n++
			}
		}
		return t.counted(n)
	}), Type: Int, Kind: Computed, JA: "同じ名前を解決した他の機器", EN: "others that asked for the name", Says: "different instances and addresses of the account, without the finding's own", Reads: []string{"instance", "source_ip"}},
	{Key: "dns.first", Families: networkFamilies, Rule: ofNames(func(_ *view, t table) result { return t.edge("first", true) }), Type: Time, Kind: Computed, JA: "最初の名前解決", EN: "first query", Says: "earliest, by anyone in the account", Reads: []string{"first"}},
	{Key: "dns.last", Families: networkFamilies, Rule: ofNames(func(_ *view, t table) result { return t.edge("last", false) }), Type: Time, Kind: Computed, JA: "最後の名前解決", EN: "last query", Says: "latest, by anyone in the account", Reads: []string{"last"}},
	{Key: "dns.table", Families: networkFamilies, Rule: ofNames(func(_ *view, t table) result {
		return t.listRows(func(i int) Row {
			return Row{
				TextOf(orDash(t.text(i, "instance"))), TextOf(t.text(i, "source_ip")), TextOf(t.text(i, "response_code")),
				TextOf(orDash(t.text(i, "firewall_action"))), IntOf(t.int(i, "n")), TimeOf(t.time(i, "first")), TimeOf(t.time(i, "last")),
			}
		})
	}), Type: Table, Kind: Observed, JA: "名前解決した機器", EN: "who asked for the name", Says: "by instance, address and answer", Reads: []string{"instance", "source_ip", "response_code", "firewall_action", "n", "first", "last"}, Columns: []Column{
		{Name: "instance", Type: Text, JA: "インスタンス", EN: "instance"},
		{Name: "source", Type: Text, JA: "送信元", EN: "source"},
		{Name: "answer", Type: Text, JA: "応答", EN: "answer"},
		{Name: "firewall", Type: Text, JA: "DNS Firewall", EN: "DNS Firewall"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
}

// changeColumns are the columns of tables of configuration calls.
var changeColumns = []Column{
	{Name: "time", Type: Time, JA: "日時", EN: "time"},
	{Name: "api", Type: Text, JA: "API", EN: "API"},
	{Name: "actor", Type: Text, JA: "実行者", EN: "actor"},
	{Name: "source", Type: Text, JA: "送信元", EN: "source"},
	{Name: "result", Type: Text, JA: "結果", EN: "result"},
}

func changeTable(_ *view, t table) result {
	return t.listRows(func(i int) Row {
		outcome := t.text(i, "error_code")
		if outcome == "" {
			outcome = "OK"
		}
		return Row{
			TimeOf(t.time(i, "event_time")), TextOf(t.text(i, "api")), TextOf(t.text(i, "user_arn")),
			TextOf(firstText(t.text(i, "source_ip"), t.text(i, "source_service"))), TextOf(outcome),
		}
	})
}

func every(int) bool { return true }

// highRiskPorts are the ports that should not be open to everyone: AWS Security Hub User Guide,
// control EC2.19 "Security groups should not allow unrestricted access to ports with high risk".
var highRiskPorts = []int{20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300}

// sharedSpace is the space of carrier-grade NAT, which AWS uses inside, too (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// publicAddress tells whether an address may be anybody's on the Internet.
func publicAddress(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !sharedSpace.Contains(ip)
}

func networkHighRisk(v *view, _ string) result {
	a := v.f.Action
	inbound := a.Type == "PORT_PROBE" || a.Type == "NETWORK_CONNECTION" && strings.EqualFold(a.Direction, "inbound")
	if !inbound || !a.Remote.IP.IsValid() || a.LocalPort == 0 {
		return notApplicable(findingRef)
	}
	return known(BoolOf(publicAddress(a.Remote.IP) && slices.Contains(highRiskPorts, a.LocalPort)), findingRef)
}

// ofNetwork is a rule about a connection; a probe of a port comes in.
func ofNetwork(get func(finding.Action) result) func(*view, string) result {
	return func(v *view, _ string) result {
		switch a := v.f.Action; a.Type {
		case "NETWORK_CONNECTION":
			return get(a)
		case "PORT_PROBE":
			return known(NameOf("inbound"), findingRef)
		}
		return notApplicable(findingRef)
	}
}

func networkBlocked(v *view, _ string) result {
	switch {
	case v.f.Action.Blocked == nil && v.f.Action.Type == "":
		return notApplicable(findingRef) // of a process or a file
	case v.f.Action.Blocked == nil:
		return unknown("finding", findingRef)
	}
	return known(BoolOf(*v.f.Action.Blocked), findingRef)
}

func networkPeer(v *view, _ string) result {
	if ip := v.f.Action.Remote.IP; ip.IsValid() {
		return known(IPOf(ip.String()), findingRef)
	}
	return notApplicable(findingRef)
}

func networkScanner(v *view, _ string) result {
	ip := v.f.Action.Remote.IP
	if !ip.IsValid() {
		return notApplicable(findingRef)
	}
	kind := v.networkKind(ip)
	return known(BoolOf(slices.Contains([]string{"scanner", "bastion", "vpn", "office"}, kind)), findingRef, settingsRef)
}

// ofPeer is a rule over an answer about the peer; without a peer the question does not arise.
func ofPeer(key Key, get func(v *view, t table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if !v.f.Action.Remote.IP.IsValid() {
			return notApplicable(findingRef)
		}
		return ofTable(key, get)(v, "")
	}
}

// ofFlows is a rule over the flows with the peer; without a peer the question does not arise.
func ofFlows(get func(v *view, t table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if !v.f.Action.Remote.IP.IsValid() {
			return notApplicable(findingRef)
		}
		return ofTable("network.flows", func(v *view, t table) result { return get(v, t.within(v.functionInterfaces())) })(v, "")
	}
}

// within keeps the rows of some interfaces: all of them where none is named, or where the answer
// does not tell.
func (t table) within(interfaces []string) table {
	if _, tells := t.cols["interface"]; !tells || len(interfaces) == 0 {
		return t
	}
	var rows []evidence.Row
	for i := range t.len() {
		if slices.Contains(interfaces, t.text(i, "interface")) {
			rows, t.kept = append(rows, t.Item.Answer.Rows[i]), append(t.kept, i)
		}
	}
	t.Item.Answer.Rows = rows
	return t
}

// flowsOf sums a column of the flows of one action, and of one direction if way is not "".
func flowsOf(col, action, way string) func(*view, string) result {
	return ofFlows(func(v *view, t table) result {
		peer := v.f.Action.Remote.IP.String()
		n, seen := t.sum(col, func(i int) bool {
			return t.text(i, "action") == action && (way == "" || (t.text(i, "source_ip") == peer) == (way == "in"))
		})
		if col == "bytes" {
			return t.measured(Value{Type: Bytes, Num: n}, seen)
		}
		return t.counted(n)
	})
}

func largestFlow(_ *view, t table) result {
	var most int64
	for i := range t.len() {
		if t.text(i, "action") == "ACCEPT" {
			most = max(most, t.int(i, "largest"))
		}
	}
	return t.measured(Value{Type: Bytes, Num: most}, most > 0)
}

func flowsRefused(_ *view, t table) result {
	accepted, some := t.sum("n", func(i int) bool { return t.text(i, "action") == "ACCEPT" })
	switch {
	case some && accepted > 0:
		return known(BoolOf(false), t.ref())
	case t.len() == 0:
		return t.empty()
	case !t.Exact:
		return t.measured(Value{}, false)
	}
	return result{state: Known, value: BoolOf(true), window: t.window(), from: []Ref{t.ref()}}
}

func acceptedAfter(_ *view, t table) result {
	var refused time.Time
	for i := range t.len() {
		if at := t.time(i, "first"); t.text(i, "action") == "REJECT" && (refused.IsZero() || at.Before(refused)) {
			refused = at
		}
	}
	for i := range t.len() {
		if t.text(i, "action") == "ACCEPT" && !refused.IsZero() && t.time(i, "last").After(refused) {
			return t.has(true, t.row(i))
		}
	}
	return t.has(false)
}

func flowTable(_ *view, t table) result {
	return t.listRows(func(i int) Row {
		return Row{
			TextOf(t.text(i, "source_ip")), TextOf(t.text(i, "dest_ip")), TextOf(t.text(i, "action")), IntOf(t.int(i, "n")),
			{Type: Bytes, Num: t.int(i, "bytes")},
			TimeOf(t.time(i, "first")), TimeOf(t.time(i, "last")),
		}
	})
}

// instanceFamily is the family whose security groups are asked about.
var instanceFamily = []string{"ec2"}

func otherInterfaces(v *view, t table) result {
	list, _ := t.distinct("interface", 0)
	var n int64
	for _, eni := range list {
		if !slices.Contains(v.f.Resource.Instance.Interfaces, eni) {
			n++
		}
	}
	return t.counted(n)
}

// ofNames is a rule over the queries for the finding's name.
func ofNames(get func(v *view, t table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if v.f.Action.Domain == "" {
			return notApplicable(findingRef)
		}
		return ofTable("dns.queries", get)(v, "")
	}
}

// own tells of a row of queries whether the finding's own instance asked.
func (t table) own(v *view) func(i int) bool {
	return func(i int) bool {
		if id := t.text(i, "instance"); id != "" {
			return id == v.f.Resource.Instance.ID
		}
		return v.isOwn(t.text(i, "source_ip"))
	}
}
