package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uratori/config"
)

// What docs/sources.md tells people to write is what the program reads.
func TestDocumentedSourcesAreRead(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	for i, b := range blocks {
		body, _, ok := strings.Cut(b, "```")
		if !ok {
			t.Fatalf("block %d has no end", i+1)
		}
		file := filepath.Join(t.TempDir(), "uratori.yaml")
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file)
		if err != nil {
			t.Errorf("block %d: %v\n%s", i+1, err, body)
		}
		for _, s := range c.Sources {
			seen[s.Type] = true
		}
	}
	for _, kind := range []string{"splunk", "cloudtrail", "athena", "entra"} {
		if !seen[kind] {
			t.Errorf("no block sets up a source of type %s", kind)
		}
	}
}
