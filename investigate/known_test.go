package investigate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uratori/calendar"
	"uratori/evidence"
	"uratori/fact"
	"uratori/investigate"
	"uratori/phrase"
	"uratori/source"
	"uratori/source/knowledge"
	"uratori/source/pastcases"
)

// The operator's lists, the group's calendar and the earlier cases reach the report through both doors
// in both languages, and the case replays to the same bytes without any of the files.
func TestWhatIsKnownReachesTheReport(t *testing.T) {
	store := t.TempDir()
	earlier := enter(t, "b", 2, phrase.EN).run(t)
	own := enter(t, "a", 1, phrase.EN).run(t)
	for name, c := range map[string]investigate.Case{"earlier": earlier, "own": own, "damaged": enter(t, "c", 3, phrase.EN).run(t)} {
		if err := c.Bundle().Write(filepath.Join(store, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(store, "damaged", "report.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(store, "no bundle"), 0o700); err != nil {
		t.Fatal(err)
	}
	endings := filepath.Join(t.TempDir(), "endings.csv")
	ended := "work | as asked`</script>"
	if err := os.WriteFile(endings, []byte("case,ending\n"+earlier.Finding.CaseID()+",\""+ended+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	past, notices, err := pastcases.Read("past", []string{store}, endings)
	if err != nil || len(notices) != 1 || !strings.Contains(notices[0], "damaged") {
		t.Fatalf("notices %v, %v; want one of the damaged bundle", notices, err)
	}
	list := filepath.Join(t.TempDir(), "feed.txt")
	if err := os.WriteFile(list, []byte("# date: 2025-09-01\n"+own.Finding.Action.Remote.IP.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lang := range phrase.Langs() {
		w := enter(t, "a", 1, lang)
		files, _ := knowledge.Open("files", nil, []knowledge.List{{Name: "feed", Kind: "threat", Path: list}})
		w.tools.Lookers = []source.Looker{files, past}
		w.tools.Settings.Calendars = []fact.GroupCalendar{{
			Name: "batch", For: fact.Group{Accounts: []string{string(own.Finding.Account)}}, Calendar: calendar.Config{Zone: "America/Los_Angeles", Country: "none"},
		}}
		c := w.run(t)
		rules := map[string]bool{}
		for _, s := range c.Assessment.Signals() {
			rules[s.Rule] = true
		}
		if !rules["threat_address"] || !rules["off_hours"] {
			t.Errorf("%s: signals %v; want threat_address and off_hours", lang, rules)
		}
		facts := c.Assessment.Facts()
		n := facts.Get("related.similar_count", "")
		if n.State != fact.AtLeast || n.Value.Num != 1 {
			t.Errorf("%s: %v %d earlier cases; want at least 1: one bundle was damaged, and the case does not count itself; names are invented anew for each seed, so type and tool are all they share", lang, n.State, n.Value.Num)
		}
		rows := facts.Get("related.similar_cases", "").Value.Rows
		if len(rows) != 1 || rows[0][0].Str != earlier.Finding.CaseID() || rows[0][4].Str != "benign" || rows[0][6].Str != ended || !strings.Contains(rows[0][3].Str, "type, tool") {
			t.Errorf("%s: earlier cases %v", lang, rows)
		}
		if md := string(c.Reports[investigate.MarkdownName]); !strings.Contains(md, "America/Los_Angeles") || !strings.Contains(md, earlier.Finding.CaseID()) || !strings.Contains(md, "feed (2025-09-01)") {
			t.Errorf("%s: the report does not tell of the calendar, the earlier case or the list", lang)
		}
		again, err := investigate.Replay(c.Bundle())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.Reports {
			if !bytes.Equal(again.Reports[name], want) {
				t.Errorf("%s: %s replays to other bytes", lang, name)
			}
		}
	}
	// The same over readable bundles only: no earlier case of a type that never was is a proven zero.
	whole, _, err := pastcases.Read("past", []string{filepath.Join(store, "own")}, "")
	if err != nil {
		t.Fatal(err)
	}
	said, err := whole.Look(t.Context(), evidence.Lookup{Kind: evidence.CasesOfType, Key: string(own.Finding.Type), Case: own.Finding.CaseID()})
	if err != nil || said.Body.Cases.Total != 0 || !said.Body.Whole() {
		t.Errorf("its own bundle alone: %+v, %v", said.Body.Cases, err)
	}
}
