package fact

import (
	"strconv"
	"strings"

	"uratori/evidence"
	"uratori/query"
)

// What searches in a source's own language found. They are shown for people: their rows mean what
// whoever wrote the search says they mean, so nothing else is computed from them.
var searchDefs = []Def{
	{Key: "searches.asked", If: withSearches, Rule: searchesAsked, Type: Table, Kind: Covering, JA: "独自の検索と結果", EN: "searches of your own", Says: "searches of searches.yaml for the family of the finding", Columns: []Column{
		{Name: "search", Type: Text, JA: "検索", EN: "search"},
		{Name: "source", Type: Text, JA: "照会先", EN: "source"},
		{Name: "outcome", Type: Name, JA: "結果", EN: "outcome", Enum: outcomeWords()},
		{Name: "rows", Type: Int, JA: "行数", EN: "rows"},
		{Name: "reason", Type: Text, JA: "理由", EN: "reason"},
	}},
	{Key: "searches.found", If: withSearches, Rule: searchesFound, Type: Table, Kind: External, JA: "独自の検索の結果", EN: "rows of those searches", Says: "rows in the order given, as the search gave them; the first 100", Columns: []Column{
		{Name: "search", Type: Text, JA: "検索", EN: "search"},
		{Name: "row", Type: Text, JA: "行", EN: "row"},
	}},
}

// outcomeWords are the names of outcomes as tables print them.
func outcomeWords() []string {
	return []string{"found", "empty", "truncated", "not_collected", "not_yet", "not_asked", "denied", "throttled", "failed"}
}

func ownSearches(v *view) (list []evidence.Item) {
	for _, it := range v.set.Items() {
		if it.Kind == evidence.SearchItem {
			list = append(list, it)
		}
	}
	return list
}

// withSearches is for facts that only cases with searches have.
func withSearches(v *view) bool { return len(ownSearches(v)) > 0 }

func searchesAsked(v *view, _ string) result {
	val := Value{Type: Table}
	var refs []Ref
	for _, it := range ownSearches(v) {
		val.Rows = append(val.Rows, Row{
			TextOf(it.Question), TextOf(it.Source), NameOf(outcomeNames[it.Answer.Outcome]),
			IntOf(int64(len(it.Answer.Rows))), TextOf(it.Answer.Reason),
		})
		refs = append(refs, Ref(it.ID))
	}
	return known(val, refs...)
}

// searchesFound lists rows; that a search found none is said by its outcome alone, because nobody
// but its author knows whether it could have found any.
func searchesFound(v *view, _ string) result {
	const most = 100
	val := Value{Type: Table}
	var refs []Ref
	for _, it := range ownSearches(v) {
		for _, row := range it.Answer.Rows {
			if len(val.Rows) == most {
				val.More = true
				break
			}
			val.Rows = append(val.Rows, Row{TextOf(it.Question), TextOf(rowText(it.Answer.Columns, row))})
		}
		if len(it.Answer.Rows) > 0 {
			refs = append(refs, Ref(it.ID))
		}
	}
	if len(refs) == 0 {
		return unknown("search")
	}
	return known(val, refs...)
}

// rowText is a row with its columns' names; values stand in quotes, so that none can pass for
// another column.
func rowText(columns []string, row evidence.Row) string {
	var parts []string
	for i, c := range row {
		if i >= len(columns) || c.Missing() {
			continue
		}
		texts := []string{quotedValue(c)}
		if c.Type() == query.Set {
			texts = nil
			members, _ := c.Set()
			for _, m := range members {
				texts = append(texts, quotedValue(m))
			}
		}
		parts = append(parts, columns[i]+"="+strings.Join(texts, ","))
	}
	return strings.Join(parts, " ")
}

func quotedValue(v query.Value) string { return strconv.Quote(v.Text()) }
