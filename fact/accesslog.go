package fact

import (
	"fmt"
	"slices"
	"strings"
)

// bucketFamily are the findings about what was done to a bucket.
var bucketFamily = []string{"s3"}

// What the bucket's server access log shows. It names a requester and no credential, and is
// delivered on a best-effort basis.
var accessLogDefs = []Def{
	{Key: "accesslog.requester", Families: bucketFamily, Rule: accessRequester, Type: Text, Kind: Computed, JA: "サーバーアクセスログでの要求者", EN: "requester in the server access log", Says: "ARN of the user or assumed role of the finding; of the root user the canonical user id of the bucket's owner"},
	{Key: "accesslog.operations", Families: bucketFamily, Rule: accessOperations, Type: Texts, Kind: Computed, JA: "サーバーアクセスログでの操作名", EN: "operation in the server access log", Says: "under which operations the API of the finding is logged"},
	{Key: "accesslog.records", Families: bucketFamily, Rule: accessRecords, Type: Int, Kind: Observed, JA: "サーバーアクセスログの記録（届いたもの）", EN: "records of the requester in the server access log, as delivered", Says: "count of the requester's records on the bucket, an hour before and after"},
	{Key: "accesslog.refused", Families: bucketFamily, Rule: accessRefused, Type: Int, Kind: Observed, JA: "サーバーアクセスログで失敗した要求", EN: "refused requests in the server access log", Says: "those with an error code: at least so many"},
	{Key: "accesslog.addresses", Families: bucketFamily, Rule: accessTexts("accesslog.addresses", "source_ip"), Type: Texts, Kind: Observed, JA: "サーバーアクセスログの送信元", EN: "addresses in the server access log", Says: "different addresses of the requester, at most 20"},
	{Key: "accesslog.agents", Families: bucketFamily, Rule: accessTexts("accesslog.agents", "user_agent"), Type: Texts, Kind: Observed, JA: "サーバーアクセスログのユーザーエージェント", EN: "user agents in the server access log", Says: "different user agents of the requester, at most 20"},
	{Key: "accesslog.same_address", Families: bucketFamily, Rule: accessSame, Type: Bool, Kind: Computed, JA: "サーバーアクセスログの送信元と検出結果の送信元の一致", EN: "the access log has the finding's address", Says: "a record of the requester came from the address of the finding"},
}

// operations are the names under which a server access log records calls on objects (Amazon S3 User
// Guide, "Amazon S3 server access log format": REST.HTTP_method.resource_type, BATCH.DELETE.OBJECT).
var operations = []struct{ operation, api string }{
	{"REST.GET.OBJECT", "GetObject"},
	{"WEBSITE.GET.OBJECT", "GetObject"},
	{"REST.HEAD.OBJECT", "HeadObject"},
	{"REST.HEAD.BUCKET", "HeadBucket"},
	{"REST.GET.BUCKET", "ListObjects"},
	{"REST.GET.BUCKET", "ListObjectsV2"},
	{"REST.GET.BUCKETVERSIONS", "ListObjectVersions"},
	{"REST.PUT.OBJECT", "PutObject"},
	{"REST.POST.UPLOADS", "CreateMultipartUpload"},
	{"REST.PUT.PART", "UploadPart"},
	{"REST.POST.UPLOAD", "CompleteMultipartUpload"},
	{"REST.DELETE.UPLOAD", "AbortMultipartUpload"},
	{"REST.COPY.OBJECT_GET", "CopyObject"},
	{"REST.COPY.OBJECT", "PutObject"},
	{"REST.DELETE.OBJECT", "DeleteObject"},
	{"BATCH.DELETE.OBJECT", "DeleteObjects"},
	{"REST.GET.ACL", "GetObjectAcl"},
	{"REST.PUT.ACL", "PutObjectAcl"},
	{"REST.GET.OBJECT_TAGGING", "GetObjectTagging"},
	{"REST.PUT.OBJECT_TAGGING", "PutObjectTagging"},
	{"REST.DELETE.OBJECT_TAGGING", "DeleteObjectTagging"},
	{"REST.POST.RESTORE", "RestoreObject"},
}

// operationAPI is the call that an operation records; "" for one that is none on objects.
func operationAPI(operation string) string {
	for _, o := range operations {
		if operation == o.operation {
			return o.api
		}
	}
	return ""
}

// operationsOf are the operations that record some calls, sorted.
func operationsOf(apis ...string) []string {
	var out []string
	for _, o := range operations {
		if slices.Contains(apis, o.api) {
			out = append(out, o.operation)
		}
	}
	return sortedCopy(out)
}

// requester is whom a server access log names for the finding's actor. An assumed role is logged
// by the ARN of its session and an IAM user by ARN; the root user by the canonical user id of the
// account, which the finding tells where the account owns the bucket.
func (v *view) requester() string {
	k := v.f.Resource.AccessKey
	partition := "aws"
	if len(v.f.Resource.Buckets) > 0 {
		if parts := strings.SplitN(v.f.Resource.Buckets[0].ARN, ":", 3); len(parts) == 3 && strings.HasPrefix(parts[1], "aws") {
			partition = parts[1]
		}
	}
	switch k.UserType {
	case "IAMUser":
		if k.UserName != "" {
			return fmt.Sprintf("arn:%s:iam::%s:user/%s", partition, v.f.Account, k.UserName)
		}
	case "AssumedRole", "Role":
		if _, session, ok := strings.Cut(k.PrincipalID, ":"); ok && k.UserName != "" && session != "" {
			return fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", partition, v.f.Account, k.UserName, session)
		}
	case "Root":
		if len(v.f.Resource.Buckets) > 0 {
			return v.f.Resource.Buckets[0].Owner
		}
	}
	return ""
}

func accessRequester(v *view, _ string) result {
	k := v.f.Resource.AccessKey
	if k.UserType == "AWSAccount" || k.UserType == "AWSService" { // nobody in particular, or another account whose name is not told
		return notApplicable(findingRef)
	}
	return told(v.requester())
}

func accessOperations(v *view, _ string) result {
	_, api, _ := v.primary()
	if api == "" {
		return unknown("finding", findingRef)
	}
	return toldTexts(operationsOf(api))
}

// accessRecords counts what was delivered: exact of the records, whatever may be missing among them.
func accessRecords(v *view, _ string) result {
	t, why, ok := v.access("accesslog.records")
	if !ok {
		return why
	}
	n, _ := t.sum("n", func(int) bool { return true })
	if t.Item.Complete() {
		return result{state: Known, value: IntOf(n), window: t.window(), from: []Ref{t.ref()}}
	}
	return t.counted(n)
}

func accessRefused(v *view, _ string) result {
	t, why, ok := v.access("accesslog.refused")
	if !ok {
		return why
	}
	n, _ := t.sum("n", func(i int) bool { return t.text(i, "error_code") != "" })
	if n == 0 && v.dataEvents() {
		return notApplicable(t.ref())
	}
	return t.counted(n)
}

func accessTexts(key Key, col string) func(*view, string) result {
	return func(v *view, _ string) result {
		t, why, ok := v.access(key)
		if !ok {
			return why
		}
		return t.texts(col)
	}
}

// access is an answer of the access log. Where there is none, and data events tell the same better,
// nothing is missed.
func (v *view) access(key Key) (table, result, bool) {
	t, why, ok := v.ask(key, "")
	if !ok {
		if v.dataEvents() {
			return t, notApplicable(why.from...), false
		}
		// What is missing is what was done to objects, and that is one gap.
		if r := impactRead(v, ""); r.state == Unknown {
			why.gap = r.gap
		}
	}
	return t, why, ok
}

// dataEvents tells whether CloudTrail answered in full what was done to objects.
func (v *view) dataEvents() bool {
	a, asked := v.set.AnswerFor("impact.objects_read", "")
	return asked && a.Exact && !bestEffort(a)
}

func accessSame(v *view, _ string) result {
	t, why, ok := v.access("accesslog.addresses")
	if !ok {
		return why
	}
	ip := v.f.Action.Remote.IP
	if !ip.IsValid() {
		return unknown("finding", findingRef)
	}
	for i := range t.len() {
		if foldAddress(t.text(i, "source_ip")) == foldAddress(ip.String()) {
			return t.has(true, findingRef, t.row(i))
		}
	}
	return t.has(false, findingRef)
}
