package splunk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"uratori/source"
)

// A Health is what a check found. It holds no secret.
type Health struct {
	User         string
	Roles        []string
	Capabilities []string      // sorted
	Excess       []string      // capabilities that change something and that asking questions does not need
	Wider        []string      // patterns of indexes that the roles may search and no place needs
	Missing      []string      // what the role lacks, such as "index aws" or "capability search"
	Unseen       []string      // what could not be found out, and why
	Version      string        // of the server; "" when it was not told
	Skew         time.Duration // the server's clock minus ours, to a second
	Expires      time.Time     // of the token; zero for a session key, or for a token that says nothing
	Calls        int
}

// OK tells whether questions can be asked.
func (h Health) OK() bool { return len(h.Missing) == 0 }

// Check asks Splunk who we are and what we may. Its error says that the credentials do not work
// (source.ErrDenied) or that the server does not answer; everything less stands in the Health.
func (s *Source) Check(ctx context.Context) (h Health, err error) {
	var t tally
	defer func() {
		h.Calls = t.calls
		if err != nil {
			err = fmt.Errorf("check %s: %w", s.Name(), err)
		}
	}()
	var date time.Time
	var who struct {
		Username     string   `json:"username"`
		Roles        []string `json:"roles"`
		Capabilities []string `json:"capabilities"`
	}
	asked := s.opt.Now()
	if err := s.entry(ctx, &t, "splunk:context", "authentication/current-context", &date, &who); err != nil {
		return h, err
	}
	if !date.IsZero() {
		h.Skew = date.Sub(asked).Round(time.Second)
	} else {
		h.Unseen = append(h.Unseen, "the server's clock: it sends no date")
	}
	h.User, h.Roles, h.Capabilities = who.Username, slices.Sorted(slices.Values(who.Roles)), slices.Sorted(slices.Values(who.Capabilities))
	if !slices.Contains(h.Capabilities, "search") {
		h.Missing = append(h.Missing, "capability search")
	}
	for _, c := range h.Capabilities {
		if changes(c) {
			h.Excess = append(h.Excess, c)
		}
	}
	if s.opt.Token != nil {
		if token, err := s.opt.Token(ctx); err == nil {
			h.Expires = expiry(token)
		}
		if h.Expires.IsZero() {
			h.Unseen = append(h.Unseen, "when the token expires: it does not say")
		} else if !h.Expires.After(asked.Add(h.Skew)) {
			h.Missing = append(h.Missing, "a token that has not expired")
		}
	}
	s.checkIndexes(ctx, &t, &h)
	var info struct {
		Version string `json:"version"`
	}
	if err := s.entry(ctx, &t, "splunk:info", "server/info", nil, &info); err != nil {
		h.Unseen = append(h.Unseen, "the server's version: "+err.Error())
	}
	h.Version = info.Version
	return h, ctx.Err()
}

// checkIndexes holds the indexes that the roles may search against those that the places name.
func (s *Source) checkIndexes(ctx context.Context, t *tally, h *Health) {
	var allowed []string
	for _, role := range h.Roles {
		var r struct {
			Allowed  []string `json:"srchIndexesAllowed"`
			Imported []string `json:"imported_srchIndexesAllowed"`
		}
		if err := s.entry(ctx, t, "splunk:role", "authorization/roles/"+url.PathEscape(role), nil, &r); err != nil {
			h.Unseen = append(h.Unseen, fmt.Sprintf("the indexes of role %q: %s", role, err))
			return
		}
		allowed = append(append(allowed, r.Allowed...), r.Imported...)
	}
	for _, pattern := range allowed {
		if !slices.ContainsFunc(s.opt.Places, func(p Place) bool { return p.Index == pattern }) && !slices.Contains(h.Wider, pattern) {
			h.Wider = append(h.Wider, pattern)
		}
	}
	for _, p := range s.opt.Places {
		may := slices.ContainsFunc(allowed, func(pattern string) bool { return covers(pattern, p.Index) })
		if lack := "index " + p.Index; !may && !slices.Contains(h.Missing, lack) {
			h.Missing = append(h.Missing, lack)
		}
	}
}

// covers tells whether a pattern of srchIndexesAllowed names an index: "*" stands for any text, but
// not for internal indexes, which begin with "_" (authorize.conf, srchIndexesAllowed).
func covers(pattern, index string) bool {
	if strings.HasPrefix(index, "_") != strings.HasPrefix(pattern, "_") {
		return false
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == index
	}
	rest, ok := strings.CutPrefix(index, parts[0])
	if !ok || !strings.HasSuffix(rest, parts[len(parts)-1]) {
		return false
	}
	rest = strings.TrimSuffix(rest, parts[len(parts)-1])
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// changes tells whether a capability lets its holder change something, by its name (authorize.conf,
// "Capabilities").
func changes(c string) bool {
	for _, part := range []string{"edit_", "delete_", "admin_all_objects", "run_", "restart_", "indexes_edit", "upload_", "input_file", "change_authentication", "rest_apps_management", "schedule_", "apps_restore", "install_apps", "output_file", "accelerate_", "rtsearch", "embed_report"} {
		if strings.HasPrefix(c, part) {
			return true
		}
	}
	return false
}

// entry reads the content of the one entry at an endpoint.
func (s *Source) entry(ctx context.Context, t *tally, api, path string, date *time.Time, into any) error {
	return s.send(ctx, t, request{
		api: api, method: http.MethodGet, path: path, date: date,
		read: func(_ int, body []byte) (int, error) {
			var got struct {
				Entry []struct {
					Content json.RawMessage `json:"content"`
				} `json:"entry"`
			}
			if err := json.Unmarshal(body, &got); err != nil || len(got.Entry) != 1 {
				return 0, fmt.Errorf("%w: %s does not answer with one entry", source.ErrUnavailable, path)
			}
			if err := json.Unmarshal(got.Entry[0].Content, into); err != nil {
				return 0, fmt.Errorf("%w: %s cannot be read", source.ErrUnavailable, path)
			}
			return 1, nil
		},
	})
}

// expiry is the time in a JSON Web Token's exp, which is read and not verified: it is ours.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp int64 `json:"exp"`
	}
	if json.Unmarshal(body, &claims) != nil || claims.Exp <= 0 || claims.Exp > 253_402_300_799 {
		return time.Time{}
	}
	return time.Unix(claims.Exp, 0).UTC()
}
