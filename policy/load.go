package policy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"cel.dev/cel-go/cel"

	"uratori/fact"
	"uratori/strictyaml"
)

// Load reads, compiles and checks a policy. name is the file's name in errors, each of which
// shows the line and underlines the spot; at most ten are told at once.
func Load(name string, data []byte) (Policy, error) {
	var f form
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return Policy{}, err
	}
	l := &loader{name: name, data: data, form: f, c: &compiled{features: map[string]feature{}}}
	l.load()
	if err := errors.Join(l.mistakes...); err != nil {
		return Policy{}, err
	}
	return Policy{data: slices.Clone(data), c: l.c}, nil
}

// maxMistakes is how many mistakes are told at once.
const maxMistakes = 10

type loader struct {
	name     string
	data     []byte
	form     form
	c        *compiled
	facts    *scope // conditions over facts
	judged   *scope // conditions over facts and the assessment
	mistakes []error
}

// wrong records a mistake in the value of a YAML path.
func (l *loader) wrong(path, format string, args ...any) {
	if len(l.mistakes) < maxMistakes {
		l.mistakes = append(l.mistakes, strictyaml.ErrorAt(l.name, l.data, path, fmt.Sprintf(format, args...)))
	}
}

// wrongIn records a mistake within the text of a condition.
func (l *loader) wrongIn(path, source string, err error) {
	if len(l.mistakes) >= maxMistakes {
		return
	}
	at := strictyaml.ErrorAt(l.name, l.data, path, err.Error())
	var m *mistake
	if errors.As(err, &m) {
		at.Hint = m.hint
		// The place is exact when the condition stands on one line as it was written.
		if i := strings.Index(at.SourceLine, source); source != "" && i >= 0 && !strings.Contains(source, "\n") {
			at.Col, at.Width = len([]rune(at.SourceLine[:i]))+m.offset+1, m.width
		}
	}
	l.mistakes = append(l.mistakes, at)
}

func (l *loader) load() {
	if l.form.Schema != formSchema {
		l.wrong("$.schema", "schema is %q; write %q, the form that this version reads", l.form.Schema, formSchema)
		return
	}
	if !l.features() {
		return
	}
	l.numbers()
	l.rules()
	l.contradictions()
	l.balance()
	l.evidence()
	l.decisions()
	l.gaps()
	l.actions()
}

var featureName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// features declares the variables of conditions. Without them nothing else can be checked.
func (l *loader) features() bool {
	vars := map[string]variable{}
	for _, name := range slices.Sorted(maps.Keys(l.form.Features)) {
		form, path := l.form.Features[name], "$.features."+quoted(name)
		if !featureName.MatchString(name) {
			l.wrong(path, "feature %q: a name is made of small letters, digits and underscores, such as new_asn", name)
			continue
		}
		refs, at := form.Most, path+".most"
		if form.Fact != "" {
			refs, at = append([]string{form.Fact}, refs...), path+".fact"
		}
		if len(refs) == 0 || form.Fact != "" && len(form.Most) > 0 {
			l.wrong(path, "feature %s names one fact (fact:) or several (most:)", name)
			continue
		}
		if form.Doc == "" {
			l.wrong(path, "feature %s has no doc; say what it tells", name)
		}
		f, def, ok := l.feature(name, refs, at)
		if !ok {
			continue
		}
		f.doc = form.Doc
		l.c.features[name] = f
		t, _ := celType(f.typ)
		vars[name] = variable{typ: t, choices: def.Choices}
	}
	if len(l.mistakes) > 0 {
		return false
	}
	var err error
	if l.facts, err = newScope(vars); err == nil {
		for name, v := range assessed {
			if _, taken := vars[name]; taken {
				l.wrong("$.features."+name, "%q is the name of a value of the assessment; take another", name)
			}
			vars[name] = v
		}
		l.judged, err = newScope(vars)
	}
	if err != nil {
		l.wrong("$.features", "%v", err)
	}
	return len(l.mistakes) == 0
}

// assessed are the values that conditions of actions may name beside the features.
var assessed = map[string]variable{
	"verdict":    {cel.StringType, verdictNames[1:]},
	"unrecorded": {cel.ListType(cel.StringType), nil}, // kinds of record that nobody collects, without those accepted
	"expired":    {cel.ListType(cel.StringType), nil}, // kinds of record whose acceptance has ended
	"explained":  {cel.BoolType, nil},                 // by the person, unconfirmed by logs
}

func (l *loader) feature(name string, refs []string, path string) (f feature, first fact.Def, ok bool) {
	f.name = name
	for i, s := range refs {
		at := path
		if strings.HasSuffix(path, ".most") {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		r := refOf(s)
		def, found := fact.DefOf(r.key)
		if !found {
			l.wrongIn(at, s, unknownFact(r.key))
			return f, first, false
		}
		if def.Kind == fact.Claimed {
			l.wrong(at, "fact %s is what an investigation that is not ours claims; nothing is judged by it", r.key)
			return f, first, false
		}
		if _, usable := celType(def.Type); !usable {
			l.wrong(at, "fact %s is no value that a condition can use; take one that is a truth, a count, a text or a time", r.key)
			return f, first, false
		}
		if !known(def, r.subject) {
			l.wrong(at, "fact %s has no subject %q; its subjects are %s", r.key, r.subject, strings.Join(subjects(def), ", "))
			return f, first, false
		}
		switch {
		case i == 0:
			first, f.typ = def, def.Type
		case def.Type != f.typ:
			l.wrong(at, "the facts of one feature are of one type")
			return f, first, false
		}
		f.facts = append(f.facts, r)
	}
	if len(refs) > 1 && f.typ != fact.Int && f.typ != fact.Bool {
		l.wrong(path, "only counts and truths can be compared by their most")
		return f, first, false
	}
	return f, first, true
}

func unknownFact(key fact.Key) error {
	var all []string
	for _, d := range fact.Defs() {
		all = append(all, string(d.Key))
	}
	return unknownWord("fact", string(key), all)
}

// openSubjects are facts whose subjects come from the evidence: they cannot be checked here.
const openSubjects = "coverage.state"

// subjects are the subjects that a fact has in every case.
func subjects(d fact.Def) []string {
	var out []string
	for _, f := range noFacts().Of(d.Key) {
		out = append(out, f.Subject)
	}
	return out
}

// noFacts is a case of which nothing is known: every declared fact, Unknown.
var noFacts = sync.OnceValue(func() fact.Facts { return fact.ForTest(nil) })

func known(d fact.Def, subject string) bool {
	return d.Key == openSubjects && subject != "" || d.Sometimes() && subject == "" || slices.Contains(subjects(d), subject)
}

// quoted makes a key safe to stand in a YAML path.
func quoted(key string) string {
	if featureName.MatchString(key) {
		return key
	}
	return "'" + strings.ReplaceAll(key, "'", "") + "'"
}

func (l *loader) numbers() {
	f := l.form
	if f.Base.Times < 0 || f.Base.Times > 10 {
		l.wrong("$.base.times", "times is %d; a severity goes to ten and a score to a hundred, so take 0 to 10", f.Base.Times)
	}
	if b := f.Bands; b.Medium <= 0 || b.High <= b.Medium || b.Critical <= b.High || b.Critical > maxScore {
		l.wrong("$.bands", "bands begin at %d, %d and %d; they must rise within 1 to %d", b.Medium, b.High, b.Critical, maxScore)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Groups)) {
		if f.Groups[name] <= 0 || f.Groups[name] > maxScore {
			l.wrong("$.groups."+quoted(name), "group %s may add %d points; take 1 to %d", name, f.Groups[name], maxScore)
		}
	}
	l.c.times, l.c.bands, l.c.groups = f.Base.Times, f.Bands, f.Groups
	for _, d := range []struct {
		name string
		text Text
	}{{"critical", f.Due.Critical}, {"high", f.Due.High}, {"medium", f.Due.Medium}, {"next_morning", f.Due.Morning}, {"low", f.Due.Low}} {
		l.text("$.due", "due "+d.name, d.text)
	}
	l.c.due = f.Due
}

// text requires one line in each language.
func (l *loader) text(path, of string, t Text) {
	for _, s := range []string{t.JA, t.EN} {
		if strings.TrimSpace(s) == "" {
			l.wrong(path, "%s needs a text in ja and in en", of)
			return
		}
		if strings.ContainsFunc(s, unicode.IsControl) {
			l.wrong(path, "%s: a text is one line", of)
			return
		}
	}
}

// condition compiles one, and holds its variables against needs. Variables in free need not
// be named there.
func (l *loader) condition(s *scope, path, source string, needs []string, free map[string]variable) condition {
	if source == "" {
		l.wrong(path, "there is no condition; write when: and needs:")
		return condition{}
	}
	c, err := s.compile(source)
	if err != nil {
		l.wrongIn(path+".when", source, err)
		return condition{}
	}
	for _, v := range c.vars {
		if _, ok := free[v]; !ok && !slices.Contains(needs, v) {
			l.wrongIn(path+".when", source, &mistake{
				offset: c.offsets[v], width: len(v), hint: "add it there",
				msg: fmt.Sprintf("the condition uses %s, which needs: does not name", v),
			})
		}
	}
	for i, n := range needs {
		at := fmt.Sprintf("%s.needs[%d]", path, i)
		switch _, ok := l.c.features[n]; {
		case !ok:
			l.wrongIn(at, n, l.unknownFeature(n))
		case !slices.Contains(c.vars, n):
			l.wrong(at, "the condition does not use %s; take it out of needs", n)
		case slices.Contains(needs[:i], n):
			l.wrong(at, "%s stands twice in needs", n)
		}
	}
	return c
}

func (l *loader) unknownFeature(name string) error {
	return unknownWord("feature", name, slices.Sorted(maps.Keys(l.c.features)))
}

// unknownWord is a name that stands where only known ones may.
func unknownWord(what, word string, known []string) error {
	return &mistake{width: max(1, len([]rune(word))), msg: fmt.Sprintf("unknown %s %q", what, word), hint: didYouMean(word, known)}
}

var idForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// id checks a name that must be alone of its kind.
func (l *loader) id(path, id string, seen map[string]bool) {
	switch {
	case !idForm.MatchString(id):
		l.wrong(path, "id %q: an id is made of small letters, digits and underscores, such as new_asn", id)
	case seen[id]:
		l.wrong(path, "id %q stands twice", id)
	}
	seen[id] = true
}

// truth requires that a name is a feature that is true or false, or a count.
func (l *loader) truth(path, name string) {
	switch f, ok := l.c.features[name]; {
	case name == "":
	case !ok:
		l.wrongIn(path, name, l.unknownFeature(name))
	case f.typ != fact.Bool && f.typ != fact.Int:
		l.wrong(path, "%s is no truth and no count; arises names a feature that is true or false, or a number", name)
	}
}
