package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/buger/jsonparser"

	"uratori/query"
)

// A node is one step of the paths of a schema: the tree that a record is walked along.
type node struct {
	children map[string]*node
	folded   map[string]*node // the same, keys in lower case
	fields   []slot
	buckets  [32][]named // the children again, for a quick look-up
}

type named struct {
	key  string
	node *node
}

// child is the child of that name. A comparison or two are cheaper than a map.
func (n *node) child(key []byte) *node {
	for _, c := range n.buckets[bucket(key)] {
		if c.key == string(key) {
			return c.node
		}
	}
	return nil
}

func bucket(key []byte) int {
	n := len(key)
	if n == 0 {
		return 0
	}
	return (n + 3*int(key[0]) + 5*int(key[n/2]) + 7*int(key[n-1])) & 31
}

// index fills the buckets of a tree.
func (n *node) index() {
	for _, key := range slices.Sorted(maps.Keys(n.children)) {
		b := bucket([]byte(key))
		n.buckets[b] = append(n.buckets[b], named{key, n.children[key]})
		n.children[key].index()
	}
}

// A slot says which field a path fills, and how early in the field's list of paths it stands.
type slot struct {
	field int
	rank  int
}

// A shape is a schema made ready for reading records.
type shape struct {
	schema   query.Schema
	columns  []column
	tree     *node
	specs    []query.FieldSpec
	at       map[query.Field]int
	cells    []int     // by column: the cell it is read from
	how      []filling // by column
	when     int       // cell of the event's time
	id       int       // cell of the event's id
	name     int       // cell of the event's name and source, which tell a CloudTrail record
	source   int
	column   map[query.Field]int // the columns again, by field
	idColumn int
	counted  []int           // the columns of countedBy
	top      map[string]bool // the members of a record, as far as they are known
	inside   map[int]bool    // fields that are read out of an object
	dash     bool            // "-" stands for no value
	epoch    bool            // the event's time may be counted from 1970
	cluster  [2]int          // cells by which rows are put side by side: who, and what
}

// A filling says how a column gets its value.
type filling uint8

const (
	fromText filling = iota
	fromAddress
	fromBool
	fromInt
	fromMoment
	fromTime   // of the event
	fromID     // of the event
	fromRecord // itself
	fromHash   // of the record
	fromAPI
	fromDenied
	fromSession
	fromService
	fromTrail
	fromPrincipal
	fromCode
	fromEpoch    // a time that may be counted from 1970
	fromFirst    // of a list
	fromFirstIP  // of a list
	fromName     // of a domain
	fromKey      // of an object
	fromDecision // of an audit event
	fromReason
	fromHost // an address, or a name that is none
)

// derivedFields are filled by a rule of their own.
var derivedFields = map[query.Dataset]map[query.Field]filling{
	query.CloudTrail: {"api": fromAPI, "denied": fromDenied, "session_name": fromSession, "source_service": fromService, "trail_name": fromTrail},
	query.SignIn:     {"user_principal_name": fromPrincipal, "result": fromCode},
	query.VPCFlow:    {"end_time": fromEpoch},
	query.DNS:        {"query_name": fromName},
	query.S3Access:   {"object_key": fromKey},
	query.EKSAudit:   {"user_arn": fromFirst, "session_name": fromFirst, "access_key": fromFirst, "source_ip": fromFirstIP, "decision": fromDecision, "decision_reason": fromReason},
	query.RDSAudit:   {"source_ip": fromHost},
}

func fillingOf(d query.Dataset, f query.FieldSpec) filling {
	switch f.Name {
	case query.EventTime:
		return fromTime
	case query.EventID:
		return fromID
	case query.Raw:
		return fromRecord
	case query.RawSHA256:
		return fromHash
	}
	if how, ok := derivedFields[d][f.Name]; ok {
		return how
	}
	switch f.Type {
	case query.IP:
		return fromAddress
	case query.Bool:
		return fromBool
	case query.Int:
		return fromInt
	case query.Time:
		return fromMoment
	case query.Text, query.JSON, query.Null, query.Set, query.Param:
		return fromText
	default:
		return fromText
	}
}

// alike are the fields by which rows are put side by side, where they are not a principal and a call.
var alike = map[query.Dataset][2]query.Field{
	query.VPCFlow:  {"interface", "source_ip"},
	query.DNS:      {"instance", "query_name"},
	query.S3Access: {"requester", "operation"},
	query.EKSAudit: {"user_name", "verb"},
	query.RDSAudit: {"user_name", "operation"},
}

var shapes = func() map[query.Dataset]*shape {
	out := map[query.Dataset]*shape{}
	for _, s := range query.Schemas() {
		sh := &shape{schema: s, columns: columnsOf(s), tree: &node{}, specs: s.Fields, top: map[string]bool{}, at: map[query.Field]int{}}
		for i, f := range s.Fields {
			sh.at[f.Name] = i
			for _, p := range f.Paths {
				first, _, _ := strings.Cut(string(p), ".")
				sh.top[first] = true
			}
			if cold(s.Dataset, f.Name) {
				continue
			}
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
		sh.column = map[query.Field]int{}
		for i, c := range sh.columns {
			sh.column[c.field] = i
			sh.cells = append(sh.cells, sh.at[c.field])
			sh.how = append(sh.how, fillingOf(s.Dataset, sh.specs[sh.at[c.field]]))
		}
		sh.inside = map[int]bool{}
		for f, how := range derivedFields[s.Dataset] {
			if how == fromDecision || how == fromReason {
				sh.inside[sh.at[f]] = true
			}
		}
		sh.dash = s.Dataset == query.VPCFlow
		sh.epoch = s.Dataset == query.VPCFlow || s.Dataset == query.RDSAudit
		sh.tree.index()
		sh.idColumn = sh.column[query.EventID]
		for _, f := range countedBy[s.Dataset] {
			sh.counted = append(sh.counted, sh.column[f])
		}
		sh.when, sh.id = sh.at[query.EventTime], sh.at[query.EventID]
		sh.cluster = [2]int{sh.at["user_arn"], sh.at["event_name"]}
		if by, ok := alike[s.Dataset]; ok {
			sh.cluster = [2]int{sh.at[by[0]], sh.at[by[1]]}
		}
		sh.name, sh.source = sh.at["event_name"], sh.at["event_source"]
		if s.Dataset == query.SignIn {
			sh.cluster = [2]int{sh.at["user_principal_name"], sh.at["app_display_name"]}
		}
		out[s.Dataset] = sh
	}
	return out
}()

// A cell is a value found in a record, as it stands there.
type cell struct {
	rank    int // of the path it was found at, plus one; 0 for none
	raw     []byte
	at      int // where raw begins in the record; -1 when it lies elsewhere
	typ     jsonparser.ValueType
	escaped bool // a text with a backslash in it
}

// fill puts what was found at a node into the cells of its fields: the earliest path wins.
func (sh *shape) fill(n *node, cells []cell, found cell) {
	for _, s := range n.fields {
		if c := &cells[s.field]; c.rank == 0 || s.rank+1 < c.rank {
			if found.typ == jsonparser.Object && sh.specs[s.field].Type != query.JSON && !sh.inside[s.field] {
				continue // "location" is a country code in one shape and an object in another
			}
			*c = found
			c.rank = s.rank + 1
		}
	}
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
		sh.fill(next, cells, cell{raw: val, at: -1, typ: typ, escaped: typ == jsonparser.String && bytes.IndexByte(val, '\\') >= 0})
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

// text is a cell as text: strings unescaped, numbers and truth values as written, objects as
// JSON. It is a view of the record where it can be.
func (c *cell) text() (string, bool) {
	if c.rank == 0 {
		return "", false
	}
	if c.escaped {
		return parsed(c.raw), true
	}
	return view(c.raw), true
}

// view is a string over bytes that do not change while it is used.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (c *cell) truth() (b, ok bool) {
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

func (c *cell) whole() (int64, bool) {
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

// first is the text of a list's first text, or the cell as it is.
func (c *cell) first() (string, bool) {
	if c.rank == 0 || c.typ != jsonparser.Array {
		return c.text()
	}
	val, typ, _, err := jsonparser.Get(c.raw, "[0]")
	if err != nil || typ != jsonparser.String {
		return "", false
	}
	return parsed(val), true
}

// A reader turns raw records into rows. It is for one goroutine.
type reader struct {
	cells  map[query.Dataset][]cell
	walk   walker
	keys   keyer
	badIPs int64    // values of address fields that are no address
	clear  int64    // from the last record on, no backslash stands in the stream before this place
	addr   struct { // of the last text that was read as an address
		text string
		val  []byte // as it is stored, nil if it is none
	}
	day struct { // of the last time, and when it began
		text  string
		began int64
	}
}

func newReader(keys keyer) *reader {
	r := &reader{cells: map[query.Dataset][]cell{}, keys: keys}
	for d, sh := range shapes {
		r.cells[d] = make([]cell, len(sh.specs))
	}
	r.walk.sh, r.walk.cells = shapes[query.CloudTrail], r.cells[query.CloudTrail]
	return r
}

var (
	errNoTime  = errors.New("has no time that can be read")
	errNotUTF8 = errors.New("is not UTF-8")
	errBroken  = errors.New("is no JSON object that can be read")
)

// quick reads the CloudTrail record that b begins with in one pass, and tells its length. It
// is 0 for everything that wants more care: then nothing was done. b stands at a place of the
// stream; -1 if it is a record of its own.
func (r *reader) quick(b []byte, place int64, into *batch) int {
	if !r.plausible(b) {
		return 0
	}
	w := &r.walk
	w.b, w.deep, w.met, w.esc = b, 0, false, -1
	if place >= 0 && r.clear > place {
		w.esc = int(min(r.clear-place, int64(len(b))))
	}
	clear(w.cells)
	end := w.object(0, w.sh.tree)
	if place >= 0 {
		r.clear = place + int64(w.esc)
	}
	if end < 0 || end > maxRecord || w.cells[w.sh.name].rank == 0 || w.cells[w.sh.source].rank == 0 {
		return 0
	}
	raw := b[:end]
	if place < 0 && end < len(b) {
		return 0
	}
	if bytes.IndexByte(raw, 0) >= 0 || w.met && bytes.Contains(raw, nulEscape) || !utf8.Valid(raw) {
		return 0
	}
	if r.row(w.sh, w.cells, raw, "", into) != nil {
		return 0
	}
	return end
}

// plausible tells whether the first member of an object is one of a CloudTrail record.
func (r *reader) plausible(b []byte) bool {
	w := walker{b: b}
	i := w.space(1)
	if i >= len(b) || b[i] != '"' {
		return false
	}
	n := bytes.IndexByte(b[i+1:min(len(b), i+64)], '"')
	return n >= 0 && r.walk.sh.top[string(b[i+1:i+1+n])]
}

var nulEscape = []byte(`\u0000`)

// read makes a row of a raw record of a dataset, the thorough way.
func (r *reader) read(d query.Dataset, raw []byte, into *batch) error {
	return r.readAs(d, raw, "", into)
}

// readAs is read for a record whose id is derived; "" for one that has it.
func (r *reader) readAs(d query.Dataset, raw []byte, id string, into *batch) error {
	if !utf8.Valid(raw) {
		return errNotUTF8
	}
	if bytes.Contains(raw, nulEscape) || bytes.IndexByte(raw, 0) >= 0 {
		raw = bytes.ReplaceAll(raw, nulEscape, []byte(`\u2400`)) // the store's texts cannot hold NUL
		raw = bytes.ReplaceAll(raw, []byte{0}, []byte("\u2400"))
	}
	raw = redact(raw)
	sh, cells := shapes[d], r.cells[d]
	if err := sh.walk(raw, cells, false); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	if cells[sh.when].rank == 0 {
		if err := sh.walk(raw, cells, true); err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	return r.row(sh, cells, raw, id, into)
}

// row adds a row to a batch: the record, and a value a column. A value that stands in the record
// as it is stored is not copied, but pointed at.
func (r *reader) row(sh *shape, cells []cell, raw []byte, derived string, into *batch) error {
	when, _ := cells[sh.when].text()
	us, ok := r.micros(when)
	if !ok && sh.epoch {
		us, ok = moment(when)
	}
	if !ok {
		return errNoTime
	}
	m := meta{micros: us, sha: sha256.Sum256(raw)}
	given, _ := cells[sh.id].text()
	id := given
	if derived != "" {
		id = derived
	}
	if id == "" {
		id = hex.EncodeToString(m.sha[:])
	}
	m.key = r.keys.of(sh.schema.Dataset, id)
	who, what := cells[sh.cluster[0]].raw, cells[sh.cluster[1]].raw
	m.near = uint64(crc32.Checksum(who, castagnoli))<<32 | uint64(crc32.Checksum(what, castagnoli))
	record := into.add(m, raw)
	for i, how := range sh.how {
		c := &cells[sh.cells[i]]
		switch how {
		case fromTime:
			into.number(us)
		case fromRecord:
			into.span(record, len(raw))
		case fromHash:
			into.number(int64(binary.BigEndian.Uint64(m.sha[:])))
		case fromID:
			into.put(record, c, given, id)
		case fromDenied:
			text, _ := c.text()
			into.truth(query.Denied(text))
		default:
			if c.rank == 0 {
				into.null()
				continue
			}
			r.value(how, sh, cells, c, record, into)
		}
	}
	return nil
}

// value adds the value that a cell gives a column.
func (r *reader) value(how filling, sh *shape, cells []cell, c *cell, record int, into *batch) {
	text, _ := c.text()
	switch how {
	case fromText:
		if text == "-" && sh.dash {
			text = "" // a value of the Parquet form that is none
		}
		into.put(record, c, text, text)
	case fromAddress:
		r.place(sh, text, into)
	case fromBool:
		if b, ok := c.truth(); ok {
			into.truth(b)
		} else {
			into.null()
		}
	case fromInt:
		if n, ok := c.whole(); ok {
			into.number(n)
		} else {
			into.null()
		}
	case fromMoment:
		if us, ok := r.micros(text); ok {
			into.number(us)
		} else {
			into.null()
		}
	case fromAPI:
		into.put(record, c, text, query.API(text))
	case fromSession:
		into.put(record, c, text, query.SessionName(text))
	case fromService:
		if r.address(text) != nil {
			text = ""
		}
		into.put(record, c, text, text)
	case fromTrail:
		name := text[strings.LastIndexByte(text, '/')+1:]
		if source, _ := cells[sh.source].text(); source != "cloudtrail.amazonaws.com" {
			name = ""
		}
		into.put(record, c, text, name)
	case fromPrincipal:
		into.put(record, c, text, strings.ToLower(text))
	case fromCode:
		if n, ok := c.whole(); ok {
			res, _ := query.SignInCode(int(n))
			into.put(record, c, text, string(res))
		} else {
			into.null()
		}
	case fromEpoch:
		if us, ok := moment(text); ok {
			into.number(us)
		} else {
			into.null()
		}
	case fromFirst:
		text, _ = c.first()
		into.put(record, c, "", text)
	case fromFirstIP:
		text, _ = c.first()
		r.place(sh, text, into)
	case fromName:
		into.put(record, c, text, strings.ToLower(strings.TrimSuffix(text, ".")))
	case fromKey:
		into.put(record, c, text, decodeKey(text))
	case fromDecision, fromReason:
		name := "authorization.k8s.io/decision"
		if how == fromReason {
			name = "authorization.k8s.io/reason"
		}
		into.put(record, c, "", member(c.raw, name))
	case fromHost:
		if a := r.address(text); a != nil {
			into.text(a)
		} else {
			into.null()
		}
	case fromTime, fromID, fromRecord, fromHash, fromDenied: // see row
	}
}

// place adds the value of an address field; what is no address is missing there, and counted.
func (r *reader) place(sh *shape, text string, into *batch) {
	if a := r.address(text); a != nil {
		into.text(a)
		return
	}
	into.null()
	if text != "" && text != "-" && !(sh.schema.Dataset == query.CloudTrail && serviceName(text)) {
		r.badIPs++
	}
}

// serviceName tells whether CloudTrail names a service where an address stands for other callers
// (AWS CloudTrail User Guide, "sourceIPAddress").
func serviceName(s string) bool {
	return s == "AWS Internal" || strings.HasSuffix(s, ".amazonaws.com") || strings.HasSuffix(s, ".amazonaws.com.cn") || strings.HasSuffix(s, ".amazon.com") || strings.HasSuffix(s, ".aws.internal")
}

// address is the stored form of an address, nil if the text is none.
func (r *reader) address(text string) []byte {
	if text == r.addr.text {
		return r.addr.val
	}
	r.addr.text, r.addr.val = strings.Clone(text), nil
	if a, ok := query.Addr(text); ok {
		r.addr.val = sortable(a)
	}
	return r.addr.val
}

// micros reads a time. Neighbours are mostly of one day, whose beginning is remembered.
func (r *reader) micros(s string) (int64, bool) {
	if len(s) == 20 && s[10] == 'T' && s[19] == 'Z' {
		if s[:10] != r.day.text {
			if began, ok := fast(s[:10] + "T00:00:00Z"); ok {
				r.day.text, r.day.began = strings.Clone(s[:10]), began
			}
		}
		if s[:10] == r.day.text && s[13] == ':' && s[16] == ':' {
			h, m, sec := two(s[11:]), two(s[14:]), two(s[17:])
			if h >= 0 && h < 24 && m >= 0 && m < 60 && sec >= 0 && sec < 60 {
				return r.day.began + int64(h*3600+m*60+sec)*1e6, true
			}
		}
	}
	return micros(s)
}

// two reads two digits, -1 if they are none.
func two(s string) int {
	a, b := s[0]-'0', s[1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}
