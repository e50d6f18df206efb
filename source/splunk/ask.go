package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// Ask answers q. Groups are formed by Splunk where a search can tell them apart, else here over
// the events; either way what the question means is decided by the embedded store.
func (s *Source) Ask(ctx context.Context, q query.Query) (a evidence.Answer, err error) {
	began := time.Now()
	var t tally
	defer func() {
		a.Calls, a.Pages, a.Bytes = t.calls, t.pages, t.bytes
		a.Taken, a.Elapsed = s.opt.Now().UTC(), time.Since(began)
		if err != nil {
			err = fmt.Errorf("ask %s: %w", s.Name(), err)
		}
	}()
	if err := query.Check(q); err != nil {
		return a, fmt.Errorf("%w: %w", source.ErrInvalid, err)
	}
	if !readableText(q.Where) {
		return a, fmt.Errorf("%w: a value of the condition is not UTF-8", source.ErrInvalid)
	}
	r, ok := s.reading(q.Dataset)
	if !ok {
		return evidence.Answer{Outcome: evidence.NotCollected, Columns: columnsOf(q), Reason: fmt.Sprintf("no index of %s is configured", q.Dataset)}, nil
	}
	if err := s.probe(ctx, &t, r, q.Window); err != nil {
		return a, err
	}
	p := compile(q, r)
	if !p.fetch && p.q.Compute != nil {
		a, odd, err := s.askGroups(ctx, &t, p)
		if err != nil || !odd {
			return a, err
		}
	}
	return s.askEvents(ctx, &t, p)
}

func columnsOf(q query.Query) []string {
	var out []string
	for _, f := range q.Select {
		out = append(out, string(f))
	}
	for _, k := range q.GroupBy {
		out = append(out, k.Name())
	}
	for _, c := range q.Compute {
		out = append(out, c.As)
	}
	return out
}

// native is a search as anyone could run it: with its time range in the search itself.
func native(spl search, from, to int64) string {
	return fmt.Sprintf("%s earliest=%d latest=%d%s", "search", from, to, strings.TrimPrefix(spl.String(), "search"))
}

// askEvents fetches the events of the question and answers from them.
func (s *Source) askEvents(ctx context.Context, t *tally, p plan) (a evidence.Answer, err error) {
	from, to := bounds(p.q.Window, s.opt.Skew)
	want := s.opt.MaxRows
	// The first events by time are enough, where nothing else has to be taken out or sorted first.
	if len(p.q.Select) > 0 && len(p.q.Order) == 0 && p.exact {
		want = min(want, p.q.Limit)
	}
	for {
		spl := p.events(want)
		a = evidence.Answer{Native: native(spl, from, to)}
		res, err := s.search(ctx, t, run{spl: spl.String(), from: from, to: to, max: want, way: s.opt.Way})
		if err != nil {
			return a, err
		}
		cut := len(res.rows) > want
		if cut && p.q.Limit > want {
			res.rows = res.rows[:want]
		}
		raws, odd, err := p.reading.records(res.rows, func(event string) {
			source.TellOdd(ctx, source.Odd{Source: s.Name(), Position: source.PositionOf([]byte(event)), Reason: "an event that is no JSON"})
		})
		if err != nil {
			return a, err
		}
		got, err := s.answer(ctx, p.q, raws)
		if err != nil {
			return a, err
		}
		if cut && want < s.opt.MaxRows && (odd || len(got.Rows) < p.q.Limit) {
			want = s.opt.MaxRows
			continue
		}
		a.Outcome, a.Columns, a.Rows = got.Outcome, got.Columns, got.Rows
		if cut && a.Outcome != evidence.Truncated {
			a.Outcome, a.Reason = evidence.Truncated, fmt.Sprintf("more than %d events", want)
		}
		return incomplete(a, res.partial), nil
	}
}

// incomplete is an answer of a search that may have missed something: its rows are not all, and
// without rows it is none.
func incomplete(a evidence.Answer, why string) evidence.Answer {
	switch {
	case why == "":
	case len(a.Rows) == 0:
		a.Outcome, a.Reason = evidence.Failed, "the search was incomplete: "+why
	default:
		a.Outcome, a.Reason = evidence.Truncated, "the search was incomplete: "+why
	}
	return a
}

// records are the raw records in rows of an events search, out of whatever they were wrapped in. bad
// is told of events that hold none.
func (r reading) records(rows []row, bad func(event string)) (raws [][]byte, odd bool, err error) {
	for _, row := range rows {
		raw, ok := row.one("_raw")
		if !ok {
			return nil, false, fmt.Errorf("%w: a row came without its event", source.ErrUnavailable)
		}
		if o, _ := row.one("u_odd"); o != "0" {
			odd = true
		}
		if record := r.unwrap([]byte(raw)); json.Valid(record) {
			raws = append(raws, r.adapt(record))
		} else {
			bad(raw) // the store could not read it either
		}
	}
	return raws, odd, nil
}

func (r reading) unwrap(event []byte) []byte {
	for _, p := range r.places {
		if p.Map.Record == "" {
			continue
		}
		inner := json.RawMessage(event)
		for _, step := range strings.Split(string(p.Map.Record), ".") {
			var members map[string]json.RawMessage
			if json.Unmarshal(inner, &members) != nil {
				inner = nil
				break
			}
			inner = members[step]
		}
		if len(inner) > 0 {
			return inner
		}
	}
	return event
}

// probe looks at one event of each place before the first question: whether it is a record of the
// dataset at all, and whether Splunk dates it as the record dates itself.
func (s *Source) probe(ctx context.Context, t *tally, r reading, w query.Window) error {
	from, to := bounds(w, s.opt.Skew)
	for i := range r.places {
		one := reading{r.dataset, r.schema, r.places[i : i+1]}
		s.mu.Lock()
		known := s.probed[string(r.dataset)+"|"+one.String()]
		s.mu.Unlock()
		if known {
			continue
		}
		spl := search{
			{"search", terms(one.terms(), " ")},
			{"fields", "_raw _time"},
			evals(assignment{"u_category", one.category()}),
		}
		if one.dataset == query.SignIn {
			spl = append(spl, where(one.readable()))
		}
		spl = append(spl, head(1), evals(assignment{"u_at", fn("tostring", column("_time"))}), table("_raw", "u_at"))
		res, err := s.search(ctx, t, run{spl: spl.String(), from: from, to: to, max: 1, way: ByOneshot})
		if err != nil {
			return err
		}
		if len(res.rows) == 0 {
			continue // nothing to learn from; whether anything should be there is a matter of coverage
		}
		if err := s.understood(ctx, one, res.rows[0]); err != nil {
			return fmt.Errorf("events of %s: %w", one, err)
		}
		s.mu.Lock()
		s.probed[string(r.dataset)+"|"+one.String()] = true
		s.mu.Unlock()
	}
	return nil
}

var (
	errShape = errors.New("are no records of this dataset in a form that is known; correct the sourcetype, or give a map")
	errClock = errors.New("are dated otherwise than they date themselves; correct TIME_FORMAT and TZ of the sourcetype, or raise the skew")
)

func (s *Source) understood(ctx context.Context, r reading, event row) error {
	raws, _, err := r.records([]row{event}, func(string) {})
	if err != nil {
		return err
	}
	a, err := s.answer(ctx, query.Query{
		Dataset: r.dataset, Window: anytime, Select: []query.Field{query.EventTime}, Limit: 1,
	}, raws)
	if err != nil {
		return err
	}
	if len(a.Rows) == 0 {
		return fmt.Errorf("%w: %w", source.ErrInvalid, errShape)
	}
	said, _ := event.one("u_at")
	at, ok := seconds(said)
	if !ok {
		return fmt.Errorf("%w: _time is %.40q", source.ErrUnavailable, said)
	}
	if d := a.Rows[0][0].Time().Sub(time.Unix(at, 0)).Abs(); d > s.opt.Skew {
		return fmt.Errorf("%w: %w (%s apart)", source.ErrInvalid, errClock, d.Round(time.Second))
	}
	return nil
}

// anytime is a window that holds every event.
var anytime = query.Window{From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)}

// seconds reads a time of Splunk's as it prints it: seconds, perhaps with a fraction.
func seconds(s string) (int64, bool) {
	whole, _, _ := strings.Cut(s, ".")
	var n int64
	for _, c := range []byte(whole) {
		if c < '0' || c > '9' || n > 1e12 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, whole != ""
}
