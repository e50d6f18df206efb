package guardduty

import (
	"context"
	"errors"
	"os"
	"testing"

	"uratori/source/awsconn"
	"uratori/source/call"
)

// TestRealGuardDuty lists the newest findings of a real account and fetches one of them again. It is
// skipped unless URATORI_REAL_AWS_REGION names a Region; the credentials are those of
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. It begins no investigation.
func TestRealGuardDuty(t *testing.T) {
	region := os.Getenv("URATORI_REAL_AWS_REGION")
	if region == "" {
		t.Skip("URATORI_REAL_AWS_REGION is not set: no real AWS account is asked")
	}
	conn, err := awsconn.New(awsconn.Options{
		Name: "guardduty", Region: region, Caller: call.New(call.Options{}),
		Keys: func(context.Context) (awsconn.Keys, error) {
			return awsconn.Keys{
				AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(conn)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := c.List(t.Context(), Place{}, Filter{Limit: 3})
	if errors.Is(err, ErrNoDetector) {
		t.Skipf("GuardDuty is off in %s", region)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		again, err := c.Get(t.Context(), Ref{ID: f.ID})
		if err != nil || again.ID != f.ID || again.Type != f.Type {
			t.Errorf("finding %s came again as %+v, %v", f.ID, again, err)
		}
	}
	if _, err := c.Investigations(t.Context(), Place{}); err != nil {
		t.Errorf("list investigations: %v", err)
	}
}
