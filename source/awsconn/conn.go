package awsconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"uratori/source"
	"uratori/source/call"
)

// Actions are the IAM actions that a connection needs itself.
var Actions = []string{"sts:AssumeRole", "sts:GetCallerIdentity"}

// SelfActions are those that it needs to fetch the program's own secrets, and to tell what the
// program itself may do.
var SelfActions = []string{"iam:ListAccessKeys", "iam:SimulatePrincipalPolicy", "secretsmanager:GetSecretValue", "ssm:GetParameter"}

// Keys are AWS credentials. They are never printed.
type Keys struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // of temporary credentials
	Expires         time.Time // zero: they do not
}

// String hides the secret.
func (k Keys) String() string { return "AWS credentials" }

// GoString hides the secret from %#v.
func (k Keys) GoString() string { return k.String() }

// sdk gives the keys to the SDK.
func (k Keys) sdk() aws.Credentials {
	return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, Source: "uratori"}
}

// A Role is what is assumed in an account.
type Role struct {
	ARN        string                                // arn:aws:iam::111122223333:role/uratori
	ExternalID func(context.Context) (string, error) // asked for by the role's trust policy; nil if it asks for none
}

// Options say how AWS is reached.
type Options struct {
	Name      string                              // of the source or looker, for the meter
	Account   string                              // the account of the keys, 12 digits, in which no role is assumed; "" if it is not known
	Region    string                              // of calls that belong to no Region, such as STS's; such as "ap-northeast-1"
	Keys      func(context.Context) (Keys, error) // the program's own credentials
	Role      func(account string) (Role, bool)   // the role to assume in an account; nil or false: the keys themselves
	Session   string                              // name of role sessions, as CloudTrail will show it; "" means "uratori"
	Transport http.RoundTripper                   // nil means a plain one of our own
	Endpoint  func(service, region string) string // base URL of a service; nil or "" means AWS's own
	Caller    *call.Caller                        // shared by everything in the process
	Timeout   time.Duration                       // of one attempt; 0 means 30 s
}

// A Conn reaches AWS accounts. It is safe for concurrent use.
type Conn struct {
	opt  Options
	http *http.Client

	mu   sync.Mutex
	held map[string]*held // by account
	skew *time.Duration   // AWS's clock minus ours, by the last response that had a date
}

// held are the credentials of one account, those of "" the program's own. They are used until shortly
// before they end; what does not end is read each time. turn is full while they are looked at or
// fetched, so that they are fetched once; whoever waits for it can leave.
type held struct {
	turn chan struct{}
	keys Keys
}

func (h *held) take(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *held) leave() { <-h.turn }

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$`)
)

// New returns a connection. It makes no call.
func New(opt Options) (*Conn, error) {
	switch {
	case opt.Name == "":
		return nil, errors.New("connect to AWS: the options name no source")
	case opt.Keys == nil:
		return nil, fmt.Errorf("connect to AWS for %s: there are no credentials", opt.Name)
	case opt.Caller == nil:
		return nil, fmt.Errorf("connect to AWS for %s: there is no caller", opt.Name)
	case !regionForm.MatchString(opt.Region):
		return nil, fmt.Errorf("connect to AWS for %s: %q is no Region such as ap-northeast-1", opt.Name, opt.Region)
	case opt.Account != "" && !accountForm.MatchString(opt.Account):
		return nil, fmt.Errorf("connect to AWS for %s: account %q is not 12 digits", opt.Name, opt.Account)
	}
	if opt.Session == "" {
		opt.Session = "uratori"
	}
	if opt.Timeout == 0 {
		opt.Timeout = 30 * time.Second
	}
	if opt.Transport == nil {
		opt.Transport = Transport()
	}
	// A redirect would take a signed request to another host.
	c := &Conn{opt: opt, held: map[string]*held{}}
	c.http = &http.Client{Transport: whole{PlainBody(opt.Transport), c}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// Transport is a transport for calls to AWS: no connection is kept, because net/http repeats a
// request on a kept connection that broke, and nobody would meter it.
func Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	return t
}

// Region is the Region of calls that belong to none.
func (c *Conn) Region() string { return c.opt.Region }

// A Target is where one call goes.
type Target struct {
	Service string // as endpoints are named, such as "organizations"
	API     string // such as "organizations:DescribeAccount", as IAM names the action
	Account string // whose credentials; "" is the program's own
	Region  string // "" is the connection's

	Most int64            // bytes of a response at most; 0 means 16 MiB
	Body *[]byte          // where the body of the last response is put; nil: it is not kept
	Cost func() call.Cost // of an attempt, asked after it; nil: a page, and the bytes received
}

// Do makes one call to AWS with credentials for its account, and again while that can help.
// do gets a configuration for the SDK's client and makes one attempt. calls counts the attempts,
// with those of an AssumeRole that was needed; bytes are those received. The error wraps one of
// the sentinels of package source, and the SDK's error.
func (c *Conn) Do(ctx context.Context, t Target, do func(ctx context.Context, cfg aws.Config) error) (calls int, bytes int64, err error) {
	if t.Region == "" {
		t.Region = c.opt.Region
	}
	if !regionForm.MatchString(t.Region) { // it becomes part of a host name
		return 0, 0, fmt.Errorf("%s: %q is no Region: %w", t.API, t.Region, source.ErrInvalid)
	}
	if t.Account != "" && !accountForm.MatchString(t.Account) {
		return 0, 0, fmt.Errorf("%s: account %q is not 12 digits: %w", t.API, t.Account, source.ErrInvalid)
	}
	for again := false; ; again = true {
		keys, made, err := c.keys(ctx, t.Account)
		calls += made
		if err != nil {
			return calls, bytes, err
		}
		made, got, err := c.attempts(ctx, t, keys, do)
		calls, bytes = calls+made, bytes+got
		if again || !expired(err) || !c.forget(ctx, t.Account, keys) {
			return calls, bytes, err
		}
	}
}

// attempts makes the attempts of one call.
func (c *Conn) attempts(ctx context.Context, t Target, keys Keys, do func(ctx context.Context, cfg aws.Config) error) (calls int, bytes int64, err error) {
	cfg := aws.Config{
		Region: t.Region, HTTPClient: c.http, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys.sdk(), nil }),
	}
	if c.opt.Endpoint != nil {
		if url := c.opt.Endpoint(t.Service, t.Region); url != "" {
			cfg.BaseEndpoint = aws.String(url)
		}
	}
	calls, err = c.opt.Caller.Do(ctx, call.Request{
		Key:    call.Key{API: t.API, Account: t.Account, Region: t.Region},
		Source: c.opt.Name, Endpoint: t.Service + "." + t.Region,
		Do: func(ctx context.Context) (call.Cost, error) {
			a := &attempt{keys: keys, most: cmp.Or(t.Most, maxResponse)}
			within, cancel := context.WithTimeout(context.WithValue(ctx, attemptKey{}, a), c.opt.Timeout)
			defer cancel()
			err := meaning(ctx, do(within, cfg), a.misdated)
			bytes += a.bytes
			if t.Body != nil {
				*t.Body = a.body
			}
			if t.Cost != nil {
				return t.Cost(), err
			}
			return call.Cost{Pages: 1, Bytes: a.bytes}, err
		},
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", t.API, err)
	}
	return calls, bytes, err
}

// Credentials are the keys with which an account is asked: those of its role, which is assumed when
// they are needed and kept until they end, or the program's own.
func (c *Conn) Credentials(ctx context.Context, account string) (Keys, error) {
	k, _, err := c.keys(ctx, account)
	return k, err
}

// keys are the credentials for an account.
func (c *Conn) keys(ctx context.Context, account string) (keys Keys, calls int, err error) {
	role, other := c.role(account)
	h := c.holder(account)
	if err := h.take(ctx); err != nil {
		return Keys{}, 0, err
	}
	defer h.leave()
	if h.keys.AccessKeyID != "" && c.clock().Add(renewBefore).Before(h.keys.Expires) {
		return h.keys, 0, nil
	}
	if other {
		if keys, calls, err = c.assume(ctx, account, role); err != nil {
			return Keys{}, calls, fmt.Errorf("assume %s: %w", role.ARN, err)
		}
	} else if keys, err = c.opt.Keys(ctx); err != nil {
		if ctx.Err() != nil {
			return Keys{}, 0, context.Cause(ctx)
		}
		return Keys{}, 0, fmt.Errorf("get AWS credentials: %w", denied(err))
	}
	h.keys = keys
	return keys, calls, nil
}

// holder holds the credentials with which an account is asked.
func (c *Conn) holder(account string) *held {
	if _, other := c.role(account); !other {
		account = ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.held[account]
	if h == nil {
		h = &held{turn: make(chan struct{}, 1)}
		c.held[account] = h
	}
	return h
}

// renewBefore is how long before their end temporary credentials are fetched anew.
const renewBefore = 5 * time.Minute

// role is the role to assume for an account; ok is false for the program's own.
func (c *Conn) role(account string) (Role, bool) {
	if account == "" || account == c.opt.Account || c.opt.Role == nil {
		return Role{}, false
	}
	r, ok := c.opt.Role(account)
	return r, ok && r.ARN != ""
}

// forget drops the credentials of an account that AWS calls expired; false when none were kept that
// could be fetched anew.
func (c *Conn) forget(ctx context.Context, account string, were Keys) bool {
	h := c.holder(account)
	if were.Expires.IsZero() || h.take(ctx) != nil {
		return false
	}
	defer h.leave()
	if h.keys == were {
		h.keys = Keys{}
	}
	return true
}

// assume assumes the role of an account, with the program's own credentials; it is metered as a call
// about that account.
func (c *Conn) assume(ctx context.Context, account string, r Role) (keys Keys, calls int, err error) {
	own, _, err := c.keys(ctx, "")
	if err != nil {
		return Keys{}, 0, err
	}
	in := &sts.AssumeRoleInput{RoleArn: aws.String(r.ARN), RoleSessionName: aws.String(c.opt.Session), DurationSeconds: aws.Int32(3600)}
	if r.ExternalID != nil {
		id, err := r.ExternalID(ctx)
		if err != nil {
			return Keys{}, 0, fmt.Errorf("read the external id: %w", denied(err))
		}
		in.ExternalId = aws.String(id)
	}
	calls, _, err = c.attempts(ctx, Target{Service: "sts", API: "sts:AssumeRole", Account: account, Region: c.opt.Region}, own, func(ctx context.Context, cfg aws.Config) error {
		out, err := sts.NewFromConfig(cfg).AssumeRole(ctx, in)
		if err != nil {
			return err
		}
		k := out.Credentials
		if k == nil || aws.ToString(k.AccessKeyId) == "" || k.SecretAccessKey == nil || k.SessionToken == nil || k.Expiration == nil {
			return fmt.Errorf("the answer holds no credentials: %w", source.ErrUnavailable)
		}
		keys = Keys{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken, Expires: *k.Expiration}
		return nil
	})
	if expired(err) {
		c.forget(ctx, "", own)
	}
	return keys, calls, err
}

// An Identity is who the program is in an account.
type Identity struct {
	Account string
	ARN     string
	UserID  string
}

// Whoami asks STS who the program is with its credentials for an account; "" is its own.
func (c *Conn) Whoami(ctx context.Context, account string) (who Identity, err error) {
	_, _, err = c.Do(ctx, Target{Service: "sts", API: "sts:GetCallerIdentity", Account: account}, func(ctx context.Context, cfg aws.Config) error {
		out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return err
		}
		who = Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn), UserID: aws.ToString(out.UserId)}
		if !accountForm.MatchString(who.Account) {
			return fmt.Errorf("the answer names no account: %w", source.ErrUnavailable)
		}
		return nil
	})
	return who, err
}

// RoleNamed is a role of one name in every account but those of the keys, with one external id.
func RoleNamed(partition, name, externalID string, except ...string) func(account string) (Role, bool) {
	return func(account string) (Role, bool) {
		r := Role{ARN: "arn:" + partition + ":iam::" + account + ":role/" + strings.TrimPrefix(name, "/")}
		if externalID != "" {
			r.ExternalID = func(context.Context) (string, error) { return externalID, nil }
		}
		return r, !slices.Contains(except, account)
	}
}
