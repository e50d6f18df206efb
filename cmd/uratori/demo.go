package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/finding"
	"uratori/report"
	"uratori/scenario"
)

func (a *app) demo() *cobra.Command {
	var list bool
	var out, lang string
	var seed uint64
	cmd := &cobra.Command{
		Use:   "demo [VARIANT]",
		Short: "Generate a scenario with known truth and investigate it",
		Long: `Demo generates a finding and the logs around it, investigates them without any account,
network or model, and prints the summary and where the report lies. The scenarios are
invented; what is true of each is written down beside it (truth.json).`,
		Example: `  uratori demo
  uratori demo --list
  uratori demo c -o out --lang en`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				for _, v := range scenario.Variants() {
					fmt.Fprintf(a.out, "%s  %s / %s\n", v.ID, v.JA, v.EN)
				}
				return nil
			}
			variant := "a"
			if len(args) > 0 {
				variant = args[0]
			}
			if seed == 0 {
				return usage(errors.New("--seed begins at 1"))
			}
			if _, err := config.Default().ReportLanguage(lang, a.getenv); err != nil {
				return usage(err) // before anything is written
			}
			s, err := scenario.Generate(variant, seed)
			if err != nil {
				return usage(err)
			}
			dir := out
			if dir == "" {
				dir = filepath.Join("out", "demo-"+variant)
			}
			world := filepath.Join(dir, "scenario")
			if err := os.RemoveAll(world); err != nil {
				return err
			}
			if err := s.Write(world); err != nil {
				return err
			}
			c, err := loadConfig(filepath.Join(world, "uratori.yaml"))
			if err != nil {
				return err
			}
			if c.Language, err = c.ReportLanguage(lang, a.getenv); err != nil {
				return usage(err)
			}
			t, err := tools(c, c.Language)
			if err != nil {
				return err
			}
			open, err := a.open(cmd.Context(), c, nil, "")
			if err != nil {
				return err
			}
			defer a.close(open)
			t.Sources, t.Order = open.sources, open.order
			fs, err := finding.Parse(s.Files["finding.json"])
			if err != nil {
				return err
			}
			cs, err := t.Run(cmd.Context(), fs[0], nil, nil)
			if err != nil {
				return err
			}
			bundle := filepath.Join(dir, "bundle")
			if err := cs.Bundle().Write(bundle); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s\n", report.Summary(cs.Document))
			a.reports(bundle, cs.Reports)
			return nil
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the scenarios")
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder to write to (default out/demo-VARIANT)")
	cmd.Flags().StringVar(&lang, "lang", "", "language of the report: ja or en")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "another seed gives other names, addresses and noise")
	return cmd
}
