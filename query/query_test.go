package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyExpr draws a condition over CloudTrail's fields.
func anyExpr(depth int) *rapid.Generator[Expr] {
	return rapid.Custom(func(t *rapid.T) Expr {
		text := rapid.StringOfN(rapid.RuneFrom([]rune{'a', '"', '\\', '\n', 'あ', 0x202E, 0, '|', '$'}), 0, 6, -1)
		kinds := 7
		if depth > 0 {
			kinds = 10
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			op := rapid.SampledFrom([]Op{Equal, NotEqual, Less, GreaterOrEqual}).Draw(t, "op")
			return Compare{"event_name", op, TextOf(text.Draw(t, "text"))}
		case 1:
			return Compare{"bytes_out", Greater, IntOf(rapid.Int64().Draw(t, "n"))}
		case 2:
			return Compare{EventTime, LessOrEqual, TimeOf(time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "us")))}
		case 3:
			return In{"source_ip", []Value{IPOf("203.0.113.5"), IPOf("2001:db8::1")}}
		case 4:
			return Prefix{"user_agent", TextOf(text.Draw(t, "text"))}
		case 5:
			return CIDR{"source_ip", netip.MustParsePrefix("203.0.113.0/24")}
		case 6:
			return Exists{"raw:requestParameters.x-y"}
		case 7:
			return Not{anyExpr(depth-1).Draw(t, "x")}
		case 8:
			return And{rapid.SliceOfN(anyExpr(depth-1), 0, 3).Draw(t, "terms")}
		default:
			return Or{rapid.SliceOfN(anyExpr(depth-1), 0, 3).Draw(t, "terms")}
		}
	})
}

func TestConditionsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExpr(3).Draw(t, "e")
		got, err := ParseExpr(CloudTrail, e.String())
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		if got.String() != e.String() {
			t.Fatalf("%s reads back as %s", e, got)
		}
		for _, ev := range []map[Field]Value{
			{}, {"event_name": TextOf("a"), "bytes_out": IntOf(3), EventTime: TimeOf(time.Unix(1, 0)), "source_ip": IPOf("203.0.113.5"), "user_agent": TextOf("ab")},
		} {
			get := func(f Field) Value { return ev[f] }
			if Eval(e, get) != Eval(got, get) {
				t.Fatalf("%s means something else when read back", e)
			}
		}
	})
}

const whole = `cloudtrail from 2025-08-10T04:20:05Z to 2025-09-09T05:20:05.123456Z where access_key = "ASIA" and not (event_name in ("A", "B") or error_code exists) and source_ip in cidr 2001:db8::/32 group by event_name, quarter(event_time) compute count() as n, values(source_ip, 20) as ips order by n desc, event_name limit 100`

func TestQueriesReadBackAsTextAndJSON(t *testing.T) {
	for _, text := range []string{
		whole,
		`signin from 2025-08-10T04:20:05Z to 2025-09-09T05:20:05Z select event_time, user_principal_name, raw:location.city limit 5`,
		`cloudtrail from 2025-08-10T04:20:05Z to 2025-09-09T05:20:05Z where read_only = true and bytes_out >= -3 and source_ip = ip 203.0.113.5 compute sum(bytes_out) as b limit 1`,
	} {
		q, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if q.String() != text {
			t.Errorf("reads back as\n%s\nwant\n%s", q, text)
		}
		if err := Check(q); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		data, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var again Query
		if err := json.Unmarshal(data, &again); err != nil || again.String() != text {
			t.Errorf("JSON %s reads back as %s, %v", data, again, err)
		}
	}
	var q Query
	if err := json.Unmarshal([]byte(`{"dataset":"cloudtrail","form":"x"}`), &q); err == nil {
		t.Error("an unknown member was accepted")
	}
}

// Every mistake names the place, the line, and the nearest right word.
func TestMistakesNameTheNearestRightWord(t *testing.T) {
	for text, want := range map[string]string{
		strings.Replace(whole, "cloudtrail", "cloudtrial", 1):                   `did you mean "cloudtrail"?`,
		strings.Replace(whole, "access_key", "acces_key", 1):                    `did you mean "access_key"?`,
		strings.Replace(whole, "count()", "coutn()", 1):                         `did you mean "count"?`,
		strings.Replace(whole, "error_code exists", "error_code exist", 1):      `did you mean "exists"?`,
		strings.Replace(whole, `"ASIA"`, `ASIA`, 1):                             "a text in double quotes",
		strings.Replace(whole, `"ASIA"`, `3`, 1):                                "access_key is text, not a whole number",
		strings.Replace(whole, "n desc", "m desc", 1):                           "the answer has no such column",
		strings.Replace(whole, "limit 100", "limit 0", 1):                       "every question is bounded",
		strings.Replace(whole, "2025-08-10T04", "2025-10-10T04", 1):             "must lie after its beginning",
		strings.Replace(whole, "limit 100", "", 1):                              `expected "limit"`,
		strings.Replace(whole, "in cidr 2001:db8::/32", "in cidr 2001:db8", 1):  "expected a network",
		strings.Replace(whole, "quarter(event_time)", "quarter(event_name)", 1): "group by quarter(event_time)",
		strings.Replace(whole, "values(source_ip, 20)", "values(source_ip)", 1): "only values takes a limit",
		strings.Replace(whole, `"ASIA"`, `"ASIA`, 1):                            "no closing quote",
		whole + " and more": "expected the end",
		"":                  "begins with its dataset",
	} {
		q, err := Parse(text)
		if err == nil {
			err = Check(q)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %q", text, err, want)
		}
	}
	_, err := ParseExpr(CloudTrail, "event_name = \"a\"\n  and evnt_name = \"b\"")
	var s *SyntaxError
	if !errors.As(err, &s) || s.Line != 2 || s.Col != 7 {
		t.Errorf("got %v; want line 2, column 7", err)
	}
}

func TestBindTakesWholeValues(t *testing.T) {
	e, err := ParseExpr(CloudTrail, `event_name in $list and access_key = $key`)
	if err != nil {
		t.Fatal(err)
	}
	set := SetOf([]Value{TextOf("A"), TextOf("B")}, false)
	got, err := BindExpr(e, map[string]Value{"list": set, "key": TextOf(`" or event_name exists`)})
	if err != nil || got.String() != `event_name in ("A", "B") and access_key = "\" or event_name exists"` {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := BindExpr(e, map[string]Value{"list": set}); err == nil {
		t.Error("an open parameter was bound")
	}
	if _, err := BindExpr(e, map[string]Value{"list": set, "key": set}); err == nil {
		t.Error("a set was bound to =")
	}
	if got, err := BindExpr(e, map[string]Value{"list": SetOf(nil, false), "key": TextOf("k")}); err != nil || Eval(got, func(Field) Value { return TextOf("k") }) {
		t.Errorf("an empty list holds: %v, %v", got, err)
	}
	if fmt.Sprint(ParamsOf(e)) != "[key list]" {
		t.Errorf("parameters are %v", ParamsOf(e))
	}
}

func TestAddr(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.5": "203.0.113.5", "203.0.113.5:443": "203.0.113.5", "[2001:db8::1]:443": "2001:db8::1", "[2001:DB8::1]": "2001:db8::1",
		"::ffff:203.0.113.5": "203.0.113.5", "fe80::1%eth0": "fe80::1", " 203.0.113.5 ": "203.0.113.5",
		"253.252.51.07": "", "AWS Internal": "", "s3.amazonaws.com": "", "": "", "1.2.3": "", "203.0.113.5/24": "",
		"[203.0.113.5": "", "203.0.113.5]": "", "[2001:db8::1": "", "[fe80::1%eth0]:80": "fe80::1", "::ffff:203.0.113.5%eth0": "203.0.113.5", "2001:db8::1:443": "2001:db8::1:443",
	} {
		a, ok := Addr(in)
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("Addr(%q) = %v, %v; want %q", in, a, ok, want)
		}
	}
}

func TestDerivedFields(t *testing.T) {
	for in, want := range map[string]string{
		"GetFunction20150331v2": "GetFunction", "ListFunctions20150331": "ListFunctions", "UpdateFunctionCode20150331v2": "UpdateFunctionCode",
		"CreateDistribution2020_05_31": "CreateDistribution", "GetObject": "GetObject", "ListObjectsV2": "ListObjectsV2", "": "",
	} {
		if got := API(in); got != want {
			t.Errorf("API(%q) = %q; want %q", in, got, want)
		}
	}
	for code, want := range map[string]bool{"AccessDenied": true, "Client.UnauthorizedOperation": true, "AccessDeniedException": true, "NoSuchBucketPolicy": false, "": false} {
		if Denied(code) != want {
			t.Errorf("Denied(%q) = %v", code, !want)
		}
	}
	if got := SessionName("arn:aws:sts::111122223333:assumed-role/R/ext-sato@example.co.jp"); got != "ext-sato@example.co.jp" {
		t.Errorf("session name %q", got)
	}
	for code, want := range map[int]Result{0: Success, 50140: Interrupt, 50074: Interrupt, 50126: Failure, 999999: Failure} {
		res, m := SignInCode(code)
		if res != want || m.JA == "" || m.EN == "" {
			t.Errorf("SignInCode(%d) = %s %v", code, res, m)
		}
	}
}

func TestValuesReadBackFromJSON(t *testing.T) {
	for _, v := range []Value{
		{},
		BoolOf(false), IntOf(-9007199254740993), TextOf("<&>\u202e\x00あ"), TextOf("\xff\xfe"), TimeOf(time.UnixMicro(1757391605123456)),
		IPOf("2001:db8::1"), JSONOf(`{"a":1}`), ParamOf("x.y"), SetOf([]Value{IntOf(1), TextOf("b")}, true), SetOf(nil, false),
	} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got Value
		if err := json.Unmarshal(data, &got); err != nil || !got.Equal(v) {
			t.Errorf("%s reads back as %v, %v", data, got, err)
		}
	}
	for _, bad := range []string{`{}`, `{"int":1,"text":"a"}`, `{"float":1}`, `3`, `{"ip":"203.0.113.05"}`, `{"time":"now"}`} {
		var v Value
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s was read as %v", bad, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(`cloudtrail from 2025-08-10T04:20:05Z to 2025-09-09T05:20:05Z where ((((not all)))) or none select raw limit 1`)
	f.Add(`signin from 0000-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z where ` + strings.Repeat("and(", 90) + "all" + strings.Repeat(")", 90) + ` select raw limit 1`)
	f.Add(`cloudtrail from 2025-08-10T04:20:05Z to 2025-09-09T05:20:05Z where source_ip in cidr ::ffff:203.0.113.9/120 and user_agent contains "\x00\u202e" compute count() as n limit 1`)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(q.String())
		if err != nil || again.String() != q.String() {
			t.Errorf("%q reads back as %q, %v", q, again, err)
		}
	})
}
