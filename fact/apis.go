package fact

// The lists of calls that matter to an investigation. Sources: AWS's own playbooks
// (aws-samples/aws-incident-response-playbooks, IRP-CredCompromise and its Athena queries)
// and MITRE ATT&CK for IaaS.

// loggingAPIs stop, remove or narrow logging or detection (ATT&CK T1562.008).
var loggingAPIs = []string{
	"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors",
	"DeleteEventDataStore", "StopEventDataStoreIngestion", "UpdateEventDataStore",
	"DeleteFlowLogs", "DeleteDetector", "UpdateDetector", "DisassociateFromAdministratorAccount",
	"StopMonitoringMembers", "DeleteConfigurationRecorder", "StopConfigurationRecorder",
	"DeleteDeliveryChannel", "DisableSecurityHub", "DeleteResolverQueryLogConfig", "DisassociateResolverQueryLogConfig",
	"DeleteModelInvocationLoggingConfiguration",
	"LeaveOrganization", // ends the organisation's trail and its guard rails in the account
}

// persistenceAPIs keep access (T1098, T1136, T1078.004, T1525, T1546).
var persistenceAPIs = []string{
	"CreateUser", "CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile",
	"CreateRole", "UpdateAssumeRolePolicy", "CreateSAMLProvider", "UpdateSAMLProvider",
	"CreateOpenIDConnectProvider", "AddClientIDToOpenIDConnectProvider", "CreateServiceSpecificCredential",
	"UploadSSHPublicKey", "UploadSigningCertificate", "CreateVirtualMFADevice", "DeactivateMFADevice",
	"CreateFunction", "UpdateFunctionCode", "AddPermission", "CreateEventSourceMapping",
	"CreateFunctionUrlConfig", "PutRule", "CreateKeyPair", "ImportKeyPair",
	"GetFederationToken", "CreateTrustAnchor", "CreateAccountAssignment",
}

// privilegeAPIs widen permissions (T1098.003, T1484).
var privilegeAPIs = []string{
	"AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy", "PutUserPolicy", "PutRolePolicy",
	"PutGroupPolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion", "CreatePolicy",
	"AddUserToGroup", "AddRoleToInstanceProfile", "UpdateAssumeRolePolicy",
	"DeleteRolePermissionsBoundary", "DeleteUserPermissionsBoundary", "DetachUserPolicy",
	"DetachRolePolicy", "PutPermissionPolicy", "AttachManagedPolicyToPermissionSet",
	"PutInlinePolicyToPermissionSet",
}

// dataReadAPIs read data or secrets and are recorded as management events (T1530, T1552, T1555.006).
var dataReadAPIs = []string{
	"GetSecretValue", "BatchGetSecretValue", "GetParameter", "GetParameters", "GetParametersByPath",
	"GetPasswordData", "GetObject", "SelectObjectContent", "ModifySnapshotAttribute",
	"SharedSnapshotCopyInitiated", "ModifyImageAttribute", "ModifyDBSnapshotAttribute", "CreateDBSnapshot", "GetQueryResults",
}

// secretAPIs read secrets (T1552, T1555.006).
var secretAPIs = []string{"GetSecretValue", "BatchGetSecretValue", "GetParameter", "GetParameters", "GetParametersByPath", "GetPasswordData"}

// assumeRoleAPIs hop to another role (T1550.001).
var assumeRoleAPIs = []string{"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot"}

// keyAPIs make a new credential for later use (T1098.001).
var keyAPIs = []string{"CreateAccessKey"}

// exposureAPIs change who may reach a bucket.
var exposureAPIs = []string{
	"PutBucketPolicy", "DeleteBucketPolicy", "PutBucketAcl", "PutBucketPublicAccessBlock",
	"DeleteBucketPublicAccessBlock", "PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock",
	"PutBucketWebsite", "PutBucketReplication", "PutAccessPointPolicy", "PutObjectAcl",
}

// accountBlockAPIs change an account's own public access block (Amazon S3 API Reference, AWS S3 Control).
var accountBlockAPIs = []string{"PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"}

// passwordAPIs weaken or drop the account's password policy (IAM API Reference).
var passwordAPIs = []string{"UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"}

// ListsOfAPIs are the lists by the name that playbooks use for them ("apis: logging").
func ListsOfAPIs() map[string][]string {
	return map[string][]string{
		"logging": loggingAPIs, "persistence": persistenceAPIs, "privilege": privilegeAPIs,
		"data_read": dataReadAPIs, "assume_role": assumeRoleAPIs, "exposure": exposureAPIs, "account_block": accountBlockAPIs,
		"model": modelAPIs, "model_guard": guardAPIs,
		"protection": protectionAPIs, "object_read": readAPIs, "object_write": writeAPIs,
		"object_delete": deleteAPIs, "read_operation": operationsOf(readAPIs...),
		"logging_state": loggingStateAPIs, "password_policy": passwordAPIs,
	}
}
