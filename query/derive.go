package query

import (
	"fmt"
	"net/netip"
	"strings"

	"uratori/nearest"
)

func didYouMean(word string, known []string) string {
	if n, ok := nearest.Word(word, known); ok {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// Addr reads an address as logs write it: with brackets, a port or a zone, which are taken
// off; an IPv4 address mapped into IPv6 becomes IPv4. Anything else is no address.
func Addr(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 100 || s == "" {
		return netip.Addr{}, false
	}
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(bare)
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.WithZone("").Unmap(), true
}

// API is a CloudTrail event name without the version that some services put at its end:
// "GetFunction20150331v2" and "ListFunctions20150331" become "GetFunction" and "ListFunctions".
func API(eventName string) string {
	s := eventName
	if i := strings.LastIndexByte(s, 'v'); i > 0 && i < len(s)-1 && digits(s[i+1:]) {
		if cut := s[:i]; len(cut) > 8 && digits(cut[len(cut)-8:]) {
			s = cut
		}
	}
	// A date ends it: 20150331, or 2020_05_31 as CloudFront writes it.
	if len(s) > 8 && digits(s[len(s)-8:]) && strings.HasPrefix(s[len(s)-8:], "20") {
		return s[:len(s)-8]
	}
	if n := len(s) - 10; n > 0 && s[n+4] == '_' && s[n+7] == '_' && digits(s[n:n+4]+s[n+5:n+7]+s[n+8:]) {
		return s[:n]
	}
	return eventName
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Denied tells whether an error code means that access was denied. Services spell it
// differently, some with a prefix: "AccessDenied", "AccessDeniedException",
// "Client.UnauthorizedOperation".
func Denied(code string) bool {
	if i := strings.LastIndexByte(code, '.'); i >= 0 {
		code = code[i+1:]
	}
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Unauthorized", "UnauthorizedAccess",
		"UnauthorizedException", "NotAuthorized", "NotAuthorizedException", "AuthorizationError", "AuthFailure",
		"OptInRequired", "Forbidden", "ForbiddenException", "InsufficientPrivilegesException", "KMSAccessDenied",
		"UserUnauthorized", "AuthorizationErrorException", "AccessDeniedFault":
		return true
	}
	return false
}

// SessionName is the session's name in an assumed-role ARN, "" for other ARNs.
func SessionName(arn string) string {
	_, resource, ok := strings.Cut(arn, ":assumed-role/")
	if !ok || !strings.HasPrefix(arn, "arn:") {
		return ""
	}
	_, name, _ := strings.Cut(resource, "/")
	return name
}
