package verify

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
)

// Whatever a narrator writes, what comes through rests on known facts, holds its guards and
// claims no absence without coverage.
func TestNoDraftSlipsAFalseLineThrough(t *testing.T) {
	a := assess(t)
	book := phrase.Default()
	sections := append(book.SectionIDs(), narrative.HeaderSection)
	all := a.Facts().All()
	rapid.Check(t, func(t *rapid.T) {
		draft := map[string][]narrative.Statement{}
		for range rapid.IntRange(1, 20).Draw(t, "statements") {
			p := rapid.SampledFrom(book.All()).Draw(t, "phrase")
			st := narrative.Statement{
				Phrase: p.ID, Kind: p.Kind, Gap: rapid.SampledFrom([]string{"", "G1", "G2", "G77"}).Draw(t, "gap"),
				Hypothesis: rapid.SampledFrom([]string{"", "own_work", "hiding"}).Draw(t, "hypothesis"),
				Step:       rapid.SampledFrom([]string{"", "movement", "privilege"}).Draw(t, "step"),
			}
			for _, s := range p.Slots {
				switch {
				case s.From == phrase.Fact && rapid.IntRange(0, 9).Draw(t, "right") > 0:
					st.Facts = append(st.Facts, a.Facts().Get(fact.Key(s.Key), s.Whose).ID)
				case s.Bound():
					st.Facts = append(st.Facts, rapid.SampledFrom(all).Draw(t, "fact").ID)
				}
			}
			section := rapid.SampledFrom(sections).Draw(t, "section")
			if len(p.Sections) > 0 && rapid.Bool().Draw(t, "at home") {
				section = p.Sections[0]
			}
			draft[section] = append(draft[section], st)
		}
		c, err := Check(narrative.New(a, draft))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sections {
			for _, l := range c.Section(s) {
				hold(t, c, s, l)
			}
		}
	})
}

func hold(t *rapid.T, c Checked, section string, l Line) {
	facts := c.Assessment().Facts()
	if len(l.Phrase.Sections) > 0 && !slices.Contains(l.Phrase.Sections, section) {
		t.Errorf("%s stands in %s", l.Phrase.ID, section)
	}
	for _, v := range l.Filled {
		f, bound := facts.ByID(v.Fact)
		if !bound {
			continue
		}
		if f.State != fact.Known && f.State != fact.AtLeast {
			t.Errorf("%s prints %s, which is not known", l.Phrase.ID, f.Key)
		}
		if f.State == fact.AtLeast && (v.Gap == "" || l.Phrase.Kind == phrase.Absence) {
			t.Errorf("%s prints the lower bound %s as if it were exact", l.Phrase.ID, f.Key)
		}
		if l.Phrase.Kind != phrase.Absence || f.Key == "event.log" {
			continue
		}
		for _, it := range answersOf(facts.Evidence(), f) {
			if !it.Complete() {
				t.Errorf("%s claims absence on %s, whose source did not cover the scope", l.Phrase.ID, it.ID)
			}
		}
	}
}
