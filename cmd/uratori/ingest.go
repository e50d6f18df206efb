package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"uratori/query"
	"uratori/source/local"
)

func (a *app) ingest() *cobra.Command {
	var store string
	cmd := &cobra.Command{
		Use:   "ingest PATH... --store FILE",
		Short: "Read logs into a store, so that they are read only once",
		Long: `Ingest reads every log among the files and folders, by their content: CloudTrail delivery
files, LookupEvents output and JSON lines, Entra ID sign-ins as JSON or CSV, VPC flow, DNS,
S3 access, EKS and RDS audit logs, and Security Lake's Parquet; plain, gzip or zstd. Reading the
same files again changes nothing. What cannot be read is set aside and told.`,
		Example: "  uratori ingest ./logs --store logs.duckdb",
		Args:    given(1, -1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if store == "" {
				return usage(errors.New("--store FILE says where to keep the logs"))
			}
			st, err := local.Open(cmd.Context(), local.Options{Path: store, Now: time.Now()})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, st.Close()) }()
			tell, end := a.progress("ingest")
			rep, err := st.Ingest(cmd.Context(), args, tell)
			end()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "files %d, known before %d, no logs %d\nrecords %d, duplicates removed %d, quarantined %d\n",
				rep.Files, rep.Known, rep.NotLogs, rep.Records, rep.Duplicates, rep.Bad)
			if rep.Files == 0 || rep.Files == rep.NotLogs {
				a.hint("no log was found among these files; name the folder that holds CloudTrail, sign-in, flow, DNS, access or audit logs")
			}
			q, err := st.Stats(cmd.Context(), 20)
			if err != nil {
				return err
			}
			for _, b := range q.Bad {
				fmt.Fprintf(a.out, "quarantined: %s, %s: %s\n", safe(b.File), b.Position, safe(b.Reason))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&store, "store", "", "the store's file")
	return cmd
}

func (a *app) ask() *cobra.Command {
	var logs []string
	var store, cfg string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ask QUERY",
		Short: "Put one question to the logs and print the rows and the native query",
		Long: `Ask takes a question in its canonical text, as JSON or YAML, or the name of a file that holds
one of them ("-" reads standard input).`,
		Example: `  uratori ask 'cloudtrail from 2025-09-01T00:00:00Z to 2025-10-01T00:00:00Z group by api compute count() as n order by n desc limit 10' --store logs.duckdb`,
		Args:    given(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := a.question(args[0])
			if err != nil {
				return usage(err)
			}
			c, err := loadConfig(cfg)
			if err != nil {
				return err
			}
			open, err := a.open(cmd.Context(), c, logs, store)
			if err != nil {
				return err
			}
			defer a.close(open)
			for _, s := range open.sources {
				answer, err := s.Ask(cmd.Context(), q)
				if err != nil {
					return err
				}
				if err := a.answer(s.Name(), q, answer, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&logs, "logs", nil, "folder or file of logs; may be given several times")
	cmd.Flags().StringVar(&store, "store", "", "store that holds the logs")
	cmd.Flags().StringVar(&cfg, "config", "", "configuration file with sources")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer as JSON")
	return cmd
}

// question reads a query from the command line, a file or standard input, as text or JSON.
func (a *app) question(arg string) (query.Query, error) {
	text := arg
	if arg == "-" {
		data, err := readAll(a.in)
		if err != nil {
			return query.Query{}, err
		}
		text = string(data)
	} else if data, err := os.ReadFile(arg); err == nil {
		text = string(data)
	}
	q, err := parseQuestion(text)
	if err != nil {
		return q, err
	}
	return q, query.Check(q)
}
