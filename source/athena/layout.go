package athena

import "slices"

// A Layout is a way in which CloudTrail records stand in a table.
type Layout uint8

// The layouts.
const (
	Detect Layout = iota // read from the table's columns
	Trail                // a trail's log files, by the DDL of the AWS CloudTrail and Athena user guides
	OCSF1                // Security Lake source version 1 (OCSF 1.0.0-rc.2)
	OCSF2                // Security Lake source version 2 (OCSF 1.1.0)
)

var layoutNames = [...]string{"detect", "trail", "ocsf1", "ocsf2"}

// String is the layout's name in the configuration, such as "trail".
func (l Layout) String() string { return layoutNames[l] }

// LayoutNamed is the layout of that name; "" is Detect.
func LayoutNamed(name string) (Layout, bool) {
	if name == "" {
		return Detect, true
	}
	i := slices.Index(layoutNames[:], name)
	return Layout(max(i, 0)), i >= 0
}

// A form is what stands at a leaf.
type form uint8

const (
	text   form = iota
	truth       // true or false
	moment      // a time: text, milliseconds or a timestamp, as the column has it
	object      // JSON as text; further values stand below it
)

// A leaf is a value of a CloudTrail record and where it stands in a table. Where several columns
// are named, the first that holds a value counts; those that the table lacks are passed over.
// A key of a map stands in brackets.
type leaf struct {
	path    string // in the record, such as "userIdentity.arn"
	form    form
	columns []string
}

// layouts tell for each layout where the values of a record stand.
var layouts = map[Layout][]leaf{
	// AWS CloudTrail User Guide and Amazon Athena User Guide, "Create a table for CloudTrail logs".
	// Columns that are not in that DDL (managementevent, inscopeof) are used where a table has them.
	Trail: {
		{"eventVersion", text, []string{"eventversion"}},
		{"eventTime", moment, []string{"eventtime"}},
		{"eventSource", text, []string{"eventsource"}},
		{"eventName", text, []string{"eventname"}},
		{"eventID", text, []string{"eventid"}},
		{"eventType", text, []string{"eventtype"}},
		{"eventCategory", text, []string{"eventcategory"}},
		{"awsRegion", text, []string{"awsregion"}},
		{"sourceIPAddress", text, []string{"sourceipaddress"}},
		{"userAgent", text, []string{"useragent"}},
		{"errorCode", text, []string{"errorcode"}},
		{"errorMessage", text, []string{"errormessage"}},
		{"requestParameters", object, []string{"requestparameters"}},
		{"responseElements", object, []string{"responseelements"}},
		{"additionalEventData", object, []string{"additionaleventdata"}},
		{"serviceEventDetails", object, []string{"serviceeventdetails"}},
		{"requestID", text, []string{"requestid"}},
		{"readOnly", truth, []string{"readonly"}},
		{"managementEvent", truth, []string{"managementevent"}},
		{"apiVersion", text, []string{"apiversion"}},
		{"recipientAccountId", text, []string{"recipientaccountid"}},
		{"sharedEventID", text, []string{"sharedeventid"}},
		{"vpcEndpointId", text, []string{"vpcendpointid"}},
		{"vpcEndpointAccountId", text, []string{"vpcendpointaccountid"}},
		{"sessionCredentialFromConsole", text, []string{"sessioncredentialfromconsole"}},
		{"edgeDeviceDetails", object, []string{"edgedevicedetails"}},
		{"tlsDetails.tlsVersion", text, []string{"tlsdetails.tlsversion"}},
		{"tlsDetails.cipherSuite", text, []string{"tlsdetails.ciphersuite"}},
		{"tlsDetails.clientProvidedHostHeader", text, []string{"tlsdetails.clientprovidedhostheader"}},
		{"userIdentity.type", text, []string{"useridentity.type"}},
		{"userIdentity.principalId", text, []string{"useridentity.principalid"}},
		{"userIdentity.arn", text, []string{"useridentity.arn"}},
		{"userIdentity.accountId", text, []string{"useridentity.accountid"}},
		{"userIdentity.invokedBy", text, []string{"useridentity.invokedby"}},
		{"userIdentity.accessKeyId", text, []string{"useridentity.accesskeyid"}},
		{"userIdentity.userName", text, []string{"useridentity.username"}},
		{"userIdentity.inScopeOf", object, []string{"useridentity.inscopeof"}},
		{"userIdentity.onBehalfOf.userId", text, []string{"useridentity.onbehalfof.userid"}},
		{"userIdentity.onBehalfOf.identityStoreArn", text, []string{"useridentity.onbehalfof.identitystorearn"}},
		{"userIdentity.sessionContext.attributes.mfaAuthenticated", text, []string{"useridentity.sessioncontext.attributes.mfaauthenticated"}},
		{"userIdentity.sessionContext.attributes.creationDate", moment, []string{"useridentity.sessioncontext.attributes.creationdate"}},
		{"userIdentity.sessionContext.sessionIssuer.type", text, []string{"useridentity.sessioncontext.sessionissuer.type"}},
		{"userIdentity.sessionContext.sessionIssuer.principalId", text, []string{"useridentity.sessioncontext.sessionissuer.principalid"}},
		{"userIdentity.sessionContext.sessionIssuer.arn", text, []string{"useridentity.sessioncontext.sessionissuer.arn"}},
		{"userIdentity.sessionContext.sessionIssuer.accountId", text, []string{"useridentity.sessioncontext.sessionissuer.accountid"}},
		{"userIdentity.sessionContext.sessionIssuer.userName", text, []string{"useridentity.sessioncontext.sessionissuer.username"}},
		{"userIdentity.sessionContext.ec2RoleDelivery", text, []string{"useridentity.sessioncontext.ec2roledelivery"}},
		{"userIdentity.sessionContext.webIdFederationData.federatedProvider", text, []string{"useridentity.sessioncontext.webidfederationdata.federatedprovider"}},
	},
	OCSF1: append(ocsf("actor.user.uuid", "actor.user.uid"), leaf{"userIdentity.accountId", text, []string{"actor.user.account_uid"}}),
	OCSF2: append(ocsf("actor.user.uid", "actor.user.uid_alt"), leaf{"userIdentity.accountId", text, []string{"actor.user.account.uid", "actor.user.account_uid"}}),
}

// ocsf follows the mapping that AWS published for CloudTrail in the OCSF project's examples
// (github.com/ocsf/examples, mappings/markdown/AWS, CloudTrail: API Activity, Authentication and
// Account Change): what it does not name stands in the map "unmapped", under its path. The
// versions differ in where the principal's ARN and id stand.
func ocsf(arn, principal string) []leaf {
	return []leaf{
		{"eventVersion", text, []string{"metadata.product.version"}},
		{"eventTime", moment, []string{"time", "time_dt"}},
		{"eventSource", text, []string{"api.service.name"}},
		{"eventName", text, []string{"api.operation"}},
		{"eventID", text, []string{"metadata.uid"}},
		{"eventType", text, []string{"metadata.event_code", "unmapped[eventType]"}},
		{"eventCategory", text, []string{"metadata.product.feature.name", "unmapped[eventCategory]"}},
		{"awsRegion", text, []string{"cloud.region"}},
		{"sourceIPAddress", text, []string{"src_endpoint.ip", "src_endpoint.domain"}},
		{"userAgent", text, []string{"http_request.user_agent"}},
		{"errorCode", text, []string{"api.response.error"}},
		{"errorMessage", text, []string{"api.response.message"}},
		{"requestParameters", object, []string{"api.request.data"}},
		{"responseElements", object, []string{"api.response.data"}},
		{"requestID", text, []string{"api.request.uid"}},
		{"readOnly", truth, []string{"unmapped[readOnly]"}},
		{"managementEvent", truth, []string{"unmapped[managementEvent]"}},
		{"apiVersion", text, []string{"api.version"}},
		{"recipientAccountId", text, []string{"unmapped[recipientAccountId]", "cloud.account.uid", "cloud.account_uid", "accountid"}},
		{"vpcEndpointId", text, []string{"src_endpoint.uid", "unmapped[vpcEndpointId]"}},
		{"userIdentity.type", text, []string{"actor.user.type"}},
		{"userIdentity.principalId", text, []string{principal}},
		{"userIdentity.arn", text, []string{arn}},
		{"userIdentity.invokedBy", text, []string{"actor.invoked_by"}},
		{"userIdentity.accessKeyId", text, []string{"actor.user.credential_uid"}},
		{"userIdentity.userName", text, []string{"actor.user.name"}},
		{"userIdentity.sessionContext.attributes.mfaAuthenticated", text, []string{"actor.session.is_mfa", "actor.session.mfa"}},
		{"userIdentity.sessionContext.attributes.creationDate", moment, []string{"actor.session.created_time", "actor.session.created_time_dt"}},
		{"userIdentity.sessionContext.sessionIssuer.arn", text, []string{"actor.session.issuer"}},
	}
}

// needed are columns that a layout cannot do without: it is told by them.
var needed = map[Layout][]string{
	Trail: {"eventtime", "eventid", "eventname", "eventsource", "useridentity.arn"},
	OCSF1: {"time", "metadata.uid", "api.operation", "actor.user.uuid"},
	OCSF2: {"time", "metadata.uid", "api.operation", "actor.user.uid_alt"},
}
