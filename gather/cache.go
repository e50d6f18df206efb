package gather

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// rememberFor is how long a whole answer counts for other investigations; late records come
// within it.
const rememberFor = time.Hour

// remembered is how many rows a cache holds at most, over all of its answers.
const rememberedRows = 200_000

// A Cache is what earlier investigations of this process were answered, by source, canonical
// question and scope. It keeps whole answers for an hour, and questions that a source refused
// as invalid for good, so that they are never sent again. The nil Cache remembers nothing. It is
// safe for concurrent use.
type Cache struct {
	mu      sync.Mutex
	answers map[string]remembered
	rows    int
}

type remembered struct {
	said
	until time.Time // zero: for good
}

// NewCache returns an empty cache.
func NewCache() *Cache { return &Cache{answers: map[string]remembered{}} }

func cacheKey(name string, q query.Query, scope query.Scope) string {
	return fmt.Sprintf("%s|%s|%+v", name, q, scope)
}

func (c *Cache) get(name string, q query.Query, scope query.Scope, now time.Time) (said, bool) {
	if c == nil {
		return said{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.answers[cacheKey(name, q, scope)]
	if !ok || !k.until.IsZero() && !now.Before(k.until) {
		return said{}, false
	}
	return k.said, true
}

// put remembers an answer that will be the same within the hour: one that is whole, or a refusal.
func (c *Cache) put(name string, q query.Query, scope query.Scope, k said, err error, now time.Time) {
	whole := err == nil && !delayed(k.coverage) && (k.answer.Outcome == evidence.Found || k.answer.Outcome == evidence.Empty || k.answer.Outcome == evidence.Truncated)
	refused := errors.Is(err, source.ErrInvalid)
	if c == nil || !whole && !refused {
		return
	}
	r := remembered{said: k}
	if whole {
		r.until = now.Add(rememberFor)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows+len(k.answer.Rows) > rememberedRows {
		clear(c.answers) // rare, and only costs a second asking; a refusal is refused again
		c.rows = 0
	}
	c.answers[cacheKey(name, q, scope)] = r
	c.rows += len(k.answer.Rows)
}
