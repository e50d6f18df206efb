package uratori_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)#\s]+)`)
	code = regexp.MustCompile("`([a-z]+(?:/[a-zA-Z0-9_.*-]+)+)`")
)

// The documents lead to files that exist.
func TestDocumentsLeadSomewhere(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	if len(files) < 5 {
		t.Fatalf("only %d documents were found", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if to := string(m[1]); !strings.Contains(to, "://") {
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(to))); err != nil {
					t.Errorf("%s links to %s, which is not there", file, to)
				}
			}
		}
	}
}

// The tour names folders and files that exist, and leaves no package out.
func TestTourIsComplete(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range code.FindAllSubmatch(text, -1) {
		name := string(m[1])
		if found, err := fs.Glob(os.DirFS("."), name); err != nil || len(found) == 0 {
			t.Errorf("ARCHITECTURE.md names %s, which is not there", name)
		}
	}
	for dir := range layers {
		if !strings.Contains(string(text), "`"+dir+"`") {
			t.Errorf("ARCHITECTURE.md does not tell of package %s", dir)
		}
	}
}
