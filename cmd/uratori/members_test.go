package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uratori/bundle"
	"uratori/fact"
	"uratori/finding"
	"uratori/investigate"
	"uratori/investigate/truthtest"
	"uratori/scenario/kinds"
	"uratori/source/awstest"
)

// ofDetector is a generated finding as GuardDuty sends it, in the double's account and Region.
func ofDetector(t *testing.T, of finding.Type, as func(doc map[string]any)) json.RawMessage {
	t.Helper()
	d, err := kinds.Generate(of, kinds.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := d.JSON(kinds.Export)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	as(doc)
	if raw, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	return raw
}

// The findings that a sequence's signals refer to come from the detector that it came from; one
// that the detector no longer holds is told of, and its signal stays unverified.
func TestMembersOfASequenceAreFetched(t *testing.T) {
	const detector, sequenceID = "11112222333344445555666677778888", "99990000aaaabbbbccccddddeeeeffff"
	arn := func(id string) string {
		return fmt.Sprintf("arn:aws:guardduty:%s:%s:detector/%s/finding/%s", awstest.Region, awstest.Home, detector, id)
	}
	ids := []string{strings.Repeat("a1", 16), strings.Repeat("a2", 16)}
	sequence := ofDetector(t, "AttackSequence:ECS/CompromisedCluster", func(doc map[string]any) {
		doc["id"], doc["arn"], doc["accountId"], doc["region"] = sequenceID, arn(sequenceID), awstest.Home, awstest.Region
		n := 0
		for _, g := range doc["service"].(map[string]any)["detection"].(map[string]any)["sequence"].(map[string]any)["signals"].([]any) {
			if s := g.(map[string]any); s["type"] == "FINDING" {
				s["uid"] = arn(ids[n])
				n++
			}
		}
	})
	member := ofDetector(t, "Execution:Runtime/NewBinaryExecuted", func(doc map[string]any) {
		doc["id"], doc["arn"], doc["accountId"], doc["region"] = ids[0], arn(ids[0]), awstest.Home, awstest.Region
		delete(doc["service"].(map[string]any), "additionalInfo") // the export writes it as an object, the API as two texts
	})
	aws := awstest.New(t, "guardduty")
	aws.ServeGuardDuty(awstest.Detective{Detector: detector, Findings: []json.RawMessage{sequence, member}})
	base := aws.Base()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": base.AccessKeyID, "AWS_SECRET_ACCESS_KEY": base.SecretAccessKey, "AWS_SESSION_TOKEN": base.SessionToken,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "HTTP_PROXY": "", "http_proxy": "",
	} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "uratori.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf("aws: {region: %s, endpoint: %q}\n", awstest.Region, aws.URL())), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, named := range []string{sequenceID, arn(sequenceID)} {
		out := filepath.Join(dir, "case-"+fmt.Sprint(len(named)))
		var stdout, stderr bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: os.Getenv}
		if status := a.command(context.Background(), []string{"investigate", named, "--config", file, "--logs", filepath.Join(dir, "logs"), "-o", out}); status != exitOK {
			t.Fatalf("exit status %d\n%s", status, stderr.String())
		}
		if !strings.Contains(stderr.String(), "does not hold 1 of the findings that the sequence's signals refer to") {
			t.Errorf("nothing is told of the finding that is gone:\n%s", stderr.String())
		}
		b, err := bundle.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		c, err := investigate.Replay(b)
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[fact.Key]string{"sequence.findings_given": "1", "sequence.unverified": "3", "finding.id": sequenceID} {
			if got := truthtest.Plain(c.Assessment.Facts().Get(key, "")); got != want {
				t.Errorf("%s = %s; want %s", key, got, want)
			}
		}
	}
}
