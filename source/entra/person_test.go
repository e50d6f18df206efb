package entra_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/people"
	"uratori/source"
	"uratori/source/entra"
	"uratori/source/graphtest"
)

const (
	taroID   = "20000000-0000-4000-a000-000000000001"
	bossID   = "20000000-0000-4000-a000-000000000002"
	guestID  = "20000000-0000-4000-a000-000000000003"
	dollarID = "20000000-0000-4000-a000-000000000004"
	guestUPN = "hanako_partner.example#EXT#@example.co.jp"
)

var all = []string{"AuditLog.Read.All", "Directory.Read.All", "User-LifeCycleInfo.Read.All"}

func users() []graphtest.User {
	return []graphtest.User{
		{Properties: map[string]any{
			"id": taroID, "displayName": "山田 太郎", "mail": "taro@example.co.jp", "userPrincipalName": "Taro.O'Yamada@example.co.jp", "userType": "Member",
			"accountEnabled": true, "companyName": "株式会社例", "department": "情報システム部", "employeeType": "Employee", "jobTitle": "=1+1",
			"employeeHireDate": "2020-04-01T00:00:00Z", "createdDateTime": "2020-03-25T09:08:07.1234567Z",
		}, Manager: bossID},
		{Properties: map[string]any{"id": bossID, "displayName": "Boss", "userPrincipalName": "Boss@example.co.jp", "accountEnabled": true, "userType": "Member"}},
		{Properties: map[string]any{
			"id": guestID, "displayName": "鈴木 花子", "userPrincipalName": guestUPN, "userType": "Guest",
			"accountEnabled": false, "employeeLeaveDateTime": "2025-09-01T00:00:00Z",
		}, Sponsors: []string{taroID, bossID}},
		{Properties: map[string]any{"id": dollarID, "userPrincipalName": "$odd@example.co.jp", "accountEnabled": true, "userType": "Member"}},
	}
}

func TestAPerson(t *testing.T) {
	d := double(t, graphtest.Options{Users: users(), Roles: all})
	s := open(t, d, nil)
	for _, key := range []string{"TARO.o'yamada@example.co.jp", taroID} {
		p, err := s.Person(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		want := people.Person{
			UPN: "taro.o'yamada@example.co.jp", ObjectID: taroID, DisplayName: "山田 太郎", Mail: "taro@example.co.jp", Company: "株式会社例", Department: "情報システム部",
			JobTitle: "=1+1", EmployeeType: "Employee", Enabled: true, Created: time.Date(2020, 3, 25, 9, 8, 7, 123456000, time.UTC), Hired: time.Date(2020, 4, 1, 0, 0, 0, 0, time.UTC),
			Manager: &people.Ref{UPN: "boss@example.co.jp", ObjectID: bossID, DisplayName: "Boss"}, Unseen: map[people.Attribute]people.Why{}, Source: "entra",
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
		if p.Standing(now()) != people.Active || !p.Sees(people.ContractEnd) {
			t.Errorf("standing %s; leave seen: %v", p.Standing(now()), p.Sees(people.ContractEnd))
		}
	}
	p, err := s.Person(t.Context(), guestUPN)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Guest || p.Enabled || p.Standing(now()) != people.Left || p.Manager != nil || !p.Sees(people.Manager) ||
		len(p.Sponsors) != 2 || p.Sponsors[0].UPN != "boss@example.co.jp" || p.Sponsors[1].ObjectID != taroID {
		t.Errorf("the guest: %+v", p)
	}
	if p, err = s.Person(t.Context(), "$odd@example.co.jp"); err != nil || p.ObjectID != dollarID {
		t.Errorf("a name that begins with $: %+v, %v", p, err)
	}
	if p, err = s.Person(t.Context(), "Nobody@example.co.jp"); err != nil || !p.Missing || p.UPN != "nobody@example.co.jp" || p.Standing(now()) != people.NotFound || p.Sees(people.Enabled) {
		t.Errorf("nobody: %+v, %v", p, err)
	}
}

func TestWhatMayNotBeReadOfAPersonIsSaid(t *testing.T) {
	t.Run("when they leave", func(t *testing.T) {
		d := double(t, graphtest.Options{Users: users()})
		p, err := open(t, d, nil).Person(t.Context(), guestUPN)
		if err != nil || p.Unseen[people.ContractEnd] != people.Forbidden || p.Standing(now()) != people.Disabled {
			t.Errorf("%+v, %v", p, err)
		}
		if n := d.Asked(guestUPN); n != 1 {
			t.Errorf("%d requests for the user: what the token does not allow was asked for", n)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		d := double(t, graphtest.Options{Users: users(), Roles: []string{"AuditLog.Read.All"}})
		if _, err := open(t, d, nil).Person(t.Context(), taroID); !errors.Is(err, source.ErrDenied) {
			t.Errorf("error %v, want denied", err)
		}
	})
	for way, why := range map[graphtest.Way]people.Why{
		graphtest.Forbidden: people.Forbidden, graphtest.ServerError: people.NoAnswer, graphtest.Throttle: people.NoAnswer,
		graphtest.WrongType: people.NoAnswer, graphtest.NotJSON: people.NoAnswer, graphtest.Cut: people.NoAnswer,
	} {
		for path, attribute := range map[string]people.Attribute{"manager": people.Manager, "sponsors": people.Sponsors} {
			d := double(t, graphtest.Options{Users: users(), Roles: all})
			d.Script(graphtest.Fault{Path: path, Do: way})
			p, err := open(t, d, nil).Person(t.Context(), taroID)
			if err != nil || len(p.Unseen) != 1 || p.Unseen[attribute] != why || p.DisplayName != "山田 太郎" {
				t.Errorf("way %d at %s: %+v, %v", way, path, p, err)
			}
		}
	}
	for way, is := range map[graphtest.Way]error{
		graphtest.Forbidden: source.ErrDenied, graphtest.ServerError: source.ErrUnavailable, graphtest.Throttle: source.ErrThrottled,
		graphtest.BadRequest: source.ErrInvalid, graphtest.WrongType: source.ErrUnavailable, graphtest.TruncatedBody: source.ErrUnavailable,
	} {
		d := double(t, graphtest.Options{Users: users(), Roles: all})
		d.Script(graphtest.Fault{Path: "users", Do: way})
		if p, err := open(t, d, nil).Person(t.Context(), taroID); !errors.Is(err, is) || p.Missing || p.ObjectID != "" {
			t.Errorf("way %d: %+v, %v; want %v", way, p, err, is)
		}
	}
	// A property that is missing in the answer was not seen; null was.
	d := double(t, graphtest.Options{Users: users(), Roles: all})
	d.Script(graphtest.Fault{Path: "users", Do: graphtest.NoList}) // {}
	p, err := open(t, d, nil).Person(t.Context(), taroID)
	if err != nil || p.Standing(now()) != people.Unclear || len(p.Unseen) != 12 {
		t.Errorf("of an empty answer: %+v, %v", p, err)
	}
}

func TestNamesThatAreNoneAreNotAskedFor(t *testing.T) {
	d := double(t, graphtest.Options{Users: users(), Roles: all})
	s := open(t, d, nil)
	for _, key := range []string{"", "taro", "..", "a/b@example.co.jp", "a?$select=x@example.co.jp", "a@b@c", "@example.co.jp", "a@", "a b@example.co.jp", "a\n@example.co.jp", "a%2fb@example.co.jp", "a\x00@example.co.jp", strings.Repeat("a", 400) + "@example.co.jp"} {
		if _, err := s.Person(t.Context(), key); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if n := len(d.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := s.Person(t.Context(), "o''')or'1@example.co.jp"); err != nil { // nobody, but a name
		t.Error(err)
	}
}

func TestCheckTellsAnOperator(t *testing.T) {
	ends := now().Add(20 * 24 * time.Hour)
	t.Run("well", func(t *testing.T) {
		d := double(t, graphtest.Options{Roles: all, SecretExpires: ends})
		c, err := open(t, d, nil).Check(t.Context())
		want := entra.Checked{Roles: all, Secrets: []entra.SecretEnd{{Name: "uratori", Hint: "s3c...", Ends: ends}}, SkewKnown: true, Calls: 3}
		want.Roles = []string{"AuditLog.Read.All", "Directory.Read.All", "User-LifeCycleInfo.Read.All"}
		want.Secrets[0].Hint = "s3c"
		if diff := cmp.Diff(want, c); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
	t.Run("missing and surplus", func(t *testing.T) {
		d := double(t, graphtest.Options{Roles: []string{"Directory.Read.All", "User.ReadWrite.All", "Mail.Read"}})
		c, err := open(t, d, nil).Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"Mail.Read", "User.ReadWrite.All"}, c.Surplus); diff != "" {
			t.Error(diff)
		}
		if len(c.Missing) != 2 || c.Missing[0].Name != "AuditLog.Read.All" || !c.Missing[0].Required || c.Missing[1].Required {
			t.Errorf("missing %+v", c.Missing)
		}
		if !errors.Is(c.SignInsErr, source.ErrDenied) || c.Unlicensed {
			t.Errorf("sign-ins: %v, unlicensed %v", c.SignInsErr, c.Unlicensed)
		}
	})
	t.Run("no licence", func(t *testing.T) {
		c, err := open(t, double(t, graphtest.Options{Free: true}), nil).Check(t.Context())
		if err != nil || !c.Unlicensed || len(c.Missing) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("secrets may not be read", func(t *testing.T) {
		c, err := open(t, double(t, graphtest.Options{Roles: []string{"AuditLog.Read.All"}}), nil).Check(t.Context())
		if err != nil || !errors.Is(c.SecretsErr, source.ErrDenied) || c.Secrets != nil {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("no token", func(t *testing.T) {
		d := double(t, graphtest.Options{})
		c, err := open(t, d, func(o *entra.Options) {
			o.Secret = func(context.Context) (string, error) { return "wrong", nil }
		}).Check(t.Context())
		if err != nil || !errors.Is(c.TokenErr, source.ErrDenied) || c.Calls != 1 || len(d.Requests()) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("clocks apart", func(t *testing.T) {
		d := double(t, graphtest.Options{})
		d.Script(graphtest.Fault{Do: graphtest.SkewedClock})
		c, err := open(t, d, nil).Check(t.Context())
		if err != nil || !c.SkewKnown || c.Skew != time.Hour {
			t.Errorf("skew %s, %v", c.Skew, err)
		}
	})
}

func TestPermissionsOnlyRead(t *testing.T) {
	for _, p := range entra.Permissions() {
		if !strings.HasSuffix(p.Name, ".Read.All") || p.For == "" {
			t.Errorf("%+v", p)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := entra.Options{TenantID: "t", ClientID: "c", Secret: func(context.Context) (string, error) { return "", nil }, Caller: quick()}
	if s, err := entra.New(good); err != nil || s.Name() != "entra" || s.Close() != nil {
		t.Errorf("%v", err)
	}
	for want, change := range map[string]func(*entra.Options){
		"tenant is missing": func(o *entra.Options) { o.TenantID = "" }, "client id is missing": func(o *entra.Options) { o.ClientID = "" },
		"secret is missing": func(o *entra.Options) { o.Secret = nil }, "caller is missing": func(o *entra.Options) { o.Caller = nil },
		"is not https": func(o *entra.Options) { o.Endpoint = "http://graph.example.co.jp" }, "is no address": func(o *entra.Options) { o.TokenURL = "https://u:p@login.example.co.jp/t" },
		"is negative": func(o *entra.Options) { o.Delay = -1 }, "are no limit": func(o *entra.Options) { o.MaxPages = -1 },
	} {
		opt := good
		change(&opt)
		if _, err := entra.New(opt); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
