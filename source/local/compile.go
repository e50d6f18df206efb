package local

import (
	"fmt"
	"strings"
	"time"

	"uratori/query"
)

// A statement is a question in DuckDB's SQL, with its values bound, never pasted.
type statement struct {
	sql     string
	args    []any
	columns []columnOut
}

// A columnOut says how one column of the answer is read back.
type columnOut struct {
	name string
	typ  query.Type
	set  bool // a list of typ
	max  int  // of a set
}

type compiler struct {
	schema query.Schema
	args   []any
	dear   bool // a selected field is read out of the record
}

// compile prints a checked query as SQL. One row more than the limit is asked for, so that a
// cut answer is known to be cut.
func compile(q query.Query) (statement, error) {
	if err := query.Check(q); err != nil {
		return statement{}, err
	}
	schema, _ := query.SchemaOf(q.Dataset)
	c := &compiler{schema: schema}
	var out statement
	var cols, group, order []string
	for _, f := range q.Select {
		spec, _ := schema.Field(f)
		e := c.field(f)
		c.dear = c.dear || f == query.Raw || e != ident(string(f))
		cols = append(cols, e+" AS "+ident(string(f)))
		out.columns = append(out.columns, columnOut{name: string(f), typ: spec.Type})
	}
	for _, k := range q.GroupBy {
		spec, _ := schema.Field(k.Field)
		e := c.field(k.Field)
		if k.Quarter {
			e = fmt.Sprintf("(%s - %s %% %d)", e, e, (15 * time.Minute).Microseconds())
		}
		cols = append(cols, e+" AS "+ident(k.Name()))
		group = append(group, fmt.Sprint(len(cols)))
		out.columns = append(out.columns, columnOut{name: k.Name(), typ: spec.Type})
	}
	for _, a := range q.Compute {
		e, col := c.aggregate(a)
		cols = append(cols, e+" AS "+ident(a.As))
		out.columns = append(out.columns, col)
	}
	// Bound values stand in the order of the text: the columns' before the condition's.
	before := len(c.args)
	where := fmt.Sprintf("%s >= %s AND %s < %s", schema.TimeField, c.bind(q.Window.From.UnixMicro()), schema.TimeField, c.bind(q.Window.To.UnixMicro()))
	if q.Where != nil {
		where += " AND " + c.expr(q.Where)
	}
	for _, o := range q.Order {
		dir := "ASC"
		if o.Desc {
			dir = "DESC"
		}
		order = append(order, fmt.Sprintf("%s %s NULLS LAST", ident(o.By), dir))
	}
	// Ties, and answers without an order, follow the row order of evidence, or all columns of a group.
	if len(q.Select) > 0 {
		order = append(order, "event_time ASC", "event_id ASC") // no two rows have one id
	} else {
		for _, col := range out.columns[:len(q.GroupBy)] {
			order = append(order, ident(col.name)+" ASC NULLS LAST")
		}
	}
	out.sql = fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(cols, ", "), q.Dataset, where)
	if len(group) > 0 {
		out.sql += " GROUP BY " + strings.Join(group, ", ")
	} else if len(q.Compute) > 0 {
		out.sql += " HAVING count(*) > 0"
	}
	if len(order) > 0 {
		out.sql += " ORDER BY " + strings.Join(order, ", ")
	}
	out.sql += fmt.Sprintf(" LIMIT %d", q.Limit+1)
	if c.dear && c.plainOrder(q) {
		// What stands in the record alone is read of the rows that are answered, not of all that are
		// sorted. The condition stands twice: without it the records of every row would be unpacked.
		by := strings.Join(order, ", ")
		out.sql = fmt.Sprintf("SELECT %s FROM %s WHERE %s AND rowid IN (SELECT rowid FROM %s WHERE %s ORDER BY %s LIMIT %d) ORDER BY %s",
			strings.Join(cols, ", "), q.Dataset, where, q.Dataset, where, by, q.Limit+1, by)
		c.args = append(c.args, c.args[before:]...)
	}
	out.args = c.args
	return out, nil
}

// plainOrder tells whether rows are sorted by columns alone.
func (c *compiler) plainOrder(q query.Query) bool {
	for _, o := range q.Order {
		f := query.Field(o.By)
		if _, raw := query.RawPath(f); raw || f == query.RawSHA256 || cold(c.schema.Dataset, f) || !c.schema.Has(f) {
			return false
		}
	}
	return true
}

// ident quotes an identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func (c *compiler) bind(v any) string {
	c.args = append(c.args, v)
	return "?"
}

// field is a field's column, or the value at a path of the raw record.
func (c *compiler) field(f query.Field) string {
	if path, ok := query.RawPath(f); ok {
		var p strings.Builder
		p.WriteByte('$')
		for _, step := range strings.Split(path, ".") {
			p.WriteString(`."` + step + `"`)
		}
		return extracted(c.bind(p.String()))
	}
	if f == query.RawSHA256 {
		return "sha256(raw)"
	}
	if cold(c.schema.Dataset, f) {
		spec, _ := c.schema.Field(f)
		var paths []string
		for _, p := range spec.Paths { // of our own schema
			paths = append(paths, extracted(sqlText("$."+string(p))))
		}
		return "nullif(coalesce(" + strings.Join(append(paths, "NULL"), ", ") + "), '')"
	}
	return ident(string(f))
}

func (c *compiler) typeOf(f query.Field) query.Type {
	spec, _ := c.schema.Field(f)
	return spec.Type
}

func (c *compiler) aggregate(a query.Aggregate) (string, columnOut) {
	col := columnOut{name: a.As, typ: query.Int}
	switch a.Func {
	case query.Count:
		if a.Field == "" {
			return "count(*)", col
		}
		return fmt.Sprintf("count(%s)", c.field(a.Field)), col
	case query.CountDistinct:
		return fmt.Sprintf("count(DISTINCT %s)", c.field(a.Field)), col
	case query.Sum:
		return fmt.Sprintf("CAST(coalesce(sum(%s), 0) AS BIGINT)", c.field(a.Field)), col
	case query.Min, query.Max:
		col.typ = c.typeOf(a.Field)
		fn := string(a.Func)
		return fmt.Sprintf("%s(%s)", fn, c.field(a.Field)), col
	case query.Values:
		col.typ, col.set, col.max = c.typeOf(a.Field), true, a.Limit
		f := c.field(a.Field)
		distinct := fmt.Sprintf("list_sort(list(DISTINCT %s) FILTER (WHERE %s IS NOT NULL))", f, f)
		if _, raw := query.RawPath(a.Field); raw {
			c.field(a.Field) // the path stands twice: bind it twice
		}
		return fmt.Sprintf("%s[1:%d]", distinct, a.Limit+1), col
	}
	return "NULL", col
}

// expr prints a condition that is never NULL: a comparison with a missing value is false.
func (c *compiler) expr(e query.Expr) string {
	switch e := e.(type) {
	case query.And:
		return c.join(e.Terms, " AND ", "TRUE")
	case query.Or:
		return c.join(e.Terms, " OR ", "FALSE")
	case query.Not:
		return "(NOT " + c.expr(e.X) + ")"
	case query.Compare:
		if e.Value.Type() == query.IP {
			return fmt.Sprintf("coalesce(%s %s %s, FALSE)", ident(string(e.Field)), e.Op, c.bind(sortableText(e.Value.Text())))
		}
		return fmt.Sprintf("coalesce(%s %s %s, FALSE)", c.field(e.Field), e.Op, c.value(e.Value))
	case query.In:
		if len(e.Values) == 0 {
			return "FALSE"
		}
		f := c.field(e.Field)
		parts := make([]string, len(e.Values))
		for i, v := range e.Values {
			if v.Type() == query.IP {
				parts[i] = c.bind(sortableText(v.Text()))
			} else {
				parts[i] = c.value(v)
			}
		}
		return fmt.Sprintf("coalesce(%s IN (%s), FALSE)", f, strings.Join(parts, ", "))
	case query.Prefix:
		return fmt.Sprintf("coalesce(starts_with(%s, %s), FALSE)", c.field(e.Field), c.value(e.Value))
	case query.Contains:
		return fmt.Sprintf("coalesce(contains(%s, %s), FALSE)", c.field(e.Field), c.value(e.Value))
	case query.CIDR:
		p := e.Prefix.Masked()
		if p.Addr().Is4In6() {
			return "FALSE" // addresses are stored unmapped
		}
		low := sortable(p.Addr())
		high := make([]byte, len(low))
		copy(high, low)
		for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
			high[1+bit/8] |= 1 << (7 - bit%8)
		}
		s := ident(string(e.Field))
		return fmt.Sprintf("coalesce(%s >= %s AND %s <= %s, FALSE)", s, c.bind(low), s, c.bind(high))
	case query.Exists:
		return fmt.Sprintf("(%s IS NOT NULL)", c.field(e.Field))
	}
	return "FALSE"
}

func (c *compiler) join(terms []query.Expr, word, empty string) string {
	if len(terms) == 0 {
		return empty
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = c.expr(t)
	}
	return "(" + strings.Join(parts, word) + ")"
}

func (c *compiler) value(v query.Value) string {
	switch v.Type() {
	case query.Bool:
		return c.bind(v.Bool())
	case query.Int:
		return c.bind(v.Int())
	case query.Time:
		return c.bind(v.Time().UnixMicro())
	case query.Text, query.IP, query.JSON, query.Null, query.Set, query.Param:
		return c.bind(v.Text())
	default:
		return c.bind(v.Text())
	}
}

func sortableText(s string) []byte {
	a, ok := query.Addr(s)
	if !ok {
		return []byte{0}
	}
	return sortable(a)
}

// native is the statement with its values written out, for anyone to run in a DuckDB shell.
func (s statement) native() string {
	var b strings.Builder
	i := 0
	inQuote := false
	for _, r := range s.sql {
		switch {
		case r == '"':
			inQuote = !inQuote
			b.WriteRune(r)
		case r == '?' && !inQuote:
			b.WriteString(sqlLiteral(s.args[i]))
			i++
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func sqlLiteral(v any) string {
	switch v := v.(type) {
	case []byte:
		var b strings.Builder
		for _, c := range v {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
		return "'" + b.String() + "'::BLOB"
	case string:
		return sqlText(v)
	}
	return fmt.Sprint(v)
}

// sqlText quotes a text; characters that do not show themselves are written by their number.
func sqlText(s string) string {
	parts := []string{}
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			parts = append(parts, "'"+strings.ReplaceAll(run.String(), "'", "''")+"'")
			run.Reset()
		}
	}
	for _, r := range s {
		if q := query.Quote(string(r)); len(q) > 2 && q[1] == '\\' && r != '"' && r != '\\' {
			flush()
			parts = append(parts, fmt.Sprintf("chr(%d)", r))
			continue
		}
		run.WriteRune(r)
	}
	flush()
	if len(parts) == 0 {
		return "''"
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, " || ") + ")"
}
