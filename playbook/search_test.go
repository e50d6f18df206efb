package playbook

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/finding"
	"uratori/query"
)

const ownSearches = `searches:
  - id: vpn
    title: {ja: "VPNの接続", en: "VPN sessions"}
    families: [iam]
    source: splunk-prod
    search: search index=vpn user=$person.upn
    window: {around: $event.time, before: 2h, after: 30m}
    columns: [src, action]
  - id: proxy
    title: {ja: "プロキシ", en: "proxy"}
    source: splunk-prod
    search: search index=proxy
    window: {from: $finding.first_seen, to: $finding.last_seen, before: 1h}
    columns: [url]
    limit: 7
`

func withOwn(t *testing.T, text string) (Set, error) {
	t.Helper()
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	files := set.Files()
	files[SearchesName] = []byte(text)
	return FromFiles(files)
}

func TestSearchesBelongToFamilies(t *testing.T) {
	set, err := withOwn(t, ownSearches)
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[finding.Type][]string{
		"Recon:IAMUser/MaliciousIPCaller":                      {"vpn", "proxy"},
		"Trojan:EC2/DNSDataExfiltration":                       {"proxy"},
		"Nobody:Knows/This":                                    {"proxy"},
		"Discovery:S3/MaliciousIPCaller":                       {"proxy"},
		"CredentialAccess:IAMUser/AnomalousBehavior":           {"vpn", "proxy"},
		"AttackSequence:IAM/CompromisedCredentials":            {"proxy"},
		"Policy:Kubernetes/AdminAccessToDefaultServiceAccount": {"proxy"},
	} {
		var got []string
		for _, s := range set.For(finding.Finding{Type: typ}).Searches {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: searches %q, want %q", typ, got, want)
		}
	}
	// Another playbook's copy must not gather them.
	if b, _ := set.Get("iam"); b.Searches != nil {
		t.Errorf("the playbook itself holds %d searches", len(b.Searches))
	}
}

func TestSearchesAreBoundOnceTheyAreRead(t *testing.T) {
	set, err := withOwn(t, ownSearches)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 9, 10, 0, 0, 0, 0, time.UTC)
	values := map[string]query.Value{"event.time": query.TimeOf(at)}
	if _, _, err := set.Searches()[0].Bind(values); !errors.Is(err, errUnread) {
		t.Errorf("a search that nobody read: %v", err)
	}
	read, err := set.Understand(func(s Search) ([]string, error) {
		if s.ID == "vpn" {
			return []string{"person.upn"}, nil
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	vpn, proxy := read.Searches()[0], read.Searches()[1]
	if _, missing, err := vpn.Bind(values); err != nil || !slices.Equal(missing, []string{"person.upn"}) {
		t.Errorf("missing %q, %v", missing, err)
	}
	if _, missing, err := proxy.Bind(values); err != nil || !slices.Equal(missing, []string{"finding.first_seen", "finding.last_seen"}) {
		t.Errorf("missing %q, %v", missing, err)
	}
	values["person.upn"] = query.TextOf("sato.yui@example.co.jp")
	bound, missing, err := vpn.Bind(values)
	if err != nil || missing != nil || bound.Limit != searchRows || bound.Values["person.upn"].Text() != "sato.yui@example.co.jp" ||
		!bound.Window.From.Equal(at.Add(-2*time.Hour)) || !bound.Window.To.Equal(at.Add(30*time.Minute)) {
		t.Errorf("bound %+v, missing %q, %v", bound, missing, err)
	}
	if _, err := set.Understand(func(s Search) ([]string, error) {
		if s.ID == "proxy" {
			return nil, errors.New("command \"delete\" is not one that reads only")
		}
		return nil, nil
	}); err == nil || !strings.Contains(err.Error(), "searches.yaml:12:") || !strings.Contains(err.Error(), `search "proxy": command "delete"`) {
		t.Errorf("a search that cannot be read: %v", err)
	}
}

func TestWrongSearchesAreShown(t *testing.T) {
	for _, tt := range []struct{ was, is, want string }{
		{"id: vpn", "id: proxy", `search "proxy" stands twice`},
		{"id: vpn", `id: ""`, "needs an id"},
		{"families: [iam]", "families: [iamm]", `unknown family "iamm"; did you mean "iam"?`},
		{"source: splunk-prod\n    search: search index=vpn", "source: ''\n    search: search index=vpn", "needs the name of the source"},
		{"search: search index=proxy", "search: ''", "needs a text"},
		{"columns: [url]", "columns: []", "needs the columns"},
		{"columns: [url]", "columns: ['']", "needs the columns"},
		{"limit: 7", "limit: 201", "is 1 to 200 rows"},
		{"limit: 7", "limit: -1", "is 1 to 200 rows"},
		{"around: $event.time", "around: $person.upn", "$person.upn is no time"},
		{"around: $event.time", "around: yesterday", "yesterday is no time"},
		{"around: $event.time, before: 2h", "around: $event.time, before: 2w", "no known unit"},
		{"window: {around: $event.time, before: 2h, after: 30m}", "window: {}", "a window is either"},
		{"limit: 7", "limits: 7", "limits"},
	} {
		if !strings.Contains(ownSearches, tt.was) {
			t.Fatalf("no %q in the searches", tt.was)
		}
		if _, err := withOwn(t, strings.Replace(ownSearches, tt.was, tt.is, 1)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), SearchesName) {
			t.Errorf("%q instead of %q: %v; want %q", tt.is, tt.was, err, tt.want)
		}
	}
}
