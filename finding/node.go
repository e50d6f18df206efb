package finding

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A node is a place in a document that may not be there. Every question to it has a
// harmless answer, so the reading code need not ask at each step.
type node struct{ v any }

// at goes down by names.
func (n node) at(names ...string) node {
	for _, name := range names {
		m, ok := n.v.(map[string]any)
		if !ok {
			return node{}
		}
		n.v = m[name]
	}
	return n
}

func (n node) present() bool { return n.v != nil }

// list is the elements; a single object where a list is expected is a list of one.
func (n node) list() []node {
	switch v := n.v.(type) {
	case []any:
		nodes := make([]node, len(v))
		for i, e := range v {
			nodes[i] = node{e}
		}
		return nodes
	case map[string]any:
		return []node{n}
	default:
		return nil
	}
}

// text is a plain value as text, numbers as they were written; "" for lists and objects.
func (n node) text() string {
	switch v := n.v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

// texts is the plain values of a list, without empty ones.
func (n node) texts() []string {
	var out []string
	for _, e := range n.list() {
		if s := e.text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// number is a finite number, also when written as text; 0 when it is none.
func (n node) number() float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(n.text()), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// whole is a whole number that fits, 0 when it is none.
func (n node) whole() int {
	f := n.number()
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0
	}
	return int(f)
}

// truth is nil when the value is neither true nor false.
func (n node) truth() *bool {
	b, err := strconv.ParseBool(strings.ToLower(n.text()))
	if err != nil {
		return nil
	}
	return &b
}

func (n node) isTrue() bool {
	b := n.truth()
	return b != nil && *b
}

func (n node) time() time.Time { return parseTime(n.v) }

// stringMap is an object's members as text; what is no plain value as compact JSON.
func (n node) stringMap() map[string]string {
	m, ok := n.v.(map[string]any)
	if !ok || len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		switch v.(type) {
		case map[string]any, []any:
			if b, err := encode(v); err == nil {
				out[k] = string(b)
			}
		default:
			out[k] = node{v}.text()
		}
	}
	return out
}

// tags reads a list of {key, value}.
func (n node) tags() map[string]string {
	var out map[string]string
	for _, e := range n.list() {
		key := e.at("key").text()
		if key == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		if _, twice := out[key]; !twice {
			out[key] = e.at("value").text()
		}
	}
	return out
}

func (n node) addr() netip.Addr { return parseAddr(n.text()) }

// parseAddr reads an address with the trimmings that logs put on it: brackets, port, zone.
// An IPv4 address inside an IPv6 one is the IPv4 address. What is no address is the zero Addr.
func parseAddr(s string) netip.Addr {
	s = strings.TrimSpace(s)
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone("")
}
