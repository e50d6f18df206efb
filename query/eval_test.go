package query

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What a condition means, written by hand: every compiler is held against Eval.
func TestEvalMeansWhatIsWritten(t *testing.T) {
	event := map[Field]Value{
		"event_name": TextOf("GetObject"),
		"user_agent": TextOf("aws-cli/2.0 Python"),
		"bytes_out":  IntOf(100),
		"read_only":  BoolOf(true),
		EventTime:    TimeOf(time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)),
		"source_ip":  IPOf("203.0.113.5"),
		// error_code is missing
	}
	for text, want := range map[string]bool{
		`all`:                                                     true,
		`none`:                                                    false,
		`event_name = "GetObject"`:                                true,
		`event_name = "getobject"`:                                false,
		`event_name != "PutObject"`:                               true,
		`error_code = "AccessDenied"`:                             false,
		`error_code != "AccessDenied"`:                            false, // a missing value is in no relation
		`not error_code = "AccessDenied"`:                         true,
		`not error_code != "AccessDenied"`:                        true,
		`error_code exists`:                                       false,
		`not error_code exists`:                                   true,
		`event_name exists`:                                       true,
		`error_code prefix ""`:                                    false,
		`event_name prefix ""`:                                    true,
		`event_name prefix "Get"`:                                 true,
		`event_name prefix "get"`:                                 false,
		`user_agent contains "Python"`:                            true,
		`user_agent contains "python"`:                            false,
		`error_code contains ""`:                                  false,
		`event_name in ("A", "GetObject")`:                        true,
		`event_name in ()`:                                        false,
		`not event_name in ()`:                                    true,
		`error_code in ("A")`:                                     false,
		`bytes_out > 99`:                                          true,
		`bytes_out > 100`:                                         false,
		`bytes_out >= 100`:                                        true,
		`bytes_out < 1000`:                                        true, // as numbers, not as texts
		`bytes_out <= 99`:                                         false,
		`read_only = true`:                                        true,
		`read_only = false`:                                       false,
		`event_time < 2025-09-09T04:20:05.000001Z`:                true,
		`event_time >= 2025-09-09T13:20:05+09:00`:                 true,
		`source_ip = ip 203.0.113.5`:                              true,
		`source_ip = ip ::ffff:203.0.113.5`:                       true,
		`source_ip in cidr 203.0.113.0/24`:                        true,
		`source_ip in cidr 203.0.113.9/29`:                        false, // .8 to .15
		`source_ip in cidr ::ffff:203.0.113.0/120`:                true,
		`source_ip in cidr 0.0.0.0/0`:                             true,
		`source_ip in cidr ::/0`:                                  false, // IPv4 is not inside IPv6
		`source_ip in (ip 198.51.100.1, ip 203.0.113.5)`:          true,
		`bytes_out = 1 or bytes_out = 2 and all`:                  false,
		`bytes_out = 100 or bytes_out = 2 and none`:               true, // and binds tighter
		`(bytes_out = 100 or bytes_out = 2) and none`:             false,
		`not bytes_out = 1 and bytes_out = 100`:                   true, // not binds tightest
		`not (bytes_out = 1 or bytes_out = 100)`:                  false,
		`not not event_name exists`:                               true,
		`not (event_name = "GetObject" and error_code = "Other")`: true,
	} {
		e, err := ParseExpr(CloudTrail, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := Eval(e, func(f Field) Value { return event[f] }); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

// anyValue draws a value of any type, small enough to collide.
func anyValue() *rapid.Generator[Value] {
	return rapid.Custom(func(t *rapid.T) Value {
		text := rapid.StringOfN(rapid.RuneFrom([]rune{'a', 'b', 'あ', 0x202E, 0}), 0, 3, -1)
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			return Value{}
		case 1:
			return BoolOf(rapid.Bool().Draw(t, "b"))
		case 2:
			return IntOf(rapid.OneOf(rapid.Int64Range(-2, 2), rapid.Int64()).Draw(t, "n"))
		case 3:
			return TimeOf(time.UnixMicro(rapid.OneOf(rapid.Int64Range(-1e17, 1e18), rapid.Int64Range(-2, 2)).Draw(t, "us")))
		case 4:
			return IPOf(rapid.SampledFrom([]string{"203.0.113.5", "203.0.113.40", "2001:db8::1", "2001:db8::a"}).Draw(t, "ip"))
		case 5:
			return JSONOf(text.Draw(t, "json"))
		case 6:
			return TextOf(string(rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "bytes")))
		case 7:
			n := rapid.IntRange(0, 2).Draw(t, "members")
			var set []Value
			for range n {
				set = append(set, TextOf(text.Draw(t, "member")))
			}
			return SetOf(set, rapid.Bool().Draw(t, "cut"))
		default:
			return TextOf(text.Draw(t, "text"))
		}
	})
}

func signum(n int) int { return min(1, max(-1, n)) }

// Any values have one order, whatever their types: sorting them never depends on where they stood.
func TestValuesHaveOneOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyValue().Draw(t, "a"), anyValue().Draw(t, "b"), anyValue().Draw(t, "c")
		if a.Compare(a) != 0 || signum(a.Compare(b)) != -signum(b.Compare(a)) {
			t.Fatalf("%#v and %#v: %d, %d", a, b, a.Compare(b), b.Compare(a))
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatalf("%#v, %#v, %#v go in a circle", a, b, c)
		}
		if a.Equal(b) && a.Compare(b) != 0 {
			t.Fatalf("%#v and %#v are equal and are not", a, b)
		}
	})
	list := []Value{{}, TextOf("b"), IPOf("2001:db8::1"), IntOf(10), IPOf("203.0.113.40"), IntOf(9), TextOf("B"), IPOf("203.0.113.5"), {}}
	slices.SortFunc(list, Value.Compare)
	got := ""
	for _, v := range list {
		got += v.String() + " "
	}
	if want := "9 10 B b 203.0.113.5 203.0.113.40 2001:db8::1   "; got != want {
		t.Errorf("sorted: %q, want %q", got, want)
	}
}
