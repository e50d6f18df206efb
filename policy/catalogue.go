package policy

import "slices"

// A Loss is what a policy cannot do while a kind of record is missing.
type Loss struct {
	What    Text   // what stays unseen
	Prevent []Text // what to switch on, so that it can be seen next time
}

// LossOf is what the policy's catalogue of gaps says of a kind of record, such as "s3_data".
func (p Policy) LossOf(kind string) (Loss, bool) {
	if p.c == nil {
		return Loss{}, false
	}
	for _, g := range p.c.gaps {
		if g.Key == kind {
			return Loss{What: g.What, Prevent: slices.Clone(g.PreventNext)}, true
		}
	}
	return Loss{}, false
}
