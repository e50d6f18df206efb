package local

import (
	"hash/crc32"
	"hash/maphash"
	"unsafe"

	"uratori/query"
)

// A val is one value of a row: a number, or a stretch of its batch's text.
type val struct {
	n    int64 // the number, or where the text begins
	size int32 // of the text; isNumber or isNull
}

const (
	isNumber int32 = -1
	isNull   int32 = -2
)

// A meta is what is known of a row beside its values.
type meta struct {
	key    eventKey
	sha    [32]byte
	micros int64
	near   uint64 // rows of one number are alike: the same principal's same call
}

// A batch is rows of one dataset, ready for its table. The values point into one text.
type batch struct {
	dataset query.Dataset
	texts   []byte
	vals    []val // by row, by column
	rows    []meta
}

// How much is read before it is handed on.
const (
	batchRows  = 512
	batchBytes = 4 << 20
)

func (b *batch) full() bool { return len(b.rows) >= batchRows || len(b.texts) >= batchBytes }

// add begins a row and tells where its record stands.
func (b *batch) add(m meta, raw []byte) int {
	b.rows = append(b.rows, m)
	b.texts = append(b.texts, raw...)
	return len(b.texts) - len(raw)
}

func (b *batch) number(n int64) { b.vals = append(b.vals, val{n, isNumber}) }

func (b *batch) truth(t bool) {
	n := int64(0)
	if t {
		n = 1
	}
	b.number(n)
}

func (b *batch) null() { b.vals = append(b.vals, val{0, isNull}) }

func (b *batch) span(from, size int) { b.vals = append(b.vals, val{int64(from), int32(size)}) }

// text adds a value of its own.
func (b *batch) text(v []byte) {
	b.span(len(b.texts), len(v))
	b.texts = append(b.texts, v...)
}

// put adds s. Where it is a part of text, which is the cell as it stands in the record that
// begins at from, it is pointed at. No text is no value.
func (b *batch) put(from int, c *cell, text, s string) {
	switch {
	case s == "":
		b.null()
	case c.at >= 0 && !c.escaped && inside(text, s) && c.rank > 0:
		b.span(from+c.at+int(uintptr(unsafe.Pointer(unsafe.StringData(s)))-uintptr(unsafe.Pointer(unsafe.StringData(text)))), len(s))
	default:
		b.span(len(b.texts), len(s))
		b.texts = append(b.texts, s...)
	}
}

// inside tells whether s is a piece of the memory of text.
func inside(text, s string) bool {
	a, b := uintptr(unsafe.Pointer(unsafe.StringData(text))), uintptr(unsafe.Pointer(unsafe.StringData(s)))
	return b >= a && b+uintptr(len(s)) <= a+uintptr(len(text))
}

func (b *batch) string(v val) string { return string(b.texts[v.n : v.n+int64(v.size)]) }

func (b *batch) reset() { b.texts, b.vals, b.rows = b.texts[:0], b.vals[:0], b.rows[:0] }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// eventKey tells events apart: a UUID's own bytes, else two independent hashes of the id.
type eventKey struct {
	dataset byte
	id      [16]byte
}

// A keyer makes keys.
type keyer [2]maphash.Seed

func newKeyer() keyer { return keyer{maphash.MakeSeed(), maphash.MakeSeed()} }

func (ks keyer) of(d query.Dataset, id string) eventKey {
	k := eventKey{dataset: 'c'}
	if d == query.SignIn {
		k.dataset = 's'
	}
	if uuid(id, &k.id) {
		return k
	}
	k.dataset -= 'a' - 'A' // hashed ids never meet UUIDs
	clear(k.id[:])
	for i, seed := range ks {
		h := maphash.String(seed, id)
		for j := range 8 {
			k.id[8*i+j] = byte(h >> (8 * j))
		}
	}
	return k
}

// uuid reads a UUID in lower case.
func uuid(s string, into *[16]byte) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	var bad byte
	for i, at := range [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		a, b := lowerHex[s[at]], lowerHex[s[at+1]]
		bad |= a | b
		into[i] = a<<4 | b&15
	}
	return bad < 16
}

// lowerHex is the value of a digit; 255 for what is none.
var lowerHex = func() (out [256]byte) {
	for i := range out {
		out[i] = 255
	}
	for i := range 16 {
		out["0123456789abcdef"[i]] = byte(i)
	}
	return out
}()
