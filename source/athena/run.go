package athena

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/smithy-go"

	"uratori/evidence"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/call"
)

// Limits of the service (Amazon Athena API Reference, GetQueryResults) and our own.
const (
	pageRows = 1000            // the header is one of them
	maxBody  = 64 << 20        // of one response
	maxPause = 5 * time.Second // between looks at a query's state
	stopping = 3 * time.Second // how long a query that is not wanted any more is told to stop
)

// A tally is what an answer cost.
type tally struct {
	calls, pages int
	bytes        int64
}

// A refusal is an answer of the service that is no result: the query failed, was cancelled, or
// ran into a limit.
type refusal struct {
	outcome evidence.Outcome
	reason  string
}

func (r *refusal) Error() string { return r.reason }

// do makes one call of the API. What it costs is told by f: bytes are those that a query scanned.
func (s *Source) do(ctx context.Context, t *tally, op string, f func(context.Context, *athena.Client) (call.Cost, error)) error {
	var cost call.Cost
	target := awsconn.Target{Service: "athena", API: "athena:" + op, Most: maxBody, Cost: func() call.Cost { return cost }}
	_, _, err := s.opt.Conn.Do(ctx, target, func(ctx context.Context, cfg aws.Config) (err error) {
		t.calls++
		cost, err = f(ctx, athena.NewFromConfig(cfg))
		return meant(err)
	})
	return err
}

// meant is an error that means something else here than elsewhere in AWS.
func meant(err error) error {
	var large awsconn.TooLarge
	var e smithy.APIError
	switch {
	case errors.As(err, &large):
		return errTooLarge // also when it is asked again
	case errors.As(err, &e) && e.ErrorCode() == "MetadataException" && strings.Contains(e.ErrorMessage(), "AccessDenied"):
		return fmt.Errorf("%s: %s: %w", e.ErrorCode(), e.ErrorMessage(), source.ErrDenied)
	}
	return err
}

// run puts a query and returns its rows, without the header. most bounds them.
func (s *Source) run(ctx context.Context, t *tally, sql string, columns, most int) ([][]*string, error) {
	asked := s.opt.Now().UTC().Truncate(15 * time.Minute)
	var err error
	for attempt := range 2 {
		var rows [][]*string
		var again bool
		if rows, again, err = s.once(ctx, t, sql, s.token(sql, asked, attempt), columns, most); err == nil || !again {
			return rows, err
		}
	}
	return nil, err
}

// token is the client's request token of a query. It follows from the question, so that sending
// it again does not start a second query; and from the quarter hour, so that what was asked long
// ago is asked anew.
func (s *Source) token(sql string, asked time.Time, attempt int) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{s.Name(), s.opt.Workgroup, s.opt.Catalog, s.opt.Database, s.opt.Output, asked.Format(time.RFC3339), strconv.Itoa(attempt), sql}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// once starts a query, waits for its end, and reads its result. again tells that the service
// says of a failed query that it may be put again.
func (s *Source) once(ctx context.Context, t *tally, sql, token string, columns, most int) (rows [][]*string, again bool, err error) {
	in := &athena.StartQueryExecutionInput{
		QueryString: &sql, ClientRequestToken: &token, WorkGroup: &s.opt.Workgroup,
		QueryExecutionContext: &types.QueryExecutionContext{Catalog: &s.opt.Catalog, Database: &s.opt.Database},
	}
	if s.opt.Output != "" {
		in.ResultConfiguration = &types.ResultConfiguration{OutputLocation: &s.opt.Output}
	}
	var id string
	start := func(ctx context.Context) error {
		return s.do(ctx, t, "StartQueryExecution", func(ctx context.Context, client *athena.Client) (call.Cost, error) {
			out, err := client.StartQueryExecution(ctx, in)
			if err == nil {
				if id = aws.ToString(out.QueryExecutionId); id == "" {
					err = errNonsense
				}
			}
			return call.Cost{}, err
		})
	}
	before := t.calls
	if err := start(ctx); err != nil {
		if ctx.Err() != nil && t.calls > before {
			// It may have been started although nobody heard its id: asked under the same token, the
			// service tells it.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopping)
			defer cancel()
			if start(ctx) == nil {
				s.stop(ctx, t, id)
			}
		}
		return nil, false, err
	}
	done := false
	defer func() {
		if !done {
			s.stop(ctx, t, id)
		}
	}()
	if again, err = s.wait(ctx, t, id, &done); err != nil {
		return nil, again, err
	}
	rows, err = s.results(ctx, t, id, columns, most)
	return rows, false, err
}

// stop tells a query to stop that nobody waits for any more, also when ctx has ended.
func (s *Source) stop(ctx context.Context, t *tally, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopping)
	defer cancel()
	// Its error changes nothing: the query is bounded by its partitions and by the workgroup.
	_ = s.do(ctx, t, "StopQueryExecution", func(ctx context.Context, client *athena.Client) (call.Cost, error) {
		_, err := client.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: &id})
		return call.Cost{}, err
	})
}

// wait looks at a query until it ends. done is set when there is nothing left to stop.
func (s *Source) wait(ctx context.Context, t *tally, id string, done *bool) (again bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opt.Timeout, errTooLong)
	defer cancel()
	var scanned int64
	for pause := s.opt.Poll; ; pause = min(pause*2, maxPause) {
		var q *types.QueryExecution
		if err := s.do(ctx, t, "GetQueryExecution", func(ctx context.Context, client *athena.Client) (call.Cost, error) {
			out, err := client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
			if err != nil {
				return call.Cost{}, err
			}
			if q = out.QueryExecution; q == nil || q.Status == nil || aws.ToString(q.QueryExecutionId) != id {
				return call.Cost{}, errNonsense
			}
			var cost call.Cost
			if q.Statistics != nil {
				now := max(scanned, aws.ToInt64(q.Statistics.DataScannedInBytes))
				cost.Bytes, scanned = now-scanned, now
				t.bytes += cost.Bytes
			}
			return cost, nil
		}); err != nil {
			return false, ended(ctx, err)
		}
		why := aws.ToString(q.Status.StateChangeReason)
		switch q.Status.State {
		case types.QueryExecutionStateSucceeded:
			*done = true
			return false, nil
		case types.QueryExecutionStateFailed:
			*done = true
			return q.Status.AthenaError != nil && q.Status.AthenaError.Retryable, failed(q.Status)
		case types.QueryExecutionStateCancelled:
			*done = true
			if strings.Contains(why, "Bytes scanned limit") {
				return false, &refusal{evidence.Throttled, "the workgroup stopped the query: " + why}
			}
			return false, &refusal{evidence.Failed, "the query was cancelled: " + why}
		case types.QueryExecutionStateQueued, types.QueryExecutionStateRunning:
		default:
			return false, fmt.Errorf("state %q is not known: %w", q.Status.State, source.ErrUnavailable)
		}
		if s.opt.MaxBytes > 0 && scanned > s.opt.MaxBytes {
			return false, &refusal{evidence.Throttled, fmt.Sprintf("the query had scanned %d bytes, over the limit of %d, and was stopped", scanned, s.opt.MaxBytes)}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, ended(ctx, context.Cause(ctx))
		}
	}
}

var (
	errTooLong  = errors.New("the query took too long")
	errNonsense = fmt.Errorf("the response lacks what it must have: %w", source.ErrUnavailable)
	errTooLarge = fmt.Errorf("a response is larger than %d MiB; ask for fewer fields: %w", maxBody>>20, source.ErrInvalid)
)

// ended tells our own deadline from the caller's.
func ended(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTooLong) {
		return &refusal{evidence.Throttled, "the query took longer than it may, and was stopped"}
	}
	return err
}

// failed reads why a query failed. Permissions have no code of their own there: the texts are
// those of Athena's error catalogue and of Lake Formation.
func failed(st *types.QueryExecutionStatus) error {
	why := aws.ToString(st.StateChangeReason)
	if why == "" && st.AthenaError != nil {
		why = aws.ToString(st.AthenaError.ErrorMessage)
	}
	for _, word := range []string{"Access Denied", "AccessDenied", "PERMISSION_DENIED", "Insufficient permissions", "Insufficient Lake Formation"} {
		if strings.Contains(why, word) {
			return &refusal{evidence.Denied, why}
		}
	}
	if strings.Contains(why, "exhausted resources") {
		return &refusal{evidence.Throttled, why}
	}
	return &refusal{evidence.Failed, "the query failed: " + why}
}

// results reads all pages of a result.
func (s *Source) results(ctx context.Context, t *tally, id string, columns, most int) ([][]*string, error) {
	var rows [][]*string
	var token *string
	seen := map[string]bool{}
	for page := 0; ; page++ {
		var out *athena.GetQueryResultsOutput
		if err := s.do(ctx, t, "GetQueryResults", func(ctx context.Context, client *athena.Client) (call.Cost, error) {
			var err error
			if out, err = client.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: &id, NextToken: token, MaxResults: aws.Int32(pageRows)}); err != nil {
				return call.Cost{}, err
			}
			if out.ResultSet == nil || out.ResultSet.ResultSetMetadata == nil {
				return call.Cost{Pages: 1}, errNonsense
			}
			return call.Cost{Pages: 1, Rows: int64(len(out.ResultSet.Rows))}, nil
		}); err != nil {
			return nil, err
		}
		t.pages++
		set := out.ResultSet
		if err := header(set.ResultSetMetadata.ColumnInfo, columns); err != nil {
			return nil, err
		}
		if page == 0 {
			if len(set.Rows) == 0 {
				return nil, fmt.Errorf("the first page has no header: %w", source.ErrUnavailable)
			}
			for i, d := range set.Rows[0].Data {
				if aws.ToString(d.VarCharValue) != fmt.Sprintf("c%d", i+1) {
					return nil, fmt.Errorf("the header's column %d is %.60q: %w", i+1, aws.ToString(d.VarCharValue), source.ErrUnavailable)
				}
			}
			set.Rows = set.Rows[1:]
		}
		for _, r := range set.Rows {
			if len(r.Data) != columns {
				return nil, fmt.Errorf("a row has %d values for %d columns: %w", len(r.Data), columns, source.ErrUnavailable)
			}
			row := make([]*string, columns)
			for i, d := range r.Data {
				row[i] = d.VarCharValue
			}
			rows = append(rows, row)
		}
		if len(rows) > most {
			return nil, fmt.Errorf("the result has more than the %d rows that were asked for: %w", most, source.ErrUnavailable)
		}
		if token = out.NextToken; token == nil || *token == "" {
			return rows, nil
		}
		if seen[*token] || page > most/(pageRows/2)+1 {
			return nil, fmt.Errorf("the pages of the result do not end: %w", source.ErrUnavailable)
		}
		seen[*token] = true
	}
}

// header holds a result's columns against those that were asked for.
func header(info []types.ColumnInfo, columns int) error {
	if len(info) != columns {
		return fmt.Errorf("the result has %d columns, not %d: %w", len(info), columns, source.ErrUnavailable)
	}
	for i, c := range info {
		if aws.ToString(c.Name) != fmt.Sprintf("c%d", i+1) {
			return fmt.Errorf("column %d of the result is named %.60q: %w", i+1, aws.ToString(c.Name), source.ErrUnavailable)
		}
	}
	return nil
}
