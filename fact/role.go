package fact

import (
	"net/netip"
	"slices"
	"strings"
)

// What the role of the instance or function did after the finding was first seen, and from where.
// Its calls themselves are activity.*@session.
var roleDefs = []Def{
	{Key: "role.session", Families: roleFamilies, Rule: roleSession, Type: Text, Kind: Computed, JA: "ロールのセッション名", EN: "session name of the role", Says: "an instance's role session is named for the instance, a function's for the function"},
	{Key: "role.calls_elsewhere", Families: roleFamilies, Rule: ofRole(func(p places) result { return p.count() }), Type: Int, Kind: Computed, JA: "別の場所からのロールの使用", EN: "calls of the role from elsewhere", Says: "successful calls from an address that is neither the instance's own, nor a configured NAT address, nor one that it used in the 30 days before"},
	{Key: "role.addresses_elsewhere", Families: roleFamilies, Rule: ofRole(func(p places) result { return p.texts("source_ip") }), Type: Texts, Kind: Computed, JA: "ロールを使用した別の場所", EN: "addresses elsewhere", Says: "different addresses of those calls"},
	{Key: "role.apis_elsewhere", Families: roleFamilies, Rule: ofRole(func(p places) result { return p.texts("api") }), Type: Texts, Kind: Computed, JA: "別の場所から呼び出されたAPI", EN: "APIs from elsewhere", Says: "different APIs of those calls"},
	{Key: "role.earlier_addresses", Families: roleFamilies, Rule: ofTable("role.earlier_addresses", func(_ *view, t table) result { return t.texts("source_ip") }), Type: Texts, Kind: Computed, JA: "検出前30日間の送信元", EN: "addresses in the 30 days before", Says: "different addresses of the role session before the finding", Reads: []string{"source_ip"}},
}

func roleSession(v *view, _ string) result {
	if r, ok := v.copied(); ok {
		return r
	}
	if id := v.f.Resource.Instance.ID; id != "" {
		return known(TextOf(id), findingRef)
	}
	if name := v.f.Function.Name; name != "" {
		return known(TextOf(name), findingRef)
	}
	return notApplicable(findingRef)
}

// networkKind is the kind of the configured network that holds an address, "" if none does.
func (v *view) networkKind(ip netip.Addr) string {
	for _, n := range v.st.Networks {
		if p, err := netip.ParsePrefix(n.CIDR); err == nil && p.Contains(ip) {
			return n.Kind
		}
	}
	return ""
}

// isOwn tells whether an address is one of the finding's instance.
func (v *view) isOwn(s string) bool {
	ip, err := netip.ParseAddr(s)
	i := v.f.Resource.Instance
	return err == nil && (slices.Contains(i.PrivateIPs, ip) || slices.Contains(i.PublicIPs, ip))
}

// places are the calls of a role that came from elsewhere. proven says that its own places are
// known: it has a public address of its own, or it was seen before the finding.
type places struct {
	t      table
	rows   []int
	proven bool
	from   []Ref
}

func ofRole(get func(places) result) func(*view, string) result {
	return func(v *view, _ string) result {
		switch r := roleSession(v, ""); r.state {
		case Known:
		case Unknown:
			return r
		case AtLeast, NotApplicable:
			return notApplicable(findingRef)
		}
		c, why, ok := v.calls("session")
		if !ok {
			return why
		}
		p := places{t: c.t, proven: len(v.f.Resource.Instance.PublicIPs) > 0, from: []Ref{findingRef, settingsRef}}
		earlier := map[string]bool{}
		if t, _, ok := v.ask("role.earlier_addresses", ""); ok {
			for i := range t.len() {
				earlier[t.text(i, "source_ip")] = true
			}
			p.proven = p.proven || t.Exact && t.len() > 0
			p.from = append(p.from, t.ref())
		}
		for _, k := range c.rows {
			s := c.t.text(k.row, "source_ip")
			ip, err := netip.ParseAddr(s)
			if err != nil || k.errorCode != "" || v.isOwn(s) || earlier[s] || v.networkKind(ip) == "nat" {
				continue // a service that called for it has no address
			}
			p.rows = append(p.rows, k.row)
		}
		return get(p)
	}
}

func (p places) count() result {
	if len(p.rows) > 0 && !p.proven {
		return unknown("role_places", append(p.from, p.t.ref())...)
	}
	r := p.t.counted(int64(len(p.rows)))
	r.from = append(r.from, p.from...)
	for _, i := range p.rows[:min(20, len(p.rows))] {
		r.from = append(r.from, p.t.row(i))
	}
	return r
}

func (p places) texts(col string) result {
	if c := p.count(); c.state == Unknown {
		return c
	}
	var list []string
	for _, i := range p.rows {
		list = append(list, p.t.text(i, col))
	}
	if list = sortedCopy(list); len(list) == 0 {
		return p.t.empty()
	}
	return p.t.measured(TextsOf(list[:min(20, len(list))], len(list) > 20), true)
}

// lowerName is a DNS name as the resolver's log is read: lower case without the final dot.
func lowerName(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".") }
