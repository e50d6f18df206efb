package uratori_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the map of the program: what each package may import of ours. Read it first; add a
// line when you add a package. The arrows point one way, from cmd down to finding and query.
var layers = map[string][]string{
	"nearest":          {},
	"calendar":         {},
	"finding":          {},
	"ledger":           {},
	"phrase":           {},
	"strictyaml":       {"nearest"},
	"query":            {"nearest"},
	"evidence":         {"query"},
	"fact":             {"finding", "query", "evidence", "calendar"},
	"source":           {"query", "evidence", "ledger"},
	"source/local":     {"query", "evidence", "ledger", "source"},
	"source/scripted":  {"query", "evidence", "source"},
	"playbook":         {"finding", "query", "fact", "strictyaml"},
	"gather":           {"playbook", "fact", "source", "evidence", "query", "finding", "ledger"},
	"policy":           {"fact", "evidence", "strictyaml"},
	"narrative":        {"fact", "policy", "phrase"},
	"verify":           {"narrative", "phrase", "policy", "fact", "evidence", "finding"},
	"report":           {"verify", "phrase", "policy", "fact", "evidence", "finding", "query"},
	"verify/reread":    {"verify", "phrase", "policy", "fact", "evidence", "finding", "query"},
	"bundle":           {"finding", "evidence", "narrative"},
	"scenario":         {"finding", "calendar"},
	"config":           {"strictyaml", "calendar"},
	"investigate":      {"finding", "query", "evidence", "fact", "source", "playbook", "gather", "policy", "phrase", "narrative", "verify", "verify/reread", "report", "bundle", "ledger"},
	"cmd/uratori":      {"*"}, // wires all of it
	"finding/gentypes": {},
}

// never are imports that not even tests may have: what makes the truth, and what reads reports
// back, must not know what it is held against.
var never = map[string][]string{
	"scenario":      {"fact", "gather", "policy", "narrative", "verify", "report", "investigate", "query", "evidence", "source/local"},
	"verify/reread": {"report"},
}

// imports reads the files themselves: what `go list` says may come from a cache.
func imports(t *testing.T) (code, tests map[string]map[string]string) {
	t.Helper()
	code, tests = map[string]map[string]string{}, map[string]map[string]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (strings.HasPrefix(name, ".") && name != "." || name == "testdata" || name == "tools" || name == "bin" || name == "out") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
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
	if err != nil {
		t.Fatal(err)
	}
	return code, tests
}

func TestImportsRunOneWay(t *testing.T) {
	code, tests := imports(t)
	for dir, found := range code {
		allowed, ok := layers[dir]
		if !ok {
			t.Errorf("package %s is missing in layers; add a line that says what it may import", dir)
			continue
		}
		for imp, file := range found {
			if !slices.Contains(allowed, imp) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s, which %s may not", file, imp, dir)
			}
		}
	}
	for dir := range layers {
		if _, ok := code[dir]; !ok {
			t.Errorf("layers names %s, which has no code", dir)
		}
	}
	for dir, list := range never {
		for _, bad := range list {
			if file, ok := tests[dir][bad]; ok {
				t.Errorf("%s imports %s, which not even a test of %s may", file, bad, dir)
			}
		}
	}
}

func TestNoCircle(t *testing.T) {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var visit func(dir string, trail []string)
	visit = func(dir string, trail []string) {
		switch state[dir] {
		case done:
			return
		case open:
			t.Errorf("a circle: %s", strings.Join(append(trail, dir), " -> "))
			return
		}
		state[dir] = open
		for _, next := range layers[dir] {
			if next != "*" {
				visit(next, append(trail, dir))
			}
		}
		state[dir] = done
	}
	for dir := range layers {
		visit(dir, nil)
		if path.Clean(dir) != dir {
			t.Errorf("%q is no clean path", dir)
		}
	}
}
