package strictyaml

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A reader makes a plain tree of one document and holds it against the type it is read into.
// The first mistake stays.
type reader struct {
	name    string
	data    []byte
	anchors map[string]anchored
	inside  bool // an anchor
	nodes   int
	err     error
}

// An anchored value is what an alias stands for.
type anchored struct {
	value ast.Node
	nodes int
}

func (r *reader) fail(n ast.Node, format string, args ...any) {
	if r.err == nil {
		r.err = at(r.name, r.data, n.GetToken(), fmt.Sprintf(format, args...), "")
	}
}

// resolve puts the values of anchors where their aliases stand, and merges maps. An anchor that
// holds an alias is refused: such anchors can multiply without end.
func (r *reader) resolve(n ast.Node, depth int) ast.Node {
	if r.err != nil || n == nil {
		return n
	}
	if r.nodes++; r.nodes > maxTokens {
		r.fail(n, "with what its anchors stand for, the file has more than %d values", maxTokens)
	}
	if depth > maxDepth {
		r.fail(n, "%s", tooDeep)
		return n
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		if r.inside {
			r.fail(n, "an anchor may not hold an anchor")
			return n
		}
		before := r.nodes
		r.inside = true
		v := r.resolve(n.Value, depth+1)
		r.inside = false
		r.anchors[n.Name.GetToken().Value] = anchored{v, r.nodes - before}
		return v
	case *ast.AliasNode:
		if r.inside {
			r.fail(n, "an anchor may not hold an alias")
			return n
		}
		name := n.Value.GetToken().Value
		a, ok := r.anchors[name]
		if !ok {
			r.fail(n, "there is no anchor &%s before this", name)
			return n
		}
		r.nodes += a.nodes
		return a.value
	case *ast.TagNode:
		r.fail(n, "%s is a tag, and tags are not read; write the plain value", n.Start.Value)
	case *ast.SequenceNode:
		for i := range n.Values {
			n.Values[i] = r.resolve(n.Values[i], depth+1)
		}
	case *ast.MappingNode:
		for _, v := range n.Values {
			v.Value = r.resolve(v.Value, depth+1)
		}
		r.merge(n)
	case *ast.MappingValueNode:
		n.Value = r.resolve(n.Value, depth+1)
		if n.Key.IsMergeKey() {
			m := &ast.MappingNode{BaseNode: n.BaseNode, Start: n.Start, Values: []*ast.MappingValueNode{n}}
			r.merge(m)
			return m
		}
	}
	return n
}

// merge puts the entries of "<<" into their map. An entry of the map's own wins, and among
// several merged maps the first (yaml.org/type/merge.html).
func (r *reader) merge(m *ast.MappingNode) {
	var merged []ast.Node
	var own []*ast.MappingValueNode
	has := map[string]bool{}
	for _, v := range m.Values {
		if v.Key.IsMergeKey() {
			if merged != nil {
				r.fail(v.Key, "<< stands twice; merge several maps by a list, <<: [*a, *b]")
			}
			merged = []ast.Node{v.Value}
			if list, ok := v.Value.(*ast.SequenceNode); ok {
				merged = list.Values
			}
			continue
		}
		own = append(own, v)
		has[v.Key.GetToken().Value] = true
	}
	if merged == nil {
		return
	}
	for _, from := range merged {
		var values []*ast.MappingValueNode
		switch from := from.(type) {
		case *ast.MappingNode:
			values = from.Values
		case *ast.MappingValueNode:
			values = []*ast.MappingValueNode{from}
		default:
			if from != nil {
				r.fail(from, "<< merges maps, and this is none")
			}
			return
		}
		for _, v := range values {
			if key := v.Key.GetToken().Value; !has[key] {
				has[key] = true
				own = append(own, v)
			}
		}
	}
	m.Values = own
}

// check walks the tree along the type it is read into, and refuses scalars that would change on
// the way. Unknown keys and wrong shapes are left to the decoder, which tells of them.
func (r *reader) check(n ast.Node, t reflect.Type, depth int) {
	if r.err != nil || n == nil || t == nil || depth > 2*maxDepth {
		return
	}
	for t.Kind() == reflect.Pointer {
		if reads(t) {
			return
		}
		t = t.Elem()
	}
	if reads(t) || reads(reflect.PointerTo(t)) {
		return
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			r.entry(v, t, depth)
		}
	case *ast.MappingValueNode:
		r.entry(n, t, depth)
	case *ast.SequenceNode:
		elem := t
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			elem = t.Elem()
		}
		for _, v := range n.Values {
			r.check(v, elem, depth+1)
		}
	default:
		r.scalar(n, t)
	}
}

// reads tells whether a type reads YAML by itself.
func reads(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[yaml.BytesUnmarshaler]()) || t.Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]())
}

func (r *reader) entry(v *ast.MappingValueNode, t reflect.Type, depth int) {
	switch t.Kind() {
	case reflect.Map:
		r.check(v.Value, t.Elem(), depth+1)
	case reflect.Interface:
		r.check(v.Value, t, depth+1)
	case reflect.Struct:
		if f, ok := fieldOf(t, v.Key.GetToken().Value); ok {
			r.check(v.Value, f.Type, depth+1)
		}
	default: // the decoder says that no map can stand here
	}
}

// fieldOf is the field of a struct that a key is read into.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && keyOf(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// keyOf is the key that a field is read from, "-" when it is read from none.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "" {
		return strings.ToLower(f.Name)
	}
	return name
}

var (
	plainInt     = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
)

// scalar refuses a scalar that is not written in the one way that loses nothing.
func (r *reader) scalar(n ast.Node, t reflect.Type) {
	written := n.GetToken().Value
	kind, number := t.Kind(), false
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		number = true
	case *ast.NullNode:
		if isNumber(kind) || kind == reflect.Bool {
			r.fail(n, "there is no value; write %s, or leave the key out", article(kind))
		}
		return
	}
	switch {
	case isWhole(kind) && !(number && plainInt.MatchString(written)):
		r.fail(n, "%s is no whole number; write digits alone, such as 12", shown(n, written))
	case isNumber(kind) && !(number && plainDecimal.MatchString(written)):
		r.fail(n, "%s is no number; write digits, such as 1.5", shown(n, written))
	case kind == reflect.String && number && !plainInt.MatchString(written):
		r.fail(n, "%s is read as a number and would lose its form; put it in quotes: %q", written, written)
	case kind == reflect.Interface && number && !plainDecimal.MatchString(written):
		r.fail(n, "%s is not a plain number; write digits alone, or put text in quotes: %q", written, written)
	}
}

func isWhole(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uint64 }

func isNumber(k reflect.Kind) bool {
	return isWhole(k) || k == reflect.Float32 || k == reflect.Float64
}

func article(k reflect.Kind) string {
	if k == reflect.Bool {
		return "true or false"
	}
	return "a number"
}

// shown is a scalar as it was written.
func shown(n ast.Node, written string) string {
	if tk := n.GetToken(); tk.Type == token.DoubleQuoteType || tk.Type == token.SingleQuoteType {
		return fmt.Sprintf("%q in quotes", written)
	}
	return fmt.Sprintf("%q", firstLine(written))
}
