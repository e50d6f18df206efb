// Package investigate runs a whole case, from a finding to a report that was checked twice.
//
// It promises that what it returns was admitted by both doors: the draft before it was
// rendered, and the finished bytes after. What the second door refuses is not published.
package investigate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"uratori/bundle"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/gather"
	"uratori/ledger"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/playbook"
	"uratori/policy"
	"uratori/query"
	"uratori/report"
	"uratori/source"
	"uratori/verify"
	"uratori/verify/reread"
)

// Tools are what a case is investigated with.
type Tools struct {
	Sources   []source.Source
	Order     map[query.Dataset][]string // sources by dataset, first asked first
	Playbooks playbook.Set
	Policy    policy.Policy
	Narrator  narrative.Narrator
	Settings  fact.Settings
	Language  phrase.Lang
	Budget    ledger.Budget
	Version   string           // of the program
	Now       func() time.Time // wall clock, for the ledger only
}

// A Case is one investigated finding.
type Case struct {
	Finding    finding.Finding
	Evidence   evidence.Set
	Assessment policy.Assessment
	Document   report.Document
	Reports    map[string][]byte // "report.md", "report.html", "report.json"
	Draft      []byte
	Inputs     map[string][]byte
	Ledger     *ledger.Ledger
	Version    string
	Language   phrase.Lang
}

// Run investigates one finding. others are the further findings given to the same run,
// testimony what the person concerned answered, nil when nobody did.
func (t Tools) Run(ctx context.Context, f finding.Finding, others []finding.Finding, testimony *fact.Testimony) (c Case, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("investigate finding %s: %w", f.ID, err)
		}
	}()
	lg := ledger.New(t.Now)
	plan, err := t.plan(f, others, testimony)
	if err != nil {
		return Case{}, err
	}
	gatherer, err := gather.New(t.Sources, t.Order, lg, t.Budget, t.Now)
	if err != nil {
		return Case{}, err
	}
	set, err := gatherer.Gather(ctx, plan)
	if err != nil {
		return Case{}, err
	}
	facts, err := fact.Derive(f, set)
	if err != nil {
		return Case{}, err
	}
	judged := t.Policy.Assess(facts)
	draft := t.Narrator.Write(ctx, judged)
	c = Case{Finding: f, Evidence: set, Assessment: judged, Ledger: lg, Version: t.Version, Language: t.Language}
	if c.Draft, err = json.Marshal(draft); err != nil {
		return Case{}, err
	}
	c.Inputs = t.inputs(plan)
	if c.Document, c.Reports, err = publish(draft, t.options(plan, set)); err != nil {
		return Case{}, err
	}
	lg.Append("report", map[string]string{"case": f.CaseID(), "verdict": judged.Verdict().String()}, ledger.Cost{})
	return c, nil
}

// plan is what is to be found out, with the settings and the testimony as they will be kept.
func (t Tools) plan(f finding.Finding, others []finding.Finding, testimony *fact.Testimony) (gather.Plan, error) {
	settings, err := fact.EncodeSettings(t.Settings, others)
	if err != nil {
		return gather.Plan{}, err
	}
	plan := gather.Plan{Finding: f, Playbook: t.Playbooks.For(f), Settings: settings}
	if testimony != nil {
		if plan.Testimony, err = json.Marshal(testimony); err != nil {
			return gather.Plan{}, err
		}
	}
	return plan, nil
}
