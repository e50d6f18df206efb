package awslookup

import (
	"context"
	"os"
	"testing"

	"uratori/evidence"
	"uratori/source/awsconn"
	"uratori/source/call"
)

// TestRealAWS looks things up in a real account. It is skipped unless URATORI_REAL_AWS_REGION names
// a Region; the credentials are those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN. What is looked up is named by URATORI_REAL_AWS_ACCOUNT, _USER (with _STORE), _KEY,
// _PRINCIPAL, _BUCKET, _INSTANCE and _SET (a permission set, with _STORE) after the same prefix; what is not named is left out.
func TestRealAWS(t *testing.T) {
	region := os.Getenv("URATORI_REAL_AWS_REGION")
	if region == "" {
		t.Skip("URATORI_REAL_AWS_REGION is not set: no real AWS account is asked")
	}
	conn, err := awsconn.New(awsconn.Options{
		Name: "aws", Region: region, Caller: call.New(call.Options{}),
		Keys: func(context.Context) (awsconn.Keys, error) {
			return awsconn.Keys{
				AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	who, err := conn.Whoami(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(Options{Name: "aws", Conn: conn, IdentityStore: IdentityStore{ID: os.Getenv("URATORI_REAL_AWS_STORE")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]evidence.LookupKind{
		"ACCOUNT": evidence.LookAccount, "USER": evidence.LookUser, "KEY": evidence.LookKey, "PRINCIPAL": evidence.LookPrincipal,
		"BUCKET": evidence.LookBucket, "INSTANCE": evidence.LookInstance, "SET": evidence.LookPermissionSet,
	} {
		key := os.Getenv("URATORI_REAL_AWS_" + name)
		if key == "" {
			continue
		}
		got, err := l.Look(t.Context(), evidence.Lookup{Kind: kind, Key: key, Account: who.Account, Region: region})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if got.Outcome != evidence.Found {
			t.Errorf("%s: %v, %s; name one that exists", kind, got.Outcome, got.Reason)
		}
		for _, p := range got.Body.Parts {
			if p.Outcome != evidence.Found && p.Outcome != evidence.Empty {
				t.Errorf("%s: %s was not answered: %s", kind, p.Name, p.Reason)
			}
		}
	}
}
