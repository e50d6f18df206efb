// Package policy says how much the facts matter, and why.
//
// A policy is data: features that name facts, rules with points and floors, the evidence a
// family of findings requires, and catalogues of gaps and actions, each with its reason in
// Japanese and English. [Load] checks all of it, down to the names inside conditions.
//
// [Policy.Assess] is pure. It promises that
//
//   - a rule whose facts are not known is never guessed: it is listed as not judged and raises
//     the ceiling, the score if every such rule had fired;
//   - missing required evidence forbids "benign" and caps confidence, and never lowers
//     "suspicious" or "malicious", so that who stops the logging gains nothing by it;
//   - an inconclusive assessment says which gaps hold it and what would settle them.
//
// Conditions are written in CEL without loops, arithmetic or functions that can fail.
package policy
