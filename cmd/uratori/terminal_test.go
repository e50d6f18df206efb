package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"uratori/phrase"
	"uratori/report"
)

func TestLinesAreCutWhereTheyMayBe(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		columns    int
		want       []string
	}{
		{"it fits", "  • short", 20, []string{"  • short"}},
		{"padding is no text", "  • short           ", 12, []string{"  • short"}},
		{"at a space", "  • one two three four", 14, []string{"  • one two", "    three four"}},
		{"between Japanese characters", "  • 権限の変更は無かった", 12, []string{"  • 権限の変", "    更は無か", "    った"}},
		{"never before a full stop", "  • 権限の変。更", 12, []string{"  • 権限の", "    変。更"}},
		{"never after an opening bracket", "  • 権限の（変更）", 12, []string{"  • 権限の", "    （変更）"}},
		{"an address stays whole", "  • 送信元は203.0.113.202である", 20, []string{"  • 送信元は", "    203.0.113.202で", "    ある"}},
		{"what has no end is cut", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"escapes take no room", "\x1b[1mone\x1b[0m two", 7, []string{"\x1b[1mone\x1b[0m two"}},
		{"empty", "", 10, []string{""}},
	} {
		if got := wrapped(tc.line, tc.columns); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func FuzzWrapped(f *testing.F) {
	f.Add("  • 送信元は203.0.113.202である（国: 日本）。", 20)
	f.Add("\x1b[38;5;252m  • one\x1b[0m\xff", 1)
	f.Add("\x1b[", 40)
	f.Fuzz(func(t *testing.T, line string, columns int) {
		if columns < 4 || columns > 200 || strings.Contains(line, "\x1b") {
			t.Skip()
		}
		bare := func(s string) string { return strings.Join(strings.Fields(string([]rune(s))), "") }
		if got := strings.Join(wrapped(line, columns), ""); bare(got) != bare(line) {
			t.Errorf("wrapped %q to %q", line, got)
		}
	})
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")

func TestAReportFitsTheTerminal(t *testing.T) {
	run := func(kind report.RunKind, s string) []report.Run { return []report.Run{{Text: s, Kind: kind}} }
	table := report.Table{Head: []string{"日時", "対象", "結果"}, Rows: []report.TableRow{
		{Cells: [][]report.Run{run(report.Value, "2025-09-09（火）13:20:05 JST"), run(report.Code, strings.Repeat("x|y`", 12)), run(report.Anchor, "F1")}},
	}}
	doc := report.Document{Lang: phrase.JA, Title: "GuardDuty検出結果 調査報告書", Chapters: []report.Chapter{{ID: "threat", Number: 2, Title: "脅威の概要", Sections: []report.Section{
		{ID: "mitre", Title: "MITRE ATT&CK", Blocks: []report.Block{
			report.Line{Runs: run(report.Literal, strings.Repeat("管理イベントを全件検索し、権限の変更は無かった。", 8)), Anchors: []string{"F12"}},
			table,
			report.Heat{Corner: "曜日", Days: []string{"日", "月", "火", "水", "木", "金", "土"}, Counts: [7][24]int{2: {16: 12, 13: 1}}, Event: &[2]int{2, 13}, Note: "検出"},
			report.Line{Runs: run(report.Code, `\u{1B}[2J`)},
		}},
	}}}}
	for _, columns := range []int{40, 60, 80, 100} {
		text, err := lay(doc, columns)
		if err != nil {
			t.Fatal(err)
		}
		plain := escapes.ReplaceAllString(text, "")
		if strings.Contains(plain, "\x1b") {
			t.Errorf("at %d columns something else than colour is sent to the terminal: %q", columns, plain)
		}
		for _, line := range strings.Split(plain, "\n") {
			width := 0
			for _, g := range glyphsOf(line) {
				width += g.columns()
			}
			if width > columns && columns >= 60 { // the heat map has its least width
				t.Errorf("at %d columns a line is %d wide: %q", columns, width, line)
			}
		}
		for _, want := range []string{"MITRE ATT&CK", "1*", `\u{1B}[2J`} {
			if !strings.Contains(plain, want) {
				t.Errorf("at %d columns %q is missing:\n%s", columns, want, plain)
			}
		}
		if strings.Contains(plain, "F12") {
			t.Error("an anchor is printed that leads nowhere on a terminal")
		}
	}
}
