package fact_test

import (
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/query"
)

const readObjects = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"Exfiltration:S3/AnomalousBehavior","severity":8,
"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"S3Bucket","accessKeyDetails":{"accessKeyId":"ASIAEXAMPLE00000001","principalId":"AROAEXAMPLE:aoi@example.co.jp","userType":"AssumedRole","userName":"Reader"},
"s3BucketDetails":[{"name":"example-data","arn":"arn:aws:s3:::example-data","type":"Destination","owner":{"id":"canonical"},"publicAccess":{"effectivePermission":"PUBLIC"}}]},
"service":{"resourceRole":"TARGET","count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:30:00Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"GetObject","serviceName":"s3.amazonaws.com","remoteIpDetails":{"ipAddressV4":"203.0.113.7"}}}}}`

const requester = "arn:aws:sts::111122223333:assumed-role/Reader/aoi@example.co.jp"

// asked is an answer from a log that was collected from some time on, of a kind of record.
func asked(id, kind string, dataset query.Dataset, from time.Duration, answers []string, columns []string, rows ...evidence.Row) evidence.Item {
	it := answered(id, id, "", "", true, columns, rows...)
	w := query.Window{From: seen.Add(-90 * 24 * time.Hour), To: seen.Add(24 * time.Hour)}
	it.Answers, it.Scope, it.Ask = answers, query.Scope{Kind: kind, Window: w}, query.Query{Dataset: dataset, Window: w}
	it.Coverage = []evidence.Coverage{{Kind: kind, Window: query.Window{From: seen.Add(from), To: w.To}, State: evidence.Collected}}
	if from > -90*24*time.Hour {
		it.Coverage = append(it.Coverage, evidence.Coverage{Kind: kind, Window: query.Window{From: w.From, To: seen.Add(from)}, State: evidence.Unknown})
	}
	return it
}

const whole = -90 * 24 * time.Hour

func text(s string) query.Value {
	if s == "" {
		return query.Value{}
	}
	return query.TextOf(s)
}

// shown is a fact's value in a word: "-" does not arise, "?" unknown, "+" behind a lower bound.
func shown(f fact.Fact) string {
	switch f.State {
	case fact.NotApplicable:
		return "-"
	case fact.Unknown:
		return "?"
	}
	var s string
	switch v := f.Value; v.Type {
	case fact.Time:
		s = v.At.Format(time.RFC3339)
	case fact.Texts:
		for i, e := range v.List {
			if i > 0 {
				s += " "
			}
			s += e
		}
	case fact.Text, fact.Name:
		s = v.Str
	default:
		s = query.IntOf(v.Num).String()
	}
	if f.State == fact.AtLeast {
		s += "+"
	}
	return s
}

func holdAll(t *testing.T, facts fact.Facts, want map[fact.Key]string) {
	t.Helper()
	for key, w := range want {
		f := facts.Get(key, "")
		if got := shown(f); got != w {
			t.Errorf("%s = %s, want %s (gap %v)", key, got, w, f.Gap)
		}
	}
}

func parsed(t *testing.T, doc string) finding.Finding {
	t.Helper()
	return machineFinding(t, doc)
}

var objectColumns = []string{"operation", "n", "keys", "key_list", "bytes", "first", "last"}

func operation(name string, n, keys, bytes int64) evidence.Row {
	return evidence.Row{text(name), query.IntOf(n), query.IntOf(keys), query.SetOf([]query.Value{text("a.csv")}, false), query.IntOf(bytes), query.TimeOf(seen), query.TimeOf(seen.Add(time.Minute))}
}

var impactFacts = []string{"impact.objects_read", "impact.object_keys", "impact.bytes_out", "impact.read_minutes", "impact.objects_deleted"}

// An access log shows at least so much, and never that something did not happen.
func TestAnAccessLogGivesLowerBounds(t *testing.T) {
	f := parsed(t, readObjects)
	event := asked("E3", "s3_access", query.S3Access, whole, []string{"event.recorded"}, []string{"event_time", "operation", "source_ip", "user_agent"},
		evidence.Row{query.TimeOf(seen), text("REST.GET.OBJECT"), query.IPOf("203.0.113.7"), text("aws-cli/2.17.9")})
	objects := asked("E4", "s3_access", query.S3Access, whole, impactFacts, objectColumns, operation("REST.GET.OBJECT", 5, 3, 900), operation("REST.GET.BUCKET", 7, 0, 100))
	origin := asked("E5", "s3_access", query.S3Access, whole, []string{"accesslog.records", "accesslog.refused", "accesslog.addresses", "accesslog.agents"},
		[]string{"source_ip", "user_agent", "error_code", "n"},
		evidence.Row{query.IPOf("203.0.113.7"), text("aws-cli/2.17.9"), query.Value{}, query.IntOf(12)},
		evidence.Row{query.IPOf("198.51.100.9"), text("curl/8"), text("AccessDenied"), query.IntOf(2)})
	holdAll(t, derived(t, f, fact.Settings{}, event, objects, origin), map[fact.Key]string{
		"accesslog.requester": requester, "accesslog.operations": "REST.GET.OBJECT WEBSITE.GET.OBJECT", "event.recorded": "1",
		"impact.objects_read": "3+", "impact.bytes_out": "900+", "impact.objects_deleted": "?",
		"accesslog.records": "14", "accesslog.refused": "2+", "accesslog.addresses": "198.51.100.9 203.0.113.7+", "accesslog.same_address": "1",
		"chain.call": "unconfirmed", // no call of the credential is known from that address
	})
	// Nobody in it: that is no proof.
	none := asked("E3", "s3_access", query.S3Access, whole, []string{"event.recorded"}, []string{"event_time", "operation"})
	facts := derived(t, f, fact.Settings{}, none)
	holdAll(t, facts, map[fact.Key]string{"event.recorded": "?"})
	if g := facts.Get("event.recorded", "").Gap; g.Key != "access_delivery" {
		t.Errorf("the gap is %v", g)
	}
	// The call is the session's where the credential's own calls came from the same address.
	calls := answered("E6", "credential", "credential", "activity.*", true, []string{"event_time", "api", "source_ip"}, evidence.Row{query.TimeOf(seen.Add(-time.Minute)), text("ListBuckets"), query.IPOf("203.0.113.7")})
	holdAll(t, derived(t, f, fact.Settings{}, event, calls), map[fact.Key]string{"chain.call": "confirmed"})
	// Data events say it better, and then nothing is missed.
	data := asked("E4", "s3_data", query.CloudTrail, whole, impactFacts, []string{"api", "n", "keys", "key_list", "bytes", "first", "last"}, operation("GetObject", 5, 4, 900))
	noLog := asked("E5", "s3_access", query.S3Access, 25*time.Hour, []string{"accesslog.records", "accesslog.refused"}, []string{"source_ip", "n"})
	holdAll(t, derived(t, f, fact.Settings{}, data, noLog), map[fact.Key]string{"impact.objects_read": "4", "impact.objects_deleted": "0", "accesslog.records": "-", "accesslog.refused": "-"})
}

func TestTheRequesterIsNamedAsTheLogNamesIt(t *testing.T) {
	for name, c := range map[string]struct{ key, want string }{
		"an IAM user":          {`{"userType":"IAMUser","userName":"batch","principalId":"AIDAEXAMPLE"}`, "arn:aws:iam::111122223333:user/batch"},
		"the root user":        {`{"userType":"Root","userName":"Root","principalId":"111122223333"}`, "canonical"},
		"nobody in particular": {`{"userType":"AWSAccount","userName":"ANONYMOUS_PRINCIPAL","principalId":""}`, "-"},
		"a role without name":  {`{"userType":"AssumedRole","userName":"Reader","principalId":"AROAEXAMPLE"}`, "?"},
	} {
		f := parsed(t, readObjects)
		g := parsed(t, `{"schemaVersion":"2.0","accountId":"111122223333","id":"x","type":"Exfiltration:S3/AnomalousBehavior","resource":{"resourceType":"S3Bucket","accessKeyDetails":`+c.key+`}}`)
		f.Resource.AccessKey = g.Resource.AccessKey
		if got := shown(derived(t, f, fact.Settings{}).Get("accesslog.requester", "")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

var settingColumns = []string{"event_time", "api", "error_code", "access_key", "user_arn", "source_ip", "raw:requestParameters"}

func setting(at time.Duration, api, params, who string) evidence.Row {
	key := ""
	if who == requester {
		key = "ASIAEXAMPLE00000001"
	}
	return evidence.Row{query.TimeOf(seen.Add(at)), text(api), query.Value{}, text(key), text(who), query.IPOf("198.51.100.7"), text(params)}
}

var exposureFacts = []string{"exposure.since", "exposure.since_api", "exposure.since_by", "exposure.own", "exposure.seen_from", "exposure.before", "exposure.reverted", "exposure.closed", "exposure.closed_by", "exposure.changes"}

const (
	letIn    = `{"bucketName":"example-data","bucketPolicy":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}}`
	narrowed = `{"bucketPolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":["*"]},"Condition":{"IpAddress":{}}}}}`
	private  = `{"bucketPolicy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"}},{\"Effect\":\"Deny\",\"Principal\":\"*\"}]}"}`
	blockAll = `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true}}`
	blockOne = `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"RestrictPublicBuckets":false}}`
)

// Since when, by whom, and whether it was taken back; and where no change shows it, before when.
func TestExposureIsDated(t *testing.T) {
	f := parsed(t, readObjects)
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		from time.Duration
		rows []evidence.Row
		want map[fact.Key]string
	}{
		"opened and left open": {
			whole,
			[]evidence.Row{setting(-5*day, "PutBucketPolicy", letIn, requester), setting(-4*day, "PutBucketPolicy", letIn, "other")},
			map[fact.Key]string{"exposure.since": "2025-09-04T04:00:00Z", "exposure.since_api": "PutBucketPolicy", "exposure.since_by": requester, "exposure.own": "1", "exposure.reverted": "0", "exposure.before": "-", "exposure.closed": "-"},
		},
		"opened and taken back by another": {
			whole,
			[]evidence.Row{setting(-time.Hour, "PutBucketPolicy", letIn, requester), setting(time.Hour, "PutBucketPolicy", private, "guard")},
			map[fact.Key]string{"exposure.reverted": "1", "exposure.closed": "2025-09-09T05:00:00Z", "exposure.closed_by": "guard"},
		},
		"closed, then opened again": {
			whole,
			[]evidence.Row{setting(-3*day, "PutBucketAcl", `{"x-amz-acl":["public-read"]}`, "a"), setting(-2*day, "PutBucketPublicAccessBlock", blockAll, "b"), setting(-day, "DeleteBucketPublicAccessBlock", "", "c")},
			map[fact.Key]string{"exposure.since": "2025-09-08T04:00:00Z", "exposure.since_by": "c", "exposure.reverted": "0"},
		},
		"nothing within the history: open since before it begins": {
			-30 * day, nil,
			map[fact.Key]string{"exposure.before": "2025-08-10T04:00:00Z", "exposure.seen_from": "2025-08-10T04:00:00Z", "exposure.since": "-", "exposure.reverted": "-"},
		},
		"a change whose effect is not clear dates nothing": {
			-30 * day,
			[]evidence.Row{setting(-day, "PutBucketPolicy", narrowed, "a")},
			map[fact.Key]string{"exposure.before": "2025-08-10T04:00:00Z", "exposure.since": "-"},
		},
		"the log does not reach the event": {
			time.Hour, nil, map[fact.Key]string{"exposure.before": "?", "exposure.since": "?", "exposure.seen_from": "?"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			holdAll(t, derived(t, f, fact.Settings{}, asked("E3", "cloudtrail_management", query.CloudTrail, c.from, exposureFacts, settingColumns, c.rows...)), c.want)
		})
	}
	table := derived(t, f, fact.Settings{}, asked("E3", "cloudtrail_management", query.CloudTrail, whole, exposureFacts, settingColumns,
		setting(1, "PutBucketPolicy", letIn, "a"), setting(2, "PutBucketPolicy", narrowed, "a"), setting(3, "PutBucketPolicy", private, "a"), setting(4, "PutBucketPublicAccessBlock", blockOne, "a"),
		setting(5, "PutAccountPublicAccessBlock", blockAll, "a"), setting(6, "PutBucketAcl", `{"AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"URI":"http://acs.amazonaws.com/groups/global/AllUsers"}}]}}}`, "a"),
		setting(7, "PutBucketAcl", `{"x-amz-acl":"private"}`, "a"), setting(8, "PutBucketWebsite", "", "a"), setting(9, "PutBucketPolicy", "not JSON", "a"))).Get("exposure.changes", "")
	var got string
	for _, r := range table.Value.Rows {
		got += r[2].Str + " "
	}
	if want := "opens unclear closes unblocks closes opens closes unclear unclear "; got != want {
		t.Errorf("the effects are %s, want %s", got, want)
	}
}

// The account's block is dated apart from the bucket's settings. A bucket that lay behind it was open
// only since it was lifted, however old its own settings are.
func TestAccountBlockIsDated(t *testing.T) {
	f := parsed(t, readObjects)
	day := 24 * time.Hour
	facts := []string{"exposure.account_lifts", "exposure.account_since", "exposure.account_api", "exposure.account_by", "exposure.account_restored", "exposure.account_restored_by", "exposure.account_changes"}
	bucket := asked("E3", "cloudtrail_management", query.CloudTrail, -30*day, exposureFacts, settingColumns)
	failed := setting(-2*day, "DeleteAccountPublicAccessBlock", "", "a")
	failed[2] = text("AccessDenied")
	for name, c := range map[string]struct {
		from time.Duration
		rows []evidence.Row
		want map[fact.Key]string
	}{
		"lifted, and left so": {
			-30 * day,
			[]evidence.Row{setting(-5*day, "DeleteAccountPublicAccessBlock", "", requester), setting(-4*day, "PutAccountPublicAccessBlock", blockOne, "other")},
			map[fact.Key]string{"exposure.account_lifts": "2", "exposure.account_since": "2025-09-04T04:00:00Z", "exposure.account_api": "DeleteAccountPublicAccessBlock", "exposure.account_by": requester, "exposure.before": "-"},
		},
		"put back": {
			whole,
			[]evidence.Row{setting(-time.Hour, "PutAccountPublicAccessBlock", blockOne, requester), setting(time.Hour, "PutAccountPublicAccessBlock", blockAll, "guard")},
			map[fact.Key]string{"exposure.account_lifts": "1", "exposure.account_restored": "2025-09-09T05:00:00Z", "exposure.account_restored_by": "guard"},
		},
		"nothing changed": {whole, nil, map[fact.Key]string{"exposure.account_lifts": "0", "exposure.account_since": "-", "exposure.account_changes": "-", "exposure.before": "2025-08-10T04:00:00Z"}},
		"refused":         {whole, []evidence.Row{failed}, map[fact.Key]string{"exposure.account_lifts": "0", "exposure.account_since": "-"}},
		"seen for a shorter time than the bucket's settings": {-10 * day, nil, map[fact.Key]string{"exposure.before": "2025-08-30T04:00:00Z"}},
		"not seen at all": {time.Hour, nil, map[fact.Key]string{"exposure.account_lifts": "?", "exposure.account_since": "?", "exposure.before": "?"}},
	} {
		t.Run(name, func(t *testing.T) {
			holdAll(t, derived(t, f, fact.Settings{}, bucket, asked("E4", "cloudtrail_management", query.CloudTrail, c.from, facts, settingColumns, c.rows...)), c.want)
		})
	}
}

// Whether the account's block is asked for at all: where somebody was let in, or the finding says so.
func TestAccountBlockIsAskedForWhereItMatters(t *testing.T) {
	private := strings.ReplaceAll(readObjects, `"PUBLIC"`, `"NOT_PUBLIC"`)
	if private == readObjects {
		t.Fatal("the finding's bucket is not public")
	}
	opened := asked("E3", "cloudtrail_management", query.CloudTrail, whole, exposureFacts, settingColumns, setting(-time.Hour, "PutBucketPolicy", letIn, "a"))
	untouched := asked("E3", "cloudtrail_management", query.CloudTrail, whole, exposureFacts, settingColumns)
	for name, c := range map[string]struct {
		finding string
		item    evidence.Item
		want    bool
	}{
		"a public bucket":            {readObjects, untouched, true},
		"one that was opened":        {private, opened, true},
		"a finding about its policy": {strings.ReplaceAll(private, `"GetObject"`, `"PutBucketPolicy"`), untouched, true},
		"neither":                    {private, untouched, false},
	} {
		got, asked := fact.Parameters(derived(t, parsed(t, c.finding), fact.Settings{}, c.item))["exposure.account"]
		if asked != c.want || c.want && got.Text() != "111122223333" {
			t.Errorf("%s: asked for %v, %v", name, got, asked)
		}
	}
}

// What was deleted can be had back from versions, unless these were deleted too.
func TestRecovery(t *testing.T) {
	f := parsed(t, readObjects)
	deleted := asked("E3", "s3_data", query.CloudTrail, whole, impactFacts, []string{"api", "n", "keys", "key_list", "bytes", "first", "last"}, operation("DeleteObject", 40, 40, 0))
	versions := func(n int64) evidence.Item {
		var rows []evidence.Row
		if n > 0 {
			rows = append(rows, evidence.Row{text("DeleteObject"), query.IntOf(n)})
		}
		return asked("E4", "s3_data", query.CloudTrail, whole, []string{"recovery.versions_deleted"}, []string{"api", "n"}, rows...)
	}
	history := func(rows ...evidence.Row) evidence.Item {
		return asked("E5", "cloudtrail_management", query.CloudTrail, -30*24*time.Hour, []string{"recovery.changes", "recovery.weakened", "recovery.own_weakened", "recovery.expiry_days"}, settingColumns, rows...)
	}
	on := setting(-48*time.Hour, "PutBucketVersioning", `{"VersioningConfiguration":{"Status":"Enabled"}}`, "a")
	off := setting(-time.Hour, "PutBucketVersioning", `{"VersioningConfiguration":{"Status":"Suspended"}}`, requester)
	for name, c := range map[string]struct {
		items []evidence.Item
		want  map[fact.Key]string
	}{
		"versions are kept":    {[]evidence.Item{deleted, versions(0), history(on)}, map[fact.Key]string{"recovery.state": "versions_kept", "recovery.weakened": "0"}},
		"versions are deleted": {[]evidence.Item{deleted, versions(7), history(on)}, map[fact.Key]string{"recovery.state": "versions_deleted", "recovery.versions_deleted": "7"}},
		"versioning was off":   {[]evidence.Item{deleted, versions(0), history(on, off)}, map[fact.Key]string{"recovery.state": "not_versioned", "recovery.own_weakened": "1"}},
		"nobody knows":         {[]evidence.Item{deleted, versions(0), history()}, map[fact.Key]string{"recovery.state": "?"}},
		"versions deleted by the access log": {
			[]evidence.Item{asked("E4", "s3_access", query.S3Access, whole, append([]string{"recovery.versions_deleted"}, impactFacts...), append([]string{"versions"}, objectColumns...),
				append(evidence.Row{query.IntOf(3)}, operation("REST.DELETE.OBJECT", 9, 9, 0)...), append(evidence.Row{query.IntOf(2)}, operation("REST.GET.OBJECT", 5, 5, 10)...)), history(on)},
			map[fact.Key]string{"impact.objects_deleted": "9+", "recovery.versions_deleted": "3+", "recovery.state": "versions_deleted"},
		},
		"an expiry within days": {
			[]evidence.Item{history(setting(0, "PutBucketLifecycle", `{"LifecycleConfiguration":{"Rule":[{"Status":"Enabled","Expiration":{"Days":1}},{"Status":"Disabled","Expiration":{"Days":0}}]}}`, "a"))},
			map[fact.Key]string{"recovery.expiry_days": "1", "recovery.weakened": "1", "recovery.own_weakened": "0"},
		},
		"an expiry in a year": {[]evidence.Item{history(setting(0, "PutBucketLifecycle", `{"Rule":{"Status":"Enabled","Expiration":{"Days":365}}}`, "a"))}, map[fact.Key]string{"recovery.expiry_days": "365", "recovery.weakened": "0"}},
		"keys of others and logs off": {[]evidence.Item{history(
			setting(1, "PutBucketEncryption", `{"KMSMasterKeyID":"arn:aws:kms:ap-northeast-1:999988887777:key/1"}`, requester),
			setting(2, "PutBucketEncryption", `{"KMSMasterKeyID":"arn:aws:kms:ap-northeast-1:111122223333:key/1"}`, requester),
			setting(3, "PutBucketLogging", `{"BucketLoggingStatus":{"xmlns":"x"}}`, requester),
			setting(4, "PutBucketLogging", `{"BucketLoggingStatus":{"LoggingEnabled":{"TargetBucket":"logs"}}}`, requester),
			setting(5, "PutBucketReplication", `{"Destination":{"Account":"999988887777"}}`, requester))}, map[fact.Key]string{"recovery.own_weakened": "3"}},
	} {
		t.Run(name, func(t *testing.T) { holdAll(t, derived(t, f, fact.Settings{}, c.items...), c.want) })
	}
}

// Writes that leave the owner without a key.
func TestRewrites(t *testing.T) {
	columns := []string{"api", "raw:requestParameters.x-amz-server-side-encryption-customer-algorithm", "raw:requestParameters.x-amz-server-side-encryption-aws-kms-key-id", "raw:additionalEventData.SSEApplied", "n", "keys"}
	row := func(algorithm, key, applied string, n int64) evidence.Row {
		return evidence.Row{text("PutObject"), text(algorithm), text(key), text(applied), query.IntOf(n), query.IntOf(n)}
	}
	holdAll(t, derived(t, parsed(t, readObjects), fact.Settings{}, asked("E3", "s3_data", query.CloudTrail, whole, []string{"rewrite.objects", "rewrite.customer_key", "rewrite.foreign_key"}, columns,
		row("AES256", "", "", 4), row("", "", "SSE_C", 2), row("", "arn:aws:kms:ap-northeast-1:999988887777:key/1", "SSE_KMS", 3), row("", "arn:aws:kms:ap-northeast-1:111122223333:key/1", "SSE_KMS", 5))),
		map[fact.Key]string{"rewrite.objects": "14", "rewrite.customer_key": "6", "rewrite.foreign_key": "3"})
}

// This time is held against the busiest of the days before, if they are enough.
func TestVolumes(t *testing.T) {
	f := parsed(t, readObjects)
	now := asked("E3", "s3_data", query.CloudTrail, whole, impactFacts, []string{"api", "n", "keys", "key_list", "bytes", "first", "last"}, operation("GetObject", 30, 20, 9000))
	days := func(n int, most, bytes int64, from time.Duration) evidence.Item {
		var rows []evidence.Row
		for i := range n {
			at := seen.Add(-time.Duration(i+1) * 24 * time.Hour)
			rows = append(rows, evidence.Row{query.TimeOf(at), query.IntOf(most / 2), query.IntOf(bytes)}, evidence.Row{query.TimeOf(at.Add(15 * time.Minute)), query.IntOf(most - most/2), query.Value{}})
		}
		return asked("E4", "s3_data", query.CloudTrail, from, []string{"volume.bucket_days", "volume.bucket_most", "volume.bucket_most_bytes", "volume.bucket_enough", "volume.above_bucket"}, []string{"quarter", "n", "bytes"}, rows...)
	}
	for name, c := range map[string]struct {
		days evidence.Item
		want map[fact.Key]string
	}{
		"more than ever":          {days(6, 11, 100, whole), map[fact.Key]string{"volume.reads": "30", "volume.bucket_days": "6", "volume.bucket_most": "11", "volume.bucket_most_bytes": "100", "volume.above_bucket": "1"}},
		"as on other days":        {days(6, 31, 9000, whole), map[fact.Key]string{"volume.above_bucket": "0"}},
		"fewer requests, more of": {days(6, 31, 8999, whole), map[fact.Key]string{"volume.above_bucket": "1"}},
		"too few days":            {days(4, 11, 100, whole), map[fact.Key]string{"volume.bucket_enough": "0", "volume.above_bucket": "?"}},
		"days that are not seen":  {days(6, 11, 100, -3*24*time.Hour), map[fact.Key]string{"volume.bucket_most": "11+", "volume.above_bucket": "?"}},
		"records without bytes":   {days(6, 31, 0, whole), map[fact.Key]string{"volume.bucket_most_bytes": "-", "volume.above_bucket": "0"}},
	} {
		t.Run(name, func(t *testing.T) { holdAll(t, derived(t, f, fact.Settings{}, now, c.days), c.want) })
	}
}
