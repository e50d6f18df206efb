package local

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/query"
)

func fetchedRecord(id int) []byte {
	return fmt.Appendf(nil, `{"eventVersion":"1.11","eventID":"00000000-0000-4000-b000-%012d","eventTime":"2025-09-09T04:00:00Z","eventName":"ListBuckets","eventSource":"s3.amazonaws.com",`+
		`"awsRegion":"ap-northeast-1","recipientAccountId":"111122223333","eventCategory":"Management",`+
		`"responseElements":{"credentials":{"sessionToken":"IQoJsecret"}}}`, id)
}

// What is kept is read as an ingest reads it: redacted, once, and what cannot be read is told.
func TestKeepReadsAsIngestDoes(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "fetched.duckdb")
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	if got, err := s.Fetched(ctx, "k"); err != nil || len(got) != 0 {
		t.Errorf("a new store remembers %v, %v", got, err)
	}
	records := [][]byte{fetchedRecord(1), fetchedRecord(2), []byte(`{"eventName":"x","eventSource":"y","eventID":"z"}`)} // the last has no time
	lost, err := s.Keep(ctx, records)
	if err != nil || lost != 1 {
		t.Errorf("lost %d, %v; want 1", lost, err)
	}
	if lost, err = s.Keep(ctx, [][]byte{fetchedRecord(2), fetchedRecord(3)}); err != nil || lost != 0 {
		t.Errorf("lost %d, %v; want none", lost, err)
	}
	want := []Fetch{
		{"k", query.Window{From: day, To: day.Add(time.Hour)}, ""},
		{"k", query.Window{From: day.Add(2 * time.Hour), To: day.Add(3 * time.Hour)}, "a part is not there"},
	}
	if err := s.Remember(ctx, want[1], want[0], Fetch{Key: "other", Window: want[0].Window}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if s, err = Open(ctx, Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	got, err := s.Fetched(ctx, "k")
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("remembers %v, %v; want %v", got, err, want)
	}
	q, err := query.Parse(`cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z select event_id, raw limit 10`)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(ctx, q)
	if err != nil || len(a.Rows) != 3 {
		t.Fatalf("%d records, %v; want 3", len(a.Rows), err)
	}
	for _, row := range a.Rows {
		if raw := row[1].Text(); strings.Contains(raw, "IQoJsecret") || !strings.Contains(raw, "redacted:sha256:") {
			t.Errorf("a secret was kept: %s", raw)
		}
	}
}

// Many may keep at once: no record comes twice, none is lost.
func TestKeepersWaitForEachOther(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if lost, err := s.Keep(ctx, [][]byte{fetchedRecord(i), fetchedRecord(i + 1)}); err != nil || lost != 0 {
				t.Errorf("lost %d, %v", lost, err)
			}
			if err := s.Remember(ctx, Fetch{Key: "k", Window: query.Window{From: time.Unix(int64(i), 0).UTC(), To: time.Unix(int64(i)+1, 0).UTC()}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	q, err := query.Parse(`cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z compute count() as n, count_distinct(event_id) as ids limit 10`)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(ctx, q)
	if err != nil || len(a.Rows) != 1 || a.Rows[0][0].Int() != 7 || a.Rows[0][1].Int() != 7 {
		t.Errorf("%v, %v; want 7 records", a.Rows, err)
	}
	if got, err := s.Fetched(ctx, "k"); err != nil || len(got) != 6 {
		t.Errorf("%d windows, %v; want 6", len(got), err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Keep(ended, [][]byte{fetchedRecord(99)}); err == nil {
		t.Error("kept for a context that ended")
	}
}
