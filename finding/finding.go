// Package finding reads what GuardDuty said, in whatever shape it arrived, and names it.
//
// It promises that the same finding is the same [Finding] whether it came from
// GetFindings, EventBridge, an S3 export, Security Hub or OCSF, and that the
// bytes received are kept beside it.
package finding

import (
	"net/netip"
	"time"
)

// An AccountID is an AWS account: 12 digits, such as 111122223333.
type AccountID string

// A Type is GuardDuty's finding type, such as "Exfiltration:S3/AnomalousBehavior".
// See [Lookup] for what is known of it; an unknown type is no error.
type Type string

// A Shape is the form a finding arrived in.
type Shape uint8

// The shapes that are read.
const (
	GetFindings Shape = iota + 1 // UpperCamel, as the API and the CLI answer
	Export                       // lowerCamel, as the S3 export writes
	EventBridge                  // lowerCamel inside an event envelope
	ASFF                         // AWS Security Finding Format, as Security Hub sends
	OCSF                         // OCSF Detection Finding (class 2004)
)

// A Finding is one version of one GuardDuty finding. Times are UTC.
// Absent members are zero values; what could not be typed is still in the canonical document.
type Finding struct {
	ID          string // 32 hex digits
	ARN         string
	Account     AccountID // the affected account, not the one the event was emitted in
	Region      string
	Partition   string
	Type        Type
	Severity    float64 // 1.0-10.0, of this finding, not the type's default
	Title       string
	Description string
	Created     time.Time
	Updated     time.Time

	Archived     bool
	Sample       bool // made by CreateSampleFindings
	Count        int  // occurrences aggregated into this finding
	FirstSeen    time.Time
	LastSeen     time.Time
	DetectorID   string
	Feature      string // service.featureName, such as "CloudTrail"
	ResourceRole string // TARGET or ACTOR
	UserAgent    string // additionalInfo.userAgent.fullUserAgent or the ASFF twin
	ThreatLists  []string
	SequenceARN  string // associatedAttackSequenceArn

	Resource Resource
	Action   Action
	Anomaly  Anomaly
	Sequence *Sequence // set for attack sequences only

	Process   Process   // runtime findings
	Container Container // findings about containers
	Scan      Scan      // malware findings
	Login     Login     // findings about databases
	Function  Function  // findings about AWS Lambda
	Object    Object    // scans of objects in S3

	Shape Shape
	doc   map[string]any // the canonical document: the lowerCamel form with every member that was received
	raw   []byte
}

// A Resource is what the finding is about.
type Resource struct {
	Type      string // such as "AccessKey", "S3Bucket", "Instance", "AttackSequence"; "" when the finding names none
	AccessKey AccessKey
	Buckets   []Bucket
	Instance  Instance
	// Name is the resource in one word for a reader: the bucket, the instance id, the user, the cluster, ...
	Name string
}

// AccessKey is the credential that acted.
type AccessKey struct {
	ID          string // AKIA... or ASIA...
	PrincipalID string // for a role session "AROA...:session-name"
	UserName    string // for a role session the role's name
	UserType    string // IAMUser, AssumedRole, Role, Root, FederatedUser, AWSAccount, ...
}

// A Bucket is an S3 bucket the finding names.
type Bucket struct {
	Name       string
	ARN        string
	Type       string // Destination or Source
	Permission string // publicAccess.effectivePermission: PUBLIC or NOT_PUBLIC
	Owner      string // owner.id: canonical user id of the bucket's owner
	Tags       map[string]string
}

// An Instance is an EC2 instance the finding names.
type Instance struct {
	ID             string
	Type           string
	ImageID        string
	ProfileARN     string
	PrivateIPs     []netip.Addr
	PublicIPs      []netip.Addr
	Interfaces     []string // network interfaces: eni-...
	SecurityGroups []string
	VPC, Subnet    string
	Tags           map[string]string
	Launched       time.Time
}

// An Action is what was seen, by its kind. Members that the kind does not have are zero.
type Action struct {
	Type           string // AWS_API_CALL, NETWORK_CONNECTION, DNS_REQUEST, PORT_PROBE, KUBERNETES_API_CALL, RDS_LOGIN_ATTEMPT, ...; "" for runtime findings
	API            string // AWS_API_CALL: such as "GetObject"
	Service        string // AWS_API_CALL: such as "s3.amazonaws.com"
	CallerType     string // "Remote IP", "Domain"
	CallerDomain   string // domainDetails.domain: the AWS service that called
	ErrorCode      string
	Affected       map[string]string // affectedResources, such as AWS::S3::Bucket
	RemoteAccount  AccountID
	Affiliated     *bool // remoteAccountDetails.affiliated, nil when not told
	Remote         Remote
	Direction      string // NETWORK_CONNECTION: INBOUND, OUTBOUND, UNKNOWN
	Protocol       string
	Blocked        *bool
	LocalPort      int
	RemotePort     int
	LocalPortName  string
	RemotePortName string
	Domain         string   // DNS_REQUEST
	Remotes        []Remote // PORT_PROBE: every remote named
	Verb           string   // KUBERNETES_API_CALL
	RequestURI     string   // KUBERNETES_API_CALL
	Namespace      string   // KUBERNETES_API_CALL
}

// A Remote is the far end, with what GuardDuty knows about its address.
type Remote struct {
	IP          netip.Addr // zero when absent or no address
	Text        string     // as received, also when it is no address; may be a service name
	Country     string     // countryName
	CountryCode string
	City        string
	ASN         string // digits
	ASNOrg      string
	ISP         string
	Org         string
}

// An Anomaly is GuardDuty's own answer to "is this usual?".
type Anomaly struct {
	APIs     []AnomalousAPI    // the first is the primary one
	Profiled map[string]string // profiledBehavior, verbatim
	Unusual  map[string]string // unusualBehavior, verbatim
}

// An AnomalousAPI is one call of the anomaly block, such as {s3.amazonaws.com, GetObject, success}.
type AnomalousAPI struct {
	Service string
	API     string
	Result  string // "success" or an error code
}

// A Sequence is what an attack sequence consists of.
type Sequence struct {
	UID         string
	Description string
	Actors      []SequenceActor
	Endpoints   []Endpoint
	Signals     []Signal
	Indicators  []Indicator
	Resources   []string // uids
	Instances   []string // ids of the EC2 instances in scope, i-..., sorted
	Interfaces  []string // ids of their network interfaces, eni-..., sorted
	Clusters    []string // names of the EKS clusters in scope, sorted
	Techniques  []string // ids of the techniques that its indicators and those of its signals list, sorted
}

// An Endpoint is a network endpoint of a sequence.
type Endpoint struct {
	ID     string
	Domain string
	Port   int // 0 is not told
	Remote
}

// A SequenceActor is one actor of a sequence.
type SequenceActor struct {
	ID           string
	UserName     string
	UserUID      string
	UserType     string
	Account      AccountID
	CredentialID string
	SessionUID   string
	MFA          string // mfaStatus: ENABLED, DISABLED, ""
	Issuer       string
	Process      string // path of the program, where a process and no user acted; else its name
}

// A Signal is one step of a sequence.
type Signal struct {
	UID          string
	Type         string // FINDING, CLOUD_TRAIL, S3_DATA_EVENTS, ...
	Name         string
	Description  string
	Severity     float64
	Created      time.Time
	FirstSeen    time.Time
	LastSeen     time.Time
	Count        int
	ActorIDs     []string
	ResourceUIDs []string
	EndpointIDs  []string
	Domains      []string // names that its indicators list: MALICIOUS_DOMAIN, CRYPTOMINING_DOMAIN
	Tactics      []string // names of tactics that its indicators list: ATTACK_TACTIC
	Techniques   []string // ids of techniques of MITRE ATT&CK that its indicators list, such as T1530; what has not their form is left out
}

// An Indicator is what a sequence was recognised by.
type Indicator struct {
	Key    string
	Title  string
	Values []string
}
