package finding

import (
	"regexp"
	"slices"
	"strings"
)

// readSequence reads service.detection.sequence, nil when there is none.
func readSequence(n node) *Sequence {
	if !n.present() {
		return nil
	}
	s := &Sequence{UID: n.at("uid").text(), Description: n.at("description").text()}
	for _, a := range n.at("actors").list() {
		s.Actors = append(s.Actors, SequenceActor{
			ID:           a.at("id").text(),
			UserName:     a.at("user", "name").text(),
			UserUID:      a.at("user", "uid").text(),
			UserType:     a.at("user", "type").text(),
			Account:      AccountID(a.at("user", "account", "uid").text()),
			CredentialID: a.at("user", "credentialUid").text(),
			SessionUID:   a.at("session", "uid").text(),
			MFA:          a.at("session", "mfaStatus").text(),
			Issuer:       a.at("session", "issuer").text(),
			Process:      first(a.at("process", "path").text(), a.at("process", "name").text()),
		})
	}
	for _, e := range n.at("endpoints").list() {
		text := first(e.at("ip").text(), e.at("domain").text())
		s.Endpoints = append(s.Endpoints, Endpoint{
			ID:     e.at("id").text(),
			Domain: e.at("domain").text(),
			Port:   e.at("port").whole(),
			Remote: Remote{
				IP:      parseAddr(e.at("ip").text()),
				Text:    text,
				Country: e.at("location", "country").text(),
				City:    e.at("location", "city").text(),
				ASN:     e.at("autonomousSystem", "number").text(),
				ASNOrg:  e.at("autonomousSystem", "name").text(),
			},
		})
	}
	for _, g := range n.at("signals").list() {
		var domains, tactics, ids []string
		for _, i := range g.at("signalIndicators").list() {
			values := i.at("values").texts()
			switch i.at("key").text() {
			case "MALICIOUS_DOMAIN", "CRYPTOMINING_DOMAIN":
				domains = append(domains, values...)
			case "ATTACK_TACTIC":
				tactics = append(tactics, values...)
			case "ATTACK_TECHNIQUE":
				ids = append(ids, techniqueIDs(values)...)
			}
		}
		s.Signals = append(s.Signals, Signal{
			UID:          g.at("uid").text(),
			Type:         g.at("type").text(),
			Name:         g.at("name").text(),
			Description:  g.at("description").text(),
			Severity:     g.at("severity").number(),
			Created:      g.at("createdAt").time(),
			FirstSeen:    g.at("firstSeenAt").time(),
			LastSeen:     g.at("lastSeenAt").time(),
			Count:        g.at("count").whole(),
			ActorIDs:     g.at("actorIds").texts(),
			ResourceUIDs: g.at("resourceUids").texts(),
			EndpointIDs:  g.at("endpointIds").texts(),
			Domains:      domains,
			Tactics:      tactics,
			Techniques:   sortedSet(ids),
		})
	}
	for _, i := range n.at("sequenceIndicators").list() {
		if i.at("key").text() == "ATTACK_TECHNIQUE" {
			s.Techniques = append(s.Techniques, techniqueIDs(i.at("values").texts())...)
		}
		s.Indicators = append(s.Indicators, Indicator{Key: i.at("key").text(), Title: i.at("title").text(), Values: i.at("values").texts()})
	}
	for _, r := range n.at("resources").list() {
		if uid := r.at("uid").text(); uid != "" {
			s.Resources = append(s.Resources, uid)
		}
		s.inScope(r)
	}
	for _, g := range s.Signals {
		s.Techniques = append(s.Techniques, g.Techniques...)
	}
	s.Techniques = sortedSet(s.Techniques)
	s.Instances, s.Interfaces, s.Clusters = sortedSet(s.Instances), sortedSet(s.Interfaces), sortedSet(s.Clusters)
	return s
}

// techniqueID begins a value that names a technique of MITRE ATT&CK: its id alone, or before its name.
var techniqueID = regexp.MustCompile(`^(T\d{4}(?:\.\d{3})?)(?:$|[^0-9A-Za-z.])`)

// techniqueIDs are the ids of techniques that values name. What has not their form is no technique:
// the values may be anybody's text.
func techniqueIDs(values []string) []string {
	var out []string
	for _, v := range values {
		if m := techniqueID.FindStringSubmatch(v); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

// inScope notes the machines and clusters that a resource is, or says that it consists of. A uid
// is an ARN or an id.
func (s *Sequence) inScope(r node) {
	uids := append([]string{r.at("uid").text()}, r.at("data", "ec2Instance", "ec2NetworkInterfaceUids").texts()...)
	for _, list := range []string{"eksCluster", "ecsCluster", "autoscalingAutoScalingGroup"} {
		uids = append(uids, r.at("data", list, "ec2InstanceUids").texts()...)
	}
	for _, uid := range uids {
		id := uid[strings.LastIndex(uid, "/")+1:]
		switch {
		case strings.HasPrefix(id, "i-"):
			s.Instances = append(s.Instances, id)
		case strings.HasPrefix(id, "eni-"):
			s.Interfaces = append(s.Interfaces, id)
		}
	}
	if r.at("resourceType").text() == "EKS_CLUSTER" {
		uid := r.at("uid").text()
		if name := first(r.at("name").text(), uid[strings.LastIndex(uid, "/")+1:]); name != "" {
			s.Clusters = append(s.Clusters, name)
		}
	}
}

// sortedSet is each text once, nil for none.
func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
