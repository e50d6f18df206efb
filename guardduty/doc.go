// Package guardduty fetches findings from Amazon GuardDuty, as they came, and what its own
// Investigation says of them.
//
// It reads only: nothing is archived, and no feedback is given. The one call that makes something
// is [Client.Investigate], which asks GuardDuty to begin an investigation of its own, and which
// nobody calls unless a person asked for it.
//
// What an Investigation says is a third party's word. [Claims] reads single claims out of it, and
// [Hold] holds each against our own facts; no fact is ever made of one.
package guardduty
