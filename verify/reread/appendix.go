package reread

import (
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
	"uratori/verify"
)

func (l layout) heads(ids ...string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, l.book.Word(id, l.lang))
	}
	return out
}

func (l layout) signals() grid {
	g := grid{name: "signals", head: l.heads("id", "rule", "side", "points", "floor", "why", "facts")}
	for i, s := range l.a.Signals() {
		id := numbered("S", i)
		g.rows = append(g.rows, gridRow{id, []cell{
			exactCell(id), codeCell(s.Rule), wordCell(string(s.Side)), numberCell(s.Points), numberCell(s.Floor), textCell(s.Why), factLinks(s.Facts),
		}})
	}
	return g.dense()
}

func (l layout) notJudged() block {
	if len(l.a.NotJudged()) == 0 {
		return line{kind: phrase.Connective, reads: wordCell("none_not_judged")}
	}
	g := grid{name: "not_judged", head: l.heads("rule", "points", "floor", "why", "facts", "gaps")}
	for _, n := range l.a.NotJudged() {
		g.rows = append(g.rows, gridRow{"", []cell{
			codeCell(n.Rule), numberCell(n.Points), numberCell(n.Floor), textCell(n.Why), factLinks(n.Missing), linksCell(n.Gaps),
		}})
	}
	return g
}

func (l layout) balance() grid {
	g := grid{name: "balance", head: l.heads("side", "why", "facts")}
	b := l.a.Balance()
	add := func(side string, list []policy.BalanceEntry) {
		var ids []string
		for _, e := range list {
			ids = append(ids, names(e.Facts)...)
		}
		why := func(t *tape) bool {
			for i, e := range list {
				if i > 0 && !t.literal(t.clauses()) || !textCell(e.Why)(t) {
					return false
				}
			}
			return len(list) > 0 || t.literal(t.word("none"))
		}
		g.rows = append(g.rows, gridRow{"", []cell{wordCell(side), why, linksCell(unique(ids))}})
	}
	add("normal", b.Normal)
	add("suspicious", b.Suspicious)
	add("unconfirmed", b.Unconfirmed)
	return g
}

// appendix is what the chapters point to, and how the report came to be.
func (l layout) appendix(want verify.Checked, run Run) chapter {
	ch := chapter{id: "appendix", title: l.book.Word("appendix", l.lang)}
	add := func(id string, blocks ...block) {
		ch.sections = append(ch.sections, section{id: id, title: l.book.Word(id, l.lang), blocks: blocks})
	}
	add("appendix_facts", l.allFacts())
	add("appendix_assessment", l.assessed())
	add("appendix_not_judged", l.notJudged())
	add("appendix_gaps", l.gaps())
	add("appendix_actions", l.actions())
	add("appendix_evidence", l.evidence()...)
	add("appendix_rejected", l.rejected(want))
	add("appendix_budget", l.budget(run))
	add("appendix_versions", l.versions(run))
	return ch
}

func (l layout) allFacts() grid {
	g := grid{name: "facts", head: l.heads("id", "key", "subject", "value", "window", "computed_by", "from")}
	for _, f := range l.facts.All() {
		var from []string
		for _, r := range f.From {
			from = append(from, itemOf(r))
		}
		g.rows = append(g.rows, gridRow{string(f.ID), []cell{
			exactCell(string(f.ID)), codeCell(string(f.Key)), codeOrMissing(f.Subject), l.factValue(f),
			windowCell(f.Window.From, f.Window.To), exactCell(f.Rule), linksCell(unique(from)),
		}})
	}
	return g
}

// factValue reads a fact's value whatever its state.
func (l layout) factValue(f fact.Fact) cell {
	g, hidden := l.a.GapOf(f)
	switch f.State {
	case fact.Known, fact.AtLeast:
		v := verify.Filled{Value: f.Value, Key: string(f.Key), State: f.State, Gap: g.ID}
		return func(t *tape) bool { return t.filled(v, nil) }
	case fact.NotApplicable:
		return wordCell("not_applicable")
	case fact.Unknown:
	}
	return func(t *tape) bool {
		if !hidden || g.ID == "" {
			return t.literal(t.word("not_known"))
		}
		return t.literal(t.word("not_known")+" ") && t.link(g.ID)
	}
}

func windowCell(from, to time.Time) cell {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	return func(t *tape) bool {
		between := " - "
		if t.ja() {
			between = "～"
		}
		return t.instant(from) && t.literal(between) && t.instant(to)
	}
}

func (l layout) assessed() grid {
	g := grid{name: "assessment", head: l.heads("id", "name", "value")}
	for i, name := range phrase.AssessedNames() {
		id := numbered("A", i)
		value := cell(nil)
		if v, ok := verify.Assessed(l.a, name); ok {
			value = func(t *tape) bool { return t.value(v, name, nil) }
		}
		g.rows = append(g.rows, gridRow{id, []cell{exactCell(id), func(t *tape) bool { return t.choice("assessed", name) }, value}})
	}
	return g
}

func (l layout) gaps() grid {
	g := grid{name: "gaps", head: l.heads("id", "what", "why", "facts")}
	for _, gap := range l.a.Gaps() {
		g.rows = append(g.rows, gridRow{gap.ID, []cell{exactCell(gap.ID), textCell(gap.What), textCell(gap.Why), factLinks(gap.Facts)}})
	}
	return g
}

func (l layout) actions() grid {
	g := grid{name: "actions", head: l.heads("id", "key", "action", "facts")}
	for i, act := range l.a.Actions() {
		id := numbered("R", i)
		g.rows = append(g.rows, gridRow{id, []cell{exactCell(id), codeCell(act.ID), textCell(act.Title), factLinks(act.Facts)}})
	}
	return g
}

// outcomeWords are the outcomes as the phrase book keys them.
var outcomeWords = map[evidence.Outcome]string{
	evidence.Found: "found", evidence.Empty: "empty", evidence.Truncated: "truncated", evidence.NotCollected: "not_collected",
	evidence.NotYet: "not_yet", evidence.NotAsked: "not_asked", evidence.Denied: "denied", evidence.Throttled: "throttled", evidence.Failed: "failed",
}

// itemWords are the kinds of item.
var itemWords = map[evidence.ItemKind]string{
	evidence.FindingItem: "finding", evidence.SettingsItem: "settings", evidence.AnswerItem: "answer",
	evidence.QualityItem: "quality", evidence.LookupItem: "lookup", evidence.TestimonyItem: "testimony",
	evidence.SearchItem: "search",
}

func (l layout) evidence() []block {
	g := grid{name: "evidence", head: l.heads("id", "question", "source", "outcome", "row_count", "reason", "hash")}
	var fences []block
	for _, it := range l.facts.Evidence().Items() {
		name := it.Question
		if it.Subject != "" {
			name += " (" + it.Subject + ")"
		}
		if name == "" {
			name = itemWords[it.Kind]
		}
		outcome, rows := cell(nil), cell(nil)
		if it.Answered() {
			outcome = func(t *tape) bool { return t.choice("coverage.asked.outcome", outcomeWords[it.Answer.Outcome]) }
		}
		if it.Listed() {
			rows = func(t *tape) bool { return t.same(int64(len(it.Answer.Rows))) }
		}
		g.rows = append(g.rows, gridRow{string(it.ID), []cell{
			exactCell(string(it.ID)), codeCell(name), codeOrMissing(it.Source), outcome, rows, codeOrMissing(it.Answer.Reason), codeOrMissing(it.SHA256),
		}})
		if it.Answer.Native != "" {
			fences = append(fences, fence{string(it.ID), it.Answer.Native})
		}
	}
	return append([]block{g}, fences...)
}

func (l layout) rejected(want verify.Checked) block {
	if len(want.Struck()) == 0 {
		return line{kind: phrase.Connective, reads: wordCell("none_rejected")}
	}
	g := grid{name: "rejected", head: l.heads("section", "statement", "reason")}
	for _, s := range want.Struck() {
		g.rows = append(g.rows, gridRow{"", []cell{codeCell(s.Section), codeOrMissing(s.Phrase), codeCell(s.Reason.String())}})
	}
	return g
}

func (l layout) budget(run Run) grid {
	g := grid{name: "budget", head: l.heads("name", "used", "limit")}
	for _, u := range run.Budget {
		limit := cell(nil)
		if u.Limit > 0 {
			limit = func(t *tape) bool { return t.same(u.Limit) }
		}
		g.rows = append(g.rows, gridRow{"", []cell{codeCell(u.Name), func(t *tape) bool { return t.same(u.Used) }, limit}})
	}
	return g
}

func (l layout) versions(run Run) grid {
	g := grid{name: "versions", head: l.heads("name", "value")}
	for _, v := range run.Versions {
		g.rows = append(g.rows, gridRow{"", []cell{codeCell(v.Name), codeOrMissing(v.Value)}})
	}
	if run.LedgerHead != "" {
		g.rows = append(g.rows, gridRow{"", []cell{codeCell("ledger"), codeCell(run.LedgerHead)}})
	}
	return g
}
