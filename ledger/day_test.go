package ledger

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Two processes share a day: what one spent the other cannot.
func TestADayIsShared(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2025, 9, 9, 23, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	b := NoLimit()
	b.Calls, b.APIs = 5, map[string]int64{"athena:StartQueryExecution": 1}
	one, err := OpenDay(dir, b, now)
	if err != nil {
		t.Fatal(err)
	}
	two, err := OpenDay(dir, b, now)
	if err != nil {
		t.Fatal(err)
	}
	take := func(d *Day, api, want string) {
		t.Helper()
		if part, ok := d.Take(api); part != want || ok != (want == "") {
			t.Errorf("take %s: %q, %v; want %q", api, part, ok, want)
		} else if ok {
			if err := d.Note(api, Cost{Calls: 1, Pages: 2, Bytes: 10}); err != nil {
				t.Error(err)
			}
		}
	}
	take(one, "athena:StartQueryExecution", "")
	take(two, "athena:StartQueryExecution", "calls of athena:StartQueryExecution")
	for range 4 {
		take(two, "cloudtrail:LookupEvents", "")
	}
	take(one, "cloudtrail:LookupEvents", "calls")
	// Half a line of a process that was killed loses nothing else.
	file := filepath.Join(dir, "spent-2025-09-09.jsonl")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"api":"x","cal` + "\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	three, err := OpenDay(dir, b, now)
	if err != nil {
		t.Fatal(err)
	}
	if spent, apis, err := three.Spent(); err != nil || spent.Calls != 5 || spent.Pages != 10 || spent.Bytes != 50 || apis["cloudtrail:LookupEvents"] != 4 {
		t.Errorf("read back: %+v %v %v", spent, apis, err)
	}
	at = at.Add(time.Hour) // the next day
	take(one, "athena:StartQueryExecution", "")
}

// Calls under way count: many at once do not overstep the bound.
func TestADayCountsWhatIsUnderWay(t *testing.T) {
	b := NoLimit()
	b.Calls = 7
	d, err := OpenDay(t.TempDir(), b, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 50 {
		wg.Go(func() {
			if _, ok := d.Take("x"); !ok {
				return
			}
			mu.Lock()
			taken++
			mu.Unlock()
			time.Sleep(time.Millisecond)
			if err := d.Note("x", Cost{Calls: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if taken != 7 {
		t.Errorf("%d calls were let through, want 7", taken)
	}
}

func TestADayThatCannotBeKeptIsToldOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDay(filepath.Join(file, "x"), NoLimit(), time.Now); err == nil {
		t.Error("a folder below a file was accepted")
	}
	var none *Day
	if part, ok := none.Take("x"); !ok || part != "" || none.Note("x", Cost{}) != nil {
		t.Error("no day is no bound")
	}
}

// Rows and time are bounded like calls, by whichever process they were used.
func TestRowsAndTimeOfTheDay(t *testing.T) {
	for part, limit := range map[string]func(*Budget){
		"rows":      func(b *Budget) { b.Rows = 100 },
		"wall time": func(b *Budget) { b.Wall = 100 * time.Millisecond },
	} {
		b := NoLimit()
		limit(&b)
		dir := t.TempDir()
		one, err := OpenDay(dir, b, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		two, err := OpenDay(dir, b, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, over := two.Exceeded(); over {
				t.Errorf("%q is used up too early", got)
			}
			if err := one.Add(Cost{Rows: 50}, 50*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		if got, over := two.Exceeded(); !over || got != part {
			t.Errorf("%q is used up; want %q", got, part)
		}
		if got, ok := two.Take("x:Y"); ok || got != part {
			t.Errorf("a call is let through by %q; want %q used up", got, part)
		}
	}
}
