package guardduty

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"uratori/finding"
)

// Versions keeps every version received of every finding: a finding is an aggregate whose details
// the newest occurrence overwrites, so an older version may hold what nothing else does. The
// zero Versions is empty. It is not safe for concurrent use.
type Versions struct {
	byCase map[string][]finding.Finding
	// Conflicts counts documents of one version whose bytes differ. The one with the smallest
	// sha256 is kept, whichever came first.
	Conflicts int
}

// Add keeps a version, and tells whether it was new.
func (v *Versions) Add(f finding.Finding) bool {
	if v.byCase == nil {
		v.byCase = map[string][]finding.Finding{}
	}
	id := f.CaseID()
	list := v.byCase[id]
	i, have := slices.BinarySearchFunc(list, f, order)
	if !have {
		v.byCase[id] = slices.Insert(list, i, f)
		return true
	}
	if bytes.Equal(list[i].Raw(), f.Raw()) {
		return false
	}
	v.Conflicts++
	a, b := sha256.Sum256(list[i].Raw()), sha256.Sum256(f.Raw())
	if bytes.Compare(b[:], a[:]) < 0 {
		list[i] = f
	}
	return false
}

// order is by the time of the update, then by the number of occurrences.
func order(a, b finding.Finding) int {
	return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.Count, b.Count))
}

// Of are the versions of a case, the oldest first.
func (v *Versions) Of(caseID string) []finding.Finding { return slices.Clone(v.byCase[caseID]) }
