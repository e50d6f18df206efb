// Package access says what each part of the program needs to be permitted, and prints the
// policies, roles and manifests that grant that and nothing more.
//
// Nothing here writes in AWS: every action reads. The tables are data; a test elsewhere holds the
// actions against the calls that the code makes.
package access

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Where is the account in which an action is asked for.
type Where uint8

// The places of a grant.
const (
	InReader     Where = iota // the account of the reader role
	InMember                  // every account that is investigated, the reader's own too
	InManagement              // the organisation's management account, or one it delegates to
)

// A Grant is what one feature needs in one place.
type Grant struct {
	Where     Where
	Actions   []string // such as "cloudtrail:LookupEvents", sorted
	Resources []string // ARNs with the placeholders of [Params]; "*" only where the actions take nothing narrower
	Why       string
}

// A Feature is a part of the program that can be used or left out.
type Feature struct {
	Name   string // on the command line
	Doc    string
	Grants []Grant
}

// Features are all features that need AWS. Which resources an action takes is that of the Service
// Authorization Reference.
func Features() []Feature {
	return []Feature{
		{"history", "CloudTrail event history, asked by LookupEvents", []Grant{
			{InMember, []string{"cloudtrail:LookupEvents"}, []string{"*"}, "asks event history"},
		}},
		{"coverage", "what trails and event data stores record", []Grant{
			{InMember, []string{"cloudtrail:DescribeTrails", "cloudtrail:ListEventDataStores"}, []string{"*"}, "lists trails and event data stores"},
			{InMember, []string{"cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"}, []string{"arn:{partition}:cloudtrail:*:*:trail/*"}, "reads what a trail records, and whether it does"},
			{InMember, []string{"cloudtrail:GetEventDataStore"}, []string{"arn:{partition}:cloudtrail:*:*:eventdatastore/*"}, "reads what an event data store records"},
		}},
		{"athena", "questions to a CloudTrail or Security Lake table", []Grant{
			{InReader, []string{
				"athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetTableMetadata", "athena:StartQueryExecution", "athena:StopQueryExecution",
			}, []string{"arn:{partition}:athena:{region}:{account}:workgroup/{workgroup}", "arn:{partition}:athena:{region}:{account}:datacatalog/AwsDataCatalog"}, "runs queries in one workgroup"},
			{InReader, []string{"glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable"}, []string{
				"arn:{partition}:glue:{region}:{account}:catalog", "arn:{partition}:glue:{region}:{account}:database/{database}", "arn:{partition}:glue:{region}:{account}:table/{database}/{table}",
			}, "reads the table's description, which Athena does for the caller"},
			{InReader, []string{"s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"}, []string{"arn:{partition}:s3:::{log_bucket}", "arn:{partition}:s3:::{log_bucket}/*"}, "reads the log files behind the table"},
			{InReader, []string{"s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}, []string{
				"arn:{partition}:s3:::{result_bucket}", "arn:{partition}:s3:::{result_bucket}/*",
			}, "Athena writes a query's result with the caller's permissions; this bucket holds nothing else"},
		}},
		{"findings", "findings of GuardDuty, fetched by id or listed", []Grant{
			{InReader, []string{"guardduty:ListDetectors"}, []string{"*"}, "finds the detector"},
			{InReader, []string{"guardduty:GetDetector", "guardduty:GetFindings", "guardduty:ListFindings"}, []string{"arn:{partition}:guardduty:*:{account}:detector/*"}, "reads findings, and how often they are published"},
		}},
		{"claims", "GuardDuty's own investigations, read as claims of a third party", []Grant{
			{InReader, []string{"guardduty:ListDetectors"}, []string{"*"}, "finds the detector"},
			{InReader, []string{"guardduty:GetInvestigation", "guardduty:ListInvestigations"}, []string{"arn:{partition}:guardduty:*:{account}:detector/*"}, "reads investigations that GuardDuty made"},
		}},
		{"athena-kms", "with athena, where log files or results are encrypted with a key of your own", []Grant{
			{InReader, []string{"kms:Decrypt", "kms:GenerateDataKey"}, []string{"arn:{partition}:kms:{region}:{account}:key/{key}"}, "Athena reads and writes encrypted files with the caller's permissions"},
		}},
		{"lake-formation", "with athena, where Lake Formation governs the table, as it does that of Security Lake", []Grant{
			{InReader, []string{"lakeformation:GetDataAccess"}, []string{"*"}, "Athena asks Lake Formation for the table's files with the caller's permissions"},
		}},
		{"accounts", "names, tags and organisational units of accounts", []Grant{
			{InManagement, []string{"organizations:DescribeAccount", "organizations:DescribeOrganizationalUnit", "organizations:ListParents", "organizations:ListTagsForResource"}, []string{"*"}, "reads what the organisation says of an account"},
		}},
		{"people", "users of IAM Identity Center", []Grant{
			{InManagement, []string{"identitystore:DescribeUser", "identitystore:GetUserId"}, []string{"arn:{partition}:identitystore::*:identitystore/*", "arn:{partition}:identitystore:::user/*"}, "reads the user of a session"},
		}},
		{"permission-sets", "the permission set behind a session of IAM Identity Center", []Grant{
			{InManagement, []string{"sso:ListInstances"}, []string{"*"}, "finds the instance of IAM Identity Center"},
			{InManagement, []string{"sso:ListPermissionSetsProvisionedToAccount"}, []string{"arn:{partition}:sso:::instance/*", "arn:{partition}:sso:::account/*"}, "lists the permission sets of an account"},
			{InManagement, []string{
				"sso:DescribePermissionSet", "sso:GetInlinePolicyForPermissionSet", "sso:GetPermissionsBoundaryForPermissionSet",
				"sso:ListCustomerManagedPolicyReferencesInPermissionSet", "sso:ListManagedPoliciesInPermissionSet",
			}, []string{"arn:{partition}:sso:::instance/*", "arn:{partition}:sso:::permissionSet/*/*"}, "reads a permission set's session duration and policies"},
			{InManagement, []string{"sso:ListAccountAssignments"}, []string{
				"arn:{partition}:sso:::instance/*", "arn:{partition}:sso:::permissionSet/*/*", "arn:{partition}:sso:::account/*",
			}, "reads who is assigned to it in an account"},
		}},
		{"principals", "age and last use of keys, attached policies, tags of roles", []Grant{
			{InMember, []string{"iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "iam:ListAttachedUserPolicies", "iam:ListGroupsForUser", "iam:ListUserPolicies", "iam:GetUser"}, []string{"arn:{partition}:iam::*:user/*"}, "reads an IAM user and its keys' dates"},
			{InMember, []string{"iam:ListAttachedGroupPolicies", "iam:ListGroupPolicies"}, []string{"arn:{partition}:iam::*:group/*"}, "reads what a user may do by its groups"},
			{InMember, []string{"iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"}, []string{"arn:{partition}:iam::*:role/*"}, "reads a role"},
		}},
		{"buckets", "exposure, versioning and logging of a bucket", []Grant{
			{InMember, []string{"s3:GetAccountPublicAccessBlock"}, []string{"*"}, "reads the account's own public access block"},
			{InMember, []string{
				"s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketLogging", "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:GetBucketVersioning",
			}, []string{"arn:{partition}:s3:::*"}, "reads a bucket's settings, never its objects"},
		}},
		{"instances", "instances and their security groups", []Grant{
			{InMember, []string{"ec2:DescribeInstances", "ec2:DescribeSecurityGroups"}, []string{"*"}, "reads an instance and what reaches it"},
		}},
		{"logs", "whether logs other than CloudTrail's are switched on, and how long they are kept", []Grant{
			{InMember, []string{
				"ec2:DescribeFlowLogs", "ec2:DescribeVpcs", "eks:ListClusters", "rds:DescribeDBClusters", "rds:DescribeDBInstances",
				"route53resolver:ListResolverQueryLogConfigAssociations", "route53resolver:ListResolverQueryLogConfigs",
			}, []string{"*"}, "lists flow logs, query logs, clusters and databases with the logs that are on"},
			{InMember, []string{"logs:DescribeLogGroups"}, []string{"arn:{partition}:logs:*:*:log-group:*"}, "reads how long the log groups of such logs keep them"},
			{InMember, []string{"eks:DescribeCluster"}, []string{"arn:{partition}:eks:*:*:cluster/*"}, "reads which logs of a cluster are on"},
			{InMember, []string{"s3:GetBucketLogging"}, []string{"arn:{partition}:s3:::*"}, "reads whether a bucket's access log is on"},
		}},
		{"parameters", "secrets of the program kept in Systems Manager (ssm:)", []Grant{
			{InReader, []string{"ssm:GetParameter"}, []string{"arn:{partition}:ssm:{region}:{account}:parameter/{parameter}"}, "reads the secrets that the configuration names"},
		}},
		{"secrets", "secrets of the program kept in Secrets Manager (awssm:)", []Grant{
			{InReader, []string{"secretsmanager:GetSecretValue"}, []string{"arn:{partition}:secretsmanager:{region}:{account}:secret:{secret}"}, "reads the secrets that the configuration names"},
		}},
		{"doctor", "what uratori doctor asks of the program's own permissions", []Grant{
			{InReader, []string{"iam:SimulatePrincipalPolicy"}, []string{"{reader_role}"}, "asks what the reader role's policies allow"},
			{InReader, []string{"iam:ListAccessKeys"}, []string{"arn:{partition}:iam::{account}:user/*"}, "reads how old the program's own key is, where it is a user's"},
			{InMember, []string{"iam:SimulatePrincipalPolicy"}, []string{"arn:{partition}:iam::*:role/{member_role}"}, "asks what the member role's policies allow"},
		}},
	}
}

// Params fill the placeholders of resources. What is empty is printed as a word in capitals, to be
// filled in.
type Params struct {
	Partition    string // aws, aws-us-gov, aws-cn; "" for aws
	Account      string // of the reader role
	Region       string
	MemberRole   string // name of the role in member accounts
	ReaderRole   string // ARN of the reader role
	Workgroup    string
	Database     string
	Table        string
	LogBucket    string
	ResultBucket string
	Key          string   // id of the KMS key
	Parameters   []string // names of parameters, or their ARNs
	Secrets      []string // names of secrets, or their ARNs
}

// lists are the placeholders that stand for several names, and what all names of them begin with
// where none is known.
func (p Params) lists() map[string][]string {
	named := func(list []string, suffix string) (out []string) {
		for _, n := range list {
			if parts := strings.SplitN(n, ":", 7); parts[0] == "arn" && len(parts) == 7 { // of a secret
				n = parts[6]
			} else if parts[0] == "arn" {
				_, n, _ = strings.Cut(n, ":parameter/")
			} else {
				n = strings.TrimPrefix(n, "/") + suffix
			}
			out = append(out, n)
		}
		if len(out) == 0 {
			out = []string{"uratori/*"}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	// Secrets Manager adds a hyphen and six characters to a secret's name in its ARN.
	return map[string][]string{"{parameter}": named(p.Parameters, ""), "{secret}": named(p.Secrets, "-??????")}
}

// resources are the resources of a grant with their placeholders filled.
func (p Params) resources(g Grant) []string {
	var out []string
	for _, r := range g.Resources {
		several := false
		for holder, names := range p.lists() {
			if strings.Contains(r, holder) {
				several = true
				for _, n := range names {
					out = append(out, p.fill(strings.ReplaceAll(r, holder, n)))
				}
			}
		}
		if !several {
			out = append(out, p.fill(r))
		}
	}
	return out
}

func (p Params) fill(resource string) string {
	or := func(s, word string) string {
		if s == "" {
			return word
		}
		return s
	}
	return strings.NewReplacer(
		"{partition}", or(p.Partition, "aws"), "{account}", or(p.Account, "READER-ACCOUNT"), "{region}", or(p.Region, "REGION"), "{workgroup}", or(p.Workgroup, "WORKGROUP"),
		"{database}", or(p.Database, "DATABASE"), "{table}", or(p.Table, "TABLE"), "{log_bucket}", or(p.LogBucket, "LOG-BUCKET"), "{result_bucket}", or(p.ResultBucket, "RESULT-BUCKET"), "{key}", or(p.Key, "KEY-ID"),
		"{member_role}", or(p.MemberRole, "MEMBER-ROLE"), "{reader_role}", or(p.ReaderRole, "READER-ROLE-ARN"),
	).Replace(resource)
}

// The forms of an IAM policy, whose members IAM wants in capitals.
type (
	policy struct {
		Version   string
		Statement []statement
	}
	statement struct {
		Sid       string            `json:",omitempty"`
		Effect    string            //
		Principal map[string]string `json:",omitempty"`
		Action    any
		Resource  any                          `json:",omitempty"`
		Condition map[string]map[string]string `json:",omitempty"`
	}
)

// Named are the features of those names; all features for none. An unknown name is an error.
func Named(names []string) ([]Feature, error) {
	all := Features()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, f := range all {
		known = append(known, f.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("unknown feature %q; features are %s", n, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(f Feature) bool { return !slices.Contains(names, f.Name) }), nil
}

// ReaderPolicy is the policy of the reader role: what it asks in its own account, and the member
// roles that it may assume.
func ReaderPolicy(features []Feature, p Params) []byte {
	doc := policy{Version: "2012-10-17", Statement: statements(features, p, InReader, InManagement)}
	for _, f := range features {
		if slices.ContainsFunc(f.Grants, func(g Grant) bool { return g.Where == InMember }) {
			doc.Statement = append(doc.Statement, statement{
				Sid: "AssumeMemberRoles", Effect: "Allow", Action: "sts:AssumeRole", Resource: p.fill("arn:{partition}:iam::*:role/{member_role}"),
			})
			break
		}
	}
	return encode(doc)
}

// MemberPolicy is the policy of the role in each account that is investigated.
func MemberPolicy(features []Feature, p Params) []byte {
	return encode(policy{Version: "2012-10-17", Statement: statements(features, p, InMember)})
}

// TrustPolicy is the trust policy of the member role: the reader role alone may assume it, and only
// who knows the external id.
func TrustPolicy(p Params) []byte {
	return encode(policy{Version: "2012-10-17", Statement: []statement{{
		Sid: "TrustReader", Effect: "Allow", Principal: map[string]string{"AWS": p.fill("{reader_role}")}, Action: "sts:AssumeRole",
		Condition: map[string]map[string]string{"StringEquals": {"sts:ExternalId": "EXTERNAL-ID"}},
	}}})
}

func statements(features []Feature, p Params, where ...Where) []statement {
	var out []statement
	for _, f := range features {
		n := 0
		for _, g := range f.Grants {
			if !slices.Contains(where, g.Where) {
				continue
			}
			n++
			resources := p.resources(g)
			s := statement{Sid: fmt.Sprintf("%s%d", sid(f.Name), n), Effect: "Allow", Action: g.Actions, Resource: resources}
			if len(resources) == 1 {
				s.Resource = resources[0]
			}
			out = append(out, s)
		}
	}
	return out
}

// sid is a feature's name as a statement's id, which holds letters and digits only.
func sid(feature string) string {
	var b strings.Builder
	for _, word := range strings.Split(feature, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func encode(doc policy) []byte {
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("print policy: %v", err)) // texts always encode
	}
	return append(data, '\n')
}

// A Need is what one statement of a policy grants, with a resource that it must cover: that of
// the policy with an example in place of each wildcard. Resource is "" where a placeholder is left.
type Need struct {
	Feature  string
	Actions  []string
	Resource string
}

// Needs are what a role needs in a place, to be held against what it has.
func Needs(features []Feature, p Params, account string, where ...Where) []Need {
	var out []Need
	for _, f := range features {
		for _, g := range f.Grants {
			if !slices.Contains(where, g.Where) {
				continue
			}
			by := map[string][]string{} // actions by the resource that they take
			filled := p.resources(g)
			for _, a := range g.Actions {
				r := example(filled[fitting(a, filled)], account)
				by[r] = append(by[r], a)
			}
			for _, r := range slices.Sorted(maps.Keys(by)) {
				out = append(out, Need{f.Name, by[r], r})
			}
		}
	}
	return out
}

// fitting is which of a statement's resources an action takes: several stand in one statement where
// actions differ in that. Objects are the longer of two.
func fitting(action string, resources []string) int {
	object := strings.HasSuffix(action, "Object") || strings.HasSuffix(action, "Upload")
	for i, r := range resources {
		switch {
		case object && strings.HasSuffix(r, "/*"):
			return i
		case action == "athena:GetTableMetadata" && strings.Contains(r, ":datacatalog/"):
			return i
		case action == "identitystore:DescribeUser" && strings.Contains(r, ":user/"):
			return i
		}
	}
	return 0
}

// placeholder is a word that was not filled in.
var placeholder = regexp.MustCompile(`(^|[:/])[A-Z]+(-[A-Z]+)+($|[:/])`)

func example(resource, account string) string {
	if resource == "*" {
		return resource
	}
	if placeholder.MatchString(resource) {
		return ""
	}
	resource = strings.Replace(resource, ":iam::*:", ":iam::"+account+":", 1)
	resource = strings.ReplaceAll(resource, ":*:*:", ":us-east-1:"+account+":")
	resource = strings.ReplaceAll(resource, ":*:", ":us-east-1:")
	return strings.NewReplacer("*", "example", "??????", "a1b2c3").Replace(resource)
}

// Never are actions that no part of the program makes, and that nobody should permit it: they
// change logs, findings or permissions, or read what is none of a log.
func Never() []string {
	return []string{
		"cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "ec2:RunInstances", "ec2:TerminateInstances",
		"guardduty:ArchiveFindings", "guardduty:CreateFilter", "guardduty:DeleteDetector", "guardduty:UpdateDetector",
		"iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey", "iam:CreateUser", "iam:PassRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy",
		"kms:Decrypt", "lambda:InvokeFunction", "organizations:LeaveOrganization", "s3:DeleteObject", "s3:GetObject", "s3:PutBucketPolicy", "s3:PutObject",
		"secretsmanager:GetSecretValue", "ssm:SendCommand", "sts:AssumeRole",
	}
}

// Actions are all actions of the features, sorted, each once.
func Actions(features []Feature) []string {
	var out []string
	for _, f := range features {
		for _, g := range f.Grants {
			out = append(out, g.Actions...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
