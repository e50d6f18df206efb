package fact

import (
	"strings"

	"uratori/evidence"
)

var lookedPersonDefs = []Def{
	{Key: "person.in_directory", Looks: evidence.LookPerson, Rule: existed(evidence.LookPerson, "person.in_directory"), Type: Bool, Kind: External, JA: "人事・ディレクトリへの登録", EN: "in the directory", Says: "look-up: the directory knows the user principal name"},
	{Key: "person.company", Looks: evidence.LookPerson, Rule: lookedPerson("person.company", func(p evidence.LookedPerson) string { return p.Company }), Type: Text, Kind: External, JA: "会社", EN: "company", Says: "look-up: the directory"},
	{Key: "person.employee_type", Looks: evidence.LookPerson, Rule: lookedPerson("person.employee_type", func(p evidence.LookedPerson) string { return p.EmployeeType }), Type: Text, Kind: External, JA: "雇用区分", EN: "kind of employment", Says: "look-up: the directory"},
	{Key: "person.gone_from", Looks: evidence.LookPerson, Rule: ofLooked(evidence.LookPerson, "person.gone_from", []string{contractPart}, func(_ *view, b evidence.Body, ref Ref) result {
		if b.Person.Gone == nil {
			return notApplicable(ref)
		}
		return known(TimeOf(*b.Person.Gone), ref)
	}), Type: Time, Kind: External, JA: "在籍・契約の終了", EN: "end of the employment or contract", Says: "look-up: the moment from which the directory calls the person gone"},
	{Key: "person.gone", Looks: evidence.LookPerson, Rule: ofLooked(evidence.LookPerson, "person.gone", []string{contractPart}, personGone), Type: Bool, Kind: Computed, JA: "在籍・契約の終了後", EN: "after the end of the employment or contract", Says: "look-up: the event lies after the end of the employment or contract"},
	{Key: "person.disabled", Looks: evidence.LookPerson, Rule: ofLooked(evidence.LookPerson, "person.disabled", []string{enabledPart}, func(_ *view, b evidence.Body, ref Ref) result {
		if b.Person.Enabled == nil {
			return notApplicable(ref)
		}
		return known(BoolOf(!*b.Person.Enabled), ref)
	}), Type: Bool, Kind: External, JA: "ディレクトリでの無効化", EN: "disabled in the directory", Says: "look-up: the directory's account is disabled now, which may be since after the event"},
	{Key: "person.user_status", Looks: evidence.LookUser, Rule: ofLooked(evidence.LookUser, "person.user_status", nil, func(_ *view, b evidence.Body, ref Ref) result {
		return toldLooked(b.User.Status, ref)
	}), Type: Text, Kind: External, JA: "Identity Centerのユーザーの状態", EN: "status of the Identity Center user", Says: "look-up: the Identity Store"},
}

func lookedPerson(key Key, get func(evidence.LookedPerson) string) func(*view, string) result {
	return ofLooked(evidence.LookPerson, key, nil, func(_ *view, b evidence.Body, ref Ref) result {
		return toldLooked(get(*b.Person), ref)
	})
}

// The parts of a look-up of a person: a directory may hold an attribute, or may not be allowed to
// tell it (package people names them).
const (
	contractPart = "people:contract_end"
	enabledPart  = "people:enabled"
)

func personGone(v *view, b evidence.Body, ref Ref) result {
	if b.Person.Gone == nil {
		return notApplicable(ref)
	}
	at, ok := v.at()
	if !ok {
		return unknown("finding", findingRef, ref)
	}
	return known(BoolOf(!at.Before(*b.Person.Gone)), findingRef, ref)
}

// lookedUPN is the user principal name of an Identity Store user: with an outside provider the
// user name is what the provider calls the user, else the primary mail address may be.
func lookedUPN(u evidence.LookedUser) string {
	for _, s := range []string{u.UserName, u.Email} {
		if strings.Contains(s, "@") {
			return strings.ToLower(s)
		}
	}
	return ""
}

// linkedUser is the person behind an Identity Store user that was looked up.
func (v *view) linkedUser(id string, refs []Ref) (link, bool) {
	b, ref, _, ok := v.looked(evidence.LookUser, "person.upn")
	if !ok || b.User.ID != id || lookedUPN(*b.User) == "" {
		return link{}, false
	}
	l := link{method: "on_behalf_of", upn: lookedUPN(*b.User), from: append(refs, ref)}
	for _, p := range v.st.People {
		if strings.EqualFold(p.UPN, l.upn) {
			l.person = p
		}
	}
	return l, true
}

// ofDirectory completes what the configuration does not say of the person. The configuration
// wins where both speak.
func ofDirectory(v *view, key Key, configured result, get func(p evidence.LookedPerson) (Value, bool)) result {
	if configured.state != Unknown || configured.gap.Key != "configuration" {
		return configured
	}
	b, ref, why, ok := v.looked(evidence.LookPerson, key)
	switch {
	case !ok && ref == "":
		return configured
	case !ok && why.state == NotApplicable: // the directory does not know them
		return result{state: Unknown, gap: configured.gap, from: append(configured.from, ref)}
	case !ok:
		return why
	}
	val, told := get(*b.Person)
	if !told {
		return result{state: Unknown, gap: configured.gap, from: append(configured.from, ref)}
	}
	return result{state: Known, value: val, from: []Ref{ref}, rule: "look-up: the directory"}
}

// directoryText is a text of the directory, if it says one.
func directoryText(get func(evidence.LookedPerson) string) func(evidence.LookedPerson) (Value, bool) {
	return func(p evidence.LookedPerson) (Value, bool) { return TextOf(get(p)), get(p) != "" }
}

func directoryTruth(get func(evidence.LookedPerson) *bool) func(evidence.LookedPerson) (Value, bool) {
	return func(p evidence.LookedPerson) (Value, bool) {
		b := get(p)
		return BoolOf(b != nil && *b), b != nil
	}
}

// personContradictions are what the configuration, the directory and the Identity Store say
// differently.
func (v *view) personContradictions(say func(text string, from ...Ref)) {
	t, i, _, acted := v.actorRow()
	if b, ref, _, ok := v.looked(evidence.LookUser, "person.upn"); ok && acted && b.User.ID == t.text(i, "on_behalf_of") {
		upn := lookedUPN(*b.User)
		for _, p := range v.st.People {
			if p.IdentityStoreUser == b.User.ID && upn != "" && !strings.EqualFold(p.UPN, upn) {
				say("the configuration's person of the Identity Store user is not the Identity Store's", settingsRef, ref)
			}
		}
		if name := t.text(i, "session_name"); strings.Contains(name, "@") && upn != "" && !strings.EqualFold(name, upn) {
			say("the session's name is not the Identity Store user's", t.row(i), ref)
		}
	}
	b, ref, _, ok := v.looked(evidence.LookPerson, "person.enabled")
	l := v.linked()
	if !ok || l.person.UPN == "" {
		return
	}
	for _, differ := range []struct {
		what string
		yes  bool
	}{
		{"contractor", l.person.Contractor != nil && b.Person.Contractor != nil && *l.person.Contractor != *b.Person.Contractor},
		{"enabled", l.person.Enabled != nil && b.Person.Enabled != nil && *l.person.Enabled != *b.Person.Enabled},
		{"department", l.person.Department != "" && b.Person.Department != "" && !strings.EqualFold(l.person.Department, b.Person.Department)},
		{"object id", l.person.ObjectID != "" && b.Person.ObjectID != "" && !strings.EqualFold(l.person.ObjectID, b.Person.ObjectID)},
	} {
		if differ.yes {
			say("the configuration and the directory differ in the person's "+differ.what, settingsRef, ref)
		}
	}
}
