package splunktest

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// split cuts a search into commands at the pipes outside quotes.
func split(spl string) ([]string, error) {
	var out []string
	start := 0
	for i := 0; i < len(spl); {
		switch spl[i] {
		case '"':
			_, n, err := unquote(spl[i:], '"')
			if err != nil {
				return nil, err
			}
			i += n
		case '`':
			return nil, bad("Error in 'SearchParser': The search specifies a macro that cannot be found.")
		case '[':
			return nil, bad("Error in 'SearchParser': this server runs no sub-searches.")
		case '|':
			out = append(out, strings.TrimSpace(spl[start:i]))
			i++
			start = i
		default:
			i++
		}
	}
	out = append(out, strings.TrimSpace(spl[start:]))
	if out[0] == "" && len(out) > 1 {
		out = out[1:]
	}
	return out, nil
}

// A search is a run over the server's events.
type search struct {
	events   []Event
	zone     *time.Location
	now      time.Time
	from, to float64 // epoch seconds, half-open
	caps     Caps
	columns  []string // of the last command that named them
	eval     *evaluator
	rows     []*event
}

// run executes a search and returns its rows, in order.
func (s *search) run(spl string) error {
	commands, err := split(spl)
	if err != nil {
		return err
	}
	s.eval = &evaluator{zone: s.zone, now: s.now}
	for i, c := range commands {
		name, rest, _ := strings.Cut(c, " ")
		rest = strings.TrimSpace(rest)
		generating := name == "search" || name == "tstats" || name == "makeresults"
		if i == 0 && !generating {
			return bad("Error in '%s' command: This command must not be the first command of a search.", name)
		}
		step, known := steps[strings.ToLower(name)]
		if !known {
			return bad("Unknown search command '%s'.", name)
		}
		if i == 0 {
			s.rows = nil
			step = map[string]func(*search, string) error{"search": (*search).generate, "tstats": (*search).tstats, "makeresults": (*search).makeresults}[name]
		}
		if err := step(s, rest); err != nil {
			return err
		}
	}
	return nil
}

var steps map[string]func(*search, string) error

func init() {
	steps = map[string]func(*search, string) error{
		"search": (*search).filter, "where": (*search).where, "eval": (*search).assign, "fields": (*search).fieldsCommand, "table": (*search).table,
		"head": (*search).head, "sort": (*search).sort, "dedup": (*search).dedup, "stats": (*search).stats, "rename": (*search).rename,
		"fillnull": (*search).fillnull, "bin": (*search).bin, "tstats": (*search).tstats, "makeresults": (*search).makeresults,
	}
}

// generate is the search command at the beginning: events of the time range, the newest first.
func (s *search) generate(rest string) error {
	f, err := parseFilter(rest)
	if err != nil {
		return err
	}
	f.times(&s.from, &s.to)
	for _, ev := range s.events {
		at := float64(ev.Time.UnixMicro()) / 1e6
		if at < s.from || at >= s.to {
			continue
		}
		e := ev.event()
		if f.holds(e) {
			s.rows = append(s.rows, e)
		}
	}
	slices.SortStableFunc(s.rows, func(a, b *event) int { return compare(b.get("_time"), a.get("_time")) })
	return nil
}

func (s *search) makeresults(string) error {
	s.rows = []*event{{fields: map[string]val{"_time": float(float64(s.now.Unix()))}}}
	return nil
}

func (s *search) keep(ok func(*event) bool) {
	var out []*event
	for _, e := range s.rows {
		if ok(e) {
			out = append(out, e)
		}
	}
	s.rows = out
}

func (s *search) filter(rest string) error {
	f, err := parseFilter(rest)
	if err == nil {
		s.keep(f.holds)
	}
	return err
}

func (s *search) where(rest string) error {
	n, err := parseWhere(rest)
	if err != nil {
		return err
	}
	s.keep(func(e *event) bool {
		s.eval.get = e.get
		return s.eval.yes(n)
	})
	return nil
}

func (s *search) assign(rest string) error {
	as, err := parseEval(rest)
	if err != nil {
		return err
	}
	for i, e := range s.rows {
		for _, a := range as {
			s.eval.get = e.get
			v := s.eval.eval(a.x)
			if v.kind == truth {
				return bad("Error in 'eval' command: Fields cannot be assigned a boolean result. Instead, try if([bool expr], [expr], [expr]).")
			}
			e = e.with(a.to, v)
		}
		s.rows[i] = e
	}
	return nil
}

// names reads a list of fields, plain or in double quotes, between spaces or commas.
func names(s string) ([]string, error) {
	in, err := searchLexemes(s)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range in {
		if l.kind == 'w' || l.kind == 's' {
			out = append(out, l.s)
		} else if l.s != "," {
			return nil, bad("a list of fields was expected, not %q", l.s)
		}
	}
	return out, nil
}

// fieldsCommand keeps the fields that are named; _raw and _time stay unless they are taken away.
func (s *search) fieldsCommand(rest string) error {
	minus := strings.HasPrefix(rest, "-")
	list, err := names(strings.TrimLeft(rest, "+- "))
	if err != nil {
		return err
	}
	for i, e := range s.rows {
		out := &event{fields: map[string]val{}}
		switch {
		case minus:
			maps.Copy(out.fields, e.fields)
			for _, n := range list {
				out.fields[n] = val{}
			}
			out.lazy = e.lazy
		default:
			for _, n := range append([]string{"_raw", "_time"}, list...) {
				out.fields[n] = e.get(n)
			}
		}
		s.rows[i] = out
	}
	return nil
}

func (s *search) table(rest string) error {
	list, err := names(rest)
	if err != nil {
		return err
	}
	for i, e := range s.rows {
		out := &event{fields: map[string]val{}}
		for _, n := range list {
			out.fields[n] = e.get(n)
		}
		s.rows[i] = out
	}
	s.columns = list
	return nil
}

func (s *search) head(rest string) error {
	n := 10
	if rest != "" {
		var err error
		if n, err = strconv.Atoi(rest); err != nil {
			return bad("Error in 'head' command: %q is no number.", rest)
		}
	}
	s.rows = s.rows[:min(n, len(s.rows))]
	return nil
}

// sort keeps 10,000 rows unless another number stands before the fields; 0 is all.
func (s *search) sort(rest string) error {
	limit := s.caps.Sort
	parts := strings.Fields(strings.ReplaceAll(rest, ",", " "))
	if len(parts) > 0 {
		if n, err := strconv.Atoi(parts[0]); err == nil {
			limit, parts = n, parts[1:]
		}
	}
	type by struct {
		name, how string
		desc      bool
	}
	var keys []by
	for _, p := range parts {
		k := by{desc: strings.HasPrefix(p, "-")}
		p = strings.TrimLeft(p, "+-")
		if f, inner, ok := strings.Cut(p, "("); ok {
			k.how, p = f, strings.TrimSuffix(inner, ")")
		}
		k.name = strings.Trim(p, `"`)
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return bad("Error in 'sort' command: a field is missing.")
	}
	slices.SortStableFunc(s.rows, func(a, b *event) int {
		for _, k := range keys {
			x, y := a.get(k.name), b.get(k.name)
			if x.kind == null || y.kind == null {
				if (x.kind == null) != (y.kind == null) {
					if x.kind == null {
						return 1
					}
					return -1
				}
				continue
			}
			c := compare(x, y)
			switch k.how {
			case "str":
				c = strings.Compare(x.String(), y.String())
			case "ip":
				p, err1 := netip.ParseAddr(x.String())
				q, err2 := netip.ParseAddr(y.String())
				if err1 == nil && err2 == nil {
					c = p.Compare(q)
				}
			}
			if k.desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	if limit > 0 {
		s.rows = s.rows[:min(limit, len(s.rows))]
	}
	return nil
}

// dedup keeps the first event of each combination; events without one of the fields are dropped.
func (s *search) dedup(rest string) error {
	list, err := names(rest)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	s.keep(func(e *event) bool {
		key := ""
		for _, n := range list {
			v := e.get(n)
			if v.kind == null {
				return false
			}
			key += strconv.Quote(v.String())
		}
		fresh := !seen[key]
		seen[key] = true
		return fresh
	})
	return nil
}

func (s *search) rename(rest string) error {
	list, err := names(rest)
	if err != nil || len(list) != 3 || !strings.EqualFold(list[1], "as") {
		return bad("Error in 'rename' command: usage: rename a AS b.")
	}
	for i, e := range s.rows {
		s.rows[i] = e.with(list[2], e.get(list[0])).with(list[0], val{})
	}
	return nil
}

func (s *search) fillnull(rest string) error {
	value := "0"
	if v, ok := strings.CutPrefix(rest, "value="); ok {
		value, rest, _ = strings.Cut(v, " ")
	}
	list, err := names(rest)
	if err != nil {
		return err
	}
	for i, e := range s.rows {
		for _, n := range list {
			if e.get(n).kind == null {
				e = e.with(n, text(strings.Trim(value, `"`)))
			}
		}
		s.rows[i] = e
	}
	return nil
}

// span reads a span in seconds.
func span(s string) (float64, error) {
	if len(s) < 2 {
		return 0, bad("the span %q cannot be read", s)
	}
	unit := map[byte]float64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || n <= 0 || unit == 0 {
		return 0, bad("the span %q cannot be read", s)
	}
	return unit * float64(n), nil
}

// bucket is the beginning of the bucket of a time: buckets begin at the user's midnight.
func (s *search) bucket(at, width float64) float64 {
	_, offset := time.Unix(int64(at), 0).In(s.zone).Zone()
	o := float64(offset)
	return math.Floor((at+o)/width)*width - o
}

func (s *search) bin(rest string) error {
	name, w := "_time", ""
	for _, p := range strings.Fields(rest) {
		if v, ok := strings.CutPrefix(p, "span="); ok {
			w = v
		} else {
			name = p
		}
	}
	width, err := span(w)
	if err != nil {
		return err
	}
	for i, e := range s.rows {
		if at, ok := e.get(name).numeric(); ok {
			s.rows[i] = e.with(name, float(s.bucket(at, width)))
		}
	}
	return nil
}

type aggregate struct{ fn, field, as string }

// parseStats reads "count as n, max(x) by a b".
func parseStats(rest string) (as []aggregate, by []string, err error) {
	in, err := searchLexemes(rest)
	if err != nil {
		return nil, nil, err
	}
	for i := 0; i < len(in); {
		t := in[i]
		if t.kind == 'o' && t.s == "," {
			i++
			continue
		}
		if t.kind == 'w' && strings.EqualFold(t.s, "by") {
			for _, l := range in[i+1:] {
				if l.kind != 'o' {
					by = append(by, l.s)
				}
			}
			break
		}
		a := aggregate{fn: strings.ToLower(t.s), as: t.s}
		i++
		if i+2 < len(in) && in[i].s == "(" && in[i].kind == 'o' {
			a.field, a.as = in[i+1].s, t.s+"("+in[i+1].s+")"
			i += 3
		}
		if i+1 < len(in) && in[i].kind == 'w' && strings.EqualFold(in[i].s, "as") {
			a.as = in[i+1].s
			i += 2
		}
		switch a.fn {
		case "count", "c", "dc", "distinct_count", "min", "max", "sum", "values", "list", "avg":
		default:
			return nil, nil, bad("Error in 'stats' command: The argument '%s' is invalid.", t.s)
		}
		as = append(as, a)
	}
	if len(as) == 0 {
		return nil, nil, bad("Error in 'stats' command: a function is missing.")
	}
	return as, by, nil
}

// stats groups rows. A row without a value for one of the by fields is in no group at all.
func (s *search) stats(rest string) error {
	as, by, err := parseStats(rest)
	if err != nil {
		return err
	}
	type group struct {
		key  []val
		rows []*event
	}
	groups := map[string]*group{}
	for _, e := range s.rows {
		for _, key := range keysOf(e, by) {
			id := ""
			for _, k := range key {
				id += strconv.Quote(k.String()) + ","
			}
			g := groups[id]
			if g == nil {
				g = &group{key: key}
				groups[id] = g
			}
			g.rows = append(g.rows, e)
		}
	}
	if len(by) == 0 && len(groups) == 0 {
		groups[""] = &group{}
	}
	list := slices.Collect(maps.Values(groups))
	slices.SortFunc(list, func(a, b *group) int {
		for i := range by {
			if c := compare(a.key[i], b.key[i]); c != 0 {
				return c
			}
			if c := strings.Compare(a.key[i].String(), b.key[i].String()); c != 0 {
				return c
			}
		}
		return 0
	})
	s.rows, s.columns = nil, slices.Clone(by)
	for _, a := range as {
		s.columns = append(s.columns, a.as)
	}
	for _, g := range list {
		out := &event{fields: map[string]val{}}
		for i, b := range by {
			out.fields[b] = g.key[i]
		}
		for _, a := range as {
			out.fields[a.as] = s.aggregate(a, g.rows)
		}
		s.rows = append(s.rows, out)
	}
	return nil
}

// keysOf are the groups a row falls in: one for each value of a multivalue field.
func keysOf(e *event, by []string) [][]val {
	keys := [][]val{nil}
	for _, b := range by {
		v := e.get(b)
		var next [][]val
		for _, t := range v.texts() {
			one := text(t)
			if v.kind == num {
				one = v
			}
			for _, k := range keys {
				next = append(next, append(slices.Clone(k), one))
			}
		}
		keys = next
	}
	return keys
}

func (s *search) aggregate(a aggregate, rows []*event) val {
	if (a.fn == "count" || a.fn == "c") && a.field == "" {
		return float(float64(len(rows)))
	}
	var vs []val
	for _, e := range rows {
		v := e.get(a.field)
		if v.kind == multi {
			for _, t := range v.list {
				vs = append(vs, text(t))
			}
		} else if v.kind != null {
			vs = append(vs, v)
		}
	}
	distinct := map[string]bool{}
	numbers, sum := true, 0.0
	for _, v := range vs {
		distinct[v.String()] = true
		n, ok := v.numeric()
		numbers = numbers && ok
		sum += n
	}
	switch a.fn {
	case "count", "c":
		return float(float64(len(vs)))
	case "dc", "distinct_count":
		return float(float64(len(distinct)))
	case "values":
		l := slices.Sorted(maps.Keys(distinct))
		if n := s.caps.Values; n > 0 {
			l = l[:min(n, len(l))]
		}
		return listed(l)
	case "list":
		var l []string
		for _, v := range vs {
			l = append(l, v.String())
		}
		return listed(l[:min(100, len(l))])
	case "sum":
		if len(vs) > 0 {
			return float(sum)
		}
	case "avg":
		if len(vs) > 0 {
			return float(sum / float64(len(vs)))
		}
	case "min", "max":
		if len(vs) == 0 {
			return val{}
		}
		order := compare
		if !numbers {
			order = func(x, y val) int { return strings.Compare(x.String(), y.String()) }
		}
		if a.fn == "min" {
			return slices.MinFunc(vs, order)
		}
		return slices.MaxFunc(vs, order)
	}
	return val{}
}

func listed(l []string) val {
	switch len(l) {
	case 0:
		return val{}
	case 1:
		return text(l[0])
	}
	return several(l)
}

// tstats counts by indexed fields: "count as n where ... by index sourcetype _time span=15m".
func (s *search) tstats(rest string) error {
	head, cond, ok := strings.Cut(rest, " where ")
	if !ok {
		return bad("Error in 'tstats' command: this server needs a where clause.")
	}
	cond, by, _ := strings.Cut(cond, " by ")
	as, _, err := parseStats(head)
	if err != nil {
		return err
	}
	f, err := parseFilter(cond)
	if err != nil {
		return err
	}
	width := 0.0
	var list []string
	for _, p := range strings.Fields(by) {
		if v, ok := strings.CutPrefix(p, "span="); ok {
			if width, err = span(v); err != nil {
				return err
			}
			continue
		}
		list = append(list, p)
	}
	f.times(&s.from, &s.to)
	for _, ev := range s.events {
		at := float64(ev.Time.UnixMicro()) / 1e6
		if at < s.from || at >= s.to {
			continue
		}
		e := ev.event()
		e.lazy = nil // only what is indexed
		if !f.holds(e) {
			continue
		}
		if width > 0 {
			e = e.with("_time", float(s.bucket(at, width)))
		}
		s.rows = append(s.rows, e)
	}
	stats := ""
	for _, a := range as {
		stats += a.fn
		if a.field != "" {
			stats += "(" + a.field + ")"
		}
		stats += " as " + a.as + " "
	}
	if len(list) > 0 {
		stats += "by " + strings.Join(list, " ")
	}
	return s.stats(stats)
}
