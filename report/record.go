package report

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"uratori/evidence"
	"uratori/fact"
	"uratori/policy"
	"uratori/query"
)

// A Record is the report as programs read it; schema/report.schema.json describes its form.
type Record struct {
	Schema        string           `json:"schema"`
	Language      string           `json:"language"`
	AsOf          string           `json:"as_of"`
	Provisional   bool             `json:"provisional"`
	Version       int              `json:"version"`
	Finding       FindingRecord    `json:"finding"`
	Verdict       string           `json:"verdict"`
	Risk          RiskRecord       `json:"risk"`
	Confidence    ConfidenceRecord `json:"confidence"`
	FalsePositive string           `json:"false_positive_likelihood"`
	Urgency       string           `json:"urgency"`
	Facts         []FactRecord     `json:"facts"`
	Coverage      []CoverageRecord `json:"coverage"`
	Evidence      []EvidenceRecord `json:"evidence"`
	Signals       []SignalRecord   `json:"signals"`
	Balance       BalanceRecord    `json:"balance"`
	Gaps          []GapRecord      `json:"gaps"`
	Actions       []ActionRecord   `json:"actions"`
	Chapters      []ChapterRecord  `json:"chapters"`
	Rejected      []RejectedRecord `json:"rejected"`
	Budget        map[string]Spent `json:"budget"`
	Versions      map[string]Safe  `json:"versions"`
}

// Safe is text as it was received. Bytes that are no UTF-8 cannot stand in JSON: such a text
// is an object with its base64.
type Safe string

// MarshalJSON prints the text, or its base64.
func (s Safe) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return plainJSON(string(s))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(s))})
}

// The parts of a record. Ids such as F12, E3, G1 are those of the printed report.
type (
	// FindingRecord is the finding the report is about.
	FindingRecord struct {
		ID       Safe            `json:"id"`
		Type     Safe            `json:"type"`
		Severity json.RawMessage `json:"severity"`
		Account  Safe            `json:"account"`
		Region   Safe            `json:"region"`
	}
	// RiskRecord is the score and, if every rule that could not be judged had fired, the ceiling.
	RiskRecord struct {
		Score       int    `json:"score"`
		Ceiling     int    `json:"ceiling"`
		Band        string `json:"band"`
		CeilingBand string `json:"ceiling_band"`
	}
	// ConfidenceRecord is the confidence and the gaps that cap it.
	ConfidenceRecord struct {
		Level    string   `json:"level"`
		CappedBy []string `json:"capped_by"`
	}
	// FactRecord is one fact; Value is null unless it is known or a lower bound.
	FactRecord struct {
		ID      string        `json:"id"`
		Name    string        `json:"name"`
		Subject *Safe         `json:"subject"`
		Value   any           `json:"value"`
		Unit    *string       `json:"unit"`
		State   string        `json:"state"`
		Gap     *string       `json:"gap"`
		Kind    string        `json:"kind"`
		Window  *WindowRecord `json:"window"`
		Rule    string        `json:"rule"`
		From    []string      `json:"from"`
	}
	// WindowRecord is a half-open interval in UTC.
	WindowRecord struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	// CoverageRecord is what one source told of one scope.
	CoverageRecord struct {
		Dataset  string   `json:"dataset"`
		Account  Safe     `json:"account"`
		Region   Safe     `json:"region"`
		From     string   `json:"from"`
		To       string   `json:"to"`
		State    string   `json:"state"`
		Why      string   `json:"why"`
		Source   Safe     `json:"source"`
		Evidence []string `json:"evidence"`
	}
	// EvidenceRecord is one item of evidence.
	EvidenceRecord struct {
		ID        string        `json:"id"`
		Kind      string        `json:"kind"`
		Question  Safe          `json:"question"`
		Source    Safe          `json:"source"`
		Dataset   string        `json:"dataset"`
		Outcome   string        `json:"outcome"`
		Query     Safe          `json:"query"`
		Native    Safe          `json:"native"`
		Reason    Safe          `json:"reason"`
		Window    *WindowRecord `json:"window"`
		Rows      int           `json:"rows"`
		Truncated bool          `json:"truncated"`
		SHA256    string        `json:"sha256"`
	}
	// Both is a text in both languages.
	Both struct {
		JA Safe `json:"ja"`
		EN Safe `json:"en"`
	}
	// SignalRecord is a rule that fired.
	SignalRecord struct {
		ID     string   `json:"id"`
		Rule   string   `json:"rule"`
		Side   string   `json:"side"`
		Points int      `json:"points"`
		Floor  *int     `json:"floor"`
		Facts  []string `json:"facts"`
		Why    Both     `json:"why"`
	}
	// BalanceRecord is what speaks for what.
	BalanceRecord struct {
		Normal      []BalanceLine `json:"normal"`
		Suspicious  []BalanceLine `json:"suspicious"`
		Unconfirmed []BalanceLine `json:"unconfirmed"`
	}
	// BalanceLine is one entry of the balance.
	BalanceLine struct {
		Why   Both     `json:"why"`
		Facts []string `json:"facts"`
	}
	// GapRecord is something that could not be seen.
	GapRecord struct {
		ID          string          `json:"id"`
		Key         string          `json:"key"`
		What        Both            `json:"what"`
		Why         Both            `json:"why"`
		SettleNow   []SettleRecord  `json:"settle_now"`
		PreventNext []Both          `json:"prevent_next"`
		Accepted    *AcceptedRecord `json:"accepted"`
	}
	// SettleRecord is what would settle a gap now.
	SettleRecord struct {
		Kind    string `json:"kind"`
		Dataset string `json:"dataset,omitempty"`
		Text    Both   `json:"text"`
	}
	// AcceptedRecord is who decided that a gap is accepted, and until when.
	AcceptedRecord struct {
		Reason   Safe   `json:"reason"`
		Approver Safe   `json:"approver"`
		Until    string `json:"until"`
		Expired  bool   `json:"expired"`
	}
	// ActionRecord is a recommended action. Nothing here was executed.
	ActionRecord struct {
		ID         string   `json:"id"`
		Priority   string   `json:"priority"`
		Title      Both     `json:"title"`
		Due        Both     `json:"due"`
		Owner      Both     `json:"owner"`
		How        Both     `json:"how"`
		SideEffect Both     `json:"side_effect"`
		Undo       Both     `json:"undo"`
		Facts      []string `json:"facts"`
	}
	// ChapterRecord is a chapter with its statements.
	ChapterRecord struct {
		ID       string          `json:"id"`
		Sections []SectionRecord `json:"sections"`
	}
	// SectionRecord is a section with its statements.
	SectionRecord struct {
		ID         string            `json:"id"`
		Statements []StatementRecord `json:"statements"`
	}
	// StatementRecord is one statement as it reads.
	StatementRecord struct {
		Kind    string   `json:"kind"`
		Phrase  string   `json:"phrase"`
		Text    string   `json:"text"`
		Facts   []string `json:"facts"`
		Anchors []string `json:"anchors"`
	}
	// RejectedRecord is a statement that was refused.
	RejectedRecord struct {
		Section string `json:"section"`
		Phrase  string `json:"phrase"`
		Reason  string `json:"reason"`
	}
	// Spent is a budget and what was used of it; a limit of 0 is none.
	Spent struct {
		Used  int64 `json:"used"`
		Limit int64 `json:"limit"`
	}
)

// recordSchema names the form of a record.
const recordSchema = "uratori.report/1"

var (
	kindNames = map[fact.Kind]string{
		fact.Observed: "observed", fact.Computed: "computed", fact.Covering: "coverage",
		fact.Testified: "testimony", fact.Context: "context", fact.External: "external", fact.Claimed: "claim",
	}
	stateNames = map[fact.State]string{
		fact.Unknown: "unknown", fact.Known: "known", fact.AtLeast: "at_least", fact.NotApplicable: "not_applicable",
	}
	units = map[fact.Type]string{fact.Int: "count", fact.Bytes: "bytes", fact.Minutes: "minutes", fact.Percent: "percent", fact.Hour: "hour", fact.Hours: "hours"}
	// outcomes by the names that JSON uses for them.
	outcomes = map[evidence.Outcome]string{
		evidence.Found: "Found", evidence.Empty: "Empty", evidence.Truncated: "Truncated",
		evidence.NotCollected: "NotCollected", evidence.NotYet: "NotYet", evidence.NotAsked: "NotAsked",
		evidence.Denied: "Denied", evidence.Throttled: "Throttled", evidence.Failed: "Failed",
	}
	coverages = map[evidence.State]string{evidence.Unknown: "Unknown", evidence.Collected: "Collected", evidence.NotCollectedState: "NotCollected"}
)

func (w composer) record(doc Document) Record {
	f := w.facts.Finding()
	r := Record{
		Schema: recordSchema, Language: string(w.lang), AsOf: stamp(w.facts.AsOf()), Provisional: w.o.Provisional, Version: max(w.o.Version, 1),
		Finding: FindingRecord{ID: Safe(f.ID), Type: Safe(f.Type), Account: Safe(f.Account), Region: Safe(f.Region), Severity: json.RawMessage("null")},
		Verdict: w.a.Verdict().String(), Risk: RiskRecord{Score: w.a.Score(), Ceiling: w.a.Ceiling(), Band: w.a.Band().String(), CeilingBand: w.a.CeilingBand().String()},
		Confidence:    ConfidenceRecord{Level: w.a.Confidence().String(), CappedBy: some(w.a.CappedBy())},
		FalsePositive: w.a.FalsePositive().String(), Urgency: w.a.Urgency().String(),
		Facts: []FactRecord{}, Coverage: []CoverageRecord{}, Evidence: []EvidenceRecord{}, Signals: []SignalRecord{}, Gaps: []GapRecord{},
		Actions: []ActionRecord{}, Rejected: []RejectedRecord{}, Budget: map[string]Spent{}, Versions: map[string]Safe{},
	}
	if sev := w.facts.Get("finding.severity", ""); sev.State == fact.Known {
		r.Finding.Severity = json.RawMessage(strings.ReplaceAll(decimal(sev.Value.Num), ",", ""))
	}
	for _, f := range w.facts.All() {
		r.Facts = append(r.Facts, w.factRecord(f))
	}
	for _, it := range w.facts.Evidence().Items() {
		r.Evidence = append(r.Evidence, itemRecord(it))
		r.cover(it)
	}
	for i, s := range w.a.Signals() {
		rec := SignalRecord{ID: signalID(i), Rule: s.Rule, Side: string(s.Side), Points: s.Points, Facts: some(ids(s.Facts)), Why: both(s.Why)}
		if s.Floor != 0 {
			rec.Floor = &s.Floor
		}
		r.Signals = append(r.Signals, rec)
	}
	b := w.a.Balance()
	r.Balance = BalanceRecord{Normal: lines(b.Normal), Suspicious: lines(b.Suspicious), Unconfirmed: lines(b.Unconfirmed)}
	for _, g := range w.a.Gaps() {
		r.Gaps = append(r.Gaps, gapRecord(g))
	}
	for _, act := range w.a.Actions() {
		r.Actions = append(r.Actions, ActionRecord{
			ID: act.ID, Priority: string(act.Priority), Title: both(act.Title), Due: both(act.Due), Owner: both(act.Owner),
			How: both(act.How), SideEffect: both(act.SideEffect), Undo: both(act.Undo), Facts: some(ids(act.Facts)),
		})
	}
	for _, ch := range doc.Chapters {
		r.Chapters = append(r.Chapters, chapterRecord(ch))
	}
	for _, s := range w.c.Struck() {
		r.Rejected = append(r.Rejected, RejectedRecord{Section: s.Section, Phrase: s.Phrase, Reason: s.Reason.String()})
	}
	for _, u := range w.o.Budget {
		r.Budget[u.Name] = Spent{Used: u.Used, Limit: u.Limit}
	}
	for _, v := range w.o.Versions {
		r.Versions[v.Name] = Safe(v.Value)
	}
	if w.o.LedgerHead != "" {
		r.Versions["ledger"] = Safe(w.o.LedgerHead)
	}
	return r
}

func (w composer) factRecord(f fact.Fact) FactRecord {
	d, _ := fact.DefOf(f.Key)
	rec := FactRecord{ID: string(f.ID), Name: string(f.Key), State: stateNames[f.State], Kind: kindNames[d.Kind], Rule: f.Rule, From: []string{}}
	if f.Subject != "" {
		s := Safe(f.Subject)
		rec.Subject = &s
	}
	for _, ref := range f.From {
		rec.From = append(rec.From, string(ref))
	}
	rec.Window = window(f.Window)
	if u, ok := units[d.Type]; ok {
		rec.Unit = &u
	}
	if f.State == fact.Known || f.State == fact.AtLeast {
		rec.Value = typed(f.Value)
	}
	if f.State == fact.Unknown || f.State == fact.AtLeast {
		if g, ok := w.a.GapOf(f); ok && g.ID != "" {
			rec.Gap = &g.ID
		}
	}
	return rec
}

// typed is a value as JSON has it.
func typed(v fact.Value) any {
	switch v.Type {
	case fact.Bool:
		return v.Num == 1
	case fact.Int, fact.Bytes, fact.Minutes, fact.Hour:
		return v.Num
	case fact.Decimal:
		return json.RawMessage(strings.ReplaceAll(decimal(v.Num), ",", ""))
	case fact.Percent:
		return map[string]int64{"count": v.Num, "of": v.Den}
	case fact.Text, fact.Name, fact.IP, fact.Masked:
		return Safe(v.Str)
	case fact.Label:
		return Both{JA: Safe(v.JA), EN: Safe(v.Str)}
	case fact.Time:
		return stamp(v.At)
	case fact.Weekday:
		return time.Weekday(v.Num).String()
	case fact.Hours:
		return v.Hours
	case fact.Texts:
		list := []Safe{}
		for _, s := range v.List {
			list = append(list, Safe(s))
		}
		return map[string]any{"values": list, "more": v.More}
	case fact.Table:
		rows := [][]any{}
		for _, row := range v.Rows {
			cells := []any{}
			for _, c := range row {
				cells = append(cells, typed(c))
			}
			rows = append(rows, cells)
		}
		return map[string]any{"rows": rows, "more": v.More}
	default:
		return nil
	}
}

func (r *Record) cover(it evidence.Item) {
	for _, c := range it.Coverage {
		rec := CoverageRecord{
			Dataset: c.Kind, Account: Safe(c.Account), Region: Safe(c.Region), From: stamp(c.Window.From), To: stamp(c.Window.To),
			State: coverages[c.State], Why: string(c.Why), Source: Safe(c.Source), Evidence: []string{string(it.ID)},
		}
		again := false
		for i, have := range r.Coverage {
			if have.Dataset == rec.Dataset && have.Account == rec.Account && have.Region == rec.Region && have.From == rec.From &&
				have.To == rec.To && have.State == rec.State && have.Why == rec.Why && have.Source == rec.Source {
				r.Coverage[i].Evidence, again = append(have.Evidence, string(it.ID)), true
				break
			}
		}
		if !again {
			r.Coverage = append(r.Coverage, rec)
		}
	}
}

func itemRecord(it evidence.Item) EvidenceRecord {
	rec := EvidenceRecord{
		ID: string(it.ID), Kind: itemNames[it.Kind], Question: Safe(it.Question), Source: Safe(it.Source), Dataset: string(it.Ask.Dataset),
		Outcome: outcomes[it.Answer.Outcome], Native: Safe(it.Answer.Native), Reason: Safe(it.Answer.Reason), Window: window(it.Ask.Window),
		Rows: len(it.Answer.Rows), Truncated: it.Answer.Outcome == evidence.Truncated, SHA256: it.SHA256,
	}
	if it.Ask.Dataset != "" {
		rec.Query = Safe(it.Ask.String())
	}
	return rec
}

func gapRecord(g policy.Gap) GapRecord {
	rec := GapRecord{ID: g.ID, Key: g.Key, What: both(g.What), Why: both(g.Why), SettleNow: []SettleRecord{}, PreventNext: []Both{}}
	for _, s := range g.SettleNow {
		rec.SettleNow = append(rec.SettleNow, SettleRecord{Kind: s.Kind, Dataset: s.Dataset, Text: both(s.Text)})
	}
	for _, p := range g.PreventNext {
		rec.PreventNext = append(rec.PreventNext, both(p))
	}
	if a := g.Accepted; a != nil {
		rec.Accepted = &AcceptedRecord{Reason: Safe(a.Reason), Approver: Safe(a.Approver), Until: stamp(a.Until), Expired: a.Expired}
	}
	return rec
}

func chapterRecord(ch Chapter) ChapterRecord {
	rec := ChapterRecord{ID: ch.ID}
	for _, s := range ch.Sections {
		sec := SectionRecord{ID: s.ID, Statements: []StatementRecord{}}
		for _, b := range s.Blocks {
			if l, ok := b.(Line); ok {
				sec.Statements = append(sec.Statements, StatementRecord{
					Kind: string(l.Kind), Phrase: l.Phrase, Text: text(l.Runs), Facts: some(ids(l.Facts)), Anchors: some(l.Anchors),
				})
			}
		}
		rec.Sections = append(rec.Sections, sec)
	}
	return rec
}

// text joins runs without any container.
func text(runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

func lines(list []policy.BalanceEntry) []BalanceLine {
	out := []BalanceLine{}
	for _, e := range list {
		out = append(out, BalanceLine{Why: both(e.Why), Facts: some(ids(e.Facts))})
	}
	return out
}

func both(t policy.Text) Both { return Both{JA: Safe(t.JA), EN: Safe(t.EN)} }

// some is the list, empty rather than null.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func window(w query.Window) *WindowRecord {
	if w.From.IsZero() || w.To.IsZero() {
		return nil
	}
	return &WindowRecord{From: stamp(w.From), To: stamp(w.To)}
}

// stamp prints RFC 3339 in UTC without trailing zeros.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
