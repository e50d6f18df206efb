package awstest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func credentials(c Credential) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
	})
}

func trails(s *Server, c Credential, region string) *cloudtrail.Client {
	return cloudtrail.New(cloudtrail.Options{
		BaseEndpoint: aws.String(s.URL()), Region: region, Credentials: credentials(c), Retryer: aws.NopRetryer{},
	})
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

var at = time.Date(2025, 9, 9, 4, 0, 0, 500e6, time.UTC)

func lookup(req Request) (any, error) {
	var in struct {
		MaxResults int
		StartTime  time.Time
	}
	if err := req.Into(&in); err != nil {
		return nil, err
	}
	if in.StartTime.Equal(at.Add(time.Hour)) {
		return nil, &Error{Code: "InvalidTimeRangeException", Message: "late"}
	}
	return map[string]any{"Events": []any{map[string]any{"EventId": req.Account + " " + req.Region, "EventTime": at}}}, nil
}

// The official client understands what the double says, in the JSON protocol.
func TestOfficialClientIsAnswered(t *testing.T) {
	s := New(t, "cloudtrail")
	s.Handle("cloudtrail", "LookupEvents", lookup)
	c := trails(s, s.Base(), Region)
	out, err := c.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{StartTime: aws.Time(at), MaxResults: aws.Int32(50)})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Events) != 1 || aws.ToString(out.Events[0].EventId) != Home+" "+Region || !aws.ToTime(out.Events[0].EventTime).Equal(at) {
		t.Errorf("got %+v", out.Events)
	}
	_, err = c.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{StartTime: aws.Time(at.Add(time.Hour))})
	var late *types.InvalidTimeRangeException
	if !errors.As(err, &late) || late.ErrorMessage() != "late" {
		t.Errorf("error = %v; want InvalidTimeRangeException", err)
	}
	calls := s.Calls("cloudtrail:LookupEvents")
	if len(calls) != 2 || calls[0].Status != 200 || calls[1].Status != 400 || calls[0].Account != Home || calls[0].Region != Region {
		t.Errorf("calls = %+v", calls)
	}
}

func TestInvalidRequestsAreRefused(t *testing.T) {
	s := New(t, "cloudtrail")
	s.Tolerate()
	s.Handle("cloudtrail", "LookupEvents", lookup)
	s.Handle("cloudtrail", "GetTrailStatus", func(Request) (any, error) { return map[string]any{"IsLogging": true}, nil })
	base := s.Base()
	wrong := base
	wrong.SecretAccessKey += "x"
	other := base
	other.AccessKeyID = "AKIAEXAMPLE000000009"
	token := base
	token.SessionToken = "t"
	for _, tt := range []struct {
		name, want, says string
		cred             Credential
		region           string
		in               cloudtrail.LookupEventsInput
	}{
		{"too many results", "ValidationException", "MaxResults: 51, more than 50", base, Region, cloudtrail.LookupEventsInput{MaxResults: aws.Int32(51)}},
		{"empty value", "ValidationException", "LookupAttributes[0].AttributeValue: 0 characters, fewer than 1", base, Region, cloudtrail.LookupEventsInput{LookupAttributes: []types.LookupAttribute{{AttributeKey: "EventName", AttributeValue: aws.String("")}}}},
		{"no such attribute", "ValidationException", `LookupAttributes[0].AttributeKey: "SourceIPAddress" is not one of`, base, Region, cloudtrail.LookupEventsInput{LookupAttributes: []types.LookupAttribute{{AttributeKey: "SourceIPAddress", AttributeValue: aws.String("x")}}}},
		{"wrong secret", "InvalidSignatureException", "signature", wrong, Region, cloudtrail.LookupEventsInput{}},
		{"unknown key", "UnrecognizedClientException", "", other, Region, cloudtrail.LookupEventsInput{}},
		{"a token that is none", "UnrecognizedClientException", "", token, Region, cloudtrail.LookupEventsInput{}},
		{"another Region", "InvalidSignatureException", "eu-west-1", base, "eu-west-1", cloudtrail.LookupEventsInput{}},
	} {
		_, err := trails(s, tt.cred, tt.region).LookupEvents(t.Context(), &tt.in)
		if code(err) != tt.want {
			t.Errorf("%s: error = %v; want %s", tt.name, err, tt.want)
		}
		if tt.says != "" && !slices.ContainsFunc(s.Violations(), func(v string) bool { return strings.Contains(v, tt.says) }) {
			t.Errorf("%s: violations %q do not say %q", tt.name, s.Violations(), tt.says)
		}
	}
}

// A body that no client of ours would write: members that the model does not have.
func TestUnknownMembersAreRefused(t *testing.T) {
	s := New(t, "cloudtrail", "guardduty", "iam")
	s.Tolerate()
	for _, tt := range []struct{ service, path, target, contentType, body, says string }{
		{"cloudtrail", "/", "CloudTrail_20131101.LookupEvents", "application/x-amz-json-1.1", `{"Maxresults":5}`, "Maxresults: the model has no such member"},
		{"cloudtrail", "/", "CloudTrail_20131101.LookupEvents", "application/x-amz-json-1.1", `{"MaxResults":"5"}`, "MaxResults: string is no whole number"},
		{"cloudtrail", "/", "CloudTrail_20131101.LookupEvents", "application/json", `{}`, "content type"},
		{"cloudtrail", "/", "CloudTrail_20131101.GetTrailStatus", "application/x-amz-json-1.1", `{}`, "Name: is required"},
		{"iam", "/", "", "application/x-www-form-urlencoded", "Action=GetUser&Version=2010-05-08&UserName=a%2Fb", `UserName: "a/b" does not match`},
		{"iam", "/", "", "application/x-www-form-urlencoded", "Action=GetUser&Version=2010-05-08&Colour=red", "Colour: the model has no such member"},
		{"guardduty", "/detector?colour=red", "", "application/json", "", "no operation"},
		{"guardduty", "/detector/abc/findings/get", "", "application/json", `{"findingIds":1}`, "FindingIds: json.Number is no list"},
	} {
		if status, _ := signed(t, s, tt.service, "POST", tt.path, tt.target, tt.contentType, tt.body); status != 400 {
			t.Errorf("%s %s: HTTP %d", tt.service, tt.body, status)
		}
		v := s.Violations()
		if len(v) == 0 || !strings.Contains(v[len(v)-1], tt.says) && tt.says != "no operation" {
			t.Errorf("%s %s: violations %q do not say %q", tt.service, tt.body, v, tt.says)
		}
	}
}

// signed sends a request that the official signer signed.
func signed(t *testing.T, s *Server, service, method, path, target, contentType, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	sum := sha256.Sum256([]byte(body))
	b := s.Base()
	if err := signer.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: b.AccessKeyID, SecretAccessKey: b.SecretAccessKey}, req, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

func TestRestAndQueryProtocols(t *testing.T) {
	s := New(t, "guardduty", "iam")
	s.Handle("guardduty", "GetFindings", func(req Request) (any, error) {
		if req.Text("DetectorId") != "a b" {
			return nil, &Error{Code: "BadRequestException", Message: req.Text("DetectorId")}
		}
		return map[string]any{"Findings": []any{}}, nil
	})
	s.Handle("guardduty", "ListDetectors", func(req Request) (any, error) {
		if req.Input["MaxResults"] != int64(7) {
			return nil, &Error{Code: "BadRequestException"}
		}
		return map[string]any{"DetectorIds": []string{"d"}, "NextToken": "n"}, nil
	})
	s.Handle("iam", "ListUserTags", func(req Request) (any, error) {
		if req.Text("UserName") != "nobody" {
			return map[string]any{"Tags": []map[string]string{{"Key": "team", "Value": "red blue"}}, "IsTruncated": false}, nil
		}
		return nil, &Error{Code: "NoSuchEntityException", Message: "no <user>"}
	})
	for _, tt := range []struct {
		service, method, path, body string
		status                      int
		want                        string
	}{
		{"guardduty", "POST", "/detector/a%20b/findings/get", `{"findingIds":["x"]}`, 200, `{"findings":[]}`},
		{"guardduty", "POST", "/detector/c/findings/get", `{"findingIds":["x"]}`, 400, `"__type":"BadRequestException"`},
		{"guardduty", "GET", "/detector?maxResults=7", "", 200, `{"detectorIds":["d"],"nextToken":"n"}`},
		{"iam", "POST", "/", "Action=ListUserTags&Version=2010-05-08&UserName=u", 200, `<Tags><member><Key>team</Key><Value>red blue</Value></member></Tags>`},
		{"iam", "POST", "/", "Action=ListUserTags&Version=2010-05-08&UserName=nobody", 404, `<Type>Sender</Type><Code>NoSuchEntity</Code><Message>no &lt;user&gt;</Message>`},
	} {
		ct := "application/json"
		if tt.service == "iam" {
			ct = "application/x-www-form-urlencoded"
		}
		status, got := signed(t, s, tt.service, tt.method, tt.path, "", ct, tt.body)
		if status != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: HTTP %d %s; want %d and %s", tt.service, tt.path, status, got, tt.status, tt.want)
		}
	}
}

func TestRolesNeedTheirExternalID(t *testing.T) {
	s := New(t, "cloudtrail")
	s.Handle("cloudtrail", "LookupEvents", lookup)
	arn := s.Role("111122223333", "uratori-read", "external-1")
	c := sts.New(sts.Options{BaseEndpoint: aws.String(s.URL()), Region: Region, Credentials: credentials(s.Base()), Retryer: aws.NopRetryer{}})
	in := &sts.AssumeRoleInput{RoleArn: aws.String(arn), RoleSessionName: aws.String("uratori"), ExternalId: aws.String("external-2")}
	if _, err := c.AssumeRole(t.Context(), in); code(err) != "AccessDenied" {
		t.Errorf("error = %v; want AccessDenied", err)
	}
	in.ExternalId = aws.String("external-1")
	out, err := c.AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	member := Credential{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	look := trails(s, member, "us-east-1")
	events, err := look.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{})
	if err != nil || *events.Events[0].EventId != "111122223333 us-east-1" {
		t.Errorf("got %v, %v", events, err)
	}
	s.Expire("111122223333")
	if _, err := look.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{}); code(err) != "ExpiredTokenException" {
		t.Errorf("error = %v; want ExpiredTokenException", err)
	}
}

func TestFaults(t *testing.T) {
	s := New(t, "cloudtrail")
	s.Tolerate()
	s.Handle("cloudtrail", "LookupEvents", lookup)
	c := trails(s, s.Base(), Region)
	ask := func(in cloudtrail.LookupEventsInput) (*cloudtrail.LookupEventsOutput, error) {
		return c.LookupEvents(t.Context(), &in)
	}
	for trouble, want := range map[Trouble]string{
		Throttle: "ThrottlingException", Unavailable: "ServiceUnavailable", Broken: "InternalFailure", Refuse: "InvalidNextTokenException",
		Deny: "AccessDeniedException", ExpireToken: "ExpiredTokenException", Skew: "InvalidSignatureException",
		Cut: "", Truncate: "", WrongType: "",
	} {
		c = trails(s, s.Base(), Region) // one that met the skew has corrected its clock
		end := s.Script(Fault{Operation: "LookupEvents", Do: trouble, By: time.Hour, Code: "InvalidNextTokenException"})
		if _, err := ask(cloudtrail.LookupEventsInput{}); err == nil || code(err) != want {
			t.Errorf("%s: error = %v; want %q", trouble, err, want)
		}
		end()
	}
	c = trails(s, s.Base(), Region) // the old client has corrected its clock
	end := s.Script(Fault{Do: Timeout})
	brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	if _, err := c.LookupEvents(brief, &cloudtrail.LookupEventsInput{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: error = %v; want the deadline's", Timeout, err)
	}
	cancel()
	end()
	const by = 50 * time.Millisecond
	s.Forget()
	end = s.Script(Fault{Do: Slow, By: by, Calls: "2-3"})
	for i := range 4 {
		began := time.Now()
		if _, err := ask(cloudtrail.LookupEventsInput{}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < by && (i == 1 || i == 2) {
			t.Errorf("call %d took %s", i+1, took)
		}
	}
	end()
	for i, call := range s.Calls() { // a busy machine is slow to all of them
		if slow := call.Trouble == Slow; slow != (i == 1 || i == 2) {
			t.Errorf("call %d was slowed: %v", i+1, slow)
		}
	}
	for trouble, want := range map[Trouble][]string{SameToken: {fakeToken, fakeToken}, EndlessToken: {fakeToken + "-1", fakeToken + "-2"}} {
		end := s.Script(Fault{Do: trouble})
		var token *string
		for _, w := range want {
			out, err := ask(cloudtrail.LookupEventsInput{NextToken: token})
			if err != nil || aws.ToString(out.NextToken) != w || len(out.Events) != 1 {
				t.Fatalf("%s: got %+v, %v; want token %s", trouble, out, err, w)
			}
			token = out.NextToken
		}
		end()
	}
}

// In the test's own time a call takes what its fault says, and no more.
func TestSlownessInItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, "cloudtrail")
		s.Handle("cloudtrail", "LookupEvents", lookup)
		c := cloudtrail.New(cloudtrail.Options{
			BaseEndpoint: aws.String("https://cloudtrail.test"), Region: Region, Credentials: credentials(s.Base()), Retryer: aws.NopRetryer{},
			HTTPClient: &http.Client{Transport: s.Transport()},
		})
		s.Script(Fault{Do: Slow, By: time.Minute, Calls: "2-3"})
		for i := range 4 {
			want := time.Duration(0)
			if i == 1 || i == 2 {
				want = time.Minute
			}
			began := time.Now()
			if _, err := c.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{}); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("call %d took %s; want %s", i+1, took, want)
			}
		}
	})
}

// In a bubble of synctest the server has the test's own time: a second costs nothing.
func TestLimitInItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, "cloudtrail")
		s.Handle("cloudtrail", "LookupEvents", lookup)
		s.Limit("cloudtrail:LookupEvents", 2)
		c := cloudtrail.New(cloudtrail.Options{
			BaseEndpoint: aws.String("https://cloudtrail.test"), Region: Region, Credentials: credentials(s.Base()), Retryer: aws.NopRetryer{},
			HTTPClient: &http.Client{Transport: s.Transport()},
		})
		var got []string
		for range 6 {
			_, err := c.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{})
			got = append(got, code(err))
			time.Sleep(400 * time.Millisecond)
		}
		if want := []string{"", "", "ThrottlingException", "", "", "ThrottlingException"}; !slices.Equal(got, want) {
			t.Errorf("got %q; want %q", got, want)
		}
		if n := s.MaxPerSecond("cloudtrail:LookupEvents"); n != 3 {
			t.Errorf("MaxPerSecond = %d; want 3", n)
		}
	})
}

// No pattern of any model is passed over.
func TestEveryPatternIsUsable(t *testing.T) {
	needModel(t, "cloudtrail")
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.nodoc.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no models in %s: %v", dir, err)
	}
	n := 0
	for _, f := range files {
		m := needModel(t, strings.TrimSuffix(filepath.Base(f), ".nodoc.json"))
		for _, name := range slices.Sorted(maps.Keys(m.Shapes)) {
			if p := m.Shapes[name].Pattern; p != "" {
				n++
				if _, err := pattern(p); err != nil {
					t.Errorf("%s %s: %v", filepath.Base(f), name, err)
				}
			}
		}
	}
	t.Logf("%d patterns of %d models", n, len(files))
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{`[\w+=,.@-]*`, []string{"", "a@b"}, []string{"a/b", "a\n"}},
		{`(?!aws:)[a-zA-Z+-=._:/]+`, []string{"team"}, []string{"aws:team", ""}},
		{`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`, []string{"example-co"}, []string{"example--co", "-a", "a"}},
		{`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*`, []string{"名前 😀\t"}, []string{"a\n"}},
		{`[\u0009\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`, []string{"\t😀"}, []string{"a"}},
	} {
		p, err := pattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.yes {
			if !p.matches(s) {
				t.Errorf("%s does not match %q", tt.pattern, s)
			}
		}
		for _, s := range tt.no {
			if p.matches(s) {
				t.Errorf("%s matches %q", tt.pattern, s)
			}
		}
	}
}
