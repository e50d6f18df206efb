package local

import (
	"context"
	"database/sql"
	"fmt"

	"uratori/evidence"
	"uratori/query"
	"uratori/source/coverage"
)

const hour = coverage.Hour

// kindSQL tells the kind of record of a CloudTrail row. A Lambda or S3 event is a data event
// when the record says so; other services' data events have a kind of their own.
const kindSQL = `CASE WHEN coalesce(event_category, '') = 'Data' OR (event_category IS NULL AND management_event = FALSE)
	THEN CASE event_source WHEN 's3.amazonaws.com' THEN 's3_data' WHEN 'lambda.amazonaws.com' THEN 'lambda_data' ELSE 'other_data' END
	WHEN coalesce(event_category, 'Management') = 'Management' THEN 'cloudtrail_management' ELSE 'other' END`

// countHours counts the records of each kind by hour: what coverage is derived from.
func countHours(ctx context.Context, conn *sql.Conn) error {
	for _, st := range []string{
		"DELETE FROM hours",
		fmt.Sprintf("INSERT INTO hours SELECT %s, coalesce(account, ''), coalesce(region, ''), event_time // %d, count(*) FROM cloudtrail GROUP BY ALL", kindSQL, hour),
		fmt.Sprintf("INSERT INTO hours SELECT CASE WHEN interactive = FALSE OR category = 'NonInteractiveUserSignInLogs' THEN 'signin_noninteractive' ELSE 'signin' END, '', '', event_time // %d, count(*) FROM signin GROUP BY ALL", hour),
	} {
		if _, err := conn.ExecContext(ctx, st); err != nil {
			return err
		}
	}
	return nil
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
	marks := coverage.ByHour(from, to, counts)
	if spec, ok := query.KindOf(scope.Kind); ok && spec.Dataset == query.CloudTrail {
		marks = trails.over(scope.Kind, marks)
	}
	return coverage.Intervals(s.Name(), scope, coverage.Assert(marks, scope, s.opt.Assert)), nil
}

func (s *Store) hourCounts(ctx context.Context, scope query.Scope) (map[int64]int64, error) {
	q, args := "SELECT hour, sum(n)::BIGINT FROM hours WHERE kind = ?", []any{scope.Kind}
	if scope.Account != "" {
		q, args = q+" AND account = ?", append(args, scope.Account)
	}
	if scope.Region != "" {
		q, args = q+" AND region = ?", append(args, scope.Region)
	}
	rows, err := s.db.QueryContext(ctx, q+" GROUP BY hour", args...)
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
