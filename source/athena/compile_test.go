package athena

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"uratori/query"
	"uratori/source"
	"uratori/source/athenatest"
)

var update = flag.Bool("update", false, "write what questions become to testdata")

// Each file of testdata/compile holds a question and what Athena is sent for it, by layout. To add
// a case, write the question and run the test with -update.
func TestCompile(t *testing.T) {
	tables := map[string]*table{}
	for name, tab := range map[string]athenatest.Options{"trail": {}, "ocsf1": {Layout: athenatest.OCSF1}, "ocsf2": {Layout: athenatest.OCSF2}} {
		d := against(t, nil, tab)
		var cost tally
		var err error
		if tables[name], err = d.describe(t.Context(), &cost); err != nil {
			t.Fatal(err)
		}
	}
	opt := against(t, nil, athenatest.Options{}).opt
	files, err := filepath.Glob("testdata/compile/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			q, err := query.Parse(string(ar.Files[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: ar.Comment, Files: ar.Files[:1:1]}
			for _, name := range sortedKeys(tables) {
				st, err := compile(tables[name], opt, q)
				if errors.Is(err, errHere) {
					st, _, err = fetching(tables[name], opt, q)
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(st.sql + "\n")})
			}
			text := txtar.Format(got)
			if *update {
				if err := os.WriteFile(file, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(txtar.Format(ar)), string(text)); d != "" && !*update {
				t.Error(d)
			}
		})
	}
}

// The list of codes is the one of package query.
func TestDeniedCodes(t *testing.T) {
	for _, c := range deniedCodes {
		if !query.Denied(c) {
			t.Errorf("%s is not denied to package query", c)
		}
	}
	src, err := os.ReadFile("../../query/derive.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(src), "func Denied(")
	list, _, ended := strings.Cut(list, "return true")
	if _, list, _ = strings.Cut(list, "case "); !ok || !ended || list == "" {
		t.Fatal("the list in package query is not where it was; hold this list against it anew")
	}
	n := 0
	for _, part := range strings.Split(list, `"`) {
		if strings.ContainsAny(part, " ,:\n") || part == "" {
			continue
		}
		n++
		if !strings.Contains(" "+strings.Join(deniedCodes, " ")+" ", " "+part+" ") {
			t.Errorf("%s is denied to package query and not here", part)
		}
	}
	if n != len(deniedCodes) {
		t.Errorf("%d codes there, %d here", n, len(deniedCodes))
	}
}

// What a table has no column for is refused, not missing.
func TestColumnsThatATableLacks(t *testing.T) {
	d := against(t, records(), athenatest.Options{})
	for _, f := range []query.Field{"management_event", "in_scope_of", "raw:userIdentity", "raw:resources"} {
		if _, err := d.Ask(t.Context(), all("", f)); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "no column") {
			t.Errorf("%s: %v, want it refused", f, err)
		}
	}
	for name, tab := range map[string]athenatest.Options{"no id": {Drop: []string{"eventid"}}, "no identity": {Drop: []string{"useridentity"}}} {
		d := against(t, records(), tab)
		if _, err := d.Ask(t.Context(), all("")); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: %v, want the table refused", name, err)
		}
	}
	q := all("")
	q.Dataset = query.SignIn
	if _, err := d.Ask(t.Context(), q); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("sign-ins: %v, want them refused", err)
	}
}

// A session's token is redacted, also where a question asks for it by its path.
func TestSecretsAreRedacted(t *testing.T) {
	d := against(t, variants(), athenatest.Options{})
	a := ask(t, d, all(`raw:responseElements.credentials.sessionToken exists`, "raw:responseElements.credentials.sessionToken", query.Raw))
	if len(a.Rows) == 0 {
		t.Fatal("no record has a token")
	}
	for _, r := range a.Rows {
		if !strings.HasPrefix(r[2].Text(), "redacted:sha256:") || strings.Contains(r[3].Text(), `"sessionToken":"secret"`) {
			t.Fatalf("a token is told: %v", r)
		}
	}
}
