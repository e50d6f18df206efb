package kinds

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"uratori/finding"
)

// miningPool is a name that a sequence of instances asks for.
const miningPool = "pool.miner.example.net"

// A signal is one step of an attack sequence.
type signal struct {
	kind      string // FINDING, CLOUD_TRAIL, S3_DATA_EVENTS, ...
	name      string
	offset    time.Duration // after the first
	severity  float64
	says      string
	indicator object
	technique string // of MITRE ATT&CK, such as T1530; "" where GuardDuty names none
}

// signals are the steps by type: entry, what was done, impact. Those of our own people are what
// GuardDuty may put together of an unusual day's work.
func (c *cast) signals() []signal {
	tactic := func(s string) object {
		return object{"key": "ATTACK_TACTIC", "values": list{s}, "title": "MITRE tactic"}
	}
	high := func(s string) object {
		return object{"key": "HIGH_RISK_API", "values": list{s}, "title": "High-risk API"}
	}
	found := func(t string, offset time.Duration, says, t2, technique string) signal {
		return signal{"FINDING", t, offset, 8, says, tactic(t2), technique}
	}
	ran := func(t string, offset time.Duration, says, t2, technique string) signal {
		return signal{"RUNTIME_MONITORING", t, offset, 8, says, tactic(t2), technique}
	}
	seen := func(kind, name string, offset time.Duration, says, t2, technique string) signal {
		return signal{kind, name, offset, 0, says, tactic(t2), technique}
	}
	called := func(api string, offset time.Duration, says, technique string) signal {
		return signal{"CLOUD_TRAIL", api, offset, 0, says, high(api), technique}
	}
	switch resource := c.info.Type.Resource(); {
	case resource == "IAM" && !c.hostile:
		return []signal{
			found("Discovery:IAMUser/AnomalousBehavior", 0, "Users were listed in an unusual way.", "Discovery", "T1087.004"),
			called("GetAccountAuthorizationDetails", 4*time.Minute, "Users, roles and policies were read.", "T1069.003"),
			called("ListAccessKeys", 6*time.Minute, "Access keys were listed.", "T1087.004"),
		}
	case resource == "IAM":
		return []signal{
			found("UnauthorizedAccess:IAMUser/TorIPCaller", 0, "The credential was used from an anonymiser.", "Initial Access", "T1078.004"),
			called("AttachUserPolicy", 6*time.Minute, "A policy was attached.", "T1098.003"),
			called("CreateAccessKey", 8*time.Minute, "An access key was created.", "T1098.001"),
			seen("CLOUD_TRAIL", "StopLogging", 12*time.Minute, "A trail was stopped.", "Defense Evasion", "T1562.008"),
		}
	case resource == "S3" && !c.hostile:
		return []signal{
			found("Discovery:S3/AnomalousBehavior", 0, "A bucket was listed in an unusual way.", "Discovery", "T1619"),
			seen("S3_DATA_EVENTS", "GetObject", 9*time.Minute, "Objects were read.", "Exfiltration", "T1530"),
		}
	case resource == "S3":
		return []signal{
			found("Discovery:S3/AnomalousBehavior", 0, "Buckets were listed in an unusual way.", "Discovery", "T1619"),
			called("PutBucketPolicy", 5*time.Minute, "A bucket's policy was changed.", ""),
			seen("S3_DATA_EVENTS", "GetObject", 9*time.Minute, "Objects were read.", "Exfiltration", "T1530"),
			seen("S3_DATA_EVENTS", "DeleteObject", 17*time.Minute, "Objects were deleted.", "Impact", "T1485"),
		}
	case resource == "EKS" && !c.hostile:
		return []signal{
			found("Execution:Kubernetes/ExecInKubeSystemPod", 0, "A command ran in a system pod.", "Execution", "T1609"),
			seen("EKS_AUDIT_LOGS", "list secrets", 6*time.Minute, "Secrets were listed.", "Credential Access", "T1552.007"),
			ran("Execution:Runtime/NewBinaryExecuted", 15*time.Minute, "A new program ran in a pod.", "Execution", ""),
		}
	case resource == "EKS":
		return []signal{
			found("Execution:Kubernetes/ExecInKubeSystemPod", 0, "A command ran in a system pod.", "Execution", "T1609"),
			seen("EKS_AUDIT_LOGS", "create clusterrolebindings", 4*time.Minute, "A binding to cluster-admin was created.", "Privilege Escalation", "T1098.006"),
			seen("EKS_AUDIT_LOGS", "list secrets", 6*time.Minute, "Secrets were listed.", "Credential Access", "T1552.007"),
			ran("Impact:Runtime/CryptoMinerExecuted", 15*time.Minute, "A miner ran in a pod.", "Impact", "T1496"),
		}
	case resource == "ECS" && !c.hostile:
		return []signal{
			found("Execution:Runtime/NewBinaryExecuted", 0, "A new program ran in a task.", "Execution", ""),
			seen("FLOW_LOGS", "OutboundTraffic", 8*time.Minute, "Much was sent to one address.", "Exfiltration", ""),
		}
	case resource == "ECS":
		return []signal{
			found("Execution:Runtime/NewBinaryExecuted", 0, "A new program ran in a task.", "Execution", ""),
			found("Backdoor:Runtime/C&CActivity.B", 7*time.Minute, "The task spoke to a command and control server.", "Command and Control", "T1071"),
			seen("FLOW_LOGS", "OutboundTraffic", 8*time.Minute, "Much was sent to one address.", "Exfiltration", "T1041"),
			seen("DNS_LOGS", "DomainRequest", 9*time.Minute, "A domain of a mining pool was asked for.", "Impact", "T1496"),
		}
	case !c.hostile: // instance groups and sequences to come
		return []signal{
			found("UnauthorizedAccess:EC2/SSHBruteForce", 0, "Passwords were guessed.", "Credential Access", "T1110"),
			ran("Execution:Runtime/SuspiciousTool", 6*time.Minute, "A scanner of networks ran.", "Discovery", "T1046"),
			seen("FLOW_LOGS", "OutboundTraffic", 11*time.Minute, "Much was sent to one address.", "Exfiltration", ""),
		}
	default:
		return []signal{
			found("UnauthorizedAccess:EC2/SSHBruteForce", 0, "Passwords were guessed.", "Credential Access", "T1110"),
			ran("Execution:Runtime/ReverseShell", 6*time.Minute, "A reverse shell was opened.", "Execution", "T1059.004"),
			seen("FLOW_LOGS", "OutboundTraffic", 11*time.Minute, "Much was sent to one address.", "Exfiltration", "T1048"),
			seen("DNS_LOGS", "DomainRequest", 12*time.Minute, "A domain of a mining pool was asked for.", "Impact", "T1496"),
		}
	}
}

// memberID is the id of the finding that a signal is, by the signal's place.
func memberID(i int) string { return strings.Repeat(fmt.Sprintf("%02x", i+160), 16) }

// members are the findings that the signals of a sequence refer to by their ARNs, as GetFindings
// answers; nil for other findings.
func (c *cast) members() []Document {
	if c.info.Family != "attack_sequence" {
		return nil
	}
	var out []Document
	for i, s := range c.signals() {
		if s.kind != "FINDING" {
			continue
		}
		m := *c
		m.info, _ = finding.Lookup(finding.Type(s.name))
		m.id, m.at, m.last, m.count = memberID(i), c.at.Add(s.offset), c.at.Add(s.offset+time.Minute), 1
		m.created = m.last.Add(4 * time.Minute)
		m.rng = rand.New(rand.NewPCG(c.seed, uint64(i)))
		m.seed = map[string]uint64{"EKS": 2, "ECS": 3}[c.info.Type.Resource()] // where programs run, see hostKind
		if m.seed == 0 {
			m.seed = 1
		}
		d := Document{Type: m.info.Type, Family: m.info.Family, cast: &m, body: m.finding()}
		d.Resource, _ = d.body["resource"].(object)["resourceType"].(string)
		d.Name = m.named
		out = append(out, d)
	}
	return out
}

// resource is a resource of a sequence.
func (c *cast) resource(uid, name, kind, service string, data object) object {
	return object{"uid": uid, "name": name, "accountId": c.account, "resourceType": kind, "region": c.region, "service": service, "cloudPartition": "aws", "data": data}
}

// keyInScope is the credential of the session.
func (c *cast) keyInScope() object {
	return c.resource(c.key, c.key, "ACCESS_KEY", "iam", object{"accessKey": object{"principalId": c.roleID + ":" + c.upn, "userName": c.role, "userType": "AssumedRole"}})
}

// inScope is the resource that a sequence is about.
func (c *cast) inScope() object {
	switch c.info.Type.Resource() {
	case "IAM":
		return c.keyInScope()
	case "S3":
		open := func(k, v string) object {
			return object{"publicAclAccess": k, "publicPolicyAccess": k, "publicAclIgnoreBehavior": v, "publicBucketRestrictBehavior": "RESTRICTED"}
		}
		return c.resource("arn:aws:s3:::"+c.bucket, c.bucket, "S3_BUCKET", "s3", object{"s3Bucket": object{
			"ownerId": c.ownerID(), "createdAt": epoch(c.at.AddDate(-1, 0, 0)), "encryptionType": "AES256", "effectivePermission": "NOT_PUBLIC", "publicReadAccess": "BLOCKED",
			"publicWriteAccess": "BLOCKED", "accountPublicAccess": open("BLOCKED", "IGNORED"), "bucketPublicAccess": open("BLOCKED", "IGNORED"), "s3ObjectUids": list{"arn:aws:s3:::" + c.bucket + "/" + c.object},
		}})
	case "EKS":
		return c.resource(c.arn("eks", "cluster/"+c.cluster), c.cluster, "EKS_CLUSTER", "eks", object{"eksCluster": object{"arn": c.arn("eks", "cluster/"+c.cluster), "createdAt": epoch(c.at.AddDate(-1, 0, 0)), "status": "ACTIVE", "vpcId": c.vpc, "ec2InstanceUids": list{c.arn("ec2", "instance/"+c.instance)}}})
	case "ECS":
		return c.resource(c.arn("ecs", "cluster/"+c.ecs), c.ecs, "ECS_CLUSTER", "ecs", object{"ecsCluster": object{"status": "ACTIVE", "ec2InstanceUids": list{}}})
	default:
		return c.resource(c.arn("ec2", "instance/"+c.instance), c.instance, "EC2_INSTANCE", "ec2", object{"ec2Instance": object{
			"availabilityZone": c.region + "a", "imageDescription": "Amazon Linux 2023", "instanceState": "running", "instanceType": "m6i.large", "platform": "Linux",
			"IamInstanceProfile":      object{"arn": fmt.Sprintf("arn:aws:iam::%s:instance-profile/%s", c.account, c.instanceRole), "id": c.profile},
			"ec2NetworkInterfaceUids": list{c.eni},
		}})
	}
}

// attackSequence is a finding that consists of signals.
func (c *cast) attackSequence(resource, service object) {
	resource["resourceType"] = "AttackSequence"
	in := c.inScope()
	resources := list{in}
	if in["resourceType"] == "S3_BUCKET" || in["resourceType"] == "EKS_CLUSTER" { // the credential that acted is in scope, too
		resources = append(resources, c.keyInScope())
	}
	actor := object{
		"id": "actor-1", "user": object{"name": c.role, "uid": c.roleID + ":" + c.upn, "type": "AssumedRole", "credentialUid": c.key, "account": object{"uid": c.account, "account": c.accountName}},
		"session": object{"uid": c.key, "mfaStatus": "DISABLED", "createdTime": epoch(c.sessionAt), "issuer": fmt.Sprintf("arn:aws:iam::%s:role/aws-reserved/sso.amazonaws.com/%s/%s", c.account, c.region, c.role)},
	}
	switch c.info.Type.Resource() {
	case "EC2", "ECS": // no user is known, a program is
		actor = object{"id": "actor-1", "process": object{"name": "kworkerd", "path": "/tmp/.cache/kworkerd", "sha256": c.hash}}
		c.named = in["name"].(string)
	default:
		c.named = c.role
	}
	number := 64500
	if c.hostile {
		number = 64511
	}
	endpoints := list{object{
		"id": "endpoint-1", "ip": c.remote.ip, "port": 443, "location": object{"city": c.remote.city, "country": c.remote.country, "lat": c.remote.lat, "lon": c.remote.lon},
		"autonomousSystem": object{"name": c.remote.org, "number": number}, "connection": object{"direction": "INBOUND"},
	}}
	var signals, indicators list
	tactics := map[string]bool{}
	var order, techniques list
	for i, s := range c.signals() {
		at := c.at.Add(s.offset)
		uid := c.uuidOf(strings.Repeat(fmt.Sprintf("%02x", i+1), 16))
		if s.kind == "FINDING" { // the other finding, by its name
			uid = fmt.Sprintf("arn:aws:guardduty:%s:%s:detector/%s/finding/%s", c.region, c.account, c.detector, memberID(i))
		}
		step := object{
			"uid": uid, "type": s.kind, "name": s.name, "description": s.says, "createdAt": epoch(at.Add(5 * time.Minute)), "updatedAt": epoch(at.Add(5 * time.Minute)),
			"firstSeenAt": epoch(at), "lastSeenAt": epoch(at.Add(time.Minute)), "count": 1,
			"resourceUids": list{in["uid"]}, "actorIds": list{"actor-1"}, "endpointIds": list{"endpoint-1"}, "signalIndicators": list{s.indicator},
		}
		if s.technique != "" {
			step["signalIndicators"] = list{s.indicator, object{"key": "ATTACK_TECHNIQUE", "values": list{s.technique}, "title": "MITRE technique"}}
			if !slices.Contains(techniques, any(s.technique)) {
				techniques = append(techniques, s.technique)
			}
		}
		if s.kind == "DNS_LOGS" {
			step["endpointIds"] = list{"endpoint-2"}
			endpoints = append(endpoints, object{"id": "endpoint-2", "domain": miningPool})
		}
		if s.severity > 0 { // an event has none, another finding has
			step["severity"] = s.severity
		}
		signals = append(signals, step)
		if v := s.indicator["values"].(list)[0].(string); s.indicator["key"] == "ATTACK_TACTIC" && !tactics[v] {
			tactics[v] = true
			order = append(order, v)
		}
	}
	indicators = append(indicators, object{"key": "ATTACK_TACTIC", "values": order, "title": "MITRE tactics"})
	if techniques != nil {
		indicators = append(indicators, object{"key": "ATTACK_TECHNIQUE", "values": techniques, "title": "MITRE techniques"})
	}
	if c.hostile {
		indicators = append(indicators, object{"key": "SUSPICIOUS_NETWORK", "values": list{c.remote.org}, "title": "Suspicious network"}, object{"key": "UNUSUAL_ASN_FOR_USER", "values": list{c.remote.asn}, "title": "Unusual network for the user"})
	}
	service["detection"] = object{"sequence": object{
		"uid": c.id, "description": fmt.Sprintf("%d signals within %s on %s.", len(signals), c.last.Sub(c.at), in["name"]), "actors": list{actor}, "resources": resources,
		"endpoints": endpoints, "signals": signals, "sequenceIndicators": indicators,
	}}
}
