package local

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"uratori/query"
)

// Progress is how far an ingest has come.
type Progress struct {
	Files, OfFiles int
	Bytes, OfBytes int64 // of the files as they lie on disk
	Records        int64
}

// A Report says what an ingest did.
type Report struct {
	Files      int   // read now
	Known      int   // read before, left alone
	NotLogs    int   // no logs
	Records    int64 // stored now
	Duplicates int64 // removed now
	Bad        int64 // quarantined now
}

// How rows travel and when they are made safe.
const (
	batchRows  = 512
	flushRows  = 5_000
	commitRows = 150_000
)

// Ingest reads every log among the files and folders of roots. A file that was read before is
// left alone. If ctx ends, what was committed before stays and the rest is not there at all.
func (s *Store) Ingest(ctx context.Context, roots []string, tell func(Progress)) (rep Report, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("ingest into %s: %w", s.path, explain(err))
		}
	}()
	if s.opt.ReadOnly {
		return rep, errors.New("the store is read-only")
	}
	in := &ingest{store: s, report: &rep, tell: tell}
	if err := in.find(roots); err != nil {
		return rep, err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return rep, err
	}
	defer conn.Close()
	if err := in.load(ctx, conn); err != nil {
		return rep, err
	}
	if err := in.run(ctx, conn); err != nil {
		return rep, err
	}
	if _, err := conn.ExecContext(ctx, "CHECKPOINT store"); err != nil {
		return rep, err
	}
	return rep, nil
}

// An ingest is one run over a list of files.
type ingest struct {
	store  *Store
	report *Report
	tell   func(Progress)

	files  []found
	bytes  int64
	known  map[string]bool // sha256 of files read by earlier runs; not changed while readers look at it
	seen   map[eventKey]shaHead
	clash  map[string]map[string]bool // dataset -> ids with different bytes
	drop   []dropped                  // rows to take out again: the larger hash of one id
	counts map[string]int64
	seeds  [2]maphash.Seed

	progress Progress
}

type found struct {
	path string
	name string // for people: relative to the folder that was given
	size int64
	err  error // it could not be opened
}

// eventKey tells events apart: a UUID's own bytes, else two independent hashes of the id.
type eventKey struct {
	dataset byte
	id      [16]byte
}

// shaHead is the beginning of a record's sha256, enough to compare.
type shaHead [8]byte

type dropped struct {
	dataset query.Dataset
	id      string
	sha     string
}

// find lists the files, sorted by path. Links to folders are not followed.
func (in *ingest) find(roots []string) error {
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && path == root:
				return err
			case err != nil:
				in.files = append(in.files, found{path: path, name: under(root, path), err: err})
				return nil
			case d.IsDir():
				return nil
			}
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() {
				if err != nil {
					in.files = append(in.files, found{path: path, name: under(root, path), err: err})
				}
				return nil
			}
			if same(path, in.store.path) {
				return nil
			}
			in.files = append(in.files, found{path: path, name: under(root, path), size: info.Size()})
			in.bytes += info.Size()
			return nil
		})
		if err != nil {
			return fmt.Errorf("read logs: %w", err)
		}
	}
	slices.SortFunc(in.files, func(a, b found) int { return strings.Compare(a.path, b.path) })
	in.files = slices.CompactFunc(in.files, func(a, b found) bool { return a.path == b.path })
	in.progress.OfFiles, in.progress.OfBytes = len(in.files), in.bytes
	return nil
}

// under names a file by the folder it was found in, whatever machine that lies on.
func under(root, path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil || rel == "." {
		return filepath.Base(path)
	}
	return filepath.ToSlash(filepath.Join(filepath.Base(root), rel))
}

func same(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && (x == y || x == y+".wal")
}

// load reads what the store holds already.
func (in *ingest) load(ctx context.Context, conn *sql.Conn) error {
	in.known, in.seen = map[string]bool{}, map[eventKey]shaHead{}
	in.clash, in.counts = map[string]map[string]bool{}, map[string]int64{}
	in.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	each := func(q string, use func(a, b string)) error {
		rows, err := conn.QueryContext(ctx, q)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a, b string
			if err := rows.Scan(&a, &b); err != nil {
				return err
			}
			use(a, b)
		}
		return rows.Err()
	}
	if err := each("SELECT sha256, '' FROM files", func(a, _ string) { in.known[a] = true }); err != nil {
		return err
	}
	if err := each("SELECT dataset, event_id FROM conflicts", func(d, id string) { in.note(query.Dataset(d), id) }); err != nil {
		return err
	}
	if err := each("SELECT name, CAST(n AS VARCHAR) FROM counters", func(name, n string) { in.counts[name], _ = strconv.ParseInt(n, 10, 64) }); err != nil {
		return err
	}
	for _, schema := range query.Schemas() {
		d := schema.Dataset
		q := fmt.Sprintf("SELECT event_id, lower(hex(raw_sha256)) FROM %s", d)
		if err := each(q, func(id, sha string) {
			var h shaHead
			_, _ = hex.Decode(h[:], []byte(sha[:min(len(sha), 16)]))
			in.seen[in.key(d, id)] = h
		}); err != nil {
			return err
		}
	}
	return nil
}

func (in *ingest) note(d query.Dataset, id string) {
	if in.clash[string(d)] == nil {
		in.clash[string(d)] = map[string]bool{}
	}
	in.clash[string(d)][id] = true
}

func (in *ingest) key(d query.Dataset, id string) eventKey {
	k := eventKey{dataset: 'c'}
	if d == query.SignIn {
		k.dataset = 's'
	}
	if len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' {
		compact := id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
		if _, err := hex.Decode(k.id[:], []byte(compact)); err == nil && strings.ToLower(id) == id {
			return k
		}
	}
	k.dataset -= 'a' - 'A' // hashed ids never meet UUIDs
	for i, seed := range in.seeds {
		h := maphash.String(seed, id)
		for j := range 8 {
			k.id[8*i+j] = byte(h >> (8 * j))
		}
	}
	return k
}

// A fileResult is what is known when a file was read to its end.
type fileResult struct {
	sha       string
	known     bool
	isLog     bool
	records   int64
	bad       []quarantined
	badCount  int64
	documents []document
	badIPs    int64
	err       error // of ours, not of the file
}

type quarantined struct{ file, position, reason, sample string }

type document struct{ sha, name, body string }

// A reading is one file on its way: batches of rows, then the result.
type reading struct {
	file   found
	rows   chan []row
	result chan fileResult
}

// maxQuarantine is how many bad records of one file are kept; all are counted.
const maxQuarantine = 1000

// run reads the files, two at a time, and writes them in order: a file's rows and its place in
// the manifest are committed together.
func (in *ingest) run(ctx context.Context, conn *sql.Conn) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	ahead := make(chan *reading, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		in.readAll(ctx, ahead)
	}()
	defer func() {
		cancel()
		for r := range ahead { // let the readers end
			for range r.rows {
			}
		}
		<-done
	}()
	w := &writer{in: in, conn: conn}
	if err := w.begin(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.abort())
		}
	}()
	for r := range ahead {
		for batch := range r.rows {
			if err := w.add(batch); err != nil {
				for range r.rows {
				}
				return err
			}
			in.progress.Records += int64(len(batch))
		}
		res := <-r.result
		if res.err != nil {
			return res.err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := w.file(ctx, r.file, res); err != nil {
			return err
		}
		in.progress.Files++
		in.progress.Bytes += r.file.size
		if in.tell != nil {
			in.tell(in.progress)
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return w.end(ctx)
}

// readAll starts the files in order, at most two at a time.
func (in *ingest) readAll(ctx context.Context, ahead chan<- *reading) {
	defer close(ahead)
	slots := make(chan struct{}, 2)
	for _, f := range in.files {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		r := &reading{file: f, rows: make(chan []row, 4), result: make(chan fileResult, 1)}
		go func() {
			defer func() { <-slots }()
			res := in.readFile(ctx, f, r.rows)
			close(r.rows)
			r.result <- res
		}()
		select {
		case ahead <- r:
		case <-ctx.Done():
			for range r.rows {
			}
			return
		}
	}
}

// readFile reads one file and sends its rows.
func (in *ingest) readFile(ctx context.Context, f found, rows chan<- []row) fileResult {
	unreadable := func(err error) fileResult {
		return fileResult{isLog: true, badCount: 1, bad: []quarantined{{f.name, "file", "cannot be opened: " + err.Error(), ""}}}
	}
	if f.err != nil {
		return unreadable(f.err)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return unreadable(err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return unreadable(err)
	}
	res := fileResult{sha: hex.EncodeToString(h.Sum(nil))}
	if in.known[res.sha] {
		res.known = true
		return res
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return unreadable(err)
	}
	v := &fileVisit{ctx: ctx, in: in, file: f.name, rows: rows, reader: newReader(), res: &res}
	if err := v.all(file); err != nil {
		res.err = err
	}
	return res
}

// A fileVisit turns a file's records into rows.
type fileVisit struct {
	ctx    context.Context
	in     *ingest
	file   string
	rows   chan<- []row
	batch  []row
	reader *reader
	res    *fileResult
}

func (v *fileVisit) all(file *os.File) error {
	raw := bufio.NewReaderSize(file, 256<<10)
	stream, closeStream, err := unpack(raw)
	if err != nil {
		v.res.isLog = true
		return v.bad(0, nil, fmt.Errorf("cannot be unpacked: %w", err))
	}
	defer closeStream()
	text := bufio.NewReaderSize(stream, 64<<10)
	start, _ := text.Peek(4096)
	switch trimmed := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n"); {
	case len(trimmed) == 0:
		// Nothing to read; but a stream that broke at its beginning is told.
		if _, err := text.ReadByte(); err != nil && !errors.Is(err, io.EOF) {
			v.res.isLog = true
			return v.bad(0, nil, fmt.Errorf("the file cannot be read further: %w", err))
		}
		return nil
	case trimmed[0] == '{' || trimmed[0] == '[':
		err = newScanner(text).run(v)
	case isCSV(start):
		err = v.csv(text)
	default:
		return nil
	}
	if err == nil {
		err = v.send(true)
	}
	return err
}

// unpack knows gzip (of any number of members) and zstd by their first bytes.
func unpack(r *bufio.Reader) (io.Reader, func(), error) {
	magic, _ := r.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { _ = z.Close() }, nil // its error was told by Read
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return r, func() {}, nil
}

// record stores one record, or says why not.
func (v *fileVisit) record(raw []byte, offset int64) error {
	k := classify(raw)
	if k == lookupKind || k == splunkKind {
		inner, ok := unwrap(k, raw)
		if !ok {
			return v.bad(offset, head(raw), errBroken)
		}
		if raw = inner; len(raw) == 0 || raw[0] != '{' {
			return v.bad(offset, head(raw), errBroken)
		}
		k = classify(raw)
	}
	switch k {
	case documentKind:
		sum := sha256.Sum256(raw)
		v.res.isLog = true
		v.res.documents = append(v.res.documents, document{hex.EncodeToString(sum[:]), filepath.Base(v.file), string(raw)})
		return nil
	case cloudtrailKind, signinKind:
	case unknownKind, lookupKind, splunkKind:
		return v.unknown(offset, raw)
	}
	r, err := v.reader.read(datasetOf(k), raw)
	if err != nil {
		return v.bad(offset, head(raw), err)
	}
	v.res.isLog = true
	v.res.records++
	v.batch = append(v.batch, r)
	return v.send(false)
}

// unknown is an object that is no log record. Alone in its file it makes the file no log;
// among records it is set aside.
func (v *fileVisit) unknown(offset int64, raw []byte) error {
	return v.bad(offset, head(raw), errUnknown)
}

var errUnknown = errors.New("is no record of a known log")

func (v *fileVisit) bad(offset int64, sample []byte, why error) error {
	v.res.badCount++
	v.res.isLog = v.res.isLog || errors.Is(why, errFurther) // a broken file may have been one
	if len(v.res.bad) < maxQuarantine {
		v.res.bad = append(v.res.bad, quarantined{v.file, "byte " + strconv.FormatInt(offset, 10), why.Error(), escape(sample)})
	}
	return v.ctx.Err()
}

// escape makes a sample of hostile bytes printable.
func escape(b []byte) string {
	q := strconv.QuoteToASCII(string(b))
	return q[1 : len(q)-1]
}

func (v *fileVisit) send(last bool) error {
	if len(v.batch) < batchRows && !last || len(v.batch) == 0 {
		return v.ctx.Err()
	}
	select {
	case v.rows <- v.batch:
		v.batch = make([]row, 0, batchRows)
		return nil
	case <-v.ctx.Done():
		return v.ctx.Err()
	}
}

// A writer puts rows into the store, inside a transaction.
type writer struct {
	in        *ingest
	conn      *sql.Conn
	appenders map[query.Dataset]*duckdb.Appender
	unflushed int
	uncommitt int
	open      bool
}

func (w *writer) begin(ctx context.Context) error {
	if _, err := w.conn.ExecContext(ctx, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	w.open = true
	w.appenders = map[query.Dataset]*duckdb.Appender{}
	return w.conn.Raw(func(dc any) error {
		c, ok := dc.(*duckdb.Conn)
		if !ok {
			return errors.New("the driver's connection is not DuckDB's")
		}
		for _, schema := range query.Schemas() {
			a, err := duckdb.NewAppender(c, "store", "main", string(schema.Dataset))
			if err != nil {
				return err
			}
			w.appenders[schema.Dataset] = a
		}
		return nil
	})
}

// add appends the rows that are new.
func (w *writer) add(batch []row) error {
	in := w.in
	args := make([]driver.Value, 0, 64)
	for i := range batch {
		r := &batch[i]
		k := in.key(r.dataset, r.id)
		var h shaHead
		copy(h[:], r.sha[:])
		if before, ok := in.seen[k]; ok {
			in.report.Duplicates++
			in.counts["duplicates"]++
			if before == h {
				continue
			}
			in.note(r.dataset, r.id)
			if bytes.Compare(h[:], before[:]) > 0 {
				continue
			}
			in.drop = append(in.drop, dropped{r.dataset, r.id, hex.EncodeToString(r.sha[:])})
		}
		in.seen[k] = h
		args = args[:0]
		for _, v := range r.vals {
			args = append(args, v)
		}
		if err := w.appenders[r.dataset].AppendRow(args...); err != nil {
			return err
		}
		if !in.store.opt.Now.IsZero() && r.micros > in.store.opt.Now.UnixMicro()+int64(24*3600*1e6) {
			in.counts["future"]++
		}
		in.report.Records++
		w.unflushed++
		w.uncommitt++
	}
	if w.unflushed >= flushRows {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	w.unflushed = 0
	for _, schema := range query.Schemas() {
		if err := w.appenders[schema.Dataset].Flush(); err != nil {
			return err
		}
	}
	return nil
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
	if res.sha != "" {
		if err := w.exec(ctx, "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?)", res.sha, valid(f.name), res.records, res.isLog); err != nil {
			return err
		}
	}
	for _, q := range res.bad {
		if err := w.exec(ctx, "INSERT INTO quarantine VALUES (?, ?, ?, ?)", valid(q.file), q.position, valid(q.reason), q.sample); err != nil {
			return err
		}
	}
	for _, d := range res.documents {
		if err := w.exec(ctx, "INSERT OR IGNORE INTO documents VALUES (?, ?, ?)", d.sha, valid(d.name), valid(d.body)); err != nil {
			return err
		}
	}
	if w.uncommitt >= commitRows {
		w.uncommitt = 0
		if err := w.commit(ctx); err != nil {
			return err
		}
		return w.begin(ctx)
	}
	return nil
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (w *writer) exec(ctx context.Context, q string, args ...any) error {
	_, err := w.conn.ExecContext(ctx, q, args...)
	return err
}

func (w *writer) end(ctx context.Context) error { return w.commit(ctx) }

// commit makes what was read so far last: rows, manifest, counters and coverage together.
func (w *writer) commit(ctx context.Context) error {
	for _, schema := range query.Schemas() {
		if err := w.appenders[schema.Dataset].Close(); err != nil {
			return err
		}
	}
	w.appenders = nil
	in := w.in
	for _, d := range in.drop {
		q := fmt.Sprintf("DELETE FROM %s WHERE event_id = ? AND raw_sha256 > unhex(?)", d.dataset)
		if err := w.exec(ctx, q, d.id, d.sha); err != nil {
			return err
		}
	}
	in.drop = nil
	for d, ids := range in.clash {
		for id := range ids {
			if err := w.exec(ctx, "INSERT OR IGNORE INTO conflicts VALUES (?, ?)", d, id); err != nil {
				return err
			}
		}
	}
	for name, n := range in.counts {
		if err := w.exec(ctx, "INSERT OR REPLACE INTO counters VALUES (?, ?)", name, n); err != nil {
			return err
		}
	}
	if err := countHours(ctx, w.conn); err != nil {
		return err
	}
	w.open = false
	_, err := w.conn.ExecContext(ctx, "COMMIT")
	return err
}

// abort undoes what was not committed.
func (w *writer) abort() error {
	for _, a := range w.appenders {
		_ = a.Clear()
		_ = a.Close() // what it holds is rolled back below
	}
	w.appenders = nil
	if !w.open {
		return nil
	}
	w.open = false
	_, err := w.conn.ExecContext(context.Background(), "ROLLBACK")
	return err
}

// sortable is the form of an address whose bytes order as addresses do: IPv4 before IPv6.
func sortable(a netip.Addr) []byte {
	if a.Is4() {
		b := a.As4()
		return append([]byte{4}, b[:]...)
	}
	b := a.As16()
	return append([]byte{6}, b[:]...)
}

func isUTF8Text(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax // cut inside a character
		}
		if r == 0 {
			return false
		}
		b = b[n:]
	}
	return true
}
