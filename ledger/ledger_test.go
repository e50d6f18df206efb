package ledger

import (
	"bytes"
	"math"
	"reflect"
	"slices"
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
		"no JSON":  {[]string{lines[0], "x\n"}, "line 2 is no entry"},
		"spaced":   {[]string{strings.Replace(lines[0], `"cost":`, `"cost": `, 1)}, "line 1 was changed"},
		"twice":    {[]string{strings.Replace(lines[0], `"op":"ask"`, `"op":"x","op":"ask"`, 1)}, "line 1 was changed"},
		"CRLF":     {[]string{strings.Replace(lines[0], "\n", "\r\n", 1)}, "line 1 was changed"},
		"half":     {[]string{lines[0], lines[1][:40]}, "line 2: does not end"},
		"new key":  {[]string{strings.Replace(lines[0], `{"attrs"`, `{"x":1,"attrs"`, 1)}, "line 1 is no entry"},
		"endless":  {[]string{lines[0], strings.Repeat(" ", maxLine+1)}, "line 2: is longer than"},
	} {
		if _, err := Read(strings.NewReader(strings.Join(tt.lines, ""))); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
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

// What was used cannot be given back, and a sum beyond all bounds is not small again.
func TestSpendingOnlyGrows(t *testing.T) {
	l := New(clock())
	l.Append("ask", nil, Cost{Calls: 3, Bytes: math.MaxInt64})
	l.Append("ask", nil, Cost{Calls: -2, Bytes: 1})
	if got, _ := l.Spent(); got != (Cost{Calls: 3, Bytes: math.MaxInt64}) {
		t.Errorf("spent %+v", got)
	}
	got := Budget{Calls: 10, Pages: Unlimited, Rows: 7, Bytes: 1}.Left(l)
	if want := (Budget{Calls: 7, Pages: Unlimited, Rows: 7}); !reflect.DeepEqual(got, want) {
		t.Errorf("left %+v, want %+v", got, want)
	}
}

// Calls of one API are counted beside the others, and those under way count as made.
func TestAPIsHaveLimitsOfTheirOwn(t *testing.T) {
	l := New(clock())
	lookup := map[string]string{APIAttr: "cloudtrail:LookupEvents"}
	l.Append("call", lookup, Cost{Calls: 1})
	l.Append("call", map[string]string{APIAttr: "sts:AssumeRole"}, Cost{Calls: 1})
	l.Append("call", lookup, Cost{Calls: 1})
	b := NoLimit()
	b.APIs = map[string]int64{"cloudtrail:LookupEvents": 4}
	for _, tt := range []struct {
		api          string
		under, ofAPI int64
		want         string
	}{
		{"cloudtrail:LookupEvents", 1, 1, ""},
		{"cloudtrail:LookupEvents", 2, 2, "calls of cloudtrail:LookupEvents"},
		{"sts:AssumeRole", 2, 0, ""},
	} {
		if part, ok := b.Allows(l, tt.api, tt.under, tt.ofAPI); part != tt.want || ok != (tt.want == "") {
			t.Errorf("%s with %d under way: %q, %v; want %q", tt.api, tt.ofAPI, part, ok, tt.want)
		}
	}
	b = NoLimit()
	b.Calls = 5
	if part, ok := b.Allows(l, "sts:AssumeRole", 2, 0); ok || part != "calls" {
		t.Errorf("three calls made, two under way, five allowed: %q, %v", part, ok)
	}
	if got := l.APIs(); !slices.Equal(got, []string{"cloudtrail:LookupEvents", "sts:AssumeRole"}) {
		t.Errorf("APIs %v", got)
	}
}

// A caller who changes what it was given changes nothing that is kept.
func TestEntriesAreCopies(t *testing.T) {
	l := filled()
	l.Entries()[0].Attrs["source"] = "forged"
	l.Append("ask", map[string]string{"k": "v"}, Cost{}).Attrs["k"] = "forged"
	if _, err := Read(bytes.NewReader(l.Bytes())); err != nil {
		t.Error(err)
	}
}

// A chain that was cut at its end is whole; only the head tells.
func TestVerifyKnowsTheEnd(t *testing.T) {
	l := filled()
	lines := bytes.SplitAfter(l.Bytes(), []byte("\n"))
	if err := Verify(bytes.NewReader(l.Bytes()), l.Head()); err != nil {
		t.Error(err)
	}
	cut := bytes.Join(lines[:3], nil)
	if _, err := Read(bytes.NewReader(cut)); err != nil {
		t.Error(err)
	}
	if err := Verify(bytes.NewReader(cut), l.Head()); err == nil || !strings.Contains(err.Error(), "after line 3") {
		t.Errorf("a ledger without its end: %v", err)
	}
	if err := Verify(strings.NewReader(""), ""); err != nil {
		t.Errorf("an empty ledger: %v", err)
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
