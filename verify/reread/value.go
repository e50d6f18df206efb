package reread

import (
	"strconv"

	"uratori/fact"
	"uratori/verify"
)

// How long a text may stand on a page before it is cut: outside the summary, and in a text of
// our own tables.
const (
	textLimit  = 200
	labelLimit = 800
)

// filled reads the value of a slot with what is said of a lower bound.
func (t *tape) filled(f verify.Filled, units []string) bool {
	if f.State != fact.AtLeast {
		return t.value(f.Value, f.Key, units)
	}
	counted := f.Value.Type == fact.Int || f.Value.Type == fact.Bytes || f.Value.Type == fact.Minutes
	switch {
	case counted && t.ja():
		return t.value(f.Value, f.Key, units) && t.literal("以上（"+f.Gap+"）")
	case counted:
		return t.literal("at least ") && t.value(f.Value, f.Key, units) && t.literal(" ("+f.Gap+")")
	case t.ja():
		return t.value(f.Value, f.Key, units) && t.literal("（"+t.word("as_seen")+"、"+f.Gap+"）")
	}
	return t.value(f.Value, f.Key, units) && t.literal(" ("+t.word("as_seen")+", "+f.Gap+")")
}

// value reads a value of the wanted one's type and holds it against that. key is what the
// phrase book keeps the names of its choices under.
func (t *tape) value(v fact.Value, key string, units []string) bool {
	switch v.Type {
	case fact.Bool:
		return t.choice(key, strconv.FormatBool(v.Num == 1))
	case fact.Int:
		return t.same(v.Num) && t.units(units, v.Num == 1)
	case fact.Bytes:
		return t.same(v.Num) && t.measure("byte", "bytes", v.Num == 1)
	case fact.Minutes:
		return t.same(v.Num) && t.measure("minute", "minutes", v.Num == 1)
	case fact.Decimal:
		return t.tenths(v.Num) && t.units(units, false)
	case fact.Percent:
		return t.percent(v.Num, v.Den, units)
	case fact.IP, fact.Masked:
		return t.code(v.Str, textLimit)
	case fact.Text:
		return t.code(v.Str, t.limit)
	case fact.Texts:
		return t.texts(v.List, v.More)
	case fact.Name:
		if _, ok := t.book.Choice(key, v.Str, t.lang); !ok {
			return t.code(v.Str, t.limit) // a kind of record of the configuration's own
		}
		return t.choice(key, v.Str)
	case fact.Label:
		s := v.Str
		if t.ja() {
			s = v.JA
		}
		return t.visible(s, labelLimit)
	case fact.Time:
		return t.instant(v.At)
	case fact.Weekday:
		return t.weekday(int(v.Num))
	case fact.Hour:
		return t.hour(int(v.Num))
	case fact.Hours:
		return t.hours(v.Hours)
	case fact.Table:
		return t.rows(len(v.Rows))
	default:
		return t.literal(t.word("missing"))
	}
}

// choice reads the name of a closed choice. Its name must be no other choice's beginning to
// be read as this one: what follows it is read next.
func (t *tape) choice(key, name string) bool {
	s, ok := t.book.Choice(key, name, t.lang)
	if !ok || s == "" {
		return t.no("%s has no choice %q", key, name)
	}
	return t.literal(s)
}

// units reads the counting word of a number: 12件, 1 object, 12 objects.
func (t *tape) units(units []string, one bool) bool {
	switch {
	case len(units) == 0:
		return true
	case t.ja():
		return t.literal(units[0])
	case one:
		return t.literal(" " + units[0])
	}
	return t.literal(" " + units[1])
}

func (t *tape) measure(one, many string, single bool) bool {
	switch {
	case t.ja():
		return t.literal(t.word(many))
	case single:
		return t.literal(" " + t.word(one))
	}
	return t.literal(" " + t.word(many))
}

func (t *tape) rows(n int) bool {
	if !t.same(int64(n)) {
		return false
	}
	switch {
	case t.ja():
		return t.literal(t.word("rows"))
	case n == 1:
		return t.literal(" row")
	}
	return t.literal(" " + t.word("rows"))
}

// percent reads both numbers and the percentage, which is computed from what was read: to the
// nearest whole, but all and none only where it is all and none.
func (t *tape) percent(num, den int64, units []string) bool {
	whole := func() bool { return t.same(den) }
	part := func() bool { return t.same(num) }
	share := int64(0)
	if den > 0 {
		share = num * 100 / den
		if rest := num*100 - share*den; rest*2 >= den {
			share++
		}
		switch {
		case share >= 100 && num < den:
			share = 99
		case share == 0 && num > 0:
			share = 1
		}
	}
	is := func() bool {
		got, ok := t.plainInteger()
		if ok && got != share {
			return t.no("it says %d %%; %d of %d are %d %%", got, num, den, share)
		}
		return ok
	}
	if !t.ja() {
		return part() && t.literal(" of ") && whole() && t.units(units, den == 1) && t.literal(" (") && is() && t.literal(" %)")
	}
	unit := t.word("count")
	if len(units) > 0 {
		unit = units[0]
	}
	return whole() && t.literal(unit+"中") && part() && t.literal(unit+"（") && is() && t.literal("%）")
}

func (t *tape) separator() string {
	if t.ja() {
		return "、"
	}
	return ", "
}

// clauses parts reasons, in which there are commas.
func (t *tape) clauses() string {
	if t.ja() {
		return "；"
	}
	return "; "
}

func (t *tape) texts(list []string, more bool) bool {
	for i, s := range list {
		if i > 0 && !t.literal(t.separator()) || !t.code(s, t.limit) {
			return false
		}
	}
	switch {
	case more:
		return t.literal(t.separator() + t.word("and_more"))
	case len(list) == 0:
		return t.literal(t.word("none"))
	}
	return true
}

func (t *tape) weekday(d int) bool {
	if d < 0 || d > 6 {
		return t.no("%d is no weekday", d)
	}
	if !t.literal(t.word(weekdays[d])) {
		return false
	}
	return !t.ja() || t.literal("曜日")
}

func (t *tape) hour(want int) bool {
	got, ok := t.plainInteger()
	if ok && got != int64(want) {
		return t.no("it says %d h; the evidence says %d", got, want)
	}
	return ok && t.hourWord()
}

func (t *tape) hourWord() bool {
	if t.ja() {
		return t.literal(t.word("hour"))
	}
	return t.literal(" " + t.word("hour"))
}

// hours reads folded hours, 9～12時、16時, unfolds them and compares the lists.
func (t *tape) hours(want []int) bool {
	if len(want) == 0 {
		return t.literal(t.word("none"))
	}
	var got []int
	for {
		from, ok := t.plainInteger()
		if !ok {
			return false
		}
		to := from
		if t.ja() && t.try("～") || !t.ja() && t.try("-") {
			if to, ok = t.plainInteger(); !ok {
				return false
			} else if to <= from || to > 23 {
				return t.no("hours %d to %d are no range", from, to)
			}
		}
		if n := len(got); n > 0 && int64(got[n-1])+1 == from {
			return t.no("neighbouring hours are not folded")
		}
		for h := from; h <= to; h++ {
			got = append(got, int(h))
		}
		if !t.hourWord() {
			return false
		}
		if len(got) >= len(want) || !t.try(t.separator()) {
			break
		}
	}
	if len(got) != len(want) {
		return t.no("it lists the hours %v; the evidence says %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			return t.no("it lists the hours %v; the evidence says %v", got, want)
		}
	}
	return true
}
