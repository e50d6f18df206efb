package fact

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Standing says how a claim stands against our own facts.
type Standing uint8

// The standings. The zero Standing is Unverifiable: nothing is granted.
const (
	Unverifiable Standing = iota // our facts say neither
	Confirmed                    // a fact says the same
	Contradicted                 // a fact says something else of the same thing
)

// String is the standing's name, such as "confirmed".
func (s Standing) String() string {
	switch s {
	case Confirmed:
		return "confirmed"
	case Contradicted:
		return "contradicted"
	case Unverifiable:
		return "unverifiable"
	}
	return "unverifiable"
}

// A Held claim is a claim and how it stands, with the facts that it was held against.
type Held struct {
	Claim
	Standing Standing
	Facts    []ID // what confirms or contradicts it
}

// Hold holds each claim against the facts, in the order of the claims. It is pure.
//
// A claim is confirmed by a fact that says the same. That our facts do not hold what it names
// contradicts nothing: they look at one window, and absence needs coverage. It is contradicted only
// where it says of one thing, by the role in which it stands, what a known fact says otherwise.
// A risk level and a confidence are opinions: no fact can confirm them.
func Hold(claims []Claim, facts Facts) []Held {
	h := holder{facts}
	out := make([]Held, 0, len(claims))
	for _, c := range claims {
		held := Held{Claim: c}
		switch c.Kind {
		case ClaimAPI:
			held.Standing, held.Facts = h.api(c)
		case ClaimPrincipal:
			held.Standing, held.Facts = h.principal(c)
		case ClaimIP:
			held.Standing, held.Facts = h.ip(c)
		case ClaimTime:
			held.Standing, held.Facts = h.time(c)
		case ClaimCount:
			held.Standing, held.Facts = h.count(c)
		case ClaimRisk, ClaimConfidence:
		}
		out = append(out, held)
	}
	return out
}

type holder struct{ facts Facts }

// said tells whether a fact's value may be used: known, or a lower bound of what was seen.
func said(f Fact) bool { return f.State == Known || f.State == AtLeast }

// observed are the facts that rest on records or on the finding: what a configuration, a calendar
// or a person says is no witness of an investigation's claim.
func (h holder) observed() (out []Fact) {
	for _, f := range h.facts.All() {
		d, _ := DefOf(f.Key) // claims are held against none of their own
		if said(f) && (d.Kind == Observed || d.Kind == Computed || d.Kind == External) {
			out = append(out, f)
		}
	}
	return out
}

// texts are the texts of a value, in whatever form it has.
func texts(v Value) []string {
	switch v.Type {
	case Text, IP:
		return []string{v.Str}
	case Texts:
		return v.List
	case Table:
		var out []string
		for _, row := range v.Rows {
			for _, c := range row {
				out = append(out, texts(c)...)
			}
		}
		return out
	case Bool, Int, Bytes, Minutes, Decimal, Percent, Name, Label, Time, Weekday, Hour, Hours, Masked:
	}
	return nil
}

// words are the facts of those groups that hold the text.
func (h holder) words(groups []string, same func(string) bool) (ids []ID) {
	for _, f := range h.observed() {
		if slices.ContainsFunc(groups, func(g string) bool { return strings.HasPrefix(string(f.Key), g) }) && slices.ContainsFunc(texts(f.Value), same) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// known is a fact that is Known.
func (h holder) known(key Key) (Fact, bool) {
	f := h.facts.Get(key, "")
	return f, f.State == Known
}

// api: an API that a recommendation names is named and not called, so none is contradicted.
func (h holder) api(c Claim) (Standing, []ID) {
	ids := h.words([]string{"event.api", "activity.apis", "activity.session_timeline", "activity.logging_change_list"}, func(s string) bool {
		return s == c.Value || strings.HasSuffix(s, ":"+c.Value) || strings.HasSuffix(s, "."+c.Value)
	})
	if len(ids) > 0 {
		return Confirmed, ids
	}
	return Unverifiable, nil
}

func (h holder) principal(c Claim) (Standing, []ID) {
	arn := strings.HasPrefix(c.Value, "arn:")
	keys := []Key{"person.upn"}
	if arn {
		keys = []Key{"actor.arn", "actor.session_issuer"}
	}
	var ids []ID
	for _, k := range keys {
		if f, ok := h.known(k); ok && (f.Value.Str == c.Value || !arn && strings.EqualFold(f.Value.Str, c.Value)) {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) > 0 {
		return Confirmed, ids
	}
	if c.Role != RoleActor {
		return Unverifiable, nil
	}
	f, ok := h.known(keys[0])
	link, _ := h.known("person.link_confidence")
	if !ok || !arn && link.Value.Str != "high" {
		return Unverifiable, nil
	}
	return Contradicted, []ID{f.ID}
}

func (h holder) ip(c Claim) (Standing, []ID) {
	ids := h.words([]string{"event.", "activity.", "baseline.", "signin.", "related.", "chain."}, func(s string) bool { return s == c.Value })
	if len(ids) > 0 {
		return Confirmed, ids
	}
	source, ok := h.known("event.source_ip")
	if c.Role != RoleSource || !ok || source.Value.Type != IP {
		return Unverifiable, nil
	}
	// It may be another address of the same actor, unless all of them are known.
	against := []ID{source.ID}
	for _, f := range h.facts.Of("activity.ips") {
		if f.State == Known && !f.Value.More {
			return Contradicted, append(against, f.ID)
		}
	}
	return Unverifiable, nil
}

// time compares whole seconds: a summary rarely tells more.
func (h holder) time(c Claim) (Standing, []ID) {
	same := func(v Value) bool {
		return v.Type == Time && v.At.Truncate(time.Second).Equal(c.at.Truncate(time.Second))
	}
	if key := map[ClaimRole]Key{RoleFirst: "finding.first_seen", RoleLast: "finding.last_seen"}[c.Role]; key != "" {
		f, ok := h.known(key)
		switch {
		case !ok:
			return Unverifiable, nil
		case same(f.Value):
			return Confirmed, []ID{f.ID}
		}
		return Contradicted, []ID{f.ID}
	}
	var ids []ID
	for _, f := range h.observed() {
		hit := same(f.Value)
		for _, row := range f.Value.Rows {
			hit = hit || slices.ContainsFunc(row, same)
		}
		if hit {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) > 0 {
		return Confirmed, ids
	}
	return Unverifiable, nil
}

// counts are the facts that count what a noun names.
var counts = map[string][]Key{
	"objects": {"impact.objects_read"}, "secrets": {"impact.secrets_read"}, "sign-ins": {"signin.total"}, "calls": {"activity.total"},
}

// count: the window of a claim is not known, and that of an investigation is wider than ours. So a
// larger number contradicts nothing. A total, which stands in a member of its own, cannot be smaller
// than what we saw; a number in a sentence may be a part.
func (h holder) count(c Claim) (Standing, []ID) {
	total := c.total && (c.Noun == "objects" || c.Noun == "secrets")
	for _, key := range counts[c.Noun] {
		for _, f := range h.facts.Of(key) {
			switch {
			case f.State == Known && f.Value.Num == c.n:
				return Confirmed, []ID{f.ID}
			case total && said(f) && c.n < f.Value.Num:
				return Contradicted, []ID{f.ID}
			}
		}
	}
	return Unverifiable, nil
}

// String is a held claim in a line, for logs and tests.
func (h Held) String() string {
	value := strconv.Quote(h.Value)
	if h.Noun != "" {
		value += " " + h.Noun
	}
	if h.Role != "" {
		value += " as " + string(h.Role)
	}
	return h.Kind.String() + " " + value + " at " + h.Place + ": " + h.Standing.String()
}
