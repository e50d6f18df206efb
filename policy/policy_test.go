package policy

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

func loaded(t testing.TB) Policy {
	t.Helper()
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheDefaultPolicyHoldsItsCases(t *testing.T) {
	results, err := RunCases(loaded(t), "cases.yaml", defaultCases)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) < 40 {
		t.Errorf("there are %d cases, want all of them", len(results))
	}
	for _, r := range results {
		for _, f := range r.Wrong {
			t.Errorf("%s: %s", r.Name, f)
		}
	}
}

func TestACaseThatDoesNotHoldSaysSo(t *testing.T) {
	results, err := RunCases(loaded(t), "cases.yaml", []byte("schema: uratori.policy-cases/1\ncases:\n  - name: nothing is known\n    want: {verdict: benign, score: 3, signals: [sandbox], actions: [x]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(results[0].Wrong, "\n")
	for _, want := range []string{"verdict is inconclusive, want benign", "score is 0, want 3", "want sandbox among them", "want x among them"} {
		if !strings.Contains(got, want) {
			t.Errorf("failures are\n%s\nwant among them %q", got, want)
		}
	}
}

// Every piece of the default policy is laid into it.
func TestPiecesOfTheDefaultPolicy(t *testing.T) {
	files, err := fs.Glob(os.DirFS("default/policy"), "*")
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(order))
	if !slices.Equal(files, want) {
		t.Errorf("the folder holds %q; laid together are %q", files, want)
	}
}
