package investigate_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"uratori/investigate"
	"uratori/phrase"
)

// A browser prints and measures pages; without one on the machine the tests that need it are skipped.
type browser struct{ path string }

func findBrowser(t *testing.T) browser {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return browser{path}
		}
	}
	t.Skip("no chromium is installed; scripts/need chromium+fonts-noto-cjk installs it")
	return browser{}
}

func (b browser) run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(),
	}, args...)
	cmd := exec.CommandContext(ctx, b.path, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", b.path, err, errs.String())
	}
	return string(out)
}

var pageObject = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// pages is how many pages A4 a report takes when it is printed.
func (b browser) pages(t *testing.T, html string) int {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.pdf")
	if err := os.WriteFile(in, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	b.run(t, "--no-pdf-header-footer", "--print-to-pdf="+out, "file://"+in)
	pdf, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	n := len(pageObject.FindAll(pdf, -1))
	if n == 0 {
		t.Fatalf("no page was found in %d bytes of PDF", len(pdf))
	}
	return n
}

const appendixStart = `<section class="chapter" id="appendix">`

// The reference case is read on paper too: its chapters take at most five pages, and the
// appendix begins on a page of its own.
func TestTheReferenceCasePrintsOnFivePages(t *testing.T) {
	b := findBrowser(t)
	w := enter(t, "a", 1, phrase.JA)
	for _, w.tools.Language = range phrase.Langs() {
		html := string(w.run(t).Reports[investigate.HTMLName])
		body, appendix, ok := strings.Cut(html, appendixStart)
		if !ok {
			t.Fatal("the report has no appendix")
		}
		n := b.pages(t, body+"</main></body></html>")
		if n > 5 {
			t.Errorf("%s: the chapters take %d pages, want at most 5", w.tools.Language, n)
		}
		t.Logf("%s: %d pages", w.tools.Language, n)
		if w.tools.Language == phrase.EN {
			continue
		}
		head, _, _ := strings.Cut(html, "<h1>")
		whole, rest := b.pages(t, html), b.pages(t, head+appendixStart+appendix)
		if whole != n+rest {
			t.Errorf("%s: %d pages of chapters and %d of appendix make %d; the appendix begins on no page of its own", w.tools.Language, n, rest, whole)
		}
	}
}

// measuring is how a page tells whether it is wider than its window, in a copy that may run a script.
const measuring = `<script>addEventListener("load",()=>{
const d=document.documentElement,w=d.clientWidth,wide=[...document.querySelectorAll("body *")].filter(e=>!e.closest(".scroll,figure,pre")&&e.getBoundingClientRect().right>w+1);
parent.postMessage(name+" is "+d.scrollWidth+" of "+w+" "+(wide[0]?wide[0].outerHTML.slice(0,120):""),"*")})</script>`

// Nobody scrolls a page sideways, neither on a phone nor on a desk; wide tables scroll in themselves.
func TestNoPageIsWiderThanItsWindow(t *testing.T) {
	b := findBrowser(t)
	dir := t.TempDir()
	frames := `<!DOCTYPE html><meta charset=utf-8><body><script>addEventListener("message",e=>document.body.append("["+e.data+"]"))</script>`
	var names []string
	for _, variant := range []string{"c", "d"} {
		w := enter(t, variant, 1, phrase.JA)
		for _, w.tools.Language = range phrase.Langs() {
			html := string(w.run(t).Reports[investigate.HTMLName])
			html = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAllString(html, "")
			html = strings.Replace(html, "</head>", measuring+"</head>", 1)
			html = strings.ReplaceAll(html, "<details", "<details open") // what is folded must not be wider either
			file := fmt.Sprintf("%s-%s.html", variant, w.tools.Language)
			if err := os.WriteFile(filepath.Join(dir, file), []byte(html), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, width := range []int{360, 1280} {
				name := fmt.Sprintf("%s at %d", file, width)
				frames += fmt.Sprintf(`<iframe src="%s" name="%s" width=%d height=800></iframe>`, file, name, width)
				names = append(names, name)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "frames.html"), []byte(frames), 0o644); err != nil {
		t.Fatal(err)
	}
	dom := b.run(t, "--window-size=1600,1000", "--virtual-time-budget=20000", "--dump-dom", "file://"+filepath.Join(dir, "frames.html"))
	for _, name := range names {
		m := regexp.MustCompile(regexp.QuoteMeta("["+name+" is ") + `(\d+) of (\d+) (.*)`).FindStringSubmatch(dom)
		if m == nil {
			t.Fatalf("%s: nothing was measured: %.2000s", name, dom)
		}
		if m[1] != m[2] {
			t.Errorf("%s: the page is %s wide in %s: %.200s", name, m[1], m[2], m[3])
		}
	}
}
