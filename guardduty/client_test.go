package guardduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"uratori/finding"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/awstest"
	"uratori/source/call"
)

const detector = "12abc34d567e8fa901bc2d34e56789f0"

var here = Place{Account: awstest.Home, Region: awstest.Region}

// invented is the n-th of a list of findings; each is newer than the one before.
func invented(n int, change ...func(map[string]any)) json.RawMessage {
	id := fmt.Sprintf("%032x", n)
	f := map[string]any{
		"schemaVersion": "2.0", "accountId": "111122223333", "region": awstest.Region, "partition": "aws", "id": id,
		"arn":  "arn:aws:guardduty:" + awstest.Region + ":444455556666:detector/" + detector + "/finding/" + id,
		"type": "Discovery:IAMUser/AnomalousBehavior", "severity": 2.0 + float64(n%3)*2.5, "title": "t", "description": "=cmd|<b>",
		"createdAt": "2025-09-09T04:29:43.000Z", "updatedAt": time.Date(2025, 9, 9, 5, n, 0, 0, time.UTC).Format("2006-01-02T15:04:05.000Z"),
		"resource": map[string]any{"resourceType": "AccessKey", "accessKeyDetails": map[string]any{"accessKeyId": "ASIAEXAMPLE000000001", "principalId": "P", "userType": "IAMUser", "userName": "u"}},
		"service":  map[string]any{"serviceName": "guardduty", "detectorId": detector, "archived": n%2 == 1, "count": 1, "eventFirstSeen": "2025-09-09T04:20:05.000Z", "eventLastSeen": "2025-09-09T04:20:05.000Z"},
	}
	for _, c := range change {
		c(f)
	}
	data, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return data
}

func open(t testing.TB, d awstest.Detective, change ...func(*awsconn.Options)) (*Client, *awstest.Server) {
	t.Helper()
	s := awstest.New(t, "guardduty")
	s.ServeGuardDuty(d)
	opt := awsconn.Options{
		Name: "guardduty", Account: awstest.Home, Region: awstest.Region, Transport: s.Transport(),
		Keys: func(context.Context) (awsconn.Keys, error) {
			b := s.Base()
			return awsconn.Keys{AccessKeyID: b.AccessKeyID, SecretAccessKey: b.SecretAccessKey}, nil
		},
		Caller: call.New(call.Options{Attempts: 2, Failures: 1000, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}),
	}
	for _, c := range change {
		c(&opt)
	}
	conn, err := awsconn.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func many(n int) awstest.Detective {
	d := awstest.Detective{Detector: detector}
	for i := range n {
		d.Findings = append(d.Findings, invented(i))
	}
	return d
}

func ids(list []finding.Finding) (out []int) {
	for _, f := range list {
		var n int
		_, _ = fmt.Sscanf(f.ID, "%x", &n)
		out = append(out, n)
	}
	return out
}

func TestGetByARNOrID(t *testing.T) {
	c, s := open(t, many(3))
	for _, text := range []string{fmt.Sprintf("%032x", 2), "arn:aws:guardduty:" + awstest.Region + ":444455556666:detector/" + detector + "/finding/" + fmt.Sprintf("%032x", 2)} {
		r, err := ParseRef(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err := c.Get(t.Context(), r)
		if err != nil || f.ID != fmt.Sprintf("%032x", 2) || f.Description != "=cmd|<b>" {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
		want, err := finding.Parse(invented(2))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := finding.Parse(f.Raw()); err != nil || !back[0].Equal(want[0]) {
			t.Errorf("the bytes kept are not the finding that was sent: %v", err)
		}
	}
	if n := len(s.Calls("guardduty:ListDetectors")); n != 1 {
		t.Errorf("the detector was looked up %d times; want once", n)
	}
	if _, err := c.Get(t.Context(), Ref{ID: "ffffffffffffffffffffffffffffffff"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a finding that is not held: %v", err)
	}
	for _, bad := range []string{"", "arn:aws:s3:::x", "a b", "x/../y", strings.Repeat("a", 301)} {
		if _, err := ParseRef(bad); err == nil {
			t.Errorf("%.20q was taken for a finding", bad)
		}
	}
	if _, err := c.Get(t.Context(), Ref{ID: "x/../y"}); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("a hostile id: %v", err)
	}
}

func TestWithoutADetector(t *testing.T) {
	c, _ := open(t, awstest.Detective{})
	if _, _, err := c.List(t.Context(), here, Filter{}); !errors.Is(err, ErrNoDetector) {
		t.Errorf("error %v; want that there is no detector", err)
	}
}

// More ids than a call takes go out in batches of 50, and come back in the order asked for.
func TestManyFindings(t *testing.T) {
	c, s := open(t, many(58))
	var want []string
	for i := range 58 {
		want = append(want, fmt.Sprintf("%032x", 57-i))
	}
	got, missing, err := c.Fetch(t.Context(), here, "", append(slices.Clone(want), "gone", want[3]))
	if err != nil || len(got) != 58 || !slices.Equal(missing, []string{"gone"}) {
		t.Fatalf("%d findings, missing %q, %v", len(got), missing, err)
	}
	for i, f := range got {
		if f.ID != want[i] {
			t.Fatalf("finding %d is %s; want %s", i, f.ID, want[i])
		}
	}
	if n := len(s.Calls("guardduty:GetFindings")); n != 2 {
		t.Errorf("%d calls; want 2", n)
	}
	all, more, err := c.List(t.Context(), here, Filter{})
	if err != nil || more || len(all) != 58 || ids(all)[0] != 57 {
		t.Errorf("listed %d, more %v, %v", len(all), more, err)
	}
}

func TestFilters(t *testing.T) {
	d := many(9)
	d.PageSize = 2
	d.Findings[3] = invented(3, func(f map[string]any) {
		f["type"], f["accountId"] = "Exfiltration:S3/AnomalousBehavior", "222233334444"
	})
	c, _ := open(t, d)
	yes, no := true, false
	for name, tt := range map[string]struct {
		f    Filter
		want []int
		more bool
	}{
		"all":                 {Filter{}, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}, false},
		"half severities":     {Filter{Severity: 4.5}, []int{8, 7, 5, 4, 2, 1}, false},
		"exact severities":    {Filter{Severity: 4.6}, []int{8, 5, 2}, false},
		"a type":              {Filter{Types: []string{"Exfiltration:S3/AnomalousBehavior"}}, []int{3}, false},
		"an account":          {Filter{Accounts: []string{"222233334444"}}, []int{3}, false},
		"since":               {Filter{Since: time.Date(2025, 9, 9, 5, 7, 0, 0, time.UTC)}, []int{8, 7}, false},
		"archived":            {Filter{Archived: &yes}, []int{7, 5, 3, 1}, false},
		"not archived":        {Filter{Archived: &no, Severity: 7}, []int{8, 2}, false},
		"the newest":          {Filter{Limit: 3}, []int{8, 7, 6}, true},
		"exactly as many":     {Filter{Limit: 9}, []int{8, 7, 6, 5, 4, 3, 2, 1, 0}, false},
		"a hostile type":      {Filter{Types: []string{`"}]}`, "*"}}, nil, false},
		"nothing that exists": {Filter{Accounts: []string{"999988887777"}}, nil, false},
	} {
		got, more, err := c.List(t.Context(), here, tt.f)
		if err != nil || more != tt.more || !slices.Equal(ids(got), tt.want) {
			t.Errorf("%s: %v, more %v, %v; want %v, %v", name, ids(got), more, err, tt.want, tt.more)
		}
	}
}

// Real documents survive the way: what is kept parses to the same finding.
func TestRealFindingsComeAsTheyAre(t *testing.T) {
	files, err := filepath.Glob("../../shared/data/guardduty/findings/api-lower__*.json")
	if err != nil || len(files) == 0 {
		t.Skip("no real findings beside the project")
	}
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := finding.Parse(data)
		probe := awstest.New(t, "guardduty")
		if err != nil || len(want) != 1 || len(probe.Finding(data)) > 0 {
			continue
		}
		n++
		c, _ := open(t, awstest.Detective{Detector: detector, Findings: []json.RawMessage{data}})
		got, err := c.Get(t.Context(), Ref{ID: want[0].ID})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		if got.ID != want[0].ID || got.Type != want[0].Type || got.Severity != want[0].Severity || !got.FirstSeen.Equal(want[0].FirstSeen) || got.Resource.Name != want[0].Resource.Name {
			t.Errorf("%s: came as %+v", filepath.Base(file), got)
		}
	}
	if n == 0 {
		t.Errorf("none of %d documents is in the API's own form", len(files))
	}
}

func investigation(summary string) json.RawMessage {
	data, err := json.Marshal(map[string]any{
		"investigationId": "0a1b2c3d-0000-4000-8000-000000000001", "status": "COMPLETED", "triggerPrompt": "Investigate finding", "triggeredBy": awstest.Home,
		"cloud":     map[string]any{"provider": "AWS", "region": awstest.Region, "account": "111122223333"},
		"riskLevel": "High", "risk": "Objects were read from 192.0.2.7.", "confidence": "Medium", "summary": summary, "startTime": 1757390400.5, "endTime": 1757390460,
	})
	if err != nil {
		panic(err)
	}
	return data
}

func TestInvestigations(t *testing.T) {
	d := awstest.Detective{Detector: detector, PageSize: 1, Investigations: []json.RawMessage{investigation(`{"a":1}`)}}
	c, s := open(t, d)
	id, err := c.Investigate(t.Context(), here, "Investigate finding 1ab2c3d4e5f6a7b8c9d0e1f2a3b4c5d6", "once")
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Investigations(t.Context(), here)
	if err != nil || len(list) != 2 || list[1].ID != id || list[1].Status != "RUNNING" {
		t.Fatalf("%+v, %v", list, err)
	}
	got, err := c.Investigation(t.Context(), here, list[0].ID)
	want := Investigation{
		ID: "0a1b2c3d-0000-4000-8000-000000000001", Status: "COMPLETED", Prompt: "Investigate finding", Account: "111122223333", Region: awstest.Region,
		RiskLevel: "High", Risk: "Objects were read from 192.0.2.7.", Confidence: "Medium", Summary: `{"a":1}`,
		Started: time.Date(2025, 9, 9, 4, 0, 0, 5e8, time.UTC), Ended: time.Date(2025, 9, 9, 4, 1, 0, 0, time.UTC), Raw: got.Raw,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if back, err := ReadInvestigation(got.Raw); err != nil || !cmp.Equal(back, got) {
		t.Errorf("what was kept reads back as %+v, %v", back, err)
	}
	if _, err := c.Investigation(t.Context(), here, "0a1b2c3d-0000-4000-8000-00000000ffff"); awsconn.Code(err) != "ResourceNotFoundException" {
		t.Errorf("one that does not exist: %v", err)
	}
	for _, prompt := range []string{"", strings.Repeat("あ", 2049), "\xff"} {
		if _, err := c.Investigate(t.Context(), here, prompt, ""); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("prompt %.20q: %v", prompt, err)
		}
	}
	if _, _, err := c.Fetch(t.Context(), here, "", []string{"x"}); err != nil {
		t.Error(err)
	}
	if _, _, err := c.List(t.Context(), here, Filter{}); err != nil {
		t.Error(err)
	}
	if often, err := c.Frequency(t.Context(), here); err != nil || often != "SIX_HOURS" {
		t.Errorf("published %q, %v", often, err)
	}
	actions := map[string]bool{}
	for _, call := range s.Calls() {
		actions[call.Service+":"+call.Operation] = true
	}
	if diff := cmp.Diff(Actions, slices.Sorted(maps.Keys(actions))); diff != "" {
		t.Errorf("actions (-declared +called):\n%s", diff)
	}
}

type meter struct {
	mu   sync.Mutex
	left int
}

func (m *meter) Take(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return source.ErrBudget
	}
	m.left--
	return nil
}

func (*meter) Note(source.Call) {}

func TestFaults(t *testing.T) {
	defer goleak.VerifyNone(t)
	d := many(5)
	d.PageSize = 2
	d.Investigations = []json.RawMessage{investigation("x")}
	asks := map[string]func(context.Context, *Client) error{
		"GetFindings": func(ctx context.Context, c *Client) error {
			fs, missing, err := c.Fetch(ctx, here, "", []string{fmt.Sprintf("%032x", 1), fmt.Sprintf("%032x", 2)})
			if err == nil && (len(fs) != 2 || len(missing) != 0) {
				return fmt.Errorf("wrong: %d findings, %q missing", len(fs), missing)
			}
			return err
		},
		"ListFindings": func(ctx context.Context, c *Client) error {
			fs, more, err := c.List(ctx, here, Filter{})
			if err == nil && (len(fs) != 5 || more) {
				return fmt.Errorf("wrong: %d findings, more %v", len(fs), more)
			}
			return err
		},
		"ListDetectors": func(ctx context.Context, c *Client) error {
			id, err := c.Detector(ctx, here)
			if err == nil && id != detector {
				return fmt.Errorf("wrong: %q", id)
			}
			return err
		},
		"GetInvestigation": func(ctx context.Context, c *Client) error {
			_, err := c.Investigation(ctx, here, "0a1b2c3d-0000-4000-8000-000000000001")
			return err
		},
		"ListInvestigations": func(ctx context.Context, c *Client) error {
			list, err := c.Investigations(ctx, here)
			if err == nil && len(list) != 1 {
				return fmt.Errorf("wrong: %d investigations", len(list))
			}
			return err
		},
	}
	for trouble, sentinel := range map[awstest.Trouble]error{
		awstest.Throttle: source.ErrThrottled, awstest.Unavailable: source.ErrUnavailable, awstest.Broken: source.ErrUnavailable,
		awstest.Deny: source.ErrDenied, awstest.ExpireToken: source.ErrDenied, awstest.Skew: nil, awstest.Timeout: source.ErrUnavailable,
		awstest.Cut: source.ErrUnavailable, awstest.Truncate: source.ErrUnavailable, awstest.WrongType: source.ErrUnavailable, awstest.NoBody: source.ErrUnavailable,
		awstest.SameToken: source.ErrUnavailable, awstest.EndlessToken: source.ErrUnavailable, awstest.Flood: source.ErrUnavailable,
	} {
		for op, do := range asks {
			paged := op == "ListFindings" || op == "ListInvestigations"
			if (trouble == awstest.SameToken || trouble == awstest.EndlessToken) && !paged || trouble == awstest.Flood && op != "GetFindings" || trouble == awstest.EndlessToken && op == "ListFindings" {
				continue
			}
			synctest.Test(t, func(t *testing.T) { // where no call is late on a busy machine
				c, s := open(t, d, func(o *awsconn.Options) {
					if trouble == awstest.Timeout {
						o.Timeout = 50 * time.Millisecond
					}
				})
				s.Script(awstest.Fault{Service: "guardduty", Operation: op, Do: trouble, By: 10 * time.Minute})
				m := &meter{left: 30}
				if err := do(source.WithMeter(t.Context(), m), c); !errors.Is(err, sentinel) {
					t.Errorf("%s at %s: %v; want %v", trouble, op, err, sentinel)
				}
				if made := len(s.Calls()); made != 30-m.left {
					t.Errorf("%s at %s: %d calls, %d metered", trouble, op, made, 30-m.left)
				}
			})
		}
	}
	// Pages without an end are left when the budget ends.
	c, s := open(t, d)
	s.Script(awstest.Fault{Service: "guardduty", Operation: "ListFindings", Do: awstest.EndlessToken})
	if _, _, err := c.List(source.WithMeter(t.Context(), &meter{left: 25}), here, Filter{}); !errors.Is(err, source.ErrBudget) || len(s.Calls()) > 25 {
		t.Errorf("endless pages: %v after %d calls", err, len(s.Calls()))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	c, s = open(t, d)
	s.Script(awstest.Fault{Do: awstest.Timeout})
	if _, err := c.Get(ctx, Ref{ID: "x"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its context ended: %v", err)
	}
}

func TestVersions(t *testing.T) {
	parse := func(raw json.RawMessage) finding.Finding {
		fs, err := finding.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return fs[0]
	}
	count := func(n int, minute int) func(map[string]any) {
		return func(f map[string]any) {
			f["updatedAt"] = time.Date(2025, 9, 9, 5, minute, 0, 0, time.UTC).Format(time.RFC3339)
			f["service"].(map[string]any)["count"] = n
		}
	}
	first, second, third := parse(invented(1, count(1, 1))), parse(invented(1, count(2, 1))), parse(invented(1, count(2, 9)))
	other := parse(invented(1, count(2, 9), func(f map[string]any) { f["title"] = "another" }))
	var last [][]byte
	for _, list := range [][]finding.Finding{{third, first, second, first, other}, {other, second, third, third, first}} {
		var v Versions
		news := 0
		for _, f := range list {
			if v.Add(f) {
				news++
			}
		}
		var raws [][]byte
		for _, f := range v.Of(first.CaseID()) {
			raws = append(raws, f.Raw())
		}
		if news != 3 || len(raws) != 3 || v.Conflicts != 1 && v.Conflicts != 2 {
			t.Errorf("%d new, %d kept, %d conflicts", news, len(raws), v.Conflicts)
		}
		if !cmp.Equal(raws[:2], [][]byte{first.Raw(), second.Raw()}) {
			t.Error("versions are not in the order of update and count")
		}
		if last != nil && !cmp.Equal(last, raws) {
			t.Error("what is kept depends on what came first")
		}
		last = raws
	}
	var none Versions
	if none.Of("x") != nil {
		t.Error("a case without versions has some")
	}
}
