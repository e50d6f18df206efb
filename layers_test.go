package uratori_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// layers is the map of the program: what each package may import of ours. Read it first; add a
// line when you add a package. The arrows point one way, from cmd down to finding and query.
// Test files may import more, save for what never says.
var layers = map[string][]string{
	// words of the trade; they know nothing of each other
	"nearest":          {},
	"calendar":         {},
	"finding":          {},
	"finding/gentypes": {},
	"ledger":           {},
	"people":           {"nearest"},
	"phrase":           {},
	"query":            {"nearest"},
	"strictyaml":       {"nearest"},

	// what was answered, and what follows from it
	"evidence": {"query"},
	"fact":     {"finding", "query", "evidence", "calendar"},

	// where questions come from, and where they are asked
	"source":            {"query", "evidence", "ledger"},
	"source/call":       {"source"},
	"source/awsconn":    {"source", "source/call"},
	"source/awslookup":  {"evidence", "source", "source/awsconn"},
	"source/awslogs":    {"query", "evidence", "source", "source/awsconn", "source/coverage"},
	"source/sourcetest": {"query", "evidence", "source", "source/local"}, // for tests only
	"source/coverage":   {"query", "evidence"},
	"source/local":      {"query", "evidence", "ledger", "source", "source/coverage"},
	"source/scripted":   {"query", "evidence", "source"},
	"source/entra":      {"query", "evidence", "source", "source/call", "source/local", "people"},
	"source/graphtest":  {}, // for tests only
	"source/splunk":     {"query", "evidence", "source", "source/call", "source/local"},
	"source/splunktest": {}, // for tests only; shares nothing with what it is asked by
	"source/cloudtrail": {"query", "evidence", "source", "source/awsconn", "source/call", "source/coverage", "source/local"},
	"source/awstest":    {},                 // for tests only; shares nothing with what it tests
	"source/athenatest": {"source/awstest"}, // the same
	"source/athena":     {"query", "evidence", "source", "source/awsconn", "source/call", "source/coverage", "source/local"},
	"playbook":          {"finding", "query", "evidence", "fact", "source", "strictyaml"},
	"guardduty":         {"finding", "evidence", "source", "source/awsconn"},
	"source/directory":  {"evidence", "source", "people"},
	"source/knowledge":  {"evidence"},
	"source/pastcases":  {"evidence", "finding", "bundle"},
	"gather":            {"playbook", "fact", "source", "evidence", "query", "finding", "ledger"},
	"gather/cases":      {"playbook", "gather", "fact", "evidence", "query", "finding", "ledger", "source", "strictyaml"},

	// from facts to a report
	"policy":        {"fact", "evidence", "strictyaml"},
	"narrative":     {"evidence", "fact", "policy", "phrase"},
	"verify":        {"narrative", "phrase", "policy", "fact", "evidence", "finding"},
	"report":        {"verify", "phrase", "policy", "fact", "evidence", "finding", "query"},
	"verify/reread": {"verify", "phrase", "policy", "fact", "evidence", "finding", "query"},
	"bundle":        {"finding", "evidence", "narrative"},

	// around it
	"scenario":       {"finding", "calendar"},
	"scenario/kinds": {"finding"},
	"config":         {"strictyaml", "calendar", "secret"},
	"secret":         {},
	"access":         {},
	"doctor":         {"playbook", "policy", "source", "query", "evidence"},
	"investigate":    {"finding", "query", "evidence", "fact", "source", "playbook", "gather", "policy", "phrase", "narrative", "verify", "verify/reread", "report", "bundle", "ledger"},
	"cmd/uratori":    {"*"}, // wires all of it

	// for tests only: it holds what was judged against the truth of its scenario
	"investigate/truthtest": {"scenario", "policy", "fact"},
}

// never holds for tests and for whatever is imported on the way, too: what makes the truth, and
// what reads reports back, must not know what it is held against.
var never = map[string][]string{
	"scenario":       {"query", "evidence", "fact", "source", "source/local", "playbook", "gather", "policy", "phrase", "narrative", "verify", "verify/reread", "report", "bundle", "investigate"},
	"scenario/kinds": {"query", "evidence", "fact", "source", "source/local", "playbook", "gather", "policy", "phrase", "narrative", "verify", "verify/reread", "report", "bundle", "investigate"},
	"verify/reread":  {"report"},
}

// imports are packages by folder, each with a file that imports it.
type imports map[string]map[string]string

// read reads the files themselves: what `go list` says may come from a cache. It tells the
// imports of the code, whatever its build tags, from those of the tests.
func read(fsys fs.FS) (code, tests imports, err error) {
	code, tests = imports{}, imports{}
	err = fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || slices.Contains([]string{"testdata", "tools", "bin", "out"}, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		into := code
		if strings.HasSuffix(name, "_test.go") {
			into = tests
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		if into[dir] == nil {
			into[dir] = map[string]string{}
		}
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(p, "uratori/"); ok {
				into[dir][ours] = file
			}
		}
		return nil
	})
	return code, tests, err
}

// problems is what is wrong with the imports, held against a map such as layers and never.
func problems(code, tests imports, layers, never map[string][]string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, dir := range slices.Sorted(maps.Keys(code)) {
		allowed, ok := layers[dir]
		if !ok {
			say("package %s is missing in layers; add a line that says what it may import", dir)
			continue
		}
		for _, imp := range slices.Sorted(maps.Keys(code[dir])) {
			if !slices.Contains(allowed, imp) && !slices.Contains(allowed, "*") {
				say("%s imports %s, which %s may not", code[dir][imp], imp, dir)
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(layers)) {
		if _, ok := code[dir]; !ok {
			say("layers has a line for %s, which has no code", dir)
		}
		if trail := circle(dir, layers); trail != nil {
			say("layers allows a circle: %s", strings.Join(trail, " -> "))
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(never)) {
		for _, bad := range never[dir] {
			if trail := path(dir, bad, code, tests[dir]); trail != nil {
				say("%s reaches %s, which it may not even in a test: %s", dir, bad, strings.Join(trail, " -> "))
			}
		}
	}
	return out
}

// circle is a way from dir back to itself along what is allowed, nil if there is none.
func circle(dir string, layers map[string][]string) []string {
	allowed := imports{}
	for from, list := range layers {
		allowed[from] = map[string]string{}
		for _, to := range list {
			allowed[from][to] = ""
		}
	}
	return path(dir, dir, allowed, nil)
}

// path is a way of at least one step from one package to another, nil if there is none. more are
// imports that the first package has besides.
func path(from, to string, code imports, more map[string]string) []string {
	seen := map[string]bool{}
	var walk func(next map[string]string) []string
	walk = func(next map[string]string) []string {
		for _, n := range slices.Sorted(maps.Keys(next)) {
			if n == to {
				return []string{n}
			}
			if seen[n] {
				continue
			}
			seen[n] = true
			if trail := walk(code[n]); trail != nil {
				return append([]string{n}, trail...)
			}
		}
		return nil
	}
	first := map[string]string{}
	maps.Copy(first, more)
	maps.Copy(first, code[from])
	if trail := walk(first); trail != nil {
		return append([]string{from}, trail...)
	}
	return nil
}

func TestImportsRunOneWay(t *testing.T) {
	code, tests, err := read(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems(code, tests, layers, never) {
		t.Error(p)
	}
}

// The test above would be green on any tree if problems saw nothing.
func TestProblemsAreSeen(t *testing.T) {
	tree := fstest.MapFS{}
	for name, imports := range map[string]string{
		"low/low.go":            `"fmt"`,
		"mid/mid.go":            `"uratori/low"`,
		"mid/linux.go":          `. "uratori/top"`, // other forms of import count, too
		"top/top.go":            `"uratori/mid"`,
		"new/new.go":            `"uratori/low"`,
		"truth/truth.go":        `"uratori/low"`,
		"truth/truth_test.go":   `"uratori/top"`,
		"low/low_test.go":       `"uratori/top"`, // tests may
		"low/testdata/x/x.go":   `"uratori/nowhere"`,
		"tools/tools.go":        `"uratori/nowhere"`,
		"low/.hidden/hidden.go": `"uratori/nowhere"`,
	} {
		tree[name] = &fstest.MapFile{Data: []byte("//go:build linux\n\npackage x\n\nimport " + imports + "\n")}
	}
	code, tests, err := read(tree)
	if err != nil {
		t.Fatal(err)
	}
	got := problems(code, tests, map[string][]string{
		"low": {}, "mid": {"low"}, "top": {"*"}, "truth": {"low"}, "gone": {}, "egg": {"hen"}, "hen": {"egg"},
	}, map[string][]string{"truth": {"mid"}})
	want := []string{
		"mid/linux.go imports top, which mid may not",
		"package new is missing in layers; add a line that says what it may import",
		"layers has a line for egg, which has no code",
		"layers allows a circle: egg -> hen -> egg",
		"layers has a line for gone, which has no code",
		"layers has a line for hen, which has no code",
		"layers allows a circle: hen -> egg -> hen",
		"truth reaches mid, which it may not even in a test: truth -> top -> mid",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
