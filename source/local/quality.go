package local

import (
	"context"

	"uratori/query"
)

// A Bad is a record that could not be read.
type Bad struct {
	File     string
	Position string
	Reason   string
	Sample   string
}

// Quality is what the store says of its own records. It depends on the files alone.
type Quality struct {
	Files             int64
	NotLogs           int64
	DuplicatesRemoved int64 // records left out because another of the same id was kept
	Conflicts         int64 // ids that came with different bytes
	Quarantined       int64
	FutureEvents      int64
	InvalidIPs        int64 // addresses that are no address
	Bad               []Bad // the first of them, by file and position
	Events            map[query.Dataset]int64
}

// Stats tells the quality of what was ingested. list bounds how many bad records are named.
func (s *Store) Stats(ctx context.Context, list int) (Quality, error) {
	q := Quality{Events: map[query.Dataset]int64{}}
	rows, err := s.db.QueryContext(ctx, "SELECT name, n FROM counters")
	if err != nil {
		return q, err
	}
	defer rows.Close()
	into := map[string]*int64{
		"files": &q.Files, "not_logs": &q.NotLogs, "duplicates": &q.DuplicatesRemoved,
		"quarantined": &q.Quarantined, "future": &q.FutureEvents, "invalid_ips": &q.InvalidIPs,
	}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return q, err
		}
		if p := into[name]; p != nil {
			*p = n
		}
	}
	if err := rows.Err(); err != nil {
		return q, err
	}
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM conflicts").Scan(&q.Conflicts); err != nil {
		return q, err
	}
	for _, schema := range query.Schemas() {
		var n int64
		if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM "+string(schema.Dataset)).Scan(&n); err != nil {
			return q, err
		}
		q.Events[schema.Dataset] = n
	}
	bad, err := s.db.QueryContext(ctx, "SELECT file, position, reason, sample FROM quarantine ORDER BY file, length(position), position, reason LIMIT ?", list)
	if err != nil {
		return q, err
	}
	defer bad.Close()
	for bad.Next() {
		var b Bad
		if err := bad.Scan(&b.File, &b.Position, &b.Reason, &b.Sample); err != nil {
			return q, err
		}
		q.Bad = append(q.Bad, b)
	}
	return q, bad.Err()
}
