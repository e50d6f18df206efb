package athena

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"uratori/source"
)

// maxQuery is the longest query string in bytes (Amazon Athena User Guide, "Service Quotas").
const maxQuery = 262_144

// literal prints a text as a literal of Trino's SQL. A backslash has no meaning in it; characters
// that do not show themselves are written by their number, in the form with U&. What cannot
// stand in a text of the table is refused.
func literal(s string) (string, error) {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", fmt.Errorf("a text with NUL, or that is not UTF-8, cannot be asked for; leave it out: %w", source.ErrInvalid)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !shows(r) }) < 0 {
		return quoted(s), nil
	}
	var b strings.Builder
	b.WriteString("U&'")
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case shows(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\+%06X`, r)
		default:
			fmt.Fprintf(&b, `\%04X`, r)
		}
	}
	b.WriteByte('\'')
	return b.String(), nil
}

func shows(r rune) bool { return r == ' ' || r != '\uFFFD' && unicode.IsPrint(r) }

// quoted prints a text of our own.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ident quotes an identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// A place is a column, a member of a struct in it, or a value of a map.
func place(column string) string {
	column, key, isMap := strings.Cut(strings.TrimSuffix(column, "]"), "[")
	steps := strings.Split(column, ".")
	for i, s := range steps {
		steps[i] = ident(s)
	}
	p := strings.Join(steps, ".")
	if isMap {
		return "element_at(" + p + ", " + quoted(key) + ")"
	}
	return p
}

// jsonPath is a dotted path of names as Trino's JSON functions take it.
func jsonPath(path string) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, step := range strings.Split(path, ".") {
		b.WriteString(`["` + step + `"]`)
	}
	return quoted(b.String())
}

func coalesce(exprs []string) string {
	if len(exprs) == 1 {
		return exprs[0]
	}
	return "coalesce(" + strings.Join(exprs, ", ") + ")"
}
