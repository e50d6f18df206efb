package guardduty

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"uratori/evidence"
	"uratori/source"
	"uratori/source/awstest"
)

const subject = "0123456789abcdef0123456789abcdef"

// made is an investigation as GuardDuty has it: the n-th, begun n minutes after the first.
func made(n int, status, prompt, summary string) json.RawMessage {
	doc := map[string]any{
		"investigationId": fmt.Sprintf("00000000-0000-4000-a000-%012d", n), "status": status, "triggerPrompt": prompt, "triggeredBy": awstest.Home, "startTime": 1757391605 + 60*n,
	}
	if status == completed {
		doc["riskLevel"], doc["confidence"], doc["summary"], doc["endTime"] = "High", "Medium", summary, 1757391905+60*n
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return data
}

// Of the investigations the newest that was completed and names the finding is looked up.
func TestLook(t *testing.T) {
	about := "What does GuardDuty finding " + subject + " mean?"
	for name, tt := range map[string]struct {
		list   []json.RawMessage
		want   evidence.Outcome
		reason string
		id     string
	}{
		"none":           {nil, evidence.Empty, "", ""},
		"of another":     {[]json.RawMessage{made(1, completed, "finding ffffffffffffffffffffffffffffffff", "x")}, evidence.Empty, "", ""},
		"of a longer id": {[]json.RawMessage{made(1, completed, "finding "+subject+"0", "x")}, evidence.Empty, "", ""},
		"one":            {[]json.RawMessage{made(1, completed, about, "x")}, evidence.Found, "", "000000000001"},
		"by its ARN":     {[]json.RawMessage{made(1, completed, "arn:aws:guardduty:ap-northeast-1:444455556666:detector/d/finding/"+subject, "x")}, evidence.Found, "", "000000000001"},
		"the newest":     {[]json.RawMessage{made(3, completed, about, "x"), made(2, completed, about, "x"), made(4, "RUNNING", about, ""), made(5, completed, "another", "x")}, evidence.Found, "", "000000000003"},
		"running":        {[]json.RawMessage{made(1, "RUNNING", about, "")}, evidence.Failed, "RUNNING", ""},
		"failed":         {[]json.RawMessage{made(1, "FAILED", about, "")}, evidence.Failed, "FAILED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := open(t, awstest.Detective{Detector: detector, Investigations: tt.list, PageSize: 2})
			l := NewLooker("guardduty", c)
			var docs []source.Document
			ctx := source.WithWitness(t.Context(), func(d source.Document) { docs = append(docs, d) })
			got, err := l.Look(ctx, evidence.Lookup{Kind: evidence.LookInvestigation, Key: subject, Account: "111122223333", Region: awstest.Region})
			if err != nil || got.Outcome != tt.want || tt.reason != "" && got.Reason != "the investigation of the finding is "+tt.reason {
				t.Fatalf("%s %q, %v; want %s", got.Outcome, got.Reason, err, tt.want)
			}
			if got.Calls != len(s.Calls()) || got.Native == "" {
				t.Errorf("%d calls are told of %d; native %q", got.Calls, len(s.Calls()), got.Native)
			}
			if tt.id == "" {
				return
			}
			i := got.Body.Investigation
			if i == nil || i.ID != "00000000-0000-4000-a000-"+tt.id || i.Summary != "x" || i.RiskLevel != "High" || i.Started == nil || i.Ended == nil {
				t.Errorf("got %+v", i)
			}
			if len(docs) != 1 || docs[0].Name != "guardduty:GetInvestigation "+i.ID || !json.Valid(docs[0].Body) {
				t.Errorf("the answer was handed over as %+v", docs)
			}
			if !got.Body.Newest().IsZero() {
				t.Error("a third party's word makes a report newer")
			}
		})
	}
}

func TestLookIsRefused(t *testing.T) {
	c, s := open(t, awstest.Detective{Detector: detector, Investigations: []json.RawMessage{made(1, completed, subject, "x")}})
	l := NewLooker("guardduty", c)
	look := func() (evidence.Looked, error) {
		return l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookInvestigation, Key: subject, Region: awstest.Region})
	}
	for trouble, want := range map[awstest.Trouble]error{
		awstest.Deny: source.ErrDenied, awstest.Throttle: source.ErrThrottled, awstest.Cut: source.ErrUnavailable, awstest.Truncate: source.ErrUnavailable,
		awstest.WrongType: source.ErrUnavailable, awstest.SameToken: source.ErrUnavailable, awstest.EndlessToken: source.ErrUnavailable,
	} {
		for _, op := range []string{"ListInvestigations", "GetInvestigation"} {
			if op == "GetInvestigation" && (trouble == awstest.SameToken || trouble == awstest.EndlessToken) {
				continue
			}
			end := s.Script(awstest.Fault{Operation: op, Do: trouble})
			if got, err := look(); !errors.Is(err, want) || got.Body.Investigation != nil {
				t.Errorf("%s, %s: %+v, %v; want %v", op, trouble, got, err, want)
			}
			end()
		}
	}
	if _, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookInvestigation, Key: "a b", Region: awstest.Region}); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("an id that is none: %v", err)
	}
	off, _ := open(t, awstest.Detective{})
	if got, err := NewLooker("guardduty", off).Look(t.Context(), evidence.Lookup{Kind: evidence.LookInvestigation, Key: subject, Region: awstest.Region}); err != nil || got.Outcome != evidence.NotCollected {
		t.Errorf("without GuardDuty: %s, %v", got.Outcome, err)
	}
}

// The same token is the same request: a call that is made again makes no second investigation.
func TestInvestigateOnce(t *testing.T) {
	c, s := open(t, awstest.Detective{Detector: detector})
	s.Script(awstest.Fault{Operation: "CreateInvestigation", Calls: "1", Do: awstest.Throttle})
	a, err := c.Investigate(t.Context(), here, "why?", "token")
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Investigate(t.Context(), here, "why?", "token")
	if err != nil || a != b || a == "" {
		t.Errorf("%q and %q, %v", a, b, err)
	}
	if list, err := c.Investigations(t.Context(), here); err != nil || len(list) != 1 {
		t.Errorf("%d investigations, %v; want one", len(list), err)
	}
}
