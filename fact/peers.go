package fact

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// What is usual between a machine and its peers: the same peer on the days before, addresses that
// a process made it speak to for the first time, and how many names below one domain it asked for.
var peerDefs = []Def{
	{Key: "network.destination", Families: networkFamilies, Rule: func(v *view, subject string) result {
		if !v.outward() {
			return notApplicable(findingRef)
		}
		return networkPeer(v, subject)
	}, Type: IP, Kind: External, JA: "送信先", EN: "destination", Says: "the peer, where our side opened the connection"},
	{Key: "network.earlier_days", Families: networkFamilies, Rule: ofEarlierDays(func(d peerDays) result { return d.t.counted(int64(len(d.sent))) }), Type: Int, Kind: Computed, JA: "同じ相手へ送信した過去の日数", EN: "earlier days of sending to the peer", Says: "days of the 30 before the day of the event with accepted flows to the peer, in the configured zone", Reads: []string{"quarter", "bytes"}},
	{Key: "network.earlier_most", Families: networkFamilies, Rule: ofEarlierDays(func(d peerDays) result { return d.t.measured(Value{Type: Bytes, Num: d.most()}, d.most() > 0) }), Type: Bytes, Kind: Computed, JA: "同じ相手への過去の1日の最大送信量", EN: "most sent to the peer on an earlier day", Says: "largest sum of bytes of one of those days", Reads: []string{"quarter", "bytes"}},
	{Key: "network.volume_usual", Families: networkFamilies, Rule: volumeUsual, Type: Bool, Kind: Computed, JA: "過去と同程度の送信量", EN: "usual volume", Says: "data was sent to the peer on 5 earlier days or more, and now not more than twice the most of one of them", Reads: []string{"quarter", "bytes"}},
	{Key: "network.parent_domain", Families: networkFamilies, Rule: parentDomain, Type: Text, Kind: Computed, JA: "登録ドメイン", EN: "registered domain", Says: "public suffix list: the part of the name that somebody registered"},
	{Key: "dns.names_below", Families: networkFamilies, Rule: namesBelow, Type: Int, Kind: Computed, JA: "同じドメインの配下で名前解決された名前", EN: "names asked for below the same domain", Says: "different names that end in the registered domain, asked for by the instance, a day before and after", Reads: []string{"query_name", "query_type"}},
	{Key: "process.new_peers", Families: runtimeFamily, Rule: ofNewPeers(func(p newPeers) result { return p.t.counted(int64(len(p.list))) }), Type: Int, Kind: Computed, JA: "プロセスの実行後に初めて接続した相手", EN: "addresses first connected to after the process ran", Says: "addresses outside, to whose service ports the interfaces sent accepted flows since the process ran and not in the 30 days before", Reads: []string{"dest_ip"}},
	{Key: "process.new_peer_list", Families: runtimeFamily, Rule: ofNewPeers(func(p newPeers) result {
		if len(p.list) == 0 {
			return p.t.empty()
		}
		return p.t.measured(TextsOf(p.list[:min(20, len(p.list))], len(p.list) > 20), true)
	}), Type: Texts, Kind: Computed, JA: "初めて接続した相手", EN: "addresses first connected to", Says: "those addresses, at most 20", Reads: []string{"dest_ip"}},
	{Key: "process.peers_before", Families: runtimeFamily, Rule: ofProcess("process.peers_before", func(_ *view, t table) result {
		list, _ := t.distinct("dest_ip", 0)
		return t.counted(int64(len(list)))
	}), Type: Int, Kind: Computed, JA: "検出前30日間に接続した相手", EN: "addresses connected to in the 30 days before", Says: "different addresses, to whose service ports the interfaces sent accepted flows", Reads: []string{"dest_ip"}},
}

var runtimeFamily = []string{"runtime"}

// Days are what was sent to the peer, by day of the configured zone.
type peerDays struct {
	t    table
	sent map[string]int64
}

func (d peerDays) most() (n int64) {
	for _, sent := range d.sent {
		n = max(n, sent)
	}
	return n
}

// ofEarlierDays is a rule over the days before the event on which the machine sent to its peer; what
// comes in is no question of what is usual to send.
func ofEarlierDays(get func(peerDays) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if !v.f.Action.Remote.IP.IsValid() || !v.outward() {
			return notApplicable(findingRef)
		}
		t, why, ok := v.ask("network.earlier_days", "")
		if !ok {
			return why
		}
		at, _ := v.at()
		d := peerDays{t, map[string]int64{}}
		for i := range t.len() {
			day := v.cal.Local(t.time(i, "quarter")).Format(time.DateOnly)
			if day != v.cal.Local(at).Format(time.DateOnly) {
				d.sent[day] += t.int(i, "bytes")
			}
		}
		r := get(d)
		r.from = append(r.from, settingsRef)
		return r
	}
}

// How many days make a peer a usual one, and how many times the largest of them a day may carry: a
// window of two days can hold two nightly back-ups.
const (
	usualDays  = 5
	usualTimes = 2
)

func volumeUsual(v *view, _ string) result {
	now := flowsOf("bytes", "ACCEPT", "out")(v, "")
	return ofEarlierDays(func(d peerDays) result {
		switch {
		case now.state == NotApplicable:
			return now
		case len(d.sent) < usualDays, now.state == Known && now.value.Num > usualTimes*d.most():
			return d.t.has(false)
		case now.state != Known:
			return result{state: Unknown, gap: now.gap, from: now.from, window: now.window}
		}
		return d.t.has(true, now.from...)
	})(v, "")
}

func parentDomain(v *view, _ string) result {
	name := lowerName(v.f.Action.Domain)
	if name == "" {
		return notApplicable(findingRef)
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return notApplicable(findingRef) // a public suffix itself, or no domain name
	}
	return known(TextOf(domain), findingRef)
}

func namesBelow(v *view, _ string) result {
	domain := parentDomain(v, "")
	if domain.state != Known {
		return domain
	}
	t, why, ok := v.ask("dns.names_below", "")
	if !ok {
		return why
	}
	var n int64
	for i := range t.len() {
		if name := t.text(i, "query_name"); name == domain.value.Str || strings.HasSuffix(name, "."+domain.value.Str) {
			n++
		}
	}
	return t.counted(n)
}

// ofProcess is a rule over what the interfaces of a process's machine spoke to.
func ofProcess(key Key, get func(*view, table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if len(v.f.Resource.Instance.Interfaces) == 0 {
			return unknown("finding", findingRef)
		}
		return ofTable(key, get)(v, "")
	}
}

// newPeers are the addresses that were not spoken to before.
type newPeers struct {
	t    table
	list []string
}

func ofNewPeers(get func(newPeers) result) func(*view, string) result {
	return ofProcess("process.new_peers", func(v *view, t table) result {
		before, why, ok := v.ask("process.peers_before", "")
		if !ok {
			return why
		}
		if !before.Exact {
			return before.measured(Value{}, false) // an address that is not seen before may have been there
		}
		known, _ := before.distinct("dest_ip", 0)
		p := newPeers{t: t}
		list, _ := t.distinct("dest_ip", 0)
		for _, s := range list {
			ip, err := netip.ParseAddr(s)
			if err == nil && !ip.IsPrivate() && ip.IsGlobalUnicast() && !v.isOwn(s) && v.networkKind(ip) == "" && !slices.Contains(known, s) {
				p.list = append(p.list, s)
			}
		}
		r := get(p)
		r.from = append(r.from, before.ref(), settingsRef)
		return r
	})
}

// openedToAll counts successful changes of security groups that name everyone's address.
func openedToAll(_ *view, t table) result {
	var n int64
	for _, i := range t.succeeded() {
		if what := t.text(i, "raw:requestParameters"); strings.Contains(what, `"0.0.0.0/0"`) || strings.Contains(what, `"::/0"`) {
			n++
		}
	}
	return t.counted(n)
}
