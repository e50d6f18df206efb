package splunk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// A counted is what Splunk holds of a scope: records by kind and hour, and how late they came.
type counted struct {
	hours map[string]map[int64]int64 // kind -> hours since 1970 UTC -> records
	delay time.Duration              // within which 95 % of the records were indexed
	kept  time.Duration              // how long the indexes keep events; 0 where that is not known
	where string                     // the places, for people
	docs  []source.Document          // what Splunk said
	at    time.Time                  // when it was counted
}

// fresh is how long a count of a window that may still be filling is good for.
const fresh = 5 * time.Minute

// lags are the bounds that lateness is counted by, in seconds.
var lags = []int64{300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400}

// baseline is how long counts reach at least, so that a hole can be held against other days.
const baseline = 7 * 24 * time.Hour

// Covers tells which hours of a scope Splunk holds records of. A scope that Splunk could not be
// asked about is Unknown, with what it said.
func (s *Source) Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	if !scope.Window.From.Before(scope.Window.To) {
		return nil, fmt.Errorf("coverage of %s in %s: the window from %s to %s is empty", scope.Kind, s.Name(), query.Stamp(scope.Window.From), query.Stamp(scope.Window.To))
	}
	whole := func(state evidence.State, why evidence.Reason, detail string) marks {
		return marks{{from: scope.Window.From.UnixMicro(), to: scope.Window.To.UnixMicro(), state: state, why: why, detail: detail}}
	}
	var ms marks
	r, held := s.reading(datasetOf(scope.Kind))
	switch {
	case !held:
		ms = whole(evidence.NotCollectedState, evidence.WhyNotHeld, "")
	default:
		c, err := s.count(ctx, r, scope)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("coverage of %s in %s: %w", scope.Kind, s.Name(), context.Cause(ctx))
		}
		if err != nil {
			ms = whole(evidence.Unknown, evidence.WhyNoResponse, err.Error())
			break
		}
		ms = judgeHours(scope.Window, c.hours[scope.Kind], c.where)
		now := s.opt.Now()
		if c.kept > 0 {
			ms = ms.over(-1<<62, now.Add(-c.kept).UnixMicro(), func(m mark) mark {
				if m.state != evidence.Collected {
					m.state, m.why = evidence.Unknown, evidence.WhyRetention
				}
				return m
			})
		}
		ms = ms.over(now.Add(-max(c.delay, s.opt.Delay)).UnixMicro(), 1<<62, func(m mark) mark {
			m.state, m.why = evidence.Unknown, evidence.WhyDelay
			return m
		})
	}
	for _, a := range s.opt.Assert {
		if a.Kind != scope.Kind || a.Account != "" && a.Account != scope.Account || a.Region != "" && a.Region != scope.Region {
			continue
		}
		from, to := int64(-1<<62), int64(1<<62)
		if !a.From.IsZero() {
			from = a.From.UnixMicro()
		}
		if !a.To.IsZero() {
			to = a.To.UnixMicro()
		}
		ms = ms.over(from, to, func(m mark) mark {
			m.state, m.why, m.detail = a.State, evidence.WhyAsserted, ""
			return m
		})
	}
	return ms.intervals(s.Name(), scope), nil
}

func datasetOf(kind string) query.Dataset {
	spec, _ := query.KindOf(kind)
	return spec.Dataset
}

// count counts the records of a scope, of all its dataset's kinds at once; what was counted is
// remembered, for a while where records may still come. What Splunk said is handed over every time.
func (s *Source) count(ctx context.Context, r reading, scope query.Scope) (c counted, err error) {
	w := query.Window{From: scope.Window.From.Add(-time.Hour).Truncate(time.Hour), To: scope.Window.To.Add(2 * time.Hour).Truncate(time.Hour)}
	if w.To.Sub(w.From) < baseline {
		w.From = w.To.Add(-baseline)
	}
	if r.dataset == query.SignIn {
		scope.Account, scope.Region = "", "" // sign-ins belong to a tenant
	}
	id := fmt.Sprintf("%s|%s|%s|%s|%s", r.dataset, scope.Account, scope.Region, query.Stamp(w.From), query.Stamp(w.To))
	s.mu.Lock()
	c, ok := s.counted[id]
	s.mu.Unlock()
	now := s.opt.Now()
	if ok && (w.To.Before(c.at.Add(-24*time.Hour)) || now.Sub(c.at) < fresh) {
		c.hand(ctx)
		return c, nil
	}
	var t tally
	if err := s.probe(ctx, &t, r, w); err != nil {
		return c, err
	}
	c = counted{hours: map[string]map[int64]int64{}, where: r.String(), at: now}
	some, err := s.indexed(ctx, &t, r, scope, w, &c)
	if err != nil {
		return c, err
	}
	if some {
		if err := s.countEvents(ctx, &t, r, scope, w, &c); err != nil {
			return c, err
		}
	}
	for i, p := range r.places {
		kept, ok := s.retention(ctx, &t, p.Index, &c)
		if !ok {
			c.kept = 0
			break
		}
		if i == 0 || kept > c.kept {
			c.kept = kept
		}
	}
	s.mu.Lock()
	s.counted[id] = c
	s.mu.Unlock()
	c.hand(ctx)
	return c, nil
}

func (c counted) hand(ctx context.Context) {
	for _, d := range c.docs {
		source.Witness(ctx, d)
	}
}

// indexed tells whether the indexes hold anything of the scope at all, without reading an event.
// The account counts where it is an indexed field of every place.
func (s *Source) indexed(ctx context.Context, t *tally, r reading, scope query.Scope, w query.Window, c *counted) (bool, error) {
	var places either
	for _, p := range r.places {
		one := both{keyword{"index", p.Index}, keyword{"sourcetype", p.Sourcetype}}
		if p.Account != "" && scope.Account != "" {
			if err := checkName("account", scope.Account); err != nil {
				return false, fmt.Errorf("%w: %w", source.ErrInvalid, err)
			}
			one = append(one, keyword{p.Account, scope.Account})
		}
		places = append(places, one)
	}
	spl := search{
		{"tstats", "count as u_n where " + places.term() + " by index sourcetype _time span=15m"},
		{"stats", "sum(u_n) as u_n by index sourcetype"},
		head(1 + len(r.places)), table("index", "sourcetype", "u_n"),
	}
	from, to := bounds(w, s.opt.Skew)
	res, err := s.search(ctx, t, run{spl: spl.String(), from: from, to: to, max: 1 + len(r.places), way: ByOneshot})
	if err != nil {
		return false, err
	}
	if res.partial != "" {
		return true, nil // what it did not see, the events will tell
	}
	c.keep(s.Name(), "splunk:tstats "+native(spl, from, to), res.rows)
	for _, row := range res.rows {
		if n, _ := row.one("u_n"); n != "" && n != "0" {
			return true, nil
		}
	}
	return false, nil
}

func (c *counted) keep(name, doc string, rows []row) {
	if rows == nil {
		rows = []row{}
	}
	if body, err := json.Marshal(rows); err == nil {
		c.docs = append(c.docs, source.Document{Source: name, Name: doc, Body: body})
	}
}

// countEvents reads the events of the scope by kind and hour.
func (s *Source) countEvents(ctx context.Context, t *tally, r reading, scope query.Scope, w query.Window, c *counted) error {
	spl := r.countSearch(scope, s.opt.MaxRows)
	from, to := bounds(w, s.opt.Skew)
	res, err := s.search(ctx, t, run{spl: spl.String(), from: from, to: to, max: s.opt.MaxRows, way: s.opt.Way})
	switch {
	case err != nil:
		return err
	case res.partial != "":
		return fmt.Errorf("%w: the count was incomplete: %s", source.ErrUnavailable, res.partial)
	case len(res.rows) > s.opt.MaxRows:
		return fmt.Errorf("%w: the window has more than %d hours and kinds", source.ErrInvalid, s.opt.MaxRows)
	}
	c.keep(s.Name(), "splunk:count "+native(spl, from, to), res.rows)
	late := map[int64]int64{}
	for _, row := range res.rows {
		kind, ok1 := row.one("u_kind")
		said, ok2 := row.one("u_hour")
		count, ok3 := row.one("u_n")
		h, ok4 := hourOf(said)
		n, err := strconv.ParseInt(count, 10, 64)
		if !ok1 || !ok2 || !ok3 || !ok4 || err != nil || n < 0 {
			return fmt.Errorf("%w: a count cannot be read", source.ErrUnavailable)
		}
		if c.hours[kind] == nil {
			c.hours[kind] = map[int64]int64{}
		}
		c.hours[kind][h] += n
		if lag, ok := row.one("u_lag"); ok {
			if sec, err := strconv.ParseInt(strings.TrimPrefix(lag, "s"), 10, 64); err == nil {
				late[sec] += n
			}
		}
	}
	c.delay = usual(late)
	return nil
}

// hourOf reads an hour as the search writes it: "2025-09-08T04", or "e" and hours since 1970.
func hourOf(s string) (int64, bool) {
	if t, err := time.Parse("2006-01-02T15", s); err == nil {
		return t.Unix() / 3600, true
	}
	if e, ok := strings.CutPrefix(s, "e"); ok {
		n, ok := seconds(e)
		return n, ok
	}
	return 0, false
}

// usual is the bound that 95 % of the records kept to.
func usual(late map[int64]int64) time.Duration {
	var all, sum int64
	for _, n := range late {
		all += n
	}
	for _, b := range lags {
		if sum += late[b]; all > 0 && sum*100 >= all*95 {
			return time.Duration(b) * time.Second
		}
	}
	return 0
}

// countSearch counts the events of a scope by kind, UTC hour of their own time and lateness.
func (r reading) countSearch(scope query.Scope, most int) search {
	pairs := []assignment{{"u_time", extracted(r.paths(query.EventTime))}}
	var kind expr
	words := r.terms()
	conds := []expr{}
	is := func(c string, vs ...string) expr {
		parts := make([]expr, len(vs))
		for i, v := range vs {
			parts[i] = equal(column(c), text(v))
		}
		return some(parts...)
	}
	if r.dataset == query.CloudTrail {
		pairs = append(pairs,
			assignment{"u_name", extracted(r.paths("event_name"))}, assignment{"u_source", extracted(r.paths("event_source"))},
			assignment{"u_cat", extracted(r.paths("event_category"))}, assignment{"u_management", fn("lower", extracted(r.paths("management_event")))},
			assignment{"u_account", extracted(r.paths("account"))}, assignment{"u_region", extracted(r.paths("region"))})
		// The same rule as the embedded store's.
		data := some(is("u_cat", "tData"), all(is("u_cat", "-", "t"), is("u_management", "tfalse")))
		kind = fn("case",
			all(data, is("u_source", "ts3.amazonaws.com")), text(query.KindS3Data),
			all(data, is("u_source", "tlambda.amazonaws.com")), text(query.KindLambdaData),
			all(data, matches(column("u_source"), "^tbedrock[a-z-]*[.]amazonaws[.]com$")), text(query.KindBedrockData),
			data, text("other_data"),
			is("u_cat", "-", "t", "tManagement"), text(query.KindManagement),
			always, text("other"))
		if scope.Account != "" {
			words = append(words, phrases(scope.Account)...)
			conds = append(conds, is("u_account", "t"+scope.Account))
		}
		if scope.Region != "" {
			conds = append(conds, is("u_region", "t"+scope.Region))
		}
	} else {
		pairs = append(pairs, assignment{"u_category", r.category()},
			assignment{"u_cat", extracted(r.paths("category"))}, assignment{"u_interactive", fn("lower", extracted(r.paths("interactive")))})
		kind = fn("if", some(is("u_interactive", "tfalse"), is("u_cat", "tNonInteractiveUserSignInLogs")), text(query.KindNonInteractive), text(query.KindSignIn))
	}
	regular := matches(column("u_time"), utcTime)
	late := []expr{}
	for _, b := range lags {
		late = append(late, infix{"<=", []expr{infix{"-", []expr{column("_indextime"), column("_time")}}, number(b)}}, text(fmt.Sprintf("s%d", b)))
	}
	out := search{
		{"search", terms(words, " ")},
		{"fields", "_raw _time _indextime"},
		evals(pairs...),
		where(all(append([]expr{r.readable()}, conds...)...)),
		evals(
			assignment{"u_kind", kind},
			assignment{"u_hour", fn("if", regular, fn("substr", column("u_time"), number(2), number(13)),
				concat(text("e"), fn("tostring", fn("floor", infix{"/", []expr{column("_time"), number(3600)}}))))},
			assignment{"u_lag", fn("coalesce", fn("case", late...), text("-"))},
		),
		{"stats", "count as u_n by u_kind u_hour u_lag"},
	}
	return append(out, head(most+1), table("u_kind", "u_hour", "u_lag", "u_n"))
}

// retention asks how long an index keeps events. Not to be allowed to ask is no answer, and no error.
func (s *Source) retention(ctx context.Context, t *tally, index string, c *counted) (kept time.Duration, ok bool) {
	err := s.send(ctx, t, request{
		api: "splunk:index", method: http.MethodGet, path: "data/indexes/" + url.PathEscape(index),
		read: func(_ int, body []byte) (int, error) {
			var got struct {
				Entry []struct {
					Name    string `json:"name"`
					Content struct {
						Frozen json.RawMessage `json:"frozenTimePeriodInSecs"`
					} `json:"content"`
				} `json:"entry"`
			}
			if json.Unmarshal(body, &got) == nil && len(got.Entry) == 1 && got.Entry[0].Name == index {
				n, err := strconv.ParseInt(strings.Trim(string(got.Entry[0].Content.Frozen), `"`), 10, 64)
				if err == nil && n > 0 && n < 1e10 {
					kept, ok = time.Duration(min(n, 9e9))*time.Second, true
					c.docs = append(c.docs, source.Document{
						Source: s.Name(), Name: "splunk:index " + index, Body: fmt.Appendf(nil, `{"index":%q,"frozenTimePeriodInSecs":%d}`, index, n),
					})
				}
			}
			return 0, nil
		},
	})
	return kept, ok && err == nil
}

// A mark is what is known of a stretch of time.
type mark struct {
	from, to int64 // microseconds, half-open
	state    evidence.State
	why      evidence.Reason
	detail   string
}

type marks []mark

// minBusy is how many records the same hours of other days hold on average where a hole means that
// something was not collected, not merely quiet.
const minBusy = 5

const microHour = int64(time.Hour / time.Microsecond)

// judgeHours judges the hours of a window: Collected if a record stands in the hour or in both
// beside it; else part of a hole, which is Unknown, or NotCollected where records lie before and
// after it and the same hours of the other days are busy.
func judgeHours(w query.Window, counts map[int64]int64, where string) marks {
	from, to := w.From.UnixMicro(), w.To.UnixMicro()
	if len(counts) == 0 {
		return marks{{from: from, to: to, state: evidence.Unknown, why: evidence.WhyNoRecords, detail: where}}
	}
	hours := make([]int64, 0, len(counts))
	for h := range counts {
		hours = append(hours, h)
	}
	first, last := slices.Min(hours), slices.Max(hours)
	held := func(h int64) bool { return counts[h] > 0 || counts[h-1] > 0 && counts[h+1] > 0 }
	var out marks
	for h := from / microHour; h*microHour < to; h++ {
		m := mark{from: max(from, h*microHour), to: min(to, (h+1)*microHour), state: evidence.Collected, why: evidence.WhyRecords, detail: where}
		if !held(h) {
			m.state, m.why = evidence.Unknown, evidence.WhyHole
			begin, end := h, h+1
			for begin > first && !held(begin-1) {
				begin--
			}
			for end <= last && !held(end) {
				end++
			}
			if begin > first && end <= last && usuallyBusy(counts, begin, end, first, last) {
				m.state = evidence.NotCollectedState
			}
		}
		out = append(out, m)
	}
	return out
}

// usuallyBusy tells whether the hours of a hole, at most its first day, hold enough records on the
// other days between the first record and the last.
func usuallyBusy(counts map[int64]int64, begin, end, first, last int64) bool {
	var sum, n int64
	for h := begin; h < min(end, begin+24); h++ {
		for d := h - (h-first)/24*24; d <= last; d += 24 {
			if d < begin || d >= end {
				sum, n = sum+counts[d], n+1
			}
		}
	}
	return n > 0 && sum >= minBusy*n
}

// over changes what lies in [from, to).
func (ms marks) over(from, to int64, change func(mark) mark) marks {
	var out marks
	for _, m := range ms {
		lo, hi := max(m.from, from), min(m.to, to)
		if lo >= hi {
			out = append(out, m)
			continue
		}
		before, in, after := m, m, m
		before.to, in.from, in.to, after.from = lo, lo, hi, hi
		for _, part := range (marks{before, change(in), after}) {
			if part.from < part.to {
				out = append(out, part)
			}
		}
	}
	return out
}

// intervals joins equal neighbours and names the scope.
func (ms marks) intervals(name string, scope query.Scope) []evidence.Coverage {
	var out []evidence.Coverage
	for i, m := range ms {
		if n := len(out); n > 0 && ms[i-1].state == m.state && ms[i-1].why == m.why && ms[i-1].detail == m.detail {
			out[n-1].Window.To = time.UnixMicro(m.to).UTC()
			continue
		}
		out = append(out, evidence.Coverage{
			Source: name, Kind: scope.Kind, Account: scope.Account, Region: scope.Region,
			Window: query.Window{From: time.UnixMicro(m.from).UTC(), To: time.UnixMicro(m.to).UTC()},
			State:  m.state, Why: m.why, Detail: m.detail,
		})
	}
	return out
}
