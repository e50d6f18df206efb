package fact

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"uratori/finding"
)

// The families of findings that are about a machine, a file, a database or a function: their own
// event is no API call, and no person stands at its beginning.
var (
	networkFamilies = []string{"ec2", "runtime", "malware_ebs", "lambda"}
	roleFamilies    = []string{"ec2", "runtime", "malware_ebs", "malware_backup", "lambda"}
	scanFamilies    = []string{"malware_ebs", "malware_s3", "malware_backup"}
	fileFamilies    = []string{"runtime", "malware_ebs", "malware_s3", "malware_backup"}
	machineFamilies = []string{"ec2", "runtime", "malware_ebs", "malware_backup", "rds", "lambda"}
)

// personal tells whether a fact compares a call with a person's own past or sign-ins: cases
// about machines do not have it.
func personal(key Key) bool {
	for _, group := range []string{"signin.", "baseline.", "chain.", "identity.", "person."} {
		if strings.HasPrefix(string(key), group) {
			return true
		}
	}
	return false
}

// ofActor tells whether a fact is about the credential, the session or the person that acted.
func (d Def) ofActor() bool {
	for _, group := range []string{"actor.", "hop.", "probe.", "access.", "application.", "login.", "event.source_"} {
		if strings.HasPrefix(string(d.Key), group) {
			return true
		}
	}
	return personal(d.Key) || d.ofSession()
}

// ofSession tells whether a fact is about what a credential, a principal or a session did.
func (d Def) ofSession() bool {
	return d.Each != nil && strings.HasPrefix(string(d.Key), "activity.") || slices.Contains([]Key{"impact.accounts_reached", "impact.secrets_read", "impact.still_active"}, d.Key)
}

// unasked tells whether a fact is about what an AWS principal did to objects, or did at all: cases
// of families where nobody asks for that do not have it.
func (d Def) unasked(family string) bool {
	object := strings.HasPrefix(string(d.Key), "impact.object") || slices.Contains([]Key{"impact.bytes_out", "impact.read_minutes", "impact.public_exposure"}, d.Key)
	switch {
	case slices.Contains(machineFamilies, family) || family == "malware_s3":
		return object || d.ofSession() && family == "rds"
	case family == "attack_sequence": // what was read or deleted is a signal, with its own log
		return object
	}
	return false
}

// acting is whose calls tell what the actor did: the credential, of a machine its role.
func (v *view) acting() string {
	if v.machine() {
		return "session"
	}
	return "credential"
}

// machine tells whether the finding is of a family whose event is no API call.
func (v *view) machine() bool {
	return slices.Contains(machineFamilies, finding.FamilyOf(v.f))
}

// outward tells whether our side opened the connection: the far end is no source then.
func (v *view) outward() bool { return v.machine() && v.f.Action.Direction == "OUTBOUND" }

// fromSource is a value of the finding about the far end, where that is the source.
func fromSource(get func(finding.Remote) string) func(*view, string) result {
	return func(v *view, _ string) result {
		if v.outward() || v.machine() && !v.f.Action.Remote.IP.IsValid() { // a name, a process or a file has no far end
			return notApplicable(findingRef)
		}
		return told(get(v.f.Action.Remote))
	}
}

// machineRecorded tells whether the event of a finding that is no API call is proven: by the
// log that records such events, else, for processes and files, by the finding itself.
func machineRecorded(v *view) result {
	var r result
	switch family := finding.FamilyOf(v.f); {
	case slices.Contains(fileFamilies, family):
		r = known(BoolOf(true), findingRef)
		r.rule = "GuardDuty's agent or scan saw it: the finding is the record"
	case v.f.Action.Domain != "":
		r = recordedBy(v, "dns.queries")
		r.rule = "the instance's query for the name stands in the resolver query log"
	case family == "rds":
		r = recordedBy(v, "rds.audit_connects")
		if failed := recordedBy(v, "rds.audit_failed"); failed.value.Num == 1 {
			r = failed
		}
		r.rule = "the audit log holds a login from the address, or one that failed"
	default:
		r = recordedBy(v, "network.flows")
		r.rule = "a flow with the peer stands in the flow log"
	}
	return r
}

func recordedBy(v *view, key Key) result {
	d, _ := DefOf(key)
	n := d.Rule(v, "")
	switch n.state {
	case Known, AtLeast:
		if n.value.Num > 0 {
			return result{state: Known, value: BoolOf(true), window: n.window, from: n.from}
		}
		return result{state: n.state, value: BoolOf(false), gap: n.gap, window: n.window, from: n.from}
	case Unknown, NotApplicable:
	}
	return n
}

// choice is a value of the finding that is one of a fact's choices, in upper case there.
func choice(v string, other string, all ...string) result {
	low := strings.ToLower(v)
	switch {
	case v == "":
		return unknown("finding", findingRef)
	case slices.Contains(all, low):
		return known(NameOf(low), findingRef)
	}
	return known(NameOf(other), findingRef)
}

// toldOr is a value of the finding; without one the question does not arise.
func toldOr(get func(finding.Finding) string) func(*view, string) result {
	return func(v *view, _ string) result {
		if s := get(v.f); s != "" {
			return known(TextOf(s), findingRef)
		}
		return notApplicable(findingRef)
	}
}

// toldList is a list of the finding.
func toldList(get func(finding.Finding) []string) func(*view, string) result {
	return func(v *view, _ string) result {
		list := sortedCopy(get(v.f))
		if len(list) == 0 {
			return notApplicable(findingRef)
		}
		more := len(list) > 50
		return known(TextsOf(list[:min(50, len(list))], more), findingRef)
	}
}

// ofTable is a rule over the answer that a fact rests on.
func ofTable(key Key, get func(v *view, t table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		t, why, ok := v.ask(key, "")
		if !ok {
			return why
		}
		return get(v, t)
	}
}

// portText is a port with its name, such as "22 (SSH)".
func portText(n int, name string) string {
	switch {
	case n == 0:
		return ""
	case name == "" || name == "Unknown":
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d (%s)", n, name)
}

// edge is the earliest or latest time in a column.
func (t table) edge(col string, first bool) result {
	best := -1
	for i := range t.len() {
		at := t.time(i, col)
		if at.IsZero() {
			continue
		}
		if best < 0 || first && at.Before(t.time(best, col)) || !first && at.After(t.time(best, col)) {
			best = i
		}
	}
	if best < 0 {
		return t.empty()
	}
	return t.measured(TimeOf(t.time(best, col)), true)
}

// sum adds a column over the rows that fit, and tells whether there were any.
func (t table) sum(col string, fits func(i int) bool) (n int64, any bool) {
	for i := range t.len() {
		if fits(i) {
			n, any = n+t.int(i, col), true
		}
	}
	return n, any
}

// listRows makes a table of rows, at most 20.
func (t table) listRows(row func(i int) Row) result {
	val := Value{Type: Table}
	for i := range t.len() {
		r := row(i)
		if r == nil {
			continue
		}
		if len(val.Rows) == 20 {
			val.More = true
			break
		}
		val.Rows = append(val.Rows, r)
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}

func orDash(s string) string { return cmp.Or(s, "-") }
