// Package source says what a place is where a question can be asked.
//
// A place tells what it covers before it is asked, and an answer it cannot give
// is an answer too: refusals, throttling and truncation are outcomes, not errors.
package source

import (
	"context"
	"errors"

	"uratori/evidence"
	"uratori/query"
)

// A Source answers questions from one place where logs are kept.
type Source interface {
	// Name is the source's name in the configuration, such as "splunk-prod".
	Name() string
	// Covers says, interval by interval, whether the source holds the records of scope,
	// and if not, why. The intervals partition scope.Window.
	Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error)
	// Ask puts q. A source that refuses, throttles or truncates says so in the
	// Answer's Outcome; the error is for answers that never came.
	Ask(ctx context.Context, q query.Query) (evidence.Answer, error)
}

// What a source's error may wrap. Callers act on them; nobody reads error text to decide.
var (
	ErrDenied    = errors.New("refused")
	ErrThrottled = errors.New("throttled")
)
