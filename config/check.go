package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"uratori/strictyaml"
)

// A checker looks for what the form of the file cannot say. It keeps the first mistake.
type checker struct {
	name string
	data []byte
	err  error
}

// fail complains about the value at a YAML path. A value that is not there is looked for at what
// should hold it.
func (k *checker) fail(path, format string, args ...any) {
	if k.err == nil {
		k.err = k.at(path, fmt.Sprintf(format, args...))
	}
}

func (k *checker) at(path, msg string) *strictyaml.PosError {
	for {
		e := strictyaml.ErrorAt(k.name, k.data, path, msg)
		i := max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['))
		if e.Line > 0 || i <= 0 {
			return e
		}
		path = path[:i]
	}
}

// among checks a word of a closed list.
func (k *checker) among(path, what, word string, known ...string) {
	if k.err != nil || slices.Contains(known, word) {
		return
	}
	if word == "" {
		k.fail(path, "a %s is missing; it is one of %s", what, strings.Join(known, ", "))
		return
	}
	if len(known) == 0 {
		k.fail(path, "%s %q is not known; the file defines none", what, word)
		return
	}
	e := k.at(path, fmt.Sprintf("%s %q is not known; it is one of %s", what, word, strings.Join(known, ", ")))
	if n, ok := strictyaml.Nearest(word, known); ok {
		e.Hint = fmt.Sprintf("did you mean %q?", n)
	}
	// The place of a key is the place of its value; the key itself stands before it.
	if i := strings.Index(e.SourceLine, word); i >= 0 && !strings.HasPrefix(tail(e.SourceLine, e.Col), word) && strings.HasSuffix(path, "."+word) {
		e.Col, e.Width = utf8.RuneCountInString(e.SourceLine[:i])+1, utf8.RuneCountInString(word)
	}
	k.err = e
}

// tail is a line from a column on, counted from 1, without an opening quote.
func tail(line string, col int) string {
	r := []rune(line)
	return strings.TrimLeft(string(r[min(max(0, col-1), len(r)):]), `"'`)
}

// once complains about a word that stood before; an empty one may stand often.
func (k *checker) once(seen map[string]bool, path, what, word string) {
	if word != "" && seen[word] {
		k.fail(path, "%s %q stands twice", what, word)
	}
	seen[word] = true
}

// index is the path of a member of an element of a list; without a member, of the element.
func index(list string, i int, member string) string {
	path := fmt.Sprintf("%s[%d]", list, i)
	if member != "" {
		path += "." + member
	}
	return path
}

func (k *checker) language(l string) {
	if l != "" {
		k.among("$.language", "language", l, "ja", "en")
	}
}

// budget reads the bounds. To say 0 is a mistake: a bound of 0 buys nothing, no bound is said by
// leaving it out.
func (k *checker) budget(f file) Budget {
	b := Budget{Wall: f.Budget.Wall}
	for _, part := range []struct {
		name string
		said any
		to   *int64
	}{
		{"calls", f.Budget.Calls, &b.Calls},
		{"pages", f.Budget.Pages, &b.Pages},
		{"rows", f.Budget.Rows, &b.Rows},
		{"bytes", f.Budget.Bytes, &b.Bytes},
	} {
		if part.said == nil {
			continue
		}
		n, err := strconv.ParseInt(fmt.Sprint(part.said), 10, 64)
		if err != nil || n < 1 {
			k.fail("$.budget."+part.name, "%v is no bound; write a whole number from 1, or leave %s out for no bound", part.said, part.name)
		}
		*part.to = n
	}
	if b.Wall != "" {
		if d, err := time.ParseDuration(b.Wall); err != nil || d <= 0 {
			k.fail("$.budget.wall", "%q is no length of time; write such as \"90s\" or \"10m\", or leave wall out for no bound", b.Wall)
		}
	}
	return b
}

func (k *checker) gaps(c *Config) {
	loc, err := time.LoadLocation(cmp.Or(c.Calendar.Zone, "Asia/Tokyo"))
	if err != nil {
		return // the zone was complained about
	}
	for i := range c.Accepted {
		g := &c.Accepted[i]
		at := func(member string) string { return index("$.accepted_gaps", i, member) }
		k.among(at("dataset"), "kind of record", g.Dataset, kinds...)
		for j, id := range g.Accounts {
			k.account(index(at("accounts"), j, ""), id)
		}
		if strings.TrimSpace(g.Reason) == "" {
			k.fail(at("reason"), "an accepted gap needs a reason")
		}
		if strings.TrimSpace(g.Approver) == "" {
			k.fail(at("approver"), "an accepted gap needs an approver")
		}
		if g.Until == "" {
			k.fail(at("until"), "an accepted gap needs an end; write until: \"2026-03-31\"")
		}
		day, err := time.ParseInLocation(time.DateOnly, g.Until, loc)
		if err != nil {
			k.fail(at("until"), "%q is no date such as \"2026-03-31\"", g.Until)
		}
		g.End = day.AddDate(0, 0, 1).UTC()
	}
}

// callRange checks which calls a step of a script speaks of: "1", "1-3" or "2-".
func callRange(text string) error {
	first, last, isRange := strings.Cut(text, "-")
	from, err := strconv.ParseUint(first, 10, 31)
	to := from
	if err == nil && isRange && last != "" {
		to, err = strconv.ParseUint(last, 10, 31)
	}
	if err != nil || from < 1 || to < from {
		return errors.New(`write "1", "1-3" or "2-", counted from 1`)
	}
	return nil
}
