package report

import (
	"time"

	"uratori/fact"
	"uratori/phrase"
)

// A Document is a whole report in one language, ready to be printed in any form.
type Document struct {
	Lang     phrase.Lang
	Title    string
	Header   []Block
	Chapters []Chapter
	Appendix Chapter
	Record   Record // the same report for programs
}

// A Chapter is one of the eight, or the appendix.
type Chapter struct {
	ID       string
	Number   int // 1 to 8; 0 for the appendix
	Title    string
	Sections []Section
}

// A Section is a part of a chapter. One without a title stands right under its chapter's.
type Section struct {
	ID     string
	Title  string
	Blocks []Block
}

// A Block is a piece of a section.
//
//sumtype:decl
type Block interface {
	block() // only this package defines blocks
}

type (
	// Line is one statement.
	Line struct {
		Kind    phrase.Kind
		Phrase  string // id in the phrase book
		Runs    []Run
		Facts   []fact.ID
		Anchors []string // F1, A2, G1, R1, S1: what it points to
	}
	// Table is a table whose caption is the line before it.
	Table struct {
		Name string // the fact's key, or such as "signals"
		Head []string
		Rows []TableRow
		Line *Timeline // the rows as points in time, when the table is a timeline
	}
	// Heat is a table of counts by weekday and hour, which can be drawn as a heat map.
	Heat struct {
		Corner string     // heading of the first column
		Days   []string   // Sunday first
		Counts [7][24]int // by weekday and hour, in the case's zone
		Event  *[2]int    // weekday and hour of the finding's event, when known
		Note   string     // what the mark means
	}
	// Fence is text that anyone can copy and run, such as a query.
	Fence struct {
		Label []Run
		Text  string
	}
)

func (Line) block()  {}
func (Table) block() {}
func (Heat) block()  {}
func (Fence) block() {}

// A Timeline is what a table of calls looks like on a line in time, the event among them.
type Timeline struct {
	First, Event, Last             time.Time
	FirstText, EventText, LastText string // in the case's zone
	Marks                          []Mark
	Note                           string // what the marks mean
}

// A Mark is a point on a timeline.
type Mark struct {
	At    time.Time
	Phase string // before, event, after
	Text  string // in the value layer
}

// A TableRow is one row of a Table.
type TableRow struct {
	Target string // what anchors point here, such as "F12"; may be empty
	Cells  [][]Run
}

// A Run is a piece of a line or cell.
type Run struct {
	Text string // code and values in the value layer, see [Visible]
	Kind RunKind
}

// A RunKind says where the text of a run comes from, and so how it is printed.
type RunKind uint8

// The kinds of run.
const (
	Literal RunKind = iota // of a phrase or of our own tables
	Value                  // a value in our own words, such as a number or a name of a choice
	Code                   // text from a log, a finding or the configuration
	Anchor                 // the number of a fact, gap or action, to be linked
)
