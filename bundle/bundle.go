// Package bundle keeps a case on disk: everything needed to replay and verify it.
//
// A bundle is a folder. Its manifest names every file by its sha256, evidence lies under its
// own content address, and reading checks all of it. It holds inputs and reports, never a
// checked draft: whoever replays a case checks again.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/finding"
)

// Schema is the version of the folder's form.
const Schema = "uratori.bundle/1"

// A Bundle is one case.
type Bundle struct {
	CaseID   string
	Version  string // of the program that wrote it
	Language string // of the reports: ja or en
	AsOf     time.Time
	Finding  []byte // as received
	Evidence evidence.Set
	Draft    []byte            // the draft as JSON
	Inputs   map[string][]byte // "playbook/iam.yaml", "policy.yaml", "phrases.yaml", "options.json", ...
	Reports  map[string][]byte // "report.md", "report.html", "report.json"
	Ledger   []byte            // JSON lines
}

// manifest is the form of bundle.json.
type manifest struct {
	Schema   string            `json:"schema"`
	CaseID   string            `json:"case_id"`
	Version  string            `json:"version"`
	Language string            `json:"language"`
	AsOf     time.Time         `json:"as_of"`
	Evidence []entry           `json:"evidence"`
	Files    map[string]string `json:"files"` // path in the bundle -> sha256
}

type entry struct {
	ID     evidence.ID `json:"id"`
	SHA256 string      `json:"sha256"`
}

const (
	manifestName = "bundle.json"
	findingName  = "finding.json"
	draftName    = "draft.json"
	ledgerName   = "ledger.jsonl"
	inputsDir    = "inputs"
	evidenceDir  = "evidence"
)

// Write puts the bundle into dir, which is made if absent. The manifest is written last, so that a
// folder with a manifest is whole; files of an earlier bundle of the same case are replaced.
func (b Bundle) Write(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write bundle %s: %w", dir, err)
		}
	}()
	if err := makeRoom(dir); err != nil {
		return err
	}
	m := manifest{Schema: Schema, CaseID: b.CaseID, Version: b.Version, Language: b.Language, AsOf: b.AsOf.UTC(), Files: map[string]string{}}
	files := map[string][]byte{findingName: b.Finding, draftName: b.Draft, ledgerName: b.Ledger}
	maps.Copy(files, b.Reports)
	for name, data := range b.Inputs {
		files[path.Join(inputsDir, name)] = data
	}
	for _, it := range b.Evidence.Items() {
		m.Evidence = append(m.Evidence, entry{it.ID, it.SHA256})
		files[path.Join(evidenceDir, it.SHA256+".json")] = evidence.Encode(it)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m.Files[name] = sum(files[name])
		if err := put(dir, name, files[name]); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return put(dir, manifestName, append(data, '\n'))
}

// makeRoom removes an earlier bundle from dir and refuses a folder that holds anything else.
func makeRoom(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	var m manifest
	if err != nil || json.Unmarshal(data, &m) != nil || m.Schema != Schema {
		return errors.New("the folder is not empty and holds no bundle; name another folder")
	}
	if err := os.Remove(filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	for name := range m.Files {
		if !inside(name) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func put(dir, name string, data []byte) error {
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// Is tells whether dir holds a bundle.
func Is(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, manifestName))
	return err == nil && info.Mode().IsRegular()
}

// Read loads the bundle in dir and checks every file against the manifest, and every item
// against its content address.
func Read(dir string) (b Bundle, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read bundle %s: %w", dir, err)
		}
	}()
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return b, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var m manifest
	if err := dec.Decode(&m); err != nil {
		return b, fmt.Errorf("%s: %w", manifestName, err)
	}
	if m.Schema != Schema {
		return b, fmt.Errorf("%s: schema %q is not %q; use the version of the program that wrote it", manifestName, m.Schema, Schema)
	}
	b = Bundle{CaseID: m.CaseID, Version: m.Version, Language: m.Language, AsOf: m.AsOf, Inputs: map[string][]byte{}, Reports: map[string][]byte{}}
	stored := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !inside(name) {
			return b, fmt.Errorf("%s: file %q is not inside the bundle", manifestName, name)
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return b, err
		}
		if sum(data) != m.Files[name] {
			return b, &ChangedError{Name: name}
		}
		switch head, rest, _ := strings.Cut(name, "/"); {
		case name == findingName:
			b.Finding = data
		case name == draftName:
			b.Draft = data
		case name == ledgerName:
			b.Ledger = data
		case head == inputsDir:
			b.Inputs[rest] = data
		case head == evidenceDir:
			stored[rest] = data
		default:
			b.Reports[name] = data
		}
	}
	items := make([]evidence.Item, 0, len(m.Evidence))
	for _, e := range m.Evidence {
		data, ok := stored[e.SHA256+".json"]
		if !ok {
			return b, fmt.Errorf("evidence %s (%s) is missing", e.ID, e.SHA256)
		}
		it, err := evidence.Decode(data)
		if err != nil {
			return b, err
		}
		if it.SHA256 != e.SHA256 || it.ID != e.ID {
			return b, &ChangedError{Name: path.Join(evidenceDir, e.SHA256+".json")}
		}
		items = append(items, it)
	}
	b.Evidence = evidence.NewSet(items)
	return b, nil
}

// A ChangedError says that a file is not what the manifest says it was.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s was changed since the bundle was written", e.Name)
}

// ParseFinding reads the finding the case is about.
func (b Bundle) ParseFinding() (finding.Finding, error) {
	list, err := finding.Parse(b.Finding)
	if err != nil {
		return finding.Finding{}, err
	}
	for _, f := range list {
		if f.CaseID() == b.CaseID {
			return f, nil
		}
	}
	return finding.Finding{}, fmt.Errorf("no finding of case %s stands in %s", b.CaseID, findingName)
}

// inside tells whether a manifest's path stays in the bundle.
func inside(name string) bool { return filepath.IsLocal(filepath.FromSlash(name)) }

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
