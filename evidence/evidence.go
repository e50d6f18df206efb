// Package evidence keeps every answer a log source gave, exactly as it came.
//
// An [Item] is never changed after it is stored, and absence is an answer too:
// a question that found nothing, was denied, or asked for logs that nobody
// collects is an Item with that [Outcome]. A report may say "we could not look"
// only because such an Item exists.
package evidence

import (
	"time"

	"uratori/query"
)

// An Outcome says how a question ended.
type Outcome uint8

// The outcomes. Only Found, Empty and Truncated carry an answer.
const (
	Found        Outcome = iota + 1 // rows, all of them
	Empty                           // no row, and the source says so
	Truncated                       // rows, but not all of them
	NotCollected                    // nobody records what was asked for
	NotYet                          // the window is younger than the delivery delay
	NotAsked                        // a parameter of the question never became known
	Denied                          // the source refused us or the question
	Throttled                       // the source's limit or our budget was reached
	Failed                          // the source was down, or answered nonsense
)

// A State says whether a kind of record was collected.
type State uint8

// The states of coverage. The zero State is Unknown: nothing is claimed.
const (
	Unknown State = iota
	Collected
	NotCollectedState // printed NotCollected
)

// Coverage tells for one scope and window whether records of that kind were collected, and why we think so.
type Coverage struct {
	Source  string       // the source that tells, such as "splunk-prod"
	Kind    string       // kind of record, such as "s3_data"
	Account string       // 12 digits, or "" for any
	Region  string       // such as "ap-northeast-1", or "" for any
	Window  query.Window // UTC, half-open
	State   State
	Why     Reason   // how we know
	Detail  string   // what was read for it: a trail's name, a file; may be hostile text
	Trails  []string // CloudTrail only: the trails that were logging then, sorted; empty when not known
}

// A Reason is how a state of coverage is known. It is a closed set so that it can be said in two languages.
type Reason string

// The reasons.
const (
	WhyRecords    Reason = "records"     // records stand in this hour or in both beside it
	WhyHole       Reason = "hole"        // two hours or more without a record
	WhyNoRecords  Reason = "no_records"  // not one record of this scope
	WhySelectors  Reason = "selectors"   // a trail's event selectors record or leave out this kind
	WhyNoTrail    Reason = "no_trail"    // no trail records this kind
	WhySetting    Reason = "setting"     // the settings of the service's own log leave it off
	WhyStopped    Reason = "stopped"     // logging was stopped (StopLogging, DeleteTrail)
	WhyRetention  Reason = "retention"   // older than the source keeps: it may have been collected, and can no longer be seen
	WhyDelay      Reason = "delay"       // younger than the delivery delay
	WhyHistory    Reason = "history"     // the service itself keeps a history of this kind, whatever is configured
	WhyAsserted   Reason = "asserted"    // the configuration asserts it
	WhyNotHeld    Reason = "not_held"    // the source does not hold this kind of record at all
	WhyNoResponse Reason = "no_response" // the source could not be asked
)

// An Answer is what one source said to one question.
type Answer struct {
	Outcome Outcome
	Native  string    // the question in the source's own language, with its bound values, as anyone could run it
	Columns []string  // names of the columns, in order
	Rows    []Row     // in the order asked for, else by (time, event id, sha256 of raw), bytewise
	Reason  string    // for people, when there is no answer: what the source said; may be hostile text
	Taken   time.Time // when the source answered, UTC; not part of the hash
	Elapsed time.Duration
	Calls   int   // calls made for this answer, retries included; not part of the hash
	Pages   int   // pages read; not part of the hash
	Bytes   int64 // received, or scanned where the source says so; not part of the hash
}

// A Row holds one value for each column.
type Row []query.Value
