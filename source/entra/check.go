package entra

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Permission is an application permission of Microsoft Graph.
type Permission struct {
	Name     string // as it stands in the admin center, such as "AuditLog.Read.All"
	Required bool   // without it sign-ins cannot be read
	For      string // what it is needed for
}

// Permissions are the application permissions that a source uses, all of them for reading. An
// administrator has to consent to them.
func Permissions() []Permission {
	return []Permission{
		{"AuditLog.Read.All", true, "sign-ins (auditLogs/signIns)"},
		{"Directory.Read.All", true, "sign-ins: Graph's check of the licence wants it; people, their managers and sponsors; the end of the application's secret"},
		{"User-LifeCycleInfo.Read.All", false, "when a person leaves (employeeLeaveDateTime)"},
	}
}

// A SecretEnd is when one of the application's secrets ends.
type SecretEnd struct {
	Name string // given by whoever made it; may be hostile text
	Hint string // its first three characters, as Graph tells them
	Ends time.Time
}

// Checked is how the application stands with the tenant. What could not be learned says so.
type Checked struct {
	TokenErr error // nil: a token was obtained; what follows is empty otherwise

	Roles    []string // application permissions in the token, sorted
	RolesErr error    // the token cannot be read
	Missing  []Permission
	Surplus  []string // permissions that are not used: better taken away, the more so those that write

	SignInsErr error // nil: sign-ins can be read
	Unlicensed bool  // the tenant has no licence for sign-in reports, or so Graph says for want of Directory.Read.All

	Secrets    []SecretEnd // by when they end
	SecretsErr error       // they may not be read, which is fine

	Skew      time.Duration // how much the service's clock is ahead of ours
	SkewKnown bool

	Calls int
}

// Check tries what the source will do, for an operator: whether a token is obtained, which
// permissions it carries, which are missing and which are surplus, when the secret ends and how
// the clocks stand. It makes four calls at most, retries apart; the error is for a ctx that ended.
func (s *Source) Check(ctx context.Context) (Checked, error) {
	var c Checked
	tok, n, err := s.graph.authorize(ctx)
	c.Calls += n
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		c.TokenErr = err
		return c, nil
	}
	if roles, ok := rolesOf(tok); ok {
		c.Roles = slices.Compact(slices.Sorted(slices.Values(roles)))
		for _, p := range Permissions() {
			if !slices.Contains(c.Roles, p.Name) {
				c.Missing = append(c.Missing, p)
			}
		}
		for _, r := range c.Roles {
			if !slices.ContainsFunc(Permissions(), func(p Permission) bool { return p.Name == r }) {
				c.Surplus = append(c.Surplus, r)
			}
		}
	} else {
		c.RolesErr = errors.New("the token is none that can be read: its permissions are not known")
	}
	now := s.opt.Now()
	address := s.address(span{now.Add(-time.Hour).Unix(), now.Unix()}, "", 1)
	n, c.SignInsErr = s.graph.get(ctx, APISignIns, address, func(body []byte) (int64, error) {
		p, err := readPage(body)
		return int64(len(p.Value)), err
	})
	c.Calls += n
	if r := refusalIn(c.SignInsErr); r != nil {
		c.Unlicensed = r.unlicensed()
	}
	c.Secrets, n, c.SecretsErr = s.secrets(ctx)
	c.Calls += n
	c.Skew, c.SkewKnown = s.graph.clock()
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	return c, nil
}

// secrets reads when the application's secrets end, not what they are.
func (s *Source) secrets(ctx context.Context) (ends []SecretEnd, calls int, err error) {
	name := url.PathEscape("applications(appId='" + strings.ReplaceAll(s.opt.ClientID, "'", "''") + "')")
	calls, err = s.graph.get(ctx, APIApplications, s.opt.Endpoint+"/v1.0/"+name+"?$select=passwordCredentials", func(body []byte) (int64, error) {
		var app struct {
			PasswordCredentials *[]struct {
				DisplayName string     `json:"displayName"`
				Hint        string     `json:"hint"`
				EndDateTime *time.Time `json:"endDateTime"`
			} `json:"passwordCredentials"`
		}
		if err := json.Unmarshal(body, &app); err != nil || app.PasswordCredentials == nil {
			return 0, errors.New("the answer has no secrets")
		}
		ends = nil
		for _, p := range *app.PasswordCredentials {
			if p.EndDateTime != nil {
				ends = append(ends, SecretEnd{Name: p.DisplayName, Hint: cut(p.Hint, 3), Ends: p.EndDateTime.UTC()})
			}
		}
		slices.SortStableFunc(ends, func(a, b SecretEnd) int { return a.Ends.Compare(b.Ends) })
		return int64(len(ends)), nil
	})
	return ends, calls, err
}
