package athena

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/coverage"
)

// Options say which table is asked, and how.
type Options struct {
	Name string           // of the source, such as "athena-prod"
	Conn *awsconn.Conn    // how AWS is reached; Athena is asked in its Region, with the program's own credentials
	Now  func() time.Time // nil for the clock

	Catalog   string // "" for AwsDataCatalog
	Database  string // such as "amazon_security_lake_glue_db_ap_northeast_1"
	Table     string // such as "cloudtrail_logs"
	Workgroup string // "" for primary
	Output    string // where results are written, such as s3://bucket/folder/; "" where the workgroup says it

	Layout     Layout        // how records stand in the table; Detect reads it from the columns
	Kinds      []string      // kinds of record in the table; nil for what its layout and name tell
	Partitions []Partition   // nil for what the table's description tells
	Accounts   []string      // that the table holds, for a partition whose values must be named
	Regions    []string      // the same
	Late       time.Duration // how much later than its event a record may be delivered; 0 means 24 h
	ScanAll    bool          // ask a table without a partition in time; needs MaxBytes

	Concurrency int // questions asked at once; 0 means 4

	MaxBytes int64         // bytes that one query may scan; 0 leaves it to the workgroup
	MaxRows  int           // records fetched at most where a question is computed here; 0 means 50,000
	Timeout  time.Duration // of one query; 0 means 10 minutes
	Poll     time.Duration // first pause between looks at a query's state, doubled up to 5 s; 0 means 250 ms

	Delay     time.Duration // records younger than that may be on their way; 0 means 15 minutes
	Retention time.Duration // how long the table keeps records; 0 for not known
	Assert    []coverage.Assertion

	// Trails tells what the account's trails record of a kind, such as cloudtrail's Source.Trails; nil
	// where nobody can say. It is asked about hours in which the table holds no record.
	Trails func(context.Context, query.Scope) ([]evidence.Coverage, error)

	scope query.Scope // that a question is asked for
}

// of are the options for a question that is asked for the context's scope.
func (o Options) of(ctx context.Context) Options {
	o.scope = source.ScopeOf(ctx)
	return o
}

// A Source answers questions from one table of Athena. It may be asked concurrently.
type Source struct {
	opt Options

	turn chan struct{} // held while records are counted

	mu      sync.Mutex
	known   *table       // its description, once read
	hours   []hourList   // records by hour, as they were counted
	planned query.Window // that the questions of the round are about
}

var (
	workgroupName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,128}$`)
	tableName     = regexp.MustCompile(`^[^\x00-\x1f"]{1,128}$`)
)

// New returns a source. It makes no call.
func New(opt Options) (*Source, error) {
	opt.Catalog = cmp.Or(opt.Catalog, "AwsDataCatalog")
	opt.Workgroup = cmp.Or(opt.Workgroup, "primary")
	opt.Concurrency = cmp.Or(opt.Concurrency, 4)
	opt.Late = cmp.Or(opt.Late, 24*time.Hour)
	opt.MaxRows = cmp.Or(opt.MaxRows, 50_000)
	opt.Timeout = cmp.Or(opt.Timeout, 10*time.Minute)
	opt.Poll = cmp.Or(opt.Poll, 250*time.Millisecond)
	opt.Delay = cmp.Or(opt.Delay, 15*time.Minute)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("source %q: %w", opt.Name, err)
	}
	return &Source{opt: opt, turn: make(chan struct{}, 1)}, nil
}

func (o Options) check() error {
	switch {
	case o.Name == "":
		return errors.New("a source needs a name")
	case o.Conn == nil:
		return errors.New("there is no connection to AWS")
	case !tableName.MatchString(o.Database):
		return fmt.Errorf("database %q is no name", o.Database)
	case !tableName.MatchString(o.Table):
		return fmt.Errorf("table %q is no name", o.Table)
	case !workgroupName.MatchString(o.Workgroup):
		return fmt.Errorf("workgroup %q is no name", o.Workgroup)
	case o.ScanAll && o.MaxBytes <= 0:
		return errors.New("scanning a table without partitions needs a limit of bytes")
	case o.MaxBytes < 0 || o.Concurrency < 0 || o.MaxRows < 0 || o.Late < 0 || o.Delay < 0 || o.Retention < 0:
		return errors.New("a limit is negative")
	}
	for _, p := range o.Partitions {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

// Name is the source's name in the configuration.
func (s *Source) Name() string { return s.opt.Name }

// Concurrency is how many questions the source likes to be asked at once. Athena's own quota of
// active queries is for everybody in the account.
func (s *Source) Concurrency() int { return s.opt.Concurrency }
