package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// templates are real records when the real logs are there, else invented ones.
func templates(b *testing.B) [][]byte {
	var out [][]byte
	files, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "logs", "cloudtrail", "invictus", "*.json"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		var file struct{ Records []json.RawMessage }
		if json.Unmarshal(data, &file) == nil {
			for _, r := range file.Records {
				out = append(out, r)
			}
		}
	}
	if len(out) == 0 {
		for i := range 3000 {
			out = append(out, []byte(ct(i, when, fmt.Sprintf(`,"requestParameters":{"bucketName":"example-%d","Host":%q}`, i, strings.Repeat("x", i%700)))))
		}
	}
	return out
}

// replicate writes n records as gzip files of 5,000, each record with a new id, time, principal,
// key and address, over 30 days.
func replicate(b *testing.B, dir string, n int) (packed int64) {
	pool := templates(b)
	rng := rand.New(rand.NewPCG(1, 2))
	var file *os.File
	var z *gzip.Writer
	var w *bufio.Writer
	end := func() {
		if file == nil {
			return
		}
		_, _ = w.WriteString("]}")
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := z.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := file.Stat()
		if err != nil {
			b.Fatal(err)
		}
		packed += info.Size()
		file.Close()
	}
	start := time.Date(2025, 8, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		if i%5000 == 0 {
			end()
			var err error
			if file, err = os.Create(filepath.Join(dir, fmt.Sprintf("%05d.json.gz", i/5000))); err != nil {
				b.Fatal(err)
			}
			z, _ = gzip.NewWriterLevel(file, 6)
			w = bufio.NewWriterSize(z, 1<<20)
			_, _ = w.WriteString(`{"Records":[`)
		} else {
			_ = w.WriteByte(',')
		}
		at := start.Add(time.Duration(i) * (30 * 24 * time.Hour / time.Duration(n))).Format("2006-01-02T15:04:05Z")
		r := pool[i%len(pool)]
		r = swap(r, "eventID", fmt.Sprintf("%08x-%04x-4000-a000-%012x", rng.Uint32(), rng.Uint32()&0xffff, i))
		r = swap(r, "requestID", fmt.Sprintf("%016X", rng.Uint64()))
		r = swap(r, "eventTime", at)
		r = swap(r, "accessKeyId", fmt.Sprintf("AKIAEXAMPLE%09d", rng.IntN(5000)))
		r = swap(r, "sourceIPAddress", fmt.Sprintf("198.51.%d.%d", rng.IntN(256), rng.IntN(256)))
		_, _ = w.Write(r)
	}
	end()
	return packed
}

// swap replaces the text of the first member of that name.
func swap(r []byte, name, val string) []byte {
	key := []byte(`"` + name + `":"`)
	i := bytes.Index(r, key)
	if i < 0 {
		return r
	}
	i += len(key)
	j := bytes.IndexByte(r[i:], '"')
	out := make([]byte, 0, len(r)+len(val))
	return append(append(append(out, r[:i]...), val...), r[i+j:]...)
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peak() int64 {
	data, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(data), "\n") {
		if rest, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// BenchmarkIngest reads replicated logs and prints ratios against the floor measured in the same
// run: the CPU of unpacking the same files, and their size. The ingest runs in a process of its
// own, whose peak memory is read.
func BenchmarkIngest(b *testing.B) {
	if dir := os.Getenv("URATORI_BENCH_INGEST"); dir != "" {
		ingestOnce(b, dir)
		return
	}
	n := 50_000
	if v, err := strconv.Atoi(os.Getenv("URATORI_BENCH_EVENTS")); err == nil {
		n = v
	}
	dir := b.TempDir()
	packed := replicate(b, dir, n)
	for b.Loop() {
		before := cpu()
		var raw int64
		files, _ := filepath.Glob(filepath.Join(dir, "*.gz"))
		for _, f := range files {
			file, err := os.Open(f)
			if err != nil {
				b.Fatal(err)
			}
			z, err := gzip.NewReader(bufio.NewReaderSize(file, 256<<10))
			if err != nil {
				b.Fatal(err)
			}
			m, err := io.Copy(io.Discard, z)
			if err != nil {
				b.Fatal(err)
			}
			raw += m
			file.Close()
		}
		floor := cpu() - before
		cmd := exec.Command(os.Args[0], "-test.run", "^$", "-test.bench", "^BenchmarkIngest$", "-test.benchtime", "1x")
		cmd.Env = append(os.Environ(), "URATORI_BENCH_INGEST="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		var spent, size, top float64
		for _, l := range strings.Split(string(out), "\n") {
			if rest, ok := strings.CutPrefix(l, "measured "); ok {
				_, _ = fmt.Sscan(rest, &spent, &size, &top)
			}
		}
		b.ReportMetric(float64(raw)/1e6, "raw-MB")
		b.ReportMetric(floor.Seconds(), "gunzip-cpu-s")
		b.ReportMetric(spent, "ingest-cpu-s")
		b.ReportMetric(spent/floor.Seconds(), "cpu-ratio")
		b.ReportMetric(size/float64(packed), "size-ratio")
		b.ReportMetric(top/1e6, "peak-MB")
	}
}

// ingestOnce is the measured process.
func ingestOnce(b *testing.B, dir string) {
	ctx := context.Background()
	store := filepath.Join(b.TempDir(), "s.duckdb")
	for b.Loop() {
		before := cpu()
		s, err := Open(ctx, Options{Path: store})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Ingest(ctx, []string{dir}, nil); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(store)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Printf("\nmeasured %f %d %d\n", (cpu() - before).Seconds(), info.Size(), peak())
	}
}
