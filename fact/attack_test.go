package fact

import (
	"regexp"
	"testing"
)

// Every technique that is mapped to has a name, and every name is mapped to.
func TestTechniquesAreNamed(t *testing.T) {
	used := map[string]bool{}
	for _, apis := range techniqueOfAPI {
		for _, id := range apis {
			used[id] = true
		}
	}
	for _, m := range techniqueOfType {
		used[m.id] = true
	}
	for id := range used {
		if techniques[id] == "" {
			t.Errorf("%s has no name", id)
		}
	}
	for id := range techniques {
		if !used[id] || !regexp.MustCompile(`^T\d{4}(\.\d{3})?$`).MatchString(id) {
			t.Errorf("%s is mapped to by nothing, or is no id", id)
		}
	}
	facts := lookedCase(t, Settings{}, "x")
	if got := facts.Get("finding.techniques", ""); got.State != Known || got.Value.List[0] != "T1619 Cloud Storage Object Discovery" || len(got.Value.List) != 1 {
		t.Errorf("listing objects is %v", got.Value.List)
	}
	if got := facts.Get("finding.techniques_said", ""); got.State != NotApplicable {
		t.Errorf("GuardDuty said %v", got.Value.List)
	}
}
