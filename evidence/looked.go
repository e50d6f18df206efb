package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A LookupKind says what is looked up.
type LookupKind string

// The kinds of look-up. The comment says what the key is.
const (
	LookAccount   LookupKind = "account"             // an AWS account: 12 digits
	LookUser      LookupKind = "identity_store_user" // userIdentity.onBehalfOf.userId
	LookKey       LookupKind = "access_key"          // id of a long-term access key, AKIA...
	LookPrincipal LookupKind = "iam_principal"       // ARN of an IAM user or role
	LookPerson    LookupKind = "person"              // user principal name
	LookBucket    LookupKind = "bucket"              // name of an S3 bucket
	LookInstance  LookupKind = "instance"            // id of an EC2 instance, i-...
	// LookInvestigation is what GuardDuty's own investigation of a finding says, by the finding's id.
	LookInvestigation LookupKind = "guardduty_investigation"
	// LookPermissionSet is a permission set of IAM Identity Center by its name, as it is in one account.
	LookPermissionSet LookupKind = "permission_set"
)

var lookupKinds = []LookupKind{
	LookAccount, LookUser, LookKey, LookPrincipal, LookPerson, LookBucket, LookInstance, LookInvestigation,
	LookPermissionSet,
	LookAddress, LookDomain, LookNetworks, CasesOfType, CasesOfActor, CasesOnThing, CasesFrom, CasesByTool,
}

// LookupKinds are all kinds of look-up.
func LookupKinds() []LookupKind { return slices.Clone(lookupKinds) }

// A Lookup asks what is known about one thing now: unlike a question to a log it has no window.
type Lookup struct {
	Kind    LookupKind
	Key     string // see the kind; may be hostile text
	Account string // the account it lies in, 12 digits; "" where the kind needs none
	Region  string // the Region it lies in; "" where the kind needs none
	Case    string // of look-ups in earlier cases: the case that asks, 12 hex digits, which never counts itself
}

// A Looked is what came of a look-up.
type Looked struct {
	Outcome Outcome   // Found, Empty (proven not to exist), Denied, Throttled, Failed or NotCollected (nobody can tell)
	Native  string    // the calls, as anyone could make them; no secret in it
	Reason  string    // for people, when there is no answer
	Body    Body      // set when Found
	Taken   time.Time // when it was answered, UTC; not part of the hash
	Calls   int       // calls made for it, retries included; 0 when it was remembered; not part of the hash
	Bytes   int64     // received; not part of the hash
}

// lookedSchema is the version of the form of bodies.
const lookedSchema = "uratori.looked/1"

// A Body is what a look-up found: the key, which of the calls answered, and one of the records.
// It holds no time at which it was taken: what was seen is the evidence, not when.
type Body struct {
	Schema        string               `json:"schema"`
	Kind          LookupKind           `json:"kind"`
	Key           string               `json:"key"`
	Parts         []Part               `json:"parts,omitempty"` // in order of their names
	Account       *LookedAccount       `json:"account,omitempty"`
	Bucket        *LookedBucket        `json:"bucket,omitempty"`
	Instance      *LookedInstance      `json:"instance,omitempty"`
	Investigation *LookedInvestigation `json:"investigation,omitempty"`
	AccessKey     *LookedKey           `json:"access_key,omitempty"`
	Person        *LookedPerson        `json:"person,omitempty"`
	PermissionSet *LookedPermissionSet `json:"permission_set,omitempty"`
	Principal     *LookedPrincipal     `json:"principal,omitempty"`
	User          *LookedUser          `json:"user,omitempty"`
	Address       *LookedAddress       `json:"address,omitempty"`
	Domain        *LookedDomain        `json:"domain,omitempty"`
	Networks      []Network            `json:"networks,omitempty"` // in order of the addresses
	Cases         *LookedCases         `json:"cases,omitempty"`
}

// A Part is one of the calls that a look-up is made of. A record's members are told only by
// the parts that answered: a list is empty, and not unknown, only if its part is Found or Empty.
type Part struct {
	Name    string // the API, such as "s3:GetBucketPolicyStatus"
	Outcome Outcome
	Reason  string
}

type partForm struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
}

// MarshalJSON prints the outcome by its name.
func (p Part) MarshalJSON() ([]byte, error) {
	return json.Marshal(partForm{Name: p.Name, Outcome: p.Outcome.String(), Reason: exact(p.Reason)})
}

// UnmarshalJSON reads what MarshalJSON printed.
func (p *Part) UnmarshalJSON(data []byte) error {
	var f partForm
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	o, ok := OutcomeNamed(f.Outcome)
	if !ok {
		return fmt.Errorf("part %q of a look-up has the unknown outcome %q", f.Name, f.Outcome)
	}
	*p = Part{Name: f.Name, Outcome: o, Reason: f.Reason}
	return nil
}

// A Tag is a label that somebody put on a resource; both may be hostile text.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A LookedAccount is an AWS account of the organisation.
type LookedAccount struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Joined *time.Time `json:"joined,omitempty"`
	Status string     `json:"status,omitempty"` // as AWS says it, such as ACTIVE
	Tags   []Tag      `json:"tags,omitempty"`   // by key
	OUs    []string   `json:"ous,omitempty"`    // names of the organisational units it lies in, the outermost first, without the root
}

// A LookedUser is a user of the Identity Store of IAM Identity Center.
type LookedUser struct {
	ID          string       `json:"id"`
	UserName    string       `json:"user_name"` // with Entra ID as the provider: the user principal name
	DisplayName string       `json:"display_name,omitempty"`
	Email       string       `json:"email,omitempty"` // the primary one
	Title       string       `json:"title,omitempty"`
	UserType    string       `json:"user_type,omitempty"`
	Status      string       `json:"status,omitempty"`       // ENABLED or DISABLED, where AWS tells
	ExternalIDs []ExternalID `json:"external_ids,omitempty"` // by issuer
}

// An ExternalID is what an outside directory calls a user.
type ExternalID struct {
	ID     string `json:"id"`
	Issuer string `json:"issuer"`
}

// A LookedKey is a long-term access key of an IAM user.
type LookedKey struct {
	UserName        string     `json:"user_name"`
	Status          string     `json:"status,omitempty"` // Active, Inactive or Expired
	Created         *time.Time `json:"created,omitempty"`
	LastUsed        *time.Time `json:"last_used,omitempty"`         // nil: AWS holds no use of it
	LastUsedService string     `json:"last_used_service,omitempty"` // such as s3
	LastUsedRegion  string     `json:"last_used_region,omitempty"`
	OtherKeys       int        `json:"other_keys"` // further keys of the same user
}

// A LookedPrincipal is an IAM user or role with its policies.
type LookedPrincipal struct {
	ARN        string     `json:"arn"`
	Type       string     `json:"type"` // user or role
	Name       string     `json:"name"`
	Created    *time.Time `json:"created,omitempty"`
	LastUsed   *time.Time `json:"last_used,omitempty"` // roles: RoleLastUsed; users: PasswordLastUsed
	Attached   []string   `json:"attached,omitempty"`  // ARNs of attached policies, sorted; of a user's groups too
	Inline     []string   `json:"inline,omitempty"`    // names of inline policies, sorted; those of a group as group/policy
	Groups     []string   `json:"groups,omitempty"`    // users: names of groups, sorted
	Boundary   string     `json:"boundary,omitempty"`  // ARN of the permissions boundary
	Tags       []Tag      `json:"tags,omitempty"`
	MaxSession int        `json:"max_session_seconds,omitempty"`
}

// A LookedPermissionSet is a permission set of IAM Identity Center as it is now, and who is assigned to
// it in one account. IAM Identity Center makes a role of it in the account.
type LookedPermissionSet struct {
	ARN         string   `json:"arn"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`      // hostile text
	Duration    string   `json:"session_duration,omitempty"` // of sessions, in ISO 8601 as AWS says it, such as PT8H
	Attached    []string `json:"attached,omitempty"`         // ARNs of AWS's managed policies, sorted
	Customer    []string `json:"customer,omitempty"`         // paths and names of customer managed policies, such as /team/limit, sorted
	Inline      bool     `json:"inline"`                     // it has an inline policy
	Boundary    string   `json:"boundary,omitempty"`         // of permissions: an ARN of AWS's, or path and name of a customer managed policy
	Users       []string `json:"users,omitempty"`            // ids of the Identity Store users assigned by themselves, sorted
	Groups      []string `json:"groups,omitempty"`           // ids of the groups assigned, sorted
}

// A LookedPerson is a human as a directory or a list of people knows them.
type LookedPerson struct {
	UPN               string     `json:"upn"`
	ObjectID          string     `json:"object_id,omitempty"`
	IdentityStoreUser string     `json:"identity_store_user,omitempty"`
	DisplayName       string     `json:"display_name,omitempty"`
	Department        string     `json:"department,omitempty"`
	Company           string     `json:"company,omitempty"`
	Title             string     `json:"title,omitempty"`
	EmployeeType      string     `json:"employee_type,omitempty"`
	Contractor        *bool      `json:"contractor,omitempty"` // nil: not known
	Sponsor           string     `json:"sponsor,omitempty"`    // who answers for them: the manager, or a contractor's sponsor
	Enabled           *bool      `json:"enabled,omitempty"`    // nil: not known
	Starts            *time.Time `json:"starts,omitempty"`     // first moment of the employment
	Gone              *time.Time `json:"gone,omitempty"`       // the moment from which the person is gone; nil: none is stated
}

// A LookedBucket is an S3 bucket as it is set now.
type LookedBucket struct {
	Name         string       `json:"name"`
	Region       string       `json:"region,omitempty"`
	Versioning   string       `json:"versioning,omitempty"` // Enabled, Suspended; "" never enabled
	Tags         []Tag        `json:"tags,omitempty"`
	Block        *BlockPublic `json:"block,omitempty"`         // nil: the bucket has none of its own
	AccountBlock *BlockPublic `json:"account_block,omitempty"` // of the account that owns it; nil: the account has none
	PolicyPublic *bool        `json:"policy_public,omitempty"`
	PublicGrants []string     `json:"public_grants,omitempty"` // permissions that its ACL gives to everyone, sorted, such as "AllUsers READ"
	LogBucket    string       `json:"log_bucket,omitempty"`    // where server access logs go; "" they are off
	LogPrefix    string       `json:"log_prefix,omitempty"`
}

// BlockPublic is the public access block of a bucket, or of an account.
type BlockPublic struct {
	BlockACLs       bool `json:"block_acls"`
	BlockPolicy     bool `json:"block_policy"`
	IgnoreACLs      bool `json:"ignore_acls"`
	RestrictBuckets bool `json:"restrict_buckets"`
}

// A LookedInstance is an EC2 instance as it is now, with the ports its security groups open.
type LookedInstance struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Type      string     `json:"type,omitempty"`
	Image     string     `json:"image,omitempty"`
	Launched  *time.Time `json:"launched,omitempty"`
	PrivateIP string     `json:"private_ip,omitempty"`
	PublicIP  string     `json:"public_ip,omitempty"`
	VPC       string     `json:"vpc,omitempty"`
	Subnet    string     `json:"subnet,omitempty"`
	Profile   string     `json:"profile,omitempty"`  // ARN of its instance profile
	Metadata  string     `json:"metadata,omitempty"` // "required" if the instance metadata service wants tokens (IMDSv2), else "optional"
	Tags      []Tag      `json:"tags,omitempty"`
	Groups    []Group    `json:"groups,omitempty"` // by id
}

// A Group is a security group of an instance.
type Group struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Ingress []Ingress `json:"ingress,omitempty"` // in order of what they say
}

// An Ingress lets something in.
type Ingress struct {
	Protocol string `json:"protocol"` // tcp, udp, icmp, a number; "-1" all
	From     int    `json:"from"`     // ports; 0 and 65535 for all
	To       int    `json:"to"`
	Source   string `json:"source"` // CIDR block, or id of a security group or prefix list
}

// A LookedInvestigation is what GuardDuty Investigation (preview) says of a finding. It is a third
// party's word: AWS itself says that it may be wrong. All of its texts may be hostile. Its times are
// no evidence's: they do not make a report newer.
type LookedInvestigation struct {
	ID         string     `json:"id"`
	Status     string     `json:"status"`               // COMPLETED
	Prompt     string     `json:"prompt,omitempty"`     // for which it was made
	RiskLevel  string     `json:"risk_level,omitempty"` // Info, Low, Medium, High, Critical
	Risk       string     `json:"risk,omitempty"`       // the risk in words
	Confidence string     `json:"confidence,omitempty"` // Unknown, Low, Medium, High
	Summary    string     `json:"summary,omitempty"`    // JSON or text
	Started    *time.Time `json:"started,omitempty"`
	Ended      *time.Time `json:"ended,omitempty"`
}

// Encode is the body in one fixed form: members in one order, the schema inside, lists sorted
// where their order means nothing.
func (b Body) Encode() []byte {
	b.Schema = lookedSchema
	b.Parts = slices.Clone(b.Parts)
	slices.SortFunc(b.Parts, func(x, y Part) int { return strings.Compare(x.Name, y.Name) })
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(b); err != nil {
		// Strings, numbers, truths and times always encode: times come from decoders that accept four digits of year.
		panic(fmt.Sprintf("encode look-up %s: %v", b.Kind, err))
	}
	return out.Bytes()
}

// DecodeBody reads what [Body.Encode] wrote.
func DecodeBody(data []byte) (Body, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var b Body
	if err := dec.Decode(&b); err != nil {
		return Body{}, fmt.Errorf("decode look-up: %w", err)
	}
	if b.Schema != lookedSchema {
		return Body{}, fmt.Errorf("decode look-up: schema %q is not %q; use the version of the program that wrote it", b.Schema, lookedSchema)
	}
	return b, nil
}

// Part is what came of one call; ok is false when it was not made.
func (b Body) Part(name string) (p Part, ok bool) {
	for _, p := range b.Parts {
		if p.Name == name {
			return p, true
		}
	}
	return Part{}, false
}

// Whole tells whether every part answered.
func (b Body) Whole() bool {
	for _, p := range b.Parts {
		if p.Outcome != Found && p.Outcome != Empty {
			return false
		}
	}
	return true
}

// Newest is the newest time that the body tells of; zero when there is none.
func (b Body) Newest() time.Time {
	var times []*time.Time
	if b.Account != nil {
		times = append(times, b.Account.Joined)
	}
	if b.AccessKey != nil {
		times = append(times, b.AccessKey.Created, b.AccessKey.LastUsed)
	}
	if b.Principal != nil {
		times = append(times, b.Principal.Created, b.Principal.LastUsed)
	}
	if b.Instance != nil {
		times = append(times, b.Instance.Launched)
	}
	var newest time.Time
	for _, t := range times {
		if t != nil && t.After(newest) {
			newest = *t
		}
	}
	return newest
}

// Looked is the body of a look-up; ok is false for every other item, and for a look-up
// that found nothing.
func (it Item) Looked() (b Body, ok bool) {
	if it.Kind != LookupItem || it.Answer.Outcome != Found || !slices.Contains(lookupKinds, LookupKind(it.Scope.Kind)) {
		return Body{}, false
	}
	b, err := DecodeBody(it.Body)
	return b, err == nil && string(b.Kind) == it.Scope.Kind && b.holds()
}

// holds tells whether the body has the record of its kind, and no other.
func (b Body) holds() bool {
	var has []LookupKind
	for _, r := range []struct {
		kind LookupKind
		is   bool
	}{
		{LookAccount, b.Account != nil},
		{LookBucket, b.Bucket != nil},
		{LookInstance, b.Instance != nil},
		{LookInvestigation, b.Investigation != nil},
		{LookKey, b.AccessKey != nil},
		{LookPerson, b.Person != nil},
		{LookPermissionSet, b.PermissionSet != nil},
		{LookPrincipal, b.Principal != nil},
		{LookUser, b.User != nil},
		{LookAddress, b.Address != nil},
		{LookDomain, b.Domain != nil},
		{LookNetworks, b.Networks != nil},
		{b.Kind, b.Cases != nil && slices.Contains(CaseKinds(), b.Kind)},
	} {
		if r.is {
			has = append(has, r.kind)
		}
	}
	return len(has) == 1 && has[0] == b.Kind
}

// LookedFor is the look-up of a kind that the fact of that name may rest on: of those that
// declare to answer it, in the order asked, the first that found it; else the first that proved
// that there is none; else the first that says best why nobody can tell. ok is false when no
// look-up of the case answers it.
func (s Set) LookedFor(kind LookupKind, name string) (it Item, ok bool) {
	for _, next := range s.items {
		if next.Kind != LookupItem || next.Scope.Kind != string(kind) || !answers(next.Answers, name) {
			continue
		}
		if !ok || tells(next) > tells(it) {
			it, ok = next, true
		}
	}
	return it, ok
}

// tells ranks how much a look-up tells.
func tells(it Item) int {
	const most = 10 // more than any explanation
	switch it.Answer.Outcome {
	case Found:
		return most + 1
	case Empty:
		return most
	case Truncated, NotCollected, NotYet, NotAsked, Denied, Throttled, Failed:
	}
	return explains(it)
}
