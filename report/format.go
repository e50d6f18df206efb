package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/fact"
	"uratori/phrase"
	"uratori/verify"
)

// textLimit is how many characters of a text are printed.
const textLimit = 200

// In the first chapter, which must stay short, texts are cut to the first of summaryLimits
// with which it holds at most summarySize characters.
var summaryLimits = []int{60, 40, 24, 16, 12, 8}

// summarySize is in characters; English takes about twice as many to say the same.
var summarySize = map[phrase.Lang]int{phrase.JA: 600, phrase.EN: 1200}

// A clock brings times to the case's zone.
type clock interface {
	Local(t time.Time) time.Time
	ZoneName(t time.Time) string
}

// A format prints typed values in one language.
type format struct {
	lang  phrase.Lang
	book  *phrase.Book
	clock clock
	limit int // characters of a text
}

func (f format) ja() bool              { return f.lang == phrase.JA }
func (f format) word(id string) string { return f.book.Word(id, f.lang) }

func literal(s string) Run { return Run{Text: s} }
func value(s string) Run   { return Run{Text: s, Kind: Value} }

// filled prints the value of a slot with its counting words.
func (f format) filled(v verify.Filled, units []string) []Run {
	runs := f.value(v.Value, v.Key, units)
	if v.State != fact.AtLeast {
		return runs
	}
	switch v.Value.Type {
	case fact.Int, fact.Bytes, fact.Minutes:
		if f.ja() {
			return append(runs, value("以上（"+v.Gap+"）"))
		}
		return append(append([]Run{value("at least ")}, runs...), value(" ("+v.Gap+")"))
	default:
		if f.ja() {
			return append(runs, value("（"+f.word("as_seen")+"、"+v.Gap+"）"))
		}
		return append(runs, value(" ("+f.word("as_seen")+", "+v.Gap+")"))
	}
}

// value prints a value. key is what the phrase book keeps the names of its choices under.
func (f format) value(v fact.Value, key string, units []string) []Run {
	switch v.Type {
	case fact.Bool:
		s, _ := f.book.Choice(key, strconv.FormatBool(v.Num == 1), f.lang)
		return []Run{value(s)}
	case fact.Int:
		return []Run{value(f.counted(group(v.Num), v.Num == 1, units))}
	case fact.Bytes:
		return []Run{value(f.measure(v.Num, "byte", "bytes"))}
	case fact.Minutes:
		return []Run{value(f.measure(v.Num, "minute", "minutes"))}
	case fact.Decimal:
		return []Run{value(f.counted(decimal(v.Num), false, units))}
	case fact.Percent:
		return []Run{value(f.percent(v.Num, v.Den, units))}
	case fact.IP, fact.Masked:
		return []Run{{Text: Cut(v.Str, textLimit), Kind: Code}} // half an address would be another address
	case fact.Text:
		return []Run{f.code(v.Str)}
	case fact.Texts:
		return f.texts(v.List, v.More)
	case fact.Name:
		s, ok := f.book.Choice(key, v.Str, f.lang)
		if !ok {
			return []Run{f.code(v.Str)} // a kind of record of the configuration's own
		}
		return []Run{value(s)}
	case fact.Label:
		if f.ja() {
			return []Run{value(Cut(v.JA, 4*textLimit))}
		}
		return []Run{value(Cut(v.Str, 4*textLimit))}
	case fact.Time:
		return []Run{value(f.time(v.At))}
	case fact.Weekday:
		return []Run{value(f.weekday(time.Weekday(v.Num)))}
	case fact.Hour:
		return []Run{value(f.hour(int(v.Num)))}
	case fact.Hours:
		return []Run{value(f.hours(v.Hours))}
	case fact.Table:
		return []Run{value(f.rows(len(v.Rows)))}
	default:
		return []Run{literal(f.word("missing"))}
	}
}

func (f format) code(s string) Run {
	if s == "" {
		return value(f.word("empty"))
	}
	return Run{Text: Cut(s, f.limit), Kind: Code}
}

// counted puts the counting word to a number: 12件, 1 object, 12 objects.
func (f format) counted(n string, one bool, units []string) string {
	switch {
	case len(units) == 0:
		return n
	case f.ja():
		return n + units[0]
	case one:
		return n + " " + units[0]
	}
	return n + " " + units[1]
}

func (f format) measure(n int64, one, many string) string {
	if f.ja() {
		return group(n) + f.word(many)
	}
	return f.counted(group(n), n == 1, []string{f.word(one), f.word(many)})
}

func (f format) rows(n int) string {
	if f.ja() {
		return group(int64(n)) + f.word("rows")
	}
	return f.counted(group(int64(n)), n == 1, []string{"row", f.word("rows")})
}

// percent never prints a percentage without both of its numbers, nor rounds to all or none.
func (f format) percent(n, of int64, units []string) string {
	share := int64(0)
	if of > 0 {
		share = (200*n + of) / (2 * of)
		if n < of {
			share = min(share, 99)
		}
		if n > 0 {
			share = max(share, 1)
		}
	}
	if f.ja() {
		unit := f.word("count")
		if len(units) > 0 {
			unit = units[0]
		}
		return fmt.Sprintf("%s%s中%s%s（%d%%）", group(of), unit, group(n), unit, share)
	}
	return fmt.Sprintf("%s of %s (%d %%)", group(n), f.counted(group(of), of == 1, units), share)
}

func (f format) texts(list []string, more bool) []Run {
	sep := f.separator()
	var out []Run
	for i, s := range list {
		if i > 0 {
			out = append(out, value(sep))
		}
		out = append(out, f.code(s))
	}
	if more {
		out = append(out, value(sep+f.word("and_more")))
	}
	if len(out) == 0 {
		return []Run{value(f.word("none"))}
	}
	return out
}

// time prints 2025-09-09（火）13:20:05 JST; a fraction of a second only when there is one.
func (f format) time(t time.Time) string {
	local := f.clock.Local(t)
	clock := "15:04:05"
	if local.Nanosecond() != 0 {
		clock = "15:04:05.999999"
	}
	day := f.word(weekdayWords[local.Weekday()])
	if f.ja() {
		return fmt.Sprintf("%s（%s）%s %s", local.Format(time.DateOnly), day, local.Format(clock), f.clock.ZoneName(t))
	}
	return fmt.Sprintf("%s (%.3s) %s %s", local.Format(time.DateOnly), day, local.Format(clock), f.clock.ZoneName(t))
}

var weekdayWords = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (f format) weekday(d time.Weekday) string {
	s := f.word(weekdayWords[d%7])
	if f.ja() {
		return s + "曜日"
	}
	return s
}

func (f format) hour(h int) string {
	if f.ja() {
		return fmt.Sprintf("%d%s", h, f.word("hour"))
	}
	return fmt.Sprintf("%d %s", h, f.word("hour"))
}

// hours folds neighbours: 9～12時、16時.
func (f format) hours(list []int) string {
	if len(list) == 0 {
		return f.word("none")
	}
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		switch {
		case i == j:
			parts = append(parts, f.hour(list[i]))
		case f.ja():
			parts = append(parts, fmt.Sprintf("%d～%s", list[i], f.hour(list[j])))
		default:
			parts = append(parts, fmt.Sprintf("%d-%s", list[i], f.hour(list[j])))
		}
		i = j + 1
	}
	return strings.Join(parts, f.separator())
}

// separator stands between the members of a list.
func (f format) separator() string {
	if f.ja() {
		return "、"
	}
	return ", "
}

// clauses stands between reasons, which have commas of their own.
func (f format) clauses() string {
	if f.ja() {
		return "；"
	}
	return "; "
}

// group prints an integer with thousands separators: 1,912.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	var parts []string
	for len(s) > 3 {
		parts = append(parts, s[len(s)-3:])
		s = s[:len(s)-3]
	}
	parts = append(parts, s)
	slices.Reverse(parts)
	return sign + strings.Join(parts, ",")
}

// decimal prints tenths: 80 is 8.0.
func decimal(tenths int64) string {
	sign := ""
	if tenths < 0 {
		sign, tenths = "-", -tenths
	}
	return fmt.Sprintf("%s%s.%d", sign, group(tenths/10), tenths%10)
}

// line prints an admitted statement.
func (f format) line(l verify.Line) Line {
	out := Line{Kind: l.Phrase.Kind, Phrase: l.Phrase.ID, Facts: l.Facts, Anchors: l.Anchors}
	for _, t := range l.Phrase.Text(f.lang) {
		if t.Slot == "" {
			out.Runs = append(out.Runs, literal(t.Literal))
			continue
		}
		v, _ := l.Value(t.Slot)
		out.Runs = append(out.Runs, f.filled(v, t.Units)...)
	}
	return out
}
