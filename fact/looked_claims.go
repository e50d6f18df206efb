package fact

import (
	"slices"
	"strings"

	"uratori/evidence"
)

// The facts about what GuardDuty's own investigation claims. They say that it was claimed, and how it
// stands against every other fact; no other fact, rule of the policy or question rests on them.
var claimDefs = []Def{
	{Key: "claims.investigation", Looks: evidence.LookInvestigation, Rule: ofInvestigation("claims.investigation", func(_ *view, i evidence.LookedInvestigation, ref Ref) result {
		return toldLooked(i.ID, ref)
	}), Type: Text, Kind: Claimed, JA: "GuardDuty Investigationの調査", EN: "GuardDuty's own investigation", Says: "look-up: the newest that was completed and whose prompt names the finding"},
	{Key: "claims.risk_level", Looks: evidence.LookInvestigation, Rule: ofInvestigation("claims.risk_level", func(_ *view, i evidence.LookedInvestigation, ref Ref) result {
		return toldLooked(i.RiskLevel, ref)
	}), Type: Text, Kind: Claimed, JA: "GuardDuty Investigationのリスクレベル", EN: "risk level it claims", Says: "verbatim"},
	{Key: "claims.confidence", Looks: evidence.LookInvestigation, Rule: ofInvestigation("claims.confidence", func(_ *view, i evidence.LookedInvestigation, ref Ref) result {
		return toldLooked(i.Confidence, ref)
	}), Type: Text, Kind: Claimed, JA: "GuardDuty Investigationの確度", EN: "confidence it claims", Says: "verbatim"},
	{Key: "claims.total", Looks: evidence.LookInvestigation, Rule: countClaims("claims.total", Unverifiable, Confirmed, Contradicted), Type: Int, Kind: Claimed, JA: "主張の件数", EN: "claims", Says: "what can be checked in the investigation's risk and summary, at most 500"},
	{Key: "claims.confirmed", Looks: evidence.LookInvestigation, Rule: countClaims("claims.confirmed", Confirmed), Type: Int, Kind: Claimed, JA: "確認できた主張", EN: "claims confirmed", Says: "a fact says the same"},
	{Key: "claims.contradicted", Looks: evidence.LookInvestigation, Rule: countClaims("claims.contradicted", Contradicted), Type: Int, Kind: Claimed, JA: "矛盾する主張", EN: "claims contradicted", Says: "a known fact says something else of the same thing"},
	{Key: "claims.unverifiable", Looks: evidence.LookInvestigation, Rule: countClaims("claims.unverifiable", Unverifiable), Type: Int, Kind: Claimed, JA: "検証できない主張", EN: "claims that cannot be verified", Says: "the facts say neither"},
	{Key: "claims.table", Looks: evidence.LookInvestigation, Rule: claimTable, Type: Table, Kind: Claimed, JA: "GuardDuty Investigationの主張と照合結果", EN: "what GuardDuty's own investigation claims, held against the facts", Says: "contradicted first, then confirmed, then the others, at most 20", Columns: []Column{
		{Name: "standing", Type: Label, JA: "照合結果", EN: "standing"},
		{Name: "kind", Type: Label, JA: "種類", EN: "kind"},
		{Name: "value", Type: Text, JA: "主張", EN: "claim"},
		{Name: "place", Type: Text, JA: "記載箇所", EN: "where it stands"},
		{Name: "facts", Type: Text, JA: "照合した事実", EN: "facts"},
	}},
}

// claimed tells whether a fact is a claim of an investigation that is not ours.
func claimed(key Key) bool { return strings.HasPrefix(string(key), "claims.") }

func ofInvestigation(key Key, get func(v *view, i evidence.LookedInvestigation, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookInvestigation, key, nil, func(v *view, b evidence.Body, ref Ref) result { return get(v, *b.Investigation, ref) })
}

// held are the claims of an investigation, held against the facts so far, which are all that are no
// claims.
func (v *view) held(i evidence.LookedInvestigation) []Held {
	return memo(v, "claims", func() []Held { return Hold(Claims(i), *v.so) })
}

func countClaims(key Key, of ...Standing) func(*view, string) result {
	return ofInvestigation(key, func(v *view, i evidence.LookedInvestigation, ref Ref) result {
		n := int64(0)
		for _, h := range v.held(i) {
			if slices.Contains(of, h.Standing) {
				n++
			}
		}
		return known(IntOf(n), ref)
	})
}

func bothWords(ja, en string) Value { return Value{Type: Label, Str: en, JA: ja} }

// The words for standings and kinds of claim.
var (
	standingLabels = map[Standing]Value{
		Confirmed: bothWords("確認できた", "confirmed"), Contradicted: bothWords("事実と矛盾する", "contradicted"), Unverifiable: bothWords("検証できない", "unverifiable"),
	}
	claimLabels = map[ClaimKind]Value{
		ClaimAPI: bothWords("API", "API"), ClaimPrincipal: bothWords("プリンシパル", "principal"), ClaimIP: bothWords("IPアドレス", "IP address"), ClaimTime: bothWords("時刻", "time"),
		ClaimCount: bothWords("件数", "count"), ClaimRisk: bothWords("リスクレベル", "risk level"), ClaimConfidence: bothWords("確度", "confidence"),
	}
)

var claimTable = ofInvestigation("claims.table", func(v *view, i evidence.LookedInvestigation, ref Ref) result {
	const most = 20
	val := Value{Type: Table}
	for _, s := range []Standing{Contradicted, Confirmed, Unverifiable} {
		for _, h := range v.held(i) {
			if h.Standing != s {
				continue
			}
			if len(val.Rows) == most {
				val.More = true
				break
			}
			var ids []string
			for _, id := range h.Facts {
				ids = append(ids, string(id))
			}
			val.Rows = append(val.Rows, Row{
				standingLabels[s], claimLabels[h.Kind], TextOf(strings.TrimSpace(h.Value + " " + h.Noun)), TextOf(h.Place), TextOf(orDash(strings.Join(ids, " "))),
			})
		}
	}
	if len(val.Rows) == 0 {
		return notApplicable(ref)
	}
	return known(val, ref)
})
