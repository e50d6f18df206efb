package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/playbook"
	"uratori/policy"
)

func (a *app) playbooks() *cobra.Command {
	var dir string
	load := func() (playbook.Set, error) {
		if dir == "" {
			return playbook.Default()
		}
		s, err := playbook.Load(dir)
		return s, usage(err)
	}
	cmd := &cobra.Command{Use: "playbook", Short: "Show and check the questions that findings raise", Example: "  uratori playbook show s3"}
	list := &cobra.Command{
		Use: "list", Short: "List the playbooks", Example: "  uratori playbook list", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, b := range s.All() {
				fmt.Fprintf(w, "%s\t%v\t%d questions\t%s / %s\n", b.ID, b.Families, len(b.Questions), b.Title.JA, b.Title.EN)
			}
			return w.Flush()
		},
	}
	show := &cobra.Command{
		Use: "show ID", Short: "Show the questions of a playbook", Example: "  uratori playbook show iam",
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.ExactArgs(1)(cmd, args)) },
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
			return nil
		},
	}
	test := &cobra.Command{
		Use: "test", Short: "Check playbooks: every field, fact, parameter and window", Example: "  uratori playbook test --dir playbooks", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%d playbooks are well formed\n", len(s.All()))
			return nil
		},
	}
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "folder laid over the default playbooks")
	cmd.AddCommand(list, show, test)
	return cmd
}

func (a *app) policy() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "policy", Short: "Show and test how facts are judged", Example: "  uratori policy show"}
	show := &cobra.Command{
		Use: "show", Short: "Show the rules with their points and reasons", Example: "  uratori policy show", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := loadPolicy(file)
			if err != nil {
				return usage(err)
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
			failed := 0
			for _, r := range results {
				if len(r.Wrong) == 0 {
					continue
				}
				failed++
				fmt.Fprintf(a.out, "%s\n", r.Name)
				for _, w := range r.Wrong {
					fmt.Fprintf(a.out, "  %s\n", w)
				}
			}
			fmt.Fprintf(a.out, "%d cases hold, %d do not\n", len(results)-failed, failed)
			if failed > 0 {
				return refusal{fmt.Errorf("%d of %d cases do not hold", failed, len(results))}
			}
			return nil
		},
	}
	cmd.PersistentFlags().StringVar(&file, "policy", "", "policy file instead of the default one")
	cmd.AddCommand(show, test)
	return cmd
}

func (a *app) config() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Write and check the configuration", Example: "  uratori config check uratori.yaml"}
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
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.ExactArgs(1)(cmd, args)) },
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
