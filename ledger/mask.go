package ledger

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxText is how many characters of a value are recorded.
const maxText = 4000

// keyID finds access key ids, wherever they stand (IAM User Guide, "Understanding unique ID
// prefixes"). Letters around it do not hide a key.
var keyID = regexp.MustCompile(`((?:AKIA|ASIA))[A-Z0-9]{8,}([A-Z0-9]{4})`)

// tokens finds secrets that show themselves by how they begin: private keys, bearer and basic
// credentials of HTTP, JSON Web Tokens, tokens of Slack and GitHub.
var tokens = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-[^-])*(?:-----END [A-Z ]*-----)?` +
	`|\b(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}` +
	`|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*` +
	`|xox[a-z]-[A-Za-z0-9-]{10,}` +
	`|(?:ghp|gho|ghu|ghs|ghr|github_pat)_[A-Za-z0-9_]{20,}`)

// Mask replaces what looks like a credential in s: of an access key id the first and the last four
// characters stay, as they do in a report; of a secret nothing.
func Mask(s string) string {
	return keyID.ReplaceAllString(tokens.ReplaceAllString(s, "[masked]"), "$1…$2")
}

// record makes a value fit to be kept. It masks first: a key that the cut divides is still a key.
func record(s string) string {
	s = Mask(valid(s))
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText]) + "…"
}

// valid writes bytes that are not UTF-8 as \xff, so that the line can be read back as it is.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
