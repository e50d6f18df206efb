package ledger

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

func clock() func() time.Time {
	at := time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Second)
		return at
	}
}

func filled() *Ledger {
	l := New(clock())
	for i := range 5 {
		l.Append("ask", map[string]string{"source": "local", "n": strings.Repeat("x", i)}, Cost{Calls: 1, Rows: int64(i)})
	}
	return l
}

func TestReadBackIsTheSameChain(t *testing.T) {
	l := filled()
	got, err := Read(bytes.NewReader(l.Bytes()))
	if err != nil || len(got) != 5 || got[4].Hash != l.Head() {
		t.Fatalf("read %d entries, %v; want 5 that end in %s", len(got), err, l.Head())
	}
}

// Whatever is done to one line, reading finds it and says at which line.
func TestTamperingIsFound(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimRight(string(filled().Bytes()), "\n"), "\n")
	for name, tt := range map[string]struct {
		lines []string
		want  string
	}{
		"changed":  {[]string{lines[0], strings.Replace(lines[1], "local", "other", 1), lines[2]}, "line 2 was changed"},
		"removed":  {[]string{lines[0], lines[2]}, "line 2 holds entry 3"},
		"swapped":  {[]string{lines[1], lines[0]}, "line 1 holds entry 2"},
		"inserted": {[]string{lines[0], lines[0], lines[1]}, "line 2 holds entry 1"},
		"rehashed": {[]string{lines[0], strings.Replace(lines[1], `"prev":"`, `"prev":"00`, 1)}, "line 2 does not follow"},
		"no JSON":  {[]string{lines[0], "x\n"}, "line 2"},
	} {
		if _, err := Read(strings.NewReader(strings.Join(tt.lines, ""))); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	l := New(clock())
	e := l.Append("ask", map[string]string{"question": `access_key = "ASIAIOSFODNN7EXAMPLE" and x`, "long": strings.Repeat("あ", 9000)}, Cost{})
	if got := e.Attrs["question"]; got != `access_key = "ASIA…MPLE" and x` {
		t.Errorf("recorded %s", got)
	}
	if n := len([]rune(e.Attrs["long"])); n > maxAttr+3 {
		t.Errorf("recorded %d characters", n)
	}
}

func TestBudget(t *testing.T) {
	l := filled() // 5 calls, 10 rows
	for _, tt := range []struct {
		b    Budget
		want string
	}{
		{Budget{}, "calls"},
		{NoLimit(), ""},
		{Budget{Calls: 6, Pages: Unlimited, Rows: Unlimited, Bytes: Unlimited, Wall: Unlimited}, ""},
		{Budget{Calls: 5, Pages: Unlimited, Rows: Unlimited, Bytes: Unlimited, Wall: Unlimited}, "calls"},
		{Budget{Calls: 100, Pages: Unlimited, Rows: 10, Bytes: Unlimited, Wall: Unlimited}, "rows"},
		{Budget{Calls: 100, Pages: Unlimited, Rows: 100, Bytes: Unlimited, Wall: time.Millisecond}, "wall time"},
	} {
		if part, exceeded := tt.b.Exceeded(l); part != tt.want || exceeded != (tt.want != "") {
			t.Errorf("%+v: got %q, %v; want %q", tt.b, part, exceeded, tt.want)
		}
	}
}

func TestConcurrentAppendsKeepTheChain(t *testing.T) {
	l := New(clock())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				l.Append("ask", nil, Cost{Calls: 1})
			}
		})
	}
	wg.Wait()
	if got, err := Read(bytes.NewReader(l.Bytes())); err != nil || len(got) != 400 {
		t.Fatalf("read %d entries, %v", len(got), err)
	}
}
