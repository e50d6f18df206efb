package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uratori/query"
)

// real is a folder of real logs, which lie beside the repository and are not part of it.
func real(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data", "logs", filepath.FromSlash(name))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the real logs are not at %s", dir)
		}
		t.Skipf("the real logs are not at %s", dir)
	}
	return dir
}

func ingested(t *testing.T, roots ...string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Ingest(context.Background(), roots, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// groups asks for the count by one field and prints "value count" lines.
func groups(t *testing.T, s *Store, d query.Dataset, field string) []string {
	t.Helper()
	q, err := query.Parse(fmt.Sprintf("%s from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z group by %s compute count() as n limit 100000", d, field))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range a.Rows {
		out = append(out, fmt.Sprintf("%s %d", r[0], r[1].Int()))
	}
	slices.Sort(out)
	return out
}

// jq is the independent calculation: the same count by the program jq over the same files.
func jq(t *testing.T, dir, filter string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	cmd := exec.Command("jq", append([]string{"-r", "-s", filter}, files...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("jq: %v: %s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	slices.Sort(lines)
	return lines
}

func same2(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			g, w := "(none)", "(none)"
			if i < len(got) {
				g = got[i]
			}
			if i < len(want) {
				w = want[i]
			}
			if g != w {
				t.Errorf("%s: line %d: got %q, want %q (%d and %d lines)", what, i, g, w, len(got), len(want))
				return
			}
		}
	}
}

func TestRealTrailAgreesWithJQ(t *testing.T) {
	dir := real(t, "cloudtrail/invictus")
	s := ingested(t, dir)
	unique := `[.[].Records[]] | unique_by(.eventID)`
	for field, path := range map[string]string{
		"event_name": ".eventName", "error_code": ".errorCode", "user_agent": ".userAgent", "region": ".awsRegion",
		"event_source": ".eventSource", "user_type": ".userIdentity.type", "access_key": ".userIdentity.accessKeyId",
		"user_arn": ".userIdentity.arn", "event_type": ".eventType", "read_only": "(.readOnly|tostring)",
		"bucket": ".requestParameters.bucketName?", "session_issuer_arn": ".userIdentity.sessionContext.sessionIssuer.arn?",
		"role_arn": ".requestParameters.roleArn?", "raw:requestParameters.name": "(.requestParameters.name? | if type==\"object\" then tojson else . end)",
	} {
		want := jq(t, dir, unique+` | group_by(`+path+` // "" | tostring) | .[] | "\(.[0] | `+path+` // "" | tostring) \(length)"`)
		same2(t, field, groups(t, s, query.CloudTrail, field), want)
	}
	isIP := `test("^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$")`
	same2(t, "source_ip", groups(t, s, query.CloudTrail, "source_ip"),
		jq(t, dir, unique+` | map(.sourceIPAddress | if `+isIP+` then . else "" end) | group_by(.) | .[] | "\(.[0]) \(length)"`))
	q, err := query.Parse("cloudtrail from 2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z compute count() as n, min(event_time) as first, max(event_time) as last, count_distinct(event_name) as apis limit 1")
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	r := a.Rows[0]
	same2(t, "total", []string{fmt.Sprintf("%d %s %s %d", r[0].Int(), query.Stamp(r[1].Time()), query.Stamp(r[2].Time()), r[3].Int())},
		jq(t, dir, unique+` | "\(length) \([.[].eventTime]|min) \([.[].eventTime]|max) \([.[].eventName]|unique|length)"`))
	st, err := s.Stats(context.Background(), 10)
	if err != nil || st.Quarantined != 0 {
		t.Errorf("quarantined %d (%v), %v; want none", st.Quarantined, st.Bad, err)
	}
	total := jq(t, dir, `[.[].Records[]] | length | tostring`)
	if got := fmt.Sprint(st.Events[query.CloudTrail] + st.DuplicatesRemoved); got != total[0] {
		t.Errorf("kept and removed add up to %s, the files hold %s", got, total[0])
	}
}
