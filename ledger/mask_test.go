package ledger

import (
	"strings"
	"testing"
)

func TestSecretsAreMasked(t *testing.T) {
	for in, want := range map[string]string{
		`access_key = "ASIAIOSFODNN7EXAMPLE" and x`:          `access_key = "ASIA…MPLE" and x`,
		"xAKIAIOSFODNN7EXAMPLEx":                             "xAKIA…MPLEx",
		"key_ASIA" + strings.Repeat("A", 300):                "key_ASIA…AAAA",
		"AKIA alone":                                         "AKIA alone",
		"AROAIOSFODNN7EXAMPLE":                               "AROAIOSFODNN7EXAMPLE", // a role's id is no credential
		"Authorization: Bearer abcdefghijklmnop.qrs-tuv":     "Authorization: [masked]",
		"the bearer of news":                                 "the bearer of news",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl,": "[masked],",
		"xoxb-111122223333-abcdefghij":                       "[masked]",
		"-----BEGIN RSA PRIVATE KEY-----\nMII-B\n-----END RSA PRIVATE KEY----- and": "[masked] and",
		"-----BEGIN PRIVATE KEY-----\nMIIB, cut off":                                "[masked]",
		"sha256:" + strings.Repeat("ab", 32):                                        "sha256:" + strings.Repeat("ab", 32),
	} {
		if got := Mask(in); got != want {
			t.Errorf("Mask(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	const key = "ASIAIOSFODNN7EXAMPLE"
	e := New(clock()).Append("ask", map[string]string{
		"long":    strings.Repeat("あ", 9000),
		"at edge": strings.Repeat("x", maxText-8) + key, // the cut goes through the key
		key:       "a key as a key",
	}, Cost{})
	if n := len([]rune(e.Attrs["long"])); n != maxText+1 {
		t.Errorf("recorded %d characters", n)
	}
	for k, v := range e.Attrs {
		if strings.Contains(k+v, key[:12]) {
			t.Errorf("%q holds most of a key: ...%s", k, v[max(0, len(v)-20):])
		}
	}
}
