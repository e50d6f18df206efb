package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"uratori/doctor"
	"uratori/query"
)

// An examination is what the doctor saw, to be printed.
type examination struct {
	lang   string // ja or en
	window query.Window
	checks []doctor.Check
	rows   []doctor.Row
	costs  []doctor.Cost
	calls  map[string]int // made for it, by API
}

// in is a text in the examination's language.
func (e examination) in(t doctor.Text) string {
	if e.lang == "ja" {
		return t.JA
	}
	return t.EN
}

// labels are the fixed words of an examination. States, names of checks and reasons stay as they
// are: they are what --json prints, too.
var labels = map[string]doctor.Text{
	"mend":     {JA: "対処: ", EN: "to mend: "},
	"coverage": {JA: "記録の状況 %s から %s まで", EN: "Coverage from %s to %s"},
	"any":      {JA: "すべて", EN: "any"},
	"nowhere":  {JA: "どのソースにも記録がない: ", EN: "No source holds a record of: "},
	"missing":  {JA: "%s は一部またはすべてが記録されていない。", EN: "%s is not collected everywhere."},
	"unseen":   {JA: "見えないもの: ", EN: "unseen: "},
	"open":     {JA: "答えの出ない質問: ", EN: "open questions: "},
	"never":    {JA: "正当と判定できない検出の種類: ", EN: "never judged benign without it: findings of "},
	"switch":   {JA: "有効にするもの: ", EN: "switch on: "},
	"calls":    {JA: "このための呼び出し: ", EN: "Calls made for this: "},
}

// print prints for a person, in lines of so many columns.
func (e examination) print(to io.Writer, columns int) error {
	var b strings.Builder
	line := func(text string) {
		for _, piece := range wrapped(safe(text), columns) {
			b.WriteString(piece + "\n")
		}
	}
	for _, k := range e.checks {
		line(fmt.Sprintf("%-7s  %s: %s", k.Level, k.Subject, k.Name))
		line("         " + e.in(k.Says))
		if k.Mend != (doctor.Text{}) {
			line("         " + e.in(labels["mend"]) + e.in(k.Mend))
		}
	}
	b.WriteString("\n")
	line(fmt.Sprintf(e.in(labels["coverage"]), query.Stamp(e.window.From), query.Stamp(e.window.To)))
	nowhere := e.table(line)
	if len(nowhere) > 0 {
		b.WriteString("\n")
		line(e.in(labels["nowhere"]) + strings.Join(nowhere, ", "))
	}
	for _, c := range e.costs {
		b.WriteString("\n")
		line(fmt.Sprintf(e.in(labels["missing"]), c.Kind))
		if c.What != (doctor.Text{}) {
			line("  " + e.in(labels["unseen"]) + e.in(c.What))
		}
		if len(c.Questions) > 0 {
			line("  " + e.in(labels["open"]) + strings.Join(c.Questions, ", "))
		}
		if len(c.Never) > 0 {
			line("  " + e.in(labels["never"]) + strings.Join(c.Never, ", "))
		}
		for _, s := range c.SwitchOn {
			line("  " + e.in(labels["switch"]) + e.in(s))
		}
	}
	if len(e.calls) > 0 {
		var made []string
		for _, api := range slices.Sorted(maps.Keys(e.calls)) {
			made = append(made, fmt.Sprintf("%s %d", api, e.calls[api]))
		}
		b.WriteString("\n")
		line(e.in(labels["calls"]) + strings.Join(made, ", "))
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// table prints the coverage, kind by kind: what each source that may hold it tells of each account
// and Region. Of a source that could not be asked it says why. The kinds that no source holds come back.
func (e examination) table(line func(string)) (nowhere []string) {
	told := map[string]bool{}
	for _, r := range e.rows {
		if !r.Nothing() && !r.Elsewhere() {
			told[r.Kind] = true
		}
	}
	wide := [4]int{}
	cells := func(r doctor.Row) [4]string {
		state := string(r.State)
		if r.State == doctor.Partly {
			state = fmt.Sprintf("%s (%d %%)", r.State, r.Percent)
		}
		return [4]string{or(r.Account, e.in(labels["any"])), or(r.Region, e.in(labels["any"])), r.Source, state}
	}
	for _, r := range e.rows {
		for i, c := range cells(r) {
			wide[i] = max(wide[i], width(c))
		}
	}
	kind := ""
	for _, r := range e.rows {
		if !told[r.Kind] {
			if !slices.Contains(nowhere, r.Kind) {
				nowhere = append(nowhere, r.Kind)
			}
			continue
		}
		if r.Elsewhere() {
			continue
		}
		if r.Kind != kind {
			kind = r.Kind
			line(kind)
		}
		var why []string
		for _, y := range r.Why {
			why = append(why, string(y))
		}
		text := "  "
		for i, c := range cells(r) {
			text += c + strings.Repeat(" ", wide[i]-width(c)+2)
		}
		line(text + strings.Join(why, ", "))
		if reason := or(r.Error, r.Detail); reason != "" {
			line("    " + reason)
		}
	}
	return nowhere
}

// width is how many columns a text takes on a terminal.
func width(text string) int {
	n := 0
	for _, g := range glyphsOf(text) {
		n += g.columns()
	}
	return n
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// asJSON prints the same for programs.
func (e examination) asJSON(to io.Writer) error {
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
		Detail  string   `json:"detail,omitempty"`
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
		From     string         `json:"from"`
		To       string         `json:"to"`
		Language string         `json:"language"`
		Checks   []check        `json:"checks"`
		Coverage []row          `json:"coverage"`
		Costs    []cost         `json:"costs"`
		Calls    map[string]int `json:"calls"`
	}{query.Stamp(e.window.From), query.Stamp(e.window.To), e.lang, []check{}, []row{}, []cost{}, e.calls}
	for _, k := range e.checks {
		out.Checks = append(out.Checks, check{k.Subject, k.Name, k.Level.String(), e.in(k.Says), e.in(k.Mend)})
	}
	for _, r := range e.rows {
		y := row{r.Kind, r.Account, r.Region, r.Source, string(r.State), r.Percent, nil, r.Detail, r.Error}
		for _, why := range r.Why {
			y.Why = append(y.Why, string(why))
		}
		out.Coverage = append(out.Coverage, y)
	}
	for _, c := range e.costs {
		y := cost{Kind: c.Kind, Unseen: e.in(c.What), Questions: c.Questions, Never: c.Never}
		for _, s := range c.SwitchOn {
			y.SwitchOn = append(y.SwitchOn, e.in(s))
		}
		out.Costs = append(out.Costs, y)
	}
	enc := json.NewEncoder(to)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
