package narrative

import (
	"fmt"
	"slices"
	"strings"

	"uratori/evidence"
	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
)

// summaryGaps is how many gaps the summary explains; the others it names.
const summaryGaps = 2

// The summary has at most summaryLines lines, and of a case that calls for containment names summaryActions actions.
const (
	summaryLines   = 12
	summaryActions = 2
)

// list writes one of the lists that the assessment holds.
func (w *writer) list(name string) {
	switch name {
	case "gaps":
		w.gaps()
	case "summary_gaps":
		w.summaryGaps()
	case "settle":
		for _, g := range w.a.Gaps() {
			w.remedies(g)
		}
	case "pattern":
		w.pattern()
	case "hypotheses":
		for _, h := range Catalogues().Hypotheses {
			if h.Weigh(w.a).Sayable {
				w.add(Statement{Phrase: "hypothesis", Kind: phrase.Hypothesis, Hypothesis: h.ID})
			}
		}
	case "signals":
		if len(w.a.Signals()) == 0 {
			w.add(Statement{Phrase: "no_signals", Kind: phrase.Connective})
			return
		}
		w.add(Statement{Phrase: "table.signals", Kind: phrase.Table})
	case "balance":
		w.add(Statement{Phrase: "table.balance", Kind: phrase.Table})
	case "coverage":
		p, _ := w.book.Get("coverage.state")
		for _, f := range w.a.Facts().Of("coverage.state") {
			if f.State == fact.Known {
				w.add(Statement{Phrase: p.ID, Kind: p.Kind, Facts: []fact.ID{f.ID}})
			} else {
				w.lacks(f)
			}
		}
	case "next_action":
		w.nextActions()
	default:
		w.actions(name)
	}
}

// nextActions names what to do next. Where the case calls for containment, preserving the evidence comes
// first and would stand alone: a reader of half a minute is told what follows it too.
func (w *writer) nextActions() {
	shown := 1
	if v := w.a.Verdict(); v == policy.Suspicious || v == policy.Malicious {
		shown = min(summaryActions, summaryLines-1-len(w.out)) // one line is left for when the case is done
	}
	for i, a := range w.a.Actions() {
		if i > 0 && (i >= shown || a.Priority != policy.Immediate) {
			return
		}
		w.add(Statement{Phrase: "summary.next", Kind: phrase.Recommendation, Action: a.ID})
	}
}

func (w *writer) gaps() {
	for _, g := range w.a.Gaps() {
		st := Statement{Phrase: "gap.explain", Kind: phrase.Assessment, Gap: g.ID}
		if Accepted(g) {
			st.Phrase = "gap.accepted"
		}
		w.add(st)
	}
}

// remedies are what would settle a gap now, and what would prevent it next time.
func (w *writer) remedies(g policy.Gap) {
	if len(g.SettleNow) > 0 && !Accepted(g) {
		w.add(Statement{Phrase: "gap.settle", Kind: phrase.Assessment, Gap: g.ID})
	}
	if len(g.PreventNext) > 0 && !Accepted(g) {
		w.add(Statement{Phrase: "gap.prevent", Kind: phrase.Assessment, Gap: g.ID})
	}
}

// summaryGaps names the gaps that cap the confidence, the first of them with what is not known.
func (w *writer) summaryGaps() {
	capped := w.a.CappedBy()
	shown := 0
	for _, g := range w.a.Gaps() {
		if shown == summaryGaps || !slices.Contains(capped, g.ID) {
			continue
		}
		st := Statement{Phrase: "summary.gap", Kind: phrase.Assessment, Gap: g.ID}
		if Accepted(g) {
			st.Phrase = "summary.gap_accepted"
		}
		w.add(st)
		shown++
	}
	if len(capped) > shown {
		w.add(Statement{Phrase: "summary.more_gaps", Kind: phrase.Assessment})
	}
}

// pattern says of the steps of the known pattern which were seen, which were not, and which
// nobody can tell. Steps that were looked for in the same answers are told in one line.
func (w *writer) pattern() {
	family := w.a.Facts().Get("finding.family", "").Value.Str
	seen, _ := w.book.Get("pattern.seen")
	var order []string
	groups := map[string]*Statement{}
	group := func(key string, f fact.Fact, st Statement) {
		if groups[key] == nil {
			order, groups[key] = append(order, key), &st
		}
		groups[key].Facts = append(groups[key].Facts, f.ID)
	}
	for _, s := range Catalogues().Pattern(family) {
		f := w.a.Facts().Get(fact.Key(s.Fact.Key), s.Fact.Whose)
		if st, ok := About(seen, f); ok {
			st.Step = s.ID
			w.add(st)
			continue
		}
		switch f.State {
		case fact.Known:
			group(w.places(f), f, Statement{Phrase: "pattern.not_seen", Kind: phrase.Absence})
		case fact.Unknown:
			if g, ok := w.a.GapOf(f); ok {
				group(g.ID, f, Statement{Phrase: "pattern.unknown", Kind: phrase.Connective, Gap: g.ID})
			}
		case fact.AtLeast, fact.NotApplicable:
		}
	}
	for _, key := range order {
		w.add(*groups[key])
	}
}

// places are where a fact was looked for: its window, and the kinds of record, accounts and
// Regions of the answers it came from. Facts of equal places can be told in one line.
func (w *writer) places(f fact.Fact) string {
	var scopes []string
	for _, r := range f.From {
		id, _, _ := strings.Cut(string(r), "#")
		it, ok := w.a.Facts().Evidence().Item(evidence.ID(id))
		if ok && it.Kind == evidence.AnswerItem {
			scopes = appendNew(scopes, fmt.Sprint(it.Scope.Kind, it.Ask.Dataset, it.Scope.Account, it.Scope.Region))
		}
	}
	return fmt.Sprint(f.Window, scopes)
}

// actions are the recommendations of one priority, each with how to do it and its price.
func (w *writer) actions(priority string) {
	for _, act := range w.a.Actions() {
		if !strings.EqualFold(string(act.Priority), priority) {
			continue
		}
		for _, id := range []string{"action", "action.how", "action.values"} {
			p, _ := w.book.Get(id)
			if has(w.a, act, p) {
				w.add(Statement{Phrase: id, Kind: phrase.Recommendation, Action: act.ID})
			}
		}
	}
}

// has tells whether an action has every text that a phrase prints of one.
func has(a policy.Assessment, act policy.Action, p phrase.Phrase) bool {
	for _, s := range p.Slots {
		if s.From != phrase.OfAction {
			continue
		}
		if _, ok := ActionMember(a, act, s.Key); !ok {
			return false
		}
	}
	return true
}
