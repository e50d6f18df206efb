package report

import (
	"testing"
	"time"

	"uratori/calendar"
	"uratori/fact"
	"uratori/phrase"
	"uratori/verify"
)

func formats(t *testing.T, zone string) map[phrase.Lang]format {
	t.Helper()
	cal, err := calendar.New(calendar.Config{Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	out := map[phrase.Lang]format{}
	for _, l := range phrase.Langs() {
		out[l] = format{lang: l, book: phrase.Default(), clock: cal, limit: textLimit}
	}
	return out
}

func TestValuesArePrintedByTypeAndLanguage(t *testing.T) {
	fs := formats(t, "Asia/Tokyo")
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		key    string
		v      fact.Value
		units  [2][]string
		ja, en string
	}{
		{"a count", "", fact.IntOf(1912), [2][]string{{"件"}, {"object", "objects"}}, "1,912件", "1,912 objects"},
		{"one", "", fact.IntOf(1), [2][]string{{"件"}, {"object", "objects"}}, "1件", "1 object"},
		{"none", "", fact.IntOf(0), [2][]string{{"件"}, {"object", "objects"}}, "0件", "0 objects"},
		{"a bare count", "", fact.IntOf(-1234567), [2][]string{}, "-1,234,567", "-1,234,567"},
		{"bytes", "", fact.Value{Type: fact.Bytes, Num: 12000}, [2][]string{}, "12,000バイト", "12,000 bytes"},
		{"minutes", "", fact.Value{Type: fact.Minutes, Num: 1}, [2][]string{}, "1分", "1 minute"},
		{"a severity", "", fact.Value{Type: fact.Decimal, Num: 80}, [2][]string{}, "8.0", "8.0"},
		{"all of them", "", fact.Value{Type: fact.Percent, Num: 28, Den: 28}, [2][]string{}, "28件中28件（100%）", "28 of 28 (100 %)"},
		{"nearly all", "", fact.Value{Type: fact.Percent, Num: 999, Den: 1000}, [2][]string{}, "1,000件中999件（99%）", "999 of 1,000 (99 %)"},
		{"hardly any", "", fact.Value{Type: fact.Percent, Num: 1, Den: 1000}, [2][]string{}, "1,000件中1件（1%）", "1 of 1,000 (1 %)"},
		{"none of them", "", fact.Value{Type: fact.Percent, Num: 0, Den: 7}, [2][]string{}, "7件中0件（0%）", "0 of 7 (0 %)"},
		{"dimensions", "", fact.Value{Type: fact.Percent, Num: 4, Den: 5}, [2][]string{{"観点"}, {"dimension", "dimensions"}}, "5観点中4観点（80%）", "4 of 5 dimensions (80 %)"},
		{"a truth", "", fact.BoolOf(true), [2][]string{}, "はい", "yes"},
		{"a truth of its own", "event.business_day", fact.BoolOf(false), [2][]string{}, "非営業日", "day off"},
		{"a name", "interview.answer", fact.NameOf("not_mine"), [2][]string{}, "自分の操作ではありません", "It was not me"},
		{"an instant", "", fact.TimeOf(at), [2][]string{}, "2025-09-09（火）13:20:05 JST", "2025-09-09 (Tue) 13:20:05 JST"},
		{"a fraction", "", fact.TimeOf(at.Add(120 * time.Millisecond)), [2][]string{}, "2025-09-09（火）13:20:05.12 JST", "2025-09-09 (Tue) 13:20:05.12 JST"},
		{"a weekday", "", fact.Value{Type: fact.Weekday, Num: 2}, [2][]string{}, "火曜日", "Tuesday"},
		{"an hour", "", fact.Value{Type: fact.Hour, Num: 0}, [2][]string{}, "0時", "0 h"},
		{"hours", "", fact.Value{Type: fact.Hours, Hours: []int{0, 9, 10, 11, 12, 16, 22, 23}}, [2][]string{}, "0時、9～12時、16時、22～23時", "0 h, 9-12 h, 16 h, 22-23 h"},
		{"no hours", "", fact.Value{Type: fact.Hours}, [2][]string{}, "なし", "none"},
		{"texts", "", fact.TextsOf([]string{"a", "b"}, true), [2][]string{}, "a、b、ほか", "a, b, and more"},
		{"an empty text", "", fact.TextOf(""), [2][]string{}, "（空）", "(empty)"},
		{"a label", "", fact.Value{Type: fact.Label, JA: "敬老の日", Str: "Respect for the Aged Day"}, [2][]string{}, "敬老の日", "Respect for the Aged Day"},
		{"nothing", "", fact.Value{}, [2][]string{}, "-", "-"},
	} {
		for i, l := range phrase.Langs() {
			want := []string{tc.ja, tc.en}[i]
			if got := text(fs[l].value(tc.v, tc.key, tc.units[i])); got != want {
				t.Errorf("%s in %s: got %q, want %q", tc.name, l, got, want)
			}
		}
	}
}

func TestALowerBoundSaysSo(t *testing.T) {
	fs := formats(t, "UTC")
	for _, tc := range []struct {
		v      fact.Value
		units  [2][]string
		ja, en string
	}{
		{fact.IntOf(12), [2][]string{{"件"}, {"call", "calls"}}, "12件以上（G1）", "at least 12 calls (G1)"},
		{fact.Value{Type: fact.Bytes, Num: 5}, [2][]string{}, "5バイト以上（G1）", "at least 5 bytes (G1)"},
		{fact.TextsOf([]string{"a"}, false), [2][]string{}, "a（確認できた範囲、G1）", "a (as far as seen, G1)"},
	} {
		for i, l := range phrase.Langs() {
			got := text(fs[l].filled(verify.Filled{Value: tc.v, State: fact.AtLeast, Gap: "G1"}, tc.units[i]))
			if want := []string{tc.ja, tc.en}[i]; got != want {
				t.Errorf("in %s: got %q, want %q", l, got, want)
			}
		}
	}
}

// The weekday is that of the zone, whatever it was in UTC: 365 days and every hour's edge.
func TestWeekdaysAreThoseOfTheZone(t *testing.T) {
	for _, zone := range []string{"Asia/Tokyo", "Asia/Kathmandu", "America/New_York"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		f := formats(t, zone)[phrase.EN]
		at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 366 * 24 {
			got := f.time(at)
			if want := at.In(loc).Format("2006-01-02 (Mon) 15:04:05 "); got[:len(want)] != want {
				t.Fatalf("%s: got %q, want it to begin with %q", zone, got, want)
			}
			at = at.Add(time.Hour)
		}
	}
}
