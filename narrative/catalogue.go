package narrative

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
)

//go:embed data/*.yaml
var data embed.FS

// A Hypothesis is something that could have happened. It may be said when what it requires
// holds and at least one supporting fact stands; whatever contradicts it must then be said too.
type Hypothesis struct {
	ID          string      `yaml:"id"`
	JA          string      `yaml:"ja"` // completes "…の可能性がある"
	EN          string      `yaml:"en"` // completes "It could be …"
	Requires    []Condition `yaml:"requires"`
	Supports    []Condition `yaml:"supports"`
	Contradicts []Condition `yaml:"contradicts"`
}

// A Condition is a condition on one fact, such as "chain.complete = true".
type Condition struct{ phrase.Slot }

// UnmarshalYAML reads a condition as phrases write it.
func (c *Condition) UnmarshalYAML(data []byte) error {
	var text string
	if err := yaml.Unmarshal(data, &text); err != nil {
		return err
	}
	s, err := phrase.ReadSlot(text)
	if err != nil {
		return fmt.Errorf("condition %q: %w", text, err)
	}
	if s.From != phrase.Fact {
		return fmt.Errorf("condition %q is about no fact", text)
	}
	if _, ok := fact.DefOf(fact.Key(s.Key)); !ok {
		return fmt.Errorf("condition %q: there is no fact %q", text, s.Key)
	}
	c.Slot = s
	return nil
}

// A Weighing is a hypothesis held against the facts of a case.
type Weighing struct {
	Supports    []fact.ID
	Contradicts []fact.ID
	Gaps        []string // gaps behind its facts that are unknown
	Sayable     bool
}

// Weigh holds the hypothesis against the facts.
func (h Hypothesis) Weigh(a policy.Assessment) Weighing {
	var w Weighing
	w.Supports = h.among(a, h.Supports, &w.Gaps)
	w.Contradicts = h.among(a, h.Contradicts, &w.Gaps)
	met := h.among(a, h.Requires, &w.Gaps)
	w.Sayable = len(w.Supports) > 0 && len(met) == len(h.Requires)
	return w
}

// among are the facts of those conditions that hold; the gaps of the unknown ones are added to gaps.
func (Hypothesis) among(a policy.Assessment, list []Condition, gaps *[]string) []fact.ID {
	var ids []fact.ID
	for _, c := range list {
		f := a.Facts().Get(fact.Key(c.Key), c.Whose)
		switch {
		case f.State == fact.Unknown:
			if g, ok := a.GapOf(f); ok && g.ID != "" {
				*gaps = appendNew(*gaps, g.ID)
			}
		case f.State == fact.NotApplicable:
		case c.Guard.Op == "" || (f.State == fact.Known || strings.HasPrefix(c.Guard.Op, ">")) && holds(c.Guard, f.Value):
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// appendNew adds s unless it is there.
func appendNew[T comparable](list []T, s T) []T {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// A Step is one step of a known attack pattern, and the fact that tells whether it was seen.
type Step struct {
	ID   string    `yaml:"id"`
	JA   string    `yaml:"ja"`
	EN   string    `yaml:"en"`
	Fact Condition `yaml:"fact"`
}

// A Catalogue holds what narrators may choose from besides phrases.
type Catalogue struct {
	Hypotheses []Hypothesis
	Steps      []Step              // in the order of an attack
	Patterns   map[string][]string // family -> ids of steps; "*" serves the families not named
}

// Catalogues are the embedded ones. They are part of the program: an error in them is a
// programming error, found by the tests of this package.
var Catalogues = sync.OnceValue(func() Catalogue {
	var c Catalogue
	mustRead("hypotheses.yaml", &c.Hypotheses)
	var p struct {
		Steps    []Step              `yaml:"steps"`
		Patterns map[string][]string `yaml:"patterns"`
	}
	mustRead("patterns.yaml", &p)
	c.Steps, c.Patterns = p.Steps, p.Patterns
	return c
})

func mustRead(name string, into any) {
	text, err := data.ReadFile("data/" + name)
	if err == nil {
		err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(into)
	}
	if err != nil {
		panic(fmt.Errorf("read %s: %w", name, err))
	}
}

// Hypothesis is the hypothesis with that id.
func (c Catalogue) Hypothesis(id string) (Hypothesis, bool) {
	for _, h := range c.Hypotheses {
		if h.ID == id {
			return h, true
		}
	}
	return Hypothesis{}, false
}

// Step is the step with that id.
func (c Catalogue) Step(id string) (Step, bool) {
	for _, s := range c.Steps {
		if s.ID == id {
			return s, true
		}
	}
	return Step{}, false
}

// Pattern are the steps of the known attack pattern for a family of findings.
func (c Catalogue) Pattern(family string) []Step {
	ids, ok := c.Patterns[family]
	if !ok {
		ids = c.Patterns["*"]
	}
	var out []Step
	for _, id := range ids {
		if s, ok := c.Step(id); ok {
			out = append(out, s)
		}
	}
	return out
}
