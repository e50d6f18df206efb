package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"uratori/source"
	"uratori/source/call"
)

// A tally is what the calls for one answer cost.
type tally struct {
	calls, pages int
	bytes        int64
}

// A request is one call of the API.
type request struct {
	api    string // for the meter, such as "splunk:results"
	method string
	path   string // under the endpoint, with escaped segments
	form   url.Values
	// read reads a good response; nil body for 204. Its error is the call's.
	read func(status int, body []byte) (rows int, err error)
	// bare sends no credentials.
	bare bool
	date *time.Time // filled with the server's clock
}

// send makes a call. A session that expired is renewed once.
func (s *Source) send(ctx context.Context, t *tally, r request) error {
	err := s.sendOnce(ctx, t, r)
	var expired *expiredError
	if errors.As(err, &expired) && s.opt.Login != nil && !r.bare {
		s.forget(expired.key)
		err = s.sendOnce(ctx, t, r)
	}
	return err
}

// An expiredError is a refusal of our credentials.
type expiredError struct {
	err error
	key string
}

func (e *expiredError) Error() string { return e.err.Error() }
func (e *expiredError) Unwrap() error { return e.err }

func (s *Source) sendOnce(ctx context.Context, t *tally, r request) error {
	auth, key := "", ""
	if !r.bare {
		var err error
		if auth, key, err = s.authorize(ctx, t); err != nil {
			return err
		}
	}
	n, err := s.opt.Caller.Do(ctx, call.Request{
		Key: call.Key{API: r.api}, Source: s.opt.Name, Endpoint: s.base.String(),
		Do: func(ctx context.Context) (call.Cost, error) { return s.exchange(ctx, t, r, auth, key) },
	})
	t.calls += n
	return err
}

// exchange makes one attempt.
func (s *Source) exchange(ctx context.Context, t *tally, r request, auth, key string) (cost call.Cost, err error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, s.opt.Timeout)
	defer cancel()
	form := url.Values{"output_mode": {"json"}}
	for k, v := range r.form {
		form[k] = v
	}
	address := s.base.JoinPath("services").String() + "/" + r.path
	sent := form.Encode()
	if r.method != http.MethodPost {
		address, sent = address+"?"+sent, ""
	}
	// A body that cannot be read again keeps the transport from sending a request twice by itself:
	// every attempt is counted and paced.
	req, err := http.NewRequestWithContext(ctx, r.method, address, struct{ io.Reader }{strings.NewReader(sent)})
	if err != nil {
		return cost, fmt.Errorf("%s: %w: %w", r.api, source.ErrInvalid, err)
	}
	req.ContentLength = int64(len(sent))
	req.Header.Set("Accept", "application/json")
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return cost, fmt.Errorf("%s: %w", r.api, broken(parent, err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, s.opt.MaxBytes+1))
	cost.Bytes = int64(len(data))
	t.bytes += cost.Bytes
	if err != nil {
		return cost, fmt.Errorf("%s: the response broke off: %w", r.api, broken(parent, err))
	}
	if int64(len(data)) > s.opt.MaxBytes {
		return cost, fmt.Errorf("%s: %w: the response is larger than %d bytes", r.api, source.ErrInvalid, s.opt.MaxBytes)
	}
	if r.date != nil {
		if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			*r.date = d
		}
	}
	if err := refusal(resp, data); err != nil {
		if resp.StatusCode == http.StatusUnauthorized {
			err = &expiredError{err, key}
		}
		return cost, fmt.Errorf("%s: %w", r.api, err)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); len(data) > 0 && kind != "application/json" {
		return cost, fmt.Errorf("%s: %w: the answer is %q and not JSON; something else than splunkd may answer at the endpoint", r.api, source.ErrUnavailable, kind)
	}
	rows, err := r.read(resp.StatusCode, data)
	cost.Rows = int64(rows)
	if err != nil {
		return cost, fmt.Errorf("%s: %w", r.api, err)
	}
	return cost, nil
}

// broken is the error of a connection that failed; the end of the caller's context stays what it is.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", source.ErrUnavailable, err)
}

// refusal is the error of a status, nil for a good one.
func refusal(resp *http.Response, body []byte) error {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	said := &saidError{status: code, said: textOf(messagesOf(body))}
	var kind error
	switch {
	case code == http.StatusTooManyRequests, busy(said.said):
		kind = source.ErrThrottled
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusPaymentRequired:
		kind = source.ErrDenied
	case code >= 500, code == http.StatusRequestTimeout:
		kind = source.ErrUnavailable
	default:
		kind = source.ErrInvalid
	}
	said.kind = kind
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 && n < 1e6 {
		return &call.RetryAfter{Err: said, In: time.Duration(n) * time.Second}
	}
	return said
}

// A saidError is a refusal with the server's own words.
type saidError struct {
	kind   error
	status int
	said   string
}

func (e *saidError) Error() string {
	out := fmt.Sprintf("%s: status %d", e.kind, e.status)
	if e.said != "" {
		out += ": " + e.said
	}
	return out
}
func (e *saidError) Unwrap() error { return e.kind }

func statusOf(err error) int {
	var said *saidError
	if errors.As(err, &said) {
		return said.status
	}
	return 0
}

// authorize is the header that carries the credentials, and the session key in it.
func (s *Source) authorize(ctx context.Context, t *tally) (header, key string, err error) {
	if s.opt.Token != nil {
		token, err := s.opt.Token(ctx)
		if err != nil || token == "" || strings.ContainsAny(token, "\r\n ") {
			return "", "", fmt.Errorf("the token could not be read: %w", errors.Join(source.ErrDenied, err))
		}
		return "Bearer " + token, "", nil
	}
	s.mu.Lock()
	key = s.session
	s.mu.Unlock()
	if key == "" {
		if key, err = s.login(ctx, t); err != nil {
			return "", "", err
		}
	}
	return "Splunk " + key, key, nil
}

func (s *Source) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == key {
		s.session = ""
	}
}

// login exchanges the user's password for a session key.
func (s *Source) login(ctx context.Context, t *tally) (string, error) {
	user, password, err := s.opt.Login(ctx)
	if err != nil {
		return "", fmt.Errorf("the password could not be read: %w", errors.Join(source.ErrDenied, err))
	}
	var got struct {
		SessionKey string `json:"sessionKey"`
	}
	err = s.send(ctx, t, request{
		api: "splunk:login", method: http.MethodPost, path: "auth/login", bare: true,
		form: url.Values{"username": {user}, "password": {password}},
		read: func(_ int, body []byte) (int, error) {
			if json.Unmarshal(body, &got) != nil || got.SessionKey == "" || strings.ContainsAny(got.SessionKey, "\r\n") {
				return 0, fmt.Errorf("%w: the answer holds no session key", source.ErrUnavailable)
			}
			return 0, nil
		},
	})
	var refused *expiredError
	if errors.As(err, &refused) { // a wrong password is no session that expired
		err = fmt.Errorf("splunk:login: %w", refused.err)
	}
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = got.SessionKey
	return got.SessionKey, nil
}
