package kinds

import (
	"fmt"
	"strings"
	"time"
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
}

// signals are the steps by type: entry, what was done, impact.
func (c *cast) signals() []signal {
	tactic := func(s string) object {
		return object{"key": "ATTACK_TACTIC", "values": list{s}, "title": "MITRE tactic"}
	}
	high := func(s string) object {
		return object{"key": "HIGH_RISK_API", "values": list{s}, "title": "High-risk API"}
	}
	found := func(t string, offset time.Duration, says, t2 string) signal {
		return signal{"FINDING", t, offset, 8, says, tactic(t2)}
	}
	switch c.info.Type {
	case "AttackSequence:IAM/CompromisedCredentials":
		return []signal{
			found("UnauthorizedAccess:IAMUser/TorIPCaller", 0, "The credential was used from an anonymiser.", "Initial Access"),
			{"CLOUD_TRAIL", "AttachUserPolicy", 6 * time.Minute, 0, "A policy was attached.", high("AttachUserPolicy")},
			{"CLOUD_TRAIL", "CreateAccessKey", 8 * time.Minute, 0, "An access key was created.", high("CreateAccessKey")},
			{"CLOUD_TRAIL", "StopLogging", 12 * time.Minute, 0, "A trail was stopped.", tactic("Defense Evasion")},
		}
	case "AttackSequence:S3/CompromisedData":
		return []signal{
			found("Discovery:S3/AnomalousBehavior", 0, "Buckets were listed in an unusual way.", "Discovery"),
			{"CLOUD_TRAIL", "PutBucketPolicy", 5 * time.Minute, 0, "A bucket's policy was changed.", high("PutBucketPolicy")},
			{"S3_DATA_EVENTS", "GetObject", 9 * time.Minute, 0, "Objects were read.", tactic("Exfiltration")},
			{"S3_DATA_EVENTS", "DeleteObject", 17 * time.Minute, 0, "Objects were deleted.", tactic("Impact")},
		}
	case "AttackSequence:EKS/CompromisedCluster":
		return []signal{
			found("Execution:Kubernetes/ExecInKubeSystemPod", 0, "A command ran in a system pod.", "Execution"),
			{"EKS_AUDIT_LOGS", "create clusterrolebindings", 4 * time.Minute, 0, "A binding to cluster-admin was created.", tactic("Privilege Escalation")},
			{"EKS_AUDIT_LOGS", "list secrets", 6 * time.Minute, 0, "Secrets were listed.", tactic("Credential Access")},
			{"RUNTIME_MONITORING", "Impact:Runtime/CryptoMinerExecuted", 15 * time.Minute, 8, "A miner ran in a pod.", tactic("Impact")},
		}
	case "AttackSequence:ECS/CompromisedCluster":
		return []signal{
			found("Execution:Runtime/NewBinaryExecuted", 0, "A new program ran in a task.", "Execution"),
			found("Backdoor:Runtime/C&CActivity.B", 7*time.Minute, "The task spoke to a command and control server.", "Command and Control"),
		}
	default: // instance groups and sequences to come
		return []signal{
			found("UnauthorizedAccess:EC2/SSHBruteForce", 0, "Passwords were guessed.", "Credential Access"),
			{"RUNTIME_MONITORING", "Execution:Runtime/ReverseShell", 6 * time.Minute, 8, "A reverse shell was opened.", tactic("Execution")},
			{"FLOW_LOGS", "OutboundTraffic", 11 * time.Minute, 0, "Much was sent to one address.", tactic("Exfiltration")},
			{"DNS_LOGS", "DomainRequest", 12 * time.Minute, 0, "A domain of a mining pool was asked for.", tactic("Impact")},
		}
	}
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
	var order list
	for i, s := range c.signals() {
		at := c.at.Add(s.offset)
		uid := c.uuidOf(strings.Repeat(fmt.Sprintf("%02x", i+1), 16))
		if s.kind == "FINDING" { // the other finding, by its name
			uid = fmt.Sprintf("arn:aws:guardduty:%s:%s:detector/%s/finding/%s", c.region, c.account, c.detector, strings.Repeat(fmt.Sprintf("%02x", i+160), 16))
		}
		step := object{
			"uid": uid, "type": s.kind, "name": s.name, "description": s.says, "createdAt": epoch(at.Add(5 * time.Minute)), "updatedAt": epoch(at.Add(5 * time.Minute)),
			"firstSeenAt": epoch(at), "lastSeenAt": epoch(at.Add(time.Minute)), "count": 1,
			"resourceUids": list{in["uid"]}, "actorIds": list{"actor-1"}, "endpointIds": list{"endpoint-1"}, "signalIndicators": list{s.indicator},
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
	if c.hostile {
		indicators = append(indicators, object{"key": "SUSPICIOUS_NETWORK", "values": list{c.remote.org}, "title": "Suspicious network"}, object{"key": "UNUSUAL_ASN_FOR_USER", "values": list{c.remote.asn}, "title": "Unusual network for the user"})
	}
	service["detection"] = object{"sequence": object{
		"uid": c.id, "description": fmt.Sprintf("%d signals within %s on %s.", len(signals), c.last.Sub(c.at), in["name"]), "actors": list{actor}, "resources": resources,
		"endpoints": endpoints, "signals": signals, "sequenceIndicators": indicators,
	}}
}
