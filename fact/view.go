package fact

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"uratori/calendar"
	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

// A view is what rules look at: the finding, the evidence and the settings, and what was already read out of them.
type view struct {
	f      finding.Finding
	others []finding.Finding // other findings given to this run
	set    evidence.Set
	st     Settings
	cal    calendar.Calendar
	done   map[string]any // memo of group readings, keyed by name
	so     *Facts         // the facts so far, for the claims that are held against them
}

// memo computes a group reading once.
func memo[T any](v *view, name string, make func() T) T {
	if got, ok := v.done[name]; ok {
		return got.(T)
	}
	got := make()
	v.done[name] = got
	return got
}

// A result is what a rule found.
type result struct {
	state  State
	value  Value
	gap    Gap
	window query.Window
	from   []Ref
	rule   string // when it is not the rule that the fact declares
}

func known(val Value, from ...Ref) result { return result{state: Known, value: val, from: from} }
func notApplicable(from ...Ref) result    { return result{state: NotApplicable, from: from} }
func unknown(key string, from ...Ref) result {
	return result{state: Unknown, gap: Gap{Key: key}, from: from}
}

// The finding and the settings are the first two items of every case.
const (
	findingRef  Ref = "E1"
	settingsRef Ref = "E2"
)

// told is a value of the finding, Unknown when the finding does not carry it.
func told(text string) result {
	if text == "" {
		return unknown("finding", findingRef)
	}
	return known(TextOf(text), findingRef)
}

func toldTime(t time.Time) result {
	if t.IsZero() {
		return unknown("finding", findingRef)
	}
	return known(TimeOf(t), findingRef)
}

func toldTexts(list []string) result {
	if len(list) == 0 {
		return notApplicable(findingRef)
	}
	return known(TextsOf(list, false), findingRef)
}

// configured is a value of the configuration, Unknown when it is not set.
func configured(text string) result {
	if text == "" {
		return unknown("configuration", settingsRef)
	}
	return known(TextOf(text), settingsRef)
}

// A table is the chosen answer of a question, with its columns by name.
type table struct {
	evidence.Answered
	cols map[string]int
	kept []int // where each row stands in the answer; nil when all of them are looked at
	dark []Ref // the calls that switched logging off within its window, when its source does not know of it
}

func newTable(a evidence.Answered) table {
	t := table{Answered: a, cols: map[string]int{}}
	for i, c := range a.Item.Answer.Columns {
		t.cols[c] = i
	}
	return t
}

// ask finds the answer that the fact rests on. When there is none that can be used, ok is
// false and why is the fact's result. An answer over a time in which logging was off is not
// exact, whatever its source says of its coverage: see logging.off.
func (v *view) ask(key Key, subject string) (t table, why result, ok bool) {
	a, asked := v.set.AnswerFor(string(key), subject)
	if !asked {
		return table{}, unknown("question"), false
	}
	ref := Ref(a.Item.ID)
	if !a.Usable() {
		return table{}, result{state: Unknown, gap: gapOf(a), from: []Ref{ref}, window: a.Item.Ask.Window}, false
	}
	t = newTable(a)
	t.Exact = t.Exact && !bestEffort(a)
	if from, dark := v.dark(a.Item); dark && t.Exact {
		t.Exact, t.dark = false, from
		if t.len() == 0 {
			return table{}, result{state: Unknown, gap: t.gap(), from: append([]Ref{ref}, from...), window: t.window()}, false
		}
	}
	return t, result{}, true
}

// gap names what hides the truth behind the answer.
func (t table) gap() Gap {
	if len(t.dark) > 0 {
		return Gap{Key: loggingGap, Outcome: evidence.NotCollected}
	}
	return gapOf(t.Answered)
}

// gapOf names what hides the truth behind an answer that is not exact.
func gapOf(a evidence.Answered) Gap {
	kind := a.Item.Scope.Kind
	if kind == "" {
		kind = string(a.Item.Ask.Dataset)
	}
	out := a.Item.Answer.Outcome
	switch out {
	case evidence.NotAsked:
		return Gap{Key: missingKey(a.Item.Missing), Outcome: out}
	case evidence.Found, evidence.Empty:
		if bestEffort(a) && a.Item.Complete() {
			return Gap{Key: "access_delivery"}
		}
		aged := slices.ContainsFunc(a.Item.Coverage, func(c evidence.Coverage) bool {
			return c.State == evidence.Unknown && c.Why == evidence.WhyRetention
		})
		for _, c := range a.Item.Coverage {
			if c.State == evidence.NotCollectedState && (!aged || c.Why != evidence.WhyNotHeld) { // what aged out was perhaps collected
				return Gap{Key: kind, Outcome: evidence.NotCollected}
			}
		}
		return Gap{Key: kind, Outcome: evidence.Empty}
	case evidence.Truncated, evidence.NotCollected, evidence.NotYet, evidence.Denied, evidence.Throttled, evidence.Failed:
		return Gap{Key: kind, Outcome: out}
	default:
		return Gap{Key: kind, Outcome: out}
	}
}

// bestEffort tells whether the log that answered may lack records although it was on: Amazon S3
// delivers server access logs on a best-effort basis (Amazon S3 User Guide, "Logging requests with
// server access logging"). What it shows happened; how often is at least that, and silence proves nothing.
func bestEffort(a evidence.Answered) bool { return a.Item.Ask.Dataset == query.S3Access }

// missingKey says what a question lacked, by the group of the first fact that never came.
func missingKey(missing []string) string {
	for _, m := range missing {
		switch {
		case strings.HasPrefix(m, "person."):
			return "person"
		case strings.HasPrefix(m, "actor."), strings.HasPrefix(m, "chain."):
			return "session"
		case strings.HasPrefix(m, "copy."), m == "role.session":
			return "copy_source"
		}
	}
	return "finding"
}

func (t table) ref() Ref { return Ref(t.Item.ID) }

// window is the window of the answer, without a beginning that is past the retention of its source:
// what is said of it is said of what could be seen.
func (t table) window() query.Window {
	w := t.Item.Ask.Window
	for _, c := range t.Item.Coverage {
		if c.State == evidence.Unknown && c.Why == evidence.WhyRetention && !c.Window.From.After(w.From) && c.Window.To.After(w.From) {
			if from := c.Window.To.Add(time.Hour - time.Nanosecond).Truncate(time.Hour); from.Before(w.To) {
				w.From = from
			}
		}
	}
	return w
}

func (t table) len() int { return len(t.Item.Answer.Rows) }

// row is the reference of a row to its place in the answer.
func (t table) row(i int) Ref {
	if t.kept != nil {
		i = t.kept[i]
	}
	return Ref(fmt.Sprintf("%s#%d", t.Item.ID, i))
}

func (t table) cell(i int, col string) query.Value {
	c, ok := t.cols[col]
	if !ok || c >= len(t.Item.Answer.Rows[i]) {
		return query.Value{}
	}
	return t.Item.Answer.Rows[i][c]
}

func (t table) text(i int, col string) string    { return t.cell(i, col).Text() }
func (t table) int(i int, col string) int64      { return t.cell(i, col).Int() }
func (t table) time(i int, col string) time.Time { return t.cell(i, col).Time() }

// counted is a count over the answer: exact, or a lower bound, or Unknown when nothing was
// seen and absence is not proven.
func (t table) counted(n int64) result { return t.measured(IntOf(n), n > 0) }

// measured is a value over the answer. seen says whether anything supports it: without, and
// without full coverage, it is Unknown rather than zero.
func (t table) measured(val Value, seen bool) result {
	r := result{state: Known, value: val, window: t.window(), from: []Ref{t.ref()}}
	if t.Exact {
		return r
	}
	r.gap, r.from = t.gap(), append(r.from, t.dark...)
	if seen {
		r.state = AtLeast
		return r
	}
	r.state, r.value = Unknown, Value{}
	return r
}

// has is a truth about the answer: true is known once it is seen, false only with full coverage.
func (t table) has(yes bool, from ...Ref) result {
	r := result{state: Known, value: BoolOf(yes), window: t.window(), from: append([]Ref{t.ref()}, from...)}
	if !yes && !t.Exact {
		r.state, r.value, r.gap = Unknown, Value{}, t.gap()
		r.from = append(r.from, t.dark...)
	}
	return r
}

// part tells whether the answer is only a part of what the log holds, such as its newest pages: what is
// earliest in it, and how often, is then not so in the log.
func (t table) part() bool { return t.Item.Answer.Outcome == evidence.Truncated }

// distinct are the different texts of a column, sorted, at most limit of them.
func (t table) distinct(col string, limit int) (list []string, more bool) {
	seen := map[string]bool{}
	for i := range t.len() {
		if c := t.cell(i, col); !c.Missing() {
			seen[c.String()] = true
		}
	}
	for s := range seen {
		list = append(list, s)
	}
	slices.Sort(list)
	if limit > 0 && len(list) > limit {
		return list[:limit], true
	}
	return list, false
}

// texts is the set of a column's different values.
func (t table) texts(col string) result {
	list, more := t.distinct(col, 20)
	if len(list) == 0 {
		if t.Exact {
			return result{state: NotApplicable, window: t.window(), from: []Ref{t.ref()}}
		}
		return t.measured(Value{}, false)
	}
	return t.measured(TextsOf(list, more), true)
}

// Derive computes every declared fact of a finding from the evidence. The settings are read
// from the evidence, where they are kept as an item. It is pure: same items, same facts.
func Derive(f finding.Finding, set evidence.Set) (Facts, error) {
	st, others, err := readSettings(set)
	if err != nil {
		return Facts{}, fmt.Errorf("derive facts: %w", err)
	}
	cal, err := calendar.New(st.Calendar)
	if err != nil {
		return Facts{}, fmt.Errorf("derive facts: %w", err)
	}
	v := &view{f: sourced(f), others: others, set: set, st: st, cal: cal, done: map[string]any{}}
	fs := Facts{finding: f, set: set, settings: st, calendar: cal, byID: map[ID]int{}, byKey: map[Key][]int{}}
	v.so = &fs
	for _, d := range defs {
		if !d.arises(f) || !v.looks(d) || d.Asked && !v.asks(d) {
			continue
		}
		subjects := []string{""}
		if d.Each != nil {
			subjects = d.Each(v)
		}
		for _, s := range subjects {
			r := d.Rule(v, s)
			if d.ofPrincipal() && v.faceless() {
				r = notApplicable(findingRef)
			}
			fs.add(Fact{
				Key: d.Key, Subject: s, Window: r.window, Value: r.value, State: r.state,
				Gap: r.gap, Rule: cmp.Or(r.rule, d.Says), From: r.from,
			})
		}
	}
	fs.asOf = newest(f, set)
	return fs, nil
}

// asks tells whether a question of the case answers the fact.
func (v *view) asks(d Def) bool {
	subjects := []string{""}
	if d.Each != nil {
		subjects = d.Each(v)
	}
	return slices.ContainsFunc(subjects, func(s string) bool {
		_, asked := v.set.AnswerFor(string(d.Key), s)
		return asked
	})
}

func (fs *Facts) add(f Fact) {
	f.ID = ID(fmt.Sprintf("F%d", len(fs.list)+1))
	fs.byID[f.ID] = len(fs.list)
	fs.byKey[f.Key] = append(fs.byKey[f.Key], len(fs.list))
	fs.list = append(fs.list, f)
}

// newest is the newest time that stands in the evidence: of a record, or of the finding's update.
func newest(f finding.Finding, set evidence.Set) time.Time {
	at := f.Updated
	for _, it := range set.Items() {
		for _, row := range it.Answer.Rows {
			for _, c := range row {
				if c.Type() == query.Time && c.Time().After(at) {
					at = c.Time()
				}
			}
		}
		if b, ok := it.Looked(); ok && b.Newest().After(at) {
			at = b.Newest()
		}
	}
	return at
}

// settingsBody is the form in which settings are kept as an item.
type settingsBody struct {
	Settings Settings          `json:"settings"`
	Others   []json.RawMessage `json:"other_findings,omitempty"`
}

// EncodeSettings is the body of the settings item: the settings, and the other findings given to the same run.
func EncodeSettings(st Settings, others []finding.Finding) ([]byte, error) {
	b := settingsBody{Settings: st}
	for _, o := range others {
		doc, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("keep finding %s: %w", o.ID, err)
		}
		b.Others = append(b.Others, doc)
	}
	return json.Marshal(b)
}

func readSettings(set evidence.Set) (Settings, []finding.Finding, error) {
	for _, it := range set.Items() {
		if it.Kind != evidence.SettingsItem {
			continue
		}
		var b settingsBody
		if err := json.Unmarshal(it.Body, &b); err != nil {
			return Settings{}, nil, fmt.Errorf("read settings of %s: %w", it.ID, err)
		}
		var others []finding.Finding
		for _, doc := range b.Others {
			fs, err := finding.Parse(doc)
			if err != nil {
				return Settings{}, nil, fmt.Errorf("read other findings of %s: %w", it.ID, err)
			}
			others = append(others, fs...)
		}
		return b.Settings, others, nil
	}
	return Settings{}, nil, fmt.Errorf("the evidence holds no settings item")
}
