package knowledge

import (
	"errors"
	"io/fs"
	"time"
)

// A File is what is known of one of the files, for whoever checks them.
type File struct {
	Name    string    // in reports
	Kind    string    // of a list: nat, office, vpn, scanner, threat; "" for a database
	Path    string    // as it was given
	Type    string    // of a database, such as GeoLite2-City; may be hostile text
	Dated   time.Time // when a database was built, or the date of a list, UTC; zero where that is not told
	Entries int       // of a list: addresses, networks and domains; of a database the nodes of its search tree
	Missing bool      // there is no such file
	Bad     string    // why it cannot be read, or what of it cannot; may be hostile text
	Partly  bool      // some of it was read all the same
}

// Files tells of the files in the order in which they were given, databases first.
func (l *Looker) Files() []File {
	var out []File
	for _, d := range l.databases {
		f := File{Name: d.Name, Path: d.Path, Dated: d.built, Bad: d.bad, Missing: d.missing}
		if d.reader != nil {
			f.Type, f.Entries = cut(d.reader.Metadata.DatabaseType), int(min(uint64(d.reader.Metadata.NodeCount), 1<<31-1)) //nolint:gosec // bounded beside
		}
		out = append(out, f)
	}
	for _, y := range l.lists {
		f := File{Name: y.Name, Kind: y.Kind, Path: y.Path, Bad: y.bad, Missing: y.missing, Entries: len(y.networks) + len(y.domains)}
		f.Partly = f.Entries > 0 && f.Bad != ""
		if at, err := time.Parse(time.DateOnly, y.Date); err == nil {
			f.Dated = at
		}
		out = append(out, f)
	}
	return out
}

// absent tells whether an error says that there is no such file.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
