package athenatest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // a keyword or an unquoted name, in lower case
	nameToken             // a quoted name
	textToken             // a text literal
	numberToken           // as written
	markToken             // an operator or a bracket
)

type token struct {
	kind tokenKind
	text string
	at   int
}

// lex splits a query into tokens.
func lex(s string) ([]token, error) {
	var out []token
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the query is not UTF-8")
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(s[i:], "--"):
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case strings.HasPrefix(s[i:], "/*"):
			end := strings.Index(s[i+2:], "*/")
			if end < 0 {
				return nil, fmt.Errorf("a comment does not end")
			}
			i += end + 4
		case c == '\'' || (c == 'U' || c == 'u') && strings.HasPrefix(s[i+1:], "&'"):
			unicodeForm := c != '\''
			start := i
			if unicodeForm {
				i += 2
			}
			text, n, ok := delimited(s[i:], '\'')
			if !ok {
				return nil, fmt.Errorf("a text that begins at %d does not end", start)
			}
			i += n
			if unicodeForm {
				var err error
				if text, err = unescape(text); err != nil {
					return nil, err
				}
			}
			out = append(out, token{textToken, text, start})
		case c == '"':
			text, n, ok := delimited(s[i:], '"')
			if !ok || text == "" {
				return nil, fmt.Errorf("a name that begins at %d does not end", i)
			}
			out = append(out, token{nameToken, text, i})
			i += n
		case c >= '0' && c <= '9':
			j := i
			for j < len(s) && (s[j] >= '0' && s[j] <= '9' || s[j] == '.' || s[j] == 'e' || s[j] == 'E') {
				j++
			}
			out = append(out, token{numberToken, s[i:j], i})
			i = j
		case c == '_' || c < utf8.RuneSelf && unicode.IsLetter(rune(c)):
			j := i
			for j < len(s) && (s[j] == '_' || s[j] < utf8.RuneSelf && (unicode.IsLetter(rune(s[j])) || unicode.IsDigit(rune(s[j])))) {
				j++
			}
			out = append(out, token{wordToken, strings.ToLower(s[i:j]), i})
			i = j
		default:
			mark := string(c)
			for _, two := range []string{"<>", "!=", "<=", ">=", "||"} {
				if strings.HasPrefix(s[i:], two) {
					mark = two
				}
			}
			if !strings.Contains("()=<>,.+-*/%||<=>=<>!=", mark) || mark == "!" || mark == "|" {
				return nil, fmt.Errorf("line %d: mismatched input %q", strings.Count(s[:i], "\n")+1, mark)
			}
			out = append(out, token{markToken, mark, i})
			i += len(mark)
		}
	}
	return append(out, token{endToken, "", len(s)}), nil
}

// delimited reads what stands between two quotes; a doubled quote is one.
func delimited(s string, quote byte) (text string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

// unescape reads the escapes of a U& text: \\, \XXXX and \+XXXXXX.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		rest := s[i+1:]
		digits, skip := 4, 0
		switch {
		case strings.HasPrefix(rest, `\`):
			b.WriteByte('\\')
			i += 2
			continue
		case strings.HasPrefix(rest, "+"):
			digits, skip = 6, 1
		}
		if len(rest) < skip+digits {
			return "", fmt.Errorf("incomplete escape sequence")
		}
		n, err := strconv.ParseUint(rest[skip:skip+digits], 16, 32)
		if err != nil || n > unicode.MaxRune || n >= 0xD800 && n <= 0xDFFF {
			return "", fmt.Errorf("invalid escaped character %q", rest[:skip+digits])
		}
		b.WriteRune(rune(n))
		i += 1 + skip + digits
	}
	return b.String(), nil
}
