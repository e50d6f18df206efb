// Package athena asks Amazon Athena: questions to CloudTrail become Trino SQL over the table of a
// trail's log files or over a Security Lake table.
//
// What the table's columns can say is computed by Athena. What SQL cannot say exactly (a value
// at any path of the record, its hash) is computed here, by the engine of package local, over
// records that are rebuilt from the table's columns: so the meaning is one, and "raw" is the
// record as the table keeps it, not as it was delivered.
//
// Every query is bounded by the table's partitions: those of its window and, where it names an
// account or Region or is asked for the scope of one, theirs. A table without a partition in time
// is only scanned where [Options.ScanAll] allows it and [Options.MaxBytes] limits it.
//
// Records with one event id are one event. Two records with one id and different content are judged each by itself,
// and one of those that match stands: the smallest, by the columns that the question reads in
// their order. A record without an id is an event of its own.
package athena
