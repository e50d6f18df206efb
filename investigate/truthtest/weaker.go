package truthtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// A Record is a report as programs read it, as far as it is compared here.
type Record struct {
	Verdict    string
	Risk       struct{ Score, Ceiling int }
	Confidence struct{ Level string }
	Facts      []Fact
	Evidence   []struct{ Source, Outcome, Reason, Dataset, Question string }
	Budget     map[string]struct{ Used, Limit int64 }
}

// A Fact is a fact of a report.json.
type Fact struct {
	Name    string
	Subject *string
	Value   any
	State   string
	Kind    string
	Window  *struct{ From, To string }
}

// Read reads a report.json.
func Read(data []byte) (r Record, err error) {
	err = json.Unmarshal(data, &r)
	return r, err
}

// key tells a fact from all others.
func (f Fact) key() string {
	if f.Subject == nil {
		return f.Name
	}
	return f.Name + "@" + *f.Subject
}

// Surer is in what a report claims more than another about the same case, of which it saw a part
// only, a line each. What is known must be known there, with the same value over the same window;
// "at least" is a part of what is there; what cannot be known, and what is not applicable because
// nothing was found that it could apply to, is no claim. Verdict and confidence are never better,
// and what could have been is never less.
func Surer(part, whole Record) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	all := map[string]Fact{}
	for _, f := range whole.Facts {
		all[f.key()] = f
	}
	for _, f := range part.Facts {
		w, ok := all[f.key()]
		if !ok {
			say("%s = %v (%s); there is no such fact", f.key(), f.Value, f.State)
			continue
		}
		// What was asked, and how often in vain, differs with what could be asked.
		if f.Name == "coverage.asked" || f.Name == "coverage.failures" {
			continue
		}
		switch {
		case f.State == "unknown":
		case f.Name == "coverage.table" && f.State == "known":
			if !seenWithin(f.Value, w.Value) {
				say("%s = %v; it is %v", f.key(), f.Value, w.Value)
			}
		case f.State == "at_least" && (w.State == "known" || w.State == "at_least"):
			if !within(f.Value, w.Value) {
				say("%s is at least %v; it is %v", f.key(), f.Value, w.Value)
			}
		case f.State != w.State || !claimsLess(f.Value, w.Value) || !reflect.DeepEqual(f.Window, w.Window):
			say("%s = %v (%s, %v); it is %v (%s, %v)", f.key(), f.Value, f.State, f.Window, w.Value, w.State, w.Window)
		}
	}
	if order := []string{"benign", "inconclusive", "suspicious", "malicious"}; part.Verdict == "benign" && whole.Verdict != "benign" ||
		slices.Index(order, part.Verdict) > slices.Index(order, whole.Verdict) && part.Verdict != "inconclusive" {
		say("the verdict is %s; it is %s", part.Verdict, whole.Verdict)
	}
	levels := []string{"Low", "Medium", "High"}
	if slices.Index(levels, part.Confidence.Level) > slices.Index(levels, whole.Confidence.Level) {
		say("the confidence is %s; it is %s", part.Confidence.Level, whole.Confidence.Level)
	}
	if part.Risk.Ceiling < whole.Risk.Score {
		say("the score could be %d at most; it is %d", part.Risk.Ceiling, whole.Risk.Score)
	}
	return out
}

// within tells whether a value is a part of another: a count that is no larger, a list or table whose
// members are all there, where a row may hold smaller counts.
func within(part, whole any) bool {
	switch p := part.(type) {
	case float64:
		w, ok := whole.(float64)
		return ok && p <= w
	case []any:
		w, ok := whole.([]any)
		return ok && !slices.ContainsFunc(p, func(x any) bool { return !slices.ContainsFunc(w, func(y any) bool { return rowWithin(x, y) }) })
	case map[string]any:
		w, ok := whole.(map[string]any)
		for _, member := range []string{"values", "rows", "count"} {
			if p[member] != nil && (!ok || !within(p[member], w[member])) {
				return false
			}
		}
		return ok
	}
	return reflect.DeepEqual(part, whole)
}

// rowWithin is within for a member of a list: numbers of a row are counts, everything else is equal.
func rowWithin(part, whole any) bool {
	p, ok := part.([]any)
	w, also := whole.([]any)
	if !ok || !also || len(p) != len(w) {
		return reflect.DeepEqual(part, whole)
	}
	for i := range p {
		if _, number := p[i].(float64); number && !within(p[i], w[i]) || !number && !reflect.DeepEqual(p[i], w[i]) {
			return false
		}
	}
	return true
}

// weak are the words by which a fact says that it claims nothing.
var weak = []string{"unknown", "undetermined", "unconfirmed", "partial"}

func isWeak(v any) bool {
	s, ok := v.(string)
	return ok && slices.Contains(weak, s)
}

// claimsLess tells whether a known value is the whole's, or says of itself that it claims less: by one
// of the weak words, in a row of a table by such a word and by what it leaves empty, and in a share of
// what was compared ("k of n observed") by comparing less.
func claimsLess(part, whole any) bool {
	if reflect.DeepEqual(part, whole) || isWeak(part) {
		return true
	}
	p, ok := part.(map[string]any)
	w, also := whole.(map[string]any)
	if !ok || !also {
		return false
	}
	if p["of"] != nil {
		return within(p["count"], w["count"]) && within(p["of"], w["of"])
	}
	rows, ok := p["rows"].([]any)
	all, also := w["rows"].([]any)
	if !ok || !also || len(rows) != len(all) {
		return false
	}
	for i := range rows {
		if !rowClaimsLess(rows[i].([]any), all[i].([]any)) {
			return false
		}
	}
	return true
}

// seenWithin tells whether every row that does not say "unknown" is a row of the whole.
func seenWithin(part, whole any) bool {
	p, ok := part.(map[string]any)
	w, also := whole.(map[string]any)
	if !ok || !also {
		return false
	}
	rows, _ := p["rows"].([]any)
	all, _ := w["rows"].([]any)
	return !slices.ContainsFunc(rows, func(r any) bool {
		cells, ok := r.([]any)
		return !ok || !slices.ContainsFunc(cells, isWeak) && !slices.ContainsFunc(all, func(x any) bool { return reflect.DeepEqual(x, r) })
	})
}

func rowClaimsLess(part, whole []any) bool {
	if len(part) != len(whole) || len(part) == 0 || !reflect.DeepEqual(part[0], whole[0]) {
		return false
	}
	less := slices.ContainsFunc(part, isWeak)
	for i := range part {
		empty := part[i] == nil || part[i] == "" || part[i] == float64(0) || isWeak(part[i])
		if !reflect.DeepEqual(part[i], whole[i]) && !(less && empty) {
			return false
		}
	}
	return true
}
