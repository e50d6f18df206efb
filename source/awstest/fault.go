package awstest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Trouble is one way to misbehave.
type Trouble uint8

// The troubles.
const (
	None         Trouble = iota
	Throttle             // ThrottlingException, HTTP 400
	Unavailable          // ServiceUnavailable, HTTP 503
	Broken               // InternalFailure, HTTP 500
	Refuse               // an error of the service: Code, else ValidationException, HTTP 400
	Deny                 // AccessDeniedException
	ExpireToken          // ExpiredTokenException
	Timeout              // no answer until the client leaves
	Slow                 // the right answer, after By
	Cut                  // the connection is cut before the answer
	Truncate             // the connection is cut in the middle of the body
	WrongType            // HTTP 200 and a page of HTML, as a captive portal sends
	NoBody               // HTTP 200 and nothing
	Flood                // HTTP 200 and a body of 1 GiB
	Skew                 // the server's clock is By ahead, for every call while the fault stands
	SameToken            // every page says that there is another, with the same token
	EndlessToken         // every page says that there is another, with a new token
)

var troubles = [...]string{
	"none", "throttle", "unavailable", "broken", "refuse", "deny", "expired token", "timeout", "slow", "cut", "truncate",
	"wrong type", "no body", "flood", "skew", "same token", "endless token",
}

// String is the trouble in a word.
func (t Trouble) String() string { return troubles[t] }

// refuses tells whether the trouble is an error that the service gives.
func (t Trouble) refuses() bool {
	switch t {
	case Throttle, Unavailable, Broken, Refuse, Deny, ExpireToken:
		return true
	case None, Timeout, Slow, Cut, Truncate, WrongType, NoBody, Flood, Skew, SameToken, EndlessToken:
	}
	return false
}

// A Fault says what happens to some calls. Empty names stand for any.
type Fault struct {
	Service   string
	Operation string
	Account   string
	Region    string
	Calls     string // which of the calls that match: "1", "1-3" or "2-", counted from 1; "" for all
	Do        Trouble
	By        time.Duration // of Slow and Skew
	Code      string        // of Refuse
	Message   string
}

type fault struct {
	Fault
	from, to, seen int
	off            bool
}

// Script adds a fault; the first that matches a call happens. The returned function takes it back.
func (s *Server) Script(f Fault) (end func()) {
	s.t.Helper()
	x := &fault{Fault: f, from: 1, to: int(^uint(0) >> 1)}
	if f.Calls != "" {
		first, last, isRange := strings.Cut(f.Calls, "-")
		var err error
		if x.from, err = strconv.Atoi(first); err != nil {
			s.t.Fatalf("awstest: calls %q is no range", f.Calls)
		}
		switch {
		case !isRange:
			x.to = x.from
		case last != "":
			if x.to, err = strconv.Atoi(last); err != nil {
				s.t.Fatalf("awstest: calls %q is no range", f.Calls)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, x)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.off = true
	}
}

// fault is what happens to a call.
func (s *Server) fault(r Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out Fault
	for _, f := range s.faults {
		if f.off || f.Do == Skew ||
			f.Service != "" && f.Service != r.Service || f.Operation != "" && f.Operation != r.Operation ||
			f.Account != "" && f.Account != r.Account || f.Region != "" && f.Region != r.Region {
			continue
		}
		f.seen++
		if f.seen >= f.from && f.seen <= f.to && out.Do == None {
			out = f.Fault
		}
	}
	return out
}

// err is the service's error.
func (f Fault) err() error {
	e := &Error{Message: f.Message}
	switch f.Do {
	case Throttle:
		e.Code = "ThrottlingException"
		if e.Message == "" {
			e.Message = "Rate exceeded"
		}
	case Unavailable:
		e.Code = "ServiceUnavailable"
	case Broken:
		e.Code = "InternalFailure"
	case Deny:
		e.Code = "AccessDeniedException"
	case ExpireToken:
		e.Code = "ExpiredTokenException"
	case Refuse:
		e.Code = f.Code
		if e.Code == "" {
			e.Code = "ValidationException"
		}
	case None, Timeout, Slow, Cut, Truncate, WrongType, NoBody, Flood, Skew, SameToken, EndlessToken:
	}
	return e
}

// tokenMembers are the names that services give their page tokens, in requests and responses.
var tokenMembers = []string{"NextToken", "nextToken", "Marker"}

const fakeToken = "token-without-end"

// pages takes our own token out of a request, and puts one into its answer.
func (f Fault) pages(m *model, op *operation, in map[string]any) func(out map[string]any) {
	n := 0
	for _, name := range tokenMembers {
		if text, _ := in[name].(string); strings.HasPrefix(text, fakeToken) {
			n, _ = strconv.Atoi(strings.TrimPrefix(text, fakeToken+"-")) // "" is the first page
			delete(in, name)
		}
	}
	return func(out map[string]any) {
		if op.Output == nil {
			return
		}
		for _, name := range tokenMembers {
			if _, ok := m.Shapes[op.Output.Shape].Members[name]; !ok {
				continue
			}
			out[name] = fakeToken
			if f.Do == EndlessToken {
				out[name] = fmt.Sprintf("%s-%d", fakeToken, n+1)
			}
		}
	}
}
