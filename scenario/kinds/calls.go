package kinds

import (
	"fmt"
	"strings"
)

// A call is an AWS API call with what it is about.
type call struct {
	service, api string
	params       object
	read         bool
	errorCode    string
}

// calls are the calls by type, else by tactic for the anomalous ones.
func (c *cast) call() call {
	trail := c.arn("cloudtrail", "trail/"+secondTrail)
	switch t := c.info.Type; {
	case c.info.Family == "s3":
		return c.s3Call()
	case c.info.Family == "ai":
		return call{"bedrock.amazonaws.com", "InvokeModel", object{"modelId": c.model}, true, ""}
	case c.info.Family == "cdr":
		return c.cdrCall()
	case c.is("CloudTrailLoggingDisabled", "LoggingConfigurationModified"):
		return call{"cloudtrail.amazonaws.com", "StopLogging", object{"name": trail}, false, ""}
	case c.is("PasswordPolicyChange"):
		return call{"iam.amazonaws.com", "UpdateAccountPasswordPolicy", object{"minimumPasswordLength": 6}, false, ""}
	case c.is("BedrockLoggingDisabled"):
		return call{"bedrock.amazonaws.com", "DeleteModelInvocationLoggingConfiguration", nil, false, ""}
	case c.is("ConsoleLogin"):
		return call{"signin.amazonaws.com", "ConsoleLogin", nil, false, ""}
	case c.is("InstanceLaunchUnusual", "ComputeResources"):
		return call{"ec2.amazonaws.com", "RunInstances", object{"instanceType": "p4d.24xlarge", "minCount": 8}, false, ""}
	case c.is("NetworkPermissions"):
		return call{"ec2.amazonaws.com", c.choose("AuthorizeSecurityGroupIngress", "DescribeSecurityGroups"), object{"groupId": c.group}, !c.hostile, ""}
	case c.is("ResourcePermissions"):
		return call{"s3.amazonaws.com", "GetBucketPolicy", object{"bucketName": c.bucket}, true, ""}
	case c.is("UserPermissions", "AdministrativePermissions"):
		return call{"iam.amazonaws.com", "AttachUserPolicy", object{"userName": c.userName, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, false, ""}
	default:
		byTactic := map[string]call{
			"CredentialAccess":    {"secretsmanager.amazonaws.com", "GetSecretValue", object{"secretId": "prod/orders/db"}, true, ""},
			"DefenseEvasion":      {"cloudtrail.amazonaws.com", "StopLogging", object{"name": trail}, false, ""},
			"Discovery":           {"iam.amazonaws.com", "ListUsers", nil, true, ""},
			"Exfiltration":        {"ec2.amazonaws.com", "ModifySnapshotAttribute", object{"snapshotId": c.snapshot}, false, ""},
			"Impact":              {"rds.amazonaws.com", "DeleteDBInstance", object{"dBInstanceIdentifier": c.db}, false, ""},
			"InitialAccess":       {"sts.amazonaws.com", "GetFederationToken", object{"name": "console"}, false, ""},
			"Persistence":         {"iam.amazonaws.com", "CreateAccessKey", object{"userName": "backup-operator"}, false, ""},
			"PrivilegeEscalation": {"iam.amazonaws.com", "AttachRolePolicy", object{"roleName": "web-server", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, false, ""},
		}
		if found, ok := byTactic[t.Tactic()]; ok {
			return found
		}
		return call{"ec2.amazonaws.com", "DescribeInstances", nil, true, ""}
	}
}

// s3Call is the call on a bucket.
func (c *cast) s3Call() call {
	params := object{"bucketName": c.bucket}
	switch {
	case c.is("AccountBlockPublicAccessDisabled"):
		return call{"s3.amazonaws.com", "PutAccountPublicAccessBlock", object{"accountId": c.account, "PublicAccessBlockConfiguration": object{"BlockPublicPolicy": false, "RestrictPublicBuckets": false}}, false, ""}
	case c.is("BlockPublicAccessDisabled"):
		params["PublicAccessBlockConfiguration"] = object{"BlockPublicPolicy": false, "RestrictPublicBuckets": false, "BlockPublicAcls": false, "IgnorePublicAcls": false}
		return call{"s3.amazonaws.com", "PutBucketPublicAccessBlock", params, false, ""}
	case c.is("AnonymousAccessGranted", "PublicAccessGranted"):
		params["bucketPolicy"] = object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + c.bucket + "/*"}}}
		return call{"s3.amazonaws.com", "PutBucketPolicy", params, false, ""}
	case c.is("ServerAccessLoggingDisabled"):
		params["BucketLoggingStatus"] = object{"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}
		return call{"s3.amazonaws.com", "PutBucketLogging", params, false, ""}
	case c.is("Permission"):
		params["AccessControlPolicy"] = "public-read"
		return call{"s3.amazonaws.com", "PutObjectAcl", params, false, ""}
	case c.is("Delete"):
		params["key"] = c.object
		return call{"s3.amazonaws.com", "DeleteObject", params, false, ""}
	case c.is("Write"), c.is("Impact:"):
		params["key"] = c.object
		return call{"s3.amazonaws.com", "PutObject", params, false, ""}
	case c.is("Discovery:", "PenTest:"):
		return call{"s3.amazonaws.com", "ListObjects", params, true, ""}
	default:
		params["key"] = c.object
		return call{"s3.amazonaws.com", "GetObject", params, true, ""}
	}
}

// cdrCall is the call that a custom detection rule matches, by the signals that each type has
// (finding types of Custom Detection Rules in the GuardDuty User Guide).
func (c *cast) cdrCall() call {
	is := func(service, api string, params object) call {
		return call{service + ".amazonaws.com", api, params, false, ""}
	}
	switch c.info.Type {
	case "CredentialAccess:EC2/UnsecuredCredentials":
		return call{"ec2.amazonaws.com", "GetPasswordData", object{"instanceId": c.instance}, true, ""}
	case "CredentialAccess:RDS/ModifyAuthenticationProcess":
		return is("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": c.db, "masterUserPassword": "****"})
	case "DefenseImpairment:RDS/ModifyAuthenticationProcess":
		return is("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": c.db, "enableIAMDatabaseAuthentication": false})
	case "DefenseImpairment:EC2/DisableOrModifyTools":
		return is("ec2", "DeleteFlowLogs", object{"DeleteFlowLogsRequest": object{"FlowLogId": object{"content": "fl-0" + c.vpc[5:21]}}})
	case "DefenseImpairment:Organizations/DisableOrModifyTools":
		return is("organizations", "DisablePolicyType", object{"rootId": "r-ab12", "policyType": "SERVICE_CONTROL_POLICY"})
	case "DefenseImpairment:Organizations/ModifyCloudResourceHierarchy":
		return is("organizations", "LeaveOrganization", nil)
	case "DefenseImpairment:Route53Resolver/DisableOrModifyTools":
		return is("route53resolver", "DeleteResolverQueryLogConfig", object{"resolverQueryLogConfigId": "rqlc-" + c.eni[4:20]})
	case "DefenseImpairment:S3/DisableOrModifyTools":
		return is("s3", "PutBucketEncryption", object{"bucketName": c.bucket, "ServerSideEncryptionConfiguration": object{"Rule": object{"BlockedEncryptionTypes": object{"EncryptionType": "NONE"}}}})
	case "Execution:SageMaker/CommandAndScriptingInterpreter":
		return is("sagemaker", "UpdateNotebookInstanceLifecycleConfig", object{"notebookInstanceLifecycleConfigName": "on-start"})
	case "Exfiltration:EC2/TransferDataToCloudAccount":
		return is("ec2", "ModifySnapshotAttribute", object{"snapshotId": c.snapshot, "createVolumePermission": object{"add": object{"items": list{object{"userId": "999988887777"}}}}})
	case "Exfiltration:RDS/TransferDataToCloudAccount":
		return is("rds", "ModifyDBSnapshotAttribute", object{"dBSnapshotIdentifier": c.db + "-final", "attributeName": "restore", "valuesToAdd": list{"all"}})
	case "Exfiltration:S3/TransferDataToCloudAccount":
		return is("s3", "PutBucketPolicy", object{"bucketName": c.bucket, "bucketPolicy": object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Allow", "Principal": object{"AWS": "arn:aws:iam::999988887777:root"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + c.bucket + "/*"}}}})
	case "Impact:S3/DataDestruction":
		return is("s3", "PutBucketLifecycle", object{"bucketName": c.bucket, "LifecycleConfiguration": object{"Rule": object{"ID": "cleanup", "Status": "Enabled", "Expiration": object{"Days": 1}}}})
	case "Impact:SES/ResourceHijacking":
		return is("ses", "UpdateAccountSendingEnabled", object{"enabled": true})
	case "InitialAccess:IAM/ValidAccounts":
		return is("signin", "ConsoleLogin", nil)
	case "InitialAccess:RDS/ExploitPublicFacingApplication":
		return is("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": c.db, "publiclyAccessible": true})
	case "LateralMovement:EC2/RemoteServices":
		return is("ec2-instance-connect", "SendSSHPublicKey", object{"instanceId": c.instance, "instanceOSUser": "ec2-user"})
	case "Persistence:EC2/BootOrLogonInitializationScripts":
		return is("ec2", "ModifyInstanceAttribute", object{"instanceId": c.instance, "userData": "<sensitiveDataRemoved>"})
	case "Persistence:EC2/ExternalRemoteServices":
		return is("ec2", "AuthorizeSecurityGroupIngress", object{"groupId": c.group, "ipPermissions": object{"items": list{object{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": object{"items": list{object{"cidrIp": "0.0.0.0/0"}}}}}}})
	case "Persistence:Lambda/AccountManipulation":
		return is("lambda", "AddPermission20150331v2", object{"functionName": c.function, "principal": "*"})
	case "Persistence:Lambda/ModifyAuthenticationProcess":
		return is("lambda", "CreateFunctionUrlConfig", object{"functionName": c.function, "authType": "NONE"})
	case "Persistence:RolesAnywhere/AccountManipulation":
		return is("rolesanywhere", "CreateTrustAnchor", object{"name": "external-ca"})
	case "PrivilegeEscalation:IAM/AccountManipulation":
		return is("iam", "AttachUserPolicy", object{"userName": c.userName, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})
	case "ResourceDevelopment:SES/CompromiseAccounts":
		return is("ses", "VerifyDomainIdentity", object{"domain": "example.net"})
	default: // Persistence:IAM/AccountManipulation and rules to come
		return is("iam", "CreateAccessKey", object{"userName": "backup-operator"})
	}
}

// actorType is the kind of principal that acts.
func (c *cast) actorType() string {
	switch {
	case c.is("RootCredentialUsage"):
		return "Root"
	case c.is("ConsoleLogin", "ValidAccounts", "PasswordPolicyChange", "PenTest:IAMUser", "UserPermissions", "AdministrativePermissions"):
		return "IAMUser"
	case c.is("AnonymousAccess") && c.info.Family == "s3":
		return "AssumedRole"
	default:
		return "AssumedRole"
	}
}

// actorName is the user's name, of a role session the role's.
func (c *cast) actorName() string {
	switch {
	case c.actorType() == "Root":
		return "Root"
	case c.actorType() == "IAMUser":
		return c.userName
	case c.is("CredentialExfiltration"):
		return c.instanceRole
	default:
		return c.role
	}
}

// actorKey is the credential that acts.
func (c *cast) actorKey() string {
	switch {
	case c.actorType() == "IAMUser":
		return c.userKey
	case c.is("ShortTermRoot"):
		return c.key
	case c.actorType() == "Root":
		return ""
	default:
		return c.key
	}
}

func (c *cast) actorPrincipal() string {
	switch {
	case c.actorType() == "Root":
		return c.account
	case c.actorType() == "IAMUser":
		return c.userID
	case c.is("CredentialExfiltration"):
		return c.instanceRoleID + ":" + c.instance
	default:
		return c.roleID + ":" + c.upn
	}
}

func (c *cast) accessKeyDetails() object {
	return object{"accessKeyId": c.actorKey(), "principalId": c.actorPrincipal(), "userType": c.actorType(), "userName": c.actorName()}
}

// apiCall is the action of a finding that CloudTrail was read for.
func (c *cast) apiCall() object {
	k := c.call()
	call := object{"api": k.api, "serviceName": k.service, "callerType": "Remote IP", "remoteIpDetails": c.remote.details(), "affectedResources": c.affected(), "userAgent": c.agent()}
	if k.errorCode != "" {
		call["errorCode"] = k.errorCode
	}
	if c.is("InsideAWS") {
		call["remoteAccountDetails"] = object{"accountId": c.otherAccount(), "affiliated": !c.hostile}
	}
	return object{"actionType": "AWS_API_CALL", "awsApiCallAction": call}
}

// otherAccount is where credentials are used that belong to another.
func (c *cast) otherAccount() string { return c.choose("999988887777", c.management) }

func (c *cast) affected() object {
	switch k := c.call(); {
	case c.info.Family == "s3" && !c.is("AccountBlock"):
		return object{"AWS::S3::Bucket": c.bucket}
	case strings.HasPrefix(k.service, "cloudtrail"):
		return object{"AWS::CloudTrail::Trail": c.arn("cloudtrail", "trail/"+secondTrail)}
	case k.params["userName"] != nil:
		return object{"AWS::IAM::User": k.params["userName"]}
	case k.params["dBInstanceIdentifier"] != nil:
		return object{"AWS::RDS::DBInstance": c.db}
	default:
		return object{}
	}
}

// agent is the program of the call; the distributions that penetration testers use are named in it.
func (c *cast) agent() string {
	for word, os := range map[string]string{"KaliLinux": "kali", "ParrotLinux": "parrot", "PentooLinux": "pentoo"} {
		if c.is(word) {
			return fmt.Sprintf("aws-cli/2.17.9 md/awscrt#0.20.11 ua/2.0 os/linux#6.8.11-%s-amd64 lang/python#3.11.8", os)
		}
	}
	if c.is("ConsoleLogin", "ValidAccounts") {
		return "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"
	}
	return c.tool
}

// anomaly is the block of the anomalous types: GuardDuty's own answer to "is this usual?".
func (c *cast) anomaly(service object) {
	k := c.call()
	info := service["additionalInfo"].(object)
	info["userAgent"] = object{"fullUserAgent": c.agent(), "userAgentCategory": c.choose("Boto3", "AWS CLI")}
	result := "success"
	if k.errorCode != "" {
		result = k.errorCode
	}
	network := func(p place) string { return fmt.Sprintf("asnNumber: %s asnOrg: %s", p.asn, p.org) }
	info["anomalies"] = object{"anomalousAPIs": fmt.Sprintf("%s:[%s:%s]", k.service, k.api, result)}
	profiled := object{
		"rareProfiledAPIsAccountProfiling": "", "infrequentProfiledAPIsAccountProfiling": k.api, "frequentProfiledAPIsAccountProfiling": "DescribeInstances , AssumeRole , GetCallerIdentity",
		"frequentProfiledAPIsUserIdentityProfiling": "DescribeInstances , GetCallerIdentity , ListBuckets", "frequentProfiledUserTypesAccountProfiling": "ASSUMED_ROLE , IAM_USER",
		"frequentProfiledUserNamesAccountProfiling": "inventory-scanner , metrics-exporter", "frequentProfiledASNsAccountProfiling": network(c.home),
		"frequentProfiledASNsUserIdentityProfiling": network(c.home), "frequentProfiledUserAgentsUserIdentityProfiling": "AWS CLI",
	}
	unusual := object{
		"unusualAPIsUserIdentityProfiling": k.api, "unusualAPIsAccountProfiling": "", "unusualUserTypesAccountProfiling": "", "unusualUserNamesAccountProfiling": "",
		"unusualASNsAccountProfiling": "", "unusualASNsUserIdentityProfiling": "", "unusualUserAgentsAccountProfiling": "", "unusualUserAgentsUserIdentityProfiling": "", "isUnusualUserIdentity": "false",
	}
	if c.hostile {
		unusual["unusualASNsAccountProfiling"], unusual["unusualASNsUserIdentityProfiling"] = network(c.remote), network(c.remote)
		unusual["unusualUserAgentsUserIdentityProfiling"], unusual["unusualUserAgentsAccountProfiling"] = "Boto3", "Boto3"
	}
	if c.info.Family == "s3" {
		profiled["frequentProfiledBucketsAccountProfiling"], profiled["infrequentProfiledBucketsUserIdentityProfiling"] = c.bucket, c.bucket
		profiled["numberOfPast24HoursAPIsBucketProfiling"], profiled["numberOfPast24HoursAPIsUserIdentityProfiling"] = "12", "4"
		unusual["unusualBucketsUserIdentityProfiling"] = c.choose(c.bucket, "")
	}
	info["profiledBehavior"], info["unusualBehavior"] = profiled, unusual
}

// iam is a finding about a credential.
func (c *cast) iam(resource, service object) {
	resource["resourceType"], resource["accessKeyDetails"] = "AccessKey", c.accessKeyDetails()
	c.named = c.actorName()
	service["action"] = c.apiCall()
	if c.is("AnomalousBehavior") {
		c.anomaly(service)
	}
	if c.is("CredentialExfiltration") {
		resource["instanceDetails"] = c.instanceDetails()
	}
	if c.is("ConsoleLogin") {
		service["additionalInfo"].(object)["recentCredentials"] = list{object{"ipAddressV4": c.home.ip}}
	}
	c.intelligence(service)
}

// cdr is what a custom detection rule reports.
func (c *cast) cdr(resource, service object) {
	resource["resourceType"], resource["accessKeyDetails"] = "AccessKey", c.accessKeyDetails()
	c.named = c.actorName()
	service["action"] = c.apiCall()
}

// bucketDetails is the bucket as GuardDuty saw it.
func (c *cast) bucketDetails() object {
	open := c.is("AnonymousAccessGranted", "PublicAccessGranted") && c.hostile
	word := "NOT_PUBLIC"
	if open {
		word = "PUBLIC"
	}
	blocked := !c.is("BlockPublicAccessDisabled") && !open
	block := object{"ignorePublicAcls": blocked, "restrictPublicBuckets": blocked, "blockPublicAcls": blocked, "blockPublicPolicy": blocked}
	return object{
		"arn": "arn:aws:s3:::" + c.bucket, "name": c.bucket, "type": "Destination", "createdAt": epoch(c.at.AddDate(-1, 0, 0)), "owner": object{"id": c.ownerID()},
		"tags": tags("Project", "shop", "Classification", "confidential"), "defaultServerSideEncryption": object{"encryptionType": "AES256", "kmsMasterKeyArn": ""},
		"publicAccess": object{"effectivePermission": word, "permissionConfiguration": object{
			"bucketLevelPermissions": object{
				"accessControlList": object{"allowsPublicReadAccess": false, "allowsPublicWriteAccess": false},
				"bucketPolicy":      object{"allowsPublicReadAccess": open, "allowsPublicWriteAccess": false}, "blockPublicAccess": block,
			},
			"accountLevelPermissions": object{"blockPublicAccess": block},
		}},
	}
}

// ownerID is the canonical user id of the bucket's owner.
func (c *cast) ownerID() string { return strings.Repeat(c.account, 6)[:64] }

func (c *cast) s3(resource, service object) {
	resource["resourceType"], resource["accessKeyDetails"] = "S3Bucket", c.accessKeyDetails()
	resource["s3BucketDetails"] = list{c.bucketDetails()}
	c.named = c.bucket
	service["action"] = c.apiCall()
	if c.is("AnomalousBehavior") {
		c.anomaly(service)
	}
	c.intelligence(service)
}

// ai is a finding of AI Protection: the deviation stands in service.detection.
func (c *cast) ai(resource, service object) {
	resource["resourceType"], resource["accessKeyDetails"] = "AccessKey", c.accessKeyDetails()
	c.named = c.actorName()
	service["action"] = c.apiCall()
	if c.is("PromptInjection") {
		guardrail := c.arn("bedrock", "guardrail/"+c.hex(12))
		resource["bedrockGuardrailDetails"] = object{
			"guardrailArn": guardrail, "guardrailVersion": "3", "guardrails": list{object{"arn": guardrail, "version": "3"}},
			"guardrailAction": "GUARDRAIL_INTERVENED", "guardrailSource": "INPUT",
			"contentPolicyFilters": list{object{"type": "PROMPT_ATTACK", "confidence": "HIGH", "action": "BLOCKED"}},
		}
		return
	}
	resource["modelDetails"] = list{object{"modelId": c.model}}
	observed := func(kind, sub string, text []any, number []any) object {
		o := object{}
		if text != nil {
			o["text"] = text
		}
		if number != nil {
			o["number"] = number
		}
		return object{"profileType": kind, "profileSubtype": sub, "observations": o}
	}
	usual, now := 12_000, 12_000*3
	if c.hostile {
		now = 4_800_000
	}
	service["detection"] = object{"anomaly": object{
		"profiles": object{
			"account":      object{"asn": list{observed("FREQUENCY", "FREQUENT", list{c.home.org}, nil)}, "models": list{observed("FREQUENCY", "FREQUENT", list{c.model}, nil)}},
			"userIdentity": object{"tokens": list{observed("VOLUME", "AVERAGE", nil, list{usual})}, "calls": list{observed("VOLUME", "COUNT", nil, list{40})}},
		},
		"unusual": object{"behavior": object{
			"userIdentity": object{"tokens": observed("VOLUME", "COUNT", nil, list{now}), "asn": observed("FREQUENCY", c.choose("UNSEEN", "FREQUENT"), list{c.remote.org}, nil)},
		}},
	}}
}
