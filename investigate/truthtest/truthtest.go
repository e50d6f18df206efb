// Package truthtest holds a judged case against the truth that its scenario wrote down beforehand.
// It is for tests.
package truthtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/fact"
	"uratori/policy"
	"uratori/scenario"
)

// Hold fails the test for everything in which an assessment is not what the truth says, but for
// facts whose names begin as one of but.
func Hold(t testing.TB, truth scenario.Truth, a policy.Assessment, but ...string) {
	t.Helper()
	for _, wrong := range Wrong(truth, a, but...) {
		t.Error(wrong)
	}
}

// Wrong is what [Hold] fails the test for, a line each.
func Wrong(truth scenario.Truth, a policy.Assessment, but ...string) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	got := fmt.Sprintf("%s %s %s %s", a.Verdict(), a.Band(), a.Confidence(), a.Urgency())
	if want := fmt.Sprintf("%s %s %s %s", truth.Verdict, truth.Band, truth.Confidence, truth.Urgency); got != want {
		say("judged %s; want %s", got, want)
	}
	// What is malicious has a score by its floors; how many rules fire beside them is no part of the truth.
	if least := truth.Verdict == policy.Malicious.String(); a.Score() < truth.Score || a.Score() > truth.Score && !least {
		say("score %d; want %d", a.Score(), truth.Score)
	}
	if truth.Ceiling != 0 && a.Ceiling() != truth.Ceiling {
		say("ceiling %d; want %d", a.Ceiling(), truth.Ceiling)
	}
	for _, kind := range truth.Missing {
		if !slices.ContainsFunc(a.Gaps(), func(g policy.Gap) bool { return g.Key == kind && slices.Contains(a.CappedBy(), g.ID) }) {
			say("confidence is capped by %v, which names no gap of %s", a.CappedBy(), kind)
		}
	}
	for name, want := range truth.Facts {
		key, subject, _ := strings.Cut(name, "@")
		if slices.ContainsFunc(but, func(b string) bool { return strings.HasPrefix(name, b) }) {
			continue
		}
		f := a.Facts().Get(fact.Key(key), subject)
		if got := Plain(f); got != fmt.Sprint(want) {
			say("%s = %s; want %v (%s, gap %v, from %v)", name, got, want, f.Rule, f.Gap, f.From)
		}
	}
	for _, name := range truth.Unknown {
		if f := a.Facts().Get(fact.Key(name), ""); f.State != fact.Unknown {
			say("%s = %s; it cannot be known", name, Plain(f))
		}
	}
	slices.Sort(out)
	return out
}

// Plain is a fact's value as truths write it.
func Plain(f fact.Fact) string {
	switch f.State {
	case fact.Unknown:
		return "unknown"
	case fact.NotApplicable:
		return "not applicable"
	case fact.Known, fact.AtLeast:
	}
	v := f.Value
	switch v.Type {
	case fact.Bool:
		return fmt.Sprint(v.Num == 1)
	case fact.Int, fact.Bytes, fact.Minutes, fact.Hour:
		return fmt.Sprint(v.Num)
	case fact.Decimal:
		return strings.TrimSuffix(fmt.Sprintf("%d.%d", v.Num/10, v.Num%10), ".0")
	case fact.Weekday:
		return time.Weekday(v.Num).String()
	case fact.Label:
		return v.JA
	case fact.Texts:
		return strings.Join(v.List, " ")
	default:
		return v.Str
	}
}
