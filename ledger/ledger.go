// Package ledger is the append-only record of every operation, and the budgets read off it.
//
// Entries are chained: each holds the hash of the one before, so that an entry that was changed,
// removed or slipped in is found by [Read]; only a chain that was cut at its end looks whole by
// itself, which is why [Verify] takes the head that was written down elsewhere. Values that look
// like credentials are masked before they are recorded.
package ledger

import (
	"bytes"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// A Cost is what an operation used up. Nothing gives back: a negative number counts as none.
type Cost struct {
	Calls int64 `json:"calls"` // requests, retries included
	Pages int64 `json:"pages"`
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"` // scanned or received
}

// An Entry is one operation.
type Entry struct {
	Seq   int               `json:"seq"`  // from 1
	Time  time.Time         `json:"time"` // wall clock, UTC, in microseconds
	Op    string            `json:"op"`   // such as "ask"
	Attrs map[string]string `json:"attrs"`
	Cost  Cost              `json:"cost"`
	Prev  string            `json:"prev"` // Hash of the entry before, "" for the first
	Hash  string            `json:"hash"` // sha256 of the encoded entry without this member, in hex
}

// A Ledger is a growing chain of entries. It is safe for concurrent use. Only [New] makes one.
type Ledger struct {
	now func() time.Time

	mu      sync.Mutex
	entries []Entry
	spent   Cost
	apis    map[string]int64 // calls by API
	began   time.Time
}

// APIAttr is the attribute of an entry that names the API that was called, such as
// "cloudtrail:LookupEvents".
const APIAttr = "api"

// New returns an empty ledger that takes the time from now.
func New(now func() time.Time) *Ledger { return &Ledger{now: now, began: now()} }

// Append records an operation and returns its entry. Long values are cut, and what looks like a
// credential is masked.
func (l *Ledger) Append(op string, attrs map[string]string, cost Cost) Entry {
	clean := make(map[string]string, len(attrs))
	for _, k := range slices.Sorted(maps.Keys(attrs)) { // in order, so that of keys that become one the same wins
		clean[record(k)] = record(attrs[k])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := Entry{
		Seq: len(l.entries) + 1, Time: l.now().UTC().Truncate(time.Microsecond), Op: record(op), Attrs: clean,
		Cost: Cost{Calls: max(0, cost.Calls), Pages: max(0, cost.Pages), Rows: max(0, cost.Rows), Bytes: max(0, cost.Bytes)},
	}
	if n := len(l.entries); n > 0 {
		e.Prev = l.entries[n-1].Hash
	}
	e.Hash = hash(e)
	l.entries = append(l.entries, e)
	l.spent = l.spent.plus(e.Cost)
	if api := e.Attrs[APIAttr]; api != "" {
		if l.apis == nil {
			l.apis = map[string]int64{}
		}
		l.apis[api] += e.Cost.Calls
	}
	return e.clone()
}

// plus adds what is not negative; a sum beyond int64 stays at its end, where every budget is used up.
func (c Cost) plus(d Cost) Cost {
	add := func(a, b int64) int64 {
		if a > math.MaxInt64-b {
			return math.MaxInt64
		}
		return a + b
	}
	return Cost{Calls: add(c.Calls, d.Calls), Pages: add(c.Pages, d.Pages), Rows: add(c.Rows, d.Rows), Bytes: add(c.Bytes, d.Bytes)}
}

// clone shares nothing that a caller could change.
func (e Entry) clone() Entry {
	e.Attrs = maps.Clone(e.Attrs)
	return e
}

// Entries are a copy of the entries so far.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Entry, len(l.entries))
	for i, e := range l.entries {
		out[i] = e.clone()
	}
	return out
}

// Spent is the sum of all costs, and how long the ledger has been kept.
func (l *Ledger) Spent() (Cost, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent, l.now().Sub(l.began)
}

// Calls is how many calls of an API were recorded.
func (l *Ledger) Calls(api string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apis[api]
}

// APIs are the APIs that were called, sorted.
func (l *Ledger) APIs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.apis))
}

// Head is the hash of the newest entry, "" for an empty ledger.
func (l *Ledger) Head() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return ""
	}
	return l.entries[len(l.entries)-1].Hash
}

// Bytes is the ledger as JSON lines, one entry a line.
func (l *Ledger) Bytes() []byte {
	var out []byte
	for _, e := range l.Entries() {
		out = append(out, encode(e)...)
	}
	return out
}

// WriteTo writes the ledger as JSON lines.
func (l *Ledger) WriteTo(w io.Writer) (int64, error) { return bytes.NewReader(l.Bytes()).WriteTo(w) }
