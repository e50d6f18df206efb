package local

import (
	"context"
	"strings"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/coverage"
)

// settingNames are the members by which saved settings are known.
var settingNames = []string{"FlowLogs", "ResolverQueryLogConfigs", "ResolverQueryLogConfigAssociations", "DBClusters", "DBInstances"}

// isSetting knows saved settings by their member.
func isSetting(raw []byte) bool {
	for _, name := range settingNames {
		if topLevel(raw, name) {
			return true
		}
	}
	return topLevel(raw, "cluster") && memberAt(raw, "cluster", "logging") != "" || topLevel(raw, "LoggingEnabled") && memberAt(raw, "LoggingEnabled", "TargetBucket") != ""
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
	var settings []coverage.Setting
	for rows.Next() {
		var name, body string
		if err := rows.Scan(&name, &body); err != nil {
			return nil, err
		}
		var account, region string
		if p := strings.Split(name, "/"); len(p) == 3 {
			account, region = p[0], p[1]
		}
		for _, x := range coverage.ReadSettings(account, region, []byte(body)) {
			if x.Kind == scope.Kind && x.Account == scope.Account && x.Region == scope.Region {
				settings = append(settings, x)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return marks, err
	}
	if sw, _, told := coverage.Switched(settings); !told || sw != coverage.Off {
		return marks, nil
	}
	for i := range marks {
		if m := &marks[i]; m.Why != evidence.WhyRecords {
			m.State, m.Why, m.Detail = evidence.NotCollectedState, evidence.WhySetting, ""
		}
	}
	return marks, nil
}
