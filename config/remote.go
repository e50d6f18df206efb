package config

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"uratori/secret"
)

// Where a source keeps a secret is written as a reference, see package secret; the secret itself
// never stands in the file.
type (
	// AWS says how AWS is reached.
	AWS struct {
		Profile    string `yaml:"profile"`     // of ~/.aws; empty for the environment's credentials
		Region     string `yaml:"region"`      // for calls without a Region of their own
		Role       string `yaml:"role"`        // ARN of the reader role, assumed first; may be empty
		MemberRole string `yaml:"member_role"` // name of the role assumed in every other account
		ExternalID string `yaml:"external_id"` // reference
		Endpoint   string `yaml:"endpoint"`    // of a proxy or private endpoint, instead of AWS's own
		// LookUp are the kinds of thing that are looked up as they are now: account, identity_store_user,
		// access_key, iam_principal, bucket, instance, permission_set, guardduty_investigation. Empty: none.
		LookUp []string `yaml:"look_up"`
		// Logs are the kinds of record whose own log settings are read: vpc_flow, dns, eks_audit,
		// rds_audit, s3_access. Empty: none.
		Logs          []string      `yaml:"logs"`
		Organization  string        `yaml:"organization"` // account that may read AWS Organizations; empty for the reader's own
		IdentityStore IdentityStore `yaml:"identity_store"`
	}
	// IdentityStore is where the users of IAM Identity Center are, and its permission sets.
	IdentityStore struct {
		ID      string `yaml:"id"` // such as d-1234567890
		Account string `yaml:"account"`
		Region  string `yaml:"region"`
	}
	// Splunk is a Splunk that is asked by REST.
	Splunk struct {
		URL      string        `yaml:"url"`      // of the management port
		Token    string        `yaml:"token"`    // reference to an authentication token; or user and password
		User     string        `yaml:"user"`     // name
		Password string        `yaml:"password"` // reference
		CA       string        `yaml:"ca"`       // file of the authority that signed the certificate
		Way      string        `yaml:"way"`      // job, oneshot or export
		Places   []SplunkPlace `yaml:"places"`
		Accept   []string      `yaml:"accept_warnings"` // beginnings of warnings that are harmless
		MaxRows  int           `yaml:"max_rows"`
		Delay    string        `yaml:"delay"`
	}
	// SplunkPlace is where records of a dataset lie.
	SplunkPlace struct {
		Dataset      string            `yaml:"dataset"`
		Index        string            `yaml:"index"`
		Sourcetype   string            `yaml:"sourcetype"`
		AccountField string            `yaml:"account_field"` // indexed field that holds the account
		Record       string            `yaml:"record"`        // path of the record inside the event
		Fields       map[string]string `yaml:"fields"`        // field -> path, where a sourcetype of one's own differs
	}
	// CloudTrail is event history, asked by LookupEvents.
	CloudTrail struct {
		Accounts []string `yaml:"accounts"` // asked accounts; empty for all under accounts:
		Pages    int      `yaml:"pages"`    // of 50 events, for one question
		Store    string   `yaml:"store"`    // file that keeps what was fetched; empty for a temporary one
	}
	// Athena is one table.
	Athena struct {
		Region    string   `yaml:"region"`
		Catalog   string   `yaml:"catalog"`
		Database  string   `yaml:"database"`
		Table     string   `yaml:"table"`
		Workgroup string   `yaml:"workgroup"`
		Output    string   `yaml:"output"` // s3:// folder of results, where the workgroup names none
		Layout    string   `yaml:"layout"` // detect, trail, ocsf1 or ocsf2
		Kinds     []string `yaml:"kinds"`
		ScanAll   bool     `yaml:"scan_all"` // ask a table without a partition in time
		MaxBytes  int64    `yaml:"max_bytes"`
		Retention string   `yaml:"retention"`
		Delay     string   `yaml:"delay"`

		// Accounts and Regions that the table holds; empty for those at the top of the file.
		Accounts    []string    `yaml:"accounts"`
		Regions     []string    `yaml:"regions"`
		Partitions  []Partition `yaml:"partitions"` // where the table's description does not tell them
		Late        string      `yaml:"late"`       // after its event a record may be delivered
		MaxRows     int         `yaml:"max_rows"`
		Timeout     string      `yaml:"timeout"` // of one query
		Concurrency int         `yaml:"concurrency"`
	}
	// Partition is one or more columns that divide a table by one thing.
	Partition struct {
		Columns  []string `yaml:"columns"`
		By       string   `yaml:"by"`       // account, region, delivery or event_time
		Formats  []string `yaml:"formats"`  // of delivery: one for each column, such as yyyy/MM/dd
		Injected bool     `yaml:"injected"` // its values must be named in every query
	}
	// Entra is the sign-in log of a tenant, asked by Microsoft Graph.
	Entra struct {
		Tenant         string `yaml:"tenant"`
		ClientID       string `yaml:"client_id"`
		Secret         string `yaml:"client_secret"` // reference
		Endpoint       string `yaml:"endpoint"`      // of Graph, for national clouds
		TokenURL       string `yaml:"token_url"`
		NonInteractive bool   `yaml:"non_interactive"`
		Retention      string `yaml:"retention"`
		Delay          string `yaml:"delay"`
		MaxPages       int    `yaml:"max_pages"` // of 1000 sign-ins, for one question
	}
)

// lookUps are the kinds of thing that AWS can look up.
var lookUps = []string{"account", "identity_store_user", "access_key", "iam_principal", "bucket", "instance", "permission_set", "guardduty_investigation"}

// logSettings are the kinds of record of which AWS tells whether their log is on.
var logSettings = []string{"vpc_flow", "dns", "eks_audit", "rds_audit", "s3_access"}

// sourceTypes are the types of source.
var sourceTypes = []string{"local", "splunk", "cloudtrail", "athena", "entra"}

// secretSchemes are where secrets may be kept.
var secretSchemes = []string{"env", "file", "ssm", "awssm"}

// Secrets are all references to secrets, in the order of the file.
func (c Config) Secrets() []string {
	list := []string{c.AWS.ExternalID}
	for _, s := range c.Sources {
		if s.Splunk != nil {
			list = append(list, s.Splunk.Token, s.Splunk.Password)
		}
		if s.Entra != nil {
			list = append(list, s.Entra.Secret)
		}
	}
	return slices.DeleteFunc(list, func(ref string) bool { return ref == "" })
}

var (
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	roleName   = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`)
	splunkName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_:.-]{0,127}$`)
	sqlName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$`)
	storeID    = regexp.MustCompile(`^(d-[0-9a-f]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	fieldPath  = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

func (k *checker) aws(a AWS) {
	if a.Region != "" {
		k.region("$.aws.region", a.Region)
	}
	if a.Role != "" && !roleARN.MatchString(a.Role) {
		k.fail("$.aws.role", "%q is no ARN of a role, such as arn:aws:iam::111122223333:role/uratori-reader", a.Role)
	}
	if a.MemberRole != "" && !roleName.MatchString(a.MemberRole) {
		k.fail("$.aws.member_role", "%q is no name of a role; write the name alone, such as uratori-member", a.MemberRole)
	}
	for i, kind := range a.LookUp {
		k.among(index("$.aws.look_up", i, ""), "kind of look-up", kind, lookUps...)
	}
	for i, kind := range a.Logs {
		k.among(index("$.aws.logs", i, ""), "kind of log", kind, logSettings...)
	}
	if a.Organization != "" {
		k.account("$.aws.organization", a.Organization)
	}
	if a.IdentityStore.Account != "" {
		k.account("$.aws.identity_store.account", a.IdentityStore.Account)
	}
	if a.IdentityStore.Region != "" {
		k.region("$.aws.identity_store.region", a.IdentityStore.Region)
	}
	if id := a.IdentityStore.ID; id != "" && !storeID.MatchString(id) || id == "" && (slices.Contains(a.LookUp, "identity_store_user") || slices.Contains(a.LookUp, "permission_set")) {
		k.fail("$.aws.identity_store", "%q is no id of an identity store, such as d-1234567890", id)
	}
	k.secret("$.aws.external_id", a.ExternalID, false)
	k.address("$.aws.endpoint", a.Endpoint, false)
}

// secret checks a reference. A text that is none may be the secret itself: it is not repeated.
func (k *checker) secret(path, ref string, needed bool) {
	if ref == "" {
		if needed {
			k.fail(path, "a reference to a secret is missing; write where it is kept, such as env:NAME or file:PATH")
		}
		return
	}
	if err := secret.Check(ref, secretSchemes); err != nil {
		k.hidden(path, err.Error())
	}
}

// address checks the address of a service: https, or http on this machine alone.
func (k *checker) address(path, text string, needed bool) {
	if text == "" {
		if needed {
			k.fail(path, "the address is missing, such as https://splunk.example.co.jp:8089")
		}
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		k.fail(path, "%q is no address such as https://splunk.example.co.jp:8089", text)
	case u.User != nil:
		k.hidden(path, "an address holds no user and password; write references to them in keys of their own")
	case u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()):
		k.fail(path, "%q is not encrypted; write https", text)
	}
}

func (k *checker) length(path, text string) {
	if text == "" {
		return
	}
	if _, err := Length(text); err != nil {
		k.fail(path, "%q is no length of time; write such as \"15m\", \"24h\" or \"90d\"", text)
	}
}

// Length is a length of time as the file writes it: as Go does, or in whole days such as "90d".
func Length(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(text)
}

// remote checks a source that is not local: it has the block of its type, and no other.
func (k *checker) remote(path string, s Source, c Config) {
	blocks := map[string]bool{"splunk": s.Splunk != nil, "cloudtrail": s.CloudTrail != nil, "athena": s.Athena != nil, "entra": s.Entra != nil}
	for _, name := range sourceTypes {
		if blocks[name] && name != s.Type {
			k.fail(path+"."+name, "source %q is of type %s; a block %s: belongs to a source of that type", s.Name, s.Type, name)
		}
	}
	if s.Type == "local" {
		if s.Timeout != "" {
			k.fail(path+".timeout", "source %q reads files; timeout belongs to a source that asks a service", s.Name)
		}
		return
	}
	if d, err := Length(s.Timeout); s.Timeout != "" && (err != nil || d <= 0) {
		k.fail(path+".timeout", "%q is no length of time; write such as \"30s\"", s.Timeout)
	}
	if len(s.Logs) > 0 || s.Store != "" {
		k.fail(path, "logs and store belong to a source of type local; source %q is of type %s", s.Name, s.Type)
	}
	if !blocks[s.Type] {
		k.fail(path, "source %q needs a block %s: that says how it is reached", s.Name, s.Type)
		return
	}
	path += "." + s.Type
	switch s.Type {
	case "splunk":
		k.splunk(path, *s.Splunk)
	case "cloudtrail":
		k.cloudtrail(path, *s.CloudTrail, c)
	case "athena":
		k.athena(path, *s.Athena, c)
	case "entra":
		k.entra(path, *s.Entra)
	}
}

func (k *checker) splunk(path string, s Splunk) {
	k.address(path+".url", s.URL, true)
	switch {
	case s.Token != "" && (s.User != "" || s.Password != ""):
		k.fail(path+".token", "write a token, or a user and a password, not both")
	case s.Token != "":
		k.secret(path+".token", s.Token, true)
	case s.User == "":
		k.fail(path, "how to log in is missing: write token: env:NAME, or user: and password:")
	default:
		k.secret(path+".password", s.Password, true)
	}
	if s.Way != "" {
		k.among(path+".way", "way", s.Way, "job", "oneshot", "export")
	}
	if len(s.Places) == 0 {
		k.fail(path, "no places are named; write the index and sourcetype of each dataset")
	}
	for i, p := range s.Places {
		at := func(member string) string { return index(path+".places", i, member) }
		k.among(at("dataset"), "dataset", p.Dataset, datasets...)
		for _, n := range []struct{ member, name string }{{"index", p.Index}, {"sourcetype", p.Sourcetype}} {
			if !splunkName.MatchString(n.name) {
				k.fail(at(n.member), "%q is no name of an %s; it is written in full, without wildcards", n.name, n.member)
			}
		}
		if p.AccountField != "" && !fieldPath.MatchString(p.AccountField) {
			k.fail(at("account_field"), "%q is no name of a field", p.AccountField)
		}
		if p.Record != "" && !fieldPath.MatchString(p.Record) {
			k.fail(at("record"), "%q is no path such as detail", p.Record)
		}
		for _, field := range slices.Sorted(maps.Keys(p.Fields)) {
			to := p.Fields[field]
			if !fieldPath.MatchString(to) {
				k.fail(at("fields"), "field %s: %q is no path such as userIdentity.arn", field, to)
			}
		}
	}
	if s.MaxRows < 0 {
		k.fail(path+".max_rows", "%d is no number of rows", s.MaxRows)
	}
	k.length(path+".delay", s.Delay)
}

func (k *checker) cloudtrail(path string, s CloudTrail, c Config) {
	for i, id := range s.Accounts {
		k.account(index(path+".accounts", i, ""), id)
	}
	if len(s.Accounts) == 0 && len(c.Accounts) == 0 {
		k.fail(path, "no account is named, here or under accounts:; event history is asked account by account")
	}
	if len(c.Regions) == 0 {
		k.fail(path, "no Regions are named; write regions: [ap-northeast-1, us-east-1] at the top: event history is asked Region by Region")
	}
	if s.Pages < 0 {
		k.fail(path+".pages", "%d is no number of pages", s.Pages)
	}
}

func (k *checker) athena(path string, s Athena, c Config) {
	if s.Region != "" {
		k.region(path+".region", s.Region)
	} else if c.AWS.Region == "" {
		k.fail(path, "the Region of Athena is missing, here or under aws:")
	}
	for _, n := range []struct{ member, name string }{{"database", s.Database}, {"table", s.Table}} {
		if !sqlName.MatchString(n.name) {
			k.fail(path+"."+n.member, "%q is no name of a %s", n.name, n.member)
		}
	}
	if s.Output != "" && !strings.HasPrefix(s.Output, "s3://") {
		k.fail(path+".output", "%q is no place such as s3://bucket/folder/", s.Output)
	}
	if s.Layout != "" {
		k.among(path+".layout", "layout", s.Layout, "detect", "trail", "ocsf1", "ocsf2")
	}
	for i, kind := range s.Kinds {
		k.among(index(path+".kinds", i, ""), "kind of record", kind, kinds...)
	}
	if s.MaxBytes < 0 || s.ScanAll && s.MaxBytes == 0 {
		k.fail(path, "scan_all reads the whole table for each question; bound it with max_bytes")
	}
	k.length(path+".retention", s.Retention)
	k.length(path+".delay", s.Delay)
	k.length(path+".late", s.Late)
	k.length(path+".timeout", s.Timeout)
	for i, id := range s.Accounts {
		k.account(index(path+".accounts", i, ""), id)
	}
	for i, r := range s.Regions {
		k.region(index(path+".regions", i, ""), r)
	}
	for i, p := range s.Partitions {
		k.partition(index(path+".partitions", i, ""), p)
	}
	if s.MaxRows < 0 {
		k.fail(path+".max_rows", "%d is no number of rows", s.MaxRows)
	}
	if s.Concurrency < 0 {
		k.fail(path+".concurrency", "%d is no number of questions", s.Concurrency)
	}
}

var dateFormat = regexp.MustCompile(`^(yyyy|MM|M|dd|d|HH)([/-]?(MM|dd|HH))*$`)

func (k *checker) partition(path string, p Partition) {
	k.among(path+".by", "meaning of a partition", p.By, "account", "region", "delivery", "event_time")
	for i, c := range p.Columns {
		if !sqlName.MatchString(c) {
			k.fail(index(path+".columns", i, ""), "%q is no name of a column", c)
		}
	}
	for i, f := range p.Formats {
		if !dateFormat.MatchString(f) {
			k.fail(index(path+".formats", i, ""), "%q is no format of a date, such as yyyy/MM/dd", f)
		}
	}
	switch {
	case len(p.Columns) == 0:
		k.fail(path, "a partition needs columns, such as columns: [timestamp]")
	case p.By == "delivery" && len(p.Formats) != len(p.Columns):
		k.fail(path, "a partition by delivery needs one format for each of its columns, such as formats: [yyyy/MM/dd]")
	case p.By != "delivery" && len(p.Formats) > 0:
		k.fail(path+".formats", "formats belong to a partition by delivery")
	case p.By != "delivery" && len(p.Columns) > 1:
		k.fail(path+".columns", "a partition by %s has one column", p.By)
	}
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (k *checker) entra(path string, s Entra) {
	if s.Tenant == "" || strings.ContainsAny(s.Tenant, "/?#% ") {
		k.fail(path+".tenant", "%q is no tenant; write its id or its domain, such as example.onmicrosoft.com", s.Tenant)
	}
	if !guid.MatchString(s.ClientID) {
		k.fail(path+".client_id", "%q is no id of an application, such as 00000000-0000-4000-8000-000000000000", s.ClientID)
	}
	k.secret(path+".client_secret", s.Secret, true)
	k.address(path+".endpoint", s.Endpoint, false)
	k.address(path+".token_url", s.TokenURL, false)
	k.length(path+".retention", s.Retention)
	k.length(path+".delay", s.Delay)
	if s.MaxPages < 0 {
		k.fail(path+".max_pages", "%d is no number of pages", s.MaxPages)
	}
}
