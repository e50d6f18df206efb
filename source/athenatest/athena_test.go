package athenatest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"uratori/source/awstest"
)

func records(n int) [][]byte {
	var out [][]byte
	for i := range n {
		out = append(out, fmt.Appendf(nil, `{"eventID":"e%d","eventTime":%q,"eventName":"X","eventSource":"s3.amazonaws.com","awsRegion":"us-east-1","recipientAccountId":"111122223333"}`,
			i, time.Date(2025, 9, 8, 0, 0, i, 0, time.UTC).Format(time.RFC3339)))
	}
	return out
}

func code(err error) string {
	var e *awstest.Error
	if errors.As(err, &e) {
		return e.Code + ": " + e.Message
	}
	return ""
}

func call(t *testing.T, h awstest.Handler, in map[string]any) map[string]any {
	t.Helper()
	out, err := h(awstest.Request{Input: in})
	if err != nil {
		t.Fatal(err)
	}
	return out.(map[string]any)
}

// A query has states; its pages are bound to it; its token is its own.
func TestProtocol(t *testing.T) {
	a := New(t, awstest.New(t, "athena"))
	a.Looks = 2
	a.Table("d", "t", records(2500), Options{})
	start := map[string]any{
		"QueryString": "SELECT eventid AS c1 FROM t ORDER BY eventtime", "ClientRequestToken": strings.Repeat("x", 32), "WorkGroup": "primary",
		"QueryExecutionContext": map[string]any{"Database": "d"},
	}
	id := call(t, a.start, start)["QueryExecutionId"]
	if again := call(t, a.start, start)["QueryExecutionId"]; again != id || len(a.Queries()) != 1 {
		t.Errorf("the same token started %v beside %v", again, id)
	}
	start["QueryString"] = "SELECT eventid AS c1 FROM t"
	if _, err := a.start(awstest.Request{Input: start}); !strings.Contains(code(err), "Idempotent") {
		t.Errorf("another query under the same token: %v", err)
	}
	byID := map[string]any{"QueryExecutionId": id}
	var states []string
	for range 4 {
		x := call(t, a.look, byID)["QueryExecution"].(map[string]any)
		states = append(states, x["Status"].(map[string]any)["State"].(string))
		if s := states[len(states)-1]; s != "SUCCEEDED" {
			if _, err := a.results(awstest.Request{Input: byID}); !strings.Contains(code(err), "not yet finished") {
				t.Errorf("results while %s: %v", s, err)
			}
		}
	}
	if got := strings.Join(states, " "); got != "QUEUED RUNNING SUCCEEDED SUCCEEDED" {
		t.Errorf("states %s", got)
	}
	sizes, token := []int{}, any(nil)
	for {
		out := call(t, a.results, map[string]any{"QueryExecutionId": id, "NextToken": token})
		sizes = append(sizes, len(out["ResultSet"].(map[string]any)["Rows"].([]map[string]any)))
		if token = out["NextToken"]; token == nil {
			break
		}
		other := map[string]any{"QueryExecutionId": id, "NextToken": "1" + token.(string)}
		if _, err := a.results(awstest.Request{Input: other}); !strings.Contains(code(err), "NextToken") {
			t.Errorf("a forged token: %v", err)
		}
	}
	if fmt.Sprint(sizes) != "[1000 1000 501]" { // the header is a row of the first page
		t.Errorf("pages of %v", sizes)
	}
	delete(start, "ClientRequestToken")
	for what, change := range map[string]map[string]any{
		"WorkGroup ghost is not found": {"WorkGroup": "ghost"}, "mismatched input": {"QueryString": "SELEC 1"}, "length less": {"QueryString": strings.Repeat("x", 262_145)},
	} {
		in := map[string]any{}
		for k, v := range start {
			in[k] = v
		}
		for k, v := range change {
			in[k] = v
		}
		if _, err := a.start(awstest.Request{Input: in}); !strings.Contains(code(err), what) {
			t.Errorf("want %q, not %v", what, err)
		}
	}
	a.Output = false
	if _, err := a.start(awstest.Request{Input: start}); !strings.Contains(code(err), "No output location") {
		t.Errorf("without a place for results: %v", err)
	}
	a.Output, a.Active = true, 1
	call(t, a.start, start)
	start["QueryString"] = "SELECT eventname AS c1 FROM t"
	if _, err := a.start(awstest.Request{Input: start}); !strings.HasPrefix(code(err), "TooManyRequestsException") {
		t.Errorf("a second active query: %v", err)
	}
}
