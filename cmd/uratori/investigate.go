package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"uratori/evidence"
	"uratori/finding"
	"uratori/guardduty"
	"uratori/investigate"
	"uratori/policy"
	"uratori/query"
	"uratori/report"
)

// A job is what `investigate` was told.
type job struct {
	logs                []string
	store, config, lang string
	format, out, failOn string
	region              string
	parallel            int
}

func (a *app) investigate() *cobra.Command {
	var j job
	cmd := &cobra.Command{
		Use:   "investigate FINDING --logs DIR",
		Short: "Investigate a finding from log files and write the report",
		Long: `Investigate reads one GuardDuty finding or several (as GetFindings, EventBridge, the S3
export, Security Hub or OCSF deliver them; "-" reads standard input), asks the logs, and
writes the report. A finding that is named by its ARN, or by its id and --region, is fetched from
GuardDuty. -o names a file for one format, or a folder for the whole bundle.

Exit status: 0 a report was written, whatever its verdict; 1 it could not be; 2 wrong usage
or configuration; 3 --fail-on was reached, or verification refused the report.`,
		Example: `  uratori investigate finding.json --logs ./logs
  uratori investigate finding.json --logs ./logs --lang ja -o case1
  uratori investigate arn:aws:guardduty:ap-northeast-1:111122223333:detector/... --config uratori.yaml
  uratori investigate - --logs ./logs --format json < finding.json`,
		Args: given(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), args[0], j) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&j.logs, "logs", nil, "folder or file of logs; may be given several times")
	f.StringVar(&j.store, "store", "", "store to read the logs into, or that holds them")
	f.StringVar(&j.config, "config", "", "configuration file (uratori.yaml)")
	f.StringVar(&j.lang, "lang", "", "language of the report: ja or en")
	f.StringVar(&j.format, "format", "", "md, html, json or all (default: md, or all into a folder)")
	f.StringVarP(&j.out, "out", "o", "", "file for one format, or folder for the whole bundle")
	f.StringVar(&j.region, "region", "", "AWS Region of a finding that is named by its id")
	f.IntVar(&j.parallel, "parallel", 1, "findings investigated at once; services are asked no faster for it")
	f.StringVar(&j.failOn, "fail-on", "", "exit with 3 at this verdict or a worse one: benign, inconclusive, suspicious, malicious")
	return cmd
}

var formatNames = map[string]string{"md": investigate.MarkdownName, "html": investigate.HTMLName, "json": investigate.JSONName}

func (a *app) run(ctx context.Context, path string, j job) error {
	threshold := policy.Unjudged
	if j.failOn != "" {
		v, ok := policy.VerdictNamed(j.failOn)
		if !ok {
			return usage(fmt.Errorf("--fail-on is benign, inconclusive, suspicious or malicious, not %q", j.failOn))
		}
		threshold = v
	}
	if j.format != "" && j.format != "all" && formatNames[j.format] == "" {
		return usage(fmt.Errorf("--format is md, html, json or all, not %q", j.format))
	}
	if j.parallel < 1 || j.parallel > 64 {
		return usage(fmt.Errorf("--parallel is 1 to 64, not %d", j.parallel))
	}
	if j.format == "all" && j.out == "" {
		return usage(errors.New("--format all needs a folder: name one with -o"))
	}
	c, err := loadConfig(j.config)
	if err != nil {
		return err
	}
	if c.Language, err = c.ReportLanguage(j.lang, a.getenv); err != nil {
		return usage(err)
	}
	var findings, members []finding.Finding
	if ref, ok := named(path); ok {
		if findings, err = a.fetch(ctx, c, ref, j.region); err == nil {
			members = a.members(ctx, c, findings, j.region)
		}
	} else {
		findings, err = a.findings(path)
	}
	if err != nil {
		return err
	}
	cases := newest(findings)
	if err := j.fits(len(cases)); err != nil {
		return err
	}
	t, err := tools(c, c.Language)
	if err != nil {
		return err
	}
	open, err := a.open(ctx, c, j.logs, j.store)
	if err != nil {
		return err
	}
	defer a.close(open)
	t.Sources, t.Order, t.Lookers, t.Compare = open.sources, open.order, open.lookers, compared(c)
	worst := policy.Unjudged
	live, end := a.spending(t.Budget)
	defer end()
	t.Watch = live.watch
	var done []line
	err = each(ctx, t, findings, cases, members, j.parallel, func(cs investigate.Case) error {
		live.hide()
		a.advise(cs, j.config)
		worst = max(worst, cs.Assessment.Verdict())
		if err := a.deliver(cs, j, len(cases) > 1); err != nil {
			return err
		}
		done = append(done, line{cs.Assessment.Verdict(), cs.Assessment.Score(), string(cs.Finding.Type), cs.Finding.ID, cs.Finding.CaseID()})
		return nil
	})
	end()
	if len(cases) > 1 && j.out != "" {
		if told := a.overview(done, len(cases), j.out); err == nil {
			err = told
		}
	}
	if err != nil {
		return err
	}
	if threshold != policy.Unjudged && worst >= threshold {
		return refusal{fmt.Errorf("the verdict is %s, and --fail-on is %s", worst, threshold)}
	}
	return nil
}

// A line is what the overview of several findings tells of one of them.
type line struct {
	verdict          policy.Verdict
	score            int
	kind, id, folder string
}

// overview lists the findings that were investigated, the worst first, with the folder of each.
func (a *app) overview(done []line, of int, out string) error {
	slices.SortStableFunc(done, func(x, y line) int {
		return cmp.Or(cmp.Compare(y.verdict, x.verdict), cmp.Compare(y.score, x.score))
	})
	fmt.Fprintf(a.out, "\n%d of %d findings were investigated, the worst first:\n", len(done), of)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, l := range done {
		fmt.Fprintf(w, "%s\trisk %d\t%s\t%s\t%s\n", l.verdict, l.score, safe(l.kind), safe(l.id), filepath.Join(out, l.folder))
	}
	return w.Flush()
}

// newest are the places of the findings to investigate: of those that came in several versions the
// newest, in the order in which each came first.
func newest(findings []finding.Finding) []int {
	var kept guardduty.Versions
	for _, f := range findings {
		kept.Add(f)
	}
	var out []int
	done := map[string]bool{}
	for _, f := range findings {
		id := f.CaseID()
		if done[id] {
			continue
		}
		done[id] = true
		versions := kept.Of(id)
		last := versions[len(versions)-1]
		out = append(out, slices.IndexFunc(findings, func(g finding.Finding) bool { return g.CaseID() == id && bytes.Equal(g.Raw(), last.Raw()) }))
	}
	return out
}

// each investigates those findings whose places are given, so many at once, and hands the cases on in
// that order. The other findings, older versions of the same among them, and the members of sequences
// are known to each.
func each(ctx context.Context, t investigate.Tools, findings []finding.Finding, places []int, members []finding.Finding, atOnce int, use func(investigate.Case) error) error {
	g, ctx := errgroup.WithContext(ctx)
	turn, cases := make(chan struct{}, atOnce), make([]chan investigate.Case, len(places))
	for i := range cases {
		cases[i] = make(chan investigate.Case, 1)
	}
	g.Go(func() error {
		for i, at := range places {
			select {
			case turn <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			g.Go(func() error {
				defer func() { <-turn }()
				cs, err := t.Run(ctx, findings[at], append(slices.Delete(slices.Clone(findings), at, at+1), members...), nil)
				if err == nil {
					cases[i] <- cs
				}
				return err
			})
		}
		return nil
	})
	g.Go(func() error {
		for _, next := range cases {
			select {
			case cs := <-next:
				if err := use(cs); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	return g.Wait()
}

// fits says before the work whether its results can be written where -o says.
func (j job) fits(findings int) error {
	if j.out == "" {
		return nil
	}
	one := j.format != "" && j.format != "all"
	if one && findings > 1 {
		return usage(fmt.Errorf("there are %d findings, and --format %s writes one file\nhint: leave out --format, and -o %s becomes a folder with a bundle of each", findings, j.format, j.out))
	}
	info, err := os.Stat(j.out)
	switch {
	case one && err == nil && info.IsDir():
		return usage(fmt.Errorf("-o %s is a folder, and --format %s writes one file\nhint: name a file, or leave out --format", j.out, j.format))
	case one:
		if dir, err := os.Stat(filepath.Dir(j.out)); err != nil || !dir.IsDir() {
			return usage(fmt.Errorf("-o %s: there is no folder %s", j.out, filepath.Dir(j.out)))
		}
	case err == nil && !info.IsDir():
		return usage(fmt.Errorf("-o %s is a file, and a bundle is a folder\nhint: name a folder, or one format with --format", j.out))
	}
	return nil
}

// advise tells what looks like a mistake in what was given. The report says the same in its own
// way: nothing found, and what was not collected.
func (a *app) advise(cs investigate.Case, config string) {
	f := cs.Finding
	if at := f.FirstSeen; at.After(a.clock().Add(time.Hour)) {
		a.hint(fmt.Sprintf("finding %s: its time %s lies in the future; check the clock of this machine, and the finding", f.ID, at.UTC().Format(time.RFC3339)))
	}
	for _, line := range unanswered(cs, config) {
		a.hint(fmt.Sprintf("finding %s: %s", f.ID, line))
	}
	asked, rows := 0, 0
	for _, it := range cs.Evidence.Items() {
		if it.Ask.Dataset == query.CloudTrail && it.Source != "" {
			asked, rows = asked+1, rows+len(it.Answer.Rows)
		}
	}
	if asked > 0 && rows == 0 {
		a.hint(fmt.Sprintf("finding %s: none of the CloudTrail records answers any question; are these the logs of account %s around %s?", f.ID, f.Account, f.FirstSeen.UTC().Format(time.RFC3339)))
	}
}

// unanswered says which sources gave no answer to questions, or a part of one, and what to do about it.
func unanswered(cs investigate.Case, config string) (lines []string) {
	type count struct {
		of     map[evidence.Outcome]int
		reason string // the first that was given
	}
	spent := map[string]bool{} // sources that were not asked because a budget was used up
	for _, e := range cs.Ledger.Entries() {
		if e.Op == "budget" {
			spent[e.Attrs["source"]] = true
		}
	}
	asked, told := map[string]int{}, map[string]*count{}
	for _, it := range cs.Evidence.Items() {
		if it.Source == "" || it.Kind != evidence.AnswerItem {
			continue
		}
		asked[it.Source]++
		switch o := it.Answer.Outcome; o {
		case evidence.Denied, evidence.Throttled, evidence.Failed, evidence.Truncated:
			c := told[it.Source]
			if c == nil {
				c = &count{of: map[evidence.Outcome]int{}, reason: it.Answer.Reason}
				told[it.Source] = c
			}
			c.of[o]++
		case evidence.Found, evidence.Empty, evidence.NotCollected, evidence.NotYet, evidence.NotAsked:
		}
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		c := told[name]
		var parts []string
		for _, o := range []evidence.Outcome{evidence.Denied, evidence.Failed, evidence.Throttled, evidence.Truncated} {
			if n := c.of[o]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, o))
			}
		}
		advice := fmt.Sprintf("uratori doctor --config %s says what is wrong; investigate again once it is mended", cmp.Or(config, "FILE"))
		switch {
		case spent[name]:
			advice = "raise budget: in the configuration, or investigate again later, to see the rest"
		case c.of[evidence.Truncated] > 0 && len(c.of) == 1:
			advice = "the report says \"at least\" where more may have happened"
		}
		lines = append(lines, fmt.Sprintf("source %s: of %d questions %s (%s); %s", name, asked[name], strings.Join(parts, ", "), brief(c.reason), advice))
	}
	return lines
}

// brief cuts a reason to what fits on a line.
func brief(s string) string {
	const most = 200
	if r := []rune(strings.Join(strings.Fields(s), " ")); len(r) > most {
		return string(r[:most]) + "…"
	}
	return strings.Join(strings.Fields(s), " ")
}

// findings reads the findings of a file or of standard input.
func (a *app) findings(path string) ([]finding.Finding, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = io.ReadAll(io.LimitReader(a.in, 256<<20))
	} else {
		data, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read finding: %w\nhint: name a file that holds findings, \"-\" for standard input, or a finding by its ARN, which is fetched", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read finding: %w", err)
	}
	fs, err := finding.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(fs) == 0 {
		return nil, fmt.Errorf("%s: the list of findings is empty", path)
	}
	return fs, nil
}

// deliver prints a report or writes it where -o says.
func (a *app) deliver(cs investigate.Case, j job, several bool) error {
	if j.out == "" {
		format := j.format
		if format == "" {
			format = "md"
		}
		return a.print(format, cs)
	}
	if j.format != "" && j.format != "all" && !several {
		return os.WriteFile(j.out, cs.Reports[formatNames[j.format]], 0o644)
	}
	dir := j.out
	if several {
		dir = filepath.Join(dir, cs.Finding.CaseID())
	}
	if err := cs.Bundle().Write(dir); err != nil {
		return err
	}
	fmt.Fprintln(a.out, report.Summary(cs.Document))
	a.reports(dir, cs.Reports)
	return nil
}

// reports names the files of a bundle that people open.
func (a *app) reports(dir string, reports map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		fmt.Fprintln(a.out, filepath.Join(dir, name))
	}
}

// print writes a report to standard output; on a terminal that takes colours its chapters are
// laid out for reading.
func (a *app) print(format string, cs investigate.Case) error {
	data := cs.Reports[formatNames[format]]
	if format == "md" && a.terminal(a.out) && a.getenv("NO_COLOR") == "" {
		if pretty, err := lay(cs.Document, a.columns()); err == nil {
			data = []byte(pretty)
		}
	}
	_, err := a.out.Write(data)
	return err
}
