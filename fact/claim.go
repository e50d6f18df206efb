package fact

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
)

// A ClaimKind says what a claim is about.
type ClaimKind uint8

// The kinds of claim.
const (
	ClaimAPI        ClaimKind = iota + 1 // an API was called, or is named: "GetObject"
	ClaimPrincipal                       // an ARN of an identity, or a user principal name
	ClaimIP                              // an address
	ClaimTime                            // an instant
	ClaimCount                           // a number of objects, calls, ...
	ClaimRisk                            // Investigation's risk level
	ClaimConfidence                      // Investigation's confidence in itself
)

var claimKinds = [...]string{
	ClaimAPI: "api", ClaimPrincipal: "principal", ClaimIP: "ip", ClaimTime: "time", ClaimCount: "count", ClaimRisk: "risk_level", ClaimConfidence: "confidence",
}

// String is the kind's name, such as "principal".
func (k ClaimKind) String() string {
	if int(k) < len(claimKinds) {
		return claimKinds[k]
	}
	return ""
}

// A ClaimRole is what a claim says of its value, where the summary says it by the name of a member;
// "" where it stands in a sentence, whose meaning nobody reads here.
type ClaimRole string

// The roles.
const (
	RoleSource ClaimRole = "source" // the address that the actor came from
	RoleActor  ClaimRole = "actor"  // the principal that acted
	RoleFirst  ClaimRole = "first"  // the first time seen
	RoleLast   ClaimRole = "last"   // the last time seen
)

// A Claim is one checkable thing that GuardDuty's own investigation says. It is a third party's word
// and never the source of a fact about the case.
type Claim struct {
	Kind  ClaimKind
	Value string // as claimed, in the kind's canonical form; hostile text
	Noun  string // of a count: "objects", "calls"
	Role  ClaimRole
	Place string // where it stands: "riskLevel", "summary", "summary/evidence/0/sourceIp"

	at    time.Time
	n     int64
	total bool // a count that is a member's whole value
}

// maxClaims bounds what is read out of one summary.
const maxClaims = 500

// maxSummary bounds how much of a summary is read, in bytes; one is a few pages.
const maxSummary = 256 << 10

// Claims reads the claims out of an investigation that GuardDuty made: risk level and confidence by their members, the
// others out of the summary. A summary that is JSON is read member by member, any other as a text;
// its form is not documented, so nothing is expected of it. Each claim is told once for each place.
func Claims(i evidence.LookedInvestigation) []Claim {
	var r claimReader
	if i.RiskLevel != "" {
		r.add(Claim{Kind: ClaimRisk, Value: i.RiskLevel, Place: "riskLevel"})
	}
	if i.Confidence != "" {
		r.add(Claim{Kind: ClaimConfidence, Value: i.Confidence, Place: "confidence"})
	}
	r.text("risk", "", i.Risk)
	if len(i.Summary) > maxSummary {
		i.Summary = i.Summary[:maxSummary]
	}
	var tree any
	if d := json.NewDecoder(strings.NewReader(i.Summary)); strings.HasPrefix(strings.TrimSpace(i.Summary), "{") || strings.HasPrefix(strings.TrimSpace(i.Summary), "[") {
		d.UseNumber()
		if d.Decode(&tree) == nil && !d.More() {
			r.walk("summary", "", tree, 0)
			return r.out
		}
	}
	r.text("summary", "", i.Summary)
	return r.out
}

type claimReader struct {
	out  []Claim
	seen map[string]bool
}

func (r *claimReader) add(c Claim) {
	id := fmt.Sprintf("%d|%s|%s|%s|%s", c.Kind, c.Value, c.Noun, c.Role, c.Place)
	if r.seen[id] || len(r.out) == maxClaims {
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[id] = true
	r.out = append(r.out, c)
}

// maxDepth bounds how deep a summary is read.
const maxDepth = 32

// walk reads a JSON value. name is the member's that holds it, also for the elements of a list.
func (r *claimReader) walk(place, name string, v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			r.walk(place+"/"+escape(k), k, v[k], depth+1)
		}
	case []any:
		for i, e := range v {
			r.walk(place+"/"+strconv.Itoa(i), name, e, depth+1)
		}
	case string:
		r.text(place, name, v)
	case json.Number:
		if n, err := v.Int64(); err == nil && n >= 0 {
			if noun := nounOf(name); noun != "" {
				r.add(Claim{Kind: ClaimCount, Value: strconv.FormatInt(n, 10), Noun: noun, Place: place, n: n, total: true})
			}
		}
	}
}

// escape is a member's name in a JSON pointer (RFC 6901).
func escape(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }

var (
	ipToken    = regexp.MustCompile(`[0-9A-Fa-f]*[:.][0-9A-Fa-f:.]*[0-9A-Fa-f:]`)
	arnToken   = regexp.MustCompile(`arn:aws[a-z-]*:(?:iam|sts)::[0-9]{12}:[A-Za-z0-9/_+=,.@-]*[A-Za-z0-9_+=@-]`)
	mailToken  = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	timeToken  = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?: ?(?:Z|UTC)|[+-][0-9]{2}:[0-9]{2})`)
	countToken = regexp.MustCompile(`\b([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15}) (?:[A-Za-z0-9]+ ){0,2}?(objects?|calls?|requests?|events?|secrets?|sign-ins?)\b`)
	apiToken   = regexp.MustCompile(`\b(?:[a-z0-9-]+:)?((?:Accept|Add|Assume|Associate|Attach|Authorize|Batch|Console|Copy|Create|Deactivate|Decrypt|Delete|Deregister|Describe|Detach|Disable|Disassociate|Enable|Execute|Export|Generate|Get|Head|Import|Invoke|List|Lookup|Modify|Put|Register|Remove|Replace|Reset|Restore|Revoke|Run|Select|Send|Set|Share|Simulate|Start|Stop|Tag|Terminate|Untag|Update|Upload)[A-Z][A-Za-z0-9]{2,60})\b`)
)

// text reads claims out of a text.
func (r *claimReader) text(place, name, s string) {
	role := roleOf(name)
	for _, t := range timeToken.FindAllString(s, -1) {
		if at, ok := instant(t); ok {
			c := Claim{Kind: ClaimTime, Value: at.Format(time.RFC3339Nano), Place: place, at: at}
			if role == RoleFirst || role == RoleLast {
				c.Role = role
			}
			r.add(c)
		}
	}
	s = timeToken.ReplaceAllString(s, " ") // its parts are no addresses
	for _, t := range arnToken.FindAllString(s, -1) {
		r.add(Claim{Kind: ClaimPrincipal, Value: t, Role: only(role, RoleActor), Place: place})
	}
	rest := arnToken.ReplaceAllString(s, " ")
	for _, t := range mailToken.FindAllString(rest, -1) {
		r.add(Claim{Kind: ClaimPrincipal, Value: strings.ToLower(t), Role: only(role, RoleActor), Place: place})
	}
	rest = mailToken.ReplaceAllString(rest, " ")
	for _, t := range ipToken.FindAllString(rest, -1) {
		if a, err := netip.ParseAddr(strings.TrimRight(t, ".:")); err == nil {
			r.add(Claim{Kind: ClaimIP, Value: a.Unmap().WithZone("").String(), Role: only(role, RoleSource), Place: place})
		}
	}
	for _, m := range apiToken.FindAllStringSubmatch(rest, -1) {
		r.add(Claim{Kind: ClaimAPI, Value: m[1], Place: place})
	}
	for _, m := range countToken.FindAllStringSubmatch(rest, -1) {
		if n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64); err == nil {
			r.add(Claim{Kind: ClaimCount, Value: strconv.FormatInt(n, 10), Noun: pluralNoun(m[2]), Place: place, n: n})
		}
	}
}

func only(role, want ClaimRole) ClaimRole {
	if role == want {
		return role
	}
	return ""
}

func instant(s string) (time.Time, bool) {
	s = strings.Replace(s, " UTC", "Z", 1)
	s = strings.Replace(strings.Replace(s, "UTC", "Z", 1), " Z", "Z", 1)
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "T", 1))
	return t.UTC().Truncate(time.Microsecond), err == nil
}

func pluralNoun(noun string) string {
	noun = strings.TrimSuffix(noun, "s") + "s"
	if noun == "requests" || noun == "events" {
		return "calls"
	}
	return noun
}

// folded is a member's name without case and separators.
func folded(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// roleOf reads a member's name.
func roleOf(name string) ClaimRole {
	switch folded(name) {
	case "sourceip", "sourceipaddress", "sourceips", "remoteip", "remoteipaddress", "actorip", "attackerip", "callerip", "clientip":
		return RoleSource
	case "actor", "actorarn", "principal", "principalarn", "userarn", "user", "username", "caller", "callerarn", "identity", "useridentity":
		return RoleActor
	case "firstseen", "eventfirstseen", "firstseentime":
		return RoleFirst
	case "lastseen", "eventlastseen", "lastseentime":
		return RoleLast
	}
	return ""
}

// nounOf is what a member counts.
func nounOf(name string) string {
	switch folded(name) {
	case "objectsread", "objectcount", "objectsaccessed", "objectsdownloaded":
		return "objects"
	case "apicalls", "apicallcount", "callcount", "eventcount", "eventscount", "requestcount":
		return "calls"
	case "secretsread", "secretcount":
		return "secrets"
	}
	return ""
}
