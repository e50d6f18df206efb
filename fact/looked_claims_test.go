package fact_test

import (
	"strings"
	"testing"

	"uratori/fact"
	"uratori/policy"
)

// Nothing rests on what a third party claims: no question takes it, and no rule of the policy.
func TestNothingRestsOnClaims(t *testing.T) {
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Features() {
		for _, name := range f.Facts {
			if strings.HasPrefix(name, "claims.") {
				t.Errorf("feature %s rests on %s", f.Name, name)
			}
		}
	}
	claims := 0
	for _, d := range fact.Defs() {
		if (d.Kind == fact.Claimed) != strings.HasPrefix(string(d.Key), "claims.") {
			t.Errorf("%s is of the wrong kind", d.Key)
		}
		if d.Kind == fact.Claimed {
			claims++
			if _, ok := fact.ParameterTypes()[string(d.Key)]; ok {
				t.Errorf("a question may take %s", d.Key)
			}
		}
	}
	if claims == 0 {
		t.Error("there are no claims")
	}
}
