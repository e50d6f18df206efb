// Package graphtest is a double of Microsoft Graph and of the token endpoint of Microsoft Entra ID,
// for tests.
//
// It is written from Microsoft's documentation and shares no code with its client: it reads OData
// itself, pages by tokens that fit one question only, throttles by the published limits, checks
// tokens and permissions, and misbehaves where a [Fault] tells it to. It writes down every request.
package graphtest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say what the tenant holds. The zero value is a licensed tenant without a sign-in, whose
// application may read sign-ins and the directory.
type Options struct {
	Tenant   string   // "" for 70000000-0000-4000-a000-000000000001
	ClientID string   // "" for 80000000-0000-4000-a000-000000000001
	Secret   string   // "" for "s3cret~of.the-app"
	Roles    []string // application permissions in tokens; nil for AuditLog.Read.All and Directory.Read.All
	Free     bool     // the tenant has no premium licence

	SignIns [][]byte // as Graph writes them; user principal names become lower case, as there
	Users   []User

	Now           func() time.Time // the service's clock; nil for the system's
	Retention     time.Duration    // older sign-ins are not returned; 0 for all
	TokenLife     time.Duration    // 0 for an hour
	SecretExpires time.Time        // of the application's secret
	Unlimited     bool             // no throttling
	PageSize      int              // most sign-ins on one page; 0 for 1000
}

// A User is one entry of the directory. Properties are those of Graph's user resource.
type User struct {
	Properties map[string]any
	Manager    string   // id of the manager, "" for none
	Sponsors   []string // ids
}

// A Request is one that the server got.
type Request struct {
	At     time.Time
	Path   string
	Query  url.Values
	Status int // what it was answered with; 0 for a connection that was cut
}

// A Server is the double. It is safe for concurrent use.
type Server struct {
	opt     Options
	signIns []record
	url     string

	mu       sync.Mutex
	requests []Request
	tokens   map[string]token
	reports  []time.Time // when requests to the activity reports were let through
	protect  time.Time   // when the last one to identity protection was
	faults   []Fault
	seen     map[string]int // requests by kind of path, for faults
	loops    int
	stopped  chan struct{}
}

type token struct {
	roles []string
	until time.Time
}

type record struct {
	at     time.Time
	id     string
	raw    []byte
	fields map[string]any
}

// New returns a server that does not listen: it answers by [Server.Transport] or ServeHTTP.
func New(opt Options) (*Server, error) {
	opt.Tenant = cmp.Or(opt.Tenant, "70000000-0000-4000-a000-000000000001")
	opt.ClientID = cmp.Or(opt.ClientID, "80000000-0000-4000-a000-000000000001")
	opt.Secret = cmp.Or(opt.Secret, "s3cret~of.the-app")
	opt.TokenLife = cmp.Or(opt.TokenLife, time.Hour)
	opt.PageSize = cmp.Or(opt.PageSize, 1000)
	if opt.Roles == nil {
		opt.Roles = []string{"AuditLog.Read.All", "Directory.Read.All"}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Server{opt: opt, url: "https://graph.example.co.jp", tokens: map[string]token{}, seen: map[string]int{}, stopped: make(chan struct{})}
	for i, raw := range opt.SignIns {
		r, err := readRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("sign-in %d: %w", i, err)
		}
		s.signIns = append(s.signIns, r)
	}
	slices.SortStableFunc(s.signIns, func(a, b record) int { // newest first
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.id, a.id))
	})
	return s, nil
}

// Start returns a server that listens on the loopback interface until the test ends.
func Start(tb testing.TB, opt Options) *Server {
	tb.Helper()
	s, err := New(opt)
	if err != nil {
		tb.Fatal(err)
	}
	listening := httptest.NewServer(s)
	s.url = listening.URL
	tb.Cleanup(func() {
		s.Stop()
		listening.CloseClientConnections()
		listening.Close()
	})
	return s
}

// Stop lets go of requests that are held. Stopping twice is fine.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopped:
	default:
		close(s.stopped)
	}
}

// URL is the endpoint of Graph.
func (s *Server) URL() string { return s.url }

// TokenURL is the token endpoint.
func (s *Server) TokenURL() string { return s.url + "/" + s.opt.Tenant + "/oauth2/v2.0/token" }

// Tenant is the id of the tenant.
func (s *Server) Tenant() string { return s.opt.Tenant }

// ClientID is the id of the application.
func (s *Server) ClientID() string { return s.opt.ClientID }

// Secret is the secret of the application.
func (s *Server) Secret() string { return s.opt.Secret }

// Requests are the requests so far, in the order they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Asked counts the requests whose path ends so, such as "signIns".
func (s *Server) Asked(end string) int {
	n := 0
	for _, r := range s.Requests() {
		if strings.HasSuffix(r.Path, end) {
			n++
		}
	}
	return n
}

// RevokeTokens makes every token that was given out worthless.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// readRecord reads a sign-in and writes its user principal name in lower case, as Entra ID does.
func readRecord(raw []byte) (record, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return record{}, err
	}
	var upn string
	if v, ok := members["userPrincipalName"]; ok && json.Unmarshal(v, &upn) == nil {
		members["userPrincipalName"], _ = json.Marshal(strings.ToLower(upn)) // a string always encodes
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return record{}, err
	}
	r := record{raw: raw}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&r.fields); err != nil {
		return record{}, err
	}
	r.id, _ = r.fields["id"].(string)
	when, _ := r.fields["createdDateTime"].(string)
	if r.at, err = time.Parse(time.RFC3339Nano, when); err != nil {
		return record{}, err
	}
	return r, nil
}

// eventType is what the beta endpoint says in signInEventTypes.
func (r record) eventType() string {
	if list, ok := r.fields["signInEventTypes"].([]any); ok && len(list) > 0 {
		if s, ok := list[0].(string); ok {
			return s
		}
	}
	if b, ok := r.fields["isInteractive"].(bool); ok && !b {
		return "nonInteractiveUser"
	}
	return "interactiveUser"
}

// as is the record as one version of the API returns it.
func (r record) as(beta bool) record {
	fields := map[string]any{}
	for k, v := range r.fields {
		if k != "signInEventTypes" {
			fields[k] = v
		}
	}
	if beta {
		fields["signInEventTypes"] = []any{r.eventType()}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err) // it was JSON before
	}
	return record{at: r.at, id: r.id, raw: raw, fields: fields}
}

// Transport answers requests without a connection.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	cut := false
	func() {
		defer func() {
			if p := recover(); p != nil {
				cut = true
			}
		}()
		t.s.ServeHTTP(w, in)
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if cut {
		return nil, fmt.Errorf("connection to %s was cut", r.URL.Host)
	}
	return w.Result(), nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	s.mu.Lock()
	i := len(s.requests)
	s.requests = append(s.requests, Request{At: s.opt.Now(), Path: r.URL.Path, Query: r.URL.Query()})
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.requests[i].Status = rec.status
		s.mu.Unlock()
	}()
	rec.Header().Set("request-id", fmt.Sprintf("90000000-0000-4000-a000-%012d", i))
	rec.Header().Set("Date", s.opt.Now().UTC().Format(http.TimeFormat))
	unloop(r)
	kind := kindOf(r.URL.Path)
	if f, ok := s.fault(kind); ok && f.Do.before() {
		s.misbehave(rec, r, f)
		return
	} else if ok {
		s.answer(&distorted{recorder: rec, fault: f, server: s, request: r}, r, kind)
		return
	}
	s.answer(rec, r, kind)
}

// kindOf is the last fixed part of a path, by which faults are scripted.
func kindOf(path string) string {
	switch {
	case strings.HasSuffix(path, "/oauth2/v2.0/token"):
		return "token"
	case strings.EqualFold(lastOf(path), "signIns"):
		return "signIns"
	case strings.HasSuffix(path, "/manager"), strings.HasSuffix(path, "/sponsors"):
		return lastOf(path)
	case strings.Contains(path, "/users"):
		return "users"
	case strings.Contains(path, "/applications"):
		return "applications"
	case strings.Contains(path, "/identityProtection/"):
		return "identityProtection"
	}
	return ""
}

func lastOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (s *Server) answer(w http.ResponseWriter, r *http.Request, kind string) {
	if kind == "token" {
		s.token(w, r)
		return
	}
	version, path, ok := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if r.Method != http.MethodGet || !ok || version != "v1.0" && version != "beta" {
		fail(w, http.StatusNotFound, "ResourceNotFound", "Resource not found for the segment.")
		return
	}
	roles, ok := s.authorized(w, r)
	if !ok {
		return
	}
	beta := version == "beta"
	switch kind {
	case "signIns":
		s.listSignIns(w, r, beta, roles)
	case "users", "manager", "sponsors":
		s.user(w, r, path, roles)
	case "applications":
		s.application(w, path, roles)
	case "identityProtection":
		s.protection(w, roles)
	default:
		fail(w, http.StatusBadRequest, "BadRequest", "Resource not found for the segment.")
	}
}

// token follows RFC 6749 and Microsoft's codes.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	say := func(status int, code, text string) {
		writeJSON(w, status, map[string]any{"error": code, "error_description": text, "trace_id": "t", "correlation_id": "c"})
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		say(http.StatusBadRequest, "invalid_request", "AADSTS900144: The request body must be a form.")
		return
	}
	f := r.PostForm
	switch {
	case !strings.HasPrefix(r.URL.Path, "/"+s.opt.Tenant+"/"):
		say(http.StatusBadRequest, "invalid_request", "AADSTS90002: Tenant not found.")
	case f.Get("grant_type") != "client_credentials":
		say(http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
	case !strings.HasSuffix(f.Get("scope"), "/.default"):
		say(http.StatusBadRequest, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.")
	case f.Get("client_id") != s.opt.ClientID:
		say(http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
	case f.Get("client_secret") != s.opt.Secret:
		say(http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided: "+f.Get("client_secret"))
	case !s.opt.SecretExpires.IsZero() && !s.opt.Now().Before(s.opt.SecretExpires):
		say(http.StatusUnauthorized, "invalid_client", "AADSTS7000222: The provided client secret keys are expired.")
	default:
		until := s.opt.Now().Add(s.opt.TokenLife)
		claims, _ := json.Marshal(map[string]any{"aud": s.url, "tid": s.opt.Tenant, "appid": s.opt.ClientID, "roles": s.opt.Roles, "exp": until.Unix()})
		s.mu.Lock()
		enc := base64.RawURLEncoding.EncodeToString
		text := strings.Join([]string{enc([]byte(`{"typ":"JWT","alg":"RS256"}`)), enc(claims), enc(fmt.Appendf(nil, "signature %d", len(s.requests)))}, ".")
		s.tokens[text] = token{s.opt.Roles, until}
		s.mu.Unlock()
		writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": int(s.opt.TokenLife.Seconds()), "access_token": text})
	}
}

func (s *Server) authorized(w http.ResponseWriter, r *http.Request) (roles []string, ok bool) {
	text, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	t, known := s.tokens[text]
	s.mu.Unlock()
	switch {
	case !bearer || !known:
		fail(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty or invalid.")
	case !s.opt.Now().Before(t.until):
		fail(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	default:
		return t.roles, true
	}
	return nil, false
}

// listSignIns follows "List signIns".
func (s *Server) listSignIns(w http.ResponseWriter, r *http.Request, beta bool, roles []string) {
	if wait := s.throttled(); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		fail(w, http.StatusTooManyRequests, "UnknownError", "This request is throttled. Please try again after the value specified in the Retry-After header.")
		return
	}
	switch {
	case !slices.Contains(roles, "AuditLog.Read.All"):
		fail(w, http.StatusForbidden, "Authentication_MSGraphPermissionMissing", "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API.")
		return
	case s.opt.Free, !slices.Contains(roles, "Directory.Read.All"): // the known issue
		fail(w, http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or tenant doesn't have premium license")
		return
	}
	q := r.URL.Query()
	for name, values := range q {
		if !slices.Contains([]string{"$filter", "$top", "$orderby", "$skiptoken"}, name) || len(values) != 1 {
			fail(w, http.StatusBadRequest, "BadRequest", "The query parameter "+name+" is not supported.")
			return
		}
	}
	filter, err := parseFilter(q.Get("$filter"), beta)
	if err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "Invalid filter clause: "+err.Error())
		return
	}
	top := s.opt.PageSize
	if t := q.Get("$top"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 1000 {
			fail(w, http.StatusBadRequest, "BadRequest", "Invalid $top.")
			return
		}
		top = min(n, top)
	}
	list := s.signIns
	switch strings.ToLower(strings.Join(strings.Fields(q.Get("$orderby")), " ")) {
	case "", "createddatetime desc":
	case "createddatetime", "createddatetime asc":
		list = slices.Clone(list)
		slices.Reverse(list)
	default:
		fail(w, http.StatusBadRequest, "BadRequest", "Only createdDateTime can be ordered by.")
		return
	}
	var hits []record
	for _, rec := range list {
		if s.opt.Retention > 0 && rec.at.Before(s.opt.Now().Add(-s.opt.Retention)) {
			continue
		}
		// Only interactive sign-ins are returned unless the filter names the types of event.
		if (!beta || !filter.types) && rec.eventType() != "interactiveUser" {
			continue
		}
		if shown := rec.as(beta); filter.holds(shown) {
			hits = append(hits, shown)
		}
	}
	// A skip token fits one question: its filter, order and size of page.
	sum := sha256.Sum256([]byte(strings.Join([]string{q.Get("$filter"), q.Get("$orderby"), q.Get("$top"), r.URL.Path}, "\x00")))
	mark := hex.EncodeToString(sum[:16])
	from := 0
	if t := q.Get("$skiptoken"); t != "" {
		of, at, _ := strings.Cut(t, "_")
		n, err := strconv.Atoi(at)
		if err != nil || of != mark || n < 1 || n >= max(1, len(hits)) {
			fail(w, http.StatusBadRequest, "BadRequest", "Skip token is not valid.")
			return
		}
		from = n
	}
	to := min(len(hits), from+top)
	values := []json.RawMessage{}
	for _, h := range hits[from:to] {
		values = append(values, h.raw)
	}
	page := map[string]any{"@odata.context": s.url + "/$metadata#auditLogs/signIns", "value": values}
	if to < len(hits) {
		next := url.Values{}
		for k := range q {
			next.Set(k, q.Get(k))
		}
		next.Set("$skiptoken", mark+"_"+strconv.Itoa(to))
		page["@odata.nextLink"] = s.url + r.URL.Path + "?" + next.Encode()
	}
	writeJSON(w, http.StatusOK, page)
}

// throttled applies the limit of the activity reports, 5 requests in 10 seconds for an application
// and tenant, and tells how long to wait.
func (s *Server) throttled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	s.reports = slices.DeleteFunc(s.reports, func(t time.Time) bool { return now.Sub(t) >= 10*time.Second })
	if len(s.reports) >= 5 && !s.opt.Unlimited {
		return s.reports[0].Add(10 * time.Second).Sub(now)
	}
	s.reports = append(s.reports, now)
	return 0
}

// protection allows one request a second for a tenant and does not say when to come again.
func (s *Server) protection(w http.ResponseWriter, roles []string) {
	s.mu.Lock()
	now := s.opt.Now()
	early := !s.opt.Unlimited && now.Sub(s.protect) < time.Second
	if !early {
		s.protect = now
	}
	s.mu.Unlock()
	switch {
	case early:
		fail(w, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	case !slices.Contains(roles, "IdentityRiskyUser.Read.All"):
		fail(w, http.StatusForbidden, "Forbidden", "You cannot perform the requested operation, required scopes are missing in the token.")
	default:
		writeJSON(w, http.StatusOK, map[string]any{"value": []any{}})
	}
}

// fail writes Graph's error object.
func fail(w http.ResponseWriter, status int, code, message string) {
	id := w.Header().Get("request-id")
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]any{"date": "2025-09-09T00:00:00", "request-id": id, "client-request-id": id},
	}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // what we hold is JSON
	}
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that left is no fault of ours
}

// A recorder remembers the status that was sent.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
