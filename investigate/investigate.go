// Package investigate runs a whole case, from a finding to a report that was checked twice.
//
// It promises that what it returns was admitted by both doors: the draft before it was
// rendered, and the finished bytes after. What the second door refuses is not published.
package investigate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
)

// Tools are what a case is investigated with.
type Tools struct {
	Sources   []source.Source
	Order     map[query.Dataset][]string // sources by dataset, first asked first
	Lookers   []source.Looker            // who is asked what is known now; of a kind, the first asked first
	Playbooks playbook.Set
	Policy    policy.Policy
	Narrator  narrative.Narrator
	Settings  fact.Settings
	Language  phrase.Lang
	Budget    ledger.Budget
	Cache     *gather.Cache    // answers that investigations of this process share; may be nil
	Turns     *gather.Turns    // at each source, shared by the investigations of this process; may be nil
	Compare   int              // questions of each dataset that are asked of a second source, too
	Day       *ledger.Day      // budget that all investigations of a day share; may be nil
	Version   string           // of the program
	Now       func() time.Time // wall clock, for the ledger only
	// Watch is told of the ledger as an investigation begins, so that somebody may look on; may be nil.
	Watch func(finding.Finding, *ledger.Ledger)
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
	if t.Watch != nil {
		t.Watch(f, lg)
	}
	plan, err := t.plan(f, others, testimony)
	if err != nil {
		return Case{}, err
	}
	gatherer, err := gather.New(t.Sources, t.Order, lg, t.Budget, t.Now)
	if err != nil {
		return Case{}, err
	}
	if err := gatherer.LookWith(t.Lookers...); err != nil {
		return Case{}, err
	}
	gatherer.Remember(t.Cache)
	gatherer.Share(t.Day)
	gatherer.Compare(t.Compare)
	gatherer.TakeTurns(t.Turns)
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
	options := t.options(plan, set, lg)
	c.Inputs = t.inputs(plan, options)
	if c.Document, c.Reports, err = publish(draft, options); err != nil {
		return Case{}, err
	}
	if err := admit(f, set, t.Policy, c.Draft, options, c.Reports); err != nil {
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

// options are what the report says of the run: what it depends on and what was spent. No wall
// time is among it.
func (t Tools) options(plan gather.Plan, set evidence.Set, lg *ledger.Ledger) report.Options {
	next, provisional := set.AskAgain()
	return report.Options{
		Lang: t.Language, Version: 1, Provisional: provisional, Next: next,
		Budget: used(lg, t.Budget),
		Versions: []report.Versioned{
			{Name: "program", Value: t.Version},
			{Name: "playbook", Value: plan.Playbook.ID + " " + digest(t.Playbooks.Files())},
			{Name: "policy", Value: t.Policy.Hash()},
			{Name: "phrases", Value: digest(map[string][]byte{"": phrase.Default().Bytes()})},
		},
	}
}

// used is what was spent, by kind and by API. What depends on the clock is left to the ledger.
func used(lg *ledger.Ledger, b ledger.Budget) []report.Used {
	spent, _ := lg.Spent()
	out := []report.Used{
		{Name: "calls", Used: spent.Calls, Limit: max(b.Calls, 0)},
		{Name: "rows", Used: spent.Rows, Limit: max(b.Rows, 0)},
	}
	if spent.Pages > 0 || b.Pages > 0 {
		out = append(out, report.Used{Name: "pages", Used: spent.Pages, Limit: max(b.Pages, 0)})
	}
	if spent.Bytes > 0 || b.Bytes > 0 {
		out = append(out, report.Used{Name: "bytes", Used: spent.Bytes, Limit: max(b.Bytes, 0)})
	}
	apis := append(lg.APIs(), b.Limited()...)
	slices.Sort(apis)
	for _, api := range slices.Compact(apis) {
		out = append(out, report.Used{Name: "calls of " + api, Used: lg.Calls(api), Limit: max(b.APIs[api], 0)})
	}
	return out
}

// digest is the sha256 over named files, in hex.
func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n", name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// The inputs of a case besides its evidence, by name in the bundle.
const (
	policyInput   = "policy.yaml"
	phrasesInput  = "phrases.yaml"
	planInput     = "plan.yaml"
	optionsInput  = "options.json"
	playbookInput = "playbook/"
)

// inputs are the bytes that the case depends on besides its evidence.
func (t Tools) inputs(plan gather.Plan, o report.Options) map[string][]byte {
	in := map[string][]byte{policyInput: t.Policy.Bytes(), phrasesInput: phrase.Default().Bytes(), planInput: narrative.Bytes()}
	for name, data := range t.Playbooks.Files() {
		in[playbookInput+name] = data
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("encode report options: %v", err)) // strings, numbers and a time always encode
	}
	in[optionsInput] = append(data, '\n')
	return in
}

// publish checks a draft, lays it out and prints it in every format.
func publish(draft narrative.Draft, o report.Options) (report.Document, map[string][]byte, error) {
	checked, err := verify.Check(draft)
	if err != nil {
		return report.Document{}, nil, err
	}
	doc, err := report.Compose(checked, o)
	if err != nil {
		return report.Document{}, nil, err
	}
	asJSON, err := report.JSON(doc)
	if err != nil {
		return report.Document{}, nil, err
	}
	return doc, map[string][]byte{MarkdownName: report.Markdown(doc), HTMLName: report.HTML(doc), JSONName: asJSON}, nil
}

// The names of the reports in a bundle.
const (
	MarkdownName = "report.md"
	JSONName     = "report.json"
	HTMLName     = "report.html"
)

// Bundle is the case as it is kept on disk.
func (c Case) Bundle() bundle.Bundle {
	return bundle.Bundle{
		CaseID: c.Finding.CaseID(), Version: c.Version, Language: string(c.Language), AsOf: c.Assessment.Facts().AsOf(),
		Finding: c.Finding.Raw(), Evidence: c.Evidence, Draft: c.Draft, Inputs: c.Inputs, Reports: c.Reports, Ledger: c.Ledger.Bytes(),
	}
}

// Replay runs a kept case again, from its inputs alone: derive, assess, check, compose, print.
// It never loads what was checked before. The reports come back for comparison.
func Replay(b bundle.Bundle) (c Case, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("replay case %s: %w", b.CaseID, err)
		}
	}()
	f, pol, o, err := inputsOf(b)
	if err != nil {
		return Case{}, err
	}
	facts, err := fact.Derive(f, b.Evidence)
	if err != nil {
		return Case{}, err
	}
	judged := pol.Assess(facts)
	draft, err := narrative.Decode(b.Draft, judged)
	if err != nil {
		return Case{}, err
	}
	c = Case{Finding: f, Evidence: b.Evidence, Assessment: judged, Draft: b.Draft, Inputs: b.Inputs, Version: b.Version, Language: o.Lang}
	c.Document, c.Reports, err = publish(draft, o)
	return c, err
}
