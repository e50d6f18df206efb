package query

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAnyValueReadsBackFromJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "v")
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got Value
		if err := json.Unmarshal(data, &got); err != nil || !got.Equal(v) {
			t.Fatalf("%s reads back as %#v, %v; want %#v", data, got, err, v)
		}
	})
}

// The forms that stand in evidence that others keep: changing one breaks every bundle.
func TestValuesInJSONKeepTheirForm(t *testing.T) {
	for want, v := range map[string]Value{
		`null`:                                        {},
		`{"bool":true}`:                               BoolOf(true),
		`{"int":-3}`:                                  IntOf(-3),
		`{"text":"<a&b>"}`:                            TextOf("<a&b>"),
		`{"bytes":"/w=="}`:                            TextOf("\xff"),
		`{"ip":"2001:db8::1"}`:                        IPOf("[2001:DB8::1]:443"),
		`{"json":"{\"a\":1}"}`:                        JSONOf(`{"a":1}`),
		`{"time":"2025-09-09T04:20:05.1Z"}`:           TimeOf(mustStamp("2025-09-09T13:20:05.1000009+09:00")),
		`{"unix_micro":999999999999999999}`:           {typ: Time, num: 999999999999999999},
		`{"param":"event.time"}`:                      ParamOf("event.time"),
		`{"cut":true,"set":[{"text":"a"},{"int":1}]}`: SetOf([]Value{TextOf("a"), IntOf(1)}, true),
		`{"empty_set":true}`:                          SetOf(nil, false),
	} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		// json.Marshal escapes < & > of what it is handed; our own encoder does not.
		got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(data))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%#v (-want +got):\n%s", v, diff)
		}
	}
}

func TestMalformedJSONIsRefused(t *testing.T) {
	for _, bad := range []string{
		`{"cut":true}`, `{"cut":true,"int":3}`, `{"empty_set":true,"text":"a"}`, `{"empty_set":true,"set":[]}`, `{"set":[{"set":[]}]}`,
		`{"set":[3]}`, `{"int":3.5}`, `{"int":99999999999999999999}`, `{"bytes":"?"}`, `{"time":"10000-01-01T00:00:00Z"}`,
		`{"time":"9999-12-31T23:59:59-01:00"}`, `{"ip":"2001:DB8::1"}`, `[]`, `"a"`, `{"text":null}`,
	} {
		var v Value
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("value %s was read as %#v", bad, v)
		}
	}
	const good = `{"dataset":"cloudtrail","from":"2025-09-09T04:20:05Z","to":"2025-09-09T05:20:05Z","select":["event_name"],"limit":1}`
	var q Query
	if err := json.Unmarshal([]byte(good), &q); err != nil {
		t.Fatal(err)
	}
	for old, bad := range map[string]string{
		`"cloudtrail"`:            `"cloudtrail","where":"event_nam exists"`,
		`"2025-09-09T04:20:05Z"`:  `"yesterday"`,
		`"select":["event_name"]`: `"group_by":["quarter(event_time"]`,
		`"limit":1`:               `"limit":1,"offset":3`,
	} {
		if err := json.Unmarshal([]byte(strings.Replace(good, old, bad, 1)), &q); err == nil {
			t.Errorf("a query with %s was read as %s", bad, q)
		}
	}
}

// A set inside a set inside a set ... costs no more than it is long.
func TestNestedSetsAreRefusedAtOnce(t *testing.T) {
	const deep = 4000
	bomb := strings.Repeat(`{"set":[`, deep) + strings.Repeat(`]}`, deep)
	var v Value
	if err := json.Unmarshal([]byte(bomb), &v); err == nil {
		t.Error("sets within sets were read")
	}
}

func FuzzQueryJSON(f *testing.F) {
	q, err := Parse(whole)
	if err != nil {
		f.Fatal(err)
	}
	data, err := json.Marshal(q)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"dataset":"signin","from":"2025-09-09T04:20:05Z","to":"2025-09-09T05:20:05Z","where":"ip = $finding.ip","select":["raw"],"limit":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var q, again Query
		if json.Unmarshal(data, &q) != nil {
			return
		}
		out, err := json.Marshal(q)
		if err != nil {
			t.Fatalf("%s was read and cannot be written: %v", data, err)
		}
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if diff := cmp.Diff(q.String(), again.String()); diff != "" {
			t.Errorf("reads back differently:\n%s", diff)
		}
		_ = Check(q) // whatever was read can be judged without harm
	})
}
