// Package report turns checked statements into the document that people and programs read.
//
// [Compose] takes a verify.Checked and nothing else, so unverified prose cannot
// reach a reader. The [Document] it makes is complete: Markdown, JSON and every
// other form are printed from it alone. The same evidence, configuration and
// version give the same bytes; no clock is read here.
package report
