package entra

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
)

// maxKept is how many records are kept before all are forgotten.
const maxKept = 2_000_000

// kept are the sign-ins that were fetched, and the stretches of time for which all that pass a
// filter were. It has one user at a time: hold its turn.
type kept struct {
	name  string
	turn  chan struct{} // holds one token while somebody uses what follows
	store *local.Store
	dir   string // of files on their way into the store
	files int
	count int64
	spans map[string][]span // by filter; sorted, apart from each other

	invalid map[string]error // addresses that Graph refused as invalid: they are not asked again
}

func newKept(name string) *kept {
	return &kept{name: name, turn: make(chan struct{}, 1), spans: map[string][]span{}, invalid: map[string]error{}}
}

// take waits for the turn; the caller gives it back by give.
func (k *kept) take(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return ctx.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *kept) give() { <-k.turn }

// open makes the store when it is first needed, and makes it anew when it has grown too large.
func (k *kept) open(ctx context.Context) (err error) {
	if k.store != nil && k.count > maxKept {
		if err := k.clear(); err != nil {
			return err
		}
	}
	if k.store != nil {
		return nil
	}
	if k.dir, err = os.MkdirTemp("", "uratori-entra-*"); err != nil {
		return err
	}
	k.store, err = local.Open(ctx, local.Options{Name: k.name})
	return err
}

func (k *kept) clear() error {
	var errs []error
	if k.store != nil {
		errs = append(errs, k.store.Close())
	}
	if k.dir != "" {
		errs = append(errs, os.RemoveAll(k.dir))
	}
	k.store, k.dir, k.count = nil, "", 0
	clear(k.spans)
	return errors.Join(errs...)
}

func (k *kept) close() error {
	k.turn <- struct{}{}
	defer k.give()
	return k.clear()
}

// missing are the parts of a span that were not fetched with a filter, newest first.
func (k *kept) missing(filter string, sp span) []span {
	left := []span{sp}
	for _, have := range slices.Concat(k.spans[filter], k.spans[""]) {
		var next []span
		for _, l := range left {
			if have.to <= l.from || l.to <= have.from {
				next = append(next, l)
				continue
			}
			if l.from < have.from {
				next = append(next, span{l.from, have.from})
			}
			if have.to < l.to {
				next = append(next, span{have.to, l.to})
			}
		}
		left = next
	}
	slices.SortFunc(left, func(a, b span) int { return int(b.from - a.from) })
	return left
}

// remember notes that all records of a span that pass the filter were fetched.
func (k *kept) remember(filter string, sp span) {
	if sp.from >= sp.to {
		return
	}
	all := append(k.spans[filter], sp)
	slices.SortFunc(all, func(a, b span) int { return int(a.from - b.from) })
	out := all[:1]
	for _, s := range all[1:] {
		if last := &out[len(out)-1]; s.from <= last.to {
			last.to = max(last.to, s.to)
			continue
		}
		out = append(out, s)
	}
	k.spans[filter] = out
}

// A spool takes the records of one fetch, to be stored together.
type spool struct {
	path string
	file *os.File
	w    *bufio.Writer
	n    int64
	bad  int64 // records that were not written: nobody can say what they mean
	odd  func(position string)
}

func (k *kept) spool(odd func(position string)) (*spool, error) {
	k.files++
	path := filepath.Join(k.dir, strconv.Itoa(k.files)+".jsonl")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &spool{path: path, file: f, w: bufio.NewWriter(f), odd: odd}, nil
}

func (s *spool) add(records []json.RawMessage) error {
	for _, r := range records {
		if !sound(r) {
			s.bad++
			s.odd(source.PositionOf(r))
			continue
		}
		if _, err := s.w.Write(r); err != nil {
			return err
		}
		if err := s.w.WriteByte('\n'); err != nil {
			return err
		}
		s.n++
	}
	return nil
}

// store puts the records of a spool into the store and tells how many it could not read.
func (k *kept) put(ctx context.Context, s *spool) (unread int64, err error) {
	defer func() { err = errors.Join(err, os.Remove(s.path)) }()
	if err := errors.Join(s.w.Flush(), s.file.Close()); err != nil {
		return 0, err
	}
	if s.n == 0 {
		return s.bad, nil
	}
	rep, err := k.store.Ingest(ctx, []string{s.path}, nil)
	if err != nil {
		return 0, err
	}
	k.count += rep.Records
	if rep.Known == 1 { // the same bytes, record for record, as an earlier fetch
		return s.bad, nil
	}
	return s.bad + max(0, s.n-rep.Records-rep.Duplicates), nil
}

// sound tells whether a record is an object with an id and a time, in which no member stands
// twice: which of the two counts, readers of JSON disagree about.
func sound(record json.RawMessage) bool {
	dec := json.NewDecoder(bytes.NewReader(record))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	var named struct {
		ID   string `json:"id"`
		When string `json:"createdDateTime"`
	}
	return unique(dec) && json.Unmarshal(record, &named) == nil && named.ID != "" && named.When != ""
}

// unique reads on to the end of an object and tells whether no member of it, or of an object
// inside, stands twice.
func unique(dec *json.Decoder) bool {
	names := map[string]bool{}
	for {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		if t == json.Delim('}') {
			return true
		}
		name, ok := t.(string)
		if !ok || names[name] {
			return false
		}
		names[name] = true
		if !uniqueValue(dec) {
			return false
		}
	}
}

func uniqueValue(dec *json.Decoder) bool {
	t, err := dec.Token()
	switch {
	case err != nil:
		return false
	case t == json.Delim('{'):
		return unique(dec)
	case t == json.Delim('['):
		for dec.More() {
			if !uniqueValue(dec) {
				return false
			}
		}
		_, err = dec.Token()
		return err == nil
	}
	return true
}

func (k *kept) ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	a, err := k.store.Ask(ctx, q)
	if err != nil {
		return a, fmt.Errorf("evaluate over the fetched sign-ins: %w", err)
	}
	return a, nil
}
