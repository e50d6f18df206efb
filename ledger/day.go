package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Day is what all investigations together use up on one day (UTC), and the bound on it. It is
// kept as a file of JSON lines to which every process only appends; so several can share one.
// It is safe for concurrent use. The nil Day bounds nothing.
type Day struct {
	dir    string
	budget Budget
	now    func() time.Time

	mu     sync.Mutex
	name   string // of today's file
	offset int64  // how far it was read
	spent  Cost
	wall   time.Duration
	apis   map[string]int64
	under  map[string]int64 // calls of this process under way
	all    int64
}

// A use is one line of the file.
type use struct {
	API   string `json:"api"`
	Calls int64  `json:"calls"`
	Pages int64  `json:"pages"`
	Rows  int64  `json:"rows,omitempty"`
	Bytes int64  `json:"bytes"`
	Wall  int64  `json:"ms,omitempty"` // that an investigation took since it last said so
}

// OpenDay returns the day kept in a folder, which is made if it is not there.
func OpenDay(dir string, b Budget, now func() time.Time) (*Day, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("keep the day's budget: %w", err)
	}
	d := &Day{dir: dir, budget: b, now: now, under: map[string]int64{}}
	if err := d.read(); err != nil {
		return nil, err
	}
	return d, nil
}

// read takes in what was appended since, by anyone, and begins anew when the day has turned.
func (d *Day) read() error {
	name := filepath.Join(d.dir, "spent-"+d.now().UTC().Format(time.DateOnly)+".jsonl")
	if name != d.name {
		d.name, d.offset, d.spent, d.wall, d.apis = name, 0, Cost{}, 0, map[string]int64{}
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the day's budget: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(d.offset, io.SeekStart); err != nil {
		return fmt.Errorf("read the day's budget: %w", err)
	}
	r := bufio.NewReader(io.LimitReader(f, 64<<20))
	for {
		line, err := r.ReadBytes('\n')
		if err != nil { // the end, or a line that another process is still writing
			return nil
		}
		d.offset += int64(len(line))
		var u use
		if json.Unmarshal(bytes.TrimSpace(line), &u) != nil {
			continue // half a line, from a process that was killed: what it counted is lost, nothing else
		}
		d.add(u)
	}
}

func (d *Day) add(u use) {
	d.spent = d.spent.plus(Cost{Calls: max(0, u.Calls), Pages: max(0, u.Pages), Rows: max(0, u.Rows), Bytes: max(0, u.Bytes)})
	d.wall += time.Duration(max(0, min(u.Wall, int64(24*time.Hour/time.Millisecond)))) * time.Millisecond
	if u.API != "" {
		d.apis[u.API] += max(0, u.Calls)
	}
}

// Take reserves a call of an API. Where the day's budget is used up, ok is false and part says
// which part of it.
func (d *Day) Take(api string) (part string, ok bool) {
	if d == nil {
		return "", true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(); err != nil {
		return err.Error(), false // what cannot be counted is not spent
	}
	if part, exceeded := d.over(d.all); exceeded {
		return part, false
	}
	if limit, limited := d.budget.APIs[api]; limited && limit != Unlimited && d.apis[api]+d.under[api] >= limit {
		return "calls of " + api, false
	}
	d.under[api]++
	d.all++
	return "", true
}

// over tells which part of the day's budget is used up, where so many calls are under way: each of
// them may bring a page.
func (d *Day) over(under int64) (part string, exceeded bool) {
	b := d.budget
	for _, p := range []struct {
		name        string
		limit, used int64
	}{
		{"calls", b.Calls, d.spent.Calls + under},
		{"pages", b.Pages, d.spent.Pages + under},
		{"rows", b.Rows, d.spent.Rows},
		{"bytes", b.Bytes, d.spent.Bytes},
		{"wall time", int64(b.Wall), int64(d.wall)},
	} {
		if p.limit != Unlimited && p.used >= p.limit {
			return p.name, true
		}
	}
	return "", false
}

// Exceeded tells whether the day's budget is used up, and the first part of it that is.
func (d *Day) Exceeded() (part string, exceeded bool) {
	if d == nil {
		return "", false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(); err != nil {
		return err.Error(), true // what cannot be counted is not spent
	}
	return d.over(0)
}

// Note records a call that was reserved and made.
func (d *Day) Note(api string, c Cost) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.under[api]--
	d.all--
	return d.append(use{API: record(api), Calls: max(0, c.Calls), Pages: max(0, c.Pages), Bytes: max(0, c.Bytes)})
}

// Add records what was used up otherwise: rows of answers, and time that went by.
func (d *Day) Add(c Cost, wall time.Duration) error {
	if d == nil || c == (Cost{}) && wall < time.Millisecond {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.append(use{Calls: max(0, c.Calls), Pages: max(0, c.Pages), Rows: max(0, c.Rows), Bytes: max(0, c.Bytes), Wall: max(0, wall.Milliseconds())})
}

func (d *Day) append(u use) error {
	line, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("keep the day's budget: %w", err)
	}
	f, err := os.OpenFile(d.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("keep the day's budget: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep the day's budget: %w", err)
	}
	return nil
}

// Spent is what the day has used up so far, and the calls by API.
func (d *Day) Spent() (Cost, map[string]int64, error) {
	if d == nil {
		return Cost{}, nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.read()
	out := make(map[string]int64, len(d.apis))
	for api, n := range d.apis {
		out[api] = n
	}
	return d.spent, out, err
}
