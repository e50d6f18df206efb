package report

import (
	"strings"
	"testing"

	"uratori/phrase"
)

// On a terminal stands every statement of the chapters, without anchors; tables that do not fit are lists.
func TestATerminalShowsEveryStatement(t *testing.T) {
	for _, l := range phrase.Langs() {
		doc := composed(t, l, referenceFacts(t))
		wide, narrow := string(Terminal(doc, 200)), string(Terminal(doc, 60))
		for _, ch := range doc.Chapters {
			for _, s := range ch.Sections {
				for _, b := range s.Blocks {
					line, ok := b.(Line)
					if !ok {
						continue
					}
					for _, r := range line.Runs {
						if r.Kind == Literal && !strings.Contains(narrow, terminalText(r.Text)) {
							t.Errorf("%s: %q of %s is missing", l, r.Text, line.Phrase)
						}
					}
				}
			}
		}
		if strings.Contains(narrow, "[F1]") || strings.Contains(narrow, "<a id=") {
			t.Errorf("%s: the terminal shows anchors", l)
		}
		if !strings.Contains(wide, "| --- |") || strings.Count(narrow, "| --- |") >= strings.Count(wide, "| --- |") {
			t.Errorf("%s: tables are the same at 60 and at 200 columns", l)
		}
	}
}
