package fact

import (
	"time"

	"uratori/calendar"
)

// Settings are what the configuration says about the world the finding is in.
// They are kept as an item of evidence, so that every fact can be recomputed.
type Settings struct {
	Calendar           calendar.Config
	Calendars          []GroupCalendar `json:",omitempty"` // of those who do not keep Calendar; the first that fits
	Accounts           []Account
	Environments       []EnvironmentRule `json:",omitempty"` // for accounts that are not named
	ContractorPrefixes []string          // such as "ext-", at the beginning of a user principal name
	People             []Person
	IdentityCenter     IdentityCenter
	Networks           []Network
	Automation         []Automation
	Accepted           []AcceptedGap
	Changes            []Change `json:",omitempty"` // announced by the operator
}

// An Account is an AWS account as the configuration knows it.
type Account struct {
	ID          string
	Name        string
	Environment string // production, staging, development, sandbox, management, other
	Owner       string
}

// A Person is a human as the configuration knows them.
type Person struct {
	UPN               string
	IdentityStoreUser string // userIdentity.onBehalfOf.userId
	ObjectID          string
	DisplayName       string
	Department        string
	Contractor        *bool // nil: by prefix
	Sponsor           string
	Enabled           *bool // nil: not known
}

// IdentityCenter says where IAM Identity Center's own events are recorded.
type IdentityCenter struct {
	Account string
	Region  string
}

// A Network is an address range that we know.
type Network struct {
	Name string
	CIDR string
	Kind string // office, vpn, nat, scanner
}

// An Automation is a principal known to act without a human.
type Automation struct {
	ARN  string // exact ARN of the principal or of the session issuer
	Name string
}

// An AcceptedGap is a kind of record that the organisation decided not to collect.
type AcceptedGap struct {
	Kind     string   // such as "s3_data"
	Accounts []string // account ids; empty means all
	Reason   string
	Approver string
	Until    time.Time // the acceptance ends at this instant, UTC
}

// A Change is one that was announced: a ticket, with what it may do and when.
type Change struct {
	ID        string    // of the ticket, such as "CHG-1042"
	From      time.Time // it may begin then, UTC
	Until     time.Time // and ends before this instant, UTC
	Accounts  []string  // account ids; empty means all
	APIs      []string  // such as "PutBucketLogging" or "s3:PutBucketLogging"; empty means all
	Actors    []string  // user or role names, session names or ARNs; empty means all
	Resources []string  // names or ids of what is changed; empty means all
	Approver  string
}
