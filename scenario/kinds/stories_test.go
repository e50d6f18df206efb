package kinds

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/finding"
)

func tell(t testing.TB, of finding.Type, twin Twin, seed uint64) Story {
	t.Helper()
	s, err := Tell(of, twin, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allStories are all stories by seed 1, told once for all tests.
var allStories = sync.OnceValues(func() ([]Story, error) {
	var out []Story
	for _, of := range Told() {
		for _, twin := range AllTwins() {
			s, err := Tell(of, twin, 1)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
	return out, nil
})

// every calls f with each story.
func every(t *testing.T, f func(t *testing.T, s Story)) {
	t.Helper()
	all, err := allStories()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(strings.ReplaceAll(s.Name(), "/", "."), func(t *testing.T) { f(t, s) })
	}
}

// There are stories of at least forty types, over every family.
func TestStoriesCoverTheFamilies(t *testing.T) {
	told := Told()
	if len(told) < 40 {
		t.Errorf("%d types have stories", len(told))
	}
	families, once := map[string]int{}, map[finding.Type]bool{}
	for _, of := range told {
		info, ok := finding.Lookup(of)
		if !ok || info.Status != "active" || once[of] {
			t.Errorf("%s: known %t, %s, told before %t", of, ok, info.Status, once[of])
		}
		once[of] = true
		families[info.Family]++
	}
	for _, info := range finding.Catalogue() {
		if families[info.Family] == 0 {
			t.Errorf("family %s has no story", info.Family)
		}
	}
	for _, twin := range []Twin{"", "none", "evil"} {
		if _, err := Tell(told[0], twin, 1); err == nil {
			t.Errorf("a story of twin %q was told", twin)
		}
	}
	if _, err := Tell("Backdoor:EC2/DenialOfService.Tcp", Benign, 1); err == nil {
		t.Error("a story was told that nobody wrote")
	}
}

var kindsOfRecord = []string{management, s3Data, bedrock, vpcFlow, dnsLog, eksAudit, rdsAudit, lambdaData, "signin", "s3_access"}

// What is expected can be held against a report, and never lets a missing log make anything harmless.
func TestExpectationsMakeSense(t *testing.T) {
	verdicts := []string{"benign", "inconclusive", "suspicious", "malicious"}
	bands := []string{"", "Low", "Medium", "High", "Critical"}
	for _, p := range plots {
		for twin, e := range map[Twin]Expect{Benign: p.benign, Malicious: p.malicious, Missing: p.missing} {
			name := fmt.Sprint(p.of, " ", twin)
			if len(e.Verdicts) == 0 || slices.ContainsFunc(e.Verdicts, func(v string) bool { return !slices.Contains(verdicts, v) }) {
				t.Errorf("%s: verdicts %v", name, e.Verdicts)
			}
			if !slices.Contains(bands, e.AtLeast) || !slices.Contains(bands, e.AtMost) {
				t.Errorf("%s: bands %q to %q", name, e.AtLeast, e.AtMost)
			}
			if len(e.Because) < 40 || !strings.HasSuffix(e.Because, ".") {
				t.Errorf("%s: the reason is %q", name, e.Because)
			}
			for _, k := range append(slices.Clone(e.Missing), p.decides...) {
				if !slices.Contains(kindsOfRecord, k) {
					t.Errorf("%s: no kind of record %q", name, k)
				}
			}
			switch twin {
			case Missing:
				if slices.Contains(e.Verdicts, "benign") || e.Gap == "" || !slices.Contains(p.decides, e.Gap) {
					t.Errorf("%s: without %v it is one of %v and the gap is %q", name, p.decides, e.Verdicts, e.Gap)
				}
			case Malicious:
				if slices.Contains(e.Verdicts, "benign") || e.AtLeast == "" {
					t.Errorf("%s: an attack is one of %v, at least %q", name, e.Verdicts, e.AtLeast)
				}
			}
		}
		if p.benign.Because == p.malicious.Because || len(p.decides) == 0 {
			t.Errorf("%s: the twins do not differ, or nothing decides", p.of)
		}
	}
	for _, of := range Types() {
		if n := Needs(of); len(n) == 0 || !slices.Contains(kindsOfRecord, n[0]) {
			t.Errorf("%s needs %v", of, n)
		}
	}
}

func TestStoriesAreTheSameAgain(t *testing.T) {
	all, err := allStories()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]bool{}
	for _, one := range all {
		info, _ := finding.Lookup(one.Type)
		if one.Twin != Malicious || families[info.Family] {
			continue
		}
		families[info.Family] = true
		if two := tell(t, one.Type, one.Twin, 1); !maps.EqualFunc(one.Files, two.Files, bytes.Equal) {
			t.Errorf("%s: two runs differ", one.Name())
		}
	}
	if one, other := all[0], tell(t, all[0].Type, all[0].Twin, 2); maps.EqualFunc(one.Files, other.Files, bytes.Equal) {
		t.Errorf("%s: another seed gives the same story", one.Name())
	}
}

// A row is one record as it was read back, by its kind.
type row struct {
	kind string
	at   time.Time
	obj  map[string]any // JSON forms
	cols []string       // text forms
}

var accessLine = regexp.MustCompile(`^(\S+) (\S+) \[([^\]]+)\] (\S+) (\S+) (\S+) (\S+) (\S+) "([^"]*)" (\d+) (\S+) (\S+) (\S+) (\S+) (\S+) "([^"]*)" "([^"]*)" (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)$`)

// rowsRead are the rows of stories that were read already.
var rowsRead sync.Map

// read reads all logs of a story back, each in the form that its service documents.
func read(t testing.TB, s Story) []row {
	t.Helper()
	if rows, ok := rowsRead.Load(s.Name()); ok {
		return rows.([]row)
	}
	out := parse(t, s)
	rowsRead.Store(s.Name(), out)
	return out
}

func parse(t testing.TB, s Story) []row {
	t.Helper()
	var out []row
	stamp := func(text, layout string) time.Time {
		at, err := time.Parse(layout, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	seconds := func(text string) time.Time {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(n, 0).UTC()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		if !strings.HasPrefix(name, "logs/") || strings.Contains(name, "trail-settings") {
			continue
		}
		data := plain(t, name, s.Files[name])
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		switch {
		case strings.Contains(name, "/CloudTrail/"):
			var file struct{ Records []map[string]any }
			if err := json.Unmarshal(data, &file); err != nil || len(file.Records) == 0 {
				t.Fatalf("%s: %d records, %v", name, len(file.Records), err)
			}
			for _, r := range file.Records {
				kind := management
				if r["eventCategory"] == "Data" {
					kind = map[any]string{"s3.amazonaws.com": s3Data, "bedrock.amazonaws.com": bedrock, "lambda.amazonaws.com": lambdaData}[r["eventSource"]]
				}
				if !strings.Contains(name, r["recipientAccountId"].(string)+"_CloudTrail_"+r["awsRegion"].(string)) {
					t.Errorf("%s holds a record of %s in %s", name, r["recipientAccountId"], r["awsRegion"])
				}
				out = append(out, row{kind, stamp(r["eventTime"].(string), time.RFC3339), r, nil})
			}
		case strings.Contains(name, "/vpcflowlogs/"):
			if lines[0] != strings.Join(flowFields, " ") {
				t.Fatalf("%s begins with %q", name, lines[0])
			}
			for _, l := range lines[1:] {
				cols := strings.Fields(l)
				if len(cols) != len(flowFields) {
					t.Fatalf("%s: %d fields in %q", name, len(cols), l)
				}
				out = append(out, row{vpcFlow, seconds(cols[10]), nil, cols})
			}
		case strings.Contains(name, "/vpcdnsquerylogs/"):
			for _, l := range lines {
				r := decode(t, []byte(l))
				if !strings.HasSuffix(r["query_name"].(string), ".") {
					t.Errorf("%s: %s is no full name", name, r["query_name"])
				}
				out = append(out, row{dnsLog, stamp(r["query_timestamp"].(string), time.RFC3339), r, nil})
			}
		case strings.Contains(name, "/s3-access/"):
			for _, l := range lines {
				cols := accessLine.FindStringSubmatch(l)
				if cols == nil {
					t.Fatalf("%s: %q is no line of an access log", name, l)
				}
				out = append(out, row{"s3_access", stamp(cols[3], "02/Jan/2006:15:04:05 -0700"), nil, cols[1:]})
			}
		case strings.Contains(name, "/cloudwatch/"):
			for _, l := range lines {
				out = append(out, envelope(t, name, l)...)
			}
		case strings.Contains(name, "/entra/"):
			for _, l := range lines {
				r := decode(t, []byte(l))
				out = append(out, row{"signin", stamp(r["createdDateTime"].(string), time.RFC3339), r, nil})
			}
		default:
			t.Errorf("nobody knows what %s is", name)
		}
	}
	return out
}

// envelope reads what CloudWatch Logs sends to Amazon Data Firehose.
func envelope(t testing.TB, name, line string) []row {
	t.Helper()
	var e struct {
		MessageType, Owner, LogGroup, LogStream string
		LogEvents                               []struct {
			ID, Message string
			Timestamp   int64
		}
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.MessageType != "DATA_MESSAGE" || e.Owner == "" || len(e.LogEvents) == 0 {
		t.Fatalf("%s: %+v, %v", name, e, err)
	}
	var out []row
	for _, m := range e.LogEvents {
		at := time.UnixMilli(m.Timestamp).UTC()
		if strings.HasPrefix(e.LogGroup, "/aws/eks/") {
			r := decode(t, []byte(m.Message))
			if r["apiVersion"] != "audit.k8s.io/v1" || r["auditID"] == "" || r["stage"] != "ResponseComplete" {
				t.Errorf("%s: %v is no audit event", name, r)
			}
			out = append(out, row{eksAudit, at, r, nil})
			continue
		}
		cols := strings.Split(m.Message, ",")
		if micro, err := strconv.ParseInt(cols[0], 10, 64); err != nil || len(cols) != 10 || micro/1000 != m.Timestamp {
			t.Errorf("%s: %q is no line of an audit log", name, m.Message)
		}
		out = append(out, row{rdsAudit, at, nil, cols})
	}
	return out
}

func plain(t testing.TB, name string, data []byte) []byte {
	t.Helper()
	if !strings.HasSuffix(name, ".gz") {
		return data
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// Logs are in their services' forms, run over the whole time without a hole of two hours, and
// have no id twice; the missing twin lacks what decides, the others have it.
func TestLogsAreDelivered(t *testing.T) {
	every(t, func(t *testing.T, s Story) {
		p := plots[slices.IndexFunc(plots, func(p plot) bool { return p.of == s.Type })]
		rows := read(t, s)
		kinds, ids := map[string][]time.Time{}, map[string]bool{}
		for _, r := range rows {
			kinds[r.kind] = append(kinds[r.kind], r.at)
			for _, member := range []string{"eventID", "auditID"} {
				if id, ok := r.obj[member].(string); ok {
					if ids[id] {
						t.Errorf("%s %s stands twice", member, id)
					}
					ids[id] = true
				}
			}
		}
		for _, k := range p.decides {
			if has := len(kinds[k]) > 0; has != (s.Twin != Missing) {
				t.Errorf("records of %s: %t", k, has)
			}
		}
		if s.Twin != Missing && !slices.Equal(s.Expect.Seen, p.decides) {
			t.Errorf("seen are %v, %v decides", s.Expect.Seen, p.decides)
		}
		for k, times := range kinds {
			slices.SortFunc(times, func(a, b time.Time) int { return a.Compare(b) })
			for i, at := range times[1:] {
				if gap := at.Sub(times[i]); gap > 3*time.Hour {
					t.Errorf("%s: nothing for %s after %s", k, gap, times[i])
				}
			}
			if span := times[len(times)-1].Sub(times[0]); span < 31*24*time.Hour {
				t.Errorf("%s spans %s", k, span)
			}
		}
	})
}

// What the finding says was done stands in the log that decides, by the same actor or address, at
// the time that the finding gives.
func TestTheFindingIsInTheLog(t *testing.T) {
	every(t, func(t *testing.T, s Story) {
		fs, err := finding.Parse(s.Files["finding.json"])
		if err != nil {
			t.Fatal(err)
		}
		f := fs[0]
		found := slices.ContainsFunc(read(t, s), func(r row) bool {
			if r.at.Before(f.FirstSeen.Add(-10*time.Minute)) || r.at.After(f.LastSeen.Add(10*time.Minute)) {
				return false
			}
			switch r.kind {
			case management, s3Data, bedrock:
				who, _ := r.obj["userIdentity"].(map[string]any)
				key, _ := who["accessKeyId"].(string)
				return r.obj["eventName"] == f.Action.API && r.obj["eventSource"] == f.Action.Service && key == f.Resource.AccessKey.ID && r.obj["sourceIPAddress"] == f.Action.Remote.Text
			case vpcFlow:
				return (r.cols[3] == f.Action.Remote.Text || r.cols[4] == f.Action.Remote.Text) && f.Action.Type != "DNS_REQUEST"
			case dnsLog:
				return r.obj["query_name"] == f.Action.Domain+"." && f.Action.Domain != ""
			case eksAudit:
				return r.obj["verb"] == f.Action.Verb && r.obj["requestURI"] == f.Action.RequestURI && r.obj["sourceIPs"].([]any)[0] == f.Action.Remote.Text
			case rdsAudit:
				return r.cols[3] == f.Action.Remote.Text
			}
			return false
		})
		info, _ := finding.Lookup(s.Type)
		switch {
		case s.Twin == Missing:
			if found && info.Family != "lambda" { // its traffic is there, who changed it is not
				t.Error("what the finding says is in a log, although the one that decides is missing")
			}
		case info.Family == "attack_sequence", strings.HasPrefix(info.Family, "malware"), info.Family == "runtime" && f.Action.Type == "":
			// Signals, scans and programs are not calls; the log has what surrounds them.
		case s.Twin == Benign && (info.Family == "runtime" || s.Type == "Discovery:RDS/MaliciousIPCaller"):
			if found {
				t.Error("something was exchanged, although the story says that nothing was")
			}
		case !found:
			t.Error("what the finding says is in no log")
		}
	})
}

// The findings that a sequence refers to are there by their ARNs, as the model has them, and what else
// its signals say stands in the log of each, unless the story lacks that log.
func TestSequencesAreWhole(t *testing.T) {
	logOf := map[string]string{"CLOUD_TRAIL": management, "S3_DATA_EVENTS": s3Data, "EKS_AUDIT_LOGS": eksAudit, "FLOW_LOGS": vpcFlow, "DNS_LOGS": dnsLog}
	wire := serviceModel(t)
	wire.sdk = true
	told := 0
	every(t, func(t *testing.T, s Story) {
		if info, _ := finding.Lookup(s.Type); info.Family != "attack_sequence" {
			if s.Files[MembersName] != nil {
				t.Error("a finding that is no sequence has members")
			}
			return
		}
		told++
		fs, err := finding.Parse(s.Files["finding.json"])
		if err != nil {
			t.Fatal(err)
		}
		members, err := finding.Parse(s.Files[MembersName])
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range wire.check("GetFindingsResponse", decode(t, s.Files[MembersName]), "") {
			t.Error(problem)
		}
		rows := read(t, s)
		for _, g := range fs[0].Sequence.Signals {
			kind := logOf[g.Type]
			switch {
			case g.Type == "FINDING":
				if !slices.ContainsFunc(members, func(m finding.Finding) bool {
					return m.ARN == g.UID && string(m.Type) == g.Name && m.FirstSeen.Equal(g.FirstSeen) && m.Account == fs[0].Account
				}) {
					t.Errorf("no finding is given for %s", g.UID)
				}
				continue
			case kind == "" || s.Twin == Missing && slices.Contains(Decides(s.Type), kind):
				continue
			}
			if !slices.ContainsFunc(rows, func(r row) bool {
				if r.kind != kind || r.at.Before(g.FirstSeen.Add(-time.Minute)) || r.at.After(g.LastSeen.Add(time.Minute)) {
					return false
				}
				switch kind {
				case management, s3Data:
					return r.obj["eventName"] == g.Name && r.obj["userIdentity"].(map[string]any)["accessKeyId"] == fs[0].Sequence.Actors[0].CredentialID
				case eksAudit:
					return r.obj["verb"].(string)+" "+r.obj["objectRef"].(map[string]any)["resource"].(string) == g.Name
				case vpcFlow:
					return r.cols[4] == fs[0].Sequence.Endpoints[0].IP.String()
				}
				return r.obj["query_name"] == miningPool+"."
			}) {
				t.Errorf("the %s signal %s stands in no log", g.Type, g.Name)
			}
		}
	})
	if told != 15 {
		t.Errorf("%d stories of sequences were looked at", told)
	}
}

// words are the different words of a text: runs of letters, digits, dots and dashes.
func words(body []byte) map[string]bool {
	out := map[string]bool{}
	for _, w := range bytes.FieldsFunc(body, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-'
	}) {
		if !out[string(w)] {
			out[string(w)] = true
		}
	}
	return out
}

var (
	host   = regexp.MustCompile(`[A-Za-z0-9-]+\.(?:com|net|org|jp|io)$`)
	twelve = regexp.MustCompile(`^\d{12}$`)
)

// Nothing in a story is anybody's: addresses, domains and accounts are those kept for examples.
func TestStoriesAreInvented(t *testing.T) {
	var nets []netip.Prefix
	for _, n := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8"} {
		nets = append(nets, netip.MustParsePrefix(n))
	}
	versions := []string{"0.0.0.0", "128.0.0.0", "139.0.0.0"} // the Internet as a whole, and browsers
	ours := []string{"999988887777"}
	for _, a := range accounts {
		ours = append(ours, a[0], a[1])
	}
	domains := []string{"amazonaws.com", "amazon.com", "example.com", "example.net", "co.jp", "k8s.io"}
	seen := 0
	every(t, func(t *testing.T, s Story) {
		for name, data := range s.Files {
			for w := range words(plain(t, name, data)) {
				if a, err := netip.ParseAddr(w); err == nil && !slices.Contains(versions, w) {
					seen++
					if !slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Contains(a) }) {
						t.Errorf("%s holds the address %s", name, w)
					}
				}
				if d := host.FindString(w); d != "" && !slices.Contains(domains, d) {
					t.Errorf("%s holds the domain %s", name, d)
				}
				if twelve.MatchString(w) && !slices.Contains(ours, w) {
					t.Errorf("%s holds the account %s", name, w)
				}
			}
		}
	})
	if seen < 1000 {
		t.Errorf("%d addresses were looked at", seen)
	}
}
