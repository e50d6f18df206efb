package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"uratori/config"
	"uratori/evidence"
	"uratori/guardduty"
	"uratori/people"
	"uratori/query"
	"uratori/secret"
	"uratori/source"
	"uratori/source/athena"
	"uratori/source/awsconn"
	"uratori/source/awslogs"
	"uratori/source/awslookup"
	"uratori/source/call"
	"uratori/source/cloudtrail"
	"uratori/source/directory"
	"uratori/source/entra"
	"uratori/source/knowledge"
	"uratori/source/local"
	"uratori/source/pastcases"
	"uratori/source/splunk"
)

// A reach is how the services of a configuration are reached: what its sources share.
type reach struct {
	app     *app
	config  config.Config
	caller  *call.Caller
	secrets *secret.Resolver
	readers []directory.Reader
	known   *knowledge.Looker  // nil until it is opened
	history *cloudtrail.Source // that can say what trails record; nil where none is configured

	shared func() (*awsconn.Conn, error) // by which look-ups are made, and findings and secrets fetched
	base   func() (*awsconn.Conn, error) // that assumes the reader role
}

// trails tells what the trails of an account record, where a source can be asked about them.
func (r *reach) trails(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	if r.history == nil || scope.Account == "" {
		return nil, nil
	}
	return r.history.Trails(ctx, scope)
}

// paces are how fast every API may be called, by whoever calls it.
func paces() map[string]call.Pace {
	all := map[string]call.Pace{}
	for _, p := range []map[string]call.Pace{entra.Paces(), cloudtrail.Paces, awslookup.Paces} {
		maps.Copy(all, p)
	}
	return all
}

// shared makes every call to a service, whichever command or investigation it is for: the services'
// limits are theirs, and count all of the process.
func (a *app) shared() *call.Caller {
	a.once.Do(func() {
		if a.caller == nil {
			a.caller = call.New(call.Options{Paces: paces()})
		}
	})
	return a.caller
}

func (a *app) reach(c config.Config) *reach {
	r := &reach{app: a, config: c, caller: a.shared()}
	r.secrets = secret.NewResolver(c.Dir, a.getenv, map[string]secret.Fetch{
		"ssm": secret.Remember(r.parameter, secretLife, a.clock), "awssm": secret.Remember(r.secret, secretLife, a.clock),
	})
	r.shared = sync.OnceValues(func() (*awsconn.Conn, error) { return r.connect("aws", cmp.Or(c.AWS.Region, "us-east-1"), 0) })
	r.base = sync.OnceValues(func() (*awsconn.Conn, error) {
		return awsconn.New(awsconn.Options{
			Name: "aws", Region: cmp.Or(c.AWS.Region, "us-east-1"), Keys: r.environment, Caller: r.caller,
			Role:     func(string) (awsconn.Role, bool) { return awsconn.Role{ARN: c.AWS.Role}, true },
			Endpoint: func(string, string) string { return c.AWS.Endpoint },
		})
	})
	return r
}

// secretLife is how long a secret that was fetched from AWS is used before it is fetched again: a
// secret that is changed is used within this time.
const secretLife = 5 * time.Minute

// parameter fetches the secret of "ssm:NAME".
func (r *reach) parameter(ctx context.Context, name string) (string, error) {
	conn, err := r.shared()
	if err != nil {
		return "", err
	}
	return conn.Parameter(ctx, name)
}

// secret fetches that of "awssm:NAME" or "awssm:NAME#MEMBER".
func (r *reach) secret(ctx context.Context, rest string) (string, error) {
	conn, err := r.shared()
	if err != nil {
		return "", err
	}
	id, key, _ := strings.Cut(rest, "#")
	return conn.Secret(ctx, id, key)
}

// ask resolves a reference each time the secret is needed.
func (r *reach) ask(ref string) func(context.Context) (string, error) {
	if ref == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		v, err := r.secrets.Resolve(ctx, secret.Ref(ref))
		return v.Reveal(), err
	}
}

// length is a length of time that the configuration checked.
func length(text string) time.Duration {
	d, _ := config.Length(text)
	return d
}

// source opens a source of a service. What it keeps in a store is added to open.
func (r *reach) source(ctx context.Context, y config.Source, open *stores) (source.Source, error) {
	switch y.Type {
	case "splunk":
		return r.splunk(y)
	case "cloudtrail":
		return r.cloudtrail(ctx, y, open)
	case "athena":
		return r.athena(ctx, y)
	case "entra":
		return r.entra(y)
	}
	return nil, fmt.Errorf("source %q: type %q is not known", y.Name, y.Type)
}

func (r *reach) splunk(y config.Source) (source.Source, error) {
	s := y.Splunk
	opt := splunk.Options{
		Name: y.Name, Endpoint: s.URL, Token: r.ask(s.Token), Caller: r.caller, Accept: s.Accept,
		MaxRows: s.MaxRows, Delay: length(s.Delay), Timeout: length(y.Timeout), Now: r.app.clock,
		Way: map[string]splunk.Way{"": splunk.ByJob, "job": splunk.ByJob, "oneshot": splunk.ByOneshot, "export": splunk.ByExport}[s.Way],
	}
	if s.User != "" {
		password := r.ask(s.Password)
		opt.Login = func(ctx context.Context) (string, string, error) {
			p, err := password(ctx)
			return s.User, p, err
		}
	}
	if s.CA != "" {
		var err error
		if opt.CA, err = os.ReadFile(r.config.Path(s.CA)); err != nil {
			return nil, fmt.Errorf("source %q: read the authority's certificate: %w", y.Name, err)
		}
	}
	for _, p := range s.Places {
		place := splunk.Place{Dataset: query.Dataset(p.Dataset), Index: p.Index, Sourcetype: p.Sourcetype, Account: p.AccountField}
		if p.Record != "" || len(p.Fields) > 0 {
			m := splunk.MapOf(place.Dataset, p.Sourcetype)
			m.Record = query.Path(cmp.Or(p.Record, string(m.Record)))
			paths := map[query.Field][]query.Path{}
			maps.Copy(paths, m.Paths)
			for field, path := range p.Fields {
				paths[query.Field(field)] = []query.Path{query.Path(path)}
			}
			m.Paths, place.Map = paths, &m
		}
		opt.Places = append(opt.Places, place)
	}
	for _, a := range assertions(y.Coverage) {
		opt.Assert = append(opt.Assert, splunk.Assertion{Kind: a.Kind, Account: a.Account, Region: a.Region, From: a.From, To: a.To, State: a.State})
	}
	return splunk.New(opt)
}

func (r *reach) cloudtrail(ctx context.Context, y config.Source, open *stores) (source.Source, error) {
	t := y.CloudTrail
	accounts := t.Accounts
	if len(accounts) == 0 {
		for _, a := range r.config.Accounts {
			accounts = append(accounts, a.ID)
		}
	}
	conn, err := r.connect(y.Name, r.config.Regions[0], length(y.Timeout))
	if err != nil {
		return nil, err
	}
	st, err := local.Open(ctx, local.Options{Name: y.Name + " (fetched)", Path: r.config.Path(t.Store), Now: r.app.clock()})
	if err != nil {
		return nil, err
	}
	*open = append(*open, st)
	s, err := cloudtrail.New(cloudtrail.Options{
		Name: y.Name, Conn: conn, Accounts: accounts, Regions: r.config.Regions, Store: st, Pages: t.Pages, Now: r.app.clock,
	})
	if err == nil && r.history == nil {
		r.history = s
	}
	return s, err
}

func (r *reach) athena(_ context.Context, y config.Source) (source.Source, error) {
	t := y.Athena
	accounts, regions := t.Accounts, t.Regions
	if len(accounts) == 0 {
		for _, a := range r.config.Accounts {
			accounts = append(accounts, a.ID)
		}
	}
	if len(regions) == 0 {
		regions = r.config.Regions
	}
	means := map[string]athena.Means{"account": athena.ByAccount, "region": athena.ByRegion, "delivery": athena.ByDelivery, "event_time": athena.ByEventTime}
	var partitions []athena.Partition
	for _, p := range t.Partitions {
		part := athena.Partition{Means: means[p.By], Injected: p.Injected}
		for _, c := range p.Columns {
			part.Columns = append(part.Columns, strings.ToLower(c))
		}
		for _, f := range p.Formats {
			part.Formats = append(part.Formats, athena.Format(f))
		}
		partitions = append(partitions, part)
	}
	layout, _ := athena.LayoutNamed(t.Layout) // checked with the configuration
	conn, err := r.connect(y.Name, cmp.Or(t.Region, r.config.AWS.Region), length(y.Timeout))
	if err != nil {
		return nil, err
	}
	return athena.New(athena.Options{
		Name: y.Name, Conn: conn, Now: r.app.clock,
		Catalog: t.Catalog, Database: t.Database, Table: t.Table, Workgroup: t.Workgroup, Output: t.Output, Layout: layout, Kinds: t.Kinds,
		Accounts: accounts, Regions: regions, Partitions: partitions, Late: length(t.Late), MaxRows: t.MaxRows, Timeout: length(t.Timeout), Concurrency: t.Concurrency, Trails: r.trails,
		ScanAll: t.ScanAll, MaxBytes: t.MaxBytes, Retention: length(t.Retention), Delay: length(t.Delay), Assert: assertions(y.Coverage),
	})
}

func (r *reach) entra(y config.Source) (source.Source, error) {
	e := y.Entra
	s, err := entra.New(entra.Options{
		Name: y.Name, TenantID: e.Tenant, ClientID: e.ClientID, Secret: r.ask(e.Secret), Endpoint: e.Endpoint, TokenURL: e.TokenURL,
		Caller: r.caller, Now: r.app.clock, NonInteractive: e.NonInteractive, Retention: length(e.Retention), Delay: length(e.Delay), MaxPages: e.MaxPages, Timeout: length(y.Timeout),
	})
	if err != nil {
		return nil, err
	}
	r.readers = append(r.readers, s)
	return s, nil
}

// role is the role to assume in an account: none in the account of the reader role itself.
func (r *reach) role(account string) (arn string, ok bool) {
	aws := r.config.AWS
	partition := "aws"
	if parts := strings.Split(aws.Role, ":"); len(parts) > 4 {
		if partition = parts[1]; parts[4] == account {
			return "", false
		}
	}
	if aws.MemberRole == "" {
		return "", false
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", partition, account, aws.MemberRole), true
}

// keys are the program's own credentials: those of the environment or profile, or of the reader
// role that is assumed with them.
func (r *reach) keys(ctx context.Context) (awsconn.Keys, error) {
	parts := strings.Split(r.config.AWS.Role, ":")
	if len(parts) < 6 {
		return r.environment(ctx)
	}
	base, err := r.base()
	if err != nil {
		return awsconn.Keys{}, err
	}
	return base.Credentials(ctx, parts[4])
}

// environment are the credentials of the environment or profile.
func (r *reach) environment(ctx context.Context) (awsconn.Keys, error) {
	load := []func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(logging.Nop{})} // errors are told by us
	if p := r.config.AWS.Profile; p != "" {
		load = append(load, awsconfig.WithSharedConfigProfile(p))
	}
	if region := r.config.AWS.Region; region != "" {
		load = append(load, awsconfig.WithRegion(region))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return awsconn.Keys{}, fmt.Errorf("credentials for AWS: %w: %w", source.ErrDenied, err)
	}
	k, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return awsconn.Keys{}, fmt.Errorf("credentials for AWS: %w: %w; log in, or name a profile under aws: in the configuration", source.ErrDenied, err)
	}
	own := awsconn.Keys{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
	if k.CanExpire {
		own.Expires = k.Expires
	}
	return own, nil
}

// connect makes a connection to AWS for a source or looker of that name; a timeout of 0 is what a
// connection takes by itself.
func (r *reach) connect(name, region string, timeout time.Duration) (*awsconn.Conn, error) {
	return awsconn.New(awsconn.Options{
		Name: name, Region: region, Keys: r.keys, Caller: r.caller, Timeout: timeout,
		Role: func(account string) (awsconn.Role, bool) {
			arn, ok := r.role(account)
			return awsconn.Role{ARN: arn, ExternalID: r.ask(r.config.AWS.ExternalID)}, ok
		},
		Endpoint: func(string, string) string { return r.config.AWS.Endpoint },
	})
}

// conn is the connection that look-ups and findings share. An external id that cannot be read is
// told at once, not by every look-up.
func (r *reach) conn(ctx context.Context) (*awsconn.Conn, error) {
	if get := r.ask(r.config.AWS.ExternalID); get != nil {
		if _, err := get(ctx); err != nil {
			return nil, err
		}
	}
	return r.shared()
}

// logSettings is the name of the source that tells which logs of AWS are on.
const logSettings = "aws-log-settings"

// logs adds the source that tells which logs are on, as the last to be asked of their datasets.
func (r *reach) logs(ctx context.Context, o *opened) error {
	if len(r.config.AWS.Logs) == 0 {
		return nil
	}
	conn, err := r.conn(ctx)
	if err != nil {
		return err
	}
	s, err := awslogs.New(awslogs.Options{Name: logSettings, Conn: conn, Kinds: r.config.AWS.Logs, Now: r.app.clock})
	if err != nil {
		return err
	}
	o.sources = append(o.sources, s)
	for _, k := range query.Kinds() {
		if order, ok := o.order[k.Dataset]; ok && slices.Contains(r.config.AWS.Logs, k.Kind) {
			o.order[k.Dataset] = append(slices.Clone(order), logSettings)
		}
	}
	return nil
}

// lookers are who is asked what is known now: the operator's list first, then directories, then AWS.
func (r *reach) lookers(ctx context.Context) ([]source.Looker, error) {
	var out []source.Looker
	if name := r.config.People.List; name != "" {
		l, err := r.people(name)
		if err != nil {
			return nil, err
		}
		out = append(out, directory.List("people-list", l))
	}
	for _, reader := range r.readers {
		out = append(out, source.Remember(directory.New(reader), source.DefaultLives(), r.app.clock))
	}
	if k := r.config.Knowledge; len(k.Databases)+len(k.Lists) > 0 {
		out = append(out, r.openKnowledge())
	}
	if p := r.config.PastCases; len(p.Folders) > 0 {
		l, err := r.pastCases(p)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if aws := r.config.AWS; len(aws.LookUp) > 0 {
		conn, err := r.conn(ctx)
		if err != nil {
			return nil, err
		}
		var kinds []evidence.LookupKind
		for _, k := range aws.LookUp {
			if k == string(evidence.LookInvestigation) {
				client, err := r.guardduty(ctx)
				if err != nil {
					return nil, err
				}
				out = append(out, guardduty.NewLooker("guardduty", client))
				continue
			}
			kinds = append(kinds, evidence.LookupKind(k))
		}
		if len(kinds) == 0 {
			return out, nil
		}
		l, err := awslookup.New(awslookup.Options{
			Name: "aws", Conn: conn, Organization: aws.Organization, IdentityStore: awslookup.IdentityStore(aws.IdentityStore), Kinds: kinds,
		})
		if err != nil {
			return nil, err
		}
		out = append(out, source.Remember(l, source.DefaultLives(), r.app.clock))
	}
	return out, nil
}

// openKnowledge opens the operator's databases and lists. What cannot be read is told of here, and in
// every report that it might have mattered to.
func (r *reach) openKnowledge() source.Looker {
	databases, lists := knownFiles(r.config)
	var notices []string
	r.known, notices = knowledge.Open("knowledge", databases, lists)
	for _, n := range notices {
		r.app.hint("knowledge: " + n)
	}
	return r.known
}

// knownFiles are the databases and lists of the configuration.
func knownFiles(c config.Config) (databases []knowledge.Database, lists []knowledge.List) {
	for _, d := range c.Knowledge.Databases {
		databases = append(databases, knowledge.Database{Name: d.Name, Path: c.Path(d.Path)})
	}
	for _, l := range c.Knowledge.Lists {
		lists = append(lists, knowledge.List{Name: l.Name, Kind: l.Kind, Path: c.Path(l.Path), Date: l.Date})
	}
	return databases, lists
}

// pastCases reads the earlier cases. A bundle that is damaged is told of and left out.
func (r *reach) pastCases(p config.PastCases) (source.Looker, error) {
	var folders []string
	for _, f := range p.Folders {
		folders = append(folders, r.config.Path(f))
	}
	l, notices, err := pastcases.Read("past-cases", folders, r.config.Path(p.Endings))
	if err != nil {
		return nil, usage(err)
	}
	for _, n := range notices {
		r.app.hint(n + "; the case is left out")
	}
	return l, nil
}

// people reads the operator's list. Rows that cannot be read are told of and left out.
func (r *reach) people(name string) (*people.List, error) {
	zone, err := time.LoadLocation(cmp.Or(r.config.Calendar.Zone, "Asia/Tokyo"))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(r.config.Path(name))
	if err != nil {
		return nil, fmt.Errorf("read the list of people: %w", err)
	}
	defer f.Close()
	list, bad, err := people.ReadCSV(f, name, zone)
	if err != nil {
		return nil, usage(err)
	}
	for _, b := range bad {
		r.app.hint(name + ": " + b.String() + "; the row is left out")
	}
	return list, nil
}

// guardduty is the client that fetches findings.
func (r *reach) guardduty(ctx context.Context) (*guardduty.Client, error) {
	conn, err := r.conn(ctx)
	if err != nil {
		return nil, err
	}
	return guardduty.New(conn)
}

// compared is how many questions of a dataset are asked of a second source: what the configuration
// says, else one where services are asked and none over files alone.
func compared(c config.Config) int {
	if c.Compare != nil {
		return *c.Compare
	}
	for _, s := range c.Sources {
		if s.Type != "local" {
			return 1
		}
	}
	return 0
}

// assertions are what the configuration asserts of a source's coverage.
func assertions(list []config.Coverage) []local.Assertion {
	var out []local.Assertion
	for _, c := range list {
		out = append(out, assertion(c))
	}
	return out
}
