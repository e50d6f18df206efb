package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"uratori/finding"
	"uratori/ledger"
)

// often is how often what was spent is shown anew.
const often = 200 * time.Millisecond

// A spending shows on a terminal what investigations have used up so far, beside what they may.
type spending struct {
	app    *app
	budget ledger.Budget // of one investigation

	mu     sync.Mutex
	begun  []*ledger.Ledger
	shown  bool
	closed bool
}

// spending begins to show, where standard error is a terminal; elsewhere nothing is shown. end takes
// the line away and may be called twice.
func (a *app) spending(b ledger.Budget) (s *spending, end func()) {
	s = &spending{app: a, budget: b}
	if !a.terminal(a.err) {
		s.closed = true
		return s, func() {}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(often)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.show()
			case <-stop:
				return
			}
		}
	}()
	return s, sync.OnceFunc(func() {
		close(stop)
		<-done
		s.hide()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
	})
}

// watch is told of an investigation that begins.
func (s *spending) watch(_ finding.Finding, l *ledger.Ledger) {
	s.mu.Lock()
	s.begun = append(s.begun, l)
	s.mu.Unlock()
	s.show()
}

// show draws the line.
func (s *spending) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.begun) == 0 {
		return
	}
	line := []rune("uratori: " + s.line())
	if f, ok := s.app.err.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 1 && len(line) >= w {
			line = append(line[:w-2], '…')
		}
	}
	fmt.Fprintf(s.app.err, "\r\x1b[K%s", string(line))
	s.shown = true
}

// hide takes the line away, so that something else can be printed.
func (s *spending) hide() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown {
		fmt.Fprint(s.app.err, "\r\x1b[K")
		s.shown = false
	}
}

// line is what was spent: of one investigation beside its budget; of several all that they spent
// together, since each has a budget of its own.
func (s *spending) line() string {
	var all ledger.Cost
	var wall time.Duration
	apis := map[string]int64{}
	for _, l := range s.begun {
		spent, took := l.Spent()
		all.Calls, all.Pages, all.Rows, all.Bytes, wall = all.Calls+spent.Calls, all.Pages+spent.Pages, all.Rows+spent.Rows, all.Bytes+spent.Bytes, max(wall, took)
		for _, api := range s.budget.Limited() {
			apis[api] += l.Calls(api)
		}
	}
	b := s.budget
	many := len(s.begun) > 1
	if many {
		b = ledger.NoLimit()
	}
	of := func(n, limit int64, unit string) string {
		if limit == ledger.Unlimited {
			return fmt.Sprintf("%d %s", n, unit)
		}
		return fmt.Sprintf("%d of %d %s", n, limit, unit)
	}
	size := bytesText(all.Bytes)
	if b.Bytes != ledger.Unlimited {
		size += " of " + bytesText(b.Bytes)
	}
	took := wall.Truncate(time.Second).String()
	if b.Wall != ledger.Unlimited {
		took += " of " + b.Wall.String()
	}
	parts := []string{of(all.Calls, b.Calls, "calls"), of(all.Pages, b.Pages, "pages"), of(all.Rows, b.Rows, "rows"), size, took}
	for _, api := range s.budget.Limited() {
		if n := apis[api]; n > 0 && many {
			parts = append(parts, fmt.Sprintf("%d of %s", n, api))
		} else if n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d of %s", n, s.budget.APIs[api], api))
		}
	}
	text := strings.Join(parts, ", ")
	if many {
		return fmt.Sprintf("%d findings: %s", len(s.begun), text)
	}
	return text
}

// bytesText is a number of bytes as people read it, in powers of 1000.
func bytesText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	f, i := float64(n), 0
	for f >= 999.95 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
