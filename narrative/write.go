package narrative

import (
	"context"
	"slices"
	"strings"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
)

// Default is the narrator that follows the default plan. It needs no model.
type Default struct{}

// Write follows the plan.
func (Default) Write(_ context.Context, a policy.Assessment) Draft {
	return DefaultPlan().Write(a)
}

// Write makes the draft that the plan asks for.
func (p Plan) Write(a policy.Assessment) Draft {
	sections := map[string][]Statement{}
	for id, tries := range p {
		w := &writer{a: a, book: phrase.Default(), section: id}
		for _, t := range tries {
			w.examined = w.examined || w.asks(t)
			w.try(t)
		}
		w.close()
		sections[id] = w.out
	}
	return New(a, sections)
}

// A writer writes one section.
type writer struct {
	a       policy.Assessment
	book    *phrase.Book
	section string
	out     []Statement
	hidden  []fact.Fact // what could not be said because it is unknown

	examined bool // the case has a fact of those that the section speaks of
}

func (w *writer) add(st Statement) { w.out = append(w.out, st) }

func (w *writer) try(t Try) {
	if t.If != nil && !w.holds(*t.If) || w.said(t.Unless) {
		return
	}
	switch {
	case len(t.Say) > 0:
		w.say(t)
	case len(t.Fact) > 0:
		w.each(t.Fact, "fact")
	case len(t.Quote) > 0:
		w.each(t.Quote, "quote")
	case len(t.None) > 0:
		w.counts(t.None)
	case t.Table != "":
		w.table(w.fact(t.Table))
	case t.Any != "":
		p, _ := w.book.Get(t.Any)
		for _, key := range t.Of {
			if st, ok := About(p, w.fact(key)); ok {
				w.add(st)
			}
		}
	case t.List != "":
		w.list(t.List)
	}
}

// fact finds "activity.total@session".
func (w *writer) fact(ref string) fact.Fact {
	key, subject, _ := strings.Cut(ref, "@")
	return w.a.Facts().Get(fact.Key(key), subject)
}

// say tries phrases in order, each in all of its forms.
func (w *writer) say(t Try) {
	for _, base := range t.Say {
		for _, p := range w.book.Forms(base) {
			if st, ok := bind(w.a, p); ok {
				w.add(st)
				return
			}
		}
	}
	if t.OrCount != "" && w.count(w.fact(t.OrCount)) {
		return
	}
	if !t.Quiet {
		w.hide(t.Say[0])
	}
}

// hide remembers the unknown facts of a phrase that could not be said.
func (w *writer) hide(base string) {
	forms := w.book.Forms(base)
	if len(forms) == 0 {
		return
	}
	for _, s := range forms[len(forms)-1].Slots {
		if s.From == phrase.Fact {
			w.lacks(w.a.Facts().Get(fact.Key(s.Key), s.Whose))
		}
	}
}

// lacks remembers a fact as one that the section cannot tell of.
func (w *writer) lacks(f fact.Fact) {
	if f.State != fact.Unknown || f.ID == "" {
		return
	}
	for _, have := range w.hidden {
		if have.ID == f.ID {
			return
		}
	}
	w.hidden = append(w.hidden, f)
}

func (w *writer) each(refs []string, id string) {
	p, _ := w.book.Get(id)
	for _, ref := range refs {
		f := w.fact(ref)
		if st, ok := About(p, f); ok {
			w.add(st)
		} else {
			w.lacks(f)
		}
	}
}

// count says how often, or that it never was. It reports whether something could be said.
func (w *writer) count(f fact.Fact) bool {
	ids := []string{"count.of", "absence.of", "count", "absence"}
	for _, id := range ids {
		p, _ := w.book.Get(id)
		if st, ok := About(p, f); ok {
			w.add(st)
			return true
		}
	}
	return false
}

// counts says how often each fact was counted that no line speaks of yet. What never was, and was looked for in the
// same places, is told in one line, which stands where the first of them would.
func (w *writer) counts(refs []string) {
	all, _ := w.book.Get("absence.all")
	joint := map[string]int{} // places -> the line
	for _, ref := range refs {
		f := w.fact(ref)
		if slices.ContainsFunc(w.out, func(st Statement) bool { return slices.Contains(st.Facts, f.ID) }) {
			continue
		}
		before := len(w.out)
		if !w.count(f) {
			w.lacks(f)
			continue
		}
		st := &w.out[before]
		if st.Kind != phrase.Absence {
			continue
		}
		key := w.places(f)
		if at, ok := joint[key]; ok {
			w.out[at].Phrase = all.ID
			w.out[at].Facts = append(w.out[at].Facts, f.ID)
			w.out = w.out[:before]
			continue
		}
		joint[key] = before
	}
}

// holds tells whether a condition on a fact holds for certain.
func (w *writer) holds(c Condition) bool {
	f := w.a.Facts().Get(fact.Key(c.Key), c.Whose)
	return f.State == fact.Known && (c.Guard.Op == "" || holds(c.Guard, f.Value)) ||
		f.State == fact.AtLeast && strings.HasPrefix(c.Guard.Op, ">") && holds(c.Guard, f.Value)
}

// said tells whether one of these phrases already stands in the section.
func (w *writer) said(bases []string) bool {
	return slices.ContainsFunc(w.out, func(st Statement) bool {
		p, _ := w.book.Get(st.Phrase)
		return slices.Contains(bases, p.Base)
	})
}

func (w *writer) table(f fact.Fact) {
	switch {
	case f.State == fact.Unknown:
		w.lacks(f)
		return
	case f.State == fact.Known && len(f.Value.Rows) == 0: // the counts beside it say that there are none
		return
	}
	if f.State == fact.Known && len(f.Value.Rows) == 0 {
		return // how often, and where it was looked for, its count tells
	}
	for _, id := range []string{"table.of", "table.window", "table"} {
		p, _ := w.book.Get(id)
		st, ok := About(p, f)
		if !ok {
			continue
		}
		w.add(st)
		if f.Value.More {
			w.add(Statement{Phrase: "table.more", Kind: phrase.Connective, Facts: st.Facts})
		}
		if g, ok := w.a.GapOf(f); ok && f.State == fact.AtLeast {
			w.add(Statement{Phrase: "table.partial", Kind: phrase.Connective, Facts: st.Facts, Gap: g.ID})
		}
		return
	}
}

// asks tells whether an entry of the plan speaks of a fact that the case has: a case about a machine has none
// about a person's sign-ins.
func (w *writer) asks(t Try) bool {
	refs := slices.Concat(t.Fact, t.Quote, t.None, t.Of)
	if t.Table != "" {
		refs = append(refs, t.Table)
	}
	for _, base := range t.Say {
		for _, p := range w.book.Forms(base) {
			for _, s := range p.Slots {
				if s.From == phrase.Fact {
					refs = append(refs, s.Key+"@"+s.Whose)
				}
			}
		}
	}
	return t.List != "" || slices.ContainsFunc(refs, func(ref string) bool {
		f := w.fact(ref)
		return f.ID != "" && f.State != fact.NotApplicable
	})
}

// close names what could not be said, gap by gap, and never leaves a section empty.
func (w *writer) close() {
	var order []string
	byGap := map[string][]fact.ID{}
	for _, f := range w.hidden {
		g, ok := w.a.GapOf(f)
		if !ok {
			continue
		}
		order = appendNew(order, g.ID)
		byGap[g.ID] = append(byGap[g.ID], f.ID)
	}
	said := len(w.out) > 0
	for _, id := range order {
		w.add(Statement{Phrase: "unknown", Kind: phrase.Connective, Facts: byGap[id], Gap: id})
	}
	if said || len(order) > 0 {
		return
	}
	st := Statement{Phrase: "nothing", Kind: phrase.Connective}
	if !w.examined {
		st.Phrase = "not_examined"
	}
	if p, _ := w.book.Get("none"); allowed(p, w.section) {
		st.Phrase = "none"
	}
	w.add(st)
}

// allowed tells whether a phrase may stand in a section.
func allowed(p phrase.Phrase, section string) bool {
	for _, s := range p.Sections {
		if s == section {
			return true
		}
	}
	return len(p.Sections) == 0
}
