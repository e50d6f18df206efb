package config

import (
	"net/netip"
	"regexp"
	"strings"
)

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	region    = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$`)
	arn       = regexp.MustCompile(`^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:\S+$`)
)

// account checks an account id.
func (k *checker) account(path, id string) {
	if !accountID.MatchString(id) {
		k.fail(path, "account id %q is not 12 digits; write it in quotes, such as \"111122223333\"", id)
	}
}

func (k *checker) region(path, name string) {
	if !region.MatchString(name) {
		k.fail(path, "%q is no AWS Region such as \"ap-northeast-1\"", name)
	}
}

func (k *checker) accounts(c Config) {
	ids, names := map[string]bool{}, map[string]bool{}
	for i, a := range c.Accounts {
		at := func(member string) string { return index("$.accounts", i, member) }
		k.account(at("id"), a.ID)
		k.once(ids, at("id"), "account", a.ID)
		k.once(names, at("name"), "account name", a.Name)
		if a.Environment != "" {
			k.among(at("environment"), "environment", a.Environment, environments...)
		}
	}
	if c.IdentityCenter != (IdentityCenter{}) {
		k.account("$.identity_center.account", c.IdentityCenter.Account)
		k.region("$.identity_center.region", c.IdentityCenter.Region)
	}
}

// environments are the words for what an account is for.
var environments = []string{"production", "staging", "development", "sandbox", "management", "other"}

// environments may not say two things of one account, tag or unit.
func (k *checker) environments(c Config) {
	seen := map[string]bool{}
	for _, a := range c.Accounts {
		if a.Environment != "" {
			seen["account "+a.ID] = true
		}
	}
	for i, e := range c.Environments {
		at := func(member string) string { return index("$.environments", i, member) }
		ways := 0
		for _, way := range []string{e.Account, e.Tag, e.OU} {
			if way != "" {
				ways++
			}
		}
		what, member := "", ""
		switch {
		case ways != 1:
			k.fail(at(""), "an environment is told by one of account, tag with value, or ou")
		case (e.Tag == "") != (e.Value == ""):
			k.fail(at(""), "a tag and its value belong together, such as tag: env, value: prd")
		case e.Account != "":
			k.account(at("account"), e.Account)
			what, member = "account "+e.Account, "account"
		case e.Tag != "":
			what, member = "tag "+strings.ToLower(e.Tag+"="+e.Value), "tag"
		default:
			what, member = "organisational unit "+strings.ToLower(e.OU), "ou"
		}
		if what != "" {
			k.once(seen, at(member), "environment of", what)
		}
		k.among(at("environment"), "environment", e.Environment, environments...)
	}
}

// people are joined to principals by their names and ids, so none may mean two of them.
func (k *checker) people(p People) {
	for i, prefix := range p.ContractorPrefixes {
		if prefix == "" {
			k.fail(index("$.people.contractor_prefixes", i, ""), "an empty prefix would make everybody a contractor")
		}
	}
	upns, users, objects := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, person := range p.Known {
		at := func(member string) string { return index("$.people.known", i, member) }
		if name, domain, ok := strings.Cut(person.UPN, "@"); !ok || name == "" || domain == "" {
			k.fail(at("upn"), "upn %q is no user principal name such as sato.kaede@example.co.jp", person.UPN)
		}
		k.once(upns, at("upn"), "person", strings.ToLower(person.UPN))
		k.once(users, at("identity_store_user"), "Identity Store user", strings.ToLower(person.IdentityStoreUser))
		k.once(objects, at("object_id"), "object id", strings.ToLower(person.ObjectID))
	}
}

func (k *checker) networks(c Config) {
	cidrs := map[string]bool{}
	for i, n := range c.Networks {
		at := func(member string) string { return index("$.networks", i, member) }
		if n.Name == "" {
			k.fail(at("name"), "a network needs a name; it is what a report calls it")
		}
		k.cidr(at("cidr"), n.CIDR)
		k.once(cidrs, at("cidr"), "network", n.CIDR)
		if n.Kind != "" {
			k.among(at("kind"), "kind of network", n.Kind, "office", "vpn", "nat", "scanner")
		}
	}
	arns := map[string]bool{}
	for i, a := range c.Automation {
		at := func(member string) string { return index("$.automation", i, member) }
		if !arn.MatchString(a.ARN) {
			k.fail(at("arn"), "%q is no ARN such as \"arn:aws:iam::111122223333:role/etl-nightly\"", a.ARN)
		}
		k.once(arns, at("arn"), "automation", a.ARN)
		if a.Name == "" {
			k.fail(at("name"), "an automation needs a name; it is what a report calls it")
		}
	}
}

// cidr checks a network. One that matches other addresses than it seems to, or none, is a mistake.
func (k *checker) cidr(path, text string) {
	p, err := netip.ParsePrefix(text)
	switch addr, bad := netip.ParseAddr(text); {
	case err != nil && bad == nil:
		k.fail(path, "%q is an address, not a network; write \"%s/%d\" for it alone", text, addr, addr.BitLen())
	case err != nil:
		k.fail(path, "%q is no network such as 203.0.113.0/24", text)
	case p.Addr().Is4In6():
		k.fail(path, "%q is an IPv4 network in IPv6 clothes; write it as IPv4", text)
	case p.Masked() != p:
		k.fail(path, "%q has bits set beyond its length; write %s if the whole network is meant", text, p.Masked())
	}
}
