package playbook

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"uratori/fact"
	"uratori/finding"
	"uratori/query"
	"uratori/source"
	"uratori/strictyaml"
)

// A Search is one that a person wrote in a source's own language, such as Splunk's, with whole
// values of facts as parameters. What it finds is shown, and nothing is concluded from it.
type Search struct {
	ID       string
	Families []string // of the findings it is made for; empty for every finding
	Title    Text
	Source   string // name of the source in the configuration
	Text     string
	Params   []string // facts that Text takes, sorted; see [Set.Understand]
	Window   Window
	Columns  []string
	Limit    int // rows that are kept

	read bool
}

// SearchesName is the file beside playbooks that holds searches; there is none by default.
const SearchesName = "searches.yaml"

// maxSearchRows bounds what a search may bring into a report; searchRows is what it brings if
// nothing is said.
const (
	maxSearchRows = 200
	searchRows    = 50
)

type (
	searchesFile struct {
		Searches []searchYAML `yaml:"searches"`
	}
	searchYAML struct {
		ID       string     `yaml:"id"`
		Families []string   `yaml:"families"`
		Title    Text       `yaml:"title"`
		Source   string     `yaml:"source"`
		Search   string     `yaml:"search"`
		Window   windowYAML `yaml:"window"`
		Columns  []string   `yaml:"columns"`
		Limit    int        `yaml:"limit"`
	}
)

// search checks everything of a search that can be known without knowing its language.
func (y searchYAML) search() (Search, error) {
	s := Search{ID: y.ID, Families: y.Families, Title: y.Title, Source: y.Source, Text: y.Search, Columns: y.Columns, Limit: y.Limit}
	wrong := func(field, format string, args ...any) (Search, error) {
		return Search{}, fieldError{field, fmt.Errorf("search %q: "+format, append([]any{y.ID}, args...)...)}
	}
	var err error
	switch s.Window, err = y.Window.window(); {
	case y.ID == "":
		return wrong("id", "needs an id")
	case y.Source == "":
		return wrong("source", "needs the name of the source that takes it, as in the configuration")
	case y.Search == "":
		return wrong("search", "needs a text")
	case len(y.Columns) == 0 || slices.Contains(y.Columns, ""):
		return wrong("columns", "needs the columns of its rows that are kept")
	case y.Limit < 0 || y.Limit > maxSearchRows:
		return wrong("limit", "is 1 to %d rows", maxSearchRows)
	case err != nil:
		return wrong("window", "%w", err)
	}
	if s.Limit == 0 {
		s.Limit = searchRows
	}
	for i, f := range y.Families {
		if known := append(finding.Families(), Generic); !slices.Contains(known, f) {
			return wrong(fmt.Sprintf("families[%d]", i), "unknown family %q%s", f, didYouMean(f, known))
		}
	}
	if err := s.Window.check(fact.ParameterTypes()); err != nil {
		return wrong("window", "%w", err)
	}
	return s, nil
}

func (s *Set) readSearches(where string, data []byte) error {
	var y searchesFile
	name := path.Join(where, SearchesName)
	if err := strictyaml.Decode(name, data, &y); err != nil {
		return err
	}
	for i, one := range y.Searches {
		search, err := one.search()
		if err == nil && slices.ContainsFunc(s.searches, func(have Search) bool { return have.ID == search.ID }) {
			err = fmt.Errorf("search %q stands twice", search.ID)
		}
		if err != nil {
			return at(name, data, fmt.Sprintf("$.searches[%d].%s", i, field(err)), err)
		}
		s.searches = append(s.searches, search)
	}
	return nil
}

// Searches are all searches in the order of their file.
func (s Set) Searches() []Search { return slices.Clone(s.searches) }

// SearchesFor are the searches that are made for findings of a family.
func (s Set) SearchesFor(family string) (list []Search) {
	for _, one := range s.searches {
		if len(one.Families) == 0 || slices.Contains(one.Families, family) {
			list = append(list, one)
		}
	}
	return list
}

// Understand has every search read by who knows the language of its source: params are the
// facts that a text takes. The error names the file and the place. A search that nobody read is
// never made.
func (s Set) Understand(read func(Search) (params []string, err error)) (Set, error) {
	s.searches = slices.Clone(s.searches)
	for i, one := range s.searches {
		params, err := read(one)
		if err != nil {
			return Set{}, at(path.Join(s.where, SearchesName), s.files[SearchesName], fmt.Sprintf("$.searches[%d].search", i), fmt.Errorf("search %q: %w", one.ID, err))
		}
		s.searches[i].Params, s.searches[i].read = params, true
	}
	return s, nil
}

// errUnread is a bug of ours: see [Set.Understand].
var errUnread = errors.New("the search was read by nobody who knows its language")

// Bind fills in the parameters. missing names those that are not known; then the search cannot
// be made yet.
func (s Search) Bind(values map[string]query.Value) (bound source.Search, missing []string, err error) {
	if !s.read {
		return source.Search{}, nil, fmt.Errorf("bind search %q: %w", s.ID, errUnread)
	}
	bound = source.Search{Text: s.Text, Types: fact.ParameterTypes(), Columns: s.Columns, Values: map[string]query.Value{}, Limit: s.Limit}
	need := append(s.Window.params(), s.Params...)
	slices.Sort(need)
	for _, p := range slices.Compact(need) {
		v, ok := values[p]
		if !ok {
			missing = append(missing, p)
			continue
		}
		bound.Values[p] = v
	}
	if len(missing) > 0 {
		return source.Search{}, missing, nil
	}
	bound.Window = s.Window.bind(values)
	return bound, nil, nil
}

// params are the facts that a window takes.
func (w Window) params() []string {
	names := map[string]bool{}
	for _, s := range []string{w.Around, w.From, w.To} {
		if s != "" {
			names[s[1:]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
