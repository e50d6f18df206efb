package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"uratori/investigate"
	"uratori/investigate/truthtest"
)

// inFiles is the arrangement of (a) over Splunk and event history.
func inFiles() arrangement {
	return arrangement{cloudtrail: []string{"splunk-prod", "cloudtrail-api"}, signin: []string{"splunk-prod"}}
}

// calls are all calls that reached the doubles.
func (r *remote) calls() int { return len(r.aws.Calls()) + len(r.splunk.Requests()) }

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// another is the finding once more: with an id of its own, later by so much, and of another user
// where one is named.
func (r *remote) another(t *testing.T, n int, later time.Duration, user string) []byte {
	t.Helper()
	text := string(r.scenario.Files["finding.json"])
	var f struct {
		ID     string
		Detail struct {
			ID       string
			Resource struct {
				AccessKeyDetails struct{ AccessKeyID, PrincipalID string }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Detail.ID == "" {
		t.Fatalf("the finding cannot be read: %v", err)
	}
	text = strings.ReplaceAll(text, f.Detail.ID, fmt.Sprintf("%032x", 0xabcdef00+n))
	if user != "" {
		k := f.Detail.Resource.AccessKeyDetails
		_, session, _ := strings.Cut(k.PrincipalID, ":")
		text = strings.ReplaceAll(text, session, user)
		text = strings.ReplaceAll(text, k.AccessKeyID, fmt.Sprintf("ASIAEXAMPLE%09d", n))
	}
	return []byte(timestamp.ReplaceAllStringFunc(text, func(s string) string {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(later).Format("2006-01-02T15:04:05.000Z")
	}))
}

// Eight investigations at once, of eight users in one account and Region, are no more to the service
// than one: they share one pace of lookups. Fewer run unless URATORI_SOAK is set.
func TestPaceOfInvestigationsTogetherSoak(t *testing.T) {
	n := 2
	if soaking() {
		n = 8
	}
	r := inFiles().behind(t, "a")
	var findings []json.RawMessage
	for i := range n {
		findings = append(findings, r.another(t, i, time.Duration(i)*time.Minute, fmt.Sprintf("ext-user%d@example.co.jp", i)))
	}
	all, err := json.Marshal(findings)
	if err != nil {
		t.Fatal(err)
	}
	file, dir := filepath.Join(r.dir, "findings.json"), filepath.Join(r.dir, "cases")
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	status, out, errs := r.command("investigate", file, "--config", filepath.Join(r.dir, "uratori.yaml"), "-o", dir, "--parallel", fmt.Sprint(n))
	if status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, out, errs)
	}
	reports, err := filepath.Glob(filepath.Join(dir, "*", investigate.JSONName))
	if err != nil || len(reports) != n {
		t.Errorf("%d reports, %v; want %d", len(reports), err, n)
	}
	lookups := r.aws.Calls("cloudtrail:LookupEvents")
	for _, c := range lookups {
		if c.Status != 200 {
			t.Errorf("a lookup was answered with %d", c.Status)
		}
	}
	r.paced(t, began)
	t.Logf("%d investigations: %d lookups in %s", n, len(lookups), time.Since(began).Round(time.Second))
}

// A hundred investigations of one account, Region and principal, one after another within an hour,
// each by a command of its own over the same store, cost fewer than three times the lookups of one.
// Fewer run unless URATORI_SOAK is set.
func TestInvestigationsOfAnHourSoak(t *testing.T) {
	n := 5
	if soaking() {
		n = 100
	}
	for name, since := range map[string]time.Duration{"as findings come": 15 * time.Minute, "a day later": 25 * time.Hour} {
		t.Run(name, func(t *testing.T) { within(t, n, since) })
	}
}

// within investigates so many findings, an hour in all, each so long after its event.
func within(t *testing.T, n int, since time.Duration) {
	a := inFiles()
	a.quick = true
	r := a.behind(t, "a")
	r.now = time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC).Add(since)
	step := time.Hour / time.Duration(n)
	one := 0
	for i := range n {
		file := filepath.Join(r.dir, "next.json")
		if err := os.WriteFile(file, r.another(t, i, time.Duration(i)*step, ""), 0o600); err != nil {
			t.Fatal(err)
		}
		status, out, errs := r.command("investigate", file, "--config", filepath.Join(r.dir, "uratori.yaml"), "--format", "json", "-o", filepath.Join(r.dir, "report.json"))
		if status != exitOK {
			t.Fatalf("exit status %d\n%s%s", status, out, errs)
		}
		if i == 0 {
			one = len(r.aws.Calls("cloudtrail:LookupEvents"))
		}
		r.now = r.now.Add(step)
	}
	all := len(r.aws.Calls("cloudtrail:LookupEvents"))
	t.Logf("one: %d lookups, %d: %d", one, n, all)
	if one == 0 || all >= 3*one {
		t.Errorf("one investigation costs %d lookups, %d cost %d", one, n, all)
	}
}

// A budget is never overdrawn; what it cost is named in the report and on standard error, and
// nothing is claimed that the whole would not bear out.
func TestBudgetsHold(t *testing.T) {
	a := inFiles()
	a.quick = true
	whole := a.behind(t, "a").report(t, "whole").record
	type bound struct {
		what  string // as the configuration says it
		named string // as the report does
		n     []int
		few   []int // without URATORI_SOAK
		used  func(r *remote, e ended) int
	}
	for _, b := range []bound{
		{"calls: %d", "calls", []int{1, 2, 5, 10, 30, 60}, []int{1, 10}, func(r *remote, _ ended) int { return r.calls() }},
		{`apis: {"cloudtrail:LookupEvents": %d}`, "calls of cloudtrail:LookupEvents", []int{1, 2, 5, 10}, []int{10}, func(r *remote, _ ended) int { return len(r.aws.Calls("cloudtrail:LookupEvents")) }},
		{`apis: {"splunk:search": %d}`, "calls of splunk:search", []int{1, 2, 5}, nil, func(_ *remote, e ended) int { return int(e.spent["splunk:search"]) }},
		{"pages: %d", "pages", []int{1, 2, 5, 10}, []int{2}, func(_ *remote, e ended) int { return int(e.record.Budget["pages"].Used) }},
		{"rows: %d", "rows", []int{1, 2, 5}, []int{1}, nil},
		{"bytes: %d", "bytes", []int{1, 1000, 100000}, nil, nil},
	} {
		list := b.few
		if soaking() {
			list = b.n
		}
		for _, n := range list {
			t.Run(fmt.Sprintf(b.what, n), func(t *testing.T) {
				a := a
				a.more = fmt.Sprintf("budget: {"+b.what+"}\n", n)
				r := a.behind(t, "a")
				e := r.report(t, "case")
				if b.used != nil && b.used(r, e) > n {
					t.Errorf("%d were used of %d", b.used(r, e), n)
				}
				for _, wrong := range truthtest.Surer(e.record, whole) {
					t.Error(wrong)
				}
				if got := e.record.Budget[b.named].Limit; got != int64(n) {
					t.Errorf("the report says that %s are bounded by %d", b.named, got)
				}
				named := 0
				for _, it := range e.record.Evidence {
					if (it.Outcome == "Throttled" || it.Outcome == "Truncated") && strings.Contains(it.Reason, "budget is used up: "+b.named) {
						named++
					}
				}
				if named == 0 {
					t.Errorf("no evidence names the budget of %s", b.named)
				}
				if !strings.Contains(e.errs, "raise budget:") {
					t.Errorf("the reader is told\n%s", e.errs)
				}
			})
		}
	}
	t.Run("calls: 0", func(t *testing.T) {
		a := a
		a.more = "budget: {calls: 0}\n"
		r := a.behind(t, "a")
		status, _, errs := r.command("investigate", filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"))
		if status != exitUsage || !strings.Contains(errs, "write a whole number from 1") || r.calls() != 0 {
			t.Errorf("exit status %d after %d calls\n%s", status, r.calls(), errs)
		}
	})
	t.Run("a day", func(t *testing.T) {
		a := a
		a.more = "budget: {per_day: {calls: 70, rows: 1000, wall: 1h, dir: spent}}\n"
		r := a.behind(t, "a")
		var last ended
		for i := range 3 {
			last = r.report(t, fmt.Sprint("case", i))
		}
		if n := r.calls(); n > 70 {
			t.Errorf("%d calls of 70 in a day", n)
		}
		named := false
		for _, it := range last.record.Evidence {
			named = named || strings.Contains(it.Reason, "the day's budget is used up: calls")
		}
		if !named {
			t.Error("no evidence of the third investigation names the day's budget")
		}
		for _, wrong := range truthtest.Surer(last.record, whole) {
			t.Error(wrong)
		}
	})
}

// A principal that did more in the days before than the page budget can hold has a baseline that is
// Truncated and says "at least".
func TestBaselineBeyondThePageBudget(t *testing.T) {
	a := inFiles()
	a.quick, a.pages = true, 3
	a.history = busy(t)
	r := a.behind(t, "a")
	c := r.investigate(t, "case")
	e := r.report(t, "again")
	truncated := 0
	for _, it := range e.record.Evidence {
		if it.Source == "cloudtrail-api" && it.Outcome == "Truncated" {
			truncated++
			if !strings.Contains(it.Reason, "pages of LookupEvents") {
				t.Errorf("%s: Truncated for %q", it.Question, it.Reason)
			}
		}
	}
	if truncated == 0 {
		t.Error("nothing is Truncated")
	}
	for _, f := range e.record.Facts {
		if f.Name == "baseline.events" && (f.State != "at_least" || f.Value.(float64) < 1) {
			t.Errorf("baseline.events is %v (%s)", f.Value, f.State)
		}
	}
	if text := c.Reports[investigate.MarkdownName]; !bytes.Contains(text, []byte("少なくとも")) && !bytes.Contains(text, []byte("以上")) {
		t.Error("the report does not say \"at least\"")
	}
	if e.record.Verdict == "benign" {
		t.Error("benign without the whole baseline")
	}
}

// busy adds 400 events to each hour of a day two weeks before, as copies of one of the principal's.
func busy(t *testing.T) func([][]byte) [][]byte {
	return func(records [][]byte) [][]byte {
		t.Helper()
		var model map[string]any
		at := time.Date(2025, 8, 26, 0, 0, 0, 0, time.UTC)
		for _, raw := range records {
			var r map[string]any
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			when, err := time.Parse(time.RFC3339, fmt.Sprint(r["eventTime"]))
			who, _ := r["userIdentity"].(map[string]any)
			if err == nil && strings.Contains(fmt.Sprint(who["principalId"]), ":ext-") && when.Before(at.AddDate(0, 0, 13)) {
				model = r
			}
		}
		if model == nil {
			t.Fatal("the principal did nothing before")
		}
		for i := range 2000 {
			model["eventID"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			model["eventTime"] = at.Add(time.Duration(i) * 40 * time.Second).Format(time.RFC3339)
			raw, err := json.Marshal(model)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, raw)
		}
		return records
	}
}
