package config

import "time"

// Knowledge are files that say where addresses lie, and what is known of addresses and names.
type Knowledge struct {
	Databases []KnownDatabase `yaml:"databases"` // in MaxMind's format; of several that tell a thing, the first is printed first
	Lists     []KnownList     `yaml:"lists"`
}

// A KnownDatabase is a file in MaxMind's format.
type KnownDatabase struct {
	Name string `yaml:"name"`
	Path string `yaml:"path"`
}

// A KnownList is a file of addresses, networks or domains, one a line.
type KnownList struct {
	Name string `yaml:"name"`
	Kind string `yaml:"kind"` // nat, office, vpn, scanner, threat
	Path string `yaml:"path"`
	Date string `yaml:"date"` // of the list, such as 2025-09-01; without it the file's own "# date:" line
}

// PastCases says where earlier cases are.
type PastCases struct {
	Folders []string `yaml:"folders"` // of bundles, or bundles themselves
	Endings string   `yaml:"endings"` // CSV of how cases ended: case, ending; may be empty
}

func (k *checker) knowledge(y Knowledge) {
	names := map[string]bool{}
	for i, d := range y.Databases {
		at := func(member string) string { return index("$.knowledge.databases", i, member) }
		k.file(at, d.Name, d.Path)
		k.once(names, at("name"), "file", d.Name)
	}
	for i, l := range y.Lists {
		at := func(member string) string { return index("$.knowledge.lists", i, member) }
		k.file(at, l.Name, l.Path)
		k.once(names, at("name"), "file", l.Name)
		k.among(at("kind"), "kind of list", l.Kind, "nat", "office", "vpn", "scanner", "threat")
		if _, err := time.Parse(time.DateOnly, l.Date); l.Date != "" && err != nil {
			k.fail(at("date"), "%q is no date such as \"2025-09-01\"", l.Date)
		}
	}
}

// file checks the name and the path of a file of knowledge.
func (k *checker) file(at func(string) string, name, path string) {
	if !sourceName.MatchString(name) {
		k.fail(at("name"), "%q is no name of a file of knowledge; write letters, digits, dots, dashes, such as geo-asn", name)
	}
	if path == "" {
		k.fail(at("path"), "%s needs a path", name)
	}
}

func (k *checker) pastCases(y PastCases) {
	for i, dir := range y.Folders {
		if dir == "" {
			k.fail(index("$.past_cases.folders", i, ""), "an empty path; write \".\" for the folder of this file")
		}
	}
	if y.Endings != "" && len(y.Folders) == 0 {
		k.fail("$.past_cases", "endings of cases that are nowhere: name the folders they lie in")
	}
}
