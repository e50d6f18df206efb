package entra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"uratori/source"
	"uratori/source/call"
)

// spare is how long before its end a token is renewed.
const spare = time.Minute

// authorize is a token that is still good, by the client credentials flow. calls is how many
// requests were made for it.
func (g *graph) authorize(ctx context.Context) (tok *oauth2.Token, calls int, err error) {
	g.mu.Lock()
	tok = g.token
	g.mu.Unlock()
	if tok != nil && g.opt.Now().Add(spare).Before(tok.Expiry) {
		return tok, 0, nil
	}
	secret, err := g.opt.Secret(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: read the application's secret: %w: %w", APIToken, err, source.ErrDenied)
	}
	g.mu.Lock()
	g.secret = secret
	g.mu.Unlock()
	conf := clientcredentials.Config{
		ClientID: g.opt.ClientID, ClientSecret: secret, TokenURL: g.opt.TokenURL,
		Scopes: []string{g.opt.Endpoint + "/.default"}, AuthStyle: oauth2.AuthStyleInParams,
	}
	calls, err = g.opt.Caller.Do(ctx, call.Request{
		Key: call.Key{API: APIToken}, Source: g.opt.Name, Endpoint: g.opt.TokenURL,
		Do: func(ctx context.Context) (call.Cost, error) {
			bounded, cancel := context.WithTimeout(ctx, g.opt.Timeout)
			defer cancel()
			got, err := conf.Token(context.WithValue(bounded, oauth2.HTTPClient, g.http))
			if err != nil {
				return call.Cost{}, g.unauthorized(ctx, bounded, err)
			}
			tok = got
			return call.Cost{}, nil
		},
	})
	if err != nil {
		return nil, calls, err
	}
	life := spare // one that does not say how long it is good for serves once
	if !tok.Expiry.IsZero() {
		life = time.Until(tok.Expiry) // which the library counted by the system's clock
	}
	tok.Expiry = g.opt.Now().Add(life)
	g.mu.Lock()
	g.token = tok
	g.mu.Unlock()
	return tok, calls, nil
}

// forget drops a token that was refused.
func (g *graph) forget(tok *oauth2.Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token == tok {
		g.token = nil
	}
}

// aadsts is the number that Entra ID puts before every error text ("Microsoft Entra authentication
// and authorization error codes").
var aadsts = regexp.MustCompile(`\bAADSTS\d{4,9}\b`)

// unauthorized names why there is no token, by codes alone: the text could hold what we sent.
func (g *graph) unauthorized(ctx, bounded context.Context, err error) error {
	var re *oauth2.RetrieveError
	if !errors.As(err, &re) || re.Response == nil {
		if ctx.Err() == nil && bounded.Err() == nil {
			return &refusal{api: APIToken, message: "no token can be read from the answer", kind: source.ErrUnavailable}
		}
		return g.broken(ctx, bounded, APIToken, err)
	}
	r := &refusal{api: APIToken, status: re.Response.StatusCode, code: word(re.ErrorCode), kind: kindOf(re.Response.StatusCode), id: requestID(re.Response)}
	r.message = aadsts.FindString(re.ErrorDescription)
	// The flow answers 400 and 401 for wrong credentials alike (RFC 6749, section 5.2).
	switch r.code {
	case "invalid_client", "unauthorized_client", "access_denied", "invalid_grant":
		r.kind = source.ErrDenied
	case "temporarily_unavailable", "server_error":
		r.kind = source.ErrUnavailable
	}
	if re.Response.StatusCode == http.StatusOK {
		r.kind = source.ErrUnavailable
	}
	if in := retryAfter(re.Response, g.opt.Now()); in > 0 {
		return &call.RetryAfter{Err: r, In: in}
	}
	return r
}

// rolesOf are the application permissions that a token carries. The token is Graph's to verify:
// it is only read.
func rolesOf(tok *oauth2.Token) (roles []string, ok bool) {
	parts := strings.Split(tok.AccessToken, ".")
	if len(parts) != 3 {
		return nil, false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	var claims struct {
		Roles []string `json:"roles"`
	}
	if err := json.Unmarshal(body, &claims); err != nil {
		return nil, false
	}
	return claims.Roles, true
}
