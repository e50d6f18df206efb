// Package verify admits a draft, statement by statement, or strikes it out.
//
// It promises that every line of a [Checked] has a phrase of the book, values
// that stand in the facts, guards that hold, comparisons of like with like, and
// coverage for every absence. It shares no judgement with the narrator: it reads
// facts and evidence again by itself. A struck statement is replaced by what
// the default plan says, and only its reason is kept.
package verify
