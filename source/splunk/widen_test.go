package splunk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"uratori/query"
	"uratori/source/sourcetest"
	"uratori/source/splunktest"
)

func trailReading() reading {
	schema, _ := query.SchemaOf(query.CloudTrail)
	m := MapOf(query.CloudTrail, AWSCloudTrail)
	return reading{query.CloudTrail, schema, []Place{{Dataset: query.CloudTrail, Index: "aws", Sourcetype: AWSCloudTrail, Map: &m}}}
}

// fieldsIn are the fields of a CloudTrail record, by the rules of the schema.
func fieldsIn(raw []byte) func(query.Field) query.Value {
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		panic(err) // of the test's own making
	}
	at := func(path string) (string, bool) {
		var v any = doc
		for _, step := range strings.Split(path, ".") {
			m, ok := v.(map[string]any)
			if !ok {
				return "", false
			}
			v = m[step]
		}
		s, ok := v.(string)
		return s, ok
	}
	schema, _ := query.SchemaOf(query.CloudTrail)
	return func(f query.Field) query.Value {
		spec, err := schema.Field(f)
		if err != nil {
			panic(err)
		}
		s, ok := at(string(spec.Paths[0]))
		switch {
		case !ok:
			return query.Value{}
		case strings.HasPrefix(string(f), "raw:"):
			return query.TextOf(s)
		case f == "api":
			s = query.API(s)
		case f == "session_name":
			s = query.SessionName(s)
		case spec.Type == query.IP:
			if v := query.IPOf(s); v.Type() == query.IP {
				return v
			}
			return query.Value{}
		}
		if s == "" {
			return query.Value{}
		}
		return query.TextOf(s)
	}
}

// within runs the search for a condition and holds it against the condition itself: no event is
// left out, and where the search is exact none is let through besides.
func within(t interface {
	Fatalf(format string, args ...any)
}, d *splunktest.Server, raws [][]byte, e query.Expr,
) {
	p := compile(query.Query{
		Dataset: query.CloudTrail, Window: query.Window{From: sourcetest.Began, To: sourcetest.Ended}, Where: e, Limit: 10,
		Select: []query.Field{query.EventID},
	}, trailReading())
	spl := p.events(len(raws)).String()
	if err := CheckSPL(spl); err != nil {
		t.Fatalf("%s\n%v", e, err)
	}
	rows, err := d.Search(spl, sourcetest.Began.Add(-time.Hour), sourcetest.Ended.Add(time.Hour))
	if err != nil {
		t.Fatalf("%s\n%v\n%s", e, err, spl)
	}
	got := map[string]any{}
	for _, r := range rows {
		got[r["_raw"].(string)] = r["u_odd"]
	}
	for _, raw := range raws {
		want := query.Eval(e, fieldsIn(raw))
		mark, came := got[string(raw)]
		if want && !came {
			t.Fatalf("%s\nleaves out %.300s\n%s", e, raw, spl)
		}
		if came && !want && p.exact && mark == "0" {
			t.Fatalf("%s\nlets through %.300s\n%s", e, raw, spl)
		}
	}
}

func TestSearchesLeaveNothingOut(t *testing.T) {
	raws := sourcetest.Records()[query.CloudTrail]
	d := splunktest.New(splunktest.Options{Events: splunktest.Events("aws", AWSCloudTrail, raws)})
	defer d.Close()
	exact, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		for range 5 {
			e := sourcetest.Conditions(query.CloudTrail, 2).Draw(rt, "condition")
			within(rt, d, raws, e)
			if _, ok := (&compiler{reading: trailReading()}).widen(e); ok {
				exact++
			}
			all++
		}
	})
	if exact*10 < all {
		t.Errorf("%d of %d conditions were said exactly; nearly everything is fetched", exact, all)
	}
}

// Whatever the value, a search finds the events with exactly that value, in every way it can be
// compared, also where it stands among its look-alikes.
func FuzzWiden(f *testing.F) {
	for _, v := range []string{"", "a", `a"b`, `a\`, `" | delete | search "`, "a*", "*", "a`b`c", "$a$", "[x]", "a\nb", "é", "ａ", "-", "t", "null", "1.0", "0", "user+tag@example.co.jp", "a--b-cdef", "GetFunction20150331v2", "192.0.2.7", "2001:db8::1", "\u202e"} {
		f.Add(v, v)
	}
	f.Fuzz(func(t *testing.T, v, other string) {
		if len(v) > 5000 || len(other) > 5000 {
			return
		}
		v, other = strings.ToValidUTF8(v, "?"), strings.ToValidUTF8(other, "?")
		var raws [][]byte
		for i, s := range []string{v, other, v + other, other + v, strings.ToUpper(v), strings.ToLower(v), strings.TrimSpace(v), strings.ReplaceAll(v, "*", "x"), "t" + v, "", "-"} {
			raw, err := json.Marshal(map[string]any{
				"eventID": fmt.Sprint("e", i), "eventTime": sourcetest.Began.Add(time.Duration(i) * time.Minute).Format(time.RFC3339), "eventName": "E" + s,
				"eventSource": "s3.amazonaws.com", "userAgent": s, "sourceIPAddress": s, "errorCode": other,
				"userIdentity": map[string]any{"arn": "arn:aws:sts::111122223333:assumed-role/R/" + s},
			})
			if err != nil {
				t.Fatal(err)
			}
			raws = append(raws, raw)
		}
		d := splunktest.New(splunktest.Options{Events: splunktest.Events("aws", AWSCloudTrail, raws)})
		defer d.Close()
		text := query.TextOf(v)
		agent := query.Compare{Field: "user_agent", Op: query.Equal, Value: text}
		for _, e := range []query.Expr{
			agent,
			query.Not{X: agent},
			query.Compare{Field: "user_agent", Op: query.NotEqual, Value: text},
			query.In{Field: "user_agent", Values: []query.Value{text, query.TextOf(other)}},
			query.Prefix{Field: "user_agent", Value: text},
			query.Contains{Field: "user_agent", Value: text},
			query.Not{X: query.Contains{Field: "user_agent", Value: text}},
			query.Exists{Field: "user_agent"},
			query.Compare{Field: "session_name", Op: query.Equal, Value: text},
			query.Compare{Field: "api", Op: query.Equal, Value: query.TextOf("E" + v)},
			query.And{Terms: []query.Expr{agent, query.Compare{Field: "error_code", Op: query.Equal, Value: query.TextOf(other)}}},
			query.Or{Terms: []query.Expr{agent, query.Not{X: query.Exists{Field: "error_code"}}}},
		} {
			within(t, d, raws, e)
		}
		if ip := query.IPOf(v); ip.Type() == query.IP {
			within(t, d, raws, query.Compare{Field: "source_ip", Op: query.Equal, Value: ip})
		}
	})
}
