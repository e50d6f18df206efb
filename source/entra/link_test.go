package entra

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"uratori/source/call"
)

// Only the list itself, at the same service, is the next page.
func TestLinks(t *testing.T) {
	s, err := New(Options{TenantID: "t", ClientID: "c", Secret: func(context.Context) (string, error) { return "s", nil }, Caller: call.New(call.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	f := &fetching{Source: s}
	for _, good := range []string{
		"https://graph.microsoft.com/v1.0/auditLogs/signIns?$top=1&$skiptoken=9177f2e3532fcd4c4d225f68f7b9bdf7_1",
		"https://graph.microsoft.com/v1.0/auditLogs/signins?$filter=startsWith(appDisplayName%2c%27Graph%27)&$skiptoken=70f66c08",
	} {
		if err := f.sameService(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "/v1.0/auditLogs/signIns?$skiptoken=1", "//graph.microsoft.com/v1.0/auditLogs/signIns", "http://graph.microsoft.com/v1.0/auditLogs/signIns", "https://graph.example.co.jp/v1.0/auditLogs/signIns",
		"https://graph.microsoft.com.example.co.jp/v1.0/auditLogs/signIns", "https://graph.microsoft.com:8443/v1.0/auditLogs/signIns", "https://u@graph.microsoft.com/v1.0/auditLogs/signIns",
		"https://graph.microsoft.com/v1.0/users", "https://graph.microsoft.com/beta/auditLogs/signIns", "https://graph.microsoft.com/v1.0/auditLogs/signIns#x", "https://graph.microsoft.com/v1.0/auditLogs/signIns/../../me",
		"javascript:alert(1)", "https://graph.microsoft.com/v1.0/auditLogs/signIns?" + strings.Repeat("x", 20<<10), "\x00",
	} {
		if err := f.sameService(bad); err == nil {
			t.Errorf("%.80s is taken for the next page", bad)
		}
	}
}

// Retry-After is seconds, or a moment by the service's own clock.
func TestRetryAfter(t *testing.T) {
	at := time.Date(2025, 9, 9, 1, 2, 3, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 1.5 ": 1500 * time.Millisecond, "-1": 0, "0": 0, "1e9": 0, "NaN": 0, "soon": 0,
		at.Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second, at.Add(-time.Second).Format(http.TimeFormat): 0,
	} {
		resp := &http.Response{Header: http.Header{"Retry-After": {text}, "Date": {at.Format(http.TimeFormat)}}}
		if got := retryAfter(resp, at.Add(time.Hour)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
