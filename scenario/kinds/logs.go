package kinds

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A tale is the logs of a story while they are written.
type tale struct {
	*cast
	logs map[string]*log
}

func (t *tale) log(kind string) *log {
	if t.logs[kind] == nil {
		t.logs[kind] = &log{kind: kind}
	}
	return t.logs[kind]
}

// span is the time that the logs run over: a month before the story and a day after.
func (c *cast) span() (from, to time.Time) {
	return c.at.Add(-31 * 24 * time.Hour).Truncate(time.Hour), c.last.Add(25 * time.Hour)
}

// hours calls f once in every second hour of the span: enough that a log is known to run.
func (c *cast) hours(f func(at time.Time, n int)) {
	from, to := c.span()
	for h, n := from, 0; h.Before(to); h, n = h.Add(2*time.Hour), n+1 {
		f(h.Add(time.Duration(n*37%59)*time.Minute), n)
	}
}

// earlier are the last n working days before the story, at its hour.
func (c *cast) earlier(n int) []time.Time {
	var out []time.Time
	for d := c.at.Add(-24 * time.Hour); len(out) < n; d = d.Add(-24 * time.Hour) {
		if wd := d.Add(9 * time.Hour).Weekday(); wd != time.Saturday && wd != time.Sunday {
			out = append(out, d)
		}
	}
	return out
}

// record is a CloudTrail record (version 1.11).
func (c *cast) record(at time.Time, account string, identity object, ip, tool string, k call) object {
	region := c.region
	if s := strings.TrimSuffix(k.service, ".amazonaws.com"); s == "iam" || s == "organizations" {
		region = "us-east-1" // where global services are logged
	}
	body := object{
		"eventVersion": "1.11", "userIdentity": identity, "eventTime": iso(at), "eventSource": k.service, "eventName": k.api, "awsRegion": region,
		"sourceIPAddress": ip, "userAgent": tool, "requestParameters": nil, "responseElements": nil, "requestID": c.uuid(), "eventID": c.uuid(),
		"readOnly": k.read, "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": account, "eventCategory": "Management",
	}
	if k.params != nil {
		body["requestParameters"] = k.params
	}
	if k.errorCode != "" {
		body["errorCode"] = k.errorCode
	}
	return body
}

// data makes a data event of a record.
func dataEvent(body object, resources list) object {
	body["managementEvent"], body["eventCategory"], body["resources"] = false, "Data", resources
	return body
}

// identity is userIdentity of whoever the finding names.
func (c *cast) identity(key string, created time.Time) object {
	switch c.actorType() {
	case "Root":
		o := object{"type": "Root", "principalId": c.account, "arn": "arn:aws:iam::" + c.account + ":root", "accountId": c.account}
		if c.actorKey() != "" {
			o["accessKeyId"] = key
		}
		return o
	case "IAMUser":
		return object{"type": "IAMUser", "principalId": c.userID, "arn": fmt.Sprintf("arn:aws:iam::%s:user/%s", c.account, c.userName), "accountId": c.account, "accessKeyId": key, "userName": c.userName}
	}
	if c.is("CredentialExfiltration") {
		return c.roleSession(c.instanceRole, c.instanceRoleID, c.instance, key, created)
	}
	o := c.roleSession(c.role, c.roleID, c.upn, key, created)
	o["sessionContext"].(object)["sessionIssuer"].(object)["arn"] = c.ssoRole()
	o["onBehalfOf"] = c.onBehalfOf()
	return o
}

func (c *cast) ssoRole() string {
	return fmt.Sprintf("arn:aws:iam::%s:role/aws-reserved/sso.amazonaws.com/%s/%s", c.account, c.region, c.role)
}

func (c *cast) onBehalfOf() object {
	return object{"userId": c.storeUser, "identityStoreArn": fmt.Sprintf("arn:aws:identitystore::%s:identitystore/%s", c.management, c.store)}
}

// roleSession is a session of a role.
func (c *cast) roleSession(role, id, name, key string, created time.Time) object {
	return object{
		"type": "AssumedRole", "principalId": id + ":" + name, "arn": fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", c.account, role, name), "accountId": c.account, "accessKeyId": key,
		"sessionContext": object{
			"sessionIssuer": object{"type": "Role", "principalId": id, "arn": fmt.Sprintf("arn:aws:iam::%s:role/%s", c.account, role), "accountId": c.account, "userName": role},
			"attributes":    object{"creationDate": iso(created), "mfaAuthenticated": "false"},
		},
	}
}

// service is a role that a machine uses.
func (c *cast) service(role string) object {
	id := "AROAEXAMPLE" + strings.ToUpper(fmt.Sprintf("%.10s", strings.ReplaceAll(role, "-", "")+"XXXXXXXXXX"))
	return c.roleSession(role, id, role, "ASIASERVICE"+id[11:20], c.at.AddDate(0, 0, -40))
}

// begin is how a person's session comes to be: the sign-in, the access portal's calls in the
// management account, and the role assumption in the account, whose address is AWS's own.
func (t *tale) begin(created time.Time, key string) {
	c := t.cast
	t.signIn(created.Add(-3*time.Minute), c.home, 0)
	portal := object{"type": "IdentityCenterUser", "accountId": c.management, "onBehalfOf": c.onBehalfOf(), "credentialId": c.hex(40)}
	creds := c.record(created.Add(-time.Second), c.management, portal, c.home.ip, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", call{"sso.amazonaws.com", "GetRoleCredentials", nil, true, ""})
	creds["eventType"], creds["serviceEventDetails"] = "AwsServiceEvent", object{"account_id": c.account, "role_name": c.permissionSet}
	t.log("cloudtrail_management").add(created.Add(-time.Second), creds)
	provider := fmt.Sprintf("arn:aws:iam::%s:saml-provider/AWSSSO_%s_DO_NOT_DELETE", c.account, c.detector[:16])
	assume := c.record(created, c.account, object{"type": "SAMLUser", "principalId": "EX" + c.hex(10) + ":" + c.upn, "userName": c.upn, "identityProvider": provider}, "192.0.2.254", "aws-internal/3 aws-sdk-java/1.12.750",
		call{"sts.amazonaws.com", "AssumeRoleWithSAML", object{"roleArn": c.ssoRole(), "roleSessionName": c.upn, "principalArn": provider, "durationSeconds": 43200}, true, ""})
	assume["responseElements"] = object{
		"credentials":     object{"accessKeyId": key, "sessionToken": "IQoJb3JpZ2luX2Vj" + c.hex(64), "expiration": created.Add(12 * time.Hour).Format("Jan 2, 2006, 3:04:05 PM")},
		"assumedRoleUser": object{"assumedRoleId": c.roleID + ":" + c.upn, "arn": fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", c.account, c.role, c.upn)},
	}
	t.log("cloudtrail_management").add(created, assume)
}

// signIn is a sign-in of the person, in the form of Microsoft Graph.
func (t *tale) signIn(at time.Time, p place, code int) {
	t.log("signin").add(at, t.signInOf(at, t.upn, t.display, t.objectID, p, code))
}

func (c *cast) signInOf(at time.Time, upn, display, id string, p place, code int) object {
	reason := any(nil)
	if code != 0 {
		reason = "Error validating credentials due to invalid username or password."
	}
	number := 64500
	if p.asn != c.home.asn {
		number = 64511
	}
	return object{
		"id": c.uuid(), "createdDateTime": iso(at), "userDisplayName": display, "userPrincipalName": upn, "userId": id, "appId": "00000000-0000-4000-a000-0000000a1d0c",
		"appDisplayName": "AWS IAM Identity Center", "ipAddress": p.ip, "clientAppUsed": "Browser", "correlationId": c.uuid(), "conditionalAccessStatus": "success", "isInteractive": true,
		"riskLevelDuringSignIn": "none", "riskState": "none", "resourceDisplayName": "AWS IAM Identity Center", "authenticationRequirement": "multiFactorAuthentication", "autonomousSystemNumber": number,
		"status":       object{"errorCode": code, "failureReason": reason, "additionalDetails": nil},
		"deviceDetail": object{"deviceId": "", "displayName": "MAC-" + id[:8], "operatingSystem": "MacOs", "browser": "Edge 139.0.0", "isCompliant": true, "isManaged": true, "trustType": "Azure AD joined"},
		"location":     object{"city": p.city, "state": p.city, "countryOrRegion": p.code, "geoCoordinates": object{"latitude": p.lat, "longitude": p.lon}},
	}
}

// running fills the logs that run whatever happens: machines in CloudTrail, colleagues in the
// sign-in log.
func (t *tale) running() {
	c := t.cast
	machines := []call{
		{"ec2.amazonaws.com", "DescribeInstances", nil, true, ""},
		{"s3.amazonaws.com", "GetBucketAcl", object{"bucketName": c.bucket}, true, ""},
		{"logs.amazonaws.com", "DescribeLogGroups", nil, true, ""},
		{"rds.amazonaws.com", "DescribeDBInstances", nil, true, ""},
	}
	roles := []string{"inventory-scanner", "inventory-scanner", "metrics-exporter", "metrics-exporter"}
	c.hours(func(at time.Time, n int) {
		t.log("cloudtrail_management").add(at, c.record(at, c.account, c.service(roles[n%4]), "192.0.2.10", "Boto3/1.34.100 md/Botocore#1.34.100", machines[n%4]))
		p := c.home
		p.ip = fmt.Sprintf("203.0.113.%d", 120+n%60)
		t.log("signin").add(at, c.signInOf(at, fmt.Sprintf("member%02d@example.co.jp", n%23), fmt.Sprintf("社員 %02d", n%23), fmt.Sprintf("00000000-0000-4000-a000-0000000000%02d", n%23), p, 0))
	})
}

// session is the person's own session around the story and those of fourteen earlier days. The
// finding's call is usual for the person only where nobody attacked.
func (t *tale) session(k call) {
	c := t.cast
	usual := []call{{"sts.amazonaws.com", "GetCallerIdentity", nil, true, ""}, {"ec2.amazonaws.com", "DescribeInstances", nil, true, ""}, {"s3.amazonaws.com", "ListBuckets", nil, true, ""}}
	mgmt := t.log("cloudtrail_management")
	person := c.actorType() == "AssumedRole" && !c.is("CredentialExfiltration")
	for _, day := range c.earlier(14) {
		key, created := "ASIA"+c.upper(16), day.Add(-14*time.Minute)
		if c.actorType() == "IAMUser" {
			key = c.actorKey()
		}
		if c.actorType() == "Root" {
			break // root is not used day by day
		}
		if person {
			t.begin(created, key)
		}
		from := c.home.ip
		if c.is("CredentialExfiltration") {
			from = c.public
		}
		for i, u := range usual {
			mgmt.add(day.Add(time.Duration(2*i-6)*time.Minute), c.record(day.Add(time.Duration(2*i-6)*time.Minute), c.account, c.identity(key, created), from, agent, u))
		}
		if !c.hostile {
			t.add(day, k, key, created, c.home, agent)
		}
	}
	if person {
		t.begin(c.sessionAt, c.key)
	}
	for i, u := range usual[:2] {
		at := c.at.Add(time.Duration(2*i-8) * time.Minute)
		mgmt.add(at, c.record(at, c.account, c.identity(c.actorKey(), c.sessionAt), c.remote.ip, c.agent(), u))
	}
}

// add is one call of the actor, a management call or an object of a bucket.
func (t *tale) add(at time.Time, k call, key string, created time.Time, p place, tool string) {
	c := t.cast
	body := c.record(at, c.account, c.identity(key, created), p.ip, tool, k)
	switch {
	case slices.Contains(objectCalls, k.api) && k.service == "s3.amazonaws.com":
		name, _ := k.params["key"].(string)
		body["additionalEventData"] = object{"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader", "bytesTransferredIn": 0, "bytesTransferredOut": 52_000}
		body["userAgent"] = "[" + tool + "]"
		t.log("s3_data").add(at, dataEvent(body, list{object{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::" + c.bucket + "/" + name}, object{"accountId": c.account, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::" + c.bucket}}))
	case k.service == "bedrock.amazonaws.com" && k.api == "InvokeModel":
		body["additionalEventData"] = object{"inputTokens": 900, "outputTokens": 600}
		t.log("bedrock_data").add(at, dataEvent(body, list{object{"accountId": c.account, "type": "AWS::Bedrock::Model", "ARN": "arn:aws:bedrock:" + c.region + "::foundation-model/" + c.model}}))
	case k.api == "ConsoleLogin":
		body["eventType"] = "AwsConsoleSignIn"
		body["responseElements"] = object{"ConsoleLogin": "Success"}
		body["additionalEventData"] = object{"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": c.choose("No", "Yes")}
		t.log("cloudtrail_management").add(at, body)
	default:
		if k.api == "CreateAccessKey" {
			body["responseElements"] = object{"accessKey": object{"userName": k.params["userName"], "accessKeyId": "AKIA" + c.upper(16), "status": "Active", "createDate": at.UTC().Format("Jan 2, 2006, 3:04:05 PM")}}
		}
		if k.api == "GetFederationToken" {
			body["responseElements"] = object{"credentials": object{"accessKeyId": "ASIA" + c.upper(16), "sessionToken": "IQoJb3JpZ2luX2Vj" + c.hex(64), "expiration": at.Add(12 * time.Hour).UTC().Format("Jan 2, 2006, 3:04:05 PM")}}
		}
		t.log("cloudtrail_management").add(at, body)
	}
}

// objectCalls are calls on objects: data events.
var objectCalls = []string{"GetObject", "PutObject", "DeleteObject", "ListObjects", "PutObjectAcl", "HeadObject"}

// by is a call of the actor in the session of the story.
func (t *tale) by(at time.Time, k call) {
	t.add(at, k, t.actorKey(), t.sessionAt, t.remote, t.agent())
}

// The account's trails: the first is the organisation's and delivered the logs; the second is the
// account's own, which is the one that is stopped where a story stops one.
const (
	firstTrail  = "org-trail"
	secondTrail = "account-trail"
)

// trailSettings are the saved output of describe-trails, get-trail-status and get-event-selectors.
func (t *tale) trailSettings(files map[string][]byte) error {
	resources := list{}
	if t.logs[s3Data] != nil {
		resources = append(resources, object{"Type": "AWS::S3::Object", "Values": list{"arn:aws:s3"}})
	}
	if t.logs[lambdaData] != nil {
		resources = append(resources, object{"Type": "AWS::Lambda::Function", "Values": list{"arn:aws:lambda"}})
	}
	stopped := time.Time{}
	for _, l := range t.logs[management].lines {
		switch r := l.body.(object); {
		case r["recipientAccountId"] != t.account:
		case r["eventName"] == "StopLogging":
			stopped = l.at
		case r["eventName"] == "StartLogging":
			stopped = time.Time{}
		}
	}
	trails := list{}
	put := func(name string, v any) error {
		data, err := indent(v)
		files["logs/trail-settings/"+name] = data
		return err
	}
	for _, name := range []string{firstTrail, secondTrail} {
		arn := t.arn("cloudtrail", "trail/"+name)
		trails = append(trails, object{"Name": name, "S3BucketName": "example-" + name, "IsMultiRegionTrail": true, "HomeRegion": t.region, "TrailARN": arn, "IsOrganizationTrail": name == firstTrail, "IncludeGlobalServiceEvents": true})
		status, data := object{"IsLogging": true, "LatestDeliveryTime": iso(t.last.Add(26 * time.Hour))}, resources
		if name == secondTrail {
			data = list{}
			if !stopped.IsZero() {
				status = object{"IsLogging": false, "LatestDeliveryTime": iso(stopped), "StopLoggingTime": iso(stopped)}
			}
		}
		if err := put("get-trail-status-"+name+".json", status); err != nil {
			return err
		}
		selectors := object{"TrailARN": arn, "EventSelectors": list{object{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": data}}}
		if name == firstTrail && t.logs[bedrock] != nil { // only advanced selectors know other services' data events
			advanced := list{object{"Name": "management", "FieldSelectors": list{object{"Field": "eventCategory", "Equals": list{"Management"}}}}}
			advanced = append(advanced, object{"Name": "models", "FieldSelectors": list{object{"Field": "eventCategory", "Equals": list{"Data"}}, object{"Field": "resources.type", "Equals": list{"AWS::Bedrock::Model"}}}})
			selectors = object{"TrailARN": arn, "AdvancedEventSelectors": advanced}
		}
		if err := put("get-event-selectors-"+name+".json", selectors); err != nil {
			return err
		}
	}
	if err := t.farTrails(put); err != nil {
		return err
	}
	return put("describe-trails.json", object{"trailList": trails})
}

// A connection is a flow record on its way to a line.
type connection struct {
	from, to         string
	fromPort, toPort int
	protocol         int
	packets, bytes   int
	action           string // ACCEPT or REJECT
	flags            int
	egress           bool
	minutes          int
}

// traffic is one flow record of the instance's interface.
func (t *tale) traffic(at time.Time, n connection) {
	c := t.cast
	direction, path := "ingress", "-"
	if n.egress {
		direction, path = "egress", "8"
	}
	end := at.Add(time.Duration(max(n.minutes, 1)) * time.Minute)
	t.log("vpc_flow").add(at, strings.Join([]string{
		"5", c.account, c.eni, n.from, n.to, fmt.Sprint(n.fromPort), fmt.Sprint(n.toPort), fmt.Sprint(n.protocol), fmt.Sprint(n.packets), fmt.Sprint(n.bytes),
		fmt.Sprint(at.Unix()), fmt.Sprint(end.Unix()), n.action, "OK", c.vpc, c.subnet, c.instance, fmt.Sprint(n.flags), "IPv4", n.from, n.to, c.region, "apne1-az4", "-", "-", "-", "-", direction, path,
	}, " "))
}

// both is a connection and its answer.
func (t *tale) both(at time.Time, out connection, back int) {
	t.traffic(at, out)
	if out.action == "ACCEPT" && back > 0 {
		t.traffic(at, connection{from: out.to, to: out.from, fromPort: out.toPort, toPort: out.fromPort, protocol: out.protocol, packets: max(1, back/1000), bytes: back, action: "ACCEPT", flags: out.flags | 16, egress: !out.egress, minutes: out.minutes})
	}
}

// flowing fills the flow log with the instance's usual traffic.
func (t *tale) flowing() {
	t.hours(func(at time.Time, n int) {
		t.both(at, connection{from: fmt.Sprintf("192.0.2.%d", 200+n%40), to: t.private, fromPort: 50000 + n, toPort: 443, protocol: 6, packets: 12, bytes: 3400, action: "ACCEPT", flags: 3}, 18_000)
	})
}

// name is one query to the resolver.
func (t *tale) query(at time.Time, name, kind, rcode, answer string) {
	c := t.cast
	answers := list{}
	if answer != "" {
		answers = list{object{"Rdata": answer, "Type": kind, "Class": "IN"}}
	}
	t.log("dns").add(at, object{
		"version": "1.100000", "account_id": c.account, "region": c.region, "vpc_id": c.vpc, "query_timestamp": iso(at), "query_name": name + ".", "query_type": kind, "query_class": "IN",
		"rcode": rcode, "answers": answers, "srcaddr": c.private, "srcport": fmt.Sprint(30000 + len(t.log("dns").lines)%30000), "transport": "UDP", "srcids": object{"instance": c.instance},
	})
}

// resolving fills the query log with the instance's usual names.
func (t *tale) resolving() {
	names := []string{"sqs.ap-northeast-1.amazonaws.com", "orders-prod.example.co.jp", "repo.example.co.jp"}
	t.hours(func(at time.Time, n int) { t.query(at, names[n%3], "A", "NOERROR", "192.0.2.53") })
}

// accessed is one line of a bucket's server access log.
func (t *tale) accessed(at time.Time, ip, requester, operation, key string, status, bytes int, tool string) {
	c := t.cast
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	size, code := "-", "-"
	if bytes > 0 {
		size = fmt.Sprint(bytes)
	}
	if status >= 400 {
		code = "AccessDenied"
	}
	auth, sig := "AuthHeader", "SigV4"
	if requester == "" {
		auth, sig = "-", "-"
	}
	method := strings.Split(operation, ".")[1]
	t.log("s3_access").add(at, fmt.Sprintf(`%s %s [%s] %s %s %s %s %s "%s /%s HTTP/1.1" %d %s %s %s 21 19 "-" "%s" - %s= %s TLS_AES_128_GCM_SHA256 %s %s.s3.%s.amazonaws.com TLSv1.3 - -`,
		c.ownerID(), c.bucket, at.UTC().Format("02/Jan/2006:15:04:05 +0000"), ip, dash(requester), c.upper(16), operation, dash(key), method, key, status, code, size, size, tool, c.hex(60), sig, auth, c.bucket, c.region))
}

// audited is one event of the Kubernetes audit log.
func (t *tale) audited(at time.Time, r request, ip, agent, reason string, sent object) {
	c := t.cast
	user := object{"username": r.user, "groups": texts(r.groups)}
	if strings.Contains(r.user, "@") {
		user["uid"] = "aws-iam-authenticator:" + c.account + ":" + c.roleID
		user["extra"] = object{"arn": list{fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", c.account, c.role, c.upn)}, "canonicalArn": list{fmt.Sprintf("arn:aws:iam::%s:role/%s", c.account, c.role)}, "sessionName": list{c.upn}, "accessKeyId": list{c.key}}
	}
	ref := object{"resource": r.resource, "apiVersion": "v1"}
	for k, v := range map[string]string{"namespace": r.namespace, "name": r.name, "subresource": r.subresource} {
		if v != "" {
			ref[k] = v
		}
	}
	decision := "allow"
	if r.status == 403 {
		decision = "forbid"
	}
	body := object{
		"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": c.uuid(), "stage": "ResponseComplete", "requestURI": r.uri(), "verb": r.verb, "user": user,
		"sourceIPs": list{ip}, "userAgent": agent, "objectRef": ref, "responseStatus": object{"metadata": object{}, "code": r.status},
		"requestReceivedTimestamp": at.UTC().Format("2006-01-02T15:04:05.000000Z"), "stageTimestamp": at.Add(20 * time.Millisecond).UTC().Format("2006-01-02T15:04:05.000000Z"),
		"annotations": object{"authorization.k8s.io/decision": decision, "authorization.k8s.io/reason": reason},
	}
	if sent != nil {
		body["requestObject"] = sent
	}
	t.log("eks_audit").add(at, body)
}

// governed fills the audit log with what the cluster's own controllers do.
func (t *tale) governed() {
	t.hours(func(at time.Time, n int) {
		t.audited(at, request{"list", "pods", "", "kube-system", "", 200, "system:serviceaccount:kube-system:replicaset-controller", []string{"system:serviceaccounts", "system:authenticated"}}, "10.0.9.9", "kube-controller-manager/v1.30.2",
			`RBAC: allowed by ClusterRoleBinding "system:controller:replicaset-controller" of ClusterRole "system:controller:replicaset-controller"`, nil)
	})
}

// queried is one line of Aurora MySQL's advanced auditing: timestamp in microseconds, serverhost,
// username, host, connectionid, queryid, operation, database, object, retcode.
func (t *tale) queried(at time.Time, user, host string, connection int, operation, object string, code int) {
	db := t.dbName
	if operation == "FAILED_CONNECT" || operation == "CONNECT" || operation == "DISCONNECT" {
		db = ""
	}
	t.log("rds_audit").add(at, fmt.Sprintf("%d,%s,%s,%s,%d,%d,%s,%s,%s,%d", at.UnixMicro(), t.dbHost, user, host, connection, connection*10, operation, db, object, code))
}

// serving fills the audit log with the application's own connections.
func (t *tale) serving() {
	t.hours(func(at time.Time, n int) { t.queried(at, "app_rw", "10.0.1.15", 1000+n, "CONNECT", "", 0) })
}
