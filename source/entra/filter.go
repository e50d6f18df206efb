package entra

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"uratori/query"
)

// filterable are the fields that Graph can compare, and the operators it knows for them ("signIn
// resource type", properties). What is not listed is evaluated here, over more records.
//
// User principal names stand in sign-ins in lower case, and are compared so: our field is folded
// to lower case, too (repository microsoftgraph/microsoft-graph-docs-contrib, "Case sensitive UPNs").
// A renamed user has sign-ins under both names; the object id is the same throughout.
var filterable = map[query.Field]struct {
	property string
	prefix   bool // startsWith, too
}{
	query.EventID:               {"id", false},
	"user_principal_name":       {"userPrincipalName", true},
	"user_id":                   {"userId", false},
	"user_display_name":         {"userDisplayName", true},
	"app_display_name":          {"appDisplayName", true},
	"app_id":                    {"appId", false},
	"resource_display_name":     {"resourceDisplayName", false},
	"ip":                        {"ipAddress", false},
	"country":                   {"location/countryOrRegion", true},
	"state":                     {"location/state", true},
	"city":                      {"location/city", true},
	"client_app":                {"clientAppUsed", false},
	"browser":                   {"deviceDetail/browser", true},
	"operating_system":          {"deviceDetail/operatingSystem", true},
	"conditional_access_status": {"conditionalAccessStatus", false},
	"correlation_id":            {"correlationId", false},
	"error_code":                {"status/errorCode", false},
	"result":                    {"status/errorCode", false}, // success only
}

// Bounds of a filter: Graph refuses what is too long or too deep without saying where that begins,
// so we stay far below. A term that does not fit is left out, which only fetches more.
const (
	maxTerms  = 12
	maxValue  = 200
	maxFilter = 1500
)

// narrow is a filter that every record passes which passes e: a record that e wants is never
// lost by it. It is "" where nothing can be told to Graph.
func narrow(e query.Expr) string {
	n := &narrowing{terms: maxTerms}
	f, ok := n.expr(e)
	if !ok || len(f) > maxFilter {
		return ""
	}
	return f
}

type narrowing struct{ terms int }

// expr is e in OData, or something weaker; ok is false where only "anything" would do.
func (n *narrowing) expr(e query.Expr) (string, bool) {
	switch e := e.(type) {
	case query.And:
		var parts []string
		for _, t := range e.Terms {
			if p, ok := n.expr(t); ok {
				parts = append(parts, p)
			}
		}
		return joined(parts, " and "), len(parts) > 0
	case query.Or:
		var parts []string
		for _, t := range e.Terms {
			p, ok := n.expr(t)
			if !ok {
				return "", false
			}
			parts = append(parts, p)
		}
		return joined(parts, " or "), len(parts) > 0
	case query.Compare:
		if e.Op == query.Equal {
			return n.equal(e.Field, e.Value)
		}
	case query.In:
		var parts []string
		for _, v := range e.Values {
			p, ok := n.equal(e.Field, v)
			if !ok {
				return "", false
			}
			parts = append(parts, p)
		}
		return joined(parts, " or "), len(parts) > 0
	case query.Prefix:
		if f, ok := filterable[e.Field]; ok && f.prefix && comparable(e.Field, e.Value.Text()) && n.take(1) {
			return "startsWith(" + f.property + "," + quote(e.Value.Text()) + ")", true
		}
	}
	return "", false
}

func joined(parts []string, by string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, by) + ")"
}

func (n *narrowing) take(terms int) bool {
	if n.terms < terms {
		return false
	}
	n.terms -= terms
	return true
}

func (n *narrowing) equal(field query.Field, v query.Value) (string, bool) {
	f, ok := filterable[field]
	if !ok {
		return "", false
	}
	switch {
	case field == "result":
		if v.Text() != string(query.Success) || !n.take(1) {
			return "", false
		}
		return f.property + " eq 0", true
	case v.Type() == query.Int:
		return f.property + " eq " + strconv.FormatInt(v.Int(), 10), n.take(1)
	case v.Type() == query.IP:
		spelt := spellings(v.Text())
		if !n.take(len(spelt)) {
			return "", false
		}
		var parts []string
		for _, s := range spelt {
			parts = append(parts, f.property+" eq "+quote(s))
		}
		return joined(parts, " or "), true
	case v.Type() == query.Text && comparable(field, v.Text()):
		return f.property + " eq " + quote(v.Text()), n.take(1)
	}
	return "", false
}

// spellings are how one address may be written in a log: Graph compares the text.
func spellings(text string) []string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return []string{text}
	}
	if a.Is4() {
		return []string{a.String(), "::ffff:" + a.String()}
	}
	if long := a.StringExpanded(); long != a.String() {
		return []string{a.String(), long}
	}
	return []string{a.String()}
}

// comparable tells whether Graph compares a text of a field as we do. Beyond ASCII, lower case is
// not everywhere the same.
func comparable(f query.Field, s string) bool {
	return plain(s) && (f != "user_principal_name" || !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }))
}

// plain tells whether Graph can be trusted to compare a text as it is: short, of characters that
// every layer on the way leaves alone.
func plain(s string) bool {
	return s != "" && len(s) <= maxValue && utf8.ValidString(s) && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || r == utf8.RuneError
	})
}

// quote is a text as OData writes it: a quote inside is doubled ("OData Version 4.01. Part 2: URL
// Conventions", 5.1.1.14.1).
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// A span is a stretch of whole seconds, both ends asked for.
type span struct{ from, to int64 } // seconds since 1970 UTC

// spanOf holds the whole window: Graph documents "le" for times, not "lt", and keeps more digits
// than we do. What lies beyond the window is left out here.
func spanOf(w query.Window) span {
	to := w.To.Unix()
	if w.To.Nanosecond() > 0 {
		to++
	}
	return span{w.From.Unix(), to}
}

func seconds(n int64) string { return time.Unix(n, 0).UTC().Format("2006-01-02T15:04:05Z") }

// address is the request for the sign-ins of a span that pass a filter, newest first, top
// of them on a page.
func (s *Source) address(sp span, filter string, top int) string {
	f := fmt.Sprintf("createdDateTime ge %s and createdDateTime le %s", seconds(sp.from), seconds(sp.to))
	version := "v1.0"
	if s.opt.NonInteractive {
		version = "beta"
		f += " and signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser')"
	}
	if filter != "" {
		f += " and " + filter
	}
	return fmt.Sprintf("%s/%s/auditLogs/signIns?$filter=%s&$orderby=%s&$top=%d", s.opt.Endpoint, version, escape(f), escape("createdDateTime desc"), top)
}

// escape is text in a query: a space is %20, not +, as Graph's own links have it.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
