// Package athenatest is a double of Amazon Athena for tests: tables made of CloudTrail records,
// and the operations that query them, on the server of package awstest.
//
// It reads the SQL that it is sent with a parser of its own and runs it with Trino's meaning:
// types are checked before anything runs, NULL is a group, comparisons with NULL are unknown,
// whole numbers divide to whole numbers, texts sort by their bytes. What it does not know, it
// refuses: a query that the double runs is SQL that Trino has. Rows come in no particular order
// where none is asked for.
package athenatest
