package playbook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"uratori/evidence"
	"uratori/fact"
	"uratori/query"
)

// A LookUp asks what is known about one thing now, once its key is known. It has no window and
// no coverage: what a directory says of today is not a record of the past.
type LookUp struct {
	ID      string
	Title   Text
	Kind    evidence.LookupKind
	Keys    []string // parameters, "$person.upn"; the first that is known is the key
	Account string   // a literal or a "$parameter"; "" where the kind needs none
	Region  string
	Answers []string // facts that may rest on it
}

type lookUpYAML struct {
	ID      string    `yaml:"id"`
	Title   Text      `yaml:"title"`
	Kind    string    `yaml:"kind"`
	Key     oneOrMore `yaml:"key"`
	Account string    `yaml:"account"`
	Region  string    `yaml:"region"`
	Answers []string  `yaml:"answers"`
}

// oneOrMore is a text or a list of texts.
type oneOrMore []string

// UnmarshalYAML reads either.
func (o *oneOrMore) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	var more []string
	if err := unmarshal(&more); err != nil {
		return err
	}
	*o = more
	return nil
}

// lookUp checks everything of a look-up that can be known before its key is.
func (y lookUpYAML) lookUp() (LookUp, error) {
	l := LookUp{ID: y.ID, Title: y.Title, Kind: evidence.LookupKind(y.Kind), Keys: y.Key, Account: y.Account, Region: y.Region, Answers: y.Answers}
	wrong := func(field, format string, args ...any) (LookUp, error) {
		return LookUp{}, fieldError{field, fmt.Errorf("look-up %q: "+format, append([]any{y.ID}, args...)...)}
	}
	if y.ID == "" {
		return wrong("id", "needs an id")
	}
	var kinds []string
	for _, k := range evidence.LookupKinds() {
		kinds = append(kinds, string(k))
	}
	if !slices.Contains(kinds, y.Kind) {
		return wrong("kind", "unknown kind %q%s", y.Kind, didYouMean(y.Kind, kinds))
	}
	if len(y.Key) == 0 {
		return wrong("key", "needs a key, such as $person.upn")
	}
	types := fact.ParameterTypes()
	names := slices.Sorted(maps.Keys(types))
	for _, member := range []struct {
		field string
		list  []string
	}{{"key", y.Key}, {"account", []string{y.Account}}, {"region", []string{y.Region}}} {
		field := member.field
		for _, s := range member.list {
			p, param := strings.CutPrefix(s, "$")
			switch t, known := types[p]; {
			case !param && field == "key":
				return wrong(field, "%q is no parameter; write such as $person.upn", s)
			case param && !known:
				return wrong(field, "unknown parameter $%s%s", p, didYouMean(p, names))
			case param && t != query.Text && (field != "key" || t != query.IP && t != query.Set):
				return wrong(field, "$%s is no text", p)
			}
		}
	}
	if len(y.Answers) == 0 {
		return wrong("answers", "%w", errors.New("names no fact that may rest on it"))
	}
	for i, a := range y.Answers {
		if err := lookedUp(a); err != nil {
			return wrong(fmt.Sprintf("answers[%d]", i), "%w", err)
		}
	}
	return l, nil
}

// lookedUp checks that a pattern names facts.
func lookedUp(pattern string) error {
	group, all := strings.CutSuffix(pattern, "*")
	var keys []string
	for _, d := range fact.Defs() {
		if string(d.Key) == pattern || all && strings.HasPrefix(string(d.Key), group) {
			return nil
		}
		keys = append(keys, string(d.Key))
	}
	return fmt.Errorf("no fact is named %q%s", pattern, didYouMean(pattern, keys))
}

// Params are the facts that the look-up takes, sorted.
func (l LookUp) Params() []string {
	names := map[string]bool{}
	for _, s := range append([]string{l.Account, l.Region}, l.Keys...) {
		if p, ok := strings.CutPrefix(s, "$"); ok {
			names[p] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Bind fills in the parameters. missing names those that are not known; then it cannot be
// looked up yet.
func (l LookUp) Bind(values map[string]query.Value) (bound evidence.Lookup, missing []string) {
	text := func(s string) (string, bool) {
		p, param := strings.CutPrefix(s, "$")
		if !param {
			return s, true
		}
		v, ok := values[p]
		if v.Type() == query.Set {
			return strings.Join(words(v), " "), ok && len(words(v)) > 0
		}
		return v.Text(), ok && v.Text() != ""
	}
	bound.Kind = l.Kind
	keyed := false
	for _, k := range l.Keys {
		if s, ok := text(k); ok {
			bound.Key, keyed = s, true
			break
		}
	}
	if !keyed {
		for _, k := range l.Keys {
			missing = append(missing, strings.TrimPrefix(k, "$"))
		}
	}
	for _, part := range []struct {
		from string
		to   *string
	}{{l.Account, &bound.Account}, {l.Region, &bound.Region}} {
		s, ok := text(part.from)
		if !ok {
			missing = append(missing, strings.TrimPrefix(part.from, "$"))
		}
		*part.to = s
	}
	if len(missing) > 0 {
		return evidence.Lookup{Kind: l.Kind}, missing
	}
	return bound, nil
}

// words are the members of a set of addresses, which hold no blanks.
func words(v query.Value) (list []string) {
	members, _ := v.Set()
	for _, m := range members {
		list = append(list, m.Text())
	}
	return list
}
