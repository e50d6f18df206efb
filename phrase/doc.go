// Package phrase is every sentence a report can contain, as data.
//
// A [Phrase] is a sentence with typed slots, in Japanese and in English, that
// code fills with values; nothing else is ever printed. It promises that both
// languages have the same slots, that no literal holds a number, that no two
// slots touch, and so that a printed line can be read back into the phrase and
// the values it was made of.
//
// The sentences, the chapters and the names of closed choices stand in
// data/*.yaml, which is the place to read or to change how a report sounds.
package phrase
