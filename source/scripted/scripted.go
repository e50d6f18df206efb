// Package scripted makes a source misbehave on purpose, as its script says.
//
// A scenario uses it to rehearse what sources do in real life: refuse, throttle, time out.
// Everything the script does not speak of goes to the source behind it.
package scripted

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// A Step says what happens to some calls of a dataset.
type Step struct {
	Dataset query.Dataset // "" for any
	Calls   string        // which calls of that dataset: "1", "1-3" or "2-", counted from 1
	Outcome evidence.Outcome
	Reason  string
}

// A Source is a source with a script. It is safe for concurrent use.
type Source struct {
	behind source.Source
	steps  []bounded

	mu    sync.Mutex
	calls map[query.Dataset]int
}

type bounded struct {
	Step
	from, to int
}

// New returns behind with a script. A call range that cannot be read is an error.
func New(behind source.Source, steps []Step) (*Source, error) {
	s := &Source{behind: behind, calls: map[query.Dataset]int{}}
	for i, st := range steps {
		from, to, err := Range(st.Calls)
		if err != nil {
			return nil, fmt.Errorf("script of source %q, step %d: %w", behind.Name(), i+1, err)
		}
		s.steps = append(s.steps, bounded{st, from, to})
	}
	return s, nil
}

// Range reads "1", "1-3" or "2-". An open end is the largest int.
func Range(text string) (from, to int, err error) {
	first, last, isRange := strings.Cut(text, "-")
	from, err = strconv.Atoi(first)
	to = from
	switch {
	case err != nil:
	case isRange && last == "":
		to = int(^uint(0) >> 1)
	case isRange:
		to, err = strconv.Atoi(last)
	}
	if err != nil || from < 1 || to < from {
		return 0, 0, fmt.Errorf("calls %q is no range; write \"1\", \"1-3\" or \"2-\"", text)
	}
	return from, to, nil
}

// Name is the name of the source behind.
func (s *Source) Name() string { return s.behind.Name() }

// Behind is the source that answers what the script leaves alone.
func (s *Source) Behind() source.Source { return s.behind }

// Covers asks the source behind.
func (s *Source) Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	return s.behind.Covers(ctx, scope)
}

// Ask follows the script, else asks the source behind.
func (s *Source) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	s.mu.Lock()
	s.calls[q.Dataset]++
	n := s.calls[q.Dataset]
	s.mu.Unlock()
	for _, st := range s.steps {
		if (st.Dataset == "" || st.Dataset == q.Dataset) && n >= st.from && n <= st.to {
			return evidence.Answer{Outcome: st.Outcome, Reason: st.Reason, Native: q.String(), Calls: 1}, nil
		}
	}
	return s.behind.Ask(ctx, q)
}
