// Package call makes calls to remote APIs: metered, paced, tried again where that can help,
// and stopped where the other side does not answer any more.
//
// One [Caller] is shared by everything in a process, because limits are the service's and not
// ours: CloudTrail's LookupEvents allows two requests a second for an account and Region,
// whoever asks.
package call

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"uratori/source"
)

// A Key names what shares one limit: an API of one service, in one account and Region.
type Key struct {
	API     string // such as "cloudtrail:LookupEvents"
	Account string // 12 digits; "" where the limit knows no accounts
	Region  string
}

// A Pace is how fast an API may be called.
type Pace struct {
	PerSecond float64
	Burst     int
}

// Options say how calls are made. The zero value is usable.
type Options struct {
	Paces     map[string]Pace // by API; an API without a pace is not slowed
	Attempts  int             // in all, for errors that another try may mend; 0 means 3
	Backoff   time.Duration   // before the second attempt, doubled each time, with jitter; 0 means 500 ms
	MaxWait   time.Duration   // longest wait between attempts, also where the service names one; 0 means 20 s
	Failures  uint32          // consecutive failures that open an endpoint's breaker; 0 means 5
	OpenFor   time.Duration   // how long it stays open; 0 means 30 s
	Sleep     func(context.Context, time.Duration) error
	Unlimited bool // paces do not apply; for tests of other things
}

// A Caller makes calls. It is safe for concurrent use.
type Caller struct {
	opt Options

	mu       sync.Mutex
	limiters map[Key]*rate.Limiter
	breakers map[string]*gobreaker.CircuitBreaker[struct{}]
}

// New returns a caller.
func New(opt Options) *Caller {
	if opt.Attempts == 0 {
		opt.Attempts = 3
	}
	if opt.Backoff == 0 {
		opt.Backoff = 500 * time.Millisecond
	}
	if opt.MaxWait == 0 {
		opt.MaxWait = 20 * time.Second
	}
	if opt.Failures == 0 {
		opt.Failures = 5
	}
	if opt.OpenFor == 0 {
		opt.OpenFor = 30 * time.Second
	}
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	return &Caller{opt: opt, limiters: map[Key]*rate.Limiter{}, breakers: map[string]*gobreaker.CircuitBreaker[struct{}]{}}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A RetryAfter is an error that says when the service wants to be asked again.
type RetryAfter struct {
	Err error
	In  time.Duration
}

func (e *RetryAfter) Error() string { return e.Err.Error() }
func (e *RetryAfter) Unwrap() error { return e.Err }

// A Request is one call, as [Caller.Do] makes it.
type Request struct {
	Key
	Source   string // name of the source that calls, for the meter
	Endpoint string // what fails together, such as "https://splunk.example.co.jp:8089"
	// Do makes the call once and tells what it cost. Its error wraps one of the sentinels of
	// package source; what wraps none is not tried again.
	Do func(ctx context.Context) (Cost, error)
}

// A Cost is what one call brought.
type Cost struct {
	Pages, Rows, Bytes int64
}

// Do makes a call, and makes it again while it is throttled or the other side is unavailable.
// Every attempt is metered and paced. calls is how many were made.
func (c *Caller) Do(ctx context.Context, r Request) (calls int, err error) {
	meter := source.MeterOf(ctx)
	for attempt := 1; ; attempt++ {
		if err := c.wait(ctx, r.Key); err != nil {
			return calls, err
		}
		made, err := c.once(ctx, r, meter)
		if made {
			calls++
		}
		if err == nil || ctx.Err() != nil {
			return calls, err
		}
		if !errors.Is(err, source.ErrThrottled) && !errors.Is(err, source.ErrUnavailable) || !made || attempt >= c.opt.Attempts {
			return calls, err
		}
		if err := c.opt.Sleep(ctx, c.pause(attempt, err)); err != nil {
			return calls, err
		}
	}
}

// once makes one attempt; made tells whether it went out.
func (c *Caller) once(ctx context.Context, r Request, meter source.Meter) (made bool, err error) {
	_, err = c.breaker(r.Endpoint).Execute(func() (struct{}, error) {
		if err := meter.Take(r.API); err != nil {
			return struct{}{}, err
		}
		made = true
		cost, err := r.Do(ctx)
		meter.Note(source.Call{
			API: r.API, Source: r.Source, Account: r.Account, Region: r.Region, Outcome: outcome(err),
			Pages: cost.Pages, Rows: cost.Rows, Bytes: cost.Bytes,
		})
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return false, fmt.Errorf("%s was not called: %s failed %d times in a row and is left alone for a while: %w", r.API, r.Endpoint, c.opt.Failures, source.ErrUnavailable)
	}
	return made, err
}

// wait waits for the key's turn.
func (c *Caller) wait(ctx context.Context, k Key) error {
	p, ok := c.opt.Paces[k.API]
	if !ok || c.opt.Unlimited {
		return ctx.Err()
	}
	c.mu.Lock()
	l := c.limiters[k]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(p.PerSecond), max(1, p.Burst))
		c.limiters[k] = l
	}
	c.mu.Unlock()
	return l.Wait(ctx)
}

func (c *Caller) breaker(endpoint string) *gobreaker.CircuitBreaker[struct{}] {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.breakers[endpoint]
	if b == nil {
		b = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Name: endpoint, Timeout: c.opt.OpenFor,
			ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= c.opt.Failures },
			// Only silence is a failure: a refusal shows that the other side is well.
			IsSuccessful: func(err error) bool { return !errors.Is(err, source.ErrUnavailable) },
		})
		c.breakers[endpoint] = b
	}
	return b
}

// pause is how long to wait after the attempt of that number.
func (c *Caller) pause(attempt int, err error) time.Duration {
	var after *RetryAfter
	if errors.As(err, &after) && after.In > 0 {
		return min(after.In, c.opt.MaxWait)
	}
	d := c.opt.Backoff << (attempt - 1)
	return min(d/2+rand.N(d/2+1), c.opt.MaxWait)
}

// outcome is an error in a word, for the ledger.
func outcome(err error) string {
	for _, o := range []struct {
		is   error
		word string
	}{
		{nil, "ok"},
		{source.ErrBudget, "budget"},
		{source.ErrDenied, "denied"},
		{source.ErrInvalid, "invalid"},
		{source.ErrThrottled, "throttled"},
		{source.ErrUnavailable, "unavailable"},
		{context.Canceled, "stopped"},
	} {
		if errors.Is(err, o.is) {
			return o.word
		}
	}
	return "failed"
}
