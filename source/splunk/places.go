package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"uratori/query"
	"uratori/source"
)

// sampled is how many events of a place are read to see whether its map fits.
const sampled = 20

// A PlaceHealth is how the events of one place are read.
type PlaceHealth struct {
	Place  string // index/sourcetype
	Events int    // that were read; 0 says that there were none in the window
	Read   int    // fields of the dataset with a value in at least one of them
	Empty  []string
	Err    error // the events could not be read: refused, of another dataset, or dated otherwise
}

// CheckPlaces reads some events of each place in a window, as questions would be answered from
// them, and tells which fields that the configuration maps itself are in none of them ("field:
// path"). It makes two searches for a place.
func (s *Source) CheckPlaces(ctx context.Context, w query.Window) ([]PlaceHealth, error) {
	var out []PlaceHealth
	for _, p := range s.opt.Places {
		h := s.checkPlace(ctx, p, w)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("check %s: %w", s.Name(), context.Cause(ctx))
		}
		out = append(out, h)
	}
	return out, nil
}

func (s *Source) checkPlace(ctx context.Context, p Place, w query.Window) (h PlaceHealth) {
	r := reading{dataset: p.Dataset, places: []Place{p}}
	r.schema, _ = query.SchemaOf(p.Dataset)
	h.Place = r.String()
	var t tally
	if h.Err = s.probe(ctx, &t, r, w); h.Err != nil {
		return h
	}
	from, to := bounds(w, s.opt.Skew)
	spl := search{{"search", terms(r.terms(), " ")}, {"fields", "_raw _time"}}
	if r.dataset == query.SignIn {
		spl = append(spl, evals(assignment{"u_category", r.category()}), where(r.readable()))
	}
	spl = append(spl, head(sampled), table("_raw"))
	res, err := s.search(ctx, &t, run{spl: spl.String(), from: from, to: to, max: sampled, way: ByOneshot})
	if err != nil {
		h.Err = err
		return h
	}
	raws, _, err := r.records(res.rows, func(string) {}) // told by the error below
	if err != nil || len(raws) == 0 {
		h.Err = err
		if err == nil && len(res.rows) > 0 {
			h.Err = fmt.Errorf("events of %s: %w: %w", r, source.ErrInvalid, errShape)
		}
		return h
	}
	h.Events = len(raws)
	var fields []query.Field
	for _, f := range r.schema.Fields {
		if len(f.Paths) > 0 {
			fields = append(fields, f.Name)
		}
	}
	a, err := s.answer(ctx, query.Query{Dataset: p.Dataset, Window: anytime, Select: fields, Limit: sampled}, raws)
	if err != nil {
		h.Err = err
		return h
	}
	for i := range fields {
		for _, row := range a.Rows {
			if !row[i].Missing() {
				h.Read++
				break
			}
		}
	}
	if len(a.Rows) == 0 || h.Read == 0 {
		h.Err = fmt.Errorf("events of %s: %w: %w", r, source.ErrInvalid, errShape)
	}
	h.Empty = r.unread(res.rows)
	return h
}

// unread are the fields with a path of the map's own that is in none of the events.
func (r reading) unread(rows []row) (list []string) {
	for _, p := range r.places {
		for _, spec := range r.schema.Fields {
			for _, path := range p.Map.own(r.schema, spec.Name) {
				found := false
				for _, row := range rows {
					raw, _ := row.one("_raw")
					var doc map[string]any
					found = found || json.Unmarshal(r.unwrap([]byte(raw)), &doc) == nil && at(doc, path) != nil
				}
				if !found {
					list = append(list, string(spec.Name)+": "+string(path))
				}
			}
		}
	}
	return list
}

// Misread tells whether an error says that events are there and cannot be read as records.
func Misread(err error) bool { return errors.Is(err, errShape) || errors.Is(err, errClock) }
