package investigate_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A labelled event is one record of Panther's rule tests: whether the rule is to match it.
type labelledEvent struct {
	Rule     string         `json:"rule"`
	Test     string         `json:"test"`
	Expected bool           `json:"expected"`
	Log      map[string]any `json:"log"`
}

func (e labelledEvent) name() string { return e.Rule + ": " + e.Test }

// labelled are the labelled events of a file.
func labelled(t *testing.T, file string) (list []labelledEvent) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(realLogs(t, "labelled-events"), file))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e labelledEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// A reading holds what we read from records against their labels.
type reading struct {
	explained      map[string]string // tests in which we differ, and why
	judged, agreed int
	differs        map[string]string
}

func (r *reading) hold(e labelledEvent, ours bool) {
	if r.judged++; ours == e.Expected {
		r.agreed++
		return
	}
	if r.differs == nil {
		r.differs = map[string]string{}
	}
	r.differs[e.name()] = fmt.Sprintf("%q is %v for us, %v by its label", e.name(), ours, e.Expected)
}

// end fails the test for a difference without an explanation, and for an explanation without a difference.
func (r *reading) end(t *testing.T) {
	t.Helper()
	var unexplained []string
	for name, how := range r.differs {
		if r.explained[name] == "" {
			unexplained = append(unexplained, how)
		}
	}
	slices.Sort(unexplained)
	if len(unexplained) > 0 {
		t.Errorf("%d differences are not explained:\n%s", len(unexplained), strings.Join(unexplained, "\n"))
	}
	for name := range r.explained {
		if r.differs[name] == "" {
			t.Errorf("%q is explained, but there is no difference", name)
		}
	}
	t.Logf("%d of %d labelled records mean what their labels say; the others are explained by %d tests", r.agreed, r.judged, len(r.explained))
}
