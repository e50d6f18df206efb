package knowledge

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"time"

	"uratori/evidence"
)

// Bounds of a list.
const (
	maxList  = 128 << 20 // bytes
	maxLine  = 4096      // bytes of a line
	maxLines = 5_000_000
)

// A list is what was read of a file: exact addresses and names, and networks by their length.
type list struct {
	List
	sha256   string
	networks map[netip.Prefix]bool
	bits     map[int]bool // lengths of networks that occur; IPv6 is told by a length above 32 or the prefix's own family
	domains  map[string]bool
	bad      string // why it cannot be read, or that a part of it cannot
	missing  bool   // there is no such file
}

// listColumns are headings under which the first column of interest stands.
var listColumns = map[string]bool{
	"ip": true, "ip_address": true, "address": true, "cidr": true, "network": true, "prefix": true, "domain": true, "hostname": true, "indicator": true, "value": true, "entry": true,
}

var (
	domainName = regexp.MustCompile(`^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)+[a-z0-9-]{2,63}$`)
	dateLine   = regexp.MustCompile(`(?i)^[#;]\s*(?:date|updated|last updated|generated):\s*(\d{4}-\d{2}-\d{2})\b`)
)

// openList reads one entry a line: an address, a network or a domain, alone or in the first column
// (or that of a known heading) of comma-separated text. "#" and ";" begin comments.
func openList(y List) *list {
	l := &list{List: y, networks: map[netip.Prefix]bool{}, bits: map[int]bool{}, domains: map[string]bool{}}
	info, err := os.Stat(y.Path)
	switch {
	case err != nil:
		l.bad, l.missing = err.Error(), absent(err)
		return l
	case !info.Mode().IsRegular():
		l.bad = y.Path + " is no file"
		return l
	case info.Size() > maxList:
		l.bad = fmt.Sprintf("%s is larger than %d bytes", y.Path, maxList)
		return l
	}
	f, err := os.Open(y.Path)
	if err != nil {
		l.bad = err.Error()
		return l
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxList))
	if err != nil {
		l.bad = err.Error()
		return l
	}
	h := sha256.Sum256(data)
	l.sha256 = hex.EncodeToString(h[:])
	l.read(data)
	return l
}

func (l *list) read(data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	column, n, wrong, first := 0, 0, 0, true
	for lines.Scan() {
		if n++; n > maxLines {
			l.bad = fmt.Sprintf("it has more than %d lines; the rest was not read", maxLines)
			return
		}
		text := strings.TrimSpace(lines.Text())
		if m := dateLine.FindStringSubmatch(text); m != nil && l.Date == "" {
			if _, err := time.Parse(time.DateOnly, m[1]); err == nil {
				l.Date = m[1]
			}
		}
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		cells, err := csv.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			cells = []string{text}
		}
		if first {
			first = false
			if at, ok := heading(cells); ok {
				column = at
				continue
			}
		}
		if column >= len(cells) || !l.add(cells[column]) {
			wrong++
		}
	}
	switch {
	case lines.Err() != nil:
		l.bad = fmt.Sprintf("line %d is longer than %d bytes; the rest was not read", n+1, maxLine)
	case wrong > 0:
		l.bad = fmt.Sprintf("%d lines are no address, network or domain", wrong)
	}
}

func heading(cells []string) (int, bool) {
	for i, c := range cells {
		if listColumns[strings.ToLower(strings.TrimSpace(c))] {
			return i, true
		}
	}
	return 0, false
}

// add takes one entry. A comment may follow it.
func (l *list) add(text string) bool {
	text, _, _ = strings.Cut(text, "#")
	text = strings.TrimSpace(text)
	if p, err := netip.ParsePrefix(text); err == nil && !p.Addr().Is4In6() {
		l.net(p.Masked())
		return true
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = ip.Unmap().WithZone("")
		l.net(netip.PrefixFrom(ip, ip.BitLen()))
		return true
	}
	name := strings.TrimPrefix(domain(text), "*.")
	if !domainName.MatchString(name) {
		return false
	}
	l.domains[name] = true
	return true
}

func (l *list) net(p netip.Prefix) { l.networks[p], l.bits[p.Bits()] = true, true }

// domain folds a DNS name.
func domain(s string) string { return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".") }

// address is the narrowest entry that holds the address; "" when none does.
func (l *list) address(ip netip.Addr) string {
	for bits := ip.BitLen(); bits >= 0; bits-- {
		if !l.bits[bits] {
			continue
		}
		if p, err := ip.Prefix(bits); err == nil && l.networks[p] {
			if bits == ip.BitLen() {
				return ip.String()
			}
			return p.String()
		}
	}
	return ""
}

// domain is the name, or the closest of its parents, that is listed; a list of domains means their subdomains, too.
func (l *list) domain(name string) string {
	for name != "" {
		if l.domains[name] {
			return name
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return ""
}

// listing is whether an entry was found. A list that was read in part proves an entry, and no absence.
func (l *list) listing(entry string) (evidence.Listing, evidence.Part) {
	part := evidence.Part{Name: "list:" + l.Name, Outcome: evidence.Found}
	if entry == "" {
		part.Outcome = evidence.Empty
		if l.bad != "" {
			part.Outcome, part.Reason = evidence.Failed, l.bad
		}
	}
	return evidence.Listing{List: l.Name, Kind: l.Kind, Date: l.Date, SHA256: l.sha256, Entry: entry}, part
}
