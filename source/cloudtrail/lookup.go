package cloudtrail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"uratori/query"
)

// The lookup attributes that are used, the most selective first (CloudTrail API Reference,
// "LookupAttribute"). One call takes one attribute.
const (
	byEventID     = "EventId"
	byAccessKey   = "AccessKeyId"
	byUsername    = "Username"
	byEventName   = "EventName"
	byResource    = "ResourceName"
	byEventSource = "EventSource"
)

// weights are what a lookup by an attribute is thought to bring, beside the others. They order
// the attributes, and let one lookup of a kind stand against many of another.
var weights = map[string]int{byEventID: 1, byAccessKey: 2, byUsername: 4, byEventName: 6, byResource: 12, byEventSource: 24}

// An attribute is one lookup attribute with its value; the zero attribute asks for every event.
type attribute struct{ key, value string }

// A candidate is lookups that together bring every event that may match, each at least once.
type candidate []attribute

// everything is the candidate that needs no condition.
var everything = candidate{{}}

// cost is how much a candidate is thought to bring from a window. Looking at everything costs the
// more the longer the window is.
func (c candidate) cost(w query.Window) int {
	n := 0
	for _, a := range c {
		if a.key == "" {
			n += 20 + int(60*w.To.Sub(w.From)/time.Hour)
			continue
		}
		n += weights[a.key]
	}
	return n
}

// candidates are the ways to fetch a superset of what matches e, without that of fetching everything.
func candidates(e query.Expr) []candidate {
	switch e := e.(type) {
	case query.And:
		services, confined := restricted(e, "event_source")
		versions := !confined || slices.Contains(services, "lambda.amazonaws.com") || slices.Contains(services, "cloudfront.amazonaws.com")
		var out []candidate
		for _, t := range e.Terms {
			out = append(out, candidatesOf(t, versions)...)
		}
		return out
	default:
		return candidatesOf(e, true)
	}
}

func candidatesOf(e query.Expr, versions bool) []candidate {
	switch e := e.(type) {
	case query.And:
		return candidates(e)
	case query.Or:
		all := candidate{}
		for _, t := range e.Terms {
			c := candidatesOf(t, versions)
			if len(c) == 0 {
				return nil
			}
			all = append(all, slices.MinFunc(c, func(a, b candidate) int { return cmp.Compare(a.cost(query.Window{}), b.cost(query.Window{})) })...)
		}
		return []candidate{compact(all)}
	case query.Compare:
		if e.Op != query.Equal {
			return nil
		}
		if a, ok := attributeOf(e.Field, e.Value, versions); ok {
			return []candidate{{a}}
		}
	case query.In:
		all := candidate{}
		for _, v := range e.Values {
			a, ok := attributeOf(e.Field, v, versions)
			if !ok {
				return nil
			}
			all = append(all, a)
		}
		return []candidate{compact(all)}
	case query.Not, query.Prefix, query.Contains, query.CIDR, query.Exists:
	}
	return nil
}

func compact(c candidate) candidate {
	slices.SortFunc(c, func(a, b attribute) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value))
	})
	return slices.Compact(c)
}

// attributeOf is the lookup attribute that every event has whose field equals v. What the
// attributes mean follows the CloudTrail User Guide, "Viewing recent management events": the user
// name of an assumed role is the name of its session.
func attributeOf(f query.Field, v query.Value, versions bool) (attribute, bool) {
	if v.Type() != query.Text {
		return attribute{}, false
	}
	text := v.Text()
	a := attribute{value: text}
	switch f {
	case query.EventID:
		a.key = byEventID
	case "access_key":
		a.key = byAccessKey
	case "event_name":
		a.key = byEventName
	case "api":
		if versions && versioned[text] {
			return attribute{}, false
		}
		a.key = byEventName
	case "event_source":
		a.key = byEventSource
	case "bucket":
		a.key = byResource
	case "user_name":
		a.key = byUsername
	case "session_name":
		a.key = byUsername
	case "user_arn":
		a.key, a.value = byUsername, userOf(text)
	case "principal_id":
		id, session, ok := strings.Cut(text, ":")
		if !ok || !strings.HasPrefix(id, "AROA") {
			return attribute{}, false
		}
		a.key, a.value = byUsername, session
	default:
		return attribute{}, false
	}
	return a, sendable(a.value)
}

// userOf is the user name under which event history lists a principal, "" where that is not certain.
func userOf(arn string) string {
	if name := query.SessionName(arn); name != "" {
		return name
	}
	if p := strings.SplitN(arn, ":", 6); len(p) == 6 && p[0] == "arn" && p[2] == "iam" {
		if user, ok := strings.CutPrefix(p[5], "user/"); ok {
			return user[strings.LastIndexByte(user, '/')+1:]
		}
	}
	return ""
}

// sendable tells whether LookupEvents takes a value as it stands: 1 to 2000 characters (API
// Reference), none of them one that a service might trim or refuse.
func sendable(s string) bool {
	if s == "" || utf8.RuneCountInString(s) > 2000 || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// restricted are the values to which e confines a text field, if it does.
func restricted(e query.Expr, f query.Field) ([]string, bool) {
	switch e := e.(type) {
	case query.And:
		for _, t := range e.Terms {
			if v, ok := restricted(t, f); ok {
				return v, true
			}
		}
	case query.Compare:
		if e.Field == f && e.Op == query.Equal && e.Value.Type() == query.Text {
			return []string{e.Value.Text()}, true
		}
	case query.In:
		var out []string
		for _, v := range e.Values {
			if e.Field != f || v.Type() != query.Text {
				return nil, false
			}
			out = append(out, v.Text())
		}
		return out, e.Field == f
	case query.Or, query.Not, query.Prefix, query.Contains, query.CIDR, query.Exists:
	}
	return nil, false
}

// native is a lookup as anyone could make it with the AWS CLI.
func (a attribute) native(p place, w query.Window) string {
	text := "aws cloudtrail lookup-events --region " + p.region
	if a.key != "" {
		// JSON, because the CLI's shorthand gives commas and brackets a meaning.
		text += fmt.Sprintf(" --lookup-attributes %s", shellQuoted(fmt.Sprintf(`[{"AttributeKey":"%s","AttributeValue":%s}]`, a.key, jsonText(a.value))))
	}
	return text + fmt.Sprintf(" --start-time %s --end-time %s # account %s", query.Stamp(w.From), query.Stamp(w.To), p.account)
}

func jsonText(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a text always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// shellQuoted is a text in single quotes; sendable texts hold no control characters.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
