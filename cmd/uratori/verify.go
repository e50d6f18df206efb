package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"

	"uratori/bundle"
	"uratori/investigate"
	"uratori/report"
)

func (a *app) verify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify REPORT|BUNDLE",
		Short: "Read finished reports back and prove them against the evidence",
		Long: `Verify reads the finished bytes of a bundle's reports, or of one report that lies in its
bundle, recognises every line, and holds every value against facts derived again from the
kept evidence. Without a bundle only the report's inner consistency can be checked: verify
says so and ends in exit status 3.`,
		Example: "  uratori verify out/demo-a/bundle\n  uratori verify out/demo-a/bundle/report.md",
		Args:    given(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.prove(args[0]) },
	}
}

func (a *app) prove(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return usage(fmt.Errorf("read report: %w", err))
	}
	dir, only := path, ""
	if !info.IsDir() {
		dir, only = filepath.Dir(path), filepath.Base(path)
	}
	if !bundle.Is(dir) {
		if info.IsDir() {
			return isBundle(path)
		}
		return a.alone(path)
	}
	b, err := bundle.Read(dir)
	if err != nil {
		return refusal{err}
	}
	reports := b.Reports
	if only != "" {
		data, ok := b.Reports[only]
		if !ok {
			return usage(fmt.Errorf("%s is no report of the bundle; its reports are %s", only, strings.Join(slices.Sorted(maps.Keys(b.Reports)), ", ")))
		}
		reports = map[string][]byte{only: data}
	}
	if err := investigate.Verify(b, reports); err != nil {
		return refusal{err}
	}
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		fmt.Fprintf(a.out, "%s: every line was recognised and holds\n", name)
	}
	return nil
}

// isBundle tells whether a folder holds a bundle, and where else one may be.
func isBundle(path string) error {
	if bundle.Is(path) {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return usage(fmt.Errorf("read bundle: %w", err))
	}
	text := path + " holds no bundle"
	if inner := filepath.Join(path, "bundle"); bundle.Is(inner) {
		text += "\nhint: there is one in " + inner
	} else if outer := filepath.Dir(path); bundle.Is(outer) {
		text += "\nhint: it lies in the bundle " + outer
	}
	return usage(errors.New(text))
}

// alone checks a report without its evidence: its form, and that every anchor leads somewhere.
func (a *app) alone(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(path, ".json"):
		err = wellFormed(data)
	default:
		err = anchored(string(data))
	}
	if err != nil {
		return refusal{fmt.Errorf("%s: %w", path, err)}
	}
	return refusal{errors.New("only the report's inner consistency could be checked, and it holds; nothing in it is proven\nhint: verify the bundle that it was written with")}
}

// reportSchema is what the JSON report says of its form.
const reportSchema = "uratori.report/1"

// wellFormed holds a JSON report against the published schema.
func wellFormed(data []byte) error {
	var schema, doc any
	if err := json.Unmarshal(report.Schema(), &schema); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	if top, ok := doc.(map[string]any); !ok || top["schema"] != reportSchema {
		return fmt.Errorf("the file is no report: it has no \"schema\": %q", reportSchema)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("report.schema.json", schema); err != nil {
		return err
	}
	s, err := c.Compile("report.schema.json")
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

var (
	anchorUse    = regexp.MustCompile(`\[([FAGRSE][0-9]+)\]|href="#([fagrse][0-9]+)"`)
	anchorTarget = regexp.MustCompile(`id="([fagrse][0-9]+)"`)
)

// anchored looks for anchors that lead nowhere.
func anchored(text string) error {
	targets := map[string]bool{}
	for _, m := range anchorTarget.FindAllStringSubmatch(text, -1) {
		targets[m[1]] = true
	}
	if len(targets) == 0 {
		return errors.New("the file is no report: it has no anchors")
	}
	for _, m := range anchorUse.FindAllStringSubmatch(text, -1) {
		id := strings.ToLower(m[1] + m[2])
		if !targets[id] {
			return fmt.Errorf("anchor %s leads nowhere", strings.ToUpper(id))
		}
	}
	return nil
}
