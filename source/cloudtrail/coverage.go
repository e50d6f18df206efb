package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
	"uratori/source/coverage"
)

// Covers tells what event history holds of a scope. Management events of the last 90 days are
// always recorded, in the Regions that are asked; the newest are not settled yet. Data events are
// not held here: what is told of them is whether any trail records them, see [Source.Trails].
func (s *Source) Covers(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	if empty(scope.Window) {
		return nil, fmt.Errorf("coverage of %s in %s: the window is empty: %w", scope.Kind, s.Name(), source.ErrInvalid)
	}
	switch scope.Kind {
	case query.KindManagement:
		return s.history(ctx, scope)
	case query.KindS3Data, query.KindLambdaData, query.KindBedrockData:
		told, err := s.Trails(ctx, scope)
		if err != nil {
			return nil, err
		}
		for i, c := range told {
			if c.State == evidence.NotCollectedState || c.Why == evidence.WhyNoResponse {
				continue
			}
			told[i].State, told[i].Why = evidence.NotCollectedState, evidence.WhyNotHeld
		}
		return joined(told), nil
	}
	return []evidence.Coverage{s.coverage(scope, scope.Window, evidence.NotCollectedState, evidence.WhyNotHeld, "")}, nil
}

func (s *Source) coverage(scope query.Scope, w query.Window, state evidence.State, why evidence.Reason, detail string) evidence.Coverage {
	return evidence.Coverage{
		Source: s.Name(), Kind: scope.Kind, Account: scope.Account, Region: scope.Region, Window: w, State: state, Why: why, Detail: detail,
	}
}

// history is the coverage of management events.
func (s *Source) history(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	whole := func(state evidence.State, why evidence.Reason, detail string) ([]evidence.Coverage, error) {
		return []evidence.Coverage{s.coverage(scope, scope.Window, state, why, detail)}, nil
	}
	ids := []string{scope.Account}
	if scope.Account == "" {
		ids = s.opt.Accounts
	}
	for _, id := range ids {
		if !slices.Contains(s.opt.Accounts, id) {
			return whole(evidence.Unknown, evidence.WhyNoResponse, "account "+id+" is not configured")
		}
		// The role is the one thing that can be tried without spending a lookup.
		if _, err := s.opt.Conn.Credentials(ctx, id); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return whole(evidence.Unknown, evidence.WhyNoResponse, err.Error())
		}
	}
	oldest := s.oldest()
	_, settled := s.moment()
	asked := strings.Join(s.regions(scope.Region), ", ")
	var out []evidence.Coverage
	add := func(from, to time.Time, state evidence.State, why evidence.Reason, detail string) {
		if w := clip(scope.Window, query.Window{From: from, To: to}); !empty(w) {
			out = append(out, s.coverage(scope, w, state, why, detail))
		}
	}
	add(scope.Window.From, oldest, evidence.Unknown, evidence.WhyRetention, "event history keeps 90 days")
	add(oldest, settled, evidence.Collected, evidence.WhyHistory, asked)
	add(later(settled, oldest), scope.Window.To, evidence.Unknown, evidence.WhyDelay, asked)
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// joined are intervals with equal neighbours made one.
func joined(in []evidence.Coverage) []evidence.Coverage {
	var out []evidence.Coverage
	for _, c := range in {
		if n := len(out); n > 0 && out[n-1].State == c.State && out[n-1].Why == c.Why && out[n-1].Detail == c.Detail && slices.Equal(out[n-1].Trails, c.Trails) {
			out[n-1].Window.To = c.Window.To
			continue
		}
		out = append(out, c)
	}
	return out
}

// Trails tells what the trails and event data stores of an account record of a kind, interval by
// interval: Collected where one records the whole kind, NotCollected where none does, Unknown
// where it is limited to some resources or the settings could not be read. The responses that say
// so are handed to [source.Witness]. The error is for a context that ended.
func (s *Source) Trails(ctx context.Context, scope query.Scope) ([]evidence.Coverage, error) {
	unknown := func(why evidence.Reason, detail string) ([]evidence.Coverage, error) {
		return []evidence.Coverage{s.coverage(scope, scope.Window, evidence.Unknown, why, detail)}, nil
	}
	if scope.Account == "" {
		return unknown(evidence.WhyNoResponse, "the trails of an account can be told, not those of any")
	}
	if !slices.Contains(s.opt.Accounts, scope.Account) {
		return unknown(evidence.WhyNoResponse, "account "+scope.Account+" is not configured")
	}
	set, err := s.settings(ctx, scope.Account)
	for _, d := range set.documents {
		source.Witness(ctx, d)
	}
	if err == nil {
		set, err = s.changes(ctx, set, scope)
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, source.ErrBudget):
		return nil, err
	case err != nil:
		return unknown(evidence.WhyNoResponse, err.Error())
	}
	return s.timeline(scope, set), nil
}

// timeline cuts the scope's window where anything changes, and judges each piece.
func (s *Source) timeline(scope query.Scope, set settings) []evidence.Coverage {
	oldest := s.oldest()
	_, settled := s.moment()
	settled = later(settled, oldest)
	cuts := []time.Time{scope.Window.From, scope.Window.To, oldest, settled}
	for _, r := range set.recorders {
		cuts = append(cuts, r.cuts()...)
	}
	cuts = slices.DeleteFunc(cuts, func(t time.Time) bool { return t.Before(scope.Window.From) || t.After(scope.Window.To) })
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var out []evidence.Coverage
	for i := range len(cuts) - 1 {
		w := query.Window{From: cuts[i], To: cuts[i+1]}
		var c evidence.Coverage
		switch {
		case w.From.Before(oldest): // who changed the trails then is not known any more
			c = s.coverage(scope, w, evidence.Unknown, evidence.WhyRetention, "changes of the trails are known for 90 days")
		case !w.From.Before(settled):
			c = s.coverage(scope, w, evidence.Unknown, evidence.WhyDelay, "")
		default:
			c = s.coverage(scope, w, evidence.Unknown, "", "")
			c.State, c.Why, c.Detail, c.Trails = judge(set.recorders, scope, w.From)
		}
		out = append(out, c)
	}
	return joined(out)
}

// judge is what the recorders together did with a kind of record in a Region at a moment.
func judge(recorders []recorder, scope query.Scope, at time.Time) (evidence.State, evidence.Reason, string, []string) {
	var whole, some, stopped, unsure, logging []string
	trails := 0
	for _, r := range recorders {
		if scope.Region != "" && !r.multi && r.home != scope.Region {
			continue
		}
		trails++
		on := r.logging(at)
		sel, known := r.selected(at)
		does := sel.Records(scope.Kind)
		if scope.Region == "" && !r.multi && does == coverage.Wholly {
			does = coverage.Partly // one Region is not all
		}
		if on == yes && known {
			logging = append(logging, r.name)
		}
		switch {
		case on == no && r.existed(at) && (!known || does != coverage.Nothing):
			stopped = append(stopped, r.name)
		case on == no, known && does == coverage.Nothing:
		case on == maybe || !known:
			unsure = append(unsure, r.name)
		case does == coverage.Wholly:
			whole = append(whole, r.name)
		default:
			some = append(some, r.name)
		}
	}
	slices.Sort(logging)
	text := func(names []string) string {
		slices.Sort(names)
		return strings.Join(names, ", ")
	}
	switch {
	case len(whole) > 0:
		return evidence.Collected, evidence.WhySelectors, text(whole), logging
	case len(unsure) > 0:
		return evidence.Unknown, evidence.WhyNoResponse, "what was set before is not known: " + text(unsure), logging
	case len(some) > 0:
		return evidence.Unknown, evidence.WhySelectors, "limited to some resources: " + text(some), logging
	case len(stopped) > 0:
		return evidence.NotCollectedState, evidence.WhyStopped, text(stopped), logging
	case trails > 0:
		return evidence.NotCollectedState, evidence.WhySelectors, "", logging
	}
	return evidence.NotCollectedState, evidence.WhyNoTrail, "", logging
}
