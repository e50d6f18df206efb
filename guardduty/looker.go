package guardduty

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/source"
)

// Looked is the investigation as a look-up found it.
func (i Investigation) Looked() evidence.LookedInvestigation {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return evidence.LookedInvestigation{
		ID: i.ID, Status: i.Status, Prompt: i.Prompt, RiskLevel: i.RiskLevel, Risk: i.Risk, Confidence: i.Confidence, Summary: i.Summary,
		Started: at(i.Started), Ended: at(i.Ended),
	}
}

// A Looker looks up what GuardDuty's own investigation of a finding says. It has none made: that is
// a write, which a person asks for.
type Looker struct {
	name   string
	client *Client
}

// NewLooker returns a looker of that name.
func NewLooker(name string, c *Client) *Looker { return &Looker{name, c} }

// Name is the looker's name.
func (l *Looker) Name() string { return l.name }

// Looks are the kinds it can look up.
func (l *Looker) Looks() []evidence.LookupKind {
	return []evidence.LookupKind{evidence.LookInvestigation}
}

// completed is the status of an investigation that has ended well (GuardDuty API Reference,
// GetInvestigation).
const completed = "COMPLETED"

// Look finds the newest completed investigation whose prompt names the finding by its id, in the
// Region and in the program's own account, which is the administrator's. The answer as it came is
// handed over as a document. An investigation that still runs is no answer yet, and none is Empty.
func (l *Looker) Look(ctx context.Context, what evidence.Lookup) (out evidence.Looked, err error) {
	p := Place{Region: what.Region}
	out.Native = "aws guardduty list-investigations --region " + what.Region
	if what.Kind != evidence.LookInvestigation || !findingForm.MatchString(what.Key) {
		return out, fmt.Errorf("look up the investigation of finding %.80q: %w", what.Key, source.ErrInvalid)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("look up the investigation of finding %s: %w", what.Key, err)
		}
	}()
	count := &counted{meter: source.MeterOf(ctx)}
	defer func() { out.Calls, out.Bytes = count.calls, count.bytes }()
	ctx = source.WithMeter(ctx, count)
	list, err := l.client.Investigations(ctx, p)
	if errors.Is(err, ErrNoDetector) {
		out.Outcome, out.Reason = evidence.NotCollected, "GuardDuty is not on in the program's own account and this Region"
		return out, nil
	}
	if err != nil {
		return out, err
	}
	list = slices.DeleteFunc(list, func(i Investigation) bool { return !names(i.Prompt, what.Key) })
	// The newest first, and of two the one of the smaller id: the same one each time.
	slices.SortFunc(list, func(a, b Investigation) int { return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.ID, b.ID)) })
	pick := slices.IndexFunc(list, func(i Investigation) bool { return i.Status == completed })
	switch {
	case len(list) == 0:
		out.Outcome = evidence.Empty
		return out, nil
	case pick < 0:
		out.Outcome, out.Reason = evidence.Failed, "the investigation of the finding is "+list[0].Status
		return out, nil
	}
	out.Native += "; aws guardduty get-investigation --region " + what.Region + " --investigation-id " + list[pick].ID
	i, err := l.client.Investigation(ctx, p, list[pick].ID)
	if err != nil {
		return out, err
	}
	if i.Status != completed || !names(i.Prompt, what.Key) {
		return out, fmt.Errorf("the list and investigation %s disagree: %w", i.ID, source.ErrUnavailable)
	}
	source.Witness(ctx, source.Document{Source: l.name, Name: "guardduty:GetInvestigation " + i.ID, Body: i.Raw})
	looked := i.Looked()
	out.Outcome, out.Body = evidence.Found, evidence.Body{Kind: what.Kind, Key: what.Key, Investigation: &looked}
	return out, nil
}

// names tells whether a prompt names a finding: its id stands there as a word of its own.
func names(prompt, id string) bool {
	return slices.Contains(strings.FieldsFunc(prompt, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}), id)
}

// A counted meter counts what passes through it.
type counted struct {
	meter source.Meter
	calls int
	bytes int64
}

func (c *counted) Take(api string) error { return c.meter.Take(api) }

func (c *counted) Note(call source.Call) {
	c.calls++
	c.bytes += call.Bytes
	c.meter.Note(call)
}
