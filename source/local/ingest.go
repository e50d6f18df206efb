package local

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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
	groupRows  = rowGroup // are put side by side and written together
	groupBytes = 64 << 20 // or as many bytes of them
	flushRows  = 2 << 10
	flushBytes = 16 << 20
	commitRows = 500_000
	longRow    = 24 << 10 // bytes a row on average: these are committed
	longBytes  = 48 << 20 // by bytes
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
	defer s.forgetTrails()
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

	files     []found
	bytes     int64
	known     map[string]bool // sha256 of files read by earlier runs; not changed while readers look at it
	listed    map[string]bool // sha256 of files read by this run
	documents map[string]bool // sha256 of documents, of this run and earlier ones
	seen      map[eventKey]shaHead
	clash     map[conflict]bool // ids with different bytes
	counts    map[string]int64
	statuses  map[statusOf]bool // told in this run
	keys      keyer
	free      chan *batch // to be filled again

	progress Progress
}

// A conflict is an id that came with different bytes.
type conflict struct {
	dataset query.Dataset
	id      string
}

type found struct {
	path string
	name string // for people: relative to the folder that was given
	size int64
	err  error // it could not be opened
}

// shaHead is the beginning of a record's sha256, enough to tell whether two are the same.
type shaHead uint64

func headOf(sha *[32]byte) shaHead { return shaHead(binary.BigEndian.Uint64(sha[:])) }

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
	in.known, in.listed, in.documents = map[string]bool{}, map[string]bool{}, map[string]bool{}
	in.seen = map[eventKey]shaHead{}
	in.statuses = map[statusOf]bool{}
	in.clash, in.counts = map[conflict]bool{}, map[string]int64{}
	in.keys, in.free = newKeyer(), make(chan *batch, 2*groupRows/batchRows)
	each := func(q string, use func(a, b string, n int64)) error {
		rows, err := conn.QueryContext(ctx, q)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a, b string
			var n int64
			if err := rows.Scan(&a, &b, &n); err != nil {
				return err
			}
			use(a, b, n)
		}
		return rows.Err()
	}
	if err := each("SELECT sha256, '', 0 FROM files", func(a, _ string, _ int64) { in.known[a] = true }); err != nil {
		return err
	}
	if err := each("SELECT sha256, '', 0 FROM documents", func(a, _ string, _ int64) { in.documents[a] = true }); err != nil {
		return err
	}
	if err := each("SELECT dataset, event_id, 0 FROM conflicts", func(d, id string, _ int64) { in.clash[conflict{query.Dataset(d), id}] = true }); err != nil {
		return err
	}
	if err := each("SELECT name, '', n FROM counters", func(name, _ string, n int64) { in.counts[name] = n }); err != nil {
		return err
	}
	for _, schema := range query.Schemas() {
		d := schema.Dataset
		q := fmt.Sprintf("SELECT event_id, '', %s FROM %s", headColumn, d)
		if err := each(q, func(id, _ string, n int64) { in.seen[in.keys.of(d, id)] = shaHead(n) }); err != nil {
			return err
		}
	}
	return nil
}

// batch is an empty batch, used before if there is one.
func (in *ingest) batch(d query.Dataset) *batch {
	select {
	case b := <-in.free:
		b.dataset = d
		return b
	default:
		return &batch{dataset: d}
	}
}

// done takes a batch back whose rows were written. One that grew large is left to the collector.
func (in *ingest) done(b *batch) {
	b.reset()
	if cap(b.texts) > batchBytes {
		return
	}
	select {
	case in.free <- b:
	default:
	}
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
	statuses  map[statusOf]bool
	err       error // of ours, not of the file
}

type quarantined struct{ file, position, reason, sample string }

type document struct{ sha, name, body string }

// A reading is one file on its way: batches of rows, then the result.
type reading struct {
	file   found
	rows   chan *batch
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
	w, err := newWriter(in, conn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close(err != nil)) }()
	if err := w.begin(ctx); err != nil {
		return err
	}
	for r := range ahead {
		for batch := range r.rows {
			in.progress.Records += int64(len(batch.rows))
			if err := w.add(ctx, batch); err != nil {
				for range r.rows {
				}
				return err
			}
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
	return w.commit(ctx)
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
		r := &reading{file: f, rows: make(chan *batch, 4), result: make(chan fileResult, 1)}
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
func (in *ingest) readFile(ctx context.Context, f found, rows chan<- *batch) fileResult {
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
	v := &fileVisit{ctx: ctx, in: in, file: f.name, path: f.path, rows: rows, reader: newReader(in.keys), res: &res, origin: originOf(f.name)}
	if v.origin == (origin{}) && strings.Contains(filepath.ToSlash(f.path), "AWSLogs/") {
		v.origin = originOf(filepath.ToSlash(f.path))
	}
	if err := v.all(file); err != nil {
		res.err = err
	}
	res.badIPs = v.reader.badIPs
	return res
}

// A fileVisit turns a file's records into rows.
type fileVisit struct {
	ctx    context.Context
	in     *ingest
	file   string
	path   string // as it can be opened
	rows   chan<- *batch
	filled [len(batchOrder)]*batch // by dataset
	reader *reader
	res    *fileResult
	origin origin // told by the file's name
	nested int    // messages within messages
}

// batchOrder are the datasets in the order in which a file's batches lie.
var batchOrder = [...]query.Dataset{query.CloudTrail, query.SignIn, query.VPCFlow, query.DNS, query.S3Access, query.EKSAudit, query.RDSAudit}

// into is the batch that a record of the dataset goes into.
func (v *fileVisit) into(d query.Dataset) *batch {
	b := &v.filled[0]
	if d != query.CloudTrail {
		b = &v.filled[slices.Index(batchOrder[:], d)]
	}
	if *b == nil {
		*b = v.in.batch(d)
	}
	return *b
}

func (v *fileVisit) all(file *os.File) error {
	raw := bufio.NewReaderSize(file, 256<<10)
	if magic, _ := raw.Peek(4); string(magic) == "PAR1" {
		if err := v.parquet(v.path); err != nil {
			return err
		}
		return v.send(true)
	}
	stream, closeStream, err := unpack(raw)
	if err != nil {
		v.res.isLog = true
		return v.bad(0, nil, fmt.Errorf("cannot be unpacked: %w", err))
	}
	defer closeStream()
	text := bufio.NewReaderSize(stream, 256<<10)
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
		f := formAtStart(start)
		if f == noForm {
			return nil
		}
		err = v.lines(text, f)
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

// quick stores the record that b begins with, if it is of the plain kind, and tells its length.
func (v *fileVisit) quick(b []byte, offset int64) (int, error) {
	n := v.reader.quick(b, offset, v.into(query.CloudTrail))
	if n == 0 {
		return 0, nil
	}
	return n, v.stored()
}

// note keeps what a log says of an hour.
func (v *fileVisit) note(s statusOf) {
	if v.res.statuses == nil {
		v.res.statuses = map[statusOf]bool{}
	}
	v.res.statuses[s] = true
}

// stored counts a record that became a row.
func (v *fileVisit) stored() error {
	v.res.isLog = true
	v.res.records++
	return v.send(false)
}

// record stores one record, or says why not.
func (v *fileVisit) record(raw []byte, offset int64) error {
	return v.recordFrom(raw, offset, v.origin)
}

// recordFrom stores one record whose place is known otherwise than by the file.
func (v *fileVisit) recordFrom(raw []byte, offset int64, from origin) error {
	if v.reader.quick(raw, -1, v.into(query.CloudTrail)) == len(raw) {
		return v.stored()
	}
	k := classify(raw)
	if k == lookupKind || k == splunkKind {
		inner, ok := unwrap(k, raw)
		if !ok {
			return v.bad(offset, head(raw), errBroken)
		}
		if raw = inner; len(raw) > 0 && raw[0] != '{' && k == splunkKind {
			return v.message(string(raw), offset, from) // a line of a text log
		}
		if len(raw) == 0 || raw[0] != '{' {
			return v.bad(offset, head(raw), errBroken)
		}
		if v.reader.quick(raw, -1, v.into(query.CloudTrail)) == len(raw) {
			return v.stored()
		}
		k = classify(raw)
	}
	switch k {
	case documentKind:
		sum := sha256.Sum256(raw)
		v.res.isLog = true
		v.res.documents = append(v.res.documents, document{hex.EncodeToString(sum[:]), filepath.Base(v.file), string(raw)})
		return nil
	case settingKind:
		name := from.account + "/" + from.region + "/" + filepath.Base(v.file)
		sum := sha256.Sum256(append([]byte(name+"\x00"), raw...))
		v.res.isLog = true
		v.res.documents = append(v.res.documents, document{hex.EncodeToString(sum[:]), name, string(raw)})
		return nil
	case envelopeKind:
		return v.envelope(bytes.Clone(raw), offset, from)
	case eventKind:
		return v.event(bytes.Clone(raw), offset, from)
	case ocsfKind:
		return v.ocsf(raw, offset, from)
	case flowKind:
		return v.flow(raw, offset, from)
	case dnsKind:
		return v.dnsQuery(raw, offset, from)
	case s3Kind:
		return v.s3access(raw, offset, from)
	case eksKind:
		return v.eks(raw, offset, from)
	case rdsKind:
		return v.rds(raw, offset, from)
	case cloudtrailKind, signinKind:
	case unknownKind, lookupKind, splunkKind:
		return v.unknown(offset, raw)
	}
	if err := v.reader.read(datasetOf(k), raw, v.into(datasetOf(k))); err != nil {
		return v.bad(offset, head(raw), err)
	}
	return v.stored()
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

// send hands batches on: the full ones, and the last ones.
func (v *fileVisit) send(last bool) error {
	for i, b := range v.filled {
		if b == nil || !last && !b.full() || len(b.rows) == 0 {
			continue
		}
		select {
		case v.rows <- b:
			v.filled[i] = nil
		case <-v.ctx.Done():
			return v.ctx.Err()
		}
	}
	return v.ctx.Err()
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

// unsortable is the address of its sortable form.
func unsortable(b []byte) (netip.Addr, bool) {
	if len(b) == 0 {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(b[1:])
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
