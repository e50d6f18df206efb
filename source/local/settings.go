package local

import (
	"context"
	"encoding/json"
	"strings"

	"uratori/evidence"
	"uratori/query"
)

// The saved settings of logs other than CloudTrail, as the AWS CLI prints them: describe-flow-logs
// (Amazon EC2), list-resolver-query-log-configs (Amazon Route 53 Resolver), describe-cluster (Amazon
// EKS), get-bucket-logging (Amazon S3), describe-db-clusters and describe-db-instances (Amazon RDS).
type logSettings struct {
	FlowLogs *[]struct {
		FlowLogStatus     string
		DeliverLogsStatus string
		ResourceID        string `json:"ResourceId"`
	}
	ResolverQueryLogConfigs *[]struct {
		OwnerID string `json:"OwnerId"`
		Arn     string
		Status  string
	}
	Cluster *struct {
		Arn     string `json:"arn"`
		Logging struct {
			ClusterLogging []struct {
				Types   []string `json:"types"`
				Enabled bool     `json:"enabled"`
			} `json:"clusterLogging"`
		} `json:"logging"`
	} `json:"cluster"`
	DBClusters *[]struct {
		DBClusterArn                 string
		EnabledCloudwatchLogsExports []string
	}
	DBInstances *[]struct {
		DBInstanceArn                string
		EnabledCloudwatchLogsExports []string
	}
}

// settingNames are the members by which saved settings are known.
var settingNames = []string{"FlowLogs", "ResolverQueryLogConfigs", "DBClusters", "DBInstances"}

// isSetting knows saved settings by their member.
func isSetting(raw []byte) bool {
	for _, name := range settingNames {
		if topLevel(raw, name) {
			return true
		}
	}
	return topLevel(raw, "cluster") && memberAt(raw, "cluster", "logging") != "" || topLevel(raw, "LoggingEnabled") && memberAt(raw, "LoggingEnabled", "TargetBucket") != ""
}

// A setting says whether the log of a kind of record is on somewhere.
type setting struct{ account, region string }

// settingOf reads a document: which kind it tells of, and where that is on or off.
func settingOf(from setting, body []byte) (kind string, on map[setting]bool) {
	var s logSettings
	if json.Unmarshal(body, &s) != nil {
		return "", nil
	}
	on = map[setting]bool{}
	say := func(at setting, yes bool) {
		if at.account != "" && at.region != "" {
			on[at] = on[at] || yes
		}
	}
	arn := func(s string) setting {
		if p := strings.Split(s, ":"); len(p) > 5 && p[4] != "" {
			return setting{p[4], p[3]}
		}
		return from
	}
	switch {
	case s.FlowLogs != nil:
		say(from, false)
		for _, f := range *s.FlowLogs {
			say(from, f.FlowLogStatus == "ACTIVE" && f.DeliverLogsStatus != "FAILED")
		}
		return query.KindVPCFlow, on
	case s.ResolverQueryLogConfigs != nil:
		say(from, false)
		for _, c := range *s.ResolverQueryLogConfigs {
			at := arn(c.Arn)
			if from.account != "" { // a configuration may be shared by another account
				at.account = from.account
			}
			say(at, c.Status == "CREATED")
		}
		return query.KindDNS, on
	case s.Cluster != nil:
		audit := false
		for _, l := range s.Cluster.Logging.ClusterLogging {
			for _, t := range l.Types {
				audit = audit || l.Enabled && t == "audit"
			}
		}
		say(arn(s.Cluster.Arn), audit)
		return query.KindEKSAudit, on
	case s.DBClusters != nil, s.DBInstances != nil:
		exports := func(names []string) bool {
			for _, n := range names {
				if n == "audit" || n == "postgresql" {
					return true
				}
			}
			return false
		}
		if s.DBClusters != nil {
			for _, c := range *s.DBClusters {
				say(arn(c.DBClusterArn), exports(c.EnabledCloudwatchLogsExports))
			}
		} else {
			for _, c := range *s.DBInstances {
				say(arn(c.DBInstanceArn), exports(c.EnabledCloudwatchLogsExports))
			}
		}
		return query.KindRDSAudit, on
	}
	return "", nil
}

// settled lays saved settings over the marks: where the log of the scope's kind is nowhere on, it was
// not collected. That it is on somewhere proves nothing for all of the scope, nor that the store holds
// it: then the records tell. What a cluster or database has on or off tells of that one alone; the
// scope's is off only when each that was described is.
func (s *Store) settled(ctx context.Context, scope query.Scope, marks []mark) ([]mark, error) {
	if scope.Account == "" || scope.Region == "" {
		return marks, nil
	}
	rows, err := s.db.QueryContext(ctx, "SELECT name, body FROM documents ORDER BY name, sha256")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := setting{scope.Account, scope.Region}
	told, on := false, false
	for rows.Next() {
		var name, body string
		if err := rows.Scan(&name, &body); err != nil {
			return nil, err
		}
		var from setting
		if p := strings.Split(name, "/"); len(p) == 3 {
			from = setting{p[0], p[1]}
		}
		kind, where := settingOf(from, []byte(body))
		if kind != scope.Kind {
			continue
		}
		if yes, ok := where[at]; ok {
			told, on = true, on || yes
		}
	}
	if err := rows.Err(); err != nil || !told || on {
		return marks, err
	}
	for i := range marks {
		if m := &marks[i]; m.Why != evidence.WhyRecords {
			m.State, m.Why, m.Detail = evidence.NotCollectedState, evidence.WhySetting, ""
		}
	}
	return marks, nil
}
