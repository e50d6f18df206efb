package investigate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uratori/finding"
	"uratori/scenario/kinds"
)

// garble are the values that stand in the place of a finding's members, one at a time.
var garble = []any{
	nil, "", "x", true,
	[]any{},
	map[string]any{},
	[]any{map[string]any{}, "x", 1},
	0, -1, 65536, json.Number("1e400"), json.Number("99999999999999999999"), "99999999999999999999",
	"1970-01-01T00:00:00Z", "2000-02-29T00:00:00Z", "2999-12-31T23:59:59Z", "9999-12-31T23:59:59Z",
	"arn:aws:s3:::", "arn:aws:iam::111122223333:root", "::ffff:192.0.2.1", "fe80::1%eth0", "2001:db8::/32",
	"'; DROP TABLE events; --", "\u202e\u0000\ufffd", strings.Repeat("長", 30_000),
}

// members are the paths of all members of a document, parents before children. Of a list the first
// two elements stand for all.
func members(v any, path []string) [][]string {
	var out [][]string
	add := func(name string, x any) {
		at := append(slices.Clone(path), name)
		out = append(append(out, at), members(x, at)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			add(name, v[name])
		}
	case []any:
		for i, x := range v[:min(len(v), 2)] {
			add(strconv.Itoa(i), x)
		}
	}
	return out
}

// with is a copy of a document with another value at a path.
func with(v any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		v[path[0]] = with(v[path[0]], path[1:], value)
		return v
	case []any:
		i, _ := strconv.Atoi(path[0])
		v = slices.Clone(v)
		v[i] = with(v[i], path[1:], value)
		return v
	}
	return v
}

// Whatever stands in the place of a member of a finding, it is refused with an error when it is
// read, or investigated to a report that both doors admit.
func TestGarbledFindings(t *testing.T) {
	types := map[string]finding.Type{} // one of each family
	for _, of := range kinds.Told() {
		family := finding.FamilyOf(generated(t, of))
		if _, ok := types[family]; !ok {
			types[family] = of
		}
	}
	for _, family := range slices.Sorted(maps.Keys(types)) {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			w, _ := enterStory(t, types[family], kinds.Malicious)
			var doc any
			d := json.NewDecoder(strings.NewReader(string(w.finding.Raw())))
			d.UseNumber()
			if err := d.Decode(&doc); err != nil {
				t.Fatal(err)
			}
			n, every := 0, 401 // a prime: in the normal run each value comes, at other members in each family
			if soaking() {
				every = 7
			}
			for _, path := range members(doc, nil) {
				for _, value := range garble {
					n++
					if at := path[len(path)-1]; n%every != len(family)%every && !(strings.HasSuffix(at, "Seen") && strings.Contains(fmt.Sprint(value), "T23:59:59Z")) {
						continue
					}
					data, err := json.Marshal(with(doc, path, value))
					if err != nil {
						t.Fatal(err)
					}
					name := fmt.Sprintf("%s = %.40q", strings.Join(path, "."), fmt.Sprint(value))
					fs, err := finding.Parse(data)
					if err != nil {
						if err.Error() == "" {
							t.Errorf("%s: an error without a word", name)
						}
						continue
					}
					for _, f := range fs {
						if c, err := w.tools.Run(t.Context(), f, nil, nil); err != nil {
							t.Errorf("%s: no report: %.500v", name, err)
						} else if len(c.Reports) != 3 {
							t.Errorf("%s: %d reports", name, len(c.Reports))
						}
					}
				}
			}
			t.Logf("%s: %d values at %d members", types[family], n/every, len(members(doc, nil)))
		})
	}
}
