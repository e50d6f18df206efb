package cloudtrail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/local"
)

// FuzzLiteralValues holds that a value is a value: a question for it, by every field that is looked
// up, is answered with exactly the records that have it, or is refused.
func FuzzLiteralValues(f *testing.F) {
	for _, v := range []string{
		"u", `a"b'c` + "`|[x]", "*", "%", "--/* */", "a\nb", "a\x00b", "ｕ", "", " a", "a ", "\u202ex", "a\\",
		strings.Repeat("x", 2000), strings.Repeat("x", 2001), strings.Repeat("x", 64<<10), "\xff", "GetFunction",
	} {
		f.Add(v)
	}
	fields := []query.Field{"session_name", "event_name", "api", "access_key", "bucket", "event_source", "event_id"}
	f.Fuzz(func(t *testing.T, v string) {
		at := noon.Add(-26 * time.Hour)
		others := []string{v, v + "x", strings.ToUpper(v), strings.TrimSpace(v), "other", "*"}
		var history [][]byte
		for i, o := range others {
			history = append(history, hostileRecord(t, i, at, o))
		}
		src := newRig(t, noon, nil)
		src.server.Tolerate() // a refusal by the model is an answer, too
		src.history.Add(history...)
		truth := stored(t, history)
		for _, field := range fields {
			q := counted(t, at.Add(-time.Hour), at.Add(time.Hour), "access_key exists")
			q.Where = query.Compare{Field: field, Op: query.Equal, Value: query.TextOf(v)}
			if query.Check(q) != nil {
				continue
			}
			w, err := truth.Ask(t.Context(), q)
			if err != nil {
				if _, err := src.Ask(inAccount(t.Context(), account), q); err == nil {
					t.Errorf("%s = %q is answered, and the store refuses it", field, v)
				}
				continue
			}
			want := int64(0)
			if len(w.Rows) > 0 {
				want = w.Rows[0][0].Int()
			}
			a, err := src.Ask(inAccount(t.Context(), account), q)
			if err != nil {
				continue // refused
			}
			got := int64(0)
			if len(a.Rows) > 0 {
				got = a.Rows[0][0].Int()
			}
			if got != want || a.Outcome != evidence.Found && a.Outcome != evidence.Empty {
				t.Errorf("%s = %q: %s (%s) %d events; want %d\n%s", field, v, a.Outcome, a.Reason, got, want, a.Native)
			}
		}
	})
}

// hostileRecord has the value wherever a lookup may look.
func hostileRecord(t *testing.T, id int, at time.Time, v string) []byte {
	t.Helper()
	v = strings.ToValidUTF8(v, "\uFFFD")
	data, err := json.Marshal(map[string]any{
		"eventVersion": "1.11", "eventID": fmt.Sprintf("%d%s", id, v), "eventTime": at.UTC().Format(time.RFC3339), "eventName": v, "eventSource": v,
		"awsRegion": tokyo, "recipientAccountId": account, "eventCategory": "Management", "managementEvent": true,
		"userIdentity": map[string]any{
			"type": "AssumedRole", "principalId": "AROAEXAMPLE:" + v, "accessKeyId": v, "accountId": account, "arn": "arn:aws:sts::" + account + ":assumed-role/Dev/" + v,
		},
		"requestParameters": map[string]any{"bucketName": v},
	})
	if err != nil || !utf8.Valid(data) {
		t.Fatalf("%v", err)
	}
	return data
}

// stored is a store of the records.
func stored(t *testing.T, records [][]byte) *local.Store {
	t.Helper()
	s, err := local.Open(context.Background(), local.Options{Name: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Keep(context.Background(), records); err != nil {
		t.Fatal(err)
	}
	return s
}
