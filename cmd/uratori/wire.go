package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"uratori/config"
	"uratori/evidence"
	"uratori/fact"
	"uratori/gather"
	"uratori/investigate"
	"uratori/ledger"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/playbook"
	"uratori/policy"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
	"uratori/source/scripted"
	"uratori/source/splunk"
)

// loadConfig reads the configuration named by a flag; without one the defaults.
func loadConfig(path string) (config.Config, error) {
	if path == "" {
		return config.Default(), nil
	}
	c, err := config.Load(path)
	return c, usage(err)
}

// settings hands the configuration down to facts as plain values.
func settings(c config.Config) fact.Settings {
	s := fact.Settings{
		Calendar: c.Calendar, ContractorPrefixes: c.People.ContractorPrefixes,
		IdentityCenter: fact.IdentityCenter(c.IdentityCenter),
	}
	for _, a := range c.Accounts {
		s.Accounts = append(s.Accounts, fact.Account(a))
	}
	for _, e := range c.Environments {
		s.Environments = append(s.Environments, fact.EnvironmentRule(e))
	}
	for _, p := range c.People.Known {
		s.People = append(s.People, fact.Person(p))
	}
	for _, n := range c.Networks {
		s.Networks = append(s.Networks, fact.Network(n))
	}
	for _, a := range c.Automation {
		s.Automation = append(s.Automation, fact.Automation(a))
	}
	for _, g := range c.Calendars {
		s.Calendars = append(s.Calendars, fact.GroupCalendar{Name: g.Name, For: fact.Group(g.For), Calendar: g.Calendar})
	}
	for _, g := range c.Accepted {
		s.Accepted = append(s.Accepted, fact.AcceptedGap{Kind: g.Dataset, Accounts: g.Accounts, Reason: g.Reason, Approver: g.Approver, Until: g.End})
	}
	for _, ch := range c.Changes {
		s.Changes = append(s.Changes, fact.Change{
			ID: ch.ID, From: ch.Begin, Until: ch.End, Accounts: ch.Accounts, APIs: ch.APIs, Actors: ch.Actors, Resources: ch.Resources, Approver: ch.Approver,
		})
	}
	return s
}

// budget is the configuration's bound; nothing said means none.
func budget(c config.Config) ledger.Budget {
	b := ledger.NoLimit()
	set := func(to *int64, n int64) {
		if n > 0 {
			*to = n
		}
	}
	set(&b.Calls, c.Budget.Calls)
	set(&b.Pages, c.Budget.Pages)
	set(&b.Rows, c.Budget.Rows)
	set(&b.Bytes, c.Budget.Bytes)
	if d, err := time.ParseDuration(c.Budget.Wall); err == nil {
		b.Wall = d
	}
	b.APIs = c.Budget.APIs
	return b
}

// day is the budget that all investigations of a day share; nil without one.
func day(c config.Config) (*ledger.Day, error) {
	y := c.Budget.PerDay
	if y == nil {
		return nil, nil
	}
	b := ledger.NoLimit()
	for to, n := range map[*int64]int64{&b.Calls: y.Calls, &b.Pages: y.Pages, &b.Rows: y.Rows, &b.Bytes: y.Bytes} {
		if n > 0 {
			*to = n
		}
	}
	if d, err := time.ParseDuration(y.Wall); err == nil {
		b.Wall = d
	}
	b.APIs = y.APIs
	return ledger.OpenDay(c.Path(y.Dir), b, time.Now)
}

// A judge is what does not depend on where the logs are: playbooks, policy, language.
func tools(c config.Config, lang string) (investigate.Tools, error) {
	t := investigate.Tools{
		Narrator: narrative.Default{}, Settings: settings(c), Language: phrase.Lang(lang), Budget: budget(c), Cache: gather.NewCache(), Turns: gather.NewTurns(), Version: version, Now: time.Now,
	}
	var err error
	if t.Day, err = day(c); err != nil {
		return t, err
	}
	if t.Playbooks, err = playbook.Default(); c.Playbooks != "" && err == nil {
		t.Playbooks, err = playbook.Load(c.Path(c.Playbooks))
	}
	if err == nil {
		t.Playbooks, err = readSearches(t.Playbooks, c)
	}
	if err != nil {
		return t, usage(err)
	}
	t.Policy, err = loadPolicy(c.Path(c.Policy))
	return t, usage(err)
}

// readSearches has the searches of people read by who knows the language of their source. Without
// a configuration, such as under "playbook test", each is taken for Splunk's: no other source has
// a language of its own.
func readSearches(s playbook.Set, c config.Config) (playbook.Set, error) {
	return s.Understand(func(one playbook.Search) ([]string, error) {
		for _, y := range c.Sources {
			if y.Name == one.Source && y.Type != "splunk" {
				return nil, fmt.Errorf("source %q is of type %s, which takes no searches of your own; only splunk does", y.Name, y.Type)
			}
		}
		t, err := splunk.ParseTemplate(one.Text, fact.ParameterTypes(), one.Columns)
		if err != nil {
			return nil, err
		}
		return t.Params(), nil
	})
}

func loadPolicy(path string) (policy.Policy, error) {
	if path == "" {
		return policy.Default()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return policy.Policy{}, fmt.Errorf("read policy: %w", err)
	}
	return policy.Load(path, data)
}

// A localSource is a store that tells about its own records.
type localSource struct{ *local.Store }

// Quality tells what the store removed, refused and could not read.
func (s localSource) Quality(ctx context.Context) (fact.Quality, error) {
	q, err := s.Stats(ctx, 20)
	if err != nil {
		return fact.Quality{}, err
	}
	out := fact.Quality{
		Files: q.Files, NotLogs: q.NotLogs, DuplicatesRemoved: q.DuplicatesRemoved, Conflicts: q.Conflicts,
		Quarantined: q.Quarantined, FutureEvents: q.FutureEvents, InvalidIPs: q.InvalidIPs,
	}
	for _, b := range q.Bad {
		out.List = append(out.List, fact.Quarantined{File: b.File, Position: b.Position, Reason: b.Reason})
	}
	return out, nil
}

// A rehearsed source follows a script and tells of the records of the source behind.
type rehearsed struct {
	*scripted.Source
	localSource
}

func (r rehearsed) Name() string { return r.Source.Name() }

func (r rehearsed) Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	return r.Source.Covers(ctx, scope)
}

func (r rehearsed) Ask(ctx context.Context, q query.Query) (evidence.Answer, error) {
	return r.Source.Ask(ctx, q)
}

// stores are open stores to be closed together.
type stores []*local.Store

func (s stores) Close() error {
	var errs []error
	for _, st := range s {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

// opened is where questions can be asked: the sources of a configuration, or of --logs.
type opened struct {
	sources []source.Source
	order   map[query.Dataset][]string
	lookers []source.Looker
	reach   *reach
	stores  stores
}

// Close closes sources and stores. Closing twice is fine.
func (o *opened) Close() error {
	var errs []error
	for _, s := range o.sources {
		if c, ok := s.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
		if c, ok := s.(interface{ Close() }); ok {
			c.Close()
		}
	}
	if o.reach != nil && o.reach.known != nil {
		errs = append(errs, o.reach.known.Close())
	}
	errs = append(errs, o.stores.Close())
	return errors.Join(errs...)
}

// close closes what was opened; what cannot be closed is told of and changes nothing else.
func (a *app) close(o *opened) {
	if err := o.Close(); err != nil {
		a.complain(err)
	}
}

// open opens the sources of the configuration, or the folders named by --logs as one source.
func (a *app) open(ctx context.Context, c config.Config, logs []string, store string) (_ *opened, err error) {
	o := &opened{reach: a.reach(c)}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	if len(logs) > 0 || store != "" {
		if _, err := os.Stat(store); len(logs) == 0 && err != nil {
			return nil, usage(fmt.Errorf("open store: %w\nhint: fill it first: uratori ingest ./logs --store %s", err, store))
		}
		st, err := a.fill(ctx, local.Options{Name: "local", Path: store, Now: a.clock()}, logs, &o.stores)
		if err != nil {
			return nil, err
		}
		if store == "" {
			a.hint("the logs were read into a temporary store; name one with --store to read them only once")
		}
		o.sources = []source.Source{localSource{st}}
	} else if len(c.Sources) == 0 {
		return nil, usage(errors.New("no logs are named\nhint: give --logs DIR, --store FILE, or a configuration with sources"))
	} else if err := a.openAll(ctx, c, o); err != nil {
		return nil, err
	}
	if err := o.reach.logs(ctx, o); err != nil {
		return nil, err
	}
	o.lookers, err = o.reach.lookers(ctx)
	return o, err
}

// openAll opens the sources of the configuration.
func (a *app) openAll(ctx context.Context, c config.Config, o *opened) error {
	for _, y := range c.Sources {
		var s source.Source
		var err error
		if y.Type == "local" {
			s, err = a.local(ctx, c, y, o)
		} else {
			s, err = o.reach.source(ctx, y, &o.stores)
		}
		if err != nil {
			return err
		}
		if len(y.Script) > 0 {
			rehearsal, err := scripted.New(s, steps(y.Script))
			if err != nil {
				return usage(err)
			}
			s = rehearsal
			if st, ok := rehearsal.Behind().(localSource); ok {
				s = rehearsed{rehearsal, st}
			}
		}
		o.sources = append(o.sources, s)
	}
	o.order = map[query.Dataset][]string{}
	for d, names := range c.Order {
		o.order[query.Dataset(d)] = names
	}
	return nil
}

// local opens a source of log files.
func (a *app) local(ctx context.Context, c config.Config, y config.Source, o *opened) (source.Source, error) {
	opt := local.Options{Name: y.Name, Path: c.Path(y.Store), Assert: assertions(y.Coverage), Now: a.clock()}
	var roots []string
	for _, l := range y.Logs {
		roots = append(roots, c.Path(l))
	}
	st, err := a.fill(ctx, opt, roots, &o.stores)
	if err != nil {
		return nil, err
	}
	return localSource{st}, nil
}

func assertion(c config.Coverage) local.Assertion {
	state := map[string]evidence.State{"collected": evidence.Collected, "not_collected": evidence.NotCollectedState, "unknown": evidence.Unknown}
	from, _ := time.Parse(time.RFC3339, c.From) // checked with the configuration
	to, _ := time.Parse(time.RFC3339, c.To)
	return local.Assertion{Kind: c.Kind, Account: c.Account, Region: c.Region, From: from, To: to, State: state[c.State], Why: evidence.Reason(c.Why)}
}

func steps(list []config.Step) []scripted.Step {
	outcome := map[string]evidence.Outcome{"failed": evidence.Failed, "denied": evidence.Denied, "throttled": evidence.Throttled}
	var out []scripted.Step
	for _, s := range list {
		out = append(out, scripted.Step{Dataset: query.Dataset(s.Dataset), Calls: s.Calls, Outcome: outcome[s.Outcome], Reason: s.Reason})
	}
	return out
}

// fill opens a store, which is added to open, and reads logs into it.
func (a *app) fill(ctx context.Context, opt local.Options, roots []string, open *stores) (*local.Store, error) {
	st, err := local.Open(ctx, opt)
	if err != nil {
		return nil, err
	}
	*open = append(*open, st)
	if len(roots) == 0 {
		return st, nil
	}
	tell, end := a.progress(opt.Name)
	rep, err := st.Ingest(ctx, roots, tell)
	end()
	if err != nil {
		return st, err
	}
	if rep.Records == 0 && rep.Known == 0 {
		a.hint(fmt.Sprintf("%s: no log was found in %s; everything that it would tell is unseen", opt.Name, strings.Join(roots, ", ")))
	}
	if rep.Bad > 0 || rep.NotLogs > 0 {
		a.hint(fmt.Sprintf("%s: %d records could not be read and %d files are no logs; the report lists them", opt.Name, rep.Bad, rep.NotLogs))
	}
	return st, nil
}

// hint prints advice on standard error.
func (a *app) hint(text string) { fmt.Fprintln(a.err, "uratori: hint: "+safe(text)) }

// safe makes hostile text harmless on a terminal: what does not show itself is escaped.
func safe(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}
