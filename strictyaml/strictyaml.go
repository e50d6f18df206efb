// Package strictyaml reads YAML that people write, and shows them where they are wrong.
//
// An unknown key, a wrong type, a key that stands twice or a second document is an error that
// names the file, the line and the column, shows the line and names the nearest known key.
// Nothing is converted in silence: a fraction is no whole number, and a number that text would
// not keep as it was written (an account id that begins with zero) has to stand in quotes.
// What is read is bounded, so that no file takes long: see [MaxSize].
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

// Decode reads one YAML document into a struct. name is the file's name in errors. An empty
// file leaves into as it is.
func Decode(name string, data []byte, into any) error {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	body, err := parse(name, data)
	if err != nil || body == nil {
		return err
	}
	r := &reader{name: name, data: data, anchors: map[string]anchored{}}
	if body = r.resolve(body, 0); r.err == nil {
		r.check(body, reflect.TypeOf(into), 0)
	}
	if r.err != nil {
		return r.err
	}
	if err := yaml.NodeToValue(body, into, yaml.Strict()); err != nil {
		return located(name, data, err, into)
	}
	return nil
}

// byteOrderMark is what some editors put before the first character.
const byteOrderMark = "\uFEFF"

// parse is the tree of the one document of a file that keeps the bounds, nil when it is empty.
func parse(name string, data []byte) (body ast.Node, err error) {
	if err := bounded(name, data); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, located(name, data, err, nil)
	}
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			return nil, at(name, data, d.GetToken(), "a second document begins here; write one document a file", "")
		default:
			body = d.Body
		}
	}
	return body, nil
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
		if name := keyOf(f); name != "-" && f.IsExported() {
			out = append(out, name)
		}
		out = append(out, keys(f.Type, seen)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
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
	n, err := p.ReadNode(bytes.NewReader(bytes.TrimPrefix(data, []byte(byteOrderMark))))
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
		e.place(data, tk)
	}
	return e
}

// Nearest is the known word that was probably meant.
func Nearest(word string, known []string) (string, bool) { return nearest.Word(word, known) }
