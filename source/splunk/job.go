package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"uratori/source"
)

// A run is one search to be made.
type run struct {
	spl      string
	from, to int64 // seconds of the index time, half-open
	max      int   // rows that may come; the search itself has a head of as many
	way      Way
}

// A result is what a search brought.
type result struct {
	rows    []row
	partial string // why rows may be missing; "" when nothing was missed
}

// How often a search that was refused for want of a free place is tried, and what lies between.
const (
	tries     = 3
	firstWait = 2 * time.Second
	lastPoll  = 5 * time.Second
)

// search runs a search to its end. A search that the server did not run, because too many ran
// already, is tried again and then throttled, never empty.
func (s *Source) search(ctx context.Context, t *tally, r run) (result, error) {
	for attempt := 1; ; attempt++ {
		res, err := s.searchOnce(ctx, t, r)
		var idle *notRunError
		if !errors.As(err, &idle) || attempt == tries {
			return res, err
		}
		if err := s.opt.Sleep(ctx, firstWait<<(attempt-1)); err != nil {
			return result{}, err
		}
	}
}

// A notRunError is a search that was accepted and then not run.
type notRunError struct{ said string }

func (e *notRunError) Error() string {
	return fmt.Sprintf("%s: the search was not run: %s", source.ErrThrottled, e.said)
}
func (e *notRunError) Unwrap() error { return source.ErrThrottled }

func (s *Source) searchOnce(ctx context.Context, t *tally, r run) (result, error) {
	if err := CheckSPL(r.spl); err != nil {
		return result{}, fmt.Errorf("%w: %w", source.ErrInvalid, err)
	}
	switch r.way {
	case ByOneshot:
		res, err := s.oneshot(ctx, t, r, "splunk:oneshot", "jobs", url.Values{"exec_mode": {"oneshot"}, "count": {strconv.Itoa(r.max + 1)}})
		if n := len(res.rows); err != nil || n == 0 || n%100 != 0 || n > r.max {
			return res, err
		}
		// A full page, and no count beside it: only a job tells whether that was all.
	case ByExport:
		return s.oneshot(ctx, t, r, "splunk:export", "jobs/export", url.Values{"preview": {"false"}})
	case ByJob:
	}
	return s.job(ctx, t, r)
}

// form is what every search is sent with. Seconds are sent, because anything else is read in the
// zone of the Splunk user (Splunk Search Manual, "Specify time modifiers").
func (s *Source) form(r run) url.Values {
	return url.Values{
		"search":             {r.spl},
		"earliest_time":      {strconv.FormatInt(r.from, 10)},
		"latest_time":        {strconv.FormatInt(r.to, 10)},
		"max_count":          {strconv.Itoa(r.max + 1)}, // 10,000 by default
		"max_time":           {strconv.Itoa(int(s.opt.MaxTime / time.Second))},
		"adhoc_search_level": {"fast"}, // fields are read by the search itself
		"enable_lookups":     {"false"},
	}
}

// path is an endpoint of searches in the version that the server knows.
func (s *Source) path(p string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.v1 {
		return "search/" + p
	}
	return "search/v2/" + p
}

// launch sends a search; a server from before search/v2 (9.0.1) is asked in the first version.
func (s *Source) launch(ctx context.Context, t *tally, r request, p string) error {
	r.path = s.path(p)
	err := s.send(ctx, t, r)
	if statusOf(err) == http.StatusNotFound && r.path != "search/"+p {
		r.path = "search/" + p
		if err = s.send(ctx, t, r); err == nil {
			s.mu.Lock()
			s.v1 = true
			s.mu.Unlock()
		}
	}
	return err
}

// oneshot runs a search whose rows come in the response.
func (s *Source) oneshot(ctx context.Context, t *tally, r run, api, path string, more url.Values) (res result, err error) {
	var p page
	form := s.form(r)
	for k, v := range more {
		form[k] = v
	}
	err = s.launch(ctx, t, request{
		api: api, method: http.MethodPost, form: form,
		read: func(_ int, body []byte) (int, error) {
			p, err = readPage(body)
			return len(p.rows), err
		},
	}, path)
	if err != nil {
		return result{}, err
	}
	t.pages++
	j := judge(p.messages, s.opt.Accept)
	switch {
	case j.busy && len(p.rows) == 0:
		return result{}, &notRunError{textOf(p.messages)}
	case j.failed != "":
		return result{}, fmt.Errorf("%w: the search failed: %s", source.ErrUnavailable, j.failed)
	case r.way == ByExport && !p.last:
		return result{}, fmt.Errorf("%w: the stream of results ended before its last row", source.ErrUnavailable)
	case r.way == ByOneshot && p.preview:
		return result{}, fmt.Errorf("%w: only provisional results came", source.ErrUnavailable)
	}
	return result{p.rows, j.partial}, nil
}

// A state is what a poll tells of a job.
type state struct {
	IsDone        bool      `json:"isDone"`
	IsFailed      bool      `json:"isFailed"`
	IsFinalized   bool      `json:"isFinalized"`
	IsZombie      bool      `json:"isZombie"`
	DispatchState string    `json:"dispatchState"`
	ResultCount   int       `json:"resultCount"`
	Messages      []message `json:"messages"`
}

// job creates a search, waits for it, reads its pages and takes it away again.
func (s *Source) job(ctx context.Context, t *tally, r run) (res result, err error) {
	form := s.form(r)
	form.Set("exec_mode", "normal")
	form.Set("timeout", "300")    // seconds that results are kept
	form.Set("auto_cancel", "60") // seconds without a poll after which the server gives up
	var sid string
	var said []message
	err = s.launch(ctx, t, request{
		api: "splunk:search", method: http.MethodPost, form: form,
		read: func(_ int, body []byte) (int, error) {
			var got struct {
				SID      string    `json:"sid"`
				Messages []message `json:"messages"`
			}
			if len(body) == 0 {
				return 0, errEmptyBody
			}
			if json.Unmarshal(body, &got) != nil {
				return 0, fmt.Errorf("%w: the answer to a new search cannot be read", source.ErrUnavailable)
			}
			sid, said = got.SID, got.Messages
			return 0, nil
		},
	}, "jobs")
	if err != nil {
		return result{}, err
	}
	if sid == "" {
		if j := judge(said, nil); j.busy {
			return result{}, &notRunError{textOf(said)}
		}
		return result{}, fmt.Errorf("%w: a new search got no id: %s", source.ErrUnavailable, textOf(said))
	}
	// A job holds one of the user's few places until it is taken away.
	defer s.remove(ctx, t, sid)
	st, err := s.wait(ctx, t, sid)
	if err != nil {
		return result{}, err
	}
	ms := append(said, st.Messages...)
	rows, more, err := s.pages(ctx, t, sid, st.ResultCount, r.max+1)
	if err != nil {
		return result{}, err
	}
	j := judge(append(ms, more...), s.opt.Accept)
	switch {
	case j.busy && len(rows) == 0:
		return result{}, &notRunError{textOf(append(ms, more...))}
	case j.failed != "":
		return result{}, fmt.Errorf("%w: the search failed: %s", source.ErrUnavailable, j.failed)
	case st.IsFinalized && j.partial == "":
		j.partial = "the search was stopped before its end"
	}
	return result{rows, j.partial}, nil
}

// wait polls a job until it is done. An empty answer means that it is not ready yet.
func (s *Source) wait(ctx context.Context, t *tally, sid string) (st state, err error) {
	pause, waited := 200*time.Millisecond, time.Duration(0)
	for {
		ready := false
		err := s.send(ctx, t, request{
			api: "splunk:poll", method: http.MethodGet, path: s.path("jobs/" + url.PathEscape(sid)),
			read: func(status int, body []byte) (int, error) {
				if status == http.StatusNoContent || len(body) == 0 {
					return 0, nil
				}
				var got struct {
					Entry []struct {
						Content state `json:"content"`
					} `json:"entry"`
				}
				if err := json.Unmarshal(body, &got); err != nil {
					return 0, fmt.Errorf("%w: the state of the search cannot be read", source.ErrUnavailable)
				}
				if len(got.Entry) == 1 {
					st, ready = got.Entry[0].Content, true
				}
				return 0, nil
			},
		})
		if err != nil {
			return st, err
		}
		if ready && (st.IsFailed || st.DispatchState == "FAILED" || st.IsZombie) {
			said := textOf(st.Messages)
			if busy(said) {
				return st, &notRunError{said}
			}
			return st, fmt.Errorf("%w: the search failed: %s", source.ErrUnavailable, said)
		}
		if ready && st.IsDone {
			return st, nil
		}
		if waited >= s.opt.MaxTime+10*time.Second {
			if ready && (st.DispatchState == "QUEUED" || busy(textOf(st.Messages))) {
				return st, fmt.Errorf("%w: the search waited for %s in the queue: %s", source.ErrThrottled, waited.Round(time.Second), textOf(st.Messages))
			}
			return st, fmt.Errorf("%w: the search was not done after %s", source.ErrUnavailable, waited.Round(time.Second))
		}
		if err := s.opt.Sleep(ctx, pause); err != nil {
			return st, err
		}
		waited += pause
		pause = min(pause*3/2, lastPoll)
	}
}

// pages reads all results of a job that is done: as many as it says there are.
func (s *Source) pages(ctx context.Context, t *tally, sid string, count, most int) (rows []row, ms []message, err error) {
	count = min(count, most)
	for first := true; first || len(rows) < count; first = false {
		var p page
		method := http.MethodPost
		path := s.path("jobs/" + url.PathEscape(sid) + "/results")
		if path[:len("search/v2/")] != "search/v2/" {
			method = http.MethodGet
		}
		err := s.send(ctx, t, request{
			api: "splunk:results", method: method, path: path,
			form: url.Values{"count": {strconv.Itoa(min(s.opt.PageRows, max(1, count-len(rows))))}, "offset": {strconv.Itoa(len(rows))}},
			read: func(status int, body []byte) (int, error) {
				if count == 0 && (status == http.StatusNoContent || len(body) == 0) {
					return 0, nil
				}
				var err error
				p, err = readPage(body)
				return len(p.rows), err
			},
		})
		if err != nil {
			return nil, nil, err
		}
		t.pages++
		ms = append(ms, p.messages...)
		if p.preview || len(p.rows) == 0 && len(rows) < count {
			return nil, nil, fmt.Errorf("%w: %d of %d rows came, and then no more", source.ErrUnavailable, len(rows), count)
		}
		rows = append(rows, p.rows...)
		if t.bytes > 4*s.opt.MaxBytes {
			return nil, nil, fmt.Errorf("%w: the results are larger than %d bytes", source.ErrInvalid, 4*s.opt.MaxBytes)
		}
	}
	if len(rows) > count {
		return nil, nil, fmt.Errorf("%w: %d rows came where %d were told", source.ErrUnavailable, len(rows), count)
	}
	return rows, ms, nil
}

// remove takes a job away, also when the caller is gone.
func (s *Source) remove(ctx context.Context, t *tally, sid string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// What fails here ends by itself: see auto_cancel and timeout.
	_ = s.send(ctx, t, request{
		api: "splunk:cancel", method: http.MethodDelete, path: s.path("jobs/" + url.PathEscape(sid)),
		read: func(int, []byte) (int, error) { return 0, nil },
	})
}
