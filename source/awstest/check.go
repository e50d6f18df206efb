package awstest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// check holds a value against a shape: required and unknown members, types, enum, min and max,
// pattern. It returns what is wrong, each with its place, such as "LookupAttributes[0].AttributeKey".
// Values are those of [Request.Input].
func (m *model) check(place string, r ref, v any) []string {
	s := m.Shapes[r.Shape]
	if s == nil {
		return []string{fmt.Sprintf("%s: the model has no shape %q", place, r.Shape)}
	}
	say := func(format string, args ...any) []string {
		return []string{place + ": " + fmt.Sprintf(format, args...)}
	}
	switch s.Type {
	case "structure":
		if s.Document {
			return nil // any JSON
		}
		x, ok := v.(map[string]any)
		if !ok {
			return say("%T is no structure", v)
		}
		return m.checkStructure(place, s, x)
	case "list":
		x, ok := v.([]any)
		if !ok {
			return say("%T is no list", v)
		}
		bad := limits(place, s, float64(len(x)), "elements")
		for i, e := range x {
			bad = append(bad, m.check(fmt.Sprintf("%s[%d]", place, i), *s.Member, e)...)
		}
		return bad
	case "map":
		x, ok := v.(map[string]any)
		if !ok {
			return say("%T is no map", v)
		}
		bad := limits(place, s, float64(len(x)), "entries")
		for _, k := range slices.Sorted(maps.Keys(x)) {
			bad = append(bad, m.check(place+" key", *s.Key, k)...)
			bad = append(bad, m.check(place+"["+k+"]", *s.Value, x[k])...)
		}
		return bad
	case "string", "character":
		x, ok := v.(string)
		if !ok {
			return say("%T is no string", v)
		}
		if !utf8.ValidString(x) {
			return say("is not UTF-8")
		}
		bad := limits(place, s, float64(utf8.RuneCountInString(x)), "characters")
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, x) {
			bad = append(bad, say("%q is not one of %s", x, strings.Join(s.Enum, ", "))...)
		}
		if s.Pattern != "" {
			re, err := pattern(s.Pattern)
			switch {
			case err != nil:
				bad = append(bad, say("the model's pattern cannot be used: %v", err)...)
			case !re.matches(x):
				bad = append(bad, say("%.80q does not match %s", x, s.Pattern)...)
			}
		}
		return bad
	case "integer", "long":
		x, ok := v.(int64)
		if !ok {
			return say("%T is no whole number", v)
		}
		if s.Type == "integer" && (x > math.MaxInt32 || x < math.MinInt32) {
			return say("%d is no integer of 32 bits", x)
		}
		return limits(place, s, float64(x), "")
	case "float", "double":
		switch x := v.(type) {
		case float64:
			return limits(place, s, x, "")
		case int64:
			return limits(place, s, float64(x), "")
		}
		return say("%T is no number", v)
	case "boolean":
		if _, ok := v.(bool); !ok {
			return say("%T is no boolean", v)
		}
		return nil
	case "timestamp":
		if _, ok := v.(time.Time); !ok {
			return say("%T is no time", v)
		}
		return nil
	case "blob":
		x, ok := v.([]byte)
		if !ok {
			return say("%T are no bytes", v)
		}
		return limits(place, s, float64(len(x)), "bytes")
	}
	return say("type %q is not known here", s.Type)
}

func (m *model) checkStructure(place string, s *shape, x map[string]any) []string {
	var bad []string
	dot := place + "."
	if place == "" {
		dot = ""
	}
	for _, name := range s.Required {
		if v, ok := x[name]; !ok || v == nil {
			bad = append(bad, fmt.Sprintf("%s%s: is required", dot, name))
		}
	}
	set := 0
	for _, name := range slices.Sorted(maps.Keys(x)) {
		r, ok := s.Members[name]
		if !ok {
			bad = append(bad, fmt.Sprintf("%s%s: the model has no such member", dot, name))
			continue
		}
		if x[name] == nil {
			continue
		}
		set++
		bad = append(bad, m.check(dot+name, r, x[name])...)
	}
	if s.Union && set != 1 {
		bad = append(bad, fmt.Sprintf("%s: a union has one member, not %d", place, set))
	}
	return bad
}

func limits(place string, s *shape, n float64, unit string) []string {
	if unit != "" {
		unit = " " + unit
	}
	if s.Min != nil && n < *s.Min {
		return []string{fmt.Sprintf("%s: %v%s, fewer than %v", place, n, unit, *s.Min)}
	}
	if s.Max != nil && n > *s.Max {
		return []string{fmt.Sprintf("%s: %v%s, more than %v", place, n, unit, *s.Max)}
	}
	return nil
}

// A matcher is a pattern of a model. Go's expressions have no look-ahead; the few patterns that
// use one forbid a beginning, which is what not holds.
type matcher struct {
	re  *regexp.Regexp
	not *regexp.Regexp
}

func (p matcher) matches(s string) bool {
	return p.re.MatchString(s) && (p.not == nil || !p.not.MatchString(s))
}

var patterns sync.Map // text -> matcher

var (
	unicodeEscape = regexp.MustCompile(`\\u(10FFFF|10000|[0-9A-F]{4})`)
	surrogates    = regexp.MustCompile(`\\uD800\\uDC00-\\uDBFF\\uDFFF`)
	aheadAtStart  = regexp.MustCompile(`^\^?\(\?!((?:[^()\\]|\\.)*)\)`)
)

// byHand are the patterns that look ahead further in, as what must match and what must not.
var byHand = map[string][2]string{
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: {`[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`, `--`},
	`(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?`: {
		`-?P(?:\d+Y)?(?:\d+M)?(?:\d+[DW])?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?`, `\A-?PT?\z`,
	},
}

// pattern turns a Java expression into one of Go. Models mean the whole text.
func pattern(text string) (matcher, error) {
	if p, ok := patterns.Load(text); ok {
		return p.(matcher), nil
	}
	var p matcher
	rest := text
	if hand, ok := byHand[text]; ok {
		p = matcher{regexp.MustCompile(`\A(?:` + hand[0] + `)\z`), regexp.MustCompile(hand[1])}
		patterns.Store(text, p)
		return p, nil
	}
	if m := aheadAtStart.FindStringSubmatch(rest); m != nil {
		not, err := regexp.Compile(`^(?:` + m[1] + `)`)
		if err != nil {
			return p, err
		}
		p.not, rest = not, rest[len(m[0]):]
	}
	rest = surrogates.ReplaceAllString(rest, `\x{10000}-\x{10FFFF}`)
	rest = unicodeEscape.ReplaceAllString(rest, `\x{$1}`)
	re, err := regexp.Compile(`(?s)\A(?:` + rest + `)\z`)
	if err != nil {
		return p, err
	}
	p.re = re
	patterns.Store(text, p)
	return p, nil
}
