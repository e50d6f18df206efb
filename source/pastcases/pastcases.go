// Package pastcases looks in earlier cases for those that have something in common with this one: the
// type of finding, the principal, the resource, the address, the tool.
//
// It reads the bundles that investigations wrote, checked against their manifests, once. A bundle that
// is damaged is left out and told of, and then nothing is proven to have no earlier case. What it says
// is kept as evidence, so that a case replays when the earlier ones are gone. A case never counts itself.
package pastcases

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"uratori/bundle"
	"uratori/evidence"
	"uratori/finding"
)

// Bounds of what is read and told.
const (
	maxFolders = 100_000  // bundles of one folder
	maxCases   = 20       // told of one look-up, the newest
	maxEndings = 16 << 20 // bytes of the list of endings
	maxText    = 200      // runes of an ending
)

// A Looker looks in the cases it read. It is safe for concurrent use.
type Looker struct {
	name  string
	cases map[evidence.LookupKind]map[string][]evidence.PastCase // by what they have
	bad   int                                                    // bundles that could not be read
}

// Read reads the bundles in folders, each of which is a bundle or holds bundles, and the list of endings, if
// it has a name. A folder that cannot be read is an error; notices name the bundles that were left out.
func Read(name string, folders []string, endings string) (l *Looker, notices []string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read earlier cases: %w", err)
		}
	}()
	ended, err := readEndings(endings)
	if err != nil {
		return nil, nil, err
	}
	l = &Looker{name: name, cases: map[evidence.LookupKind]map[string][]evidence.PastCase{}}
	seen := map[string]bool{}
	for _, folder := range folders {
		dirs, err := bundles(folder)
		if err != nil {
			return nil, nil, err
		}
		for _, dir := range dirs {
			c, has, err := read(dir)
			if err != nil {
				l.bad++
				notices = append(notices, err.Error())
				continue
			}
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			c.Ended = ended[c.ID]
			l.add(c, has)
		}
	}
	for _, by := range l.cases {
		for _, list := range by {
			slices.SortFunc(list, func(a, b evidence.PastCase) int {
				if n := b.At.Compare(a.At); n != 0 {
					return n
				}
				return strings.Compare(a.ID, b.ID)
			})
		}
	}
	return l, notices, nil
}

// bundles are the bundles in a folder, or the folder itself where it is one.
func bundles(folder string) ([]string, error) {
	if bundle.Is(folder) {
		return []string{folder}, nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxFolders {
		return nil, fmt.Errorf("%s holds more than %d folders", folder, maxFolders)
	}
	var dirs []string
	for _, e := range entries {
		if dir := filepath.Join(folder, e.Name()); e.IsDir() && bundle.Is(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// A Folder is what was read of a folder of earlier cases, for whoever checks it.
type Folder struct {
	Cases []string // ids of the cases that can be read, in the order of their folders
	Bad   []string // why the others cannot; may be hostile text
}

// Examine reads the bundles of one folder. The error is for a folder that cannot be read.
func Examine(folder string) (Folder, error) {
	dirs, err := bundles(folder)
	if err != nil {
		return Folder{}, fmt.Errorf("read earlier cases: %w", err)
	}
	var f Folder
	for _, dir := range dirs {
		c, _, err := read(dir)
		if err != nil {
			f.Bad = append(f.Bad, err.Error())
			continue
		}
		f.Cases = append(f.Cases, c.ID)
	}
	return f, nil
}

// Endings reads how humans ended cases, by the id of the case, from the CSV file of that name.
func Endings(path string) (map[string]string, error) {
	m, err := readEndings(path)
	if err != nil {
		return nil, fmt.Errorf("read the endings of earlier cases: %w", err)
	}
	return m, nil
}

func (l *Looker) add(c evidence.PastCase, has map[evidence.LookupKind]string) {
	for kind, key := range has {
		if key == "" {
			continue
		}
		if l.cases[kind] == nil {
			l.cases[kind] = map[string][]evidence.PastCase{}
		}
		l.cases[kind][key] = append(l.cases[kind][key], c)
	}
}

// record is what is read of a report.
type record struct {
	Verdict string `json:"verdict"`
	Facts   []struct {
		Name    string          `json:"name"`
		Subject json.RawMessage `json:"subject"`
		Value   json.RawMessage `json:"value"`
		State   string          `json:"state"`
	} `json:"facts"`
}

// shared are the facts of a report that cases are compared by.
var shared = map[string]evidence.LookupKind{
	"actor.arn": evidence.CasesOfActor, "event.target_resource": evidence.CasesOnThing, "event.source_ip": evidence.CasesFrom, "event.user_agent_family": evidence.CasesByTool,
}

var verdicts = []string{"benign", "inconclusive", "suspicious", "malicious"}

// read reads one case.
func read(dir string) (c evidence.PastCase, has map[evidence.LookupKind]string, err error) {
	raw, report, err := bundle.Glance(dir)
	if err != nil {
		return c, nil, err
	}
	fs, err := finding.Parse(raw)
	if err != nil {
		return c, nil, fmt.Errorf("%s: %w", dir, err)
	}
	if len(fs) != 1 {
		return c, nil, fmt.Errorf("%s: it holds %d findings", dir, len(fs))
	}
	var r record
	if err := json.Unmarshal(report, &r); err != nil {
		return c, nil, fmt.Errorf("%s: %w", dir, err)
	}
	if !slices.Contains(verdicts, r.Verdict) {
		return c, nil, fmt.Errorf("%s: the report has no verdict", dir)
	}
	f := fs[0]
	c = evidence.PastCase{ID: f.CaseID(), At: f.Updated.UTC(), Type: string(f.Type), Verdict: r.Verdict}
	has = map[evidence.LookupKind]string{evidence.CasesOfType: string(f.Type)}
	for _, x := range r.Facts {
		var text string
		if x.State != "known" && x.State != "Known" || json.Unmarshal(x.Value, &text) != nil {
			continue
		}
		if kind, ok := shared[x.Name]; ok {
			has[kind] = text
		}
		if x.Name == "interview.answer" {
			c.Answer = cut(text)
		}
	}
	return c, has, nil
}

func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText])
}

var caseID = regexp.MustCompile(`^[0-9a-f]{12}$`)

// readEndings reads how humans ended cases: the columns case and ending, the last line of a case counts.
func readEndings(path string) (map[string]string, error) {
	out := map[string]string{}
	if path == "" {
		return out, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(io.LimitReader(f, maxEndings))
	r.FieldsPerRecord = 2
	for n := 1; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w; write two columns, case and ending", path, err)
		}
		id := strings.TrimSpace(strings.TrimPrefix(row[0], "\ufeff"))
		if n == 1 && strings.EqualFold(id, "case") {
			continue
		}
		if !caseID.MatchString(id) {
			return nil, fmt.Errorf("%s: row %d: %q is no case of 12 hex digits", path, n, id)
		}
		out[id] = cut(strings.TrimSpace(row[1]))
	}
}

// Name is the looker's name.
func (l *Looker) Name() string { return l.name }

// Looks are the kinds of look-up in earlier cases.
func (*Looker) Looks() []evidence.LookupKind { return evidence.CaseKinds() }

// Look finds the earlier cases that have what the key says.
func (l *Looker) Look(ctx context.Context, what evidence.Lookup) (evidence.Looked, error) {
	if !slices.Contains(evidence.CaseKinds(), what.Kind) {
		return evidence.Looked{Outcome: evidence.NotCollected, Reason: "earlier cases are looked up by what they have in common"}, ctx.Err()
	}
	found := &evidence.LookedCases{}
	for _, c := range l.cases[what.Kind][what.Key] {
		if c.ID == what.Case {
			continue
		}
		if found.Total++; len(found.Cases) < maxCases {
			found.Cases = append(found.Cases, c)
		}
	}
	part := evidence.Part{Name: "bundles", Outcome: evidence.Found}
	if l.bad > 0 {
		part.Outcome, part.Reason = evidence.Failed, fmt.Sprintf("%d bundles could not be read", l.bad)
	}
	return evidence.Looked{
		Outcome: evidence.Found, Native: l.name + ": " + string(what.Kind) + " " + what.Key, Taken: time.Time{},
		Body: evidence.Body{Kind: what.Kind, Key: what.Key, Cases: found, Parts: []evidence.Part{part}},
	}, ctx.Err()
}
