package cloudtrail_test

import (
	"context"
	"os"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/awsconn"
	"uratori/source/call"
	"uratori/source/cloudtrail"
	"uratori/source/local"
)

// TestRealEventHistory asks a real account for its console logins of a day, and for what its trails
// record. It needs URATORI_TEST_AWS_ACCOUNT, URATORI_TEST_AWS_REGION, URATORI_TEST_AWS_ACCESS_KEY_ID
// and URATORI_TEST_AWS_SECRET_ACCESS_KEY, and takes URATORI_TEST_AWS_SESSION_TOKEN. The credentials
// need cloudtrail:LookupEvents, DescribeTrails, GetTrailStatus, GetEventSelectors,
// ListEventDataStores and GetEventDataStore. It makes some ten calls and changes nothing.
func TestRealEventHistory(t *testing.T) {
	env := func(name string) string { return os.Getenv("URATORI_TEST_AWS_" + name) }
	for _, name := range []string{"ACCOUNT", "REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"} {
		if env(name) == "" {
			t.Skipf("URATORI_TEST_AWS_%s is not set: no real account is asked", name)
		}
	}
	store, err := local.Open(t.Context(), local.Options{Name: "fetched"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	conn, err := awsconn.New(awsconn.Options{
		Name: "cloudtrail-api", Region: env("REGION"), Caller: call.New(call.Options{Paces: cloudtrail.Paces}),
		Keys: func(context.Context) (awsconn.Keys, error) {
			return awsconn.Keys{AccessKeyID: env("ACCESS_KEY_ID"), SecretAccessKey: env("SECRET_ACCESS_KEY"), SessionToken: env("SESSION_TOKEN")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	src, err := cloudtrail.New(cloudtrail.Options{Name: "cloudtrail-api", Conn: conn, Accounts: []string{env("ACCOUNT")}, Regions: []string{env("REGION")}, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	q := counted(t, now.Add(-25*time.Hour), now.Add(-time.Hour), `event_name = "ConsoleLogin"`)
	a, err := src.Ask(inAccount(t.Context(), env("ACCOUNT")), q)
	if err != nil {
		t.Fatal(err)
	}
	if a.Outcome != evidence.Found && a.Outcome != evidence.Empty {
		t.Errorf("%s (%s)", a.Outcome, a.Reason)
	}
	cov, err := src.Trails(t.Context(), query.Scope{Kind: query.KindS3Data, Account: env("ACCOUNT"), Region: env("REGION"), Window: q.Window})
	if err != nil || len(cov) == 0 {
		t.Errorf("trails: %v, %v", cov, err)
	}
	t.Logf("%s in %d calls; data events of S3: %+v", a.Outcome, a.Calls, cov)
}
