package athena

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"uratori/query"
	"uratori/source"
)

// errHere says that SQL over the table cannot say a question exactly: it is computed here.
var errHere = errors.New("not exact in SQL")

// A statement is a question in Trino's SQL.
type statement struct {
	sql     string
	columns []columnOut
}

// A columnOut says how one column of the answer is read back.
type columnOut struct {
	name    string
	typ     query.Type
	set     bool // a JSON list of typ
	max     int  // of a set
	address bool // in the form of sortable
}

type compiler struct {
	table  *table
	schema query.Schema
	used   []query.Field // in the order of their first use
	beside []string      // further columns of the first part, as expressions; they are named "p1", "p2", ...
}

// check tells whether the table can be asked the question at all.
func (t *table) check(q query.Query) error {
	if q.Dataset != query.CloudTrail {
		return fmt.Errorf("table %s.%s holds cloudtrail, not %s: %w", t.database, t.name, q.Dataset, source.ErrInvalid)
	}
	if err := query.Check(q); err != nil {
		return fmt.Errorf("%w: %w", err, source.ErrInvalid)
	}
	schema, _ := query.SchemaOf(q.Dataset)
	for _, f := range fieldsOf(q) {
		if err := t.holds(schema, f); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf are the fields that a question reads.
func fieldsOf(q query.Query) []query.Field {
	out := slices.Clone(q.Select)
	for _, k := range q.GroupBy {
		out = append(out, k.Field)
	}
	for _, a := range q.Compute {
		if a.Field != "" {
			out = append(out, a.Field)
		}
	}
	if q.Where != nil {
		out = append(out, conditionFields(q.Where)...)
	}
	return out
}

func conditionFields(e query.Expr) []query.Field {
	var out []query.Field
	switch e := e.(type) {
	case query.And:
		for _, x := range e.Terms {
			out = append(out, conditionFields(x)...)
		}
	case query.Or:
		for _, x := range e.Terms {
			out = append(out, conditionFields(x)...)
		}
	case query.Not:
		return conditionFields(e.X)
	case query.Compare:
		return []query.Field{e.Field}
	case query.In:
		return []query.Field{e.Field}
	case query.Prefix:
		return []query.Field{e.Field}
	case query.Contains:
		return []query.Field{e.Field}
	case query.CIDR:
		return []query.Field{e.Field}
	case query.Exists:
		return []query.Field{e.Field}
	}
	return out
}

// compile prints a question as SQL that answers it whole, or says errHere. One row more than the
// limit is asked for, so that a cut answer is known to be cut.
func compile(t *table, opt Options, q query.Query) (statement, error) {
	if err := t.check(q); err != nil {
		return statement{}, err
	}
	schema, _ := query.SchemaOf(q.Dataset)
	c := &compiler{table: t, schema: schema}
	c.column(query.EventID)
	c.column(query.EventTime)
	var out statement
	var cols, group, order []string
	add := func(expr string, col columnOut) {
		out.columns = append(out.columns, col)
		cols = append(cols, fmt.Sprintf("%s AS %s", expr, alias(len(cols))))
	}
	for _, f := range append(slices.Clone(q.Select), keyFields(q)...) {
		if c.elsewhere(f) {
			return statement{}, errHere
		}
	}
	for _, f := range q.Select {
		spec, _ := schema.Field(f)
		add(c.column(f), columnOut{name: string(f), typ: spec.Type})
	}
	for _, k := range q.GroupBy {
		spec, _ := schema.Field(k.Field)
		e := c.column(k.Field)
		if k.Quarter {
			e = fmt.Sprintf("%s - %s %% %d", e, e, (15 * time.Minute).Microseconds())
		}
		group = append(group, fmt.Sprint(len(cols)+1))
		add(e, columnOut{name: k.Name(), typ: spec.Type})
	}
	for _, a := range q.Compute {
		e, col, err := c.aggregate(a)
		if err != nil {
			return statement{}, err
		}
		add(e, col)
	}
	for _, o := range q.Order {
		i := slices.IndexFunc(out.columns, func(col columnOut) bool { return col.name == o.By })
		if out.columns[i].set {
			return statement{}, errHere
		}
		by := alias(i)
		switch {
		case out.columns[i].typ != query.IP || out.columns[i].address: // in the order that it has
		case i < len(q.Select):
			by = sortable(c.column(q.Select[i]))
		case i < len(q.GroupBy):
			by = sortable(c.column(q.GroupBy[i].Field))
		}
		dir := "ASC"
		if o.Desc {
			dir = "DESC"
		}
		order = append(order, by+" "+dir+" NULLS LAST")
	}
	if len(q.Select) > 0 {
		order = append(order, `"event_time" ASC NULLS LAST`, `"event_id" ASC NULLS LAST`)
	} else {
		for i := range q.GroupBy {
			by := alias(i)
			if out.columns[i].typ == query.IP {
				by = sortable(c.column(q.GroupBy[i].Field))
			}
			order = append(order, by+" ASC NULLS LAST")
		}
	}
	from, exact, err := c.from(opt, q)
	if err != nil {
		return statement{}, err
	}
	if !exact {
		return statement{}, errHere
	}
	tail := ""
	switch {
	case len(group) > 0:
		tail = "\nGROUP BY " + strings.Join(group, ", ")
	case len(q.Compute) > 0:
		tail = "\nHAVING count(*) > 0"
	}
	if len(order) > 0 {
		tail += "\nORDER BY " + strings.Join(order, ", ")
	}
	out.sql = fmt.Sprintf("%s\nSELECT %s\nFROM \"found\"\nWHERE \"nth\" = 1 OR \"event_id\" IS NULL%s\nLIMIT %d", from, strings.Join(cols, ", "), tail, q.Limit+1)
	return out, out.check()
}

func keyFields(q query.Query) []query.Field {
	var out []query.Field
	for _, k := range q.GroupBy {
		out = append(out, k.Field)
	}
	return out
}

// check refuses what Athena would.
func (s statement) check() error {
	if len(s.sql) > maxQuery {
		return fmt.Errorf("the question is %d bytes long as SQL and Athena takes %d; split its longest list of values into several questions: %w", len(s.sql), maxQuery, source.ErrInvalid)
	}
	return nil
}

func alias(i int) string { return fmt.Sprintf("\"c%d\"", i+1) }

// from prints what stands before the question's own SELECT: the table's columns under the names
// of the schema, bounded by partition; then the events of the window that match, each id once.
// exact tells whether the condition is the question's whole one; else it lets more pass.
func (c *compiler) from(opt Options, q query.Query) (sql string, exact bool, err error) {
	where, exact := "", true
	if q.Where != nil {
		if where, exact, err = c.expr(q.Where); err != nil {
			return "", false, err
		}
		where = "\n    AND " + where
	}
	bounds, err := c.table.bounds(opt, q.Window, within(q, "account", opt.scope.Account), within(q, "region", opt.scope.Region))
	if err != nil {
		return "", false, err
	}
	cols, order := make([]string, len(c.used)), []string{}
	for i, f := range c.used {
		spec, _ := c.schema.Field(f)
		cols[i] = c.table.expr(spec) + " AS " + c.name(i)
		if f != query.EventID {
			order = append(order, c.name(i))
		}
	}
	for i, e := range c.beside {
		name := fmt.Sprintf("\"p%d\"", i+1)
		cols, order = append(cols, e+" AS "+name), append(order, name)
	}
	return fmt.Sprintf(`WITH "events" AS (
  SELECT %s
  FROM %s.%s
  WHERE %s
),
"found" AS (
  SELECT *, row_number() OVER (PARTITION BY "event_id" ORDER BY %s) AS "nth"
  FROM "events"
  WHERE "event_time" >= %d AND "event_time" < %d%s
)`, strings.Join(cols, ",\n    "), ident(c.table.database), ident(c.table.name), bounds,
		strings.Join(order, ", "), q.Window.From.UnixMicro(), q.Window.To.UnixMicro(), where), exact, nil
}

// within are the accounts or Regions that a question is bound to: by its own condition, else by
// the scope that it is asked for; nil for any.
func within(q query.Query, f query.Field, scope string) []string {
	if q.Where != nil {
		if v := fixed(q.Where, f); v != nil {
			return v
		}
	}
	if scope != "" {
		return []string{scope}
	}
	return nil
}

// column is the name of a field's column in the first part of the query.
func (c *compiler) column(f query.Field) string {
	i := slices.Index(c.used, f)
	if i < 0 {
		i = len(c.used)
		c.used = append(c.used, f)
	}
	return c.name(i)
}

func (c *compiler) name(i int) string {
	if _, raw := query.RawPath(c.used[i]); raw {
		return fmt.Sprintf("\"raw_%d\"", i)
	}
	return ident(string(c.used[i]))
}

// elsewhere tells whether a field's value cannot be had exactly: the record itself, or a value
// inside JSON that may be an object, whose text is the record's own.
func (c *compiler) elsewhere(f query.Field) bool {
	if f == query.Raw || f == query.RawSHA256 {
		return true
	}
	path, raw := query.RawPath(f)
	if !raw {
		return false
	}
	l, _, _ := c.table.find(path)
	return l.form == object || !c.table.textual(l)
}

func (c *compiler) aggregate(a query.Aggregate) (string, columnOut, error) {
	col := columnOut{name: a.As, typ: query.Int}
	if a.Field == "" {
		return "count(*)", col, nil
	}
	if c.elsewhere(a.Field) {
		return "", col, errHere
	}
	spec, _ := c.schema.Field(a.Field)
	f := c.column(a.Field)
	switch a.Func {
	case query.Count:
		return "count(" + f + ")", col, nil
	case query.CountDistinct:
		return "count(DISTINCT " + f + ")", col, nil
	case query.Sum:
		return "coalesce(sum(" + f + "), 0)", col, nil
	case query.Min, query.Max:
		col.typ = spec.Type
		if spec.Type == query.IP {
			f, col.address = sortable(f), true
		}
		return fmt.Sprintf("%s(%s)", a.Func, f), col, nil
	case query.Values:
		col.typ, col.set, col.max = spec.Type, true, a.Limit
		if spec.Type == query.IP {
			f, col.address = sortable(f), true
		}
		return fmt.Sprintf("json_format(CAST(slice(array_sort(array_agg(DISTINCT %s) FILTER (WHERE %s IS NOT NULL)), 1, %d) AS json))", f, f, a.Limit+1), col, nil
	}
	return "", col, errHere
}

// expr prints a condition that is never NULL. Where a part of it is not exact in SQL, what is
// printed lets at least those events pass for which the condition holds.
func (c *compiler) expr(e query.Expr) (sql string, exact bool, err error) {
	const pass = "TRUE"
	switch e := e.(type) {
	case query.And:
		return c.join(e.Terms, " AND ", "TRUE")
	case query.Or:
		if sql, exact, err = c.join(e.Terms, " OR ", "FALSE"); err != nil || exact {
			return sql, exact, err
		}
		return pass, false, nil
	case query.Not:
		if sql, exact, err = c.expr(e.X); err != nil || exact {
			return "(NOT " + sql + ")", exact, err
		}
		return pass, false, nil
	case query.Compare:
		if c.elsewhere(e.Field) && !(c.plain(e.Field, e.Value) && (e.Op == query.Equal || e.Op == query.NotEqual)) {
			return pass, false, nil
		}
		f := c.column(e.Field)
		if e.Value.Type() == query.IP && e.Op != query.Equal && e.Op != query.NotEqual {
			a, err := netip.ParseAddr(e.Value.Text())
			if err != nil {
				return "FALSE", true, nil
			}
			return fmt.Sprintf("coalesce(%s %s %s, FALSE)", sortable(f), e.Op, quoted(sorted(a))), true, nil
		}
		v, err := value(e.Value)
		if err != nil {
			return "", false, err
		}
		op := string(e.Op)
		if e.Op == query.NotEqual {
			op = "<>"
		}
		return fmt.Sprintf("coalesce(%s %s %s, FALSE)", f, op, v), true, nil
	case query.In:
		if len(e.Values) == 0 {
			return "FALSE", true, nil
		}
		parts := make([]string, len(e.Values))
		for i, v := range e.Values {
			if c.elsewhere(e.Field) && !c.plain(e.Field, v) {
				return pass, false, nil
			}
			if parts[i], err = value(v); err != nil {
				return "", false, err
			}
		}
		return fmt.Sprintf("coalesce(%s IN (%s), FALSE)", c.column(e.Field), strings.Join(parts, ", ")), true, nil
	case query.Prefix:
		return c.text("coalesce(starts_with(%s, %s), FALSE)", e.Field, e.Value, true)
	case query.Contains:
		return c.text("coalesce(strpos(%s, %s) > 0, FALSE)", e.Field, e.Value, false)
	case query.CIDR:
		p := e.Prefix.Masked()
		high := p.Addr().AsSlice()
		for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
			high[bit/8] |= 1 << (7 - bit%8)
		}
		last, _ := netip.AddrFromSlice(high)
		f := c.column(e.Field)
		return fmt.Sprintf("coalesce(%s BETWEEN %s AND %s, FALSE)", sortable(f), quoted(sorted(p.Addr())), quoted(sorted(last))), true, nil
	case query.Exists:
		if e.Field == query.Raw || e.Field == query.RawSHA256 {
			return "TRUE", true, nil
		}
		return "(" + c.column(e.Field) + " IS NOT NULL)", true, nil
	}
	return "", false, fmt.Errorf("a condition is empty: %w", source.ErrInvalid)
}

func (c *compiler) text(format string, f query.Field, v query.Value, prefix bool) (string, bool, error) {
	if c.elsewhere(f) && !(prefix && c.plain(f, v) && v.Text() != "") {
		return "TRUE", false, nil
	}
	lit, err := literal(v.Text())
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf(format, c.column(f), lit), true, nil
}

// plain tells whether a value inside JSON can be held against a text although objects and lists
// print differently in SQL: such a text begins with neither.
func (c *compiler) plain(f query.Field, v query.Value) bool {
	path, raw := query.RawPath(f)
	if !raw {
		return false
	}
	if l, below, _ := c.table.find(path); l.form != object || below == "" {
		return false
	}
	return !strings.HasPrefix(v.Text(), "{") && !strings.HasPrefix(v.Text(), "[")
}

func (c *compiler) join(terms []query.Expr, word, empty string) (string, bool, error) {
	if len(terms) == 0 {
		return empty, true, nil
	}
	all := true
	parts := make([]string, len(terms))
	for i, t := range terms {
		sql, exact, err := c.expr(t)
		if err != nil {
			return "", false, err
		}
		parts[i], all = sql, all && exact
	}
	return "(" + strings.Join(parts, word) + ")", all, nil
}

// value prints a typed value as a literal.
func value(v query.Value) (string, error) {
	switch v.Type() {
	case query.Bool:
		if v.Bool() {
			return "TRUE", nil
		}
		return "FALSE", nil
	case query.Int:
		return number(v.Int()), nil
	case query.Time:
		return number(v.Time().UnixMicro()), nil
	case query.Text, query.IP, query.JSON:
		return literal(v.Text())
	case query.Null, query.Set, query.Param:
	}
	return "", fmt.Errorf("a value is missing: %w", source.ErrInvalid)
}

// number prints a whole number; the smallest has no literal of its own.
func number(n int64) string {
	if n == -1<<63 {
		return "(-9223372036854775807 - 1)"
	}
	if n < 0 {
		return fmt.Sprintf("(%d)", n)
	}
	return fmt.Sprint(n)
}

// sorted is an address as the SQL of sortable gives it: Trino keeps IPv4 mapped into IPv6.
func sorted(a netip.Addr) string {
	family := "6"
	if a.Is4() {
		family = "4"
	}
	b := a.As16()
	return family + strings.ToUpper(hex.EncodeToString(b[:]))
}

// unsorted reads it back.
func unsorted(s string) (netip.Addr, error) {
	b, err := hex.DecodeString(strings.TrimLeft(s[:min(1, len(s))], "46") + s[min(1, len(s)):])
	if err != nil || len(b) != 16 {
		return netip.Addr{}, fmt.Errorf("%.40q is no address", s)
	}
	return netip.AddrFrom16([16]byte(b)).Unmap(), nil
}
