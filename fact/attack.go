package fact

import (
	"strings"
)

// attackVersion is the version of MITRE ATT&CK (Enterprise) whose ids and names stand here:
// attack.mitre.org/versions/v17, held against the Mappings Explorer of the Center for
// Threat-Informed Defense (attack-17.1). © The MITRE Corporation, used under its terms of use.
const attackVersion = "17.1"

// techniques are names by id.
var techniques = map[string]string{
	"T1046": "Network Service Discovery", "T1048": "Exfiltration Over Alternative Protocol", "T1069.003": "Cloud Groups", "T1087.004": "Cloud Account",
	"T1090.003": "Multi-hop Proxy", "T1098.001": "Additional Cloud Credentials", "T1098.003": "Additional Cloud Roles", "T1110": "Brute Force",
	"T1136.003": "Cloud Account", "T1485": "Data Destruction", "T1490": "Inhibit System Recovery", "T1496": "Resource Hijacking", "T1498": "Network Denial of Service",
	"T1530": "Data from Cloud Storage", "T1537": "Transfer Data to Cloud Account", "T1552.005": "Cloud Instance Metadata API",
	"T1555.006": "Cloud Secrets Management Stores", "T1562.001": "Disable or Modify Tools", "T1562.007": "Disable or Modify Cloud Firewall",
	"T1562.008": "Disable or Modify Cloud Logs", "T1568.002": "Domain Generation Algorithms", "T1578.001": "Create Snapshot", "T1578.002": "Create Cloud Instance",
	"T1580": "Cloud Infrastructure Discovery", "T1611": "Escape to Host", "T1619": "Cloud Storage Object Discovery",
}

// techniqueOfAPI maps calls to the technique that they are when an adversary makes them. The mapping is ours;
// a call is no proof of the technique.
var techniqueOfAPI = map[string]map[string]string{
	"iam.amazonaws.com": {
		"CreateAccessKey": "T1098.001", "CreateLoginProfile": "T1098.001", "UpdateLoginProfile": "T1098.001", "UploadSSHPublicKey": "T1098.001",
		"AttachUserPolicy": "T1098.003", "AttachRolePolicy": "T1098.003", "AttachGroupPolicy": "T1098.003", "PutUserPolicy": "T1098.003", "PutRolePolicy": "T1098.003", "PutGroupPolicy": "T1098.003",
		"AddUserToGroup": "T1098.003", "UpdateAssumeRolePolicy": "T1098.003", "CreatePolicyVersion": "T1098.003", "SetDefaultPolicyVersion": "T1098.003",
		"CreateUser": "T1136.003", "CreateRole": "T1136.003", "ListUsers": "T1087.004", "ListRoles": "T1087.004", "GetAccountAuthorizationDetails": "T1087.004", "ListGroups": "T1069.003", "ListGroupsForUser": "T1069.003",
	},
	"cloudtrail.amazonaws.com": {"StopLogging": "T1562.008", "DeleteTrail": "T1562.008", "UpdateTrail": "T1562.008", "PutEventSelectors": "T1562.008"},
	"logs.amazonaws.com":       {"DeleteLogGroup": "T1562.008", "DeleteLogStream": "T1562.008"},
	"guardduty.amazonaws.com":  {"DeleteDetector": "T1562.001", "UpdateDetector": "T1562.001", "StopMonitoringMembers": "T1562.001", "DisassociateMembers": "T1562.001"},
	"ec2.amazonaws.com": {
		"DeleteFlowLogs": "T1562.008", "AuthorizeSecurityGroupIngress": "T1562.007", "RunInstances": "T1578.002", "CreateSnapshot": "T1578.001", "ModifySnapshotAttribute": "T1537",
		"DescribeInstances": "T1580", "DescribeSnapshots": "T1580", "DescribeSecurityGroups": "T1580", "DescribeVpcs": "T1580",
	},
	"s3.amazonaws.com": {
		"GetObject": "T1530", "SelectObjectContent": "T1530", "ListObjects": "T1619", "ListObjectsV2": "T1619", "ListObjectVersions": "T1619", "ListBuckets": "T1580",
		"DeleteObject": "T1485", "DeleteObjects": "T1485", "DeleteBucket": "T1485", "PutBucketLifecycle": "T1485", "PutBucketLifecycleConfiguration": "T1485", "PutBucketReplication": "T1537",
	},
	"secretsmanager.amazonaws.com": {"GetSecretValue": "T1555.006", "BatchGetSecretValue": "T1555.006"},
	"rds.amazonaws.com":            {"ModifyDBSnapshotAttribute": "T1537", "DeleteDBInstance": "T1485", "DeleteDBSnapshot": "T1490", "DescribeDBInstances": "T1580"},
	"organizations.amazonaws.com":  {"ListAccounts": "T1580"},
}

// techniqueOfType maps what stands in the name of a type of finding, behind its tactic, to a technique; the first that is
// in it. The mapping is ours: GuardDuty names techniques only in attack sequences.
var techniqueOfType = []struct{ part, id string }{
	{"InstanceCredentialExfiltration", "T1552.005"},
	{"MetadataDNSRebind", "T1552.005"},
	{"CloudTrailLoggingDisabled", "T1562.008"},
	{"S3/ServerAccessLoggingDisabled", "T1562.008"},
	{"BruteForce", "T1110"},
	{"TorIPCaller", "T1090.003"},
	{"TorClient", "T1090.003"},
	{"TorRelay", "T1090.003"},
	{"BitcoinTool", "T1496"},
	{"CryptoMiner", "T1496"},
	{"DGADomainRequest", "T1568.002"},
	{"DNSDataExfiltration", "T1048"},
	{"DenialOfService", "T1498"},
	{"Portscan", "T1046"},
	{"PortSweep", "T1046"},
	{"ContainerMountsHostDirectory", "T1611"},
	{"DockerSocketAccessed", "T1611"},
	{"RuncContainerEscape", "T1611"},
	{"CGroupsReleaseAgentModified", "T1611"},
	{"Exfiltration:S3/", "T1530"},
	{"Discovery:S3/", "T1619"},
}

var attackDefs = []Def{
	{Key: "finding.techniques", Rule: mappedTechniques, Type: Texts, Kind: Computed, JA: "MITRE ATT&CKの技法（Uratoriによる対応付け）", EN: "ATT&CK techniques (our mapping)", Says: "our table over the type of finding and its API, MITRE ATT&CK " + attackVersion + "; a name for the step, no proof of intent"},
	{Key: "finding.techniques_said", Rule: saidTechniques, Type: Texts, Kind: External, JA: "MITRE ATT&CKの技法（GuardDutyの記載）", EN: "ATT&CK techniques (GuardDuty says)", Says: "ids in the indicators ATTACK_TECHNIQUE of an attack sequence and its signals; names by MITRE ATT&CK " + attackVersion + " where our table has them"},
}

// technique prints a technique by its id.
func technique(id string) string { return id + " " + techniques[id] }

func mappedTechniques(v *view, _ string) result {
	var list []string
	for _, t := range techniqueOfType {
		if strings.Contains(string(v.f.Type), t.part) {
			list = append(list, technique(t.id))
			break
		}
	}
	if service, api, _ := v.primary(); techniqueOfAPI[service][api] != "" {
		list = append(list, technique(techniqueOfAPI[service][api]))
	}
	return toldTexts(sortedCopy(list))
}

func saidTechniques(v *view, _ string) result {
	if v.f.Sequence == nil {
		return notApplicable(findingRef)
	}
	var list []string
	for _, id := range v.f.Sequence.Techniques {
		list = append(list, strings.TrimSpace(technique(id)))
	}
	if len(list) == 0 {
		return notApplicable(findingRef)
	}
	return listed(list, findingRef)
}
