package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/calendar"
	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/verify"
)

// A recogniser reads printed lines of one language back into phrases. It is written from the
// phrase book alone: it shares nothing with what prints.
type recogniser struct {
	lang phrase.Lang
	list []recognised
}

type recognised struct {
	p      phrase.Phrase
	prefix string
	re     *regexp.Regexp
}

func newRecogniser(l phrase.Lang) recogniser {
	r := recogniser{lang: l}
	for _, p := range phrase.Default().All() {
		var b strings.Builder
		b.WriteString("^")
		for _, t := range p.Text(l) {
			if t.Slot == "" {
				b.WriteString(regexp.QuoteMeta(t.Literal))
				continue
			}
			s, _ := p.Slot(t.Slot)
			b.WriteString("(?:" + r.slot(p, s, t.Units) + ")")
		}
		b.WriteString("$")
		prefix := ""
		if first := p.Text(l)[0]; first.Slot == "" {
			prefix = first.Literal
		}
		r.list = append(r.list, recognised{p, prefix, regexp.MustCompile(b.String())})
	}
	return r
}

// read are the phrases that could have been printed as the line.
func (r recogniser) read(line string) []phrase.Phrase {
	var out []phrase.Phrase
	for _, c := range r.list {
		if strings.HasPrefix(line, c.prefix) && c.re.MatchString(line) {
			out = append(out, c.p)
		}
	}
	return out
}

func (r recogniser) slot(p phrase.Phrase, s phrase.Slot, units []string) string {
	switch s.From {
	case phrase.Fact:
		d, _ := fact.DefOf(fact.Key(s.Key))
		return r.typed(d, units)
	case phrase.AnyFact:
		var ways []string
		for _, d := range fact.Defs() {
			if s.Takes(string(d.Key), narrative.TypeName(d.Type)) {
				ways = append(ways, r.typed(d, units))
			}
		}
		slices.Sort(ways)
		return strings.Join(slices.Compact(ways), "|")
	case phrase.Label:
		return r.labels(p, s)
	case phrase.AllFacts:
		one := "(?:(?:セッション|認証情報|プリンシパル)の)?(?:" + r.labels(p, s) + ")(?: \\((?:session|credential|principal)\\))?"
		return one + "(?:(?:、|, )" + one + ")*"
	case phrase.Subject:
		return r.choices("subject", []string{"credential", "session", "principal"}) + "|" +
			r.choices("*", []string{"cloudtrail_management", "s3_data", "lambda_data", "signin", "signin_noninteractive", "s3_access"}) + "|" + code
	case phrase.Begin, phrase.End:
		return r.typed(fact.Def{Type: fact.Time}, nil)
	case phrase.Days, phrase.Each:
		return r.typed(fact.Def{Type: fact.Int}, units)
	case phrase.Ratio:
		return r.typed(fact.Def{Type: fact.Decimal}, units)
	case phrase.Relation:
		return r.choices("relation", []string{"more", "fewer", "same"})
	case phrase.OfGap:
		if s.Key == "" {
			return `G[0-9]+`
		}
		return `.+`
	case phrase.OfAction:
		if s.Key == "id" {
			return `R[0-9]+`
		}
		return `.+`
	case phrase.Assessed:
		switch s.Key {
		case "verdict":
			return r.choices("*", []string{"benign", "inconclusive", "suspicious", "malicious"})
		case "risk.score", "risk.ceiling":
			return `[0-9]+`
		case "risk.band", "risk.ceiling_band", "confidence":
			return r.choices("*", []string{"low", "medium", "high", "critical"})
		}
	default:
	}
	return `.+`
}

// code is the span of a sample, which holds no backtick.
const code = "`[^`]+`"

func (r recogniser) labels(p phrase.Phrase, s phrase.Slot) string {
	of, _ := p.Slot(s.Of)
	var ways []string
	for _, d := range fact.Defs() {
		if of.From == phrase.AnyFact && !of.Takes(string(d.Key), narrative.TypeName(d.Type)) {
			continue
		}
		ways = append(ways, regexp.QuoteMeta(phrase.Words{JA: d.JA, EN: d.EN}.In(r.lang)))
	}
	slices.SortFunc(ways, func(a, b string) int { return len(b) - len(a) })
	return strings.Join(ways, "|")
}

func (r recogniser) choices(key string, list []string) string {
	var ways []string
	for _, c := range list {
		s, _ := phrase.Default().Choice(key, c, r.lang)
		ways = append(ways, regexp.QuoteMeta(s))
	}
	return strings.Join(ways, "|")
}

func (r recogniser) typed(d fact.Def, units []string) string {
	ja := r.lang == phrase.JA
	unit := ""
	if len(units) > 0 && ja {
		unit = units[0]
	} else if len(units) > 0 {
		unit = " (?:" + strings.Join(units, "|") + ")"
	}
	bound := func(n string) string {
		if ja {
			return n + "(?:以上（G[0-9]+）)?"
		}
		return "(?:at least )?" + n + `(?: \(G[0-9]+\))?`
	}
	seen := "(?:（確認できた範囲、G[0-9]+）)?"
	if !ja {
		seen = `(?: \(as far as seen, G[0-9]+\))?`
	}
	switch d.Type {
	case fact.Bool:
		return r.choices(string(d.Key), []string{"true", "false"})
	case fact.Int:
		return bound(`-?[0-9,]+` + unit)
	case fact.Bytes:
		return bound(`[0-9,]+(?:バイト| bytes?)`)
	case fact.Minutes:
		return bound(`[0-9,]+(?:分| minutes?)`)
	case fact.Decimal:
		return `-?[0-9,]+\.[0-9]` + unit
	case fact.Percent:
		if ja {
			return `[0-9,]+\S+?中[0-9,]+\S+?（[0-9]+%）`
		}
		return `[0-9,]+ of [0-9,]+` + unit + ` \([0-9]+ %\)`
	case fact.Text, fact.IP, fact.Masked:
		return "(?:" + code + `|（空）|\(empty\))` + seen
	case fact.Texts:
		return "(?:なし|none|" + code + "(?:(?:、|, )" + code + ")*(?:、ほか|, and more)?)" + seen
	case fact.Name:
		return r.choices(string(d.Key), d.Choices)
	case fact.Label:
		return `.+`
	case fact.Time:
		if ja {
			return `\d{4}-\d\d-\d\d（[日月火水木金土]）\d\d:\d\d:\d\d(?:\.\d+)? \S+?` + seen
		}
		return `\d{4}-\d\d-\d\d \([A-Z][a-z]{2}\) \d\d:\d\d:\d\d(?:\.\d+)? \S+?` + seen
	case fact.Weekday:
		return `[日月火水木金土]曜日|[A-Z][a-z]+day`
	case fact.Hour:
		return `\d+(?:時| h)`
	case fact.Hours:
		return `なし|none|\d+(?:[～-]\d+)?(?:時| h)(?:(?:、|, )\d+(?:[～-]\d+)?(?:時| h))*`
	default:
	}
	return `[0-9,]+(?:行の表| rows?)`
}

func TestNoLineIsReadAsTwoPhrases(t *testing.T) {
	cal, err := calendar.New(calendar.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range phrase.Langs() {
		r := newRecogniser(l)
		f := format{lang: l, book: phrase.Default(), clock: cal, limit: textLimit}
		for _, p := range phrase.Default().All() {
			for _, line := range sampleLines(p) {
				printed := readable(f.line(line).Runs)
				got := r.read(printed)
				if !slices.ContainsFunc(got, func(q phrase.Phrase) bool { return q.ID == p.ID }) {
					t.Errorf("%s: %s is not recognised in its own line %q", l, p.ID, printed)
				}
				for _, q := range got {
					if q.ID != p.ID && !toldApart(p, q) {
						t.Errorf("%s: %q is read as %s and as %s", l, printed, p.ID, q.ID)
					}
				}
			}
		}
	}
}

// readable is a line before its container: text from outside in code spans, all else as it is.
func readable(runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		if r.Kind == Code {
			b.WriteString(codeSpan(r.Text))
		} else {
			b.WriteString(r.Text)
		}
	}
	return b.String()
}

// toldApart tells whether two forms that read alike differ in the facts they are anchored to.
func toldApart(p, q phrase.Phrase) bool {
	keys := func(p phrase.Phrase) []string {
		var out []string
		for _, s := range p.Slots {
			if s.From == phrase.Fact {
				out = append(out, s.Key+"@"+s.Whose)
			}
		}
		return out
	}
	return p.Base == q.Base && !slices.Equal(keys(p), keys(q))
}

// sampleLines are lines of a phrase with values of every type that its slots take.
func sampleLines(p phrase.Phrase) []verify.Line {
	any, _ := p.Slot("x")
	if any.From != phrase.AnyFact {
		return []verify.Line{sampleLine(p, nil, fact.Known), sampleLine(p, nil, fact.AtLeast)}
	}
	var out []verify.Line
	done := map[fact.Type]bool{}
	for _, d := range fact.Defs() {
		if any.Takes(string(d.Key), narrative.TypeName(d.Type)) && !done[d.Type] {
			done[d.Type] = true
			out = append(out, sampleLine(p, &d, fact.Known))
		}
	}
	return out
}

func sampleLine(p phrase.Phrase, x *fact.Def, state fact.State) verify.Line {
	l := verify.Line{Phrase: p}
	for _, s := range p.Slots {
		v := verify.Filled{Slot: s.Name, Key: s.Key, State: fact.Known}
		label := func(ja, en string) fact.Value { return fact.Value{Type: fact.Label, JA: ja, Str: en} }
		switch s.From {
		case phrase.Fact:
			d, _ := fact.DefOf(fact.Key(s.Key))
			v.Value, v.State, v.Gap = sampleValue(d), state, "G2"
			if !bounded(d.Type) {
				v.State = fact.Known
			}
		case phrase.AnyFact:
			v.Value, v.Key = sampleValue(*x), string(x.Key)
		case phrase.Label, phrase.AllFacts:
			d, _ := fact.DefOf("signin.total")
			if x != nil {
				d = *x
			}
			v.Value = label(d.JA, d.EN)
		case phrase.Subject:
			v.Value, v.Key = fact.NameOf("session"), "subject"
		case phrase.Begin, phrase.End:
			v.Value = fact.TimeOf(time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC))
		case phrase.Days:
			v.Value = fact.IntOf(30)
		case phrase.Each:
			v.Value = fact.IntOf(0)
		case phrase.Ratio:
			v.Value = fact.Value{Type: fact.Decimal, Num: 32}
		case phrase.Relation:
			v.Value, v.Key = fact.NameOf("more"), "relation"
		case phrase.Assessed:
			v.Value = map[string]fact.Value{
				"verdict": fact.NameOf("inconclusive"), "risk.score": fact.IntOf(22), "risk.ceiling": fact.IntOf(70),
				"risk.band": fact.NameOf("low"), "risk.ceiling_band": fact.NameOf("high"), "confidence": fact.NameOf("low"),
				"urgency": fact.NameOf("medium"), "false_positive": fact.NameOf("undetermined"), "due": label("本日中", "today"),
				"confidence.capped_by": label("G1、G2", "G1, G2"), "as_of": fact.TimeOf(time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)),
			}[s.Key]
		case phrase.OfGap:
			if s.Key == "" {
				v.Value = label("G1", "G1")
			} else {
				v.Value = label("何か", "something")
			}
		case phrase.OfAction:
			v.Value = label("何か", "something")
			if s.Key == "id" {
				v.Value = label("R1", "R1")
			}
		default:
			v.Value = label("何か", "something")
		}
		l.Filled = append(l.Filled, v)
	}
	return l
}

func bounded(typ fact.Type) bool {
	switch typ {
	case fact.Int, fact.Bytes, fact.Minutes, fact.Text, fact.Texts, fact.Time:
		return true
	default:
		return false
	}
}

func sampleValue(d fact.Def) fact.Value {
	v := fact.Value{Type: d.Type, Num: 3, Den: 4, Str: "some text"}
	switch d.Type {
	case fact.Bool:
		v.Num = 1
	case fact.Name:
		v.Str = d.Choices[0]
	case fact.Label:
		v.JA, v.Str = "敬老の日", "Respect for the Aged Day"
	case fact.Texts:
		v.List, v.More = []string{"a", "b"}, true
	case fact.Time:
		v.At = time.Date(2025, 9, 9, 4, 20, 5, 120000000, time.UTC)
	case fact.Hours:
		v.Hours = []int{9, 10, 11, 16}
	default:
	}
	return v
}
