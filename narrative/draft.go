package narrative

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
)

// A Narrator chooses what a report says. It cannot fail: a narrator that cannot do better gives the default plan's draft.
type Narrator interface {
	Write(ctx context.Context, a policy.Assessment) Draft
}

// A Statement is one line of a report before it has words: a phrase, and what it speaks of.
type Statement struct {
	Phrase     string      `json:"phrase"`               // id in the phrase book
	Kind       phrase.Kind `json:"kind"`                 // the kind its narrator means it to be
	Facts      []fact.ID   `json:"facts,omitempty"`      // for each slot bound to a fact, in the order of the slots
	Gap        string      `json:"gap,omitempty"`        // such as "G1"
	Action     string      `json:"action,omitempty"`     // id in the policy's catalogue
	Hypothesis string      `json:"hypothesis,omitempty"` // id in the catalogue of hypotheses
	Step       string      `json:"step,omitempty"`       // id of a step in the catalogue of patterns
}

// A Draft is what a narrator wants to say, section by section. The zero Draft says nothing about nothing.
type Draft struct {
	assessment policy.Assessment
	sections   map[string][]Statement
	ok         bool
}

// New is a draft of those statements about that assessment.
func New(a policy.Assessment, sections map[string][]Statement) Draft {
	return Draft{assessment: a, sections: sections, ok: true}
}

// Made tells whether the draft came from [New]; a zero Draft did not.
func (d Draft) Made() bool { return d.ok }

// Assessment is what the draft is about.
func (d Draft) Assessment() policy.Assessment { return d.assessment }

// Section are the statements of one section in order.
func (d Draft) Section(id string) []Statement { return d.sections[id] }

// schema names the form of a kept draft.
const schema = "uratori.draft/1"

type draftJSON struct {
	Schema   string                 `json:"schema"`
	Sections map[string][]Statement `json:"sections"`
}

// MarshalJSON gives the form kept with a case: ids only, no value and no word.
func (d Draft) MarshalJSON() ([]byte, error) {
	return json.Marshal(draftJSON{Schema: schema, Sections: d.sections})
}

// Decode reads a kept draft, or one that a model wrote, about the assessment. It checks
// form alone; whether the statements hold is for package verify to say.
func Decode(data []byte, a policy.Assessment) (Draft, error) {
	var d draftJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Draft{}, fmt.Errorf("read draft: %w", err)
	}
	if d.Schema != schema {
		return Draft{}, fmt.Errorf("read draft: schema is %q, want %q", d.Schema, schema)
	}
	known := map[string]bool{HeaderSection: true}
	for _, id := range phrase.Default().SectionIDs() {
		known[id] = true
	}
	for id := range d.Sections {
		if !known[id] {
			return Draft{}, fmt.Errorf("read draft: section %q does not exist", id)
		}
	}
	return New(a, d.Sections), nil
}

// HeaderSection is the section of the lines above the first chapter.
const HeaderSection = "header"
