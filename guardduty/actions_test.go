package guardduty

import (
	"slices"
	"testing"

	"uratori/access"
)

// What is read is in the policies that are printed for it; beginning an investigation is not.
func TestActionsAreGranted(t *testing.T) {
	granted := access.Actions(access.Features())
	for _, a := range Actions {
		if got, want := slices.Contains(granted, a), a != "guardduty:CreateInvestigation"; got != want {
			t.Errorf("%s is granted: %v; want %v", a, got, want)
		}
	}
}
