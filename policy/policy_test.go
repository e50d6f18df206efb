package policy

import "testing"

func TestDefaultLoads(t *testing.T) {
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rules()) < 20 {
		t.Errorf("%d rules", len(p.Rules()))
	}
}
