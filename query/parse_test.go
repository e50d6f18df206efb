package query

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestSyntaxErrorsShowTheSpot(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{
			"event_name = \"a\"\n\tand user_name like \"b\"",
			"2:16: unknown operator \"like\"; operators are = != < <= > >= in, prefix, contains, exists\n" +
				"     and user_name like \"b\"\n" +
				"                   ~~~~",
		},
		{ // letters of East Asia are two cells wide; control characters and the right-to-left override do nothing
			"user_name = \"佐藤\x1b[31m\u202e\" andd error_code exists",
			"1:24: expected \"and\", \"or\" or the end\n" +
				"    user_name = \"佐藤\uFFFD[31m\uFFFD\" andd error_code exists\n" +
				"                             ~~~~",
		},
		{
			"event_name in (\"a\", ",
			"1:21: expected a value: a text in double quotes, a number, a time, true, false, ip and an address, or a $parameter\n" +
				"    event_name in (\"a\", \n" +
				"                        ~",
		},
		{
			"event_name in $",
			"1:15: expected a name after $\n    event_name in $\n                  ~",
		},
	} {
		_, err := ParseExpr(CloudTrail, c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: got\n%v\nwant\n%s", c.text, err, c.want)
		}
	}
	// Of a long line only the surroundings are shown.
	_, err := ParseExpr(CloudTrail, strings.Repeat(`event_name = "a" or `, 5000)+`evnt_name = "b"`)
	if err == nil || len(err.Error()) > 600 || !strings.Contains(err.Error(), "evnt_name") {
		t.Errorf("got %v", err)
	}
}

func TestConditionsThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		``:                                        "expected a field",
		`and (event_name exists`:                  "expected )",
		`and event_name exists`:                   `"and" stands between two conditions`,
		`event_name`:                              "expected an operator",
		`event_name =`:                            "expected a value",
		`event_name == "a"`:                       "expected a value",
		`event_name = 'a'`:                        "texts stand between double quotes",
		`event_name = "a\q"`:                      "unknown escape",
		`event_name = "\ud800"`:                   "hexadecimal digits of a character",
		`event_name = "\u12xy"`:                   "hexadecimal digits of a character",
		`event_name = "\u1`:                       "unknown escape",
		"event_name = \"a\nb\"":                   "no closing quote",
		"event_name = \"\xff\"":                   "not UTF-8",
		`bytes_out = 99999999999999999999`:        "expected a value",
		`bytes_out = 1.5`:                         "expected a value",
		`event_time > 2025-09-09`:                 "expected a value",
		`event_time > 9999-12-31T23:59:59-01:00`:  "expected a value",
		`event_time > 0000-01-01T00:00:00+01:00`:  "expected a value",
		`source_ip = 203.0.113.5`:                 "expected a value",
		`source_ip = ip 203.0.113.05`:             "expected an address after ip",
		`source_ip in cidr 203.0.113.0/33`:        "expected a network",
		`source_ip in cidr ::ffff:203.0.113.0/90`: "expected a network",
		`source_ip in cidr "203.0.113.0/24"`:      "expected a network",
		`event_name in "a"`:                       "expected a list",
		`event_name contians "a"`:                 `did you mean "contains"?`,
		`raw:a/b exists`:                          "has no field",
		strings.Repeat("(", 200):                  "nested too deeply",
		strings.Repeat("not ", 200):               "nested too deeply",
		strings.Repeat("x", maxQuery+1):           "too long",
	} {
		if _, err := ParseExpr(CloudTrail, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
	}
	if _, err := ParseExpr("cloudtrial", "all"); err == nil || !strings.Contains(err.Error(), `did you mean "cloudtrail"?`) {
		t.Errorf("unknown dataset: %v", err)
	}
}

// One meaning has one text.
func TestConditionsHaveOneForm(t *testing.T) {
	for text, want := range map[string]string{
		`((event_name exists))`:                     `event_name exists`,
		`not(not(event_name exists))`:               `not not event_name exists`,
		`not (all)`:                                 `not all`,
		`(event_name exists or none) and all`:       `(event_name exists or none) and all`,
		`event_name exists or (none and all)`:       `event_name exists or none and all`,
		`event_name in ($names)`:                    `event_name in $names`,
		`event_name="\u0041\x42\u{}"`:               "",
		`event_name="\u0041\x42"`:                   `event_name = "AB"`,
		"event_name = \"\u202eあ\"":                  `event_name = "\u202eあ"`,
		`event_name = "\U000e0001"`:                 `event_name = "\U000e0001"`,
		`event_time > 2025-09-09T13:20:05.10+09:00`: `event_time > 2025-09-09T04:20:05.1Z`,
		`source_ip in cidr 203.0.113.77/24`:         `source_ip in cidr 203.0.113.0/24`,
		`source_ip in cidr ::ffff:203.0.113.77/120`: `source_ip in cidr 203.0.113.0/24`,
		`source_ip = ip 2001:DB8:0::1`:              `source_ip = ip 2001:db8::1`,
		`bytes_out>=-3`:                             `bytes_out >= -3`,
		`bytes_out = +3`:                            `bytes_out = 3`,
	} {
		e, err := ParseExpr(CloudTrail, text)
		if want == "" {
			if err == nil {
				t.Errorf("%s was read as %s", text, e)
			}
			continue
		}
		if err != nil || e.String() != want {
			t.Errorf("%s is printed %v, %v; want %s", text, e, err, want)
		}
	}
}

// What can be written in code can be printed and read back, at any depth that Check allows.
func TestDeepConditionsReadBack(t *testing.T) {
	var not, and Expr = Exists{"event_name"}, Exists{"event_name"}
	for range maxDepth - 2 {
		not = Not{not}
	}
	for i := range maxDepth/2 - 2 {
		if i%2 == 0 {
			and = And{[]Expr{and, Not{and}}[:1]}
		} else {
			and = Or{[]Expr{and, Exists{"event_name"}}}
		}
	}
	for _, e := range []Expr{not, and} {
		q := Query{Dataset: CloudTrail, Window: Window{time.Unix(0, 0), time.Unix(1, 0)}, Where: e, Select: []Field{"event_name"}, Limit: 1}
		if err := Check(q); err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(q.String()); err != nil || got.String() != q.String() {
			t.Errorf("%s: %v", q, err)
		}
	}
	var deep Expr = Exists{"event_name"}
	for range 10 * maxDepth {
		deep = Not{deep}
	}
	q := Query{Dataset: CloudTrail, Window: Window{time.Unix(0, 0), time.Unix(1, 0)}, Where: deep, Select: []Field{"event_name"}, Limit: 1}
	if err := Check(q); err == nil {
		t.Error("a bottomless condition passes")
	}
}

// Mistakes that only code can make, since the parser would not let them through.
func TestCheckRefusesWhatCannotBeAsked(t *testing.T) {
	good := Query{
		Dataset: CloudTrail, Window: Window{time.Unix(0, 0), time.Unix(3600, 0)},
		Select: []Field{"event_name"}, Limit: 1,
	}
	if err := Check(good); err != nil {
		t.Fatal(err)
	}
	grouped := good
	grouped.Select, grouped.Compute = nil, []Aggregate{{Func: Count, As: "n"}}
	for want, q := range map[string]Query{
		`did you mean "signin"?`:             with(good, func(q *Query) { q.Dataset = "signins" }),
		"is empty":                           with(good, func(q *Query) { q.Window.To = q.Window.From }),
		"end must lie after its beginning":   with(good, func(q *Query) { q.Window.From, q.Window.To = q.Window.To, q.Window.From }),
		"leaves the years":                   with(good, func(q *Query) { q.Window.To = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"limit 0 ":                           with(good, func(q *Query) { q.Limit = 0 }),
		"limit -1 ":                          with(good, func(q *Query) { q.Limit = -1 }),
		"limit 1000001 ":                     with(good, func(q *Query) { q.Limit = 1_000_001 }),
		"not for both":                       with(good, func(q *Query) { q.Compute = grouped.Compute }),
		"nothing is asked for":               with(good, func(q *Query) { q.Select = nil }),
		"group by needs compute":             with(good, func(q *Query) { q.Select, q.GroupBy = nil, []Key{{Field: "region"}} }),
		`column "event_name" stands twice`:   with(good, func(q *Query) { q.Select = []Field{"event_name", "event_name"} }),
		`column "n" stands twice`:            with(grouped, func(q *Query) { q.Compute = append(q.Compute[:1:1], Aggregate{Func: Min, Field: EventTime, As: "n"}) }),
		`did you mean "event_name"?`:         with(good, func(q *Query) { q.Select = []Field{"event_nmae"} }),
		`did you mean "event_source"?`:       with(grouped, func(q *Query) { q.GroupBy = []Key{{Field: "event_sorce"}} }),
		"event_name is text, not a time":     with(grouped, func(q *Query) { q.GroupBy = []Key{{Field: "event_name", Quarter: true}} }),
		`order by "n"`:                       with(good, func(q *Query) { q.Order = []Order{{By: "n"}} }),
		`columns are n`:                      with(grouped, func(q *Query) { q.Order = []Order{{By: "event_name"}} }),
		`unknown function "median"`:          with(grouped, func(q *Query) { q.Compute = []Aggregate{{Func: "median", Field: "bytes_out", As: "m"}} }),
		"min needs a field":                  with(grouped, func(q *Query) { q.Compute = []Aggregate{{Func: Min, As: "m"}} }),
		"only whole numbers can be summed":   with(grouped, func(q *Query) { q.Compute = []Aggregate{{Func: Sum, Field: "event_name", As: "m"}} }),
		"column name of letters":             with(grouped, func(q *Query) { q.Compute = []Aggregate{{Func: Count, As: `n" from x`}} }),
		"from 1 to 10000":                    with(grouped, func(q *Query) { q.Compute = []Aggregate{{Func: Values, Field: "region", As: "v", Limit: 10_001}} }),
		"parameter $key is not bound":        where(good, Compare{"access_key", Equal, ParamOf("key")}),
		"parameter $list is not bound":       where(good, In{"access_key", []Value{ParamOf("list")}}),
		"bytes_out is a whole number":        where(good, Compare{"bytes_out", Equal, TextOf("3")}),
		"such as event_time = 2025":          where(good, Compare{EventTime, Less, IntOf(3)}),
		"such as source_ip = ip":             where(good, In{"source_ip", []Value{TextOf("203.0.113.5")}}),
		"read_only is a truth value":         where(good, Compare{"read_only", Equal, TextOf("true")}),
		"truth values are not ordered":       where(good, Compare{"read_only", Less, BoolOf(true)}),
		"bytes_out prefix":                   where(good, Prefix{"bytes_out", TextOf("3")}),
		"contains needs a text":              where(good, Contains{"event_name", IntOf(3)}),
		"event_name is text, not an address": where(good, CIDR{"event_name", netip.MustParsePrefix("203.0.113.0/24")}),
		"network is not valid":               where(good, CIDR{"source_ip", netip.Prefix{}}),
		"compared unmapped":                  where(good, CIDR{"source_ip", netip.MustParsePrefix("::ffff:203.0.113.0/120")}),
		"outside the years":                  where(good, Compare{EventTime, Less, TimeOf(time.Date(10001, 1, 1, 0, 0, 0, 0, time.UTC))}),
		"a condition is empty":               where(good, And{[]Expr{nil}}),
		`has no field "evil"`:                where(good, Exists{"evil"}),
	} {
		if err := Check(q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %q", err, want)
		}
	}
}

func with(q Query, change func(*Query)) Query {
	change(&q)
	return q
}

func where(q Query, e Expr) Query {
	q.Where = e
	return q
}
