package local

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"uratori/query"
)

// disk is a small disk of its own, which only root can make.
func disk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no disk can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// noise is a log of n records that hardly compress.
func noise(from, n int) string {
	rng := rand.New(rand.NewPCG(uint64(from), 1))
	var b strings.Builder
	for i := range n {
		text := make([]byte, 600)
		for j := range text {
			text[j] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[rng.IntN(64)]
		}
		b.WriteString(ct(from+i, when, fmt.Sprintf(`,"requestParameters":{"text":%q}`, text)) + "\n")
	}
	return b.String()
}

// within fails a test that hangs: what takes seconds, on a busy machine minutes, never ends.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(10 * time.Minute):
		t.Fatalf("%s hangs", what)
	}
}

// A full disk ends an ingest with a word on what to do. What was stored before is there, and
// with more room the rest can be read.
func TestAFullDisk(t *testing.T) {
	dir, ctx := disk(t, "12m"), context.Background()
	path := filepath.Join(dir, "s.duckdb")
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	first := put(t, map[string]string{"a": noise(0, 3000)})
	if _, err := s.Ingest(ctx, []string{first}, nil); err != nil {
		t.Fatal(err)
	}
	logs := map[string]string{}
	for i := range 3 {
		logs[fmt.Sprint(i)] = noise(3000+8000*i, 8000)
	}
	second := put(t, logs)
	within(t, "an ingest onto a full disk", func() {
		_, err = s.Ingest(ctx, []string{second}, nil)
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Fatalf("err = %v; want a word on the full disk", err)
	}
	_ = s.Close()
	if out, err := exec.Command("mount", "-o", "remount,size=400m", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	if s, err = Open(ctx, Options{Path: path}); err != nil {
		t.Fatalf("the store is broken: %v", err)
	}
	defer func() { _ = s.Close() }()
	if q := stats(t, s); q.Events[query.CloudTrail] != 3000 || q.Files != 1 {
		t.Errorf("after the full disk: %d events of %d files; want what was stored before", q.Events[query.CloudTrail], q.Files)
	}
	if _, err := s.Ingest(ctx, []string{second}, nil); err != nil {
		t.Fatal(err)
	}
	if q := stats(t, s); q.Events[query.CloudTrail] != 27_000 || q.DuplicatesRemoved != 0 {
		t.Errorf("with more room: %d events, %d duplicates", q.Events[query.CloudTrail], q.DuplicatesRemoved)
	}
}

// On a disk that can only be read a store is read, and nothing is written; a new store is refused
// with a word on what to do.
func TestAReadOnlyDisk(t *testing.T) {
	dir, ctx := disk(t, "64m"), context.Background()
	path := filepath.Join(dir, "s.duckdb")
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	logs := put(t, map[string]string{"a": noise(0, 1000)})
	if _, err := s.Ingest(ctx, []string{logs}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	if s, err = Open(ctx, Options{Path: path}); err != nil {
		t.Fatalf("a store on a read-only disk: %v", err)
	}
	defer func() { _ = s.Close() }()
	if q := stats(t, s); q.Events[query.CloudTrail] != 1000 {
		t.Errorf("%d events", q.Events[query.CloudTrail])
	}
	if _, err := s.Ingest(ctx, []string{logs}, nil); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("an ingest onto a read-only disk: %v", err)
	}
	if _, err := Open(ctx, Options{Path: filepath.Join(dir, "new.duckdb")}); err == nil || !strings.Contains(err.Error(), "name another with --store") {
		t.Errorf("a new store on a read-only disk: %v", err)
	}
}

// A made file is written piece by piece, so that a test need not hold it.
func made(t *testing.T, name string, write func(w io.Writer)) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// heapWhile tells by how many bytes the heap grew at its highest while do ran.
func heapWhile(do func()) int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, top := m.HeapAlloc, uint64(0)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapAlloc)
			}
		}
	}()
	do()
	close(stop)
	<-stopped
	return int64(top) - int64(before)
}

// A record of 200 MB is set aside in bounded memory, and its neighbours are read.
func TestARecordOf200MB(t *testing.T) {
	dir := made(t, "a.json", func(w io.Writer) {
		_, _ = io.WriteString(w, `{"Records":[`+ct(1, when, "")+`,`)
		before, after, _ := strings.Cut(ct(2, when, ""), "aws-cli")
		_, _ = io.WriteString(w, before)
		for range 200 {
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
		}
		_, _ = io.WriteString(w, after+`,`+ct(3, when, "")+`]}`)
	})
	var s *Store
	grown := heapWhile(func() {
		within(t, "a record of 200 MB", func() { s = ingested(t, dir) })
	})
	q := stats(t, s)
	if q.Events[query.CloudTrail] != 2 || q.Quarantined != 1 || !strings.Contains(q.Bad[0].Reason, "longer than") {
		t.Errorf("read %d, quarantined %d (%+v)", q.Events[query.CloudTrail], q.Quarantined, q.Bad)
	}
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// A million small records in one line are read in bounded memory.
func TestALineOfAMillionRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("a million records take seconds")
	}
	const n = 1_000_000
	dir := made(t, "a.json", func(w io.Writer) {
		_, _ = io.WriteString(w, `{"Records":[`)
		for i := range n {
			if i > 0 {
				_, _ = io.WriteString(w, ",")
			}
			fmt.Fprintf(w, `{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets","eventTime":%q,"eventID":"00000000-0000-4000-a000-%012d"}`, when, i)
		}
		_, _ = io.WriteString(w, `]}`)
	})
	var s *Store
	grown := heapWhile(func() {
		within(t, "a line of a million records", func() { s = ingested(t, dir) })
	})
	if q := stats(t, s); q.Events[query.CloudTrail] != n || q.Quarantined != 0 {
		t.Errorf("read %d, quarantined %d", q.Events[query.CloudTrail], q.Quarantined)
	}
	if grown > 256<<20 { // 40 bytes an id are kept to tell duplicates
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// Files that are no logs lie among the logs: each is passed over or told of, and none stops the rest.
func TestBinaryFilesAmongTheLogs(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	junk := func(n int, head string) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return head + string(b)
	}
	files := map[string]string{
		"good.json":    ct(1, when, ""),
		"zero":         strings.Repeat("\x00", 1<<20),
		"random":       junk(1<<20, ""),
		"gzip.gz":      junk(100_000, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
		"zstd.zst":     junk(100_000, "\x28\xb5\x2f\xfd"),
		"brace":        junk(100_000, "{"),
		"bracket":      junk(100_000, "["),
		"quote":        junk(100_000, `{"Records":[{"eventName":"`),
		"picture.png":  junk(10_000, "\x89PNG\r\n\x1a\n"),
		"archive.zip":  junk(10_000, "PK\x03\x04"),
		"nested.json":  `{"Records":[` + strings.Repeat(`{"a":`, 100_000) + strings.Repeat("}", 100_000) + `]}`,
		"packed.gz":    gz(junk(50_000, "")),
		"logs.json.gz": gz(`{"Records":[` + ct(2, when, "") + `]}`),
		"utf16.json":   "\xff\xfe{\x00\"\x00",
	}
	dir := put(t, files)
	var s *Store
	within(t, "an ingest of binary files", func() { s = ingested(t, dir) })
	q := stats(t, s)
	if q.Events[query.CloudTrail] != 2 {
		t.Errorf("read %d records, want the two that are there", q.Events[query.CloudTrail])
	}
	told := map[string]bool{}
	for _, b := range q.Bad {
		told[filepath.Base(b.File)] = true
	}
	for _, name := range []string{"gzip.gz", "zstd.zst"} {
		if !told[name] {
			t.Errorf("%s could not be unpacked and is not told of", name)
		}
	}
	if q.Files+q.NotLogs != int64(len(files)) {
		t.Errorf("%d logs and %d other files, of %d", q.Files, q.NotLogs, len(files))
	}
}
