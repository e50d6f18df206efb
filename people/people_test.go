package people_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/people"
)

var tokyo = time.FixedZone("Asia/Tokyo", 9*3600)

const list = "upn,display_name,company,department,employee_type,enabled,manager,sponsor,contract_end\r\n" +
	"Taro.Yamada@example.co.jp,山田 太郎,株式会社例,情報システム部,Employee,true,boss@example.co.jp,,\r\n" +
	"ext-hanako@example.co.jp,\"鈴木, 花子\",\"=HYPERLINK(\"\"http://192.0.2.1\"\")\",,Contractor,FALSE,,B@example.co.jp; a@example.co.jp;b@example.co.jp,2025-09-30\r\n"

func TestAnOperatorsList(t *testing.T) {
	for name, text := range map[string]string{
		"as it stands": list, "with a byte order mark": "\xef\xbb\xbf" + list, "LF": strings.ReplaceAll(list, "\r\n", "\n"),
		"CR": strings.ReplaceAll(list, "\r\n", "\r"), "no line end at the end": strings.TrimSuffix(list, "\r\n"), "empty lines": strings.ReplaceAll(list, "\r\n", "\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			l, bad, err := people.ReadCSV(strings.NewReader(text), "people.csv", tokyo)
			if err != nil || len(bad) > 0 {
				t.Fatalf("%v, %v", err, bad)
			}
			p, ok := l.Person("TARO.yamada@example.co.jp")
			if !ok || p.UPN != "taro.yamada@example.co.jp" || p.DisplayName != "山田 太郎" || p.Company != "株式会社例" || p.Department != "情報システム部" || !p.Enabled || p.Manager.UPN != "boss@example.co.jp" {
				t.Errorf("the first person: %+v", p)
			}
			// Nothing stated is not "none".
			if p.Sees(people.Sponsors) || p.Unseen[people.Sponsors] != people.NotStated || p.Unseen[people.Mail] != people.NotHeld || !p.Sees(people.Department) {
				t.Errorf("unseen of the first person: %v", p.Unseen)
			}
			p, _ = l.Person("ext-hanako@example.co.jp")
			if p.DisplayName != "鈴木, 花子" || p.Company != `=HYPERLINK("http://192.0.2.1")` || p.Enabled || !p.Sees(people.Enabled) {
				t.Errorf("the second person: %+v", p)
			}
			if diff := cmp.Diff([]people.Ref{{UPN: "a@example.co.jp"}, {UPN: "b@example.co.jp"}}, p.Sponsors); diff != "" {
				t.Error(diff)
			}
			// The last day is whole in the zone of the list.
			if want := time.Date(2025, 9, 30, 15, 0, 0, 0, time.UTC); !p.Leaves.Equal(want) {
				t.Errorf("leaves %s, want %s", p.Leaves, want)
			}
			if l.Len() != 2 || l.All()[0].UPN != "taro.yamada@example.co.jp" {
				t.Errorf("%d people, %v", l.Len(), l.All())
			}
		})
	}
}

func TestAHeaderIsReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "line 1: the file is empty",
		"\n":                        `unknown column ""`,
		"upn,departmnt\n":           `unknown column "departmnt"; did you mean "department"?`,
		"UPN\n":                     `unknown column "UPN"`,
		"upn,upn\n":                 `column "upn" stands twice`,
		"display_name,company\n":    `the column "upn" is missing`,
		"upn;display_name\n":        `unknown column "upn;display_name"`,
		"\xff\xfeu\x00p\x00":        "UTF-16",
		"upn,\x8e\x81\x96\xbc\n":    "not UTF-8",
		"\"upn\nx\"\n":              "unknown column",
		"\"upn,display_name\nx\n\n": "line 1",
	} {
		if _, _, err := people.ReadCSV(strings.NewReader(text), "people.csv", tokyo); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "people of people.csv: ") {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestBadRowsAreNamedAndTheOthersRead(t *testing.T) {
	head := "upn,display_name,enabled,manager,sponsor,contract_end\n"
	good := "good@example.co.jp,x,true,,,\n"
	for row, want := range map[string]string{
		"nobody,x,true,,,":                                                     `line 2, column upn: "nobody" is no user principal name such as taro@example.co.jp`,
		",x,true,,,":                                                           `line 2, column upn: "" is no user principal name`,
		"a b@example.co.jp,x,true,,,":                                          "line 2, column upn: \"a b@example.co.jp\" holds a character",
		"a＠example.co.jp,x,true,,,":                                            "line 2, column upn",
		"a@example.co.jp,x,yes,,,":                                             `line 2, column enabled: "yes" is neither true nor false`,
		"a@example.co.jp,x,true,boss,,":                                        `line 2, column manager: "boss" is no user principal name`,
		"a@example.co.jp,x,true,,b;c,":                                         `line 2, column sponsor: "b" is no user principal name`,
		"a@example.co.jp,x,true,,,2025/9/1":                                    `line 2, column contract_end: "2025/9/1" is no day; write it such as 2026-03-31`,
		"a@example.co.jp,x,true,,,20250231":                                    "line 2, column contract_end",
		"a@example.co.jp,x,true,,":                                             "line 2: 5 cells, the header has 6",
		"a@example.co.jp,x,true,,,,":                                           "line 2: 7 cells, the header has 6",
		"a@example.co.jp,\xff,true,,,":                                         "line 2, column display_name: the cell is not UTF-8",
		"a@example.co.jp,\x00,true,,,":                                         "line 2, column display_name: the cell holds a control character",
		"a@example.co.jp,\"x\nevil@example.co.jp,x,true,,,\",true,,,":          "line 2, column display_name: the cell holds a control character (a quoted cell goes on to line 3)",
		"a@example.co.jp,x\"y,true,,,":                                         "line 2: the row cannot be read: bare \"",
		"a@example.co.jp,\"x,true,,,":                                          "line 2: the row cannot be read: extraneous or missing \"",
		"a@example.co.jp," + strings.Repeat("x", 1025) + ",true,,,":            "line 2, column display_name: the cell is longer than 1024 bytes",
		"a@example.co.jp," + strings.Repeat("x", 100<<10) + ",true,,,":         "line 2: the row cannot be read: it is longer than 65536 bytes",
		"a@example.co.jp,x,true,,,\nA@Example.co.jp,y,true,,,":                 "line 3, column upn: the same person stands on line 2",
		strings.Repeat("a", 300) + "@example.co.jp,x,true,,,":                  "line 2, column upn: the user principal name is too long",
		"a@example.co.jp,\xff,true,,," + "\n" + "b@example.co.jp,x,maybe,,,":   "line 2, column display_name: the cell is not UTF-8|line 3, column enabled: \"maybe\" is neither true nor false",
		"a@example.co.jp,\"x,true,,,\n" + "c@example.co.jp,\"quoted\",true,,,": "line 2: the row cannot be read",
	} {
		l, bad, err := people.ReadCSV(strings.NewReader(head+row+"\n"+good), "people.csv", tokyo)
		if err != nil {
			t.Errorf("%.80q: %v", row, err)
			continue
		}
		if _, ok := l.Person("good@example.co.jp"); !ok {
			t.Errorf("%.80q: the good row after it was not read", row)
		}
		if _, ok := l.Person("evil@example.co.jp"); ok {
			t.Errorf("%.80q: a line inside a cell became a person", row)
		}
		wants := strings.Split(want, "|")
		if len(bad) != len(wants) {
			t.Errorf("%.80q: %d bad rows %v, want %q", row, len(bad), bad, wants)
			continue
		}
		for i, w := range wants {
			if !strings.HasPrefix(bad[i].String(), w) {
				t.Errorf("%.80q: %s, want %s", row, bad[i], w)
			}
		}
	}
}

func TestStanding(t *testing.T) {
	leaves := time.Date(2025, 9, 30, 15, 0, 0, 0, time.UTC)
	before, after := leaves.Add(-time.Microsecond), leaves
	unseen := func(a ...people.Attribute) map[people.Attribute]people.Why {
		m := map[people.Attribute]people.Why{}
		for _, x := range a {
			m[x] = people.Forbidden
		}
		return m
	}
	for _, c := range []struct {
		name string
		p    people.Person
		at   time.Time
		want people.Standing
	}{
		{"active", people.Person{Enabled: true}, before, people.Active},
		{"disabled", people.Person{}, before, people.Disabled},
		{"last moment", people.Person{Enabled: true, Leaves: leaves}, before, people.Active},
		{"left", people.Person{Enabled: true, Leaves: leaves}, after, people.Left},
		{"left and disabled", people.Person{Leaves: leaves}, after, people.Left},
		{"missing", people.Person{Missing: true, Enabled: true}, before, people.NotFound},
		{"enabled not seen", people.Person{Unseen: unseen(people.Enabled)}, before, people.Unclear},
		{"leave not seen", people.Person{Enabled: true, Unseen: unseen(people.ContractEnd)}, after, people.Active},
	} {
		if got := c.p.Standing(c.at); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzReadCSV holds that nothing breaks the reader, that every person read is sound, and that rows
// are neither lost nor counted twice.
func FuzzReadCSV(f *testing.F) {
	f.Add(list)
	f.Add("upn\na@b.example\n\"\n\"\"\n,\n")
	f.Add("upn,enabled\na@b.example,true\r\rb@b.example,\"x\ny\"")
	f.Fuzz(func(t *testing.T, text string) {
		l, bad, err := people.ReadCSV(strings.NewReader(text), "f", time.UTC)
		if err != nil {
			return
		}
		last := 0
		for _, p := range l.All() {
			if p.Line <= last || p.UPN != people.Fold(p.UPN) || !strings.Contains(p.UPN, "@") {
				t.Errorf("person %+v after line %d", p, last)
			}
			last = p.Line
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		if l.Len()+len(bad) > lines {
			t.Errorf("%d people and %d bad rows of %d lines", l.Len(), len(bad), lines)
		}
	})
}

func ExampleReadCSV() {
	list := "upn,display_name,enabled,contract_end\n" +
		"hanako@example.co.jp,鈴木 花子,true,2025-09-30\n" +
		"taro@example.co.jp,山田 太郎,ja,\n"
	l, bad, err := people.ReadCSV(strings.NewReader(list), "people.csv", time.UTC)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, _ := l.Person("Hanako@example.co.jp")
	fmt.Println(p.DisplayName, p.Standing(time.Date(2025, 9, 30, 23, 0, 0, 0, time.UTC)), p.Standing(time.Date(2025, 10, 1, 0, 0, 0, 0, time.UTC)))
	fmt.Println(bad[0])
	// Output:
	// 鈴木 花子 active left
	// line 3, column enabled: "ja" is neither true nor false
}
