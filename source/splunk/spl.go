package splunk

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The search language as a syntax tree. Everything that is sent was printed from one: a value
// stands in it as a node of its own and is quoted for the place it stands in, never pasted.

// An expr is an expression of eval and where.
type expr interface{ spl() string }

type (
	text   string // a string literal
	number int64
	column string // a field of the search, by the names that we give: letters, digits and "_"
	apply  struct {
		fn   string
		args []expr
	}
	infix struct {
		op   string // " AND ", " OR ", "=", "!=", ">=", "<", "."
		args []expr
	}
	negation struct{ x expr }
)

func (t text) spl() string   { return quoted(string(t)) }
func (n number) spl() string { return strconv.FormatInt(int64(n), 10) }

// spl quotes a field for eval and where, in which double quotes make a string and a bare dot
// joins two of them.
func (c column) spl() string {
	if plainName(string(c)) {
		return string(c)
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(string(c)) + "'"
}

func (c apply) spl() string {
	parts := make([]string, len(c.args))
	for i, a := range c.args {
		parts[i] = a.spl()
	}
	return c.fn + "(" + strings.Join(parts, ",") + ")"
}

func (i infix) spl() string {
	parts := make([]string, len(i.args))
	for k, a := range i.args {
		parts[k] = a.spl()
	}
	return "(" + strings.Join(parts, i.op) + ")"
}

func (n negation) spl() string { return "(NOT " + n.x.spl() + ")" }

func fn(name string, args ...expr) expr { return apply{name, args} }
func equal(a, b expr) expr              { return infix{"=", []expr{a, b}} }
func differ(a, b expr) expr             { return infix{"!=", []expr{a, b}} }
func concat(args ...expr) expr          { return infix{".", args} }

func all(args ...expr) expr  { return joined(" AND ", args) }
func some(args ...expr) expr { return joined(" OR ", args) }

func joined(op string, args []expr) expr {
	if len(args) == 1 {
		return args[0]
	}
	return infix{op, args}
}

func matches(x expr, pattern string) expr { return fn("match", x, text(pattern)) }

// Constants of conditions: the language has no truth values of its own in every place.
const (
	always = truth(true)
	never  = truth(false)
)

type truth bool

func (t truth) spl() string {
	if t {
		return "(1=1)"
	}
	return "(1=0)"
}

// A command is one stage of a search.
type command struct {
	name string
	rest string // printed from parts that were quoted
}

// A search is stages joined by pipes.
type search []command

func (s search) String() string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 {
			b.WriteString(" | ")
		} else if c.name != "search" {
			b.WriteString("| ")
		}
		b.WriteString(c.name)
		if c.rest != "" {
			b.WriteString(" " + c.rest)
		}
	}
	return b.String()
}

func where(x expr) command { return command{"where", x.spl()} }

func evals(pairs ...assignment) command {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = column(p.to).spl() + "=" + p.x.spl()
	}
	return command{"eval", strings.Join(parts, ", ")}
}

type assignment struct {
	to string
	x  expr
}

func table(names ...string) command {
	return command{"table", strings.Join(fieldNames(names), " ")}
}

func fieldNames(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		if out[i] = n; !plainName(n) {
			out[i] = quoted(n)
		}
	}
	return out
}

// sorted sorts by texts, all rows: without the 0 the command keeps 10,000 of them.
func sorted(names ...string) command {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = "+str(" + n + ")"
	}
	return command{"sort", "0 " + strings.Join(parts, " ")}
}

func head(n int) command { return command{"head", strconv.Itoa(n)} }

// A term is a condition of the search command: a phrase that the raw event holds, in any case.
type term interface{ term() string }

type (
	phrase  string // letters, digits and "-_.@:" only, see phrases; a "*" at its end stands for the rest of a word
	keyword struct{ field, value string }
	either  []term
	both    []term
)

func (p phrase) term() string  { return quoted(string(p)) }
func (k keyword) term() string { return k.field + "=" + quoted(k.value) }
func (e either) term() string  { return "(" + terms(e, " OR ") + ")" }
func (b both) term() string    { return "(" + terms(b, " ") + ")" }

func terms(ts []term, by string) string {
	parts := make([]string, len(ts))
	for i, t := range ts {
		parts[i] = t.term()
	}
	return strings.Join(parts, by)
}

// quoted makes a string literal. The same two escapes hold in search terms and in eval
// (Splunk Search Manual, "Backslashes"). Inside the quotes a pipe, a bracket and a dollar are
// only characters.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// maxLiteral is the longest value that stands in a search; what is longer is compared by us.
const maxLiteral = 1024

// sayable tells whether a value can stand in a search as it is. What cannot is compared by us,
// after the events were fetched: control and invisible characters, which a search may change on
// its way; backticks, because macros are expanded before the search is read; and what is no text.
func sayable(s string) bool {
	if len(s) > maxLiteral || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r == '`' || r == utf8.RuneError || !unicode.IsPrint(r) && r != ' ' {
			return false
		}
	}
	return true
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// phrases are parts of a value that stand in the raw event as they are, however its JSON was
// escaped, and that begin and end where the index cuts events into words (Splunk segmenters.conf):
// they lead the index to a few events. The comparison itself is another matter. A word is left out
// where what comes before it could have been written as an escape that ends in a letter or digit,
// or where a character that is no breaker stands beside it.
func phrases(s string) []term {
	const inWord, before, unbroken = "-_.@:", " /,;()|#$!*[]{}", "^~`"
	word := func(c byte) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(inWord, c) >= 0
	}
	var out []term
	for i := 0; i < len(s); {
		if !word(s[i]) {
			i++
			continue
		}
		j := i
		for j < len(s) && word(s[j]) && !strings.HasPrefix(s[j:], "--") {
			j++
		}
		starts := i == 0 || strings.IndexByte(before, s[i-1]) >= 0
		ends := j == len(s) || s[j] < utf8.RuneSelf && s[j] >= ' ' && strings.IndexByte(unbroken, s[j]) < 0
		run := strings.Trim(s[i:j], inWord)
		if starts && ends && len(run) >= 4 && len(run) <= 100 && len(out) < 4 {
			out = append(out, phrase(run))
		}
		i = j + 1
		for strings.HasPrefix(s[j:], "--") {
			j, i = j+1, j+2
		}
	}
	return out
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// checkName refuses what cannot be the name of an index, a sourcetype or a field in our searches.
func checkName(what, s string) error {
	if s == "" || len(s) > 200 || !ascii(s) || strings.ContainsAny(s, "*`\"'\\|[]$") {
		return fmt.Errorf("%s %q: a name of printable ASCII without * ` \" ' \\ | [ ] $ is needed", what, s)
	}
	return nil
}
