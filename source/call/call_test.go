package call_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"uratori/source"
	"uratori/source/call"
)

// A meter that allows so many calls and writes down what was made.
type meter struct {
	mu   sync.Mutex
	left int
	made []source.Call
}

func (m *meter) Take(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return fmt.Errorf("calls: %w", source.ErrBudget)
	}
	m.left--
	return nil
}

func (m *meter) Note(c source.Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made = append(m.made, c)
}

// answers makes a request that fails with each error in turn, then succeeds.
func answers(errs ...error) (call.Request, *int) {
	n := new(int)
	return call.Request{
		Key: call.Key{API: "cloudtrail:LookupEvents", Account: "111122223333", Region: "us-east-1"}, Endpoint: "https://cloudtrail.example", Source: "api",
		Do: func(context.Context) (call.Cost, error) {
			*n++
			if *n <= len(errs) {
				return call.Cost{}, errs[*n-1]
			}
			return call.Cost{Pages: 1, Rows: 50}, nil
		},
	}, n
}

func TestOnlyWhatAnotherTryMayMendIsTriedAgain(t *testing.T) {
	throttled := fmt.Errorf("lookup: %w", source.ErrThrottled)
	for _, c := range []struct {
		name  string
		errs  []error
		calls int
		want  error
	}{
		{"succeeds", nil, 1, nil},
		{"throttled once", []error{throttled}, 2, nil},
		{"unavailable twice", []error{source.ErrUnavailable, source.ErrUnavailable}, 3, nil},
		{"throttled for good", []error{throttled, throttled, throttled, throttled}, 3, source.ErrThrottled},
		{"denied", []error{source.ErrDenied}, 1, source.ErrDenied},
		{"invalid is never sent again", []error{source.ErrInvalid}, 1, source.ErrInvalid},
		{"unknown errors end it", []error{errors.New("nonsense")}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, n := answers(c.errs...)
				m := &meter{left: 100}
				calls, err := call.New(call.Options{}).Do(source.WithMeter(t.Context(), m), r)
				if calls != c.calls || *n != c.calls || len(m.made) != c.calls {
					t.Errorf("%d calls told, %d made, %d metered; want %d", calls, *n, len(m.made), c.calls)
				}
				if c.want != nil && !errors.Is(err, c.want) || c.want == nil && err != nil && c.name != "unknown errors end it" {
					t.Errorf("error %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestBudgetEndsBeforeTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, n := answers(source.ErrThrottled, source.ErrThrottled, source.ErrThrottled)
		calls, err := call.New(call.Options{}).Do(source.WithMeter(t.Context(), &meter{left: 2}), r)
		if !errors.Is(err, source.ErrBudget) || calls != 2 || *n != 2 {
			t.Errorf("%d calls (%d made), error %v; want 2 and the budget", calls, *n, err)
		}
	})
}

func TestRetryAfterIsHonouredWithinBounds(t *testing.T) {
	for in, want := range map[time.Duration]time.Duration{3 * time.Second: 3 * time.Second, time.Hour: 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := answers(&call.RetryAfter{Err: source.ErrThrottled, In: in})
			began := time.Now()
			if _, err := call.New(call.Options{}).Do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got != want {
				t.Errorf("waited %s for %s, want %s", got, in, want)
			}
		})
	}
}

// Eight investigations at once stay below the service's limit of two requests in any second.
func TestOnePaceForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := call.New(call.Options{Paces: map[string]call.Pace{"cloudtrail:LookupEvents": {PerSecond: 1.5, Burst: 1}}})
		var mu sync.Mutex
		var at []time.Time
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					r, _ := answers()
					r.Do = func(context.Context) (call.Cost, error) {
						mu.Lock()
						defer mu.Unlock()
						at = append(at, time.Now())
						return call.Cost{}, nil
					}
					if _, err := c.Do(t.Context(), r); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		slices.SortFunc(at, time.Time.Compare)
		for i := range at {
			n := 0
			for _, b := range at[i:] {
				if b.Sub(at[i]) < time.Second {
					n++
				}
			}
			if n > 2 {
				t.Fatalf("%d calls within a second", n)
			}
		}
		if len(at) != 40 {
			t.Errorf("%d calls made, want 40", len(at))
		}
	})
}

func TestBreakerLeavesADeadEndpointAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := call.New(call.Options{Attempts: 1})
		dead, n := answers(slices.Repeat([]error{source.ErrUnavailable}, 5)...)
		for range 20 {
			if _, err := c.Do(t.Context(), dead); !errors.Is(err, source.ErrUnavailable) {
				t.Fatalf("error %v, want unavailable", err)
			}
		}
		if *n != 5 {
			t.Errorf("a dead endpoint was called %d times, want 5", *n)
		}
		other, _ := answers()
		other.Endpoint = "https://other.example"
		if _, err := c.Do(t.Context(), other); err != nil {
			t.Errorf("another endpoint: %v", err)
		}
		time.Sleep(31 * time.Second)
		if _, err := c.Do(t.Context(), dead); err != nil || *n != 6 {
			t.Errorf("after a while: %v, %d calls; want to be asked again", err, *n)
		}
	})
}
