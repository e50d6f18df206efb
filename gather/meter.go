package gather

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"uratori/ledger"
	"uratori/source"
)

// A meter lets calls through while the investigation's budget and the day's last, and writes them
// into the ledger.
type meter struct {
	ledger *ledger.Ledger
	budget ledger.Budget
	day    *ledger.Day

	mu    sync.Mutex
	under map[string]int64 // calls under way, by API
	all   int64
	told  time.Duration // wall time that the day knows of
}

func newMeter(lg *ledger.Ledger, budget ledger.Budget, day *ledger.Day) *meter {
	return &meter{ledger: lg, budget: budget, day: day, under: map[string]int64{}}
}

func budgetError(part string) error {
	return fmt.Errorf("the investigation's budget is used up: %s%w", part, silent{source.ErrBudget})
}

func dayError(part string) error {
	return fmt.Errorf("the day's budget is used up: %s%w", part, silent{source.ErrBudget})
}

// silent is an error that says nothing more.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

// exceeded tells whether a budget is used up, the investigation's or the day's.
func (m *meter) exceeded() error {
	if part, over := m.budget.Exceeded(m.ledger); over {
		return budgetError(part)
	}
	if part, over := m.day.Exceeded(); over {
		return dayError(part)
	}
	return nil
}

// within bounds ctx by the time that is left; its cause then says so.
func (m *meter) within(ctx context.Context) (context.Context, context.CancelFunc) {
	left := m.budget.Left(m.ledger).Wall
	if left == ledger.Unlimited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, left, budgetError("wall time"))
}

// used tells the day of rows, and of the time that went by since it was last told.
func (m *meter) used(rows int) error {
	m.mu.Lock()
	_, wall := m.ledger.Spent()
	took := max(0, wall-m.told).Truncate(time.Millisecond)
	m.told += took
	m.mu.Unlock()
	return m.day.Add(ledger.Cost{Rows: int64(rows)}, took)
}

// Take reserves a call.
func (m *meter) Take(api string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if part, ok := m.budget.Allows(m.ledger, api, m.all, m.under[api]); !ok {
		return budgetError(part)
	}
	if part, ok := m.day.Take(api); !ok {
		return dayError(part)
	}
	m.under[api]++
	m.all++
	return nil
}

// Note records a call that was reserved.
func (m *meter) Note(c source.Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.under[c.API]--
	m.all--
	cost := ledger.Cost{Calls: 1, Pages: c.Pages, Bytes: c.Bytes}
	attrs := map[string]string{ledger.APIAttr: c.API, "source": c.Source, "account": c.Account, "region": c.Region, "outcome": c.Outcome}
	if err := m.day.Note(c.API, cost); err != nil {
		attrs["day"] = err.Error() // the day's count is short by this call; the case's is not
	}
	m.ledger.Append("call", attrs, cost)
}

// A counting meter counts the calls of one question.
type counting struct {
	*meter
	n       atomic.Int64
	refused atomic.Bool // a call was not let through
}

func (c *counting) Take(api string) error {
	err := c.meter.Take(api)
	if err != nil {
		c.refused.Store(true)
	}
	return err
}

func (c *counting) Note(call source.Call) {
	c.n.Add(1)
	c.meter.Note(call)
}

func (c *counting) made() int { return int(c.n.Load()) }
