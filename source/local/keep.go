package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"uratori/query"
)

// A Fetch is a window of a remote place that was read to its end, and whose records are in the
// store. Key names the place and what was asked of it, in the words of who fetched.
type Fetch struct {
	Key    string
	Window query.Window
	Note   string // why the window is not whole all the same, such as a record that could not be read; "" if it is
}

// keeping lets one at a time write: two runs of an ingest would not see each other's records.
var keeping sync.Mutex

// Keep stores records that were fetched, as their log writes them. lost is how many could not be
// read; they are set aside as in an ingest.
//
// A store that Keep fills holds parts of logs: what it says of coverage proves nothing.
func (s *Store) Keep(ctx context.Context, records [][]byte) (lost int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep what was fetched in %s: %w", s.path, explain(err))
		}
	}()
	switch {
	case s.opt.ReadOnly:
		return 0, errors.New("the store is read-only")
	case len(records) == 0:
		return 0, ctx.Err()
	}
	keeping.Lock()
	defer keeping.Unlock()
	return s.keepRecords(ctx, records)
}

// keepRecords hands the records to an ingest: they are read, redacted and told apart in one way.
func (s *Store) keepRecords(ctx context.Context, records [][]byte) (lost int, err error) {
	dir, err := os.MkdirTemp("", "uratori-fetched-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := os.OpenFile(filepath.Join(dir, "fetched.jsonl"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	for _, r := range records {
		if _, err = f.Write(append(r[:len(r):len(r)], '\n')); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	rep, err := s.Ingest(ctx, []string{dir}, nil)
	if err != nil || rep.Known > 0 { // the very same records came before
		return 0, err
	}
	return len(records) - int(rep.Records+rep.Duplicates), nil
}

// fetchedTable is made when it is needed first: stores of earlier programs have none.
const fetchedTable = "CREATE TABLE IF NOT EXISTS fetched (key VARCHAR, from_us BIGINT, to_us BIGINT, note VARCHAR)"

// Remember marks windows as fetched, all of them or none. Their records must have been kept
// before: a window that is remembered then has its records, also after a crash.
func (s *Store) Remember(ctx context.Context, fetched ...Fetch) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("remember what was fetched in %s: %w", s.path, explain(err))
		}
	}()
	switch {
	case s.opt.ReadOnly:
		return errors.New("the store is read-only")
	case len(fetched) == 0:
		return ctx.Err()
	}
	keeping.Lock()
	defer keeping.Unlock()
	if _, err := s.db.ExecContext(ctx, fetchedTable); err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, f := range fetched {
		if _, err := tx.ExecContext(ctx, "INSERT INTO fetched VALUES (?, ?, ?, ?)", f.Key, f.Window.From.UnixMicro(), f.Window.To.UnixMicro(), f.Note); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// Fetched are the windows that are remembered under a key, by their beginning.
func (s *Store) Fetched(ctx context.Context, key string) ([]Fetch, error) {
	if !s.has(ctx, "fetched") {
		return nil, ctx.Err()
	}
	rows, err := s.db.QueryContext(ctx, "SELECT from_us, to_us, note FROM fetched WHERE key = ? ORDER BY from_us, to_us, note", key)
	if err != nil {
		return nil, fmt.Errorf("read what was fetched: %w", err)
	}
	defer rows.Close()
	var out []Fetch
	for rows.Next() {
		var from, to int64
		f := Fetch{Key: key}
		if err := rows.Scan(&from, &to, &f.Note); err != nil {
			return nil, fmt.Errorf("read what was fetched: %w", err)
		}
		f.Window = query.Window{From: time.UnixMicro(from).UTC(), To: time.UnixMicro(to).UTC()}
		out = append(out, f)
	}
	return out, rows.Err()
}
