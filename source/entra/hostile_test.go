package entra_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/call"
	"uratori/source/entra"
	"uratori/source/graphtest"
	"uratori/source/sourcetest"
)

// hostile are values that break what is pasted into a filter instead of quoted.
var hostile = []string{
	"u1@example.co.jp", "o'brien@example.co.jp", "''", "'", "' or 1 eq 1 or '' eq '", "x') or startsWith(userPrincipalName,'", "%27", "%27 or %27", "a&$top=1", "a?$filter=x", "a#b",
	"a+b", "a b", " a", "a ", "a/b", `a\b`, `"`, "a;b", "a,b", "(a)", "*", "null", "true", "2025-09-09T00:00:00Z", "\x00", "a\nb", "a\rb", "a\tb", "\u202eevil", "ａ＇ｂ", "名前", "\u3000",
	"k̂", "İ", "ß", "\U0001F600", "\xff\xfe", strings.Repeat("x", 201), strings.Repeat("'", 200), strings.Repeat("y", 64<<10),
}

// A value finds the records that have it and no other, in every field that Graph filters by, and
// never becomes a part of the request's form.
func TestHostileValues(t *testing.T) {
	for _, field := range []query.Field{"user_principal_name", "user_display_name", "app_display_name", "city", "browser", "user_id", query.EventID} {
		t.Run(string(field), func(t *testing.T) {
			var records [][]byte
			var values []string
			for _, v := range hostile {
				if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
					v = strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), "\ufffd") // no JSON holds the one, no text of the store the other
				}
				if v != "" {
					values = append(values, v)
					records = append(records, record(t, field, v))
				}
			}
			d := double(t, graphtest.Options{Unlimited: true, SignIns: records})
			reference := sourcetest.Reference(t, map[query.Dataset][][]byte{query.SignIn: records})
			s := open(t, d, nil)
			for _, v := range append(values, "", "nobody") {
				if field == "user_principal_name" {
					v = strings.ToLower(v)
				}
				for _, where := range []query.Expr{
					equals(field, v),
					query.In{Field: field, Values: []query.Value{query.TextOf(v), query.TextOf("nobody")}},
					query.And{Terms: []query.Expr{equals(field, v), query.Exists{Field: query.EventID}}},
				} {
					a, want := ask(t, s, signIns(where)), ask(t, reference, signIns(where))
					if a.Outcome != want.Outcome || len(a.Rows) != len(want.Rows) {
						t.Errorf("%.100s: %s with %d rows, want %s with %d", where, a.Outcome, len(a.Rows), want.Outcome, len(want.Rows))
					}
					if v != "" && v != "nobody" && len(want.Rows) == 0 {
						t.Errorf("%.100s: the record that holds it was not found", where)
					}
				}
			}
			for _, r := range d.Requests() {
				if f := r.Query["$filter"]; strings.HasSuffix(r.Path, "signIns") && (len(f) != 1 || r.Query.Get("$top") != "1000" || len(r.Query) != 3 || r.Status != 200) {
					t.Errorf("a value changed the request: %d for %v", r.Status, r.Query)
				}
			}
		})
	}
}

// record is a sign-in with a value in a field.
func record(t testing.TB, field query.Field, value string) []byte {
	m := map[string]any{
		"id": "r-" + value, "createdDateTime": "2025-09-08T01:02:03.1234567Z", "userPrincipalName": "r@example.co.jp", "appDisplayName": "app",
		"status": map[string]any{"errorCode": 0},
	}
	switch field {
	case "user_principal_name":
		m["userPrincipalName"] = value
	case "user_display_name":
		m["userDisplayName"] = value
	case "app_display_name":
		m["appDisplayName"] = value
	case "city":
		m["location"] = map[string]any{"city": value}
	case "browser":
		m["deviceDetail"] = map[string]any{"browser": value}
	case "user_id":
		m["userId"] = value
	case query.EventID:
		m["id"] = value
	default:
		t.Fatalf("no record for %s", field)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// An address finds its sign-ins however the log spells it.
func TestAddressesAreFoundInEverySpelling(t *testing.T) {
	var records [][]byte
	for i, ip := range []string{"192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7", "2001:0db8:0000:0000:0000:0000:0000:0007", "192.0.2.70"} {
		records = append(records, fmt.Appendf(nil, `{"id":"i%d","createdDateTime":"2025-09-08T01:02:0%dZ","userPrincipalName":"u@example.co.jp","appDisplayName":"x","ipAddress":%q,"status":{"errorCode":0}}`, i, i, ip))
	}
	s := open(t, double(t, graphtest.Options{Unlimited: true, SignIns: records}), nil)
	for ip, n := range map[string]int{"192.0.2.7": 2, "2001:db8::7": 2, "192.0.2.70": 1, "192.0.2.8": 0} {
		a := ask(t, s, signIns(query.Compare{Field: "ip", Op: query.Equal, Value: query.IPOf(ip)}))
		if len(a.Rows) != n {
			t.Errorf("%s has %d sign-ins, want %d", ip, len(a.Rows), n)
		}
	}
}

// Eight that ask at once stay within 5 requests in 10 seconds.
func TestThePaceIsThatOfGraph(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var records [][]byte
		for i := range 160 {
			records = append(records, fmt.Appendf(nil, `{"id":"i%d","createdDateTime":%q,"userPrincipalName":"u%d@example.co.jp","appDisplayName":"x","status":{"errorCode":0}}`,
				i, began.Add(-time.Duration(i+60)*time.Minute).UTC().Format(time.RFC3339), i%8))
		}
		d, err := graphtest.New(graphtest.Options{SignIns: records, PageSize: 10})
		if err != nil {
			t.Fatal(err)
		}
		s, err := entra.New(entra.Options{
			TenantID: d.Tenant(), ClientID: d.ClientID(), Secret: secretOf(d), Endpoint: d.URL(), TokenURL: d.TokenURL(),
			Transport: d.Transport(), Caller: call.New(call.Options{Paces: entra.Paces()}),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer shut(t, s)
		done := make(chan evidence.Answer)
		for i := range 8 {
			go func() {
				a, err := s.Ask(t.Context(), query.Query{
					Dataset: query.SignIn, Window: query.Window{From: began.Add(-24 * time.Hour), To: began}, Where: equals("user_principal_name", fmt.Sprintf("u%d@example.co.jp", i)),
					Select: []query.Field{query.EventID}, Limit: 100,
				})
				if err != nil {
					t.Error(err)
				}
				done <- a
			}()
		}
		for range 8 {
			if a := <-done; a.Outcome != evidence.Found || len(a.Rows) != 20 {
				t.Errorf("%s with %d rows, want 20", a.Outcome, len(a.Rows))
			}
		}
		var at []time.Time
		for _, r := range d.Requests() {
			if r.Status == 429 {
				t.Errorf("throttled at %s", r.At)
			}
			if strings.HasSuffix(r.Path, "signIns") {
				at = append(at, r.At)
			}
		}
		for i := 5; i < len(at); i++ {
			if gap := at[i].Sub(at[i-5]); gap < 10*time.Second {
				t.Errorf("6 requests within %s", gap)
			}
		}
		if len(at) != 16 {
			t.Errorf("%d requests for 8 questions of 2 pages", len(at))
		}
	})
}

// Where another program used the limit up, the time that the service names is waited out.
func TestRetryAfterIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := graphtest.New(graphtest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		scope := query.Scope{Kind: query.KindSignIn, Window: query.Window{From: began.Add(-2 * time.Hour), To: began.Add(-time.Hour)}}
		for i := range 6 {
			s, err := entra.New(entra.Options{
				TenantID: d.Tenant(), ClientID: d.ClientID(), Secret: secretOf(d), Endpoint: d.URL(), TokenURL: d.TokenURL(),
				Transport: d.Transport(), Caller: call.New(call.Options{}), // as if it were alone
			})
			if err != nil {
				t.Fatal(err)
			}
			if cov, err := s.Covers(t.Context(), scope); err != nil || cov[0].State != evidence.Collected {
				t.Errorf("probe %d: %+v, %v", i, cov, err)
			}
			shut(t, s)
		}
		refused := 0
		for _, r := range d.Requests() {
			if r.Status == 429 {
				refused++
			}
		}
		if waited := time.Since(began); waited != 10*time.Second || refused != 1 {
			t.Errorf("waited %s after %d refusals, want the 10s that the one named", waited, refused)
		}
	})
}
