package fact

import (
	"maps"
	"net/netip"
	"strings"

	"uratori/query"
)

// Parameters are the values that questions may take: every Known fact of a type that a
// question can use, by its key, and a few that are never printed whole. A fact that is not
// Known is no parameter: a question that needs it waits. Only a set may be a part of what there
// was, because more values were seen than are kept, or more may have happened unseen: it is
// marked as cut, so that what is asked with it is known to be a part too. What an investigation that
// is not ours claims is no parameter: nobody is asked for its sake.
func Parameters(fs Facts) map[string]query.Value {
	out := map[string]query.Value{}
	for _, f := range fs.list {
		part := f.State == AtLeast && f.Value.Type == Texts
		if f.State != Known && !part || f.Subject != "" || claimed(f.Key) {
			continue
		}
		v, ok := parameter(f.Value, part)
		if ok && AddressSet(string(f.Key)) {
			v, ok = addresses(v)
		}
		if ok {
			out[string(f.Key)] = v
		}
	}
	v := view{f: fs.finding, set: fs.set, st: fs.settings, done: map[string]any{}}
	if key, _ := v.accessKey(); key != "" {
		out["actor.access_key"] = query.TextOf(key) // the fact of that name holds only the masked form
		if strings.HasPrefix(key, "AKIA") {
			out[longTermKey] = query.TextOf(key)
		}
	}
	out[actorAccount] = query.TextOf(v.actorAccount())
	if id := fs.finding.Resource.Instance.ID; id != "" {
		out[findingInstance] = query.TextOf(id)
	}
	if list, ok := v.networkAddresses(); ok {
		set := make([]query.Value, 0, len(list))
		for _, ip := range list {
			set = append(set, query.TextOf(ip))
		}
		out[earlierAddresses] = query.SetOf(set, false)
	}
	v.hopParameters(out)
	if set, ok := roleKeySet(&v); ok {
		out[roleKeys] = set
	}
	if key, _ := v.accessKey(); key == "" {
		if id := actorPrincipalID(&v, ""); id.state == Known {
			out[keylessPrincipal] = query.TextOf(id.value.Str)
		}
	}
	if b := v.recoveryBucket(fs); b != "" {
		out[bucketInQuestion] = query.TextOf(b)
	}
	if a := v.exposureAccount(fs); a != "" {
		out[exposedAccount] = query.TextOf(a)
	}
	if b := v.bucket(); b != "" && strings.HasPrefix(string(fs.finding.Type), "Stealth:") {
		out[stealthBucket] = query.TextOf(b)
	}
	for name, list := range ListsOfAPIs() {
		set := make([]query.Value, 0, len(list))
		for _, api := range sortedCopy(list) {
			set = append(set, query.TextOf(api))
		}
		out["list."+name] = query.SetOf(set, false)
	}
	return out
}

// ParameterTypes tells the type of each parameter that a question may name, for checking playbooks.
func ParameterTypes() map[string]query.Type {
	out := map[string]query.Type{}
	for _, d := range defs {
		if d.Each == nil && d.Kind != Claimed {
			if t, ok := parameterType(d.Type); ok {
				out[string(d.Key)] = t
			}
		}
	}
	for name := range ListsOfAPIs() {
		out["list."+name] = query.Set
	}
	maps.Copy(out, hopTypes)
	out[longTermKey], out[findingInstance], out[keylessPrincipal] = query.Text, query.Text, query.Text
	out[actorAccount] = query.Text
	out[stealthBucket], out[bucketInQuestion], out[exposedAccount] = query.Text, query.Text, query.Text
	out[earlierAddresses], out[roleKeys] = query.Set, query.Set
	return out
}

// Parameters that are no facts: what look-ups are made by.
const (
	longTermKey      = "actor.long_term_key"     // the access key id, if it is one of an IAM user
	bucketInQuestion = "recovery.bucket"         // the bucket, where something was deleted, written or protected otherwise
	exposedAccount   = "exposure.account"        // the account, where its public access block may have let everyone in
	stealthBucket    = "stealth.bucket"          // the bucket whose log the finding says was switched off
	keylessPrincipal = "actor.keyless_principal" // the principal id, where no access key is known
	actorAccount     = "actor.role_account"      // the account of the role that acted, else the finding's
	findingInstance  = "finding.instance"        // id of the EC2 instance that the finding names
	roleKeys         = "kubernetes.role_keys"    // keys that a service account's role assumptions issued
	earlierAddresses = "baseline.addresses"      // the event's address and those of the principal's earlier calls
)

// Arises tells whether a question that takes a parameter arises at all: it does not, where
// the case has no such thing, such as the bucket of a finding about an instance.
func Arises(fs Facts, param string) bool {
	switch param {
	case longTermKey:
		kind := fs.Get("actor.key_kind", "")
		return kind.State != Known || kind.Value.Str == "long_term"
	case earlierAddresses:
		return false // without earlier addresses there is nothing to compare
	case findingInstance:
		return fs.finding.Resource.Type == "Instance"
	}
	return fs.Get(Key(param), "").State != NotApplicable
}

// Moot tells whether a question that waits for parameters has nothing to ask about: nothing in
// the case leads where it would follow. Such a question is no gap and is not kept.
func Moot(fs Facts, missing []string) bool {
	v := view{f: fs.finding, set: fs.set, st: fs.settings, done: map[string]any{}}
	key, _ := v.accessKey()
	for _, m := range missing {
		if strings.HasPrefix(m, "sequence.") && fs.Get(Key(m), "").State == NotApplicable {
			return true // no signal is of that kind, or nothing of that kind is in scope
		}
		if m == stealthBucket || m == bucketInQuestion || m == exposedAccount || m == roleKeys || m == keylessPrincipal && key != "" {
			return true
		}
		if _, follows := hopTypes[m]; follows {
			return true
		}
	}
	return false
}

func parameterType(t Type) (query.Type, bool) {
	switch t {
	case Text, Name, Masked:
		return query.Text, true
	case IP:
		return query.IP, true
	case Time:
		return query.Time, true
	case Int:
		return query.Int, true
	case Texts:
		return query.Set, true
	case Bool, Bytes, Minutes, Decimal, Percent, Label, Weekday, Hour, Hours, Table:
		return query.Null, false
	default:
		return query.Null, false
	}
}

// addressSets are the lists whose members are addresses: as parameters they are compared with
// fields that are addresses.
var addressSets = map[string]bool{"sequence.addresses": true}

// AddressSet tells whether the parameter of that name is a set of addresses.
func AddressSet(name string) bool { return addressSets[name] }

// addresses is a set of texts as a set of addresses; ok is false where none of them is one.
func addresses(v query.Value) (set query.Value, ok bool) {
	members, cut := v.Set()
	var list []query.Value
	for _, m := range members {
		if a, err := netip.ParseAddr(m.Text()); err == nil {
			list = append(list, query.IPOf(a.String()))
		}
	}
	return query.SetOf(list, cut), len(list) > 0
}

func parameter(v Value, part bool) (query.Value, bool) {
	switch v.Type {
	case Text, Name:
		return query.TextOf(v.Str), v.Str != ""
	case IP:
		return query.IPOf(v.Str), true
	case Time:
		return query.TimeOf(v.At), true
	case Int:
		return query.IntOf(v.Num), true
	case Texts:
		set := make([]query.Value, 0, len(v.List))
		for _, s := range v.List {
			set = append(set, query.TextOf(s))
		}
		return query.SetOf(set, v.More || part), true
	case Bool, Bytes, Minutes, Decimal, Percent, Label, Weekday, Hour, Hours, Masked, Table:
		return query.Value{}, false
	default:
		return query.Value{}, false
	}
}
