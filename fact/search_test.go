package fact

import (
	"slices"
	"testing"

	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

func TestSearchesOfPeopleAreShownAndNothingElse(t *testing.T) {
	settings, err := EncodeSettings(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	base := []evidence.Item{{ID: "E1", Kind: evidence.FindingItem}, {ID: "E2", Kind: evidence.SettingsItem, Body: settings}}
	without, err := Derive(finding.Finding{}, evidence.NewSet(base))
	if err != nil {
		t.Fatal(err)
	}
	if list := without.Of("searches.asked"); len(list) != 0 {
		t.Errorf("a case without searches has %d facts of them", len(list))
	}
	text := func(s string) query.Value { return query.TextOf(s) }
	with, err := Derive(finding.Finding{}, evidence.NewSet(append(slices.Clone(base),
		evidence.Item{ID: "E3", Kind: evidence.SearchItem, Question: "vpn", Source: "splunk", Answer: evidence.Answer{
			Outcome: evidence.Found, Columns: []string{"src", "action", "user"},
			Rows: []evidence.Row{
				{text(`192.0.2.7" action="allowed`), text("denied"), {}},
				{text("192.0.2.8"), query.SetOf([]query.Value{text("a"), text("b")}, false), text("佐藤")},
			},
		}},
		evidence.Item{ID: "E4", Kind: evidence.SearchItem, Question: "proxy", Source: "splunk", Answer: evidence.Answer{Outcome: evidence.Denied, Reason: "403"}},
	)))
	if err != nil {
		t.Fatal(err)
	}
	asked := with.Of("searches.asked")[0]
	if len(asked.Value.Rows) != 2 || asked.Value.Rows[0][2].Str != "found" || asked.Value.Rows[1][2].Str != "denied" || asked.Value.Rows[1][4].Str != "403" || !slices.Equal(asked.From, []Ref{"E3", "E4"}) {
		t.Errorf("asked: %+v from %v", asked.Value.Rows, asked.From)
	}
	found := with.Of("searches.found")[0]
	want := []string{`src="192.0.2.7\" action=\"allowed" action="denied"`, `src="192.0.2.8" action="a","b" user="佐藤"`}
	for i, row := range found.Value.Rows {
		if row[1].Str != want[i] {
			t.Errorf("row %d is %s, want %s", i, row[1].Str, want[i])
		}
	}
	if !slices.Equal(found.From, []Ref{"E3"}) || len(found.Value.Rows) != 2 {
		t.Errorf("found: %d rows from %v", len(found.Value.Rows), found.From)
	}
	// What is in those rows changes no other fact.
	for _, f := range without.All() {
		if g := with.Get(f.Key, f.Subject); g.State != f.State || !slices.Equal(g.From, f.From) {
			t.Errorf("%s changed from %v to %v", f.Key, f, g)
		}
	}
}
