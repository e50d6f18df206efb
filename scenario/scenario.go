// Package scenario makes findings and logs with known truth.
//
// It promises that the same variant and seed give the same bytes, and that what is true of a
// scenario was written down here, by reasoning, and not read off any run. It never imports
// what investigates.
package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Scenario is a finding, logs around it, a configuration, and the truth about them.
type Scenario struct {
	Variant string
	Seed    uint64
	Files   map[string][]byte // relative path -> content
	Truth   Truth
}

// A Variant is one story that can be told.
type Variant struct {
	ID string
	JA string
	EN string
}

// Truth is what a correct report says. Facts are by fact key, or key@subject, with values as a
// reader would write them: a list is its members with spaces between, a count that is only a
// lower bound is that bound.
type Truth struct {
	Verdict    string         `json:"verdict"`
	Score      int            `json:"score"`
	Ceiling    int            `json:"ceiling,omitempty"` // 0 when the story does not fix it
	Band       string         `json:"band"`
	Confidence string         `json:"confidence"`
	Urgency    string         `json:"urgency"`
	Missing    []string       `json:"missing,omitempty"` // kinds of record that required evidence lacks
	Facts      map[string]any `json:"facts"`
	Unknown    []string       `json:"unknown,omitempty"`   // facts that cannot be determined
	Settlings  []Settling     `json:"settlings,omitempty"` // of an inconclusive case: what adding what was missing leads to
	SameAs     string         `json:"same_as,omitempty"`   // the variant that every fact equals, but those below
	Differs    []string       `json:"differs,omitempty"`   // beginnings of the keys of facts that may differ from it
}

// A Settling is what an inconclusive case comes to once something that was missing is known.
type Settling struct {
	Logs       bool     `json:"logs"`             // the logs of another trail that was on at that time, see [Settle]
	Answer     string   `json:"answer,omitempty"` // what the person says after a fresh sign-in: mine, not_mine or not_sure; "" when not asked
	Verdict    string   `json:"verdict"`
	Score      int      `json:"score"`
	Confidence string   `json:"confidence"`
	HeldBy     []string `json:"held_by,omitempty"` // the gaps that still keep it inconclusive
}

var variants = []Variant{
	{"a", "S3データイベントが記録されていない（判断保留）", "S3 data events are not recorded (inconclusive)"},
	{"b", "データイベントがあり、正当な操作と確認できる（正常）", "data events show a legitimate operation (benign)"},
	{"c", "大量の読み取りの後に証跡が停止される（悪性）", "a mass read, then the trail is stopped (malicious)"},
	{"d", "(a) のログに命令文などが埋め込まれている", "(a) with hostile text in the logs"},
	{"e", "(b) のCloudTrailが重複して順不同で届く", "(b) with CloudTrail delivered twice and out of order"},
	{"f", "(a) でSplunkが応答せず、別の照会先に移る", "(a) with Splunk failing, so that the next source is asked"},
	{"g", "(b) でサインインログに6時間の欠損がある", "(b) with a six-hour hole in the sign-in log"},
	{"h", "(b) のサインインが世界時0時台（日本時間9時台）にある", "(b) with sign-ins in the hour from 00 UTC (09 JST)"},
	{"i", "(a) が祝日に起きる", "(a) on a public holiday"},
}

// Variants are all variants, in order.
func Variants() []Variant { return slices.Clone(variants) }

// Generate makes a scenario. An unknown variant is an error that names the known ones.
func Generate(variant string, seed uint64) (Scenario, error) {
	var ids []string
	for _, v := range variants {
		ids = append(ids, v.ID)
	}
	if !slices.Contains(ids, variant) {
		return Scenario{}, fmt.Errorf("unknown scenario %q; scenarios are %s", variant, strings.Join(ids, ", "))
	}
	w := newWorld(variant, seed)
	files, err := w.files()
	if err != nil {
		return Scenario{}, fmt.Errorf("generate scenario %s: %w", variant, err)
	}
	return Scenario{Variant: variant, Seed: seed, Files: files, Truth: w.truth()}, nil
}

// Settle gives the logs that would settle a variant in which no data event is recorded: what another
// trail of the account, on at that time, holds of the same story. The files are laid over the
// scenario's own; among them is the configuration that has the other trail asked, too.
func Settle(variant string, seed uint64) (map[string][]byte, error) {
	s, err := Generate(variant, seed)
	if err != nil {
		return nil, err
	}
	w := newWorld(variant, seed)
	if w.data() {
		return nil, fmt.Errorf("scenario %s lacks no data events", variant)
	}
	management, data := w.events()
	const archive = "logs/trail-archive/"
	out := map[string][]byte{}
	if err := w.deliver(out, archive, append(w.archived(management), data...)); err != nil {
		return nil, fmt.Errorf("settle scenario %s: %w", variant, err)
	}
	w.trails(out, archive, true)
	out["uratori.yaml"] = []byte(strings.NewReplacer(
		"order: {cloudtrail: [splunk-prod, cloudtrail-api]", "  - name: trail-archive\n    type: local\n    logs: [logs/trail-archive]\norder: {cloudtrail: [splunk-prod, cloudtrail-api, trail-archive]",
	).Replace(string(s.Files["uratori.yaml"])))
	return out, nil
}

// Write writes the scenario's files under dir.
func (s Scenario) Write(dir string) error {
	for name, data := range s.Files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write scenario: %w", err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return fmt.Errorf("write scenario: %w", err)
		}
	}
	return nil
}

// The moment of the reference case, and the holiday of variant (i).
var (
	reference = time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	holiday   = time.Date(2025, 9, 15, 4, 20, 5, 0, time.UTC) // Monday, Respect for the Aged Day
)

// data tells whether the variant's trail records S3 data events.
func (w *world) data() bool { return strings.Contains("bcegh", w.variant) }

// hostile tells whether log strings carry attacks.
func (w *world) hostile() bool { return w.variant == "d" }
