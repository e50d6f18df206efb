package investigate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"uratori/bundle"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/narrative"
	"uratori/phrase"
	"uratori/policy"
	"uratori/report"
	"uratori/verify"
	"uratori/verify/reread"
)

// A Refused error says that the second door does not admit a finished report.
type Refused struct {
	Report string // such as "report.md"
	Err    error
}

func (e *Refused) Error() string { return fmt.Sprintf("%s is refused: %v", e.Report, e.Err) }
func (e *Refused) Unwrap() error { return e.Err }

// admit holds finished reports against the evidence: facts are derived, assessed and checked
// once more from what is kept, and the bytes are read back. The first refusal is the error.
func admit(f finding.Finding, set evidence.Set, pol policy.Policy, draft []byte, o report.Options, reports map[string][]byte) error {
	facts, err := fact.Derive(f, set)
	if err != nil {
		return err
	}
	again, err := narrative.Decode(draft, pol.Assess(facts))
	if err != nil {
		return err
	}
	want, err := verify.Check(again)
	if err != nil {
		return err
	}
	run := runOf(o)
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		switch name {
		case MarkdownName:
			err = reread.Markdown(reports[name], want, run, o.Lang)
		case HTMLName:
			err = reread.HTML(reports[name], want, run, o.Lang)
		case JSONName:
			err = reread.JSON(reports[name], want, run)
		default:
			err = fmt.Errorf("nobody knows how to read it")
		}
		if err != nil {
			return &Refused{name, err}
		}
	}
	return nil
}

// runOf are the options as the second door takes them.
func runOf(o report.Options) reread.Run {
	run := reread.Run{Version: o.Version, Provisional: o.Provisional, Next: o.Next, Changes: o.Changes, LedgerHead: o.LedgerHead}
	for _, u := range o.Budget {
		run.Budget = append(run.Budget, reread.Used(u))
	}
	for _, v := range o.Versions {
		run.Versions = append(run.Versions, reread.Versioned(v))
	}
	return run
}

// Verify holds the reports of a kept case against its evidence. reports are those of the bundle
// when nil; they may come from elsewhere, such as a copy that was sent on.
func Verify(b bundle.Bundle, reports map[string][]byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("verify case %s: %w", b.CaseID, err)
		}
	}()
	if reports == nil {
		reports = b.Reports
	}
	f, pol, o, err := inputsOf(b)
	if err != nil {
		return err
	}
	return admit(f, b.Evidence, pol, b.Draft, o, reports)
}

// inputsOf loads what a kept case depends on besides its evidence.
func inputsOf(b bundle.Bundle) (finding.Finding, policy.Policy, report.Options, error) {
	var o report.Options
	f, err := b.ParseFinding()
	if err != nil {
		return f, policy.Policy{}, o, err
	}
	if string(b.Inputs[phrasesInput]) != string(phrase.Default().Bytes()) {
		return f, policy.Policy{}, o, fmt.Errorf("the case was written with other phrases; use version %s of the program", b.Version)
	}
	pol, err := policy.Load(policyInput, b.Inputs[policyInput])
	if err != nil {
		return f, pol, o, err
	}
	if err := json.Unmarshal(b.Inputs[optionsInput], &o); err != nil {
		return f, pol, o, fmt.Errorf("%s: %w", optionsInput, err)
	}
	return f, pol, o, nil
}
