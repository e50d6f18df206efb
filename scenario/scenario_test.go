package scenario

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"uratori/finding"
)

// made keeps the scenarios that several tests look at.
var made sync.Map

func scene(t testing.TB, variant string, seed uint64) Scenario {
	t.Helper()
	type key struct {
		variant string
		seed    uint64
	}
	if s, ok := made.Load(key{variant, seed}); ok {
		return s.(Scenario)
	}
	s, err := Generate(variant, seed)
	if err != nil {
		t.Fatal(err)
	}
	made.Store(key{variant, seed}, s)
	return s
}

// plainText is a file's content, unpacked.
func plainText(t testing.TB, s Scenario, name string) []byte {
	t.Helper()
	data, ok := s.Files[name]
	if !ok {
		t.Fatalf("%s: no file %s", s.Variant, name)
	}
	if !strings.HasSuffix(name, ".gz") {
		return data
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	for _, v := range Variants() {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			a := scene(t, v.ID, 1)
			b, err := Generate(v.ID, 1)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a.Truth, b.Truth); diff != "" {
				t.Errorf("the truth differs between two runs:\n%s", diff)
			}
			if len(a.Files) != len(b.Files) {
				t.Errorf("%d files, then %d", len(a.Files), len(b.Files))
			}
			for name := range a.Files {
				if !bytes.Equal(a.Files[name], b.Files[name]) {
					t.Errorf("%s differs between two runs", name)
				}
			}
		})
	}
}

// Another seed gives another world in which the same is true.
func TestSeedsVaryTheWorldAndNotTheStory(t *testing.T) {
	names := []string{"person.upn", "event.target_bucket", "event.source_ip", "person.object_id", "actor.role", "signin.nearest_ip"}
	story := []string{"signin.total", "baseline.events", "activity.total@session", "event.weekday"}
	one := scene(t, "a", 1)
	for _, seed := range []uint64{0, 3, math.MaxUint64} {
		other := scene(t, "a", seed)
		for _, key := range names {
			if one.Truth.Facts[key] == other.Truth.Facts[key] {
				t.Errorf("seeds 1 and %d: %s is %v in both", seed, key, one.Truth.Facts[key])
			}
		}
		for _, key := range story {
			if one.Truth.Facts[key] != other.Truth.Facts[key] {
				t.Errorf("seed %d: %s is %v, of seed 1 %v", seed, key, other.Truth.Facts[key], one.Truth.Facts[key])
			}
		}
	}
}

func TestAnUnknownVariantNamesTheKnown(t *testing.T) {
	_, err := Generate("z", 1)
	if want := `unknown scenario "z"; scenarios are a, b, c, d, e, f, g, h, i`; err == nil || err.Error() != want {
		t.Errorf("error %v; want %s", err, want)
	}
}

func TestFindingsAreRead(t *testing.T) {
	for _, v := range Variants() {
		s := scene(t, v.ID, 1)
		fs, err := finding.Parse(s.Files["finding.json"])
		if err != nil || len(fs) != 1 {
			t.Fatalf("%s: %d findings, %v", v.ID, len(fs), err)
		}
		f, facts := fs[0], s.Truth.Facts
		if f.Severity != 8 || f.Action.API != "GetObject" || f.Shape != finding.EventBridge || f.Type != "Exfiltration:S3/AnomalousBehavior" {
			t.Errorf("%s: read as %+v", v.ID, f)
		}
		at := reference
		if v.ID == "i" {
			at = holiday
		}
		if !f.FirstSeen.Equal(at) || !f.Created.After(f.LastSeen) {
			t.Errorf("%s: first seen %s, last seen %s, created %s", v.ID, f.FirstSeen, f.LastSeen, f.Created)
		}
		got := []any{string(f.Account), f.Action.Remote.IP.String(), f.Action.Remote.ASN, f.Action.Remote.Country, f.Resource.Buckets[0].Name, f.Resource.AccessKey.UserName, f.Count}
		want := []any{facts["finding.account"], facts["event.source_ip"], facts["event.source_asn"], facts["event.source_country"], facts["event.target_bucket"], facts["actor.role"], facts["finding.count"]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the finding is not what the truth says (-truth +finding):\n%s", v.ID, diff)
		}
		if !strings.HasPrefix(f.Resource.AccessKey.PrincipalID, "AROA") || !strings.HasSuffix(f.Resource.AccessKey.PrincipalID, ":"+facts["person.upn"].(string)) {
			t.Errorf("%s: principal %q", v.ID, f.Resource.AccessKey.PrincipalID)
		}
		if !strings.HasPrefix(f.UserAgent, "aws-") && !strings.HasPrefix(f.UserAgent, "[aws-") {
			t.Errorf("%s: user agent %q", v.ID, f.UserAgent)
		}
		if v.ID == "d" && len(f.Resource.Buckets[0].Tags) <= len(attacks) {
			t.Errorf("(d): %d tags of the bucket; want every attack among them", len(f.Resource.Buckets[0].Tags))
		}
	}
}

// Nothing in a scenario can be somebody's: addresses are of the documentation ranges,
// accounts of the patterns that documentation uses, hosts of example domains.
func TestNothingLooksReal(t *testing.T) {
	var ranges []netip.Prefix
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"} {
		ranges = append(ranges, netip.MustParsePrefix(p))
	}
	var known []string
	for _, pair := range accounts {
		known = append(known, pair[0], pair[1])
	}
	// Each begins with a literal text, which makes the search fast.
	fields := []struct {
		find *regexp.Regexp
		ours func(string) bool
	}{
		{regexp.MustCompile(`IPAddress": ?"([^"]+)"`), documented(ranges)},
		{regexp.MustCompile(`ipAddress(?:V4|V6)?": ?"([^"]+)"`), documented(ranges)},
		{regexp.MustCompile(`ccountId": ?"([^"]+)"`), func(s string) bool { return slices.Contains(known, s) }},
		{regexp.MustCompile(`account_id": ?"([^"]+)"`), func(s string) bool { return slices.Contains(known, s) }},
		{regexp.MustCompile(`@([\w-]+\.[\w.-]+)`), func(s string) bool { return s == "example.co.jp" }},
	}
	for _, v := range Variants() {
		s := scene(t, v.ID, 1)
		for name := range s.Files {
			text := plainText(t, s, name)
			for _, f := range fields {
				for _, m := range f.find.FindAllSubmatch(text, -1) {
					if !f.ours(string(m[1])) {
						t.Fatalf("%s %s: %s looks like somebody's", v.ID, name, m[0])
					}
				}
			}
		}
	}
}

func documented(ranges []netip.Prefix) func(string) bool {
	return func(s string) bool {
		ip, err := netip.ParseAddr(s)
		return err == nil && slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
}

func TestWrite(t *testing.T) {
	s := scene(t, "a", 1)
	dir := t.TempDir()
	if err := s.Write(dir); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		data, err := os.ReadFile(path)
		if !bytes.Equal(data, s.Files[filepath.ToSlash(rel)]) {
			t.Errorf("%s is not what was generated", rel)
		}
		n++
		return err
	})
	if err != nil || n != len(s.Files) {
		t.Errorf("%d files written, %v; want %d", n, err, len(s.Files))
	}
	var truth Truth
	if err := json.Unmarshal(s.Files["truth.json"], &truth); err != nil || truth.Verdict != s.Truth.Verdict || len(truth.Facts) != len(s.Truth.Facts) {
		t.Errorf("truth.json says %s with %d facts, %v", truth.Verdict, len(truth.Facts), err)
	}
	if err := s.Write(filepath.Join(dir, "finding.json")); err == nil {
		t.Error("a file in the place of the folder is no error")
	}
}
