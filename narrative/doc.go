// Package narrative decides which statements a report makes, and in which order.
//
// A [Narrator] chooses among phrases and facts; it never writes a value or a
// word of its own. The default narrator follows the [Plan], which is data; a
// model may take its place and gets the same choices. What comes out is a
// [Draft]: ids only, to be held against the facts by package verify before
// anyone reads it.
package narrative
