package cloudtrail_test

import (
	"context"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/cloudtrail"
	"uratori/source/local"
	"uratori/source/sourcetest"
)

// The same questions over the same records have the same answers as in the embedded store.
func TestAnswersAreThoseOfTheStore(t *testing.T) {
	r := newRig(t, sourcetest.Ended.Add(30*24*time.Hour), nil)
	r.history.Add(sourcetest.Records()[query.CloudTrail]...)
	sourcetest.Run(t, r.Source, query.CloudTrail)
	t.Logf("%d calls of LookupEvents", r.lookups())
}

// forgetful has an empty store for every question, so that each is looked up anew.
type forgetful struct {
	*rig
	t *testing.T
}

func (f forgetful) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	store, err := local.Open(ctx, local.Options{Name: "fetched"})
	if err != nil {
		return evidence.Answer{}, err
	}
	defer func() { _ = store.Close() }()
	opt := f.opt
	opt.Store = store
	src, err := cloudtrail.New(opt)
	if err != nil {
		return evidence.Answer{}, err
	}
	return src.Ask(ctx, q)
}

func TestEveryLookupBringsAllThatMatches(t *testing.T) {
	r := newRig(t, sourcetest.Ended.Add(30*24*time.Hour), nil)
	r.history.Add(sourcetest.Records()[query.CloudTrail]...)
	sourcetest.Run(t, forgetful{r, t}, query.CloudTrail)
	t.Logf("%d calls of LookupEvents", r.lookups())
}
