package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
)

func sample() Bundle {
	items := []evidence.Item{{ID: "E1", Kind: evidence.FindingItem, Body: []byte(`{"id":"x"}`)}, {ID: "E2", Kind: evidence.SettingsItem, Body: []byte(`{}`)}}
	for i := range items {
		items[i].SHA256 = evidence.Hash(items[i])
	}
	return Bundle{
		CaseID: "0123456789ab", Version: "test", Language: "ja", AsOf: time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC),
		Finding: []byte(`{"id":"x"}`), Evidence: evidence.NewSet(items), Draft: []byte(`{}`), Ledger: []byte("{}\n"),
		Inputs:  map[string][]byte{"policy.yaml": []byte("a: 1\n"), "playbook/s3.yaml": []byte("b: 2\n")},
		Reports: map[string][]byte{"report.md": []byte("# 報告\n")},
	}
}

func TestABundleReadsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case")
	b := sample()
	for range 2 { // writing again replaces it
		if err := b.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Inputs["playbook/s3.yaml"]) != "b: 2\n" || string(got.Reports["report.md"]) != "# 報告\n" || len(got.Evidence.Items()) != 2 || !got.AsOf.Equal(b.AsOf) || got.CaseID != b.CaseID {
		t.Errorf("read back as %+v", got)
	}
	if !Is(dir) || Is(t.TempDir()) {
		t.Error("a bundle is not told from another folder")
	}
}

// Whatever file is changed, removed or pointed outside, reading says so.
func TestEveryChangeIsFound(t *testing.T) {
	var files []string
	dir := filepath.Join(t.TempDir(), "case")
	if err := sample().Write(dir); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != manifestName {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, rel)
		}
		return err
	})
	if err != nil || len(files) != 8 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		for what, change := range map[string]func(string) error{
			"changed": func(f string) error {
				data, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				return os.WriteFile(f, append(data, ' '), 0o600)
			},
			"removed": os.Remove,
		} {
			dir := filepath.Join(t.TempDir(), "case")
			if err := sample().Write(dir); err != nil {
				t.Fatal(err)
			}
			if err := change(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			_, err := Read(dir)
			var c *ChangedError
			if what == "changed" && !errors.As(err, &c) || what == "removed" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

func TestManifestsThatLie(t *testing.T) {
	for what, change := range map[string][2]string{
		"a path outside":  {`"report.md"`, `"../report.md"`},
		"another version": {`"uratori.bundle/1"`, `"uratori.bundle/9"`},
		"another member":  {`"version"`, `"versoin"`},
		"another id":      {`"id": "E1"`, `"id": "E7"`},
	} {
		dir := filepath.Join(t.TempDir(), "case")
		if err := sample().Write(dir); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, manifestName)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := strings.Replace(string(data), change[0], change[1], 1)
		if bad == string(data) {
			t.Fatalf("%s: nothing was changed", what)
		}
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil {
			t.Errorf("%s was read", what)
		}
	}
}

func TestForeignFoldersAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	keep := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(keep, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sample().Write(dir); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("wrote into a foreign folder: %v", err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
}
