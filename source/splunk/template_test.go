package splunk_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/sourcetest"
	"uratori/source/splunk"
	"uratori/source/splunktest"
)

func TestOnlyReadingSearchesPass(t *testing.T) {
	for _, good := range []string{
		`search index=aws`,
		`| tstats count where index=aws by sourcetype`,
		`search index=aws user="a|b [x] $t$" | where 'user.name'="a" | stats count by user | sort 0 -count | head 10`,
		`search index=aws [search index=azure | head 1 | fields user] | table user`,
		`search index=aws | foreach a b [ eval <<FIELD>>=lower(<<FIELD>>) ]`,
		"search index=aws\n| stats count",
		`SEARCH index=aws | Stats count`,
	} {
		if err := splunk.CheckSPL(good); err != nil {
			t.Errorf("refused: %v", err)
		}
	}
	for bad, why := range map[string]string{
		``:                                       "empty",
		`index=aws`:                              "not one that reads only",
		`stats count`:                            "begins with the word search",
		`search index=aws | delete`:              `"delete"`,
		`search index=aws | Delete`:              `"Delete"`,
		`search index=aws |delete`:               `"delete"`,
		`search index=aws | collect index=x`:     `"collect"`,
		`search index=aws | outputlookup x`:      `"outputlookup"`,
		`search index=aws | map search="x"`:      `"map"`,
		`| rest /services/x`:                     `"rest"`,
		`| savedsearch x`:                        `"savedsearch"`,
		`| loadjob x`:                            `"loadjob"`,
		`| inputlookup x`:                        `"inputlookup"`,
		`| dbxquery query="x"`:                   `"dbxquery"`,
		`search a | sendemail to=x`:              `"sendemail"`,
		`search a | join x [search b]`:           `"join"`,
		`search a [| rest /x]`:                   `"rest"`,
		`search a [search b [ | delete ]]`:       `"delete"`,
		`search a [search b | map search="x"]`:   `"map"`,
		"search a `macro`":                       "macro",
		"search a ```comment``` | delete":        "macro or comment",
		"search \"a `m` b\"":                     "backtick",
		`search a="x" | delete | search b="y"`:   `"delete"`,
		`search a="x\" | delete | search b="y"`:  "never closed",
		`search a="x\\" | delete`:                `"delete"`,
		`search a='x | delete | search b='y`:     "single quote",
		`search a=it's`:                          "single quote",
		`search a=\" | delete`:                   "backslash",
		`search $x$`:                             "dollar",
		`search $x`:                              "dollar",
		`search a | | head 1`:                    "missing between two pipes",
		`search a |`:                             "ends where a command",
		`search a [search b`:                     "never closed",
		`search a ] | head`:                      "never opened",
		`search a | [search b]`:                  "not a sub-search",
		`search a | "delete"`:                    "a command is expected",
		"search a\x00b":                          "invisible",
		"search a\u202eb":                        "invisible",
		"search \"a\x1bb\"":                      "control",
		"search \xff":                            "UTF-8",
		"search a\u00a0| delete":                 "invisible",
		"search " + strings.Repeat("x ", 40<<10): "64 KiB",
		"@spl2 from main":                        "not one that reads only",
		"search a | head 1 | runshellscript x":   `"runshellscript"`,
	} {
		err := splunk.CheckSPL(bad)
		var wrong *splunk.SPLError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60q: %v; want a refusal that says %q", bad, err, why)
		}
	}
}

// What we allow is less than what Splunk's own server for agents does.
func TestAllowListAgainstSplunks(t *testing.T) {
	data, err := os.ReadFile(filepath.FromSlash("../../../shared/data/mcp/splunk-mcp-server-1.2.spl-allowlist.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the list of Splunk's own server is not there")
	}
	if err != nil {
		t.Fatal(err)
	}
	var theirs struct {
		Allowed []string `json:"allowed_spl_commands_1_2_0"`
		Added   []string `json:"added_in_1_3"`
		Refused []string `json:"not_allowed_examples"`
	}
	if err := json.Unmarshal(data, &theirs); err != nil {
		t.Fatal(err)
	}
	for _, c := range splunk.Commands() {
		if !slices.Contains(theirs.Allowed, c) && !slices.Contains(theirs.Added, c) {
			t.Errorf("%s is allowed here and not there", c)
		}
	}
	for _, c := range theirs.Refused {
		name, _, _ := strings.Cut(c, " ")
		if slices.Contains(splunk.Commands(), name) {
			t.Errorf("%s is allowed here and refused there", name)
		}
	}
}

var types = map[string]query.Type{"person.upn": query.Text, "n": query.Int, "at": query.Time, "ip": query.IP, "yes": query.Bool, "names": query.Set}

func TestTemplate(t *testing.T) {
	tpl, err := splunk.ParseTemplate(`search index=azure userPrincipalName=$person.upn | where n>$n AND t>=$at AND ip=$ip AND yes=$yes AND in(name, $names) | table a b`, types, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tpl.Params(), []string{"at", "ip", "n", "names", "person.upn", "yes"}; !slices.Equal(got, want) {
		t.Errorf("parameters %v, want %v", got, want)
	}
	values := map[string]query.Value{
		"person.upn": query.TextOf(`u"1\|[x`), "n": query.IntOf(-3), "at": query.TimeOf(time.Unix(1757376000, 0)), "ip": query.IPOf("192.0.2.7"),
		"yes": query.BoolOf(true), "names": query.SetOf([]query.Value{query.TextOf("a*"), query.TextOf("b")}, false),
	}
	b, err := tpl.Bind(values)
	want := `search index=azure userPrincipalName="u\"1\\|[x" | where n>-3 AND t>=1757376000 AND ip="192.0.2.7" AND yes="true" AND in(name, "a*", "b") | table a b`
	if err != nil || b.String() != want {
		t.Errorf("bound as\n%s, %v\nwant\n%s", b, err, want)
	}
	for name, v := range map[string]query.Value{
		"person.upn": query.TextOf("a*"), "n": query.TextOf("3"), "at": {}, "ip": query.TextOf("192.0.2.7"), "yes": query.IntOf(1),
		"names": query.SetOf([]query.Value{query.TextOf("a")}, true),
	} {
		spoilt := map[string]query.Value{}
		for k, x := range values {
			spoilt[k] = x
		}
		spoilt[name] = v
		if b, err := tpl.Bind(spoilt); !errors.Is(err, source.ErrInvalid) || b.String() != "" {
			t.Errorf("$%s = %v was bound: %s, %v", name, v, b, err)
		}
	}
	for _, s := range []string{"a\nb", "a`b", "a\x00", "\xff", "a\u202e", strings.Repeat("x", 2000)} {
		values["person.upn"] = query.TextOf(s)
		if _, err := tpl.Bind(values); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%.20q was bound: %v", s, err)
		}
	}
	for _, bad := range []string{
		`search a=$unknown`, `search a=$n$`, `search a="$n"x$n`, `search a=x$n`, `search a=$n.`, `search a=$nb`, `$n`, `search a | $n`, `search a=$n[search b]`, `search a earliest=-24h`, `search (latest=now a)`, `search a Earliest = 5`, `search a [search b _index_latest=5]`, `search a=$n | delete`,
	} {
		if _, err := splunk.ParseTemplate(bad, types, []string{"a"}); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
	if _, err := splunk.ParseTemplate(`search a`, types, nil); err == nil {
		t.Error("a template without columns was accepted")
	}
}

func TestSearchesOfPeople(t *testing.T) {
	srv, s := splunkd(t, splunktest.Options{Events: trailEvents()}, trailPlaces(), nil)
	ask := source.Search{
		Text:    `search index=aws userIdentity.accessKeyId=$key | stats count values(errorCode) as codes by eventName | sort 0 eventName`,
		Types:   map[string]query.Type{"key": query.Text},
		Columns: []string{"eventName", "count", "codes", "nothing"}, Window: window, Limit: 100,
	}
	for key, want := range map[string]evidence.Outcome{"ASIAEXAMPLE00000001": evidence.Found, "nobody": evidence.Empty} {
		ask.Values = map[string]query.Value{"key": query.TextOf(key)}
		a, err := s.Search(t.Context(), ask)
		if err != nil || a.Outcome != want || a.Calls == 0 || !strings.Contains(a.Native, key) {
			t.Fatalf("%s: %+v, %v", key, a, err)
		}
		if want == evidence.Found && (len(a.Rows) != 4 || a.Rows[0][0].Text() != "AssumeRole" || !a.Rows[0][3].Missing()) {
			t.Errorf("rows %v", a.Rows)
		}
	}
	ask.Values, ask.Limit = map[string]query.Value{"key": query.TextOf("ASIAEXAMPLE00000001")}, 1
	if a, err := s.Search(t.Context(), ask); err != nil || a.Outcome != evidence.Truncated || len(a.Rows) != 1 {
		t.Errorf("with a limit of 1: %s, %d rows, %v", a.Outcome, len(a.Rows), err)
	}
	before := len(srv.Requests())
	for name, spoil := range map[string]func(*source.Search){
		"a writing command": func(q *source.Search) { q.Text = `search index=aws | delete` },
		"no text":           func(q *source.Search) { q.Text = "" },
		"no value":          func(q *source.Search) { q.Values = nil },
		"no columns":        func(q *source.Search) { q.Columns = nil },
		"no limit":          func(q *source.Search) { q.Limit = 0 },
		"no window":         func(q *source.Search) { q.Window = query.Window{} },
	} {
		q := ask
		spoil(&q)
		if a, err := s.Search(t.Context(), q); !errors.Is(err, source.ErrInvalid) || a.Calls != 0 {
			t.Errorf("%s: %d calls, %v", name, a.Calls, err)
		}
	}
	if after := len(srv.Requests()); after != before {
		t.Errorf("%d requests were sent for searches that are none", after-before)
	}
}

// Whatever text is bound, the template keeps its commands, and the search that is run compares with
// exactly that text.
func FuzzTemplateBind(f *testing.F) {
	for _, s := range hostileSeeds {
		f.Add(s)
	}
	tpl, err := splunk.ParseTemplate(`search index=aws | where a=$v | stats count as n`, map[string]query.Type{"v": query.Text}, []string{"n"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, v string) {
		b, err := tpl.Bind(map[string]query.Value{"v": query.TextOf(v)})
		if err != nil {
			if !errors.Is(err, source.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		raw, err := json.Marshal(map[string]string{"a": v})
		if err != nil {
			t.Fatal(err)
		}
		d := splunktest.New(splunktest.Options{Events: []splunktest.Event{
			{Index: "aws", Sourcetype: "x", Raw: string(raw), Time: sourcetest.Began}, {Index: "aws", Sourcetype: "x", Raw: `{"a":"other"}`, Time: sourcetest.Began},
		}})
		defer d.Close()
		rows, err := d.Search(b.String(), sourcetest.Began, sourcetest.Ended)
		want := "1"
		if v == "other" {
			want = "2"
		}
		if err != nil || len(rows) != 1 || len(raw) <= 10_240 && v != "" && rows[0]["n"] != want {
			t.Fatalf("%q: %v, %v\n%s", v, rows, err, b)
		}
	})
}

// Reading what was written by anybody never panics, and what passes names allowed commands only.
func FuzzCheckSPL(f *testing.F) {
	for _, s := range []string{`search a | stats count`, `search a [search b | head 1]`, `| tstats count`, `search a="\"" | delete`, "search `m`", `search 'a' | where b=$c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if splunk.CheckSPL(s) != nil {
			return
		}
		lower := strings.ToLower(s)
		for _, word := range []string{"|delete", "| delete", "[delete", "|outputlookup", "| rest", "`"} {
			i := strings.Index(lower, word)
			if i < 0 {
				continue
			}
			// Then it stands in double quotes: an odd number of them lies before it.
			quotes := strings.Count(strings.ReplaceAll(strings.ReplaceAll(lower[:i], `\\`, ""), `\"`, ""), `"`)
			rest := lower[i+len(word):]
			longer := rest != "" && (rest[0] >= 'a' && rest[0] <= 'z' || rest[0] >= '0')
			if quotes%2 == 0 && !longer {
				t.Fatalf("passed: %q", s)
			}
		}
	})
}
