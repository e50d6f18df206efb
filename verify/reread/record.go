package reread

import (
	"strings"

	"uratori/evidence"
	"uratori/fact"
	"uratori/policy"
	"uratori/verify"
)

var (
	stateWords = map[fact.State]string{
		fact.Unknown: "unknown", fact.Known: "known", fact.AtLeast: "at_least", fact.NotApplicable: "not_applicable",
	}
	kindWords = map[fact.Kind]string{
		fact.Observed: "observed", fact.Computed: "computed", fact.Covering: "coverage",
		fact.Testified: "testimony", fact.Context: "context", fact.External: "external", fact.Claimed: "claim",
	}
	unitWords = map[fact.Type]string{
		fact.Int: "count", fact.Bytes: "bytes", fact.Minutes: "minutes", fact.Percent: "percent", fact.Hour: "hour", fact.Hours: "hours",
	}
)

// recordMembers are the checks of the whole document.
func recordMembers(l layout, want verify.Checked, run Run) members {
	f, a := l.facts.Finding(), l.a
	severity := check(null)
	if s := l.facts.Get("finding.severity", ""); s.State == fact.Known {
		severity = decimal(s.Value.Num)
	}
	budget, versions := members{}, members{}
	for _, u := range run.Budget {
		budget[u.Name] = object(members{"used": number(u.Used), "limit": number(u.Limit)})
	}
	for _, v := range run.Versions {
		versions[v.Name] = text(v.Value)
	}
	if run.LedgerHead != "" {
		versions["ledger"] = is(run.LedgerHead)
	}
	b := a.Balance()
	return members{
		"schema": is("uratori.report/1"), "language": is(string(l.lang)), "as_of": instant(l.facts.AsOf()),
		"provisional": truth(run.Provisional), "version": number(int64(max(run.Version, 1))),
		"finding": object(members{"id": text(f.ID), "type": text(string(f.Type)), "severity": severity, "account": text(string(f.Account)), "region": text(f.Region)}),
		"verdict": is(a.Verdict().String()),
		"risk": object(members{
			"score": number(int64(a.Score())), "ceiling": number(int64(a.Ceiling())),
			"band": is(a.Band().String()), "ceiling_band": is(a.CeilingBand().String()),
		}),
		"confidence":                object(members{"level": is(a.Confidence().String()), "capped_by": each(a.CappedBy(), is)}),
		"false_positive_likelihood": is(a.FalsePositive().String()),
		"urgency":                   is(a.Urgency().String()),
		"facts":                     each(l.facts.All(), l.factCheck),
		"coverage":                  l.coverage(),
		"evidence":                  each(l.facts.Evidence().Items(), itemCheck),
		"signals":                   l.signalChecks(),
		"balance": object(members{
			"normal": each(b.Normal, entryCheck), "suspicious": each(b.Suspicious, entryCheck), "unconfirmed": each(b.Unconfirmed, entryCheck),
		}),
		"gaps":     each(a.Gaps(), gapCheck),
		"actions":  each(a.Actions(), actionCheck),
		"chapters": l.chapterChecks(want),
		"rejected": each(want.Struck(), func(s verify.Strike) check {
			return object(members{"section": is(s.Section), "phrase": is(s.Phrase), "reason": is(s.Reason.String())})
		}),
		"budget": object(budget), "versions": object(versions),
	}
}

func (l layout) factCheck(f fact.Fact) check {
	d, _ := fact.DefOf(f.Key)
	m := members{
		"id": is(string(f.ID)), "name": is(string(f.Key)), "subject": null, "value": null, "unit": null, "gap": null,
		"state": is(stateWords[f.State]), "kind": is(kindWords[d.Kind]), "window": interval(f.Window.From, f.Window.To),
		"rule": is(f.Rule), "from": each(f.From, func(r fact.Ref) check { return is(string(r)) }),
	}
	if f.Subject != "" {
		m["subject"] = text(f.Subject)
	}
	if u, ok := unitWords[d.Type]; ok {
		m["unit"] = is(u)
	}
	if f.State == fact.Known || f.State == fact.AtLeast {
		m["value"] = typed(f.Value)
	}
	if g, ok := l.a.GapOf(f); ok && g.ID != "" {
		m["gap"] = is(g.ID)
	}
	return object(m)
}

// coverage is what each source told of each scope, once, with the items that rest on it.
func (l layout) coverage() check {
	type told struct {
		evidence.Coverage
		items []string
	}
	var all []told
	for _, it := range l.facts.Evidence().Items() {
		for _, c := range it.Coverage {
			at := -1
			for i, have := range all {
				if have.Kind == c.Kind && have.Account == c.Account && have.Region == c.Region && have.Source == c.Source &&
					have.Window.From.Equal(c.Window.From) && have.Window.To.Equal(c.Window.To) && have.State == c.State && have.Why == c.Why {
					at = i
					break
				}
			}
			if at < 0 {
				all, at = append(all, told{Coverage: c}), len(all)
			}
			all[at].items = append(all[at].items, string(it.ID))
		}
	}
	return each(all, func(c told) check {
		return object(members{
			"dataset": is(c.Kind), "account": text(c.Account), "region": text(c.Region), "from": instant(c.Window.From), "to": instant(c.Window.To),
			"state": is(c.State.String()), "why": is(string(c.Why)), "source": text(c.Source), "evidence": each(c.items, is),
		})
	})
}

func itemCheck(it evidence.Item) check {
	asked := ""
	if it.Ask.Dataset != "" {
		asked = it.Ask.String()
	}
	return object(members{
		"id": is(string(it.ID)), "kind": is(itemWords[it.Kind]), "question": text(it.Question), "source": text(it.Source),
		"dataset": is(string(it.Ask.Dataset)), "outcome": is(it.Answer.Outcome.String()), "query": text(asked), "native": text(it.Answer.Native),
		"reason": text(it.Answer.Reason), "window": interval(it.Ask.Window.From, it.Ask.Window.To), "rows": number(int64(len(it.Answer.Rows))),
		"truncated": truth(it.Answer.Outcome == evidence.Truncated), "sha256": is(it.SHA256),
	})
}

func (l layout) signalChecks() check {
	var list []check
	for i, s := range l.a.Signals() {
		floor := check(null)
		if s.Floor != 0 {
			floor = number(int64(s.Floor))
		}
		list = append(list, object(members{
			"id": is(numbered("S", i)), "rule": is(s.Rule), "side": is(string(s.Side)), "points": number(int64(s.Points)), "floor": floor,
			"facts": idList(s.Facts), "why": both(s.Why),
		}))
	}
	return array(list)
}

func entryCheck(e policy.BalanceEntry) check {
	return object(members{"why": both(e.Why), "facts": idList(e.Facts)})
}

func gapCheck(g policy.Gap) check {
	m := members{
		"id": is(g.ID), "key": is(g.Key), "what": both(g.What), "why": both(g.Why), "accepted": null, "prevent_next": each(g.PreventNext, both),
		"settle_now": each(g.SettleNow, func(s policy.Settle) check {
			m := members{"kind": is(s.Kind), "text": both(s.Text)}
			if s.Dataset != "" {
				m["dataset"] = is(s.Dataset)
			}
			return object(m)
		}),
	}
	if a := g.Accepted; a != nil {
		m["accepted"] = object(members{"reason": text(a.Reason), "approver": text(a.Approver), "until": instant(a.Until), "expired": truth(a.Expired)})
	}
	return object(m)
}

func actionCheck(a policy.Action) check {
	return object(members{
		"id": is(a.ID), "priority": is(string(a.Priority)), "title": both(a.Title), "due": both(a.Due), "owner": both(a.Owner), "how": both(a.How),
		"side_effect": both(a.SideEffect), "undo": both(a.Undo), "facts": idList(a.Facts),
	})
}

// chapterChecks read the statements of all chapters.
func (l layout) chapterChecks(want verify.Checked) check {
	return each(l.chapters[:len(l.chapters)-1], func(c chapter) check {
		return object(members{"id": is(c.id), "sections": each(c.sections, func(s section) check {
			return object(members{"id": is(s.id), "statements": each(want.Section(s.id), func(said verify.Line) check {
				return object(members{
					"kind": is(string(said.Phrase.Kind)), "phrase": is(said.Phrase.ID), "facts": idList(said.Facts), "anchors": each(said.Anchors, is),
					"text": l.statement(said, s.id == "summary"),
				})
			})})
		})})
	})
}

// statement reads the text of a statement, in which no container tells code from words.
func (l layout) statement(said verify.Line, summary bool) check {
	return func(n node) *mismatch {
		s, ok := n.value.(string)
		if !ok {
			return bad(n, "a text was expected")
		}
		t := &tape{lang: l.lang, book: l.book, clock: l.clock, limit: textLimit, bare: true}
		if summary {
			t.limit = l.limit
		}
		for _, r := range s {
			t.atoms = append(t.atoms, atom{r: r})
		}
		if !t.says(said) || !t.end() {
			return bad(n, strings.TrimSpace(t.why))
		}
		return nil
	}
}
