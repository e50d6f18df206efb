package finding

import "time"

// Contradictions are what a finding says twice and not alike, or in an order that cannot be. The
// typed members hold what its own members say; an ARN only fills in what they leave out.
func (f Finding) Contradictions() []string {
	var list []string
	if arn := parseFindingARN(f.ARN); arn.region != "" && arn.region != f.Region {
		list = append(list, "the finding's Region is not its ARN's")
	}
	if !f.FirstSeen.IsZero() && !f.LastSeen.IsZero() && f.LastSeen.Before(f.FirstSeen) {
		list = append(list, "the finding was last seen before it was first seen")
	}
	if !f.FirstSeen.IsZero() && f.LastSeen.Sub(f.FirstSeen) > 366*24*time.Hour {
		list = append(list, "the finding's occurrences lie more than a year apart")
	}
	if !f.Created.IsZero() && !f.Updated.IsZero() && f.Updated.Before(f.Created) {
		list = append(list, "the finding was updated before it was created")
	}
	return list
}
