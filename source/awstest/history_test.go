package awstest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// The limits of LookupEvents are the double's, too; else a client that breaks them would pass.
func TestHistoryKeepsTheLimitsOfLookupEvents(t *testing.T) {
	s := New(t, "cloudtrail")
	now := time.Date(2025, 9, 20, 12, 0, 0, 0, time.UTC)
	h := NewHistory(s, func() time.Time { return now })
	for i := range 120 {
		category := "Management"
		if i >= 110 {
			category = "Data"
		}
		h.Add(fmt.Appendf(nil, `{"eventID":"e%03d","eventTime":%q,"eventName":"ListBuckets","eventSource":"s3.amazonaws.com","eventCategory":%q,"awsRegion":%q,"recipientAccountId":%q,`+
			`"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:u%d","accessKeyId":"ASIA%d"},"requestParameters":{"bucketName":"b%d"}}`,
			i, now.Add(-time.Duration(i+1)*time.Hour).Format(time.RFC3339), category, Region, Home, i%2, i%3, i%5))
	}
	client := cloudtrail.New(cloudtrail.Options{
		Region: Region, BaseEndpoint: aws.String("https://aws.example"), Credentials: credentials(s.Base()), Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: s.Transport()},
	})
	ask := func(in cloudtrail.LookupEventsInput) (*cloudtrail.LookupEventsOutput, error) {
		s.Forget() // the limit of two a second has a test of its own
		return client.LookupEvents(t.Context(), &in)
	}
	by := func(key, value string) []types.LookupAttribute {
		return []types.LookupAttribute{{AttributeKey: types.LookupAttributeKey(key), AttributeValue: aws.String(value)}}
	}
	// Newest first, fifty a page, management events only.
	var ids []string
	in := cloudtrail.LookupEventsInput{StartTime: aws.Time(now.Add(-80 * 24 * time.Hour)), EndTime: aws.Time(now)}
	for page := 1; ; page++ {
		out, err := ask(in)
		if err != nil {
			t.Fatal(err)
		}
		if page < 3 && len(out.Events) != 50 {
			t.Errorf("page %d has %d events", page, len(out.Events))
		}
		for _, e := range out.Events {
			ids = append(ids, aws.ToString(e.EventId))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(ids) != 110 || ids[0] != "e000" || ids[109] != "e109" {
		t.Errorf("%d events, from %s to %s", len(ids), ids[0], ids[len(ids)-1])
	}
	for _, tt := range []struct {
		key, value string
		want       int
	}{{"Username", "u1", 50}, {"AccessKeyId", "ASIA2", 36}, {"ResourceName", "b4", 22}, {"EventId", "e007", 1}, {"EventName", "listbuckets", 0}, {"EventSource", "s3.amazonaws.com", 50}} {
		out, err := ask(cloudtrail.LookupEventsInput{LookupAttributes: by(tt.key, tt.value)})
		if err != nil {
			t.Errorf("%s=%s: %v", tt.key, tt.value, err)
		} else if len(out.Events) != tt.want {
			t.Errorf("%s=%s: %d events; want %d", tt.key, tt.value, len(out.Events), tt.want)
		}
	}
	// Tokens are good for the parameters that they came with.
	first, err := ask(cloudtrail.LookupEventsInput{MaxResults: aws.Int32(10)})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct {
		in   cloudtrail.LookupEventsInput
		want string
	}{
		"another attribute": {cloudtrail.LookupEventsInput{MaxResults: aws.Int32(10), NextToken: first.NextToken, LookupAttributes: by("Username", "u1")}, "InvalidNextTokenException"},
		"another page size": {cloudtrail.LookupEventsInput{MaxResults: aws.Int32(11), NextToken: first.NextToken}, "InvalidNextTokenException"},
		"no token of ours":  {cloudtrail.LookupEventsInput{NextToken: aws.String("x")}, "InvalidNextTokenException"},
		"two attributes":    {cloudtrail.LookupEventsInput{LookupAttributes: append(by("Username", "u1"), by("EventName", "x")...)}, "InvalidLookupAttributesException"},
		"start after end":   {cloudtrail.LookupEventsInput{StartTime: aws.Time(now), EndTime: aws.Time(now.Add(-time.Hour))}, "InvalidTimeRangeException"},
		"more than 90 days": {cloudtrail.LookupEventsInput{StartTime: aws.Time(now.Add(-91 * 24 * time.Hour))}, "InvalidTimeRangeException"},
	} {
		if _, err := ask(bad.in); code(err) != bad.want {
			t.Errorf("%s: %v; want %s", name, err, bad.want)
		}
	}
	// Another account and Region have their own history.
	if out, err := trails(s, s.Base(), "us-east-1").LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{}); err != nil || len(out.Events) != 0 {
		t.Errorf("us-east-1: %v, %v", out, err)
	}
	s.Forget()
	c := trails(s, s.Base(), Region)
	var got []string
	for range 3 {
		_, err := c.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{})
		got = append(got, code(err))
	}
	if got[2] != "ThrottlingException" {
		t.Errorf("three calls at once: %q", got)
	}
}
