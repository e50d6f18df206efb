// Package config reads the one file of settings, uratori.yaml, and shows people where it is wrong.
//
// What it returns is plain values, checked: every zone exists, every network parses, every
// name that is referred to is defined. Without a file the defaults work.
package config

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"uratori/calendar"
	"uratori/strictyaml"
)

//go:embed example.yaml
var example []byte

// Example is a commented file that shows every key; it passes [Parse] itself.
func Example() []byte { return example }

// A Config is the whole configuration.
type Config struct {
	Dir            string // of the file: what relative paths in it are relative to; "" without a file
	Language       string // ja, en or "" when the file does not say
	Calendar       calendar.Config
	Accounts       []Account
	Environments   []Environment
	People         People
	IdentityCenter IdentityCenter
	Regions        []string // that are in use; what is asked Region by Region is asked there
	AWS            AWS
	Networks       []Network
	Knowledge      Knowledge
	Calendars      []GroupCalendar
	PastCases      PastCases
	Automation     []Automation
	Sources        []Source
	Order          map[string][]string // dataset -> names of sources, first asked first
	Compare        *int                // questions of a dataset that are asked of a second source; nil when the file does not say
	Accepted       []AcceptedGap
	Changes        []Change
	Playbooks      string // folder laid over the default playbooks
	Policy         string // file instead of the default policy
	Budget         Budget
}

// The parts of the configuration, as they stand in the file.
type (
	// Account is an AWS account.
	Account struct {
		ID          string `yaml:"id"`
		Name        string `yaml:"name"`
		Environment string `yaml:"environment"` // production, staging, development, sandbox, management, other
		Owner       string `yaml:"owner"`
	}
	// Environment says which environment an account is of: by its id, by a tag of it or the name of an
	// organisational unit that it lies in. A tag says so of a bucket or an instance, too.
	Environment struct {
		Account     string `yaml:"account"` // one of account, tag with value, ou
		Tag         string `yaml:"tag"`
		Value       string `yaml:"value"`
		OU          string `yaml:"ou"`
		Environment string `yaml:"environment"` // as of accounts
	}
	// People are the humans behind principals.
	People struct {
		ContractorPrefixes []string `yaml:"contractor_prefixes"`
		List               string   `yaml:"list"` // CSV of people, see package people; may be empty
		Known              []Person `yaml:"known"`
	}
	// Person is one of them.
	Person struct {
		UPN               string `yaml:"upn"`
		IdentityStoreUser string `yaml:"identity_store_user"` // what CloudTrail records as onBehalfOf.userId
		ObjectID          string `yaml:"object_id"`
		DisplayName       string `yaml:"display_name"`
		Department        string `yaml:"department"`
		Contractor        *bool  `yaml:"contractor"` // left out, the prefix of the upn decides
		Sponsor           string `yaml:"sponsor"`
		Enabled           *bool  `yaml:"enabled"`
	}
	// IdentityCenter says where IAM Identity Center's own events are recorded.
	IdentityCenter struct {
		Account string `yaml:"account"`
		Region  string `yaml:"region"`
	}
	// Network is a known address range.
	Network struct {
		Name string `yaml:"name"`
		CIDR string `yaml:"cidr"`
		Kind string `yaml:"kind"` // office, vpn, nat, scanner
	}
	// Automation is a principal that acts without a human.
	Automation struct {
		ARN  string `yaml:"arn"` // exact, of the principal or of the role whose session it is
		Name string `yaml:"name"`
	}
	// Source is a place that answers questions. A type other than local has a block of its name.
	Source struct {
		Name       string      `yaml:"name"`
		Type       string      `yaml:"type"` // local, splunk, cloudtrail, athena, entra
		Logs       []string    `yaml:"logs"`
		Store      string      `yaml:"store"`
		Timeout    string      `yaml:"timeout"` // of one request to a service; empty for the source's own
		Coverage   []Coverage  `yaml:"coverage"`
		Script     []Step      `yaml:"script"`
		Splunk     *Splunk     `yaml:"splunk"`
		CloudTrail *CloudTrail `yaml:"cloudtrail"`
		Athena     *Athena     `yaml:"athena"`
		Entra      *Entra      `yaml:"entra"`
	}
	// Coverage asserts what a source collects, or does not.
	Coverage struct {
		Kind    string `yaml:"kind"`
		Account string `yaml:"account"`
		Region  string `yaml:"region"`
		State   string `yaml:"state"` // collected, not_collected, unknown
		Why     string `yaml:"why"`   // asserted, not_held, retention
		From    string `yaml:"from"`
		To      string `yaml:"to"`
	}
	// Step makes a source misbehave, for rehearsals.
	Step struct {
		Dataset string `yaml:"dataset"`
		Calls   string `yaml:"calls"`   // which calls of the dataset: "1", "1-3" or "2-", counted from 1
		Outcome string `yaml:"outcome"` // failed, denied, throttled
		Reason  string `yaml:"reason"`
	}
	// AcceptedGap is a kind of record that was decided not to be collected.
	AcceptedGap struct {
		Dataset  string    `yaml:"dataset"`
		Accounts []string  `yaml:"accounts"`
		Reason   string    `yaml:"reason"`
		Approver string    `yaml:"approver"`
		Until    string    `yaml:"until"`
		End      time.Time `yaml:"-"` // Until as an instant, UTC: the beginning of the day after, in the configured zone
	}
	// Change is one that was announced: what may be changed, by whom, and when.
	Change struct {
		ID        string    `yaml:"id"`        // of the ticket
		From      string    `yaml:"from"`      // RFC 3339
		Until     string    `yaml:"until"`     // RFC 3339: ends before this instant
		Accounts  []string  `yaml:"accounts"`  // empty: all
		APIs      []string  `yaml:"apis"`      // such as PutBucketLogging or s3:PutBucketLogging
		Actors    []string  `yaml:"actors"`    // user or role names, session names, ARNs; empty: all
		Resources []string  `yaml:"resources"` // names or ids; empty: all
		Approver  string    `yaml:"approver"`
		Begin     time.Time `yaml:"-"` // From, UTC
		End       time.Time `yaml:"-"` // Until, UTC
	}
	// Budget bounds one investigation. A bound that the file does not give is 0 or "" here.
	Budget struct {
		Calls  int64
		Pages  int64
		Rows   int64
		Bytes  int64
		Wall   string           // a positive time.Duration, such as "10m"
		APIs   map[string]int64 // calls by API, such as "cloudtrail:LookupEvents"
		PerDay *DayBudget       // nil for none
	}
	// DayBudget bounds all investigations of a day (UTC) together.
	DayBudget struct {
		Calls int64
		Pages int64
		Rows  int64
		Bytes int64
		Wall  string // of all investigations added up; a positive time.Duration
		APIs  map[string]int64
		Dir   string // where the count is kept, so that several processes share it
	}
)

// hours and holidays are when people work, as the file says it.
type (
	hours struct {
		From string   `yaml:"from"`
		To   string   `yaml:"to"`
		Days []string `yaml:"days"`
	}
	holidays struct {
		Country string `yaml:"country"`
		Extra   []struct {
			Date string `yaml:"date"`
			JA   string `yaml:"ja"`
			EN   string `yaml:"en"`
		} `yaml:"extra"`
	}
)

// file is the form of the file.
type file struct {
	Language       string              `yaml:"language"`
	Zone           string              `yaml:"zone"`
	Hours          hours               `yaml:"hours"`
	Holidays       holidays            `yaml:"holidays"`
	Accounts       []Account           `yaml:"accounts"`
	Environments   []Environment       `yaml:"environments"`
	People         People              `yaml:"people"`
	IdentityCenter IdentityCenter      `yaml:"identity_center"`
	Regions        []string            `yaml:"regions"`
	AWS            AWS                 `yaml:"aws"`
	Networks       []Network           `yaml:"networks"`
	Knowledge      Knowledge           `yaml:"knowledge"`
	Calendars      []calendarOf        `yaml:"calendars"`
	PastCases      PastCases           `yaml:"past_cases"`
	Automation     []Automation        `yaml:"automation"`
	Sources        []Source            `yaml:"sources"`
	Order          map[string][]string `yaml:"order"`
	Compare        *int                `yaml:"compare"`
	AcceptedGaps   []AcceptedGap       `yaml:"accepted_gaps"`
	Changes        []Change            `yaml:"changes"`
	Playbooks      string              `yaml:"playbooks"`
	Policy         string              `yaml:"policy"`
	Budget         struct {
		Calls any    `yaml:"calls"` // any: a whole number is checked by hand, since 1.5 would become 1
		Pages any    `yaml:"pages"`
		Rows  any    `yaml:"rows"`
		Bytes any    `yaml:"bytes"`
		Wall  string `yaml:"wall"`
		APIs  apis   `yaml:"apis"`
		Day   *struct {
			Calls any    `yaml:"calls"`
			Pages any    `yaml:"pages"`
			Rows  any    `yaml:"rows"`
			Bytes any    `yaml:"bytes"`
			Wall  string `yaml:"wall"`
			APIs  apis   `yaml:"apis"`
			Dir   string `yaml:"dir"`
		} `yaml:"per_day"`
	} `yaml:"budget"`
}

// apis are bounds on calls by API.
type apis map[string]any

// Load reads a file. Relative paths in it are relative to its folder.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	c, err := Parse(path, data)
	c.Dir = filepath.Dir(path)
	return c, err
}

// Path is a path of the file made relative to where the program runs.
func (c Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// Default is the configuration without a file: nothing is known of accounts and people.
func Default() Config { return Config{} }

// Parse reads and checks a configuration. Errors name the place in the file.
func Parse(name string, data []byte) (Config, error) {
	var f file
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return Config{}, err
	}
	k := checker{name: name, data: data}
	c := Config{
		Language: f.Language, Accounts: f.Accounts, Environments: f.Environments, People: f.People, IdentityCenter: f.IdentityCenter, Regions: f.Regions, AWS: f.AWS, Networks: f.Networks,
		Automation: f.Automation, Sources: f.Sources, Order: f.Order, Compare: f.Compare, Accepted: f.AcceptedGaps, Changes: f.Changes, Playbooks: f.Playbooks, Policy: f.Policy,
	}
	k.language(f.Language)
	c.Calendar = k.calendar(f)
	k.accounts(c)
	k.environments(c)
	c.Knowledge, c.PastCases = f.Knowledge, f.PastCases
	c.Calendars = k.calendars(f.Calendars)
	k.knowledge(c.Knowledge)
	k.pastCases(c.PastCases)
	k.people(c.People)
	k.regions(c.Regions)
	k.networks(c)
	k.aws(c.AWS)
	k.sources(c)
	k.order(c)
	if c.Compare != nil && (*c.Compare < 0 || *c.Compare > 100) {
		k.fail("$.compare", "%d is no number of questions; write 0 to 100", *c.Compare)
	}
	k.gaps(&c)
	k.changes(c.Changes)
	c.Budget = k.budget(f)
	if k.err != nil {
		return Config{}, k.err
	}
	return c, nil
}
