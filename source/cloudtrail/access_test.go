package cloudtrail_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/cloudtrail"
)

func TestRolesAreAssumedOnce(t *testing.T) {
	r := newRig(t, noon, func(r *rig) { r.opt.Now = time.Now })
	r.history.Add(record(1, time.Now().Add(-25*time.Hour), tokyo, "s3.amazonaws.com", "ListBuckets", "ASIAEXAMPLE1", "u", ""))
	r.set(time.Now())
	ask := func(days int) {
		t.Helper()
		now := time.Now()
		q := counted(t, now.Add(-time.Duration(days)*24*time.Hour), now.Add(-24*time.Hour), where)
		if a := r.ask(inAccount(t.Context(), account), t, q); a.Outcome != evidence.Found {
			t.Errorf("%s (%s)", a.Outcome, a.Reason)
		}
	}
	ask(2)
	ask(3)
	if n := len(r.server.Calls("sts:AssumeRole")); n != 1 {
		t.Errorf("the role was assumed %d times", n)
	}
	r.server.Expire(account) // before its time: the service refuses once, and a new session is made
	ask(4)
	if n := len(r.server.Calls("sts:AssumeRole")); n != 2 {
		t.Errorf("after the session had expired the role was assumed %d times in all", n)
	}
	refused := 0
	for _, c := range r.server.Calls("cloudtrail:LookupEvents") {
		if c.Status != 200 {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d calls were refused", refused)
	}
}

func TestWrongExternalIDIsARefusal(t *testing.T) {
	r := newRig(t, noon, func(r *rig) { r.aws.Role = awsconn.RoleNamed("aws", "uratori-read", "the-wrong-one") })
	q := counted(t, noon.Add(-48*time.Hour), noon.Add(-24*time.Hour), where)
	_, err := r.Ask(inAccount(t.Context(), account), q)
	if !errors.Is(err, source.ErrDenied) || strings.Contains(err.Error(), "the-wrong-one") {
		t.Errorf("error = %v; want a refusal that tells no secret", err)
	}
	for _, kind := range []string{query.KindManagement, query.KindS3Data} {
		cov, err := r.Covers(t.Context(), query.Scope{Kind: kind, Account: account, Window: q.Window})
		if err != nil || len(cov) != 1 || cov[0].State != evidence.Unknown || cov[0].Why != evidence.WhyNoResponse {
			t.Errorf("%s: %+v, %v", kind, cov, err)
		}
	}
	if n := r.lookups(); n != 0 {
		t.Errorf("%d calls without credentials", n)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	r := newRig(t, noon, nil)
	for name, change := range map[string]func(*cloudtrail.Options){
		"no name":       func(o *cloudtrail.Options) { o.Name = "" },
		"no accounts":   func(o *cloudtrail.Options) { o.Accounts = nil },
		"no Regions":    func(o *cloudtrail.Options) { o.Regions = nil },
		"no store":      func(o *cloudtrail.Options) { o.Store = nil },
		"no connection": func(o *cloudtrail.Options) { o.Conn = nil },
		"account":       func(o *cloudtrail.Options) { o.Accounts = []string{"1234"} },
		"Region":        func(o *cloudtrail.Options) { o.Regions = []string{"tokyo.example"} },
	} {
		opt := r.opt
		change(&opt)
		if _, err := cloudtrail.New(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
