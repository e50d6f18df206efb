package main

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"uratori": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// exits runs a command and pins its exit status: "exits 2 uratori ask".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	status := 0
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		status = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d; want %s", status, args[0])
	}
}

// newer makes a store look as if a later version of the program had written it.
func newer(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("duckdb", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec("UPDATE meta SET value = '999' WHERE key = 'version'")
	ts.Check(err)
	ts.Check(db.Close())
}

// replace changes a text in files: "replace OLD NEW FILE...".
func replace(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[2:] {
		text := ts.ReadFile(name)
		if !strings.Contains(text, args[0]) {
			ts.Fatalf("%s does not hold %q", name, args[0])
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(strings.ReplaceAll(text, args[0], args[1])), 0o600))
	}
}

// random writes a file of bytes that are no text: "random FILE SIZE".
func random(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, source := make([]byte, n), rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(data) // never fails
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"exits": exits, "newer": newer, "replace": replace, "random": random,
	}})
}
