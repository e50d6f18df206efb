package graphtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"uratori/source/graphtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2025, 9, 8, 0, 0, 0, 0, time.UTC)

// tenant is a double with five sign-ins, one an hour, and its clock.
func tenant(t *testing.T, opt graphtest.Options) (*graphtest.Server, *time.Time) {
	t.Helper()
	clock := began.Add(24 * time.Hour)
	opt.Now = func() time.Time { return clock }
	for i := range 5 {
		opt.SignIns = append(opt.SignIns, fmt.Appendf(nil,
			`{"id":"s%d","createdDateTime":%q,"userPrincipalName":"User%d@Example.co.jp","userDisplayName":"O'Brien %d","ipAddress":"192.0.2.%d","isInteractive":%t,"location":{"city":"Tokyo","countryOrRegion":"JP"},"status":{"errorCode":%d}}`,
			i, began.Add(time.Duration(i)*time.Hour).Format("2006-01-02T15:04:05.0000000Z"), i%2, i, i, i != 4, 50126*(i%2)))
	}
	s, err := graphtest.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s, &clock
}

func send(t *testing.T, s *graphtest.Server, r *http.Request) (int, map[string]any, http.Header) {
	t.Helper()
	resp, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return resp.StatusCode, out, resp.Header
}

func bearer(t *testing.T, s *graphtest.Server) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID()}, "client_secret": {s.Secret()}, "scope": {s.URL() + "/.default"}}
	status, out := token(t, s, form)
	text, _ := out["access_token"].(string)
	if status != 200 || text == "" {
		t.Fatalf("%d %v", status, out)
	}
	return text
}

func token(t *testing.T, s *graphtest.Server, form url.Values) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, out, _ := send(t, s, r)
	return status, out
}

func get(t *testing.T, s *graphtest.Server, token, path string, query url.Values) (int, map[string]any, http.Header) {
	t.Helper()
	address := path
	if !strings.HasPrefix(path, "https://") {
		address = s.URL() + path
	}
	if query != nil {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return send(t, s, r)
}

func ids(page map[string]any) string {
	var out []string
	list, _ := page["value"].([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, fmt.Sprint(m["id"]))
	}
	return strings.Join(out, " ")
}

func code(out map[string]any) string {
	e, _ := out["error"].(map[string]any)
	return fmt.Sprint(e["code"])
}

func TestFilters(t *testing.T) {
	s, _ := tenant(t, graphtest.Options{Unlimited: true})
	tok := bearer(t, s)
	for filter, want := range map[string]string{
		"":           "s3 s2 s1 s0",
		"id eq 's1'": "s1",
		"ID eq 's1'": "s1",
		"userPrincipalName eq 'user1@example.co.jp'":                                          "s3 s1", // lower case, as there
		"userPrincipalName eq 'User1@Example.co.jp'":                                          "",
		"userDisplayName eq 'O''Brien 2'":                                                     "s2",
		"startsWith(userDisplayName,'O''Brien')":                                              "s3 s2 s1 s0",
		"startswith(ipAddress, '192.0.2.3')":                                                  "s3",
		"createdDateTime ge 2025-09-08T01:00:00Z and createdDateTime le 2025-09-08T02:00:00Z": "s2 s1",
		"createdDateTime ge 2025-09-08T01:00:00.0000001Z":                                     "s3 s2",
		"status/errorCode eq 50126 and (id eq 's1' or id eq 's2')":                            "s1",
		"id eq 's0' or id eq 's1' and status/errorCode eq 0":                                  "s0",
		"location/city eq 'Tokyo' and location/countryOrRegion eq 'US'":                       "",
		"location/state eq 'x'":                                                               "",
		"id eq '%27'":                                                                         "",
	} {
		if status, page, _ := get(t, s, tok, "/v1.0/auditLogs/signIns", url.Values{"$filter": {filter}}); status != 200 || ids(page) != want {
			t.Errorf("%s: %d %s, want %s", filter, status, ids(page), want)
		}
	}
	for _, filter := range []string{
		"id", "id eq", "id eq s1", "id eq 's1", "id ne 's1'", "id eq 's1' and", "(id eq 's1'", "id eq 's1')", "id eq 's1' id eq 's2'", "nobody eq 'x'", "createdDateTime lt 2025-09-08T01:00:00Z",
		"createdDateTime gt 2025-09-08T01:00:00Z", "startsWith(id,'s')", "startsWith(userDisplayName,1)", "deviceDetail/displayName eq 'x'", "'s1' eq id", "not id eq 's1'", "id eq 'a\nb'", "id eq 's\x00'",
		"signInEventTypes/any(t: t eq 'interactiveUser')", strings.Repeat("(", 20) + "id eq 's1'" + strings.Repeat(")", 20), strings.TrimSuffix(strings.Repeat("id eq 's1' or ", 20), " or "),
	} {
		if status, out, _ := get(t, s, tok, "/v1.0/auditLogs/signIns", url.Values{"$filter": {filter}}); status != 400 || code(out) != "BadRequest" {
			t.Errorf("%q: %d %s, want 400", filter, status, code(out))
		}
	}
	for _, q := range []url.Values{{"$top": {"0"}}, {"$top": {"1001"}}, {"$orderby": {"id"}}, {"$skiptoken": {"x_1"}}, {"$skip": {"1"}}, {"filter": {"id eq 's1'"}}} {
		if status, _, _ := get(t, s, tok, "/v1.0/auditLogs/signIns", q); status != 400 {
			t.Errorf("%v: %d, want 400", q, status)
		}
	}
}

func TestBetaReturnsOtherTypesOnlyWhenAsked(t *testing.T) {
	s, _ := tenant(t, graphtest.Options{Unlimited: true})
	tok := bearer(t, s)
	for filter, want := range map[string]string{
		"": "s3 s2 s1 s0",
		"signInEventTypes/any(t: t eq 'nonInteractiveUser')":                                           "s4",
		"(signInEventTypes/any(t: t ne 'interactiveUser'))":                                            "s4",
		"signInEventTypes/any(x: x eq 'interactiveUser' or x eq 'nonInteractiveUser') and id eq 's4'":  "s4",
		"createdDateTime ge 2025-09-08T03:00:00Z and signInEventTypes/any(t: t eq 'servicePrincipal')": "",
	} {
		if status, page, _ := get(t, s, tok, "/beta/auditLogs/signIns", url.Values{"$filter": {filter}}); status != 200 || ids(page) != want {
			t.Errorf("%s: %d %s, want %s", filter, status, ids(page), want)
		}
	}
}

func TestASkipTokenFitsOneQuestion(t *testing.T) {
	s, _ := tenant(t, graphtest.Options{Unlimited: true})
	tok := bearer(t, s)
	q := url.Values{"$filter": {"status/errorCode eq 0"}, "$top": {"1"}, "$orderby": {"createdDateTime desc"}}
	_, page, _ := get(t, s, tok, "/v1.0/auditLogs/signIns", q)
	next, _ := page["@odata.nextLink"].(string)
	_, second, _ := get(t, s, tok, next, nil)
	if ids(page) != "s2" || ids(second) != "s0" || second["@odata.nextLink"] != nil {
		t.Errorf("pages %q and %q, then %v", ids(page), ids(second), second["@odata.nextLink"])
	}
	u, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	for key, other := range map[string]string{"$filter": "status/errorCode eq 50126", "$top": "2", "$orderby": "createdDateTime asc"} {
		changed := u.Query()
		changed.Set(key, other)
		if status, _, _ := get(t, s, tok, "/v1.0/auditLogs/signIns", changed); status != 400 {
			t.Errorf("with another %s: %d, want 400", key, status)
		}
	}
}

func TestThrottling(t *testing.T) {
	s, clock := tenant(t, graphtest.Options{Roles: []string{"AuditLog.Read.All", "Directory.Read.All", "IdentityRiskyUser.Read.All"}})
	tok := bearer(t, s)
	ask := func() (int, string) {
		status, _, h := get(t, s, tok, "/v1.0/auditLogs/signIns", nil)
		return status, h.Get("Retry-After")
	}
	for i := range 5 {
		if status, _ := ask(); status != 200 {
			t.Fatalf("request %d: %d", i+1, status)
		}
		*clock = clock.Add(time.Second)
	}
	if status, after := ask(); status != 429 || after != "5" {
		t.Errorf("the sixth within 5 seconds: %d, Retry-After %q; want 429 and 5", status, after)
	}
	*clock = clock.Add(5 * time.Second)
	if status, _ := ask(); status != 200 {
		t.Errorf("after the time that was named: %d", status)
	}
	if status, _ := ask(); status != 429 {
		t.Errorf("one more at once: %d", status)
	}
	risky := func() (int, bool) {
		status, _, h := get(t, s, tok, "/v1.0/identityProtection/riskyUsers", nil)
		return status, h.Get("Retry-After") != ""
	}
	if status, _ := risky(); status != 200 {
		t.Errorf("identity protection: %d", status)
	}
	if status, after := risky(); status != 429 || after {
		t.Errorf("identity protection twice in a second: %d, Retry-After %v; want 429 without", status, after)
	}
}

func TestTokens(t *testing.T) {
	s, clock := tenant(t, graphtest.Options{Unlimited: true, TokenLife: time.Minute, SecretExpires: began.Add(48 * time.Hour)})
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID()}, "client_secret": {s.Secret()}, "scope": {s.URL() + "/.default"}}
	for key, c := range map[string]struct {
		value  string
		status int
		code   string
	}{
		"grant_type": {"password", 400, "unsupported_grant_type"}, "client_id": {"x", 400, "unauthorized_client"}, "client_secret": {"x", 401, "invalid_client"}, "scope": {"User.Read", 400, "invalid_scope"},
	} {
		form := url.Values{}
		for k := range good {
			form.Set(k, good.Get(k))
		}
		form.Set(key, c.value)
		if status, out := token(t, s, form); status != c.status || out["error"] != c.code {
			t.Errorf("%s %s: %d %v", key, c.value, status, out)
		}
	}
	tok := bearer(t, s)
	use := func(tok string) int {
		status, _, _ := get(t, s, tok, "/v1.0/auditLogs/signIns", nil)
		return status
	}
	if use(tok) != 200 || use("x") != 401 || use("") != 401 {
		t.Error("tokens are not told apart")
	}
	*clock = clock.Add(time.Minute)
	if use(tok) != 401 {
		t.Error("a token outlived its end")
	}
	tok = bearer(t, s)
	s.RevokeTokens()
	if use(tok) != 401 {
		t.Error("a revoked token is good")
	}
	*clock = began.Add(48 * time.Hour)
	if status, out := token(t, s, good); status != 401 || !strings.HasPrefix(fmt.Sprint(out["error_description"]), "AADSTS7000222") {
		t.Errorf("with an expired secret: %d %v", status, out)
	}
}

func TestPermissionsAndRetention(t *testing.T) {
	for name, c := range map[string]struct {
		opt  graphtest.Options
		code string
	}{
		"no AuditLog.Read.All":  {graphtest.Options{Roles: []string{"Directory.Read.All"}}, "Authentication_MSGraphPermissionMissing"},
		"no Directory.Read.All": {graphtest.Options{Roles: []string{"AuditLog.Read.All"}}, "Authentication_RequestFromNonPremiumTenantOrB2CTenant"},
		"no licence":            {graphtest.Options{Free: true}, "Authentication_RequestFromNonPremiumTenantOrB2CTenant"},
	} {
		s, _ := tenant(t, c.opt)
		if status, out, _ := get(t, s, bearer(t, s), "/v1.0/auditLogs/signIns", nil); status != 403 || code(out) != c.code {
			t.Errorf("%s: %d %s", name, status, code(out))
		}
	}
	s, _ := tenant(t, graphtest.Options{Retention: 22 * time.Hour})
	if _, page, _ := get(t, s, bearer(t, s), "/v1.0/auditLogs/signIns", nil); ids(page) != "s3 s2" {
		t.Errorf("kept for 22 hours: %s", ids(page))
	}
}
