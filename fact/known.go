package fact

import (
	"slices"
	"strings"

	"uratori/evidence"
)

// What files of the operator say of the address and the name of the case: databases of places and
// networks, and lists. Each is told with its date, since the world they describe moves on.
var knowledgeDefs = []Def{
	{Key: "knowledge.country", Looks: evidence.LookAddress, Rule: ofPlaces("knowledge.country", func(p evidence.Place) string { return firstText(p.Name, p.Country) }), Type: Text, Kind: External, JA: "国（データベース）", EN: "country by the database", Says: "look-up: the first database that has a country"},
	{Key: "knowledge.city", Looks: evidence.LookAddress, Rule: ofPlaces("knowledge.city", func(p evidence.Place) string { return p.City }), Type: Text, Kind: External, JA: "都市（データベース）", EN: "city by the database", Says: "look-up: the first database that has a city"},
	{Key: "knowledge.asn", Looks: evidence.LookAddress, Rule: ofPlaces("knowledge.asn", func(p evidence.Place) string { return p.ASN }), Type: Text, Kind: External, JA: "ASN（データベース）", EN: "ASN by the database", Says: "look-up: the first database that has an ASN"},
	{Key: "knowledge.asn_org", Looks: evidence.LookAddress, Rule: ofPlaces("knowledge.asn_org", func(p evidence.Place) string { return p.Org }), Type: Text, Kind: External, JA: "事業者（データベース）", EN: "network by the database", Says: "look-up: the first database that has an organisation"},
	{Key: "knowledge.disagreements", Looks: evidence.LookAddress, Rule: knowledgeDisagreements, Type: Texts, Kind: Computed, JA: "GuardDutyとデータベースの相違", EN: "GuardDuty and the databases differ", Says: "country and ASN of the finding against each database; which is right is not decided"},
	{Key: "knowledge.places", Looks: evidence.LookAddress, Rule: ofLooked(evidence.LookAddress, "knowledge.places", nil, knowledgePlaces), Type: Table, Kind: External, JA: "データベースの記載", EN: "what the databases say", Says: "look-up: each database with its date", Columns: []Column{
		{Name: "database", Type: Text, JA: "データベース", EN: "database"},
		{Name: "built", Type: Time, JA: "作成日時", EN: "built"},
		{Name: "place", Type: Text, JA: "国", EN: "country"},
		{Name: "town", Type: Text, JA: "都市", EN: "city"},
		{Name: "network", Type: Text, JA: "ASN", EN: "ASN"},
		{Name: "org", Type: Text, JA: "事業者", EN: "organisation"},
	}},
	{Key: "knowledge.own_network", Looks: evidence.LookAddress, Rule: ofListings("knowledge.own_network", ownKinds...), Type: Texts, Kind: Context, JA: "自社の一覧にある送信元", EN: "on lists of our own addresses", Says: "look-up: lists of the kinds nat, office and vpn that hold the address"},
	{Key: "knowledge.scanner", Looks: evidence.LookAddress, Rule: ofListings("knowledge.scanner", "scanner"), Type: Texts, Kind: External, JA: "スキャナーの一覧", EN: "on lists of scanners", Says: "look-up: lists of the kind scanner that hold the address"},
	{Key: "knowledge.threat_lists", Looks: evidence.LookAddress, Rule: ofListings("knowledge.threat_lists", "threat"), Type: Texts, Kind: External, JA: "脅威リスト（IPアドレス）", EN: "on threat lists (address)", Says: "look-up: lists of the kind threat that hold the address"},
	{Key: "knowledge.lists", Looks: evidence.LookAddress, Rule: ofLooked(evidence.LookAddress, "knowledge.lists", nil, func(_ *view, b evidence.Body, ref Ref) result { return listings(b, b.Address.Lists, ref) }), Type: Table, Kind: External, JA: "IPアドレスの一覧との照合", EN: "the address and the lists", Says: "look-up: each list with its date", Columns: listingColumns},
	{Key: "knowledge.domain_threat_lists", Looks: evidence.LookDomain, Rule: ofListings("knowledge.domain_threat_lists", "threat"), Type: Texts, Kind: External, JA: "脅威リスト（ドメイン名）", EN: "on threat lists (name)", Says: "look-up: lists of the kind threat that hold the name or a parent of it"},
	{Key: "knowledge.domain_lists", Looks: evidence.LookDomain, Rule: ofLooked(evidence.LookDomain, "knowledge.domain_lists", nil, func(_ *view, b evidence.Body, ref Ref) result { return listings(b, b.Domain.Lists, ref) }), Type: Table, Kind: External, JA: "ドメイン名の一覧との照合", EN: "the name and the lists", Says: "look-up: each list with its date", Columns: listingColumns},
}

var listingColumns = []Column{
	{Name: "list", Type: Text, JA: "一覧", EN: "list"},
	{Name: "kind", Type: Name, JA: "種類", EN: "kind", Enum: []string{"nat", "office", "vpn", "scanner", "threat"}},
	{Name: "dated", Type: Text, JA: "一覧の日付", EN: "date of the list"},
	{Name: "entry", Type: Text, JA: "該当する行", EN: "entry"},
	{Name: "listed", Type: Name, JA: "照合", EN: "on it", Enum: []string{"yes", "no", "undetermined"}},
}

// ownKinds are lists of addresses that are the organisation's own.
var ownKinds = []string{"nat", "office", "vpn"}

// unread is the result of what cannot be told because a file that might tell it was not read. prefix is
// that of the parts, "database:" or "list:".
func unread(b evidence.Body, ref Ref, prefix string) (result, bool) {
	for _, p := range b.Parts {
		if strings.HasPrefix(p.Name, prefix) && p.Outcome != evidence.Found && p.Outcome != evidence.Empty {
			return result{state: Unknown, gap: Gap{Key: lookGap(b.Kind), Outcome: p.Outcome}, from: []Ref{ref}}, true
		}
	}
	return result{}, false
}

// ofPlaces is the first text that a database has of the address.
func ofPlaces(key Key, get func(evidence.Place) string) func(*view, string) result {
	return ofLooked(evidence.LookAddress, key, nil, func(_ *view, b evidence.Body, ref Ref) result {
		for _, p := range b.Address.Places {
			if s := get(p); s != "" {
				r := known(TextOf(s), ref)
				r.rule = "look-up: " + dated(p.Database, placeDate(p))
				return r
			}
		}
		if r, ok := unread(b, ref, "database:"); ok {
			return r
		}
		return notApplicable(ref)
	})
}

func placeDate(p evidence.Place) string {
	if p.Built == nil {
		return ""
	}
	return p.Built.Format("2006-01-02")
}

// dated names a file with its date.
func dated(name, date string) string {
	if date == "" {
		return name + " (undated)"
	}
	return name + " (" + date + ")"
}

func knowledgePlaces(_ *view, b evidence.Body, ref Ref) result {
	val := Value{Type: Table}
	for _, p := range b.Address.Places {
		row := Row{TextOf(p.Database), {}, TextOf(firstText(p.Name, p.Country)), TextOf(p.City), TextOf(p.ASN), TextOf(p.Org)}
		if p.Built != nil {
			row[1] = TimeOf(*p.Built)
		}
		val.Rows = append(val.Rows, row)
	}
	if len(val.Rows) == 0 {
		return notApplicable(ref)
	}
	return known(val, ref)
}

// knowledgeDisagreements are what the finding and a database say differently. Neither is corrected by
// the other: both are estimates of third parties.
func knowledgeDisagreements(v *view, _ string) result {
	b, ref, why, ok := v.looked(evidence.LookAddress, "knowledge.disagreements")
	if !ok {
		return why
	}
	remote := v.f.Action.Remote
	if !remote.IP.IsValid() || remote.IP.Unmap().String() != b.Address.IP {
		return notApplicable(ref)
	}
	var list []string
	for _, p := range b.Address.Places {
		if remote.Country != "" && p.Country != "" && !sameCountry(p.Country, remote) && !strings.EqualFold(p.Name, remote.Country) {
			list = append(list, "country: GuardDuty "+remote.Country+", "+dated(p.Database, placeDate(p))+" "+firstText(p.Name, p.Country))
		}
		if remote.ASN != "" && p.ASN != "" && p.ASN != remote.ASN {
			list = append(list, "ASN: GuardDuty "+remote.ASN+", "+dated(p.Database, placeDate(p))+" "+p.ASN)
		}
	}
	if len(list) == 0 {
		if r, ok := unread(b, ref, "database:"); ok {
			return r
		}
		return notApplicable(findingRef, ref)
	}
	return known(TextsOf(list, false), findingRef, ref)
}

// ofListings are the lists of some kinds that hold the address or the name. That none does is known
// only if every list was read.
func ofListings(key Key, kinds ...string) func(*view, string) result {
	return func(v *view, _ string) result {
		kind := evidence.LookAddress
		if strings.HasPrefix(string(key), "knowledge.domain_") {
			kind = evidence.LookDomain
		}
		b, ref, why, ok := v.looked(kind, key)
		if !ok {
			return why
		}
		var of []evidence.Listing
		if b.Domain != nil {
			of = b.Domain.Lists
		} else {
			of = b.Address.Lists
		}
		var list []string
		for _, y := range of {
			if y.Entry != "" && slices.Contains(kinds, y.Kind) {
				list = append(list, dated(y.List, y.Date))
			}
		}
		if len(list) == 0 {
			if r, ok := unread(b, ref, "list:"); ok {
				return r
			}
			return notApplicable(ref)
		}
		return listed(list, ref)
	}
}

// listings is the table of all lists.
func listings(b evidence.Body, of []evidence.Listing, ref Ref) result {
	val := Value{Type: Table}
	for _, y := range of {
		said := "no"
		if y.Entry != "" {
			said = "yes"
		} else if p, ok := b.Part("list:" + y.List); ok && p.Outcome != evidence.Empty {
			said = "undetermined"
		}
		kind := y.Kind
		if !slices.Contains(listingColumns[1].Enum, kind) {
			continue
		}
		val.Rows = append(val.Rows, Row{TextOf(y.List), NameOf(kind), TextOf(y.Date), TextOf(y.Entry), NameOf(said)})
	}
	if len(val.Rows) == 0 {
		return notApplicable(ref)
	}
	return known(val, ref)
}
