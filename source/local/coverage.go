package local

import (
	"context"
	"fmt"
	"strings"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/coverage"
)

const hour = coverage.Hour

// kindSQL tells the kind of record of a CloudTrail row, as kindOf does in Go. A Lambda or S3 event is a data event
// when the record says so; other services' data events have a kind of their own.
const kindSQL = `CASE WHEN coalesce(event_category, '') = 'Data' OR (event_category IS NULL AND management_event = FALSE)
	THEN CASE event_source WHEN 's3.amazonaws.com' THEN 's3_data' WHEN 'lambda.amazonaws.com' THEN 'lambda_data'
		ELSE CASE WHEN regexp_full_match(event_source, 'bedrock[a-z-]*[.]amazonaws[.]com') THEN 'bedrock_data' ELSE 'other_data' END END
	WHEN coalesce(event_category, 'Management') = 'Management' THEN 'cloudtrail_management' ELSE 'other' END`

// An hoursOf is what records are counted by, hour by hour: what coverage is derived from.
type hoursOf struct{ kind, account, region string }

// countedBy are the fields that tell it; the first is one that says no.
var countedBy = map[query.Dataset][]query.Field{
	query.CloudTrail: {"management_event", "event_category", "event_source", "account", "region"},
	query.SignIn:     {"interactive", "category"},
	query.VPCFlow:    {"account", "region"},
	query.DNS:        {"account", "region"},
	query.S3Access:   {"account", "region"},
	query.EKSAudit:   {"account", "region"},
	query.RDSAudit:   {"account", "region"},
}

// kindOf tells the kind of record of a CloudTrail event.
func kindOf(category, source string, notManagement bool) string {
	switch {
	case category == "Data", category == "" && notManagement:
		switch source {
		case "s3.amazonaws.com":
			return query.KindS3Data
		case "lambda.amazonaws.com":
			return query.KindLambdaData
		}
		if isBedrock(source) {
			return query.KindBedrockData
		}
		return "other_data"
	case category == "", category == "Management":
		return query.KindManagement
	}
	return "other"
}

// isBedrock knows the services of Amazon Bedrock: bedrock, bedrock-agent, bedrock-agentcore, ...
func isBedrock(source string) bool {
	rest, ok := strings.CutPrefix(source, "bedrock")
	rest, end := strings.CutSuffix(rest, ".amazonaws.com")
	return ok && end && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// signinKindSQL tells the kind of record of a sign-in.
const signinKindSQL = `CASE WHEN interactive = FALSE OR category = 'NonInteractiveUserSignInLogs' THEN 'signin_noninteractive' ELSE 'signin' END`

// uncount is the statement that takes rows of a dataset out of the counts by hour.
func uncount(d query.Dataset, from string) string {
	const placed = ", coalesce(account, ''), coalesce(region, '')"
	by := kindSQL + placed
	switch {
	case d == query.SignIn:
		by = signinKindSQL + ", '', ''"
	case d != query.CloudTrail:
		by = sqlText(oneKind[d]) + placed
	}
	return fmt.Sprintf("INSERT INTO hours SELECT %s, event_time // %d, -count(*) FROM %s GROUP BY ALL", by, hour, from)
}

// oneKind is the kind of record of each dataset that holds one.
var oneKind = map[query.Dataset]string{
	query.VPCFlow: query.KindVPCFlow, query.DNS: query.KindDNS, query.S3Access: query.KindS3Access, query.EKSAudit: query.KindEKSAudit, query.RDSAudit: query.KindRDSAudit,
}

// A statusOf is an hour of which a log says that it was on and had nothing, or that it lost records.
type statusOf struct {
	kind, account, region string
	hour                  int64 // since 1970
	lost                  bool
}

// A mark is what is known of one stretch of the window.
type mark = coverage.Mark

// Covers tells what the store holds of a scope, interval by interval: by the configuration's
// assertions first, then by records, by holes between them, and by the trails' settings.
func (s *Store) Covers(ctx context.Context, scope query.Scope) (_ []evidence.Coverage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("coverage of %s in %s: %w", scope.Kind, s.Name(), err)
		}
	}()
	from, to := scope.Window.From.UnixMicro(), scope.Window.To.UnixMicro()
	if from >= to {
		return nil, fmt.Errorf("the window from %s to %s is empty", query.Stamp(scope.Window.From), query.Stamp(scope.Window.To))
	}
	counts, err := s.hourCounts(ctx, scope)
	if err != nil {
		return nil, err
	}
	trails, err := s.trailsOf(ctx, scope)
	if err != nil {
		return nil, err
	}
	lost, err := s.statuses(ctx, scope, counts)
	if err != nil {
		return nil, err
	}
	marks := coverage.ByHour(from, to, counts)
	if spec, ok := query.KindOf(scope.Kind); ok && spec.Dataset == query.CloudTrail {
		marks = trails.over(scope.Kind, marks)
	} else if marks, err = s.settled(ctx, scope, marks); err != nil {
		return nil, err
	}
	for _, h := range lost {
		marks = coverage.Overlay(marks, h*hour, (h+1)*hour, func(m mark) mark {
			m.State, m.Why, m.Detail = evidence.Unknown, evidence.WhyHole, "SKIPDATA"
			return m
		})
	}
	return coverage.Intervals(s.Name(), scope, coverage.Assert(marks, scope, s.opt.Assert)), nil
}

// statuses adds the hours in which the log was on to the counts, and returns those in which it lost
// records.
func (s *Store) statuses(ctx context.Context, scope query.Scope, counts map[int64]int64) (lost []int64, err error) {
	q, args := "SELECT DISTINCT hour, lost FROM statuses WHERE kind = ?", []any{scope.Kind}
	if scope.Account != "" {
		q, args = q+" AND account = ?", append(args, scope.Account)
	}
	if scope.Region != "" {
		q, args = q+" AND region = ?", append(args, scope.Region)
	}
	rows, err := s.db.QueryContext(ctx, q+" ORDER BY hour", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h int64
		var gone bool
		if err := rows.Scan(&h, &gone); err != nil {
			return nil, err
		}
		if gone {
			lost = append(lost, h)
		} else if counts[h] == 0 {
			counts[h] = 1
		}
	}
	return lost, rows.Err()
}

func (s *Store) hourCounts(ctx context.Context, scope query.Scope) (map[int64]int64, error) {
	q, args := "SELECT hour, sum(n)::BIGINT FROM hours WHERE kind = ?", []any{scope.Kind}
	if scope.Account != "" {
		q, args = q+" AND account = ?", append(args, scope.Account)
	}
	if scope.Region != "" {
		q, args = q+" AND region = ?", append(args, scope.Region)
	}
	rows, err := s.db.QueryContext(ctx, q+" GROUP BY hour HAVING sum(n) > 0", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[int64]int64{}
	for rows.Next() {
		var h, n int64
		if err := rows.Scan(&h, &n); err != nil {
			return nil, err
		}
		counts[h] = n
	}
	return counts, rows.Err()
}
