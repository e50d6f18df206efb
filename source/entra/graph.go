package entra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"uratori/query"
	"uratori/source"
	"uratori/source/call"
)

// A graph makes requests to Graph: metered, paced, with a token, and never following a redirect,
// which could carry the token elsewhere.
type graph struct {
	opt  Options
	http *http.Client

	mu     sync.Mutex // of what follows
	token  *oauth2.Token
	secret string // last one used, so that it can be struck out of messages
	skew   time.Duration
	skewed bool // skew is known
}

func newGraph(opt Options) *graph {
	rt := opt.Transport
	if rt == nil {
		rt = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true}
	}
	return &graph{opt: opt, http: &http.Client{
		Transport:     fresh{rt},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// fresh makes every request on a connection of its own: on one that was used before, net/http
// repeats a GET by itself when the connection breaks, and no meter would know.
type fresh struct{ http.RoundTripper }

func (f fresh) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Close = true
	return f.RoundTripper.RoundTrip(r)
}

func (f fresh) CloseIdleConnections() {
	if c, ok := f.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (g *graph) close() { g.http.CloseIdleConnections() }

// A refusal is what Graph, or the token endpoint, said instead of an answer.
type refusal struct {
	api     string
	status  int    // of HTTP; 0 when there was no response
	code    string // Graph's own, such as "Authorization_RequestDenied"
	message string // may be hostile text
	id      string // request-id
	kind    error  // one of the sentinels of package source
	slow    bool   // it took too long: less may be asked for
}

func (r *refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.api)
	b.WriteByte(':')
	if r.status != 0 {
		fmt.Fprintf(&b, " %d", r.status)
	}
	for _, s := range []string{r.code, r.message} {
		if s != "" {
			b.WriteString(" " + s)
		}
	}
	if r.id != "" {
		b.WriteString(" (request-id " + r.id + ")")
	}
	return b.String() + ": " + r.kind.Error()
}

func (r *refusal) Unwrap() error { return r.kind }

// unlicensed tells whether the tenant has no licence for sign-in reports. Graph says the same to
// an application that lacks Directory.Read.All ("Known issues with Microsoft Graph", license check
// errors for activity reports).
func (r *refusal) unlicensed() bool {
	return strings.HasSuffix(r.code, "RequestFromNonPremiumTenantOrB2CTenant")
}

func refusalIn(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// get makes a GET request and hands its body, which is a JSON object, to read. calls is how many
// requests were made, those for a token included.
func (g *graph) get(ctx context.Context, api, address string, read func(body []byte) (rows int64, err error)) (calls int, err error) {
	for attempt := 1; ; attempt++ {
		tok, n, err := g.authorize(ctx)
		calls += n
		if err != nil {
			return calls, err
		}
		n, err = g.opt.Caller.Do(ctx, call.Request{
			Key: call.Key{API: api}, Source: g.opt.Name, Endpoint: g.opt.Endpoint,
			Do: func(ctx context.Context) (call.Cost, error) { return g.once(ctx, api, address, tok, read) },
		})
		calls += n
		if r := refusalIn(err); r != nil && r.status == http.StatusUnauthorized && attempt == 1 {
			g.forget(tok) // it may have been revoked, or have run out on the way
			continue
		}
		return calls, err
	}
}

func (g *graph) once(ctx context.Context, api, address string, tok *oauth2.Token, read func([]byte) (int64, error)) (call.Cost, error) {
	bounded, cancel := context.WithTimeout(ctx, g.opt.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodGet, address, nil)
	if err != nil {
		return call.Cost{}, &refusal{api: api, message: "the address cannot be asked", kind: source.ErrInvalid}
	}
	req.Header.Set("Authorization", "Bearer "+tok.AccessToken)
	req.Header.Set("Accept", "application/json")
	began := g.opt.Now()
	resp, err := g.http.Do(req)
	if err != nil {
		return call.Cost{}, g.broken(ctx, bounded, api, err)
	}
	defer resp.Body.Close()
	g.noteClock(resp, began)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	cost := call.Cost{Bytes: int64(len(body))}
	if err != nil {
		return cost, g.broken(ctx, bounded, api, err)
	}
	if resp.StatusCode != http.StatusOK {
		return cost, g.refused(api, resp, body, tok)
	}
	nonsense := func(what string) error {
		return &refusal{api: api, status: resp.StatusCode, message: what, id: requestID(resp), kind: source.ErrUnavailable}
	}
	if len(body) > maxBody {
		return cost, nonsense("the answer is larger than " + strconv.Itoa(maxBody>>20) + " MiB")
	}
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return cost, nonsense("the answer is no JSON but " + query.Quote(cut(resp.Header.Get("Content-Type"), 60)))
	}
	if !json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return cost, nonsense("the answer is no JSON object")
	}
	if cost.Rows, err = read(body); err != nil {
		return cost, nonsense(err.Error())
	}
	cost.Pages = 1
	return cost, nil
}

// broken names an error of the connection, without the address that net/http puts into it.
func (g *graph) broken(ctx, bounded context.Context, api string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", api, context.Cause(ctx))
	}
	r := &refusal{api: api, message: "the connection failed", kind: source.ErrUnavailable}
	if bounded.Err() != nil {
		r.message, r.slow = "no answer within "+g.opt.Timeout.String(), true
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		r.message = "the answer broke off"
	}
	return r
}

// refused reads Graph's error object ("Microsoft Graph error responses and resource types").
func (g *graph) refused(api string, resp *http.Response, body []byte, tok *oauth2.Token) error {
	var e struct {
		Error struct {
			Code       string `json:"code"`
			Message    string `json:"message"`
			InnerError struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &e) // a proxy's page has no code
	r := &refusal{
		api: api, status: resp.StatusCode, code: cut(g.clean(e.Error.Code, tok), 100), message: cut(g.clean(e.Error.Message, tok), 300),
		id: requestID(resp), kind: kindOf(resp.StatusCode),
		slow: resp.StatusCode == http.StatusRequestTimeout || resp.StatusCode == http.StatusGatewayTimeout,
	}
	if r.id == "" {
		r.id = word(e.Error.InnerError.RequestID)
	}
	if r.unlicensed() {
		r.kind = source.ErrDenied
	}
	if in := retryAfter(resp, g.opt.Now()); in > 0 {
		return &call.RetryAfter{Err: r, In: in}
	}
	return r
}

// kindOf is what a status means to who asks.
func kindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return source.ErrDenied
	case status == http.StatusTooManyRequests, status == 509: // 509: bandwidth limit exceeded
		return source.ErrThrottled
	case status >= 500, status < 400, status == http.StatusRequestTimeout:
		return source.ErrUnavailable
	}
	return source.ErrInvalid
}

// retryAfter is how long the service wants to be left alone: seconds, or a moment.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	v := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		if n > 0 && n < 86400 {
			return time.Duration(n * float64(time.Second))
		}
		return 0
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = d // both by the service's clock
	}
	return max(0, at.Sub(now))
}

func requestID(resp *http.Response) string { return word(resp.Header.Get("request-id")) }

// word is an id as services write them, "" for anything else.
func word(s string) string {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.", r)
	}) {
		return ""
	}
	return s
}

// cut keeps the first n bytes of a text, at a character's end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// clean strikes our own secrets out of what a service says.
func (g *graph) clean(s string, tok *oauth2.Token) string {
	g.mu.Lock()
	secret := g.secret
	g.mu.Unlock()
	secrets := []string{secret}
	if tok != nil {
		secrets = append(secrets, tok.AccessToken)
	}
	for _, x := range secrets {
		if x != "" {
			s = strings.ReplaceAll(s, x, "[secret]")
		}
	}
	return s
}

// noteClock compares the service's clock with ours.
func (g *graph) noteClock(resp *http.Response, began time.Time) {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	now := g.opt.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.skew, g.skewed = at.Sub(began.Add(now.Sub(began)/2)).Truncate(time.Second), true
}

func (g *graph) clock() (skew time.Duration, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.skew, g.skewed
}
