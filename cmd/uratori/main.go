// Command uratori investigates Amazon GuardDuty findings and writes reports in which nothing was made up.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"uratori/source/call"
)

// The exit statuses. They are part of the contract with scripts: README.md.
const (
	exitOK      = 0 // a report was written, whatever its verdict
	exitFailed  = 1 // it could not be
	exitUsage   = 2 // wrong flags, arguments or configuration
	exitRefused = 3 // --fail-on was reached, or verification refused
)

// version is set by the build from the repository's state.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// An app is what every command works with.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time // what sources compare with: retention and delays; nil for the clock

	once   sync.Once    // for caller
	caller *call.Caller // see shared
}

// clock is the time by which sources judge what is held and what has not arrived yet.
func (a *app) clock() time.Time {
	if a.now == nil {
		return time.Now()
	}
	return a.now()
}

// run is the whole program: it never exits and never reads the process's own streams.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	return (&app{in: in, out: out, err: errw, getenv: os.Getenv}).command(ctx, args)
}

// command runs the program with its arguments and gives the exit status.
func (a *app) command(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	return a.status(root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "uratori",
		Short: "Investigate Amazon GuardDuty findings; nothing in a report is made up",
		Long: `Uratori takes a GuardDuty finding and the logs around it, asks every question an expert
would ask, computes every fact in code, lets policy decide the verdict, and writes a report
of eight fixed chapters in Japanese or English. What could not be seen is said to be unseen.`,
		Example: `  uratori demo
  uratori investigate finding.json --logs ./logs -o case1`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       built(),
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w\nhint: %s --help lists the flags", err, cmd.CommandPath()))
	})
	root.AddCommand(a.demo(), a.investigate(), a.ingest(), a.ask(), a.findingsCommand(), a.verify(), a.replay(), a.playbooks(), a.policy(), a.config(), a.doctor(), a.iam(), a.versions())
	return root
}

// A usageError is a mistake in what we were told: exit status 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// given checks how many arguments a command was given, and shows how it is used; most is -1 for
// any number.
func given(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
		return usage(fmt.Errorf("%s: %d arguments were given\nhint: %s, such as: %s", cmd.CommandPath(), len(args), cmd.UseLine(), example))
	}
}

// A refusal is a result that ends in exit status 3, after everything was printed.
type refusal struct{ err error }

func (e refusal) Error() string { return e.err.Error() }
func (e refusal) Unwrap() error { return e.err }

// status prints an error for a person and gives the exit status.
func (a *app) status(err error) int {
	if err == nil {
		return exitOK
	}
	var u usageError
	var r refusal
	switch {
	case errors.As(err, &r):
		a.complain(err)
		return exitRefused
	case errors.As(err, &u), isCobraUsage(err):
		a.complain(err)
		return exitUsage
	}
	a.complain(err)
	return exitFailed
}

// complain prints an error on lines that begin with the program's name.
func (a *app) complain(err error) {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.err, "uratori: stopped; what was stored is consistent")
		return
	}
	if hint := advice(err); hint != "" && !strings.Contains(err.Error(), "\nhint: ") {
		err = fmt.Errorf("%w\nhint: %s", err, hint)
	}
	// Every line of advice begins with the name too; lines that show a place stand as they are.
	fmt.Fprintf(a.err, "uratori: %s\n", strings.ReplaceAll(safe(err.Error()), "\nhint: ", "\nuratori: hint: "))
}

// advice is what to do about an error that nearer code had no advice on; "" when nothing is known.
func advice(err error) string {
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "unknown command"):
		return "the same command with --help lists those that there are"
	case strings.HasPrefix(text, `required flag(s) "config"`):
		return "uratori config init writes a commented uratori.yaml; name it with --config"
	case errors.Is(err, syscall.ENOSPC) && !strings.Contains(text, "free some space"):
		return "the disk is full: free some space, or name a place on another disk; what was written of it is not whole"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "name a place that may be read, and written if it is for the result"
	}
	return ""
}

// isCobraUsage tells cobra's own complaints about commands and arguments, which have no type.
func isCobraUsage(err error) bool {
	for _, prefix := range []string{"unknown command", "accepts ", "requires ", "unknown flag", "required flag"} {
		if len(err.Error()) >= len(prefix) && err.Error()[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

func (a *app) versions() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of the program",
		Example: "  uratori version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, "uratori", built())
			return err
		},
	}
}

// built is the version of the program as its build told it, else as the module has it.
func built() string {
	if info, ok := debug.ReadBuildInfo(); ok && version == "dev" && info.Main.Version != "" {
		return info.Main.Version
	}
	return version
}
