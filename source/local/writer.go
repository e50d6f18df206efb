package local

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"uratori/query"
	"uratori/source/coverage"
)

// A writer puts rows into the store, inside a transaction.
//
// Rows are gathered into groups, and each group is written in an order that puts the same
// principal's same calls side by side: alike records compress to two thirds, and a question about
// one principal reads few stretches of the store. No answer depends on that order.
type writer struct {
	in     *ingest
	conn   *sql.Conn
	tables map[string]*table
	groups map[query.Dataset]*group
	hours  map[hoursOf]map[int64]int64 // records by hour since 1970
	last   struct {                    // whose record was counted last: neighbours are alike
		of hoursOf
		by map[int64]int64
	}
	drop  map[query.Dataset]map[string]string // id -> sha256 of the row that stays
	rows  int                                 // not committed
	bytes int                                 // of their texts
	open  bool
}

// A group is rows of one dataset that are written together.
type group struct {
	batches []*batch
	rows    []place
	bytes   int
}

// A place is where a row of a group stands, and what it is sorted by.
type place struct {
	near   uint64
	micros int64
	batch  uint32
	row    uint32
}

// others are the tables beside those of the datasets that rows are appended to.
var others = []string{"files", "quarantine", "documents", "conflicts", "hours", "statuses"}

func newWriter(in *ingest, conn *sql.Conn) (_ *writer, err error) {
	w := &writer{in: in, conn: conn, tables: map[string]*table{}, groups: map[query.Dataset]*group{}, hours: map[hoursOf]map[int64]int64{}, drop: map[query.Dataset]map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(true))
		}
	}()
	names := slices.Clone(others)
	for _, s := range query.Schemas() {
		names = append(names, string(s.Dataset))
		w.groups[s.Dataset] = &group{}
		w.drop[s.Dataset] = map[string]string{}
	}
	err = conn.Raw(func(dc any) error {
		c, err := handle(dc)
		if err != nil {
			return err
		}
		for _, name := range names {
			if w.tables[name], err = newTable(c, name); err != nil {
				delete(w.tables, name)
				return err
			}
		}
		return nil
	})
	return w, err
}

func (w *writer) begin(ctx context.Context) error {
	if err := w.exec(ctx, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	w.open = true
	return nil
}

// add takes the rows that are new.
func (w *writer) add(ctx context.Context, b *batch) error {
	in, g := w.in, w.groups[b.dataset]
	latest := int64(1<<63 - 1)
	if !in.store.opt.Now.IsZero() {
		latest = in.store.opt.Now.UnixMicro() + 24*int64(3600*1e6)
	}
	id := shapes[b.dataset].idColumn
	width := len(shapes[b.dataset].columns)
	kept := len(g.rows)
	for i := range b.rows {
		r := &b.rows[i]
		h := headOf(&r.sha)
		if before, ok := in.seen[r.key]; ok {
			in.report.Duplicates++
			in.counts["duplicates"]++
			if before == h {
				continue
			}
			text := b.string(b.vals[i*width+id])
			if err := w.conflict(conflict{b.dataset, text}); err != nil {
				return err
			}
			if h > before {
				continue
			}
			w.drop[b.dataset][text] = fmt.Sprintf("%x", r.sha)
		}
		in.seen[r.key] = h
		if r.micros > latest {
			in.counts["future"]++
		}
		in.report.Records++
		w.count(b, b.vals[i*width:][:width], r.micros)
		g.rows = append(g.rows, place{r.near, r.micros, uint32(len(g.batches)), uint32(i)})
	}
	if len(g.rows) == kept {
		in.done(b)
		return nil
	}
	g.batches = append(g.batches, b)
	g.bytes += len(b.texts)
	w.rows += len(g.rows) - kept
	w.bytes += len(b.texts)
	if w.bytes >= longBytes && w.bytes/w.rows >= longRow {
		// A commit takes 2048 rows at once into memory: few rows so long are committed before they are
		// that many. Should the file not be read to its end, reading it again finds them as duplicates.
		if err := w.commit(ctx); err != nil {
			return err
		}
		if err := w.exec(ctx, "CHECKPOINT store"); err != nil {
			return err
		}
		return w.begin(ctx)
	}
	if len(g.rows) >= groupRows || g.bytes >= groupBytes {
		return w.settle(ctx, b.dataset)
	}
	return nil
}

// conflict notes an id that came with different bytes.
func (w *writer) conflict(c conflict) error {
	if w.in.clash[c] {
		return nil
	}
	w.in.clash[c] = true
	return w.tables["conflicts"].row(string(c.dataset), c.id)
}

// settle writes a group: what is alike side by side, the earliest first.
func (w *writer) settle(ctx context.Context, d query.Dataset) (err error) {
	g, t, width := w.groups[d], w.tables[string(d)], len(shapes[d].columns)
	slices.SortFunc(g.rows, func(a, b place) int {
		switch {
		case a.near != b.near:
			return cmp.Compare(a.near, b.near)
		case a.micros != b.micros:
			return cmp.Compare(a.micros, b.micros)
		case a.batch != b.batch:
			return cmp.Compare(a.batch, b.batch)
		}
		return cmp.Compare(a.row, b.row)
	})
	var pin runtime.Pinner // DuckDB copies the texts when a chunk is handed over
	defer pin.Unpin()
	for _, b := range g.batches {
		pin.Pin(&b.texts[0])
	}
	err = w.conn.Raw(func(any) error { // the connection is ours meanwhile
		for _, p := range g.rows {
			b := g.batches[p.batch]
			t.take(b, b.vals[int(p.row)*width:][:width])
			if !t.full() {
				continue
			}
			if err := t.hand(); err != nil {
				return err
			}
			if t.rows >= flushRows || t.unflushed >= flushBytes {
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
				if err := t.flush(); err != nil {
					return err
				}
			}
		}
		return t.flush()
	})
	for _, b := range g.batches {
		w.in.done(b)
	}
	g.batches, g.rows, g.bytes = g.batches[:0], g.rows[:0], 0
	return err
}

// count counts a row by its kind and hour.
func (w *writer) count(b *batch, row []val, micros int64) {
	sh := shapes[b.dataset]
	look := func(f int) string {
		if v := row[f]; v.size > 0 {
			return view(b.texts[v.n : v.n+int64(v.size)])
		}
		return ""
	}
	no := func(f int) bool { return row[f].size == isNumber && row[f].n == 0 }
	var of hoursOf
	if b.dataset == query.SignIn {
		of.kind = query.KindSignIn
		if no(sh.counted[0]) || look(sh.counted[1]) == "NonInteractiveUserSignInLogs" {
			of.kind = query.KindNonInteractive
		}
	} else if kind, one := oneKind[b.dataset]; one {
		of.kind, of.account, of.region = kind, look(sh.counted[0]), look(sh.counted[1])
	} else {
		of.kind = kindOf(look(sh.counted[1]), look(sh.counted[2]), no(sh.counted[0]))
		of.account, of.region = look(sh.counted[3]), look(sh.counted[4])
	}
	if of != w.last.of || w.last.by == nil {
		by := w.hours[of]
		if of.account, of.region = strings.Clone(of.account), strings.Clone(of.region); by == nil {
			by = map[int64]int64{}
			w.hours[of] = by
		}
		w.last.of, w.last.by = of, by
	}
	w.last.by[coverage.FloorDiv(micros, hour)]++
}

// file ends a file: its place in the manifest, its bad records, its documents.
func (w *writer) file(ctx context.Context, f found, res fileResult) error {
	in := w.in
	switch {
	case res.known:
		in.report.Known++
		return nil
	case !res.isLog:
		// A file in which nothing is a record is no log; what is bad in it is not told of.
		in.report.NotLogs++
		in.counts["not_logs"]++
		res.bad, res.badCount = nil, 0
	default:
		in.report.Files++
		in.counts["files"]++
	}
	in.report.Bad += res.badCount
	in.counts["quarantined"] += res.badCount
	in.counts["invalid_ips"] += res.badIPs
	if res.sha != "" && !in.listed[res.sha] {
		in.listed[res.sha] = true
		if err := w.tables["files"].row(res.sha, valid(f.name), res.records, res.isLog); err != nil {
			return err
		}
	}
	for _, q := range res.bad {
		if err := w.tables["quarantine"].row(valid(q.file), q.position, valid(q.reason), q.sample); err != nil {
			return err
		}
	}
	for _, d := range res.documents {
		if in.documents[d.sha] {
			continue
		}
		in.documents[d.sha] = true
		if err := w.tables["documents"].row(d.sha, valid(d.name), valid(d.body)); err != nil {
			return err
		}
	}
	for _, s := range slices.SortedFunc(maps.Keys(res.statuses), func(a, b statusOf) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	}) {
		if in.statuses[s] {
			continue
		}
		in.statuses[s] = true
		if err := w.tables["statuses"].row(s.kind, s.account, s.region, s.hour, s.lost); err != nil {
			return err
		}
	}
	if w.rows >= commitRows {
		if err := w.commit(ctx); err != nil {
			return err
		}
		return w.begin(ctx)
	}
	return nil
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (w *writer) exec(ctx context.Context, q string) error {
	_, err := w.conn.ExecContext(ctx, q)
	return err
}

// commit makes what was read so far last: rows, manifest, counters and coverage together.
func (w *writer) commit(ctx context.Context) error {
	for _, s := range query.Schemas() {
		if err := w.settle(ctx, s.Dataset); err != nil {
			return err
		}
	}
	hours := w.tables["hours"]
	for _, of := range slices.SortedFunc(maps.Keys(w.hours), func(a, b hoursOf) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	}) {
		for _, h := range slices.Sorted(maps.Keys(w.hours[of])) {
			if err := hours.row(of.kind, of.account, of.region, h, w.hours[of][h]); err != nil {
				return err
			}
		}
	}
	clear(w.hours)
	w.last.by = nil
	err := w.conn.Raw(func(any) error {
		for _, name := range others {
			if err := w.tables[name].flush(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.displace(ctx); err != nil {
		return err
	}
	var counters []string
	for _, name := range slices.Sorted(maps.Keys(w.in.counts)) {
		counters = append(counters, fmt.Sprintf("(%s, %d)", sqlText(name), w.in.counts[name]))
	}
	if len(counters) > 0 {
		if err := w.exec(ctx, "INSERT OR REPLACE INTO counters VALUES "+strings.Join(counters, ", ")); err != nil {
			return err
		}
	}
	w.open, w.rows, w.bytes = false, 0, 0
	return w.exec(ctx, "COMMIT")
}

// displace takes rows out whose id came again with a smaller hash.
func (w *writer) displace(ctx context.Context) error {
	for _, s := range query.Schemas() {
		d := s.Dataset
		for ids := range slices.Chunk(slices.Sorted(maps.Keys(w.drop[d])), 1000) {
			pairs := make([]string, len(ids))
			for i, id := range ids {
				pairs[i] = fmt.Sprintf("(%s, '%s')", sqlText(id), w.drop[d][id])
			}
			of := fmt.Sprintf("(VALUES %s) AS stays(id, sha)", strings.Join(pairs, ", "))
			const which = "event_id = stays.id AND sha256(raw) > stays.sha"
			if err := w.exec(ctx, uncount(d, fmt.Sprintf("%s, %s WHERE %s", d, of, which))); err != nil {
				return err
			}
			if err := w.exec(ctx, fmt.Sprintf("DELETE FROM %s USING %s WHERE %s", d, of, which)); err != nil {
				return err
			}
		}
		clear(w.drop[d])
	}
	return nil
}

// close gives everything back; after a failure what was not committed is undone.
func (w *writer) close(failed bool) error {
	_ = w.conn.Raw(func(any) error {
		for _, t := range w.tables {
			if failed {
				_ = mapping.AppenderClear(t.app)
			}
			t.free()
		}
		return nil
	})
	w.tables = nil
	if !w.open {
		return nil
	}
	w.open = false
	return w.exec(context.Background(), "ROLLBACK")
}
