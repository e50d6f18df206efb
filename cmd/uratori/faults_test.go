package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/investigate"
	"uratori/investigate/truthtest"
	"uratori/source/awstest"
	"uratori/source/graphtest"
	"uratori/source/splunktest"
)

// A fault is one way in which services misbehave, as each of their doubles does it. On which calls it
// strikes, a phase says.
type fault struct {
	name     string
	splunk   splunktest.Kind
	aws      awstest.Trouble
	graph    graphtest.Way
	outcomes []string // of what was asked, where every call is struck; nil where the answer comes all the same
	passes   bool     // when it strikes one call only, another attempt mends it
}

var faults = []fault{
	{"throttled", splunktest.Throttle, awstest.Throttle, graphtest.Throttle, []string{"Throttled"}, true},
	{"500", splunktest.Down, awstest.Broken, graphtest.ServerError, []string{"Failed"}, true},
	{"503", splunktest.Unavailable, awstest.Unavailable, graphtest.GatewayTime, []string{"Failed"}, true},
	{"400", splunktest.Invalid, awstest.Refuse, graphtest.BadRequest, []string{"Denied"}, false},
	{"401", splunktest.Expired, awstest.ExpireToken, graphtest.Unauthorized, []string{"Denied"}, false},
	{"403", splunktest.Forbidden, awstest.Deny, graphtest.Forbidden, []string{"Denied"}, false},
	{"timeout", splunktest.Hang, awstest.Timeout, graphtest.Hang, []string{"Failed"}, true},
	{"cut", splunktest.CutHeaders, awstest.Cut, graphtest.Cut, []string{"Failed"}, true},
	{"truncated", splunktest.CutBody, awstest.Truncate, graphtest.TruncatedBody, []string{"Failed"}, true},
	{"half", splunktest.HalfJSON, awstest.Truncate, graphtest.NotJSON, []string{"Failed"}, true},
	{"slow", splunktest.Slow, awstest.Slow, graphtest.Slow, nil, true},
	{"wrong type", splunktest.HTML, awstest.WrongType, graphtest.WrongType, []string{"Failed"}, true},
	{"skew", 0, awstest.Skew, graphtest.SkewedClock, nil, true},
}

// A phase says which calls a fault strikes.
type phase struct {
	name  string
	first int // of the struck calls, from 1
	last  int // 0: all
}

var phases = []phase{{"always", 1, 0}, {"once", 1, 1}, {"later", 6, 0}}

// A struck is a source that misbehaves, in an arrangement in which what it holds is nowhere else.
type struck struct {
	name string
	arrangement
	strike func(r *remote, f fault, p phase)
	calls  func(r *remote) map[string]int // that reached its double, by how the names of their APIs begin
}

func calls(phase phase) string {
	if phase.last == 0 {
		return fmt.Sprintf("%d-", phase.first)
	}
	return fmt.Sprintf("%d-%d", phase.first, phase.last)
}

// strikeAWS lets a service of AWS misbehave.
func strikeAWS(service string) func(*remote, fault, phase) {
	return func(r *remote, f fault, p phase) {
		r.aws.Tolerate() // of a request that is cut in the middle
		by := 20 * time.Millisecond
		if f.aws == awstest.Skew {
			by = time.Hour
		}
		r.aws.Script(awstest.Fault{Service: service, Calls: calls(p), Do: f.aws, By: by})
	}
}

// reachedAWS counts the calls that reached a service of AWS.
func reachedAWS(service string) func(*remote) map[string]int {
	return func(r *remote) map[string]int {
		out := map[string]int{}
		for _, c := range r.aws.Calls() {
			if c.Service == service {
				out[c.Service+":"+c.Operation]++
			}
		}
		return out
	}
}

var struckSources = []struck{
	{
		name: "splunk-prod", arrangement: arrangement{cloudtrail: []string{"cloudtrail-api"}, signin: []string{"splunk-prod"}},
		strike: func(r *remote, f fault, p phase) {
			s := splunktest.Fault{Kind: f.splunk, After: p.first - 1}
			if p.last > 0 {
				s.Times = p.last - p.first + 1
			}
			r.splunk.Script(s)
		},
		calls: func(r *remote) map[string]int {
			out := map[string]int{"splunk:": len(r.splunk.Requests())}
			return out
		},
	},
	{
		name: "cloudtrail-api", arrangement: arrangement{cloudtrail: []string{"splunk-prod", "cloudtrail-api"}, signin: []string{"splunk-prod"}},
		strike: strikeAWS("cloudtrail"), calls: reachedAWS("cloudtrail"),
	},
	{
		name: "athena", arrangement: arrangement{cloudtrail: []string{"athena"}, signin: []string{"splunk-prod"}},
		strike: strikeAWS("athena"), calls: reachedAWS("athena"),
	},
	{
		name: "entra", arrangement: arrangement{cloudtrail: []string{"cloudtrail-api"}, signin: []string{"entra"}},
		strike: func(r *remote, f fault, p phase) {
			r.graph.Script(graphtest.Fault{Path: "signIns", From: p.first, To: p.last, Do: f.graph, After: 20 * time.Millisecond})
		},
		calls: func(r *remote) map[string]int {
			return map[string]int{"graph:auditLogs/signIns": r.graph.Asked("signIns")}
		},
	},
}

// An outcome is what became of one investigation.
type ended struct {
	status  int
	out     string
	errs    string
	record  truthtest.Record
	spent   map[string]int64 // calls by API, as the report says
	limited map[string]int64
}

// report runs the command and reads its report.json.
func (r *remote) report(t *testing.T, name string) ended {
	t.Helper()
	dir := filepath.Join(r.dir, name)
	var e ended
	e.status, e.out, e.errs = r.command("investigate", filepath.Join(r.dir, "finding.json"), "--config", filepath.Join(r.dir, "uratori.yaml"), "-o", dir)
	if e.status != exitOK {
		t.Fatalf("exit status %d\n%s%s", e.status, e.out, e.errs)
	}
	data, err := os.ReadFile(filepath.Join(dir, investigate.JSONName))
	if err != nil {
		t.Fatal(err)
	}
	if e.record, err = truthtest.Read(data); err != nil {
		t.Fatal(err)
	}
	e.spent, e.limited = map[string]int64{}, map[string]int64{}
	for what, b := range e.record.Budget {
		if api, ok := strings.CutPrefix(what, "calls of "); ok {
			e.spent[api], e.limited[api] = b.Used, b.Limit
		}
	}
	return e
}

// outcomesOf are the outcomes of a source's answers.
func (e ended) outcomesOf(name string) map[string]int {
	out := map[string]int{}
	for _, it := range e.record.Evidence {
		if it.Source == name && it.Dataset != "" {
			out[it.Outcome]++
		}
	}
	return out
}

func soaking() bool { return os.Getenv("URATORI_SOAK") != "" }

// Whatever a source does, no fact is wrong, no call is made that is not counted, the outcome is
// named, nothing is surer than without the fault, and the reader is told where to look. About one
// cell a fault is run; all of them when URATORI_SOAK is set.
func TestFaultMatrixSoak(t *testing.T) {
	for i, s := range struckSources {
		a := s.arrangement
		a.quick = true
		var whole truthtest.Record
		for j, f := range faults {
			for _, p := range phases {
				if !soaking() && (p.name != "always" || j%len(struckSources) != i) {
					continue
				}
				if whole.Facts == nil {
					whole = a.behind(t, "a").report(t, "whole").record
				}
				t.Run(s.name+"/"+f.name+"/"+p.name, func(t *testing.T) { cell(t, s, a, f, p, whole) })
			}
		}
	}
}

// cell is one investigation with one fault.
func cell(t *testing.T, s struck, a arrangement, f fault, p phase, whole truthtest.Record) {
	a.timeout = map[string]string{}
	if f.name == "timeout" {
		a.timeout[s.name] = "400ms"
		if p.name == "once" { // and no other call may be taken for silent on a busy machine
			a.timeout[s.name] = "15s"
		}
	}
	if f.name == "skew" {
		a.ahead = time.Hour
	}
	r := a.behind(t, "a")
	if f.name != "skew" || s.name != "splunk-prod" {
		s.strike(r, f, p)
	}
	e := r.report(t, "case")
	for _, wrong := range truthtest.Surer(e.record, whole) {
		t.Error(wrong)
	}
	for api, n := range s.calls(r) {
		counted := int64(0)
		for name, spent := range e.spent {
			if strings.HasPrefix(name, api) {
				counted += spent
			}
		}
		if int64(n) > counted {
			t.Errorf("%d calls of %s reached the double, %d were counted", n, api, counted)
		}
	}
	said := e.outcomesOf(s.name)
	mended := f.outcomes == nil || p.name == "once" && f.passes
	switch {
	case p.name == "always" && f.outcomes != nil:
		if !slices.ContainsFunc(f.outcomes, func(o string) bool { return said[o] > 0 }) || said["Found"]+said["Empty"]+said["Truncated"] > 0 {
			t.Errorf("%s said %v; want %v and no answer", s.name, said, f.outcomes)
		}
	case mended:
		if e.record.Verdict != whole.Verdict || e.record.Risk != whole.Risk || e.record.Confidence != whole.Confidence {
			t.Errorf("judged %s %+v %+v; want %s %+v %+v", e.record.Verdict, e.record.Risk, e.record.Confidence, whole.Verdict, whole.Risk, whole.Confidence)
		}
	}
	if troubled := said["Failed"]+said["Denied"]+said["Throttled"] > 0; troubled != strings.Contains(e.errs, "source "+s.name) {
		t.Errorf("%s said %v, and the reader is told:\n%s", s.name, said, e.errs)
	}
	t.Logf("%v, %s", said, strings.TrimSpace(e.errs))
}
