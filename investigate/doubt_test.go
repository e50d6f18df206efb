package investigate_test

import (
	"bytes"
	"testing"

	"uratori/fact"
	"uratori/phrase"
	"uratori/policy"
	"uratori/scenario"
)

// Whoever does not trust an archive says so: its records still count, as a lower bound, and
// nothing that it does not hold is absent (docs/decisions/0004).
func TestADoubtedArchiveProvesNoAbsence(t *testing.T) {
	s, err := scenario.Generate("b", 1)
	if err != nil {
		t.Fatal(err)
	}
	logs := []byte("    logs: [logs/trail-archive]\n")
	doubted := bytes.Replace(s.Files["uratori.yaml"], logs, append(bytes.Clone(logs), "    coverage: [{kind: s3_data, state: unknown, why: asserted}]\n"...), 1)
	if bytes.Equal(doubted, s.Files["uratori.yaml"]) {
		t.Fatal("the configuration has no archive")
	}
	s.Files["uratori.yaml"] = doubted
	a := enterAll(t, s, phrase.EN).run(t).Assessment
	if read := a.Facts().Get("impact.objects_read", ""); read.State != fact.AtLeast || read.Value.Num != 3 {
		t.Errorf("objects read: %v %d; want at least 3", read.State, read.Value.Num)
	}
	if gone := a.Facts().Get("impact.objects_deleted", ""); gone.State != fact.Unknown {
		t.Errorf("objects deleted: %v %d; want unknown", gone.State, gone.Value.Num)
	}
	if a.Verdict() != policy.Inconclusive {
		t.Errorf("judged %s", a.Verdict())
	}
}
