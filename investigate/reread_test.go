package investigate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"uratori/fact"
	"uratori/investigate"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
	"uratori/report"
	"uratori/scenario"
	"uratori/verify"
	"uratori/verify/reread"
)

// A proven case is what the second door holds a report against: derived, assessed and checked
// again from the kept evidence and draft.
type proven struct {
	want verify.Checked
	run  reread.Run
	lang phrase.Lang
}

func prove(t testing.TB, c investigate.Case) proven {
	t.Helper()
	facts, err := fact.Derive(c.Finding, c.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	draft, err := narrative.Decode(c.Draft, pol.Assess(facts))
	if err != nil {
		t.Fatal(err)
	}
	checked, err := verify.Check(draft)
	if err != nil {
		t.Fatal(err)
	}
	var o report.Options
	if err := json.Unmarshal(c.Inputs["options.json"], &o); err != nil {
		t.Fatal(err)
	}
	p := proven{want: checked, lang: c.Language, run: reread.Run{
		Version: o.Version, Provisional: o.Provisional, Next: o.Next, Changes: o.Changes, LedgerHead: o.LedgerHead,
	}}
	for _, u := range o.Budget {
		p.run.Budget = append(p.run.Budget, reread.Used(u))
	}
	for _, v := range o.Versions {
		p.run.Versions = append(p.run.Versions, reread.Versioned(v))
	}
	return p
}

// admit asks the second door about one report.
func (p proven) admit(name string, data []byte) error {
	switch name {
	case investigate.JSONName:
		return reread.JSON(data, p.want, p.run)
	case investigate.HTMLName:
		return reread.HTML(data, p.want, p.run, p.lang)
	case investigate.MarkdownName:
		return reread.Markdown(data, p.want, p.run, p.lang)
	}
	return fmt.Errorf("nobody reads %s", name)
}

// inLanguage is a case told in a language: the same evidence and draft, other reports.
func inLanguage(t testing.TB, c investigate.Case, lang phrase.Lang) investigate.Case {
	t.Helper()
	b := c.Bundle()
	var o report.Options
	if err := json.Unmarshal(b.Inputs["options.json"], &o); err != nil {
		t.Fatal(err)
	}
	o.Lang = lang
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Inputs = maps.Clone(b.Inputs)
	b.Inputs["options.json"] = data
	again, err := investigate.Replay(b)
	if err != nil {
		t.Fatal(err)
	}
	if again.Language != lang || len(again.Reports) != 3 {
		t.Fatalf("the case came back in %q with %d reports", again.Language, len(again.Reports))
	}
	return again
}

// Every report of every variant passes the second door: a correct report is never refused.
// The full matrix of 9 variants, 12 seeds and 2 languages runs when URATORI_SOAK is set.
func TestSoakAdmitsCorrectReports(t *testing.T) {
	seeds := []uint64{1}
	if soaking() {
		seeds = []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	}
	for _, v := range scenario.Variants() {
		for _, seed := range seeds {
			t.Run(fmt.Sprint(v.ID, seed), func(t *testing.T) {
				t.Parallel()
				first := enter(t, v.ID, seed, phrase.JA).run(t)
				for _, lang := range phrase.Langs() {
					c := inLanguage(t, first, lang)
					p := prove(t, c)
					for name, data := range c.Reports {
						if err := p.admit(name, data); err != nil {
							t.Errorf("%s %s: %v", p.lang, name, err)
						}
					}
				}
			})
		}
	}
}
