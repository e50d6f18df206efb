package query

import (
	"fmt"
	"slices"
)

// A Path leads to a value in a raw record, such as "userIdentity.arn". Several paths of one
// field are tried in turn: the shapes a log arrives in name things differently.
type Path string

// A FieldSpec says what a field is and where it stands in every known shape of the record.
type FieldSpec struct {
	Name    Field
	Type    Type
	Doc     string
	Paths   []Path // empty for a derived field
	Derived string // how it is derived, "" when it is read as it stands
}

// A Schema is the fields of a dataset.
type Schema struct {
	Dataset   Dataset
	TimeField Field // the time of the event
	IDField   Field // what makes an event the same event
	Fields    []FieldSpec
}

// The fields every dataset has.
const (
	EventTime Field = "event_time"
	EventID   Field = "event_id"
	Raw       Field = "raw"
	RawSHA256 Field = "raw_sha256"
)

// Schemas are the schemas of all datasets.
func Schemas() []Schema { return slices.Clone(schemas) }

// SchemaOf is the schema of a dataset.
func SchemaOf(d Dataset) (Schema, bool) {
	for _, s := range schemas {
		if s.Dataset == d {
			return s, true
		}
	}
	return Schema{}, false
}

// Field is the spec of a field: of the schema, or of a "raw:" path, which is Text.
// The error names the nearest field.
func (s Schema) Field(name Field) (FieldSpec, error) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f, nil
		}
	}
	if path, ok := RawPath(name); ok {
		return FieldSpec{Name: name, Type: Text, Doc: "value at this path of the raw record", Paths: []Path{Path(path)}}, nil
	}
	var names []string
	for _, f := range s.Fields {
		names = append(names, string(f.Name))
	}
	return FieldSpec{}, fmt.Errorf("%s has no field %q%s; other values of the record are written raw:path.to.value", s.Dataset, name, didYouMean(string(name), names))
}

// RawPath is the JSON path of a "raw:" field: dotted names of letters, digits, "_" and "-".
func RawPath(name Field) (string, bool) {
	const prefix = "raw:"
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return "", false
	}
	path := string(name[len(prefix):])
	start := true
	for _, r := range path {
		switch {
		case r == '.':
			if start {
				return "", false
			}
			start = true
		case r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			start = false
		default:
			return "", false
		}
	}
	return path, !start
}

// Names are the names of the schema's fields.
func (s Schema) Names() []Field {
	out := make([]Field, 0, len(s.Fields))
	for _, f := range s.Fields {
		out = append(out, f.Name)
	}
	return out
}

// Has tells whether the schema itself names the field.
func (s Schema) Has(name Field) bool { return slices.Contains(s.Names(), name) }

var schemas = []Schema{cloudtrail, signin, vpcFlow, dns, s3Access, eksAudit, rdsAudit}

// cloudtrail follows the CloudTrail record contents (AWS CloudTrail User Guide, "CloudTrail
// record contents" and "CloudTrail userIdentity element").
var cloudtrail = Schema{
	Dataset: CloudTrail, TimeField: EventTime, IDField: EventID,
	Fields: []FieldSpec{
		{EventTime, Time, "when the call was made", []Path{"eventTime"}, ""},
		{EventID, Text, "id of the event", []Path{"eventID"}, ""},
		{"event_name", Text, "the call as recorded, such as GetFunction20150331v2", []Path{"eventName"}, ""},
		{"api", Text, "the call without the version at its end, such as GetFunction", []Path{"eventName"}, "suffix of date and version cut off"},
		{"event_source", Text, "the service, such as s3.amazonaws.com", []Path{"eventSource"}, ""},
		{"event_type", Text, "AwsApiCall, AwsServiceEvent, AwsConsoleSignIn, ...", []Path{"eventType"}, ""},
		{"event_category", Text, "Management, Data, Insight, NetworkActivity; absent before version 1.08", []Path{"eventCategory"}, ""},
		{"event_version", Text, "version of the record's form", []Path{"eventVersion"}, ""},
		{"region", Text, "Region of the call", []Path{"awsRegion"}, ""},
		{"account", Text, "account the event belongs to", []Path{"recipientAccountId", "userIdentity.accountId"}, ""},
		{"source_ip", IP, "address of the caller; missing when a service called", []Path{"sourceIPAddress"}, "only when it is an address"},
		{"source_service", Text, "the caller when it is no address, such as AWS Internal", []Path{"sourceIPAddress"}, "only when it is no address"},
		{"user_agent", Text, "the caller's program", []Path{"userAgent"}, ""},
		{"error_code", Text, "missing when the call succeeded", []Path{"errorCode"}, ""},
		{"error_message", Text, "what the service said", []Path{"errorMessage"}, ""},
		{"denied", Bool, "the error means that access was denied, in any service's spelling", []Path{"errorCode"}, "see Denied"},
		{"read_only", Bool, "the call changes nothing", []Path{"readOnly"}, ""},
		{"management_event", Bool, "the event is a management event", []Path{"managementEvent"}, ""},
		{"request_id", Text, "id of the request", []Path{"requestID"}, ""},
		{"shared_event_id", Text, "joins one call's events in several accounts", []Path{"sharedEventID"}, ""},
		{"vpc_endpoint", Text, "endpoint the call came through", []Path{"vpcEndpointId"}, ""},
		{"access_key", Text, "id of the credential", []Path{"userIdentity.accessKeyId"}, ""},
		{"user_type", Text, "IAMUser, AssumedRole, Root, AWSService, ...", []Path{"userIdentity.type"}, ""},
		{"user_arn", Text, "ARN of the principal", []Path{"userIdentity.arn"}, ""},
		{"principal_id", Text, "unique id of the principal", []Path{"userIdentity.principalId"}, ""},
		{"user_name", Text, "name of an IAM user", []Path{"userIdentity.userName"}, ""},
		{"user_account", Text, "account of the principal", []Path{"userIdentity.accountId"}, ""},
		{"invoked_by", Text, "the service that called on the principal's behalf", []Path{"userIdentity.invokedBy"}, ""},
		{"session_issuer_arn", Text, "the role that issued the session", []Path{"userIdentity.sessionContext.sessionIssuer.arn"}, ""},
		{"session_issuer_name", Text, "its name", []Path{"userIdentity.sessionContext.sessionIssuer.userName"}, ""},
		{"session_name", Text, "name of the role session", []Path{"userIdentity.arn"}, "last part of an assumed-role ARN"},
		{"session_created", Time, "when the session was made", []Path{"userIdentity.sessionContext.attributes.creationDate"}, ""},
		{"mfa", Text, "\"true\" or \"false\" as written; says nothing of an identity provider's MFA", []Path{"userIdentity.sessionContext.attributes.mfaAuthenticated"}, ""},
		{"on_behalf_of", Text, "Identity Store user", []Path{"userIdentity.onBehalfOf.userId"}, ""},
		{"identity_store", Text, "ARN of the identity store", []Path{"userIdentity.onBehalfOf.identityStoreArn"}, ""},
		{"in_scope_of", JSON, "the application that acted", []Path{"userIdentity.inScopeOf"}, ""},
		{"bucket", Text, "S3 bucket", []Path{"requestParameters.bucketName"}, ""},
		{"object_key", Text, "S3 object", []Path{"requestParameters.key"}, ""},
		{"role_arn", Text, "role to assume", []Path{"requestParameters.roleArn"}, ""},
		{"role_session_name", Text, "name of the session to make", []Path{"requestParameters.roleSessionName"}, ""},
		{"new_access_key", Text, "id of the credential that was made", []Path{"responseElements.accessKey.accessKeyId", "responseElements.credentials.accessKeyId"}, ""},
		{"target_user", Text, "IAM user the call is about", []Path{"requestParameters.userName"}, ""},
		{"service_account_id", Text, "account of an access portal event", []Path{"serviceEventDetails.account_id"}, ""},
		{"service_role_name", Text, "permission set of an access portal event", []Path{"serviceEventDetails.role_name"}, ""},
		{"bytes_out", Int, "bytes that left, S3 data events", []Path{"additionalEventData.bytesTransferredOut"}, ""},
		{"bytes_in", Int, "bytes that came in, S3 data events", []Path{"additionalEventData.bytesTransferredIn"}, ""},
		{"login_result", Text, "Success or Failure of a console login", []Path{"responseElements.ConsoleLogin"}, ""},
		{"trail_name", Text, "trail a CloudTrail call is about", []Path{"requestParameters.name", "requestParameters.trailName"}, "only for cloudtrail.amazonaws.com"},
		{Raw, Text, "the raw record, secrets redacted", nil, "the record itself"},
		{RawSHA256, Text, "sha256 of the raw record", nil, "of the record itself"},
	},
}

// signin follows Microsoft Entra ID's sign-in logs in three shapes: Graph signIn, the
// diagnostic export (properties.*) and Log Analytics SigninLogs (PascalCase).
var signin = Schema{
	Dataset: SignIn, TimeField: EventTime, IDField: EventID,
	Fields: []FieldSpec{
		{EventTime, Time, "when the sign-in took place", []Path{"createdDateTime", "properties.createdDateTime", "CreatedDateTime", "time", "TimeGenerated"}, ""},
		{EventID, Text, "id of the sign-in", []Path{"id", "properties.id", "Id"}, ""},
		{"user_principal_name", Text, "user principal name in lower case", []Path{"userPrincipalName", "properties.userPrincipalName", "UserPrincipalName"}, "folded to lower case"},
		{"user_id", Text, "object id of the user", []Path{"userId", "properties.userId", "UserId"}, ""},
		{"user_display_name", Text, "display name", []Path{"userDisplayName", "properties.userDisplayName", "UserDisplayName", "Identity", "identity"}, ""},
		{"user_type", Text, "member or guest", []Path{"userType", "properties.userType", "UserType"}, ""},
		{"app_display_name", Text, "application", []Path{"appDisplayName", "properties.appDisplayName", "AppDisplayName"}, ""},
		{"app_id", Text, "id of the application", []Path{"appId", "properties.appId", "AppId"}, ""},
		{"resource_display_name", Text, "resource signed in to", []Path{"resourceDisplayName", "properties.resourceDisplayName", "ResourceDisplayName"}, ""},
		{"ip", IP, "address", []Path{"ipAddress", "properties.ipAddress", "IPAddress", "callerIpAddress"}, ""},
		{"country", Text, "country code", []Path{"location.countryOrRegion", "properties.location.countryOrRegion", "LocationDetails.countryOrRegion", "Location", "location"}, ""},
		{"state", Text, "state or prefecture", []Path{"location.state", "properties.location.state", "LocationDetails.state"}, ""},
		{"city", Text, "city", []Path{"location.city", "properties.location.city", "LocationDetails.city"}, ""},
		{"latitude", Text, "as written", []Path{"location.geoCoordinates.latitude", "properties.location.geoCoordinates.latitude", "LocationDetails.geoCoordinates.latitude"}, ""},
		{"longitude", Text, "as written", []Path{"location.geoCoordinates.longitude", "properties.location.geoCoordinates.longitude", "LocationDetails.geoCoordinates.longitude"}, ""},
		{"asn", Text, "autonomous system number", []Path{"autonomousSystemNumber", "properties.autonomousSystemNumber", "AutonomousSystemNumber"}, ""},
		{"client_app", Text, "kind of client", []Path{"clientAppUsed", "properties.clientAppUsed", "ClientAppUsed"}, ""},
		{"browser", Text, "browser", []Path{"deviceDetail.browser", "properties.deviceDetail.browser", "DeviceDetail.browser"}, ""},
		{"operating_system", Text, "operating system", []Path{"deviceDetail.operatingSystem", "properties.deviceDetail.operatingSystem", "DeviceDetail.operatingSystem"}, ""},
		{"device_id", Text, "id of the device", []Path{"deviceDetail.deviceId", "properties.deviceDetail.deviceId", "DeviceDetail.deviceId"}, ""},
		{"device_name", Text, "name of the device", []Path{"deviceDetail.displayName", "properties.deviceDetail.displayName", "DeviceDetail.displayName"}, ""},
		{"device_managed", Bool, "managed", []Path{"deviceDetail.isManaged", "properties.deviceDetail.isManaged", "DeviceDetail.isManaged"}, ""},
		{"device_compliant", Bool, "compliant", []Path{"deviceDetail.isCompliant", "properties.deviceDetail.isCompliant", "DeviceDetail.isCompliant"}, ""},
		{"trust_type", Text, "how the device is joined", []Path{"deviceDetail.trustType", "properties.deviceDetail.trustType", "DeviceDetail.trustType"}, ""},
		{"error_code", Int, "0 for success", []Path{"status.errorCode", "properties.status.errorCode", "ResultType", "Status.errorCode", "resultType"}, ""},
		{"failure_reason", Text, "reason as written", []Path{"status.failureReason", "properties.status.failureReason", "Status.failureReason", "ResultDescription", "resultDescription"}, ""},
		{"result", Text, "success, interrupt or failure, by the published meaning of the code", []Path{"status.errorCode", "properties.status.errorCode", "ResultType", "Status.errorCode", "resultType"}, "see SignInCode"},
		{"auth_requirement", Text, "singleFactorAuthentication or multiFactorAuthentication", []Path{"authenticationRequirement", "properties.authenticationRequirement", "AuthenticationRequirement"}, ""},
		{"auth_details", JSON, "the steps of the authentication", []Path{"authenticationDetails", "properties.authenticationDetails", "AuthenticationDetails"}, ""},
		{"conditional_access_status", Text, "success, failure, notApplied", []Path{"conditionalAccessStatus", "properties.conditionalAccessStatus", "ConditionalAccessStatus"}, ""},
		{"risk_level", Text, "risk during the sign-in", []Path{"riskLevelDuringSignIn", "properties.riskLevelDuringSignIn", "RiskLevelDuringSignIn"}, ""},
		{"risk_state", Text, "state of the risk", []Path{"riskState", "properties.riskState", "RiskState"}, ""},
		{"correlation_id", Text, "joins the events of one sign-in", []Path{"correlationId", "properties.correlationId", "CorrelationId"}, ""},
		{"category", Text, "SignInLogs, NonInteractiveUserSignInLogs, ...", []Path{"category", "Category"}, ""},
		{"interactive", Bool, "the user took part", []Path{"isInteractive", "properties.isInteractive", "IsInteractive"}, ""},
		{"tenant_id", Text, "tenant", []Path{"tenantId", "properties.tenantId", "TenantId", "AADTenantId"}, ""},
		{Raw, Text, "the raw record", nil, "the record itself"},
		{RawSHA256, Text, "sha256 of the raw record", nil, "of the record itself"},
	},
}
