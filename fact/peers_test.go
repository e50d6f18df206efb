package fact_test

import (
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/query"
)

func sentOn(day, bytes int64) evidence.Row {
	return evidence.Row{query.TimeOf(seen.AddDate(0, 0, int(-day))), query.IntOf(1), query.IntOf(bytes)}
}

// What is usual to send to a peer is known from five earlier days; more than twice the most of them is not usual.
func TestUsualVolume(t *testing.T) {
	out := machineFinding(t, strings.Replace(bruteForce, `"connectionDirection":"INBOUND"`, `"connectionDirection":"OUTBOUND"`, 1))
	sent := func(bytes int64) evidence.Row {
		return flow("10.0.0.5", "198.51.100.7", "ACCEPT", 2, bytes, 0, time.Minute)
	}
	five := []evidence.Row{sentOn(1, 100), sentOn(2, 90), sentOn(3, 80), sentOn(4, 70), sentOn(5, 60)}
	for name, c := range map[string]struct {
		whole   bool
		sent    int64
		earlier []evidence.Row
		want    map[fact.Key]string
	}{
		"as every day":               {true, 100, five, map[fact.Key]string{"network.earlier_days": "5", "network.earlier_most": "100", "network.volume_usual": "1"}},
		"twice the most":             {true, 200, five, map[fact.Key]string{"network.volume_usual": "1"}},
		"more than twice":            {true, 201, five, map[fact.Key]string{"network.volume_usual": "0"}},
		"four days are too few":      {true, 100, five[:4], map[fact.Key]string{"network.earlier_days": "4", "network.volume_usual": "0"}},
		"two records of one day":     {true, 300, append(five[:4:4], sentOn(1, 100)), map[fact.Key]string{"network.earlier_days": "4", "network.earlier_most": "200"}},
		"the day of the event is no": {true, 100, append(five[:4:4], sentOn(0, 999)), map[fact.Key]string{"network.earlier_days": "4", "network.earlier_most": "100"}},
		"never, in a whole log":      {true, 100, nil, map[fact.Key]string{"network.earlier_days": "0", "network.volume_usual": "0"}},
		"never, in a log with holes": {false, 100, nil, map[fact.Key]string{"network.earlier_days": "?", "network.volume_usual": "?"}},
	} {
		holds(t, name, derived(t, out, fact.Settings{},
			answered("E3", "flows", "", "network.flows", true, flowColumns, sent(c.sent)),
			answered("E4", "peer-days", "", "network.earlier_days", c.whole, []string{"quarter", "n", "bytes"}, c.earlier...)), c.want)
	}
	holds(t, "what comes in is no question of sending", derived(t, machineFinding(t, bruteForce), fact.Settings{}), map[fact.Key]string{"network.earlier_days": "-", "network.destination": "-"})
}

// An address is new only if the month before is known whole; private addresses, the machine's own
// and those of configured networks are none of the outside.
func TestNewPeersOfAProcess(t *testing.T) {
	ran := machineFinding(t, strings.NewReplacer("UnauthorizedAccess:EC2/SSHBruteForce", "Execution:Runtime/NewBinaryExecuted").Replace(bruteForce))
	to := func(list ...string) (rows []evidence.Row) {
		for _, s := range list {
			rows = append(rows, evidence.Row{query.IPOf(s)})
		}
		return rows
	}
	ours := fact.Settings{Networks: []fact.Network{{Name: "office", CIDR: "192.0.2.0/28", Kind: "office"}}}
	now := answered("E3", "process-peers", "", "process.new_peers", true, []string{"dest_ip"}, to("198.51.100.9", "198.51.100.10", "10.0.0.9", "203.0.113.5", "192.0.2.3", "2001:db8::9")...)
	before := func(whole bool, list ...string) evidence.Item {
		return answered("E4", "process-peers-before", "", "process.peers_before", whole, []string{"dest_ip"}, to(list...)...)
	}
	holds(t, "two are new", derived(t, ran, ours, now, before(true, "198.51.100.10")), map[fact.Key]string{"process.new_peers": "2", "process.peers_before": "1"})
	holds(t, "all were there", derived(t, ran, ours, now, before(true, "198.51.100.9", "198.51.100.10", "2001:db8::9")), map[fact.Key]string{"process.new_peers": "0"})
	holds(t, "a month with holes", derived(t, ran, ours, now, before(false, "198.51.100.10")), map[fact.Key]string{"process.new_peers": "?"})
	fargate := machineFinding(t, strings.NewReplacer("UnauthorizedAccess:EC2/SSHBruteForce", "Execution:Runtime/NewBinaryExecuted", `"networkInterfaceId":"eni-0123456789abcdef0",`, "").Replace(bruteForce))
	holds(t, "no interface is named", derived(t, fargate, ours), map[fact.Key]string{"process.new_peers": "?"})
}

// Names count below the domain that somebody registered, and not below one that only contains it.
func TestNamesBelowADomain(t *testing.T) {
	asked := machineFinding(t, strings.NewReplacer(`"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"INBOUND","remoteIpDetails":{"ipAddressV4":"198.51.100.7"}}`,
		`"actionType":"DNS_REQUEST","dnsRequestAction":{"domain":"AB12.t.example.co.jp."}`).Replace(bruteForce))
	var rows []evidence.Row
	for _, name := range []string{"ab12.t.example.co.jp", "cd34.t.example.co.jp", "example.co.jp", "example.co.jp.example.net", "notexample.co.jp"} {
		rows = append(rows, evidence.Row{query.TextOf(name), query.TextOf("TXT")})
	}
	names := answered("E3", "names-below", "", "dns.names_below", true, []string{"query_name", "query_type"}, rows...)
	facts := derived(t, asked, fact.Settings{}, names)
	holds(t, "names", facts, map[fact.Key]string{"dns.names_below": "3"})
	if got := facts.Get("network.parent_domain", "").Value.Str; got != "example.co.jp" {
		t.Errorf("the registered domain is %q", got)
	}
}

// A copy leads to its volume and that to its instance; what a whole log does not tell is a gap of its own.
func TestOfWhichInstanceACopyIs(t *testing.T) {
	head, _, _ := strings.Cut(bruteForce, `"resource":`)
	snapshot := machineFinding(t, strings.Replace(head, "UnauthorizedAccess:EC2/SSHBruteForce", "Execution:EC2/MaliciousFile!Snapshot", 1)+
		`"resource":{"resourceType":"EBSSnapshot","ebsSnapshotDetails":{"snapshotArn":"arn:aws:ec2:ap-northeast-1:111122223333:snapshot/snap-0a"}},"service":{"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","malwareScanDetails":{"threats":[{"name":"Trojan"}]}}}`)
	text := func(s string) query.Value {
		if s == "" {
			return query.Value{}
		}
		return query.TextOf(s)
	}
	made := func(at time.Duration, volume, instance, failed string) evidence.Row {
		return evidence.Row{query.TimeOf(seen.Add(at)), text(failed), text(volume), text(instance)}
	}
	columns := []string{"event_time", "error_code", "raw:requestParameters.volumeId", "raw:requestParameters.instanceId"}
	making := func(rows ...evidence.Row) evidence.Item {
		return answered("E3", "copy-made", "", "copy.made_at", true, columns, rows...)
	}
	attached := answered("E4", "volume-attached", "", "copy.instance", true, []string{"event_time", "error_code", "raw:requestParameters.instanceId"},
		evidence.Row{query.TimeOf(seen.Add(-9 * time.Hour)), text(""), text("i-old")}, evidence.Row{query.TimeOf(seen.Add(-8 * time.Hour)), text(""), text("i-new")}, evidence.Row{query.TimeOf(seen.Add(-7 * time.Hour)), text("Client.IncorrectState"), text("i-not")})
	for name, c := range map[string]struct {
		items []evidence.Item
		want  string
	}{
		"by the volume":              {[]evidence.Item{making(made(-time.Hour, "vol-1", "", "")), attached}, "i-new"},
		"an image names it":          {[]evidence.Item{making(made(-time.Hour, "", "i-image", ""))}, "i-image"},
		"a call that failed is none": {[]evidence.Item{making(made(-time.Hour, "vol-1", "i-image", "AccessDenied"))}, "gap copy_source"},
		"nobody tells":               {[]evidence.Item{making()}, "gap copy_source"},
	} {
		facts := derived(t, snapshot, fact.Settings{}, c.items...)
		got := facts.Get("role.session", "")
		said := got.Value.Str
		if got.State == fact.Unknown {
			said = "gap " + got.Gap.Key
		}
		if said != c.want {
			t.Errorf("%s: %s, want %s", name, said, c.want)
		}
	}
}

// A rule of a database's group counts when it lets everyone in to the engine's port, or to all.
func TestDatabasePortsOpened(t *testing.T) {
	head, _, _ := strings.Cut(bruteForce, `"resource":`)
	db := machineFinding(t, strings.Replace(head, "UnauthorizedAccess:EC2/SSHBruteForce", "CredentialAccess:RDS/AnomalousBehavior.FailedLogin", 1)+
		`"resource":{"resourceType":"RDSDBInstance","rdsDbInstanceDetails":{"dbInstanceIdentifier":"orders","engine":"Aurora MySQL"}},"service":{"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"RDS_LOGIN_ATTEMPT","rdsLoginAttemptAction":{"remoteIpDetails":{"ipAddressV4":"198.51.100.7"}}}}}`)
	for what, want := range map[string]string{
		`{"ipPermissions":{"items":[{"fromPort":3306,"toPort":3306,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`:                                                 "1",
		`{"ipPermissions":{"items":[{"fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`:                                                     "0",
		`{"ipPermissions":{"items":[{"fromPort":3306,"toPort":3306,"ipRanges":{"items":[{"cidrIp":"203.0.113.0/24"}]}}]}}`:                                            "0",
		`{"ipPermissions":{"items":[{"ipProtocol":"-1","ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}}]}}`:                                                              "1",
		`{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"SecurityGroupRule":{"CidrIpv4":"0.0.0.0/0","FromPort":"3306","ToPort":"3306"}}}}`: "1",
	} {
		item := answered("E3", "database-groups", "", "rds.opened_to_all", true, []string{"error_code", "raw:requestParameters"}, evidence.Row{{}, query.TextOf(what)})
		holds(t, what, derived(t, db, fact.Settings{}, item), map[fact.Key]string{"rds.opened_to_all": want})
	}
}
