package athena

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/call"
	"uratori/source/coverage"
)

// Options say which table is asked, and how.
type Options struct {
	Name      string                                      // of the source, such as "athena-prod"
	Region    string                                      // of Athena, such as "ap-northeast-1"
	Account   string                                      // that Athena is asked in, 12 digits; for pacing, may be empty
	Endpoint  string                                      // address of the service; "" for AWS's own
	Keys      func(context.Context) (awsconn.Keys, error) // asked before a call when the last ones are old
	Transport http.RoundTripper                           // nil for one of its own, see awsconn.Transport
	Caller    *call.Caller                                // shared by everything in the process
	Now       func() time.Time                            // nil for the clock

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
	Wait     time.Duration // of one call of the API; 0 means 30 s
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
	opt    Options
	client *athena.Client

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
	opt.Wait = cmp.Or(opt.Wait, 30*time.Second)
	opt.Poll = cmp.Or(opt.Poll, 250*time.Millisecond)
	opt.Delay = cmp.Or(opt.Delay, 15*time.Minute)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Transport == nil {
		opt.Transport = awsconn.Transport()
	}
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("source %q: %w", opt.Name, err)
	}
	s := &Source{opt: opt, turn: make(chan struct{}, 1)}
	s.client = athena.New(athena.Options{
		Region: opt.Region, Retryer: aws.NopRetryer{}, // every attempt is metered: package call tries again
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(s.credentials)),
		HTTPClient:  &http.Client{Transport: bounded{awsconn.PlainBody(opt.Transport)}},
	}, func(o *athena.Options) {
		if opt.Endpoint != "" {
			o.BaseEndpoint = aws.String(opt.Endpoint)
		}
	})
	return s, nil
}

func (o Options) check() error {
	switch {
	case o.Name == "":
		return errors.New("a source needs a name")
	case o.Caller == nil:
		return errors.New("calls need a caller")
	case o.Keys == nil:
		return errors.New("credentials are missing")
	case o.Region == "":
		return errors.New("region is missing")
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

// noCredentials is the error of credentials that could not be had.
type noCredentials struct{ err error }

func (e *noCredentials) Error() string { return "credentials: " + e.err.Error() }
func (e *noCredentials) Unwrap() error { return e.err }

func (s *Source) credentials(ctx context.Context) (aws.Credentials, error) {
	c, err := s.opt.Keys(ctx)
	if err != nil {
		err = &noCredentials{err}
	}
	return aws.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		CanExpire: !c.Expires.IsZero(), Expires: c.Expires, Source: "uratori",
	}, err
}
