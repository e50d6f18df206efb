package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/config"
	"uratori/fact"
	"uratori/playbook"
)

// What the documents tell people to write is what the program reads.
func TestDocumentedConfigurationIsRead(t *testing.T) {
	seen := map[string]bool{}
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		more, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	for _, name := range files {
		if base := filepath.Base(name); base == "searches.md" || base == "playbooks.md" { // whose blocks are no configuration, see below
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range strings.Split(string(text), "```yaml\n")[1:] {
			body, _, ok := strings.Cut(b, "```")
			if !ok {
				t.Fatalf("%s: block %d has no end", name, i+1)
			}
			file := filepath.Join(t.TempDir(), "uratori.yaml")
			if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(file)
			if err != nil {
				t.Errorf("%s: block %d: %v\n%s", name, i+1, err, body)
			}
			for _, s := range c.Sources {
				seen[s.Type] = true
			}
		}
	}
	for _, kind := range []string{"local", "splunk", "cloudtrail", "athena", "entra"} {
		if !seen[kind] {
			t.Errorf("no block sets up a source of type %s", kind)
		}
	}
}

// The playbook that docs/playbooks.md shows is read, as the file that its id names.
func TestDocumentedPlaybookIsRead(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "playbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	block, _, ok := strings.Cut(block, "```")
	id := regexp.MustCompile(`(?m)^id: (\w+)$`).FindStringSubmatch(block)
	if !ok || id == nil {
		t.Fatalf("no playbook with an id is shown:\n%s", block)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, id[1]+".yaml"), []byte(block), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := playbook.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := set.Get(id[1]); !slices.ContainsFunc(b.Questions, func(q playbook.Question) bool { return q.Window.Before == 90*24*time.Hour }) {
		t.Errorf("playbook %s asks nothing of 90 days: %+v", id[1], b.Questions)
	}
}

// What docs/searches.md tells people to write is read, and in Splunk's language.
func TestDocumentedSearchesAreRead(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "searches.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	block, _, ok := strings.Cut(block, "```")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, playbook.SearchesName), []byte(block), 0o600); err != nil || !ok {
		t.Fatal(err, ok)
	}
	set, err := playbook.Load(dir)
	if err == nil {
		set, err = readSearches(set, config.Config{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if list := set.Searches(); len(list) != 1 || !slices.Equal(list[0].Params, []string{"person.upn"}) {
		t.Errorf("searches %+v", list)
	}
	for _, name := range regexp.MustCompile("`\\$([a-z_.]+)`").FindAllStringSubmatch(string(text), -1) {
		if _, known := fact.ParameterTypes()[name[1]]; !known && name[1] != "name" {
			t.Errorf("$%s is no parameter", name[1])
		}
	}
}
