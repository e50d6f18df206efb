// Package knowledge looks addresses and names up in files that an operator keeps: databases in
// MaxMind's format, and lists of addresses, networks and domains.
//
// It reads files and nothing else, and says of each answer which file gave it, of which date and
// with which hash. A file that cannot be read is a part of every look-up that was not answered, so
// that "on no list" is told from "one list could not be read". No database is shipped.
package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"

	"uratori/evidence"
)

// Bounds of what is read.
const (
	maxDatabase = 2 << 30 // bytes of a database; the largest that is known has half of it
	maxText     = 256     // runes of a name in a database
	maxNetworks = 1000    // addresses of one look-up
)

// A Database is a file in MaxMind's format (maxmind.github.io/MaxMind-DB, version 2).
type Database struct {
	Name string // in reports
	Path string
}

// A List is a file of addresses, networks and domains.
type List struct {
	Name string // in reports
	Kind string // nat, office, vpn, scanner, threat
	Path string
	Date string // of the list, such as 2025-09-01; without it the file's own "# date:" line
}

// A Looker looks up in files. It is safe for concurrent use; Close ends it.
type Looker struct {
	name      string
	databases []*database
	lists     []*list
}

// Open reads the files. A file that cannot be read is no error here: notices say which and why, and every
// look-up says so, too.
func Open(name string, databases []Database, lists []List) (l *Looker, notices []string) {
	l = &Looker{name: name}
	for _, d := range databases {
		db := openDatabase(d)
		if db.bad != "" {
			notices = append(notices, fmt.Sprintf("database %s: %s", d.Name, db.bad))
		}
		l.databases = append(l.databases, db)
	}
	for _, y := range lists {
		read := openList(y)
		if read.bad != "" {
			notices = append(notices, fmt.Sprintf("list %s: %s", y.Name, read.bad))
		}
		l.lists = append(l.lists, read)
	}
	return l, notices
}

// Close closes the databases.
func (l *Looker) Close() error {
	var errs []error
	for _, d := range l.databases {
		if d.reader != nil {
			errs = append(errs, d.reader.Close())
		}
	}
	return errors.Join(errs...)
}

// Name is the looker's name.
func (l *Looker) Name() string { return l.name }

// Looks are the kinds that the files can tell of.
func (l *Looker) Looks() (kinds []evidence.LookupKind) {
	if len(l.databases)+len(l.lists) > 0 {
		kinds = append(kinds, evidence.LookAddress)
	}
	if len(l.lists) > 0 {
		kinds = append(kinds, evidence.LookDomain)
	}
	if len(l.databases) > 0 {
		kinds = append(kinds, evidence.LookNetworks)
	}
	return kinds
}

// Look looks one thing up.
func (l *Looker) Look(ctx context.Context, what evidence.Lookup) (evidence.Looked, error) {
	out := evidence.Looked{Outcome: evidence.Found, Native: l.name + ": " + string(what.Kind) + " " + what.Key}
	body := evidence.Body{Kind: what.Kind, Key: what.Key}
	switch what.Kind {
	case evidence.LookAddress:
		ip, err := netip.ParseAddr(what.Key)
		if err != nil {
			return evidence.Looked{Outcome: evidence.NotCollected, Reason: "no IP address"}, ctx.Err()
		}
		ip = ip.Unmap().WithZone("")
		body.Address = &evidence.LookedAddress{IP: ip.String()}
		for _, d := range l.databases {
			place, part := d.place(ip)
			body.Address.Places, body.Parts = append(body.Address.Places, place), append(body.Parts, part)
		}
		for _, y := range l.lists {
			hit, part := y.listing(y.address(ip))
			body.Address.Lists, body.Parts = append(body.Address.Lists, hit), append(body.Parts, part)
		}
	case evidence.LookDomain:
		name := domain(what.Key)
		body.Domain = &evidence.LookedDomain{Name: name}
		for _, y := range l.lists {
			hit, part := y.listing(y.domain(name))
			body.Domain.Lists, body.Parts = append(body.Domain.Lists, hit), append(body.Parts, part)
		}
	case evidence.LookNetworks:
		words := strings.Fields(what.Key)
		if len(words) > maxNetworks {
			return evidence.Looked{Outcome: evidence.NotCollected, Reason: "more addresses than are looked up at once"}, ctx.Err()
		}
		body.Networks, body.Parts = l.networks(words)
	default:
		return evidence.Looked{Outcome: evidence.NotCollected, Reason: "files tell of addresses and names only"}, ctx.Err()
	}
	out.Body = body
	return out, ctx.Err()
}

// networks are the ASN and the country of each address, by the first database that has one.
func (l *Looker) networks(words []string) (out []evidence.Network, parts []evidence.Part) {
	out = []evidence.Network{}
	failed := map[string]evidence.Part{}
	for _, w := range words {
		ip, err := netip.ParseAddr(w)
		n := evidence.Network{IP: w}
		for _, d := range l.databases {
			if err != nil {
				break
			}
			place, part := d.place(ip.Unmap())
			if part.Outcome != evidence.Found && part.Outcome != evidence.Empty {
				failed[d.Name] = part
			}
			if n.ASN == "" {
				n.ASN = place.ASN
			}
			if n.Country == "" {
				n.Country = place.Country
			}
		}
		out = append(out, n)
	}
	for _, d := range l.databases {
		part, bad := failed[d.Name]
		if !bad {
			part = evidence.Part{Name: "database:" + d.Name, Outcome: evidence.Found}
		}
		parts = append(parts, part)
	}
	return out, parts
}

// A database is an open file.
type database struct {
	Database
	reader *maxminddb.Reader
	sha256 string
	built  time.Time
	bad    string // why it cannot be read

	missing bool // there is no such file
}

func openDatabase(d Database) *database {
	out := &database{Database: d}
	var err error
	if out.sha256, err = sum(d.Path, maxDatabase); err != nil {
		out.bad, out.missing = err.Error(), absent(err)
		return out
	}
	if out.reader, err = maxminddb.Open(d.Path); err != nil {
		out.bad = "it is no database in MaxMind's format: " + err.Error()
		return out
	}
	if epoch := out.reader.Metadata.BuildEpoch; epoch > 0 && epoch < 253402300800 { // before the year 10000
		out.built = time.Unix(int64(epoch), 0).UTC()
	}
	return out
}

// sum is the hash of a regular file of at most so many bytes.
func sum(path string, most int64) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no file", path)
	case info.Size() > most:
		return "", fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, most)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// record are the members of the forms that are in use: MaxMind's City, Country and ASN (GeoIP2 and
// GeoLite2), and the flat one of databases that only hold a country code.
type record struct {
	Country struct {
		Code  string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"country"`
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
	ASN  uint64 `maxminddb:"autonomous_system_number"`
	Org  string `maxminddb:"autonomous_system_organization"`
	Code string `maxminddb:"country_code"`
}

// place is what the database says of an address, and whether it answered. A database that is damaged fails.
func (d *database) place(ip netip.Addr) (p evidence.Place, part evidence.Part) {
	part = evidence.Part{Name: "database:" + d.Name, Outcome: evidence.Found}
	p = evidence.Place{Database: d.Name, SHA256: d.sha256}
	if d.bad != "" {
		part.Outcome, part.Reason = evidence.Failed, d.bad
		return p, part
	}
	p.Type = cut(d.reader.Metadata.DatabaseType)
	if !d.built.IsZero() {
		p.Built = &d.built
	}
	if ip.Is6() && d.reader.Metadata.IPVersion == 4 {
		part.Outcome, part.Reason = evidence.NotCollected, "the database holds no IPv6 addresses"
		return p, part
	}
	found := d.reader.Lookup(ip)
	var r record
	switch err := found.Decode(&r); {
	case err != nil:
		part.Outcome, part.Reason = evidence.Failed, cut(err.Error())
		return p, part
	case !found.Found():
		part.Outcome = evidence.Empty
		return p, part
	}
	p.Country, p.Name, p.City, p.Org = cut(r.Country.Code), cut(r.Country.Names["en"]), cut(r.City.Names["en"]), cut(r.Org)
	if p.Country == "" {
		p.Country = cut(r.Code)
	}
	if r.ASN > 0 && r.ASN <= 1<<32-1 {
		p.ASN = strconv.FormatUint(r.ASN, 10)
	}
	return p, part
}

// cut bounds a text of a file, which may be hostile.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText])
}
