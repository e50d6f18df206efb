// Package doctor says whether everything that an investigation needs is there.
//
// It asks each source about itself, puts what they cover into one table of dataset x account x
// Region x source, and for what nobody collects tells what to switch on and what it costs to leave
// it: which questions stay open, and which findings can then never be judged benign. It asks and
// changes nothing.
package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/playbook"
	"uratori/policy"
	"uratori/query"
	"uratori/source"
)

// A Row is what one source tells of one kind of record of one account and Region.
type Row struct {
	Kind    string
	Account string // "" for any
	Region  string // "" for any
	Source  string
	State   State
	Percent int               // of the window that is collected, rounded down
	Why     []evidence.Reason // how the source knows, sorted
	Detail  string            // what the source says of what could not be asked, or is past its retention; may be hostile text
	Error   string            // why it could not tell
}

// Nothing tells whether the source knows nothing of the kind: it holds not one record of it.
func (r Row) Nothing() bool {
	return r.State == Unknown && r.Error == "" && r.Detail == "" && len(r.Why) == 1 && r.Why[0] == evidence.WhyNoRecords
}

// Elsewhere tells whether the source is none for the kind: its service never holds such records.
func (r Row) Elsewhere() bool {
	return r.State == NotCollected && r.Error == "" && len(r.Why) == 1 && r.Why[0] == evidence.WhyNotHeld
}

// A State is how much of a window is collected.
type State string

// The states. Partly is collected in part; the rest is not collected or unknown.
const (
	Collected    State = "collected"
	Partly       State = "partly"
	NotCollected State = "not collected"
	Unknown      State = "unknown"
)

// A Place is an account and Region whose records matter.
type Place struct {
	Account string
	Region  string
}

// Table asks every source what it covers, in the order in which an investigation asks them. order
// names the sources of a dataset; a dataset without an order is asked of all.
func Table(ctx context.Context, sources []source.Source, order map[query.Dataset][]string, places []Place, w query.Window) ([]Row, error) {
	if len(places) == 0 {
		places = []Place{{}}
	}
	var rows []Row
	for _, k := range query.Kinds() {
		at := places
		if !k.Placed {
			at = []Place{{}}
		}
		for _, p := range at {
			for _, s := range inOrder(sources, order[k.Dataset]) {
				cov, err := s.Covers(ctx, query.Scope{Kind: k.Kind, Account: p.Account, Region: p.Region, Window: w})
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				row := judge(cov, w)
				row.Kind, row.Account, row.Region, row.Source = k.Kind, p.Account, p.Region, s.Name()
				if err != nil {
					row = Row{Kind: k.Kind, Account: p.Account, Region: p.Region, Source: s.Name(), State: Unknown, Error: err.Error()}
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

func inOrder(sources []source.Source, names []string) []source.Source {
	if names == nil {
		return sources
	}
	var out []source.Source
	for _, n := range names {
		for _, s := range sources {
			if s.Name() == n {
				out = append(out, s)
			}
		}
	}
	return out
}

// judge sums up the intervals of a window. What is younger than the delivery delay counts
// neither way.
func judge(cov []evidence.Coverage, w query.Window) Row {
	var have, not, all time.Duration
	var row Row
	for _, c := range cov {
		if c.State == evidence.Unknown && c.Why == evidence.WhyDelay {
			continue
		}
		d := c.Window.To.Sub(c.Window.From)
		all += d
		switch c.State {
		case evidence.Collected:
			have += d
		case evidence.NotCollectedState:
			not += d
		case evidence.Unknown:
		}
		row.Why = append(row.Why, c.Why)
		if c.Why == evidence.WhyNoResponse || c.Why == evidence.WhyRetention && row.Detail == "" {
			row.Detail = c.Detail
		}
	}
	slices.Sort(row.Why)
	row.Why = slices.Compact(row.Why)
	switch {
	case all == 0:
		row.State = Unknown
	case have == all:
		row.State, row.Percent = Collected, 100
	case have > 0:
		row.State, row.Percent = Partly, int(100*have/all)
	case not == all:
		row.State = NotCollected
	default:
		row.State = Unknown
	}
	return row
}

// A Cost is what it costs to leave a kind of record uncollected.
type Cost struct {
	Kind      string
	What      policy.Text   // what stays unseen
	SwitchOn  []policy.Text // what to switch on
	Questions []string      // ids of the questions that stay open, sorted
	Never     []string      // families of findings that can then never be judged benign, sorted
}

// Costs are the costs of every kind of record that no row of the table shows as collected, for at
// least one place.
func Costs(rows []Row, books playbook.Set, p policy.Policy) []Cost {
	type scope struct {
		kind  string
		place Place
	}
	best := map[scope]bool{}
	for _, r := range rows {
		s := scope{r.Kind, Place{r.Account, r.Region}}
		best[s] = best[s] || r.State == Collected
	}
	var out []Cost
	for _, k := range query.Kinds() {
		missing := false
		for s, collected := range best {
			missing = missing || s.kind == k.Kind && !collected
		}
		if c := CostOf(k.Kind, books, p); missing && (len(c.Questions) > 0 || c.What != policy.Text{}) {
			out = append(out, c)
		}
	}
	return out
}

// CostOf is the cost of one kind of record.
func CostOf(kind string, books playbook.Set, p policy.Policy) Cost {
	c := Cost{Kind: kind}
	if loss, ok := p.LossOf(kind); ok {
		c.What, c.SwitchOn = loss.What, loss.Prevent
	}
	facts := map[string][]string{} // of features, by name
	for _, f := range p.Features() {
		for _, name := range f.Facts {
			key, _, _ := strings.Cut(name, "@")
			facts[f.Name] = append(facts[f.Name], key)
		}
	}
	for _, b := range books.All() {
		var hidden []string // patterns of facts that rest on this kind alone
		for _, q := range b.Questions {
			if q.Scope.Kind == kind {
				c.Questions = append(c.Questions, q.ID)
				hidden = append(hidden, q.Answers...)
			}
		}
		for _, family := range b.Families {
			for _, r := range p.Requires(family) {
				if len(hidden) > 0 && !slices.ContainsFunc(r.Alternatives, func(a policy.Alternative) bool {
					return !slices.ContainsFunc(a.Known, func(feature string) bool {
						return slices.ContainsFunc(facts[feature], func(key string) bool { return within(hidden, key) })
					})
				}) {
					c.Never = append(c.Never, family)
				}
			}
		}
	}
	for _, list := range []*[]string{&c.Questions, &c.Never} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return c
}

func within(patterns []string, key string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		group, all := strings.CutSuffix(p, "*")
		return p == key || all && strings.HasPrefix(key, group)
	})
}
