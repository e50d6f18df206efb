package splunk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

// Records as AWS wrote them are told by every field, and every group, as by the embedded store.
func TestRealRecords(t *testing.T) {
	files, err := filepath.Glob(filepath.FromSlash("../../../shared/data/logs/cloudtrail/stratus-detonations/*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("no real logs beside the repository")
	}
	var raws [][]byte
	for _, name := range files {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("no real logs beside the repository")
		}
		var list []json.RawMessage
		if json.Unmarshal(data, &list) != nil {
			continue // another form
		}
		for _, r := range list {
			var line bytes.Buffer // as it lies in an index: a line
			if err := json.Compact(&line, r); err != nil {
				t.Fatal(err)
			}
			raws = append(raws, line.Bytes())
		}
	}
	if len(raws) < 100 {
		t.Fatalf("only %d records", len(raws))
	}
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: raws})
	_, s := splunkd(t, splunktest.Options{Events: splunktest.Events("aws", splunk.AWSCloudTrail, raws)}, trailPlaces(), nil)
	w := query.Window{From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	schema, _ := query.SchemaOf(query.CloudTrail)
	whole := query.Query{Dataset: query.CloudTrail, Window: w, Limit: 9000}
	questions := []query.Query{}
	for _, f := range schema.Fields {
		if f.Name == query.Raw { // objects as such are told by the events alone
			continue
		}
		whole.Select = append(whole.Select, f.Name)
		if f.Name != query.RawSHA256 && f.Name != query.EventID && f.Type != query.JSON {
			questions = append(questions, query.Query{
				Dataset: query.CloudTrail, Window: w, Limit: 9000, GroupBy: []query.Key{{Field: f.Name}}, Compute: []query.Aggregate{
					{Func: query.Count, As: "n"}, {Func: query.CountDistinct, Field: "source_ip", As: "addresses"}, {Func: query.Max, Field: query.EventTime, As: "last"},
				},
			})
		}
	}
	for _, q := range append(questions, whole) {
		want, err := truth.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if d := sourcetest.Differ(got, want); d != "" {
			t.Errorf("%.200s: %s", q, d)
		}
		if want.Outcome != evidence.Found {
			t.Errorf("%.200s: %s", q, want.Outcome)
		}
	}
}
