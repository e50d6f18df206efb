package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/gather/cases"
	"uratori/playbook"
	"uratori/policy"
)

// group is a command that only has others below it: without one of them it tells of itself.
func group(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func (a *app) playbooks() *cobra.Command {
	var dir string
	load := func() (playbook.Set, error) {
		if dir == "" {
			return playbook.Default()
		}
		s, err := playbook.Load(dir)
		if err == nil {
			s, err = readSearches(s, config.Config{})
		}
		return s, usage(err)
	}
	cmd := &cobra.Command{Use: "playbook", Args: cobra.NoArgs, RunE: group, Short: "Show and check the questions that findings raise", Example: "  uratori playbook show s3"}
	list := &cobra.Command{
		Use: "list", Short: "List the playbooks", Example: "  uratori playbook list", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, b := range s.All() {
				fmt.Fprintf(w, "%s\t%v\t%d questions\t%d look-ups\t%s / %s\n", b.ID, b.Families, len(b.Questions), len(b.LookUps), b.Title.JA, b.Title.EN)
			}
			return w.Flush()
		},
	}
	show := &cobra.Command{
		Use: "show ID", Short: "Show the questions and look-ups of a playbook", Example: "  uratori playbook show iam",
		Args: given(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			b, ok := s.Get(args[0])
			if !ok {
				return usage(fmt.Errorf("there is no playbook %q; uratori playbook list names them", args[0]))
			}
			for _, q := range b.Questions {
				fmt.Fprintf(a.out, "%s (%s / %s)\n  takes %v\n  answers %v\n", q.ID, q.Title.JA, q.Title.EN, q.Params(), q.Answers)
				if q.Query.Where != nil {
					fmt.Fprintf(a.out, "  where %s\n", q.Query.Where)
				}
			}
			for _, one := range s.Searches() {
				if len(one.Families) == 0 || slices.ContainsFunc(b.Families, func(f string) bool { return slices.Contains(one.Families, f) }) {
					fmt.Fprintf(a.out, "search %s of %s (%s / %s)\n  takes %v\n  %s\n", one.ID, one.Source, one.Title.JA, one.Title.EN, one.Params, strings.ReplaceAll(strings.TrimSpace(one.Text), "\n", "\n  "))
				}
			}
			for _, l := range b.LookUps {
				fmt.Fprintf(a.out, "%s (%s / %s)\n  looks up %s\n  takes %v\n  answers %v\n", l.ID, l.Title.JA, l.Title.EN, l.Kind, l.Params(), l.Answers)
			}
			return nil
		},
	}
	test := &cobra.Command{
		Use: "test [CASES]", Short: "Check playbooks and hold them against table cases",
		Long: `Test checks every field, fact, parameter and window, then runs table cases: which playbook a
finding gets, what is asked in which round with which values, and what is not asked and why.
The cases are those of CASES, else of cases.yaml beside the playbooks of --dir, else those
that come with the program. A case that does not hold is shown and ends in exit status 3.`,
		Example: "  uratori playbook test\n  uratori playbook test --dir playbooks\n  uratori playbook test cases.yaml", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%d playbooks are well formed\n", len(s.All()))
			name, data, err := playbookCases(args, dir)
			if err != nil {
				return usage(err)
			}
			results, err := cases.Run(cmd.Context(), s, name, data)
			if err != nil {
				return usage(err)
			}
			list := make([]outcome, 0, len(results))
			for _, r := range results {
				list = append(list, outcome{r.Name, r.Wrong})
			}
			return a.tell(list)
		},
	}
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "folder laid over the default playbooks")
	cmd.AddCommand(list, show, test)
	return cmd
}

// playbookCases are the cases that were named, else those beside the playbooks, else the default ones.
func playbookCases(args []string, dir string) (name string, data []byte, err error) {
	switch {
	case len(args) > 0:
		name = args[0]
	case dir != "":
		name = filepath.Join(dir, playbook.CasesName)
	}
	if name != "" {
		if data, err = os.ReadFile(name); err == nil || len(args) > 0 || !errors.Is(err, fs.ErrNotExist) {
			return name, data, err
		}
	}
	return playbook.CasesName, playbook.DefaultCases(), nil
}

// An outcome is a table case and what does not hold of it.
type outcome struct {
	name  string
	wrong []string
}

// tell prints the cases that do not hold; there being one is a refusal.
func (a *app) tell(list []outcome) error {
	failed := 0
	for _, o := range list {
		if len(o.wrong) == 0 {
			continue
		}
		failed++
		fmt.Fprintln(a.out, safe(o.name))
		for _, w := range o.wrong {
			fmt.Fprintln(a.out, "  "+strings.ReplaceAll(safe(w), "\n", "\n  "))
		}
	}
	fmt.Fprintf(a.out, "%d cases hold, %d do not\n", len(list)-failed, failed)
	if failed > 0 {
		return refusal{fmt.Errorf("%d of %d cases do not hold", failed, len(list))}
	}
	return nil
}

func (a *app) policy() *cobra.Command {
	var file string
	var asYAML bool
	cmd := &cobra.Command{Use: "policy", Args: cobra.NoArgs, RunE: group, Short: "Show and test how facts are judged", Example: "  uratori policy show"}
	show := &cobra.Command{
		Use: "show", Short: "Show the rules with their points and reasons, or the whole file", Args: cobra.NoArgs,
		Example: "  uratori policy show\n  uratori policy show --yaml > policy.yaml   # a file to change, see policy: in the configuration",
		RunE: func(*cobra.Command, []string) error {
			p, err := loadPolicy(file)
			if err != nil {
				return usage(err)
			}
			if asYAML {
				_, err := a.out.Write(p.Bytes())
				return err
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "rule\tpoints\tfloor\twhen\tbecause")
			for _, r := range p.Rules() {
				fmt.Fprintf(w, "%s\t%+d\t%d\t%s\t%s / %s\n", r.ID, r.Points, r.Floor, r.When, r.Because.JA, r.Because.EN)
			}
			fmt.Fprintf(w, "sha256 %s\n", p.Hash())
			return w.Flush()
		},
	}
	show.Flags().BoolVar(&asYAML, "yaml", false, "print the file itself")
	test := &cobra.Command{
		Use: "test [CASES]", Short: "Judge table cases and say which differ", Example: "  uratori policy test\n  uratori policy test cases.yaml --policy policy.yaml", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := loadPolicy(file)
			if err != nil {
				return usage(err)
			}
			name, data := "cases.yaml", policy.DefaultCases()
			if len(args) > 0 {
				name = args[0]
				if data, err = os.ReadFile(name); err != nil {
					return usage(err)
				}
			}
			results, err := policy.RunCases(p, name, data)
			if err != nil {
				return usage(err)
			}
			list := make([]outcome, 0, len(results))
			for _, r := range results {
				list = append(list, outcome{r.Name, r.Wrong})
			}
			return a.tell(list)
		},
	}
	cmd.PersistentFlags().StringVar(&file, "policy", "", "policy file instead of the default one")
	cmd.AddCommand(show, test)
	return cmd
}

func (a *app) config() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Args: cobra.NoArgs, RunE: group, Short: "Write and check the configuration", Example: "  uratori config check uratori.yaml"}
	initialise := &cobra.Command{
		Use: "init [FILE]", Short: "Write a commented example (default uratori.yaml)", Example: "  uratori config init", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := "uratori.yaml"
			if len(args) > 0 {
				path = args[0]
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if os.IsExist(err) {
				return fmt.Errorf("%s exists and is left alone; name another file", path)
			}
			if err != nil {
				return err
			}
			if _, err := f.Write(config.Example()); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			fmt.Fprintln(a.out, path)
			return nil
		},
	}
	check := &cobra.Command{
		Use: "check FILE", Short: "Check a configuration", Example: "  uratori config check uratori.yaml",
		Args: given(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := config.Load(args[0])
			if err != nil {
				return usage(err)
			}
			if _, err := tools(c, "en"); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is well formed\n", args[0])
			return nil
		},
	}
	cmd.AddCommand(initialise, check)
	return cmd
}
