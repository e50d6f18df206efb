package athenatest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"uratori/source/awstest"
)

// An Oddity is something that Athena can do to a query.
type Oddity uint8

// The oddities.
const (
	Normal        Oddity = iota
	Stuck                // it runs until it is stopped
	FailOnce             // the first execution fails and may be put again
	FailAlways           // every execution fails and may be put again
	FailDenied           // the principal may not read the files
	FailUser             // it fails by its own fault
	Cancelled            // somebody cancels it
	ShortRow             // a row lacks a value
	LongRow              // a row has a value too many
	SameColumn           // two columns have one name
	NoHeader             // the first page begins with a row
	WordForNumber        // every value is a word
	MoreRows             // the result has more rows than LIMIT
	GiantRow             // one value is 100 MiB long
)

// Limits of the service (Amazon Athena User Guide, "Service Quotas"; API Reference).
const (
	maxQuery = 262_144
	maxPage  = 1000
)

// An Athena answers for a server's Athena. Its fields may be set before the first query.
type Athena struct {
	Active int      // queries that may be active at once; 0 means 20
	Looks  int      // looks at a query before it ends
	Cutoff int64    // bytes that a query of the workgroup may scan; 0 for no limit
	Groups []string // workgroups
	Output bool     // the workgroup says where results go

	mu     sync.Mutex
	odd    Oddity
	tables map[string]*table // by database and name
	runs   map[string]*execution
	tokens map[string]string // client's token -> id
	asked  []string          // queries that were started
	t      testing.TB
}

type execution struct {
	id, sql, group string
	catalog        string
	database       string
	state          string
	reason         string
	failure        map[string]any
	looks          int
	scanned, shown int64
	result         relation
	err            error
}

// New registers the operations of Athena with a server. The server must know the service "athena".
func New(t testing.TB, s *awstest.Server) *Athena {
	a := &Athena{Groups: []string{"primary"}, Output: true, tables: map[string]*table{}, runs: map[string]*execution{}, tokens: map[string]string{}, t: t}
	for op, h := range map[string]awstest.Handler{
		"StartQueryExecution": a.start, "GetQueryExecution": a.look, "GetQueryResults": a.results,
		"StopQueryExecution": a.stop, "GetTableMetadata": a.metadata,
	} {
		s.Handle("athena", op, h)
	}
	return a
}

// Table adds a table of CloudTrail records to a database of AwsDataCatalog.
func (a *Athena) Table(database, name string, records [][]byte, opt Options) {
	a.t.Helper()
	t, err := newTable(records, opt)
	if err != nil {
		a.t.Fatalf("athenatest: table %s: %v", name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tables[database+"."+name] = t
}

// Do makes what happens to queries from now on.
func (a *Athena) Do(o Oddity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.odd = o
}

// Queries are the queries that were started, in order; one that was sent again under its token
// stands once.
func (a *Athena) Queries() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.asked...)
}

// Running is how many queries have not ended.
func (a *Athena) Running() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.active()
}

// Scanned is how many bytes all queries scanned.
func (a *Athena) Scanned() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var n int64
	for _, x := range a.runs {
		n += x.shown
	}
	return n
}

func (a *Athena) active() int {
	n := 0
	for _, x := range a.runs {
		if x.state == "QUEUED" || x.state == "RUNNING" {
			n++
		}
	}
	return n
}

func invalid(format string, args ...any) error {
	return &awstest.Error{Code: "InvalidRequestException", Message: fmt.Sprintf(format, args...)}
}

func (a *Athena) start(r awstest.Request) (any, error) {
	var in struct {
		QueryString, ClientRequestToken, WorkGroup string
		QueryExecutionContext                      struct{ Catalog, Database string }
		ResultConfiguration                        struct{ OutputLocation string }
	}
	if err := r.Into(&in); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Input["ExecutionParameters"] != nil {
		return nil, invalid("athenatest knows no execution parameters")
	}
	if len(in.QueryString) > maxQuery {
		return nil, invalid("1 validation error detected: Value at 'queryString' failed to satisfy constraint: Member must have length less than or equal to %d", maxQuery)
	}
	known := in.WorkGroup == ""
	for _, g := range a.Groups {
		known = known || g == in.WorkGroup
	}
	if !known {
		return nil, invalid("WorkGroup %s is not found.", in.WorkGroup)
	}
	if !a.Output && !strings.HasPrefix(in.ResultConfiguration.OutputLocation, "s3://") {
		return nil, invalid("No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.")
	}
	if id, ok := a.tokens[in.ClientRequestToken]; ok && in.ClientRequestToken != "" {
		if x := a.runs[id]; x.sql != in.QueryString || x.group != in.WorkGroup {
			return nil, invalid("Idempotent parameters do not match")
		}
		return map[string]any{"QueryExecutionId": id}, nil
	}
	sel, err := parse(in.QueryString)
	if err != nil {
		return nil, invalid("line 1:1: %v", err)
	}
	most := a.Active
	if most == 0 {
		most = 20
	}
	if a.active() >= most {
		return nil, &awstest.Error{Code: "TooManyRequestsException", Message: "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of concurrent queries submitted by this account."}
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(len(a.runs), in.QueryString)))
	text := hex.EncodeToString(sum[:16])
	x := &execution{
		id: text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:], sql: in.QueryString, group: in.WorkGroup,
		catalog: in.QueryExecutionContext.Catalog, database: in.QueryExecutionContext.Database, state: "QUEUED",
	}
	run := &runner{from: &view{a, x.database}}
	x.result, x.err = run.run(sel, nil)
	x.scanned = run.scanned
	a.runs[x.id] = x
	a.asked = append(a.asked, in.QueryString)
	if in.ClientRequestToken != "" {
		a.tokens[in.ClientRequestToken] = x.id
	}
	return map[string]any{"QueryExecutionId": x.id}, nil
}

// A view finds tables from within a database. Its lock is held.
type view struct {
	a        *Athena
	database string
}

func (v *view) scan(name []string, where expr) (relation, int64, error) {
	if len(name) == 1 {
		name = []string{v.database, name[0]}
	}
	t := v.a.tables[strings.Join(name, ".")]
	if t == nil {
		return relation{}, 0, fmt.Errorf("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.%s' does not exist", strings.Join(name, "."))
	}
	return t.scan(where)
}

func (a *Athena) execution(id string) (*execution, error) {
	x := a.runs[id]
	if x == nil {
		return nil, invalid("QueryExecution %s was not found", id)
	}
	return x, nil
}

func (a *Athena) look(r awstest.Request) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, err := a.execution(r.Text("QueryExecutionId"))
	if err != nil {
		return nil, err
	}
	if x.state == "QUEUED" || x.state == "RUNNING" {
		x.looks++
		switch {
		case x.looks <= (a.Looks+1)/2:
		case x.looks <= a.Looks || a.odd == Stuck:
			x.state, x.shown = "RUNNING", x.scanned/2
		default:
			a.end(x)
		}
	}
	status := map[string]any{"State": x.state, "SubmissionDateTime": r.Time}
	if x.reason != "" {
		status["StateChangeReason"] = x.reason
	}
	if x.failure != nil {
		status["AthenaError"] = x.failure
	}
	return map[string]any{"QueryExecution": map[string]any{
		"QueryExecutionId": x.id, "Query": x.sql, "StatementType": "DML", "WorkGroup": x.group, "Status": status,
		"Statistics": map[string]any{"DataScannedInBytes": x.shown, "EngineExecutionTimeInMillis": int64(100 * x.looks)},
	}}, nil
}

// end brings a query to its end.
func (a *Athena) end(x *execution) {
	fail := func(reason string, retry bool) {
		x.state, x.reason = "FAILED", reason
		x.failure = map[string]any{"ErrorCategory": int64(2), "ErrorType": int64(1), "Retryable": retry, "ErrorMessage": reason}
	}
	x.shown = x.scanned
	switch {
	case a.odd == FailOnce && len(a.runs) == 1, a.odd == FailAlways:
		fail("GENERIC_INTERNAL_ERROR: the worker was lost", true)
	case a.odd == FailDenied:
		fail("PERMISSION_DENIED: Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)", false)
	case a.odd == FailUser:
		fail("HIVE_BAD_DATA: Error parsing a column", false)
	case a.odd == Cancelled:
		x.state, x.reason = "CANCELLED", "Query cancelled by user"
	case x.err != nil:
		fail(x.err.Error(), false)
	case a.Cutoff > 0 && x.scanned > a.Cutoff:
		x.state, x.reason = "CANCELLED", "Query exhausted. Bytes scanned limit was exceeded"
	default:
		x.state = "SUCCEEDED"
	}
}

func (a *Athena) stop(r awstest.Request) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, err := a.execution(r.Text("QueryExecutionId"))
	if err != nil {
		return nil, err
	}
	if x.state == "QUEUED" || x.state == "RUNNING" {
		x.state, x.reason = "CANCELLED", "Query cancelled by user"
	}
	return map[string]any{}, nil
}

type datum struct{ VarCharValue *string }

func (a *Athena) results(r awstest.Request) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, err := a.execution(r.Text("QueryExecutionId"))
	if err != nil {
		return nil, err
	}
	if x.state != "SUCCEEDED" {
		return nil, invalid("Query has not yet finished. Current state: %s", x.state)
	}
	size := maxPage
	if n, ok := r.Input["MaxResults"].(int64); ok {
		size = int(n)
	}
	from := 0
	if token := r.Text("NextToken"); token != "" {
		at, seal, _ := strings.Cut(token, ".")
		n, err := strconv.Atoi(at)
		if err != nil || seal != x.seal(n) {
			return nil, invalid("Invalid NextToken")
		}
		from = n
	}
	var info []map[string]any
	header := []datum{}
	for _, c := range x.result.cols {
		info = append(info, map[string]any{"Name": c.name, "Label": c.name, "Type": c.typ.name, "CaseSensitive": c.typ.name == "varchar"})
		header = append(header, datum{&c.name})
	}
	rows := [][]datum{header}
	for _, row := range x.result.rows {
		out := make([]datum, len(row))
		for i, v := range row {
			out[i].VarCharValue = shown(v, x.result.cols[i].typ)
		}
		rows = append(rows, out)
	}
	rows = a.spoil(rows, info)
	end := min(len(rows), from+size)
	page := []map[string]any{}
	for _, d := range rows[min(from, end):end] {
		page = append(page, map[string]any{"Data": d})
	}
	out := map[string]any{"ResultSet": map[string]any{"Rows": page, "ResultSetMetadata": map[string]any{"ColumnInfo": info}}, "UpdateCount": int64(0)}
	if end < len(rows) {
		out["NextToken"] = fmt.Sprintf("%d.%s", end, x.seal(end))
	}
	return out, nil
}

// seal binds a token to its execution.
func (x *execution) seal(n int) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(x.id, n)))
	return hex.EncodeToString(sum[:12])
}

// spoil does to a result what the oddity says.
func (a *Athena) spoil(rows [][]datum, info []map[string]any) [][]datum {
	last := len(rows) - 1
	word := "perhaps"
	switch a.odd {
	case ShortRow:
		rows[last] = rows[last][:len(rows[last])-1]
	case LongRow:
		rows[last] = append(rows[last], datum{&word})
	case SameColumn:
		if len(info) > 1 {
			info[1]["Name"] = info[0]["Name"]
		}
	case NoHeader:
		rows = rows[1:]
	case WordForNumber:
		for _, r := range rows[1:] {
			for i := range r {
				r[i].VarCharValue = &word
			}
		}
	case MoreRows:
		for range 3 * maxPage {
			rows = append(rows, rows[last])
		}
	case GiantRow:
		big := strings.Repeat("x", 100<<20)
		rows[last][0].VarCharValue = &big
	case Normal, Stuck, FailOnce, FailAlways, FailDenied, FailUser, Cancelled:
	}
	return rows
}

func (a *Athena) metadata(r awstest.Request) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := r.Text("CatalogName"); !strings.EqualFold(c, "AwsDataCatalog") {
		return nil, invalid("Catalog %s was not found", c)
	}
	t := a.tables[r.Text("DatabaseName")+"."+r.Text("TableName")]
	if t == nil {
		return nil, &awstest.Error{Code: "MetadataException", Message: "EntityNotFoundException: Entity Not Found"}
	}
	out := map[string]any{"Name": r.Text("TableName"), "TableType": "EXTERNAL_TABLE", "Columns": t.columns, "Parameters": t.parameters, "CreateTime": r.Time}
	if len(t.keys) > 0 {
		out["PartitionKeys"] = t.keys
	}
	return map[string]any{"TableMetadata": out}, nil
}
