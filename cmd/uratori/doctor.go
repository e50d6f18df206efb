package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"uratori/config"
	"uratori/doctor"
	"uratori/query"
	"uratori/source"
)

// doctor looks at everything that an investigation needs.
func (a *app) doctor() *cobra.Command {
	var file, lang string
	var asJSON bool
	var days int
	cmd := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Check sources, credentials and coverage, and say what to switch on",
		Long: `Doctor asks each source about itself (reachable? credentials, permissions, fields, clock), reads the
files of knowledge: and the folders of past_cases: (there? readable? how old?), prints what is
collected for each kind of record, account, Region and source, and for what nobody collects says
what to switch on and what it costs to leave it. It changes nothing. What it
could not look at is told as unseen, never as well.

Exit status: 0 nothing is wrong, though there may be warnings; 1 the doctor could not look; 2 wrong
usage or configuration; 3 something is wrong that keeps an investigation from asking.`,
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
			if c.Language, err = c.ReportLanguage(lang, a.getenv); err != nil {
				return usage(err)
			}
			return a.examine(cmd.Context(), c, days, asJSON)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (uratori.yaml)")
	cmd.Flags().StringVar(&lang, "lang", "", "ja or en; without it as the configuration or the environment says")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&days, "days", 7, "how many days back coverage is looked at")
	_ = cmd.MarkFlagRequired("config") // it is defined two lines above
	return cmd
}

func (a *app) examine(ctx context.Context, c config.Config, days int, asJSON bool) error {
	t, err := tools(c, c.Language)
	if err != nil {
		return err
	}
	services := c // files that are not there are a check of their own, and no reason to look no further
	services.Knowledge, services.PastCases = config.Knowledge{}, config.PastCases{}
	open, err := a.open(ctx, services, nil, "")
	if err != nil {
		return err
	}
	defer a.close(open)
	to := a.clock().UTC().Truncate(time.Hour)
	e := examination{lang: c.Language, window: query.Window{From: to.AddDate(0, 0, -days), To: to}}
	spent := &callTally{calls: map[string]int{}}
	ctx = source.WithMeter(ctx, spent)
	if e.checks, err = a.checks(ctx, c, open, e.window); err != nil {
		return err
	}
	if e.rows, err = doctor.Table(ctx, open.sources, open.order, places(c), e.window); err != nil {
		return err
	}
	e.costs, e.calls = doctor.Costs(e.rows, t.Playbooks, t.Policy), spent.calls
	if asJSON {
		err = e.asJSON(a.out)
	} else {
		err = e.print(a.out, a.columns())
	}
	if err != nil {
		return err
	}
	return e.verdict()
}

// verdict is the refusal that tells what is wrong; nil when nothing is.
func (e examination) verdict() error {
	var wrong []doctor.Check
	for _, k := range e.checks {
		if k.Level == doctor.Wrong {
			wrong = append(wrong, k)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	k := wrong[0]
	return refusal{fmt.Errorf("%d of %d checks are wrong; the first: %s: %s: %s", len(wrong), len(e.checks), k.Subject, k.Name, k.Says.EN)}
}

// callTally counts the calls of a doctor's visit by API. It allows them all.
type callTally struct {
	mu    sync.Mutex
	calls map[string]int
}

func (*callTally) Take(string) error { return nil }

func (s *callTally) Note(c source.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.API]++
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
