package coverage

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"uratori/query"
)

// A Switch says whether a log is on.
type Switch uint8

// The switches. The zero Switch is Off only where a whole answer says so: see [Switched].
const (
	Off     Switch = iota
	Perhaps        // on its way on or off, or the service cannot deliver
	On
)

// A Setting says of one thing whether its log is on, as the service's own settings tell now.
type Setting struct {
	Kind     string // kind of record, such as "vpc_flow"
	Account  string
	Region   string
	Resource string    // what is logged: a VPC, subnet, interface, cluster, database or bucket; "" says only that the list was read
	On       Switch    //
	Since    time.Time // when the log was made, where the service tells; zero elsewhere
}

// settingsForm is the form of settings as the AWS CLI prints them: describe-flow-logs (Amazon EC2),
// list-resolver-query-log-configs and list-resolver-query-log-config-associations (Amazon Route 53
// Resolver), describe-cluster (Amazon EKS), describe-db-clusters and describe-db-instances (Amazon
// RDS), and get-bucket-logging (Amazon S3) with the name of its bucket beside it.
type settingsForm struct {
	FlowLogs *[]struct {
		FlowLogStatus     string
		DeliverLogsStatus string
		ResourceID        string `json:"ResourceId"`
		CreationTime      any    // RFC 3339; a text of another form is no time
	}
	ResolverQueryLogConfigs *[]struct {
		OwnerID string `json:"OwnerId"`
		Arn     string
		Status  string
	}
	ResolverQueryLogConfigAssociations *[]struct {
		ResourceID   string `json:"ResourceId"`
		Status       string
		CreationTime any
	}
	Cluster *struct {
		Arn     string `json:"arn"`
		Name    string `json:"name"`
		Logging struct {
			ClusterLogging []struct {
				Types   []string `json:"types"`
				Enabled bool     `json:"enabled"`
			} `json:"clusterLogging"`
		} `json:"logging"`
	} `json:"cluster"`
	DBClusters *[]struct {
		DBClusterArn                 string
		DBClusterIdentifier          string
		EnabledCloudwatchLogsExports []string
	}
	DBInstances *[]struct {
		DBInstanceArn                string
		DBInstanceIdentifier         string
		EnabledCloudwatchLogsExports []string
	}
	Bucket         string
	LoggingEnabled *struct{ TargetBucket string }
	NextToken      string // a list that goes on elsewhere
}

// ReadSettings reads a document. account and region are those it was taken from, for documents that
// do not say so; "" when not known. What names neither is left out. A list that names nothing is
// told by a setting without a resource: its log is off. Of a list that goes on elsewhere only what
// is on is told.
func ReadSettings(account, region string, body []byte) []Setting {
	var s settingsForm
	if json.Unmarshal(body, &s) != nil {
		return nil
	}
	var out []Setting
	say := func(kind, arn, resource string, on Switch, since any) {
		x := Setting{Kind: kind, Account: account, Region: region, Resource: resource, On: on}
		if p := strings.Split(arn, ":"); len(p) > 5 && p[4] != "" {
			x.Account, x.Region = p[4], p[3]
		}
		if text, ok := since.(string); ok {
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				x.Since = at.UTC()
			}
		}
		if x.Account != "" && x.Region != "" && (on != Off || s.NextToken == "") { // a part proves no absence
			out = append(out, x)
		}
	}
	is := func(yes bool) Switch {
		if yes {
			return On
		}
		return Off
	}
	switch {
	case s.FlowLogs != nil:
		say(query.KindVPCFlow, "", "", Off, nil)
		for _, f := range *s.FlowLogs {
			say(query.KindVPCFlow, "", f.ResourceID, is(f.FlowLogStatus == "ACTIVE" && f.DeliverLogsStatus != "FAILED"), f.CreationTime)
		}
	case s.ResolverQueryLogConfigAssociations != nil:
		say(query.KindDNS, "", "", Off, nil)
		for _, a := range *s.ResolverQueryLogConfigAssociations {
			on := Perhaps // CREATING, ACTION_NEEDED, DELETING
			switch a.Status {
			case "ACTIVE":
				on = On
			case "FAILED":
				on = Off
			}
			say(query.KindDNS, "", a.ResourceID, on, a.CreationTime)
		}
	case s.ResolverQueryLogConfigs != nil:
		say(query.KindDNS, "", "", Off, nil)
		for _, c := range *s.ResolverQueryLogConfigs {
			arn := c.Arn
			if account != "" && region != "" { // a configuration may be shared by another account
				arn = ""
			}
			say(query.KindDNS, arn, c.Arn, is(c.Status == "CREATED"), nil)
		}
	case s.Cluster != nil:
		audit := false
		for _, l := range s.Cluster.Logging.ClusterLogging {
			audit = audit || l.Enabled && slices.Contains(l.Types, "audit")
		}
		say(query.KindEKSAudit, s.Cluster.Arn, s.Cluster.Name, is(audit), nil)
	case s.DBClusters != nil:
		for _, c := range *s.DBClusters {
			say(query.KindRDSAudit, c.DBClusterArn, c.DBClusterIdentifier, is(audited(c.EnabledCloudwatchLogsExports)), nil)
		}
	case s.DBInstances != nil:
		for _, c := range *s.DBInstances {
			say(query.KindRDSAudit, c.DBInstanceArn, c.DBInstanceIdentifier, is(audited(c.EnabledCloudwatchLogsExports)), nil)
		}
	case s.Bucket != "":
		say(query.KindS3Access, "", s.Bucket, is(s.LoggingEnabled != nil && s.LoggingEnabled.TargetBucket != ""), nil)
	}
	return out
}

// audited tells whether exported logs hold statements and logins: MySQL's audit log, or PostgreSQL's
// log, into which pgaudit writes.
func audited(exports []string) bool {
	return slices.Contains(exports, "audit") || slices.Contains(exports, "postgresql")
}

// Switched judges settings of one kind: of the named resources, or of all when none is named. The
// log is Off when no setting says otherwise; told is false when there is no setting at all. since
// is when the oldest log that is on was made: before it, another may have been there that is gone;
// zero when it is not told of each.
//
// On says that something is logged, never that all of it is, or that a source holds it.
func Switched(settings []Setting, resources ...string) (sw Switch, since time.Time, told bool) {
	for _, s := range settings {
		if len(resources) > 0 && s.Resource != "" && !slices.Contains(resources, s.Resource) {
			told = true
			continue
		}
		told = true
		if s.On == On && (sw != On || s.Since.Before(since)) {
			since = s.Since
		}
		sw = max(sw, s.On)
	}
	return sw, since, told
}
