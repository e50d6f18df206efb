package policy

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"uratori/fact"
)

// choices are the values of a fact that is one of several names.
func (l *loader) choices(key fact.Key) []string {
	d, _ := fact.DefOf(key)
	return d.Choices
}

// The kinds of what settles a gap.
const (
	settleLogs          = "logs"          // records that were made at that time and can be added
	settleInterview     = "interview"     // the answer of the person
	settleConfiguration = "configuration" // what the configuration does not say yet
	settleForensics     = "forensics"     // what the machine itself, or an image of it, shows
	settleFindings      = "findings"      // other findings that GuardDuty holds
)

// catchAll is the key of the entry that takes every other gap.
const catchAll = "*"

func (l *loader) gaps() {
	for name, t := range l.form.Outcomes {
		l.outcome("$.outcomes", name)
		l.text("$.outcomes."+quoted(name), "outcome "+name, t)
	}
	for _, name := range outcomeKeys() {
		if _, ok := l.form.Outcomes[name]; !ok {
			l.wrong("$.outcomes", "outcome %s has no text; say why a fact is not known then", name)
		}
	}
	seen := map[string]bool{}
	for i, g := range l.form.Gaps {
		path := fmt.Sprintf("$.gaps[%d]", i)
		if g.Key == "" || seen[g.Key] {
			l.wrong(path, "gap %q: each gap has a key of its own", g.Key)
		}
		seen[g.Key] = true
		l.text(path+".what", "gap "+g.Key, g.What)
		for name, t := range g.Why {
			l.outcome(path+".why", name)
			l.text(path+".why."+quoted(name), "why "+name, t)
		}
		for j, s := range g.SettleNow {
			at := fmt.Sprintf("%s.settle_now[%d]", path, j)
			l.text(at, "what settles gap "+g.Key, s.Text)
			switch {
			case !slices.Contains([]string{settleLogs, settleInterview, settleConfiguration, settleForensics, settleFindings}, s.Kind):
				l.wrong(at, "what settles a gap is %q; write logs, interview, configuration, forensics or findings", s.Kind)
			case (s.Kind == settleLogs) != (s.Dataset != ""):
				l.wrong(at, "logs name their dataset, and nothing else does")
			}
		}
		for j, t := range g.PreventNext {
			l.text(fmt.Sprintf("%s.prevent_next[%d]", path, j), "what prevents gap "+g.Key, t)
		}
		why := maps.Clone(l.form.Outcomes)
		maps.Copy(why, g.Why)
		l.c.gaps = append(l.c.gaps, gapEntry{gapForm: g, why: why})
	}
	if !seen[catchAll] {
		l.wrong("$.gaps", `no gap has the key "*", every other: a fact that is not known must have one`)
	}
}

func (l *loader) outcome(path, name string) {
	if known := outcomeKeys(); !slices.Contains(known, name) {
		l.wrong(path, "unknown outcome %q; the outcomes are %s", name, strings.Join(known, ", "))
	}
}

// placeholderForm is a place in a command for a value: it stands as it is, and its value is
// listed beside the command, so that no text of a log is ever pasted into a shell line.
var placeholderForm = regexp.MustCompile(`<([A-Z][A-Z0-9_]*)>`)

func (l *loader) actions() {
	for _, name := range slices.Sorted(maps.Keys(l.form.Owners)) {
		l.text("$.owners."+quoted(name), "owner "+name, l.form.Owners[name])
	}
	seen := map[string]bool{}
	for i, f := range l.form.Actions {
		path := fmt.Sprintf("$.actions[%d]", i)
		l.id(path+".id", f.ID, seen)
		a := action{actionForm: f, assume: map[string]input{}}
		if f.When != "" || len(f.Needs) > 0 {
			a.when = l.condition(l.judged, path, f.When, f.Needs, assessed)
		}
		if !slices.Contains(priorities, f.Priority) {
			l.wrong(path, "action %s: its priority is %q; write immediate, week, month or no_action", f.ID, f.Priority)
		}
		for _, v := range f.Verdicts {
			if _, ok := VerdictNamed(v); !ok {
				l.wrongIn(path+".verdicts", v, unknownWord("verdict", v, Verdicts()))
			}
		}
		for _, t := range []struct {
			name string
			text Text
		}{{"title", f.Title}, {"how", f.How}, {"side_effect", f.SideEffect}, {"undo", f.Undo}} {
			l.text(path+"."+t.name, "action "+f.ID+": "+t.name, t.text)
		}
		if f.Due != nil {
			l.text(path+".due", "action "+f.ID+": due", *f.Due)
		}
		var ok bool
		if a.owner, ok = l.form.Owners[f.Owner]; !ok {
			l.wrongIn(path+".owner", f.Owner, unknownWord("owner", f.Owner, slices.Sorted(maps.Keys(l.form.Owners))))
		}
		l.assumptions(path, f, &a)
		l.placeholders(path, f, &a)
		l.c.actions = append(l.c.actions, a)
	}
}

// assumptions are what an action takes for a feature that is not known.
func (l *loader) assumptions(path string, f actionForm, a *action) {
	for _, name := range slices.Sorted(maps.Keys(f.Assume)) {
		at := path + ".assume." + quoted(name)
		feature, ok := l.c.features[name]
		if !ok || !slices.Contains(f.Needs, name) {
			l.wrong(at, "action %s assumes %s, which its needs do not name", f.ID, name)
			continue
		}
		v, ok := literal(f.Assume[name], feature.typ)
		if !ok {
			l.wrong(at, "action %s assumes %v for %s, which is of another type", f.ID, f.Assume[name], name)
			continue
		}
		in := readOne(fact.Fact{State: fact.Known, Value: v}, feature.typ)
		in.facts = nil // nothing vouches for an assumption
		a.assume[name] = in
	}
}

// placeholders holds those in the texts against those declared.
func (l *loader) placeholders(path string, f actionForm, a *action) {
	used := map[string]bool{}
	for i, t := range []Text{f.How, f.Undo} {
		ja, en := placeholdersOf(t.JA), placeholdersOf(t.EN)
		if !slices.Equal(ja, en) {
			l.wrong(path+[]string{".how", ".undo"}[i], "action %s: ja names %v and en names %v; both name the same places", f.ID, ja, en)
		}
		for _, name := range append(ja, en...) {
			used[name] = true
			if _, ok := f.Values[name]; !ok {
				l.wrong(path, "action %s: <%s> has no value; name its fact in values:", f.ID, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Values)) {
		ref := refOf(f.Values[name])
		at := path + ".values." + quotedUpper(name)
		def, ok := fact.DefOf(ref.key)
		switch {
		case !used[name]:
			l.wrong(at, "action %s: no text uses <%s>", f.ID, name)
		case !ok:
			l.wrongIn(at, f.Values[name], unknownFact(ref.key))
		case !known(def, ref.subject):
			l.wrong(at, "fact %s has no subject %q; its subjects are %s", ref.key, ref.subject, strings.Join(subjects(def), ", "))
		default:
			a.values = append(a.values, placeholder{"<" + name + ">", ref})
		}
	}
}

func quotedUpper(name string) string {
	if placeholderForm.MatchString("<" + name + ">") {
		return name
	}
	return quoted(name)
}

// placeholdersOf are the different places of a text, sorted.
func placeholdersOf(s string) []string {
	var out []string
	for _, m := range placeholderForm.FindAllStringSubmatch(s, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// literal is a value as people write it in YAML, for a fact of that type.
func literal(v any, t fact.Type) (fact.Value, bool) {
	switch v := v.(type) {
	case bool:
		return fact.BoolOf(v), t == fact.Bool
	case string:
		return literalText(v, t)
	case []any:
		var list []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return fact.Value{}, false
			}
			list = append(list, s)
		}
		slices.Sort(list)
		return fact.TextsOf(slices.Compact(list), false), t == fact.Texts
	case float64:
		tenths := math.Round(v * 10)
		return fact.Value{Type: fact.Decimal, Num: int64(tenths)}, t == fact.Decimal && math.Abs(tenths) < 1e15 && math.Abs(tenths-v*10) < 1e-6
	}
	if n, ok := whole(v); ok {
		switch t {
		case fact.Int, fact.Bytes, fact.Minutes, fact.Weekday, fact.Hour:
			return fact.Value{Type: t, Num: n}, true
		case fact.Decimal:
			return fact.Value{Type: t, Num: n * 10}, n < math.MaxInt64/10 && n > math.MinInt64/10
		case fact.Bool, fact.Percent, fact.Text, fact.Texts, fact.Name, fact.Label, fact.Time, fact.Hours, fact.IP, fact.Masked, fact.Table:
		}
	}
	return fact.Value{}, false
}

func literalText(s string, t fact.Type) (fact.Value, bool) {
	switch t {
	case fact.Text, fact.Name, fact.IP, fact.Masked:
		return fact.Value{Type: t, Str: s}, true
	case fact.Time:
		at, ok := instant(s)
		return fact.TimeOf(at), ok
	case fact.Bool, fact.Int, fact.Bytes, fact.Minutes, fact.Decimal, fact.Percent, fact.Texts, fact.Label, fact.Weekday, fact.Hour, fact.Hours, fact.Table:
		return fact.Value{}, false
	default:
		return fact.Value{}, false
	}
}

// whole is a number as the YAML library gives it.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(min(n, math.MaxInt64)), n <= math.MaxInt64
	}
	return 0, false
}
