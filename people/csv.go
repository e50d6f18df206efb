package people

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"uratori/nearest"
)

// columns are the columns of an operator's list. "upn" has to be there; the others may be left
// out, and stand in any order.
var columns = []string{
	"upn", string(DisplayName), string(Company), string(Department), string(EmployeeType), string(Enabled),
	string(Manager), string(Sponsors), string(ContractEnd),
}

// Bounds of a list.
const (
	maxCell = 1024      // bytes
	maxRows = 1_000_000 // people
	maxLine = 64 << 10  // bytes of a row, line breaks inside cells included
)

// A Bad is a row that was set aside.
type Bad struct {
	Line   int    // 1-based line of the file on which the row begins
	Column string // "" for the whole row
	Reason string
}

// String is where and why, such as "line 3, column enabled: ...".
func (b Bad) String() string {
	if b.Column == "" {
		return fmt.Sprintf("line %d: %s", b.Line, b.Reason)
	}
	return fmt.Sprintf("line %d, column %s: %s", b.Line, b.Column, b.Reason)
}

// ReadCSV reads an operator's list of people: comma-separated UTF-8 with or without a byte order
// mark, any line ends, a header of [Columns]. Cells are text as it stands: what looks like a
// formula is not one. "enabled" is true or false; "contract_end" is the last day, such as
// 2026-03-31, in zone. An empty cell is "not stated", and an empty list of sponsors too; several
// sponsors are separated by semicolons.
//
// A header that is wrong is an error, because every row would be. A row that is wrong is set aside
// and named; the others are read.
func ReadCSV(r io.Reader, name string, zone *time.Location) (_ *List, bad []Bad, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("people of %s: %w", name, err)
		}
	}()
	buf := bufio.NewReaderSize(r, maxLine)
	if err := encoding(buf); err != nil {
		return nil, nil, err
	}
	in := &rows{r: buf, line: 1}
	head, _, err := in.next()
	if err != nil {
		return nil, nil, fmt.Errorf("line 1: %w", orEmpty(err))
	}
	at, err := header(head)
	if err != nil {
		return nil, nil, fmt.Errorf("line 1: %w", err)
	}
	l := &List{people: map[string]Person{}}
	for {
		cells, line, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return l, bad, nil
		case errors.Is(err, errRow):
			bad = append(bad, Bad{Line: line, Reason: err.Error() + in.goesOn(line)})
			continue
		case err != nil:
			return nil, nil, err
		case len(cells) == 1 && strings.TrimSpace(cells[0]) == "":
			continue // an empty line
		case len(l.order)+len(bad) >= maxRows:
			return nil, nil, fmt.Errorf("line %d: more than %d rows", line, maxRows)
		}
		p, wrong := readRow(cells, at, len(head), zone)
		if wrong == nil {
			if first, twice := l.people[p.UPN]; twice {
				wrong = &Bad{Column: "upn", Reason: fmt.Sprintf("the same person stands on line %d", first.Line)}
			}
		}
		if wrong != nil {
			wrong.Line = line
			wrong.Reason += in.goesOn(line)
			bad = append(bad, *wrong)
			continue
		}
		p.Source, p.Line = name, line
		l.people[p.UPN] = p
		l.order = append(l.order, p.UPN)
	}
}

// encoding takes off a byte order mark and refuses what is not UTF-8 from its first bytes on.
func encoding(r *bufio.Reader) error {
	start, err := r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		_, err := r.Discard(3)
		return err
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return errors.New("the file is UTF-16; save it as \"CSV UTF-8\"")
	}
	return nil
}

func orEmpty(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty; its first line names the columns: " + strings.Join(columns, ","))
	}
	return err
}

// header maps the columns to their places.
func header(cells []string) (map[string]int, error) {
	at := map[string]int{}
	for i, c := range cells {
		name := strings.TrimSpace(c)
		if !utf8.ValidString(name) {
			return nil, errors.New("the file is not UTF-8; save it as \"CSV UTF-8\"")
		}
		if !slices.Contains(columns, name) {
			hint := ""
			if n, ok := nearest.Word(name, columns); ok {
				hint = fmt.Sprintf("; did you mean %q?", n)
			}
			return nil, fmt.Errorf("unknown column %q%s; columns are %s", shorten(name), hint, strings.Join(columns, ", "))
		}
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("column %q stands twice", name)
		}
		at[name] = i
	}
	if _, ok := at["upn"]; !ok {
		return nil, errors.New("the column \"upn\" is missing")
	}
	return at, nil
}

func shorten(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}

// readRow makes a person of a row, or says what is wrong with it.
func readRow(cells []string, at map[string]int, width int, zone *time.Location) (p Person, wrong *Bad) {
	if len(cells) != width {
		return p, &Bad{Reason: fmt.Sprintf("%d cells, the header has %d", len(cells), width)}
	}
	p.Unseen = map[Attribute]Why{ObjectID: NotHeld, Mail: NotHeld, JobTitle: NotHeld, UserType: NotHeld, Created: NotHeld, Hired: NotHeld}
	// get is the cell of a column; what is not stated is noted.
	get := func(column string) (string, bool) {
		i, ok := at[column]
		if !ok {
			p.Unseen[Attribute(column)] = NotHeld
			return "", false
		}
		s := strings.TrimSpace(cells[i])
		if s == "" {
			p.Unseen[Attribute(column)] = NotStated
		}
		return s, s != ""
	}
	for column, i := range at {
		if reason := illegible(cells[i]); reason != "" && (wrong == nil || i < at[wrong.Column]) {
			wrong = &Bad{Column: column, Reason: reason}
		}
	}
	if wrong != nil {
		return p, wrong
	}
	upn := strings.TrimSpace(cells[at["upn"]])
	if reason := notUPN(upn); reason != "" {
		return p, &Bad{Column: "upn", Reason: reason}
	}
	p.UPN = Fold(upn)
	for column, into := range map[Attribute]*string{DisplayName: &p.DisplayName, Company: &p.Company, Department: &p.Department, EmployeeType: &p.EmployeeType} {
		*into, _ = get(string(column))
	}
	if s, ok := get(string(Enabled)); ok {
		switch strings.ToLower(s) {
		case "true":
			p.Enabled = true
		case "false":
		default:
			return p, &Bad{Column: string(Enabled), Reason: fmt.Sprintf("%q is neither true nor false", shorten(s))}
		}
	}
	if s, ok := get(string(Manager)); ok {
		if reason := notUPN(s); reason != "" {
			return p, &Bad{Column: string(Manager), Reason: reason}
		}
		p.Manager = &Ref{UPN: Fold(s)}
	}
	if s, ok := get(string(Sponsors)); ok {
		for one := range strings.SplitSeq(s, ";") {
			if reason := notUPN(strings.TrimSpace(one)); reason != "" {
				return p, &Bad{Column: string(Sponsors), Reason: reason}
			}
			p.Sponsors = append(p.Sponsors, Ref{UPN: Fold(one)})
		}
		SortRefs(p.Sponsors)
		p.Sponsors = slices.Compact(p.Sponsors)
	}
	if s, ok := get(string(ContractEnd)); ok {
		day, err := time.ParseInLocation(time.DateOnly, s, zone)
		if err != nil || day.Year() < 1900 {
			return p, &Bad{Column: string(ContractEnd), Reason: fmt.Sprintf("%q is no day; write it such as 2026-03-31", shorten(s))}
		}
		p.Leaves = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zone).UTC()
	}
	return p, nil
}

// illegible says why a cell cannot be taken as text.
func illegible(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "the cell is not UTF-8"
	case len(s) > maxCell:
		return fmt.Sprintf("the cell is longer than %d bytes", maxCell)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "the cell holds a control character"
	}
	return ""
}

// notUPN says why a text is no user principal name: an alias, "@" and a domain ("Prepare to
// provision users through directory synchronization", userPrincipalName).
func notUPN(s string) string {
	alias, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok, alias == "", domain == "", strings.Contains(domain, "@"):
		return fmt.Sprintf("%q is no user principal name such as taro@example.co.jp", shorten(s))
	case strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`\/[]:;|=,+*?<>"%&()`+"＠", r)
	}):
		return fmt.Sprintf("%q holds a character that no user principal name has", shorten(s))
	case len(alias) > 64*4 || len(domain) > 255:
		return "the user principal name is too long"
	}
	return ""
}

// errRow is wrapped by what is wrong with one row alone.
var errRow = errors.New("the row cannot be read")

// rows cuts a file into rows, each read by itself: a quote that is never closed spoils its own
// line and no other.
type rows struct {
	r    *bufio.Reader
	line int // of the next row
}

// next is the next row and the line it begins on.
func (in *rows) next() (cells []string, line int, err error) {
	line = in.line
	text, err := in.raw()
	if err != nil {
		return nil, line, err
	}
	c := csv.NewReader(strings.NewReader(text))
	c.FieldsPerRecord = -1
	cells, err = c.Read()
	switch {
	case errors.Is(err, io.EOF):
		return []string{""}, line, nil
	case err != nil:
		var p *csv.ParseError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, line, fmt.Errorf("%w: %w", errRow, err)
	}
	return cells, line, nil
}

// goesOn names the end of a row of several lines: all of them were set aside.
func (in *rows) goesOn(line int) string {
	if last := in.line - 1; last > line {
		return fmt.Sprintf(" (a quoted cell goes on to line %d)", last)
	}
	return ""
}

// raw is one row with its line breaks: a line is followed by the next while a quote is open. If
// none closes it within the bounds of a row, the row is its first line.
func (in *rows) raw() (string, error) {
	ahead, err := in.r.Peek(maxLine)
	if len(ahead) == 0 {
		if err == nil || errors.Is(err, bufio.ErrBufferFull) {
			err = io.EOF
		}
		return "", err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	first, open := -1, false
	for i, b := range ahead {
		switch b {
		case '"':
			open = !open
		case '\n', '\r':
			if first < 0 {
				first = i
			}
			if !open {
				return in.take(ahead, i), nil
			}
		}
	}
	switch {
	case first >= 0 && open:
		return in.take(ahead, first), nil
	case len(ahead) == maxLine:
		in.skip()
		return "", fmt.Errorf("%w: it is longer than %d bytes", errRow, maxLine)
	}
	in.line++
	text := string(ahead)
	_, _ = in.r.Discard(len(ahead)) // what was peeked at is there
	return text, nil
}

// take takes a row that ends before the line break at i, and that line break.
func (in *rows) take(ahead []byte, i int) string {
	text := string(ahead[:i])
	n := i + 1
	if ahead[i] == '\r' && n < len(ahead) && ahead[n] == '\n' {
		n++
	}
	in.line += lineBreaks(text) + 1
	_, _ = in.r.Discard(n)
	return text + "\n"
}

// skip reads to the end of a line that is too long.
func (in *rows) skip() {
	for {
		b, err := in.r.ReadByte()
		if err != nil || b == '\n' {
			break
		}
	}
	in.line++
}

func lineBreaks(s string) int {
	return strings.Count(s, "\n") + strings.Count(s, "\r") - strings.Count(s, "\r\n")
}
