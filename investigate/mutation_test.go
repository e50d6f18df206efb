package investigate_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uratori/investigate"
	"uratori/phrase"
	"uratori/verify/reread"
)

// A mutation falsifies a finished report in one way. Its places are found by a pattern for each
// language, in every format; with what each match is replaced is told by to, which may decline
// by giving the match back.
type mutation struct {
	name   string
	ja, en string
	to     func(match string) string
	other  string // a pattern: instead, a match is replaced by the first other text that fits it
	only   string // the one report it is about; all when empty
}

// instead is what stands in the mutant where the report has match.
func (m mutation) instead(text, match string) string {
	if m.other == "" {
		return m.to(match)
	}
	for _, s := range regexp.MustCompile(m.other).FindAllString(text, -1) {
		if s != match {
			return s
		}
	}
	return match
}

// swap replaces one text by another, either way round.
func swap(pairs ...string) func(string) string {
	return func(match string) string {
		for i, s := range pairs {
			if strings.Contains(match, s) {
				return strings.Replace(match, s, pairs[i^1], 1)
			}
		}
		return match
	}
}

var firstNumber = regexp.MustCompile(`[0-9][0-9,]*`)

// number replaces the last number of a match.
func number(change func(n int) int) func(string) string {
	return func(match string) string {
		at := firstNumber.FindAllStringIndex(match, -1)
		if len(at) == 0 {
			return match
		}
		last := at[len(at)-1]
		n, err := strconv.Atoi(strings.ReplaceAll(match[last[0]:last[1]], ",", ""))
		if err != nil {
			return match
		}
		return match[:last[0]] + strconv.Itoa(change(n)) + match[last[1]:]
	}
}

// exchange swaps the two numbers, or other parts, that a pattern finds in a match.
func exchange(part string) func(string) string {
	re := regexp.MustCompile(part)
	return func(match string) string {
		at := re.FindAllStringIndex(match, 2)
		if len(at) < 2 {
			return match
		}
		a, b := at[0], at[1]
		return match[:a[0]] + match[b[0]:b[1]] + match[a[1]:b[0]] + match[a[0]:a[1]] + match[b[1]:]
	}
}

func replace(old, by string) func(string) string {
	return func(match string) string { return strings.Replace(match, old, by, 1) }
}

func wide(match string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, match)
}

// month takes a month off the first date of a match.
func month(match string) string {
	return regexp.MustCompile(`-(0[2-9])-`).ReplaceAllStringFunc(match, func(m string) string { return "-0" + string(m[2]-1) + "-" })
}

const (
	jaTime    = `\d{4}-\d\d-\d\d（.）\d\d:\d\d:\d\d`
	enTime    = `\d{4}-\d\d-\d\d \([A-Z][a-z]+\) \d\d:\d\d:\d\d`
	addresses = `203\.0\.113\.\d+|198\.51\.100\.\d+|2001:db8:[0-9a-f:]+`
	arns      = `arn:aws:[a-z]+::[0-9]+:[a-z-]+/[A-Za-z0-9_@./-]+`
	stamps    = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
)

var mutations = []mutation{
	{name: "number not in evidence", ja: `[0-9]件|[0-9]個|"value": [0-9]+`, en: `[0-9] sign-ins|[0-9] times?|[0-9] calls|"value": [0-9]+`, to: number(func(n int) int { return n + 7001 })},
	{name: "number off by one", ja: `[0-9]件`, en: `[0-9] (?:events|sign-ins?|records)`, to: number(func(n int) int { return n + 1 })},
	{name: "weekday", ja: `（[月火水木金土日]）|[月火水木金土日]曜日|"Tuesday"`, en: `\([MTWFS][a-z]{2}\)|Tuesday`, to: swap("火", "水", "月", "日", "金", "土", "木", "月", "Tue", "Wed", "Mon", "Sun", "Fri", "Sat", "Thu", "Mon")},
	{name: "IP octet", ja: `\d+\.\d+\.113\.\d+|198\.51\.100\.\d+`, en: `\d+\.\d+\.113\.\d+|198\.51\.100\.\d+`, to: number(func(n int) int { return n ^ 1 })},
	{name: "IP of another fact", ja: addresses, en: addresses, other: addresses},
	{name: "ARN of another fact", ja: arns, en: arns, other: arns},
	{name: "number of another fact", ja: `\d+件`, en: `\d+ (?:events|sign-ins|records)`, other: `\d+(?:件| events| sign-ins| records)`},
	{name: "counts swapped", ja: `成功(?:<b>)?\d+(?:</b>)?、中断(?:<b>)?\d+`, en: `\d+(?:</b>)? successful, (?:<b>)?\d+`, to: exchange(`\d+`)},
	{name: "comparison inverted", ja: `より多い|より少ない`, en: `more than|less than`, to: swap("より多い", "より少ない", "more than", "less than")},
	{name: "none for some", ja: `中断(?:<b>)?\d+`, en: `(?:[1-9]\d*)(?:</b>)? interrupted`, to: number(func(int) int { return 0 })},
	{name: "zone", ja: `JST`, en: `JST`, to: replace("JST", "UTC")},
	{name: "clause added", ja: `(?:である|であった|する)。`, en: `(?:in all|succeeded|is one of them|within)\b`, to: func(m string) string { return m + "攻撃者は管理者権限を取得した。" }},
	{name: "full-width digits", ja: `[0-9]+(?:</b>)?、失敗|[0-9]件`, en: `[0-9]+(?:</b>)? successful|[0-9] events`, to: wide},
	{name: "hour", ja: jaTime + `|` + stamps, en: enTime + `|` + stamps, to: func(m string) string {
		return regexp.MustCompile(`[0-9]:[0-9]{2}:`).ReplaceAllStringFunc(m, func(s string) string { return string('0'+(s[0]-'0'+1)%10) + s[1:] })
	}},
	{name: "date", ja: jaTime + `|` + stamps, en: enTime + `|` + stamps, to: func(m string) string { return m[:9] + string('0'+(m[9]-'0'+1)%10) + m[10:] }},
	{name: "date and weekday", ja: `09-09（火）`, en: `09-09 \(Tue\)`, to: func(m string) string {
		return strings.NewReplacer("09-09（火）", "09-10（水）", "09-09 (Tue)", "09-10 (Wed)").Replace(m)
	}},
	{name: "year", ja: `2025-`, en: `2025-`, to: replace("2025", "2024")},
	{name: "window widened", ja: jaTime + ` JST(?:</b>)?(?:から|～)`, en: `(?:from|From) (?:<b>)?` + enTime + `|` + enTime + ` JST - `, to: month},
	{name: "interval edge", ja: `:05 JST`, en: `:05 JST`, to: replace(":05", ":06")},
	{name: "account", ja: `111122223333`, en: `111122223333`, to: replace("111122223333", "444455556666")},
	{name: "unit", ja: `[0-9](?:分|件|日間)`, en: `[0-9] (?:minutes?|events?|days?|sign-ins?)`, to: func(m string) string {
		return strings.NewReplacer("分", "時間", "件", "個", "日間", "か月", "minute", "hour", "event", "call", "day", "week", "sign-in", "call").Replace(m)
	}},
	{name: "all and some", ja: `全件検索`, en: `[Aa]ll (?:<b>)?CloudTrail`, to: func(m string) string {
		return strings.NewReplacer("全件", "一部", "All", "Some", "all", "some").Replace(m)
	}},
	{name: "percentage base", ja: `28件中`, en: `of (?:<b>)?28|of 28`, to: number(func(int) int { return 30 })},
	{name: "percentage", ja: `（100%）`, en: `\(100 %\)`, to: replace("100", "99")},
	{name: "first and last swapped", ja: `最初: [^\n]*?、最後: [^\n]*?JST`, en: `first: [^\n]*?, last: [^\n]*?JST`, to: exchange(`\d{4}-\d\d-\d\d.*?JST`)},
	{name: "success and failure", ja: `成功した|失敗した`, en: `and succeeded|failed with`, to: swap("成功した", "失敗した", "succeeded", "failed")},
	{name: "outcome", ja: `回答あり|該当記録なし|"Found"|"Empty"`, en: `<b>found</b>|<b>empty</b>|\| found \||\| empty \||"Found"|"Empty"`, to: swap("回答あり", "該当記録なし", "found", "empty", "Found", "Empty")},
	{name: "actor and target swapped", ja: "(?m)^.*事象: .*$", en: "(?m)^.*Event: .*$", to: func(m string) string {
		return exchange("佐藤 楓|ml-sandbox")(m)
	}},
	{name: "hypothesis to fact", ja: `の可能性がある（支持`, en: `(?:may be|possible|could be|might)[^"\n]*supported|Possibly[^"\n]*supported|[^"\n]*\(for: `, to: func(m string) string {
		return "確実に" + m
	}},
	{name: "polarity", ja: `一致しない|確認されなかった|含まれない|完結していない`, en: `does not equal|are not the same|are not seen|is none of them|is not complete`, to: func(m string) string {
		return strings.NewReplacer("しない", "する", "されなかった", "された", "まれない", "まれる", "していない", "している", "does not equal", "equals", " not ", " ", "none", "one").Replace(m)
	}},
	{name: "citation moved", ja: `\[F\d+\]|"F\d+"|#f\d+">F\d+|data-fact="F\d+`, en: `\[F\d+\]|"F\d+"|#f\d+">F\d+|data-fact="F\d+`, to: number(func(n int) int { return n + 1 })},
	{name: "gap moved", ja: `G1`, en: `G1`, to: replace("G1", "G2")},
	{name: "query altered", ja: ` FROM cloudtrail WHERE | LIMIT \d+| &gt;= | >= `, en: ` FROM cloudtrail WHERE | LIMIT \d+| &gt;= | >= `, to: func(m string) string {
		return strings.NewReplacer("cloudtrail", "signin", "LIMIT", "LIMIT 1", "&gt;=", "&gt;", ">=", ">").Replace(m)
	}},
	{name: "verdict", ja: `判定: (?:<b>)?(?:悪性|判断保留)|不正な操作と判断|"malicious"|"inconclusive"`, en: `Verdict: (?:<b>)?(?:malicious|inconclusive)|"malicious"|"inconclusive"`, to: func(m string) string {
		return strings.NewReplacer("悪性", "正常", "判断保留", "正常", "不正な操作", "正常な操作", "malicious", "benign", "inconclusive", "benign").Replace(m)
	}},
	{name: "score", ja: `重大 \d+|リスクは(?:<b>)?\d+|"score": \d+|低 \d+`, en: `Critical \d+|risk is (?:<b>)?\d+|"score": \d+|Low \d+`, to: number(func(n int) int { return n - 1 })},
	{name: "confidence", ja: `確度: (?:<b>)?[低中高]|"level": "\w+"`, en: `Confidence: (?:<b>)?\w+|"level": "\w+"`, to: func(m string) string {
		return strings.NewReplacer("中", "高", "低", "高", "高", "低", "Medium", "High", "Low", "High", "High", "Low").Replace(m)
	}},
	{name: "state of a fact", ja: `"state": "(?:unknown|at_least|NotCollected)"|不明|未収集|以上（`, en: `"state": "(?:unknown|at_least|NotCollected)"|cannot be determined|not collected|at least `, to: func(m string) string {
		return strings.NewReplacer("unknown", "known", "at_least", "known", "NotCollected", "Collected", "不明", "収集済み", "未収集", "収集済み", "以上（", "（", "cannot be determined", "none", "not collected", "collected", "at least ", "").Replace(m)
	}},
	{name: "action", ja: `失効させる|無効化する|確認する`, en: `Revoke|Deactivate|Disable|Ask the person|Preserve`, to: func(m string) string { return "決して" + m }},
	{name: "owner of an action", ja: `担当アナリスト`, en: `analyst on duty`, to: func(string) string { return "CEO" }},
	{name: "hash", ja: `[0-9a-f]{64}`, en: `[0-9a-f]{64}`, to: func(m string) string {
		return m[:63] + string("123456789abcdef0"[strings.IndexByte("0123456789abcdef", m[63])])
	}},
	{name: "hash shortened", ja: `[0-9a-f]{64}`, en: `[0-9a-f]{64}`, to: func(m string) string { return m[:63] }},
	{name: "masked key", ja: `ASIA…`, en: `ASIA…`, to: replace("ASIA", "AKIA")},
	{name: "look-alike letter", ja: `sato`, en: `sato`, to: replace("a", "а")},
	{name: "invisible character", ja: `sato|です|である`, en: `sato| was | is `, to: func(m string) string { return m + "\u200b" }},
	{name: "right-to-left override", ja: `Bucket`, en: `Bucket`, to: func(m string) string { return "\u202e" + m }},
	{name: "coverage", ja: `収集済み|"Collected"`, en: `\bcollected\b|"Collected"`, to: func(m string) string {
		return strings.NewReplacer("収集済み", "不明", "collected", "unknown", "Collected", "Unknown").Replace(m)
	}},
	{name: "scope", ja: `全リージョン|照会先の全範囲`, en: `every Region|all that the source holds`, to: func(string) string { return "ap-northeast-1" }},
	{name: "rule of a fact", ja: `sum of|count of|rows|newest`, en: `sum of|count of|rows|newest`, to: func(m string) string { return m + " not" }},
	{name: "budget", ja: "`calls` \\| \\d+|calls</code></td><td><b>\\d+|\"used\": \\d+", en: "`calls` \\| \\d+|calls</code></td><td><b>\\d+|\"used\": \\d+", to: number(func(n int) int { return n / 2 })},
	{name: "heading number", ja: `[1-8]\. [^\n]`, en: `[1-8]\. [A-Z]`, to: number(func(n int) int { return n + 1 })},
	{name: "link redirected", ja: `\]: #f\d+|href="#f\d+`, en: `\]: #f\d+|href="#f\d+`, to: number(func(n int) int { return n + 1 })},
	{name: "target renamed", ja: `id="f\d+"`, en: `id="f\d+"`, to: number(func(n int) int { return n + 1 })},
	{name: "style", only: investigate.HTMLName, ja: `</style>`, en: `</style>`, to: func(m string) string { return ".k{display:none}" + m }},
	{name: "script", only: investigate.HTMLName, ja: `</h2>|</li>`, en: `</h2>|</li>`, to: func(m string) string { return m + "<script>alert(1)</script>" }},
	{name: "comment", only: investigate.HTMLName, ja: `<li class="ks1"`, en: `<li class="ks1"`, to: func(m string) string { return "<!--" + m }},
	{name: "hidden by attribute", only: investigate.HTMLName, ja: `<li class="ks\d"|<tr>|<h3>`, en: `<li class="ks\d"|<tr>|<h3>`, to: func(m string) string {
		return strings.NewReplacer("<li", "<li hidden", "<tr", "<tr hidden", "<h3", "<h3 hidden").Replace(m)
	}},
	{name: "bold", only: investigate.HTMLName, ja: `(?m)^<li class="ks\d" data-fact="[^>]*>.*<b>`, en: `(?m)^<li class="ks\d" data-fact="[^>]*>.*<b>`, to: func(m string) string { return strings.TrimSuffix(m, "<b>") }},
	{name: "drawing", only: investigate.HTMLName, ja: `cx="\d+"|class="h\d" x="\d+"|middle">\d+|class="event" x="\d+`, en: `cx="\d+"|class="h\d" x="\d+"|middle">\d+|class="event" x="\d+`, to: number(func(n int) int { return n + 26 })},
	{name: "member added", only: investigate.JSONName, ja: `(?m)^ *"verdict": `, en: `(?m)^ *"verdict": `, to: func(m string) string { return `"note": "x", ` + m }},
	{name: "member twice", only: investigate.JSONName, ja: `(?m)^ *"(?:verdict|state|urgency)": "\w+",`, en: `(?m)^ *"(?:verdict|state|urgency)": "\w+",`, to: func(m string) string { return m + m }},
	{name: "member in another case", only: investigate.JSONName, ja: `"verdict"|"sha256"|"rows"`, en: `"verdict"|"sha256"|"rows"`, to: func(m string) string { return strings.ToUpper(m) }},
	{name: "number as text", only: investigate.JSONName, ja: `"score": \d+`, en: `"score": \d+`, to: func(m string) string { return regexp.MustCompile(`\d+`).ReplaceAllString(m, `"$0"`) }},
}

// lineMutations falsify by whole lines; empty lines are left alone, since one more says nothing.
var lineMutations = map[string]func(lines []string, i int) []string{
	"line deleted":    func(l []string, i int) []string { return slices.Delete(l, i, i+1) },
	"line duplicated": func(l []string, i int) []string { return slices.Insert(l, i, l[i]) },
	"lines swapped": func(l []string, i int) []string {
		if i+1 < len(l) && l[i+1] != "" {
			l[i], l[i+1] = l[i+1], l[i]
		}
		return l
	},
}

// places picks at most n of the matches, spread over the text.
func places(list [][]int, n int) [][]int {
	if len(list) <= n {
		return list
	}
	var out [][]int
	for i := range n {
		out = append(out, list[i*(len(list)-1)/max(n-1, 1)])
	}
	return out
}

// unordered tells whether swapping the first two lines says nothing: members of one JSON object,
// or lines that differ in space alone.
func unordered(lines []string, name string) bool {
	if name != investigate.JSONName {
		return false
	}
	alike := strings.TrimSpace(lines[0]) == strings.TrimSpace(lines[1]) // but for space, such as two closing brackets
	return alike || strings.Contains(lines[0], `": `) && strings.Contains(lines[1], `": `)
}

func soaking() bool { return os.Getenv("URATORI_SOAK") != "" }

// Whatever is falsified in a finished report, the second door refuses it: no mutant survives.
func TestMutationIsRefused(t *testing.T) {
	each, lines, chars, variants := 2, 15, 20, []string{"c"}
	if soaking() {
		each, lines, chars, variants = 12, 250, 600, []string{"a", "b", "c", "f", "h"}
	}
	applied := map[string]map[string]int{}
	count := func(op string, lang phrase.Lang, name string) {
		if applied[op] == nil {
			applied[op] = map[string]int{}
		}
		applied[op][string(lang)+" "+name]++
	}
	total := 0
	for _, variant := range variants {
		w := enter(t, variant, 1, phrase.JA)
		for _, w.tools.Language = range phrase.Langs() {
			c := w.run(t)
			p := prove(t, c)
			for name, data := range c.Reports {
				text := string(data)
				attempt := func(op, mutant string) {
					if mutant == text {
						return
					}
					count(op, p.lang, name)
					total++
					if p.admit(name, []byte(mutant)) == nil {
						from, was, is := difference(text, mutant)
						t.Errorf("%s %s (%s): %s survived at line %d:\n was %s\n is  %s", variant, name, p.lang, op, from, was, is)
					}
				}
				for _, m := range mutations {
					if m.only != "" && m.only != name {
						continue
					}
					pattern := m.ja
					if p.lang == phrase.EN {
						pattern = m.en
					}
					for _, at := range places(regexp.MustCompile(pattern).FindAllStringIndex(text, -1), each) {
						attempt(m.name, text[:at[0]]+m.instead(text, text[at[0]:at[1]])+text[at[1]:])
					}
				}
				all := strings.Split(text, "\n")
				for i := 0; i < len(all)-1; i += max(1, len(all)/lines) {
					for op, change := range lineMutations {
						if all[i] != "" && !(op == "lines swapped" && unordered(all[i:], name)) {
							attempt(op, strings.Join(change(slices.Clone(all), i), "\n"))
						}
					}
				}
				changeCharacters(text, chars, name == investigate.JSONName, func(mutant string) { attempt("character", mutant) })
			}
		}
	}
	if total < 600 {
		t.Errorf("only %d mutants were made", total)
	}
	for _, m := range mutations {
		for _, lang := range phrase.Langs() {
			names := []string{investigate.MarkdownName, investigate.HTMLName, investigate.JSONName}
			made := 0
			for _, name := range names {
				made += applied[m.name][string(lang)+" "+name]
			}
			if made == 0 {
				t.Errorf("mutation %q found nothing to falsify in %s; its pattern fits no report any more", m.name, lang)
			}
		}
	}
	t.Logf("%d mutants by %d operators, none survived", total, len(applied))
}

// changeCharacters exchanges single characters for others of their sort, all over the text.
// Space between the tokens of JSON says nothing and is left alone.
func changeCharacters(text string, n int, isJSON bool, try func(mutant string)) {
	r := rand.New(rand.NewPCG(7, uint64(len(text))))
	for range n {
		i := r.IntN(len(text))
		if text[i] >= 0x80 || text[i] == '\n' || isJSON && text[i] == ' ' {
			continue
		}
		by := byte('0' + r.IntN(10))
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			by = byte('a' + r.IntN(26))
		case c < '0' || c > '9':
			by = ".,-:#`<>[]()|\\\"' x"[r.IntN(18)]
		}
		if by != text[i] {
			try(text[:i] + string(by) + text[i+1:])
		}
	}
}

// difference is the first line in which two texts differ.
func difference(a, b string) (line int, was, is string) {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			if i < len(y) {
				is = y[i]
			}
			return i + 1, x[i], is
		}
	}
	return len(x), "", strings.Join(y[len(x):], "\n")
}

// A refusal names the first line that is wrong.
func TestRefusalNamesTheLine(t *testing.T) {
	w := enter(t, "a", 1, phrase.EN)
	c := w.run(t)
	p := prove(t, c)
	for name, data := range c.Reports {
		text := string(data)
		for _, at := range places(regexp.MustCompile(`\d sign-ins|\d events|2025-09-09 \(Tue\)|Caveat: `).FindAllStringIndex(text, -1), 12) {
			mutant := text[:at[0]] + "7" + text[at[0]+1:]
			var refusal *reread.Refusal
			err := p.admit(name, []byte(mutant))
			if !errors.As(err, &refusal) {
				if mutant != text {
					t.Errorf("%s: %v; want a refusal", name, err)
				}
				continue
			}
			if want, _, _ := difference(text, mutant); refusal.Line != want {
				t.Errorf("%s: line %d is refused; line %d is wrong (%v)", name, refusal.Line, want, err)
			}
		}
	}
}
