package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uratori/evidence"
	"uratori/fact"
)

// Searches that people wrote are made with the facts of the case, are evidence, and are shown;
// the verdict stays what it was.
func TestSearchesOfPeopleAreMadeAndShown(t *testing.T) {
	a := inFiles()
	a.quick = true
	r := a.behind(t, "a")
	plainCase := r.investigate(t, "plain")
	dir := filepath.Join(r.dir, "playbooks")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const sources = "  - id: by-status\n    title: {ja: \"結果別のサインイン\", en: \"sign-ins by status\"}\n    source: splunk-prod\n    search: search index=azure | where 'properties.userPrincipalName'=$person.upn | stats count by properties.status.errorCode | sort 0 -count\n    window: {around: $event.time, before: 29d, after: 1h}\n    columns: [properties.status.errorCode, count]\n"
	write(filepath.Join(dir, "searches.yaml"), "searches:\n"+sources+
		strings.NewReplacer("by-status", "elsewhere", "source: splunk-prod", "source: splunk-of-others").Replace(sources)+
		strings.NewReplacer("by-status", "never-known", "$person.upn", "$kubernetes.user").Replace(sources)+
		strings.NewReplacer("by-status", "other-family", "    source:", "    families: [eks_audit]\n    source:").Replace(sources))
	config := filepath.Join(r.dir, "uratori.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write(config, "playbooks: playbooks\n"+string(text))

	c := r.investigate(t, "own")
	got := map[string]evidence.Item{}
	for _, it := range c.Evidence.Items() {
		if it.Kind == evidence.SearchItem {
			got[it.Question] = it
		}
	}
	if len(got) != 3 {
		t.Fatalf("%d searches are evidence; want by-status, elsewhere and never-known", len(got))
	}
	upn := r.scenario.Truth.Facts["person.upn"].(string)
	if it := got["by-status"]; it.Answer.Outcome != evidence.Found || !strings.Contains(it.Answer.Native, upn) {
		t.Errorf("by-status: %s (%s) %s", it.Answer.Outcome, it.Answer.Reason, it.Answer.Native)
	}
	if it := got["elsewhere"]; it.Answer.Outcome != evidence.NotAsked || !strings.Contains(it.Answer.Reason, `no source "splunk-of-others"`) {
		t.Errorf("elsewhere: %s (%s)", it.Answer.Outcome, it.Answer.Reason)
	}
	if it := got["never-known"]; it.Answer.Outcome != evidence.NotAsked || !strings.Contains(it.Answer.Reason, "kubernetes.user") {
		t.Errorf("never-known: %s (%s)", it.Answer.Outcome, it.Answer.Reason)
	}
	// What the double's own language says of the same records.
	from, to := got["by-status"].Scope.Window.From, got["by-status"].Scope.Window.To
	want, err := r.splunk.Search("search index=azure | where 'properties.userPrincipalName'=\""+upn+"\" | stats count by properties.status.errorCode", from, to)
	if err != nil || len(want) == 0 {
		t.Fatalf("%v rows, %v", want, err)
	}
	walk := chapter(t, c, 7)
	for _, row := range want {
		for _, part := range []string{row["properties.status.errorCode"].(string), row["count"].(string)} {
			if !strings.Contains(walk, part) {
				t.Errorf("chapter 7 lacks %q of %v", part, row)
			}
		}
	}
	if n := len(c.Assessment.Facts().Get(fact.Key("searches.found"), "").Value.Rows); n != len(want) {
		t.Errorf("%d rows are shown; want %d", n, len(want))
	}
	if a, b := plainCase.Assessment, c.Assessment; a.Verdict() != b.Verdict() || a.Score() != b.Score() || a.Confidence() != b.Confidence() {
		t.Errorf("judged %s %d %s, without the searches %s %d %s", b.Verdict(), b.Score(), b.Confidence(), a.Verdict(), a.Score(), a.Confidence())
	}

	// A search that does more than read never gets as far as a source.
	write(filepath.Join(dir, "searches.yaml"), "searches:\n"+strings.Replace(sources, "| sort 0 -count", "| outputlookup x.csv", 1))
	r.splunk.Forget()
	for _, command := range [][]string{
		{"investigate", filepath.Join(r.dir, "finding.json"), "--config", config, "-o", filepath.Join(r.dir, "writes")},
		{"playbook", "test", "--dir", dir},
	} {
		if status, _, errs := r.command(command...); status != exitUsage || !strings.Contains(errs, "searches.yaml:5") || !strings.Contains(errs, `"outputlookup"`) {
			t.Errorf("%s: exit status %d\n%s", command[0], status, errs)
		}
	}
	if list := r.splunk.Requests(); len(list) != 0 {
		t.Errorf("%d requests were sent", len(list))
	}
}
