package entra_test

import (
	"context"
	"os"
	"testing"
	"time"

	"uratori/query"
	"uratori/source/call"
	"uratori/source/entra"
)

// TestRealTenant asks a tenant of one's own, reading only. It needs URATORI_ENTRA_TENANT,
// URATORI_ENTRA_CLIENT_ID and URATORI_ENTRA_SECRET, and asks about URATORI_ENTRA_UPN if that is
// set, too.
func TestRealTenant(t *testing.T) {
	get := func(name string) string { return os.Getenv("URATORI_ENTRA_" + name) }
	if get("TENANT") == "" || get("CLIENT_ID") == "" || get("SECRET") == "" {
		t.Skip("set URATORI_ENTRA_TENANT, URATORI_ENTRA_CLIENT_ID and URATORI_ENTRA_SECRET to ask a real tenant")
	}
	s, err := entra.New(entra.Options{
		TenantID: get("TENANT"), ClientID: get("CLIENT_ID"), Secret: func(context.Context) (string, error) { return get("SECRET"), nil },
		Caller: call.New(call.Options{Paces: entra.Paces()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, s)
	c, err := s.Check(t.Context())
	if err != nil || c.TokenErr != nil || c.SignInsErr != nil {
		t.Fatalf("%+v, %v", c, err)
	}
	t.Logf("roles %v, missing %v, surplus %v, secrets %v (%v), skew %s", c.Roles, c.Missing, c.Surplus, c.Secrets, c.SecretsErr, c.Skew)
	to := time.Now().UTC().Add(-30 * time.Minute).Truncate(time.Second)
	q := query.Query{
		Dataset: query.SignIn, Window: query.Window{From: to.Add(-24 * time.Hour), To: to},
		Select: []query.Field{query.EventTime, query.EventID, "user_principal_name", "ip", "result"}, Limit: 10_000,
	}
	if upn := get("UPN"); upn != "" {
		q.Where = query.Compare{Field: "user_principal_name", Op: query.Equal, Value: query.TextOf(upn)}
		p, err := s.Person(t.Context(), upn)
		t.Logf("person seen: %v, standing %s, unseen %v", !p.Missing, p.Standing(to), p.Unseen)
		if err != nil {
			t.Error(err)
		}
	}
	a, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d rows of %d pages", a.Outcome, len(a.Rows), a.Pages)
}
