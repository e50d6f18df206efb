// Package ledger is the append-only record of every operation, and the budgets read off it.
//
// Entries are chained: each holds the hash of the one before, so that an entry that was changed,
// removed or slipped in is found. Values that look like credentials are masked before they are
// recorded.
package ledger

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"
)

// A Cost is what an operation used up.
type Cost struct {
	Bytes int64 `json:"bytes,omitempty"` // scanned or received
	Calls int64 `json:"calls,omitempty"` // requests, retries included
	Pages int64 `json:"pages,omitempty"`
	Rows  int64 `json:"rows,omitempty"`
}

// An Entry is one operation. Members stand in the order of their keys: the order that is hashed.
type Entry struct {
	Attrs map[string]string `json:"attrs,omitempty"`
	Cost  Cost              `json:"cost"`
	Hash  string            `json:"hash,omitempty"` // sha256 of the entry without this member, in hex
	Op    string            `json:"op"`
	Prev  string            `json:"prev"` // Hash of the entry before, "" for the first
	Seq   int               `json:"seq"`  // from 1
	Time  time.Time         `json:"time"` // wall clock, UTC
}

// maxAttr is how many characters of an attribute are recorded.
const maxAttr = 4000

// A Ledger is a growing chain of entries. It is safe for concurrent use.
type Ledger struct {
	now func() time.Time

	mu      sync.Mutex
	entries []Entry
	spent   Cost
	began   time.Time
}

// New returns an empty ledger that takes the time from now.
func New(now func() time.Time) *Ledger { return &Ledger{now: now, began: now().UTC()} }

// Append records an operation and returns its entry.
func (l *Ledger) Append(op string, attrs map[string]string, cost Cost) Entry {
	clean := make(map[string]string, len(attrs))
	for k, v := range attrs {
		clean[k] = Mask(cut(v))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := Entry{Attrs: clean, Cost: cost, Op: op, Seq: len(l.entries) + 1, Time: l.now().UTC().Truncate(time.Microsecond)}
	if n := len(l.entries); n > 0 {
		e.Prev = l.entries[n-1].Hash
	}
	e.Hash = hash(e)
	l.entries = append(l.entries, e)
	l.spent.Bytes += cost.Bytes
	l.spent.Calls += cost.Calls
	l.spent.Pages += cost.Pages
	l.spent.Rows += cost.Rows
	return e
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxAttr {
		return s
	}
	return string([]rune(s)[:maxAttr]) + "..."
}

// keyID finds access key ids, wherever they stand (IAM User Guide, "Understanding unique ID prefixes").
var keyID = regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{8,124}([A-Z0-9]{4})\b`)

// Mask replaces the middle of every access key id in s.
func Mask(s string) string { return keyID.ReplaceAllString(s, "$1…$2") }

// Entries are a copy of the entries so far.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...)
}

// Spent is the sum of all costs, and how long the ledger has been kept.
func (l *Ledger) Spent() (Cost, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent, l.now().Sub(l.began)
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

// Bytes is the ledger as JSON lines.
func (l *Ledger) Bytes() []byte {
	var b bytes.Buffer
	for _, e := range l.Entries() {
		b.Write(encode(e))
	}
	return b.Bytes()
}

// encode is one line. Nothing in an Entry can fail to encode.
func encode(e Entry) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic(fmt.Sprintf("encode ledger entry %d: %v", e.Seq, err))
	}
	return b.Bytes()
}

func hash(e Entry) string {
	e.Hash = ""
	sum := sha256.Sum256(encode(e))
	return hex.EncodeToString(sum[:])
}

// Read reads the JSON lines of a ledger and checks the chain. The error names the first line
// at which it breaks.
func Read(r io.Reader) ([]Entry, error) {
	var out []Entry
	prev := ""
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		data, err := in.ReadBytes('\n')
		if err == io.EOF && len(data) == 0 {
			return out, nil
		}
		if err != nil && err != io.EOF {
			return out, fmt.Errorf("read ledger: line %d: %w", n, err)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		var e Entry
		if err := dec.Decode(&e); err != nil {
			return out, fmt.Errorf("read ledger: line %d: %w", n, err)
		}
		switch {
		case e.Seq != n:
			return out, fmt.Errorf("read ledger: line %d holds entry %d; an entry was removed or moved", n, e.Seq)
		case e.Prev != prev:
			return out, fmt.Errorf("read ledger: line %d does not follow the entry before it; an entry was changed or removed", n)
		case hash(e) != e.Hash:
			return out, fmt.Errorf("read ledger: line %d was changed: its hash is not that of its content", n)
		}
		prev = e.Hash
		out = append(out, e)
	}
}

// Unlimited is a limit that is never reached.
const Unlimited = -1

// A Budget is how much an investigation may use. The zero Budget buys nothing; Unlimited is explicit.
type Budget struct {
	Calls int64
	Pages int64
	Rows  int64
	Bytes int64
	Wall  time.Duration
}

// NoLimit is the budget that never ends.
func NoLimit() Budget {
	return Budget{Calls: Unlimited, Pages: Unlimited, Rows: Unlimited, Bytes: Unlimited, Wall: Unlimited}
}

// Exceeded tells whether what the ledger records has used the budget up, and which part of it.
func (b Budget) Exceeded(l *Ledger) (part string, exceeded bool) {
	spent, wall := l.Spent()
	for _, p := range []struct {
		name        string
		used, limit int64
	}{
		{"calls", spent.Calls, b.Calls},
		{"pages", spent.Pages, b.Pages},
		{"rows", spent.Rows, b.Rows},
		{"bytes", spent.Bytes, b.Bytes},
		{"wall time", int64(wall), int64(b.Wall)},
	} {
		if p.limit != Unlimited && p.used >= p.limit {
			return p.name, true
		}
	}
	return "", false
}
