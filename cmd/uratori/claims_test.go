package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uratori/evidence"
	"uratori/fact"
	"uratori/investigate"
	"uratori/investigate/truthtest"
	"uratori/source/awstest"
)

const detectorID = "12abc34d567e8fa901bc2d34e56789f0"

// investigated is an investigation of a finding as GuardDuty has it.
func investigated(t *testing.T, finding, status string, summary any) json.RawMessage {
	t.Helper()
	doc := map[string]any{
		"investigationId": "0123abcd-0000-4000-8000-000000000000", "status": status, "triggerPrompt": "Explain finding " + finding, "triggeredBy": awstest.Home, "startTime": 1757391605,
	}
	if status == "COMPLETED" {
		text, err := json.Marshal(summary)
		if err != nil {
			t.Fatal(err)
		}
		doc["riskLevel"], doc["confidence"], doc["summary"], doc["endTime"] = "High", "Medium", string(text), 1757391905
		if s, ok := summary.(string); ok {
			doc["summary"] = s
		}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fetchable is a finding of EventBridge's as GetFindings sends it: additional information is a text there.
func fetchable(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	service := f["service"].(map[string]any)
	info, err := json.Marshal(service["additionalInfo"])
	if err != nil {
		t.Fatal(err)
	}
	service["additionalInfo"] = map[string]any{"type": "default", "value": string(info)}
	out, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// claiming is the reference case behind services, whose configuration looks investigations up; the
// finding lies in GuardDuty.
func claiming(t *testing.T, make func(finding string) []json.RawMessage) (r *remote, id string) {
	t.Helper()
	a := inFiles()
	a.quick = true
	r = a.behind(t, "a")
	var event struct{ Detail json.RawMessage } // EventBridge's
	var f struct{ ID string }
	if json.Unmarshal(r.scenario.Files["finding.json"], &event) != nil || json.Unmarshal(event.Detail, &f) != nil || f.ID == "" {
		t.Fatal("the finding has no id")
	}
	d := awstest.Detective{Detector: detectorID, Findings: []json.RawMessage{fetchable(t, event.Detail)}}
	if make != nil {
		d.Investigations = make(f.ID)
	}
	r.aws.ServeGuardDuty(d)
	r.edit(t, "endpoint:", "look_up: [guardduty_investigation], endpoint:")
	return r, f.ID
}

// The claims of GuardDuty's own investigation reach the report, end to end, each as it stands; they
// change nothing else, and their text is quoted, whatever it holds.
func TestClaimsReachTheReport(t *testing.T) {
	hostile := "https://198.51.100.1/ `code` | <script>alert(1)</script> [F1](x)"
	r, id := claiming(t, func(id string) []json.RawMessage {
		return []json.RawMessage{investigated(t, id, "COMPLETED", map[string]any{
			"eventName": "GetObject", "sourceIp": "198.51.100.1", "firstSeen": "2025-09-09T09:00:00Z", "text": "DeleteAccessKey should follow. " + hostile,
			"a | b `c` <b>": "203.0.113.200",
		})}
	})
	config := filepath.Join(r.dir, "uratori.yaml")
	with := r.investigated(t, "with", id, "--config", config, "--region", awstest.Region)
	facts := with.Assessment.Facts()
	for name, want := range map[fact.Key]string{
		"claims.investigation": "0123abcd-0000-4000-8000-000000000000", "claims.risk_level": "High", "claims.confidence": "Medium",
	} {
		if got := truthtest.Plain(facts.Get(name, "")); got != want {
			t.Errorf("%s = %s; want %s", name, got, want)
		}
	}
	standing := map[string]string{}
	for _, row := range facts.Get("claims.table", "").Value.Rows {
		standing[row[2].Str] = row[0].Str
		if row[0].Str != "unverifiable" && row[4].Str == "-" {
			t.Errorf("%s is %s without a fact", row[2].Str, row[0].Str)
		}
	}
	for claim, want := range map[string]string{"GetObject": "confirmed", "2025-09-09T09:00:00Z": "contradicted", "DeleteAccessKey": "unverifiable", "High": "unverifiable", "203.0.113.200": "unverifiable"} {
		if standing[claim] != want {
			t.Errorf("%s is %q; want %s: %v", claim, standing[claim], want, standing)
		}
	}
	asked := chapter(t, with, 7)
	for _, want := range []string{"GuardDuty自身の調査", "本報告の事実と判定には用いていない", "`DeleteAccessKey`", "事実と矛盾する"} {
		if !strings.Contains(asked, want) {
			t.Errorf("chapter 7 lacks %q:\n%s", want, asked)
		}
	}
	if html := string(with.Reports[investigate.HTMLName]); strings.Contains(html, "<script>alert") || strings.Contains(html, "`c` <b>") {
		t.Error("a claim's text became part of the page")
	}
	if !slices.ContainsFunc(with.Evidence.Items(), func(it evidence.Item) bool { return it.Kind == evidence.LookupItem && it.Source == "guardduty" }) {
		t.Error("the investigation is no evidence")
	}

	english := r.investigated(t, "english", id, "--config", config, "--region", awstest.Region, "--lang", "en")
	if asked := chapter(t, english, 7); !strings.Contains(asked, "GuardDuty's own investigation") || !strings.Contains(asked, "a third party's word") {
		t.Errorf("chapter 7 in English does not tell of the claims:\n%s", asked)
	}

	// Without it, every other fact and the judgement are the same.
	r.edit(t, "look_up: [guardduty_investigation], ", "")
	without := r.investigated(t, "without", id, "--config", config, "--region", awstest.Region)
	rest := map[string]string{}
	for _, f := range without.Assessment.Facts().All() {
		rest[string(f.Key)+"@"+f.Subject] = fmt.Sprint(f.State, f.Value, f.Gap.Key)
	}
	for _, f := range facts.All() {
		if strings.HasPrefix(string(f.Key), "claims.") || strings.HasPrefix(string(f.Key), "quality.") || strings.HasPrefix(string(f.Key), "coverage.") {
			continue
		}
		name := string(f.Key) + "@" + f.Subject
		if got := fmt.Sprint(f.State, f.Value, f.Gap.Key); got != rest[name] {
			t.Errorf("with claims %s is %s; without %s", name, got, rest[name])
		}
	}
	a, b := with.Assessment, without.Assessment
	if a.Verdict() != b.Verdict() || a.Score() != b.Score() || a.Ceiling() != b.Ceiling() || a.Confidence() != b.Confidence() || !facts.AsOf().Equal(without.Assessment.Facts().AsOf()) {
		t.Errorf("with claims %s %d %d %s; without %s %d %d %s", a.Verdict(), a.Score(), a.Ceiling(), a.Confidence(), b.Verdict(), b.Score(), b.Ceiling(), b.Confidence())
	}
	if strings.Contains(string(without.Reports[investigate.MarkdownName]), "GuardDuty自身の調査") {
		t.Error("claims are told of that nobody looked up")
	}
}

// Claims that may not be read are a gap; that there are none is silence.
func TestClaimsThatAreNotThere(t *testing.T) {
	r, id := claiming(t, nil)
	config := filepath.Join(r.dir, "uratori.yaml")
	none := r.investigated(t, "none", id, "--config", config, "--region", awstest.Region)
	if f := none.Assessment.Facts().Get("claims.total", ""); f.State != fact.NotApplicable {
		t.Errorf("claims.total = %s; want not applicable", truthtest.Plain(f))
	}
	r.aws.Script(awstest.Fault{Operation: "ListInvestigations", Do: awstest.Deny})
	denied := r.investigated(t, "denied", id, "--config", config, "--region", awstest.Region)
	if f := denied.Assessment.Facts().Get("claims.total", ""); f.State != fact.Unknown || f.Gap.Outcome != evidence.Denied || f.Gap.Key != "look_guardduty_investigation" {
		t.Errorf("claims.total = %s, gap %v; want unknown, denied", truthtest.Plain(f), f.Gap)
	}
	if denied.Assessment.Verdict() != none.Assessment.Verdict() || denied.Assessment.Ceiling() != none.Assessment.Ceiling() {
		t.Error("a third party's silence changes the verdict")
	}
}

// An investigation is begun once, found again, and waited for.
func TestClaimsAreStarted(t *testing.T) {
	r, id := claiming(t, nil)
	config := filepath.Join(r.dir, "uratori.yaml")
	r.investigated(t, "case", id, "--config", config, "--region", awstest.Region)
	claims := func(more ...string) (int, string, string) {
		return r.command(append([]string{"findings", "claims", filepath.Join(r.dir, "case"), "--config", config}, more...)...)
	}
	end := r.aws.Script(awstest.Fault{Operation: "CreateInvestigation", Calls: "1", Do: awstest.Throttle})
	status, first, errs := claims("--start", "What happened?")
	end()
	if first = strings.TrimSpace(first); status != exitOK || len(first) != 36 {
		t.Fatalf("exit status %d: %s%s", status, first, errs)
	}
	if status, again, _ := claims("--start", "What happened?"); status != exitOK || strings.TrimSpace(again) != first {
		t.Errorf("the same prompt began %s, and before %s", again, first)
	}
	status, _, errs = claims("--id", first)
	if status != exitRefused || !strings.Contains(errs, "RUNNING") || !strings.Contains(errs, "--id "+first) {
		t.Errorf("one that runs: exit status %d: %s", status, errs)
	}
	// It never ends: the wait does.
	if status, _, errs = claims("--start", "What happened?", "--wait", "200ms"); status != exitRefused || !strings.Contains(errs, "RUNNING") {
		t.Errorf("one that never ends: exit status %d: %s", status, errs)
	}
	r.aws.Complete(first, investigated(t, id, "COMPLETED", map[string]any{"eventName": "GetObject", "sourceIp": "198.51.100.1"}))
	status, out, errs := claims("--start", "What happened?", "--wait", "1m")
	if status != exitOK || !strings.Contains(out, "confirmed") || !strings.Contains(out, "GetObject") || !strings.Contains(out, "claims of a third party") {
		t.Errorf("exit status %d: %s%s", status, out, errs)
	}
	// The prompt named the finding, so the next investigation finds the claims.
	if c := r.investigated(t, "next", id, "--config", config, "--region", awstest.Region); c.Assessment.Facts().Get("claims.total", "").State != fact.Known {
		t.Error("the claims are not found")
	}
	r.aws.Complete(first, investigated(t, id, "FAILED", nil))
	if status, _, errs := claims("--id", first); status != exitRefused || !strings.Contains(errs, "FAILED") {
		t.Errorf("one that failed: exit status %d: %s", status, errs)
	}
	for trouble, want := range map[awstest.Trouble]string{awstest.Deny: "refused", awstest.Cut: "unavailable"} {
		end := r.aws.Script(awstest.Fault{Operation: "CreateInvestigation", Do: trouble})
		if status, out, errs := claims("--start", "Why?"); status != exitFailed || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit status %d: %s%s", trouble, status, out, errs)
		}
		end()
	}
	for _, wrong := range [][]string{{"--id", first, "--wait", "1m"}, {"--start", "x", "--id", first}, {}} {
		if status, _, _ := claims(wrong...); status != exitUsage {
			t.Errorf("%v: exit status %d; want %d", wrong, status, exitUsage)
		}
	}
}
