package report

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// Every kind that a fact of a report may have is one that the schema allows, also those that no
// report of the tests holds.
func TestSchemaKnowsEveryKindOfFact(t *testing.T) {
	var doc any
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(maps.Values(kindNames))
	found := false
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if list, ok := v["enum"].([]any); ok && slices.Contains(list, any("observed")) {
				found = true
				var got []string
				for _, x := range list {
					got = append(got, x.(string))
				}
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("the schema allows the kinds %v; facts have %v", got, want)
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	if walk(doc); !found {
		t.Error("the schema says nothing of kinds")
	}
}
