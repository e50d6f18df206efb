package awstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

// The accounts, Regions and secrets that a new server knows. All are invented.
const (
	Home   = "444455556666"   // account of [Server.Base]
	Region = "ap-northeast-1" // one of the two Regions; the other is us-east-1
)

// A Request is one valid, signed request, as a handler sees it.
type Request struct {
	Service   string // name of the model, such as "cloudtrail"
	Operation string // such as "LookupEvents"
	Account   string // of the credentials
	ARN       string // of the principal
	Region    string // that the request was signed for
	Time      time.Time
	// Input is the members by name: string, int64, float64, bool, time.Time, []byte, []any,
	// map[string]any.
	Input map[string]any
}

// Text is a text member, "" if it is missing.
func (r Request) Text(name string) string {
	s, _ := r.Input[name].(string)
	return s
}

// Into fills a struct whose fields are named as the members.
func (r Request) Into(v any) error {
	data, err := json.Marshal(r.Input)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// A Handler answers one operation: with a map or a struct whose keys or exported fields are the
// members (a nil pointer, slice or map is a missing member), or with an [*Error]. It may be called
// concurrently.
type Handler func(req Request) (any, error)

// An Error is an error of the service, as its model names it or as every service may give it.
type Error struct {
	Code    string // such as "InvalidNextTokenException", "ThrottlingException"
	Message string
	Status  int // HTTP; 0 is what the model says, or what services do
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// common are the errors that every service may give, with their HTTP status (CloudTrail API
// Reference, "Common Errors"; STS API Reference, the same), and as the query protocol spells them.
var common = map[string]struct {
	status      int
	query       string
	queryStatus int
}{
	"AccessDeniedException":               {400, "AccessDenied", 403},
	"ExpiredTokenException":               {400, "ExpiredToken", 403},
	"IncompleteSignatureException":        {400, "IncompleteSignature", 400},
	"InternalFailure":                     {500, "InternalFailure", 500},
	"InvalidSignatureException":           {403, "SignatureDoesNotMatch", 403},
	"MissingAuthenticationTokenException": {403, "MissingAuthenticationToken", 403},
	"RequestExpired":                      {400, "RequestExpired", 400},
	"SerializationException":              {400, "MalformedInput", 400},
	"ServiceUnavailable":                  {503, "ServiceUnavailable", 503},
	"ThrottlingException":                 {400, "Throttling", 400},
	"UnknownOperationException":           {400, "InvalidAction", 400},
	"UnrecognizedClientException":         {400, "InvalidClientTokenId", 403},
	"ValidationException":                 {400, "ValidationError", 400},
}

// A Server is a double of AWS. It is safe for concurrent use.
type Server struct {
	t     testing.TB
	done  chan struct{}
	start sync.Once
	http  *httptest.Server

	mu          sync.Mutex
	models      map[string]*model
	handlers    map[string]Handler // "service:Operation"
	credentials map[string]Credential
	regions     []string
	roles       map[string]role // by ARN
	faults      []*fault
	limits      map[string]int
	calls       []Call
	violations  []string
	tolerant    bool
	issued      int
	world       *World
	kept        *Secrets
	detecting   []*detective
	allowed     map[string][]allowance // by ARN of a principal
}

// New returns a server for the services of those names and for STS; names are those of the
// models, such as "cloudtrail" or "sso-admin". Without the models the test is skipped. The server
// ends with the test, which fails for every request that was not valid.
func New(t testing.TB, services ...string) *Server {
	t.Helper()
	s := &Server{
		t: t, done: make(chan struct{}),
		models: map[string]*model{}, handlers: map[string]Handler{}, credentials: map[string]Credential{},
		regions: []string{Region, "us-east-1"}, roles: map[string]role{}, limits: map[string]int{},
	}
	for _, name := range append([]string{"sts"}, services...) {
		s.models[name] = needModel(t, name)
	}
	s.AddCredential(s.Base())
	s.Handle("sts", "AssumeRole", s.assumeRole)
	s.Handle("sts", "GetCallerIdentity", s.callerIdentity)
	t.Cleanup(func() {
		close(s.done)
		if s.http != nil {
			s.http.CloseClientConnections()
			s.http.Close()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.tolerant {
			for _, v := range s.violations {
				t.Errorf("awstest: a request was not valid: %s", v)
			}
		}
	})
	return s
}

// Base are the credentials of the program itself, in the account [Home].
func (s *Server) Base() Credential {
	return Credential{
		AccessKeyID: "AKIAEXAMPLE000000001", SecretAccessKey: "invented/secret/of/the/home/account/0001",
		Account: Home, ARN: "arn:aws:iam::" + Home + ":user/uratori",
	}
}

// AddCredential makes credentials known.
func (s *Server) AddCredential(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials[c.AccessKeyID] = c
}

// Regions replaces the Regions that the server has.
func (s *Server) Regions(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.regions = names
}

// Tolerate lets requests be invalid: they are still refused, but the test does not fail.
func (s *Server) Tolerate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tolerant = true
}

// Violations are what was wrong with requests.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// Handle registers the handler of an operation.
func (s *Server) Handle(service, operation string, h Handler) {
	s.t.Helper()
	m := s.models[service]
	if m == nil || m.Operations[operation] == nil {
		s.t.Fatalf("awstest: %s:%s is not an operation of a service that New was told of", service, operation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[service+":"+operation] = h
}

// URL is the server's address on loopback; it listens from the first call on.
func (s *Server) URL() string {
	s.start.Do(func() { s.http = httptest.NewServer(http.HandlerFunc(s.serve)) })
	return s.http.URL
}

// Transport reaches the server without a network, whatever host is asked for; so it works inside
// a synctest bubble, where a test has its own time.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

// wrong records a request that was not valid.
func (s *Server) wrong(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// clock is the time by which signatures and limits are judged.
func (s *Server) clock() time.Time {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Do == Skew && !f.off {
			now = now.Add(f.By)
		}
	}
	return now
}

// A reply is a response, before it travels.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	trouble Trouble
	by      time.Duration
}

// answer does what the server does with a request.
func (s *Server) answer(r *http.Request) reply {
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		return reply{status: 400, header: http.Header{}}
	}
	if out, ok := s.byHand(r, body); ok {
		return out
	}
	if out, ok := s.keeps(r, body); ok {
		return out
	}
	id := s.requestID()
	service, m, op, path := s.route(r, body)
	if m == nil {
		s.wrong("%s %s: no service of this server", r.Method, r.URL.Path)
		return reply{status: 404, header: http.Header{}}
	}
	req := Request{Service: service, Time: s.clock().UTC()}
	if op == nil {
		s.wrong("%s %s: no operation of %s", r.Method, r.URL.Path, service)
		return s.refuse(m, nil, id, &Error{Code: "UnknownOperationException"})
	}
	req.Operation = op.Name
	who, sig, err := s.known(r, body)
	req.Account, req.ARN, req.Region = who.Account, who.ARN, sig.region
	f := s.fault(req)
	var out reply
	switch {
	case err != nil:
		out = s.refuse(m, op, id, err)
	case sig.service != m.signingName():
		s.wrong("%s:%s is signed for %q, not for %q", service, op.Name, sig.service, m.signingName())
		out = s.refuse(m, op, id, &Error{Code: "InvalidSignatureException", Message: "Credential should be scoped to correct service: '" + m.signingName() + "'."})
	case !s.hasRegion(sig.region):
		s.wrong("%s:%s is signed for Region %q, which this server does not have", service, op.Name, sig.region)
		out = s.refuse(m, op, id, &Error{Code: "InvalidSignatureException", Message: "Credential should be scoped to a valid region."})
	case f.Do.refuses():
		out = s.refuse(m, op, id, f.err())
	case s.tooFast(req):
		f.Do = Throttle
		out = s.refuse(m, op, id, &Error{Code: "ThrottlingException", Message: "Rate exceeded"})
	default:
		out = s.handle(m, op, path, r, body, req, f, id)
	}
	out.trouble, out.by = f.Do, f.By
	out.header.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	s.log(Call{Service: service, Operation: op.Name, Account: req.Account, Region: req.Region, Time: time.Now(), Status: out.status, Trouble: f.Do})
	return out
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	return fmt.Sprintf("00000000-0000-4000-9000-%012d", s.issued)
}

func (s *Server) hasRegion(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.regions, name)
}

// route finds what a request is for, by its signature's service and, per protocol, its target,
// action or path.
func (s *Server) route(r *http.Request, body []byte) (service string, m *model, op *operation, path map[string]string) {
	sig, _ := parseSignature(r.Header.Get("Authorization")) // judged later
	for _, name := range slices.Sorted(maps.Keys(s.models)) {
		m := s.models[name]
		switch m.Metadata.Protocol {
		case "json":
			target := r.Header.Get("X-Amz-Target")
			if dot := strings.LastIndex(target, "."); dot > 0 && m.target(target[:dot]) {
				return name, m, m.Operations[target[dot+1:]], nil
			}
		case "query":
			form, err := url.ParseQuery(string(body))
			if err == nil && sig.service == m.signingName() && form.Get("Version") == m.Metadata.APIVersion {
				return name, m, m.Operations[form.Get("Action")], nil
			}
		case "rest-json":
			if sig.service == m.signingName() {
				op, path := m.route(r)
				return name, m, op, path
			}
		}
	}
	return "", nil, nil, nil
}

// handle reads the input, holds it against the model, and lets the handler answer.
func (s *Server) handle(m *model, op *operation, path map[string]string, r *http.Request, body []byte, req Request, f Fault, id string) reply {
	in, bad := m.input(op, path, r, body)
	if op.Input != nil {
		bad = append(bad, m.check("", *op.Input, in)...)
	}
	if len(bad) > 0 {
		s.wrong("%s:%s: %s", req.Service, req.Operation, strings.Join(bad, "; "))
		return s.refuse(m, op, id, &Error{
			Code:    "ValidationException",
			Message: fmt.Sprintf("%d validation errors detected: %s", len(bad), strings.Join(bad, "; ")),
		})
	}
	req.Input = in
	var page func(map[string]any)
	if f.Do == SameToken || f.Do == EndlessToken {
		page = f.pages(m, op, in)
	}
	s.mu.Lock()
	h := s.handlers[req.Service+":"+req.Operation]
	s.mu.Unlock()
	if h == nil {
		s.wrong("%s:%s has no handler", req.Service, req.Operation)
		return s.refuse(m, op, id, &Error{Code: "UnknownOperationException"})
	}
	v, err := h(req)
	if err != nil {
		return s.refuse(m, op, id, err)
	}
	out, ok := tree(v).(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	if page != nil {
		page(out)
	}
	var wrong []string
	switch {
	case op.Output != nil:
		wrong = m.check("", *op.Output, out)
	case len(out) > 0:
		wrong = []string{"the operation answers nothing"}
	}
	if len(wrong) > 0 {
		s.t.Errorf("awstest: the handler of %s:%s answers what the service cannot: %s", req.Service, req.Operation, strings.Join(wrong, "; "))
		return s.refuse(m, op, id, &Error{Code: "InternalFailure"})
	}
	return m.reply(op, out, id)
}

// input reads the members of a request.
func (m *model) input(op *operation, path map[string]string, r *http.Request, body []byte) (map[string]any, []string) {
	switch m.Metadata.Protocol {
	case "rest-json":
		return m.restInput(op, path, r, body)
	case "query":
		if ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); ct != "application/x-www-form-urlencoded" {
			return nil, []string{"content type " + strconv.Quote(ct) + " is no form"}
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, []string{"the body is no form: " + err.Error()}
		}
		return m.formInput(op, form)
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/x-amz-json-1.1" && ct != "application/x-amz-json-1.0" {
		return nil, []string{"content type " + strconv.Quote(ct) + " is not that of the protocol"}
	}
	v, err := parseJSON(body)
	if err != nil {
		return nil, []string{"the body is no JSON: " + err.Error()}
	}
	if op.Input == nil {
		return map[string]any{}, nil
	}
	in, ok := m.fromJSON(*op.Input, v).(map[string]any)
	if !ok {
		return nil, []string{"the body is no JSON object"}
	}
	return in, nil
}

// reply is a checked answer as it travels.
func (m *model) reply(op *operation, out map[string]any, id string) reply {
	r := reply{status: 200, header: http.Header{}}
	r.header.Set("X-Amzn-Requestid", id)
	switch m.Metadata.Protocol {
	case "query":
		r.header.Set("Content-Type", "text/xml")
		r.body = m.queryBody(op, out, id)
		return r
	case "rest-json":
		r.header.Set("Content-Type", "application/json")
		if op.HTTP.ResponseCode != 0 {
			r.status = op.HTTP.ResponseCode
		}
		if op.Output != nil {
			s := m.Shapes[op.Output.Shape]
			for name, member := range s.Members {
				if v, ok := out[name]; ok && member.Location == "header" {
					r.header.Set(member.LocationName, xmlText(v))
				}
			}
			if s.Payload != "" {
				r.body = encode(m.toJSON(s.Members[s.Payload], out[s.Payload]))
				return r
			}
		}
	default:
		r.header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	if op.Output == nil {
		if m.Metadata.Protocol == "json" {
			r.body = []byte("{}")
		}
		return r
	}
	r.body = encode(m.toJSON(*op.Output, out))
	return r
}

// encode writes JSON without escaping what HTML would mind.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // checked values always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// refuse is an error as it travels. What is neither in the model nor common is a mistake of the
// handler.
func (s *Server) refuse(m *model, op *operation, id string, err error) reply {
	var e *Error
	if !errors.As(err, &e) {
		s.t.Errorf("awstest: a handler's error is no *awstest.Error: %v", err)
		e = &Error{Code: "InternalFailure"}
	}
	query := m.Metadata.Protocol == "query"
	code, status, modelled := m.fault(e.Code)
	if modelled && op != nil && !m.raises(op, e.Code) {
		if _, ok := common[e.Code]; !ok {
			s.t.Errorf("awstest: %s does not raise %s", op.Name, e.Code)
		}
	}
	if c, ok := common[e.Code]; ok && !modelled {
		code, status = e.Code, c.status
		if query {
			code, status = c.query, c.queryStatus
		}
		if e.Code == "AccessDeniedException" && m.Metadata.Protocol == "rest-json" {
			status = 403
		}
	} else if !modelled {
		s.t.Errorf("awstest: %q is neither an error of the model nor a common one", e.Code)
		code, status = "InternalFailure", 500
	}
	if e.Status != 0 {
		status = e.Status
	}
	r := reply{status: status, header: http.Header{}}
	r.header.Set("X-Amzn-Requestid", id)
	if query {
		r.header.Set("Content-Type", "text/xml")
		kind := "Sender"
		if status >= 500 {
			kind = "Receiver"
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, `<ErrorResponse xmlns="%s"><Error><Type>%s</Type>`, m.namespace(), kind)
		m.element(&b, "Code", ref{Shape: textShape(m)}, code)
		m.element(&b, "Message", ref{Shape: textShape(m)}, e.Message)
		fmt.Fprintf(&b, "</Error><RequestId>%s</RequestId></ErrorResponse>", id)
		r.body = b.Bytes()
		return r
	}
	if m.Metadata.Protocol == "rest-json" {
		r.header.Set("Content-Type", "application/json")
		r.header.Set("X-Amzn-Errortype", code)
		r.body = encode(map[string]any{"message": e.Message, "__type": code})
		return r
	}
	r.header.Set("Content-Type", "application/x-amz-json-1.1")
	r.body = encode(map[string]any{"__type": code, "message": e.Message})
	return r
}

// textShape is the name of any string shape of a model.
func textShape(m *model) string {
	for _, name := range slices.Sorted(maps.Keys(m.Shapes)) {
		if m.Shapes[name].Type == "string" {
			return name
		}
	}
	return ""
}

// serve is the server on the network.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	a := s.answer(r)
	for k, v := range a.header {
		w.Header()[k] = v
	}
	switch a.trouble {
	case None, Throttle, Unavailable, Broken, Refuse, Deny, ExpireToken, Skew, SameToken, EndlessToken: // in the reply
	case Timeout:
		s.hang(r.Context())
		panic(http.ErrAbortHandler)
	case Slow:
		if !s.sleep(r.Context(), a.by) {
			panic(http.ErrAbortHandler)
		}
	case Cut:
		panic(http.ErrAbortHandler)
	case Truncate:
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:len(a.body)/2]) // the connection is cut anyway
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	case WrongType:
		w.Header().Set("Content-Type", "text/html")
		a.body = []byte(wrongPage)
	case NoBody:
		a.body = nil
	case Flood:
		w.WriteHeader(a.status)
		_, _ = io.Copy(w, flood()) // the client may leave
		return
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

const wrongPage = "<html><body>Sign in to the network</body></html>"

// flood is a JSON value that goes on for 1 GiB.
func flood() io.Reader {
	return io.MultiReader(strings.NewReader(`{"Events":[],"X":"`), io.LimitReader(letters{}, 1<<30), strings.NewReader(`"}`))
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func (s *Server) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.done:
	}
}

// sleep tells whether it slept to the end.
func (s *Server) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

// transport is the server without a network.
type transport struct{ s *Server }

// RoundTrip answers a request in the caller's goroutine.
func (t transport) RoundTrip(out *http.Request) (*http.Response, error) {
	in := out.Clone(out.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	a := t.s.answer(in)
	body := io.Reader(bytes.NewReader(a.body))
	length := int64(len(a.body))
	switch a.trouble {
	case None, Throttle, Unavailable, Broken, Refuse, Deny, ExpireToken, Skew, SameToken, EndlessToken: // in the reply
	case Timeout:
		t.s.hang(out.Context())
		return nil, firstError(out.Context().Err(), io.ErrUnexpectedEOF)
	case Slow:
		if !t.s.sleep(out.Context(), a.by) {
			return nil, firstError(out.Context().Err(), io.ErrUnexpectedEOF)
		}
	case Cut:
		return nil, io.ErrUnexpectedEOF
	case Truncate:
		body = io.MultiReader(bytes.NewReader(a.body[:len(a.body)/2]), broken{})
	case WrongType:
		a.header.Set("Content-Type", "text/html")
		body, length = strings.NewReader(wrongPage), int64(len(wrongPage))
	case NoBody:
		body, length = http.NoBody, 0
	case Flood:
		body, length = flood(), -1
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: length, Request: out,
	}, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
