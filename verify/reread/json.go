package reread

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
	"uratori/verify"
)

// JSON reads report.json and tells whether it says what the checked draft and the run say, all
// of it and nothing else. Its language is its own. The error is a [*Refusal].
func JSON(data []byte, want verify.Checked, run Run) error {
	root, r := parseTree(data)
	if r != nil {
		return r
	}
	lang := phrase.Lang("")
	if list, ok := root.value.([]member); ok {
		for _, m := range list {
			if s, ok := m.value.value.(string); ok && m.name == "language" {
				lang = phrase.Lang(s)
			}
		}
	}
	p, why := pageOf(want, run, lang)
	if why != "" {
		return refuse(1, "", "%s", why)
	}
	record := object(recordMembers(layout{page: p, a: want.Assessment(), facts: want.Assessment().Facts()}, want, run))
	// The summary, the first chapter, was cut at one of a few lengths; all else is read alike.
	var worst *mismatch
	for _, limit := range summaryLimits {
		p.limit = limit
		bad := record(root)
		if bad == nil {
			return nil
		}
		if worst == nil || bad.offset > worst.offset {
			worst = bad
		}
		if !strings.HasPrefix(bad.path, "chapters.0.") {
			break
		}
	}
	return refuseAt(data, worst.offset, "%s: %s", worst.path, worst.why)
}

// A mismatch is the first place where a document is not what it should be.
type mismatch struct {
	path   string
	why    string
	offset int64
}

// A check reads one JSON value.
type check func(n node) *mismatch

// members are the checks of an object's members, all of which must be there and no others.
type members map[string]check

func bad(n node, why string) *mismatch { return &mismatch{why: why, offset: n.offset} }

func (m *mismatch) under(name string) *mismatch {
	if m != nil {
		m.path = strings.TrimSuffix(name+"."+m.path, ".")
	}
	return m
}

func object(want members) check {
	return func(n node) *mismatch {
		list, ok := n.value.([]member)
		if !ok {
			return bad(n, "an object was expected")
		}
		for _, m := range list {
			c, ok := want[m.name]
			if !ok {
				return bad(m.value, "nothing in the evidence says this").under(m.name)
			}
			if miss := c(m.value); miss != nil {
				return miss.under(m.name)
			}
		}
		if len(list) != len(want) {
			return bad(n, "a member is missing")
		}
		return nil
	}
}

// array reads as many values as there are checks, in their order.
func array(want []check) check {
	return func(n node) *mismatch {
		list, ok := n.value.([]node)
		if !ok {
			return bad(n, "a list was expected")
		}
		for i, item := range list {
			if i >= len(want) {
				return bad(item, "the evidence has no such entry").under(strconv.Itoa(i))
			}
			if miss := want[i](item); miss != nil {
				return miss.under(strconv.Itoa(i))
			}
		}
		if len(list) != len(want) {
			return bad(n, "an entry is missing")
		}
		return nil
	}
}

func each[T any](list []T, c func(T) check) check {
	var checks []check
	for _, x := range list {
		checks = append(checks, c(x))
	}
	return array(checks)
}

func null(n node) *mismatch {
	if n.value != nil {
		return bad(n, "nothing is known of it")
	}
	return nil
}

func is(want string) check {
	return func(n node) *mismatch {
		if got, ok := n.value.(string); !ok || got != want {
			return bad(n, "the evidence says "+strconv.Quote(head(want)))
		}
		return nil
	}
}

// text reads a text that may be anybody's; one that is no UTF-8 stands in base64.
func text(want string) check {
	if utf8.ValidString(want) {
		return is(want)
	}
	return object(members{"base64": func(n node) *mismatch {
		s, _ := n.value.(string)
		if got, err := base64.StdEncoding.Strict().DecodeString(s); err != nil || string(got) != want {
			return bad(n, "the bytes are others")
		}
		return nil
	}})
}

func truth(want bool) check {
	return func(n node) *mismatch {
		if got, ok := n.value.(bool); !ok || got != want {
			return bad(n, "the evidence says "+strconv.FormatBool(want))
		}
		return nil
	}
}

func number(want int64) check {
	return func(n node) *mismatch {
		num, ok := n.value.(json.Number)
		if got, err := strconv.ParseInt(string(num), 10, 64); !ok || err != nil || got != want {
			return bad(n, "the evidence says "+strconv.FormatInt(want, 10))
		}
		return nil
	}
}

// decimal reads a number with one decimal; the wanted one is in tenths.
func decimal(want int64) check {
	return func(n node) *mismatch {
		num, ok := n.value.(json.Number)
		whole, part, cut := strings.Cut(string(num), ".")
		got, err := strconv.ParseInt(whole+part, 10, 64)
		if !ok || !cut || len(part) != 1 || err != nil || got != want || strings.HasPrefix(whole, "-") && want >= 0 {
			return bad(n, "the evidence says "+strconv.FormatInt(want, 10)+" tenths")
		}
		return nil
	}
}

// instant reads RFC 3339 in UTC; the zero time is an empty text.
func instant(want time.Time) check {
	if want.IsZero() {
		return is("")
	}
	return func(n node) *mismatch {
		s, _ := n.value.(string)
		got, err := time.Parse(time.RFC3339Nano, s)
		point := strings.IndexByte(s, '.')
		if err != nil || !got.Equal(want) || !strings.HasSuffix(s, "Z") || point >= 0 && strings.HasSuffix(s, "0Z") {
			return bad(n, "the evidence says "+want.UTC().Format(time.RFC3339Nano))
		}
		return nil
	}
}

// interval reads a window, null where there is none.
func interval(from, to time.Time) check {
	if from.IsZero() || to.IsZero() {
		return null
	}
	return object(members{"from": instant(from), "to": instant(to)})
}

func both(t policy.Text) check { return object(members{"ja": text(t.JA), "en": text(t.EN)}) }

func idList(ids []fact.ID) check { return each(names(ids), is) }

// typed reads a value as JSON has it.
func typed(v fact.Value) check {
	switch v.Type {
	case fact.Bool:
		return truth(v.Num == 1)
	case fact.Int, fact.Bytes, fact.Minutes, fact.Hour:
		return number(v.Num)
	case fact.Decimal:
		return decimal(v.Num)
	case fact.Percent:
		return object(members{"count": number(v.Num), "of": number(v.Den)})
	case fact.Text, fact.Name, fact.IP, fact.Masked:
		return text(v.Str)
	case fact.Label:
		return object(members{"ja": text(v.JA), "en": text(v.Str)})
	case fact.Time:
		return instant(v.At)
	case fact.Weekday:
		day := weekdays[((v.Num%7)+7)%7]
		return is(strings.ToUpper(day[:1]) + day[1:])
	case fact.Hours:
		if v.Hours == nil {
			return null
		}
		return each(v.Hours, func(h int) check { return number(int64(h)) })
	case fact.Texts:
		return object(members{"values": each(v.List, text), "more": truth(v.More)})
	case fact.Table:
		return object(members{"more": truth(v.More), "rows": each(v.Rows, func(r fact.Row) check { return each(r, typed) })})
	default:
		return null
	}
}
