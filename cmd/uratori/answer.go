package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"uratori/evidence"
	"uratori/query"
	"uratori/strictyaml"
)

// maxInput is the most that is read from standard input.
const maxInput = 256 << 20

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxInput)) }

// parseQuestion reads a query as JSON, as YAML of the same members, or as canonical text.
func parseQuestion(text string) (q query.Query, err error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return q, json.Unmarshal([]byte(text), &q)
	}
	if strings.Contains(text, "dataset:") {
		var members map[string]any
		if err := strictyaml.Decode("question", []byte(text), &members); err != nil {
			return q, err
		}
		data, err := json.Marshal(members)
		if err != nil {
			return q, err
		}
		return q, json.Unmarshal(data, &q)
	}
	return query.Parse(strings.TrimSpace(text))
}

// answer prints the rows of one source.
func (a *app) answer(name string, q query.Query, ans evidence.Answer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(map[string]any{
			"source": name, "query": q.String(), "native": ans.Native, "outcome": ans.Outcome.String(), "columns": ans.Columns, "rows": ans.Rows,
		})
	}
	fmt.Fprintf(a.err, "uratori: %s: %s, %d rows\n%s\n", name, ans.Outcome, len(ans.Rows), safe(ans.Native))
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(ans.Columns, "\t"))
	for _, row := range ans.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = strings.ReplaceAll(safe(v.String()), "\t", " ")
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}
