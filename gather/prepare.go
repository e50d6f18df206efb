package gather

import (
	"uratori/query"
	"uratori/source"
)

// prepare tells sources that want to know it which questions of the round are about to be asked.
// A question that cannot be bound is told of by the round itself.
func (r *gathering) prepare(values map[string]query.Value) {
	ready := map[query.Dataset][]query.Query{}
	for _, q := range r.plan.Playbook.Questions {
		if r.asked[key(q)] {
			continue
		}
		if bound, _, missing, err := q.Bind(values); err == nil && len(missing) == 0 {
			ready[bound.Dataset] = append(ready[bound.Dataset], bound)
		}
	}
	for _, schema := range query.Schemas() {
		if len(ready[schema.Dataset]) == 0 {
			continue
		}
		for _, name := range r.order[schema.Dataset] {
			if p, ok := r.sources[name].(source.Preparer); ok {
				p.Prepare(ready[schema.Dataset])
			}
		}
	}
}
