package splunk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"uratori/source"
)

// A row is one row of results: every value a text, and several of them in a multivalue field.
type row map[string][]string

// one is the single value of a field; ok is false where there is none, or more than one.
func (r row) one(name string) (string, bool) {
	if v := r[name]; len(v) == 1 {
		return v[0], true
	}
	return "", false
}

// A message is what the server says of a search.
type message struct {
	Type string `json:"type"` // DEBUG, INFO, WARN, ERROR, FATAL
	Text string `json:"text"`
}

// A page is one response with results.
type page struct {
	rows     []row
	messages []message
	preview  bool // the rows were provisional and are not among rows
	last     bool // export: the last row was marked as such
}

// UnmarshalJSON reads a row strictly: a name that stands twice, or a value that is neither text,
// number nor a list of them, is an error and not a guess.
func (r *row) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("a row is no object")
	}
	out := row{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := k.(string)
		if _, twice := out[name]; twice {
			return fmt.Errorf("column %.60q stands twice in a row", name)
		}
		var v any
		if err := dec.Decode(&v); err != nil {
			return err
		}
		if out[name], err = valuesOf(v); err != nil {
			return fmt.Errorf("column %.60q: %w", name, err)
		}
	}
	*r = out
	return nil
}

func valuesOf(v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case json.Number:
		return []string{v.String()}, nil
	case []any:
		var out []string
		for _, x := range v {
			one, err := valuesOf(x)
			if err != nil || len(one) != 1 {
				return nil, errors.New("a list holds something else than texts")
			}
			out = append(out, one[0])
		}
		return out, nil
	}
	return nil, fmt.Errorf("a text was expected, not %T", v)
}

// readPage reads a response in either form: one object that holds all results, or one object a
// line that holds a result each, as export sends them. Rows that are marked as a preview are
// provisional and dropped; all messages are kept.
func readPage(body []byte) (p page, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	for n := 0; ; n++ {
		var o struct {
			Preview  bool      `json:"preview"`
			Messages []message `json:"messages"`
			Results  []row     `json:"results"`
			Result   row       `json:"result"`
			LastRow  bool      `json:"lastrow"`
		}
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			if n == 0 {
				return p, errEmptyBody
			}
			return p, nil
		} else if err != nil {
			return p, fmt.Errorf("%w: the results cannot be read: %w", source.ErrUnavailable, err)
		}
		p.messages = append(p.messages, o.Messages...)
		if o.Preview {
			p.preview = true
			continue
		}
		p.rows = append(p.rows, o.Results...)
		if o.Result != nil {
			p.rows = append(p.rows, o.Result)
		}
		p.last = p.last || o.LastRow
	}
}

var errEmptyBody = fmt.Errorf("%w: the answer is empty", source.ErrUnavailable)

// messagesOf are the messages of a response, also of one that is cut.
func messagesOf(body []byte) []message {
	var o struct {
		Messages []message `json:"messages"`
	}
	_ = json.Unmarshal(body[:min(len(body), 64<<10)], &o) // what has none is told by its status alone
	return o.Messages
}

// textOf joins messages, each once, within a bound.
func textOf(ms []message) string {
	var parts []string
	for _, m := range ms {
		if s := m.Type + ": " + m.Text; !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	out := strings.Join(parts, "; ")
	if len(out) > 2000 {
		out = strings.ToValidUTF8(out[:2000], "") + "..."
	}
	return out
}

// busy tells whether a text says that a search was not run because of a limit on searches. The
// server may say so in a warning of a search that then has no rows.
func busy(s string) bool {
	s = strings.ToLower(s)
	for _, part := range []string{
		"maximum number of concurrent", "concurrency_category", "concurrency limit", "search not executed",
		"quota", "too many concurrent", "search(es) queued", "maximum number of historical",
	} {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// A judgement is what the messages of a search say of its rows.
type judgement struct {
	busy    bool   // it was not run
	failed  string // it broke
	partial string // it may have missed something
}

// judge reads all messages. accept are beginnings of warnings that do no harm.
func judge(ms []message, accept []string) (j judgement) {
	var failed, partial []message
	for _, m := range ms {
		lower := strings.ToLower(m.Text)
		switch strings.ToUpper(m.Type) {
		case "FATAL", "ERROR":
			failed = append(failed, m)
			j.busy = j.busy || busy(m.Text)
		case "WARN":
			if slices.ContainsFunc(accept, func(a string) bool { return a != "" && strings.HasPrefix(m.Text, a) }) {
				continue
			}
			partial = append(partial, m)
			j.busy = j.busy || busy(m.Text)
		default:
			// A search that was stopped before its end is told as information.
			if strings.Contains(lower, "auto-finalized") || strings.Contains(lower, "truncat") || strings.Contains(lower, "finalized") {
				partial = append(partial, m)
			}
			j.busy = j.busy || strings.Contains(lower, "search not executed")
		}
	}
	j.failed, j.partial = textOf(failed), textOf(partial)
	return j
}
