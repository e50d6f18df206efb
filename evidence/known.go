package evidence

import "time"

// The kinds of look-up in files that an operator keeps: of addresses and of names, and in earlier cases.
const (
	LookAddress  LookupKind = "address"        // an IP address: databases and lists
	LookDomain   LookupKind = "domain"         // a DNS name: lists
	LookNetworks LookupKind = "networks"       // IP addresses, separated by blanks: their ASNs and countries
	CasesOfType  LookupKind = "cases_type"     // earlier cases with a type of finding
	CasesOfActor LookupKind = "cases_actor"    // earlier cases with a principal, by its ARN
	CasesOnThing LookupKind = "cases_resource" // earlier cases on a resource, by its name
	CasesFrom    LookupKind = "cases_address"  // earlier cases from an IP address
	CasesByTool  LookupKind = "cases_tool"     // earlier cases with a family of user agents
)

// CaseKinds are the kinds of look-up in earlier cases.
func CaseKinds() []LookupKind {
	return []LookupKind{CasesOfType, CasesOfActor, CasesOnThing, CasesFrom, CasesByTool}
}

// LookedAddress is what files say of an IP address.
type LookedAddress struct {
	IP     string    `json:"ip"`
	Places []Place   `json:"places,omitempty"` // one a database, in the order of the configuration
	Lists  []Listing `json:"lists,omitempty"`  // one a list, in the order of the configuration
}

// LookedDomain is what lists say of a DNS name.
type LookedDomain struct {
	Name  string    `json:"name"`
	Lists []Listing `json:"lists,omitempty"`
}

// A Place is what one database says of an address; without a record all but the database is empty.
type Place struct {
	Database string     `json:"database"` // name in the configuration
	Type     string     `json:"type"`     // as the file says, such as GeoLite2-ASN
	Built    *time.Time `json:"built,omitempty"`
	SHA256   string     `json:"sha256"`            // of the file
	Country  string     `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Name     string     `json:"country_name,omitempty"`
	City     string     `json:"city,omitempty"`
	ASN      string     `json:"asn,omitempty"` // digits
	Org      string     `json:"org,omitempty"`
}

// A Listing is whether something stands on one list.
type Listing struct {
	List   string `json:"list"`            // name in the configuration
	Kind   string `json:"kind"`            // nat, office, vpn, scanner, threat
	Date   string `json:"date,omitempty"`  // of the list, as it or the configuration says, such as 2025-09-01
	SHA256 string `json:"sha256"`          // of the file
	Entry  string `json:"entry,omitempty"` // the line that matches; empty when none does
}

// A Network is where one of several addresses lies.
type Network struct {
	IP      string `json:"ip"`
	ASN     string `json:"asn,omitempty"`
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2
}

// LookedCases are earlier cases that have something in common with this one.
type LookedCases struct {
	Total int        `json:"total"`           // how many have it
	Cases []PastCase `json:"cases,omitempty"` // the newest of them first
}

// A PastCase is an earlier case as its report tells it.
type PastCase struct {
	ID      string    `json:"case"` // 12 hex digits
	At      time.Time `json:"at"`   // of the finding, UTC
	Type    string    `json:"type"`
	Verdict string    `json:"verdict"`
	Answer  string    `json:"answer,omitempty"` // what the person answered
	Ended   string    `json:"ended,omitempty"`  // how a human ended it, as the operator's list of endings says
}
