package finding

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever is read prints, and reads again as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		lowerFinding, upperFinding, event(upperFinding), asffFinding, ocsfFinding, sequenceFinding, "[" + lowerFinding + "]", `{"Findings": [` + upperFinding + `]}`,
		`{"id":"a","type":"A:B/C"}`, `{"Id":"a","Type":"A:B/C","Service":{"AdditionalInfo":{"Value":"{\"Type\":{\"Value\":null}}"}}}`,
		`{"id":"a","type":"A:B/C","service":{"additionalInfo":{"value":"{\"A\":1,\"a\":2}","Value":"{}"}}}`,
		`{"AwsAccountId":"1","Types":["x"],"Id":"arn:aws:guardduty:r:1:detector/d/finding/f","ProductFields":{"action.0_/x":"1","action/y":"2","count":"1"}}`,
		`{"class_uid":2004,"finding_info":{"uid":"arn:aws:guardduty:r:1:detector/d/finding/f","types":["A:B/C"]},"unmapped":{"a.b.c":1,"a":2,"ProductFields":{"count":"1"}}}`,
		`{"id":"a","type":"A:B/C","received":{"shape":"ASFF"}}`,
		`[1]`, `{`, "\ufeff", `{"detail":{}}`,
	} {
		f.Add([]byte(s))
	}
	files, _ := filepath.Glob(filepath.Join(sharedData, "findings", "*.json")) // more seeds where there are
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fs, err := Parse(data)
		if err != nil && fs != nil {
			t.Fatalf("an error and %d findings", len(fs))
		}
		for _, one := range fs {
			if one.ID == "" || one.Type == "" || one.Shape == 0 {
				t.Errorf("a finding without id, type or shape: %+v", one)
			}
			printed, err := json.Marshal(one)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(printed)
			if err != nil || len(again) != 1 {
				t.Fatalf("%s\nreads as %d findings: %v", printed, len(again), err)
			}
			if d := cmp.Diff(again[0], one); d != "" {
				t.Errorf("%s\nreads differently:\n%s", printed, d)
			}
			if _, err := Parse(one.Raw()); err != nil {
				t.Errorf("Raw does not read again: %v", err)
			}
			_, _, _ = one.Band(), FamilyOf(one), one.CaseID()
		}
	})
}
