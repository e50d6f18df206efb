package reread

import (
	"errors"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
	"uratori/query"
	"uratori/verify"
)

var (
	at   = time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	over = query.Window{From: at.AddDate(0, 0, -30), To: at}
)

// told is coverage from one hour of the window to another.
func told(from, to int, state evidence.State) evidence.Coverage {
	return evidence.Coverage{State: state, Window: query.Window{From: at.Add(time.Duration(from) * time.Hour), To: at.Add(time.Duration(to) * time.Hour)}}
}

// Coverage proves an absence only where it is collected from end to end.
func TestSpans(t *testing.T) {
	w := query.Window{From: at, To: at.Add(4 * time.Hour)}
	in, no := evidence.Collected, evidence.Unknown
	for _, tt := range []struct {
		name string
		list []evidence.Coverage
		want bool
	}{
		{"nothing told", nil, false},
		{"all of it", []evidence.Coverage{told(0, 4, in)}, true},
		{"more than it", []evidence.Coverage{told(-1, 5, in)}, true},
		{"in two parts", []evidence.Coverage{told(0, 2, in), told(2, 4, in)}, true},
		{"in two parts, the later first", []evidence.Coverage{told(2, 4, in), told(0, 2, in)}, true},
		{"one within the other", []evidence.Coverage{told(0, 4, in), told(1, 2, in)}, true},
		{"a hole", []evidence.Coverage{told(0, 1, in), told(2, 4, in)}, false},
		{"begins late", []evidence.Coverage{told(1, 4, in)}, false},
		{"ends early", []evidence.Coverage{told(0, 3, in)}, false},
		{"unknown in between", []evidence.Coverage{told(0, 1, in), told(1, 2, no), told(2, 4, in)}, false},
		{"not collected at the end", []evidence.Coverage{told(0, 4, in), told(3, 4, evidence.NotCollectedState)}, false},
	} {
		if got := spans(tt.list, w); got != tt.want {
			t.Errorf("%s: %v; want %v", tt.name, got, tt.want)
		}
	}
}

// An absence that the first door admitted is proven again from the evidence.
func TestAbsenceIsProvenAgain(t *testing.T) {
	answer := func(out evidence.Outcome, state evidence.State) evidence.Item {
		return evidence.Item{
			ID: "E1", Kind: evidence.AnswerItem, Scope: query.Scope{Window: over}, Answer: evidence.Answer{Outcome: out},
			Coverage: []evidence.Coverage{{Window: over, State: state}},
		}
	}
	zero := fact.Fact{Key: "activity.denied", Subject: "session", Value: fact.IntOf(0), State: fact.Known, From: []fact.Ref{"E1#0"}}
	for _, tt := range []struct {
		name string
		item evidence.Item
		fact fact.Fact
		want string
	}{
		{"covered", answer(evidence.Empty, evidence.Collected), zero, ""},
		{"unknown coverage", answer(evidence.Empty, evidence.Unknown), zero, "coverage"},
		{"truncated", answer(evidence.Truncated, evidence.Collected), zero, "coverage"},
		{"denied", answer(evidence.Denied, evidence.Collected), zero, "coverage"},
		{"another item", evidence.Item{ID: "E2"}, zero, "coverage"},
		{"no answer", evidence.Item{ID: "E1", Kind: evidence.FindingItem}, zero, "coverage"},
	} {
		facts := fact.ForTest([]fact.Fact{tt.fact}, fact.TestWorld{Evidence: evidence.NewSet([]evidence.Item{tt.item}), AsOf: at})
		f := facts.Get(tt.fact.Key, tt.fact.Subject)
		p, _ := phrase.Default().Get("absence.of")
		said := verify.Line{Phrase: p, Filled: []verify.Filled{{Slot: "x", Value: f.Value, State: f.State, Fact: f.ID}}}
		if got := sound(said, facts); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
		said.Filled[0].Value = fact.IntOf(1)
		if got := sound(said, facts); !strings.Contains(got, "not that of") {
			t.Errorf("%s: a value that is no fact's: %q", tt.name, got)
		}
		said.Filled[0].Fact = "F99999"
		if got := sound(said, facts); !strings.Contains(got, "no fact") {
			t.Errorf("%s: a fact that is none: %q", tt.name, got)
		}
	}
}

// small is a small case that was checked.
func small(t testing.TB) verify.Checked {
	t.Helper()
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	facts := fact.ForTest([]fact.Fact{
		{Key: "finding.severity", Value: fact.Value{Type: fact.Decimal, Num: 80}, State: fact.Known},
		{Key: "event.time", Value: fact.TimeOf(at), State: fact.Known},
		{Key: "event.api", Value: fact.TextOf("GetObject"), State: fact.Known},
	}, fact.TestWorld{AsOf: at})
	c, err := verify.Check(narrative.DefaultPlan().Write(p.Assess(facts)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNothingIsHeldAgainstNothing(t *testing.T) {
	for name, err := range map[string]error{
		"unchecked draft":   Markdown([]byte("#"), verify.Checked{}, Run{}, phrase.JA),
		"unchecked JSON":    JSON([]byte(`{"language":"ja"}`), verify.Checked{}, Run{}),
		"unchecked HTML":    HTML(nil, verify.Checked{}, Run{}, phrase.EN),
		"no language":       Markdown([]byte("#"), small(t), Run{}, "fr"),
		"JSON of none":      JSON([]byte(`{}`), small(t), Run{}),
		"empty Markdown":    Markdown(nil, small(t), Run{}, phrase.JA),
		"empty HTML":        HTML(nil, small(t), Run{}, phrase.JA),
		"Markdown, no text": Markdown([]byte("\xff"), small(t), Run{}, phrase.JA),
	} {
		var r *Refusal
		if !errors.As(err, &r) || r.Line < 1 || r.Why == "" {
			t.Errorf("%s: %v; want a refusal", name, err)
		}
	}
}

// No bytes make a reader panic or hang, and none that anybody makes up are the report.
func FuzzReaders(f *testing.F) {
	want := small(f)
	title := phrase.Default().Header
	for _, s := range []string{
		"", "# " + title.JA + "\n\n- ", "# " + title.EN + "\n\n- finding id: `", `{"language":"ja","facts":[]}`, `{"schema":"uratori.report/1","language":"en"`,
		"<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n", "| a | `b\\|` |", "```text\n", "\\u{", `["\ud83d`, "<b><code>&lt;",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, english bool) {
		lang := phrase.JA
		if english {
			lang = phrase.EN
		}
		for name, err := range map[string]error{
			"Markdown": Markdown([]byte(s), want, Run{}, lang), "JSON": JSON([]byte(s), want, Run{}), "HTML": HTML([]byte(s), want, Run{}, lang),
		} {
			var r *Refusal
			if !errors.As(err, &r) {
				t.Errorf("%s: %v; want a refusal", name, err)
			}
		}
		h := &hypertext{page: &page{lang: lang, book: phrase.Default()}, text: s}
		_, _ = h.runs()
		_, _ = inline(s, english)
		_, _ = cut(s)
		_, _ = scanValue(s, s, 8)
		atoms, _ := inline(s, false)
		for _, v := range []fact.Value{fact.IntOf(12), fact.TimeOf(at), {Type: fact.Hours, Hours: []int{1, 2}}, {Type: fact.Percent, Num: 1, Den: 3}, fact.TextsOf([]string{"a"}, true)} {
			p := &tape{lang: lang, book: phrase.Default(), clock: clockIn(t, "Asia/Tokyo"), limit: 60, atoms: atoms}
			p.value(v, "", nil)
		}
	})
}
