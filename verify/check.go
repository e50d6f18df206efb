package verify

import (
	"errors"
	"fmt"
	"slices"

	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
)

// Check holds every statement of a draft against the facts, strikes what does not stand,
// and puts in its place what the default plan says. The error is for a draft that no
// report can be made of: one that is none, or whose required statements fail even so.
func Check(d narrative.Draft) (Checked, error) {
	if !d.Made() {
		return Checked{}, errors.New("check draft: it is empty; a narrator makes one")
	}
	a := d.Assessment()
	c := Checked{assessment: a, sections: map[string][]Line{}, ok: true}
	plan := narrative.DefaultPlan().Write(a)
	book := phrase.Default()
	for _, id := range append([]string{narrative.HeaderSection}, book.SectionIDs()...) {
		k := checker{a: a, book: book, section: id, said: map[string]bool{}}
		k.admit(d.Section(id), plan.Section(id))
		for _, alternatives := range required[id] {
			if !k.has(alternatives) {
				k.admit(slices.DeleteFunc(slices.Clone(plan.Section(id)), func(st narrative.Statement) bool {
					return !slices.Contains(alternatives, baseOf(book, st.Phrase))
				}), nil)
			}
			if !k.has(alternatives) {
				return Checked{}, fmt.Errorf("check draft: section %q says none of %q; the facts of the case allow none of them", id, alternatives)
			}
		}
		if err := k.allGaps(); err != nil {
			return Checked{}, err
		}
		c.sections[id], c.struck = k.lines, append(c.struck, k.struck...)
	}
	return c, nil
}

// required are the statements without which no report is published: one of each list. The
// line that names what cannot be determined stands in for a statement of facts.
var required = map[string][][]string{
	"summary":        {{"summary.verdict", "summary.verdict_worse", "summary.verdict_plain"}, append([]string{"summary.event", "summary.detected", "unknown"}, machineEvents...)},
	"finding":        {{"fact", "unknown"}, {"finding.severity", "unknown"}},
	"operation":      {{"operation.call_on", "operation.call", "operation.failed_on", "operation.failed", "unknown", "operation.function", "operation.spoke_out", "operation.spoke_in", "operation.asked_name", "operation.ran", "operation.scanned", "operation.object_scanned", "operation.logged_in", "operation.logged_in_stranger", "operation.sequence", "operation.sequence_brief", "fact"}},
	"impact":         {{"impact.read", "impact.read_briefly", "count", "absence", "absence.all", "unknown", "impact.active", "impact.inactive", "impact.statements", "impact.models", "impact.object_read", "impact.sequence_scope"}},
	"overall":        {{"risk.benign", "risk.inconclusive", "risk.suspicious", "risk.malicious"}, {"risk.score", "risk.score_settled"}, {"risk.confidence", "risk.confidence_capped"}, {"risk.urgency"}},
	"grounds":        {{"table.signals", "no_signals"}},
	"false_positive": {{"risk.false_positive"}},
	"conclusion":     {{"risk.benign", "risk.inconclusive", "risk.suspicious", "risk.malicious"}},
}

// machineEvents say in one sentence what a finding that is about no API call is about.
var machineEvents = []string{
	"summary.function", "summary.ran_as", "summary.ran", "summary.asked_name", "summary.spoke_out", "summary.spoke_in", "summary.probed",
	"summary.sequence", "summary.logged_in", "summary.db_probed", "summary.object_scanned", "summary.scanned",
	"summary.request_mapped", "summary.request", "summary.request_plain",
}

// A checker admits the statements of one section.
type checker struct {
	a       policy.Assessment
	book    *phrase.Book
	section string
	lines   []Line
	struck  []Strike
	said    map[string]bool
}

// admit takes the statements that stand. At the first that does not, what the default plan
// says instead comes in; so it does where nothing is said at all.
func (k *checker) admit(list, instead []narrative.Statement) {
	for _, st := range list {
		key := fmt.Sprint(st)
		l, why := k.check(st)
		if why == 0 && k.said[key] {
			why = Repeated
		}
		if why == 0 {
			k.said[key] = true
			k.lines = append(k.lines, l)
			continue
		}
		k.struck = append(k.struck, Strike{Section: k.section, Phrase: k.known(st.Phrase), Reason: why})
		for _, other := range instead {
			if slices.ContainsFunc(list, func(have narrative.Statement) bool { return fmt.Sprint(have) == fmt.Sprint(other) }) {
				continue
			}
			if l, why := k.check(other); why == 0 && !k.said[fmt.Sprint(other)] {
				k.said[fmt.Sprint(other)] = true
				k.lines = append(k.lines, l)
			}
		}
		instead = nil
	}
	if len(k.lines) == 0 && len(instead) > 0 {
		k.admit(instead, nil)
	}
}

// known keeps ids of the book only: a struck phrase's name may be anybody's text.
func (k *checker) known(id string) string {
	if p, ok := k.book.Get(id); ok {
		return p.ID
	}
	return ""
}

func baseOf(book *phrase.Book, id string) string {
	p, _ := book.Get(id)
	return p.Base
}

func (k *checker) has(bases []string) bool {
	return slices.ContainsFunc(k.lines, func(l Line) bool { return slices.Contains(bases, l.Phrase.Base) })
}

// allGaps requires that the chapter on gaps explains each, and that the summary names each
// that caps the confidence.
func (k *checker) allGaps() error {
	var want []string
	switch k.section {
	case "gaps":
		for _, g := range k.a.Gaps() {
			want = append(want, g.ID)
		}
	case "summary":
		want = k.a.CappedBy()
	}
	for _, id := range want {
		if k.names(id) {
			continue
		}
		for _, st := range narrative.DefaultPlan().Write(k.a).Section(k.section) {
			if p, _ := k.book.Get(st.Phrase); st.Gap == id || p.ID == "summary.more_gaps" {
				k.admit([]narrative.Statement{st}, nil)
			}
		}
		if !k.names(id) {
			return fmt.Errorf("check draft: section %q does not name gap %s", k.section, id)
		}
	}
	return nil
}

func (k *checker) names(gap string) bool {
	return slices.ContainsFunc(k.lines, func(l Line) bool { return slices.Contains(l.Anchors, gap) })
}

// check resolves one statement and holds it against its phrase.
func (k *checker) check(st narrative.Statement) (Line, Reason) {
	p, ok := k.book.Get(st.Phrase)
	switch {
	case !ok:
		return Line{}, NoSuchPhrase
	case st.Kind != p.Kind:
		return Line{}, WrongKind
	case len(p.Sections) > 0 && !slices.Contains(p.Sections, k.section):
		return Line{}, WrongSection
	}
	r := resolver{checker: k, st: st, line: Line{Phrase: p}, facts: map[string][]fact.Fact{}}
	if why := r.bind(); why != 0 {
		return Line{}, why
	}
	for _, s := range p.Slots {
		if why := r.fill(s); why != 0 {
			return Line{}, why
		}
	}
	if why := r.judge(); why != 0 {
		return Line{}, why
	}
	return r.line, 0
}
