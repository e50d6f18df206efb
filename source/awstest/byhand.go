package awstest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// S3, EC2 and the services of logging.go have no model beside the project. What is answered for them is written by hand after
// the examples of the Amazon S3 and Amazon EC2 API References, and held to what the official SDK's
// decoders read out of it: the tests of package awslookup compare every member. Requests are held
// against the references' names of operations and parameters, and must be signed like all others.

// A Bucket is a bucket as S3 knows it.
type Bucket struct {
	Account, Region string
	Versioning      string // Enabled, Suspended, ""
	Tags            [][2]string
	Block           *[4]bool    // BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets
	PolicyPublic    *bool       // nil: there is no policy
	Grants          [][2]string // URI of a group, permission
	Shared          bool        // other accounts may read its settings
	LogBucket       string
	LogPrefix       string
}

// An Instance is an instance as EC2 knows it.
type Instance struct {
	Account, Region, State, Type, Image, Profile, HTTPTokens string
	PrivateIP, PublicIP, VPC, Subnet                         string
	Launched                                                 time.Time
	Tags                                                     [][2]string
	Groups                                                   []SecurityGroup
}

// A SecurityGroup is a group of an instance.
type SecurityGroup struct {
	ID, Name string
	Rules    []Rule
}

// A Rule lets something in.
type Rule struct {
	Protocol string
	From, To int    // not told for protocol "-1"
	Source   string // CIDR block of either family, sg-..., pl-...
}

// byHandCodes are the common errors as S3 and EC2 spell them.
var byHandCodes = map[string]map[string]Error{
	"s3": {
		"AccessDeniedException":       {Code: "AccessDenied", Status: 403},
		"ExpiredTokenException":       {Code: "ExpiredToken", Status: 400},
		"InternalFailure":             {Code: "InternalError", Status: 500},
		"InvalidSignatureException":   {Code: "SignatureDoesNotMatch", Status: 403},
		"ServiceUnavailable":          {Code: "ServiceUnavailable", Status: 503},
		"ThrottlingException":         {Code: "SlowDown", Status: 503},
		"UnrecognizedClientException": {Code: "InvalidAccessKeyId", Status: 403},
		"ValidationException":         {Code: "InvalidRequest", Status: 400},
	},
	"ec2": {
		"AccessDeniedException":       {Code: "UnauthorizedOperation", Status: 403},
		"ExpiredTokenException":       {Code: "RequestExpired", Status: 400},
		"InternalFailure":             {Code: "InternalError", Status: 500},
		"InvalidSignatureException":   {Code: "AuthFailure", Status: 401},
		"ServiceUnavailable":          {Code: "Unavailable", Status: 503},
		"ThrottlingException":         {Code: "RequestLimitExceeded", Status: 503},
		"UnrecognizedClientException": {Code: "AuthFailure", Status: 401},
		"ValidationException":         {Code: "InvalidParameterValue", Status: 400},
	},
	"rds": {
		"AccessDeniedException":       {Code: "AccessDenied", Status: 403},
		"ExpiredTokenException":       {Code: "ExpiredToken", Status: 403},
		"InternalFailure":             {Code: "InternalFailure", Status: 500},
		"InvalidSignatureException":   {Code: "SignatureDoesNotMatch", Status: 403},
		"ServiceUnavailable":          {Code: "ServiceUnavailable", Status: 503},
		"ThrottlingException":         {Code: "Throttling", Status: 400},
		"UnrecognizedClientException": {Code: "InvalidClientTokenId", Status: 403},
		"ValidationException":         {Code: "InvalidParameterValue", Status: 400},
	},
	"eks": {
		"AccessDeniedException":       {Code: "AccessDeniedException", Status: 403},
		"ExpiredTokenException":       {Code: "ExpiredTokenException", Status: 403},
		"InternalFailure":             {Code: "ServerException", Status: 500},
		"InvalidSignatureException":   {Code: "InvalidSignatureException", Status: 403},
		"ServiceUnavailable":          {Code: "ServiceUnavailableException", Status: 503},
		"ThrottlingException":         {Code: "ThrottlingException", Status: 429},
		"UnrecognizedClientException": {Code: "UnrecognizedClientException", Status: 403},
		"ValidationException":         {Code: "InvalidParameterException", Status: 400},
	},
	"route53resolver": {
		"AccessDeniedException":       {Code: "AccessDeniedException", Status: 400},
		"ExpiredTokenException":       {Code: "ExpiredTokenException", Status: 400},
		"InternalFailure":             {Code: "InternalServiceErrorException", Status: 500},
		"InvalidSignatureException":   {Code: "InvalidSignatureException", Status: 403},
		"ServiceUnavailable":          {Code: "ServiceUnavailableException", Status: 503},
		"ThrottlingException":         {Code: "ThrottlingException", Status: 400},
		"UnrecognizedClientException": {Code: "UnrecognizedClientException", Status: 403},
		"ValidationException":         {Code: "InvalidRequestException", Status: 400},
	},
}

// s3Operations are the operations by the subresource of a bucket that they get.
var s3Operations = map[string]string{
	"acl": "GetBucketAcl", "location": "GetBucketLocation", "logging": "GetBucketLogging", "policyStatus": "GetBucketPolicyStatus",
	"publicAccessBlock": "GetPublicAccessBlock", "tagging": "GetBucketTagging", "versioning": "GetBucketVersioning",
}

// byHand answers a request for S3 or EC2, if the server has a world and the request is for them.
func (s *Server) byHand(r *http.Request, body []byte) (reply, bool) {
	claimed, _ := parseSignature(r.Header.Get("Authorization"))
	s.mu.Lock()
	w := s.world
	s.mu.Unlock()
	service := claimed.service
	if w == nil || byHandCodes[service] == nil {
		return reply{}, false
	}
	var op, bucket string
	var form url.Values
	switch {
	case slices.Contains(loggingServices, service):
		op = loggingOperation(service, r, body)
	case service == "s3":
		op, bucket = s3Operation(r)
	default:
		var err error
		if form, err = url.ParseQuery(string(body)); err == nil && form.Get("Version") == "2016-11-15" && r.Method == http.MethodPost {
			op = form.Get("Action")
		}
	}
	id := s.requestID()
	out := reply{header: http.Header{}}
	if op == "" {
		s.wrong("%s %s: no operation of %s that is known here", r.Method, r.URL, service)
		out.status = 404
		return out, true
	}
	who, sig, err := s.known(r, body)
	req := Request{Service: service, Operation: op, Account: who.Account, ARN: who.ARN, Region: sig.region, Time: s.clock().UTC()}
	f := s.fault(req)
	var text string
	switch {
	case err != nil:
	case f.Do.refuses():
		err = f.err()
	case s.tooFast(req):
		f.Do, err = Throttle, &Error{Code: "ThrottlingException", Message: "Rate exceeded"}
	case slices.Contains(loggingServices, service):
		text, err = w.logging(req, r, body, f)
	case req.Operation == accountBlock:
		text, err = w.accountBlock(s, req, r)
	case service == "s3":
		text, err = w.s3(s, req, bucket, r.Header.Get("X-Amz-Expected-Bucket-Owner"), out.header)
	default:
		text, err = w.ec2(s, req, form, id, f)
	}
	written := !slices.Contains([]string{"eks", "route53resolver"}, service) // as XML
	kind := "application/xml"
	if !written {
		kind = "application/json"
	}
	out.header.Set("Content-Type", kind)
	out.status = 200
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Code: "InternalFailure"}
		}
		out.status = e.Status
		if as, ok := byHandCodes[service][e.Code]; ok {
			e.Code, out.status = as.Code, as.Status
		}
		text = fmt.Sprintf("<Error><Code>%s</Code><Message>%s</Message><RequestId>%s</RequestId></Error>", clean(e.Code), clean(e.Message), id)
		if service == "ec2" {
			text = fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>", clean(e.Code), clean(e.Message), id)
		}
		if slices.Contains(loggingServices, service) {
			var header http.Header
			header, text = refusal(service, e, id)
			maps.Copy(out.header, header)
		}
	}
	out.header.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	out.body = []byte(text)
	if written {
		out.body = []byte(xml.Header + text)
	}
	out.trouble, out.by = f.Do, f.By
	s.log(Call{Service: service, Operation: op, Account: req.Account, Region: req.Region, Time: time.Now(), Status: out.status, Trouble: f.Do})
	return out, true
}

func clean(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

// s3Operation reads the bucket and the subresource of a request, in either style of addressing.
func s3Operation(r *http.Request) (op, bucket string) {
	if r.URL.Path == accountBlockPath && r.Method == http.MethodGet && r.URL.RawQuery == "" {
		return accountBlock, ""
	}
	host, _, _ := strings.Cut(r.Host, ":")
	bucket = strings.Trim(r.URL.Path, "/")
	if name, ok := strings.CutSuffix(host, ".amazonaws.com"); ok {
		if i := strings.LastIndex(name, ".s3."); i > 0 {
			if bucket != "" {
				return "", ""
			}
			bucket = name[:i]
		}
	}
	if r.Method != http.MethodGet || bucket == "" || strings.Contains(bucket, "/") {
		return "", ""
	}
	for k := range r.URL.Query() {
		switch {
		case k == "x-id":
		case op == "" && s3Operations[k] != "":
			op = s3Operations[k]
		default:
			return "", ""
		}
	}
	return op, bucket
}

func (w *World) s3(s *Server, req Request, name, expected string, header http.Header) (string, error) {
	b, ok := w.Buckets[name]
	switch {
	case !ok:
		return "", &Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist", Status: 404}
	case req.Region != b.Region:
		header.Set("X-Amz-Bucket-Region", b.Region)
		return "", &Error{Code: "PermanentRedirect", Message: "The bucket you are attempting to access must be addressed using the specified endpoint.", Status: 301}
	case req.Account != b.Account && !b.Shared, expected != "" && expected != b.Account:
		return "", &Error{Code: "AccessDeniedException", Message: "Access Denied"}
	}
	const ns = `xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	switch req.Operation {
	case "GetBucketLocation":
		if b.Region == "us-east-1" {
			return "<LocationConstraint " + ns + "/>", nil
		}
		return "<LocationConstraint " + ns + ">" + clean(b.Region) + "</LocationConstraint>", nil
	case "GetBucketVersioning":
		if b.Versioning == "" {
			return "<VersioningConfiguration " + ns + "/>", nil
		}
		return "<VersioningConfiguration " + ns + "><Status>" + clean(b.Versioning) + "</Status></VersioningConfiguration>", nil
	case "GetBucketLogging":
		if b.LogBucket == "" {
			return "<BucketLoggingStatus " + ns + "/>", nil
		}
		return "<BucketLoggingStatus " + ns + "><LoggingEnabled><TargetBucket>" + clean(b.LogBucket) + "</TargetBucket><TargetPrefix>" + clean(b.LogPrefix) + "</TargetPrefix></LoggingEnabled></BucketLoggingStatus>", nil
	case "GetBucketTagging":
		if len(b.Tags) == 0 {
			return "", &Error{Code: "NoSuchTagSet", Message: "The TagSet does not exist", Status: 404}
		}
		return "<Tagging " + ns + "><TagSet>" + tags("Tag", "Key", "Value", b.Tags) + "</TagSet></Tagging>", nil
	case "GetPublicAccessBlock":
		if b.Block == nil {
			return "", &Error{Code: "NoSuchPublicAccessBlockConfiguration", Message: "The public access block configuration was not found", Status: 404}
		}
		return fmt.Sprintf("<PublicAccessBlockConfiguration %s><BlockPublicAcls>%t</BlockPublicAcls><IgnorePublicAcls>%t</IgnorePublicAcls><BlockPublicPolicy>%t</BlockPublicPolicy><RestrictPublicBuckets>%t</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
			ns, b.Block[0], b.Block[1], b.Block[2], b.Block[3]), nil
	case "GetBucketPolicyStatus":
		if b.PolicyPublic == nil {
			return "", &Error{Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist", Status: 404}
		}
		word := map[bool]string{true: "TRUE", false: "FALSE"}[*b.PolicyPublic] // as the reference's example has it
		return "<PolicyStatus " + ns + "><IsPublic>" + word + "</IsPublic></PolicyStatus>", nil
	case "GetBucketAcl":
		var grants strings.Builder
		grant := func(grantee, permission string) {
			grants.WriteString("<Grant>" + grantee + "<Permission>" + clean(permission) + "</Permission></Grant>")
		}
		const xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
		const owner = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
		grant("<Grantee "+xsi+` xsi:type="CanonicalUser"><ID>`+owner+"</ID></Grantee>", "FULL_CONTROL")
		for _, g := range b.Grants {
			grant("<Grantee "+xsi+` xsi:type="Group"><URI>`+clean(g[0])+"</URI></Grantee>", g[1])
		}
		return "<AccessControlPolicy " + ns + "><Owner><ID>" + owner + "</ID></Owner><AccessControlList>" + grants.String() + "</AccessControlList></AccessControlPolicy>", nil
	}
	s.wrong("s3:%s has no answer", req.Operation)
	return "", &Error{Code: "InternalFailure"}
}

// The operation of S3 Control that tells of an account's own block (Amazon S3 API Reference,
// GetPublicAccessBlock of AWS S3 Control).
const (
	accountBlock     = "GetAccountPublicAccessBlock"
	accountBlockPath = "/v20180820/configuration/publicAccessBlock"
)

// accountBlock is the account's own public access block.
func (w *World) accountBlock(s *Server, req Request, r *http.Request) (string, error) {
	account := r.Header.Get("X-Amz-Account-Id")
	if account == "" {
		s.wrong("s3-control:GetPublicAccessBlock names no account")
		return "", &Error{Code: "ValidationException", Message: "x-amz-account-id is missing"}
	}
	if account != req.Account {
		return "", &Error{Code: "AccessDeniedException", Message: "Access Denied"}
	}
	b, ok := w.AccountBlocks[account]
	if !ok {
		return "", &Error{Code: "NoSuchPublicAccessBlockConfiguration", Message: "The public access block configuration was not found", Status: 404}
	}
	return fmt.Sprintf(`<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><BlockPublicAcls>%t</BlockPublicAcls><IgnorePublicAcls>%t</IgnorePublicAcls><BlockPublicPolicy>%t</BlockPublicPolicy><RestrictPublicBuckets>%t</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
		b[0], b[1], b[2], b[3]), nil
}

func tags(element, key, value string, list [][2]string) string {
	var b strings.Builder
	for _, t := range list {
		fmt.Fprintf(&b, "<%s><%s>%s</%s><%s>%s</%s></%s>", element, key, clean(t[0]), key, value, clean(t[1]), value, element)
	}
	return b.String()
}

// ids are the numbered values of a form parameter, such as InstanceId.1; nothing else may be given.
func ids(form url.Values, name string) ([]string, error) {
	var out []string
	for i := 1; form.Has(fmt.Sprintf("%s.%d", name, i)); i++ {
		out = append(out, form.Get(fmt.Sprintf("%s.%d", name, i)))
	}
	if len(form) != len(out)+2 { // Action and Version
		return nil, fmt.Errorf("parameters %q", slices.Sorted(maps.Keys(form)))
	}
	return out, nil
}

func (w *World) ec2(s *Server, req Request, form url.Values, id string, f Fault) (string, error) {
	open := fmt.Sprintf(`<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>%s</requestId>`, req.Operation, id)
	end := "</" + req.Operation + "Response>"
	switch req.Operation {
	case "DescribeInstances":
		wanted, err := ids(form, "InstanceId")
		if err != nil || len(wanted) == 0 {
			s.wrong("ec2:DescribeInstances: %v", err)
			return "", &Error{Code: "ValidationException", Message: "unknown parameter"}
		}
		var b strings.Builder
		for _, name := range wanted {
			i, ok := w.Instances[name]
			if !ok || i.Account != req.Account || i.Region != req.Region {
				return "", &Error{Code: "InvalidInstanceID.NotFound", Message: "The instance ID '" + name + "' does not exist", Status: 400}
			}
			b.WriteString("<item><reservationId>r-0123456789abcdef0</reservationId><ownerId>" + i.Account + "</ownerId><groupSet/><instancesSet>" + i.xml(name) + "</instancesSet></item>")
		}
		return open + "<reservationSet>" + b.String() + "</reservationSet>" + end, nil
	case "DescribeSecurityGroups":
		wanted, err := ids(form, "GroupId")
		if err != nil || len(wanted) == 0 {
			s.wrong("ec2:DescribeSecurityGroups: %v", err)
			return "", &Error{Code: "ValidationException", Message: "unknown parameter"}
		}
		groups := map[string]SecurityGroup{}
		for _, i := range w.Instances {
			for _, g := range i.Groups {
				if i.Account == req.Account && i.Region == req.Region {
					groups[g.ID] = g
				}
			}
		}
		var b strings.Builder
		for _, name := range wanted {
			g, ok := groups[name]
			if !ok {
				return "", &Error{Code: "InvalidGroup.NotFound", Message: "The security group '" + name + "' does not exist", Status: 400}
			}
			b.WriteString(g.xml(req.Account))
		}
		return open + "<securityGroupInfo>" + b.String() + "</securityGroupInfo>" + end, nil
	}
	for op, list := range map[string]func(Request, url.Values, Fault) (string, error){"DescribeFlowLogs": w.flowLogs, "DescribeVpcs": w.vpcs} {
		if op == req.Operation {
			text, err := list(req, form, f)
			return open + text + end, err
		}
	}
	s.wrong("ec2:%s has no answer", req.Operation)
	return "", &Error{Code: "InternalFailure"}
}

func (i Instance) xml(id string) string {
	states := map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
	var b strings.Builder
	fmt.Fprintf(&b, "<item><instanceId>%s</instanceId><imageId>%s</imageId><instanceState><code>%d</code><name>%s</name></instanceState><instanceType>%s</instanceType><launchTime>%s</launchTime>",
		clean(id), clean(i.Image), states[i.State], clean(i.State), clean(i.Type), i.Launched.UTC().Format("2006-01-02T15:04:05.000Z"))
	for _, m := range [][2]string{{"privateIpAddress", i.PrivateIP}, {"ipAddress", i.PublicIP}, {"vpcId", i.VPC}, {"subnetId", i.Subnet}} {
		if m[1] != "" {
			fmt.Fprintf(&b, "<%s>%s</%s>", m[0], clean(m[1]), m[0])
		}
	}
	if i.Profile != "" {
		b.WriteString("<iamInstanceProfile><arn>" + clean(i.Profile) + "</arn><id>AIPAEXAMPLE0000000001</id></iamInstanceProfile>")
	}
	if i.HTTPTokens != "" {
		b.WriteString("<metadataOptions><state>applied</state><httpTokens>" + clean(i.HTTPTokens) + "</httpTokens><httpEndpoint>enabled</httpEndpoint></metadataOptions>")
	}
	b.WriteString("<groupSet>")
	for _, g := range i.Groups {
		b.WriteString("<item><groupId>" + clean(g.ID) + "</groupId><groupName>" + clean(g.Name) + "</groupName></item>")
	}
	b.WriteString("</groupSet><tagSet>" + tags("item", "key", "value", i.Tags) + "</tagSet></item>")
	return b.String()
}

func (g SecurityGroup) xml(account string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<item><ownerId>%s</ownerId><groupId>%s</groupId><groupName>%s</groupName><groupDescription>invented</groupDescription><ipPermissions>", account, clean(g.ID), clean(g.Name))
	for _, r := range g.Rules {
		b.WriteString("<item><ipProtocol>" + clean(r.Protocol) + "</ipProtocol>")
		if r.Protocol != "-1" {
			fmt.Fprintf(&b, "<fromPort>%d</fromPort><toPort>%d</toPort>", r.From, r.To)
		}
		sets := map[string]string{"groups": "", "ipRanges": "", "ipv6Ranges": "", "prefixListIds": ""}
		switch {
		case strings.HasPrefix(r.Source, "sg-"):
			sets["groups"] = "<item><userId>" + account + "</userId><groupId>" + clean(r.Source) + "</groupId></item>"
		case strings.HasPrefix(r.Source, "pl-"):
			sets["prefixListIds"] = "<item><prefixListId>" + clean(r.Source) + "</prefixListId></item>"
		case strings.Contains(r.Source, ":"):
			sets["ipv6Ranges"] = "<item><cidrIpv6>" + clean(r.Source) + "</cidrIpv6></item>"
		default:
			sets["ipRanges"] = "<item><cidrIp>" + clean(r.Source) + "</cidrIp></item>"
		}
		for _, name := range slices.Sorted(maps.Keys(sets)) {
			b.WriteString("<" + name + ">" + sets[name] + "</" + name + ">")
		}
		b.WriteString("</item>")
	}
	b.WriteString("</ipPermissions></item>")
	return b.String()
}
