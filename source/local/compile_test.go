package local

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"uratori/query"
)

// The compiler means what query.Eval says, for random conditions over hostile values.
func TestCompilerMeansWhatEvalSays(t *testing.T) {
	agents := []string{"", "aws-cli", "aws-cli/2", `a"b`, "a'b; DROP TABLE cloudtrail; --", "%", "_", "A", "あ", "\u202e", `\`}
	ips := []string{"", "203.0.113.5", "203.0.114.5", "2001:db8::1", "2001:db9::1", "AWS Internal"}
	events := map[string]map[query.Field]query.Value{}
	var lines []string
	for i := range 120 {
		ua, ip := agents[i%len(agents)], ips[i%len(ips)]
		at := time.Date(2025, 9, 9, 4, i%60, i%7, i*1000, time.UTC)
		more := ""
		if i%3 == 0 {
			more = fmt.Sprintf(`,"additionalEventData":{"bytesTransferredOut":%d},"readOnly":%v,"requestParameters":{"x":%s}`, i-40, i%2 == 0, query.Quote(ua))
		}
		id := fmt.Sprintf("00000000-0000-4000-a000-%012d", i)
		lines = append(lines, fmt.Sprintf(`{"eventTime":%q,"eventName":"E%d","eventSource":"s3.amazonaws.com","sourceIPAddress":%q,"userAgent":%s,"eventID":%q%s}`,
			at.Format(time.RFC3339Nano), i%5, ip, jsonText(ua), id, strings.ReplaceAll(more, query.Quote(ua), jsonText(ua))))
		ev := map[query.Field]query.Value{"event_time": query.TimeOf(at), "event_name": query.TextOf(fmt.Sprint("E", i%5))}
		if ua != "" {
			ev["user_agent"] = query.TextOf(ua)
		}
		if v := query.IPOf(ip); v.Type() == query.IP {
			ev["source_ip"] = v
		}
		if i%3 == 0 {
			ev["bytes_out"], ev["read_only"] = query.IntOf(int64(i-40)), query.BoolOf(i%2 == 0)
			ev["raw:requestParameters.x"] = query.TextOf(ua)
		}
		events[id] = ev
	}
	s := ingested(t, put(t, map[string]string{"log": strings.Join(lines, "\n")}))
	var anyExpr func(depth int) *rapid.Generator[query.Expr]
	anyExpr = func(depth int) *rapid.Generator[query.Expr] {
		return rapid.Custom(func(t *rapid.T) query.Expr {
			n := 8
			if depth == 0 {
				n = 7
			}
			ua := query.TextOf(rapid.SampledFrom(agents).Draw(t, "ua"))
			op := rapid.SampledFrom([]query.Op{query.Equal, query.NotEqual, query.Less, query.LessOrEqual, query.Greater, query.GreaterOrEqual}).Draw(t, "op")
			switch rapid.IntRange(0, n).Draw(t, "kind") {
			case 0:
				return query.Compare{Field: "user_agent", Op: op, Value: ua}
			case 1:
				return query.Compare{Field: "bytes_out", Op: op, Value: query.IntOf(rapid.Int64Range(-50, 90).Draw(t, "n"))}
			case 2:
				return query.Compare{Field: "source_ip", Op: op, Value: query.IPOf("203.0.113.5")}
			case 3:
				return query.CIDR{Field: "source_ip", Prefix: netip.MustParsePrefix(rapid.SampledFrom([]string{"203.0.113.0/24", "0.0.0.0/0", "2001:db8::/32", "::/0", "203.0.113.5/32"}).Draw(t, "net"))}
			case 4:
				return query.Contains{Field: "user_agent", Value: ua}
			case 5:
				return query.In{Field: "raw:requestParameters.x", Values: []query.Value{ua, query.TextOf("A")}}
			case 6:
				return query.Exists{Field: rapid.SampledFrom([]query.Field{"read_only", "source_ip", "user_agent"}).Draw(t, "field")}
			case 7:
				if rapid.Bool().Draw(t, "of address") {
					part := query.TextOf(rapid.SampledFrom([]string{"", "203.0.", "2001:db", ":1", "x"}).Draw(t, "part"))
					if rapid.Bool().Draw(t, "within") {
						return query.Contains{Field: "source_ip", Value: part}
					}
					return query.Prefix{Field: "source_ip", Value: part}
				}
				return query.Prefix{Field: "user_agent", Value: ua}
			default:
				terms := rapid.SliceOfN(anyExpr(depth-1), 0, 3).Draw(t, "terms")
				switch rapid.IntRange(0, 2).Draw(t, "join") {
				case 0:
					return query.And{Terms: terms}
				case 1:
					return query.Or{Terms: terms}
				}
				return query.Not{X: query.Or{Terms: terms}}
			}
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		e := anyExpr(2).Draw(rt, "e")
		q := query.Query{
			Dataset: query.CloudTrail, Window: query.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
			Where: e, Select: []query.Field{"event_id"}, Limit: 1000,
		}
		a, err := s.Ask(context.Background(), q)
		if err != nil {
			rt.Fatalf("%s: %v", e, err)
		}
		var got, want []string
		for _, r := range a.Rows {
			got = append(got, r[0].Text())
		}
		for id, ev := range events {
			if query.Eval(e, func(f query.Field) query.Value { return ev[f] }) {
				want = append(want, id)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%s\ngives %d events, want %d\n%s", e, len(got), len(want), a.Native)
		}
	})
}

// jsonText is text as a JSON string.
func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func TestAnswersAreBoundedAndTold(t *testing.T) {
	s := ingested(t, put(t, map[string]string{"log": ct(1, when, "") + "\n" + ct(2, when, "") + "\n" + ct(3, when, "")}))
	ask := func(text string) string {
		q, err := query.Parse("cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z " + text)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Ask(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(a.Outcome, " ", len(a.Rows))
	}
	for text, want := range map[string]string{
		"select event_id limit 3":                                   "Found 3",
		"select event_id limit 2":                                   "Truncated 2",
		`where event_name = "x" select event_id limit 2`:            "Empty 0",
		`where event_name = "x" compute count() as n limit 2`:       "Empty 0",
		"group by error_code compute count() as n limit 2":          "Found 1",
		"group by quarter(event_time) compute count() as n limit 2": "Found 1",
	} {
		if got := ask(text); got != want {
			t.Errorf("%s: %s; want %s", text, got, want)
		}
	}
	q, _ := query.Parse("cloudtrail from 2025-09-09T00:00:00Z to 2025-09-10T00:00:00Z compute values(source_ip, 2) as ips limit 1")
	a, err := s.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if set, cut := a.Rows[0][0].Set(); len(set) != 2 || !cut || set[0].Text() != "203.0.113.1" {
		t.Errorf("values = %v, cut %v", set, cut)
	}
}
