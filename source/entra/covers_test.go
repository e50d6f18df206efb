package entra_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/entra"
	"uratori/source/graphtest"
	"uratori/source/sourcetest"
)

// told is coverage without what every interval repeats.
type told struct {
	From, To string
	State    string
	Why      evidence.Reason
}

func covers(t *testing.T, s *entra.Source, kind string, from, to time.Time) []told {
	t.Helper()
	cov, err := s.Covers(t.Context(), query.Scope{Kind: kind, Account: sourcetest.Account, Region: sourcetest.Region, Window: query.Window{From: from, To: to}})
	if err != nil {
		t.Fatal(err)
	}
	var out []told
	at := from
	for _, c := range cov {
		if !c.Window.From.Equal(at) || !c.Window.From.Before(c.Window.To) {
			t.Errorf("the interval from %s to %s does not follow %s", c.Window.From, c.Window.To, at)
		}
		if c.Source != "entra" || c.Kind != kind || c.Account != sourcetest.Account || c.Region != sourcetest.Region {
			t.Errorf("the interval is about something else: %+v", c)
		}
		at = c.Window.To
		out = append(out, told{query.Stamp(c.Window.From), query.Stamp(c.Window.To), c.State.String(), c.Why})
	}
	if !at.Equal(to) {
		t.Errorf("the intervals end at %s, not at %s", at, to)
	}
	return out
}

func TestCoverageIsBoundByRetentionAndDelay(t *testing.T) {
	d := double(t, graphtest.Options{})
	s := open(t, d, nil) // now is 2025-09-12
	for _, c := range []struct {
		name     string
		kind     string
		from, to time.Duration // from now
		want     []told
	}{
		{"within", query.KindSignIn, -48 * time.Hour, -time.Hour, []told{
			{"2025-09-10T00:00:00Z", "2025-09-11T23:00:00Z", "Collected", evidence.WhyHistory},
		}},
		{"all three", query.KindSignIn, -31 * 24 * time.Hour, time.Hour, []told{
			{"2025-08-12T00:00:00Z", "2025-08-13T00:00:00Z", "Unknown", evidence.WhyRetention},
			{"2025-08-13T00:00:00Z", "2025-09-11T23:45:00Z", "Collected", evidence.WhyHistory},
			{"2025-09-11T23:45:00Z", "2025-09-12T01:00:00Z", "Unknown", evidence.WhyDelay},
		}},
		{"too old", query.KindSignIn, -90 * 24 * time.Hour, -80 * 24 * time.Hour, []told{
			{"2025-06-14T00:00:00Z", "2025-06-24T00:00:00Z", "Unknown", evidence.WhyRetention},
		}},
		{"too young", query.KindSignIn, -time.Minute, time.Minute, []told{
			{"2025-09-11T23:59:00Z", "2025-09-12T00:01:00Z", "Unknown", evidence.WhyDelay},
		}},
		{"not interactive", query.KindNonInteractive, -48 * time.Hour, -time.Hour, []told{
			{"2025-09-10T00:00:00Z", "2025-09-11T23:00:00Z", "NotCollected", evidence.WhyNotHeld},
		}},
		{"another log", query.KindManagement, -48 * time.Hour, -time.Hour, []told{
			{"2025-09-10T00:00:00Z", "2025-09-11T23:00:00Z", "NotCollected", evidence.WhyNotHeld},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, covers(t, s, c.kind, now().Add(c.from), now().Add(c.to))); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n := d.Asked("signIns"); n != 1 {
		t.Errorf("%d probes for six scopes, want one", n)
	}
	if _, err := s.Covers(t.Context(), query.Scope{Kind: query.KindSignIn, Window: query.Window{From: now(), To: now()}}); err == nil {
		t.Error("an empty window has coverage")
	}
}

func TestTheProbeIsKeptAsADocument(t *testing.T) {
	s := open(t, double(t, graphtest.Options{}), nil)
	for range 2 { // also when it is remembered
		var got []source.Document
		ctx := source.WithWitness(t.Context(), func(d source.Document) { got = append(got, d) })
		if _, err := s.Covers(ctx, query.Scope{Kind: query.KindSignIn, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Source != "entra" || !strings.HasPrefix(got[0].Name, "graph:auditLogs/signIns /v1.0/auditLogs/signIns?") || !json.Valid(got[0].Body) {
			t.Errorf("documents %+v, want the probe's answer", got)
		}
	}
}

// Permission and licence missing are no proof that nobody records.
func TestWhatMayNotBeReadIsUnknown(t *testing.T) {
	from, to := sourcetest.Began, sourcetest.Ended
	for name, c := range map[string]struct {
		opt graphtest.Options
		why evidence.Reason
	}{
		"no licence":            {graphtest.Options{Free: true}, evidence.WhyNotHeld},
		"no Directory.Read.All": {graphtest.Options{Roles: []string{"AuditLog.Read.All"}}, evidence.WhyNotHeld}, // Graph says the same
		"no AuditLog.Read.All":  {graphtest.Options{Roles: []string{"Directory.Read.All"}}, evidence.WhyNoResponse},
		"secret expired":        {graphtest.Options{SecretExpires: now().Add(-time.Hour)}, evidence.WhyNoResponse},
	} {
		t.Run(name, func(t *testing.T) {
			d := double(t, c.opt)
			s := open(t, d, nil)
			if diff := cmp.Diff([]told{{query.Stamp(from), query.Stamp(to), "Unknown", c.why}}, covers(t, s, query.KindSignIn, from, to)); diff != "" {
				t.Error(diff)
			}
			n := len(d.Requests())
			if covers(t, s, query.KindSignIn, from, to); len(d.Requests()) != n {
				t.Error("a refusal is asked about again at once")
			}
		})
	}
}

// Sign-ins that no human made are returned by the beta endpoint alone.
func TestNonInteractiveSignIns(t *testing.T) {
	records := slices.Concat(sourcetest.Records()[query.SignIn], [][]byte{[]byte(
		`{"id":"quiet","createdDateTime":"2025-09-08T12:00:00Z","userPrincipalName":"u1@example.co.jp","appDisplayName":"x","isInteractive":false,"status":{"errorCode":0}}`)})
	d := double(t, graphtest.Options{Unlimited: true, SignIns: records})
	quiet := signIns(query.Compare{Field: "interactive", Op: query.Equal, Value: query.BoolOf(false)})
	if a := ask(t, open(t, d, nil), quiet); a.Outcome != evidence.Empty {
		t.Errorf("v1.0 answers %s with %d rows", a.Outcome, len(a.Rows))
	}
	s := open(t, d, func(o *entra.Options) { o.NonInteractive = true })
	if a := ask(t, s, quiet); a.Outcome != evidence.Found || len(a.Rows) != 1 || a.Rows[0][1].Text() != "quiet" {
		t.Errorf("beta answers %s with %v", a.Outcome, a.Rows)
	}
	if a := ask(t, s, signIns(nil)); len(a.Rows) != len(records) {
		t.Errorf("beta has %d sign-ins of %d", len(a.Rows), len(records))
	}
	from, to := sourcetest.Began, sourcetest.Ended
	want := []told{{query.Stamp(from), query.Stamp(to), "Collected", evidence.WhyHistory}}
	for _, kind := range []string{query.KindSignIn, query.KindNonInteractive} {
		if diff := cmp.Diff(want, covers(t, s, kind, from, to)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

// A person who was renamed has sign-ins under two names; the object id finds both.
func TestARenamedUserIsFoundByObjectID(t *testing.T) {
	var records [][]byte
	for i, upn := range []string{"Old.Name@example.co.jp", "New.Name@example.co.jp"} {
		at := sourcetest.Began.Add(time.Duration(i) * time.Hour).Format(time.RFC3339)
		r, err := json.Marshal(map[string]any{"id": upn, "createdDateTime": at, "userPrincipalName": upn, "userId": "20000000-0000-4000-a000-000000000099", "appDisplayName": "x", "status": map[string]any{"errorCode": 0}})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	s := open(t, double(t, graphtest.Options{Unlimited: true, SignIns: records}), nil)
	if a := ask(t, s, signIns(equals("user_principal_name", "new.name@example.co.jp"))); len(a.Rows) != 1 {
		t.Errorf("by the new name: %v", a.Rows)
	}
	if a := ask(t, s, signIns(equals("user_id", "20000000-0000-4000-a000-000000000099"))); len(a.Rows) != 2 {
		t.Errorf("by object id: %v", a.Rows)
	}
}
