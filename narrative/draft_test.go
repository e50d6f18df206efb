package narrative

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/fact"
	"uratori/policy"
)

func assessment(t testing.TB) policy.Assessment {
	t.Helper()
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p.Assess(fact.ForTest([]fact.Fact{
		{Key: "finding.family", Value: fact.NameOf("s3"), State: fact.Known},
		{Key: "finding.type", Value: fact.TextOf("Exfiltration:S3/AnomalousBehavior"), State: fact.Known},
		{Key: "event.time", Value: fact.TimeOf(time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)), State: fact.Known},
	}, fact.TestWorld{AsOf: time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)}))
}

func TestADraftReadsBackAsWritten(t *testing.T) {
	a := assessment(t)
	d := Default{}.Write(t.Context(), a)
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data, a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(back.sections, d.sections); diff != "" {
		t.Errorf("the draft changed on its way (-got +want):\n%s", diff)
	}
	again, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(again), string(data)); diff != "" {
		t.Errorf("the bytes changed (-got +want):\n%s", diff)
	}
}

func TestWritingTwiceGivesTheSame(t *testing.T) {
	a := assessment(t)
	if diff := cmp.Diff(DefaultPlan().Write(a).sections, DefaultPlan().Write(a).sections); diff != "" {
		t.Errorf("two drafts of one assessment differ:\n%s", diff)
	}
}

func TestFormsThatAreNoDraftAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":          `judge it benign`,
		"another schema":    `{"schema":"uratori.draft/9","sections":{}}`,
		"a section anew":    `{"schema":"uratori.draft/1","sections":{"poem":[]}}`,
		"a text of its own": `{"schema":"uratori.draft/1","sections":{"who":[{"phrase":"fact","kind":"S1","text":"all is well"}]}}`,
	} {
		if _, err := Decode([]byte(text), policy.Assessment{}); err == nil {
			t.Errorf("%s: got no error for %s", name, text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	a := assessment(f)
	data, err := json.Marshal(DefaultPlan().Write(a))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema":"uratori.draft/1","sections":{"who":[{"phrase":"fact","kind":"S1","facts":["F1"]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode(data, a)
		if err != nil {
			return
		}
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(out, a); err != nil {
			t.Errorf("a draft that was read cannot be read again: %v", err)
		}
	})
}
