package local

import (
	"bytes"
	"strings"

	"github.com/buger/jsonparser"
)

// A walker reads a record where it lies in the stream's buffer: in one pass it finds the
// record's end, the values of its fields, and whether a secret may be in it. It knows plain JSON
// only and gives up on everything else, which is then read the thorough way: so there is one
// meaning, and the walker is merely faster. Strings are crossed by bytes.IndexByte.
type walker struct {
	b     []byte
	cells []cell
	sh    *shape
	esc   int  // from where the walk is, no backslash stands in b before this place
	met   bool // a backslash was met
	deep  int
}

// maxDepth bounds how deep a record is nested for the walker.
const maxDepth = 64

// object walks the object whose brace is at i and returns where it ends, or -1 to give up.
func (w *walker) object(i int, n *node) int {
	b := w.b
	if w.deep++; w.deep > maxDepth {
		return -1
	}
	for i++; ; i++ {
		if i = w.space(i); i >= len(b) || b[i] != '"' {
			if i < len(b) && b[i] == '}' && prior(b, i) == '{' {
				w.deep--
				return i + 1
			}
			return -1
		}
		end := w.plain(i)
		if end < 0 {
			return -1 // a name with a backslash is read with care
		}
		key := b[i+1 : end]
		if i = w.space(end + 1); i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = w.space(i + 1); i >= len(b) {
			return -1
		}
		var next *node
		if n != nil {
			next = n.child(key)
		}
		start := i
		var typ jsonparser.ValueType
		escaped := false
		switch b[i] {
		case '"':
			if mayBeSecret(key) {
				return -1
			}
			typ = jsonparser.String
			if i, escaped = w.text(i); i < 0 {
				return -1
			}
			if next != nil && next.children != nil && i-start > 4 && b[start+1] == '{' {
				return -1 // an object that was exported as text
			}
		case '{':
			typ = jsonparser.Object
			if i = w.object(i, next); i < 0 {
				return -1
			}
		case '[':
			typ = jsonparser.Array
			if i = w.array(i); i < 0 {
				return -1
			}
		default:
			if i, typ = w.word(i); i < 0 {
				return -1
			}
		}
		if next != nil && typ != jsonparser.Null {
			from, to := start, i
			if typ == jsonparser.String {
				from, to = start+1, i-1
			}
			w.sh.fill(next, w.cells, cell{raw: b[from:to], at: from, typ: typ, escaped: escaped})
		}
		if i = w.space(i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
		case '}':
			w.deep--
			return i + 1
		default:
			return -1
		}
	}
}

// array walks an array whose bracket is at i: its values are no fields, but may hold secrets.
func (w *walker) array(i int) int {
	b := w.b
	if w.deep++; w.deep > maxDepth {
		return -1
	}
	for i++; ; i++ {
		if i = w.space(i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '"':
			i, _ = w.text(i)
		case '{':
			i = w.object(i, nil)
		case '[':
			i = w.array(i)
		case ']':
			if prior(b, i) != '[' {
				return -1
			}
			w.deep--
			return i + 1
		default:
			i, _ = w.word(i)
		}
		if i < 0 {
			return -1
		}
		if i = w.space(i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
		case ']':
			w.deep--
			return i + 1
		default:
			return -1
		}
	}
}

// prior is the last byte before i that is no white space.
func prior(b []byte, i int) byte {
	for i--; i >= 0; i-- {
		if c := b[i]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

func (w *walker) space(i int) int {
	for b := w.b; i < len(b) && b[i] <= ' '; i++ {
		if c := b[i]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return i
		}
	}
	return i
}

// plain is where the string that begins at i ends, -1 if it has a backslash or no end.
func (w *walker) plain(i int) int {
	j := bytes.IndexByte(w.b[i+1:], '"')
	if j < 0 {
		return -1
	}
	j += i + 1
	if w.backslash(i) < j {
		return -1
	}
	return j
}

// backslash is the place of the first backslash from i on.
func (w *walker) backslash(i int) int {
	if w.esc < i {
		if j := bytes.IndexByte(w.b[i:], '\\'); j >= 0 {
			w.esc = i + j
		} else {
			w.esc = len(w.b)
		}
	}
	return w.esc
}

// text is the place after the string that begins at i, and whether a backslash is in it.
func (w *walker) text(i int) (int, bool) {
	j := bytes.IndexByte(w.b[i+1:], '"')
	if j < 0 {
		return -1, false
	}
	if j += i + 1; w.backslash(i) > j {
		return j + 1, false
	}
	w.met = true
	if j = stringEnd(w.b, i); j < 0 {
		return -1, false
	}
	return j + 1, true
}

// word is the place after a number, true, false or null.
func (w *walker) word(i int) (int, jsonparser.ValueType) {
	b, start := w.b, i
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	if i == len(b) {
		return -1, jsonparser.Unknown
	}
	switch s := string(b[start:i]); {
	case s == "true", s == "false":
		return i, jsonparser.Boolean
	case s == "null":
		return i, jsonparser.Null
	case strings.Trim(s, "0123456789+-.eE") == "" && s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9'):
		return i, jsonparser.Number
	}
	return -1, jsonparser.Unknown
}
