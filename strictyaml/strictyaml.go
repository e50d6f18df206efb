// Package strictyaml reads YAML that people write, and shows them where they are wrong.
//
// An unknown key, a wrong type, a key that stands twice or a second document is an error that
// names the file, the line and the column, shows the line and names the nearest known key.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"uratori/nearest"
)

// MaxSize is the largest file that is read, in bytes: what people write is smaller.
const MaxSize = 4 << 20

// A PosError is a mistake at a place in a file.
type PosError struct {
	File       string
	Line, Col  int // 1-based; 0 when the place is not known
	Msg        string
	Hint       string // such as `did you mean "weekday"?`; may be empty
	SourceLine string
	Width      int // characters to underline, at least 1
}

// Error is "file:line:col: message; hint", the line and an underline.
func (e *PosError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Col)
	}
	b.WriteString(": " + e.Msg)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Line > 0 && e.SourceLine != "" && len(e.SourceLine) <= 400 {
		fmt.Fprintf(&b, "\n    %s\n    %s%s", e.SourceLine, strings.Repeat(" ", max(0, e.Col-1)), strings.Repeat("~", max(1, e.Width)))
	}
	return b.String()
}

// Decode reads one YAML document into a struct. name is the file's name in errors. An empty
// file leaves into as it is.
func Decode(name string, data []byte, into any) error {
	if len(data) > MaxSize {
		return &PosError{File: name, Msg: fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), MaxSize)}
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return located(name, data, err, into)
	}
	docs := 0
	for _, d := range file.Docs {
		if d.Body != nil {
			docs++
		}
		if docs > 1 {
			return at(name, data, d.GetToken(), "a second document begins here; write one document a file", "")
		}
	}
	if docs == 0 {
		return nil
	}
	if err := aliases(name, data, file); err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(data, into, yaml.Strict()); err != nil {
		return located(name, data, err, into)
	}
	return nil
}

// aliases refuses an anchor that holds an alias: such anchors can multiply without end.
func aliases(name string, data []byte, file *ast.File) error {
	v := &aliasFinder{}
	for _, d := range file.Docs {
		if d.Body != nil {
			ast.Walk(v, d.Body)
		}
	}
	if v.found != nil {
		return at(name, data, v.found.GetToken(), "an anchor may not hold an alias", "")
	}
	return nil
}

type aliasFinder struct {
	inside bool
	found  ast.Node
}

// Visit walks the tree; inside an anchor with a visitor that knows it.
func (v *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.AnchorNode:
		in := &aliasFinder{inside: true}
		if n.Value != nil {
			ast.Walk(in, n.Value)
		}
		if in.found != nil && v.found == nil {
			v.found = in.found
		}
		return nil
	case *ast.AliasNode:
		if v.inside && v.found == nil {
			v.found = n
		}
	}
	return v
}

// located turns an error of the YAML library into one with its place.
func located(name string, data []byte, err error, into any) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return &PosError{File: name, Msg: firstLine(err.Error())}
	}
	msg, hint := firstLine(y.GetMessage()), ""
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) && y.GetToken() != nil {
		key := y.GetToken().Value
		msg = fmt.Sprintf("unknown key %q", key)
		if n, ok := Nearest(key, keys(reflect.TypeOf(into), map[reflect.Type]bool{})); ok {
			hint = fmt.Sprintf("did you mean %q?", n)
		}
	}
	return at(name, data, y.GetToken(), msg, hint)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// keys are all keys that a type knows, however deep.
func keys(t reflect.Type, seen map[reflect.Type]bool) []string {
	var out []string
	switch {
	case t == nil || seen[t]:
		return nil
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Array, t.Kind() == reflect.Map:
		return keys(t.Elem(), seen)
	case t.Kind() != reflect.Struct:
		return nil
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		if name != "-" && f.IsExported() {
			out = append(out, name)
		}
		out = append(out, keys(f.Type, seen)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func at(name string, data []byte, tk *token.Token, msg, hint string) error {
	e := &PosError{File: name, Msg: msg, Hint: hint}
	if tk != nil && tk.Position != nil {
		e.Line, e.Col, e.Width = tk.Position.Line, tk.Position.Column, len([]rune(tk.Value))
		e.SourceLine = line(data, e.Line)
	}
	return e
}

func line(data []byte, n int) string {
	for i, l := range bytes.Split(data, []byte("\n")) {
		if i == n-1 {
			return strings.ToValidUTF8(strings.TrimRight(string(l), "\r"), "\uFFFD")
		}
	}
	return ""
}

// Locate finds where the value of a YAML path such as "$.rules[3].when" begins; 0, 0 when
// there is none.
func Locate(data []byte, path string) (lineNo, col int) {
	tk := find(data, path)
	if tk == nil || tk.Position == nil {
		return 0, 0
	}
	return tk.Position.Line, tk.Position.Column
}

func find(data []byte, path string) *token.Token {
	p, err := yaml.PathString(path)
	if err != nil {
		return nil
	}
	n, err := p.ReadNode(bytes.NewReader(data))
	if err != nil || n == nil {
		return nil
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	return n.GetToken()
}

// ErrorAt is a mistake in the value of a YAML path: what only its reader can know.
func ErrorAt(name string, data []byte, path, msg string) *PosError {
	e := &PosError{File: name, Msg: msg}
	if tk := find(data, path); tk != nil && tk.Position != nil {
		e.Line, e.Col, e.Width = tk.Position.Line, tk.Position.Column, len([]rune(firstLine(tk.Value)))
		e.SourceLine = line(data, e.Line)
	}
	return e
}

// Nearest is the known word that was probably meant.
func Nearest(word string, known []string) (string, bool) { return nearest.Word(word, known) }
