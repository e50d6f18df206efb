package splunk_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"uratori/query"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

var update = flag.Bool("update", false, "renew the searches in testdata/compile")

// testdata/compile holds questions and the searches that Splunk is sent for them, a stage a line.
func TestCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/compile/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no questions: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			a := txtar.Parse(data)
			q, err := query.Parse(strings.TrimSpace(string(a.Files[0].Data)))
			if err != nil {
				t.Fatal(err)
			}
			d, s := splunkd(t, splunktest.Options{}, []splunk.Place{
				{Dataset: query.CloudTrail, Index: "aws", Sourcetype: splunk.AWSCloudTrail},
				{Dataset: query.SignIn, Index: "azure", Sourcetype: splunk.AzureMonitorAAD},
			}, nil)
			if _, err := s.Ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			all := d.Searches()
			got := strings.ReplaceAll(all[len(all)-1], " | ", "\n| ") + "\n"
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "spl", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) != 2 || string(a.Files[1].Data) != got {
				t.Errorf("%s is sent as\n%s", q, got)
			}
		})
	}
}
