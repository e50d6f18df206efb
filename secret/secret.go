// Package secret resolves references to secrets, late, and never prints one.
//
// A configuration holds references, such as "env:SPLUNK_TOKEN", "file:/run/secrets/splunk" or
// "ssm:/uratori/splunk", never secrets. A [Ref] is checked when it is read and resolved when it is needed, each time
// anew, so that a secret that was changed is used from then on.
package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Ref names where a secret is kept: "env:NAME", "file:PATH", or the scheme of a [Resolver].
type Ref string

// A Value is a secret. However it is printed, it shows as ***; only [Value.Reveal] gives it out.
type Value struct{ text string }

// Reveal is the secret itself, for the request that needs it and nothing else.
func (v Value) Reveal() string { return v.text }

// String hides the secret.
func (Value) String() string { return "***" }

// GoString hides the secret from %#v.
func (Value) GoString() string { return "***" }

// Format hides the secret from every verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText hides the secret from JSON and YAML.
func (Value) MarshalText() ([]byte, error) { return []byte("***"), nil }

// A Fetch gets a secret from where the rest of a reference says.
type Fetch func(ctx context.Context, rest string) (string, error)

// A Resolver gets secrets by the scheme of their reference. Only [NewResolver] makes one.
type Resolver struct{ schemes map[string]Fetch }

// NewResolver returns a resolver that knows env: and file:, and the schemes given, such as "ssm".
// Relative paths of file: are relative to dir.
func NewResolver(dir string, getenv func(string) string, more map[string]Fetch) *Resolver {
	r := &Resolver{schemes: map[string]Fetch{
		"env": func(_ context.Context, name string) (string, error) {
			if v := getenv(name); v != "" {
				return v, nil
			}
			return "", fmt.Errorf("the environment variable %s is not set", name)
		},
		"file": func(_ context.Context, path string) (string, error) {
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			return read(path)
		},
	}}
	maps.Copy(r.schemes, more)
	return r
}

// maxFile is the largest file that is taken for a secret.
const maxFile = 64 << 10

// read reads a secret from a file that nobody else may read.
func read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o); run chmod 600 %s", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("%s is larger than %d KiB; it is no secret", path, maxFile>>10)
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// Schemes are the schemes that the resolver knows, sorted.
func (r *Resolver) Schemes() []string { return slices.Sorted(maps.Keys(r.schemes)) }

// ErrLiteral says that a text is no reference; it may be the secret itself, so it is not repeated.
var ErrLiteral = errors.New("it is no reference to a secret; write where the secret is kept, such as env:NAME, file:PATH, ssm:/NAME or awssm:NAME#KEY, not the secret itself")

// Check tells whether a text is a reference in one of the known schemes. The error never repeats
// the text.
func Check(text string, schemes []string) error {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || rest == "" || !slices.Contains(schemes, scheme) || strings.ContainsAny(rest, "\n\r\x00") {
		return ErrLiteral
	}
	return nil
}

// Resolve gets the secret of a reference. The error names the reference and never the secret.
func (r *Resolver) Resolve(ctx context.Context, ref Ref) (Value, error) {
	if err := Check(string(ref), r.Schemes()); err != nil {
		return Value{}, err
	}
	scheme, rest, _ := strings.Cut(string(ref), ":")
	text, err := r.schemes[scheme](ctx, rest)
	if err != nil {
		return Value{}, fmt.Errorf("secret %s: %w", ref, err)
	}
	return Value{text}, nil
}

// Remember returns a fetch that gives again what f gave, for a while: secrets that lie behind a
// call are not fetched for every request. They are held in memory alone; errors are not held.
func Remember(f Fetch, life time.Duration, now func() time.Time) Fetch {
	type held struct {
		text  string
		until time.Time
	}
	var mu sync.Mutex
	known := map[string]held{}
	return func(ctx context.Context, rest string) (string, error) {
		mu.Lock() // also while it is fetched, so that it is fetched once
		defer mu.Unlock()
		if h, ok := known[rest]; ok && now().Before(h.until) {
			return h.text, nil
		}
		text, err := f(ctx, rest)
		if err != nil {
			return "", err
		}
		known[rest] = held{text, now().Add(life)}
		return text, nil
	}
}
