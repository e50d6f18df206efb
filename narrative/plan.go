package narrative

import (
	"sync"
)

// A Plan says for each section which statements to try, in order. It is data: see data/plan.yaml.
type Plan map[string][]Try

// A Try is one entry of a plan. Exactly one of Say, Fact, Quote, None, Table, Any and List is set.
type Try struct {
	Say     []string `yaml:"say"`      // the first of these phrases that can be said
	OrCount string   `yaml:"or_count"` // with Say: else how often the fact was counted, or that it never was
	Quiet   bool     `yaml:"quiet"`    // with Say: no word when it cannot be said
	Fact    []string `yaml:"fact"`     // "label: value"
	Quote   []string `yaml:"quote"`    // the text word for word
	None    []string `yaml:"none"`     // how often each was counted; those that never were, where they were looked for together, in one line
	Table   string   `yaml:"table"`    // the fact's table
	Any     string   `yaml:"any"`      // this phrase for each fact of Of that it takes
	Of      []string `yaml:"of"`
	List    string   `yaml:"list"` // a list of the assessment: gaps, immediate, ...

	If     *Condition `yaml:"if"`     // only where this holds
	Unless []string   `yaml:"unless"` // not where one of these phrases already stands in the section
}

// DefaultPlan is the embedded plan.
var DefaultPlan = sync.OnceValue(func() Plan {
	var p Plan
	mustRead("plan.yaml", &p)
	return p
})

// Bytes are the default plan and the catalogues as written: part of what a report was made from.
func Bytes() []byte {
	var out []byte
	for _, name := range []string{"hypotheses.yaml", "patterns.yaml", "plan.yaml"} {
		text, err := data.ReadFile("data/" + name)
		if err != nil {
			panic(err) // it is embedded: the build would have failed
		}
		out = append(append(out, "# "+name+"\n"...), text...)
	}
	return out
}
