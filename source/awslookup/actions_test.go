package awslookup

import (
	"slices"
	"testing"

	"uratori/access"
)

// What look-ups call is in the policies that are printed for them.
func TestActionsAreGranted(t *testing.T) {
	granted := access.Actions(access.Features())
	for _, a := range Actions {
		if !slices.Contains(granted, a) {
			t.Errorf("no feature grants %s", a)
		}
	}
}
