package pastcases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uratori/evidence"
)

func endings(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "endings.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEndings(t *testing.T) {
	long := strings.Repeat("終", maxText+1)
	got, err := readEndings(endings(t, "\ufeffcase,ending\n0123456789ab,false positive\nfedcba987654,"+long+"\n0123456789ab,\" true, positive \"\n"))
	if err != nil || got["0123456789ab"] != "true, positive" || len([]rune(got["fedcba987654"])) != maxText {
		t.Errorf("%v, %v", got, err)
	}
	for name, text := range map[string]string{"one column": "0123456789ab\n", "no case": "case,ending\nxyz,ended\n", "an open quote": "0123456789ab,\"x\n"} {
		if _, err := readEndings(endings(t, text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestNoCases(t *testing.T) {
	if _, _, err := Read("past", []string{filepath.Join(t.TempDir(), "none")}, ""); err == nil {
		t.Error("a folder that is not there is no error")
	}
	l, notices, err := Read("past", []string{t.TempDir()}, "")
	if err != nil || len(notices) > 0 {
		t.Fatal(notices, err)
	}
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.CasesFrom, Key: "203.0.113.7"})
	if err != nil || got.Body.Cases.Total != 0 || !got.Body.Whole() {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookBucket, Key: "b"}); err != nil || got.Outcome != evidence.NotCollected {
		t.Errorf("a bucket: %v, %v", got.Outcome, err)
	}
}

// A link out of the folder and a manifest that names another file's hash are no case.
func TestHostileBundlesAreLeftOut(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := endings(t, "{}")
	if err := os.Symlink(outside, filepath.Join(dir, "finding.json")); err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bundle.json"), []byte(`{"schema":"uratori.bundle/1","files":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, notices, err := Read("past", []string{root}, "")
	if err != nil || len(notices) != 1 {
		t.Fatalf("notices %v, %v", notices, err)
	}
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.CasesOfType, Key: "x"})
	if err != nil || got.Body.Whole() {
		t.Errorf("nothing is left out: %v, %v", got.Body.Parts, err)
	}
}
