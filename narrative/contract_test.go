package narrative

import (
	"slices"
	"strings"
	"testing"

	"uratori/fact"
	"uratori/phrase"
)

// subjects are whose facts phrases may speak of, by the group of the fact.
var subjects = map[string][]string{"activity": {"credential", "session", "principal", ""}, "coverage": {"*", ""}}

func defOf(t *testing.T, where, key, subject string) fact.Def {
	t.Helper()
	d, ok := fact.DefOf(fact.Key(key))
	if !ok {
		t.Errorf("%s: there is no fact %q", where, key)
		return d
	}
	group, _, _ := strings.Cut(key, ".")
	if want, ok := subjects[group]; ok && !slices.Contains(want, subject) || !ok && subject != "" {
		t.Errorf("%s: fact %q has no subject %q", where, key, subject)
	}
	if (d.Each != nil) != (subject != "") {
		t.Errorf("%s: fact %q is asked of %q, but its subjects say otherwise", where, key, subject)
	}
	return d
}

func TestPhrasesSpeakOfDeclaredFacts(t *testing.T) {
	var types []string
	for _, name := range typeNames {
		types = append(types, name)
	}
	for _, p := range phrase.Default().All() {
		for _, s := range p.Slots {
			where := "phrase " + p.ID + ", slot " + s.Name
			switch s.From {
			case phrase.Fact:
				checkGuard(t, where, s, defOf(t, where, s.Key, s.Whose))
			case phrase.AnyFact:
				for _, typ := range s.Types {
					if !slices.Contains(types, typ) {
						t.Errorf("%s: there is no type %q", where, typ)
					}
				}
				for _, key := range s.Keys {
					taken := false
					for _, d := range fact.Defs() {
						taken = taken || s.Takes(string(d.Key), TypeName(d.Type))
					}
					if !taken {
						t.Errorf("%s: no fact is %q", where, key)
					}
				}
			default:
			}
		}
	}
}

func checkGuard(t *testing.T, where string, s phrase.Slot, d fact.Def) {
	t.Helper()
	v := s.Guard.Value
	number := v != "" && strings.Trim(v, "0123456789") == ""
	switch {
	case s.Guard.Op == "":
	case d.Type == fact.Bool && v != "true" && v != "false":
		t.Errorf("%s: a truth cannot be %q", where, v)
	case d.Type == fact.Name && !slices.Contains(d.Choices, v):
		t.Errorf("%s: %q is no choice of %s, which has %q", where, v, d.Key, d.Choices)
	case d.Type != fact.Bool && d.Type != fact.Name && !number:
		t.Errorf("%s: %s is no truth and no name, so %q must be a number", where, d.Key, v)
	}
}

func TestEveryChoiceHasAName(t *testing.T) {
	b := phrase.Default()
	want := func(key, choice string) {
		for _, l := range phrase.Langs() {
			if s, ok := b.Choice(key, choice, l); !ok || s == "" {
				t.Errorf("%s: choice %q has no name in %s; add it to phrase/data/choices.yaml", key, choice, l)
			}
		}
	}
	for _, d := range fact.Defs() {
		for _, c := range d.Choices {
			want(string(d.Key), c)
		}
		for _, col := range d.Columns {
			for _, c := range col.Enum {
				want(string(d.Key)+"."+col.Name, c)
			}
		}
		if d.JA == "" || d.EN == "" {
			t.Errorf("fact %s has no label in a language", d.Key)
		}
	}
	for _, name := range phrase.AssessedNames() {
		want("assessed", name)
	}
}

// A reader tells choices apart by their names: within one fact no two may be called the same.
func TestChoicesOfOneFactDiffer(t *testing.T) {
	for _, d := range fact.Defs() {
		sets := map[string][]string{string(d.Key): d.Choices}
		for _, c := range d.Columns {
			sets[string(d.Key)+"."+c.Name] = c.Enum
		}
		for key, choices := range sets {
			for _, l := range phrase.Langs() {
				seen := map[string]string{}
				for _, c := range choices {
					s, _ := phrase.Default().Choice(key, c, l)
					if other, twice := seen[s]; twice {
						t.Errorf("%s: %q and %q are both called %q in %s", key, c, other, s, l)
					}
					seen[s] = c
				}
			}
		}
	}
}

func TestThePlanCoversEverySectionWithWhatExists(t *testing.T) {
	b, plan := phrase.Default(), DefaultPlan()
	sections := append([]string{HeaderSection}, b.SectionIDs()...)
	for _, id := range sections {
		if len(plan[id]) == 0 {
			t.Errorf("the plan has nothing for section %q", id)
		}
	}
	for id, tries := range plan {
		if !slices.Contains(sections, id) {
			t.Errorf("the plan speaks of section %q, which does not exist", id)
		}
		for _, try := range tries {
			if c := try.If; c != nil {
				checkGuard(t, "section "+id, c.Slot, defOf(t, "section "+id, c.Key, c.Whose))
			}
			for _, base := range slices.Concat(try.Say, try.Unless, []string{try.Any}) {
				forms := b.Forms(base)
				if base != "" && len(forms) == 0 {
					t.Errorf("section %s: there is no phrase %q", id, base)
				}
				for _, p := range forms {
					if !allowed(p, id) {
						t.Errorf("section %s: phrase %q may not stand here", id, p.ID)
					}
				}
			}
			for _, ref := range slices.Concat(try.Fact, try.Quote, try.None, try.Of, []string{try.Table, try.OrCount}) {
				if ref != "" {
					key, subject, _ := strings.Cut(ref, "@")
					defOf(t, "section "+id, key, subject)
				}
			}
		}
	}
}

func TestCataloguesSpeakOfDeclaredFacts(t *testing.T) {
	c := Catalogues()
	for _, h := range c.Hypotheses {
		if h.JA == "" || h.EN == "" || len(h.Supports) == 0 {
			t.Errorf("hypothesis %s lacks a text or support: %+v", h.ID, h)
		}
		for _, cond := range slices.Concat(h.Requires, h.Supports, h.Contradicts) {
			where := "hypothesis " + h.ID
			checkGuard(t, where, cond.Slot, defOf(t, where, cond.Key, cond.Whose))
		}
	}
	for _, s := range c.Steps {
		d := defOf(t, "step "+s.ID, s.Fact.Key, s.Fact.Whose)
		if d.Type != fact.Int && d.Type != fact.Bool {
			t.Errorf("step %s: %s is neither a count nor a truth", s.ID, d.Key)
		}
	}
	for family, ids := range c.Patterns {
		if len(c.Pattern(family)) != len(ids) {
			t.Errorf("pattern %s names a step that does not exist: %v", family, ids)
		}
	}
}
