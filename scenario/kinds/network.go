package kinds

import "strings"

// A flow is a connection of a network finding.
type flow struct {
	direction  string // INBOUND or OUTBOUND
	protocol   string // TCP, UDP
	localPort  int
	remotePort int
	name       string // what the other port is for
	acting     bool   // our own instance began it
}

// ephemeral is a port that a client was given.
const ephemeral = 49152

// conn is the connection by type (what each type means: finding types of the GuardDuty User Guide).
func (c *cast) conn() flow {
	out := func(protocol string, port int, name string) flow {
		return flow{"OUTBOUND", protocol, ephemeral + c.rngPort(), port, name, true}
	}
	in := func(protocol string, port int, name string) flow {
		return flow{"INBOUND", protocol, port, ephemeral + c.rngPort(), name, false}
	}
	switch {
	case c.is("SSHBruteForce"):
		return in("TCP", 22, "SSH")
	case c.is("RDPBruteForce"):
		return in("TCP", 3389, "RDP")
	case c.is("WinRMBruteForce"):
		return in("TCP", 5985, "WinRM")
	case c.is("DenialOfService.Dns"):
		return out("UDP", 53, "DNS")
	case c.is("DenialOfService.UdpOnTcpPorts"):
		return out("UDP", 443, "HTTPS")
	case c.is("DenialOfService.Udp"):
		return out("UDP", 27015, "Unknown")
	case c.is("DenialOfService.UnusualProtocol"):
		return out("GRE", 0, "Unknown")
	case c.is("DenialOfService", "XORDDOS"):
		return out("TCP", 80, "HTTP")
	case c.is("Spambot"):
		return out("TCP", 25, "SMTP")
	case c.is("BitcoinTool"):
		return out("TCP", 3333, "Unknown")
	case c.is("UnusualDNSResolver"):
		return out("UDP", 53, "DNS")
	case c.is("UnusualDoH"):
		return out("TCP", 443, "HTTPS")
	case c.is("UnusualDoT"):
		return out("TCP", 853, "DNS over TLS")
	case c.is("TorClient", "TorRelay"):
		return out("TCP", 9001, "Tor")
	case c.is("TorIPCaller"):
		return in("TCP", 443, "HTTPS")
	case c.is("PortSweep"):
		return out("TCP", 445, "SMB")
	case c.is("Portscan"):
		return out("TCP", 22, "SSH")
	case c.is("NetworkPortUnusual"):
		return out("TCP", 6667, "Unknown")
	case c.is("DropPoint"):
		return out("TCP", 21, "FTP")
	default:
		return out("TCP", 443, "HTTPS")
	}
}

// rngPort is drawn from the id and not from the random numbers: it is asked for more than once.
func (c *cast) rngPort() int { return int(c.id[0])*13 + int(c.id[1]) }

// isDNS tells whether GuardDuty saw a name asked for.
func (c *cast) isDNS() bool {
	return c.info.DataSource == "DNS logs" || strings.HasSuffix(string(c.info.Type), "!DNS") || c.is("DomainRequest", "MetadataDNSRebind")
}

func (c *cast) network() object {
	f := c.conn()
	local, remote := "Unknown", f.name
	if f.direction == "INBOUND" {
		local, remote = f.name, "Unknown"
	}
	return object{"actionType": "NETWORK_CONNECTION", "networkConnectionAction": object{
		"blocked": false, "connectionDirection": f.direction, "protocol": f.protocol, "localPortDetails": object{"port": f.localPort, "portName": local},
		"localIpDetails": object{"ipAddressV4": c.private}, "localNetworkInterface": c.eni, "remoteIpDetails": c.peer().details(),
		"remotePortDetails": object{"port": f.remotePort, "portName": remote},
	}}
}

// peer is the far end. A scan and a sweep are seen inside the VPC.
func (c *cast) peer() place {
	p := c.remote
	if c.is("Portscan", "PortSweep") {
		p = place{ip: c.lateral}
	}
	return p
}

// asked is the name that was asked for.
func (c *cast) asked() string {
	switch {
	case c.is("MetadataDNSRebind"):
		return "metadata." + c.domain
	case c.is("DNSDataExfiltration"):
		return c.hexOf(48) + "." + c.domain
	case c.is("Bitcoin"):
		return "pool." + c.domain
	default:
		return c.domain
	}
}

// hexOf is text of hex digits that does not depend on how often it is asked for.
func (c *cast) hexOf(n int) string { return strings.Repeat(c.id, n/len(c.id)+1)[:n] }

func (c *cast) dnsRequest() object {
	return object{"actionType": "DNS_REQUEST", "dnsRequestAction": object{
		"domain": c.asked(), "protocol": "UDP", "blocked": false, "domainWithSuffix": c.asked(), "vpcOwnerAccountId": c.account,
	}}
}

func (c *cast) portProbe() object {
	port, name := 9200, "Elasticsearch"
	if c.is("EMR") {
		port, name = 8088, "Hadoop YARN"
	}
	return object{"actionType": "PORT_PROBE", "portProbeAction": object{"blocked": false, "portProbeDetails": list{object{
		"localPortDetails": object{"port": port, "portName": name}, "localIpDetails": object{"ipAddressV4": c.private}, "remoteIpDetails": c.remote.details(),
	}}}}
}

// ec2 is a finding about an instance's traffic.
func (c *cast) ec2(resource, service object) {
	resource["resourceType"], resource["instanceDetails"] = "Instance", c.instanceDetails()
	c.named = c.instance
	info := service["additionalInfo"].(object)
	switch {
	case c.isDNS():
		service["action"] = c.dnsRequest()
		service["resourceRole"] = "ACTOR"
		info["domain"] = c.asked()
		if c.is("Reputation", "C&C", "BlackholeTraffic", "DropPoint", "Phishing", "DriveBy", "Bitcoin", "Custom") {
			c.threats(service, c.threatName())
		}
	case c.is("PortProbe"):
		service["action"] = c.portProbe()
		c.threats(service, "Scanner")
	default:
		service["action"] = c.network()
		if c.conn().acting {
			service["resourceRole"] = "ACTOR"
		}
		c.trafficInfo(info)
		if c.is("C&C", "BitcoinTool", "Tor", "BlackholeTraffic", "DropPoint", "MaliciousIPCaller") {
			c.threats(service, c.threatName())
		}
	}
}

// trafficInfo is what additionalInfo tells of traffic.
func (c *cast) trafficInfo(info object) {
	switch {
	case c.is("Portscan"):
		info["portsScannedSample"] = list{22, 80, 443, 445, 3306, 3389, 5432, 6379, 8080, 9200}
	case c.is("TrafficVolumeUnusual"):
		info["unusual"] = object{"ports": list{443}}
		info["outBytes"], info["inBytes"] = "7340032000", "18350080"
		info["localPort"] = "443"
	case c.is("NetworkPortUnusual"):
		info["unusual"] = object{"ports": list{6667}}
	case c.is("UnusualProtocol"):
		info["unusualProtocol"] = "GRE"
	}
}

// threatName is what the list knows the address or the domain for.
func (c *cast) threatName() string {
	switch {
	case c.is("Bitcoin", "CryptoMiner"):
		return "Cryptocurrency mining pool"
	case c.is("Tor"):
		return "Tor exit node"
	case c.is("Phishing"):
		return "Phishing"
	case c.is("DropPoint"):
		return "Drop point"
	case c.is("BlackholeTraffic"):
		return "Sinkhole"
	case c.is("MaliciousIPCaller"):
		return "Scanner"
	default:
		return "Command and control"
	}
}

// lambda is a finding about the traffic of a function.
func (c *cast) lambda(resource, service object) {
	resource["resourceType"] = "Lambda"
	resource["lambdaDetails"] = object{
		"functionArn": c.arn("lambda", "function:"+c.function), "functionName": c.function, "description": "receives order events", "functionVersion": "17",
		"lastModifiedAt": epoch(c.at.AddDate(0, 0, -1)), "revisionId": c.uuidOf(c.detector), "role": "arn:aws:iam::" + c.account + ":role/" + c.functionRole,
		"vpcConfig": object{"subnetIds": list{c.subnet}, "vpcId": c.vpc, "securityGroups": list{object{"groupId": c.group, "groupName": "functions"}}},
		"tags":      tags("Project", "shop"),
	}
	c.named = c.function
	action := c.network()
	// A function has no interface of its own that could be named.
	delete(action["networkConnectionAction"].(object), "localNetworkInterface")
	service["action"], service["resourceRole"] = action, "ACTOR"
	c.threats(service, c.threatName())
}

// rds is a finding about logins to a database.
func (c *cast) rds(resource, service object) {
	if c.seed%4 == 0 {
		resource["resourceType"], c.named = "RDSLimitlessDB", c.db+"-shards"
		resource["rdsLimitlessDbDetails"] = object{
			"dbShardGroupIdentifier": c.named, "dbShardGroupResourceId": "shardgroup-" + c.hexOf(26), "dbShardGroupArn": c.arn("rds", "shard-group:shardgroup-"+c.hexOf(26)),
			"engine": "aurora-postgresql", "engineVersion": "16.4-limitless", "dbClusterIdentifier": c.db, "tags": tags("Environment", "production"),
		}
	} else {
		resource["resourceType"], c.named = "RDSDBInstance", c.db
		resource["rdsDbInstanceDetails"] = object{
			"dbInstanceIdentifier": c.db, "engine": "Aurora MySQL", "engineVersion": "8.0.mysql_aurora.3.07.1", "dbClusterIdentifier": c.db + "-cluster",
			"dbInstanceArn": c.arn("rds", "db:"+c.db), "dbiResourceId": "db-" + strings.ToUpper(c.hexOf(26)), "tags": tags("Environment", "production"),
		}
	}
	failed, ok := c.logins()
	attempt := object{"remoteIpDetails": c.remote.details()}
	if !c.is("Discovery") { // a probe does not come to a login
		resource["rdsDbUserDetails"] = object{"user": c.dbUser, "application": "mysql", "database": c.dbName, "ssl": "TLSv1.3", "authMethod": "PASSWORD"}
		attempt["LoginAttributes"] = list{object{"user": c.dbUser, "application": "mysql", "failedLoginAttempts": failed, "successfulLoginAttempts": ok}}
	}
	service["action"] = object{"actionType": "RDS_LOGIN_ATTEMPT", "rdsLoginAttemptAction": attempt}
	if c.is("AnomalousBehavior") {
		service["additionalInfo"].(object)["unusual"] = object{"ips": list{c.remote.ip}}
	}
	c.intelligence(service)
}

// logins are the attempts that failed and that succeeded.
func (c *cast) logins() (failed, ok int) {
	switch {
	case c.is("Discovery"):
		return 0, 0
	case c.is("SuccessfulBruteForce"):
		if c.hostile {
			return 240, 1
		}
		return 12, 3
	case c.is("FailedLogin"):
		if c.hostile {
			return 180, 0
		}
		return 6, 0
	default:
		return 0, 1
	}
}
