package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uratori/bundle"
	"uratori/investigate"
	"uratori/ledger"
)

func (a *app) replay() *cobra.Command {
	return &cobra.Command{
		Use:   "replay BUNDLE",
		Short: "Run a kept case again from its evidence and compare the reports byte by byte",
		Long: `Replay loads the inputs of a bundle (finding, evidence, settings, playbooks, policy, draft),
derives, judges, checks and writes again, and compares. A difference is shown and ends in
exit status 3.`,
		Example: "  uratori replay out/demo-a/bundle",
		Args:    given(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := isBundle(args[0]); err != nil {
				return err
			}
			b, err := bundle.Read(args[0])
			if err != nil {
				return refusal{err}
			}
			if _, err := ledger.Read(bytes.NewReader(b.Ledger)); err != nil {
				return refusal{err}
			}
			c, err := investigate.Replay(b)
			if err != nil {
				return refusal{err}
			}
			for _, name := range slices.Sorted(maps.Keys(b.Reports)) {
				if diff := firstDifference(b.Reports[name], c.Reports[name]); diff != "" {
					return refusal{fmt.Errorf("%s differs: %s", name, diff)}
				}
				fmt.Fprintf(a.out, "%s: identical, %d bytes\n", name, len(b.Reports[name]))
			}
			return nil
		},
	}
}

// firstDifference shows the first line in which two texts differ, "" when none does.
func firstDifference(kept, again []byte) string {
	if bytes.Equal(kept, again) {
		return ""
	}
	x, y := strings.Split(string(kept), "\n"), strings.Split(string(again), "\n")
	for i := range max(len(x), len(y)) {
		var a, b string
		if i < len(x) {
			a = x[i]
		}
		if i < len(y) {
			b = y[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, cutLine(a), cutLine(b))
		}
	}
	return "line ends"
}

func cutLine(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
