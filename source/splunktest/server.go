// Package splunktest is a splunkd of our own, for tests: it answers the REST API from records in
// memory, reads the search language by a parser of its own, and keeps to what makes the real one
// hard to use: search terms in any case of letters with wildcards that cannot be escaped, nulls
// that are neither equal nor different, "stats by" that drops rows without a key, sort that keeps
// 10,000 rows, pages of 100, and values that are all texts. It shares no code with the client.
//
// It can be told to misbehave, call by call.
package splunktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Caps are the server's limits. Zero values mean those of a real server.
type Caps struct {
	Sort   int // rows that sort keeps without a number; 0 means 10,000
	Values int // values that values() keeps; 0 means all
	Page   int // rows of a page at most, whatever is asked for; 0 means 50,000
	Count  int // results of a job, where the request does not say; 0 means 10,000
}

// Options say what the server is like.
type Options struct {
	Events       []Event
	Caps         Caps
	Token        string           // accepted as Bearer; "" accepts "test-token"
	User         string           // accepted with Password at auth/login
	Password     string           //
	Zone         *time.Location   // of the user; nil means Asia/Kathmandu, which no whole hour hides
	Now          time.Time        // the server's clock in the Date header; zero means the real one
	Frozen       map[string]int64 // frozenTimePeriodInSecs by index; an index that is not there is refused
	Capabilities []string         // of the user; nil means search alone
	Indexes      []string         // srchIndexesAllowed of the user's role; nil means "*"
	Old          bool             // a server from before search/v2
	TLS          bool             // with a certificate of httptest's own authority
	Polls        int              // polls before a job is done
}

// A Call says which call a fault strikes.
type Call string

// The calls.
const (
	Any     Call = ""
	Login   Call = "login"
	Create  Call = "create"
	Poll    Call = "poll"
	Results Call = "results"
	Cancel  Call = "cancel"
	Oneshot Call = "oneshot"
	Export  Call = "export"
	Context Call = "context"
	Role    Call = "role"
	Index   Call = "index"
	Info    Call = "info"
)

// A Kind is a way to misbehave.
type Kind uint8

// The ways to misbehave.
const (
	Throttle     Kind = iota + 1 // 429 with Retry-After
	Busy                         // 503: too many searches
	Quota                        // 200, and a WARN that the search was not run, with no row
	Role503                      // 503 with the message of a role's quota
	Down                         // 500
	Invalid                      // 400 with messages
	Expired                      // 401
	Forbidden                    // 403
	Gone                         // 404
	Hang                         // no answer until the client leaves
	Slow                         // an answer after half a second
	CutHeaders                   // the connection closes without an answer
	CutBody                      // the connection closes in the middle of the body
	HalfJSON                     // half of the body, as if it were all of it
	HTML                         // a login page, with status 200
	EmptyBody                    // 200 and nothing
	NoContent                    // 204
	Preview                      // the rows are provisional
	Warning                      // rows, and a WARN that a peer did not answer
	WarningNoRow                 // no row, and the same WARN
	Broken                       // no row, and a FATAL
	Informed                     // rows, and an INFO that the search was auto-finalized
	Twice                        // every row holds a column twice
	Objects                      // values are objects
	Giant                        // one value of 3 MiB
	NoRows                       // pages without rows, where rows were told
	More                         // pages with more rows than were asked for
	Failed                       // the job failed
	Redirect                     // 302 to somewhere else
	Unended                      // export: the last row is missing
	Unavailable                  // 503, of a proxy before it
	Command                      // 400: the role may not run a command of the search
)

// A Fault is one entry of the script: it strikes a call, so many times.
type Fault struct {
	On    Call
	Kind  Kind
	Times int // 0 means every time
	After int // calls of that kind that are let through first
	// Holding is a text that a search must hold for the fault to strike it, such as a sourcetype; calls
	// that send no search are then let through. "" strikes any call.
	Holding string
}

// A Request is one call that was made.
type Request struct {
	Call Call
	At   time.Time
	Form url.Values
	Auth string // the scheme only
}

// A Server is a running splunkd.
type Server struct {
	*httptest.Server
	opt Options

	mu       sync.Mutex
	script   []Fault
	requests []Request
	jobs     map[string]*job
	sessions map[string]bool
	next     int
	removed  int
}

type job struct {
	rows    []map[string]any
	columns []string
	said    []message
	polls   int
	failed  bool
}

type message struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// New starts a server; the caller closes it.
func New(opt Options) *Server {
	if opt.Token == "" {
		opt.Token = "test-token"
	}
	if opt.Zone == nil {
		opt.Zone = time.FixedZone("+0545", 5*3600+45*60)
	}
	set := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	set(&opt.Caps.Sort, 10_000)
	set(&opt.Caps.Page, 50_000)
	set(&opt.Caps.Count, 10_000)
	s := &Server{opt: opt, jobs: map[string]*job{}, sessions: map[string]bool{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that leave are what it is for
	if opt.TLS {
		s.StartTLS()
	} else {
		s.Start()
	}
	return s
}

// Script replaces what goes wrong.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = faults
}

// Forget forgets the calls made so far.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Requests are the calls made so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Searches are the searches sent so far.
func (s *Server) Searches() []string {
	var out []string
	for _, r := range s.Requests() {
		if q := r.Form.Get("search"); q != "" {
			out = append(out, q)
		}
	}
	return out
}

// Jobs is how many jobs lie on the server.
func (s *Server) Jobs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs)
}

// Logout ends all sessions.
func (s *Server) Logout() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = map[string]bool{}
}

// Search runs a search as a user would in its own window, and returns its rows as texts.
func (s *Server) Search(spl string, from, to time.Time) ([]map[string]any, error) {
	rows, _, err := s.execute(spl, float64(from.Unix()), float64(to.Unix()))
	return rows, err
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		answer(w, http.StatusBadRequest, "FATAL", err.Error())
		return
	}
	c, ok := s.callOf(r)
	auth, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	s.requests = append(s.requests, Request{c, time.Now(), r.Form, auth})
	fault := s.strike(c, r.Form.Get("search"))
	s.mu.Unlock()
	if !s.opt.Now.IsZero() {
		w.Header().Set("Date", s.opt.Now.UTC().Format(http.TimeFormat))
	}
	if s.fail(w, r, fault) {
		return
	}
	switch {
	case !ok:
		answer(w, http.StatusNotFound, "FATAL", "Not Found")
	case c != Login && !s.known(r):
		answer(w, http.StatusUnauthorized, "WARN", "call not properly authenticated")
	case r.Form.Get("output_mode") != "json":
		answer(w, http.StatusBadRequest, "FATAL", "this server writes JSON only")
	default:
		s.handle(w, r, c, fault)
	}
}

// callOf names a call. v2 results are read by POST, those of the first version by GET.
func (s *Server) callOf(r *http.Request) (Call, bool) {
	p, ok := strings.CutPrefix(r.URL.Path, "/services/")
	if !ok {
		return Any, false
	}
	if rest, v2 := strings.CutPrefix(p, "search/v2/"); v2 {
		if s.opt.Old {
			return Any, false
		}
		p = rest
	} else {
		p = strings.TrimPrefix(p, "search/")
	}
	v2 := strings.Contains(r.URL.Path, "/v2/")
	parts := strings.Split(p, "/")
	switch {
	case p == "auth/login" && r.Method == http.MethodPost:
		return Login, true
	case p == "jobs" && r.Method == http.MethodPost && r.Form.Get("exec_mode") == "oneshot":
		return Oneshot, true
	case p == "jobs" && r.Method == http.MethodPost:
		return Create, true
	case p == "jobs/export":
		return Export, true
	case parts[0] == "jobs" && len(parts) == 2 && r.Method == http.MethodGet:
		return Poll, true
	case parts[0] == "jobs" && len(parts) == 2 && r.Method == http.MethodDelete:
		return Cancel, true
	case parts[0] == "jobs" && len(parts) == 3 && parts[2] == "results" && (r.Method == http.MethodPost) == v2:
		return Results, true
	case p == "authentication/current-context":
		return Context, true
	case strings.HasPrefix(p, "authorization/roles/"):
		return Role, true
	case strings.HasPrefix(p, "data/indexes/"):
		return Index, true
	case p == "server/info":
		return Info, true
	}
	return Any, false
}

// strike is the fault for a call; its count goes down.
func (s *Server) strike(c Call, search string) Kind {
	for i := range s.script {
		f := &s.script[i]
		if f.On != Any && f.On != c || f.Times < 0 || !strings.Contains(search, f.Holding) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				f.Times = -1
			}
		}
		return f.Kind
	}
	return 0
}

func (s *Server) known(r *http.Request) bool {
	h := r.Header.Get("Authorization")
	s.mu.Lock()
	defer s.mu.Unlock()
	key, session := strings.CutPrefix(h, "Splunk ")
	return h == "Bearer "+s.opt.Token || session && s.sessions[key]
}

const busyText = `The maximum number of concurrent historical searches on this instance has been reached., concurrency_category="historical", concurrency_context="instance-wide", current_concurrency=8, concurrency_limit=8`

func answer(w http.ResponseWriter, code int, typ, text string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": []message{{typ, text}}}) // the client may be gone
}

// fail answers a call wrongly before it is looked at.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, k Kind) bool {
	switch k {
	case Throttle:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, "ERROR", "too many requests")
	case Busy:
		answer(w, http.StatusServiceUnavailable, "FATAL", busyText)
	case Role503:
		answer(w, http.StatusServiceUnavailable, "FATAL", `Search not executed: The maximum number of concurrent historical searches for this user based on their role quota has been reached., concurrency_category="historical"`)
	case Down:
		answer(w, http.StatusInternalServerError, "ERROR", "splunkd is not well")
	case Invalid:
		answer(w, http.StatusBadRequest, "FATAL", "Error in 'search' command: Unable to parse the search.")
	case Unavailable:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<html>503 Service Unavailable</html>")) // the client may be gone
	case Command:
		answer(w, http.StatusBadRequest, "FATAL", "Error in 'SearchProcessor': your role may not run the command 'stats'.")
	case Expired:
		answer(w, http.StatusUnauthorized, "WARN", "call not properly authenticated")
	case Forbidden:
		answer(w, http.StatusForbidden, "ERROR", "insufficient permission to access this resource")
	case Gone:
		answer(w, http.StatusNotFound, "FATAL", "Unknown sid.")
	case Hang:
		<-r.Context().Done()
	case Slow:
		select {
		case <-time.After(500 * time.Millisecond):
		case <-r.Context().Done():
		}
		return false
	case CutHeaders:
		panic(http.ErrAbortHandler)
	case CutBody:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"preview":false,"results":[{"_raw":"`)) // the cut is the point
		panic(http.ErrAbortHandler)
	case HalfJSON:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"preview":false,"sid":"x","results":[{"_raw":"`)) // the cut is the point
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Sign in</html>")) // the client may be gone
	case EmptyBody:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	case NoContent:
		w.WriteHeader(http.StatusNoContent)
	case Redirect:
		http.Redirect(w, r, "http://203.0.113.1/steal", http.StatusFound)
	default:
		return false
	}
	return true
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request, c Call, fault Kind) {
	write := func(v any) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(w).Encode(v) // the client may be gone
	}
	entry := func(name string, content map[string]any) {
		write(map[string]any{"entry": []any{map[string]any{"name": name, "content": content}}, "messages": []message{}})
	}
	segments := strings.Split(r.URL.Path, "/")
	name := segments[len(segments)-1]
	switch c {
	case Login:
		if s.opt.User == "" || r.Form.Get("username") != s.opt.User || r.Form.Get("password") != s.opt.Password {
			answer(w, http.StatusUnauthorized, "WARN", "Login failed")
			return
		}
		s.mu.Lock()
		s.next++
		key := fmt.Sprintf("session-%d", s.next)
		s.sessions[key] = true
		s.mu.Unlock()
		write(map[string]any{"sessionKey": key, "message": "", "code": ""})
	case Create, Oneshot, Export:
		s.start(w, r, c, fault)
	case Poll, Cancel, Results:
		s.ofJob(w, r, c, fault)
	case Context:
		caps := s.opt.Capabilities
		if caps == nil {
			caps = []string{"search"}
		}
		entry("context", map[string]any{"username": "uratori", "roles": []string{"uratori"}, "capabilities": caps, "realname": ""})
	case Role:
		indexes := s.opt.Indexes
		if indexes == nil {
			indexes = []string{"*"}
		}
		entry(name, map[string]any{"srchIndexesAllowed": indexes, "imported_srchIndexesAllowed": []string{}, "srchJobsQuota": 4})
	case Index:
		n, ok := s.opt.Frozen[name]
		if !ok {
			answer(w, http.StatusForbidden, "ERROR", "insufficient permission to access this resource")
			return
		}
		entry(name, map[string]any{"frozenTimePeriodInSecs": n, "totalEventCount": len(s.opt.Events)})
	case Info:
		entry("server-info", map[string]any{"version": "10.0.1", "serverName": "splunk"})
	case Any:
	}
}

// execute runs a search and makes its rows texts.
func (s *Server) execute(spl string, from, to float64) (rows []map[string]any, columns []string, err error) {
	run := &search{events: s.opt.Events, zone: s.opt.Zone, now: s.opt.Now, from: from, to: to, caps: s.opt.Caps}
	if err := run.run(spl); err != nil {
		return nil, nil, err
	}
	for _, e := range run.rows {
		row := map[string]any{}
		cols := run.columns
		if cols == nil {
			cols = []string{"_raw", "_time", "index", "sourcetype"}
		}
		for _, c := range cols {
			v := e.get(c)
			switch {
			case v.kind == null:
			case c == "_time":
				row[c] = isoIn(v, s.opt.Zone)
			case v.kind == multi:
				row[c] = v.list
			default:
				row[c] = v.String()
			}
		}
		rows = append(rows, row)
	}
	return rows, run.columns, nil
}

// start runs a search. As in the real server, it must begin with a command: the word search, or a
// pipe before another.
func (s *Server) start(w http.ResponseWriter, r *http.Request, c Call, fault Kind) {
	spl := strings.TrimSpace(r.Form.Get("search"))
	if !strings.HasPrefix(spl, "search ") && !strings.HasPrefix(spl, "|") {
		answer(w, http.StatusBadRequest, "FATAL", "Unknown search command.")
		return
	}
	from, err1 := strconv.ParseFloat(r.Form.Get("earliest_time"), 64)
	to, err2 := strconv.ParseFloat(r.Form.Get("latest_time"), 64)
	if err1 != nil || err2 != nil {
		answer(w, http.StatusBadRequest, "FATAL", "this server reads times in epoch seconds only")
		return
	}
	j := &job{polls: s.opt.Polls}
	var err error
	if j.rows, j.columns, err = s.execute(spl, from, to); err != nil {
		var wrong *syntaxError
		if errors.As(err, &wrong) {
			answer(w, http.StatusBadRequest, "FATAL", wrong.msg)
			return
		}
		answer(w, http.StatusInternalServerError, "FATAL", err.Error())
		return
	}
	limit := s.opt.Caps.Count
	if n, err := strconv.Atoi(r.Form.Get("max_count")); err == nil && n > 0 {
		limit = n
	}
	j.rows = j.rows[:min(limit, len(j.rows))] // without a word
	spoil(j, fault)
	switch c {
	case Oneshot:
		count := 100
		if n, err := strconv.Atoi(r.Form.Get("count")); err == nil && n > 0 {
			count = n
		}
		count = min(count, s.opt.Caps.Page)
		writePage(w, j, j.rows[:min(count, len(j.rows))], fault)
	case Export:
		stream(w, j, fault)
	default:
		s.mu.Lock()
		s.next++
		sid := fmt.Sprintf("1757376000.%d", s.next)
		s.jobs[sid] = j
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"sid": sid}) // the client may be gone
	}
}

// spoil lets a search end as a fault says.
func spoil(j *job, fault Kind) {
	switch fault {
	case Quota:
		j.rows, j.said = nil, []message{{"WARN", "Search not executed: " + busyText}}
	case Warning:
		j.said = []message{{"WARN", "Search results might be incomplete: the search process on peer idx2 ended prematurely."}, {"INFO", "Your timerange was substituted based on your search string"}}
	case WarningNoRow:
		j.rows, j.said = nil, []message{{"WARN", "Search results might be incomplete: the search process on peer idx2 ended prematurely."}}
	case Broken:
		j.rows, j.said = nil, []message{{"INFO", "x"}, {"FATAL", "Error in 'litsearch' command: the disk is full."}}
	case Informed:
		j.said = []message{{"INFO", "Search auto-finalized after time limit reached (120 seconds)."}}
	case Failed:
		j.failed, j.said = true, []message{{"FATAL", "The search job has failed due to an error."}}
	case Giant:
		for _, r := range j.rows[:min(1, len(j.rows))] {
			for k := range r {
				r[k] = strings.Repeat("x", 3<<20)
			}
		}
	case Objects:
		for _, r := range j.rows {
			for k := range r {
				r[k] = map[string]any{"a": 1}
			}
		}
	default: // strikes elsewhere
	}
}

func (s *Server) ofJob(w http.ResponseWriter, r *http.Request, c Call, fault Kind) {
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	sid := segments[len(segments)-1]
	if c == Results {
		sid = segments[len(segments)-2]
	}
	s.mu.Lock()
	j := s.jobs[sid]
	waiting := j != nil && c == Poll && j.polls > 0
	if waiting {
		j.polls--
	}
	if c == Cancel {
		delete(s.jobs, sid)
		s.removed++
	}
	s.mu.Unlock()
	if j == nil {
		answer(w, http.StatusNotFound, "FATAL", "Unknown sid.")
		return
	}
	spoil(j, fault)
	switch c {
	case Cancel:
		answer(w, http.StatusOK, "INFO", "Search job cancelled.")
	case Poll:
		state := "DONE"
		if j.failed {
			state = "FAILED"
		}
		if waiting {
			state = "RUNNING"
		}
		said := j.said
		if said == nil || waiting {
			said = []message{}
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(w).Encode(map[string]any{"entry": []any{map[string]any{"name": sid, "content": map[string]any{ // the client may be gone
			"sid": sid, "isDone": !waiting, "isFailed": j.failed, "dispatchState": state, "resultCount": len(j.rows), "messages": said,
			"isFinalized": false, "isPreviewEnabled": false, "runDuration": 0.1,
		}}}})
	default:
		count, offset := 100, 0
		if n, err := strconv.Atoi(r.Form.Get("count")); err == nil && n > 0 {
			count = n
		}
		if n, err := strconv.Atoi(r.Form.Get("offset")); err == nil && n > 0 {
			offset = n
		}
		count = min(count, s.opt.Caps.Page)
		rows := j.rows[min(offset, len(j.rows)):]
		rows = rows[:min(count, len(rows))]
		switch fault {
		case NoRows:
			rows = nil
		case More:
			rows = append(append([]map[string]any(nil), j.rows...), j.rows...)
		default: // strikes elsewhere
		}
		writePage(w, j, rows, fault)
	}
}

func writePage(w http.ResponseWriter, j *job, rows []map[string]any, fault Kind) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if rows == nil {
		rows = []map[string]any{}
	}
	said := j.said
	if said == nil {
		said = []message{}
	}
	list := make([]json.RawMessage, len(rows))
	for i, r := range rows {
		list[i] = encodeRow(r, fault)
	}
	fields := []map[string]string{}
	for _, c := range j.columns {
		fields = append(fields, map[string]string{"name": c})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"preview": fault == Preview, "init_offset": 0, "messages": said, "fields": fields, "results": list, "highlighted": map[string]any{},
	})
}

func encodeRow(r map[string]any, fault Kind) json.RawMessage {
	out := encode(r)
	if fault == Twice && len(r) > 0 {
		out = append(append(append(out[:len(out)-1:len(out)-1], ','), out[1:len(out)-1]...), '}')
	}
	return out
}

// stream writes one object a line: messages, provisional rows, rows.
func stream(w http.ResponseWriter, j *job, fault Kind) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	line := func(v any) { _ = json.NewEncoder(w).Encode(v) } // the client may be gone
	if len(j.said) > 0 {
		line(map[string]any{"preview": false, "messages": j.said})
	}
	for i, r := range j.rows {
		if i < 3 {
			line(map[string]any{"preview": true, "offset": i, "result": encodeRow(r, 0)})
		}
	}
	if fault == Preview {
		line(map[string]any{"preview": true, "lastrow": true})
		return
	}
	for i, r := range j.rows {
		o := map[string]any{"preview": false, "offset": i, "result": encodeRow(r, fault)}
		if i == len(j.rows)-1 && fault != Unended {
			o["lastrow"] = true
		}
		line(o)
	}
	if len(j.rows) == 0 && fault != Unended {
		line(map[string]any{"preview": false, "lastrow": true})
	}
}
