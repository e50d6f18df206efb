package main

import (
	"fmt"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"uratori/source/local"
)

// terminal tells whether w is a terminal that wants decoration.
func (a *app) terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && a.getenv("TERM") != "dumb"
}

// progress shows an ingest: a bar on a terminal, plain lines now and then elsewhere.
func (a *app) progress(name string) (tell func(local.Progress), end func()) {
	if a.terminal(a.err) {
		var bar *progressbar.ProgressBar
		return func(p local.Progress) {
				if bar == nil {
					bar = progressbar.NewOptions64(p.OfBytes, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(name),
						progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionEnableColorCodes(a.getenv("NO_COLOR") == ""))
				}
				_ = bar.Set64(p.Bytes) // a bar that cannot be drawn is no reason to stop
			}, func() {
				if bar != nil {
					_ = bar.Finish()
				}
			}
	}
	const every = 64 << 20
	var next int64 = every
	return func(p local.Progress) {
		if p.Bytes >= next {
			fmt.Fprintf(a.err, "uratori: %s: %d of %d files, %d records\n", name, p.Files, p.OfFiles, p.Records)
			next = p.Bytes + every
		}
	}, func() {}
}
