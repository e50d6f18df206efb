package truthtest

import (
	"strings"
	"testing"
)

// The comparison would pass anything if it saw nothing.
func TestSurerSeesWhatIsClaimed(t *testing.T) {
	const whole = `{"verdict":"inconclusive","risk":{"score":22,"ceiling":70},"confidence":{"level":"Low"},"facts":[
		{"name":"n","state":"known","value":5},{"name":"s","state":"known","value":"confirmed"},{"name":"u","state":"unknown"},
		{"name":"t","state":"known","value":{"more":false,"rows":[["a",1],["b",2]]}},{"name":"p","state":"known","value":{"count":5,"of":5}}]}`
	read := func(text string) Record {
		r, err := Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tt := range []struct {
		old, changed string
		want         string // of the complaint; "" for none
	}{
		{`"known","value":5`, `"known","value":5`, ""},
		{`"known","value":5`, `"at_least","value":3`, ""},
		{`"known","value":5`, `"unknown"`, ""},
		{`"known","value":5`, `"known","value":3`, "n = 3"},
		{`"known","value":5`, `"at_least","value":6`, "n is at least 6"},
		{`"known","value":5`, `"not_applicable"`, "n = <nil>"},
		{`"confirmed"`, `"unconfirmed"`, ""},
		{`"confirmed"`, `"not_collected"`, "s = not_collected"},
		{`"u","state":"unknown"`, `"u","state":"known","value":0`, "u = 0"},
		{`["a",1]`, `["a",0]`, "t = "},
		{`{"count":5,"of":5}`, `{"count":1,"of":1}`, ""},
		{`{"count":5,"of":5}`, `{"count":5,"of":6}`, "p = "},
		{`"verdict":"inconclusive"`, `"verdict":"benign"`, "the verdict is benign"},
		{`"verdict":"inconclusive"`, `"verdict":"malicious"`, "the verdict is malicious"},
		{`"level":"Low"`, `"level":"High"`, "the confidence is High"},
		{`"ceiling":70`, `"ceiling":10`, "the score could be 10"},
	} {
		if !strings.Contains(whole, tt.old) {
			t.Fatalf("no %s to change", tt.old)
		}
		got := strings.Join(Surer(read(strings.Replace(whole, tt.old, tt.changed, 1)), read(whole)), "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s instead of %s: %q; want %q", tt.changed, tt.old, got, tt.want)
		}
	}
}
