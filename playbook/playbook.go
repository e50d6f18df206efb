// Package playbook says which questions a kind of finding raises.
//
// A playbook is data. Its questions take whole typed values from the finding and from
// earlier facts ("$person.upn"), never pieces of text; all of it is checked when it is
// loaded, so that a question which is asked is well formed.
package playbook

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"uratori/fact"
	"uratori/finding"
	"uratori/query"
	"uratori/strictyaml"
)

//go:embed default/*.yaml
var defaults embed.FS

// Text is a sentence in both languages.
type Text struct {
	JA string `yaml:"ja"`
	EN string `yaml:"en"`
}

// A Playbook is the list of questions for some families of findings.
type Playbook struct {
	ID        string
	Families  []string // of the catalogue of finding types; "generic" takes every other
	Title     Text
	Questions []Question
	LookUps   []LookUp
	Searches  []Search // that people wrote, of the finding's family; set by [Set.For]
}

// A Question is one query with parameters that are not known yet.
type Question struct {
	ID      string
	Subject string // whom it is about, when several questions answer the same facts
	Title   Text
	Scope   Scope
	Window  Window
	Query   query.Query // Where may hold parameters; its window is set by Bind
	Answers []string    // facts that may rest on it
}

// A Scope is what must be covered; each part is a literal or a "$parameter".
type Scope struct {
	Kind    string `yaml:"kind"`
	Account string `yaml:"account"`
	Region  string `yaml:"region"`
}

// A Window is built around times that are facts.
type Window struct {
	Around string        // "$event.time"
	Before time.Duration // reaches back from Around
	After  time.Duration // and forward
	From   string        // or explicitly: "$finding.first_seen", widened by Before
	To     string        // and "$finding.last_seen", widened by After
}

// A Set is all playbooks, by id.
type Set struct {
	books     map[string]Playbook
	questions []Question // also those that no playbook asks
	searches  []Search
	files     map[string][]byte // as read, for the bundle
	where     string            // the folder they were read from, for messages
}

// Default returns the playbooks that come with the program.
func Default() (Set, error) {
	sub, err := fs.Sub(defaults, "default")
	if err != nil {
		return Set{}, fmt.Errorf("open embedded playbooks: %w", err)
	}
	return read(sub, "playbook")
}

// Load returns the default playbooks with those of a folder laid over them: a file of the
// same name replaces the default one.
func Load(dir string) (Set, error) {
	base, err := fs.Sub(defaults, "default")
	if err != nil {
		return Set{}, fmt.Errorf("open embedded playbooks: %w", err)
	}
	return readFiles([]layer{{base, "playbook"}, {os.DirFS(dir), dir}})
}

// CasesName is the file beside playbooks that holds their table cases; it is no playbook.
const CasesName = "cases.yaml"

// DefaultCases are the cases that the default playbooks are held against.
func DefaultCases() []byte {
	data, err := defaults.ReadFile("default/" + CasesName)
	if err != nil {
		panic(fmt.Sprintf("read embedded cases: %v", err)) // embedded above
	}
	return data
}

// FromFiles returns playbooks from files as [Set.Files] gave them.
func FromFiles(files map[string][]byte) (Set, error) { return build(files, "playbook") }

// Files are the bytes of every file the set was read from, by name.
func (s Set) Files() map[string][]byte { return maps.Clone(s.files) }

// All are the playbooks by id.
func (s Set) All() []Playbook {
	var out []Playbook
	for _, id := range slices.Sorted(maps.Keys(s.books)) {
		out = append(out, s.books[id])
	}
	return out
}

// Questions are all questions that playbooks may choose from, in the order of their file.
func (s Set) Questions() []Question { return slices.Clone(s.questions) }

// Get is the playbook of that id.
func (s Set) Get(id string) (Playbook, bool) {
	b, ok := s.books[id]
	return b, ok
}

// For is the playbook for a finding: of its family, else the generic one.
func (s Set) For(f finding.Finding) Playbook {
	family := finding.FamilyOf(f)
	book := s.books[Generic]
	for _, b := range s.All() {
		if slices.Contains(b.Families, family) {
			book = b
			break
		}
	}
	book.Searches = s.SearchesFor(family)
	return book
}

// Generic is the playbook that takes every finding no other does.
const Generic = "generic"

type layer struct {
	fs   fs.FS
	name string
}

func read(dir fs.FS, name string) (Set, error) { return readFiles([]layer{{dir, name}}) }

func readFiles(layers []layer) (Set, error) {
	files := map[string][]byte{}
	name := ""
	for _, l := range layers {
		name = l.name
		entries, err := fs.ReadDir(l.fs, ".")
		if err != nil {
			return Set{}, fmt.Errorf("read playbooks in %s: %w", l.name, err)
		}
		for _, e := range entries {
			if e.IsDir() || !strings.HasSuffix(e.Name(), ".yaml") || e.Name() == CasesName {
				continue
			}
			data, err := fs.ReadFile(l.fs, e.Name())
			if err != nil {
				return Set{}, fmt.Errorf("read playbook %s: %w", path.Join(l.name, e.Name()), err)
			}
			files[e.Name()] = data
		}
	}
	return build(files, name)
}

// The forms of the files.
type (
	questionsFile struct {
		Questions []questionYAML `yaml:"questions"`
		LookUps   []lookUpYAML   `yaml:"look_ups"`
	}
	questionYAML struct {
		ID      string          `yaml:"id"`
		Subject string          `yaml:"subject"`
		Title   Text            `yaml:"title"`
		Dataset string          `yaml:"dataset"`
		Scope   Scope           `yaml:"scope"`
		Window  windowYAML      `yaml:"window"`
		Where   string          `yaml:"where"`
		Select  []string        `yaml:"select"`
		GroupBy []string        `yaml:"group_by"`
		Compute []aggregateYAML `yaml:"compute"`
		Order   []string        `yaml:"order"`
		Limit   int             `yaml:"limit"`
		Answers []string        `yaml:"answers"`
	}
	windowYAML struct {
		Around string `yaml:"around"`
		From   string `yaml:"from"`
		To     string `yaml:"to"`
		Before string `yaml:"before"`
		After  string `yaml:"after"`
	}
	aggregateYAML struct {
		Func  string `yaml:"func"`
		Field string `yaml:"field"`
		As    string `yaml:"as"`
		Limit int    `yaml:"limit"`
	}
	bookYAML struct {
		ID       string   `yaml:"id"`
		Families []string `yaml:"families"`
		Title    Text     `yaml:"title"`
		Ask      []string `yaml:"ask"`
		LookUp   []string `yaml:"look_up"`
	}
)

// questionsName is the file that holds the questions all playbooks choose from.
const questionsName = "questions.yaml"

func build(files map[string][]byte, where string) (Set, error) {
	set := Set{books: map[string]Playbook{}, files: files, where: where}
	if data, ok := files[SearchesName]; ok {
		if err := set.readSearches(where, data); err != nil {
			return Set{}, err
		}
	}
	name := path.Join(where, questionsName)
	var qf questionsFile
	if err := strictyaml.Decode(name, files[questionsName], &qf); err != nil {
		return Set{}, err
	}
	known := map[string]Question{}
	var ids []string
	for i, y := range qf.Questions {
		q, err := y.question()
		if err == nil && known[q.ID].ID != "" {
			err = fmt.Errorf("question %q stands twice", q.ID)
		}
		if err != nil {
			return Set{}, at(name, files[questionsName], fmt.Sprintf("$.questions[%d].%s", i, field(err)), err)
		}
		known[q.ID], ids = q, append(ids, q.ID)
		set.questions = append(set.questions, q)
	}
	looks := map[string]LookUp{}
	var lookIDs []string
	for i, y := range qf.LookUps {
		l, err := y.lookUp()
		if err == nil && (looks[l.ID].ID != "" || known[l.ID].ID != "") {
			err = fmt.Errorf("look-up %q stands twice, or is a question's id", l.ID)
		}
		if err != nil {
			return Set{}, at(name, files[questionsName], fmt.Sprintf("$.look_ups[%d].%s", i, field(err)), err)
		}
		looks[l.ID], lookIDs = l, append(lookIDs, l.ID)
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if file == questionsName || file == SearchesName {
			continue
		}
		var y bookYAML
		name := path.Join(where, file)
		if err := strictyaml.Decode(name, files[file], &y); err != nil {
			return Set{}, err
		}
		b := Playbook{ID: y.ID, Families: y.Families, Title: y.Title}
		for i, id := range y.Ask {
			q, ok := known[id]
			if !ok {
				return Set{}, at(name, files[file], fmt.Sprintf("$.ask[%d]", i), fmt.Errorf("unknown question %q%s", id, didYouMean(id, ids)))
			}
			b.Questions = append(b.Questions, q)
		}
		for i, id := range y.LookUp {
			l, ok := looks[id]
			if !ok {
				return Set{}, at(name, files[file], fmt.Sprintf("$.look_up[%d]", i), fmt.Errorf("unknown look-up %q%s", id, didYouMean(id, lookIDs)))
			}
			b.LookUps = append(b.LookUps, l)
		}
		if b.ID == "" || len(b.Questions) == 0 {
			return Set{}, at(name, files[file], "$", errors.New("a playbook needs an id and a list of questions under \"ask\""))
		}
		if _, twice := set.books[b.ID]; twice {
			return Set{}, at(name, files[file], "$.id", fmt.Errorf("playbook %q stands twice", b.ID))
		}
		set.books[b.ID] = b
	}
	if _, ok := set.books[Generic]; !ok {
		return Set{}, fmt.Errorf("playbooks in %s: there is no playbook %q for findings that no other takes", where, Generic)
	}
	return set, nil
}

// A fieldError names the member of a question that is wrong.
type fieldError struct {
	field string
	err   error
}

func (e fieldError) Error() string { return e.err.Error() }
func (e fieldError) Unwrap() error { return e.err }

func field(err error) string {
	var f fieldError
	if errors.As(err, &f) {
		return f.field
	}
	return "id"
}

func at(name string, data []byte, place string, err error) error {
	return strictyaml.ErrorAt(name, data, place, err.Error())
}

func didYouMean(word string, known []string) string {
	if n, ok := strictyaml.Nearest(word, known); ok {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

func (y questionYAML) question() (Question, error) {
	q := Question{ID: y.ID, Subject: y.Subject, Title: y.Title, Scope: y.Scope, Answers: y.Answers}
	ds := query.Dataset(y.Dataset)
	q.Query = query.Query{Dataset: ds, Limit: y.Limit}
	wrong := func(field string, err error) (Question, error) {
		return Question{}, fieldError{field, fmt.Errorf("question %q: %w", y.ID, err)}
	}
	if y.ID == "" {
		return wrong("id", errors.New("needs an id"))
	}
	if y.Where != "" {
		e, err := query.ParseExpr(ds, y.Where)
		if err != nil {
			return wrong("where", err)
		}
		q.Query.Where = e
	}
	for _, s := range y.Select {
		q.Query.Select = append(q.Query.Select, query.Field(s))
	}
	for _, g := range y.GroupBy {
		k := query.Key{Field: query.Field(g)}
		if inner, ok := strings.CutPrefix(g, "quarter("); ok {
			k = query.Key{Field: query.Field(strings.TrimSuffix(inner, ")")), Quarter: true}
		}
		q.Query.GroupBy = append(q.Query.GroupBy, k)
	}
	for _, c := range y.Compute {
		q.Query.Compute = append(q.Query.Compute, query.Aggregate{Func: query.Func(c.Func), Field: query.Field(c.Field), As: c.As, Limit: c.Limit})
	}
	for _, o := range y.Order {
		by, desc := strings.CutSuffix(o, " desc")
		q.Query.Order = append(q.Query.Order, query.Order{By: by, Desc: desc})
	}
	w, err := y.Window.window()
	if err != nil {
		return wrong("window", err)
	}
	q.Window = w
	if err := q.check(); err != nil {
		return Question{}, err
	}
	return q, nil
}

func (y windowYAML) window() (Window, error) {
	w := Window{Around: y.Around, From: y.From, To: y.To}
	if (y.Around == "") == (y.From == "" || y.To == "") {
		return w, errors.New("a window is either {around, before, after} or {from, to, before, after}")
	}
	var err error
	if w.Before, err = span(y.Before); err != nil {
		return w, err
	}
	w.After, err = span(y.After)
	return w, err
}

// span reads "30d", "24h" or "15m".
func span(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	var n int
	var unit string
	if _, err := fmt.Sscanf(s, "%d%s", &n, &unit); err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no length of time; write such as \"30d\", \"24h\" or \"15m\"", s)
	}
	switch unit {
	case "d":
		return time.Duration(n) * 24 * time.Hour, nil
	case "h":
		return time.Duration(n) * time.Hour, nil
	case "m":
		return time.Duration(n) * time.Minute, nil
	case "s":
		return time.Duration(n) * time.Second, nil
	}
	return 0, fmt.Errorf("%q has no known unit; write such as \"30d\", \"24h\", \"15m\" or \"60s\"", s)
}

// longest is the longest time between the two ends of a window, before it is widened. GuardDuty keeps
// a finding for 90 days (Amazon GuardDuty User Guide, "Managing GuardDuty findings"); one that is
// renewed may span more. What lies further apart is no time of one finding: see
// [uratori/finding.Finding.Contradictions].
const longest = 366 * 24 * time.Hour

// bind is the window once its times are known. Where the end lies before the beginning, the
// beginning is all there is to go by.
func (w Window) bind(values map[string]query.Value) query.Window {
	when := func(s string) time.Time { return values[strings.TrimPrefix(s, "$")].Time() }
	from, to := w.From, w.To
	if w.Around != "" {
		from, to = w.Around, w.Around
	}
	begin, end := when(from), when(to)
	end = begin.Add(min(max(end.Sub(begin), 0), longest))
	return query.Window{From: begin.Add(-w.Before), To: end.Add(w.After)}
}

// check tells of a time of the window that is none.
func (w Window) check(types map[string]query.Type) error {
	for _, p := range []string{w.Around, w.From, w.To} {
		if n, param := strings.CutPrefix(p, "$"); p != "" && (!param || types[n] != query.Time) {
			return fmt.Errorf("%s is no time; take a fact of type time such as $event.time", p)
		}
	}
	return nil
}

// check asks everything of a question that can be known before its parameters are.
func (q Question) check() error {
	wrong := func(field, format string, args ...any) error {
		return fieldError{field, fmt.Errorf("question %q: "+format, append([]any{q.ID}, args...)...)}
	}
	types := fact.ParameterTypes()
	names := slices.Sorted(maps.Keys(types))
	for _, p := range q.Params() {
		if _, ok := types[p]; !ok {
			return wrong("where", "unknown parameter $%s%s", p, didYouMean(p, names))
		}
	}
	if err := q.Window.check(types); err != nil {
		return wrong("window", "%w", err)
	}
	probe := q.Query
	probe.Window = query.Window{From: time.Unix(0, 0), To: time.Unix(3600, 0)}
	sample := map[string]query.Value{}
	for _, p := range query.Params(probe) {
		sample[p] = sampleOf(types[p])
		if fact.AddressSet(p) {
			sample[p] = query.SetOf([]query.Value{query.IPOf("192.0.2.1")}, false)
		}
	}
	bound, err := query.Bind(probe, sample)
	if err == nil {
		err = query.Check(bound)
	}
	if err != nil {
		return wrong("where", "%w", err)
	}
	columns := Columns(q.Query)
	for i, a := range q.Answers {
		if err := answered(a, columns); err != nil {
			return wrong(fmt.Sprintf("answers[%d]", i), "%w", err)
		}
	}
	return nil
}

// sampleOf is any value of a type, for checking a question whose parameters are not known.
func sampleOf(t query.Type) query.Value {
	switch t {
	case query.Time:
		return query.TimeOf(time.Unix(0, 0))
	case query.Int:
		return query.IntOf(0)
	case query.IP:
		return query.IPOf("192.0.2.1")
	case query.Set:
		return query.SetOf([]query.Value{query.TextOf("x")}, false)
	case query.Bool:
		return query.BoolOf(true)
	case query.Null, query.Text, query.JSON, query.Param:
		return query.TextOf("x")
	default:
		return query.TextOf("x")
	}
}

// Columns are the names of the columns that an answer will have.
func Columns(q query.Query) []string {
	var out []string
	for _, f := range q.Select {
		out = append(out, string(f))
	}
	for _, k := range q.GroupBy {
		out = append(out, k.Name())
	}
	for _, c := range q.Compute {
		out = append(out, c.As)
	}
	return out
}

// answered checks that the facts a pattern names exist and find the columns they read.
func answered(pattern string, columns []string) error {
	group, all := strings.CutSuffix(pattern, "*")
	var keys []string
	hit := false
	for _, d := range fact.Defs() {
		keys = append(keys, string(d.Key))
		if string(d.Key) != pattern && (!all || !strings.HasPrefix(string(d.Key), group)) {
			continue
		}
		hit = true
		for _, c := range d.Reads {
			if !slices.Contains(columns, c) {
				return fmt.Errorf("fact %s reads column %q, which the answer has not; add it to select or compute", d.Key, c)
			}
		}
	}
	if !hit {
		return fmt.Errorf("no fact is named %q%s", pattern, didYouMean(pattern, keys))
	}
	return nil
}

// Params are the facts that the question takes, sorted.
func (q Question) Params() []string {
	names := map[string]bool{}
	for _, p := range query.Params(q.Query) {
		names[p] = true
	}
	for _, s := range []string{q.Scope.Kind, q.Scope.Account, q.Scope.Region, q.Window.Around, q.Window.From, q.Window.To} {
		if p, ok := strings.CutPrefix(s, "$"); ok {
			names[p] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Cut are the facts among the question's parameters whose sets hold only some of their values:
// an answer to it is a part of the whole answer.
func (q Question) Cut(values map[string]query.Value) (out []string) {
	for _, p := range q.Params() {
		if _, cut := values[p].Set(); cut {
			out = append(out, p)
		}
	}
	return out
}

// Bind fills in the parameters. missing names those that are not known; then the question
// cannot be asked yet.
func (q Question) Bind(values map[string]query.Value) (bound query.Query, scope query.Scope, missing []string, err error) {
	for _, p := range q.Params() {
		if _, ok := values[p]; !ok {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		return query.Query{}, query.Scope{Kind: literal(q.Scope.Kind)}, missing, nil
	}
	text := func(s string) string {
		if p, ok := strings.CutPrefix(s, "$"); ok {
			return values[p].Text()
		}
		return s
	}
	q.Query.Window = q.Window.bind(values)
	if bound, err = query.Bind(q.Query, values); err == nil {
		err = query.Check(bound)
	}
	if err != nil {
		return query.Query{}, query.Scope{}, nil, fmt.Errorf("bind question %q: %w", q.ID, err)
	}
	scope = query.Scope{Kind: text(q.Scope.Kind), Account: text(q.Scope.Account), Region: text(q.Scope.Region), Window: bound.Window}
	return bound, scope, nil, nil
}

// literal is s unless it is a parameter.
func literal(s string) string {
	if strings.HasPrefix(s, "$") {
		return ""
	}
	return s
}
