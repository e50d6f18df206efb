package scenario

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inJSON is a text as it stands in a file.
func inJSON(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[1 : b.Len()-2] // without quotes and newline
}

func TestEveryAttackStandsWhereAnAttackerCanWrite(t *testing.T) {
	s := scene(t, "d", 1)
	var logs, entra bytes.Buffer
	for name := range s.Files {
		switch {
		case strings.HasPrefix(name, "logs/cloudtrail-api/"):
			logs.Write(plainText(t, s, name))
		case strings.HasPrefix(name, "logs/splunk-prod/"):
			entra.Write(plainText(t, s, name))
		}
	}
	for _, a := range attacks {
		want := inJSON(t, a)
		if !bytes.Contains(s.Files["finding.json"], want) {
			t.Errorf("the finding does not hold %q", a)
		}
		if !bytes.Contains(entra.Bytes(), want) {
			t.Errorf("the sign-ins do not hold %q", a)
		}
	}
	for _, field := range []string{"userAgent", "errorMessage"} {
		if !holdsAttack(t, logs.Bytes(), field) {
			t.Errorf("no %s of CloudTrail holds an attack", field)
		}
	}
	for _, field := range []string{"userDisplayName", "displayName", "failureReason"} {
		if !holdsAttack(t, entra.Bytes(), field) {
			t.Errorf("no %s of the sign-ins holds an attack", field)
		}
	}
	// AWS allows letters, digits and +=,.@_- in a session name: the link to the person stays.
	if upn := s.Truth.Facts["actor.session_name"]; upn != scene(t, "a", 1).Truth.Facts["actor.session_name"] {
		t.Errorf("session name %v differs from (a)'s", upn)
	}
}

func holdsAttack(t *testing.T, text []byte, field string) bool {
	t.Helper()
	for _, part := range bytes.Split(text, []byte(`"`+field+`":"`))[1:] {
		value := part[:min(len(part), 600)]
		for _, a := range attacks {
			if i := bytes.Index(value, inJSON(t, a)); i > 0 && !bytes.Contains(value[:i], []byte(`","`)) {
				return true
			}
		}
	}
	return false
}

// Take the attacks out of (d) and what is left is (a), byte for byte.
func TestHostileScenarioIsTheCleanOneBesides(t *testing.T) {
	a, d := scene(t, "a", 1), scene(t, "d", 1)
	if got, want := slices.Sorted(maps.Keys(d.Files)), slices.Sorted(maps.Keys(a.Files)); !slices.Equal(got, want) {
		t.Fatalf("files %v; want %v", got, want)
	}
	for name := range a.Files {
		if !strings.HasPrefix(name, "logs/") {
			continue
		}
		got, want := plainText(t, d, name), plainText(t, a, name)
		for _, x := range attacks {
			got = bytes.ReplaceAll(got, append([]byte(" "), inJSON(t, x)...), nil)
		}
		if !bytes.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("%s differs by more than the attacks: %q; want %q", name, got[i:min(len(got), i+200)], want[i:min(len(want), i+200)])
		}
	}
	if diff := cmp.Diff(a.Truth.Facts, d.Truth.Facts); diff != "" {
		t.Errorf("the truths differ:\n%s", diff)
	}
}
