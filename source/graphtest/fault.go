package graphtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Way is a way to misbehave.
type Way uint8

// The ways to misbehave.
const (
	Throttle     Way = iota + 1 // 429 with Retry-After
	ThrottleBare                // 429 without
	ServerError                 // 503
	GatewayTime                 // 504
	BadRequest                  // 400
	Unauthorized                // 401
	Forbidden                   // 403
	Unlicensed                  // 403 by licence
	Redirect                    // 302 to elsewhere
	Hang                        // no answer until the client leaves
	Cut                         // the connection ends before the answer
	EmptyBody                   // 200 without a body
	NotJSON                     // 200 and broken JSON
	WrongType                   // 200 and a proxy's page
	NullList                    // 200 and {"value": null}
	NoList                      // 200 and {}
	TwoLists                    // 200 and two members "value"
	EchoSecrets                 // 400 whose text repeats the request's secrets

	TruncatedBody // what it would answer, cut in the middle
	Slow          // what it would answer, later
	SkewedClock   // what it would answer, dated an hour ahead
	SameLink      // a page that leads to itself
	EndlessLinks  // pages that lead on for ever
	EmptyPages    // pages without a record that lead on for ever
	ForeignLink   // a page that leads to another host
	GiantRow      // a page with a record of 5 MiB more
	BrokenRow     // a page with a record without a time more
	TwinMembers   // a page with a record more that has a member twice
	WrongTypes    // a page whose records have numbers for texts
)

// before tells the ways that replace the answer; the others spoil it.
func (w Way) before() bool { return w < TruncatedBody }

// A Fault says which requests are treated badly.
type Fault struct {
	Path  string // kind of path: token, signIns, users, manager, sponsors, applications; "" for any
	From  int    // first such request, counted from 1; 0 for 1
	To    int    // last; 0 for all
	Do    Way
	After time.Duration // Retry-After of Throttle, delay of Slow
}

// unloop takes off what the links of EndlessLinks and EmptyPages add.
func unloop(r *http.Request) {
	q := r.URL.Query()
	if q.Has("$loop") {
		q.Del("$loop")
		r.URL.RawQuery = q.Encode()
	}
}

// Script replaces the faults, and counts requests anew.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
	clear(s.seen)
}

func (s *Server) fault(kind string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[kind]++
	s.seen[""]++
	for _, f := range s.faults {
		n := s.seen[f.Path]
		if (f.Path == "" || f.Path == kind) && n >= f.From && (f.To == 0 || n <= f.To) {
			return f, true
		}
	}
	return Fault{}, false
}

func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, f Fault) {
	raw := func(contentType, body string) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte(body))
	}
	switch f.Do {
	case Throttle:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(f.After/time.Second))))
		fail(w, http.StatusTooManyRequests, "UnknownError", "This request is throttled.")
	case Redirect:
		w.Header().Set("Location", "http://127.0.0.1:1/stolen")
		w.WriteHeader(http.StatusFound)
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.stopped:
		}
	case Cut:
		panic(http.ErrAbortHandler)
	case EmptyBody:
		raw("application/json", "")
	case NotJSON:
		raw("application/json", `{"value":[{"id":`)
	case WrongType:
		raw("text/html", "<html><body>Please sign in to the proxy</body></html>")
	case NullList:
		raw("application/json", `{"value":null}`)
	case NoList:
		raw("application/json", `{}`)
	case TwoLists:
		raw("application/json", `{"value":[],"value":[]}`)
	case EchoSecrets:
		_ = r.ParseForm()
		text := "refused: " + r.Header.Get("Authorization") + " " + r.PostForm.Get("client_secret")
		if strings.HasSuffix(r.URL.Path, "/token") {
			writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": text})
			return
		}
		fail(w, http.StatusBadRequest, "BadRequest", text)
	default:
		e, ok := errorsOf[f.Do]
		if !ok {
			panic(fmt.Sprintf("way %d does not replace an answer", f.Do))
		}
		fail(w, e.status, e.code, e.message)
	}
}

// errorsOf are the ways that are but an error object.
var errorsOf = map[Way]struct {
	status        int
	code, message string
}{
	ThrottleBare: {http.StatusTooManyRequests, "TooManyRequests", "Too many requests."},
	ServerError:  {http.StatusServiceUnavailable, "ServiceUnavailable", "The service is unavailable."},
	GatewayTime:  {http.StatusGatewayTimeout, "UnknownError", "The gateway did not receive a timely response."},
	BadRequest:   {http.StatusBadRequest, "BadRequest", "Invalid filter clause."},
	Unauthorized: {http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure."},
	Forbidden:    {http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."},
	Unlicensed:   {http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or tenant doesn't have premium license"},
}

// distorted spoils an answer on its way.
type distorted struct {
	*recorder
	fault   Fault
	server  *Server
	request *http.Request
	status  int
}

func (d *distorted) WriteHeader(status int) { d.status = status }

func (d *distorted) Write(body []byte) (int, error) {
	n := len(body)
	h := d.Header()
	switch d.fault.Do {
	case TruncatedBody:
		h.Set("Content-Length", strconv.Itoa(n))
		d.recorder.WriteHeader(d.status)
		_, _ = d.recorder.Write(body[:n/2])
		_ = http.NewResponseController(d.recorder).Flush() // so that the half is sent
		panic(http.ErrAbortHandler)
	case Slow:
		t := time.NewTimer(d.fault.After)
		defer t.Stop()
		select {
		case <-t.C:
		case <-d.request.Context().Done():
		case <-d.server.stopped:
		}
	case SkewedClock:
		h.Set("Date", d.server.opt.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	default:
		body = d.spoil(body)
	}
	d.recorder.WriteHeader(d.status)
	_, _ = d.recorder.Write(body)
	return n, nil
}

// spoil changes a page.
func (d *distorted) spoil(body []byte) []byte {
	var page map[string]json.RawMessage
	var list []json.RawMessage
	if d.status != http.StatusOK || json.Unmarshal(body, &page) != nil || json.Unmarshal(page["value"], &list) != nil {
		return body
	}
	here := d.server.url + d.request.URL.Path + "?" + d.request.URL.Query().Encode()
	link := ""
	switch d.fault.Do {
	case SameLink:
		link = here
	case EndlessLinks, EmptyPages:
		d.server.mu.Lock()
		d.server.loops++
		n := d.server.loops
		d.server.mu.Unlock()
		link = here + "&$loop=" + strconv.Itoa(n) // taken off before the request is answered
		if d.fault.Do == EmptyPages {
			list = nil
		}
	case ForeignLink:
		link = "http://127.0.0.1:1/v1.0/auditLogs/signIns?$skiptoken=1"
	case GiantRow:
		list = append(list, json.RawMessage(`{"id":"giant","createdDateTime":"2025-09-08T12:00:00Z","userPrincipalName":"u1@example.co.jp","appDisplayName":"`+strings.Repeat("x", 5<<20)+`","status":{"errorCode":0}}`))
	case BrokenRow:
		list = append(list, json.RawMessage(`{"id":"broken","createdDateTime":7,"userPrincipalName":"u1@example.co.jp","appDisplayName":"x","status":{"errorCode":0}}`))
	case TwinMembers:
		list = append(list, json.RawMessage(`{"id":"twin","createdDateTime":"2025-09-08T12:00:00Z","userPrincipalName":"u1@example.co.jp","userPrincipalName":"u2@example.co.jp","appDisplayName":"x","status":{"errorCode":0}}`))
	case WrongTypes:
		for i := range list {
			list[i] = json.RawMessage(fmt.Sprintf(`{"id":%d,"createdDateTime":["x"],"userPrincipalName":{},"status":"none"}`, i))
		}
	default:
		panic(fmt.Sprintf("way %d does not spoil an answer", d.fault.Do))
	}
	if list == nil {
		list = []json.RawMessage{}
	}
	page["value"], _ = json.Marshal(list) // all of it is JSON
	if link != "" {
		page["@odata.nextLink"], _ = json.Marshal(link)
	}
	out, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return out
}
