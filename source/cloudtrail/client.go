package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudtrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/call"
)

// Paces are how fast the API may be called: the caller that is given to [New] must keep them. The
// limit of LookupEvents is two a second for an account and Region (CloudTrail API Reference,
// "LookupEvents"); others share it, so a quarter is left to them.
var Paces = map[string]call.Pace{
	"cloudtrail:LookupEvents":        {PerSecond: 1.5, Burst: 1},
	"cloudtrail:DescribeTrails":      {PerSecond: 5, Burst: 5},
	"cloudtrail:GetTrailStatus":      {PerSecond: 5, Burst: 5},
	"cloudtrail:GetEventSelectors":   {PerSecond: 1, Burst: 2},
	"cloudtrail:ListEventDataStores": {PerSecond: 2, Burst: 2},
	"cloudtrail:GetEventDataStore":   {PerSecond: 2, Burst: 2},
}

// A place is where events are kept: an account and a Region.
type place struct{ account, region string }

// maxBody is the largest response that is read. 50 events of 256 KB (AWS CloudTrail User Guide,
// "Quotas") as JSON within JSON stay well below it.
const maxBody = 32 << 20

const assumeRole = "sts:AssumeRole"

// renew is how long before their end credentials are replaced.
const renew = 5 * time.Minute

// A received counts the bytes of a response and may keep them.
type received struct {
	bytes atomic.Int64
	keep  bool
	body  []byte
}

type receivedKey struct{}

// bounded is a round tripper that reads no more of a response than maxBody.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, ok := req.Context().Value(receivedKey{}).(*received)
	if !ok {
		got = &received{}
	}
	resp.Body = &boundedBody{resp.Body, got}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	got *received
}

var errTooLong = fmt.Errorf("the response is %d MiB or longer", maxBody>>20)

func (b *boundedBody) Read(p []byte) (int, error) {
	left := maxBody - b.got.bytes.Load()
	if left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), left)])
	if b.got.keep {
		b.got.body = append(b.got.body, p[:n]...)
	}
	b.got.bytes.Add(int64(n))
	return n, err
}

// client is the CloudTrail client of a place. One is kept for each: it corrects its own clock by
// the service's.
func (s *Source) client(p place) *awscloudtrail.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[p]
	if c == nil {
		c = awscloudtrail.New(awscloudtrail.Options{
			Region: p.region, BaseEndpoint: endpoint(s.opt.Endpoint), HTTPClient: s.http, Retryer: aws.NopRetryer{},
			Credentials: forSDK(func(ctx context.Context) (awsconn.Keys, error) { return s.credentials(ctx, p.account) }),
		})
		s.clients[p] = c
	}
	return c
}

func endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return aws.String(url)
}

// account is the account's configuration.
func (s *Source) account(id string) (Account, bool) {
	i := slices.IndexFunc(s.opt.Accounts, func(a Account) bool { return a.ID == id })
	if i < 0 {
		return Account{}, false
	}
	return s.opt.Accounts[i], true
}

// credentials are those for an account: our own, or those of its role, cached until shortly
// before they end.
func (s *Source) credentials(ctx context.Context, id string) (awsconn.Keys, error) {
	a, ok := s.account(id)
	if !ok {
		return awsconn.Keys{}, fmt.Errorf("account %s is not configured: %w", id, source.ErrDenied)
	}
	if a.RoleARN == "" {
		return s.own(ctx)
	}
	lock := s.lane("role " + id)
	if err := lock.take(ctx); err != nil {
		return awsconn.Keys{}, err
	}
	defer lock.leave()
	s.mu.Lock()
	c, ok := s.sessions[id]
	s.mu.Unlock()
	if ok && s.opt.Now().Add(renew).Before(c.Expires) {
		return c, nil
	}
	c, err := s.assume(ctx, a)
	if err != nil {
		return awsconn.Keys{}, fmt.Errorf("assume role %s: %w", a.RoleARN, err)
	}
	s.mu.Lock()
	s.sessions[id] = c
	s.mu.Unlock()
	return c, nil
}

// forget drops an account's cached credentials.
func (s *Source) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
}

// own are the source's own credentials.
func (s *Source) own(ctx context.Context) (awsconn.Keys, error) {
	c, err := s.opt.Keys(ctx)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return c, context.Cause(ctx)
	}
	return c, fmt.Errorf("read the credentials of source %q: %w: %w", s.opt.Name, err, source.ErrDenied)
}

// forSDK gives credentials to the SDK.
func forSDK(of func(context.Context) (awsconn.Keys, error)) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := of(ctx)
		return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, err
	})
}

func (s *Source) assume(ctx context.Context, a Account) (awsconn.Keys, error) {
	if _, err := s.own(ctx); err != nil {
		return awsconn.Keys{}, err
	}
	in := &sts.AssumeRoleInput{RoleArn: aws.String(a.RoleARN), RoleSessionName: aws.String("uratori")}
	if a.ExternalID != nil {
		id, err := a.ExternalID(ctx)
		if err != nil {
			return awsconn.Keys{}, fmt.Errorf("read the external id: %w: %w", err, source.ErrDenied)
		}
		in.ExternalId = aws.String(id)
	}
	var out *sts.AssumeRoleOutput
	_, err := s.do(ctx, assumeRole, place{a.ID, s.opt.Regions[0]}, false, func(ctx context.Context) (err error) {
		out, err = s.sts.AssumeRole(ctx, in)
		return err
	})
	if err != nil {
		return awsconn.Keys{}, err
	}
	c := out.Credentials
	if c == nil || c.AccessKeyId == nil || c.SecretAccessKey == nil || c.SessionToken == nil || c.Expiration == nil {
		return awsconn.Keys{}, fmt.Errorf("STS answered without credentials: %w", source.ErrUnavailable)
	}
	return awsconn.Keys{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken, Expires: *c.Expiration}, nil
}

// A cost is what calls came to.
type cost struct {
	calls int
	bytes int64
	body  []byte // of the last response, when it was asked for
}

// do makes one call through the shared caller; credentials that are too old are replaced once.
func (s *Source) do(ctx context.Context, api string, p place, keep bool, try func(context.Context) error) (c cost, err error) {
	for attempt := 0; ; attempt++ {
		if api != assumeRole { // before the call, so that no call is made within another
			if _, err := s.credentials(ctx, p.account); err != nil {
				return c, err
			}
		}
		var once cost
		once, err = s.attempt(ctx, api, p, keep, try)
		c.calls, c.bytes, c.body = c.calls+once.calls, c.bytes+once.bytes, once.body
		if !expired(err) || attempt > 0 || api == assumeRole {
			return c, err
		}
		s.forget(p.account)
	}
}

func (s *Source) attempt(ctx context.Context, api string, p place, keep bool, try func(context.Context) error) (c cost, err error) {
	c.calls, err = s.opt.Caller.Do(ctx, call.Request{
		Key: call.Key{API: api, Account: p.account, Region: p.region}, Source: s.opt.Name, Endpoint: s.breaker(api, p),
		Do: func(ctx context.Context) (call.Cost, error) {
			got := &received{keep: keep}
			within, cancel := context.WithTimeout(context.WithValue(ctx, receivedKey{}, got), s.opt.Timeout)
			defer cancel()
			err := classify(ctx, try(within))
			c.bytes += got.bytes.Load()
			c.body = got.body
			return call.Cost{Pages: 1, Bytes: got.bytes.Load()}, err
		},
	})
	if err != nil {
		err = fmt.Errorf("%s in account %s, %s: %w", api, p.account, p.region, err)
	}
	return c, err
}

// breaker names what fails together: a service in a Region.
func (s *Source) breaker(api string, p place) string {
	service, _, _ := strings.Cut(api, ":")
	return service + "." + p.region + " " + s.opt.Endpoint
}

// A refusal is an error that the service gave, under its code.
type refusal struct {
	code, message string
	kind          error // a sentinel of package source
}

func (r *refusal) Error() string { return r.code + ": " + r.message + ": " + r.kind.Error() }
func (r *refusal) Unwrap() error { return r.kind }

func expired(err error) bool {
	var r *refusal
	return errors.As(err, &r) && (r.code == "ExpiredTokenException" || r.code == "ExpiredToken")
}

// classify gives an error of the SDK the sentinel by which callers act. What the service refuses
// as invalid is never sent again; what is neither a refusal nor ours is the other side's silence.
func classify(ctx context.Context, err error) error {
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, source.ErrDenied), errors.Is(err, source.ErrBudget), errors.Is(err, source.ErrThrottled), errors.Is(err, source.ErrInvalid), errors.Is(err, source.ErrUnavailable):
		return err // of the credentials that the call needed
	case errors.As(err, &api):
		return &refusal{api.ErrorCode(), api.ErrorMessage(), kindOf(api)}
	}
	// The SDK's own text names the request, not its secrets; but it is long and says it twice.
	cause := err
	for e := err; e != nil; e = errors.Unwrap(e) {
		cause = e
	}
	return fmt.Errorf("%w: %w", cause, source.ErrUnavailable)
}

// kindOf follows "Common errors" and the errors of LookupEvents in the CloudTrail API Reference,
// and those of the STS API Reference.
func kindOf(api smithy.APIError) error {
	code := api.ErrorCode()
	switch code {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown":
		return source.ErrThrottled
	case "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "NotAuthorized",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException",
		"ExpiredToken", "ExpiredTokenException", "RegionDisabledException":
		return source.ErrDenied
	case "InvalidSignatureException", "SignatureDoesNotMatch":
		// A clock that is wrong is corrected by the client, from the date of this very answer.
		if strings.Contains(api.ErrorMessage(), "Signature expired") || strings.Contains(api.ErrorMessage(), "Signature not yet current") {
			return source.ErrUnavailable
		}
		return source.ErrDenied
	case "RequestExpired", "RequestTimeTooSkewed", "InternalFailure", "InternalError", "ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout":
		return source.ErrUnavailable
	}
	if api.ErrorFault() == smithy.FaultServer || code == "UnknownError" { // the body of a gateway says nothing
		return source.ErrUnavailable
	}
	return source.ErrInvalid
}
