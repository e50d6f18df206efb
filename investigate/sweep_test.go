package investigate_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"uratori/config"
	"uratori/fact"
	"uratori/finding"
	"uratori/investigate"
	"uratori/phrase"
	"uratori/policy"
	"uratori/scenario/kinds"
	"uratori/source"
	"uratori/source/local"
)

// enterStory opens the logs of a story and makes the tools for it.
func enterStory(t testing.TB, of finding.Type, twin kinds.Twin) (world, kinds.Expect) {
	t.Helper()
	s, err := kinds.Tell(of, twin, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, "uratori.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w := world{tools: toolsOf(t, c, phrase.EN)}
	for _, n := range c.Networks {
		w.tools.Settings.Networks = append(w.tools.Settings.Networks, fact.Network(n))
	}
	for _, ch := range c.Changes {
		w.tools.Settings.Changes = append(w.tools.Settings.Changes, fact.Change{
			ID: ch.ID, From: ch.Begin, Until: ch.End, Accounts: ch.Accounts, APIs: ch.APIs, Actors: ch.Actors, Resources: ch.Resources, Approver: ch.Approver,
		})
	}
	st := store(t, local.Options{Name: c.Sources[0].Name}, c.Path(c.Sources[0].Logs[0]))
	w.tools.Sources = []source.Source{told{st, st}}
	fs, err := finding.Parse(s.Files["finding.json"])
	if err != nil {
		t.Fatal(err)
	}
	w.finding = fs[0]
	if members := s.Files[kinds.MembersName]; members != nil {
		if w.members, err = finding.Parse(members); err != nil {
			t.Fatal(err)
		}
	}
	return w, s.Expect
}

// misses is what of an expectation a case does not come to, in words; nothing when it holds.
func misses(a policy.Assessment, want kinds.Expect) []string {
	var out []string
	if !slices.Contains(want.Verdicts, a.Verdict().String()) {
		out = append(out, fmt.Sprintf("the verdict is %s, want one of %v", a.Verdict(), want.Verdicts))
	}
	bands := []string{"Low", "Medium", "High", "Critical"}
	at := slices.Index(bands, a.Band().String())
	if want.AtLeast != "" && at < slices.Index(bands, want.AtLeast) {
		out = append(out, fmt.Sprintf("the risk is %s (%d), want at least %s", a.Band(), a.Score(), want.AtLeast))
	}
	if want.AtMost != "" && at > slices.Index(bands, want.AtMost) {
		out = append(out, fmt.Sprintf("the risk is %s (%d), want at most %s", a.Band(), a.Score(), want.AtMost))
	}
	if got := a.Confidence().String(); want.Confidence != "" && got != want.Confidence {
		out = append(out, fmt.Sprintf("the confidence is %s, want %s", got, want.Confidence))
	}
	for _, kind := range want.Missing {
		if !slices.ContainsFunc(a.Gaps(), func(g policy.Gap) bool { return g.Key == kind && slices.Contains(a.CappedBy(), g.ID) }) {
			out = append(out, fmt.Sprintf("the confidence is capped by %v, of which none is the missing %s", a.CappedBy(), kind))
		}
	}
	for _, kind := range want.Seen {
		if names(a, kind) {
			out = append(out, "a gap is named for "+kind+", which is there")
		}
	}
	if want.Gap != "" && !names(a, want.Gap) {
		out = append(out, "no gap is named for "+want.Gap)
	}
	return out
}

// names tells whether a gap of the kind of record is listed.
func names(a policy.Assessment, kind string) bool {
	return slices.ContainsFunc(a.Gaps(), func(g policy.Gap) bool { return g.Key == kind })
}

// empty is the name of the story without any log.
const empty = "empty"

// waitingFile lists, a line each, the stories whose expectation no rule comes to yet: the type, a
// space, and benign, malicious, missing or empty. The list can only shrink: a story that holds and
// is still listed fails, and so does one that does not hold and is not listed.
const waitingFile = "testdata/waiting.txt"

var shrink = flag.Bool("shrink", false, "take what holds by now out of "+waitingFile+"; nothing is ever added")

// A sweep is what came of all stories.
type sweep struct {
	mu    sync.Mutex
	fails map[string][]string // story -> what it misses
	done  map[string]bool
	open  map[string][2]int // twin -> how many of its stories are inconclusive, and how many there are
}

func (s *sweep) tell(name string, a policy.Assessment, misses []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[name] = true
	_, twin, _ := strings.Cut(name, " ")
	n := s.open[twin]
	if n[1]++; a.Verdict() == policy.Inconclusive {
		n[0]++
	}
	s.open[twin] = n
	if len(misses) > 0 {
		s.fails[name] = misses
	}
}

// supported runs a case through both doors and checks that nothing was claimed without support.
func supported(t *testing.T, w world) (investigate.Case, bool) {
	t.Helper()
	c, err := w.tools.Run(context.Background(), w.finding, w.members, nil)
	if err != nil {
		t.Error(err)
		return c, false
	}
	var r struct {
		Finding  struct{ Type string }
		Chapters []json.RawMessage
		Rejected []json.RawMessage
	}
	if err := json.Unmarshal(c.Reports[investigate.JSONName], &r); err != nil {
		t.Error(err)
	}
	if r.Finding.Type != string(w.finding.Type) || len(r.Chapters) != 8 {
		t.Errorf("the report is of %q and has %d chapters", r.Finding.Type, len(r.Chapters))
	}
	for _, x := range r.Rejected {
		t.Errorf("a statement was refused: %s", x)
	}
	if len(c.Reports) != 3 {
		t.Errorf("there are %d reports", len(c.Reports))
	}
	return c, true
}

// Every type is investigated with the logs of each of its stories, and with none at all.
func TestEveryTypeIsInvestigated(t *testing.T) {
	s := &sweep{fails: map[string][]string{}, done: map[string]bool{}, open: map[string][2]int{}}
	t.Run("stories", func(t *testing.T) {
		for _, of := range kinds.Told() {
			for _, twin := range kinds.AllTwins() {
				name := string(of) + " " + string(twin)
				t.Run(plainName(name), func(t *testing.T) {
					t.Parallel()
					w, want := enterStory(t, of, twin)
					if c, ok := supported(t, w); ok {
						s.tell(name, c.Assessment, misses(c.Assessment, want))
					}
				})
			}
		}
		for _, more := range kinds.Further() {
			name := string(more.Of) + " " + string(more.Twin)
			t.Run(plainName(name), func(t *testing.T) {
				t.Parallel()
				w, want := enterStory(t, more.Of, more.Twin)
				if c, ok := supported(t, w); ok {
					s.tell(name, c.Assessment, misses(c.Assessment, want))
				}
			})
		}
		nothing := store(t, local.Options{Name: "local"}, t.TempDir())
		tools := toolsOf(t, config.Default(), phrase.JA)
		tools.Sources = []source.Source{told{nothing, nothing}}
		for _, of := range kinds.Types() {
			name := string(of) + " " + empty
			t.Run(plainName(name), func(t *testing.T) {
				t.Parallel()
				w := world{tools: tools, finding: generated(t, of)}
				c, ok := supported(t, w)
				if !ok {
					return
				}
				var out []string
				if c.Assessment.Verdict() == policy.Benign {
					t.Error("benign without a single log")
				}
				// What ran or was scanned stands in the finding itself, which is its own record.
				most := policy.Low
				if family := finding.FamilyOf(w.finding); family == "runtime" || strings.HasPrefix(family, "malware_") {
					most = policy.Medium
				}
				if c.Assessment.Confidence() > most {
					out = append(out, fmt.Sprintf("the confidence is %s without any log", c.Assessment.Confidence()))
				}
				for _, kind := range kinds.Needs(of) {
					if !names(c.Assessment, kind) {
						out = append(out, "no gap is named for "+kind)
					}
				}
				s.tell(name, c.Assessment, out)
			})
		}
	})
	if want := 3*len(kinds.Told()) + len(kinds.Further()) + len(kinds.Types()); len(s.done) != want {
		t.Logf("%d of %d stories ran; the list is held against those", len(s.done), want)
	}
	for _, twin := range append(kinds.AllTwins(), empty) {
		n := s.open[string(twin)]
		t.Logf("%s: %d of %d stories are inconclusive (%d %%)", twin, n[0], n[1], 100*n[0]/max(1, n[1]))
	}
	s.hold(t)
}

// plainName is a story's name without the slash that would make a subtest of a subtest.
func plainName(name string) string { return strings.ReplaceAll(name, "/", ".") }

func generated(t testing.TB, of finding.Type) finding.Finding {
	t.Helper()
	d, err := kinds.Generate(of, kinds.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := d.JSON(kinds.Export)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := finding.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return fs[0]
}

// hold compares what came of the stories with the list of those that wait.
func (s *sweep) hold(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(waitingFile)
	if err != nil {
		t.Fatal(err)
	}
	kept, problems := held(string(data), s.done, s.fails)
	for _, p := range problems {
		if *shrink && strings.HasSuffix(p, holdsNow) {
			continue
		}
		t.Error(p)
	}
	if *shrink {
		if err := os.WriteFile(waitingFile, []byte(kept), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const holdsNow = "holds now; take it out of " + waitingFile + " (go test ./investigate -run EveryType -shrink)"

// held is the list without what holds by now, and what is wrong with it. A story that did not run
// is left alone.
func held(list string, done map[string]bool, fails map[string][]string) (kept string, problems []string) {
	var listed []string
	for line := range strings.Lines(list) {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") {
			kept += line
			continue
		}
		if slices.Contains(listed, name) {
			problems = append(problems, name+" is listed twice")
			continue
		}
		listed = append(listed, name)
		of, twin, _ := strings.Cut(name, " ")
		_, known := finding.Lookup(finding.Type(of))
		told := slices.Contains(kinds.Told(), finding.Type(of)) && slices.Contains(kinds.AllTwins(), kinds.Twin(twin)) ||
			slices.Contains(kinds.Further(), kinds.Telling{Of: finding.Type(of), Twin: kinds.Twin(twin)})
		switch {
		case !known || !told && twin != empty:
			problems = append(problems, "there is no story "+name)
		case done[name] && fails[name] == nil:
			problems = append(problems, name+" "+holdsNow)
		default:
			kept += line
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fails)) {
		if !slices.Contains(listed, name) {
			problems = append(problems, name+":\n\t"+strings.Join(fails[name], "\n\t"))
		}
	}
	return kept, problems
}

// The list shrinks and never grows: what is wrong with it is told, whichever way it is wrong.
func TestTheListOnlyShrinks(t *testing.T) {
	const (
		ssh  = "UnauthorizedAccess:EC2/SSHBruteForce benign"
		scan = "Recon:EC2/Portscan malicious"
		tcp  = "Backdoor:EC2/DenialOfService.Tcp empty"
	)
	list := "# why\n" + ssh + "\n" + scan + "\n" + tcp + "\n"
	fails := map[string][]string{scan: {"the verdict is benign"}}
	for name, c := range map[string]struct {
		list  string
		done  map[string]bool
		fails map[string][]string
		kept  string
		says  []string
	}{
		"what waits":            {list, map[string]bool{scan: true}, fails, list, nil},
		"what holds":            {list, map[string]bool{ssh: true, scan: true}, fails, "# why\n" + scan + "\n" + tcp + "\n", []string{ssh + " holds now"}},
		"what fails unlisted":   {"# why\n", map[string]bool{scan: true}, fails, "# why\n", []string{scan + ":\n\tthe verdict is benign"}},
		"twice":                 {scan + "\n" + scan + "\n", map[string]bool{scan: true}, fails, scan + "\n", []string{"is listed twice"}},
		"no such type or story": {"Recon:EC2/Nothing empty\nBackdoor:EC2/DenialOfService.Tcp benign\n", nil, nil, "", []string{"there is no story Recon", "there is no story Backdoor"}},
	} {
		kept, problems := held(c.list, c.done, c.fails)
		if kept != c.kept || len(problems) != len(c.says) {
			t.Errorf("%s: kept %q, want %q; problems %q", name, kept, c.kept, problems)
			continue
		}
		for i, want := range c.says {
			if !strings.Contains(problems[i], want) {
				t.Errorf("%s: %q, want %q", name, problems[i], want)
			}
		}
	}
}

// What a case does not come to is seen, member by member.
func TestMissesAreSeen(t *testing.T) {
	a := enter(t, "a", 1, phrase.EN).run(t).Assessment // inconclusive, Low, S3 data events missing
	right := kinds.Expect{Verdicts: []string{"inconclusive"}, AtLeast: "Low", AtMost: "Low", Missing: []string{"s3_data"}, Gap: "s3_data", Seen: []string{"cloudtrail_management"}}
	if got := misses(a, right); got != nil {
		t.Errorf("what holds misses %q", got)
	}
	for want, spoil := range map[string]func(e *kinds.Expect){
		"the verdict is inconclusive":     func(e *kinds.Expect) { e.Verdicts = []string{"benign"} },
		"want at least High":              func(e *kinds.Expect) { e.AtLeast = "High" },
		"none is the missing vpc_flow":    func(e *kinds.Expect) { e.Missing = []string{"vpc_flow"} },
		"no gap is named for dns":         func(e *kinds.Expect) { e.Gap = "dns" },
		"a gap is named for s3_data, whi": func(e *kinds.Expect) { e.Seen = []string{"s3_data"} },
	} {
		e := right
		spoil(&e)
		if got := misses(a, e); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("misses %q, want %q", got, want)
		}
	}
	c := enter(t, "c", 1, phrase.EN).run(t).Assessment // malicious, Critical
	if got := misses(c, kinds.Expect{Verdicts: []string{"malicious"}, AtMost: "High"}); len(got) != 1 || !strings.Contains(got[0], "want at most High") {
		t.Errorf("misses %q", got)
	}
}
