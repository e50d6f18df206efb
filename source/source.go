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

// A Preparer is a Source that likes to know what will be asked before it is asked: what it
// fetches for one question may serve the others.
type Preparer interface {
	// Prepare is told the questions of a round. It makes no call.
	Prepare(qs []query.Query)
}

// A Search is one that a person wrote in a source's own language. $name in its text stands for a
// whole value; values are bound, never pasted.
type Search struct {
	Text    string
	Types   map[string]query.Type // the parameters that may be named
	Columns []string              // the fields of its rows that are kept
	Values  map[string]query.Value
	Window  query.Window // of the records' own time, or what the source takes for it
	Limit   int          // rows that are kept
}

// A Searcher is a Source that takes searches in a language of its own. What they answer are rows
// of texts, and nothing follows from them but what they say.
type Searcher interface {
	// Search runs a search. A search that could do more than read is refused with an error that
	// wraps [ErrInvalid].
	Search(ctx context.Context, s Search) (evidence.Answer, error)
}

// A Concurrent source can be asked several questions at once. Others are asked one after the
// other, in the order of the playbook.
type Concurrent interface {
	Concurrency() int // questions at once, at least 1
}

// A Gainsayer is a Source that holds no records of some kinds and tells whether their log is on. It
// is asked about an absence that another source claims: records of other things in the same
// account prove nothing of the one that was asked for.
type Gainsayer interface {
	Gainsays(kind string) bool
}

// What a source's error may wrap. Callers act on them; nobody reads error text to decide.
var (
	ErrDenied      = errors.New("refused")            // credentials or permission: asking again does not help
	ErrInvalid     = errors.New("refused as invalid") // the request itself: never sent again
	ErrThrottled   = errors.New("throttled")          // the source's own limit
	ErrUnavailable = errors.New("unavailable")        // down, or the connection broke
	ErrBudget      = errors.New("budget used up")     // ours: the call was not made
)

// A Meter is asked before every call to a remote API and told what it cost. It is safe for
// concurrent use.
type Meter interface {
	// Take reserves one call of api, such as "cloudtrail:LookupEvents". An error wraps
	// [ErrBudget] and says which part of the budget is used up: the call must not be made.
	Take(api string) error
	// Note records a call that was made, whatever came of it.
	Note(c Call)
}

// A Call is one call that was made to a remote API.
type Call struct {
	API     string // such as "cloudtrail:LookupEvents"
	Source  string // name of the source that called
	Account string // 12 digits, or ""
	Region  string
	Outcome string // "ok", or in a word what went wrong
	Pages   int64
	Rows    int64
	Bytes   int64 // received, or scanned where the service says so
}

type meterKey struct{}

// WithMeter returns a context whose calls are metered by m.
func WithMeter(ctx context.Context, m Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// MeterOf is the meter of a context; without one, calls are free.
func MeterOf(ctx context.Context) Meter {
	if m, ok := ctx.Value(meterKey{}).(Meter); ok {
		return m
	}
	return free{}
}

type free struct{}

func (free) Take(string) error { return nil }
func (free) Note(Call)         {}

// A Document is a response that is kept whole as evidence beside an answer: what a service said
// of its own settings, such as which trails it has. Secrets are redacted by who keeps it.
type Document struct {
	Source string // name of the source
	Name   string // the call that it answers, such as "cloudtrail:GetTrailStatus arn:aws:cloudtrail:..."
	Body   []byte // JSON
}

type witnessKey struct{}

// WithWitness returns a context in which documents are handed to keep, which may be called
// concurrently.
func WithWitness(ctx context.Context, keep func(Document)) context.Context {
	return context.WithValue(ctx, witnessKey{}, keep)
}

// Witness hands a document to whoever gathers evidence; without one it is forgotten.
func Witness(ctx context.Context, d Document) {
	if keep, ok := ctx.Value(witnessKey{}).(func(Document)); ok {
		keep(d)
	}
}
