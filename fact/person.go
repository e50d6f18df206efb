package fact

import (
	"fmt"
	"slices"
	"strings"

	"uratori/evidence"
	"uratori/finding"
)

var personDefs = []Def{
	{Key: "person.known", Rule: personKnown, Type: Bool, Kind: Computed, JA: "人物の特定", EN: "person known", Says: "a link of any method"},
	{Key: "person.upn", Rule: personUPN, Type: Text, Kind: Computed, JA: "ユーザープリンシパル名", EN: "user principal name", Says: "the configuration joined by identity store user, else an exactly equal session name"},
	{Key: "person.display_name", Rule: personDisplayName, Type: Text, Kind: Context, JA: "表示名", EN: "display name", Says: "configuration: people, else the sign-ins"},
	{Key: "person.department", Rule: personText("person.department", func(p Person) string { return p.Department }, func(p evidence.LookedPerson) string { return p.Department }), Type: Text, Kind: Context, JA: "所属", EN: "department", Says: "configuration: people"},
	{Key: "person.link_method", Rule: personLinkMethod, Type: Name, Kind: Computed, JA: "紐付けの根拠", EN: "link method", Says: "onBehalfOf.userId first, an equal name second", Choices: []string{"on_behalf_of", "exact_name", "none"}},
	{Key: "person.link_confidence", Rule: personLinkConfidence, Type: Name, Kind: Computed, JA: "紐付けの確度", EN: "link confidence", Says: "on_behalf_of high, exact_name medium", Choices: []string{"high", "medium", "none"}},
	{Key: "person.contractor", Rule: personContractor, Type: Bool, Kind: Context, JA: "委託先の要員", EN: "contractor", Says: "configuration: contractor prefixes, people"},
	{Key: "person.sponsor", Rule: personSponsor, Type: Text, Kind: Context, JA: "受入責任者", EN: "sponsor", Says: "configuration: people; of a contractor alone"},
	{Key: "person.enabled", Rule: personEnabled, Type: Bool, Kind: Context, JA: "本人のアカウントの状態", EN: "account enabled", Says: "configuration: people"},
	{Key: "person.object_id", Rule: personObjectID, Type: Text, Kind: Context, JA: "オブジェクトID", EN: "object id", Says: "configuration: people, else the sign-ins"},
	{Key: "identity.match", Rule: identityMatch, Type: Percent, Kind: Computed, JA: "本人の過去と一致する観点", EN: "dimensions that fit", Says: "observed dimensions equal to the person's own past"},
	{Key: "identity.level", Rule: identityLevel, Type: Name, Kind: Computed, JA: "本人性の一致度", EN: "identity match", Says: "high needs every dimension to fit and at least 10 events", Choices: []string{"high", "medium", "low", "undetermined"}},
	{Key: "identity.dimensions", Rule: identityDimensions, Type: Table, Kind: Computed, JA: "観点別の照合", EN: "dimensions", Says: "each dimension against the person's own past: calls, and sign-ins that succeeded and cannot have led to the session", Columns: []Column{
		{Name: "dimension", Type: Name, JA: "観点", EN: "dimension", Enum: []string{"address", "asn", "country", "hour", "user_agent"}},
		{Name: "observed", Type: Text, JA: "今回", EN: "this time"},
		{Name: "before", Type: Int, JA: "過去の件数", EN: "times before"},
		{Name: "base", Type: Int, JA: "母数", EN: "out of"},
		{Name: "fits", Type: Name, JA: "照合", EN: "match", Enum: []string{"fits", "differs", "undetermined"}},
	}},
}

// A link is how the human behind a principal was found.
type link struct {
	method string // on_behalf_of, exact_name, none
	upn    string // folded to lower case
	person Person // as configured; zero when the configuration does not know them
	from   []Ref
	why    result // when nothing could be looked at
}

// linked finds the person: by the Identity Store user that the configuration knows, else by a
// session name that is exactly a user principal name that signed in or is configured.
func (v *view) linked() link {
	return memo(v, "link", func() link {
		t, i, why, ok := v.actorRow()
		if !ok {
			return link{method: "none", why: why}
		}
		refs := []Ref{t.row(i), settingsRef}
		if id := t.text(i, "on_behalf_of"); id != "" {
			for _, p := range v.st.People {
				if p.IdentityStoreUser == id {
					return link{method: "on_behalf_of", upn: strings.ToLower(p.UPN), person: p, from: refs}
				}
			}
			if l, ok := v.linkedUser(id, refs); ok {
				return l
			}
		}
		name := strings.ToLower(t.text(i, "session_name"))
		if name == "" {
			name = strings.ToLower(t.text(i, "user_name"))
		}
		if !strings.Contains(name, "@") {
			return link{method: "none", from: refs, why: unknown("person", refs...)}
		}
		for _, p := range v.st.People {
			if strings.EqualFold(p.UPN, name) {
				return link{method: "exact_name", upn: name, person: p, from: refs}
			}
		}
		return link{method: "exact_name", upn: name, from: refs}
	})
}

func personKnown(v *view, _ string) result {
	l := v.linked()
	if l.method == "none" && l.why.gap.Key != "person" {
		return l.why
	}
	return known(BoolOf(l.method != "none"), l.from...)
}

// ofPerson is a fact about the person, Unknown without one.
func ofPerson(v *view, get func(link) result) result {
	l := v.linked()
	if l.method == "none" {
		if l.why.gap.Key == "" {
			return unknown("person", l.from...)
		}
		return l.why
	}
	return get(l)
}

func personUPN(v *view, _ string) result {
	return ofPerson(v, func(l link) result { return known(TextOf(l.upn), l.from...) })
}

func personText(key Key, get func(Person) string, look func(evidence.LookedPerson) string) func(*view, string) result {
	return func(v *view, _ string) result {
		return ofPerson(v, func(l link) result { return ofDirectory(v, key, configured(get(l.person)), directoryText(look)) })
	}
}

// personSponsor is who answers for a contractor: an employee has none.
func personSponsor(v *view, subject string) result {
	r := personText("person.sponsor", func(p Person) string { return p.Sponsor }, func(p evidence.LookedPerson) string { return p.Sponsor })(v, subject)
	if c := personContractor(v, ""); r.state == Unknown && c.state == Known && c.value.Num == 0 {
		return notApplicable(c.from...)
	}
	return r
}

func personDisplayName(v *view, _ string) result {
	return ofPerson(v, func(l link) result {
		if l.person.DisplayName != "" {
			return known(TextOf(l.person.DisplayName), settingsRef)
		}
		r := ofDirectory(v, "person.display_name", configured(""), directoryText(func(p evidence.LookedPerson) string { return p.DisplayName }))
		if r.state == Known {
			return r
		}
		return v.signinColumn("user_display_name")
	})
}

func personObjectID(v *view, _ string) result {
	return ofPerson(v, func(l link) result {
		if l.person.ObjectID != "" {
			return known(TextOf(l.person.ObjectID), settingsRef)
		}
		r := ofDirectory(v, "person.object_id", configured(""), directoryText(func(p evidence.LookedPerson) string { return p.ObjectID }))
		if r.state == Known {
			return r
		}
		return v.signinColumn("user_id")
	})
}

// signinColumn is the first value of a column of the person's sign-ins.
func (v *view) signinColumn(col string) result {
	t, why, ok := v.ask("signin.total", "")
	if !ok {
		return why
	}
	for i := range t.len() {
		if s := t.text(i, col); s != "" {
			return known(TextOf(s), t.row(i))
		}
	}
	return unknown("configuration", t.ref())
}

func personLinkMethod(v *view, _ string) result {
	l := v.linked()
	if l.method == "none" && l.why.gap.Key != "person" {
		return l.why
	}
	return known(NameOf(l.method), l.from...)
}

func personLinkConfidence(v *view, subject string) result {
	r := personLinkMethod(v, subject)
	if r.state != Known {
		return r
	}
	level := map[string]string{"on_behalf_of": "high", "exact_name": "medium", "none": "none"}
	r.value = NameOf(level[r.value.Str])
	return r
}

func personContractor(v *view, _ string) result {
	return ofPerson(v, func(l link) result {
		if l.person.Contractor != nil {
			return known(BoolOf(*l.person.Contractor), l.from...)
		}
		for _, prefix := range v.st.ContractorPrefixes {
			if prefix != "" && strings.HasPrefix(l.upn, strings.ToLower(prefix)) {
				return known(BoolOf(true), l.from...)
			}
		}
		r := ofDirectory(v, "person.contractor", unknown("configuration", settingsRef), directoryTruth(func(p evidence.LookedPerson) *bool { return p.Contractor }))
		if r.state == Known || l.person.UPN == "" && len(v.st.ContractorPrefixes) == 0 {
			return r
		}
		return known(BoolOf(false), l.from...)
	})
}

func personEnabled(v *view, _ string) result {
	return ofPerson(v, func(l link) result {
		if l.person.Enabled == nil {
			return ofDirectory(v, "person.enabled", unknown("configuration", settingsRef), directoryTruth(func(p evidence.LookedPerson) *bool { return p.Enabled }))
		}
		return known(BoolOf(*l.person.Enabled), settingsRef)
	})
}

// minBase is the least number of earlier events that a person's or principal's past is told
// from: fewer are said, not judged.
const minBase = 10

// A dimension compares one aspect of the event with the past.
type dimension struct {
	name     string
	observed string
	before   int64
	base     int64
	known    bool // both sides are known
	from     []Ref
}

func (d dimension) fits() string {
	switch {
	case !d.known || d.base < minBase:
		return "undetermined"
	case d.before > 0:
		return "fits"
	}
	return "differs"
}

// dimensions compare the event with the person's own sign-ins (address, network, country,
// hour) and the principal's own calls (tool).
func (v *view) dimensions() []dimension {
	return memo(v, "dimensions", func() []dimension {
		ins, ok := v.signIns()
		ok = ok && !ins.t.part()
		remote := v.f.Action.Remote
		at, timed := v.at()
		var past []signIn
		if ok {
			past = v.proven(ins)
		}
		count := func(fits func(signIn) bool) (n int64) {
			for _, s := range past {
				if fits(s) {
					n++
				}
			}
			return n
		}
		base := count(func(signIn) bool { return true })
		known := ok && timed
		var refs []Ref
		if ok {
			refs = []Ref{findingRef, ins.t.ref()}
		}
		list := []dimension{
			{"address", "", count(func(s signIn) bool { return s.ip == remote.IP.String() }), base, known && remote.IP.IsValid(), refs},
			{"asn", remote.ASN, count(func(s signIn) bool { return s.asn != "" && s.asn == remote.ASN }), count(func(s signIn) bool { return s.asn != "" }), known && remote.ASN != "", refs},
			{"country", remote.Country, count(func(s signIn) bool { return sameCountry(s.country, remote) }), count(func(s signIn) bool { return s.country != "" }), known && remote.Country != "", refs},
			{"hour", "", count(func(s signIn) bool { return v.cal.Hour(s.at) == v.cal.Hour(at) }), base, known, refs},
		}
		if remote.IP.IsValid() {
			list[0].observed = remote.IP.String()
		}
		if timed {
			list[3].observed = fmt.Sprintf("%02d", v.cal.Hour(at))
		}
		tool := dimension{name: "user_agent"}
		if past, ok := v.past("user_agent"); ok && !past.t.part() {
			ua, _ := v.userAgent()
			tool.observed, _ = Tool(ua)
			tool.before, tool.base = past.same(tool.observed), past.total
			tool.known = tool.observed != "" && (tool.before > 0 || past.t.Exact)
			tool.from = []Ref{past.t.ref()}
		}
		return append(list, tool)
	})
}

// sameCountry compares a sign-in's country code with the finding's country, which may be told by code or by name.
func sameCountry(code string, remote finding.Remote) bool {
	if code == "" {
		return false
	}
	if remote.CountryCode != "" {
		return strings.EqualFold(code, remote.CountryCode)
	}
	return strings.EqualFold(code, remote.Country) || strings.EqualFold(countryName(code), remote.Country)
}

func identityDimensions(v *view, _ string) result {
	var rows []Row
	var refs []Ref
	for _, d := range v.dimensions() {
		rows = append(rows, Row{NameOf(d.name), TextOf(d.observed), IntOf(d.before), IntOf(d.base), NameOf(d.fits())})
		refs = append(refs, d.from...)
	}
	if len(refs) == 0 {
		return v.noPast()
	}
	return known(Value{Type: Table, Rows: rows}, compactRefs(refs)...)
}

// noPast says why the person's past cannot be looked at.
func (v *view) noPast() result {
	if _, why, ok := v.ask("signin.total", ""); !ok {
		return why
	}
	return unknown("baseline")
}

func identityMatch(v *view, _ string) result {
	var fit, n int64
	var refs []Ref
	for _, d := range v.dimensions() {
		if f := d.fits(); f != "undetermined" {
			n++
			if f == "fits" {
				fit++
			}
		}
		refs = append(refs, d.from...)
	}
	if n == 0 {
		return v.noPast()
	}
	return known(Value{Type: Percent, Num: fit, Den: n}, compactRefs(refs)...)
}

func identityLevel(v *view, subject string) result {
	r := identityMatch(v, subject)
	if r.state != Known {
		return r
	}
	fit, n := r.value.Num, r.value.Den
	switch {
	case n < 3:
		r.value = NameOf("undetermined")
	case fit == n:
		r.value = NameOf("high")
	case fit*2 >= n:
		r.value = NameOf("medium")
	default:
		r.value = NameOf("low")
	}
	return r
}

func compactRefs(refs []Ref) []Ref {
	var out []Ref
	for _, r := range refs {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}
