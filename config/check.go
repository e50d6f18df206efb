package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
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

// hidden complains about a value that may be a secret: the place is named, the line is not shown.
func (k *checker) hidden(path, msg string) {
	if k.err == nil {
		e := k.at(path, msg)
		e.SourceLine = ""
		k.err = e
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
	y := f.Budget
	b := Budget{
		Calls: k.bound("$.budget.calls", y.Calls), Pages: k.bound("$.budget.pages", y.Pages), Rows: k.bound("$.budget.rows", y.Rows),
		Bytes: k.bound("$.budget.bytes", y.Bytes), Wall: y.Wall, APIs: k.apis("$.budget.apis", y.APIs),
	}
	k.wall("$.budget.wall", b.Wall)
	if d := y.Day; d != nil {
		b.PerDay = &DayBudget{
			Calls: k.bound("$.budget.per_day.calls", d.Calls), Pages: k.bound("$.budget.per_day.pages", d.Pages),
			Rows: k.bound("$.budget.per_day.rows", d.Rows), Bytes: k.bound("$.budget.per_day.bytes", d.Bytes), Wall: d.Wall,
			APIs: k.apis("$.budget.per_day.apis", d.APIs), Dir: d.Dir,
		}
		k.wall("$.budget.per_day.wall", d.Wall)
		if d.Dir == "" {
			k.fail("$.budget.per_day", "a day's budget needs dir: the folder in which its count is kept, so that every process adds to it")
		}
	}
	return b
}

// wall checks a bound in time; "" is none.
func (k *checker) wall(path, text string) {
	if d, err := time.ParseDuration(text); text != "" && (err != nil || d <= 0) {
		k.fail(path, "%q is no length of time; write such as \"90s\" or \"10m\", or leave wall out for no bound", text)
	}
}

// bound is a whole number from 1, or 0 when nothing is said.
func (k *checker) bound(path string, said any) int64 {
	if said == nil {
		return 0
	}
	n, err := strconv.ParseInt(fmt.Sprint(said), 10, 64)
	if err != nil || n < 1 {
		k.fail(path, "%v is no bound; write a whole number from 1, or leave %s out for no bound", said, path[strings.LastIndexByte(path, '.')+1:])
	}
	return n
}

// apiName is an API as ledgers name it, such as "cloudtrail:LookupEvents" or "graph:auditLogs/signIns".
var apiName = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z0-9/._{}-]+$`)

func (k *checker) apis(path string, said apis) map[string]int64 {
	var out map[string]int64
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if !apiName.MatchString(name) {
			k.fail(path, "%q is no name of an API; write it as the report's budget does, such as cloudtrail:LookupEvents", name)
		}
		if out == nil {
			out = map[string]int64{}
		}
		out[name] = k.bound(path+"."+name, said[name])
	}
	return out
}

// regions are checked one by one; each stands once.
func (k *checker) regions(list []string) {
	seen := map[string]bool{}
	for i, r := range list {
		k.region(index("$.regions", i, ""), r)
		k.once(seen, index("$.regions", i, ""), "Region", r)
	}
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

// longestChange is the longest time that an announced change may cover: what is always allowed is no change.
const longestChange = 31 * 24 * time.Hour

// changes checks what was announced. One that names no call would excuse everything.
func (k *checker) changes(list []Change) {
	for i := range list {
		c := &list[i]
		at := func(member string) string { return index("$.changes", i, member) }
		if strings.TrimSpace(c.ID) == "" {
			k.fail(at("id"), "a change needs the id of its record")
		}
		if strings.TrimSpace(c.Approver) == "" {
			k.fail(at("approver"), "a change needs an approver")
		}
		if len(c.APIs) == 0 {
			k.fail(at("apis"), "a change needs the calls that it makes; write apis: [PutBucketLogging]")
		}
		for j, id := range c.Accounts {
			k.account(index(at("accounts"), j, ""), id)
		}
		when := func(member, text string) time.Time {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				k.fail(at(member), "%q is no time such as \"2026-03-31T18:00:00+09:00\"", text)
			}
			return t.UTC()
		}
		c.Begin, c.End = when("from", c.From), when("until", c.Until)
		switch {
		case !c.End.After(c.Begin):
			k.fail(at("until"), "the change ends before it begins")
		case c.End.Sub(c.Begin) > longestChange:
			k.fail(at("until"), "a change covers at most 31 days")
		}
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
