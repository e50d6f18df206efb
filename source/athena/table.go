package athena

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"uratori/query"
	"uratori/source"
)

// A hive is a type as the table's description writes it: struct, map, array, or a plain name.
type hive struct {
	name    string // "struct", "map", "array", "string", "bigint", ...
	members map[string]*hive
}

// parseType reads a type such as struct<type:string,sessioncontext:struct<...>>.
func parseType(s string) (*hive, error) {
	rest := strings.ToLower(strings.Join(strings.Fields(s), " "))
	t, rest, err := readType(rest, 0)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(rest) != "" {
		return nil, fmt.Errorf("type %.60q ends in %.20q", s, rest)
	}
	return t, nil
}

func readType(s string, depth int) (*hive, string, error) {
	if depth > 32 {
		return nil, "", fmt.Errorf("a type is nested too deeply")
	}
	s = strings.TrimLeft(s, " ")
	end := strings.IndexAny(s, "<>,:")
	if end < 0 {
		end = len(s)
	}
	if open := strings.IndexByte(s[:end], '('); open >= 0 { // decimal(10,2)
		end = strings.IndexByte(s, ')') + 1
		if end == 0 {
			return nil, "", fmt.Errorf("type %.40q is not closed", s)
		}
	}
	t := &hive{name: strings.TrimSpace(s[:end])}
	if t.name == "" {
		return nil, "", fmt.Errorf("a type is missing at %.40q", s)
	}
	s = s[end:]
	if !strings.HasPrefix(s, "<") {
		return t, s, nil
	}
	s = s[1:]
	t.members = map[string]*hive{}
	for n := 0; ; n++ {
		key := fmt.Sprint(n)
		if t.name == "struct" {
			var ok bool
			if key, s, ok = strings.Cut(s, ":"); !ok {
				return nil, "", fmt.Errorf("a member of a struct has no type at %.40q", s)
			}
			key = strings.Trim(key, " `\"")
		}
		m, rest, err := readType(s, depth+1)
		if err != nil {
			return nil, "", err
		}
		t.members[key], s = m, strings.TrimLeft(rest, " ")
		switch {
		case strings.HasPrefix(s, ","):
			s = s[1:]
		case strings.HasPrefix(s, ">"):
			return t, s[1:], nil
		default:
			return nil, "", fmt.Errorf("type %s is not closed", t.name)
		}
	}
}

// A column is one column of a table's description.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// A description is what the service tells of a table; it is kept as evidence.
type description struct {
	Name       string            `json:"name"`
	Columns    []column          `json:"columns"`
	Partitions []column          `json:"partition_keys"`
	Parameters map[string]string `json:"parameters"`
}

// A table is a table that can be asked.
type table struct {
	database, name string
	columns        map[string]*hive
	layout         Layout
	leaves         []leaf // of the layout, with the columns that the table has
	partitions     []Partition
	doc            []byte // the description, as JSON
}

// newTable makes sense of a description.
func newTable(opt Options, d description) (*table, error) {
	t := &table{database: opt.Database, name: opt.Table, columns: map[string]*hive{}, layout: opt.Layout}
	for _, c := range slices.Concat(d.Columns, d.Partitions) {
		h, err := parseType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("table %s.%s: column %q: %w: %w", opt.Database, opt.Table, c.Name, err, source.ErrInvalid)
		}
		t.columns[strings.ToLower(c.Name)] = h
	}
	if t.layout == Detect {
		for _, l := range []Layout{Trail, OCSF2, OCSF1} {
			if t.lacks(l) == "" {
				t.layout = l
				break
			}
		}
	}
	if t.layout == Detect {
		return nil, fmt.Errorf("table %s.%s is neither a CloudTrail table (it has no column %s) nor one of Security Lake (no %s): %w",
			opt.Database, opt.Table, t.lacks(Trail), t.lacks(OCSF2), source.ErrInvalid)
	}
	if c := t.lacks(t.layout); c != "" {
		return nil, fmt.Errorf("table %s.%s has no column %s, which layout %s needs: %w", opt.Database, opt.Table, c, t.layout, source.ErrInvalid)
	}
	for _, l := range layouts[t.layout] {
		var have []string
		for _, c := range l.columns {
			if t.typeOf(c) != nil {
				have = append(have, c)
			}
		}
		if len(have) > 0 {
			l.columns = have
			t.leaves = append(t.leaves, l)
		}
	}
	t.partitions = opt.Partitions
	if t.partitions == nil {
		t.partitions = inferred(d, t)
	}
	for _, p := range t.partitions {
		for _, c := range p.Columns {
			if t.columns[c] == nil {
				return nil, fmt.Errorf("table %s.%s has no column %q, which is said to be a partition: %w", opt.Database, opt.Table, c, source.ErrInvalid)
			}
		}
	}
	t.doc, _ = json.Marshal(d) // texts always encode
	return t, nil
}

// lacks is the first needed column of a layout that the table does not have.
func (t *table) lacks(l Layout) string {
	for _, c := range needed[l] {
		if t.typeOf(c) == nil {
			return c
		}
	}
	return ""
}

// typeOf is the type at a place of the table, nil if there is none.
func (t *table) typeOf(place string) *hive {
	place, _, isMap := strings.Cut(place, "[")
	steps := strings.Split(place, ".")
	h := t.columns[steps[0]]
	for _, s := range steps[1:] {
		if h == nil || h.name != "struct" {
			return nil
		}
		h = h.members[s]
	}
	if h != nil && isMap {
		if h.name != "map" {
			return nil
		}
		return h.members["1"]
	}
	return h
}

// unmapped tells whether the table keeps what its layout does not name under its path.
func (t *table) unmapped() bool {
	h := t.columns["unmapped"]
	return t.layout != Trail && h != nil && h.name == "map" && h.members["1"] != nil && h.members["1"].name == "string"
}

// find is the leaf at a path, or the object that a path leads into, with the rest of the path.
func (t *table) find(path string) (l leaf, rest string, ok bool) {
	for _, l := range t.leaves {
		if l.path == path {
			return l, "", true
		}
	}
	for _, l := range t.leaves {
		if below, in := strings.CutPrefix(path, l.path+"."); in && l.form == object {
			return l, below, true
		}
	}
	if !t.unmapped() || slices.ContainsFunc(layouts[t.layout], func(l leaf) bool {
		return strings.HasPrefix(l.path, path+".") || l.path == path || strings.HasPrefix(path, l.path+".")
	}) {
		return leaf{}, "", false
	}
	return leaf{path, text, []string{"unmapped[" + path + "]"}}, "", true
}

// holds tells whether the table can say what a field is: whether each of its paths has a place.
func (t *table) holds(s query.Schema, f query.Field) error {
	spec, err := s.Field(f)
	if err != nil {
		return err
	}
	for _, p := range spec.Paths {
		if _, _, ok := t.find(string(p)); !ok {
			return fmt.Errorf("table %s.%s has no column for %s (%s of the record); add the column to the table, or leave the field out: %w", t.database, t.name, f, p, source.ErrInvalid)
		}
	}
	return nil
}

// kinds are the kinds of record that a table holds, by its layout and name.
func (t *table) kinds(opt Options) []string {
	if opt.Kinds != nil {
		return opt.Kinds
	}
	if t.layout != Trail {
		for part, kind := range map[string]string{"cloud_trail_mgmt": query.KindManagement, "s3_data": query.KindS3Data, "lambda_execution": query.KindLambdaData} {
			if strings.Contains(t.name, part) {
				return []string{kind}
			}
		}
	}
	var all []string
	for _, k := range query.Kinds() {
		if k.Dataset == query.CloudTrail {
			all = append(all, k.Kind)
		}
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
