package reread

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A node is one value of a JSON document, with the place where it ends.
type node struct {
	value  any // string, json.Number, bool, nil, []node or []member
	offset int64
}

// A member is one member of an object, in the order of the document.
type member struct {
	name  string
	value node
}

// depthLimit is how deep a report nests at most.
const depthLimit = 32

// parseTree reads a JSON document and refuses what a decoder would let pass: bytes that are no
// UTF-8, halves of surrogate pairs, characters that do not show themselves, members that stand
// twice, and anything after the document.
func parseTree(data []byte) (node, *Refusal) {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r != '\n' && !unicode.IsPrint(r) {
			return node{}, refuseAt(data, int64(i), "a character that does not show itself stands here unescaped")
		}
		if r == '\\' && i+1 < len(data) {
			if data[i+1] == 'u' && !wholeEscape(data[i:]) {
				return node{}, refuseAt(data, int64(i), "half of a character is escaped here")
			}
			if data[i+1] == 'u' && surrogate(data[i:]) {
				size = 12
			} else {
				size = 2
			}
		}
		i += size
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := parseNode(dec, 0)
	if err != nil {
		return node{}, refuseAt(data, dec.InputOffset(), "%v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return node{}, refuseAt(data, dec.InputOffset(), "something stands after the document")
	}
	return n, nil
}

func surrogate(s []byte) bool {
	n, ok := escaped(s)
	return ok && utf16.IsSurrogate(rune(n))
}

// wholeEscape tells whether an escape is a character of its own or, with the next, a pair.
func wholeEscape(s []byte) bool {
	hi, ok := escaped(s)
	if !ok || !utf16.IsSurrogate(rune(hi)) {
		return ok
	}
	lo, ok := escaped(s[6:])
	return ok && utf16.DecodeRune(rune(hi), rune(lo)) != utf8.RuneError
}

func escaped(s []byte) (uint64, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 32)
	return n, err == nil
}

func parseNode(dec *json.Decoder, depth int) (node, error) {
	if depth > depthLimit {
		return node{}, fmt.Errorf("it nests deeper than %d", depthLimit)
	}
	tok, err := dec.Token()
	if err != nil {
		return node{}, err
	}
	var n node
	switch tok {
	case json.Delim('['):
		list := []node{}
		for dec.More() {
			item, err := parseNode(dec, depth+1)
			if err != nil {
				return node{}, err
			}
			list = append(list, item)
		}
		n.value = list
	case json.Delim('{'):
		list, seen := []member{}, map[string]bool{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return node{}, err
			}
			name, _ := key.(string)
			if seen[name] {
				return node{}, fmt.Errorf("member %q stands twice", name)
			}
			seen[name] = true
			value, err := parseNode(dec, depth+1)
			if err != nil {
				return node{}, err
			}
			list = append(list, member{name, value})
		}
		n.value = list
	default:
		n.value, n.offset = tok, dec.InputOffset()
		return n, nil
	}
	n.offset = dec.InputOffset() // of the last value inside
	_, err = dec.Token()
	return n, err
}

// refuseAt refuses the line that holds the byte.
func refuseAt(data []byte, offset int64, why string, args ...any) *Refusal {
	at := min(int(offset), len(data))
	from := bytes.LastIndexByte(data[:at], '\n') + 1
	to := len(data)
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		to = at + n
	}
	return refuse(1+bytes.Count(data[:at], []byte("\n")), string(bytes.TrimSpace(data[from:to])), why, args...)
}
