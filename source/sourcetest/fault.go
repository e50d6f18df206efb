package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// A Meter lets so many calls through, and keeps what was made. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	calls int
	bytes int64
	made  []source.Call
}

// NewMeter returns a meter for a number of calls, after which they come up against
// [source.ErrBudget], or as soon as they have brought a number of bytes; negative means any.
func NewMeter(calls int, bytes int64) *Meter { return &Meter{calls: calls, bytes: bytes} }

// Take takes a call from what is left.
func (m *Meter) Take(api string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls == 0 || m.bytes == 0 {
		return fmt.Errorf("%s: no calls are left: %w", api, source.ErrBudget)
	}
	m.calls--
	return nil
}

// Note keeps what a call came to.
func (m *Meter) Note(c source.Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made = append(m.made, c)
	if m.bytes > 0 {
		m.bytes = max(0, m.bytes-c.Bytes)
	}
}

// Made are the calls so far, in the order of their ends.
func (m *Meter) Made() []source.Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.made)
}

// kinds are what the error of a question wraps.
var kinds = []error{source.ErrDenied, source.ErrInvalid, source.ErrThrottled, source.ErrUnavailable, source.ErrBudget, context.Canceled, context.DeadlineExceeded}

// Held holds what a source said while its service misbehaved against the truth. A whole answer is
// the truth, a truncated one a part of it; any other says why it has no row, and an error of what
// kind it is.
func Held(t testing.TB, what string, got evidence.Answer, err error, truth evidence.Answer) {
	t.Helper()
	switch {
	case err != nil:
		if !slices.ContainsFunc(kinds, func(is error) bool { return errors.Is(err, is) }) {
			t.Errorf("%s: the error says nothing of its kind: %v", what, err)
		}
		if len(got.Rows) > 0 {
			t.Errorf("%s: %d rows beside the error %v", what, len(got.Rows), err)
		}
		return
	case got.Outcome == truth.Outcome:
		if d := Differ(got, truth); d != "" {
			t.Errorf("%s: a wrong answer: %s", what, d)
		}
		return
	}
	switch got.Outcome {
	case evidence.Truncated:
		if got.Reason == "" || len(got.Rows) == 0 {
			t.Errorf("%s: Truncated with %d rows and reason %q", what, len(got.Rows), got.Reason)
		}
		for _, r := range got.Rows {
			if !slices.ContainsFunc(truth.Rows, func(w evidence.Row) bool { return slices.EqualFunc(r, w, query.Value.Equal) }) {
				t.Errorf("%s: row %v is not there", what, r)
			}
		}
	case evidence.Failed, evidence.Throttled, evidence.Denied:
		if got.Reason == "" || len(got.Rows) > 0 {
			t.Errorf("%s: %s with %d rows and reason %q", what, got.Outcome, len(got.Rows), got.Reason)
		}
	case evidence.Found, evidence.Empty, evidence.NotCollected, evidence.NotYet, evidence.NotAsked:
		t.Errorf("%s: %s (%s), want %s with %d rows", what, got.Outcome, got.Reason, truth.Outcome, len(truth.Rows))
	default:
		t.Errorf("%s: an answer without an outcome", what)
	}
}
