// Package query is a typed question to any log.
//
// A [Query] is data: it can be printed, parsed back, stored beside its answer
// and compiled to the language of whatever place keeps the log. It says what is
// asked, never how; so the same question has the same meaning everywhere.
package query

import (
	"fmt"
	"net/netip"
	"time"
)

// A Dataset is a kind of log with a schema, such as "cloudtrail".
type Dataset string

// The datasets that have a schema, see [Schemas].
const (
	CloudTrail Dataset = "cloudtrail" // AWS CloudTrail events of every category
	SignIn     Dataset = "signin"     // Microsoft Entra ID sign-ins
	VPCFlow    Dataset = "vpc_flow"   // Amazon VPC flow log records
	DNS        Dataset = "dns"        // Amazon Route 53 Resolver query log records
	S3Access   Dataset = "s3_access"  // Amazon S3 server access log records
	EKSAudit   Dataset = "eks_audit"  // Kubernetes audit events of Amazon EKS control planes
	RDSAudit   Dataset = "rds_audit"  // database audit records of Amazon RDS and Aurora
)

// A Window is the half-open interval [From, To), both UTC, kept in microseconds.
type Window struct {
	From time.Time
	To   time.Time
}

// A Field names one value of an event: a name of the dataset's schema, such as
// "event_name", or "raw:" and a JSON path into the raw record, such as
// "raw:requestParameters.bucketName".
type Field string

// A Query is one question to one dataset. It asks either for events (Select) or
// for groups (Compute, by GroupBy), never for both.
type Query struct {
	Dataset Dataset
	Window  Window
	Where   Expr        // nil asks for every event of the window
	Select  []Field     // columns of the events wanted
	GroupBy []Key       // columns of the groups wanted; a missing key is a group of its own
	Compute []Aggregate // what to compute for each group
	Order   []Order     // by columns of the answer; empty means the row order of the evidence package
	Limit   int         // rows at most; 0 is refused, every question is bounded
}

// A Key groups events by a field, or by the UTC quarter hour a time field falls in.
type Key struct {
	Field   Field
	Quarter bool // group by the UTC quarter hour of Field, printed "quarter(event_time)"
}

// Name is the column under which the key stands in the answer: the field, or "quarter".
func (k Key) Name() string {
	if k.Quarter {
		return "quarter"
	}
	return string(k.Field)
}

// A Func is an aggregate function.
type Func string

// The aggregate functions. All are exact; none is approximate.
const (
	Count         Func = "count"          // events in the group; with a field, those that have it
	CountDistinct Func = "count_distinct" // different values of the field, missing not counted
	Min           Func = "min"            // smallest value, by the field's own order
	Max           Func = "max"
	Sum           Func = "sum"    // sum of an integer field
	Values        Func = "values" // sorted set of different values, at most Limit of them
)

// An Aggregate is one computed column.
type Aggregate struct {
	Func  Func
	Field Field  // empty only for Count
	As    string // name of the column
	Limit int    // for Values: how many at most; the set says when it was cut
}

// An Order sorts the answer by one of its columns. Missing values come last.
type Order struct {
	By   string
	Desc bool
}

// An Expr is a condition on one event. A comparison with a missing value is
// false, and Not of it is therefore true: there is no third value.
type Expr interface {
	fmt.Stringer // canonical text; parsing it gives the same Expr
	expr()       // only this package defines expressions
}

// An Op compares a field with a value.
type Op string

// The comparison operators, as printed.
const (
	Equal          Op = "="
	NotEqual       Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
)

type (
	// And holds when all of its terms hold; an empty And always holds.
	And struct{ Terms []Expr }
	// Or holds when one of its terms holds; an empty Or never does.
	Or struct{ Terms []Expr }
	// Not holds when X does not.
	Not struct{ X Expr }
	// Compare holds when the field has a value that stands in Op to Value.
	Compare struct {
		Field Field
		Op    Op
		Value Value
	}
	// In holds when the field equals one of Values. A single Param value may stand for a whole list.
	In struct {
		Field  Field
		Values []Value
	}
	// Prefix holds when the text of the field begins with Value, case-sensitive.
	Prefix struct {
		Field Field
		Value Value
	}
	// Contains holds when the text of the field contains Value, case-sensitive.
	Contains struct {
		Field Field
		Value Value
	}
	// CIDR holds when the field is an IP address inside Prefix.
	CIDR struct {
		Field  Field
		Prefix netip.Prefix
	}
	// Exists holds when the field is present and not null.
	Exists struct{ Field Field }
)

func (And) expr()      {}
func (Or) expr()       {}
func (Not) expr()      {}
func (Compare) expr()  {}
func (In) expr()       {}
func (Prefix) expr()   {}
func (Contains) expr() {}
func (CIDR) expr()     {}
func (Exists) expr()   {}

// A Scope is what a claim of coverage is about: one kind of record of one
// account and Region over a window. Empty Account or Region means any.
type Scope struct {
	Kind    string // such as "cloudtrail_management", "s3_data", "signin"
	Account string
	Region  string
	Window  Window
}

// The kinds of record that coverage is told for.
const (
	KindManagement     = "cloudtrail_management"
	KindS3Data         = "s3_data"
	KindLambdaData     = "lambda_data"
	KindBedrockData    = "bedrock_data" // Amazon Bedrock data events of CloudTrail
	KindSignIn         = "signin"
	KindNonInteractive = "signin_noninteractive"
	KindVPCFlow        = "vpc_flow"
	KindDNS            = "dns"
	KindS3Access       = "s3_access"
	KindEKSAudit       = "eks_audit"
	KindRDSAudit       = "rds_audit"
)

// A KindSpec says which dataset holds a kind of record, and how far its coverage is told apart.
type KindSpec struct {
	Kind    string
	Dataset Dataset
	Placed  bool // its records belong to an account and a Region
}

// Kinds are all kinds of record, in the order in which they are told.
func Kinds() []KindSpec {
	return []KindSpec{
		{KindManagement, CloudTrail, true},
		{KindS3Data, CloudTrail, true},
		{KindLambdaData, CloudTrail, true},
		{KindBedrockData, CloudTrail, true},
		{KindSignIn, SignIn, false},
		{KindNonInteractive, SignIn, false},
		{KindVPCFlow, VPCFlow, true},
		{KindDNS, DNS, true},
		{KindS3Access, S3Access, true},
		{KindEKSAudit, EKSAudit, true},
		{KindRDSAudit, RDSAudit, true},
	}
}

// KindOf is the spec of a kind of record.
func KindOf(kind string) (KindSpec, bool) {
	for _, k := range Kinds() {
		if k.Kind == kind {
			return k, true
		}
	}
	return KindSpec{}, false
}
