package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uratori/source/awstest"
)

// A screen is what was written to a pseudo-terminal.
type screen struct {
	tty  *os.File // for the program
	done chan struct{}
	mu   sync.Mutex
	text bytes.Buffer
}

// openScreen opens a pseudo-terminal of so many columns (ptmx(4), pts(4)).
func openScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	t.Setenv("TERM", "xterm")
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this machine has no pseudo-terminals: ", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("this machine has no pseudo-terminals: ", err)
	}
	s := &screen{tty: tty, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil { // EIO: the program has closed its end
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = tty.Close()
		<-s.done
		_ = master.Close()
	})
	return s
}

func (s *screen) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// whole is what was written when the program is done, waited for to its end.
func (s *screen) whole() string {
	_ = s.tty.Close()
	<-s.done
	return s.written()
}

// What remains on a line after everything that was drawn on it.
func remains(text string) (lines []string) {
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line = line[strings.LastIndex(line, "\r\x1b[K")+1:]
		lines = append(lines, strings.TrimPrefix(line, "\x1b[K"))
	}
	return lines
}

// On a terminal one sees what was spent, beside the budget, while it is spent; nothing of it stays,
// and nothing of it is written to a pipe.
func TestSpendingIsShownLive(t *testing.T) {
	a := arrangement{
		cloudtrail: []string{"splunk-prod", "cloudtrail-api"}, signin: []string{"splunk-prod"}, quick: true,
		more: "budget: {calls: 700, pages: 800, bytes: 9000000, wall: 9m, apis: {\"cloudtrail:LookupEvents\": 60}}\n",
	}
	r := a.behind(t, "a")
	r.aws.Script(awstest.Fault{Service: "cloudtrail", Operation: "LookupEvents", Do: awstest.Slow, By: 50 * time.Millisecond})
	s := openScreen(t, 200)
	var out bytes.Buffer
	p := &app{in: strings.NewReader(""), out: &out, err: s.tty, getenv: os.Getenv, now: func() time.Time { return r.now }, caller: r.caller}
	args := []string{"investigate", filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"), "-o", filepath.Join(r.dir, "case")}
	if status := p.command(t.Context(), args); status != exitOK {
		t.Fatalf("exit status %d\n%s", status, s.whole())
	}
	text := s.whole()
	for _, want := range []string{" of 700 calls, ", " of 800 pages, ", " of 9.0 MB, ", " of 9m0s, ", " of 60 of cloudtrail:LookupEvents"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal does not show %q:\n%q", want, text)
		}
	}
	if n := strings.Count(text, " of 700 calls"); n < 3 {
		t.Errorf("it was shown %d times", n)
	}
	if left := strings.Join(remains(text), "\n"); strings.Contains(left, "calls") {
		t.Errorf("it stays on the terminal:\n%s", left)
	}
	if strings.Contains(out.String(), "of 700 calls") {
		t.Error("it stands in the results, too")
	}
	if _, _, errs := r.command(args...); strings.Contains(errs, "of 700") || strings.Contains(errs, "\x1b") {
		t.Errorf("a pipe gets %q", errs)
	}
}

// A narrow terminal gets one line, never two.
func TestSpendingFitsTheTerminal(t *testing.T) {
	a := arrangement{cloudtrail: []string{"splunk-prod", "cloudtrail-api"}, signin: []string{"splunk-prod"}, quick: true}
	r := a.behind(t, "a")
	s := openScreen(t, 30)
	p := &app{in: strings.NewReader(""), out: &bytes.Buffer{}, err: s.tty, getenv: os.Getenv, now: func() time.Time { return r.now }, caller: r.caller}
	if status := p.command(t.Context(), []string{"investigate", filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"), "-o", filepath.Join(r.dir, "case")}); status != exitOK {
		t.Fatal(s.whole())
	}
	text, drawn := s.whole(), 0
	for piece := range strings.SplitSeq(text, "\r\x1b[K") {
		if n := len([]rune(piece)); strings.HasPrefix(piece, "uratori: ") && strings.HasSuffix(piece, "…") {
			if drawn++; n > 29 {
				t.Errorf("%d columns of 30: %q", n, piece)
			}
		}
	}
	if drawn == 0 {
		t.Errorf("nothing was cut:\n%q", text)
	}
}

// Whoever interrupts an investigation gets a clean line and no report, soon.
func TestInterruptLeavesACleanTerminal(t *testing.T) {
	a := arrangement{cloudtrail: []string{"cloudtrail-api"}, signin: []string{"splunk-prod"}, quick: true}
	r := a.behind(t, "a")
	r.aws.Tolerate()
	r.aws.Script(awstest.Fault{Service: "cloudtrail", Operation: "LookupEvents", Calls: "3-", Do: awstest.Timeout})
	s := openScreen(t, 200)
	p := &app{in: strings.NewReader(""), out: &bytes.Buffer{}, err: s.tty, getenv: os.Getenv, now: func() time.Time { return r.now }, caller: r.caller}
	ctx, interrupt := context.WithCancel(t.Context())
	status := make(chan int)
	go func() {
		status <- p.command(ctx, []string{"investigate", filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"), "-o", filepath.Join(r.dir, "case")})
	}()
	for len(r.aws.Calls("cloudtrail:LookupEvents")) < 3 || !strings.Contains(s.written(), " calls") { // until it waits, and the line stands
		select {
		case got := <-status:
			t.Fatalf("exit status %d before it was interrupted\n%s", got, s.whole())
		case <-time.After(20 * time.Millisecond):
		}
	}
	began := time.Now()
	interrupt()
	if got := <-status; got != exitFailed {
		t.Errorf("exit status %d", got)
	}
	if took := time.Since(began); took > 25*time.Second { // of thirty that one call may take
		t.Errorf("it stopped after %s", took)
	}
	text := s.whole()
	left := strings.TrimSpace(strings.Join(remains(text), "\n"))
	if !strings.Contains(text, " calls") || left != "uratori: stopped; what was stored is consistent" {
		t.Errorf("on the terminal remains %q of\n%q", left, text)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "case")); err == nil {
		t.Error("a report was written")
	}
}
