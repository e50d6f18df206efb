package cloudtrail_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/source"
)

// A garbling transport takes the id out of the first record of each response.
type garbling struct{ http.RoundTripper }

func (g garbling) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.Replace(body, []byte(`\"eventID\"`), []byte(`\"eventNo\"`), 1)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, resp.Body.Close()
}

// An event that holds no record makes the answer partial, and is told.
func TestUnreadableEvents(t *testing.T) {
	r := newRig(t, noon, func(r *rig) { r.aws.Transport = garbling{r.aws.Transport} })
	for i := range 3 {
		r.history.Add(record(i, noon.Add(-2*time.Hour-time.Duration(i)*time.Minute), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	}
	var odd []source.Odd
	ctx := source.WithOdds(inAccount(t.Context(), account), func(o source.Odd) { odd = append(odd, o) })
	a := r.ask(ctx, t, counted(t, noon.Add(-24*time.Hour), noon.Add(-time.Hour), where))
	if a.Outcome != evidence.Truncated || a.Rows[0][0].Int() != 2 {
		t.Errorf("%s %v; want at least 2", a.Outcome, a.Rows)
	}
	if len(odd) != 1 || odd[0].Source != "cloudtrail-api" || odd[0].Position == "" || odd[0].Reason == "" {
		t.Errorf("told %+v; want the one event", odd)
	}
}
