package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/doctor"
	"uratori/query"
)

// doctor looks at everything that an investigation needs.
func (a *app) doctor() *cobra.Command {
	var file string
	var asJSON bool
	var days int
	cmd := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Check sources, credentials and coverage, and say what to switch on",
		Long: `Doctor asks each source about itself (reachable? credentials, permissions, fields, clock), prints
what is collected for each kind of record, account, Region and source, and for what nobody collects
says what to switch on and what it costs to leave it. It changes nothing.

Exit status: 0 nothing is wrong; 1 the doctor could not look; 2 wrong usage or configuration;
3 something is wrong that keeps an investigation from asking.`,
		Example: `  uratori doctor --config uratori.yaml
  uratori doctor --config uratori.yaml --days 30 --json`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > 90 {
				return usage(fmt.Errorf("--days is 1 to 90, not %d", days))
			}
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			return a.examine(cmd.Context(), c, days, asJSON)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (uratori.yaml)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&days, "days", 7, "how many days back coverage is looked at")
	_ = cmd.MarkFlagRequired("config") // it is defined two lines above
	return cmd
}

func (a *app) examine(ctx context.Context, c config.Config, days int, asJSON bool) error {
	t, err := tools(c, "en")
	if err != nil {
		return err
	}
	open, err := a.open(ctx, c, nil, "")
	if err != nil {
		return err
	}
	defer a.close(open)
	to := time.Now().UTC().Truncate(time.Hour)
	w := query.Window{From: to.AddDate(0, 0, -days), To: to}
	checks := a.checks(ctx, c, open)
	rows, err := doctor.Table(ctx, open.sources, open.order, places(c), w)
	if err != nil {
		return err
	}
	costs := doctor.Costs(rows, t.Playbooks, t.Policy)
	if asJSON {
		err = a.examinedJSON(w, checks, rows, costs)
	} else {
		err = a.examined(w, checks, rows, costs)
	}
	if err != nil {
		return err
	}
	for _, k := range checks {
		if k.Level == doctor.Wrong {
			return refusal{fmt.Errorf("%s: %s: %s", k.Subject, k.Name, k.Says)}
		}
	}
	return nil
}

// places are the accounts and Regions of the configuration.
func places(c config.Config) []doctor.Place {
	var out []doctor.Place
	regions := c.Regions
	if len(regions) == 0 {
		regions = []string{""}
	}
	for _, acc := range c.Accounts {
		for _, r := range regions {
			out = append(out, doctor.Place{Account: acc.ID, Region: r})
		}
	}
	return out
}

// examined prints what was seen for a person.
func (a *app) examined(w query.Window, checks []doctor.Check, rows []doctor.Row, costs []doctor.Cost) error {
	tw := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(cells ...string) {
		for i, c := range cells {
			if c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(tw, safe(strings.Join(cells, "\t")))
	}
	line("SOURCE", "CHECK", "STATE", "WHAT WAS SEEN")
	for _, k := range checks {
		line(k.Subject, k.Name, k.Level.String(), k.Says)
		if k.Mend != "" {
			line("", "", "", "to mend: "+k.Mend)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\nCoverage from %s to %s\n", query.Stamp(w.From), query.Stamp(w.To))
	line("KIND", "ACCOUNT", "REGION", "SOURCE", "STATE", "HOW KNOWN")
	silent := map[string]int{} // kinds of which a source holds nothing at all
	told := map[string]bool{}
	for _, r := range rows {
		if r.Nothing() {
			silent[r.Kind]++
		} else {
			told[r.Kind] = true
		}
	}
	for _, r := range rows {
		if !told[r.Kind] {
			continue
		}
		var why []string
		for _, y := range r.Why {
			why = append(why, string(y))
		}
		state, how := string(r.State), strings.Join(why, ", ")
		if r.State == doctor.Partly {
			state = fmt.Sprintf("%s (%d %%)", r.State, r.Percent)
		}
		if r.Error != "" {
			how = r.Error
		}
		line(r.Kind, or(r.Account, "any"), or(r.Region, "any"), r.Source, state, how)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	var nowhere []string
	for _, k := range query.Kinds() {
		if silent[k.Kind] > 0 && !told[k.Kind] {
			nowhere = append(nowhere, k.Kind)
		}
	}
	if len(nowhere) > 0 {
		fmt.Fprintf(a.out, "\nNo source holds a record of: %s\n", strings.Join(nowhere, ", "))
	}
	for _, c := range costs {
		fmt.Fprintf(a.out, "\n%s is not collected everywhere.\n", safe(c.Kind))
		if c.What.EN != "" {
			fmt.Fprintf(a.out, "  unseen: %s\n", c.What.EN)
		}
		if len(c.Questions) > 0 {
			fmt.Fprintf(a.out, "  open questions: %s\n", strings.Join(c.Questions, ", "))
		}
		if len(c.Never) > 0 {
			fmt.Fprintf(a.out, "  never judged benign without it: findings of %s\n", strings.Join(c.Never, ", "))
		}
		for _, s := range c.SwitchOn {
			fmt.Fprintf(a.out, "  switch on: %s\n", s.EN)
		}
	}
	return nil
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// examinedJSON prints the same for programs.
func (a *app) examinedJSON(w query.Window, checks []doctor.Check, rows []doctor.Row, costs []doctor.Cost) error {
	type check struct {
		Subject string `json:"subject"`
		Name    string `json:"name"`
		State   string `json:"state"`
		Says    string `json:"says"`
		Mend    string `json:"mend,omitempty"`
	}
	type row struct {
		Kind    string   `json:"kind"`
		Account string   `json:"account,omitempty"`
		Region  string   `json:"region,omitempty"`
		Source  string   `json:"source"`
		State   string   `json:"state"`
		Percent int      `json:"percent"`
		Why     []string `json:"why,omitempty"`
		Error   string   `json:"error,omitempty"`
	}
	type cost struct {
		Kind      string   `json:"kind"`
		Unseen    string   `json:"unseen,omitempty"`
		Questions []string `json:"open_questions,omitempty"`
		Never     []string `json:"never_benign,omitempty"`
		SwitchOn  []string `json:"switch_on,omitempty"`
	}
	out := struct {
		From     string  `json:"from"`
		To       string  `json:"to"`
		Checks   []check `json:"checks"`
		Coverage []row   `json:"coverage"`
		Costs    []cost  `json:"costs"`
	}{query.Stamp(w.From), query.Stamp(w.To), []check{}, []row{}, []cost{}}
	for _, k := range checks {
		out.Checks = append(out.Checks, check{k.Subject, k.Name, k.Level.String(), k.Says, k.Mend})
	}
	for _, r := range rows {
		y := row{r.Kind, r.Account, r.Region, r.Source, string(r.State), r.Percent, nil, r.Error}
		for _, why := range r.Why {
			y.Why = append(y.Why, string(why))
		}
		out.Coverage = append(out.Coverage, y)
	}
	for _, c := range costs {
		y := cost{Kind: c.Kind, Unseen: c.What.EN, Questions: c.Questions, Never: c.Never}
		for _, s := range c.SwitchOn {
			y.SwitchOn = append(y.SwitchOn, s.EN)
		}
		out.Costs = append(out.Costs, y)
	}
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
