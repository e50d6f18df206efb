package athena

import (
	"testing"

	"uratori/query"
	"uratori/source/athenatest"
	"uratori/source/sourcetest"
)

// shapes are the tables that the source is held against.
var shapes = map[string]athenatest.Options{
	"projected": {}, "by hand": {Division: athenatest.ByHand},
	"Security Lake 1": {Layout: athenatest.OCSF1}, "Security Lake 2": {Layout: athenatest.OCSF2},
}

func TestSuite(t *testing.T) {
	for name, tab := range shapes {
		t.Run(name, func(t *testing.T) { sourcetest.Run(t, against(t, records(), tab), query.CloudTrail) })
	}
}

// Where it is allowed, a table without partitions is scanned, and where its values are listed, one
// whose partitions must be named.
func TestAllowedScans(t *testing.T) {
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: records()})
	want := ask(t, truth, all("", "user_agent"))
	for name, d := range map[string]double{
		"undivided": against(t, records(), athenatest.Options{Division: athenatest.Undivided}, func(o *Options) { o.ScanAll, o.MaxBytes = true, 1<<30 }),
		"injected":  against(t, records(), athenatest.Options{Division: athenatest.Injected}, func(o *Options) { o.Accounts = []string{sourcetest.Account} }),
	} {
		if diff := sourcetest.Differ(ask(t, d, all("", "user_agent")), want); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
