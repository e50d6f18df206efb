package investigate_test

import (
	"strings"
	"testing"

	"uratori/config"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/investigate"
	"uratori/phrase"
	"uratori/policy"
	"uratori/scenario/kinds"
	"uratori/source"
	"uratori/source/local"
)

// storyWithout tells a story with some of its files taken away, in a language, and what came of it.
func storyWithout(t *testing.T, of finding.Type, twin kinds.Twin, lang phrase.Lang, without func(name string) bool) (world, investigate.Case) {
	t.Helper()
	s, err := kinds.Tell(of, twin, 1)
	if err != nil {
		t.Fatal(err)
	}
	gone := 0
	for name := range s.Files {
		if without(name) {
			delete(s.Files, name)
			gone++
		}
	}
	dir := t.TempDir()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(dir + "/uratori.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := world{tools: toolsOf(t, c, lang)}
	st := store(t, local.Options{Name: c.Sources[0].Name}, c.Path(c.Sources[0].Logs[0]))
	w.tools.Sources = []source.Source{told{st, st}}
	fs, err := finding.Parse(s.Files["finding.json"])
	if err != nil {
		t.Fatal(err)
	}
	w.finding = fs[0]
	done, ok := supported(t, w)
	if !ok {
		t.FailNow()
	}
	t.Logf("%d files were taken away", gone)
	return w, done
}

func nothing(string) bool { return false }

// cells are a column of a table fact.
func cells(f fact.Fact, name string) []string {
	d, _ := fact.DefOf(f.Key)
	at := -1
	for i, c := range d.Columns {
		if c.Name == name {
			at = i
		}
	}
	var out []string
	for _, row := range f.Value.Rows {
		v := row[at]
		if v.Type == fact.Int {
			v.Str = strings.TrimSpace(plain(fact.Fact{State: fact.Known, Value: v}))
		}
		out = append(out, v.Str)
	}
	return out
}

func wantCells(t *testing.T, facts fact.Facts, key fact.Key, column, want string) {
	t.Helper()
	if got := strings.Join(cells(facts.Get(key, ""), column), " "); got != want {
		t.Errorf("%s.%s = %q; want %q", key, column, got, want)
	}
}

// A chain of roles is followed into the account it leads to: what was done there decides the case.
const chained = finding.Type("InitialAccess:IAMUser/AnomalousBehavior")

func TestChainedRolesAreFollowed(t *testing.T) {
	_, c := storyWithout(t, chained, kinds.Malicious, phrase.EN, nothing)
	facts := c.Assessment.Facts()
	wantCells(t, facts, "hop.table", "step", "1 1 2")
	wantCells(t, facts, "hop.table", "account", "111122223333 111122223333 999988887777")
	wantCells(t, facts, "hop.table", "calls", "0 2 3")
	wantCells(t, facts, "hop.table", "state", "unused used used")
	wantCells(t, facts, "hop.notable", "class", "privilege logging")
	wantCells(t, facts, "hop.notable", "account", "999988887777 999988887777")
	for key, want := range map[fact.Key]string{
		"hop.count": "3", "hop.deepest": "2", "hop.calls": "5", "hop.accounts": "999988887777", "hop.access_calls": "1", "hop.logging_calls": "1", "hop.refused": "0", "hop.data_reads": "0",
	} {
		if f := facts.Get(key, ""); f.State != fact.Known || plain(f) != want {
			t.Errorf("%s = %v %s; want %s", key, f.State, plain(f), want)
		}
	}
	if c.Assessment.Verdict() != policy.Malicious {
		t.Errorf("the verdict is %s", c.Assessment.Verdict())
	}
	text := string(c.Reports[investigate.MarkdownName])
	for _, want := range []string{"By chaining roles, the credential led to **3** sessions", "The chain of roles reaches other accounts: `999988887777`"} {
		if !strings.Contains(strings.ReplaceAll(text, "**", ""), strings.ReplaceAll(want, "**", "")) {
			t.Errorf("the report does not say %q", want)
		}
	}
	// No key that was issued is printed whole.
	for _, it := range c.Evidence.Items() {
		for i, col := range it.Answer.Columns {
			for _, row := range it.Answer.Rows {
				if col != "new_access_key" || row[i].Text() == "" {
					continue
				}
				if chapters, _, _ := strings.Cut(text, "## Appendix"); strings.Contains(chapters, row[i].Text()) {
					t.Errorf("the report prints a whole key of %s", it.ID)
				}
			}
		}
	}
}

// Where the other account's log is not there, the hop says so, and nothing is said not to have
// happened there.
func TestAChainIntoAnUnseenAccount(t *testing.T) {
	for _, lang := range phrase.Langs() {
		_, c := storyWithout(t, chained, kinds.Malicious, lang, func(name string) bool { return strings.Contains(name, "999988887777") })
		facts := c.Assessment.Facts()
		wantCells(t, facts, "hop.table", "state", "unused used unseen")
		wantCells(t, facts, "hop.table", "calls", "0 2 ")
		if f := facts.Get("hop.unseen", ""); f.State != fact.Known || plain(f) != "999988887777" {
			t.Errorf("hop.unseen = %v %s", f.State, plain(f))
		}
		for _, key := range []fact.Key{"hop.access_calls", "hop.logging_calls", "hop.data_reads"} {
			if f := facts.Get(key, ""); f.State != fact.Unknown || f.Gap.Key != "cloudtrail_management" {
				t.Errorf("%s = %v %s behind %v; want unknown", key, f.State, plain(f), f.Gap)
			}
		}
		if f := facts.Get("hop.calls", ""); f.State != fact.AtLeast || f.Value.Num != 2 {
			t.Errorf("hop.calls = %v %d; want at least 2", f.State, f.Value.Num)
		}
		if c.Assessment.Verdict() == policy.Benign {
			t.Error("benign although a chain leads where nobody can see")
		}
		want := map[phrase.Lang]string{phrase.EN: "Not all of the logs of the accounts that the chain reaches", phrase.JA: "のログは一部しか確認できない"}[lang]
		if !strings.Contains(string(c.Reports[investigate.MarkdownName]), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// A stretch without logging bounds every other answer, unless another trail recorded it.
func TestLoggingThatWasOffBoundsTheOtherAnswers(t *testing.T) {
	const of = finding.Type("DefenseEvasion:IAMUser/AnomalousBehavior")
	_, kept := storyWithout(t, of, kinds.Malicious, phrase.EN, nothing)
	facts := kept.Assessment.Facts()
	wantCells(t, facts, "logging.off", "effect", "kept")
	if f := facts.Get("activity.total", "credential"); f.State != fact.Known {
		t.Errorf("activity.total = %v although another trail recorded", f.State)
	}
	if f := facts.Get("logging.bounded", ""); f.State != fact.Known || f.Value.Num != 0 {
		t.Errorf("logging.bounded = %v %d", f.State, f.Value.Num)
	}
	_, lost := storyWithout(t, of, kinds.Malicious, phrase.EN, func(name string) bool { return strings.Contains(name, "trail-settings") })
	facts = lost.Assessment.Facts()
	wantCells(t, facts, "logging.off", "effect", "lost")
	off := facts.Get("logging.off", "").Value.Rows[0]
	if d := off[4].At.Sub(off[3].At).Minutes(); d != 35 {
		t.Errorf("logging was off for %v minutes; want 35", d)
	}
	total := facts.Get("activity.total", "credential")
	if total.State != fact.AtLeast || total.Value.Num == 0 {
		t.Errorf("activity.total = %v %d; want a lower bound", total.State, total.Value.Num)
	}
	for _, f := range facts.All() {
		d, _ := fact.DefOf(f.Key)
		if d.Type != fact.Int || f.State != fact.Known || f.Value.Num != 0 || f.Window.From.IsZero() || strings.HasPrefix(string(f.Key), "logging.") {
			continue
		}
		for _, ref := range f.From {
			it, ok := lost.Evidence.Item(evidence.ID(strings.Split(string(ref), "#")[0]))
			if ok && it.Scope.Kind == "cloudtrail_management" && it.Scope.Account == string(lost.Finding.Account) && it.Ask.Window.To.After(off[3].At) {
				t.Errorf("%s@%s is said to be none over a time without logging", f.Key, f.Subject)
				break
			}
		}
	}
	for _, key := range []fact.Key{"logging.off_from", "logging.off_to"} {
		if f := facts.Get(key, ""); f.State != fact.Known {
			t.Errorf("%s = %v", key, f.State)
		}
	}
	if !strings.Contains(string(lost.Reports[investigate.MarkdownName]), "because logging was off or narrowed") {
		t.Error("the report does not say when logging was off")
	}
}

// A bucket's own log that was switched off is told with its time; findings that say nothing of the
// sort do not ask.
func TestABucketLogThatWasSwitchedOff(t *testing.T) {
	_, c := storyWithout(t, "Stealth:S3/ServerAccessLoggingDisabled", kinds.Benign, phrase.EN, nothing)
	facts := c.Assessment.Facts()
	wantCells(t, facts, "logging.off", "log", "s3_access")
	wantCells(t, facts, "logging.off", "effect", "lost")
	if !strings.Contains(string(c.Reports[investigate.MarkdownName]), "no record says that it was switched on again") {
		t.Error("the report does not say since when the bucket's log is off")
	}
	if c.Assessment.Verdict() == policy.Benign {
		t.Error("benign although a log is off")
	}
	_, other := storyWithout(t, "Policy:S3/BucketAnonymousAccessGranted", kinds.Benign, phrase.EN, nothing)
	if len(other.Assessment.Facts().Of("logging.off")) > 0 {
		t.Error("another finding about a bucket has facts about stretches without logging")
	}
}

// A burst is held against the principal's own past over the same stretch of time.
func TestBurstsAreHeldAgainstThePast(t *testing.T) {
	const of = finding.Type("PenTest:IAMUser/ParrotLinux")
	// Of the scans of every working day, yesterday's lies within the 24 hours before as well.
	for twin, want := range map[kinds.Twin][2]string{kinds.Benign: {"2", "false"}, kinds.Malicious: {"1", "true"}} {
		_, c := storyWithout(t, of, twin, phrase.EN, nothing)
		facts := c.Assessment.Facts()
		for key, want := range map[fact.Key]string{"probe.bursts": want[0], "probe.most_apis": "16", "probe.above_usual": want[1]} {
			if f := facts.Get(key, ""); plain(f) != want {
				t.Errorf("%s: %s = %v %s; want %s", twin, key, f.State, plain(f), want)
			}
		}
	}
}

// Whatever is changed in a cell of the tables about chained roles, notable calls, probing and
// logging, the second door refuses it.
func TestChangedCellsAreRefused(t *testing.T) {
	applied := map[string]int{}
	for _, lang := range phrase.Langs() {
		_, c := storyWithout(t, chained, kinds.Malicious, lang, nothing)
		p := prove(t, c)
		facts := c.Assessment.Facts()
		state, _ := phrase.Default().Choice("hop.table.state", "used", lang)
		other, _ := phrase.Default().Choice("hop.table.state", "unseen", lang)
		key := facts.Get("hop.table", "").Value.Rows[2][6].Str
		for name, data := range c.Reports {
			text := string(data)
			for op, m := range map[string][2]string{
				"account of a hop":   {"role/production-admin", "role/production-reader"},
				"state of a hop":     {state, other},
				"key of a hop":       {key, key[:5] + "QQQQ"},
				"account reached":    {"999988887777", "999988887776"},
				"target of a call":   {"support", "suppart"},
				"API of a hop":       {"AssumeRole", "AssumeRoot"},
				"calls of a session": {"| 3 |", "| 4 |"},
			} {
				rest, at := text, 0
				for n := 0; n < 12; n++ {
					i := strings.Index(rest[at:], m[0])
					if i < 0 {
						break
					}
					mutant := rest[:at+i] + m[1] + rest[at+i+len(m[0]):]
					at += i + len(m[0])
					applied[op]++
					if p.admit(name, []byte(mutant)) == nil {
						line, was, is := difference(text, mutant)
						t.Errorf("%s (%s): %s survived at line %d:\n was %s\n is  %s", name, lang, op, line, was, is)
					}
				}
			}
		}
	}
	for _, op := range []string{"account of a hop", "state of a hop", "key of a hop", "account reached", "target of a call", "API of a hop", "calls of a session"} {
		if applied[op] == 0 {
			t.Errorf("mutation %q found nothing to change", op)
		}
	}
	t.Logf("%v", applied)
}
