package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"uratori/bundle"
	"uratori/config"
	"uratori/fact"
	"uratori/finding"
	"uratori/guardduty"
	"uratori/investigate"
)

// claims holds what AWS's own investigation says against the facts of a case.
func (a *app) claims() *cobra.Command {
	var file, region, saved, prompt, id string
	var wait time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "claims BUNDLE",
		Short: "Hold the claims of GuardDuty's own investigation against the facts of a case",
		Long: `Claims reads an investigation that GuardDuty made (its preview feature), from a file as
GetInvestigation answers, or by --id, and says of each thing it claims whether the facts of the case
confirm it, contradict it, or cannot tell. What it claims never becomes a fact. --start PROMPT has
GuardDuty make one about the case's finding, which is a write that no policy of uratori iam grants:
AWS allows 10 a day and 100 in all. It prints the id; with --wait it waits for the end and holds
the claims. An investigation that has not ended well has none: exit status 3.`,
		Example: `  uratori findings claims case1 --file investigation.json
  uratori findings claims case1 --config uratori.yaml --id 0123abcd-0000-4000-8000-000000000000
  uratori findings claims case1 --config uratori.yaml --start "What did this credential do?" --wait 15m`,
		Args: given(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n := count(saved, id, prompt); n != 1 {
				return usage(errors.New("name one of --file, --id and --start"))
			}
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			if wait < 0 || wait > 0 && prompt == "" {
				return usage(errors.New("--wait is a length of time, such as 15m, and belongs to --start"))
			}
			b, err := bundle.Read(args[0])
			if err != nil {
				return err
			}
			cs, err := investigate.Replay(b)
			if err != nil {
				return err
			}
			if prompt != "" {
				if id, err = a.start(cmd.Context(), c, region, prompt, cs.Finding); err != nil {
					return err
				}
				if wait == 0 {
					_, err := fmt.Fprintln(a.out, id)
					return err
				}
			}
			i, err := a.investigation(cmd.Context(), c, region, saved, id, wait)
			if err != nil {
				return err
			}
			if i.Status == running || i.Status == failedStatus {
				return refusal{fmt.Errorf("investigation %s is %s: it claims nothing\nhint: uratori findings claims %s --id %s asks again", i.ID, i.Status, args[0], i.ID)}
			}
			return a.held(i, fact.Hold(fact.Claims(i.Looked()), cs.Assessment.Facts()), asJSON)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "config", "", "configuration file (uratori.yaml)")
	fl.StringVar(&region, "region", "", "AWS Region; without it that of the configuration")
	fl.StringVar(&saved, "file", "", "saved answer of GetInvestigation")
	fl.StringVar(&id, "id", "", "id of an investigation, fetched from GuardDuty")
	fl.StringVar(&prompt, "start", "", "have GuardDuty make an investigation with this prompt, and print its id")
	fl.DurationVar(&wait, "wait", 0, "with --start: how long to wait for its end")
	fl.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// The statuses of an investigation that claims nothing (GuardDuty API Reference, GetInvestigation).
const (
	running      = "RUNNING"
	failedStatus = "FAILED"
)

// count is how many of the texts say something.
func count(texts ...string) int {
	n := 0
	for _, t := range texts {
		if t != "" {
			n++
		}
	}
	return n
}

// start has GuardDuty investigate the finding of a case. The prompt names the finding, so that it
// is found again; the same prompt for the same finding is the same request, however often it is sent.
func (a *app) start(ctx context.Context, c config.Config, region, prompt string, f finding.Finding) (id string, err error) {
	client, where, err := a.detector(ctx, c, or(region, f.Region))
	if err != nil {
		return "", err
	}
	if !strings.Contains(prompt, f.ID) {
		prompt += "\nGuardDuty finding: " + f.ID
	}
	token := sha256.Sum256([]byte(f.CaseID() + "\n" + prompt))
	return client.Investigate(ctx, where, prompt, hex.EncodeToString(token[:]))
}

// investigation reads or fetches one; one that runs is asked for again until the wait is over.
func (a *app) investigation(ctx context.Context, c config.Config, region, saved, id string, wait time.Duration) (guardduty.Investigation, error) {
	if saved != "" {
		data, err := os.ReadFile(saved)
		if err != nil {
			return guardduty.Investigation{}, err
		}
		i, err := guardduty.ReadInvestigation(data)
		if err != nil {
			return i, fmt.Errorf("%s: %w", saved, err)
		}
		return i, nil
	}
	client, where, err := a.detector(ctx, c, region)
	if err != nil {
		return guardduty.Investigation{}, err
	}
	pause := min(wait/20, 30*time.Second)
	over := time.After(wait)
	for {
		i, err := client.Investigation(ctx, where, id)
		if err != nil || i.Status != running || wait == 0 {
			return i, err
		}
		select {
		case <-time.After(pause):
		case <-over:
			return i, nil
		case <-ctx.Done():
			return i, context.Cause(ctx)
		}
	}
}

// held prints claims and how they stand.
func (a *app) held(i guardduty.Investigation, list []fact.Held, asJSON bool) error {
	if asJSON {
		type row struct {
			Kind     string   `json:"kind"`
			Value    string   `json:"value"`
			Place    string   `json:"place"`
			Standing string   `json:"standing"`
			Facts    []string `json:"facts"`
		}
		out := struct {
			ID     string `json:"id"`
			Status string `json:"status"`
			Claims []row  `json:"claims"`
		}{i.ID, i.Status, []row{}}
		for _, h := range list {
			r := row{Kind: h.Kind.String(), Value: h.Value, Place: h.Place, Standing: h.Standing.String(), Facts: []string{}}
			for _, f := range h.Facts {
				r.Facts = append(r.Facts, string(f))
			}
			out.Claims = append(out.Claims, r)
		}
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(out)
	}
	fmt.Fprintf(a.out, "Investigation %s of GuardDuty (%s): claims of a third party, none of them a fact\n", safe(i.ID), safe(or(i.Status, "status unknown")))
	tw := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "STANDING\tCLAIM\tVALUE\tWHERE IT STANDS\tFACTS")
	for _, h := range list {
		var ids []string
		for _, f := range h.Facts {
			ids = append(ids, string(f))
		}
		value := strings.TrimSpace(h.Value + " " + h.Noun)
		fmt.Fprintln(tw, safe(strings.Join([]string{h.Standing.String(), h.Kind.String(), value, h.Place, or(strings.Join(ids, " "), "-")}, "\t")))
	}
	return tw.Flush()
}
