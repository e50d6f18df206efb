package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const hidden = "s3cr3t-value"

func TestNoVerbPrintsASecret(t *testing.T) {
	v := Value{hidden}
	asJSON, err := json.Marshal(map[string]any{"v": v, "p": &v})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v), fmt.Sprint(struct{ V Value }{v}),
		fmt.Sprintf("%#v", struct{ V *Value }{&v}), fmt.Errorf("x: %v", v).Error(), string(asJSON),
	} {
		if strings.Contains(s, hidden) || strings.Contains(s, fmt.Sprintf("%x", hidden)) {
			t.Errorf("printed as %s", s)
		}
	}
	if v.Reveal() != hidden {
		t.Error("the secret itself is lost")
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good", hidden+"\r\n", 0o600)
	write("open", hidden, 0o644)
	write("empty", "\n", 0o600)
	write("large", strings.Repeat("x", maxFile+1), 0o600)
	r := NewResolver(dir, func(name string) string { return map[string]string{"TOKEN": hidden}[name] }, map[string]Fetch{
		"ssm": func(_ context.Context, rest string) (string, error) {
			if rest != "/uratori/token" {
				return "", errors.New("no such parameter")
			}
			return hidden, nil
		},
	})
	for ref, want := range map[Ref]string{
		"env:TOKEN":                       "",
		"file:good":                       "",
		Ref("file:" + dir + "/good"):      "",
		"ssm:/uratori/token":              "",
		"env:NONE":                        "environment variable NONE is not set",
		"file:open":                       "chmod 600",
		"file:empty":                      "is empty",
		"file:large":                      "no secret",
		"file:missing":                    "no such file",
		"ssm:/other":                      "no such parameter",
		"vault:x":                         "no reference",
		"s3cr3t-value":                    "no reference",
		"s3cr3t-value:with a colon in it": "no reference",
		"env:":                            "no reference",
	} {
		v, err := r.Resolve(t.Context(), ref)
		switch {
		case want == "" && (err != nil || v.Reveal() != hidden):
			t.Errorf("%s: %v", ref, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v; want %q", ref, err, want)
		case err != nil && strings.Contains(err.Error(), hidden):
			t.Errorf("%s: the error repeats the secret: %v", ref, err)
		}
	}
}

// A secret behind a call is fetched anew when its time is over, and an error at once.
func TestRemember(t *testing.T) {
	now := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	fetched, fails := map[string]int{}, false
	get := Remember(func(_ context.Context, rest string) (string, error) {
		fetched[rest]++
		if fails {
			return "", errors.New("denied")
		}
		return fmt.Sprint(rest, fetched[rest]), nil
	}, time.Minute, func() time.Time { return now })
	want := func(rest, text string) {
		t.Helper()
		if got, err := get(t.Context(), rest); got != text || (err != nil) != (text == "") {
			t.Errorf("%s: %q, %v; want %q", rest, got, err, text)
		}
	}
	want("a", "a1")
	want("b", "b1")
	now = now.Add(59 * time.Second)
	want("a", "a1")
	now = now.Add(time.Second)
	want("a", "a2")
	now, fails = now.Add(time.Hour), true
	want("a", "")
	fails = false
	want("a", "a4")
}
