package splunk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/query"
	"uratori/source"
)

// A Template is a search that a person wrote, with typed parameters: $name stands for a whole
// value, such as in "search index=aws user=$person.upn | stats count by src". Values are bound as
// quoted literals where the parameter stood, never pasted. $name$, Splunk's own form, is refused.
type Template struct {
	text    string
	tokens  []token
	types   map[string]query.Type
	columns []string
}

// timeModifiers set the time range inside a search (Splunk Search Reference, "Time modifiers").
var timeModifiers = []string{"earliest", "latest", "_index_earliest", "_index_latest", "starttime", "endtime", "starttimeu", "endtimeu", "daysago", "hoursago", "minutesago", "monthsago"}

// ParseTemplate reads a template. types are the parameters it may name, each a Text, Int, Bool, Time,
// IP or Set of them; columns are the fields of its rows that are kept. A search that does more than
// read is refused with an [SPLError].
func ParseTemplate(text string, types map[string]query.Type, columns []string) (*Template, error) {
	tokens, err := tokenize(text, true)
	if err != nil {
		return nil, err
	}
	if err := checkTokens(text, tokens); err != nil {
		return nil, err
	}
	for i, t := range tokens {
		if t.kind == wordToken {
			if name, _, sets := strings.Cut(strings.ToLower(t.text), "="); sets || i+1 < len(tokens) && strings.HasPrefix(tokens[i+1].text, "=") {
				if slices.Contains(timeModifiers, strings.TrimLeft(name, "(")) {
					return nil, &SPLError{text, t.at, "the time range comes with the question; " + name + " in the search would go before it"}
				}
			}
		}
		if t.kind != paramToken {
			continue
		}
		switch types[t.text] {
		case query.Text, query.Int, query.Bool, query.Time, query.IP, query.Set:
		case query.Null, query.JSON, query.Param:
			return nil, &SPLError{text, t.at, fmt.Sprintf("parameter $%s is not known; parameters are %s", t.text, strings.Join(slices.Sorted(maps.Keys(types)), ", "))}
		default:
			return nil, &SPLError{text, t.at, "parameter $" + t.text + " has no type"}
		}
	}
	if len(columns) == 0 || slices.Contains(columns, "") {
		return nil, errors.New("a template names the columns of its rows")
	}
	return &Template{text, tokens, maps.Clone(types), slices.Clone(columns)}, nil
}

// Params are the names of the template's parameters, each once, sorted.
func (t *Template) Params() []string {
	var out []string
	for _, k := range t.tokens {
		if k.kind == paramToken {
			out = append(out, k.text)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Bind puts values in the places of the parameters. The error wraps source.ErrInvalid for a value
// that is missing, of another type, or that a search cannot hold as it is.
func (t *Template) Bind(values map[string]query.Value) (Bound, error) {
	var b strings.Builder
	done, cmd, expect := 0, "", true
	for _, k := range t.tokens {
		switch k.kind {
		case pipeToken, openToken:
			expect = true
		case wordToken:
			if expect {
				cmd, expect = strings.ToLower(k.text), false
			}
		case paramToken:
			v := values[k.text]
			lit, err := bound(v, t.types[k.text], cmd)
			if err != nil {
				return Bound{}, fmt.Errorf("%w: parameter $%s: %w", source.ErrInvalid, k.text, err)
			}
			b.WriteString(t.text[done:k.at])
			b.WriteString(lit)
			done = k.at + 1 + len(k.text)
		case stringToken, closeToken:
		}
	}
	b.WriteString(t.text[done:])
	out := Bound{spl: b.String(), columns: t.columns}
	// The literals were made here; that they changed nothing about the commands is checked all the same.
	if err := CheckSPL(out.spl); err != nil {
		return Bound{}, fmt.Errorf("%w: %w", source.ErrInvalid, err)
	}
	return out, nil
}

func bound(v query.Value, want query.Type, cmd string) (string, error) {
	if v.Missing() || v.Type() != want {
		return "", fmt.Errorf("it is %s, not %s", v.Type(), want)
	}
	switch v.Type() {
	case query.Int:
		return strconv.FormatInt(v.Int(), 10), nil
	case query.Time:
		return strconv.FormatInt(v.Time().Unix(), 10), nil
	case query.Bool:
		return quoted(strconv.FormatBool(v.Bool())), nil
	case query.Set:
		members, cut := v.Set()
		if cut || len(members) == 0 || len(members) > 500 {
			return "", errors.New("a list needs 1 to 500 values, all of them")
		}
		parts := make([]string, len(members))
		for i, m := range members {
			lit, err := bound(m, m.Type(), cmd)
			if err != nil || m.Type() == query.Set {
				return "", errors.Join(errors.New("a value of the list cannot be bound"), err)
			}
			parts[i] = lit
		}
		return strings.Join(parts, ", "), nil
	case query.Text, query.IP:
		s := v.Text()
		if !sayable(s) {
			return "", errors.New("a value with control or invisible characters or backticks, or longer than 1 KiB, cannot stand in a search")
		}
		// The search language has no way to write a star that is only a star.
		if strings.Contains(s, "*") && cmd != "where" && cmd != "eval" {
			return "", fmt.Errorf("a star is a wildcard in %s; compare the value under where", cmd)
		}
		return quoted(s), nil
	case query.Null, query.JSON, query.Param:
	}
	return "", fmt.Errorf("%s cannot stand in a search", v.Type())
}

// A Bound is a template with its values, ready to be run. Only [Template.Bind] makes one.
type Bound struct {
	spl     string
	columns []string
}

// String is the search.
func (b Bound) String() string { return b.spl }

// Search runs a search in SPL over a window of index time and keeps at most its limit of rows, in
// the order in which Splunk gave them. All values are texts, several of one field a set; the rows
// say what the search says, not what the logs hold. What is wrong with the search itself wraps
// [source.ErrInvalid], and then no call was made.
func (s *Source) Search(ctx context.Context, q source.Search) (evidence.Answer, error) {
	t, err := ParseTemplate(q.Text, q.Types, q.Columns)
	if err != nil {
		return evidence.Answer{}, fmt.Errorf("ask %s: %w: %w", s.Name(), source.ErrInvalid, err)
	}
	b, err := t.Bind(q.Values)
	if err != nil {
		return evidence.Answer{}, fmt.Errorf("ask %s: %w", s.Name(), err)
	}
	return s.run(ctx, b, q.Window, q.Limit)
}

func (s *Source) run(ctx context.Context, b Bound, w query.Window, limit int) (a evidence.Answer, err error) {
	began := time.Now()
	var t tally
	defer func() {
		a.Calls, a.Pages, a.Bytes = t.calls, t.pages, t.bytes
		a.Taken, a.Elapsed = s.opt.Now().UTC(), time.Since(began)
		if err != nil {
			err = fmt.Errorf("ask %s: %w", s.Name(), err)
		}
	}()
	if b.spl == "" || limit < 1 || limit > s.opt.MaxRows || !w.From.Before(w.To) {
		return a, fmt.Errorf("%w: a bound search, a window and a limit from 1 to %d are needed", source.ErrInvalid, s.opt.MaxRows)
	}
	spl := b.spl + " | head " + strconv.Itoa(limit+1)
	from, to := w.From.Unix(), w.To.Add(time.Second-1).Unix()
	// Any search can be followed by a comment; not every one takes its time range among its words.
	a.Native, a.Columns = fmt.Sprintf("%s ```earliest_time=%d latest_time=%d```", spl, from, to), slices.Clone(b.columns)
	res, err := s.search(ctx, &t, run{spl: spl, from: from, to: to, max: limit, way: s.opt.Way})
	if err != nil {
		return a, err
	}
	for _, r := range res.rows {
		if len(a.Rows) == limit {
			a.Outcome = evidence.Truncated
			break
		}
		row := make(evidence.Row, len(b.columns))
		for i, c := range b.columns {
			row[i] = textual(r[c])
		}
		a.Rows = append(a.Rows, row)
	}
	switch {
	case a.Outcome == evidence.Truncated:
	case len(a.Rows) == 0:
		a.Outcome = evidence.Empty
	default:
		a.Outcome = evidence.Found
	}
	return incomplete(a, res.partial), nil
}

// textual is a field of a row: missing, a text, or a set of texts.
func textual(vs []string) query.Value {
	switch len(vs) {
	case 0:
		return query.Value{}
	case 1:
		return query.TextOf(vs[0])
	}
	set := slices.Sorted(slices.Values(vs))
	var out []query.Value
	for _, v := range slices.Compact(set) {
		out = append(out, query.TextOf(v))
	}
	return query.SetOf(out, false)
}
