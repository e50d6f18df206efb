package reread

import (
	"strings"
	"unicode/utf8"
)

// markup are the characters that plain text on a page has a backslash before.
const markup = "\\`*_[]<>|#&~!$"

// inline undoes the Markdown container of a line: escaped characters, code spans, links. why
// says what no such line holds.
func inline(s string, inCell bool) (atoms []atom, why string) {
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			if len(s) < 2 || !strings.ContainsRune(markup, rune(s[1])) {
				return nil, "a backslash stands before what needs none"
			}
			atoms, s = append(atoms, atom{r: rune(s[1])}), s[2:]
		case r == '`':
			code, rest, ok := codeSpan(s)
			if !ok {
				return nil, "a code span has no end"
			}
			if inCell {
				code = strings.ReplaceAll(code, `\|`, "|")
			}
			atoms, s = append(atoms, atom{code: code, span: true}), rest
		case r == '[':
			end := strings.IndexByte(s, ']')
			if end < 0 || !isTarget(s[1:end]) {
				return nil, "a bracket opens what is no link"
			}
			atoms, s = append(atoms, atom{link: s[1:end]}), s[end+1:]
		case strings.ContainsRune(markup, r):
			return nil, "it holds markup: " + string(r)
		case hidden(r):
			return nil, "it holds a character that does not show itself"
		default:
			atoms, s = append(atoms, atom{r: r}), s[size:]
		}
	}
	return atoms, ""
}

// codeSpan reads a code span: it ends at the next run of as many backticks. One space is
// stripped on both sides if both are there and something else is between.
func codeSpan(s string) (code, rest string, ok bool) {
	n := len(s) - len(strings.TrimLeft(s, "`"))
	for i := n; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		run := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		if run == n {
			code, rest = s[n:i], s[i+run:]
			if len(code) > 1 && code[0] == ' ' && code[len(code)-1] == ' ' && strings.Trim(code, " ") != "" {
				code = code[1 : len(code)-1]
			}
			return code, rest, true
		}
		i += run
	}
	return "", "", false
}

// isTarget tells whether id is one of a fact, gap, action, signal, item or assessed value.
func isTarget(id string) bool {
	return len(id) > 1 && strings.IndexByte("AEFGRS", id[0]) >= 0 && strings.Trim(id[1:], "0123456789,") == ""
}

// cut splits a table row into its cells, without the space around each.
func cut(row string) (cells []string, ok bool) {
	if !strings.HasPrefix(row, "| ") || !strings.HasSuffix(row, " |") || len(row) < 4 {
		return nil, false
	}
	row = row[1 : len(row)-1]
	from := 0
	for i := 0; i <= len(row); i++ {
		if i < len(row) && (row[i] != '|' || i > 0 && row[i-1] == '\\') {
			continue
		}
		c := row[from:i]
		if len(c) < 2 || c[0] != ' ' || c[len(c)-1] != ' ' {
			return nil, false
		}
		cells, from = append(cells, c[1:len(c)-1]), i+1
	}
	return cells, true
}
