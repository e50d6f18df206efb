package kinds

import (
	"fmt"
	"time"
)

// farTrail is a trail of the other account's own.
const farTrail = "production-trail"

// farAccount is an account of the same organisation that roles of the story are assumed in.
const farAccount = "999988887777"

// inAccount is userIdentity of a role session that a call made, in an account.
func (c *cast) inAccount(account, role, name, key string, created time.Time) object {
	id := "AROA" + fmt.Sprintf("%.17s", c.detector+"00000000000000000")
	return object{
		"type": "AssumedRole", "principalId": id + ":" + name, "arn": fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role, name), "accountId": account, "accessKeyId": key,
		"sessionContext": object{
			"sessionIssuer": object{"type": "Role", "principalId": id, "arn": fmt.Sprintf("arn:aws:iam::%s:role/%s", account, role), "accountId": account, "userName": role},
			"attributes":    object{"creationDate": iso(created), "mfaAuthenticated": "false"},
		},
	}
}

// assumes is a role assumed by whoever identity names: the record stands in the caller's account,
// and in the role's if that is another.
func (t *tale) assumes(at time.Time, identity object, from place, tool, account, role, name, key string) {
	c := t.cast
	caller, _ := identity["accountId"].(string)
	shared := c.uuid()
	record := func(in string, who object) {
		body := c.record(at, in, who, from.ip, tool, call{"sts.amazonaws.com", "AssumeRole", object{"roleArn": fmt.Sprintf("arn:aws:iam::%s:role/%s", account, role), "roleSessionName": name}, true, ""})
		body["responseElements"] = object{
			"credentials":     object{"accessKeyId": key, "sessionToken": "IQoJb3JpZ2luX2Vj" + c.hex(64), "expiration": at.Add(time.Hour).UTC().Format("Jan 2, 2006, 3:04:05 PM")},
			"assumedRoleUser": object{"assumedRoleId": "AROAEXAMPLE:" + name, "arn": fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role, name)},
		}
		if caller != account {
			body["sharedEventID"] = shared
		}
		t.log(management).add(at, body)
	}
	record(caller, identity)
	if caller != account { // the role's account is told who called by account and principal alone
		record(account, object{"type": "AWSAccount", "principalId": identity["principalId"], "accountId": caller})
	}
}

// chained is a session that assumes a role of its own account, as every working day; an
// attacker's goes on from there into another account, widens permissions and stops its trail.
func (t *tale) chained() {
	c := t.cast
	t.running()
	t.hours(func(at time.Time, n int) { // the other account's log runs as well
		who := c.inAccount(farAccount, "inventory-scanner", "inventory-scanner", "ASIASERVICEFAR000001", c.at.AddDate(0, 0, -40))
		t.log(management).add(at.Add(time.Minute), c.record(at.Add(time.Minute), farAccount, who, "192.0.2.11", "Boto3/1.34.100", call{"ec2.amazonaws.com", "DescribeInstances", nil, true, ""}))
	})
	k := c.call()
	t.session(k)
	deploys := func(at time.Time, identity object, from place, tool string) (object, string) {
		key := "ASIA" + c.upper(16)
		t.assumes(at, identity, from, tool, c.account, "deploy", "deploy", key)
		who := c.inAccount(c.account, "deploy", "deploy", key, at)
		t.log(management).add(at.Add(time.Minute), c.record(at.Add(time.Minute), c.account, who, from.ip, tool, call{"cloudformation.amazonaws.com", "DescribeStacks", nil, true, ""}))
		return who, key
	}
	for _, day := range c.earlier(14) {
		deploys(day.Add(2*time.Minute), c.identity("ASIA"+c.upper(16), day.Add(-14*time.Minute)), c.home, agent)
	}
	t.by(c.at, k)
	who, _ := deploys(c.after(2), c.identity(c.actorKey(), c.sessionAt), c.remote, c.agent())
	if !c.hostile {
		return
	}
	key := "ASIA" + c.upper(16)
	t.assumes(c.after(5), who, c.remote, c.agent(), farAccount, "production-admin", "deploy", key)
	far := c.inAccount(farAccount, "production-admin", "deploy", key, c.after(5))
	for i, next := range []call{
		{"iam.amazonaws.com", "ListRoles", nil, true, ""},
		{"iam.amazonaws.com", "AttachRolePolicy", object{"roleName": "support", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, false, ""},
		{"cloudtrail.amazonaws.com", "StopLogging", object{"name": fmt.Sprintf("arn:aws:cloudtrail:%s:%s:trail/%s", c.region, farAccount, farTrail)}, false, ""},
	} {
		at := c.after(6 + 2*i)
		t.log(management).add(at, c.record(at, farAccount, far, c.remote.ip, c.agent(), next))
	}
}

// probed calls are what somebody tries who wants to know what a key may do.
var probedCalls = []call{
	{"iam.amazonaws.com", "GetAccountAuthorizationDetails", nil, true, "AccessDenied"},
	{"iam.amazonaws.com", "ListUsers", nil, true, "AccessDenied"},
	{"iam.amazonaws.com", "ListRoles", nil, true, ""},
	{"iam.amazonaws.com", "GetAccountSummary", nil, true, "AccessDenied"},
	{"s3.amazonaws.com", "ListBuckets", nil, true, ""},
	{"ec2.amazonaws.com", "DescribeInstances", nil, true, ""},
	{"ec2.amazonaws.com", "DescribeSnapshots", nil, true, "Client.UnauthorizedOperation"},
	{"ec2.amazonaws.com", "DescribeSecurityGroups", nil, true, ""},
	{"rds.amazonaws.com", "DescribeDBInstances", nil, true, "AccessDenied"},
	{"lambda.amazonaws.com", "ListFunctions20150331", nil, true, "AccessDeniedException"},
	{"secretsmanager.amazonaws.com", "ListSecrets", nil, true, "AccessDeniedException"},
	{"kms.amazonaws.com", "ListKeys", nil, true, "AccessDeniedException"},
	{"organizations.amazonaws.com", "DescribeOrganization", nil, true, "AccessDeniedException"},
	{"dynamodb.amazonaws.com", "ListTables", nil, true, "AccessDeniedException"},
	{"sns.amazonaws.com", "ListTopics", nil, true, "AuthorizationErrorException"},
	{"cloudtrail.amazonaws.com", "DescribeTrails", nil, true, "AccessDeniedException"},
}

// probing is a key that tries one API after the other: as every working day, or once, and then more.
func (t *tale) probing() {
	c := t.cast
	t.running()
	k := c.call()
	t.session(k)
	quarter := func(at time.Time) time.Time { return at.Truncate(15 * time.Minute).Add(15 * time.Minute) }
	if !c.hostile {
		for _, day := range c.earlier(14) {
			for i, p := range probedCalls {
				t.add(quarter(day).Add(time.Duration(8*i)*time.Second), p, c.actorKey(), c.sessionAt, c.home, c.agent())
			}
		}
	}
	t.by(c.at, k)
	for i, p := range probedCalls {
		t.by(quarter(c.at).Add(time.Duration(8*i)*time.Second), p)
	}
	if c.hostile {
		t.by(c.after(40), newKey())
		t.by(c.after(45), c.stopTrail())
	}
}

// restarted is a trail stopped and started again within the hour.
func (t *tale) restarted() {
	t.once()
	t.by(t.after(35), call{"cloudtrail.amazonaws.com", "StartLogging", object{"name": t.arn("cloudtrail", "trail/"+secondTrail)}, false, ""})
}

// farTrails are the saved settings of the other account, where the story has one: the organisation's
// trail records it, and a trail of its own is stopped where a story stops it.
func (t *tale) farTrails(put func(name string, v any) error) error {
	there, stopped := false, false
	for _, l := range t.logs[management].lines {
		r := l.body.(object)
		there = there || r["recipientAccountId"] == farAccount
		stopped = stopped || r["recipientAccountId"] == farAccount && r["eventName"] == "StopLogging"
	}
	if !there {
		return nil
	}
	trails := list{}
	for _, name := range []string{firstTrail, farTrail} {
		arn := fmt.Sprintf("arn:aws:cloudtrail:%s:%s:trail/%s", t.region, farAccount, name)
		trails = append(trails, object{"Name": name, "S3BucketName": "example-" + name, "IsMultiRegionTrail": true, "HomeRegion": t.region, "TrailARN": arn, "IsOrganizationTrail": name == firstTrail, "IncludeGlobalServiceEvents": true})
		selectors := object{"TrailARN": arn, "EventSelectors": list{object{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": list{}}}}
		if err := put("get-event-selectors-"+farAccount+"-"+name+".json", selectors); err != nil {
			return err
		}
	}
	if err := put("get-trail-status-"+farTrail+".json", object{"IsLogging": !stopped}); err != nil {
		return err
	}
	return put("describe-trails-"+farAccount+".json", object{"trailList": trails})
}
