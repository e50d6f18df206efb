package splunk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"uratori/query"
	"uratori/source"
	"uratori/source/call"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

// hostileSeeds are values that break out of quotes, expand, or look like others.
var hostileSeeds = []string{
	"", "a", "A", `a"b`, `a'b`, `a\b`, `\`, `\"`, `"`, `" | delete | search "`, "a|b", "a [search index=*]", "a]", "a`macro`b", "a*", "*", "a%", "a_", "$tok$", "$",
	"--", "/* */", "a\nb", "a\tb", "a\x00b", "ａｗｓ", "名前", "\u202eevil", "\u200b", "a\u00a0b", `{"k":1}`, "[1]", "NOT", "OR", "a OR b", "true", "null", "0", "1.0", "1e3",
	"-", "t", "t-", "aws-cli/2.17.0", "AWS-CLI/2.17.0", "a--b-cdef", "O'Brien-Corp", "A&B-Company", "user+tag@example.co.jp", "a^bcdef", "x~yzabc", "éabcdef", "abcdefé",
	"abc\u2028def", "\ufeffabcd", "K\u212aelvin", "\xa3", strings.Repeat("x", 1025), strings.Repeat(`"\`, 400), strings.Repeat("y", 64<<10), "arn:aws:sts::111122223333:assumed-role/R/u@example.co.jp",
}

// near are texts that a careless comparison takes for v.
func near(v string) []string {
	return []string{v, v + "x", "x" + v, strings.ToUpper(v), strings.ToLower(v), strings.TrimSpace(v), strings.ReplaceAll(v, "*", "xx"), strings.ReplaceAll(v, `\`, ``), "", "-", "t" + v}
}

// trailOf is one event for each user agent.
func trailOf(agents []string) [][]byte {
	var raws [][]byte
	for i, a := range agents {
		raw, err := json.Marshal(map[string]any{
			"eventVersion": "1.11", "eventID": fmt.Sprint("e", i), "eventTime": sourcetest.Began.Add(time.Duration(i) * time.Minute).Format(time.RFC3339), "eventName": "GetObject",
			"eventSource": "s3.amazonaws.com", "awsRegion": sourcetest.Region, "recipientAccountId": sourcetest.Account, "userAgent": a,
		})
		if err != nil {
			panic(err)
		}
		raws = append(raws, raw)
	}
	return raws
}

// hold asks for events by a value and holds the answers against the embedded store.
func hold(t *testing.T, v string) {
	t.Helper()
	raws := trailOf(near(v))
	truth := sourcetest.Reference(t, map[query.Dataset][][]byte{query.CloudTrail: raws})
	d := splunktest.New(splunktest.Options{Events: splunktest.Events("aws", splunk.AWSCloudTrail, raws)})
	defer d.Close()
	s, err := splunk.New(splunk.Options{
		Name: "splunk-prod", Endpoint: d.URL, Places: trailPlaces(), Sleep: awake, Caller: call.New(call.Options{Sleep: awake}),
		Token: func(context.Context) (string, error) { return "test-token", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := query.TextOf(v)
	for _, e := range []query.Expr{
		query.Compare{Field: "user_agent", Op: query.Equal, Value: text},
		query.Or{Terms: []query.Expr{query.Prefix{Field: "user_agent", Value: text}, query.Not{X: query.Contains{Field: "user_agent", Value: text}}}},
	} {
		q := query.Query{Dataset: query.CloudTrail, Window: window, Where: e, Limit: 100, Select: []query.Field{query.EventID, "user_agent"}}
		if query.Check(q) != nil {
			continue
		}
		if !utf8.ValidString(v) {
			if a, err := s.Ask(t.Context(), q); !errors.Is(err, source.ErrInvalid) {
				t.Fatalf("%q, which is no text, was asked for: %s, %v", v, a.Outcome, err)
			}
			continue
		}
		want, err := truth.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Ask(t.Context(), q)
		if err != nil {
			t.Fatalf("%.100q: %v", v, err)
		}
		if diff := sourcetest.Differ(got, want); diff != "" {
			t.Fatalf("%.100q: %s\n%.3000s", v, diff, got.Native)
		}
	}
	for _, spl := range d.Searches() {
		if err := splunk.CheckSPL(spl); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHostileValues(t *testing.T) {
	for _, v := range hostileSeeds {
		hold(t, v)
	}
}

// Whatever value a question asks for, the answer is the events with exactly that value.
func FuzzValues(f *testing.F) {
	for _, v := range hostileSeeds {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) { hold(t, v) })
}
