package awslogs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/coverage"
)

// groupForm is the form of a log group's name (Amazon CloudWatch Logs API Reference, CreateLogGroup).
var groupForm = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)

// keeping is how long the log groups keep what is delivered to them. The zero keeping says nothing.
type keeping struct {
	group   string    // the one that keeps the longest
	days    int       // 0 for ever
	from    time.Time // what is older is no longer kept; zero where it is kept for ever
	created time.Time // when the oldest of the groups was made
	unseen  string    // why it is not told
}

// says tells it to people, after what is on.
func (k keeping) says() string {
	switch {
	case k.unseen != "":
		return "; how long it is kept is not told: " + k.unseen
	case k.group == "":
		return ""
	case k.days == 0:
		return ", and log group " + k.group + " keeps it for ever"
	case k.days == 1:
		return ", and log group " + k.group + " keeps it for 1 day"
	}
	return fmt.Sprintf(", and log group %s keeps it for %d days", k.group, k.days)
}

// kept tells how long the logs that are on are kept, where each of them goes to a log group: of
// several the longest, so that nothing is said to be gone that one of them may still hold.
// What could not be asked says nothing of the log itself; the error is for budgets and contexts.
func (s *Source) kept(ctx context.Context, scope query.Scope, t told) (keeping, error) {
	groups, err := s.delivered(ctx, scope, t)
	switch {
	case ctx.Err() != nil:
		return keeping{}, context.Cause(ctx)
	case errors.Is(err, source.ErrBudget):
		return keeping{}, err
	case err != nil:
		return keeping{unseen: err.Error()}, nil
	}
	var k keeping
	for _, g := range groups {
		if k.created.IsZero() || g.Created.Before(k.created) {
			k.created = g.Created
		}
		days := int(g.Keeps / (24 * time.Hour))
		if k.group == "" || k.days > 0 && (days == 0 || days > k.days) {
			k.group, k.days = g.Name, days
		}
	}
	if k.days > 0 {
		k.from = s.opt.Now().UTC().AddDate(0, 0, -k.days).Add(time.Hour - 1).Truncate(time.Hour)
	}
	return k, nil
}

// Groups are the log groups of CloudWatch Logs to which the logs of a kind that are on are delivered,
// by name, of what the subject of the context names or else of all of the account and Region; none
// where a log is off or goes elsewhere. The error says what could not be asked.
func (s *Source) Groups(ctx context.Context, scope query.Scope) ([]coverage.Group, error) {
	tell := tellers[scope.Kind]
	if tell == nil || !s.Gainsays(scope.Kind) || scope.Account == "" {
		return nil, nil
	}
	t, err := tell(s, ctx, scope)
	if err != nil {
		var cannot *cannotTell
		if errors.As(err, &cannot) && cannot.state == evidence.NotCollectedState {
			return nil, nil // told thing by thing, and none is named
		}
		return nil, err
	}
	return s.delivered(ctx, scope, t)
}

// delivered are the log groups of what is on, if all of it goes to log groups.
func (s *Source) delivered(ctx context.Context, scope query.Scope, t told) ([]coverage.Group, error) {
	if sw, _, known := coverage.Switched(t.settings, t.resources...); !known || sw != coverage.On {
		return nil, nil
	}
	names, ok := coverage.Delivered(t.settings, t.resources...)
	if !ok {
		return nil, nil
	}
	if slices.ContainsFunc(names, func(n string) bool { return !groupForm.MatchString(n) }) {
		return nil, errors.New("a name that no log group can have")
	}
	for _, x := range t.settings { // a question that names no Region was put to that of its settings
		if x.On == coverage.On {
			scope.Account, scope.Region = x.Account, x.Region
		}
	}
	all, err := s.groups(ctx, scope, common(names))
	if err != nil {
		return nil, err
	}
	var out []coverage.Group
	for _, n := range names {
		i := slices.IndexFunc(all, func(g coverage.Group) bool { return g.Name == n })
		if i < 0 {
			return nil, fmt.Errorf("log group %s is not there", n)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// common is what the names begin with.
func common(names []string) string {
	prefix := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}

// groups are the log groups whose names begin so.
func (s *Source) groups(ctx context.Context, scope query.Scope, prefix string) ([]coverage.Group, error) {
	const api = "DescribeLogGroups"
	k, err := s.once(ctx, "groups "+at(scope)+" "+prefix, func(k *known) error {
		type group struct {
			Name    string `json:"logGroupName"`
			Created int64  `json:"creationTime,omitempty"`
			Days    *int   `json:"retentionInDays,omitempty"`
		}
		list := []group{}
		err := pages(func(token string) (string, error) {
			in := map[string]any{"limit": 50}
			if prefix != "" {
				in["logGroupNamePrefix"] = prefix
			}
			if token != "" {
				in["nextToken"] = token
			}
			body, err := json.Marshal(in)
			if err != nil {
				return "", err
			}
			answer, err := s.opt.Conn.Send(ctx, awsconn.Target{Service: "logs", API: "logs:" + api, Account: scope.Account, Region: scope.Region}, awsconn.Raw{
				Method: http.MethodPost, Path: "/", Body: body,
				Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Logs_20140328." + api}},
			})
			if err != nil {
				return "", err
			}
			var page struct {
				Groups *[]group `json:"logGroups"`
				Next   string   `json:"nextToken"`
			}
			if err := json.Unmarshal(answer, &page); err != nil {
				return "", unreadable(api, err)
			}
			if page.Groups == nil {
				return "", unreadable(api, errors.New("it holds no list"))
			}
			for _, g := range *page.Groups {
				if g.Name == "" || g.Days != nil && *g.Days < 1 {
					return "", unreadable(api, errors.New("an entry tells no name, or keeps nothing"))
				}
			}
			list = append(list, *page.Groups...)
			return page.Next, nil
		})
		if err != nil {
			return err
		}
		return s.keep(k, scope, "logs:"+api+" "+at(scope)+" "+prefix, map[string]any{"logGroups": list})
	})
	if err != nil {
		return nil, err
	}
	return coverage.ReadGroups(k.documents[0].Body), nil
}
