package athena

import (
	"context"
	"os"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/awsconn"
	"uratori/source/call"
)

// Against the real service. It asks one question about the last full day, whose bytes cost money:
//
//	URATORI_ATHENA_TABLE=cloudtrail_logs URATORI_ATHENA_DATABASE=default AWS_REGION=ap-northeast-1 \
//	AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... AWS_SESSION_TOKEN=... go test ./source/athena -run RealService
//
// URATORI_ATHENA_WORKGROUP and URATORI_ATHENA_OUTPUT are used where they are set. What it asks in
// SQL it asks again over fetched records, and both must agree.
func TestRealService(t *testing.T) {
	if os.Getenv("URATORI_ATHENA_TABLE") == "" {
		t.Skip("URATORI_ATHENA_TABLE is not set: no real table to ask")
	}
	conn, err := awsconn.New(awsconn.Options{
		Name: "real", Region: os.Getenv("AWS_REGION"), Caller: call.New(call.Options{}),
		Keys: func(context.Context) (awsconn.Keys, error) {
			return awsconn.Keys{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Name: "real", Conn: conn, Database: os.Getenv("URATORI_ATHENA_DATABASE"), Table: os.Getenv("URATORI_ATHENA_TABLE"),
		Workgroup: os.Getenv("URATORI_ATHENA_WORKGROUP"), Output: os.Getenv("URATORI_ATHENA_OUTPUT"), MaxBytes: 1 << 30, MaxRows: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().UTC().Truncate(24 * time.Hour)
	hour := query.Window{From: end.Add(-time.Hour), To: end}
	fields := []query.Field{query.EventTime, query.EventID, "api", "source_ip", "source_service", "denied", "read_only", "session_name", "session_created", "user_agent", "bytes_out"}
	direct := ask(t, s, query.Query{Dataset: query.CloudTrail, Window: hour, Select: fields, Limit: 1000})
	fetched := ask(t, s, query.Query{Dataset: query.CloudTrail, Window: hour, Select: append(fields, query.RawSHA256), Limit: 1000})
	if direct.Outcome == evidence.Denied || len(direct.Rows) != len(fetched.Rows) {
		t.Fatalf("%s %s with %d rows, fetched %s %s with %d", direct.Outcome, direct.Reason, len(direct.Rows), fetched.Outcome, fetched.Reason, len(fetched.Rows))
	}
	for i, r := range direct.Rows {
		for j, v := range r {
			if !v.Equal(fetched.Rows[i][j]) {
				t.Errorf("row %d: %s is %v in SQL and %v here", i, fields[j], v, fetched.Rows[i][j])
			}
		}
	}
	if cov, err := s.Covers(t.Context(), query.Scope{Kind: query.KindManagement, Window: hour}); err != nil {
		t.Error(err)
	} else {
		t.Log(cov)
	}
}
