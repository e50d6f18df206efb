package entra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// Ask answers q from the sign-ins of its window: those that Graph finds by what it can filter, and
// the embedded store by the rest. What was fetched before is not fetched again, save for the
// minutes in which sign-ins may still arrive.
//
// Where only a part could be fetched and something in it answers, the answer is Truncated and says
// why; where nothing does, the error wraps what stopped it.
func (s *Source) Ask(ctx context.Context, q query.Query) (a evidence.Answer, err error) {
	if err := query.Check(q); err != nil {
		return a, fmt.Errorf("ask %s: %w: %w", s.Name(), source.ErrInvalid, err)
	}
	if q.Dataset != query.SignIn {
		return evidence.Answer{Outcome: evidence.NotCollected, Native: q.String(), Reason: "auditLogs/signIns holds sign-ins only"}, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("ask %s: %w", s.Name(), err)
		}
	}()
	began := s.opt.Now()
	f := &fetching{Source: s, filter: narrow(q.Where), seen: map[string]bool{}}
	whole := spanOf(q.Window)
	a.Native = "GET " + s.address(whole, f.filter, pageSize) + "\nthen, over these sign-ins:\n" + q.String()
	if err := s.kept.take(ctx); err != nil {
		return a, err
	}
	defer s.kept.give()
	if err := s.kept.open(ctx); err != nil {
		return a, err
	}
	stopped := f.run(ctx, s.kept.missing(f.filter, whole))
	a.Calls, a.Pages, a.Bytes = f.calls, f.pages, f.bytes
	if ctx.Err() != nil {
		return a, context.Cause(ctx)
	}
	found, err := s.kept.ask(ctx, q)
	if err != nil {
		return a, err
	}
	if stopped != nil && len(found.Rows) == 0 && !errors.Is(stopped, errPartial) {
		return a, stopped
	}
	a.Outcome, a.Columns, a.Rows = found.Outcome, found.Columns, found.Rows
	if stopped != nil {
		a.Outcome, a.Reason = evidence.Truncated, stopped.Error()
	}
	a.Taken = s.opt.Now().UTC()
	a.Elapsed = a.Taken.Sub(began)
	return a, nil
}

// errPartial is in the error of a fetch that brought a part and knows that there is more.
var errPartial = errors.New("there are more sign-ins")

// maxInvalid is how many refused addresses are remembered.
const maxInvalid = 1000

// fetching is the fetch for one question.
type fetching struct {
	*Source
	filter   string
	seen     map[string]bool // addresses that were asked
	calls    int
	pages    int
	bytes    int64
	halvings int
}

// run fetches the spans, newest first, and halves one that is throttled or takes too long. What
// was read before it stopped is kept.
func (f *fetching) run(ctx context.Context, spans []span) (err error) {
	if len(spans) == 0 {
		return nil
	}
	spool, err := f.kept.spool(func(position string) {
		source.TellOdd(ctx, source.Odd{Source: f.Name(), Position: position, Reason: "a sign-in without id or time, or with a member twice"})
	})
	if err != nil {
		return err
	}
	type fetched struct {
		span
		began time.Time
	}
	var whole []fetched
	for len(spans) > 0 && err == nil {
		sp, began := spans[0], f.opt.Now()
		spans = spans[1:]
		if err = f.span(ctx, sp, spool); err == nil {
			whole = append(whole, fetched{sp, began})
			continue
		}
		if middle := sp.from + (sp.to-sp.from)/2; f.halvings < maxHalvings && sp.to-sp.from >= 120 && tooMuch(err) && ctx.Err() == nil {
			f.halvings++
			spans = append([]span{{middle, sp.to}, {sp.from, middle}}, spans...)
			err = nil
		}
	}
	unread, putErr := f.kept.put(ctx, spool)
	switch {
	case putErr != nil:
		return errors.Join(err, putErr)
	case unread > 0:
		if n := unread - spool.bad; n > 0 {
			source.TellOdd(ctx, source.Odd{Source: f.Name(), Reason: "a sign-in that is none by its members", N: n})
		}
		return errors.Join(err, fmt.Errorf("%d sign-ins that Graph returned cannot be read: %w", unread, errPartial))
	}
	for _, w := range whole {
		settled := w.began.Add(-f.opt.Delay).Unix()
		f.kept.remember(f.filter, span{w.from, min(w.to, settled)})
	}
	return err
}

// tooMuch tells whether asking for less may help: Microsoft advises shorter timespans where
// requests stay throttled ("Identity and access reports best practices").
func tooMuch(err error) bool {
	r := refusalIn(err)
	return r != nil && (errors.Is(err, source.ErrThrottled) || r.slow)
}

// span fetches the pages of one span.
func (f *fetching) span(ctx context.Context, sp span, into *spool) error {
	next, empty := f.address(sp, f.filter, pageSize), 0
	for next != "" {
		if f.pages >= f.opt.MaxPages {
			return fmt.Errorf("the limit of %d pages for one question is reached: %w", f.opt.MaxPages, errPartial)
		}
		if f.seen[next] {
			return fmt.Errorf("graph leads to the same page again: %w", errPartial)
		}
		f.seen[next] = true
		if err, ok := f.kept.invalid[next]; ok {
			return fmt.Errorf("not asked again: %w", err)
		}
		var p page
		calls, err := f.graph.get(ctx, APISignIns, next, func(body []byte) (int64, error) {
			f.bytes += int64(len(body))
			got, err := readPage(body)
			p = got
			return int64(len(got.Value)), err
		})
		f.calls += calls
		if err != nil {
			if r := refusalIn(err); r != nil && r.api == APISignIns && errors.Is(err, source.ErrInvalid) && len(f.kept.invalid) < maxInvalid {
				f.kept.invalid[next] = err
			}
			return err
		}
		f.pages++
		if err := into.add(p.Value); err != nil {
			return err
		}
		if next = p.Next; next == "" {
			return nil
		}
		if err := f.sameService(next); err != nil {
			return err
		}
		if len(p.Value) > 0 {
			empty = 0
		} else if empty++; empty > maxEmptyPages {
			return fmt.Errorf("graph leads on without a sign-in: %w", errPartial)
		}
	}
	return nil
}

// sameService refuses a link that leads elsewhere: the token goes with it.
func (f *fetching) sameService(next string) error {
	base, err := url.Parse(f.address(span{}, "", pageSize))
	if err != nil {
		return err
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil || u.Fragment != "" ||
		!strings.EqualFold(u.Path, base.Path) || len(next) > 16<<10 { // links may write it all in lower case
		return &refusal{api: APISignIns, status: 200, message: "the link to the next page leads elsewhere", kind: source.ErrUnavailable}
	}
	return nil
}

// A page is what Graph returns of a list.
type page struct {
	Value []json.RawMessage
	Next  string
}

// readPage reads a page strictly: what is no list of objects is no empty list.
func readPage(body []byte) (page, error) {
	var p page
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil {
		return p, errors.New("the page cannot be read")
	}
	listed, linked := false, false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return p, errors.New("the page cannot be read")
		}
		switch key {
		case "value":
			if listed {
				return page{}, errors.New("the page has two lists")
			}
			listed = true
			if err := dec.Decode(&p.Value); err != nil || p.Value == nil {
				return page{}, errors.New("the page's list is none")
			}
		case "@odata.nextLink":
			if linked {
				return page{}, errors.New("the page has two links")
			}
			linked = true
			if err := dec.Decode(&p.Next); err != nil {
				return page{}, errors.New("the page's link is none")
			}
		default:
			var skip json.RawMessage
			if err := dec.Decode(&skip); err != nil {
				return page{}, errors.New("the page cannot be read")
			}
		}
	}
	if !listed {
		return page{}, errors.New("the page has no list")
	}
	return p, nil
}

// A prober remembers for a while whether sign-ins may be read at all.
type prober struct {
	mu    sync.Mutex
	until time.Time
	err   error // what the probe came to
	name  string
	body  []byte
}

// How long the outcome of a probe holds.
const (
	trusted = 15 * time.Minute
	refused = 5 * time.Minute // a permission may be granted meanwhile
)

// probe asks for one sign-in of the last hour: whether there is one does not matter. The answer is
// handed over as the document that coverage rests on.
func (s *Source) probe(ctx context.Context) error {
	p := &s.prober
	p.mu.Lock()
	defer p.mu.Unlock()
	now := s.opt.Now()
	if now.Before(p.until) {
		if p.err == nil {
			source.Witness(ctx, source.Document{Source: s.Name(), Name: p.name, Body: p.body})
		}
		return p.err
	}
	address := s.address(span{now.Add(-time.Hour).Unix(), now.Unix()}, "", 1)
	var body []byte
	_, err := s.graph.get(ctx, APISignIns, address, func(b []byte) (int64, error) {
		got, err := readPage(b)
		body = b
		return int64(len(got.Value)), err
	})
	p.err, p.until = err, now
	switch {
	case err == nil:
		p.name, p.body, p.until = APISignIns+" "+strings.TrimPrefix(address, s.opt.Endpoint), body, now.Add(trusted)
		source.Witness(ctx, source.Document{Source: s.Name(), Name: p.name, Body: p.body})
	case errors.Is(err, source.ErrDenied):
		p.until = now.Add(refused)
	}
	return err
}
