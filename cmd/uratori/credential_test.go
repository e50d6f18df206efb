package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"uratori/policy"
)

// A finding about a credential costs at most 25 calls of CloudTrail's API, whichever they are, and
// its repeat within the hour none: what was fetched is remembered.
func TestCredentialFindingCostsFewCalls(t *testing.T) {
	r := behind(t, "a")
	file := filepath.Join(r.dir, "finding.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if n := ofCredential(doc); n != 3 {
		t.Fatalf("%d members of the finding were changed; want type, resource type and API", n)
	}
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	calls := func() (n int) {
		for _, c := range r.aws.Calls() {
			if c.Service == "cloudtrail" {
				n++
			}
		}
		return n
	}
	began := time.Now()
	first := r.investigate(t, "first")
	r.paced(t, began)
	if n := calls(); n == 0 || n > 25 {
		t.Errorf("%d calls of CloudTrail; want 1 to 25", n)
	}
	if v := first.Assessment.Verdict(); v != policy.Benign {
		t.Errorf("the engineer's own listing of buckets, in a session whose chain is whole, is %s", v)
	}
	r.aws.Forget()
	again := r.investigate(t, "again")
	if n := calls(); n != 0 {
		t.Errorf("%d calls of CloudTrail for the repeat; want none", n)
	}
	if a, b := first.Assessment, again.Assessment; a.Verdict() != b.Verdict() || a.Score() != b.Score() {
		t.Errorf("the repeat came to %s %d, the first to %s %d", b.Verdict(), b.Score(), a.Verdict(), a.Score())
	}
}

// ofCredential turns the finding about a bucket's objects into one about the credential's listing of
// buckets, and tells how many members it changed.
func ofCredential(doc any) (changed int) {
	switch v := doc.(type) {
	case map[string]any:
		for name, to := range map[string]string{"type": "Discovery:IAMUser/AnomalousBehavior", "Type": "Discovery:IAMUser/AnomalousBehavior", "resourceType": "AccessKey", "ResourceType": "AccessKey", "api": "ListBuckets", "Api": "ListBuckets"} {
			if _, ok := v[name].(string); ok && (name != "type" && name != "Type" || v["severity"] != nil || v["Severity"] != nil) {
				v[name] = to
				changed++
			}
		}
		delete(v, "s3BucketDetails")
		delete(v, "S3BucketDetails")
		for _, e := range v {
			changed += ofCredential(e)
		}
	case []any:
		for _, e := range v {
			changed += ofCredential(e)
		}
	}
	return changed
}
