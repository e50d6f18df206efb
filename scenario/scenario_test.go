package scenario

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"uratori/finding"
)

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	for _, v := range Variants() {
		a, err := Generate(v.ID, 7)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Generate(v.ID, 7)
		for name := range a.Files {
			if !bytes.Equal(a.Files[name], b.Files[name]) {
				t.Errorf("%s: %s differs between two runs", v.ID, name)
			}
		}
		other, _ := Generate(v.ID, 8)
		if bytes.Equal(a.Files["finding.json"], other.Files["finding.json"]) {
			t.Errorf("%s: another seed gives the same finding", v.ID)
		}
	}
	if _, err := Generate("z", 1); err == nil || !strings.Contains(err.Error(), "a, b, c") {
		t.Errorf("an unknown variant: %v; want the known ones named", err)
	}
}

func TestFindingsAreRead(t *testing.T) {
	for _, v := range Variants() {
		s, err := Generate(v.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		fs, err := finding.Parse(s.Files["finding.json"])
		if err != nil || len(fs) != 1 {
			t.Fatalf("%s: %d findings, %v", v.ID, len(fs), err)
		}
		if f := fs[0]; f.Severity != 8 || f.Action.API != "GetObject" || f.Shape != finding.EventBridge {
			t.Errorf("%s: read as %+v", v.ID, f)
		}
	}
}

// records counts what the delivered files of a source hold, by plain decoding.
func records(t *testing.T, s Scenario, dir string, keep func(map[string]any) bool) int {
	t.Helper()
	n := 0
	for name, data := range s.Files {
		if !strings.HasPrefix(name, dir) || !strings.HasSuffix(name, ".gz") {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Records []map[string]any }
		if json.Unmarshal(raw, &file) == nil && file.Records != nil {
			for _, r := range file.Records {
				if keep(r) {
					n++
				}
			}
			continue
		}
		for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
			var r map[string]any
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			if keep(r) {
				n++
			}
		}
	}
	return n
}

func TestTruthStandsInTheLogs(t *testing.T) {
	for _, v := range Variants() {
		s, err := Generate(v.ID, 3)
		if err != nil {
			t.Fatal(err)
		}
		upn, _ := s.Truth.Facts["person.upn"].(string)
		code := func(r map[string]any) float64 { return r["status"].(map[string]any)["errorCode"].(float64) }
		own := func(r map[string]any) bool { return r["userPrincipalName"] == upn }
		total := records(t, s, "logs/splunk-prod", own)
		good := records(t, s, "logs/splunk-prod", func(r map[string]any) bool { return own(r) && code(r) == 0 })
		if total != s.Truth.Facts["signin.total"] || good != s.Truth.Facts["signin.success"] {
			t.Errorf("%s: %d sign-ins, %d successful; the truth says %v and %v", v.ID, total, good, s.Truth.Facts["signin.total"], s.Truth.Facts["signin.success"])
		}
		if v.ID == "c" {
			read := records(t, s, "logs/trail-archive", func(r map[string]any) bool {
				p, _ := r["requestParameters"].(map[string]any)
				key, _ := p["key"].(string)
				return r["eventName"] == "GetObject" && strings.HasPrefix(key, "customers/")
			})
			if read != massRead {
				t.Errorf("(c) holds %d reads, want %d", read, massRead)
			}
		}
	}
}

func TestHostileTextIsThere(t *testing.T) {
	s, err := Generate("d", 1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(s.Files["finding.json"], []byte("Ignore previous instructions")) {
		t.Error("the finding carries no attack")
	}
}
