package athena

import (
	"testing"

	"uratori/query"
	"uratori/source/athenatest"
	"uratori/source/sourcetest"
)

// shapes are the tables that the source is held against.
var shapes = map[string]athenatest.Options{
	"projected": {}, "injected": {Division: athenatest.Injected}, "by hand": {Division: athenatest.ByHand},
	"Security Lake 1": {Layout: athenatest.OCSF1}, "Security Lake 2": {Layout: athenatest.OCSF2},
}

func TestSuite(t *testing.T) {
	for name, tab := range shapes {
		t.Run(name, func(t *testing.T) {
			d := against(t, records(), tab, func(o *Options) { o.Accounts = []string{sourcetest.Account} })
			sourcetest.Run(t, d, query.CloudTrail)
		})
	}
	t.Run("undivided", func(t *testing.T) {
		d := against(t, records(), athenatest.Options{Division: athenatest.Undivided}, func(o *Options) { o.ScanAll, o.MaxBytes = true, 1<<30 })
		sourcetest.Run(t, d, query.CloudTrail)
	})
}
