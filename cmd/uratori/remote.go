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
	aws     *awsconn.Conn // nil until it is needed
	once    sync.Once     // for base
	base    *awsconn.Conn // that assumes the reader role
	baseErr error
	// the connection by which secrets are fetched
	vaultOnce sync.Once
	vaultConn *awsconn.Conn
	vaultErr  error
	readers   []directory.Reader
	known     *knowledge.Looker  // nil until it is opened
	history   *cloudtrail.Source // that can say what trails record; nil where none is configured
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
	for _, p := range []map[string]call.Pace{entra.Paces(), cloudtrail.Paces} {
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
	return r
}

// secretLife is how long a secret that was fetched from AWS is used before it is fetched again: a
// secret that is changed is used within this time.
const secretLife = 5 * time.Minute

// parameter fetches the secret of "ssm:NAME".
func (r *reach) parameter(ctx context.Context, name string) (string, error) {
	conn, err := r.vault()
	if err != nil {
		return "", err
	}
	return conn.Parameter(ctx, name)
}

// secret fetches that of "awssm:NAME" or "awssm:NAME#MEMBER".
func (r *reach) secret(ctx context.Context, rest string) (string, error) {
	conn, err := r.vault()
	if err != nil {
		return "", err
	}
	id, key, _ := strings.Cut(rest, "#")
	return conn.Secret(ctx, id, key)
}

// vault is the connection by which secrets are fetched: with the program's own credentials, since
// the external id of the roles in other accounts may be one of them.
func (r *reach) vault() (*awsconn.Conn, error) {
	r.vaultOnce.Do(func() {
		r.vaultConn, r.vaultErr = awsconn.New(awsconn.Options{
			Name: "aws", Region: cmp.Or(r.config.AWS.Region, "us-east-1"), Keys: r.keys, Caller: r.caller,
			Endpoint: func(string, string) string { return r.config.AWS.Endpoint },
		})
	})
	return r.vaultConn, r.vaultErr
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
	opt := cloudtrail.Options{
		Name: y.Name, Regions: r.config.Regions, Endpoint: r.config.AWS.Endpoint, Caller: r.caller, Pages: t.Pages, Timeout: length(y.Timeout), Now: r.app.clock,
		Keys: r.keys,
	}
	ids := t.Accounts
	if len(ids) == 0 {
		for _, a := range r.config.Accounts {
			ids = append(ids, a.ID)
		}
	}
	for _, id := range ids {
		acc := cloudtrail.Account{ID: id}
		if role, ok := r.role(id); ok {
			acc.RoleARN, acc.ExternalID = role, r.ask(r.config.AWS.ExternalID)
		}
		opt.Accounts = append(opt.Accounts, acc)
	}
	st, err := local.Open(ctx, local.Options{Name: y.Name + " (fetched)", Path: r.config.Path(t.Store), Now: r.app.clock()})
	if err != nil {
		return nil, err
	}
	*open = append(*open, st)
	opt.Store = st
	s, err := cloudtrail.New(opt)
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
	return athena.New(athena.Options{
		Name: y.Name, Region: cmp.Or(t.Region, r.config.AWS.Region), Endpoint: r.config.AWS.Endpoint, Caller: r.caller, Now: r.app.clock,
		Keys:    r.keys,
		Catalog: t.Catalog, Database: t.Database, Table: t.Table, Workgroup: t.Workgroup, Output: t.Output, Layout: layout, Kinds: t.Kinds,
		Accounts: accounts, Regions: regions, Partitions: partitions, Late: length(t.Late), MaxRows: t.MaxRows, Timeout: length(t.Timeout), Concurrency: t.Concurrency, Trails: r.trails,
		ScanAll: t.ScanAll, MaxBytes: t.MaxBytes, Retention: length(t.Retention), Delay: length(t.Delay), Wait: length(y.Timeout), Assert: assertions(y.Coverage),
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
	r.once.Do(func() {
		r.base, r.baseErr = awsconn.New(awsconn.Options{
			Name: "aws", Region: cmp.Or(r.config.AWS.Region, "us-east-1"), Keys: r.environment, Caller: r.caller, // which signs by the wall clock
			Role:     func(string) (awsconn.Role, bool) { return awsconn.Role{ARN: r.config.AWS.Role}, true },
			Endpoint: func(string, string) string { return r.config.AWS.Endpoint },
		})
	})
	if r.baseErr != nil {
		return awsconn.Keys{}, r.baseErr
	}
	return r.base.Credentials(ctx, parts[4])
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

// conn is the connection to AWS that look-ups and findings share.
func (r *reach) conn(ctx context.Context) (*awsconn.Conn, error) {
	if r.aws != nil {
		return r.aws, nil
	}
	aws := r.config.AWS
	externalID := ""
	if get := r.ask(aws.ExternalID); get != nil {
		var err error
		if externalID, err = get(ctx); err != nil {
			return nil, err
		}
	}
	var err error
	r.aws, err = awsconn.New(awsconn.Options{
		Name: "aws", Region: cmp.Or(aws.Region, "us-east-1"), Keys: r.keys, Caller: r.caller,
		Role: func(account string) (awsconn.Role, bool) {
			arn, ok := r.role(account)
			return awsconn.Role{ARN: arn, ExternalID: externalID}, ok && account != ""
		},
		Endpoint: func(string, string) string { return aws.Endpoint },
	})
	return r.aws, err
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
