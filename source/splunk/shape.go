package splunk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"uratori/query"
)

// A Place is where records of one dataset lie in Splunk.
type Place struct {
	Dataset    query.Dataset
	Index      string // name of the index, without wildcards
	Sourcetype string // such as "aws:cloudtrail"
	// Map says where the fields of a record stand in an event; nil for the map of the sourcetype,
	// see MapOf.
	Map *Map
	// Account is an indexed field that holds the account, such as "aws_account_id"; "" where the
	// account stands in the event alone. Coverage of an indexed account is counted without reading events.
	Account string
}

// A Map says how the events of a sourcetype hold the records of a dataset.
type Map struct {
	// Record is the path of the record inside the event, such as "detail" where EventBridge wrapped
	// it; "" where the event is the record.
	Record query.Path
	// Paths are where fields stand in the record, first come first. A field that is not named stands
	// where the dataset's schema says. Where a path is none of the schema's, the value found there is
	// set in the record, too, where the schema looks first; a field with such a path may also stand
	// where the schema says.
	Paths map[query.Field][]query.Path
	// Category is a path that must end in "SignInLogs" where it is there: one sourcetype holds all
	// of Entra ID's logs.
	Category query.Path
	// Whole says that searches cannot read the fields of these events, because objects stand in them
	// as text; every question is answered from the events themselves.
	Whole bool
}

// The sourcetypes that have a map. Sources: splunk/security_content data_sources and macros
// (aws:cloudtrail, azure:monitor:aad), splunk/splunk-add-on-microsoft-azure (azure:aad:signin).
const (
	AWSCloudTrail   = "aws:cloudtrail"    // Splunk Add-on for AWS: the event is the record
	AzureMonitorAAD = "azure:monitor:aad" // Splunk Add-on for Microsoft Cloud Services, Event Hub: properties.*
	AzureAADSignIn  = "azure:aad:signin"  // Splunk Add-on for Microsoft Azure, Graph: the event is the record
	MSAADSignIn     = "ms:aad:signin"     // its older name
)

// MapOf is the map of a sourcetype that is known, else one with every path of the schema.
func MapOf(d query.Dataset, sourcetype string) Map {
	m := Map{Paths: map[query.Field][]query.Path{}}
	schema, _ := query.SchemaOf(d)
	keep := func(query.Path) bool { return true }
	switch sourcetype {
	case AzureMonitorAAD:
		m.Category = "category"
		keep = func(p query.Path) bool {
			return strings.HasPrefix(string(p), "properties.") || slices.Contains(envelope, p)
		}
	case AzureAADSignIn, MSAADSignIn:
		keep = func(p query.Path) bool {
			return !strings.HasPrefix(string(p), "properties.") && p[0] >= 'a' && p[0] <= 'z' && (p == "category" || p == "tenantId" || !slices.Contains(envelope, p))
		}
	}
	for _, f := range schema.Fields {
		for _, p := range f.Paths {
			if keep(p) {
				m.Paths[f.Name] = append(m.Paths[f.Name], p)
			}
		}
	}
	return m
}

// envelope are the members around the properties of a diagnostic log (Azure Monitor, "Common and
// service-specific schemas for Azure resource logs").
var envelope = []query.Path{"time", "callerIpAddress", "location", "resultType", "resultDescription", "identity", "category", "tenantId"}

func (m Map) check(d query.Dataset) error {
	schema, _ := query.SchemaOf(d)
	ok := func(p query.Path) error {
		if _, fine := query.RawPath(query.Field("raw:" + string(p))); !fine {
			return fmt.Errorf("path %q: names of letters, digits, _ and -, joined by dots, are needed", p)
		}
		return nil
	}
	for _, p := range []query.Path{m.Record, m.Category} {
		if p != "" {
			if err := ok(p); err != nil {
				return err
			}
		}
	}
	for f, paths := range m.Paths {
		if !schema.Has(f) {
			return fmt.Errorf("%s has no field %q", d, f)
		}
		if spec, _ := schema.Field(f); len(spec.Paths) == 0 {
			return fmt.Errorf("%s is computed, and stands at no path", f)
		}
		for _, p := range paths {
			if err := ok(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// A reading is how the events of all places of a dataset are read by a search.
type reading struct {
	dataset query.Dataset
	schema  query.Schema
	places  []Place
}

// own are the paths of a field that the schema does not know.
func (m Map) own(schema query.Schema, f query.Field) []query.Path {
	spec, _ := schema.Field(f)
	return slices.DeleteFunc(slices.Clone(m.Paths[f]), func(p query.Path) bool { return slices.Contains(spec.Paths, p) })
}

// paths are where a field stands in the events: paths of the map's own, then those of the schema in
// its order; the first that is there counts.
func (r reading) paths(f query.Field) []query.Path {
	spec, _ := r.schema.Field(f)
	var out []query.Path
	add := func(p Place, path query.Path) {
		if p.Map.Record != "" {
			path = p.Map.Record + "." + path
		}
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	for _, p := range r.places {
		for _, path := range p.Map.own(r.schema, f) {
			add(p, path)
		}
	}
	for _, path := range spec.Paths {
		for _, p := range r.places {
			list, named := p.Map.Paths[f]
			if !named || slices.Contains(list, path) || len(p.Map.own(r.schema, f)) > 0 {
				add(p, path)
			}
		}
	}
	return out
}

// adapt sets the values at a map's own paths where the schema looks for them first.
func (r reading) adapt(record []byte) []byte {
	var doc map[string]any
	for _, p := range r.places {
		for _, spec := range r.schema.Fields { // in order: the same bytes each time
			for _, path := range p.Map.own(r.schema, spec.Name) {
				if doc == nil {
					dec := json.NewDecoder(bytes.NewReader(record))
					dec.UseNumber()
					if dec.Decode(&doc) != nil || doc == nil {
						return record
					}
				}
				if v := at(doc, path); v != nil {
					set(doc, r.schema, spec.Name, v)
					break
				}
			}
		}
	}
	if doc == nil {
		return record
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return record
	}
	return out
}

// at is the value at a path, nil if none is there.
func at(doc map[string]any, path query.Path) any {
	var v any = doc
	for _, step := range strings.Split(string(path), ".") {
		members, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = members[step]
	}
	return v
}

// extracted is the text of a field in the event, with a "t" before it, so that nothing takes it for
// a number and an empty text is one; "-" where it is missing, so that no condition and no group
// meets a null: a comparison with null is neither true nor false, and "stats by" drops such rows.
func extracted(paths []query.Path) expr {
	if len(paths) == 0 {
		return text("-")
	}
	args := make([]expr, len(paths))
	for i, p := range paths {
		args[i] = fn("json_extract", column("_raw"), text(p))
	}
	x := args[0]
	if len(args) > 1 {
		x = fn("coalesce", args...)
	}
	return fn("coalesce", concat(text("t"), x), text("-"))
}

// looksOdd are values that a search cannot tell from text although they may be none: whether the
// event holds text is then seen by its bytes.
const looksOdd = `^t(null|true|false|-?[0-9.]+([eE][-+]?[0-9]+)?)$|^t[[{]`

// odd tells whether a field that should hold text may hold something else in the event. Such
// events are fetched, and read by us.
func odd(name string, paths []query.Path) []expr {
	var members []string
	for _, p := range paths {
		member := string(p[strings.LastIndexByte(string(p), '.')+1:])
		if !slices.Contains(members, member) {
			members = append(members, member)
		}
	}
	slices.Sort(members)
	pattern := `"(` + strings.Join(members, "|") + `)"[[:space:]]*:[[:space:]]*[^"[:space:]]`
	return []expr{all(matches(column(name), looksOdd), matches(column("_raw"), pattern))}
}

// A time as logs write it in UTC; what is written otherwise is read by us.
const utcTime = `^t[0-9]{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+]00:?00)$`

// moment is the time of a checked text as text that orders like the time itself: seconds and six
// digits. No function of the search reads or prints a time, because those follow the user's zone.
func moment(name string) expr {
	c := column(name)
	fraction := fn("if", equal(fn("substr", c, number(21), number(1)), text(".")),
		fn("replace", fn("substr", c, number(22)), text("[^0-9].*$"), text("")), text(""))
	return concat(fn("substr", c, number(2), number(19)), text("."), fn("substr", concat(fraction, text("000000")), number(1), number(6)))
}

const momentForm = "2006-01-02T15:04:05.000000"

// readable tells whether the event is a record of the dataset, for a search.
func (r reading) readable() expr {
	if r.dataset == query.CloudTrail {
		return all(differ(column("u_name"), text("-")), differ(column("u_source"), text("-")))
	}
	return some(equal(column("u_category"), text("-")), matches(column("u_category"), "SignInLogs$"))
}
