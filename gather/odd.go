package gather

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"uratori/evidence"
	"uratori/fact"
	"uratori/source"
)

// mostOdd is how many records that could not be read are named of one source.
const mostOdd = 20

// odd takes a record that a source could not read. The same record may come with several questions.
func (r *gathering) odd(o source.Odd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := max(o.N, 1)
	o.N = 0
	r.odds[o] = max(r.odds[o], n)
}

// keepOdds keeps, of each source that returned records that cannot be read, how many and which. It
// says no more than that of the source: what a service removed before it answered, nobody knows.
func (r *gathering) keepOdds() error {
	bySource := map[string][]source.Odd{}
	for o, n := range r.odds {
		o.N = n
		bySource[o.Source] = append(bySource[o.Source], o)
	}
	for _, name := range slices.Sorted(maps.Keys(bySource)) {
		list := bySource[name]
		slices.SortFunc(list, func(a, b source.Odd) int {
			return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Reason, b.Reason))
		})
		q := fact.Quality{QuarantinedOnly: true}
		for i, o := range list {
			q.Quarantined += o.N
			if i < mostOdd {
				q.List = append(q.List, fact.Quarantined{Position: o.Position, Reason: o.Reason})
			}
		}
		body, err := json.Marshal(q)
		if err != nil {
			return fmt.Errorf("keep what %s could not read: %w", name, err)
		}
		r.keep(evidence.Item{Kind: evidence.QualityItem, Source: name, Body: body})
	}
	return nil
}
