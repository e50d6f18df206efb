package guardduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"uratori/finding"
	"uratori/source"
	"uratori/source/awsconn"
)

// Actions are the IAM actions that this package needs. guardduty:CreateInvestigation is used by
// [Client.Investigate] only.
var Actions = []string{
	"guardduty:CreateInvestigation", "guardduty:GetDetector", "guardduty:GetFindings", "guardduty:GetInvestigation", "guardduty:ListDetectors",
	"guardduty:ListFindings", "guardduty:ListInvestigations",
}

// Place is where a detector is.
type Place struct {
	Account string // 12 digits: the administrator's or a member's; "" is the program's own
	Region  string // such as "ap-northeast-1"; "" is the connection's
}

// A Ref names one finding.
type Ref struct {
	Place
	Detector string // "" if it is not known
	ID       string // 32 hexadecimal digits
}

// Limits of the service (GuardDuty API Reference, ListFindings and GetFindings).
const (
	pageSize = 50
	maxPages = 200 // 10,000 findings
)

var (
	findingForm  = regexp.MustCompile(`^[A-Za-z0-9-]{1,300}$`)
	detectorForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,300}$`)
	arnForm      = regexp.MustCompile(`^arn:aws[a-z-]*:guardduty:([a-z0-9-]+):([0-9]{12}):detector/([A-Za-z0-9-]{1,300})/finding/([A-Za-z0-9-]{1,300})$`)
)

// ParseRef reads the ARN of a finding, or its id alone.
func ParseRef(text string) (Ref, error) {
	if m := arnForm.FindStringSubmatch(text); m != nil {
		return Ref{Place: Place{Region: m[1], Account: m[2]}, Detector: m[3], ID: m[4]}, nil
	}
	if findingForm.MatchString(text) && !strings.HasPrefix(text, "arn") {
		return Ref{ID: text}, nil
	}
	return Ref{}, fmt.Errorf("%.80q is neither the ARN nor the id of a finding", text)
}

// A Client fetches findings. It is safe for concurrent use.
type Client struct {
	conn *awsconn.Conn

	mu        sync.Mutex
	detectors map[Place]string
}

// New returns a client over a connection. It makes no call.
func New(conn *awsconn.Conn) (*Client, error) {
	if conn == nil {
		return nil, errors.New("fetch findings: there is no connection to AWS")
	}
	return &Client{conn: conn, detectors: map[Place]string{}}, nil
}

// call makes one call and decodes the answer into out. in is the request's body, nil for none.
func (c *Client) call(ctx context.Context, p Place, action, method, path string, in, out any) error {
	raw := awsconn.Raw{Method: method, Path: path}
	if in != nil {
		var err error
		if raw.Body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("guardduty:%s: write the request: %w", action, err)
		}
		raw.Header = http.Header{"Content-Type": {"application/json"}}
	}
	body, err := c.conn.Send(ctx, awsconn.Target{Service: "guardduty", API: "guardduty:" + action, Account: p.Account, Region: p.Region}, raw)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("guardduty:%s: read the answer: %w: %w", action, source.ErrUnavailable, err)
	}
	return nil
}

// ErrNoDetector says that GuardDuty is not on in an account and Region.
var ErrNoDetector = errors.New("GuardDuty has no detector there")

// Detector is the detector of an account and Region; there is one at most. It is remembered.
func (c *Client) Detector(ctx context.Context, p Place) (string, error) {
	c.mu.Lock()
	id := c.detectors[p]
	c.mu.Unlock()
	if id != "" {
		return id, nil
	}
	var out struct {
		DetectorIDs []string `json:"detectorIds"`
	}
	if err := c.call(ctx, p, "ListDetectors", "GET", "/detector", nil, &out); err != nil {
		return "", err
	}
	switch {
	case out.DetectorIDs == nil:
		return "", fmt.Errorf("guardduty:ListDetectors: the answer tells of no detectors: %w", source.ErrUnavailable)
	case len(out.DetectorIDs) == 0:
		return "", fmt.Errorf("in account %q, Region %q: %w", p.Account, p.Region, ErrNoDetector)
	case len(out.DetectorIDs) > 1 || !detectorForm.MatchString(out.DetectorIDs[0]):
		return "", fmt.Errorf("guardduty:ListDetectors: the answer is not one detector: %w", source.ErrUnavailable)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detectors[p] = out.DetectorIDs[0]
	return out.DetectorIDs[0], nil
}

// Frequency is how often repeats of a finding are published there: FIFTEEN_MINUTES, ONE_HOUR or
// SIX_HOURS.
func (c *Client) Frequency(ctx context.Context, p Place) (string, error) {
	id, err := c.Detector(ctx, p)
	if err != nil {
		return "", err
	}
	var out struct {
		FindingPublishingFrequency string `json:"findingPublishingFrequency"`
	}
	if err := c.call(ctx, p, "GetDetector", "GET", "/detector/"+url.PathEscape(id), nil, &out); err != nil {
		return "", err
	}
	if out.FindingPublishingFrequency == "" {
		return "", fmt.Errorf("guardduty:GetDetector: the answer tells of no publishing frequency: %w", source.ErrUnavailable)
	}
	return out.FindingPublishingFrequency, nil
}

// detector is the one that a reference names, else that of the place.
func (c *Client) detector(ctx context.Context, p Place, named string) (string, error) {
	if named == "" {
		return c.Detector(ctx, p)
	}
	if !detectorForm.MatchString(named) {
		return "", fmt.Errorf("%.80q is no detector: %w", named, source.ErrInvalid)
	}
	return named, nil
}

// ErrNotFound says that GuardDuty does not hold a finding: it keeps them for 90 days.
var ErrNotFound = errors.New("GuardDuty does not hold the finding")

// Get fetches one finding.
func (c *Client) Get(ctx context.Context, r Ref) (finding.Finding, error) {
	fs, missing, err := c.Fetch(ctx, r.Place, r.Detector, []string{r.ID})
	switch {
	case err != nil:
		return finding.Finding{}, fmt.Errorf("fetch finding %s: %w", r.ID, err)
	case len(missing) > 0:
		return finding.Finding{}, fmt.Errorf("fetch finding %s: %w", r.ID, ErrNotFound)
	}
	return fs[0], nil
}

// Fetch fetches findings by their ids, in the order of the ids, each with its bytes as they came.
// missing are the ids that GuardDuty does not hold.
func (c *Client) Fetch(ctx context.Context, p Place, detector string, ids []string) (found []finding.Finding, missing []string, err error) {
	for _, id := range ids {
		if !findingForm.MatchString(id) {
			return nil, nil, fmt.Errorf("%.80q is no id of a finding: %w", id, source.ErrInvalid)
		}
	}
	if detector, err = c.detector(ctx, p, detector); err != nil {
		return nil, nil, err
	}
	ids = distinct(ids)
	for some := range slices.Chunk(ids, pageSize) {
		var out struct {
			Findings []json.RawMessage `json:"findings"`
		}
		if err := c.call(ctx, p, "GetFindings", "POST", "/detector/"+url.PathEscape(detector)+"/findings/get", map[string]any{"findingIds": some}, &out); err != nil {
			return nil, nil, err
		}
		if out.Findings == nil {
			return nil, nil, fmt.Errorf("guardduty:GetFindings: the answer tells of no findings: %w", source.ErrUnavailable)
		}
		got := map[string]finding.Finding{}
		for _, raw := range out.Findings {
			fs, err := finding.Parse(raw)
			if err != nil || len(fs) != 1 {
				return nil, nil, fmt.Errorf("guardduty:GetFindings: read a finding: %w", errors.Join(source.ErrUnavailable, err))
			}
			if !slices.Contains(some, fs[0].ID) {
				return nil, nil, fmt.Errorf("guardduty:GetFindings: the answer holds finding %.80q, which was not asked for: %w", fs[0].ID, source.ErrUnavailable)
			}
			got[fs[0].ID] = fs[0]
		}
		for _, id := range some {
			if f, ok := got[id]; ok {
				found = append(found, f)
			} else {
				missing = append(missing, id)
			}
		}
	}
	return found, missing, nil
}

func distinct(list []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// A Filter says which findings are wanted. The zero Filter wants all of them.
type Filter struct {
	Severity float64   // at least; 0 for any
	Types    []string  // such as "Exfiltration:S3/AnomalousBehavior"
	Accounts []string  // 12 digits: whose findings
	Since    time.Time // updated at this time or later
	Archived *bool     // nil: both
	Limit    int       // at most this many, the newest first; 0 means 10,000
}

// criteria is the filter in the service's words. It filters by whole severities only.
func (f Filter) criteria() map[string]any {
	c := map[string]any{}
	if f.Severity > 0 {
		c["severity"] = map[string]any{"greaterThanOrEqual": int64(f.Severity)}
	}
	if len(f.Types) > 0 {
		c["type"] = map[string]any{"equals": f.Types}
	}
	if len(f.Accounts) > 0 {
		c["accountId"] = map[string]any{"equals": f.Accounts}
	}
	if !f.Since.IsZero() {
		c["updatedAt"] = map[string]any{"greaterThanOrEqual": f.Since.UnixMilli()}
	}
	if f.Archived != nil {
		c["service.archived"] = map[string]any{"equals": []string{fmt.Sprint(*f.Archived)}}
	}
	return c
}

// wants holds a finding against the filter again: the service filters by whole severities and
// milliseconds, and its index may be older than the finding.
func (f Filter) wants(x finding.Finding) bool {
	return x.Severity >= f.Severity && (len(f.Types) == 0 || slices.Contains(f.Types, string(x.Type))) &&
		(len(f.Accounts) == 0 || slices.Contains(f.Accounts, string(x.Account))) &&
		!x.Updated.Before(f.Since) && (f.Archived == nil || x.Archived == *f.Archived)
}

// List fetches the findings that a filter wants, the last updated first. more tells that there
// are others, which the limit left out.
func (c *Client) List(ctx context.Context, p Place, f Filter) (found []finding.Finding, more bool, err error) {
	detector, err := c.Detector(ctx, p)
	if err != nil {
		return nil, false, fmt.Errorf("list findings: %w", err)
	}
	limit := f.Limit
	if limit <= 0 || limit > pageSize*maxPages {
		limit = pageSize * maxPages
	}
	token := ""
	for range maxPages {
		in := map[string]any{"maxResults": pageSize, "sortCriteria": map[string]any{"attributeName": "updatedAt", "orderBy": "DESC"}}
		if len(f.criteria()) > 0 {
			in["findingCriteria"] = map[string]any{"criterion": f.criteria()}
		}
		if token != "" {
			in["nextToken"] = token
		}
		var out struct {
			IDs  []string `json:"findingIds"`
			Next string   `json:"nextToken"`
		}
		if err := c.call(ctx, p, "ListFindings", "POST", "/detector/"+url.PathEscape(detector)+"/findings", in, &out); err != nil {
			return nil, false, fmt.Errorf("list findings: %w", err)
		}
		if out.IDs == nil {
			return nil, false, fmt.Errorf("list findings: guardduty:ListFindings: the answer tells of no findings: %w", source.ErrUnavailable)
		}
		fs, _, err := c.Fetch(ctx, p, detector, out.IDs) // what went away meanwhile is not there
		if err != nil {
			return nil, false, fmt.Errorf("list findings: %w", err)
		}
		for _, x := range fs {
			if !f.wants(x) {
				continue
			}
			if len(found) == limit {
				return found, true, nil
			}
			found = append(found, x)
		}
		switch out.Next {
		case "":
			return found, false, nil
		case token:
			return nil, false, fmt.Errorf("list findings: the service gives the same page again: %w", source.ErrUnavailable)
		}
		token = out.Next
	}
	return found, true, nil
}
