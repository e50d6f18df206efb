package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"uratori/bundle"
	"uratori/config"
	"uratori/fact"
	"uratori/guardduty"
	"uratori/investigate"
)

// claims holds what AWS's own investigation says against the facts of a case.
func (a *app) claims() *cobra.Command {
	var file, region, saved, prompt, id string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "claims BUNDLE",
		Short: "Hold the claims of GuardDuty's own investigation against the facts of a case",
		Long: `Claims reads an investigation that GuardDuty made (its preview feature), from a file as
GetInvestigation answers, or by --id, and says of each thing it claims whether the facts of the case
confirm it, contradict it, or cannot tell. What it claims never becomes a fact. --start PROMPT has
GuardDuty make one, which is a write: AWS allows 10 a day and 100 in all.`,
		Example: `  uratori findings claims case1 --file investigation.json
  uratori findings claims case1 --config uratori.yaml --id 0123abcd-0000-4000-8000-000000000000`,
		Args: given(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n := count(saved, id, prompt); n != 1 {
				return usage(errors.New("name one of --file, --id and --start"))
			}
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			if prompt != "" {
				return a.start(cmd.Context(), c, region, prompt)
			}
			b, err := bundle.Read(args[0])
			if err != nil {
				return err
			}
			cs, err := investigate.Replay(b)
			if err != nil {
				return err
			}
			i, err := a.investigation(cmd.Context(), c, region, saved, id)
			if err != nil {
				return err
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
	fl.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

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

func (a *app) start(ctx context.Context, c config.Config, region, prompt string) error {
	client, where, err := a.detector(ctx, c, region)
	if err != nil {
		return err
	}
	id, err := client.Investigate(ctx, where, prompt, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, id)
	return err
}

func (a *app) investigation(ctx context.Context, c config.Config, region, saved, id string) (guardduty.Investigation, error) {
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
	return client.Investigation(ctx, where, id)
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
