package query

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSchemasAreWhole(t *testing.T) {
	for _, s := range Schemas() {
		seen := map[Field]bool{}
		for _, f := range s.Fields {
			switch {
			case seen[f.Name]:
				t.Errorf("%s: %s stands twice", s.Dataset, f.Name)
			case f.Doc == "":
				t.Errorf("%s: %s has no meaning", s.Dataset, f.Name)
			case len(f.Paths) == 0 && f.Derived == "":
				t.Errorf("%s: %s comes from nowhere", s.Dataset, f.Name)
			case f.Type == Null || f.Type == Set || f.Type == Param:
				t.Errorf("%s: %s cannot be %s", s.Dataset, f.Name, f.Type)
			}
			seen[f.Name] = true
			for _, p := range f.Paths {
				if _, ok := RawPath(Field("raw:" + string(p))); !ok {
					t.Errorf("%s: %s: %q is no path", s.Dataset, f.Name, p)
				}
			}
		}
		for f, want := range map[Field]Type{s.TimeField: Time, s.IDField: Text, Raw: Text, RawSHA256: Text} {
			if spec, err := s.Field(f); err != nil || spec.Type != want || !s.Has(f) {
				t.Errorf("%s: %s is %s, %v; want %s", s.Dataset, f, spec.Type, err, want)
			}
		}
		if got, ok := SchemaOf(s.Dataset); !ok || got.Dataset != s.Dataset {
			t.Errorf("%s is not found by its name", s.Dataset)
		}
	}
	s, _ := SchemaOf(SignIn)
	for bad, want := range map[Field]string{
		"user_principle_name": `did you mean "user_principal_name"?`,
		"IP":                  `signin has no field "IP"`,
		"raw:":                `has no field "raw:"`,
		"raw:a..b":            "has no field",
		"raw:a b":             "has no field",
		"raw:a'b":             "has no field",
	} {
		if _, err := s.Field(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", bad, err, want)
		}
	}
	if spec, err := s.Field("raw:properties.mfaDetail.authMethod"); err != nil || spec.Type != Text || spec.Paths[0] != "properties.mfaDetail.authMethod" {
		t.Errorf("a raw path is %+v, %v", spec, err)
	}
}

const logs = "../../shared/data/logs"

// records are the records of real logs, each as JSON decodes it; numbers as they are written.
func records(t *testing.T, pattern string, inner ...string) []any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logs, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no real logs at %s/%s", logs, pattern)
		}
		t.Skipf("no real logs at %s/%s", logs, pattern)
	}
	var out []any
	add := func(data []byte) {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		for _, key := range inner {
			if m, ok := v.(map[string]any); ok && m[key] != nil {
				v = m[key]
			}
		}
		if list, ok := v.([]any); ok {
			out = append(out, list...)
			return
		}
		out = append(out, v)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) != ".jsonl" {
			add(data)
			continue
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			add(lines.Bytes())
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// lookUp is the value of a field in a record, nil if it has none.
func lookUp(spec FieldSpec, record any) any {
	for _, p := range spec.Paths {
		v := record
		for _, step := range strings.Split(string(p), ".") {
			m, _ := v.(map[string]any)
			v = m[step]
		}
		if v != nil && v != "" {
			return v
		}
	}
	return nil
}

// The paths of key fields are found in the real logs, as often as an independent count of the
// same files says.
func TestPathsAreFoundInRealLogs(t *testing.T) {
	for _, c := range []struct {
		dataset Dataset
		pattern string
		inner   []string
		keep    func(any) bool
		records int
		found   map[Field]int
	}{
		{dataset: CloudTrail, pattern: "cloudtrail/invictus/*.json", inner: []string{"Records"}, records: 2900, found: map[Field]int{
			EventTime: 2900, EventID: 2900, "event_name": 2900, "event_source": 2900, "event_category": 2900, "region": 2900,
			"account": 2900, "source_ip": 2900, "error_code": 300, "read_only": 2900, "management_event": 2900,
			"login_result": 2, "user_arn": 2823, "access_key": 2815, "session_issuer_arn": 76, "session_created": 674, "role_arn": 36, "bucket": 242, "new_access_key": 38,
		}},
		{dataset: SignIn, pattern: "entra/*.jsonl", records: 386, found: map[Field]int{
			EventTime: 386, EventID: 386, "user_principal_name": 386, "ip": 386, "error_code": 386, "country": 382, "city": 382, "app_display_name": 386,
			"interactive": 386, "operating_system": 326, "category": 386, "auth_requirement": 345, "correlation_id": 386, "tenant_id": 386,
		}},
		{
			dataset: SignIn, pattern: "labelled-events/panther-entra-signin.jsonl", inner: []string{"log"}, records: 9,
			keep: func(r any) bool {
				m, _ := r.(map[string]any)
				return m["category"] == "SignInLogs"
			},
			found: map[Field]int{"user_principal_name": 9, "ip": 9, "error_code": 9, "category": 9, EventTime: 9},
		},
	} {
		schema, _ := SchemaOf(c.dataset)
		n, found := 0, map[Field]int{}
		for _, r := range records(t, c.pattern, c.inner...) {
			if c.keep != nil && !c.keep(r) {
				continue
			}
			n++
			for f := range c.found {
				spec, err := schema.Field(f)
				if err != nil {
					t.Fatal(err)
				}
				if lookUp(spec, r) != nil {
					found[f]++
				}
			}
		}
		if n != c.records {
			t.Errorf("%s holds %d records, want %d", c.pattern, n, c.records)
		}
		for f, want := range c.found {
			if found[f] != want {
				t.Errorf("%s: %s is found in %d records, want %d", c.pattern, f, found[f], want)
			}
		}
	}
}

// Graph's own form of a sign-in, as its reference shows it.
func TestGraphSignInIsFound(t *testing.T) {
	const graph = `{"id":"66ea54eb-6301-4ee5-be62-ff5a759b0100","createdDateTime":"2020-03-13T19:15:41.6195833Z","userDisplayName":"Test Contoso",
		"userPrincipalName":"testaccount1@example.co.jp","userId":"26be570a-ae82-4189-b4e2-a37c6808512d","appId":"de8bc8b5","appDisplayName":"Graph explorer",
		"ipAddress":"203.0.113.87","clientAppUsed":"Browser","correlationId":"d79f5bee","conditionalAccessStatus":"notApplied","isInteractive":true,
		"riskLevelDuringSignIn":"none","riskState":"none","resourceDisplayName":"Microsoft Graph","status":{"errorCode":0,"failureReason":"none","additionalDetails":null},
		"deviceDetail":{"deviceId":"d","displayName":"n","operatingSystem":"Windows 10","browser":"Edge 80.0.361","isCompliant":false,"isManaged":false,"trustType":"AzureAd"},
		"location":{"city":"Redmond","state":"Washington","countryOrRegion":"US","geoCoordinates":{"altitude":null,"latitude":47.68,"longitude":-122.12}},
		"userType":"member","autonomousSystemNumber":8075,"authenticationRequirement":"singleFactorAuthentication","authenticationDetails":[{}]}`
	dec := json.NewDecoder(strings.NewReader(graph))
	dec.UseNumber()
	var r any
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	schema, _ := SchemaOf(SignIn)
	for _, f := range schema.Fields {
		absent := f.Name == "category" || f.Name == "tenant_id" || len(f.Paths) == 0
		if got := lookUp(f, r); (got == nil) != absent {
			t.Errorf("%s is %v", f.Name, got)
		}
	}
	country, _ := schema.Field("country")
	if got := lookUp(country, r); got != "US" {
		t.Errorf("country is %v", got)
	}
}
