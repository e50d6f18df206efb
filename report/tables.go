package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
	"uratori/verify"
)

// A composer makes one document.
type composer struct {
	format
	c     verify.Checked
	o     Options
	a     policy.Assessment
	facts fact.Facts
}

// table is the table under a caption: of a fact, or of the assessment.
func (w composer) table(l verify.Line) Block {
	switch l.Phrase.ID {
	case "table.signals":
		return w.signals()
	case "table.balance":
		return w.balance()
	}
	for _, v := range l.Filled {
		if f, ok := w.facts.ByID(v.Fact); ok && v.Value.Type == fact.Table {
			return w.factTable(f)
		}
	}
	return Table{}
}

// factTable prints the rows of a fact.
func (w composer) factTable(f fact.Fact) Block {
	switch f.Key {
	case "signin.by_weekday_hour":
		return w.heat(f)
	case "coverage.table":
		return w.covered(f)
	case "coverage.asked":
		return w.asked(f)
	}
	d, _ := fact.DefOf(f.Key)
	t := Table{Name: string(f.Key)}
	for _, c := range d.Columns {
		t.Head = append(t.Head, phrase.Words{JA: c.JA, EN: c.EN}.In(w.lang))
	}
	for _, row := range f.Value.Rows {
		var cells [][]Run
		for i, c := range d.Columns {
			var v fact.Value
			if i < len(row) {
				v = row[i]
			}
			if v.Type == fact.Text && v.Str == "" {
				v = fact.Value{} // nothing was recorded there
			}
			if f.Key == "signin.by_code" && c.Name == "code" {
				cells = append(cells, []Run{value(strconv.FormatInt(v.Num, 10))}) // a code is a name made of digits
				continue
			}
			cells = append(cells, w.value(v, string(f.Key)+"."+c.Name, nil))
		}
		t.Rows = append(t.Rows, TableRow{Cells: cells})
	}
	if f.Key == "activity.session_timeline" {
		t.Line = w.timeline(f)
	}
	return w.dense(t)
}

// dense leaves out the columns in which no row has a value.
func (w composer) dense(t Table) Table {
	missing := literal(w.word("missing"))
	for i := len(t.Head) - 1; i >= 0; i-- {
		has := func(r TableRow) bool { return len(r.Cells[i]) != 1 || r.Cells[i][0] != missing }
		if len(t.Rows) == 0 || slices.ContainsFunc(t.Rows, has) {
			continue
		}
		t.Head = slices.Delete(t.Head, i, i+1)
		for r := range t.Rows {
			t.Rows[r].Cells = slices.Delete(t.Rows[r].Cells, i, i+1)
		}
	}
	return t
}

// timeline are the rows of a session as points in time, with the event among them.
func (w composer) timeline(f fact.Fact) *Timeline {
	var l Timeline
	for _, row := range f.Value.Rows {
		l.Marks = append(l.Marks, Mark{At: row[0].At, Phase: row[1].Str, Text: Visible(row[2].Str)})
	}
	at := w.facts.Get("event.time", "")
	if len(l.Marks) == 0 || at.State != fact.Known {
		return nil
	}
	l.First, l.Event, l.Last = l.Marks[0].At, at.Value.At, l.Marks[len(l.Marks)-1].At
	if l.Event.Before(l.First) {
		l.First = l.Event
	}
	if l.Event.After(l.Last) {
		l.Last = l.Event
	}
	if !l.First.Before(l.Last) {
		return nil
	}
	l.FirstText, l.EventText, l.LastText = w.time(l.First), w.time(l.Event), w.time(l.Last)
	l.Note = w.word("timeline_key")
	return &l
}

func (w composer) heat(f fact.Fact) Heat {
	h := Heat{Corner: w.word("weekday_hour")}
	for d := range 7 {
		day := w.word(weekdayWords[d])
		if !w.ja() {
			day = day[:3]
		}
		h.Days = append(h.Days, day)
	}
	for _, row := range f.Value.Rows {
		if len(row) == 3 && row[0].Num >= 0 && row[0].Num < 7 && row[1].Num >= 0 && row[1].Num < 24 {
			h.Counts[row[0].Num][row[1].Num] = int(row[2].Num)
		}
	}
	day, hour := w.facts.Get("event.weekday", ""), w.facts.Get("event.hour_local", "")
	if day.State == fact.Known && hour.State == fact.Known {
		h.Event, h.Note = &[2]int{int(day.Value.Num), int(hour.Value.Num)}, w.word("event_mark")
	}
	return h
}

func (w composer) heads(ids ...string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, w.word(id))
	}
	return out
}

func (w composer) text(t policy.Text) []Run {
	return w.value(fact.Value{Type: fact.Label, JA: t.JA, Str: t.EN}, "", nil)
}

// links are the numbers of facts or gaps as links.
func (w composer) links(ids []string) []Run {
	if len(ids) == 0 {
		return []Run{literal(w.word("missing"))}
	}
	var out []Run
	for i, id := range ids {
		if i > 0 {
			out = append(out, literal(" "))
		}
		out = append(out, Run{Text: id, Kind: Anchor})
	}
	return out
}

func (w composer) number(n int) []Run {
	if n == 0 {
		return []Run{literal(w.word("missing"))}
	}
	return []Run{value(group(int64(n)))}
}

func (w composer) signals() Table {
	t := Table{Name: "signals", Head: w.heads("id", "rule", "side", "points", "floor", "why", "facts")}
	for i, s := range w.a.Signals() {
		id := signalID(i)
		t.Rows = append(t.Rows, TableRow{Target: id, Cells: [][]Run{
			{literal(id)},
			{w.code(s.Rule)},
			{value(w.word(string(s.Side)))},
			w.number(s.Points), w.number(s.Floor),
			w.text(s.Why), w.links(ids(s.Facts)),
		}})
	}
	return w.dense(t)
}

// notJudged are the rules that count in the worst case only.
func (w composer) notJudged() Block {
	if len(w.a.NotJudged()) == 0 {
		return Line{Kind: phrase.Connective, Runs: []Run{literal(w.word("none_not_judged"))}}
	}
	t := Table{Name: "not_judged", Head: w.heads("rule", "points", "floor", "why", "facts", "gaps")}
	for _, n := range w.a.NotJudged() {
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{
			{w.code(n.Rule)}, w.number(n.Points), w.number(n.Floor), w.text(n.Why), w.links(ids(n.Missing)), w.links(n.Gaps),
		}})
	}
	return t
}

func (w composer) balance() Table {
	t := Table{Name: "balance", Head: w.heads("side", "why", "facts")}
	b := w.a.Balance()
	for _, side := range []struct {
		name string
		list []policy.BalanceEntry
	}{{"normal", b.Normal}, {"suspicious", b.Suspicious}, {"unconfirmed", b.Unconfirmed}} {
		why, facts := []Run{value(w.word("none"))}, []fact.ID{}
		for i, e := range side.list {
			if i == 0 {
				why = nil
			} else {
				why = append(why, value(w.clauses()))
			}
			why = append(why, w.text(e.Why)...)
			for _, id := range e.Facts {
				if !slices.Contains(facts, id) {
					facts = append(facts, id)
				}
			}
		}
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{{value(w.word(side.name))}, why, w.links(ids(facts))}})
	}
	return t
}

func signalID(i int) string { return "S" + group(int64(i+1)) }

func ids(list []fact.ID) []string {
	var out []string
	for _, id := range list {
		out = append(out, string(id))
	}
	return out
}

// appendix lists everything that the chapters point to, and how the report came to be.
func (w composer) appendix() Chapter {
	ch := Chapter{ID: "appendix", Title: w.word("appendix")}
	add := func(id string, blocks ...Block) {
		ch.Sections = append(ch.Sections, Section{ID: id, Title: w.word(id), Blocks: blocks})
	}
	add("appendix_facts", w.allFacts())
	add("appendix_assessment", w.assessed())
	add("appendix_not_judged", w.notJudged())
	add("appendix_gaps", w.allGaps())
	add("appendix_actions", w.allActions())
	add("appendix_evidence", w.allEvidence()...)
	add("appendix_rejected", w.rejected()...)
	add("appendix_budget", w.budget())
	add("appendix_versions", w.versions())
	return ch
}

func (w composer) allFacts() Table {
	t := Table{Name: "facts", Head: w.heads("id", "key", "subject", "value", "window", "computed_by", "from")}
	for _, f := range w.facts.All() {
		t.Rows = append(t.Rows, TableRow{Target: string(f.ID), Cells: [][]Run{
			{literal(string(f.ID))},
			{w.code(string(f.Key))},
			w.orDash(f.Subject), w.factValue(f), w.window(f.Window.From, f.Window.To),
			{value(f.Rule)},
			w.refs(f.From),
		}})
	}
	return t
}

func (w composer) orDash(s string) []Run {
	if s == "" {
		return []Run{literal(w.word("missing"))}
	}
	return []Run{w.code(s)}
}

// factValue prints a fact's value whatever its state.
func (w composer) factValue(f fact.Fact) []Run {
	gap := ""
	if g, ok := w.a.GapOf(f); ok {
		gap = g.ID
	}
	switch f.State {
	case fact.Known, fact.AtLeast:
		return w.filled(verify.Filled{Value: f.Value, Key: string(f.Key), State: f.State, Gap: gap}, nil)
	case fact.NotApplicable:
		return []Run{value(w.word("not_applicable"))}
	case fact.Unknown:
	}
	if gap == "" {
		return []Run{value(w.word("not_known"))}
	}
	return []Run{value(w.word("not_known") + " "), {Text: gap, Kind: Anchor}}
}

func (w composer) window(from, to time.Time) []Run {
	if from.IsZero() || to.IsZero() {
		return []Run{literal(w.word("missing"))}
	}
	sep := " - "
	if w.ja() {
		sep = "～"
	}
	return []Run{value(w.time(from) + sep + w.time(to))}
}

// refs are the items that a fact came from; rows of one item are told together.
func (w composer) refs(list []fact.Ref) []Run {
	var out []string
	seen := map[string]bool{}
	for _, r := range list {
		id, _, _ := strings.Cut(string(r), "#")
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return w.links(out)
}

func (w composer) assessed() Table {
	t := Table{Name: "assessment", Head: w.heads("id", "name", "value")}
	for _, name := range phrase.AssessedNames() {
		id := verify.AssessedAnchor(name)
		label, _ := w.book.Choice("assessed", name, w.lang)
		cells := [][]Run{{literal(id)}, {value(label)}, {literal(w.word("missing"))}}
		if v, ok := verify.Assessed(w.a, name); ok {
			cells[2] = w.value(v, name, nil)
		}
		t.Rows = append(t.Rows, TableRow{Target: id, Cells: cells})
	}
	return t
}

func (w composer) allGaps() Table {
	t := Table{Name: "gaps", Head: w.heads("id", "what", "why", "facts")}
	for _, g := range w.a.Gaps() {
		t.Rows = append(t.Rows, TableRow{Target: g.ID, Cells: [][]Run{{literal(g.ID)}, w.text(g.What), w.text(g.Why), w.links(ids(g.Facts))}})
	}
	return t
}

func (w composer) allActions() Table {
	t := Table{Name: "actions", Head: w.heads("id", "key", "action", "facts")}
	for i, act := range w.a.Actions() {
		id := "R" + group(int64(i+1))
		t.Rows = append(t.Rows, TableRow{Target: id, Cells: [][]Run{{literal(id)}, {w.code(act.ID)}, w.text(act.Title), w.links(ids(act.Facts))}})
	}
	return t
}

var outcomeNames = map[evidence.Outcome]string{
	evidence.Found: "found", evidence.Empty: "empty", evidence.Truncated: "truncated",
	evidence.NotCollected: "not_collected", evidence.NotYet: "not_yet", evidence.NotAsked: "not_asked",
	evidence.Denied: "denied", evidence.Throttled: "throttled", evidence.Failed: "failed",
}

// itemNames say what items that are no answer keep.
var itemNames = map[evidence.ItemKind]string{
	evidence.FindingItem: "finding", evidence.SettingsItem: "settings", evidence.QualityItem: "quality",
	evidence.LookupItem: "lookup", evidence.TestimonyItem: "testimony", evidence.AnswerItem: "answer",
	evidence.SearchItem: "search",
}

func (w composer) allEvidence() []Block {
	t := Table{Name: "evidence", Head: w.heads("id", "question", "source", "outcome", "row_count", "reason", "hash")}
	out := []Block{}
	for _, it := range w.facts.Evidence().Items() {
		name := it.Question
		if it.Subject != "" {
			name += " (" + it.Subject + ")"
		}
		if name == "" {
			name = itemNames[it.Kind]
		}
		cells := [][]Run{{literal(string(it.ID))}, {w.code(name)}, w.orDash(it.Source), {literal(w.word("missing"))}, {literal(w.word("missing"))}, w.orDash(it.Answer.Reason), w.orDash(it.SHA256)}
		if it.Answered() {
			cells[3] = w.value(fact.NameOf(outcomeNames[it.Answer.Outcome]), "coverage.asked.outcome", nil)
		}
		if it.Listed() {
			cells[4] = w.value(fact.IntOf(int64(len(it.Answer.Rows))), "", nil)
		}
		t.Rows = append(t.Rows, TableRow{Target: string(it.ID), Cells: cells})
		if it.Answer.Native != "" {
			out = append(out, Fence{Label: []Run{{Text: string(it.ID), Kind: Anchor}, literal(" " + w.word("native"))}, Text: it.Answer.Native})
		}
	}
	return append([]Block{t}, out...)
}

func (w composer) rejected() []Block {
	if len(w.c.Struck()) == 0 {
		return []Block{Line{Kind: phrase.Connective, Runs: []Run{literal(w.word("none_rejected"))}}}
	}
	t := Table{Name: "rejected", Head: w.heads("section", "statement", "reason")}
	for _, s := range w.c.Struck() {
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{{w.code(s.Section)}, w.orDash(s.Phrase), {w.code(s.Reason.String())}}})
	}
	return []Block{t}
}

func (w composer) budget() Table {
	t := Table{Name: "budget", Head: w.heads("name", "used", "limit")}
	for _, u := range w.o.Budget {
		limit := []Run{literal(w.word("missing"))}
		if u.Limit > 0 {
			limit = []Run{value(group(u.Limit))}
		}
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{{w.code(u.Name)}, {value(group(u.Used))}, limit}})
	}
	return t
}

func (w composer) versions() Table {
	t := Table{Name: "versions", Head: w.heads("name", "value")}
	for _, v := range w.o.Versions {
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{{w.code(v.Name)}, w.orDash(v.Value)}})
	}
	if w.o.LedgerHead != "" {
		t.Rows = append(t.Rows, TableRow{Cells: [][]Run{{w.code("ledger")}, {w.code(w.o.LedgerHead)}}})
	}
	return t
}
