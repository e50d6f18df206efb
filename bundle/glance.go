package bundle

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxGlance bounds a file that is only glanced at, in bytes; no report that the program writes comes near.
const maxGlance = 64 << 20

// Glance reads the finding and the JSON report of a bundle, checked against its manifest, and
// nothing else: the rest of the bundle may be damaged. It follows no links.
func Glance(dir string) (finding, report []byte, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("glance at bundle %s: %w", dir, err)
		}
	}()
	data, err := glance(dir, manifestName)
	if err != nil {
		return nil, nil, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if m.Schema != Schema {
		return nil, nil, fmt.Errorf("%s: schema %q is not %q", manifestName, m.Schema, Schema)
	}
	for name, to := range map[string]*[]byte{findingName: &finding, reportName: &report} {
		if *to, err = glance(dir, name); err != nil {
			return nil, nil, err
		}
		if sum(*to) != m.Files[name] {
			return nil, nil, &ChangedError{Name: name}
		}
	}
	return finding, report, nil
}

// reportName is the report as programs read it.
const reportName = "report.json"

// glance reads a regular file of bounded size.
func glance(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxGlance {
		return nil, fmt.Errorf("%s is no file, or one too large", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxGlance))
}
