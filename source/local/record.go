package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/buger/jsonparser"

	"uratori/query"
)

// A row is one record, ready for its table: a value a column.
type row struct {
	dataset query.Dataset
	id      string
	sha     [32]byte
	micros  int64
	vals    []any
}

// A node is one step of the paths of a schema: the tree that a record is walked along.
type node struct {
	children map[string]*node
	folded   map[string]*node // the same, keys in lower case
	fields   []slot
}

// A slot says which field a path fills, and how early in the field's list of paths it stands.
type slot struct {
	field int
	rank  int
}

// A shape is a schema made ready for reading records.
type shape struct {
	schema  query.Schema
	columns []column
	tree    *node
	specs   []query.FieldSpec
	at      map[query.Field]int
	cells   []int        // by column: the cell it is read from
	types   []query.Type // by column
	how     []filling    // by column
	when    int          // cell of the event's time
	id      int          // cell of the event's id
}

// A filling says how a column gets its value.
type filling uint8

const (
	asItStands filling = iota
	fromTime
	fromID
	fromRecord
	fromHash
	derived // see derive
)

// fillings tells for each column how it is filled.
func fillings(d query.Dataset, cols []column) []filling {
	out := make([]filling, len(cols))
	for i, c := range cols {
		switch c.field {
		case query.EventTime:
			out[i] = fromTime
		case query.EventID:
			out[i] = fromID
		case query.Raw:
			out[i] = fromRecord
		case query.RawSHA256:
			out[i] = fromHash
		default:
			if _, special := derive(d, c, cell{}, func(query.Field) string { return "" }); special {
				out[i] = derived
			}
		}
	}
	return out
}

var shapes = func() map[query.Dataset]*shape {
	out := map[query.Dataset]*shape{}
	for _, s := range query.Schemas() {
		sh := &shape{schema: s, columns: columnsOf(s), tree: &node{}, specs: s.Fields, at: map[query.Field]int{}}
		for i, f := range s.Fields {
			sh.at[f.Name] = i
			for rank, p := range f.Paths {
				n := sh.tree
				for _, step := range strings.Split(string(p), ".") {
					if n.children == nil {
						n.children, n.folded = map[string]*node{}, map[string]*node{}
					}
					next := n.children[step]
					if next == nil {
						next = &node{}
						n.children[step] = next
						if n.folded[strings.ToLower(step)] == nil {
							n.folded[strings.ToLower(step)] = next
						}
					}
					n = next
				}
				n.fields = append(n.fields, slot{i, rank})
			}
		}
		for _, c := range sh.columns {
			sh.cells = append(sh.cells, sh.at[c.field])
			sh.types = append(sh.types, sh.specs[sh.at[c.field]].Type)
		}
		sh.how = fillings(s.Dataset, sh.columns)
		sh.when, sh.id = sh.at[query.EventTime], sh.at[query.EventID]
		out[s.Dataset] = sh
	}
	return out
}()

// A cell is a value found in a record, as it stands there.
type cell struct {
	rank int // of the path it was found at, plus one; 0 for none
	raw  []byte
	typ  jsonparser.ValueType
}

// walk collects the cells of the record's fields.
func (sh *shape) walk(raw []byte, cells []cell, fold bool) error {
	clear(cells)
	return sh.descend(raw, sh.tree, cells, fold, 0)
}

func (sh *shape) descend(raw []byte, n *node, cells []cell, fold bool, depth int) error {
	return jsonparser.ObjectEach(raw, func(key, val []byte, typ jsonparser.ValueType, _ int) error {
		next := n.children[string(key)]
		if next == nil && fold {
			next = n.folded[strings.ToLower(string(key))]
		}
		if next == nil || typ == jsonparser.Null {
			return nil
		}
		for _, s := range next.fields {
			if c := &cells[s.field]; c.rank == 0 || s.rank+1 < c.rank {
				if typ == jsonparser.Object && sh.specs[s.field].Type != query.JSON {
					continue // "location" is a country code in one shape and an object in another
				}
				*c = cell{s.rank + 1, val, typ}
			}
		}
		if next.children == nil || depth > 8 {
			return nil
		}
		switch {
		case typ == jsonparser.Object:
			return sh.descend(val, next, cells, fold, depth+1)
		case typ == jsonparser.String && len(val) > 2 && val[0] == '{': // an object that was exported as text
			if inner, err := jsonparser.Unescape(val, nil); err == nil {
				return sh.descend(inner, next, cells, fold, depth+1)
			}
		}
		return nil
	})
}

// text is a cell as text: strings unescaped, numbers and truth values as written, objects as JSON.
func (c cell) text() (string, bool) {
	if c.rank == 0 {
		return "", false
	}
	if c.typ == jsonparser.String {
		if bytes.IndexByte(c.raw, '\\') < 0 {
			return string(c.raw), true
		}
		s, err := jsonparser.ParseString(c.raw)
		if err != nil {
			return string(c.raw), true
		}
		return s, true
	}
	return string(c.raw), true
}

func (c cell) truth() (b, ok bool) {
	s, ok := c.text()
	switch {
	case !ok:
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func (c cell) whole() (int64, bool) {
	s, ok := c.text()
	if !ok {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f > -1e15 && f < 1e15 {
		return int64(f), true
	}
	return 0, false
}

// A reader turns raw records into rows. It is for one goroutine.
type reader struct {
	cells map[query.Dataset][]cell
}

func newReader() *reader {
	r := &reader{cells: map[query.Dataset][]cell{}}
	for d, sh := range shapes {
		r.cells[d] = make([]cell, len(sh.specs))
	}
	return r
}

var (
	errNoTime  = errors.New("has no time that can be read")
	errNotUTF8 = errors.New("is not UTF-8")
	errBroken  = errors.New("is no JSON object that can be read")
)

// read makes a row of a raw record of a dataset.
func (r *reader) read(d query.Dataset, raw []byte) (row, error) {
	if !utf8.Valid(raw) {
		return row{}, errNotUTF8
	}
	if bytes.Contains(raw, []byte(`\u0000`)) || bytes.IndexByte(raw, 0) >= 0 {
		raw = bytes.ReplaceAll(raw, []byte(`\u0000`), []byte(`\u2400`)) // the store's texts cannot hold NUL
		raw = bytes.ReplaceAll(raw, []byte{0}, []byte("\u2400"))
	}
	raw = redact(raw)
	sh, cells := shapes[d], r.cells[d]
	if err := sh.walk(raw, cells, false); err != nil {
		return row{}, fmt.Errorf("%w: %w", errBroken, err)
	}
	if cells[sh.when].rank == 0 {
		if err := sh.walk(raw, cells, true); err != nil {
			return row{}, fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	out := row{dataset: d, sha: sha256.Sum256(raw)}
	when, _ := cells[sh.when].text()
	us, ok := micros(when)
	if !ok {
		return row{}, errNoTime
	}
	out.micros = us
	if out.id, _ = cells[sh.id].text(); out.id == "" {
		out.id = hex.EncodeToString(out.sha[:])
	}
	get := func(f query.Field) string {
		s, _ := cells[sh.at[f]].text()
		return s
	}
	out.vals = make([]any, len(sh.columns))
	for i, c := range sh.columns {
		cl := cells[sh.cells[i]]
		switch sh.how[i] {
		case fromTime:
			out.vals[i] = us
		case fromID:
			out.vals[i] = out.id
		case fromRecord:
			out.vals[i] = string(raw)
		case fromHash:
			out.vals[i] = out.sha[:]
		case derived:
			if cl.rank > 0 || c.field == "denied" {
				out.vals[i], _ = derive(d, c, cl, get)
			}
		case asItStands:
			if cl.rank > 0 {
				out.vals[i] = plain(sh.types[i], c, cl)
			}
		}
	}
	return out, nil
}

// derive fills the fields that are not read as they stand.
func derive(d query.Dataset, c column, cl cell, get func(query.Field) string) (v any, special bool) {
	some := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	text, _ := cl.text()
	switch d {
	case query.CloudTrail:
		switch c.field {
		case "api":
			return some(query.API(text)), true
		case "denied":
			return query.Denied(text), true
		case "session_name":
			return some(query.SessionName(text)), true
		case "source_service":
			if _, ok := query.Addr(text); ok {
				return nil, true
			}
			return some(text), true
		case "trail_name":
			if get("event_source") != "cloudtrail.amazonaws.com" {
				return nil, true
			}
			return some(text[strings.LastIndexByte(text, '/')+1:]), true
		}
	case query.SignIn:
		switch c.field {
		case "user_principal_name":
			return some(strings.ToLower(text)), true
		case "result":
			n, ok := cl.whole()
			if !ok {
				return nil, true
			}
			res, _ := query.SignInCode(int(n))
			return string(res), true
		}
	}
	return nil, false
}

// plain converts a cell to its column.
func plain(t query.Type, c column, cl cell) any {
	switch t {
	case query.IP:
		s, ok := cl.text()
		if !ok {
			return nil
		}
		a, ok := query.Addr(s)
		switch {
		case !ok:
			return nil
		case c.binary:
			return sortable(a)
		}
		return a.String()
	case query.Bool:
		if b, ok := cl.truth(); ok {
			return b
		}
		return nil
	case query.Int:
		if n, ok := cl.whole(); ok {
			return n
		}
		return nil
	case query.Time:
		s, _ := cl.text()
		if us, ok := micros(s); ok {
			return us
		}
		return nil
	case query.Text, query.JSON, query.Null, query.Set, query.Param:
		if s, ok := cl.text(); ok && s != "" {
			return s
		}
		return nil
	default:
		return nil
	}
}
