package fact

import (
	"fmt"
	"time"

	"uratori/calendar"
	"uratori/evidence"
	"uratori/finding"
)

// A TestWorld is what a test's facts are said to come from.
type TestWorld struct {
	Finding  finding.Finding
	Evidence evidence.Set
	Settings Settings
	AsOf     time.Time
}

// ForTest makes Facts of chosen values, for tests of what stands above this package. Facts
// are put in the order of their declarations and numbered; every declared fact that is not
// in the list is Unknown for want of an answer, but those that only other families of findings have.
func ForTest(list []Fact, in ...TestWorld) Facts {
	var w TestWorld
	if len(in) > 0 {
		w = in[0]
	}
	cal, err := calendar.New(w.Settings.Calendar)
	if err != nil {
		panic(fmt.Sprintf("facts for a test: %v", err))
	}
	fs := Facts{
		finding: w.Finding, set: w.Evidence, settings: w.Settings, calendar: cal, asOf: w.AsOf,
		byID: map[ID]int{}, byKey: map[Key][]int{},
	}
	given := map[Key][]Fact{}
	for _, f := range list {
		if _, ok := DefOf(f.Key); !ok {
			panic(fmt.Sprintf("facts for a test: there is no fact %q", f.Key))
		}
		given[f.Key] = append(given[f.Key], f)
	}
	for _, d := range defs {
		has := map[string]bool{}
		for _, f := range given[d.Key] {
			has[f.Subject] = true
			fs.add(f)
		}
		// As in Derive, a case has no facts of other families, but those that a test chose.
		subjects := []string{""}
		if d.Sometimes() || w.Finding.Type != "" && (d.Asked || !d.arises(w.Finding)) {
			subjects = nil
		}
		if d.Each != nil && subjects != nil {
			subjects = d.Each(&view{set: w.Evidence, done: map[string]any{}})
		}
		for _, s := range subjects {
			if !has[s] {
				fs.add(Fact{Key: d.Key, Subject: s, Gap: Gap{Key: "question"}, Rule: d.Says})
			}
		}
	}
	return fs
}
