package guardduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"uratori/source"
)

// An Investigation is what GuardDuty Investigation (preview) says, as it came. It is a third
// party's word: AWS itself says that it may be wrong and asks for a human's review.
type Investigation struct {
	ID         string
	Status     string // RUNNING, COMPLETED, FAILED
	Prompt     string
	Account    string
	Region     string
	Title      string // of a list only
	RiskLevel  string // Info, Low, Medium, High, Critical
	Risk       string // the risk in words
	Confidence string // Unknown, Low, Medium, High
	Summary    string // JSON or text
	Error      string
	Started    time.Time
	Ended      time.Time
	Raw        []byte // the whole answer; nil in a list
}

var investigationForm = regexp.MustCompile(`^[a-fA-F0-9-]{1,64}$`)

// stamp is a timestamp of REST-JSON: seconds since 1970, or RFC 3339.
type stamp struct{ time.Time }

// UnmarshalJSON reads either form.
func (s *stamp) UnmarshalJSON(data []byte) error {
	var seconds float64
	if json.Unmarshal(data, &seconds) == nil {
		if seconds < 0 || seconds > 253402300799 { // the end of the year 9999
			return fmt.Errorf("%s is no time", data)
		}
		s.Time = time.UnixMicro(int64(seconds * 1e6)).UTC().Truncate(time.Millisecond)
		return nil
	}
	var t time.Time
	err := json.Unmarshal(data, &t)
	s.Time = t.UTC()
	return err
}

type investigationJSON struct {
	ID     string `json:"investigationId"`
	Status string `json:"status"`
	Prompt string `json:"triggerPrompt"`
	Cloud  struct {
		Region  string `json:"region"`
		Account string `json:"account"`
	} `json:"cloud"`
	Account    string `json:"accountId"`
	Title      string `json:"title"`
	RiskLevel  string `json:"riskLevel"`
	Risk       string `json:"risk"`
	Confidence string `json:"confidence"`
	Summary    string `json:"summary"`
	Error      string `json:"error"`
	Start      stamp  `json:"startTime"`
	End        stamp  `json:"endTime"`
}

func (f investigationJSON) investigation() Investigation {
	account := f.Account
	if account == "" {
		account = f.Cloud.Account
	}
	return Investigation{
		ID: f.ID, Status: f.Status, Prompt: f.Prompt, Account: account, Region: f.Cloud.Region, Title: f.Title, RiskLevel: f.RiskLevel,
		Risk: f.Risk, Confidence: f.Confidence, Summary: f.Summary, Error: f.Error, Started: f.Start.Time, Ended: f.End.Time,
	}
}

// ReadInvestigation reads an answer of GetInvestigation.
func ReadInvestigation(body []byte) (Investigation, error) {
	var out struct {
		Investigation *investigationJSON `json:"investigation"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return Investigation{}, fmt.Errorf("read an investigation: %w", err)
	}
	if out.Investigation == nil || !investigationForm.MatchString(out.Investigation.ID) {
		return Investigation{}, errors.New("read an investigation: the answer holds none")
	}
	i := out.Investigation.investigation()
	i.Raw = slices.Clone(body)
	return i, nil
}

// Investigations are those that were made, the last begun first.
func (c *Client) Investigations(ctx context.Context, p Place) (list []Investigation, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("list investigations: %w", err)
		}
	}()
	detector, err := c.Detector(ctx, p)
	if err != nil {
		return nil, err
	}
	token := ""
	for range 10 { // of the preview's 100 there are two pages
		in := map[string]any{"maxResults": pageSize, "sortCriteria": map[string]any{"attributeName": "START_TIME", "orderBy": "DESC"}}
		if token != "" {
			in["nextToken"] = token
		}
		var out struct {
			List []investigationJSON `json:"investigations"`
			Next string              `json:"nextToken"`
		}
		if err := c.call(ctx, p, "ListInvestigations", "POST", "/detector/"+url.PathEscape(detector)+"/investigation/list", in, &out); err != nil {
			return nil, err
		}
		if out.List == nil {
			return nil, fmt.Errorf("the answer tells of no investigations: %w", source.ErrUnavailable)
		}
		for _, f := range out.List {
			list = append(list, f.investigation())
		}
		switch out.Next {
		case "":
			return list, nil
		case token:
			return nil, fmt.Errorf("the service gives the same page again: %w", source.ErrUnavailable)
		}
		token = out.Next
	}
	return nil, fmt.Errorf("there are more pages than the service can have: %w", source.ErrUnavailable)
}

// Investigation fetches one.
func (c *Client) Investigation(ctx context.Context, p Place, id string) (Investigation, error) {
	if !investigationForm.MatchString(id) {
		return Investigation{}, fmt.Errorf("fetch investigation: %.80q is no id: %w", id, source.ErrInvalid)
	}
	detector, err := c.Detector(ctx, p)
	if err != nil {
		return Investigation{}, fmt.Errorf("fetch investigation %s: %w", id, err)
	}
	var raw json.RawMessage
	if err := c.call(ctx, p, "GetInvestigation", "GET", "/detector/"+url.PathEscape(detector)+"/investigation/"+url.PathEscape(id), nil, &raw); err != nil {
		return Investigation{}, fmt.Errorf("fetch investigation %s: %w", id, err)
	}
	i, err := ReadInvestigation(raw)
	if err == nil && i.ID != id {
		err = fmt.Errorf("the answer is about %.80q", i.ID)
	}
	if err != nil {
		return Investigation{}, fmt.Errorf("fetch investigation %s: %w: %w", id, source.ErrUnavailable, err)
	}
	return i, nil
}

// maxPrompt is the longest prompt (GuardDuty API Reference, CreateInvestigation).
const maxPrompt = 2048

// Investigate asks GuardDuty to investigate, and returns the id under which it will be. It makes
// something in AWS, counts against the preview's 10 a day, and works in the administrator's account
// only. token makes asking again with the same prompt the same request.
func (c *Client) Investigate(ctx context.Context, p Place, prompt, token string) (id string, err error) {
	if n := utf8.RuneCountInString(prompt); n == 0 || n > maxPrompt || !utf8.ValidString(prompt) || len(token) > 64 {
		return "", fmt.Errorf("begin an investigation: a prompt has 1 to %d characters and a token 64 at most: %w", maxPrompt, source.ErrInvalid)
	}
	detector, err := c.Detector(ctx, p)
	if err != nil {
		return "", fmt.Errorf("begin an investigation: %w", err)
	}
	in := map[string]any{"triggerPrompt": prompt}
	if token != "" {
		in["clientToken"] = token
	}
	var out struct {
		ID string `json:"investigationId"`
	}
	if err := c.call(ctx, p, "CreateInvestigation", "POST", "/detector/"+url.PathEscape(detector)+"/investigation", in, &out); err != nil {
		return "", fmt.Errorf("begin an investigation: %w", err)
	}
	if !investigationForm.MatchString(out.ID) {
		return "", fmt.Errorf("begin an investigation: the answer names none: %w", source.ErrUnavailable)
	}
	return out.ID, nil
}
