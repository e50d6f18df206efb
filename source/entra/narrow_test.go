package entra

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"uratori/query"
	"uratori/source/call"
	"uratori/source/graphtest"
	"uratori/source/sourcetest"
)

// A lister asks a double, without a connection, what a filter lets through.
type lister struct {
	s     *Source
	d     *graphtest.Server
	token string
}

func newLister(t testing.TB, records [][]byte) *lister {
	t.Helper()
	d, err := graphtest.New(graphtest.Options{SignIns: records, Unlimited: true, Now: func() time.Time { return sourcetest.Ended }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		TenantID: d.Tenant(), ClientID: d.ClientID(), Secret: func(context.Context) (string, error) { return d.Secret(), nil },
		Endpoint: d.URL(), TokenURL: d.TokenURL(), Transport: d.Transport(), Caller: call.New(call.Options{Unlimited: true}),
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, _, err := s.graph.authorize(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return &lister{s, d, tok.AccessToken}
}

// ids are the sign-ins that the filter of e lets through.
func (l *lister) ids(t rapid.TB, e query.Expr) []string {
	address := l.s.address(spanOf(query.Window{From: sourcetest.Began, To: sourcetest.Ended}), narrow(e), pageSize)
	u, err := url.Parse(address)
	if err != nil || len(u.Query()) != 3 || u.Query().Get("$top") != "1000" || len(address) > 8000 {
		t.Fatalf("%v asks %s: %v", e, address, err)
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.token)
	resp, err := l.d.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v asks %s: %d %s %v", e, address, resp.StatusCode, body, err)
	}
	var page struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range page.Value {
		out = append(out, v.ID)
	}
	return out
}

// No record that a condition wants is lost by what Graph is told, whatever the condition.
func TestAFilterLosesNothing(t *testing.T) {
	records := sourcetest.Records()[query.SignIn]
	l := newLister(t, records)
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.SignIn: records})
	narrowed := 0
	rapid.Check(t, func(rt *rapid.T) {
		e := sourcetest.Conditions(query.SignIn, 2).Draw(rt, "condition")
		got := l.ids(rt, e)
		want, err := truth.Ask(context.Background(), query.Query{
			Dataset: query.SignIn, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}, Where: e, Select: []query.Field{query.EventID}, Limit: 1000,
		})
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range want.Rows {
			if !slices.Contains(got, r[0].Text()) {
				rt.Fatalf("%s is asked as %s, which loses %s", e, narrow(e), r[0].Text())
			}
		}
		if len(got) < len(records) {
			narrowed++
		}
	})
	if narrowed < 10 {
		t.Errorf("%d conditions of a hundred are told to Graph; everything is fetched", narrowed)
	}
}

// FuzzFilterValues holds that a value in a filter lets through the record that holds it, and no
// other wherever Graph is told of it.
func FuzzFilterValues(f *testing.F) {
	fields := []struct {
		field query.Field
		path  []string
	}{
		{"user_principal_name", []string{"userPrincipalName"}},
		{"user_display_name", []string{"userDisplayName"}},
		{"app_display_name", []string{"appDisplayName"}},
		{"city", []string{"location", "city"}},
		{"browser", []string{"deviceDetail", "browser"}},
		{"user_id", []string{"userId"}},
		{"client_app", []string{"clientAppUsed"}},
	}
	for i, v := range []string{"u1@example.co.jp", "o'brien@example.co.jp", "''", "' or 1 eq 1 or '' eq '", "%27", "a&$top=1#x", "a+b c", "名前", "a\nb", "\u202e", strings.Repeat("'", 200)} {
		f.Add(v, uint8(i))
	}
	f.Fuzz(func(t *testing.T, value string, which uint8) {
		field := fields[int(which)%len(fields)]
		if !utf8.ValidString(value) {
			t.Skip("no JSON holds it")
		}
		if field.field == "user_principal_name" {
			value = strings.ToLower(value)
		}
		var records [][]byte
		for id, v := range map[string]string{"holds": value, "another": value + "x", "quoted": "'" + value + "'"} {
			var inner any = v
			for i := len(field.path) - 1; i >= 0; i-- {
				inner = map[string]any{field.path[i]: inner}
			}
			m, ok := inner.(map[string]any)
			if !ok {
				t.Fatal(inner)
			}
			m["id"], m["createdDateTime"] = id, "2025-09-08T01:02:03Z"
			raw, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, raw)
		}
		l := newLister(t, records)
		v := query.TextOf(value)
		for _, e := range []query.Expr{
			query.Compare{Field: field.field, Op: query.Equal, Value: v},
			query.In{Field: field.field, Values: []query.Value{v, query.TextOf("nobody")}},
			query.And{Terms: []query.Expr{query.Compare{Field: field.field, Op: query.Equal, Value: v}, query.Contains{Field: "device_name", Value: v}}},
			query.Or{Terms: []query.Expr{query.Compare{Field: field.field, Op: query.Equal, Value: v}, query.Prefix{Field: field.field, Value: v}}},
		} {
			got := l.ids(t, e)
			_, prefix := e.(query.Or)
			switch want := []string{"holds"}; {
			case !slices.Contains(got, "holds"):
				t.Errorf("%s is asked as %s and loses its record", e, narrow(e))
			case narrow(e) == "" && len(got) != 3, narrow(e) != "" && !prefix && !slices.Equal(got, want):
				t.Errorf("%s is asked as %s and finds %v", e, narrow(e), got)
			}
		}
	})
}
