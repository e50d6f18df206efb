package reread

import (
	"testing"
	"time"

	"uratori/calendar"
	"uratori/fact"
	"uratori/phrase"
	"uratori/verify"
)

func clockIn(t testing.TB, zone string) clock {
	t.Helper()
	c, err := calendar.New(calendar.Config{Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// plain makes a tape of Markdown text in a zone.
func plain(t testing.TB, lang phrase.Lang, zone, text string) *tape {
	t.Helper()
	atoms, why := inline(text, false)
	if why != "" {
		t.Fatalf("%q: %s", text, why)
	}
	return &tape{lang: lang, book: phrase.Default(), clock: clockIn(t, zone), limit: textLimit, atoms: atoms}
}

func TestValues(t *testing.T) {
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	text := func(s string) fact.Value { return fact.TextOf(s) }
	percent := func(n, of int64) fact.Value { return fact.Value{Type: fact.Percent, Num: n, Den: of} }
	hours := func(h ...int) fact.Value { return fact.Value{Type: fact.Hours, Hours: h} }
	tests := []struct {
		name  string
		v     fact.Value
		key   string
		units map[phrase.Lang][]string
		ja    string
		en    string
		notJA []string
		notEN []string
	}{
		{
			name: "count", v: fact.IntOf(1912), units: map[phrase.Lang][]string{phrase.JA: {"件"}, phrase.EN: {"event", "events"}},
			ja: "1,912件", en: "1,912 events", notJA: []string{"1912件", "1,913件", "1,91２件", "1,912個", "01,912件", "1,912", "1,912件以上", "-1,912件"}, notEN: []string{"1,912 event", "1, 912 events", "1,912  events"},
		},
		{name: "one", v: fact.IntOf(1), units: map[phrase.Lang][]string{phrase.JA: {"件"}, phrase.EN: {"event", "events"}}, ja: "1件", en: "1 event", notEN: []string{"1 events", "one event"}},
		{name: "zero", v: fact.IntOf(0), ja: "0", en: "0", notJA: []string{"-0", "00", "", "なし"}, notEN: []string{"no", "10"}},
		{name: "negative", v: fact.IntOf(-1200), ja: "-1,200", en: "-1,200", notJA: []string{"1,200", "-1200", "−1,200"}},
		{name: "bytes", v: fact.Value{Type: fact.Bytes, Num: 1}, ja: "1バイト", en: "1 byte", notEN: []string{"1 bytes", "1 kB"}},
		{name: "minutes", v: fact.Value{Type: fact.Minutes, Num: 90}, ja: "90分", en: "90 minutes", notJA: []string{"90時間", "1時間30分"}, notEN: []string{"90 hours"}},
		{name: "decimal", v: fact.Value{Type: fact.Decimal, Num: -5}, ja: "-0.5", en: "-0.5", notJA: []string{"0.5", "-0.50", "-.5", "-0,5"}},
		{name: "percent", v: percent(2, 3), ja: "3件中2件（67%）", en: "2 of 3 (67 %)", notJA: []string{"3件中2件（66%）", "2件中3件（67%）", "3件中2件（067%）"}, notEN: []string{"3 of 2 (67 %)", "2 of 3 (67%)"}},
		{name: "nearly all", v: percent(999, 1000), ja: "1,000件中999件（99%）", en: "999 of 1,000 (99 %)", notEN: []string{"999 of 1,000 (100 %)"}},
		{name: "nearly none", v: percent(1, 1000), ja: "1,000件中1件（1%）", en: "1 of 1,000 (1 %)", notEN: []string{"1 of 1,000 (0 %)"}},
		{name: "none of none", v: percent(0, 0), ja: "0件中0件（0%）", en: "0 of 0 (0 %)"},
		{
			name: "text", v: text("a`b|c\\d\u202e"), ja: "``a`b|c\\\\d\\u{202E}``", en: "``a`b|c\\\\d\\u{202E}``",
			notJA: []string{"``a`b|c\\d\\u{202E}``", "``a`b|c\\\\d\\u{202e}``", "``a`b|c\\\\d``", "``a`b|c\\\\d\\u{202D}``", "``a`b|c\\\\d\\u{0202E}``"},
		},
		{name: "bytes that are no text", v: text("a\xff\xfe"), ja: "`a\\x{FF}\\x{FE}`", en: "`a\\x{FF}\\x{FE}`", notJA: []string{"`a\\x{FF}`", "`a\\x{FE}\\x{FF}`"}},
		{name: "empty text", v: text(""), ja: "（空）", en: "(empty)", notJA: []string{"-", "`空`"}},
		{name: "spaces", v: text("  "), ja: "`  `", en: "`  `", notJA: []string{"` `", "`   `"}},
		{name: "texts", v: fact.TextsOf([]string{"b", "a"}, true), ja: "`b`、`a`、ほか", en: "`b`, `a`, and more", notJA: []string{"`a`、`b`、ほか", "`b`、`a`", "`b`、`a`、`a`、ほか"}, notEN: []string{"`b`, and more", "`b`, `a`"}},
		{name: "no texts", v: fact.TextsOf(nil, false), ja: "なし", en: "none", notJA: []string{"`なし`", ""}},
		{name: "address", v: fact.IPOf("203.0.113.27"), ja: "`203.0.113.27`", en: "`203.0.113.27`", notJA: []string{"`203.0.113.28`", "203.0.113.27", "`203.0.113.027`"}},
		{name: "choice", v: fact.NameOf("sandbox"), key: "finding.environment", ja: "sandbox", en: "sandbox", notJA: []string{"本番"}, notEN: []string{"production"}},
		{name: "own kind of record", v: fact.NameOf("proxy_logs"), key: "x", ja: "`proxy_logs`", en: "`proxy_logs`", notJA: []string{"`proxy`"}},
		{name: "truth", v: fact.BoolOf(true), key: "x", ja: "はい", en: "yes", notJA: []string{"いいえ"}, notEN: []string{"no", "Yes"}},
		{name: "label", v: fact.Value{Type: fact.Label, JA: "敬老の日", Str: "Respect for the Aged Day"}, ja: "敬老の日", en: "Respect for the Aged Day", notJA: []string{"敬老の月"}},
		{
			name: "time", v: fact.TimeOf(at), ja: "2025-09-09（火）13:20:05 JST", en: "2025-09-09 (Tue) 13:20:05 JST",
			notJA: []string{"2025-09-09（月）13:20:05 JST", "2025-09-10（水）13:20:05 JST", "2025-09-09（火）13:20:05 UTC", "2025-09-09（火）04:20:05 JST", "2025-9-9（火）13:20:05 JST", "2025-09-09（火）13:20:05.000000 JST"},
			notEN: []string{"2025-09-09 (Tuesday) 13:20:05 JST", "2025-09-09 (Tue) 13:20:06 JST", "2025-09-09 (Wed) 13:20:05 JST"},
		},
		{name: "fraction", v: fact.TimeOf(at.Add(120 * time.Millisecond)), ja: "2025-09-09（火）13:20:05.12 JST", en: "2025-09-09 (Tue) 13:20:05.12 JST", notJA: []string{"2025-09-09（火）13:20:05 JST", "2025-09-09（火）13:20:05.120 JST"}},
		{name: "leap day", v: fact.TimeOf(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)), ja: "2024-02-29（木）09:00:00 JST", en: "2024-02-29 (Thu) 09:00:00 JST", notJA: []string{"2024-03-01（金）09:00:00 JST"}},
		{name: "weekday", v: fact.Value{Type: fact.Weekday, Num: 2}, ja: "火曜日", en: "Tuesday", notJA: []string{"月曜日", "火"}, notEN: []string{"Tue"}},
		{name: "hour", v: fact.Value{Type: fact.Hour, Num: 13}, ja: "13時", en: "13 h", notJA: []string{"13", "１３時", "013時"}},
		{name: "hours", v: hours(9, 10, 11, 16), ja: "9～11時、16時", en: "9-11 h, 16 h", notJA: []string{"9時、10時、11時、16時", "9～12時、16時", "9～11時", "9～10時、11時、16時", "16時、9～11時"}, notEN: []string{"9-11 h, 16 h, 17 h"}},
		{name: "no hours", v: hours(), ja: "なし", en: "none"},
		{name: "table", v: fact.Value{Type: fact.Table, Rows: []fact.Row{nil}}, ja: "1行の表", en: "1 row", notEN: []string{"1 rows"}},
		{name: "nothing", v: fact.Value{}, ja: "-", en: "-", notJA: []string{"0", "なし", ""}},
	}
	for _, tt := range tests {
		for _, lang := range phrase.Langs() {
			good, wrong := tt.ja, tt.notJA
			if lang == phrase.EN {
				good, wrong = tt.en, tt.notEN
			}
			read := func(text string) (bool, string) {
				p := plain(t, lang, "Asia/Tokyo", text)
				return p.value(tt.v, tt.key, tt.units[lang]) && p.end(), p.why
			}
			if ok, why := read(good); !ok {
				t.Errorf("%s %s: %q is refused: %s", tt.name, lang, good, why)
			}
			for _, w := range wrong {
				if ok, _ := read(w); ok {
					t.Errorf("%s %s: %q is taken for %q", tt.name, lang, w, good)
				}
			}
		}
	}
}

// A clock that goes back an hour says the same digits twice; the zone's name tells them apart.
func TestDaylightSaving(t *testing.T) {
	first, second := time.Date(2025, 11, 2, 5, 30, 0, 0, time.UTC), time.Date(2025, 11, 2, 6, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		at   time.Time
		want bool
	}{
		{"2025-11-02 (Sun) 01:30:00 EDT", first, true},
		{"2025-11-02 (Sun) 01:30:00 EST", second, true},
		{"2025-11-02 (Sun) 01:30:00 EST", first, false},
		{"2025-11-02 (Sun) 01:30:00 EDT", second, false},
	} {
		if got := plain(t, phrase.EN, "America/New_York", tt.text).instant(tt.at); got != tt.want {
			t.Errorf("%q read as %s: %v; want %v", tt.text, tt.at, got, tt.want)
		}
	}
}

func TestLowerBounds(t *testing.T) {
	n := verify.Filled{Value: fact.IntOf(12), State: fact.AtLeast, Gap: "G1"}
	s := verify.Filled{Value: fact.TextOf("a"), State: fact.AtLeast, Gap: "G2"}
	for _, tt := range []struct {
		lang phrase.Lang
		text string
		v    verify.Filled
		want bool
	}{
		{phrase.JA, "12以上（G1）", n, true},
		{phrase.EN, "at least 12 (G1)", n, true},
		{phrase.JA, "12", n, false},
		{phrase.JA, "12以上（G2）", n, false},
		{phrase.EN, "12 (G1)", n, false},
		{phrase.EN, "at most 12 (G1)", n, false},
		{phrase.JA, "`a`（確認できた範囲、G2）", s, true},
		{phrase.EN, "`a` (as far as seen, G2)", s, true},
		{phrase.EN, "`a`", s, false},
	} {
		p := plain(t, tt.lang, "UTC", tt.text)
		if got := p.filled(tt.v, nil) && p.end(); got != tt.want {
			t.Errorf("%q: %v (%s); want %v", tt.text, got, p.why, tt.want)
		}
	}
}

// The weekday that is computed from a printed date is the calendar's.
func TestWeekdayOf(t *testing.T) {
	for d := time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2110; d = d.AddDate(0, 0, 1) {
		if got, want := weekdayOf(d.Year(), int(d.Month()), d.Day()), int(d.Weekday()); got != want {
			t.Fatalf("%s falls on %d; want %d", d.Format(time.DateOnly), got, want)
		}
	}
}
