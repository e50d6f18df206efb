package awstest

import (
	"slices"
	"time"
)

// A Call is one request that was made of the server.
type Call struct {
	Service, Operation string
	Account, Region    string
	Time               time.Time
	Status             int     // HTTP
	Trouble            Trouble // Throttle also where a limit did it
}

func (s *Server) log(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}

// Calls are the requests so far, in the order of their answers. With names, only those of the
// operations "service:Operation".
func (s *Server) Calls(operations ...string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if len(operations) == 0 || slices.Contains(operations, c.Service+":"+c.Operation) {
			out = append(out, c)
		}
	}
	return out
}

// Forget empties the log.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Limit makes the server throttle an operation "service:Operation" that is called more than n
// times within one second in one account and Region; a call that was throttled does not count.
func (s *Server) Limit(operation string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits[operation] = n
}

// tooFast tells whether a request is over its limit.
func (s *Server) tooFast(r Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.limits[r.Service+":"+r.Operation]
	if !ok {
		return false
	}
	now := time.Now()
	recent := 0
	for _, c := range s.calls {
		if c.Trouble != Throttle && c.Service == r.Service && c.Operation == r.Operation && c.Account == r.Account && c.Region == r.Region && now.Sub(c.Time) < time.Second {
			recent++
		}
	}
	return recent >= n
}

// MaxPerSecond is the largest number of calls of an operation "service:Operation" within any
// second, in one account and Region.
func (s *Server) MaxPerSecond(operation string) int {
	type place struct{ account, region string }
	times := map[place][]time.Time{}
	for _, c := range s.Calls(operation) {
		p := place{c.Account, c.Region}
		times[p] = append(times[p], c.Time)
	}
	most := 0
	for _, ts := range times {
		slices.SortFunc(ts, time.Time.Compare)
		first := 0
		for i, t := range ts {
			for t.Sub(ts[first]) >= time.Second {
				first++
			}
			most = max(most, i-first+1)
		}
	}
	return most
}
