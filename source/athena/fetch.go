package athena

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
)

// A part is one value of a record as it is fetched.
type part struct {
	path string
	form form
	time bool // the column says microseconds, not the record's own text
}

// fetching prints the query for the records that a question may be about, and the parts that its
// columns are. Where only those records come that match, the question's own limit bounds them.
func fetching(t *table, opt Options, q query.Query) (st statement, parts []part, err error) {
	if err := t.check(q); err != nil {
		return st, nil, err
	}
	schema, _ := query.SchemaOf(q.Dataset)
	c := &compiler{table: t, schema: schema}
	c.column(query.EventID)
	c.column(query.EventTime)
	add := func(p part, expr string) {
		c.beside, parts = append(c.beside, expr), append(parts, p)
		st.columns = append(st.columns, columnOut{name: p.path})
	}
	for _, l := range t.leaves {
		if l.form == moment && !t.textual(l) {
			add(part{l.path, l.form, true}, t.micros(l.path))
		} else {
			add(part{path: l.path, form: l.form}, t.leafText(l))
		}
	}
	if t.unmapped() {
		add(part{form: object}, `json_format(CAST("unmapped" AS json))`)
	}
	from, exact, err := c.from(opt, q)
	if err != nil {
		return st, nil, err
	}
	limit := opt.MaxRows
	if exact && len(q.Select) > 0 && len(q.Order) == 0 {
		limit = min(limit, q.Limit)
	}
	out := make([]string, len(parts))
	for i := range parts {
		out[i] = fmt.Sprintf("\"p%d\" AS %s", i+1, alias(i))
	}
	st.sql = fmt.Sprintf("%s\nSELECT %s\nFROM \"found\"\nWHERE \"nth\" = 1 OR \"event_id\" IS NULL\nORDER BY \"event_time\" ASC NULLS LAST, \"event_id\" ASC NULLS LAST\nLIMIT %d",
		from, strings.Join(out, ", "), limit+1)
	return st, parts, st.check()
}

// rebuilt is a record made of its parts.
func rebuilt(parts []part, row []*string) ([]byte, error) {
	record := map[string]any{}
	for i, p := range parts {
		if row[i] == nil {
			continue
		}
		v := *row[i]
		switch {
		case p.path == "":
			var more map[string]*string
			if err := json.Unmarshal([]byte(v), &more); err != nil {
				return nil, fmt.Errorf("unmapped values: %w", err)
			}
			for _, k := range sortedKeys(more) {
				if more[k] != nil {
					put(record, k, *more[k])
				}
			}
		case p.time:
			us, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.path, err)
			}
			put(record, p.path, time.UnixMicro(us).UTC().Format(time.RFC3339Nano))
		case p.form == truth && (v == "true" || v == "false"):
			put(record, p.path, v == "true")
		case p.form == object && json.Valid([]byte(v)):
			put(record, p.path, json.RawMessage(v))
		default:
			put(record, p.path, v)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(record)
	return bytes.TrimSpace(b.Bytes()), err
}

// put sets the value at a path, unless something stands there or on the way.
func put(record map[string]any, path string, v any) {
	steps := strings.Split(path, ".")
	for _, s := range steps[:len(steps)-1] {
		next, ok := record[s].(map[string]any)
		if !ok {
			if record[s] != nil {
				return
			}
			next = map[string]any{}
			record[s] = next
		}
		record = next
	}
	if last := steps[len(steps)-1]; record[last] == nil {
		record[last] = v
	}
}

// evaluate answers a question from records with the engine that serves local.
func evaluate(ctx context.Context, q query.Query, records [][]byte) (a evidence.Answer, err error) {
	dir, err := os.MkdirTemp("", "uratori-athena-*")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := local.Open(ctx, local.Options{Name: "fetched", Path: filepath.Join(dir, "fetched.duckdb")})
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if len(records) > 0 {
		file := filepath.Join(dir, "fetched.jsonl")
		if err := os.WriteFile(file, append(bytes.Join(records, []byte("\n")), '\n'), 0o600); err != nil {
			return a, err
		}
		if _, err := store.Ingest(ctx, []string{file}, nil); err != nil {
			return a, err
		}
		if err := whole(ctx, store, len(records)); err != nil {
			return a, err
		}
	}
	return store.Ask(ctx, q)
}

// whole tells whether the store could read every record that was fetched.
func whole(ctx context.Context, store *local.Store, n int) error {
	always := query.Window{From: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	a, err := store.Ask(ctx, query.Query{Dataset: query.CloudTrail, Window: always, Compute: []query.Aggregate{{Func: query.Count, As: "n"}}, Limit: 1})
	if err != nil {
		return err
	}
	read := int64(0)
	if len(a.Rows) == 1 {
		read = a.Rows[0][0].Int()
	}
	if read != int64(n) {
		return &unread{int64(n), read}
	}
	return nil
}

// An unread error is that of records that the store could not read.
type unread struct{ fetched, read int64 }

func (e *unread) Error() string {
	return fmt.Sprintf("%d records were fetched and %d of them could be read: %s", e.fetched, e.read, source.ErrUnavailable)
}
func (e *unread) Unwrap() error { return source.ErrUnavailable }
