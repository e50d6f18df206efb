package policy_test

import (
	"fmt"

	"uratori/fact"
	"uratori/policy"
)

// A finding of severity 8.0 in a sandbox, with no log at all.
func Example() {
	p, err := policy.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	a := p.Assess(fact.ForTest([]fact.Fact{
		{Key: "finding.severity", State: fact.Known, Value: fact.Value{Type: fact.Decimal, Num: 80}},
		{Key: "finding.environment", State: fact.Known, Value: fact.NameOf("sandbox")},
	}))
	fmt.Printf("%s: risk %d %s, at worst %d %s; confidence %s\n", a.Verdict(), a.Score(), a.Band(), a.Ceiling(), a.CeilingBand(), a.Confidence())
	for _, s := range a.Signals() {
		fmt.Printf("%+d %s\n", s.Points, s.Why.EN)
	}
	// Output:
	// inconclusive: risk 22 Low, at worst 100 Critical; confidence Low
	// +32 base points for GuardDuty's severity
	// -10 the account is a sandbox
}
