package policy

import (
	"math"
	"testing"

	"cel.dev/cel-go/cel"

	"uratori/fact"
)

func TestConditionsTrustALowerBoundOnlyWhereMoreCannotMatter(t *testing.T) {
	s, err := newScope(map[string]variable{
		"n": {cel.IntType, nil}, "m": {cel.IntType, nil}, "b": {cel.BoolType, nil}, "list": {cel.ListType(cel.StringType), nil}, "text": {cel.StringType, nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	atLeast := func(n int64) input { return input{state: fact.AtLeast, value: n, most: int64(math.MaxInt64)} }
	known := func(v any) input { return input{state: fact.Known, value: v} }
	cut := input{state: fact.AtLeast, value: []string{"a"}}
	unknown, notApplicable := input{state: fact.Unknown}, input{state: fact.NotApplicable}
	tests := []struct {
		when string
		in   map[string]input
		want answer
	}{
		{"n > 3", map[string]input{"n": atLeast(4)}, yes},
		{"n > 3", map[string]input{"n": atLeast(3)}, unsure},
		{"n >= 3", map[string]input{"n": atLeast(3)}, yes},
		{"3 < n", map[string]input{"n": atLeast(4)}, yes},
		{"n < 3", map[string]input{"n": atLeast(1)}, unsure},
		{"n < 3", map[string]input{"n": atLeast(4)}, unsure}, // not trusted, though it could not hold
		{"n == 4", map[string]input{"n": atLeast(4)}, unsure},
		{"n != 4", map[string]input{"n": atLeast(4)}, unsure},
		{"n == 5", map[string]input{"n": atLeast(4)}, unsure},
		{"!(n > 3)", map[string]input{"n": atLeast(4)}, unsure},
		{"!(n < 3)", map[string]input{"n": atLeast(4)}, yes},
		{"n > 3 || n == 2", map[string]input{"n": atLeast(4)}, unsure},
		{"n > m", map[string]input{"n": atLeast(4), "m": known(int64(3))}, yes},
		{"n > m", map[string]input{"n": atLeast(4), "m": atLeast(3)}, unsure},
		{"n > 3 && b", map[string]input{"n": atLeast(2), "b": known(false)}, no}, // not even without bounds
		{"n > 3 && b", map[string]input{"n": atLeast(2), "b": known(true)}, unsure},
		{"n > 3 && b", map[string]input{"n": known(int64(1)), "b": unknown}, unsure}, // never short-circuited
		{"n > 3 && b", map[string]input{"n": unknown, "b": notApplicable}, moot},
		{"n > 3 && b", map[string]input{"n": notApplicable, "b": unknown}, moot},
		{"n in [1, 2]", map[string]input{"n": atLeast(1)}, unsure},
		{`"a" in list`, map[string]input{"list": cut}, yes},
		{`"b" in list`, map[string]input{"list": cut}, unsure},
		{"size(list) >= 1", map[string]input{"list": cut}, yes},
		{"size(list) >= 2", map[string]input{"list": cut}, unsure},
		{"list.size() == 1", map[string]input{"list": cut}, unsure},
		{`text.contains("x\\\"")`, map[string]input{"text": known("\xff\u202ex\\\"")}, yes},
	}
	for _, tt := range tests {
		c, err := s.compile(tt.when)
		if err != nil {
			t.Errorf("%s: %v", tt.when, err)
			continue
		}
		if got, _ := c.ask(tt.in); got != tt.want {
			t.Errorf("%s with %v is %d, want %d", tt.when, tt.in, got, tt.want)
		}
	}
}

func TestTheMostOfSeveralFacts(t *testing.T) {
	lost := func(key, outcome string) input {
		f := fact.Fact{Gap: fact.Gap{Key: key}}
		if !readGap(&f.Gap, key+"/"+outcome) {
			t.Fatal(outcome)
		}
		return input{state: fact.Unknown, missing: []fact.Fact{f}}
	}
	known := func(v any) input { return input{state: fact.Known, value: v} }
	none := input{state: fact.NotApplicable}
	n := func(i int64) any { return i }
	tests := []struct {
		name  string
		in    []input
		state fact.State
		value any
	}{
		{"the larger", []input{known(n(1)), known(n(3)), known(n(2))}, fact.Known, n(3)},
		{"none, as all say so", []input{known(n(0)), known(n(0))}, fact.Known, n(0)},
		{"none, but one could not be asked", []input{known(n(0)), lost("session", "not_asked")}, fact.Known, n(0)},
		{"none, but one was refused", []input{known(n(0)), lost("cloudtrail_management", "denied")}, fact.Unknown, nil},
		{"some, and one was refused", []input{known(n(2)), lost("cloudtrail_management", "denied")}, fact.AtLeast, n(2)},
		{"nothing was asked", []input{lost("session", "not_asked"), lost("question", "none")}, fact.Unknown, nil},
		{"one does not apply", []input{none, known(n(2))}, fact.Known, n(2)},
		{"none applies", []input{none, none}, fact.NotApplicable, nil},
		{"true, and one was refused", []input{lost("signin", "failed"), known(true)}, fact.Known, true},
		{"false, and one was refused", []input{lost("signin", "failed"), known(false)}, fact.Unknown, nil},
	}
	for _, tt := range tests {
		got := mostOf(tt.in)
		if got.state != tt.state || (tt.value != nil && got.value != tt.value) {
			t.Errorf("%s: got state %d and value %v, want %d and %v", tt.name, got.state, got.value, tt.state, tt.value)
		}
		if (got.state == fact.Unknown || got.state == fact.AtLeast) && len(got.missing) == 0 {
			t.Errorf("%s: nothing says what is missing", tt.name)
		}
	}
}
