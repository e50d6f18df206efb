package report

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
	"uratori/query"
	"uratori/verify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestScratch(t *testing.T) {
	a := policy.Assessment{F: facts(t)}
	c, err := verify.Check(narrative.Default{}.Write(context.Background(), a))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(c.Struck())
	for _, l := range phrase.Langs() {
		doc, err := Compose(c, Options{Lang: l})
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile("/tmp/h7/out."+string(l)+".md", Markdown(doc), 0o644)
		j, err := JSON(doc)
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile("/tmp/h7/out."+string(l)+".json", j, 0o644)
	}
	_ = filepath.Join
}

func facts(t *testing.T) fact.Facts {
	at := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	w := query.Window{From: at.AddDate(0, 0, -30), To: at.Add(time.Hour)}
	item := evidence.Item{ID: "E3", Kind: evidence.AnswerItem, Question: "session", Scope: query.Scope{Kind: "cloudtrail_management", Account: "111122223333", Region: "ap-northeast-1", Window: w},
		Coverage: []evidence.Coverage{{State: evidence.Collected, Window: w}}, Answer: evidence.Answer{Outcome: evidence.Found, Native: "SELECT * FROM x\nWHERE a='`b|'"}, SHA256: "abc"}
	set := evidence.NewSet([]evidence.Item{{ID: "E1", Kind: evidence.FindingItem}, {ID: "E2", Kind: evidence.SettingsItem}, item})
	k := func(key fact.Key, subject string, v fact.Value) fact.Fact {
		return fact.Fact{Key: key, Subject: subject, Value: v, State: fact.Known, Window: w, From: []fact.Ref{"E3"}}
	}
	var list []fact.Fact
	for _, d := range fact.Defs() {
		subjects := []string{""}
		if d.Each != nil && d.Key != "coverage.state" {
			subjects = []string{"credential", "session"}
		} else if d.Each != nil {
			subjects = []string{"s3_data", "signin"}
		}
		for _, s := range subjects {
			var v fact.Value
			switch d.Type {
			case fact.Text, fact.IP, fact.Masked:
				v = fact.Value{Type: d.Type, Str: "a`b|c\u202e" + string(d.Key)}
			case fact.Name:
				v = fact.NameOf(d.Choices[0])
			case fact.Label:
				v = fact.Value{Type: fact.Label, JA: "敬老の日", Str: "day"}
			case fact.Texts:
				v = fact.TextsOf([]string{"x", "y"}, true)
			case fact.Time:
				v = fact.TimeOf(at)
			case fact.Percent:
				v = fact.Value{Type: fact.Percent, Num: 28, Den: 28}
			case fact.Hours:
				v = fact.Value{Type: fact.Hours, Hours: []int{9, 10, 11, 12, 16}}
			case fact.Table:
				row := fact.Row{}
				for _, c := range d.Columns {
					cell := fact.Value{Type: c.Type, Num: 3, Str: "z|", At: at}
					if c.Type == fact.Name {
						cell.Str = c.Enum[0]
					}
					row = append(row, cell)
				}
				v = fact.Value{Type: fact.Table, Rows: []fact.Row{row}}
			default:
				v = fact.Value{Type: d.Type, Num: 1}
			}
			if d.Type == fact.Int && d.Key[:4] == "acti" {
				v.Num = 0
			}
			f := k(d.Key, s, v)
			if d.Key[:6] == "impact" {
				f.State, f.Value, f.Gap = fact.Unknown, fact.Value{}, fact.Gap{Key: "s3_data"}
			}
			list = append(list, f)
		}
	}
	return fact.ForTest(list, fact.TestWorld{Evidence: set, AsOf: at})
}
