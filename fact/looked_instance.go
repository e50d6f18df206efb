package fact

import (
	"fmt"
	"net/netip"

	"uratori/evidence"
)

// groupsOfInstance is the call that tells what security groups let in (Amazon EC2 API Reference).
const groupsOfInstance = "ec2:DescribeSecurityGroups"

var lookedInstanceDefs = []Def{
	{Key: "finding.instance_exists", Looks: evidence.LookInstance, Rule: existed(evidence.LookInstance, "finding.instance_exists"), Type: Bool, Kind: External, JA: "インスタンスの存在", EN: "the instance exists", Says: "look-up: EC2 knows the instance now"},
	{Key: "finding.instance_state", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_state", nil, func(i evidence.LookedInstance, ref Ref) result {
		return toldLooked(i.State, ref)
	}), Type: Text, Kind: External, JA: "インスタンスの状態", EN: "state of the instance", Says: "look-up: as EC2 says it now"},
	{Key: "finding.instance_launched", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_launched", nil, func(i evidence.LookedInstance, ref Ref) result {
		if i.Launched == nil {
			return unknown(lookGap(evidence.LookInstance), ref)
		}
		return known(TimeOf(*i.Launched), ref)
	}), Type: Time, Kind: External, JA: "インスタンスの起動日時", EN: "instance launched", Says: "look-up: time of the latest launch"},
	{Key: "finding.instance_public_ip", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_public_ip", nil, func(i evidence.LookedInstance, ref Ref) result {
		if i.PublicIP == "" {
			return notApplicable(ref)
		}
		return known(IPOf(i.PublicIP), ref)
	}), Type: IP, Kind: External, JA: "インスタンスの公開IPアドレス", EN: "public address of the instance", Says: "look-up: as EC2 says it now"},
	{Key: "finding.instance_profile", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_profile", nil, func(i evidence.LookedInstance, ref Ref) result {
		return toldLooked(i.Profile, ref)
	}), Type: Text, Kind: External, JA: "インスタンスプロファイル", EN: "instance profile", Says: "look-up: ARN of the profile now"},
	{Key: "finding.instance_metadata_tokens", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_metadata_tokens", nil, func(i evidence.LookedInstance, ref Ref) result {
		if i.Metadata != "required" && i.Metadata != "optional" {
			return unknown(lookGap(evidence.LookInstance), ref)
		}
		return known(NameOf(i.Metadata), ref)
	}), Type: Name, Kind: External, JA: "インスタンスメタデータのトークン（IMDSv2）", EN: "tokens of the instance metadata service (IMDSv2)", Says: "look-up: HttpTokens of the instance now", Choices: []string{"required", "optional"}},
	{Key: "finding.instance_open_ports", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_open_ports", []string{groupsOfInstance}, func(i evidence.LookedInstance, ref Ref) result {
		return listed(openPorts(i), ref)
	}), Type: Texts, Kind: Computed, JA: "インターネットに開かれたポート", EN: "ports open to the Internet", Says: "look-up: rules of the instance's security groups whose source is every address, now; route and address are not considered"},
	{Key: "finding.instance_tags", Looks: evidence.LookInstance, Rule: ofInstance("finding.instance_tags", nil, func(i evidence.LookedInstance, ref Ref) result {
		return listed(tagged(i.Tags), ref)
	}), Type: Texts, Kind: External, JA: "インスタンスのタグ", EN: "tags of the instance", Says: "look-up: tags of the instance now"},
}

func ofInstance(key Key, parts []string, get func(i evidence.LookedInstance, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookInstance, key, parts, func(_ *view, b evidence.Body, ref Ref) result { return get(*b.Instance, ref) })
}

// openPorts are the rules that let every address in: a block of length zero.
func openPorts(i evidence.LookedInstance) (open []string) {
	for _, g := range i.Groups {
		for _, in := range g.Ingress {
			p, err := netip.ParsePrefix(in.Source)
			if err != nil || p.Bits() != 0 {
				continue
			}
			ports := fmt.Sprintf("%s %d-%d", in.Protocol, in.From, in.To)
			switch {
			case in.Protocol == "-1":
				ports = "all"
			case in.From == in.To:
				ports = fmt.Sprintf("%s %d", in.Protocol, in.From)
			}
			open = append(open, fmt.Sprintf("%s from %s (%s)", ports, in.Source, g.ID))
		}
	}
	return open
}
