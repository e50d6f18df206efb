package knowledge

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/evidence"
)

// built is 2025-09-01.
const built = 1756684800

func databases(t *testing.T) []Database {
	t.Helper()
	city := writeDatabase(t, "Test-City", built, map[string]map[string]any{
		"203.0.113.0/24": {"country": map[string]any{"iso_code": "JP", "names": map[string]any{"en": "Japan"}}, "city": map[string]any{"names": map[string]any{"en": "Tokyo"}}},
		"2001:db8::/32":  {"country_code": "VN"},
	})
	asn := writeDatabase(t, "Test-ASN", built, map[string]map[string]any{
		"203.0.113.0/25": {"autonomous_system_number": uint32(64500), "autonomous_system_organization": strings.Repeat("x", 280)},
	})
	return []Database{{"geo", city}, {"asn", asn}}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func ask(t *testing.T, l *Looker, kind evidence.LookupKind, key string) evidence.Body {
	t.Helper()
	got, err := l.Look(t.Context(), evidence.Lookup{Kind: kind, Key: key})
	if err != nil || got.Outcome != evidence.Found {
		t.Fatalf("look up %s: %v, %v", key, got.Outcome, err)
	}
	if len(got.Body.Encode()) == 0 || !bytes.Equal(got.Body.Encode(), got.Body.Encode()) {
		t.Error("the body is not the same twice")
	}
	return got.Body
}

func TestWhereAnAddressLies(t *testing.T) {
	l, notices := Open("knowledge", databases(t), nil)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if len(notices) > 0 {
		t.Fatal(notices)
	}
	b := ask(t, l, evidence.LookAddress, "203.0.113.7")
	at := time.Unix(built, 0).UTC()
	want := []evidence.Place{
		{Database: "geo", Type: "Test-City", Built: &at, Country: "JP", Name: "Japan", City: "Tokyo"},
		{Database: "asn", Type: "Test-ASN", Built: &at, ASN: "64500", Org: strings.Repeat("x", maxText)},
	}
	for i := range b.Address.Places {
		if len(b.Address.Places[i].SHA256) != 64 {
			t.Errorf("hash %q", b.Address.Places[i].SHA256)
		}
		b.Address.Places[i].SHA256 = ""
	}
	if diff := cmp.Diff(want, b.Address.Places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if !b.Whole() {
		t.Errorf("parts %v", b.Parts)
	}
	if b := ask(t, l, evidence.LookAddress, "2001:db8::1"); b.Address.Places[0].Country != "VN" || b.Address.Places[1].ASN != "" {
		t.Errorf("places %+v", b.Address.Places)
	}
	nets := ask(t, l, evidence.LookNetworks, "198.51.100.1 203.0.113.200 203.0.113.7 not-an-address")
	if diff := cmp.Diff([]evidence.Network{{IP: "198.51.100.1"}, {IP: "203.0.113.200", Country: "JP"}, {IP: "203.0.113.7", Country: "JP", ASN: "64500"}, {IP: "not-an-address"}}, nets.Networks); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
}

func TestADamagedDatabaseIsSaid(t *testing.T) {
	good := databases(t)[0]
	data, err := os.ReadFile(good.Path)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(data)
	for i := range 300 { // the beginning of the tree leads anywhere
		broken[i] ^= 0xA5
	}
	for name, bytes := range map[string][]byte{"cut": data[:len(data)/2], "empty": nil, "text": []byte("no database"), "broken tree": broken} {
		l, notices := Open("knowledge", []Database{{"geo", file(t, string(bytes))}, good}, nil)
		got, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookAddress, Key: "203.0.113.7"})
		if err != nil || got.Outcome != evidence.Found || got.Body.Address.Places[1].Country != "JP" && good.Name != "geo" {
			t.Errorf("%s: %v, %v", name, got.Outcome, err)
		}
		if p := got.Body.Address.Places[0]; p.Country == "JP" {
			t.Errorf("%s: the damaged database says %+v", name, p)
		}
		if name != "broken tree" && (len(notices) != 1 || got.Body.Parts[0].Outcome != evidence.Failed) {
			t.Errorf("%s: notices %v, parts %v", name, notices, got.Body.Parts)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLists(t *testing.T) {
	own := file(t, "\xef\xbb\xbf# Date: 2025-08-31\r\n203.0.113.0/24 # head office\r\n2001:db8:1::/48\r\n\r\n; end\r\n")
	feed := file(t, "first_seen,indicator,note\n2025-01-01,198.51.100.7,\"a, b\"\n2025-01-01,Evil.example.COM.,x\n2025-01-01,203.0.113.9,x\n")
	l, notices := Open("knowledge", nil, []List{{"hq", "office", own, ""}, {"feed", "threat", feed, "2025-09-01"}})
	if len(notices) > 0 {
		t.Fatal(notices)
	}
	for key, want := range map[string][2]string{
		"203.0.113.9":        {"203.0.113.0/24", "203.0.113.9"},
		"::ffff:203.0.113.9": {"203.0.113.0/24", "203.0.113.9"},
		"198.51.100.7":       {"", "198.51.100.7"},
		"198.51.100.8":       {"", ""},
		"2001:db8:1::5":      {"2001:db8:1::/48", ""},
	} {
		lists := ask(t, l, evidence.LookAddress, key).Address.Lists
		if lists[0].Entry != want[0] || lists[1].Entry != want[1] || lists[0].Date != "2025-08-31" || lists[1].Date != "2025-09-01" {
			t.Errorf("%s: %+v; want %v", key, lists, want)
		}
	}
	for key, want := range map[string]string{"evil.example.com": "evil.example.com", "a.EVIL.example.com.": "evil.example.com", "example.com": "", "notevil.example.com": ""} {
		if lists := ask(t, l, evidence.LookDomain, key).Domain.Lists; lists[1].Entry != want {
			t.Errorf("%s: %+v", key, lists)
		}
	}
}

// What was read in part proves an entry and no absence.
func TestAListThatWasReadInPart(t *testing.T) {
	for name, text := range map[string]string{
		"nonsense":    "203.0.113.9\nnot an address\n",
		"a long line": "203.0.113.9\n" + strings.Repeat("1", maxLine+1) + "\n198.51.100.7\n",
		"quotes":      "203.0.113.9\n\"198.51.100.7\n",
		"mapped":      "203.0.113.9\n::ffff:198.51.100.0/120\n",
	} {
		l, notices := Open("knowledge", nil, []List{{"feed", "threat", file(t, text), ""}})
		if len(notices) != 1 {
			t.Errorf("%s: notices %v", name, notices)
		}
		if b := ask(t, l, evidence.LookAddress, "203.0.113.9"); b.Address.Lists[0].Entry == "" || !b.Whole() {
			t.Errorf("%s: %+v, %v", name, b.Address.Lists, b.Parts)
		}
		if b := ask(t, l, evidence.LookAddress, "198.51.100.7"); b.Address.Lists[0].Entry != "" || b.Whole() {
			t.Errorf("%s: %+v, %v", name, b.Address.Lists, b.Parts)
		}
	}
	l, notices := Open("knowledge", nil, []List{{"feed", "threat", filepath.Join(t.TempDir(), "none"), ""}})
	if b := ask(t, l, evidence.LookDomain, "example.com"); len(notices) != 1 || b.Parts[0].Outcome != evidence.Failed {
		t.Errorf("a missing file: %v, %v", notices, b.Parts)
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte("# date: 2025-09-01\nip,note\n203.0.113.0/24,\"x\"\nevil.example.com\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := openList(List{Name: "x", Path: os.DevNull})
		l.read(data)
		for d := range l.domains {
			if l.domain(d) != d {
				t.Errorf("%q is listed and not found", d)
			}
		}
		for p := range l.networks {
			if l.address(p.Addr()) == "" {
				t.Errorf("%s is listed and not found", p)
			}
		}
	})
}
