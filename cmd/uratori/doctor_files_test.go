package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uratori/config"
	"uratori/doctor"
	"uratori/source/awstest"
)

// countries is an invented database in MaxMind's format with one network, 203.0.113.0/24, in JP, packed.
const countries = "H4sIAAAAAAAA/1zU13ITMRTG8UMIIfTeW+g1ofeeEJLYmIReAgh5V7EVvNKiXQebJ+A5csstj8At70C444pXYAz/mexYM5rf0XyaMzo3EpElItISkR5cir24DPtwOfbjClyJq3A1rsG1uA7X4wbciJtwM27BrbgNt+MO3Im7cDfuwb24DwdwPx7Ag3gID+MRPIrH8DiewJN4CgdxCE/jGTyL5/A8XsCLeAkv4xW8itfwOt7Am3gLb+MdvIvDOIL3cBTv4xiO4wSWsIwPsIIPcRKn8BE+xif4FJ/hc3yBL/EVvsZpfINv8R0qfI+drbEqIhF1XMiNiMwUzjWsi4ilnsUP2MAEHXpM8WOhb8AMcxFpUs/hp8L9L9K1FsYi33R5aC+M28yryMdmuDT19cefim5VrIuHIp/8nq5ap0NbzfiQ6FwletYHNWdCZr2bl57u2LpiLOVq0zZiZVIf1fs7n4bUv/2SSqxzXdWZUXk7NZOjLZ2kDTM48v815dhkUbBpbr37WbLpYru+iYZ2taaumUx6S87HRv2b4HtnwnIwkQ+xyuxnMy8DfwMAAP//Wfym/q0EAAA="

// countriesBuilt is when it says that it was built.
var countriesBuilt = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)

// database is that database, built at another time.
func database(t *testing.T, built time.Time) string {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(countries)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	epoch := func(at time.Time) []byte { return binary.BigEndian.AppendUint32(nil, uint32(at.Unix())) } //nolint:gosec // times of this century
	if n := bytes.Count(data, epoch(countriesBuilt)); n != 1 {
		t.Fatalf("the time stands in it %d times", n)
	}
	return string(bytes.Replace(data, epoch(countriesBuilt), epoch(built), 1))
}

// library is what a configuration names beside its sources, all of it well, with a bundle among the cases.
func library(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"geo.mmdb":          database(t, countriesBuilt),
		"nat.txt":           "# date: 2025-03-01\n203.0.113.0/24\n198.51.100.7\n",
		"feed.csv":          "domain,score\nevil.example.com,9\n192.0.2.66,8\n",
		"cases/readme.txt":  "no case\n",
		"endings/ended.csv": "case,ending\n",
	}
}

// shelves are the lines that name the library.
const shelves = `knowledge:
  databases: [{name: geo, path: geo.mmdb}]
  lists: [{name: egress, kind: nat, path: nat.txt}, {name: feed, kind: threat, path: feed.csv, date: "2025-09-05"}]
past_cases: {folders: [cases], endings: endings/ended.csv}
`

// place writes files into a folder.
func place(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shelve writes the library after a change, and names it in the configuration.
func (c *clinic) shelve(t *testing.T, change func(files map[string]string)) {
	t.Helper()
	files := library(t)
	change(files)
	c.only = "entra"
	c.edit = func(text string) string { return text + shelves }
	before := c.made
	c.made = func(c *clinic, dir string) {
		place(t, dir, files)
		if before != nil {
			before(c, dir)
		}
	}
}

// What is well is told as well, with how many entries and how old.
func TestDoctorReadsFiles(t *testing.T) {
	c := well()
	c.made = func(_ *clinic, dir string) {
		var out bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &out, getenv: os.Getenv, now: func() time.Time { return c.now }}
		if status := a.command(t.Context(), []string{"demo", "a", "-o", filepath.Join(dir, "demo")}); status != exitOK {
			t.Fatalf("exit status %d: %s", status, out.String())
		}
		if err := os.Rename(filepath.Join(dir, "demo", "bundle"), filepath.Join(dir, "cases", "one")); err != nil {
			t.Fatal(err)
		}
	}
	c.shelve(t, func(map[string]string) {})
	d, status := c.diagnose(t)
	for _, want := range [][3]string{
		{"knowledge", "geo", "read as Example-Country, with "},
		{"knowledge", "geo (age)", "of 2025-09-01 (UTC), 9 days old"},
		{"knowledge", "egress", "2 entries were read"},
		{"knowledge", "egress (age)", "of 2025-03-01 (UTC), 193 days old"},
		{"knowledge", "feed", "2 entries were read"},
		{"knowledge", "feed (age)", "of 2025-09-05 (UTC), 5 days old"},
		{"past_cases", "cases", "1 cases of the form uratori.bundle/1 were read"},
		{"past_cases", "endings/ended.csv", "0 endings were read"},
	} {
		if says, ok := d.find(want[0], want[1], "ok"); !ok || !strings.Contains(says, want[2]) {
			t.Errorf("%s: %s says %q; want %q", want[0], want[1], says, want[2])
		}
	}
	if status != exitOK {
		t.Errorf("exit status %d: %+v", status, d.Checks)
	}
}

// One fault at a time: each is told by its file, with what to do and what it costs to leave it.
func TestDoctorFindsWhatIsWrongWithFiles(t *testing.T) {
	now := well().now
	type want struct {
		subject, name, state string
		says                 []string
	}
	for name, tt := range map[string]struct {
		change func(files map[string]string)
		want   want
	}{
		"no database":              {func(f map[string]string) { delete(f, "geo.mmdb") }, want{"knowledge", "geo", "wrong", []string{"there is no file", "geo.mmdb", "without country"}}},
		"no database but a text":   {func(f map[string]string) { f["geo.mmdb"] = "<html>sign in</html>" }, want{"knowledge", "geo", "wrong", []string{"MaxMind", "fetch it again"}}},
		"a database that was cut":  {func(f map[string]string) { f["geo.mmdb"] = f["geo.mmdb"][:300] }, want{"knowledge", "geo", "wrong", []string{"MaxMind", "fetch it again"}}},
		"an old database":          {func(f map[string]string) { f["geo.mmdb"] = database(t, now.AddDate(0, 0, -31)) }, want{"knowledge", "geo (age)", "warning", []string{"31 days old", "fetch a newer one", "wrong country"}}},
		"a database of tomorrow":   {func(f map[string]string) { f["geo.mmdb"] = database(t, now.AddDate(0, 0, 2)) }, want{"knowledge", "geo (age)", "warning", []string{"lies in the future", "clock"}}},
		"a database without a day": {func(f map[string]string) { f["geo.mmdb"] = database(t, time.Unix(0, 0)) }, want{"knowledge", "geo (age)", "unseen", []string{"no date"}}},
		"no list":                  {func(f map[string]string) { delete(f, "feed.csv") }, want{"knowledge", "feed", "wrong", []string{"there is no file", "on no list"}}},
		"lines that cannot be read": {func(f map[string]string) { f["feed.csv"] += "not a domain\n:::\n" }, want{"knowledge", "feed", "warning", []string{
			"2 entries were read", "2 lines are no address", "a line",
		}}},
		"an empty list":             {func(f map[string]string) { f["nat.txt"] = "# date: 2025-09-01\n" }, want{"knowledge", "egress", "warning", []string{"holds no entry", "fill it"}}},
		"a list of our own, old":    {func(f map[string]string) { f["nat.txt"] = "# date: 2024-09-01\n203.0.113.7\n" }, want{"knowledge", "egress (age)", "warning", []string{"374 days old", "taken off"}}},
		"a list without a date":     {func(f map[string]string) { f["nat.txt"] = "203.0.113.7\n" }, want{"knowledge", "egress (age)", "unseen", []string{"# date: 2025-09-01"}}},
		"no folder of cases":        {func(f map[string]string) { delete(f, "cases/readme.txt") }, want{"past_cases", "cases", "wrong", []string{"no such file", "make the folder", "no investigation begins"}}},
		"no case":                   {func(map[string]string) {}, want{"past_cases", "cases", "warning", []string{"holds no case", "investigate -o"}}},
		"a case that is damaged":    {func(f map[string]string) { f["cases/one/bundle.json"] = "{" }, want{"past_cases", "cases", "warning", []string{"0 cases", "1 could not be", "take damaged folders away"}}},
		"a case of another version": {func(f map[string]string) { f["cases/one/bundle.json"] = `{"schema":"uratori.bundle/9"}` }, want{"past_cases", "cases", "warning", []string{"uratori.bundle/9", "with this version"}}},
		"endings that are no table": {func(f map[string]string) { f["endings/ended.csv"] = "0123456789ab\n" }, want{"past_cases", "endings/ended.csv", "wrong", []string{"write two columns"}}},
		"no endings":                {func(f map[string]string) { delete(f, "endings/ended.csv") }, want{"past_cases", "endings/ended.csv", "wrong", []string{"no such file", "take endings: out"}}},
		"an ending of no case":      {func(f map[string]string) { f["endings/ended.csv"] += "0123456789ab,false positive\n" }, want{"past_cases", "endings/ended.csv", "warning", []string{"1 endings", "0123456789ab", "add their folder"}}},
	} {
		t.Run(name, func(t *testing.T) {
			files, dir := library(t), t.TempDir()
			tt.change(files)
			place(t, dir, files)
			c, err := config.Parse("uratori.yaml", []byte(shelves))
			if err != nil {
				t.Fatal(err)
			}
			c.Dir = dir
			a := &app{now: func() time.Time { return now }}
			checks := a.checkFiles(c)
			found := false
			for _, k := range checks {
				ok := k.Subject == tt.want.subject && k.Name == tt.want.name && k.Level.String() == tt.want.state
				for _, part := range tt.want.says {
					ok = ok && strings.Contains(k.Says.EN+" | "+k.Mend.EN, part)
				}
				found = found || ok
				if (k.Level >= doctor.Warning) != (k.Mend.EN != "") || (k.Mend.EN != "") != (k.Mend.JA != "") || k.Says.JA == "" || strings.Contains(k.Says.EN+k.Says.JA+k.Mend.EN+k.Mend.JA, "%!") {
					t.Errorf("%+v; what is wrong comes with what to do, in both languages", k)
				}
			}
			if !found {
				t.Errorf("no check of %s: %s is %s and says %q; the checks are\n%+v", tt.want.subject, tt.want.name, tt.want.state, tt.want.says, checks)
			}
		})
	}
}

// What is not there is a check among the others: the doctor looks on, and refuses in the end.
func TestDoctorLooksOnWithoutFiles(t *testing.T) {
	c := well()
	c.shelve(t, func(f map[string]string) {
		delete(f, "cases/readme.txt")
		delete(f, "geo.mmdb")
	})
	d, status := c.diagnose(t)
	for _, name := range []string{"knowledge geo", "past_cases cases"} {
		subject, of, _ := strings.Cut(name, " ")
		if _, ok := d.find(subject, of, "wrong"); !ok {
			t.Errorf("%s is not told to be wrong: %+v", name, d.Checks)
		}
	}
	if _, ok := d.find("entra", "credentials", "ok"); !ok || status != exitRefused || len(d.Coverage) == 0 {
		t.Errorf("exit status %d, checks %+v; want the other checks and the coverage, too", status, d.Checks)
	}
}

// How long log groups keep a log is told for each that is on, and what cannot be asked is unseen.
func TestDoctorTellsHowLongLogsAreKept(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(c *clinic)
		state  string
		says   string
	}{
		"a week":       {func(*clinic) {}, "warning", "keeps its records for 7 of the 30 days"},
		"for ever":     {func(c *clinic) { c.world.LogGroups[0].Days = 0 }, "ok", "for ever"},
		"ninety days":  {func(c *clinic) { c.world.LogGroups[0].Days = 90 }, "ok", "90 days"},
		"not there":    {func(c *clinic) { c.world.LogGroups = nil }, "unseen", "log group /aws/eks/orders/cluster is not there"},
		"not our word": {func(c *clinic) { c.fault = &awstest.Fault{Service: "logs", Do: awstest.Deny} }, "unseen", "logs:DescribeLogGroups: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			c := well()
			c.only = "cloudtrail"
			c.world.Clusters = []awstest.Cluster{{Account: member, Region: awstest.Region, Name: "orders", Logs: []string{"audit"}}}
			c.world.LogGroups = []awstest.LogGroup{{Account: member, Region: awstest.Region, Name: "/aws/eks/orders/cluster", Days: 7, Created: c.now.AddDate(-1, 0, 0)}}
			c.edit = func(text string) string {
				return strings.Replace(text, "look_up: [account, iam_principal, bucket, instance]", "logs: [eks_audit]", 1)
			}
			tt.change(c)
			d, status := c.diagnose(t)
			if says, ok := d.find(logSettings, "retention of eks_audit", tt.state); !ok || !strings.Contains(says, tt.says) || status != exitOK {
				t.Errorf("%q, exit status %d; want %s with %q\n%+v", says, status, tt.state, tt.says, d.Checks)
			}
		})
	}
}
