package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/doctor"
	"uratori/guardduty"
	"uratori/query"
	"uratori/source"
	"uratori/source/athena"
	"uratori/source/awslogs"
	"uratori/source/cloudtrail"
	"uratori/source/entra"
	"uratori/source/splunk"
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

// checks are what each source says of itself, and what AWS says of us.
func (a *app) checks(ctx context.Context, c config.Config, o *opened) []doctor.Check {
	var out []doctor.Check
	for _, s := range o.sources {
		if r, ok := s.(interface{ Behind() source.Source }); ok {
			s = r.Behind()
		}
		switch s := s.(type) {
		case *splunk.Source:
			out = append(out, checkSplunk(ctx, s)...)
		case *entra.Source:
			out = append(out, checkEntra(ctx, s)...)
		case *cloudtrail.Source, *athena.Source, *awslogs.Source:
			out = append(out, doctor.Check{Subject: s.Name(), Name: "coverage", Says: "asked with the credentials of aws, see there; what it covers stands below"})
		default:
			out = append(out, doctor.Check{Subject: s.Name(), Name: "itself", Says: "a local store; nothing to log in to"})
		}
	}
	if usesAWS(c) {
		out = append(out, a.checkAWS(ctx, c, o)...)
	}
	return out
}

func usesAWS(c config.Config) bool {
	return len(c.AWS.LookUp)+len(c.AWS.Logs) > 0 || slices.ContainsFunc(c.Sources, func(s config.Source) bool { return s.CloudTrail != nil || s.Athena != nil })
}

// failed is a check of something that could not be done.
func failed(subject, name string, err error, mend string) doctor.Check {
	return doctor.Check{Subject: subject, Name: name, Level: doctor.Wrong, Says: err.Error(), Mend: mend}
}

func checkSplunk(ctx context.Context, s *splunk.Source) []doctor.Check {
	h, err := s.Check(ctx)
	if err != nil {
		return []doctor.Check{failed(s.Name(), "credentials", err, "see whether the address is reached and the token is good")}
	}
	out := []doctor.Check{{Subject: s.Name(), Name: "credentials", Says: fmt.Sprintf("logged in as %s with %s, Splunk %s", h.User, strings.Join(h.Roles, ", "), or(h.Version, "of unknown version"))}}
	permissions := doctor.Check{Subject: s.Name(), Name: "permissions", Says: "everything that is needed is permitted"}
	if len(h.Missing) > 0 {
		permissions.Level, permissions.Says, permissions.Mend = doctor.Wrong, "not permitted: "+strings.Join(h.Missing, ", "), "grant it; uratori iam splunk prints the role"
	}
	out = append(out, permissions)
	if len(h.Excess) > 0 {
		out = append(out, doctor.Check{Subject: s.Name(), Name: "surplus", Level: doctor.Warning, Says: "permitted and never used: " + strings.Join(h.Excess, ", "), Mend: "take it away; uratori iam splunk prints the role"})
	}
	now := time.Now()
	out = append(out, doctor.Clock(s.Name(), now.Add(h.Skew), now), doctor.Expiry(s.Name(), h.Expires, now))
	for _, u := range h.Unseen {
		out = append(out, doctor.Check{Subject: s.Name(), Name: "unseen", Level: doctor.Unseen, Says: u})
	}
	return out
}

func checkEntra(ctx context.Context, s *entra.Source) []doctor.Check {
	c, err := s.Check(ctx)
	if err == nil {
		err = c.TokenErr
	}
	if err != nil {
		return []doctor.Check{failed(s.Name(), "credentials", err, "see whether the tenant, the application's id and its secret are right")}
	}
	out := []doctor.Check{{Subject: s.Name(), Name: "credentials", Says: "a token was obtained"}}
	if c.RolesErr != nil {
		out = append(out, doctor.Check{Subject: s.Name(), Name: "permissions", Level: doctor.Unseen, Says: c.RolesErr.Error()})
	} else {
		p := doctor.Check{Subject: s.Name(), Name: "permissions", Says: "everything that is needed is permitted"}
		for _, m := range c.Missing {
			level, word := doctor.Warning, "missing, and asked for by some questions"
			if m.Required {
				level, word = doctor.Wrong, "missing"
			}
			p.Level = max(p.Level, level)
			p.Says, p.Mend = fmt.Sprintf("%s is %s: %s", m.Name, word, m.For), "let an administrator consent to it; uratori iam entra lists what is needed"
		}
		out = append(out, p)
		if len(c.Surplus) > 0 {
			out = append(out, doctor.Check{Subject: s.Name(), Name: "surplus", Level: doctor.Warning, Says: "permitted and never used: " + strings.Join(c.Surplus, ", "), Mend: "take it away; uratori iam entra lists what is needed"})
		}
	}
	if c.SignInsErr != nil {
		mend := "grant AuditLog.Read.All and Directory.Read.All"
		if c.Unlicensed {
			mend += "; sign-in reports need a P1 or P2 licence"
		}
		out = append(out, failed(s.Name(), "sign-ins", c.SignInsErr, mend))
	}
	now := time.Now()
	clock := doctor.Clock(s.Name(), time.Time{}, now)
	if c.SkewKnown {
		clock = doctor.Clock(s.Name(), now.Add(c.Skew), now)
	}
	out = append(out, clock)
	if c.SecretsErr != nil {
		out = append(out, doctor.Check{Subject: s.Name(), Name: "expiry", Level: doctor.Unseen, Says: "when the secret ends may not be read"})
	}
	for _, e := range c.Secrets {
		out = append(out, doctor.Expiry(s.Name(), e.Ends, now))
	}
	return out
}

// checkAWS looks whether AWS knows us in every account, and how often GuardDuty publishes.
func (a *app) checkAWS(ctx context.Context, c config.Config, o *opened) []doctor.Check {
	conn, err := o.reach.conn(ctx)
	if err != nil {
		return []doctor.Check{failed("aws", "credentials", err, "log in, or name a profile under aws: in the configuration")}
	}
	var out []doctor.Check
	accounts := []string{""}
	for _, acc := range c.Accounts {
		accounts = append(accounts, acc.ID)
	}
	for _, id := range accounts {
		name := "credentials of " + or(id, "the program")
		who, err := conn.Whoami(ctx, id)
		switch {
		case err != nil:
			out = append(out, failed("aws", name, err, "see the role and its trust policy; uratori iam member and uratori iam trust print them"))
		case id != "" && who.Account != id:
			out = append(out, doctor.Check{Subject: "aws", Name: name, Level: doctor.Wrong, Says: "answered by account " + who.Account, Mend: "name the role to assume there under aws: member_role"})
		default:
			out = append(out, doctor.Check{Subject: "aws", Name: name, Says: who.ARN})
		}
	}
	out = append(out, doctor.Check{Subject: "aws", Name: "surplus", Level: doctor.Unseen, Says: "AWS does not tell a role what it may do beyond its need; compare its policies with uratori iam reader and uratori iam member"})
	client, err := o.reach.guardduty(ctx)
	if err != nil {
		return append(out, failed("guardduty", "itself", err, "see aws"))
	}
	for _, region := range c.Regions {
		often, err := client.Frequency(ctx, guardduty.Place{Region: region})
		switch {
		case errors.Is(err, guardduty.ErrNoDetector):
			out = append(out, doctor.Check{Subject: "guardduty", Name: region, Level: doctor.Warning, Says: "GuardDuty is not on", Mend: "switch it on: nothing is detected there"})
		case err != nil:
			out = append(out, doctor.Check{Subject: "guardduty", Name: region, Level: doctor.Unseen, Says: err.Error()})
		case often != "FIFTEEN_MINUTES":
			out = append(out, doctor.Check{Subject: "guardduty", Name: region, Level: doctor.Warning, Says: "repeats of a finding are published " + often, Mend: "set the publishing frequency to FIFTEEN_MINUTES, in the administrator account"})
		default:
			out = append(out, doctor.Check{Subject: "guardduty", Name: region, Says: "repeats of a finding are published every fifteen minutes"})
		}
	}
	return out
}
