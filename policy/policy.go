package policy

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"slices"
	"sync"
)

// The default policy is one file, kept in pieces: laid end to end in this order they are what
// "uratori policy show" prints.
//
//go:embed default/policy
var pieces embed.FS

var order = []string{"features.yaml", "rules.yaml", "evidence.yaml", "verdict.yaml", "gaps.yaml", "actions.yaml"}

// defaultPolicy is the text of the default policy.
var defaultPolicy = sync.OnceValues(func() ([]byte, error) {
	var text []byte
	for _, name := range order {
		piece, err := pieces.ReadFile("default/policy/" + name)
		if err != nil {
			return nil, err
		}
		text = append(text, piece...)
	}
	return text, nil
})

// DefaultName is the name of the embedded policy in errors.
const DefaultName = "policy.yaml"

// A Policy is loaded, compiled and checked. The zero Policy knows no rules: it finds
// everything inconclusive.
type Policy struct {
	data []byte
	c    *compiled
}

// Default is the policy that comes with the program.
func Default() (Policy, error) {
	text, err := defaultPolicy()
	if err != nil {
		return Policy{}, err
	}
	return Load(DefaultName, text)
}

// Hash is the sha256 of the policy's bytes, in hex.
func (p Policy) Hash() string {
	sum := sha256.Sum256(p.data)
	return hex.EncodeToString(sum[:])
}

// Bytes is the policy as it was read.
func (p Policy) Bytes() []byte { return slices.Clone(p.data) }

// compiled is a policy ready to assess.
type compiled struct {
	features       map[string]feature
	times          int
	bands          bandsForm
	groups         map[string]int
	rules          []rule
	contradictions []statement
	balance        []statement
	evidence       []evidence
	event          proof
	supporting     []proof
	actor          []proof
	acceptedChain  proof
	testimony      proof
	explained      proof
	due            dueForm
	gaps           []gapEntry
	actions        []action
}

type (
	rule struct {
		ruleForm
		when   condition
		arises string
	}
	statement struct {
		side    Side
		when    condition
		because Text
	}
	proof struct {
		proofForm
		when       condition
		confidence Level
	}
	evidence struct {
		families []string
		required []requirement
	}
	requirement struct {
		id   string
		what Text
		any  []proof
	}
	gapEntry struct {
		gapForm
		why map[string]Text // by outcome; "" for none
	}
	action struct {
		actionForm
		when   condition
		assume map[string]input
		owner  Text
		values []placeholder
	}
	placeholder struct {
		name string
		fact factRef
	}
)

// band is the band of a score.
func (c *compiled) band(score int) Band {
	switch {
	case score >= c.bands.Critical:
		return BandCritical
	case score >= c.bands.High:
		return BandHigh
	case score >= c.bands.Medium:
		return BandMedium
	}
	return BandLow
}

// requires is the evidence that a family of findings requires.
func (c *compiled) requires(family string) []requirement {
	var other []requirement
	for _, e := range c.evidence {
		if slices.Contains(e.families, family) {
			return e.required
		}
		if slices.Contains(e.families, "*") {
			other = e.required
		}
	}
	return other
}

//go:embed default/cases.yaml
var defaultCases []byte

// DefaultCases is the file of cases that the default policy is held against, and an example
// for one's own.
func DefaultCases() []byte { return slices.Clone(defaultCases) }
