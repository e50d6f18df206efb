// Package reread is the second door: it reads the finished bytes of a report and proves them
// against what the evidence says.
//
// It promises that every byte of an accepted report was recognised: each statement was read
// back into its phrase and the values of its slots, each cell into its value, and each value
// equals that of a fact derived again from the evidence. A line that no rule recognises, one
// too many, one too few or one in another place is refused, and so is the absence of anything
// whose coverage does not prove it.
//
// It shares the phrase book with the renderer and no code: whatever that prints is undone here
// by an inverse of its own and compared as a value, never by printing again.
package reread

import (
	"fmt"
	"time"
)

// A Run is what a report says of the run that made it: the values that no fact carries.
type Run struct {
	Version     int       // of the report; 0 reads as 1
	Provisional bool      // logs may still arrive
	Next        time.Time // when the logs will be asked again; zero when they will not
	Changes     string    // what changed since the last version; empty for the first
	Budget      []Used
	Versions    []Versioned
	LedgerHead  string // hash of the last entry of the ledger; may be empty
}

// Used is one row of the budget.
type Used struct {
	Name  string
	Used  int64
	Limit int64 // 0: none
}

// Versioned names one thing that the report depends on.
type Versioned struct {
	Name  string
	Value string
}

// A Refusal says where finished bytes are not what the evidence says: the first such place.
type Refusal struct {
	Line int    // 1-based
	Text string // what stands there, shortened
	Why  string
}

// Error is the refusal in one line.
func (r *Refusal) Error() string {
	return fmt.Sprintf("report line %d: %s: %q; print the report again from its bundle", r.Line, r.Why, r.Text)
}

// shownLimit is how many characters of a refused line a Refusal quotes.
const shownLimit = 160

func refuse(line int, text, why string, args ...any) *Refusal {
	n := 0
	for i := range text {
		if n == shownLimit {
			text = text[:i] + "…"
			break
		}
		n++
	}
	return &Refusal{Line: line, Text: text, Why: fmt.Sprintf(why, args...)}
}
