package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudtrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"uratori/query"
	"uratori/source"
	"uratori/source/local"
)

// pageSize is the most that a call returns (CloudTrail API Reference, "LookupEvents").
const pageSize = 50

// maxFetch bounds the bytes of records that one window may bring into memory; beyond it the
// window is cut like one that does not fit the page budget.
const maxFetch = 256 << 20

// A tally is what one question costs and what keeps its answer from being whole.
type tally struct {
	left   int // pages that may still be read
	calls  int
	pages  int
	bytes  int64
	cut    string   // why a part was not read; "" if all was
	amends []string // what is wrong with parts that were read
}

// memory is the name under which windows of a place are remembered.
func (p place) memory(a attribute) string {
	return "cloudtrail " + p.account + " " + p.region + " " + a.key + " " + strconv.Quote(a.value)
}

// young is the name under which a window that is not settled is remembered: good in its slot alone,
// for whoever uses the store then.
func young(key string, asOf time.Time) string { return key + " as of " + asOf.Format(time.RFC3339) }

// have is what was fetched of a place for an attribute, by itself or with everything else, and
// what is known to be wrong with parts of it.
func (s *Source) have(ctx context.Context, p place, a attribute) (windows []query.Window, notes []local.Fetch, err error) {
	asOf, _ := s.moment()
	attributes := []attribute{a}
	if a.key != "" {
		attributes = append(attributes, attribute{})
	}
	for _, x := range attributes {
		key := p.memory(x)
		for _, key := range []string{key, young(key, asOf)} {
			kept, err := s.fetched(ctx, key)
			if err != nil {
				return nil, nil, err
			}
			for _, k := range kept {
				windows = append(windows, k.Window)
				if k.Note != "" {
					notes = append(notes, k)
				}
			}
		}
	}
	return windows, notes, nil
}

// maxRemembered bounds how many keys are held in memory; the store has them all.
const maxRemembered = 20_000

// fetched are the store's windows of a key, read once: nobody else writes them.
func (s *Source) fetched(ctx context.Context, key string) ([]local.Fetch, error) {
	s.mu.Lock()
	kept, ok := s.remembered[key]
	s.mu.Unlock()
	if ok {
		return kept, nil
	}
	kept, err := s.opt.Store.Fetched(ctx, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.remembered) >= maxRemembered {
		clear(s.remembered)
	}
	s.remembered[key] = kept
	return kept, nil
}

// remember marks windows of a key as fetched.
func (s *Source) remember(ctx context.Context, key string, fetched []local.Fetch) error {
	if err := s.opt.Store.Remember(ctx, fetched...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.remembered, key) // read again when it is needed
	return nil
}

// given is the part of what is missing that no smaller budget than this was spent on in vain a
// while ago: it is not tried again.
func (s *Source) given(p place, a attribute, budget int) []query.Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []query.Window
	for _, c := range s.cuts[p.memory(a)] {
		if s.opt.Now().Sub(c.at) < cutFor && c.pages >= budget {
			out = append(out, c.window)
		}
	}
	return out
}

// A part says why a window was not read to its end.
type part struct {
	why   string // "" if it was
	pages int    // that were read of it before the page budget ended; 0 where something else ended it
}

// fetch brings the events of a place that have an attribute, within a window, into the store, and
// remembers what of the window was read: the newest part, where the budget ends or an error comes.
func (s *Source) fetch(ctx context.Context, p place, a attribute, w query.Window, t *tally) (part, error) {
	r := &reading{source: s, place: p, attribute: a, window: w}
	r.asOf, r.settled = s.moment() // before the first call: what it does not bring may still come
	before := t.pages
	err := r.pages(ctx, t)
	if kept := r.keep(ctx); kept != nil {
		return part{}, errors.Join(err, kept)
	}
	if n := r.note(); n != "" {
		t.amends = append(t.amends, p.amended(n))
	}
	switch {
	case errors.Is(err, source.ErrBudget):
		return part{why: err.Error()}, nil
	case err == nil && !r.whole:
		return part{s.tooFew(), t.pages - before}, nil
	}
	return part{}, err
}

func (s *Source) tooFew() string {
	return fmt.Sprintf("the budget of %d pages of LookupEvents for one question did not suffice", s.opt.Pages)
}

func (p place) amended(note string) string {
	return "account " + p.account + ", " + p.region + ": " + note
}

// A reading is one window on its way, newest events first.
type reading struct {
	source *Source
	place
	attribute
	window  query.Window
	asOf    time.Time // when reading began, see moment
	settled time.Time

	records  [][]byte
	size     int
	read     int       // events
	strange  int       // of another account or Region
	broken   int       // that hold no record
	odd      []string  // how those are told from others
	oldest   time.Time // event so far; zero for none
	disorder bool      // an event came after an older one
	whole    bool
}

// pages reads page after page until there is no more, or t.left is used up.
func (r *reading) pages(ctx context.Context, t *tally) error {
	in := &awscloudtrail.LookupEventsInput{
		StartTime: aws.Time(r.window.From.Truncate(time.Second)), EndTime: aws.Time(r.window.To), MaxResults: aws.Int32(pageSize),
	}
	if r.attribute.key != "" {
		in.LookupAttributes = []types.LookupAttribute{{AttributeKey: types.LookupAttributeKey(r.attribute.key), AttributeValue: aws.String(r.value)}}
	}
	for {
		if t.left <= 0 || r.size > maxFetch {
			return nil
		}
		t.left--
		var out *awscloudtrail.LookupEventsOutput
		c, err := r.source.do(ctx, "cloudtrail:LookupEvents", r.place, func(ctx context.Context, client *awscloudtrail.Client) (err error) {
			out, err = client.LookupEvents(ctx, in)
			return err
		})
		t.calls, t.bytes = t.calls+c.calls, t.bytes+c.bytes
		t.left -= max(0, c.calls-1) // tries are calls, too
		if err != nil {
			return err
		}
		t.pages++
		for _, e := range out.Events {
			r.event(e)
		}
		switch next := aws.ToString(out.NextToken); {
		case next == "":
			r.whole = true
			return nil
		case next == aws.ToString(in.NextToken):
			return fmt.Errorf("account %s, %s: cloudtrail:LookupEvents: the next page has the token of the last: %w", r.account, r.region, source.ErrUnavailable)
		default:
			in.NextToken = out.NextToken
		}
	}
}

// event takes the record out of an event.
func (r *reading) event(e types.Event) {
	r.read++
	at := aws.ToTime(e.EventTime)
	if !r.oldest.IsZero() && at.After(r.oldest) {
		r.disorder = true
	}
	r.oldest = at
	var rec struct {
		EventID            string `json:"eventID"`
		EventTime          string `json:"eventTime"`
		AWSRegion          string `json:"awsRegion"`
		RecipientAccountID string `json:"recipientAccountId"`
		UserIdentity       struct {
			AccountID string `json:"accountId"`
		} `json:"userIdentity"`
	}
	raw := []byte(aws.ToString(e.CloudTrailEvent))
	if json.Unmarshal(raw, &rec) != nil || rec.EventID == "" || rec.EventTime == "" {
		r.broken++
		r.odd = append(r.odd, source.PositionOf(raw))
		return
	}
	account := rec.RecipientAccountID
	if account == "" {
		account = rec.UserIdentity.AccountID
	}
	if account != r.account || rec.AWSRegion != r.region {
		r.strange++
		return
	}
	r.size += len(raw)
	r.records = append(r.records, raw)
}

// keep stores what was read. Without all pages, what is newer than the second of the oldest event
// was read all the same: events come newest first.
func (r *reading) keep(ctx context.Context) error {
	done := r.window
	if !r.whole {
		if r.oldest.IsZero() || r.disorder {
			done.From = done.To
		} else if newer := r.oldest.Truncate(time.Second).Add(time.Second); newer.After(done.From) {
			done.From = newer
		}
	}
	s := r.source
	asOf, settled := r.asOf, r.settled
	key := r.memory(r.attribute)
	note := r.note()
	var fetched []local.Fetch
	if old := clip(done, query.Window{From: done.From, To: settled}); !empty(old) {
		fetched = append(fetched, local.Fetch{Key: key, Window: old, Note: note})
	}
	for _, position := range r.odd {
		source.TellOdd(ctx, source.Odd{Source: s.Name(), Position: position, Reason: "an event of LookupEvents that holds no record"})
	}
	if len(r.records) == 0 && len(fetched) == 0 && empty(done) {
		return nil
	}
	// What was paid for is kept even when the asker has left.
	ctx = context.WithoutCancel(ctx)
	lost, err := s.opt.Store.Keep(ctx, r.records)
	if err != nil {
		return err
	}
	if lost > 0 {
		source.TellOdd(ctx, source.Odd{Source: s.Name(), Reason: "a record of LookupEvents that is none by its members, " + key, N: int64(lost)})
		r.broken += lost
		for i := range fetched {
			fetched[i].Note = r.note()
		}
	}
	if err := s.remember(ctx, key, fetched); err != nil {
		return err
	}
	if rest := clip(done, query.Window{From: settled, To: done.To}); !empty(rest) && r.note() == "" {
		key := young(key, asOf)
		return s.remember(ctx, key, []local.Fetch{{Key: key, Window: rest}})
	}
	return nil
}

// note says what is wrong with a window whose pages were read.
func (r *reading) note() string {
	switch {
	case r.broken > 0 && r.strange > 0:
		return fmt.Sprintf("%d of %d events hold no record that can be read, %d are of another account or Region", r.broken, r.read, r.strange)
	case r.broken > 0:
		return fmt.Sprintf("%d of %d events hold no record that can be read", r.broken, r.read)
	case r.strange > 0:
		return fmt.Sprintf("%d of %d events are of another account or Region", r.strange, r.read)
	}
	return ""
}
