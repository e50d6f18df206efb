package fact

import (
	"cmp"
	"slices"
	"strings"

	"uratori/evidence"
)

// Facts about earlier cases that have something in common with this one. They exist only where the
// configuration says where earlier cases are.
var similarDefs = []Def{
	{Key: "related.similar_count", Looks: evidence.CasesOfType, Rule: similarCount, Type: Int, Kind: Computed, JA: "類似する過去の調査", EN: "similar earlier cases", Says: "earlier cases with the same type, principal, resource, address or tool; this case never counts itself"},
	{Key: "related.similar_cases", Looks: evidence.CasesOfType, Rule: similarTable, Type: Table, Kind: Observed, JA: "類似する過去の調査", EN: "similar earlier cases", Says: "those with most in common first, then the newest", Columns: []Column{
		{Name: "case", Type: Text, JA: "調査", EN: "case"},
		{Name: "at", Type: Time, JA: "検出結果の日時", EN: "time of the finding"},
		{Name: "type", Type: Text, JA: "種別", EN: "type"},
		{Name: "common", Type: Text, JA: "共通点", EN: "in common"},
		{Name: "verdict", Type: Name, JA: "判定", EN: "verdict", Enum: []string{"benign", "inconclusive", "suspicious", "malicious"}},
		{Name: "answer", Type: Text, JA: "本人の回答", EN: "the person's answer"},
		{Name: "ended", Type: Text, JA: "結末", EN: "how it ended"},
	}},
}

// maxSimilar is how many earlier cases a report shows.
const maxSimilar = 10

// A similar is an earlier case and what it has in common with this one.
type similar struct {
	evidence.PastCase
	common []string
}

// A pastReading is what the look-ups in earlier cases found together.
type pastReading struct {
	cases []similar
	whole bool // nothing was left out
	gap   Gap
	from  []Ref
}

// commonNames are what cases have in common, as the table says it.
var commonNames = map[evidence.LookupKind]string{
	evidence.CasesOfType: "type", evidence.CasesOfActor: "principal", evidence.CasesOnThing: "resource", evidence.CasesFrom: "address", evidence.CasesByTool: "tool",
}

func (v *view) similar() pastReading {
	return memo(v, "similar", func() pastReading {
		r := pastReading{whole: true}
		byID := map[string]*similar{}
		for _, kind := range evidence.CaseKinds() {
			b, ref, why, ok := v.looked(kind, "related.similar_cases")
			if ref == "" {
				continue // nobody asked: this case has no such thing
			}
			r.from = append(r.from, ref)
			if !ok {
				if why.gap.Outcome != evidence.NotAsked {
					r.whole, r.gap = false, why.gap
				}
				continue
			}
			if !b.Whole() || len(b.Cases.Cases) < b.Cases.Total {
				r.whole, r.gap = false, Gap{Key: lookGap(kind), Outcome: evidence.Truncated}
			}
			for _, c := range b.Cases.Cases {
				if c.ID == v.f.CaseID() {
					continue
				}
				if byID[c.ID] == nil {
					byID[c.ID] = &similar{PastCase: c}
				}
				byID[c.ID].common = append(byID[c.ID].common, commonNames[kind])
			}
		}
		for _, s := range byID {
			r.cases = append(r.cases, *s)
		}
		slices.SortFunc(r.cases, func(a, b similar) int {
			return cmp.Or(cmp.Compare(len(b.common), len(a.common)), b.At.Compare(a.At), strings.Compare(a.ID, b.ID))
		})
		return r
	})
}

func similarCount(v *view, _ string) result {
	r := v.similar()
	n := int64(len(r.cases))
	switch {
	case r.whole:
		return known(IntOf(n), r.from...)
	case n > 0:
		return result{state: AtLeast, value: IntOf(n), gap: r.gap, from: r.from}
	}
	return result{state: Unknown, gap: r.gap, from: r.from}
}

func similarTable(v *view, subject string) result {
	r := v.similar()
	if len(r.cases) == 0 {
		if c := similarCount(v, subject); c.state == Unknown {
			return c
		}
		return notApplicable(r.from...)
	}
	val := Value{Type: Table, More: len(r.cases) > maxSimilar}
	for _, s := range r.cases[:min(len(r.cases), maxSimilar)] {
		val.Rows = append(val.Rows, Row{TextOf(s.ID), TimeOf(s.At), TextOf(s.Type), TextOf(strings.Join(s.common, ", ")), NameOf(s.Verdict), TextOf(s.Answer), TextOf(s.Ended)})
	}
	return known(val, r.from...)
}
