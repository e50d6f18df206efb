package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// object is a JSON object.
type object = map[string]any

// An event is one CloudTrail record on its way to a file.
type event struct {
	at   time.Time
	body object
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// record makes a CloudTrail record (version 1.11).
func (w *world) record(at time.Time, account, source, name string, identity object, readOnly bool, more object) event {
	body := object{
		"eventVersion": "1.11", "userIdentity": identity, "eventTime": iso(at), "eventSource": source, "eventName": name,
		"awsRegion": w.region, "sourceIPAddress": w.home, "userAgent": agent, "requestParameters": nil, "responseElements": nil,
		"requestID": w.uuid(), "eventID": w.uuid(), "readOnly": readOnly, "eventType": "AwsApiCall", "managementEvent": true,
		"recipientAccountId": account, "eventCategory": "Management",
	}
	for k, v := range more {
		body[k] = v
	}
	return event{at, body}
}

// session is the identity of a role session of the person.
func (w *world) session(key string, created time.Time) object {
	return object{
		"type": "AssumedRole", "principalId": w.roleID + ":" + w.upn,
		"arn":       fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", w.account, w.role, w.upn),
		"accountId": w.account, "accessKeyId": key,
		"sessionContext": object{
			"sessionIssuer": object{
				"type": "Role", "principalId": w.roleID, "accountId": w.account, "userName": w.role,
				"arn": fmt.Sprintf("arn:aws:iam::%s:role/aws-reserved/sso.amazonaws.com/%s/%s", w.account, w.region, w.role),
			},
			"attributes": object{"creationDate": iso(created), "mfaAuthenticated": "false"},
		},
		"onBehalfOf": object{"userId": w.storeUser, "identityStoreArn": w.storeARN()},
	}
}

func (w *world) storeARN() string {
	return fmt.Sprintf("arn:aws:identitystore::%s:identitystore/%s", w.management, w.store)
}

// service is the identity of a role that a machine uses.
func (w *world) service(name string) object {
	id := fmt.Sprintf("AROAEXAMPLE%-10.10s", strings.ToUpper(strings.ReplaceAll(name, "-", ""))+"XXXXXXXXXX")
	return object{
		"type": "AssumedRole", "principalId": id + ":" + name,
		"arn":       fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", w.account, name, name),
		"accountId": w.account, "accessKeyId": "ASIASERVICE" + strings.ToUpper(fmt.Sprintf("%-9.9s", strings.ReplaceAll(name, "-", "")+"XXXXXXXXX")),
		"sessionContext": object{
			"sessionIssuer": object{"type": "Role", "principalId": id, "accountId": w.account, "userName": name, "arn": fmt.Sprintf("arn:aws:iam::%s:role/%s", w.account, name)},
			"attributes":    object{"creationDate": iso(w.at.Add(-40 * 24 * time.Hour)), "mfaAuthenticated": "false"},
		},
	}
}

// begin is how a session comes to be: the access portal's events in the management account, and
// the role assumption in the member account, whose address and key are AWS's own.
func (w *world) begin(created time.Time, ip string) []event {
	portal := object{
		"type": "IdentityCenterUser", "accountId": w.management,
		"onBehalfOf":   object{"userId": w.storeUser, "identityStoreArn": w.storeARN()},
		"credentialId": w.hex(40),
	}
	// Both calls are the browser's; only the second is about one account and role.
	browser := func() object {
		return object{"sourceIPAddress": ip, "eventType": "AwsServiceEvent", "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}
	}
	list := w.record(created.Add(-20*time.Second), w.management, "sso.amazonaws.com", "ListAccounts", portal, true, browser())
	role := browser()
	role["serviceEventDetails"] = object{"account_id": w.account, "role_name": w.permissionSet}
	creds := w.record(created.Add(-time.Second), w.management, "sso.amazonaws.com", "GetRoleCredentials", portal, true, role)
	assume := w.record(created, w.account, "sts.amazonaws.com", "AssumeRoleWithSAML",
		object{"type": "SAMLUser", "principalId": w.hex(12) + ":" + w.upn, "userName": w.upn, "identityProvider": w.provider}, true,
		object{
			"sourceIPAddress": "192.0.2.254", "userAgent": "aws-internal/3 aws-sdk-java/1.12.750",
			"requestParameters": object{
				"roleArn":         fmt.Sprintf("arn:aws:iam::%s:role/aws-reserved/sso.amazonaws.com/%s/%s", w.account, w.region, w.role),
				"roleSessionName": w.upn, "principalArn": w.provider, "durationSeconds": 43200,
			},
			"responseElements": object{
				"credentials":     object{"accessKeyId": "ASIA" + w.upper(16), "sessionToken": "IQoJb3JpZ2luX2Vj" + w.hex(64), "expiration": created.Add(12 * time.Hour).Format("Jan 2, 2006, 3:04:05 PM")},
				"assumedRoleUser": object{"assumedRoleId": w.roleID + ":" + w.upn, "arn": fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", w.account, w.role, w.upn)},
			},
		})
	return []event{list, creds, assume}
}

// call is a management call of a session.
func (w *world) call(at time.Time, source, name, key string, created time.Time, ip, tool string, params object) event {
	return w.record(at, w.account, source, name, w.session(key, created), !strings.HasPrefix(name, "Stop") && !strings.HasPrefix(name, "Create"),
		object{"sourceIPAddress": ip, "userAgent": tool, "requestParameters": params})
}

// read is a data event: one object read.
func (w *world) read(at time.Time, identity object, ip, tool, key string, size int) event {
	return w.record(at, w.account, "s3.amazonaws.com", "GetObject", identity, true, object{
		"sourceIPAddress": ip, "userAgent": "[" + tool + "]", "managementEvent": false, "eventCategory": "Data",
		"requestParameters":   object{"bucketName": w.bucket, "key": key, "Host": w.bucket + ".s3.ap-northeast-1.amazonaws.com"},
		"additionalEventData": object{"SignatureVersion": "SigV4", "bytesTransferredIn": 0, "bytesTransferredOut": size, "AuthenticationMethod": "AuthHeader"},
		"resources":           []any{object{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::" + w.bucket + "/" + key}, object{"accountId": w.account, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::" + w.bucket}},
	})
}

// earlierDays are the 14 days on which the person used the tool before: working days, newest first.
func (w *world) earlierDays() []time.Time {
	var days []time.Time
	for d := w.at.Add(-24 * time.Hour); len(days) < 14; d = d.Add(-24 * time.Hour) {
		local := d.Add(9 * time.Hour)
		if wd := local.Weekday(); wd == time.Saturday || wd == time.Sunday {
			continue
		}
		days = append(days, time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC).Add(-9*time.Hour))
	}
	return days
}

// objects read in variant (b): three, 12,000 bytes together.
var smallRead = []struct {
	key  string
	size int
}{{"datasets/2025/labels.csv", 4096}, {"datasets/2025/splits.json", 5904}, {"datasets/2025/README.md", 2000}}

// massRead is how many objects are read in variant (c), over how long.
const (
	massRead  = 1912
	massSpan  = 25 * time.Minute
	stopAfter = 6 * time.Minute
)

// stopped is when the trail is stopped in variant (c).
func (w *world) stopped() time.Time { return w.at.Add(massSpan + stopAfter) }

// Trails of the account in variant (c): the first records data events and is stopped.
const (
	dataTrail  = "org-data-trail"
	auditTrail = "audit-trail"
)

// events are all that CloudTrail saw, management and data, in order of time.
func (w *world) events() (management, data []event) {
	// The person's earlier days.
	for i, day := range w.earlierDays() {
		created := day.Add(16*time.Hour + time.Duration(2+w.rng.IntN(20))*time.Minute)
		key := "ASIA" + w.upper(16)
		management = append(management, w.begin(created, w.home)...)
		for j, c := range []struct{ source, name string }{
			{"sts.amazonaws.com", "GetCallerIdentity"},
			{"s3.amazonaws.com", "ListBuckets"},
			{"s3.amazonaws.com", "GetBucketLocation"},
			{"s3.amazonaws.com", "GetBucketVersioning"},
		} {
			var params object
			if j > 1 {
				params = object{"bucketName": w.bucket}
			}
			management = append(management, w.call(created.Add(time.Duration(1+2*j)*time.Minute), c.source, c.name, key, created, w.home, agent, params))
		}
		for j := range 2 {
			data = append(data, w.read(created.Add(time.Duration(10+j)*time.Minute), w.session(key, created), w.home, agent, fmt.Sprintf("datasets/2025/part-%02d-%d.parquet", i, j), 20480+j))
		}
	}
	// The session of the event.
	management = append(management, w.begin(w.created, w.six)...)
	own := func(offset time.Duration, source, name string, params object) {
		management = append(management, w.call(w.at.Add(offset), source, name, w.key, w.created, w.remote, w.tool+w.attack(len(management)), params))
	}
	own(-10*time.Minute, "sts.amazonaws.com", "GetCallerIdentity", nil)
	own(-9*time.Minute, "s3.amazonaws.com", "ListBuckets", nil)
	own(-4*time.Minute, "s3.amazonaws.com", "GetBucketLocation", object{"bucketName": w.bucket})
	if w.variant == "c" {
		w.intrusion(&management, &data)
	} else {
		own(3*time.Minute, "s3.amazonaws.com", "GetBucketVersioning", object{"bucketName": w.bucket})
		own(6*time.Minute, "s3.amazonaws.com", "ListBuckets", nil)
		for i, o := range smallRead {
			data = append(data, w.read(w.at.Add(time.Duration(i)*time.Second), w.session(w.key, w.created), w.remote, w.tool, o.key, o.size))
		}
		// A plain lookup that fails; in variant (d) its message is the attacker's.
		none := w.call(w.at.Add(8*time.Minute), "s3.amazonaws.com", "GetBucketPolicy", w.key, w.created, w.remote, w.tool, object{"bucketName": w.bucket})
		none.body["errorCode"], none.body["errorMessage"] = "NoSuchBucketPolicy", "The bucket policy does not exist"+w.attack(4)+w.attack(7)+w.attack(10)
		management = append(management, none)
	}
	w.machines(&management, &data)
	byTime := func(a, b event) int { return a.at.Compare(b.at) }
	slices.SortStableFunc(management, byTime)
	slices.SortStableFunc(data, byTime)
	return management, data
}

// intrusion is variant (c): the mass read, the stopped trail, the new key.
func (w *world) intrusion(management, data *[]event) {
	who := w.session(w.key, w.created)
	for i := range massRead {
		at := w.at.Add(massSpan * time.Duration(i) / (massRead - 1)).Truncate(time.Second)
		*data = append(*data, w.read(at, who, w.remote, w.tool, fmt.Sprintf("customers/%04d.json", i), 51200+i))
	}
	arn := fmt.Sprintf("arn:aws:cloudtrail:%s:%s:trail/%s", w.region, w.account, dataTrail)
	*management = append(*management,
		w.call(w.stopped(), "cloudtrail.amazonaws.com", "StopLogging", w.key, w.created, w.remote, w.tool, object{"name": arn}),
		func() event {
			e := w.call(w.stopped().Add(2*time.Minute), "iam.amazonaws.com", "CreateAccessKey", w.key, w.created, w.remote, w.tool, object{"userName": "backup-operator"})
			e.body["awsRegion"] = "us-east-1"
			e.body["responseElements"] = object{"accessKey": object{"userName": "backup-operator", "accessKeyId": "AKIA" + w.upper(16), "status": "Active", "createDate": "Sep 9, 2025, 4:53:05 AM"}}
			return e
		}())
}

// machines are other principals: they make the background in which the log is known to run.
func (w *world) machines(management, data *[]event) {
	from, to := w.at.Add(-31*24*time.Hour).Truncate(time.Hour), w.at.Add(25*time.Hour)
	calls := []struct{ source, name, role string }{
		{"ec2.amazonaws.com", "DescribeInstances", "inventory-scanner"},
		{"s3.amazonaws.com", "GetBucketAcl", "inventory-scanner"},
		{"logs.amazonaws.com", "DescribeLogGroups", "metrics-exporter"},
		{"ecr.amazonaws.com", "GetAuthorizationToken", "build-runner"},
	}
	for h, n := from, 0; h.Before(to); h, n = h.Add(time.Hour), n+1 {
		c := calls[n%len(calls)]
		var params object
		if c.name == "GetBucketAcl" {
			params = object{"bucketName": w.bucket}
		}
		*management = append(*management, w.record(h.Add(time.Duration(w.noise.IntN(3500))*time.Second), w.account, c.source, c.name, w.service(c.role), true,
			object{"sourceIPAddress": "192.0.2.10", "userAgent": "Boto3/1.34.100 md/Botocore#1.34.100", "requestParameters": params}))
		if n%6 == 0 && (w.variant != "c" || h.Before(w.stopped().Add(-time.Hour))) {
			*data = append(*data, w.read(h.Add(time.Duration(w.noise.IntN(3500))*time.Second), w.service("etl-nightly"), "192.0.2.20", "Boto3/1.34.100", fmt.Sprintf("datasets/daily/%05d.parquet", n), 1<<20))
		}
	}
}
