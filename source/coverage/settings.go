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
	Groups   []string  // log groups of CloudWatch Logs that it is delivered to; nil where that is elsewhere, or not told
}

// A Group is a log group of CloudWatch Logs: what it keeps, and since when there is one.
type Group struct {
	Name    string
	Keeps   time.Duration // how long after it arrived a record is kept; 0 for ever
	Created time.Time     // UTC; zero where it is not told
}

// ReadGroups reads log groups as the AWS CLI prints them (describe-log-groups); nil for anything else.
func ReadGroups(body []byte) []Group {
	var d struct {
		LogGroups []struct {
			Name    string `json:"logGroupName"`
			Created int64  `json:"creationTime"` // milliseconds since 1970
			Days    int    `json:"retentionInDays"`
		} `json:"logGroups"`
	}
	if json.Unmarshal(body, &d) != nil {
		return nil
	}
	var out []Group
	for _, g := range d.LogGroups {
		if g.Name == "" || g.Days < 0 || g.Days > 36600 { // a century: the longest that can be set is ten years
			continue
		}
		x := Group{Name: g.Name, Keeps: time.Duration(g.Days) * 24 * time.Hour}
		if g.Created > 0 {
			x.Created = time.UnixMilli(g.Created).UTC()
		}
		out = append(out, x)
	}
	return out
}

// Where services deliver their logs to (Amazon EKS User Guide, "Send control plane logs to CloudWatch
// Logs"; Amazon RDS and Amazon Aurora User Guides, "Publishing database logs to Amazon CloudWatch Logs").
func clusterGroup(name string) []string { return []string{"/aws/eks/" + name + "/cluster"} }

func databaseGroups(kind, name string, exports []string) (out []string) {
	for _, e := range exports {
		if audited([]string{e}) {
			out = append(out, "/aws/rds/"+kind+"/"+name+"/"+e)
		}
	}
	return out
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
		LogGroupName      string
		DestinationType   string `json:"LogDestinationType"`
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
		DBClusterIdentifier          string // of an instance that is part of one: then its logs go to the cluster's groups
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
	say := func(kind, arn, resource string, on Switch, since any, groups ...string) {
		x := Setting{Kind: kind, Account: account, Region: region, Resource: resource, On: on}
		if on == On {
			x.Groups = slices.DeleteFunc(groups, func(g string) bool { return g == "" })
		}
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
			group := ""
			if f.DestinationType == "cloud-watch-logs" {
				group = f.LogGroupName
			}
			say(query.KindVPCFlow, "", f.ResourceID, is(f.FlowLogStatus == "ACTIVE" && f.DeliverLogsStatus != "FAILED"), f.CreationTime, group)
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
		say(query.KindEKSAudit, s.Cluster.Arn, s.Cluster.Name, is(audit), nil, clusterGroup(s.Cluster.Name)...)
	case s.DBClusters != nil:
		for _, c := range *s.DBClusters {
			say(query.KindRDSAudit, c.DBClusterArn, c.DBClusterIdentifier, is(audited(c.EnabledCloudwatchLogsExports)), nil, databaseGroups("cluster", c.DBClusterIdentifier, c.EnabledCloudwatchLogsExports)...)
		}
	case s.DBInstances != nil:
		for _, c := range *s.DBInstances {
			kind, name := "instance", c.DBInstanceIdentifier
			if c.DBClusterIdentifier != "" {
				kind, name = "cluster", c.DBClusterIdentifier
			}
			say(query.KindRDSAudit, c.DBInstanceArn, c.DBInstanceIdentifier, is(audited(c.EnabledCloudwatchLogsExports)), nil, databaseGroups(kind, name, c.EnabledCloudwatchLogsExports)...)
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

// Delivered are the log groups to which the logs of the named resources that are on are delivered, or
// of all when none is named, sorted. ok is false where one of them goes elsewhere, or where to is not told.
func Delivered(settings []Setting, resources ...string) (groups []string, ok bool) {
	for _, s := range settings {
		if s.On != On || len(resources) > 0 && !slices.Contains(resources, s.Resource) {
			continue
		}
		if len(s.Groups) == 0 {
			return nil, false
		}
		groups = append(groups, s.Groups...)
	}
	slices.Sort(groups)
	return slices.Compact(groups), len(groups) > 0
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
