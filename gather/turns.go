package gather

import (
	"context"
	"sync"

	"uratori/source"
)

// Turns keep the investigations of a process, together, from putting more questions to a source at
// once than it takes. The nil Turns leave each investigation to itself. They are safe for
// concurrent use.
type Turns struct {
	mu   sync.Mutex
	free map[string]chan struct{} // by name of the source
}

// NewTurns returns turns of which none is taken.
func NewTurns() *Turns { return &Turns{free: map[string]chan struct{}{}} }

// atOnce is how many questions a source takes at once.
func atOnce(s source.Source) int {
	if c, ok := s.(source.Concurrent); ok {
		return max(1, c.Concurrency())
	}
	return 1
}

// take waits for a turn at a source, or for the end of ctx; done gives it back.
func (t *Turns) take(ctx context.Context, s source.Source) (done func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	t.mu.Lock()
	free := t.free[s.Name()]
	if free == nil {
		free = make(chan struct{}, atOnce(s))
		t.free[s.Name()] = free
	}
	t.mu.Unlock()
	select {
	case free <- struct{}{}:
		return func() { <-free }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
