package athena

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"uratori/query"
	"uratori/source"
)

// A Means says what a partition divides the records by.
type Means uint8

// The meanings.
const (
	ByAccount   Means = iota + 1 // the account that the record was delivered for, which is the event's
	ByRegion                     // its Region
	ByDelivery                   // the time of delivery, which is later than the event
	ByEventTime                  // the event's own time, as a timestamp
)

// A Partition is one or more columns of a table that divide it by one thing.
type Partition struct {
	Columns  []string // one, or such as year, month, day for a time
	Means    Means
	Formats  []string // of ByDelivery: a Go layout for each column, such as "2006/01/02"
	Injected bool     // its values must be named in every query ('projection.<column>.type' = 'injected')
}

func (p Partition) check() error {
	switch {
	case len(p.Columns) == 0:
		return fmt.Errorf("a partition has no columns")
	case p.Means < ByAccount || p.Means > ByEventTime:
		return fmt.Errorf("partition %s does not say what it divides by", p.Columns[0])
	case p.Means == ByDelivery && len(p.Formats) != len(p.Columns):
		return fmt.Errorf("partition %s needs a format for each of its columns", p.Columns[0])
	case p.Means != ByDelivery && len(p.Columns) != 1:
		return fmt.Errorf("partition %s has more than one column", p.Columns[0])
	}
	if p.Means != ByDelivery {
		return nil
	}
	for i, f := range p.Formats {
		if !slices.Contains(deliveryFormats, f) && len(p.Columns) == 1 || len(p.Columns) > 1 && !slices.Contains(partFormats, f) {
			return fmt.Errorf("partition %s: format %q is not one of %q, or %q for several columns", p.Columns[i], f, deliveryFormats, partFormats)
		}
	}
	return nil
}

// Formats that sort as their times do.
var (
	deliveryFormats = []string{"2006/01/02", "2006-01-02", "20060102", "2006/01/02/15", "2006-01-02-15", "2006010215", "2006/01", "2006-01", "200601"}
	partFormats     = []string{"2006", "01", "1", "02", "2", "15"}
)

// Format is the Go layout of a date's format as tables' descriptions write it, such as yyyy/MM/dd.
func Format(text string) string {
	return strings.NewReplacer("yyyy", "2006", "MM", "01", "dd", "02", "HH", "15", "M", "1", "d", "2").Replace(text)
}

// inferred reads the partitions from a table's description. Projected dates name their format;
// others are known by name: those of AWS's own examples and of Security Lake.
func inferred(d description, t *table) []Partition {
	var out []Partition
	has := func(name string) bool {
		return slices.ContainsFunc(d.Partitions, func(c column) bool { return strings.EqualFold(c.Name, name) })
	}
	for _, c := range d.Partitions {
		name := strings.ToLower(c.Name)
		p := Partition{Columns: []string{name}, Injected: strings.EqualFold(d.Parameters["projection."+name+".type"], "injected")}
		switch {
		case slices.Contains([]string{"account", "accountid", "account_id"}, name):
			p.Means = ByAccount
		case slices.Contains([]string{"region", "awsregion", "aws_region"}, name):
			p.Means = ByRegion
		case strings.EqualFold(d.Parameters["projection."+name+".type"], "date"):
			p.Means, p.Formats = ByDelivery, []string{Format(d.Parameters["projection."+name+".format"])}
		case name == "eventday":
			p.Means, p.Formats = ByDelivery, []string{"20060102"}
		case name == "year" && has("month") && has("day"):
			p.Means, p.Columns, p.Formats = ByDelivery, []string{"year", "month", "day"}, []string{"2006", "01", "02"}
		default:
			continue
		}
		if p.check() == nil {
			out = append(out, p)
		}
	}
	// Security Lake's second version keeps Iceberg tables, whose partitions are columns like others.
	if h := t.columns["time_dt"]; t.layout == OCSF2 && h != nil && strings.HasPrefix(h.name, "timestamp") {
		out = append(out, Partition{Columns: []string{"time_dt"}, Means: ByEventTime})
		for name, means := range map[string]Means{"accountid": ByAccount, "region": ByRegion} {
			if t.columns[name] != nil && !has(name) {
				out = append(out, Partition{Columns: []string{name}, Means: means})
			}
		}
		slices.SortFunc(out, func(a, b Partition) int { return strings.Compare(a.Columns[0], b.Columns[0]) })
	}
	return out
}

// bounds is the condition that keeps a query within the partitions of a window, accounts and
// Regions; nil lists mean any.
func (t *table) bounds(opt Options, w query.Window, accounts, regions []string) (string, error) {
	var parts []string
	inTime := false
	for _, p := range t.partitions {
		col := ident(p.Columns[0])
		switch p.Means {
		case ByAccount, ByRegion:
			named, listed, what := accounts, opt.Accounts, "account"
			if p.Means == ByRegion {
				named, listed, what = regions, opt.Regions, "region"
			}
			if named == nil && p.Injected {
				if named = listed; named == nil {
					return "", fmt.Errorf("partition %s of table %s.%s wants its values named: list the table's %ss in the configuration, or ask about one %s: %w",
						p.Columns[0], t.database, t.name, what, what, source.ErrInvalid)
				}
			}
			if named == nil {
				continue
			}
			values := make([]string, len(named))
			for i, v := range named {
				var err error
				if values[i], err = t.partitionValue(p.Columns[0], v); err != nil {
					return "", err
				}
			}
			parts = append(parts, fmt.Sprintf("%s IN (%s)", col, strings.Join(values, ", ")))
		case ByDelivery:
			inTime = true
			s, err := t.delivered(p, w.From.Add(-time.Hour), w.To.Add(opt.Late))
			if err != nil {
				return "", err
			}
			parts = append(parts, s)
		case ByEventTime:
			inTime = true
			const stamp = "2006-01-02 15:04:05.000000"
			parts = append(parts, fmt.Sprintf("%s >= TIMESTAMP '%s' AND %s < TIMESTAMP '%s'",
				col, w.From.UTC().Add(-time.Second).Format(stamp), col, w.To.UTC().Add(time.Second).Format(stamp)))
		}
	}
	if !inTime && !opt.ScanAll {
		return "", fmt.Errorf("table %s.%s has no partition in time that is known, so every question would scan all of it; name its partitions in the configuration, or allow the scan with a limit of bytes: %w",
			t.database, t.name, source.ErrInvalid)
	}
	if len(parts) == 0 {
		return "TRUE", nil
	}
	return strings.Join(parts, " AND "), nil
}

// delivered bounds the partitions of delivery between two times.
func (t *table) delivered(p Partition, from, to time.Time) (string, error) {
	from, to = from.UTC(), to.UTC()
	if len(p.Columns) == 1 {
		lo, err := t.partitionValue(p.Columns[0], from.Format(p.Formats[0]))
		if err != nil {
			return "", err
		}
		hi, err := t.partitionValue(p.Columns[0], to.Format(p.Formats[0]))
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s >= %s AND %s <= %s", ident(p.Columns[0]), lo, ident(p.Columns[0]), hi), nil
	}
	// Several columns: the last is listed for each value of those before it.
	last := len(p.Columns) - 1
	type group struct {
		head   string
		values []string
	}
	var groups []group
	step := 24 * time.Hour
	if slices.Contains(p.Formats, "15") {
		step = time.Hour
	}
	for at := from.Truncate(step); !at.After(to); at = at.Add(step) {
		var head []string
		for i, c := range p.Columns[:last] {
			v, err := t.partitionValue(c, at.Format(p.Formats[i]))
			if err != nil {
				return "", err
			}
			head = append(head, ident(c)+" = "+v)
		}
		v, err := t.partitionValue(p.Columns[last], at.Format(p.Formats[last]))
		if err != nil {
			return "", err
		}
		h := strings.Join(head, " AND ")
		if n := len(groups); n == 0 || groups[n-1].head != h {
			groups = append(groups, group{head: h})
		}
		g := &groups[len(groups)-1]
		if !slices.Contains(g.values, v) {
			g.values = append(g.values, v)
		}
	}
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = fmt.Sprintf("(%s AND %s IN (%s))", g.head, ident(p.Columns[last]), strings.Join(g.values, ", "))
	}
	return "(" + strings.Join(out, " OR ") + ")", nil
}

// partitionValue prints a value as a literal of its column's type.
func (t *table) partitionValue(col, v string) (string, error) {
	switch h := t.columns[col]; h.name {
	case "int", "integer", "bigint", "smallint", "tinyint":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return "", fmt.Errorf("partition %s holds numbers, and %q is none: %w", col, v, source.ErrInvalid)
		}
		return strconv.FormatInt(n, 10), nil
	case "date":
		return "DATE " + quoted(v), nil
	default:
		return literal(v)
	}
}

// fixed are the values that a field must have for a condition to hold, nil if it may have any.
func fixed(e query.Expr, f query.Field) []string {
	switch e := e.(type) {
	case query.And:
		for _, x := range e.Terms {
			if v := fixed(x, f); v != nil {
				return v
			}
		}
	case query.Compare:
		if e.Field == f && e.Op == query.Equal {
			return []string{e.Value.Text()}
		}
	case query.In:
		if e.Field == f && len(e.Values) > 0 {
			var out []string
			for _, v := range e.Values {
				out = append(out, v.Text())
			}
			return out
		}
	case query.Or, query.Not, query.Prefix, query.Contains, query.CIDR, query.Exists:
	}
	return nil
}
