package report

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"uratori/fact"
	"uratori/phrase"
	"uratori/verify"
)

// Options are what a report says of the run that made it.
type Options struct {
	Lang        phrase.Lang
	Version     int       // of the report, from 1
	Provisional bool      // logs may still arrive
	Next        time.Time // when the logs will be asked again; zero when they will not
	Changes     string    // what changed since the last version; empty for the first
	Budget      []Used    // what was spent
	Versions    []Versioned
	LedgerHead  string // hash of the last entry of the ledger
}

// Used is one row of the budget.
type Used struct {
	Name  string // such as "calls"
	Used  int64
	Limit int64 // 0: none
}

// Versioned names one thing that the report depends on, such as the program or the policy.
type Versioned struct {
	Name  string
	Value string
}

// Compose lays checked statements out as a document.
func Compose(c verify.Checked, o Options) (Document, error) {
	if !c.Made() {
		return Document{}, errors.New("compose report: the draft was never checked")
	}
	if o.Lang != phrase.JA && o.Lang != phrase.EN {
		return Document{}, fmt.Errorf("compose report: language %q is neither ja nor en", o.Lang)
	}
	w := composer{
		c: c, o: o, a: c.Assessment(), facts: c.Assessment().Facts(),
		format: format{lang: o.Lang, book: phrase.Default(), limit: textLimit, clock: c.Assessment().Facts().Calendar()},
	}
	doc := Document{Lang: o.Lang, Title: w.book.Header.In(o.Lang), Header: w.header()}
	for i, ch := range w.book.Chapters {
		chapter := Chapter{ID: ch.ID, Number: i + 1, Title: ch.Title.In(o.Lang)}
		for _, s := range ch.Sections {
			chapter.Sections = append(chapter.Sections, Section{ID: s.ID, Title: s.Title.In(o.Lang), Blocks: w.section(s.ID)})
		}
		doc.Chapters = append(doc.Chapters, chapter)
	}
	doc.Appendix = w.appendix()
	doc.Record = w.record(doc)
	return doc, nil
}

// section lays out the lines of one section, each table under its caption.
func (w composer) section(id string) []Block {
	if id == "summary" {
		return w.summary()
	}
	var out []Block
	for _, l := range w.c.Section(id) {
		out = append(out, w.line(l))
		if l.Phrase.Kind == phrase.Table {
			out = append(out, w.table(l))
		}
	}
	return out
}

// summary lays out the first chapter, its texts cut as far as its size asks.
func (w composer) summary() []Block {
	var out []Block
	for _, limit := range summaryLimits {
		f, size := w.format, 0
		f.limit = limit
		out = nil
		for _, l := range w.c.Section("summary") {
			line := f.line(l)
			size += utf8.RuneCountInString(text(line.Runs))
			out = append(out, line)
		}
		if size <= summarySize[w.lang] {
			break
		}
	}
	return out
}

func (w composer) header() []Block {
	out := w.section("header")
	state := "final"
	if w.o.Provisional {
		state = "provisional"
	}
	out = append(out, w.said("header.version", map[string]fact.Value{
		"v": fact.IntOf(int64(max(w.o.Version, 1))), "s": fact.NameOf(state),
	}))
	if w.o.Changes == "" {
		out = append(out, w.said("header.first", nil))
	} else {
		out = append(out, w.said("header.changes", map[string]fact.Value{"c": fact.TextOf(w.o.Changes)}))
	}
	if w.o.Next.IsZero() {
		return append(out, w.said("header.last", nil))
	}
	return append(out, w.said("header.next", map[string]fact.Value{"t": fact.TimeOf(w.o.Next)}))
}

// said is a line about the run itself.
func (w composer) said(id string, values map[string]fact.Value) Line {
	p, _ := w.book.Get(id)
	l := verify.Line{Phrase: p}
	for _, s := range p.Slots {
		l.Filled = append(l.Filled, verify.Filled{Slot: s.Name, Value: values[s.Name], Key: "case." + s.Key, State: fact.Known})
	}
	return w.line(l)
}
