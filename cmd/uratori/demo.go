package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/finding"
	"uratori/nearest"
	"uratori/report"
	"uratori/scenario"
	"uratori/scenario/kinds"
)

func (a *app) demo() *cobra.Command {
	var list, types bool
	var out, lang, of, twin string
	var seed uint64
	cmd := &cobra.Command{
		Use:   "demo [VARIANT]",
		Short: "Generate a scenario with known truth and investigate it",
		Long: `Demo generates a finding and the logs around it, investigates them without any account,
network or model, and prints the summary and where the report lies. The scenarios are
invented; what is true of each is written down beside it (truth.json).

With --type it takes any type of finding that GuardDuty has. Many have logs, as three stories:
benign, malicious, and missing (the benign one without the log that decides). The others are
investigated without a log, and the report says what could not be seen.`,
		Example: `  uratori demo
  uratori demo --list
  uratori demo c -o out --lang en
  uratori demo --types
  uratori demo --type UnauthorizedAccess:EC2/SSHBruteForce --twin benign`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case list:
				for _, v := range scenario.Variants() {
					fmt.Fprintf(a.out, "%s  %s / %s\n", v.ID, v.JA, v.EN)
				}
				return nil
			case types:
				a.listTypes()
				return nil
			case seed == 0:
				return usage(errors.New("--seed begins at 1"))
			case of == "" && twin != "":
				return usage(errors.New("--twin needs --type"))
			case of != "" && len(args) > 0:
				return usage(fmt.Errorf("give a variant or --type, not both %q and %q", args[0], of))
			}
			if _, err := config.Default().ReportLanguage(lang, a.getenv); err != nil {
				return usage(err) // before anything is written
			}
			name := "a"
			if len(args) > 0 {
				name = args[0]
			}
			var tale told
			var err error
			if of == "" {
				tale, err = variant(name, seed)
			} else if tale, err = story(of, twin, seed); err == nil {
				name = strings.NewReplacer(":", "-", "/", "-", "!", "-", "&", "-").Replace(of) + "-" + tale.twin
			}
			if err != nil {
				return usage(err)
			}
			dir := out
			if dir == "" {
				dir = filepath.Join("out", "demo-"+name)
			}
			return a.present(cmd.Context(), tale, dir, lang)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&list, "list", false, "list the scenarios")
	f.BoolVar(&types, "types", false, "list the types of finding, with the stories that each has")
	f.StringVar(&of, "type", "", "type of finding, such as UnauthorizedAccess:EC2/SSHBruteForce")
	f.StringVar(&twin, "twin", "", "story of that type: benign, malicious or missing, or another that --types lists (default malicious)")
	f.StringVarP(&out, "out", "o", "", "folder to write to (default out/demo-VARIANT)")
	f.StringVar(&lang, "lang", "", "language of the report: ja or en")
	f.Uint64Var(&seed, "seed", 1, "another seed gives other names, addresses and noise")
	return cmd
}

// listTypes prints every type with the stories it has.
func (a *app) listTypes() {
	told := kinds.Told()
	for _, t := range kinds.Types() {
		stories := "finding only"
		if slices.Contains(told, t) {
			var twins []string
			for _, w := range kinds.AllTwins() {
				twins = append(twins, string(w))
			}
			for _, more := range kinds.Further() {
				if more.Of == t {
					twins = append(twins, string(more.Twin))
				}
			}
			stories = strings.Join(twins, ", ")
		}
		fmt.Fprintf(a.out, "%s  %s\n", t, stories)
	}
}

// A told scenario is a finding with what lies around it.
type told struct {
	twin    string // of a story; none when there is no log
	finding []byte
	members []byte // the findings that an attack sequence refers to, nil for none
	write   func(dir string) error
}

// variant is one of the scenarios of package scenario.
func variant(id string, seed uint64) (told, error) {
	s, err := scenario.Generate(id, seed)
	if err != nil {
		return told{}, err
	}
	return told{finding: s.Files["finding.json"], write: s.Write}, nil
}

// story is a story of a type, or its finding alone.
func story(of, twin string, seed uint64) (told, error) {
	t := finding.Type(of)
	if _, ok := finding.Lookup(t); !ok {
		var all []string
		for _, k := range kinds.Types() {
			all = append(all, string(k))
		}
		err := fmt.Errorf("no finding type %.100q is known\nhint: uratori demo --types lists them", of)
		if near, ok := nearest.Word(of, all); ok {
			err = fmt.Errorf("no finding type %.100q is known; did you mean %q?\nhint: uratori demo --types lists them", of, near)
		}
		return told{}, err
	}
	var s kinds.Story
	var err error
	switch {
	case slices.Contains(kinds.Told(), t):
		if twin == "" {
			twin = string(kinds.Malicious)
		}
		s, err = kinds.Tell(t, kinds.Twin(twin), seed)
	case twin != "":
		err = fmt.Errorf("no logs are written for %s, so it has no twins\nhint: leave --twin out, and it is investigated without a log", of)
	default:
		s, err = kinds.Bare(t, seed)
	}
	if err != nil {
		return told{}, err
	}
	return told{twin: string(s.Twin), finding: s.Files["finding.json"], members: s.Files[kinds.MembersName], write: s.Write}, nil
}

// present writes a scenario under dir and investigates it with the configuration that it brings.
func (a *app) present(ctx context.Context, s told, dir, lang string) error {
	world := filepath.Join(dir, "scenario")
	if err := os.RemoveAll(world); err != nil {
		return err
	}
	if err := s.write(world); err != nil {
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
	open, err := a.open(ctx, c, nil, "")
	if err != nil {
		return err
	}
	defer a.close(open)
	t.Sources, t.Order = open.sources, open.order
	fs, err := finding.Parse(s.finding)
	if err != nil {
		return err
	}
	var others []finding.Finding // those that an attack sequence refers to
	if s.members != nil {
		if others, err = finding.Parse(s.members); err != nil {
			return err
		}
	}
	cs, err := t.Run(ctx, fs[0], others, nil)
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
}
