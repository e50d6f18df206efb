package cloudtrail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudtrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/awsconn"
	"uratori/source/coverage"
)

// settingsFor is how long the settings of an account are good for before they are read again.
const settingsFor = 10 * time.Minute

// settings are the trails and event data stores of an account, with the responses that tell so.
type settings struct {
	account   string
	at        time.Time
	recorders []recorder
	documents []source.Document
}

// A recorder is a trail or an event data store.
type recorder struct {
	name      string // of a trail, or "event data store" and its name
	arn       string
	home      string // Region
	multi     bool   // records in all Regions
	selectors coverage.Selectors
	isLogging bool
	started   time.Time // when it last began to log; zero when not told
	stopped   time.Time // when it last stopped; zero when not told
	store     bool      // an event data store
	deleted   bool      // known by its deletion only
	changes   []change  // by time
}

// A change is one call that changed a recorder.
type change struct {
	at        time.Time
	on        bool // it logs from here on
	off       bool // it does not
	gone      bool // it was deleted
	selectors *coverage.Selectors
	unsure    bool // what was set before is not known
}

// settings reads the settings of an account, or remembers them. With an error the documents that
// were read still are there.
func (s *Source) settings(ctx context.Context, account string) (settings, error) {
	lane := s.lane("trails " + account)
	if err := lane.take(ctx); err != nil {
		return settings{}, err
	}
	defer lane.leave()
	s.mu.Lock()
	set, ok := s.trails[account]
	s.mu.Unlock()
	if ok && s.opt.Now().Sub(set.at) < settingsFor {
		return set, nil
	}
	set = settings{account: account, at: s.opt.Now()}
	if err := s.read(ctx, &set); err != nil {
		return set, err
	}
	s.mu.Lock()
	s.trails[account] = set
	s.mu.Unlock()
	return set, nil
}

// tell makes a call whose response is evidence.
func (s *Source) tell(ctx context.Context, set *settings, api string, p place, of string, try func(context.Context, *awscloudtrail.Client) error) error {
	c, err := s.do(ctx, api, p, try)
	if err != nil {
		return err
	}
	set.documents = append(set.documents, source.Document{Source: s.Name(), Name: api + " " + of, Body: c.body})
	return nil
}

func (s *Source) read(ctx context.Context, set *settings) error {
	seen := map[string]bool{}
	for _, region := range s.regions("") {
		p := place{set.account, region}
		var out *awscloudtrail.DescribeTrailsOutput
		if err := s.tell(ctx, set, "cloudtrail:DescribeTrails", p, set.account+" "+region, func(ctx context.Context, client *awscloudtrail.Client) (err error) {
			// Shadows are trails of other Regions, and of the organisation, that record here.
			out, err = client.DescribeTrails(ctx, &awscloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)})
			return err
		}); err != nil {
			return err
		}
		for _, t := range out.TrailList {
			if arn := aws.ToString(t.TrailARN); arn != "" && !seen[arn] {
				seen[arn] = true
				if err := s.readTrail(ctx, set, p, t); err != nil {
					return err
				}
			}
		}
		if err := s.readStores(ctx, set, p); err != nil {
			return err
		}
	}
	slices.SortFunc(set.recorders, func(a, b recorder) int { return strings.Compare(a.arn, b.arn) })
	return nil
}

func (s *Source) readTrail(ctx context.Context, set *settings, p place, t types.Trail) error {
	r := recorder{
		name: aws.ToString(t.Name), arn: aws.ToString(t.TrailARN), home: aws.ToString(t.HomeRegion), multi: aws.ToBool(t.IsMultiRegionTrail),
	}
	var status *awscloudtrail.GetTrailStatusOutput
	if err := s.tell(ctx, set, "cloudtrail:GetTrailStatus", p, r.arn, func(ctx context.Context, client *awscloudtrail.Client) (err error) {
		status, err = client.GetTrailStatus(ctx, &awscloudtrail.GetTrailStatusInput{Name: t.TrailARN})
		return err
	}); err != nil {
		return err
	}
	r.isLogging, r.started, r.stopped = aws.ToBool(status.IsLogging), aws.ToTime(status.StartLoggingTime), aws.ToTime(status.StopLoggingTime)
	if err := s.tell(ctx, set, "cloudtrail:GetEventSelectors", p, r.arn, func(ctx context.Context, client *awscloudtrail.Client) error {
		_, err := client.GetEventSelectors(ctx, &awscloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN})
		return err
	}); err != nil {
		return err
	}
	var err error
	if r.selectors, err = coverage.ReadSelectors(set.documents[len(set.documents)-1].Body); err != nil {
		return fmt.Errorf("trail %s: %w: %w", r.arn, err, source.ErrUnavailable)
	}
	set.recorders = append(set.recorders, r)
	return nil
}

// readStores reads the event data stores of a Region: CloudTrail Lake records by itself.
func (s *Source) readStores(ctx context.Context, set *settings, p place) error {
	var token *string
	for page := 0; ; page++ {
		var list *awscloudtrail.ListEventDataStoresOutput
		err := s.tell(ctx, set, "cloudtrail:ListEventDataStores", p, set.account+" "+p.region, func(ctx context.Context, client *awscloudtrail.Client) (err error) {
			list, err = client.ListEventDataStores(ctx, &awscloudtrail.ListEventDataStoresInput{NextToken: token})
			return err
		})
		if awsconn.Code(err) == "UnsupportedOperationException" {
			return nil // a Region without CloudTrail Lake
		}
		if err != nil {
			return err
		}
		for _, e := range list.EventDataStores {
			if err := s.readStore(ctx, set, p, aws.ToString(e.EventDataStoreArn)); err != nil {
				return err
			}
		}
		next := aws.ToString(list.NextToken)
		if next == "" {
			return nil
		}
		if next == aws.ToString(token) || page == 20 {
			return fmt.Errorf("account %s, %s: cloudtrail:ListEventDataStores: pages without end: %w", set.account, p.region, source.ErrUnavailable)
		}
		token = list.NextToken
	}
}

func (s *Source) readStore(ctx context.Context, set *settings, p place, arn string) error {
	var out *awscloudtrail.GetEventDataStoreOutput
	if err := s.tell(ctx, set, "cloudtrail:GetEventDataStore", p, arn, func(ctx context.Context, client *awscloudtrail.Client) (err error) {
		out, err = client.GetEventDataStore(ctx, &awscloudtrail.GetEventDataStoreInput{EventDataStore: aws.String(arn)})
		return err
	}); err != nil {
		return err
	}
	r := recorder{
		name: "event data store " + aws.ToString(out.Name), arn: arn, home: p.region, multi: aws.ToBool(out.MultiRegionEnabled), store: true,
		isLogging: out.Status == types.EventDataStoreStatusEnabled, started: aws.ToTime(out.CreatedTimestamp),
	}
	// What changed it is told by no call that is looked up: before its last update all is unsure.
	if at := aws.ToTime(out.UpdatedTimestamp); at.After(r.started) {
		r.changes = append(r.changes, change{at: at, unsure: true})
	}
	var err error
	if r.selectors, err = coverage.ReadSelectors(set.documents[len(set.documents)-1].Body); err != nil {
		return fmt.Errorf("event data store %s: %w: %w", arn, err, source.ErrUnavailable)
	}
	set.recorders = append(set.recorders, r)
	return nil
}

// lookedBack is how far before a scope's end changes are looked up, so that the scopes of one
// case are served by one look: the longest window of the default questions, and some days.
const lookedBack = 45 * 24 * time.Hour

// lookedOn is the step to which a scope's end is rounded up, so that scopes of one case that end an
// hour or a day after the event are served by one look, too. Changes of trails are few.
const lookedOn = 7 * 24 * time.Hour

// changes looks up who changed the trails, in the accounts that own them.
func (s *Source) changes(ctx context.Context, set settings, scope query.Scope) (settings, error) {
	end := scope.Window.To.Truncate(lookedOn).Add(lookedOn)
	w := together(query.Window{From: end.Add(-lookedBack), To: end}, scope.Window)
	_, settled := s.moment()
	w = clip(w, query.Window{From: s.oldest(), To: settled})
	set.recorders = slices.Clone(set.recorders)
	if empty(w) {
		return set, nil
	}
	names := []string{"DeleteTrail", "PutEventSelectors", "UpdateTrail"}
	owners := []string{set.account}
	for _, r := range set.recorders {
		if !r.store && (r.started.IsZero() || r.started.After(w.From)) {
			names = append(names, "StartLogging", "StopLogging")
		}
		if o := ownerOf(r.arn); o != "" {
			owners = append(owners, o)
		}
	}
	slices.Sort(names)
	slices.Sort(owners)
	for _, owner := range slices.Compact(owners) {
		if !slices.Contains(s.opt.Accounts, owner) {
			// A trail of the organisation, in an account that we cannot ask.
			for i := range set.recorders {
				if ownerOf(set.recorders[i].arn) == owner {
					set.recorders[i].changes = append(set.recorders[i].changes, change{at: settled, unsure: true})
				}
			}
			continue
		}
		if err := s.changed(ctx, &set, owner, slices.Compact(names), w); err != nil {
			return set, err
		}
	}
	for i := range set.recorders {
		slices.SortStableFunc(set.recorders[i].changes, func(a, b change) int { return a.at.Compare(b.at) })
	}
	return set, nil
}

// ownerOf is the account in an ARN.
func ownerOf(arn string) string {
	if p := strings.Split(arn, ":"); len(p) > 5 {
		return p[4]
	}
	return ""
}

func (s *Source) changed(ctx context.Context, set *settings, owner string, names []string, w query.Window) error {
	var values []query.Value
	for _, n := range names {
		values = append(values, query.TextOf(n))
	}
	q := query.Query{
		Dataset: query.CloudTrail, Window: w, Limit: 1000,
		Where: query.And{Terms: []query.Expr{
			query.In{Field: "event_name", Values: values},
			query.Compare{Field: "event_source", Op: query.Equal, Value: query.TextOf("cloudtrail.amazonaws.com")},
			query.Not{X: query.Exists{Field: "error_code"}},
		}},
		Select: []query.Field{query.EventTime, query.EventID, "event_name", "region", "trail_name", "raw:requestParameters"},
	}
	scoped := source.WithScope(ctx, query.Scope{Kind: query.KindManagement, Account: owner, Window: w})
	a, err := s.Ask(scoped, q)
	if err != nil {
		return err
	}
	if a.Outcome != evidence.Found && a.Outcome != evidence.Empty {
		return fmt.Errorf("changes of the trails of account %s: %s: %s: %w", owner, a.Outcome, a.Reason, source.ErrUnavailable)
	}
	for _, row := range a.Rows {
		set.apply(owner, row[0].Time(), row[2].Text(), row[3].Text(), row[4].Text(), row[5].Text())
	}
	return nil
}

// apply adds one call to the trail that it changed.
func (set *settings) apply(owner string, at time.Time, name, region, trail, params string) {
	c := change{at: at}
	switch name {
	case "StopLogging":
		c.off = true
	case "StartLogging":
		c.on = true
	case "DeleteTrail":
		c.off, c.gone = true, true
	case "UpdateTrail":
		c.unsure = true
	case "PutEventSelectors":
		sel, err := coverage.ReadSelectors([]byte(params))
		if err != nil || len(params) == 0 {
			c.unsure = true
			break
		}
		c.selectors = &sel
	}
	for i := range set.recorders {
		if r := &set.recorders[i]; !r.store && r.name == trail && ownerOf(r.arn) == owner {
			r.changes = append(r.changes, c)
			return
		}
	}
	// A trail that is not there any more: what it recorded is not known.
	set.recorders = append(set.recorders, recorder{
		name: trail, arn: "arn:aws:cloudtrail:" + region + ":" + owner + ":trail/" + trail, home: region, multi: true, deleted: true, changes: []change{c},
	})
}

// A certainty is yes, no or maybe.
type certainty uint8

const (
	maybe certainty = iota
	yes
	no
)

// cuts are the moments at which something about the recorder changes.
func (r recorder) cuts() []time.Time {
	var out []time.Time
	for _, c := range r.changes {
		out = append(out, c.at)
	}
	if !r.started.IsZero() {
		out = append(out, r.started)
	}
	if !r.stopped.IsZero() {
		out = append(out, r.stopped)
	}
	return out
}

// logging tells whether the recorder was on at a moment: by its status as far back as that goes,
// before that by the calls that switched it.
func (r recorder) logging(at time.Time) certainty {
	if !r.deleted {
		switch {
		case r.isLogging && !r.started.IsZero() && !at.Before(r.started):
			return yes
		case !r.isLogging && !r.store && r.stopped.IsZero() && r.started.IsZero():
			return no // it never logged
		case !r.isLogging && !r.stopped.IsZero() && !at.Before(r.stopped):
			return no
		case !r.isLogging && !r.stopped.IsZero() && !r.started.IsZero() && !at.Before(r.started):
			return yes
		case r.store && at.Before(r.started):
			return no // not made yet
		}
	}
	state := maybe
	for _, c := range r.changes {
		switch {
		case !c.on && !c.off:
		case c.at.After(at):
			// Before the first switch it was the other way round.
			if state == maybe {
				if c.on {
					return no
				}
				return yes
			}
			return state
		case c.on:
			state = yes
		default:
			state = no
		}
	}
	return state
}

// existed tells whether the recorder was, or had been, there at a moment.
func (r recorder) existed(at time.Time) bool {
	if r.store {
		return !at.Before(r.started)
	}
	if !r.started.IsZero() && !at.Before(r.started) || !r.stopped.IsZero() && !at.Before(r.stopped) {
		return true
	}
	return slices.ContainsFunc(r.changes, func(c change) bool { return !c.at.After(at) })
}

// selected are the selectors at a moment; known is false before a change whose past is not known.
func (r recorder) selected(at time.Time) (sel coverage.Selectors, known bool) {
	sel, known = r.selectors, !r.deleted
	for _, c := range r.changes { // by time
		switch {
		case !c.at.After(at):
			if c.selectors != nil {
				sel, known = *c.selectors, true
			}
		case c.unsure, r.deleted:
			return nil, false
		case c.selectors != nil && !slices.ContainsFunc(r.changes, func(b change) bool { return !b.at.After(at) && b.selectors != nil }):
			// What the trail recorded before it was set the first time is not told.
			sel, known = nil, false
		}
	}
	return sel, known
}
