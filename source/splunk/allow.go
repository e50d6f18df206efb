package splunk

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readingCommands are all that a search may consist of. They read events and reshape rows. What
// writes, sends, deletes, runs a program or a stored search, asks another system, or expands into
// something that cannot be seen here is not among them; nor is what cuts the rows of a sub-search
// without a word (join, append, appendcols, set). Splunk's own safeguards against risky commands
// hold in Splunk Web only (Securing Splunk, "SPL safeguards for risky commands").
var readingCommands = []string{
	"accum", "addcoltotals", "addinfo", "addtotals", "appendpipe", "autoregress", "bin", "bucket", "chart", "contingency",
	"convert", "dbinspect", "dedup", "delta", "eval", "eventcount", "eventstats", "extract", "fieldformat", "fields", "fieldsummary",
	"filldown", "fillnull", "foreach", "format", "head", "highlight", "iplocation", "makecontinuous", "makemv", "makeresults", "metadata",
	"metasearch", "mvcombine", "mvexpand", "nomv", "rangemap", "rare", "regex", "rename", "replace", "return", "reverse", "rex", "search",
	"sort", "spath", "stats", "strcat", "streamstats", "table", "tail", "timechart", "top", "transaction", "transpose", "tstats",
	"untable", "where", "xmlkv", "xpath", "xyseries",
}

// Commands are the names of the commands that a search may consist of.
func Commands() []string { return slices.Clone(readingCommands) }

// An SPLError says where a search is refused.
type SPLError struct {
	Text string // the search
	At   int    // byte offset
	Msg  string
}

// Error shows the spot within its line.
func (e *SPLError) Error() string {
	at := min(e.At, len(e.Text))
	line := 1 + strings.Count(e.Text[:at], "\n")
	start := strings.LastIndexByte(e.Text[:at], '\n') + 1
	end := len(e.Text)
	if i := strings.IndexByte(e.Text[at:], '\n'); i >= 0 {
		end = at + i
	}
	column := utf8.RuneCountInString(e.Text[start:at])
	lo, hi := max(start, at-60), min(end, at+60)
	shown := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(e.Text[lo:hi], "?"))
	return fmt.Sprintf("spl:%d:%d: %s\n    %s\n    %s~", line, column+1, e.Msg, shown, strings.Repeat(" ", utf8.RuneCountInString(strings.ToValidUTF8(e.Text[lo:at], "?"))))
}

// CheckSPL tells whether a search reads only: every command of it, and of every sub-search in
// brackets, is one of [Commands], and nothing in it expands into something else. Its text may come
// from a person; what cannot be read with certainty is refused.
func CheckSPL(s string) error {
	tokens, err := tokenize(s, false)
	if err != nil {
		return err
	}
	return checkTokens(s, tokens)
}

type tokenKind uint8

const (
	wordToken tokenKind = iota
	stringToken
	pipeToken
	openToken  // [
	closeToken // ]
	paramToken
)

type token struct {
	kind tokenKind
	text string // as written
	at   int
}

// tokenize splits a search as far as its commands and its strings have to be told apart.
func tokenize(s string, params bool) ([]token, error) {
	wrong := func(at int, format string, args ...any) error {
		return &SPLError{s, at, fmt.Sprintf(format, args...)}
	}
	if len(s) > 64<<10 {
		return nil, wrong(0, "the search is longer than 64 KiB")
	}
	if !utf8.ValidString(s) {
		return nil, wrong(0, "the search is not UTF-8")
	}
	var out []token
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\n', '\t', '\r':
			i++
		case '|':
			out = append(out, token{pipeToken, "|", i})
			i++
		case '[':
			out = append(out, token{openToken, "[", i})
			i++
		case ']':
			out = append(out, token{closeToken, "]", i})
			i++
		case '"':
			j := i + 1
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' {
					j++
				}
				if j < len(s) && (s[j] < ' ' || s[j] == 0x7f || s[j] == '`') {
					return nil, wrong(j, "a control character or backtick in quotes; the meaning of neither is sure")
				}
				j++
			}
			if j >= len(s) {
				return nil, wrong(i, "the quote is never closed")
			}
			out = append(out, token{stringToken, s[i : j+1], i})
			i = j + 1
		case '\'':
			// A field name in eval; an apostrophe elsewhere. Neither hides anything in it.
			j := i + 1
			for j < len(s) && s[j] != '\'' {
				if strings.IndexByte("|[]`\"\\$\n\r", s[j]) >= 0 || s[j] < ' ' {
					return nil, wrong(j, "%q after a single quote; field names in single quotes hold no | [ ] ` \" \\ $", s[j])
				}
				j++
			}
			if j >= len(s) {
				return nil, wrong(i, "the single quote is never closed")
			}
			out = append(out, token{wordToken, s[i : j+1], i})
			i = j + 1
		case '`':
			return nil, wrong(i, "a macro or comment in backticks; write out what it stands for")
		case '\\':
			return nil, wrong(i, "a backslash outside quotes")
		case '$':
			j := i + 1
			for j < len(s) && (paramByte(s[j]) || s[j] == '.' && j+1 < len(s) && paramByte(s[j+1])) {
				j++
			}
			if !params || j == i+1 || j < len(s) && s[j] == '$' {
				return nil, wrong(i, "a token between dollars; parameters are written $name, with one dollar, in templates only")
			}
			if i > 0 && strings.IndexByte(" \n\t\r=<>(,", s[i-1]) < 0 || j < len(s) && strings.IndexByte(" \n\t\r),|]", s[j]) < 0 {
				return nil, wrong(i, "a parameter stands for a whole value, not for a part of a word")
			}
			out = append(out, token{paramToken, s[i+1 : j], i})
			i = j
		default:
			j := i
			for j < len(s) && strings.IndexByte(" \n\t\r|[]\"'`\\$", s[j]) < 0 {
				r, n := utf8.DecodeRuneInString(s[j:])
				if !unicode.IsPrint(r) {
					return nil, wrong(j, "a control or invisible character")
				}
				j += n
			}
			out = append(out, token{wordToken, s[i:j], i})
			i = j
		}
	}
	return out, nil
}

func paramByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func checkTokens(s string, tokens []token) error {
	wrong := func(at int, format string, args ...any) error {
		return &SPLError{s, at, fmt.Sprintf(format, args...)}
	}
	if len(tokens) == 0 {
		return wrong(0, "the search is empty")
	}
	var open []int
	command := true // a command is expected
	for i, t := range tokens {
		switch t.kind {
		case pipeToken:
			if command && i > 0 && tokens[i-1].kind == pipeToken {
				return wrong(t.at, "a command is missing between two pipes")
			}
			command = true
		case openToken:
			if command {
				return wrong(t.at, "a command is expected here, not a sub-search")
			}
			open, command = append(open, t.at), true
		case closeToken:
			if len(open) == 0 {
				return wrong(t.at, "a bracket is closed that was never opened")
			}
			if command {
				return wrong(t.at, "a command is missing before the bracket")
			}
			open = open[:len(open)-1]
		case wordToken:
			if !command {
				continue
			}
			name := strings.ToLower(t.text)
			if !slices.Contains(readingCommands, name) {
				return wrong(t.at, "command %.40q is not one that reads only; allowed are %s", t.text, strings.Join(readingCommands, ", "))
			}
			if i == 0 && name != "search" {
				return wrong(t.at, "a search begins with the word search or with a pipe")
			}
			command = false
		case stringToken, paramToken:
			if command {
				return wrong(t.at, "a command is expected here")
			}
		}
	}
	if len(open) > 0 {
		return wrong(open[len(open)-1], "the bracket is never closed")
	}
	if command {
		return wrong(len(s), "the search ends where a command is expected")
	}
	return nil
}
