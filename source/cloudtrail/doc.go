// Package cloudtrail asks the event history of AWS accounts: LookupEvents of the CloudTrail API.
//
// Event history holds the management events of the last 90 days, in every account and Region,
// whatever its trails are; it holds no data events. LookupEvents takes one attribute a call and
// is slow (two requests a second for an account and Region), so a question is answered in two
// steps: events that may match are fetched by the most selective attribute into an embedded
// store, and the store answers the question, with the meaning that it has everywhere. A window
// that was fetched is remembered and never fetched again. What does not fit the page budget
// makes the answer Truncated: its counts mean "at least".
//
// The last quarter of an hour is not settled: events arrive late. It is shown, and told as
// not yet known. [Source.Trails] tells what the trails of an account record.
package cloudtrail
